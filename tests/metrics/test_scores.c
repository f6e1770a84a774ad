#include "check.h"
#include "clade/metrics.h"
#include "clade/run.h"

#include <stdlib.h>
#include <string.h>

enum { N = 1500 };

/* Scores on a coarse grid, so that there are many ties, and labels that follow them loosely. */
static void draw_scored(double *score, uint8_t *label, size_t n, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/scored", 0);
    for (size_t i = 0; i < n; i++) {
        score[i] = (double)clade_rng_below(&rng, 40) / 39.0;
        label[i] = clade_rng_uniform(&rng) < 0.15 + 0.6 * score[i];
    }
}

/* Pairs (positive, negative): (.8, .3) right, (.8, .5) right, (.5, .3) right, (.5, .5) half. */
static void auc_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double  score[4] = { 0.8, 0.5, 0.5, 0.3 };
    const uint8_t label[4] = { 1, 1, 0, 0 };
    double        auc      = NAN;
    check_ok(clade_auc(&auc, score, label, 4, NULL));
    check_close(auc, 3.5 / 4.0, 0.0);
}

static void auc_equals_the_count_over_all_pairs(void **state)
{
    (void)state;
    static double  score[N];
    static uint8_t label[N];
    double         auc = NAN, wins = 0.0, pairs = 0.0;
    draw_scored(score, label, N, 11);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            if (label[i] != 1 || label[j] != 0) continue;
            wins += score[i] > score[j] ? 1.0 : score[i] == score[j] ? 0.5 : 0.0;
            pairs += 1.0;
        }
    }
    check_ok(clade_auc(&auc, score, label, N, NULL));
    check_close(auc, wins / pairs, 1e-15); /* both are one division of exact integers */
}

static void auc_of_turned_scores_is_one_minus_auc(void **state)
{
    (void)state;
    static double  score[N], turned[N];
    static uint8_t label[N];
    double         auc = NAN, mirror = NAN;
    draw_scored(score, label, N, 12);
    for (size_t i = 0; i < N; i++)
        turned[i] = -3.7 * score[i];
    check_ok(clade_auc(&auc, score, label, N, NULL));
    check_ok(clade_auc(&mirror, turned, label, N, NULL));
    check_close(auc + mirror, 1.0, 1e-15);
}

static void auc_without_positives_is_nan_and_not_a_failure(void **state)
{
    (void)state;
    const double  score[2] = { 0.2, 0.7 };
    const uint8_t label[2] = { 0, 0 };
    double        auc      = 0.5;
    check_ok(clade_auc(&auc, score, label, 2, NULL));
    assert_true(isnan(auc));
    auc = 0.5;
    check_ok(clade_auc(&auc, score, label, 0, NULL));
    assert_true(isnan(auc));
}

static void auc_names_the_bad_row_and_writes_nothing(void **state)
{
    (void)state;
    const double  score[3] = { 0.2, (double)NAN, 0.1 };
    const uint8_t label[3] = { 0, 1, 2 };
    double        auc      = 0.25;
    clade_error   err      = { 0 };
    assert_int_equal(clade_auc(&auc, score, label, 3, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "score[1]"));
    assert_int_equal(clade_auc(&auc, score + 2, label + 2, 1, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "label[0] is 2"));
    check_close(auc, 0.25, 0.0);
}

/* actual mean 3; SST = 4 + 0 + 4 = 8; SSE = .25 + .25 + 1 = 1.5. */
static void r2_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double predicted[3] = { 1.5, 2.5, 4.0 };
    const double actual[3]    = { 1.0, 3.0, 5.0 };
    const double constant[3]  = { 2.0, 2.0, 2.0 };
    check_close(clade_r2(predicted, actual, 3), 1.0 - 1.5 / 8.0, 1e-15);
    check_close(clade_mean_absolute_error(predicted, actual, 3), 2.0 / 3.0, 1e-15);
    assert_true(isnan(clade_r2(predicted, constant, 3)));
    assert_true(isnan(clade_r2(predicted, actual, 0)));
}

static void losses_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double  p[2]     = { 0.8, 0.3 };
    const uint8_t label[2] = { 1, 0 };
    const double  sure[1]  = { 0.0 };
    check_close(clade_log_loss(p, label, 2), -(log(0.8) + log(0.7)) / 2.0, 1e-15);
    check_close(clade_brier(p, label, 2), (0.04 + 0.09) / 2.0, 1e-15);
    assert_true(isfinite(clade_log_loss(sure, label, 1))); /* sure and wrong is bad, not infinite */
}

/* Bins {.1, .2} and {.7, .9}: |.3 - 1| + |1.6 - 2| over 4 rows. */
static void calibration_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double          p[4]     = { 0.9, 0.1, 0.7, 0.2 };
    const uint8_t         label[4] = { 1, 1, 1, 0 };
    double                error    = NAN;
    clade_calibration_bin bin[2]   = { 0 };
    check_ok(clade_calibration_error(&error, bin, p, label, 4, 2, NULL));
    check_close(error, (0.7 + 0.4) / 4.0, 1e-15);
    assert_int_equal(bin[0].n, 2);
    check_close(bin[0].predicted, 0.15, 1e-15);
    check_close(bin[1].observed, 1.0, 0.0);
}

static void calibration_keeps_equal_predictions_in_one_bin(void **state)
{
    (void)state;
    const double          p[5]     = { 0.4, 0.4, 0.4, 0.4, 0.4 };
    const uint8_t         label[5] = { 1, 0, 1, 0, 0 };
    double                error    = NAN;
    clade_calibration_bin bin[3]   = { 0 };
    check_ok(clade_calibration_error(&error, bin, p, label, 5, 3, NULL));
    check_close(error, 0.0, 1e-15);
    assert_int_equal(bin[0].n + bin[1].n + bin[2].n, 5);
    assert_true(bin[0].n == 5 && isnan(bin[1].observed));
}

/* Three share the score of the cut at 2, of whom one is positive: 1 + 1/3 among the best two. */
static void precision_at_a_cut_in_a_tie_is_the_expected_one(void **state)
{
    (void)state;
    const double  score[5] = { 0.5, 0.9, 0.5, 0.1, 0.5 };
    const uint8_t label[5] = { 1, 1, 0, 1, 0 };
    const size_t  k[3]     = { 1, 2, 50 };
    double        precision[3], recall[3];
    check_ok(clade_precision_curve(precision, recall, score, label, 5, k, 3, NULL));
    check_close(precision[0], 1.0, 0.0);
    check_close(precision[1], (1.0 + 1.0 / 3.0) / 2.0, 1e-15);
    check_close(recall[1], (1.0 + 1.0 / 3.0) / 3.0, 1e-15);
    check_close(precision[2], 3.0 / 5.0, 1e-15);
    check_close(recall[2], 1.0, 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auc_matches_the_case_worked_by_hand),
        cmocka_unit_test(auc_equals_the_count_over_all_pairs),
        cmocka_unit_test(auc_of_turned_scores_is_one_minus_auc),
        cmocka_unit_test(auc_without_positives_is_nan_and_not_a_failure),
        cmocka_unit_test(auc_names_the_bad_row_and_writes_nothing),
        cmocka_unit_test(r2_matches_the_case_worked_by_hand),
        cmocka_unit_test(losses_match_the_case_worked_by_hand),
        cmocka_unit_test(calibration_matches_the_case_worked_by_hand),
        cmocka_unit_test(calibration_keeps_equal_predictions_in_one_bin),
        cmocka_unit_test(precision_at_a_cut_in_a_tie_is_the_expected_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
