/**
 * One customer on a page: everything known as of a moment, where it stands among all, its segments
 * then and before, and why.
 */
#ifndef CLADE_CUSTOMER_H
#define CLADE_CUSTOMER_H

#include "clade/segments.h"

enum {
    CLADE_CUSTOMER_REASONS  = 6,
    CLADE_CUSTOMER_ORDERS   = 20, /* latest ones */
    CLADE_CUSTOMER_QUARTERS = 40, /* ten years of history at most */
};

/** The segment of one kind at one moment. */
typedef struct clade_customer_segment {
    clade_segment_kind kind;
    clade_segment_name name;
    int64_t            as_of_us;
    double             score; /* OUTLOOK: expected log(1 + spend) of the 90 days after; else 0 */
} clade_customer_segment;

/** What one feature adds to the outlook of this customer, against the average customer. */
typedef struct clade_customer_reason {
    uint32_t feature;
    double   effect; /* on expected log(1 + spend): exp(effect) is a factor */
    char     en[240];
    char     zh[240];
} clade_customer_reason;

typedef struct clade_customer_order {
    int64_t at_us;
    char    ref[64]; /* cut at its size */
    int64_t n_lines;
    int64_t paid_minor; /* in the shop's currency, when it was bought */
    int64_t kept_minor; /* less what was given back by the moment of the page */
} clade_customer_order;

typedef struct clade_customer_page {
    int64_t customer;
    int64_t as_of_us;
    char    currency[4];
    int64_t first_us, last_us; /* first and latest event */
    size_t  n_customers;       /* among whom percentiles are taken */
    size_t  n_features;
    float  *value;      /* (n_features) NAN is absence */
    float  *percentile; /* (n_features) share of those with a value who have less, ties
                           counting half; NAN for absence */
    size_t                  n_segments;
    clade_customer_segment  segment[CLADE_N_SEGMENT_KIND]; /* as of now */
    size_t                  n_history;
    clade_customer_segment *history; /* (n_history) at past quarter ends, latest first */
    size_t                  n_reasons;
    clade_customer_reason
                         reason[CLADE_CUSTOMER_REASONS]; /* strongest first; none without outlook */
    size_t               n_orders;
    clade_customer_order order[CLADE_CUSTOMER_ORDERS]; /* latest first */
} clade_customer_page;

typedef struct clade_customer_options {
    bool    has_as_of; /* else the midnight after the last event of the shop */
    int64_t as_of_us;
    size_t  n_quarters; /* of history, at most CLADE_CUSTOMER_QUARTERS; each costs a pass over the
                           log */
} clade_customer_options;

/**
 * Write the page. Nothing at or after the moment is looked at.
 *
 * @return CLADE_ERR_NOT_FOUND when this customer did nothing before the moment, or was flagged as
 *         staff, bot or test by then. Segments that were never made are left out.
 * Ownership   Free with clade_customer_page_free, which accepts NULL.
 * Cost        One feature matrix, and one more for each quarter of history.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_customer_page_make(clade_customer_page **out_page, clade_store *store, int64_t customer,
                         const clade_customer_options *options, clade_error *err);
CLADE_API void clade_customer_page_free(clade_customer_page *page);

/** The keys `segments features scores reasons orders history` into an object that is open. */
CLADE_API void clade_customer_page_write(clade_json *json, const clade_customer_page *page);

#endif
