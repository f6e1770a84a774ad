/* The tape: what is on it, what is refused and where, and that it says what the tree says. */
#include "check.h"

#include "clade/json_tape.h"
#include "clade/run.h"

#include <stdlib.h>

static clade_json_tape tape;
static clade_arena    *arena;

static clade_status read_tape(const char *text, clade_error *err)
{
    return clade_json_tape_read(&tape, clade_text_of(text), err);
}

static bool spells(clade_text text, const char *wanted)
{
    return clade_text_equal(text, clade_text_of(wanted));
}

static void a_tape_holds_values_in_order_and_steps_over_what_nobody_wants(void **state)
{
    (void)state;
    check_ok(read_tape(" {\"a\": [1, \"x\", {}], \"b\" : -2.50e+1 ,\"c\":true} ", NULL));
    assert_int_equal(tape.n, 10);
    assert_int_equal(tape.cell[0].type, CLADE_JSON_OBJECT);
    assert_int_equal(clade_json_tape_count(&tape, 0), 3);
    assert_int_equal(clade_json_tape_count(&tape, 2), 3);
    assert_int_equal(tape.cell[2].next, 6); /* behind the array */
    assert_true(spells(clade_json_tape_raw(&tape, 2), "[1, \"x\", {}]"));
    assert_true(spells(clade_json_tape_raw(&tape, 7), "-2.50e+1"));
    size_t n = 0;
    CLADE_JSON_EACH_MEMBER(&tape, 0, key)
    {
        assert_true(
            spells(clade_json_tape_raw(&tape, key), (const char *[]){ "a", "b", "c" }[n++]));
    }
    assert_int_equal(n, 3);
    assert_true(tape.cell[9].boolean);
}

static void escapes_are_decoded_and_halves_of_pairs_become_one_mark(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        { "\"\\u00e9\\n\\\"\\\\\\/\\b\\f\\r\\t\"", "\xC3\xA9\n\"\\/\b\f\r\t" },
        { "\"\\ud83d\\ude00!\"", "\xF0\x9F\x98\x80!" },
        { "\"a\\ud83d\"", "a\xEF\xBF\xBD" }, /* cut in the middle of an emoji */
        { "\"\\ude00b\"", "\xEF\xBF\xBD"
                          "b" },
        { "\"\\ud83d\\ud83d\\ude00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80" },
        { "\"\\u0000\"", "\xEF\xBF\xBD" },
        { "\"\\uD83D\\u0041\"", "\xEF\xBF\xBD"
                                "A" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_ok(read_tape(cases[i].json, NULL));
        assert_true(spells(clade_json_tape_text(&tape, 0, arena), cases[i].text));
    }
}

static void what_is_no_json_is_refused_with_byte_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } cases[] = {
        { "", "JSON ends at byte 0, line 1, where a value was expected" },
        { "{\n\"a\":1,}", "JSON byte 9, line 2: a text in quotes was expected" },
        { "[1 2]", "JSON byte 4, line 1: a comma or ] was expected" },
        { "{\"a\" 1}", "JSON byte 6, line 1: a colon was expected" },
        { "[01]", "JSON byte 3, line 1: a comma or ] was expected" },
        { "[+1]", "JSON byte 2, line 1: a value was expected" },
        { "[1.]", "JSON byte 4, line 1: a digit behind the point was expected" },
        { "[-]", "JSON byte 3, line 1: a digit was expected" },
        { "[1e]", "JSON byte 4, line 1: a digit in the exponent was expected" },
        { "[,1]", "JSON byte 2, line 1: a value was expected" },
        { "[1,]", "JSON byte 4, line 1: a value was expected" },
        { "nul", "JSON byte 1, line 1: a value was expected" },
        { "\"a\tb\"", "JSON byte 3, line 1: a text without control characters was expected" },
        { "\"\\x\"", "JSON byte 3, line 1: an escape was expected" },
        { "\"\\u12g4\"", "JSON byte 3, line 1: \\u with four hexadecimal digits was expected" },
        { "\"abcdefghijkl", "JSON ends at byte 13, line 1, where the closing quote was expected" },
        { "{}\n\n{}", "JSON byte 5, line 3: the end was expected" },
        { "[1}", "JSON byte 3, line 1: a comma or ] was expected" },
        { "[\"\xC3(\"]", "JSON byte 3, line 1: valid UTF-8 was expected" },
        { "[\"\xED\xA0\x80\"]", "JSON byte 3, line 1: valid UTF-8 was expected" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_error err = { 0 };
        assert_int_equal(read_tape(cases[i].json, &err), CLADE_ERR_DATA);
        assert_string_equal(err.message, cases[i].message);
    }
}

static void sixty_four_levels_are_read_and_one_more_is_refused(void **state)
{
    (void)state;
    char text[2 * 65 + 1] = { 0 };
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    check_ok(read_tape(text, NULL));
    assert_int_equal(tape.n, 64);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_int_equal(read_tape(text, NULL), CLADE_ERR_DATA);
}

static void of_two_members_of_a_name_a_walk_keeps_the_last(void **state)
{
    (void)state;
    uint32_t found = 0;
    check_ok(read_tape("{\"a\":1,\"a\":{\"a\":3},\"a\":2}", NULL));
    CLADE_JSON_EACH_MEMBER(&tape, 0, key) found = key + 1;
    assert_true(spells(clade_json_tape_raw(&tape, found), "2"));
}

/* ---------------------------------------------------------------- beside the tree */

/* A random value, mostly valid: texts with escapes and long plain runs, numbers, nests. */
static void grow(clade_buffer *out, clade_rng *rng, int depth)
{
    static const char *const leaf[] = { "0",
                                        "-1.5e3",
                                        "true",
                                        "false",
                                        "null",
                                        "\"\"",
                                        "\"x\"",
                                        "\"\\u00e9\\n\"",
                                        "12345678901234567890",
                                        "\"a long text without any escape in it\"",
                                        "\"one with a \\\" in the middle of it\"",
                                        "\"\xE5\xBC\xA0\"" };
    const uint64_t           kind   = clade_rng_below(rng, depth > 5 ? 8 : 12);
    if (kind < 8) {
        clade_buffer_text(out, leaf[clade_rng_below(rng, sizeof leaf / sizeof leaf[0])]);
        return;
    }
    const bool     object = kind % 2 == 0;
    const uint64_t n      = clade_rng_below(rng, 5);
    clade_buffer_text(out, object ? "{" : "[");
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0) clade_buffer_text(out, " ,\n");
        if (object) clade_buffer_format(out, "\"k%d\" :", (int)clade_rng_below(rng, 3));
        grow(out, rng, depth + 1);
    }
    clade_buffer_text(out, object ? "}" : "]");
}

static void equal_values(const clade_json_tree *tree, size_t node, uint32_t cell)
{
    const clade_json_node *const a = &tree->node[node];
    const clade_json_cell *const b = &tape.cell[cell];
    assert_int_equal(a->type, b->type);
    if (a->type == CLADE_JSON_NUMBER)
        assert_true(clade_text_equal(a->text, clade_json_tape_raw(&tape, cell)));
    if (a->type == CLADE_JSON_TEXT)
        assert_true(clade_text_equal(a->text, clade_json_tape_text(&tape, cell, arena)));
    if (a->type == CLADE_JSON_BOOL) assert_int_equal(a->boolean, b->boolean);
    if (a->type < CLADE_JSON_ARRAY) return;
    const bool object = a->type == CLADE_JSON_OBJECT;
    assert_int_equal(a->n, clade_json_tape_count(&tape, cell));
    size_t child = node + 1;
    for (uint32_t at = cell + 1; at < b->next;) {
        if (object)
            assert_true(clade_text_equal(tree->node[child].key, clade_json_tape_raw(&tape, at++)));
        equal_values(tree, child, at);
        child = tree->node[child].next;
        at    = tape.cell[at].next;
    }
    assert_int_equal(child, a->next);
}

/* One byte is changed in half of the texts: both must accept or both refuse. Where the tree is
 * stricter (half a pair, NUL) none of the leaves goes. */
static void the_tape_says_what_the_tree_says_of_random_texts(void **state)
{
    (void)state;
    clade_rng    rng    = clade_rng_stream(7, "test/json_tape", 0);
    clade_buffer text   = { 0 };
    int          n_good = 0, n_bad = 0;
    for (int i = 0; i < 20000; i++) {
        clade_json_tree        tree = { 0 };
        const clade_arena_mark mark = clade_arena_save(arena);
        clade_buffer_clear(&text);
        grow(&text, &rng, 0);
        if (i % 2 == 1) {
            static const char other[] = "{}[],:\"\\x0\x01-e.\xC3";
            text.data[clade_rng_below(&rng, text.size)] =
                other[clade_rng_below(&rng, sizeof other - 1)];
        }
        const clade_text   whole = { text.data, text.size };
        const clade_status a     = clade_json_parse(&tree, whole, arena, NULL);
        const clade_status b     = clade_json_tape_read(&tape, whole, NULL);
        assert_int_equal(a, b);
        if (a == CLADE_OK) equal_values(&tree, 0, 0);
        n_good += a == CLADE_OK;
        n_bad += a != CLADE_OK;
        clade_arena_restore(arena, mark);
    }
    assert_true(n_good > 10000 && n_bad > 2000);
    clade_buffer_free(&text);
}

static int start(void **state)
{
    (void)state;
    arena = clade_arena_create(0);
    return arena == NULL;
}

static int stop(void **state)
{
    (void)state;
    clade_arena_free(arena);
    clade_json_tape_free(&tape);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tape_holds_values_in_order_and_steps_over_what_nobody_wants),
        cmocka_unit_test(escapes_are_decoded_and_halves_of_pairs_become_one_mark),
        cmocka_unit_test(what_is_no_json_is_refused_with_byte_and_line),
        cmocka_unit_test(sixty_four_levels_are_read_and_one_more_is_refused),
        cmocka_unit_test(of_two_members_of_a_name_a_walk_keeps_the_last),
        cmocka_unit_test(the_tape_says_what_the_tree_says_of_random_texts),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
