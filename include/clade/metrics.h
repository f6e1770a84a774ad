/**
 * Metrics: how good a score was, how sure we are of it, and how two groups of customers differ.
 *
 * A metric that the data cannot tell (an AUC with one class, an R2 of constant truth) is NAN, not a
 * failure. Scores and truths are double, labels are bytes of 0 or 1. Every metric over rows also
 * comes with an interval; see clade_bootstrap.
 */
#ifndef CLADE_METRICS_H
#define CLADE_METRICS_H

#include "clade/json.h"

/** An estimate and the range it may well have; low and high are NAN when the data cannot tell. */
typedef struct clade_interval {
    double value;
    double low;
    double high;
} clade_interval;

/** {"value", "low", "high"} under a key of an object that is open. */
CLADE_API void clade_interval_write(clade_json *json, const char *key,
                                    const clade_interval *interval);

/* ---- Scores against truth -------------------------------------------------------------------- */

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.
 *
 * Shapes      score, label (n). NAN when one class is missing.
 * @return CLADE_OK; CLADE_ERR_DATA naming the row of a NAN score or a label above 1;
 *         CLADE_ERR_ARG for n above CLADE_ROWS_MAX; CLADE_ERR_NOMEM. Outputs untouched on error.
 * Repeatable  Exact: rank sums are integers.
 * Cost        O(n) time (radix sort), 24 n bytes.
 * Source      Hanley and McNeil (1982), Radiology 143(1), 29-36.
 */
CLADE_API CLADE_MUST_USE clade_status clade_auc(double *out_auc, const double *score,
                                                const uint8_t *label, size_t n, clade_error *err);

/** 1 - SSE / SST around the mean of `actual`; NAN when n is 0 or actual is constant. May be
 *  negative: worse than the mean. */
CLADE_API double clade_r2(const double *predicted, const double *actual, size_t n);
CLADE_API double clade_mean_absolute_error(const double *predicted, const double *actual, size_t n);
/** Square root of the mean squared error. */
CLADE_API double clade_root_mean_square_error(const double *predicted, const double *actual,
                                              size_t n);
/** Mean of |predicted - actual| / |actual| over the rows whose actual value is not 0; the others
 * are left out, and counted in *out_n_zero when that is not NULL. NAN when none is left. */
CLADE_API double clade_mape(size_t *out_n_zero, const double *predicted, const double *actual,
                            size_t n);
/** Mean of -log p of what happened, in nats; p is kept in [1e-15, 1 - 1e-15]. */
CLADE_API double clade_log_loss(const double *p_label, const uint8_t *label, size_t n);
/** Mean of (p - label)^2 (Brier 1950). */
CLADE_API double clade_brier(const double *p_label, const uint8_t *label, size_t n);

/** One group of rows with like predictions. */
typedef struct clade_calibration_bin {
    size_t n;
    double predicted; /* mean of p */
    double observed;  /* share of label 1 */
} clade_calibration_bin;

/**
 * Expected calibration error: the rows are cut into bins of equal count by rising p, rows of equal
 * p stay together, and |predicted - observed| is averaged over rows.
 *
 * @param out_error   NAN when n is 0.
 * @param out_bins    (n_bins), or NULL. Bins left empty by ties have n = 0 and NANs.
 * @param n_bins      At least 1; 10 is usual.
 * @return As clade_auc; p_label outside [0, 1] is CLADE_ERR_DATA.
 * Source      Naeini, Cooper and Hauskrecht (2015), AAAI, 2901-2907.
 */
CLADE_API CLADE_MUST_USE clade_status clade_calibration_error(double                *out_error,
                                                              clade_calibration_bin *out_bins,
                                                              const double          *p_label,
                                                              const uint8_t *label, size_t n,
                                                              size_t n_bins, clade_error *err);

/**
 * Precision and recall among the k highest scores, for several k.
 *
 * Where a cut falls into equal scores, the expected number of positives over every order of these
 * is counted, so the curve does not depend on the order of rows.
 *
 * Shapes      out_precision, out_recall, k (n_k); either output may be NULL.
 * @param k    Each at least 1; a k above n counts as n.
 * @return As clade_auc; CLADE_ERR_ARG for a k of 0.
 */
CLADE_API CLADE_MUST_USE clade_status clade_precision_curve(double *out_precision,
                                                            double *out_recall, const double *score,
                                                            const uint8_t *label, size_t n,
                                                            const size_t *k, size_t n_k,
                                                            clade_error *err);

/**
 * Agreement of two orders in -1..1; NAN when one of them is constant.
 *
 * Spearman is the correlation of mid ranks. Kendall's tau-b is right pairs less wrong pairs over
 * the root of the pairs that a tells apart times those that b does.
 *
 * @return CLADE_OK; CLADE_ERR_DATA naming a value that is not a number; CLADE_ERR_ARG for n above
 *         CLADE_ROWS_MAX; CLADE_ERR_NOMEM.
 * Cost        O(n) and O(n log n) time, 32 n bytes and 48 n.
 * Source      Spearman (1904), American J. of Psychology 15(1). Kendall (1945), Biometrika 33(3);
 *             Knight (1966), J. American Statistical Association 61, 436-439.
 */
CLADE_API CLADE_MUST_USE clade_status clade_spearman(double *out_rho, const double *a,
                                                     const double *b, size_t n, clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_kendall(double *out_tau, const double *a,
                                                    const double *b, size_t n, clade_error *err);

/**
 * Normalised Gini coefficient: how much of the actual value a score concentrates at its top, as a
 * share of what the best order would. 1 for the true order, 0 for chance, 2 AUC - 1 of a label.
 * Equal scores share their places. NAN when actual is constant.
 *
 * @return As clade_spearman; an actual value that is not finite is CLADE_ERR_DATA.
 * Source      Frees, Meyers and Cummings (2011), J. American Statistical Association 106.
 */
CLADE_API CLADE_MUST_USE clade_status clade_gini(double *out_gini, const double *predicted,
                                                 const double *actual, size_t n, clade_error *err);

/* ---- Intervals ------------------------------------------------------------------------------- */

/** A statistic of rows of which row i counts count[i] times. Called from several threads at once;
 *  NAN when it cannot be told. */
typedef double (*clade_statistic)(const uint32_t *count, size_t n, void *context);

typedef struct clade_bootstrap_options {
    uint64_t seed;
    size_t   n_draws; /* 0 means 400 */
    double   level;   /* 0 means 0.95 */
} clade_bootstrap_options;

/**
 * Bootstrap percentile interval of any statistic of independent rows.
 *
 * Each draw takes n rows of n with replacement; low and high are quantiles of the statistic over
 * the draws in which it could be told, NAN when that was less than half of them. Rows must be the
 * independent unit (customers, not their orders).
 *
 * @return CLADE_OK; CLADE_ERR_ARG for n, a level outside (0, 1) or more than 100,000 draws;
 *         CLADE_ERR_NOMEM.
 * Repeatable  Bit for bit: draw d is a stream of its own.
 * Cost        n_draws times (n draws of chance and one call), on all threads; 4 n bytes a thread.
 * Source      Efron and Tibshirani (1993), An Introduction to the Bootstrap, ch. 13.
 */
CLADE_API CLADE_MUST_USE clade_status clade_bootstrap(clade_interval *out,
                                                      clade_statistic statistic, void *context,
                                                      size_t                         n,
                                                      const clade_bootstrap_options *options,
                                                      clade_error                   *err);

/** The metrics above with bootstrap intervals. `options` may be NULL. The sort is done once. */
CLADE_API CLADE_MUST_USE clade_status clade_auc_interval(clade_interval *out, const double *score,
                                                         const uint8_t *label, size_t n,
                                                         const clade_bootstrap_options *options,
                                                         clade_error                   *err);
CLADE_API CLADE_MUST_USE clade_status clade_r2_interval(clade_interval *out,
                                                        const double   *predicted,
                                                        const double *actual, size_t n,
                                                        const clade_bootstrap_options *options,
                                                        clade_error                   *err);

/**
 * The difference statistic(a) - statistic(b) with its interval: two scores, two models or two
 * metrics on the same customers, who are drawn once for both.
 *
 * Arguments and errors as clade_bootstrap; a draw in which one of the two cannot be told is left
 * out.
 */
CLADE_API CLADE_MUST_USE clade_status clade_bootstrap_difference(
    clade_interval *out, clade_statistic statistic, void *context_a, void *context_b, size_t n,
    const clade_bootstrap_options *options, clade_error *err);

/**
 * An AUC with its interval by DeLong: normal, from the spread of each row's share of the other
 * class. No range with fewer than two rows of a class; none but the value itself where the classes
 * are parted wholly, when nothing here can tell how sure that is.
 *
 * @param level  In (0, 1).
 * @return As clade_auc; CLADE_ERR_ARG for the level.
 * Cost        O(n) time, 32 n bytes; no draws.
 * Source      DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), 837-845. Sun and Xu
 *             (2014), IEEE Signal Processing Letters 21(11), 1389-1393.
 */
CLADE_API CLADE_MUST_USE clade_status clade_auc_delong(clade_interval *out, const double *score,
                                                       const uint8_t *label, size_t n, double level,
                                                       clade_error *err);

typedef struct clade_auc_test {
    double         auc_a, auc_b;
    clade_interval difference; /* auc_a - auc_b */
    double         z;
    double         p_value; /* two-sided, that they are equal; 1 for the same order, NAN when the
                               difference has no spread */
} clade_auc_test;

/** DeLong's paired test of two scores of the same rows. As clade_auc_delong. */
CLADE_API CLADE_MUST_USE clade_status clade_auc_compare(clade_auc_test *out, const double *score_a,
                                                        const double *score_b, const uint8_t *label,
                                                        size_t n, double level, clade_error *err);

/**
 * Split conformal prediction: the distance within which a new row falls with a chance of at least
 * `level`, whatever the model and the distribution, when rows are exchangeable.
 *
 * The ceil((n + 1) level)-th smallest of `score`; INFINITY when n is too small for the level.
 *
 * @param score  (n) of rows that the model has not seen: |actual - predicted|, or max(low - actual,
 *               actual - high) to widen two quantiles (Romano, Patterson and Candes 2019).
 * @return CLADE_ERR_DATA for a NAN; CLADE_ERR_ARG for the level; CLADE_ERR_NOMEM.
 * Source      Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World. Lei et al.
 *             (2018), J. American Statistical Association 113, 1094-1111.
 */
CLADE_API CLADE_MUST_USE clade_status clade_conformal_quantile(double *out, const double *score,
                                                               size_t n, double level,
                                                               clade_error *err);

/**
 * Interval of the mean over cross-validation folds by Student's t, with the variance corrected for
 * the overlap of training sets: s^2 (1 / k + 1 / (k - 1)) for k folds. NAN values are left out;
 * with fewer than two there is no range. Source      Nadeau and Bengio (2003), Machine Learning
 * 52(3), 239-281.
 */
CLADE_API clade_interval clade_fold_interval(const double *value, size_t n_folds, double level);

/**
 * The same over repeated cross-validation: value (n_repeats, n_folds) row-major, variance
 * s^2 (1 / (n_folds n_repeats) + 1 / (n_folds - 1)): repeats take away the chance of the cut, and
 * not the overlap of training sets. With one repeat it is clade_fold_interval.
 * Source      Bouckaert and Frank (2004), PAKDD, 3-12.
 */
CLADE_API clade_interval clade_repeated_fold_interval(const double *value, size_t n_folds,
                                                      size_t n_repeats, double level);

/** Wilson (1927) interval of a share; NAN when n is 0. */
CLADE_API clade_interval clade_share_interval(size_t n_yes, size_t n, double level);

/* ---- Groups ---------------------------------------------------------------------------------- */

/** |A and B| / |A or B| of two strictly rising lists; 1 when both are empty. */
CLADE_API double clade_jaccard(const int64_t *a, size_t n_a, const int64_t *b, size_t n_b);

typedef struct clade_contrast {
    size_t n_in, n_out;       /* rows with a value, in the group and outside of it */
    double mean_in, mean_out; /* NAN without such rows, as all below */
    double median_in, median_out;
    double delta;        /* Cliff's delta in -1..1: chance of above minus chance of below */
    double standardised; /* difference of means over the pooled standard deviation (Cohen's d) */
    double p_value;      /* Mann-Whitney, two-sided, normal with ties and continuity corrected */
    double present_in, present_out; /* share of rows that have a value at all */
    double p_present;               /* two proportions, two-sided */
} clade_contrast;

/**
 * How each group differs from everyone else in one column.
 *
 * One sort serves all groups. A NAN is absence: such rows count in present_in and present_out
 * alone.
 *
 * Shapes      out (n_groups); value[i * stride] and group[i] for i in [0, n).
 * @param group   Below n_groups, or CLADE_NO_GROUP for a row that belongs to none (it still counts
 *                among everyone else).
 * @return CLADE_OK; CLADE_ERR_DATA naming the row of a bad group or an infinite value;
 *         CLADE_ERR_ARG; CLADE_ERR_NOMEM. `out` untouched on error.
 * Repeatable  Bit for bit. Runs on the calling thread: call it at once for several columns.
 * Cost        O(n + n_groups log n) time, about 40 n bytes.
 * Source      Mann and Whitney (1947), Annals of Mathematical Statistics 18(1), 50-60.
 *             Cliff (1993), Psychological Bulletin 114(3), 494-509.
 */
CLADE_API CLADE_MUST_USE clade_status clade_contrast_groups(clade_contrast *out, const float *value,
                                                            size_t stride, const uint32_t *group,
                                                            size_t n, size_t n_groups,
                                                            clade_error *err);
#define CLADE_NO_GROUP UINT32_MAX

/** Two-sided p-value that two shares are equal (pooled z test); NAN when a side is empty. */
CLADE_API double clade_two_proportion_p(size_t n_yes_a, size_t n_a, size_t n_yes_b, size_t n_b);

/**
 * Benjamini-Hochberg: out_q[i] is the smallest false-discovery rate at which test i is kept.
 * NAN p-values stay NAN and are not counted as tests. out_q may be p_value itself.
 * Source      Benjamini and Hochberg (1995), J. Royal Statistical Society B 57(1), 289-300.
 */
CLADE_API CLADE_MUST_USE clade_status clade_adjust_bh(double *out_q, const double *p_value,
                                                      size_t n, clade_error *err);

#endif
