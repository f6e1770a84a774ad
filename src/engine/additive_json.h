/* Additive models as JSON: terms by the names of their features, so that a definition survives a
 * registry that grew. */
#ifndef CLADE_ENGINE_ADDITIVE_JSON_H
#define CLADE_ENGINE_ADDITIVE_JSON_H

#include "clade/json.h"
#include "clade/linear.h"

/** Keys df, penalty, intercept, top, terms into an object that is open. */
void clade__additive_write(clade_json *json, const clade_additive *model);
/** Back; every bit equal. CLADE_ERR_DATA naming the key; CLADE_ERR_VERSION for a feature that this
 *  clade does not know. */
clade_status clade__additive_read(clade_additive *out, size_t n_targets,
                                  const clade_json_tree *tree, const clade_json_node *object,
                                  clade_error *err);

#endif
