/**
 * Kernels: the few loops in which learning and serving spend their time. Each runs on the calling
 * thread, allocates nothing and keeps nothing; whoever calls decides what runs in parallel.
 *
 * Every kernel is written once (src/numeric/kernels_body.h) and compiled for each instruction set;
 * clade_kernels_get gives the table for the best one that the processor has (clade_isa_get).
 * Results may differ in last bits from one instruction set to another. Matrices are row-major; a
 * leading dimension is the distance between rows in floats. Destinations come first, as in memcpy,
 * and must not overlap sources unless it says "in place".
 */
#ifndef CLADE_KERNELS_H
#define CLADE_KERNELS_H

#include "clade/numeric.h"

/** Columns of one panel of a packed matrix. */
enum { CLADE_PANEL = 16 };

/** Floats of a packed (k, n) matrix: n rounded up to whole panels, times k. */
static inline size_t clade_pack_size(size_t k, size_t n)
{
    return (n + CLADE_PANEL - 1) / CLADE_PANEL * CLADE_PANEL * k;
}

typedef struct clade_kernels {
    /**
     * Pack b for matmul: panels of 16 columns, (panel, k, 16), zero beyond n.
     * pack: b (k, n), row p at b + p ldb.  pack_transposed: b (n, k), the product is with b'.
     */
    void (*pack)(float *packed, const float *b, size_t ldb, size_t k, size_t n);
    void (*pack_transposed)(float *packed, const float *b, size_t ldb, size_t k, size_t n);

    /**
     * c (m, n) = a b, or c += a b with `add`; a's element (i, p) at a[i a_row + p a_column], so
     * that (lda, 1) reads a as it stands and (1, lda) its transpose (one of the two is 1); b (k, n)
     * packed. Sums run over p in rising order within blocks of 256. Cost 2 m n k operations, at 65
     * to 85 % of the multiply-add peak from k = 32 on (bench/numeric).
     */
    void (*matmul)(float *c, size_t ldc, const float *a, size_t a_row, size_t a_column,
                   const float *packed, size_t m, size_t n, size_t k, bool add);

    /**
     * y (n) = x b, or y += x b with `add`: matmul of one row, four panels at a time, so that eight
     * sums hide the latency of each other. b (k, n) packed, its panels `stride` floats apart: 16 k
     * as pack leaves them. Bit for bit what matmul gives. Cost 2 n k operations and one reading of
     * b, which is what it waits for.
     */
    void (*row_times)(float *y, const float *x, const float *packed, size_t stride, size_t n,
                      size_t k, bool add);

    /** y[i] = x[i] gain / rms(x[i]) for n rows of d; out_scale[i] = 1 / rms, kept for the way back.
     *  rms(x) = sqrt(mean(x^2) + 1e-6). Zhang and Sennrich (2019), NeurIPS 32. In place allowed. */
    void (*rms_norm)(float *y, float *out_scale, const float *x, const float *gain, size_t n,
                     size_t d);
    /** dx += and dgain += of the above, from dy, x and scale. */
    void (*rms_norm_backward)(float *dx, float *dgain, const float *dy, const float *x,
                              const float *gain, const float *scale, size_t n, size_t d);

    /** y = silu(a) b over n rows of d, silu(a) = a / (1 + exp(-a)); a and b may be strided columns
     * of one matrix. The backward writes da and db (which may be a and b themselves). */
    void (*gate)(float *y, size_t ldy, const float *a, size_t lda, const float *b, size_t ldb,
                 size_t n, size_t d);
    void (*gate_backward)(float *da, size_t ldda, float *db, size_t lddb, const float *dy,
                          size_t lddy, const float *a, size_t lda, const float *b, size_t ldb,
                          size_t n, size_t d);

    /** x = exp(x - max(x)) in place; returns the sum, and the maximum in *out_max. */
    float (*exp_row)(float *x, float *out_max, size_t n);
    /** y = silu(x); with dy: dx = dy silu'(x), in place allowed. */
    void (*silu)(float *y, const float *x, size_t n);
    void (*silu_backward)(float *dx, const float *dy, const float *x, size_t n);

    /**
     * Columns of x (n, w), w a multiple of 16 and at most 256: out_max[j] = max over rows,
     * x = exp(x - max) in place, out_sum[j] = sum over rows. Lanes are columns, so nothing is
     * summed across a register.
     */
    void (*exp_columns)(float *x, float *out_max, float *out_sum, size_t n, size_t w);
    /** x[i][j] *= factor[j]. */
    void (*scale_columns)(float *x, const float *factor, size_t n, size_t w);

    void (*add)(float *y, const float *x, size_t n);           /* y += x */
    void (*axpy)(float *y, float a, const float *x, size_t n); /* y += a x */
    float (*dot)(const float *x, const float *y, size_t n);
    /** sum of x[j]^2, in double over blocks of 256. */
    double (*sum_squares)(const float *x, size_t n);
    /** y[j] += sum over the n rows of x. */
    void (*add_rows)(float *y, const float *x, size_t ldx, size_t n, size_t d);

    /**
     * Dropout in place: element j survives when hash(key, j) says so, and is then divided by
     * `keep`. The same call on a gradient applies the same mask: nothing is stored. The mask is the
     * same on every instruction set.
     */
    void (*dropout)(float *x, size_t n, uint64_t key, float keep);

    /**
     * One step of AdamW. grad is multiplied by grad_scale first; `rate` holds the bias corrections:
     * rate = lr sqrt(1 - b2^t) / (1 - b1^t). decay is lr times weight decay.
     * Loshchilov and Hutter (2019), ICLR. Kingma and Ba (2015), ICLR.
     */
    void (*adam)(float *theta, float *m, float *v, const float *grad, size_t n, float grad_scale,
                 float rate, float b1, float b2, float epsilon, float decay);

    /**
     * A bank of decaying sums: z[t][k] = factor[t][k] z[t-1][k] + v[t], out[t] += mix[t][k]
     * z[t][k], for one head of w channels and K rates, over n events of one customer.
     *
     * Shapes  out (n, w) by ldo, v (n, w) by ldv, factor (n, K), mix (n, K) by ldm,
     *         z (n + 1, K, w): z[0] is the state before the first event (the caller sets it), z[n]
     *         the state after the last. w a multiple of 8.
     */
    void (*decay)(float *out, size_t ldo, float *z, const float *v, size_t ldv, const float *factor,
                  const float *mix, size_t ldm, size_t n, size_t w, size_t K);
    /** dv +=, dmix +=, dfactor = from dout and the z of the forward pass. carry (K, w) is scratch.
     */
    void (*decay_backward)(float *dv, size_t lddv, float *dmix, size_t lddm, float *dfactor,
                           const float *dout, size_t lddo, const float *z, const float *factor,
                           const float *mix, size_t ldm, float *carry, size_t n, size_t w,
                           size_t K);
} clade_kernels;

/** The table for the instruction set in use. Never NULL; constant while the program runs. */
CLADE_API const clade_kernels *clade_kernels_get(void);

#endif
