/* A baseline that recommends in place of the model. */
#ifndef CLADE_ENGINE_BEHAVIOUR_COUNTED_H
#define CLADE_ENGINE_BEHAVIOUR_COUNTED_H

#include "clade/scan.h"
#include "clade/shop_behaviour.h"

typedef struct clade__counted clade__counted;

/**
 * Count what options->baseline needs in everybody's histories.
 *
 * @param sequences  Borrowed until the free.
 * @param group      (n_items) of places, as a scan has them; copied.
 * Ownership         Free with clade__counted_free, which accepts NULL.
 */
CLADE_MUST_USE clade_status clade__counted_create(clade__counted               **out,
                                                  const clade_sequences         *sequences,
                                                  const clade_recommend_options *options,
                                                  const uint32_t *group, size_t n_groups,
                                                  clade_error *err);
void                        clade__counted_free(clade__counted *counted);
clade_scorer                clade__counted_scorer(const clade__counted *counted);
/** The answer of clade_scan_batch by the baseline's scores: places, best first, of equals the lower
 *  one, CLADE_SCAN_NONE where none is left. */
CLADE_MUST_USE clade_status clade__counted_rows(uint32_t *out_place, float *out_score, size_t n,
                                                clade__counted          *counted,
                                                const clade_sequences   *sequences,
                                                const clade_case        *cases,
                                                const clade_scan_filter *filter, size_t n_rows,
                                                clade_error *err);

#endif
