/**
 * Logistic regression with an elastic net: few coefficients where many columns say the same, along
 * a whole path of penalties, each fit starting at the one before.
 *
 *     minimise  -1/n sum_i log p(y_i | z_i) + lambda ((1 - alpha)/2 |b|^2 + alpha |b|_1)
 *
 * over an intercept and coefficients b of the standardised columns z_j = (x_j - mean_j) / scale_j;
 * the intercept is not penalised.
 */
#ifndef CLADE_ELASTIC_NET_H
#define CLADE_ELASTIC_NET_H

#include "clade/memory.h"

enum { CLADE_ELASTIC_NET_LAMBDAS_MAX = 200 };

/** Start from { 0 } and change what matters. */
typedef struct clade_elastic_net_options {
    double        alpha;     /* 0 means 0.5; in (0, 1]: 1 is the lasso */
    size_t        n_lambda;  /* 0 means 40 penalties, falling evenly in their logarithm */
    double        ratio;     /* last over first penalty, in (0, 1); 0 means 0.001 */
    const double *lambda;    /* (n_lambda) falling, above 0, instead of the two; or NULL */
    double        tolerance; /* squared change of the logit that counts as none; 0 means 1e-7 */
} clade_elastic_net_options;

/** A path of fits. const after the fit, and shared between threads. */
typedef struct clade_elastic_net {
    size_t  p;
    size_t  n_lambda;
    double *mean, *scale; /* (p) of each column over the rows it is known in; scale 0: constant */
    double *lambda;       /* (n_lambda) falling */
    double *intercept;    /* (n_lambda) */
    double *coefficient;  /* (n_lambda, p) row-major, of standardised columns */
} clade_elastic_net;

/**
 * Fit the path.
 *
 * The first penalty is the least one at which all coefficients are 0. Each fit is Newton's method
 * whose quadratic steps are solved by cyclic coordinate descent: over the coefficients that are not
 * 0, until those rest, and then once over all.
 *
 * Shapes      x (n, p) row-major, NAN is absence and counts as the mean; label (n) 0 or 1.
 * @param options  May be NULL.
 * @return CLADE_ERR_ARG for sizes and options; CLADE_ERR_DATA for an infinite value, a label above
 *         1, one class alone, or columns that are all constant; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_elastic_net_free, which accepts NULL.
 * Threads     Safe at once on different out_model. Runs on the calling thread.
 * Repeatable  Bit for bit: sums run in the order of rows.
 * Cost        O(n p) a pass; about 0.3 s for 7,000 rows, 60 columns and 40 penalties. 8 n p bytes.
 * Source      Friedman, Hastie and Tibshirani (2010), J. of Statistical Software 33(1).
 */
CLADE_API CLADE_MUST_USE clade_status clade_elastic_net_fit(
    clade_elastic_net **out_model, const float *x, size_t n, size_t p, const uint8_t *label,
    const clade_elastic_net_options *options, clade_error *err);
CLADE_API void clade_elastic_net_free(clade_elastic_net *model);

/** Logits of n rows by the fit at penalty `which` (below n_lambda); x (n, p) as in the fit. */
CLADE_API void clade_elastic_net_predict(double *out_logit, const clade_elastic_net *model,
                                         size_t which, const float *x, size_t n);

#endif
