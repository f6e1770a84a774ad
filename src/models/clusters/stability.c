/*
 * Stability: would the same groups be found among other customers of the same shop? Two questions:
 * which of the clusters at hand come back when customers are drawn again (Hennig's bootstrap), and
 * for how many clusters two halves of the customers agree (prediction strength).
 */
#include "clusters_internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    DRAWS_DEFAULT  = 50,
    DRAWS_MAX      = 10000,
    STABILITY_ROWS = 50000,
    SPLITS_DEFAULT = 12,
    K_MIN_DEFAULT  = 2,
    K_MAX_DEFAULT  = 12,
    SPLIT_ROWS     = 20000,
    SPLIT_STARTS   = 2,
    SPLIT_ITER     = 60
};
static const double RECOVERED = 0.75, LIMIT_DEFAULT = 0.8;

/* ---- Bootstrap Jaccard ------------------------------------------------------------------------
 */

typedef struct boot {
    uint32_t *times;                /* (n) how often each row was drawn */
    uint32_t *row;                  /* (n) the rows drawn, rising, with repeats */
    uint32_t *relabel;              /* (n) what the method says */
    uint32_t *drawn;                /* (n) the old label, of drawn rows only */
    double   *jaccard;              /* (k) of one draw */
    double   *sum;                  /* (k) */
    size_t   *n_told, *n_recovered; /* (k) draws in which the cluster had rows, and came back */
} boot;

static void boot_free(boot *b)
{
    free(b->times);
    free(b->row);
    free(b->relabel);
    free(b->drawn);
    free(b->jaccard);
    free(b->sum);
    free(b->n_told);
    free(b->n_recovered);
}

static bool boot_create(boot *b, size_t n, size_t k)
{
    b->times       = CLADE_NEW(uint32_t, n);
    b->row         = CLADE_NEW(uint32_t, n);
    b->relabel     = CLADE_NEW(uint32_t, n);
    b->drawn       = CLADE_NEW(uint32_t, n);
    b->jaccard     = CLADE_NEW(double, k);
    b->sum         = CLADE_NEW(double, k);
    b->n_told      = CLADE_NEW(size_t, k);
    b->n_recovered = CLADE_NEW(size_t, k);
    return b->times != NULL && b->row != NULL && b->relabel != NULL && b->drawn != NULL &&
           b->jaccard != NULL && b->sum != NULL && b->n_told != NULL && b->n_recovered != NULL;
}

static void draw_again(boot *b, const uint32_t *label, size_t n, clade_rng *rng)
{
    size_t at = 0;
    memset(b->times, 0, n * sizeof *b->times);
    for (size_t i = 0; i < n; i++)
        b->times[clade_rng_below(rng, n)]++;
    for (size_t i = 0; i < n; i++) {
        for (uint32_t t = 0; t < b->times[i]; t++)
            b->row[at++] = (uint32_t)i;
        b->drawn[i] = b->times[i] == 0 ? CLADE_NO_MATCH : label[i];
    }
}

/* The method's number of clusters is its largest label and one more. */
static clade_status count_draw(boot *b, size_t k, size_t n, clade_error *err)
{
    size_t  k_new = 1;
    size_t *table = NULL;
    for (size_t i = 0; i < n; i++) {
        if (b->relabel[i] != CLADE_NO_MATCH && b->relabel[i] >= k_new) k_new = b->relabel[i] + 1;
    }
    CLADE_TRY(clade__table_of(&table, b->drawn, k, b->relabel, k_new, n, err));
    clade__jaccard_of(b->jaccard, table, k, k_new);
    free(table);
    for (size_t c = 0; c < k; c++) {
        if (isnan(b->jaccard[c])) continue;
        b->sum[c] += b->jaccard[c];
        b->n_told[c]++;
        b->n_recovered[c] += b->jaccard[c] > RECOVERED;
    }
    return CLADE_OK;
}

clade_status clade_cluster_stability(double *out_jaccard, double *out_recovered,
                                     const uint32_t *label, size_t k, size_t n,
                                     clade_cluster_method method, void *context, size_t n_draws,
                                     uint64_t seed, clade_error *err)
{
    clade_status status = CLADE_OK;
    boot         b      = { 0 };
    if (n_draws == 0) n_draws = DRAWS_DEFAULT;
    if (n == 0 || k == 0 || n > CLADE_ROWS_MAX || n_draws > DRAWS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot draw %zu times from %zu rows in %zu clusters",
                          n_draws, n, k);
    }
    if (!boot_create(&b, n, k)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the stability of %zu rows", n);
        goto done;
    }
    for (size_t draw = 0; draw < n_draws; draw++) {
        clade_rng rng = clade_rng_stream(seed, "clusters/stability", draw);
        status        = clade_interrupt_check(err);
        if (status != CLADE_OK) goto done;
        draw_again(&b, label, n, &rng);
        status = method(b.relabel, b.row, n, clade_rng_u64(&rng), context, err);
        if (status != CLADE_OK) goto done;
        status = count_draw(&b, k, n, err);
        if (status != CLADE_OK) goto done;
    }
    for (size_t c = 0; c < k; c++) {
        out_jaccard[c] = b.sum[c] / (double)b.n_told[c];
        if (out_recovered != NULL) {
            out_recovered[c] = (double)b.n_recovered[c] / (double)b.n_told[c];
        }
    }
done:
    boot_free(&b);
    return status;
}

typedef struct kmeans_method {
    const float *x;
    size_t       n, d, k;
    float       *weight; /* (n) how often a row was drawn */
} kmeans_method;

static clade_status kmeans_again(uint32_t *out_label, const uint32_t *row, size_t n_rows,
                                 uint64_t seed, void *context, clade_error *err)
{
    kmeans_method *const       m       = context;
    const clade_kmeans_options options = {
        .k = m->k, .seed = seed, .n_starts = SPLIT_STARTS, .max_iter = SPLIT_ITER, .tolerance = 1e-3
    };
    clade_kmeans *model = NULL;
    memset(m->weight, 0, m->n * sizeof *m->weight);
    for (size_t i = 0; i < n_rows; i++)
        m->weight[row[i]] += 1.0f;
    CLADE_TRY(clade_kmeans_fit(&model, out_label, m->x, m->n, m->d, m->weight, &options, err));
    clade_kmeans_free(model);
    return CLADE_OK;
}

/* Rows of x copied together: all of them, or `most` that a stream of chance picks. */
static clade_status take_rows(float **out_x, size_t *out_n, const float *x, size_t n, size_t d,
                              size_t most, uint64_t seed, clade_error *err)
{
    const size_t n_taken = n < most ? n : most;
    clade_rng    rng     = clade_rng_stream(seed, "clusters/rows", 0);
    uint32_t    *row     = CLADE_NEW(uint32_t, n_taken);
    float       *taken   = CLADE_NEW(float, n_taken *d);
    if (row == NULL || taken == NULL) {
        free(row);
        free(taken);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a sample of %zu rows", n_taken);
    }
    clade__sample_rows(row, n_taken, n, &rng);
    for (size_t i = 0; i < n_taken; i++) {
        memcpy(taken + i * d, x + (size_t)row[i] * d, d * sizeof *taken);
    }
    free(row);
    *out_x = taken;
    *out_n = n_taken;
    return CLADE_OK;
}

clade_status clade_kmeans_stability(double *out_jaccard, double *out_recovered,
                                    const clade_kmeans *model, const float *x, size_t n,
                                    size_t n_draws, uint64_t seed, clade_error *err)
{
    clade_status  status = CLADE_OK;
    kmeans_method method = { .d = model->d, .k = model->k };
    uint32_t     *label  = NULL;
    float        *taken  = NULL;
    if (n < model->k) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot judge %zu clusters on %zu rows", model->k, n);
    }
    CLADE_TRY(clade_matrix_check(x, n, model->d, err));
    status = take_rows(&taken, &method.n, x, n, model->d, STABILITY_ROWS, seed, err);
    if (status != CLADE_OK) goto done;
    method.x      = taken;
    method.weight = CLADE_NEW(float, method.n);
    label         = CLADE_NEW(uint32_t, method.n);
    if (method.weight == NULL || label == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge %zu rows", method.n);
        goto done;
    }
    status = clade_kmeans_assign(label, NULL, model, taken, method.n, err);
    if (status != CLADE_OK) goto done;
    status = clade_cluster_stability(out_jaccard, out_recovered, label, model->k, method.n,
                                     kmeans_again, &method, n_draws, seed, err);
done:
    free(taken);
    free(method.weight);
    free(label);
    return status;
}

/* ---- How many ---------------------------------------------------------------------------------
 */

/* One split of the sample, and what it says about every k. */
typedef struct split {
    const float                 *x; /* (n, d) the sample */
    size_t                       n, d;
    size_t                       k_min, n_k;
    uint64_t                     seed;
    const clade_covariance_kind *covariance; /* of a mixture's components; NULL for k-means */
    double                      *strength, *rand_index, *objective; /* (n_splits, n_k) */
    clade_status                *status;                            /* (n_splits, n_k) */
    clade_error                 *error;                             /* (n_splits, n_k) */
} split;

/* In the worst cluster of the tested half (column b), the share of its pairs that the other half's
 * centres keep together (row a). Clusters of one row have no pairs and no say. */
static double strength_of(const size_t *table, size_t k)
{
    double worst = 1.0;
    for (size_t b = 0; b < k; b++) {
        double together = 0.0;
        size_t n_b      = 0;
        for (size_t a = 0; a < k; a++) {
            const double cell = (double)table[a * k + b];
            together += 0.5 * cell * (cell - 1.0);
            n_b += table[a * k + b];
        }
        if (n_b > 1) worst = fmin(worst, together / (0.5 * (double)n_b * ((double)n_b - 1.0)));
    }
    return worst;
}

/* What one half learnt: one of the two. */
typedef struct half_model {
    clade_kmeans  *kmeans;
    clade_mixture *mixture;
} half_model;

static clade_status fit_half(half_model *out, uint32_t *out_label, double *out_cost, const split *s,
                             const float *x, size_t n, size_t k, uint64_t seed, clade_error *err)
{
    if (s->covariance == NULL) {
        const clade_kmeans_options options = { .k         = k,
                                               .seed      = seed,
                                               .n_starts  = SPLIT_STARTS,
                                               .max_iter  = SPLIT_ITER,
                                               .tolerance = 1e-3 };
        CLADE_TRY(clade_kmeans_fit(&out->kmeans, out_label, x, n, s->d, NULL, &options, err));
        *out_cost = out->kmeans->objective;
        return CLADE_OK;
    }
    const clade_mixture_options options = {
        .k = k, .kind = *s->covariance, .seed = seed, .max_iter = SPLIT_ITER, .tolerance = 1e-4
    };
    CLADE_TRY(clade_mixture_fit(&out->mixture, out_label, x, n, s->d, &options, err));
    *out_cost = -out->mixture->log_likelihood * (double)n;
    return CLADE_OK;
}

static clade_status label_half(uint32_t *out_label, const half_model *model, const float *x,
                               size_t n, clade_error *err)
{
    return model->mixture == NULL
               ? clade_kmeans_assign(out_label, NULL, model->kmeans, x, n, err)
               : clade_mixture_assign(out_label, NULL, NULL, model->mixture, x, n, err);
}

/* Both halves clustered, the second labelled by the first, and what they agree on. */
static clade_status judge_halves(double out[3], const split *s, const float *const half[2],
                                 const size_t n_half[2], size_t k, uint64_t seed, clade_error *err)
{
    clade_status status   = CLADE_OK;
    half_model   model[2] = { { NULL, NULL }, { NULL, NULL } };
    uint32_t    *label[2] = { NULL, NULL }, *given = NULL;
    size_t      *table    = NULL;
    double       strength = 0.0, rand_index = 0.0, cost = 0.0;

    label[0] = CLADE_NEW(uint32_t, n_half[0] + 1);
    label[1] = CLADE_NEW(uint32_t, n_half[1] + 1);
    given    = CLADE_NEW(uint32_t, n_half[0] + n_half[1]);
    if (label[0] == NULL || label[1] == NULL || given == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge %zu clusters", k);
        goto done;
    }
    for (int h = 0; h < 2; h++) {
        double one = 0.0;
        status =
            fit_half(&model[h], label[h], &one, s, half[h], n_half[h], k, seed + (uint64_t)h, err);
        if (status != CLADE_OK) goto done;
        cost += one;
    }
    for (int h = 0; h < 2; h++) { /* each half tests the other */
        status = label_half(given, &model[h], half[1 - h], n_half[1 - h], err);
        if (status != CLADE_OK) goto done;
        status = clade__table_of(&table, given, k, label[1 - h], k, n_half[1 - h], err);
        if (status != CLADE_OK) goto done;
        strength += 0.5 * strength_of(table, k);
        rand_index += 0.5 * clade__rand_of(table, k, k);
        free(table);
        table = NULL;
    }
    out[0] = strength;
    out[1] = rand_index;
    out[2] = cost / (double)(n_half[0] + n_half[1]);
done:
    for (int h = 0; h < 2; h++) {
        clade_kmeans_free(model[h].kmeans);
        clade_mixture_free(model[h].mixture);
        free(label[h]);
    }
    free(given);
    free(table);
    return status;
}

/* Task t is split t / n_k for the t % n_k-th number of clusters; the same split serves every k. */
static void judge_split(size_t t, int worker, void *context)
{
    split *const s      = context;
    const size_t number = t / s->n_k, k = s->k_min + t % s->n_k;
    clade_rng    rng       = clade_rng_stream(s->seed, "clusters/split", number);
    const size_t n_half[2] = { s->n / 2, s->n - s->n / 2 };
    uint32_t    *order     = CLADE_NEW(uint32_t, s->n);
    float       *mixed     = CLADE_NEW(float, s->n * s->d);
    double       got[3]    = { (double)NAN, (double)NAN, (double)NAN };
    (void)worker;
    if (order == NULL || mixed == NULL) {
        s->status[t] =
            clade_fail(&s->error[t], CLADE_ERR_NOMEM, "no memory to split %zu rows", s->n);
        goto done;
    }
    clade_rng_permute(order, s->n, &rng);
    for (size_t i = 0; i < s->n; i++) {
        memcpy(mixed + i * s->d, s->x + (size_t)order[i] * s->d, s->d * sizeof *mixed);
    }
    const float *const half[2] = { mixed, mixed + n_half[0] * s->d };
    s->status[t] = judge_halves(got, s, half, n_half, k, clade_rng_u64(&rng), &s->error[t]);
    if (s->status[t] == CLADE_ERR_DATA) { /* a half has fewer distinct rows than k: no support */
        s->status[t] = CLADE_OK;
        got[0] = got[1] = got[2] = 0.0;
    }
done:
    s->strength[t]   = got[0];
    s->rand_index[t] = got[1];
    s->objective[t]  = got[2];
    free(order);
    free(mixed);
}

static clade_k_evidence evidence_of(const split *s, size_t at, size_t n_splits)
{
    const double     n       = (double)n_splits;
    clade_k_evidence e       = { .k = s->k_min + at };
    double           spread2 = 0.0;
    for (size_t i = at; i < n_splits * s->n_k; i += s->n_k) {
        e.strength += s->strength[i] / n;
        e.rand_index += s->rand_index[i] / n;
        e.objective += s->objective[i] / n;
    }
    for (size_t i = at; i < n_splits * s->n_k; i += s->n_k) {
        spread2 += (s->strength[i] - e.strength) * (s->strength[i] - e.strength);
    }
    e.strength_se = n_splits > 1 ? sqrt(spread2 / (n - 1.0) / n) : 0.0;
    return e;
}

static clade_status check_choice(clade_choose_k_options *o, size_t n, size_t d, clade_error *err)
{
    if (o->k_min == 0) o->k_min = K_MIN_DEFAULT;
    if (o->k_max == 0) o->k_max = K_MAX_DEFAULT;
    if (o->n_splits == 0) o->n_splits = SPLITS_DEFAULT;
    if (o->max_rows == 0) o->max_rows = SPLIT_ROWS;
    if (o->limit == 0.0) o->limit = LIMIT_DEFAULT;
    const size_t n_sample = n < o->max_rows ? n : o->max_rows;
    if (o->k_min > o->k_max || o->k_max > n_sample / 2 || d == 0 || o->n_splits > DRAWS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "cannot ask for %zu to %zu clusters of %zu rows: at most half as many as "
                          "rows",
                          o->k_min, o->k_max, n_sample);
    }
    return CLADE_OK;
}

static clade_status choose_k(size_t *out_k, size_t *out_best, clade_k_evidence *out_evidence,
                             const float *x, size_t n, size_t d,
                             const clade_covariance_kind  *covariance,
                             const clade_choose_k_options *options, clade_error *err)
{
    clade_status           status  = CLADE_OK;
    clade_choose_k_options o       = options == NULL ? (clade_choose_k_options){ 0 } : *options;
    float                 *sample  = NULL;
    split                  s       = { 0 };
    size_t                 n_tasks = 0, chosen = 1, best = 0;
    double                 most = -INFINITY;
    CLADE_TRY(check_choice(&o, n, d, err));
    CLADE_TRY(clade_matrix_check(x, n, d, err));
    CLADE_TRY(take_rows(&sample, &s.n, x, n, d, o.max_rows, o.seed, err));

    s            = (split){ .x          = sample,
                            .n          = s.n,
                            .d          = d,
                            .k_min      = o.k_min,
                            .n_k        = o.k_max - o.k_min + 1,
                            .seed       = o.seed,
                            .covariance = covariance };
    n_tasks      = o.n_splits * s.n_k;
    s.strength   = CLADE_NEW(double, n_tasks);
    s.rand_index = CLADE_NEW(double, n_tasks);
    s.objective  = CLADE_NEW(double, n_tasks);
    s.status     = CLADE_NEW(clade_status, n_tasks);
    s.error      = CLADE_NEW(clade_error, n_tasks);
    if (s.strength == NULL || s.rand_index == NULL || s.objective == NULL || s.status == NULL ||
        s.error == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu splits", o.n_splits);
        goto done;
    }
    clade_parallel(n_tasks, judge_split, &s);
    for (size_t t = 0; t < n_tasks; t++) {
        if (s.status[t] == CLADE_OK) continue;
        status = clade_fail(err, s.status[t], "%s", s.error[t].message);
        goto done;
    }
    for (size_t at = 0; at < s.n_k; at++) {
        const clade_k_evidence e = evidence_of(&s, at, o.n_splits);
        if (out_evidence != NULL) out_evidence[at] = e;
        if (e.strength + e.strength_se >= o.limit) chosen = e.k;
        if (e.strength > most) {
            most = e.strength;
            best = e.k;
        }
    }
    *out_k = chosen;
    if (out_best != NULL) *out_best = best;
done:
    free(sample);
    free(s.strength);
    free(s.rand_index);
    free(s.objective);
    free(s.status);
    free(s.error);
    return status;
}

clade_status clade_kmeans_choose_k(size_t *out_k, size_t *out_best, clade_k_evidence *out_evidence,
                                   const float *x, size_t n, size_t d,
                                   const clade_choose_k_options *options, clade_error *err)
{
    return choose_k(out_k, out_best, out_evidence, x, n, d, NULL, options, err);
}

clade_status clade_mixture_choose_k(size_t *out_k, size_t *out_best, clade_k_evidence *out_evidence,
                                    const float *x, size_t n, size_t d, clade_covariance_kind kind,
                                    const clade_choose_k_options *options, clade_error *err)
{
    return choose_k(out_k, out_best, out_evidence, x, n, d, &kind, options, err);
}
