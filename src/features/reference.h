/* The features once more, by plain loops over one customer's events: slow, readable, and written
 * from the words of the registry and not from its SQL. Tests hold the two against each other on
 * small shops; the event-by-event evaluator of the server grows out of this one. */
#ifndef CLADE__FEATURES_REFERENCE_H
#define CLADE__FEATURES_REFERENCE_H

#include "clade/features.h"

/**
 * As clade_features_compute, by reading the whole store into memory.
 *
 * Cost  O(n log n) over events for most; O(orders^2) a customer, O(items^2) a shop: small shops
 * only.
 */
clade_status clade__reference_compute(clade_features **out_features, clade_store *store,
                                      int64_t as_of_us, clade_error *err);

#endif
