/* What explanations of a whole predictor share: customers that stand for all, and any model behind
 * one question, so that laws can be tested on models that are known. */
#ifndef CLADE_ENGINE_PREDICT_EXPLAIN_INTERNAL_H
#define CLADE_ENGINE_PREDICT_EXPLAIN_INTERNAL_H

#include "predict_internal.h"

/* ---- Customers ------------------------------------------------------------------------------- */

/* Customers that the task asks about now, evenly spaced among them. */
typedef struct clade__sample {
    const clade__moment *moment;
    size_t               n, n_columns;
    uint32_t            *row;    /* (n) customer of the moment, rising */
    float               *x;      /* (n, n_columns) row-major, as models see them */
    double              *margin; /* (n) what the predictor answers */
} clade__sample;

clade_status clade__sample_make(clade__sample *out, const clade_predictor *predictor,
                                clade_predictions *predictions, size_t limit, clade_error *err);
void         clade__sample_free(clade__sample *sample);
/* out (n): the present values of a column, rising. */
size_t clade__sample_sorted(double *out, const clade__sample *sample, size_t column);

/* The row of features of a customer, n_customers when there is none. */
size_t clade__customer_row(const clade_features *features, int64_t customer);
/* Which customer of `now` that is; CLADE_ERR_NOT_FOUND when the task does not ask about them. */
clade_status clade__customer_find(clade__moment **out_now, size_t *out_row,
                                  const clade_predictor *predictor, clade_predictions *predictions,
                                  int64_t customer, clade_error *err);
/* One customer as models see them; CLADE_ERR_NOT_FOUND when the task does not ask about them.
 * *out_row is (n_columns), freed with free(). */
clade_status clade__customer_fill(float **out_row, const clade_predictor *predictor,
                                  clade_predictions *predictions, int64_t customer,
                                  clade_error *err);
/* CLADE_ERR_ARG for the task that no feature goes into, and for features that there are not. */
clade_status clade__explains_features(const clade_predictor *predictor, const int *feature,
                                      size_t n, clade_error *err);

/* ---- Any model ------------------------------------------------------------------------------- */

/* out (n): margins of rows x (n, n_columns). */
typedef clade_status clade__margin_of(double *out, const void *model, const float *x, size_t n,
                                      clade_error *err);
/* clade__blend_margin of a clade_predictor. */
clade_status clade__margin_of_blend(double *out, const void *predictor, const float *x, size_t n,
                                    clade_error *err);

/* Partial dependence and accumulated local effect of one column of x (n, n_columns). */
clade_status clade__effect_fill(clade_predict_effect *out, const clade_predict_task *task,
                                size_t column, const float *x, size_t n, size_t n_columns,
                                clade__margin_of *of, const void *model, clade_error *err);

/* ---- LIME ------------------------------------------------------------------------------------ */

/* Columns that may move, with the ranks of their values. */
typedef struct clade__lime_space {
    size_t    n, n_columns, n_sorted; /* moving columns; of a row; values kept of each */
    uint32_t *column;                 /* (n) */
    double   *score;                  /* (n) normal score of the customer's own rank */
    double   *sorted;                 /* (n, n_sorted) quantiles of each, rising */
} clade__lime_space;

/* coefficient (space->n) at row (n_columns); out_margin the line's own there. */
clade_status clade__lime_fit(double *coefficient, double *out_margin, double *out_r2,
                             const clade__lime_space *space, const float *row, clade__margin_of *of,
                             const void *model, uint64_t seed, uint64_t run, clade_error *err);

/* ---- Actions of a shop ----------------------------------------------------------------------- */

/* How a feature moves with an action. The first move of a lever leads, the others follow. Absent
 * features stay absent, and nothing moves beyond what 1 and 99 of 100 customers have, unless it was
 * beyond before. */
typedef enum clade__move_kind {
    CLADE__MOVE_ADD,       /* by 1 for each step */
    CLADE__MOVE_UP,        /* a leader's: to the next of the quantiles 50, 75 and 90 % */
    CLADE__MOVE_DOWN,      /* a leader's: to the next of the quantiles 50, 25 and 10 % */
    CLADE__MOVE_TO_LOW,    /* to what one of 100 customers is below */
    CLADE__MOVE_TO_HIGH,   /* to what one of 100 customers is above */
    CLADE__MOVE_TO_MIDDLE, /* to the median, where that is below */
    CLADE__MOVE_NOT_OVER,  /* to what `with` became, where that is below */
    CLADE__MOVE_NOT_UNDER, /* to what `with` became, where that is above */
    CLADE__MOVE_PART,      /* by what the leader moved, times the share `with` */
    CLADE__MOVE_VALUE,     /* by the amount `with` for each step; the median one where absent */
    CLADE__MOVE_SCALE      /* by the factor that `with` changed by */
} clade__move_kind;

enum { CLADE__MOVES_MAX = 24, CLADE__LEVERS_MAX = 16, CLADE__LEVER_STEPS_MAX = 3 };
typedef struct clade__move {
    const char      *feature; /* NULL behind the last */
    clade__move_kind kind;
    const char      *with;
} clade__move;

typedef struct clade__lever {
    const char *name, *en, *zh;
    const char *needs; /* a feature without which it makes no sense; NULL: none */
    int         n_steps;
    clade__move move[CLADE__MOVES_MAX];
} clade__lever;
const clade__lever *clade__levers(size_t *out_n);

#endif
