/*
 * Segments by rule, kept true event by event: who is in which, and who entered or left.
 *
 *     rules_make.c   all of it from the store, on a thread that may wait
 *     rules.c        one event, one moment, the next one takes the place of this one
 *     watch.c        what was told, and who listens
 *     define.c       rules by HTTP
 *
 * Everything but the making is the loop thread's. While one is made, what comes is kept too, and
 * told to the new one when it takes over: a record's number says what it has already.
 */
#ifndef CLADE_SERVER_RULES_H
#define CLADE_SERVER_RULES_H

#include "server_internal.h"

#include "clade/ingest.h"
#include "clade/rule_segments.h"
#include "clade/timers.h"

/* An event or a fact of somebody, by its outside id. */
typedef struct clade__arrival {
    uint64_t         seq;
    bool             is_fact;
    clade_text       id;
    clade_rule_event event; /* net_minor and order_us are worked out by who takes it */
    clade_rule_fact  fact;
} clade__arrival;

typedef struct clade__member {
    char            *id; /* NULL: forgotten */
    uint64_t         hash;
    int64_t          customer; /* -1: came since */
    clade_rule_state state;
    clade_timer      timer;
    int64_t          due_us;
} clade__member;

typedef struct clade__order {
    uint64_t key; /* 0: empty */
    int64_t  first_us;
} clade__order;

typedef struct clade__item {
    uint64_t   key; /* of its ref; 0: empty */
    clade_text category, brand;
} clade__item;

struct clade__rules {
    uint64_t            order; /* later ones were read later */
    uint64_t            stored_seq;
    double              seconds;
    clade_rule_segments segments;
    size_t              n; /* rules that can be told; the others are left out */
    size_t             *segment_of, *size;
    clade_ruleset      *set;
    clade_timers       *timers;
    clade_live_reader  *reader;
    uint64_t            seed;
    clade__member      *member;
    size_t              n_members, room;
    uint32_t           *index; /* (n_index) member + 1, or 0 */
    size_t              n_index;
    clade__order       *orders;
    size_t              n_orders, n_order_index;
    clade__item        *items;
    size_t              n_items, n_item_index;
    clade_arena        *arena; /* of the items */
};

/* Read everything; takes the store's mutex. */
clade_status clade__rules_build(clade__rules **out, clade_server *server, clade_error *err);
void         clade__rules_free(clade__rules *rules);
/* A build begins, on the loop; it ends by taking over or, with NULL, by having failed. */
void clade__rules_building(clade_server *server);
void clade__rules_take_over(clade_server *server, clade__rules *fresh);

/* Parts that making and living share. */
clade__member *clade__rules_member(clade__rules *rules, clade_text id); /* made where missing */
int64_t        clade__rules_find(const clade__rules *rules, const char *id); /* -1: nobody */
bool           clade__rules_index(clade__rules *rules);
void           clade__rules_set_timer(clade__rules *rules, size_t member);
clade__order  *clade__rules_order(clade__rules *rules, uint64_t member_hash, uint64_t order,
                                  int64_t at_us);
clade__item   *clade__rules_item(clade__rules *rules, clade_text ref, clade_text category,
                                 clade_text brand);
/* A rule by its name, or "rule:" and its name; -1 for none. */
int64_t                   clade__rules_named(const clade__rules *rules, const char *name);
const clade_rule_segment *clade__rules_segment(const clade__rules *rules, size_t rule);

/* ---- watch.c */
void clade__feed_push(clade_server *server, const clade_rule_segment *segment, const char *id,
                      bool entered, int64_t at_us);
void clade__feed_forget(clade_server *server, const char *id);

#endif
