/* Future-lift: how much of what can be known about the next 90 days a segmentation alone tells.
 *
 * Ten folds over customers. In each, every method is made on nine folds and predicts the tenth: a
 * segmentation by the mean of what the training members of a segment did, the ceiling by boosted
 * trees. Predictions of all folds are pooled, and R2 of log(1 + spend) and AUC of coming back are
 * taken once, with bootstrap intervals over customers. Nothing of a held-out customer's future is
 * looked at, neither to cut segments nor to take means.
 *
 * How many rounds the ceiling boosts is chosen by these same folds: that flatters the ceiling, and
 * so never the segments. */
#include "outlook.h"
#include "segmentation.h"
#include "subset.h"

#include "clade/clusters.h"
#include "clade/metrics.h"
#include "clade/run.h"
#include "clade/trees.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_FOLDS = 10, KMEANS_STARTS = 10, N_DRAWS = 200, CEILING_BINS = 64 };

/* Rounds after which the ceiling is judged. */
static const int rounds[] = { 60, 90, 120 };
enum { N_ROUNDS = sizeof rounds / sizeof rounds[0] };

/* What competes: the kinds, k-means on RFM, two kinds on features joined with vectors, and the
 * ceiling, which predicts after so many rounds. */
enum {
    KMEANS_RFM = CLADE_N_SEGMENT_KIND,
    JOINED_OUTLOOK,
    JOINED_CLUSTERS,
    CEILING,
    N_METHODS,
    N_PREDICTIONS = CEILING + N_ROUNDS,
};

typedef struct prediction {
    double *spend;    /* (n) expected log(1 + spend) */
    double *returned; /* (n) chance of coming back, or any order of it */
} prediction;

typedef struct lift_work {
    const clade_features     *features; /* buyers, at most CLADE_LIFT_MAX_CUSTOMERS */
    const clade_outcome      *outcome;
    const clade_features     *joined;        /* the same customers, with vectors; or NULL */
    const clade_segmentation *like[CEILING]; /* NULL: not measured, or no segmentation */
    size_t                    n_kmeans;
    uint8_t                  *fold; /* (n) */
    uint32_t                 *live; /* (n_live) columns in which customers differ at all */
    size_t                    n_live;
    clade_trees_bins         *bins; /* of the live columns, for the ceiling */
    uint64_t                  seed;
    prediction                by[N_PREDICTIONS];
    clade_status              status[N_FOLDS][N_METHODS];
} lift_work;

/* One fold: the customers to learn from, and those to be told about. */
typedef struct lift_fold {
    clade__subset train, test;
    uint32_t     *test_row; /* (n_test) in the whole */
    size_t        n_train, n_test;
} lift_fold;

static void fold_free(lift_fold *f)
{
    clade__subset_free(&f->train);
    clade__subset_free(&f->test);
    free(f->test_row);
}

static clade_status fold_make(lift_fold *f, const lift_work *w, const clade_features *features,
                              int number)
{
    const size_t n     = w->features->n_customers;
    uint32_t    *train = CLADE_NEW(uint32_t, n);
    f->test_row        = CLADE_NEW(uint32_t, n);
    if (train == NULL || f->test_row == NULL) {
        free(train);
        return CLADE_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (w->fold[i] == number) {
            f->test_row[f->n_test++] = (uint32_t)i;
        } else {
            train[f->n_train++] = (uint32_t)i;
        }
    }
    clade_status status =
        clade__subset_take(&f->train, features, w->outcome, train, f->n_train, NULL);
    if (status == CLADE_OK) {
        status = clade__subset_take(&f->test, features, w->outcome, f->test_row, f->n_test, NULL);
    }
    free(train);
    return status;
}

/* Predict each held-out customer the mean of its segment's training members; all of them where a
 * segment had none. */
static void predict_means(const prediction *out, const lift_fold *f, const int32_t *train_segment,
                          const int32_t *test_segment)
{
    double       n[CLADE_SEGMENTS_MAX + 1] = { 0 }, spend[CLADE_SEGMENTS_MAX + 1] = { 0 };
    double       returned[CLADE_SEGMENTS_MAX + 1] = { 0 };
    const size_t all                              = CLADE_SEGMENTS_MAX;
    for (size_t i = 0; i < f->n_train; i++) {
        const size_t both[2] = { (size_t)train_segment[i], all };
        for (int k = 0; k < 2; k++) {
            n[both[k]] += 1;
            spend[both[k]] += clade__log_spend(&f->train.outcome, i);
            returned[both[k]] += f->train.outcome.returned[i];
        }
    }
    for (size_t i = 0; i < f->n_test; i++) {
        const size_t s                = n[test_segment[i]] > 0 ? (size_t)test_segment[i] : all;
        out->spend[f->test_row[i]]    = spend[s] / n[s];
        out->returned[f->test_row[i]] = returned[s] / n[s];
    }
}

static clade_status by_segments(const prediction *out, const lift_fold *f,
                                const clade_segmentation *like, uint64_t seed)
{
    clade_segmentation *fitted        = NULL;
    int32_t            *train_segment = CLADE_NEW(int32_t, f->n_train);
    int32_t            *test_segment  = CLADE_NEW(int32_t, f->n_test);
    clade_status        status        = CLADE_ERR_NOMEM;
    if (train_segment == NULL || test_segment == NULL) goto done;
    status =
        clade__segmentation_refit(&fitted, like, &f->train.features, &f->train.outcome, seed, NULL);
    if (status != CLADE_OK) goto done;
    status = clade_segmentation_assign(train_segment, NULL, fitted, &f->train.features, NULL);
    if (status != CLADE_OK) goto done;
    status = clade_segmentation_assign(test_segment, NULL, fitted, &f->test.features, NULL);
    if (status != CLADE_OK) goto done;
    predict_means(out, f, train_segment, test_segment);
done:
    clade_segmentation_free(fitted);
    free(train_segment);
    free(test_segment);
    return status;
}

/* ---------------------------------------------------------------- k-means on log R, F, M */

enum { RFM = 3 };

static void fill_rfm(float *out, const clade_features *features)
{
    static const char *const name[RFM] = { "days_since_order", "orders_life", "spend_life" };
    for (size_t k = 0; k < RFM; k++) {
        const size_t column = clade__feature_column(name[k]);
        for (size_t i = 0; i < features->n_customers; i++) {
            const float value = features->value[i * features->n_features + column];
            out[i * RFM + k]  = isnan(value) ? 0 : (float)log1p(fmax(0, (double)value));
        }
    }
}

/* Mean 0 and variance 1 by the training rows. */
static void standardise(float *train, size_t n_train, float *test, size_t n_test)
{
    for (size_t k = 0; k < RFM; k++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n_train; i++)
            mean += (double)train[i * RFM + k];
        mean /= (double)n_train;
        for (size_t i = 0; i < n_train; i++) {
            const double rest = (double)train[i * RFM + k] - mean;
            square += rest * rest;
        }
        const double scale = 1 / (sqrt(square / (double)n_train) + 1e-9);
        for (size_t i = 0; i < n_train; i++) {
            train[i * RFM + k] = (float)(((double)train[i * RFM + k] - mean) * scale);
        }
        for (size_t i = 0; i < n_test; i++) {
            test[i * RFM + k] = (float)(((double)test[i * RFM + k] - mean) * scale);
        }
    }
}

static clade_status by_kmeans(const prediction *out, const lift_fold *f, size_t k, uint64_t seed)
{
    const clade_kmeans_options options = { .k = k, .seed = seed, .n_starts = KMEANS_STARTS };
    clade_kmeans              *model   = NULL;
    float                     *train   = CLADE_NEW(float, f->n_train *RFM);
    float                     *test    = CLADE_NEW(float, f->n_test *RFM);
    uint32_t                  *label   = CLADE_NEW(uint32_t, f->n_train);
    uint32_t                  *told    = CLADE_NEW(uint32_t, f->n_test);
    int32_t                   *both    = CLADE_NEW(int32_t, f->n_train + f->n_test);
    clade_status               status  = CLADE_ERR_NOMEM;
    if (train == NULL || test == NULL || label == NULL || told == NULL || both == NULL) goto done;
    fill_rfm(train, &f->train.features);
    fill_rfm(test, &f->test.features);
    standardise(train, f->n_train, test, f->n_test);
    status = clade_kmeans_fit(&model, label, train, f->n_train, RFM, NULL, &options, NULL);
    if (status != CLADE_OK) goto done;
    status = clade_kmeans_assign(told, NULL, model, test, f->n_test, NULL);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < f->n_train; i++)
        both[i] = (int32_t)label[i];
    for (size_t i = 0; i < f->n_test; i++)
        both[f->n_train + i] = (int32_t)told[i];
    predict_means(out, f, both, both + f->n_train);
done:
    clade_kmeans_free(model);
    free(train);
    free(test);
    free(label);
    free(told);
    free(both);
    return status;
}

/* ---------------------------------------------------------------- the ceiling */

/* The columns that tell customers apart, in bins: a shop without browsing has eighty that do not.
 */
static clade_status bin_live_columns(lift_work *w, clade_error *err)
{
    const size_t p = w->features->n_features, n = w->features->n_customers;
    float       *live = clade_alloc(n, w->n_live * sizeof(float));
    if (live == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < w->n_live; j++)
            live[i * w->n_live + j] = w->features->value[i * p + w->live[j]];
    }
    const clade_status status =
        clade_trees_bins_make(&w->bins, live, n, w->n_live, CEILING_BINS, err);
    free(live);
    return status;
}

/* Predictions of one target after each number of rounds, into spend or return of by[r]. */
static clade_status boost(const prediction *by, const lift_work *w, int number,
                          clade_trees_goal goal)
{
    const size_t        n       = w->features->n_customers;
    clade_trees_options options = clade_trees_defaults(goal);
    float              *target  = CLADE_NEW(float, n);
    float              *told    = CLADE_NEW(float, n *N_ROUNDS);
    clade_status        status  = CLADE_ERR_NOMEM;
    if (target == NULL || told == NULL) goto done;
    for (size_t i = 0; i < n; i++) {
        target[i] = goal == CLADE_TREES_LOGISTIC ? (float)w->outcome->returned[i]
                                                 : (float)clade__log_spend(w->outcome, i);
    }
    /* Settings of the best ceiling found on dates kept for tuning (docs/maths/outlook.md). */
    options.eta              = 0.05;
    options.max_depth        = 2;
    options.subsample        = 0.7;
    options.colsample        = 0.4;
    options.min_child_weight = 5;
    options.seed             = w->seed;
    status = clade_trees_hold_out(told, w->bins, target, w->fold, (uint8_t)number, rounds, N_ROUNDS,
                                  &options, NULL);
    for (int r = 0; r < N_ROUNDS && status == CLADE_OK; r++) {
        double *out = goal == CLADE_TREES_LOGISTIC ? by[r].returned : by[r].spend;
        for (size_t i = 0; i < n; i++) {
            if (w->fold[i] == number) out[i] = (double)told[(size_t)r * n + i];
        }
    }
done:
    free(target);
    free(told);
    return status;
}

static clade_status by_trees(const prediction *by, const lift_work *w, int number)
{
    CLADE_TRY(boost(by, w, number, CLADE_TREES_SQUARED_ERROR));
    return boost(by, w, number, CLADE_TREES_LOGISTIC);
}

/* ---------------------------------------------------------------- folds and figures */

static void fold_task(size_t task, int worker, void *context)
{
    lift_work   *w      = context;
    const int    number = (int)(task / N_METHODS);
    const int    method = (int)(task % N_METHODS);
    lift_fold    f      = { 0 };
    clade_status status = CLADE_OK;
    (void)worker;
    const bool joined = method == JOINED_OUTLOOK || method == JOINED_CLUSTERS;
    if (method < CEILING && method != KMEANS_RFM && w->like[method] == NULL) return;
    status = clade_interrupt_check(NULL);
    if (status == CLADE_OK && method == CEILING) {
        status = by_trees(&w->by[CEILING], w, number);
    } else if (status == CLADE_OK) {
        status = fold_make(&f, w, joined ? w->joined : w->features, number);
    }
    if (status == CLADE_OK && method != CEILING) {
        if (method == KMEANS_RFM) {
            status = by_kmeans(&w->by[method], &f, w->n_kmeans, w->seed);
        } else {
            status = by_segments(&w->by[method], &f, w->like[method], w->seed);
        }
    }
    fold_free(&f);
    w->status[number][method] = status;
}

/* Every customer gets a fold; folds differ in size by at most one. */
static void deal_folds(uint8_t *fold, uint32_t *scratch, size_t n, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "engine/lift/folds", 0);
    clade_rng_permute(scratch, n, &rng);
    for (size_t i = 0; i < n; i++)
        fold[scratch[i]] = (uint8_t)(i % N_FOLDS);
}

static clade_status figures(clade_lift *out, const lift_work *w, const double *spend,
                            const prediction *by, clade_error *err)
{
    const clade_bootstrap_options options = { .seed = w->seed, .n_draws = N_DRAWS };
    clade_interval                r2, auc;
    const size_t                  n = w->features->n_customers;
    CLADE_TRY(clade_r2_interval(&r2, by->spend, spend, n, &options, err));
    CLADE_TRY(clade_auc_interval(&auc, by->returned, w->outcome->returned, n, &options, err));
    out->r2       = r2.value;
    out->r2_low   = r2.low;
    out->r2_high  = r2.high;
    out->auc      = auc.value;
    out->auc_low  = auc.low;
    out->auc_high = auc.high;
    return CLADE_OK;
}

/* Two predictions of the same customers, over rows that count so many times. */
typedef struct paired {
    const double *actual, *a, *b;
} paired;

typedef struct paired_sums {
    double all, rest_a, rest_b; /* squared deviations: from the mean, from each prediction */
} paired_sums;

static paired_sums sums_of(const paired *p, const uint32_t *count, size_t n)
{
    paired_sums s      = { 0, 0, 0 };
    double      weight = 0, sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        const double c = count[i], y = p->actual[i];
        weight += c;
        sum += c * y;
        square += c * y * y;
        s.rest_a += c * (y - p->a[i]) * (y - p->a[i]);
        s.rest_b += c * (y - p->b[i]) * (y - p->b[i]);
    }
    s.all = square - sum * sum / weight;
    return s;
}

/* R2 of a less that of b. */
static double r2_difference(const uint32_t *count, size_t n, void *context)
{
    const paired_sums s = sums_of(context, count, n);
    return s.all > 0 ? (s.rest_b - s.rest_a) / s.all : (double)NAN;
}

/* R2 of a as a share of that of b. */
static double r2_share(const uint32_t *count, size_t n, void *context)
{
    const paired_sums s = sums_of(context, count, n);
    return s.all > s.rest_b ? (s.all - s.rest_a) / (s.all - s.rest_b) : (double)NAN;
}

/* The best number of rounds for each figure; out_r2: what those of R2 predict. */
static clade_status ceiling_of(clade_lift *out, const double **out_r2, const lift_work *w,
                               const double *spend, clade_error *err)
{
    for (int r = 0; r < N_ROUNDS; r++) {
        clade_lift one = { .n_segments = 0 };
        CLADE_TRY(figures(&one, w, spend, &w->by[CEILING + r], err));
        if (r == 0) {
            *out    = one;
            *out_r2 = w->by[CEILING].spend;
        }
        if (one.r2 > out->r2) {
            *out_r2      = w->by[CEILING + r].spend;
            out->r2      = one.r2;
            out->r2_low  = one.r2_low;
            out->r2_high = one.r2_high;
        }
        if (one.auc > out->auc) {
            out->auc      = one.auc;
            out->auc_low  = one.auc_low;
            out->auc_high = one.auc_high;
        }
    }
    return CLADE_OK;
}

/* A kind with vectors: its figures, and its R2 less that of the kind without. */
static clade_status compare_joined(clade_lift *out, clade_interval *out_gain, const lift_work *w,
                                   const double *spend, int method, clade_segment_kind plain,
                                   clade_error *err)
{
    const clade_bootstrap_options options = { .seed = w->seed, .n_draws = N_DRAWS };
    paired                        pair    = { spend, w->by[method].spend, w->by[plain].spend };
    *out_gain                             = (clade_interval){ NAN, NAN, NAN };
    *out                                  = (clade_lift){ NAN, NAN, NAN, NAN, NAN, NAN, 0 };
    if (w->like[method] == NULL) return CLADE_OK;
    CLADE_TRY(figures(out, w, spend, &w->by[method], err));
    out->n_segments = (int)clade_segmentation_n(w->like[method]);
    if (w->like[plain] == NULL) return CLADE_OK;
    return clade_bootstrap(out_gain, r2_difference, &pair, w->features->n_customers, &options, err);
}

static clade_status summarise_joined(clade_lift_report *report, const lift_work *w,
                                     const double *spend, clade_error *err)
{
    report->has_joined = w->joined != NULL;
    CLADE_TRY(compare_joined(&report->joined_outlook, &report->outlook_gain, w, spend,
                             JOINED_OUTLOOK, CLADE_SEGMENT_OUTLOOK, err));
    return compare_joined(&report->joined_clusters, &report->clusters_gain, w, spend,
                          JOINED_CLUSTERS, CLADE_SEGMENT_CLUSTERS, err);
}

static clade_status summarise(clade_lift_report *report, const lift_work *w, clade_error *err)
{
    const clade_bootstrap_options options = { .seed = w->seed, .n_draws = N_DRAWS };
    const size_t                  n       = w->features->n_customers;
    clade_interval                gain, keeps;
    clade_status                  status = CLADE_OK;
    const double                 *most   = NULL; /* what the ceiling predicts */
    double                       *spend  = CLADE_NEW(double, n);
    if (spend == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    for (size_t i = 0; i < n; i++)
        spend[i] = clade__log_spend(w->outcome, i);

    const clade_lift none = { NAN, NAN, NAN, NAN, NAN, NAN, 0 };
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        report->kind[k] = none;
        if (w->like[k] == NULL) continue;
        status = figures(&report->kind[k], w, spend, &w->by[k], err);
        if (status != CLADE_OK) goto done;
        report->kind[k].n_segments = (int)clade_segmentation_n(w->like[k]);
    }
    status = figures(&report->kmeans_rfm, w, spend, &w->by[KMEANS_RFM], err);
    if (status != CLADE_OK) goto done;
    report->kmeans_rfm.n_segments = (int)w->n_kmeans;
    status                        = ceiling_of(&report->ceiling, &most, w, spend, err);
    if (status != CLADE_OK) goto done;
    const bool   rfm_wins = report->kind[CLADE_SEGMENT_RFM].r2 > report->kmeans_rfm.r2;
    const paired pair     = { spend, w->by[CLADE_SEGMENT_OUTLOOK].spend,
                              w->by[rfm_wins ? (int)CLADE_SEGMENT_RFM : (int)KMEANS_RFM].spend };
    paired       context  = pair;
    status                = clade_bootstrap(&gain, r2_difference, &context, n, &options, err);
    if (status != CLADE_OK) goto done;
    report->gain      = gain.value;
    report->gain_low  = gain.low;
    report->gain_high = gain.high;
    paired share      = { spend, w->by[CLADE_SEGMENT_OUTLOOK].spend, most };
    status            = clade_bootstrap(&keeps, r2_share, &share, n, &options, err);
    if (status != CLADE_OK) goto done;
    report->keeps_r2      = report->kind[CLADE_SEGMENT_OUTLOOK].r2 / report->ceiling.r2;
    report->keeps_r2_low  = keeps.low;
    report->keeps_r2_high = keeps.high;
    report->keeps_auc     = report->kind[CLADE_SEGMENT_OUTLOOK].auc / report->ceiling.auc;
    status                = summarise_joined(report, w, spend, err);
done:
    free(spend);
    return status;
}

/* One sentence on why a segmentation is not to be trusted yet; trusted when there is none. */
static void judge(clade_lift_report *report, const lift_work *w)
{
    const size_t n = w->features->n_customers;
    double       stability[CLADE_SEGMENTS_MAX], held = 0, measured = 0;
    size_t       n_returned = 0;
    for (size_t i = 0; i < n; i++)
        n_returned += w->outcome->returned[i];
    clade__outlook_stability(stability, w->like[CLADE_SEGMENT_OUTLOOK]);
    for (size_t s = 0; s < clade__outlook_n_bands(w->like[CLADE_SEGMENT_OUTLOOK]); s++) {
        if (isnan(stability[s])) continue;
        held += stability[s];
        measured += 1;
    }
    const clade_lift *outlook = &report->kind[CLADE_SEGMENT_OUTLOOK];
    clade_sentence   *why     = &report->why;
    *why                      = (clade_sentence){ "", "" };
    if (n < CLADE_SEGMENT_MIN_TRUST) {
        clade__say_both(why, "only %zu customers had bought by then: %d are needed to tell",
                        "当时仅有 %zu 位客户购买过，至少需要 %d 位才能判断", n,
                        CLADE_SEGMENT_MIN_TRUST);
    } else if (n_returned < 50 || n - n_returned < 50) {
        clade__say_both(why, "%zu of %zu customers came back: 50 on either side are needed to tell",
                        "回购客户 %zu 位，共 %zu 位：回购与未回购各需 50 位以上才能判断",
                        n_returned, n);
    } else if (!(outlook->r2_low > 0.02)) {
        clade__say_both(why, "the next 90 days can hardly be told apart by anything known here",
                        "就现有数据而言，未来 90 天几乎无从区分");
    } else if (measured > 0 && held / measured < 0.65) {
        clade__say_both(why,
                        "segments do not hold still when customers are resampled (Jaccard %.2f)",
                        "重抽样客户时分群不稳定（Jaccard %.2f）", held / measured);
    }
    report->trusted = why->en[0] == '\0';
    if (report->trusted && !(report->gain_low > 0)) {
        clade__say_both(why, "not proved better than simple RFM groups on this shop yet",
                        "在该店铺上尚未证明优于简单的 RFM 分组");
    }
}

/* ---------------------------------------------------------------- */

/* Whether some customer differs from the first one in a column; absence is a value of its own. */
static bool is_live(const clade_features *features, size_t column)
{
    const float *value = features->value + column;
    for (size_t i = 1; i < features->n_customers; i++) {
        const float x = value[i * features->n_features];
        if (isnan(x) != isnan(value[0]) || x < value[0] || x > value[0]) return true;
    }
    return false;
}

/* What is measured with vectors, of buyers. */
typedef struct lift_joined {
    clade__subset             buyers;
    const clade_segmentation *clusters;
} lift_joined;

static void work_free(lift_work *w)
{
    for (int m = 0; m < N_PREDICTIONS; m++) {
        free(w->by[m].spend);
        free(w->by[m].returned);
    }
    free(w->fold);
    free(w->live);
    clade_trees_bins_free(w->bins);
    free(w);
}

static clade_status make_room(lift_work *w, size_t n, clade_error *err)
{
    uint32_t *scratch = CLADE_NEW(uint32_t, n);
    w->fold           = CLADE_NEW(uint8_t, n);
    w->live           = CLADE_NEW(uint32_t, w->features->n_features);
    bool whole        = scratch != NULL && w->fold != NULL && w->live != NULL;
    for (size_t column = 0; whole && column < w->features->n_features; column++) {
        if (is_live(w->features, column)) w->live[w->n_live++] = (uint32_t)column;
    }
    for (int m = 0; m < N_PREDICTIONS; m++) {
        w->by[m].spend    = CLADE_NEW(double, n);
        w->by[m].returned = CLADE_NEW(double, n);
        whole             = whole && w->by[m].spend != NULL && w->by[m].returned != NULL;
    }
    if (whole) deal_folds(w->fold, scratch, n, w->seed);
    free(scratch);
    return whole ? CLADE_OK : clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
}

static clade_status run_folds(lift_work *w, clade_error *err)
{
    CLADE_TRY(bin_live_columns(w, err));
    clade_parallel((size_t)N_FOLDS * N_METHODS, fold_task, w);
    CLADE_TRY(clade_interrupt_check(err));
    for (int f = 0; f < N_FOLDS; f++) {
        for (int m = 0; m < N_METHODS; m++) {
            if (w->status[f][m] == CLADE_OK) continue;
            return clade_fail(err, w->status[f][m], "fold %d of %d: method %d could not be fitted",
                              f + 1, N_FOLDS, m);
        }
    }
    return CLADE_OK;
}

/* The segmentations that folds are to be like; those made here go to `own`. */
static clade_status settle_kinds(lift_work *w, clade_segmentation *own[3],
                                 const clade_segmentation *outlook,
                                 const clade_segmentation *clusters, const lift_joined *joined,
                                 clade_error *err)
{
    if (outlook == NULL) {
        CLADE_TRY(clade_segmentation_fit(&own[0], CLADE_SEGMENT_OUTLOOK, w->features, w->outcome,
                                         w->seed, err));
        outlook = own[0];
    }
    CLADE_TRY(clade_segmentation_fit(&own[1], CLADE_SEGMENT_RFM, w->features, NULL, w->seed, err));
    CLADE_TRY(
        clade_segmentation_fit(&own[2], CLADE_SEGMENT_LIFECYCLE, w->features, NULL, w->seed, err));
    w->like[CLADE_SEGMENT_OUTLOOK]   = outlook;
    w->like[CLADE_SEGMENT_RFM]       = own[1];
    w->like[CLADE_SEGMENT_LIFECYCLE] = own[2];
    w->like[CLADE_SEGMENT_CLUSTERS]  = clusters;
    w->n_kmeans                      = clade__outlook_n_bands(outlook);
    if (joined == NULL) return CLADE_OK;
    w->joined                = &joined->buyers.features;
    w->like[JOINED_OUTLOOK]  = outlook;
    w->like[JOINED_CLUSTERS] = joined->clusters;
    return CLADE_OK;
}

/* The same buyers of both matrices: they are drawn by place, and places are alike. */
static clade_status take_joined(lift_joined *out, const clade_lift_joined *joined,
                                const clade_features *features, const clade_outcome *outcome,
                                uint64_t seed, clade_error *err)
{
    size_t n_all;
    if (joined->features->n_customers != features->n_customers)
        return clade_fail(err, CLADE_ERR_ARG, "%zu customers have features, and %zu joined ones",
                          features->n_customers, joined->features->n_customers);
    out->clusters = joined->clusters;
    return clade__subset_buyers(&out->buyers, &n_all, joined->features, outcome,
                                CLADE_LIFT_MAX_CUSTOMERS, seed, err);
}

clade_status clade_lift_measure_joined(clade_lift_report    *out_report,
                                       const clade_features *features, const clade_outcome *outcome,
                                       const clade_segmentation *outlook,
                                       const clade_segmentation *clusters,
                                       const clade_lift_joined *joined, uint64_t seed,
                                       clade_error *err)
{
    clade_status        status = CLADE_OK;
    clade_lift_report   report = { .as_of_us = features->as_of_us };
    clade__subset       buyers = { 0 };
    lift_joined         beside = { .clusters = NULL };
    clade_segmentation *own[3] = { NULL };
    lift_work          *w      = CLADE_NEW(lift_work, 1);
    if (w == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for folds");
    status = clade__subset_buyers(&buyers, &report.n_customers, features, outcome,
                                  CLADE_LIFT_MAX_CUSTOMERS, seed, err);
    if (status != CLADE_OK) goto done;
    report.n_evaluated = buyers.features.n_customers;
    report.n_learnt    = report.n_customers < CLADE_OUTLOOK_MAX_CUSTOMERS
                             ? report.n_customers
                             : CLADE_OUTLOOK_MAX_CUSTOMERS;
    if (report.n_evaluated < 5 * N_FOLDS) {
        status = clade_fail(err, CLADE_ERR_NOT_READY,
                            "%zu customers had bought something by then: at least %d are needed to "
                            "judge segments by their future",
                            report.n_evaluated, 5 * N_FOLDS);
        goto done;
    }
    if (joined != NULL) status = take_joined(&beside, joined, features, outcome, seed, err);
    if (status != CLADE_OK) goto done;
    w->features = &buyers.features;
    w->outcome  = &buyers.outcome;
    w->seed     = seed;
    status      = settle_kinds(w, own, outlook, clusters, joined == NULL ? NULL : &beside, err);
    if (status != CLADE_OK) goto done;
    status = make_room(w, report.n_evaluated, err);
    if (status != CLADE_OK) goto done;
    status = run_folds(w, err);
    if (status != CLADE_OK) goto done;
    status = summarise(&report, w, err);
    if (status != CLADE_OK) goto done;
    judge(&report, w);
    *out_report = report;
done:
    work_free(w);
    for (int k = 0; k < 3; k++)
        clade_segmentation_free(own[k]);
    clade__subset_free(&buyers);
    clade__subset_free(&beside.buyers);
    return status;
}

clade_status clade_lift_measure(clade_lift_report *out_report, const clade_features *features,
                                const clade_outcome *outcome, const clade_segmentation *outlook,
                                const clade_segmentation *clusters, uint64_t seed, clade_error *err)
{
    return clade_lift_measure_joined(out_report, features, outcome, outlook, clusters, NULL, seed,
                                     err);
}
