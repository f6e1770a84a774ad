/* The loss of ziln.c, for its test. */
#ifndef CLADE_VALUE_ZILN_INTERNAL_H
#define CLADE_VALUE_ZILN_INTERNAL_H

#include "clade/ziln.h"

/* Rows as lines see them, and where the intercepts are held. */
typedef struct clade__ziln_rows {
    size_t        n, p;
    const float  *z;         /* (n, p) */
    const double *y;         /* (n) */
    double        middle[3]; /* of the intercepts of a, mu and log s */
    double        ridge;
} clade__ziln_rows;

/* Mean negative log likelihood without its constants, and the ridge, at theta (3, p + 1): a, mu,
 * log s, each with its intercept last. out_gradient (3, p + 1) or NULL. */
double clade__ziln_loss(double *out_gradient, const double *theta, const clade__ziln_rows *rows);

#endif
