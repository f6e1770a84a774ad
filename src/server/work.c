/*
 * Slow questions: a bounded queue to a few workers, and the way back to the loop. A request that
 * waits is suspended, so its connection costs nothing but memory meanwhile.
 */
#include "server_internal.h"

void clade__store_lock(clade_server *server)
{
    pthread_mutex_lock(&server->store_mutex);
    const uint64_t mine = server->store_next++;
    while (server->store_serving != mine)
        pthread_cond_wait(&server->store_turn, &server->store_mutex);
    pthread_mutex_unlock(&server->store_mutex);
}

void clade__store_unlock(clade_server *server)
{
    pthread_mutex_lock(&server->store_mutex);
    server->store_serving++;
    pthread_cond_broadcast(&server->store_turn);
    pthread_mutex_unlock(&server->store_mutex);
}

void clade__store_pass(clade_server *server)
{
    clade__store_unlock(server);
    clade__store_lock(server);
}

static clade__request *take_job(clade_server *server)
{
    pthread_mutex_lock(&server->work_mutex);
    while (server->work_first == NULL && !server->work_end)
        pthread_cond_wait(&server->work_wake, &server->work_mutex);
    clade__request *const q = server->work_first;
    if (q != NULL) {
        server->work_first = q->queued;
        if (server->work_first == NULL) server->work_last = NULL;
        server->n_work--;
    }
    pthread_mutex_unlock(&server->work_mutex);
    return q;
}

static void *work(void *context)
{
    clade_server *const server = context;
    clade_arena *const  arena  = clade_arena_create(0);
    clade__request     *q;
    while ((q = take_job(server)) != NULL) {
        q->arena = arena;
        if (arena == NULL) {
            clade__problem(q, 503, "no_memory", "try again later", "no memory to answer");
        } else {
            const clade_arena_mark mark = clade_arena_save(arena);
            q->work(q);
            clade_arena_restore(arena, mark);
        }
        q->arena = NULL;
        clade__done(q);
    }
    clade_arena_free(arena);
    return NULL;
}

void clade__work(clade__request *q, clade__handler handler, clade__handler finish)
{
    clade_server *const server = q->server;
    q->work                    = handler;
    q->finish                  = finish;
    q->queued                  = NULL;
    pthread_mutex_lock(&server->work_mutex);
    const bool full = server->n_work >= (size_t)server->options.max_waiting;
    if (!full) {
        q->phase = CLADE__WAITING;
        q->model = clade__model_take(server);
        if (server->work_last == NULL)
            server->work_first = q;
        else
            server->work_last->queued = q;
        server->work_last = q;
        server->n_work++;
        pthread_cond_signal(&server->work_wake);
    }
    pthread_mutex_unlock(&server->work_mutex);
    if (!full) return;
    clade__header_set(q, "Retry-After", "1");
    clade__problem(q, 429, "busy", "wait as long as Retry-After says",
                   "%d slow questions wait already", server->options.max_waiting);
}

void clade__done(clade__request *q)
{
    clade_server *const server = q->server;
    q->queued                  = NULL;
    pthread_mutex_lock(&server->work_mutex);
    const bool first = server->done_first == NULL;
    if (first)
        server->done_first = q;
    else
        server->done_last->queued = q;
    server->done_last = q;
    pthread_mutex_unlock(&server->work_mutex);
    if (first) clade__wake(server);
}

void clade__take_done(clade_server *server)
{
    pthread_mutex_lock(&server->work_mutex);
    clade__request *q  = server->done_first;
    server->done_first = server->done_last = NULL;
    pthread_mutex_unlock(&server->work_mutex);
    while (q != NULL) {
        clade__request *const next = q->queued;
        if (q->finish != NULL) q->finish(q);
        clade__model_give(q->model);
        q->model = NULL;
        q->phase = CLADE__READY;
        clade__resume(q);
        q = next;
    }
}

clade_status clade__work_start(clade_server *server, clade_error *err)
{
    for (int i = 0; i < CLADE__WORKERS; i++) {
        if (pthread_create(&server->worker[i], NULL, work, server) != 0)
            return clade_fail(err, CLADE_ERR_NOMEM, "cannot start a worker thread");
        server->n_workers++;
    }
    return CLADE_OK;
}

void clade__work_stop(clade_server *server)
{
    pthread_mutex_lock(&server->work_mutex);
    server->work_end = true;
    pthread_cond_broadcast(&server->work_wake);
    pthread_mutex_unlock(&server->work_mutex);
    for (size_t i = 0; i < server->n_workers; i++)
        pthread_join(server->worker[i], NULL);
    server->n_workers = 0;
}
