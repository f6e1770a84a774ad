/* What the engine asks of the outlook beyond a segmentation. */
#ifndef CLADE_ENGINE_OUTLOOK_H
#define CLADE_ENGINE_OUTLOOK_H

#include "segmentation.h"

/** log(1 + spend in major units) of a customer's outcome; spend below zero counts as none. */
double clade__log_spend(const clade_outcome *outcome, size_t i);

/** What each feature adds to a customer's expected log(1 + spend), against the average customer. */
void clade__outlook_explain(double *out, const clade_segmentation *segmentation, const float *row,
                            size_t n_features);

/** Bands of the score: the segments without that of prospects. */
size_t clade__outlook_n_bands(const clade_segmentation *segmentation);

/** Bootstrap Jaccard of each segment, measured when the number of segments was chosen. */
void clade__outlook_stability(double *out, const clade_segmentation *segmentation);

#endif
