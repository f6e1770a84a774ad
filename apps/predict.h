/* What predict, explain and evaluate share: the table of cards. */
#ifndef CLADE_APPS_PREDICT_H
#define CLADE_APPS_PREDICT_H

#include "clade/predict.h"
#include "command.h"

/** One row a task: how many were asked, how often it happens, the first metric beside the rule's.
 */
void predict_cards_table(command *c, const clade_predict_card *const *card, size_t n);

/** The task of running visits: fit, keep and print it. What the shop cannot bear yet is said; it is
 *  a failure only where nothing else was asked (`alone`). */
CLADE_MUST_USE clade_status predict_session(command *c, clade_store *store,
                                            const clade_predict_options *options, clade_run *run,
                                            bool alone, clade_error *err);

#endif
