/* What the files of metrics share. */
#ifndef CLADE_METRICS_INTERNAL_H
#define CLADE_METRICS_INTERNAL_H

#include "clade/metrics.h"

/* CLADE_ERR_DATA for a NAN score or a label above 1, CLADE_ERR_ARG for too many rows. */
clade_status clade__check_scored(const double *score, const uint8_t *label, size_t n,
                                 clade_error *err);
/* Rising order in memory of its own, which the caller frees. */
clade_status clade__order_scores(uint32_t **out_order, const double *score, size_t n,
                                 clade_error *err);
/* `count` NULL counts every row once. */
double clade__auc_ordered(const uint32_t *order, const double *score, const uint8_t *label,
                          const uint32_t *count, size_t n);
double clade__r2_counted(const double *predicted, const double *actual, const uint32_t *count,
                         size_t n);

#endif
