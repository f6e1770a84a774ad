/**
 * Zero-inflated lognormal regression: whether somebody spends at all, and how much if they do.
 *
 *     P(y > 0) = 1 / (1 + exp(-a)),   log y | y > 0  ~  Normal(mu, s^2),   E y = P(y > 0) e^(mu +
 * s^2/2)
 *
 * a, mu and log s are lines in standardised columns z_j = clip((slog(x_j) - mean_j) / spread_j, -3,
 * 3), slog(x) = sign(x) log(1 + |x|): the heads of the paper without its hidden layers.
 */
#ifndef CLADE_ZILN_H
#define CLADE_ZILN_H

#include "clade/memory.h"

enum { CLADE_ZILN_MAX_COLUMNS = 4096 };

/** const after the fit, and shared between threads. One block of memory: free() frees it. */
typedef struct clade_ziln {
    size_t  p;
    double *mean, *spread; /* (p) of signed logs; spread 0: constant, looked at by no line */
    double *chance;        /* (p + 1) of a, the intercept last; */
    double *log_mean;      /* (p + 1) of mu, */
    double *log_spread;    /* (p + 1) and of log s */
} clade_ziln;

/** With p columns and all numbers 0; NULL without memory, or above CLADE_ZILN_MAX_COLUMNS. */
CLADE_API clade_ziln *clade_ziln_create(size_t p);

/**
 * Fit by maximum likelihood with a ridge on the coefficients (fourfold on those of log s).
 *
 * Intercepts are held near what the amounts as a whole say by the weight of one row, so there is
 * always a maximum, also where nobody spent or one alone did.
 *
 * Shapes      x (n, p) row-major, NAN is absence and counts as the mean; y (n) amounts.
 * @param ridge  Above 0: penalty ridge / 2 |coefficients|^2 beside the mean loss of a row.
 * @param start  A fit of the same columns to start from, or NULL.
 * @return CLADE_OK; CLADE_ERR_ARG for n, p or the ridge; CLADE_ERR_DATA naming an amount below 0 or
 *         not finite, or an infinite value; CLADE_ERR_NOMEM.
 * Ownership   The caller frees *out with free().
 * Repeatable  Bit for bit: sums run in the order of rows, on the calling thread.
 * Cost        O(n p) a step of L-BFGS, at most 200 of them; 4 n p bytes.
 * Source      Wang, Liu and Miao (2019), "A deep probabilistic model for customer lifetime value
 *             prediction", arXiv:1912.07753. Liu and Nocedal (1989), Math. Programming 45, 503-528.
 */
CLADE_API CLADE_MUST_USE clade_status clade_ziln_fit(clade_ziln **out, const float *x, size_t n,
                                                     size_t p, const double *y, double ridge,
                                                     const clade_ziln *start, clade_error *err);

/** The log of the expected amount of each row: out (n), x (n, p). s is held to [0.05, 2.5], beyond
 *  which a mean of e^(s^2 / 2) tells nothing. Allocates nothing. */
CLADE_API void clade_ziln_predict(double *out, const clade_ziln *model, const float *x, size_t n);

/** What each column adds to the log of the expected amount, to first order around the average row:
 *  out (p). Returns what the average row is expected to spend, as a log. */
CLADE_API double clade_ziln_terms(double *out, const clade_ziln *model, const float *row);

#endif
