/**
 * Tracking: from the bytes of a request to live events.
 *
 * Shops already send what happens to somebody: by Segment's HTTP tracking API (and the SDKs that
 * speak it) or by the measurement protocol of Google Analytics 4. A request becomes items, one for
 * each call of the client, and an item becomes live events: one, or one a product for an order.
 *
 *     bytes  ->  request  ->  items: accepted or refused with a code  ->  live events
 *                               |
 *                               `->  record for the journal  ->  the same events again
 *
 * Nothing here knows HTTP, the store or the clock: the moment of arrival is given. Nothing is
 * dropped in silence: every item is accepted or refused, and what was changed on the way (a decimal
 * comma, a property too many) is a note. docs/formats/tracking.md has all names and codes.
 */
#ifndef CLADE_TRACKING_H
#define CLADE_TRACKING_H

#include "clade/live_event.h"

typedef enum clade_tracking_endpoint {
    CLADE_TRACKING_IDENTIFY,
    CLADE_TRACKING_TRACK,
    CLADE_TRACKING_PAGE,
    CLADE_TRACKING_SCREEN,
    CLADE_TRACKING_GROUP,
    CLADE_TRACKING_ALIAS,
    CLADE_TRACKING_BATCH,
    CLADE_TRACKING_GA4, /* /mp/collect */
    CLADE_N_TRACKING_ENDPOINT
} clade_tracking_endpoint;

/** Which endpoint a path is: "/v1/track", the browser's "/v1/t", "/mp/collect". False for another
 *  path; a slash at the end is allowed. */
CLADE_API bool clade_tracking_endpoint_of(clade_tracking_endpoint *out_endpoint, clade_text path);
/** The write key in the path of a browser's settings, "/v1/projects/KEY/settings"; false for
 * another path. */
CLADE_API bool clade_tracking_settings_path(clade_text *out_key, clade_text path);

/** Why an item or a request is refused (E_), or what was changed in one that is accepted (N_). */
typedef enum clade_tracking_code {
    CLADE_TRACKING_OK = 0,
    /* the whole request */
    CLADE_TRACKING_E_MALFORMED,  /* not JSON, or no object, or a batch without an array */
    CLADE_TRACKING_E_BODY_LARGE, /* more bytes than a request may have */
    /* one item */
    CLADE_TRACKING_E_NOT_OBJECT,
    CLADE_TRACKING_E_NO_TYPE,        /* an item of a batch without "type", or with another one */
    CLADE_TRACKING_E_NO_IDENTITY,    /* neither userId nor anonymousId */
    CLADE_TRACKING_E_BLOCKED_ID,     /* ids that stand for nobody: null, anonymous, -1, 0000 */
    CLADE_TRACKING_E_BAD_ID,         /* an id that is no text or number, or over 500 bytes */
    CLADE_TRACKING_E_NO_NAME,        /* a track without event, a GA4 event without name */
    CLADE_TRACKING_E_NO_GROUP,       /* a group without groupId */
    CLADE_TRACKING_E_NO_PREVIOUS,    /* an alias without previousId */
    CLADE_TRACKING_E_MESSAGE_ID,     /* a messageId of more than 100 characters */
    CLADE_TRACKING_E_EVENT_LARGE,    /* more bytes than an event may have */
    CLADE_TRACKING_E_TOO_MANY,       /* behind the largest number of events of a batch */
    CLADE_TRACKING_E_TOO_MANY_LINES, /* products of a request together */
    /* accepted, and changed */
    CLADE_TRACKING_N_ID,         /* one of two ids is blocked: the other one counts */
    CLADE_TRACKING_N_TIME,       /* a time that cannot be read, or in the future: when it came */
    CLADE_TRACKING_N_SKEW,       /* the client's clock is far from ours; corrected */
    CLADE_TRACKING_N_NUMBER,     /* a number in words of people ("72,93"), read */
    CLADE_TRACKING_N_NO_NUMBER,  /* a number that cannot be read: kept as a property */
    CLADE_TRACKING_N_PROPERTIES, /* more properties or traits than are kept */
    CLADE_TRACKING_N_MONEY,      /* the order's own amounts disagree; says which was taken */
    CLADE_TRACKING_N_LINES,      /* the lines' prices do not give the order's money: shared out */
    CLADE_TRACKING_N_FIELD,      /* a field of another type than it should be: kept as a property */
    CLADE_N_TRACKING_CODE
} clade_tracking_code;

/** "E_NO_IDENTITY": stable, for clients. */
CLADE_API const char *clade_tracking_code_name(clade_tracking_code code);
/** What to do about it, in one sentence. */
CLADE_API const char *clade_tracking_code_hint(clade_tracking_code code);

typedef struct clade_tracking_options {
    size_t  max_body_bytes;  /* of a request, unpacked */
    size_t  max_event_bytes; /* of an item, without what it shares with its batch */
    size_t  max_events;      /* of a batch */
    size_t  max_properties;  /* kept of an event, and of traits */
    size_t  max_lines;       /* live events of a request */
    int64_t max_skew_us;     /* a clock further off is a note */
    char    currency[4];     /* the shop's own: the smallest unit of orders that name none; "" */
} clade_tracking_options;

/** 500 KiB a request, 32 KiB an event, 2,500 events, 300 properties, 20,000 lines, an hour, "". */
CLADE_API clade_tracking_options clade_tracking_defaults(void);

typedef struct clade_tracking_item {
    size_t                  index;      /* in the request, from 0 */
    clade_tracking_code     code;       /* CLADE_TRACKING_OK when it is accepted */
    clade_tracking_endpoint call;       /* what it is: never BATCH when it is accepted */
    clade_text              message_id; /* as it was sent; size 0 when there is none */
    /** Never 0: the hash of the message id; without one, of the item's content, and of the moment
     *  of arrival when the content has no time. Equal keys are the same item sent again. */
    uint64_t                key;
    const clade_live_event *event; /* (n_events), 0 when refused */
    size_t                  n_events;
    const clade_live_pair  *consent; /* purposes, "true" or "false" */
    size_t                  n_consent;
    clade_text              raw; /* its own bytes */
} clade_tracking_item;

typedef struct clade_tracking_note {
    size_t              index; /* of the item */
    clade_tracking_code code;
    clade_text          field; /* "price", or size 0 */
    clade_text          value; /* what was sent; may be personal, for the sender's eyes alone */
} clade_tracking_note;

typedef struct clade_tracking_request {
    clade_tracking_endpoint    endpoint;
    clade_tracking_code        code;      /* of the whole; OK also when every item is refused */
    clade_text                 write_key; /* from the body; size 0 when there is none */
    int64_t                    received_us;
    int64_t                    skew_us; /* received less sent, 0 when it does not say */
    const clade_tracking_item *item;    /* (n_items) in the order of the request */
    size_t                     n_items, n_accepted, n_events;
    const clade_tracking_note *note; /* (n_notes) at most CLADE_TRACKING_MAX_NOTES */
    size_t                     n_notes, n_notes_more;
} clade_tracking_request;

enum {
    CLADE_TRACKING_MAX_NOTES    = 1000, /* kept of a request; further ones are counted */
    CLADE_TRACKING_MAX_REJECTED = 1000  /* told in an answer; further ones are counted */
};

/**
 * A reader of requests; keeps its memory from one to the next.
 *
 * @param options  NULL for the defaults. Copied.
 * @return NULL when there is no memory.
 *
 * Ownership   The caller frees with clade_tracking_free, which accepts NULL.
 * Threads     One thread at a time on one reader.
 */
typedef struct clade_tracking clade_tracking;
CLADE_API clade_tracking     *clade_tracking_create(const clade_tracking_options *options);
CLADE_API void                clade_tracking_free(clade_tracking *tracking);

/**
 * Read the body of a request.
 *
 * Time     at_us = received - (sentAt - originalTimestamp): the client's clock cancels out. Without
 *          sentAt the time counts as it is, without any the moment of arrival; nothing happens
 * after it came. Money    stays decimal text. The lines of an order sum to its money exactly:
 * `revenue`, which has no shipping and no tax in it, unless subtotal or total say that its discount
 * has yet to be taken off; docs/formats/tracking.md has the whole rule.
 *
 * @param out          Filled on success; on CLADE_ERR_DATA its code and write_key alone.
 * @param body         JSON, unpacked. Borrowed until the next call on this reader.
 * @param received_us  When the last byte came, and within the years 1 to 9999.
 *
 * @return CLADE_OK, also when every item is refused; CLADE_ERR_DATA for what is truly malformed
 * (the message names byte and line) or too large: out->code tells which; CLADE_ERR_NOMEM.
 *
 * Ownership   Everything in `out` lives until the next call on this reader, and borrows the body.
 * Cost        O(body), one pass onto a tape and one over it; bench/tracking tells events a second.
 */
CLADE_API CLADE_MUST_USE clade_status clade_tracking_read(clade_tracking_request *out,
                                                          clade_tracking         *tracking,
                                                          clade_tracking_endpoint endpoint,
                                                          clade_text body, int64_t received_us,
                                                          clade_error *err);

/**
 * One item, accepted or refused, as bytes for the journal or the dead letters: the item as it was
 * sent with what it shares with its batch, the endpoint, the moment of arrival and `source`. The
 * write key is left out. Appends to `out`.
 *
 * @param request  Of the last clade_tracking_read or _record_parse on this reader.
 * @param source   The caller's number for where it came from.
 */
CLADE_API void clade_tracking_record(clade_buffer *out, const clade_tracking *tracking,
                                     const clade_tracking_request *request, size_t item,
                                     uint64_t source);

/**
 * The same item and the same events again, from a record: out->n_items is 1, and item[0].index is
 * what it was in its request. Limits on sizes are those of this reader; the others as when it came.
 *
 * @return CLADE_OK; CLADE_ERR_VERSION for a record of a newer clade; CLADE_ERR_DATA when it is
 * none.
 */
CLADE_API CLADE_MUST_USE clade_status clade_tracking_record_parse(clade_tracking_request *out,
                                                                  uint64_t       *out_source,
                                                                  clade_tracking *tracking,
                                                                  clade_text      record,
                                                                  clade_error    *err);

/**
 * The answer to a request that was read:
 *
 *     {"success":true,"accepted":2,"rejected":[{"index":0,"messageId":"m1",
 *      "code":"E_NO_IDENTITY","hint":"..."}],"notes":[{"index":1,"code":"N_NUMBER",
 *      "field":"price","hint":"..."}]}
 *
 * `notes` only with `with_notes` (a dry run). `rejectedMore` counts those beyond
 * CLADE_TRACKING_MAX_REJECTED. Appends to `out`.
 */
CLADE_API void clade_tracking_answer(clade_buffer *out, const clade_tracking_request *request,
                                     bool with_notes);

/**
 * What a browser's SDK asks for first, GET /v1/projects/{key}/settings: the one destination, and
 * where it is. Appends to `out`.
 *
 * @param api_host  "localhost:7070/v1": host and path without the protocol.
 * @param https     Else http.
 */
CLADE_API void clade_tracking_settings(clade_buffer *out, clade_text write_key,
                                       const char *api_host, bool https);

#endif
