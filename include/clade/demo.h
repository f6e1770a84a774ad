/**
 * The demo shop: a made-up shop whose files are as messy as those of a real one, with the truth
 * kept beside them, so that whatever clade claims to find can be scored.
 *
 * Every customer is a person drawn from a hidden archetype, with a rhythm, a purse, a taste and a
 * hidden moment of dropping out. Buying is a gamma renewal process on a clock that runs faster in
 * season; browsing goes before buying and fades before it. docs/formats/demo.md has every file and
 * column; in short, `folder` receives
 *
 *   orders.csv             order lines, refunds as negative lines, local time with offset, two
 *                          currencies, exact duplicates, guests without customer id, zero dates
 *   events.csv             visits: views, searches, carts, logins; UTC; repeated event ids;
 * visitors that are nobody until they log in. Purchases are in orders.csv alone. customers.csv
 * profile with names, e-mails, phones, addresses, all of them invented items.csv catalogue in
 * English and Chinese reviews.csv            Chinese headers, UTF-8 with BOM, four ways to write a
 * date competitor_prices.csv  semicolons, decimal commas, days before months invitations.csv who
 * invited whom campaigns.csv          contacts with arm, propensity, cost and outcome
 *   truth/customers.csv    archetype, drop-out, ring, rhythm: what no shop knows
 *   truth/future.csv       expected and true spend in the 90 days after each reference moment
 *   truth/uplift.csv       the true effect of each contact
 *   truth/summary.json     every count of clade_demo_summary
 *
 * The rows of orders, events, reviews and campaigns come as from a sharded platform: customers are
 * split into shards of 1024, each shard is sorted by time, and shards follow each other.
 */
#ifndef CLADE_DEMO_H
#define CLADE_DEMO_H

#include "clade/run.h"

enum {
    CLADE_DEMO_DEFAULT_CUSTOMERS = 50000,
    CLADE_DEMO_MAX_CUSTOMERS     = 100000000,
    CLADE_DEMO_DEFAULT_MONTHS    = 24,
    CLADE_DEMO_MIN_MONTHS        = 9,
    CLADE_DEMO_MAX_MONTHS        = 120,
    CLADE_DEMO_N_REFERENCE       = 2,  /* moments with a known future */
    CLADE_DEMO_HORIZON_DAYS      = 90, /* of that future */
};

/** Who a customer really is. The names in truth/customers.csv are these in lower case. */
typedef enum clade_demo_archetype {
    CLADE_DEMO_LOYAL,          /* buys on a rhythm of their own */
    CLADE_DEMO_BIG_TICKET,     /* rarely, and dear */
    CLADE_DEMO_BARGAIN,        /* only when there is a discount */
    CLADE_DEMO_GIFT,           /* 11-11, Christmas, Spring Festival */
    CLADE_DEMO_NEW_ARRIVAL,    /* came in the last third; half of them stay */
    CLADE_DEMO_SUBSCRIBER,     /* the same basket every few weeks */
    CLADE_DEMO_ONE_TIMER,      /* bought once */
    CLADE_DEMO_FADING,         /* was loyal; visits thin out first, then orders, then nothing */
    CLADE_DEMO_BUSINESS,       /* bulk, in office hours */
    CLADE_DEMO_WINDOW_SHOPPER, /* looks much, buys next to nothing */
    CLADE_DEMO_RING,           /* coupon abuse: accounts that share an address and a device */
    CLADE_DEMO_REFUND_ABUSER,  /* sends most of it back */
    CLADE_DEMO_BOT,            /* hundreds of pages a minute */
    CLADE_DEMO_STAFF,          /* the shop's own people, and their test orders */
    CLADE_DEMO_N_ARCHETYPE
} clade_demo_archetype;

CLADE_API const char *clade_demo_archetype_name(clade_demo_archetype archetype);

typedef struct clade_demo_options {
    const char *folder;      /* made when it does not exist; files of the same names are replaced */
    uint64_t    n_customers; /* 0: CLADE_DEMO_DEFAULT_CUSTOMERS */
    uint64_t    seed;
    int         n_months;  /* 0: CLADE_DEMO_DEFAULT_MONTHS; the last day is always 2024-12-31 */
    bool        no_events; /* leave out events.csv; every other file stays byte for byte the same */
} clade_demo_options;

/** What was written, and what was planted in it. Rows are data rows, without the header. */
typedef struct clade_demo_summary {
    uint64_t n_customers, n_items;
    uint64_t n_order_rows; /* all rows of orders.csv: lines, refunds, duplicates, broken rows */
    uint64_t n_orders, n_order_lines; /* true orders and their lines, each counted once */
    uint64_t n_refund_lines;          /* negative lines */
    uint64_t n_cancelled_lines;       /* lines with status "cancelled" */
    uint64_t n_event_rows, n_events;  /* with and without the repeated ones */
    uint64_t n_review_rows, n_rival_rows, n_invitation_rows, n_touch_rows;

    uint64_t n_order_duplicates;    /* exact copies of a line in orders.csv */
    uint64_t n_order_bad_dates;     /* extra rows with the date 0000-00-00 */
    uint64_t n_order_ragged;        /* extra rows with a field too many */
    uint64_t n_order_guest_lines;   /* lines without a customer id */
    uint64_t n_order_missing_price; /* unit_price empty, line_total there */
    uint64_t n_order_missing_category;
    uint64_t n_order_price_outliers; /* a decimal point slipped: 100 times too dear */
    uint64_t n_order_usd_lines;
    uint64_t n_test_orders;
    uint64_t n_event_duplicates; /* exact copies */
    uint64_t n_event_retries;    /* the same event_id at a later second */
    uint64_t n_event_anonymous;  /* rows without a customer id */

    uint64_t n_archetype[CLADE_DEMO_N_ARCHETYPE];
    uint64_t n_rings;
    uint64_t n_dropped_out; /* customers whose drop-out lies before the end */
    int64_t
        revenue_minor; /* CNY: true lines that are not cancelled, less refunds, guests included */
    int64_t  start_us, end_us;                     /* the orders and events lie in [start, end) */
    int64_t  reference_us[CLADE_DEMO_N_REFERENCE]; /* midnight in Shanghai */
    uint64_t size_bytes;
    double   seconds;
} clade_demo_summary;

/**
 * Write the demo shop.
 *
 * Files are written beside their names with ".partial" and renamed when all of them are whole, so a
 * failed or interrupted call leaves earlier files as they were.
 *
 * @param options      Borrowed for the call.
 * @param out_summary  May be NULL. Written on success, untouched on error.
 * @param err          May be NULL. Names the file that could not be written and why.
 *
 * @return CLADE_OK; CLADE_ERR_ARG for a size out of bounds or no folder; CLADE_ERR_IO;
 * CLADE_ERR_NOMEM; CLADE_ERR_INTERRUPTED.
 *
 * Threads     Uses clade_threads_get() threads; one call for a folder at a time.
 * Repeatable  Byte for byte for the same options, whatever the number of threads. Customer i draws
 *             from streams of its own (clade_rng_stream).
 * Cost        O(n_customers) time, O(1) memory a thread (some 20 MB) and the catalogue. 50,000
 *             customers make about 2.6 million events and 400 thousand order lines.
 */
CLADE_API CLADE_MUST_USE clade_status clade_demo_write(const clade_demo_options *options,
                                                       clade_demo_summary       *out_summary,
                                                       clade_error              *err);

#endif
