/*
 * What the files of the server share.
 *
 *     http.c      connections, bodies, answers: the only file that includes libmicrohttpd
 *     router.c    which handler a method and a path mean
 *     gate.c      keys, roles, rate limits
 *     work.c      the workers, and the way back to the loop
 *     model*.c    what is answered from memory
 *     the rest    handlers, by what they are about
 *
 * A handler runs on the loop thread. It writes q->out and q->status and returns; or calls
 * clade__work, and then its second half runs on a worker and may use the store.
 */
#ifndef CLADE_SERVER_INTERNAL_H
#define CLADE_SERVER_INTERNAL_H

#include "clade/json.h"
#include "clade/run.h"
#include "clade/server.h"

#include <pthread.h>
#include <stdatomic.h>

struct MHD_Connection;
struct MHD_Daemon;

enum {
    CLADE__PARAMS    = 2,   /* {names} in one pattern */
    CLADE__TOKEN     = 512, /* bytes of a decoded credential */
    CLADE__HEADERS   = 6,   /* extra ones of one answer */
    CLADE__WORKERS   = 2,
    CLADE__BUCKETS   = 12,   /* of the histogram of durations */
    CLADE__KEEP_BODY = 65536 /* larger buffers are given back after the request */
};

typedef enum clade__method { CLADE__GET, CLADE__POST, CLADE__PUT, CLADE__DELETE } clade__method;

/* Who may call a route. */
typedef enum clade__need {
    CLADE__OPEN,  /* anybody */
    CLADE__WRITE, /* write or admin; the key may be in the body: the handler asks clade__gate_body
                   */
    CLADE__READ,
    CLADE__ADMIN
} clade__need;

typedef struct clade__request clade__request;
typedef struct clade__model   clade__model;
typedef struct clade__live    clade__live;
typedef struct clade__intake  clade__intake;
typedef struct clade__rules   clade__rules;
typedef struct clade__feed    clade__feed;
typedef struct clade__watcher clade__watcher;
typedef struct clade__person  clade__person; /* what came of somebody since the model was made */
typedef void (*clade__handler)(clade__request *q);

typedef struct clade__route {
    clade__method  method;
    const char    *pattern;
    clade__need    need;
    clade__handler handle;
} clade__route;
extern const clade__route clade__routes[]; /* NULL pattern behind the last */

typedef enum clade__phase {
    CLADE__START,   /* nothing of the request was seen, or it is answered */
    CLADE__BODY,    /* its body comes */
    CLADE__WAITING, /* suspended */
    CLADE__READY    /* out and status are there */
} clade__phase;

/* One connection, and the one request on it. */
struct clade__request {
    clade_server          *server;
    struct MHD_Connection *connection;
    clade__request        *previous, *next; /* all connections */
    clade__request        *queued;          /* next in a queue of work.c */
    clade__phase           phase;
    bool                   refused;   /* answered with an error; the body is thrown away */
    bool                   in_flight; /* counted in server->n_in_flight */
    double                 idle_since, started;

    char               *target; /* path and query as they came, then split and decoded in place */
    size_t              target_capacity;
    const char         *path, *query;
    clade__method       method;
    const clade__route *route;
    const char         *param[CLADE__PARAMS];
    clade_buffer        body;
    int                 key;  /* index in the ring, or -1 */
    clade_role          role; /* of the key */

    unsigned        status;
    clade_buffer    out;
    const char     *content_type;
    bool            packed; /* the body came by gzip */
    size_t          n_headers;
    char            header[CLADE__HEADERS][2][96];
    clade__handler  work, finish;
    void           *data; /* of the handler, freed by it */
    int64_t         customer;
    size_t          wanted;
    uint64_t        seq;     /* of the journal: waits until it is durable */
    clade__watcher *watcher; /* its answer goes on: server-sent events */
    clade__model   *model;   /* while it waits: constant, and there until it is answered */
    clade_arena    *arena;   /* of the thread that handles it now; emptied afterwards */
};

typedef struct clade__bucket { /* of one key */
    double level, at;
} clade__bucket;

/* Of one route. Written by the loop thread alone. */
typedef struct clade__route_counts {
    uint64_t by_class[6]; /* 2: 2xx ... */
    uint64_t bucket[CLADE__BUCKETS];
    uint64_t n;
    double   seconds;
} clade__route_counts;

struct clade_server {
    clade_store         *store;
    clade_server_options options;
    clade_keyring       *ring;
    clade__bucket       *bucket; /* (CLADE_KEYS_MAX) */
    char                 new_key[CLADE_N_ROLE][CLADE_KEY_SECRET];

    struct MHD_Daemon *daemon;
    int                port;
    int                wake_fd; /* eventfd: something waits for the loop */
    _Atomic int        stops;
    clade_buffer       cert, key;
    clade__request    *connections;
    size_t             n_connections, n_in_flight;
    double             now, next_tick;
    double             started;
    clade_arena       *arena; /* of the handler that runs on the loop now */

    pthread_mutex_t store_mutex; /* of the two below: the store is taken in the order of asking */
    pthread_cond_t  store_turn;
    uint64_t        store_next, store_serving;
    pthread_mutex_t work_mutex;
    pthread_cond_t  work_wake;
    clade__request *work_first, *work_last;
    size_t          n_work;
    clade__request *done_first, *done_last; /* for the loop */
    bool            work_end;
    pthread_t       worker[CLADE__WORKERS];
    size_t          n_workers;

    clade__model           *model;       /* read by the loop thread alone */
    _Atomic(clade__model *) fresh_model; /* made by a worker, taken over by the loop */
    _Atomic bool            model_building, model_wanted;
    pthread_t               builder;
    bool                    builder_started;
    double                  model_at;
    int64_t                *forgotten; /* customer numbers, since the start */
    size_t                  n_forgotten, forgotten_capacity;
    clade__live            *live;
    clade__intake          *intake;

    clade__rules           *rules; /* who is in which segment by rule; of the loop thread */
    _Atomic(clade__rules *) fresh_rules;
    struct clade__kept     *rules_kept;   /* what came while one is made */
    int                     rules_builds; /* that are being made; of the loop thread */
    uint64_t                rules_order;  /* the store's mutex */
    bool                    rules_wanted; /* a state cannot know: make them again soon */
    int64_t                 rules_at_us;  /* an event of the future: make them again then */
    double                  rules_made_at;
    bool                    builder_of_model; /* or of rules alone */
    clade__feed            *feed;

    clade__route_counts *counts; /* (routes) */
    uint64_t             n_refused_rate, n_refused_key;
};

/* ---- http.c */
clade_status clade__http_start(clade_server *server, clade_error *err);
clade_status clade__http_loop(clade_server *server, clade_error *err);
void         clade__http_stop(clade_server *server);
/* A header of the request, or NULL. */
const char *clade__header(const clade__request *q, const char *name);
/* A header of the answer; both are copied and cut. */
void clade__header_set(clade__request *q, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Go on with a request that was suspended: phase is READY. On the loop. */
void clade__resume(clade__request *q);
/* Wake the loop. Any thread. */
void clade__wake(clade_server *server);

/* ---- router.c */
typedef enum clade__match { CLADE__FOUND, CLADE__NO_PATH, CLADE__NO_METHOD } clade__match;
/* Splits and decodes `path` in place; q->route and q->param point into it. */
clade__match clade__route_find(clade__request *q, char *path);
/* Value of a query parameter, decoded, in q->arena; NULL when not given. */
const char *clade__query(const clade__request *q, const char *name);
/* A whole number of the query in [low, high], or false after answering 400. */
bool clade__query_int(int64_t *out, clade__request *q, const char *name, int64_t if_absent,
                      int64_t low, int64_t high);

/* ---- answer.c */
/* problem+json. `code` is stable: clients may compare it. */
void clade__problem(clade__request *q, unsigned status, const char *code, const char *hint,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same for a failure of clade's own functions. */
void clade__problem_of(clade__request *q, const clade_error *err);
/* Start an answer of JSON, one object open; end it with status 200. */
clade_json clade__json(clade__request *q);
void       clade__json_end(clade__request *q, clade_json *json);
/* Set an ETag of the answer's bytes; turns it into a 304 where the client has it already. */
void clade__etag(clade__request *q);
void clade__put_time(clade_json *json, const char *key, int64_t us); /* INT64_MIN: null */
void clade__put_money(clade_json *json, const char *key, int64_t minor, const char *currency);

/* A number of at most three digits behind the point; null where it is not finite. */
void clade__put_rounded(clade_json *json, const char *key, double value);

/* ---- gate.c */
/* The user of Basic credentials, all up to the colon, or all of it. Its size; 0 for no base64. */
size_t clade__basic_user(char out[CLADE__TOKEN], const char *text);
/* By header or query. False after answering 401, 403 or 429. */
bool clade__gate(clade__request *q);
/* For routes that CLADE__WRITE: by header, else by the key in the body (may be NULL). */
bool         clade__gate_body(clade__request *q, const char *write_key);
clade_status clade__gate_open(clade_server *server, clade_error *err);

/* ---- work.c */
clade_status clade__work_start(clade_server *server, clade_error *err);
void         clade__work_stop(clade_server *server);
/* Suspend the request and run `work` on a worker; answers 429 when the queue is full. `finish` (may
 * be NULL) runs on the loop thread afterwards. */
void clade__work(clade__request *q, clade__handler work, clade__handler finish);
/* Hand a waiting request back to the loop. Any thread. */
void clade__done(clade__request *q);
/* On the loop: finish and resume what came back. */
void clade__take_done(clade_server *server);
/* Around the store; in the order of asking, so that whoever asks often starves nobody. */
void clade__store_lock(clade_server *server);
void clade__store_unlock(clade_server *server);
/* Everybody who waits goes first. What was read before may be older than what is read afterwards.
 */
void clade__store_pass(clade_server *server);

/* ---- server.c */
/* Once a second, on the loop. */
void clade__tick(clade_server *server);

/* ---- refresh.c */
clade_status  clade__refresh_start(clade_server *server, clade_error *err);
void          clade__refresh_stop(clade_server *server);
void          clade__refresh_tick(clade_server *server);
void          clade__refresh_forget(clade_server *server, int64_t customer);
clade__model *clade__model_take(clade_server *server); /* on the loop, as its opposite */
void          clade__model_give(clade__model *model);
void          clade__metrics_model(clade_buffer *out, const clade_server *server);

/* ---- live.c: what came since the model was made. On the loop thread, but for flush. */
clade_status         clade__live_start(clade_server *server, clade_error *err);
void                 clade__live_stop(clade_server *server);
const clade__person *clade__live_person(const clade_server *server, const char *id);
void                 clade__live_put(clade_json *json, const clade__person *person);
void                 clade__live_forget(clade_server *server, const char *id);
bool                 clade__live_changed(const clade_server *server);

/* ---- rules.c, watch.c: segments by rule, kept true event by event. On the loop thread. */
void clade__rules_stop(clade_server *server);
void clade__rules_advance(clade_server *server); /* what time alone changes */
int  clade__rules_wait_ms(const clade_server *server);
bool clade__rules_due(clade_server *server);
void clade__rules_forget(clade_server *server, const char *id);
bool clade__rules_knows(const clade_server *server, const char *id);
bool clade__rules_in(const clade_server *server, size_t rule, const char *id);
/* Objects of the segments that somebody is in, into an open array. */
void         clade__rules_put(clade_json *json, const clade_server *server, const char *id);
clade_status clade__feed_start(clade_server *server, clade_error *err);
void         clade__feed_stop(clade_server *server);
void         clade__watch_tell(clade_server *server);
void         clade__watch_tick(clade_server *server);
/* The next bytes; 0: wait; -1: the end. */
long clade__watch_read(clade__request *q, char *to, size_t size);
void clade__watcher_end(clade__request *q);

/* ---- intake.c, flush.c: events on their way into the store */
clade_status clade__intake_start(clade_server *server, clade_error *err);
void         clade__intake_stop(clade_server *server);
/* Answer those whose events are durable by now. On the loop. */
void clade__intake_answer(clade_server *server);
void clade__metrics_intake(clade_buffer *out, const clade_server *server);
/* Everything durable into the store. The store's mutex is held. */
clade_status clade__flush_all(clade_server *server, clade_error *err);
/* The same, and nothing of it is left in the journal's files. The store's mutex is held. */
clade_status clade__flush_cut(clade_server *server, clade_error *err);
/* Something else wrote to the store. The store's mutex is held. */
void clade__flush_reset(clade_server *server);
/* Up to which record the store has all. Any thread. */
uint64_t clade__stored_seq(const clade_server *server);

/* ---- metrics.c */
void clade__count(clade__request *q);

/* ---- handlers */
void              clade__get_console(clade__request *q);
void              clade__get_console_file(clade__request *q);
void              clade__get_livez(clade__request *q);
void              clade__get_readyz(clade__request *q);
void              clade__get_metrics(clade__request *q);
void              clade__get_openapi(clade__request *q);
void              clade__get_customer(clade__request *q);
void              clade__get_customer_segments(clade__request *q);
void              clade__get_recommendations(clade__request *q);
void              clade__get_events(clade__request *q);
void              clade__get_explanation(clade__request *q);
void              clade__get_segments(clade__request *q);
void              clade__get_segment(clade__request *q);
void              clade__get_members(clade__request *q);
void              clade__get_flows(clade__request *q);
void              clade__get_watch(clade__request *q);
void              clade__get_transitions(clade__request *q);
void              clade__get_models(clade__request *q);
void              clade__get_quality(clade__request *q);
void              clade__get_keys(clade__request *q);
void              clade__delete_customer(clade__request *q);
void              clade__post_events(clade__request *q);
void              clade__post_validate(clade__request *q);
void              clade__get_settings(clade__request *q);
void              clade__get_dead_letters(clade__request *q);
void              clade__post_refresh(clade__request *q);
void              clade__post_lookalike(clade__request *q);
void              clade__post_key(clade__request *q);
void              clade__delete_key(clade__request *q);
void              clade__post_flag(clade__request *q);
void              clade__post_flags(clade__request *q);
extern const char clade__openapi_json[];

#endif
