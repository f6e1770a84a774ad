/**
 * Event sequences: the log of a shop as columns for a behaviour model (clade/sequences.h), and the
 * vocabulary that says what each number of them stands for.
 *
 *     event table  ->  item, at_us, kind, price_band, quantity_band, channel, device, query ...
 *     item table   ->  category, category_path, brand, price_band of every item, touched or not
 *
 * Everything is as of a moment: no event at or after it, no row of the catalogue that was known at
 * it or later, no flag, no price, no word. docs/maths/tokens.md has the columns and their bands.
 */
#ifndef CLADE_EVENT_SEQUENCES_H
#define CLADE_EVENT_SEQUENCES_H

#include "clade/json.h"
#include "clade/sequences.h"
#include "clade/store.h"

enum {
    CLADE_EVENTS_A_CUSTOMER = 4096,    /* latest events kept of each, where options say 0 */
    CLADE_EVENT_ONLY_MAX    = 10000,   /* customers that one call can be restricted to */
    CLADE_EVENT_WORDS_MAX   = 255,     /* channels, devices: the most frequent have a number */
    CLADE_ITEM_WORDS_MAX    = 65535,   /* brands, categories, category paths */
    CLADE_QUERY_BUCKETS     = 4096,    /* numbers that the words of searches are hashed into */
    CLADE_QUERY_WORDS       = 3,       /* first words of a search that are kept */
    CLADE_PRICE_BANDS       = 17,      /* half octaves around the median of the category */
    CLADE_QUANTITY_BANDS    = 10,      /* octaves */
    CLADE_PRICE_PEERS_MIN   = 3,       /* priced items that make a median of a category */
    CLADE_ITEMS_MAX         = 1 << 30, /* of a catalogue */
};

/** What the numbers 1 .. n of a column say; number i has the name name[i - 1]. */
typedef struct clade_words {
    uint32_t     n;
    const char **name; /* (n), UTF-8 */
} clade_words;

/**
 * What the numbers in event sequences stand for. A model keeps the one it was fitted with and hands
 * it to every later reading, so that its numbers go on meaning the same: words that it does not
 * know then read as 0 (absence), the medians of prices stay, and items that have come since get
 * numbers behind the old ones.
 *
 * Kinds of events are numbered in the order of docs/formats/schema.md: view is 1, custom is 13.
 */
typedef struct clade_vocabulary {
    uint32_t     n_items;
    int64_t     *item;      /* (n_items + 1) internal number; [0] is -1. Rising when fresh */
    const char **item_ref;  /* (n_items + 1) the shop's own id as of the moment; NULL if unknown */
    const char **item_name; /* (n_items + 1) likewise */
    clade_words  channel, device;
    clade_words  category;      /* first level of the path */
    clade_words  category_path; /* whole path */
    clade_words  brand;
    /* log2 of the median price in minor units: [0] of the shop, then of each category path; NAN
     * where nothing has a price. (category_path.n + 1) */
    double *price_centre;

    uint32_t    *by_item; /* (n_items) dense numbers in rising order of internal number */
    clade_arena *arena;   /* all of the above lives here */
} clade_vocabulary;

/** The dense number (1 .. n_items) of an internal item number, or 0. Cost O(log n_items). */
CLADE_API uint32_t clade_vocabulary_find(const clade_vocabulary *vocabulary, int64_t item);
CLADE_API void     clade_vocabulary_free(clade_vocabulary *vocabulary); /* accepts NULL */
/** As one JSON object, for the bundle of a model. Names and refs of items are left out: they are
 *  read from the store, as of the moment of the reading. */
CLADE_API void clade_vocabulary_write(clade_json *json, const clade_vocabulary *vocabulary);
/**
 * The opposite, from a text that may be anybody's.
 *
 * @return CLADE_ERR_DATA naming the first key that is missing, of another type or out of range.
 * Ownership   The caller frees with clade_vocabulary_free. item_ref and item_name are all NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_vocabulary_read(clade_vocabulary **out_vocabulary,
                                                            clade_text json, clade_error *err);

typedef struct clade_event_sequences_options {
    size_t  max_events;   /* latest events kept of a customer; 0 means CLADE_EVENTS_A_CUSTOMER */
    int64_t memory_bytes; /* limit of what the call itself holds; 0 means none */
    const clade_vocabulary *base;     /* of a fitted model, or NULL to make one afresh */
    const int64_t          *customer; /* (n_only) read these alone, in any order; NULL for all */
    size_t                  n_only;
} clade_event_sequences_options;

/** What was read and what was not; every loss is here. */
typedef struct clade_event_counts {
    size_t n_events_cut;    /* older than the latest max_events of their customer */
    size_t n_customers_cut; /* who lost events that way */
    size_t n_left_out; /* events of customers flagged as test, staff or bot, and of test orders */
    size_t n_nobody;   /* events that name no customer */
    size_t n_service;  /* events kept whose item is 0 because it is no product: carriage, fees */
    size_t n_cold;     /* items that no event by then names */
    double sort_seconds, fill_seconds; /* in the engine; in here */
} clade_event_counts;

/**
 * Every customer's events strictly before `as_of_us`, in rising order of customer; of each, by
 * rising moment, events at one moment in the order of storing.
 *
 * The customers are those of clade_features_compute: who did anything by then and was not flagged
 * as test, staff or bot. Items are those that the catalogue knew by then and those that an event
 * names, in rising internal number, without those that are never a product.
 *
 * Fields of events   "kind", always. "price_band" against the median of the item's category,
 *                    "quantity_band", "channel", "device", "query", "query_2", "query_3" (hashed
 *                    words): where the log, or `base`, has any.
 * Fields of items    "category", "category_path", "brand", "price_band": likewise.
 *
 * @param out_vocabulary  What the numbers mean; may not be NULL.
 * @param out_counts      May be NULL.
 * @param options         May be NULL.
 * @return CLADE_ERR_ARG for as-of or more than CLADE_EVENT_ONLY_MAX customers; CLADE_ERR_NOMEM
 *         naming events, bytes and the limit; CLADE_ERR_DATA for a catalogue above CLADE_ITEMS_MAX.
 *         A shop without events gives zero customers. Outputs untouched on error.
 *
 * Ownership   The caller frees both with clade_sequences_free and clade_vocabulary_free.
 * Repeatable  Bit for bit, whatever the number of threads of the store.
 * Cost        One sort of the events in the engine, which spills beyond its memory; about 12 bytes
 *             and 4 a field for an event here. Measured: docs/maths/tokens.md.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_event_sequences(clade_sequences **out_sequences, clade_vocabulary **out_vocabulary,
                      clade_event_counts *out_counts, clade_store *store, int64_t as_of_us,
                      const clade_event_sequences_options *options, clade_error *err);

#endif
