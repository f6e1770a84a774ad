/*
 * Small dense algebra in double: matrices of features against features, at most a few hundred wide,
 * a few times for each fit.
 */
#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum { SWEEPS_MAX = 60 };

/* One rotation that makes a[p][q] zero; a is symmetric and kept whole, v holds vectors as rows. */
static void rotate(double *a, double *v, size_t n, size_t p, size_t q)
{
    const double apq = a[p * n + q];
    if (apq == 0.0) return;
    const double theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    const double t     = copysign(1.0, theta) / (fabs(theta) + sqrt(theta * theta + 1.0));
    const double c     = 1.0 / sqrt(t * t + 1.0);
    const double s     = t * c;

    a[p * n + p] -= t * apq;
    a[q * n + q] += t * apq;
    a[p * n + q] = a[q * n + p] = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (i == p || i == q) continue;
        const double aip = a[i * n + p], aiq = a[i * n + q];
        a[i * n + p] = a[p * n + i] = c * aip - s * aiq;
        a[i * n + q] = a[q * n + i] = s * aip + c * aiq;
    }
    for (size_t i = 0; i < n; i++) {
        const double vp = v[p * n + i], vq = v[q * n + i];
        v[p * n + i] = c * vp - s * vq;
        v[q * n + i] = s * vp + c * vq;
    }
}

/* Rotate until what is beside the diagonal is lost beside it. */
static void diagonalise(double *a, double *v, size_t n)
{
    for (int sweep = 0; sweep < SWEEPS_MAX; sweep++) {
        bool done = true;
        for (size_t p = 0; p + 1 < n; p++) {
            for (size_t q = p + 1; q < n; q++) {
                const double room = sqrt(fabs(a[p * n + p] * a[q * n + q])) * 1e-17;
                if (fabs(a[p * n + q]) <= room) continue;
                rotate(a, v, n, p, q);
                done = false;
            }
        }
        if (done) return;
    }
}

/* Copy row `from` of v to `to`, turned so that its largest component is positive. */
static void copy_turned(double *to, const double *from, size_t n)
{
    size_t largest = 0;
    for (size_t i = 1; i < n; i++) {
        /* A margin, so that the choice between two equal components does not hang on a last bit. */
        if (fabs(from[i]) > fabs(from[largest]) * (1.0 + 1e-9)) largest = i;
    }
    const double sign = from[largest] < 0.0 ? -1.0 : 1.0;
    for (size_t i = 0; i < n; i++)
        to[i] = sign * from[i];
}

clade_status clade_eigen_symmetric(double *out_value, double *out_vector, const double *a, size_t n,
                                   clade_error *err)
{
    clade_status status = CLADE_OK;
    size_t       n_all  = 0;
    double      *work = NULL, *vector = NULL, *key = NULL;
    uint32_t    *order = NULL;
    if (clade_size_mul(&n_all, n, n)) {
        work   = CLADE_NEW(double, n_all);
        vector = CLADE_NEW(double, n_all);
        key    = CLADE_NEW(double, n);
        order  = CLADE_NEW(uint32_t, n);
    }
    if (work == NULL || vector == NULL || key == NULL || order == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory for the eigenvalues of %zu columns", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            if (!isfinite(a[i * n + j])) {
                status = clade_fail(err, CLADE_ERR_DATA, "matrix[%zu, %zu] is not finite", i, j);
                goto done;
            }
            work[i * n + j] = work[j * n + i] = a[i * n + j];
        }
        vector[i * n + i] = 1.0;
    }
    diagonalise(work, vector, n);

    for (size_t i = 0; i < n; i++)
        key[i] = -work[i * n + i];
    status = clade_order_f64(order, key, 1, n, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        out_value[i] = -key[order[i]];
        copy_turned(out_vector + i * n, vector + order[i] * n, n);
    }
done:
    free(work);
    free(vector);
    free(key);
    free(order);
    return status;
}

bool clade_cholesky(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double rest = a[i * n + j];
            for (size_t m = 0; m < j; m++)
                rest -= a[i * n + m] * a[j * n + m];
            if (i > j) {
                a[i * n + j] = rest / a[j * n + j];
            } else if (rest > 0.0) {
                a[i * n + i] = sqrt(rest);
            } else {
                return false;
            }
        }
        for (size_t j = i + 1; j < n; j++)
            a[i * n + j] = 0.0;
    }
    return true;
}

void clade_lower_invert(double *lower, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        lower[j * n + j] = 1.0 / lower[j * n + j];
        for (size_t i = j + 1; i < n; i++) {
            double sum = 0.0;
            for (size_t m = j; m < i; m++)
                sum += lower[i * n + m] * lower[m * n + j];
            lower[i * n + j] = -sum / lower[i * n + i];
        }
    }
}
