/**
 * Decisions: what a score is worth when somebody acts on it. Thresholds, profit, gains by tenths.
 *
 * A row is taken when its score is at or above the threshold. What the data cannot tell is NAN.
 * Every function here orders the scores once: O(n) time and 24 n bytes, exact counts, the same
 * result whatever the order of rows and the number of threads. Outputs are untouched on error;
 * CLADE_ERR_DATA names the row of a score that is not a number, a label above 1, or a value that is
 * not finite; CLADE_ERR_ARG is for sizes, CLADE_ERR_NOMEM for memory.
 */
#ifndef CLADE_DECISIONS_H
#define CLADE_DECISIONS_H

#include "clade/metrics.h"

/** The confusion matrix of taking every row from a threshold up, and what is read off it. */
typedef struct clade_decisions {
    double threshold;
    size_t true_positive, false_positive, true_negative, false_negative;
    double accuracy;
    double precision; /* NAN when nobody is taken */
    double recall;    /* NAN without positives */
    double f1;        /* 2 TP / (2 TP + FP + FN); NAN when that is 0 / 0 */
} clade_decisions;

CLADE_API CLADE_MUST_USE clade_status clade_decide_at(clade_decisions *out, const double *score,
                                                      const uint8_t *label, size_t n,
                                                      double threshold, clade_error *err);
/** The threshold of highest F1 among the scores; of equal ones the highest. Without positives
 *  nobody is taken, and the threshold is INFINITY. */
CLADE_API CLADE_MUST_USE clade_status clade_decide_best_f1(clade_decisions *out,
                                                           const double    *score,
                                                           const uint8_t *label, size_t n,
                                                           clade_error *err);

/**
 * Area under the precision-recall curve as the average precision: the precision at each score,
 * weighed by the recall it adds. Equal scores come together. NAN without positives.
 *
 * Source      Davis and Goadrich (2006), ICML, 233-240: why not by the trapezoid.
 */
CLADE_API CLADE_MUST_USE clade_status clade_average_precision(double *out_ap, const double *score,
                                                              const uint8_t *label, size_t n,
                                                              clade_error *err);

/** What one customer brings in each of the four cases; costs are negative. */
typedef struct clade_stakes {
    double true_positive, false_positive, true_negative, false_negative;
} clade_stakes;

typedef struct clade_profit {
    double threshold; /* INFINITY: nobody is taken */
    size_t n_taken;
    double profit; /* a customer, on average over all n */
} clade_profit;

/**
 * Profit at each threshold, and the best.
 *
 * @param out_points    (n + 1) at most, from nobody to everybody; or NULL.
 * @param out_n_points  How many were written; or NULL.
 * @param out_best      The most profitable, of equal ones the one that takes fewest; or NULL.
 * Source      Elkan (2001), IJCAI, 973-978: with true chances the best threshold is
 *             (TN - FP) / (TN - FP + TP - FN) in these letters.
 */
CLADE_API CLADE_MUST_USE clade_status clade_profit_curve(
    clade_profit *out_points, size_t *out_n_points, clade_profit *out_best, const double *score,
    const uint8_t *label, size_t n, const clade_stakes *stakes, clade_error *err);

/** Counts of (actual, predicted) classes: out_count (n_classes, n_classes) row-major. */
CLADE_API CLADE_MUST_USE clade_status clade_confusion(size_t *out_count, const uint32_t *predicted,
                                                      const uint32_t *actual, size_t n,
                                                      size_t n_classes, clade_error *err);

/* ---- Tenths ---------------------------------------------------------------------------------- */

/** One bin of the customers, from the highest scores down. */
typedef struct clade_gain_bin {
    double n_rows; /* n / n_bins: a row may belong in parts to two bins */
    double mean;   /* value a row */
    double lift;   /* mean over the mean of all */
    double gain;   /* share of all value in this bin and those above */
    double cumulative_lift;
} clade_gain_bin;

/**
 * Lift and gain by bins of equal size, highest scores first.
 *
 * `value` is what is to be caught: money, or a label as 0 and 1. Where the edge of a bin falls into
 * equal scores, the expectation over every order of these is counted.
 *
 * Shapes      out (n_bins), score and value (n).
 * @param n_bins  At least 1; 10 is usual. The gain of the first of ten is the top-decile capture.
 */
CLADE_API CLADE_MUST_USE clade_status clade_gain_table(clade_gain_bin *out, const double *score,
                                                       const double *value, size_t n, size_t n_bins,
                                                       clade_error *err);

/** Share of all value that the `top` share of rows holds, in (0, 1]; ties as above. NAN where all
 *  value is 0. */
CLADE_API CLADE_MUST_USE clade_status clade_top_capture(double *out_share, const double *score,
                                                        const double *value, size_t n, double top,
                                                        clade_error *err);

/**
 * How well predicted amounts hit, by bins of rising prediction: as clade_calibration_error, for
 * amounts.
 *
 * @param out_error  Sum over bins of |predicted - actual| as a share of all |actual|; NAN where
 *                   that is 0.
 * @param out_bins   (n_bins), or NULL; `observed` is the mean of actual. Rows of equal prediction
 *                   stay together; bins left empty have n = 0 and NANs.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_calibration(double                *out_error,
                                                              clade_calibration_bin *out_bins,
                                                              const double          *predicted,
                                                              const double *actual, size_t n,
                                                              size_t n_bins, clade_error *err);

#endif
