/* LIME: a ridge line through a model's answers around one customer, in rank space, and how far
 * chance made it. Runs when it is asked for. docs/maths/explain.md. */
#include "explain_internal.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { RANK_ROWS = 2000, PERTURBED = 2000, RANKS = 201 };

static const double noise = 0.7;  /* deviations in rank that a row is moved by */
static const double width = 0.75; /* of the kernel, times the root of the number of columns: LIME's
                                     own choice */
static const double ridge = 1;    /* LIME's own choice */

/* Rank of a value among rising quantiles in (0, 1), the middle of equal ones. */
static double rank_of(const double *sorted, size_t n, double value)
{
    size_t below = 0, upto = 0;
    while (below < n && sorted[below] < value)
        below++;
    upto = below;
    while (upto < n && sorted[upto] <= value)
        upto++;
    return (0.5 * (double)(below + upto) + 0.5) / (double)(n + 1);
}

/* ---------------------------------------------------------------- one line */

typedef struct lime_rows {
    float  *x;      /* (PERTURBED, n_columns) */
    double *z;      /* (PERTURBED, n) moves in rank space */
    double *margin; /* (PERTURBED) */
    double *weight; /* (PERTURBED) */
    double *gram;   /* (n + 1, n + 1) */
    double *moment; /* (n + 1) */
} lime_rows;

static void perturb(lime_rows *r, const clade__lime_space *space, const float *row, uint64_t seed,
                    uint64_t run)
{
    clade_rng    rng   = clade_rng_stream(seed, "engine/lime", run);
    const double scale = width * width * (double)(space->n == 0 ? 1 : space->n);
    for (size_t i = 0; i < PERTURBED; i++) {
        float *const x   = r->x + i * space->n_columns;
        double       far = 0;
        memcpy(x, row, space->n_columns * sizeof *row);
        for (size_t k = 0; k < space->n; k++) {
            const double step      = noise * clade_rng_normal(&rng);
            const double rank      = clade_normal_cdf(space->score[k] + step);
            r->z[i * space->n + k] = step;
            far += step * step;
            x[space->column[k]] = (float)clade_quantile_sorted(space->sorted + k * space->n_sorted,
                                                               space->n_sorted, rank);
        }
        r->weight[i] = exp(-far / scale);
    }
}

/* Weighted ridge with an intercept that is not drawn to 0: the last column. */
static bool solve(double *coefficient, double *out_intercept, lime_rows *r, size_t n)
{
    const size_t d = n + 1;
    memset(r->gram, 0, d * d * sizeof *r->gram);
    memset(r->moment, 0, d * sizeof *r->moment);
    for (size_t i = 0; i < PERTURBED; i++) {
        const double *const z = r->z + i * n;
        for (size_t a = 0; a < d; a++) {
            const double wa = r->weight[i] * (a < n ? z[a] : 1);
            for (size_t b = 0; b <= a; b++)
                r->gram[a * d + b] += wa * (b < n ? z[b] : 1);
            r->moment[a] += wa * r->margin[i];
        }
    }
    for (size_t a = 0; a < n; a++)
        r->gram[a * d + a] += ridge;
    if (!clade_cholesky(r->gram, d)) return false;
    for (size_t a = 0; a < d; a++) { /* L y = b */
        for (size_t b = 0; b < a; b++)
            r->moment[a] -= r->gram[a * d + b] * r->moment[b];
        r->moment[a] /= r->gram[a * d + a];
    }
    for (size_t a = d; a-- > 0;) { /* L' x = y */
        for (size_t b = a + 1; b < d; b++)
            r->moment[a] -= r->gram[b * d + a] * r->moment[b];
        r->moment[a] /= r->gram[a * d + a];
    }
    memcpy(coefficient, r->moment, n * sizeof *coefficient);
    *out_intercept = r->moment[n];
    return true;
}

static double r2_of(const double *coefficient, double intercept, const lime_rows *r, size_t n)
{
    double weight = 0, mean = 0, left = 0, whole = 0;
    for (size_t i = 0; i < PERTURBED; i++) {
        weight += r->weight[i];
        mean += r->weight[i] * r->margin[i];
    }
    mean /= weight;
    for (size_t i = 0; i < PERTURBED; i++) {
        double line = intercept;
        for (size_t k = 0; k < n; k++)
            line += coefficient[k] * r->z[i * n + k];
        left += r->weight[i] * (r->margin[i] - line) * (r->margin[i] - line);
        whole += r->weight[i] * (r->margin[i] - mean) * (r->margin[i] - mean);
    }
    return whole > 0 ? 1 - left / whole : (double)NAN;
}

clade_status clade__lime_fit(double *coefficient, double *out_margin, double *out_r2,
                             const clade__lime_space *space, const float *row, clade__margin_of *of,
                             const void *model, uint64_t seed, uint64_t run, clade_error *err)
{
    const size_t n      = space->n;
    lime_rows    r      = { .x      = CLADE_NEW(float, PERTURBED * space->n_columns),
                            .z      = CLADE_NEW(double, PERTURBED *n + 1),
                            .margin = CLADE_NEW(double, PERTURBED),
                            .weight = CLADE_NEW(double, PERTURBED),
                            .gram   = CLADE_NEW(double, (n + 1) * (n + 1)),
                            .moment = CLADE_NEW(double, n + 1) };
    clade_status status = CLADE_OK;
    if (r.x == NULL || r.z == NULL || r.margin == NULL || r.weight == NULL || r.gram == NULL ||
        r.moment == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %d perturbed rows", PERTURBED);
    if (status == CLADE_OK) {
        perturb(&r, space, row, seed, run);
        status = of(r.margin, model, r.x, PERTURBED, err);
    }
    if (status == CLADE_OK && !solve(coefficient, out_margin, &r, n))
        status = clade_fail(err, CLADE_ERR_DATA,
                            "the model's answers around the customer are not "
                            "finite: no line goes through them");
    if (status == CLADE_OK) *out_r2 = r2_of(coefficient, *out_margin, &r, n);
    free(r.x);
    free(r.z);
    free(r.margin);
    free(r.weight);
    free(r.gram);
    free(r.moment);
    return status;
}

/* ---------------------------------------------------------------- one customer */

static void space_free(clade__lime_space *space)
{
    free(space->column);
    free(space->score);
    free(space->sorted);
}

/* Features that the customer has and that not everybody has the same of. */
static clade_status space_make(clade__lime_space *out, const clade_predictor *p,
                               clade_predictions *ps, const float *row, clade_error *err)
{
    clade__sample s = { 0 };
    CLADE_TRY(clade__sample_make(&s, p, ps, RANK_ROWS, err));
    *out                 = (clade__lime_space){ .n_columns = p->n_columns,
                                                .n_sorted  = RANKS,
                                                .column    = CLADE_NEW(uint32_t, p->n_features + 1),
                                                .score     = CLADE_NEW(double, p->n_features + 1),
                                                .sorted    = CLADE_NEW(double, p->n_features *RANKS) };
    double *const value  = CLADE_NEW(double, s.n + 1);
    clade_status  status = CLADE_OK;
    if (out->column == NULL || out->score == NULL || out->sorted == NULL || value == NULL)
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory for ranks of %zu features", p->n_features);
    for (size_t j = 0; j < p->n_features && status == CLADE_OK; j++) {
        if (isnan(row[j])) continue;
        const size_t n = clade__sample_sorted(value, &s, j);
        if (n < 2 || value[0] == value[n - 1]) continue;
        double *const sorted = out->sorted + out->n * RANKS;
        for (size_t k = 0; k < RANKS; k++)
            sorted[k] = clade_quantile_sorted(value, n, (double)k / (RANKS - 1));
        out->score[out->n]    = clade_normal_quantile(rank_of(sorted, RANKS, (double)row[j]));
        out->column[out->n++] = (uint32_t)j;
    }
    free(value);
    clade__sample_free(&s);
    return status;
}

static int by_size(const void *a, const void *b)
{
    const clade_lime_term *x = a, *y = b;
    if (fabs(x->margin) != fabs(y->margin)) return fabs(x->margin) > fabs(y->margin) ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* The places of the largest of size (n), largest first. */
static size_t top_of(size_t out[CLADE_LIME_TOP], const double *size, size_t n)
{
    size_t n_out = 0;
    for (size_t k = 0; k < n; k++) {
        size_t at = n_out < CLADE_LIME_TOP ? n_out++ : CLADE_LIME_TOP;
        for (; at > 0 && size[k] > size[out[at - 1]]; at--)
            if (at < CLADE_LIME_TOP) out[at] = out[at - 1];
        if (at < CLADE_LIME_TOP) out[at] = k;
    }
    return n_out;
}

/* size (CLADE_LIME_RUNS, n): how alike the runs order the features. */
static clade_status measure(clade_lime *out, const double *size, size_t n, clade_error *err)
{
    size_t n_pairs = 0;
    out->jaccard = out->rank_correlation = 0;
    for (size_t a = 0; a < CLADE_LIME_RUNS; a++) {
        for (size_t b = 0; b < a; b++) {
            size_t       top_a[CLADE_LIME_TOP] = { 0 }, top_b[CLADE_LIME_TOP] = { 0 }, both = 0;
            double       rho   = 0;
            const size_t n_top = top_of(top_a, size + a * n, n);
            (void)top_of(top_b, size + b * n, n);
            for (size_t i = 0; i < n_top; i++)
                for (size_t j = 0; j < n_top; j++)
                    both += top_a[i] == top_b[j];
            CLADE_TRY(clade_spearman(&rho, size + a * n, size + b * n, n, err));
            out->jaccard += n_top == 0 ? (double)NAN : (double)both / (double)(2 * n_top - both);
            out->rank_correlation += rho;
            n_pairs++;
        }
    }
    out->jaccard /= (double)n_pairs;
    out->rank_correlation /= (double)n_pairs;
    return CLADE_OK;
}

clade_status clade_predictor_lime(clade_lime *out, const clade_predictor *p, clade_predictions *ps,
                                  int64_t customer, uint64_t seed, clade_error *err)
{
    clade__lime_space space  = { 0 };
    clade_lime        lime   = { 0 };
    float            *row    = NULL;
    double           *runs   = NULL;
    double            margin = 0, r2 = 0;
    CLADE_TRY(clade__explains_features(p, NULL, 0, err));
    clade_status status = clade__customer_fill(&row, p, ps, customer, err);
    if (status == CLADE_OK) status = space_make(&space, p, ps, row, err);
    if (status == CLADE_OK) {
        runs      = CLADE_NEW(double, CLADE_LIME_RUNS *space.n + 1);
        lime.term = CLADE_NEW(clade_lime_term, space.n + 1);
        if (runs == NULL || lime.term == NULL)
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu terms", space.n);
    }
    if (status == CLADE_OK) status = clade__blend_margin(&lime.model_margin, p, row, 1, err);
    for (size_t run = CLADE_LIME_RUNS; run-- > 0 && status == CLADE_OK;) /* the first one last */
        status = clade__lime_fit(runs + run * space.n, &margin, &r2, &space, row,
                                 clade__margin_of_blend, p, seed, run, err);
    for (size_t k = 0; k < space.n && status == CLADE_OK; k++)
        lime.term[k] = (clade_lime_term){ .feature = (int)space.column[k],
                                          .value   = (double)row[space.column[k]],
                                          .margin  = runs[k] };
    for (size_t k = 0; k < CLADE_LIME_RUNS * space.n && status == CLADE_OK; k++)
        runs[k] = fabs(runs[k]);
    if (status == CLADE_OK) status = measure(&lime, runs, space.n, err);
    if (status == CLADE_OK) {
        lime.n      = space.n;
        lime.margin = margin;
        lime.r2     = r2;
        qsort(lime.term, lime.n, sizeof *lime.term, by_size);
        *out      = lime;
        lime.term = NULL;
    }
    free(lime.term);
    free(runs);
    free(row);
    space_free(&space);
    return status;
}

void clade_lime_free(clade_lime *lime)
{
    free(lime->term);
    *lime = (clade_lime){ 0 };
}
