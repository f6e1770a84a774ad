/* What unmodified clients of npm send: the bodies in tests/golden/tracking, captured on the wire.
 */
#include "same_events.h"
#include "tracking_help.h"

/* A body, with the moment of arrival two seconds behind the last time in it. */
static char body[8192];

static void read_golden(clade_tracking_endpoint endpoint, const char *name)
{
    char        path[512];
    const char *source = getenv("CLADE_SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden/tracking/%s.json", source == NULL ? "." : source,
             name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(body, 1, sizeof body - 1, file);
    assert_int_equal(fclose(file), 0);
    body[size] = '\0';
    int64_t received_us;
    check_ok(clade_time_parse(&received_us, "2026-11-25T19:00:00Z", NULL));
    check_ok(clade_tracking_read(&request, reader, endpoint, (clade_text){ body, size },
                                 received_us, NULL));
    assert_int_equal(request.n_accepted, request.n_items);
}

static void check_order(const clade_tracking_item *item)
{
    assert_int_equal(item->n_events, 2);
    const clade_live_event *e = item->event;
    assert_int_equal(e->kind, CLADE_LIVE_PURCHASE);
    assert_true(is(e[0].amount, "17.10"));
    assert_true(is(e[1].amount, "5.40"));
    assert_true(is(e[1].item, "505bd76785ebb509fc183733"));
    assert_true(is(e[1].order_ref, "O-1"));
}

/* The calls of a server's client, from the second one on. */
static void check_calls(const clade_tracking_item *item, size_t n)
{
    static const struct {
        clade_live_kind kind;
        const char     *name;
    } wanted[] = {
        { CLADE_LIVE_VIEW, "Product Viewed" },
        { CLADE_LIVE_SEARCH, "Products Searched" },
        { CLADE_LIVE_PURCHASE, "Order Completed" },
        { CLADE_LIVE_VIEW, "page" },
        { CLADE_LIVE_VIEW, "screen" },
        { CLADE_LIVE_CUSTOM, "group" },
        { CLADE_LIVE_ALIAS, "alias" },
    };
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++) {
        const clade_live_event *e = item[i].event;
        assert_int_equal(e->kind, wanted[i].kind);
        assert_true(is(e->name, wanted[i].name));
        assert_true(item[i].message_id.size >= 36);
        assert_int_equal(item[i].key,
                         clade_hash64(item[i].message_id.data, item[i].message_id.size, 0));
        if (i != 1) assert_true(is(e->user_id, "u-4711"));
    }
    assert_true(is(item[0].event->price, "18.99"));
    assert_true(is(item[0].event->currency, "EUR"));
    assert_true(is(item[1].event->query, "blue \"hotpants\" \xE2\x80\xA8"));
    assert_true(is(item[1].event->anonymous_id, "an-0815"));
    check_order(&item[2]);
    assert_true(is(item[6].event->previous_id, "an-0815"));
}

static void check_identify(const clade_live_event *e)
{
    assert_int_equal(e->kind, CLADE_LIVE_IDENTIFY);
    assert_true(is(e->person_name, "Gr\xC3\xBC\xC3\x9F"
                                   "e Zo\xC3\xAB \xE5\xBC\xA0\xE4\xBC\x9F"));
    assert_true(is(e->email, "zoe@example.com"));
    assert_true(is(e->address, "K\xC3\xB6ln, DE"));
    assert_true(is(TRAIT_OF(e, "plan"), "gold"));
    assert_true(is(TRAIT_OF(e, "age"), "37"));
}

/* sentAt 18:39:41.265, the first timestamp 18:39:41.248: 17 ms before it came. */
static void segments_client_for_node(void **state)
{
    (void)state;
    read_golden(CLADE_TRACKING_BATCH, "segment-analytics-node-3.1.0.batch");
    assert_true(is(request.write_key, "WK_TEST_0123456789"));
    check_identify(request.item[0].event);
    assert_int_equal(request.item[0].event->at_us, request.received_us - 17000);
    check_calls(request.item + 1, request.n_items - 1);
}

static void segments_former_client_for_node(void **state)
{
    (void)state;
    read_golden(CLADE_TRACKING_BATCH, "analytics-node-6.2.0.first.batch");
    assert_int_equal(request.n_items, 1);
    check_identify(request.item[0].event);
    assert_int_equal(request.item[0].event->at_us, request.received_us - 10000);
    read_golden(CLADE_TRACKING_BATCH, "analytics-node-6.2.0.batch");
    check_calls(request.item, request.n_items);
}

/* It sends no sentAt: its timestamps count as they are. */
static void customer_ios_client_for_node(void **state)
{
    (void)state;
    int64_t at_us;
    read_golden(CLADE_TRACKING_BATCH, "customerio-cdp-analytics-node-0.5.9.batch");
    check_identify(request.item[0].event);
    check_ok(clade_time_parse(&at_us, "2026-11-25T18:39:47.603Z", NULL));
    assert_int_equal(request.item[0].event->at_us, at_us);
    check_calls(request.item + 1, request.n_items - 1);
}

static void rudderstacks_client_for_node(void **state)
{
    (void)state;
    read_golden(CLADE_TRACKING_BATCH, "rudder-sdk-node-3.0.13.batch");
    check_calls(request.item, request.n_items);
    assert_true(is(request.item[0].event->channel, "server"));
    assert_int_equal(request.item[0].event->at_us, request.received_us - 1715000);
}

static void segments_client_for_browsers(void **state)
{
    (void)state;
    static const struct {
        const char             *file;
        clade_tracking_endpoint endpoint;
        clade_live_kind         kind;
    } calls[] = {
        { "i", CLADE_TRACKING_IDENTIFY, CLADE_LIVE_IDENTIFY },
        { "t", CLADE_TRACKING_TRACK, CLADE_LIVE_VIEW },
        { "t2", CLADE_TRACKING_TRACK, CLADE_LIVE_PURCHASE },
        { "g", CLADE_TRACKING_GROUP, CLADE_LIVE_CUSTOM },
        { "a", CLADE_TRACKING_ALIAS, CLADE_LIVE_ALIAS },
        { "s", CLADE_TRACKING_SCREEN, CLADE_LIVE_VIEW },
        { "p", CLADE_TRACKING_PAGE, CLADE_LIVE_VIEW },
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char name[100];
        snprintf(name, sizeof name, "segment-analytics-next-1.84.3.%s", calls[i].file);
        read_golden(calls[i].endpoint, name);
        const clade_live_event *e = request.item[0].event;
        assert_int_equal(e->kind, calls[i].kind);
        assert_true(is(request.write_key, "WK"));
        assert_true(is(e->user_id, "u-4711"));
        assert_int_equal(e->anonymous_id.size, 36);
        assert_true(is(e->channel, "web"));
        assert_true(is(PROPERTY(e, "campaign.name"), "autumn"));
        assert_true(is(PROPERTY(e, "page.path"), "/p/A7"));
        assert_true(is(PROPERTY(e, "locale"), "en-US"));
        assert_int_equal(request.n_notes, 0);
    }
}

/* A batch of the browser has a write key in every item: no record keeps one. */
static void batches_of_browsers_and_their_records(void **state)
{
    (void)state;
    static const char *const names[] = { "segment-analytics-next-1.84.3.b",
                                         "segment-analytics-next-1.84.3.b2" };
    clade_tracking *const    second  = clade_tracking_create(NULL);
    clade_buffer             record  = { 0 };
    size_t                   n       = 0;
    assert_non_null(second);
    for (size_t f = 0; f < 2; f++) {
        read_golden(CLADE_TRACKING_BATCH, names[f]);
        for (size_t i = 0; i < request.n_items; i++) {
            clade_tracking_request again;
            uint64_t               source;
            clade_buffer_clear(&record);
            clade_tracking_record(&record, reader, &request, i, 1);
            assert_null(strstr(record.data + 24, "writeKey"));
            check_ok(clade_tracking_record_parse(&again, &source, second,
                                                 (clade_text){ record.data, record.size }, NULL));
            assert_true(same_item(&request.item[i], &again.item[0]));
        }
        n += request.n_items;
    }
    assert_int_equal(n, 7);
    clade_tracking_free(second);
    clade_buffer_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_client_for_node),
        cmocka_unit_test(segments_former_client_for_node),
        cmocka_unit_test(customer_ios_client_for_node),
        cmocka_unit_test(rudderstacks_client_for_node),
        cmocka_unit_test(segments_client_for_browsers),
        cmocka_unit_test(batches_of_browsers_and_their_records),
    };
    return cmocka_run_group_tests(tests, start_reader, stop_reader);
}
