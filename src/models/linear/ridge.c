/* Ridge regression at a wanted number of effective degrees of freedom.
 *
 * G = Q T Q' with T tridiagonal (Householder). For any penalty l:
 *     (G + l I)^-1 m = Q (T + l I)^-1 Q' m
 *     df(l) = tr G (G + l I)^-1 = p - l tr (T + l I)^-1
 * and the trace of a tridiagonal inverse follows from its pivots taken from above and from below.
 */
#include "ridge.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { BISECTIONS = 60 };

/* One Householder step k: clear row and column k beyond k+1, in the symmetric matrix a. */
static void reflect(clade__ridge *t, size_t k, double *w)
{
    const size_t p     = t->p;
    double      *a     = t->a;
    double      *v     = a + k * p;
    double       scale = 0;
    for (size_t j = k + 1; j < p; j++)
        scale += v[j] * v[j];
    const double norm = sqrt(scale);
    t->diagonal[k]    = a[k * p + k];
    if (norm == 0) { /* already clear: the reflector is nothing */
        t->side[k] = 0;
        for (size_t j = k + 1; j < p; j++)
            v[j] = 0;
        return;
    }
    const double head = v[k + 1];
    const double to   = head > 0 ? -norm : norm;
    t->side[k]        = to;
    v[k + 1]          = head - to;
    /* |v|^2 = 2 norm (norm + |head|); scaled to sqrt(2) length, H = I - v v'. */
    const double shrink = 1 / sqrt(norm * (norm + fabs(head)));
    for (size_t j = k + 1; j < p; j++)
        v[j] *= shrink;

    /* A <- H A H on the rest: w = A v, w -= (v'w / 2) v, A -= v w' + w v'. */
    double dot = 0;
    for (size_t i = k + 1; i < p; i++) {
        double sum = 0;
        for (size_t j = k + 1; j < p; j++)
            sum += a[i * p + j] * v[j];
        w[i] = sum;
        dot += sum * v[i];
    }
    for (size_t i = k + 1; i < p; i++)
        w[i] -= 0.5 * dot * v[i];
    for (size_t i = k + 1; i < p; i++) {
        const double vi = v[i], wi = w[i];
        for (size_t j = k + 1; j < p; j++)
            a[i * p + j] -= vi * w[j] + wi * v[j];
    }
}

static void tridiagonalise(clade__ridge *t, double *scratch)
{
    const size_t p = t->p;
    for (size_t k = 0; k + 2 < p; k++)
        reflect(t, k, scratch);
    for (size_t k = p < 2 ? 0 : p - 2; k < p; k++) {
        t->diagonal[k] = t->a[k * p + k];
        t->side[k]     = k + 1 < p ? t->a[k * p + k + 1] : 0;
    }
}

/* moment <- Q' moment (forward) or Q moment (backward), all targets at once. */
static void rotate(const clade__ridge *t, double *moment, size_t n_targets, bool forward)
{
    const size_t p       = t->p;
    const size_t n_steps = p < 2 ? 0 : p - 2;
    for (size_t step = 0; step < n_steps; step++) {
        const size_t  k = forward ? step : n_steps - 1 - step;
        const double *v = t->a + k * p;
        for (size_t target = 0; target < n_targets; target++) {
            double dot = 0;
            for (size_t j = k + 1; j < p; j++)
                dot += v[j] * moment[j * n_targets + target];
            for (size_t j = k + 1; j < p; j++)
                moment[j * n_targets + target] -= dot * v[j];
        }
    }
}

/* p - l tr (T + l I)^-1. above and below are scratch of p each. */
static double degrees_of_freedom(const clade__ridge *t, double penalty, double *above,
                                 double *below)
{
    const size_t p   = t->p;
    double       sum = 0;
    above[0]         = t->diagonal[0] + penalty;
    for (size_t i = 1; i < p; i++) {
        above[i] = t->diagonal[i] + penalty - t->side[i - 1] * t->side[i - 1] / above[i - 1];
    }
    below[p - 1] = t->diagonal[p - 1] + penalty;
    for (size_t i = p - 1; i-- > 0;) {
        below[i] = t->diagonal[i] + penalty - t->side[i] * t->side[i] / below[i + 1];
    }
    for (size_t i = 0; i < p; i++)
        sum += 1 / (above[i] + below[i] - (t->diagonal[i] + penalty));
    return (double)p - penalty * sum;
}

/* (T + l I) x = b for every target, in place. */
static void solve_tridiagonal(const clade__ridge *t, double penalty, double *b, size_t n_targets,
                              double *pivot)
{
    const size_t p = t->p;
    pivot[0]       = t->diagonal[0] + penalty;
    for (size_t i = 1; i < p; i++) {
        const double ratio = t->side[i - 1] / pivot[i - 1];
        pivot[i]           = t->diagonal[i] + penalty - t->side[i - 1] * ratio;
        for (size_t k = 0; k < n_targets; k++)
            b[i * n_targets + k] -= ratio * b[(i - 1) * n_targets + k];
    }
    for (size_t k = 0; k < n_targets; k++)
        b[(p - 1) * n_targets + k] /= pivot[p - 1];
    for (size_t i = p - 1; i-- > 0;) {
        for (size_t k = 0; k < n_targets; k++) {
            b[i * n_targets + k] =
                (b[i * n_targets + k] - t->side[i] * b[(i + 1) * n_targets + k]) / pivot[i];
        }
    }
}

clade_status clade__ridge_make(clade__ridge *out, double *gram, size_t p, clade_error *err)
{
    double *scratch = CLADE_NEW(double, 4 * p);
    if (scratch == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu columns", p);
    *out = (clade__ridge){ p, gram, scratch, scratch + p, scratch + 2 * p, 0 };
    for (size_t i = 0; i < p; i++)
        out->trace += gram[i * p + i];
    tridiagonalise(out, out->scratch);
    return CLADE_OK;
}

void clade__ridge_free(clade__ridge *ridge)
{
    free(ridge->diagonal);
}

double clade__ridge_penalty(const clade__ridge *ridge, double df)
{
    double *above = ridge->scratch, *below = ridge->scratch + ridge->p;
    /* df falls from p to 0 as the penalty grows; a penalty on the scale of the trace ends below 1.
     */
    double low = log(ridge->trace * 1e-12 + 1e-300), high = log(ridge->trace * 1e6 + 1e-300);
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = 0.5 * (low + high);
        if (degrees_of_freedom(ridge, exp(middle), above, below) > df) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return exp(high);
}

void clade__ridge_apply(double *moment, const clade__ridge *ridge, double penalty, size_t n_targets)
{
    rotate(ridge, moment, n_targets, true);
    solve_tridiagonal(ridge, penalty, moment, n_targets, ridge->scratch);
    rotate(ridge, moment, n_targets, false);
}

clade_status clade_ridge_solve(double *out_coefficient, double *out_penalty, double *gram,
                               double *moment, size_t p, size_t n_targets, double df,
                               clade_error *err)
{
    if (p == 0 || n_targets == 0 || !(df > 0)) {
        return clade_fail(
            err, CLADE_ERR_ARG,
            "ridge regression needs columns, targets and df above 0, got %zu, %zu, %g", p,
            n_targets, df);
    }
    clade__ridge ridge;
    CLADE_TRY(clade__ridge_make(&ridge, gram, p, err));
    *out_penalty = clade__ridge_penalty(&ridge, df);
    clade__ridge_apply(moment, &ridge, *out_penalty, n_targets);
    memcpy(out_coefficient, moment, p * n_targets * sizeof *moment);
    clade__ridge_free(&ridge);
    return CLADE_OK;
}
