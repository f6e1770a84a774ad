/* What the files of the single tree share: columns cut into bins. */
#ifndef CLADE_TREES_CART_H
#define CLADE_TREES_CART_H

#include "clade/trees.h"

/* Column k has n_cuts[k] rising cuts; code c of a value says that c of them are at or below it, so
 * that splitting at cut j sends the codes 0..j left. Code n_cuts + 1 is absence. */
typedef struct cart_bins {
    size_t    n_rows;
    size_t    n_columns;
    uint16_t *code;   /* (n_columns, n_rows) column by column: a search reads one column */
    float    *cut;    /* (n_columns, max_bin) */
    size_t   *n_cuts; /* (n_columns) below max_bin */
    size_t    max_bin;
} cart_bins;

CLADE_MUST_USE clade_status clade__cart_bins_make(cart_bins *out, const clade_tree_data *data,
                                                  size_t max_bin, clade_error *err);
void                        clade__cart_bins_free(cart_bins *bins);

/* The roundest number in (low, high]: the fewest decimal digits, and of those the nearest to the
 * middle. low < high, both finite. */
float clade__round_between(float low, float high);

/* Fill in parents, numbers of leaves and n_leaves from column and left. */
void clade__tree_finish(clade_tree *tree);

/* A tree with room for n_nodes, all zero. NULL without memory. */
clade_tree *clade__tree_create(size_t n_columns, size_t n_targets, size_t n_nodes);

#endif
