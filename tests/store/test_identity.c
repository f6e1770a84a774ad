/* Who a customer is: numbers that last, seals that hold, and forgetting that leaves nothing. */
#include "check.h"
#include "clade/run.h"
#include "clade/store.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char         folder[256];
static char         path[300];
static clade_error  err;
static clade_store *store;

static const clade_store_options making = { .create       = true,
                                            .n_threads    = 2,
                                            .memory_bytes = 512 << 20 };

static void open_store(void)
{
    err = (clade_error){ 0 };
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void reopen_store(void)
{
    clade_store_close(store);
    store = NULL;
    open_store();
}

static int setup(void **state)
{
    (void)state;
    check_folder_make(folder, "identity");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    open_store();
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

static int64_t intern(const char *id)
{
    int64_t customer = -1;
    if (clade_identity_intern(&customer, store, clade_text_of(id), &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return customer;
}

static int64_t find(const char *id)
{
    return clade_identity_find(store, clade_text_of(id));
}

static int64_t ask(const char *sql)
{
    int64_t value = 0;
    if (clade_store_int(&value, store, sql, NULL, 0, -1, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return value;
}

static void run(const char *sql)
{
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static bool name_is(int64_t customer, const char *id)
{
    clade_buffer name = { 0 };
    const bool   same =
        clade_identity_name(&name, store, customer, &err) == CLADE_OK && strcmp(name.data, id) == 0;
    clade_buffer_free(&name);
    return same;
}

/* How often the bytes occur in the files of the workspace, the write-ahead log among them. */
static int occurrences(const char *below, const void *needle, size_t size)
{
    int            n   = 0;
    DIR           *dir = opendir(below);
    struct dirent *entry;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char        file[900];
        struct stat about;
        if (entry->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", below, entry->d_name);
        assert_int_equal(stat(file, &about), 0);
        if (S_ISDIR(about.st_mode)) {
            n += occurrences(file, needle, size);
            continue;
        }
        char *bytes  = malloc((size_t)about.st_size + 1);
        FILE *stream = fopen(file, "rb");
        assert_non_null(bytes);
        assert_non_null(stream);
        const size_t got = fread(bytes, 1, (size_t)about.st_size, stream);
        fclose(stream);
        for (char *at = bytes; (at = memmem(at, got - (size_t)(at - bytes), needle, size)) != NULL;
             at++)
            n++;
        free(bytes);
    }
    closedir(dir);
    return n;
}

/* ---------------------------------------------------------------- numbers */

static void an_id_keeps_its_number_across_processes(void **state)
{
    (void)state;
    char id[64];
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, i % 3 == 0 ? "%d" : "customer-%d@example.com, a longer one still",
                 i);
        assert_int_equal(intern(id), i);
    }
    check_ok(clade_identity_sync(store, &err));
    reopen_store();
    assert_int_equal(clade_identity_count(store), 5000);
    for (int i = 4999; i >= 0; i--) {
        snprintf(id, sizeof id, i % 3 == 0 ? "%d" : "customer-%d@example.com, a longer one still",
                 i);
        assert_int_equal(find(id), i);
        assert_int_equal(intern(id), i);
        assert_int_equal(intern(id), i);
    }
    assert_int_equal(find("nobody"), -1);
    assert_int_equal(intern("somebody new"), 5000);
    assert_int_equal(ask("SELECT count(*) FROM identity"), 5000); /* each id sealed once */
    assert_true(name_is(3, "3"));
    assert_true(name_is(4, "customer-4@example.com, a longer one still"));
}

static void ids_are_bytes_and_length_not_prefixes(void **state)
{
    (void)state;
    assert_int_equal(intern("a"), 0);
    assert_int_equal(intern("ab"), 1);
    assert_int_equal(intern("A"), 2);
    assert_int_equal(intern("\xE7\x8E\x8B\xE8\x8A\xB3"), 3);
    assert_int_equal(intern("a"), 0);
}

static void a_commit_makes_numbers_durable_by_itself(void **state)
{
    (void)state;
    check_ok(clade_store_begin(store, &err));
    assert_int_equal(intern("anna"), 0);
    check_ok(clade_store_commit(store, &err));
    reopen_store();
    assert_int_equal(find("anna"), 0);
    assert_true(name_is(0, "anna"));
}

/* Slots are durable before the commit; the names come with it. An id whose transaction was lost
 * gets the same number, and its name, when it is seen again. */
static void a_rolled_back_id_is_named_when_seen_again(void **state)
{
    (void)state;
    check_ok(clade_store_begin(store, &err));
    assert_int_equal(intern("bruno"), 0);
    check_ok(clade_identity_sync(store, &err));
    clade_store_rollback(store);
    assert_false(name_is(0, "bruno"));

    check_ok(clade_store_begin(store, &err));
    assert_int_equal(intern("bruno"), 0);
    check_ok(clade_store_commit(store, &err));
    assert_true(name_is(0, "bruno"));
    assert_int_equal(ask("SELECT count(*) FROM identity"), 1);

    check_ok(clade_store_begin(store, &err));
    assert_int_equal(intern("carla"), 1);
    check_ok(clade_identity_sync(store, &err));
    clade_store_close(store); /* in the middle of a transaction */
    open_store();
    assert_int_equal(find("carla"), 1);
    assert_false(name_is(1, "carla"));
    check_ok(clade_store_begin(store, &err));
    assert_int_equal(intern("carla"), 1);
    check_ok(clade_store_commit(store, &err));
    assert_true(name_is(1, "carla"));
}

static void slots_cut_short_at_the_end_are_cut_off(void **state)
{
    (void)state;
    char        file[600];
    const char *ids[] = { "a", "b", "c" };
    for (int i = 0; i < 2; i++)
        intern(ids[i]);
    check_ok(clade_identity_sync(store, &err));
    clade_store_close(store);
    store = NULL;
    snprintf(file, sizeof file, "%s/keys/identity", path);
    FILE *stream = fopen(file, "ab");
    for (int i = 0; i < 64 + 17; i++)
        fputc(i < 64 ? 0 : 0x5A, stream); /* a slot of zeros, and a part of another */
    fclose(stream);
    open_store();
    assert_int_equal(clade_identity_count(store), 2);
    assert_int_equal(intern("c"), 2);
    check_ok(clade_identity_sync(store, &err));
    reopen_store();
    for (int i = 0; i < 3; i++)
        assert_int_equal(find(ids[i]), i);
}

static void a_damaged_slot_costs_one_name_and_no_more(void **state)
{
    (void)state;
    char file[600];
    intern("a");
    intern("b");
    intern("c");
    check_ok(clade_identity_sync(store, &err));
    clade_store_close(store);
    store = NULL;
    snprintf(file, sizeof file, "%s/keys/identity", path);
    FILE *stream = fopen(file, "r+b");
    fseek(stream, 64 + 5, SEEK_SET);
    fputs("flip", stream);
    fclose(stream);
    clade_log_set(CLADE_LOG_QUIET);
    open_store();
    assert_int_equal(find("b"), -1);
    clade_log_set(CLADE_LOG_INFO);
    assert_int_equal(find("a"), 0);
    assert_true(name_is(2, "c"));
    assert_false(name_is(1, "b"));
    clade_key_count n = { 0 };
    check_ok(clade_identity_count_keys(&n, store, &err));
    assert_true(n.n_live == 2 && n.n_forgotten == 0 && n.n_damaged == 1);
}

static void an_older_copy_of_the_slots_is_refused(void **state)
{
    (void)state;
    char file[600];
    intern("a");
    intern("b");
    check_ok(clade_identity_sync(store, &err));
    clade_store_close(store);
    store = NULL;
    snprintf(file, sizeof file, "%s/keys/identity", path);
    assert_int_equal(truncate(file, 64), 0);
    open_store();
    int64_t customer = 77;
    assert_int_equal(clade_identity_intern(&customer, store, CLADE_TEXT("c"), &err),
                     CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "older copy"));
    assert_int_equal(customer, 77);
}

static void a_workspace_without_its_master_key_says_so(void **state)
{
    (void)state;
    char file[600];
    intern("a");
    check_ok(clade_identity_sync(store, &err));
    clade_store_close(store);
    store = NULL;
    snprintf(file, sizeof file, "%s/keys/master", path);
    struct stat about;
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    unlink(file);
    assert_int_equal(clade_store_open(&store, path, &making, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "keys/master is missing"));
}

/* ---------------------------------------------------------------- seals */

static void a_seal_opens_for_its_owner_only(void **state)
{
    (void)state;
    clade_buffer     sealed = { 0 }, open = { 0 };
    const clade_text value = CLADE_TEXT("\xE7\x8E\x8B\xE8\x8A\xB3, 12 Long Street \x00 end");
    intern("a");
    intern("b");
    check_ok(clade_identity_seal(&sealed, store, 0, value, &err));
    assert_int_equal(sealed.size, value.size + 41);
    const clade_text text = { sealed.data, sealed.size };
    check_ok(clade_identity_unseal(&open, store, 0, text, &err));
    assert_true(clade_text_equal((clade_text){ open.data, open.size }, value));
    assert_int_equal(clade_identity_unseal(&open, store, 1, text, &err), CLADE_ERR_DATA);
    assert_int_equal(clade_identity_unseal(&open, store, -1, text, &err), CLADE_ERR_DATA);
    assert_int_equal(clade_identity_unseal(&open, store, 7, text, &err), CLADE_ERR_NOT_FOUND);

    for (size_t i = 0; i < sealed.size; i++) { /* every byte of it counts */
        sealed.data[i] ^= 0x40;
        assert_int_equal(clade_identity_unseal(&open, store, 0, text, NULL), CLADE_ERR_DATA);
        sealed.data[i] ^= 0x40;
    }
    for (size_t size = 0; size < sealed.size; size++)
        assert_int_equal(
            clade_identity_unseal(&open, store, 0, (clade_text){ sealed.data, size }, NULL),
            CLADE_ERR_DATA);
    check_ok(clade_identity_seal(&sealed, store, 0, (clade_text){ NULL, 0 }, &err));
    check_ok(
        clade_identity_unseal(&open, store, 0, (clade_text){ sealed.data, sealed.size }, &err));
    assert_int_equal(open.size, 0);
    clade_buffer_free(&sealed);
    clade_buffer_free(&open);
}

static void the_same_value_never_looks_the_same_twice(void **state)
{
    (void)state;
    clade_buffer a = { 0 }, b = { 0 };
    check_ok(clade_identity_seal(&a, store, -1, CLADE_TEXT("row,with,names"), &err));
    check_ok(clade_identity_seal(&b, store, -1, CLADE_TEXT("row,with,names"), &err));
    assert_memory_not_equal(a.data + 1, b.data + 1, 40);
    clade_buffer_free(&a);
    clade_buffer_free(&b);
}

/* ---------------------------------------------------------------- promises */

/* Put a sealed value into a table through the appender, as a load does. */
static void store_personal(int64_t customer, const char *kind, const char *value)
{
    clade_buffer      sealed = { 0 };
    const clade_value args[] = { CLADE_INT(customer), CLADE_STR(kind), CLADE_STR("") };
    clade_value       row[3];
    memcpy(row, args, sizeof row);
    check_ok(clade_identity_seal(&sealed, store, customer, clade_text_of(value), &err));
    row[2].text = (clade_text){ sealed.data, sealed.size };
    check_ok(clade_store_run(store, "INSERT INTO identity VALUES (?, ?, ?, 1)", row, 3, &err));
    check_ok(clade_store_run(store, "INSERT INTO survey VALUES (?, 0, NULL, ?, 1, NULL, ?, 1)", row,
                             3, &err));
    check_ok(
        clade_store_run(store,
                        "INSERT INTO quarantine (load, file, line, reason, customer, sealed_raw) "
                        "SELECT 1, 'f.csv', 7, 'no date', a, c FROM (SELECT ? AS a, ? AS b, ? AS "
                        "c)",
                        row, 3, &err));
    clade_buffer_free(&sealed);
}

static void personal_text_is_nowhere_in_the_files(void **state)
{
    (void)state;
    char id[40];
    check_ok(clade_store_begin(store, &err));
    for (int i = 0; i < 3000; i++) {
        snprintf(id, sizeof id, "wang.fang%d@example.com", i);
        intern(id);
    }
    store_personal(17, "name", "Wang Fang-Lindqvist");
    check_ok(clade_store_commit(store, &err));
    run("INSERT INTO customer VALUES (17, 'tier', 'visible-attribute', NULL, 0, 1)");

    assert_int_equal(occurrences(path, "wang.fang", 9), 0); /* in the log before a checkpoint ... */
    assert_int_equal(occurrences(path, "Lindqvist", 9), 0);
    assert_true(occurrences(path, "visible-attribute", 17) > 0); /* the search can find things */
    check_ok(clade_store_checkpoint(store, &err));
    assert_int_equal(occurrences(path, "wang.fang", 9), 0); /* ... and in the file after it */
    assert_int_equal(occurrences(path, "Lindqvist", 9), 0);
    assert_true(name_is(17, "wang.fang17@example.com"));
}

static void forgetting_leaves_nothing_readable(void **state)
{
    (void)state;
    char         id[40], key[32], sealed_id[60];
    char         file[600];
    clade_buffer sealed = { 0 }, open = { 0 }, receipt = { 0 };

    run("SET force_compression = 'uncompressed'"); /* so that a search finds what is there */
    check_ok(clade_store_begin(store, &err));
    for (int i = 0; i < 3000; i++) {
        snprintf(id, sizeof id, "wang.fang%d@example.com", i);
        intern(id);
    }
    store_personal(17, "name", "Wang Fang-Lindqvist");
    store_personal(18, "name", "Somebody Else");
    check_ok(clade_store_commit(store, &err));
    run("INSERT INTO customer SELECT range % 3000, 'note', 'attribute-of-' || (range % 3000) || "
        "'-end', "
        "NULL, 0, 1 FROM range(200000)");
    run("INSERT INTO event (event, customer, at_us, kind, row_key, load) SELECT range, range % "
        "3000, "
        "range, 'view', range, 1 FROM range(9000)");
    check_ok(clade_store_checkpoint(store, &err));
    assert_true(occurrences(path, "attribute-of-17-end", 19) > 0);

    /* What an attacker could have copied before: the key, the seal. */
    snprintf(file, sizeof file, "%s/keys/identity", path);
    FILE *stream = fopen(file, "rb");
    fseek(stream, 17 * 64, SEEK_SET);
    assert_int_equal(fread(key, 1, 32, stream), 32);
    fclose(stream);
    check_ok(clade_identity_seal(&sealed, store, 17, CLADE_TEXT("a copy in a backup"), &err));
    clade_rows *rows = NULL;
    clade_chunk chunk;
    check_ok(clade_store_query(&rows, store,
                               "SELECT sealed FROM identity WHERE customer = 17 AND "
                               "kind = 'id'",
                               NULL, 0, &err));
    check_ok(clade_rows_next(&chunk, rows, &err));
    memcpy(sealed_id, clade_chunk_text(&chunk, 0, 0).data, 60);
    clade_rows_close(rows);
    assert_true(occurrences(path, sealed_id, 60) > 0);

    check_ok(clade_identity_forget(&receipt, store, CLADE_TEXT("wang.fang17@example.com"), &err));

    clade_key_count n = { 0 };
    check_ok(clade_identity_count_keys(&n, store, &err));
    assert_true(n.n_live == 2999 && n.n_forgotten == 1 && n.n_damaged == 0);
    assert_int_equal(find("wang.fang17@example.com"), -1);
    assert_int_equal(occurrences(path, key, 32), 0);
    assert_int_equal(occurrences(path, sealed_id, 60), 0);
    assert_int_equal(occurrences(path, "attribute-of-17-end", 19), 0);
    assert_true(occurrences(path, "attribute-of-18-end", 19) > 0);
    assert_int_equal(
        clade_identity_unseal(&open, store, 17, (clade_text){ sealed.data, sealed.size }, &err),
        CLADE_ERR_NOT_FOUND);
    assert_int_equal(ask("SELECT count(*) FROM identity WHERE customer = 17"), 0);
    assert_int_equal(ask("SELECT count(*) FROM customer WHERE customer = 17"), 0);
    assert_int_equal(ask("SELECT count(*) FROM quarantine WHERE customer = 17"), 0);
    assert_int_equal(ask("SELECT count(*) FROM survey WHERE customer = 17 AND sealed_text IS NULL"),
                     1);
    assert_int_equal(ask("SELECT count(*) FROM event WHERE customer = 17"), 3); /* numbers stay */
    assert_int_equal(ask("SELECT count(*) FROM identity"), 3000 - 1 + 1);
    assert_int_equal(ask("SELECT count(*) FROM customer"), 200000 - 67);

    assert_non_null(strstr(receipt.data, "\"attributes\":67"));
    assert_non_null(strstr(receipt.data, "\"events_kept\":3"));
    assert_null(strstr(receipt.data, "wang"));
    snprintf(file, sizeof file, "%s/runs/000001-forget.json", path);
    assert_int_equal(access(file, R_OK), 0);

    reopen_store();
    assert_int_equal(find("wang.fang17@example.com"), -1);
    assert_true(name_is(18, "wang.fang18@example.com"));
    assert_int_equal(
        clade_identity_forget(&receipt, store, CLADE_TEXT("wang.fang17@example.com"), &err),
        CLADE_ERR_NOT_FOUND);
    assert_int_equal(intern("wang.fang17@example.com"), 3000); /* who comes back is new */
    clade_buffer_free(&sealed);
    clade_buffer_free(&open);
    clade_buffer_free(&receipt);
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_id_keeps_its_number_across_processes),
        STORE_TEST(ids_are_bytes_and_length_not_prefixes),
        STORE_TEST(a_commit_makes_numbers_durable_by_itself),
        STORE_TEST(a_rolled_back_id_is_named_when_seen_again),
        STORE_TEST(slots_cut_short_at_the_end_are_cut_off),
        STORE_TEST(a_damaged_slot_costs_one_name_and_no_more),
        STORE_TEST(an_older_copy_of_the_slots_is_refused),
        STORE_TEST(a_workspace_without_its_master_key_says_so),
        STORE_TEST(a_seal_opens_for_its_owner_only),
        STORE_TEST(the_same_value_never_looks_the_same_twice),
        STORE_TEST(personal_text_is_nowhere_in_the_files),
        STORE_TEST(forgetting_leaves_nothing_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
