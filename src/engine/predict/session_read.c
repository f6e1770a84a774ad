/* Visits out of the log, one customer after another, and prefixes of them as rows. Runs once a fit,
 * over every event: what is kept is bounded. */
#include "session_internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    ROWS_MAX    = 120000, /* prefixes kept; beyond it visits are drawn by their hash */
    VISIT_MAX   = 300,    /* events of one visit that are looked at */
    DRAWS       = 3,      /* prefixes of one visit */
    LONGEST_RUN = 40      /* halvings of the draw */
};

/* Of nobody only where purchases of nobody name a session: else they could not be seen to buy. What
 * is known of an item is what was known when the event happened. */
static const char visits_sql[] =
    "SELECT e.customer, coalesce(e.session_key, 0), e.at_us, e.kind, coalesce(e.item + 1, 0),"
    " trim(split_part(coalesce(i.category, ''), '>', 1)), coalesce(e.price_minor,"
    " i.price_minor)::DOUBLE, (e.dwell_us / 1e6)::DOUBLE, lower(coalesce(e.device, '')),"
    " lower(coalesce(e.channel, '')) FROM event e ASOF LEFT JOIN (SELECT item, known_us,"
    " max(category) AS category, max(price_minor) AS price_minor FROM item GROUP BY item, known_us)"
    " i ON i.item = e.item AND i.known_us <= e.at_us WHERE e.at_us < ?1 AND e.kind NOT IN "
    "('refund',"
    " 'review') AND (e.customer IS NOT NULL OR (e.session_key IS NOT NULL AND EXISTS (SELECT 1 FROM"
    " event p WHERE p.kind = 'purchase' AND p.customer IS NULL AND p.session_key IS NOT NULL AND"
    " p.at_us < ?1))) AND (e.customer IS NULL OR e.customer NOT IN (SELECT customer FROM flag WHERE"
    " customer IS NOT NULL AND name IN ('test_order', 'staff', 'bot') AND since_us < ?1)) ORDER BY"
    " e.customer NULLS LAST, CASE WHEN e.customer IS NULL THEN e.session_key END, e.at_us, e.event";

typedef struct reading {
    clade__session_rows *rows;
    clade_session_model *words; /* its words are their numbers, so that rows can be filled */
    double               minor_per_major;
    int64_t              until_us;
    uint64_t             seed;
    int                  halvings;
    /* The customer, or the session of nobody. */
    bool     known, any;
    int64_t  customer;
    uint64_t session; /* its key; 0: none */
    double   visits, orders;
    int64_t  last_visit_us, last_order_us, order_us;
    /* The visit. */
    clade_session_visitor visitor;
    size_t                n, n_orders;
    clade_session_event   event[VISIT_MAX];
    int64_t               visit_us, end_us;
    bool                  bought;
} reading;

void clade__session_rows_free(clade__session_rows *rows)
{
    free(rows->x);
    free(rows->start_us);
    free(rows->end_us);
    free(rows->yes);
    free(rows->first);
    free(rows->is_new);
    free(rows->hash);
    *rows = (clade__session_rows){ 0 };
}

static bool make_room(clade__session_rows *r, size_t n)
{
    if (n <= r->room) return true;
    const size_t room = n < 1024 ? 1024 : 2 * n;
    float *const x    = realloc(r->x, room * CLADE_SESSION_FEATURES * sizeof *x);
    if (x != NULL) r->x = x;
    int64_t *const start = realloc(r->start_us, room * sizeof *start);
    if (start != NULL) r->start_us = start;
    int64_t *const end = realloc(r->end_us, room * sizeof *end);
    if (end != NULL) r->end_us = end;
    uint8_t *const yes = realloc(r->yes, room);
    if (yes != NULL) r->yes = yes;
    uint8_t *const first = realloc(r->first, room);
    if (first != NULL) r->first = first;
    uint8_t *const is_new = realloc(r->is_new, room);
    if (is_new != NULL) r->is_new = is_new;
    uint64_t *const hash = realloc(r->hash, room * sizeof *hash);
    if (hash != NULL) r->hash = hash;
    if (x == NULL || start == NULL || end == NULL || yes == NULL || first == NULL ||
        is_new == NULL || hash == NULL)
        return false;
    r->room = room;
    return true;
}

static bool is_drawn(const reading *r, uint64_t hash)
{
    return (hash & ((UINT64_C(1) << r->halvings) - 1)) == 0;
}

/* Too many: every second visit goes. */
static void thin_out(reading *r)
{
    clade__session_rows *const rows = r->rows;
    size_t                     k    = 0;
    if (rows->n <= ROWS_MAX || r->halvings == LONGEST_RUN) return;
    r->halvings++;
    for (size_t i = 0; i < rows->n; i++) {
        if (!is_drawn(r, rows->hash[i])) continue;
        memmove(rows->x + k * CLADE_SESSION_FEATURES, rows->x + i * CLADE_SESSION_FEATURES,
                CLADE_SESSION_FEATURES * sizeof *rows->x);
        rows->start_us[k] = rows->start_us[i];
        rows->end_us[k]   = rows->end_us[i];
        rows->yes[k]      = rows->yes[i];
        rows->first[k]    = rows->first[i];
        rows->is_new[k]   = rows->is_new[i];
        rows->hash[k++]   = rows->hash[i];
    }
    rows->n = k;
}

static void add_row(reading *r, size_t n_events, uint64_t hash, bool first)
{
    clade__session_rows *const rows = r->rows;
    clade_session_state        state;
    clade_session_start(&state, &r->visitor);
    for (size_t k = 0; k < n_events; k++)
        clade_session_add(&state, &r->event[k]);
    clade__session_fill(rows->x + rows->n * CLADE_SESSION_FEATURES, &state, r->words);
    rows->start_us[rows->n] = r->visit_us;
    rows->end_us[rows->n]   = r->end_us;
    rows->yes[rows->n]      = r->bought;
    rows->first[rows->n]    = first;
    rows->is_new[rows->n]   = !(r->visitor.visits > 0);
    rows->hash[rows->n++]   = hash;
}

/* Prefixes of a visit that is over: after events drawn by chance before its first purchase. */
static clade_status add_rows(reading *r, clade_error *err)
{
    const uint64_t key[3] = { (uint64_t)r->customer, r->session, (uint64_t)r->visit_us };
    const uint64_t hash   = clade_hash64(key, sizeof key, r->seed + 5);
    size_t         drawn[DRAWS], n_drawn = 0;
    r->rows->n_visits++;
    r->rows->n_bought += r->bought;
    if (!is_drawn(r, hash)) return CLADE_OK;
    if (!make_room(r->rows, r->rows->n + DRAWS))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu prefixes of visits", r->rows->n);
    for (size_t d = 0; d < DRAWS; d++) {
        bool         there = false;
        const size_t k     = 1 + (size_t)(clade_hash64(&d, sizeof d, hash) % r->n);
        for (size_t i = 0; i < n_drawn; i++)
            there |= drawn[i] == k;
        if (there) continue;
        add_row(r, k, hash, n_drawn == 0);
        drawn[n_drawn++] = k;
    }
    thin_out(r);
    return CLADE_OK;
}

/* n counts what came before the first purchase: a purchase alone is no visit. */
static clade_status close_visit(reading *r, clade_error *err)
{
    if (!r->any) return CLADE_OK;
    const bool running = r->end_us >= r->until_us - CLADE_SESSION_PAUSE_US;
    if (r->n > 0 && !running) CLADE_TRY(add_rows(r, err));
    if (r->n > 0) {
        r->visits += 1;
        r->last_visit_us = r->end_us;
    }
    if (r->n_orders > 0) {
        r->orders += (double)r->n_orders;
        r->last_order_us = r->order_us;
    }
    r->any = false;
    return CLADE_OK;
}

static void keep_word(clade__session_words *words, char out[32], clade_text word)
{
    const size_t size = clade_utf8_valid(word.data, word.size < 31 ? word.size : 31);
    memcpy(out, word.data, size);
    out[size] = '\0';
    for (size_t k = 0; k < words->n; k++)
        if (strcmp(words->word[k], out) == 0) return;
    if (size == 0 || words->n == CLADE__SESSION_WORDS) return;
    memcpy(words->word[words->n], out, size + 1);
    words->value[words->n] = (double)words->n + 1;
    words->n++;
}

static void open_visit(reading *r, const clade_chunk *chunk, size_t row, int64_t at_us)
{
    const double day = (double)CLADE_US_PER_DAY;
    r->any           = true;
    r->n = r->n_orders = 0;
    r->bought          = false;
    r->visit_us        = at_us;
    r->visitor         = (clade_session_visitor){
                .visits           = r->visits,
                .days_since_visit = r->visits > 0 ? (double)(at_us - r->last_visit_us) / day : (double)NAN,
                .orders           = r->orders,
                .days_since_order = r->orders > 0 ? (double)(at_us - r->last_order_us) / day : (double)NAN,
    };
    keep_word(&r->words->device, r->visitor.device, clade_chunk_text(chunk, 8, row));
    keep_word(&r->words->channel, r->visitor.channel, clade_chunk_text(chunk, 9, row));
}

static clade_session_event event_of(const reading *r, const clade_chunk *chunk, size_t row,
                                    clade_session_kind kind, int64_t at_us)
{
    const clade_text category = clade_chunk_text(chunk, 5, row);
    const double    *price = clade_chunk_data(chunk, 6), *dwell = clade_chunk_data(chunk, 7);
    const int64_t   *item = clade_chunk_data(chunk, 4);
    return (clade_session_event){
        .kind     = kind,
        .at_us    = at_us,
        .item     = (uint64_t)item[row],
        .category = category.size == 0 ? 0 : clade_hash64(category.data, category.size, 1),
        .price   = clade_chunk_valid(chunk, 6, row) ? price[row] / r->minor_per_major : (double)NAN,
        .dwell_s = clade_chunk_valid(chunk, 7, row) ? dwell[row] : (double)NAN,
    };
}

static clade_status read_row(reading *r, const clade_chunk *chunk, size_t row, clade_error *err)
{
    const int64_t     *customer = clade_chunk_data(chunk, 0), *at = clade_chunk_data(chunk, 2);
    const uint64_t     session = (uint64_t)((const int64_t *)clade_chunk_data(chunk, 1))[row];
    const bool         known   = clade_chunk_valid(chunk, 0, row);
    clade_session_kind kind;
    if (!clade_session_kind_of(&kind, clade_chunk_text(chunk, 3, row))) return CLADE_OK;
    const bool other =
        known != r->known || (known ? customer[row] != r->customer : session != r->session);
    const bool later = r->any && (at[row] - r->end_us > CLADE_SESSION_PAUSE_US ||
                                  (session != 0 && r->session != 0 && session != r->session));
    if (other || later) CLADE_TRY(close_visit(r, err));
    if (other) {
        r->known    = known;
        r->customer = known ? customer[row] : -1;
        r->visits = r->orders = 0;
    }
    if (!r->any) {
        r->session = session;
        open_visit(r, chunk, row, at[row]);
    }
    if (session != 0) r->session = session;
    r->end_us = at[row];
    if (kind == CLADE_SESSION_PURCHASE) {
        if (r->n_orders == 0 || at[row] != r->order_us) r->n_orders++; /* lines of one order */
        r->order_us = at[row];
        r->bought   = true;
    } else if (!r->bought && r->n < VISIT_MAX) {
        r->event[r->n++] = event_of(r, chunk, row, kind, at[row]);
    }
    return CLADE_OK;
}

clade_status clade__session_read(clade__session_rows *out, clade_store *store, int64_t until_us,
                                 uint64_t seed, clade_error *err)
{
    const clade_value    arg         = CLADE_INT(until_us);
    char                 currency[4] = "";
    clade_rows          *rows        = NULL;
    clade_chunk          chunk       = { 0 };
    reading *const       r           = CLADE_NEW(reading, 1);
    clade_session_model *words       = CLADE_NEW(clade_session_model, 1);
    clade_status         status      = r == NULL || words == NULL
                                           ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for visits")
                                           : CLADE_OK;
    if (status == CLADE_OK) {
        status = clade_store_setting_get(currency, sizeof currency, store, "currency", NULL);
        if (status == CLADE_ERR_NOT_FOUND) status = CLADE_OK; /* a log without money */
        *r = (reading){ .rows            = out,
                        .words           = words,
                        .minor_per_major = pow(10, clade_currency_digits(currency)),
                        .until_us        = until_us,
                        .seed            = seed };
    }
    if (status == CLADE_OK) status = clade_store_query(&rows, store, visits_sql, &arg, 1, err);
    while (status == CLADE_OK && (status = clade_rows_next(&chunk, rows, err)) == CLADE_OK &&
           chunk.n_rows > 0)
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++)
            status = read_row(r, &chunk, i, err);
    if (status == CLADE_OK) status = close_visit(r, err);
    clade_rows_close(rows);
    if (status == CLADE_OK) {
        out->device  = words->device;
        out->channel = words->channel;
    }
    free(r);
    free(words);
    return status;
}
