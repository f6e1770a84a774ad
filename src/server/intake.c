/*
 * Taking events: bytes -> tracking -> one record an item -> journal; the request waits, suspended,
 * until its last record is durable, and only then is it answered 200. On the loop thread; a batch
 * of a few dozen events takes some tens of microseconds before it waits.
 *
 * A message that came before is answered as the first time, once the first is durable. Items that
 * are refused go into the journal too, and from there to quarantine: nothing is dropped in silence.
 */
#include "intake.h"

#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- the journal tells how far it is
 */

static void progress(void *context, uint64_t durable_seq, clade_status status, const char *message)
{
    clade__intake *const intake = context;
    if (status != CLADE_OK && intake->disk == (int)CLADE_OK)
        clade_log(CLADE_LOG_WARN, "events are refused: %s", message);
    intake->disk    = (int)status;
    intake->durable = durable_seq;
    clade__wake(intake->server);
}

static void resume(clade__request *q)
{
    q->phase = CLADE__READY;
    clade__resume(q);
}

void clade__intake_answer(clade_server *server)
{
    clade__intake *const intake  = server->intake;
    const uint64_t       durable = intake->durable;
    clade__pending_apply(server, durable);
    intake->applied = durable;
    while (intake->first != NULL && intake->first->seq <= durable) {
        clade__request *const q = intake->first;
        intake->first           = q->queued;
        if (intake->first == NULL) intake->last = NULL;
        resume(q);
    }
    if (intake->disk == (int)CLADE_OK) return;
    /* The disk refuses. The journal keeps what it has and tries on; whoever waits is told to send
     * again, and is known by the message's key when it does. */
    while (intake->first != NULL) {
        clade__request *const q = intake->first;
        intake->first           = q->queued;
        clade__header_set(q, "Retry-After", "5");
        clade__problem(q, 503, "disk", "it is tried again; send the same once more",
                       "the disk does not take events at the moment");
        resume(q);
    }
    intake->last = NULL;
}

/* ---------------------------------------------------------------- one request */

static const char *write_key(const clade__request *q, const clade_tracking_request *request)
{
    if (request->write_key.size > 0)
        return clade_arena_text(q->arena, request->write_key.data, request->write_key.size);
    return clade__query(q, "api_secret"); /* GA4 */
}

static void refused(clade__request *q, const clade_tracking_request *request, clade_status status,
                    const clade_error *err)
{
    if (status != CLADE_ERR_DATA) {
        clade__problem_of(q, err);
        return;
    }
    const bool large = request->code == CLADE_TRACKING_E_BODY_LARGE;
    clade__problem(q, large ? 413 : 400, clade_tracking_code_name(request->code),
                   clade_tracking_code_hint(request->code), "%s", err->message);
}

/* Records of all items that are new; false without memory. */
static bool gather(clade__intake *intake, const clade_tracking_request *request, uint64_t source,
                   size_t *out_n)
{
    size_t n = 0;
    clade_buffer_clear(&intake->records);
    if (!CLADE_GROW(&intake->start, &intake->start_capacity, request->n_items + 1) ||
        !CLADE_GROW(&intake->fresh, &intake->fresh_capacity, request->n_items + 1) ||
        !CLADE_GROW(&intake->record, &intake->record_capacity, request->n_items + 1))
        return false;
    for (size_t i = 0; i < request->n_items; i++) {
        const clade_tracking_item *const item = &request->item[i];
        if (clade__window_has(&intake->window, item->key)) {
            intake->n_duplicate++;
            continue;
        }
        intake->fresh[n]   = i;
        intake->start[n++] = intake->records.size;
        clade_tracking_record(&intake->records, intake->tracking, request, i, source);
    }
    intake->start[n] = intake->records.size;
    for (size_t i = 0; i < n; i++)
        intake->record[i] = (clade_text){ intake->records.data + intake->start[i],
                                          intake->start[i + 1] - intake->start[i] };
    *out_n = n;
    return !intake->records.failed;
}

/* The n records were appended: known from now on, applied when they are durable. */
static void remember(clade__intake *intake, const clade_tracking_request *request, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const clade_tracking_item *const item = &request->item[intake->fresh[i]];
        if (clade__window_has(&intake->window, item->key)) continue; /* twice in one request */
        clade__window_add(&intake->window, item->key);
        if (item->code == CLADE_TRACKING_OK) intake->n_accepted++;
        if (item->code != CLADE_TRACKING_OK) intake->n_rejected++;
        for (size_t k = 0; k < item->n_events; k++)
            if (!clade__pending_add(&intake->pending, &item->event[k],
                                    intake->last_seq - n + 1 + i))
                break; /* the next refresh has it from the store */
    }
}

/* Until live state has it, too: the journal wakes the loop, which applies and then answers. */
static void wait_until_durable(clade__request *q)
{
    clade__intake *const intake = q->server->intake;
    if (intake->last_seq <= intake->applied) return;
    q->phase  = CLADE__WAITING;
    q->seq    = intake->last_seq;
    q->queued = NULL;
    if (intake->last == NULL)
        intake->first = q;
    else
        intake->last->queued = q;
    intake->last = q;
}

static void append(clade__request *q, const clade_tracking_request *request)
{
    clade_server *const  server = q->server;
    clade__intake *const intake = server->intake;
    clade_error          err    = { 0 };
    size_t               n      = 0;
    const char *const    id     = clade_keyring_get(server->ring, (size_t)q->key)->id;
    clade_status         status = CLADE_OK;
    if (!gather(intake, request, strtoull(id, NULL, 16), &n)) {
        intake->records.failed = false;
        clade__problem(q, 503, "no_memory", "send it again", "no memory for the events");
        return;
    }
    if (n > 0)
        status = clade_journal_append(intake->journal, &intake->last_seq, intake->record, n, &err);
    if (status == CLADE_ERR_BUSY) {
        intake->n_busy++;
        clade__header_set(q, "Retry-After", "1");
        clade__problem(q, 429, "busy", "send it again", "%s", err.message);
        return;
    }
    if (status != CLADE_OK) {
        clade__header_set(q, "Retry-After", "5");
        clade__problem(q, 503, "disk", "send it again", "%s", err.message);
        return;
    }
    remember(intake, request, n);
    clade_buffer_clear(&q->out);
    clade_tracking_answer(&q->out, request, false);
    q->status       = 200;
    q->content_type = "application/json";
    wait_until_durable(q);
}

void clade__post_events(clade__request *q)
{
    clade__intake *const    intake  = q->server->intake;
    clade_tracking_request  request = { 0 };
    clade_error             err     = { 0 };
    clade_tracking_endpoint endpoint;
    const clade_text        body = { q->body.data == NULL ? "" : q->body.data, q->body.size };
    if (!clade_tracking_endpoint_of(&endpoint, clade_text_of(q->path))) {
        clade__problem(q, 404, "no_such_route", "", "there is nothing at this path");
        return;
    }
    const clade_status status =
        clade_tracking_read(&request, intake->tracking, endpoint, body, clade_now_us(), &err);
    if (!clade__gate_body(q, write_key(q, &request))) return;
    if (status != CLADE_OK)
        refused(q, &request, status, &err);
    else
        append(q, &request);
}

/* ---------------------------------------------------------------- beside it */

void clade__post_validate(clade__request *q)
{
    clade__intake *const   intake  = q->server->intake;
    clade_tracking_request request = { 0 };
    clade_error            err     = { 0 };
    clade_json_tree        tree    = { 0 };
    clade_text             body    = { q->body.data == NULL ? "" : q->body.data, q->body.size };
    clade_buffer           batch   = { 0 };
    /* One event is a batch of one, unless it is a batch already. */
    if (clade_json_parse(&tree, body, q->arena, NULL) == CLADE_OK &&
        tree.node->type == CLADE_JSON_OBJECT && clade_json_get(&tree, tree.node, "batch") == NULL) {
        clade_buffer_text(&batch, "{\"batch\":[");
        clade_buffer_append(&batch, body.data, body.size);
        clade_buffer_text(&batch, "]}");
        if (!batch.failed) body = (clade_text){ batch.data, batch.size };
    }
    const clade_status status = clade_tracking_read(
        &request, intake->tracking, CLADE_TRACKING_BATCH, body, clade_now_us(), &err);
    if (clade__gate_body(q, write_key(q, &request))) {
        if (status == CLADE_OK) {
            clade_buffer_clear(&q->out);
            clade_tracking_answer(&q->out, &request, true);
            q->status       = 200;
            q->content_type = "application/json";
        } else {
            refused(q, &request, status, &err);
        }
    }
    clade_buffer_free(&batch);
}

void clade__get_settings(clade__request *q)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".:-[]";
    const char *const host      = clade__header(q, "Host");
    const clade_text  key       = clade_text_of(q->param[0]);
    char              api[300];
    if (clade_keyring_find(q->server->ring, key) < 0) {
        clade__problem(q, 404, "unknown_key", "take the write key that serve printed",
                       "there is no such project");
        return;
    }
    if (host == NULL || host[strspn(host, allowed)] != '\0' || strlen(host) > 255) {
        clade__problem(q, 400, "bad_host", "", "the header Host is no host");
        return;
    }
    snprintf(api, sizeof api, "%s/v1", host);
    clade_buffer_clear(&q->out);
    clade_tracking_settings(&q->out, key, api, q->server->options.cert != NULL);
    q->status       = 200;
    q->content_type = "application/json";
}

void clade__metrics_intake(clade_buffer *out, const clade_server *server)
{
    const clade__intake *const intake = server->intake;
    clade_journal_state        state;
    clade_journal_look(&state, intake->journal);
    clade_buffer_format(
        out,
        "# HELP clade_ingest_items_total Calls of clients, by what became of them.\n"
        "# TYPE clade_ingest_items_total counter\n"
        "clade_ingest_items_total{result=\"accepted\"} %llu\n"
        "clade_ingest_items_total{result=\"rejected\"} %llu\n"
        "clade_ingest_items_total{result=\"duplicate\"} %llu\n"
        "# HELP clade_ingest_busy_total Requests told to come back, the journal being full.\n"
        "# TYPE clade_ingest_busy_total counter\nclade_ingest_busy_total %llu\n",
        (unsigned long long)intake->n_accepted, (unsigned long long)intake->n_rejected,
        (unsigned long long)intake->n_duplicate, (unsigned long long)intake->n_busy);
    clade_buffer_format(
        out,
        "# HELP clade_journal_waiting_records Durable and not in the store yet.\n"
        "# TYPE clade_journal_waiting_records gauge\nclade_journal_waiting_records %llu\n"
        "# HELP clade_journal_disk_bytes Segment files.\n"
        "# TYPE clade_journal_disk_bytes gauge\nclade_journal_disk_bytes %llu\n"
        "# HELP clade_journal_syncs_total Groups that were synced.\n"
        "# TYPE clade_journal_syncs_total counter\nclade_journal_syncs_total %llu\n"
        "# HELP clade_journal_sync_seconds The latest group's sync.\n"
        "# TYPE clade_journal_sync_seconds gauge\nclade_journal_sync_seconds %.6f\n",
        (unsigned long long)(state.durable_seq - clade__stored_seq(server)),
        (unsigned long long)state.disk_bytes, (unsigned long long)state.n_groups,
        (double)state.sync_us / 1e6);
}

/* ---------------------------------------------------------------- start, stop */

static clade_tracking *new_tracking(const clade_server *server)
{
    clade_tracking_options options = clade_tracking_defaults();
    options.max_body_bytes         = server->options.max_body_bytes;
    options.max_event_bytes        = server->options.max_event_bytes;
    options.max_events             = server->options.max_batch_events;
    if (clade_store_setting_get(options.currency, sizeof options.currency, server->store,
                                "currency", NULL) != CLADE_OK)
        options.currency[0] = '\0';
    return clade_tracking_create(&options);
}

clade_status clade__intake_start(clade_server *server, clade_error *err)
{
    clade__intake *const intake = CLADE_NEW(clade__intake, 1);
    server->intake              = intake;
    if (intake == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for events");
    intake->server = server;
    pthread_mutex_init(&intake->flush_mutex, NULL);
    pthread_cond_init(&intake->flush_wake, NULL);
    intake->tracking        = new_tracking(server);
    intake->reader_tracking = new_tracking(server);
    if (intake->tracking == NULL || intake->reader_tracking == NULL ||
        !clade__window_start(&intake->window, CLADE__WINDOW_HALF) ||
        !clade__pending_start(&intake->pending))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for events");
    uint64_t stored = 0;
    CLADE_TRY(clade__flush_position(&stored, server, err));
    const clade_journal_options options = { .stored_seq = stored,
                                            .progress   = progress,
                                            .context    = intake };
    intake->stored                      = stored;
    CLADE_TRY(clade_journal_open(&intake->journal, server->store, &options, err));
    intake->durable  = clade_journal_durable(intake->journal);
    intake->last_seq = intake->applied = intake->durable;
    return clade__flush_start(server, err);
}

void clade__intake_stop(clade_server *server)
{
    clade__intake *const intake = server->intake;
    if (intake == NULL) return;
    clade__flush_stop(server);
    clade_journal_close(intake->journal);
    clade_tracking_free(intake->tracking);
    clade_tracking_free(intake->reader_tracking);
    clade__window_stop(&intake->window);
    clade_buffer_free(&intake->records);
    clade__pending_stop(&intake->pending);
    free(intake->start);
    free(intake->fresh);
    free(intake->record);
    pthread_cond_destroy(&intake->flush_wake);
    pthread_mutex_destroy(&intake->flush_mutex);
    free(intake);
    server->intake = NULL;
}
