/* Cutting a score into bands that lose as little as can be. */
#ifndef CLADE_ENGINE_BANDS_H
#define CLADE_ENGINE_BANDS_H

#include "clade/run.h"

enum { CLADE_BANDS_MAX = 12, CLADE_BANDS_BINS = 80 };

/**
 * Edges that cut customers, ordered by `order`, into n_bands groups so that the sum of squares of
 * `value` inside groups is least (Fisher 1958, "On grouping for maximum homogeneity", JASA 53):
 * exact over intervals of 80 equal-count bins, no band below `least` of the customers. The edges
 * are the mean over n_draws Bayesian bootstraps (Rubin 1981) of the bins, which makes them hold
 * still when customers come and go.
 *
 * Shapes      out_edge (n_bands - 1), rising; order (n); value (n, n_values) row-major.
 * @param out_n_bands  Fewer than asked for where ties or `least` leave no room; at least 1.
 * Cost        O(n log n + n_draws * n_bands * bins^2).
 */
CLADE_MUST_USE clade_status clade__bands_cut(double *out_edge, size_t *out_n_bands, size_t n_bands,
                                             const double *order, const double *value, size_t n,
                                             size_t n_values, double least, size_t n_draws,
                                             clade_rng *rng, clade_error *err);

/** How many edges lie at or below a score. */
size_t clade__band_of(double score, const double *edge, size_t n_bands);

#endif
