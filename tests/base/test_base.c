/* base: errors, memory, text, time, zones, chance, threads, JSON. */
#include "check.h"

#include "clade/json.h"
#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>

static void an_error_is_cut_on_a_character_and_keeps_its_own_arguments(void **state)
{
    (void)state;
    clade_error err = { 0 };
    char        longer[1200];
    for (size_t i = 0; i + 3 <= sizeof longer; i += 3)
        memcpy(longer + i, "\xE9\x94\x99", 3);
    longer[1197] = '\0';

    assert_int_equal(clade_fail(&err, CLADE_ERR_IO, "x%s", longer), CLADE_ERR_IO);
    assert_int_equal(clade_utf8_valid(err.message, strlen(err.message)), strlen(err.message));

    clade_fail(&err, CLADE_ERR_DATA, "price is -3");
    clade_fail(&err, CLADE_ERR_DATA, "line %d: %s", 7, err.message);
    assert_string_equal(err.message, "line 7: price is -3");
    clade_fail_at(&err, CLADE_ERR_DATA, "%s: ", "a.csv");
    assert_string_equal(err.message, "a.csv: line 7: price is -3");
    assert_int_equal(clade_fail(NULL, CLADE_ERR_NOMEM, "nobody listens"), CLADE_ERR_NOMEM);
}

static void an_arena_gives_back_to_a_mark_and_refuses_what_cannot_be(void **state)
{
    (void)state;
    clade_arena           *arena = clade_arena_create(1024);
    const clade_arena_mark mark  = clade_arena_save(arena);
    char                  *a     = CLADE_ARENA_NEW(arena, char, 100);
    assert_int_equal((uintptr_t)a % 64, 0);
    memset(a, 1, 100);
    for (int i = 0; i < 50; i++)
        assert_non_null(CLADE_ARENA_NEW(arena, double, 77));
    assert_true(clade_arena_used(arena) >= 50 * 77 * 8);
    clade_arena_restore(arena, mark);
    assert_int_equal(clade_arena_used(arena), 0);
    const char *again = CLADE_ARENA_NEW(arena, char, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    assert_null(clade_arena_alloc(arena, SIZE_MAX / 2, 3));
    assert_null(clade_alloc(SIZE_MAX, 2));
    clade_arena_free(arena);
}

static void trimming_knows_the_blanks_of_other_scripts(void **state)
{
    (void)state;
    const clade_text t = clade_text_trim(CLADE_TEXT("\xEF\xBB\xBF \xE3\x80\x80 a b\xC2\xA0\r\n"));
    assert_true(clade_text_equal(t, CLADE_TEXT("a b")));
    assert_int_equal(clade_text_trim(CLADE_TEXT(" \t ")).size, 0);
}

static void utf8_refuses_overlong_forms_and_surrogates(void **state)
{
    (void)state;
    assert_int_equal(clade_utf8_valid("abc\xC0\x80", 5), 3);
    assert_int_equal(clade_utf8_valid("\xED\xA0\x80", 3), 0);
    assert_int_equal(clade_utf8_valid("\xF4\x90\x80\x80", 4), 0);
    assert_int_equal(clade_utf8_valid("12345678\xE8\xAE\xA2\xE5\x8D", 13), 11);
    for (uint32_t point = 1; point < 0x110000; point += 7) { /* law: decode undoes encode */
        char     bytes[4];
        uint32_t back = 0;
        if (point >= 0xD800 && point <= 0xDFFF) continue;
        const size_t n = clade_utf8_encode(bytes, point);
        assert_int_equal(clade_utf8_decode(&back, bytes, n), n);
        assert_int_equal(back, point);
    }
    assert_int_equal(clade_utf8_width("abc"), 3);
    assert_int_equal(clade_utf8_width("\xE8\xAE\xA2\xE5\x8D\x95x"), 5);
}

static void a_slip_of_the_finger_finds_the_verb_that_was_meant(void **state)
{
    (void)state;
    const char *const verbs[] = { "load", "segment", "customer", "report", "replay" };
    assert_string_equal(clade_text_nearest("laod", verbs, 5), "load");
    assert_string_equal(clade_text_nearest("segmnet", verbs, 5), "segment");
    assert_string_equal(clade_text_nearest("cust", verbs, 5), "customer");
    assert_null(clade_text_nearest("xyzzy", verbs, 5));
}

static void money_is_written_with_the_digits_of_its_currency(void **state)
{
    (void)state;
    char out[40];
    clade_money_format(out, 123456789, "USD", true);
    assert_string_equal(out, "1,234,567.89");
    clade_money_format(out, -5, "GBP", false);
    assert_string_equal(out, "-0.05");
    clade_money_format(out, 1234, "JPY", true);
    assert_string_equal(out, "1,234");
    clade_money_format(out, INT64_MIN, "KWD", false);
    assert_string_equal(out, "-9223372036854775.808");
}

static void civil_dates_and_moments_are_two_names_of_one_thing(void **state)
{
    (void)state;
    assert_int_equal(clade_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(clade_days_from_civil(2000, 3, 1), 11017);
    clade_rng rng = clade_rng_stream(3, "test/time", 0);
    for (int i = 0; i < 20000; i++) {
        const int64_t us =
            CLADE_TIME_MIN_US +
            (int64_t)clade_rng_below(&rng, (uint64_t)(CLADE_TIME_MAX_US - CLADE_TIME_MIN_US));
        const clade_civil c = clade_civil_from_us(us);
        assert_true(clade_civil_valid(c));
        assert_int_equal(clade_us_from_civil(c), us);
        char    text[40];
        int64_t back = 0;
        clade_time_format(text, us);
        check_ok(clade_time_parse(&back, text, NULL));
        assert_int_equal(back, us);
    }
    assert_false(clade_civil_valid((clade_civil){ 2011, 2, 29, 0, 0, 0, 0 }));
    assert_true(clade_civil_valid((clade_civil){ 2000, 2, 29, 0, 0, 0, 0 }));
}

static void moments_that_are_none_are_refused_by_name(void **state)
{
    (void)state;
    clade_error err = { 0 };
    int64_t     us  = 7;
    assert_int_equal(clade_time_parse(&us, "2011-02-30", &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "2011-02-30"));
    assert_int_equal(clade_time_parse(&us, "11-02-03", &err), CLADE_ERR_ARG);
    assert_int_equal(us, 7);
    check_ok(clade_time_parse(&us, "2011-09-10T08:00:00+08:00", &err));
    assert_int_equal(us, INT64_C(1315612800000000));
    check_ok(clade_duration_parse(&us, "90d", &err));
    assert_int_equal(us, 90 * CLADE_US_PER_DAY);
    assert_int_equal(clade_duration_parse(&us, "90", &err), CLADE_ERR_ARG);
}

static int64_t moment(const char *text)
{
    int64_t us = 0;
    check_ok(clade_time_parse(&us, text, NULL));
    return us;
}

static void a_zone_knows_its_summer_and_what_its_clock_skips(void **state)
{
    (void)state;
    clade_zone *london = NULL, *fixed = NULL, *shanghai = NULL;
    clade_error err = { 0 };
    check_ok(clade_zone_open(&london, "Europe/London", &err));
    assert_int_equal(clade_zone_to_utc(london, moment("2011-01-10T12:00:00Z")),
                     moment("2011-01-10T12:00:00Z"));
    assert_int_equal(clade_zone_to_utc(london, moment("2011-07-10T12:00:00Z")),
                     moment("2011-07-10T11:00:00Z"));
    /* Clocks went from 01:00 to 02:00 on 2011-03-27, and back from 02:00 to 01:00 on 2011-10-30. */
    assert_int_equal(clade_zone_to_utc(london, moment("2011-03-27T01:30:00Z")),
                     moment("2011-03-27T01:30:00Z"));
    assert_int_equal(clade_zone_to_utc(london, moment("2011-10-30T01:30:00Z")),
                     moment("2011-10-30T00:30:00Z"));
    /* Past the end of the table the footer's rule counts. */
    assert_int_equal(clade_zone_to_local(london, moment("2061-07-10T11:00:00Z")),
                     moment("2061-07-10T12:00:00Z"));
    for (int64_t us = moment("2011-01-01"); us < moment("2012-01-01"); us += 1800 * 1000000ll) {
        const int64_t local = clade_zone_to_local(london, us);
        const int64_t back =
            clade_zone_to_utc(london, local); /* equal but in the hour told twice */
        assert_true(back == us || back == us - CLADE_US_PER_HOUR);
    }
    check_ok(clade_zone_open(&fixed, "+08:00", &err));
    check_ok(clade_zone_open(&shanghai, "Asia/Shanghai", &err));
    const int64_t noon = moment("2011-11-11T12:00:00Z");
    assert_int_equal(clade_zone_to_utc(fixed, noon), clade_zone_to_utc(shanghai, noon));
    clade_zone *none = NULL;
    assert_int_equal(clade_zone_open(&none, "../../etc/passwd", &err), CLADE_ERR_ARG);
    assert_int_equal(clade_zone_open(&none, "Mars/Olympus", &err), CLADE_ERR_ARG);
    assert_null(none);
    clade_zone_close(london);
    clade_zone_close(fixed);
    clade_zone_close(shanghai);
}

static void draw_i_depends_on_seed_name_index_and_i_alone(void **state)
{
    (void)state;
    clade_rng a = clade_rng_stream(42, "train/dropout", 3), b = a;
    for (int i = 0; i < 10; i++)
        (void)clade_rng_u64(&a);
    const uint64_t eleventh = clade_rng_u64(&a);
    b.counter               = 5; /* two draws a block */
    assert_true(clade_rng_u64(&b) == eleventh);
    clade_rng other = clade_rng_stream(42, "train/dropout", 4);
    clade_rng same  = clade_rng_stream(42, "train/dropout", 3);
    assert_false(clade_rng_u64(&other) == clade_rng_u64(&same));
}

/* Means and variances of a million draws lie within six standard errors of theory. */
static void chance_has_the_moments_it_promises(void **state)
{
    (void)state;
    enum { N = 200000 };
    clade_rng rng    = clade_rng_stream(7, "test/moments", 0);
    double    sum[5] = { 0 }, square[5] = { 0 };
    for (int i = 0; i < N; i++) {
        const double x[5] = { clade_rng_uniform(&rng), clade_rng_normal(&rng),
                              clade_rng_gamma(&rng, 0.7), (double)clade_rng_poisson(&rng, 47.3),
                              (double)clade_rng_below(&rng, 7) };
        for (int k = 0; k < 5; k++) {
            sum[k] += x[k];
            square[k] += x[k] * x[k];
        }
    }
    const double mean[5]     = { 0.5, 0, 0.7, 47.3, 3 };
    const double variance[5] = { 1.0 / 12, 1, 0.7, 47.3, 4 };
    for (int k = 0; k < 5; k++) {
        const double m = sum[k] / N, v = square[k] / N - m * m;
        assert_true(fabs(m - mean[k]) < 6 * sqrt(variance[k] / N));
        assert_true(fabs(v / variance[k] - 1) < 0.05);
    }
}

typedef struct sum_task {
    uint64_t square[1000];
} sum_task;

static void square_task(size_t i, int worker, void *context)
{
    assert_true(worker >= 0 && worker < 4);
    ((sum_task *)context)->square[i] = (uint64_t)i * i;
}

static void a_parallel_loop_does_every_task_once(void **state)
{
    (void)state;
    clade_threads_set(4);
    for (int round = 0; round < 200; round++) {
        sum_task task = { 0 };
        clade_parallel(1000, square_task, &task);
        for (uint64_t i = 0; i < 1000; i++)
            assert_int_equal(task.square[i], i * i);
    }
    clade_threads_set(0);
}

static void json_reads_back_what_was_written(void **state)
{
    (void)state;
    clade_buffer    out   = { 0 };
    clade_json      json  = clade_json_start(&out, 2);
    clade_arena    *arena = clade_arena_create(0);
    clade_json_tree tree  = { 0 };
    clade_json_object(&json);
    clade_json_put_text(&json, "na\"me", "\xE8\xAE\xA2\n\x01\\");
    clade_json_put_number(&json, "third", 1.0 / 3);
    clade_json_put_int(&json, "big", INT64_MIN);
    clade_json_put_number(&json, "none", NAN);
    clade_json_key(&json, "list");
    clade_json_array(&json);
    clade_json_bool(&json, true);
    clade_json_array(&json);
    clade_json_array_end(&json);
    clade_json_array_end(&json);
    clade_json_object_end(&json);
    assert_false(out.failed);

    check_ok(clade_json_parse(&tree, (clade_text){ out.data, out.size }, arena, NULL));
    const clade_json_node *root = tree.node;
    assert_true(clade_text_equal(clade_json_get(&tree, root, "na\"me")->text,
                                 CLADE_TEXT("\xE8\xAE\xA2\n\x01\\")));
    assert_true(clade_json_get(&tree, root, "third")->number == 1.0 / 3);
    assert_true(clade_text_equal(clade_json_get(&tree, root, "big")->text,
                                 CLADE_TEXT("-9223372036854775808")));
    assert_int_equal(clade_json_get(&tree, root, "none")->type, CLADE_JSON_NULL);
    assert_int_equal(clade_json_get(&tree, root, "list")->n, 2);
    assert_null(clade_json_get(&tree, root, "nothing"));
    clade_buffer_free(&out);
    clade_arena_free(arena);
}

static void json_that_is_none_is_refused_where_it_breaks(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "{",       "[1,]",         "{\"a\":1,}", "01",  "1.",
        "tru",       "\"\\x\"", "\"\\ud800\"",  "[1 2]",      "nan", "\"a\nb\"",
        "{\"a\" 1}", "1 2",     "\"\xC0\x80\"", "-",          "+1"
    };
    clade_arena *arena = clade_arena_create(0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        clade_json_tree tree = { 0 };
        clade_error     err  = { 0 };
        assert_int_equal(clade_json_parse(&tree, clade_text_of(bad[i]), arena, &err),
                         CLADE_ERR_DATA);
        assert_true(err.message[0] != '\0');
        assert_null(tree.node);
    }
    char deep[300];
    memset(deep, '[', sizeof deep);
    clade_json_tree tree = { 0 };
    assert_int_equal(clade_json_parse(&tree, (clade_text){ deep, sizeof deep }, arena, NULL),
                     CLADE_ERR_DATA);
    clade_json_tree pair = { 0 };
    check_ok(clade_json_parse(&pair, CLADE_TEXT(" \"\\ud83d\\ude00\" "), arena, NULL));
    assert_true(clade_text_equal(pair.node[0].text, CLADE_TEXT("\xF0\x9F\x98\x80")));
    clade_arena_free(arena);
}

static void a_hash_of_pieces_is_the_hash_of_the_whole(void **state)
{
    (void)state;
    char bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * i % 251);
    for (size_t step = 1; step < 400; step += 13) {
        clade_hasher *hasher = clade_hasher_create();
        assert_non_null(hasher);
        for (size_t at = 0; at < sizeof bytes; at += step) {
            const size_t left = sizeof bytes - at;
            assert_true(clade_hasher_value(hasher) == clade_hash64(bytes, at, 0));
            clade_hasher_add(hasher, bytes + at, left < step ? left : step);
        }
        assert_true(clade_hasher_value(hasher) == clade_hash64(bytes, sizeof bytes, 0));
        clade_hasher_free(hasher);
    }
    clade_hasher_free(NULL);
}

static void members_are_taken_by_type_and_the_first_that_is_wrong_is_named(void **state)
{
    (void)state;
    static const char text[] = "{\"n\": 3, \"minus\": -1, \"none\": null, \"yes\": true,"
                               " \"at\": \"2011-09-10T00:00:00Z\", \"name\": \"outlook\"}";
    clade_error       err    = { 0 };
    clade_json_tree   tree   = { 0 };
    clade_arena      *arena  = clade_arena_create(0);
    char              name[4];
    int64_t           at_us = 0;
    check_ok(clade_json_parse(&tree, clade_text_of(text), arena, &err));
    clade_json_reader r = { &tree, "card.json", &err, CLADE_OK };
    assert_int_equal(clade_json_take_size(&r, tree.node, "n"), 3);
    assert_int_equal(clade_json_take_size(&r, tree.node, "minus"), 0);
    assert_true(clade_json_take_bool(&r, tree.node, "yes"));
    assert_true(isnan(clade_json_take_real(&r, tree.node, "none")));
    assert_true(isnan(clade_json_take_real(&r, tree.node, "nobody")));
    clade_json_take_text(name, sizeof name, &r, tree.node, "name");
    assert_string_equal(name, "out");
    clade_json_take_moment(&at_us, &r, tree.node, "at");
    assert_int_equal(at_us, INT64_C(1315612800000000));
    assert_int_equal(r.status, CLADE_OK);
    assert_true(clade_json_take_number(&r, tree.node, "name") == 0);
    assert_false(clade_json_take_bool(&r, tree.node, "n"));
    assert_int_equal(r.status, CLADE_ERR_DATA);
    assert_string_equal(err.message, "card.json: 'name' is missing or of another type");
    clade_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_taken_by_type_and_the_first_that_is_wrong_is_named),
        cmocka_unit_test(an_error_is_cut_on_a_character_and_keeps_its_own_arguments),
        cmocka_unit_test(an_arena_gives_back_to_a_mark_and_refuses_what_cannot_be),
        cmocka_unit_test(trimming_knows_the_blanks_of_other_scripts),
        cmocka_unit_test(utf8_refuses_overlong_forms_and_surrogates),
        cmocka_unit_test(a_slip_of_the_finger_finds_the_verb_that_was_meant),
        cmocka_unit_test(a_hash_of_pieces_is_the_hash_of_the_whole),
        cmocka_unit_test(money_is_written_with_the_digits_of_its_currency),
        cmocka_unit_test(civil_dates_and_moments_are_two_names_of_one_thing),
        cmocka_unit_test(moments_that_are_none_are_refused_by_name),
        cmocka_unit_test(a_zone_knows_its_summer_and_what_its_clock_skips),
        cmocka_unit_test(draw_i_depends_on_seed_name_index_and_i_alone),
        cmocka_unit_test(chance_has_the_moments_it_promises),
        cmocka_unit_test(a_parallel_loop_does_every_task_once),
        cmocka_unit_test(json_reads_back_what_was_written),
        cmocka_unit_test(json_that_is_none_is_refused_where_it_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
