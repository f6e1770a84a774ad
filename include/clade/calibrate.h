/**
 * Calibration: turning a score that orders well into a chance (or an amount) that is right on
 * average. Fit on rows that the score was not learnt from.
 */
#ifndef CLADE_CALIBRATE_H
#define CLADE_CALIBRATE_H

#include "clade/memory.h"

/* ---- Platt: one bent line -------------------------------------------------------------------- */

/** p = 1 / (1 + exp(-(slope score + intercept))): two numbers, for a few hundred rows. */
typedef struct clade_platt {
    double slope, intercept;
} clade_platt;

/**
 * Fit by penalised maximum likelihood: targets are (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of
 * 1 and 0, which keeps the slope finite where the score parts the classes.
 *
 * Shapes      score (n) finite, label (n) 0 or 1.
 * @return CLADE_OK; CLADE_ERR_DATA naming a bad score or label, or when all labels are equal or all
 *         scores are; CLADE_ERR_ARG for n of 0. out_model is untouched on error.
 * Repeatable  Bit for bit: sums run in the order of rows.
 * Cost        O(n) a step of Newton's, about ten.
 * Source      Platt (1999), Advances in Large Margin Classifiers, 61-74. Lin, Lin and Weng (2007),
 *             Machine Learning 68(3), 267-276.
 */
CLADE_API CLADE_MUST_USE clade_status clade_platt_fit(clade_platt *out_model, const double *score,
                                                      const uint8_t *label, size_t n,
                                                      clade_error *err);
/** out may be score. */
CLADE_API void clade_platt_apply(double *out, const clade_platt *model, const double *score,
                                 size_t n);
/** One JSON object, and back bit for bit. */
CLADE_API CLADE_MUST_USE clade_status clade_platt_save(clade_buffer *out, const clade_platt *model,
                                                       clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_platt_load(clade_platt *out_model, const char *json,
                                                       size_t size, clade_error *err);

/* ---- Isotonic: any rising curve -------------------------------------------------------------- */

/** Straight lines between knots, level beyond the ends. */
typedef struct clade_isotonic {
    size_t  n;
    double *score; /* (n) strictly rising */
    double *value; /* (n) not falling */
} clade_isotonic;

/**
 * The rising function with the least squared error, by pooling adjacent violators.
 *
 * Rows of equal score are first averaged. Blocks of one value keep their two ends as knots.
 *
 * Shapes      score (n) and target (n) finite; weight (n) above 0, or NULL for ones.
 * @return CLADE_OK; CLADE_ERR_DATA naming what cannot be used; CLADE_ERR_ARG for n of 0 or too
 *         many; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_isotonic_free, which accepts NULL.
 * Repeatable  Bit for bit.
 * Cost        O(n) time after the order, 64 n bytes.
 * Source      Ayer et al. (1955), Annals of Mathematical Statistics 26(4), 641-647. Zadrozny and
 *             Elkan (2002), KDD, 694-699.
 */
CLADE_API CLADE_MUST_USE clade_status clade_isotonic_fit(clade_isotonic **out_model,
                                                         const double *score, const double *target,
                                                         const double *weight, size_t n,
                                                         clade_error *err);
CLADE_API void                        clade_isotonic_free(clade_isotonic *model);
/** out may be score. A NAN stays NAN. Cost O(log knots) a row. */
CLADE_API void clade_isotonic_apply(double *out, const clade_isotonic *model, const double *score,
                                    size_t n);
/** One JSON object, and back bit for bit. A damaged one is CLADE_ERR_DATA. */
CLADE_API CLADE_MUST_USE clade_status clade_isotonic_save(clade_buffer         *out,
                                                          const clade_isotonic *model,
                                                          clade_error          *err);
CLADE_API CLADE_MUST_USE clade_status clade_isotonic_load(clade_isotonic **out_model,
                                                          const char *json, size_t size,
                                                          clade_error *err);

#endif
