/**
 * The rule language: who belongs to a segment, said in one line.
 *
 *     spend(365d) > 500 and no purchase for 30d and viewed(category = "shoes") >= 3 within 7d
 *
 * One grammar, two evaluators. Over history a rule becomes one SQL query on the workspace; in a
 * server it is kept true event by event, in a state of a customer that is a few hundred bytes. Both
 * give the same answer at every moment: docs/formats/rules.md says what the answer is, and
 * tests/rules/test_equal.c holds them to it.
 *
 * A rule speaks of a moment `now` and knows what had happened up to and including it. "As of A"
 * stands for the last microsecond before A, as everywhere in clade: rules as of A read what
 * features as of A read.
 */
#ifndef CLADE_RULES_H
#define CLADE_RULES_H

#include "clade/store.h"

enum {
    CLADE_RULE_MAX_BYTES   = 4000, /* of a rule's text */
    CLADE_RULE_MAX_DEPTH   = 24,   /* of parentheses and `not` */
    CLADE_RULE_MAX_TESTS   = 64,   /* things a rule compares */
    CLADE_RULE_MAX_STEPS   = 5,    /* of a sequence */
    CLADE_RULE_MAX_FILTERS = 8,    /* of one kind of event */
    CLADE_RULE_MAX_NAME    = 64,   /* bytes of a segment's or an attribute's name, with its NUL */
    CLADE_RULESET_MAX      = 1024, /* rules kept at once */
};

/* ---------------------------------------------------------------- one rule */

/** A rule that was read. Constant and shared once made. */
typedef struct clade_rule_tree clade_rule_tree;

/** What a rule may speak of beside events. A list that is NULL is not checked. */
typedef struct clade_rule_names {
    const char *const *fact; /* attributes of customers and scores */
    size_t             n_facts;
    const char *const *segment;
    size_t             n_segments;
} clade_rule_names;

/**
 * Read a rule.
 *
 * @param names  May be NULL: then any attribute, score and segment may be named.
 * @param err    On failure one sentence with the column (from 1, in characters), below it the rule
 *               with a caret under the place; the hint suggests what was meant.
 * @return CLADE_ERR_ARG for a text that is no rule.
 *
 * Ownership   Free with clade_rule_tree_free, which accepts NULL. Keeps nothing of `text`.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_tree_parse(clade_rule_tree       **out_tree,
                                                            clade_text              text,
                                                            const clade_rule_names *names,
                                                            clade_error            *err);
CLADE_API void                        clade_rule_tree_free(clade_rule_tree *tree);
/** The rule as clade writes it: rules that say the same in the same order print the same, and
 *  reading what was printed prints it again. */
CLADE_API void clade_rule_tree_print(clade_buffer *out, const clade_rule_tree *tree);
/** The rule in words for people: "customers who spent more than 500 in the last 365 days and ...".
 *  @param currency  Behind amounts of money; NULL or "" for none. */
CLADE_API void clade_rule_tree_say(clade_buffer *out, const clade_rule_tree *tree,
                                   const char *currency, bool zh);
/** The nth segment that it names, or NULL behind the last. Lent by the tree. */
CLADE_API const char *clade_rule_tree_segment(const clade_rule_tree *tree, size_t nth);
/** The nth attribute or score that it names, or NULL behind the last. Lent by the tree. */
CLADE_API const char *clade_rule_tree_fact(const clade_rule_tree *tree, size_t nth);

/** A rule with the name that others call it by. */
typedef struct clade_rule_named {
    const char            *name;
    const clade_rule_tree *tree;
} clade_rule_named;

/* ---------------------------------------------------------------- over history */

/**
 * Where facts that are not in the table `customer` come from. Scores, and segments that are no
 * rules, are read from a table `rule_fact (customer BIGINT, name VARCHAR, number DOUBLE, value
 * VARCHAR, known_us BIGINT)` that the caller has made: a score under its name, being in segment S
 * as 1 (else 0) under "segment/S". Where `given` does not list it, a fact is an attribute.
 */
typedef struct clade_rule_sql_options {
    int64_t                 as_of_us;
    double                  minor; /* minor units in one of money: 100 for EUR */
    const clade_rule_named *named; /* rules that `in segment` may mean */
    size_t                  n_named;
    const char *const      *given; /* facts in rule_fact; segments as "segment/NAME" */
    size_t                  n_given;
    bool                    has_void; /* some events are flagged as test orders */
} clade_rule_sql_options;

/**
 * The rule as one query that gives the customers in it, rising.
 *
 * One scan of `event` answers all counts, sums and distinct counts by conditional aggregates; spend
 * reads purchases and refunds once more, each sequence the events of its steps. The text is the
 * subset that DuckDB and ClickHouse share, by the names of store/clickhouse_names.sql.
 *
 * @return CLADE_ERR_ARG naming the segments when they need each other in a circle;
 * CLADE_ERR_NOT_FOUND for a segment that is neither named nor given.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_tree_sql(clade_buffer                 *out,
                                                          const clade_rule_tree        *tree,
                                                          const clade_rule_sql_options *options,
                                                          clade_error                  *err);
/**
 * Run it: the customers in the rule as of a moment, rising. `minor` and `has_void` are found in the
 * store where options->minor is 0.
 * Ownership   The caller frees out_customer.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_members(int64_t **out_customer, size_t *out_n,
                                                         clade_store                  *store,
                                                         const clade_rule_tree        *tree,
                                                         const clade_rule_sql_options *options,
                                                         clade_error                  *err);

/* ---------------------------------------------------------------- event by event */

/** Kinds in the order of the store's event_kind. */
typedef enum clade_rule_kind {
    CLADE_RULE_VIEW,
    CLADE_RULE_SEARCH,
    CLADE_RULE_CLICK,
    CLADE_RULE_CART,
    CLADE_RULE_UNCART,
    CLADE_RULE_CHECKOUT,
    CLADE_RULE_PURCHASE,
    CLADE_RULE_REFUND,
    CLADE_RULE_REVIEW,
    CLADE_RULE_LOGIN,
    CLADE_RULE_WISH,
    CLADE_RULE_SHARE,
    CLADE_RULE_CUSTOM,
    CLADE_N_RULE_KIND
} clade_rule_kind;

/** Which values an event has. */
enum {
    CLADE_RULE_HAS_ITEM     = 1,
    CLADE_RULE_HAS_QUANTITY = 2,
    CLADE_RULE_HAS_PRICE    = 4,
    CLADE_RULE_HAS_VALUE    = 8,
    CLADE_RULE_HAS_SESSION  = 16,
    CLADE_RULE_HAS_ORDER    = 32,
    /* A purchase of an order of which nothing was kept: no money was spent in it. */
    CLADE_RULE_FELL = 64,
    /* It changes what earlier lines are worth: a refund that undoes a purchase, or a line that
     * joins an order of which something was given back. A state that counts spend is built again.
     */
    CLADE_RULE_REWRITES = 128,
};

/** One event of a customer. A text whose data is NULL is missing. All texts are borrowed. */
typedef struct clade_rule_event {
    clade_rule_kind kind;
    unsigned        has;
    int64_t         at_us;
    int64_t         item; /* number */
    double          quantity;
    int64_t         price_minor; /* of one piece */
    int64_t         value_minor; /* of the line, in the shop's currency: the `amount` of rules */
    int64_t         net_minor; /* what it adds to spend: of a purchase its value less what was given
                                  back, of a refund that no purchase explains minus its value */
    int64_t    order_us;       /* moment of its order's first line; at_us of other events */
    int64_t    session;        /* the store's session_key */
    uint64_t   order;          /* clade_hash64 of order_ref with seed 0 */
    clade_text ref, category, brand; /* of the item */
    clade_text channel, device, query;
} clade_rule_event;

/** An attribute, a score, or being in a segment that is no rule ("segment/NAME", number 1 or 0). */
typedef struct clade_rule_fact {
    const char *name;
    int64_t     known_us;
    bool        has_number;
    double      number;
    clade_text  value; /* data NULL: none */
} clade_rule_fact;

/** Somebody entered or left a rule. */
typedef struct clade_rule_change {
    size_t  rule; /* index in the set */
    bool    entered;
    int64_t at_us; /* from this moment on */
} clade_rule_change;
typedef struct clade_rule_listener {
    void (*changed)(void *context, const clade_rule_change *change);
    void *context;
} clade_rule_listener;

/** Many rules, made ready to be kept true: which events and facts can touch which. Constant. */
typedef struct clade_ruleset clade_ruleset;

/**
 * @param rules  `in segment NAME` means another of them where one has the name, else a fact.
 * @param minor  Minor units in one of money.
 * @return CLADE_ERR_ARG for a name that comes twice, and for rules that need each other in a
 * circle, naming them. Ownership   Free with clade_ruleset_free, which accepts NULL. Keeps nothing
 * of `rules`.
 */
CLADE_API CLADE_MUST_USE clade_status clade_ruleset_create(clade_ruleset         **out_set,
                                                           const clade_rule_named *rules,
                                                           size_t n_rules, double minor,
                                                           clade_error *err);
CLADE_API void                        clade_ruleset_free(clade_ruleset *set);
CLADE_API size_t                      clade_ruleset_n(const clade_ruleset *set);
CLADE_API const char                 *clade_ruleset_name(const clade_ruleset *set, size_t rule);
/** Can an event of this kind touch any rule, other than by being the customer's first? */
CLADE_API bool clade_ruleset_touches(const clade_ruleset *set, clade_rule_kind kind);

/**
 * What a set of rules must remember of one customer: one block of bytes without pointers. Starts as
 * { 0 } and is made by the first call; ends with clade_rule_state_free. One owner, no locks.
 */
typedef struct clade_rule_state {
    unsigned char *data;
    size_t         size;
    size_t         capacity;
} clade_rule_state;
CLADE_API void clade_rule_state_free(clade_rule_state *state);

/**
 * One event happened.
 *
 * What time alone changes up to the event is told first, each change with its own moment; then what
 * the event changes. Events of one moment may come in any order and count one after another.
 * An event that comes late (before the moment the state has reached) counts from now on: what was
 * told stays told.
 *
 * @param listener     May be NULL.
 * @param out_rebuild  True where the state alone cannot know: a refund that undoes a purchase, a
 *                     late event in a sequence, a late line of an order. The state has reached the
 *                     event's moment without it, and is right again after clade_rule_state_rebuild.
 * @return CLADE_ERR_NOMEM when the block cannot grow: build the state again.
 *
 * Cost        Nothing is allocated unless the block must grow, which doubles a list. An event that
 *             touches no rule costs a look at its kind.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_state_apply(clade_rule_state          *state,
                                                             const clade_ruleset       *set,
                                                             const clade_rule_event    *event,
                                                             const clade_rule_listener *listener,
                                                             bool *out_rebuild, clade_error *err);
/** One fact became known. A customer without any event is in no rule, whatever is known. */
CLADE_API CLADE_MUST_USE clade_status clade_rule_state_learn(clade_rule_state          *state,
                                                             const clade_ruleset       *set,
                                                             const clade_rule_fact     *fact,
                                                             const clade_rule_listener *listener,
                                                             clade_error               *err);
/** Time passed: tell what changed by `now_us`, in order, each with its moment. */
CLADE_API CLADE_MUST_USE clade_status clade_rule_state_advance(clade_rule_state          *state,
                                                               const clade_ruleset       *set,
                                                               int64_t                    now_us,
                                                               const clade_rule_listener *listener,
                                                               clade_error               *err);
/**
 * Build it again from all events of the customer, as they are known at now_us; what was learnt and
 * who was in what stays, and differences are told with the moment now_us.
 * @param events  (n_events) in time order, none later than now_us.
 * @return CLADE_ERR_ARG when they are not, or when the state has been further than now_us.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_state_rebuild(
    clade_rule_state *state, const clade_ruleset *set, const clade_rule_event *events,
    size_t n_events, int64_t now_us, const clade_rule_listener *listener, clade_error *err);

CLADE_API bool clade_rule_state_in(const clade_rule_state *state, const clade_ruleset *set,
                                   size_t rule);
/** The next moment at which something can change without an event; INT64_MAX: never. A timer set to
 *  it and clade_rule_state_advance when it fires miss nothing. */
CLADE_API int64_t clade_rule_state_next_us(const clade_rule_state *state);

/** Append the state as bytes, with a version and a checksum. */
CLADE_API void clade_rule_state_save(clade_buffer *out, const clade_rule_state *state);
/**
 * Read it back.
 * @return CLADE_ERR_VERSION for a newer format; CLADE_ERR_NOT_READY when it was kept for other
 * rules (rebuild it); CLADE_ERR_DATA when it is damaged. Ownership   out_state as after a call of
 * apply.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rule_state_load(clade_rule_state    *out_state,
                                                            const clade_ruleset *set,
                                                            clade_text bytes, clade_error *err);

/**
 * The events of one customer, or of all, as a set of rules must see them: as known as of a moment,
 * by customer and time. What the server warms up from and rebuilds with.
 *
 * @param customer  -1 for all.
 * @param each      Called for every event; whatever it returns but CLADE_OK ends the reading. The
 *                  event's texts are gone when it returns.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_rule_history_read(clade_store *store, int64_t customer, int64_t as_of_us,
                        clade_status (*each)(void *context, int64_t customer,
                                             const clade_rule_event *event, clade_error *err),
                        void *context, clade_error *err);

#endif
