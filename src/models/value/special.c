/* Special functions of the models of value: what numeric does not have and nobody else needs. */
#include "value_internal.h"

#include <math.h>

/* Gauss and Legendre on (0, 1). */
const double clade__gauss8_at[8] = {
    0.019855071751231884, 0.10166676129318664, 0.2372337950418355, 0.4082826787521751,
    0.591717321247825,    0.7627662049581645,  0.8983332387068134, 0.9801449282487681,
};
const double clade__gauss8_weight[8] = {
    0.05061426814518813, 0.11119051722668724, 0.15685332293894363, 0.181341891689181,
    0.181341891689181,   0.15685332293894363, 0.11119051722668724, 0.05061426814518813,
};
const double clade__gauss16_at[16] = {
    0.005299532504175033, 0.02771248846338371, 0.06718439880608412, 0.12229779582249849,
    0.19106187779867811,  0.2709916111713863,  0.35919822461037054, 0.4524937450811813,
    0.5475062549188188,   0.6408017753896295,  0.7290083888286137,  0.8089381222013219,
    0.8777022041775016,   0.9328156011939158,  0.9722875115366163,  0.994700467495825,
};
const double clade__gauss16_weight[16] = {
    0.013576229705877048, 0.031126761969323947, 0.04757925584124639,  0.06231448562776694,
    0.07479799440828837,  0.08457825969750127,  0.09130170752246179,  0.09472530522753425,
    0.09472530522753425,  0.09130170752246179,  0.08457825969750127,  0.07479799440828837,
    0.06231448562776694,  0.04757925584124639,  0.031126761969323947, 0.013576229705877048,
};

/* lgamma without its global sign, so that threads may call it at once. */
double clade__log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* psi(x) = psi(x + 1) - 1 / x up to 10, and from there the asymptotic series, DLMF 5.11.2. */
double clade__digamma(double x)
{
    double below = 0;
    for (; x < 10; x++)
        below += 1 / x;
    const double y = 1 / (x * x);
    return log(x) - 0.5 / x - below -
           y * (1.0 / 12 -
                y * (1.0 / 120 -
                     y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760))))));
}

void clade__rise(double *value, double *slope, double a, size_t n)
{
    double sum = 0, inverse = 0;
    for (size_t i = 0; i < n; i++) {
        value[i] = sum;
        slope[i] = inverse;
        sum += log(a + (double)i);
        inverse += 1 / (a + (double)i);
    }
}

double clade__log_beta_ratio(double a, double i, double b, double j)
{
    return (clade__log_gamma(a + i) - clade__log_gamma(a)) +
           (clade__log_gamma(b + j) - clade__log_gamma(b)) -
           (clade__log_gamma(a + b + i + j) - clade__log_gamma(a + b));
}

double clade__nb_log(double R, double w, double k)
{
    if (w == 0) return k == 0 ? 0 : -(double)INFINITY;
    return clade__log_gamma(R + k) - clade__log_gamma(R) - clade__log_gamma(k + 1) - R * log1p(w) -
           k * log1p(1 / w);
}

/* From the side with less in it: below the mean the sum of what is lower, above it of what is not.
 */
double clade__nb_tail(double R, double w, size_t k)
{
    if (k == 0) return 1;
    const double z = w / (1 + w), mean = R * w;
    double       sum = 0;
    if ((double)k > mean) {
        double p = exp(clade__nb_log(R, w, (double)k));
        for (double j = (double)k; p > sum * 1e-17 + 1e-300; j++) {
            sum += p;
            p *= (R + j) / (j + 1) * z;
        }
        return sum;
    }
    double p = exp(clade__nb_log(R, w, (double)k - 1));
    for (double j = (double)k - 1; j >= 0 && p > sum * 1e-17 + 1e-300; j--) {
        sum += p;
        p *= j / ((R + j - 1) * z);
    }
    return 1 - sum;
}

double clade__draw_beta(clade_rng *rng, double a, double b)
{
    const double x = clade_rng_gamma(rng, a), y = clade_rng_gamma(rng, b);
    return x + y > 0 ? x / (x + y) : (a > b ? 1 : 0); /* both underflow: shapes near 0 */
}
