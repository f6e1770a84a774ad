/* What `explain` shows beside reasons and weights: rules, shapes, pairs, changes and lines. */
#ifndef CLADE_APPS_EXPLAIN_H
#define CLADE_APPS_EXPLAIN_H

#include "clade/predict.h"
#include "command.h"

/** A predictor that is open, and the customers of its moment. */
typedef struct explain_subject {
    command               *c;
    const clade_predictor *predictor;
    clade_predictions     *predictions;
    const char            *currency;
} explain_subject;

/** The model in a few rules: `surrogate`. Nothing where there are too few customers. */
CLADE_MUST_USE clade_status explain_rules(const explain_subject *s, clade_error *err);
/** Shapes and pairs of the first features of `weight`: `effects` and `interactions`. Nothing where
 * no feature takes part. */
CLADE_MUST_USE clade_status explain_shapes(const explain_subject      *s,
                                           const clade_predict_weight *weight, size_t n,
                                           clade_error *err);
/** What the answer loses without single items: `events`. Nothing where no vectors take part. */
CLADE_MUST_USE clade_status explain_events(const explain_subject *s, int64_t customer,
                                           clade_error *err);
/** The smallest change that moves a customer's chance: `change`. Nothing for amounts without a
 * target; NAN: the base rate. */
CLADE_MUST_USE clade_status explain_change(const explain_subject *s, int64_t customer,
                                           double target, clade_error *err);
/** A line through the customer's neighbourhood: `lime`. */
CLADE_MUST_USE clade_status explain_lime(const explain_subject *s, int64_t customer,
                                         clade_error *err);

#endif
