/* Figures of a window, answers of customers, and what campaigns brought in: a few questions in SQL,
 * and the intervals around what they say. */
#include "clade/business.h"

#include "clade/time.h"

#include <math.h>
#include <stdio.h>

static const double z95 = 1.959963984540054;

static const clade_interval unknown = { NAN, NAN, NAN };

static clade_interval around(double value, double variance)
{
    const double wide = z95 * sqrt(variance);
    return isnan(variance) ? (clade_interval){ value, (double)NAN, (double)NAN }
                           : (clade_interval){ value, value - wide, value + wide };
}

const char *clade_figure_name(clade_figure figure)
{
    static const char *const names[] = { "conversion", "repurchase", "sales", "orders",
                                         "order_value" };
    return (unsigned)figure < CLADE_N_FIGURE ? names[figure] : "";
}

/* A log without money has no currency: two digits, as all of clade takes then. */
static double minor_of(clade_store *store)
{
    char currency[4] = "";
    (void)!clade_store_setting_get(currency, sizeof currency, store, "currency", NULL);
    return pow(10, clade_currency_digits(currency));
}

/* ---------------------------------------------------------------- figures of a window */

/* Events of [from, to) that count as of `to`: windows 0 (the later), 1 and 2. */
#define COUNTED                                                                                   \
    "WITH e AS (SELECT customer, kind, value_minor, hash(order_ref, CASE WHEN order_ref IS NULL " \
    "THEN customer END, CASE WHEN order_ref IS NULL THEN at_us END) AS order_key, "               \
    "(?1 - 1 - at_us) // ?2 AS w FROM event WHERE at_us >= ?1 - 3 * ?2 AND at_us < ?1 AND event " \
    "NOT IN (SELECT event FROM flag WHERE name = 'test_order' AND event IS NOT NULL AND since_us" \
    " < ?1) AND (customer IS NULL OR customer NOT IN (SELECT customer FROM flag WHERE name IN "   \
    "('test_order', 'staff', 'bot') AND customer IS NOT NULL AND since_us < ?1))) "

/* A customer without a number is one order. */
static const char CUSTOMERS[] = COUNTED
    ", c AS (SELECT customer, CASE WHEN customer IS NULL THEN order_key END AS nobody, "
    "bool_or(w = 0 AND kind IN ('view', 'search', 'click', 'cart')) AS look0, bool_or(w = 1 "
    "AND kind IN ('view', 'search', 'click', 'cart')) AS look1, bool_or(w = 0 AND kind = "
    "'purchase') AS buy0, bool_or(w = 1 AND kind = 'purchase') AS buy1, bool_or(w = 2 AND "
    "kind = 'purchase') AS buy2, coalesce(sum(value_minor) FILTER (w = 0 AND kind IN "
    "('purchase', 'refund')), 0)::DOUBLE AS net0, coalesce(sum(value_minor) FILTER (w = 1 "
    "AND kind IN ('purchase', 'refund')), 0)::DOUBLE AS net1 FROM e GROUP BY ALL) "
    "SELECT count(*) FILTER (look0 AND customer IS NOT NULL), count(*) FILTER (look0 AND "
    "buy0 AND customer IS NOT NULL), count(*) FILTER (look1 AND customer IS NOT NULL), "
    "count(*) FILTER (look1 AND buy1 AND customer IS NOT NULL), count(*) FILTER (buy1 AND "
    "customer IS NOT NULL), count(*) FILTER (buy1 AND buy0 AND customer IS NOT NULL), "
    "count(*) FILTER (buy2 AND customer IS NOT NULL), count(*) FILTER (buy2 AND buy1 AND "
    "customer IS NOT NULL), sum(net0), sum(net0 * net0), count(*) FILTER (net0 <> 0), "
    "sum(net1), sum(net1 * net1), count(*) FILTER (net1 <> 0) FROM c";

static const char ORDERS[] = COUNTED
    ", o AS (SELECT w, order_key, max(customer) AS customer, sum(value_minor)::DOUBLE AS v "
    "FROM e WHERE kind = 'purchase' AND value_minor IS NOT NULL GROUP BY 1, 2), c AS (SELECT "
    "w, customer, CASE WHEN customer IS NULL THEN order_key END AS nobody, count(*)::DOUBLE "
    "AS n FROM o GROUP BY ALL) SELECT (SELECT count(*) FROM o WHERE w = 0), (SELECT avg(v) "
    "FROM o WHERE w = 0), (SELECT var_samp(v) FROM o WHERE w = 0), (SELECT sum(n * n) FROM c "
    "WHERE w = 0), (SELECT count(*) FROM o WHERE w = 1), (SELECT avg(v) FROM o WHERE w = 1), "
    "(SELECT var_samp(v) FROM o WHERE w = 1), (SELECT sum(n * n) FROM c WHERE w = 1)";

static clade_status ask(double *out, size_t n_out, clade_store *store, const char *sql,
                        int64_t as_of_us, int days, clade_error *err)
{
    clade_rows       *rows    = NULL;
    clade_chunk       chunk   = { 0 };
    const clade_value args[2] = { CLADE_INT(as_of_us), CLADE_INT(days * CLADE_US_PER_DAY) };
    clade_status      status  = clade_store_query(&rows, store, sql, args, 2, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    for (size_t i = 0; status == CLADE_OK && i < n_out; i++)
        out[i] = chunk.n_rows == 0 ? (double)NAN : clade_chunk_real(&chunk, i, 0, (double)NAN);
    clade_rows_close(rows);
    return status;
}

static void share(clade_business_figure *out, double n_now, double yes_now, double n_before,
                  double yes_before)
{
    const double a = yes_now / n_now, b = yes_before / n_before;
    *out        = (clade_business_figure){ .n_now = (size_t)n_now, .n_before = (size_t)n_before };
    out->now    = clade_share_interval((size_t)yes_now, (size_t)n_now, 0.95);
    out->before = clade_share_interval((size_t)yes_before, (size_t)n_before, 0.95);
    out->change = around(a - b, a * (1 - a) / n_now + b * (1 - b) / n_before);
}

static void amount(clade_business_figure *out, double n_now, double now, double var_now,
                   double n_before, double before, double var_before, double unit)
{
    *out        = (clade_business_figure){ .n_now = (size_t)n_now, .n_before = (size_t)n_before };
    out->now    = around(now / unit, var_now / (unit * unit));
    out->before = around(before / unit, var_before / (unit * unit));
    out->change = around((now - before) / unit, (var_now + var_before) / (unit * unit));
}

static void no_before(clade_business_figure *figure)
{
    figure->n_before = 0;
    figure->before   = unknown;
    figure->change   = unknown;
}

clade_status clade_business_figures(clade_business_figure *out, clade_store *store,
                                    int64_t as_of_us, int days, clade_error *err)
{
    double  c[14], o[8];
    int64_t first = 0;
    if (days < 1)
        return clade_fail(err, CLADE_ERR_ARG, "a window of %d days, wanted 1 or more", days);
    const double minor = minor_of(store);
    CLADE_TRY(
        clade_store_int(&first, store, "SELECT min(at_us) FROM event", NULL, 0, INT64_MAX, err));
    CLADE_TRY(ask(c, 14, store, CUSTOMERS, as_of_us, days, err));
    CLADE_TRY(ask(o, 8, store, ORDERS, as_of_us, days, err));
    share(&out[CLADE_FIGURE_CONVERSION], c[0], c[1], c[2], c[3]);
    share(&out[CLADE_FIGURE_REPURCHASE], c[4], c[5], c[6], c[7]);
    amount(&out[CLADE_FIGURE_SALES], c[10], c[8], c[9], c[13], c[11], c[12], minor);
    amount(&out[CLADE_FIGURE_ORDERS], o[0], o[0], o[3], o[4], o[4], o[7], 1);
    amount(&out[CLADE_FIGURE_ORDER_VALUE], o[0], o[1], o[2] / o[0], o[4], o[5], o[6] / o[4], minor);
    const int64_t window = days * CLADE_US_PER_DAY;
    for (int f = 0; f < CLADE_N_FIGURE; f++) {
        const int reach = f == CLADE_FIGURE_REPURCHASE ? 3 : 2;
        if (first > as_of_us - reach * window) no_before(&out[f]);
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- answers */

static const char ANSWERS[] =
    "WITH a AS (SELECT question, score, at_us FROM survey WHERE score IS NOT NULL AND (at_us IS "
    "NULL OR at_us < ?1)), h AS (SELECT *, CASE WHEN at_us IS NOT NULL THEN 2 * row_number() OVER "
    "(PARTITION BY question, at_us IS NULL ORDER BY at_us, score) > count(*) OVER (PARTITION BY "
    "question, at_us IS NULL) END AS late FROM a) SELECT question, count(*), avg(score), "
    "var_samp(score), bool_and(score = round(score) AND score BETWEEN 0 AND 10) AND max(score) > "
    "5, "
    "avg((score >= 9)::INT), avg((score <= 6)::INT), avg(score) FILTER (late), var_samp(score) "
    "FILTER (late) / count(*) FILTER (late), avg(score) FILTER (NOT late), var_samp(score) FILTER "
    "(NOT late) / count(*) FILTER (NOT late) FROM h GROUP BY question ORDER BY count(*) DESC, "
    "question LIMIT 50";

static void read_answer(clade_satisfaction *out, const clade_chunk *chunk, size_t r)
{
    double v[11];
    for (size_t i = 1; i < 11; i++)
        v[i] = clade_chunk_real(chunk, i, r, (double)NAN);
    const clade_text question = clade_chunk_text(chunk, 0, r);
    const double     nps = v[5] - v[6], n = v[1];
    *out = (clade_satisfaction){ .n = (size_t)n, .has_nps = v[4] > 0 };
    (void)snprintf(out->question, sizeof out->question, "%.*s", (int)question.size, question.data);
    out->mean  = around(v[2], v[3] / n);
    out->nps   = out->has_nps ? around(nps, (v[5] + v[6] - nps * nps) / n) : unknown;
    out->trend = around(v[7] - v[9], v[8] + v[10]);
}

clade_status clade_satisfaction_ask(clade_satisfaction **out, size_t *out_n, clade_store *store,
                                    int64_t as_of_us, clade_arena *arena, clade_error *err)
{
    enum { QUESTIONS_MAX = 50 };
    clade_rows               *rows  = NULL;
    clade_chunk               chunk = { 0 };
    size_t                    n     = 0;
    const clade_value         arg   = CLADE_INT(as_of_us);
    clade_satisfaction *const all   = CLADE_ARENA_NEW(arena, clade_satisfaction, QUESTIONS_MAX);
    if (all == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the answers");
    clade_status status = clade_store_query(&rows, store, ANSWERS, &arg, 1, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    while (status == CLADE_OK && chunk.n_rows > 0) {
        for (size_t r = 0; r < chunk.n_rows && n < QUESTIONS_MAX; r++)
            read_answer(&all[n++], &chunk, r);
        status = clade_rows_next(&chunk, rows, err);
    }
    clade_rows_close(rows);
    if (status != CLADE_OK) return status;
    *out   = all;
    *out_n = n;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- campaigns */

/* w: weight of a customer; y: what they spent in the days after the first contact. */
static const char ARMS[] =
    "WITH t AS (SELECT campaign, coalesce(arm, '') AS arm, customer, min(at_us) AS at_us, "
    "sum(cost_minor)::DOUBLE AS cost, 1 / coalesce(nullif(max(propensity), 0), 1) AS w FROM touch "
    "WHERE at_us IS NOT NULL AND at_us + ?1 <= ?2 GROUP BY 1, 2, 3), y AS (SELECT t.campaign, "
    "t.arm, t.customer, t.at_us, t.cost, t.w, coalesce(sum(e.value_minor), 0)::DOUBLE AS y FROM t "
    "LEFT JOIN event e ON e.customer = t.customer AND e.kind IN ('purchase', 'refund') AND e.at_us "
    ">= t.at_us AND e.at_us < t.at_us + ?1 GROUP BY ALL) SELECT campaign, arm, min(at_us), "
    "count(*), "
    "sum(cost), sum(w), sum(w * y), sum(w * w), sum(w * w * y), sum(w * w * y * y), "
    "lower(arm) IN ('control', 'holdout', 'hold-out', 'none', 'no_contact', 'no contact', '对照', "
    "'对照组') AS control, min(min(at_us)) OVER (PARTITION BY campaign) AS began FROM y GROUP BY "
    "campaign, arm ORDER BY began DESC, campaign, control DESC, arm LIMIT 400";

typedef struct arm_sums {
    double mean, variance; /* of the mean, minor units */
} arm_sums;

static arm_sums read_arm(clade_campaign_arm *out, const clade_chunk *chunk, size_t r, double minor)
{
    double v[11];
    for (size_t i = 2; i < 11; i++)
        v[i] = clade_chunk_real(chunk, i, r, (double)NAN);
    const clade_text campaign = clade_chunk_text(chunk, 0, r), arm = clade_chunk_text(chunk, 1, r);
    const double     mean = v[6] / v[5];
    *out                  = (clade_campaign_arm){ .first_us = clade_chunk_int(chunk, 2, r, 0),
                                                  .n        = (size_t)v[3],
                                                  .cost     = v[4] / minor,
                                                  .revenue  = mean / minor,
                                                  .control  = v[10] > 0,
                                                  .gain     = unknown };
    (void)snprintf(out->campaign, sizeof out->campaign, "%.*s", (int)campaign.size, campaign.data);
    (void)snprintf(out->arm, sizeof out->arm, "%.*s", (int)arm.size, arm.data);
    const double variance = fmax(0, v[9] - 2 * mean * v[8] + mean * mean * v[7]) / (v[5] * v[5]);
    out->error            = sqrt(variance) / minor;
    return (arm_sums){ mean, variance };
}

clade_status clade_campaigns_weigh(clade_campaign_arm **out, size_t *out_n, clade_store *store,
                                   int64_t as_of_us, int days, clade_arena *arena, clade_error *err)
{
    enum { ARMS_MAX = 400 };
    clade_rows               *rows  = NULL;
    clade_chunk               chunk = { 0 };
    size_t                    n = 0, at = 0; /* at: the control of this campaign */
    arm_sums                  control = { 0, 0 };
    const double              minor   = minor_of(store);
    const clade_value         args[2] = { CLADE_INT(days * CLADE_US_PER_DAY), CLADE_INT(as_of_us) };
    clade_campaign_arm *const all     = CLADE_ARENA_NEW(arena, clade_campaign_arm, ARMS_MAX);
    if (all == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the campaigns");
    clade_status status = clade_store_query(&rows, store, ARMS, args, 2, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    while (status == CLADE_OK && chunk.n_rows > 0) {
        for (size_t r = 0; r < chunk.n_rows && n < ARMS_MAX; r++, n++) {
            const arm_sums one = read_arm(&all[n], &chunk, r, minor);
            if (all[n].control) {
                control = one;
                at      = n;
            } else if (n > 0 && all[at].control && strcmp(all[at].campaign, all[n].campaign) == 0) {
                all[n].gain = around((one.mean - control.mean) / minor,
                                     (one.variance + control.variance) / (minor * minor));
            }
        }
        status = clade_rows_next(&chunk, rows, err);
    }
    clade_rows_close(rows);
    if (status != CLADE_OK) return status;
    *out   = all;
    *out_n = n;
    return CLADE_OK;
}

/* Arms of one campaign share its control: what is not sure of that counts for all of them at once.
 */
clade_interval clade_campaigns_total(double *out_cost, const clade_campaign_arm *arm, size_t n)
{
    double value = 0, variance = 0, cost = 0;
    bool   any = false;
    for (size_t i = 0; i < n;) {
        const size_t first  = i;
        double       others = 0, control = (double)NAN;
        for (; i < n && strcmp(arm[i].campaign, arm[first].campaign) == 0; i++) {
            if (arm[i].control) control = arm[i].error;
            if (arm[i].control || isnan(arm[i].gain.value)) continue;
            const double size = (double)arm[i].n;
            value += size * arm[i].gain.value;
            variance += size * size * arm[i].error * arm[i].error;
            cost += isnan(arm[i].cost) ? 0 : arm[i].cost;
            others += size;
            any = true;
        }
        if (others > 0) variance += others * others * control * control;
    }
    *out_cost = any ? cost : (double)NAN;
    return any ? around(value, variance) : unknown;
}
