/* Bots: more page events in a time than a person makes, or events as regular as a clock. The engine
 * finds the few customers who could be meant, by counts that only ever grow; their events are then
 * read in order of time, and the flag holds from the event that broke the rule. */
#include "load_internal.h"

#include <stdlib.h>

enum {
    HOUR_EVENTS   = 300, /* in any sixty minutes */
    MINUTES       = 3,   /* more than sixty a minute, so long */
    MINUTE_EVENTS = 60 * MINUTES,
    LEAST_MOMENTS = 10, /* distinct moments in a window: coarse clocks prove nothing */
    EQUAL_GAPS    = 96,
    ACTIVE_HOURS  = 20, /* of one day, for the rule of equal gaps */
};

#define BROWSING "('view', 'search', 'click', 'cart', 'uncart', 'wish', 'share', 'login', 'custom')"

#define WITH_CLOCK                                                                           \
    " AND load NOT IN (SELECT CAST(substr(name, 7) AS BIGINT) FROM setting WHERE name LIKE " \
    "'clock/%')"

static const char EVENTS[] = "SELECT customer, at_us FROM event WHERE kind IN " BROWSING
                             " AND customer IS NOT NULL" WITH_CLOCK;

static const char MOMENTS[] =
    "SELECT customer, at_us FROM event WHERE kind IN " BROWSING
    " AND customer IN (SELECT customer FROM clean_suspect)" WITH_CLOCK " ORDER BY customer, at_us";

/* ---------------------------------------------------------------- who could be meant */

enum { SUSPECT_HOUR = 90, MOST_SLOT_BITS = 24 };

/* Counts of (customer, hour) and active hours of (customer, day), in slots that strangers may
 * share: a count is never too low, so nobody who breaks a rule is missed, and a few are looked at
 * in vain. Three minutes at sixty, or an hour at three hundred, put 90 events into one hour of the
 * clock. */
typedef struct sieve {
    uint8_t  *hour; /* (n_slots) events, up to SUSPECT_HOUR */
    uint32_t *day;  /* (n_slots) a bit for each active hour */
    size_t    n_slots;
    uint64_t *suspect; /* a bit for each customer */
    int64_t   n_customers;
} sieve;

static clade_status sieve_make(sieve *out, int64_t n_events, int64_t n_customers, clade_error *err)
{
    int bits = 12;
    while (bits < MOST_SLOT_BITS && (INT64_C(1) << bits) < n_events)
        bits++;
    out->n_slots     = (size_t)1 << bits;
    out->n_customers = n_customers;
    out->hour        = CLADE_NEW(uint8_t, out->n_slots);
    out->day         = CLADE_NEW(uint32_t, out->n_slots);
    out->suspect     = CLADE_NEW(uint64_t, (size_t)n_customers / 64 + 1);
    if (out->hour == NULL || out->day == NULL || out->suspect == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to look for bots");
    }
    return CLADE_OK;
}

static void sieve_see(sieve *s, int64_t customer, int64_t at_us)
{
    const int64_t  hour = at_us / CLADE_US_PER_HOUR;
    const uint64_t mask = s->n_slots - 1;
    uint8_t       *n    = &s->hour[clade__key_mix((uint64_t)customer, (uint64_t)hour) & mask];
    uint32_t *active = &s->day[clade__key_mix((uint64_t)customer, ~(uint64_t)(hour / 24)) & mask];
    *n += *n < SUSPECT_HOUR;
    *active |= UINT32_C(1) << (hour % 24);
    if (*n >= SUSPECT_HOUR || __builtin_popcount(*active) >= ACTIVE_HOURS) {
        s->suspect[customer / 64] |= UINT64_C(1) << (customer % 64);
    }
}

static void sieve_free(sieve *s)
{
    free(s->hour);
    free(s->day);
    free(s->suspect);
}

static clade_status sieve_fill(sieve *s, clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    status              = clade_store_query(&rows, store, EVENTS, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        const int64_t *at_us    = clade_chunk_data(&chunk, 1);
        for (size_t i = 0; i < chunk.n_rows; i++) {
            if (customer[i] < s->n_customers && at_us[i] >= 0) sieve_see(s, customer[i], at_us[i]);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* The suspects as the temporary table clean_suspect. */
static clade_status find_suspects(clade_store *store, clade_error *err)
{
    clade_status status   = CLADE_OK;
    sieve        s        = { 0 };
    load_out     out      = { 0 };
    int64_t      n_events = 0, n_customers = 0;
    size_t       row = 0;

    status = clade_store_run(store, "CREATE OR REPLACE TEMP TABLE clean_suspect (customer BIGINT)",
                             NULL, 0, err);
    if (status == CLADE_OK)
        status = clade_store_int(&n_events, store, "SELECT count(*) FROM event", NULL, 0, 0, err);
    if (status == CLADE_OK)
        status =
            clade_store_int(&n_customers, store,
                            "SELECT coalesce(max(customer), -1) + 1 FROM event", NULL, 0, 0, err);
    if (status == CLADE_OK) status = sieve_make(&s, n_events, n_customers, err);
    if (status == CLADE_OK) status = sieve_fill(&s, store, err);
    if (status == CLADE_OK) status = clade__out_open(&out, store, "clean_suspect", 1, err);
    for (int64_t c = 0; c < n_customers && status == CLADE_OK; c++) {
        if (!(s.suspect[c / 64] >> (c % 64) & 1)) continue;
        status = clade__out_row(&row, &out, err);
        if (status == CLADE_OK) clade__out_i64(&out, 0, row, c);
    }
    if (status == CLADE_OK) status = clade__out_finish(&out, err);
    clade__out_close(&out);
    sieve_free(&s);
    return status;
}

/* ---------------------------------------------------------------- the rules */

typedef struct watch {
    int64_t customer;                 /* -1 before the first */
    int64_t at_us[HOUR_EVENTS + 1];   /* ring of the last events */
    int64_t moments[HOUR_EVENTS + 1]; /* distinct moments up to each */
    int64_t n, n_moments;
    int64_t gap_us;
    int     n_equal;
    int64_t day, hour; /* of the last event */
    int     n_hours;   /* active ones of that day */
    bool    regular, tireless;
    bool    flagged;
} watch;

/* `count` events before this one lie within `span_us`. */
static bool too_fast(const watch *w, int count, int64_t span_us)
{
    if (w->n <= count) return false;
    const int64_t now  = (w->n - 1) % (HOUR_EVENTS + 1),
                  then = (w->n - 1 - count) % (HOUR_EVENTS + 1);
    return w->at_us[now] - w->at_us[then] < span_us &&
           w->moments[now] - w->moments[then] >= LEAST_MOMENTS;
}

/* One more event of the customer at hand. The reason why this is a bot, or NULL. */
static const char *see(watch *w, int64_t at_us)
{
    const int64_t last = w->n == 0 ? INT64_MIN : w->at_us[(w->n - 1) % (HOUR_EVENTS + 1)];
    const int64_t slot = w->n % (HOUR_EVENTS + 1);
    w->n_moments += at_us != last;
    w->at_us[slot]   = at_us;
    w->moments[slot] = w->n_moments;
    w->n++;

    const int64_t day = at_us / CLADE_US_PER_DAY, hour = at_us / CLADE_US_PER_HOUR;
    if (w->n == 1 || day != w->day) w->n_hours = 0;
    if (w->n == 1 || hour != w->hour || w->n_hours == 0) w->n_hours++;
    w->day  = day;
    w->hour = hour;
    if (w->n_hours >= ACTIVE_HOURS) w->tireless = true;

    if (w->n > 1) {
        const int64_t gap = at_us - last;
        const int64_t room =
            w->gap_us / 50 > CLADE_US_PER_SECOND ? w->gap_us / 50 : CLADE_US_PER_SECOND;
        const bool even = gap >= 2 * CLADE_US_PER_SECOND && gap < CLADE_US_PER_HOUR &&
                          llabs(gap - w->gap_us) <= room;
        w->n_equal = even ? w->n_equal + 1 : 1;
        if (!even) w->gap_us = gap;
        if (w->n_equal >= EQUAL_GAPS) w->regular = true;
    }
    if (too_fast(w, HOUR_EVENTS, CLADE_US_PER_HOUR)) return "more than 300 events in an hour";
    if (too_fast(w, MINUTE_EVENTS, MINUTES * 60 * CLADE_US_PER_SECOND)) {
        return "more than 60 events a minute, for three minutes";
    }
    if (w->regular && w->tireless) return "events at equal gaps, day and night";
    return NULL;
}

static clade_status put_bot(clade_appender *flag, size_t *n, int64_t customer, int64_t since_us,
                            const char *reason, clade_error *err)
{
    if (*n == CLADE_APPENDER_ROWS) {
        CLADE_TRY(clade_appender_flush(flag, *n, err));
        *n = 0;
    }
    const size_t row = (*n)++;
    clade_appender_text(flag, 0, row, CLADE_TEXT("bot"));
    ((int64_t *)clade_appender_column(flag, 1))[row] = customer;
    clade_appender_null(flag, 2, row);
    ((int64_t *)clade_appender_column(flag, 3))[row] = since_us;
    clade_appender_text(flag, 4, row, clade_text_of(reason));
    return CLADE_OK;
}

clade_status clade__clean_bots(clade_store *store, clade_error *err)
{
    clade_status    status = CLADE_OK;
    clade_rows     *rows   = NULL;
    clade_chunk     chunk  = { 0 };
    clade_appender *flag   = NULL;
    watch          *w      = CLADE_NEW(watch, 1);
    size_t          n      = 0;

    if (w == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to look for bots");
        goto done;
    }
    w->customer = -1;
    status      = find_suspects(store, err);
    if (status != CLADE_OK) goto done;
    status = clade_appender_open(&flag, store, "flag", err);
    if (status != CLADE_OK) goto done;
    status = clade_store_query(&rows, store, MOMENTS, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        const int64_t *at_us    = clade_chunk_data(&chunk, 1);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            if (customer[i] != w->customer) *w = (watch){ .customer = customer[i] };
            if (w->flagged) continue;
            const char *reason = see(w, at_us[i]);
            if (reason == NULL) continue;
            w->flagged = true;
            status     = put_bot(flag, &n, customer[i], at_us[i], reason, err);
        }
    }
    if (status == CLADE_OK) status = clade_appender_flush(flag, n, err);
    if (status == CLADE_OK) status = clade_appender_finish(flag, err);
done:
    clade_rows_close(rows);
    clade_appender_close(flag);
    free(w);
    if (status == CLADE_OK) {
        status = clade_store_run(store, "DROP TABLE clean_suspect", NULL, 0, err);
    }
    return status;
}
