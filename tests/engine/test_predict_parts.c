/* The parts of a prediction: labels by hand, calibration, the blend. */
#include "store_shop.h"

#include "clade/predict.h"
#include "engine/predict/predict_internal.h"

/* ---------------------------------------------------------------- labels by hand */

/* As of day 100, ten days ahead. Customer 1 buys on day 103 for 20.00 and gives it all back on 104;
 * 2 buys tea on 105 for 8.00 with a coupon; 3 buys on day 110, which is too late; 4 buys pots for
 * 30.00 at a discount on day 109; 5 does nothing. */
static void labels_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    static const struct {
        clade_predict_task task;
        double             wanted[5];
    } cases[] = {
        { { .kind = CLADE_TASK_PURCHASE, .horizon_days = 10 }, { 0, 1, 0, 1, 0 } },
        { { .kind = CLADE_TASK_SPEND, .horizon_days = 10 }, { 0, 8, 0, 30, 0 } },
        { { .kind = CLADE_TASK_CATEGORY, .horizon_days = 10, .of = "drink" }, { 0, 1, 0, 0, 0 } },
        { { .kind = CLADE_TASK_BRAND, .horizon_days = 10, .of = "Ming" }, { 0, 0, 0, 1, 0 } },
        { { .kind = CLADE_TASK_DISCOUNT, .horizon_days = 10 }, { 0, 1, 0, 1, 0 } },
        { { .kind = CLADE_TASK_REFUND, .horizon_days = 10 }, { 1, 0, 0, 0, 0 } },
        { { .kind = CLADE_TASK_LABEL, .horizon_days = 10, .of = "unhappy" }, { 1, 0, 0, 0, 0 } },
        { { .kind         = CLADE_TASK_LABEL,
            .horizon_days = 10,
            .of           = "busy",
            .expression   = "count(*) >= 2" },
          { 1, 0, 0, 0, 0 } },
        { { .kind = CLADE_TASK_CHURN, .horizon_days = 10 },
          { (double)INFINITY, 5, (double)INFINITY, 9, (double)INFINITY } },
    };
    const int64_t customer[5] = { 1, 2, 3, 4, 5 };
    double        label[5];
    run("INSERT INTO item VALUES (1, 'T', NULL, 'drink > tea', 'Oka', NULL, NULL, NULL, 0, 1),"
        " (3, 'P', NULL, 'ware', 'Ming', NULL, NULL, NULL, 0, 1)");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, value_minor,"
        " discount_minor, coupon, row_key, load) SELECT row_number() OVER (), customer, day *"
        " 86400000000, kind::event_kind, item, 1, value, discount, coupon, 1, 1 FROM (VALUES (1,"
        " 103, 'purchase', 1, 2000, NULL, NULL), (1, 104, 'refund', 1, -2000, NULL, NULL), (2, 105,"
        " 'purchase', 1, 800, NULL, 'TEA'), (3, 110, 'purchase', 1, 800, NULL, NULL), (4, 109,"
        " 'purchase', 3, 3000, 500, NULL)) t(customer, day, kind, item, value, discount, coupon)");
    run("INSERT INTO refund_match SELECT 2, 1, 1, 1, -2000, 104 * 86400000000");
    run("INSERT INTO label SELECT 1, NULL, 'unhappy', 1, 106 * 86400000000, 1");
    run("INSERT INTO label SELECT 2, NULL, 'unhappy', 1, 111 * 86400000000, 1");
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        check_ok(clade__task_labels(label, store, &cases[c].task, customer, 5, 100 * DAY, &err));
        for (size_t i = 0; i < 5; i++)
            if (label[i] != cases[c].wanted[i])
                fail_msg("case %zu: label of customer %zu is %g, wanted %g", c, i + 1, label[i],
                         cases[c].wanted[i]);
    }
}

static void a_label_that_the_store_cannot_read_is_named(void **state)
{
    (void)state;
    const int64_t            customer = 1;
    double                   label;
    const clade_predict_task task = {
        .kind = CLADE_TASK_LABEL, .horizon_days = 10, .of = "odd", .expression = "count(* FILTER"
    };
    assert_int_equal(clade__task_labels(&label, store, &task, &customer, 1, 100 * DAY, &err),
                     CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "'odd'"));
    assert_non_null(strstr(err.message, "count(* FILTER"));
}

/* ---------------------------------------------------------------- loss, calibration, blend */

static void calibration_finds_the_line_that_the_labels_were_drawn_from(void **state)
{
    (void)state;
    enum { M = 20000 };
    static double margin[M], y[M];
    clade_rng     rng = clade_rng_stream(5, "test/calibrate", 0);
    double        a, b;
    for (size_t i = 0; i < M; i++) {
        margin[i] = 2 * clade_rng_normal(&rng);
        y[i]      = clade_rng_uniform(&rng) < 1 / (1 + exp(1 - 0.5 * margin[i]));
    }
    clade__calibrate(&a, &b, margin, y, M, false);
    check_close(a, -1, 0.06); /* three standard errors of 20,000 draws */
    check_close(b, 0.5, 0.04);
}

static void calibrated_amounts_sum_to_what_was_spent(void **state)
{
    (void)state;
    enum { M = 5000 };
    static double margin[M], y[M];
    clade_rng     rng = clade_rng_stream(6, "test/calibrate", 0);
    double        a, b, predicted = 0, spent = 0;
    for (size_t i = 0; i < M; i++) {
        margin[i] = clade_rng_normal(&rng);
        y[i] = clade_rng_uniform(&rng) < 0.3 ? 50 * exp(margin[i] + clade_rng_normal(&rng)) : 0;
    }
    clade__calibrate(&a, &b, margin, y, M, true);
    for (size_t i = 0; i < M; i++) {
        predicted += exp(a + b * margin[i]);
        spent += y[i];
    }
    check_close(predicted / spent, 1, 0.01); /* but for the ridge of one customer */
}

static void a_blend_never_loses_more_than_its_best_model(void **state)
{
    (void)state;
    enum { M = 400 };
    static double first[M], second[M], blended[M], y[M];
    for (uint64_t seed = 0; seed < 20; seed++) {
        clade_rng     rng                           = clade_rng_stream(seed, "test/blend", 0);
        double        weight[CLADE_N_PREDICT_MODEL] = { 0 }, sum = 0;
        clade__scored s                = { .n = M, .n_folds = 1, .y = y, .end = { 0, M } };
        s.margin[CLADE_PREDICT_LINEAR] = first;
        s.margin[CLADE_PREDICT_TREES]  = second;
        for (size_t i = 0; i < M; i++) {
            const double truth = clade_rng_normal(&rng);
            first[i]           = truth + clade_rng_normal(&rng);
            second[i]          = truth + 2 * clade_rng_normal(&rng);
            y[i]               = clade_rng_uniform(&rng) < 1 / (1 + exp(-truth));
        }
        check_ok(clade__blend_choose(weight, &(double){ 0 }, &s, false, &err));
        for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
            sum += weight[m];
        check_close(sum, 1, 1e-12);
        for (size_t i = 0; i < M; i++)
            blended[i] =
                weight[CLADE_PREDICT_LINEAR] * first[i] + weight[CLADE_PREDICT_TREES] * second[i];
        const double loss = clade__mean_loss(blended, y, M, false);
        assert_true(loss <= clade__mean_loss(first, y, M, false) + 1e-12);
        assert_true(loss <= clade__mean_loss(second, y, M, false) + 1e-12);
    }
}

/* Two models that order alike, both off by as much in every season: a calibration makes good what
 * all seasons share, so being off must not decide. The one that orders worse loses. */
static void a_level_that_all_folds_share_does_not_decide(void **state)
{
    (void)state;
    enum { M = 3000 };
    static double off[M], level[M], y[M];
    clade_rng     rng                           = clade_rng_stream(4, "test/level", 0);
    double        weight[CLADE_N_PREDICT_MODEL] = { 0 };
    clade__scored s = { .n = M, .n_folds = 3, .y = y, .end = { 0, 1000, 2000, 3000 } };
    s.margin[CLADE_PREDICT_LINEAR] = off;
    s.margin[CLADE_PREDICT_VALUE]  = level;
    for (size_t i = 0; i < M; i++) {
        const double truth = 1.3 * clade_rng_normal(&rng);
        off[i]             = truth + 1.5;
        level[i]           = 0.4 * truth + 0.7 * clade_rng_normal(&rng);
        y[i]               = clade_rng_uniform(&rng) < 1 / (1 + exp(-truth));
    }
    assert_true(clade__mean_loss(off, y, M, false) > clade__mean_loss(level, y, M, false));
    check_ok(clade__blend_choose(weight, &(double){ 0 }, &s, false, &err));
    assert_true(weight[CLADE_PREDICT_LINEAR] > 0.8);
}

/* ---------------------------------------------------------------- the curve */

/* Chances that level off at .8, as no straight line on log-odds does, or a straight line itself. */
static void draw_margins(double *margin, double *y, size_t n, bool bent, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/bend", 0);
    for (size_t i = 0; i < n; i++) {
        margin[i]      = 2 * clade_rng_normal(&rng);
        const double p = 1 / (1 + exp(-(bent ? 2.5 * margin[i] : margin[i])));
        y[i]           = clade_rng_uniform(&rng) < (bent ? 0.1 + 0.7 * p : p);
    }
}

static void a_curve_calibrates_where_no_line_does_and_only_there(void **state)
{
    (void)state;
    enum { M = 6000 };
    static double  margin[M], y[M];
    static uint8_t fold[M];
    for (size_t i = 0; i < M; i++)
        fold[i] = (uint8_t)(i / 2000);
    for (int bent = 0; bent < 2; bent++) {
        clade__bend bend;
        double      loss[2], a, b, last = -(double)INFINITY;
        draw_margins(margin, y, M, bent, 5);
        clade__calibrate(&a, &b, margin, y, M, false);
        check_ok(clade__bend_choose(&bend, loss, margin, y, fold, 3, M, b, &err));
        assert_int_equal(bend.n > 0, bent);
        if (bent) assert_true(loss[1] < loss[0]);
        for (double m = -9; bent && m < 9; m += 0.37) { /* ties nobody, beyond the ends as well */
            assert_true(clade__bend_of(&bend, m) > last);
            last = clade__bend_of(&bend, m);
        }
        if (bent) check_close(1 / (1 + exp(-clade__bend_of(&bend, 2))), 0.795, 0.04);
    }
}

/* ---------------------------------------------------------------- the judged block */

enum { JUDGED = 400 };

/* Customers whose chance is told well among the older ones and not at all among the new. */
typedef struct judged_shop {
    double       answer[JUDGED], rule[JUDGED], y[JUDGED];
    uint8_t      yes[JUDGED];
    float       *x;
    const float *row[JUDGED];
} judged_shop;

static void judged_make(judged_shop *s)
{
    size_t n_features;
    (void)clade_features_all(&n_features);
    clade_rng rng = clade_rng_stream(3, "test/judged", 0);
    s->x          = CLADE_NEW(float, JUDGED *n_features);
    for (size_t i = 0; i < JUDGED; i++) {
        float *const row = s->x + i * n_features;
        for (size_t j = 0; j < n_features; j++)
            row[j] = NAN;
        const bool young                                   = i % 2 == 0;
        row[clade_features_find("days_since_first_order")] = young ? 89.5f : 90.5f;
        row[clade_features_find("order_value_mean")]       = 20.5f + (float)(i % 4); /* mean 22 */
        s->answer[i]                                       = clade_rng_uniform(&rng);
        s->rule[i]                                         = 0.25;
        s->yes[i] = clade_rng_uniform(&rng) < (young ? 0.5 : s->answer[i]);
        s->y[i]   = s->yes[i];
        s->row[i] = row;
    }
}

static clade_predict_card card_of(const judged_shop *s)
{
    clade_predict_card card = { .task   = { .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 },
                                .metric = { { .name = "auc" } } };
    card.n_judged           = JUDGED;
    for (size_t i = 0; i < JUDGED; i++)
        card.n_judged_positive += s->yes[i];
    check_ok(clade_auc(&card.metric[0].of.value, s->answer, s->yes, JUDGED, &err));
    card.n_metrics = 1;
    return card;
}

static void the_group_that_an_answer_fits_less_well_is_named(void **state)
{
    (void)state;
    static judged_shop s;
    judged_make(&s);
    clade_predict_card  card   = card_of(&s);
    const clade__judged judged = { .n = JUDGED, .y = s.y, .row = s.row };
    check_ok(clade__judge_groups(&card, &judged, s.answer, 1, &err));
    /* Nobody's age, spend or sex is known, and nobody has a rhythm: two groups remain. */
    assert_int_equal(card.n_groups, 2);
    assert_int_equal(card.group[0].kind, CLADE_GROUP_FIRST_90);
    assert_int_equal(card.group[0].n, JUDGED / 2);
    assert_true(card.group[0].worse);
    assert_false(card.group[1].worse);
    assert_true(card.group[0].fit.low > card.group[1].fit.high); /* calibration is off as well */
    clade_sentence limit;
    assert_true(clade_predict_card_limit(&limit, &card, 0));
    assert_non_null(strstr(limit.en, "fits less well for first order less than 90 days ago"));
    free(s.x);
}

/* Customers 0 to 39 moved from FR to DE before day 10 and to US after it; 40 to 69 are of FR, 70 to
 * 74 of IT: too few to be told of. */
static void places_are_those_known_then_and_small_ones_are_not_told(void **state)
{
    (void)state;
    static judged_shop s;
    clade__places     *places = NULL;
    int64_t            customer[JUDGED];
    run("INSERT INTO customer SELECT c, 'country', CASE WHEN c < 70 THEN 'FR' ELSE 'IT' END, NULL, "
        "0,"
        " 1 FROM range(75) t(c)");
    run("INSERT INTO customer SELECT c, 'country', ' DE ', NULL, 5 * 86400000000, 1 FROM range(40)"
        " t(c)");
    run("INSERT INTO customer SELECT c, 'country', 'US', NULL, 10 * 86400000000, 1 FROM range(40)"
        " t(c)");
    check_ok(clade__places_read(&places, store, 10 * DAY, &err));
    assert_int_equal(places->n_of, 2);
    assert_string_equal(places->of[0], "DE");
    assert_string_equal(places->of[1], "FR");
    assert_int_equal(clade__place_of(places, 39), 0);
    assert_int_equal(clade__place_of(places, 69), 1);
    assert_int_equal(clade__place_of(places, 70), 2); /* none */
    assert_int_equal(clade__place_of(places, 9999), 2);

    judged_make(&s);
    for (size_t i = 0; i < JUDGED; i++)
        customer[i] = (int64_t)i;
    clade__judged judged = {
        .n = JUDGED, .y = s.y, .row = s.row, .customer = customer, .places = places
    };
    clade_predict_card card = card_of(&s);
    check_ok(clade__judge_groups(&card, &judged, s.answer, 1, &err));
    assert_int_equal(card.n_groups, 4);
    assert_int_equal(card.group[2].kind, CLADE_GROUP_PLACE);
    assert_int_equal(card.group[2].n, 40);
    char title[96];
    clade_predict_group_title(title, &card.group[2], false);
    assert_string_equal(title, "from DE");
    judged.least = 35; /* the shop's smallest group */
    card         = card_of(&s);
    check_ok(clade__judge_groups(&card, &judged, s.answer, 1, &err));
    assert_int_equal(card.n_groups, 3);
    clade__places_free(places);
    free(s.x);
}

static void gains_of_a_rule_that_knows_nothing_are_those_of_chance(void **state)
{
    (void)state;
    static judged_shop s;
    judged_make(&s);
    clade_predict_card card = card_of(&s);
    check_ok(clade__judge_gains(&card, s.answer, s.rule, s.y, JUDGED, &err));
    assert_int_equal(card.n_tenths, 10);
    double lift = 0;
    for (size_t b = 0; b < 10; b++) {
        lift += card.tenth[b].lift / 10;
        check_close(card.tenth[b].gain_rule, 0.1 * (double)(b + 1), 1e-12);
        check_close(card.tenth[b].gain, lift, 1e-12); /* the lifts so far, a tenth each */
        if (b < 9) assert_true(card.tenth[b].gain > card.tenth[b].gain_rule);
    }
    check_close(card.tenth[9].gain, 1, 1e-12);
    free(s.x);
}

/* An order is worth 22, of which 0.3 stay, and one contact in two moves: 3.3 for each buyer, less 2
 * a contact. The naive reference tries every answer as the threshold. */
static void the_threshold_pays_best_of_all(void **state)
{
    (void)state;
    static judged_shop s;
    judged_make(&s);
    clade_predict_card         card   = card_of(&s);
    const clade__judged        judged = { .n = JUDGED, .y = s.y, .row = s.row };
    const clade_predict_stakes stakes = { .margin = 0.3, .contact_cost = 2, .save_rate = 0.5 };
    check_ok(clade__judge_profit(&card, &judged, s.answer, s.yes, &stakes, &err));
    const clade_predict_profit *const p = &card.profit;
    assert_true(p->known);
    check_close(p->worth, 22, 1e-5);
    double best = 0;
    for (size_t k = 0; k < JUDGED; k++) {
        double sum = 0;
        for (size_t i = 0; i < JUDGED; i++)
            if (s.answer[i] >= s.answer[k]) sum += 3.3 * s.yes[i] - 2;
        best = sum > best ? sum : best;
    }
    check_close(p->profit, best / JUDGED, 1e-6);
    check_close(p->profit * JUDGED,
                3.3 * (double)p->true_positive - 2 * (double)(p->true_positive + p->false_positive),
                1e-3);
    assert_int_equal(p->true_positive + p->false_negative, card.n_judged_positive);
    assert_int_equal(p->false_positive + p->true_negative, JUDGED - card.n_judged_positive);
    assert_true(p->profit > p->profit_all);
    free(s.x);
}

static void a_contact_that_never_pays_is_made_to_nobody(void **state)
{
    (void)state;
    static judged_shop s;
    judged_make(&s);
    clade_predict_card         card   = card_of(&s);
    const clade__judged        judged = { .n = JUDGED, .y = s.y, .row = s.row };
    const clade_predict_stakes stakes = { .margin = 0.3, .contact_cost = 7, .save_rate = 1 };
    clade_buffer               text   = { 0 };
    check_ok(clade__judge_profit(&card, &judged, s.answer, s.yes, &stakes, &err));
    assert_true(isinf(card.profit.threshold));
    assert_int_equal(card.profit.false_negative, card.n_judged_positive);
    check_close(card.profit.profit, 0, 0);
    clade_predict_card_markdown(&text, &card, false);
    assert_non_null(strstr(text.data, "contact nobody"));
    clade_buffer_free(&text);
    free(s.x);
}

/* ---------------------------------------------------------------- the verdict */

/* The true log-odds moved by two: everybody in the right order, and far too likely. */
static void an_order_that_holds_with_a_level_that_does_not_is_said(void **state)
{
    (void)state;
    enum { M = 2000 };
    static double       truth[M], moved[M], rule[M], y[M];
    static float        none[512];
    static const float *row[M];
    clade_rng           rng = clade_rng_stream(8, "test/level", 0);
    for (size_t j = 0; j < 512; j++)
        none[j] = (float)NAN;
    for (size_t i = 0; i < M; i++) {
        truth[i] = 1.5 * clade_rng_normal(&rng);
        moved[i] = truth[i] + 2;
        y[i]     = clade_rng_uniform(&rng) < 1 / (1 + exp(-truth[i]));
        row[i]   = none;
    }
    for (int off = 0; off < 2; off++) {
        const clade__judged j = {
            .n = M, .answer = off ? moved : truth, .rule = rule, .linear = truth, .y = y, .row = row
        };
        clade_predictor *const p = CLADE_NEW(clade_predictor, 1);
        p->card.task = (clade_predict_task){ .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 };
        const clade_predict_stakes none_at_stake = { 0 };
        check_ok(clade__judge(p, &j, &none_at_stake, 1, &err));
        assert_true(p->card.trusted);
        assert_int_equal(strstr(p->card.why.en, "the level does not") != NULL, off);
        clade_predictor_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(labels_match_the_case_worked_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(a_label_that_the_store_cannot_read_is_named, setup,
                                        teardown),
        cmocka_unit_test(calibration_finds_the_line_that_the_labels_were_drawn_from),
        cmocka_unit_test(calibrated_amounts_sum_to_what_was_spent),
        cmocka_unit_test(a_blend_never_loses_more_than_its_best_model),
        cmocka_unit_test(a_level_that_all_folds_share_does_not_decide),
        cmocka_unit_test(a_curve_calibrates_where_no_line_does_and_only_there),
        cmocka_unit_test(an_order_that_holds_with_a_level_that_does_not_is_said),
        cmocka_unit_test(the_group_that_an_answer_fits_less_well_is_named),
        cmocka_unit_test_setup_teardown(places_are_those_known_then_and_small_ones_are_not_told,
                                        setup, teardown),
        cmocka_unit_test(gains_of_a_rule_that_knows_nothing_are_those_of_chance),
        cmocka_unit_test(the_threshold_pays_best_of_all),
        cmocka_unit_test(a_contact_that_never_pays_is_made_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
