/* Parts of the scorecard. */
#ifndef CLADE_APPS_EVALUATE_H
#define CLADE_APPS_EVALUATE_H

#include "clade/metrics.h"
#include "command.h"

/** What was fitted, asked now: how many customers get an answer, how soon, and how far customers
 *  have moved since the fits. Nothing is printed where nothing was fitted. */
CLADE_MUST_USE clade_status evaluate_models(command *c, clade_store *store, int64_t as_of_us,
                                            bool recommends, clade_error *err);
/** What the shop's own figures say: business, satisfaction, campaigns. */
CLADE_MUST_USE clade_status evaluate_business(command *c, clade_store *store, int64_t as_of_us,
                                              clade_error *err);

#endif
