/**
 * Trees: boosted ones that predict (XGBoost trains them, clade evaluates them), and single small
 * ones that people can read, for rules and for segments.
 *
 * Values are a dense float matrix, row-major, where NAN is absence. Nothing here knows what a
 * column means; names are passed in where words come out.
 */
#ifndef CLADE_TREES_H
#define CLADE_TREES_H

#include "clade/memory.h"

enum {
    CLADE_TREES_MAX_ROWS    = 1 << 26, /* rows of one fit: sums of their gradients stay exact */
    CLADE_TREES_MAX_COLUMNS = 1 << 16,
    CLADE_TREES_MAX_ROUNDS  = 100000,
    CLADE_TREE_MAX_LEAVES   = 4096, /* leaves of a single tree */
    CLADE_TREE_MAX_BINS     = 4096,

    CLADE_TREES_HELD_OUT_ROWS  = 1 << 20, /* sums of packed derivatives keep 10 bits or more */
    CLADE_TREES_HELD_OUT_BINS  = 64,
    CLADE_TREES_HELD_OUT_DEPTH = 4,
};

/* ---------------------------------------------------------------- boosted trees */

typedef enum clade_trees_goal {
    CLADE_TREES_SQUARED_ERROR, /* predicts the mean */
    CLADE_TREES_LOGISTIC,      /* target in [0, 1]; predicts the chance of 1 */
    CLADE_TREES_TWEEDIE,       /* target 0 or more, many of them 0; predicts the mean, above 0 */
    CLADE_TREES_QUANTILE,      /* predicts a quantile */
    CLADE_TREES_RANK,          /* target a grade in 0..31 within a group; predicts a score that is
                                  to be compared within a group only */
    CLADE_N_TREES_GOAL
} clade_trees_goal;

/** Rows to learn from, or to watch while learning. Everything is borrowed for the call. */
typedef struct clade_trees_data {
    const float *value; /* (n_rows, n_columns) row-major; NAN is absence, infinities are refused */
    size_t       n_rows;
    size_t       n_columns;
    const float *target;   /* (n_rows) finite */
    const float *weight;   /* (n_rows) non-negative; NULL: all 1. Of a group: its first row's */
    const uint32_t *group; /* (n_rows) CLADE_TREES_RANK only: rows one after another with the same
                              number are ordered against each other */
} clade_trees_data;

/** Start from clade_trees_defaults and change what matters. */
typedef struct clade_trees_options {
    clade_trees_goal goal;
    int              n_rounds;
    int              max_depth;        /* 1..30 */
    double           eta;              /* learning rate, (0, 1] */
    double           subsample;        /* share of rows a round sees, (0, 1] */
    double           colsample;        /* share of columns a tree may use, (0, 1] */
    double           lambda;           /* L2 on leaf values, >= 0 */
    double           gamma;            /* least gain of a split, >= 0 */
    double           min_child_weight; /* least sum of second derivatives in a leaf, >= 0 */
    int              max_bin;          /* histogram bins of a column, 2..65536 */
    double           power;            /* Tweedie: variance grows as mean^power, (1, 2) */
    double           quantile;         /* (0, 1) */
    int              rank_top; /* places that count: pairs without a row there are not looked at */
    const int8_t    *monotone; /* (n_columns) -1, 0 or 1; NULL: none */
    int              patience; /* stop after so many rounds without a better loss on the
                                  watched rows and keep the best; 0: never */
    uint64_t seed;
    int      n_threads; /* 0: clade_threads_get() */
} clade_trees_options;

/** eta 0.1, 200 rounds of depth 4, no sampling, lambda 1, min_child_weight 1, 256 bins, power 1.5,
 *  quantile 0.5, the first 30 places. Second derivatives of a ranking are far below 1 a row, and of
 *  Tweedie they have the unit of target^(2 - power): min_child_weight may want to be lower. */
CLADE_API clade_trees_options clade_trees_defaults(clade_trees_goal goal);

/** A fitted ensemble. const after the fit, and shared between threads. */
typedef struct clade_trees clade_trees;

/**
 * Fit boosted trees.
 *
 * XGBoost grows the trees (hist); the derivatives come from here, rounded to a grid so coarse that
 * every sum XGBoost makes of them is exact in double. The order of its threads then cannot matter.
 * Leaves of quantiles are fitted again to the rows in them, without lambda; the ranking is
 * LambdaMART, and subsample draws groups there.
 *
 * @param valid  Rows to watch for `patience`; NULL for none. Same columns as train.
 *
 * @return CLADE_ERR_ARG for an option; CLADE_ERR_DATA naming row and column of a value that cannot
 * be used; CLADE_ERR_ENGINE with XGBoost's own words; CLADE_ERR_NOMEM; CLADE_ERR_INTERRUPTED.
 * Ownership   The caller frees with clade_trees_free, which accepts NULL.
 * Repeatable  Bit for bit, whatever the number of threads: see above.
 * Cost        About 14 s for 1 million rows, 50 columns, 100 rounds of depth 6 on two cores; twice
 *             the memory of the values. A ranking adds O(rank_top) a row and round, quantiles
 *             a sort of the rows.
 * Source      Chen and Guestrin (2016), "XGBoost: a scalable tree boosting system", KDD. Tweedie
 *             loss: Yang, Qian and Zou (2018), J. Business & Economic Statistics 36(3). Quantile
 *             leaves: Friedman (2001), Annals of Statistics 29(5). LambdaMART: Burges (2010).
 */
CLADE_API CLADE_MUST_USE clade_status clade_trees_fit(clade_trees              **out_trees,
                                                      const clade_trees_data    *train,
                                                      const clade_trees_data    *valid,
                                                      const clade_trees_options *options,
                                                      clade_error               *err);
CLADE_API void                        clade_trees_free(clade_trees *trees);

/**
 * Predict: means, chances of 1, quantiles or scores, as the goal says.
 *
 * @param out_prediction  (n_rows), written whole on success.
 * @param n_columns       Must be what the trees were fitted on.
 * Threads     Safe to call at once on the same trees. Uses clade_parallel for many rows.
 * Repeatable  Equal to XGBoost's own prediction bit for bit.
 * Cost        O(n_rows * n_rounds * depth).
 */
CLADE_API CLADE_MUST_USE clade_status clade_trees_predict(float             *out_prediction,
                                                          const clade_trees *trees,
                                                          const float *value, size_t n_rows,
                                                          size_t n_columns, clade_error *err);

/** The same by the first n_rounds only (at most those kept): how a longer fit would have been
 * judged had it stopped there. */
CLADE_API CLADE_MUST_USE clade_status clade_trees_predict_first(float             *out_prediction,
                                                                const clade_trees *trees,
                                                                size_t n_rounds, const float *value,
                                                                size_t n_rows, size_t n_columns,
                                                                clade_error *err);

/**
 * Explain rows: what each column adds to the margin (the prediction; log-odds where the goal is
 * logistic, its logarithm where it is Tweedie), exactly, by path-dependent TreeSHAP.
 *
 * Shapes      out_phi (n_rows, n_columns + 1) row-major; the last column is what the trees say on
 *             average over the rows they were grown on, and a row sums to its margin.
 * @return CLADE_ERR_ARG for n_columns, or a tree more than 64 splits deep; CLADE_ERR_NOMEM. On an
 *         error nothing is written.
 * Threads     Safe to call at once on the same trees. Uses clade_parallel for many rows.
 * Repeatable  Bit for bit; a row does not depend on the others.
 * Cost        O(n_rows * nodes * depth / 2), 0.3 to 0.5 ms a row with 100 trees of depth 6, without
 *             preparation: for a few rows. For many see clade_explainer_create.
 * Source      Lundberg et al. (2020), Nature Machine Intelligence 2, 56-67. Yu et al. (2022),
 *             "Linear TreeShap", NeurIPS 35. docs/maths/trees.md.
 */
CLADE_API CLADE_MUST_USE clade_status clade_trees_explain(double *out_phi, const clade_trees *trees,
                                                          const float *value, size_t n_rows,
                                                          size_t n_columns, clade_error *err);

/**
 * Explain what two columns add to the margin only together: the SHAP interaction value of the pair,
 * of which each of the two has half. With column_a == column_b, what that column adds alone: its
 * Shapley value less its halves of all pairs.
 *
 * Shapes      out_phi (n_rows).
 * @return As clade_trees_explain; CLADE_ERR_ARG for a column.
 * Cost        O(n_rows * leaves * depth^2 / 2).
 * Source      Fujimoto, Kojadinovic and Marichal (2006), Games and Economic Behavior 55, 72-99;
 *             Lundberg et al. (2020).
 */
CLADE_API CLADE_MUST_USE clade_status clade_trees_interaction(double            *out_phi,
                                                              const clade_trees *trees,
                                                              const float *value, size_t n_rows,
                                                              size_t n_columns, size_t column_a,
                                                              size_t column_b, clade_error *err);

/** Tables from which many rows are explained fast. const after it is made, and shared between
 *  threads. */
typedef struct clade_explainer clade_explainer;

/** Tables larger than this are not made: the trees that are left are explained without. */
#define CLADE_EXPLAINER_MAX_BYTES ((size_t)256 << 20)

/**
 * Work out the tables of an ensemble.
 *
 * @param trees  Borrowed until the explainer is freed.
 * @return As clade_trees_explain. Ownership   The caller frees with clade_explainer_free, which
 *         accepts NULL.
 * Cost        About 0.4 ms and 64 to 128 KB for a tree of depth 6. Trees deeper than 8 have no
 * table.
 */
CLADE_API CLADE_MUST_USE clade_status clade_explainer_create(clade_explainer  **out_explainer,
                                                             const clade_trees *trees,
                                                             clade_error       *err);
CLADE_API void                        clade_explainer_free(clade_explainer *explainer);

/** clade_trees_explain from the tables: the same to a few roundings of float in each tree, bit for
 *  bit the same for one row as for many, and on every instruction set. About 15 us a row with 100
 *  trees of depth 6 (bench/results/trees.md), on all threads for many rows. */
CLADE_API CLADE_MUST_USE clade_status clade_explainer_run(double                *out_phi,
                                                          const clade_explainer *explainer,
                                                          const float *value, size_t n_rows,
                                                          size_t n_columns, clade_error *err);

CLADE_API size_t clade_trees_n_columns(const clade_trees *trees);
CLADE_API size_t clade_trees_n_rounds(const clade_trees *trees); /* kept, after early stopping */
/** Loss on the watched rows at the round that was kept: mean squared error, log loss, Tweedie's
 *  negative log likelihood without its constant, pinball loss, or 1 - NDCG at rank_top; NAN without
 *  them and after loading. */
CLADE_API double clade_trees_valid_loss(const clade_trees *trees);

/** Gain of all splits on each column, summing to 1; all zero when nothing was split.
 *  @param out_share  (n_columns) */
CLADE_API void clade_trees_importance(double *out_share, const clade_trees *trees);

/** XGBoost's own JSON, so that any XGBoost can read it, and back. The text must not be changed
 * between the two; a damaged one is CLADE_ERR_DATA. */
CLADE_API CLADE_MUST_USE clade_status clade_trees_save(clade_buffer *out, const clade_trees *trees,
                                                       clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_trees_load(clade_trees **out_trees, const char *json,
                                                       size_t size, clade_error *err);

/** "1.7.4": of the library that was linked. */
CLADE_API void clade_trees_engine_version(char out[32]);

/* ---------------------------------------------------------------- boosted, judged by folds */

/** Rows cut into bins, once for many fits. const, and shared between threads. */
typedef struct clade_trees_bins clade_trees_bins;

/**
 * Cut every column into at most max_bin bins of about as many rows; absence has its own. No target
 * is looked at.
 *
 * Shapes      value (n_rows, n_columns) row-major, NAN is absence, infinities are refused.
 * @param max_bin  2 to CLADE_TREES_HELD_OUT_BINS; n_rows at most CLADE_TREES_HELD_OUT_ROWS.
 * Ownership   Borrows value for the call. The caller frees with clade_trees_bins_free, which
 * accepts NULL. Cost        O(n_rows log n_rows) a column, with clade_parallel; 1 byte a value is
 * kept.
 */
CLADE_API CLADE_MUST_USE clade_status clade_trees_bins_make(clade_trees_bins **out_bins,
                                                            const float *value, size_t n_rows,
                                                            size_t n_columns, size_t max_bin,
                                                            clade_error *err);
CLADE_API void                        clade_trees_bins_free(clade_trees_bins *bins);

/**
 * Boost on the rows of all folds but one, and say what the trees tell of the one left out, after
 * each of several numbers of rounds.
 *
 * The same model as clade_trees_fit with rows of its own (second-order gain, learnt direction of
 * absence, rows drawn for a round, columns drawn for a tree), grown here and not by XGBoost: for
 * shallow trees on some thousand rows that are judged by folds it takes a fraction of the time.
 * Without sampling, and with as many bins as values, the two agree up to rounding
 * (`tests/trees/test_held_out.c`). Why not XGBoost: docs/decisions/0003-held-out-boosting.md.
 *
 * Shapes      out_prediction (n_stops, n_rows): only rows of fold `number` are written; means, or
 *             chances of 1. target, fold (n_rows); targets of the fold left out are not looked at.
 * @param stop     (n_stops) rising, at least 1: rounds after which to predict.
 * @param options  goal (squared error or logistic), max_depth (at most CLADE_TREES_HELD_OUT_DEPTH),
 * eta, subsample, colsample, lambda, gamma, min_child_weight, seed; no monotone; the rest is not
 * looked at.
 * @return CLADE_ERR_ARG; CLADE_ERR_DATA naming a target, or without a row to learn from;
 *         CLADE_ERR_NOMEM; CLADE_ERR_INTERRUPTED.
 * Threads     Safe at once on the same bins. Runs on the calling thread.
 * Repeatable  Bit for bit: sums are of integers.
 * Cost        About 0.5 ms a round for 10,000 rows of 160 columns, of which 0.7 and 0.4 are drawn.
 * Source      Chen and Guestrin (2016), KDD; whole-number gradients: Shi et al. (2022), "Quantized
 *             training of gradient boosting decision trees", NeurIPS.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_trees_hold_out(float *out_prediction, const clade_trees_bins *bins, const float *target,
                     const uint8_t *fold, uint8_t number, const int *stop, size_t n_stops,
                     const clade_trees_options *options, clade_error *err);

/* ---------------------------------------------------------------- a single tree */

/**
 * Rows for a single tree. Give `target` (squared error, any number of targets at once) or `label`
 * (classes: Gini impurity, which is the squared error of the classes' indicators).
 */
typedef struct clade_tree_data {
    const float   *value; /* (n_rows, n_columns) row-major; NAN is absence */
    size_t         n_rows;
    size_t         n_columns;
    const float   *target; /* (n_rows, n_targets) row-major, finite; NULL when label is given */
    const int32_t *label;  /* (n_rows) in [0, n_targets) */
    size_t         n_targets;
    const float   *weight; /* (n_rows) non-negative; NULL: all 1 */
} clade_tree_data;

typedef struct clade_tree_options {
    int            max_leaves; /* 1..CLADE_TREE_MAX_LEAVES */
    int            max_depth;  /* 0: no limit but the leaves */
    size_t         min_leaf;   /* least rows of a leaf, at least 1 */
    double         min_gain;   /* least share of the root's impurity that a split must take away */
    int            max_bin;    /* cuts tried in a column; with fewer distinct values, all of them */
    const uint8_t *allowed;    /* (n_columns) 0 keeps a column out; NULL: all are in */
} clade_tree_options;

/** 12 leaves of at least 20 rows, gain at least 0.0001, 256 bins. */
CLADE_API clade_tree_options clade_tree_defaults(void);

/** Nodes in the order of their making: split k (k = 0, 1, ...) made nodes 2k + 1 and 2k + 2. */
typedef struct clade_tree_node {
    int32_t column;   /* -1 in a leaf */
    float   cut;      /* value < cut goes left, value >= cut goes right */
    int32_t left;     /* right is left + 1 */
    int32_t parent;   /* -1 at the root */
    int32_t leaf;     /* number of the leaf from left to right; -1 in a split */
    bool    nan_left; /* where absence goes */
    bool    saw_nan;  /* absence was seen here, so that the rules speak of it */
    size_t  n_rows;
    double  weight;
    double  gain; /* share of the root's impurity that the split takes away */
} clade_tree_node;

typedef struct clade_tree {
    size_t           n_columns;
    size_t           n_targets;
    size_t           n_nodes;
    size_t           n_leaves;
    clade_tree_node *node; /* (n_nodes) */
    float *mean; /* (n_nodes, n_targets) row-major: mean of each target, share of each class */
} clade_tree;

/**
 * Grow a tree, always splitting the leaf that gains most, so that the tree of k leaves is the start
 * of the tree of k + 1. A cut is the roundest number between its two neighbouring values.
 *
 * @return CLADE_ERR_ARG for an option or no rows; CLADE_ERR_DATA naming a target, label or weight
 * that cannot be used, or an infinite value. Ownership   The caller frees with clade_tree_free,
 * which accepts NULL. Repeatable  Bit for bit, whatever the number of threads: each column is
 * summed by one task in the order of the rows. Cost        O(depth * n_rows * n_columns *
 * n_targets) time, 2 bytes a value. Source      Breiman, Friedman, Olshen and Stone (1984),
 * "Classification and regression trees".
 */
CLADE_API CLADE_MUST_USE clade_status clade_tree_fit(clade_tree              **out_tree,
                                                     const clade_tree_data    *data,
                                                     const clade_tree_options *options,
                                                     clade_error              *err);
CLADE_API void                        clade_tree_free(clade_tree *tree);

/** Undo the last splits until n_leaves are left (at least 1). The result is what a fit with
 *  max_leaves = n_leaves would have been. */
CLADE_API void clade_tree_cut(clade_tree *tree, size_t n_leaves);

/** The leaf of each row. @param out_leaf  (n_rows), each below n_leaves. */
CLADE_API void clade_tree_apply(uint32_t *out_leaf, const clade_tree *tree, const float *value,
                                size_t n_rows);
/** Means or shares of each row's leaf. @param out  (n_rows, n_targets) row-major. */
CLADE_API void clade_tree_predict(float *out, const clade_tree *tree, const float *value,
                                  size_t n_rows);
/** The node of a leaf number. */
CLADE_API const clade_tree_node *clade_tree_leaf(const clade_tree *tree, size_t leaf);
/** Means or shares of a leaf: (n_targets), lent until the tree is cut or freed. */
CLADE_API const float *clade_tree_leaf_mean(const clade_tree *tree, size_t leaf);

/** One condition of a rule: low <= value < high, or absence where `unknown`. */
typedef struct clade_rule_term {
    size_t column;
    float  low;     /* -INFINITY: no lower end */
    float  high;    /* INFINITY: no upper end */
    bool   unknown; /* absence passes */
    bool   saw_nan; /* absence was seen where this was learnt: worth a word */
} clade_rule_term;

/**
 * What a leaf asks of a row: one term for each column on the way to it, the earliest split first. A
 * row is in the leaf exactly when every term holds.
 * @param out_terms  Room for as many terms as the tree has splits: (n_leaves - 1).
 * @return           The number of terms written; 0 when the tree is one leaf.
 */
CLADE_API size_t clade_tree_rule(clade_rule_term *out_terms, const clade_tree *tree, size_t leaf);
CLADE_API bool   clade_rule_holds(const clade_rule_term *terms, size_t n_terms, const float *row);
/** "spend_90d >= 120 and recency_days < 30", "true" without terms. */
CLADE_API void clade_rule_print(clade_buffer *out, const clade_rule_term *terms, size_t n_terms,
                                const char *const *names);

/** The tree as JSON, and back; equal bit for bit. */
CLADE_API CLADE_MUST_USE clade_status clade_tree_save(clade_buffer *out, const clade_tree *tree,
                                                      clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_tree_load(clade_tree **out_tree, const char *json,
                                                      size_t size, clade_error *err);

#endif
