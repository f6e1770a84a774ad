/* Events between the request that brings them and the store that keeps them. */
#ifndef CLADE_SERVER_INTAKE_H
#define CLADE_SERVER_INTAKE_H

#include "server_internal.h"
#include "window.h"

#include "clade/journal.h"
#include "clade/tracking.h"

struct clade__intake {
    clade_server   *server;
    clade_journal  *journal;
    clade_tracking *tracking; /* of the loop */
    clade__window   window;
    uint64_t        last_seq;     /* appended last */
    clade__request *first, *last; /* they wait until their record is durable, in order */

    _Atomic uint64_t durable;
    _Atomic int      disk; /* clade_status of the journal's last try */

    clade_buffer records; /* of the request at hand */
    size_t      *start;
    clade_text  *record;
    size_t       start_capacity, record_capacity;

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

/* The store's mutex is held, but at start. */
clade_status clade__flush_position(uint64_t *out, clade_server *server, clade_error *err);
clade_status clade__flush_start(clade_server *server, clade_error *err);
void         clade__flush_stop(clade_server *server);

#endif
