#include "check.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <string.h>

enum { D = 37, N = 9000 };

/* [[2, 1], [1, 2]]: 3 with (1, 1) / sqrt 2, 1 with (1, -1) / sqrt 2. */
static void eigen_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double a[4] = { 2.0, 99.0, 1.0, 2.0 }; /* the upper half is not read */
    double       value[2], vector[4];
    check_ok(clade_eigen_symmetric(value, vector, a, 2, NULL));
    check_close(value[0], 3.0, 1e-15);
    check_close(value[1], 1.0, 1e-15);
    check_close(vector[0], sqrt(0.5), 1e-15);
    check_close(vector[1], sqrt(0.5), 1e-15);
    check_close(fabs(vector[2] + vector[3]), 0.0, 1e-15);
}

/* A = sum of value * vector vector', vectors are orthonormal, values fall. */
static void eigenvectors_put_the_matrix_together_again(void **state)
{
    (void)state;
    static double a[D * D], value[D], vector[D * D];
    clade_rng     rng = clade_rng_stream(1, "test/eigen", 0);
    for (size_t i = 0; i < D; i++) {
        for (size_t j = 0; j <= i; j++)
            a[i * D + j] = a[j * D + i] = clade_rng_normal(&rng);
    }
    check_ok(clade_eigen_symmetric(value, vector, a, D, NULL));
    for (size_t i = 0; i < D; i++) {
        assert_true(i == 0 || value[i - 1] >= value[i]);
        for (size_t j = 0; j < D; j++) {
            double again = 0.0, dot = 0.0;
            for (size_t m = 0; m < D; m++) {
                again += value[m] * vector[m * D + i] * vector[m * D + j];
                dot += vector[i * D + m] * vector[j * D + m];
            }
            check_close(again, a[i * D + j], 1e-12);
            check_close(dot, i == j ? 1.0 : 0.0, 1e-13);
        }
    }
}

static void eigen_of_a_singular_matrix_has_zeros_and_ends(void **state)
{
    (void)state;
    static double a[D * D], value[D], vector[D * D];
    for (size_t i = 0; i < D * D; i++)
        a[i] = 2.385; /* rank one: D times that, and zeros */
    check_ok(clade_eigen_symmetric(value, vector, a, D, NULL));
    check_close(value[0], 2.385 * D, 1e-13);
    for (size_t i = 1; i < D; i++)
        check_close(value[i], 0.0, 1e-12);
    a[D] = (double)NAN;
    assert_int_equal(clade_eigen_symmetric(value, vector, a, D, NULL), CLADE_ERR_DATA);
}

/* [[4, 2], [2, 5]] = L L' with L = [[2, 0], [1, 2]]; its inverse [[.5, 0], [-.25, .5]]. */
static void cholesky_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    double a[4] = { 4.0, 2.0, 2.0, 5.0 };
    assert_true(clade_cholesky(a, 2));
    const double lower[4] = { 2.0, 0.0, 1.0, 2.0 };
    for (size_t i = 0; i < 4; i++)
        check_close(a[i], lower[i], 1e-15);
    clade_lower_invert(a, 2);
    const double inverse[4] = { 0.5, 0.0, -0.25, 0.5 };
    for (size_t i = 0; i < 4; i++)
        check_close(a[i], inverse[i], 1e-15);
    double flat[4] = { 1.0, 1.0, 1.0, 1.0 };
    assert_false(clade_cholesky(flat, 2));
}

/* Means of 1e4 would drown the covariances in one pass over squares. */
static void covariance_equals_the_naive_one_also_far_from_zero(void **state)
{
    (void)state;
    static float  x[N * D], weight[N];
    static double mean[D], covariance[D * D];
    clade_rng     rng   = clade_rng_stream(2, "test/covariance", 0);
    double        total = 0.0;
    for (size_t i = 0; i < N * D; i++)
        x[i] = 1e4f + (float)clade_rng_normal(&rng);
    for (size_t i = 0; i < N; i++)
        total += (double)(weight[i] = (float)clade_rng_uniform(&rng));
    check_ok(clade_covariance(mean, covariance, x, weight, N, D, NULL));
    for (size_t a = 0; a < D; a += 5) {
        for (size_t b = 0; b < D; b += 3) {
            double mean_a = 0.0, mean_b = 0.0, sum = 0.0;
            for (size_t i = 0; i < N; i++) {
                mean_a += (double)weight[i] * (double)x[i * D + a] / total;
                mean_b += (double)weight[i] * (double)x[i * D + b] / total;
            }
            for (size_t i = 0; i < N; i++) {
                sum += (double)weight[i] * ((double)x[i * D + a] - mean_a) *
                       ((double)x[i * D + b] - mean_b);
            }
            check_close(mean[a], mean_a, 1e-12);
            check_close(covariance[a * D + b], sum / total, 1e-10);
        }
    }
}

static void covariance_is_the_same_with_any_number_of_threads(void **state)
{
    (void)state;
    static float  x[N * D];
    static double mean[D], one[D * D], four[D * D];
    clade_rng     rng = clade_rng_stream(3, "test/threads", 0);
    for (size_t i = 0; i < N * D; i++)
        x[i] = (float)clade_rng_normal(&rng);
    clade_threads_set(1);
    check_ok(clade_covariance(mean, one, x, NULL, N, D, NULL));
    clade_threads_set(4);
    check_ok(clade_covariance(mean, four, x, NULL, N, D, NULL));
    clade_threads_set(0);
    assert_memory_equal(one, four, sizeof one);
    clade_isa_set(CLADE_ISA_PLAIN); /* no fused multiply-add: the same bits here too */
    check_ok(clade_covariance(mean, four, x, NULL, N, D, NULL));
    clade_isa_set(CLADE_ISA_AVX512);
    assert_memory_equal(one, four, sizeof one);
}

static void matrix_check_names_the_first_bad_value(void **state)
{
    (void)state;
    static float x[N * D];
    clade_error  err = { 0 };
    check_ok(clade_matrix_check(x, N, D, NULL));
    x[5000 * D + 11] = (float)NAN;
    x[8000 * D + 1]  = 2e15f;
    assert_int_equal(clade_matrix_check(x, N, D, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "x[5000, 11]"));
    x[5000 * D + 11] = -CLADE_VALUE_MAX;
    assert_int_equal(clade_matrix_check(x, N, D, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "x[8000, 1]"));
    x[8000 * D + 1] = 0.0f;
    x[N * D - 1]    = -(float)INFINITY; /* in the ragged end */
    assert_int_equal(clade_matrix_check(x, N, D, &err), CLADE_ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigen_matches_the_case_worked_by_hand),
        cmocka_unit_test(eigenvectors_put_the_matrix_together_again),
        cmocka_unit_test(eigen_of_a_singular_matrix_has_zeros_and_ends),
        cmocka_unit_test(cholesky_matches_the_case_worked_by_hand),
        cmocka_unit_test(covariance_equals_the_naive_one_also_far_from_zero),
        cmocka_unit_test(covariance_is_the_same_with_any_number_of_threads),
        cmocka_unit_test(matrix_check_names_the_first_bad_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
