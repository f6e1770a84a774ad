/* What the page tells, gathered before a word is written: the last study, the shop's sales, and
 * what customers look like at two moments. */
#ifndef CLADE_REPORT_FACTS_H
#define CLADE_REPORT_FACTS_H

#include "clade/flows.h"
#include "clade/ingest.h"
#include "clade/predict.h"
#include "clade/segments.h"

enum {
    FACTS_MONTHS_MAX = 60, /* the latest five years are drawn */
    FACTS_BINS_MAX   = 16,
    FLOW_DAYS        = 90, /* between the two moments of the flows */
};

typedef struct segment_view {
    clade_text             key, name, persona; /* in the page's language */
    double                 size, share;
    double                 revenue, revenue_share; /* minor units */
    double                 stability;
    double                 spend, spend_low, spend_high; /* minor units a customer */
    double                 comes, comes_low, comes_high;
    double                 precision, recall; /* of its rules together */
    const clade_json_node *differences, *rules;
    bool                   few; /* too few members to tell more than their number */
} segment_view;

typedef struct kind_view {
    size_t       n;
    segment_view segment[CLADE_SEGMENTS_MAX];
    clade_text   why_not;
    double       fidelity;
    int64_t      version;
} kind_view;

typedef struct month_view {
    int     year, month;
    double  net; /* minor units */
    int64_t n_orders;
} month_view;

/* A histogram over edges that grow: bin b holds edge[b] <= value < edge[b + 1]; the first has no
 * lower end and the last no upper one. */
typedef struct bins_view {
    size_t  n;
    double  edge[FACTS_BINS_MAX + 1];
    int64_t count[FACTS_BINS_MAX];
    int64_t total;
    double  median; /* NAN when there is nothing */
} bins_view;

typedef struct rfm_view {
    bool    known;
    int64_t n[5][5]; /* recency score 1 first (long ago); frequency score 1 first */
    double  money[5][5];
    int64_t n_never; /* customers without an order */
} rfm_view;

typedef struct load_view {
    clade_text file, shape;
    int64_t    n_read, n_stored, n_duplicate, n_quarantined;
} load_view;

typedef struct facts {
    clade_arena    *arena;
    bool            zh;
    clade_json_tree tree; /* the study */
    clade_text      workspace;
    clade_text      zone;
    int64_t         as_of_us, learnt_us, first_us, last_us; /* learnt_us INT64_MIN: never */
    char            currency[4];
    double          minor;
    int64_t         n_customers;
    int             best; /* the kind to act on */
    kind_view       kind[CLADE_N_SEGMENT_KIND];

    int64_t n_buyers, n_repeat; /* two orders and more */
    int64_t n_orders;
    double  net, sold, refunded; /* minor units; net is sold less refunded */

    size_t      n_months;
    month_view  month[FACTS_MONTHS_MAX];
    bins_view   recency, orders, order_value, gap;
    rfm_view    rfm;
    bool        has_flows;
    clade_flows flows; /* FLOW_DAYS before the moment, to the moment */

    size_t              n_checks;
    clade_check_result *check;
    size_t              n_loads;
    load_view          *load;

    size_t               n_predictions;
    clade_predict_card **prediction; /* (n_predictions) */

    int64_t    run; /* that made the segments */
    clade_text seed, build, data_hash;
} facts;

/* Everything; texts and nodes live in the arena. */
CLADE_MUST_USE clade_status facts_gather(facts *out, clade_store *store, bool zh,
                                         clade_arena *arena, clade_error *err);

/* Its parts, in this order. */
CLADE_MUST_USE clade_status facts_study(facts *f, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status facts_sales(facts *f, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status facts_quality(facts *f, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status facts_predictions(facts *f, clade_store *store, clade_error *err);
CLADE_MUST_USE clade_status facts_people(facts *f, clade_store *store, clade_error *err);

/* Which bin a value falls into. */
size_t bins_place(const bins_view *bins, double value);

/* Members of the study's JSON: "" and NAN where there is none. */
clade_text json_text(const clade_json_tree *tree, const clade_json_node *node, const char *key);
/* A sentence kept as `key` and `key`_zh; the English one where an older clade kept no other. */
clade_text json_sentence(const clade_json_tree *tree, const clade_json_node *node, const char *key,
                         bool zh);
double     json_number(const clade_json_tree *tree, const clade_json_node *node, const char *key);
bool       json_true(const clade_json_tree *tree, const clade_json_node *node, const char *key);
/* The first child of a container; the next is tree->node + child->next. NULL when it is empty. */
const clade_json_node *json_first(const clade_json_tree *tree, const clade_json_node *node);
const clade_json_node *json_next(const clade_json_tree *tree, const clade_json_node *child);

#endif
