/* The judged block, read once: metrics beside those of the rule, what the answer gains, how sure
 * that is, and whether to trust it. */
#include "predict_internal.h"

#include "clade/decisions.h"
#include "clade/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_DRAWS = 200, N_BINS = 10, LEAST_OF_A_BAND = 40 };

/* ---------------------------------------------------------------- metrics */

/* Answers and truths (yes as 1) in, one number out; NAN where it cannot be told. */
typedef double (*metric_of)(const double *answer, const double *y, const uint8_t *yes, size_t n);

typedef struct metric_kind {
    const char *name;
    metric_of   of;
} metric_kind;

static double auc_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    double auc = (double)NAN;
    (void)y;
    return clade_auc(&auc, answer, yes, n, NULL) == CLADE_OK ? auc : (double)NAN;
}

static double average_precision_of(const double *answer, const double *y, const uint8_t *yes,
                                   size_t n)
{
    double value = (double)NAN;
    (void)y;
    return clade_average_precision(&value, answer, yes, n, NULL) == CLADE_OK ? value : (double)NAN;
}

static double log_loss_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    (void)y;
    return clade_log_loss(answer, yes, n);
}

static double brier_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    (void)y;
    return clade_brier(answer, yes, n);
}

static double ece_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    double value = (double)NAN;
    (void)y;
    return clade_calibration_error(&value, NULL, answer, yes, n, N_BINS, NULL) == CLADE_OK
               ? value
               : (double)NAN;
}

/* How many times more often among the tenth with the highest answers than among all. */
static double lift_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    const size_t tenth     = n < 10 ? 1 : n / 10;
    double       precision = (double)NAN, sum = 0;
    (void)y;
    for (size_t i = 0; i < n; i++)
        sum += yes[i];
    if (sum == 0 ||
        clade_precision_curve(&precision, NULL, answer, yes, n, &tenth, 1, NULL) != CLADE_OK)
        return (double)NAN;
    return precision / (sum / (double)n);
}

static double gini_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    double value = (double)NAN;
    (void)yes;
    return clade_gini(&value, answer, y, n, NULL) == CLADE_OK ? value : (double)NAN;
}

static double spearman_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    double value = (double)NAN;
    (void)yes;
    return clade_spearman(&value, answer, y, n, NULL) == CLADE_OK ? value : (double)NAN;
}

static double mae_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    (void)yes;
    return clade_mean_absolute_error(answer, y, n);
}

static double rmse_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    (void)yes;
    return clade_root_mean_square_error(answer, y, n);
}

/* Sum predicted over sum spent: 1 is right on the whole. */
static double total_of(const double *answer, const double *y, const uint8_t *yes, size_t n)
{
    double predicted = 0, spent = 0;
    (void)yes;
    for (size_t i = 0; i < n; i++) {
        predicted += answer[i];
        spent += y[i];
    }
    return spent > 0 ? predicted / spent : (double)NAN;
}

static const metric_kind chance_metrics[] = {
    { "auc", auc_of },           { "average_precision", average_precision_of },
    { "log_loss", log_loss_of }, { "brier", brier_of },
    { "ece", ece_of },           { "lift_10", lift_of },
};
static const metric_kind amount_metrics[] = {
    { "gini", gini_of }, { "spearman", spearman_of }, { "mae", mae_of },
    { "rmse", rmse_of }, { "total", total_of },
};

/* ---------------------------------------------------------------- intervals */

/* A metric of an answer on a resample of customers. */
typedef struct resample {
    const metric_kind *metric;
    const double      *answer, *y;
} resample;

static double on_resample(const uint32_t *count, size_t n, void *context)
{
    const resample *r     = context;
    double *const   copy  = CLADE_NEW(double, 2 * n + 2);
    uint8_t *const  yes   = CLADE_NEW(uint8_t, n + 1);
    double          value = (double)NAN;
    size_t          at    = 0;
    for (size_t i = 0; copy != NULL && yes != NULL && i < n; i++) {
        for (uint32_t k = 0; k < count[i]; k++, at++) {
            copy[at]     = r->answer[i];
            copy[n + at] = r->y[i];
            yes[at]      = r->y[i] > 0;
        }
    }
    if (copy != NULL && yes != NULL) value = r->metric->of(copy, copy + n, yes, at);
    free(copy);
    free(yes);
    return value;
}

/* Of an answer; of what it gains over another one, where there is one. */
static clade_status interval_of(clade_interval *out, const metric_kind *metric,
                                const double *answer, const double *other, const double *y,
                                size_t n, uint64_t seed, clade_error *err)
{
    const clade_bootstrap_options options = { .seed = seed, .n_draws = N_DRAWS };
    resample                      own = { metric, answer, y }, its = { metric, other, y };
    return other == NULL
               ? clade_bootstrap(out, on_resample, &own, n, &options, err)
               : clade_bootstrap_difference(out, on_resample, &own, &its, n, &options, err);
}

clade_status clade__judge_metric(clade_interval *out, const char *name, bool amount,
                                 const double *answer, const double *y, size_t n, uint64_t seed,
                                 clade_error *err)
{
    const metric_kind *const kinds   = amount ? amount_metrics : chance_metrics;
    const size_t             n_kinds = amount ? sizeof amount_metrics / sizeof amount_metrics[0]
                                              : sizeof chance_metrics / sizeof chance_metrics[0];
    for (size_t k = 0; k < n_kinds; k++)
        if (strcmp(kinds[k].name, name) == 0)
            return interval_of(out, &kinds[k], answer, NULL, y, n, seed, err);
    return clade_fail(err, CLADE_ERR_ARG, "there is no metric '%s'", name);
}

/* ---------------------------------------------------------------- amounts: what fell between */

typedef struct pair {
    double answer, y;
} pair;

static int by_answer(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    return (x->answer > y->answer) - (x->answer < y->answer);
}

static int by_number(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Conformal intervals within bands of like answers (Mondrian: Vovk and others 2005, ch. 4): in each
 * band nine of ten of those who were not learnt from fell between. */
static clade_status make_bands(clade_predictor *p, const double *answer, const double *y, size_t n,
                               clade_error *err)
{
    size_t  n_bands = n / LEAST_OF_A_BAND;
    pair   *sorted  = CLADE_NEW(pair, n + 1);
    double *in_band = CLADE_NEW(double, n + 1);
    if (n_bands > N_BINS) n_bands = N_BINS;
    if (n_bands < 1) n_bands = 1;
    if (sorted == NULL || in_band == NULL) {
        free(sorted);
        free(in_band);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for bands of %zu amounts", n);
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = (pair){ answer[i], y[i] };
    qsort(sorted, n, sizeof *sorted, by_answer);
    p->n_bands = n_bands;
    for (size_t b = 0; b < n_bands; b++) {
        const size_t first = b * n / n_bands, k = (b + 1) * n / n_bands - first;
        for (size_t i = 0; i < k; i++)
            in_band[i] = sorted[first + i].y;
        qsort(in_band, k, sizeof *in_band, by_number);
        const size_t low = (size_t)floor(0.05 * (double)(k + 1));
        const size_t up  = (size_t)ceil(0.95 * (double)(k + 1));
        p->band_edge[b]  = b + 1 < n_bands ? sorted[first + k].answer : (double)INFINITY;
        p->band_low[b]   = low == 0 ? 0 : in_band[low - 1];
        p->band_high[b]  = in_band[(up > k ? k : up) - 1];
    }
    free(sorted);
    free(in_band);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the verdict */

/* Who comes first may be told well while how often, or how much, is not: after a season that no
 * model had seen, say. True when that is so, and then it is said. */
static bool say_level(clade_predict_card *card)
{
    const double most_ece = 0.1, most_share = 0.25;
    for (size_t k = 0; k < card->n_metrics; k++) {
        const double value = card->metric[k].of.value;
        if (strcmp(card->metric[k].name, "ece") == 0 && value > most_ece) {
            clade__say_both(&card->why,
                            "the order holds, the level does not: chances were off by %.0f points",
                            "排序可信，水平不可信：概率平均偏差 %.0f 个百分点", 100 * value);
            return true;
        }
        if (strcmp(card->metric[k].name, "total") == 0 && fabs(value - 1) > most_share) {
            clade__say_both(&card->why,
                            "the order holds, the level does not: predicted was %.0f %% of what was"
                            " spent",
                            "排序可信，水平不可信：预测总额为实际的 %.0f %%", 100 * value);
            return true;
        }
    }
    return false;
}

static void settle_verdict(clade_predict_card *card)
{
    const size_t yes    = card->n_judged_positive;
    const bool   amount = clade_task_is_amount(&card->task);
    const size_t no     = amount ? CLADE__MIN_POSITIVE : card->n_judged - yes;
    const double chance = amount ? 0 : 0.5;
    card->trusted       = false;
    if (yes < CLADE__MIN_POSITIVE || no < CLADE__MIN_POSITIVE) {
        clade__say_both(&card->why,
                        "%zu customers to whom it happened and %zu to whom not could be judged: %zu"
                        " more are needed",
                        "可评估的客户中发生者 %zu 位、未发生者 %zu 位：还需要 %zu 位", yes, no,
                        (size_t)CLADE__MIN_POSITIVE - (yes < no ? yes : no));
    } else if (card->suspect[0][0] != '\0') {
        clade__say_both(&card->why,
                        "%s alone tells the label: is it known before the label happens?",
                        "仅凭 %s 就能判断标签：它是否在标签发生之前就已知？", card->suspect[0]);
    } else if (!(card->metric[0].of.low > chance)) {
        clade__say_both(&card->why, "no better than chance: %s %.3f, from %.3f to %.3f",
                        "不比随机更好：%s %.3f，区间 %.3f 至 %.3f", card->metric[0].name,
                        card->metric[0].of.value, card->metric[0].of.low, card->metric[0].of.high);
    } else if (card->gain_rule.high < 0) {
        clade__say_both(&card->why, "worse than the rule of one line by %.3f to %.3f",
                        "比单条规则更差：%.3f 至 %.3f", -card->gain_rule.high,
                        -card->gain_rule.low);
    } else {
        card->trusted = true;
        if (card->by_customers)
            clade__say_both(&card->why,
                            "judged on other customers, not on a later time: the log is too short",
                            "仅在其他客户上评估，而非更晚的时间：数据历史太短");
        else if (say_level(card))
            return;
        else if (!(card->gain_rule.low > 0))
            clade__say_both(&card->why, "its gain over the rule, %.3f to %.3f, may be chance",
                            "相对单条规则的提升（%.3f 至 %.3f）可能出于偶然", card->gain_rule.low,
                            card->gain_rule.high);
    }
}

enum { ANSWERS = 5 }; /* of the blend, the rule, the linear model, trees without and with vectors */

/* out (ANSWERS, n), no margins any more. */
static void settle_answers(double *out, uint8_t *yes, clade_predict_card *card,
                           const clade__judged *judged)
{
    const size_t        n               = judged->n;
    const double *const margin[ANSWERS] = { judged->answer, judged->rule, judged->linear,
                                            judged->trees, judged->joint };
    card->n_judged                      = n;
    card->n_judged_positive             = 0;
    card->base_rate                     = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < ANSWERS; k++)
            if (margin[k] != NULL) out[k * n + i] = clade__answer_of(&card->task, margin[k][i]);
        yes[i] = judged->y[i] > 0;
        card->n_judged_positive += yes[i];
        card->base_rate += judged->y[i] / (double)n;
    }
}

/* a (ANSWERS, n) */
static clade_status judge_metrics(clade_predict_card *card, const double *a, bool vectors,
                                  const double *y, const uint8_t *yes, size_t n, uint64_t seed,
                                  clade_error *err)
{
    const bool               amount  = clade_task_is_amount(&card->task);
    const metric_kind *const kinds   = amount ? amount_metrics : chance_metrics;
    const size_t             n_kinds = amount ? sizeof amount_metrics / sizeof amount_metrics[0]
                                              : sizeof chance_metrics / sizeof chance_metrics[0];
    for (size_t k = 0; k < n_kinds; k++) {
        clade_predict_metric *const m = &card->metric[k];
        (void)snprintf(m->name, sizeof m->name, "%s", kinds[k].name);
        m->baseline = kinds[k].of(a + n, y, yes, n);
        CLADE_TRY(kinds[k].of == auc_of ? clade_auc_delong(&m->of, a, yes, n, 0.95, err)
                                        : interval_of(&m->of, &kinds[k], a, NULL, y, n, seed, err));
    }
    card->n_metrics = n_kinds;
    CLADE_TRY(interval_of(&card->gain_rule, &kinds[0], a, a + n, y, n, seed, err));
    CLADE_TRY(interval_of(&card->gain_linear, &kinds[0], a, a + 2 * n, y, n, seed, err));
    card->gain_vectors = (clade_interval){ (double)NAN, (double)NAN, (double)NAN };
    if (!vectors) return CLADE_OK;
    return interval_of(&card->gain_vectors, &kinds[0], a + 4 * n, a + 3 * n, y, n, seed, err);
}

clade_status clade__judge(clade_predictor *p, const clade__judged *judged,
                          const clade_predict_stakes *stakes, uint64_t seed, clade_error *err)
{
    clade_predict_card *const card   = &p->card;
    const bool                amount = clade_task_is_amount(&card->task);
    const size_t              n      = judged->n;
    const double *const       y      = judged->y;
    double *const             a      = CLADE_NEW(double, ANSWERS *n + 1);
    uint8_t *const            yes    = CLADE_NEW(uint8_t, n + 1);
    double                    error;
    clade_status              status = CLADE_OK;
    if (a == NULL || yes == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge %zu answers", n);
        goto done;
    }
    settle_answers(a, yes, card, judged);
    status = judge_metrics(card, a, judged->joint != NULL, y, yes, n, seed, err);
    if (status == CLADE_OK && amount) status = make_bands(p, a, y, n, err);
    card->n_bins = N_BINS;
    if (status == CLADE_OK)
        status = amount ? clade_value_calibration(&error, card->bin, a, y, n, N_BINS, err)
                        : clade_calibration_error(&error, card->bin, a, yes, n, N_BINS, err);
    if (status == CLADE_OK) status = clade__judge_gains(card, a, a + n, y, n, err);
    if (status == CLADE_OK) status = clade__judge_groups(card, judged, a, seed, err);
    if (status == CLADE_OK) status = clade__judge_profit(card, judged, a, yes, stakes, err);
    if (status == CLADE_OK) settle_verdict(card);
done:
    free(a);
    free(yes);
    return status;
}
