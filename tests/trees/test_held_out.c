/* Boosting on shared bins with a fold left out: a hand case, XGBoost as the second implementation,
 * and laws. */
#include "check.h"
#include "clade/run.h"
#include "clade/trees.h"

enum { N = 2000, P = 5 };

static float   value[N * P], number[N], chance[N];
static uint8_t fold[N];

/* At most twenty values a column, so that every gap between two is a cut, here and in XGBoost. */
static void make_rows(uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "tests/held_out", 0);
    for (size_t i = 0; i < N; i++) {
        float *x = value + i * P;
        for (size_t k = 0; k < P; k++)
            x[k] = (float)clade_rng_below(&rng, 20) - 9.5f;
        if (clade_rng_uniform(&rng) < 0.25) x[1] = NAN;
        const double y = 0.21 * (double)x[0] + (isnan(x[1]) ? 0.9 : sin((double)x[1])) +
                         (x[2] > 3 && x[3] < 0 ? 1.3 : 0);
        number[i] = (float)(y + 0.5 * clade_rng_normal(&rng));
        chance[i] = clade_rng_uniform(&rng) < 1 / (1 + exp(0.7 - 1.5 * y));
        fold[i]   = (uint8_t)clade_rng_below(&rng, 5);
    }
}

static clade_trees_bins *bins_of(size_t max_bin)
{
    clade_trees_bins *bins = NULL;
    check_ok(clade_trees_bins_make(&bins, value, N, P, max_bin, NULL));
    return bins;
}

/* x below 5 has targets 1, 2, 3.5, above it 8 and 10, mean 4.9; the rows of fold 1 are told. One
 * stump with eta 1 and lambda 0.5: leaf = sum of residuals / (rows + lambda), on top of 4.9. */
static void a_stump_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float         x[7]    = { 1, 2, 3, 7, 8, 2, 8 };
    const float         y[7]    = { 1, 2, 3.5f, 8, 10, NAN, NAN };
    const uint8_t       part[7] = { 0, 0, 0, 0, 0, 1, 1 };
    const int           stop    = 1;
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_SQUARED_ERROR);
    clade_trees_bins   *bins    = NULL;
    float               told[7] = { -7, -7, -7, -7, -7, -7, -7 };
    options.max_depth           = 1;
    options.eta                 = 1;
    options.lambda              = 0.5;
    check_ok(clade_trees_bins_make(&bins, x, 7, 1, 64, NULL));
    check_ok(clade_trees_hold_out(told, bins, y, part, 1, &stop, 1, &options, NULL));
    check_close(told[5], 4.9 + (6.5 - 3 * 4.9) / 3.5, 1e-6);
    check_close(told[6], 4.9 + (18 - 2 * 4.9) / 2.5, 1e-6);
    check_close(told[0], -7, 0);
    clade_trees_bins_free(bins);
}

/* Ties between equal gains may go either way, and derivatives are rounded to 20 bits: a few rows
 * may differ, and hardly. */
static void without_sampling_it_tells_what_xgboost_tells(void **state)
{
    (void)state;
    static float train_value[N * P], test_value[N * P], target[N], xgboost[N], told[2 * N];
    const int    stop[2] = { 10, 40 };
    make_rows(3);
    clade_trees_bins *bins = bins_of(64);
    for (int goal = 0; goal <= CLADE_TREES_LOGISTIC; goal++) {
        const float        *y       = goal == CLADE_TREES_LOGISTIC ? chance : number;
        clade_trees_options options = clade_trees_defaults((clade_trees_goal)goal);
        clade_trees        *trees   = NULL;
        size_t              n_train = 0, n_test = 0;
        options.n_rounds         = 40;
        options.max_depth        = 3;
        options.min_child_weight = 5;
        for (size_t i = 0; i < N; i++) {
            float *to = fold[i] == 2 ? test_value + P * n_test++ : train_value + P * n_train;
            memcpy(to, value + i * P, P * sizeof *to);
            if (fold[i] != 2) target[n_train++] = y[i];
        }
        const clade_trees_data data = {
            .value = train_value, .n_rows = n_train, .n_columns = P, .target = target
        };
        check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
        check_ok(clade_trees_hold_out(told, bins, y, fold, 2, stop, 2, &options, NULL));
        for (int s = 0; s < 2; s++) {
            double apart = 0;
            size_t at    = 0;
            check_ok(clade_trees_predict_first(xgboost, trees, (size_t)stop[s], test_value, n_test,
                                               P, NULL));
            for (size_t i = 0; i < N; i++) {
                if (fold[i] == 2) apart += fabs((double)(told[s * N + (int)i] - xgboost[at++]));
            }
            assert_true(apart / (double)n_test < 1e-3);
        }
        clade_trees_free(trees);
    }
    clade_trees_bins_free(bins);
}

static void what_the_fold_left_out_did_does_not_matter(void **state)
{
    (void)state;
    static float        a[N], b[N], other[N];
    const int           stop    = 30;
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_SQUARED_ERROR);
    options.subsample           = 0.7;
    options.colsample           = 0.4;
    make_rows(4);
    clade_trees_bins *bins = bins_of(16);
    for (size_t i = 0; i < N; i++)
        other[i] = fold[i] == 3 ? NAN : number[i];
    check_ok(clade_trees_hold_out(a, bins, number, fold, 3, &stop, 1, &options, NULL));
    check_ok(clade_trees_hold_out(b, bins, other, fold, 3, &stop, 1, &options, NULL));
    for (size_t i = 0; i < N; i++) {
        if (fold[i] == 3) check_close(a[i], b[i], 0);
    }
    clade_trees_bins_free(bins);
}

static void sampling_costs_little_of_what_can_be_told(void **state)
{
    (void)state;
    static float        told[2][N];
    const int           stop    = 90;
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_SQUARED_ERROR);
    double              rest[2] = { 0, 0 }, all = 0, mean = 0, n = 0;
    options.eta       = 0.1;
    options.max_depth = 2;
    make_rows(5);
    clade_trees_bins *bins = bins_of(64);
    for (int s = 0; s < 2; s++) {
        check_ok(clade_trees_hold_out(told[s], bins, number, fold, 0, &stop, 1, &options, NULL));
        options.subsample = 0.7;
        options.colsample = 0.4;
    }
    for (size_t i = 0; i < N; i++) {
        mean += fold[i] == 0 ? (double)number[i] : 0;
        n += fold[i] == 0;
    }
    for (size_t i = 0; i < N; i++) {
        if (fold[i] != 0) continue;
        all += ((double)number[i] - mean / n) * ((double)number[i] - mean / n);
        for (int s = 0; s < 2; s++)
            rest[s] +=
                ((double)number[i] - (double)told[s][i]) * ((double)number[i] - (double)told[s][i]);
    }
    assert_true(1 - rest[0] / all > 0.75); /* noise of variance .25 in about 2.5 */
    assert_true(rest[1] < 1.25 * rest[0]);
    clade_trees_bins_free(bins);
}

static void what_cannot_be_used_is_refused_by_name(void **state)
{
    (void)state;
    static float        told[N];
    clade_error         err    = { 0 };
    const int           rising = 5, twice[2] = { 5, 5 };
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_SQUARED_ERROR);
    clade_trees_bins   *bins    = NULL;
    make_rows(6);
    assert_int_equal(clade_trees_bins_make(&bins, value, N, P, 65, &err), CLADE_ERR_ARG);
    value[7] = INFINITY;
    assert_int_equal(clade_trees_bins_make(&bins, value, N, P, 64, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "value[1, 2]"));
    value[7] = 1;
    bins     = bins_of(64);
    assert_int_equal(clade_trees_hold_out(told, bins, number, fold, 0, twice, 2, &options, &err),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "stop[1]"));
    options.max_depth = 5;
    assert_int_equal(clade_trees_hold_out(told, bins, number, fold, 0, &rising, 1, &options, &err),
                     CLADE_ERR_ARG);
    options.max_depth = 2;
    options.goal      = CLADE_TREES_TWEEDIE;
    assert_int_equal(clade_trees_hold_out(told, bins, number, fold, 0, &rising, 1, &options, &err),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "goal is 2"));
    options.goal = CLADE_TREES_SQUARED_ERROR;
    memset(fold, 0, sizeof fold);
    assert_int_equal(clade_trees_hold_out(told, bins, number, fold, 0, &rising, 1, &options, &err),
                     CLADE_ERR_DATA);
    fold[11]   = 1;
    number[11] = NAN;
    assert_int_equal(clade_trees_hold_out(told, bins, number, fold, 0, &rising, 1, &options, &err),
                     CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "target[11]"));
    clade_trees_bins_free(bins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stump_matches_the_case_worked_by_hand),
        cmocka_unit_test(without_sampling_it_tells_what_xgboost_tells),
        cmocka_unit_test(what_the_fold_left_out_did_does_not_matter),
        cmocka_unit_test(sampling_costs_little_of_what_can_be_told),
        cmocka_unit_test(what_cannot_be_used_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
