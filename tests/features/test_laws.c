/* What holds for every shop: SQL and plain loops agree, the future does not matter, nor does the
 * number of threads. CLADE_SEEDS=1000 runs more shops than the usual few. */
#include "check.h"
#include "clade/features.h"
#include "clade/run.h"
#include "features/reference.h"
#include "random_shop.h"

#include <stdlib.h>

static char         folder[256];
static char         path[300];
static clade_error  err;
static clade_store *store;

static void open_shop(int n_threads)
{
    const clade_store_options making = { .create       = true,
                                         .n_threads    = n_threads,
                                         .memory_bytes = 512 << 20 };
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void run(const char *sql)
{
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void make_shop(uint64_t seed)
{
    clade_buffer sql = { 0 };
    check_folder_make(folder, "laws");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    open_shop(2);
    random_shop_write(&sql, seed);
    assert_false(sql.failed);
    run(sql.data);
    clade_buffer_free(&sql);
    if (seed % 3 == 1) check_ok(clade_store_setting_set(store, "zone", "Europe/London", &err));
    if (seed % 5 == 1) check_ok(clade_store_setting_set(store, "currency", "JPY", &err));
}

static void end_shop(void)
{
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
}

static clade_features *compute(int64_t as_of_us)
{
    clade_features *features = NULL;
    if (clade_features_compute(&features, store, as_of_us, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return features;
}

static uint64_t n_seeds(void)
{
    const char *wanted = getenv("CLADE_SEEDS");
    return wanted == NULL ? 25 : strtoull(wanted, NULL, 10);
}

/* The SQL sums integers and rounds once; the reference sums in double: a few units in the last
 * place of a float, and the millionths to which the SQL rounds terms of entropies and ranks. */
static int count_differences(const clade_features *sql, const clade_features *plain, uint64_t seed)
{
    size_t               n           = 0;
    const clade_feature *feature     = clade_features_all(&n);
    int                  differences = 0;

    assert_int_equal(sql->n_customers, plain->n_customers);
    for (size_t i = 0; i < sql->n_customers; i++) {
        assert_int_equal(sql->customer[i], plain->customer[i]);
        for (size_t j = 0; j < n; j++) {
            const double a = (double)sql->value[i * n + j], b = (double)plain->value[i * n + j];
            if (isnan(a) && isnan(b)) continue;
            if (fabs(a - b) <= 5e-6 * fmax(1, fabs(b))) continue;
            if (differences++ < 20)
                print_error("seed %llu, customer %lld: %s is %.9g in SQL, %.9g by the loop\n",
                            (unsigned long long)seed, (long long)sql->customer[i], feature[j].name,
                            a, b);
        }
    }
    return differences;
}

static void sql_and_plain_loops_agree_on_every_feature(void **state)
{
    (void)state;
    size_t n = 0;
    (void)clade_features_all(&n);
    size_t *present = calloc(n, sizeof(size_t));
    int     wrong   = 0;

    for (uint64_t seed = 1; seed <= n_seeds(); seed++) {
        make_shop(seed);
        clade_features *sql = compute(RANDOM_SHOP_AS_OF), *plain = NULL;
        check_ok(clade__reference_compute(&plain, store, RANDOM_SHOP_AS_OF, &err));
        wrong += count_differences(sql, plain, seed);
        for (size_t i = 0; i < sql->n_customers * n; i++)
            present[i % n] += !isnan(sql->value[i]);
        clade_features_free(sql);
        clade_features_free(plain);
        end_shop();
    }
    assert_int_equal(wrong, 0);
    for (size_t j = 0; j < n && n_seeds() >= 25; j++) { /* every feature was put to the test */
        if (present[j] == 0) fail_msg("%s was never present", clade_features_all(&n)[j].name);
    }
    free(present);
}

static void assert_same(const clade_features *a, const clade_features *b)
{
    size_t               n       = 0;
    const clade_feature *feature = clade_features_all(&n);

    assert_int_equal(a->n_customers, b->n_customers);
    for (size_t i = 0; i < a->n_customers; i++) {
        assert_int_equal(a->customer[i], b->customer[i]);
        for (size_t j = 0; j < n; j++) {
            if (memcmp(&a->value[i * n + j], &b->value[i * n + j], sizeof(float)) != 0)
                fail_msg("%s of %lld: %.9g and %.9g", feature[j].name, (long long)a->customer[i],
                         (double)a->value[i * n + j], (double)b->value[i * n + j]);
        }
    }
}

/* Promise 2. The future holds new customers, new items, absurd prices, refunds of old orders, other
 * categories for old items, flags, ties and answers. `@` is as-of. */
static const char wild_future[] =
    "INSERT INTO event SELECT 100000 + i, (i % 40) * 3, @ + (i % 700) * 3600000000,"
    " CAST(CASE i % 5 WHEN 0 THEN 'purchase' WHEN 1 THEN 'refund' WHEN 2 THEN 'view'"
    " WHEN 3 THEN 'search' ELSE 'share' END AS event_kind), i % 30, 7.5, 99, 1234567, 1234567, 77,"
    " 'XXX', 'o' || (i % 300), i % 200, 'shoes', 'channel9', 'phone', 'coupon', 1000000,"
    " 5, i, 9 FROM range(900) t(i);"
    "INSERT INTO refund_match SELECT 100001, event, customer, coalesce(quantity, 1),"
    " -abs(coalesce(amount_minor, 1)), @ FROM event WHERE kind = 'purchase';"
    "INSERT INTO item SELECT i, 'r', NULL, 'changed', 'changed', NULL, NULL, NULL, @, 99"
    " FROM range(20) t(i);"
    "INSERT INTO customer SELECT i * 3, 'age', NULL, 99, @, 99 FROM range(20) t(i);"
    "INSERT INTO flag SELECT 'bot', i * 3, NULL, @, 'later' FROM range(20) t(i);"
    "INSERT INTO edge SELECT i * 3, 0, 'invite', 1, @, 9 FROM range(20) t(i);"
    "INSERT INTO touch SELECT i * 3, @, 'c', 'a', 'm', 1, 1, 1, 9 FROM range(20) t(i);"
    "INSERT INTO survey SELECT i * 3, @, NULL, 'q', 1, NULL, NULL, 9 FROM range(20) t(i);";

static void the_future_changes_no_feature_before_it(void **state)
{
    (void)state;
    clade_buffer poison = { 0 };
    for (const char *c = wild_future; *c != '\0'; c++) {
        if (*c == '@')
            clade_buffer_format(&poison, "%lld", (long long)RANDOM_SHOP_AS_OF);
        else
            clade_buffer_append(&poison, c, 1);
    }
    for (uint64_t seed = 1; seed <= 4; seed++) {
        make_shop(seed);
        clade_features *before = compute(RANDOM_SHOP_AS_OF);
        run(poison.data);
        clade_features *after = compute(RANDOM_SHOP_AS_OF);
        assert_same(before, after);
        clade_features *later = compute(RANDOM_SHOP_AS_OF + 40 * CLADE_US_PER_DAY);
        clade_features_free(before);
        clade_features_free(after);
        clade_features_free(later);
        end_shop();
    }
    clade_buffer_free(&poison);
}

/* Enough rows for DuckDB to share them out among threads (it does so by 122,880). */
static const char large_shop[] =
    "INSERT INTO event SELECT i, hash(i // 7) % 5000, 1640995200000000 +"
    " (hash(i // 7, 1) % 70000000)::BIGINT * 1000000 + (i % 7) * 1000000,"
    " CAST(['view', 'view', 'search', 'cart', 'purchase', 'purchase', 'refund'][(1 + hash(i, 2) % "
    "7)::BIGINT]"
    " AS event_kind), (hash(i, 3) % 3000)::BIGINT, 1 + hash(i, 4) % 3, NULL,"
    " (hash(i, 5) % 10000)::BIGINT, (hash(i, 5) % 10000)::BIGINT, (hash(i, 6) % 300)::BIGINT,"
    " 'EUR', 'o' || (i // 7), i // 7, NULL, 'c' || (hash(i // 7, 8) % 3),"
    " 'd' || (hash(i // 7, 9) % 3), NULL, (hash(i, 10) % 60000000)::BIGINT, NULL, i, 1"
    " FROM range(600000) t(i);"
    "INSERT INTO item SELECT i, 'r', NULL, 'c' || (i % 40), 'b' || (i % 90), NULL, NULL, NULL, 0, 1"
    " FROM range(3000) t(i);"
    "INSERT INTO refund_match SELECT r.event, p.event, p.customer, 1, -500, r.at_us"
    " FROM event r JOIN event p USING (order_ref) WHERE r.kind = 'refund' AND p.kind = 'purchase';";

static void features_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    check_folder_make(folder, "laws");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    open_shop(1);
    run(large_shop);
    clade_features *one = compute(RANDOM_SHOP_AS_OF - 30 * CLADE_US_PER_DAY);
    clade_store_close(store);
    open_shop(2);
    clade_features *two = compute(RANDOM_SHOP_AS_OF - 30 * CLADE_US_PER_DAY);
    assert_same(one, two);
    assert_true(one->n_customers > 4000);
    clade_features_free(one);
    clade_features_free(two);
    end_shop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_and_plain_loops_agree_on_every_feature),
        cmocka_unit_test(the_future_changes_no_feature_before_it),
        cmocka_unit_test(features_do_not_depend_on_the_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
