/* What the files of tracking share. A request is read onto a tape once; everything else is indices
 * of cells and slices of the body. */
#ifndef CLADE_TRACKING_INTERNAL_H
#define CLADE_TRACKING_INTERNAL_H

#include "clade/json_tape.h"
#include "clade/time.h"
#include "clade/tracking.h"

/* ---------------------------------------------------------------- words (words.c) */

/* A set of words, each with a small number; found by hash, in one or two looks. */
enum { WORDS_SLOTS = 512 };
typedef struct words {
    struct {
        const char *word;
        uint32_t    size;
        int         meaning;
    } slot[WORDS_SLOTS];
} words;

/* -1 when it is none of them. */
int clade__words_find(const words *set, clade_text word);

/* Members of an item. */
typedef enum top_name {
    TOP_TYPE,
    TOP_USER_ID,
    TOP_ANONYMOUS_ID,
    TOP_MESSAGE_ID,
    TOP_TIMESTAMP,
    TOP_ORIGINAL_TIMESTAMP,
    TOP_SENT_AT,
    TOP_EVENT,
    TOP_PROPERTIES,
    TOP_TRAITS,
    TOP_CONTEXT,
    TOP_NAME,
    TOP_CATEGORY,
    TOP_GROUP_ID,
    TOP_PREVIOUS_ID,
    TOP_CHANNEL,
    TOP_WRITE_KEY,
    TOP_BATCH,
    TOP_INTEGRATIONS,
    /* GA4 */
    TOP_CLIENT_ID,
    TOP_TIMESTAMP_MICROS,
    TOP_EVENTS,
    TOP_PARAMS,
    TOP_USER_PROPERTIES,
    TOP_CONSENT,
    N_TOP
} top_name;

/* Properties that have a field of the live event, or say what an order was worth. */
typedef enum field_name {
    FIELD_PRODUCT_ID,
    FIELD_SKU,
    FIELD_ID, /* of a product, in the first version of the spec */
    FIELD_ITEM_NAME,
    FIELD_NAME,
    FIELD_CATEGORY,
    FIELD_CATEGORY2,
    FIELD_CATEGORY3,
    FIELD_CATEGORY4,
    FIELD_CATEGORY5,
    FIELD_BRAND,
    FIELD_VARIANT,
    FIELD_PRICE,
    FIELD_QUANTITY,
    FIELD_COUPON,
    FIELD_CURRENCY,
    FIELD_ORDER,
    FIELD_SESSION,
    FIELD_QUERY,
    FIELD_RATING,
    FIELD_REVIEW,
    FIELD_DWELL,
    FIELD_REVENUE,
    FIELD_SUBTOTAL,
    FIELD_TOTAL,
    FIELD_SHIPPING,
    FIELD_TAX,
    FIELD_DISCOUNT,
    FIELD_VALUE,
    FIELD_PRODUCTS,
    FIELD_EMAIL,
    FIELD_PHONE,
    N_FIELD
} field_name;
#define FIELD_BIT(f) (UINT64_C(1) << (f))

/* Members of context. */
typedef enum place_name {
    PLACE_APP,
    PLACE_CAMPAIGN,
    PLACE_CHANNEL,
    PLACE_CONSENT,
    PLACE_DEVICE,
    PLACE_GROUP_ID,
    PLACE_LOCALE,
    PLACE_OS,
    PLACE_PAGE,
    PLACE_SESSION,
    PLACE_TIMEZONE,
    PLACE_TRAITS,
    PLACE_USER_AGENT,
    PLACE_USER_AGENT_DATA,
    N_PLACE
} place_name;

/* Traits with a field of the live event. */
typedef enum trait_name {
    TRAIT_NAME,
    TRAIT_FIRST_NAME,
    TRAIT_LAST_NAME,
    TRAIT_EMAIL,
    TRAIT_PHONE,
    TRAIT_ADDRESS,
    N_TRAIT
} trait_name;

/* What an event's name means. */
typedef enum event_shape {
    SHAPE_PLAIN, /* one event, no product of its own */
    SHAPE_LINE,  /* about a product; one event each where it lists several */
    SHAPE_ORDER  /* about an order: its money is shared out to its products */
} event_shape;
typedef struct meaning {
    clade_live_kind kind;
    event_shape     shape;
    const char     *status; /* of an order, or NULL */
} meaning;

typedef struct vocabulary {
    words event, top, field, place, trait, type;
} vocabulary;
void clade__vocabulary_make(vocabulary *out);
/* Names are compared by their letters and digits: "Product Viewed" is "product_viewed". */
meaning clade__event_meaning(const vocabulary *v, clade_text name);

/* ---------------------------------------------------------------- exact decimals (money.c) */

typedef struct decimal {
    int64_t mantissa; /* the value is mantissa / 10^scale */
    int     scale;    /* 0..18 */
    bool    there;
} decimal;

enum { MAX_UNITS_DIGITS = 15 };

/* A number as JSON spells it, or as people do. `*out_plain` when out_text may be the text itself.
 */
bool clade__decimal_read(decimal *out, clade_text text, bool *out_plain);
/* In the arena; NULL data when there is no memory. */
clade_text clade__decimal_text(decimal value, clade_arena *arena);
/* Rounded half away from zero to so many digits behind the point; false above 10^15 units. */
bool clade__decimal_units(int64_t *out, decimal value, int digits);
bool clade__decimals_product(int64_t *out, decimal a, decimal b, int digits);
/* a + b at the larger scale; false when it does not fit. */
bool    clade__decimal_add(decimal *out, decimal a, decimal b);
decimal clade__decimal_of(int64_t units, int digits);

/* amount by weight (n), all at least 0 and not all 0, so that out sums to amount and no line is a
 * unit or more from its share. */
void clade__share(int64_t *out, int64_t amount, const int64_t *weight, size_t n);

/* ---------------------------------------------------------------- the reader (tracking.c) */

typedef struct pairs {
    clade_live_pair *pair;
    size_t           n, capacity, n_over;
} pairs;

struct clade_tracking {
    clade_tracking_options options;
    vocabulary             words;
    clade_arena           *arena;
    clade_arena_mark       start; /* what is kept of the arena between requests */
    clade_json_tape        tape;
    pairs                  property, trait; /* of the item at hand */
    int64_t               *unit;            /* of the order at hand: four columns of n_lines */
    size_t                 unit_capacity;
    clade_tracking_note   *note;
    size_t                 n_notes, note_capacity, n_notes_more;
    size_t                 n_lines; /* of the request so far */
    bool                   no_memory;
    /* of the request */
    clade_tracking_endpoint endpoint;
    int64_t                 received_us, skew_us;
    uint32_t                envelope[N_TOP]; /* cells of the root's members, 0 when not there */
    size_t                  first_index;     /* of a record: what item 0 was in its request */
    bool                    skew_noted;
};

/* A request or a record; sizes of the body are the caller's. */
clade_status clade__request_read(clade_tracking_request *out, clade_tracking *t,
                                 clade_tracking_endpoint endpoint, clade_text body,
                                 int64_t received_us, size_t first_index, clade_error *err);

/* The array of items, 0 for a request that is one itself. */
uint32_t clade__request_list(const clade_tracking *t);

/* An item on its way. */
typedef struct draft {
    clade_tracking         *t;
    clade_tracking_item    *item;
    uint32_t                cell; /* of the item itself */
    uint32_t                top[N_TOP];
    uint32_t                place[N_PLACE];
    clade_tracking_endpoint call;
    bool                    ga4;
    clade_live_event        event; /* what all lines share */
} draft;

void clade__note(draft *d, clade_tracking_code code, clade_text field, clade_text value);
/* The text of a text, the spelling of a number or a boolean; size 0 for null and nothing. A
 * container is its JSON. */
clade_text clade__scalar(draft *d, uint32_t cell);

/* pairs.c: properties and traits */
void clade__pair_add(draft *d, pairs *to, clade_text name, clade_text value);
/* A value under a name: containers are taken apart, names joined by points; arrays stay JSON. */
void                   clade__pair_value(draft *d, pairs *to, clade_text name, uint32_t cell);
const clade_live_pair *clade__pairs_keep(draft *d, const pairs *from, size_t *out_n);
bool                   clade__pairs_find(const pairs *set, clade_text name);

/* context.c: what the context says; fills places, then fields and properties of d->event. */
void clade__context_places(draft *d, uint32_t context);
void clade__context_read(draft *d);
void clade__traits_read(draft *d, uint32_t traits, bool of_group);

/* item.c */
void clade__item_read(draft *d);
void clade__ga4_item_read(draft *d);
/* Moments of a cell: RFC 3339 text, or a number of seconds, milliseconds or microseconds. */
bool clade__moment_read(draft *d, uint32_t cell, int64_t *out_us);
void clade__identity_read(draft *d, uint32_t user, uint32_t anonymous);

/* lines.c: an event with its properties becomes the item's live events. */
void clade__lines_read(draft *d, uint32_t properties);

#endif
