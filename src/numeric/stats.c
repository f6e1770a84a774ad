/*
 * Statistics of a data matrix: checks, means, covariances. Rows are cut into blocks whose size
 * depends on the number of rows alone; each block is a task, and blocks are added up in index
 * order.
 */
#include "clade/numeric.h"

#include "clade/run.h"
#include "numeric_internal.h"

#include <math.h>
#include <stdlib.h>

clade__blocks clade__blocks_of(size_t n)
{
    const size_t even = (n + CLADE__BLOCKS_MAX - 1) / CLADE__BLOCKS_MAX;
    const size_t rows = even > CLADE__BLOCK_ROWS ? even : CLADE__BLOCK_ROWS;
    return (clade__blocks){ rows, (n + rows - 1) / rows };
}

/* ---- Check ------------------------------------------------------------------------------------
 */

typedef struct checked {
    const float *x;
    size_t       n_values;
    size_t       block;
    size_t      *bad; /* first bad value of each block, or SIZE_MAX */
} checked;

/* As integers, the sizes of floats are in order, with infinity and NAN above all of them. */
static bool all_usable_64(const float *x)
{
    typedef int32_t v8i __attribute__((vector_size(32)));
    const float     limit = CLADE_VALUE_MAX;
    int32_t         most;
    v8i             odd = { 0 };
    memcpy(&most, &limit, sizeof most);
    for (int i = 0; i < 64; i += 8) {
        v8i bits;
        memcpy(&bits, x + i, sizeof bits);
        odd |= (bits & INT32_MAX) > most;
    }
    for (int i = 0; i < 8; i++) {
        if (odd[i] != 0) return false;
    }
    return true;
}

static void check_block(size_t i, int worker, void *context)
{
    const checked *const c   = context;
    const size_t         end = (i + 1) * c->block < c->n_values ? (i + 1) * c->block : c->n_values;
    (void)worker;
    c->bad[i] = SIZE_MAX;
    for (size_t at = i * c->block; at < end; at += 64) {
        const size_t stop = at + 64 < end ? at + 64 : end;
        if (stop - at == 64 && all_usable_64(c->x + at)) continue;
        for (size_t v = at; v < stop; v++) {
            if (fabsf(c->x[v]) <= CLADE_VALUE_MAX) continue;
            c->bad[i] = v;
            return;
        }
    }
}

clade_status clade_matrix_check(const float *x, size_t n, size_t n_columns, clade_error *err)
{
    checked c = { x, 0, 0, NULL };
    if (n == 0 || n_columns == 0) return CLADE_OK;
    if (!clade_size_mul(&c.n_values, n, n_columns)) {
        return clade_fail(err, CLADE_ERR_ARG, "a matrix of %zu x %zu cannot exist", n, n_columns);
    }
    const clade__blocks blocks = clade__blocks_of(c.n_values);
    c.block                    = blocks.rows;
    c.bad                      = CLADE_NEW(size_t, blocks.n);
    if (c.bad == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to check %zu rows", n);

    clade_parallel(blocks.n, check_block, &c);
    size_t bad = SIZE_MAX;
    for (size_t i = 0; i < blocks.n && bad == SIZE_MAX; i++)
        bad = c.bad[i];
    free(c.bad);
    if (bad == SIZE_MAX) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_DATA, "x[%zu, %zu] is %g: wanted a number of size %g at most",
                      bad / n_columns, bad % n_columns, (double)x[bad], (double)CLADE_VALUE_MAX);
}

/* ---- Gram matrices ----------------------------------------------------------------------------
 */

typedef double v4 __attribute__((vector_size(32)));

/* A 4 x 8 tile of the result in eight accumulators. Multiplication and addition stay two roundings,
 * so all instruction sets agree. */
static inline __attribute__((always_inline)) void gram_body(double *gram, const double *left,
                                                            const double *right, size_t n_rows,
                                                            size_t d)
{
    const size_t stride = clade_gram_stride(d);
    for (size_t i = 0; i < d; i += 4) {
        for (size_t j = 0; j < i + 4 && j < d; j += 8) {
            v4 acc[4][2];
#pragma GCC unroll 4
            for (int a = 0; a < 4; a++) {
                memcpy(acc[a], gram + (i + (size_t)a) * stride + j, sizeof acc[a]);
            }
            for (size_t r = 0; r < n_rows; r++) {
                v4 y[2];
                memcpy(y, right + r * stride + j, sizeof y);
#pragma GCC unroll 4
                for (int a = 0; a < 4; a++) {
                    const double s = left[r * stride + i + (size_t)a];
                    const v4     x = { s, s, s, s };
                    acc[a][0] += x * y[0];
                    acc[a][1] += x * y[1];
                }
            }
#pragma GCC unroll 4
            for (int a = 0; a < 4; a++) {
                memcpy(gram + (i + (size_t)a) * stride + j, acc[a], sizeof acc[a]);
            }
        }
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void gram_avx2(double *gram, const double *left,
                                                      const double *right, size_t n_rows, size_t d)
{
    gram_body(gram, left, right, n_rows, d);
}
#endif

void clade_gram_add(double *gram, const double *left, const double *right, size_t n_rows, size_t d)
{
#if defined(__x86_64__)
    if (clade_isa_get() >= CLADE_ISA_AVX2) {
        gram_avx2(gram, left, right, n_rows, d);
        return;
    }
#endif
    gram_body(gram, left, right, n_rows, d);
}

/* ---- Means and covariances --------------------------------------------------------------------
 */

enum { CHUNK = 64 };

typedef struct moments {
    const float  *x;
    const float  *weight;
    size_t        n, d;
    clade__blocks blocks;
    double       *sum;     /* (blocks, d + 1), the weight last */
    double       *gram;    /* (blocks, stride, stride) */
    const double *mean;    /* (d) */
    double       *scratch; /* (workers, 2 CHUNK stride) */
} moments;

static void sum_block(size_t i, int worker, void *context)
{
    const moments *const m   = context;
    double *const        sum = m->sum + i * (m->d + 1);
    const size_t         end = (i + 1) * m->blocks.rows < m->n ? (i + 1) * m->blocks.rows : m->n;
    (void)worker;
    for (size_t r = i * m->blocks.rows; r < end; r++) {
        const double w = m->weight == NULL ? 1.0 : (double)m->weight[r];
        for (size_t j = 0; j < m->d; j++)
            sum[j] += w * (double)m->x[r * m->d + j];
        sum[m->d] += w;
    }
}

static void gram_block(size_t i, int worker, void *context)
{
    const moments *const m      = context;
    const size_t         stride = clade_gram_stride(m->d);
    double *const        moved  = m->scratch + (size_t)worker * 2 * CHUNK * stride;
    double *const        scaled = moved + CHUNK * stride;
    const size_t         end    = (i + 1) * m->blocks.rows < m->n ? (i + 1) * m->blocks.rows : m->n;
    for (size_t at = i * m->blocks.rows; at < end; at += CHUNK) {
        const size_t n_rows = end - at < CHUNK ? end - at : CHUNK;
        for (size_t r = 0; r < n_rows; r++) {
            const double w = m->weight == NULL ? 1.0 : (double)m->weight[at + r];
            for (size_t j = 0; j < m->d; j++) {
                const double away      = (double)m->x[(at + r) * m->d + j] - m->mean[j];
                moved[r * stride + j]  = away;
                scaled[r * stride + j] = w * away;
            }
        }
        clade_gram_add(m->gram + i * stride * stride, scaled, moved, n_rows, m->d);
    }
}

/* Add the blocks up and fill the upper half. */
static void gram_collect(double *out, const moments *m, double total)
{
    const size_t stride = clade_gram_stride(m->d);
    for (size_t i = 0; i < m->d; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t b = 0; b < m->blocks.n; b++) {
                sum += m->gram[b * stride * stride + i * stride + j];
            }
            out[i * m->d + j] = out[j * m->d + i] = sum / total;
        }
    }
}

clade_status clade_covariance(double *out_mean, double *out_covariance, const float *x,
                              const float *weight, size_t n, size_t d, clade_error *err)
{
    clade_status status = CLADE_OK;
    const size_t stride = clade_gram_stride(d);
    moments      m      = { x, weight, n, d, clade__blocks_of(n), NULL, NULL, NULL, NULL };
    double      *mean   = NULL;
    size_t       n_gram = 0;
    if (n == 0) return clade_fail(err, CLADE_ERR_ARG, "no rows to take a mean of");

    m.sum  = CLADE_NEW(double, m.blocks.n *(d + 1));
    mean   = CLADE_NEW(double, d + 1);
    m.mean = mean;
    if (out_covariance != NULL && clade_size_mul(&n_gram, m.blocks.n, stride * stride)) {
        m.gram    = CLADE_NEW(double, n_gram);
        m.scratch = CLADE_NEW(double, (size_t)clade_threads_get() * 2 * CHUNK * stride);
    }
    if (m.sum == NULL || mean == NULL ||
        (out_covariance != NULL && (m.gram == NULL || m.scratch == NULL))) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the covariance of %zu columns", d);
        goto done;
    }
    clade_parallel(m.blocks.n, sum_block, &m);
    for (size_t b = 0; b < m.blocks.n; b++) {
        for (size_t j = 0; j <= d; j++)
            mean[j] += m.sum[b * (d + 1) + j];
    }
    const double total = mean[d];
    if (!(total > 0.0)) {
        status = clade_fail(err, CLADE_ERR_ARG, "the weights of %zu rows sum to %g", n, total);
        goto done;
    }
    for (size_t j = 0; j < d; j++)
        mean[j] /= total;
    if (out_covariance != NULL) {
        clade_parallel(m.blocks.n, gram_block, &m);
        gram_collect(out_covariance, &m, total);
    }
    memcpy(out_mean, mean, d * sizeof *mean);
done:
    free(m.sum);
    free(m.gram);
    free(m.scratch);
    free(mean);
    return status;
}

void clade_correlation_of(double *covariance, size_t d)
{
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < i; j++) {
            const double room     = sqrt(covariance[i * d + i] * covariance[j * d + j]);
            const double rho      = room > 0.0 ? covariance[i * d + j] / room : 0.0;
            covariance[i * d + j] = covariance[j * d + i] = fmax(-1.0, fmin(1.0, rho));
        }
    }
    for (size_t i = 0; i < d; i++)
        covariance[i * d + i] = 1.0;
}
