#include "check.h"
#include "clade/clusters.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <stdlib.h>
#include <string.h>

enum { N = 3000, D = 3 };

static float    x[N * D];
static uint32_t truth[N], label[N], other[N];

/* Two crossing cigars and a ball, which no k-means can tell apart: shares .5, .3, .2. */
static void draw_cigars(uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/cigars", 0);
    for (size_t i = 0; i < N; i++) {
        const double u = clade_rng_uniform(&rng), a = clade_rng_normal(&rng);
        const double b = clade_rng_normal(&rng), c = clade_rng_normal(&rng);
        truth[i] = u < 0.5 ? 0 : u < 0.8 ? 1 : 2;
        if (truth[i] == 0) {
            x[i * D]     = (float)(4.0 * a);
            x[i * D + 1] = (float)(4.0 * a + 0.5 * b);
        } else if (truth[i] == 1) {
            x[i * D]     = (float)(4.0 * a);
            x[i * D + 1] = (float)(-4.0 * a + 0.5 * b);
        } else {
            x[i * D]     = (float)(12.0 + a);
            x[i * D + 1] = (float)b;
        }
        x[i * D + 2] = (float)c;
    }
}

static void the_posterior_never_falls(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t k = 1; k < 7; k += 2) {
            const clade_mixture_options options = { .k         = k,
                                                    .kind      = (clade_covariance_kind)kind,
                                                    .seed      = k,
                                                    .max_iter  = 50,
                                                    .tolerance = 1e-12 };
            clade_mixture              *m       = NULL;
            draw_cigars(k);
            check_ok(clade_mixture_fit(&m, NULL, x, N, D, &options, NULL));
            for (size_t i = 1; i < m->n_iter; i++) {
                assert_true(m->trace[i] >= m->trace[i - 1] - 1e-10); /* rounding of sums of 3,000 */
            }
            clade_mixture_free(m);
        }
    }
}

static void crossing_cigars_are_told_apart(void **state)
{
    (void)state;
    const clade_mixture_options options = { .k = 3, .seed = 1 };
    clade_mixture              *m       = NULL;
    double                      ari     = NAN;
    draw_cigars(5);
    check_ok(clade_mixture_fit(&m, label, x, N, D, &options, NULL));
    check_ok(clade_adjusted_rand(&ari, label, 3, truth, 3, N, NULL));
    assert_true(m->converged);
    assert_true(ari > 0.8); /* the cigars' crossing cannot be told by anybody */
    check_close(m->share[0], 0.5, 0.03);
    check_close(m->share[1], 0.3, 0.03);
    check_close(m->share[2], 0.2, 0.03);
    check_close(m->mean[2 * D], 12.0, 0.02);
    check_close(m->covariance[0], 16.0, 0.1);          /* var 4a */
    check_close(m->covariance[1], 16.0, 0.1);          /* cov(4a, 4a + .5b) */
    check_close(m->covariance[D * D + 1], -16.0, 0.1); /* the other one leans back */
    check_close(m->covariance[2 * D * D + 2 * D + 2], 1.0, 0.1);
    clade_mixture_free(m);
}

/* log of the density by its formula, with the inverse by Gauss-Jordan. */
static double log_density_naive(const clade_mixture *m, size_t c, const float *row)
{
    double a[D][2 * D] = { { 0 } }, log_det = 0.0, form = 0.0;
    for (size_t i = 0; i < D; i++) {
        for (size_t j = 0; j < D; j++) {
            a[i][j] = m->kind == CLADE_COVARIANCE_FULL ? m->covariance[(c * D + i) * D + j]
                      : i == j                         ? m->covariance[c * D + i]
                                                       : 0.0;
        }
        a[i][D + i] = 1.0;
    }
    for (size_t p = 0; p < D; p++) {
        const double pivot = a[p][p];
        log_det += log(pivot);
        for (size_t j = 0; j < 2 * D; j++)
            a[p][j] /= pivot;
        for (size_t i = 0; i < D; i++) {
            const double f = a[i][p];
            for (size_t j = 0; i != p && j < 2 * D; j++)
                a[i][j] -= f * a[p][j];
        }
    }
    for (size_t i = 0; i < D; i++) {
        for (size_t j = 0; j < D; j++) {
            form += ((double)row[i] - m->mean[c * D + i]) * a[i][D + j] *
                    ((double)row[j] - m->mean[c * D + j]);
        }
    }
    return -0.5 * (form + log_det + D * log(2.0 * M_PI));
}

static void densities_and_chances_equal_the_formula(void **state)
{
    (void)state;
    static float chance[N * 4], density[N];
    for (int kind = 0; kind < 2; kind++) {
        const clade_mixture_options options = { .k = 4, .kind = (clade_covariance_kind)kind };
        clade_mixture              *m       = NULL;
        double                      total   = 0.0;
        draw_cigars(6);
        check_ok(clade_mixture_fit(&m, label, x, N, D, &options, NULL));
        check_ok(clade_mixture_assign(other, chance, density, m, x, N, NULL));
        assert_memory_equal(label, other, sizeof label);
        for (size_t i = 0; i < N; i++) {
            double joint[4], sum = 0.0;
            for (size_t c = 0; c < 4; c++) {
                joint[c] = m->share[c] * exp(log_density_naive(m, c, x + i * D));
                sum += joint[c];
            }
            total += log(sum) / N;
            check_close((double)density[i], log(sum), 1e-5);
            for (size_t c = 0; c < 4; c++)
                check_close((double)chance[i * 4 + c], joint[c] / sum, 1e-6);
        }
        check_close(m->log_likelihood, total, 1e-9);
        const double n_free = 3.0 + 4.0 * (D + (kind == CLADE_COVARIANCE_FULL ? 6.0 : 3.0));
        check_close(m->bic, -2.0 * N * total + n_free * log(N), 1e-9);
        clade_mixture_free(m);
    }
}

static void bic_is_least_at_the_planted_number(void **state)
{
    (void)state;
    double least = INFINITY;
    size_t best  = 0;
    draw_cigars(7);
    for (size_t k = 1; k < 6; k++) {
        const clade_mixture_options options = { .k = k, .seed = 3 };
        clade_mixture              *m       = NULL;
        check_ok(clade_mixture_fit(&m, NULL, x, N, D, &options, NULL));
        if (m->bic < least) {
            least = m->bic;
            best  = k;
        }
        clade_mixture_free(m);
    }
    assert_int_equal(best, 3);
}

static void mixtures_are_the_same_with_any_number_of_threads(void **state)
{
    (void)state;
    const clade_mixture_options options = { .k = 4, .seed = 3 };
    clade_mixture              *one = NULL, *four = NULL;
    draw_cigars(8);
    clade_threads_set(1);
    check_ok(clade_mixture_fit(&one, label, x, N, D, &options, NULL));
    clade_threads_set(4);
    check_ok(clade_mixture_fit(&four, other, x, N, D, &options, NULL));
    clade_threads_set(0);
    assert_memory_equal(label, other, sizeof label);
    assert_memory_equal(one->covariance, four->covariance, 4 * D * D * sizeof(double));
    assert_true(one->log_likelihood == four->log_likelihood);
    clade_mixture_free(one);
    clade_mixture_free(four);
}

/* Without a prior the likelihood of a point is without bound; with it the fit stays finite. */
static void a_pile_of_equal_rows_does_not_collapse(void **state)
{
    (void)state;
    const clade_mixture_options options = { .k = 3, .seed = 3 };
    clade_mixture              *m       = NULL;
    draw_cigars(9);
    for (size_t i = 0; i < 1000; i++) {
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = 20.5f;
    }
    check_ok(clade_mixture_fit(&m, label, x, N, D, &options, NULL));
    assert_true(isfinite(m->log_likelihood) && isfinite(m->bic));
    for (size_t i = 0; i < 3 * D * D; i++)
        assert_true(isfinite(m->whiten[i]));
    for (size_t i = 1; i < 1000; i++)
        assert_int_equal(label[i], label[0]);
    clade_mixture_free(m);
}

static void equal_rows_have_nothing_to_fit(void **state)
{
    (void)state;
    static float                same[500];
    const clade_mixture_options options = { .k = 1 };
    clade_mixture              *m       = NULL;
    clade_error                 err     = { 0 };
    assert_int_equal(clade_mixture_fit(&m, NULL, same, 500, 1, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "nothing to fit"));
    assert_null(m);
}

/* One component: the mean, and (s D + n V) / (s + n) with D the variances; by hand for d = 1. */
static void one_component_is_the_shrunk_covariance(void **state)
{
    (void)state;
    const float                 line[4] = { 1, 2, 3, 6 }; /* mean 3, variance 3.5 */
    const clade_mixture_options options = { .k = 1, .shrinkage = 2.0 };
    clade_mixture              *m       = NULL;
    check_ok(clade_mixture_fit(&m, NULL, line, 4, 1, &options, NULL));
    check_close(m->mean[0], 3.0, 1e-6);
    check_close(m->covariance[0], (2.0 * 3.5 + 4.0 * 3.5) / 6.0, 1e-6);
    check_close(m->share[0], 1.0, 1e-15);
    clade_mixture_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_posterior_never_falls),
        cmocka_unit_test(crossing_cigars_are_told_apart),
        cmocka_unit_test(densities_and_chances_equal_the_formula),
        cmocka_unit_test(bic_is_least_at_the_planted_number),
        cmocka_unit_test(mixtures_are_the_same_with_any_number_of_threads),
        cmocka_unit_test(a_pile_of_equal_rows_does_not_collapse),
        cmocka_unit_test(equal_rows_have_nothing_to_fit),
        cmocka_unit_test(one_component_is_the_shrunk_covariance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
