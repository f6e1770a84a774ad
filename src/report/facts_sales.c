/* What the shop's sales say: totals, months, the values of orders and the gaps between them. One
 * scan makes a table of sales that count; the rest reads that. */
#include "facts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Sales and refunds that count as of the moment: worth something known, by nobody who was flagged
 * as a test, as staff or as a bot by then. Days are those of the shop's clock. */
static const char SALES[] =
    "CREATE OR REPLACE TEMP TABLE report_sale AS "
    "SELECT customer, kind = 'refund' AS refund, at_us, at_us + %lld AS local_us, value_minor, "
    "hash(order_ref, CASE WHEN order_ref IS NULL THEN customer END, "
    "CASE WHEN order_ref IS NULL THEN at_us END) AS order_key FROM event "
    "WHERE kind IN ('purchase', 'refund') AND value_minor IS NOT NULL AND at_us < %lld "
    "AND event NOT IN (SELECT event FROM flag WHERE name = 'test_order' AND event IS NOT NULL AND "
    "since_us < %lld) AND (customer IS NULL OR customer NOT IN (SELECT customer FROM flag WHERE "
    "name IN ('test_order', 'staff', 'bot') AND customer IS NOT NULL AND since_us < %lld))";

static const char TOTALS[] =
    "SELECT CAST(coalesce(sum(value_minor), 0) AS BIGINT), "
    "CAST(coalesce(sum(value_minor) FILTER (WHERE NOT refund), 0) AS BIGINT), "
    "CAST(coalesce(-sum(value_minor) FILTER (WHERE refund), 0) AS BIGINT), "
    "count(DISTINCT CASE WHEN NOT refund THEN order_key END) FROM report_sale";

static const char MONTHS[] =
    "SELECT CAST(year(day) AS BIGINT), CAST(month(day) AS BIGINT), CAST(sum(value_minor) AS "
    "BIGINT), count(DISTINCT CASE WHEN NOT refund THEN order_key END) FROM (SELECT *, "
    "make_timestamp(local_us) AS day FROM report_sale) GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC "
    "LIMIT 60";

static const char ORDERS[] =
    "CREATE OR REPLACE TEMP TABLE report_order AS SELECT order_key, max(customer) AS customer, "
    "min(at_us) AS at_us, CAST(sum(value_minor) AS BIGINT) AS value FROM report_sale WHERE NOT "
    "refund GROUP BY order_key HAVING sum(value_minor) > 0";

static const char VALUE_RANGE[] =
    "SELECT coalesce(quantile_disc(value, 0.01), 0), coalesce(quantile_disc(value, 0.99), 0), "
    "coalesce(quantile_disc(value, 0.5), 0), count(*) FROM report_order";

static const char GAPS[] =
    "CREATE OR REPLACE TEMP TABLE report_gap AS SELECT (at_us - before_us) / 86400000000.0 AS days "
    "FROM (SELECT at_us, lag(at_us) OVER (PARTITION BY customer ORDER BY at_us, order_key) AS "
    "before_us FROM report_order WHERE customer IS NOT NULL) WHERE before_us IS NOT NULL";

static const char GAP_MIDDLE[] =
    "SELECT coalesce(quantile_disc(days, 0.5), 0), count(*) FROM report_gap";

static const char DROP[] = "DROP TABLE IF EXISTS report_gap; DROP TABLE IF EXISTS report_order; "
                           "DROP TABLE IF EXISTS report_sale";

/* One row of a small question, as doubles. */
static clade_status ask(double *out, size_t n_out, clade_store *store, const char *sql,
                        clade_error *err)
{
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_status status = clade_store_query(&rows, store, sql, NULL, 0, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    for (size_t i = 0; status == CLADE_OK && i < n_out; i++) {
        out[i] = chunk.n_rows == 0 ? 0 : clade_chunk_real(&chunk, i, 0, 0);
    }
    clade_rows_close(rows);
    return status;
}

static clade_status read_months(facts *f, clade_store *store, clade_error *err)
{
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_status status = clade_store_query(&rows, store, MONTHS, NULL, 0, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    while (status == CLADE_OK && chunk.n_rows > 0) {
        for (size_t r = 0; r < chunk.n_rows && f->n_months < FACTS_MONTHS_MAX; r++) {
            f->month[f->n_months++] = (month_view){
                .year     = (int)clade_chunk_int(&chunk, 0, r, 0),
                .month    = (int)clade_chunk_int(&chunk, 1, r, 0),
                .net      = clade_chunk_real(&chunk, 2, r, 0),
                .n_orders = clade_chunk_int(&chunk, 3, r, 0),
            };
        }
        status = clade_rows_next(&chunk, rows, err);
    }
    clade_rows_close(rows);
    for (size_t i = 0; i + 1 < f->n_months - i; i++) { /* the oldest first */
        const month_view swap         = f->month[i];
        f->month[i]                   = f->month[f->n_months - 1 - i];
        f->month[f->n_months - 1 - i] = swap;
    }
    return status;
}

/* Edges 1, 2, 5, 10, ... times a power of ten that span what most values span. */
static void round_edges(bins_view *bins, double low, double high)
{
    static const double steps[] = { 1, 2, 5 };
    int                 power   = low > 0 ? (int)floor(log10(low)) : 0;
    size_t              step    = 0;
    double              edge    = pow(10, power);
    while (step < 2 && pow(10, power) * steps[step + 1] <= low)
        step++;
    bins->n       = 0;
    bins->edge[0] = 0;
    for (edge = pow(10, power) * steps[step]; bins->n < 11; edge = pow(10, power) * steps[step]) {
        bins->edge[++bins->n] = edge;
        if (edge >= high) break;
        if (++step == 3) {
            step = 0;
            power++;
        }
    }
    bins->edge[++bins->n] = INFINITY;
}

size_t bins_place(const bins_view *bins, double value)
{
    size_t b = 0;
    while (b + 1 < bins->n && value >= bins->edge[b + 1])
        b++;
    return b;
}

/* Counts of a column of a table by the edges: the store counts, nothing is fetched. */
static clade_status count_bins(bins_view *bins, clade_store *store, const char *table,
                               const char *column, double scale, clade_error *err)
{
    clade_buffer sql = { 0 };
    double       count[FACTS_BINS_MAX];
    clade_buffer_text(&sql, "SELECT ");
    for (size_t b = 0; b < bins->n; b++) {
        clade_buffer_format(&sql, "%scount(*) FILTER (WHERE TRUE", b == 0 ? "" : ", ");
        if (b > 0) clade_buffer_format(&sql, " AND %s >= %.17g", column, bins->edge[b] * scale);
        if (b + 1 < bins->n) {
            clade_buffer_format(&sql, " AND %s < %.17g", column, bins->edge[b + 1] * scale);
        }
        clade_buffer_text(&sql, ")");
    }
    clade_buffer_format(&sql, " FROM %s", table);
    clade_status status = sql.failed ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for a question")
                                     : ask(count, bins->n, store, sql.data, err);
    clade_buffer_free(&sql);
    for (size_t b = 0; status == CLADE_OK && b < bins->n; b++)
        bins->count[b] = (int64_t)count[b];
    return status;
}

static clade_status read_orders(facts *f, clade_store *store, clade_error *err)
{
    static const double days[] = { 0, 1, 8, 15, 31, 61, 91, 181, 366 };
    double              range[4], middle[2];
    CLADE_TRY(clade_store_run(store, ORDERS, NULL, 0, err));
    CLADE_TRY(ask(range, 4, store, VALUE_RANGE, err));
    f->order_value.total  = (int64_t)range[3];
    f->order_value.median = range[3] > 0 ? range[2] : (double)NAN;
    round_edges(&f->order_value, range[0] / f->minor, range[1] / f->minor);
    CLADE_TRY(count_bins(&f->order_value, store, "report_order", "value", f->minor, err));

    CLADE_TRY(clade_store_run(store, GAPS, NULL, 0, err));
    CLADE_TRY(ask(middle, 2, store, GAP_MIDDLE, err));
    f->gap.total  = (int64_t)middle[1];
    f->gap.median = middle[1] > 0 ? middle[0] : (double)NAN;
    f->gap.n      = sizeof days / sizeof days[0];
    memcpy(f->gap.edge, days, sizeof days);
    f->gap.edge[f->gap.n] = INFINITY;
    return count_bins(&f->gap, store, "report_gap", "days", 1, err);
}

/* Hours between the shop's clock and UTC, as they are at the study's moment. */
static clade_status clock_offset(int64_t *out_us, facts *f, clade_store *store, clade_error *err)
{
    char         name[128];
    clade_zone  *zone   = NULL;
    clade_status status = clade_store_setting_get(name, sizeof name, store, "zone", NULL);
    *out_us             = 0;
    if (status == CLADE_ERR_NOT_FOUND) {
        f->zone = CLADE_TEXT("UTC");
        return CLADE_OK;
    }
    if (status != CLADE_OK) return clade_store_setting_get(name, sizeof name, store, "zone", err);
    CLADE_TRY(clade_zone_open(&zone, name, err));
    *out_us = clade_zone_to_local(zone, f->as_of_us) - f->as_of_us;
    f->zone = clade_text_of(clade_arena_text(f->arena, name, strlen(name)));
    clade_zone_close(zone);
    return CLADE_OK;
}

clade_status facts_sales(facts *f, clade_store *store, clade_error *err)
{
    char    sql[2048];
    double  total[4];
    int64_t offset_us = 0;
    CLADE_TRY(clock_offset(&offset_us, f, store, err));
    const long long as_of = f->as_of_us;
    snprintf(sql, sizeof sql, SALES, (long long)offset_us, as_of, as_of, as_of);
    CLADE_TRY(clade_store_run(store, sql, NULL, 0, err));
    CLADE_TRY(ask(total, 4, store, TOTALS, err));
    f->net      = total[0];
    f->sold     = total[1];
    f->refunded = total[2];
    f->n_orders = (int64_t)total[3];
    CLADE_TRY(read_months(f, store, err));
    CLADE_TRY(read_orders(f, store, err));
    return clade_store_run(store, DROP, NULL, 0, err);
}
