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

/** --as-of, else the midnight after the last event. */
CLADE_MUST_USE clade_status segment_moment(int64_t *out_us, const command *c, clade_store *store,
                                           clade_error *err);

/** Segments by rule: define and look, take back, show (nothing where `name` is no rule), list. */
CLADE_MUST_USE clade_status segment_define(command *c, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status segment_undefine(command *c, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status segment_rule_show(bool *out_found, command *c, clade_store *store,
                                              const char *name, clade_error *err);
size_t segment_list_rules(command *c, clade_store *store); /* how many there are */

/** The words behind `clade segment WORKSPACE`: the customers most like a list, who moved between
 * two moments, and the outlook by hand. */
CLADE_MUST_USE clade_status segment_lookalike(command *c, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status segment_flows(command *c, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status segment_card(command *c, clade_store *store, clade_error *err);

#endif
