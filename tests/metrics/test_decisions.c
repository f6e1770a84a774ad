/* Thresholds, profit, gains and calibration of amounts. */
#include "check.h"
#include "clade/decisions.h"
#include "clade/run.h"
#include "formula_sample.h"

#include <stdlib.h>
#include <string.h>

/* See formula_sample.h: accuracy_score(y, a>=.5) and its like; precision_recall_curve(y, a) for the
 * best F1; average_precision_score(y, a); roc_auc_score. */
static void decisions_equal_those_of_scikit_learn(void **state)
{
    (void)state;
    formula_sample  s;
    clade_decisions d;
    double          ap = NAN, auc = NAN;
    make_formula_sample(&s);
    check_ok(clade_decide_at(&d, s.a, s.y, FORMULA_ROWS, 0.5, NULL));
    check_close(d.accuracy, 0.7333333333333333, 1e-15);
    check_close(d.precision, 0.75862068965517238, 1e-15);
    check_close(d.recall, 0.70967741935483875, 1e-15);
    check_close(d.f1, 0.73333333333333328, 1e-15);
    assert_true(d.true_negative == 22 && d.false_positive == 7 && d.false_negative == 9 &&
                d.true_positive == 22);
    check_ok(clade_decide_best_f1(&d, s.a, s.y, FORMULA_ROWS, NULL));
    check_close(d.f1, 0.78378378378378377, 1e-15);
    check_close(d.threshold, 0.30434782608695654, 0);
    check_ok(clade_average_precision(&ap, s.a, s.y, FORMULA_ROWS, NULL));
    check_close(ap, 0.82880385290772807, 1e-14);
    check_ok(clade_auc(&auc, s.a, s.y, FORMULA_ROWS, NULL));
    check_close(auc, 0.82313681868743049, 1e-14);
    check_ok(clade_auc(&auc, s.b, s.y, FORMULA_ROWS, NULL));
    check_close(auc, 0.871523915461624, 1e-14);
}

/* From above: .9 a hit (P 1, R 1/2); the two .6 together (P 2/3, R 1); .2. AP 1/2 + 1/2 2/3. */
static void average_precision_takes_equal_scores_together(void **state)
{
    (void)state;
    const double  score[4] = { 0.6, 0.9, 0.2, 0.6 };
    const uint8_t label[4] = { 0, 1, 0, 1 }, none[4] = { 0 };
    double        ap = NAN;
    check_ok(clade_average_precision(&ap, score, label, 4, NULL));
    check_close(ap, 0.5 + 0.5 * 2 / 3, 1e-15);
    check_ok(clade_average_precision(&ap, score, none, 4, NULL));
    assert_true(isnan(ap));
    clade_decisions d;
    check_ok(clade_decide_best_f1(&d, score, none, 4, NULL));
    assert_true(d.threshold == INFINITY && isnan(d.f1) && d.true_negative == 4);
    check_ok(clade_decide_at(&d, score, label, 4, 2, NULL));
    assert_true(isnan(d.precision) && d.recall == 0);
}

/* A mail costs 1.5 and brings 4 from a buyer: .9 brings 2.5, the two .6 another 1, .2 loses 1.5. */
static void profit_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double       score[4] = { 0.6, 0.9, 0.2, 0.6 };
    const uint8_t      label[4] = { 0, 1, 0, 1 };
    const clade_stakes stakes   = { .true_positive = 2.5, .false_positive = -1.5 };
    clade_profit       point[5], best;
    size_t             n = 0;
    check_ok(clade_profit_curve(point, &n, &best, score, label, 4, &stakes, NULL));
    assert_int_equal(n, 4);
    const double profit[4] = { 0, 2.5, 3.5, 2 };
    const size_t taken[4]  = { 0, 1, 3, 4 };
    for (size_t i = 0; i < 4; i++) {
        check_close(point[i].profit, profit[i] / 4, 1e-15);
        assert_int_equal(point[i].n_taken, taken[i]);
    }
    assert_true(point[0].threshold == INFINITY && best.threshold == 0.6 && best.n_taken == 3);
}

/* Where scores are the true chances, the best threshold is where a mail pays: p 2.5 = (1 - p) 1.5,
 * p = 0.375. On 20,000 rows the curve is flat around there: within 0.05. */
static void the_best_threshold_of_true_chances_is_where_it_pays(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    static double      p[ROWS];
    static uint8_t     label[ROWS];
    const clade_stakes stakes = { 2.5, -1.5, 0, 0 };
    clade_profit       best;
    clade_rng          rng = clade_rng_stream(1, "test/profit", 0);
    for (size_t i = 0; i < ROWS; i++) {
        p[i]     = clade_rng_uniform(&rng);
        label[i] = clade_rng_uniform(&rng) < p[i];
    }
    check_ok(clade_profit_curve(NULL, NULL, &best, p, label, ROWS, &stakes, NULL));
    check_close(best.threshold, 0.375, 0.05);
    double        total = 0; /* and its profit is what taking those rows brings */
    const double *s     = p;
    for (size_t i = 0; i < ROWS; i++)
        total += s[i] >= best.threshold ? (label[i] ? 2.5 : -1.5) : 0;
    check_close(best.profit, total / ROWS, 1e-12);
}

/* Five rows in two bins: 2.5 rows each. Falling scores 9, 7 7, 3, 1 with values 4, (1 + 2), 8, 0:
 * the first bin holds 4 and 1.5 of the tied two rows, 2.25 of their 3. */
static void gains_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double   score[5] = { 3, 7, 9, 7, 1 }, value[5] = { 8, 1, 4, 2, 0 };
    clade_gain_bin bin[2];
    double         top = NAN;
    check_ok(clade_gain_table(bin, score, value, 5, 2, NULL));
    check_close(bin[0].gain, 6.25 / 15, 1e-15);
    check_close(bin[0].mean, 6.25 / 2.5, 1e-15);
    check_close(bin[0].lift, 6.25 / 2.5 / 3, 1e-15);
    check_close(bin[1].lift, 8.75 / 2.5 / 3, 1e-15);
    check_close(bin[1].gain, 1, 1e-15);
    check_close(bin[1].cumulative_lift, 1, 1e-15);
    check_ok(clade_top_capture(&top, score, value, 5, 0.5, NULL));
    check_close(top, 6.25 / 15, 1e-15);
    check_ok(clade_top_capture(&top, score, value, 5, 0.1, NULL));
    check_close(top, 0.5 * 4 / 15, 1e-15);
}

static void gains_do_not_depend_on_the_order_of_rows_and_tell_nothing_of_a_constant(void **state)
{
    (void)state;
    formula_sample s, turned;
    clade_gain_bin bin[10], other[10];
    make_formula_sample(&s);
    for (int i = 0; i < FORMULA_ROWS; i++) {
        turned.a[i] = s.a[FORMULA_ROWS - 1 - i];
        turned.v[i] = s.v[FORMULA_ROWS - 1 - i];
    }
    check_ok(clade_gain_table(bin, s.a, s.v, FORMULA_ROWS, 10, NULL));
    check_ok(clade_gain_table(other, turned.a, turned.v, FORMULA_ROWS, 10, NULL));
    for (int b = 0; b < 10; b++)
        check_close(bin[b].gain, other[b].gain, 1e-14);
    assert_true(bin[0].lift > 1.5);
    memset(turned.a, 0, sizeof turned.a);
    check_ok(clade_gain_table(bin, turned.a, s.v, FORMULA_ROWS, 10, NULL));
    for (int b = 0; b < 10; b++) {
        check_close(bin[b].lift, 1, 1e-14);
        check_close(bin[b].gain, (b + 1) / 10.0, 1e-14);
    }
}

/* Bins of two by rising prediction: told 1 + 2 against 0 + 4, 3 + 5 against 6 + 1; values 11. */
static void amounts_are_calibrated_by_bins(void **state)
{
    (void)state;
    const double          told[4] = { 5, 1, 3, 2 }, came[4] = { 1, 0, 6, 4 };
    clade_calibration_bin bin[2];
    double                error = NAN;
    check_ok(clade_value_calibration(&error, bin, told, came, 4, 2, NULL));
    check_close(error, (1.0 + 1.0) / 11.0, 1e-15);
    check_close(bin[0].predicted, 1.5, 0);
    check_close(bin[1].observed, 3.5, 0);
    assert_int_equal(bin[1].n, 2);
}

static void a_confusion_counts_actual_by_predicted(void **state)
{
    (void)state;
    const uint32_t told[5] = { 0, 2, 2, 1, 2 }, came[5] = { 0, 2, 1, 1, 1 };
    const size_t   wanted[9] = { 1, 0, 0, 0, 1, 2, 0, 0, 1 };
    size_t         count[9];
    clade_error    err = { 0 };
    check_ok(clade_confusion(count, told, came, 5, 3, NULL));
    assert_memory_equal(count, wanted, sizeof count);
    assert_int_equal(clade_confusion(count, told, came, 5, 2, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "row 1"));
}

static void bad_input_is_named_and_writes_nothing(void **state)
{
    (void)state;
    const double       score[2] = { 1, NAN }, good[2] = { 1, 2 }, far[2] = { 1, INFINITY };
    const uint8_t      label[2] = { 0, 2 };
    const clade_stakes stakes   = { 1, 0, 0, NAN };
    clade_gain_bin     bin      = { .gain = 7 };
    double             out      = 7;
    clade_error        err      = { 0 };
    assert_int_equal(clade_average_precision(&out, good, label, 2, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "label[1] is 2"));
    assert_int_equal(clade_gain_table(&bin, score, good, 2, 1, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "score[1]"));
    assert_int_equal(clade_gain_table(&bin, good, far, 2, 1, &err), CLADE_ERR_DATA);
    assert_int_equal(clade_gain_table(&bin, good, good, 2, 0, &err), CLADE_ERR_ARG);
    assert_int_equal(clade_top_capture(&out, good, good, 2, 0, &err), CLADE_ERR_ARG);
    assert_int_equal(clade_profit_curve(NULL, NULL, NULL, good, label, 2, &stakes, &err),
                     CLADE_ERR_ARG);
    assert_true(out == 7 && bin.gain == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_equal_those_of_scikit_learn),
        cmocka_unit_test(average_precision_takes_equal_scores_together),
        cmocka_unit_test(profit_matches_the_case_worked_by_hand),
        cmocka_unit_test(the_best_threshold_of_true_chances_is_where_it_pays),
        cmocka_unit_test(gains_match_the_case_worked_by_hand),
        cmocka_unit_test(gains_do_not_depend_on_the_order_of_rows_and_tell_nothing_of_a_constant),
        cmocka_unit_test(amounts_are_calibrated_by_bins),
        cmocka_unit_test(a_confusion_counts_actual_by_predicted),
        cmocka_unit_test(bad_input_is_named_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
