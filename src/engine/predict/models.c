/* The models that compete, each behind the same three questions: can it, fit, and margins of rows.
 * A margin is the log-odds of yes, or the log of an amount. */
#include "predict_internal.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const double margin_most =
    15; /* e^15: chances and amounts beyond it are the same to a shop */

static double clip(double margin)
{
    return fmax(-margin_most, fmin(margin_most, margin));
}

static double logit_of(double p)
{
    const double least = 1e-7;
    p                  = fmax(least, fmin(1 - least, p));
    return log(p / (1 - p));
}

double clade__answer_of(const clade_predict_task *task, double margin)
{
    if (clade_task_is_date(task)) return expm1(margin);
    return clade_task_is_amount(task) ? exp(margin) : 1 / (1 + exp(-margin));
}

const char *clade_predict_model_name(clade_predict_model model)
{
    static const char *const name[CLADE_N_PREDICT_MODEL] = { "rule",  "linear", "net", "value",
                                                             "trees", "joint",  "ziln" };
    assert(model < CLADE_N_PREDICT_MODEL);
    return name[model];
}

/* ---------------------------------------------------------------- the rule */

/* Yes or no: a step at so many days since the last order, the one that loses least. */
static void fit_step(clade__rule *out, const clade__rows *rows, size_t n)
{
    static const double cuts[] = { 7, 14, 30, 60, 90, 180, 365 };
    const size_t        column = clade__feature_column("days_since_order");
    double              best   = (double)INFINITY;
    for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
        double count[2] = { 1, 1 }, yes[2] = { 0.5, 0.5 }, loss = 0;
        for (size_t i = 0; i < n; i++) {
            const bool in = (double)rows->x[i * rows->n_columns + column] <= cuts[c];
            count[in] += 1;
            yes[in] += rows->y[i];
        }
        for (int side = 0; side < 2; side++) {
            const double p = yes[side] / count[side];
            loss -= yes[side] * log(p) + (count[side] - yes[side]) * log(1 - p);
        }
        if (loss >= best) continue;
        best = loss;
        *out = (clade__rule){ .column = (uint32_t)column,
                              .cut    = cuts[c],
                              .in     = logit_of(yes[1] / count[1]),
                              .out    = logit_of(yes[0] / count[0]) };
    }
}

/* A line through the log of a column; absence has a margin of its own. */
static clade_status fit_line(clade__rule *out, const clade__rows *rows, size_t n, uint32_t column,
                             double offset, bool amount, double *out_loss, clade_error *err)
{
    double *const margin = CLADE_NEW(double, n + 1);
    double *const y      = CLADE_NEW(double, n + 1);
    size_t        k      = 0;
    double        absent = 0.5, n_absent = 1;
    if (margin == NULL || y == NULL) {
        free(margin);
        free(y);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    }
    for (size_t i = 0; i < n; i++) {
        const double x = (double)rows->x[i * rows->n_columns + column];
        if (isnan(x)) {
            absent += rows->y[i];
            n_absent += 1;
        } else {
            margin[k] = log(offset + fmax(0, x));
            y[k++]    = rows->y[i];
        }
    }
    *out = (clade__rule){ .column = column, .offset = offset };
    clade__calibrate(&out->out, &out->in, margin, y, k, amount);
    out->cut = amount ? log(fmax(absent / n_absent, 1e-6)) : logit_of(absent / n_absent);
    for (size_t i = 0; i < k; i++)
        margin[i] = out->out + out->in * margin[i];
    *out_loss = clade__mean_loss(margin, y, k, amount);
    free(margin);
    free(y);
    return CLADE_OK;
}

/* Money: by what was spent in the last quarter, year, or ever, whichever loses least. */
static clade_status fit_spend_rule(clade__rule *out, const clade__rows *rows, size_t n,
                                   clade_error *err)
{
    static const char *const columns[] = { "spend_90d", "spend_365d", "spend_life" };
    double                   best      = (double)INFINITY;
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        clade__rule rule;
        double      loss;
        CLADE_TRY(fit_line(&rule, rows, n, (uint32_t)clade__feature_column(columns[c]), 1, true,
                           &loss, err));
        if (loss < best) {
            best = loss;
            *out = rule;
        }
    }
    return CLADE_OK;
}

static double line_margin(const clade__rule *rule, float x)
{
    if (isnan(x)) return clip(rule->cut);
    return clip(rule->out + rule->in * log(rule->offset + fmax(0, (double)x)));
}

/* ---------------------------------------------------------------- the linear model */

/* Some columns of rows, on their own: out (n, n_take) of rows picked by `row`, or the first n. */
static clade_status take_columns(float **out, const float *x, size_t n, size_t n_columns,
                                 size_t n_take, clade_error *err)
{
    size_t n_values;
    *out = clade_size_mul(&n_values, n, n_take) ? CLADE_NEW(float, n_values + 1) : NULL;
    if (*out == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu columns of %zu customers",
                          n_take, n);
    for (size_t i = 0; i < n; i++)
        memcpy(*out + i * n_take, x + i * n_columns, n_take * sizeof(float));
    return CLADE_OK;
}

/* Where a logit of an amount levels off: twice what one of two hundred buyers exceeds. */
static double top_amount(const double *y, size_t n)
{
    double *spent = CLADE_NEW(double, n + 1);
    size_t  k     = 0;
    if (spent == NULL) return 0;
    for (size_t i = 0; i < n; i++)
        if (y[i] > 0) spent[k++] = y[i];
    const double top = k == 0 ? 1 : 2 * clade_quantile_f64(spent, k, 0.995);
    free(spent);
    return top;
}

static clade_status fit_linear(clade_predictor *out, const clade__rows *rows, size_t n,
                               clade_error *err)
{
    const bool            amount = clade_task_is_amount(&out->card.task);
    const double          top    = amount ? top_amount(rows->y, n) : 1;
    clade_additive_shape  shape  = { .df = n >= 6000 ? 32 : n >= 1500 ? 16 : 8, .top = { top } };
    float                *x      = NULL;
    double *const         y      = CLADE_NEW(double, n + 1);
    clade_additive *const model  = CLADE_NEW(clade_additive, 1);
    clade_status          status =
        y == NULL || model == NULL || top <= 0
                     ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for the linear model of %zu customers", n)
                     : take_columns(&x, rows->x, n, rows->n_columns, rows->n_features, err);
    if (status == CLADE_OK) {
        clade_signed_log(x, x, n * rows->n_features);
        for (size_t i = 0; i < n; i++)
            y[i] = fmin(rows->y[i], top);
        status = clade_additive_fit_shapes(model, &shape, 1, x, n, rows->n_features, y, 1, NULL,
                                           CLADE_ADDITIVE_TERMS_MAX, err);
    }
    free(x);
    free(y);
    if (status == CLADE_OK) {
        free(out->linear);
        out->linear = model;
    } else {
        free(model);
    }
    return status;
}

/* ---------------------------------------------------------------- trees */

enum { MOST_ROUNDS = 300, PATIENCE = 15, SMALL_CELLS = 1 << 22 };

static const int    usual_depths[] = { 3, 5, 7 };
static const double usual_rate     = 0.08;

size_t clade__n_depths(const clade_predict_search *search)
{
    return search->n_depths > 0 ? search->n_depths : sizeof usual_depths / sizeof usual_depths[0];
}

/* Deep trees need more customers in a leaf, and see fewer columns each. */
static clade__tree_shape shape_of(const clade_predict_search *search, size_t s)
{
    const int depth = search->n_depths > 0 ? search->depth[s] : usual_depths[s];
    return (clade__tree_shape){ .depth     = depth,
                                .rounds    = search->rounds > 0 ? search->rounds : MOST_ROUNDS,
                                .rate      = search->rate > 0 ? search->rate : usual_rate,
                                .min_child = depth <= 3   ? 5
                                             : depth <= 5 ? 10
                                                          : 30,
                                .colsample = depth <= 5 ? 0.5 : 0.3 };
}

static clade_status grow(clade_trees **out, const clade_trees_data *learn,
                         const clade_trees_data *tune, const clade__tree_shape *shape, bool amount,
                         uint64_t seed, clade_error *err)
{
    clade_trees_options options =
        clade_trees_defaults(amount ? CLADE_TREES_TWEEDIE : CLADE_TREES_LOGISTIC);
    options.n_rounds         = shape->rounds;
    options.max_depth        = shape->depth;
    options.eta              = shape->rate;
    options.subsample        = 0.8;
    options.colsample        = shape->colsample;
    options.min_child_weight = amount ? shape->min_child : shape->min_child / 4;
    options.lambda           = 2;
    options.max_bin          = 64;
    options.patience         = tune == NULL ? 0 : PATIENCE;
    options.seed             = seed;
    /* Threads that wait for each other cost more than a round of few rows, and in a search the
     * shapes are what runs side by side. */
    const bool small  = learn->n_rows * learn->n_columns < SMALL_CELLS;
    options.n_threads = small || tune != NULL ? 1 : 0;
    return clade_trees_fit(out, learn, tune, &options, err);
}

/* The search: each shape in a task of its own, watched on the tuning rows. The first is grown
 * whatever the budget. */
typedef struct search_work {
    const clade_trees_data     *learn, *tune;
    const clade_predict_search *search;
    double                      deadline;
    bool                        amount;
    uint64_t                    seed;
    clade_trees                *trees[CLADE_PREDICT_DEPTHS_MAX]; /* NULL: not tried */
    clade_status                status[CLADE_PREDICT_DEPTHS_MAX];
    clade_error                 err[CLADE_PREDICT_DEPTHS_MAX];
} search_work;

static void search_task(size_t s, int worker, void *context)
{
    search_work *const      w     = context;
    const clade__tree_shape shape = shape_of(w->search, s);
    (void)worker;
    if (s > 0 && clade_seconds() > w->deadline) return;
    w->status[s] = clade_interrupt_check(&w->err[s]);
    if (w->status[s] == CLADE_OK)
        w->status[s] =
            grow(&w->trees[s], w->learn, w->tune, &shape, w->amount, w->seed, &w->err[s]);
}

/* The shape that loses least stays, with its rounds and what it has grown. */
static clade_status search(clade_trees **out_trees, clade_predictor *p,
                           const clade_trees_data *learn, const clade_trees_data *tune,
                           uint64_t seed, clade_error *err)
{
    search_work *const w    = CLADE_NEW(search_work, 1);
    const size_t       n    = clade__n_depths(&p->search);
    size_t             best = 0, tried = 0;
    if (w == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to search trees");
    *w = (search_work){ .learn    = learn,
                        .tune     = tune,
                        .search   = &p->search,
                        .deadline = p->deadline,
                        .amount   = clade_task_is_amount(&p->card.task),
                        .seed     = seed };
    clade_parallel(n, search_task, w);
    clade_status status = CLADE_OK;
    for (size_t s = 0; s < n && status == CLADE_OK; s++) {
        status = w->status[s];
        if (status != CLADE_OK && err != NULL) *err = w->err[s];
        if (status != CLADE_OK || w->trees[s] == NULL) continue;
        tried++;
        if (clade_trees_valid_loss(w->trees[s]) < clade_trees_valid_loss(w->trees[best])) best = s;
    }
    if (status == CLADE_OK) {
        p->shape               = shape_of(&p->search, best);
        p->shape.rounds        = (int)clade_trees_n_rounds(w->trees[best]);
        p->card.n_depths_tried = tried;
        *out_trees             = w->trees[best];
        w->trees[best]         = NULL;
    }
    for (size_t s = 0; s < n; s++)
        clade_trees_free(w->trees[s]);
    free(w);
    return status;
}

static clade_status take_targets(float **out, const double *y, size_t n, clade_error *err)
{
    *out = CLADE_NEW(float, n + 1);
    if (*out == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu labels", n);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = (float)y[i];
    return CLADE_OK;
}

/* Tuning rows lie scattered in their block. */
static clade_status take_tuning(clade_trees_data *out, float **x, float **y,
                                const clade__rows *rows, const uint32_t *tune, size_t n,
                                size_t n_take, clade_error *err)
{
    *x = CLADE_NEW(float, n *n_take + 1);
    *y = CLADE_NEW(float, n + 1);
    if (*x == NULL || *y == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers to tune on", n);
    for (size_t i = 0; i < n; i++) {
        memcpy(*x + i * n_take, rows->x + (size_t)tune[i] * rows->n_columns,
               n_take * sizeof(float));
        (*y)[i] = (float)rows->y[tune[i]];
    }
    *out = (clade_trees_data){ .value = *x, .n_rows = n, .n_columns = n_take, .target = *y };
    return CLADE_OK;
}

static clade_status fit_trees(clade_predictor *out, bool joint, const clade__rows *rows, size_t n,
                              const uint32_t *tune, size_t n_tune, uint64_t seed, clade_error *err)
{
    const bool               amount = clade_task_is_amount(&out->card.task);
    const size_t             n_take = joint ? rows->n_columns : rows->n_features;
    const clade__tree_shape *shape  = &out->shape; /* of both kinds: searched once */
    clade_trees            **place  = joint ? &out->joint : &out->trees;
    clade_trees             *trees  = NULL;
    float                   *x = NULL, *y = NULL, *tune_x = NULL, *tune_y = NULL;
    clade_trees_data         watched = { 0 };
    clade_status             status  = take_columns(&x, rows->x, n, rows->n_columns, n_take, err);
    if (status == CLADE_OK) status = take_targets(&y, rows->y, n, err);
    const clade_trees_data learn = { .value = x, .n_rows = n, .n_columns = n_take, .target = y };
    if (status == CLADE_OK && shape->rounds > 0) {
        status = grow(&trees, &learn, NULL, shape, amount, seed, err);
    } else if (status == CLADE_OK) {
        status = take_tuning(&watched, &tune_x, &tune_y, rows, tune, n_tune, n_take, err);
        if (status == CLADE_OK) status = search(&trees, out, &learn, &watched, seed, err);
    }
    if (status == CLADE_OK) {
        clade_trees_free(*place);
        *place = trees;
    }
    free(x);
    free(y);
    free(tune_x);
    free(tune_y);
    return status;
}

/* ---------------------------------------------------------------- all of them */

/* Without vectors the joint trees are those on features with three columns more. Blending both gave
 * .002 of AUC on a demo shop's twenty tasks, for two thirds more time. */
bool clade__model_competes(clade_predict_model model, const clade__rows *rows)
{
    const bool enough = rows->n_learn >= 200;
    if (model == CLADE_PREDICT_ZILN) return rows->amount;
    if (model == CLADE_PREDICT_TREES) return enough && rows->n_vector > 0;
    return model != CLADE_PREDICT_JOINT || enough;
}

clade_status clade__model_fit(clade_predictor *out, clade_predict_model model,
                              const clade__rows *rows, size_t n_learn, const uint32_t *tune,
                              size_t n_tune, uint64_t seed, clade_error *err)
{
    const bool amount = clade_task_is_amount(&out->card.task);
    double     loss;
    switch (model) {
    case CLADE_PREDICT_RULE:
        if (amount) return fit_spend_rule(&out->rule, rows, n_learn, err);
        fit_step(&out->rule, rows, n_learn);
        return CLADE_OK;
    case CLADE_PREDICT_LINEAR: return fit_linear(out, rows, n_learn, err);
    case CLADE_PREDICT_NET:
        return clade__net_fit(&out->net, rows, n_learn, tune, n_tune, amount, err);
    case CLADE_PREDICT_VALUE:
        return fit_line(&out->value, rows, n_learn,
                        (uint32_t)rows->n_features +
                            (amount ? CLADE__VALUE_WORTH : CLADE__VALUE_ORDERS),
                        1e-6, amount, &loss, err);
    case CLADE_PREDICT_TREES: return fit_trees(out, false, rows, n_learn, tune, n_tune, seed, err);
    case CLADE_PREDICT_JOINT: return fit_trees(out, true, rows, n_learn, tune, n_tune, seed, err);
    case CLADE_PREDICT_ZILN: return clade__ziln_fit(out, rows, n_learn, tune, n_tune, err);
    default: break;
    }
    assert(false);
    return CLADE_OK;
}

/* Answers of a model that gives chances or amounts, as margins. */
static clade_status tree_margins(double *out, const clade_predictor *p, bool joint, const float *x,
                                 size_t n, clade_error *err)
{
    const bool   amount = clade_task_is_amount(&p->card.task);
    const size_t n_take = joint ? p->n_columns : p->n_features;
    float       *copy   = NULL;
    float *const answer = CLADE_NEW(float, n + 1);
    clade_status status = answer == NULL
                              ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n)
                              : take_columns(&copy, x, n, p->n_columns, n_take, err);
    if (status == CLADE_OK)
        status = clade_trees_predict(answer, joint ? p->joint : p->trees, copy, n, n_take, err);
    for (size_t i = 0; status == CLADE_OK && i < n; i++)
        out[i] = clip(amount ? log(fmax((double)answer[i], 1e-7)) : logit_of((double)answer[i]));
    free(answer);
    free(copy);
    return status;
}

static clade_status linear_margins(double *out, const clade_predictor *p, const float *x, size_t n,
                                   clade_error *err)
{
    const double top  = clade_task_is_amount(&p->card.task) ? p->linear->top[0] : 1;
    float       *copy = NULL;
    CLADE_TRY(take_columns(&copy, x, n, p->n_columns, p->n_features, err));
    clade_additive_predict(out, p->linear, copy, false, n, p->n_features);
    for (size_t i = 0; i < n; i++)
        out[i] = clip(clade_task_is_amount(&p->card.task) ? log(fmax(out[i], 1e-7 * top))
                                                          : logit_of(out[i]));
    free(copy);
    return CLADE_OK;
}

clade_status clade__model_margin(double *out, const clade_predictor *p, clade_predict_model model,
                                 const float *x, size_t n, clade_error *err)
{
    const bool amount = clade_task_is_amount(&p->card.task);
    switch (model) {
    case CLADE_PREDICT_RULE:
        for (size_t i = 0; i < n; i++) {
            const float value = x[i * p->n_columns + p->rule.column];
            out[i]            = amount                         ? line_margin(&p->rule, value)
                                : (double)value <= p->rule.cut ? p->rule.in
                                                               : p->rule.out;
        }
        return CLADE_OK;
    case CLADE_PREDICT_LINEAR: return linear_margins(out, p, x, n, err);
    case CLADE_PREDICT_NET:
        for (size_t i = 0; i < n; i++)
            out[i] = clip(clade__net_margin(p->net, x + i * p->n_columns));
        return CLADE_OK;
    case CLADE_PREDICT_VALUE:
        for (size_t i = 0; i < n; i++)
            out[i] = line_margin(&p->value, x[i * p->n_columns + p->value.column]);
        return CLADE_OK;
    case CLADE_PREDICT_TREES: return tree_margins(out, p, false, x, n, err);
    case CLADE_PREDICT_JOINT: return tree_margins(out, p, true, x, n, err);
    case CLADE_PREDICT_ZILN:
        CLADE_TRY(clade__ziln_margin(out, p, x, n, err));
        for (size_t i = 0; i < n; i++)
            out[i] = clip(out[i]);
        return CLADE_OK;
    default: break;
    }
    assert(false);
    return CLADE_OK;
}

double clade__calibrated(const clade_predictor *p, double margin)
{
    return clip(p->bend.n > 0 ? clade__bend_of(&p->bend, margin)
                              : p->intercept + p->slope * margin);
}

clade_status clade__blend_margin(double *out, const clade_predictor *p, const float *x, size_t n,
                                 clade_error *err)
{
    double *const margin = CLADE_NEW(double, n + 1);
    clade_status  status = CLADE_OK;
    if (margin == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    if (p->next != NULL) {
        free(margin);
        return clade__next_margin(out, p, x, n, err);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = 0;
    for (int m = 0; m < CLADE_N_PREDICT_MODEL && status == CLADE_OK; m++) {
        if (p->card.weight[m] == 0) continue;
        status = clade__model_margin(margin, p, (clade_predict_model)m, x, n, err);
        for (size_t i = 0; status == CLADE_OK && i < n; i++)
            out[i] += p->card.weight[m] * margin[i];
    }
    for (size_t i = 0; i < n; i++)
        out[i] = clade__calibrated(p, out[i]);
    free(margin);
    return status;
}
