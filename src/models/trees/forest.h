/* What boost.c and forest.c share: an ensemble, ready to be evaluated. */
#ifndef CLADE_TREES_FOREST_H
#define CLADE_TREES_FOREST_H

#include "clade/trees.h"

typedef struct forest_node {
    int32_t  left; /* index in the same tree; -1 in a leaf */
    int32_t  right;
    uint32_t column;
    bool     nan_left;
    float    value; /* the cut, or the value of the leaf */
    float    gain;
} forest_node;

struct clade_trees {
    clade_trees_goal goal;
    size_t           n_columns;
    size_t           n_trees;
    float            base_margin;
    double           valid_loss;
    size_t          *start; /* (n_trees + 1) first node of each tree */
    forest_node     *node;  /* (start[n_trees]) */
    char            *json;  /* XGBoost's own text */
    size_t           json_size;
};

/* XGBoost's own: float throughout, clamped where the exponential would overflow. */
float clade__sigmoid(float margin);

#endif
