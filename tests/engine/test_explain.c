/* Explanations of predictors: shapes of models that are known, rules that repeat answers, changes
 * that do what they say, and lines whose slope is known. */
#include "store_shop.h"

#include "clade/numeric.h"
#include "clade/predict.h"
#include "clade/shop_behaviour.h"
#include "engine/portrait.h"
#include "engine/predict/explain_internal.h"

enum { N = 400, DAYS = 240 };

static clade_predictions *shop;
static clade_predictor   *fitted[4];
enum { PURCHASE, CHURN, SPEND, VALUE };
static const clade_predict_task task[4] = {
    [PURCHASE] = { .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 },
    [CHURN]    = { .kind = CLADE_TASK_CHURN, .horizon_days = 30 },
    [SPEND]    = { .kind = CLADE_TASK_SPEND, .horizon_days = 30 },
    [VALUE]    = { .kind = CLADE_TASK_VALUE, .horizon_days = 365 },
};

/* A behaviour model of random weights, as of day 60: its vectors take part in the joint model. */
static void save_behaviour(void)
{
    clade_sequences          *sequences  = NULL;
    clade_vocabulary         *vocabulary = NULL;
    clade_behaviour          *model      = NULL;
    clade_shop_behaviour_card card       = { .as_of_us = 60 * DAY,
                                             .run      = 1,
                                             .size     = "small",
                                             .mixer    = CLADE_MIXER_DECAY,
                                             .ndcg     = (double)NAN,
                                             .hit      = (double)NAN };
    clade_behaviour_options   options    = clade_behaviour_defaults();
    options.d = 16, options.n_blocks = 1, options.n_heads = 2, options.ff = 16;
    options.max_events = 128, options.mixer[0] = CLADE_MIXER_DECAY;
    check_ok(clade_event_sequences(&sequences, &vocabulary, NULL, store, DAYS * DAY, NULL, &err));
    check_ok(clade_behaviour_create(&model, &options, sequences, 7, &err));
    check_ok(clade_shop_behaviour_save(store, model, vocabulary, &card, &err));
    clade_sequences_free(sequences);
    clade_behaviour_free(model);
    clade_vocabulary_free(vocabulary);
}

static int setup_fitted(void **state)
{
    const clade_predict_options options = { .has_as_of = true, .as_of_us = DAYS * DAY, .seed = 1 };
    (void)setup(state);
    make_shop(N, DAYS);
    save_behaviour();
    check_ok(clade_predictions_open(&shop, store, &options, &err));
    for (int t = 0; t < 4; t++)
        if (clade_predictor_fit(&fitted[t], shop, &task[t], &err) != CLADE_OK)
            fail_msg("%s", err.message);
    return 0;
}

static int teardown_fitted(void **state)
{
    for (int t = 0; t < 4; t++)
        clade_predictor_free(fitted[t]);
    clade_predictions_free(shop);
    return teardown(state);
}

/* ---------------------------------------------------------------- shapes */

enum { COLUMNS = 3 };

static clade_status line(double *out, const void *model, const float *x, size_t n, clade_error *e)
{
    const double *const slope = model;
    (void)e;
    for (size_t i = 0; i < n; i++)
        out[i] = 0.7 + slope[0] * (double)x[i * COLUMNS] + slope[1] * (double)x[i * COLUMNS + 1];
    return CLADE_OK;
}

static double bent(double x)
{
    return 0.3 * x * x - sin(x);
}

static clade_status additive(double *out, const void *model, const float *x, size_t n,
                             clade_error *e)
{
    (void)model;
    (void)e;
    for (size_t i = 0; i < n; i++)
        out[i] = bent((double)x[i * COLUMNS]) + exp(0.2 * (double)x[i * COLUMNS + 1]);
    return CLADE_OK;
}

static clade_status product(double *out, const void *model, const float *x, size_t n,
                            clade_error *e)
{
    (void)model;
    (void)e;
    for (size_t i = 0; i < n; i++)
        out[i] = (double)x[i * COLUMNS] * (double)x[i * COLUMNS + 1];
    return CLADE_OK;
}

/* Values 1, 2, 4, 8: bins of 2, 1 and 1 customers. With slope 1.3 the steps sum to
 * 0, 1.3, 3.9, 9.1, whose mean over customers in the middle of their bins is .5 0.65 + .25 2.6 +
 * .25 6.5 = 2.6. */
static void of_a_line_both_shapes_are_the_line_worked_by_hand(void **state)
{
    (void)state;
    const float          x[4 * COLUMNS] = { 1, 5, 0, 2, 7, 0, 4, 1, 0, 8, 3, 0 };
    const double         slope[2]       = { 1.3, -2.1 };
    const double         ale[4]         = { -2.6, -1.3, 1.3, 6.5 };
    const float          grid[4]        = { 1, 2, 4, 8 };
    clade_predict_effect e;
    check_ok(clade__effect_fill(&e, &task[SPEND], 0, x, 4, COLUMNS, line, slope, &err));
    assert_int_equal(e.n, 4);
    assert_int_equal(e.n_to[1], 2);
    check_close(e.absent, 0, 0);
    for (size_t k = 0; k < 4; k++) {
        check_close(e.grid[k], grid[k], 0);
        check_close(e.ale[k], ale[k], 1e-12);
        check_close(e.partial[k], 0.7 + 1.3 * (double)grid[k] - 2.1 * 4, 1e-12);
    }
}

static void fill_together(float *x, size_t n)
{
    clade_rng rng = clade_rng_stream(5, "test/explain", 0);
    for (size_t i = 0; i < n; i++) {
        x[i * COLUMNS]     = (float)(4 * clade_rng_uniform(&rng));
        x[i * COLUMNS + 1] = x[i * COLUMNS] + 0.1f * (float)clade_rng_normal(&rng);
        x[i * COLUMNS + 2] = 0;
    }
}

static void of_an_additive_model_ale_is_the_term(void **state)
{
    (void)state;
    static float         x[300 * COLUMNS];
    clade_predict_effect e;
    double               mean = 0;
    fill_together(x, 300);
    check_ok(clade__effect_fill(&e, &task[SPEND], 0, x, 300, COLUMNS, additive, NULL, &err));
    assert_int_equal(e.n, CLADE_EFFECT_POINTS);
    for (size_t k = 1; k < e.n; k++) {
        check_close(e.ale[k] - e.ale[k - 1], bent(e.grid[k]) - bent(e.grid[k - 1]), 1e-9);
        mean += (double)e.n_to[k] * 0.5 * (e.ale[k] + e.ale[k - 1]) / 300;
    }
    check_close(mean, 0, 1e-12);
}

/* Two columns that go together, and their product: partial dependence says z times a mean, a line;
 * customers on the way from z to z' see the other column at z too, so that ALE is z^2 / 2. */
static void of_columns_that_go_together_ale_sees_the_bend_and_partial_dependence_does_not(
    void **state)
{
    (void)state;
    static float         x[600 * COLUMNS];
    clade_predict_effect e;
    fill_together(x, 600);
    check_ok(clade__effect_fill(&e, &task[SPEND], 0, x, 600, COLUMNS, product, NULL, &err));
    for (size_t k = 1; k < e.n; k++) {
        const double step = e.grid[k] - e.grid[k - 1];
        const double half = 0.5 * (e.grid[k] * e.grid[k] - e.grid[k - 1] * e.grid[k - 1]);
        check_close((e.ale[k] - e.ale[k - 1]) / step, half / step, 0.1); /* noise of the mates */
        check_close((e.partial[k] - e.partial[k - 1]) / step, 2, 0.2);
    }
}

static void who_lacks_the_feature_takes_no_part(void **state)
{
    (void)state;
    const float          x[5 * COLUMNS]    = { 1, 1, 0, NAN, 100, 0, 2, 2, 0, 3, 3, 0, NAN, 50, 0 };
    const float          same[2 * COLUMNS] = { 2.5f, 1, 0, 2.5f, 3, 0 };
    const double         slope[2]          = { 1, 1 };
    clade_predict_effect e;
    check_ok(clade__effect_fill(&e, &task[SPEND], 0, x, 5, COLUMNS, line, slope, &err));
    assert_int_equal(e.n_rows, 3);
    check_close(e.absent, 0.4, 1e-12);
    check_close(e.partial[0], 0.7 + 1 + 2, 1e-12);
    check_ok(clade__effect_fill(&e, &task[SPEND], 0, same, 2, COLUMNS, line, slope, &err));
    assert_int_equal(e.n, 0); /* nothing to move along */
}

static void what_no_feature_goes_into_has_no_shape(void **state)
{
    (void)state;
    const int            feature[2] = { 3, 100000 };
    clade_predict_effect e[2];
    assert_int_equal(clade_predictor_effects(e, fitted[VALUE], shop, feature, 1, &err),
                     CLADE_ERR_ARG);
    assert_int_equal(clade_predictor_effects(e, fitted[PURCHASE], shop, feature, 2, &err),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "100000"));
}

/* ---------------------------------------------------------------- pairs */

static void pairs_scale_with_the_trees_and_do_not_mind_the_order(void **state)
{
    (void)state;
    int                   feature[3];
    clade_predict_weight *weight = NULL;
    size_t                n      = 0;
    clade_predict_pair    pair[3], half[3], none[3];
    clade_predictor       model = *fitted[PURCHASE]; /* its parts are borrowed */
    assert_non_null(model.trees);
    memset(model.card.weight, 0, sizeof model.card.weight);
    model.card.weight[CLADE_PREDICT_TREES] = 1;
    check_ok(clade_predictor_weigh(&weight, &n, &model, shop, &err));
    assert_true(n >= 3);
    for (int k = 0; k < 3; k++)
        feature[k] = weight[k].feature;
    free(weight);
    check_ok(clade_predictor_pairs(pair, &model, shop, feature, 3, &err));
    assert_true(pair[0].mean_margin > 0);
    assert_true(pair[0].mean_margin >= pair[1].mean_margin &&
                pair[1].mean_margin >= pair[2].mean_margin);
    const int first                         = feature[0];
    feature[0]                              = feature[2];
    feature[2]                              = first;
    model.card.weight[CLADE_PREDICT_TREES]  = 0.5;
    model.card.weight[CLADE_PREDICT_LINEAR] = 0.5;
    check_ok(clade_predictor_pairs(half, &model, shop, feature, 3, &err));
    for (int k = 0; k < 3; k++)
        check_close(half[k].mean_margin, 0.5 * pair[k].mean_margin, 1e-12);
    model.card.weight[CLADE_PREDICT_TREES]  = 0;
    model.card.weight[CLADE_PREDICT_LINEAR] = 1;
    check_ok(clade_predictor_pairs(none, &model, shop, feature, 3, &err));
    check_close(none[0].mean_margin, 0, 0); /* the linear model has none */
}

/* ---------------------------------------------------------------- rules */

static void rules_leave_nobody_out_and_say_the_mean_answer_of_whom_they_catch(void **state)
{
    (void)state;
    for (int t = 0; t < 4; t++) {
        clade_surrogate   rules;
        clade_prediction *answer = NULL;
        size_t            n = 0, n_row = 0;
        check_ok(clade_predictor_surrogate(&rules, fitted[t], shop, &err));
        check_ok(clade_predictor_score(&answer, &n, fitted[t], shop, &err));
        clade__sample s = { 0 };
        check_ok(clade__sample_make(&s, fitted[t], shop, n, &err));
        assert_int_equal(s.n, n);
        assert_int_equal(rules.n_learnt + rules.n_held_out, n);
        double sum[CLADE_SURROGATE_RULES_MAX] = { 0 }, count[CLADE_SURROGATE_RULES_MAX] = { 0 };
        for (size_t i = 0; i < n; i++) {
            size_t n_hold = 0;
            for (size_t k = 0; k < rules.n_rules; k++) {
                if (!clade_rule_matches(&rules.rule[k].rule, s.x + i * s.n_columns)) continue;
                n_hold++;
                sum[k] += answer[i].value;
                count[k] += 1;
            }
            n_row += n_hold == 1;
        }
        assert_int_equal(n_row, n);
        for (size_t k = 0; k < rules.n_rules; k++) {
            check_close(rules.rule[k].share, count[k] / (double)n, 1e-9);
            check_close(rules.rule[k].answer / (sum[k] / count[k]), 1, 1e-6);
            if (k > 0) assert_true(rules.rule[k].answer <= rules.rule[k - 1].answer);
        }
        assert_true(rules.fidelity > 0.5 && rules.fidelity <= 1);
        clade__sample_free(&s);
        free(answer);
    }
}

static void rules_speak_of_features_that_people_can_read_and_are_few(void **state)
{
    (void)state;
    size_t               n;
    const clade_feature *registry = clade_features_all(&n);
    clade_surrogate      rules;
    check_ok(clade_predictor_surrogate(&rules, fitted[PURCHASE], shop, &err));
    assert_true(rules.n_rules >= 2 && rules.n_rules <= 8);
    for (size_t k = 0; k < rules.n_rules; k++)
        for (size_t c = 0; c < rules.rule[k].rule.n_conditions; c++)
            assert_true(
                clade__feature_readable(&registry[rules.rule[k].rule.condition[c].feature]));
}

/* ---------------------------------------------------------------- changes */

/* The features named in the change, put into the row by hand, give the answer that is promised. */
static void check_promise(const clade_predict_change *change, const clade_predictor *f)
{
    float *row = NULL;
    double margin;
    check_ok(clade__customer_fill(&row, f, shop, change->customer, &err));
    for (size_t k = 0; k < change->n_parts; k++) {
        assert_true((double)row[change->part[k].feature] == change->part[k].from);
        assert_true(change->part[k].to != change->part[k].from);
        row[change->part[k].feature] = (float)change->part[k].to;
    }
    check_ok(clade__blend_margin(&margin, f, row, 1, &err));
    check_close(clade__answer_of(&f->card.task, margin), change->after, 1e-12);
    free(row);
}

static void a_change_does_what_it_says_with_values_that_others_have(void **state)
{
    (void)state;
    size_t n_found = 0, n_there = 0, n_none = 0;
    for (int t = PURCHASE; t <= CHURN; t++) {
        clade_prediction *answer = NULL;
        size_t            n      = 0;
        clade__sample     s      = { 0 };
        check_ok(clade_predictor_score(&answer, &n, fitted[t], shop, &err));
        check_ok(clade__sample_make(&s, fitted[t], shop, n, &err));
        double *const value = CLADE_NEW(double, n);
        for (size_t i = 0; i < n; i += 11) {
            clade_predict_change c;
            check_ok(
                clade_predictor_change(&c, fitted[t], shop, answer[i].customer, (double)NAN, &err));
            check_close(c.target, fitted[t]->card.base_rate, 0);
            assert_int_equal(c.below, t == CHURN);
            check_close(c.before, answer[i].value, 1e-9);
            n_found += c.found;
            n_there += c.there;
            n_none += !c.found && !c.there;
            assert_true(c.n_actions <= 2 && c.found + c.there <= 1);
            if (c.found) assert_true(c.below ? c.after < c.target : c.after > c.target);
            if (c.there) assert_int_equal(c.n_parts, 0);
            check_promise(&c, fitted[t]);
            for (size_t k = 0; k < c.n_parts; k++) {
                const size_t n_value = clade__sample_sorted(value, &s, c.part[k].feature);
                assert_true(c.part[k].to >= value[0] && c.part[k].to <= value[n_value - 1]);
            }
        }
        free(value);
        clade__sample_free(&s);
        free(answer);
    }
    assert_true(n_found > 0 && n_there > 0 && n_none > 0);
}

static void a_harder_target_is_never_reached_by_less(void **state)
{
    (void)state;
    clade_prediction *answer = NULL;
    size_t            n      = 0;
    check_ok(clade_predictor_score(&answer, &n, fitted[PURCHASE], shop, &err));
    for (size_t i = 0; i < n; i += 23) {
        clade_predict_change last = { .found = true };
        for (double target = 0.1; target < 0.95; target += 0.15) {
            clade_predict_change c;
            check_ok(clade_predictor_change(&c, fitted[PURCHASE], shop, answer[i].customer, target,
                                            &err));
            if (c.there) continue;
            if (c.found) assert_true(last.found);
            if (c.found)
                assert_true(c.n_actions > last.n_actions ||
                            (c.n_actions == last.n_actions && c.size >= last.size));
            last = c;
        }
    }
    free(answer);
}

static void what_cannot_be_changed_is_said_in_a_sentence(void **state)
{
    (void)state;
    clade_predict_change c;
    assert_int_equal(clade_predictor_change(&c, fitted[SPEND], shop, 1, 0.5, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "is an amount"));
    assert_int_equal(clade_predictor_change(&c, fitted[PURCHASE], shop, 1, 1.5, &err),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "1.5"));
    assert_int_equal(clade_predictor_change(&c, fitted[PURCHASE], shop, -5, 0.5, &err),
                     CLADE_ERR_NOT_FOUND);
}

static void changes_are_told_in_both_languages(void **state)
{
    (void)state;
    clade_buffer         text = { 0 };
    clade_predict_change c    = { .before    = 0.62,
                                  .after     = 0.31,
                                  .target    = 0.4,
                                  .below     = true,
                                  .found     = true,
                                  .n_actions = 2,
                                  .action    = { 0, 1 } };
    clade_change_write(&text, &c, false);
    assert_string_equal(
        text.data, "One more order, and bring the customer back for a visit: the model's risk "
                   "would go from 62.0 % to 31.0 %, under 40.0 %. This is about the model, not "
                   "about causes: whether it works takes an experiment.");
    clade_buffer_clear(&text);
    c.found     = false;
    c.n_actions = 0;
    clade_change_write(&text, &c, true);
    assert_string_equal(text.data, "未找到合理的改变能使风险低于 40.0 %（现为 62.0 %）。");
    clade_buffer_free(&text);
}

/* The table names features that there are, and what a move refers to. */
static void actions_name_features_that_there_are(void **state)
{
    (void)state;
    size_t                    n;
    const clade__lever *const lever = clade__levers(&n);
    for (size_t l = 0; l < n; l++) {
        size_t k = 0;
        for (; k < CLADE__MOVES_MAX && lever[l].move[k].feature != NULL; k++) {
            assert_true(clade_features_find(lever[l].move[k].feature) >= 0);
            if (lever[l].move[k].with != NULL)
                assert_true(clade_features_find(lever[l].move[k].with) >= 0);
        }
        assert_true(k > 0 && k < CLADE__MOVES_MAX);
        assert_true(lever[l].n_steps >= 1 && lever[l].n_steps <= CLADE__LEVER_STEPS_MAX);
    }
}

/* ---------------------------------------------------------------- LIME */

/* Two columns whose ranks are normal already: slopes in rank space are the slopes. */
static void a_line_is_found_again_in_rank_space(void **state)
{
    (void)state;
    enum { RANKS = 201 };
    static double     sorted[2 * RANKS];
    uint32_t          column[2] = { 0, 1 };
    double            score[2]  = { 0.3, -0.4 };
    clade__lime_space space     = { .n         = 2,
                                    .n_columns = COLUMNS,
                                    .n_sorted  = RANKS,
                                    .column    = column,
                                    .score     = score,
                                    .sorted    = sorted };
    const float       row[3]    = { 0.3f, -0.4f, 0 };
    const double      slope[2]  = { 1.7, -0.9 };
    double            found[2], again[2], other[2], margin, r2;
    for (size_t k = 0; k < 2 * RANKS; k++) {
        const double p = (double)(k % RANKS) / (RANKS - 1);
        sorted[k]      = clade_normal_quantile(fmin(fmax(p, 0.001), 0.999));
    }
    check_ok(clade__lime_fit(found, &margin, &r2, &space, row, line, slope, 3, 0, &err));
    /* Ridge 1 against a weighted sum of squares of about 400, and tails that bend beyond 3.1. */
    check_close(found[0], slope[0], 0.02);
    check_close(found[1], slope[1], 0.02);
    check_close(margin, 0.7 + 1.7 * 0.3 + 0.9 * 0.4, 0.02);
    assert_true(r2 > 0.995);
    check_ok(clade__lime_fit(again, &margin, &r2, &space, row, line, slope, 3, 0, &err));
    check_ok(clade__lime_fit(other, &margin, &r2, &space, row, line, slope, 3, 1, &err));
    assert_memory_equal(found, again, sizeof found);
    assert_true(found[0] != other[0]);
}

static void a_customers_line_is_repeatable_and_says_how_stable_it_is(void **state)
{
    (void)state;
    clade_lime            a, b;
    clade_predict_reasons r;
    clade_prediction     *answer = NULL;
    size_t                n      = 0;
    check_ok(clade_predictor_score(&answer, &n, fitted[PURCHASE], shop, &err));
    const int64_t who = answer[n / 2].customer;
    check_ok(clade_predictor_lime(&a, fitted[PURCHASE], shop, who, 9, &err));
    check_ok(clade_predictor_lime(&b, fitted[PURCHASE], shop, who, 9, &err));
    check_ok(clade_predictor_explain(&r, fitted[PURCHASE], shop, who, &err));
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.term, b.term, a.n * sizeof *a.term);
    check_close(a.model_margin, r.margin, 1e-3); /* float leaves */
    assert_true(a.n > 20 && a.jaccard > 0.2 && a.jaccard <= 1);
    assert_true(a.rank_correlation > 0.1 && a.rank_correlation <= 1);
    for (size_t k = 1; k < a.n; k++)
        assert_true(fabs(a.term[k].margin) <= fabs(a.term[k - 1].margin));
    assert_int_equal(clade_predictor_lime(&b, fitted[VALUE], shop, who, 9, &err), CLADE_ERR_ARG);
    clade_predict_reasons_free(&r);
    clade_lime_free(&a);
    clade_lime_free(&b);
    free(answer);
}

/* ---------------------------------------------------------------- single events */

/* The customer's vector after the events of an item were taken out of the log. */
static double margin_without(const clade_predictor *model, int64_t who, const char *item)
{
    char           sql[400];
    clade_vectors *v   = NULL;
    float         *row = NULL;
    double         margin;
    check_ok(clade__customer_fill(&row, model, shop, who, &err));
    snprintf(sql, sizeof sql,
             "CREATE TABLE gone AS SELECT * FROM event WHERE customer = %lld AND item = %s",
             (long long)who, item + 1);
    run(sql);
    run("DELETE FROM event WHERE event IN (SELECT event FROM gone)");
    check_ok(clade_shop_vectors(&v, store, shop->behaviour, DAYS * DAY, &who, 1, &err));
    run("INSERT INTO event SELECT * FROM gone");
    run("DROP TABLE gone");
    assert_int_equal(v->n_customers, 1);
    memcpy(row + model->n_features + CLADE__VALUE_COLUMNS, v->value, v->d * sizeof *row);
    check_ok(clade__blend_margin(&margin, model, row, 1, &err));
    clade_shop_vectors_free(v);
    free(row);
    return margin;
}

static void an_items_part_is_what_the_answer_loses_when_the_log_is_without_it(void **state)
{
    (void)state;
    clade_predictor   model  = *fitted[PURCHASE];
    clade_prediction *answer = NULL;
    size_t            n_all = 0, n_moved = 0;
    assert_int_equal(clade__predictor_n_vector(&model), 16);
    assert_non_null(model.joint);
    memset(model.card.weight, 0, sizeof model.card.weight);
    model.card.weight[CLADE_PREDICT_JOINT] = 1;
    check_ok(clade_predictor_score(&answer, &n_all, &model, shop, &err));
    for (size_t i = 1; i < n_all; i += n_all / 6) {
        clade_predict_event *event = NULL;
        size_t               n     = 0;
        const double         whole = log(answer[i].value / (1 - answer[i].value));
        check_ok(clade_predictor_events(&event, &n, &model, shop, answer[i].customer, &err));
        assert_true(n > 0 && n <= CLADE_RECOMMEND_GROUNDS);
        for (size_t k = 0; k < n; k++) {
            if (k > 0) assert_true(fabs(event[k].margin) <= fabs(event[k - 1].margin));
            n_moved += event[k].margin != 0;
            if (k > 1) continue; /* the log is rewritten for each */
            const double without = margin_without(&model, answer[i].customer, event[k].item);
            check_close(event[k].margin, whole - without, 1e-6);
        }
        free(event);
    }
    assert_true(n_moved > 0);
    free(answer);
}

static void without_vectors_no_event_has_a_part(void **state)
{
    (void)state;
    clade_predictor      model             = *fitted[PURCHASE];
    clade_predict_event *event             = NULL;
    size_t               n                 = 1;
    model.card.weight[CLADE_PREDICT_JOINT] = 0;
    check_ok(clade_predictor_events(&event, &n, &model, shop, 1, &err));
    assert_int_equal(n, 0);
    free(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_line_both_shapes_are_the_line_worked_by_hand),
        cmocka_unit_test(of_an_additive_model_ale_is_the_term),
        cmocka_unit_test(
            of_columns_that_go_together_ale_sees_the_bend_and_partial_dependence_does_not),
        cmocka_unit_test(who_lacks_the_feature_takes_no_part),
        cmocka_unit_test(what_no_feature_goes_into_has_no_shape),
        cmocka_unit_test(pairs_scale_with_the_trees_and_do_not_mind_the_order),
        cmocka_unit_test(rules_leave_nobody_out_and_say_the_mean_answer_of_whom_they_catch),
        cmocka_unit_test(rules_speak_of_features_that_people_can_read_and_are_few),
        cmocka_unit_test(a_change_does_what_it_says_with_values_that_others_have),
        cmocka_unit_test(a_harder_target_is_never_reached_by_less),
        cmocka_unit_test(what_cannot_be_changed_is_said_in_a_sentence),
        cmocka_unit_test(changes_are_told_in_both_languages),
        cmocka_unit_test(actions_name_features_that_there_are),
        cmocka_unit_test(a_line_is_found_again_in_rank_space),
        cmocka_unit_test(an_items_part_is_what_the_answer_loses_when_the_log_is_without_it),
        cmocka_unit_test(without_vectors_no_event_has_a_part),
        cmocka_unit_test(a_customers_line_is_repeatable_and_says_how_stable_it_is),
    };
    return cmocka_run_group_tests(tests, setup_fitted, teardown_fitted);
}
