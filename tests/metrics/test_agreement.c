/* DeLong, Spearman, Kendall, Gini, errors, conformal quantiles, paired bootstrap. */
#include "check.h"
#include "clade/metrics.h"
#include "clade/numeric.h"
#include "clade/run.h"
#include "formula_sample.h"

#include <stdlib.h>
#include <string.h>

enum { N = 700 };

/* Coarse grids, so that there are many ties. */
static void draw(double *a, double *b, uint8_t *label, size_t n, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/agreement", 0);
    for (size_t i = 0; i < n; i++) {
        const double truth = clade_rng_normal(&rng);
        a[i]               = rint(3.0 * (truth + 0.8 * clade_rng_normal(&rng)));
        b[i]               = rint(4.0 * (truth + 1.1 * clade_rng_normal(&rng)));
        label[i]           = truth + 0.5 * clade_rng_normal(&rng) > 0.3;
    }
}

/* Positives 3, 1 beat 2 of 2 and 0.5 of 2 negatives (1, 2): shares 1 and .25; negatives 1, 2 are
 * beaten by 1.5 and 1 of 2 positives: shares .75 and .5. AUC .625; variances .28125 and .03125. */
static void delong_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double   score[4] = { 3, 1, 1, 2 };
    const uint8_t  label[4] = { 1, 1, 0, 0 };
    clade_interval out;
    check_ok(clade_auc_delong(&out, score, label, 4, 0.5, NULL));
    const double reach = clade_normal_quantile(0.75) * sqrt(0.28125 / 2 + 0.03125 / 2);
    check_close(out.value, 0.625, 0);
    check_close(out.low, 0.625 - reach, 1e-15);
    check_close(out.high, 0.625 + reach, 1e-15);
}

static double kernel(double positive, double negative)
{
    return positive > negative ? 1 : positive == negative ? 0.5 : 0;
}

/* Variance of AUC a less AUC b by the definition: structural components over all pairs. */
static double naive_variance(const double *a, const double *b, const uint8_t *label, size_t n)
{
    double variance = 0;
    for (int class = 0; class < 2; class ++) {
        double sum = 0, sum2 = 0, m = 0;
        for (size_t i = 0; i < n; i++) {
            double part = 0, others = 0;
            if (label[i] != class) continue;
            for (size_t j = 0; j < n; j++) {
                if (label[j] == class) continue;
                part += class == 1 ? kernel(a[i], a[j]) - kernel(b[i], b[j])
                                   : kernel(a[j], a[i]) - kernel(b[j], b[i]);
                others++;
            }
            sum += part / others;
            sum2 += part / others * part / others;
            m++;
        }
        variance += (sum2 - sum * sum / m) / (m - 1) / m;
    }
    return variance;
}

static void the_paired_test_equals_its_definition_over_all_pairs(void **state)
{
    (void)state;
    static double  a[N], b[N];
    static uint8_t label[N];
    clade_auc_test test;
    double         auc_a = NAN, auc_b = NAN;
    draw(a, b, label, N, 1);
    check_ok(clade_auc_compare(&test, a, b, label, N, 0.95, NULL));
    check_ok(clade_auc(&auc_a, a, label, N, NULL));
    check_ok(clade_auc(&auc_b, b, label, N, NULL));
    const double deviation = sqrt(naive_variance(a, b, label, N));
    check_close(test.difference.value, auc_a - auc_b, 0);
    check_close(test.z, (auc_a - auc_b) / deviation, 1e-10);
    check_close(test.difference.high - test.difference.low,
                2 * clade_normal_quantile(0.975) * deviation, 1e-12);
    check_close(test.p_value, 2 * (1 - clade_normal_cdf(fabs(test.z))), 1e-9);

    check_ok(clade_auc_compare(&test, a, a, label, N, 0.95, NULL));
    check_close(test.p_value, 1, 0);
    check_close(test.difference.value, 0, 0);
}

/* Of 400 samples whose AUC is known to be Phi(1 / sqrt 2), 95 % intervals hold it in 93 to 97 %:
 * two standard deviations of the share are 0.022. */
static void delong_covers_as_often_as_it_says(void **state)
{
    (void)state;
    enum { SAMPLES = 400, ROWS = 120 };
    const double truth = clade_normal_cdf(sqrt(0.5));
    double       score[ROWS];
    uint8_t      label[ROWS];
    size_t       held = 0;
    for (size_t k = 0; k < SAMPLES; k++) {
        clade_rng      rng = clade_rng_stream(5, "test/delong", k);
        clade_interval out;
        for (size_t i = 0; i < ROWS; i++) {
            label[i] = i % 3 == 0;
            score[i] = label[i] + clade_rng_normal(&rng);
        }
        check_ok(clade_auc_delong(&out, score, label, ROWS, 0.95, NULL));
        held += out.low <= truth && truth <= out.high;
    }
    check_close((double)held / SAMPLES, 0.95, 0.025);
}

static void what_one_class_cannot_tell_is_nan(void **state)
{
    (void)state;
    const double   score[3] = { 1, 2, 3 };
    const uint8_t  ones[3] = { 1, 1, 1 }, single[3] = { 0, 1, 1 };
    clade_interval out;
    clade_auc_test test;
    check_ok(clade_auc_delong(&out, score, ones, 3, 0.95, NULL));
    assert_true(isnan(out.value) && isnan(out.low));
    check_ok(clade_auc_delong(&out, score, single, 3, 0.95, NULL));
    assert_true(out.value == 1 && isnan(out.low) && isnan(out.high));
    check_ok(clade_auc_compare(&test, score, score, single, 3, 0.95, NULL));
    assert_true(isnan(test.p_value));
    assert_int_equal(clade_auc_delong(&out, score, single, 3, 1, NULL), CLADE_ERR_ARG);
}

/* See formula_sample.h: spearmanr(a, b), kendalltau(a, b), kendalltau(a, y). */
static void correlations_equal_those_of_scipy(void **state)
{
    (void)state;
    formula_sample s;
    double         label[FORMULA_ROWS], out = NAN;
    make_formula_sample(&s);
    for (int i = 0; i < FORMULA_ROWS; i++)
        label[i] = s.y[i];
    check_ok(clade_spearman(&out, s.a, s.b, FORMULA_ROWS, NULL));
    check_close(out, 0.31747895023271344, 1e-14);
    check_ok(clade_kendall(&out, s.a, s.b, FORMULA_ROWS, NULL));
    check_close(out, 0.19437743290436443, 1e-14);
    check_ok(clade_kendall(&out, s.a, label, FORMULA_ROWS, NULL));
    check_close(out, 0.4673673269851174, 1e-14);
}

static int sign_of(double x)
{
    return (x > 0) - (x < 0);
}

static void kendall_equals_the_count_over_all_pairs(void **state)
{
    (void)state;
    static double  a[N], b[N];
    static uint8_t label[N];
    for (size_t n = 2; n <= N; n = n * 3 - 1) { /* odd sizes, for the halves of the merges */
        double sum = 0, told_a = 0, told_b = 0, tau = NAN, mirror = NAN;
        draw(a, b, label, n, n);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < i; j++) {
                const int x = sign_of(a[i] - a[j]), y = sign_of(b[i] - b[j]);
                sum += x * y;
                told_a += x != 0;
                told_b += y != 0;
            }
        }
        check_ok(clade_kendall(&tau, a, b, n, NULL));
        check_close(tau, told_a * told_b > 0 ? sum / sqrt(told_a * told_b) : NAN, 1e-14);
        check_ok(clade_kendall(&mirror, b, a, n, NULL));
        check_close(mirror, tau, 1e-15);
    }
    const double same[3] = { 4, 4, 4 }, other[3] = { 1, 2, 3 };
    double       tau = 7;
    check_ok(clade_kendall(&tau, same, other, 3, NULL));
    assert_true(isnan(tau));
    check_ok(clade_spearman(&tau, same, other, 3, NULL));
    assert_true(isnan(tau));
}

/* Values 1, 2, 9 in places 0, 1, 2 less their mean: best 9 - 1 = 8. Scores put 9 in the middle and
 * 1 on top: 1 - 2 = -1. */
static void gini_matches_the_case_worked_by_hand_and_is_2_auc_less_1_of_a_label(void **state)
{
    (void)state;
    const double   actual[3] = { 1, 2, 9 }, score[3] = { 5, 3, 4 };
    static double  a[N], b[N], value[N];
    static uint8_t label[N];
    double         gini = NAN, auc = NAN;
    check_ok(clade_gini(&gini, score, actual, 3, NULL));
    check_close(gini, -1.0 / 8.0, 1e-15);
    check_ok(clade_gini(&gini, actual, actual, 3, NULL));
    check_close(gini, 1, 1e-15);
    draw(a, b, label, N, 3);
    for (size_t i = 0; i < N; i++)
        value[i] = label[i];
    check_ok(clade_gini(&gini, a, value, N, NULL));
    check_ok(clade_auc(&auc, a, label, N, NULL));
    check_close(gini, 2 * auc - 1, 1e-13);
}

/* See formula_sample.h: mean_absolute_percentage_error(v[v!=0], (a*20)[v!=0]) and
 * mean_squared_error(v, a*20, squared=False). */
static void errors_of_amounts_equal_those_of_scikit_learn(void **state)
{
    (void)state;
    formula_sample s;
    double         told[FORMULA_ROWS];
    size_t         n_zero = 0;
    make_formula_sample(&s);
    for (int i = 0; i < FORMULA_ROWS; i++)
        told[i] = s.a[i] * 20;
    check_close(clade_mape(&n_zero, told, s.v, FORMULA_ROWS), 0.93320819795322074, 1e-14);
    assert_int_equal(n_zero, 30);
    check_close(clade_root_mean_square_error(told, s.v, FORMULA_ROWS), 13.772801742231419, 1e-14);
    assert_true(isnan(clade_mape(NULL, told, s.v, 0)));
    assert_true(isnan(clade_root_mean_square_error(told, s.v, 0)));
}

/* Nine scores at 0.9: place ceil(10 * 0.9) = 9, the largest; at 0.91 place 10, beyond them. */
static void conformal_quantiles_take_the_corrected_place(void **state)
{
    (void)state;
    const double score[9] = { 3, 9, 1, 7, 5, 2, 8, 6, 4 };
    double       out      = NAN;
    check_ok(clade_conformal_quantile(&out, score, 9, 0.9, NULL));
    check_close(out, 9, 0);
    check_ok(clade_conformal_quantile(&out, score, 9, 0.55, NULL));
    check_close(out, 6, 0);
    check_ok(clade_conformal_quantile(&out, score, 9, 0.91, NULL));
    assert_true(out == INFINITY);
    check_ok(clade_conformal_quantile(&out, score, 0, 0.5, NULL));
    assert_true(out == INFINITY);
    assert_int_equal(clade_conformal_quantile(&out, score, 9, 0, NULL), CLADE_ERR_ARG);
}

/* The chance that a new row is within the quantile is exactly ceil((n + 1) level) / (n + 1) for
 * continuous scores: 19 / 20 with 19 rows. 4000 trials: two standard deviations are 0.007. */
static void conformal_quantiles_cover_in_small_samples(void **state)
{
    (void)state;
    enum { TRIALS = 4000, ROWS = 19 };
    size_t held = 0;
    for (size_t k = 0; k < TRIALS; k++) {
        clade_rng rng = clade_rng_stream(6, "test/conformal", k);
        double    score[ROWS], out = NAN;
        for (size_t i = 0; i < ROWS; i++)
            score[i] = clade_rng_exponential(&rng);
        check_ok(clade_conformal_quantile(&out, score, ROWS, 0.95, NULL));
        held += clade_rng_exponential(&rng) <= out;
    }
    check_close((double)held / TRIALS, 0.95, 0.008);
}

static double mean_of(const uint32_t *count, size_t n, void *context)
{
    const double *const x   = context;
    double              sum = 0, rows = 0;
    for (size_t i = 0; i < n; i++) {
        sum += count[i] * x[i];
        rows += count[i];
    }
    return sum / rows;
}

/* b is a plus 2.385 with little noise: the difference is known well, though neither mean is. */
static void a_paired_bootstrap_knows_the_difference_better_than_either_side(void **state)
{
    (void)state;
    static double  a[N], b[N];
    clade_interval alone, pair;
    clade_rng      rng = clade_rng_stream(7, "test/pairs", 0);
    for (size_t i = 0; i < N; i++) {
        a[i] = 10 * clade_rng_normal(&rng);
        b[i] = a[i] + 2.385 + 0.1 * clade_rng_normal(&rng);
    }
    check_ok(clade_bootstrap(&alone, mean_of, a, N, NULL, NULL));
    check_ok(clade_bootstrap_difference(&pair, mean_of, b, a, N, NULL, NULL));
    check_close(pair.value, 2.385, 0.02);
    assert_true(pair.low < 2.385 && 2.385 < pair.high);
    assert_true(pair.high - pair.low < 0.03 * (alone.high - alone.low));
}

static void values_that_are_not_numbers_are_named(void **state)
{
    (void)state;
    const double good[2] = { 1, 2 }, bad[2] = { 1, NAN }, far[2] = { 1, INFINITY };
    double       out = 7;
    clade_error  err = { 0 };
    assert_int_equal(clade_spearman(&out, good, bad, 2, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "b[1]"));
    assert_int_equal(clade_kendall(&out, bad, good, 2, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "a[1]"));
    assert_int_equal(clade_gini(&out, good, far, 2, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "actual[1]"));
    assert_int_equal(clade_conformal_quantile(&out, bad, 2, 0.5, &err), CLADE_ERR_DATA);
    check_close(out, 7, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delong_matches_the_case_worked_by_hand),
        cmocka_unit_test(the_paired_test_equals_its_definition_over_all_pairs),
        cmocka_unit_test(delong_covers_as_often_as_it_says),
        cmocka_unit_test(what_one_class_cannot_tell_is_nan),
        cmocka_unit_test(correlations_equal_those_of_scipy),
        cmocka_unit_test(kendall_equals_the_count_over_all_pairs),
        cmocka_unit_test(gini_matches_the_case_worked_by_hand_and_is_2_auc_less_1_of_a_label),
        cmocka_unit_test(errors_of_amounts_equal_those_of_scikit_learn),
        cmocka_unit_test(conformal_quantiles_take_the_corrected_place),
        cmocka_unit_test(conformal_quantiles_cover_in_small_samples),
        cmocka_unit_test(a_paired_bootstrap_knows_the_difference_better_than_either_side),
        cmocka_unit_test(values_that_are_not_numbers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
