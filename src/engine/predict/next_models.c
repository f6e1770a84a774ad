/* When a customer buys next: the models that give quantiles of the days until then. All of them
 * read the row of features and nothing else. Margins are log(1 + days), and none is above that of
 * the horizon: a label beyond it is only known to be later, and the quantile of what is known is
 * the lesser of the quantile and the horizon (Powell 1986). docs/maths/predict.md. */
#include "predict_internal.h"

#include "clade/numeric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    LEAST_AT_RISK   = 10,
    LEAST_OF_A_KIND = 100,
    MOST_ROUNDS     = 200,
    PATIENCE        = 15,
    SMALL_CELLS     = 1 << 22
};

static const double level[CLADE__N_NEXT_LEVEL] = { 0.1, 0.5, 0.9 };
static const double unit_days                  = 7;
static const double prior_gaps                 = 2; /* as the habits of the life cycle */

void clade__next_free(clade__next *next)
{
    if (next == NULL) return;
    clade_trees_free(next->low);
    clade_trees_free(next->high);
    free(next);
}

/* ---------------------------------------------------------------- what a row says of purchases */

typedef struct past {
    double orders, recency, tenure; /* days */
    double own;                     /* median gap, the shop's usual one without two orders */
    double usual;                   /* mean gap, drawn towards the shop's by two pseudo-gaps */
} past;

typedef struct past_columns {
    size_t orders, recency, tenure, mean, median;
} past_columns;

static past_columns find_columns(void)
{
    return (past_columns){ clade__feature_column("orders_life"),
                           clade__feature_column("days_since_order"),
                           clade__feature_column("days_since_first_order"),
                           clade__feature_column("gap_mean_days"),
                           clade__feature_column("gap_median_days") };
}

static past past_of(const float *row, const past_columns *c, double usual_gap_days)
{
    const double mean = (double)row[c->mean], median = (double)row[c->median];
    past p = { (double)row[c->orders], fmax(0, (double)row[c->recency]), (double)row[c->tenure],
               median, 0 };
    if (!(p.orders >= 1)) p.orders = 1;
    if (isnan(p.recency)) p.recency = 0;
    p.tenure         = fmax(p.recency, p.tenure);
    const double n   = isnan(mean) || p.orders < 2 ? 0 : p.orders - 1;
    const double sum = n == 0 ? 0 : n * mean;
    if (isnan(median) || p.orders < 2) p.own = usual_gap_days;
    p.own   = fmax(1, p.own);
    p.usual = fmax(1, (sum + prior_gaps * usual_gap_days) / (n + prior_gaps));
    return p;
}

static double capped(double days, int horizon_days)
{
    return log1p(fmax(0, fmin(days, horizon_days)));
}

/* ---------------------------------------------------------------- the rule */

static int by_number(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The last purchase and the own median gap; the bounds lie where one and nine of ten gaps ended. */
static clade_status fit_rule(clade__next *next, const clade__rows *rows, size_t n, int horizon_days,
                             clade_error *err)
{
    const past_columns c     = find_columns();
    double *const      ratio = CLADE_NEW(double, n + 1);
    if (ratio == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu gaps", n);
    for (size_t i = 0; i < n; i++) {
        const past p = past_of(rows->x + i * rows->n_columns, &c, next->usual_gap_days);
        ratio[i]     = (p.recency + fmin(rows->y[i], horizon_days)) / p.own;
    }
    clade_sort_f64(ratio, n);
    next->spread[CLADE__NEXT_LOW]    = ratio[(size_t)(level[0] * (double)(n - 1))];
    next->spread[CLADE__NEXT_MEDIAN] = 1;
    next->spread[CLADE__NEXT_HIGH]   = ratio[(size_t)(level[2] * (double)(n - 1))];
    free(ratio);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- survival of the gap */

typedef struct span {
    double from, until;
    bool   ended;
} span;

static int by_until(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->until != y->until) return x->until < y->until ? -1 : 1;
    return (int)y->ended - (int)x->ended;
}

/* Kaplan and Meier's product with late entry: who is seen from the middle of a gap on is at risk
 * from there. A step is taken where at least ten are; the steps that are kept lie evenly in what is
 * left. */
static void climb(clade__survival *out, const span *s, const double *from, size_t n)
{
    double left = 1, kept = 1;
    size_t n_entered = 0;
    *out             = (clade__survival){ 0 };
    for (size_t i = 0; i < n;) {
        const double at      = s[i].until;
        const size_t n_gone  = i;
        size_t       n_ended = 0;
        while (n_entered < n && from[n_entered] < at)
            n_entered++;
        for (; i < n && s[i].until == at; i++)
            n_ended += s[i].ended;
        const size_t at_risk = n_entered > n_gone ? n_entered - n_gone : 0;
        if (n_ended == 0 || at_risk < LEAST_AT_RISK) continue;
        left *= 1 - fmin(1, (double)n_ended / (double)at_risk);
        /* Equal ratios, since it is ratios that are asked for. */
        if (left <= kept * 0.93 && out->n < CLADE__SURVIVAL_POINTS) {
            out->at[out->n]     = at;
            out->left[out->n++] = left;
            kept                = left;
        }
    }
}

clade_status clade__survival_fit(clade__survival *out, const double *from, const double *until,
                                 const uint8_t *ended, size_t n, clade_error *err)
{
    span *const   s     = CLADE_NEW(span, n + 1);
    double *const entry = CLADE_NEW(double, n + 1);
    if (s == NULL || entry == NULL) {
        free(s);
        free(entry);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu gaps", n);
    }
    for (size_t i = 0; i < n; i++) {
        s[i]     = (span){ from[i], until[i], ended[i] != 0 };
        entry[i] = from[i];
    }
    qsort(s, n, sizeof *s, by_until);
    clade_sort_f64(entry, n);
    climb(out, s, entry, n);
    free(s);
    free(entry);
    return CLADE_OK;
}

/* Between steps the logarithm is straight, as of a constant rate. */
static double left_at(const clade__survival *s, double at)
{
    double before_at = 0, before = 0;
    for (size_t k = 0; k < s->n; k++) {
        const double here = log(fmax(s->left[k], 1e-12));
        if (at < s->at[k])
            return before + (here - before) * (at - before_at) / (s->at[k] - before_at);
        before_at = s->at[k];
        before    = here;
    }
    return before;
}

double clade__survival_wait(const clade__survival *s, double since, double q)
{
    const double wanted    = left_at(s, since) + log1p(-q);
    double       before_at = 0, before = 0;
    for (size_t k = 0; k < s->n; k++) {
        const double here = log(fmax(s->left[k], 1e-12));
        if (here <= wanted) {
            const double share = here < before ? (wanted - before) / (here - before) : 1;
            return fmax(0, before_at + share * (s->at[k] - before_at) - since);
        }
        before_at = s->at[k];
        before    = here;
    }
    return (double)INFINITY;
}

static size_t kind_of(double orders)
{
    return orders < 2 ? 0 : orders < 5 ? 1 : 2;
}

/* Of a kind that is rare, everybody's. */
static size_t take_spans(double *from, double *until, uint8_t *ended, const clade__next *next,
                         const clade__rows *rows, size_t n, size_t kind, int horizon_days)
{
    const past_columns c = find_columns();
    size_t             k = 0;
    for (size_t i = 0; i < n; i++) {
        const past p = past_of(rows->x + i * rows->n_columns, &c, next->usual_gap_days);
        if (kind < CLADE__N_NEXT_KIND && kind_of(p.orders) != kind) continue;
        from[k]    = p.recency / p.usual;
        until[k]   = (p.recency + fmin(rows->y[i], horizon_days)) / p.usual;
        ended[k++] = rows->y[i] < horizon_days;
    }
    return k >= LEAST_OF_A_KIND || kind == CLADE__N_NEXT_KIND
               ? k
               : take_spans(from, until, ended, next, rows, n, CLADE__N_NEXT_KIND, horizon_days);
}

static clade_status fit_rhythm(clade__next *next, const clade__rows *rows, size_t n,
                               int horizon_days, clade_error *err)
{
    double *const  from = CLADE_NEW(double, 2 * n + 1);
    uint8_t *const yes  = CLADE_NEW(uint8_t, n + 1);
    clade_status   status =
        from == NULL || yes == NULL
              ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for the gaps of %zu customers", n)
              : CLADE_OK;
    for (size_t kind = 0; kind < CLADE__N_NEXT_KIND && status == CLADE_OK; kind++) {
        const size_t k = take_spans(from, from + n, yes, next, rows, n, kind, horizon_days);
        status         = clade__survival_fit(&next->survival[kind], from, from + n, yes, k, err);
    }
    free(from);
    free(yes);
    return status;
}

/* ---------------------------------------------------------------- BG/NBD */

static clade_status fit_buying(clade__next *next, const clade__rows *rows, size_t n,
                               clade_error *err)
{
    const past_columns          c         = find_columns();
    double *const               x         = CLADE_NEW(double, 3 * n + 3);
    const clade_value_customers customers = { .n = n, .x = x, .t_x = x + n, .T = x + 2 * n };
    clade_value_options         options   = clade_value_defaults();
    clade_value_model           model     = { 0 };
    options.same_kind                     = true;
    if (x == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    for (size_t i = 0; i < n; i++) {
        const past   p   = past_of(rows->x + i * rows->n_columns, &c, next->usual_gap_days);
        const double t_x = p.tenure - p.recency;
        x[i]             = t_x > 0 ? fmax(1, floor(p.orders) - 1) : 0;
        x[n + i]         = t_x / unit_days;
        x[2 * n + i]     = p.tenure / unit_days;
    }
    const clade_status status =
        clade_value_fit(&model, CLADE_VALUE_BG_NBD, &customers, &options, err);
    if (status == CLADE_OK) memcpy(next->buying, model.param, sizeof next->buying);
    free(x);
    return status;
}

/* Fader, Hardie and Lee (2005): one who is there buys at a Gamma(r + x, alpha + T) rate, so
 *     P(next within t) = p (1 - ((alpha + T) / (alpha + T + t))^(r + x)),
 * turned around for t; a share 1 - p never comes. */
static double buying_wait(const double *param, const past *p, double q)
{
    const double r = param[0], alpha = param[1], a = param[2], b = param[3];
    const double T = p->tenure / unit_days, t_x = (p->tenure - p->recency) / unit_days;
    const double x     = t_x > 0 ? fmax(1, floor(p->orders) - 1) : 0;
    const double gone  = x > 0 ? a / (b + x - 1) * pow((alpha + T) / (alpha + t_x), r + x) : 0;
    const double there = 1 / (1 + gone);
    if (q >= there) return (double)INFINITY;
    return unit_days * (alpha + T) * expm1(-log1p(-q / there) / (r + x));
}

/* ---------------------------------------------------------------- trees */

static clade_status grow(clade_trees **out, const clade_trees_data *learn,
                         const clade_trees_data *tune, double quantile, int rounds, uint64_t seed,
                         clade_error *err)
{
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_QUANTILE);
    options.quantile            = quantile;
    options.n_rounds            = rounds > 0 ? rounds : MOST_ROUNDS;
    options.max_depth           = 4;
    options.eta                 = 0.1;
    options.subsample           = 0.8;
    options.colsample           = 0.5;
    options.min_child_weight    = 20;
    options.max_bin             = 64;
    options.patience            = tune == NULL ? 0 : PATIENCE;
    options.seed                = seed;
    options.n_threads           = learn->n_rows * learn->n_columns < SMALL_CELLS ? 1 : 0;
    return clade_trees_fit(out, learn, tune, &options, err);
}

static clade_trees **place_of(clade_predictor *p, size_t q)
{
    return q == CLADE__NEXT_LOW    ? &p->next->low
           : q == CLADE__NEXT_HIGH ? &p->next->high
                                   : &p->joint;
}

static clade_status fit_trees(clade_predictor *p, const clade__rows *rows, size_t n,
                              const uint32_t *tune, size_t n_tune, uint64_t seed, clade_error *err)
{
    const size_t     d       = rows->n_columns;
    const int        horizon = p->card.task.horizon_days;
    float *const     y       = CLADE_NEW(float, n + n_tune + 1);
    float *const     tune_x  = CLADE_NEW(float, n_tune *d + 1);
    clade_trees_data learn   = { .value = rows->x, .n_rows = n, .n_columns = d, .target = y };
    clade_trees_data watched = { .value = tune_x, .n_rows = n_tune, .n_columns = d };
    clade_status     status  = CLADE_OK;
    if (y == NULL || tune_x == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
        goto done;
    }
    watched.target = y + n;
    for (size_t i = 0; i < n; i++)
        y[i] = (float)capped(rows->y[i], horizon);
    for (size_t i = 0; i < n_tune; i++) {
        memcpy(tune_x + i * d, rows->x + (size_t)tune[i] * d, d * sizeof *tune_x);
        y[n + i] = (float)capped(rows->y[tune[i]], horizon);
    }
    for (size_t q = 0; q < CLADE__N_NEXT_LEVEL && status == CLADE_OK; q++) {
        clade_trees *trees    = NULL;
        const bool   searches = p->next->rounds[q] == 0 && n_tune > 0;
        status = grow(&trees, &learn, searches ? &watched : NULL, level[q], p->next->rounds[q],
                      seed + q, err);
        if (status != CLADE_OK) break;
        p->next->rounds[q] = (int)clade_trees_n_rounds(trees);
        clade_trees_free(*place_of(p, q));
        *place_of(p, q) = trees;
    }
done:
    free(y);
    free(tune_x);
    return status;
}

static clade_status tree_quantiles(double *out, const clade_predictor *p, const float *x, size_t n,
                                   clade_error *err)
{
    const clade_trees *const trees[] = { p->next->low, p->joint, p->next->high };
    float *const             answer  = CLADE_NEW(float, n + 1);
    clade_status             status  = CLADE_OK;
    const double             most    = log1p(p->card.task.horizon_days);
    if (answer == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    for (size_t q = 0; q < CLADE__N_NEXT_LEVEL && status == CLADE_OK; q++) {
        status = clade_trees_predict(answer, trees[q], x, n, p->n_columns, err);
        for (size_t i = 0; i < n && status == CLADE_OK; i++)
            out[i * CLADE__N_NEXT_LEVEL + q] = fmax(0, fmin(most, (double)answer[i]));
    }
    free(answer);
    return status;
}

/* ---------------------------------------------------------------- all of them */

clade_status clade__next_model_fit(clade_predictor *p, clade__next_model model,
                                   const clade__rows *rows, size_t n, const uint32_t *tune,
                                   size_t n_tune, uint64_t seed, clade_error *err)
{
    const int horizon = p->card.task.horizon_days;
    switch (model) {
    case CLADE__NEXT_RULE: return fit_rule(p->next, rows, n, horizon, err);
    case CLADE__NEXT_RHYTHM: return fit_rhythm(p->next, rows, n, horizon, err);
    case CLADE__NEXT_BG_NBD: return fit_buying(p->next, rows, n, err);
    case CLADE__NEXT_TREES: return fit_trees(p, rows, n, tune, n_tune, seed, err);
    default: break;
    }
    assert(false);
    return CLADE_OK;
}

static double wait_of(const clade__next *next, clade__next_model model, const past *p, size_t q)
{
    if (model == CLADE__NEXT_RULE) return next->spread[q] * p->own - p->recency;
    if (model == CLADE__NEXT_BG_NBD) return buying_wait(next->buying, p, level[q]);
    return p->usual * clade__survival_wait(&next->survival[kind_of(p->orders)],
                                           p->recency / p->usual, level[q]);
}

clade_status clade__next_quantiles(double *out, const clade_predictor *p, clade__next_model model,
                                   const float *x, size_t n, clade_error *err)
{
    const past_columns c = find_columns();
    if (model == CLADE__NEXT_TREES) return tree_quantiles(out, p, x, n, err);
    for (size_t i = 0; i < n; i++) {
        const past one = past_of(x + i * p->n_columns, &c, p->next->usual_gap_days);
        for (size_t q = 0; q < CLADE__N_NEXT_LEVEL; q++)
            out[i * CLADE__N_NEXT_LEVEL + q] =
                capped(wait_of(p->next, model, &one, q), p->card.task.horizon_days);
    }
    return CLADE_OK;
}

/* A quantile beyond the horizon stays there: a shift would make up a date. */
clade_status clade__next_answers(double *out, const clade_predictor *p, const float *x, size_t n,
                                 clade_error *err)
{
    const double most = log1p(p->card.task.horizon_days);
    CLADE_TRY(clade__next_quantiles(out, p, p->next->model, x, n, err));
    for (size_t i = 0; i < n; i++) {
        double *const one = out + i * CLADE__N_NEXT_LEVEL;
        for (size_t q = 0; q < CLADE__N_NEXT_LEVEL; q++)
            if (one[q] < most) one[q] = fmax(0, fmin(most, one[q] + p->next->shift[q]));
        qsort(one, CLADE__N_NEXT_LEVEL, sizeof *one, by_number);
    }
    return CLADE_OK;
}

clade_status clade__next_margin(double *out, const clade_predictor *p, const float *x, size_t n,
                                clade_error *err)
{
    double *const all = CLADE_NEW(double, CLADE__N_NEXT_LEVEL *n + 1);
    if (all == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    const clade_status status = clade__next_answers(all, p, x, n, err);
    for (size_t i = 0; i < n && status == CLADE_OK; i++)
        out[i] = all[i * CLADE__N_NEXT_LEVEL + CLADE__NEXT_MEDIAN];
    free(all);
    return status;
}

clade_status clade__next_predict(clade_prediction *out, const clade_predictor *p, const float *x,
                                 size_t n, clade_error *err)
{
    const double  horizon = p->card.task.horizon_days;
    double *const all     = CLADE_NEW(double, CLADE__N_NEXT_LEVEL *n + 1);
    if (all == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    const clade_status status = clade__next_answers(all, p, x, n, err);
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        double days[CLADE__N_NEXT_LEVEL];
        for (size_t q = 0; q < CLADE__N_NEXT_LEVEL; q++) {
            const double margin = all[i * CLADE__N_NEXT_LEVEL + q];
            days[q]             = margin >= log1p(horizon) ? horizon : fmin(horizon, expm1(margin));
        }
        out[i].value = days[CLADE__NEXT_MEDIAN];
        out[i].low   = days[CLADE__NEXT_LOW];
        out[i].high  = days[CLADE__NEXT_HIGH];
    }
    free(all);
    return status;
}
