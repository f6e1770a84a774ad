/* Zero-inflated lognormal regression: its gradient, a law that it was drawn from, and amounts that
 * leave a line with nothing to learn. */
#include "check.h"
#include "clade/run.h"
#include "models/value/ziln.h"

#include <math.h>
#include <stdlib.h>

enum { N = 4000, P = 3 };

static float  x[N * P];
static double y[N];

/* a = 0.4 + 0.9 z0, mu = 3.2 + 0.7 z0 - 0.5 z1, log s = -0.3 + 0.25 z1 in signed logs z that are
 * normal; the third column says nothing and is absent in every fourth row. */
static void draw(uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/ziln", 0);
    for (size_t i = 0; i < N; i++) {
        const double z[2] = { clade_rng_normal(&rng), clade_rng_normal(&rng) };
        for (size_t j = 0; j < 2; j++)
            x[i * P + j] = (float)copysign(expm1(fabs(z[j])), z[j]);
        x[i * P + 2]            = i % 4 == 0 ? NAN : (float)clade_rng_uniform(&rng);
        const double buy        = 1 / (1 + exp(-(0.4 + 0.9 * z[0])));
        const double s          = exp(-0.3 + 0.25 * z[1]);
        const double log_amount = 3.2 + 0.7 * z[0] - 0.5 * z[1] + s * clade_rng_normal(&rng);
        y[i]                    = clade_rng_uniform(&rng) < buy ? exp(log_amount) : 0;
    }
}

static void the_gradient_is_that_of_central_differences(void **state)
{
    (void)state;
    enum { ROWS = 40, D = 3 * (P + 1) };
    float     z[ROWS * P];
    double    theta[D], gradient[D];
    clade_rng rng = clade_rng_stream(4, "test/ziln", 1);
    draw(3);
    for (size_t i = 0; i < ROWS * P; i++)
        z[i] = (float)clade_rng_normal(&rng);
    for (size_t i = 0; i < D; i++)
        theta[i] = 0.31 * clade_rng_normal(&rng);
    theta[2 * (P + 1) - 1]      = 2.7;
    const clade__ziln_rows rows = { ROWS, P, z, y, { 0.37, 2.1, -0.6 }, 0.083 };
    (void)clade__ziln_loss(gradient, theta, &rows);
    for (size_t i = 0; i < D; i++) {
        const double at = theta[i], step = 1e-5;
        theta[i]          = at + step;
        const double up   = clade__ziln_loss(NULL, theta, &rows);
        theta[i]          = at - step;
        const double down = clade__ziln_loss(NULL, theta, &rows);
        theta[i]          = at;
        check_close(gradient[i], (up - down) / (2 * step), 1e-7 * fmax(1, fabs(gradient[i])));
    }
}

static void the_law_that_amounts_were_drawn_from_is_found(void **state)
{
    (void)state;
    clade_ziln *m = NULL;
    draw(7);
    check_ok(clade_ziln_fit(&m, x, N, P, y, 1e-6, NULL, NULL));
    /* Coefficients are of columns in deviations; three of them hold, so the tails cost a little. */
    check_close(m->chance[0] / m->spread[0], 0.9, 0.12);
    check_close(m->chance[1] / m->spread[1], 0, 0.12);
    check_close(m->log_mean[0] / m->spread[0], 0.7, 0.05);
    check_close(m->log_mean[1] / m->spread[1], -0.5, 0.05);
    check_close(m->log_spread[1] / m->spread[1], 0.25, 0.05);
    check_close(m->log_mean[2], 0, 0.05);
    /* What is expected in all is what came, within what 4,000 lognormal amounts scatter. */
    double        expected = 0, came = 0;
    double *const answer = CLADE_NEW(double, N);
    clade_ziln_predict(answer, m, x, N);
    for (size_t i = 0; i < N; i++) {
        expected += exp(answer[i]);
        came += y[i];
    }
    check_close(expected / came, 1, 0.06);
    free(answer);
    free(m);
}

/* E y = .25 e^(mu + s^2 / 2) at the average row; one column adds to the log what its three
 * coefficients say, times its deviation. */
static void the_answer_is_the_case_worked_by_hand(void **state)
{
    (void)state;
    clade_ziln *const m = clade_ziln_create(1);
    double            answer[3], terms[1];
    const float       row[3] = { NAN, (float)expm1(2.5), (float)expm1(60) };
    m->mean[0]               = 2;
    m->spread[0]             = 0.5;
    m->chance[1]             = log(0.25 / 0.75);
    m->log_mean[0]           = 0.3;
    m->log_mean[1]           = 4;
    m->log_spread[1]         = log(0.8);
    clade_ziln_predict(answer, m, row, 3);
    check_close(answer[0], log(0.25) + 4 + 0.32, 1e-12);
    check_close(answer[1], log(0.25) + 4.3 + 0.32, 1e-6); /* one deviation above */
    check_close(answer[2], log(0.25) + 4.9 + 0.32, 1e-6); /* three, however far */
    check_close(clade_ziln_terms(terms, m, row + 1), log(0.25) + 4.32, 1e-12);
    check_close(terms[0], 0.3, 1e-6);
    free(m);
}

static void there_is_an_answer_where_nobody_or_one_alone_spent(void **state)
{
    (void)state;
    draw(9);
    for (int spent = 0; spent < 2; spent++) {
        clade_ziln *m = NULL;
        double      answer[4];
        for (size_t i = 0; i < N; i++)
            y[i] = spent == 1 && i == 17 ? 12.5 : 0;
        check_ok(clade_ziln_fit(&m, x, 300, P, y, 0.01, NULL, NULL));
        clade_ziln_predict(answer, m, x, 4);
        for (size_t i = 0; i < 4; i++)
            assert_true(isfinite(answer[i]) && answer[i] < log(2));
        free(m);
    }
}

static void an_amount_below_nothing_is_named(void **state)
{
    (void)state;
    clade_ziln *m   = NULL;
    clade_error err = { 0 };
    draw(2);
    y[5] = -0.5;
    assert_int_equal(clade_ziln_fit(&m, x, N, P, y, 0.01, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "amount 5 is -0.5"));
    assert_int_equal(clade_ziln_fit(&m, x, N, P, y, 0, NULL, &err), CLADE_ERR_ARG);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_is_that_of_central_differences),
        cmocka_unit_test(the_law_that_amounts_were_drawn_from_is_found),
        cmocka_unit_test(the_answer_is_the_case_worked_by_hand),
        cmocka_unit_test(there_is_an_answer_where_nobody_or_one_alone_spent),
        cmocka_unit_test(an_amount_below_nothing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
