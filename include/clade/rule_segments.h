/**
 * Segments by rule in a workspace: a name, a versioned definition, and membership as of any moment.
 *
 * A definition is the rule's text and lies in the table `segmentation` beside those of the other
 * kinds, under "rule/NAME", kind "rule". A rule may speak of attributes, of what predictors answer
 * (p_churn, p_purchase_30d, spend_90d: the task's name, "p_" before it where it is a chance; clv is
 * the task `value`), of other rules, and of the segments that `clade segment` made, by their keys.
 */
#ifndef CLADE_RULE_SEGMENTS_H
#define CLADE_RULE_SEGMENTS_H

#include "clade/portraits.h"
#include "clade/rules.h"

typedef struct clade_rule_segment {
    char             name[CLADE_RULE_MAX_NAME];
    int64_t          version;
    int64_t          defined_us; /* as-of moment it was defined at */
    clade_rule_tree *tree;
} clade_rule_segment;

/** All that are defined now, by name. */
typedef struct clade_rule_segments {
    size_t              n;
    clade_rule_segment *one;
} clade_rule_segments;

/** @return CLADE_ERR_DATA naming a definition that cannot be read.
 *  Ownership   Free with clade_rule_segments_free. */
CLADE_API CLADE_MUST_USE clade_status clade_rule_segments_load(clade_rule_segments *out,
                                                               clade_store         *store,
                                                               clade_error         *err);
CLADE_API void                        clade_rule_segments_free(clade_rule_segments *segments);
/** By name, ASCII letters without case; NULL when there is none. */
CLADE_API const clade_rule_segment *clade_rule_segments_find(const clade_rule_segments *segments,
                                                             const char                *name);

/**
 * Define a rule, or give a defined one a new version. Names in it are checked: attributes and
 * scores that the workspace knows, segments that are there, no circle.
 *
 * @param out_version  1 for a new one.
 * @param run          That defines it.
 * @return CLADE_ERR_ARG with the place of the mistake, or for a name that is taken or is none.
 * Cost    A look through the names of attributes; nothing is evaluated.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_segment_define(int64_t     *out_version,
                                                                clade_store *store,
                                                                const char *name, const char *rule,
                                                                int64_t as_of_us, int64_t run,
                                                                clade_error *err);
/**
 * Read a rule without defining it, names in it checked as clade_rule_segment_define does.
 * @param name  What it is to be called; "" for a rule that is only looked at.
 * @return CLADE_ERR_ARG with the place of the mistake.  Ownership   As clade_rule_tree_parse.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_segment_read(clade_rule_tree          **out,
                                                              clade_store               *store,
                                                              const clade_rule_segments *segments,
                                                              const char *name, const char *rule,
                                                              clade_error *err);
/** Take a definition back: a last version that says so. What was kept of its membership stays.
 *  @return CLADE_ERR_NOT_FOUND; CLADE_ERR_ARG naming a rule that needs it. */
CLADE_API CLADE_MUST_USE clade_status clade_rule_segment_undefine(clade_store *store,
                                                                  const char  *name,
                                                                  int64_t as_of_us, int64_t run,
                                                                  clade_error *err);

/**
 * Customers in it as of a moment, rising.
 *
 * @return CLADE_ERR_NOT_READY when it asks a predictor that is not trusted, or that has learnt from
 *         what came after the moment.
 * Ownership   The caller frees out_customer.
 * Cost        One query; features and models where it speaks of scores or of other kinds' segments.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_segment_members(
    int64_t **out_customer, size_t *out_n, clade_store *store, const clade_rule_segments *segments,
    const clade_rule_segment *segment, int64_t as_of_us, clade_error *err);
/**
 * What all rules ask beside the log, of everybody: attributes known by now_us, scores and segments
 * of other kinds as of as_of_us. What a state learns before it is kept true event by event.
 *
 * @param out_can  (segments->n) False for a rule whose score or segment cannot be told.
 * @param each     Called for every fact; its texts are gone when it returns.
 * @param as_of_us INT64_MIN where nothing is stored: then no rule that asks a score can be told.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_rule_segments_facts(bool *out_can, clade_store *store, const clade_rule_segments *segments,
                          int64_t as_of_us, int64_t now_us,
                          clade_status (*each)(void *context, int64_t customer,
                                               const clade_rule_fact *fact, clade_error *err),
                          void *context, clade_error *err);
/** Keep who is in it as of a moment (replacing what was kept). */
CLADE_API CLADE_MUST_USE clade_status clade_rule_segment_keep(clade_store              *store,
                                                              const clade_rule_segment *segment,
                                                              int64_t                   as_of_us,
                                                              const int64_t *customer, size_t n,
                                                              clade_error *err);

enum { CLADE_OVERLAPS_MAX = 12 };
/** How many members are in another segment too. */
typedef struct clade_overlap {
    clade_segment_name
                name; /* of a rule the key alone is set; it is its name in both languages too */
    const char *kind; /* "rfm", ..., "rule"; static */
    size_t      n_other, n_both;
    double      lift; /* share of members in it, over the share of all customers */
} clade_overlap;

/** What a rule catches as of a moment. */
typedef struct clade_rule_look {
    int64_t        as_of_us;
    size_t         n_customers; /* of the shop as of then */
    size_t         n;
    int64_t       *customer;      /* (n) rising */
    int64_t       *revenue_minor; /* (n) of the 365 days before */
    char           currency[4];   /* "" for a log without money */
    bool           has_portrait;  /* enough members and enough others to compare */
    clade_portrait portrait; /* name, sizes, money; differences and persona where has_portrait */
    size_t         n_overlaps;
    clade_overlap  overlap[CLADE_OVERLAPS_MAX]; /* most members first */
} clade_rule_look;

/**
 * Look at it: size, money, what sets its members apart from everybody else, and how it overlaps
 * with the segments there are. Ownership   Free with clade_rule_look_free.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_look_make(clade_rule_look *out, clade_store *store,
                                                           const clade_rule_segments *segments,
                                                           const clade_rule_segment  *segment,
                                                           int64_t as_of_us, uint64_t seed,
                                                           clade_error *err);
CLADE_API void                        clade_rule_look_free(clade_rule_look *look);

#endif
