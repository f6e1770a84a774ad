/* Likelihoods beside the formulas of the papers, written plainly, and gradients beside central
 * differences. */
#include "check.h"
#include "clade/numeric.h"
#include "models/value/value_internal.h"

#include <stdlib.h>

enum { N = 60, N_COVARIATES = 2 };

static double x[N], t_x[N], T[N], spend[N], weight[N], covariate[N * N_COVARIATES];

/* Customers of all sorts: none to thousands of purchases, bought today or long ago. */
static clade_value_customers draw_customers(clade_value_kind kind, size_t n_covariates)
{
    clade_rng rng = clade_rng_stream(11, "test/value", kind);
    for (size_t i = 0; i < N; i++) {
        const bool   periods = kind == CLADE_VALUE_BG_BB;
        const double u       = clade_rng_uniform(&rng);
        x[i]                 = i % 3 == 0 ? 0 : 1 + floor(exp((periods ? 2.0 : 7.5) * u * u));
        T[i]                 = periods ? x[i] + (double)clade_rng_below(&rng, 20) : 3 + 60 * u;
        t_x[i]               = x[i] == 0    ? 0
                               : i % 7 == 1 ? T[i]
                               : periods ? x[i] + (double)clade_rng_below(&rng, (uint64_t)(T[i] - x[i]) + 1)
                                         : T[i] * clade_rng_uniform(&rng);
        spend[i]             = exp(2 + clade_rng_normal(&rng));
        weight[i]            = 0.5 + 2 * clade_rng_uniform(&rng);
        for (size_t j = 0; j < N_COVARIATES; j++)
            covariate[i * N_COVARIATES + j] = 3 + 2 * clade_rng_normal(&rng);
    }
    return (clade_value_customers){ .n            = N,
                                    .x            = x,
                                    .t_x          = t_x,
                                    .T            = T,
                                    .spend        = spend,
                                    .weight       = weight,
                                    .n_covariates = n_covariates,
                                    .covariate    = covariate };
}

static void check_gradient(clade_value_kind kind, size_t n_covariates, const double *log_param)
{
    const clade_value_customers c       = draw_customers(kind, n_covariates);
    const clade_value_options   options = { .ridge = 0.7 };
    clade__value_groups         groups;
    clade__value_hill           hill;
    double                      theta[CLADE_VALUE_MAX_THETA], gradient[CLADE_VALUE_MAX_THETA];
    double                      other[CLADE_VALUE_MAX_THETA];
    check_ok(clade__value_check(&c, kind, NULL));
    check_ok(clade__value_group(&groups, &c, kind, 1, false, NULL));
    check_ok(
        clade__value_hill_create(&hill, clade__value_law_of(kind), &groups, &options, 0.3, NULL));
    for (size_t i = 0; i < hill.n; i++)
        theta[i] = i < hill.law->n_params ? log_param[i] : 0.17 * (double)i - 1;
    clade__value_depth(gradient, &hill, theta);
    for (size_t i = 0; i < hill.n; i++) {
        const double at = theta[i], step = 1e-4;
        theta[i]          = at + step;
        const double up   = clade__value_depth(other, &hill, theta);
        theta[i]          = at - step;
        const double down = clade__value_depth(other, &hill, theta);
        theta[i]          = at;
        /* step^2 of third derivatives, which are as large as customers with 1,800 purchases make
         * them, and rounding of 1e-16 times depth (thousands) / step */
        check_close(gradient[i], (up - down) / (2 * step), 3e-7);
    }
    clade__value_hill_free(&hill);
    clade__value_groups_free(&groups);
}

static void gradients_are_those_of_the_likelihood(void **state)
{
    (void)state;
    /* Pareto/NBD with alpha below beta, above, far below and equal. */
    const double log_param[6][4] = { { -0.61, 1.43, -0.27, 0.83 }, { 0.37, 2.31, 0.55, 1.17 },
                                     { -0.93, -4.1, 0.21, 3.9 },   { 0.11, 3.7, -0.4, -3.3 },
                                     { -0.3, 2.385, -0.5, 2.385 }, { 1.9, 1.1, 0.6, 0.9 } };
    for (size_t p = 0; p < 6; p++) {
        for (int kind = 0; kind < CLADE_N_VALUE_KIND; kind++) {
            check_gradient((clade_value_kind)kind, 0, log_param[p]);
            if (clade__value_law_of((clade_value_kind)kind)->leave_sign != 0)
                check_gradient((clade_value_kind)kind, N_COVARIATES, log_param[p]);
        }
    }
}

/* ---- Likelihoods as the papers write them ---------------------------------------------------- */

static double log_likelihood_of(clade_value_kind kind, const double *param, double cx, double ct_x,
                                double cT, double cspend)
{
    const clade_value_customers c = { .n = 1, .x = &cx, .t_x = &ct_x, .T = &cT, .spend = &cspend };
    const clade_value_options   options = { 0 };
    clade__value_groups         groups;
    clade__value_hill           hill;
    double                      theta[CLADE_VALUE_MAX_THETA], gradient[CLADE_VALUE_MAX_THETA];
    check_ok(clade__value_group(&groups, &c, kind, 1, false, NULL));
    check_ok(
        clade__value_hill_create(&hill, clade__value_law_of(kind), &groups, &options, 0, NULL));
    for (size_t i = 0; i < hill.n; i++)
        theta[i] = log(param[i] - hill.law->floor[i]);
    clade__value_depth(gradient, &hill, theta);
    const double out = hill.log_likelihood;
    clade__value_hill_free(&hill);
    clade__value_groups_free(&groups);
    return out;
}

static double beta_of(double a, double b)
{
    return exp(lgamma(a) + lgamma(b) - lgamma(a + b));
}

/* Gauss's series, 0 <= z < 1. */
static double hypergeometric(double a, double b, double c, double z)
{
    double sum = 1, term = 1;
    for (double k = 0; k < 1e5 && fabs(term) > 1e-18 * fabs(sum); k++) {
        term *= (a + k) * (b + k) / ((c + k) * (k + 1)) * z;
        sum += term;
    }
    return sum;
}

/* Fader, Hardie and Lee (2005), equation 6; m = 1 adds the toss of MBG/NBD. */
static double bg_nbd_plain(const double *p, double cx, double ct_x, double cT, double m)
{
    const double r = p[0], alpha = p[1], a = p[2], b = p[3];
    const double front = exp(lgamma(r + cx) - lgamma(r)) * pow(alpha, r);
    double       sum = beta_of(a, b + cx + m) / beta_of(a, b) * front * pow(alpha + cT, -(r + cx));
    if (cx + m > 0)
        sum +=
            beta_of(a + 1, b + cx + m - 1) / beta_of(a, b) * front * pow(alpha + ct_x, -(r + cx));
    return log(sum);
}

/* Fader and Hardie (2005), "A note on deriving the Pareto/NBD model", equations 15 to 18. */
static double pareto_nbd_plain(const double *p, double cx, double ct_x, double cT)
{
    const double r = p[0], alpha = p[1], s = p[2], beta = p[3], n = r + s + cx;
    const double low = alpha < beta ? alpha : beta, high = alpha < beta ? beta : alpha;
    const double second = alpha < beta ? r + cx : s + 1;
    double       A0     = 0;
    for (int end = 0; end < 2; end++) {
        const double t = end == 0 ? ct_x : cT;
        A0 += (end == 0 ? 1 : -1) * hypergeometric(n, second, n + 1, (high - low) / (high + t)) /
              pow(high + t, n);
    }
    return log(exp(lgamma(r + cx) - lgamma(r)) * pow(alpha, r) * pow(beta, s) *
               (pow(alpha + cT, -(r + cx)) * pow(beta + cT, -s) + s / n * A0));
}

/* Fader, Hardie and Shang (2010), equation 9. */
static double bg_bb_plain(const double *p, double cx, double ct_x, double n)
{
    const double a = p[0], b = p[1], c = p[2], d = p[3];
    double sum = beta_of(a + cx, b + n - cx) / beta_of(a, b) * beta_of(c, d + n) / beta_of(c, d);
    for (double i = 0; i < n - ct_x; i++) {
        sum += beta_of(a + cx, b + ct_x - cx + i) / beta_of(a, b) * beta_of(c + 1, d + ct_x + i) /
               beta_of(c, d);
    }
    return log(sum);
}

static void likelihoods_are_those_of_the_papers(void **state)
{
    (void)state;
    const double cases[6][3]  = { { 0, 0, 31.7 }, { 1, 2.385, 2.385 }, { 2, 30.43, 38.86 },
                                  { 7, 3.1, 55 }, { 23, 17.3, 19 },    { 4, 0.37, 8.9 } };
    const double params[3][4] = { { .2426, 4.41, .7929, 2.426 },
                                  { 1.73, 12.9, .31, .57 },
                                  { .55, 10.58, 1.61, 17.67 } };
    for (size_t p = 0; p < 3; p++) {
        const double *const q = params[p];
        for (size_t i = 0; i < 6; i++) {
            const double *const c = cases[i];
            check_close(log_likelihood_of(CLADE_VALUE_BG_NBD, q, c[0], c[1], c[2], 0),
                        bg_nbd_plain(q, c[0], c[1], c[2], 0), 1e-12);
            check_close(log_likelihood_of(CLADE_VALUE_MBG_NBD, q, c[0], c[1], c[2], 0),
                        bg_nbd_plain(q, c[0], c[1], c[2], 1), 1e-12);
            /* the difference of two series cancels, the integral does not */
            check_close(log_likelihood_of(CLADE_VALUE_PARETO_NBD, q, c[0], c[1], c[2], 0),
                        pareto_nbd_plain(q, c[0], c[1], c[2]), 1e-11);
            check_close(log_likelihood_of(CLADE_VALUE_BG_BB, q, c[0], ceil(c[1] + c[0]),
                                          ceil(c[2] + c[0]), 0),
                        bg_bb_plain(q, c[0], ceil(c[1] + c[0]), ceil(c[2] + c[0])), 1e-12);
        }
    }
}

/* f(z | x) by hand for x = 1: p nu-mixture is a ratio of gammas; p 2, q 3, gamma 5, z 2.5:
 * Gamma(5) / (Gamma(2) Gamma(3)) 5^3 2.5 / 7.5^5 = 12 * 312.5 / 23730.46875. */
static void gamma_gamma_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double q[4] = { 2, 3, 5, 0 };
    check_close(log_likelihood_of(CLADE_VALUE_GAMMA_GAMMA, q, 1, 0, 0, 2.5),
                log(12 * 312.5 / 23730.46875), 1e-13);
}

/* ---- The integral of Pareto/NBD where the series cannot follow ------------------------------- */

/* int_{t_x}^T (alpha+u)^-R (beta+u)^-(s+1) du, s times, plus the term of being there: midpoints in
 * log(low + u), 200,000 of them, relative to the largest. */
static double lifetimes_plain(double R, double alpha, double s, double beta, double ct_x, double cT)
{
    enum { STEPS = 200000 };
    const double low = alpha < beta ? alpha : beta, from = log(low + ct_x);
    const double width = (log(low + cT) - from) / STEPS;
    const double top   = -R * log(alpha + ct_x) - (s + 1) * log(beta + ct_x);
    double       sum   = 0;
    for (int i = 0; i < STEPS; i++) {
        const double e = exp(from + (i + 0.5) * width), u = e - low;
        sum += exp(-R * log(alpha + u) - (s + 1) * log(beta + u) - top) * e;
    }
    const double still = -R * log(alpha + cT) - s * log(beta + cT);
    return top + log(s * sum * width + exp(still - top));
}

static void the_integral_holds_at_the_ends_of_its_range(void **state)
{
    (void)state;
    const double cases[8][6] = {
        /* R, alpha, s, beta, t_x, T */
        { 0.55, 10.58, 0.61, 11.67, 0, 39 }, { 90.3, 0.003, 0.61, 25, 0, 100 },
        { 1500.5, 12, 0.4, 0.02, 10, 300 },  { 0.01, 4, 0.003, 5, 0, 1000 },
        { 0.4, 1e-6, 3, 1e4, 0, 52 },        { 6.3, 2e5, 8, 1e5, 3, 400 },
        { 2.5, 7, 0.9, 7, 12, 12.0001 },     { 30, 1, 200, 3000, 5, 80 },
    };
    for (size_t i = 0; i < 8; i++) {
        const double *const c          = cases[i];
        double              lane[5][4] = { { 0 } }, sum[4], still[4], slope[4][4];
        double *const       slopes[4]  = { slope[0], slope[1], slope[2], slope[3] };
        for (size_t l = 0; l < 4; l++) {
            for (size_t k = 0; k < 5; k++)
                lane[k][l] = c[k < 2 ? k : k + 1];
        }
        clade__value_kernels_get()->lifetimes(sum, still, slopes, lane[0], lane[1], c[2], lane[2],
                                              lane[3], lane[4], 4);
        check_close(sum[i % 4], lifetimes_plain(c[0], c[1], c[2], c[3], c[4], c[5]),
                    2e-8); /* midpoints */
    }
}

static void special_functions_are_right(void **state)
{
    (void)state;
    const double euler = 0.57721566490153286061;
    check_close(clade__digamma(1), -euler, 1e-14);
    check_close(clade__digamma(0.5), -euler - 2 * log(2), 1e-14);
    check_close(clade__digamma(1e-3) + 1000, clade__digamma(1.001), 1e-12);
    double harmonic = -euler;
    for (int k = 1; k < 30; k++)
        harmonic += 1.0 / k;
    check_close(clade__digamma(30), harmonic, 1e-14);
    double value[5], slope[5];
    clade__rise(value, slope, 2.385, 5);
    check_close(value[4], lgamma(6.385) - lgamma(2.385), 1e-14);
    check_close(slope[4], clade__digamma(6.385) - clade__digamma(2.385), 1e-14);
    check_close(clade__nb_tail(0.7, 3.3, 0), 1, 0);
    check_close(clade__nb_tail(0.7, 3.3, 1), 1 - pow(4.3, -0.7), 1e-14);
    for (size_t k = 1; k < 60;
         k += 7) { /* both ways of summing: P(N >= k) - P(N >= k+1) = P(N = k) */
        check_close((clade__nb_tail(2.3, 8.1, k) - clade__nb_tail(2.3, 8.1, k + 1)) /
                        exp(clade__nb_log(2.3, 8.1, (double)k)),
                    1, 1e-12);
    }
}

/* ---- Instruction sets and threads ------------------------------------------------------------ */

static void every_instruction_set_and_thread_count_gives_the_same_bits(void **state)
{
    (void)state;
    const clade_isa best    = clade_isa_get();
    const int       threads = clade_threads_get();
    for (int kind = 0; kind < CLADE_N_VALUE_KIND; kind++) {
        const clade_value_customers c = draw_customers((clade_value_kind)kind, 0);
        clade_value_model           a, b;
        clade_isa_set(best);
        clade_threads_set(1);
        check_ok(clade_value_fit(&a, (clade_value_kind)kind, &c, NULL, NULL));
        clade_isa_set(CLADE_ISA_PLAIN);
        clade_threads_set(3);
        check_ok(clade_value_fit(&b, (clade_value_kind)kind, &c, NULL, NULL));
        assert_memory_equal(a.param, b.param, sizeof a.param);
        assert_memory_equal(a.covariance, b.covariance, sizeof a.covariance);
    }
    clade_isa_set(best);
    clade_threads_set(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_likelihood),
        cmocka_unit_test(likelihoods_are_those_of_the_papers),
        cmocka_unit_test(gamma_gamma_matches_the_case_worked_by_hand),
        cmocka_unit_test(the_integral_holds_at_the_ends_of_its_range),
        cmocka_unit_test(special_functions_are_right),
        cmocka_unit_test(every_instruction_set_and_thread_count_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
