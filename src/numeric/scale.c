/*
 * Robust scaling. Money and counts of customers have tails over which a mean says little, and many
 * columns are mostly zero; hence medians, quartiles, logarithms and a clip. Runs once for each fit
 * and once for each matrix that is scored.
 */
#include "clade/numeric.h"

#include "clade/run.h"
#include "numeric_internal.h"

#include <math.h>
#include <stdlib.h>

enum { QUANTILE_ROWS = 200000 };
static const double IQR_OF_NORMAL = 1.3489795003921634; /* between the quartiles of a normal */
static const double CLIP_DEFAULT  = 4.0;

/* What one pass over all rows says about a column. */
typedef struct extent {
    float  low, high;
    size_t n_present;
    size_t n_infinite;
} extent;

typedef struct fitting {
    const float                *x;
    size_t                      n, d;
    clade__blocks               blocks;
    const clade_scaler_options *options;
    extent                     *block_extent; /* (blocks, d) */
    extent                     *extent;       /* (d) */
    clade_scaled_column        *learnt;       /* (d) */
    size_t                      step;         /* every step-th row is sampled */
    double                     *sample;       /* (workers, 2 sampled rows) */
    size_t                      n_sample;
} fitting;

static double logged(double x)
{
    return copysign(log1p(fabs(x)), x);
}

static extent extent_none(void)
{
    return (extent){ INFINITY, -INFINITY, 0, 0 };
}

static void extent_block(size_t b, int worker, void *context)
{
    const fitting *const f   = context;
    extent *const        out = f->block_extent + b * f->d;
    const size_t         end = (b + 1) * f->blocks.rows < f->n ? (b + 1) * f->blocks.rows : f->n;
    (void)worker;
    for (size_t j = 0; j < f->d; j++)
        out[j] = extent_none();
    for (size_t r = b * f->blocks.rows; r < end; r++) {
        for (size_t j = 0; j < f->d; j++) {
            const float v = f->x[r * f->d + j];
            if (isnan(v)) continue;
            out[j].low  = v < out[j].low ? v : out[j].low;
            out[j].high = v > out[j].high ? v : out[j].high;
            out[j].n_present += 1;
            out[j].n_infinite += isinf(v) != 0;
        }
    }
}

static void extent_collect(fitting *f)
{
    for (size_t j = 0; j < f->d; j++) {
        f->extent[j] = extent_none();
        for (size_t b = 0; b < f->blocks.n; b++) {
            const extent *const e = &f->block_extent[b * f->d + j];
            f->extent[j].low      = fminf(f->extent[j].low, e->low);
            f->extent[j].high     = fmaxf(f->extent[j].high, e->high);
            f->extent[j].n_present += e->n_present;
            f->extent[j].n_infinite += e->n_infinite;
        }
    }
}

static double mean_of(const double *value, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += value[i];
    return sum / (double)n;
}

/* Mean of ((value - centre)^power). */
static double moment_of(const double *value, size_t n, double centre, int power)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double away = value[i] - centre;
        sum += power == 2 ? away * away : away * away * away;
    }
    return sum / (double)n;
}

static double skewness_of(const double *value, size_t n)
{
    const double mean     = mean_of(value, n);
    const double variance = moment_of(value, n, mean, 2);
    return variance > 0.0 ? moment_of(value, n, mean, 3) / pow(variance, 1.5) : 0.0;
}

static bool reads_better_logged(const double *raw, double *log_room, size_t n)
{
    for (size_t i = 0; i < n; i++)
        log_room[i] = logged(raw[i]);
    const double before = fabs(skewness_of(raw, n));
    return before > 1.0 && fabs(skewness_of(log_room, n)) < 0.5 * before;
}

static void fit_column(size_t j, int worker, void *context)
{
    const fitting *const       f     = context;
    clade_scaled_column *const c     = &f->learnt[j];
    double *const              value = f->sample + (size_t)worker * 2 * f->n_sample;
    size_t                     n     = 0;
    if (!(f->extent[j].low < f->extent[j].high)) return; /* one value, or none */

    for (size_t r = 0; r < f->n; r += f->step) {
        const float v = f->x[r * f->d + j];
        if (!isnan(v)) value[n++] = (double)v;
    }
    if (n == 0) { /* present, but in no sampled row: the extent is all that is known */
        value[n++] = (double)f->extent[j].low;
        value[n++] = (double)f->extent[j].high;
    }
    c->source = (uint32_t)j;
    c->logged = f->options->skewed != NULL ? f->options->skewed[j] != 0
                                           : reads_better_logged(value, value + f->n_sample, n);
    for (size_t i = 0; c->logged && i < n; i++)
        value[i] = logged(value[i]);

    const double deviation = sqrt(moment_of(value, n, mean_of(value, n), 2));
    c->centre              = clade_quantile_f64(value, n, 0.5);
    const double iqr  = clade_quantile_f64(value, n, 0.75) - clade_quantile_f64(value, n, 0.25);
    double       span = (double)f->extent[j].high - (double)f->extent[j].low;
    if (c->logged) span = logged((double)f->extent[j].high) - logged((double)f->extent[j].low);
    c->scale = iqr > 1e-9 * span ? iqr / IQR_OF_NORMAL : deviation > 1e-9 * span ? deviation : span;

    if (f->options->impute == CLADE_IMPUTE_LOW) {
        const double low = (clade_quantile_f64(value, n, 0.05) - c->centre) / c->scale;
        c->fill          = fmax(-f->options->clip, low);
    }
}

/* Value columns that say something, each followed by its indicator where one is wanted. */
static void collect(clade_scaler *s, const fitting *f)
{
    for (size_t j = 0; j < f->d; j++) {
        const double present = (double)f->extent[j].n_present / (double)f->n;
        const bool   told    = f->learnt[j].scale > 0.0;
        const bool   shown =
            f->options->impute == CLADE_IMPUTE_INDICATOR && present > 0.005 && present < 0.995;
        if (told) s->column[s->n_out++] = f->learnt[j];
        if (shown) {
            const double absent   = 1.0 - present;
            s->column[s->n_out++] = (clade_scaled_column){
                .source    = (uint32_t)j,
                .indicator = true,
                .centre    = absent,
                .scale     = sqrt(absent * present),
            };
        }
        if (!told && !shown) s->dropped[s->n_dropped++] = (uint32_t)j;
    }
}

clade_status clade_scaler_fit(clade_scaler **out_scaler, const float *x, size_t n, size_t d,
                              const clade_scaler_options *options, clade_error *err)
{
    clade_status         status = CLADE_OK;
    clade_scaler_options o      = options == NULL ? (clade_scaler_options){ 0 } : *options;
    fitting       f = { .x = x, .n = n, .d = d, .blocks = clade__blocks_of(n), .options = &o };
    clade_scaler *s = NULL;
    if (n == 0 || d == 0) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot scale %zu rows of %zu columns", n, d);
    }
    if (o.clip == 0.0) o.clip = CLIP_DEFAULT;
    f.step     = (n + QUANTILE_ROWS - 1) / QUANTILE_ROWS;
    f.n_sample = (n + f.step - 1) / f.step + 2;

    s              = calloc(1, sizeof *s);
    f.block_extent = CLADE_NEW(extent, f.blocks.n * d);
    f.extent       = CLADE_NEW(extent, d);
    f.learnt       = CLADE_NEW(clade_scaled_column, d);
    f.sample       = CLADE_NEW(double, (size_t)clade_threads_get() * 2 * f.n_sample);
    if (s != NULL) {
        s->column  = CLADE_NEW(clade_scaled_column, 2 * d);
        s->dropped = CLADE_NEW(uint32_t, d);
    }
    if (s == NULL || s->column == NULL || s->dropped == NULL || f.block_extent == NULL ||
        f.extent == NULL || f.learnt == NULL || f.sample == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to scale %zu columns", d);
        goto done;
    }
    s->n_in = d;
    s->clip = o.clip;
    clade_parallel(f.blocks.n, extent_block, &f);
    extent_collect(&f);
    for (size_t j = 0; j < d; j++) {
        if (f.extent[j].n_infinite == 0) continue;
        status = clade_fail(err, CLADE_ERR_DATA, "column %zu holds %zu infinite values", j,
                            f.extent[j].n_infinite);
        goto done;
    }
    clade_parallel(d, fit_column, &f);
    collect(s, &f);
    *out_scaler = s;
    s           = NULL;
done:
    clade_scaler_free(s);
    free(f.block_extent);
    free(f.extent);
    free(f.learnt);
    free(f.sample);
    return status;
}

void clade_scaler_free(clade_scaler *scaler)
{
    if (scaler == NULL) return;
    free(scaler->column);
    free(scaler->dropped);
    free(scaler);
}

typedef struct applying {
    float              *out;
    const clade_scaler *s;
    const float        *x;
    size_t              n;
    clade__blocks       blocks;
} applying;

static float scaled(const clade_scaler *s, const clade_scaled_column *c, float value)
{
    double v = (double)value;
    if (c->indicator) {
        v = isnan(v) ? 1.0 : 0.0;
    } else if (isnan(v)) {
        return (float)c->fill;
    } else if (c->logged) {
        v = logged(v);
    }
    return (float)fmax(-s->clip, fmin(s->clip, (v - c->centre) / c->scale));
}

static void apply_block(size_t b, int worker, void *context)
{
    const applying *const     a = context;
    const clade_scaler *const s = a->s;
    const size_t end            = (b + 1) * a->blocks.rows < a->n ? (b + 1) * a->blocks.rows : a->n;
    (void)worker;
    for (size_t r = b * a->blocks.rows; r < end; r++) {
        for (size_t j = 0; j < s->n_out; j++) {
            const clade_scaled_column *const c = &s->column[j];
            a->out[r * s->n_out + j]           = scaled(s, c, a->x[r * s->n_in + c->source]);
        }
    }
}

void clade_scaler_apply(float *out, const clade_scaler *scaler, const float *x, size_t n)
{
    applying a = { out, scaler, x, n, clade__blocks_of(n) };
    clade_parallel(a.blocks.n, apply_block, &a);
}
