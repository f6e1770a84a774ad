/* The goals that look at one row at a time, and the grid that makes every sum of derivatives exact.
 *
 * XGBoost sums derivatives in an order that depends on its threads, and a sum of doubles depends on
 * its order. So each derivative is rounded to a multiple of 2^(e - 26), where 2^e bounds them all:
 * a sum of up to 2^26 of them is then below 2^(e + 26), has at most 52 bits, and is exact in a
 * double whatever the order. What is lost, 2^-26 of the largest, is less than float's own rounding
 * of it. Rows left out by subsampling get derivatives of zero, which is what XGBoost itself does.
 */
#include "goals.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { GRID_BITS = 26, RANK_TARGET_MAX = 31 };

clade_status clade__goal_check_target(const char *name, size_t i, double target,
                                      clade_trees_goal goal, clade_error *err)
{
    const char *wanted = NULL;
    if (!isfinite(target)) wanted = "finite";
    if (goal == CLADE_TREES_LOGISTIC && !(target >= 0 && target <= 1)) wanted = "0 to 1";
    if (goal == CLADE_TREES_TWEEDIE && !(target >= 0)) wanted = "0 or more";
    if (goal == CLADE_TREES_RANK && !(target >= 0 && target <= RANK_TARGET_MAX)) {
        wanted = "0 to 31, a grade whose gain is 2^grade - 1";
    }
    if (wanted == NULL) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_DATA, "%s: target[%zu] is %g: wanted %s", name, i, target,
                      wanted);
}

static double weight_of(const clade_trees_data *data, size_t i)
{
    return data->weight == NULL ? 1.0 : (double)data->weight[i];
}

static int by_value(const void *a, const void *b)
{
    const double x = ((const weighed *)a)->value, y = ((const weighed *)b)->value;
    return (x > y) - (x < y);
}

double clade__weighed_quantile(weighed *item, size_t n, double p)
{
    double total = 0, sum = 0;
    qsort(item, n, sizeof *item, by_value);
    for (size_t i = 0; i < n; i++)
        total += item[i].weight;
    for (size_t i = 0; i < n && total > 0; i++) {
        sum += item[i].weight;
        /* A rounding of p or of the sum must not skip the value that ends the share exactly. */
        if (sum >= p * total * (1 - 1e-12)) return item[i].value;
    }
    return 0;
}

static clade_status quantile_of_target(double *out, const clade_trees_data *data, double p,
                                       clade_error *err)
{
    weighed *const item = CLADE_NEW(weighed, data->n_rows);
    if (item == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu targets", data->n_rows);
    }
    for (size_t i = 0; i < data->n_rows; i++)
        item[i] = (weighed){ (double)data->target[i], weight_of(data, i) };
    *out = (double)(float)clade__weighed_quantile(item, data->n_rows, p);
    free(item);
    return CLADE_OK;
}

/* The weighted mean of the target, kept off the ends where its margin would be infinite. */
clade_status clade__goal_base(double *out, const clade_trees_data *data,
                              const clade_trees_options *options, clade_error *err)
{
    double sum = 0, total = 0;
    if (options->goal == CLADE_TREES_QUANTILE) {
        return quantile_of_target(out, data, options->quantile, err);
    }
    for (size_t i = 0; i < data->n_rows; i++) {
        sum += weight_of(data, i) * (double)data->target[i];
        total += weight_of(data, i);
    }
    *out = sum / total;
    if (options->goal == CLADE_TREES_LOGISTIC) *out = fmin(fmax(*out, 1e-6), 1 - 1e-6);
    if (options->goal == CLADE_TREES_TWEEDIE) *out = fmax(*out, 1e-30);
    if (options->goal == CLADE_TREES_RANK) *out = 0;
    return CLADE_OK;
}

static void round_to_grid(float *x, size_t n)
{
    float largest = 0;
    int   e       = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    if (largest == 0) return;
    (void)frexp((double)largest, &e);
    const double grid = ldexp(1.0, e - GRID_BITS);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(rint((double)x[i] / grid) * grid);
}

/* Of one row of weight 1. */
static void derive_row(float *first, float *second, float margin, float y,
                       const clade_trees_options *options)
{
    const double m = (double)margin, rho = options->power;
    switch (options->goal) {
    case CLADE_TREES_LOGISTIC: {
        const float p = clade__sigmoid(margin);
        *first        = p - y;
        *second       = fmaxf(p * (1.0f - p), 1e-16f);
        break;
    }
    case CLADE_TREES_TWEEDIE: { /* loss -y e^((1 - rho) m) / (1 - rho) + e^((2 - rho) m) / (2 - rho)
                                 */
        const double own = (double)y * exp((1 - rho) * m), mean = exp((2 - rho) * m);
        *first  = (float)(mean - own);
        *second = (float)((2 - rho) * mean - (1 - rho) * own);
        break;
    }
    case CLADE_TREES_QUANTILE: /* the leaves are fitted again, so only the sides count */
        *first  = y == margin ? 0 : (float)((y < margin ? 1 : 0) - options->quantile);
        *second = 1;
        break;
    default:
        *first  = margin - y;
        *second = 1;
        break;
    }
}

void clade__goal_derive(float *out_first, float *out_second, const float *margin,
                        const clade_trees_data *data, const clade_trees_options *options,
                        const rank_lists *lists, int round)
{
    if (options->goal == CLADE_TREES_RANK) {
        clade__rank_derive(out_first, out_second, margin, data, options, lists, round);
    } else {
        clade_rng rng = clade_rng_stream(options->seed, "trees/subsample", (uint64_t)round);
        for (size_t i = 0; i < data->n_rows; i++) {
            const float weight = data->weight == NULL ? 1.0f : data->weight[i];
            out_first[i] = out_second[i] = 0;
            if (options->subsample < 1 && clade_rng_uniform(&rng) >= options->subsample) continue;
            derive_row(&out_first[i], &out_second[i], margin[i], data->target[i], options);
            out_first[i] *= weight;
            out_second[i] *= weight;
        }
    }
    round_to_grid(out_first, data->n_rows);
    round_to_grid(out_second, data->n_rows);
}

static double row_loss(double m, double y, const clade_trees_options *options)
{
    const double rho = options->power;
    switch (options->goal) {
    case CLADE_TREES_LOGISTIC: /* log(1 + e^m) - y m, without overflow for a large m */
        return fmax(m, 0) + log1p(exp(-fabs(m))) - y * m;
    case CLADE_TREES_TWEEDIE:
        return exp((2 - rho) * m) / (2 - rho) - y * exp((1 - rho) * m) / (1 - rho);
    case CLADE_TREES_QUANTILE:
        return y >= m ? options->quantile * (y - m) : (1 - options->quantile) * (m - y);
    default: return (m - y) * (m - y);
    }
}

double clade__goal_loss(const float *margin, const clade_trees_data *data,
                        const clade_trees_options *options, const rank_lists *lists)
{
    double sum = 0, total = 0;
    if (options->goal == CLADE_TREES_RANK) {
        return clade__rank_loss(margin, data, options->rank_top, lists);
    }
    for (size_t i = 0; i < data->n_rows; i++) {
        sum += weight_of(data, i) * row_loss((double)margin[i], (double)data->target[i], options);
        total += weight_of(data, i);
    }
    return sum / total;
}
