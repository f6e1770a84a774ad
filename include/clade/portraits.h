/**
 * Portraits: what a segment is like, in numbers with their intervals and in words for people.
 */
#ifndef CLADE_PORTRAITS_H
#define CLADE_PORTRAITS_H

#include "clade/segments.h"

/** One feature in which a segment differs from everyone else. */
typedef struct clade_difference {
    uint32_t feature; /* index in the registry */
    double   delta;   /* Cliff's delta, -1..1: chance that a member has more, minus less */
    double   q;       /* false-discovery rate at which it is kept (Benjamini-Hochberg over all
                         segments and features) */
    double median_in, median_out;
} clade_difference;

/** One rule that describes members, as conditions on features joined by AND. */
enum { CLADE_CONDITIONS_MAX = 4 };
typedef struct clade_condition {
    uint32_t feature;
    bool     above; /* value >= threshold, else value < threshold or absent */
    double   threshold;
} clade_condition;
typedef struct clade_rule {
    size_t          n_conditions;
    clade_condition condition[CLADE_CONDITIONS_MAX];
    double          coverage;  /* share of the segment's held-out members that it catches */
    double          precision; /* share of the held-out customers it catches that are members */
} clade_rule;

typedef struct clade_portrait {
    clade_segment_name name;
    char               persona_en[400];
    char               persona_zh[400];
    size_t             n;
    double             share;         /* of customers */
    int64_t            revenue_minor; /* of members in the 365 days before, net of refunds */
    double             revenue_share;
    /* What members of this segment did in the 90 days after the moment it was learnt at; NAN before
     * there are 90 days to look at. Money in minor units a customer. */
    double next_spend, next_spend_low, next_spend_high;
    double next_return, next_return_low, next_return_high;
    /* Jaccard with the same segment refitted on resampled customers (Hennig 2007): .75 and above is
     * stable. NAN when it was not measured. */
    double           stability;
    size_t           n_differences;
    clade_difference difference[CLADE_DIFFERENCES_MAX];
    size_t           n_rules;
    clade_rule       rule[CLADE_RULES_MAX];
    double rules_precision, rules_recall; /* of all its rules together, on held-out customers */
} clade_portrait;

/** What clade_portraits_make looks at. */
typedef struct clade_portraits_input {
    const clade_segmentation *segmentation;
    const clade_features     *features;      /* now */
    const int32_t            *segment;       /* (features->n_customers) */
    const int64_t            *revenue_minor; /* (features->n_customers), of the 365 days before */
    /* The moment the segmentation was learnt at, and what came after; NULL when there is no such.
     */
    const clade_features *learnt_features;
    const int32_t        *learnt_segment;
    const clade_outcome  *learnt_outcome;
    const char           *currency; /* of the shop */
    uint64_t              seed;
} clade_portraits_input;

/**
 * Draw the portrait of every segment.
 *
 * Rules come from one small tree that predicts the segment from features, grown on 70 % of
 * customers and judged on the other 30 %: `out_fidelity` is the share of those whose segment it
 * names rightly.
 *
 * Shapes      out (clade_segmentation_n).
 * Repeatable  Bit for bit, whatever the number of threads.
 */
CLADE_API CLADE_MUST_USE clade_status clade_portraits_make(clade_portrait *out,
                                                           double         *out_fidelity,
                                                           const clade_portraits_input *input,
                                                           clade_error                 *err);

/** A condition in words: "spend_90d at least 120.50", "90 天消费至少 120.50". */
CLADE_API void clade_condition_write(clade_buffer *out, const clade_condition *condition, bool zh);
/** A feature's value with its unit, for people: "12 days", "1,204.50 GBP", "absent". */
CLADE_API void clade_value_write(clade_buffer *out, uint32_t feature, double value,
                                 const char *currency, bool zh);

/**
 * Stability: refit on n_draws bootstrap resamples of customers, match each segment to the one it
 * overlaps most, and average the Jaccard coefficient over draws (clusterboot, Hennig 2007,
 * Computational Statistics and Data Analysis 52, 258-271). Empty segments get NAN.
 *
 * Shapes      out_jaccard (clade_segmentation_n).
 * Cost        n_draws fits; customers above 10,000 are sampled first.
 */
CLADE_API CLADE_MUST_USE clade_status clade_stability_measure(
    double *out_jaccard, const clade_segmentation *segmentation, const clade_features *features,
    const clade_outcome *outcome, size_t n_draws, uint64_t seed, clade_error *err);

#endif
