/* What boosting aims at: the derivatives of each goal's loss, and the loss itself. */
#ifndef CLADE_TREES_GOALS_H
#define CLADE_TREES_GOALS_H

#include "forest.h"

/* Lists of rows that are ordered against each other, for CLADE_TREES_RANK. */
typedef struct rank_lists {
    size_t    n;
    size_t   *start;          /* (n + 1) */
    double   *ideal;          /* (n) best gain of each list; 0: nothing to tell apart */
    uint32_t *order;          /* (n_rows) scratch: falling margin within each list */
    double   *first, *second; /* (n_rows) scratch: derivatives */
} rank_lists;

clade_status clade__rank_lists_create(rank_lists *out, const clade_trees_data *data, int top,
                                      clade_error *err);
void         clade__rank_lists_free(rank_lists *lists);
/* Derivatives, (n_rows) each, of the lists that this round sees. */
void clade__rank_derive(float *out_first, float *out_second, const float *margin,
                        const clade_trees_data *data, const clade_trees_options *options,
                        const rank_lists *lists, int round);
/* 1 - NDCG, averaged over the lists in which targets differ; NAN without any. */
double clade__rank_loss(const float *margin, const clade_trees_data *data, int top,
                        const rank_lists *lists);

/* CLADE_ERR_DATA for a target that the goal cannot have. */
clade_status clade__goal_check_target(const char *name, size_t i, double target,
                                      clade_trees_goal goal, clade_error *err);
/* Where boosting starts, as XGBoost's base_score. */
clade_status clade__goal_base(double *out, const clade_trees_data *data,
                              const clade_trees_options *options, clade_error *err);
/* Derivatives at the margins, (n_rows) each, on the grid. */
void   clade__goal_derive(float *out_first, float *out_second, const float *margin,
                          const clade_trees_data *data, const clade_trees_options *options,
                          const rank_lists *lists, int round);
double clade__goal_loss(const float *margin, const clade_trees_data *data,
                        const clade_trees_options *options, const rank_lists *lists);

typedef struct weighed {
    double value, weight;
} weighed;

/* The smallest value that a share `p` of the weight does not exceed. Sorts; 0 without weight. */
double clade__weighed_quantile(weighed *item, size_t n, double p);

/* New values for the leaves of `tree` (one round): eta times the quantile of what is left to
 * explain in each leaf, over the rows with a second derivative above 0. Monotone constraints hold.
 * Shapes  out_value (nodes of the tree), as XGBoost numbers them; 0 in splits. */
clade_status clade__quantile_refit(float *out_value, const clade_trees *tree,
                                   const clade_trees_data *data, const float *margin,
                                   const float *second, const clade_trees_options *options,
                                   clade_error *err);
/* margin += value of each row's leaf. */
void clade__quantile_add(float *margin, const clade_trees *tree, const float *value,
                         const clade_trees_data *data);
/* XGBoost's text with other values in the leaves: `value` holds those of all trees' nodes. */
clade_status clade__quantile_patch(clade_buffer *out, const char *json, size_t size,
                                   const float *value, size_t n_values, clade_error *err);

#endif
