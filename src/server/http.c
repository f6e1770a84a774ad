/*
 * Connections: the event loop, bodies as they come, answers as they go. Every function here but
 * clade__wake runs on the loop thread, for every request.
 *
 * A connection has one request object, made when it opens and used again for each request on it.
 * libmicrohttpd calls take() once with the header, once for each piece of the body, once at its
 * end, and once more when a suspended request comes back.
 */
#include "server_internal.h"

#include "clade/file.h"
#include "clade/inflate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* A body up to so many times the limit is read to its end before it is refused: a client that still
 * sends would not see the answer, and a tracking client that sees none sends it all again. */
enum { PATIENCE = 16, TICK_MS = 1000 };

/* ---------------------------------------------------------------- headers */

const char *clade__header(const clade__request *q, const char *name)
{
    return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

void clade__header_set(clade__request *q, const char *name, const char *format, ...)
{
    va_list arguments;
    if (q->n_headers == CLADE__HEADERS) return;
    snprintf(q->header[q->n_headers][0], sizeof q->header[0][0], "%s", name);
    va_start(arguments, format);
    vsnprintf(q->header[q->n_headers][1], sizeof q->header[0][1], format, arguments);
    va_end(arguments);
    q->n_headers++;
}

static bool is_get(const clade__request *q)
{
    return q->method == CLADE__GET;
}

/* Browsers may send events from any page of the shop, and read only where the owner said so. */
static void add_origin(clade__request *q, struct MHD_Response *answer)
{
    const char *allowed = q->server->options.allow_origin;
    if (allowed == NULL && !is_get(q)) allowed = "*";
    if (allowed == NULL && q->route != NULL && q->route->need == CLADE__OPEN) allowed = "*";
    if (allowed != NULL && clade__header(q, "Origin") != NULL)
        MHD_add_response_header(answer, "Access-Control-Allow-Origin", allowed);
}

/* ---------------------------------------------------------------- answers */

static void put_back(clade_buffer *buffer)
{
    if (buffer->capacity > CLADE__KEEP_BODY) {
        clade_buffer_free(buffer);
        *buffer = (clade_buffer){ 0 };
    } else {
        clade_buffer_clear(buffer);
    }
    buffer->failed = false;
}

static void begin_flight(clade__request *q)
{
    if (q->in_flight) return;
    q->in_flight = true;
    q->server->n_in_flight++;
}

static void end_flight(clade__request *q)
{
    if (!q->in_flight) return;
    q->in_flight = false;
    q->server->n_in_flight--;
}

/* A stream that has nothing to say is suspended until it has. */
static ssize_t read_stream(void *context, uint64_t position, char *to, size_t size)
{
    clade__request *const q = context;
    (void)position;
    const long n = q->watcher == NULL ? -1 : clade__watch_read(q, to, size);
    if (n < 0) return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) MHD_suspend_connection(q->connection);
    return n;
}

static enum MHD_Result queue_answer(clade__request *q)
{
    enum { STREAM_BLOCK = 16384 };
    if (q->out.failed) {
        q->out.failed = false;
        clade__problem(q, 500, "no_memory", "try again later", "no memory for the answer");
    }
    const bool                 streams = q->watcher != NULL;
    const size_t               size    = q->status == 304 || q->status == 204 ? 0 : q->out.size;
    struct MHD_Response *const answer =
        streams ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, q,
                                                    NULL)
                : MHD_create_response_from_buffer(size, q->out.data, MHD_RESPMEM_MUST_COPY);
    if (answer == NULL) return MHD_NO;
    if (q->content_type != NULL && (size > 0 || streams))
        MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, q->content_type);
    for (size_t i = 0; i < q->n_headers; i++)
        MHD_add_response_header(answer, q->header[i][0], q->header[i][1]);
    add_origin(q, answer);
    const enum MHD_Result queued = MHD_queue_response(q->connection, q->status, answer);
    MHD_destroy_response(answer);
    clade__count(q);
    if (streams) end_flight(q); /* nobody waits for its end */
    return queued;
}

static void refuse(clade__request *q)
{
    q->refused = true;
}

static void preflight(clade__request *q)
{
    const char *const allowed = q->server->options.allow_origin;
    q->status                 = 204;
    clade__header_set(q, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
    clade__header_set(
        q, "Access-Control-Allow-Headers",
        "authorization, content-type, content-encoding, x-retry-count, if-none-match");
    clade__header_set(q, "Access-Control-Max-Age", "86400");
    if (allowed == NULL && clade__header(q, "Origin") == NULL)
        clade__header_set(q, "Access-Control-Allow-Origin", "*");
    q->method   = CLADE__POST; /* what is asked about: add_origin lets it be sent */
    q->out.size = 0;
    refuse(q);
}

/* ---------------------------------------------------------------- a request begins and ends */

static void reset(clade__request *q)
{
    clade__watcher_end(q);
    put_back(&q->body);
    put_back(&q->out);
    q->phase        = CLADE__START;
    q->refused      = false;
    q->packed       = false;
    q->n_headers    = 0;
    q->route        = NULL;
    q->key          = -1;
    q->status       = 0;
    q->content_type = NULL;
    q->work = q->finish = NULL;
    q->data             = NULL;
}

static void completed(void *context, struct MHD_Connection *connection, void **closure,
                      enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    clade__request *const q = *closure;
    if (q == NULL) return;
    end_flight(q);
    reset(q);
    q->idle_since = clade_seconds();
    *closure      = NULL;
}

static bool keep_target(clade__request *q, const char *target)
{
    const size_t size = strlen(target) + 1;
    if (!CLADE_GROW(&q->target, &q->target_capacity, size)) return false;
    memcpy(q->target, target, size);
    return true;
}

/* The line as it came: libmicrohttpd would decode %2F before the path is split. */
static void *see_target(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    const union MHD_ConnectionInfo *const info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    clade__request *const q = info == NULL ? NULL : info->socket_context;
    if (q == NULL) return NULL;
    q->connection = connection;
    if (!keep_target(q, target)) return NULL;
    return q;
}

static void opened(void *context, struct MHD_Connection *connection, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    clade_server *const server = context;
    clade__request     *q      = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        q = CLADE_NEW(clade__request, 1);
        if (q == NULL) return;
        q->server     = server;
        q->connection = connection;
        q->key        = -1;
        q->idle_since = clade_seconds();
        q->next       = server->connections;
        if (q->next != NULL) q->next->previous = q;
        server->connections = q;
        server->n_connections++;
        *socket_context = q;
        return;
    }
    if (q == NULL) return;
    end_flight(q);
    clade__watcher_end(q);
    if (q->next != NULL) q->next->previous = q->previous;
    if (q->previous != NULL)
        q->previous->next = q->next;
    else
        server->connections = q->next;
    server->n_connections--;
    clade_buffer_free(&q->body);
    clade_buffer_free(&q->out);
    free(q->target);
    free(q);
    *socket_context = NULL;
}

/* ---------------------------------------------------------------- the request itself */

static bool method_of(clade__method *out, const char *method)
{
    static const struct {
        const char   *name;
        clade__method method;
    } names[] = { { "GET", CLADE__GET },
                  { "HEAD", CLADE__GET },
                  { "POST", CLADE__POST },
                  { "PUT", CLADE__PUT },
                  { "DELETE", CLADE__DELETE } };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(method, names[i].name) != 0) continue;
        *out = names[i].method;
        return true;
    }
    return false;
}

/* How many bytes the header promises; SIZE_MAX for none, 0 where there is no body. */
static size_t promised(const clade__request *q)
{
    const char *const length = clade__header(q, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length == NULL)
        return clade__header(q, MHD_HTTP_HEADER_TRANSFER_ENCODING) == NULL ? 0 : SIZE_MAX;
    errno                          = 0;
    const unsigned long long value = strtoull(length, NULL, 10);
    return errno != 0 || value >= SIZE_MAX ? SIZE_MAX - 1 : (size_t)value;
}

static void too_large(clade__request *q)
{
    clade__problem(q, 413, "body_too_large", "send smaller batches",
                   "the body has more than %zu bytes", q->server->options.max_body_bytes);
    refuse(q);
}

static void find_route(clade__request *q, const char *method)
{
    const bool         known = method_of(&q->method, method);
    const clade__match match = clade__route_find(q, q->target);
    if (match == CLADE__NO_PATH) {
        clade__problem(q, 404, "no_such_route", "GET /openapi.json lists what there is",
                       "there is nothing at this path");
    } else if (match == CLADE__NO_METHOD || !known) {
        q->route = NULL;
        clade__problem(q, 405, "method_not_allowed", "GET /openapi.json lists what there is",
                       "this path does not know the method %.10s", method);
    } else {
        return;
    }
    refuse(q);
}

static enum MHD_Result first(clade__request *q, const char *method)
{
    q->phase   = CLADE__BODY;
    q->started = clade_seconds();
    begin_flight(q);
    if (strcmp(method, "OPTIONS") == 0) {
        preflight(q);
        return MHD_YES;
    }
    find_route(q, method);
    const size_t limit = q->server->options.max_body_bytes;
    const size_t size  = promised(q);
    if (size != SIZE_MAX && size > limit) too_large(q);
    if (size != SIZE_MAX && size > limit * PATIENCE) return queue_answer(q);
    if (!q->refused && q->route->need != CLADE__WRITE && !clade__gate(q)) refuse(q);
    const char *const coding = clade__header(q, MHD_HTTP_HEADER_CONTENT_ENCODING);
    q->packed                = coding != NULL && strcasecmp(coding, "identity") != 0;
    if (q->packed && !q->refused && strcasecmp(coding, "gzip") != 0 &&
        strcasecmp(coding, "deflate") != 0) {
        clade__problem(q, 415, "unknown_encoding", "send plain JSON, or gzip it",
                       "the body is packed by '%.20s', and gzip or deflate are known", coding);
        refuse(q);
    }
    return MHD_YES;
}

static void take_piece(clade__request *q, const char *data, size_t size)
{
    if (q->refused) return;
    if (size > q->server->options.max_body_bytes - q->body.size) {
        too_large(q);
        return;
    }
    clade_buffer_append(&q->body, data, size);
    if (!q->body.failed) return;
    clade__problem(q, 503, "no_memory", "try again later", "no memory for the body");
    refuse(q);
}

static bool unpack(clade__request *q)
{
    clade_buffer plain = { 0 };
    clade_error  err   = { 0 };
    if (!q->packed || q->body.size == 0) return true;
    const clade_status status = clade_inflate(&plain, (clade_text){ q->body.data, q->body.size },
                                              q->server->options.max_body_bytes, &err);
    if (status == CLADE_OK) {
        clade_buffer_free(&q->body);
        q->body = plain;
        return true;
    }
    clade_buffer_free(&plain);
    if (status == CLADE_ERR_ARG)
        too_large(q);
    else if (status == CLADE_ERR_DATA)
        clade__problem(q, 400, "bad_encoding", "send the body as plain JSON", "%s", err.message);
    else
        clade__problem_of(q, &err);
    return false;
}

static enum MHD_Result last(clade__request *q)
{
    clade_server *const server = q->server;
    if (!q->refused && unpack(q)) {
        q->arena                    = server->arena;
        const clade_arena_mark mark = clade_arena_save(server->arena);
        q->route->handle(q);
        clade_arena_restore(server->arena, mark);
        /* Once it was handed to a worker, the request is the worker's. */
        if (q->phase != CLADE__WAITING) q->arena = NULL;
    }
    if (q->phase == CLADE__WAITING) {
        MHD_suspend_connection(q->connection);
        return MHD_YES;
    }
    q->phase = CLADE__READY;
    return queue_answer(q);
}

static enum MHD_Result take(void *context, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *data, size_t *size,
                            void **closure)
{
    (void)context, (void)connection, (void)url, (void)version;
    clade__request *const q = *closure;
    if (q == NULL) return MHD_NO; /* there was no memory for it */
    switch (q->phase) {
    case CLADE__START: return first(q, method);
    case CLADE__BODY:
        if (*size == 0) return last(q);
        take_piece(q, data, *size);
        *size = 0;
        return MHD_YES;
    case CLADE__WAITING: return MHD_YES;
    case CLADE__READY:
        if (*size == 0) return queue_answer(q);
        *size = 0;
        return MHD_YES;
    }
    return MHD_NO;
}

/* ---------------------------------------------------------------- the loop */

/* Connections that drip: a body of one byte a second keeps any idle timer from firing. */
static void close_slow(clade_server *server)
{
    const double limit = server->options.request_seconds;
    for (clade__request *q = server->connections; q != NULL; q = q->next) {
        if (q->phase == CLADE__WAITING || q->watcher != NULL || server->now - q->idle_since < limit)
            continue;
        const union MHD_ConnectionInfo *const info =
            MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL) shutdown(info->connect_fd, SHUT_RDWR);
        q->idle_since = server->now;
    }
}

void clade__resume(clade__request *q)
{
    MHD_resume_connection(q->connection);
}

void clade__wake(clade_server *server)
{
    const uint64_t one = 1;
    ssize_t        put = write(server->wake_fd, &one, sizeof one);
    (void)put; /* full means that it is awake already */
}

static int wait_ms(const clade_server *server)
{
    MHD_UNSIGNED_LONG_LONG limit = 0;
    const double           tick  = (server->next_tick - server->now) * 1000 + 1;
    int                    ms    = tick < 0 ? 0 : tick > TICK_MS ? TICK_MS : (int)tick;
    const int              rules = clade__rules_wait_ms(server);
    if (rules < ms) ms = rules;
    if (MHD_get_timeout(server->daemon, &limit) == MHD_YES && limit < (unsigned)ms) ms = (int)limit;
    return ms;
}

static void loop_once(clade_server *server, struct pollfd fds[2])
{
    uint64_t rung;
    server->now = clade_seconds();
    if (poll(fds, 2, wait_ms(server)) > 0 && (fds[1].revents & POLLIN) != 0) {
        const ssize_t got = read(server->wake_fd, &rung, sizeof rung);
        (void)got;
    }
    server->now = clade_seconds();
    clade__take_done(server);
    clade__rules_advance(server);
    clade__intake_answer(server);
    clade__watch_tell(server);
    MHD_run(server->daemon);
    if (server->now < server->next_tick) return;
    server->next_tick = server->now + TICK_MS / 1000.0;
    close_slow(server);
    clade__tick(server);
}

static void drain(clade_server *server, struct pollfd fds[2])
{
    const int    listener = MHD_quiesce_daemon(server->daemon);
    const int    first    = server->stops;
    const double end      = clade_seconds() + server->options.grace_seconds;
    if (listener >= 0) close(listener);
    while (server->n_in_flight > 0 && server->stops == first && clade_seconds() < end)
        loop_once(server, fds);
}

clade_status clade__http_loop(clade_server *server, clade_error *err)
{
    const union MHD_DaemonInfo *const info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) return clade_fail(err, CLADE_ERR_ENGINE, "the event loop has no descriptor");
    struct pollfd fds[2] = { { .fd = info->epoll_fd, .events = POLLIN },
                             { .fd = server->wake_fd, .events = POLLIN } };
    while (server->stops == 0)
        loop_once(server, fds);
    drain(server, fds);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- listening */

static clade_status read_address(struct sockaddr_storage *out, const clade_server_options *o,
                                 clade_error *err)
{
    struct sockaddr_in *const  four = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *const six  = (struct sockaddr_in6 *)(void *)out;
    const char *const          host = strcmp(o->host, "localhost") == 0 ? "127.0.0.1" : o->host;
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port   = htons((uint16_t)o->port);
        return CLADE_OK;
    }
    if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port   = htons((uint16_t)o->port);
        return CLADE_OK;
    }
    (void)clade_fail(err, CLADE_ERR_ARG, "--host %s is no address", o->host);
    clade_hint(err, "127.0.0.1 for this machine alone, 0.0.0.0 for every network it is in");
    return CLADE_ERR_ARG;
}

static clade_status listen_at(int *out_fd, clade_server *server, clade_error *err)
{
    const clade_server_options *const o       = &server->options;
    struct sockaddr_storage           address = { 0 };
    socklen_t                         size    = sizeof address;
    const int                         on      = 1;
    CLADE_TRY(read_address(&address, o, err));
    const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) (void)!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        const int number = errno;
        if (fd >= 0) close(fd);
        (void)clade_fail(err, CLADE_ERR_IO, "cannot listen at %s port %d: %s", o->host, o->port,
                         strerror(number));
        if (number == EADDRINUSE)
            clade_hint(err, "another program has the port: --port 0 takes a free one");
        if (number == EACCES) clade_hint(err, "ports below 1024 need root: --port 7070");
        if (number == EADDRNOTAVAIL) clade_hint(err, "this machine does not have that address");
        return CLADE_ERR_IO;
    }
    server->port =
        ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&address)->sin_port
                                           : ((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    *out_fd = fd;
    return CLADE_OK;
}

/* As many connections as were asked for, or as the process may have open. */
static unsigned connection_limit(const clade_server *server)
{
    enum { OTHERS = 128 }; /* files of the store, the log, the workers */
    struct rlimit limit;
    const rlim_t  want = (rlim_t)server->options.max_connections + OTHERS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 512;
    if (limit.rlim_cur < want) {
        limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    return (unsigned)(limit.rlim_cur < want ? limit.rlim_cur - OTHERS : want - OTHERS);
}

static void log_of_library(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void log_of_library(void *context, const char *format, va_list arguments)
{
    char line[300];
    (void)context;
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\r\n")] = '\0';
    clade_log(CLADE_LOG_DEBUG, "http: %s", line);
}

static clade_status read_tls(clade_server *server, clade_error *err)
{
    enum { PEM_MAX = 1 << 20 };
    const clade_server_options *const o = &server->options;
    if ((o->cert == NULL) != (o->key == NULL))
        return clade_fail(err, CLADE_ERR_ARG, "HTTPS needs both --cert and --key");
    if (o->cert == NULL) return CLADE_OK;
    CLADE_TRY(clade_file_read(&server->cert, o->cert, PEM_MAX, err));
    return clade_file_read(&server->key, o->key, PEM_MAX, err);
}

clade_status clade__http_start(clade_server *server, clade_error *err)
{
    const clade_server_options *const o = &server->options;
    int                               listener;
    CLADE_TRY(read_tls(server, err));
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->wake_fd < 0)
        return clade_fail(err, CLADE_ERR_IO, "cannot make an eventfd: %s", strerror(errno));
    CLADE_TRY(listen_at(&listener, server, err));
    const bool            tls           = o->cert != NULL;
    struct MHD_OptionItem tls_options[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? server->cert.data : NULL },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? server->key.data : NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    if (!tls) tls_options[0] = tls_options[2];
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0), 0,
        NULL, NULL, take, server, MHD_OPTION_EXTERNAL_LOGGER, log_of_library, NULL,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, connection_limit(server),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->max_header_bytes, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)o->idle_seconds, MHD_OPTION_URI_LOG_CALLBACK, see_target, server,
        MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_NOTIFY_CONNECTION, opened,
        server, MHD_OPTION_ARRAY, tls_options, MHD_OPTION_END);
    if (server->daemon != NULL) return CLADE_OK;
    close(listener);
    (void)clade_fail(err, CLADE_ERR_ENGINE,
                     tls ? "HTTPS cannot start with %s and %s" : "HTTP cannot start", o->cert,
                     o->key);
    if (tls) clade_hint(err, "both are PEM files, and the key is the certificate's");
    return CLADE_ERR_ENGINE;
}

void clade__http_stop(clade_server *server)
{
    if (server->daemon != NULL) {
        for (clade__request *q = server->connections; q != NULL; q = q->next) {
            if (q->phase != CLADE__WAITING) continue;
            clade__problem(q, 503, "stopping", "try again in a moment", "the server is stopping");
            q->phase = CLADE__READY;
            MHD_resume_connection(q->connection);
        }
        server->stops++;
        clade__watch_tick(server);
        MHD_run(server->daemon);
        MHD_stop_daemon(server->daemon);
    }
    if (server->wake_fd >= 0) close(server->wake_fd);
    clade_buffer_free(&server->cert);
    clade_buffer_free(&server->key);
}
