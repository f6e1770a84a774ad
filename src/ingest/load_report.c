/* Telling what a load found: problems ranked by how much of the data or of the money they touch,
 * five facts about money, and the repairs a user may accept. */
#include "load_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_PROBLEMS = 256 };

typedef struct teller {
    clade_load_report *report;
    load_state        *state;
    clade_arena       *arena;
    clade_problem     *problem;
    size_t             n;
} teller;

/* ---------------------------------------------------------------- words */

static void money_text(char out[64], int64_t minor, const char currency[4])
{
    char number[40];
    clade_money_format(number, minor, currency, true);
    if (strcmp(currency, "XXX") == 0)
        snprintf(out, 64, "%s", number);
    else
        snprintf(out, 64, "%s %s", number, currency);
}

static clade_problem *add(teller *t, const char *id, const char *file, int64_t n_rows,
                          double weight)
{
    if (t->n == MAX_PROBLEMS) return NULL;
    clade_problem *problem = &t->problem[t->n++];
    *problem = (clade_problem){ .id = id, .file = file, .n_rows = n_rows, .weight = weight };
    return problem;
}

static void say(clade_problem *problem, const char *en, const char *zh)
{
    if (problem == NULL) return;
    problem->en = en;
    problem->zh = zh;
}

static void repair(clade_problem *problem, const char *id, const char *en, const char *zh)
{
    if (problem == NULL) return;
    problem->repair    = id;
    problem->repair_en = en;
    problem->repair_zh = zh;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* ---------------------------------------------------------------- problems of one file */

static void tell_plan(teller *t, const load_note *note)
{
    const load_plan *plan = note->plan;
    clade_arena     *a    = t->arena;
    for (size_t i = 0; i < plan->n_columns; i++) {
        const clade_column_map *column = &plan->mapping.column[i];
        const bool date = column->field == CLADE_FIELD_TIME || column->field == CLADE_FIELD_DATE ||
                          column->field == CLADE_FIELD_REGISTERED;
        if (!date || column->time_unit != 0 || column->date_order == CLADE_DATE_YMD ||
            column->date_proved) {
            continue;
        }
        const bool     dmy = column->date_order == CLADE_DATE_DMY;
        clade_problem *p   = add(t, "date_order", note->path, note->tally.n_rows, 0.9);
        say(p,
            clade_arena_format(a,
                               "The dates in column %s were read as %s, but no value proves that "
                               "order.",
                               plan->column[i], dmy ? "day/month" : "month/day"),
            clade_arena_format(a, "%s 列的日期按“%s”读取，但没有任何值能证明这一顺序。",
                               plan->column[i], dmy ? "日/月" : "月/日"));
        repair(p, NULL,
               clade_arena_format(a,
                                  "if it is wrong: clade load --repair undo:%lld, then "
                                  "load with the dates written year-month-day",
                                  (long long)note->load),
               clade_arena_format(a,
                                  "若不对：clade load --repair undo:%lld，并以年-月-日格式重新导入",
                                  (long long)note->load));
    }
    if (plan->no_clock) {
        clade_problem *p = add(t, "no_clock", note->path, note->tally.n_rows, 0.6);
        say(p,
            "No column holds a moment: events run on an invented time line from 2000-01-01, so "
            "recency and seasons mean nothing.",
            "没有时间列：事件按虚拟时间轴（自 2000-01-01 起）排列，时间类特征没有意义。");
    }
    if (plan->coarse && note->n_repeats_kept > 0) {
        char n[32];
        clade_count_format(n, note->n_repeats_kept);
        clade_problem *p = add(t, "repeats_kept", note->path, note->n_repeats_kept,
                               share(note->n_repeats_kept, note->tally.n_rows));
        say(p,
            clade_arena_format(a,
                               "%s rows repeat another row exactly; with no order id and no clock "
                               "finer than an hour they may be real, and were kept.",
                               n),
            clade_arena_format(
                a,
                "%s 行与其他行完全相同；因无订单号且时间精度不足一小时，可能是真实重复，已保留。",
                n));
    }
    if (note->header_note != NULL) {
        clade_problem *p = add(t, "header", note->path, 0, 0.05);
        say(p, clade_arena_format(a, "The header is odd: %s.", note->header_note),
            clade_arena_format(a, "表头异常：%s。", note->header_note));
    }
}

/* Columns that found no place, by name; NULL when every one did. */
static const char *left_out(const load_plan *plan, clade_arena *arena)
{
    enum { MOST_NAMES = 8 };
    const char *names = NULL;
    int         n     = 0;
    if (plan->shape == CLADE_SHAPE_CUSTOMERS || plan->shape == CLADE_SHAPE_REVIEWS) return NULL;
    for (size_t i = 0; i < plan->n_columns; i++) {
        const clade_field field = plan->mapping.column[i].field;
        if (field != CLADE_FIELD_NONE && field != CLADE_FIELD_ATTRIBUTE) continue;
        if (n++ == MOST_NAMES) return clade_arena_format(arena, "%s, ...", names);
        names = names == NULL ? plan->column[i]
                              : clade_arena_format(arena, "%s, %s", names, plan->column[i]);
        if (names == NULL) return NULL;
    }
    return names;
}

static void tell_columns(teller *t, const load_note *note)
{
    const load_plan *plan  = note->plan;
    const char      *names = left_out(plan, t->arena);
    if (names != NULL) {
        clade_problem *p = add(t, "columns_left_out", note->path, 0, 0.01);
        say(p,
            clade_arena_format(
                t->arena, "Columns that have no place in this table were left out: %s.", names),
            clade_arena_format(t->arena, "以下列在该表中没有对应字段，未保存：%s。", names));
        repair(p, NULL, "give one a meaning: clade load --map their_name=ours",
               "可指定含义：clade load --map 原列名=字段");
    }
    if (plan->shape == CLADE_SHAPE_CUSTOMERS && plan->of[CLADE_FIELD_REGISTERED] < 0 &&
        plan->of[CLADE_FIELD_TIME] < 0 && plan->of[CLADE_FIELD_DATE] < 0) {
        clade_problem *p = add(t, "undated_attributes", note->path, note->tally.n_rows, 0.2);
        say(p,
            "Nothing says since when these attributes hold: they are taken as known from the "
            "start, "
            "which flatters tests over the past.",
            "没有列说明这些属性从何时起有效：按一开始即已知处理，回测结果可能偏乐观。");
    }
}

static void tell_rows(teller *t, const load_note *note)
{
    const load_tally *tally = &note->tally;
    clade_arena      *a     = t->arena;
    char              n[32];
    if (tally->n_bad > 0) {
        clade_count_format(n, tally->n_bad);
        clade_problem *p = add(t, "rows_quarantined", note->path, tally->n_bad,
                               share(tally->n_bad, tally->n_rows));
        say(p,
            clade_arena_format(a, "%s rows could not be stored; the first is line %lld: %s.", n,
                               (long long)tally->bad_line, tally->bad_example),
            clade_arena_format(a, "%s 行无法入库；第一处在第 %lld 行：%s。", n,
                               (long long)tally->bad_line, tally->bad_example));
        repair(p, NULL, "clade check --quarantine lists them",
               "clade check --quarantine 可逐行查看");
    }
    if (tally->n_unknown_kind > 0) {
        clade_count_format(n, tally->n_unknown_kind);
        clade_problem *p = add(t, "unknown_kind", note->path, tally->n_unknown_kind,
                               share(tally->n_unknown_kind, tally->n_rows));
        say(p,
            clade_arena_format(
                a,
                "%s events are of a kind that clade does not know, as \"%s\"; they are "
                "kept as custom.",
                n, tally->unknown_kind),
            clade_arena_format(a, "%s 条事件的类型无法识别，例如“%s”；已按自定义类型保存。", n,
                               tally->unknown_kind));
    }
    if (note->n_undone > 0) {
        clade_count_format(n, note->n_undone);
        clade_problem *p = add(t, "cancelled_orders", note->path, note->n_undone,
                               share(note->n_undone, tally->n_rows));
        say(p,
            clade_arena_format(
                a,
                "%s order lines are cancelled or refunded by their status; they come to "
                "nothing in every total.",
                n),
            clade_arena_format(a, "%s 行订单的状态为取消或退款；在各项合计中净额为零。", n));
    }
    if (tally->n_redacted > 0) {
        clade_count_format(n, tally->n_redacted);
        clade_problem *p = add(t, "redacted", note->path, tally->n_redacted,
                               share(tally->n_redacted, tally->n_rows));
        say(p,
            clade_arena_format(
                a,
                "%s texts held e-mail addresses or telephone numbers, which were taken "
                "out before storing.",
                n),
            clade_arena_format(a, "%s 处文本含有邮箱或电话号码，入库前已去除。", n));
    }
    if (note->plan->money_matters && strcmp(t->state->shop_currency, "XXX") == 0) {
        clade_problem *p = add(t, "no_currency", note->path, tally->n_rows, 0.3);
        say(p, "Nothing says which currency the amounts are in.", "没有任何信息说明金额的币种。");
        repair(p, "currency:USD", "clade load --repair currency:USD (or the currency it is)",
               "clade load --repair currency:CNY（或实际币种）");
    }
}

/* ---------------------------------------------------------------- problems of the workspace */

typedef struct check_words {
    const char *name;  /* of the check */
    const char *money; /* SQL: the money it touches, minor units */
    const char *repair, *repair_en, *repair_zh;
} check_words;

static const check_words CHECKS[] = {
    { "events_without_customer",
      "SELECT CAST(coalesce(sum(abs(value_minor)), 0) AS BIGINT) FROM event WHERE customer IS NULL "
      "AND kind = "
      "'purchase'",
      NULL, NULL, NULL },
    { "sales_without_money", NULL, NULL, NULL, NULL },
    { "amounts_without_rate", NULL, NULL, "say what it is worth: clade load --rate EUR=1.08",
      "请给出汇率：clade load --rate EUR=1.08" },
    { "mixed_currencies",
      "SELECT CAST(coalesce(sum(abs(value_minor)), 0) AS BIGINT) FROM event WHERE currency <> "
      "(SELECT value "
      "FROM setting WHERE name = 'currency')",
      NULL, NULL, NULL },
    { "giveaways", NULL, NULL, NULL, NULL },
    { "stock_adjustments", NULL, NULL, NULL, NULL },
    { "not_product",
      "SELECT CAST(coalesce(sum(abs(e.value_minor)), 0) AS BIGINT) FROM flag f JOIN event e ON "
      "e.event = "
      "f.event WHERE f.name = 'not_product'",
      NULL, NULL, NULL },
    { "unmatched_refunds",
      "SELECT CAST(coalesce(sum(abs(e.value_minor)), 0) AS BIGINT) FROM flag f JOIN event e ON "
      "e.event = "
      "f.event WHERE f.name = 'unmatched_refund'",
      NULL, NULL, NULL },
    { "future_dates", NULL, NULL, NULL, NULL },
    { "test_orders",
      "SELECT CAST(coalesce(sum(abs(value_minor)), 0) AS BIGINT) FROM event WHERE event IN (SELECT "
      "event FROM "
      "flag WHERE name = 'test_order') OR customer IN (SELECT customer FROM flag WHERE name = "
      "'test_order')",
      NULL, NULL, NULL },
    { "staff",
      "SELECT CAST(coalesce(sum(abs(value_minor)), 0) AS BIGINT) FROM event WHERE customer IN "
      "(SELECT customer "
      "FROM flag WHERE name = 'staff')",
      NULL, NULL, NULL },
    { "bots", NULL, NULL, NULL, NULL },
    { "outlier_prices",
      "SELECT CAST(coalesce(sum(abs(e.value_minor)), 0) AS BIGINT) FROM flag f JOIN event e ON "
      "e.event = "
      "f.event WHERE f.name = 'outlier_price'",
      NULL, NULL, NULL },
    { "outlier_quantities",
      "SELECT CAST(coalesce(sum(abs(e.value_minor)), 0) AS BIGINT) FROM flag f JOIN event e ON "
      "e.event = "
      "f.event WHERE f.name = 'outlier_quantity'",
      NULL, NULL, NULL },
    { "completed_prices", NULL, "complete-prices",
      "clade load --repair complete-prices counts them in the money",
      "clade load --repair complete-prices 可将其计入金额" },
};

static const check_words *words_of(const char *name)
{
    for (size_t i = 0; i < sizeof CHECKS / sizeof CHECKS[0]; i++) {
        if (strcmp(CHECKS[i].name, name) == 0) return &CHECKS[i];
    }
    return NULL;
}

static clade_status tell_checks(teller *t, int64_t gross_minor, clade_error *err)
{
    clade_check_result *results = NULL;
    size_t              n       = 0;
    clade_store        *store   = t->state->store;
    CLADE_TRY(clade_check(&results, &n, store, t->arena, err));
    for (size_t i = 0; i < n; i++) {
        const clade_check_result *result = &results[i];
        const check_words        *words  = words_of(result->name);
        if (words == NULL || result->verdict == CLADE_CHECK_GOOD) continue;
        clade_problem *p =
            add(t, result->name, NULL, result->n_bad, share(result->n_bad, result->n_all));
        if (p == NULL) break;
        if (words->money != NULL) {
            CLADE_TRY(clade_store_int(&p->value_minor, store, words->money, NULL, 0, 0, err));
            const double money = share(p->value_minor, gross_minor);
            if (money > p->weight) p->weight = money > 1 ? 1 : money;
        }
        char money[64] = "";
        money_text(money, p->value_minor, t->state->shop_currency);
        const bool example = result->example != NULL;
        say(p,
            clade_arena_format(t->arena, "%s%s%s%s%s%s%s", result->en,
                               example ? " For instance " : "", example ? result->example : "",
                               example ? "." : "", p->value_minor > 0 ? " Worth " : "",
                               p->value_minor > 0 ? money : "", p->value_minor > 0 ? "." : ""),
            clade_arena_format(t->arena, "%s%s%s%s%s%s%s", result->zh, example ? "例如 " : "",
                               example ? result->example : "", example ? "。" : "",
                               p->value_minor > 0 ? "涉及金额 " : "",
                               p->value_minor > 0 ? money : "", p->value_minor > 0 ? "。" : ""));
        repair(p, words->repair, words->repair_en, words->repair_zh);
    }
    return CLADE_OK;
}

static clade_status tell_slips(teller *t, clade_error *err)
{
    clade__zone_slip slip[16];
    size_t           n = 0;
    CLADE_TRY(clade__zone_slips(slip, 16, &n, t->state->store, err));
    for (size_t i = 0; i < n; i++) {
        const int      hours = abs(slip[i].hours);
        const char    *way   = slip[i].hours > 0 ? "ahead of" : "behind";
        clade_problem *p     = add(t, "zone_slip", NULL, slip[i].n_events, 0.8);
        say(p,
            clade_arena_format(t->arena,
                               "The day of load %lld runs %d hours %s that of the other files: "
                               "its time zone is probably wrong.",
                               (long long)slip[i].load, hours, way),
            clade_arena_format(t->arena,
                               "第 %lld 次导入的昼夜规律比其他文件%s %d 小时：时区可能有误。",
                               (long long)slip[i].load, slip[i].hours > 0 ? "早" : "晚", hours));
        const char *id =
            clade_arena_format(t->arena, "shift:%lld:%dh", (long long)slip[i].load, -slip[i].hours);
        repair(p, id, clade_arena_format(t->arena, "clade load --repair %s moves its events", id),
               clade_arena_format(t->arena, "clade load --repair %s 可整体平移这些事件", id));
    }
    return CLADE_OK;
}

static int heavier(const void *a, const void *b)
{
    const clade_problem *x = a, *y = b;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    if (x->n_rows != y->n_rows) return x->n_rows > y->n_rows ? -1 : 1;
    const int by_id = strcmp(x->id, y->id);
    return by_id != 0 ? by_id
                      : strcmp(x->file == NULL ? "" : x->file, y->file == NULL ? "" : y->file);
}

/* ---------------------------------------------------------------- facts about money */

/* Sales and refunds that count: worth something known, by nobody who is flagged. */
#define COUNTED                                                                                    \
    "(SELECT customer, order_ref, at_us, kind, value_minor FROM event WHERE kind IN ('purchase', " \
    "'refund') AND value_minor IS NOT NULL AND (SELECT count(*) FROM flag WHERE name IN "          \
    "('test_order'"                                                                                \
    ", 'staff', 'bot')) = 0 UNION ALL SELECT customer, order_ref, at_us, kind, value_minor FROM "  \
    "event "                                                                                       \
    "WHERE kind IN ('purchase', 'refund') AND value_minor IS NOT NULL AND (SELECT count(*) FROM "  \
    "flag "                                                                                        \
    "WHERE name IN ('test_order', 'staff', 'bot')) > 0 AND event NOT IN (SELECT event FROM flag "  \
    "WHERE "                                                                                       \
    "name = 'test_order' AND event IS NOT NULL) AND (customer IS NULL OR customer NOT IN (SELECT " \
    "customer FROM flag WHERE name IN ('test_order', 'staff', 'bot') AND customer IS NOT NULL)))"

static const char TOTALS[] = "SELECT CAST(coalesce(sum(value_minor), 0) AS BIGINT), "
                             "CAST(coalesce(-sum(value_minor) FILTER (WHERE kind "
                             "= 'refund'), 0) AS BIGINT), count(DISTINCT CASE WHEN kind = "
                             "'purchase' THEN hash(order_ref, CASE WHEN "
                             "order_ref IS NULL THEN customer END, CASE WHEN order_ref IS NULL "
                             "THEN at_us END) END), min(at_us), "
                             "max(at_us), count(*) FROM " COUNTED;

static const char BEST[] = "SELECT CAST(coalesce(sum(spend), 0) AS BIGINT), "
                           "CAST(coalesce(sum(spend) FILTER (WHERE place <= n_top), "
                           "0) AS BIGINT), count(*), CAST(coalesce(max(n_top), 0) AS BIGINT) FROM "
                           "(SELECT spend, row_number() OVER "
                           "(ORDER BY spend DESC, customer) AS place, greatest(1, count(*) OVER () "
                           "// 10) AS n_top FROM (SELECT "
                           "customer, sum(value_minor) AS spend FROM " COUNTED
                           " WHERE customer IS NOT NULL GROUP BY customer HAVING "
                           "sum(value_minor) > 0))";

static const char MONTH[] =
    "SELECT strftime(make_timestamp(month * 1), '%Y-%m'), CAST(net AS BIGINT), n FROM (SELECT "
    "epoch_us(date_trunc('month', make_timestamp(at_us))) AS month, sum(value_minor) AS net, "
    "count(*) OVER () "
    "AS n FROM " COUNTED " GROUP BY 1) ORDER BY net DESC, month LIMIT 1";

static clade_fact *fact(clade_load_report *report, const char *id, double value, const char *en,
                        const char *zh)
{
    clade_fact *f = &report->fact[report->n_facts++];
    *f            = (clade_fact){ .id = id, .en = en, .zh = zh, .value = value };
    return f;
}

static clade_status one_row(clade_rows **out_rows, clade_chunk *out_chunk, clade_store *store,
                            const char *sql, clade_error *err)
{
    CLADE_TRY(clade_store_query(out_rows, store, sql, NULL, 0, err));
    return clade_rows_next(out_chunk, *out_rows, err);
}

static clade_status tell_money(teller *t, int64_t *out_gross, clade_error *err)
{
    clade_status       status = CLADE_OK;
    clade_rows        *rows   = NULL;
    clade_chunk        chunk  = { 0 };
    clade_load_report *report = t->report;
    clade_arena       *a      = t->arena;
    char               one[64], two[64], from[16], to[16], n[32];
    const char        *currency = t->state->shop_currency;

    *out_gross = 0;
    status     = one_row(&rows, &chunk, t->state->store, TOTALS, err);
    if (status != CLADE_OK) goto done;
    const int64_t net = clade_chunk_int(&chunk, 0, 0, 0), back = clade_chunk_int(&chunk, 1, 0, 0);
    const int64_t orders = clade_chunk_int(&chunk, 2, 0, 0);
    const int64_t gross  = net + back;
    *out_gross           = gross;
    if (clade_chunk_int(&chunk, 5, 0, 0) == 0) goto done; /* a log without money */
    clade_date_format(from, clade_chunk_int(&chunk, 3, 0, 0));
    clade_date_format(to, clade_chunk_int(&chunk, 4, 0, 0));
    money_text(one, net, currency);
    fact(report, "revenue_net", (double)net,
         clade_arena_format(a, "Revenue, net of refunds: %s from %s to %s.", one, from, to),
         clade_arena_format(a, "净收入（已扣退款）：%s，自 %s 至 %s。", one, from, to));
    money_text(one, back, currency);
    fact(
        report, "refunds", (double)back,
        clade_arena_format(a, "Refunds and cancellations: %s, %.1f %% of what was sold.", one,
                           100 * share(back, gross)),
        clade_arena_format(a, "退款与取消：%s，占销售额 %.1f %%。", one, 100 * share(back, gross)));
    clade_count_format(n, orders);
    money_text(two, orders > 0 ? gross / orders : 0, currency);
    fact(report, "orders", (double)orders,
         clade_arena_format(a, "Orders: %s, worth %s on average.", n, two),
         clade_arena_format(a, "订单：%s 笔，平均 %s。", n, two));

    clade_rows_close(rows);
    rows   = NULL;
    status = one_row(&rows, &chunk, t->state->store, BEST, err);
    if (status != CLADE_OK) goto done;
    const int64_t spend = clade_chunk_int(&chunk, 0, 0, 0), top = clade_chunk_int(&chunk, 1, 0, 0);
    const int64_t n_top = clade_chunk_int(&chunk, 3, 0, 0);
    if (clade_chunk_int(&chunk, 2, 0, 0) > 0) {
        clade_count_format(n, n_top);
        fact(report, "best_customers", share(top, spend),
             clade_arena_format(a,
                                "The best tenth of customers (%s) brings %.0f %% of the revenue.",
                                n, 100 * share(top, spend)),
             clade_arena_format(a, "最好的十分之一客户（%s 名）贡献了 %.0f %% 的收入。", n,
                                100 * share(top, spend)));
    }
    clade_rows_close(rows);
    rows   = NULL;
    status = one_row(&rows, &chunk, t->state->store, MONTH, err);
    if (status != CLADE_OK || chunk.n_rows == 0) goto done;
    const clade_text month    = clade_chunk_text(&chunk, 0, 0);
    const int64_t    best     = clade_chunk_int(&chunk, 1, 0, 0);
    const int64_t    n_months = clade_chunk_int(&chunk, 2, 0, 1);
    const double     times    = net > 0 ? (double)best * (double)n_months / (double)net : 1;
    money_text(one, best, currency);
    fact(report, "best_month", (double)best,
         clade_arena_format(a, "The best month was %.*s with %s, %.1f times an average one.",
                            (int)month.size, month.data, one, times),
         clade_arena_format(a, "最好的月份是 %.*s，收入 %s，为月均的 %.1f 倍。", (int)month.size,
                            month.data, one, times));
done:
    clade_rows_close(rows);
    return status;
}

/* A log without money still has five things to say. */
static clade_status tell_activity(teller *t, clade_error *err)
{
    static const char  SQL[]  = "SELECT count(*), count(DISTINCT customer), count(DISTINCT item), "
                                "min(at_us), max(at_us), count(*) "
                                "FILTER (WHERE kind = 'purchase'), count(DISTINCT customer) FILTER "
                                "(WHERE kind = 'purchase') FROM "
                                "event";
    clade_status       status = CLADE_OK;
    clade_rows        *rows   = NULL;
    clade_chunk        chunk  = { 0 };
    clade_load_report *report = t->report;
    clade_arena       *a      = t->arena;
    char               n[32], from[16], to[16];
    status = one_row(&rows, &chunk, t->state->store, SQL, err);
    if (status != CLADE_OK || clade_chunk_int(&chunk, 0, 0, 0) == 0) goto done;
    int64_t v[7];
    for (size_t i = 0; i < 7; i++)
        v[i] = clade_chunk_int(&chunk, i, 0, 0);
    clade_count_format(n, v[0]);
    clade_date_format(from, v[3]);
    clade_date_format(to, v[4]);
    fact(report, "events", (double)v[0],
         clade_arena_format(a, "%s events from %s to %s; none of them says what it was worth.", n,
                            from, to),
         clade_arena_format(a, "%s 条事件，自 %s 至 %s；均未注明金额。", n, from, to));
    clade_count_format(n, v[1]);
    fact(report, "customers", (double)v[1], clade_arena_format(a, "%s customers were seen.", n),
         clade_arena_format(a, "共有 %s 名客户。", n));
    clade_count_format(n, v[2]);
    fact(report, "items", (double)v[2],
         clade_arena_format(a, "%s items were looked at or bought.", n),
         clade_arena_format(a, "共涉及 %s 个商品。", n));
    clade_count_format(n, v[5]);
    fact(report, "sales", (double)v[5],
         clade_arena_format(a, "%s events are sales, %.1f %% of all.", n, 100 * share(v[5], v[0])),
         clade_arena_format(a, "其中 %s 条为购买，占 %.1f %%。", n, 100 * share(v[5], v[0])));
    clade_count_format(n, v[6]);
    fact(report, "buyers", (double)v[6],
         clade_arena_format(a, "%s customers bought something, %.1f %% of all.", n,
                            100 * share(v[6], v[1])),
         clade_arena_format(a, "%s 名客户有过购买，占 %.1f %%。", n, 100 * share(v[6], v[1])));
done:
    clade_rows_close(rows);
    return status;
}

clade_status clade__report_fill(clade_load_report *report, load_state *state, const load_note *note,
                                size_t n_notes, clade_error *err)
{
    teller  t     = { .report = report, .state = state, .arena = report->arena };
    int64_t gross = 0;
    t.problem     = CLADE_ARENA_NEW(report->arena, clade_problem, MAX_PROBLEMS);
    report->fact  = CLADE_ARENA_NEW(report->arena, clade_fact, 8);
    if (t.problem == NULL || report->fact == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a report");
    }
    CLADE_TRY(tell_money(&t, &gross, err));
    if (report->n_facts == 0) CLADE_TRY(tell_activity(&t, err));
    for (size_t i = 0; i < n_notes; i++) {
        if (note[i].plan == NULL) continue;
        tell_plan(&t, &note[i]);
        tell_columns(&t, &note[i]);
        tell_rows(&t, &note[i]);
    }
    CLADE_TRY(tell_checks(&t, gross, err));
    CLADE_TRY(tell_slips(&t, err));
    for (size_t i = 0; i < t.n; i++) {
        if (t.problem[i].en == NULL || t.problem[i].zh == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a report");
        }
    }
    qsort(t.problem, t.n, sizeof t.problem[0], heavier);
    report->problem    = t.problem;
    report->n_problems = t.n;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- JSON */

static void json_file(clade_json *json, const clade_load_file *file)
{
    clade_json_object(json);
    clade_json_put_text(json, "path", file->path);
    clade_json_put_int(json, "load", file->load);
    clade_json_put_text(json, "shape", clade_shape_name(file->shape));
    clade_json_put_text(json, "encoding", file->dialect.encoding);
    clade_json_put_text(json, "compression", file->dialect.compression);
    clade_json_put_int(json, "bytes", file->bytes);
    clade_json_put_int(json, "rows_read", file->n_read);
    clade_json_put_int(json, "rows_stored", file->n_stored);
    clade_json_put_int(json, "rows_duplicate", file->n_duplicate);
    clade_json_put_int(json, "rows_quarantined", file->n_quarantined);
    clade_json_put_int(json, "events", file->n_events);
    clade_json_put_bool(json, "remembered", file->remembered);
    clade_json_put_number(json, "seconds", file->total_s);
    clade_json_object_end(json);
}

/* A tree of parsed JSON written out again, so that the mapping nests as JSON and not as text. */
static void json_copy(clade_json *json, const clade_json_tree *tree, uint32_t at)
{
    const clade_json_node *node = &tree->node[at];
    switch (node->type) {
    case CLADE_JSON_NULL: clade_json_null(json); return;
    case CLADE_JSON_BOOL: clade_json_bool(json, node->boolean); return;
    case CLADE_JSON_NUMBER: clade_json_number(json, node->number); return;
    case CLADE_JSON_TEXT: clade_json_text_n(json, node->text.data, node->text.size); return;
    case CLADE_JSON_ARRAY:
        clade_json_array(json);
        for (uint32_t i = at + 1; i < node->next; i = tree->node[i].next)
            json_copy(json, tree, i);
        clade_json_array_end(json);
        return;
    case CLADE_JSON_OBJECT:
        clade_json_object(json);
        for (uint32_t i = at + 1; i < node->next; i = tree->node[i].next) {
            char key[256];
            snprintf(key, sizeof key, "%.*s",
                     (int)(tree->node[i].key.size > 250 ? 250 : tree->node[i].key.size),
                     tree->node[i].key.data);
            key[clade_utf8_valid(key, strlen(key))] = '\0';
            clade_json_key(json, key);
            json_copy(json, tree, i);
        }
        clade_json_object_end(json);
        return;
    }
}

static void json_mapping(clade_json *json, const clade_load_report *report)
{
    clade_arena *scratch = clade_arena_create(0);
    clade_json_array(json);
    for (size_t i = 0; i < report->n_files && scratch != NULL; i++) {
        clade_json_tree tree = { 0 };
        if (clade_json_parse(&tree, clade_text_of(report->file[i].mapping), scratch, NULL) ==
            CLADE_OK) {
            json_copy(json, &tree, 0);
        } else {
            clade_json_null(json);
        }
    }
    clade_json_array_end(json);
    clade_arena_free(scratch);
}

static void json_problem(clade_json *json, const clade_problem *problem, const char *currency)
{
    char money[40];
    clade_json_object(json);
    clade_json_put_text(json, "id", problem->id);
    clade_json_put_text(json, "file", problem->file);
    clade_json_put_int(json, "rows", problem->n_rows);
    clade_money_format(money, problem->value_minor, currency, false);
    clade_json_put_text(json, "value", money);
    clade_json_put_number(json, "weight", problem->weight);
    clade_json_put_text(json, "en", problem->en);
    clade_json_put_text(json, "zh", problem->zh);
    clade_json_put_text(json, "repair", problem->repair);
    clade_json_put_text(json, "repair_en", problem->repair_en);
    clade_json_put_text(json, "repair_zh", problem->repair_zh);
    clade_json_object_end(json);
}

void clade_load_report_json(clade_json *json, const clade_load_report *report)
{
    clade_json_put_int(json, "rows_read", report->n_read);
    clade_json_put_int(json, "rows_stored", report->n_stored);
    clade_json_put_int(json, "rows_duplicate", report->n_duplicate);
    clade_json_put_int(json, "rows_quarantined", report->n_quarantined);
    clade_json_put_text(json, "currency", report->currency);
    clade_json_key(json, "files");
    clade_json_array(json);
    for (size_t i = 0; i < report->n_files; i++)
        json_file(json, &report->file[i]);
    clade_json_array_end(json);
    clade_json_key(json, "mapping");
    json_mapping(json, report);
    clade_json_key(json, "problems");
    clade_json_array(json);
    for (size_t i = 0; i < report->n_problems; i++) {
        json_problem(json, &report->problem[i], report->currency);
    }
    clade_json_array_end(json);
    clade_json_key(json, "facts");
    clade_json_array(json);
    for (size_t i = 0; i < report->n_facts; i++) {
        clade_json_object(json);
        clade_json_put_text(json, "id", report->fact[i].id);
        clade_json_put_number(json, "value", report->fact[i].value);
        clade_json_put_text(json, "en", report->fact[i].en);
        clade_json_put_text(json, "zh", report->fact[i].zh);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_put_number(json, "seconds", report->total_s);
    clade_json_key(json, "stages");
    clade_json_object(json);
    clade_json_put_number(json, "load", report->load_s);
    clade_json_put_number(json, "clean", report->clean_s);
    clade_json_put_number(json, "report", report->report_s);
    clade_json_object_end(json);
}
