/* What dates of the next purchase are worth, on customers whose next purchase is known or known to
 * be later than the horizon. Quantiles are compared at the horizon at most, on both sides. */
#include "predict_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_DRAWS = 200 };

static const double level[CLADE__N_NEXT_LEVEL] = { 0.1, 0.5, 0.9 };
static const double least_inside               = 0.7;

static double pinball(double q, double answer, double y)
{
    return y >= answer ? q * (y - answer) : (1 - q) * (answer - y);
}

static double days_of(double margin, int horizon_days)
{
    return margin >= log1p(horizon_days) ? horizon_days : expm1(margin);
}

double clade__next_pinball(const double *answer, const double *y, size_t n, int horizon_days)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t q = 0; q < CLADE__N_NEXT_LEVEL; q++)
            sum += pinball(level[q], days_of(answer[i * CLADE__N_NEXT_LEVEL + q], horizon_days),
                           fmin(y[i], horizon_days));
    return n == 0 ? (double)NAN : sum / (double)(n * CLADE__N_NEXT_LEVEL);
}

/* ---------------------------------------------------------------- metrics of resamples */

/* What one customer adds to each sum; a metric is a quotient of two of them. */
typedef struct sums {
    double n, returned, loss, rule_loss, inside, rule_inside, error, rule_error, width, rule_width;
} sums;

typedef struct metric {
    const char *name;
    double (*of)(const sums *s);
    double (*of_rule)(const sums *s);
} metric;

static double skill_of(const sums *s)
{
    return s->rule_loss > 0 ? 1 - s->loss / s->rule_loss : (double)NAN;
}
static double skill_of_rule(const sums *s)
{
    return s->rule_loss > 0 ? 0 : (double)NAN;
}
static double inside_of(const sums *s)
{
    return s->inside / s->n;
}
static double inside_of_rule(const sums *s)
{
    return s->rule_inside / s->n;
}
static double loss_of(const sums *s)
{
    return s->loss / s->n;
}
static double loss_of_rule(const sums *s)
{
    return s->rule_loss / s->n;
}
static double error_of(const sums *s)
{
    return s->returned > 0 ? s->error / s->returned : (double)NAN;
}
static double error_of_rule(const sums *s)
{
    return s->returned > 0 ? s->rule_error / s->returned : (double)NAN;
}
static double width_of(const sums *s)
{
    return s->width / s->n;
}
static double width_of_rule(const sums *s)
{
    return s->rule_width / s->n;
}

static const metric metrics[] = {
    { "skill", skill_of, skill_of_rule },      { "coverage", inside_of, inside_of_rule },
    { "pinball_days", loss_of, loss_of_rule }, { "mae_days", error_of, error_of_rule },
    { "width_days", width_of, width_of_rule },
};
enum { N_METRICS = sizeof metrics / sizeof metrics[0] };

typedef struct resample {
    const sums   *row;
    const metric *metric;
} resample;

static sums sum_up(const sums *row, const uint32_t *count, size_t n)
{
    sums s = { 0 };
    for (size_t i = 0; i < n; i++) {
        const double k = count == NULL ? 1 : count[i];
        s.n += k * row[i].n;
        s.returned += k * row[i].returned;
        s.loss += k * row[i].loss;
        s.rule_loss += k * row[i].rule_loss;
        s.inside += k * row[i].inside;
        s.rule_inside += k * row[i].rule_inside;
        s.error += k * row[i].error;
        s.rule_error += k * row[i].rule_error;
        s.width += k * row[i].width;
        s.rule_width += k * row[i].rule_width;
    }
    return s;
}

static double on_resample(const uint32_t *count, size_t n, void *context)
{
    const resample *r = context;
    const sums      s = sum_up(r->row, count, n);
    return r->metric->of(&s);
}

/* y is capped: a bound at the horizon holds whatever came later. */
static void weigh_answer(double *loss, double *inside, double *error, double *width,
                         const double *answer, double y, int horizon_days)
{
    double days[CLADE__N_NEXT_LEVEL];
    for (size_t q = 0; q < CLADE__N_NEXT_LEVEL; q++) {
        days[q] = days_of(answer[q], horizon_days);
        *loss += pinball(level[q], days[q], y) / CLADE__N_NEXT_LEVEL;
    }
    *inside = y >= days[CLADE__NEXT_LOW] && y <= days[CLADE__NEXT_HIGH];
    *width  = days[CLADE__NEXT_HIGH] - days[CLADE__NEXT_LOW];
    if (y < horizon_days) *error = fabs(y - days[CLADE__NEXT_MEDIAN]);
}

/* ---------------------------------------------------------------- the card */

/* Of those whose quantile is a date: how many had come by then. */
static void settle_bins(clade_predict_card *card, const double *answer, const double *y, size_t n)
{
    const int horizon = card->task.horizon_days;
    card->n_bins      = CLADE__N_NEXT_LEVEL;
    for (size_t q = 0; q < CLADE__N_NEXT_LEVEL; q++) {
        size_t k = 0, came = 0;
        for (size_t i = 0; i < n; i++) {
            const double days = days_of(answer[i * CLADE__N_NEXT_LEVEL + q], horizon);
            if (days >= horizon) continue;
            k++;
            came += y[i] <= days;
        }
        card->bin[q] =
            (clade_calibration_bin){ k, level[q], k == 0 ? (double)NAN : (double)came / (double)k };
    }
}

static void settle_verdict(clade_predict_card *card)
{
    const size_t         yes    = card->n_judged_positive;
    const clade_interval skill  = card->metric[0].of;
    const double         inside = card->metric[1].of.value;
    card->trusted               = false;
    if (yes < CLADE__MIN_POSITIVE) {
        clade__say_both(
            &card->why, "%zu customers who came back could be judged: %zu more are needed",
            "可评估的回购客户 %zu 位：还需要 %zu 位", yes, (size_t)CLADE__MIN_POSITIVE - yes);
    } else if (!(skill.low > 0)) {
        clade__say_both(&card->why,
                        "no better than last purchase and own gap: skill %.3f, from %.3f to %.3f",
                        "不比“上次购买加自身间隔”更好：%.3f，区间 %.3f 至 %.3f", skill.value,
                        skill.low, skill.high);
    } else {
        card->trusted = true;
        if (card->by_customers)
            clade__say_both(
                &card->why,
                "judged on other customers, not on a later time: the log is too short%s",
                "仅在其他客户上评估，而非更晚的时间：数据历史太短%s", "");
        else if (inside < least_inside) /* more than 80 is no fault: "later" holds whatever comes */
            clade__say_both(&card->why, "the interval that is to hold for 80 of 100 held for %.0f",
                            "应覆盖 100 位中 80 位的区间实际覆盖 %.0f 位", 100 * inside);
    }
}

clade_status clade__next_judge(clade_predict_card *card, const double *answer, const double *rule,
                               const double *y, size_t n, uint64_t seed, clade_error *err)
{
    const clade_bootstrap_options options = { .seed = seed, .n_draws = N_DRAWS };
    const int                     horizon = card->task.horizon_days;
    sums *const                   row     = CLADE_NEW(sums, n + 1);
    clade_status                  status  = CLADE_OK;
    if (row == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge %zu dates", n);
    card->n_judged          = n;
    card->n_judged_positive = 0;
    for (size_t i = 0; i < n; i++) {
        const double capped = fmin(y[i], horizon);
        sums *const  s      = &row[i];
        s->n                = 1;
        s->returned         = y[i] < horizon;
        weigh_answer(&s->loss, &s->inside, &s->error, &s->width, answer + i * CLADE__N_NEXT_LEVEL,
                     capped, horizon);
        weigh_answer(&s->rule_loss, &s->rule_inside, &s->rule_error, &s->rule_width,
                     rule + i * CLADE__N_NEXT_LEVEL, capped, horizon);
        card->n_judged_positive += y[i] < horizon;
    }
    card->base_rate  = (double)card->n_judged_positive / (double)n;
    const sums whole = sum_up(row, NULL, n);
    card->n_metrics  = N_METRICS;
    for (size_t k = 0; k < N_METRICS && status == CLADE_OK; k++) {
        clade_predict_metric *const m = &card->metric[k];
        resample                    r = { row, &metrics[k] };
        (void)snprintf(m->name, sizeof m->name, "%s", metrics[k].name);
        m->baseline = metrics[k].of_rule(&whole);
        status      = clade_bootstrap(&m->of, on_resample, &r, n, &options, err);
    }
    free(row);
    if (status != CLADE_OK) return status;
    card->gain_rule   = card->metric[0].of;
    card->gain_linear = (clade_interval){ (double)NAN, (double)NAN, (double)NAN };
    settle_bins(card, answer, y, n);
    settle_verdict(card);
    return CLADE_OK;
}
