/* Platt's bent line and isotonic regression: scikit-learn's values, laws, texts. */
#include "check.h"
#include "clade/calibrate.h"
#include "clade/run.h"
#include "formula_sample.h"

#include <stdlib.h>
#include <string.h>

static const double asked[10] = { -1, 0.01, 0.123, 0.33, 0.5, 0.61, 0.777, 0.9, 0.96, 2 };

/* See formula_sample.h; ir = IsotonicRegression(out_of_bounds='clip') fitted on (a, y), and on
 * (a, v, sample_weight=1+i%5), predicting the numbers above. */
static void isotonic_curves_equal_those_of_scikit_learn(void **state)
{
    (void)state;
    const double    plain[10]   = { 0,
                                    0.020909090909090908,
                                    0.090909090909090912,
                                    0.45454545454545453,
                                    0.5,
                                    0.60599999999999976,
                                    0.80000000000000004,
                                    0.94000000000000039,
                                    1,
                                    1 };
    const double    weighed[10] = { 0,
                                    0.64959868421052624,
                                    2.8243421052631574,
                                    12.328615384615384,
                                    12.328615384615384,
                                    12.467008647214849,
                                    16.941724137931029,
                                    25.317692307692308,
                                    25.317692307692308,
                                    25.317692307692308 };
    formula_sample  s;
    clade_isotonic *model = NULL;
    double          label[FORMULA_ROWS], weight[FORMULA_ROWS], out[10];
    make_formula_sample(&s);
    for (int i = 0; i < FORMULA_ROWS; i++) {
        label[i]  = s.y[i];
        weight[i] = 1 + i % 5;
    }
    check_ok(clade_isotonic_fit(&model, s.a, label, NULL, FORMULA_ROWS, NULL));
    clade_isotonic_apply(out, model, asked, 10);
    for (int i = 0; i < 10; i++)
        check_close(out[i], plain[i], 1e-14);
    clade_isotonic_free(model);
    check_ok(clade_isotonic_fit(&model, s.a, s.v, weight, FORMULA_ROWS, NULL));
    clade_isotonic_apply(out, model, asked, 10);
    for (int i = 0; i < 10; i++)
        check_close(out[i], weighed[i], 1e-13);
    clade_isotonic_free(model);
}

/* Of all rising steps: the block that ends at i holds max over starts of min over ends of the mean.
 */
static void isotonic_values_equal_the_max_min_formula(void **state)
{
    (void)state;
    enum { ROWS = 60 };
    double          x[ROWS], y[ROWS], out[ROWS];
    clade_isotonic *model = NULL;
    clade_rng       rng   = clade_rng_stream(1, "test/isotonic", 0);
    for (size_t i = 0; i < ROWS; i++) {
        x[i] = 2.385 * (double)i;
        y[i] = 0.05 * (double)i + clade_rng_normal(&rng);
    }
    check_ok(clade_isotonic_fit(&model, x, y, NULL, ROWS, NULL));
    clade_isotonic_apply(out, model, x, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        double most = -INFINITY;
        for (size_t from = 0; from <= i; from++) {
            double least = INFINITY, sum = 0;
            for (size_t to = from; to < ROWS; to++) {
                sum += y[to];
                if (to >= i) least = fmin(least, sum / (double)(to - from + 1));
            }
            most = fmax(most, least);
        }
        check_close(out[i], most, 1e-12);
    }
    const double odd[2] = { NAN, 1e300 };
    clade_isotonic_apply(out, model, odd, 2);
    assert_true(isnan(out[0]) && out[1] == model->value[model->n - 1]);
    clade_isotonic_free(model);
}

/* _sigmoid_calibration(a, y) of scikit-learn gave (-4.54750861151, 2.11081201701) by BFGS, which
 * stops at a gradient of 1e-5; its p is 1 / (1 + exp(A f + B)). */
static void platt_equals_scikit_learn_and_its_gradient_is_zero(void **state)
{
    (void)state;
    formula_sample s;
    clade_platt    model;
    double         p[FORMULA_ROWS], n1 = 0, slope = 0, level = 0;
    make_formula_sample(&s);
    check_ok(clade_platt_fit(&model, s.a, s.y, FORMULA_ROWS, NULL));
    check_close(model.slope, 4.54750861151, 1e-5);
    check_close(model.intercept, -2.11081201701, 1e-5);
    clade_platt_apply(p, &model, s.a, FORMULA_ROWS);
    for (int i = 0; i < FORMULA_ROWS; i++)
        n1 += s.y[i];
    for (int i = 0; i < FORMULA_ROWS; i++) {
        const double target = s.y[i] ? (n1 + 1) / (n1 + 2) : 1 / (FORMULA_ROWS - n1 + 2);
        slope += (p[i] - target) * s.a[i];
        level += p[i] - target;
    }
    check_close(slope, 0, 1e-7); /* the loss is flat to a double's rounding there */
    check_close(level, 0, 1e-7);
}

/* Scores in another unit, and classes that are parted wholly. */
static void platt_does_not_depend_on_the_unit_and_stays_finite(void **state)
{
    (void)state;
    formula_sample s;
    clade_platt    one, other;
    double         moved[FORMULA_ROWS];
    make_formula_sample(&s);
    for (int i = 0; i < FORMULA_ROWS; i++)
        moved[i] = 1e6 * s.a[i] + 1e7;
    check_ok(clade_platt_fit(&one, s.a, s.y, FORMULA_ROWS, NULL));
    check_ok(clade_platt_fit(&other, moved, s.y, FORMULA_ROWS, NULL));
    check_close(other.slope * 1e6, one.slope, 1e-6);
    check_close(other.intercept + 1e7 * other.slope, one.intercept, 1e-6);

    const double  score[4] = { 1, 2, 3, 4 };
    const uint8_t label[4] = { 0, 0, 1, 1 };
    double        p[4];
    check_ok(clade_platt_fit(&one, score, label, 4, NULL));
    clade_platt_apply(p, &one, score, 4);
    assert_true(isfinite(one.slope) && p[0] > 0.01 && p[0] < p[1] && p[3] < 0.99 && p[2] > 0.6);
}

static void calibrations_come_back_and_damaged_ones_are_refused(void **state)
{
    (void)state;
    formula_sample  s;
    clade_isotonic *model = NULL, *again = NULL;
    clade_platt     platt, platt_again;
    clade_buffer    text = { 0 };
    double          a[FORMULA_ROWS], b[FORMULA_ROWS];
    make_formula_sample(&s);
    check_ok(clade_isotonic_fit(&model, s.a, s.v, NULL, FORMULA_ROWS, NULL));
    check_ok(clade_isotonic_save(&text, model, NULL));
    check_ok(clade_isotonic_load(&again, text.data, text.size, NULL));
    clade_isotonic_apply(a, model, s.b, FORMULA_ROWS);
    clade_isotonic_apply(b, again, s.b, FORMULA_ROWS);
    assert_memory_equal(a, b, sizeof a);
    clade_isotonic_free(again);
    for (size_t n = 0; n < text.size; n++) {
        again = NULL;
        assert_int_equal(clade_isotonic_load(&again, text.data, n, NULL), CLADE_ERR_DATA);
        assert_null(again);
    }
    const char *const bad[] = {
        "{\"calibration\":\"isotonic\",\"score\":[1,1],\"value\":[0,1]}",
        "{\"calibration\":\"isotonic\",\"score\":[1,2],\"value\":[1,0]}",
        "{\"calibration\":\"isotonic\",\"score\":[],\"value\":[]}",
        "{\"calibration\":\"isotonic\",\"score\":[1],\"value\":[1,2]}",
        "{\"calibration\":\"platt\",\"score\":[1],\"value\":[1]}",
        "[]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(clade_isotonic_load(&again, bad[i], strlen(bad[i]), NULL), CLADE_ERR_DATA);
    }
    clade_buffer_clear(&text);
    check_ok(clade_platt_fit(&platt, s.a, s.y, FORMULA_ROWS, NULL));
    check_ok(clade_platt_save(&text, &platt, NULL));
    check_ok(clade_platt_load(&platt_again, text.data, text.size, NULL));
    assert_true(platt.slope == platt_again.slope && platt.intercept == platt_again.intercept);
    assert_int_equal(
        clade_platt_load(&platt_again, "{\"calibration\":\"platt\",\"slope\":1}", 33, NULL),
        CLADE_ERR_DATA);
    clade_isotonic_free(model);
    clade_buffer_free(&text);
}

static void what_cannot_be_calibrated_by_is_named(void **state)
{
    (void)state;
    const double    score[3] = { 1, 2, INFINITY }, same[3] = { 4, 4, 4 }, zero[3] = { 1, 0, 1 };
    const uint8_t   label[3] = { 0, 1, 1 }, ones[3] = { 1, 1, 1 };
    clade_platt     platt;
    clade_isotonic *model = NULL;
    clade_error     err   = { 0 };
    assert_int_equal(clade_platt_fit(&platt, score, label, 3, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "score[2]"));
    assert_int_equal(clade_platt_fit(&platt, same, label, 3, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "all scores are equal"));
    assert_int_equal(clade_platt_fit(&platt, zero, ones, 3, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "all labels are equal"));
    assert_int_equal(clade_isotonic_fit(&model, same, score, NULL, 3, &err), CLADE_ERR_DATA);
    assert_int_equal(clade_isotonic_fit(&model, same, same, zero, 3, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "weight[1]"));
    assert_int_equal(clade_isotonic_fit(&model, same, same, NULL, 0, &err), CLADE_ERR_ARG);
    assert_null(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isotonic_curves_equal_those_of_scikit_learn),
        cmocka_unit_test(isotonic_values_equal_the_max_min_formula),
        cmocka_unit_test(platt_equals_scikit_learn_and_its_gradient_is_zero),
        cmocka_unit_test(platt_does_not_depend_on_the_unit_and_stays_finite),
        cmocka_unit_test(calibrations_come_back_and_damaged_ones_are_refused),
        cmocka_unit_test(what_cannot_be_calibrated_by_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
