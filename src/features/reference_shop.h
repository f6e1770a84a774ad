/* A shop in memory, as the reference evaluator reads it. NULL integers are REF_NULL, NULL numbers
 * are NAN, NULL texts are NULL. */
#ifndef CLADE__FEATURES_REFERENCE_SHOP_H
#define CLADE__FEATURES_REFERENCE_SHOP_H

#include "internal.h"

#define REF_NULL INT64_MIN

typedef enum ref_kind {
    REF_VIEW,
    REF_SEARCH,
    REF_CLICK,
    REF_CART,
    REF_UNCART,
    REF_CHECKOUT,
    REF_PURCHASE,
    REF_REFUND,
    REF_REVIEW,
    REF_LOGIN,
    REF_WISH,
    REF_SHARE,
    REF_CUSTOM,
    REF_N_KIND
} ref_kind;

typedef struct ref_event {
    int64_t     event, customer, at_us, item, value, amount, discount, dwell_us, session_key;
    int         kind;
    double      quantity, rating;
    bool        goods; /* not carriage, a fee, ... */
    const char *order_ref, *channel, *device, *coupon;
} ref_event;
typedef struct ref_match {
    int64_t refund, purchase, amount, at_us;
    double  quantity;
} ref_match;
typedef struct ref_catalogue {
    int64_t     item, known_us, load;
    const char *category, *brand;
} ref_catalogue;
typedef struct ref_attribute {
    int64_t     customer, known_us, load;
    const char *name, *value; /* in lower case, as is */
    double      number;
} ref_attribute;
typedef struct ref_tie {
    int64_t     customer, other;
    const char *kind;
} ref_tie;
typedef struct ref_contact {
    int64_t customer, at_us;
} ref_contact;

/* What a bought line was worth and what of it was kept. */
typedef struct ref_line {
    const ref_event *event;
    int64_t          milli, kept_milli, value, net, off; /* value and off may be REF_NULL */
    int64_t          n_back, wait_s;
    bool             kept;
} ref_line;
typedef struct ref_order {
    int64_t at_us, n_line, n_goods, n_kept, milli, net, gross, n_valued, off, off_value, n_off,
        n_cut;
    int64_t n_coupon, n_back_line, n_back, wait_s, top_price;
} ref_order;
typedef struct ref_session {
    int64_t key, first_us, last_us, n, did[REF_N_KIND];
} ref_session;
typedef struct ref_pair {
    int64_t item, n, milli, valued_milli, net, first_us, at_s;
} ref_pair;
typedef struct ref_refund {
    int64_t at_us, value, lone;
} ref_refund;

/* One customer: events in order of time, and what they make. */
typedef struct ref_person {
    int64_t      customer;
    ref_event   *event;
    size_t       n_events;
    ref_line    *line;
    size_t       n_lines;
    ref_order   *order; /* those that stand, in order of time; then those that were given back */
    size_t       n_orders, n_all_orders;
    ref_session *session;
    size_t       n_sessions;
    ref_pair    *pair;
    size_t       n_pairs;
    ref_refund  *refund;
    size_t       n_refunds;
} ref_person;

/* One item, from the kept lines of everybody. Positions are NAN where there is none. */
typedef struct ref_item {
    int64_t     item, n_buyer, net, valued_milli, first_s;
    const char *category, *brand;
    double      fame, price_shop, price_peer;
} ref_item;

typedef struct ref_shop {
    clade_arena   *arena;
    clade_zone    *zone;
    double         minor;
    int64_t        as_of_us;
    int            year;
    ref_event     *event;
    size_t         n_events;
    ref_match     *match;
    size_t         n_matches;
    ref_catalogue *catalogue;
    size_t         n_catalogue;
    ref_attribute *attribute;
    size_t         n_attributes;
    ref_tie       *tie;
    size_t         n_ties;
    ref_contact   *touch, *answer;
    size_t         n_touches, n_answers;
    ref_person    *person;
    size_t         n_persons;
    ref_item      *item;
    size_t         n_items;
    /* What the log holds at all. */
    int64_t log_us, n_kind[REF_N_KIND], n_basket, n_valued, n_coupon, n_clock, n_refunder;
    int64_t n_session, n_session_clock, n_session_buy;
    /* Priors; NAN where there is nothing to learn them from. */
    double rate, rate_weight_s, value, value_weight;
} ref_shop;

/* Read the store and work out lines, orders, sessions, items and priors. */
clade_status ref_shop_open(ref_shop *shop, clade_store *store, int64_t as_of_us, clade_error *err);
void         ref_shop_close(ref_shop *shop);
/* The shop's clock at a moment. */
clade_civil ref_clock(const ref_shop *shop, int64_t at_us);
/* All features of one customer, in the order of the registry. */
void            ref_values(float *out, const ref_shop *shop, const ref_person *person);
const ref_item *ref_item_find(const ref_shop *shop, int64_t item);

#endif
