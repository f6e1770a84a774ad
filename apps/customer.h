/* Parts of the page of one customer. */
#ifndef CLADE_APPS_CUSTOMER_H
#define CLADE_APPS_CUSTOMER_H

#include "command.h"

/** The answers of all trusted predictors: a table, and `scores` in JSON. Those that learnt from
 *  anything after as_of_us are left out. */
CLADE_MUST_USE clade_status customer_scores(command *c, clade_store *store, int64_t customer,
                                            int64_t as_of_us, clade_error *err);

#endif
