/* The shop's own figures: the last 90 days beside the 90 before, what customers answered, and what
 * campaigns cost and brought in. */
#include "clade/business.h"
#include "clade/time.h"
#include "evaluate.h"

#include <math.h>

enum { WINDOW_DAYS = 90, WATCHED_DAYS = 30, SHOWN_ARMS = 12, SHOWN_QUESTIONS = 10 };

/* 12.3 %, or 1234.5, with its range behind. */
static void cell(command_table *t, const clade_interval *of, bool share, bool range)
{
    const double k    = share ? 100 : 1;
    const char  *unit = share ? " %" : "";
    if (isnan(of->value)) {
        command_cell(t, "%s", "–");
    } else if (range && !isnan(of->low)) {
        command_cell(t, "%.2f%s (%.2f..%.2f)", k * of->value, unit, k * of->low, k * of->high);
    } else {
        command_cell(t, "%.2f%s", k * of->value, unit);
    }
}

static const char *beyond_chance(const command *c, const clade_interval *change)
{
    if (isnan(change->low)) return "";
    return change->low > 0    ? COMMAND_SAY(c, "up", "上升")
           : change->high < 0 ? COMMAND_SAY(c, "down", "下降")
                              : COMMAND_SAY(c, "may be chance", "可能出于偶然");
}

/* ---------------------------------------------------------------- figures */

static clade_status show_figures(command *c, clade_store *store, int64_t as_of_us, clade_error *err)
{
    static const command_words words[CLADE_N_FIGURE] = {
        { "of those who looked, bought", "浏览者中购买" },
        { "of the buyers before, bought again", "上期买家中再次购买" },
        { "sales, net", "净销售额" },
        { "orders", "订单数" },
        { "value of an order", "订单金额" },
    };
    clade_json *const     json = command_json(c);
    clade_business_figure f[CLADE_N_FIGURE];
    CLADE_TRY(clade_business_figures(f, store, as_of_us, WINDOW_DAYS, err));
    command_heading(c,
                    COMMAND_SAY(c, "Business, the last %d days beside the %d before",
                                "经营指标：最近 %d 天与此前 %d 天"),
                    WINDOW_DAYS, WINDOW_DAYS);
    command_table *t = command_table_start(
        c, "lrrrl", COMMAND_SAY(c, "figure", "指标"), COMMAND_SAY(c, "now (95 %)", "当前（95 %）"),
        COMMAND_SAY(c, "before", "此前"), COMMAND_SAY(c, "change (95 %)", "变化（95 %）"), "");
    clade_json_key(json, "business");
    clade_json_object(json);
    clade_json_put_int(json, "days", WINDOW_DAYS);
    for (int k = 0; k < CLADE_N_FIGURE; k++) {
        const bool share = k == CLADE_FIGURE_CONVERSION || k == CLADE_FIGURE_REPURCHASE;
        command_cell(t, "%s", command_say(c, words[k]));
        cell(t, &f[k].now, share, true);
        cell(t, &f[k].before, share, false);
        cell(t, &f[k].change, share, true);
        command_cell(t, "%s", beyond_chance(c, &f[k].change));
        clade_json_key(json, clade_figure_name((clade_figure)k));
        clade_json_object(json);
        clade_json_put_int(json, "n_now", (int64_t)f[k].n_now);
        clade_json_put_int(json, "n_before", (int64_t)f[k].n_before);
        clade_interval_write(json, "now", &f[k].now);
        clade_interval_write(json, "before", &f[k].before);
        clade_interval_write(json, "change", &f[k].change);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
    command_table_end(t);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- satisfaction */

static clade_status show_satisfaction(command *c, clade_store *store, int64_t as_of_us,
                                      clade_error *err)
{
    clade_json *const   json = command_json(c);
    clade_satisfaction *s    = NULL;
    size_t              n    = 0;
    CLADE_TRY(clade_satisfaction_ask(&s, &n, store, as_of_us, c->arena, err));
    clade_json_key(json, "satisfaction");
    clade_json_array(json);
    command_table *t = NULL;
    if (n > 0) {
        command_heading(c, "%s", COMMAND_SAY(c, "Satisfaction", "满意度"));
        t = command_table_start(c, "lrrrr", COMMAND_SAY(c, "question", "问题"),
                                COMMAND_SAY(c, "answers", "回答数"),
                                COMMAND_SAY(c, "mean (95 %)", "均值（95 %）"), "NPS (95 %)",
                                COMMAND_SAY(c, "later half less earlier", "后半减前半"));
    }
    for (size_t i = 0; i < n; i++) {
        clade_json_object(json);
        clade_json_put_text(json, "question", s[i].question);
        clade_json_put_int(json, "n", (int64_t)s[i].n);
        clade_interval_write(json, "mean", &s[i].mean);
        clade_interval_write(json, "nps", &s[i].nps);
        clade_interval_write(json, "trend", &s[i].trend);
        clade_json_object_end(json);
        if (i >= SHOWN_QUESTIONS) continue;
        command_cell(t, "%s", s[i].question);
        command_cell(t, "%zu", s[i].n);
        cell(t, &s[i].mean, false, true);
        cell(t, &s[i].nps, false, true);
        cell(t, &s[i].trend, false, true);
    }
    clade_json_array_end(json);
    if (t != NULL) command_table_end(t);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- campaigns */

static clade_interval times(const clade_interval *of, double k)
{
    return (clade_interval){ k * of->value, k * of->low, k * of->high };
}

static void write_arm(clade_json *json, const clade_campaign_arm *arm, const clade_interval *profit)
{
    const clade_interval brought = times(&arm->gain, (double)arm->n);
    char                 first[40];
    clade_time_format(first, arm->first_us);
    clade_json_object(json);
    clade_json_put_text(json, "campaign", arm->campaign);
    clade_json_put_text(json, "arm", arm->arm);
    clade_json_put_bool(json, "control", arm->control);
    clade_json_put_text(json, "first", first);
    clade_json_put_int(json, "n", (int64_t)arm->n);
    clade_json_put_number(json, "cost", arm->cost);
    clade_json_put_number(json, "revenue_a_customer", arm->revenue);
    clade_interval_write(json, "gain_a_customer", &arm->gain);
    clade_interval_write(json, "revenue_gained", &brought);
    clade_interval_write(json, "profit", profit);
    clade_json_object_end(json);
}

/* What was brought in, of which the margin stays, less what it cost. */
static clade_interval profit_of(const clade_campaign_arm *arm, double margin)
{
    const double   cost = isnan(arm->cost) ? 0 : arm->cost;
    clade_interval out  = times(&arm->gain, (double)arm->n * margin);
    out.value -= cost;
    out.low -= cost;
    out.high -= cost;
    return out;
}

static void show_total(command *c, const clade_campaign_arm *arm, size_t n, double margin)
{
    double               cost   = 0;
    const clade_interval gained = clade_campaigns_total(&cost, arm, n);
    const clade_interval profit = times(&gained, margin);
    clade_json *const    json   = command_json(c);
    clade_json_key(json, "campaigns_total");
    clade_json_object(json);
    clade_interval_write(json, "revenue_gained", &gained);
    clade_json_put_number(json, "cost", cost);
    clade_json_put_number(json, "margin", margin);
    clade_json_put_number(json, "profit", profit.value - cost);
    clade_json_put_number(json, "profit_low", profit.low - cost);
    clade_json_put_number(json, "profit_high", profit.high - cost);
    clade_json_object_end(json);
    if (isnan(gained.value)) return;
    command_print(c,
                  COMMAND_SAY(c, "All together: cost %.2f, profit %.2f (%.2f to %.2f).\n",
                              "合计：成本 %.2f，利润 %.2f（%.2f 至 %.2f）。\n"),
                  cost, profit.value - cost, profit.low - cost, profit.high - cost);
}

static clade_status show_campaigns(command *c, clade_store *store, int64_t as_of_us,
                                   clade_error *err)
{
    clade_json *const   json = command_json(c);
    clade_campaign_arm *arm  = NULL;
    size_t              n = 0, shown = 0;
    double              margin = 1;
    command_table      *t      = NULL;
    CLADE_TRY(command_real(&margin, c, "margin", 1, 0, 1, err));
    CLADE_TRY(clade_campaigns_weigh(&arm, &n, store, as_of_us, WATCHED_DAYS, c->arena, err));
    clade_json_key(json, "campaigns");
    clade_json_array(json);
    if (n > 0) {
        command_heading(c,
                        COMMAND_SAY(c, "Campaigns, spend of the %d days after (margin %.0f %%)",
                                    "营销活动：之后 %d 天的消费（毛利率 %.0f %%）"),
                        WATCHED_DAYS, 100 * margin);
        t = command_table_start(
            c, "llrrrrl", COMMAND_SAY(c, "campaign", "活动"), COMMAND_SAY(c, "arm", "组别"),
            COMMAND_SAY(c, "customers", "客户数"), COMMAND_SAY(c, "cost", "成本"),
            COMMAND_SAY(c, "spend each", "人均消费"),
            COMMAND_SAY(c, "profit (95 %)", "利润（95 %）"), "");
    }
    for (size_t i = 0; i < n; i++) {
        const clade_interval profit = profit_of(&arm[i], margin);
        write_arm(json, &arm[i], &profit);
        if (shown++ >= SHOWN_ARMS) continue;
        command_cell(t, "%s", arm[i].campaign);
        command_cell(t, "%s", arm[i].arm);
        command_cell(t, "%zu", arm[i].n);
        command_cell(t, isnan(arm[i].cost) ? "–" : "%.2f", arm[i].cost);
        command_cell(t, "%.2f", arm[i].revenue);
        cell(t, &profit, false, true);
        command_cell(t, "%s",
                     arm[i].control      ? COMMAND_SAY(c, "control", "对照")
                     : isnan(profit.low) ? COMMAND_SAY(c, "no control: not known", "无对照：未知")
                     : profit.low > 0  ? COMMAND_SAY(c, "pays", "划算")
                     : profit.high < 0 ? COMMAND_SAY(c, "does not pay", "不划算")
                                       : COMMAND_SAY(c, "may be chance", "可能出于偶然"));
    }
    clade_json_array_end(json);
    if (t != NULL) command_table_end(t);
    show_total(c, arm, n, margin);
    if (n > SHOWN_ARMS)
        command_note(
            c, COMMAND_SAY(c, "%zu earlier arms: --json.\n", "另有 %zu 个更早的组别：--json。\n"),
            n - SHOWN_ARMS);
    return CLADE_OK;
}

clade_status evaluate_business(command *c, clade_store *store, int64_t as_of_us, clade_error *err)
{
    CLADE_TRY(show_satisfaction(c, store, as_of_us, err));
    CLADE_TRY(show_figures(c, store, as_of_us, err));
    return show_campaigns(c, store, as_of_us, err);
}
