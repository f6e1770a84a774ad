/*
 * Gaussian mixtures by expectation-maximisation. A pass reads each block of rows once: densities of
 * 64 rows at a time, their chances, and straight on to the sums that the next parameters come from;
 * the n x k chances are never stored. All in double, without fused multiply-adds: the same bits in
 * every instruction set.
 *
 * Each covariance S has the conjugate prior whose log density is, up to a constant,
 *
 *     -s/2 (log |S| + tr(D S^-1)),
 *
 * worth s rows of the pooled within-cluster diagonal D. The maximum of the posterior is then
 * S = (s D + sum r (x - m)(x - m)') / (s + sum r), and every pass raises the log posterior.
 */
#include "clusters_internal.h"

#include <math.h>
#include <stdlib.h>

enum { CHUNK = 64, ITER_DEFAULT = 200, ITER_MAX = 100000 };

typedef double v4 __attribute__((vector_size(32)));

/* What a pass shares; sums are by block and component. */
typedef struct em {
    const clade_mixture *m;
    const float         *x;
    size_t               n;
    clade__cut           cut;
    const uint32_t      *hard;   /* (n) components to count rows for, before there are densities */
    size_t               n_sums; /* of a component: rows, d means, and squares (stride^2, or d) */
    double              *sum;    /* (blocks, k, n_sums), or NULL when only answers are wanted */
    double              *log_likelihood; /* (blocks) */
    double              *scratch;        /* (workers, n_scratch) */
    size_t               n_scratch;
    uint32_t            *label;       /* (n) or NULL */
    float               *chance;      /* (n, k) or NULL */
    float               *log_density; /* (n) or NULL */
} em;

/* ---- Densities --------------------------------------------------------------------------------
 */

/* distance[r] = |W (x_r - mean)|^2 for 64 rows in lanes: away (d, CHUNK), W a lower triangle. */
static inline __attribute__((always_inline)) void distances_body(double       *distance,
                                                                 const double *away,
                                                                 const double *w, size_t d)
{
    for (size_t at = 0; at < CHUNK; at += 16) {
        v4 total[4] = { { 0 } };
        for (size_t i = 0; i < d; i++) {
            v4 sum[4] = { { 0 } };
            for (size_t j = 0; j <= i; j++) {
                const double s = w[i * d + j];
                const v4     f = { s, s, s, s };
                v4           z[4];
                memcpy(z, away + j * CHUNK + at, sizeof z);
#pragma GCC unroll 4
                for (int v = 0; v < 4; v++)
                    sum[v] += f * z[v];
            }
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++)
                total[v] += sum[v] * sum[v];
        }
        memcpy(distance + at, total, sizeof total);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void distances_avx2(double *distance, const double *away,
                                                           const double *w, size_t d)
{
    distances_body(distance, away, w, d);
}
#endif

static void distances(double *distance, const double *away, const double *w, size_t d)
{
#if defined(__x86_64__)
    if (clade_isa_get() >= CLADE_ISA_AVX2) {
        distances_avx2(distance, away, w, d);
        return;
    }
#endif
    distances_body(distance, away, w, d);
}

static void distances_diagonal(double *distance, const double *away, const double *w, size_t d)
{
    memset(distance, 0, CHUNK * sizeof *distance);
    for (size_t j = 0; j < d; j++) {
        for (size_t r = 0; r < CHUNK; r++) {
            const double z = w[j] * away[j * CHUNK + r];
            distance[r] += z * z;
        }
    }
}

/* Rows that are not there read as the mean, at distance zero; nobody looks at them. */
static void take_away(double *away, const em *e, size_t first, size_t n_rows, size_t c)
{
    const size_t d = e->m->d;
    for (size_t j = 0; j < d; j++) {
        const double mean = e->m->mean[c * d + j];
        for (size_t r = 0; r < CHUNK; r++) {
            away[j * CHUNK + r] = r < n_rows ? (double)e->x[(first + r) * d + j] - mean : 0.0;
        }
    }
}

/* joint (k, CHUNK): log of share times density. */
static void joint_of(double *joint, double *away, const em *e, size_t first, size_t n_rows)
{
    const clade_mixture *const m = e->m;
    for (size_t c = 0; c < m->k; c++) {
        double *const out = joint + c * CHUNK;
        take_away(away, e, first, n_rows, c);
        if (m->kind == CLADE_COVARIANCE_FULL) {
            distances(out, away, m->whiten + c * m->d * m->d, m->d);
        } else {
            distances_diagonal(out, away, m->whiten + c * m->d, m->d);
        }
        for (size_t r = 0; r < CHUNK; r++)
            out[r] = m->log_scale[c] - 0.5 * out[r];
    }
}

/* From joint logs to chances, in place; returns the log density of the row. The largest goes first,
 * so that nothing overflows and a far row still has chances that sum to one. */
static double chances_of(double *joint, size_t k, uint32_t *out_best)
{
    size_t best = 0;
    double sum  = 0.0;
    for (size_t c = 1; c < k; c++) {
        if (joint[c * CHUNK] > joint[best * CHUNK]) best = c;
    }
    const double most = joint[best * CHUNK];
    for (size_t c = 0; c < k; c++) {
        joint[c * CHUNK] = exp(joint[c * CHUNK] - most);
        sum += joint[c * CHUNK];
    }
    for (size_t c = 0; c < k; c++)
        joint[c * CHUNK] /= sum;
    *out_best = (uint32_t)best;
    /* cppcheck-suppress invalidFunctionArg ; the largest adds exp(0) = 1 to the sum */
    return most + log(sum);
}

/* ---- A pass -----------------------------------------------------------------------------------
 */

/* Add 64 rows to the sums of one component. Squares are taken around the present mean. */
static void add_chunk(double *sum, double *room, const em *e, size_t first, size_t n_rows, size_t c,
                      const double *chance)
{
    const size_t  d = e->m->d, stride = clade_gram_stride(d);
    double *const away = room, *const scaled = room + CHUNK * stride;
    double *const square = sum + 1 + d;
    double        any    = 0.0;
    for (size_t r = 0; r < n_rows; r++)
        any += chance[r];
    if (any == 0.0) return;

    memset(room, 0, 2 * CHUNK * stride * sizeof *room);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < d; j++) {
            away[r * stride + j]   = (double)e->x[(first + r) * d + j] - e->m->mean[c * d + j];
            scaled[r * stride + j] = chance[r] * away[r * stride + j];
            sum[1 + j] += scaled[r * stride + j];
        }
        sum[0] += chance[r];
    }
    if (e->m->kind == CLADE_COVARIANCE_FULL) {
        clade_gram_add(square, scaled, away, n_rows, d);
        return;
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < d; j++)
            square[j] += scaled[r * stride + j] * away[r * stride + j];
    }
}

static void em_chunk(em *e, size_t block, size_t first, size_t n_rows, double *scratch)
{
    const size_t  k = e->m->k, stride = clade_gram_stride(e->m->d);
    double *const joint = scratch, *const away = joint + k * CHUNK;
    double *const room = away + CHUNK * stride;
    if (e->hard != NULL) {
        memset(joint, 0, k * CHUNK * sizeof *joint);
        for (size_t r = 0; r < n_rows; r++)
            joint[e->hard[first + r] * CHUNK + r] = 1.0;
    } else {
        joint_of(joint, away, e, first, n_rows);
        for (size_t r = 0; r < n_rows; r++) {
            uint32_t     best;
            const double density = chances_of(joint + r, k, &best);
            e->log_likelihood[block] += density;
            if (e->label != NULL) e->label[first + r] = best;
            if (e->log_density != NULL) e->log_density[first + r] = (float)density;
            for (size_t c = 0; e->chance != NULL && c < k; c++) {
                e->chance[(first + r) * k + c] = (float)joint[c * CHUNK + r];
            }
        }
    }
    for (size_t c = 0; e->sum != NULL && c < k; c++) {
        double *const sum = e->sum + (block * k + c) * e->n_sums;
        add_chunk(sum, room, e, first, n_rows, c, joint + c * CHUNK);
    }
}

static void em_block(size_t block, int worker, void *context)
{
    em *const     e       = context;
    double *const scratch = e->scratch + (size_t)worker * e->n_scratch;
    const size_t  end     = clade__cut_end(e->cut, block, e->n);
    if (e->sum != NULL) {
        double *const sum = e->sum + block * e->m->k * e->n_sums;
        memset(sum, 0, e->m->k * e->n_sums * sizeof *sum);
    }
    e->log_likelihood[block] = 0.0;
    for (size_t at = block * e->cut.rows; at < end; at += CHUNK) {
        em_chunk(e, block, at, end - at < CHUNK ? end - at : CHUNK, scratch);
    }
}

/* All blocks; sums are gathered into the first one in index order. Returns the log-likelihood. */
static double em_pass(em *e)
{
    const size_t n_all = e->m->k * e->n_sums;
    double       total = 0.0;
    clade_parallel(e->cut.n, em_block, e);
    for (size_t b = 0; b < e->cut.n; b++) {
        total += e->log_likelihood[b];
        for (size_t i = 0; e->sum != NULL && b > 0 && i < n_all; i++) {
            e->sum[i] += e->sum[b * n_all + i];
        }
    }
    return total;
}

static clade_status em_create(em *e, bool with_sums, clade_error *err)
{
    const size_t k = e->m->k, d = e->m->d, stride = clade_gram_stride(d);
    e->n_sums    = 1 + d + (e->m->kind == CLADE_COVARIANCE_FULL ? stride * stride : d);
    e->n_sums    = (e->n_sums + 7) / 8 * 8;
    e->cut       = clade__cut_of(e->n, with_sums ? k * e->n_sums : 0);
    e->n_scratch = (k + 3 * stride) * CHUNK;
    if (with_sums) e->sum = CLADE_NEW(double, e->cut.n *k * e->n_sums);
    e->log_likelihood = CLADE_NEW(double, e->cut.n);
    e->scratch        = CLADE_NEW(double, (size_t)clade_threads_get() * e->n_scratch);
    if ((with_sums && e->sum == NULL) || e->log_likelihood == NULL || e->scratch == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a mixture of %zu in %zu columns", k,
                          d);
    }
    return CLADE_OK;
}

static void em_free(em *e)
{
    free(e->sum);
    free(e->log_likelihood);
    free(e->scratch);
}

/* ---- From sums to parameters ------------------------------------------------------------------
 */

/* The covariance of one component from its sums around the old mean, and the mean after it. */
static void update_component(clade_mixture *m, size_t c, const double *sum, const double *prior,
                             double worth)
{
    const size_t        d = m->d, stride = clade_gram_stride(d);
    const double        n      = sum[0];
    const double *const square = sum + 1 + d;
    for (size_t i = 0; i < d; i++) {
        const double step_i = n > 0.0 ? sum[1 + i] / n : 0.0;
        if (m->kind == CLADE_COVARIANCE_DIAGONAL) {
            const double within      = square[i] - n * step_i * step_i;
            m->covariance[c * d + i] = (worth * prior[i] + fmax(0.0, within)) / (worth + n);
            continue;
        }
        for (size_t j = 0; j <= i; j++) {
            const double step_j = n > 0.0 ? sum[1 + j] / n : 0.0;
            const double within = square[i * stride + j] - n * step_i * step_j;
            const double value  = ((i == j ? worth * prior[i] : 0.0) + within) / (worth + n);
            m->covariance[(c * d + i) * d + j] = m->covariance[(c * d + j) * d + i] = value;
        }
    }
    for (size_t i = 0; i < d && n > 0.0; i++)
        m->mean[c * d + i] += sum[1 + i] / n;
}

/* Whitening factor and log scale; returns the log prior of the covariance, up to its constant. */
static clade_status factor_component(clade_mixture *m, size_t c, const double *prior, double worth,
                                     double *out_log_prior, clade_error *err)
{
    const size_t  d        = m->d;
    const bool    full     = m->kind == CLADE_COVARIANCE_FULL;
    const size_t  n_each   = full ? d * d : d;
    double *const w        = m->whiten + c * n_each;
    double        log_root = 0.0, trace = 0.0; /* log sqrt|S^-1|, tr(D S^-1) */
    memcpy(w, m->covariance + c * n_each, n_each * sizeof *w);
    if (full) {
        if (!clade_cholesky(w, d)) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "component %zu has no positive covariance: scale the columns first",
                              c);
        }
        clade_lower_invert(w, d);
    }
    for (size_t i = 0; i < d; i++) {
        if (!full) w[i] = 1.0 / sqrt(w[i]);
        log_root += log(full ? w[i * d + i] : w[i]);
        for (size_t j = 0; j < d; j++) {
            if (!full && i != j) continue;
            const double f = full ? w[i * d + j] : w[i];
            trace += prior[j] * f * f; /* S^-1 = W' W */
        }
    }
    m->log_scale[c] = log(m->share[c]) - 0.5 * (double)d * log(2.0 * M_PI) + log_root;
    *out_log_prior += -0.5 * worth * (-2.0 * log_root + trace);
    return CLADE_OK;
}

static clade_status maximise(clade_mixture *m, const em *e, const double *prior, double worth,
                             double *out_log_prior, clade_error *err)
{
    *out_log_prior = 0.0;
    for (size_t c = 0; c < m->k; c++) {
        const double *const sum = e->sum + c * e->n_sums;
        m->share[c]             = sum[0] / (double)e->n;
        update_component(m, c, sum, prior, worth);
        CLADE_TRY(factor_component(m, c, prior, worth, out_log_prior, err));
    }
    return CLADE_OK;
}

/* ---- Fit --------------------------------------------------------------------------------------
 */

static clade_mixture *mixture_create(size_t k, size_t d, clade_covariance_kind kind,
                                     size_t max_iter)
{
    clade_mixture *m      = calloc(1, sizeof *m);
    const size_t   n_each = kind == CLADE_COVARIANCE_FULL ? d * d : d;
    if (m == NULL) return NULL;
    *m            = (clade_mixture){ .k = k, .d = d, .kind = kind };
    m->share      = CLADE_NEW(double, k);
    m->mean       = CLADE_NEW(double, k *d);
    m->covariance = CLADE_NEW(double, k *n_each);
    m->whiten     = CLADE_NEW(double, k *n_each);
    m->log_scale  = CLADE_NEW(double, k);
    m->trace      = CLADE_NEW(double, max_iter);
    if (m->share == NULL || m->mean == NULL || m->covariance == NULL || m->whiten == NULL ||
        m->log_scale == NULL || m->trace == NULL) {
        clade_mixture_free(m);
        return NULL;
    }
    return m;
}

void clade_mixture_free(clade_mixture *model)
{
    if (model == NULL) return;
    free(model->share);
    free(model->mean);
    free(model->covariance);
    free(model->whiten);
    free(model->log_scale);
    free(model->trace);
    free(model);
}

/* The pooled within-cluster variance of each column, never quite zero: from the sums of hard labels
 * around the centres. */
static clade_status pooled_diagonal(double *out, const em *e, clade_error *err)
{
    const size_t d = e->m->d, stride = clade_gram_stride(d);
    const bool   full  = e->m->kind == CLADE_COVARIANCE_FULL;
    double       total = 0.0;
    for (size_t j = 0; j < d; j++) {
        out[j] = 0.0;
        for (size_t c = 0; c < e->m->k; c++) {
            const double *const square = e->sum + c * e->n_sums + 1 + d;
            out[j] += square[full ? j * stride + j : j] / (double)e->n;
        }
        total += out[j];
    }
    if (!(total > 0.0)) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "all %zu rows lie on %zu points: a mixture has nothing to fit", e->n,
                          e->m->k);
    }
    for (size_t j = 0; j < d; j++)
        out[j] = fmax(out[j], 1e-6 * total / (double)d);
    return CLADE_OK;
}

static clade_status start_by_kmeans(clade_mixture *m, em *e, uint32_t *label, double *prior,
                                    const clade_mixture_options *o, double worth,
                                    double *out_log_prior, clade_error *err)
{
    const clade_kmeans_options options = { .k = o->k, .seed = o->seed, .tolerance = 1e-3 };
    clade_kmeans              *centres = NULL;
    CLADE_TRY(clade_kmeans_fit(&centres, label, e->x, e->n, m->d, NULL, &options, err));
    for (size_t i = 0; i < m->k * m->d; i++)
        m->mean[i] = (double)centres->centre[i];
    clade_kmeans_free(centres);

    e->hard = label;
    em_pass(e);
    e->hard = NULL;
    CLADE_TRY(pooled_diagonal(prior, e, err));
    return maximise(m, e, prior, worth, out_log_prior, err);
}

static clade_status climb(clade_mixture *m, em *e, const double *prior, double worth,
                          size_t max_iter, double tolerance, double log_prior, clade_error *err)
{
    const double n = (double)e->n;
    while (m->n_iter < max_iter) {
        CLADE_TRY(clade_interrupt_check(err));
        m->log_likelihood     = em_pass(e) / n;
        m->trace[m->n_iter++] = m->log_likelihood + log_prior / n;
        if (m->n_iter > 1 && m->trace[m->n_iter - 1] - m->trace[m->n_iter - 2] < tolerance) {
            m->converged = true;
            return CLADE_OK; /* parameters are those that the trace ends with */
        }
        if (m->n_iter < max_iter) CLADE_TRY(maximise(m, e, prior, worth, &log_prior, err));
    }
    return CLADE_OK;
}

/* Number the components by falling share. */
static clade_status sort_components(clade_mixture *m, clade_error *err)
{
    const size_t   n_each = m->kind == CLADE_COVARIANCE_FULL ? m->d * m->d : m->d;
    clade_status   status = CLADE_OK;
    clade_mixture *old    = mixture_create(m->k, m->d, m->kind, 1);
    uint32_t      *order  = CLADE_NEW(uint32_t, m->k);
    if (old == NULL || order == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to order %zu components", m->k);
        goto done;
    }
    for (size_t c = 0; c < m->k; c++)
        old->share[c] = -m->share[c];
    status = clade_order_f64(order, old->share, 1, m->k, err);
    if (status != CLADE_OK) goto done;

    memcpy(old->share, m->share, m->k * sizeof *m->share);
    memcpy(old->mean, m->mean, m->k * m->d * sizeof *m->mean);
    memcpy(old->covariance, m->covariance, m->k * n_each * sizeof *m->covariance);
    memcpy(old->whiten, m->whiten, m->k * n_each * sizeof *m->whiten);
    memcpy(old->log_scale, m->log_scale, m->k * sizeof *m->log_scale);
    for (size_t c = 0; c < m->k; c++) {
        const size_t from = order[c];
        m->share[c]       = old->share[from];
        m->log_scale[c]   = old->log_scale[from];
        memcpy(m->mean + c * m->d, old->mean + from * m->d, m->d * sizeof *m->mean);
        memcpy(m->covariance + c * n_each, old->covariance + from * n_each,
               n_each * sizeof *m->covariance);
        memcpy(m->whiten + c * n_each, old->whiten + from * n_each, n_each * sizeof *m->whiten);
    }
done:
    clade_mixture_free(old);
    free(order);
    return status;
}

static double bic_of(const clade_mixture *m, size_t n)
{
    const double k = (double)m->k, d = (double)m->d;
    const double each = m->kind == CLADE_COVARIANCE_FULL ? 0.5 * d * (d + 1.0) : d;
    return -2.0 * m->log_likelihood * (double)n + (k - 1.0 + k * (d + each)) * log((double)n);
}

clade_status clade_mixture_fit(clade_mixture **out_model, uint32_t *out_label, const float *x,
                               size_t n, size_t d, const clade_mixture_options *options,
                               clade_error *err)
{
    const size_t   max_iter  = options->max_iter == 0 ? ITER_DEFAULT : options->max_iter;
    const double   tolerance = options->tolerance == 0.0 ? 1e-6 : options->tolerance;
    const double   worth     = options->shrinkage == 0.0 ? (double)d + 2.0 : options->shrinkage;
    clade_status   status    = CLADE_OK;
    clade_mixture *m         = NULL;
    em             e         = { .x = x, .n = n };
    double        *prior = NULL, log_prior = 0.0;
    uint32_t      *label = NULL;
    if (options->k == 0 || options->k > n || options->k > CLADE_CLUSTERS_MAX || d == 0 ||
        !(worth > 0.0) || max_iter > ITER_MAX) {
        return clade_fail(
            err, CLADE_ERR_ARG,
            "cannot fit %zu components to %zu rows of %zu columns with shrinkage %g in "
            "%zu passes",
            options->k, n, d, worth, max_iter);
    }
    m     = mixture_create(options->k, d, options->kind, max_iter);
    prior = CLADE_NEW(double, d);
    label = CLADE_NEW(uint32_t, n);
    if (m == NULL || prior == NULL || label == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu components in %zu columns",
                            options->k, d);
        goto done;
    }
    e.m    = m;
    status = em_create(&e, true, err);
    if (status != CLADE_OK) goto done;
    status = start_by_kmeans(m, &e, label, prior, options, worth, &log_prior, err);
    if (status != CLADE_OK) goto done;
    status = climb(m, &e, prior, worth, max_iter, tolerance, log_prior, err);
    if (status != CLADE_OK) goto done;
    m->bic = bic_of(m, n);
    status = sort_components(m, err);
    if (status != CLADE_OK) goto done;
    if (out_label != NULL) {
        status = clade_mixture_assign(out_label, NULL, NULL, m, x, n, err);
        if (status != CLADE_OK) goto done;
    }
    *out_model = m;
    m          = NULL;
done:
    clade_mixture_free(m);
    em_free(&e);
    free(prior);
    free(label);
    return status;
}

clade_status clade_mixture_assign(uint32_t *out_label, float *out_chance, float *out_log_density,
                                  const clade_mixture *model, const float *x, size_t n,
                                  clade_error *err)
{
    em e = { .m           = model,
             .x           = x,
             .n           = n,
             .label       = out_label,
             .chance      = out_chance,
             .log_density = out_log_density };
    if (n == 0) return CLADE_OK;
    CLADE_TRY(clade_matrix_check(x, n, model->d, err));
    const clade_status status = em_create(&e, false, err);
    if (status == CLADE_OK) em_pass(&e);
    em_free(&e);
    return status;
}
