/* Rows of a feature matrix copied out: for folds, resamples and samples. */
#include "subset.h"

#include "clade/run.h"

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
        subset.outcome.spend_minor = CLADE_NEW(int64_t, n);
        subset.outcome.returned    = CLADE_NEW(uint8_t, n);
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

clade_status clade__subset_sample(clade__subset *out, const clade_features *features,
                                  const clade_outcome *outcome, size_t most, uint64_t seed,
                                  clade_error *err)
{
    const size_t n_all  = features->n_customers;
    const size_t n      = n_all < most ? n_all : most;
    clade_rng    rng    = clade_rng_stream(seed, "engine/sample", most);
    uint32_t    *row    = CLADE_NEW(uint32_t, n);
    size_t       wanted = n, taken = 0;
    if (row == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    /* Selection sampling (Knuth, volume 2, algorithm S): each row in turn, with the chance that it
     * takes for exactly `most` to be chosen in the end. */
    for (size_t i = 0; wanted > 0; i++) {
        if (wanted < n_all - i && clade_rng_below(&rng, n_all - i) >= wanted) continue;
        row[taken++] = (uint32_t)i;
        wanted -= 1;
    }
    const clade_status status = clade__subset_take(out, features, outcome, row, n, err);
    free(row);
    return status;
}

void clade__subset_free(clade__subset *subset)
{
    free(subset->features.customer);
    free(subset->features.value);
    free(subset->outcome.spend_minor);
    free(subset->outcome.returned);
    *subset = (clade__subset){ 0 };
}
