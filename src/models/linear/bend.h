/* The penalised logit of a share, on the Gram matrix that the straight fit has already. */
#ifndef CLADE_LINEAR_BEND_H
#define CLADE_LINEAR_BEND_H

#include "ridge.h"

/** Rows as the Gram matrix was made of: each column's weighted mean is zero. */
typedef struct clade__bend_data {
    const double *row;   /* (n, p) row-major */
    const double *share; /* (n): at least 0; above 1 is allowed for single rows, not for the mean */
    const double *weight; /* (n) above 0 */
    size_t        n;
} clade__bend_data;

/**
 * Find b0, b so that share is about 1 / (1 + exp(-(b0 + row . b))): the maximum of the binomial
 * quasi-likelihood less c l |b|^2 / 2, with l `penalty` and c the mean curvature q (1 - q) at the
 * solution, so that l leaves about as many degrees of freedom as it does of the straight fit.
 *
 * Each step solves (G / 4 + c l I) d = gradient: G / 4 is at least the true curvature, so that no
 * step goes too far, and no second Gram matrix is made.
 *
 * @param coefficient  (p) In: the straight fit of share. Out: b.
 * @param scratch      (p).
 * Cost                O(n p + p^2) a step, a dozen steps as a rule.
 * Source              Papke and Wooldridge (1996), Journal of Applied Econometrics 11, 619-632; the
 *                     bound: Böhning and Lindsay (1988), Annals of the ISM 40, 641-663.
 */
void clade__bend(double *coefficient, double *out_intercept, const clade__ridge *ridge,
                 double penalty, const clade__bend_data *data, double *scratch);

#endif
