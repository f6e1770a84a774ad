/* The parts of storing live events: live.c (batches), live_row.c (an event to a row of texts, who
 * it is of, what it ties). Private to ingest. */
#ifndef CLADE_LIVE_INTERNAL_H
#define CLADE_LIVE_INTERNAL_H

#include "load_internal.h"

/* Columns of the row of texts that an event becomes. People have the first LIVE_N_PEOPLE of them,
 * events all but the text, reviews all. */
enum {
    LIVE_CUSTOMER,
    LIVE_TIME,
    LIVE_NAME,
    LIVE_EMAIL,
    LIVE_PHONE,
    LIVE_ADDRESS,
    LIVE_N_PEOPLE,
    LIVE_KIND = LIVE_N_PEOPLE,
    LIVE_ITEM,
    LIVE_ITEM_NAME,
    LIVE_CATEGORY,
    LIVE_BRAND,
    LIVE_QUANTITY,
    LIVE_PRICE,
    LIVE_AMOUNT,
    LIVE_DISCOUNT,
    LIVE_CURRENCY,
    LIVE_ORDER,
    LIVE_SESSION,
    LIVE_QUERY,
    LIVE_CHANNEL,
    LIVE_DEVICE,
    LIVE_COUPON,
    LIVE_STATUS,
    LIVE_DWELL,
    LIVE_RATING,
    LIVE_N_EVENT,
    LIVE_TEXT = LIVE_N_EVENT,
    LIVE_N_FIELD
};

/* Each shape of rows has its plan, its parser and its row in the table `load`. */
typedef enum live_lane_name { LANE_EVENTS, LANE_PEOPLE, LANE_REVIEWS, N_LANES } live_lane_name;

typedef struct live_lane {
    load_plan  *plan;
    load_parser parser;
    load_sink   sink; /* of the batch at hand */
    int64_t     load; /* its number; 0: has none yet */
    bool        open;
    bool        stored;                                       /* the table has the row */
    int64_t     n_read, n_stored, n_duplicate, n_quarantined; /* of all batches committed */
} live_lane;

struct clade_live_sink {
    clade_store *store;
    clade_arena *arena;
    int64_t      now_us; /* or 0 */
    load_state   state;
    bool         ready; /* the state mirrors the store */
    live_lane    lane[N_LANES];
    load_batch   batch; /* of one row */
    clade_text   field[LIVE_N_FIELD];
    clade_buffer customer, visitor; /* outside ids of the event at hand, "" where it has none */
    clade_buffer scratch;
    char         moment[24];
    clade__map   owner;    /* visitor -> customer + 1 it was tied to last */
    clade__map   owner_us; /* and when */
    load_out     alias, property;
    int64_t      n_ties; /* of the batch at hand */
};

/* Plans, and memory for one row; and back. */
clade_status   clade__live_make(clade_live_sink *sink, clade_error *err);
void           clade__live_unmake(clade_live_sink *sink);
live_lane_name clade__live_lane_of(const clade_live_event *event);
/* The lane's plan by the moment, the currency and the rates of the state; its tally from zero. */
void clade__live_lane_ready(live_lane *lane, const load_state *state);
/* The event as the one row of sink->batch; sink->customer and visitor on the way. */
clade_status clade__live_parse(clade_live_sink *sink, live_lane *lane,
                               const clade_live_event *event, live_lane_name name,
                               clade_error *err);
/* An outside id's form: letters small in an address, marked where it is a visitor's. */
void clade__live_user_id(clade_buffer *out, clade_text id);
void clade__live_visitor_id(clade_buffer *out, clade_text id);
/* NAME, EMAIL, PHONE or ADDRESS where a property of this name is personal, else NONE. */
clade_field clade__live_personal(clade_text name);

/* Ties to the customer: of the visitor's id, or of the alias's earlier id. */
clade_status clade__live_tie(clade_live_sink *sink, const clade_live_event *event,
                             load_sink *lane_sink, int64_t customer, int64_t at_us,
                             uint64_t row_key, clade_error *err);
/* What the event says beside its columns. */
clade_status clade__live_properties(clade_live_sink *sink, const clade_live_event *event,
                                    int64_t number, int64_t load, clade_error *err);
clade_status clade__live_owners_fill(clade_live_sink *sink, clade_error *err);

#endif
