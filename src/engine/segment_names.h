/* Names of outlook segments, from what their members are like. */
#ifndef CLADE_ENGINE_SEGMENT_NAMES_H
#define CLADE_ENGINE_SEGMENT_NAMES_H

#include "segmentation.h"

/** What a name is chosen by. Shares of members. */
typedef struct clade__band_profile {
    double returned;  /* came back within the horizon */
    double one_order; /* bought once */
    double recent;    /* whose first order is at most 90 days old */
    double overdue;   /* late by their own rhythm */
} clade__band_profile;

/** Names for n_bands, best first: every name once, whatever the profiles. */
void clade__outlook_names(clade_segment_name *out, const clade__band_profile *profile,
                          size_t n_bands, double shop_returned);

#endif
