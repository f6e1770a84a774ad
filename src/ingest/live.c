/*
 * Batches of live events: one transaction each, with the journal's position in it. What the store
 * knows is kept in memory between batches, as a load keeps it between files; a batch that fails
 * takes the memory back with it, and the next one reads it again.
 *
 * An event is one row of its lane: events and reviews go the way of a file of such rows, a row at a
 * time; people go through the table of customers with traits that have no column.
 */
#include "live_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "clade/run.h"

static const char POSITION[] = "journal/stored";

/* ---------------------------------------------------------------- what is known */

static clade_status fill(clade_live_sink *sink, clade_error *err)
{
    const clade_load_options options = { .now_us = sink->now_us };
    load_state              *state   = &sink->state;
    if (sink->ready) return CLADE_OK;
    clade__state_free(state);
    *state = (load_state){ .store = sink->store, .arena = sink->arena };
    CLADE_TRY(clade__state_begin(state, &options, err));
    CLADE_TRY(clade__state_fill(state, err));
    CLADE_TRY(clade__live_owners_fill(sink, err));
    sink->ready = true;
    return CLADE_OK;
}

void clade_live_reset(clade_live_sink *sink)
{
    sink->ready = false;
}

clade_status clade_live_position(uint64_t *out_seq, clade_store *store, clade_error *err)
{
    char               text[32];
    const clade_status status = clade_store_setting_get(text, sizeof text, store, POSITION, err);
    if (status == CLADE_ERR_NOT_FOUND) {
        *out_seq = 0;
        return CLADE_OK;
    }
    if (status == CLADE_OK) *out_seq = strtoull(text, NULL, 10);
    return status;
}

/* The currency of most amounts that come, where nobody said the shop's own yet. */
static void guess_currency(load_state *state, const clade_live_event *event, size_t n)
{
    char   code[LOAD_MAX_CURRENCIES][4] = { { 0 } };
    size_t count[LOAD_MAX_CURRENCIES] = { 0 }, n_codes = 0, best = 0;
    if (state->currency_fixed) return;
    for (size_t i = 0; i < n; i++) {
        char             upper[4] = { 0 };
        const clade_text text     = clade_text_trim(event[i].currency);
        if (text.size != 3 || event[i].price.size + event[i].amount.size == 0) continue;
        for (size_t k = 0; k < 3; k++) {
            const char c = text.data[k];
            upper[k]     = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        }
        size_t k = 0;
        while (k < n_codes && memcmp(code[k], upper, 4) != 0)
            k++;
        if (k == LOAD_MAX_CURRENCIES) continue;
        if (k == n_codes) memcpy(code[n_codes++], upper, 4);
        count[k]++;
    }
    for (size_t k = 1; k < n_codes; k++)
        best = count[k] > count[best] ? k : best;
    if (n_codes > 0) memcpy(state->shop_currency, code[best], 4);
}

/* ---------------------------------------------------------------- lanes */

static clade_status lane_open(live_lane **out, clade_live_sink *sink, live_lane_name name,
                              clade_error *err)
{
    live_lane  *lane  = &sink->lane[name];
    load_state *state = &sink->state;
    *out              = lane;
    if (lane->open) return CLADE_OK;
    clade__live_lane_ready(lane, state);
    if (lane->load == 0) lane->load = state->next_load++;
    lane->sink =
        (load_sink){ .state = state, .plan = lane->plan, .path = "live", .load = lane->load };
    lane->open = true;
    return clade__sink_tables(&lane->sink, err);
}

/* The lane's line in `load` counts all its batches. */
static clade_status write_load(const clade_live_sink *sink, const live_lane *lane, clade_error *err)
{
    const load_sink  *now    = &lane->sink;
    const clade_value args[] = {
        CLADE_INT(lane->n_read + now->n_read),
        CLADE_INT(lane->n_stored + now->n_stored),
        CLADE_INT(lane->n_duplicate + now->n_duplicate),
        CLADE_INT(lane->n_quarantined + now->n_quarantined),
        CLADE_INT(sink->state.now_us),
        CLADE_STR(clade_shape_name(lane->plan->shape)),
        CLADE_INT(lane->load),
    };
    if (lane->stored) {
        return clade_store_run(
            sink->store,
            "UPDATE load SET rows_read = ?1, rows_stored = ?2, rows_duplicate = ?3, "
            "rows_quarantined = ?4, at_us = ?5, shape = ?6 WHERE load = ?7",
            args, sizeof args / sizeof args[0], err);
    }
    return clade_store_run(sink->store,
                           "INSERT INTO load VALUES (?7, 'live', ?6, NULL, NULL, ?5, ?1, ?2, ?3, "
                           "?4, '{}')",
                           args, sizeof args / sizeof args[0], err);
}

/* Rows that wait go to the tables; then the appenders, which must not outlive the transaction. */
static clade_status finish_lanes(clade_live_sink *sink, clade_error *err)
{
    for (size_t i = 0; i < N_LANES; i++) {
        live_lane *lane = &sink->lane[i];
        if (!lane->open) continue;
        CLADE_TRY(clade__sink_finish(&lane->sink, err));
        CLADE_TRY(clade__settle_currency(&sink->state, lane->plan, &lane->parser.tally, err));
        CLADE_TRY(write_load(sink, lane, err));
    }
    CLADE_TRY(clade__out_finish(&sink->alias, err));
    return clade__out_finish(&sink->property, err);
}

static void close_outs(clade_live_sink *sink)
{
    clade__out_close(&sink->alias);
    clade__out_close(&sink->property);
    for (size_t i = 0; i < N_LANES; i++) {
        if (sink->lane[i].open) clade__sink_close(&sink->lane[i].sink);
    }
}

static void count_lanes(clade_live_sink *sink, bool committed)
{
    for (size_t i = 0; i < N_LANES; i++) {
        live_lane *lane = &sink->lane[i];
        if (!lane->open) continue;
        lane->open = false;
        if (committed) {
            lane->stored = true;
            lane->n_read += lane->sink.n_read;
            lane->n_stored += lane->sink.n_stored;
            lane->n_duplicate += lane->sink.n_duplicate;
            lane->n_quarantined += lane->sink.n_quarantined;
        } else if (!lane->stored) {
            lane->load = 0; /* its number is given out again */
        }
    }
}

/* ---------------------------------------------------------------- one event */

/* Attributes that came with the event. */
static clade_status store_traits(bool *out_new, load_sink *people, const load_row *row,
                                 int64_t customer, const clade_live_event *event, clade_error *err)
{
    static const clade_column_map plain = { 0 };
    for (size_t i = 0; i < event->n_traits; i++) {
        const clade_live_pair *trait = &event->trait[i];
        if (trait->name.size == 0 || clade__live_personal(trait->name) != CLADE_FIELD_NONE)
            continue;
        CLADE_TRY(clade__customer_attribute(out_new, people, row, customer, trait->name,
                                            clade__value_clean(trait->value), &plain, err));
    }
    return CLADE_OK;
}

static clade_status store_person(clade_live_sink *sink, live_lane *lane,
                                 const clade_live_event *event, clade_error *err)
{
    load_sink      *people   = &lane->sink;
    const load_row *row      = &sink->batch.row[0];
    int64_t         customer = -1;
    bool            is_new   = false;
    const int64_t   n_ties   = sink->n_ties;
    people->n_read++;
    if (row->bad != NULL) return clade__sink_quarantine(people, &sink->batch, row, err);
    CLADE_TRY(clade__table_row(&is_new, people, &sink->batch, 0, err));
    CLADE_TRY(clade__sink_person(&customer, people, row->customer,
                                 load_text(&sink->batch, row->span[SLOT_CUSTOMER]), err));
    CLADE_TRY(store_traits(&is_new, people, row, customer, event, err));
    if (sink->customer.size > 0) {
        const uint64_t key = (row->has & ROW_HAS_MESSAGE)
                                 ? row->body
                                 : clade__key_mix(row->body, (uint64_t)(customer + 1));
        CLADE_TRY(clade__live_tie(sink, event, people, customer, row->at_us, key, err));
    }
    if (is_new || sink->n_ties > n_ties)
        people->n_stored++;
    else
        people->n_duplicate++;
    return CLADE_OK;
}

static clade_status store_event(clade_live_sink *sink, live_lane *lane,
                                const clade_live_event *event, clade_error *err)
{
    load_sink      *events   = &lane->sink;
    const load_row *row      = &sink->batch.row[0];
    const int64_t   n_before = events->n_stored;
    int64_t         customer = -1;
    bool            is_new   = false;
    CLADE_TRY(clade__sink_batch(events, &sink->batch, err));
    if (events->n_stored == n_before) return CLADE_OK;

    const int64_t number = sink->state.next_event - 1;
    CLADE_TRY(clade__live_properties(sink, event, number, events->load, err));
    if (row->span[SLOT_CUSTOMER].at == 0) return CLADE_OK;
    CLADE_TRY(clade__sink_person(&customer, events, row->customer,
                                 load_text(&sink->batch, row->span[SLOT_CUSTOMER]), err));
    if (sink->customer.size > 0 && sink->visitor.size > 0) {
        const uint64_t key = (row->has & ROW_HAS_MESSAGE)
                                 ? row->body
                                 : clade__key_mix(row->body, (uint64_t)(customer + 1));
        CLADE_TRY(clade__live_tie(sink, event, events, customer, row->at_us, key, err));
    }
    if (event->n_traits == 0) return CLADE_OK;
    live_lane *people = NULL;
    CLADE_TRY(lane_open(&people, sink, LANE_PEOPLE, err));
    return store_traits(&is_new, &people->sink, row, customer, event, err);
}

static clade_status store_one(clade_live_sink *sink, const clade_live_event *event,
                              clade_error *err)
{
    const live_lane_name name = clade__live_lane_of(event);
    live_lane           *lane = NULL;
    assert(event->kind >= 0 && event->kind < CLADE_N_LIVE_KIND);
    CLADE_TRY(lane_open(&lane, sink, name, err));
    CLADE_TRY(clade__live_parse(sink, lane, event, name, err));
    if (name == LANE_PEOPLE) return store_person(sink, lane, event, err);
    return store_event(sink, lane, event, err);
}

/* ---------------------------------------------------------------- a batch */

/* Asking costs a third of setting it again. */
static clade_status mark_stale(clade_store *store, clade_error *err)
{
    char        stale[8] = "";
    clade_error quiet;
    if (clade_store_setting_get(stale, sizeof stale, store, "stale", &quiet) == CLADE_OK &&
        strcmp(stale, "1") == 0) {
        return CLADE_OK;
    }
    return clade_store_setting_set(store, "stale", "1", err);
}

static clade_status store_all(clade_live_report *report, clade_live_sink *sink,
                              const clade_live_event *event, size_t n, uint64_t journal_seq,
                              clade_error *err)
{
    char position[32];
    CLADE_TRY(fill(sink, err));
    sink->n_ties       = 0;
    sink->state.now_us = sink->now_us != 0 ? sink->now_us : clade_now_us();
    guess_currency(&sink->state, event, n);
    for (size_t i = 0; i < n; i++)
        CLADE_TRY(store_one(sink, &event[i], err));
    CLADE_TRY(finish_lanes(sink, err));

    for (size_t i = 0; i < N_LANES; i++) {
        if (!sink->lane[i].open) continue;
        const load_sink *lane = &sink->lane[i].sink;
        report->n_read += lane->n_read;
        report->n_stored += lane->n_stored;
        report->n_duplicate += lane->n_duplicate;
        report->n_quarantined += lane->n_quarantined;
        report->n_events += lane->n_events;
    }
    report->n_ties = sink->n_ties;
    assert(report->n_read == (int64_t)n);
    if (report->n_stored > 0) CLADE_TRY(mark_stale(sink->store, err));
    if (journal_seq == 0) return CLADE_OK;
    snprintf(position, sizeof position, "%llu", (unsigned long long)journal_seq);
    return clade_store_setting_set(sink->store, POSITION, position, err);
}

clade_status clade_live_store(clade_live_report *out, clade_live_sink *sink,
                              const clade_live_event *event, size_t n, uint64_t journal_seq,
                              clade_error *err)
{
    clade_live_report report = { 0 };
    CLADE_TRY(clade_store_derived_drop(sink->store, err));
    CLADE_TRY(clade_store_begin(sink->store, err));
    clade_status status = store_all(&report, sink, event, n, journal_seq, err);
    if (status == CLADE_OK) status = clade_identity_sync(sink->store, err);
    close_outs(sink); /* appenders go before their transaction ends */
    if (status == CLADE_OK) status = clade_store_commit(sink->store, err);
    if (status != CLADE_OK) clade_store_rollback(sink->store);
    count_lanes(sink, status == CLADE_OK);
    sink->ready = status == CLADE_OK;
    if (status == CLADE_OK) *out = report;
    return status;
}

/* ---------------------------------------------------------------- open, close */

clade_status clade_live_open(clade_live_sink **out_sink, clade_store *store, int64_t now_us,
                             clade_error *err)
{
    clade_status     status = CLADE_OK;
    clade_live_sink *sink   = CLADE_NEW(clade_live_sink, 1);
    if (sink == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for live events");
    sink->store  = store;
    sink->now_us = now_us;
    status       = clade__live_make(sink, err);
    if (status == CLADE_OK) status = fill(sink, err);
    if (status != CLADE_OK) goto done;
    *out_sink = sink;
    sink      = NULL;
done:
    clade_live_close(sink);
    return status;
}

void clade_live_close(clade_live_sink *sink)
{
    if (sink == NULL) return;
    clade__state_free(&sink->state);
    clade__map_free(&sink->owner);
    clade__map_free(&sink->owner_us);
    clade__live_unmake(sink);
    free(sink);
}
