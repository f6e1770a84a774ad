/**
 * The server: one workspace over HTTP. Events come in and are durable before they are acknowledged;
 * profiles, segments, scores and recommendations go out of memory.
 *
 * One thread runs the event loop and owns every connection; it never waits for the store. Slow
 * questions go to a few workers through a bounded queue; all of them share the one store behind a
 * mutex. docs/guides/serve.md shows how a shop is connected, `GET /openapi.json` says every route.
 */
#ifndef CLADE_SERVER_H
#define CLADE_SERVER_H

#include "clade/access.h"

typedef struct clade_server_options {
    const char *host; /* an address, not a name; NULL: 127.0.0.1 */
    int         port; /* 0: any free one, which clade_server_port tells */
    const char *cert; /* PEM file; with key: HTTPS. NULL: plain HTTP */
    const char *key;
    const char *allow_origin; /* of browsers that may read answers; NULL: only sending is allowed */

    size_t  max_body_bytes;   /* of one request, unpacked too. 0: 512,000 */
    size_t  max_event_bytes;  /* 0: 32,768 */
    size_t  max_batch_events; /* 0: 2,500 */
    size_t  max_header_bytes; /* of one request: 4,096 to 1,048,576. 0: 16,384 */
    int     max_connections;  /* 0: 10,000, or what the process may open */
    int     max_waiting;      /* slow requests in the queue; more are told to come back. 0: 256 */
    int     idle_seconds;     /* a silent connection is closed. 0: 65 */
    int     request_seconds;  /* no connection may go longer without a whole request. 0: 120 */
    int     grace_seconds;    /* for running requests when the server stops. 0: 10 */
    double  rate;             /* requests a second for each key; 0: no limit */
    double  burst;            /* of a key that was silent; 0: twice the rate */
    int     refresh_seconds;  /* how often answers in memory are made anew from what came. 0: 300 */
    int64_t min_group; /* smaller groups are neither sized nor listed to keys that only read */
    bool    log_requests;
} clade_server_options;

typedef struct clade_server clade_server;

/**
 * Make ready: read the keys (and make a write key, a read key and an admin token where there are
 * none), read what is answered from memory, and listen.
 *
 * @param store    Borrowed until the free; nobody else may use it meanwhile.
 * @param options  Copied; the texts are borrowed until the free. NULL for all defaults.
 * @return CLADE_ERR_ARG for an option that makes no sense; CLADE_ERR_IO when the address cannot be
 *         listened at, saying why; failures of the store.
 * Ownership   The caller frees with clade_server_free, which accepts NULL.
 * Cost        Features, scores and ten recommendations of everybody: seconds for a million.
 */
CLADE_API CLADE_MUST_USE clade_status clade_server_create(clade_server **out, clade_store *store,
                                                          const clade_server_options *options,
                                                          clade_error                *err);
CLADE_API void                        clade_server_free(clade_server *server);

/** The port that is listened at. */
CLADE_API int clade_server_port(const clade_server *server);
/** The key that clade_server_create made for a role, or NULL when there were keys already. It is
 *  wiped by clade_server_keys_wipe: show it before. */
CLADE_API const char *clade_server_new_key(const clade_server *server, clade_role role);
CLADE_API void        clade_server_keys_wipe(clade_server *server);

/**
 * Answer until clade_server_stop: then no connection is accepted any more, running requests end or
 * the grace is over, and what was taken is in the store.
 */
CLADE_API CLADE_MUST_USE clade_status clade_server_run(clade_server *server, clade_error *err);
/** From any thread or signal handler. The second call ends the grace. */
CLADE_API void clade_server_stop(clade_server *server);

/** One route, for whoever checks the document against the code. NULL pattern behind the last. */
typedef struct clade_server_route {
    const char *method;  /* "GET" */
    const char *pattern; /* "/v1/customers/{id}" */
} clade_server_route;
CLADE_API clade_server_route clade_server_route_get(size_t nth);
/** The OpenAPI document, ended by a NUL. */
CLADE_API const char *clade_server_openapi(void);

#endif
