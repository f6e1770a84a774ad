/* Cutting a score into bands that lose as little as can be. */
#ifndef CLADE_ENGINE_BANDS_H
#define CLADE_ENGINE_BANDS_H

#include "clade/run.h"

enum { CLADE_BANDS_MAX = 12, CLADE_BANDS_BINS = 80 };

/** Edges for every number of bands at once: edge[k - 1] holds the k - 1 rising edges of k bands. */
typedef struct clade__bands {
    size_t most; /* cuts into 1 .. most bands exist: ties and small shops leave no room for more */
    double edge[CLADE_BANDS_MAX][CLADE_BANDS_MAX];
} clade__bands;

/**
 * Cut customers, ordered by `order`, into groups so that the sum of squares of `value` inside
 * groups is least (Fisher 1958, "On grouping for maximum homogeneity", JASA 53): exact over
 * intervals of 80 equal-count bins, no group below `least` of the customers. The edges are the mean
 * over n_draws Bayesian bootstraps (Rubin 1981) of the bins, which makes them hold still when
 * customers come and go.
 *
 * Shapes      order (n); value (n, n_values) row-major, n_values at most 2.
 * Cost        O(n log n + n_draws * CLADE_BANDS_MAX * CLADE_BANDS_BINS^2).
 */
CLADE_MUST_USE clade_status clade__bands_cut(clade__bands *out, const double *order,
                                             const double *value, size_t n, size_t n_values,
                                             double least, size_t n_draws, clade_rng *rng,
                                             clade_error *err);

/** How many of the n_bands - 1 edges lie at or below a score. */
size_t clade__band_of(double score, const double *edge, size_t n_bands);

#endif
