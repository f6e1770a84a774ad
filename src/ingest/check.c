/* Data quality of a whole workspace: one scan counts, and each count becomes a named check with a
 * verdict and a sentence in two languages. Examples are items, orders and days, never people. */
#include "load_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* One row of numbers, in the order of `count`. */
static const char COUNTS[] =
    "SELECT e.*, f.*, l.*, q.*, c.*, i.*, k.* FROM "
    "(SELECT count(*), count(*) FILTER (WHERE kind = 'purchase'), count(*) FILTER (WHERE kind = "
    "'refund'), "
    "approx_count_distinct(customer), count(*) FILTER (WHERE customer IS NULL), "
    "count(*) FILTER (WHERE kind = 'purchase' AND item IS NULL), "
    "count(*) FILTER (WHERE kind = 'purchase' AND amount_minor IS NULL), "
    "count(*) FILTER (WHERE amount_minor IS NOT NULL AND value_minor IS NULL), "
    "count(*) FILTER (WHERE amount_minor IS NOT NULL AND currency <> (SELECT coalesce(max(value), "
    "'XXX') "
    "FROM setting WHERE name = 'currency')), "
    "count(*) FILTER (WHERE kind = 'purchase' AND amount_minor = 0), "
    "count(*) FILTER (WHERE kind = 'custom' AND quantity < 0), "
    "count(*) FILTER (WHERE at_us > (SELECT coalesce(max(at_us), 0) + 50400000000 FROM load)) "
    "FROM event) e, "
    "(SELECT count(DISTINCT CASE WHEN name = 'test_order' THEN coalesce(customer, -event) END), "
    "count(DISTINCT CASE WHEN name = 'staff' THEN customer END), "
    "count(DISTINCT CASE WHEN name = 'bot' THEN customer END), "
    "count(*) FILTER (WHERE name = 'outlier_price'), count(*) FILTER (WHERE name = "
    "'outlier_quantity'), "
    "count(*) FILTER (WHERE name = 'unmatched_refund'), count(*) FILTER (WHERE name = "
    "'not_product') "
    "FROM flag) f, "
    "(SELECT CAST(coalesce(sum(rows_read), 0) AS BIGINT), CAST(coalesce(sum(rows_duplicate), 0) AS "
    "BIGINT) "
    "FROM load) l, "
    "(SELECT count(*) FROM quarantine) q, "
    "(SELECT count(*) FILTER (WHERE field = 'customer'), count(*) FILTER (WHERE field = "
    "'price_minor') "
    "FROM completion) c, "
    "(SELECT count(*), count(*) FILTER (WHERE category IS NULL) FROM (SELECT item, max(category) "
    "AS "
    "category FROM item GROUP BY item)) i, "
    "(SELECT count(*) FROM setting WHERE name LIKE 'clock/%') k";

typedef enum count {
    N_EVENTS,
    N_SALES,
    N_REFUNDS,
    N_PEOPLE,
    NO_CUSTOMER,
    NO_ITEM,
    NO_MONEY,
    NO_RATE,
    OTHER_CURRENCY,
    GIVEAWAY,
    ADJUSTMENT,
    FUTURE,
    TESTS,
    STAFF,
    BOTS,
    ODD_PRICES,
    ODD_QUANTITIES,
    UNMATCHED,
    NOT_PRODUCT,
    N_READ,
    N_DUPLICATE,
    N_QUARANTINE,
    DONE_CUSTOMERS,
    DONE_PRICES,
    N_ITEMS,
    NO_CATEGORY,
    NO_CLOCK,
    N_COUNTS
} count;

/* How a check reads its counts. `look` and `bad` are shares of `all`; 0 means that one row is
 * enough, 2 that nothing is. In the sentences %1$s is the count and %2$s the share. */
typedef struct check_rule {
    const char *name;
    count       n_bad, n_all;
    double      look, bad;
    const char *en, *zh;
    const char *example; /* SQL that gives one text, or NULL */
} check_rule;

static const check_rule RULES[] = {
    { "rows_quarantined", N_QUARANTINE, N_READ, 0, 0.05,
      "%1$s rows (%2$s) could not be stored and wait in quarantine.",
      "%1$s 行（%2$s）无法入库，已放入隔离区。",
      "SELECT file || ': line ' || line || ': ' || reason FROM quarantine ORDER BY load DESC, line "
      "LIMIT 1" },
    { "rows_duplicate", N_DUPLICATE, N_READ, 0.001, 0.5,
      "%1$s rows (%2$s) repeated what was already there and were left out.",
      "%1$s 行（%2$s）与已有数据重复，未再入库。", NULL },
    { "events_without_customer", NO_CUSTOMER, N_EVENTS, 0.01, 0.5,
      "%1$s events (%2$s) name no customer: they count in the money, not in any segment.",
      "%1$s 条事件（%2$s）没有客户编号：计入金额，但不属于任何分群。",
      "SELECT strftime(make_timestamp(at_us), '%Y-%m-%d') FROM event WHERE customer IS NULL ORDER "
      "BY event "
      "LIMIT 1" },
    { "sales_without_item", NO_ITEM, N_SALES, 0.01, 0.5,
      "%1$s sales (%2$s) do not say what was bought.", "%1$s 笔购买（%2$s）没有商品编号。", NULL },
    { "sales_without_money", NO_MONEY, N_SALES, 0, 0.2,
      "%1$s sales (%2$s) have neither a price nor an amount.",
      "%1$s 笔购买（%2$s）既无单价也无金额。",
      "SELECT strftime(make_timestamp(at_us), '%Y-%m-%d') FROM event WHERE kind = 'purchase' AND "
      "amount_minor "
      "IS NULL ORDER BY event LIMIT 1" },
    { "amounts_without_rate", NO_RATE, N_EVENTS, 0, 0,
      "%1$s amounts (%2$s) are in a currency without an exchange rate and count nowhere.",
      "%1$s 笔金额（%2$s）的币种没有汇率，未计入任何合计。",
      "SELECT currency FROM event WHERE amount_minor IS NOT NULL AND value_minor IS NULL GROUP BY "
      "currency "
      "ORDER BY count(*) DESC, currency LIMIT 1" },
    { "mixed_currencies", OTHER_CURRENCY, N_EVENTS, 0, 2,
      "%1$s amounts (%2$s) are in another currency than the shop's own.",
      "%1$s 笔金额（%2$s）不是店铺本币。",
      "SELECT currency FROM event WHERE currency <> (SELECT value FROM setting WHERE name = "
      "'currency') GROUP "
      "BY currency ORDER BY count(*) DESC, currency LIMIT 1" },
    { "giveaways", GIVEAWAY, N_SALES, 0.001, 0.3,
      "%1$s sales (%2$s) cost nothing: samples and presents, kept as orders without money.",
      "%1$s 笔购买（%2$s）金额为零：样品或赠品，保留为无金额订单。",
      "SELECT i.ref FROM event e JOIN item i ON i.item = e.item WHERE e.kind = 'purchase' AND "
      "e.amount_minor = "
      "0 ORDER BY e.event LIMIT 1" },
    { "stock_adjustments", ADJUSTMENT, N_EVENTS, 0, 2,
      "%1$s lines (%2$s) take goods away without customer or price: the stock room's own, kept "
      "apart from "
      "sales and refunds.",
      "%1$s 行（%2$s）数量为负且无客户无价格：属库存调整，不计为销售或退款。",
      "SELECT order_ref FROM event WHERE kind = 'custom' AND quantity < 0 ORDER BY event LIMIT 1" },
    { "not_product", NOT_PRODUCT, N_SALES, 0, 2,
      "%1$s lines (%2$s of sales) are carriage, fees, discounts or corrections, not goods.",
      "%1$s 行（占购买 %2$s）是运费、手续费、折扣或更正，不是商品。",
      "SELECT i.ref FROM flag f JOIN event e ON e.event = f.event JOIN item i ON i.item = e.item "
      "WHERE f.name = "
      "'not_product' ORDER BY f.event LIMIT 1" },
    { "unmatched_refunds", UNMATCHED, N_REFUNDS, 0.02, 0.6,
      "%1$s refunds (%2$s) undo sales that the log does not have: probably made before it begins.",
      "%1$s 笔退款（%2$s）找不到对应的购买：可能发生在数据起点之前。",
      "SELECT e.order_ref FROM flag f JOIN event e ON e.event = f.event WHERE f.name = "
      "'unmatched_refund' AND "
      "e.order_ref IS NOT NULL ORDER BY f.event LIMIT 1" },
    { "future_dates", FUTURE, N_EVENTS, 0, 0.01,
      "%1$s events (%2$s) lie in the future: a wrong time zone or a wrong clock.",
      "%1$s 条事件（%2$s）的时间在未来：时区或时钟有误。",
      "SELECT strftime(make_timestamp(max(at_us)), '%Y-%m-%d %H:%M') FROM event" },
    { "test_orders", TESTS, N_PEOPLE, 0, 0.1,
      "%1$s test accounts or test orders are flagged and kept out of segments.",
      "%1$s 个测试账号或测试订单已标记，不进入分群。", NULL },
    { "staff", STAFF, N_PEOPLE, 0, 0.1,
      "%1$s customers (%2$s) are members of staff, flagged and kept out of segments.",
      "%1$s 名客户（%2$s）为内部员工，已标记，不进入分群。", NULL },
    { "bots", BOTS, N_PEOPLE, 0, 0.05,
      "%1$s customers (%2$s) act faster or more evenly than people can, and are flagged as bots.",
      "%1$s 名客户（%2$s）的行为频率超出人的可能，已标记为机器人。", NULL },
    { "outlier_prices", ODD_PRICES, N_SALES, 0, 0.05,
      "%1$s sales (%2$s) have a price far from what the item cost before.",
      "%1$s 笔购买（%2$s）的单价与该商品以往价格相差悬殊。",
      "SELECT i.ref || ' on ' || strftime(make_timestamp(e.at_us), '%Y-%m-%d') || ': ' || f.reason "
      "FROM flag f "
      "JOIN event e ON e.event = f.event JOIN item i ON i.item = e.item WHERE f.name = "
      "'outlier_price' ORDER "
      "BY abs(e.value_minor) DESC, f.event LIMIT 1" },
    { "outlier_quantities", ODD_QUANTITIES, N_SALES, 0, 0.05,
      "%1$s sales (%2$s) are of quantities far above what the item sold before.",
      "%1$s 笔购买（%2$s）的数量远超该商品以往销量。",
      "SELECT i.ref || ' on ' || strftime(make_timestamp(e.at_us), '%Y-%m-%d') || ': ' || f.reason "
      "FROM flag f "
      "JOIN event e ON e.event = f.event JOIN item i ON i.item = e.item WHERE f.name = "
      "'outlier_quantity' "
      "ORDER BY e.quantity DESC, f.event LIMIT 1" },
    { "items_without_category", NO_CATEGORY, N_ITEMS, 0.2, 2,
      "%1$s items (%2$s) have no category: load a catalogue to see tastes.",
      "%1$s 个商品（%2$s）没有类目：导入商品表后才能看出偏好。", NULL },
    { "no_clock", NO_CLOCK, N_READ, 0, 2,
      "%1$s loaded files have no moments: their events run on an invented time line from "
      "2000-01-01.",
      "%1$s 个文件没有时间列：事件按虚拟时间轴（自 2000-01-01 起）排列。", NULL },
    { "completed_customers", DONE_CUSTOMERS, N_EVENTS, 2, 2,
      "%1$s lines (%2$s) took their customer from another line of the same order.",
      "%1$s 行（%2$s）的客户编号由同一订单的其他行补全。", NULL },
    { "completed_prices", DONE_PRICES, N_SALES, 0, 2,
      "%1$s sales (%2$s) took the last known price of their item; totals leave them out.",
      "%1$s 笔购买（%2$s）的单价取该商品最近一次价格；合计中未计入。", NULL },
};

static clade_status read_counts(int64_t n[N_COUNTS], clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    status              = clade_store_query(&rows, store, COUNTS, NULL, 0, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    for (size_t i = 0; status == CLADE_OK && i < N_COUNTS; i++) {
        n[i] = clade_chunk_int(&chunk, i, 0, 0);
    }
    clade_rows_close(rows);
    return status;
}

/* One text of one row, in the arena; NULL when there is none. */
static clade_status read_example(const char **out, clade_store *store, const char *sql,
                                 clade_arena *arena, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    *out                = NULL;
    status              = clade_store_query(&rows, store, sql, NULL, 0, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    if (status == CLADE_OK && chunk.n_rows > 0 && clade_chunk_valid(&chunk, 0, 0)) {
        const clade_text text = clade_chunk_text(&chunk, 0, 0);
        *out                  = clade_arena_text(arena, text.data, text.size);
    }
    clade_rows_close(rows);
    return status;
}

static void share_format(char out[16], double share)
{
    snprintf(out, 16,
             share < 0.001 && share > 0 ? "%.3f %%"
             : share < 0.1              ? "%.1f %%"
                                        : "%.0f %%",
             100 * share);
}

/* ---------------------------------------------------------------- slips of time zones */

enum { SLIP_EVENTS = 500 };

typedef struct day_shape {
    int64_t load;
    double  hour[24];
    double  n;
} day_shape;

/* Correlation of two daily rhythms, the second turned by `shift` hours. */
static double rhythm_match(const day_shape *a, const day_shape *b, int shift)
{
    double ab = 0, aa = 0, bb = 0;
    for (int h = 0; h < 24; h++) {
        const double x = a->hour[h] / a->n - 1.0 / 24;
        const double y = b->hour[(h + shift + 24) % 24] / b->n - 1.0 / 24;
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / __builtin_sqrt(aa * bb) : 0;
}

/* The hours that `b` runs ahead of `a`, when that is plain to see. */
static int slip_hours(const day_shape *a, const day_shape *b)
{
    int          best     = 0;
    double       match    = rhythm_match(a, b, 0);
    const double straight = match;
    for (int shift = -11; shift <= 12; shift++) {
        const double here = rhythm_match(a, b, shift);
        if (here > match) {
            match = here;
            best  = shift;
        }
    }
    return match > 0.8 && match - straight > 0.4 ? best : 0;
}

/* Loads with a clock whose day is turned against that of the largest one. Writes at most `room`. */
clade_status clade__zone_slips(clade__zone_slip *out, size_t room, size_t *out_n,
                               clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    day_shape   *shape  = CLADE_NEW(day_shape, CLADE_LOAD_MAX_FILES);
    size_t       n = 0, largest = 0;

    *out_n = 0;
    if (shape == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to compare days");
    status = clade_store_query(&rows, store,
                               "SELECT load, at_us // 3600000000 % 24 AS hour, count(*) FROM event "
                               "WHERE at_us % 86400000000 <> 0 "
                               "AND load NOT IN (SELECT CAST(substr(name, 7) AS BIGINT) FROM "
                               "setting WHERE name LIKE 'clock/%') "
                               "GROUP BY ALL ORDER BY 1, 2",
                               NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++) {
            const int64_t load = clade_chunk_int(&chunk, 0, i, 0);
            if (n == 0 || shape[n - 1].load != load) {
                if (n == CLADE_LOAD_MAX_FILES) break;
                shape[n++].load = load;
            }
            const double events = (double)clade_chunk_int(&chunk, 2, i, 0);
            shape[n - 1].hour[clade_chunk_int(&chunk, 1, i, 0)] += events;
            shape[n - 1].n += events;
        }
    }
    clade_rows_close(rows);
    for (size_t i = 1; i < n; i++)
        largest = shape[i].n > shape[largest].n ? i : largest;
    for (size_t i = 0; status == CLADE_OK && i < n && *out_n < room; i++) {
        if (i == largest || shape[i].n < SLIP_EVENTS) continue;
        const int hours = slip_hours(&shape[largest], &shape[i]);
        if (hours != 0) {
            out[(*out_n)++] = (clade__zone_slip){ shape[i].load, hours, (int64_t)shape[i].n };
        }
    }
    free(shape);
    return status;
}

static clade_status check_slips(clade_check_result *result, int64_t n_events, clade_store *store,
                                clade_arena *arena, clade_error *err)
{
    clade__zone_slip slip[16];
    size_t           n = 0;
    CLADE_TRY(clade__zone_slips(slip, 16, &n, store, err));
    *result = (clade_check_result){ .name = "zone_slips", .n_all = n_events };
    for (size_t i = 0; i < n; i++)
        result->n_bad += slip[i].n_events;
    result->verdict = n > 0 ? CLADE_CHECK_BAD : CLADE_CHECK_GOOD;
    char text[32];
    clade_count_format(text, result->n_bad);
    result->en = clade_arena_format(arena,
                                    "%s events come from files whose day runs against that of the "
                                    "others: a slip of time zones.",
                                    text);
    result->zh = clade_arena_format(
        arena, "%s 条事件所在文件的昼夜规律与其他文件错位：时区可能有误。", text);
    if (n > 0) {
        result->example =
            clade_arena_format(arena, "load %lld runs %d hours %s", (long long)slip[0].load,
                               abs(slip[0].hours), slip[0].hours > 0 ? "ahead" : "behind");
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the checks */

clade_status clade_check(clade_check_result **out_results, size_t *out_n, clade_store *store,
                         clade_arena *arena, clade_error *err)
{
    enum { N_RULES = sizeof RULES / sizeof RULES[0] };
    int64_t             n[N_COUNTS] = { 0 };
    clade_check_result *results     = CLADE_ARENA_NEW(arena, clade_check_result, N_RULES + 1);
    if (results == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the checks");
    CLADE_TRY(read_counts(n, store, err));
    for (size_t i = 0; i < N_RULES; i++) {
        const check_rule   *rule   = &RULES[i];
        clade_check_result *result = &results[i];
        char                number[32], percent[16];
        *result = (clade_check_result){ .name  = rule->name,
                                        .n_bad = n[rule->n_bad],
                                        .n_all = n[rule->n_all] };
        const double share =
            result->n_all > 0 ? (double)result->n_bad / (double)result->n_all : result->n_bad > 0;
        if (result->n_bad > 0 && share >= rule->bad)
            result->verdict = CLADE_CHECK_BAD;
        else if (result->n_bad > 0 && share >= rule->look)
            result->verdict = CLADE_CHECK_LOOK;
        clade_count_format(number, result->n_bad);
        share_format(percent, share);
        result->en = clade__sentence(arena, rule->en, number, percent);
        result->zh = clade__sentence(arena, rule->zh, number, percent);
        if (result->en == NULL || result->zh == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the checks");
        }
        if (result->verdict != CLADE_CHECK_GOOD && rule->example != NULL) {
            CLADE_TRY(read_example(&result->example, store, rule->example, arena, err));
        }
    }
    CLADE_TRY(check_slips(&results[N_RULES], n[N_EVENTS], store, arena, err));
    *out_results = results;
    *out_n       = N_RULES + 1;
    return CLADE_OK;
}

/* Put the two texts in the places %1$s and %2$s of a sentence; "%%" is a percent sign. */
const char *clade__sentence(clade_arena *arena, const char *format, const char *first,
                            const char *second)
{
    clade_buffer out = { 0 };
    for (const char *c = format; *c != '\0'; c++) {
        if (strncmp(c, "%1$s", 4) == 0 || strncmp(c, "%2$s", 4) == 0) {
            clade_buffer_text(&out, c[1] == '1' ? first : second);
            c += 3;
        } else {
            clade_buffer_append(&out, c, 1);
        }
    }
    char *text =
        out.failed || out.data == NULL ? NULL : clade_arena_text(arena, out.data, out.size);
    clade_buffer_free(&out);
    return text;
}

/* ---------------------------------------------------------------- quarantine */

static clade_status read_quarantined(clade_quarantined *out, clade_store *store,
                                     const clade_chunk *chunk, size_t i, clade_arena *arena,
                                     clade_error *err)
{
    clade_status     status = CLADE_OK;
    clade_buffer     open   = { 0 };
    const clade_text file   = clade_chunk_text(chunk, 1, i);
    const clade_text column = clade_chunk_text(chunk, 3, i);
    const clade_text reason = clade_chunk_text(chunk, 4, i);
    *out                    = (clade_quarantined){
                           .load   = clade_chunk_int(chunk, 0, i, 0),
                           .file   = clade_arena_text(arena, file.data, file.size),
                           .line   = clade_chunk_int(chunk, 2, i, 0),
                           .column = column.data == NULL ? NULL : clade_arena_text(arena, column.data, column.size),
                           .reason = clade_arena_text(arena, reason.data, reason.size),
    };
    status = clade_identity_unseal(&open, store, clade_chunk_int(chunk, 5, i, -1),
                                   clade_chunk_text(chunk, 6, i), err);
    if (status == CLADE_OK) out->raw = clade_arena_text(arena, open.data, open.size);
    if (status == CLADE_ERR_NOT_FOUND) status = CLADE_OK; /* the customer was forgotten */
    clade_buffer_free(&open);
    if (status == CLADE_OK && (out->file == NULL || out->reason == NULL)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the quarantine");
    }
    return status;
}

clade_status clade_quarantine_list(clade_quarantined **out_rows, size_t *out_n, int64_t *out_total,
                                   clade_store *store, size_t limit, clade_arena *arena,
                                   clade_error *err)
{
    clade_status       status = CLADE_OK;
    clade_rows        *rows   = NULL;
    clade_chunk        chunk  = { 0 };
    int64_t            total  = 0;
    size_t             n      = 0;
    clade_quarantined *list   = NULL;

    status = clade_store_int(&total, store, "SELECT count(*) FROM quarantine", NULL, 0, 0, err);
    if (status != CLADE_OK) goto done;
    if ((int64_t)limit > total) limit = (size_t)total;
    list = CLADE_ARENA_NEW(arena, clade_quarantined, limit + 1);
    if (list == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rows of quarantine", limit);
        goto done;
    }
    const clade_value most = CLADE_INT((int64_t)limit);
    status =
        clade_store_query(&rows, store,
                          "SELECT load, file, line, column_name, reason, customer, sealed_raw FROM "
                          "quarantine ORDER BY load DESC, line, reason LIMIT ?",
                          &most, 1, err);
    while (status == CLADE_OK && n < limit) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && n < limit && status == CLADE_OK; i++) {
            status = read_quarantined(&list[n], store, &chunk, i, arena, err);
            n += status == CLADE_OK;
        }
    }
    if (status != CLADE_OK) goto done;
    *out_rows  = list;
    *out_n     = n;
    *out_total = total;
done:
    clade_rows_close(rows);
    return status;
}
