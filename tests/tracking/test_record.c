/* Records, answers and settings. */
#include "same_events.h"
#include "tracking_help.h"

#include "clade/json.h"

/* ---------------------------------------------------------------- random bodies */

static const char *pick(clade_rng *rng, const char *const *list, size_t n)
{
    return list[clade_rng_below(rng, n)];
}
#define PICK(rng, ...)                              \
    pick(rng, (const char *const[]){ __VA_ARGS__ }, \
         sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void grow_value(clade_buffer *out, clade_rng *rng, int depth)
{
    const uint64_t kind = clade_rng_below(rng, depth > 3 ? 6 : 8);
    if (kind < 6) {
        clade_buffer_text(out,
                          PICK(rng, "1", "-2.50", "\"7,5\"", "\"x\\u00e9\\ud83d\"", "true", "null",
                               "\"\"", "1e3", "\"2026-11-25T10:00:00Z\"", "\"\xE5\xBC\xA0\""));
        return;
    }
    const uint64_t n = clade_rng_below(rng, 4);
    clade_buffer_text(out, kind == 6 ? "{" : "[");
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0) clade_buffer_text(out, ",");
        if (kind == 6) {
            clade_buffer_format(out, "\"%s\":",
                                PICK(rng, "a", "name", "price", "value", "type", "search", "url",
                                     "categoryPreferences", "traits", "email", "\\u0061"));
        }
        grow_value(out, rng, depth + 1);
    }
    clade_buffer_text(out, kind == 6 ? "}" : "]");
}

static void grow_products(clade_buffer *out, clade_rng *rng)
{
    const uint64_t n = clade_rng_below(rng, 5);
    clade_buffer_text(out, ",\"products\":[");
    for (uint64_t i = 0; i < n; i++) {
        clade_buffer_format(
            out, "%s{\"product_id\":\"P%d\",\"price\":%d.%d,\"quantity\":%d,\"position\":%d}",
            i > 0 ? "," : "", (int)clade_rng_below(rng, 9), (int)clade_rng_below(rng, 99),
            (int)clade_rng_below(rng, 9), (int)clade_rng_below(rng, 4), (int)i);
    }
    clade_buffer_text(out, "]");
}

static void grow_item(clade_buffer *out, clade_rng *rng)
{
    if (clade_rng_below(rng, 30) == 0) {
        clade_buffer_text(out, PICK(rng, "3", "\"text\"", "null", "[]", "\"\"", "\"{\""));
        return;
    }
    clade_buffer_format(out, "{\"%s\":", PICK(rng, "type", "type", "type", "_"));
    clade_buffer_format(out, "\"%s\"",
                        PICK(rng, "track", "track", "track", "page", "identify", "group", "alias",
                             "screen", "else"));
    static const char *const member[] = { "userId", "anonymousId",       "messageId",  "timestamp",
                                          "event",  "originalTimestamp", "sentAt",     "context",
                                          "traits", "groupId",           "previousId", "writeKey",
                                          "name",   "channel",           "custom" };
    for (size_t i = 0; i < sizeof member / sizeof member[0]; i++) {
        if (clade_rng_below(rng, 3) == 0) continue;
        clade_buffer_format(out, ",\"%s\":", member[i]);
        if (i < 2) {
            clade_buffer_format(out, "\"%s\"", PICK(rng, "u1", "u\\u0032", "null", "0"));
        } else if (i == 4) {
            clade_buffer_format(out, "\"%s\"",
                                PICK(rng, "Order Completed", "Product Viewed", "search",
                                     "Order Refunded", "Level Up"));
        } else {
            grow_value(out, rng, 0);
        }
    }
    clade_buffer_text(out, ",\"properties\":{\"order_id\":\"O\"");
    if (clade_rng_below(rng, 2) == 0)
        clade_buffer_text(out, ",\"revenue\":12.34,\"discount\":\"1,5\"");
    grow_products(out, rng);
    clade_buffer_text(out, ",\"more\":");
    grow_value(out, rng, 0);
    clade_buffer_text(out, "}}");
}

static void grow_ga4(clade_buffer *out, clade_rng *rng)
{
    const uint64_t n = clade_rng_below(rng, 4);
    clade_buffer_format(out, "{\"client_id\":\"%s\",\"timestamp_micros\":%s,\"consent\":",
                        PICK(rng, "c1", "c2", "0"), PICK(rng, "1795632000000000", "null", "\"x\""));
    grow_value(out, rng, 0);
    clade_buffer_text(out, ",\"user_properties\":");
    grow_value(out, rng, 0);
    clade_buffer_text(out, ",\"events\":[");
    for (uint64_t i = 0; i < n; i++) {
        clade_buffer_format(out, "%s{\"name\":\"%s\",\"params\":{\"value\":\"72,93\"",
                            i > 0 ? "," : "",
                            PICK(rng, "purchase", "view_item", "refund", "", "page_view"));
        grow_products(out, rng);
        clade_buffer_text(out, "}}");
    }
    clade_buffer_text(out, "]}");
}

static void grow_body(clade_buffer *out, clade_rng *rng, clade_tracking_endpoint endpoint)
{
    clade_buffer_clear(out);
    if (endpoint == CLADE_TRACKING_GA4) {
        grow_ga4(out, rng);
    } else if (endpoint != CLADE_TRACKING_BATCH) {
        grow_item(out, rng);
    } else {
        const uint64_t n = clade_rng_below(rng, 6);
        clade_buffer_text(out, "{\"writeKey\":\"SECRET\",\"context\":");
        grow_value(out, rng, 0);
        clade_buffer_text(out, ",\"batch\":[1]"); /* the second one counts */
        clade_buffer_text(out, ", \"batch\" : [");
        for (uint64_t i = 0; i < n; i++) {
            if (i > 0) clade_buffer_text(out, " , ");
            grow_item(out, rng);
        }
        clade_buffer_text(out, "],\"sentAt\":\"2026-11-25T18:39:58Z\"}");
    }
}

static void a_record_is_the_same_events_again_for_random_bodies(void **state)
{
    (void)state;
    clade_rng             rng  = clade_rng_stream(5, "test/records", 0);
    clade_buffer          body = { 0 }, record = { 0 };
    clade_tracking *const second  = clade_tracking_create(NULL);
    size_t                n_items = 0, n_accepted = 0, n_lines = 0;
    assert_non_null(second);
    for (int round = 0; round < 3000; round++) {
        const clade_tracking_endpoint endpoint =
            (clade_tracking_endpoint)clade_rng_below(&rng, CLADE_N_TRACKING_ENDPOINT);
        grow_body(&body, &rng, endpoint);
        const clade_status status =
            clade_tracking_read(&request, reader, endpoint, (clade_text){ body.data, body.size },
                                RECEIVED_US + round, NULL);
        if (status == CLADE_ERR_DATA) continue; /* a single call that is no object */
        check_ok(status);
        for (size_t i = 0; i < request.n_items; i++) {
            clade_tracking_request again;
            uint64_t               source = 0;
            clade_buffer_clear(&record);
            clade_tracking_record(&record, reader, &request, i, 77 + i);
            check_ok(clade_tracking_record_parse(&again, &source, second,
                                                 (clade_text){ record.data, record.size }, NULL));
            assert_int_equal(source, 77 + i);
            assert_int_equal(again.endpoint, endpoint);
            if (!same_item(&request.item[i], &again.item[0])) print_error("%s\n", body.data);
            assert_true(same_item(&request.item[i], &again.item[0]));
            assert_int_equal(again.write_key.size, 0);
            assert_null(memmem(record.data, record.size, "SECRET", 6));
            n_accepted += request.item[i].code == CLADE_TRACKING_OK;
            n_lines += request.item[i].n_events;
        }
        n_items += request.n_items;
    }
    assert_true(n_items > 3000 && n_accepted > 1000 && n_lines > n_accepted + 300);
    clade_tracking_free(second);
    clade_buffer_free(&body);
    clade_buffer_free(&record);
}

static void the_record_of_a_record_is_the_record(void **state)
{
    (void)state;
    clade_buffer           first = { 0 }, second = { 0 };
    uint64_t               source;
    clade_tracking_request again;
    read_body(CLADE_TRACKING_BATCH,
              "{\"batch\":[{},{\"type\":\"page\",\"userId\":\"u\",\"writeKey\":\"K\"}],"
              "\"sentAt\":\"2026-11-25T18:40:00Z\",\"x\":\"\\\"\"}");
    clade_tracking_record(&first, reader, &request, 1, 3);
    check_ok(clade_tracking_record_parse(&again, &source, reader,
                                         (clade_text){ first.data, first.size }, NULL));
    assert_int_equal(again.item[0].index, 1);
    clade_tracking_record(&second, reader, &again, 0, source);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    assert_string_equal(first.data + 24,
                        "{\"batch\":[{\"type\":\"page\",\"userId\":\"u\"}],\"sentAt\":"
                        "\"2026-11-25T18:40:00Z\",\"x\":\"\\\"\"}");
    clade_buffer_free(&first);
    clade_buffer_free(&second);
}

static void a_record_cut_short_or_of_a_newer_clade_is_refused(void **state)
{
    (void)state;
    clade_buffer           record = { 0 };
    uint64_t               source;
    clade_tracking_request again;
    read_body(CLADE_TRACKING_PAGE, "{\"userId\":\"u\"}");
    clade_tracking_record(&record, reader, &request, 0, 3);
    for (size_t size = 0; size < record.size; size++) {
        assert_int_equal(clade_tracking_record_parse(&again, &source, reader,
                                                     (clade_text){ record.data, size }, NULL),
                         CLADE_ERR_DATA);
    }
    record.data[0] = 2;
    assert_int_equal(clade_tracking_record_parse(&again, &source, reader,
                                                 (clade_text){ record.data, record.size }, NULL),
                     CLADE_ERR_VERSION);
    record.data[0] = 1;
    record.data[1] = CLADE_N_TRACKING_ENDPOINT;
    assert_int_equal(clade_tracking_record_parse(&again, &source, reader,
                                                 (clade_text){ record.data, record.size }, NULL),
                     CLADE_ERR_DATA);
    clade_buffer_free(&record);
}

/* ---------------------------------------------------------------- answers */

static void an_answer_tells_every_refusal_and_a_dry_run_every_note(void **state)
{
    (void)state;
    clade_buffer out = { 0 };
    read_body(CLADE_TRACKING_BATCH, "{\"batch\":[{\"type\":\"page\",\"userId\":\"u\"},{\"type\":"
                                    "\"track\",\"event\":\"x\",\"messageId\":"
                                    "\"m\\\"1\"},{\"type\":\"track\",\"userId\":\"u\",\"event\":"
                                    "\"Product Viewed\",\"properties\":"
                                    "{\"price\":\"72,93\"}}]}");
    clade_tracking_answer(&out, &request, false);
    assert_string_equal(
        out.data, "{\"success\":true,\"accepted\":2,\"rejected\":[{\"index\":1,\"messageId\":"
                  "\"m\\\"1\",\"code\":\"E_NO_IDENTITY\",\"hint\":\"Send userId or anonymousId "
                  "(GA4: client_id).\"}]}");
    clade_buffer_clear(&out);
    clade_tracking_answer(&out, &request, true);
    assert_non_null(
        strstr(out.data, "\"notes\":[{\"index\":2,\"field\":\"price\",\"value\":\"72,93\",\"code\":"
                         "\"N_NUMBER\""));
    clade_buffer_free(&out);
}

/* A body of 500 KB of nothing must not become an answer of 25 MB. */
static void an_answer_is_bounded_and_counts_the_rest(void **state)
{
    (void)state;
    clade_buffer body = { 0 }, out = { 0 };
    clade_buffer_text(&body, "{\"batch\":[0");
    for (int i = 1; i < 200000; i++)
        clade_buffer_text(&body, ",0");
    clade_buffer_text(&body, "]}");
    read_body(CLADE_TRACKING_BATCH, body.data);
    assert_int_equal(request.n_items, 200000);
    clade_tracking_answer(&out, &request, false);
    assert_true(out.size < 100000);
    assert_non_null(strstr(out.data, "\"rejectedMore\":199000"));
    clade_buffer_free(&body);
    clade_buffer_free(&out);
}

static void every_code_has_a_name_of_its_own_and_a_hint(void **state)
{
    (void)state;
    for (int a = 0; a < CLADE_N_TRACKING_CODE; a++) {
        const char *name = clade_tracking_code_name((clade_tracking_code)a);
        assert_non_null(name);
        assert_true(a == 0 || strlen(clade_tracking_code_hint((clade_tracking_code)a)) > 10);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(name, clade_tracking_code_name((clade_tracking_code)b));
    }
}

static void settings_name_the_key_and_the_host(void **state)
{
    (void)state;
    clade_buffer       out   = { 0 };
    clade_json_tree    tree  = { 0 };
    clade_arena *const arena = clade_arena_create(0);
    clade_tracking_settings(&out, CLADE_TEXT("W\"K"), "localhost:7070/v1", false);
    check_ok(clade_json_parse(&tree, (clade_text){ out.data, out.size }, arena, NULL));
    const clade_json_node *segment =
        clade_json_get(&tree, clade_json_get(&tree, &tree.node[0], "integrations"), "Segment.io");
    assert_non_null(segment);
    assert_true(is(clade_json_get(&tree, segment, "apiKey")->text, "W\"K"));
    assert_true(is(clade_json_get(&tree, segment, "apiHost")->text, "localhost:7070/v1"));
    assert_true(is(clade_json_get(&tree, segment, "protocol")->text, "http"));
    assert_non_null(clade_json_get(&tree, &tree.node[0], "plan"));
    clade_arena_free(arena);
    clade_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_the_same_events_again_for_random_bodies),
        cmocka_unit_test(the_record_of_a_record_is_the_record),
        cmocka_unit_test(a_record_cut_short_or_of_a_newer_clade_is_refused),
        cmocka_unit_test(an_answer_tells_every_refusal_and_a_dry_run_every_note),
        cmocka_unit_test(an_answer_is_bounded_and_counts_the_rest),
        cmocka_unit_test(every_code_has_a_name_of_its_own_and_a_hint),
        cmocka_unit_test(settings_name_the_key_and_the_host),
    };
    return cmocka_run_group_tests(tests, start_reader, stop_reader);
}
