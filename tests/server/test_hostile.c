/* Whoever means harm, or is broken: floods, halves of requests, more than a request may have,
 * methods that nobody knows. Nothing of it may keep the next honest client from its answer. */
#include "http_client.h"

#include "clade/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 64, FLOOD = 1000 };

static char        folder[256];
static http_server server;

static int start(void **state)
{
    (void)state;
    char                       path[300];
    const clade_server_options options = { .max_body_bytes   = 65536,
                                           .max_header_bytes = 4096,
                                           .max_connections  = CONNECTIONS,
                                           .request_seconds  = 2 };
    clade_log_set(CLADE_LOG_QUIET);
    check_folder_make(folder, "hostile");
    snprintf(path, sizeof path, "%s/shop.clade", folder);
    http_server_start(&server, path, &options);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(&server);
    check_folder_remove(folder);
    return 0;
}

/* The next honest client: it may have to knock twice while the connections of a flood end. */
static void check_alive(void)
{
    const double end = clade_seconds() + 10;
    int          status;
    do {
        status = http_ask(server.port, "GET", "/livez", NULL, "", NULL)->status;
    } while (status != 200 && clade_seconds() < end && usleep(50000) == 0);
    assert_int_equal(status, 200);
}

/* Send bytes and read until the other side closes, or nothing came for two seconds. */
static const char *talk(const char *bytes, size_t size, bool end)
{
    static char          got[1 << 18];
    const struct timeval limit = { .tv_sec = 2 };
    const int            fd    = http_connect(server.port);
    size_t               n     = 0;
    ssize_t              more;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (size_t sent = 0; sent < size;) {
        const ssize_t put = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (put <= 0) break;
        sent += (size_t)put;
    }
    if (end) shutdown(fd, SHUT_WR);
    while (n + 1 < sizeof got && (more = recv(fd, got + n, sizeof got - 1 - n, 0)) > 0)
        n += (size_t)more;
    got[n] = '\0';
    close(fd);
    return got;
}

static const char *say(const char *text)
{
    return talk(text, strlen(text), false);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void a_thousand_connections_at_a_small_limit_leave_it_alive(void **state)
{
    (void)state;
    static const char request[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    static int        fd[FLOOD];
    struct rlimit     limit;
    int               n_answered = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 4 * FLOOD ? limit.rlim_max : 4 * FLOOD;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < FLOOD; i++) {
        fd[i] = http_connect(server.port);
        if (fd[i] >= 0) (void)!send(fd[i], request, sizeof request - 1, MSG_NOSIGNAL);
    }
    usleep(300000);
    for (int i = 0; i < FLOOD; i++) {
        char          piece[4096];
        const ssize_t got = fd[i] < 0 ? -1 : recv(fd[i], piece, sizeof piece - 1, MSG_DONTWAIT);
        if (got <= 0) continue; /* refused, or it still waits for a place */
        piece[got] = '\0';
        assert_non_null(strstr(piece, "HTTP/1.1 200"));
        n_answered++;
    }
    for (int i = 0; i < FLOOD; i++)
        if (fd[i] >= 0) close(fd[i]);
    assert_true(n_answered >= CONNECTIONS / 2);
    check_alive();
}

static void half_of_a_request_and_an_end_is_no_request(void **state)
{
    (void)state;
    static const char *const halves[] = {
        "",
        "GET",
        "GET /livez HTTP/1.1\r\nHost: a\r\n",
        "POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{\"userId\"",
        "POST /v1/track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
    };
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++)
        assert_null(strstr(talk(halves[i], strlen(halves[i]), true), " 200 "));
    /* A whole request is answered although the client sends no more. */
    const char *const whole = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_non_null(strstr(talk(whole, strlen(whole), true), "HTTP/1.1 200"));
    check_alive();
}

static void more_header_than_is_allowed_is_refused(void **state)
{
    (void)state;
    clade_buffer request = { 0 };
    clade_buffer_text(&request, "GET /livez HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 2000; i++)
        clade_buffer_format(&request, "X-Many-%d: 0123456789\r\n", i);
    clade_buffer_text(&request, "\r\n");
    const char *got = talk(request.data, request.size, false);
    assert_null(strstr(got, "HTTP/1.1 200"));
    clade_buffer_clear(&request);
    clade_buffer_text(&request, "GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: ");
    for (int i = 0; i < 20000; i++)
        clade_buffer_text(&request, "y");
    clade_buffer_text(&request, "\r\n\r\n");
    got = talk(request.data, request.size, false);
    assert_null(strstr(got, "HTTP/1.1 200"));
    clade_buffer_free(&request);
    check_alive();
}

static void a_promise_of_too_much_is_refused_before_it_comes(void **state)
{
    (void)state;
    const double start = clade_seconds();
    assert_non_null(strstr(say("POST /v1/track HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                               "Content-Length: 99999999999\r\n\r\n"),
                           "HTTP/1.1 413"));
    assert_true(clade_seconds() - start < 5);
    check_alive();
}

static void requests_in_one_piece_are_answered_one_after_the_other(void **state)
{
    (void)state;
    enum { N = 20 };
    clade_buffer      request = { 0 };
    const char *const key     = server.key[CLADE_ROLE_WRITE];
    for (int i = 0; i < N; i++) {
        char body[200];
        snprintf(body, sizeof body,
                 "{\"userId\":\"pipe\",\"event\":\"Login\",\"messageId\":\"p-%d\"}", i);
        clade_buffer_format(&request,
                            "POST /v1/track HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                            key, strlen(body), body);
        clade_buffer_format(&request, "GET /nothing/%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    }
    clade_buffer_text(&request, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const char *const got = talk(request.data, request.size, false);
    assert_int_equal(count(got, "HTTP/1.1 200"), N + 1);
    assert_int_equal(count(got, "HTTP/1.1 404"), N);
    clade_buffer_free(&request);
}

static void a_head_has_the_header_alone(void **state)
{
    (void)state;
    const char *const got = say("HEAD /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(got, "HTTP/1.1 200"));
    const char *const end = strstr(got, "\r\n\r\n");
    assert_non_null(end);
    assert_string_equal(end, "\r\n\r\n");
}

static void a_method_that_nobody_knows_is_told_so(void **state)
{
    (void)state;
    static const char *const methods[] = { "PATCH",   "PROPFIND",
                                           "TRACE",   "get",
                                           "CONNECT", "A-METHOD-LONGER-THAN-ANY-THAT-THERE-IS" };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char line[200];
        snprintf(line, sizeof line, "%s /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                 methods[i]);
        const char *const got = say(line);
        assert_non_null(strstr(got, "HTTP/1.1 405"));
        assert_non_null(strstr(got, "method_not_allowed"));
    }
    const char *const got = say("OPTIONS /v1/track HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\n"
                                "Connection: close\r\n\r\n");
    assert_non_null(strstr(got, "HTTP/1.1 204"));
}

/* A byte every tenth of a second never lets an idle timer fire: the time of the request does. */
static void a_header_that_drips_is_cut_off(void **state)
{
    (void)state;
    static const char line[] = "GET /livez HTTP/1.1\r\nX-Slow: ";
    const int         fd     = http_connect(server.port);
    const double      start  = clade_seconds();
    bool              closed = send(fd, line, sizeof line - 1, MSG_NOSIGNAL) <= 0;
    while (!closed && clade_seconds() - start < 8) {
        closed = send(fd, "z", 1, MSG_NOSIGNAL) <= 0;
        usleep(100000);
    }
    close(fd);
    assert_true(closed);
    check_alive();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_connections_at_a_small_limit_leave_it_alive),
        cmocka_unit_test(half_of_a_request_and_an_end_is_no_request),
        cmocka_unit_test(more_header_than_is_allowed_is_refused),
        cmocka_unit_test(a_promise_of_too_much_is_refused_before_it_comes),
        cmocka_unit_test(requests_in_one_piece_are_answered_one_after_the_other),
        cmocka_unit_test(a_head_has_the_header_alone),
        cmocka_unit_test(a_method_that_nobody_knows_is_told_so),
        cmocka_unit_test(a_header_that_drips_is_cut_off),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
