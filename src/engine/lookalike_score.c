/* Three ways to be alike: an additive model of seed or not, boosted trees of the same, and the
 * distance to the nearest seeds among features weighted by how much they set seeds apart.
 *
 * Fits see at most 20,000 seeds and 20,000 others; the weights of both sides are equal, in units of
 * seeds, so that the regularisation of the trees means the same for thirty seeds and for thousands.
 */
#include "lookalike.h"
#include "subset.h"

#include "clade/linear.h"
#include "clade/numeric.h"
#include "clade/run.h"
#include "clade/trees.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    SIDE_ROWS       = 20000,
    NEIGHBOUR_SEEDS = 128,
    NEAREST         = 3,
    NEIGHBOUR_ROWS  = 300000, /* above: too slow for what it adds */
    BATCH_ROWS      = 4096,
};

static const double additive_df    = 12;
static const size_t additive_terms = 128;

typedef struct score_work {
    clade__subset learn;
    size_t        n_seeds;   /* the first rows of `learn` */
    uint32_t     *learn_row; /* room for all customers */
    uint32_t     *held_row;  /* rows of the fold */
    size_t        n_held;
    clade__subset held;
} score_work;

static void work_free(score_work *w)
{
    clade__subset_free(&w->learn);
    clade__subset_free(&w->held);
    free(w->learn_row);
    free(w->held_row);
}

/* Up to SIDE_ROWS rows outside of the fold that are seeds, or that are not, into w->learn_row. */
static size_t pick_side(score_work *w, size_t at, const uint8_t *is_seed, const uint8_t *row_fold,
                        size_t n, size_t fold, bool seeds, clade_rng *rng)
{
    size_t there = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        there += row_fold[i] != fold && (is_seed[i] != 0) == seeds;
    const size_t wanted = there < SIDE_ROWS ? there : SIDE_ROWS;
    for (size_t i = 0; i < n && kept < wanted; i++) {
        if (row_fold[i] == fold || (is_seed[i] != 0) != seeds) continue;
        if (clade_rng_below(rng, there--) < wanted - kept) w->learn_row[at + kept++] = (uint32_t)i;
    }
    return kept;
}

static clade_status split(score_work *w, const clade_features *features, const uint8_t *is_seed,
                          const uint8_t *row_fold, size_t fold, uint64_t seed, clade_error *err)
{
    const size_t n   = features->n_customers;
    clade_rng    rng = clade_rng_stream(seed, "engine/lookalike/sample", fold);
    w->learn_row     = CLADE_NEW(uint32_t, n);
    w->held_row      = CLADE_NEW(uint32_t, n);
    if (w->learn_row == NULL || w->held_row == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a fold of %zu customers", n);
    }
    for (size_t i = 0; i < n; i++) {
        if (row_fold[i] == fold) w->held_row[w->n_held++] = (uint32_t)i;
    }
    w->n_seeds          = pick_side(w, 0, is_seed, row_fold, n, fold, true, &rng);
    const size_t others = pick_side(w, w->n_seeds, is_seed, row_fold, n, fold, false, &rng);
    CLADE_TRY(
        clade__subset_take(&w->learn, features, NULL, w->learn_row, w->n_seeds + others, err));
    return clade__subset_take(&w->held, features, NULL, w->held_row, w->n_held, err);
}

/* ---------------------------------------------------------------- additive, trees */

static clade_status by_additive(double *out, bool *out_usable, const score_work *w,
                                clade_error *err)
{
    const size_t    n = w->learn.features.n_customers, p = w->learn.features.n_features;
    clade_status    status = CLADE_OK;
    clade_error     mine   = { 0 };
    clade_additive *model  = CLADE_NEW(clade_additive, 1);
    double         *y = CLADE_NEW(double, n), *weight = CLADE_NEW(double, n);
    double         *predicted = CLADE_NEW(double, w->n_held);
    if (model == NULL || y == NULL || weight == NULL || predicted == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a model of likeness");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        y[i]      = i < w->n_seeds;
        weight[i] = i < w->n_seeds ? 1 : (double)w->n_seeds / (double)(n - w->n_seeds);
    }
    status = clade_additive_fit(model, w->learn.features.value, false, n, p, y, 1, weight,
                                additive_df, additive_terms, &mine);
    if (status == CLADE_ERR_DATA) { /* no feature has anything to do with it */
        *out_usable = false;
        status      = CLADE_OK;
        goto done;
    }
    if (status != CLADE_OK) {
        if (err != NULL) *err = mine;
        goto done;
    }
    clade_additive_predict(predicted, model, w->held.features.value, false, w->n_held, p);
    for (size_t i = 0; i < w->n_held; i++)
        out[w->held_row[i]] = predicted[i];
done:
    free(model);
    free(y);
    free(weight);
    free(predicted);
    return status;
}

static clade_status by_trees(double *out, const score_work *w, uint64_t seed, clade_error *err)
{
    const size_t        n = w->learn.features.n_customers, p = w->learn.features.n_features;
    clade_status        status  = CLADE_OK;
    clade_trees        *trees   = NULL;
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    float              *target = CLADE_NEW(float, n), *weight = CLADE_NEW(float, n);
    float              *predicted = CLADE_NEW(float, w->n_held);
    if (target == NULL || weight == NULL || predicted == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a model of likeness");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        target[i] = i < w->n_seeds ? 1 : 0;
        weight[i] = i < w->n_seeds ? 1 : (float)w->n_seeds / (float)(n - w->n_seeds);
    }
    const clade_trees_data data = { .value     = w->learn.features.value,
                                    .n_rows    = n,
                                    .n_columns = p,
                                    .target    = target,
                                    .weight    = weight };
    options.n_rounds            = 80;
    options.max_depth           = 3;
    options.max_bin             = 64;
    options.lambda              = 2;
    options.colsample           = 0.5;
    options.seed                = seed;
    status                      = clade_trees_fit(&trees, &data, NULL, &options, err);
    if (status != CLADE_OK) goto done;
    status = clade_trees_predict(predicted, trees, w->held.features.value, w->n_held, p, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < w->n_held; i++)
        out[w->held_row[i]] = (double)predicted[i];
done:
    clade_trees_free(trees);
    free(target);
    free(weight);
    free(predicted);
    return status;
}

/* ---------------------------------------------------------------- nearest seeds */

typedef struct near_work {
    size_t       p, n_seeds; /* seeds: each column's values together, (p, n_seeds) */
    double      *center, *weight;
    float       *seed;
    const float *value; /* (n_held, p) */
    size_t       n_held;
    double      *distance; /* (n_held) */
} near_work;

static float signed_log(float x)
{
    return x < 0 ? -log1pf(-x) : log1pf(x);
}

/* Absence is the middle. */
static float scaled(const near_work *w, size_t column, float x)
{
    if (isnan(x)) return 0;
    const double z = ((double)signed_log(x) - w->center[column]) * w->weight[column];
    return (float)z;
}

/* Middle and spread of a column by its quartiles, and how far apart seeds and others stand. A
 * column weighs as much as it sets them apart. */
static void scale_column(near_work *w, const score_work *s, size_t column, double *scratch)
{
    const size_t n = s->learn.features.n_customers, p = w->p;
    size_t       m = 0, n_side[2] = { 0, 0 };
    double       sum[2] = { 0, 0 }, square = 0;
    for (size_t i = 0; i < n; i++) {
        const float x = s->learn.features.value[i * p + column];
        if (!isnan(x)) scratch[m++] = (double)signed_log(x);
    }
    clade_sort_f64(scratch, m);
    w->center[column] = m == 0 ? 0 : clade_quantile_sorted(scratch, m, 0.5);
    const double room =
        m == 0 ? 0
               : (clade_quantile_sorted(scratch, m, 0.9) - clade_quantile_sorted(scratch, m, 0.1)) /
                     2.563; /* as wide as a normal's deviation */
    w->weight[column] = 0;
    if (!(room > 0)) return;
    for (size_t i = 0; i < n; i++) {
        const float x = s->learn.features.value[i * p + column];
        if (isnan(x)) continue;
        const double z    = fmax(-3, fmin(3, ((double)signed_log(x) - w->center[column]) / room));
        const int    side = i < s->n_seeds;
        sum[side] += z;
        square += z * z;
        n_side[side]++;
    }
    if (n_side[0] == 0 || n_side[1] == 0) return;
    const double apart = fabs(sum[1] / (double)n_side[1] - sum[0] / (double)n_side[0]);
    const double wide  = sqrt(fmax(square / (double)(n_side[0] + n_side[1]), 1e-12));
    w->weight[column]  = apart / wide / room;
}

static void measure_batch(size_t batch, int worker, void *context)
{
    near_work   *w     = context;
    const size_t begin = batch * BATCH_ROWS;
    const size_t end   = begin + BATCH_ROWS < w->n_held ? begin + BATCH_ROWS : w->n_held;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        float total[NEIGHBOUR_SEEDS] = { 0 };
        for (size_t column = 0; column < w->p; column++) {
            if (w->weight[column] == 0) continue;
            const float  x    = scaled(w, column, w->value[i * w->p + column]);
            const float *seed = w->seed + column * w->n_seeds;
            for (size_t k = 0; k < w->n_seeds; k++)
                total[k] += (x - seed[k]) * (x - seed[k]);
        }
        float nearest[NEAREST] = { INFINITY, INFINITY, INFINITY };
        for (size_t k = 0; k < w->n_seeds; k++) {
            float d = total[k];
            for (size_t j = 0; j < NEAREST; j++) {
                if (d >= nearest[j]) continue;
                const float further = nearest[j];
                nearest[j]          = d;
                d                   = further;
            }
        }
        double sum = 0;
        for (size_t j = 0; j < NEAREST; j++)
            sum += sqrt((double)nearest[j]);
        w->distance[i] = sum;
    }
}

static clade_status by_neighbours(double *out, const score_work *s, clade_error *err)
{
    const size_t n = s->learn.features.n_customers, p = s->learn.features.n_features;
    clade_status status  = CLADE_OK;
    near_work    w       = { .p       = p,
                             .n_seeds = s->n_seeds < NEIGHBOUR_SEEDS ? s->n_seeds : NEIGHBOUR_SEEDS,
                             .value   = s->held.features.value,
                             .n_held  = s->n_held };
    double      *scratch = CLADE_NEW(double, n);
    w.center             = CLADE_NEW(double, p);
    w.weight             = CLADE_NEW(double, p);
    w.seed               = clade_alloc(p, w.n_seeds * sizeof(float));
    w.distance           = CLADE_NEW(double, s->n_held);
    if (scratch == NULL || w.center == NULL || w.weight == NULL || w.seed == NULL ||
        w.distance == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for distances to the seeds");
        goto done;
    }
    for (size_t column = 0; column < p; column++) {
        scale_column(&w, s, column, scratch);
        for (size_t k = 0; k < w.n_seeds; k++) { /* spread over all seeds, which are in row order */
            const size_t row = k * s->n_seeds / w.n_seeds;
            w.seed[column * w.n_seeds + k] =
                scaled(&w, column, s->learn.features.value[row * p + column]);
        }
    }
    clade_parallel((s->n_held + BATCH_ROWS - 1) / BATCH_ROWS, measure_batch, &w);
    for (size_t i = 0; i < s->n_held; i++)
        out[s->held_row[i]] = -w.distance[i];
done:
    free(scratch);
    free(w.center);
    free(w.weight);
    free(w.seed);
    free(w.distance);
    return status;
}

clade_status clade__lookalike_score(double *const         out_score[CLADE_N_LOOKALIKE_METHOD],
                                    bool                  out_usable[CLADE_N_LOOKALIKE_METHOD],
                                    const clade_features *features, const uint8_t *is_seed,
                                    const uint8_t *row_fold, size_t fold, uint64_t seed,
                                    clade_error *err)
{
    score_work   w      = { 0 };
    clade_status status = split(&w, features, is_seed, row_fold, fold, seed, err);
    if (status != CLADE_OK) goto done;
    if (fold == 0) {
        out_usable[CLADE_LOOKALIKE_ADDITIVE]   = true;
        out_usable[CLADE_LOOKALIKE_TREES]      = true;
        out_usable[CLADE_LOOKALIKE_NEIGHBOURS] = features->n_customers <= NEIGHBOUR_ROWS;
    }
    if (out_usable[CLADE_LOOKALIKE_ADDITIVE]) {
        status = by_additive(out_score[CLADE_LOOKALIKE_ADDITIVE],
                             &out_usable[CLADE_LOOKALIKE_ADDITIVE], &w, err);
        if (status != CLADE_OK) goto done;
    }
    status = by_trees(out_score[CLADE_LOOKALIKE_TREES], &w, seed + fold, err);
    if (status != CLADE_OK) goto done;
    if (out_usable[CLADE_LOOKALIKE_NEIGHBOURS]) {
        status = by_neighbours(out_score[CLADE_LOOKALIKE_NEIGHBOURS], &w, err);
    }
done:
    work_free(&w);
    return status;
}
