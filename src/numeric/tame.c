/*
 * Taming: three columns that all say "bought a lot" would pull a distance three times. Either they
 * are put together, or the axes are turned until nothing is said twice. Runs once for each fit.
 */
#include "clade/numeric.h"

#include "clade/run.h"
#include "numeric_internal.h"

#include <math.h>
#include <stdlib.h>

/* Column j joins the first leader it agrees with; returns the number of leaders. */
static size_t group_columns(uint32_t *leader, const double *rho, size_t d, double limit)
{
    size_t n_leaders = 0;
    for (size_t j = 0; j < d; j++) {
        leader[j] = (uint32_t)j;
        for (size_t i = 0; i < j; i++) {
            if (leader[i] != i || fabs(rho[j * d + i]) <= limit) continue;
            leader[j] = (uint32_t)i;
            break;
        }
        n_leaders += leader[j] == j;
    }
    return n_leaders;
}

/* One output column for each leader: itself, or the average of its group with signs agreeing, given
 * the leader's deviation. */
static void map_groups(clade_projection *p, const double *rho, const double *deviation, size_t d,
                       bool average)
{
    size_t column = 0;
    for (size_t i = 0; i < d; i++) {
        if (p->leader[i] != i) continue;
        double n_members = 0.0;
        for (size_t j = i; average && j < d; j++)
            n_members += p->leader[j] == i;
        for (size_t j = i; j < d; j++) {
            if (p->leader[j] != i || (!average && j != i)) continue;
            const double sign             = rho[j * d + i] < 0.0 ? -1.0 : 1.0;
            const double scale            = deviation[j] > 0.0 ? deviation[i] / deviation[j] : 1.0;
            p->map[j * p->n_out + column] = average ? sign * scale / n_members : 1.0;
        }
        column++;
    }
}

/* The leading eigenvectors as columns, each divided by deviation^whiten. */
static clade_status map_components(clade_projection *p, const double *covariance, size_t d,
                                   const clade_tame_options *o, clade_error *err)
{
    clade_status status = CLADE_OK;
    double      *value = CLADE_NEW(double, d), *vector = CLADE_NEW(double, d *d);
    double       total = 0.0, told = 0.0;
    size_t       n_kept = 0;
    if (value == NULL || vector == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu components", d);
        goto done;
    }
    status = clade_eigen_symmetric(value, vector, covariance, d, err);
    if (status != CLADE_OK) goto done;

    for (size_t i = 0; i < d; i++)
        total += fmax(0.0, value[i]);
    while (n_kept < d && value[n_kept] > 1e-12 * value[0] && told < o->variance * total) {
        told += value[n_kept++];
    }
    p->n_out = n_kept;
    for (size_t c = 0; c < n_kept; c++) {
        const double scale = pow(sqrt(value[c]), -o->whiten);
        for (size_t j = 0; j < d; j++)
            p->map[j * n_kept + c] = vector[c * d + j] * scale;
    }
    for (size_t j = 0; j < d; j++)
        p->leader[j] = (uint32_t)j;
done:
    free(value);
    free(vector);
    return status;
}

clade_status clade_projection_fit(clade_projection **out_projection, const float *x, size_t n,
                                  size_t d, const clade_tame_options *options, clade_error *err)
{
    clade_status       status     = CLADE_OK;
    clade_tame_options o          = options == NULL ? (clade_tame_options){ 0 } : *options;
    clade_projection  *p          = NULL;
    double            *covariance = NULL, *deviation = NULL;
    size_t             n_map = 0;
    if (n == 0 || d == 0) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot tame %zu rows of %zu columns", n, d);
    }
    if (o.rho_limit == 0.0) o.rho_limit = 0.95;
    if (o.variance == 0.0) o.variance = 0.95;
    CLADE_TRY(clade_matrix_check(x, n, d, err));

    p = calloc(1, sizeof *p);
    if (p != NULL && clade_size_mul(&n_map, d, d)) {
        p->n_in    = d;
        p->centre  = CLADE_NEW(double, d);
        p->map     = CLADE_NEW(double, n_map);
        p->leader  = CLADE_NEW(uint32_t, d);
        covariance = CLADE_NEW(double, n_map);
        deviation  = CLADE_NEW(double, d);
    }
    if (p == NULL || p->centre == NULL || p->map == NULL || p->leader == NULL ||
        covariance == NULL || deviation == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to tame %zu columns", d);
        goto done;
    }
    status = clade_covariance(p->centre, covariance, x, NULL, n, d, err);
    if (status != CLADE_OK) goto done;

    if (o.method == CLADE_TAME_PCA) {
        status = map_components(p, covariance, d, &o, err);
        if (status != CLADE_OK) goto done;
    } else {
        for (size_t j = 0; j < d; j++)
            deviation[j] = sqrt(covariance[j * d + j]);
        clade_correlation_of(covariance, d);
        p->n_out = group_columns(p->leader, covariance, d, o.rho_limit);
        map_groups(p, covariance, deviation, d, o.method == CLADE_TAME_AVERAGE);
    }
    *out_projection = p;
    p               = NULL;
done:
    clade_projection_free(p);
    free(covariance);
    free(deviation);
    return status;
}

void clade_projection_free(clade_projection *projection)
{
    if (projection == NULL) return;
    free(projection->centre);
    free(projection->map);
    free(projection->leader);
    free(projection);
}

typedef struct projecting {
    float                  *out;
    const clade_projection *p;
    const float            *x;
    size_t                  n;
    clade__blocks           blocks;
} projecting;

/* One row at a time in double, a few columns of the result at once. */
static void project_block(size_t b, int worker, void *context)
{
    const projecting *const       a = context;
    const clade_projection *const p = a->p;
    const size_t end = (b + 1) * a->blocks.rows < a->n ? (b + 1) * a->blocks.rows : a->n;
    (void)worker;
    for (size_t r = b * a->blocks.rows; r < end; r++) {
        for (size_t first = 0; first < p->n_out; first += 16) {
            const size_t width   = p->n_out - first < 16 ? p->n_out - first : 16;
            double       sum[16] = { 0 };
            for (size_t j = 0; j < p->n_in; j++) {
                const double        away = (double)a->x[r * p->n_in + j] - p->centre[j];
                const double *const map  = p->map + j * p->n_out + first;
                for (size_t c = 0; c < width; c++)
                    sum[c] += away * map[c];
            }
            for (size_t c = 0; c < width; c++)
                a->out[r * p->n_out + first + c] = (float)sum[c];
        }
    }
}

void clade_projection_apply(float *out, const clade_projection *projection, const float *x,
                            size_t n)
{
    projecting a = { out, projection, x, n, clade__blocks_of(n) };
    clade_parallel(a.blocks.n, project_block, &a);
}
