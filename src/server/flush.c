/*
 * From the journal into the store: a thread of its own reads durable records, parses them again and
 * stores them through ingest, a transaction a batch together with the journal's position. So a
 * crash at any moment leaves an event in the journal, or in the store with a position behind it:
 * once.
 *
 * At start the tail that a crash left is stored before the first request is taken. Items that were
 * refused go to `quarantine`, under their record's number, which keeps them from going twice.
 */
#include "intake.h"
#include "live.h"

#include "clade/ingest.h"

#include <stdlib.h>
#include <time.h>

enum {
    BATCH_RECORDS = 4000,
    BATCH_BYTES   = 8 << 20,
    PAUSE_MS      = 250, /* so that a few events a second are not a transaction each */
};
static const char dead_file[] = "refused request"; /* in quarantine.file */

struct clade__flush {
    clade_live_sink      *sink;
    clade_journal_reader *reader;
    clade_arena          *arena;
    clade_live_event     *event;
    size_t                n, capacity;
    size_t                n_records;
    uint64_t              seq; /* of the record read last */
};

static bool keep_event(struct clade__flush *f, const clade_live_event *event)
{
    if (!CLADE_GROW(&f->event, &f->capacity, f->n + 1)) return false;
    if (!clade__event_keep(&f->event[f->n], event, f->arena)) return false;
    f->n++;
    return true;
}

/* ---------------------------------------------------------------- refused items */

static clade_status bury(clade_store *store, uint64_t seq, clade_tracking_code code,
                         clade_text record, clade_error *err)
{
    clade_buffer sealed = { 0 };
    int64_t      n      = 0;
    clade_value  seen[] = { CLADE_STR(dead_file), CLADE_INT((int64_t)seq) };
    CLADE_TRY(clade_store_int(
        &n, store, "SELECT count(*) FROM quarantine WHERE file = ? AND line = ?", seen, 2, 0, err));
    if (n > 0) return CLADE_OK;
    clade_status status = clade_identity_seal(&sealed, store, -1, record, err);
    if (status == CLADE_OK) {
        const clade_value row[] = { CLADE_STR(dead_file),
                                    CLADE_INT((int64_t)seq),
                                    CLADE_STR(clade_tracking_code_name(code)),
                                    { .type = CLADE_TYPE_TEXT,
                                      .text = { sealed.data, sealed.size } } };
        status = clade_store_run(store, "INSERT INTO quarantine VALUES (0, ?, ?, NULL, ?, NULL, ?)",
                                 row, 4, err);
    }
    clade_buffer_free(&sealed);
    return status;
}

/* ---------------------------------------------------------------- one batch */

static clade_status take_record(uint64_t *out_key, clade_server *server, clade_text record,
                                uint64_t seq, clade_error *err)
{
    clade__intake *const       intake  = server->intake;
    struct clade__flush *const f       = intake->flush;
    clade_tracking_request     request = { 0 };
    uint64_t                   source  = 0;
    clade_status               status =
        clade_tracking_record_parse(&request, &source, intake->reader_tracking, record, err);
    if (status == CLADE_ERR_DATA) /* read when it came, unreadable now: kept, not dropped */
        return bury(server->store, seq, CLADE_TRACKING_E_MALFORMED, record, err);
    CLADE_TRY(status);
    const clade_tracking_item *const item = &request.item[0];
    *out_key                              = item->key;
    if (item->code != CLADE_TRACKING_OK) return bury(server->store, seq, item->code, record, err);
    for (size_t i = 0; i < item->n_events; i++)
        if (!keep_event(f, &item->event[i]))
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a batch of events");
    return CLADE_OK;
}

/* Up to a batch of records into memory. */
static clade_status read_batch(clade_server *server, bool remember, clade_error *err)
{
    clade__intake *const       intake = server->intake;
    struct clade__flush *const f      = intake->flush;
    f->n = f->n_records = 0;
    while (f->n_records < BATCH_RECORDS && clade_arena_used(f->arena) < BATCH_BYTES) {
        clade_text record;
        uint64_t   seq = 0, key = 0;
        CLADE_TRY(clade_journal_read(f->reader, &record, &seq, err));
        if (seq == 0) break;
        CLADE_TRY(take_record(&key, server, record, seq, err));
        if (remember) clade__window_add(&intake->window, key);
        f->seq = seq;
        f->n_records++;
    }
    return CLADE_OK;
}

/* A failure leaves the reader behind the batch: it begins again where the store is. */
static clade_status reopen(clade_server *server, clade_error *err)
{
    clade__intake *const intake = server->intake;
    clade_journal_reader_close(intake->flush->reader);
    intake->flush->reader = NULL;
    return clade_journal_reader_open(&intake->flush->reader, intake->journal, intake->stored + 1,
                                     err);
}

static clade_status flush_batch(size_t *out_n, clade_server *server, bool remember,
                                clade_error *err)
{
    clade__intake *const       intake = server->intake;
    struct clade__flush *const f      = intake->flush;
    clade_live_report          report = { 0 };
    clade_status               status = f->reader == NULL ? reopen(server, err) : CLADE_OK;
    *out_n                            = 0;
    CLADE_TRY(status);
    const clade_arena_mark mark = clade_arena_save(f->arena);
    status                      = read_batch(server, remember, err);
    if (status == CLADE_OK && f->n_records > 0)
        status = clade_live_store(&report, f->sink, f->event, f->n, f->seq, err);
    clade_arena_restore(f->arena, mark);
    if (status == CLADE_OK && f->n_records > 0) {
        intake->stored = f->seq;
        intake->n_flushes++;
        intake->n_stored += (uint64_t)report.n_stored;
        status = clade_journal_release(intake->journal, f->seq, err);
    }
    if (status != CLADE_OK) {
        clade_journal_reader_close(f->reader);
        f->reader = NULL;
    }
    *out_n = f->n_records;
    return status;
}

clade_status clade__flush_all(clade_server *server, clade_error *err)
{
    size_t n = 1;
    while (n > 0)
        CLADE_TRY(flush_batch(&n, server, false, err));
    return CLADE_OK;
}

uint64_t clade__stored_seq(const clade_server *server)
{
    return server->intake->stored;
}

clade_status clade__flush_position(uint64_t *out, clade_server *server, clade_error *err)
{
    return clade_live_position(out, server->store, err);
}

void clade__flush_reset(clade_server *server)
{
    clade_live_reset(server->intake->flush->sink);
}

clade_status clade__flush_cut(clade_server *server, clade_error *err)
{
    clade__intake *const intake = server->intake;
    CLADE_TRY(clade_journal_cut(intake->journal, err));
    CLADE_TRY(clade__flush_all(server, err));
    return clade_journal_release(intake->journal, intake->stored, err);
}

/* ---------------------------------------------------------------- the thread */

static bool pause_ms(clade__intake *intake, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&intake->flush_mutex);
    if (!intake->flusher_end)
        pthread_cond_timedwait(&intake->flush_wake, &intake->flush_mutex, &until);
    const bool end = intake->flusher_end;
    pthread_mutex_unlock(&intake->flush_mutex);
    return !end;
}

static void *flush_thread(void *context)
{
    clade_server *const  server = context;
    clade__intake *const intake = server->intake;
    size_t               n      = 0;
    while (pause_ms(intake, n == BATCH_RECORDS ? 0 : PAUSE_MS)) {
        clade_error err = { 0 };
        n               = 0;
        if (intake->durable <= intake->stored) continue;
        clade__store_lock(server);
        const clade_status status = flush_batch(&n, server, false, &err);
        clade__store_unlock(server);
        if (status != CLADE_OK)
            clade_log(CLADE_LOG_WARN, "events stay in the journal for now: %s", err.message);
    }
    return NULL;
}

static clade_status replay(clade_server *server, clade_error *err)
{
    size_t n = 1, all = 0;
    for (; n > 0; all += n)
        CLADE_TRY(flush_batch(&n, server, true, err));
    if (all > 0) clade_log(CLADE_LOG_INFO, "{\"event\":\"replayed\",\"records\":%zu}", all);
    return CLADE_OK;
}

clade_status clade__flush_start(clade_server *server, clade_error *err)
{
    clade__intake *const intake = server->intake;
    intake->flush               = CLADE_NEW(struct clade__flush, 1);
    if (intake->flush != NULL) intake->flush->arena = clade_arena_create(1 << 20);
    if (intake->flush == NULL || intake->flush->arena == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for events");
    CLADE_TRY(clade_live_open(&intake->flush->sink, server->store, 0, err));
    CLADE_TRY(replay(server, err));
    if (pthread_create(&intake->flusher, NULL, flush_thread, server) != 0)
        return clade_fail(err, CLADE_ERR_NOMEM, "cannot start the thread that stores events");
    intake->flusher_started = true;
    return CLADE_OK;
}

/* What is durable is stored before the end; where that fails it is in the journal, for next time.
 */
void clade__flush_stop(clade_server *server)
{
    clade__intake *const intake = server->intake;
    clade_error          err    = { 0 };
    if (intake->flusher_started) {
        pthread_mutex_lock(&intake->flush_mutex);
        intake->flusher_end = true;
        pthread_cond_signal(&intake->flush_wake);
        pthread_mutex_unlock(&intake->flush_mutex);
        pthread_join(intake->flusher, NULL);
        intake->flusher_started = false;
        clade__store_lock(server);
        if (clade_journal_sync(intake->journal, &err) != CLADE_OK ||
            clade__flush_all(server, &err) != CLADE_OK)
            clade_log(CLADE_LOG_WARN, "events stay in the journal: %s", err.message);
        clade__store_unlock(server);
    }
    if (intake->flush == NULL) return;
    clade_journal_reader_close(intake->flush->reader);
    clade_live_close(intake->flush->sink);
    clade_arena_free(intake->flush->arena);
    free(intake->flush->event);
    free(intake->flush);
    intake->flush = NULL;
}

/* ---------------------------------------------------------------- dead letters */

static const char dead_sql[] =
    "SELECT line, reason, sealed_raw FROM quarantine WHERE file = 'refused request' "
    "AND line < ? ORDER BY line DESC LIMIT ?";

static void put_dead(clade_json *json, clade_server *server, const clade_chunk *chunk, size_t row,
                     clade_tracking *tracking)
{
    clade_buffer           raw     = { 0 };
    clade_tracking_request request = { 0 };
    uint64_t               source  = 0;
    const clade_text       code    = clade_chunk_text(chunk, 1, row);
    clade_json_object(json);
    clade_json_put_int(json, "record", clade_chunk_int(chunk, 0, row, 0));
    clade_json_key(json, "code");
    clade_json_text_n(json, code.data, code.size);
    if (clade_identity_unseal(&raw, server->store, -1, clade_chunk_text(chunk, 2, row), NULL) ==
            CLADE_OK &&
        clade_tracking_record_parse(&request, &source, tracking, (clade_text){ raw.data, raw.size },
                                    NULL) == CLADE_OK) {
        const clade_tracking_item *const item = &request.item[0];
        clade__put_time(json, "received", request.received_us);
        clade_json_put_text(json, "hint", clade_tracking_code_hint(item->code));
        clade_json_key(json, "messageId");
        clade_json_text_n(json, item->message_id.data, item->message_id.size);
        clade_json_key(json, "raw");
        clade_json_text_n(json, item->raw.data, item->raw.size);
    }
    clade_json_object_end(json);
    clade_buffer_free(&raw);
}

static clade_status write_dead(clade__request *q, clade_json *json, int64_t before, int64_t limit,
                               clade_error *err)
{
    clade_server *const   server   = q->server;
    clade_tracking *const tracking = clade_tracking_create(NULL);
    clade_rows           *rows     = NULL;
    clade_chunk           chunk    = { 0 };
    int64_t               seen = 0, last = 0;
    const clade_value     args[] = { CLADE_INT(before), CLADE_INT(limit) };
    clade_status          status = clade_store_query(&rows, server->store, dead_sql, args, 2, err);
    if (tracking == NULL) status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to answer");
    clade_json_key(json, "dead_letters");
    clade_json_array(json);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++, seen++) {
            put_dead(json, server, &chunk, i, tracking);
            last = clade_chunk_int(&chunk, 0, i, 0);
        }
    }
    clade_json_array_end(json);
    clade_rows_close(rows);
    clade_tracking_free(tracking);
    clade_json_put_bool(json, "has_more", seen == limit);
    if (seen == limit) clade_json_put_int(json, "cursor", last);
    return status;
}

static void dead_work(clade__request *q)
{
    int64_t     limit, before;
    clade_error err = { 0 };
    if (!clade__query_int(&limit, q, "limit", 100, 1, 1000)) return;
    if (!clade__query_int(&before, q, "cursor", INT64_MAX, 0, INT64_MAX)) return;
    clade_json json = clade__json(q);
    clade__store_lock(q->server);
    const clade_status status = write_dead(q, &json, before, limit, &err);
    clade__store_unlock(q->server);
    clade__json_end(q, &json);
    if (status != CLADE_OK) clade__problem_of(q, &err);
}

void clade__get_dead_letters(clade__request *q)
{
    clade__work(q, dead_work, NULL);
}
