/* Clusters: customers who behave alike, whatever they will do next.
 *
 * Plain features are scaled robustly, those that say the same thing are reduced to one, and
 * k-means or a mixture of Gaussians finds the groups; how many there are is the largest number that
 * two halves of the customers agree on. Each group is named by what is most unusual about its
 * centre. Where customer vectors stand beside the features, a block of their parts joins the
 * distance (segment_vectors.c); names are of features alone. */
#include "segment_vectors.h"
#include "segmentation.h"
#include "subset.h"

#include "clade/clusters.h"
#include "clade/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_COLUMNS   = 32, /* of features */
    MAX_WIDTH     = MAX_COLUMNS + CLADE__PARTS_MAX,
    K_MIN         = 3,
    K_MAX         = 10,
    K_SPLITS      = 6,
    K_CUSTOMERS   = 4000,   /* that the number of clusters is asked of */
    FIT_CUSTOMERS = 200000, /* more do not move a centre */
    MIX_CUSTOMERS = 40000,  /* nor, at many times the cost, a mixture */
};
/* Full covariances found no more groups, said no more of the future and cost up to nine times as
 * much (docs/maths/clustering.md). */
static const clade_covariance_kind COVARIANCE = CLADE_COVARIANCE_DIAGONAL;

/* Plainest first: of two that say the same thing the first one stays. With what to call a group
 * that is high, or low, in it. */
typedef struct likeness {
    const char        *feature;
    clade_segment_name high, low;
} likeness;

static const likeness likenesses[] = {
    { "orders_life", { "frequent-buyers", "Frequent buyers", "高频买家" }, { "", "", "" } },
    { "days_since_order",
      { "long-silent", "Long silent", "久未下单" },
      { "just-here", "Just been here", "近期到店" } },
    { "order_value_mean",
      { "big-baskets", "Big baskets", "大额订单" },
      { "small-tickets", "Small tickets", "小额订单" } },
    { "days_since_first_order",
      { "old-hands", "Old hands", "资深客户" },
      { "recent-arrivals", "Recent arrivals", "新近客户" } },
    { "gap_median_days",
      { "slow-rhythm", "Slow rhythm", "长周期客户" },
      { "quick-rhythm", "Quick rhythm", "短周期客户" } },
    { "gap_cv",
      { "irregular-visitors", "Irregular visitors", "不规律客户" },
      { "clockwork", "Clockwork buyers", "规律客户" } },
    { "basket_lines_mean",
      { "full-baskets", "Full baskets", "多品订单" },
      { "single-item", "Single-item buyers", "单品买家" } },
    { "basket_units_mean", { "bulk-buyers", "Bulk buyers", "批量买家" }, { "", "", "" } },
    { "unit_price_mean",
      { "high-prices", "Buyers of dear things", "高单价买家" },
      { "low-prices", "Buyers of cheap things", "低单价买家" } },
    { "items_distinct", { "explorers", "Explorers", "探索型" }, { "", "", "" } },
    { "item_repeat_share", { "replenishers", "Replenishers", "复购补货型" }, { "", "", "" } },
    { "category_entropy",
      { "all-rounders", "All-rounders", "全品类客户" },
      { "specialists", "Specialists", "专一品类" } },
    { "premium_share", { "premium-tastes", "Premium tastes", "高端偏好" }, { "", "", "" } },
    { "discount_share", { "bargain-hunters", "Bargain hunters", "折扣猎手" }, { "", "", "" } },
    { "coupon_order_share", { "coupon-users", "Coupon users", "用券客户" }, { "", "", "" } },
    { "refund_share",
      { "frequent-returners", "Frequent returners", "高退货客户" },
      { "", "", "" } },
    { "order_evening_share",
      { "evening-shoppers", "Evening shoppers", "晚间购物" },
      { "", "", "" } },
    { "order_morning_share",
      { "morning-shoppers", "Morning shoppers", "早间购物" },
      { "", "", "" } },
    { "weekend_share",
      { "weekend-shoppers", "Weekend shoppers", "周末购物" },
      { "weekday-shoppers", "Weekday shoppers", "工作日购物" } },
    { "gift_season_share", { "gift-season", "Gift-season buyers", "节庆买家" }, { "", "", "" } },
    { "views_life", { "browsers", "Browsers", "浏览型" }, { "", "", "" } },
    { "view_to_buy",
      { "decided-buyers", "Decided buyers", "目标明确型" },
      { "window-shoppers", "Window shoppers", "只看不买" } },
    { "search_share", { "searchers", "Searchers", "搜索型" }, { "", "", "" } },
    { "session_minutes_mean", { "long-visits", "Long visits", "久逛型" }, { "", "", "" } },
    { "active_days_30d", { "daily-visitors", "Daily visitors", "天天来" }, { "", "", "" } },
    { "handheld_share",
      { "on-the-phone", "On the phone", "手机购物" },
      { "at-the-desk", "At the desk", "电脑购物" } },
};
#define N_LIKENESSES (sizeof likenesses / sizeof likenesses[0])
_Static_assert(N_LIKENESSES <= MAX_COLUMNS, "a definition holds no more columns");

typedef struct cluster_definition {
    size_t              n_columns;
    size_t              likeness[MAX_COLUMNS]; /* index above */
    bool                logged[MAX_COLUMNS];
    double              centre[MAX_COLUMNS], scale[MAX_COLUMNS], fill[MAX_COLUMNS];
    double              clip;
    clade__vector_block vectors;
    /* Of each cluster: n_columns scaled columns, then the parts of vectors. */
    float middle[CLADE_SEGMENTS_MAX][MAX_WIDTH];
    /* Of a mixture alone. Share times density of a row in a component is the exponential of
     * base - sum ((row - middle) / width)^2 / 2. */
    double base[CLADE_SEGMENTS_MAX];
    double width[CLADE_SEGMENTS_MAX][MAX_WIDTH];
} cluster_definition;

static void free_definition(void *definition)
{
    cluster_definition *const d = definition;
    clade__vector_block_free(&d->vectors);
    free(d);
}

/* Numbers that a distance is taken over. */
static size_t width_of(const cluster_definition *d)
{
    return d->n_columns + d->vectors.n;
}

const clade__vector_block *clade__clusters_block(const clade_segmentation *segmentation)
{
    const cluster_definition *const d = segmentation->definition;
    return &d->vectors;
}

static void gather(float *out, const clade_features *features)
{
    for (size_t k = 0; k < N_LIKENESSES; k++) {
        const size_t column = clade__feature_column(likenesses[k].feature);
        for (size_t i = 0; i < features->n_customers; i++) {
            out[i * N_LIKENESSES + k] = features->value[i * features->n_features + column];
        }
    }
}

/* Where the definition's columns stand in the feature matrix. */
static void find_columns(size_t *out, const cluster_definition *d)
{
    for (size_t c = 0; c < d->n_columns; c++) {
        out[c] = clade__feature_column(likenesses[d->likeness[c]].feature);
    }
}

/* Scaled columns of one customer, and the parts of its vector. The row holds n_features, of which
 * the last are the vector. */
static void scale_row(float *out, const cluster_definition *d, const size_t *column,
                      const float *row, size_t n_features)
{
    if (d->vectors.n > 0)
        clade__vector_block_apply(out + d->n_columns, &d->vectors, row + n_features - d->vectors.d,
                                  d->clip);
    for (size_t c = 0; c < d->n_columns; c++) {
        const double x = (double)row[column[c]];
        if (isnan(x)) {
            out[c] = (float)d->fill[c];
            continue;
        }
        const double read = !d->logged[c] ? x : x < 0 ? -log1p(-x) : log1p(x);
        out[c] = (float)fmax(-d->clip, fmin(d->clip, (read - d->centre[c]) / d->scale[c]));
    }
}

/* The parts of vectors, to vary as much together as the columns chosen before. */
static clade_status add_vectors(cluster_definition *d, const clade_features *features,
                                clade_error *err)
{
    const size_t n = features->n_customers;
    size_t       column[MAX_COLUMNS];
    float        x[MAX_WIDTH];
    double       sum[MAX_COLUMNS] = { 0 }, square[MAX_COLUMNS] = { 0 }, variance = 0;
    if (clade__joined_d(features) == 0) return CLADE_OK;
    find_columns(column, d);
    for (size_t i = 0; i < n; i++) {
        scale_row(x, d, column, features->value + i * features->n_features, features->n_features);
        for (size_t c = 0; c < d->n_columns; c++) {
            sum[c] += (double)x[c];
            square[c] += (double)x[c] * (double)x[c];
        }
    }
    for (size_t c = 0; c < d->n_columns; c++)
        variance += square[c] / (double)n - sum[c] / (double)n * (sum[c] / (double)n);
    return clade__vector_block_fit(&d->vectors, features, variance, err);
}

/* Which columns count, and how each is read. */
static clade_status choose_columns(cluster_definition *d, const clade_features *features,
                                   clade_error *err)
{
    const size_t             n          = features->n_customers;
    clade_scaler            *scaler     = NULL;
    clade_projection        *projection = NULL;
    const clade_tame_options tame       = { .method = CLADE_TAME_LEADERS, .rho_limit = 0.9 };
    float                   *raw        = clade_alloc(n, N_LIKENESSES * sizeof(float));
    float                   *scaled     = NULL;
    clade_status             status     = CLADE_OK;
    if (raw == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to scale %zu customers", n);
        goto done;
    }
    gather(raw, features);
    status = clade_scaler_fit(&scaler, raw, n, N_LIKENESSES, NULL, err);
    if (status != CLADE_OK) goto done;
    if (scaler->n_out == 0) {
        status = clade_fail(err, CLADE_ERR_NOT_READY,
                            "all customers look alike: there is nothing to "
                            "form clusters by");
        goto done;
    }
    scaled = clade_alloc(n, scaler->n_out * sizeof(float));
    if (scaled == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to scale %zu customers", n);
        goto done;
    }
    clade_scaler_apply(scaled, scaler, raw, n);
    status = clade_projection_fit(&projection, scaled, n, scaler->n_out, &tame, err);
    if (status != CLADE_OK) goto done;
    d->clip = scaler->clip;
    for (size_t c = 0; c < scaler->n_out; c++) {
        const clade_scaled_column *column = &scaler->column[c];
        if (projection->leader[c] != c) continue;
        d->likeness[d->n_columns] = column->source;
        d->logged[d->n_columns]   = column->logged;
        d->centre[d->n_columns]   = column->centre;
        d->scale[d->n_columns]    = column->scale;
        d->fill[d->n_columns]     = column->fill;
        d->n_columns += 1;
    }
done:
    clade_projection_free(projection);
    clade_scaler_free(scaler);
    free(raw);
    free(scaled);
    return status;
}

/* What is most unusual about each centre and not said of another: the largest cluster chooses
 * first. */
static void name_clusters(clade_segmentation *out)
{
    const cluster_definition *d = out->definition;
    for (size_t s = 0; s < out->n_segments; s++) {
        const clade_segment_name *best = NULL;
        double                    most = 0.25; /* of a robust deviation: less is not worth a name */
        for (size_t c = 0; c < d->n_columns; c++) {
            const double              z = (double)d->middle[s][c];
            const clade_segment_name *name =
                z > 0 ? &likenesses[d->likeness[c]].high : &likenesses[d->likeness[c]].low;
            bool used = name->key[0] == '\0';
            for (size_t t = 0; t < s; t++)
                used = used || strcmp(out->name[t].key, name->key) == 0;
            if (!used && fabs(z) > most) {
                most = fabs(z);
                best = name;
            }
        }
        if (best != NULL) {
            out->name[s] = *best;
        } else {
            snprintf(out->name[s].key, sizeof out->name[s].key, "typical-%zu", s + 1);
            snprintf(out->name[s].en, sizeof out->name[s].en, "Typical customers %zu", s + 1);
            snprintf(out->name[s].zh, sizeof out->name[s].zh, "典型客户%zu", s + 1);
        }
    }
}

/* How many groups: the largest number that halves of the customers agree on, and where they agree
 * on none, the number they agree on most; stability is shown with each. */
static clade_status choose_number(size_t *out_k, clade_clustering clustering, const float *x,
                                  size_t n, size_t d, uint64_t seed, clade_error *err)
{
    const clade_choose_k_options question = {
        .k_min = K_MIN, .k_max = K_MAX, .n_splits = K_SPLITS, .max_rows = K_CUSTOMERS, .seed = seed
    };
    size_t best = 0;
    if (clustering == CLADE_CLUSTERING_KMEANS) {
        CLADE_TRY(clade_kmeans_choose_k(out_k, &best, NULL, x, n, d, &question, err));
    } else {
        CLADE_TRY(clade_mixture_choose_k(out_k, &best, NULL, x, n, d, COVARIANCE, &question, err));
    }
    if (*out_k < K_MIN) *out_k = best;
    return CLADE_OK;
}

static clade_status form_by_kmeans(clade_segmentation *out, size_t k, const float *x, size_t n,
                                   uint64_t seed, clade_error *err)
{
    cluster_definition        *d       = out->definition;
    const clade_kmeans_options options = { .k = k, .seed = seed };
    clade_kmeans              *model   = NULL;
    const size_t               width   = width_of(d);
    CLADE_TRY(clade_kmeans_fit(&model, NULL, x, n, width, NULL, &options, err));
    for (size_t s = 0; s < k; s++)
        memcpy(d->middle[s], model->centre + s * width, width * sizeof(float));
    out->n_segments = k;
    clade_kmeans_free(model);
    return CLADE_OK;
}

/* A component that is the likeliest of no customer is no segment. */
static clade_status form_by_mixture(clade_segmentation *out, size_t k, const float *x, size_t n,
                                    uint64_t seed, clade_error *err)
{
    cluster_definition         *d       = out->definition;
    const size_t                p       = width_of(d);
    const clade_mixture_options options = { .k = k, .kind = COVARIANCE, .seed = seed };
    clade_mixture              *model   = NULL;
    uint32_t                   *label   = CLADE_NEW(uint32_t, n);
    size_t                      members[CLADE_SEGMENTS_MAX] = { 0 };
    clade_status                status                      = CLADE_OK;
    if (label == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    status = clade_mixture_fit(&model, label, x, n, p, &options, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n; i++)
        members[label[i]] += 1;
    for (size_t c = 0; c < k; c++) {
        if (members[c] == 0) continue;
        const size_t s = out->n_segments++;
        d->base[s]     = model->log_scale[c];
        for (size_t i = 0; i < p; i++) {
            d->middle[s][i] = (float)model->mean[c * p + i];
            d->width[s][i]  = 1 / model->whiten[c * p + i];
        }
    }
done:
    clade_mixture_free(model);
    free(label);
    return status;
}

static clade_status find_groups(clade_segmentation *out, const clade_segmentation *like,
                                const clade_features *features, uint64_t seed, clade_error *err)
{
    const cluster_definition *d      = out->definition;
    const size_t              n      = features->n_customers;
    const size_t              width  = width_of(d);
    size_t                    k      = like == NULL ? 0 : like->n_segments;
    float                    *x      = clade_alloc(n, width * sizeof(float));
    clade_status              status = CLADE_OK;
    size_t                    column[MAX_COLUMNS];
    if (x == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    find_columns(column, d);
    for (size_t i = 0; i < n; i++) {
        scale_row(x + i * width, d, column, features->value + i * features->n_features,
                  features->n_features);
    }
    if (k == 0) status = choose_number(&k, out->clustering, x, n, width, seed, err);
    if (status == CLADE_OK) {
        status = out->clustering == CLADE_CLUSTERING_KMEANS
                     ? form_by_kmeans(out, k, x, n, seed, err)
                     : form_by_mixture(out, k, x, n, seed, err);
    }
    if (status == CLADE_OK) name_clusters(out);
    free(x);
    return status;
}

static clade_status fit(clade_segmentation *out, const clade_segmentation *like,
                        const clade_features *features, const clade_outcome *outcome, uint64_t seed,
                        clade_error *err)
{
    (void)outcome;
    clade__subset       sample     = { 0 };
    cluster_definition *definition = CLADE_NEW(cluster_definition, 1);
    out->definition                = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for clusters");
    if (features->n_customers < 10 * K_MIN) {
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "%zu customers are too few for clusters: at least %d are needed",
                          features->n_customers, 10 * K_MIN);
    }
    const size_t most = out->clustering == CLADE_CLUSTERING_KMEANS ? FIT_CUSTOMERS : MIX_CUSTOMERS;
    clade_status status = clade__subset_sample(&sample, features, NULL, most, seed, err);
    if (status == CLADE_OK) status = choose_columns(definition, &sample.features, err);
    if (status == CLADE_OK) status = add_vectors(definition, &sample.features, err);
    if (status == CLADE_OK) status = find_groups(out, like, &sample.features, seed, err);
    out->n_vectors = definition->vectors.d;
    clade__subset_free(&sample);
    return status;
}

/* How far a scaled row is from a cluster: squared distance to its centre, or in a mixture -2 log of
 * share times density. */
static double distance_of(const cluster_definition *d, clade_clustering clustering, size_t s,
                          const float *x)
{
    const bool mixture  = clustering == CLADE_CLUSTERING_MIXTURE;
    double     distance = mixture ? -2 * d->base[s] : 0;
    for (size_t c = 0; c < width_of(d); c++) {
        const double away = (double)x[c] - (double)d->middle[s][c];
        const double rest = mixture ? away / d->width[s][c] : away;
        distance += rest * rest;
    }
    return distance;
}

static clade_status assign(int32_t *out_segment, double *out_score,
                           const clade_segmentation *segmentation, const clade_features *features,
                           clade_error *err)
{
    (void)out_score;
    (void)err;
    const cluster_definition *d = segmentation->definition;
    float                     x[MAX_WIDTH];
    size_t                    column[MAX_COLUMNS];
    find_columns(column, d);
    for (size_t i = 0; i < features->n_customers; i++) {
        double nearest = INFINITY;
        scale_row(x, d, column, features->value + i * features->n_features, features->n_features);
        for (size_t s = 0; s < segmentation->n_segments; s++) {
            const double distance = distance_of(d, segmentation->clustering, s, x);
            if (distance < nearest) {
                nearest        = distance;
                out_segment[i] = (int32_t)s;
            }
        }
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- as JSON */

static void write(clade_json *json, const clade_segmentation *segmentation)
{
    const cluster_definition *d = segmentation->definition;
    double                    middle[MAX_WIDTH];
    clade_json_put_number(json, "clip", d->clip);
    clade_json_key(json, "columns");
    clade_json_array(json);
    for (size_t c = 0; c < d->n_columns; c++)
        clade_json_text(json, likenesses[d->likeness[c]].feature);
    clade_json_array_end(json);
    clade_json_key(json, "logged");
    clade_json_array(json);
    for (size_t c = 0; c < d->n_columns; c++)
        clade_json_int(json, d->logged[c]);
    clade_json_array_end(json);
    clade__json_put_numbers(json, "centre", d->centre, d->n_columns);
    clade__json_put_numbers(json, "scale", d->scale, d->n_columns);
    clade__json_put_numbers(json, "fill", d->fill, d->n_columns);
    for (size_t s = 0; s < segmentation->n_segments; s++) {
        char key[24];
        snprintf(key, sizeof key, "middle_%zu", s);
        for (size_t c = 0; c < width_of(d); c++)
            middle[c] = (double)d->middle[s][c];
        clade__json_put_numbers(json, key, middle, width_of(d));
    }
    if (d->vectors.d > 0) clade__vector_block_write(json, &d->vectors);
    if (segmentation->clustering == CLADE_CLUSTERING_KMEANS) return;
    clade_json_put_text(json, "method", clade_clustering_name(segmentation->clustering));
    clade__json_put_numbers(json, "base", d->base, segmentation->n_segments);
    for (size_t s = 0; s < segmentation->n_segments; s++) {
        char key[24];
        snprintf(key, sizeof key, "width_%zu", s);
        clade__json_put_numbers(json, key, d->width[s], width_of(d));
    }
}

static clade_status read_columns(cluster_definition *d, const clade_json_tree *tree,
                                 const clade_json_node *node, clade_error *err)
{
    const clade_json_node *list = clade_json_get(tree, node, "columns");
    if (list == NULL || list->type != CLADE_JSON_ARRAY || list->n == 0 || list->n > MAX_COLUMNS) {
        return clade_fail(err, CLADE_ERR_DATA, "clusters need a list of 1 to %d columns",
                          MAX_COLUMNS);
    }
    d->n_columns = list->n;
    for (size_t c = 0; c < list->n; c++) {
        const clade_text name = tree->node[(size_t)(list - tree->node) + 1 + c].text;
        size_t           k    = 0;
        while (k < N_LIKENESSES && !clade_text_equal(name, clade_text_of(likenesses[k].feature)))
            k++;
        if (k == N_LIKENESSES) {
            return clade_fail(
                err, CLADE_ERR_VERSION,
                "clusters use the feature '%.*s', which this clade does not form them by",
                (int)name.size, name.data);
        }
        d->likeness[c] = k;
    }
    return CLADE_OK;
}

/* What a mixture has beyond its middles; a definition that names no method is of k-means. */
static clade_status read_mixture(clade_segmentation *out, const clade_json_tree *tree,
                                 const clade_json_node *node, clade_error *err)
{
    cluster_definition    *d      = out->definition;
    const clade_json_node *method = clade_json_get(tree, node, "method");
    char                   name[32];
    if (method == NULL) return CLADE_OK;
    snprintf(name, sizeof name, "%.*s", (int)method->text.size, method->text.data);
    CLADE_TRY(clade_clustering_parse(&out->clustering, name, err));
    if (out->clustering == CLADE_CLUSTERING_KMEANS) return CLADE_OK;
    CLADE_TRY(clade__json_numbers(d->base, out->n_segments, tree, node, "base", err));
    for (size_t s = 0; s < out->n_segments; s++) {
        char key[24];
        snprintf(key, sizeof key, "width_%zu", s);
        CLADE_TRY(clade__json_numbers(d->width[s], width_of(d), tree, node, key, err));
        for (size_t c = 0; c < width_of(d); c++) {
            if (d->width[s][c] > 0) continue;
            return clade_fail(
                err, CLADE_ERR_DATA,
                "'%s' of a definition of segments: %g is no width, above 0 was wanted", key,
                d->width[s][c]);
        }
    }
    return CLADE_OK;
}

static clade_status read(clade_segmentation *out, const clade_json_tree *tree,
                         const clade_json_node *node, clade_error *err)
{
    cluster_definition    *d    = CLADE_NEW(cluster_definition, 1);
    const clade_json_node *clip = clade_json_get(tree, node, "clip");
    double                 number[MAX_WIDTH];
    out->definition = d;
    if (d == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for clusters");
    CLADE_TRY(read_columns(d, tree, node, err));
    d->clip = clip != NULL && clip->number > 0 ? clip->number : 4;
    CLADE_TRY(clade__json_numbers(number, d->n_columns, tree, node, "logged", err));
    for (size_t c = 0; c < d->n_columns; c++)
        d->logged[c] = number[c] != 0;
    CLADE_TRY(clade__json_numbers(d->centre, d->n_columns, tree, node, "centre", err));
    CLADE_TRY(clade__json_numbers(d->scale, d->n_columns, tree, node, "scale", err));
    CLADE_TRY(clade__json_numbers(d->fill, d->n_columns, tree, node, "fill", err));
    CLADE_TRY(clade__vector_block_read(&d->vectors, tree, node, err));
    out->n_vectors = d->vectors.d;
    for (size_t s = 0; s < out->n_segments; s++) {
        char key[24];
        snprintf(key, sizeof key, "middle_%zu", s);
        CLADE_TRY(clade__json_numbers(number, width_of(d), tree, node, key, err));
        for (size_t c = 0; c < width_of(d); c++)
            d->middle[s][c] = (float)number[c];
    }
    return read_mixture(out, tree, node, err);
}

const clade__segment_method clade__segment_clusters = { fit, assign, write, read, free_definition };
