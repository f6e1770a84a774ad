/* Segments by rule over HTTP: an event makes somebody enter, a watcher hears it, time alone lets
 * them leave, and what is live is what the SQL says. */
#include "http_client.h"

#include "clade/rule_segments.h"
#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { N_CUSTOMERS = 8, N_EVENTS = 60 };

static char        folder[256], workspace[300];
static http_server server;

static const struct {
    const char *name, *rule;
} rules[] = { { "keen", "viewed() >= 2" },
              { "here", "viewed() >= 1 within 1h" },
              { "spender", "spend() > 50" } };

static int start(void **state)
{
    (void)state;
    clade_store_options how   = { .create = true, .memory_bytes = 256 << 20 };
    clade_store        *store = NULL;
    clade_error         err   = { 0 };
    int64_t             version;
    clade_log_set(CLADE_LOG_QUIET);
    check_folder_make(folder, "live_segments");
    snprintf(workspace, sizeof workspace, "%s/shop.clade", folder);
    check_ok(clade_store_open(&store, workspace, &how, &err));
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (clade_rule_segment_define(&version, store, rules[i].name, rules[i].rule, 0, 1, &err) !=
            CLADE_OK) {
            print_error("%s\n", err.message);
            return 1;
        }
    }
    clade_store_close(store);
    http_server_start(&server, workspace, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (server.server != NULL) http_server_stop(&server);
    check_folder_remove(folder);
    return 0;
}

static void view(const char *who, const char *message)
{
    char body[300];
    snprintf(body, sizeof body,
             "{\"userId\":\"%s\",\"event\":\"Product Viewed\",\"messageId\":\"%s\",\"properties\":"
             "{\"product_id\":\"A7\"}}",
             who, message);
    assert_int_equal(
        http_ask(server.port, "POST", "/v1/track", server.key[CLADE_ROLE_WRITE], "", body)->status,
        200);
}

static bool is_in(const char *who, const char *segment)
{
    char path[100], mark[100];
    snprintf(path, sizeof path, "/v1/customers/%s/segments", who);
    snprintf(mark, sizeof mark, "\"key\":\"%s\"", segment);
    const http_answer *got =
        http_ask(server.port, "GET", path, server.key[CLADE_ROLE_READ], "", NULL);
    return got->status == 200 && strstr(got->body.data, mark) != NULL;
}

static int open_watch(const char *path)
{
    char      request[400];
    const int fd = http_connect(server.port);
    assert_true(fd >= 0);
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n\r\n", path,
             server.key[CLADE_ROLE_READ]);
    assert_true(send(fd, request, strlen(request), 0) > 0);
    return fd;
}

/* Read on until a text was seen; false when the stream ends or is silent before. */
static bool hears(int fd, clade_buffer *heard, const char *text)
{
    char piece[4096];
    while (heard->data == NULL || strstr(heard->data, text) == NULL) {
        const ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0) return false;
        clade_buffer_append(heard, piece, (size_t)got);
    }
    return true;
}

static void an_event_makes_a_customer_enter_and_the_watcher_hears_it(void **state)
{
    (void)state;
    clade_buffer heard = { 0 };
    const int    fd    = open_watch("/v1/segments/keen/watch");
    assert_true(hears(fd, &heard, "retry:"));
    view("w1", "w-1");
    assert_false(is_in("w1", "keen"));
    const double sent = clade_seconds();
    view("w1", "w-2");
    const double answered = clade_seconds();
    assert_true(hears(fd, &heard, "segment.entered"));
    print_message("heard %.2f ms after the answer, %.2f ms after the event was sent\n",
                  (clade_seconds() - answered) * 1000, (clade_seconds() - sent) * 1000);
    assert_true(hears(fd, &heard, "\"customer\":\"w1\""));
    assert_null(strstr(heard.data, "here"));
    assert_true(is_in("w1", "keen"));
    const http_answer *got =
        http_ask(server.port, "POST", "/ofrep/v1/evaluate/flags/rule:keen",
                 server.key[CLADE_ROLE_READ], "", "{\"context\":{\"targetingKey\":\"w1\"}}");
    assert_int_equal(got->status, 200);
    assert_string_equal(http_text(got, "variant"), "in");
    close(fd);
    clade_buffer_free(&heard);
}

static void time_alone_lets_a_customer_leave(void **state)
{
    (void)state;
    clade_buffer heard = { 0 };
    const int    fd    = open_watch("/v1/transitions");
    assert_true(hears(fd, &heard, "retry:"));
    /* An hour ago but for a second and a half. */
    char at[40], body[300];
    clade_time_format(at, clade_now_us() - CLADE_US_PER_HOUR + 1500000);
    snprintf(body, sizeof body,
             "{\"userId\":\"w2\",\"event\":\"Product Viewed\",\"messageId\":\"t-1\","
             "\"timestamp\":\"%s\",\"properties\":{\"product_id\":\"A7\"}}",
             at);
    assert_int_equal(
        http_ask(server.port, "POST", "/v1/track", server.key[CLADE_ROLE_WRITE], "", body)->status,
        200);
    assert_true(is_in("w2", "here"));
    assert_true(hears(fd, &heard, "segment.left"));
    assert_false(is_in("w2", "here"));
    close(fd);
    clade_buffer_free(&heard);
}

/* As the store says when nobody serves it. */
static void compare(void)
{
    const clade_store_options how      = { .memory_bytes = 256 << 20 };
    clade_store              *store    = NULL;
    clade_rule_segments       segments = { 0 };
    clade_error               err      = { 0 };
    bool                      in[N_CUSTOMERS], said[N_CUSTOMERS] = { false };
    size_t                    n_in = 0;
    for (int rule = 0; rule < 3; rule += 2) {
        int64_t *member = NULL;
        size_t   n      = 0;
        char     who[8];
        for (int c = 0; c < N_CUSTOMERS; c++) {
            snprintf(who, sizeof who, "r%d", c);
            in[c]   = is_in(who, rules[rule].name);
            said[c] = false;
            n_in += in[c];
        }
        http_server_stop(&server);
        check_ok(clade_store_open(&store, workspace, &how, &err));
        check_ok(clade_rule_segments_load(&segments, store, &err));
        check_ok(clade_rule_segment_members(&member, &n, store, &segments,
                                            clade_rule_segments_find(&segments, rules[rule].name),
                                            clade_now_us() + 1, &err));
        for (int c = 0; c < N_CUSTOMERS; c++) {
            snprintf(who, sizeof who, "r%d", c);
            const int64_t number = clade_identity_find(store, clade_text_of(who));
            for (size_t i = 0; i < n; i++)
                said[c] |= member[i] == number;
        }
        free(member);
        clade_rule_segments_free(&segments);
        clade_store_close(store);
        http_server_start(&server, workspace, NULL);
        for (int c = 0; c < N_CUSTOMERS; c++) {
            snprintf(who, sizeof who, "r%d", c);
            assert_int_equal(in[c], said[c]);
            assert_int_equal(is_in(who, rules[rule].name), said[c]); /* after the restart too */
        }
    }
    assert_true(n_in > 0 && n_in < 2 * N_CUSTOMERS);
}

static void what_is_live_is_what_the_store_says_and_stays_so_over_a_restart(void **state)
{
    (void)state;
    clade_rng rng = clade_rng_stream(7, "test/live_segments", 0);
    for (int i = 0; i < N_EVENTS; i++) {
        char      who[8], message[16], body[500];
        const int c = (int)(clade_rng_below(&rng, N_CUSTOMERS) * clade_rng_below(&rng, 100) / 100);
        snprintf(who, sizeof who, "r%d", c);
        snprintf(message, sizeof message, "r-%d", i);
        if (clade_rng_below(&rng, 8) > 0) {
            view(who, message);
            continue;
        }
        snprintf(body, sizeof body,
                 "{\"userId\":\"%s\",\"event\":\"Order Completed\",\"messageId\":\"%s\","
                 "\"properties\":{\"order_id\":\"R%d\",\"currency\":\"EUR\",\"products\":[{"
                 "\"product_id\":\"B1\",\"price\":9.75,\"quantity\":2},{\"product_id\":\"B2\","
                 "\"price\":14.75,\"quantity\":1}]}}",
                 who, message, i);
        assert_int_equal(
            http_ask(server.port, "POST", "/v1/track", server.key[CLADE_ROLE_WRITE], "", body)
                ->status,
            200);
    }
    compare();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_makes_a_customer_enter_and_the_watcher_hears_it),
        cmocka_unit_test(time_alone_lets_a_customer_leave),
        cmocka_unit_test(what_is_live_is_what_the_store_says_and_stays_so_over_a_restart),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
