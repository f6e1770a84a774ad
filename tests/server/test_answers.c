/* What is answered out of memory is what the tables say: profiles, segments, flags, items, pages.
 */
#include "http_client.h"

#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>

enum { N_CUSTOMERS = 240, FIRST_DAY = 18000, N_DAYS = 420 };

static char        folder[256];
static http_server server;

/* Every third customer buys every fortnight or so; the others once or twice. */
static void write_shop(const char *path)
{
    clade_buffer orders  = { 0 };
    clade_rng    rng     = clade_rng_stream(3, "test/answers", 0);
    int          n_order = 1000;
    clade_buffer_text(&orders, "order_id,customer_id,order_time,product_id,quantity,price\n");
    for (int customer = 0; customer < N_CUSTOMERS; customer++) {
        const bool regular = customer % 3 == 0;
        double     day     = N_DAYS * clade_rng_uniform(&rng) * (regular ? 0.5 : 1);
        for (int k = 0; k < (regular ? 40 : 1 + customer % 2) && day < N_DAYS; k++) {
            char date[16];
            clade_date_format(date, (FIRST_DAY + (int64_t)day) * CLADE_US_PER_DAY);
            clade_buffer_format(&orders, "o%d,c%d,%s 10:%02d:00,p%d,%d,%.2f\n", n_order, customer,
                                date, n_order % 60, customer % 17, 1 + k % 3,
                                5 + 0.37 * (double)(customer % 29));
            n_order++;
            day += 2 + (regular ? 12 : 120) * clade_rng_exponential(&rng);
        }
    }
    assert_false(orders.failed);
    check_write(path, orders.data, orders.size);
    clade_buffer_free(&orders);
}

static int start(void **state)
{
    (void)state;
    static char                out[65536];
    char                       path[400];
    const clade_server_options options = { .min_group = 20 };
    clade_log_set(CLADE_LOG_QUIET);
    check_folder_make(folder, "answers");
    snprintf(path, sizeof path, "%s/orders.csv", folder);
    write_shop(path);
    if (check_run(out, sizeof out,
                  "cd '%s' && '%s' load shop.clade orders.csv --quiet && '%s' segment shop.clade "
                  "--quiet",
                  folder, getenv("CLADE_BINARY"), getenv("CLADE_BINARY")) != 0) {
        print_error("%s\n", out);
        return 1;
    }
    snprintf(path, sizeof path, "%s/shop.clade", folder);
    http_server_start(&server, path, &options);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (server.server != NULL) http_server_stop(&server);
    check_folder_remove(folder);
    return 0;
}

static const http_answer *get(const char *path, clade_role role)
{
    return http_ask(server.port, "GET", path, server.key[role], "", NULL);
}

/* The same from memory and from the page that the engine writes. */
static void a_profile_says_what_the_page_says(void **state)
{
    (void)state;
    for (int customer = 0; customer < 30; customer += 3) {
        char path[100], key[4][64], first[64];
        snprintf(path, sizeof path, "/v1/customers/c%d?view=page", customer);
        const http_answer *got = get(path, CLADE_ROLE_READ);
        assert_int_equal(got->status, 200);
        const int n = (int)http_number(got, "segments");
        assert_true(n >= 3 && n <= 4);
        for (int i = 0; i < n; i++) {
            snprintf(path, sizeof path, "segments/%d/key", i);
            snprintf(key[i], sizeof key[i], "%s", http_text(got, path));
        }
        const double orders = http_number(got, "features/orders_life/value");
        snprintf(first, sizeof first, "%s", http_text(got, "first_seen"));

        snprintf(path, sizeof path, "/v1/customers/c%d?include=segments,features", customer);
        got = get(path, CLADE_ROLE_READ);
        assert_int_equal((int)http_number(got, "segments"), n);
        for (int i = 0; i < n; i++) {
            snprintf(path, sizeof path, "segments/%d/key", i);
            assert_string_equal(http_text(got, path), key[i]);
        }
        check_close(http_number(got, "features/orders_life"), orders, 1e-3); /* three digits */
        check_close(http_number(got, "orders"), orders, 0);
        assert_string_equal(http_text(got, "first_seen"), first);
        assert_true(isnan(http_number(got, "scores")));
    }
}

/* Page by page, everybody of a segment comes once, and they are as many as its size. */
static void members_are_as_many_as_the_size_says(void **state)
{
    (void)state;
    char               path[200], cursor[64] = "0";
    int                n   = 0;
    const http_answer *got = get("/v1/segments", CLADE_ROLE_READ);
    assert_int_equal(got->status, 200);
    const int n_segments = (int)http_number(got, "segments");
    int       at         = 0;
    for (double best = 0; n_segments > at; at++) {
        snprintf(path, sizeof path, "segments/%d/size", at);
        best = http_number(got, path);
        if (best >= 60) break;
    }
    assert_true(at < n_segments);
    const int size = (int)http_number(got, path);
    snprintf(path, sizeof path, "segments/%d/id", at);
    char name[64];
    snprintf(name, sizeof name, "%s", http_text(got, path));
    for (bool more = true; more; n += (int)http_number(got, "customers")) {
        snprintf(path, sizeof path, "/v1/segments/%s/members?limit=17&cursor=%s", name, cursor);
        got = get(path, CLADE_ROLE_READ);
        assert_int_equal(got->status, 200);
        more = http_number(got, "has_more") > 0;
        snprintf(cursor, sizeof cursor, "%s", http_text(got, "cursor"));
    }
    assert_int_equal(n, size);
    snprintf(path, sizeof path, "/v1/segments/%s", name);
    assert_int_equal((int)http_number(get(path, CLADE_ROLE_READ), "size"), size);
    snprintf(path, sizeof path, "/v1/segments/%s/flows", name);
    got = get(path, CLADE_ROLE_ADMIN);
    assert_int_equal(got->status, 200);
    assert_true(http_number(got, "n_both") > 100);
}

/* Fewer than 20 customers here are nearly persons. */
static void a_small_group_is_not_told_to_a_read_key(void **state)
{
    (void)state;
    char               path[200], name[64] = "";
    const http_answer *got = get("/v1/segments", CLADE_ROLE_ADMIN);
    for (int i = 0; i < (int)http_number(got, "segments") && name[0] == '\0'; i++) {
        snprintf(path, sizeof path, "segments/%d/size", i);
        const double size = http_number(got, path);
        snprintf(path, sizeof path, "segments/%d/id", i);
        if (size < 20) snprintf(name, sizeof name, "%s", http_text(got, path));
    }
    assert_true(name[0] != '\0');
    snprintf(path, sizeof path, "/v1/segments/%s/members", name);
    got = get(path, CLADE_ROLE_READ);
    assert_int_equal(got->status, 403);
    assert_string_equal(http_text(got, "code"), "group_too_small");
    snprintf(path, sizeof path, "/v1/segments/%s", name);
    assert_true(isnan(http_number(get(path, CLADE_ROLE_READ), "size")));
    assert_int_equal((int)http_number(get(path, CLADE_ROLE_READ), "withheld"), 1);
}

static void a_flag_is_true_for_who_is_in_the_segment(void **state)
{
    (void)state;
    static const char  ask[]  = "{\"context\":{\"targetingKey\":\"c3\"}}";
    const char *const  reader = server.key[CLADE_ROLE_READ];
    char               path[200], tag[600];
    int                n_true = 0;
    const http_answer *got    = get("/v1/customers/c3/segments", CLADE_ROLE_READ);
    const int          n      = (int)http_number(got, "segments");
    char               kind[64];
    snprintf(kind, sizeof kind, "%s", http_text(got, "segments/1/kind"));
    snprintf(path, sizeof path, "/ofrep/v1/evaluate/flags/%s:%s", kind,
             http_text(got, "segments/1/key"));
    got = http_ask(server.port, "POST", path, reader, "", ask);
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "value"), 1);
    got = http_ask(server.port, "POST", path, reader, "",
                   "{\"context\":{\"targetingKey\":\"nobody\"}}");
    assert_int_equal((int)http_number(got, "value"), 0);
    assert_string_equal(http_text(got, "reason"), "DEFAULT");
    got = http_ask(server.port, "POST", path, reader, "", "{\"context\":{}}");
    assert_int_equal(got->status, 400);
    assert_string_equal(http_text(got, "errorCode"), "TARGETING_KEY_MISSING");

    got = http_ask(server.port, "POST", "/ofrep/v1/evaluate/flags", reader, "", ask);
    snprintf(tag, sizeof tag, "If-None-Match: %s\r\n", http_header(got, "ETag"));
    for (int i = 0; i < (int)http_number(got, "flags"); i++) {
        snprintf(path, sizeof path, "flags/%d/value", i);
        n_true += http_number(got, path) > 0;
    }
    assert_int_equal(n_true, n); /* in one segment of each kind */
    got = http_ask(server.port, "POST", "/ofrep/v1/evaluate/flags", reader, tag, ask);
    assert_int_equal(got->status, 304);
}

static void who_is_unknown_gets_what_is_popular_and_a_word_about_it(void **state)
{
    (void)state;
    const http_answer *got = get("/v1/customers/nobody/recommendations?n=3", CLADE_ROLE_READ);
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "items"), 3);
    assert_string_equal(http_text(got, "recommended_by"), "popular");
    assert_true(strlen(http_text(got, "why")) > 10);
    assert_true(http_number(got, "items/0/score") >= http_number(got, "items/1/score"));
    assert_true(strlen(http_text(got, "items/0/reason")) > 10);
    got = get("/v1/customers/nobody/recommendations?n=0", CLADE_ROLE_READ);
    assert_int_equal(got->status, 400);
    assert_int_equal(get("/v1/customers/nobody", CLADE_ROLE_READ)->status, 404);
}

static void look_alikes_are_found_and_are_no_seeds(void **state)
{
    (void)state;
    clade_buffer ask = { 0 };
    clade_buffer_text(&ask, "{\"size\":30,\"customers\":[\"a-stranger\"");
    for (int customer = 0; customer < 120; customer += 3)
        clade_buffer_format(&ask, ",\"c%d\"", customer);
    clade_buffer_text(&ask, "]}");
    const http_answer *got =
        http_ask(server.port, "POST", "/v1/lookalike", server.key[CLADE_ROLE_READ], "", ask.data);
    assert_int_equal(got->status, 200);
    assert_int_equal((int)http_number(got, "customers"), 30);
    assert_int_equal((int)http_number(got, "seeds_unknown"), 1);
    int n_regular = 0;
    for (int i = 0; i < 30; i++) {
        char path[100];
        snprintf(path, sizeof path, "customers/%d/customer", i);
        const int customer = atoi(http_text(got, path) + 1);
        assert_true(customer >= 120 || customer % 3 != 0);
        n_regular += customer % 3 == 0;
    }
    assert_true(n_regular >= 25); /* the seeds are regulars, and 40 more of them are there */
    clade_buffer_free(&ask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_says_what_the_page_says),
        cmocka_unit_test(members_are_as_many_as_the_size_says),
        cmocka_unit_test(a_small_group_is_not_told_to_a_read_key),
        cmocka_unit_test(a_flag_is_true_for_who_is_in_the_segment),
        cmocka_unit_test(who_is_unknown_gets_what_is_popular_and_a_word_about_it),
        cmocka_unit_test(look_alikes_are_found_and_are_no_seeds),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
