/* What holds for every model: answers agree with customers drawn from it, with one another, and
 * with the closed forms where those exist; a fit finds the parameters that drew its customers. */
#include "check.h"
#include "clade/value.h"
#include "models/value/value_internal.h"

#include <stdlib.h>
#include <string.h>

enum { N = 16000, ROOM = 4000, N_BUYING = 4 };

static double x[N], t_x[N], T[N], spend[N], later[N], answer[N], other[N], when[ROOM];

static clade_value_model model_at(clade_value_kind kind, const double param[4])
{
    clade_value_model m = { .kind = kind, .n_params = kind == CLADE_VALUE_GAMMA_GAMMA ? 3 : 4 };
    memcpy(m.param, param, sizeof m.param);
    return m;
}

/* A few shops of each kind that buys: one like CDNOW, one with a, a + b or s at or below 1. */
static const double shops[N_BUYING][2][4] = {
    [CLADE_VALUE_BG_NBD]     = { { .243, 4.414, .793, 2.426 }, { 1.37, 8.3, .21, .55 } },
    [CLADE_VALUE_MBG_NBD]    = { { .525, 6.183, .891, 1.614 }, { 1.1, 5.3, .35, .45 } },
    [CLADE_VALUE_PARETO_NBD] = { { .553, 10.578, .606, 11.669 }, { 1.2, 7.1, 2.3, 31.7 } },
    [CLADE_VALUE_BG_BB]      = { { 1.204, .750, .657, 2.783 }, { .63, 1.7, .45, 1.3 } },
};

/* n customers of a model, watched for 10 to 40 units, and what each buys in the next t. */
static clade_value_customers draw_shop(const clade_value_model *m, size_t n, double t)
{
    for (size_t i = 0; i < n; i++) {
        clade_rng    rng  = clade_rng_stream(5, "test/shop", i);
        const double till = 10 + (double)(i % 31);
        const size_t k    = clade_value_draw(when, ROOM, m, NULL, till + t, &rng);
        assert_true(k <= ROOM);
        size_t seen = 0;
        while (seen < k && when[seen] <= till)
            seen++;
        x[i]     = (double)seen;
        t_x[i]   = seen == 0 ? 0 : when[seen - 1];
        T[i]     = till;
        later[i] = (double)(k - seen);
    }
    return (clade_value_customers){ .n = n, .x = x, .t_x = t_x, .T = T };
}

/* ---- Simulation ------------------------------------------------------------------------------ */

/* Actual against expected purchases of the customers that `chosen` says, within 4.5 standard
 * errors: one in 300,000 runs of a right formula would not be, and the seed is fixed. */
static void check_calibrated(size_t n, bool (*chosen)(size_t i))
{
    double sum = 0, square = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!chosen(i)) continue;
        const double miss = later[i] - answer[i];
        sum += miss;
        square += miss * miss;
        count++;
    }
    assert_true(count > 300);
    check_close(sum / sqrt(square), 0, 4.5);
}

static bool is_any(size_t i)
{
    return x[i] >= 0;
}
static bool is_silent(size_t i)
{
    return x[i] == 0;
}
static bool is_lapsed(size_t i)
{
    return x[i] > 1 && t_x[i] < 0.5 * T[i];
}
static bool is_active(size_t i)
{
    return x[i] > 3 && t_x[i] > 0.8 * T[i];
}

static void expected_purchases_are_what_drawn_customers_buy(void **state)
{
    (void)state;
    bool (*const groups[4])(size_t) = { is_any, is_silent, is_lapsed, is_active };
    for (int kind = 0; kind < N_BUYING; kind++) {
        for (size_t shop = 0; shop < 2; shop++) {
            const clade_value_model     m = model_at((clade_value_kind)kind, shops[kind][shop]);
            const clade_value_customers c = draw_shop(&m, N, 13);
            check_ok(clade_value_expected(answer, &m, &c, 13, NULL));
            for (size_t g = 0; g < 4; g++)
                check_calibrated(N, groups[g]);
        }
    }
}

/* Customers of BG/NBD and MBG/NBD who are there buy within 400 units, when they have bought more
 * than three times in 40: (45 / 445)^4 do not. The other two models leave in silence. */
static bool is_slow(size_t i)
{
    return x[i] > 3 && t_x[i] < 0.8 * T[i];
}

static void the_chance_of_being_there_is_the_share_that_buys_again(void **state)
{
    (void)state;
    for (int kind = CLADE_VALUE_BG_NBD; kind <= CLADE_VALUE_MBG_NBD; kind++) {
        const clade_value_model     m = model_at((clade_value_kind)kind, shops[kind][0]);
        const clade_value_customers c = draw_shop(&m, N, 400);
        check_ok(clade_value_alive(answer, &m, &c, NULL));
        for (size_t i = 0; i < c.n; i++)
            later[i] = later[i] > 0 ? 1 : 0;
        check_calibrated(c.n, is_active);
        check_calibrated(c.n, is_slow);
    }
}

static void chances_of_counts_are_those_of_drawn_customers(void **state)
{
    (void)state;
    enum { COUNTS = 12 };
    double chance[COUNTS];
    for (int kind = 0; kind < N_BUYING; kind++) {
        const clade_value_model m         = model_at((clade_value_kind)kind, shops[kind][0]);
        size_t                  n[COUNTS] = { 0 };
        check_ok(clade_value_chance(chance, COUNTS, &m, NULL, 17, NULL));
        for (size_t i = 0; i < N; i++) {
            clade_rng    rng = clade_rng_stream(6, "test/counts", i);
            const size_t k   = clade_value_draw(when, ROOM, &m, NULL, 17, &rng);
            if (k < COUNTS) n[k]++;
        }
        for (size_t k = 0; k < COUNTS; k++) {
            const double error = sqrt(chance[k] * (1 - chance[k]) / N);
            check_close(((double)n[k] / N - chance[k]) / error, 0, 4.5);
        }
    }
}

static void chances_sum_to_one_and_their_mean_is_the_expectation(void **state)
{
    (void)state;
    enum { COUNTS = 1500 };
    double       chance[COUNTS], mean;
    const double t = 9; /* whole, for BG/BB */
    for (int kind = 0; kind < N_BUYING; kind++) {
        for (size_t shop = 0; shop < 2; shop++) {
            const clade_value_model m   = model_at((clade_value_kind)kind, shops[kind][shop]);
            double                  sum = 0, first = 0;
            check_ok(clade_value_chance(chance, COUNTS, &m, NULL, t, NULL));
            check_ok(clade_value_expected_new(&mean, &m, NULL, &t, 1, NULL));
            for (size_t k = 0; k < COUNTS; k++) {
                sum += chance[k];
                first += (double)k * chance[k];
            }
            check_close(sum, 1, 1e-11);
            check_close(first, mean, 1e-10);
        }
    }
}

/* ---- Fits ------------------------------------------------------------------------------------ */

static void check_recovered(const clade_value_model *m, const double param[4])
{
    assert_int_equal(m->how, CLADE_VALUE_LIKELIHOOD);
    for (size_t i = 0; i < m->n_params; i++) { /* on the log scale, where it is nearly normal */
        const double error = m->se[i] / m->param[i];
        check_close(log(m->param[i] / param[i]) / error, 0, 4);
        assert_true(error < 0.5);
    }
}

static void a_fit_finds_the_parameters_that_drew_its_customers(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_BUYING; kind++) {
        for (size_t shop = 0; shop < 2; shop++) {
            const clade_value_model     truth = model_at((clade_value_kind)kind, shops[kind][shop]);
            const clade_value_customers c     = draw_shop(&truth, 6000, 0);
            clade_value_model           m;
            check_ok(clade_value_fit(&m, (clade_value_kind)kind, &c, NULL, NULL));
            check_recovered(&m, truth.param);
        }
    }
}

static void spend_is_found_and_expected_as_drawn(void **state)
{
    (void)state;
    const double            param[4] = { 6.25, 3.74, 15.44, 0 };
    const clade_value_model truth    = model_at(CLADE_VALUE_GAMMA_GAMMA, param);
    clade_value_model       m;
    for (size_t i = 0; i < N; i++) {
        clade_rng    rng = clade_rng_stream(7, "test/spend", i);
        const double nu  = clade_rng_gamma(&rng, param[1]) / param[2];
        x[i]             = (double)(i % 5);
        spend[i] = x[i] == 0 ? (double)NAN : clade_rng_gamma(&rng, param[0] * x[i]) / nu / x[i];
        later[i] = clade_rng_gamma(&rng, param[0]) / nu;
    }
    const clade_value_customers c = { .n = N, .x = x, .spend = spend };
    check_ok(clade_value_spend(answer, &truth, &c, NULL));
    for (size_t i = 0; i < N; i++)
        t_x[i] = T[i] = 1;
    check_calibrated(N, is_any);
    check_calibrated(N, is_silent);
    check_ok(clade_value_fit(&m, CLADE_VALUE_GAMMA_GAMMA, &c, NULL, NULL));
    check_recovered(&m, param);
    assert_non_null(strstr(m.note, "3200 rows"));
}

/* z acts on buying by +0.6 and on leaving by -0.4 a unit. */
static void covariates_are_found_as_drawn(void **state)
{
    (void)state;
    static double    z[N];
    static const int kinds[3] = { CLADE_VALUE_BG_NBD, CLADE_VALUE_MBG_NBD, CLADE_VALUE_PARETO_NBD };
    const size_t     n        = N / 2;
    for (size_t k = 0; k < 3; k++) {
        clade_value_model truth = model_at((clade_value_kind)kinds[k], shops[kinds[k]][0]), m;
        truth.n_covariates      = 1;
        truth.buy[0]            = 0.6;
        truth.leave[0]          = -0.4;
        for (size_t i = 0; i < n; i++) {
            clade_rng rng  = clade_rng_stream(8, "test/covariate", i);
            z[i]           = 2 + clade_rng_normal(&rng);
            const size_t s = clade_value_draw(when, ROOM, &truth, &z[i], 60, &rng);
            x[i]           = (double)s;
            t_x[i]         = s == 0 ? 0 : when[s - 1];
            T[i]           = 60;
        }
        const clade_value_customers c = {
            .n = n, .x = x, .t_x = t_x, .T = T, .n_covariates = 1, .covariate = z
        };
        check_ok(clade_value_fit(&m, truth.kind, &c, NULL, NULL));
        check_recovered(&m, truth.param);
        check_close((m.buy[0] - 0.6) / sqrt(m.covariance[4 * 6 + 4]), 0, 4);
        check_close((m.leave[0] + 0.4) / sqrt(m.covariance[5 * 6 + 5]), 0, 4);
        assert_true(m.buy[0] > 0.5 && m.leave[0] < -0.2);
    }
}

/* ---- Laws of answers ------------------------------------------------------------------------- */

static void expectations_rise_and_chances_stay_between_0_and_1(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_BUYING; kind++) {
        const clade_value_model     m = model_at((clade_value_kind)kind, shops[kind][1]);
        const clade_value_customers c = draw_shop(&m, 700, 0);
        check_ok(clade_value_expected(other, &m, &c, 0, NULL));
        for (size_t i = 0; i < c.n; i++)
            check_close(other[i], 0, 0);
        for (double t = 0.5; t < 1e4; t *= 3) {
            check_ok(clade_value_expected(answer, &m, &c, t, NULL));
            for (size_t i = 0; i < c.n; i++)
                assert_true(answer[i] > other[i] && isfinite(answer[i]));
            memcpy(other, answer, c.n * sizeof *answer);
        }
        check_ok(clade_value_alive(answer, &m, &c, NULL));
        for (size_t i = 0; i < c.n; i++) {
            assert_true(answer[i] > 0 && answer[i] <= 1);
            if (kind != CLADE_VALUE_BG_NBD || x[i] > 0) assert_true(answer[i] < 1);
            T[i] += 5;
        }
        check_ok(
            clade_value_alive(other, &m, &c, NULL)); /* a longer silence is never a good sign */
        for (size_t i = 0; i < c.n; i++)
            assert_true(other[i] <= answer[i]);
    }
}

/* A new customer is one that was watched for no time at all. */
static void a_new_customer_is_one_who_was_watched_for_no_time(void **state)
{
    (void)state;
    const double                zero = 0;
    const clade_value_customers c    = { .n = 1, .x = &zero, .t_x = &zero, .T = &zero };
    const double                t    = 37;
    for (int kind = 0; kind < N_BUYING; kind++) {
        const clade_value_model m = model_at((clade_value_kind)kind, shops[kind][0]);
        double                  seen, fresh;
        check_ok(clade_value_expected(&seen, &m, &c, t, NULL));
        check_ok(clade_value_expected_new(&fresh, &m, NULL, &t, 1, NULL));
        check_close(seen, fresh, 1e-13);
    }
}

/* Fader, Hardie and Lee (2005), equations 9 and 10, by Gauss's series. */
static double closed_form(const double p[4], double cx, double cT, double t)
{
    const double r = p[0] + cx, w = p[1] + cT, a = p[2], b = p[3] + cx, c = a + b - 1;
    const double z   = t / (w + t);
    double       sum = 1, term = 1;
    for (double k = 0; k < 1e5 && fabs(term) > 1e-18 * fabs(sum); k++) {
        term *= (r + k) * (b + k) / ((c + k) * (k + 1)) * z;
        sum += term;
    }
    return c / (a - 1) * (1 - pow(w / (w + t), r) * sum);
}

static void bg_nbd_expects_what_the_closed_form_says(void **state)
{
    (void)state;
    const double p[4] = { .243, 4.414, .793, 2.426 }, near_one[4] = { .9, 6, 1, 2 };
    const double cases[4][3] = {
        { 0, 20, 0.3 }, { 3, 38.9, 39 }, { 17, 40, 500 }, { 230, 50, 100 }
    };
    for (size_t i = 0; i < 4; i++) {
        const double *const         c    = cases[i];
        const clade_value_model     m    = model_at(CLADE_VALUE_BG_NBD, p);
        const double                late = c[0] == 0 ? 0 : c[1];
        const clade_value_customers here = { .n = 1, .x = &c[0], .t_x = &late, .T = &c[1] };
        double                      chance, out;
        check_ok(clade_value_alive(&chance, &m, &here, NULL));
        check_ok(clade_value_expected(&out, &m, &here, c[2], NULL));
        check_close(out / chance / closed_form(p, c[0], c[1], c[2]), 1, 1e-10); /* it cancels */
    }
    /* at a = 1 the closed form is 0 / 0: between its neighbours */
    const clade_value_model m   = model_at(CLADE_VALUE_BG_NBD, near_one);
    const double            t   = 25;
    double                  out = NAN, up[4], down[4];
    memcpy(up, near_one, sizeof up);
    memcpy(down, near_one, sizeof down);
    up[2] += 1e-4;
    down[2] -= 1e-4;
    check_ok(clade_value_expected_new(&out, &m, NULL, &t, 1, NULL));
    check_close(out, 0.5 * (closed_form(up, 0, 0, t) + closed_form(down, 0, 0, t)), 1e-7);
}

/* Where the series is too long an integral takes over: nothing is seen at the seam. Horizons of
 * 1,000 times alpha and more; the seam of this model lies at about 2,400. */
static void long_horizons_meet_without_a_seam(void **state)
{
    (void)state;
    const clade_value_model m = model_at(CLADE_VALUE_BG_NBD, shops[CLADE_VALUE_BG_NBD][0]);
    double                  t[200], out[200];
    for (size_t i = 0; i < 200; i++)
        t[i] = 4.414 * (1500 + 10 * (double)i);
    check_ok(clade_value_expected_new(out, &m, NULL, t, 200, NULL));
    for (size_t i = 1; i < 200; i++)
        assert_true(out[i] > out[i - 1] && /* rising ever less, which a step would not */
                    (i == 1 || out[i] - out[i - 1] < out[i - 1] - out[i - 2]));
    const double far = 1e11;
    check_ok(clade_value_expected_new(out, &m, NULL, &far, 1, NULL));
    assert_true(isfinite(out[0]) && out[0] > 3);
}

/* ---- Worth and intervals --------------------------------------------------------------------- */

static void worth_is_purchases_times_spend_each_discounted(void **state)
{
    (void)state;
    const double            gift[4] = { 6.25, 3.74, 15.44, 0 };
    const clade_value_model money   = model_at(CLADE_VALUE_GAMMA_GAMMA, gift);
    enum { FEW = 40, STEPS = 1000 };
    double each[FEW], before[FEW], now[FEW], sum[FEW];
    for (int kind = 0; kind < N_BUYING; kind++) {
        const clade_value_model   m     = model_at((clade_value_kind)kind, shops[kind][0]);
        clade_value_customers     c     = draw_shop(&m, FEW, 0);
        const size_t              steps = kind == CLADE_VALUE_BG_BB ? 26 : STEPS;
        const double              rate = 0.013, t = 26;
        const clade_value_horizon plain = { .t = t }, discounted = { .t = t, .discount = rate };
        for (size_t i = 0; i < FEW; i++)
            spend[i] = 10 + (double)i;
        c.spend = spend;
        check_ok(clade_value_spend(each, &money, &c, NULL));
        check_ok(clade_value_expected(now, &m, &c, t, NULL));
        check_ok(clade_value_worth(answer, &m, &money, &c, plain, NULL));
        for (size_t i = 0; i < FEW; i++)
            check_close(answer[i], each[i] * now[i], 1e-14);

        memset(before, 0, sizeof before);
        memset(sum, 0, sizeof sum);
        for (size_t s = 1; s <= steps; s++) {
            const double end = t * (double)s / (double)steps;
            const double at  = kind == CLADE_VALUE_BG_BB ? end : end - 0.5 * t / (double)steps;
            check_ok(clade_value_expected(now, &m, &c, end, NULL));
            for (size_t i = 0; i < FEW; i++)
                sum[i] += (now[i] - before[i]) * exp(-rate * at);
            memcpy(before, now, sizeof now);
        }
        check_ok(clade_value_worth(answer, &m, &money, &c, discounted, NULL));
        for (size_t i = 0; i < FEW; i++)
            check_close(answer[i], each[i] * sum[i], 2e-7); /* midpoints of 1,000 steps */
    }
}

static void intervals_hold_the_answer_and_narrow_with_the_root_of_customers(void **state)
{
    (void)state;
    enum { FEW = 20 };
    static double           low[FEW], high[FEW], weight[N];
    double                  width[2] = { 0 };
    const clade_value_model truth =
        model_at(CLADE_VALUE_PARETO_NBD, shops[CLADE_VALUE_PARETO_NBD][0]);
    const clade_value_horizon horizon = { .t = 26 };
    for (int many = 0; many < 2; many++) {
        clade_value_customers c = draw_shop(&truth, 3000, 0);
        clade_value_model     m;
        for (size_t i = 0; i < c.n; i++)
            weight[i] = many == 0 ? 1 : 100;
        c.weight = weight;
        check_ok(clade_value_fit(&m, CLADE_VALUE_PARETO_NBD, &c, NULL, NULL));
        c.n                           = FEW;
        const clade_value_draws draws = { .n = 300, .level = 0.9, .seed = 3 };
        check_ok(clade_value_interval(low, high, CLADE_VALUE_WHAT_EXPECTED, &m, NULL, &c, horizon,
                                      draws, NULL));
        check_ok(clade_value_expected(answer, &m, &c, horizon.t, NULL));
        for (size_t i = 0; i < FEW; i++) {
            assert_true(low[i] < answer[i] && answer[i] < high[i]);
            width[many] += (high[i] - low[i]) / answer[i];
        }
        check_ok(clade_value_interval(answer, other, CLADE_VALUE_WHAT_EXPECTED, &m, NULL, &c,
                                      horizon, draws, NULL));
        assert_memory_equal(answer, low, sizeof low); /* the same seed, the same bounds */
        assert_memory_equal(other, high, sizeof high);
    }
    check_close(width[0] / width[1], 10, 0.15); /* the same draws, ten times as far out, where
                                                     answers bend a little */
}

/* The interval of E[X(t)] against the delta method, which is right for many customers. */
static void intervals_are_as_wide_as_the_delta_method_says(void **state)
{
    (void)state;
    const clade_value_model     truth = model_at(CLADE_VALUE_BG_NBD, shops[CLADE_VALUE_BG_NBD][0]);
    const clade_value_customers c     = draw_shop(&truth, N, 0);
    clade_value_model           m, moved;
    const double                zero = 0, t = 30;
    const clade_value_customers fresh = { .n = 1, .x = &zero, .t_x = &zero, .T = &zero };
    double                      slope[4], variance = 0, low, high, up, down;
    check_ok(clade_value_fit(&m, CLADE_VALUE_BG_NBD, &c, NULL, NULL));
    for (size_t i = 0; i < 4; i++) {
        moved = m;
        moved.param[i] *= exp(1e-4);
        check_ok(clade_value_expected_new(&up, &moved, NULL, &t, 1, NULL));
        moved.param[i] *= exp(-2e-4);
        check_ok(clade_value_expected_new(&down, &moved, NULL, &t, 1, NULL));
        slope[i] = (up - down) / 2e-4;
    }
    for (size_t i = 0; i < 16; i++)
        variance += slope[i / 4] * m.covariance[i] * slope[i % 4];
    const clade_value_draws draws = { .n = 4000, .level = 0.95, .seed = 1 };
    check_ok(clade_value_interval(&low, &high, CLADE_VALUE_WHAT_EXPECTED, &m, NULL, &fresh,
                                  (clade_value_horizon){ .t = t }, draws, NULL));
    check_close((high - low) / (2 * 1.96 * sqrt(variance)), 1, 0.06); /* 4,000 draws: 2 % */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_purchases_are_what_drawn_customers_buy),
        cmocka_unit_test(the_chance_of_being_there_is_the_share_that_buys_again),
        cmocka_unit_test(chances_of_counts_are_those_of_drawn_customers),
        cmocka_unit_test(chances_sum_to_one_and_their_mean_is_the_expectation),
        cmocka_unit_test(a_fit_finds_the_parameters_that_drew_its_customers),
        cmocka_unit_test(spend_is_found_and_expected_as_drawn),
        cmocka_unit_test(covariates_are_found_as_drawn),
        cmocka_unit_test(expectations_rise_and_chances_stay_between_0_and_1),
        cmocka_unit_test(a_new_customer_is_one_who_was_watched_for_no_time),
        cmocka_unit_test(bg_nbd_expects_what_the_closed_form_says),
        cmocka_unit_test(long_horizons_meet_without_a_seam),
        cmocka_unit_test(worth_is_purchases_times_spend_each_discounted),
        cmocka_unit_test(intervals_hold_the_answer_and_narrow_with_the_root_of_customers),
        cmocka_unit_test(intervals_are_as_wide_as_the_delta_method_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
