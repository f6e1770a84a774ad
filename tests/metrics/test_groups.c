#include "check.h"
#include "clade/metrics.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <string.h>

enum { N = 700, G = 4 };

static void jaccard_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const int64_t a[4] = { 2, 3, 5, 9 }, b[3] = { 3, 4, 9 };
    check_close(clade_jaccard(a, 4, b, 3), 2.0 / 5.0, 1e-15);
    check_close(clade_jaccard(a, 4, a, 4), 1.0, 0.0);
    check_close(clade_jaccard(a, 4, b, 0), 0.0, 0.0);
    check_close(clade_jaccard(a, 0, b, 0), 1.0, 0.0);
}

/* Worked by hand for Benjamini-Hochberg: p sorted .01 .02 .03 .5, times 4 / rank = .04 .04 .04 .5.
 */
static void bh_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    double p[5] = { 0.03, 0.5, (double)NAN, 0.01, 0.02 };
    check_ok(clade_adjust_bh(p, p, 5, NULL));
    check_close(p[0], 0.04, 1e-15);
    check_close(p[1], 0.5, 1e-15);
    assert_true(isnan(p[2]));
    check_close(p[3], 0.04, 1e-15);
    check_close(p[4], 0.04, 1e-15);
}

/* Under the null BH at q = .1 finds something in at most a tenth of the worlds. */
static void bh_keeps_its_promise_when_nothing_is_there(void **state)
{
    (void)state;
    int n_alarmed = 0;
    for (uint64_t world = 0; world < 1000; world++) {
        clade_rng rng = clade_rng_stream(3, "test/bh", world);
        double    p[20], least = 1.0;
        for (size_t i = 0; i < 20; i++)
            p[i] = clade_rng_uniform(&rng);
        check_ok(clade_adjust_bh(p, p, 20, NULL));
        for (size_t i = 0; i < 20; i++)
            least = fmin(least, p[i]);
        n_alarmed += least <= 0.1;
    }
    assert_in_range(n_alarmed, 70, 131); /* 100 expected, sd 9.5 */
}

/* Pairs (in, out) of {3, 5} against {1, 3, 4}: above 1+1+1+1 = 4, equal 1, below 1; delta = 3/6.
 * U = 4.5, mean 3, ties of one pair: variance 6/12 (6 - 6/20) = 2.85; z = (1.5 - .5) / sqrt(2.85).
 */
static void contrast_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float    value[7] = { 3, 1, (float)NAN, 5, 3, 4, (float)NAN };
    const uint32_t group[7] = { 0, CLADE_NO_GROUP, 0, 0, 1, 1, 1 };
    clade_contrast got[2];
    check_ok(clade_contrast_groups(got, value, 1, group, 7, 2, NULL));
    assert_int_equal(got[0].n_in, 2);
    assert_int_equal(got[0].n_out, 3);
    check_close(got[0].delta, 0.5, 1e-15);
    check_close(got[0].p_value, 2.0 * clade_normal_cdf(-1.0 / sqrt(2.85)), 1e-14);
    check_close(got[0].mean_in, 4.0, 1e-15);
    check_close(got[0].mean_out, 8.0 / 3.0, 1e-15);
    check_close(got[0].median_in, 4.0, 1e-15);
    check_close(got[0].median_out, 3.0, 1e-15);
    check_close(got[0].present_in, 2.0 / 3.0, 1e-15);
    check_close(got[0].present_out, 3.0 / 4.0, 1e-15);
    /* Pooled variance: (1 + 1 + 4.666...) / 3. */
    check_close(got[0].standardised, (4.0 / 3.0) / sqrt((2.0 + 14.0 / 3.0) / 3.0), 1e-14);
}

static double median_naive(double *x, size_t n)
{
    clade_sort_f64(x, n);
    return n == 0 ? (double)NAN : 0.5 * (x[(n - 1) / 2] + x[n / 2]);
}

static void contrast_equals_the_naive_one_over_all_pairs(void **state)
{
    (void)state;
    static float    value[N][3];
    static uint32_t group[N];
    clade_contrast  got[G];
    clade_rng       rng = clade_rng_stream(4, "test/contrast", 0);
    for (size_t i = 0; i < N; i++) {
        group[i]    = (uint32_t)clade_rng_below(&rng, G + 1);
        value[i][1] = (float)clade_rng_below(&rng, 30) + 0.25f * (float)group[i] + 1000.0f;
        if (group[i] == G) group[i] = CLADE_NO_GROUP;
        if (clade_rng_below(&rng, 7) == 0) value[i][1] = (float)NAN;
    }
    check_ok(clade_contrast_groups(got, &value[0][1], 3, group, N, G, NULL));

    for (uint32_t g = 0; g < G; g++) {
        double in[N], out[N], above = 0.0, mean_in = 0.0, mean_out = 0.0;
        size_t n_in = 0, n_out = 0;
        for (size_t i = 0; i < N; i++) {
            const double x = (double)value[i][1];
            if (isnan(x)) continue;
            if (group[i] == g) {
                in[n_in++] = x;
                mean_in += x;
            } else {
                out[n_out++] = x;
                mean_out += x;
            }
        }
        for (size_t i = 0; i < n_in; i++) {
            for (size_t j = 0; j < n_out; j++)
                above += (in[i] > out[j]) - (in[i] < out[j]);
        }
        assert_int_equal(got[g].n_in, n_in);
        assert_int_equal(got[g].n_out, n_out);
        check_close(got[g].delta, above / ((double)n_in * (double)n_out), 1e-13);
        check_close(got[g].mean_in, mean_in / (double)n_in, 1e-12);
        check_close(got[g].mean_out, mean_out / (double)n_out, 1e-12);
        check_close(got[g].median_in, median_naive(in, n_in), 0.0);
        check_close(got[g].median_out, median_naive(out, n_out), 0.0);
    }
}

/* The two-sided p-value of equal groups must be uniform: below .05 in about 5 % of 2,000 worlds. */
static void mann_whitney_alarms_as_often_as_it_says(void **state)
{
    (void)state;
    int n_alarmed = 0;
    for (uint64_t world = 0; world < 2000; world++) {
        clade_rng      rng = clade_rng_stream(9, "test/null", world);
        float          value[60];
        uint32_t       group[60];
        clade_contrast got[1];
        for (size_t i = 0; i < 60; i++) {
            value[i] = (float)clade_rng_below(&rng, 12);
            group[i] = i < 25 ? 0 : CLADE_NO_GROUP;
        }
        check_ok(clade_contrast_groups(got, value, 1, group, 60, 1, NULL));
        n_alarmed += got[0].p_value <= 0.05;
    }
    assert_in_range(n_alarmed, 65, 135); /* 100 expected, sd 9.7; the correction makes it shy */
}

static void a_group_without_rows_has_nothing_to_say(void **state)
{
    (void)state;
    const float    value[3] = { 1.5f, 1.5f, 1.5f };
    const uint32_t group[3] = { 0, 0, 0 };
    clade_contrast got[2];
    check_ok(clade_contrast_groups(got, value, 1, group, 3, 2, NULL));
    assert_int_equal(got[1].n_in, 0);
    assert_true(isnan(got[1].delta) && isnan(got[1].median_in) && isnan(got[1].p_value));
    check_close(got[1].median_out, 1.5, 0.0);
    assert_true(isnan(got[0].mean_out));
}

static void contrast_names_the_bad_row(void **state)
{
    (void)state;
    const float    value[2] = { 1.0f, (float)INFINITY };
    const uint32_t group[2] = { 0, 0 }, wrong[2] = { 0, 7 };
    clade_contrast got[1];
    clade_error    err = { 0 };
    assert_int_equal(clade_contrast_groups(got, value, 1, group, 2, 1, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "value[1]"));
    assert_int_equal(clade_contrast_groups(got, value, 1, wrong, 2, 1, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "group[1] is 7"));
}

/* 5 of 10 against 7 of 40: pooled share 12/50. */
static void two_proportions_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double pooled = 12.0 / 50.0;
    const double z      = (5.0 / 10.0 - 7.0 / 40.0) / sqrt(pooled * (1.0 - pooled) * (0.1 + 0.025));
    check_close(clade_two_proportion_p(5, 10, 7, 40), 2.0 * clade_normal_cdf(-z), 1e-14);
    check_close(clade_two_proportion_p(3, 3, 5, 5), 1.0, 0.0);
    assert_true(isnan(clade_two_proportion_p(0, 0, 5, 5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jaccard_matches_the_case_worked_by_hand),
        cmocka_unit_test(bh_matches_the_case_worked_by_hand),
        cmocka_unit_test(bh_keeps_its_promise_when_nothing_is_there),
        cmocka_unit_test(contrast_matches_the_case_worked_by_hand),
        cmocka_unit_test(contrast_equals_the_naive_one_over_all_pairs),
        cmocka_unit_test(mann_whitney_alarms_as_often_as_it_says),
        cmocka_unit_test(a_group_without_rows_has_nothing_to_say),
        cmocka_unit_test(contrast_names_the_bad_row),
        cmocka_unit_test(two_proportions_match_the_case_worked_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
