/* The judged block of one prediction as pictures, each with its numbers as a table. */
#ifndef CLADE_REPORT_PREDICT_CHARTS_H
#define CLADE_REPORT_PREDICT_CHARTS_H

#include "page.h"

#include "clade/predict.h"

/** What a metric of a card is called. */
word_id predict_metric_word(const char *name);
/** Of chances what was said against what came true; of amounts both by tenths. */
void predict_calibration(page *p, const clade_predict_card *card);
/** Share of all that is to be found in the highest tenths, beside the order of the rule. */
void predict_gains(page *p, const clade_predict_card *card);
/** The heaviest features as bars. */
void predict_features(page *p, const clade_predict_card *card);

#endif
