/* What the files of boosted trees share: an ensemble, ready to be evaluated and explained. */
#ifndef CLADE_TREES_FOREST_H
#define CLADE_TREES_FOREST_H

#include "clade/trees.h"

/* As XGBoost numbers them. */
typedef struct forest_node {
    int32_t  left; /* index in the same tree; -1 in a leaf */
    int32_t  right;
    uint32_t column;
    bool     nan_left;
    float    value; /* the cut, or the value of the leaf */
    float    gain;
    float    cover; /* sum of second derivatives of the rows that were here */
    double   share; /* of its parent's cover */
} forest_node;

/* A node as the evaluator reads it, by levels: right is next + 1. */
typedef struct walk_node {
    float    cut;    /* or the value of the leaf */
    uint32_t column; /* and WALK_NAN_RIGHT */
    uint32_t next;   /* left child in the whole ensemble; a leaf names itself */
    uint32_t split;  /* 1, or 0 in a leaf */
} walk_node;
#define WALK_NAN_RIGHT 0x80000000u

struct clade_trees {
    clade_trees_goal goal;
    size_t           n_columns;
    size_t           n_trees;
    size_t           max_depth;
    float            base_margin;
    double           valid_loss;
    size_t          *start; /* (n_trees + 1) first node of each tree */
    size_t          *depth; /* (n_trees) splits on the longest path */
    forest_node     *node;  /* (start[n_trees]) */
    walk_node       *walk;  /* (start[n_trees]) */
    char            *json;  /* XGBoost's own text */
    size_t           json_size;
};

/* XGBoost's own: float throughout, clamped where the exponential would overflow. */
float clade__sigmoid(float margin);

#endif
