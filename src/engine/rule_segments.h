/* What the parts of segments by rule share. */
#ifndef CLADE_ENGINE_RULE_SEGMENTS_H
#define CLADE_ENGINE_RULE_SEGMENTS_H

#include "clade/predict.h"
#include "clade/rule_segments.h"

/** "p_churn", "p_purchase_30d", "spend_90d": what rules call the answer to a task. */
void clade__score_name(char out[100], const clade_predict_task *task);
/** Fails with CLADE_ERR_NOT_FOUND, and suggests the nearest name. */
clade_status clade__rule_segment_missing(const clade_rule_segments *segments, const char *name,
                                         clade_error *err);

#endif
