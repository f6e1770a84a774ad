/* Start, run and stop: what is made in which order, and unmade in the opposite one. Once a process.
 */
#include "server_internal.h"

#include <signal.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- options */

static clade_status settle(clade_server_options *o, clade_error *err)
{
    if (o->host == NULL) o->host = "127.0.0.1";
    if (o->max_body_bytes == 0) o->max_body_bytes = 512000;
    if (o->max_event_bytes == 0) o->max_event_bytes = 32768;
    if (o->max_batch_events == 0) o->max_batch_events = 2500;
    if (o->max_header_bytes == 0) o->max_header_bytes = 16384;
    if (o->max_connections == 0) o->max_connections = 10000;
    if (o->max_waiting == 0) o->max_waiting = 256;
    if (o->idle_seconds == 0) o->idle_seconds = 65;
    if (o->request_seconds == 0) o->request_seconds = 120;
    if (o->grace_seconds == 0) o->grace_seconds = 10;
    if (o->refresh_seconds == 0) o->refresh_seconds = 300;
    if (o->burst <= 0) o->burst = 2 * o->rate;
    if (o->port < 0 || o->port > 65535)
        return clade_fail(err, CLADE_ERR_ARG, "a port is 0 to 65535, not %d", o->port);
    if (o->max_header_bytes < 4096 || o->max_header_bytes > 1 << 20)
        return clade_fail(err, CLADE_ERR_ARG, "headers may have 4096 to 1048576 bytes, not %zu",
                          o->max_header_bytes);
    if (o->max_connections < 0 || o->max_waiting < 0 || o->idle_seconds < 0 ||
        o->request_seconds < 0 || o->grace_seconds < 0 || o->refresh_seconds < 0 || o->rate < 0)
        return clade_fail(err, CLADE_ERR_ARG, "a limit of the server is negative");
    return CLADE_OK;
}

/* ---------------------------------------------------------------- make, free */

static clade_status make(clade_server *server, clade_error *err)
{
    size_t n_routes = 0;
    while (clade__routes[n_routes].pattern != NULL)
        n_routes++;
    server->counts = CLADE_NEW(clade__route_counts, n_routes + 1);
    server->arena  = clade_arena_create(0);
    if (server->counts == NULL || server->arena == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a server");
    CLADE_TRY(settle(&server->options, err));
    CLADE_TRY(clade__gate_open(server, err));
    CLADE_TRY(clade__live_start(server, err));
    CLADE_TRY(clade__feed_start(server, err));
    CLADE_TRY(clade__intake_start(server, err));
    CLADE_TRY(clade__refresh_start(server, err));
    CLADE_TRY(clade__work_start(server, err));
    return clade__http_start(server, err);
}

clade_status clade_server_create(clade_server **out, clade_store *store,
                                 const clade_server_options *options, clade_error *err)
{
    clade_server *const server = CLADE_NEW(clade_server, 1);
    if (server == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a server");
    server->store   = store;
    server->wake_fd = -1;
    server->started = server->now = clade_seconds();
    if (options != NULL) server->options = *options;
    pthread_mutex_init(&server->store_mutex, NULL);
    pthread_cond_init(&server->store_turn, NULL);
    pthread_mutex_init(&server->work_mutex, NULL);
    pthread_cond_init(&server->work_wake, NULL);
    const clade_status status = make(server, err);
    if (status != CLADE_OK) {
        clade_server_free(server);
        return status;
    }
    *out = server;
    return CLADE_OK;
}

void clade_server_free(clade_server *server)
{
    if (server == NULL) return;
    clade__work_stop(server);
    clade__take_done(server);
    clade__http_stop(server);
    clade__refresh_stop(server);
    clade__rules_stop(server);
    clade__intake_stop(server);
    clade__live_stop(server);
    clade__feed_stop(server);
    clade_keyring_free(server->ring);
    clade_server_keys_wipe(server);
    pthread_cond_destroy(&server->work_wake);
    pthread_mutex_destroy(&server->work_mutex);
    pthread_mutex_destroy(&server->store_mutex);
    pthread_cond_destroy(&server->store_turn);
    clade_arena_free(server->arena);
    free(server->counts);
    free(server->bucket);
    free(server);
}

/* ---------------------------------------------------------------- run, stop */

void clade__tick(clade_server *server)
{
    clade__refresh_tick(server);
    clade__watch_tick(server);
}

clade_status clade_server_run(clade_server *server, clade_error *err)
{
    return clade__http_loop(server, err);
}

void clade_server_stop(clade_server *server)
{
    server->stops++;
    clade__wake(server);
}

/* ---------------------------------------------------------------- facts */

int clade_server_port(const clade_server *server)
{
    return server->port;
}

const char *clade_server_new_key(const clade_server *server, clade_role role)
{
    return server->new_key[role][0] == '\0' ? NULL : server->new_key[role];
}

void clade_server_keys_wipe(clade_server *server)
{
    explicit_bzero(server->new_key, sizeof server->new_key);
}
