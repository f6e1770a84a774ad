/* Fits that always answer: degenerate shops, groups, covariates and their units, errors, files. */
#include "check.h"
#include "clade/value.h"

#include <stdlib.h>
#include <string.h>

enum { N = 2000, ROOM = 5000 };

static double x[N], t_x[N], T[N], spend[N], weight[N], z[2 * N], when[ROOM];

static const clade_value_kind buying[4] = { CLADE_VALUE_BG_NBD, CLADE_VALUE_MBG_NBD,
                                            CLADE_VALUE_PARETO_NBD, CLADE_VALUE_BG_BB };

static clade_value_customers shop_of(size_t n)
{
    return (clade_value_customers){ .n = n, .x = x, .t_x = t_x, .T = T, .spend = spend };
}

/* Days in weeks, as a shop has them: many equal rows. */
static clade_value_customers draw_shop(size_t n, uint64_t seed)
{
    const clade_value_model truth = { .kind     = CLADE_VALUE_BG_NBD,
                                      .n_params = 4,
                                      .param    = { .243, 4.414, .793, 2.426 } };
    for (size_t i = 0; i < n; i++) {
        clade_rng rng = clade_rng_stream(seed, "test/fit", i);
        T[i]          = 27 + (double)clade_rng_below(&rng, 84) / 7;
        x[i]          = (double)clade_value_draw(when, ROOM, &truth, NULL, T[i], &rng);
        t_x[i]        = x[i] == 0 ? 0 : ceil(when[(size_t)x[i] - 1] * 7) / 7;
        if (t_x[i] > T[i]) t_x[i] = T[i];
        spend[i] = 5 + clade_rng_gamma(&rng, 3) * 10;
    }
    return shop_of(n);
}

static void check_finite(const clade_value_model *m, const clade_value_customers *c)
{
    double *out = malloc(c->n * 2 * sizeof *out);
    for (size_t i = 0; i < m->n_params; i++) {
        assert_true(isfinite(m->param[i]) && m->param[i] > 0);
        assert_true(isfinite(m->se[i]) && m->se[i] > 0);
    }
    assert_true(isfinite(m->log_likelihood) && m->note[0] != '\0');
    if (m->kind == CLADE_VALUE_GAMMA_GAMMA) {
        check_ok(clade_value_spend(out, m, c, NULL));
    } else {
        check_ok(clade_value_expected(out, m, c, 26, NULL));
        check_ok(clade_value_interval(out, out + c->n, CLADE_VALUE_WHAT_EXPECTED, m, NULL, c,
                                      (clade_value_horizon){ .t = 26 },
                                      (clade_value_draws){ .n = 50 }, NULL));
        for (size_t i = 0; i < c->n; i++)
            assert_true(isfinite(out[c->n + i]));
    }
    for (size_t i = 0; i < c->n; i++)
        assert_true(isfinite(out[i]) && out[i] >= 0);
    free(out);
}

/* ---- Summaries ------------------------------------------------------------------------------- */

static void purchases_of_a_day_are_one_and_the_first_is_no_repeat(void **state)
{
    (void)state;
    const int64_t       day[7]    = { 10, 10, 17, 31, 31, 31, 90 };
    const double        amount[7] = { 100, 200, 3, 4, 5, 6, 1000 };
    clade_value_summary c;
    check_ok(clade_value_summarise(&c, day, amount, 7, 52, 7, NULL));
    check_close(c.x, 2, 0);
    check_close(c.t_x, 3, 0);
    check_close(c.T, 6, 0);
    check_close(c.spend, (3 + 15) / 2.0, 0);
    check_ok(clade_value_summarise(&c, day, amount, 1, 52, 7, NULL));
    check_close(c.x, 0, 0);
    check_close(c.t_x, 0, 0);
    assert_true(isnan(c.spend));
}

static void summaries_refuse_what_is_no_history(void **state)
{
    (void)state;
    const int64_t       day[3] = { 10, 17, 16 };
    clade_value_summary c      = { .x = 7 };
    clade_error         err    = { 0 };
    assert_int_equal(clade_value_summarise(&c, day, NULL, 3, 52, 7, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "day 16"));
    assert_int_equal(clade_value_summarise(&c, day, NULL, 3, 9, 7, &err), CLADE_ERR_NOT_FOUND);
    assert_int_equal(clade_value_summarise(&c, day, NULL, 2, 52, 0, &err), CLADE_ERR_ARG);
    check_close(c.x, 7, 0);
}

/* ---- Degenerate shops ------------------------------------------------------------------------ */

static void a_shop_without_repeats_gets_a_finite_answer_that_says_so(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        clade_value_model m;
        for (size_t i = 0; i < 200; i++) {
            x[i] = t_x[i] = 0;
            T[i]          = (double)(10 + i % 13);
        }
        const clade_value_customers c = shop_of(200);
        check_ok(clade_value_fit(&m, buying[k], &c, NULL, NULL));
        check_finite(&m, &c);
        assert_int_equal(m.how, CLADE_VALUE_SHRUNK);
        assert_int_equal(m.kind, buying[k]);
        assert_non_null(strstr(m.note, "shrunk"));
        double       expected;
        const double t = 10;
        check_ok(clade_value_expected_new(&expected, &m, NULL, &t, 1, NULL));
        assert_true(expected < 0.2); /* 200 customers over 16 units, and none came back */
    }
}

static void one_customer_is_enough(void **state)
{
    (void)state;
    const double cases[4][3] = { { 0, 0, 0 }, { 0, 0, 17 }, { 3, 9, 17 }, { 12, 17, 17 } };
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            clade_value_model m;
            x[0]                          = cases[i][0];
            t_x[0]                        = cases[i][1];
            T[0]                          = cases[i][2];
            const clade_value_customers c = shop_of(1);
            check_ok(clade_value_fit(&m, buying[k], &c, NULL, NULL));
            check_finite(&m, &c);
        }
    }
    clade_value_model m;
    x[0]                          = 1;
    spend[0]                      = 19.9;
    const clade_value_customers c = shop_of(1);
    check_ok(clade_value_fit(&m, CLADE_VALUE_GAMMA_GAMMA, &c, NULL, NULL));
    check_finite(&m, &c);
    double mean;
    check_ok(clade_value_spend(&mean, &m, &c, NULL));
    assert_true(mean > 10 && mean < 40);
}

static void customers_that_are_all_alike_get_a_finite_answer(void **state)
{
    (void)state;
    for (size_t k = 0; k < 5; k++) {
        clade_value_model m;
        for (size_t i = 0; i < 300; i++) {
            x[i]     = 4;
            t_x[i]   = 12;
            T[i]     = 15;
            spend[i] = 24.5;
        }
        const clade_value_customers c    = shop_of(300);
        const clade_value_kind      kind = k < 4 ? buying[k] : CLADE_VALUE_GAMMA_GAMMA;
        check_ok(clade_value_fit(&m, kind, &c, NULL, NULL));
        check_finite(&m, &c);
        assert_int_equal(m.n_groups, 1);
        assert_true(m.how != CLADE_VALUE_LIKELIHOOD); /* no spread: a likelihood without a top */
        if (kind != CLADE_VALUE_GAMMA_GAMMA) continue;
        double mean[300];
        check_ok(clade_value_spend(mean, &m, &c, NULL));
        check_close(mean[0] / 24.5, 1, 0.02);
        assert_true(m.param[0] > 100 && m.param[0] < 1000); /* 414; nearly no spread, yet held */
    }
}

/* Nobody leaves, and rates differ: a leaving process has nothing to find. */
static void a_shop_that_nobody_leaves_says_what_stood_in_for_what(void **state)
{
    (void)state;
    clade_value_model m;
    for (size_t i = 0; i < N; i++) {
        clade_rng    rng  = clade_rng_stream(4, "test/stay", i);
        const double rate = clade_rng_gamma(&rng, 2) / 10;
        T[i]              = 60;
        x[i] = t_x[i] = 0;
        for (double t = clade_rng_exponential(&rng) / rate; t <= T[i];
             t += clade_rng_exponential(&rng) / rate) {
            x[i]++;
            t_x[i] = t;
        }
    }
    const clade_value_customers c = shop_of(N);
    check_ok(clade_value_fit(&m, CLADE_VALUE_PARETO_NBD, &c, NULL, NULL));
    check_finite(&m, &c);
    assert_true(m.how == CLADE_VALUE_SHRUNK || m.how == CLADE_VALUE_SIMPLER);
    assert_int_equal(m.asked, CLADE_VALUE_PARETO_NBD);
    double       expected;
    const double t = 30;
    check_ok(clade_value_expected_new(&expected, &m, NULL, &t, 1, NULL));
    check_close(expected / 6, 1, 0.05); /* 30 units at 0.2 */

    const clade_value_options same = { .ridge = 1, .same_kind = true };
    check_ok(clade_value_fit(&m, CLADE_VALUE_PARETO_NBD, &c, &same, NULL));
    assert_int_equal(m.kind, CLADE_VALUE_PARETO_NBD);
    assert_int_equal(m.how, CLADE_VALUE_SHRUNK);
    check_finite(&m, &c);
}

/* ---- Groups, weights, samples, priors -------------------------------------------------------- */

static void equal_rows_weights_and_order_do_not_change_a_fit(void **state)
{
    (void)state;
    static double             rx[N], rt[N], rT[N];
    const clade_value_options every = { .ridge = 1, .every_row = true };
    for (size_t k = 0; k < 3; k++) {
        clade_value_customers c = draw_shop(N, 2);
        clade_value_model     grouped, single, turned, weighted;
        check_ok(clade_value_fit(&grouped, buying[k], &c, NULL, NULL));
        check_ok(clade_value_fit(&single, buying[k], &c, &every, NULL));
        assert_true(grouped.n_groups < N / 2);
        assert_int_equal(single.n_groups, N);
        for (size_t i = 0; i < N; i++) {
            rx[i]     = x[N - 1 - i];
            rt[i]     = t_x[N - 1 - i];
            rT[i]     = T[N - 1 - i];
            weight[i] = 3;
        }
        const clade_value_customers r = { .n = N, .x = rx, .t_x = rt, .T = rT };
        check_ok(clade_value_fit(&turned, buying[k], &r, NULL, NULL));
        c.weight = weight;
        check_ok(clade_value_fit(&weighted, buying[k], &c, NULL, NULL));
        for (size_t i = 0; i < 4; i++) { /* where the climb stops, 1e-8 of a standard error apart */
            check_close(single.param[i], grouped.param[i], 1e-7);
            check_close(turned.param[i], grouped.param[i], 1e-7);
            check_close(weighted.param[i], grouped.param[i], 1e-7);
            check_close(weighted.se[i] / grouped.se[i], 1 / sqrt(3), 1e-6);
        }
        check_close(single.log_likelihood, grouped.log_likelihood, 1e-12);
        check_close(weighted.log_likelihood, 3 * grouped.log_likelihood, 1e-12);
    }
}

static void a_fit_that_started_from_a_sample_ends_at_the_same_top(void **state)
{
    (void)state;
    enum { MANY = 70000 };
    const clade_value_model truth  = { .kind     = CLADE_VALUE_BG_NBD,
                                       .n_params = 4,
                                       .param    = { .243, 4.414, .793, 2.426 } };
    double *const           column = malloc(3 * MANY * sizeof *column);
    double *const mx = column, *const mt = column + MANY, *const mT = column + 2 * MANY;
    for (size_t i = 0; i < MANY; i++) {
        clade_rng rng = clade_rng_stream(9, "test/many", i);
        mT[i]         = 20 + 20 * clade_rng_uniform(&rng); /* no two alike */
        mx[i]         = (double)clade_value_draw(when, ROOM, &truth, NULL, mT[i], &rng);
        mt[i]         = mx[i] == 0 ? 0 : when[(size_t)mx[i] - 1];
    }
    const clade_value_customers all  = { .n = MANY, .x = mx, .t_x = mt, .T = mT };
    clade_value_customers       part = all;
    clade_value_model           m, p;
    check_ok(clade_value_fit(&m, CLADE_VALUE_BG_NBD, &all, NULL, NULL));
    assert_int_equal(m.n_groups, MANY);
    assert_true(m.n_steps < 30); /* three climbs from far are 80 */
    for (size_t i = 0; i < 4; i++)
        check_close(log(m.param[i] / truth.param[i]) * m.param[i] / m.se[i], 0, 4);
    part.n = 50000; /* below what a sample is taken for: all three starts */
    check_ok(clade_value_fit(&p, CLADE_VALUE_BG_NBD, &part, NULL, NULL));
    for (size_t i = 0; i < 4; i++)
        check_close((p.param[i] - m.param[i]) / p.se[i], 0, 3);
    free(column);
}

static void a_prior_pulls_towards_typical_shops(void **state)
{
    (void)state;
    double away[3];
    for (size_t step = 0; step < 3; step++) {
        const clade_value_options   options = { .ridge = 1,
                                                .prior =
                                                  step == 0 ? 0 : pow(10, 3.0 * (double)step) };
        const clade_value_customers c       = draw_shop(800, 3);
        clade_value_model           m;
        check_ok(clade_value_fit(&m, CLADE_VALUE_BG_NBD, &c, &options, NULL));
        away[step] =
            fabs(log(m.param[0] / 0.5)) + fabs(log(m.param[2] / 0.8)) + fabs(log(m.param[3] / 2.5));
        assert_int_equal(m.how, step == 0 ? CLADE_VALUE_LIKELIHOOD : CLADE_VALUE_SHRUNK);
    }
    assert_true(away[0] > away[1] && away[1] > away[2] && away[2] < 1e-2);
}

/* ---- Covariates ------------------------------------------------------------------------------ */

static void covariates_have_the_units_they_came_in(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        clade_value_customers c = draw_shop(N, 6);
        clade_value_model     plain, one, moved;
        double                expected[2];
        check_ok(clade_value_fit(&plain, buying[k], &c, NULL, NULL));
        for (size_t i = 0; i < N; i++) {
            z[2 * i]     = log(1 + x[i]) + spend[i] / 40; /* tells something, and something else */
            z[2 * i + 1] = 7;                             /* tells nothing */
        }
        c.n_covariates = 2;
        c.covariate    = z;
        check_ok(clade_value_fit(&one, buying[k], &c, NULL, NULL));
        assert_true(one.log_likelihood > plain.log_likelihood + 10);
        assert_true(one.buy[0] > 0.1);
        check_close(one.buy[1], 0, 0);
        check_close(one.leave[1], 0, 0);
        check_ok(clade_value_expected(
            &expected[0], &one,
            &(clade_value_customers){
                .n = 1, .x = x, .t_x = t_x, .T = T, .n_covariates = 2, .covariate = z },
            12, NULL));
        for (size_t i = 0; i < N; i++)
            z[2 * i] = 100 * z[2 * i] - 30;
        check_ok(clade_value_fit(&moved, buying[k], &c, NULL, NULL));
        check_close(moved.buy[0] * 100, one.buy[0], 1e-6);
        check_close(moved.leave[0] * 100, one.leave[0], 1e-5);
        check_close(moved.log_likelihood, one.log_likelihood, 1e-12);
        check_ok(clade_value_expected(
            &expected[1], &moved,
            &(clade_value_customers){
                .n = 1, .x = x, .t_x = t_x, .T = T, .n_covariates = 2, .covariate = z },
            12, NULL));
        check_close(expected[1], expected[0], 1e-6);
    }
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static void check_refused(const clade_value_customers *c, clade_value_kind kind,
                          clade_status status, const char *words)
{
    clade_error       err = { 0 };
    clade_value_model m   = { .n_groups = 77 };
    assert_int_equal(clade_value_fit(&m, kind, c, NULL, &err), status);
    if (strstr(err.message, words) == NULL) print_error("%s\n", err.message);
    assert_non_null(strstr(err.message, words));
    assert_int_equal(m.n_groups, 77);
}

static void a_row_that_cannot_be_is_named(void **state)
{
    (void)state;
    const struct {
        double      x, t_x, T;
        const char *words;
    } cases[] = {
        { 1.5, 3, 9, "customer 3: x 1.5" },
        { -1, 0, 9, "customer 3: x -1" },
        { 2, 10, 9, "customer 3: t_x 10 and T 9" },
        { 2, 0, 9, "customer 3: x 2 with t_x 0" },
        { 0, 4, 9, "customer 3: x 0 with t_x 4" },
        { 1, (double)NAN, 9, "customer 3: t_x nan" },
        { 1, 4, (double)INFINITY, "customer 3: t_x 4 and T inf" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const clade_value_customers c = draw_shop(5, 1);
        x[3]                          = cases[i].x;
        t_x[3]                        = cases[i].t_x;
        T[3]                          = cases[i].T;
        check_refused(&c, CLADE_VALUE_BG_NBD, CLADE_ERR_DATA, cases[i].words);
    }
    clade_value_customers c = draw_shop(5, 1);
    for (size_t i = 0; i < 5; i++)
        x[i] = t_x[i] = 0;
    check_refused(&c, CLADE_VALUE_BG_BB, CLADE_ERR_DATA, "customer 0");
    check_refused(&c, CLADE_VALUE_GAMMA_GAMMA, CLADE_ERR_DATA, "none of 5 customers");
    c.n = 0;
    check_refused(&c, CLADE_VALUE_MBG_NBD, CLADE_ERR_ARG, "none of 0 customers");
    c              = draw_shop(5, 1);
    c.n_covariates = 1;
    c.covariate    = z;
    check_refused(&c, CLADE_VALUE_GAMMA_GAMMA, CLADE_ERR_ARG, "takes no covariates");
    z[4] = (double)NAN;
    check_refused(&c, CLADE_VALUE_PARETO_NBD, CLADE_ERR_DATA, "customer 4: covariate 0");
    z[4] = 0;
}

static void questions_that_a_model_cannot_answer_are_refused(void **state)
{
    (void)state;
    const clade_value_customers c = draw_shop(300, 1);
    clade_value_model           m, money;
    clade_error                 err = { 0 };
    double                      out[300];
    check_ok(clade_value_fit(&m, CLADE_VALUE_BG_NBD, &c, NULL, NULL));
    check_ok(clade_value_fit(&money, CLADE_VALUE_GAMMA_GAMMA, &c, NULL, NULL));
    assert_int_equal(clade_value_alive(out, &money, &c, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "tells spend"));
    assert_int_equal(clade_value_spend(out, &m, &c, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "bg_nbd"));
    assert_int_equal(clade_value_expected(out, &m, &c, -1, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "-1"));
    clade_value_customers with = c;
    with.n_covariates          = 1;
    with.covariate             = z;
    assert_int_equal(clade_value_alive(out, &m, &with, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "1 covariates, wanted the 0"));
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void a_model_is_read_back_as_it_was_written(void **state)
{
    (void)state;
    clade_value_customers c = draw_shop(N, 5);
    for (size_t i = 0; i < N; i++)
        z[i] = spend[i];
    for (int kind = 0; kind < 3; kind++) {
        c.n_covariates = kind == 0 ? 0 : 1;
        c.covariate    = z;
        clade_value_model m, back = { 0 };
        clade_buffer      text = { 0 };
        double            out[2][300];
        check_ok(clade_value_fit(&m, (clade_value_kind)kind, &c, NULL, NULL));
        check_ok(clade_value_save(&text, &m, NULL));
        check_ok(clade_value_load(&back, text.data, text.size, NULL));
        assert_int_equal(back.kind, m.kind);
        assert_int_equal(back.how, m.how);
        assert_string_equal(back.note, m.note);
        assert_int_equal(back.n_groups, m.n_groups);
        assert_memory_equal(back.param, m.param, sizeof m.param);
        assert_memory_equal(back.covariance, m.covariance, sizeof m.covariance);
        c.n = 300;
        check_ok(clade_value_expected(out[0], &m, &c, 9, NULL));
        check_ok(clade_value_expected(out[1], &back, &c, 9, NULL));
        assert_memory_equal(out[0], out[1], sizeof out[0]);
        c.n = N;
        clade_buffer_free(&text);
    }
}

static void a_damaged_file_says_what_is_wrong(void **state)
{
    (void)state;
    const clade_value_customers c = draw_shop(500, 5);
    clade_value_model           m, back = { .n_groups = 5 };
    clade_buffer                text = { 0 };
    clade_error                 err  = { 0 };
    check_ok(clade_value_fit(&m, CLADE_VALUE_BG_NBD, &c, NULL, NULL));
    check_ok(clade_value_save(&text, &m, NULL));
    const char *const keys[] = { "kind",       "how",          "param", "theta",
                                 "covariance", "n_covariates", "note" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char quoted[32];
        snprintf(quoted, sizeof quoted, "\"%s\":", keys[i]);
        char *const at = strstr(text.data, quoted);
        assert_non_null(at);
        at[1] = '_';
        assert_int_equal(clade_value_load(&back, text.data, text.size, &err), CLADE_ERR_DATA);
        assert_non_null(strstr(err.message, keys[i]));
        at[1] = keys[i][0];
    }
    for (size_t size = 0; size + 1 < text.size; size += 7)
        assert_int_equal(clade_value_load(&back, text.data, size, NULL), CLADE_ERR_DATA);
    assert_int_equal(back.n_groups, 5);
    clade_buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purchases_of_a_day_are_one_and_the_first_is_no_repeat),
        cmocka_unit_test(summaries_refuse_what_is_no_history),
        cmocka_unit_test(a_shop_without_repeats_gets_a_finite_answer_that_says_so),
        cmocka_unit_test(one_customer_is_enough),
        cmocka_unit_test(customers_that_are_all_alike_get_a_finite_answer),
        cmocka_unit_test(a_shop_that_nobody_leaves_says_what_stood_in_for_what),
        cmocka_unit_test(equal_rows_weights_and_order_do_not_change_a_fit),
        cmocka_unit_test(a_fit_that_started_from_a_sample_ends_at_the_same_top),
        cmocka_unit_test(a_prior_pulls_towards_typical_shops),
        cmocka_unit_test(covariates_have_the_units_they_came_in),
        cmocka_unit_test(a_row_that_cannot_be_is_named),
        cmocka_unit_test(questions_that_a_model_cannot_answer_are_refused),
        cmocka_unit_test(a_model_is_read_back_as_it_was_written),
        cmocka_unit_test(a_damaged_file_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
