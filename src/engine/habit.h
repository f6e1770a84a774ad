/* A customer's own rhythm: what life cycle and names stand on. */
#ifndef CLADE_ENGINE_HABIT_H
#define CLADE_ENGINE_HABIT_H

#include "clade/features.h"

typedef struct clade__habit {
    double orders;      /* 0 when nothing was bought yet */
    double tenure_days; /* since the first order; NAN when there is none */
    double lateness;    /* days since the last order / usual gap; NAN when there is none */
} clade__habit;

/* Edges of lateness for an exponential rhythm: 80 % of returns come before the first (-ln 0.2 usual
 * gaps), 95 % before the second (-ln 0.05). */
#define CLADE__LATE      1.6094379124341003
#define CLADE__VERY_LATE 2.9957322735539909

/** What habits are read by: columns of the matrix, and the shop's own rhythm. */
typedef struct clade__rhythm {
    size_t orders, recency, gap, tenure;
    double usual_gap_days;
} clade__rhythm;

/** Columns found, usual_gap_days as given. */
clade__rhythm clade__rhythm_of(double usual_gap_days);

/** The shop's usual gap: median over customers of their mean gap; 90 days where nobody came back.
 */
clade_status clade__usual_gap_days(double *out_days, const clade_features *features,
                                   clade_error *err);

/** One customer's habit. The own mean gap is drawn towards the shop's by two pseudo-gaps, so that
 * one short gap does not make a weekly buyer. */
clade__habit clade__habit_of(const clade_features *features, size_t customer,
                             const clade__rhythm *rhythm);
/** The same of a row of features. */
clade__habit clade__habit_of_row(const float *row, const clade__rhythm *rhythm);

#endif
