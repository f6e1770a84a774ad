/* Calibration of a score: Platt's bent line and isotonic regression. Run once for each model that
 * is judged, over up to millions of customers. */
#include "clade/calibrate.h"

#include "clade/json.h"
#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum { PLATT_STEPS_MAX = 100, KNOTS_MAX = 1 << 26 };

static clade_status check_finite(const char *name, const double *x, size_t n, clade_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i])) continue;
        return clade_fail(err, CLADE_ERR_DATA, "%s[%zu] is %g: wanted finite", name, i, x[i]);
    }
    return CLADE_OK;
}

/* ---- Platt ----------------------------------------------------------------------------------- */

typedef struct platt_problem {
    const double  *score;
    const uint8_t *label;
    size_t         n;
    double         target[2];
    double         centre, scale; /* of the scores: the steps do not depend on their unit */
} platt_problem;

static double standard_of(const platt_problem *p, size_t i)
{
    return (p->score[i] - p->centre) / p->scale;
}

/* log(1 + e^m) - t m over all rows. */
static double platt_loss(const platt_problem *p, double slope, double intercept)
{
    double sum = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        const double m = slope * standard_of(p, i) + intercept;
        sum += fmax(m, 0.0) + log1p(exp(-fabs(m))) - p->target[p->label[i]] * m;
    }
    return sum;
}

/* Newton's method, each step halved until the loss falls. */
static void platt_solve(double *slope, double *intercept, const platt_problem *p)
{
    double loss = platt_loss(p, *slope, *intercept);
    for (int step = 0; step < PLATT_STEPS_MAX; step++) {
        double g[2] = { 0.0 }, h[3] = { 1e-12, 0.0, 1e-12 }; /* positive, whatever underflows */
        for (size_t i = 0; i < p->n; i++) {
            const double z    = standard_of(p, i);
            const double q    = 1.0 / (1.0 + exp(-(*slope * z + *intercept)));
            const double miss = q - p->target[p->label[i]], curve = q * (1.0 - q);
            g[0] += miss * z;
            g[1] += miss;
            h[0] += curve * z * z;
            h[1] += curve * z;
            h[2] += curve;
        }
        const double det  = h[0] * h[2] - h[1] * h[1];
        const double move = -(h[2] * g[0] - h[1] * g[1]) / det;
        const double lift = -(h[0] * g[1] - h[1] * g[0]) / det;
        double       part = 1.0, next = loss;
        for (; part > 1e-10; part *= 0.5) {
            next = platt_loss(p, *slope + part * move, *intercept + part * lift);
            if (next < loss) break;
        }
        if (!(next < loss)) return; /* as low as a double can tell */
        *slope += part * move;
        *intercept += part * lift;
        loss = next;
    }
}

clade_status clade_platt_fit(clade_platt *out_model, const double *score, const uint8_t *label,
                             size_t n, clade_error *err)
{
    platt_problem p  = { .score = score, .label = label, .n = n };
    double        n1 = 0.0, sum = 0.0, sum2 = 0.0;
    if (n == 0) return clade_fail(err, CLADE_ERR_ARG, "n is 0: at least 2 rows are wanted");
    CLADE_TRY(check_finite("score", score, n, err));
    for (size_t i = 0; i < n; i++) {
        if (label[i] > 1) {
            return clade_fail(err, CLADE_ERR_DATA, "label[%zu] is %u: wanted 0 or 1", i, label[i]);
        }
        n1 += label[i];
        sum += score[i];
    }
    const double n0 = (double)n - n1;
    p.centre        = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        sum2 += (score[i] - p.centre) * (score[i] - p.centre);
    p.scale = sqrt(sum2 / (double)n);
    if (n0 == 0.0 || n1 == 0.0 || !(p.scale > 0.0)) {
        return clade_fail(err, CLADE_ERR_DATA, "all %s are equal: nothing to calibrate by",
                          p.scale > 0.0 ? "labels" : "scores");
    }
    p.target[0]  = 1.0 / (n0 + 2.0);
    p.target[1]  = (n1 + 1.0) / (n1 + 2.0);
    double slope = 0.0, intercept = log((n1 + 1.0) / (n0 + 1.0));
    platt_solve(&slope, &intercept, &p);
    *out_model = (clade_platt){ slope / p.scale, intercept - slope * p.centre / p.scale };
    return CLADE_OK;
}

void clade_platt_apply(double *out, const clade_platt *model, const double *score, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = 1.0 / (1.0 + exp(-(model->slope * score[i] + model->intercept)));
}

/* ---- Isotonic -------------------------------------------------------------------------------- */

void clade_isotonic_free(clade_isotonic *model)
{
    if (model == NULL) return;
    free(model->score);
    free(model->value);
    free(model);
}

static clade_isotonic *isotonic_new(size_t n)
{
    clade_isotonic *model = CLADE_NEW(clade_isotonic, 1);
    if (model == NULL) return NULL;
    model->score = CLADE_NEW(double, n + 1);
    model->value = CLADE_NEW(double, n + 1);
    if (model->score != NULL && model->value != NULL) return model;
    clade_isotonic_free(model);
    return NULL;
}

/* Rows that share one value. */
typedef struct block {
    double low, high; /* scores at its ends */
    double sum, weight;
} block;

static double mean_of(const block *b)
{
    return b->sum / b->weight;
}

/* Blocks of rising mean; a new score joins the last block while its mean is not above. */
static size_t pool_blocks(block *out, const uint32_t *order, const double *score,
                          const double *target, const double *weight, size_t n)
{
    size_t n_blocks = 0;
    for (size_t i = 0; i < n;) {
        const double at   = score[order[i]];
        block        here = { at, at, 0.0, 0.0 };
        for (; i < n && score[order[i]] == at; i++) {
            const double w = weight == NULL ? 1.0 : weight[order[i]];
            here.sum += w * target[order[i]];
            here.weight += w;
        }
        while (n_blocks > 0 && mean_of(&out[n_blocks - 1]) >= mean_of(&here)) {
            n_blocks--;
            here.low = out[n_blocks].low;
            here.sum += out[n_blocks].sum;
            here.weight += out[n_blocks].weight;
        }
        out[n_blocks++] = here;
    }
    return n_blocks;
}

clade_status clade_isotonic_fit(clade_isotonic **out_model, const double *score,
                                const double *target, const double *weight, size_t n,
                                clade_error *err)
{
    clade_status    status = CLADE_OK;
    clade_isotonic *model  = NULL;
    uint32_t       *order  = NULL;
    block          *blocks = NULL;
    if (n == 0 || n > KNOTS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "%zu rows: wanted 1 to %d", n, KNOTS_MAX);
    }
    CLADE_TRY(check_finite("score", score, n, err));
    CLADE_TRY(check_finite("target", target, n, err));
    for (size_t i = 0; weight != NULL && i < n; i++) {
        if (weight[i] > 0.0 && isfinite(weight[i])) continue;
        return clade_fail(err, CLADE_ERR_DATA, "weight[%zu] is %g: wanted above 0", i, weight[i]);
    }
    order  = CLADE_NEW(uint32_t, n);
    blocks = CLADE_NEW(block, n);
    if (order == NULL || blocks == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to calibrate by %zu rows", n);
        goto done;
    }
    status = clade_order_f64(order, score, 1, n, err);
    if (status != CLADE_OK) goto done;
    const size_t n_blocks = pool_blocks(blocks, order, score, target, weight, n);
    model                 = isotonic_new(2 * n_blocks);
    if (model == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu knots", 2 * n_blocks);
        goto done;
    }
    for (size_t b = 0; b < n_blocks; b++) {
        const double ends[2] = { blocks[b].low, blocks[b].high };
        for (int e = 0; e < (ends[0] < ends[1] ? 2 : 1); e++) {
            model->score[model->n]   = ends[e];
            model->value[model->n++] = mean_of(&blocks[b]);
        }
    }
    *out_model = model;
done:
    free(order);
    free(blocks);
    return status;
}

void clade_isotonic_apply(double *out, const clade_isotonic *model, const double *score, size_t n)
{
    const double *const x = model->score, *const y = model->value;
    for (size_t i = 0; i < n; i++) {
        const double at  = score[i];
        size_t       low = 0, high = model->n - 1;
        if (isnan(at) || at <= x[0] || at >= x[high]) {
            out[i] = isnan(at) ? at : at <= x[0] ? y[0] : y[high];
            continue;
        }
        while (high - low > 1) { /* x[low] <= at < x[high] */
            const size_t middle = low + (high - low) / 2;
            if (x[middle] <= at) {
                low = middle;
            } else {
                high = middle;
            }
        }
        out[i] = y[low] + (y[high] - y[low]) * ((at - x[low]) / (x[high] - x[low]));
    }
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static clade_status saved(const clade_buffer *out, clade_error *err)
{
    if (!out->failed) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory to save a calibration");
}

clade_status clade_platt_save(clade_buffer *out, const clade_platt *model, clade_error *err)
{
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_text(&json, "calibration", "platt");
    clade_json_put_number(&json, "slope", model->slope);
    clade_json_put_number(&json, "intercept", model->intercept);
    clade_json_object_end(&json);
    return saved(out, err);
}

clade_status clade_isotonic_save(clade_buffer *out, const clade_isotonic *model, clade_error *err)
{
    clade_json          json     = clade_json_start(out, 0);
    const double *const column[] = { model->score, model->value };
    clade_json_object(&json);
    clade_json_put_text(&json, "calibration", "isotonic");
    for (int c = 0; c < 2; c++) {
        clade_json_key(&json, c == 0 ? "score" : "value");
        clade_json_array(&json);
        for (size_t i = 0; i < model->n; i++)
            clade_json_number(&json, column[c][i]);
        clade_json_array_end(&json);
    }
    clade_json_object_end(&json);
    return saved(out, err);
}

static clade_status damaged(clade_error *err, const char *what)
{
    return clade_fail(err, CLADE_ERR_DATA, "the calibration is damaged: %s", what);
}

/* The object of a calibration of this kind. */
static clade_status open_text(clade_json_tree *out, const char *text, size_t size, const char *kind,
                              clade_arena *arena, clade_error *err)
{
    if (arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to load a calibration");
    CLADE_TRY(clade_json_parse(out, (clade_text){ text, size }, arena, err));
    if (out->node->type != CLADE_JSON_OBJECT) return damaged(err, "it is not an object");
    const clade_json_node *node = clade_json_get(out, out->node, "calibration");
    if (node == NULL || node->type != CLADE_JSON_TEXT ||
        !clade_text_equal(node->text, clade_text_of(kind))) {
        return damaged(err, "it is of another kind");
    }
    return CLADE_OK;
}

clade_status clade_platt_load(clade_platt *out_model, const char *json, size_t size,
                              clade_error *err)
{
    clade_json_tree    tree   = { 0 };
    clade_arena *const arena  = clade_arena_create(0);
    clade_status       status = open_text(&tree, json, size, "platt", arena, err);
    if (status == CLADE_OK) {
        const clade_json_node *slope     = clade_json_get(&tree, tree.node, "slope");
        const clade_json_node *intercept = clade_json_get(&tree, tree.node, "intercept");
        if (slope == NULL || intercept == NULL || slope->type != CLADE_JSON_NUMBER ||
            intercept->type != CLADE_JSON_NUMBER || !isfinite(slope->number) ||
            !isfinite(intercept->number)) {
            status = damaged(err, "slope or intercept is not a number");
        } else {
            *out_model = (clade_platt){ slope->number, intercept->number };
        }
    }
    clade_arena_free(arena);
    return status;
}

static bool read_column(double *out, const clade_json_tree *tree, const clade_json_node *array)
{
    const clade_json_node *at = array + 1;
    for (uint32_t i = 0; i < array->n; i++, at = tree->node + at->next) {
        if (at->type != CLADE_JSON_NUMBER || !isfinite(at->number)) return false;
        out[i] = at->number;
    }
    return true;
}

static clade_status read_knots(clade_isotonic **out_model, const clade_json_tree *tree,
                               clade_error *err)
{
    const clade_json_node *score = clade_json_get(tree, tree->node, "score");
    const clade_json_node *value = clade_json_get(tree, tree->node, "value");
    if (score == NULL || value == NULL || score->type != CLADE_JSON_ARRAY ||
        value->type != CLADE_JSON_ARRAY || score->n != value->n || score->n == 0) {
        return damaged(err, "scores and values are not two lists of one length");
    }
    clade_isotonic *model = isotonic_new(score->n);
    if (model == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %u knots", score->n);
    model->n  = score->n;
    bool good = read_column(model->score, tree, score) && read_column(model->value, tree, value);
    for (size_t i = 1; good && i < model->n; i++) {
        good = model->score[i] > model->score[i - 1] && model->value[i] >= model->value[i - 1];
    }
    if (!good) {
        clade_isotonic_free(model);
        return damaged(err, "its knots do not rise");
    }
    *out_model = model;
    return CLADE_OK;
}

clade_status clade_isotonic_load(clade_isotonic **out_model, const char *json, size_t size,
                                 clade_error *err)
{
    clade_json_tree    tree   = { 0 };
    clade_arena *const arena  = clade_arena_create(0);
    clade_status       status = open_text(&tree, json, size, "isotonic", arena, err);
    if (status == CLADE_OK) status = read_knots(out_model, &tree, err);
    clade_arena_free(arena);
    return status;
}
