/* The penalised logit of a share, on the Gram matrix that the straight fit has already. */
#ifndef CLADE_LINEAR_BEND_H
#define CLADE_LINEAR_BEND_H

#include "ridge.h"

/* Steps that are remembered, and doubles of scratch for p columns. */
enum { CLADE__BEND_MEMORY = 5 };
#define CLADE__BEND_SCRATCH(p) ((4 + 2 * CLADE__BEND_MEMORY) * ((p) + 1))

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
 * A step solves (c G + c l I) d = gradient, which needs no second Gram matrix, and the last steps
 * are combined into the next (Anderson). Should that lead astray, steps on G / 4 end the search:
 * it is at least the true curvature, so that no step goes too far.
 *
 * @param coefficient  (p) In: the straight fit of share. Out: b.
 * @param scratch      (CLADE__BEND_SCRATCH(p)).
 * Cost                O(n p + p^2) a step, 5 to 15 steps as a rule, 40 at most.
 * Source              Papke and Wooldridge (1996), Journal of Applied Econometrics 11, 619-632; the
 *                     steps: Anderson (1965), Journal of the ACM 12, 547-560; the bound: Böhning
 *                     and Lindsay (1988), Annals of the ISM 40, 641-663.
 */
void clade__bend(double *coefficient, double *out_intercept, const clade__ridge *ridge,
                 double penalty, const clade__bend_data *data, double *scratch);

#endif
