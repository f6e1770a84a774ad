/* Events between the request that brings them and the store that keeps them. */
#ifndef CLADE_SERVER_INTAKE_H
#define CLADE_SERVER_INTAKE_H

#include "server_internal.h"
#include "window.h"

#include "clade/journal.h"
#include "clade/tracking.h"

/* pending.c: in the journal's order, the old half before the young one, which is filled. */
typedef struct clade__pending_half {
    clade_arena      *arena;
    clade_arena_mark  empty;
    clade_live_event *event; /* (n) */
    uint64_t         *seq;   /* (n) of its record */
    size_t            n, at; /* those before `at` are applied */
    size_t            event_capacity, seq_capacity;
} clade__pending_half;

typedef struct clade__pending {
    clade__pending_half half[2];
    int                 young;
} clade__pending;

struct clade__intake {
    clade_server   *server;
    clade_journal  *journal;
    clade_tracking *tracking; /* of the loop */
    clade__window   window;
    uint64_t        last_seq; /* appended last */
    uint64_t        applied;  /* live state has all up to it, and it is durable */
    clade__pending  pending;
    clade__request *first, *last; /* they wait until their record is durable, in order */

    _Atomic uint64_t durable;
    _Atomic int      disk; /* clade_status of the journal's last try */

    clade_buffer records; /* of the request at hand */
    size_t      *start;
    size_t      *fresh; /* which item of the request a record is of */
    clade_text  *record;
    size_t       start_capacity, fresh_capacity, record_capacity;

    uint64_t n_accepted, n_rejected, n_duplicate, n_busy;

    /* flush.c */
    clade_tracking      *reader_tracking;
    pthread_t            flusher;
    bool                 flusher_started, flusher_end;
    pthread_mutex_t      flush_mutex;
    pthread_cond_t       flush_wake;
    _Atomic uint64_t     stored;
    uint64_t             n_flushes, n_stored;
    struct clade__flush *flush;
};

/* A copy whose texts are in the arena; false without memory. */
bool clade__event_keep(clade_live_event *out, const clade_live_event *event, clade_arena *arena);
bool clade__pending_start(clade__pending *pending);
void clade__pending_stop(clade__pending *pending);
/* False without memory: the next refresh has the event from the store. */
bool clade__pending_add(clade__pending *pending, const clade_live_event *event, uint64_t seq);
/* Live state gets those whose records are durable. On the loop. */
void clade__pending_apply(clade_server *server, uint64_t durable);

/* The store's mutex is held, but at start. */
clade_status clade__flush_position(uint64_t *out, clade_server *server, clade_error *err);
clade_status clade__flush_start(clade_server *server, clade_error *err);
void         clade__flush_stop(clade_server *server);

#endif
