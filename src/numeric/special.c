/*
 * Special functions behind p-values and intervals. They run a few times for each number that is
 * reported, so they are written for accuracy alone.
 */
#include "clade/numeric.h"

#include <math.h>

double clade_normal_cdf(double z)
{
    return 0.5 * erfc(-z / sqrt(2.0));
}

/* Abramowitz and Stegun (1964) 26.2.23 to 4.5e-4, then Halley steps, each of which triples the
 * number of right digits. The tail below 1/2 is refined and mirrored: erfc is exact there. */
double clade_normal_quantile(double p)
{
    if (!(p >= 0.0 && p <= 1.0)) return (double)NAN;
    if (p == 0.0) return -(double)INFINITY;
    if (p == 1.0) return (double)INFINITY;
    if (p > 0.5) return -clade_normal_quantile(1.0 - p);

    const double t = sqrt(-2.0 * log(p));
    double       z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                         (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
    for (int step = 0; step < 3; step++) {
        const double density = exp(-0.5 * z * z) / sqrt(2.0 * M_PI);
        const double u       = (clade_normal_cdf(z) - p) / density;
        z -= u / (1.0 + 0.5 * z * u);
    }
    return z;
}

/* The continued fraction of I_x(a, b), DLMF 8.17.22, by the modified method of Lentz. Converges in
 * O(sqrt(max(a, b))) steps for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
    const double tiny = 1e-300;
    double       c    = 1.0;
    double       d    = 1.0 - (a + b) * x / (a + 1.0);
    if (fabs(d) < tiny) d = tiny;
    d = 1.0 / d;

    double fraction = d;
    for (int m = 1; m <= 10000; m++) {
        for (int odd = 0; odd < 2; odd++) {
            const double term = odd == 0
                                    ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                    : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            d                 = 1.0 + term * d;
            c                 = 1.0 + term / c;
            if (fabs(d) < tiny) d = tiny;
            if (fabs(c) < tiny) c = tiny;
            d = 1.0 / d;
            fraction *= c * d;
        }
        if (fabs(c * d - 1.0) < 1e-16) break;
    }
    return fraction;
}

/* lgamma without its global sign, so that threads may call it at once. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

double clade_beta_cdf(double x, double a, double b)
{
    if (!(a > 0.0 && b > 0.0 && x >= 0.0 && x <= 1.0)) return (double)NAN;
    if (x == 0.0 || x == 1.0) return x;
    const double front =
        exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(x, a, b) / a;
    return 1.0 - front * beta_fraction(1.0 - x, b, a) / b;
}

double clade_student_cdf(double t, double df)
{
    if (isnan(t) || !(df > 0.0)) return (double)NAN;
    if (isinf(t)) return t > 0.0 ? 1.0 : 0.0;
    const double tail = 0.5 * clade_beta_cdf(df / (df + t * t), 0.5 * df, 0.5);
    return t > 0.0 ? 1.0 - tail : tail;
}

/* Bisection on the lower tail between brackets that are doubled until they hold the answer. */
double clade_student_quantile(double p, double df)
{
    if (!(p >= 0.0 && p <= 1.0 && df > 0.0)) return (double)NAN;
    if (p == 0.0) return -(double)INFINITY;
    if (p == 1.0) return (double)INFINITY;
    if (p > 0.5) return -clade_student_quantile(1.0 - p, df);
    if (p == 0.5) return 0.0;

    double low = -1.0, high = 0.0;
    while (clade_student_cdf(low, df) > p && low > -1e300) {
        high = low;
        low *= 2.0;
    }
    for (int step = 0; step < 200; step++) {
        const double middle = 0.5 * (low + high);
        if (middle == low || middle == high) break;
        if (clade_student_cdf(middle, df) > p) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return 0.5 * (low + high);
}
