/* The parts of a load: values, known keys, dictionaries, typed batches, and who fills and empties
 * them. Private to ingest. */
#ifndef CLADE_LOAD_INTERNAL_H
#define CLADE_LOAD_INTERNAL_H

#include "clade/ingest.h"

enum {
    LOAD_BATCH_ROWS         = 2048,
    LOAD_QUEUE_BATCHES      = 64,   /* as much reading as the engine needs to write its rows */
    LOAD_SAMPLE_ROWS        = 2000, /* what a mapping is guessed from */
    LOAD_MAX_CURRENCIES     = 32,
    LOAD_MAX_KINDS          = 64,     /* distinct spellings of kind or status a file's memo keeps */
    LOAD_MAX_EVENTS_PER_ROW = 100000, /* items in one basket field */
};
#define LOAD_NO_TIME   INT64_MIN
#define LOAD_NO_NUMBER UINT32_MAX
/* "Known from the start": attributes and catalogues that carry no date. */
#define LOAD_KNOWN_ALWAYS CLADE_TIME_MIN_US

__extension__ typedef __int128          clade__i128;
__extension__ typedef unsigned __int128 clade__u128;

/* ---------------------------------------------------------------- values (load_value.c) */

/* An exact decimal: mantissa / 10^scale. */
typedef struct clade__decimal {
    int64_t mantissa;
    int     scale; /* 0..18 */
} clade__decimal;

/* NULL, or why the text is no decimal. Money signs and codes are read into out_currency ("" when
 * there are none); plain digits stay exact to 18 digits whatever the currency's own. */
const char *clade__decimal_money(clade__decimal *out, char out_currency[4], clade_text text,
                                 const clade_column_map *column, const char currency[4]);
const char *clade__decimal_number(clade__decimal *out, clade_text text,
                                  const clade_column_map *column);
double      clade__decimal_double(clade__decimal value);
/* To `digits` decimals, half away from zero. False when it does not fit in 64 bits. */
bool clade__decimal_minor(int64_t *out_minor, clade__decimal value, int digits);
/* a * b to `digits` decimals, rounded once. */
bool clade__decimal_product(int64_t *out_minor, clade__decimal a, clade__decimal b, int digits);
/* minor * rate between currencies of different digits, rounded half away from zero. */
bool clade__money_convert(int64_t *out_minor, int64_t minor, int digits, double rate,
                          int shop_digits);

/* Trimmed, and empty when it only says that there is nothing ("NA", "null", "无"). */
clade_text clade__value_clean(clade_text text);
/* The same for ids: "17850.0", as spreadsheets write whole numbers, is "17850". */
clade_text clade__value_id(clade_text text);

typedef enum load_kind {
    LOAD_KIND_VIEW,
    LOAD_KIND_SEARCH,
    LOAD_KIND_CLICK,
    LOAD_KIND_CART,
    LOAD_KIND_UNCART,
    LOAD_KIND_CHECKOUT,
    LOAD_KIND_PURCHASE,
    LOAD_KIND_REFUND,
    LOAD_KIND_REVIEW,
    LOAD_KIND_LOGIN,
    LOAD_KIND_WISH,
    LOAD_KIND_SHARE,
    LOAD_KIND_CUSTOM, /* the order of event_kind in schema.sql */
    LOAD_N_KIND
} load_kind;

/* The kind a word means, or LOAD_N_KIND when it is none that we know. `coded`: 1..4 are Taobao's.
 */
load_kind   clade__kind_parse(clade_text text, bool coded);
const char *clade__kind_name(load_kind kind);

typedef enum load_status { LOAD_STATUS_DONE, LOAD_STATUS_UNDONE, LOAD_STATUS_UNPAID } load_status;
load_status clade__status_parse(clade_text text);

/* True when the text holds an e-mail address, or (with `phones`) a telephone number. */
bool clade__text_personal(clade_text text, bool phones);
/* Copies text to out (at least text.size + 16 bytes a match, see clade__redact_bound) with every
 * address and number replaced by "[removed]"; returns the size. */
size_t clade__text_redact(char *out, clade_text text, bool phones);
size_t clade__redact_bound(clade_text text);
/* Patterns that test accounts and members of staff are known by; looked at before sealing. */
bool clade__looks_like_test(clade_text name, clade_text email);
bool clade__looks_like_staff(clade_text email, clade_text attribute, clade_text value);

/* ---------------------------------------------------------------- known keys (load_keys.c) */

/* 8 bytes a key at two thirds full at most. Keys are compared on 63 bits; the last bit says "seen
 * in this file". */
typedef struct clade__keys {
    uint64_t *slot; /* (n_slots) 0 is empty */
    size_t    n_slots;
    size_t    n;
} clade__keys;

typedef enum clade__key_state { KEY_NEW, KEY_OLD, KEY_IN_FILE } clade__key_state;

clade_status clade__keys_reserve(clade__keys *keys, size_t n, clade_error *err);
/* Adds the key, marks it as seen in this file, and says how it was before. Needs room. */
clade__key_state clade__keys_put(clade__keys *keys, uint64_t key);
void             clade__keys_prefetch(const clade__keys *keys, uint64_t key);
void             clade__keys_new_file(clade__keys *keys);
void             clade__keys_free(clade__keys *keys);
uint64_t         clade__key_mix(uint64_t a, uint64_t b);
/* Identity of the k-th repeat (k = 0 is the row itself). */
uint64_t clade__key_repeat(uint64_t key, uint64_t k);

/* Texts to numbers by a 96-bit hash: the text itself is not kept. 16 bytes an entry. */
typedef struct clade__name {
    uint64_t hash;
    uint32_t check;
    uint32_t number; /* LOAD_NO_NUMBER is empty */
} clade__name;
typedef struct clade__names {
    clade__name *slot;
    size_t       n_slots;
    size_t       n;
} clade__names;

typedef struct clade__name_hash {
    uint64_t hash;
    uint32_t check;
} clade__name_hash;

clade__name_hash clade__name_of(clade_text text);
clade_status     clade__names_reserve(clade__names *names, size_t n, clade_error *err);
void             clade__names_prefetch(const clade__names *names, clade__name_hash name);
uint32_t         clade__names_find(const clade__names *names, clade__name_hash name);
void             clade__names_put(clade__names *names, clade__name_hash name, uint32_t number);
void             clade__names_free(clade__names *names);

/* 64-bit keys to 64-bit values. Key 0 is taken for 1. */
typedef struct clade__map {
    uint64_t *slot; /* (n_slots, 2): key, value; key 0 is empty */
    size_t    n_slots;
    size_t    n;
} clade__map;

/* The value's place, made (and zeroed) when `make`; NULL when absent or without memory. */
uint64_t *clade__map_at(clade__map *map, uint64_t key, bool make);
void      clade__map_free(clade__map *map);

/* ---------------------------------------------------------------- typed rows (load_parse.c) */

/* Texts of a row. Those before SLOT_N_HASHED are part of a row's identity; those behind them are
 * personal, or a number stands for them. */
typedef enum load_slot {
    SLOT_KIND,
    SLOT_ITEM,
    SLOT_ITEMS,
    SLOT_ORDER,
    SLOT_SESSION,
    SLOT_QUERY,
    SLOT_CHANNEL,
    SLOT_DEVICE,
    SLOT_COUPON,
    SLOT_STATUS,
    SLOT_TEXT,
    SLOT_RIVAL,
    SLOT_CAMPAIGN,
    SLOT_ARM,
    SLOT_EDGE_KIND,
    SLOT_ITEM_NAME,
    SLOT_CATEGORY,
    SLOT_SUBCATEGORY,
    SLOT_BRAND,
    SLOT_N_HASHED,
    SLOT_CUSTOMER = SLOT_N_HASHED,
    SLOT_OTHER,
    SLOT_NAME,
    SLOT_EMAIL,
    SLOT_PHONE,
    SLOT_ADDRESS,
    LOAD_N_SLOT
} load_slot;

typedef struct load_span {
    uint32_t at; /* offset in the batch's text; 0 is "absent" */
    uint32_t size;
} load_span;

enum {
    ROW_HAS_QUANTITY   = 1 << 0,
    ROW_HAS_PRICE      = 1 << 1,
    ROW_HAS_AMOUNT     = 1 << 2,
    ROW_HAS_VALUE      = 1 << 3,
    ROW_HAS_DISCOUNT   = 1 << 4,
    ROW_HAS_DWELL      = 1 << 5,
    ROW_HAS_RATING     = 1 << 6,
    ROW_HAS_STOCK      = 1 << 7,
    ROW_HAS_PROPENSITY = 1 << 8,
    ROW_HAS_COST       = 1 << 9,
    ROW_HAS_OUTCOME    = 1 << 10,
    ROW_HAS_MESSAGE    = 1 << 11, /* body is the hash of the message id */
    ROW_UNDONE         = 1 << 12, /* one line tells of an order and of its cancellation */
    ROW_LIST           = 1 << 13, /* SLOT_ITEMS: one event for each item, `gap_us` apart */
};

typedef struct load_row {
    int64_t          line;
    const char      *bad; /* NULL, or why the row goes to quarantine (static, or in bad_span) */
    uint32_t         bad_column; /* UINT32_MAX: the row as a whole */
    uint32_t         has;
    load_span        raw; /* only of bad rows */
    load_span        bad_span;
    int64_t          at_us;
    int64_t          registered_us;
    int64_t          gap_us;
    uint64_t         body; /* hash of what makes the row itself, without the customer */
    clade__name_hash customer;
    clade__name_hash other;
    clade__name_hash item;
    int64_t          price_minor, amount_minor, value_minor, discount_minor, dwell_us, cost_minor;
    double           quantity, rating, stock, propensity, outcome;
    char             currency[4];
    uint8_t          kind;
    load_span        span[LOAD_N_SLOT];
} load_row;

typedef struct load_batch {
    load_row  *row; /* (LOAD_BATCH_ROWS) */
    size_t     n_rows;
    char      *text; /* text[0] is unused, so that offset 0 can mean "absent" */
    size_t     text_size, text_capacity;
    load_span *attribute; /* (LOAD_BATCH_ROWS, n_attributes) for tables with open columns */
    size_t     n_attributes;
    double     progress; /* share of the file read when the batch was full */
    bool       last;
} load_batch;

static inline clade_text load_text(const load_batch *batch, load_span span)
{
    return (clade_text){ span.at == 0 ? NULL : batch->text + span.at, span.size };
}

/* What was counted while a file was read; problems are made of it. */
typedef struct load_tally {
    int64_t n_rows;
    int64_t n_bad;
    int64_t n_no_customer;
    int64_t n_future;
    int64_t n_zero_price;
    int64_t n_negative_price;
    int64_t n_adjustment; /* negative quantity, no price, no customer: the stock room's own */
    int64_t n_prefix_c, n_prefix_c_negative; /* order ids that begin with C */
    int64_t n_unknown_kind;
    char    unknown_kind[64];
    int64_t n_no_amount; /* purchases whose money is not known */
    int64_t n_redacted;
    int64_t n_undone;
    int64_t n_currency[LOAD_MAX_CURRENCIES];
    char    currency[LOAD_MAX_CURRENCIES][4];
    int     n_currencies;
    int64_t hour[24]; /* UTC hour of each event, for logs with a clock */
    int64_t n_with_clock;
    int64_t min_us, max_us;
    char    bad_example[200];
    int64_t bad_line;
} load_tally;

typedef struct load_state load_state;

/* How a file is read: which column is what. */
typedef struct load_plan {
    clade_shape       shape;
    clade_mapping     mapping;
    size_t            n_columns;
    char            **column; /* (n_columns) names, in the file's arena */
    uint32_t         *order;  /* (n_order) columns to parse, in the order of their slots */
    size_t            n_order;
    size_t            n_order_hashed; /* the first of them: those whose texts make a row itself */
    uint32_t         *attribute;      /* (n_attributes) columns kept under their own names */
    size_t            n_attributes;
    bool             *attribute_is_choice; /* (n_attributes) few values: an answer, not free text */
    bool              personal;            /* a column of names, addresses or numbers */
    int32_t           of[CLADE_N_FIELD];   /* first column of a field, or -1 */
    bool              coarse;              /* no order id and no clock finer than an hour */
    bool              no_clock;            /* a synthetic time line */
    bool              coded;               /* kinds are Taobao's 1..4 */
    bool              email_is_id;
    load_kind         kind;        /* of rows that do not say */
    char              currency[4]; /* of amounts that do not say */
    char              shop_currency[4];
    int               shop_digits;
    const clade_rate *rate;
    size_t            n_rates;
    clade_zone       *zone; /* NULL is UTC */
    int64_t           now_us;
    uint64_t          message_seed;
    bool              money_matters; /* orders and events with money */
    bool store_reads; /* Parquet: the store is busy reading, so nobody helps it writing */
} load_plan;

/* The file's columns and mapping: guessed, remembered, or said; and the plan made of it. Everything
 * lives in the arena. */
clade_status clade__plan_make(load_plan **out_plan, bool *out_remembered, load_state *state,
                              const char *path, clade_dialect *out_dialect,
                              const char **out_header_note, const clade_load_options *options,
                              clade_error *err);

/* The same for rows that are made and not read: these fields, in this order, moments in
 * microseconds. The caller sets now_us, the currencies and rates. */
clade_status clade__plan_fixed(load_plan **out_plan, clade_arena *arena, clade_shape shape,
                               const clade_field *field, size_t n, clade_error *err);

typedef struct load_memo {
    char    key[64];
    size_t  size;
    int64_t at_us, read_us;
    bool    set;
} load_memo;

typedef struct load_parser {
    const load_plan *plan;
    load_tally       tally;
    load_memo        time_memo;
    char             digits_of[4]; /* the currency asked about last, */
    int              digits;       /* and its decimals */
    struct {
        char      text[32];
        uint8_t   size;
        load_kind kind;
    } kind[LOAD_MAX_KINDS];
    int n_kinds;
} load_parser;

/* Turns one row into typed values. Never fails: a row that cannot be used is marked bad. False only
 * when memory ran out. */
bool clade__row_parse(load_parser *parser, load_batch *batch, const clade_row *row);
/* Room for `size` more bytes of text. False when memory ran out. */
bool clade__batch_room(load_batch *batch, size_t size);

/* ---------------------------------------------------------------- reading (load_read.c) */

/* A file being read: a thread of its own fills batches, the caller takes them in order. */
typedef struct load_feed load_feed;

clade_status clade__feed_open(load_feed **out_feed, const load_plan *plan, const char *path,
                              clade_store *store, clade_error *err);
/* The next batch, lent until the next call; NULL at the end of the file. */
clade_status      clade__feed_next(load_batch **out_batch, load_feed *feed, clade_error *err);
const load_tally *clade__feed_tally(const load_feed *feed); /* complete after the last batch */
uint64_t          clade__feed_hash(const load_feed *feed);
int64_t           clade__feed_bytes(const load_feed *feed);
double            clade__feed_busy_s(const load_feed *feed);
void              clade__feed_close(load_feed *feed);

/* ---------------------------------------------------------------- storing (load_store.c,
 * load_table.c) */

enum load_customer_bit {
    HAS_ID      = 1 << 0, /* the store has heard of the customer before */
    HAS_NAME    = 1 << 1,
    HAS_EMAIL   = 1 << 2,
    HAS_PHONE   = 1 << 3,
    HAS_ADDRESS = 1 << 4,
    IS_TEST     = 1 << 5, /* an attribute says so already */
    IS_STAFF    = 1 << 6,
};

enum load_item_bit {
    ITEM_STORED   = 1 << 0, /* the table has a row of it */
    ITEM_TOLD     = 1 << 1, /* a stored row has a name, a category or a brand */
    ITEM_NAME     = 1 << 2, /* this call found a name for it, and so on */
    ITEM_CATEGORY = 1 << 3,
    ITEM_BRAND    = 1 << 4,
    ITEM_TOUCHED  = 1 << 5, /* by this file */
};

typedef struct load_item {
    int64_t   known_us; /* since when the table knows it */
    int64_t   min_us;   /* its first event in this file */
    load_span text[4];  /* ref, name, category, brand in item_texts; 0 is absent */
    uint32_t  bits;
} load_item;

/* A table being filled: the appender and how many rows of its chunk are. With a helper, rows go to
 * two appenders in turn: one is filled while the helper's thread hands the other's rows to the
 * engine. */
typedef struct load_helper load_helper;
typedef struct load_out {
    clade_appender *appender;
    size_t          n;
    size_t          n_columns;
    uint64_t        absent;   /* columns that this file never has: set to NULL once a chunk */
    load_helper    *helper;   /* or NULL */
    size_t          n_chunks; /* flushed to the appender since its turn began */
} load_out;

/* Everything a call of clade_load_files keeps between files. */
struct load_state {
    clade_store *store;
    clade_arena *arena; /* the report's */
    int64_t      now_us;
    char         shop_currency[4];
    bool         currency_fixed; /* said or remembered, not guessed from this load */
    clade_rate   rate[LOAD_MAX_CURRENCIES];
    size_t       n_rates;

    bool         ready; /* the maps below are filled from the store */
    clade__keys  keys;
    clade__map   repeats; /* of this file: key -> how often seen, for coarse logs */
    clade__names customers;
    clade__names items;
    uint8_t     *customer_has; /* (customer_capacity) bits of load_customer_bit */
    size_t       customer_capacity;
    load_item   *item; /* (item_capacity) */
    size_t       item_capacity;
    clade_buffer item_texts; /* refs, names, categories, brands of items that the table lacks */
    uint32_t     n_items;
    uint32_t    *touched; /* (n_touched) items with ITEM_TOUCHED */
    size_t       n_touched, touched_capacity;
    int64_t      next_event;
    int64_t      next_load;
    clade__map   current; /* (subject, attribute) -> hash of its latest value */
    clade__keys  rows;    /* rows of edge, survey, rival_price, touch */
    bool         current_ready[CLADE_N_SHAPE];
};

typedef struct load_sink {
    load_state      *state;
    const load_plan *plan;
    const char      *path;
    int64_t          load;
    bool             known_file; /* its bytes were loaded before */
    load_out         event, identity, quarantine, people, item, table, undone;
    clade_buffer     sealed, scratch;
    int64_t          n_stored, n_duplicate, n_quarantined, n_events, n_repeats_kept, n_undone;
    int64_t          n_read;
} load_sink;

/* What the user says and the workspace remembers: the moment, the currency, rates. */
clade_status clade__state_begin(load_state *state, const clade_load_options *options,
                                clade_error *err);
clade_status clade__state_fill(load_state *state, clade_error *err);
void         clade__state_free(load_state *state);
clade_status clade__sink_open(load_sink *sink, clade_error *err);
/* The second half of sink_open: the tables, when what was seen does not begin anew. */
clade_status clade__sink_tables(load_sink *sink, clade_error *err);
clade_status clade__sink_batch(load_sink *sink, load_batch *batch, clade_error *err);
clade_status clade__sink_finish(load_sink *sink, clade_error *err);
void         clade__sink_close(load_sink *sink);

/* The shop's own currency, once the rows of a file or batch told what most amounts are in. */
clade_status clade__settle_currency(load_state *state, const load_plan *plan,
                                    const load_tally *tally, clade_error *err);

/* Shared by the two halves of storing. */
clade_status clade__out_open(load_out *out, clade_store *store, const char *table, size_t n_columns,
                             clade_error *err);
/* The chunk's next row: flushes a full one. Set every column of it. */
clade_status clade__out_row(size_t *out_row, load_out *out, clade_error *err);
clade_status clade__out_finish(load_out *out, clade_error *err);
void         clade__out_close(load_out *out);
/* What failed first: a helper that fails takes the transaction with it, and whoever writes next
 * only learns that it is gone. */
clade_status clade__out_cause(clade_status status, load_out *out, clade_error *err);
/* From now on a second thread hands full appenders to the engine. For an open table with many rows.
 */
clade_status clade__out_help(load_out *out, clade_store *store, const char *table,
                             clade_error *err);
void         clade__out_i64(load_out *out, size_t column, size_t row, int64_t value);
void         clade__out_f64(load_out *out, size_t column, size_t row, double value);
void clade__out_text(load_out *out, size_t column, size_t row, clade_text value); /* "" is NULL */
void clade__out_null(load_out *out, size_t column, size_t row);

/* The number of an outside id, sealed on first sight; -1 when the text is empty. */
clade_status clade__sink_person(int64_t *out_customer, load_sink *sink, clade__name_hash name,
                                clade_text id, clade_error *err);
/* A bad row's place, reason and sealed text. */
clade_status clade__sink_quarantine(load_sink *sink, const load_batch *batch, const load_row *row,
                                    clade_error *err);
/* The row's customer; seals what is personal in the row. */
clade_status clade__sink_customer(int64_t *out_customer, load_sink *sink, const load_batch *batch,
                                  const load_row *row, clade_error *err);
clade_status clade__sink_seal(load_sink *sink, int64_t customer, const char *kind, clade_text value,
                              clade_error *err);
clade_status clade__sink_item(int64_t *out_item, load_sink *sink, clade__name_hash name,
                              clade_text ref, clade_error *err);
clade_status clade__sink_attribute(load_sink *sink, int64_t customer, clade_text name,
                                   clade_text value, double number, int64_t known_us,
                                   clade_error *err);
/* The item gets a row at the end, where this file has news of it. */
clade_status clade__item_touch(load_state *state, uint32_t item, clade_error *err);
void         clade__item_learn(load_state *state, uint32_t item, int part, clade_text text);
clade_text   clade__item_category(char *out, size_t out_size, const load_batch *batch,
                                  const load_row *row);

/* Tables other than event (load_table.c). *out_new is false when the row repeats what is known. */
clade_status clade__table_open(load_sink *sink, clade_error *err);
clade_status clade__table_row(bool *out_new, load_sink *sink, load_batch *batch, size_t i,
                              clade_error *err);
/* One attribute as the table of customers keeps it: typed, sealed where it is personal, and only
 * when it changed. Sets *out_new when it did. */
clade_status clade__customer_attribute(bool *out_new, load_sink *sink, const load_row *row,
                                       int64_t customer, clade_text name, clade_text value,
                                       const clade_column_map *column, clade_error *err);
/* The text as a number ("yes" is 1), or NAN. */
double       clade__attribute_number(clade_text value, const clade_column_map *column);
clade_status clade__review_row(bool *out_new, load_sink *sink, load_batch *batch, size_t i,
                               int64_t customer, int64_t item, bool known_new, clade_error *err);

/* ---------------------------------------------------------------- cleaning (clean*.c) */

clade_status clade__clean_all(clade_store *store, clade_error *err);
clade_status clade__clean_complete(clade_store *store, clade_error *err);
clade_status clade__clean_refunds(clade_store *store, clade_error *err);
clade_status clade__clean_people(clade_store *store, clade_error *err);
clade_status clade__clean_bots(clade_store *store, clade_error *err);
clade_status clade__clean_outliers(clade_store *store, clade_error *err);

/* ---------------------------------------------------------------- telling (check.c, load_report.c)
 */

typedef struct clade__zone_slip {
    int64_t load;
    int     hours; /* its clock runs ahead of the largest load's by so many; below 0: behind */
    int64_t n_events;
} clade__zone_slip;
clade_status clade__zone_slips(clade__zone_slip *out, size_t room, size_t *out_n,
                               clade_store *store, clade_error *err);
const char  *clade__sentence(clade_arena *arena, const char *format, const char *first,
                             const char *second);

typedef struct load_note {
    const load_plan *plan;
    load_tally       tally;
    int64_t          n_repeats_kept;
    int64_t          n_undone;
    int64_t          load;
    const char      *path;
    const char      *header_note;
} load_note;

clade_status clade__report_fill(clade_load_report *report, load_state *state, const load_note *note,
                                size_t n_notes, clade_error *err);
/* One repair id. */
clade_status clade__repair_apply(load_state *state, const char *repair, clade_error *err);

#endif
