/* The parts of models over a fold. Each gives logits of the fold's training rows, told out of inner
 * folds, and of its test rows, told by a fit on all of training; what it chooses on the way it
 * chooses by the first of these alone. */
#include "clade/elastic_net.h"
#include "clade/linear.h"
#include "clade/numeric.h"
#include "clade/trees.h"
#include "table_internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    ADDITIVE_SHAPES = 4,
    ADDITIVE_TERMS  = 120,
    NET_LAMBDAS     = 30,
    NET_PAIRED      = 8, /* columns whose products the net sees */
    TREE_SHAPES     = 4,
    TREE_STOPS      = 7,
    TREE_SEARCHED   = 2, /* inner folds that choose the shape */
    TREE_SEEDS      = 5,
};

static const double additive_df[ADDITIVE_SHAPES] = { 8, 16, 32, 64 };

static const struct {
    int    depth;
    double min_child;
} tree_shape[TREE_SHAPES] = { { 3, 5 }, { 5, 5 }, { 5, 20 }, { 8, 1 } };

static const int tree_stop[TREE_STOPS] = { 25, 50, 80, 120, 170, 230, 300 };

static clade_status no_memory(clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge a fold");
}

double clade__logit_loss(const double *logit, const uint8_t *label, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double m = label[i] ? -logit[i] : logit[i];
        sum += fmax(m, 0.0) + log1p(exp(-fabs(m)));
    }
    return n == 0 ? 0.0 : sum / (double)n;
}

static double logit_of(double chance)
{
    const double p = fmin(fmax(chance, 1e-6), 1.0 - 1e-6);
    return log(p / (1.0 - p));
}

/* The row of `all` (n_choices, n) whose loss is least. */
static size_t least_loss(const double *all, size_t n_choices, const uint8_t *label, size_t n)
{
    size_t best  = 0;
    double least = HUGE_VAL;
    for (size_t c = 0; c < n_choices; c++) {
        const double loss = clade__logit_loss(all + c * n, label, n);
        if (loss >= least) continue;
        least = loss;
        best  = c;
    }
    return best;
}

/* Signed logs of a part's rows: (n, p), malloc'ed. */
static float *logged(const float *x, size_t n, size_t p)
{
    float *const out = CLADE_NEW(float, n *p);
    if (out != NULL) clade_signed_log(out, x, n * p);
    return out;
}

/* ---------------------------------------------------------------- one column */

/* AUC of column k over rows where it is known; 0.5 where it tells nothing. */
static clade_status column_auc(double *out, const clade__part *part, size_t k, double *score,
                               uint8_t *label, clade_error *err)
{
    const size_t p     = part->encoder.p;
    size_t       known = 0;
    for (size_t i = 0; i < part->n; i++) {
        if (isnan(part->x[i * p + k])) continue;
        score[known]   = (double)part->x[i * p + k];
        label[known++] = part->label[i];
    }
    CLADE_TRY(clade_auc(out, score, label, known, err));
    if (isnan(*out)) *out = 0.5;
    return CLADE_OK;
}

/* The column that orders best, as a signed log; what is absent counts as the mean. */
static clade_status rule_of(double *out_asked, const clade__part *part, clade_error *err)
{
    clade_status   status = CLADE_OK;
    const size_t   p      = part->encoder.p;
    double *const  score  = CLADE_NEW(double, part->n);
    uint8_t *const label  = CLADE_NEW(uint8_t, part->n);
    double         best = 0.5, sum = 0.0;
    size_t         at = 0, known = 0;
    if (score == NULL || label == NULL) status = no_memory(err);
    for (size_t k = 0; k < p && status == CLADE_OK; k++) {
        double auc = 0.5;
        status     = column_auc(&auc, part, k, score, label, err);
        if (status != CLADE_OK || fabs(auc - 0.5) <= fabs(best - 0.5)) continue;
        best = auc;
        at   = k;
    }
    for (size_t i = 0; i < part->n && status == CLADE_OK; i++) {
        const float value = part->x[i * p + at];
        if (isnan(value)) continue;
        sum += copysign(log1p(fabs((double)value)), (double)value);
        known++;
    }
    for (size_t i = 0; i < part->n_asked && status == CLADE_OK; i++) {
        const double value = (double)part->asked[i * p + at];
        const double mean  = known == 0 ? 0.0 : sum / (double)known;
        out_asked[i]       = isnan(value) ? mean : copysign(log1p(fabs(value)), value);
        if (best < 0.5) out_asked[i] = -out_asked[i];
    }
    free(score);
    free(label);
    return status;
}

clade_status clade__member_rule(clade__member *out, const clade__fold *fold, clade_error *err)
{
    double *const asked = CLADE_NEW(double, fold->n);
    if (asked == NULL) return no_memory(err);
    clade_status status = CLADE_OK;
    for (size_t f = 0; f < CLADE__INNER_FOLDS && status == CLADE_OK; f++) {
        status = rule_of(asked, &fold->inner[f], err);
        for (size_t i = 0; i < fold->inner[f].n_asked && status == CLADE_OK; i++)
            out->inner[fold->inner[f].asked_at[i]] = asked[i];
    }
    free(asked);
    if (status == CLADE_OK) status = rule_of(out->test, &fold->whole, err);
    return status;
}

/* ---------------------------------------------------------------- additive logit */

/* Logits of the asked rows at each stiffness from `first` on: out (n_shapes, n_asked). */
static clade_status additive_of(double *out, const clade__part *part, size_t first, size_t n_shapes,
                                clade_error *err)
{
    clade_status         status = CLADE_OK;
    const size_t         p      = part->encoder.p;
    clade_additive_shape shape[ADDITIVE_SHAPES];
    clade_additive      *model = CLADE_NEW(clade_additive, n_shapes);
    double *const        y     = CLADE_NEW(double, part->n);
    float *const         x     = logged(part->x, part->n, p);
    float *const         asked = logged(part->asked, part->n_asked, p);
    if (model == NULL || y == NULL || x == NULL || asked == NULL) {
        status = no_memory(err);
        goto done;
    }
    for (size_t s = 0; s < n_shapes; s++)
        shape[s] = (clade_additive_shape){ additive_df[first + s], { 1.0, 0.0 } };
    for (size_t i = 0; i < part->n; i++)
        y[i] = part->label[i];
    status = clade_additive_fit_shapes(model, shape, n_shapes, x, part->n, p, y, 1, NULL,
                                       ADDITIVE_TERMS, err);
    if (status != CLADE_OK) goto done;
    clade_additive_predict_shapes(out, model, n_shapes, asked, true, part->n_asked, p);
    for (size_t i = 0; i < n_shapes * part->n_asked; i++)
        out[i] = logit_of(out[i]);
done:
    free(model);
    free(y);
    free(x);
    free(asked);
    return status;
}

/* Put what an inner fold tells, (n_choices, n_asked), at the places of its rows, (n_choices, n). */
static void scatter(double *all, const double *asked, const clade__part *part, size_t n_choices,
                    size_t n)
{
    for (size_t c = 0; c < n_choices; c++) {
        for (size_t i = 0; i < part->n_asked; i++)
            all[c * n + part->asked_at[i]] = asked[c * part->n_asked + i];
    }
}

clade_status clade__member_additive(clade__member *out, const clade__fold *fold, clade_error *err)
{
    clade_status  status = CLADE_OK;
    double *const all    = CLADE_NEW(double, fold->n *ADDITIVE_SHAPES);
    double *const asked  = CLADE_NEW(double, fold->n *ADDITIVE_SHAPES);
    if (all == NULL || asked == NULL) status = no_memory(err);
    for (size_t f = 0; f < CLADE__INNER_FOLDS && status == CLADE_OK; f++) {
        status = additive_of(asked, &fold->inner[f], 0, ADDITIVE_SHAPES, err);
        if (status == CLADE_OK) scatter(all, asked, &fold->inner[f], ADDITIVE_SHAPES, fold->n);
    }
    if (status == CLADE_OK) {
        const size_t best = least_loss(all, ADDITIVE_SHAPES, fold->label, fold->n);
        memcpy(out->inner, all + best * fold->n, fold->n * sizeof *all);
        status = additive_of(out->test, &fold->whole, best, 1, err);
    }
    free(all);
    free(asked);
    return status;
}

/* ---------------------------------------------------------------- elastic net */

/* The columns of a part that go most with the label, by correlation of signed logs. */
static size_t paired_columns(size_t out[NET_PAIRED], const float *x, const clade__part *part,
                             double *mean, double *scale)
{
    const size_t p    = part->encoder.p;
    size_t       n_in = 0;
    double       best[NET_PAIRED];
    for (size_t k = 0; k < p; k++) {
        double sum = 0.0, sum2 = 0.0, with = 0.0, yes = 0.0, known = 0.0;
        for (size_t i = 0; i < part->n; i++) {
            const double value = (double)x[i * p + k];
            if (isnan(value)) continue;
            known += 1.0;
            sum += value;
            sum2 += value * value;
            yes += part->label[i];
            with += part->label[i] ? value : 0.0;
        }
        mean[k]  = known > 0.0 ? sum / known : 0.0;
        scale[k] = known > 0.0 ? sqrt(fmax(sum2 / known - mean[k] * mean[k], 0.0)) : 0.0;
        if (!(scale[k] > 1e-6)) continue;
        const double rank = fabs(with - yes * mean[k]) / (scale[k] * known);
        size_t       at   = n_in;
        while (at > 0 && best[at - 1] < rank)
            at--;
        if (at == NET_PAIRED) continue;
        if (n_in < NET_PAIRED) n_in++;
        for (size_t m = n_in - 1; m > at; m--) {
            best[m] = best[m - 1];
            out[m]  = out[m - 1];
        }
        best[at] = rank;
        out[at]  = k;
    }
    return n_in;
}

/* Signed logs, and the products of all pairs (squares too) of the columns above. */
static float *net_design(const float *x, size_t n, size_t p, const size_t *pair, size_t n_pair,
                         const double *mean, const double *scale)
{
    const size_t width = p + n_pair * (n_pair + 1) / 2;
    float *const out   = CLADE_NEW(float, n *width);
    for (size_t i = 0; out != NULL && i < n; i++) {
        float *row = out + i * width;
        memcpy(row, x + i * p, p * sizeof *x);
        row += p;
        for (size_t a = 0; a < n_pair; a++) {
            for (size_t b = a; b < n_pair; b++) {
                const double left  = ((double)x[i * p + pair[a]] - mean[pair[a]]) / scale[pair[a]];
                const double right = ((double)x[i * p + pair[b]] - mean[pair[b]]) / scale[pair[b]];
                *row++             = (float)fmin(fmax(left * right, -25.0), 25.0);
            }
        }
    }
    return out;
}

/* Logits of the asked rows by the fits from `first` to `end` of a path: out (end - first, n_asked).
 * `lambda`: the penalties, taken from the whole training part first. */
static clade_status net_of(double *out, double *lambda, bool *known, const clade__part *part,
                           size_t first, size_t end, clade_error *err)
{
    clade_status              status = CLADE_OK;
    const size_t              p      = part->encoder.p;
    clade_elastic_net        *model  = NULL;
    clade_elastic_net_options o      = { .n_lambda = end, .ratio = 2e-3, .tolerance = 1e-6 };
    size_t                    pair[NET_PAIRED];
    float *const              x     = logged(part->x, part->n, p);
    float *const              asked = logged(part->asked, part->n_asked, p);
    double *const             mean  = CLADE_NEW(double, p);
    double *const             scale = CLADE_NEW(double, p);
    float                    *wide = NULL, *wide_asked = NULL;
    if (x == NULL || asked == NULL || mean == NULL || scale == NULL) {
        status = no_memory(err);
        goto done;
    }
    const size_t n_pair = paired_columns(pair, x, part, mean, scale);
    const size_t width  = p + n_pair * (n_pair + 1) / 2;
    wide                = net_design(x, part->n, p, pair, n_pair, mean, scale);
    wide_asked          = net_design(asked, part->n_asked, p, pair, n_pair, mean, scale);
    if (wide == NULL || wide_asked == NULL) {
        status = no_memory(err);
        goto done;
    }
    if (*known) o.lambda = lambda;
    status = clade_elastic_net_fit(&model, wide, part->n, width, part->label, &o, err);
    if (status != CLADE_OK) goto done;
    if (!*known) memcpy(lambda, model->lambda, end * sizeof *lambda);
    *known = true;
    for (size_t l = first; l < end; l++) {
        clade_elastic_net_predict(out + (l - first) * part->n_asked, model, l, wide_asked,
                                  part->n_asked);
    }
done:
    clade_elastic_net_free(model);
    free(x);
    free(asked);
    free(mean);
    free(scale);
    free(wide);
    free(wide_asked);
    return status;
}

clade_status clade__member_net(clade__member *out, const clade__fold *fold, clade_error *err)
{
    clade_status  status = CLADE_OK;
    double        lambda[NET_LAMBDAS];
    bool          known = false;
    double *const all   = CLADE_NEW(double, fold->n *NET_LAMBDAS);
    double *const asked = CLADE_NEW(double, fold->n *NET_LAMBDAS);
    double *const test  = CLADE_NEW(double, fold->n_test *NET_LAMBDAS);
    if (all == NULL || asked == NULL || test == NULL) status = no_memory(err);
    if (status == CLADE_OK)
        status = net_of(test, lambda, &known, &fold->whole, 0, NET_LAMBDAS, err);
    for (size_t f = 0; f < CLADE__INNER_FOLDS && status == CLADE_OK; f++) {
        status = net_of(asked, lambda, &known, &fold->inner[f], 0, NET_LAMBDAS, err);
        if (status == CLADE_OK) scatter(all, asked, &fold->inner[f], NET_LAMBDAS, fold->n);
    }
    if (status == CLADE_OK) {
        const size_t best = least_loss(all, NET_LAMBDAS, fold->label, fold->n);
        memcpy(out->inner, all + best * fold->n, fold->n * sizeof *all);
        memcpy(out->test, test + best * fold->n_test, fold->n_test * sizeof *test);
    }
    free(all);
    free(asked);
    free(test);
    return status;
}

/* ---------------------------------------------------------------- trees */

/* Logits of the asked rows after each of the stops: out (n_stops, n_asked), added to. */
static clade_status trees_of(double *out, const clade__part *part, size_t shape, const int *stop,
                             size_t n_stops, uint64_t seed, clade_error *err)
{
    clade_status        status = CLADE_OK;
    clade_trees        *trees  = NULL;
    clade_trees_options o      = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    float *const        y      = CLADE_NEW(float, part->n);
    float *const        told   = CLADE_NEW(float, part->n_asked);
    clade_trees_data    data   = {
             .value = part->x, .n_rows = part->n, .n_columns = part->encoder.p, .target = y
    };
    o.n_rounds         = stop[n_stops - 1];
    o.max_depth        = tree_shape[shape].depth;
    o.min_child_weight = tree_shape[shape].min_child;
    o.eta              = 0.06;
    o.subsample        = 0.8;
    o.colsample        = 0.6;
    o.lambda           = 2.0;
    o.max_bin          = 128;
    o.monotone         = part->monotone;
    o.seed             = seed;
    o.n_threads        = 1; /* folds are what runs in parallel */
    if (y == NULL || told == NULL) {
        status = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < part->n; i++)
        y[i] = part->label[i];
    status = clade_trees_fit(&trees, &data, NULL, &o, err);
    for (size_t s = 0; s < n_stops && status == CLADE_OK; s++) {
        status = clade_trees_predict_first(told, trees, (size_t)stop[s], part->asked, part->n_asked,
                                           part->encoder.p, err);
        for (size_t i = 0; i < part->n_asked && status == CLADE_OK; i++)
            out[s * part->n_asked + i] += logit_of((double)told[i]);
    }
done:
    clade_trees_free(trees);
    free(y);
    free(told);
    return status;
}

/* What some inner folds tell with a shape, at their places in all (TREE_STOPS, n). */
static clade_status tell_inner(double *all, double *asked, const clade__fold *fold, size_t shape,
                               size_t from, size_t end, clade_error *err)
{
    for (size_t f = from; f < end; f++) {
        memset(asked, 0, fold->inner[f].n_asked * TREE_STOPS * sizeof *asked);
        CLADE_TRY(trees_of(asked, &fold->inner[f], shape, tree_stop, TREE_STOPS,
                           fold->seed + 1000 * f, err));
        scatter(all, asked, &fold->inner[f], TREE_STOPS, fold->n);
    }
    return CLADE_OK;
}

/* The least loss over stops on the rows of the inner folds that search. */
static double searched_loss(const double *all, const clade__fold *fold)
{
    double least = HUGE_VAL;
    for (size_t s = 0; s < TREE_STOPS; s++) {
        double sum = 0.0;
        for (size_t f = 0; f < TREE_SEARCHED; f++) {
            const clade__part *const part = &fold->inner[f];
            for (size_t i = 0; i < part->n_asked; i++)
                sum += clade__logit_loss(&all[s * fold->n + part->asked_at[i]],
                                         &fold->label[part->asked_at[i]], 1);
        }
        least = fmin(least, sum);
    }
    return least;
}

/* The shape whose trees tell the searching folds best; all (TREE_SHAPES, TREE_STOPS, n). */
static clade_status search_shape(size_t *out_shape, double *all, double *asked,
                                 const clade__fold *fold, clade_error *err)
{
    double least = HUGE_VAL;
    for (size_t shape = 0; shape < TREE_SHAPES; shape++) {
        double *const mine = all + shape * TREE_STOPS * fold->n;
        CLADE_TRY(tell_inner(mine, asked, fold, shape, 0, TREE_SEARCHED, err));
        const double loss = searched_loss(mine, fold);
        if (loss >= least) continue;
        least      = loss;
        *out_shape = shape;
    }
    return CLADE_OK;
}

clade_status clade__member_trees(clade__member *out, double *out_depth, double *out_rounds,
                                 const clade__fold *fold, clade_error *err)
{
    clade_status  status = CLADE_OK;
    double *const all    = CLADE_NEW(double, fold->n *TREE_STOPS *TREE_SHAPES);
    double *const asked  = CLADE_NEW(double, fold->n *TREE_STOPS);
    size_t        shape  = 0;
    if (all == NULL || asked == NULL) {
        status = no_memory(err);
        goto done;
    }
    status = search_shape(&shape, all, asked, fold, err);
    if (status != CLADE_OK) goto done;
    double *const mine = all + shape * TREE_STOPS * fold->n;
    status = tell_inner(mine, asked, fold, shape, TREE_SEARCHED, CLADE__INNER_FOLDS, err);
    if (status != CLADE_OK) goto done;
    const size_t best = least_loss(mine, TREE_STOPS, fold->label, fold->n);
    memcpy(out->inner, mine + best * fold->n, fold->n * sizeof *mine);
    memset(out->test, 0, fold->n_test * sizeof *out->test);
    for (uint64_t s = 0; s < TREE_SEEDS && status == CLADE_OK; s++)
        status = trees_of(out->test, &fold->whole, shape, &tree_stop[best], 1, fold->seed + s, err);
    for (size_t i = 0; i < fold->n_test; i++)
        out->test[i] /= TREE_SEEDS;
    *out_depth  = tree_shape[shape].depth;
    *out_rounds = tree_stop[best];
done:
    free(all);
    free(asked);
    return status;
}
