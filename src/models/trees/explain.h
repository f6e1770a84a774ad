/* What the two explainers share: the plain one (explain.c), and the one by tables
 * (explain_table.c). */
#ifndef CLADE_TREES_EXPLAIN_H
#define CLADE_TREES_EXPLAIN_H

#include "forest.h"

/* Columns on one path, at most: with q points, 2q of them are integrated exactly. */
enum { EXPLAIN_MAX_POINTS = 32, EXPLAIN_MAX_DEPTH = 2 * EXPLAIN_MAX_POINTS };

/* Gauss-Legendre on [0, 1]: exact for polynomials up to degree 2 n - 1. */
typedef struct quadrature {
    size_t n;
    double t[EXPLAIN_MAX_POINTS];
    double weight[EXPLAIN_MAX_POINTS];
} quadrature;

/* For paths of up to n_columns distinct columns. */
void clade__quadrature(quadrature *out, size_t n_columns);

/* Add what one tree says of a row: phi (n_columns). The depth must not exceed EXPLAIN_MAX_DEPTH. */
void clade__explain_tree(double *phi, const forest_node *node, const quadrature *q,
                         const float *row);

/* What the trees say on average, by cover, with the base margin. */
double clade__expected_margin(const clade_trees *trees);

/* CLADE_ERR_ARG when the rows do not fit the trees, or the trees are too deep. */
clade_status clade__check_explain(const clade_trees *trees, size_t n_columns, clade_error *err);

/* Whether a row goes left. */
static inline bool clade__goes_left(const forest_node *node, const float *row)
{
    const float value = row[node->column];
    return value != value ? node->nan_left : value < node->value;
}

#endif
