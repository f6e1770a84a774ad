/*
 * k-means: seed on a sample, refine on batches that grow eightfold, and finish on all rows. A
 * sample places the centres so well that the passes over all rows, which cost most, are few; the
 * result is a fixed point of Lloyd's method over all rows nevertheless.
 */
#include "clusters_internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    STARTS_DEFAULT    = 4,
    ITER_DEFAULT      = 100,
    SAMPLE_ROWS       = 16384, /* or SAMPLE_PER_CENTRE k */
    SAMPLE_PER_CENTRE = 64,
    BATCH_GROWTH      = 8,
    BATCH_ITER        = 50
};

/* Rows of a batch, copied together. */
typedef struct batch {
    clade__rows rows;
    float      *x;
    float      *weight;
    uint32_t   *label;
} batch;

static void batch_free(batch *b)
{
    free(b->x);
    free(b->weight);
    free(b->label);
    *b = (batch){ 0 };
}

void clade__sample_rows(uint32_t *out_row, size_t n_wanted, size_t n, clade_rng *rng)
{
    size_t taken = 0;
    for (size_t i = 0; i < n && taken < n_wanted; i++) {
        if (clade_rng_below(rng, n - i) < n_wanted - taken) out_row[taken++] = (uint32_t)i;
    }
}

static clade_status batch_draw(batch *b, const clade__rows *all, size_t n, clade_rng *rng,
                               clade_error *err)
{
    const size_t d = all->d;
    b->x           = CLADE_NEW(float, n *d);
    b->label       = CLADE_NEW(uint32_t, n);
    if (all->weight != NULL) b->weight = CLADE_NEW(float, n);
    if (b->x == NULL || b->label == NULL || (all->weight != NULL && b->weight == NULL)) {
        batch_free(b);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a batch of %zu rows", n);
    }
    clade__sample_rows(b->label, n, all->n, rng); /* which rows; labels come later */
    for (size_t i = 0; i < n; i++) {
        const size_t row = b->label[i];
        memcpy(b->x + i * d, all->x + row * d, d * sizeof *b->x);
        if (b->weight != NULL) b->weight[i] = all->weight[row];
    }
    b->rows = (clade__rows){ b->x, b->weight, n, d };
    return CLADE_OK;
}

static clade_status check_arguments(const clade__rows *rows, const clade_kmeans_options *o,
                                    clade_error *err)
{
    double total = 0.0;
    if (o->k == 0 || o->k > rows->n || o->k > CLADE_CLUSTERS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "cannot make %zu clusters of %zu rows: wanted 1 to %zu", o->k, rows->n,
                          rows->n < CLADE_CLUSTERS_MAX ? rows->n : (size_t)CLADE_CLUSTERS_MAX);
    }
    if (rows->d == 0 || rows->n > CLADE_ROWS_MAX || !(o->tolerance >= 0.0)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "cannot cluster %zu rows of %zu columns with tolerance %g", rows->n,
                          rows->d, o->tolerance);
    }
    CLADE_TRY(clade_matrix_check(rows->x, rows->n, rows->d, err));
    if (o->start != NULL) CLADE_TRY(clade_matrix_check(o->start, o->k, rows->d, err));
    for (size_t i = 0; rows->weight != NULL && i < rows->n; i++) {
        if (!(rows->weight[i] >= 0.0f) || isinf(rows->weight[i])) {
            return clade_fail(err, CLADE_ERR_DATA, "weight[%zu] is %g: wanted 0 or more", i,
                              (double)rows->weight[i]);
        }
        total += (double)rows->weight[i];
    }
    if (rows->weight != NULL && !(total > 0.0)) {
        return clade_fail(err, CLADE_ERR_DATA, "all %zu weights are zero", rows->n);
    }
    return CLADE_OK;
}

/* The tolerance as a distance: a share of the mean deviation of a column, from evenly spaced rows.
 */
static double tolerance_of(const clade__rows *rows, const float *shift, double tolerance)
{
    const size_t step = rows->n / 4096 + 1;
    double       sum  = 0.0;
    size_t       n    = 0;
    if (tolerance == 0.0) return -1.0; /* never reached: only standing labels end it */
    for (size_t i = 0; i < rows->n; i += step, n++) {
        for (size_t j = 0; j < rows->d; j++) {
            const double away = (double)rows->x[i * rows->d + j] - (double)shift[j];
            sum += away * away;
        }
    }
    return tolerance * sqrt(sum / (double)n / (double)rows->d);
}

/* What a fit works with. */
typedef struct fit {
    const clade_kmeans_options *options;
    clade__rows                 all;
    clade_kmeans               *model;
    uint32_t                   *label;  /* (n) of all rows */
    float                      *trial;  /* (k, d) centres of a start */
    double                     *weight; /* (k) */
    clade__lloyd_options        lloyd;
} fit;

/* Seed and refine on the sample, several times; the best centres go into the model. */
static clade_status best_start(fit *f, batch *sample, clade_error *err)
{
    const size_t n_starts = f->options->n_starts == 0 ? STARTS_DEFAULT : f->options->n_starts;
    const size_t n_values = f->model->k * f->model->d;
    double       least    = INFINITY;
    for (size_t s = 0; s < n_starts; s++) {
        clade_rng            rng = clade_rng_stream(f->options->seed, "kmeans/start", s);
        clade__lloyd_options o   = f->lloyd;
        clade__lloyd_result  got;
        o.max_iter = BATCH_ITER;
        CLADE_TRY(clade__seed(f->trial, &sample->rows, f->model->k, f->model->shift, &rng, err));
        CLADE_TRY(clade__lloyd(f->trial, sample->label, f->weight, &got, &sample->rows, f->model->k,
                               f->model->shift, &o, err));
        if (got.objective < least) {
            least = got.objective;
            memcpy(f->model->centre, f->trial, n_values * sizeof *f->trial);
        }
    }
    return CLADE_OK;
}

/* From the sample through growing batches to centres that all rows hardly move. */
static clade_status place_centres(fit *f, clade_error *err)
{
    const size_t n      = f->all.n;
    const size_t wanted = SAMPLE_PER_CENTRE * f->model->k;
    size_t       size   = wanted > SAMPLE_ROWS ? wanted : SAMPLE_ROWS;
    batch        b      = { 0 };
    clade_rng    rng    = clade_rng_stream(f->options->seed, "kmeans/batch", 0);
    clade_status status = CLADE_OK;
    if (size >= n / 2) { /* small enough to start on all of it */
        b.rows  = f->all;
        b.label = f->label;
        return best_start(f, &b, err);
    }
    status = batch_draw(&b, &f->all, size, &rng, err);
    if (status != CLADE_OK) goto done;
    status = best_start(f, &b, err);
    if (status != CLADE_OK) goto done;

    for (size *= BATCH_GROWTH; size < n / 2; size *= BATCH_GROWTH) {
        clade__lloyd_options o = f->lloyd;
        clade__lloyd_result  got;
        o.max_iter = BATCH_ITER;
        batch_free(&b);
        status = batch_draw(&b, &f->all, size, &rng, err);
        if (status != CLADE_OK) goto done;
        status = clade__lloyd(f->model->centre, b.label, f->weight, &got, &b.rows, f->model->k,
                              f->model->shift, &o, err);
        if (status != CLADE_OK) goto done;
    }
done:
    batch_free(&b);
    return status;
}

/* Number the clusters by falling weight, so that the first is the largest. */
static clade_status sort_clusters(fit *f, clade_error *err)
{
    clade_kmeans *const m      = f->model;
    clade_status        status = CLADE_OK;
    uint32_t           *order = CLADE_NEW(uint32_t, m->k), *rank = CLADE_NEW(uint32_t, m->k);
    double             *key = CLADE_NEW(double, m->k);
    if (order == NULL || rank == NULL || key == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to order %zu clusters", m->k);
        goto done;
    }
    for (size_t c = 0; c < m->k; c++)
        key[c] = -m->weight[c];
    status = clade_order_f64(order, key, 1, m->k, err);
    if (status != CLADE_OK) goto done;

    memcpy(f->trial, m->centre, m->k * m->d * sizeof *f->trial);
    for (size_t r = 0; r < m->k; r++) {
        rank[order[r]] = (uint32_t)r;
        m->weight[r]   = -key[order[r]];
        memcpy(m->centre + r * m->d, f->trial + order[r] * m->d, m->d * sizeof *f->trial);
    }
    for (size_t i = 0; i < f->all.n; i++)
        f->label[i] = rank[f->label[i]];
done:
    free(order);
    free(rank);
    free(key);
    return status;
}

static clade_status fit_all(fit *f, clade_error *err)
{
    clade_kmeans *const         m = f->model;
    clade__lloyd_result         got;
    const clade_kmeans_options *o = f->options;
    if (o->start != NULL) {
        memcpy(m->centre, o->start, m->k * m->d * sizeof *m->centre);
    } else {
        CLADE_TRY(place_centres(f, err));
    }
    CLADE_TRY(clade__lloyd(m->centre, f->label, m->weight, &got, &f->all, m->k, m->shift, &f->lloyd,
                           err));
    m->objective     = got.objective;
    m->n_iter        = got.n_iter;
    m->converged     = got.converged;
    m->n_repaired    = got.n_repaired;
    m->share_skipped = got.share_skipped;
    return o->start != NULL ? CLADE_OK : sort_clusters(f, err);
}

static clade_kmeans *model_create(size_t k, size_t d)
{
    clade_kmeans *m = calloc(1, sizeof *m);
    size_t        n = 0;
    if (m == NULL) return NULL;
    m->k = k;
    m->d = d;
    if (clade_size_mul(&n, k, d)) {
        m->centre = CLADE_NEW(float, n);
        m->shift  = CLADE_NEW(float, d);
        m->weight = CLADE_NEW(double, k);
    }
    if (m->centre == NULL || m->shift == NULL || m->weight == NULL) {
        clade_kmeans_free(m);
        return NULL;
    }
    return m;
}

void clade_kmeans_free(clade_kmeans *model)
{
    if (model == NULL) return;
    free(model->centre);
    free(model->shift);
    free(model->weight);
    free(model);
}

clade_status clade_kmeans_fit(clade_kmeans **out_model, uint32_t *out_label, const float *x,
                              size_t n, size_t d, const float *weight,
                              const clade_kmeans_options *options, clade_error *err)
{
    clade_status status = CLADE_OK;
    fit          f      = { .options = options, .all = { x, weight, n, d } };
    CLADE_TRY(check_arguments(&f.all, options, err));

    f.model  = model_create(options->k, d);
    f.label  = CLADE_NEW(uint32_t, n);
    f.trial  = CLADE_NEW(float, options->k *d);
    f.weight = CLADE_NEW(double, options->k);
    if (f.model == NULL || f.label == NULL || f.trial == NULL || f.weight == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu clusters of %zu rows",
                            options->k, n);
        goto done;
    }
    clade__shift_of(f.model->shift, &f.all);
    f.lloyd = (clade__lloyd_options){ options->max_iter == 0 ? ITER_DEFAULT : options->max_iter,
                                      tolerance_of(&f.all, f.model->shift, options->tolerance),
                                      options->no_bounds ? CLADE__BOUNDS_NEVER
                                                         : CLADE__BOUNDS_WHEN_WORTH };
    status = fit_all(&f, err);
    if (status != CLADE_OK) goto done;

    if (out_label != NULL) memcpy(out_label, f.label, n * sizeof *out_label);
    *out_model = f.model;
    f.model    = NULL;
done:
    clade_kmeans_free(f.model);
    free(f.label);
    free(f.trial);
    free(f.weight);
    return status;
}

/* ---- New rows ---------------------------------------------------------------------------------
 */

typedef struct assigning {
    uint32_t      *label;
    float         *distance2;
    clade_centres *packed;
    const float   *x;
    size_t         n, d;
    clade__cut     cut;
    float         *scratch; /* (workers, 32 d) */
} assigning;

static void assign_block(size_t block, int worker, void *context)
{
    assigning *const a       = context;
    float *const     scratch = a->scratch + (size_t)worker * CLADE_NEAREST_ROWS * a->d;
    const size_t     end     = clade__cut_end(a->cut, block, a->n);
    clade_nearest    near;
    for (size_t at = block * a->cut.rows; at < end; at += CLADE_NEAREST_ROWS) {
        const size_t n_rows = end - at < CLADE_NEAREST_ROWS ? end - at : CLADE_NEAREST_ROWS;
        clade_nearest_rows(&near, a->packed, a->x + at * a->d, NULL, n_rows, a->distance2 != NULL,
                           scratch);
        for (size_t r = 0; r < n_rows; r++) {
            if (a->label != NULL) a->label[at + r] = near.index[r];
            if (a->distance2 == NULL) continue;
            a->distance2[at + r] = fmaxf(0.0f, near.norm2[r] - 2.0f * near.score[r]);
        }
    }
}

clade_status clade_kmeans_assign(uint32_t *out_label, float *out_distance2,
                                 const clade_kmeans *model, const float *x, size_t n,
                                 clade_error *err)
{
    clade_status status = CLADE_OK;
    assigning    a      = { out_label, out_distance2, NULL, x, n, model->d, { 0 }, NULL };
    if (n == 0) return CLADE_OK;
    CLADE_TRY(clade_matrix_check(x, n, model->d, err));
    a.cut     = clade__cut_of(n, 0);
    a.packed  = clade_centres_create(model->k, model->d, model->shift);
    a.scratch = CLADE_NEW(float, (size_t)clade_threads_get() * CLADE_NEAREST_ROWS * model->d);
    if (a.packed == NULL || a.scratch == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to assign %zu rows", n);
        goto done;
    }
    clade_centres_set(a.packed, model->centre);
    clade_parallel(a.cut.n, assign_block, &a);
done:
    clade_centres_free(a.packed);
    free(a.scratch);
    return status;
}
