/* A small client for tests: one connection, blocking, whole answers; and a server in a thread. */
#ifndef CLADE_TESTS_HTTP_CLIENT_H
#define CLADE_TESTS_HTTP_CLIENT_H

#include "check.h"

#include "clade/json.h"
#include "clade/server.h"

#include <pthread.h>

typedef struct http_answer {
    int          status;
    clade_buffer head; /* with its lines */
    clade_buffer body;
} http_answer;

/* Connect to the port of this machine; -1 when nobody listens. */
int http_connect(int port);
/* Send bytes as they are and read one answer; status 0 when the connection was closed before it. */
const http_answer *http_exchange(int fd, const void *bytes, size_t size);
/* One request on a connection of its own. `key` goes as Bearer; NULL for none. `more` are header
 * lines, each ended by \r\n, or "". */
const http_answer *http_ask(int port, const char *method, const char *path, const char *key,
                            const char *more, const char *body);
/* A header of the answer, or "". Lives until the next call. */
const char *http_header(const http_answer *answer, const char *name);
/* A text, or a number (of containers how many), of the answer's JSON by a path of keys and indices
 * ("items/0/item"); "" or NAN. */
const char *http_text(const http_answer *answer, const char *path);
double      http_number(const http_answer *answer, const char *path);

/* A server of the test's own, on a free port. Keys of an earlier start on the same workspace stay.
 */
typedef struct http_server {
    clade_store  *store;
    clade_server *server;
    int           port;
    char          key[CLADE_N_ROLE][CLADE_KEY_SECRET];
    pthread_t     thread;
} http_server;
void http_server_start(http_server *out, const char *workspace, const clade_server_options *given);
/* Stop, drain, close the store. */
void http_server_stop(http_server *server);

#endif
