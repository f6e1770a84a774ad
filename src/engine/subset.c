/* Rows of a feature matrix copied out: for folds, resamples and samples. */
#include "subset.h"

#include "segmentation.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

clade_status clade__subset_take(clade__subset *out, const clade_features *features,
                                const clade_outcome *outcome, const uint32_t *row, size_t n,
                                clade_error *err)
{
    const size_t  p             = features->n_features;
    clade__subset subset        = { 0 };
    subset.features.n_customers = n;
    subset.features.n_features  = p;
    subset.features.as_of_us    = features->as_of_us;
    subset.features.customer    = CLADE_NEW(int64_t, n);
    subset.features.value       = clade_alloc(n, p * sizeof(float));
    if (outcome != NULL) {
        subset.outcome.minor_per_major = outcome->minor_per_major;
        subset.outcome.spend_minor     = CLADE_NEW(int64_t, n);
        subset.outcome.returned        = CLADE_NEW(uint8_t, n);
    }
    if (subset.features.customer == NULL || subset.features.value == NULL ||
        (outcome != NULL &&
         (subset.outcome.spend_minor == NULL || subset.outcome.returned == NULL))) {
        clade__subset_free(&subset);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers x %zu features", n, p);
    }
    for (size_t i = 0; i < n; i++) {
        subset.features.customer[i] = features->customer[row[i]];
        memcpy(subset.features.value + i * p, features->value + row[i] * p, p * sizeof(float));
        if (outcome == NULL) continue;
        subset.outcome.spend_minor[i] = outcome->spend_minor[row[i]];
        subset.outcome.returned[i]    = outcome->returned[row[i]];
    }
    *out = subset;
    return CLADE_OK;
}

/* Selection sampling (Knuth, volume 2, algorithm S): each row in turn, with the chance that it
 * takes for exactly n of n_all to be chosen in the end. In place: the rows kept move to the front.
 */
static void choose(uint32_t *row, size_t n_all, size_t n, uint64_t seed)
{
    clade_rng rng   = clade_rng_stream(seed, "engine/sample", n);
    size_t    taken = 0;
    for (size_t i = 0; taken < n; i++) {
        const size_t wanted = n - taken;
        if (wanted == n_all - i || clade_rng_below(&rng, n_all - i) < wanted) row[taken++] = row[i];
    }
}

static clade_status sample_rows(clade__subset *out, size_t *out_n_all,
                                const clade_features *features, const clade_outcome *outcome,
                                bool buyers, size_t most, uint64_t seed, clade_error *err)
{
    const size_t recency = clade__feature_column("days_since_order");
    uint32_t    *row     = CLADE_NEW(uint32_t, features->n_customers);
    size_t       n_all   = 0;
    if (row == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers",
                          features->n_customers);
    }
    for (size_t i = 0; i < features->n_customers; i++) {
        if (buyers && isnan(features->value[i * features->n_features + recency])) continue;
        row[n_all++] = (uint32_t)i;
    }
    const size_t n = n_all < most ? n_all : most;
    if (n < n_all) choose(row, n_all, n, seed);
    const clade_status status = clade__subset_take(out, features, outcome, row, n, err);
    free(row);
    *out_n_all = n_all;
    return status;
}

clade_status clade__subset_sample(clade__subset *out, const clade_features *features,
                                  const clade_outcome *outcome, size_t most, uint64_t seed,
                                  clade_error *err)
{
    size_t n_all;
    return sample_rows(out, &n_all, features, outcome, false, most, seed, err);
}

clade_status clade__subset_buyers(clade__subset *out, size_t *out_n_buyers,
                                  const clade_features *features, const clade_outcome *outcome,
                                  size_t most, uint64_t seed, clade_error *err)
{
    return sample_rows(out, out_n_buyers, features, outcome, true, most, seed, err);
}

void clade__subset_free(clade__subset *subset)
{
    free(subset->features.customer);
    free(subset->features.value);
    free(subset->outcome.spend_minor);
    free(subset->outcome.returned);
    *subset = (clade__subset){ 0 };
}
