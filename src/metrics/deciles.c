/*
 * Customers in tenths by score: how much of the value each tenth holds, and how well the predicted
 * amounts hit it.
 */
#include "clade/decisions.h"

#include "clade/numeric.h"
#include "metrics_internal.h"

#include <math.h>
#include <stdlib.h>

static clade_status check_values(const double *score, const char *score_name, const double *value,
                                 const char *value_name, size_t n, size_t n_bins, clade_error *err)
{
    if (n > CLADE_ROWS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot judge %zu rows: at most %zu", n,
                          CLADE_ROWS_MAX);
    }
    if (n_bins == 0) return clade_fail(err, CLADE_ERR_ARG, "n_bins is 0: at least 1 is wanted");
    for (size_t i = 0; i < n; i++) {
        if (isnan(score[i])) {
            return clade_fail(err, CLADE_ERR_DATA, "%s[%zu] is not a number", score_name, i);
        }
        if (!isfinite(value[i])) {
            return clade_fail(err, CLADE_ERR_DATA, "%s[%zu] is %g: wanted finite", value_name, i,
                              value[i]);
        }
    }
    return CLADE_OK;
}

/* Value of the k highest scores, for rising k: of equal scores the same share of each. */
typedef struct top_reader {
    const uint32_t *order; /* rising */
    const double   *score, *value;
    size_t          end;   /* rows not yet taken as whole groups */
    double          taken; /* rows before the group below */
    double          sum;   /* their value */
    double          group_rows, group_sum;
} top_reader;

static double top_value(top_reader *r, double k)
{
    while (k > r->taken + r->group_rows && r->end > 0) {
        const double here = r->score[r->order[r->end - 1]];
        r->taken += r->group_rows;
        r->sum += r->group_sum;
        r->group_rows = r->group_sum = 0.0;
        for (; r->end > 0 && r->score[r->order[r->end - 1]] == here; r->end--) {
            r->group_rows += 1.0;
            r->group_sum += r->value[r->order[r->end - 1]];
        }
    }
    return r->sum + (r->group_rows > 0.0 ? r->group_sum * (k - r->taken) / r->group_rows : 0.0);
}

clade_status clade_gain_table(clade_gain_bin *out, const double *score, const double *value,
                              size_t n, size_t n_bins, clade_error *err)
{
    uint32_t *order = NULL;
    double    total = 0.0, before = 0.0, rows_before = 0.0;
    CLADE_TRY(check_values(score, "score", value, "value", n, n_bins, err));
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    for (size_t i = 0; i < n; i++)
        total += value[i];
    top_reader   r       = { .order = order, .score = score, .value = value, .end = n };
    const double overall = total / (double)n;
    for (size_t b = 0; b < n_bins; b++) {
        const double rows = (double)n * (double)(b + 1) / (double)n_bins;
        const double sum  = top_value(&r, rows);
        const double mean = (sum - before) / (rows - rows_before);
        out[b]            = (clade_gain_bin){ .n_rows          = rows - rows_before,
                                              .mean            = mean,
                                              .lift            = mean / overall,
                                              .gain            = sum / total,
                                              .cumulative_lift = sum / rows / overall };
        before            = sum;
        rows_before       = rows;
    }
    free(order);
    return CLADE_OK;
}

clade_status clade_top_capture(double *out_share, const double *score, const double *value,
                               size_t n, double top, clade_error *err)
{
    uint32_t *order = NULL;
    double    total = 0.0;
    if (!(top > 0.0 && top <= 1.0)) {
        return clade_fail(err, CLADE_ERR_ARG, "top is %g: wanted above 0 and at most 1", top);
    }
    CLADE_TRY(check_values(score, "score", value, "value", n, 1, err));
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    for (size_t i = 0; i < n; i++)
        total += value[i];
    top_reader r = { .order = order, .score = score, .value = value, .end = n };
    *out_share   = n == 0 || total == 0.0 ? (double)NAN : top_value(&r, top * (double)n) / total;
    free(order);
    return CLADE_OK;
}

clade_status clade_value_calibration(double *out_error, clade_calibration_bin *out_bins,
                                     const double *predicted, const double *actual, size_t n,
                                     size_t n_bins, clade_error *err)
{
    uint32_t *order = NULL;
    double    error = 0.0, size = 0.0;
    size_t    i = 0;
    CLADE_TRY(check_values(predicted, "predicted", actual, "actual", n, n_bins, err));
    for (size_t k = 0; k < n; k++) {
        if (isinf(predicted[k])) {
            return clade_fail(err, CLADE_ERR_DATA, "predicted[%zu] is infinite", k);
        }
        size += fabs(actual[k]);
    }
    CLADE_TRY(clade__order_scores(&order, predicted, n, err));
    for (size_t bin = 0; bin < n_bins; bin++) {
        const size_t end  = (size_t)((double)n * (double)(bin + 1) / (double)n_bins + 0.5);
        double       told = 0.0, came = 0.0;
        size_t       here = 0;
        for (; i < n && (i < end || (here > 0 && predicted[order[i]] == predicted[order[i - 1]]));
             i++) {
            told += predicted[order[i]];
            came += actual[order[i]];
            here++;
        }
        error += fabs(told - came);
        if (out_bins != NULL) {
            out_bins[bin] =
                (clade_calibration_bin){ here, told / (double)here, came / (double)here };
        }
    }
    *out_error = size > 0.0 ? error / size : (double)NAN;
    free(order);
    return CLADE_OK;
}
