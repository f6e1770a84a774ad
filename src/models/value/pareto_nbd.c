/*
 * Pareto/NBD (Schmittlein, Morrison and Colombo 1987): buying at rate lambda ~ Gamma(r, alpha), a
 * lifetime that is exponential at rate mu ~ Gamma(s, beta). The likelihood is written as the
 * integral over the moment of leaving, of which the Gauss hypergeometric functions of the paper are
 * the closed form: every term is positive, nothing cancels and nothing underflows (kernels_body.h).
 */
#include "value_internal.h"

#include <math.h>

enum { RISE_R, SLOPE_R };

static void typical(double *param, const clade__value_groups *g)
{
    const double mean_T = g->sum_T > 0 ? g->sum_T / g->n_customers : 1;
    const double rate   = (g->sum_x + 1) / (g->sum_T + mean_T);
    param[0]            = 0.5;
    param[1]            = param[0] / (1.5 * rate); /* some have left */
    param[2]            = 0.6;
    param[3]            = 0.5 * mean_T;
}

static void tabulate(clade__value_tables *t, const double *param)
{
    clade__rise(t->column[RISE_R], t->column[SLOPE_R], param[0], t->size);
}

/* log L = log (r)_x + r log alpha + s log beta + log[still there at T + left in (t_x, T)]. */
static void likelihood(clade__value_rows *rows, const double *param, const clade__value_tables *t)
{
    const double  r = param[0], s = param[2];
    const double  log_alpha = log(rows->second[0]), log_beta = log(rows->leave[0]);
    double        R[CLADE__VALUE_BLOCK], sum[CLADE__VALUE_BLOCK], still[CLADE__VALUE_BLOCK];
    double *const slope[4] = { rows->slope[0], rows->slope[1], rows->slope[2], rows->slope[3] };
    for (size_t i = 0; i < rows->n; i++)
        R[i] = r + rows->x[i];
    for (size_t i = rows->n; i % 4 != 0; i++)
        R[i] = r;
    clade__value_kernels_get()->lifetimes(sum, still, slope, R, rows->second, s, rows->leave,
                                          rows->t_x, rows->T, rows->n);
    for (size_t i = 0; i < rows->n; i++) {
        const size_t x     = (size_t)rows->x[i];
        const double alpha = rows->second[i], beta = rows->leave[i];
        const double own_alpha  = rows->alike ? log_alpha : log(alpha);
        const double own_beta   = rows->alike ? log_beta : log(beta);
        rows->log_likelihood[i] = t->column[RISE_R][x] + r * own_alpha + s * own_beta + sum[i];
        rows->slope[0][i]       = r * (t->column[SLOPE_R][x] + own_alpha + slope[0][i]);
        rows->slope[1][i]       = r + alpha * slope[1][i];
        rows->slope[2][i]       = s * (own_beta + slope[2][i]);
        rows->slope[3][i]       = s + beta * slope[3][i];
    }
}

static double alive(const double *param, clade_value_summary c)
{
    double        R[4], alpha[4], beta[4], t_x[4], T[4], sum[4], still[4], slope[4][4];
    double *const slopes[4] = { slope[0], slope[1], slope[2], slope[3] };
    for (size_t i = 0; i < 4; i++) { /* a vector's worth; the other lanes are over at once */
        R[i]     = param[0] + c.x;
        alpha[i] = param[1];
        beta[i]  = param[3];
        t_x[i]   = i == 0 ? c.t_x : c.T;
        T[i]     = c.T;
    }
    clade__value_kernels_get()->lifetimes(sum, still, slopes, R, alpha, param[2], beta, t_x, T, 4);
    return still[0];
}

/* The expected time still to be spent here within t, of one who is here with lifetime scale beta:
 * int_0^t (beta / (beta + u))^s du = beta / (s - 1) (1 - (beta / (beta + t))^(s - 1)), also at s
 * = 1. */
static double stay(double s, double beta, double t)
{
    const double grown = log1p(t / beta), y = (s - 1) * grown;
    return fabs(y) < 1e-8 ? beta * grown * (1 - 0.5 * y) : beta * -expm1(-y) / (s - 1);
}

static double expected(const double *param, clade_value_summary c, double t)
{
    return alive(param, c) * (param[0] + c.x) / (param[1] + c.T) *
           stay(param[2], param[3] + c.T, t);
}

static double expected_new(const double *param, double t)
{
    return param[0] / param[1] * stay(param[2], param[3], t);
}

/* P(X(t) = k) = P(N(t) = k) (beta / (beta + t))^s + int_0^t P(N(u) = k) s beta^s (beta+u)^-(s+1) du
 * over panels in v = log(1 + u / m), m the smaller of alpha and beta. */
static void chance(double *out, size_t n, const double *param, double t)
{
    const double r = param[0], alpha = param[1], s = param[2], beta = param[3];
    const double m = fmin(alpha, beta), range = log1p(t / m);
    const double log_stay = -s * log1p(t / beta);
    for (size_t k = 0; k < n; k++) {
        const double n_panels = ceil(fmin(1e5, 1 + range)) + ceil(0.5 * sqrt((double)k));
        const double width    = range / n_panels;
        out[k]                = exp(clade__nb_log(r, t / alpha, (double)k) + log_stay);
        for (double i = 0; i < n_panels; i++) {
            for (size_t j = 0; j < 16; j++) {
                const double v = (i + clade__gauss16_at[j]) * width, u = m * expm1(v);
                out[k] += width * clade__gauss16_weight[j] * (m + u) * s / (beta + u) *
                          exp(clade__nb_log(r, u / alpha, (double)k) - s * log1p(u / beta));
            }
        }
    }
}

static size_t draw(double *out_when, size_t room, const double *param, double T, clade_rng *rng)
{
    const double rate = clade_rng_gamma(rng, param[0]) / param[1];
    const double life = clade_rng_exponential(rng) / (clade_rng_gamma(rng, param[2]) / param[3]);
    const double end  = life < T ? life : T;
    size_t       n    = 0;
    for (double t = clade_rng_exponential(rng) / rate; t <= end && n < CLADE_VALUE_MAX_X;
         t += clade_rng_exponential(rng) / rate) {
        if (n < room) out_when[n] = t;
        n++;
    }
    return n;
}

const clade__value_law clade__value_pareto_nbd = {
    .name         = "pareto_nbd",
    .n_params     = 4,
    .param_name   = { "r", "alpha", "s", "beta" },
    .leave        = 3,
    .leave_sign   = -1,
    .typical      = typical,
    .tabulate     = tabulate,
    .likelihood   = likelihood,
    .alive        = alive,
    .expected     = expected,
    .expected_new = expected_new,
    .chance       = chance,
    .draw         = draw,
};
