/* The judged block by tenths, by groups of customers, and in money. */
#include "predict_internal.h"

#include "clade/decisions.h"
#include "clade/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LEAST_TOLD = 20, /* customers below which a group is not told of */
    LEAST_KIND = 10, /* positives, and negatives, below which a group is not ranked */
};
static const double days_new = 90, age_low = 35, age_high = 55;

static const char *const names[CLADE_N_PREDICT_GROUP][3] = {
    { "first_90d", "first order less than 90 days ago", "首单不足 90 天" },
    { "older", "first order 90 days ago or earlier", "首单已满 90 天" },
    { "never_bought", "no order yet", "尚未购买" },
    { "active", "buying in their own rhythm", "按自身节奏活跃" },
    { "slipping", "slipping", "疏远中" },
    { "lapsed", "lapsed", "已流失" },
    { "spend_low", "lowest third of spend so far", "累计消费较低的三分之一" },
    { "spend_middle", "middle third of spend so far", "累计消费居中的三分之一" },
    { "spend_high", "highest third of spend so far", "累计消费较高的三分之一" },
    { "age_under_35", "under 35 years", "35 岁以下" },
    { "age_35_to_54", "35 to 54 years", "35 至 54 岁" },
    { "age_55_up", "55 years and older", "55 岁及以上" },
    { "women", "women", "女性" },
    { "men", "men", "男性" },
    { "place", "from", "来自" },
};

const char *clade_predict_group_name(clade_predict_group_kind kind)
{
    return (unsigned)kind < CLADE_N_PREDICT_GROUP ? names[kind][0] : "";
}

const char *clade_predict_group_words(clade_predict_group_kind kind, bool zh)
{
    return (unsigned)kind < CLADE_N_PREDICT_GROUP ? names[kind][1 + zh] : "";
}

void clade_predict_group_title(char out[96], const clade_predict_group *group, bool zh)
{
    const char *const words = clade_predict_group_words(group->kind, zh);
    (void)snprintf(out, 96, "%s%s%s", words, group->of[0] == '\0' ? "" : " ", group->of);
}

/* ---------------------------------------------------------------- tenths */

clade_status clade__judge_gains(clade_predict_card *card, const double *answer, const double *rule,
                                const double *y, size_t n, clade_error *err)
{
    clade_gain_bin own[10], other[10];
    CLADE_TRY(clade_gain_table(own, answer, y, n, 10, err));
    CLADE_TRY(clade_gain_table(other, rule, y, n, 10, err));
    card->n_tenths = 10;
    for (size_t b = 0; b < 10; b++)
        card->tenth[b] = (clade_predict_tenth){ own[b].lift, own[b].gain, other[b].gain };
    return CLADE_OK;
}

/* ---------------------------------------------------------------- groups */

/* What the borders between groups are, from the judged customers themselves. */
typedef struct borders {
    size_t        first_order, spend, age, female;
    clade__rhythm rhythm;
    double        spend_edge[2];
} borders;

/* Quantiles over those who have a value; NAN where nobody has. */
static clade_status quantile_of(double *out, const double *q, size_t n_q, size_t column,
                                const clade__judged *judged, clade_error *err)
{
    double *const value = CLADE_NEW(double, judged->n + 1);
    size_t        n     = 0;
    if (value == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for groups of %zu", judged->n);
    for (size_t i = 0; i < judged->n; i++)
        if (!isnan(judged->row[i][column])) value[n++] = (double)judged->row[i][column];
    for (size_t k = 0; k < n_q; k++)
        out[k] = n == 0 ? (double)NAN : clade_quantile_f64(value, n, q[k]);
    free(value);
    return CLADE_OK;
}

static clade_status settle_borders(borders *b, const clade__judged *judged, clade_error *err)
{
    static const double half = 0.5, thirds[2] = { 1.0 / 3, 2.0 / 3 };
    double              gap;
    *b = (borders){ .first_order = clade__feature_column("days_since_first_order"),
                    .spend       = clade__feature_column("spend_life"),
                    .age         = clade__feature_column("age_years"),
                    .female      = clade__feature_column("female") };
    CLADE_TRY(quantile_of(&gap, &half, 1, clade__feature_column("gap_mean_days"), judged, err));
    b->rhythm = clade__rhythm_of(gap > 0 ? gap : 90);
    return quantile_of(b->spend_edge, thirds, 2, b->spend, judged, err);
}

static bool belongs(clade_predict_group_kind kind, const float *row, const borders *b)
{
    const double       first = (double)row[b->first_order], spend = (double)row[b->spend];
    const double       age = (double)row[b->age], female = (double)row[b->female];
    const clade__habit habit = clade__habit_of_row(row, &b->rhythm);
    switch (kind) {
    case CLADE_GROUP_FIRST_90: return first < days_new;
    case CLADE_GROUP_OLDER: return first >= days_new;
    case CLADE_GROUP_NEVER: return isnan(first);
    case CLADE_GROUP_ACTIVE: return habit.lateness <= CLADE__LATE;
    case CLADE_GROUP_SLIPPING:
        return habit.lateness > CLADE__LATE && habit.lateness <= CLADE__VERY_LATE;
    case CLADE_GROUP_LAPSED: return habit.lateness > CLADE__VERY_LATE;
    case CLADE_GROUP_SPEND_LOW: return spend <= b->spend_edge[0];
    case CLADE_GROUP_SPEND_MIDDLE: return spend > b->spend_edge[0] && spend <= b->spend_edge[1];
    case CLADE_GROUP_SPEND_HIGH: return spend > b->spend_edge[1];
    case CLADE_GROUP_AGE_LOW: return age < age_low;
    case CLADE_GROUP_AGE_MIDDLE: return age >= age_low && age < age_high;
    case CLADE_GROUP_AGE_HIGH: return age >= age_high;
    case CLADE_GROUP_WOMEN: return female > 0.5;
    case CLADE_GROUP_MEN: return female <= 0.5;
    default: break;
    }
    return false;
}

/* answer, y (n) of the group's own. */
static clade_status judge_group(clade_predict_group *g, const clade_predict_card *card,
                                const double *answer, const double *y, const uint8_t *yes, size_t n,
                                uint64_t seed, clade_error *err)
{
    const bool           amount   = clade_task_is_amount(&card->task);
    const clade_interval none     = { (double)NAN, (double)NAN, (double)NAN };
    size_t               positive = 0;
    g->n                          = n;
    g->base_rate                  = 0;
    g->first                      = none;
    for (size_t i = 0; i < n; i++) {
        positive += yes[i];
        g->base_rate += y[i] / (double)n;
    }
    CLADE_TRY(
        clade__judge_metric(&g->fit, amount ? "total" : "ece", amount, answer, y, n, seed, err));
    if (positive < LEAST_KIND || (!amount && n - positive < LEAST_KIND)) return CLADE_OK;
    CLADE_TRY(amount ? clade__judge_metric(&g->first, "gini", true, answer, y, n, seed, err)
                     : clade_auc_delong(&g->first, answer, yes, n, 0.95, err));
    g->worse = g->first.high < card->metric[0].of.value;
    return CLADE_OK;
}

/* Room for the answers and truths of one group, gathered one customer after another. */
typedef struct gathering {
    double  *copy; /* (2, n) */
    uint8_t *yes;
    size_t   n, in;
} gathering;

static void gather(gathering *g, const clade__judged *judged, const double *answer, size_t i)
{
    g->copy[g->in]        = answer[i];
    g->copy[g->n + g->in] = judged->y[i];
    g->yes[g->in++]       = judged->y[i] > 0;
}

/* Of all it is the card itself, and of a few nothing is told. */
static clade_status close_group(clade_predict_card *card, gathering *g,
                                clade_predict_group_kind kind, const char *of, size_t least,
                                uint64_t seed, clade_error *err)
{
    const size_t in = g->in;
    g->in           = 0;
    if (in < least || in == g->n) return CLADE_OK;
    clade_predict_group *const one = &card->group[card->n_groups];
    *one                           = (clade_predict_group){ .kind = kind };
    (void)snprintf(one->of, sizeof one->of, "%s", of);
    CLADE_TRY(judge_group(one, card, g->copy, g->copy + g->n, g->yes, in, seed, err));
    card->n_groups++;
    return CLADE_OK;
}

clade_status clade__judge_groups(clade_predict_card *card, const clade__judged *judged,
                                 const double *answer, uint64_t seed, clade_error *err)
{
    const size_t n     = judged->n;
    const size_t least = judged->least > LEAST_TOLD ? judged->least : LEAST_TOLD;
    const size_t n_places =
        judged->customer == NULL || judged->places == NULL ? 0 : judged->places->n_of;
    gathering    g = { CLADE_NEW(double, 2 * n + 1), CLADE_NEW(uint8_t, n + 1), n, 0 };
    borders      b;
    clade_status status = g.copy == NULL || g.yes == NULL
                              ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for groups of %zu", n)
                              : settle_borders(&b, judged, err);
    for (int k = 0; k < CLADE_GROUP_PLACE && status == CLADE_OK; k++) {
        for (size_t i = 0; i < n; i++)
            if (belongs((clade_predict_group_kind)k, judged->row[i], &b))
                gather(&g, judged, answer, i);
        status = close_group(card, &g, (clade_predict_group_kind)k, "", least, seed, err);
    }
    for (size_t k = 0; k < n_places && status == CLADE_OK; k++) {
        for (size_t i = 0; i < n; i++)
            if (clade__place_of(judged->places, judged->customer[i]) == k)
                gather(&g, judged, answer, i);
        status = close_group(card, &g, CLADE_GROUP_PLACE, judged->places->of[k], least, seed, err);
    }
    free(g.copy);
    free(g.yes);
    return status;
}

/* ---------------------------------------------------------------- money */

/* What one whom a contact moves brings in: a customer who stays spends as they did a year before,
 * over the window; one who buys spends a usual order. Mean over the judged who have it. */
static double worth_of(const clade_predict_card *card, const clade__judged *judged)
{
    const bool   leaves = card->task.kind == CLADE_TASK_CHURN;
    const size_t column = clade__feature_column(leaves ? "spend_365d" : "order_value_mean");
    const size_t first  = clade__feature_column("days_since_first_order");
    double       sum = 0, n = 0;
    for (size_t i = 0; i < judged->n; i++) {
        const double money = (double)judged->row[i][column];
        const double days  = fmin(365, fmax(30, (double)judged->row[i][first]));
        if (isnan(money) || isnan(days)) continue;
        sum += leaves ? money * card->judged_days / days : money;
        n += 1;
    }
    return n > 0 ? sum / n : (double)NAN;
}

clade_status clade__judge_profit(clade_predict_card *card, const clade__judged *judged,
                                 const double *answer, const uint8_t *yes,
                                 const clade_predict_stakes *stakes, clade_error *err)
{
    const size_t                n    = judged->n;
    const clade_task_kind       kind = card->task.kind;
    clade_predict_profit *const out  = &card->profit;
    clade_profit                best;
    clade_decisions             at = { 0 };
    if (!(stakes->margin > 0) || (kind != CLADE_TASK_CHURN && kind != CLADE_TASK_PURCHASE))
        return CLADE_OK;
    const double worth = worth_of(card, judged);
    if (isnan(worth)) return CLADE_OK;
    const double       brings = stakes->save_rate * stakes->margin * worth;
    const clade_stakes s      = { .true_positive  = brings - stakes->contact_cost,
                                  .false_positive = -stakes->contact_cost };
    CLADE_TRY(clade_profit_curve(NULL, NULL, &best, answer, yes, n, &s, err));
    if (isfinite(best.threshold))
        CLADE_TRY(clade_decide_at(&at, answer, yes, n, best.threshold, err));
    const size_t positive = card->n_judged_positive;
    if (!isfinite(best.threshold)) {
        at.false_negative = positive;
        at.true_negative  = n - positive;
    }
    const double share = (double)positive / (double)n;
    *out               = (clade_predict_profit){ .known          = true,
                                                 .stakes         = *stakes,
                                                 .worth          = worth,
                                                 .threshold      = best.threshold,
                                                 .profit         = best.profit,
                                                 .profit_all     = share * brings - stakes->contact_cost,
                                                 .true_positive  = at.true_positive,
                                                 .false_positive = at.false_positive,
                                                 .true_negative  = at.true_negative,
                                                 .false_negative = at.false_negative };
    return CLADE_OK;
}
