/* Runs leave a manifest, whatever becomes of them; the data hash knows content and nothing else. */
#include "check.h"
#include "clade/json.h"
#include "clade/run.h"
#include "clade/store.h"

#include <stdlib.h>
#include <unistd.h>

static char         folder[256];
static clade_error  err;
static clade_store *store;

static clade_store *open_named(const char *name, int n_threads)
{
    const clade_store_options options = { .create       = true,
                                          .n_threads    = n_threads,
                                          .memory_bytes = 512 << 20 };
    char                      path[300];
    clade_store              *made = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (clade_store_open(&made, path, &options, &err) != CLADE_OK) fail_msg("%s", err.message);
    return made;
}

static int setup(void **state)
{
    (void)state;
    check_folder_make(folder, "runs");
    store = open_named("my.clade", 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
    return 0;
}

static void run_on(clade_store *at, const char *sql)
{
    if (clade_store_run(at, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void read_file(char *out, size_t size, const char *name)
{
    char path[600];
    check_ok(clade_store_path(path, sizeof path, store, name, &err));
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s is missing", path);
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void member_is(const char *json, const char *key, const char *want)
{
    clade_arena    *arena = clade_arena_create(0);
    clade_json_tree tree;
    check_ok(clade_json_parse(&tree, clade_text_of(json), arena, &err));
    const clade_json_node *node = clade_json_get(&tree, &tree.node[0], key);
    assert_non_null(node);
    if (!clade_text_equal(node->text, clade_text_of(want)))
        fail_msg("%s is %.*s, not %s", key, (int)node->text.size, node->text.data, want);
    clade_arena_free(arena);
}

static void a_run_says_what_it_was(void **state)
{
    (void)state;
    clade_run *run = NULL;
    char       text[4000];
    check_ok(clade_run_begin(&run, store, "load", UINT64_C(18446744073709551557), &err));
    assert_int_equal(clade_run_number(run), 1);
    read_file(text, sizeof text, "runs/000001-load.json");
    member_is(text, "status", "running");
    clade_run_note(run, "as_of", "2011-09-10T00:00:00Z");
    clade_run_note(run, "file", "first");
    clade_run_note(run, "file", "orders \"2011\".csv"); /* the last word counts */
    clade_run_note_number(run, "rows", 2.385);
    check_ok(clade_run_finish(run, &err));
    clade_run_free(run);

    read_file(text, sizeof text, "runs/000001-load.json");
    member_is(text, "status", "done");
    member_is(text, "verb", "load");
    member_is(text, "seed", "18446744073709551557");
    assert_non_null(strstr(text, "\"data_hash\": \""));
    assert_non_null(strstr(text, "\"file\": \"orders \\\"2011\\\".csv\""));
    assert_non_null(strstr(text, "\"rows\": 2.385"));
    assert_null(strstr(text, "first"));
}

static void a_list_keeps_every_entry_in_order(void **state)
{
    (void)state;
    clade_run *run = NULL;
    char       text[4000], flat[4000];
    size_t     n = 0;
    check_ok(clade_run_begin(&run, store, "load", 7, &err));
    clade_run_note_entry(run, "files", "b.csv");
    clade_run_note(run, "zone", "Asia/Shanghai");
    clade_run_note_entry(run, "map", "x=order");
    clade_run_note_entry(run, "files", "a.csv");
    clade_run_note_entry(run, "map", "y=item");
    clade_run_note_entry(run, "files", "b.csv"); /* twice is twice */
    clade_run_note(run, "zone", "+08:00");
    clade_run_free(run); /* failed: what was noted stays */
    read_file(text, sizeof text, "runs/000001-load.json");
    for (const char *c = text; *c != '\0'; c++)
        if (*c != ' ' && *c != '\n') flat[n++] = *c;
    flat[n] = '\0';
    assert_non_null(strstr(flat, "\"notes\":{\"files\":[\"b.csv\",\"a.csv\",\"b.csv\"],"
                                 "\"zone\":\"+08:00\",\"map\":[\"x=order\",\"y=item\"]}"));
}

static void a_run_that_fails_is_on_record_and_its_number_is_used_up(void **state)
{
    (void)state;
    clade_run *run = NULL;
    char       text[4000];
    check_ok(clade_run_begin(&run, store, "segment", 7, &err));
    clade_run_free(run);
    read_file(text, sizeof text, "runs/000001-segment.json");
    member_is(text, "status", "failed");

    clade_store_close(store);
    store = open_named("my.clade", 2);
    check_ok(clade_run_begin(&run, store, "../etc/X", 7, &err)); /* a name stays in its folder */
    assert_int_equal(clade_run_number(run), 2);
    check_ok(clade_run_finish(run, &err));
    clade_run_free(run);
    read_file(text, sizeof text, "runs/000002----etc--.json");
}

/* ---------------------------------------------------------------- data hash */

static uint64_t hash_of(clade_store *at)
{
    uint64_t hash = 0;
    if (clade_store_data_hash(&hash, at, &err) != CLADE_OK) fail_msg("%s", err.message);
    return hash;
}

/* Rows first .. last of one and the same shop; numbers of events, customers and items are given in
 * the order of loading, as a load does. */
static void load_rows(clade_store *at, const char *order)
{
    char sql[1600];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO item (item, ref, price_minor, known_us, load) SELECT row_number() OVER "
        "(ORDER BY range %s), 'sku' || range, range * 7, 0, 1 FROM range(50);"
        "INSERT INTO event (event, customer, at_us, kind, item, quantity, amount_minor, currency, "
        "row_key, load) SELECT row_number() OVER (ORDER BY range %s), range %% 90, range * 1000, "
        "'purchase', range %% 50, 1.5, range * 3, 'EUR', hash(range), 1 FROM range(200000);"
        "INSERT INTO rival_price SELECT 'rival', i.item, 5, i.price_minor - 1, 'EUR', 1 FROM item "
        "i ORDER BY ref %s",
        order, order, order);
    run_on(at, sql);
}

static void equal_data_has_an_equal_hash_in_any_order_on_any_threads(void **state)
{
    (void)state;
    clade_store   *other = open_named("other.clade", 1);
    const uint64_t empty = hash_of(store);
    load_rows(store, "ASC");
    load_rows(other, "DESC");
    assert_true(hash_of(store) == hash_of(other));
    assert_true(hash_of(store) != empty);
    clade_store_close(other);
}

static void any_change_of_the_data_changes_the_hash(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE event SET amount_minor = amount_minor + 1 WHERE row_key = hash(777)",
        "DELETE FROM event WHERE row_key = hash(778)",
        "INSERT INTO event SELECT * FROM event WHERE row_key = hash(779)", /* twice is not once */
        "INSERT INTO event SELECT * FROM event WHERE row_key = hash(779)",
        "UPDATE item SET ref = 'other' WHERE ref = 'sku7'",
        "INSERT INTO customer VALUES (3, 'tier', 'gold', NULL, 0, 1)",
        "UPDATE customer SET value = NULL",
        "INSERT INTO label VALUES (3, NULL, 'fraud', 1, 0, 1)",
    };
    uint64_t seen[16];
    load_rows(store, "ASC");
    seen[0] = hash_of(store);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        run_on(store, changes[i]);
        seen[i + 1] = hash_of(store);
        for (size_t j = 0; j <= i; j++)
            if (seen[j] == seen[i + 1]) fail_msg("no change by: %s", changes[i]);
    }
    run_on(store, "INSERT INTO flag VALUES ('bot', 3, NULL, 0, 'derived')");
    assert_true(hash_of(store) == seen[sizeof changes / sizeof changes[0]]);
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_run_says_what_it_was),
        STORE_TEST(a_list_keeps_every_entry_in_order),
        STORE_TEST(a_run_that_fails_is_on_record_and_its_number_is_used_up),
        STORE_TEST(equal_data_has_an_equal_hash_in_any_order_on_any_threads),
        STORE_TEST(any_change_of_the_data_changes_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
