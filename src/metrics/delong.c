/*
 * How sure an AUC is, and whether two scores of the same customers differ, without resampling.
 *
 * With m positives and n negatives, the share of negatives that positive i beats is read off two
 * ranks: that among all rows less that among positives (Sun and Xu 2014). The spread of these
 * shares over positives, and of their like over negatives, is the variance of the AUC (DeLong et
 * al. 1988). Twice a mid rank is an integer, so nothing is rounded before the shares.
 */
#include "clade/metrics.h"

#include "clade/numeric.h"
#include "metrics_internal.h"

#include <math.h>
#include <stdlib.h>

/* Share of the other class that each row is on the right side of, a tie counting half. */
static clade_status win_shares(double *out_share, const double *score, const uint8_t *label,
                               size_t n, clade_error *err)
{
    uint32_t *order    = NULL;
    uint64_t  below[2] = { 0 }, all[2] = { 0 };
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    for (size_t i = 0; i < n; i++)
        all[label[i]]++;
    for (size_t i = 0; i < n;) {
        uint64_t here[2] = { 0 };
        size_t   end     = i;
        for (; end < n && score[order[end]] == score[order[i]]; end++)
            here[label[order[end]]]++;
        for (; i < end; i++) {
            const uint8_t  own   = label[order[i]];
            const uint64_t twice = 2 * below[!own] + here[!own];
            const uint64_t right = own == 1 ? twice : 2 * all[!own] - twice;
            out_share[order[i]]  = 0.5 * (double)right / (double)all[!own];
        }
        below[0] += here[0];
        below[1] += here[1];
    }
    free(order);
    return CLADE_OK;
}

/* Mean over the rows of one class, and the covariance of two shares there (n - 1). */
static double mean_over(const double *share, const uint8_t *label, size_t n, uint8_t class)
{
    double sum = 0.0, count = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (label[i] != class) continue;
        sum += share[i];
        count += 1.0;
    }
    return sum / count;
}

/* Covariance of the two AUCs: of the shares over positives, and over negatives. */
static double covariance(const double *a, const double *b, const uint8_t *label, size_t n)
{
    double total = 0.0;
    for (uint8_t class = 0; class < 2; class ++) {
        const double mean_a = mean_over(a, label, n, class), mean_b = mean_over(b, label, n, class);
        double       sum = 0.0, count = 0.0;
        for (size_t i = 0; i < n; i++) {
            if (label[i] != class) continue;
            sum += (a[i] - mean_a) * (b[i] - mean_b);
            count += 1.0;
        }
        total += sum / ((count - 1.0) * count);
    }
    return total;
}

static bool two_of_each(const uint8_t *label, size_t n)
{
    size_t count[2] = { 0 };
    for (size_t i = 0; i < n; i++)
        count[label[i]]++;
    return count[0] >= 2 && count[1] >= 2;
}

static clade_status check_level(double level, clade_error *err)
{
    if (level > 0.0 && level < 1.0) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "level is %g: wanted between 0 and 1", level);
}

clade_status clade_auc_delong(clade_interval *out, const double *score, const uint8_t *label,
                              size_t n, double level, clade_error *err)
{
    clade_interval result = { (double)NAN, (double)NAN, (double)NAN };
    CLADE_TRY(check_level(level, err));
    CLADE_TRY(clade_auc(&result.value, score, label, n, err));
    if (two_of_each(label, n)) {
        double *const share = CLADE_NEW(double, n);
        if (share == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu shares", n);
        const clade_status status = win_shares(share, score, label, n, err);
        if (status != CLADE_OK) {
            free(share);
            return status;
        }
        const double reach =
            clade_normal_quantile(0.5 + 0.5 * level) * sqrt(covariance(share, share, label, n));
        result.low  = fmax(0.0, result.value - reach);
        result.high = fmin(1.0, result.value + reach);
        free(share);
    }
    *out = result;
    return CLADE_OK;
}

clade_status clade_auc_compare(clade_auc_test *out, const double *score_a, const double *score_b,
                               const uint8_t *label, size_t n, double level, clade_error *err)
{
    const double   nan    = (double)NAN;
    clade_auc_test result = { nan, nan, { nan, nan, nan }, nan, nan };
    double        *a = NULL, *b = NULL;
    clade_status   status = CLADE_OK;
    CLADE_TRY(check_level(level, err));
    CLADE_TRY(clade_auc(&result.auc_a, score_a, label, n, err));
    CLADE_TRY(clade_auc(&result.auc_b, score_b, label, n, err));
    result.difference.value = result.auc_a - result.auc_b;
    if (!two_of_each(label, n)) {
        *out = result;
        return CLADE_OK;
    }
    a = CLADE_NEW(double, n);
    b = CLADE_NEW(double, n);
    if (a == NULL || b == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu shares", n);
        goto done;
    }
    status = win_shares(a, score_a, label, n, err);
    if (status != CLADE_OK) goto done;
    status = win_shares(b, score_b, label, n, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n; i++)
        a[i] -= b[i]; /* the variance of a difference is that of the differences: no cancelling */

    const double deviation = sqrt(covariance(a, a, label, n));
    const double reach     = clade_normal_quantile(0.5 + 0.5 * level) * deviation;
    result.difference.low  = result.difference.value - reach;
    result.difference.high = result.difference.value + reach;
    if (deviation > 0.0) {
        result.z       = result.difference.value / deviation;
        result.p_value = erfc(fabs(result.z) / sqrt(2.0));
    } else if (result.difference.value == 0.0) { /* the same order */
        result.z       = 0.0;
        result.p_value = 1.0;
    }
    *out = result;
done:
    free(a);
    free(b);
    return status;
}
