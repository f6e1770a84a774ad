/*
 * What a score is worth when somebody acts on it: who is above a threshold, what that brings in,
 * and how much of the value the best customers hold. One order, falling, and one pass each.
 */
#include "clade/decisions.h"

#include "clade/numeric.h"
#include "metrics_internal.h"

#include <math.h>
#include <stdlib.h>

/* Rows from the highest score on, equal scores together: taken in is everything down to one score.
 */
typedef struct sweep {
    const uint32_t *order; /* rising */
    const double   *score;
    const uint8_t  *label;
    size_t          left;  /* rows not taken */
    size_t          taken; /* with a label of 1, and others */
    size_t          positives;
    double          threshold;
} sweep;

static bool sweep_on(sweep *s)
{
    if (s->left == 0) return false;
    s->threshold = s->score[s->order[s->left - 1]];
    for (; s->left > 0 && s->score[s->order[s->left - 1]] == s->threshold; s->left--) {
        s->positives += s->label[s->order[s->left - 1]];
        s->taken++;
    }
    return true;
}

static clade_decisions decisions_of(size_t n, size_t n_positive, size_t taken, size_t positives,
                                    double threshold)
{
    clade_decisions d    = { .threshold      = threshold,
                             .true_positive  = positives,
                             .false_positive = taken - positives,
                             .false_negative = n_positive - positives,
                             .true_negative  = n - taken - (n_positive - positives) };
    const double    hits = (double)positives;
    d.accuracy           = (hits + (double)d.true_negative) / (double)n;
    d.precision          = hits / (double)taken;
    d.recall             = hits / (double)n_positive;
    d.f1                 = 2.0 * hits / ((double)taken + (double)n_positive);
    return d;
}

static size_t count_positives(const uint8_t *label, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += label[i];
    return count;
}

clade_status clade_decide_at(clade_decisions *out, const double *score, const uint8_t *label,
                             size_t n, double threshold, clade_error *err)
{
    size_t taken = 0, positives = 0;
    CLADE_TRY(clade__check_scored(score, label, n, err));
    for (size_t i = 0; i < n; i++) {
        if (!(score[i] >= threshold)) continue;
        taken++;
        positives += label[i];
    }
    *out = decisions_of(n, count_positives(label, n), taken, positives, threshold);
    return CLADE_OK;
}

clade_status clade_decide_best_f1(clade_decisions *out, const double *score, const uint8_t *label,
                                  size_t n, clade_error *err)
{
    uint32_t       *order = NULL;
    clade_decisions best;
    CLADE_TRY(clade__check_scored(score, label, n, err));
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    const size_t n_positive = count_positives(label, n);
    sweep        s          = { .order = order, .score = score, .label = label, .left = n };
    best                    = decisions_of(n, n_positive, 0, 0, HUGE_VAL);
    while (sweep_on(&s)) {
        const clade_decisions here = decisions_of(n, n_positive, s.taken, s.positives, s.threshold);
        if (here.f1 > best.f1) best = here; /* never without positives: taking nobody has no F1 */
    }
    *out = best;
    free(order);
    return CLADE_OK;
}

clade_status clade_average_precision(double *out_ap, const double *score, const uint8_t *label,
                                     size_t n, clade_error *err)
{
    uint32_t *order = NULL;
    double    sum   = 0.0;
    CLADE_TRY(clade__check_scored(score, label, n, err));
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    sweep  s      = { .order = order, .score = score, .label = label, .left = n };
    size_t before = 0;
    while (sweep_on(&s)) {
        sum += (double)(s.positives - before) * ((double)s.positives / (double)s.taken);
        before = s.positives;
    }
    *out_ap = before == 0 ? (double)NAN : sum / (double)before;
    free(order);
    return CLADE_OK;
}

clade_status clade_profit_curve(clade_profit *out_points, size_t *out_n_points,
                                clade_profit *out_best, const double *score, const uint8_t *label,
                                size_t n, const clade_stakes *stakes, clade_error *err)
{
    uint32_t *order    = NULL;
    size_t    n_points = 0;
    if (!isfinite(stakes->true_positive) || !isfinite(stakes->false_positive) ||
        !isfinite(stakes->true_negative) || !isfinite(stakes->false_negative)) {
        return clade_fail(err, CLADE_ERR_ARG, "a stake is not finite");
    }
    CLADE_TRY(clade__check_scored(score, label, n, err));
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    const size_t n_positive = count_positives(label, n);
    sweep s = { .order = order, .score = score, .label = label, .left = n, .threshold = HUGE_VAL };
    clade_profit best = { .threshold = HUGE_VAL, .profit = (double)NAN };
    do {
        const clade_decisions d = decisions_of(n, n_positive, s.taken, s.positives, s.threshold);
        const double          total = stakes->true_positive * (double)d.true_positive +
                             stakes->false_positive * (double)d.false_positive +
                             stakes->true_negative * (double)d.true_negative +
                             stakes->false_negative * (double)d.false_negative;
        const clade_profit here = { s.threshold, s.taken, total / (double)n };
        if (n_points == 0 || here.profit > best.profit) best = here;
        if (out_points != NULL) out_points[n_points] = here;
        n_points++;
    } while (sweep_on(&s));
    if (out_n_points != NULL) *out_n_points = n_points;
    if (out_best != NULL) *out_best = best;
    free(order);
    return CLADE_OK;
}

clade_status clade_confusion(size_t *out_count, const uint32_t *predicted, const uint32_t *actual,
                             size_t n, size_t n_classes, clade_error *err)
{
    size_t n_cells = 0;
    if (n_classes == 0 || !clade_size_mul(&n_cells, n_classes, n_classes)) {
        return clade_fail(err, CLADE_ERR_ARG, "a confusion of %zu classes", n_classes);
    }
    for (size_t i = 0; i < n; i++) {
        if (predicted[i] >= n_classes || actual[i] >= n_classes) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "row %zu is of class %u, predicted %u: wanted below %zu", i,
                              actual[i], predicted[i], n_classes);
        }
    }
    memset(out_count, 0, n_cells * sizeof *out_count);
    for (size_t i = 0; i < n; i++)
        out_count[actual[i] * n_classes + predicted[i]]++;
    return CLADE_OK;
}
