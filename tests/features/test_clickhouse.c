/* The features' SQL on a modern ClickHouse in process (chDB 26.5), compared with DuckDB on random
 * shops. Runs when CLADE_CHDB names libchdb.so; the library is opened at run time and never linked.
 */
#include "check.h"
#include "clade/run.h"
#include "features/internal.h"
#include "random_shop.h"

#include <dlfcn.h>

/* The documented part of chDB's C interface. */
typedef struct chdb_connection_ *chdb_connection;
typedef struct chdb_result_      chdb_result;
static chdb_connection *(*chdb_connect)(int argc, char **argv);
static void (*chdb_close)(chdb_connection *connection);
static chdb_result *(*chdb_query)(chdb_connection connection, const char *sql, size_t sql_size,
                                  const char *format, size_t format_size);
static const char *(*chdb_error)(chdb_result *result);
static char *(*chdb_buffer)(chdb_result *result);
static size_t (*chdb_length)(chdb_result *result);
static void (*chdb_free)(chdb_result *result);

static chdb_connection *clickhouse;
static char             folder[256];
static char             path[300];
static clade_error      err;
static clade_store     *store;

static const char tables[] =
    "SET join_use_nulls = 1;"
    "SET prefer_column_name_to_alias = 1;"
    "CREATE TEMPORARY TABLE event (event Int64, customer Nullable(Int64), at_us Int64,"
    " kind Enum8('view' = 0, 'search' = 1, 'click' = 2, 'cart' = 3, 'uncart' = 4, 'checkout' = 5,"
    " 'purchase' = 6, 'refund' = 7, 'review' = 8, 'login' = 9, 'wish' = 10, 'share' = 11,"
    " 'custom' = 12), item Nullable(Int64), quantity Nullable(Float64), price_minor "
    "Nullable(Int64),"
    " amount_minor Nullable(Int64), value_minor Nullable(Int64), discount_minor Nullable(Int64),"
    " currency Nullable(String), order_ref Nullable(String), session_key Nullable(Int64),"
    " query Nullable(String), channel Nullable(String), device Nullable(String),"
    " coupon Nullable(String), dwell_us Nullable(Int64), rating Nullable(Float64), row_key UInt64,"
    " load Int64);"
    "CREATE TEMPORARY TABLE customer (customer Int64, name String, value Nullable(String),"
    " number Nullable(Float64), known_us Int64, load Int64);"
    "CREATE TEMPORARY TABLE item (item Int64, ref String, name Nullable(String),"
    " category Nullable(String), brand Nullable(String), price_minor Nullable(Int64),"
    " currency Nullable(String), stock Nullable(Float64), known_us Int64, load Int64);"
    "CREATE TEMPORARY TABLE edge (customer Int64, other Int64, kind String,"
    " weight Nullable(Float64), at_us Nullable(Int64), load Int64);"
    "CREATE TEMPORARY TABLE survey (customer Nullable(Int64), at_us Nullable(Int64),"
    " item Nullable(Int64), question String, score Nullable(Float64), choice Nullable(String),"
    " sealed_text Nullable(String), load Int64);"
    "CREATE TEMPORARY TABLE touch (customer Int64, at_us Nullable(Int64), campaign String,"
    " arm Nullable(String), channel Nullable(String), propensity Nullable(Float64),"
    " cost_minor Nullable(Int64), outcome Nullable(Float64), load Int64);"
    "CREATE TEMPORARY TABLE refund_match (refund Int64, purchase Int64, customer Nullable(Int64),"
    " quantity Float64, amount_minor Int64, at_us Int64);"
    "CREATE TEMPORARY TABLE flag (name String, customer Nullable(Int64), event Nullable(Int64),"
    " since_us Int64, reason String);";

static const char *const table_names[] = { "event",  "customer", "item",         "edge",
                                           "survey", "touch",    "refund_match", "flag" };

/* ---------------------------------------------------------------- ClickHouse */

static chdb_result *ask(const char *sql, size_t size)
{
    chdb_result *result = chdb_query(*clickhouse, sql, size, "TabSeparated", 12);
    const char  *reason = chdb_error(result);
    if (reason != NULL && reason[0] != '\0')
        fail_msg("ClickHouse: %.600s\nin: %.*s", reason, size > 900 ? 900 : (int)size, sql);
    return result;
}

/* Statements that end in a semicolon; no text among them holds one. */
static void run_all(const char *sql)
{
    for (const char *end; (end = strchr(sql, ';')) != NULL; sql = end + 1)
        chdb_free(ask(sql, (size_t)(end - sql)));
}

static void drop_all(const clade__stage *stage, size_t n_stages)
{
    char sql[96];
    for (size_t i = 0; i < n_stages; i++) {
        snprintf(sql, sizeof sql, "DROP TEMPORARY TABLE IF EXISTS %s;", stage[i].name);
        run_all(sql);
    }
    for (size_t i = 0; i < sizeof table_names / sizeof table_names[0]; i++) {
        snprintf(sql, sizeof sql, "DROP TEMPORARY TABLE IF EXISTS %s;", table_names[i]);
        run_all(sql);
    }
}

static void run_stages(const clade__stage *stage, size_t n_stages)
{
    for (size_t i = 0; i < n_stages; i++) {
        clade_buffer sql = { 0 };
        clade_buffer_format(&sql, "CREATE TEMPORARY TABLE %s AS\n", stage[i].name);
        clade_buffer_append(&sql, stage[i].sql.data, stage[i].sql.size);
        chdb_free(ask(sql.data, sql.size));
        clade_buffer_free(&sql);
    }
}

static int compare_with(const clade_features *duckdb, const char *at, uint64_t seed)
{
    size_t               n       = 0;
    const clade_feature *feature = clade_features_all(&n);
    int                  wrong   = 0;
    char                *end     = NULL;

    for (size_t i = 0; i < duckdb->n_customers; i++) {
        assert_int_equal(strtoll(at, &end, 10), duckdb->customer[i]);
        at = end;
        for (size_t j = 0; j < n; j++) {
            assert_int_equal(*at, '\t');
            at++;
            double value = (double)NAN;
            if (strncmp(at, "\\N", 2) == 0)
                at += 2;
            else
                value = strtod(at, &end), at = end;
            if (!isfinite(value)) value = (double)NAN;
            const double wanted = (double)duckdb->value[i * n + j];
            if (isnan(value) && isnan(wanted)) continue;
            /* One rounding to float, and the logarithms of two C libraries. */
            if (fabs(value - wanted) <= 2e-6 * fmax(1, fabs(wanted))) continue;
            if (wrong++ < 20)
                print_error("seed %llu, customer %lld: %s is %.9g on ClickHouse, %.9g on DuckDB\n",
                            (unsigned long long)seed, (long long)duckdb->customer[i],
                            feature[j].name, value, wanted);
        }
        assert_int_equal(*at, '\n');
        at++;
    }
    assert_int_equal(*at, '\0');
    return wrong;
}

/* ---------------------------------------------------------------- the test */

static int compare_shop(uint64_t seed)
{
    const clade_store_options making   = { .create       = true,
                                           .n_threads    = 2,
                                           .memory_bytes = 512 << 20 };
    clade_buffer              shop     = { 0 };
    clade_features           *features = NULL;
    clade__as_of              as_of    = { 0 };
    clade__stage              stage[CLADE__MAX_STAGES];
    size_t                    n_stages = 0;

    check_folder_make(folder, "clickhouse");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    check_ok(clade_store_open(&store, path, &making, &err));
    random_shop_write(&shop, seed);
    check_ok(clade_store_run(store, shop.data, NULL, 0, &err));
    if (seed % 2 == 0) check_ok(clade_store_setting_set(store, "zone", "Europe/London", &err));
    check_ok(clade_features_compute(&features, store, RANDOM_SHOP_AS_OF, &err));

    check_ok(clade__as_of_begin(&as_of, store, RANDOM_SHOP_AS_OF, &err));
    check_ok(clade__stages_make(stage, &n_stages, &as_of, &err));
    drop_all(stage, n_stages);
    run_all(tables);
    run_all(shop.data);
    run_stages(stage, n_stages);
    clade_buffer sql = { 0 };
    clade__final_make(&sql, &as_of);
    clade_buffer_text(&sql, "\nORDER BY p.customer");
    chdb_result *result = ask(sql.data, sql.size);
    clade_buffer rows   = { 0 };
    clade_buffer_append(&rows, chdb_buffer(result), chdb_length(result));
    const int wrong = compare_with(features, rows.size == 0 ? "" : rows.data, seed);

    chdb_free(result);
    clade_buffer_free(&rows);
    clade_buffer_free(&sql);
    clade_buffer_free(&shop);
    for (size_t i = 0; i < n_stages; i++)
        clade_buffer_free(&stage[i].sql);
    clade__as_of_end(&as_of);
    clade_features_free(features);
    clade_store_close(store);
    check_folder_remove(folder);
    return wrong;
}

static void every_feature_is_the_same_on_clickhouse(void **state)
{
    (void)state;
    const char *library = getenv("CLADE_CHDB");
    if (library == NULL) {
        print_message("skipped: CLADE_CHDB does not name libchdb.so\n");
        skip();
    }
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) fail_msg("%s", dlerror());
    *(void **)&chdb_connect = dlsym(handle, "chdb_connect");
    *(void **)&chdb_close   = dlsym(handle, "chdb_close_conn");
    *(void **)&chdb_query   = dlsym(handle, "chdb_query_n");
    *(void **)&chdb_error   = dlsym(handle, "chdb_result_error");
    *(void **)&chdb_buffer  = dlsym(handle, "chdb_result_buffer");
    *(void **)&chdb_length  = dlsym(handle, "chdb_result_length");
    *(void **)&chdb_free    = dlsym(handle, "chdb_destroy_query_result");
    assert_true(chdb_connect != NULL && chdb_close != NULL && chdb_query != NULL &&
                chdb_error != NULL && chdb_buffer != NULL && chdb_length != NULL &&
                chdb_free != NULL);

    char *arguments[] = { (char[]){ "chdb" }, NULL };
    clickhouse        = chdb_connect(1, arguments);
    assert_non_null(clickhouse);
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 12; seed++)
        wrong += compare_shop(seed);
    chdb_close(clickhouse);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_feature_is_the_same_on_clickhouse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
