/*
 * BG/NBD (Fader, Hardie and Lee 2005) and MBG/NBD (Batislam et al. 2007; Wagner and Hoppe 2008):
 * buying at rate lambda ~ Gamma(r, alpha), leaving with chance p ~ Beta(a, b) after each purchase.
 * The two differ by one toss of p: MBG tosses after the first purchase too. `extra` counts it (0 or
 * 1), and a customer has then survived x + extra tosses.
 */
#include "value_internal.h"

#include <math.h>

enum { TERMS_MAX = 100000, DE_STEPS = 1536 };
static const double NEVER = -1e4; /* log of a chance that is none: exp keeps it at e^-708 */

enum { RISE_R, SLOPE_R, RISE_B, SLOPE_B, RISE_AB, SLOPE_AB, LOG_B };

static void typical(double *param, const clade__value_groups *g)
{
    const double mean_T = g->sum_T > 0 ? g->sum_T / g->n_customers : 1;
    const double rate   = (g->sum_x + 1) / (g->sum_T + mean_T);
    param[0]            = 0.5;
    param[1]            = param[0] / (1.5 * rate); /* some have left */
    param[2]            = 0.8;
    param[3]            = 2.5;
}

static void tabulate(clade__value_tables *t, const double *param, double extra)
{
    const double r = param[0], a = param[2], b = param[3];
    clade__rise(t->column[RISE_R], t->column[SLOPE_R], r, t->size);
    clade__rise(t->column[RISE_B], t->column[SLOPE_B], b, t->size);
    clade__rise(t->column[RISE_AB], t->column[SLOPE_AB], a + b, t->size);
    for (size_t x = 0; x < t->size; x++)
        t->column[LOG_B][x] = log(b + (double)x - 1 + extra); /* not read where b - 1 is meant */
}

/* log (c)(c + 1)...(c + n - 1) and its slope: for one customer, where there is no table. */
static double rise_of(double *out_slope, double c, double n)
{
    if (n > 24) {
        *out_slope = clade__digamma(c + n) - clade__digamma(c);
        return clade__log_gamma(c + n) - clade__log_gamma(c);
    }
    double sum = 0;
    *out_slope = 0;
    for (double i = 0; i < n; i++) {
        sum += log(c + i);
        *out_slope += 1 / (c + i);
    }
    return sum;
}

/* The term of each row, and what it adds to the slopes:
 *
 *   log L = log (r)_x + r log alpha + log (b)_m / (a + b)_m + log[(alpha + T)^-R (1 + e^y)],
 *   R = r + x, m = x + extra, y = log a / (b + m - 1) + R log (alpha + T) / (alpha + t_x)
 */
static void likelihood(clade__value_rows *rows, const double *param, const clade__value_tables *t,
                       double extra)
{
    const double r = param[0], b = param[3];
    const double log_alpha = log(rows->second[0]), log_a = log(rows->leave[0]);
    double       R[CLADE__VALUE_BLOCK], log_ratio[CLADE__VALUE_BLOCK], sum[CLADE__VALUE_BLOCK];
    double       still[CLADE__VALUE_BLOCK], log_T[CLADE__VALUE_BLOCK], log_t[CLADE__VALUE_BLOCK];
    for (size_t i = 0; i < rows->n; i++) {
        const double x = rows->x[i];
        R[i]           = r + x;
        log_ratio[i]   = x + extra == 0 ? NEVER
                                        : (rows->alike ? log_a : log(rows->leave[i])) -
                                            t->column[LOG_B][(size_t)x];
    }
    for (size_t i = rows->n; i % 4 != 0; i++)
        R[i] = log_ratio[i] = 0;
    clade__value_kernels_get()->two_powers(sum, still, log_T, log_t, R, rows->second, log_ratio,
                                           rows->t_x, rows->T, rows->n);
    for (size_t i = 0; i < rows->n; i++) {
        const size_t x = (size_t)rows->x[i], m = x + (size_t)extra;
        const double alpha = rows->second[i], a = rows->leave[i], p = still[i];
        const double q       = m == 0 ? 0 : 1 - p; /* the share of having left */
        const double own_log = rows->alike ? log_alpha : log(alpha);
        double       rise_ab = t->column[RISE_AB][m], slope_ab = t->column[SLOPE_AB][m];
        if (!rows->alike) rise_ab = rise_of(&slope_ab, a + b, (double)m);
        rows->log_likelihood[i] =
            t->column[RISE_R][x] + r * own_log + t->column[RISE_B][m] - rise_ab + sum[i];
        rows->slope[0][i] = r * (t->column[SLOPE_R][x] + own_log - (p * log_T[i] + q * log_t[i]));
        rows->slope[1][i] =
            r - R[i] * alpha * (p / (alpha + rows->T[i]) + q / (alpha + rows->t_x[i]));
        rows->slope[2][i] = q - a * slope_ab;
        rows->slope[3][i] =
            b * (t->column[SLOPE_B][m] - slope_ab - (m == 0 ? 0 : q / (b + (double)m - 1)));
    }
}

/* ---- Answers for one customer ---------------------------------------------------------------- */

static double alive(const double *param, clade_value_summary c, double extra)
{
    const double r = param[0], alpha = param[1], a = param[2], b = param[3], m = c.x + extra;
    if (m == 0) return 1;
    const double y = log(a / (b + m - 1)) + (r + c.x) * log1p((c.T - c.t_x) / (alpha + c.t_x));
    return 1 / (1 + exp(y));
}

/* The same sum as an integral over p, for horizons so long that the sum has too many terms:
 *
 *     int Beta(p; a, B) (1 - (1 + p w)^-R) / p dp,   p = 1 / (1 + e^-y), y = pi/2 sinh(tau)
 *
 * by the trapezoidal rule in tau (Takahasi and Mori 1974): both ends fall double exponentially. */
static double purchases_integral(double R, double w, double a, double B)
{
    const double log_beta = clade__log_gamma(a) + clade__log_gamma(B) - clade__log_gamma(a + B);
    const double h        = 24.0 / DE_STEPS;
    double       sum      = 0;
    for (int i = 0; i <= DE_STEPS; i++) {
        const double tau = h * i - 12, y = 0.5 * M_PI * sinh(tau), e = log1p(exp(-fabs(y)));
        const double log_p = y < 0 ? y - e : -e, log_rest = y < 0 ? -e : -y - e, p = exp(log_p);
        const double each = p < 1e-300 ? R * w : -expm1(-R * log1p(p * w)) / p;
        sum += exp(a * log_p + B * log_rest - log_beta) * each * cosh(tau);
    }
    return sum * h * 0.5 * M_PI;
}

/* Expected purchases of one who is there, with rate ~ Gamma(R, .) over a horizon w in units of the
 * rate's scale, and p ~ Beta(a, B). Purchase j + 1 happens when it would without leaving, and j
 * tosses were survived; N is negative binomial, so that every term is positive:
 *
 *     sum_j P(N > j) (B)_j / (a + B)_j  =  sum_k P(N = k) S_k,   S_k = sum_{j < k} (B)_j / (a +
 * B)_j
 */
static double purchases(double R, double w, double a, double B)
{
    const double mean = R * w, deviation = sqrt(mean * (1 + w)), z = w / (1 + w);
    const double last = mean + 12 * deviation + 40 * (1 + w);
    double       k = 0, p = exp(-R * log1p(w)), q = 1, S = 0, seen = 0, sum = 0;
    if (w == 0) return 0;
    if (last > TERMS_MAX) return purchases_integral(R, w, a, B);
    if (p < 1e-250) { /* start where there is something: 15 deviations down, nothing is lost */
        const double from = floor(fmax(0, mean - 15 * deviation));
        for (; k < from; k++) {
            S += q;
            q *= (B + k) / (a + B + k);
        }
        p = exp(clade__nb_log(R, w, k));
    }
    for (; k < last || seen < 0.5; k++) {
        sum += p * S;
        seen += p;
        S += q;
        q *= (B + k) / (a + B + k);
        p *= (R + k) / (k + 1) * z;
        if (seen > 0.5 && p * (S + 1) * (1 + w) < 1e-17 * sum) break;
        if (k > 2.0 * TERMS_MAX) break;
    }
    return sum;
}

static double expected(const double *param, clade_value_summary c, double t, double extra)
{
    return alive(param, c, extra) *
           purchases(param[0] + c.x, t / (param[1] + c.T), param[2], param[3] + c.x + extra);
}

static double expected_new(const double *param, double t, double extra)
{
    const double r = param[0], alpha = param[1], a = param[2], b = param[3];
    return (extra == 0 ? 1 : b / (a + b)) * purchases(r, t / alpha, a, b + extra);
}

static void chance(double *out, size_t n, const double *param, double t, double extra)
{
    const double r = param[0], w = t / param[1], a = param[2], b = param[3];
    for (size_t k = 0; k < n; k++) {
        const double m = (double)k + extra;
        out[k]         = exp(clade__log_beta_ratio(a, 0, b, m) + clade__nb_log(r, w, (double)k));
        if (m > 0) out[k] += exp(clade__log_beta_ratio(a, 1, b, m - 1)) * clade__nb_tail(r, w, k);
    }
}

static size_t draw(double *out_when, size_t room, const double *param, double T, clade_rng *rng,
                   double extra)
{
    const double rate = clade_rng_gamma(rng, param[0]) / param[1];
    const double p    = clade__draw_beta(rng, param[2], param[3]);
    size_t       n    = 0;
    if (extra > 0 && clade_rng_uniform(rng) < p) return 0;
    for (double t = clade_rng_exponential(rng) / rate; t <= T;
         t += clade_rng_exponential(rng) / rate) {
        if (n < room) out_when[n] = t;
        n++;
        if (clade_rng_uniform(rng) < p || n >= CLADE_VALUE_MAX_X) break;
    }
    return n;
}

/* ---- The two laws ---------------------------------------------------------------------------- */

#define LAW_FUNCTIONS(name, extra)                                                          \
    static void name##_tabulate(clade__value_tables *t, const double *param)                \
    {                                                                                       \
        tabulate(t, param, extra);                                                          \
    }                                                                                       \
    static void name##_likelihood(clade__value_rows *rows, const double *param,             \
                                  const clade__value_tables *t)                             \
    {                                                                                       \
        likelihood(rows, param, t, extra);                                                  \
    }                                                                                       \
    static double name##_alive(const double *param, clade_value_summary c)                  \
    {                                                                                       \
        return alive(param, c, extra);                                                      \
    }                                                                                       \
    static double name##_expected(const double *param, clade_value_summary c, double t)     \
    {                                                                                       \
        return expected(param, c, t, extra);                                                \
    }                                                                                       \
    static double name##_expected_new(const double *param, double t)                        \
    {                                                                                       \
        return expected_new(param, t, extra);                                               \
    }                                                                                       \
    static void name##_chance(double *out, size_t n, const double *param, double t)         \
    {                                                                                       \
        chance(out, n, param, t, extra);                                                    \
    }                                                                                       \
    static size_t name##_draw(double *out_when, size_t room, const double *param, double T, \
                              clade_rng *rng)                                               \
    {                                                                                       \
        return draw(out_when, room, param, T, rng, extra);                                  \
    }

#define LAW(text, prefix)                                                                          \
    {                                                                                              \
        .name = text, .n_params = 4, .param_name = { "r", "alpha", "a", "b" }, .leave = 2,         \
        .leave_sign = 1, .typical = typical, .tabulate = prefix##_tabulate,                        \
        .likelihood = prefix##_likelihood, .alive = prefix##_alive, .expected = prefix##_expected, \
        .expected_new = prefix##_expected_new, .chance = prefix##_chance, .draw = prefix##_draw    \
    }

LAW_FUNCTIONS(bg, 0)
LAW_FUNCTIONS(mbg, 1)

const clade__value_law clade__value_bg_nbd  = LAW("bg_nbd", bg);
const clade__value_law clade__value_mbg_nbd = LAW("mbg_nbd", mbg);
