/* The log posterior of a shop and its gradient: laws give the terms of a block of rows, here they
 * are summed. Blocks are tasks whose sums are combined in their order, so that the number of
 * threads never shows. */
#include "value_internal.h"

#include <math.h>
#include <stdlib.h>

clade_status clade__value_hill_create(clade__value_hill *out, const clade__value_law *law,
                                      const clade__value_groups *groups,
                                      const clade_value_options *options, double prior,
                                      clade_error *err)
{
    clade__value_hill hill     = { .law    = law,
                                   .groups = groups,
                                   .n      = law->n_params + 2 * groups->k,
                                   .prior  = prior,
                                   .ridge  = options->ridge };
    const size_t      n_blocks = (groups->n + CLADE__VALUE_BLOCK - 1) / CLADE__VALUE_BLOCK;
    double            typical[CLADE_VALUE_MAX_PARAMS];
    double           *memory =
        CLADE_NEW(double, groups->table_size *CLADE__VALUE_TABLES + n_blocks * (1 + hill.n));
    if (memory == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to fit %zu customers", groups->n);
    }
    hill.tables.size = groups->table_size;
    for (size_t i = 0; i < CLADE__VALUE_TABLES; i++)
        hill.tables.column[i] = memory + i * groups->table_size;
    hill.part = memory + CLADE__VALUE_TABLES * groups->table_size;
    law->typical(typical, groups);
    for (size_t i = 0; i < law->n_params; i++)
        hill.middle[i] = log(typical[i] - law->floor[i]);
    *out = hill;
    return CLADE_OK;
}

void clade__value_hill_free(clade__value_hill *hill)
{
    free(hill->tables.column[0]);
    *hill = (clade__value_hill){ 0 };
}

typedef struct walk {
    const clade__value_hill *hill;
    const double            *theta;
    double                   param[CLADE_VALUE_MAX_PARAMS];
} walk;

/* The parameters that covariates act on, for the rows of a block. */
static void spread_params(clade__value_rows *rows, const walk *w, size_t first)
{
    const clade__value_law    *law = w->hill->law;
    const clade__value_groups *g   = w->hill->groups;
    const size_t               n   = law->n_params;
    rows->alike                    = g->k == 0;
    for (size_t i = 0; i < rows->n; i++) {
        double buy = 0, leave = 0;
        for (size_t j = 0; j < g->k; j++) {
            const double z = g->z[(first + i) * g->k + j];
            buy += w->theta[n + j] * z;
            leave += w->theta[n + g->k + j] * z;
        }
        rows->second[i] = g->k == 0 ? w->param[1] : w->param[1] * exp(-buy);
        rows->leave[i] =
            g->k == 0 ? w->param[law->leave] : w->param[law->leave] * exp(law->leave_sign * leave);
    }
    for (size_t i = rows->n; i % 4 != 0; i++) /* kernels read to the end of a vector */
        rows->second[i] = rows->leave[i] = 1;
}

static void walk_block(size_t block, int worker, void *context)
{
    (void)worker;
    const walk *const          w     = context;
    const clade__value_law    *law   = w->hill->law;
    const clade__value_groups *g     = w->hill->groups;
    const size_t               first = block * CLADE__VALUE_BLOCK;
    double *const              sum   = w->hill->part + block * (1 + w->hill->n);
    clade__value_rows          rows;
    rows.n     = g->n - first < CLADE__VALUE_BLOCK ? g->n - first : CLADE__VALUE_BLOCK;
    rows.x     = g->x + first;
    rows.t_x   = g->t_x + first;
    rows.T     = g->T + first;
    rows.spend = g->spend + first;
    spread_params(&rows, w, first);
    law->likelihood(&rows, w->param, &w->hill->tables);

    memset(sum, 0, (1 + w->hill->n) * sizeof *sum);
    for (size_t i = 0; i < rows.n; i++)
        sum[0] += g->weight[first + i] * rows.log_likelihood[i];
    for (size_t p = 0; p < law->n_params; p++) {
        for (size_t i = 0; i < rows.n; i++)
            sum[1 + p] += g->weight[first + i] * rows.slope[p][i];
    }
    double *const on_buy = sum + 1 + law->n_params, *const on_leave = on_buy + g->k;
    for (size_t i = 0; i < rows.n; i++) {
        for (size_t j = 0; j < g->k; j++) {
            const double z = g->weight[first + i] * g->z[(first + i) * g->k + j];
            on_buy[j] -= z * rows.slope[1][i];
            on_leave[j] += law->leave_sign * z * rows.slope[law->leave][i];
        }
    }
}

double clade__value_depth(double *out_gradient, clade__value_hill *hill, const double *theta)
{
    const size_t n = hill->n, n_params = hill->law->n_params;
    const size_t n_blocks = (hill->groups->n + CLADE__VALUE_BLOCK - 1) / CLADE__VALUE_BLOCK;
    const double share    = 1 / hill->groups->n_customers;
    walk         w        = { .hill = hill, .theta = theta };
    double       sum      = 0;
    if (hill->n_steps > 0 && memcmp(hill->last, theta, n * sizeof *theta) == 0) {
        memcpy(out_gradient, hill->last_gradient, n * sizeof *out_gradient);
        return hill->last_depth;
    }
    for (size_t p = 0; p < n_params; p++)
        w.param[p] = hill->law->floor[p] + exp(theta[p]);
    hill->law->tabulate(&hill->tables, w.param);
    clade_parallel(n_blocks, walk_block, &w);
    hill->n_steps++;

    memset(out_gradient, 0, n * sizeof *out_gradient);
    for (size_t b = 0; b < n_blocks; b++) {
        const double *const part = hill->part + b * (1 + n);
        sum += part[0];
        for (size_t i = 0; i < n; i++)
            out_gradient[i] += part[1 + i];
    }
    hill->log_likelihood = sum;
    for (size_t i = 0; i < n; i++) { /* log-normal around the middle with deviation 1, and ridge */
        const double away   = theta[i] - (i < n_params ? hill->middle[i] : 0);
        const double weight = i < n_params ? hill->prior : hill->ridge;
        sum -= 0.5 * weight * away * away;
        out_gradient[i] = -(out_gradient[i] - weight * away) * share;
    }
    memcpy(hill->last, theta, n * sizeof *theta);
    memcpy(hill->last_gradient, out_gradient, n * sizeof *out_gradient);
    hill->last_depth = -sum * share;
    return hill->last_depth;
}

void clade__value_curvature(double *out, clade__value_hill *hill, const double *theta)
{
    const double step = 1e-4; /* third derivatives leave 1e-8, rounding 1e-10 of the curvature */
    const size_t n    = hill->n;
    double       at[CLADE_VALUE_MAX_THETA], up[CLADE_VALUE_MAX_THETA], down[CLADE_VALUE_MAX_THETA];
    memcpy(at, theta, n * sizeof *at);
    for (size_t i = 0; i < n; i++) {
        at[i] = theta[i] + step;
        clade__value_depth(up, hill, at);
        at[i] = theta[i] - step;
        clade__value_depth(down, hill, at);
        at[i] = theta[i];
        for (size_t j = 0; j < n; j++)
            out[i * n + j] = (up[j] - down[j]) / (2 * step);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            out[i * n + j] = out[j * n + i] = 0.5 * (out[i * n + j] + out[j * n + i]);
    }
}
