/* What the files of the module share: names to numbers, and cutting sequences. */
#ifndef CLADE_JUDGE_INTERNAL_H
#define CLADE_JUDGE_INTERNAL_H

#include "clade/judge.h"
#include "clade/text.h"

/** Texts numbered 1, 2, ... by first appearance. Start with { 0 }; the text is copied. */
typedef struct clade__labels {
    clade_arena *arena;
    clade_text  *name; /* [1 .. n] */
    size_t       n, capacity;
    uint32_t    *slot; /* (n_slots) numbers by hash, 0 where free; n_slots is a power of two */
    size_t       n_slots;
} clade__labels;

/** The number of a text, given to it when it is new; 0 when there is no memory or no number left.
 */
uint32_t clade__labels_add(clade__labels *names, clade_text text);
/** 0 when it is not there. */
uint32_t clade__labels_find(const clade__labels *names, clade_text text);
void     clade__labels_free(clade__labels *names);

/** One event as it was read. */
typedef struct clade__event {
    int64_t  at_us;
    uint32_t customer; /* 1 .. */
    uint32_t item;     /* 1 .. */
    uint32_t basket;   /* any number; a run of equal ones within a customer is a basket */
} clade__event;

/** What the rows of a file gave, before order and left-out items. */
typedef struct clade__raw {
    clade__event *event;
    size_t        n_events, capacity;
    clade__labels customers, items, baskets;
    uint8_t      *held_out; /* (customers.n + 1), grown with them, or NULL */
    size_t        held_capacity;
    bool          has_time, has_basket, has_split;
} clade__raw;

/** Order the events, drop rare items, number what is left; fills the file's arrays. */
CLADE_MUST_USE clade_status clade__file_build(clade_sequence_file *file, clade__raw *raw,
                                              uint32_t *new_item, uint32_t min_item_count,
                                              clade_error *err);
/** Read item_attributes beside `path`, when there, into fields of items. */
CLADE_MUST_USE clade_status clade__file_attributes(clade_sequence_file *file, const clade__raw *raw,
                                                   const uint32_t *new_item, const char *folder,
                                                   clade_error *err);

/** The first length[c] events of each customer, with all fields. */
CLADE_MUST_USE clade_status clade__sequences_head(clade_sequences **out, const clade_sequences *all,
                                                  const uint64_t *length, clade_error *err);

#endif
