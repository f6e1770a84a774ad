/*
 * Gamma-Gamma (Fader and Hardie 2013): a purchase is worth Gamma(p, nu) with nu ~ Gamma(q, gamma)
 * of the customer, independent of how often they buy. x purchases of mean z are a sufficient
 * summary. q lies above 1: below, customers' means have no mean.
 */
#include "value_internal.h"

#include <math.h>

enum { GAMMA_PX, PSI_PX, GAMMA_PXQ, PSI_PXQ };

static void typical(double *param, const clade__value_groups *g)
{
    param[0] = 5;
    param[1] = 4;
    param[2] = g->sum_spend / g->n_customers * (param[1] - 1) / param[0];
}

static void tabulate(clade__value_tables *t, const double *param)
{
    for (size_t x = 1; x < t->size; x++) {
        const double px         = param[0] * (double)x;
        t->column[GAMMA_PX][x]  = clade__log_gamma(px);
        t->column[PSI_PX][x]    = clade__digamma(px);
        t->column[GAMMA_PXQ][x] = clade__log_gamma(px + param[1]);
        t->column[PSI_PXQ][x]   = clade__digamma(px + param[1]);
    }
}

/* log f(z | x) = log Gamma(px + q) / (Gamma(px) Gamma(q)) + q log gamma + (px - 1) log z + px log x
 *                - (px + q) log(gamma + x z) */
static void likelihood(clade__value_rows *rows, const double *param, const clade__value_tables *t)
{
    const double p = param[0], q = param[1], gamma = param[2];
    const double log_gamma = log(gamma), gamma_q = clade__log_gamma(q), psi_q = clade__digamma(q);
    for (size_t i = 0; i < rows->n; i++) {
        const double x = rows->x[i], z = rows->spend[i], px = p * x;
        const size_t at    = (size_t)x;
        const double log_z = log(z), log_x = log(x), log_all = log(gamma + x * z);
        rows->log_likelihood[i] = t->column[GAMMA_PXQ][at] - t->column[GAMMA_PX][at] - gamma_q +
                                  q * log_gamma + (px - 1) * log_z + px * log_x -
                                  (px + q) * log_all;
        rows->slope[0][i] =
            px * (t->column[PSI_PXQ][at] - t->column[PSI_PX][at] + log_z + log_x - log_all);
        rows->slope[1][i] = (q - 1) * (t->column[PSI_PXQ][at] - psi_q + log_gamma - log_all);
        rows->slope[2][i] = q - gamma * (px + q) / (gamma + x * z);
    }
}

/* `expected` is the mean of a purchase to come. */
static double expected(const double *param, clade_value_summary c, double t)
{
    (void)t;
    const double p = param[0], q = param[1], gamma = param[2];
    const double x = c.x > 0 && c.spend > 0 ? c.x : 0;
    return p * (gamma + (x > 0 ? x * c.spend : 0)) / (p * x + q - 1);
}

const clade__value_law clade__value_gamma_gamma = {
    .name       = "gamma_gamma",
    .n_params   = 3,
    .param_name = { "p", "q", "gamma" },
    .floor      = { 0, 1, 0 },
    .typical    = typical,
    .tabulate   = tabulate,
    .likelihood = likelihood,
    .expected   = expected,
};
