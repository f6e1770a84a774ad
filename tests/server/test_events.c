/* Events over HTTP: acknowledged, seen at once, in the store once, and still there after a restart.
 */
#include "http_client.h"

#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char        folder[256], workspace[300];
static http_server server;

static int start(void **state)
{
    (void)state;
    clade_log_set(CLADE_LOG_QUIET);
    check_folder_make(folder, "events");
    snprintf(workspace, sizeof workspace, "%s/shop.clade", folder);
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

static const http_answer *post(const char *path, const char *body)
{
    return http_ask(server.port, "POST", path, server.key[CLADE_ROLE_WRITE], "", body);
}

static const http_answer *get(const char *path)
{
    return http_ask(server.port, "GET", path, server.key[CLADE_ROLE_READ], "", NULL);
}

/* Stop the server and count in the store what it left; then serve again. */
static int64_t count_after_restart(const char *sql)
{
    const clade_store_options how   = { .memory_bytes = 256 << 20 };
    clade_store              *store = NULL;
    int64_t                   n     = -1;
    http_server_stop(&server);
    check_ok(clade_store_open(&store, workspace, &how, NULL));
    check_ok(clade_store_int(&n, store, sql, NULL, 0, -1, NULL));
    clade_store_close(store);
    http_server_start(&server, workspace, NULL);
    return n;
}

static void an_event_is_acknowledged_and_seen_at_once(void **state)
{
    (void)state;
    const http_answer *got =
        post("/v1/track", "{\"userId\":\"u1\",\"event\":\"Product Viewed\",\"messageId\":\"m-1\","
                          "\"properties\":{\"product_id\":\"A7\"}}");
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "accepted"), 1);
    assert_int_equal((int)http_number(got, "rejected"), 0);
    got = get("/v1/customers/u1");
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "live/events"), 1);
    assert_string_equal(http_text(got, "live/recent/0/kind"), "view");
    assert_string_equal(http_text(got, "live/recent/0/item"), "A7");
    assert_int_equal(get("/v1/customers/u2")->status, 404);
}

static void the_same_message_twice_is_once(void **state)
{
    (void)state;
    static const char body[] = "{\"userId\":\"twice\",\"event\":\"Product Added\",\"messageId\":"
                               "\"m-2\",\"properties\":{\"product_id\":\"A8\",\"price\":12.85}}";
    for (int i = 0; i < 3; i++)
        assert_int_equal((int)http_number(post("/v1/track", body), "accepted"), 1);
    assert_int_equal((int)http_number(get("/v1/customers/twice"), "live/events"), 1);
    assert_int_equal(count_after_restart("SELECT count(*) FROM event WHERE kind = 'cart'"), 1);
    assert_int_equal((int)http_number(post("/v1/track", body), "accepted"), 1);
    assert_int_equal(count_after_restart("SELECT count(*) FROM event WHERE kind = 'cart'"), 1);
    assert_int_equal((int)http_number(get("/v1/customers/twice"), "events"), 1);
}

static void an_order_comes_out_of_the_store_as_it_went_in(void **state)
{
    (void)state;
    const http_answer *got = post(
        "/v1/batch",
        "{\"batch\":[{\"type\":\"track\",\"userId\":\"buyer\",\"messageId\":\"o-1\",\"event\":"
        "\"Order Completed\",\"timestamp\":\"2024-03-05T10:00:00Z\",\"properties\":{\"order_id\":"
        "\"R17\",\"revenue\":34.25,\"currency\":\"EUR\",\"products\":[{\"product_id\":\"B1\","
        "\"price\":9.75,\"quantity\":2},{\"product_id\":\"B2\",\"price\":14.75,\"quantity\":1}]}}]"
        "}");
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "accepted"), 1);
    assert_int_equal(
        count_after_restart("SELECT CAST(sum(amount_minor) AS BIGINT) FROM event WHERE "
                            "order_ref = 'R17' AND kind = 'purchase'"),
        3425);
    got = get("/v1/customers/buyer/events?limit=1");
    assert_int_equal(got->status, 200);
    assert_string_equal(http_text(got, "events/0/kind"), "purchase");
    assert_string_equal(http_text(got, "events/0/at"), "2024-03-05T10:00:00Z");
    assert_int_equal((int)http_number(got, "has_more"), 1);
    char next[200];
    snprintf(next, sizeof next, "/v1/customers/buyer/events?limit=5&cursor=%s",
             http_text(got, "cursor"));
    got = get(next);
    assert_int_equal((int)http_number(got, "events"), 1);
    assert_int_equal((int)http_number(got, "has_more"), 0);
}

static void a_bad_item_is_refused_alone_and_kept_as_a_dead_letter(void **state)
{
    (void)state;
    const http_answer *got = post(
        "/v1/batch", "{\"batch\":[{\"type\":\"track\",\"event\":\"Lost\",\"messageId\":\"d-1\"},"
                     "{\"type\":\"track\",\"userId\":\"good\",\"event\":\"Product Viewed\","
                     "\"messageId\":\"d-2\",\"properties\":{\"product_id\":\"A7\"}}]}");
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "accepted"), 1);
    assert_int_equal((int)http_number(got, "rejected/0/index"), 0);
    assert_string_equal(http_text(got, "rejected/0/code"), "E_NO_IDENTITY");
    assert_string_equal(http_text(got, "rejected/0/messageId"), "d-1");
    (void)count_after_restart("SELECT 1");
    got = http_ask(server.port, "GET", "/v1/dead-letters", server.key[CLADE_ROLE_ADMIN], "", NULL);
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "dead_letters"), 1);
    assert_string_equal(http_text(got, "dead_letters/0/code"), "E_NO_IDENTITY");
    assert_non_null(strstr(http_text(got, "dead_letters/0/raw"), "Lost"));
}

static void the_key_may_come_in_every_way_that_clients_have(void **state)
{
    (void)state;
    char              more[300], body[500], packed[1000], path[200];
    const char *const key = server.key[CLADE_ROLE_WRITE];
    snprintf(body, sizeof body,
             "{\"writeKey\":\"%s\",\"userId\":\"k\",\"event\":\"Login\",\"messageId\":\"k-1\"}",
             key);
    assert_int_equal(http_ask(server.port, "POST", "/v1/t", NULL, "", body)->status, 200);
    assert_int_equal(http_ask(server.port, "POST", "/v1/t", "a-token-of-theirs",
                              "Content-Type: text/plain\r\n", body)
                         ->status,
                     200);
    snprintf(path, sizeof path, "printf '%%s:' '%s' | base64 -w0", key);
    assert_int_equal(check_run(packed, sizeof packed, "%s", path), 0);
    snprintf(more, sizeof more, "Authorization: Basic %s\r\n", packed);
    assert_int_equal(http_ask(server.port, "POST", "/v1/track", NULL, more,
                              "{\"userId\":\"k\",\"event\":\"Login\",\"messageId\":\"k-2\"}")
                         ->status,
                     200);
    snprintf(path, sizeof path, "/mp/collect?measurement_id=G-1&api_secret=%s", key);
    assert_int_equal(
        http_ask(server.port, "POST", path, NULL, "",
                 "{\"client_id\":\"c.1\",\"user_id\":\"k\",\"events\":[{\"name\":\"view_item\","
                 "\"params\":{\"items\":[{\"item_id\":\"A7\",\"price\":\"72,93\"}]}}]}")
            ->status,
        200);
    snprintf(path, sizeof path, "/v1/projects/%s/settings", key);
    const http_answer *got = http_ask(server.port, "GET", path, NULL, "", NULL);
    assert_int_equal(got->status, 200);
    assert_non_null(strstr(got->body.data, "/v1"));
}

static void a_dry_run_leaves_nothing(void **state)
{
    (void)state;
    const http_answer *got =
        post("/v1/validate", "{\"type\":\"track\",\"userId\":\"dry\",\"event\":\"Product Viewed\","
                             "\"messageId\":\"v-1\",\"properties\":{\"price\":\"72,93\"}}");
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "accepted"), 1);
    assert_string_equal(http_text(got, "notes/0/code"), "N_NUMBER");
    assert_int_equal(get("/v1/customers/dry")->status, 404);
}

static void what_is_no_json_is_400_and_not_retried(void **state)
{
    (void)state;
    const http_answer *got = post("/v1/track", "{\"userId\":");
    assert_int_equal(got->status, 400);
    assert_string_equal(http_text(got, "code"), "E_MALFORMED");
}

static void the_forgotten_are_gone_from_memory_store_and_journal(void **state)
{
    (void)state;
    static const char  id[] = "secret-person-4711";
    char               body[300], path[100], out[400];
    const http_answer *got;
    snprintf(body, sizeof body,
             "{\"userId\":\"%s\",\"event\":\"Product Viewed\",\"messageId\":\"f-1\"}", id);
    assert_int_equal(post("/v1/track", body)->status, 200);
    snprintf(path, sizeof path, "/v1/customers/%s", id);
    assert_int_equal(get(path)->status, 200);
    got = http_ask(server.port, "DELETE", path, server.key[CLADE_ROLE_READ], "", NULL);
    assert_int_equal(got->status, 403);
    got = http_ask(server.port, "DELETE", path, server.key[CLADE_ROLE_ADMIN], "", NULL);
    assert_int_equal(got->status, 200);
    assert_null(strstr(got->body.data, id));
    assert_int_equal(get(path)->status, 404);
    (void)count_after_restart("SELECT 1");
    assert_int_equal(get(path)->status, 404);
    assert_int_not_equal(check_run(out, sizeof out, "grep -ra '%s' '%s'", id, workspace), 0);
}

static void a_refresh_takes_live_events_into_the_profile(void **state)
{
    (void)state;
    const http_answer *got = NULL;
    assert_int_equal(post("/v1/track", "{\"userId\":\"fresh\",\"event\":\"Product Viewed\","
                                       "\"messageId\":\"r-1\",\"properties\":{\"product_id\":"
                                       "\"A7\"}}")
                         ->status,
                     200);
    const double end = clade_seconds() + 20;
    do {
        got = http_ask(server.port, "POST", "/v1/refresh", server.key[CLADE_ROLE_ADMIN], "", "");
        assert_int_equal(got->status, 202);
        usleep(300000);
        got = get("/v1/customers/fresh");
    } while (!(http_number(got, "events") >= 1) && clade_seconds() < end);
    assert_int_equal((int)http_number(got, "events"), 1);
    assert_true(isnan(http_number(got, "live/events")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_acknowledged_and_seen_at_once),
        cmocka_unit_test(the_same_message_twice_is_once),
        cmocka_unit_test(an_order_comes_out_of_the_store_as_it_went_in),
        cmocka_unit_test(a_bad_item_is_refused_alone_and_kept_as_a_dead_letter),
        cmocka_unit_test(the_key_may_come_in_every_way_that_clients_have),
        cmocka_unit_test(a_dry_run_leaves_nothing),
        cmocka_unit_test(what_is_no_json_is_400_and_not_retried),
        cmocka_unit_test(the_forgotten_are_gone_from_memory_store_and_journal),
        cmocka_unit_test(a_refresh_takes_live_events_into_the_profile),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
