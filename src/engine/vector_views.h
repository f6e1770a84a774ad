/* The views that vectors are judged beside, and the head that judges them. */
#ifndef CLADE_ENGINE_VECTOR_VIEWS_H
#define CLADE_ENGINE_VECTOR_VIEWS_H

#include "clade/vectors.h"

/* A matrix of some customers: (n, d) row-major, NAN is absence. */
typedef struct clade__view {
    size_t d;
    float *x;
} clade__view;

/**
 * Counts that anybody can make of the log: events by kind in the last 7, 28 and 90 days and at all;
 * days since the first and the last; by category and item of the tasks in 28 days and at all.
 * Customers whose log is empty count 0 everywhere.
 */
CLADE_MUST_USE clade_status clade__view_counts(clade__view *out, clade_store *store,
                                               const clade_vector_tasks *tasks,
                                               const int64_t *customer, size_t n, int64_t as_of_us,
                                               clade_error *err);
/** The features of the registry; all absent for who has none. */
CLADE_MUST_USE clade_status clade__view_features(clade__view *out, clade_store *store,
                                                 const int64_t *customer, size_t n,
                                                 int64_t as_of_us, clade_error *err);

/* What a head is fitted on and asked. */
typedef struct clade__head_case {
    const float   *x;     /* (n, d) */
    const float   *asked; /* (n_asked, d) */
    size_t         n, n_asked, d;
    const uint8_t *label; /* (n_tasks, n); CLADE_NO_LABEL is left out */
    size_t         n_tasks;
    const uint8_t *held; /* (n) 1: degrees of freedom are chosen on these */
} clade__head_case;

/**
 * Fit a head for every task and score who is asked.
 *
 * @param out_score    (n_tasks, n_asked): larger is likelier. 0 for all when a task has fewer than
 *                     CLADE_VECTOR_MIN_CASES of a class, or no column varies.
 * @param out_columns  Columns that were not constant, those of absence among them.
 */
CLADE_MUST_USE clade_status clade__head_score(double *out_score, size_t *out_columns,
                                              const clade__head_case *head, clade_error *err);

#endif
