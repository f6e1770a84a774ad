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
/** Sort in place without NANs, -0 as +0. spare (2 n) is written. At most UINT32_MAX. Cost O(n). */
CLADE_API void clade_sort_f32(float *value, uint32_t *spare, size_t n);

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

/* ---- Small dense algebra in double ----------------------------------------------------------- */

/**
 * Eigenvalues and vectors of a symmetric matrix by cyclic Jacobi rotations, which find small
 * eigenvalues to high relative accuracy and always the same signs.
 *
 * Shapes      out_value (n), falling; out_vector (n, n), row i belongs to out_value[i], unit
 * length, its largest component positive. a (n, n) row-major; only its lower half is read.
 * @return CLADE_OK; CLADE_ERR_DATA when an entry is not finite; CLADE_ERR_NOMEM.
 * Cost        O(n^3) times about eight sweeps: 0.1 s for n = 100.
 * Source      Golub and Van Loan (2013), Matrix Computations, 4th ed., 8.5.
 */
CLADE_API CLADE_MUST_USE clade_status clade_eigen_symmetric(double *out_value, double *out_vector,
                                                            const double *a, size_t n,
                                                            clade_error *err);

/**
 * Cholesky: a = L L', L written over the lower half of a; the upper half is set to zero.
 * @return false when a pivot is not positive (a is then in an undefined state): a matrix of data
 *         that is not positive definite is an answer, and the caller adds a ridge.
 */
CLADE_API CLADE_MUST_USE bool clade_cholesky(double *a, size_t n);
/** Inverse of a lower triangle, in place; the upper half is not touched. */
CLADE_API void clade_lower_invert(double *lower, size_t n);

/* ---- Statistics of a data matrix ------------------------------------------------------------- */

/** Larger values have squares that a float cannot hold; scaling comes first. */
#define CLADE_VALUE_MAX 1e15f

/** CLADE_ERR_DATA naming row and column of the first entry that is not finite, or that is larger
 * than CLADE_VALUE_MAX. */
CLADE_API CLADE_MUST_USE clade_status clade_matrix_check(const float *x, size_t n, size_t n_columns,
                                                         clade_error *err);

/**
 * Means and covariance (dividing by the total weight) of the columns of x.
 *
 * Shapes      out_mean (d); out_covariance (d, d) or NULL; x (n, d) row-major, finite; weight (n),
 *             non-negative, or NULL for ones.
 * @return CLADE_OK; CLADE_ERR_ARG for n or the weights' sum of 0; CLADE_ERR_NOMEM.
 * Repeatable  Bit for bit. Two passes, so that large means do not cancel.
 * Cost        O(n d^2) time on all threads.
 */
CLADE_API CLADE_MUST_USE clade_status clade_covariance(double *out_mean, double *out_covariance,
                                                       const float *x, const float *weight,
                                                       size_t n, size_t d, clade_error *err);
/** Covariance to correlation, in place. A column without variance correlates 0, with itself 1. */
CLADE_API void clade_correlation_of(double *covariance, size_t d);

/** Doubles in a row of the buffers of clade_gram_add: d rounded up to a multiple of 8. */
static inline size_t clade_gram_stride(size_t d)
{
    return (d + 7) / 8 * 8;
}
/**
 * gram += left' right over n_rows rows; only entries with column <= row are promised.
 *
 * Shapes      gram (stride, stride), left and right (n_rows, stride), zero from d on;
 *             stride = clade_gram_stride(d).
 * Repeatable  The same bits in every instruction set: no fused multiply-add.
 */
CLADE_API void clade_gram_add(double *gram, const double *left, const double *right, size_t n_rows,
                              size_t d);

/* ---- Scaling: columns made comparable -------------------------------------------------------- */

typedef enum clade_impute {
    CLADE_IMPUTE_MEDIAN,    /* absence reads as the middle of the column */
    CLADE_IMPUTE_INDICATOR, /* the same, and one more column says 1 where it was absent */
    CLADE_IMPUTE_LOW,       /* absence reads as the 5 % quantile: for "never happened" */
} clade_impute;

typedef struct clade_scaler_options {
    const uint8_t *skewed; /* (d) 1: read through sign(x) log(1 + |x|); NULL: where that halves
                              the column's skewness, and it was above 1 */
    clade_impute impute;
    double       clip; /* scaled values are kept in [-clip, clip]; 0 means 4 */
} clade_scaler_options;

/** How one output column is made of an input column. */
typedef struct clade_scaled_column {
    uint32_t source;    /* input column */
    bool     indicator; /* 1 where the source is absent, then scaled like a share */
    bool     logged;    /* sign(x) log(1 + |x|) first */
    double   centre;    /* median, of the logged value where logged */
    double   scale;     /* IQR / 1.349, or the standard deviation where the IQR is 0 */
    double   fill;      /* value that stands for absence, already scaled */
} clade_scaled_column;

/** Learnt on one set of customers, applied to any. Constant and wholly absent columns are left out,
 *  and listed so that nobody has to guess. */
typedef struct clade_scaler {
    size_t               n_in;
    size_t               n_out;
    clade_scaled_column *column; /* (n_out), by source, value before indicator */
    size_t               n_dropped;
    uint32_t            *dropped; /* (n_dropped) sources that hold one value or none */
    double               clip;
} clade_scaler;

/**
 * Learn a robust scaling of the columns of x.
 *
 * Shapes      x (n, d) row-major; NAN is absence, infinities are refused.
 * @param options  May be NULL.
 * @return CLADE_OK; CLADE_ERR_ARG for n or d of 0; CLADE_ERR_DATA for an infinity; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_scaler_free, which accepts NULL.
 * Repeatable  Bit for bit. Columns are tasks.
 * Cost        O(n d) time. Medians and quartiles come from at most 200,000 rows, evenly spaced,
 * where they are known to about 0.3 % of the spread; what is constant or absent, from all.
 */
CLADE_API CLADE_MUST_USE clade_status clade_scaler_fit(clade_scaler **out_scaler, const float *x,
                                                       size_t n, size_t d,
                                                       const clade_scaler_options *options,
                                                       clade_error                *err);
CLADE_API void                        clade_scaler_free(clade_scaler *scaler);
/** out (n, n_out) from x (n, n_in); must not overlap. An infinity is clipped like any large value.
 */
CLADE_API void clade_scaler_apply(float *out, const clade_scaler *scaler, const float *x, size_t n);

/* ---- Taming: columns that say the same thing ------------------------------------------------- */

typedef enum clade_tame {
    CLADE_TAME_LEADERS, /* of a group of columns with |rho| above the limit, keep the first */
    CLADE_TAME_AVERAGE, /* put the group's average, signs turned to agree, in its place */
    CLADE_TAME_PCA,     /* principal components, each divided by a power of its deviation */
} clade_tame;

typedef struct clade_tame_options {
    clade_tame method;
    double     rho_limit; /* 0 means 0.95 */
    double     variance;  /* PCA: keep components that explain this share; 0 means 0.95 */
    double     whiten;    /* PCA: 0 rotates only, 1 makes all deviations one, 0.5 between */
} clade_tame_options;

/** A linear map: out = (x - centre) map. */
typedef struct clade_projection {
    size_t    n_in;
    size_t    n_out;
    double   *centre; /* (n_in) */
    double   *map;    /* (n_in, n_out) row-major */
    uint32_t *leader; /* (n_in) the column that stands for each (itself for leaders and in PCA) */
} clade_projection;

/**
 * Learn how to stop correlated columns from counting twice in a distance.
 *
 * Groups are formed in column order: a column joins the first leader with |rho| above the limit,
 * else it leads a group of its own; so put the plainest columns first.
 *
 * Shapes      x (n, d) row-major, finite (scaled and filled).
 * @return CLADE_OK; CLADE_ERR_ARG; CLADE_ERR_DATA for a value that is not finite; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_projection_free, which accepts NULL.
 * Cost        O(n d^2 + d^3).
 */
CLADE_API CLADE_MUST_USE clade_status clade_projection_fit(clade_projection **out_projection,
                                                           const float *x, size_t n, size_t d,
                                                           const clade_tame_options *options,
                                                           clade_error              *err);
CLADE_API void                        clade_projection_free(clade_projection *projection);
/** out (n, n_out) from x (n, n_in); must not overlap. */
CLADE_API void clade_projection_apply(float *out, const clade_projection *projection,
                                      const float *x, size_t n);

/* ---- Instruction sets ------------------------------------------------------------------------ */

typedef enum clade_isa { CLADE_ISA_PLAIN, CLADE_ISA_AVX2, CLADE_ISA_AVX512 } clade_isa;

/** What kernels use now: the best the processor has, or less where CLADE_ISA ("plain", "avx2",
 *  "avx512") in the environment or clade_isa_set says so. */
CLADE_API clade_isa clade_isa_get(void);
/** For tests and benchmarks, while no kernel runs; more than the processor has is cut to that. */
CLADE_API void        clade_isa_set(clade_isa isa);
CLADE_API const char *clade_isa_name(clade_isa isa);

/* ---- Nearest centres ------------------------------------------------------------------------- */

/** Rows of one call of the kernel; scratch is sized for it. */
enum { CLADE_NEAREST_ROWS = 32 };

/**
 * Centres packed for the kernel below. All arithmetic is on x - shift: a shift near the mean keeps
 * float distances exact to about 1e-6 of the data's spread, wherever the data lies.
 */
typedef struct clade_centres {
    size_t    k;
    size_t    d;
    clade_isa isa; /* the layout below is this kernel's */
    float *packed; /* (tiles, d, centres of the tile) of centre - shift, tiles as even as can be */
    float *half;   /* (k) |centre - shift|^2 / 2 */
    float *shift;  /* (d) */
} clade_centres;

/** @return NULL when there is no memory. Ownership: the caller frees; NULL is accepted. */
CLADE_API clade_centres *clade_centres_create(size_t k, size_t d, const float *shift);
CLADE_API void           clade_centres_free(clade_centres *centres);
/** Pack centre (k, d) row-major. Cost O(k d). */
CLADE_API void clade_centres_set(clade_centres *centres, const float *centre);

/** Answers for up to CLADE_NEAREST_ROWS rows. */
typedef struct clade_nearest {
    uint32_t index[CLADE_NEAREST_ROWS]; /* the nearest centre, the lowest of equals */
    float score[CLADE_NEAREST_ROWS]; /* (x - shift).(c - shift) - |c - shift|^2 / 2: largest wins */
    float second[CLADE_NEAREST_ROWS]; /* the best score of any other centre, -INFINITY for k = 1 */
    float norm2[CLADE_NEAREST_ROWS];  /* |x - shift|^2; distance^2 = norm2 - 2 score */
} clade_nearest;

/**
 * The nearest of k centres for a few rows of x: distances by multiply-add and their minimum in one
 * kernel, so the n x k distances never exist.
 *
 * Rows are transposed into lanes, centres are broadcast, a tile of accumulators stays in registers
 * and ends in a compare: no horizontal step, no padding of k. The score of a row does not depend on
 * the rows beside it, nor on `with_second`.
 *
 * Shapes      x (at least row[i] + 1, d) row-major; row (n_rows) which rows, or NULL for the first.
 * @param n_rows       At most CLADE_NEAREST_ROWS.
 * @param with_second  Fill second and norm2 as well.
 * @param scratch      (CLADE_NEAREST_ROWS * d) floats, aligned to 64 bytes.
 * Repeatable  Bit for bit within one instruction set.
 * Cost        n_rows k d multiply-adds; measured in bench/clusters.
 */
CLADE_API void clade_nearest_rows(clade_nearest *out, const clade_centres *centres, const float *x,
                                  const uint32_t *row, size_t n_rows, bool with_second,
                                  float *scratch);

#endif
