/*
 * BG/BB (Fader, Hardie and Shang 2010): time in periods. One who is there buys in a period with
 * chance p ~ Beta(alpha, beta) and leaves before it with chance theta ~ Beta(gamma, delta). T
 * counts periods, t_x is the period of the last purchase, x of t_x periods held one.
 */
#include "value_internal.h"

#include <assert.h>
#include <math.h>

enum {
    RISE_ALPHA,
    SLOPE_ALPHA, /* (alpha)_i */
    RISE_BETA,
    SLOPE_BETA,
    RISE_BOTH,
    SLOPE_BOTH, /* (alpha + beta)_i */
    RISE_DELTA,
    SLOPE_DELTA,
    RISE_LIFE,
    SLOPE_LIFE, /* (gamma + delta)_i */
};

static void typical(double *param, const clade__value_groups *g)
{
    const double p = (g->sum_x + 1) / (g->sum_x + 2 + fmax(g->sum_t_x - g->sum_x, 0) +
                                       0.25 * fmax(g->sum_T - g->sum_t_x, 0));
    param[0]       = 1;
    param[1]       = (1 - p) / p;
    param[2]       = 0.7;
    param[3]       = 2.8;
}

static void tabulate(clade__value_tables *t, const double *param)
{
    clade__rise(t->column[RISE_ALPHA], t->column[SLOPE_ALPHA], param[0], t->size);
    clade__rise(t->column[RISE_BETA], t->column[SLOPE_BETA], param[1], t->size);
    clade__rise(t->column[RISE_BOTH], t->column[SLOPE_BOTH], param[0] + param[1], t->size);
    clade__rise(t->column[RISE_DELTA], t->column[SLOPE_DELTA], param[3], t->size);
    clade__rise(t->column[RISE_LIFE], t->column[SLOPE_LIFE], param[2] + param[3], t->size);
}

/* The terms of one customer are the periods after which they may have left, m = t_x .. T - 1, and
 * still being there, m = T:
 *
 *   (alpha)_x (beta)_{m-x} / (alpha+beta)_m  (delta)_m / (gamma+delta)_{m+1} gamma     left after m
 *   (alpha)_x (beta)_{T-x} / (alpha+beta)_T  (delta)_T / (gamma+delta)_T               still there
 */
static double log_term(const clade__value_tables *t, size_t x, size_t m, bool still,
                       double log_gamma)
{
    return t->column[RISE_BETA][m - x] - t->column[RISE_BOTH][m] + t->column[RISE_DELTA][m] -
           t->column[RISE_LIFE][still ? m : m + 1] + (still ? 0 : log_gamma);
}

static void likelihood(clade__value_rows *rows, const double *param, const clade__value_tables *t)
{
    const double log_gamma = log(param[2]);
    for (size_t i = 0; i < rows->n; i++) {
        const size_t x = (size_t)rows->x[i], t_x = (size_t)rows->t_x[i], T = (size_t)rows->T[i];
        double       most = -(double)INFINITY, sum = 0, mean[4] = { 0 };
        for (size_t m = t_x; m <= T; m++)
            most = fmax(most, log_term(t, x, m, m == T, log_gamma));
        for (size_t m = t_x; m <= T; m++) {
            const bool   still = m == T;
            const double share = exp(log_term(t, x, m, still, log_gamma) - most);
            const double life  = t->column[SLOPE_LIFE][still ? m : m + 1];
            sum += share;
            mean[0] -= share * t->column[SLOPE_BOTH][m];
            mean[1] += share * (t->column[SLOPE_BETA][m - x] - t->column[SLOPE_BOTH][m]);
            mean[2] += share * ((still ? 0 : 1 / param[2]) - life);
            mean[3] += share * (t->column[SLOPE_DELTA][m] - life);
        }
        assert(sum >= 1); /* the largest term is 1 */
        rows->log_likelihood[i] = t->column[RISE_ALPHA][x] + most + log(sum);
        rows->slope[0][i]       = param[0] * (t->column[SLOPE_ALPHA][x] + mean[0] / sum);
        for (size_t p = 1; p < 4; p++)
            rows->slope[p][i] = param[p] * mean[p] / sum;
    }
}

/* Still there in period T: the terms above, each from the one before. */
static double alive_at_end(const double *param, clade_value_summary c)
{
    const double alpha = param[0], beta = param[1], gamma = param[2], delta = param[3];
    double       term = 1, left = 0;
    for (double m = c.t_x; m < c.T; m++) {
        left += term * gamma / (gamma + delta + m);
        term *= (beta + m - c.x) / (alpha + beta + m) * (delta + m) / (gamma + delta + m);
    }
    return term / (term + left);
}

static double alive(const double *param, clade_value_summary c)
{
    return alive_at_end(param, c) * (param[3] + c.T) / (param[2] + param[3] + c.T);
}

/* Periods of the next t that one who is there in period T will see: the last one may count in part.
 */
static double stay(double gamma, double delta, double T, double t)
{
    double sum = 0, there = 1;
    for (double i = 0; i < t; i++) {
        there *= (delta + T + i) / (gamma + delta + T + i);
        sum += there * fmin(1, t - i);
        if (there < 1e-18 * sum) break;
    }
    return sum;
}

static double expected(const double *param, clade_value_summary c, double t)
{
    return alive_at_end(param, c) * (param[0] + c.x) / (param[0] + param[1] + c.T) *
           stay(param[2], param[3], c.T, t);
}

static double expected_new(const double *param, double t)
{
    return param[0] / (param[0] + param[1]) * stay(param[2], param[3], 0, t);
}

static double log_choose(double n, double k)
{
    return clade__log_gamma(n + 1) - clade__log_gamma(k + 1) - clade__log_gamma(n - k + 1);
}

/* P(X(t) = k), t whole: as the terms above, over where among m periods the k purchases were. */
static void chance(double *out, size_t n, const double *param, double t)
{
    const double T = floor(t);
    for (size_t i = 0; i < n; i++) {
        const double k = (double)i;
        out[i]         = 0;
        for (double m = k; m <= T; m++) {
            out[i] += exp(log_choose(m, k) + clade__log_beta_ratio(param[0], k, param[1], m - k) +
                          clade__log_beta_ratio(param[2], m == T ? 0 : 1, param[3], m));
        }
    }
}

static size_t draw(double *out_when, size_t room, const double *param, double T, clade_rng *rng)
{
    const double p     = clade__draw_beta(rng, param[0], param[1]);
    const double theta = clade__draw_beta(rng, param[2], param[3]);
    size_t       n     = 0;
    for (double i = 1; i <= T && clade_rng_uniform(rng) >= theta; i++) {
        if (clade_rng_uniform(rng) >= p) continue;
        if (n < room) out_when[n] = i;
        n++;
    }
    return n;
}

const clade__value_law clade__value_bg_bb = {
    .name         = "bg_bb",
    .n_params     = 4,
    .param_name   = { "alpha", "beta", "gamma", "delta" },
    .typical      = typical,
    .tabulate     = tabulate,
    .likelihood   = likelihood,
    .alive        = alive,
    .expected     = expected,
    .expected_new = expected_new,
    .chance       = chance,
    .draw         = draw,
};
