/* Some customers of a feature matrix, as a matrix of their own. */
#ifndef CLADE_ENGINE_SUBSET_H
#define CLADE_ENGINE_SUBSET_H

#include "clade/features.h"

typedef struct clade__subset {
    clade_features features;
    clade_outcome  outcome; /* empty when there was none */
} clade__subset;

/** Copy rows row[0 .. n) (repeats allowed). `outcome` may be NULL. Free with clade__subset_free. */
clade_status clade__subset_take(clade__subset *out, const clade_features *features,
                                const clade_outcome *outcome, const uint32_t *row, size_t n,
                                clade_error *err);
/** At most `most` customers, drawn without replacement and kept in their order; all of them when
 * there are no more. `outcome` may be NULL. */
clade_status clade__subset_sample(clade__subset *out, const clade_features *features,
                                  const clade_outcome *outcome, size_t most, uint64_t seed,
                                  clade_error *err);
/** The same of those who had bought something; how many there were in all. */
clade_status clade__subset_buyers(clade__subset *out, size_t *out_n_buyers,
                                  const clade_features *features, const clade_outcome *outcome,
                                  size_t most, uint64_t seed, clade_error *err);
void         clade__subset_free(clade__subset *subset);

#endif
