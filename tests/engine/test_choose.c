/* Choosing among models by earlier moments: levels that hold from season to season, a budget of
 * time, and the elastic net among what is tried. */
#include "check.h"

#include "clade/elastic_net.h"
#include "clade/predict.h"
#include "engine/predict/predict_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- rows made by hand */

enum { MOMENTS = 5, A_MOMENT = 300, LOOKED_AT = 3 };

static clade_error err;

/* Moments one after another, the last of them judged; three columns tell the label and the others
 * are absent. Each moment has a level of its own. */
static clade__rows make_rows(const double *level, uint64_t seed)
{
    clade_rng   rng = clade_rng_stream(seed, "test/choose", 0);
    size_t      n_features;
    clade__rows r = { .n       = (size_t)MOMENTS * A_MOMENT,
                      .n_learn = (size_t)(MOMENTS - 1) * A_MOMENT };
    (void)clade_features_all(&n_features);
    r.n_features = n_features;
    r.n_columns  = n_features + CLADE__VALUE_COLUMNS;
    r.x          = CLADE_NEW(float, r.n *r.n_columns);
    r.y          = CLADE_NEW(double, r.n);
    r.customer   = CLADE_NEW(int64_t, r.n);
    for (size_t i = 0; i < r.n * r.n_columns; i++)
        r.x[i] = NAN;
    for (size_t i = 0; i < r.n; i++) {
        double margin = level[i / A_MOMENT];
        for (size_t j = 0; j < LOOKED_AT; j++) {
            const double z               = clade_rng_normal(&rng);
            r.x[i * r.n_columns + 3 * j] = (float)(exp(z) - 1); /* slog(x) is z, above 0 */
            margin += 0.9 * (z > 0 ? z : 0) - 0.36;
        }
        r.customer[i] = (int64_t)(i % A_MOMENT);
        r.y[i]        = clade_rng_uniform(&rng) < 1 / (1 + exp(-margin));
    }
    return r;
}

/* The latest n folds, each behind the moments before it. */
static void set_folds(clade__rows *r, size_t n)
{
    r->n_folds = n;
    for (size_t f = 0; f < n; f++) {
        const size_t moment = MOMENTS - 1 - n + f;
        r->fold[f] = (clade__fold){ moment * A_MOMENT, moment * A_MOMENT, (moment + 1) * A_MOMENT };
    }
}

static clade_predictor *new_predictor(const clade__rows *r, double budget_s)
{
    clade_predictor *const p = CLADE_NEW(clade_predictor, 1);
    p->card.task  = (clade_predict_task){ .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 };
    p->n_features = r->n_features;
    p->n_columns  = r->n_columns;
    p->search     = (clade_predict_search){
            .n_depths = 2, .depth = { 2, 3 }, .rounds = 8, .rate = 0.2, .budget_s = budget_s
    };
    p->deadline = (double)INFINITY;
    return p;
}

/* Mean answer less mean truth at the judged moment, after a choice by so many folds. */
static double level_missed(const double *level, size_t n_folds, uint64_t seed)
{
    clade__rows      r = make_rows(level, seed);
    clade_predictor *p = new_predictor(&r, 0);
    double           margin[A_MOMENT], missed = 0;
    set_folds(&r, n_folds);
    check_ok(clade__choose(p, &r, 1, &err));
    assert_int_equal(p->card.n_folds, n_folds);
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        if (p->card.weight[m] > 0)
            check_ok(clade__model_fit(p, (clade_predict_model)m, &r, r.n_learn, NULL, 0, 1, &err));
    check_ok(clade__blend_margin(margin, p, r.x + r.n_learn * r.n_columns, A_MOMENT, &err));
    for (size_t i = 0; i < A_MOMENT; i++)
        missed += (1 / (1 + exp(-margin[i])) - r.y[r.n_learn + i]) / A_MOMENT;
    clade_predictor_free(p);
    clade__rows_free(&r);
    return missed;
}

/* Seasons whose levels are drawn by chance: the last of them says little of the next one, and a
 * calibration by it alone carries its luck over. */
static void several_seasons_calibrate_nearer_than_one(void **state)
{
    (void)state;
    enum { DRAWS = 8 };
    double    square[2] = { 0, 0 };
    clade_rng rng       = clade_rng_stream(9, "test/seasons", 0);
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        double level[MOMENTS];
        for (int k = 0; k < MOMENTS; k++)
            level[k] = 0.8 * clade_rng_normal(&rng);
        for (int k = 0; k < 2; k++) {
            const double missed = level_missed(level, k == 0 ? 1 : 3, draw);
            square[k] += missed * missed / DRAWS;
        }
    }
    assert_true(sqrt(square[1]) < 0.9 * sqrt(square[0]));
}

/* What every season shares is kept: models that learn from a level of 0 and are asked at 1, 1 and 1
 * more each time are moved up. */
static void a_level_that_rises_every_season_is_followed(void **state)
{
    (void)state;
    const double rising[MOMENTS] = { -1.6, -0.8, 0, 0.8, 1.6 };
    clade__rows  r               = make_rows(rising, 3);
    set_folds(&r, 3);
    clade_predictor *const p = new_predictor(&r, 0);
    check_ok(clade__choose(p, &r, 1, &err));
    const double at_nothing = clade__calibrated(p, 0);
    assert_true(at_nothing > 0.5 &&
                at_nothing < 1.8); /* folds lie .8 to 1.2 above what taught them */
    clade_predictor_free(p);
    clade__rows_free(&r);
}

static void a_spent_budget_leaves_out_what_takes_long_and_says_so(void **state)
{
    (void)state;
    const double     flat[MOMENTS] = { 0 };
    clade_sentence   says;
    clade__rows      r     = make_rows(flat, 1);
    clade_predictor *brief = new_predictor(&r, 1e-9), *ample = new_predictor(&r, 1e6);
    set_folds(&r, 3);
    check_ok(clade__choose(brief, &r, 1, &err));
    check_ok(clade__choose(ample, &r, 1, &err));
    const clade_predict_card *const card = &brief->card;
    assert_true(card->untried[CLADE_PREDICT_NET] && card->untried[CLADE_PREDICT_JOINT]);
    assert_true(card->weight[CLADE_PREDICT_NET] == 0 && card->weight[CLADE_PREDICT_JOINT] == 0);
    assert_int_equal(card->n_folds, 1);
    assert_int_equal(card->n_folds_borne, 3);
    assert_int_equal(card->n_depths_tried, 0);
    assert_true(clade_predict_card_search(&says, card));
    assert_non_null(strstr(says.en, "1 of 3 earlier moments"));
    assert_non_null(strstr(says.en, "0 of 2 depths"));
    assert_non_null(strstr(says.en, "not tried for lack of time: net, joint"));
    assert_int_equal(ample->card.n_folds, 3);
    assert_int_equal(ample->card.n_depths_tried, 2);
    assert_false(ample->card.untried[CLADE_PREDICT_JOINT]);
    clade_predictor_free(brief);
    clade_predictor_free(ample);
    clade__rows_free(&r);
}

/* ---------------------------------------------------------------- the net */

static void a_net_answers_as_the_path_that_it_was_taken_from(void **state)
{
    (void)state;
    const double flat[MOMENTS] = { 0 };
    const size_t n             = (size_t)2 * A_MOMENT;
    clade__rows  r             = make_rows(flat, 7);
    clade__net  *net           = calloc(1, sizeof *net);
    net->lambda                = 0.02;
    check_ok(clade__net_fit(&net, &r, n, NULL, 0, false, &err));
    check_close(net->lambda, 0.02, 1e-12);
    assert_int_equal(net->n, LOOKED_AT); /* the others are absent */
    float *const   slog  = CLADE_NEW(float, n *r.n_columns);
    uint8_t *const label = CLADE_NEW(uint8_t, n);
    double *const  logit = CLADE_NEW(double, n);
    for (size_t i = 0; i < n; i++)
        label[i] = r.y[i] > 0;
    clade_signed_log(slog, r.x, n * r.n_columns);
    clade_elastic_net        *path   = NULL;
    const double              lambda = 0.02;
    clade_elastic_net_options o      = { .n_lambda = 1, .lambda = &lambda, .tolerance = 1e-9 };
    check_ok(clade_elastic_net_fit(&path, slog, n, r.n_columns, label, &o, &err));
    clade_elastic_net_predict(logit, path, 0, slog, n);
    for (size_t i = 0; i < n; i += 17) /* solved to another tolerance */
        check_close(clade__net_margin(net, r.x + i * r.n_columns), logit[i], 5e-3);
    clade_elastic_net_free(path);
    free(slog);
    free(label);
    free(logit);
    free(net);
    clade__rows_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_seasons_calibrate_nearer_than_one),
        cmocka_unit_test(a_level_that_rises_every_season_is_followed),
        cmocka_unit_test(a_spent_budget_leaves_out_what_takes_long_and_says_so),
        cmocka_unit_test(a_net_answers_as_the_path_that_it_was_taken_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
