/**
 * Numeric: orders, quantiles, special functions, small linear algebra, scaling of feature matrices,
 * and the kernels that clustering lives on.
 *
 * Matrices of data are float, (n_rows, n_columns) row-major, with NAN for absence. Statistics of
 * them are double. Long sums run in blocks of a fixed number of rows that are combined in index
 * order, so that no result depends on the number of threads.
 *
 * Kernels come in three instruction sets (plain C, AVX2 with FMA, AVX-512F); the best one that the
 * processor has is chosen when the program starts. Results may differ in the last bits from one
 * instruction set to another, and never from one thread count to another.
 */
#ifndef CLADE_NUMERIC_H
#define CLADE_NUMERIC_H

#include "clade/memory.h"

/* ---- Order ----------------------------------------------------------------------------------- */

/** Rows that one order, one fit or one metric may hold; exact 64-bit rank sums rest on it. */
#define CLADE_ROWS_MAX ((size_t)1 << 31)

/**
 * The order of rising value: value[out_order[0]] <= value[out_order[1]] <= ...
 *
 * Stable: equal values keep their order, -0 equals +0, and NANs come last.
 *
 * Shapes      out_order (n); value[i * stride] for i in [0, n).
 * @param n    At most CLADE_ROWS_MAX.
 * @return CLADE_OK; CLADE_ERR_ARG for n; CLADE_ERR_NOMEM.
 * Cost        O(n) time (radix sort, passes in which all digits agree are left out), 24 n bytes.
 */
CLADE_API CLADE_MUST_USE clade_status clade_order_f64(uint32_t *out_order, const double *value,
                                                      size_t stride, size_t n, clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_order_f32(uint32_t *out_order, const float *value,
                                                      size_t stride, size_t n, clade_error *err);

/** Sort in place, NANs last. Allocates nothing. Cost O(n log n) also in the worst case. */
CLADE_API void clade_sort_f64(double *value, size_t n);

/**
 * The quantile of a rising array without NANs, interpolated between neighbours (type 7 of Hyndman
 * and Fan 1996, The American Statistician 50(4), 361-365; the default of R and NumPy).
 * NAN when n is 0. `p` in [0, 1].
 */
CLADE_API double clade_quantile_sorted(const double *sorted, size_t n, double p);
/** The same of an array in any order, which it reorders. Cost O(n) on average (selection). */
CLADE_API double clade_quantile_f64(double *value, size_t n, double p);

/* ---- Special functions ----------------------------------------------------------------------- */

/** Chance that a standard normal is at most z; accurate in both tails. */
CLADE_API double clade_normal_cdf(double z);
/** Inverse of the above; p in (0, 1), else NAN or an infinity at 0 and 1. */
CLADE_API double clade_normal_quantile(double p);
/** Regularised incomplete beta I_x(a, b); a, b > 0, x in [0, 1]. */
CLADE_API double clade_beta_cdf(double x, double a, double b);
/** Student's t with `df` > 0 degrees of freedom. */
CLADE_API double clade_student_cdf(double t, double df);
CLADE_API double clade_student_quantile(double p, double df);

#endif
