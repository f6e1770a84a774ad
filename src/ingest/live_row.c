/* A live event as the row of texts that `clade load` would have read: its fields in their columns,
 * the outside ids in their forms, what is personal where it is sealed. Then what a file's row does
 * not have: ties between ids, and properties. Runs once an event. */
#include "live_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "mapping_parts.h"

static const clade_field FIELDS[LIVE_N_FIELD] = {
    [LIVE_CUSTOMER] = CLADE_FIELD_CUSTOMER,   [LIVE_TIME] = CLADE_FIELD_TIME,
    [LIVE_NAME] = CLADE_FIELD_NAME,           [LIVE_EMAIL] = CLADE_FIELD_EMAIL,
    [LIVE_PHONE] = CLADE_FIELD_PHONE,         [LIVE_ADDRESS] = CLADE_FIELD_ADDRESS,
    [LIVE_KIND] = CLADE_FIELD_KIND,           [LIVE_ITEM] = CLADE_FIELD_ITEM,
    [LIVE_ITEM_NAME] = CLADE_FIELD_ITEM_NAME, [LIVE_CATEGORY] = CLADE_FIELD_CATEGORY,
    [LIVE_BRAND] = CLADE_FIELD_BRAND,         [LIVE_QUANTITY] = CLADE_FIELD_QUANTITY,
    [LIVE_PRICE] = CLADE_FIELD_PRICE,         [LIVE_AMOUNT] = CLADE_FIELD_AMOUNT,
    [LIVE_DISCOUNT] = CLADE_FIELD_DISCOUNT,   [LIVE_CURRENCY] = CLADE_FIELD_CURRENCY,
    [LIVE_ORDER] = CLADE_FIELD_ORDER,         [LIVE_SESSION] = CLADE_FIELD_SESSION,
    [LIVE_QUERY] = CLADE_FIELD_QUERY,         [LIVE_CHANNEL] = CLADE_FIELD_CHANNEL,
    [LIVE_DEVICE] = CLADE_FIELD_DEVICE,       [LIVE_COUPON] = CLADE_FIELD_COUPON,
    [LIVE_STATUS] = CLADE_FIELD_STATUS,       [LIVE_DWELL] = CLADE_FIELD_DWELL_S,
    [LIVE_RATING] = CLADE_FIELD_RATING,       [LIVE_TEXT] = CLADE_FIELD_TEXT,
};
static const struct {
    clade_shape shape;
    size_t      n_fields;
} LANES[N_LANES] = { [LANE_EVENTS]  = { CLADE_SHAPE_EVENTS, LIVE_N_EVENT },
                     [LANE_PEOPLE]  = { CLADE_SHAPE_CUSTOMERS, LIVE_N_PEOPLE },
                     [LANE_REVIEWS] = { CLADE_SHAPE_REVIEWS, LIVE_N_FIELD } };

/* ---------------------------------------------------------------- who */

static const char VISITOR[] = "anon:", USER[] = "user:";

static void small_letters(clade_buffer *id)
{
    if (id->size == 0 || memchr(id->data, '@', id->size) == NULL) return;
    for (size_t i = 0; i < id->size; i++) {
        if (id->data[i] >= 'A' && id->data[i] <= 'Z') id->data[i] = (char)(id->data[i] + 32);
    }
}

static bool begins(clade_text text, const char *with)
{
    return text.size >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

/* "user:" zero or more times, then "anon:": what could be taken for a visitor's id. */
static bool needs_mark(clade_text id)
{
    while (begins(id, USER)) {
        id.data += strlen(USER);
        id.size -= strlen(USER);
    }
    return begins(id, VISITOR);
}

void clade__live_user_id(clade_buffer *out, clade_text id)
{
    clade_buffer_clear(out);
    id = clade__value_id(id);
    if (id.size == 0) return;
    if (needs_mark(id)) clade_buffer_text(out, USER);
    clade_buffer_append(out, id.data, id.size);
    small_letters(out);
}

void clade__live_visitor_id(clade_buffer *out, clade_text id)
{
    clade_buffer_clear(out);
    id = clade__value_clean(id);
    if (id.size == 0) return;
    clade_buffer_text(out, VISITOR);
    clade_buffer_append(out, id.data, id.size);
    small_letters(out);
}

void clade_live_customer(clade_buffer *out, const clade_live_event *event)
{
    clade__live_user_id(out, event->user_id);
    if (out->size == 0) clade__live_visitor_id(out, event->anonymous_id);
}

static clade_text text_of(const clade_buffer *buffer)
{
    return (clade_text){ buffer->data, buffer->size };
}

/* ---------------------------------------------------------------- the row */

clade_field clade__live_personal(clade_text name)
{
    enum { SURE = 70 };
    clade__meaning meaning[4];
    if (clade__name_meanings(meaning, name) == 0 || meaning[0].weight < SURE)
        return CLADE_FIELD_NONE;
    switch (meaning[0].field) {
    case CLADE_FIELD_NAME:
    case CLADE_FIELD_EMAIL:
    case CLADE_FIELD_PHONE:
    case CLADE_FIELD_ADDRESS: return meaning[0].field;
    default: return CLADE_FIELD_NONE;
    }
}

/* Personal things that came under a name of the shop's own go where they are sealed. */
static void take_personal(clade_live_sink *sink, const clade_live_pair *pair, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        clade_text *field = NULL;
        switch (clade__live_personal(pair[i].name)) {
        case CLADE_FIELD_NAME: field = &sink->field[LIVE_NAME]; break;
        case CLADE_FIELD_EMAIL: field = &sink->field[LIVE_EMAIL]; break;
        case CLADE_FIELD_PHONE: field = &sink->field[LIVE_PHONE]; break;
        case CLADE_FIELD_ADDRESS: field = &sink->field[LIVE_ADDRESS]; break;
        default: continue;
        }
        if (field->size == 0) *field = pair[i].value;
    }
}

static void fill_event(clade_live_sink *sink, const clade_live_event *event)
{
    clade_text *field     = sink->field;
    const bool  paid      = event->kind == CLADE_LIVE_PURCHASE || event->kind == CLADE_LIVE_REFUND;
    field[LIVE_KIND]      = clade_text_of(clade_live_kind_name(event->kind));
    field[LIVE_ITEM]      = event->item;
    field[LIVE_ITEM_NAME] = event->item_name;
    field[LIVE_CATEGORY]  = event->category;
    field[LIVE_BRAND]     = event->brand;
    field[LIVE_QUANTITY]  = event->quantity;
    field[LIVE_PRICE]     = event->price;
    field[LIVE_AMOUNT]    = event->amount;
    field[LIVE_DISCOUNT]  = event->discount;
    field[LIVE_CURRENCY]  = event->currency;
    field[LIVE_ORDER]     = event->order_ref;
    field[LIVE_SESSION]   = event->session;
    field[LIVE_QUERY]     = event->query;
    field[LIVE_CHANNEL]   = event->channel;
    field[LIVE_DEVICE]    = event->device;
    field[LIVE_COUPON]    = event->coupon;
    field[LIVE_STATUS]    = event->status;
    field[LIVE_DWELL]     = event->dwell_s;
    field[LIVE_RATING]    = event->rating;
    field[LIVE_TEXT]      = event->text;
    if (paid && clade__value_clean(event->quantity).size == 0) {
        field[LIVE_QUANTITY] = CLADE_TEXT("1"); /* who does not say how many means one */
    }
}

static clade_status make_row(clade_live_sink *sink, const clade_live_event *event,
                             live_lane_name lane, clade_error *err)
{
    clade_text *field = sink->field;
    memset(field, 0, sizeof sink->field);
    clade__live_user_id(&sink->customer, event->user_id);
    clade__live_visitor_id(&sink->visitor, event->anonymous_id);
    if (sink->customer.failed || sink->visitor.failed) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the ids of a live event");
    }
    field[LIVE_CUSTOMER] = text_of(sink->customer.size > 0 ? &sink->customer : &sink->visitor);
    const int size   = snprintf(sink->moment, sizeof sink->moment, "%lld", (long long)event->at_us);
    field[LIVE_TIME] = (clade_text){ sink->moment, (size_t)size };
    field[LIVE_NAME] = event->person_name;
    field[LIVE_EMAIL]   = event->email;
    field[LIVE_PHONE]   = event->phone;
    field[LIVE_ADDRESS] = event->address;
    if (event->n_traits > 0) take_personal(sink, event->trait, event->n_traits);
    if (event->n_properties > 0) take_personal(sink, event->property, event->n_properties);
    if (lane != LANE_PEOPLE) fill_event(sink, event);
    return CLADE_OK;
}

live_lane_name clade__live_lane_of(const clade_live_event *event)
{
    if (event->kind == CLADE_LIVE_IDENTIFY || event->kind == CLADE_LIVE_ALIAS) return LANE_PEOPLE;
    if (event->kind == CLADE_LIVE_REVIEW && clade__value_clean(event->text).size > 0)
        return LANE_REVIEWS;
    return LANE_EVENTS;
}

/* The event as the one row of sink->batch. */
clade_status clade__live_parse(clade_live_sink *sink, live_lane *lane,
                               const clade_live_event *event, live_lane_name name, clade_error *err)
{
    load_batch *batch = &sink->batch;
    size_t      room  = 0;
    CLADE_TRY(make_row(sink, event, name, err));
    clade_row raw = { .n_fields = lane->plan->n_columns,
                      .fields   = sink->field,
                      .line     = lane->n_read + lane->sink.n_read + 1,
                      .raw      = event->raw };
    if (event->kind == CLADE_LIVE_ALIAS && clade__value_clean(event->previous_id).size == 0) {
        raw.bad        = "an alias without the earlier id";
        raw.bad_column = SIZE_MAX;
    }
    for (size_t i = 0; i < lane->plan->n_columns; i++)
        room += clade__redact_bound(sink->field[i]);
    batch->n_rows    = 0;
    batch->text_size = batch->text == NULL ? 0 : 1;
    if (!clade__batch_room(batch, room + event->raw.size) ||
        !clade__row_parse(&lane->parser, batch, &raw)) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a live event");
    }
    load_row *row = &batch->row[0];
    if (event->message_key != 0 && row->bad == NULL) {
        row->has |= ROW_HAS_MESSAGE;
        row->body = clade__key_mix(event->message_key, (uint64_t)CLADE_SHAPE_EVENTS);
    }
    return CLADE_OK;
}

void clade__live_lane_ready(live_lane *lane, const load_state *state)
{
    load_plan *plan   = lane->plan;
    plan->now_us      = state->now_us;
    plan->shop_digits = clade_currency_digits(state->shop_currency);
    plan->rate        = state->rate;
    plan->n_rates     = state->n_rates;
    memcpy(plan->shop_currency, state->shop_currency, 4);
    memcpy(plan->currency, state->shop_currency, 4);
    lane->parser.plan  = plan;
    lane->parser.tally = (load_tally){ .min_us = INT64_MAX, .max_us = INT64_MIN };
}

clade_status clade__live_make(clade_live_sink *sink, clade_error *err)
{
    sink->arena     = clade_arena_create(0);
    sink->batch.row = CLADE_NEW(load_row, 1);
    if (sink->arena == NULL || sink->batch.row == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for live events");
    }
    for (size_t i = 0; i < N_LANES; i++) {
        CLADE_TRY(clade__plan_fixed(&sink->lane[i].plan, sink->arena, LANES[i].shape, FIELDS,
                                    LANES[i].n_fields, err));
    }
    return CLADE_OK;
}

void clade__live_unmake(clade_live_sink *sink)
{
    clade_buffer_free(&sink->customer);
    clade_buffer_free(&sink->visitor);
    clade_buffer_free(&sink->scratch);
    free(sink->batch.row);
    free(sink->batch.text);
    clade_arena_free(sink->arena);
}

/* ---------------------------------------------------------------- read, and not stored */

struct clade_live_reader {
    clade_live_sink parts; /* nothing in it knows what the store holds but currency and rates */
};

clade_status clade_live_reader_open(clade_live_reader **out_reader, clade_store *store,
                                    int64_t now_us, clade_error *err)
{
    const clade_load_options options = { .now_us = now_us };
    clade_live_reader       *reader  = CLADE_NEW(clade_live_reader, 1);
    if (reader == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for live events");
    clade_live_sink *parts = &reader->parts;
    parts->now_us          = now_us;
    parts->state.store     = store;
    clade_status status    = clade__live_make(parts, err);
    if (status == CLADE_OK) status = clade__state_begin(&parts->state, &options, err);
    if (status != CLADE_OK) {
        clade_live_reader_close(reader);
        return status;
    }
    parts->state.store = NULL;
    *out_reader        = reader;
    return CLADE_OK;
}

void clade_live_reader_close(clade_live_reader *reader)
{
    if (reader == NULL) return;
    clade__live_unmake(&reader->parts);
    free(reader);
}

clade_status clade_live_read(clade_live_line *out, clade_live_reader *reader,
                             const clade_live_event *event, clade_error *err)
{
    clade_live_sink     *parts = &reader->parts;
    const live_lane_name name  = clade__live_lane_of(event);
    live_lane           *lane  = &parts->lane[name];
    parts->state.now_us        = parts->now_us != 0 ? parts->now_us : clade_now_us();
    clade__live_lane_ready(lane, &parts->state);
    CLADE_TRY(clade__live_parse(parts, lane, event, name, err));
    const load_row *row = &parts->batch.row[0];
    *out                = (clade_live_line){ .kind = event->kind };
    if (row->bad != NULL) {
        out->bad = row->bad_span.at != 0 ? "an alias without the earlier id" : row->bad;
        return CLADE_OK;
    }
    if (name != LANE_PEOPLE) out->kind = (clade_live_kind)row->kind;
    const clade_text session = load_text(&parts->batch, row->span[SLOT_SESSION]);
    out->has_quantity        = (row->has & ROW_HAS_QUANTITY) != 0;
    out->has_price           = (row->has & ROW_HAS_PRICE) != 0;
    out->has_amount          = (row->has & ROW_HAS_AMOUNT) != 0;
    out->has_value           = (row->has & ROW_HAS_VALUE) != 0;
    out->quantity            = row->quantity;
    out->price_minor         = row->price_minor;
    out->amount_minor        = row->amount_minor;
    out->value_minor         = row->value_minor;
    memcpy(out->currency, row->currency, 4);
    out->has_session = session.size > 0;
    out->session_key = out->has_session ? (int64_t)clade_hash64(session.data, session.size, 0) : 0;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- ties */

clade_status clade__live_owners_fill(clade_live_sink *sink, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade__map_free(&sink->owner);
    clade__map_free(&sink->owner_us);
    status = clade_store_query(&rows, sink->store,
                               "SELECT customer, known, since_us FROM alias_latest", NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++) {
            const uint64_t visitor = (uint64_t)clade_chunk_int(&chunk, 0, i, 0) + 1;
            uint64_t      *owner   = clade__map_at(&sink->owner, visitor, true);
            uint64_t      *since   = clade__map_at(&sink->owner_us, visitor, true);
            if (owner == NULL || since == NULL) {
                status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the ties of customers");
                break;
            }
            *owner = (uint64_t)clade_chunk_int(&chunk, 1, i, 0) + 1;
            *since = (uint64_t)clade_chunk_int(&chunk, 2, i, 0);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* A row where it is news: the first owner, or another one, later. What comes late changes nothing.
 */
static clade_status tie(clade_live_sink *sink, int64_t visitor, int64_t known, int64_t at_us,
                        const char *why, uint64_t row_key, int64_t load, clade_error *err)
{
    load_out *out = &sink->alias;
    size_t    at  = 0;
    if (visitor == known) return CLADE_OK;
    uint64_t *owner = clade__map_at(&sink->owner, (uint64_t)visitor + 1, true);
    uint64_t *since = clade__map_at(&sink->owner_us, (uint64_t)visitor + 1, true);
    if (owner == NULL || since == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the ties of customers");
    }
    if (*owner == (uint64_t)known + 1 || (*owner != 0 && at_us < (int64_t)*since)) return CLADE_OK;
    *owner = (uint64_t)known + 1;
    *since = (uint64_t)at_us;
    CLADE_TRY(clade__out_open(out, sink->store, "alias", 6, err));
    CLADE_TRY(clade__out_row(&at, out, err));
    clade__out_i64(out, 0, at, visitor);
    clade__out_i64(out, 1, at, known);
    clade__out_i64(out, 2, at, at_us);
    clade__out_text(out, 3, at, clade_text_of(why));
    ((uint64_t *)clade_appender_column(out->appender, 4))[at] = row_key;
    clade__out_i64(out, 5, at, load);
    sink->n_ties++;
    return CLADE_OK;
}

/* An earlier id is a visitor's where one is known by it, else a user's, else a visitor's not seen
 * yet. */
static void earlier_id(clade_live_sink *sink, clade_text previous)
{
    clade_buffer *id = &sink->visitor;
    clade__live_visitor_id(id, previous);
    if (id->size == 0 || clade_identity_find(sink->store, text_of(id)) >= 0) return;
    clade__live_user_id(&sink->scratch, previous);
    if (clade_identity_find(sink->store, text_of(&sink->scratch)) < 0) return;
    clade_buffer_clear(id);
    clade_buffer_append(id, sink->scratch.data, sink->scratch.size);
}

clade_status clade__live_tie(clade_live_sink *sink, const clade_live_event *event,
                             load_sink *lane_sink, int64_t customer, int64_t at_us,
                             uint64_t row_key, clade_error *err)
{
    int64_t     other = -1;
    const char *why   = event->kind == CLADE_LIVE_IDENTIFY ? "identify"
                        : event->kind == CLADE_LIVE_ALIAS  ? "alias"
                                                           : "event";
    if (event->kind == CLADE_LIVE_ALIAS) earlier_id(sink, event->previous_id);
    if (sink->visitor.failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for an id");
    if (customer < 0 || sink->visitor.size == 0) return CLADE_OK;
    const clade_text id = text_of(&sink->visitor);
    CLADE_TRY(clade__sink_person(&other, lane_sink, clade__name_of(id), id, err));
    return tie(sink, other, customer, at_us, why, row_key, lane_sink->load, err);
}

/* ---------------------------------------------------------------- properties */

static clade_status write_property(clade_live_sink *sink, int64_t number, int64_t load,
                                   clade_text name, clade_text value, clade_error *err)
{
    static const clade_column_map plain = { 0 };
    load_out                     *out   = &sink->property;
    size_t                        at    = 0;
    value                               = clade__value_clean(value);
    if (value.size == 0 || name.size == 0) return CLADE_OK;
    const double as_number = clade__attribute_number(value, &plain);
    if (__builtin_isnan(as_number) && clade__text_personal(value, true)) {
        const size_t need = clade__redact_bound(value);
        if (!CLADE_GROW(&sink->scratch.data, &sink->scratch.capacity, need + 1)) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a property");
        }
        value =
            (clade_text){ sink->scratch.data, clade__text_redact(sink->scratch.data, value, true) };
    }
    CLADE_TRY(clade__out_open(out, sink->store, "property", 5, err));
    CLADE_TRY(clade__out_row(&at, out, err));
    clade__out_i64(out, 0, at, number);
    clade__out_text(out, 1, at, name);
    clade__out_text(out, 2, at, value);
    clade__out_f64(out, 3, at, as_number);
    if (__builtin_isnan(as_number)) clade__out_null(out, 3, at);
    clade__out_i64(out, 4, at, load);
    return CLADE_OK;
}

clade_status clade__live_properties(clade_live_sink *sink, const clade_live_event *event,
                                    int64_t number, int64_t load, clade_error *err)
{
    if (event->kind == CLADE_LIVE_CUSTOM) {
        CLADE_TRY(write_property(sink, number, load, CLADE_TEXT("event"), event->name, err));
    }
    CLADE_TRY(write_property(sink, number, load, CLADE_TEXT("variant"), event->variant, err));
    if (event->kind != CLADE_LIVE_REVIEW) {
        CLADE_TRY(write_property(sink, number, load, CLADE_TEXT("text"), event->text, err));
    }
    for (size_t i = 0; i < event->n_properties; i++) {
        const clade_live_pair *pair = &event->property[i];
        if (clade__live_personal(pair->name) != CLADE_FIELD_NONE) continue; /* sealed elsewhere */
        CLADE_TRY(write_property(sink, number, load, pair->name, pair->value, err));
    }
    return CLADE_OK;
}
