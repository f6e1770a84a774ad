/* The portrait of every segment: sizes, money, what members did next, what sets them apart, and one
 * sentence. Rules are in portrait_rules.c, words in portrait_words.c.
 *
 * Differences are looked for in at most 50,000 customers: with so many, what could be missed is too
 * small to be worth a line. Runs once a segmentation. */
#include "portrait.h"
#include "segmentation.h"
#include "subset.h"

#include "clade/metrics.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONTRAST_ROWS   = 50000,
    RANK_ROWS       = 4000, /* enough to tell that two features say the same */
    EXACT_MEAN_ROWS = 5000, /* below: the mean of skewed money gets a bootstrap interval */
    MAX_OF_A_GROUP  = 3,
};

static const double max_q           = 0.05;
static const double least_delta     = 0.10; /* smaller than this nobody would see it in the shop */
static const double max_correlation = 0.90;
static const double level           = 0.95;

uint32_t *clade__portrait_sample(size_t *out_n, size_t n, size_t limit, uint64_t seed,
                                 const char *stream)
{
    uint32_t *row  = CLADE_NEW(uint32_t, n);
    clade_rng rng  = clade_rng_stream(seed, stream, 0);
    size_t    kept = 0, wanted = n < limit ? n : limit;
    if (row == NULL) return NULL;
    for (size_t i = 0; i < n && kept < wanted; i++) { /* Knuth's selection sampling */
        if (clade_rng_below(&rng, n - i) < wanted - kept) row[kept++] = (uint32_t)i;
    }
    *out_n = kept;
    return row;
}

/* ---------------------------------------------------------------- sizes and money */

static void measure_sizes(clade_portrait *out, size_t n_segments,
                          const clade_portraits_input *input)
{
    const size_t n     = input->features->n_customers;
    int64_t      total = 0;
    for (size_t i = 0; i < n; i++) {
        clade_portrait *portrait = &out[input->segment[i]];
        portrait->n++;
        if (input->revenue_minor == NULL) continue;
        portrait->revenue_minor += input->revenue_minor[i];
        total += input->revenue_minor[i];
    }
    for (size_t s = 0; s < n_segments; s++) {
        out[s].name  = *clade_segmentation_name(input->segmentation, s);
        out[s].share = n == 0 ? 0 : (double)out[s].n / (double)n;
        out[s].revenue_share =
            total > 0 ? (double)out[s].revenue_minor / (double)total : (double)NAN;
        out[s].stability = (double)NAN;
    }
}

/* ---------------------------------------------------------------- what came next */

static double weighted_mean(const uint32_t *count, size_t n, void *context)
{
    const double *value = context;
    double        sum = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        sum += count[i] * value[i];
        total += count[i];
    }
    return sum / total;
}

static clade_interval student_interval(const double *value, size_t n)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        sum += value[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (value[i] - mean) * (value[i] - mean);
    const double room = clade_student_quantile(0.5 + level / 2, (double)(n - 1)) *
                        sqrt(square / (double)(n - 1) / (double)n);
    return (clade_interval){ mean, mean - room, mean + room };
}

/* `spend` has room for every customer. */
static clade_status measure_next(clade_portrait *portrait, int32_t segment, double *spend,
                                 const clade_portraits_input *input, clade_error *err)
{
    const clade_bootstrap_options options = { .seed = input->seed + (uint64_t)segment };
    const size_t                  n_all   = input->learnt_features->n_customers;
    clade_interval                money   = { (double)NAN, (double)NAN, (double)NAN };
    size_t                        n = 0, n_returned = 0;
    for (size_t i = 0; i < n_all; i++) {
        if (input->learnt_segment[i] != segment) continue;
        spend[n++] = (double)input->learnt_outcome->spend_minor[i];
        n_returned += input->learnt_outcome->returned[i] != 0;
    }
    if (n > EXACT_MEAN_ROWS) {
        money = student_interval(spend, n);
    } else if (n > 0) {
        CLADE_TRY(clade_bootstrap(&money, weighted_mean, spend, n, &options, err));
    }
    const clade_interval share = clade_share_interval(n_returned, n, level);
    portrait->next_spend       = money.value;
    portrait->next_spend_low   = money.low;
    portrait->next_spend_high  = money.high;
    portrait->next_return      = share.value;
    portrait->next_return_low  = share.low;
    portrait->next_return_high = share.high;
    return CLADE_OK;
}

static clade_status measure_all_next(clade_portrait *out, size_t n_segments,
                                     const clade_portraits_input *input, clade_error *err)
{
    clade_status status = CLADE_OK;
    double      *spend  = NULL;
    if (input->learnt_outcome == NULL) {
        for (size_t s = 0; s < n_segments; s++) {
            out[s].next_spend = out[s].next_spend_low = out[s].next_spend_high = (double)NAN;
            out[s].next_return = out[s].next_return_low = out[s].next_return_high = (double)NAN;
        }
        return CLADE_OK;
    }
    spend = CLADE_NEW(double, input->learnt_features->n_customers);
    if (spend == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for what came next");
    for (size_t s = 0; status == CLADE_OK && s < n_segments; s++) {
        status = measure_next(&out[s], (int32_t)s, spend, input, err);
    }
    free(spend);
    return status;
}

/* ---------------------------------------------------------------- differences */

typedef struct contrast_work {
    const clade_features *features;
    size_t                n_segments;
    uint32_t             *group;    /* (n_customers) of the sample */
    clade_contrast       *contrast; /* (n_features, n_segments) row-major */
    double               *q;        /* (n_features, n_segments) */
    clade_status         *status;   /* (n_features) */
    clade_error          *error;    /* (n_features) */
    float                *rank;     /* (n_features, n_rank) centred ranks; NAN for absence */
    size_t                n_rank;
} contrast_work;

static void contrast_column(size_t column, int worker, void *context)
{
    contrast_work *w = context;
    (void)worker;
    w->status[column] = clade_contrast_groups(
        w->contrast + column * w->n_segments, w->features->value + column, w->features->n_features,
        w->group, w->features->n_customers, w->n_segments, &w->error[column]);
}

/* Mid-ranks of the first n_rank customers, centred; NAN stays. */
static void rank_column(size_t column, int worker, void *context)
{
    contrast_work *w       = context;
    const size_t   p       = w->features->n_features;
    const float   *value   = w->features->value + column;
    float         *rank    = w->rank + column * w->n_rank;
    uint32_t      *order   = CLADE_NEW(uint32_t, w->n_rank);
    size_t         n_known = 0;
    (void)worker;
    if (order == NULL) {
        w->status[column] =
            clade_fail(&w->error[column], CLADE_ERR_NOMEM, "no memory for %zu ranks", w->n_rank);
        return;
    }
    w->status[column] = clade_order_f32(order, value, p, w->n_rank, &w->error[column]);
    while (w->status[column] == CLADE_OK && n_known < w->n_rank &&
           !isnan(value[order[n_known] * p])) {
        n_known++;
    }
    for (size_t i = 0; i < w->n_rank; i++)
        rank[order[i]] = NAN;
    for (size_t i = 0; i < n_known;) {
        size_t end = i + 1;
        while (end < n_known && value[order[end] * p] == value[order[i] * p])
            end++;
        for (size_t k = i; k < end; k++) {
            rank[order[k]] = (float)(0.5 * (double)(i + end - 1) - 0.5 * (double)(n_known - 1));
        }
        i = end;
    }
    free(order);
}

/* Spearman's correlation over those who have both values; 0 when too few do. */
static double rank_correlation(const contrast_work *w, size_t a, size_t b)
{
    const float *x = w->rank + a * w->n_rank, *y = w->rank + b * w->n_rank;
    double       sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
    size_t       n = 0;
    for (size_t i = 0; i < w->n_rank; i++) {
        if (isnan(x[i]) || isnan(y[i])) continue;
        const double u = (double)x[i], v = (double)y[i];
        n++;
        sx += u;
        sy += v;
        xx += u * u;
        yy += v * v;
        xy += u * v;
    }
    const double m  = (double)n;
    const double vx = xx - sx * sx / m, vy = yy - sy * sy / m;
    return n < 20 || vx <= 0 || vy <= 0 ? 0 : (xy - sx * sy / m) / sqrt(vx * vy);
}

typedef struct ranked_feature {
    double size; /* |delta| */
    size_t feature;
} ranked_feature;

static int compare_ranked(const void *a, const void *b)
{
    const ranked_feature *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

static bool adds_something(const clade_portrait *portrait, const contrast_work *w, size_t feature)
{
    size_t               n_registry, n_of_group = 0;
    const clade_feature *registry = clade_features_all(&n_registry);
    for (size_t i = 0; i < portrait->n_differences; i++) {
        const size_t listed = portrait->difference[i].feature;
        n_of_group += registry[listed].group == registry[feature].group;
        if (fabs(rank_correlation(w, listed, feature)) > max_correlation) return false;
    }
    return n_of_group < MAX_OF_A_GROUP;
}

static void choose_differences(clade_portrait *portrait, size_t segment, const contrast_work *w,
                               ranked_feature *ranked)
{
    size_t n = 0;
    for (size_t f = 0; f < w->features->n_features; f++) {
        const double delta = w->contrast[f * w->n_segments + segment].delta;
        const double q     = w->q[f * w->n_segments + segment];
        if (q < max_q && fabs(delta) >= least_delta)
            ranked[n++] = (ranked_feature){ fabs(delta), f };
    }
    if (n > 1) qsort(ranked, n, sizeof ranked[0], compare_ranked);
    for (size_t i = 0; i < n && portrait->n_differences < CLADE_DIFFERENCES_MAX; i++) {
        const size_t          f = ranked[i].feature;
        const clade_contrast *c = &w->contrast[f * w->n_segments + segment];
        if (!adds_something(portrait, w, f)) continue;
        portrait->difference[portrait->n_differences++] = (clade_difference){
            .feature    = (uint32_t)f,
            .delta      = c->delta,
            .q          = w->q[f * w->n_segments + segment],
            .median_in  = c->median_in,
            .median_out = c->median_out,
        };
    }
}

static clade_status first_failure(const contrast_work *w, clade_error *err)
{
    for (size_t f = 0; f < w->features->n_features; f++) {
        if (w->status[f] == CLADE_OK) continue;
        if (err != NULL) *err = w->error[f];
        return w->status[f];
    }
    return CLADE_OK;
}

static void work_free(contrast_work *w)
{
    free(w->group);
    free(w->contrast);
    free(w->q);
    free(w->status);
    free(w->error);
    free(w->rank);
}

static clade_status find_differences(clade_portrait *out, size_t n_segments,
                                     const clade_features *features, const uint32_t *row,
                                     const int32_t *segment, clade_error *err)
{
    const size_t    p = features->n_features, n = features->n_customers;
    const size_t    n_tests = p * n_segments;
    clade_status    status  = CLADE_OK;
    contrast_work   w       = { .features = features, .n_segments = n_segments };
    ranked_feature *ranked  = CLADE_NEW(ranked_feature, p);
    w.n_rank                = n < RANK_ROWS ? n : RANK_ROWS;
    w.group                 = CLADE_NEW(uint32_t, n);
    w.contrast              = CLADE_NEW(clade_contrast, n_tests);
    w.q                     = CLADE_NEW(double, n_tests);
    w.status                = CLADE_NEW(clade_status, p);
    w.error                 = CLADE_NEW(clade_error, p);
    w.rank                  = clade_alloc(p, w.n_rank * sizeof(float));
    if (ranked == NULL || w.group == NULL || w.contrast == NULL || w.q == NULL ||
        w.status == NULL || w.error == NULL || w.rank == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM,
                            "no memory to compare %zu segments in %zu features", n_segments, p);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        w.group[i] = (uint32_t)segment[row[i]];
    clade_parallel(p, contrast_column, &w);
    status = first_failure(&w, err);
    if (status != CLADE_OK) goto done;
    clade_parallel(p, rank_column, &w);
    status = first_failure(&w, err);
    if (status != CLADE_OK) goto done;
    for (size_t t = 0; t < n_tests; t++)
        w.q[t] = w.contrast[t].p_value;
    status = clade_adjust_bh(w.q, w.q, n_tests, err);
    if (status != CLADE_OK) goto done;
    for (size_t s = 0; s < n_segments; s++)
        choose_differences(&out[s], s, &w, ranked);
done:
    free(ranked);
    work_free(&w);
    return status;
}

static clade_status measure_differences(clade_portrait *out, size_t n_segments,
                                        const clade_portraits_input *input, clade_error *err)
{
    clade_status  status = CLADE_OK;
    clade__subset sample = { 0 };
    size_t        n      = 0;
    uint32_t     *row    = clade__portrait_sample(&n, input->features->n_customers, CONTRAST_ROWS,
                                                  input->seed, "engine/portraits/contrast");
    if (row == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a sample of customers");
    if (n < input->features->n_customers) {
        status = clade__subset_take(&sample, input->features, NULL, row, n, err);
        if (status != CLADE_OK) goto done;
        status = find_differences(out, n_segments, &sample.features, row, input->segment, err);
    } else {
        status = find_differences(out, n_segments, input->features, row, input->segment, err);
    }
done:
    clade__subset_free(&sample);
    free(row);
    return status;
}

/* ---------------------------------------------------------------- personas */

/* Median of a feature over the members who have a value; `scratch` has room for all. */
static double member_median(const clade_portraits_input *input, int32_t segment, const char *name,
                            double *scratch)
{
    const clade_features *features = input->features;
    const size_t          column   = clade__feature_column(name);
    size_t                n        = 0;
    for (size_t i = 0; i < features->n_customers; i++) {
        const float value = features->value[i * features->n_features + column];
        if (input->segment[i] == segment && !isnan(value)) scratch[n++] = (double)value;
    }
    return clade_quantile_f64(scratch, n, 0.5);
}

/* Sentences are cut only by the size of their place, at a whole character. */
static void keep_text(char *out, size_t size, const clade_buffer *text)
{
    size_t n = text->size < size ? text->size : size - 1;
    n        = clade_utf8_valid(text->data == NULL ? "" : text->data, n);
    memcpy(out, text->data == NULL ? "" : text->data, n);
    out[n] = '\0';
}

static clade_status write_personas(clade_portrait *out, size_t n_segments,
                                   const clade_portraits_input *input, clade_error *err)
{
    clade_status status  = CLADE_OK;
    clade_buffer text    = { 0 };
    const int    digits  = input->currency == NULL || input->currency[0] == '\0'
                               ? 2
                               : clade_currency_digits(input->currency);
    double      *scratch = CLADE_NEW(double, input->features->n_customers);
    if (scratch == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for personas");
    for (size_t s = 0; s < n_segments; s++) {
        const int32_t        segment = (int32_t)s;
        const clade__typical typical = {
            .orders            = member_median(input, segment, "orders_life", scratch),
            .spend             = member_median(input, segment, "spend_life", scratch),
            .days_since_order  = member_median(input, segment, "days_since_order", scratch),
            .events            = member_median(input, segment, "events_life", scratch),
            .days_since_event  = member_median(input, segment, "days_since_event", scratch),
            .p_return          = out[s].next_return,
            .spend_if_returned = out[s].next_spend / out[s].next_return / pow(10, digits),
        };
        if (out[s].n == 0) {
            snprintf(out[s].persona_en, sizeof out[s].persona_en, "Nobody now.");
            snprintf(out[s].persona_zh, sizeof out[s].persona_zh, "目前没有客户。");
            continue;
        }
        clade_buffer_clear(&text);
        clade__persona_write(&text, &typical, input->currency, false);
        keep_text(out[s].persona_en, sizeof out[s].persona_en, &text);
        clade_buffer_clear(&text);
        clade__persona_write(&text, &typical, input->currency, true);
        keep_text(out[s].persona_zh, sizeof out[s].persona_zh, &text);
    }
    if (text.failed) status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for personas");
    clade_buffer_free(&text);
    free(scratch);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static clade_status check_input(const clade_portraits_input *input, size_t n_segments,
                                clade_error *err)
{
    const size_t n = input->features->n_customers;
    for (size_t i = 0; i < n; i++) {
        if (input->segment[i] < 0 || (size_t)input->segment[i] >= n_segments) {
            return clade_fail(
                err, CLADE_ERR_DATA, "customer %lld is in segment %d, and there are %zu segments",
                (long long)input->features->customer[i], input->segment[i], n_segments);
        }
    }
    if (input->learnt_outcome != NULL &&
        (input->learnt_features == NULL || input->learnt_segment == NULL)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "what came next needs the customers and segments it came after");
    }
    return CLADE_OK;
}

clade_status clade_portraits_make(clade_portrait *out, double *out_fidelity,
                                  const clade_portraits_input *input, clade_error *err)
{
    const size_t    n_segments = clade_segmentation_n(input->segmentation);
    double          fidelity   = (double)NAN;
    clade_status    status     = CLADE_OK;
    clade_portrait *portraits  = NULL;

    status = check_input(input, n_segments, err);
    if (status != CLADE_OK) goto done;
    portraits = CLADE_NEW(clade_portrait, n_segments);
    if (portraits == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu portraits", n_segments);
        goto done;
    }
    measure_sizes(portraits, n_segments, input);
    status = measure_all_next(portraits, n_segments, input, err);
    if (status != CLADE_OK) goto done;
    status = measure_differences(portraits, n_segments, input, err);
    if (status != CLADE_OK) goto done;
    status = clade__rules_make(portraits, &fidelity, input, err);
    if (status != CLADE_OK) goto done;
    status = write_personas(portraits, n_segments, input, err);
    if (status != CLADE_OK) goto done;

    memcpy(out, portraits, n_segments * sizeof *portraits);
    if (out_fidelity != NULL) *out_fidelity = fidelity;
done:
    free(portraits);
    return status;
}
