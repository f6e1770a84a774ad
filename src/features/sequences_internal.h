/* What the files that read event sequences share. */
#ifndef CLADE__FEATURES_SEQUENCES_INTERNAL_H
#define CLADE__FEATURES_SEQUENCES_INTERNAL_H

#include "clade/event_sequences.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Words and their numbers (words.c) ------------------------------------------------------- */

typedef struct clade__word {
    clade_text text;
    uint64_t   hash;
    uint64_t   n;      /* how often it was added */
    uint32_t   number; /* 1 .. ; 0 for a word that has none */
} clade__word;

/* A hash table of words; texts are copied into the arena. Start with { .arena = ... }. */
typedef struct clade__word_table {
    clade_arena *arena; /* borrowed */
    clade__word *word;  /* (n) in the order of first sight */
    size_t       n, capacity;
    uint32_t    *slot; /* (n_slots, a power of two) index + 1, or 0 */
    size_t       n_slots;
} clade__word_table;

void clade__words_free(clade__word_table *table);
/* Count a word: its index, or UINT32_MAX when there is no memory. */
uint32_t clade__words_add(clade__word_table *table, clade_text text);
/* The number of a word, or 0. */
uint32_t clade__words_number(const clade__word_table *table, clade_text text);
/* Number the `most` words that were added most often, of equals the one that sorts first, and name
 * them in `out`. False when there is no memory. */
bool clade__words_rank(clade_words *out, clade__word_table *table, uint32_t most);
/* A table in which the words have the numbers that they have in `words`. */
bool clade__words_of(clade__word_table *out, const clade_words *words, clade_arena *arena);

/* ---- What is read (event_sequences.c, event_catalogue.c) ------------------------------------- */

typedef struct clade__reading {
    clade_store            *store;
    int64_t                 as_of_us;
    const clade_vocabulary *base;        /* or NULL */
    clade_buffer            everybody;   /* SQL: the events that count, as a subquery */
    clade_buffer            wanted;      /* the same, of the customers that were asked for */
    bool                    has_service; /* some events are no product */
    char                    currency[8]; /* of the shop, or "" */
} clade__reading;

/* Everything about items: the vocabulary but for channel and device, and a column for each field
 * of items. */
typedef struct clade__catalogue {
    clade_vocabulary *vocabulary;                           /* owned */
    uint32_t         *category, *path, *brand, *price_band; /* (n_items + 1) in the arena */
    bool              has_price;
    size_t            n_cold;
} clade__catalogue;

clade_status clade__catalogue_make(clade__catalogue *out, const clade__reading *reading,
                                   clade_error *err);
void         clade__catalogue_free(clade__catalogue *catalogue);

/* log2 of the price that the bands of a category path stand around; NAN when there is none. */
double clade__centre_of(const clade_vocabulary *vocabulary, uint32_t path);
/* Fill by_item from item and n_items. */
clade_status clade__vocabulary_sort(clade_vocabulary *vocabulary, clade_error *err);

/* 1 .. CLADE_PRICE_BANDS: half octaves around the centre, 9 being the centre's own. 0 where either
 * is not finite. */
uint32_t clade__price_band(double log2_price, double log2_centre);
/* 1 below one piece, then by octaves: 2 is one, 3 two or three ... 0 for what is no quantity. */
uint32_t clade__quantity_band(double quantity);
/* The first words of a search as numbers 1 .. CLADE_QUERY_BUCKETS; 0 behind the last. */
void clade__query_words(uint32_t out[CLADE_QUERY_WORDS], clade_text query);

#endif
