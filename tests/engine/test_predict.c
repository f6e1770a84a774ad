/* Predictions on shops made by rules: no peeking, reasons that add up, bundles that come back
 * equal, and verdicts of shops that are too small. */
#include "store_shop.h"

#include "clade/file.h"
#include "clade/predict.h"
#include "engine/predict/predict_internal.h"

#include <math.h>

/* SHORT has three moments to learn at and not six: nearly all of a fit's time is features of
 * moments, and nearly all of that is the start of each statement, however few its rows. */
enum { N = 700, DAYS = 240, SHORT = 150 };

/* ---------------------------------------------------------------- a shop made by rules */

static clade_predictions *open_shop(int day, uint64_t seed)
{
    clade_predictions          *p       = NULL;
    const clade_predict_options options = { .has_as_of = true,
                                            .as_of_us  = day * DAY,
                                            .seed      = seed };
    if (clade_predictions_open(&p, store, &options, &err) != CLADE_OK) fail_msg("%s", err.message);
    return p;
}

static clade_predictor *fit(clade_predictions *p, clade_predict_task task)
{
    clade_predictor *fitted = NULL;
    if (clade_predictor_fit(&fitted, p, &task, &err) != CLADE_OK) fail_msg("%s", err.message);
    return fitted;
}

/* Answers of everybody as bytes, for comparisons. */
static clade_prediction *score(size_t *out_n, const clade_predictor *fitted, clade_predictions *p)
{
    clade_prediction *answer = NULL;
    if (clade_predictor_score(&answer, out_n, fitted, p, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return answer;
}

/* One shop that tests look at and do not change, with its fits: made once. */
static clade_predictions       *shared;
static clade_predictor         *shared_fit[3];
static const clade_predict_task shared_task[3] = {
    { .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 },
    { .kind = CLADE_TASK_SPEND, .horizon_days = 30 },
    { .kind = CLADE_TASK_VALUE, .horizon_days = 365 },
};

static int setup_shared(void **state)
{
    (void)setup(state);
    make_shop(N, DAYS);
    shared = open_shop(DAYS, 1);
    for (int t = 0; t < 3; t++)
        shared_fit[t] = fit(shared, shared_task[t]);
    return 0;
}

static int teardown_shared(void **state)
{
    for (int t = 0; t < 3; t++)
        clade_predictor_free(shared_fit[t]);
    clade_predictions_free(shared);
    return teardown(state);
}

static void purchases_are_told_better_than_by_the_rule_and_chances_are_true(void **state)
{
    (void)state;
    const clade_predict_card *card = clade_predictor_card(shared_fit[0]);
    assert_true(card->trusted);
    assert_false(card->by_customers);
    assert_int_equal(card->n_moments, 6);
    assert_int_equal(card->n_folds, 3);
    assert_int_equal(card->judged_us, (DAYS - 30) * DAY);
    assert_string_equal(card->metric[0].name, "auc");
    assert_true(card->metric[0].of.low > 0.65);
    assert_true(card->gain_rule.low > 0);
    for (size_t k = 0; k < card->n_metrics; k++)
        if (strcmp(card->metric[k].name, "ece") == 0) assert_true(card->metric[k].of.value < 0.06);
}

static void amounts_lie_between_their_bounds_as_often_as_said(void **state)
{
    (void)state;
    make_shop(N, DAYS);
    clade_predictions *p = open_shop(DAYS - 30, 1);
    clade_predictor   *f =
        fit(p, (clade_predict_task){ .kind = CLADE_TASK_SPEND, .horizon_days = 30 });
    size_t            n = 0, inside = 0, n_seen = 0;
    clade_prediction *answer  = score(&n, f, p);
    int64_t *const    who     = CLADE_NEW(int64_t, n);
    clade_outcome     outcome = { 0 };
    for (size_t i = 0; i < n; i++)
        who[i] = answer[i].customer;
    check_ok(clade_outcome_compute(&outcome, store, who, n, (DAYS - 30) * DAY, DAYS * DAY, &err));
    for (size_t i = 0; i < n; i++) {
        const double spent = (double)outcome.spend_minor[i] / 100;
        inside += spent >= answer[i].low && spent <= answer[i].high;
        n_seen++;
    }
    /* Nine of ten; amounts of nothing make the bounds wide, never narrow. */
    assert_true((double)inside / (double)n_seen > 0.85);
    clade_outcome_free(&outcome);
    free(who);
    free(answer);
    clade_predictor_free(f);
    clade_predictions_free(p);
}

enum { PEEKS = 3 };

/* Answers of three tasks of one shop, which share the features of their moments. */
static void answers_at(clade_prediction **answer, size_t *n, int day)
{
    const clade_predict_task tasks[PEEKS] = {
        { .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 },
        { .kind = CLADE_TASK_CHURN, .horizon_days = 180, .by_rhythm = true },
        { .kind = CLADE_TASK_VALUE, .horizon_days = 365 },
    };
    clade_predictions *p = open_shop(day, 1);
    for (size_t t = 0; t < PEEKS; t++) {
        clade_predictor *f = fit(p, tasks[t]);
        answer[t]          = score(&n[t], f, p);
        clade_predictor_free(f);
    }
    clade_predictions_free(p);
}

static void nothing_after_the_moment_changes_an_answer(void **state)
{
    (void)state;
    clade_prediction *before[PEEKS], *after[PEEKS];
    size_t            n_before[PEEKS], n_after[PEEKS];
    make_shop(200, DAYS);
    answers_at(before, n_before, 180);
    run("DELETE FROM event WHERE at_us >= 180 * 86400000000 AND customer % 2 = 0");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, value_minor, row_key,"
        " load) SELECT 1000000 + customer, customer, 180 * 86400000000, 'purchase', 1, 99,"
        " 12345678, 2, 1 FROM range(200) t(customer)");
    answers_at(after, n_after, 180);
    for (size_t t = 0; t < PEEKS; t++) {
        assert_int_equal(n_before[t], n_after[t]);
        for (size_t i = 0; i < n_before[t]; i++) {
            assert_int_equal(before[t][i].customer, after[t][i].customer);
            assert_true(before[t][i].value == after[t][i].value);
        }
        free(before[t]);
        free(after[t]);
    }
}

enum { PEOPLE = 200 };

/* The folds of a small shop as of SHORT, trees and net of one shape. */
static void score_folds(clade__scored *out, clade__rows *rows)
{
    clade_predictions          *ps      = NULL;
    clade_predict_task          task    = { .kind = CLADE_TASK_PURCHASE, .horizon_days = 20 };
    const clade_predict_options options = { .has_as_of = true, .as_of_us = SHORT * DAY, .seed = 1 };
    check_ok(clade_predictions_open(&ps, store, &options, &err));
    check_ok(clade__rows_make(rows, &(clade_sentence){ "", "" }, &task, ps, &err));
    clade_predictor *const p = CLADE_NEW(clade_predictor, 1);
    p->card.task             = task;
    p->n_features            = rows->n_features;
    p->n_columns             = rows->n_columns;
    p->deadline              = (double)INFINITY;
    p->shape                 = (clade__tree_shape){
                        .depth = 3, .rounds = 8, .rate = 0.2, .min_child = 5, .colsample = 0.5
    };
    p->net         = calloc(1, sizeof *p->net);
    p->net->lambda = 0.01;
    check_ok(clade__folds_score(out, p, rows, 1, &err));
    clade_predictor_free(p);
    clade_predictions_free(ps);
}

/* Everything at and after the moment of the latest fold is another: half of the customers fall
 * silent and the others buy ninety-nine of everything. Its labels change, and no answer does. */
static void a_poisoned_future_changes_no_answer_of_a_fold(void **state)
{
    (void)state;
    clade__scored before = { 0 }, after = { 0 };
    clade__rows   rows = { 0 }, again = { 0 };
    double        changed = 0;
    char          sql[500];
    make_shop(PEOPLE, SHORT);
    score_folds(&before, &rows);
    assert_true(before.n_folds >= 2);
    const int64_t moment = SHORT - 60; /* two steps of the grid of 30 days back */
    snprintf(sql, sizeof sql, "DELETE FROM event WHERE at_us >= %lld AND customer %% 2 = 0",
             (long long)(moment * DAY));
    run(sql);
    snprintf(
        sql, sizeof sql,
        "INSERT INTO event (event, customer, at_us, kind, item, quantity, value_minor, row_key,"
        " load) SELECT 1000000 + customer, customer, %lld, 'purchase', 1, 99, 12345678, 2, 1 FROM"
        " range(%d) t(customer) WHERE customer %% 2 = 1",
        (long long)(moment * DAY), PEOPLE);
    run(sql);
    score_folds(&after, &again);
    assert_int_equal(before.n, after.n);
    assert_int_equal(before.n_folds, after.n_folds);
    for (size_t i = 0; i < before.n; i++) {
        for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
            if (before.margin[m] != NULL) assert_true(before.margin[m][i] == after.margin[m][i]);
        changed += before.y[i] != after.y[i];
        if (before.fold[i] > 0) assert_true(before.y[i] == after.y[i]); /* over by then */
    }
    assert_true(changed > 20);
    clade__scored_free(&before);
    clade__scored_free(&after);
    clade__rows_free(&rows);
    clade__rows_free(&again);
}

static void the_number_of_threads_changes_nothing(void **state)
{
    (void)state;
    size_t            n[2];
    clade_prediction *answer[2];
    make_shop(200, DAYS);
    clade_predictions *p = open_shop(SHORT, 7); /* features are the store's, and have its threads */
    for (int k = 0; k < 2; k++) {
        clade_threads_set(1 + k);
        clade_predictor *f =
            fit(p, (clade_predict_task){ .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 });
        answer[k] = score(&n[k], f, p);
        clade_predictor_free(f);
    }
    clade_predictions_free(p);
    assert_int_equal(n[0], n[1]);
    for (size_t i = 0; i < n[0]; i++)
        assert_true(answer[0][i].value == answer[1][i].value);
    free(answer[0]);
    free(answer[1]);
}

/* ---------------------------------------------------------------- reasons */

static void reasons_add_up_to_the_answer(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        size_t                n      = 0;
        clade_predictor      *f      = shared_fit[t];
        clade_prediction     *answer = score(&n, f, shared);
        clade_predict_reason *top    = NULL;
        check_ok(clade_predictor_top_reasons(&top, f, shared, answer, n, 3, &err));
        for (size_t i = 0; i < n; i += 37) {
            clade_predict_reasons r;
            check_ok(clade_predictor_explain(&r, f, shared, answer[i].customer, &err));
            double margins = r.average_margin, points = r.average;
            for (size_t k = 0; k < r.n; k++) {
                margins += r.reason[k].margin;
                points += r.reason[k].points;
                if (k > 0) assert_true(fabs(r.reason[k].margin) <= fabs(r.reason[k - 1].margin));
            }
            check_close(margins, r.margin, 1e-9);
            check_close(points, r.answer.value, 1e-9);
            /* XGBoost's leaves are floats: SHAP values are sums of a few hundred of them. */
            check_close(r.answer.value, answer[i].value, 1e-4);
            if (shared_task[t].kind != CLADE_TASK_VALUE && r.n > 0)
                check_close(top[3 * i].margin, r.reason[0].margin, 1e-4);
            clade_predict_reasons_free(&r);
        }
        free(top);
        free(answer);
    }
}

/* ---------------------------------------------------------------- bundles */

static void a_bundle_comes_back_equal_bit_for_bit(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        char              name[96];
        size_t            n = 0, n_back = 0;
        clade_predictor  *f = shared_fit[t], *back = NULL;
        clade_prediction *answer = score(&n, f, shared);
        clade_task_name(name, &shared_task[t]);
        check_ok(clade_predictor_save(store, f, 17, &err));
        check_ok(clade_predictor_save(store, f, 18, &err)); /* over the one that is there */
        if (clade_predictor_open(&back, store, name, &err) != CLADE_OK) fail_msg("%s", err.message);
        assert_int_equal(clade_predictor_card(back)->run, 18);
        assert_int_equal(clade_predictor_card(back)->n_metrics, clade_predictor_card(f)->n_metrics);
        assert_true(clade_predictor_card(back)->metric[0].of.low ==
                    clade_predictor_card(f)->metric[0].of.low);
        assert_string_equal(clade_predictor_card(back)->why.en, clade_predictor_card(f)->why.en);
        clade_prediction *again = score(&n_back, back, shared);
        assert_int_equal(n, n_back);
        for (size_t i = 0; i < n; i++) {
            assert_true(answer[i].value == again[i].value);
            assert_true(answer[i].low == again[i].low || isnan(answer[i].low));
        }
        free(answer);
        free(again);
        clade_predictor_free(back);
    }
}

/* The card as JSON, for comparisons of all that is on it. */
static clade_buffer card_text(const clade_predictor *f)
{
    clade_buffer text = { 0 };
    clade_json   json = clade_json_start(&text, 2);
    clade_predict_card_write(&json, clade_predictor_card(f));
    assert_false(text.failed);
    return text;
}

static void a_card_comes_back_with_tenths_groups_and_features(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        char                            name[96];
        clade_predictor                *f = shared_fit[t], *back = NULL;
        const clade_predict_card *const card = clade_predictor_card(f);
        clade_task_name(name, &shared_task[t]);
        check_ok(clade_predictor_save(store, f, 19, &err));
        check_ok(clade_predictor_open(&back, store, name, &err));
        clade_buffer one = card_text(f), other = card_text(back);
        assert_string_equal(one.data, other.data);
        assert_int_equal(card->n_tenths, 10);
        check_close(card->tenth[9].gain, 1, 1e-9);
        assert_true(card->n_groups >= 4);
        assert_int_equal(card->n_bins, 10);
        assert_true(card->n_top > 0 || shared_task[t].kind == CLADE_TASK_VALUE);
        clade_buffer_free(&one);
        clade_buffer_free(&other);
        clade_predictor_free(back);
    }
}

static void the_sheet_lies_beside_the_card_and_tells_what_it_is_not_for(void **state)
{
    (void)state;
    char         path[CLADE_PATH_MAX];
    clade_buffer text = { 0 };
    check_ok(clade_predictor_save(store, shared_fit[0], 1, &err));
    check_ok(
        clade_store_path(path, sizeof path, store, "models/predict/purchase-30d/card.md", &err));
    check_ok(clade_file_read(&text, path, 1 << 20, &err));
    clade_buffer_append(&text, "", 1);
    static const char *const says[] = { "# purchase-30d",    "buys in the next 30 days",
                                        "## Models tried",   "| auc | 0.",
                                        "## Groups",         "lowest third of spend so far",
                                        "## Known limits",   "the log spans 240 days",
                                        "## Not to be used", "credit" };
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        if (strstr(text.data, says[i]) == NULL) fail_msg("no '%s' in %s", says[i], text.data);
    clade_buffer_free(&text);
}

/* Nothing moved at the fit's own moment; a hundred days of silence later everything did. */
static void drift_is_nothing_at_the_fit_and_large_after_a_silence(void **state)
{
    (void)state;
    clade_predict_drift drift[CLADE_PREDICT_TOP + 1];
    size_t              n    = 0;
    clade_predictor    *back = NULL;
    check_ok(clade_predictor_save(store, shared_fit[0], 1, &err));
    check_ok(clade_predictor_open(&back, store, "purchase-30d", &err));
    check_ok(clade_predictor_drift(drift, &n, back, shared, &err));
    assert_true(n >= 5);
    assert_int_equal(drift[0].feature, -1);
    for (size_t i = 0; i < n; i++)
        check_close(drift[i].psi, 0, 1e-12);
    clade_predictions *later = open_shop(DAYS + 100, 1);
    double             most  = 0;
    check_ok(clade_predictor_drift(drift, &n, back, later, &err));
    for (size_t i = 0; i < n; i++)
        most = fmax(most, drift[i].psi);
    assert_true(drift[0].psi > 0.25);
    assert_true(most > 1);
    clade_predictions_free(later);
    clade_predictor_free(back);
}

static void a_damaged_bundle_is_named_and_refused(void **state)
{
    (void)state;
    char             path[CLADE_PATH_MAX];
    clade_buffer     text = { 0 };
    clade_predictor *back = NULL;
    check_ok(clade_predictor_save(store, shared_fit[0], 1, &err));
    check_ok(
        clade_store_path(path, sizeof path, store, "models/predict/purchase-30d/model.json", &err));
    check_ok(clade_file_read(&text, path, 1 << 24, &err));
    for (size_t cut = 0; cut + 2 < text.size; cut += 1 + text.size / 23) {
        check_ok(clade_file_replace(path, text.data, cut, 0666, &err));
        assert_int_equal(clade_predictor_open(&back, store, "purchase-30d", &err), CLADE_ERR_DATA);
        assert_non_null(strstr(err.message, "purchase-30d"));
    }
    assert_int_equal(clade_predictor_open(&back, store, "purchase-7d", &err), CLADE_ERR_NOT_READY);
    assert_int_equal(clade_predictor_open(&back, store, "../../keys", &err), CLADE_ERR_NOT_READY);
    clade_buffer_free(&text);
}

/* ---------------------------------------------------------------- what cannot be, and small shops
 */

static void what_cannot_be_learnt_is_said_in_a_sentence(void **state)
{
    (void)state;
    static const struct {
        clade_predict_task task;
        const char        *says;
    } cases[] = {
        { { .kind = CLADE_TASK_REFUND, .horizon_days = 30 }, "it happened to 0 of" },
        { { .kind = CLADE_TASK_LABEL, .horizon_days = 30, .of = "always", .expression = "true" },
          "wanted at least 10" },
        { { .kind = CLADE_TASK_PURCHASE, .horizon_days = 365 },
          "needs a log of at least 393 days" },
    };
    make_shop(300, DAYS);
    run("INSERT INTO event (event, customer, at_us, kind, row_key, load) SELECT 500000 + "
        "row_number()"
        " OVER (), customer, day * 86400000000, 'view', 3, 1 FROM range(300) c(customer), "
        "range(240)"
        " d(day) WHERE day % 20 = 0");
    clade_predictions *p = open_shop(SHORT, 1);
    for (size_t c = 0; c < 3; c++) {
        clade_predictor *f = NULL;
        assert_int_equal(clade_predictor_fit(&f, p, &cases[c].task, &err), CLADE_ERR_NOT_READY);
        if (strstr(err.message, cases[c].says) == NULL)
            fail_msg("'%s', wanted '%s'", err.message, cases[c].says);
        assert_string_equal(clade_predictions_why_not(p)->en, err.message);
        assert_non_null(strstr(clade_predictions_why_not(p)->zh, "至少需要"));
    }
    clade_predictions_free(p);
}

static void a_label_that_a_feature_is_cannot_be_trusted(void **state)
{
    (void)state;
    make_shop(N, DAYS);
    /* A mark that is set each month on those with five orders by then. */
    run("INSERT INTO label SELECT c.customer, NULL, 'vip', 1, d.day * 86400000000, 1 FROM (SELECT"
        " unnest(range(0, 240, 10)) AS day) d, (SELECT DISTINCT customer FROM event) c WHERE "
        "(SELECT"
        " count(*) FROM event e WHERE e.customer = c.customer AND e.kind = 'purchase' AND e.at_us <"
        " d.day * 86400000000) >= 5");
    clade_predictions *p = open_shop(SHORT, 1);
    clade_predictor   *f =
        fit(p, (clade_predict_task){ .kind = CLADE_TASK_LABEL, .horizon_days = 10, .of = "vip" });
    assert_false(clade_predictor_card(f)->trusted);
    assert_true(clade_predictor_card(f)->suspect[0][0] != '\0');
    assert_non_null(strstr(clade_predictor_card(f)->why.en, "alone tells the label"));
    clade_predictor_free(f);
    clade_predictions_free(p);
}

static void a_shop_of_sixty_customers_gets_an_answer_and_is_told_what_is_missing(void **state)
{
    (void)state;
    make_shop(60, DAYS);
    size_t             n = 0;
    clade_predictions *p = open_shop(SHORT, 1);
    clade_predictor   *f =
        fit(p, (clade_predict_task){ .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 });
    const clade_predict_card *card   = clade_predictor_card(f);
    clade_prediction         *answer = score(&n, f, p);
    assert_false(card->trusted);
    assert_non_null(strstr(card->why.en, "more are needed"));
    assert_true(n > 50);
    for (size_t i = 0; i < n; i++)
        assert_true(answer[i].value > 0 && answer[i].value < 1);
    free(answer);
    clade_predictor_free(f);
    clade_predictions_free(p);
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test_setup_teardown(amounts_lie_between_their_bounds_as_often_as_said, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_after_the_moment_changes_an_answer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_poisoned_future_changes_no_answer_of_a_fold, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_number_of_threads_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_learnt_is_said_in_a_sentence, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_label_that_a_feature_is_cannot_be_trusted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_shop_of_sixty_customers_gets_an_answer_and_is_told_what_is_missing, setup, teardown),
    };
    const struct CMUnitTest together[] = {
        cmocka_unit_test(purchases_are_told_better_than_by_the_rule_and_chances_are_true),
        cmocka_unit_test(reasons_add_up_to_the_answer),
        cmocka_unit_test(a_bundle_comes_back_equal_bit_for_bit),
        cmocka_unit_test(a_card_comes_back_with_tenths_groups_and_features),
        cmocka_unit_test(the_sheet_lies_beside_the_card_and_tells_what_it_is_not_for),
        cmocka_unit_test(drift_is_nothing_at_the_fit_and_large_after_a_silence),
        cmocka_unit_test(a_damaged_bundle_is_named_and_refused),
    };
    const int failed = cmocka_run_group_tests(alone, NULL, NULL);
    return failed + cmocka_run_group_tests(together, setup_shared, teardown_shared);
}
