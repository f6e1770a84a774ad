/**
 * Sequences: the events of many customers as columns, packed one customer behind the other. This is
 * what a behaviour model learns from and what a ranking is judged on; it knows no table and no
 * file.
 *
 *     customer 0              customer 1        customer 2
 *     |e0 e1 e2 e3 e4 e5 e6| |e7 e8 e9 e10|    |e11 e12 ...          start = { 0, 7, 11, ... }
 *
 * Items are numbered 1 .. n_items; 0 is "no item" (a search, a login). Events of a customer rise in
 * time; events at one moment keep the order of the source. A column that a log does not have is
 * NULL, and a value that an event does not have is 0: a log of customer, item and order alone is
 * the smallest case.
 */
#ifndef CLADE_SEQUENCES_H
#define CLADE_SEQUENCES_H

#include "clade/memory.h"

/** Columns of small numbers, so that category, brand, kind, price band ... are one thing. */
enum { CLADE_SEQUENCE_FIELDS_MAX = 16, CLADE_SEQUENCE_NAME_MAX = 32 };

typedef struct clade_sequence_field {
    char      name[CLADE_SEQUENCE_NAME_MAX]; /* "kind", "category", "price_band" */
    uint32_t  n_values;                      /* values are 1 .. n_values; 0 is absence */
    uint32_t *value; /* (n_events), or for a field of items (n_items + 1) with [0] = 0 */
} clade_sequence_field;

typedef struct clade_sequences {
    size_t    n_customers;
    size_t    n_events;
    uint32_t  n_items;
    int64_t  *customer; /* (n_customers) the caller's numbers, in the caller's order */
    uint64_t *start;    /* (n_customers + 1) first event of each; start[n_customers] = n_events */
    uint32_t *item;     /* (n_events) */
    int64_t  *at_us;    /* (n_events) UTC microseconds, or NULL where only the order is known */
    int64_t  *until_us; /* (n_customers) all that a customer did before it is here, nothing of what
                           came later; NULL: for everybody the last moment of the log */
    uint32_t *basket;   /* (n_events) 1, 2, ... within a customer: of one purchase; or NULL */

    size_t               n_fields; /* of events */
    clade_sequence_field field[CLADE_SEQUENCE_FIELDS_MAX];
    size_t               n_item_fields; /* of items */
    clade_sequence_field item_field[CLADE_SEQUENCE_FIELDS_MAX];
} clade_sequences;

/**
 * Room for so many customers and events; every array that is asked for is zeroed.
 *
 * @param with_time  Whether at_us exists.
 * @return CLADE_OK; CLADE_ERR_NOMEM.
 * Ownership   The caller fills it and frees it with clade_sequences_free, which accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_sequences_create(clade_sequences **out,
                                                             size_t n_customers, size_t n_events,
                                                             uint32_t n_items, bool with_time,
                                                             clade_error *err);
CLADE_API void                        clade_sequences_free(clade_sequences *sequences);

/** Give the log its until_us, all of them the last moment of the log, for the caller to change.
 *  CLADE_ERR_NOMEM. A log without times, or that has one already, stays as it is. */
CLADE_API CLADE_MUST_USE clade_status clade_sequences_add_until(clade_sequences *sequences,
                                                                clade_error     *err);
/** Give the log its baskets, all 0, for the caller to number. CLADE_ERR_NOMEM. */
CLADE_API CLADE_MUST_USE clade_status clade_sequences_add_basket(clade_sequences *sequences,
                                                                 clade_error     *err);
/** Are two events of a customer of one basket? Where the log does not say, those of one moment. */
CLADE_API bool clade_sequences_same_basket(const clade_sequences *sequences, uint64_t event,
                                           uint64_t other);
/** The last moment of the log, INT64_MIN without times or events. Cost O(n_events). */
CLADE_API int64_t clade_sequences_last_us(const clade_sequences *sequences);

/** Add a column of zeros over events, or over items (n_items + 1 values), and lend it.
 *  CLADE_ERR_ARG when there are CLADE_SEQUENCE_FIELDS_MAX already or the name is taken or too long.
 */
CLADE_API CLADE_MUST_USE clade_status clade_sequences_add_field(uint32_t       **out_value,
                                                                clade_sequences *sequences,
                                                                const char *name, uint32_t n_values,
                                                                clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_sequences_add_item_field(uint32_t       **out_value,
                                                                     clade_sequences *sequences,
                                                                     const char      *name,
                                                                     uint32_t         n_values,
                                                                     clade_error     *err);

/**
 * CLADE_ERR_DATA naming the first thing that does not hold: starts that fall, an item or a value
 * above its range, time that runs backwards within a customer. Cost O(n_events n_fields).
 */
CLADE_API CLADE_MUST_USE clade_status clade_sequences_check(const clade_sequences *sequences,
                                                            clade_error           *err);

/** A hash of order, items, times and fields (not of baskets, nor of the caller's customer numbers):
 * what a split and a run write down, so that two people can tell whether they judged the same
 * thing. */
CLADE_API uint64_t clade_sequences_hash(const clade_sequences *sequences);

/* ---- Cases and scorers: what is judged, and who is judged ------------------------------------ */

/** "Having seen the events [start[customer], end) of this customer: which item is next?" */
typedef struct clade_case {
    uint32_t customer; /* index into the sequences, not the caller's number */
    uint32_t target;   /* the item that came, 1 .. n_items */
    uint64_t end;      /* first event that is not seen */
    int64_t  at_us;    /* when it is asked; up to the last event seen, as 0 is: right behind that */
} clade_case;

/**
 * Anything that can rank a catalogue for customers: a model, a baseline, a blend of them.
 *
 * `score` fills out (n_cases, n_items + 1) row-major, larger is better; column 0 is not an item and
 * may hold anything. It reads no event at or after a case's end. Calls come from one thread at a
 * time; a scorer may use clade_parallel inside.
 */
typedef struct clade_scorer {
    const char *name; /* "item-knn" */
    void       *self;
    clade_status (*score)(void *self, float *out, const clade_sequences *sequences,
                          const clade_case *cases, size_t n_cases, clade_error *err);
} clade_scorer;

#endif
