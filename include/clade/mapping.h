/**
 * Mapping: which column of a shop's file is which field of clade, and how its values are written.
 * Guessed from names (English and Chinese) and from values; overridden by the user; kept in the
 * workspace and used again for the next file of the same shape.
 */
#ifndef CLADE_MAPPING_H
#define CLADE_MAPPING_H

#include "clade/reader.h"

typedef enum clade_shape {
    CLADE_SHAPE_UNKNOWN,
    CLADE_SHAPE_ORDERS,       /* order lines */
    CLADE_SHAPE_EVENTS,       /* typed or untyped events, down to user, item, time */
    CLADE_SHAPE_CUSTOMERS,    /* one row per customer */
    CLADE_SHAPE_ITEMS,        /* one row per product */
    CLADE_SHAPE_REVIEWS,      /* reviews and survey answers */
    CLADE_SHAPE_RIVAL_PRICES, /* rival, item, time, price */
    CLADE_SHAPE_EDGES,        /* customer, other customer */
    CLADE_SHAPE_TOUCHES,      /* campaign contacts */
    CLADE_N_SHAPE
} clade_shape;

typedef enum clade_field {
    CLADE_FIELD_NONE, /* kept as an attribute in customer and item tables, ignored elsewhere */
    CLADE_FIELD_CUSTOMER,
    CLADE_FIELD_TIME,
    CLADE_FIELD_DATE, /* date and clock in two columns: DATE + CLOCK make TIME */
    CLADE_FIELD_CLOCK,
    CLADE_FIELD_OFFSET_MS, /* milliseconds since the session's or day's start, added to the date */
    CLADE_FIELD_KIND,
    CLADE_FIELD_ITEM,
    CLADE_FIELD_ITEM_NAME,
    CLADE_FIELD_CATEGORY,
    CLADE_FIELD_SUBCATEGORY,
    CLADE_FIELD_BRAND,
    CLADE_FIELD_QUANTITY,
    CLADE_FIELD_PRICE,    /* of one unit */
    CLADE_FIELD_AMOUNT,   /* of the line */
    CLADE_FIELD_DISCOUNT, /* taken off the line, as a positive amount */
    CLADE_FIELD_CURRENCY,
    CLADE_FIELD_RATE, /* value of one unit of the currency in the shop's own */
    CLADE_FIELD_ORDER,
    CLADE_FIELD_SESSION,
    CLADE_FIELD_MESSAGE, /* message id: a repeat is a duplicate */
    CLADE_FIELD_QUERY,
    CLADE_FIELD_CHANNEL,
    CLADE_FIELD_DEVICE,
    CLADE_FIELD_COUPON,
    CLADE_FIELD_DWELL_S,
    CLADE_FIELD_RATING,
    CLADE_FIELD_TEXT,   /* free text of a review */
    CLADE_FIELD_STATUS, /* of an order: paid, cancelled, refunded */
    CLADE_FIELD_STOCK,
    CLADE_FIELD_ITEMS,    /* several items in one field, separated by blanks: one row is a basket */
    CLADE_FIELD_SEQUENCE, /* 1, 2, 3 ...: order of events where there is no clock */
    CLADE_FIELD_NAME,     /* personal: sealed, never stored in the clear */
    CLADE_FIELD_EMAIL,
    CLADE_FIELD_PHONE,
    CLADE_FIELD_ADDRESS,
    CLADE_FIELD_OTHER_CUSTOMER,
    CLADE_FIELD_EDGE_KIND,
    CLADE_FIELD_RIVAL,
    CLADE_FIELD_CAMPAIGN,
    CLADE_FIELD_ARM,
    CLADE_FIELD_PROPENSITY,
    CLADE_FIELD_COST,
    CLADE_FIELD_OUTCOME,
    CLADE_FIELD_REGISTERED, /* when a customer signed up */
    CLADE_FIELD_ATTRIBUTE,  /* kept under its own name */
    CLADE_FIELD_IGNORE,
    CLADE_N_FIELD
} clade_field;

/** How the values of a column are written. */
typedef enum clade_date_order { CLADE_DATE_YMD, CLADE_DATE_DMY, CLADE_DATE_MDY } clade_date_order;
typedef struct clade_column_map {
    clade_field      field;
    double           confidence; /* 0..1; 1 when the user said so or the workspace remembered */
    bool             decimal_comma;
    clade_date_order date_order;  /* for text dates; proved by a value above 12 where possible */
    bool             date_proved; /* false: the order is a guess and a problem is reported */
    int time_unit; /* numeric moments: 0 text, 1 seconds, 2 milliseconds, 3 microseconds, 4 Excel
                      days */
    int64_t resolution_us; /* finest step seen: day, hour, minute, second, microsecond */
} clade_column_map;

typedef struct clade_mapping {
    clade_shape      shape;
    size_t           n_columns;
    clade_column_map column[CLADE_READER_MAX_COLUMNS];
    char             zone[64];    /* of local times in the file, "UTC" by default */
    char             currency[4]; /* where no column says it; from signs or from the workspace */
} clade_mapping;

CLADE_API const char *clade_field_name(clade_field field); /* "customer", "order", ... */
CLADE_API const char *clade_shape_name(clade_shape shape); /* "orders", "events", ... */
CLADE_API CLADE_MUST_USE clade_status clade_field_parse(clade_field *out_field, const char *name,
                                                        clade_error *err);

/** Guess from the header and up to n_rows sample rows (each n_columns texts, row-major). */
CLADE_API void clade_mapping_guess(clade_mapping *out_mapping, const char *const *columns,
                                   size_t n_columns, const clade_text *sample, size_t n_rows);
/** `their_name=ours`: the user's word. CLADE_ERR_ARG names a column or field that does not exist.
 */
CLADE_API CLADE_MUST_USE clade_status clade_mapping_override(clade_mapping     *mapping,
                                                             const char *const *columns,
                                                             const char        *assignment,
                                                             clade_error       *err);
/** As JSON (for the workspace and --json) and back. */
CLADE_API void clade_mapping_write(clade_buffer *out, const clade_mapping *mapping,
                                   const char *const *columns);
CLADE_API CLADE_MUST_USE clade_status clade_mapping_read(clade_mapping     *out_mapping,
                                                         const char *const *columns,
                                                         size_t n_columns, clade_text json,
                                                         clade_error *err);

/* Values, as people write them. Each returns NULL, or the reason why the text is not one; outputs
 * are untouched then. All are safe to call at once from many threads, and allocate nothing. */

/** Empty, or one of the marks for "no value": NA, N/A, null, NULL, None, nan, -, \N and their like.
 *  Ask this first: to the functions below a missing value is not a number, time or amount. */
CLADE_API bool clade_value_missing(clade_text text);
/** The moment, in UTC. `zone` is that of local times in the file; NULL means UTC. A text that
 * carries its own offset ("Z", "+08:00") ignores it, and so do epochs. */
CLADE_API const char *clade_value_time(int64_t *out_us, clade_text text,
                                       const clade_column_map *column, const clade_zone *zone);
CLADE_API const char *clade_value_number(double *out, clade_text text,
                                         const clade_column_map *column);
/** Exact decimal to minor units, rounding half away from zero; currency signs and codes are read.
 */
CLADE_API const char *clade_value_money(int64_t *out_minor, char out_currency[4], clade_text text,
                                        const clade_column_map *column, const char currency[4]);

#endif
