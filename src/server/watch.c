/*
 * Who entered and who left: a ring of the latest transitions, and the connections that listen to
 * it, as server-sent events whose data are CloudEvents. On the loop thread.
 *
 * What an event caused is told when its record is durable, so nobody hears of what a crash takes
 * back. Numbers rise over restarts: the first of a process is its start in microseconds.
 */
#include "intake.h"
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>

enum { RING = 65536, WATCHERS_MOST = 1024, FILL_BYTES = 65536, HEARTBEAT_S = 15 };

typedef struct transition {
    int64_t  at_us, version;
    uint64_t journal; /* told when that record is durable */
    bool     entered;
    char     name[CLADE_RULE_MAX_NAME];
    char    *id; /* NULL: forgotten */
} transition;

struct clade__feed {
    uint64_t        first; /* number of the first of this process */
    uint64_t        next;  /* of the one to come */
    uint64_t        told;  /* below it all may be told */
    transition      ring[RING];
    clade__watcher *watchers;
    size_t          n_watchers;
};

struct clade__watcher {
    clade__request *q;
    clade__watcher *previous, *following;
    char            name[CLADE_RULE_MAX_NAME]; /* "" for all */
    uint64_t        next;
    clade_buffer    out;
    size_t          at; /* sent of out */
    double          spoken;
    bool            waits; /* suspended */
};

clade_status clade__feed_start(clade_server *server, clade_error *err)
{
    server->feed = CLADE_NEW(clade__feed, 1);
    if (server->feed == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for transitions");
    server->feed->first = server->feed->next = server->feed->told = (uint64_t)clade_now_us();
    return CLADE_OK;
}

static void drop(transition *one)
{
    if (one->id == NULL) return;
    explicit_bzero(one->id, strlen(one->id));
    free(one->id);
    one->id = NULL;
}

void clade__feed_stop(clade_server *server)
{
    clade__feed *const feed = server->feed;
    for (size_t i = 0; feed != NULL && i < RING; i++)
        drop(&feed->ring[i]);
    free(feed);
    server->feed = NULL;
}

void clade__feed_push(clade_server *server, const clade_rule_segment *segment, const char *id,
                      bool entered, int64_t at_us)
{
    clade__feed *const feed = server->feed;
    transition *const  one  = &feed->ring[feed->next % RING];
    drop(one);
    *one    = (transition){ .at_us   = at_us,
                            .version = segment->version,
                            .journal = server->intake->last_seq,
                            .entered = entered };
    one->id = strdup(id);
    memcpy(one->name, segment->name, sizeof one->name);
    feed->next++;
}

void clade__feed_forget(clade_server *server, const char *id)
{
    for (size_t i = 0; i < RING; i++) {
        transition *const one = &server->feed->ring[i];
        if (one->id != NULL && strcmp(one->id, id) == 0) drop(one);
    }
}

/* ---------------------------------------------------------------- what is written */

static void put_event(clade_buffer *out, const clade__watcher *w, uint64_t number,
                      const transition *one)
{
    char              source[CLADE_RULE_MAX_NAME + 16], id[24];
    const char *const type = one == NULL    ? "transitions.missed"
                             : one->entered ? "segment.entered"
                                            : "segment.left";
    snprintf(source, sizeof source, "/v1/segments/%s", one == NULL ? w->name : one->name);
    snprintf(id, sizeof id, "%llu", (unsigned long long)number);
    clade_buffer_format(out, "id: %s\nevent: %s\ndata: ", id, type);
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_text(&json, "specversion", "1.0");
    clade_json_put_text(&json, "id", id);
    clade_json_put_text(&json, "source", source);
    clade_json_put_text(&json, "type", type);
    if (one != NULL) clade_json_put_text(&json, "subject", one->id);
    clade__put_time(&json, "time", one == NULL ? clade_now_us() : one->at_us);
    if (one != NULL) {
        clade_json_put_text(&json, "datacontenttype", "application/json");
        clade_json_key(&json, "data");
        clade_json_object(&json);
        clade_json_put_text(&json, "segment", one->name);
        clade_json_put_int(&json, "version", one->version);
        clade_json_put_text(&json, "customer", one->id);
        clade_json_object_end(&json);
    }
    clade_json_object_end(&json);
    clade_buffer_text(out, "\n\n");
}

static void fill(clade__feed *feed, clade__watcher *w)
{
    const uint64_t oldest = feed->next - feed->first > RING ? feed->next - RING : feed->first;
    if (w->next < oldest) {
        put_event(&w->out, w, oldest - 1, NULL);
        w->next = oldest;
    }
    for (; w->next < feed->told && w->out.size < FILL_BYTES; w->next++) {
        const transition *const one = &feed->ring[w->next % RING];
        if (one->id == NULL || (w->name[0] != '\0' && strcmp(w->name, one->name) != 0)) continue;
        put_event(&w->out, w, w->next, one);
    }
    const double now = clade_seconds();
    if (w->out.size == 0 && now - w->spoken >= HEARTBEAT_S) clade_buffer_text(&w->out, ":\n\n");
    if (w->out.size > 0) w->spoken = now;
}

long clade__watch_read(clade__request *q, char *to, size_t size)
{
    clade__watcher *const w = q->watcher;
    if (w->at == w->out.size) {
        clade_buffer_clear(&w->out);
        w->at = 0;
        fill(q->server->feed, w);
    }
    if (w->out.failed) return -1;
    const size_t left = w->out.size - w->at, n = left < size ? left : size;
    if (n == 0 && q->server->stops > 0) return -1;
    if (n > 0) memcpy(to, w->out.data + w->at, n);
    w->at += n;
    w->waits = n == 0;
    return (long)n;
}

void clade__watcher_end(clade__request *q)
{
    clade__watcher *const w = q->watcher;
    if (w == NULL) return;
    if (w->previous != NULL)
        w->previous->following = w->following;
    else
        q->server->feed->watchers = w->following;
    if (w->following != NULL) w->following->previous = w->previous;
    q->server->feed->n_watchers--;
    clade_buffer_free(&w->out);
    free(w);
    q->watcher = NULL;
}

static void wake(clade__watcher *w)
{
    if (!w->waits) return;
    w->waits = false;
    clade__resume(w->q);
}

/* Tell what is durable by now. */
void clade__watch_tell(clade_server *server)
{
    clade__feed *const feed    = server->feed;
    const uint64_t     durable = server->intake->durable, before = feed->told;
    while (feed->told < feed->next && feed->ring[feed->told % RING].journal <= durable)
        feed->told++;
    if (feed->told == before) return;
    for (clade__watcher *w = feed->watchers; w != NULL; w = w->following)
        wake(w);
}

void clade__watch_tick(clade_server *server)
{
    const double now = clade_seconds();
    for (clade__watcher *w = server->feed->watchers; w != NULL; w = w->following)
        if (now - w->spoken >= HEARTBEAT_S || server->stops > 0) wake(w);
}

/* ---------------------------------------------------------------- GET */

static void watch(clade__request *q, const char *name)
{
    clade__feed *const    feed = q->server->feed;
    const char *const     last = clade__header(q, "Last-Event-ID");
    clade__watcher *const w =
        feed->n_watchers < WATCHERS_MOST ? CLADE_NEW(clade__watcher, 1) : NULL;
    if (w == NULL) {
        clade__header_set(q, "Retry-After", "5");
        clade__problem(q, 429, "busy", "one connection to /v1/transitions hears everything",
                       "%d connections watch already", WATCHERS_MOST);
        return;
    }
    w->q    = q;
    w->next = feed->told;
    if (last != NULL) {
        const uint64_t heard = strtoull(last, NULL, 10);
        if (heard < feed->told) w->next = heard + 1;
    }
    snprintf(w->name, sizeof w->name, "%s", name);
    w->spoken    = clade_seconds();
    w->following = feed->watchers;
    if (w->following != NULL) w->following->previous = w;
    feed->watchers = w;
    feed->n_watchers++;
    clade_buffer_text(&w->out, "retry: 2000\n\n");
    q->watcher      = w;
    q->status       = 200;
    q->content_type = "text/event-stream";
    clade__header_set(q, "Cache-Control", "no-cache");
    clade__header_set(q, "X-Accel-Buffering", "no");
}

void clade__get_transitions(clade__request *q)
{
    watch(q, "");
}

void clade__get_watch(clade__request *q)
{
    const int64_t rule = clade__rules_named(q->server->rules, q->param[0]);
    if (rule < 0) {
        clade__problem(q, 404, "unknown_segment", "PUT /v1/segments/{name} defines one",
                       "no segment by rule is called '%.60s'", q->param[0]);
        return;
    }
    watch(q, clade__rules_segment(q->server->rules, (size_t)rule)->name);
}
