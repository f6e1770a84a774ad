/* The elastic net: a case by hand, the conditions of its optimum, scikit-learn's values. */
#include "check.h"
#include "clade/elastic_net.h"
#include "clade/run.h"
#include "formula_sample.h"

#include <stdlib.h>

/* Ten rows at +1 of which 8 are yes, ten at -1 with 3: the slope of the lasso's loss is 0 where
 * p+ + p- = 1.1 and (p+ - p-) = 0.5 - 2 lambda. Penalty 0.1: p+ = 0.7, p- = 0.4; nothing from
 * 0.25 on. */
static void one_column_gives_the_chances_worked_by_hand(void **state)
{
    (void)state;
    const double              lambda[2] = { 0.2501, 0.1 };
    clade_elastic_net_options o         = {
                .alpha = 1, .n_lambda = 2, .lambda = lambda, .tolerance = 1e-18
    };
    clade_elastic_net *m = NULL;
    float              x[20];
    uint8_t            y[20];
    double             logit[20];
    for (int i = 0; i < 20; i++) {
        x[i] = i < 10 ? 1.0f : -1.0f;
        y[i] = i < 10 ? i < 8 : i < 13;
    }
    check_ok(clade_elastic_net_fit(&m, x, 20, 1, y, &o, NULL));
    check_close(m->coefficient[0], 0.0, 0.0);
    clade_elastic_net_predict(logit, m, 1, x, 20);
    check_close(logit[0], log(0.7 / 0.3), 1e-8);
    check_close(logit[19], log(0.4 / 0.6), 1e-8);
    clade_elastic_net_free(m);
    o.lambda   = NULL;
    o.n_lambda = 3;
    check_ok(clade_elastic_net_fit(&m, x, 20, 1, y, &o, NULL));
    check_close(m->lambda[0], 0.25, 1e-12); /* the least that leaves nothing */
    check_close(m->lambda[2], 0.25e-3, 1e-12);
    clade_elastic_net_free(m);
}

/* LogisticRegression(penalty='elasticnet', solver='saga', l1_ratio=alpha, C=1/(60*lambda),
 * tol=1e-13, max_iter=1000000) of scikit-learn 1.2.1 on the standardised columns
 * a, b, ((i*i)%13)/13, a*b of formula_sample.h, all rounded to float first. */
static void coefficients_equal_those_of_scikit_learn(void **state)
{
    (void)state;
    static const double golden[3][7] = {
        { 0.1, 0.5, 0.24465209971633375, 0.41023620676210554, 0.599543178352193, 0.0,
          0.8014157454043661 },
        { 0.02, 0.5, 0.7029730086336815, 0.5879070379662608, 0.8584746119483421,
          0.16667372814131048, 1.8058380937559897 },
        { 0.05, 1.0, 0.611961444583057, 0.0, 0.0, 0.0, 2.4720576705026476 },
    };
    formula_sample s;
    float          x[FORMULA_ROWS * 4];
    make_formula_sample(&s);
    for (int i = 0; i < FORMULA_ROWS; i++) {
        x[4 * i]     = (float)s.a[i];
        x[4 * i + 1] = (float)s.b[i];
        x[4 * i + 2] = (float)(((i * i) % 13) / 13.0);
        x[4 * i + 3] = (float)(s.a[i] * s.b[i]);
    }
    for (int g = 0; g < 3; g++) {
        clade_elastic_net              *m = NULL;
        const clade_elastic_net_options o = {
            .alpha = golden[g][1], .n_lambda = 1, .lambda = &golden[g][0], .tolerance = 1e-20
        };
        check_ok(clade_elastic_net_fit(&m, x, FORMULA_ROWS, 4, s.y, &o, NULL));
        check_close(m->intercept[0], golden[g][2], 1e-8); /* saga stops a little early */
        for (int j = 0; j < 4; j++)
            check_close(m->coefficient[j], golden[g][3 + j], 1e-8);
        clade_elastic_net_free(m);
    }
}

enum { ROWS = 300, COLUMNS = 12 };

/* Column 5 follows column 2, column 7 is constant, some values are absent. */
static void make_rows(float *x, uint8_t *y)
{
    clade_rng rng = clade_rng_stream(3, "test/net", 0);
    for (int i = 0; i < ROWS; i++) {
        float *row = x + i * COLUMNS;
        for (int j = 0; j < COLUMNS; j++)
            row[j] = (float)(2.385 * clade_rng_normal(&rng) + j);
        row[5] = row[2] + 0.1f * row[5];
        row[7] = 4.25f;
        y[i]   = 0.4 * row[2] - 0.3 * row[9] + clade_rng_normal(&rng) > -1.0;
        if (i % 17 == 0) row[3] = NAN;
    }
}

/* At the optimum the slope of the loss in column j is lambda ((1 - alpha) b_j + alpha sign(b_j)),
 * and within lambda alpha where b_j is 0. */
static void every_fit_of_the_path_meets_the_conditions_of_its_optimum(void **state)
{
    (void)state;
    static float                    x[ROWS * COLUMNS];
    static uint8_t                  y[ROWS];
    static double                   logit[ROWS];
    clade_elastic_net              *m      = NULL;
    const clade_elastic_net_options o      = { .alpha = 0.7, .n_lambda = 25, .tolerance = 1e-20 };
    size_t                          n_zero = 0;
    make_rows(x, y);
    check_ok(clade_elastic_net_fit(&m, x, ROWS, COLUMNS, y, &o, NULL));
    for (size_t l = 0; l < m->n_lambda; l++) {
        const double *b     = m->coefficient + l * COLUMNS;
        double        level = 0.0;
        clade_elastic_net_predict(logit, m, l, x, ROWS);
        for (int i = 0; i < ROWS; i++)
            level += y[i] - 1 / (1 + exp(-logit[i]));
        check_close(level / ROWS, 0.0, 1e-8);
        for (int j = 0; j < COLUMNS; j++) {
            double slope = 0.0;
            for (int i = 0; i < ROWS && m->scale[j] > 0; i++) {
                const float value = x[i * COLUMNS + j];
                if (isnan(value)) continue;
                slope += (value - m->mean[j]) / m->scale[j] * (y[i] - 1 / (1 + exp(-logit[i])));
            }
            slope /= ROWS;
            if (b[j] == 0.0) {
                n_zero++;
                assert_true(fabs(slope) <= m->lambda[l] * 0.7 + 1e-8);
            } else {
                check_close(slope, m->lambda[l] * (0.3 * b[j] + copysign(0.7, b[j])), 1e-8);
            }
        }
        check_close(b[7], 0.0, 0.0);
    }
    assert_true(n_zero > 100 && n_zero < 300); /* both kinds were seen */
    clade_elastic_net_free(m);
}

static void what_cannot_be_fitted_is_named(void **state)
{
    (void)state;
    clade_error                     err  = { 0 };
    clade_elastic_net              *m    = NULL;
    float                           x[4] = { 1.5f, 2.25f, -1.0f, 3.0f };
    const uint8_t                   y[4] = { 0, 1, 1, 0 }, same[4] = { 1, 1, 1, 1 };
    const clade_elastic_net_options steep = { .alpha = 1.5 };
    assert_int_equal(clade_elastic_net_fit(&m, x, 4, 1, same, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "all labels are 1"));
    assert_int_equal(clade_elastic_net_fit(&m, x, 4, 1, y, &steep, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "alpha is 1.5"));
    x[2] = INFINITY;
    assert_int_equal(clade_elastic_net_fit(&m, x, 2, 2, y, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "x[1, 0]"));
    for (int i = 0; i < 4; i++)
        x[i] = 2.385f;
    assert_int_equal(clade_elastic_net_fit(&m, x, 4, 1, y, NULL, &err), CLADE_ERR_DATA);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_column_gives_the_chances_worked_by_hand),
        cmocka_unit_test(coefficients_equal_those_of_scikit_learn),
        cmocka_unit_test(every_fit_of_the_path_meets_the_conditions_of_its_optimum),
        cmocka_unit_test(what_cannot_be_fitted_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
