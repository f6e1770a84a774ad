/* The server as a client meets it: keys, limits, encodings, hostile and slow senders. */
#include "http_client.h"

#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char        folder[256];
static http_server server;

static int start(void **state)
{
    (void)state;
    char                       path[300];
    const clade_server_options options = { .max_body_bytes  = 4096,
                                           .request_seconds = 2,
                                           .idle_seconds    = 30 };
    clade_log_set(CLADE_LOG_QUIET);
    check_folder_make(folder, "http");
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

static const char *problem(const http_answer *got)
{
    assert_string_equal(http_header(got, "Content-Type"), "application/problem+json");
    assert_int_equal((int)http_number(got, "status"), got->status);
    return http_text(got, "code");
}

static void a_live_server_says_so_without_a_key(void **state)
{
    (void)state;
    assert_int_equal(http_ask(server.port, "GET", "/livez", NULL, "", NULL)->status, 200);
    assert_int_equal(http_ask(server.port, "GET", "/readyz", NULL, "", NULL)->status, 200);
    const http_answer *got = http_ask(server.port, "GET", "/metrics", NULL, "", NULL);
    assert_int_equal(got->status, 200);
    assert_non_null(strstr(got->body.data, "clade_http_requests_total{method=\"GET\""));
}

static void what_is_not_there_is_a_problem_with_a_code(void **state)
{
    (void)state;
    const http_answer *got = http_ask(server.port, "GET", "/v2/nothing", NULL, "", NULL);
    assert_int_equal(got->status, 404);
    assert_string_equal(problem(got), "no_such_route");
    got = http_ask(server.port, "PUT", "/livez", NULL, "", "");
    assert_int_equal(got->status, 405);
    assert_string_equal(problem(got), "method_not_allowed");
    assert_int_equal(http_ask(server.port, "BREW", "/livez", NULL, "", NULL)->status, 405);
}

static void a_key_opens_what_is_its_role_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int         status[CLADE_N_ROLE];
    } cases[] = {
        { "GET", "/v1/segments", { 403, 200, 200 } },
        { "GET", "/v1/keys", { 403, 403, 200 } },
        { "POST", "/v1/track", { 400, 403, 400 } }, /* 400: the empty body is no JSON */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const  body = cases[i].method[0] == 'P' ? "" : NULL;
        const http_answer *got =
            http_ask(server.port, cases[i].method, cases[i].path, NULL, "", body);
        assert_int_equal(got->status, 401);
        assert_string_equal(problem(got), "unknown_key");
        for (int role = 0; role < CLADE_N_ROLE; role++) {
            got = http_ask(server.port, cases[i].method, cases[i].path, server.key[role], "", body);
            assert_int_equal(got->status, cases[i].status[role]);
        }
    }
    char almost[CLADE_KEY_SECRET];
    memcpy(almost, server.key[CLADE_ROLE_READ], sizeof almost);
    almost[strlen(almost) - 1] ^= 1;
    assert_int_equal(http_ask(server.port, "GET", "/v1/segments", almost, "", NULL)->status, 401);
}

static void a_key_is_made_used_and_revoked_over_http(void **state)
{
    (void)state;
    const char *const  admin = server.key[CLADE_ROLE_ADMIN];
    char               key[CLADE_KEY_SECRET], path[100];
    const http_answer *got =
        http_ask(server.port, "POST", "/v1/keys", admin, "", "{\"role\":\"read\"}");
    assert_int_equal(got->status, 201);
    snprintf(key, sizeof key, "%s", http_text(got, "key"));
    snprintf(path, sizeof path, "/v1/keys/%s", http_text(got, "id"));
    assert_int_equal(http_ask(server.port, "GET", "/v1/segments", key, "", NULL)->status, 200);
    assert_int_equal(http_ask(server.port, "DELETE", path, admin, "", NULL)->status, 200);
    assert_int_equal(http_ask(server.port, "GET", "/v1/segments", key, "", NULL)->status, 401);
    got = http_ask(server.port, "POST", "/v1/keys", admin, "", "{\"role\":\"king\"}");
    assert_int_equal(got->status, 400);
    got = http_ask(server.port, "GET", "/v1/keys", admin, "", NULL);
    assert_null(strstr(got->body.data, key)); /* told once */
}

static void a_body_above_the_limit_is_read_and_refused(void **state)
{
    (void)state;
    static char       large[20000], chunked[12000];
    const char *const key = server.key[CLADE_ROLE_WRITE];
    memset(large, 'x', sizeof large - 1);
    const http_answer *got = http_ask(server.port, "POST", "/v1/track", key, "", large);
    assert_int_equal(got->status, 413);
    assert_string_equal(problem(got), "body_too_large");
    /* without a length, in pieces */
    const int    fd = http_connect(server.port);
    const size_t n  = (size_t)snprintf(chunked, sizeof chunked,
                                       "POST /v1/track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                        "chunked\r\n\r\n1770\r\n%.6000s\r\n0\r\n\r\n",
                                       large);
    assert_int_equal(http_exchange(fd, chunked, n)->status, 413);
    close(fd);
}

/* 1 MB of zeroes in about 1 KB of gzip. */
static void a_packed_bomb_is_refused_at_the_limit(void **state)
{
    (void)state;
    char         path[300], out[200], bytes[4096];
    clade_buffer request = { 0 };
    snprintf(path, sizeof path, "%s/bomb.gz", folder);
    assert_int_equal(check_run(out, sizeof out, "head -c 1000000 /dev/zero | gzip -9 > '%s'", path),
                     0);
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 100 && size < sizeof bytes);
    clade_buffer_format(&request,
                        "POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        size);
    clade_buffer_append(&request, bytes, size);
    int fd = http_connect(server.port);
    assert_int_equal(http_exchange(fd, request.data, request.size)->status, 413);
    close(fd);
    request.data[request.size - size] ^= 1; /* no gzip any more */
    fd = http_connect(server.port);
    assert_int_equal(http_exchange(fd, request.data, request.size)->status, 400);
    close(fd);
    clade_buffer_free(&request);
}

static void a_browser_may_send_from_any_page_and_read_from_none(void **state)
{
    (void)state;
    const char *const  origin = "Origin: https://shop.example\r\n";
    const http_answer *got    = http_ask(server.port, "OPTIONS", "/v1/t", NULL, origin, NULL);
    assert_int_equal(got->status, 204);
    assert_string_equal(http_header(got, "Access-Control-Allow-Origin"), "*");
    assert_non_null(strstr(http_header(got, "Access-Control-Allow-Headers"), "authorization"));
    assert_non_null(strstr(http_header(got, "Access-Control-Allow-Headers"), "x-retry-count"));
    got = http_ask(server.port, "GET", "/v1/segments", server.key[CLADE_ROLE_READ], origin, NULL);
    assert_int_equal(got->status, 200);
    assert_string_equal(http_header(got, "Access-Control-Allow-Origin"), "");
}

static void one_connection_carries_many_requests(void **state)
{
    (void)state;
    static const char request[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    const int         fd        = http_connect(server.port);
    for (int i = 0; i < 50; i++)
        assert_int_equal(http_exchange(fd, request, sizeof request - 1)->status, 200);
    close(fd);
}

static void an_answer_that_is_known_is_not_sent_again(void **state)
{
    (void)state;
    char               tag[600];
    const http_answer *got = http_ask(server.port, "GET", "/openapi.json", NULL, "", NULL);
    assert_int_equal(got->status, 200);
    snprintf(tag, sizeof tag, "If-None-Match: %s\r\n", http_header(got, "ETag"));
    got = http_ask(server.port, "GET", "/openapi.json", NULL, tag, NULL);
    assert_int_equal(got->status, 304);
}

static void hostile_bytes_do_not_hurt(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET\r\n\r\n",
        "GET /v1/customers/%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/customers/%ff%fe HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/customers/%2e%2e%2f%2e%2e HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/customers/a?include=%zz&&&=&n HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /v1/track HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\xfe==\r\n"
        "Content-Length: 0\r\n\r\n",
        "POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{\"batch\":",
        "\x16\x03\x01\x02\x01\x01\x01\x01\xfc\x03\x03\r\n\r\n",
    };
    char long_line[40000];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const int            fd    = http_connect(server.port);
        const struct timeval limit = { .tv_usec = 300000 };
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        const int status = http_exchange(fd, lines[i], strlen(lines[i]))->status;
        assert_true(status == 0 || (status >= 400 && status < 500));
        close(fd);
    }
    memset(long_line, 'a', sizeof long_line);
    memcpy(long_line, "GET /", 5);
    const int fd = http_connect(server.port);
    assert_true(http_exchange(fd, long_line, sizeof long_line)->status != 200);
    close(fd);
    assert_int_equal(http_ask(server.port, "GET", "/livez", NULL, "", NULL)->status, 200);
}

/* Half of a request, then silence: others are answered meanwhile, and the connection is closed when
 * its time is over (2 s here), although a byte comes now and then. */
static void who_drips_is_cut_off_and_delays_nobody(void **state)
{
    (void)state;
    static const char half[] = "POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{";
    int               slow[100];
    for (size_t i = 0; i < 100; i++) {
        slow[i] = http_connect(server.port);
        assert_true(send(slow[i], half, sizeof half - 1, MSG_NOSIGNAL) > 0);
    }
    const double start = clade_seconds();
    assert_int_equal(http_ask(server.port, "GET", "/livez", NULL, "", NULL)->status, 200);
    assert_true(clade_seconds() - start < 1.5);
    bool closed = false;
    while (!closed && clade_seconds() - start < 8) {
        closed = send(slow[0], " ", 1, MSG_NOSIGNAL) <= 0;
        usleep(200000);
    }
    assert_true(closed);
    for (size_t i = 0; i < 100; i++)
        close(slow[i]);
}

static void a_rate_is_kept_to_for_each_key(void **state)
{
    (void)state;
    http_server                limited = { 0 };
    const clade_server_options options = { .rate = 5, .burst = 5 };
    char                       path[300];
    int                        n_refused = 0;
    snprintf(path, sizeof path, "%s/limited.clade", folder);
    http_server_start(&limited, path, &options);
    const char *const reader = limited.key[CLADE_ROLE_READ];
    for (int i = 0; i < 30; i++) {
        const http_answer *got = http_ask(limited.port, "GET", "/v1/segments", reader, "", NULL);
        if (got->status == 200) continue;
        assert_int_equal(got->status, 429);
        assert_string_equal(problem(got), "too_many_requests");
        assert_true(atoi(http_header(got, "Retry-After")) >= 1);
        assert_string_equal(http_header(got, "RateLimit-Remaining"), "0");
        n_refused++;
    }
    assert_true(n_refused >= 4);
    const char *const admin = limited.key[CLADE_ROLE_ADMIN];
    assert_int_equal(http_ask(limited.port, "GET", "/v1/segments", admin, "", NULL)->status, 200);
    http_server_stop(&limited);
}

static void a_port_that_is_taken_is_one_sentence(void **state)
{
    (void)state;
    clade_error                err     = { 0 };
    clade_store               *store   = NULL;
    clade_server              *other   = NULL;
    const clade_store_options  how     = { .create = true, .memory_bytes = 256 << 20 };
    const clade_server_options options = { .port = server.port };
    char                       path[300];
    snprintf(path, sizeof path, "%s/other.clade", folder);
    check_ok(clade_store_open(&store, path, &how, &err));
    assert_int_equal(clade_server_create(&other, store, &options, &err), CLADE_ERR_IO);
    assert_non_null(strstr(err.message, "cannot listen at 127.0.0.1 port"));
    assert_null(other);
    clade_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_server_says_so_without_a_key),
        cmocka_unit_test(what_is_not_there_is_a_problem_with_a_code),
        cmocka_unit_test(a_key_opens_what_is_its_role_and_nothing_else),
        cmocka_unit_test(a_key_is_made_used_and_revoked_over_http),
        cmocka_unit_test(a_body_above_the_limit_is_read_and_refused),
        cmocka_unit_test(a_packed_bomb_is_refused_at_the_limit),
        cmocka_unit_test(a_browser_may_send_from_any_page_and_read_from_none),
        cmocka_unit_test(one_connection_carries_many_requests),
        cmocka_unit_test(an_answer_that_is_known_is_not_sent_again),
        cmocka_unit_test(hostile_bytes_do_not_hurt),
        cmocka_unit_test(who_drips_is_cut_off_and_delays_nobody),
        cmocka_unit_test(a_rate_is_kept_to_for_each_key),
        cmocka_unit_test(a_port_that_is_taken_is_one_sentence),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
