/* What the parts of `clade segment` share. */
#ifndef CLADE_APPS_SEGMENT_H
#define CLADE_APPS_SEGMENT_H

#include "clade/study.h"
#include "command.h"

/** The study kept in the workspace, as a tree that lives in the command's arena. */
CLADE_MUST_USE clade_status segment_study_open(clade_json_tree *out_tree, command *c,
                                               clade_store *store, clade_error *err);
/** The segment whose key or name (en, zh) is `name`, of any kind; suggests the nearest. */
CLADE_MUST_USE clade_status segment_find(const clade_json_node **out_segment,
                                         const clade_json_tree *tree, const char *name,
                                         clade_error *err);

/** All segments of a kind in a table, and what the study says of the future. */
void segment_print_all(command *c, const clade_json_tree *tree, const char *kind);
/** One segment on a page. */
void segment_print_one(command *c, const clade_json_tree *tree, const clade_json_node *segment);

/** The words behind `clade segment WORKSPACE`: the customers most like a list, who moved between
 * two moments, and the outlook by hand. */
CLADE_MUST_USE clade_status segment_lookalike(command *c, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status segment_flows(command *c, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status segment_card(command *c, clade_store *store, clade_error *err);

#endif
