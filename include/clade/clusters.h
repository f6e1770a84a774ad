/**
 * Clusters: groups of like customers, how many of them there really are, and how far each one can
 * be trusted.
 *
 * All of it works on a plain matrix, (n_rows, n_columns) row-major float without NAN: scale and
 * tame the features first (clade_scaler_fit, clade_projection_fit), or the largest unit wins.
 *
 * Repeatable  Every function here gives the same bits for the same input and seed whatever the
 *             number of threads; last bits may differ from one instruction set to another.
 */
#ifndef CLADE_CLUSTERS_H
#define CLADE_CLUSTERS_H

#include "clade/memory.h"

/** More clusters than a shop can act on; a limit that keeps sizes sane. */
#define CLADE_CLUSTERS_MAX 65536

/* ---- k-means --------------------------------------------------------------------------------- */

typedef struct clade_kmeans_options {
    size_t   k; /* 1 to the number of rows */
    uint64_t seed;
    size_t   n_starts;      /* seedings tried, the best goes on; 0 means 4 */
    size_t   max_iter;      /* of the refinement over all rows; 0 means 100 */
    double   tolerance;     /* stop when no centre moves further than this times the mean deviation
                               of a column; 0 goes on until no row changes its cluster */
    const float *start;     /* (k, d) centres to begin from; NULL seeds by k-means++ */
    bool         no_bounds; /* compute every distance: for comparison, the answer is the same */
} clade_kmeans_options;

/** A fitted clustering. Centres are in the order of falling weight, unless a start was given. */
typedef struct clade_kmeans {
    size_t  k;
    size_t  d;
    float  *centre;    /* (k, d) row-major */
    float  *shift;     /* (d) mean of the data; distances are taken around it */
    double *weight;    /* (k) rows, or their weights, in each cluster */
    double  objective; /* sum over rows of weight times squared distance to the centre */
    size_t  n_iter;    /* passes over all rows that moved centres */
    bool    converged;
    size_t  n_repaired;    /* times an empty cluster was given the row furthest from its centre */
    double  share_skipped; /* of row-by-centres searches that bounds made unnecessary */
} clade_kmeans;

/**
 * k-means: k centres that make the sum of squared distances small.
 *
 * Seeding is greedy k-means++ on a sample, refined there to the end from several starts; the best
 * is refined on a batch eight times as large and so on (growing batches), and last by Lloyd's
 * method on all rows. Searches that Hamerly's bounds prove needless are left out when that saves
 * time; labels are exactly those of the full search. A cluster that runs empty takes over the row
 * that is furthest from its centre.
 *
 * Shapes      x (n, d) row-major; out_label (n) or NULL; weight (n) or NULL for ones.
 * @param weight  Non-negative and finite, not all zero.
 * @return CLADE_OK; CLADE_ERR_ARG for k, n, d; CLADE_ERR_DATA naming row and column of a value that
 *         is not finite, a bad weight, or fewer distinct rows than k; CLADE_ERR_NOMEM;
 *         CLADE_ERR_INTERRUPTED. Outputs untouched on error.
 * Ownership   The caller frees with clade_kmeans_free, which accepts NULL. Borrows the rest.
 * Cost        O(n k d) a pass at most; 16 n bytes beside the data.
 * Source      Lloyd (1982), IEEE Trans. Information Theory 28(2), 129-137.
 *             Arthur and Vassilvitskii (2007), SODA, 1027-1035.
 *             Hamerly (2010), SIAM Data Mining, 130-140.
 *             Newling and Fleuret (2016), Nested mini-batch k-means, NIPS 29.
 */
CLADE_API CLADE_MUST_USE clade_status clade_kmeans_fit(clade_kmeans **out_model,
                                                       uint32_t *out_label, const float *x,
                                                       size_t n, size_t d, const float *weight,
                                                       const clade_kmeans_options *options,
                                                       clade_error                *err);
CLADE_API void                        clade_kmeans_free(clade_kmeans *model);

/** The nearest centre of each row of x (n, d), and its squared distance; either output may be NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_kmeans_assign(uint32_t *out_label, float *out_distance2,
                                                          const clade_kmeans *model, const float *x,
                                                          size_t n, clade_error *err);

/* ---- Gaussian mixture ------------------------------------------------------------------------ */

typedef enum clade_covariance_kind {
    CLADE_COVARIANCE_FULL,
    CLADE_COVARIANCE_DIAGONAL
} clade_covariance_kind;

typedef struct clade_mixture_options {
    size_t                k;
    clade_covariance_kind kind;
    uint64_t              seed;
    size_t                max_iter;  /* 0 means 200 */
    double                tolerance; /* gain of mean log-likelihood to stop at; 0 means 1e-6 */
    double                shrinkage; /* weight of the prior that pulls each covariance towards the
                                        pooled diagonal, in rows; 0 means d + 2 */
} clade_mixture_options;

typedef struct clade_mixture {
    size_t                k;
    size_t                d;
    clade_covariance_kind kind;
    double               *share;          /* (k) falling, sums to 1 */
    double               *mean;           /* (k, d) */
    double               *covariance;     /* (k, d, d), or (k, d) when diagonal */
    double               *whiten;         /* (k, d, d) inverse Cholesky factor, or (k, d) */
    double               *log_scale;      /* (k) log share - log sqrt|2 pi covariance| */
    double                log_likelihood; /* mean over rows, in nats */
    double                bic; /* -2 log-likelihood of all rows + parameters log n: low is good */
    size_t                n_iter;
    bool                  converged;
    double               *trace; /* (n_iter) what each pass raised: log posterior a row */
} clade_mixture;

/**
 * A mixture of Gaussians by expectation-maximisation from a k-means start.
 *
 * Each covariance carries a conjugate prior worth `shrinkage` rows of the pooled within-cluster
 * diagonal, so none collapses onto a point: what rises with every pass is the posterior.
 *
 * Shapes      x (n, d) row-major, finite; out_label (n), the likeliest component, or NULL.
 * @return As clade_kmeans_fit; CLADE_ERR_DATA also when all rows are equal.
 * Ownership   The caller frees with clade_mixture_free, which accepts NULL.
 * Cost        O(n k d^2) a pass for full covariances, O(n k d) for diagonal ones.
 * Source      Dempster, Laird and Rubin (1977), J. Royal Statistical Society B 39(1), 1-38.
 *             Fraley and Raftery (2007), Journal of Classification 24(2), 155-181 (the prior).
 */
CLADE_API CLADE_MUST_USE clade_status clade_mixture_fit(clade_mixture **out_model,
                                                        uint32_t *out_label, const float *x,
                                                        size_t n, size_t d,
                                                        const clade_mixture_options *options,
                                                        clade_error                 *err);
CLADE_API void                        clade_mixture_free(clade_mixture *model);

/**
 * Likeliest component, its chances and the density of each row.
 * Shapes      out_label (n), out_chance (n, k) rows summing to 1, out_log_density (n); any NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_mixture_assign(uint32_t *out_label, float *out_chance,
                                                           float               *out_log_density,
                                                           const clade_mixture *model,
                                                           const float *x, size_t n,
                                                           clade_error *err);

/* ---- Comparing two clusterings of the same rows -----------------------------------------------
 */

/**
 * Adjusted Rand index: 1 for the same groups, 0 on average for independent ones, NAN for n < 2. Two
 * clusterings that both put all rows in one group agree: 1.
 * Source      Hubert and Arabie (1985), Journal of Classification 2(1), 193-218.
 */
CLADE_API CLADE_MUST_USE clade_status clade_adjusted_rand(double *out_ari, const uint32_t *label_a,
                                                          size_t k_a, const uint32_t *label_b,
                                                          size_t k_b, size_t n, clade_error *err);

/**
 * Which cluster of b is which cluster of a: the pairing with the largest number of shared rows.
 *
 * Shapes      out_match (k_b): the cluster of a, or CLADE_NO_MATCH when a has fewer clusters.
 * Cost        O(n + max(k_a, k_b)^3) (Hungarian method).
 */
CLADE_API CLADE_MUST_USE clade_status clade_clusters_match(uint32_t       *out_match,
                                                           const uint32_t *label_a, size_t k_a,
                                                           const uint32_t *label_b, size_t k_b,
                                                           size_t n, clade_error *err);
#define CLADE_NO_MATCH UINT32_MAX

/** out_column[i] of row i, each column once, so that the sum of cost (n_rows, n_columns) is least;
 *  n_rows <= n_columns. Jonker-Volgenant shortest paths, O(n_rows^2 n_columns). */
CLADE_API CLADE_MUST_USE clade_status clade_assign_least_cost(uint32_t     *out_column,
                                                              const double *cost, size_t n_rows,
                                                              size_t n_columns, clade_error *err);

/**
 * For each cluster of a, the largest Jaccard similarity with any cluster of b.
 * Shapes      out_jaccard (k_a); NAN for a cluster of a without rows. Labels of CLADE_NO_MATCH in
 *             either mark rows to leave out.
 */
CLADE_API CLADE_MUST_USE clade_status clade_clusters_jaccard(double         *out_jaccard,
                                                             const uint32_t *label_a, size_t k_a,
                                                             const uint32_t *label_b, size_t k_b,
                                                             size_t n, clade_error *err);

/* ---- Stability ------------------------------------------------------------------------------- */

/**
 * A way of making clusters, so that any segmentation can be asked how stable it is.
 *
 * Learn from the listed rows of the caller's data (repeats count as often as they appear) and label
 * all n rows.
 *
 * @param out_label  (n), each below k or CLADE_NO_MATCH.
 * @param row        (n_rows) indices into the caller's data.
 */
typedef clade_status (*clade_cluster_method)(uint32_t *out_label, const uint32_t *row,
                                             size_t n_rows, uint64_t seed, void *context,
                                             clade_error *err);

/**
 * Bootstrap Jaccard of each cluster: learn again from n rows drawn with replacement, find the most
 * similar new cluster among the rows that were drawn, and average over draws. Hennig's rule of
 * thumb: above 0.75 valid, above 0.85 highly stable, below 0.6 not to be trusted.
 *
 * Shapes      out_jaccard (k), out_recovered (k) share of draws above 0.75, or NULL; label (n).
 * @param n_draws  0 means 50.
 * @return What the method returns, CLADE_ERR_ARG, CLADE_ERR_NOMEM, CLADE_ERR_INTERRUPTED.
 * Source      Hennig (2007), Computational Statistics and Data Analysis 52(1), 258-271.
 */
CLADE_API CLADE_MUST_USE clade_status clade_cluster_stability(
    double *out_jaccard, double *out_recovered, const uint32_t *label, size_t k, size_t n,
    clade_cluster_method method, void *context, size_t n_draws, uint64_t seed, clade_error *err);

/** The same for k-means on x: k-means is the method, started with the model's k. */
CLADE_API CLADE_MUST_USE clade_status
clade_kmeans_stability(double *out_jaccard, double *out_recovered, const clade_kmeans *model,
                       const float *x, size_t n, size_t n_draws, uint64_t seed, clade_error *err);

/** What splitting in halves said about one number of clusters. */
typedef struct clade_k_evidence {
    size_t k;
    double strength; /* prediction strength, mean over splits; 1 when every pair stays together */
    double strength_se; /* its standard error */
    double rand_index;  /* adjusted Rand index between the two halves' clusterings of one half */
    double objective;   /* a row of the sample: mean squared distance to the centre, or of a mixture
                           -log density */
} clade_k_evidence;

typedef struct clade_choose_k_options {
    size_t   k_min;    /* 0 means 2 */
    size_t   k_max;    /* 0 means 12 */
    size_t   n_splits; /* 0 means 12 */
    size_t   max_rows; /* sampled for the question; 0 means 20,000 */
    double   limit;    /* prediction strength that counts as stable; 0 means 0.8 */
    uint64_t seed;
} clade_choose_k_options;

/**
 * How many clusters the data supports, by stability.
 *
 * For each k the rows are split in halves, both halves are clustered, and the second half is
 * labelled by the first one's centres: in the worst cluster, the share of pairs of the second half
 * that stay together is the prediction strength. The answer is the largest k whose mean strength
 * plus one standard error reaches the limit.
 *
 * @param out_k         1 when no k in the range does: the data has no clusters that would be found
 *                      again.
 * @param out_best      The k of the largest mean strength, for callers that must cut anyway; or
 * NULL.
 * @param out_evidence  (k_max - k_min + 1), or NULL.
 * @return As clade_kmeans_fit.
 * Source      Tibshirani and Walther (2005), J. Computational and Graphical Statistics 14(3),
 * 511-528.
 */
CLADE_API CLADE_MUST_USE clade_status clade_kmeans_choose_k(size_t *out_k, size_t *out_best,
                                                            clade_k_evidence *out_evidence,
                                                            const float *x, size_t n, size_t d,
                                                            const clade_choose_k_options *options,
                                                            clade_error                  *err);

/**
 * The same question of a mixture of Gaussians: how many components would be found again. A row is
 * labelled by its likeliest component.
 *
 * @param kind  Covariance of the components.
 */
CLADE_API CLADE_MUST_USE clade_status clade_mixture_choose_k(
    size_t *out_k, size_t *out_best, clade_k_evidence *out_evidence, const float *x, size_t n,
    size_t d, clade_covariance_kind kind, const clade_choose_k_options *options, clade_error *err);

#endif
