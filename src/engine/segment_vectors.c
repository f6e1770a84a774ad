/* Customer vectors beside features. A joined matrix has the registry's columns and behind them the
 * numbers of each customer's vector as of the same moment, absent where there is none. Clusters
 * read those in few whitened principal components (docs/maths/vectors.md). Once a fit; applying
 * runs over all customers. */
#include "segment_vectors.h"

#include "segmentation.h"

#include "clade/numeric.h"
#include "clade/shop_behaviour.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Of the vectors' variance that parts are taken for. */
static const double PARTS_SHARE = 0.8;

static size_t n_registry(void)
{
    size_t n;
    (void)clade_features_all(&n);
    return n;
}

size_t clade__joined_d(const clade_features *features)
{
    return features->n_features - n_registry();
}

clade_status clade_features_join(clade_features **out_joined, const clade_features *features,
                                 const clade_vectors *vectors, clade_error *err)
{
    const size_t    n = features->n_customers, p = features->n_features, d = vectors->d;
    clade_features *joined = NULL;
    if (vectors->as_of_us != features->as_of_us) {
        char of_features[40], of_vectors[40];
        clade_time_format(of_features, features->as_of_us);
        clade_time_format(of_vectors, vectors->as_of_us);
        return clade_fail(err, CLADE_ERR_ARG,
                          "features as of %s cannot be joined with vectors as of %s", of_features,
                          of_vectors);
    }
    if (clade__joined_d(features) != 0)
        return clade_fail(err, CLADE_ERR_ARG, "features that have vectors beside them already");
    joined = CLADE_NEW(clade_features, 1);
    if (joined != NULL) {
        joined->n_customers = n;
        joined->n_features  = p + d;
        joined->as_of_us    = features->as_of_us;
        joined->customer    = CLADE_NEW(int64_t, n + 1);
        joined->value       = clade_alloc(n + 1, (p + d) * sizeof(float));
    }
    if (joined == NULL || joined->customer == NULL || joined->value == NULL) {
        clade_features_free(joined);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers x %zu columns", n,
                          p + d);
    }
    for (size_t i = 0, v = 0; i < n; i++) {
        float *const row    = joined->value + i * (p + d);
        joined->customer[i] = features->customer[i];
        memcpy(row, features->value + i * p, p * sizeof *row);
        while (v < vectors->n_customers && vectors->customer[v] < features->customer[i])
            v++;
        const bool has = v < vectors->n_customers && vectors->customer[v] == features->customer[i];
        for (size_t k = 0; k < d; k++)
            row[p + k] = has ? vectors->value[v * d + k] : NAN;
    }
    *out_joined = joined;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the block */

void clade__vector_block_free(clade__vector_block *block)
{
    free(block->centre);
    free(block->map);
    *block = (clade__vector_block){ 0 };
}

/* Vectors that are there, packed. */
static clade_status pack_vectors(float **out, size_t *out_n, const clade_features *features,
                                 clade_error *err)
{
    const size_t d = clade__joined_d(features), p = n_registry();
    float       *x = clade_alloc(features->n_customers + 1, d * sizeof(float));
    size_t       n = 0;
    if (x == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu vectors", features->n_customers);
    for (size_t i = 0; i < features->n_customers; i++) {
        const float *const vector = features->value + i * features->n_features + p;
        if (!isnan(vector[0])) memcpy(x + n++ * d, vector, d * sizeof *x);
    }
    *out   = x;
    *out_n = n;
    return CLADE_OK;
}

/* The first components of a projection that whitens: the length of a column is one over the
 * deviation of its component, which tells the variance it holds. */
static clade_status take_parts(clade__vector_block *out, const clade_projection *projection,
                               double total, double variance, clade_error *err)
{
    double held = 0;
    out->n      = projection->n_out < CLADE__PARTS_MAX ? projection->n_out : CLADE__PARTS_MAX;
    out->centre = CLADE_NEW(double, out->d);
    out->map    = CLADE_NEW(double, out->d * out->n);
    if (out->centre == NULL || out->map == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the parts of vectors");
    memcpy(out->centre, projection->centre, out->d * sizeof *out->centre);
    for (size_t j = 0; j < out->n; j++) {
        double square = 0;
        for (size_t i = 0; i < out->d; i++) {
            const double m           = projection->map[i * projection->n_out + j];
            out->map[i * out->n + j] = m;
            square += m * m;
        }
        held += 1 / square;
    }
    out->share  = held / total;
    out->weight = sqrt(variance / (double)out->n);
    return CLADE_OK;
}

clade_status clade__vector_block_fit(clade__vector_block *out, const clade_features *features,
                                     double variance, clade_error *err)
{
    static const clade_tame_options whiten     = { .method   = CLADE_TAME_PCA,
                                                   .variance = PARTS_SHARE,
                                                   .whiten   = 1 };
    const size_t                    d          = clade__joined_d(features);
    clade_projection               *projection = NULL;
    float                          *x          = NULL;
    double                         *mean = NULL, *covariance = NULL, total = 0;
    size_t                          n      = 0;
    clade_status                    status = pack_vectors(&x, &n, features, err);
    *out                                   = (clade__vector_block){ .d = d };
    if (status != CLADE_OK || n == 0) goto done;
    mean       = CLADE_NEW(double, d);
    covariance = CLADE_NEW(double, d *d);
    if (mean == NULL || covariance == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the parts of vectors");
        goto done;
    }
    status = clade_covariance(mean, covariance, x, NULL, n, d, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < d; i++)
        total += covariance[i * d + i];
    if (!(total > 1e-12)) goto done; /* all alike: there is nothing to read */
    status = clade_projection_fit(&projection, x, n, d, &whiten, err);
    if (status == CLADE_OK) status = take_parts(out, projection, total, variance, err);
    if (status != CLADE_OK) clade__vector_block_free(out);
done:
    clade_projection_free(projection);
    free(x);
    free(mean);
    free(covariance);
    return status;
}

void clade__vector_block_apply(float *out, const clade__vector_block *block, const float *vector,
                               double clip)
{
    for (size_t j = 0; j < block->n; j++)
        out[j] = 0;
    if (block->n == 0 || isnan(vector[0])) return;
    for (size_t j = 0; j < block->n; j++) {
        double sum = 0;
        for (size_t i = 0; i < block->d; i++)
            sum += ((double)vector[i] - block->centre[i]) * block->map[i * block->n + j];
        out[j] = (float)(block->weight * fmax(-clip, fmin(clip, sum)));
    }
}

/* ---------------------------------------------------------------- as JSON */

void clade__vector_block_write(clade_json *json, const clade__vector_block *block)
{
    clade_json_key(json, "vectors");
    clade_json_object(json);
    clade_json_put_int(json, "d", (int64_t)block->d);
    clade_json_put_int(json, "parts", (int64_t)block->n);
    clade_json_put_number(json, "share", block->share);
    clade_json_put_number(json, "weight", block->weight);
    clade__json_put_numbers(json, "centre", block->centre, block->n == 0 ? 0 : block->d);
    clade__json_put_numbers(json, "map", block->map, block->d * block->n);
    clade_json_object_end(json);
}

static double number_of(const clade_json_tree *tree, const clade_json_node *object, const char *key)
{
    const clade_json_node *const node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_NUMBER ? node->number : -1;
}

clade_status clade__vector_block_read(clade__vector_block *out, const clade_json_tree *tree,
                                      const clade_json_node *definition, clade_error *err)
{
    const clade_json_node *const node = clade_json_get(tree, definition, "vectors");
    *out                              = (clade__vector_block){ 0 };
    if (node == NULL) return CLADE_OK;
    const double d = number_of(tree, node, "d"), n = number_of(tree, node, "parts");
    if (!(d >= 1 && d <= CLADE__D_MAX) || !(n >= 0 && n <= CLADE__PARTS_MAX))
        return clade_fail(err, CLADE_ERR_DATA,
                          "'vectors' of a definition of segments: %g numbers in %g parts, wanted 1 "
                          "to %d in at most %d",
                          d, n, CLADE__D_MAX, CLADE__PARTS_MAX);
    out->d      = (size_t)d;
    out->n      = (size_t)n;
    out->share  = number_of(tree, node, "share");
    out->weight = number_of(tree, node, "weight");
    if (out->n == 0) return CLADE_OK;
    out->centre = CLADE_NEW(double, out->d);
    out->map    = CLADE_NEW(double, out->d * out->n);
    if (out->centre == NULL || out->map == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the parts of vectors");
    CLADE_TRY(clade__json_numbers(out->centre, out->d, tree, node, "centre", err));
    return clade__json_numbers(out->map, out->d * out->n, tree, node, "map", err);
}

/* ---------------------------------------------------------------- for a kept definition */

static clade_status check_model(const clade_segmentation   *segmentation,
                                const clade_shop_behaviour *behaviour, const char *folder,
                                clade_error *err)
{
    if (behaviour->card.run == segmentation->behaviour_run) return CLADE_OK;
    (void)clade_fail(err, CLADE_ERR_NOT_READY,
                     "these clusters read the customer vectors of fit %" PRId64
                     ", and the behaviour model is of fit %" PRId64 " now",
                     segmentation->behaviour_run, behaviour->card.run);
    clade_hint(err, "make them anew: clade segment %s --with behaviour", folder);
    return CLADE_ERR_NOT_READY;
}

clade_status clade__features_wanted(clade_features **out, const clade_segmentation *segmentation,
                                    clade_store *store, const clade_features *features,
                                    clade_error *err)
{
    clade_shop_behaviour *behaviour = NULL;
    clade_vectors        *vectors   = NULL;
    *out                            = NULL;
    if (segmentation->n_vectors == 0) return CLADE_OK;
    const bool   some   = features->n_customers <= CLADE_EVENT_ONLY_MAX;
    clade_status status = clade_shop_behaviour_open(&behaviour, store, err);
    if (status == CLADE_OK)
        status = check_model(segmentation, behaviour, clade_store_folder(store), err);
    if (status == CLADE_OK)
        status = clade_shop_vectors(&vectors, store, behaviour, features->as_of_us,
                                    some ? features->customer : NULL,
                                    some ? features->n_customers : 0, err);
    if (status == CLADE_OK) status = clade_features_join(out, features, vectors, err);
    clade_shop_vectors_free(vectors);
    clade_shop_behaviour_free(behaviour);
    return status;
}
