/* Cards read back from JSON. */
#ifndef CLADE_ENGINE_PREDICT_CARD_H
#define CLADE_ENGINE_PREDICT_CARD_H

#include "clade/predict.h"

/** CLADE_ERR_DATA naming the first key that is missing or of another type. */
clade_status clade__card_read(clade_predict_card *out, const clade_json_tree *tree,
                              clade_error *err);

#endif
