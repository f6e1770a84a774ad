/* Many ridge regressions on one Gram matrix: any penalty, any right-hand side. */
#ifndef CLADE_LINEAR_RIDGE_H
#define CLADE_LINEAR_RIDGE_H

#include "clade/linear.h"

/** G = Q T Q' with T tridiagonal. Row k of `a` holds the k-th reflector v_k in columns k+1 .. p-1,
 * scaled so that H = I - v v'. */
typedef struct clade__ridge {
    size_t  p;
    double *a;        /* (p, p) row-major, borrowed from who made it */
    double *diagonal; /* (p), owned, with side and scratch behind it */
    double *side;     /* (p): side[i] couples i and i+1 */
    double *scratch;  /* (2 p): so that one ridge serves one thread at a time */
    double  trace;    /* of G */
} clade__ridge;

/** gram (p, p), both halves filled, is destroyed and kept: it must outlive the ridge. Free with
 * clade__ridge_free. Cost: O(p^3). */
CLADE_MUST_USE clade_status clade__ridge_make(clade__ridge *out, double *gram, size_t p,
                                              clade_error *err);
void                        clade__ridge_free(clade__ridge *ridge);
/** The penalty l that leaves tr G (G + l I)^-1 = df. Cost: O(p). */
double clade__ridge_penalty(const clade__ridge *ridge, double df);
/** moment (p, n_targets) <- (G + penalty I)^-1 moment. Cost: O(p^2). */
void clade__ridge_apply(double *moment, const clade__ridge *ridge, double penalty,
                        size_t n_targets);

#endif
