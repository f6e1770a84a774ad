/* How alike: scores of one fold of customers by models fitted on the other folds. */
#ifndef CLADE_ENGINE_LOOKALIKE_H
#define CLADE_ENGINE_LOOKALIKE_H

#include "clade/lookalike.h"

enum { CLADE__LOOKALIKE_FOLDS = 5 };

/**
 * Score the rows of `fold` by every method fitted on the other folds; higher is more alike.
 *
 * @param out_score   One array (n_customers) a method; NULL for those that are not fitted. Only
 * rows of the fold are written.
 * @param out_usable  False for a method that this data cannot bear.
 */
CLADE_MUST_USE clade_status clade__lookalike_score(
    double *const out_score[CLADE_N_LOOKALIKE_METHOD], bool out_usable[CLADE_N_LOOKALIKE_METHOD],
    const clade_features *features, const uint8_t *is_seed, const uint8_t *row_fold, size_t fold,
    uint64_t seed, clade_error *err);

#endif
