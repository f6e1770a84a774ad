/**
 * Additive models: a readable sum of bent lines, fitted in closed form.
 *
 * Shops are small and noisy, and what the next 90 days depend on is nearly additive: an additive
 * model with a dozen effective degrees of freedom comes close to tuned boosted trees, while its
 * ranking of customers hardly moves when the data is resampled. Segments that stand on it hold
 * still. docs/maths/outlook.md has the figures and where they come from.
 *
 *     z_j  = clip((slog(x_j) - center_j) / scale_j, -3, 3),   slog(x) = sign(x) log(1 + |x|)
 *     y_t  = intercept_t + sum_j sum_k c_tjk b_k(z_j),        b = z, (z+1)+, (z)+, (z-1)+
 *
 * fitted by ridge regression on columns scaled by how much each has to do with the targets, with
 * the penalty chosen so that a given number of effective degrees of freedom remains. A target may
 * bend between 0 and a top: then y_t = top_t / (1 + exp(-sum)), a fractional logit. The sum stays
 * additive, and it ranks customers; only its unit is another.
 */
#ifndef CLADE_LINEAR_H
#define CLADE_LINEAR_H

#include "clade/memory.h"

enum { CLADE_ADDITIVE_TARGETS_MAX = 2, CLADE_ADDITIVE_TERMS_MAX = 256 };

typedef struct clade_additive_term {
    uint32_t column;
    double   center, scale; /* of slog(x) */
    double   knot;          /* -INFINITY: z itself; else the bend */
    double   mean;          /* of the term over the customers it was fitted on */
    double   coefficient[CLADE_ADDITIVE_TARGETS_MAX];
} clade_additive_term;

/** Terms are in rising order of column, then of knot. */
typedef struct clade_additive {
    size_t              n_targets;
    size_t              n_terms;
    double              intercept[CLADE_ADDITIVE_TARGETS_MAX]; /* the sum where all terms are 0 */
    double              top[CLADE_ADDITIVE_TARGETS_MAX]; /* 0: the sum itself is the prediction */
    double              df, penalty;                     /* effective degrees of freedom; lambda */
    clade_additive_term term[CLADE_ADDITIVE_TERMS_MAX];
} clade_additive;

/** slog(x) of n values, as the model reads them: for callers that fit the same customers many times
 *  and then pass `logged`. out may be x. */
CLADE_API void clade_signed_log(float *out, const float *x, size_t n);

/**
 * Fit.
 *
 * @param logged   x holds slog(x) already. The result is the same bit for bit.
 *
 * Shapes      x (n, p) row-major, NAN is absence and counts as the mean; y (n, n_targets)
 * row-major.
 * @param weight   (n) or NULL: how often each row counts. Rows of weight 0 are not looked at, so
 * folds and resamples need no copy.
 * @param df       Effective degrees of freedom, above 0; 8 to 12 suit a few thousand customers.
 * @param n_terms  Most terms to keep, at most CLADE_ADDITIVE_TERMS_MAX: those that have most to do
 * with the targets.
 * @return CLADE_ERR_DATA when no column has anything to do with any target (all constant), or a
 * target is not finite; CLADE_ERR_ARG for the sizes.
 *
 * Threads     Safe at once on different out_model. Runs on the calling thread.
 * Repeatable  Bit for bit.
 * Cost        O(n p + n n_terms^2 + n_terms^3).
 * Source      Hoerl and Kennard (1970), Technometrics 12(1), 55-67; effective degrees of freedom as
 * in Hastie, Tibshirani, Friedman (2009), Elements of Statistical Learning, 3.50.
 */
CLADE_API CLADE_MUST_USE clade_status clade_additive_fit(clade_additive *out_model, const float *x,
                                                         bool logged, size_t n, size_t p,
                                                         const double *y, size_t n_targets,
                                                         const double *weight, double df,
                                                         size_t n_terms, clade_error *err);

/** How stiff a model is, and which of its targets bend. */
typedef struct clade_additive_shape {
    double df;
    double top[CLADE_ADDITIVE_TARGETS_MAX]; /* above the mean of any customers; 0: straight */
} clade_additive_shape;

/**
 * The same of several shapes at once: terms are chosen, and their Gram matrix made and reduced,
 * once for all of them, and that is most of the work.
 *
 * A bent target must not be below 0. It is fitted by the binomial quasi-likelihood of y / top,
 * with the penalty that leaves `df` to the straight fit, times the mean curvature of the logit.
 *
 * Shapes      out_models (n_shapes), shape (n_shapes), slog (n, p) as clade_signed_log makes it.
 * @param n_shapes  At least 1.
 * @return As clade_additive_fit; out_models is untouched on error.
 * Cost        That of clade_additive_fit, and for each bent target a dozen passes over n x n_terms
 *             doubles, which are kept meanwhile.
 * Source      Papke and Wooldridge (1996), Journal of Applied Econometrics 11, 619-632.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_additive_fit_shapes(clade_additive *out_models, const clade_additive_shape *shape,
                          size_t n_shapes, const float *slog, size_t n, size_t p, const double *y,
                          size_t n_targets, const double *weight, size_t n_terms, clade_error *err);

/** out (n, n_targets) row-major. Adds terms in their order: one row gives the same bits as a batch.
 */
CLADE_API void clade_additive_predict(double *out, const clade_additive *model, const float *x,
                                      bool logged, size_t n, size_t p);

/** The same of all models of one clade_additive_fit_shapes, whose terms are worked out once for
 *  each row. out (n_shapes, n, n_targets): bit for bit what clade_additive_predict gives each. */
CLADE_API void clade_additive_predict_shapes(double *out, const clade_additive *models,
                                             size_t n_shapes, const float *x, bool logged, size_t n,
                                             size_t p);

/** The prediction where no column says anything: of the average customer, all terms 0. */
CLADE_API double clade_additive_average(const clade_additive *model, size_t target);

/** What each column adds for one customer, against the average one: out (p), summing with
 *  clade_additive_average to the prediction of `target`. Where the target bends, what columns add
 *  to the sum is multiplied with the mean slope on the way (Aumann and Shapley). */
CLADE_API void clade_additive_explain(double *out, const clade_additive *model, const float *row,
                                      size_t p, size_t target);

/**
 * Ridge regression by one Householder tridiagonalisation: afterwards the trace of the hat matrix
 * and the solution cost O(p) and O(p^2) for any penalty, so the penalty that leaves `df` is found
 * by bisection for nothing.
 *
 * @param out_coefficient  (p, n_targets) row-major.
 * @param gram             (p, p) symmetric, both halves filled; destroyed.
 * @param moment           (p, n_targets) row-major: X'y; destroyed.
 */
CLADE_API CLADE_MUST_USE clade_status clade_ridge_solve(double *out_coefficient,
                                                        double *out_penalty, double *gram,
                                                        double *moment, size_t p, size_t n_targets,
                                                        double df, clade_error *err);

#endif
