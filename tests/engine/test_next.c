/* The next purchase: survival and BG/NBD against formulas, and dates of a shop whose rhythm is
 * known. */
#include "store_shop.h"

#include "clade/metrics.h"
#include "clade/predict.h"
#include "engine/predict/predict_internal.h"

#include <math.h>

enum { N = 400, DAYS = 240, HORIZON = 60 };

/* ---------------------------------------------------------------- parts */

/* Twelve gaps from 0 on, one of them not ended at 3.5. At 1.25 two of twelve end: 10/12; at 2.5 one
 * of ten: 10/12 * 9/10 = .75. Further steps have fewer than ten at risk and are not taken. */
static void survival_is_kaplan_and_meiers_product(void **state)
{
    (void)state;
    const double    until[12] = { 1.25, 1.25, 2.5, 3.5, 4, 4, 4, 4, 4, 4, 4, 4 };
    const double    from[12]  = { 0 };
    uint8_t         ended[12];
    clade__survival s;
    memset(ended, 1, sizeof ended);
    ended[3] = 0;
    check_ok(clade__survival_fit(&s, from, until, ended, 12, &err));
    assert_int_equal(s.n, 2);
    check_close(s.at[0], 1.25, 0);
    check_close(s.left[0], 10.0 / 12, 1e-12);
    check_close(s.at[1], 2.5, 0);
    check_close(s.left[1], 0.75, 1e-12);
}

/* Who enters late is not at risk before: two of ten at 1.5 as of [0, ...), then 18 are left of
 * which ten came in at 2. */
static void who_was_seen_late_says_nothing_of_before(void **state)
{
    (void)state;
    double          from[20], until[20];
    uint8_t         ended[20];
    clade__survival s;
    for (size_t i = 0; i < 20; i++) {
        from[i]  = i < 10 ? 0 : 2;
        until[i] = i < 2 ? 1.5 : i < 5 ? 3.25 : 9;
        ended[i] = i < 5;
    }
    check_ok(clade__survival_fit(&s, from, until, ended, 20, &err));
    assert_int_equal(s.n, 2);
    check_close(s.left[0], 0.8, 1e-12);
    check_close(s.left[1], 0.8 * 15 / 18, 1e-12);
}

/* Gaps of a constant rate have no memory: from wherever one waits, the quantile is -ln(1 - q). */
static void waiting_at_a_constant_rate_does_not_depend_on_the_time_waited(void **state)
{
    (void)state;
    enum { GAPS = 20000 };
    double *const from = CLADE_NEW(double, 2 * GAPS), *const until = from + GAPS;
    uint8_t *const  ended = CLADE_NEW(uint8_t, GAPS);
    clade_rng       rng   = clade_rng_stream(5, "test/next", 0);
    clade__survival s;
    for (size_t i = 0; i < GAPS; i++) {
        until[i] = clade_rng_exponential(&rng);
        ended[i] = until[i] < 4;
        until[i] = fmin(4, until[i]);
    }
    check_ok(clade__survival_fit(&s, from, until, ended, GAPS, &err));
    for (double since = 0; since < 1.6; since += 0.375) {
        check_close(clade__survival_wait(&s, since, 0.5), -log(0.5), 0.05);
        check_close(clade__survival_wait(&s, since, 0.1), -log(0.9), 0.02);
    }
    /* Of those left after 3, a tenth that is not seen to come: it is later than was watched. */
    assert_true(isinf(clade__survival_wait(&s, 3, 0.9)));
    free(from);
    free(ended);
}

static void set(float *row, const char *name, double value)
{
    row[clade__feature_column(name)] = (float)value;
}

/* The quantile put back into p (1 - ((alpha + T) / (alpha + T + t))^(r + x)), with p of value.h. */
static void quantiles_of_bg_nbd_turn_its_chance_around(void **state)
{
    (void)state;
    const double      param[4] = { 0.843, 4.414, 0.793, 2.426 };
    size_t            n_features;
    clade__next       next  = { .usual_gap_days = 30 };
    clade_predictor   p     = { .next = &next };
    clade_value_model model = { .kind = CLADE_VALUE_BG_NBD, .n_params = 4 };
    (void)clade_features_all(&n_features);
    float *const row = CLADE_NEW(float, n_features);
    memcpy(next.buying, param, sizeof param);
    memcpy(model.param, param, sizeof param);
    p.n_columns              = n_features;
    p.card.task.horizon_days = 30000;
    for (int x = 0; x < 6; x++) {
        const double                tenure = 210, recency = x == 0 ? 210 : 35;
        const double                xs = x, t_x = (tenure - recency) / 7, T = tenure / 7;
        const clade_value_customers one = { .n = 1, .x = &xs, .t_x = &t_x, .T = &T };
        double                      there, answer[3];
        for (size_t j = 0; j < n_features; j++)
            row[j] = NAN;
        set(row, "orders_life", x + 1);
        set(row, "days_since_order", recency);
        set(row, "days_since_first_order", tenure);
        check_ok(clade_value_alive(&there, &model, &one, &err));
        check_ok(clade__next_quantiles(answer, &p, CLADE__NEXT_BG_NBD, row, 1, &err));
        for (int q = 0; q < 3; q++) {
            const double level = q == 0 ? 0.1 : q == 1 ? 0.5 : 0.9, t = expm1(answer[q]) / 7;
            const double came =
                there * (1 - pow((param[1] + T) / (param[1] + T + t), param[0] + x));
            if (level < there && answer[q] < log1p(30000)) check_close(came, level, 1e-9);
            if (level >= there) check_close(answer[q], log1p(30000), 1e-12);
        }
    }
    free(row);
}

/* y of 7.5 days, of later, and of 2 days; the horizon is 60 and the answers are the same for all.
 * For (4, 10, 60):
 *   7.5: .1 * 3.5 + .5 * 2.5 + .1 * 52.5 = .35 + 1.25 + 5.25 = 6.85
 *   60:  .1 * 56 + .5 * 50 + 0           = 5.6 + 25         = 30.6
 *   2:   .9 * 2 + .5 * 8 + .1 * 58       = 1.8 + 4 + 5.8    = 11.6 */
static void pinball_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const double one[3] = { log1p(4), log1p(10), log1p(60) };
    const double y[3]   = { 7.5, INFINITY, 2 };
    double       answer[9];
    for (size_t i = 0; i < 9; i++)
        answer[i] = one[i % 3];
    check_close(clade__next_pinball(answer, y, 3, 60), (6.85 + 30.6 + 11.6) / 9, 1e-9);
}

static void a_date_is_said_and_later_is_not_made_up(void **state)
{
    (void)state;
    const clade_predict_task task = { .kind = CLADE_TASK_NEXT, .horizon_days = 60 };
    char                     date[40], words[64];
    assert_true(clade_prediction_date(date, &task, 19700 * DAY, 12.9));
    assert_string_equal(date, "2023-12-21T00:00:00Z");
    assert_false(clade_prediction_date(date, &task, 19700 * DAY, 60));
    assert_string_equal(date, "2024-02-07T00:00:00Z");
    clade_prediction_date_words(words, &task, 19700 * DAY, 60, false);
    assert_string_equal(words, "after 2024-02-07");
    clade_prediction_date_words(words, &task, 19700 * DAY, 60, true);
    assert_string_equal(words, "2024-02-07 之后");
}

/* ---------------------------------------------------------------- a shop */

static const clade_predict_task task = { .kind = CLADE_TASK_NEXT, .horizon_days = HORIZON };

static clade_predictions *open_shop(int day)
{
    clade_predictions          *p       = NULL;
    const clade_predict_options options = { .has_as_of = true, .as_of_us = day * DAY, .seed = 1 };
    if (clade_predictions_open(&p, store, &options, &err) != CLADE_OK) fail_msg("%s", err.message);
    return p;
}

static const clade_predict_metric *metric(const clade_predict_card *card, const char *name)
{
    for (size_t k = 0; k < card->n_metrics; k++)
        if (strcmp(card->metric[k].name, name) == 0) return &card->metric[k];
    fail_msg("no metric %s", name);
    return NULL;
}

/* Of those who did not stop, customer c buys on a day with chance 2 / 3 of 1 / (4 + c % 80). */
static void check_truth(const clade_prediction *answer, size_t n)
{
    double said[N], true_median[N], rank = 0;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(answer[i].low >= 0 && answer[i].low <= answer[i].value);
        assert_true(answer[i].value <= answer[i].high && answer[i].high <= HORIZON);
        if (answer[i].customer % 3 == 0) continue;
        said[k]          = answer[i].value;
        true_median[k++] = log(2) / (2.0 / 3 / (4 + (double)(answer[i].customer % 80)));
    }
    check_ok(clade_spearman(&rank, said, true_median, k, &err));
    if (!(rank > 0.75)) fail_msg("rank correlation with the true median %.3f", rank);
}

static void check_reasons(const clade_predictor *f, clade_predictions *p,
                          const clade_prediction *answer, size_t n)
{
    for (size_t i = 0; i < n; i += 37) {
        clade_predict_reasons r   = { 0 };
        double                sum = 0, points = 0;
        check_ok(clade_predictor_explain(&r, f, p, answer[i].customer, &err));
        for (size_t k = 0; k < r.n; k++) {
            sum += r.reason[k].margin;
            points += r.reason[k].points;
        }
        check_close(r.average_margin + sum, r.margin, 1e-9);
        check_close(r.average + points, answer[i].value, 1e-6);
        assert_true(r.answer.low == answer[i].low && r.answer.high == answer[i].high);
        clade_predict_reasons_free(&r);
    }
}

static void check_bundle(clade_predictor *f, clade_predictions *p, const clade_prediction *answer,
                         size_t n)
{
    clade_predictor  *back   = NULL;
    clade_prediction *again  = NULL;
    size_t            n_back = 0;
    check_ok(clade_predictor_save(store, f, 7, &err));
    if (clade_predictor_open(&back, store, "next-60d", &err) != CLADE_OK)
        fail_msg("%s", err.message);
    check_ok(clade_predictor_score(&again, &n_back, back, p, &err));
    assert_int_equal(n, n_back);
    for (size_t i = 0; i < n; i++)
        assert_true(answer[i].value == again[i].value && answer[i].low == again[i].low &&
                    answer[i].high == again[i].high);
    free(again);
    clade_predictor_free(back);
}

/* All that needs the fit of one shop. */
static void dates_of_a_shop_hold_add_up_come_back_and_do_not_peek(void **state)
{
    (void)state;
    clade_predictor  *f = NULL, *blind = NULL;
    clade_prediction *answer = NULL, *after = NULL;
    size_t            n = 0, n_after = 0;
    make_shop(N, DAYS);
    clade_predictions *p = open_shop(DAYS - 10);
    if (clade_predictor_fit(&f, p, &task, &err) != CLADE_OK) fail_msg("%s", err.message);
    const clade_predict_card *const card = clade_predictor_card(f);
    assert_true(card->trusted);
    assert_true(metric(card, "skill")->of.low > 0.1);
    const double inside = metric(card, "coverage")->of.value;
    if (!(inside > 0.72 && inside < 0.96)) fail_msg("the interval held for %.3f", inside);
    check_ok(clade_predictor_score(&answer, &n, f, p, &err));
    check_truth(answer, n);
    check_reasons(f, p, answer, n);
    check_bundle(f, p, answer, n);
    clade_predictions_free(p);

    run("UPDATE event SET kind = 'view' WHERE at_us >= 230 * 86400000000");
    p = open_shop(DAYS - 10);
    check_ok(clade_predictor_fit(&blind, p, &task, &err));
    check_ok(clade_predictor_score(&after, &n_after, blind, p, &err));
    assert_int_equal(n, n_after);
    for (size_t i = 0; i < n; i++)
        assert_true(answer[i].value == after[i].value && answer[i].high == after[i].high);
    free(answer);
    free(after);
    clade_predictor_free(f);
    clade_predictor_free(blind);
    clade_predictions_free(p);
}

static void without_returns_there_is_no_date_and_that_is_said(void **state)
{
    (void)state;
    clade_predictor *f = NULL;
    run("INSERT INTO item SELECT 0, 'r', NULL, 'c', 'b', 100, NULL, NULL, 0, 1");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, value_minor, row_key,"
        " load) SELECT c, c, (c % 200) * 86400000000, 'purchase', 0, 1, 500, 1, 1 FROM range(300)"
        " t(c)");
    clade_predictions *p = open_shop(DAYS);
    assert_int_equal(clade_predictor_fit(&f, p, &task, &err), CLADE_ERR_NOT_READY);
    assert_non_null(strstr(err.message, "bought again"));
    clade_predictions_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survival_is_kaplan_and_meiers_product),
        cmocka_unit_test(who_was_seen_late_says_nothing_of_before),
        cmocka_unit_test(waiting_at_a_constant_rate_does_not_depend_on_the_time_waited),
        cmocka_unit_test(quantiles_of_bg_nbd_turn_its_chance_around),
        cmocka_unit_test(pinball_matches_the_case_worked_by_hand),
        cmocka_unit_test(a_date_is_said_and_later_is_not_made_up),
        cmocka_unit_test_setup_teardown(dates_of_a_shop_hold_add_up_come_back_and_do_not_peek,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(without_returns_there_is_no_date_and_that_is_said, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
