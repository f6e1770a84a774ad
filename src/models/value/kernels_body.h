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

INLINE void panel(sums *total, const double *at, const double *weight, size_t n, double from,
                  double range, double c, double e, double D, double v0, double h0)
{
    for (size_t i = 0; i < n; i += 4) {
        const v4 v     = v0 + (from + range * load(at + i));
        const v4 small = exp4(v), large = small + D, log_large = log4(large);
        const v4 f = range * load(weight + i) * exp4((1.0 - c) * v - e * log_large - h0);
        total->one += f;
        total->log_small += f * v;
        total->log_large += f * log_large;
        total->by_small += f / small;
        total->by_large += f / large;
    }
}

/* One customer's integral: returns log int, and the means over e^h of what `sums` says. */
INLINE double integral(double mean[4], double m, double D, double c, double e, double t_x,
                       double log_t0, double log_t1, double log_large0, double log_large1)
{
    const double h0    = (1 - c) * log_t0 - e * log_large0;
    const double slope = (1 - c) - e * (m + t_x) / (m + D + t_x);
    double       range = log_t1 - log_t0;
    double       fall  = h0 - ((1 - c) * log_t1 - e * log_large1);
    sums         total = { 0 };
    if (!(range > 0)) return -(double)INFINITY;
    if (slope * range < -40) {
        range            = -40 / slope;
        const double end = log_t0 + range;
        fall             = h0 - ((1 - c) * end - e * log(exp(end) + D));
    }
    if (fall < 4 && range < 1.5) {
        panel(&total, clade__gauss8_at, clade__gauss8_weight, 8, 0, range, c, e, D, log_t0, h0);
    } else {
        const double n     = ceil(fmin(256, fmax(fall / 20, range / 4)));
        const double width = range / n;
        for (double i = 0; i < n; i++)
            panel(&total, clade__gauss16_at, clade__gauss16_weight, 16, i * width, width, c, e, D,
                  log_t0, h0);
    }
    const double one = sum4(total.one);
    mean[0]          = sum4(total.log_small) / one;
    mean[1]          = sum4(total.log_large) / one;
    mean[2]          = sum4(total.by_small) / one;
    mean[3]          = sum4(total.by_large) / one;
    return h0 + log(one);
}

static void lifetimes(double *out_sum, double *out_still, double *const out_slope[4],
                      const double *R, const double *alpha, double s, const double *beta,
                      const double *t_x, const double *T, size_t n)
{
    const double log_s = log(s);
    for (size_t i = 0; i < n; i++) {
        const double a = alpha[i], b = beta[i];
        const v4     logs    = log4((v4){ a + t_x[i], a + T[i], b + t_x[i], b + T[i] });
        const double log_a_T = logs[1], log_b_T = logs[3];
        double       m[4] = { 0 }; /* means of log(a+u), log(b+u), 1/(a+u), 1/(b+u) */
        double       log_int;
        if (a <= b) {
            log_int =
                integral(m, a, b - a, R[i], s + 1, t_x[i], logs[0], logs[1], logs[2], logs[3]);
        } else {
            double w[4] = { 0 };
            log_int =
                integral(w, b, a - b, s + 1, R[i], t_x[i], logs[2], logs[3], logs[0], logs[1]);
            m[0] = w[1];
            m[1] = w[0];
            m[2] = w[3];
            m[3] = w[2];
        }
        const double still = -R[i] * log_a_T - s * log_b_T, left = log_s + log_int;
        const double y = left - still, u = exp(-fabs(y));
        const double p = (y > 0 ? u : 1) / (1 + u), q = 1 - p;
        out_still[i]    = p;
        out_sum[i]      = (y > 0 ? left : still) + log1p(u);
        out_slope[0][i] = -(p * log_a_T + q * m[0]);
        out_slope[1][i] = -R[i] * (p / (a + T[i]) + q * m[2]);
        out_slope[2][i] = q / s - (p * log_b_T + q * m[1]);
        out_slope[3][i] = -(p * s / (b + T[i]) + q * (s + 1) * m[3]);
    }
}

const clade__value_kernels KERNELS_TABLE = { .two_powers = two_powers, .lifetimes = lifetimes };
