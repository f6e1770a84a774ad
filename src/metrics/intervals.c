/*
 * Intervals: the bootstrap over rows, folds of a cross-validation, and shares.
 */
#include "clade/metrics.h"

#include "clade/numeric.h"
#include "clade/run.h"
#include "metrics_internal.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWS_DEFAULT = 400, DRAWS_MAX = 100000 };

typedef struct bootstrap {
    clade_statistic statistic;
    void           *context;
    size_t          n;
    uint64_t        seed;
    uint32_t       *count; /* (n_workers, n) row-major */
    double         *drawn; /* (n_draws) */
} bootstrap;

static void draw_once(size_t draw, int worker, void *context)
{
    const bootstrap *const b     = context;
    uint32_t *const        count = b->count + (size_t)worker * b->n;
    clade_rng              rng   = clade_rng_stream(b->seed, "metrics/bootstrap", draw);
    memset(count, 0, b->n * sizeof *count);
    for (size_t i = 0; i < b->n; i++)
        count[clade_rng_below(&rng, b->n)]++;
    b->drawn[draw] = b->statistic(count, b->n, b->context);
}

static void range_of(clade_interval *out, double *drawn, size_t n_draws, double level)
{
    size_t n_told = 0;
    for (size_t d = 0; d < n_draws; d++) {
        if (!isnan(drawn[d])) drawn[n_told++] = drawn[d];
    }
    if (2 * n_told < n_draws) return;
    clade_sort_f64(drawn, n_told);
    out->low  = clade_quantile_sorted(drawn, n_told, 0.5 - 0.5 * level);
    out->high = clade_quantile_sorted(drawn, n_told, 0.5 + 0.5 * level);
}

clade_status clade_bootstrap(clade_interval *out, clade_statistic statistic, void *context,
                             size_t n, const clade_bootstrap_options *options, clade_error *err)
{
    const clade_bootstrap_options o = options == NULL ? (clade_bootstrap_options){ 0 } : *options;
    const size_t                  n_draws  = o.n_draws == 0 ? DRAWS_DEFAULT : o.n_draws;
    const double                  level    = o.level == 0.0 ? 0.95 : o.level;
    clade_status                  status   = CLADE_OK;
    clade_interval                result   = { (double)NAN, (double)NAN, (double)NAN };
    bootstrap                     b        = { statistic, context, n, o.seed, NULL, NULL };
    size_t                        n_counts = 0;

    if (n > CLADE_ROWS_MAX || n_draws > DRAWS_MAX || !(level > 0.0 && level < 1.0)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "bootstrap of %zu rows, %zu draws, level %g: wanted at most %zu rows, %d "
                          "draws, and a level between 0 and 1",
                          n, n_draws, level, CLADE_ROWS_MAX, DRAWS_MAX);
    }
    if (n == 0) {
        *out = result;
        return CLADE_OK;
    }
    if (clade_size_mul(&n_counts, n, (size_t)clade_threads_get())) {
        b.count = CLADE_NEW(uint32_t, n_counts);
        b.drawn = CLADE_NEW(double, n_draws);
    }
    if (b.count == NULL || b.drawn == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a bootstrap of %zu rows", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        b.count[i] = 1;
    result.value = statistic(b.count, n, context);
    clade_parallel(n_draws, draw_once, &b);
    range_of(&result, b.drawn, n_draws, level);
    *out = result;
done:
    free(b.count);
    free(b.drawn);
    return status;
}

typedef struct two_sides {
    clade_statistic statistic;
    void           *a, *b;
} two_sides;

static double difference_of(const uint32_t *count, size_t n, void *context)
{
    const two_sides *const two = context;
    return two->statistic(count, n, two->a) - two->statistic(count, n, two->b);
}

clade_status clade_bootstrap_difference(clade_interval *out, clade_statistic statistic,
                                        void *context_a, void *context_b, size_t n,
                                        const clade_bootstrap_options *options, clade_error *err)
{
    two_sides two = { statistic, context_a, context_b };
    return clade_bootstrap(out, difference_of, &two, n, options, err);
}

typedef struct scored {
    const uint32_t *order;
    const double   *score;
    const uint8_t  *label;
    const double   *actual;
} scored;

static double auc_statistic(const uint32_t *count, size_t n, void *context)
{
    const scored *const s = context;
    return clade__auc_ordered(s->order, s->score, s->label, count, n);
}

static double r2_statistic(const uint32_t *count, size_t n, void *context)
{
    const scored *const s = context;
    return clade__r2_counted(s->score, s->actual, count, n);
}

clade_status clade_auc_interval(clade_interval *out, const double *score, const uint8_t *label,
                                size_t n, const clade_bootstrap_options *options, clade_error *err)
{
    uint32_t *order = NULL;
    CLADE_TRY(clade__check_scored(score, label, n, err));
    CLADE_TRY(clade__order_scores(&order, score, n, err));
    scored             s      = { order, score, label, NULL };
    const clade_status status = clade_bootstrap(out, auc_statistic, &s, n, options, err);
    free(order);
    return status;
}

clade_status clade_r2_interval(clade_interval *out, const double *predicted, const double *actual,
                               size_t n, const clade_bootstrap_options *options, clade_error *err)
{
    scored s = { NULL, predicted, NULL, actual };
    return clade_bootstrap(out, r2_statistic, &s, n, options, err);
}

clade_status clade_conformal_quantile(double *out, const double *score, size_t n, double level,
                                      clade_error *err)
{
    if (!(level > 0.0 && level < 1.0)) {
        return clade_fail(err, CLADE_ERR_ARG, "level is %g: wanted between 0 and 1", level);
    }
    for (size_t i = 0; i < n; i++) {
        if (isnan(score[i])) {
            return clade_fail(err, CLADE_ERR_DATA, "score[%zu] is not a number", i);
        }
    }
    /* A product that is an integer but for its rounding is that integer. */
    const double place = ceil((double)(n + 1) * level * (1.0 - 1e-12));
    if (place > (double)n) {
        *out = HUGE_VAL;
        return CLADE_OK;
    }
    double *const sorted = CLADE_NEW(double, n);
    if (sorted == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu scores", n);
    memcpy(sorted, score, n * sizeof *sorted);
    clade_sort_f64(sorted, n);
    *out = sorted[(size_t)place - 1];
    free(sorted);
    return CLADE_OK;
}

clade_interval clade_repeated_fold_interval(const double *value, size_t n_folds, size_t n_repeats,
                                            double level)
{
    const size_t   n_values = n_folds * n_repeats;
    clade_interval out      = { (double)NAN, (double)NAN, (double)NAN };
    double         total = 0.0, spread2 = 0.0;
    size_t         k = 0;
    for (size_t f = 0; f < n_values; f++) {
        if (isnan(value[f])) continue;
        total += value[f];
        k++;
    }
    if (k == 0) return out;
    out.value = total / (double)k;
    if (k == 1) return out;

    for (size_t f = 0; f < n_values; f++) {
        if (!isnan(value[f])) spread2 += (value[f] - out.value) * (value[f] - out.value);
    }
    const double df       = (double)(k - 1);
    const double others   = n_repeats > 1 ? (double)(n_folds - 1) : df;
    const double variance = spread2 / df * (1.0 / (double)k + 1.0 / others);
    const double reach    = clade_student_quantile(0.5 + 0.5 * level, df) * sqrt(variance);
    out.low               = out.value - reach;
    out.high              = out.value + reach;
    return out;
}

void clade_interval_write(clade_json *json, const char *key, const clade_interval *interval)
{
    clade_json_key(json, key);
    clade_json_object(json);
    clade_json_put_number(json, "value", interval->value);
    clade_json_put_number(json, "low", interval->low);
    clade_json_put_number(json, "high", interval->high);
    clade_json_object_end(json);
}

clade_interval clade_fold_interval(const double *value, size_t n_folds, double level)
{
    return clade_repeated_fold_interval(value, n_folds, 1, level);
}

clade_interval clade_share_interval(size_t n_yes, size_t n, double level)
{
    if (n == 0) return (clade_interval){ (double)NAN, (double)NAN, (double)NAN };
    const double z      = clade_normal_quantile(0.5 + 0.5 * level);
    const double m      = (double)n;
    const double share  = (double)n_yes / m;
    const double middle = (share + z * z / (2.0 * m)) / (1.0 + z * z / m);
    const double reach =
        z / (1.0 + z * z / m) * sqrt(share * (1.0 - share) / m + z * z / (4.0 * m * m));
    /* At none and all the ends are 0 and 1, which a rounding must not miss. */
    return (clade_interval){ share, n_yes == 0 ? 0.0 : fmin(share, middle - reach),
                             n_yes == n ? 1.0 : fmax(share, middle + reach) };
}
