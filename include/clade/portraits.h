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

/**
 * What a rule asks of one feature: low <= value < high, or absence where `absent`. A low of
 * INFINITY asks for absence alone; -INFINITY to INFINITY without absence asks for any value.
 */
enum { CLADE_CONDITIONS_MAX = 4 };
typedef struct clade_condition {
    uint32_t feature;
    double   low;         /* -INFINITY: no lower end */
    double   high;        /* INFINITY: no upper end */
    bool     absent;      /* absence passes */
    bool     says_absent; /* and was seen where this was learnt: worth a word */
} clade_condition;

/** One rule that describes members: conditions on different features, joined by AND. */
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

/** Does a customer (a row of the feature matrix) meet every condition? */
CLADE_API bool clade_rule_matches(const clade_rule *rule, const float *row);

/* ---------------------------------------------------------------- the points card */

/**
 * Points by hand: a few features, a few ranges of each with whole points, and what the sum of
 * points says. A shop that has no computer at the counter can keep it on one sheet of paper.
 *
 * Small trees name the outlook of three customers in five; the same score as a sum of points names
 * it of four in five and more, because the outlook is nearly additive. docs/maths/portraits.md.
 */
enum { CLADE_CARD_LINES_MAX = 8, CLADE_CARD_RANGES_MAX = 6 };

typedef struct clade_card_line {
    uint32_t feature;
    size_t   n_ranges;                       /* of those who have a value */
    double  edge[CLADE_CARD_RANGES_MAX - 1]; /* rising; range r is edge[r - 1] <= value < edge[r] */
    int32_t points[CLADE_CARD_RANGES_MAX];   /* the least on a line is 0 */
    int32_t absent_points;
    bool    says_absent; /* somebody lacked a value where it was learnt */
} clade_card_line;

typedef struct clade_scorecard {
    size_t          n_lines;
    clade_card_line line[CLADE_CARD_LINES_MAX]; /* most telling first */
    bool            buyers_only; /* prospects have a segment of their own, behind these */
    size_t          n_segments;
    int32_t         from[CLADE_SEGMENTS_MAX]; /* a total of at least from[s] is segment s or better;
                                                 falling, and the last is 0 */
    double fidelity;     /* share of held-out customers whose segment it names */
    double fidelity_one; /* ... whose segment it misses by one at most */
    size_t n_judged;     /* held-out customers */
} clade_scorecard;

/**
 * Write the card of a segmentation whose segments are bands of a score, best first (OUTLOOK).
 *
 * Up to 20,000 customers; 70 % to learn from, 30 % to judge by. Features are taken one by one, the
 * one that explains most of what is left of the score first; ranges are what a least-squares step
 * function loses least by (Fisher 1958); edges are rounded where that costs nothing.
 *
 * @return CLADE_ERR_ARG for a kind without score; CLADE_ERR_NOT_READY below 50 customers with one.
 * Repeatable  Bit for bit, whatever the number of threads.
 * Cost        About a second on one core at 20,000 customers and 170 features.
 */
CLADE_API CLADE_MUST_USE clade_status clade_scorecard_make(clade_scorecard             *out,
                                                           const clade_portraits_input *input,
                                                           clade_error                 *err);
/** Total points of a customer, and the segment they say. */
CLADE_API int32_t clade_scorecard_points(const clade_scorecard *card, const float *row);
CLADE_API size_t  clade_scorecard_segment(const clade_scorecard *card, int32_t points);

/* ---------------------------------------------------------------- words */

/** What a feature is, in a few words: "money spent in the last 90 days". */
CLADE_API void clade_feature_label_write(clade_buffer *out, uint32_t feature, bool zh);
/** A condition in words: "money spent in the last 90 days at least 120.50 GBP". */
CLADE_API void clade_condition_write(clade_buffer *out, const clade_condition *condition,
                                     const char *currency, bool zh);
/** A feature's value with its unit, for people: "12 days", "1,204.50 GBP", "absent". */
CLADE_API void clade_value_write(clade_buffer *out, uint32_t feature, double value,
                                 const char *currency, bool zh);
/** All of a rule, its conditions joined by "and"; "anybody" without any. */
CLADE_API void clade_rule_write(clade_buffer *out, const clade_rule *rule, const char *currency,
                                bool zh);

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
