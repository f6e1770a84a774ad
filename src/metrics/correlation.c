/*
 * Agreement of two orders: Spearman, Kendall, and the Gini coefficient of a score. All of them are
 * read off ranks, whose doubles are integers.
 */
#include "clade/metrics.h"

#include "clade/numeric.h"
#include "metrics_internal.h"

#include <math.h>
#include <stdlib.h>

static clade_status check_values(const double *x, const char *name, size_t n, clade_error *err)
{
    if (n > CLADE_ROWS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot judge %zu rows: at most %zu", n,
                          CLADE_ROWS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) {
            return clade_fail(err, CLADE_ERR_DATA, "%s[%zu] is not a number", name, i);
        }
    }
    return CLADE_OK;
}

/* Ranks less their mean; equal values share the mean of their places. */
static clade_status centred_ranks(double *out, const double *x, size_t n, clade_error *err)
{
    uint32_t *order = NULL;
    CLADE_TRY(clade__order_scores(&order, x, n, err));
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && x[order[end]] == x[order[i]])
            end++;
        const double rank = 0.5 * (double)(i + end - 1) - 0.5 * (double)(n - 1);
        for (; i < end; i++)
            out[order[i]] = rank;
    }
    free(order);
    return CLADE_OK;
}

/* Ranks of both, in memory that the caller frees through *out_a. */
static clade_status both_ranks(double **out_a, double **out_b, const double *a, const double *b,
                               size_t n, clade_error *err)
{
    double *const rank = CLADE_NEW(double, 2 * n + 1);
    if (rank == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu ranks", n);
    clade_status status = centred_ranks(rank, a, n, err);
    if (status == CLADE_OK) status = centred_ranks(rank + n, b, n, err);
    if (status != CLADE_OK) {
        free(rank);
        return status;
    }
    *out_a = rank;
    *out_b = rank + n;
    return CLADE_OK;
}

clade_status clade_spearman(double *out_rho, const double *a, const double *b, size_t n,
                            clade_error *err)
{
    double *rank_a = NULL, *rank_b = NULL, ab = 0.0, aa = 0.0, bb = 0.0;
    CLADE_TRY(check_values(a, "a", n, err));
    CLADE_TRY(check_values(b, "b", n, err));
    CLADE_TRY(both_ranks(&rank_a, &rank_b, a, b, n, err));
    for (size_t i = 0; i < n; i++) {
        ab += rank_a[i] * rank_b[i];
        aa += rank_a[i] * rank_a[i];
        bb += rank_b[i] * rank_b[i];
    }
    *out_rho = aa > 0.0 && bb > 0.0 ? ab / sqrt(aa) / sqrt(bb) : (double)NAN;
    free(rank_a);
    return CLADE_OK;
}

clade_status clade_gini(double *out_gini, const double *predicted, const double *actual, size_t n,
                        clade_error *err)
{
    double *rank_p = NULL, *rank_a = NULL, told = 0.0, best = 0.0;
    CLADE_TRY(check_values(predicted, "predicted", n, err));
    for (size_t i = 0; i < n; i++) {
        if (isfinite(actual[i])) continue;
        return clade_fail(err, CLADE_ERR_DATA, "actual[%zu] is %g: wanted finite", i, actual[i]);
    }
    CLADE_TRY(both_ranks(&rank_p, &rank_a, predicted, actual, n, err));
    for (size_t i = 0; i < n; i++) {
        told += actual[i] * rank_p[i];
        best += actual[i] * rank_a[i];
    }
    *out_gini = best > 0.0 ? told / best : (double)NAN;
    free(rank_p);
    return CLADE_OK;
}

/* ---- Kendall: Knight (1966) ------------------------------------------------------------------ */

/* Sort y, and count the exchanges of neighbours that takes: pairs in the wrong order. */
static uint64_t sort_and_count(double *y, double *spare, size_t n)
{
    uint64_t count = 0;
    double  *from = y, *to = spare;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            const size_t middle = start + width < n ? start + width : n;
            const size_t end    = start + 2 * width < n ? start + 2 * width : n;
            size_t       i = start, j = middle;
            for (size_t k = start; k < end; k++) {
                if (i < middle && (j == end || from[i] <= from[j])) {
                    to[k] = from[i++];
                } else {
                    to[k] = from[j++];
                    count += middle - i;
                }
            }
        }
        double *const was = from;
        from              = to;
        to                = was;
    }
    if (from != y) memcpy(y, from, n * sizeof *y);
    return count;
}

/* Pairs of equal values in a run: neighbours are compared by both columns, or by x alone. */
static uint64_t tied_pairs(const double *x, const double *y, size_t n)
{
    uint64_t pairs = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && x[end] == x[i] && (y == NULL || y[end] == y[i]))
            end++;
        pairs += (uint64_t)(end - i) * (end - i - 1) / 2;
        i = end;
    }
    return pairs;
}

clade_status clade_kendall(double *out_tau, const double *a, const double *b, size_t n,
                           clade_error *err)
{
    clade_status status = CLADE_OK;
    uint32_t    *by_b = NULL, *by_a = NULL;
    double      *a_sort = NULL, *b_sort, *spare;
    double       tau    = (double)NAN;
    CLADE_TRY(check_values(a, "a", n, err));
    CLADE_TRY(check_values(b, "b", n, err));

    a_sort = CLADE_NEW(double, 3 * n + 1);
    if (a_sort == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to order %zu rows", n);
    }
    b_sort = a_sort + n;
    spare  = b_sort + n;
    /* By b, then stably by a: rows in the order of a, those of equal a in the order of b. */
    status = clade__order_scores(&by_b, b, n, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n; i++)
        spare[i] = a[by_b[i]];
    status = clade__order_scores(&by_a, spare, n, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        a_sort[i] = a[by_b[by_a[i]]];
        b_sort[i] = b[by_b[by_a[i]]];
    }
    const uint64_t all   = n == 0 ? 0 : (uint64_t)n * (n - 1) / 2;
    const uint64_t tie_a = tied_pairs(a_sort, NULL, n), both = tied_pairs(a_sort, b_sort, n);
    const uint64_t wrong = sort_and_count(b_sort, spare, n);
    const uint64_t tie_b = tied_pairs(b_sort, NULL, n);
    if (all > tie_a && all > tie_b) {
        /* In neither tied: all - tie_a - tie_b + both; of them `wrong` are in the wrong order. */
        const int64_t right_less_wrong =
            (int64_t)(all - tie_a) - (int64_t)tie_b + (int64_t)both - 2 * (int64_t)wrong;
        tau = (double)right_less_wrong / sqrt((double)(all - tie_a)) / sqrt((double)(all - tie_b));
    }
    *out_tau = tau;
done:
    free(by_a);
    free(by_b);
    free(a_sort);
    return status;
}
