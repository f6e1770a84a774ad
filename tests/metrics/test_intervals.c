#include "check.h"
#include "clade/metrics.h"
#include "clade/run.h"

#include <string.h>

enum { N = 400 };

static double mean_counted(const uint32_t *count, size_t n, void *context)
{
    const double *const x     = context;
    double              total = 0.0, weight = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += count[i] * x[i];
        weight += count[i];
    }
    return weight == (double)n ? total / weight : -1e9; /* every draw must hold n rows */
}

/* The percentile interval of a mean tends to mean -+ 1.96 sd / sqrt(n); with 2,000 draws its ends
 * wander by about 5 % of its length. */
static void bootstrap_of_a_mean_agrees_with_the_normal_interval(void **state)
{
    (void)state;
    static double  x[N];
    clade_rng      rng = clade_rng_stream(5, "test/mean", 0);
    clade_interval got;
    double         total = 0.0, spread2 = 0.0;
    for (size_t i = 0; i < N; i++) {
        x[i] = 2.385 + 1.7 * clade_rng_normal(&rng);
        total += x[i];
    }
    for (size_t i = 0; i < N; i++)
        spread2 += (x[i] - total / N) * (x[i] - total / N);
    const double reach = 1.959964 * sqrt(spread2 / N / N);

    const clade_bootstrap_options options = { .seed = 3, .n_draws = 2000 };
    check_ok(clade_bootstrap(&got, mean_counted, x, N, &options, NULL));
    check_close(got.value, total / N, 1e-12);
    assert_true(fabs(got.low - (total / N - reach)) < 0.15 * reach);
    assert_true(fabs(got.high - (total / N + reach)) < 0.15 * reach);
}

static void bootstrap_is_the_same_with_any_number_of_threads(void **state)
{
    (void)state;
    static double  score[N];
    static uint8_t label[N];
    clade_rng      rng = clade_rng_stream(6, "test/threads", 0);
    clade_interval one, five;
    for (size_t i = 0; i < N; i++) {
        score[i] = clade_rng_uniform(&rng);
        label[i] = clade_rng_uniform(&rng) < score[i];
    }
    clade_threads_set(1);
    check_ok(clade_auc_interval(&one, score, label, N, NULL, NULL));
    clade_threads_set(5);
    check_ok(clade_auc_interval(&five, score, label, N, NULL, NULL));
    clade_threads_set(0);
    assert_memory_equal(&one, &five, sizeof one);
    assert_true(one.low < one.value && one.value < one.high);

    double auc = NAN;
    check_ok(clade_auc(&auc, score, label, N, NULL));
    check_close(one.value, auc, 0.0);
}

/* 200 worlds in which R2 of the truth is known: 95 % intervals must hold it in about 190. */
static void r2_intervals_cover_the_truth_as_often_as_they_say(void **state)
{
    (void)state;
    double predicted[N], actual[N];
    int    n_held = 0;
    for (uint64_t world = 0; world < 200; world++) {
        clade_rng      rng = clade_rng_stream(7, "test/cover", world);
        clade_interval got;
        for (size_t i = 0; i < N; i++) {
            predicted[i] = clade_rng_normal(&rng);
            actual[i]    = predicted[i] + 1.5 * clade_rng_normal(&rng);
        }
        const clade_bootstrap_options options = { .seed = world, .n_draws = 200 };
        check_ok(clade_r2_interval(&got, predicted, actual, N, &options, NULL));
        const double truth = 1.0 - 2.25 / 3.25;
        n_held += got.low <= truth && truth <= got.high;
    }
    assert_in_range(n_held, 178, 199); /* binomial(200, .95): 3.9 sd below to 3.1 above */
}

static void a_statistic_that_cannot_be_told_has_no_range(void **state)
{
    (void)state;
    const double   score[3] = { 0.1, 0.2, 0.3 };
    const uint8_t  label[3] = { 1, 1, 1 };
    clade_interval got      = { 0 };
    check_ok(clade_auc_interval(&got, score, label, 3, NULL, NULL));
    assert_true(isnan(got.value) && isnan(got.low) && isnan(got.high));
}

static void bootstrap_refuses_a_level_of_one(void **state)
{
    (void)state;
    const clade_bootstrap_options options = { .level = 1.0 };
    clade_interval                got     = { 1.25, 1.0, 1.5 };
    clade_error                   err     = { 0 };
    double                        x[2]    = { 1.0, 2.0 };
    assert_int_equal(clade_bootstrap(&got, mean_counted, x, 2, &options, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "level 1"));
    check_close(got.value, 1.25, 0.0);
}

/* Values 1, 2, 4: mean 7/3, s^2 = 7/3; t(.975, 2) = 4.302652729749464;
 * reach = t sqrt(7/3 (1/3 + 1/2)). */
static void fold_interval_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double         value[4] = { 1.0, 2.0, (double)NAN, 4.0 };
    const clade_interval got      = clade_fold_interval(value, 4, 0.95);
    const double         reach    = 4.302652729749464 * sqrt(7.0 / 3.0 * (5.0 / 6.0));
    check_close(got.value, 7.0 / 3.0, 1e-15);
    check_close(got.low, 7.0 / 3.0 - reach, 1e-12);
    check_close(got.high, 7.0 / 3.0 + reach, 1e-12);
    assert_true(isnan(clade_fold_interval(value, 1, 0.95).low));
}

/* Two repeats of three folds: mean 3, s^2 = 10 / 5; variance 2 (1/6 + 1/2), 5 degrees of freedom,
 * whose quantile is 2.570581835636314. */
static void repeats_do_not_take_away_the_overlap_of_training_sets(void **state)
{
    (void)state;
    const double         value[6] = { 1.0, 3.0, 5.0, 2.0, 4.0, 3.0 };
    const clade_interval got      = clade_repeated_fold_interval(value, 3, 2, 0.95);
    const clade_interval once     = clade_repeated_fold_interval(value, 6, 1, 0.95);
    check_close(got.value, 3.0, 1e-15);
    check_close(got.high - 3.0, 2.570581835636314 * sqrt(2.0 * (1.0 / 6.0 + 0.5)), 1e-12);
    check_close(once.high, clade_fold_interval(value, 6, 0.95).high, 0.0);
    assert_true(once.high < got.high);
}

/* Wilson's ends are by definition the shares p with (7/20 - p)^2 = z^2 p (1 - p) / 20. */
static void the_ends_of_a_share_interval_solve_wilsons_equation(void **state)
{
    (void)state;
    const clade_interval got = clade_share_interval(7, 20, 0.95);
    const double         z   = 1.959963984540054;
    check_close(got.value, 0.35, 1e-15);
    check_close((0.35 - got.low) / sqrt(got.low * (1.0 - got.low) / 20.0), z, 1e-12);
    check_close((got.high - 0.35) / sqrt(got.high * (1.0 - got.high) / 20.0), z, 1e-12);
    check_close(clade_share_interval(0, 5, 0.95).low, 0.0, 0.0);
    assert_true(clade_share_interval(0, 48, 0.95).low == 0); /* not 7e-18 */
    assert_true(isnan(clade_share_interval(0, 0, 0.95).value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bootstrap_of_a_mean_agrees_with_the_normal_interval),
        cmocka_unit_test(bootstrap_is_the_same_with_any_number_of_threads),
        cmocka_unit_test(r2_intervals_cover_the_truth_as_often_as_they_say),
        cmocka_unit_test(a_statistic_that_cannot_be_told_has_no_range),
        cmocka_unit_test(bootstrap_refuses_a_level_of_one),
        cmocka_unit_test(fold_interval_matches_the_case_worked_by_hand),
        cmocka_unit_test(repeats_do_not_take_away_the_overlap_of_training_sets),
        cmocka_unit_test(the_ends_of_a_share_interval_solve_wilsons_equation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
