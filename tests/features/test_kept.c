/* The kept matrix of a moment: read back as it was computed, and never in place of another. */
#include "check.h"
#include "clade/features.h"
#include "random_shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char         folder[256], path[300], kept[340];
static clade_error  err;
static clade_store *store;

static void run(const char *sql)
{
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static clade_features *compute(int64_t as_of_us)
{
    clade_features *features = NULL;
    if (clade_features_compute(&features, store, as_of_us, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return features;
}

static clade_features *get(int64_t as_of_us)
{
    clade_features *features = NULL;
    if (clade_features_get(&features, store, as_of_us, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return features;
}

/* A shop, and its matrix kept. */
static int begin(void **state)
{
    (void)state;
    const clade_store_options making = { .create = true, .n_threads = 2 };
    clade_buffer              sql    = { 0 };
    check_folder_make(folder, "kept");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    snprintf(kept, sizeof kept, "%s/derived/features", path);
    check_ok(clade_store_open(&store, path, &making, &err));
    random_shop_write(&sql, 7);
    run(sql.data);
    clade_buffer_free(&sql);
    clade_features *features = compute(RANDOM_SHOP_AS_OF);
    assert_true(features->n_customers > 3);
    check_ok(clade_features_keep(features, store, &err));
    clade_features_free(features);
    return 0;
}

static int end(void **state)
{
    (void)state;
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
    return 0;
}

static bool is_there(void)
{
    struct stat info;
    return stat(kept, &info) == 0;
}

/* Overwrite one value of the file in place, and mend its check: only a reader of the file gives
 * the mark back. */
enum { HEADER = 48, CHECK_AT = 40 };
static const float mark = 2.385F;

static void write_mark(const clade_features *like)
{
    const size_t n_cells = like->n_customers * like->n_features;
    float       *value   = malloc(n_cells * sizeof *value);
    FILE        *file    = fopen(kept, "r+b");
    assert_non_null(value);
    assert_non_null(file);
    memcpy(value, like->value, n_cells * sizeof *value);
    value[5] = mark;
    const uint64_t check =
        clade_hash64(value, n_cells * sizeof *value,
                     clade_hash64(like->customer, like->n_customers * sizeof(int64_t), 0));
    assert_int_equal(fseek(file, CHECK_AT, SEEK_SET), 0);
    assert_int_equal(fwrite(&check, sizeof check, 1, file), 1);
    assert_int_equal(fseek(file, (long)(HEADER + like->n_customers * sizeof(int64_t)), SEEK_SET),
                     0);
    assert_int_equal(fwrite(value, sizeof *value, n_cells, file), n_cells);
    assert_int_equal(fclose(file), 0);
    free(value);
}

/* Does asking for a moment read the file with the mark? */
static bool is_read(int64_t as_of_us)
{
    clade_features *features = get(as_of_us);
    const bool      marked   = memcmp(&features->value[5], &mark, sizeof mark) == 0;
    clade_features_free(features);
    return marked;
}

static void mark_the_file(void)
{
    clade_features *features = compute(RANDOM_SHOP_AS_OF);
    write_mark(features);
    clade_features_free(features);
    assert_true(is_read(RANDOM_SHOP_AS_OF));
}

static void a_kept_matrix_is_what_was_computed_bit_for_bit(void **state)
{
    (void)state;
    clade_features *plain = compute(RANDOM_SHOP_AS_OF), *read = get(RANDOM_SHOP_AS_OF);
    assert_int_equal(read->n_customers, plain->n_customers);
    assert_int_equal(read->n_features, plain->n_features);
    assert_true(read->as_of_us == plain->as_of_us);
    assert_memory_equal(read->customer, plain->customer, plain->n_customers * sizeof(int64_t));
    assert_memory_equal(read->value, plain->value,
                        plain->n_customers * plain->n_features * sizeof(float));
    clade_features_free(plain);
    clade_features_free(read);
    mark_the_file(); /* and it is the file that is read */
}

static void another_moment_is_computed(void **state)
{
    (void)state;
    mark_the_file();
    assert_false(is_read(RANDOM_SHOP_AS_OF - 1));
}

static void a_torn_or_changed_file_is_not_believed(void **state)
{
    (void)state;
    mark_the_file();
    FILE *file = fopen(kept, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -3, SEEK_END), 0);
    assert_int_equal(fputc(0x5a, file), 0x5a);
    assert_int_equal(fclose(file), 0);
    assert_false(is_read(RANDOM_SHOP_AS_OF));
    assert_int_equal(truncate(kept, 1000), 0);
    assert_false(is_read(RANDOM_SHOP_AS_OF));
    assert_int_equal(truncate(kept, 0), 0);
    assert_false(is_read(RANDOM_SHOP_AS_OF));
}

static void changed_rows_and_settings_make_it_useless(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "INSERT INTO event SELECT * REPLACE (event + 1000000 AS event, row_key + 77 AS row_key) "
        "FROM event LIMIT 1",
        "UPDATE event SET value_minor = value_minor + 1 WHERE value_minor IS NOT NULL",
        "INSERT INTO refund_match VALUES (5, 3, 1, 1, -500, 0)",
        "INSERT INTO flag VALUES ('staff', 1, NULL, 0, 'said so')",
        "INSERT INTO customer VALUES (1, 'age', '41', 41, 0, 1)",
        "INSERT INTO edge VALUES (1, 2, 'invite', 1, 0, 1)",
        "INSERT INTO setting VALUES ('zone', 'Asia/Tokyo') ON CONFLICT DO UPDATE SET value = "
        "excluded.value",
        "INSERT INTO setting VALUES ('currency', 'JPY') ON CONFLICT DO UPDATE SET value = "
        "excluded.value",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        clade_features *features = compute(RANDOM_SHOP_AS_OF);
        check_ok(clade_features_keep(features, store, &err));
        write_mark(features);
        clade_features_free(features);
        assert_true(is_read(RANDOM_SHOP_AS_OF));
        run(changes[i]);
        if (is_read(RANDOM_SHOP_AS_OF)) fail_msg("not noticed: %s", changes[i]);
    }
}

static void forgetting_a_customer_leaves_no_kept_matrix_not_even_through_another_name(void **state)
{
    (void)state;
    clade_buffer receipt = { 0 };
    int64_t      number  = -1;
    char         other[360];
    uint8_t      byte = 0;
    check_ok(clade_identity_intern(&number, store, CLADE_TEXT("wang.fang17@example.com"), &err));
    check_ok(clade_identity_sync(store, &err));
    snprintf(other, sizeof other, "%s/link", folder);
    assert_int_equal(link(kept, other), 0); /* its blocks, still readable when the name is gone */
    check_ok(clade_identity_forget(&receipt, store, CLADE_TEXT("wang.fang17@example.com"), &err));
    clade_buffer_free(&receipt);
    assert_false(is_there());
    FILE *file = fopen(other, "rb");
    assert_non_null(file);
    size_t n = 0;
    while (fread(&byte, 1, 1, file) == 1) {
        if (byte != 0) fail_msg("byte %zu of what was kept is %u, not 0", n, byte);
        n++;
    }
    assert_true(n > 1000);
    assert_int_equal(fclose(file), 0);
}

static void a_matrix_that_cannot_be_kept_says_so_and_spoils_nothing(void **state)
{
    (void)state;
    char name[340];
    snprintf(name, sizeof name, "%s/derived", path);
    check_ok(clade_store_derived_drop(store, &err));
    assert_false(is_there());
    assert_int_equal(rmdir(name), 0);
    clade_features *features = compute(RANDOM_SHOP_AS_OF);
    assert_int_equal(clade_features_keep(features, store, &err), CLADE_ERR_IO);
    assert_non_null(strstr(err.message, "derived/features"));
    clade_features *again = get(RANDOM_SHOP_AS_OF);
    assert_memory_equal(again->value, features->value,
                        features->n_customers * features->n_features * sizeof(float));
    clade_features_free(features);
    clade_features_free(again);
}

#define KEPT_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT_TEST(a_kept_matrix_is_what_was_computed_bit_for_bit),
        KEPT_TEST(another_moment_is_computed),
        KEPT_TEST(a_torn_or_changed_file_is_not_believed),
        KEPT_TEST(changed_rows_and_settings_make_it_useless),
        KEPT_TEST(forgetting_a_customer_leaves_no_kept_matrix_not_even_through_another_name),
        KEPT_TEST(a_matrix_that_cannot_be_kept_says_so_and_spoils_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
