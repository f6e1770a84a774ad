/* How much time do the features of every customer take beside the plain DuckDB query for the same?
 *
 *     pipeline_bench_features WORKSPACE [--as-of DAY] [--runs N] [--plain-load FOLDER]
 *
 * The plain query is one statement: the stages as common table expressions and the final selection,
 * as an analyst would hand it to DuckDB, with its rows read and dropped. clade_features_compute
 * runs the stages one by one and fills a matrix in the order of customers. Each runs N times (3),
 * taking turns, on the same open workspace.
 *
 * With --plain-load the workspace is made first from the demo shop's orders.csv and events.csv by
 * two plain INSERT ... SELECT FROM read_csv, without any cleaning: the yardstick of `clade load`.
 */
#include "bench.h"
#include "internal.h"

#include "clade/run.h"

#include <getopt.h>

enum { MAX_RUNS = 100 };

static void check(clade_status status, const clade_error *err)
{
    if (status == CLADE_OK) return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

/* Money as minor units, moments as microseconds; ids are numbers already, item numbers follow a P.
 */
static const char plain_orders[] =
    "INSERT INTO event (event, customer, at_us, kind, item, quantity, price_minor, amount_minor, "
    "value_minor,"
    " discount_minor, currency, order_ref, channel, coupon, row_key, load) "
    "SELECT CAST(hash(order_id, product_id) >> 1 AS BIGINT), try_cast(customer_id AS BIGINT),"
    " epoch_us(try_strptime(created_at, '%%Y-%%m-%%d %%H:%%M:%%S %%z')),"
    " CASE WHEN quantity < 0 THEN 'refund' ELSE 'purchase' END, try_cast(product_id[2:] AS BIGINT),"
    " abs(quantity), round(unit_price * 100), round(line_total * 100),"
    " round(line_total * exchange_rate * 100), round(discount * 100), currency, order_id, "
    "sales_channel,"
    " coupon_code, hash(order_id, product_id, created_at), 1 "
    "FROM read_csv('%s/orders.csv', header = true, ignore_errors = true, types = {'created_at': "
    "'VARCHAR',"
    " 'customer_id': 'VARCHAR', 'quantity': 'DOUBLE', 'unit_price': 'DOUBLE', 'line_total': "
    "'DOUBLE',"
    " 'discount': 'DOUBLE', 'exchange_rate': 'DOUBLE', 'coupon_code': 'VARCHAR'}) "
    "WHERE try_strptime(created_at, '%%Y-%%m-%%d %%H:%%M:%%S %%z') IS NOT NULL AND status <> "
    "'cancelled'";

static const char plain_events[] =
    "INSERT INTO event (event, customer, at_us, kind, item, query, session_key, channel, device, "
    "dwell_us,"
    " row_key, load) "
    "SELECT CAST(hash(event_id) >> 1 AS BIGINT), try_cast(customer_id AS BIGINT), "
    "epoch_us(event_time),"
    " CASE event_name WHEN 'view_item' THEN 'view' WHEN 'add_to_cart' THEN 'cart' WHEN 'search' "
    "THEN 'search'"
    " WHEN 'select_item' THEN 'click' WHEN 'remove_from_cart' THEN 'uncart' WHEN 'begin_checkout' "
    "THEN 'checkout'"
    " WHEN 'login' THEN 'login' WHEN 'add_to_wishlist' THEN 'wish' WHEN 'share' THEN 'share' ELSE "
    "'custom' END,"
    " try_cast(product_id[2:] AS BIGINT), search_term, CAST(hash(session_id) >> 1 AS BIGINT), "
    "channel, device, dwell_seconds "
    "* 1000000,"
    " hash(event_id), 2 "
    "FROM read_csv('%s/events.csv', header = true, types = {'event_time': 'TIMESTAMP', "
    "'customer_id':"
    " 'VARCHAR', 'dwell_seconds': 'BIGINT', 'search_term': 'VARCHAR', 'product_id': 'VARCHAR'})";

static void load_plainly(clade_store *store, const char *folder)
{
    const char *const statement[] = { plain_orders, plain_events };
    const char *const name[]      = { "plain_orders", "plain_events" };
    clade_error       err         = { 0 };
    for (size_t i = 0; i < 2; i++) {
        clade_buffer sql   = { 0 };
        const double start = clade_seconds();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        clade_buffer_format(&sql, statement[i], folder);
#pragma GCC diagnostic pop
        check(clade_store_run(store, sql.data, NULL, 0, &err), &err);
        printf("%s\t%.3f\n", name[i], clade_seconds() - start);
        clade_buffer_free(&sql);
    }
    check(clade_store_setting_set(store, "currency", "CNY", &err), &err);
    check(clade_store_setting_set(store, "zone", "Asia/Shanghai", &err), &err);
}

/* WITH f_skip AS MATERIALIZED (...), ... SELECT ...: everything in one statement. */
static void make_statement(clade_buffer *out, clade_store *store, int64_t as_of_us)
{
    static clade__stage stage[CLADE__MAX_STAGES];
    clade__as_of        as_of = { 0 };
    clade_error         err   = { 0 };
    size_t              n     = 0;
    check(clade__as_of_begin(&as_of, store, as_of_us, &err), &err);
    check(clade__stages_make(stage, &n, &as_of, &err), &err);
    for (size_t i = 0; i < n; i++) {
        clade_buffer_format(out, "%s %s AS MATERIALIZED (", i == 0 ? "WITH" : ",\n", stage[i].name);
        clade_buffer_append(out, stage[i].sql.data, stage[i].sql.size);
        clade_buffer_text(out, "\n)");
        clade_buffer_free(&stage[i].sql);
    }
    clade_buffer_text(out, "\n");
    clade__final_make(out, &as_of);
    clade__as_of_end(&as_of);
    if (out->failed) exit(1);
}

static double run_plainly(clade_store *store, const char *sql, size_t *out_rows)
{
    clade_rows  *rows  = NULL;
    clade_chunk  chunk = { 0 };
    clade_error  err   = { 0 };
    size_t       n     = 0;
    const double start = clade_seconds();
    check(clade_store_query(&rows, store, sql, NULL, 0, &err), &err);
    for (;;) {
        check(clade_rows_next(&chunk, rows, &err), &err);
        if (chunk.n_rows == 0) break;
        n += chunk.n_rows;
        bench_keep(clade_chunk_data(&chunk, chunk.n_columns - 1));
    }
    clade_rows_close(rows);
    *out_rows = n;
    return clade_seconds() - start;
}

static double run_clade(clade_store *store, int64_t as_of_us, size_t *out_rows)
{
    clade_features *features = NULL;
    clade_error     err      = { 0 };
    const double    start    = clade_seconds();
    check(clade_features_compute(&features, store, as_of_us, &err), &err);
    *out_rows = features->n_customers;
    clade_features_free(features);
    return clade_seconds() - start;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double report(const char *name, double *seconds, size_t n)
{
    qsort(seconds, n, sizeof *seconds, rising);
    const double median = 0.5 * (seconds[(n - 1) / 2] + seconds[n / 2]);
    printf("%s\t%.3f\tbest\t%.3f\n", name, median, seconds[0]);
    return median;
}

static void compare(clade_store *store, int64_t as_of_us, size_t n_runs)
{
    static double ours[MAX_RUNS], plain[MAX_RUNS];
    clade_buffer  sql    = { 0 };
    size_t        n_ours = 0, n_plain = 0, n_features = 0;
    clade_error   err = { 0 };
    (void)clade_features_all(&n_features);
    check(clade_store_run(store, clade__feature_macros, NULL, 0, &err), &err);
    make_statement(&sql, store, as_of_us);
    for (size_t i = 0; i < n_runs; i++) {
        plain[i] = run_plainly(store, sql.data, &n_plain);
        ours[i]  = run_clade(store, as_of_us, &n_ours);
    }
    if (n_ours != n_plain) {
        fprintf(stderr, "clade gives %zu customers, the plain query %zu\n", n_ours, n_plain);
        exit(1);
    }
    const double a = report("features_clade", ours, n_runs),
                 b = report("features_plain", plain, n_runs);
    printf("features_ratio\t%.3f\ncustomers\t%zu\nfeatures\t%zu\n", a / b, n_ours, n_features);
    clade_buffer_free(&sql);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "as-of", required_argument, NULL, 'a' },
                                             { "runs", required_argument, NULL, 'r' },
                                             { "plain-load", required_argument, NULL, 'p' },
                                             { NULL, 0, NULL, 0 } };
    clade_store               *store     = NULL;
    clade_error                err       = { 0 };
    const char                *folder    = NULL;
    int64_t                    as_of     = 0;
    size_t                     n_runs    = 3;
    int                        option;
    check(clade_time_parse(&as_of, "2024-10-01T00:00:00+08:00", &err), &err);
    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (option == 'a')
            check(clade_time_parse(&as_of, optarg, &err), &err);
        else if (option == 'r')
            n_runs = strtoul(optarg, NULL, 10);
        else if (option == 'p')
            folder = optarg;
        else
            return 2;
    }
    if (optind + 1 != argc || n_runs < 1 || n_runs > MAX_RUNS) {
        fprintf(stderr, "usage: %s WORKSPACE [--as-of DAY] [--runs N] [--plain-load FOLDER]\n",
                argv[0]);
        return 2;
    }
    const clade_store_options how = { .create = folder != NULL };
    check(clade_store_open(&store, argv[optind], &how, &err), &err);
    if (folder != NULL) load_plainly(store, folder);
    compare(store, as_of, n_runs);
    clade_store_close(store);
    return 0;
}
