/*
 * The kernels of value_internal.h, once for each instruction set: kernels_plain.c and
 * kernels_avx2.c define KERNELS_TABLE and include this file. Vectors are GCC's, four doubles wide;
 * nothing but
 * + - * / and bits, and no fused multiply-adds, so that every instruction set gives the same bits.
 */
#include "value_internal.h"

#include <math.h>

typedef double   v4 __attribute__((vector_size(32)));
typedef int64_t  v4i __attribute__((vector_size(32)));
typedef uint64_t v4u __attribute__((vector_size(32)));

#define INLINE static inline __attribute__((always_inline))

INLINE v4 load(const double *p)
{
    v4 x;
    __builtin_memcpy(&x, p, sizeof x);
    return x;
}
INLINE void store(double *p, v4 x)
{
    __builtin_memcpy(p, &x, sizeof x);
}
INLINE v4 all(double x)
{
    return (v4){ x, x, x, x };
}
INLINE v4 choose(v4i mask, v4 yes, v4 no)
{
    return (v4)((mask & (v4i)yes) | (~mask & (v4i)no));
}
INLINE double sum4(v4 x)
{
    return (x[0] + x[2]) + (x[1] + x[3]);
}

/* log of a positive, normal x: x = 2^e (1 + f), s = f / (2 + f), and the polynomial of fdlibm's
 * e_log.c (Sun Microsystems, 1993): within 1 unit in the last place. */
INLINE v4 log4(v4 x)
{
    v4u       bits = (v4u)x;
    v4        e    = (v4)((bits >> 52) | 0x4330000000000000u) - (4503599627370496.0 + 1023.0);
    v4        m    = (v4)((bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u);
    const v4i high = m > all(1.4142135623730951);
    m              = choose(high, m * 0.5, m);
    e              = choose(high, e + 1.0, e);
    const v4 f = m - 1.0, s = f / (f + 2.0), z = s * s, half = 0.5 * f * f;
    v4       R = all(1.479819860511658591e-01);
    R          = R * z + 1.531383769920937332e-01;
    R          = R * z + 1.818357216161805012e-01;
    R          = R * z + 2.222219843214978396e-01;
    R          = R * z + 2.857142874366239149e-01;
    R          = R * z + 3.999999999940941908e-01;
    R          = R * z + 6.666666666666735130e-01;
    R          = R * z;
    return e * 6.93147180369123816490e-01 -
           ((half - (s * (half + R) + e * 1.90821492927058770002e-10)) - f);
}

/* exp by 2^n e^r, |r| <= ln 2 / 2, and Taylor to degree 12: within 2 units in the last place.
 * Arguments are kept in [-708, 709], where neither zero nor infinity is reached. */
INLINE v4 exp4(v4 x)
{
    const double magic = 6755399441055744.0; /* 1.5 2^52: adding it rounds to a whole number */
    x                  = choose(x < -708.0, all(-708.0), x);
    x                  = choose(x > 709.0, all(709.0), x);
    const v4 shifted = x * 1.4426950408889634 + magic, n = shifted - magic;
    const v4 r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
    v4       p = all(1.0 / 479001600);
    p          = p * r + 1.0 / 39916800;
    p          = p * r + 1.0 / 3628800;
    p          = p * r + 1.0 / 362880;
    p          = p * r + 1.0 / 40320;
    p          = p * r + 1.0 / 5040;
    p          = p * r + 1.0 / 720;
    p          = p * r + 1.0 / 120;
    p          = p * r + 1.0 / 24;
    p          = p * r + 1.0 / 6;
    p          = p * r + 0.5;
    p          = p * r * r + r + 1.0;
    return (v4)((v4u)p + ((v4u)shifted << 52));
}

static void two_powers(double *out_sum, double *out_still, double *out_log_T, double *out_log_t,
                       const double *R, const double *alpha, const double *log_ratio,
                       const double *t_x, const double *T, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        const v4  log_T = log4(load(alpha + i) + load(T + i));
        const v4  log_t = log4(load(alpha + i) + load(t_x + i));
        const v4  y     = load(log_ratio + i) + load(R + i) * (log_T - log_t);
        const v4i up    = y > all(0.0);
        const v4  u     = exp4(choose(up, -y, y)); /* e^-|y| */
        store(out_log_T + i, log_T);
        store(out_log_t + i, log_t);
        store(out_still + i, choose(up, u, all(1.0)) / (1.0 + u));
        store(out_sum + i, log4(1.0 + u) + choose(up, y, all(0.0)) - load(R + i) * log_T);
    }
}

static const double NOTHING = -1e300; /* log of an integral over nothing */

/* ---- Pareto/NBD -------------------------------------------------------------------------------
 *
 * The integral over v = log(m + u), m the smaller of alpha and beta, D the larger less m:
 *
 *     int (m+u)^-c (m+u+D)^-e du = int e^h dv,   h = -(c - 1) v - e log(e^v + D)
 *
 * h is concave, and its nearest singularity lies pi beside the real axis: 8 points of Gauss and
 * Legendre are exact to 1e-13 where h falls by less than 4 over a range of 1.5, 16 where it falls
 * by less than 20 over 4. Longer ranges are cut into panels, and where h has fallen by 40 they end.
 */
typedef struct sums {
    v4 one, log_small, log_large, by_small, by_large; /* of e^h, times what they say */
} sums;

/* Eight points: two vectors side by side, so that neither waits for the other. */
INLINE void eight(sums *total, const double *at, const double *weight, double from, double range,
                  double c, double e, double D, double v0, double h0)
{
    v4 v[2], small[2], large[2], log_large[2], f[2];
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
        v[i]     = v0 + (from + range * load(at + 4 * i));
        small[i] = exp4(v[i]);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
        large[i]     = small[i] + D;
        log_large[i] = log4(large[i]);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++)
        f[i] = range * load(weight + 4 * i) * exp4((1.0 - c) * v[i] - e * log_large[i] - h0);
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
        const v4 both = f[i] / (small[i] * large[i]); /* one division for two */
        total->one += f[i];
        total->log_small += f[i] * v[i];
        total->log_large += f[i] * log_large[i];
        total->by_small += both * large[i];
        total->by_large += both * small[i];
    }
}

/* An integral on its way: log int = h0 + log(one); means over e^h are the sums over `one`. */
typedef struct integral {
    double h0[4], one[4];
    double log_a[4], log_b[4], by_a[4], by_b[4]; /* log(alpha + u), ..., 1 / (beta + u) */
} integral;

/* The integral of row `lane` from its logarithms at both ends, m the smaller scale. */
INLINE void integrate(integral *out, size_t lane, bool alpha_is_small, double m, double D, double c,
                      double e, double t_x, double log_t0, double log_t1, double log_large0,
                      double log_large1)
{
    const double h0    = (1 - c) * log_t0 - e * log_large0;
    const double slope = (1 - c) - e * (m + t_x) / (m + D + t_x);
    double       range = log_t1 - log_t0;
    double       fall  = h0 - ((1 - c) * log_t1 - e * log_large1);
    sums         total = { 0 };
    out->h0[lane]      = NOTHING;
    out->one[lane]     = 1;
    out->log_a[lane] = out->log_b[lane] = out->by_a[lane] = out->by_b[lane] = 0;
    if (!(range > 0)) return;
    if (slope * range < -40) {
        range            = -40 / slope;
        const double end = log_t0 + range;
        fall             = h0 - ((1 - c) * end - e * log(exp(end) + D));
    }
    if (fall < 4 && range < 1.5) {
        eight(&total, clade__gauss8_at, clade__gauss8_weight, 0, range, c, e, D, log_t0, h0);
    } else {
        const double n     = ceil(fmin(256, fmax(fall / 20, range / 4)));
        const double width = range / n;
        for (double i = 0; i < n; i++) {
            eight(&total, clade__gauss16_at, clade__gauss16_weight, i * width, width, c, e, D,
                  log_t0, h0);
            eight(&total, clade__gauss16_at + 8, clade__gauss16_weight + 8, i * width, width, c, e,
                  D, log_t0, h0);
        }
    }
    const double one   = sum4(total.one);
    const double small = sum4(total.log_small), large = sum4(total.log_large);
    const double by_small = sum4(total.by_small), by_large = sum4(total.by_large);
    out->h0[lane]    = h0;
    out->one[lane]   = one;
    out->log_a[lane] = alpha_is_small ? small : large;
    out->log_b[lane] = alpha_is_small ? large : small;
    out->by_a[lane]  = alpha_is_small ? by_small : by_large;
    out->by_b[lane]  = alpha_is_small ? by_large : by_small;
}

static void lifetimes(double *out_sum, double *out_still, double *const out_slope[4],
                      const double *R, const double *alpha, double s, const double *beta,
                      const double *t_x, const double *T, size_t n)
{
    const double log_s = log(s);
    for (size_t i = 0; i < n; i += 4) {
        const v4 a = load(alpha + i), b = load(beta + i), r = load(R + i);
        const v4 a_T = a + load(T + i), b_T = b + load(T + i);
        const v4 log_a_t = log4(a + load(t_x + i)), log_b_t = log4(b + load(t_x + i));
        const v4 log_a_T = log4(a_T), log_b_T = log4(b_T);
        integral w;
        for (size_t l = 0; l < 4; l++) {
            if (a[l] <= b[l]) {
                integrate(&w, l, true, a[l], b[l] - a[l], r[l], s + 1, t_x[i + l], log_a_t[l],
                          log_a_T[l], log_b_t[l], log_b_T[l]);
            } else {
                integrate(&w, l, false, b[l], a[l] - b[l], s + 1, r[l], t_x[i + l], log_b_t[l],
                          log_b_T[l], log_a_t[l], log_a_T[l]);
            }
        }
        const v4  one = load(w.one), still = -r * log_a_T - s * log_b_T;
        const v4  left = load(w.h0) + log4(one) + log_s, y = left - still;
        const v4i up = y > 0.0;
        const v4  u  = exp4(choose(up, -y, y)); /* e^-|y| */
        const v4  p = choose(up, u, all(1.0)) / (1.0 + u), q = choose(up, all(1.0), u) / (1.0 + u);
        const v4  by = q / one; /* means, each by the share of having left */
        store(out_still + i, p);
        store(out_sum + i, choose(up, left, still) + log4(1.0 + u));
        store(out_slope[0] + i, -(p * log_a_T + by * load(w.log_a)));
        store(out_slope[1] + i, -r * (p / a_T + by * load(w.by_a)));
        store(out_slope[2] + i, q / s - (p * log_b_T + by * load(w.log_b)));
        store(out_slope[3] + i, -(p * s / b_T + (s + 1) * by * load(w.by_b)));
    }
}

const clade__value_kernels KERNELS_TABLE = { .two_powers = two_powers, .lifetimes = lifetimes };
