/* Fitting NEXT: every model on what is older than the choosing slice, the one that loses least
 * there and the shift of its quantiles, one judgement on the latest block, a last fit on all. */
#include "predict_internal.h"

#include "clade/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEAST_RETURNS = 20, LEAST_FOR_TREES = 200, N_SHIFTS = 41 };

static const double most_shift = 1; /* of log(1 + days) */

static const char *const model_name[CLADE__N_NEXT_MODEL] = { "rule", "rhythm", "bg_nbd", "trees" };

/* Half of the customers of the choosing block stop the trees, the others choose. */
typedef struct slices {
    uint32_t *tune;
    size_t    n_tune, n;
    float    *x; /* (n, n_columns) those that choose */
    double   *y, *answer;
} slices;

static void slices_free(slices *s)
{
    free(s->tune);
    free(s->x);
    free(s->y);
    free(s->answer);
}

static clade_status slices_make(slices *s, const clade__rows *rows, uint64_t seed, clade_error *err)
{
    const clade__fold *const fold  = &rows->fold[rows->n_folds - 1];
    const size_t             first = fold->from, end = fold->end;
    const size_t             d = rows->n_columns, n = end - first;
    s->tune   = CLADE_NEW(uint32_t, n + 1);
    s->x      = CLADE_NEW(float, n *d + 1);
    s->y      = CLADE_NEW(double, n + 1);
    s->answer = CLADE_NEW(double, CLADE__N_NEXT_LEVEL *n + 1);
    if (s->tune == NULL || s->x == NULL || s->y == NULL || s->answer == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to choose among models");
    for (size_t i = first; i < end; i++) {
        if (clade_hash64(&rows->customer[i], sizeof rows->customer[i], seed + 2) & 1) {
            s->tune[s->n_tune++] = (uint32_t)i;
        } else {
            memcpy(s->x + s->n * d, rows->x + i * d, d * sizeof *s->x);
            s->y[s->n++] = rows->y[i];
        }
    }
    return CLADE_OK;
}

/* Of a grid around no shift, what each quantile loses least with. What is at the horizon stays. */
static void settle_shift(double *shift, const double *answer, const double *y, size_t n,
                         int horizon_days)
{
    static const double level[CLADE__N_NEXT_LEVEL] = { 0.1, 0.5, 0.9 };
    const double        most                       = log1p(horizon_days);
    for (size_t q = 0; q < CLADE__N_NEXT_LEVEL; q++) {
        double best = (double)INFINITY;
        for (int k = 0; k < N_SHIFTS; k++) { /* 0, +, -, ++, --, ...: the least shift of equals */
            const double step = most_shift / (N_SHIFTS / 2) * ((k + 1) / 2);
            const double by   = k % 2 == 1 ? step : -step;
            double       loss = 0;
            for (size_t i = 0; i < n; i++) {
                const double raw  = answer[i * CLADE__N_NEXT_LEVEL + q];
                const double at   = raw >= most ? most : fmax(0, fmin(most, raw + by));
                const double days = expm1(at), came = fmin(y[i], horizon_days);
                loss += came >= days ? level[q] * (came - days) : (1 - level[q]) * (days - came);
            }
            if (loss >= best * (1 - 1e-9)) continue;
            best     = loss;
            shift[q] = by;
        }
    }
}

static clade_status choose(clade_predictor *p, const clade__rows *rows, uint64_t seed,
                           clade_error *err)
{
    clade__next *const next    = p->next;
    const size_t       n_learn = rows->fold[rows->n_folds - 1].learn_end;
    const int          horizon = p->card.task.horizon_days;
    slices             s       = { 0 };
    double             best    = (double)INFINITY;
    clade_status       status  = slices_make(&s, rows, seed, err);
    for (int m = 0; m < CLADE__N_NEXT_MODEL && status == CLADE_OK; m++) {
        double shift[CLADE__N_NEXT_LEVEL];
        next->loss[m] = (double)NAN;
        if (m == CLADE__NEXT_TREES && (n_learn < LEAST_FOR_TREES || s.n_tune == 0)) continue;
        status = clade__next_model_fit(p, (clade__next_model)m, rows, n_learn, s.tune, s.n_tune,
                                       seed, err);
        if (status == CLADE_OK)
            status = clade__next_quantiles(s.answer, p, (clade__next_model)m, s.x, s.n, err);
        if (status != CLADE_OK) break;
        next->loss[m] = clade__next_pinball(s.answer, s.y, s.n, horizon);
        settle_shift(shift, s.answer, s.y, s.n, horizon);
        if (!(next->loss[m] < best)) continue;
        best        = next->loss[m];
        next->model = (clade__next_model)m;
        memcpy(next->shift, shift, sizeof shift);
    }
    slices_free(&s);
    if (status == CLADE_OK) status = clade_interrupt_check(err);
    return status;
}

/* The card's names: rule, the probability model that did better, trees with all columns. */
static void settle_weights(clade_predictor *p)
{
    const clade__next *const next = p->next;
    const double             a = next->loss[CLADE__NEXT_RHYTHM], b = next->loss[CLADE__NEXT_BG_NBD];
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        p->card.loss[m]   = (double)NAN;
        p->card.weight[m] = 0;
    }
    p->card.loss[CLADE_PREDICT_RULE]  = next->loss[CLADE__NEXT_RULE];
    p->card.loss[CLADE_PREDICT_VALUE] = a <= b ? a : b;
    p->card.loss[CLADE_PREDICT_JOINT] = next->loss[CLADE__NEXT_TREES];
    p->card.blend_loss                = next->loss[next->model];
    p->card.weight[next->model == CLADE__NEXT_RULE    ? CLADE_PREDICT_RULE
                   : next->model == CLADE__NEXT_TREES ? CLADE_PREDICT_JOINT
                                                      : CLADE_PREDICT_VALUE] = 1;
    p->intercept = next->model == CLADE__NEXT_TREES ? next->shift[CLADE__NEXT_MEDIAN] : 0;
    p->slope     = 1;
}

static clade_status refit(clade_predictor *p, const clade__rows *rows, size_t n, uint64_t seed,
                          clade_error *err)
{
    CLADE_TRY(clade__next_model_fit(p, CLADE__NEXT_RULE, rows, n, NULL, 0, seed, err));
    return p->next->model == CLADE__NEXT_RULE
               ? CLADE_OK
               : clade__next_model_fit(p, p->next->model, rows, n, NULL, 0, seed, err);
}

static clade_status judge(clade_predictor *p, const clade__rows *rows, uint64_t seed,
                          clade_error *err)
{
    const size_t       from = rows->n_learn, n = rows->n - from;
    const float *const x      = rows->x + from * rows->n_columns;
    double *const      answer = CLADE_NEW(double, 2 * CLADE__N_NEXT_LEVEL * n + 1);
    if (answer == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    double *const rule   = answer + CLADE__N_NEXT_LEVEL * n;
    clade_status  status = clade__next_answers(answer, p, x, n, err);
    if (status == CLADE_OK) status = clade__next_quantiles(rule, p, CLADE__NEXT_RULE, x, n, err);
    if (status == CLADE_OK)
        status = clade__next_judge(&p->card, answer, rule, rows->y + from, n, seed, err);
    free(answer);
    return status;
}

/* Where reasons start that have one number alone. */
static clade_status settle_average(clade_predictor *p, const clade__rows *rows, clade_error *err)
{
    double *const margin = CLADE_NEW(double, rows->n + 1);
    double        sum    = 0;
    if (margin == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for answers");
    const clade_status status = clade__next_margin(margin, p, rows->x, rows->n, err);
    for (size_t i = 0; i < rows->n && status == CLADE_OK; i++)
        sum += margin[i];
    p->average[CLADE_PREDICT_VALUE] = sum / (double)rows->n;
    free(margin);
    return status;
}

static clade_status fit_rows(clade_predictor *p, const clade__rows *rows, uint64_t seed,
                             clade_error *err)
{
    clade_predict_card *const card    = &p->card;
    const size_t              n_learn = rows->n_learn;
    size_t                    n_back  = 0;
    for (size_t i = 0; i < n_learn; i++)
        n_back += rows->y[i] < card->task.horizon_days;
    if (n_learn < CLADE__MIN_ROWS || rows->n_folds == 0 || rows->n == n_learn)
        return clade__not_ready(
            &card->why, err, "next: %zu buyers could be learnt from, wanted at least %d",
            "next：可供学习的买家 %zu 位，至少需要 %d 位", n_learn, CLADE__MIN_ROWS);
    if (n_back < LEAST_RETURNS)
        return clade__not_ready(
            &card->why, err, "next: %zu of %zu customers bought again, wanted at least %d",
            "next：再次购买 %zu 位（共 %zu 位），至少需要 %d 位", n_back, n_learn, LEAST_RETURNS);
    p->n_features           = rows->n_features;
    p->n_columns            = rows->n_columns;
    card->n_moments         = rows->n_moments;
    card->judged_us         = rows->judged_us;
    card->judged_days       = card->task.horizon_days;
    card->by_customers      = rows->by_customers;
    card->n_learnt          = n_learn;
    card->n_learnt_positive = n_back;
    CLADE_TRY(choose(p, rows, seed, err));
    settle_weights(p);
    CLADE_TRY(refit(p, rows, n_learn, seed, err));
    CLADE_TRY(judge(p, rows, seed, err));
    CLADE_TRY(refit(p, rows, rows->n, seed, err));
    return settle_average(p, rows, err);
}

clade_status clade__next_fit(clade_predictor *p, clade_predictions *ps, clade_error *err)
{
    clade__rows    rows   = { 0 };
    clade__moment *judged = NULL;
    p->next               = CLADE_NEW(clade__next, 1);
    if (p->next == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a predictor");
    clade_status status = clade__rows_make(&rows, &p->card.behaviour, &p->card.task, ps, err);
    if (status == CLADE_OK) status = clade__moment_get(&judged, ps, rows.judged_us, err);
    if (status == CLADE_OK) {
        p->next->usual_gap_days = judged->rhythm.usual_gap_days; /* known before the window */
        status                  = fit_rows(p, &rows, ps->options.seed, err);
    }
    clade__rows_free(&rows);
    return status;
}

/* ---------------------------------------------------------------- in model.json */

static void write_survival(clade_json *json, const clade__survival *s)
{
    clade_json_object(json);
    clade_json_put_int(json, "n", (int64_t)s->n);
    clade__json_put_numbers(json, "at", s->at, s->n);
    clade__json_put_numbers(json, "left", s->left, s->n);
    clade_json_object_end(json);
}

void clade__next_write(clade_json *json, const clade__next *next)
{
    clade_json_key(json, "next");
    clade_json_object(json);
    clade_json_put_text(json, "model", model_name[next->model]);
    clade__json_put_numbers(json, "loss", next->loss, CLADE__N_NEXT_MODEL);
    clade_json_put_number(json, "usual_gap_days", next->usual_gap_days);
    clade__json_put_numbers(json, "spread", next->spread, CLADE__N_NEXT_LEVEL);
    clade__json_put_numbers(json, "shift", next->shift, CLADE__N_NEXT_LEVEL);
    clade__json_put_numbers(json, "buying", next->buying, 4);
    clade_json_key(json, "survival");
    clade_json_array(json);
    for (size_t k = 0; k < CLADE__N_NEXT_KIND; k++)
        write_survival(json, &next->survival[k]);
    clade_json_array_end(json);
    clade_json_object_end(json);
}

static clade_status read_survival(clade__survival *s, const clade_json_tree *tree,
                                  const clade_json_node *node, clade_error *err)
{
    clade_json_reader r = { tree, "model.json", err, CLADE_OK };
    s->n                = clade_json_take_size(&r, node, "n");
    CLADE_TRY(r.status);
    if (s->n > CLADE__SURVIVAL_POINTS)
        return clade_fail(err, CLADE_ERR_DATA, "model.json: %zu steps of survival", s->n);
    CLADE_TRY(clade__json_numbers(s->at, s->n, tree, node, "at", err));
    CLADE_TRY(clade__json_numbers(s->left, s->n, tree, node, "left", err));
    for (size_t k = 0; k < s->n; k++)
        if (!(s->at[k] > (k == 0 ? 0 : s->at[k - 1])) || !(s->left[k] >= 0 && s->left[k] <= 1))
            return clade_fail(err, CLADE_ERR_DATA, "model.json: step %zu of survival does not fall",
                              k);
    return CLADE_OK;
}

clade_status clade__next_read(clade__next *out, const clade_json_tree *tree, clade_error *err)
{
    clade_json_reader            r = { tree, "model.json", err, CLADE_OK };
    char                         model[16];
    const clade_json_node *const node =
        clade_json_member(&r, tree->node, "next", CLADE_JSON_OBJECT);
    if (node == NULL) return r.status;
    clade_json_take_text(model, sizeof model, &r, node, "model");
    out->usual_gap_days = clade_json_take_number(&r, node, "usual_gap_days");
    CLADE_TRY(r.status);
    out->model = CLADE__N_NEXT_MODEL;
    for (int m = 0; m < CLADE__N_NEXT_MODEL; m++)
        if (strcmp(model, model_name[m]) == 0) out->model = (clade__next_model)m;
    if (out->model == CLADE__N_NEXT_MODEL || !(out->usual_gap_days > 0))
        return clade_fail(err, CLADE_ERR_DATA, "model.json: next by '%s' with a gap of %g days",
                          model, out->usual_gap_days);
    CLADE_TRY(clade__json_numbers(out->spread, CLADE__N_NEXT_LEVEL, tree, node, "spread", err));
    CLADE_TRY(clade__json_numbers(out->shift, CLADE__N_NEXT_LEVEL, tree, node, "shift", err));
    CLADE_TRY(clade__json_numbers(out->buying, 4, tree, node, "buying", err));
    for (int i = 0; i < 4 && out->model == CLADE__NEXT_BG_NBD; i++)
        if (!(out->buying[i] > 0))
            return clade_fail(err, CLADE_ERR_DATA, "model.json: parameter %d of BG/NBD is %g", i,
                              out->buying[i]);
    const clade_json_node *const list = clade_json_member(&r, node, "survival", CLADE_JSON_ARRAY);
    if (list == NULL) return r.status;
    if (list->n != CLADE__N_NEXT_KIND)
        return clade_fail(err, CLADE_ERR_DATA, "model.json: %zu kinds of survival, wanted %d",
                          (size_t)list->n, CLADE__N_NEXT_KIND);
    const clade_json_node *one = list + 1;
    for (size_t k = 0; k < CLADE__N_NEXT_KIND; k++, one = tree->node + one->next) {
        if (one->type != CLADE_JSON_OBJECT)
            return clade_fail(err, CLADE_ERR_DATA, "model.json: survival %zu is no object", k);
        CLADE_TRY(read_survival(&out->survival[k], tree, one, err));
    }
    return CLADE_OK;
}
