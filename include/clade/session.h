/**
 * Session: will the visit that is running end in a purchase?
 *
 *     visit |--e1--e2--e3--|........... purchase? ...|
 *                  prefix   what is asked
 *
 * A visit is a customer's events with no pause above 30 minutes (and within one session id, where
 * the log has them). Rows to learn from are prefixes of past visits, after some event before the
 * first purchase; the label is a purchase later in the same visit. Learning and the live shop build
 * a prefix through the same functions, so a feature cannot mean two things.
 * docs/maths/predict.md has the features and the judgement.
 */
#ifndef CLADE_SESSION_H
#define CLADE_SESSION_H

#include "clade/predict.h"

#define CLADE_SESSION_PAUSE_US (INT64_C(30) * 60 * 1000000)

/* ---- A running visit ------------------------------------------------------------------------- */

typedef enum clade_session_kind {
    CLADE_SESSION_VIEW,
    CLADE_SESSION_SEARCH,
    CLADE_SESSION_CLICK,
    CLADE_SESSION_CART,
    CLADE_SESSION_UNCART,
    CLADE_SESSION_CHECKOUT,
    CLADE_SESSION_WISH,
    CLADE_SESSION_PURCHASE,
    CLADE_SESSION_OTHER, /* login, share, the shop's own */
    CLADE_N_SESSION_KIND
} clade_session_kind;
/** By the names of the store, "view" or "cart"; false for what is no part of a visit (a refund). */
CLADE_API bool clade_session_kind_of(clade_session_kind *out, clade_text name);

typedef struct clade_session_event {
    clade_session_kind kind;
    int64_t            at_us;
    uint64_t           item, category; /* any number of one's own, as a hash; 0: none */
    double             price;          /* of the item, major units; NAN: unknown */
    double             dwell_s;        /* seconds spent; NAN: unknown */
} clade_session_event;

/** What is known of a visitor when the visit begins. */
typedef struct clade_session_visitor {
    double visits;                  /* before this one; 0: new */
    double days_since_visit;        /* NAN: new */
    double orders;                  /* before this visit */
    double days_since_order;        /* NAN: none */
    char   device[32], channel[32]; /* as in the log; "": unknown */
} clade_session_visitor;

enum {
    CLADE_SESSION_ITEMS_MAX      = 64,
    CLADE_SESSION_CATEGORIES_MAX = 32
}; /* told apart in a visit */

/** A visit so far: plain memory, free to copy. */
typedef struct clade_session_state {
    clade_session_visitor visitor;
    int64_t               start_us, last_us;
    uint32_t              n_events, count[CLADE_N_SESSION_KIND];
    double                dwell_s, pause_s, last_price, cart_value;
    uint32_t              n_items, n_categories, most_seen;
    uint64_t              item[CLADE_SESSION_ITEMS_MAX];
    uint32_t              seen[CLADE_SESSION_ITEMS_MAX];
    uint64_t              category[CLADE_SESSION_CATEGORIES_MAX];
} clade_session_state;

/** A visit before its first event. */
CLADE_API void clade_session_start(clade_session_state *out, const clade_session_visitor *visitor);
/** Its next event. Events come in the order of time; one that is older counts as of the last one.
 *  Cost   O(CLADE_SESSION_ITEMS_MAX), allocates nothing. */
CLADE_API void clade_session_add(clade_session_state *state, const clade_session_event *event);

/* ---- The model ------------------------------------------------------------------------------- */

enum { CLADE_SESSION_FEATURES = 29, CLADE_SESSION_TOP = 8 };
CLADE_API const char *clade_session_feature_name(size_t feature); /* "carts", ... Never NULL. */
CLADE_API const char *clade_session_feature_words(size_t feature, bool zh);

/** Models that compete, the simplest first. */
typedef enum clade_session_member {
    CLADE_SESSION_RULE,   /* share that buys by number of events and something in the cart */
    CLADE_SESSION_LINEAR, /* logistic regression, elastic net */
    CLADE_SESSION_TREES,
    CLADE_N_SESSION_MEMBER
} clade_session_member;
CLADE_API const char *clade_session_member_name(clade_session_member member);

typedef struct clade_session_group {
    size_t         n; /* 0: fewer than 20 visits, nothing is said */
    double         base_rate;
    clade_interval auc, ece;
} clade_session_group;

typedef struct clade_session_card {
    int64_t               first_us, as_of_us;
    int64_t               judged_us;          /* visits that begin here or later were judged */
    size_t                n_visits, n_bought; /* with something before the first purchase */
    size_t                n_learnt, n_judged, n_judged_positive; /* prefixes; judged: one a visit */
    double                base_rate;
    double                weight[CLADE_N_SESSION_MEMBER], loss[CLADE_N_SESSION_MEMBER];
    double                blend_loss;
    size_t                n_metrics;
    clade_predict_metric  metric[CLADE_PREDICT_METRICS_MAX];
    clade_interval        gain_rule; /* of AUC, paired */
    clade_calibration_bin bin[10];
    clade_session_group   group[2]; /* new visitors, returning ones */
    size_t                n_top;
    uint32_t              top[CLADE_SESSION_TOP]; /* features by their share of the trees' gain */
    double                top_share[CLADE_SESSION_TOP];
    bool                  trusted;
    clade_sentence        why;
    double                seconds;
    uint64_t              seed, data_hash;
    int64_t               run;
} clade_session_card;

/** const after the fit, and shared between threads. */
typedef struct clade_session_model clade_session_model;

/**
 * Fit on the visits before as_of: learnt on the earliest three fifths, chosen, blended and
 * calibrated on the next, judged once on the last fifth, then fitted on all.
 *
 * @param out_why_not  Set with CLADE_ERR_NOT_READY, in both languages.
 * @return CLADE_ERR_NOT_READY when the log has no visits (views, carts), too few of them, or too
 * few that end in a purchase; CLADE_ERR_INTERRUPTED; failures of the store. Ownership   The caller
 * frees with clade_session_model_free, which accepts NULL. Repeatable  Bit for bit by seed,
 * whatever the number of threads. Cost        One scan of the events in order, and three small fits
 * of at most 120,000 prefixes.
 */
CLADE_API CLADE_MUST_USE clade_status clade_session_fit(clade_session_model        **out,
                                                        clade_sentence              *out_why_not,
                                                        clade_store                 *store,
                                                        const clade_predict_options *options,
                                                        clade_error                 *err);
CLADE_API void                        clade_session_model_free(clade_session_model *model);
CLADE_API const clade_session_card   *clade_session_model_card(const clade_session_model *model);

/**
 * The chance that the visit ends in a purchase (another one, where one was made already).
 *
 * @param state  With at least one event.
 * @return CLADE_ERR_ARG for a visit without events; CLADE_ERR_NOMEM.
 * Threads     Safe to call at once on the same model.
 * Cost        5 microseconds: bench/results/predict.md.
 */
CLADE_API CLADE_MUST_USE clade_status clade_session_score(double                    *out_chance,
                                                          const clade_session_model *model,
                                                          const clade_session_state *state,
                                                          clade_error               *err);

/** models/session/ with card.json, model.json and trees.json, replaced whole. */
CLADE_API CLADE_MUST_USE clade_status clade_session_save(clade_store         *store,
                                                         clade_session_model *model, int64_t run,
                                                         clade_error *err);
/** @return CLADE_ERR_NOT_READY when none was fitted; CLADE_ERR_VERSION; CLADE_ERR_DATA. */
CLADE_API CLADE_MUST_USE clade_status clade_session_open(clade_session_model **out,
                                                         clade_store *store, clade_error *err);
/** The card as an object. */
CLADE_API void clade_session_card_write(clade_json *json, const clade_session_card *card);

#endif
