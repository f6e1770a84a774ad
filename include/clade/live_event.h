/**
 * A live event: what a shop's page, app or server tells of a moment ago, in the words of the store.
 *
 * `tracking` fills it from the bytes of a request, `ingest` stores it, and whatever is kept true
 * event by event reads it. Everything is borrowed text, as it was sent: `ingest` reads numbers,
 * money and ids with the very functions that `clade load` reads a file with, so the same purchase
 * is the same rows whichever way it came. A text of size 0 is absent.
 *
 * One call of a client may become several live events: an order of three products is three
 * purchases with one order_ref, as three lines of a file are.
 */
#ifndef CLADE_LIVE_EVENT_H
#define CLADE_LIVE_EVENT_H

#include "clade/text.h"

/** What happened. The first thirteen are the store's event_kind, in its order. */
typedef enum clade_live_kind {
    CLADE_LIVE_VIEW,
    CLADE_LIVE_SEARCH,
    CLADE_LIVE_CLICK,
    CLADE_LIVE_CART,
    CLADE_LIVE_UNCART,
    CLADE_LIVE_CHECKOUT,
    CLADE_LIVE_PURCHASE,
    CLADE_LIVE_REFUND,
    CLADE_LIVE_REVIEW,
    CLADE_LIVE_LOGIN,
    CLADE_LIVE_WISH,
    CLADE_LIVE_SHARE,
    CLADE_LIVE_CUSTOM,
    CLADE_LIVE_IDENTIFY, /* says who somebody is: traits, and a tie of anonymous_id to user_id */
    CLADE_LIVE_ALIAS,    /* previous_id is user_id: a tie alone */
    CLADE_N_LIVE_KIND
} clade_live_kind;

/** A property of an event or a trait of a person; nested names are joined by points ("plan.tier").
 *  Numbers are in decimal, booleans "true" and "false". */
typedef struct clade_live_pair {
    clade_text name;
    clade_text value;
} clade_live_pair;

typedef struct clade_live_event {
    clade_live_kind kind;
    clade_text      name; /* the shop's word for it: "Product Viewed" */

    /** The hash of the client's message id (and of the line's number, where one call makes several
     *  events): the same key is the same event, for ever. 0 where the client gave none: then the
     *  event is known by its content, and sending it twice is once. */
    uint64_t message_key;
    int64_t  at_us;       /* when it happened, by the server's clock: never 0 */
    int64_t  received_us; /* when the server got it */

    /** Who. A customer is user_id where it is there, else the visitor anonymous_id; where both are,
     *  the event is user_id's and the two are tied. Neither: an event of nobody known. */
    clade_text user_id;
    clade_text anonymous_id;
    clade_text previous_id; /* of an alias: an earlier user id or an anonymous id */

    /** The line: what, how many, for how much. price is of one piece; amount is of the line with
     *  its discount taken off; discount is off the line, as a positive amount. All are decimals
     * with a point and all the digits that were sent ("72.93"): money is never a double. */
    clade_text item;
    clade_text item_name;
    clade_text category; /* levels joined by " > " */
    clade_text brand;
    clade_text variant;
    clade_text quantity;
    clade_text price;
    clade_text amount;
    clade_text discount;
    clade_text currency; /* ISO 4217; absent: the shop's own */

    clade_text order_ref;
    clade_text session;
    clade_text query;
    clade_text channel;
    clade_text device;
    clade_text coupon;
    clade_text status; /* of an order: "paid", "cancelled" */
    clade_text dwell_s;
    clade_text rating;
    clade_text text; /* of a review: sealed */

    /** Personal: sealed, never stored in the clear. */
    clade_text person_name;
    clade_text email;
    clade_text phone;
    clade_text address;

    const clade_live_pair *property; /* (n_properties) of the event; those with a field above left
                                        out */
    size_t                 n_properties;
    const clade_live_pair *trait; /* (n_traits) of the person */
    size_t                 n_traits;

    clade_text raw; /* the event as it was sent: what quarantine keeps, sealed */
} clade_live_event;

/** The store's word for a kind: "view", ...; "identify" and "alias" for the last two. */
CLADE_API const char *clade_live_kind_name(clade_live_kind kind);

#endif
