/*
 * Scores against truth. Each metric is one pass, or one order and one pass; they run on up to
 * millions of customers, a few times for each model that is judged.
 */
#include "clade/metrics.h"

#include "clade/numeric.h"
#include "metrics_internal.h"

#include <math.h>
#include <stdlib.h>

clade_status clade__check_scored(const double *score, const uint8_t *label, size_t n,
                                 clade_error *err)
{
    if (n > CLADE_ROWS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot judge %zu rows: at most %zu", n,
                          CLADE_ROWS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        if (isnan(score[i])) {
            return clade_fail(err, CLADE_ERR_DATA, "score[%zu] is not a number", i);
        }
        if (label[i] > 1) {
            return clade_fail(err, CLADE_ERR_DATA, "label[%zu] is %u: wanted 0 or 1", i, label[i]);
        }
    }
    return CLADE_OK;
}

clade_status clade__order_scores(uint32_t **out_order, const double *score, size_t n,
                                 clade_error *err)
{
    uint32_t *const order = CLADE_NEW(uint32_t, n + 1);
    if (order == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to order %zu scores", n);
    }
    const clade_status status = clade_order_f64(order, score, 1, n, err);
    if (status != CLADE_OK) {
        free(order);
        return status;
    }
    *out_order = order;
    return CLADE_OK;
}

/* Twice the number of pairs (positive, negative) that are in the right order, a tie counting one:
 * an integer below 2 n^2 <= 2^63. */
double clade__auc_ordered(const uint32_t *order, const double *score, const uint8_t *label,
                          const uint32_t *count, size_t n)
{
    uint64_t twice_right = 0, n_positive = 0, n_negative = 0;
    for (size_t i = 0; i < n;) {
        const double value         = score[order[i]];
        uint64_t     here_positive = 0, here_negative = 0;
        for (; i < n && score[order[i]] == value; i++) {
            const uint64_t times = count == NULL ? 1 : count[order[i]];
            if (label[order[i]] != 0) {
                here_positive += times;
            } else {
                here_negative += times;
            }
        }
        twice_right += here_positive * (2 * n_negative + here_negative);
        n_positive += here_positive;
        n_negative += here_negative;
    }
    if (n_positive == 0 || n_negative == 0) return (double)NAN;
    return 0.5 * (double)twice_right / ((double)n_positive * (double)n_negative);
}

clade_status clade_auc(double *out_auc, const double *score, const uint8_t *label, size_t n,
                       clade_error *err)
{
    uint32_t *order = NULL;
    CLADE_TRY(clade__check_scored(score, label, n, err));
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    *out_auc = clade__auc_ordered(order, score, label, NULL, n);
    free(order);
    return CLADE_OK;
}

/* `count` NULL counts every row once. The sums run in index order on one thread. */
double clade__r2_counted(const double *predicted, const double *actual, const uint32_t *count,
                         size_t n)
{
    double total = 0.0, weight = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double times = count == NULL ? 1.0 : count[i];
        total += times * actual[i];
        weight += times;
    }
    const double mean = total / weight;

    double error2 = 0.0, spread2 = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double times = count == NULL ? 1.0 : count[i];
        const double miss = actual[i] - predicted[i], around = actual[i] - mean;
        error2 += times * miss * miss;
        spread2 += times * around * around;
    }
    return spread2 > 0.0 ? 1.0 - error2 / spread2 : (double)NAN;
}

double clade_r2(const double *predicted, const double *actual, size_t n)
{
    return clade__r2_counted(predicted, actual, NULL, n);
}

double clade_mean_absolute_error(const double *predicted, const double *actual, size_t n)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++)
        total += fabs(actual[i] - predicted[i]);
    return n == 0 ? (double)NAN : total / (double)n;
}

double clade_root_mean_square_error(const double *predicted, const double *actual, size_t n)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++)
        total += (actual[i] - predicted[i]) * (actual[i] - predicted[i]);
    return n == 0 ? (double)NAN : sqrt(total / (double)n);
}

double clade_mape(size_t *out_n_zero, const double *predicted, const double *actual, size_t n)
{
    double total  = 0.0;
    size_t n_zero = 0;
    for (size_t i = 0; i < n; i++) {
        if (actual[i] == 0.0) {
            n_zero++;
        } else {
            total += fabs((predicted[i] - actual[i]) / actual[i]);
        }
    }
    if (out_n_zero != NULL) *out_n_zero = n_zero;
    return n == n_zero ? (double)NAN : total / (double)(n - n_zero);
}

double clade_log_loss(const double *p_label, const uint8_t *label, size_t n)
{
    const double edge  = 1e-15;
    double       total = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double p = fmin(fmax(p_label[i], edge), 1.0 - edge);
        total -= label[i] != 0 ? log(p) : log1p(-p);
    }
    return n == 0 ? (double)NAN : total / (double)n;
}

double clade_brier(const double *p_label, const uint8_t *label, size_t n)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double miss = p_label[i] - (label[i] != 0 ? 1.0 : 0.0);
        total += miss * miss;
    }
    return n == 0 ? (double)NAN : total / (double)n;
}

clade_status clade_calibration_error(double *out_error, clade_calibration_bin *out_bins,
                                     const double *p_label, const uint8_t *label, size_t n,
                                     size_t n_bins, clade_error *err)
{
    uint32_t *order = NULL;
    if (n_bins == 0) return clade_fail(err, CLADE_ERR_ARG, "n_bins is 0: at least 1 is wanted");
    CLADE_TRY(clade__check_scored(p_label, label, n, err));
    for (size_t i = 0; i < n; i++) {
        if (p_label[i] < 0.0 || p_label[i] > 1.0) {
            return clade_fail(err, CLADE_ERR_DATA, "p_label[%zu] is %g: wanted 0 to 1", i,
                              p_label[i]);
        }
    }
    CLADE_TRY(clade__order_scores(&order, p_label, n, err));

    double error = 0.0;
    size_t i     = 0;
    for (size_t bin = 0; bin < n_bins; bin++) {
        /* The end of the bin in exact arithmetic, then on to the end of equal predictions. */
        const size_t end       = (size_t)((double)n * (double)(bin + 1) / (double)n_bins + 0.5);
        double       predicted = 0.0, observed = 0.0;
        size_t       n_here = 0;
        for (; i < n && (i < end || (n_here > 0 && p_label[order[i]] == p_label[order[i - 1]]));
             i++) {
            predicted += p_label[order[i]];
            observed += label[order[i]];
            n_here++;
        }
        error += fabs(predicted - observed);
        if (out_bins != NULL) {
            out_bins[bin] = (clade_calibration_bin){ n_here, predicted / (double)n_here,
                                                     observed / (double)n_here };
        }
    }
    *out_error = n == 0 ? (double)NAN : error / (double)n;
    free(order);
    return CLADE_OK;
}

/* Expected positives among the k highest scores: whole groups of equal scores, and the same share
 * of the group that the cut falls into. */
static double positives_at(const uint32_t *order, const double *score, const uint8_t *label,
                           size_t n, size_t k)
{
    double positives = 0.0;
    size_t taken     = 0;
    for (size_t end = n; end > 0 && taken < k;) {
        const double value         = score[order[end - 1]];
        size_t       here_positive = 0, here = 0;
        for (; end > 0 && score[order[end - 1]] == value; end--) {
            here_positive += label[order[end - 1]];
            here++;
        }
        const size_t use = here < k - taken ? here : k - taken;
        positives += (double)here_positive * (double)use / (double)here;
        taken += use;
    }
    return positives;
}

clade_status clade_precision_curve(double *out_precision, double *out_recall, const double *score,
                                   const uint8_t *label, size_t n, const size_t *k, size_t n_k,
                                   clade_error *err)
{
    uint32_t *order      = NULL;
    size_t    n_positive = 0;
    CLADE_TRY(clade__check_scored(score, label, n, err));
    for (size_t j = 0; j < n_k; j++) {
        if (k[j] == 0)
            return clade_fail(err, CLADE_ERR_ARG, "k[%zu] is 0: at least 1 is wanted", j);
    }
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    for (size_t i = 0; i < n; i++)
        n_positive += label[i];

    for (size_t j = 0; j < n_k; j++) {
        const size_t cut       = k[j] < n ? k[j] : n;
        const double positives = positives_at(order, score, label, n, cut);
        if (out_precision != NULL) out_precision[j] = positives / (double)cut;
        if (out_recall != NULL) out_recall[j] = positives / (double)n_positive;
    }
    free(order);
    return CLADE_OK;
}
