/* The additive model: basis, screening of terms, ridge, predictions and what each column added.
 *
 * Sums run over rows in their order, in double, on one thread: folds and resamples are what runs in
 * parallel, one fit each. */
#include "bend.h"
#include "wider.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { N_BASIS = 4 };

static const double knots[N_BASIS] = { -INFINITY, -1, 0, 1 };
static const double z_limit        = 3;

/* Rounded to float, so that logs kept in a matrix and logs taken on the way are the same. */
static double signed_log(float x)
{
    return (double)(float)(x < 0 ? -log1p(-(double)x) : log1p((double)x));
}

void clade_signed_log(float *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)signed_log(x[i]);
}

static double basis(double z, double knot)
{
    if (isinf(knot)) return z;
    return z > knot ? z - knot : 0;
}

/* Absence counts as the mean, so that it says nothing. */
static double standardise(double slog, double center, double scale)
{
    if (isnan(slog)) return 0;
    const double z = (slog - center) / scale;
    return z < -z_limit ? -z_limit : z > z_limit ? z_limit : z;
}

/* Everything a fit needs beside its input. */
typedef struct fit_work {
    double *center; /* (p) */
    double *scale;  /* (p) */
    double *mean;   /* (p, N_BASIS) */
    double *spread; /* (p, N_BASIS): standard deviation */
    double *moment; /* (p, N_BASIS, n_targets): covariance with each target */
    double *rank;   /* (p, N_BASIS): mean absolute correlation with the targets */
    double *gram;
    double *right;
    double *row; /* (n_rows, n_terms) centred and scaled terms where kept; else room for a block */
    bool    kept;
    size_t  n_rows;
    double  y_mean[CLADE_ADDITIVE_TARGETS_MAX], y_spread[CLADE_ADDITIVE_TARGETS_MAX];
    double  total;
} fit_work;

static void work_free(fit_work *w)
{
    double *all[] = { w->center, w->scale, w->mean,  w->spread, w->moment,
                      w->rank,   w->gram,  w->right, w->row };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static clade_status work_make(fit_work *w, size_t p, size_t n_targets, size_t n_terms,
                              clade_error *err)
{
    w->center = CLADE_NEW(double, p);
    w->scale  = CLADE_NEW(double, p);
    w->mean   = CLADE_NEW(double, p *N_BASIS);
    w->spread = CLADE_NEW(double, p *N_BASIS);
    w->moment = CLADE_NEW(double, p *N_BASIS *n_targets);
    w->rank   = CLADE_NEW(double, p *N_BASIS);
    w->gram   = CLADE_NEW(double, n_terms *n_terms);
    w->right  = CLADE_NEW(double, n_terms *n_targets);
    if (w->center == NULL || w->scale == NULL || w->mean == NULL || w->spread == NULL ||
        w->moment == NULL || w->rank == NULL || w->gram == NULL || w->right == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to fit %zu features", p);
    }
    return CLADE_OK;
}

static double weight_of(const double *weight, size_t i)
{
    return weight == NULL ? 1.0 : weight[i];
}

static clade_status target_moments(fit_work *w, const double *y, size_t n, size_t n_targets,
                                   const double *weight, clade_error *err)
{
    double sum[CLADE_ADDITIVE_TARGETS_MAX] = { 0 }, square[CLADE_ADDITIVE_TARGETS_MAX] = { 0 };
    w->total = 0;
    for (size_t i = 0; i < n; i++) {
        const double wi = weight_of(weight, i);
        if (wi == 0) continue;
        w->total += wi;
        for (size_t k = 0; k < n_targets; k++) {
            const double value = y[i * n_targets + k];
            if (!isfinite(value)) {
                return clade_fail(err, CLADE_ERR_DATA, "target[%zu, %zu] is %g: finite was wanted",
                                  i, k, value);
            }
            sum[k] += wi * value;
            square[k] += wi * value * value;
        }
    }
    if (!(w->total > 0)) return clade_fail(err, CLADE_ERR_DATA, "no customer to fit on");
    for (size_t k = 0; k < n_targets; k++) {
        w->y_mean[k]   = sum[k] / w->total;
        w->y_spread[k] = sqrt(fmax(0, square[k] / w->total - w->y_mean[k] * w->y_mean[k]));
    }
    return CLADE_OK;
}

/* Mean and standard deviation of every column, over the rows that count. */
static void column_moments(fit_work *w, const float *slog, size_t n, size_t p, const double *weight)
{
    double *known  = w->moment; /* scratch until the next step fills it */
    double *square = w->rank;
    memset(known, 0, p * sizeof *known);
    memset(square, 0, p * sizeof *square);
    for (size_t i = 0; i < n; i++) {
        const double wi = weight_of(weight, i);
        if (wi == 0) continue;
        for (size_t j = 0; j < p; j++) {
            const double s = (double)slog[i * p + j];
            if (isnan(s)) continue;
            known[j] += wi;
            w->center[j] += wi * s;
            square[j] += wi * s * s;
        }
    }
    for (size_t j = 0; j < p; j++) {
        if (known[j] > 0) w->center[j] /= known[j];
        const double variance =
            known[j] > 0 ? square[j] / known[j] - w->center[j] * w->center[j] : 0;
        /* A column of one value, or of none, says nothing: an infinite scale makes z zero. */
        w->scale[j] = variance > 1e-12 ? sqrt(variance) : INFINITY;
    }
}

/* Mean, spread and covariance with the targets of every term of every column. */
static void term_moments(fit_work *w, const float *slog, size_t n, size_t p, const double *y,
                         size_t n_targets, const double *weight)
{
    memset(w->moment, 0, p * N_BASIS * n_targets * sizeof *w->moment);
    for (size_t i = 0; i < n; i++) {
        const double wi = weight_of(weight, i);
        if (wi == 0) continue;
        for (size_t j = 0; j < p; j++) {
            const double z = standardise((double)slog[i * p + j], w->center[j], w->scale[j]);
            for (size_t b = 0; b < N_BASIS; b++) {
                const double value = basis(z, knots[b]);
                const size_t at    = j * N_BASIS + b;
                w->mean[at] += wi * value;
                w->spread[at] += wi * value * value;
                for (size_t k = 0; k < n_targets; k++) {
                    w->moment[at * n_targets + k] +=
                        wi * value * (y[i * n_targets + k] - w->y_mean[k]);
                }
            }
        }
    }
    for (size_t at = 0; at < p * N_BASIS; at++) {
        w->mean[at] /= w->total;
        w->spread[at] = sqrt(fmax(0, w->spread[at] / w->total - w->mean[at] * w->mean[at]));
        w->rank[at]   = 0;
        if (w->spread[at] < 1e-6) continue;
        for (size_t k = 0; k < n_targets; k++) {
            if (w->y_spread[k] == 0) continue;
            w->rank[at] += fabs(w->moment[at * n_targets + k]) /
                           (w->total * w->spread[at] * w->y_spread[k] * (double)n_targets);
        }
    }
}

typedef struct candidate {
    double rank;
    size_t at;
} candidate;

static int stronger_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

static int earlier_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

/* The terms that have most to do with the targets, back in the order of columns. Their number. */
static size_t choose_terms(candidate *chosen, const fit_work *w, size_t p, size_t n_terms)
{
    size_t n = 0;
    for (size_t at = 0; at < p * N_BASIS; at++) {
        if (w->rank[at] > 0) chosen[n++] = (candidate){ w->rank[at], at };
    }
    qsort(chosen, n, sizeof *chosen, stronger_first);
    if (n > n_terms) n = n_terms;
    qsort(chosen, n, sizeof *chosen, earlier_first);
    return n;
}

/* Rows that are added to the Gram matrix at once: it is read and written once for all of them. */
enum { BLOCK = 4 };

typedef struct row_block {
    size_t        n;
    const double *row[BLOCK];
    double        weight[BLOCK];
    const double *y[BLOCK];
} row_block;

CLADE__WIDER static void add_block(fit_work *w, const row_block *block, size_t m, size_t n_targets)
{
    for (size_t t = 0; t < m; t++) {
        double *to            = w->gram + t * m;
        double  scaled[BLOCK] = { 0 };
        for (size_t i = 0; i < block->n; i++) {
            scaled[i] = block->weight[i] * block->row[i][t];
            for (size_t k = 0; k < n_targets; k++)
                w->right[t * n_targets + k] += scaled[i] * (block->y[i][k] - w->y_mean[k]);
        }
        if (block->n == BLOCK) {
            const double *a = block->row[0], *b = block->row[1], *c = block->row[2];
            const double *d = block->row[3];
            for (size_t u = t; u < m; u++) {
                double sum = to[u];
                sum += scaled[0] * a[u];
                sum += scaled[1] * b[u];
                sum += scaled[2] * c[u];
                sum += scaled[3] * d[u];
                to[u] = sum;
            }
        } else {
            for (size_t i = 0; i < block->n; i++) {
                for (size_t u = t; u < m; u++)
                    to[u] += scaled[i] * block->row[i][u];
            }
        }
    }
}

/* G = B'WB of centred terms, each scaled by rank / spread; right-hand side likewise. Rows that
 * count are left in w->row where they are to be kept, and their number in w->n_rows. */
static void fill_gram(fit_work *w, const clade_additive *model, const double *factor,
                      const float *slog, size_t n, size_t p, const double *y, const double *weight)
{
    const size_t m = model->n_terms, n_targets = model->n_targets;
    row_block    block = { .n = 0 };
    memset(w->gram, 0, m * m * sizeof *w->gram);
    memset(w->right, 0, m * n_targets * sizeof *w->right);
    for (size_t i = 0; i < n; i++) {
        if (weight_of(weight, i) == 0) continue;
        double *row = w->row + (w->kept ? w->n_rows : block.n) * m;
        for (size_t t = 0; t < m; t++) {
            const clade_additive_term *term = &model->term[t];
            const double               z =
                standardise((double)slog[i * p + term->column], term->center, term->scale);
            row[t] = (basis(z, term->knot) - term->mean) * factor[t];
        }
        block.row[block.n]    = row;
        block.weight[block.n] = weight_of(weight, i);
        block.y[block.n]      = y + i * n_targets;
        block.n += 1;
        w->n_rows += 1;
        if (block.n == BLOCK) {
            add_block(w, &block, m, n_targets);
            block.n = 0;
        }
    }
    add_block(w, &block, m, n_targets);
    for (size_t t = 0; t < m; t++) {
        for (size_t u = 0; u < t; u++)
            w->gram[t * m + u] = w->gram[u * m + t];
    }
}

/* Where terms bend, how much each has to do with the targets, and what they are multiplied with. */
static void place_terms(clade_additive *model, double *factor, const fit_work *w,
                        const candidate *chosen)
{
    double highest = 0;
    for (size_t t = 0; t < model->n_terms; t++)
        highest = fmax(highest, chosen[t].rank);
    for (size_t t = 0; t < model->n_terms; t++) {
        const size_t         at   = chosen[t].at;
        clade_additive_term *term = &model->term[t];
        term->column              = (uint32_t)(at / N_BASIS);
        term->knot                = knots[at % N_BASIS];
        term->center              = w->center[term->column];
        term->scale               = w->scale[term->column];
        term->mean                = w->mean[at];
        factor[t]                 = chosen[t].rank / highest / w->spread[at];
    }
}

/* What every solution on one Gram matrix needs. */
typedef struct solve_work {
    const fit_work *fit;
    clade__ridge    ridge;
    double         *factor;   /* (m) */
    double         *solution; /* (m, n_targets) */
    double         *one;      /* (m): of one target, with the scratch of a bend behind it */
    double         *share;    /* (n_rows): y / top, with (n_rows) weights behind it */
} solve_work;

static void bend_target(clade_additive *model, solve_work *s, size_t k, const double *y, size_t n,
                        const double *weight)
{
    const size_t m = model->n_terms, n_targets = model->n_targets, n_rows = s->fit->n_rows;
    double      *counted = s->share + n_rows;
    size_t       at      = 0;
    for (size_t i = 0; i < n; i++) {
        if (weight_of(weight, i) == 0) continue;
        s->share[at]  = y[i * n_targets + k] / model->top[k];
        counted[at++] = weight_of(weight, i);
    }
    for (size_t t = 0; t < m; t++)
        s->one[t] = s->solution[t * n_targets + k] / model->top[k];
    const clade__bend_data data = {
        .row = s->fit->row, .share = s->share, .weight = counted, .n = n_rows
    };
    clade__bend(s->one, &model->intercept[k], &s->ridge, model->penalty, &data, s->one + m);
    for (size_t t = 0; t < m; t++)
        s->solution[t * n_targets + k] = s->one[t];
}

static void solve_shape(clade_additive *model, solve_work *s, const clade_additive_shape *shape,
                        const double *y, size_t n, const double *weight)
{
    const size_t m = model->n_terms, n_targets = model->n_targets;
    model->df      = shape->df;
    model->penalty = clade__ridge_penalty(&s->ridge, shape->df);
    memcpy(model->top, shape->top, sizeof model->top);
    memcpy(model->intercept, s->fit->y_mean, sizeof model->intercept);
    memcpy(s->solution, s->fit->right, m * n_targets * sizeof *s->solution);
    clade__ridge_apply(s->solution, &s->ridge, model->penalty, n_targets);
    for (size_t k = 0; k < n_targets; k++) {
        if (model->top[k] > 0) bend_target(model, s, k, y, n, weight);
        for (size_t t = 0; t < m; t++)
            model->term[t].coefficient[k] = s->solution[t * n_targets + k] * s->factor[t];
    }
}

/* Every shape on the terms that `first` has by now; models are written whole at the end. */
static clade_status fit_shapes(clade_additive *models, const clade_additive *first, fit_work *w,
                               const clade_additive_shape *shape, size_t n_shapes,
                               const candidate *chosen, const float *slog, size_t n, size_t p,
                               const double *y, const double *weight, clade_error *err)
{
    const size_t    m      = first->n_terms;
    clade_status    status = CLADE_OK;
    solve_work      s      = { .fit = w };
    clade_additive *model  = CLADE_NEW(clade_additive, 1);
    s.factor               = CLADE_NEW(double, m);
    s.solution             = CLADE_NEW(double, m * first->n_targets);
    s.one                  = CLADE_NEW(double, m + CLADE__BEND_SCRATCH(m));
    s.share                = clade_alloc(w->kept ? n : 1, 2 * sizeof(double));
    w->row                 = clade_alloc(w->kept ? n : BLOCK, m * sizeof(double));
    if (model == NULL || s.factor == NULL || s.solution == NULL || s.one == NULL ||
        s.share == NULL || w->row == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu terms of %zu customers", m, n);
        goto done;
    }
    *model = *first;
    place_terms(model, s.factor, w, chosen);
    fill_gram(w, model, s.factor, slog, n, p, y, weight);
    status = clade__ridge_make(&s.ridge, w->gram, m, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n_shapes; i++) {
        solve_shape(model, &s, &shape[i], y, n, weight);
        models[i] = *model;
    }
done:
    clade__ridge_free(&s.ridge);
    free(model);
    free(s.factor);
    free(s.solution);
    free(s.one);
    free(s.share);
    return status;
}

static bool shapes_are_sound(const clade_additive_shape *shape, size_t n_shapes)
{
    for (size_t i = 0; i < n_shapes; i++) {
        if (!(shape[i].df > 0)) return false;
    }
    return n_shapes > 0;
}

clade_status clade_additive_fit_shapes(clade_additive             *out_models,
                                       const clade_additive_shape *shape, size_t n_shapes,
                                       const float *slog, size_t n, size_t p, const double *y,
                                       size_t n_targets, const double *weight, size_t n_terms,
                                       clade_error *err)
{
    clade_status status = CLADE_OK;
    fit_work     w      = { 0 };
    candidate   *chosen = NULL;
    if (n == 0 || p == 0 || n_targets == 0 || n_targets > CLADE_ADDITIVE_TARGETS_MAX ||
        n_terms == 0 || n_terms > CLADE_ADDITIVE_TERMS_MAX || !shapes_are_sound(shape, n_shapes)) {
        return clade_fail(
            err, CLADE_ERR_ARG,
            "an additive model of %zu customers, %zu features, %zu targets, %zu terms, df "
            "%g cannot be fitted",
            n, p, n_targets, n_terms, n_shapes > 0 ? shape[0].df : 0);
    }
    clade_additive *model = CLADE_NEW(clade_additive, 1);
    chosen                = CLADE_NEW(candidate, p * N_BASIS);
    if (model == NULL || chosen == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for an additive model");
        goto done;
    }
    status = work_make(&w, p, n_targets, n_terms, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n_shapes; i++) {
        for (size_t k = 0; k < n_targets; k++)
            w.kept = w.kept || shape[i].top[k] > 0;
    }
    status = target_moments(&w, y, n, n_targets, weight, err);
    if (status != CLADE_OK) goto done;
    column_moments(&w, slog, n, p, weight);
    term_moments(&w, slog, n, p, y, n_targets, weight);

    model->n_targets = n_targets;
    model->n_terms   = choose_terms(chosen, &w, p, n_terms);
    if (model->n_terms == 0) {
        status = clade_fail(err, CLADE_ERR_DATA,
                            "no feature has anything to do with what happened next");
        goto done;
    }
    status = fit_shapes(out_models, model, &w, shape, n_shapes, chosen, slog, n, p, y, weight, err);
done:
    work_free(&w);
    free(chosen);
    free(model);
    return status;
}

clade_status clade_additive_fit(clade_additive *out_model, const float *x, bool logged, size_t n,
                                size_t p, const double *y, size_t n_targets, const double *weight,
                                double df, size_t n_terms, clade_error *err)
{
    const clade_additive_shape shape = { .df = df };
    float                     *own   = NULL; /* signed logs, where the caller has none */
    if (!logged && n > 0 && p > 0) {
        own = clade_alloc(n, p * sizeof(float));
        if (own == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory to fit %zu customers", n);
        }
        clade_signed_log(own, x, n * p);
    }
    const clade_status status = clade_additive_fit_shapes(out_model, &shape, 1, logged ? x : own, n,
                                                          p, y, n_targets, weight, n_terms, err);
    free(own);
    return status;
}

/* The prediction that the sum of terms stands for. */
static double bent(const clade_additive *model, size_t target, double sum)
{
    const double top = model->top[target];
    return top > 0 ? top / (1 + exp(-sum)) : sum;
}

/* What each term of a model is worth for one row: (n_terms). */
static void fill_terms(double *out, const clade_additive *model, const float *row, bool logged)
{
    uint32_t column = UINT32_MAX;
    double   z      = 0;
    for (size_t t = 0; t < model->n_terms; t++) {
        const clade_additive_term *term = &model->term[t];
        if (term->column != column) {
            column = term->column;
            z = standardise(logged ? (double)row[column] : signed_log(row[column]), term->center,
                            term->scale);
        }
        out[t] = basis(z, term->knot) - term->mean;
    }
}

/* Sums that run side by side: each in the order of the terms, as if it were alone. */
enum { SIDE_BY_SIDE = 8 };

typedef struct coefficient_block {
    double intercept[SIDE_BY_SIDE];
    double of[CLADE_ADDITIVE_TERMS_MAX][SIDE_BY_SIDE];
} coefficient_block;

/* Coefficients of outputs [first, first + n): shape by shape, and in each target by target. */
static void take_coefficients(coefficient_block *block, const clade_additive *models, size_t first,
                              size_t n)
{
    const size_t n_targets = models->n_targets;
    memset(block->intercept, 0, sizeof block->intercept);
    memset(block->of, 0, models->n_terms * sizeof block->of[0]);
    for (size_t k = 0; k < n; k++) {
        const clade_additive *model  = &models[(first + k) / n_targets];
        const size_t          target = (first + k) % n_targets;
        block->intercept[k]          = model->intercept[target];
        for (size_t t = 0; t < model->n_terms; t++)
            block->of[t][k] = model->term[t].coefficient[target];
    }
}

CLADE__WIDER static void sum_terms(double *restrict sum, const coefficient_block *restrict block,
                                   const double *restrict value, size_t n_terms)
{
    double all[SIDE_BY_SIDE];
    memcpy(all, block->intercept, sizeof all);
    for (size_t t = 0; t < n_terms; t++) {
        for (size_t k = 0; k < SIDE_BY_SIDE; k++)
            all[k] += block->of[t][k] * value[t];
    }
    memcpy(sum, all, sizeof all);
}

void clade_additive_predict(double *out, const clade_additive *model, const float *x, bool logged,
                            size_t n, size_t p)
{
    clade_additive_predict_shapes(out, model, 1, x, logged, n, p);
}

void clade_additive_predict_shapes(double *out, const clade_additive *models, size_t n_shapes,
                                   const float *x, bool logged, size_t n, size_t p)
{
    const size_t      n_targets = models->n_targets, n_outputs = n_shapes * n_targets;
    coefficient_block block;
    double            value[CLADE_ADDITIVE_TERMS_MAX], sum[SIDE_BY_SIDE];
    for (size_t first = 0; first < n_outputs; first += SIDE_BY_SIDE) {
        const size_t here = n_outputs - first < SIDE_BY_SIDE ? n_outputs - first : SIDE_BY_SIDE;
        take_coefficients(&block, models, first, here);
        for (size_t i = 0; i < n; i++) {
            fill_terms(value, models, x + i * p, logged);
            sum_terms(sum, &block, value, models->n_terms);
            for (size_t k = 0; k < here; k++) {
                const size_t shape = (first + k) / n_targets, target = (first + k) % n_targets;
                out[(shape * n + i) * n_targets + target] = bent(&models[shape], target, sum[k]);
            }
        }
    }
}

double clade_additive_average(const clade_additive *model, size_t target)
{
    assert(target < model->n_targets);
    return bent(model, target, model->intercept[target]);
}

void clade_additive_explain(double *out, const clade_additive *model, const float *row, size_t p,
                            size_t target)
{
    assert(target < model->n_targets);
    double sum = 0, share = 1;
    memset(out, 0, p * sizeof *out);
    for (size_t t = 0; t < model->n_terms; t++) {
        const clade_additive_term *term = &model->term[t];
        const double z    = standardise(signed_log(row[term->column]), term->center, term->scale);
        const double adds = term->coefficient[target] * (basis(z, term->knot) - term->mean);
        out[term->column] += adds;
        sum += adds;
    }
    if (!(model->top[target] > 0)) return;
    /* Log odds into the unit of the target: the mean slope on the way from the average customer. */
    const double from = clade_additive_average(model, target);
    if (fabs(sum) > 1e-6) {
        share = (bent(model, target, model->intercept[target] + sum) - from) / sum;
    } else {
        share = from * (1 - from / model->top[target]);
    }
    for (size_t j = 0; j < p; j++)
        out[j] *= share;
}
