/* How many events a second does one core read from the bodies that shops' clients send?
 *
 *     views      batches of 500 Product Viewed of 290 bytes, from a server's client
 *     browser    batches of 50 with the context of a browser, 890 bytes an event
 *     orders     batches of 100 Order Completed of three products, 530 bytes: three live events
 * each record     views written as records of the journal replay     those records read again, one
 * by one tape       JSON of the views onto the tape alone, beside ... tree       ... the same JSON
 * as a tree of nodes
 */
#include "bench.h"
#include "clade/json_tape.h"
#include "clade/tracking.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t RECEIVED_US = INT64_C(1795632010000000);

enum { N_VIEWS = 500, N_BROWSER = 50, N_ORDERS = 100 };

static clade_tracking *tracking;
static clade_buffer    views, browser, orders, record;
static size_t          record_end[N_VIEWS];

static void head(clade_buffer *out, int i)
{
    clade_buffer_format(
        out,
        "%s{\"type\":\"track\",\"userId\":\"u-%d\",\"timestamp\":\"2026-11-25T18:39:41.%03dZ\","
        "\"messageId\":\"node-next-1795631981249-22dd11c2-8009-4fc2-904a-%012d\",",
        i > 0 ? "," : "", i * 7919 % 100000, i % 1000, i);
}

static void make_bodies(void)
{
    clade_buffer_text(&views, "{\"batch\":[");
    clade_buffer_text(&browser, "{\"batch\":[");
    clade_buffer_text(&orders, "{\"batch\":[");
    for (int i = 0; i < N_VIEWS; i++) {
        head(&views, i);
        clade_buffer_format(
            &views,
            "\"event\":\"Product Viewed\",\"properties\":{\"product_id\":\"A%d\",\"category\":"
            "\"Games\",\"name\":\"Monopoly\",\"price\":18.99,\"quantity\":1,\"currency\":\"EUR\"}}",
            i % 77);
    }
    for (int i = 0; i < N_BROWSER; i++) {
        head(&browser, i);
        clade_buffer_format(
            &browser,
            "\"event\":\"Product "
            "Viewed\",\"properties\":{\"product_id\":\"A%d\",\"price\":18.99},\"context\":"
            "{\"page\":{\"path\":\"/p/A7\",\"referrer\":\"https://search.example/"
            "\",\"search\":\"?q=chess&utm_source="
            "news&utm_campaign=autumn&utm_medium=email\",\"title\":\"Shop\",\"url\":\"https://"
            "shop.example/p/A7?q="
            "chess&utm_source=news&utm_campaign=autumn&utm_medium=email\"},\"userAgent\":\"Mozilla/"
            "5.0 (X11; Linux "
            "x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
            "Safari/537.36\",\"locale\":\"en-US\","
            "\"campaign\":{\"source\":\"news\",\"name\":\"autumn\",\"medium\":\"email\"},"
            "\"timezone\":\"UTC\"},"
            "\"anonymousId\":\"10524387-3061-453d-9917-92462ead0e5c\"}",
            i % 77);
    }
    for (int i = 0; i < N_ORDERS; i++) {
        head(&orders, i);
        clade_buffer_format(
            &orders,
            "\"event\":\"Order Completed\",\"properties\":{\"order_id\":\"O-%d\",\"revenue\":41.27,"
            "\"shipping\":3,\"tax\":2,\"discount\":2.5,\"currency\":\"USD\",\"products\":["
            "{\"product_id\":\"A\",\"name\":\"Monopoly\",\"price\":19,\"quantity\":1},{\"product_"
            "id\":"
            "\"B\",\"name\":\"Uno\",\"price\":3.59,\"quantity\":3},{\"product_id\":\"C\",\"name\":"
            "\"Chess\",\"price\":14,\"quantity\":1}]}}",
            i);
    }
    clade_buffer_text(&views, "],\"sentAt\":\"2026-11-25T18:39:42Z\"}");
    clade_buffer_text(&browser, "],\"sentAt\":\"2026-11-25T18:39:42Z\"}");
    clade_buffer_text(&orders, "],\"sentAt\":\"2026-11-25T18:39:42Z\"}");
}

static void read_body(void *body)
{
    const clade_buffer *const buffer = body;
    clade_tracking_request    request;
    bench_ok(clade_tracking_read(&request, tracking, CLADE_TRACKING_BATCH,
                                 (clade_text){ buffer->data, buffer->size }, RECEIVED_US, NULL));
    if (request.n_accepted != request.n_items) abort();
    bench_keep(request.item);
}

static void write_records(void *unused)
{
    clade_tracking_request request;
    (void)unused;
    bench_ok(clade_tracking_read(&request, tracking, CLADE_TRACKING_BATCH,
                                 (clade_text){ views.data, views.size }, RECEIVED_US, NULL));
    clade_buffer_clear(&record);
    for (size_t i = 0; i < request.n_items; i++) {
        clade_tracking_record(&record, tracking, &request, i, 1);
        record_end[i] = record.size;
    }
    bench_keep(record.data);
}

static void read_records(void *unused)
{
    clade_tracking_request request;
    uint64_t               source;
    (void)unused;
    for (size_t i = 0, at = 0; i < N_VIEWS; at = record_end[i++]) {
        bench_ok(clade_tracking_record_parse(&request, &source, tracking,
                                             (clade_text){ record.data + at, record_end[i] - at },
                                             NULL));
    }
}

static void read_tape(void *unused)
{
    static clade_json_tape tape;
    (void)unused;
    bench_ok(clade_json_tape_read(&tape, (clade_text){ views.data, views.size }, NULL));
    bench_keep(tape.cell);
}

static void read_tree(void *unused)
{
    static clade_arena *arena;
    clade_json_tree     tree;
    (void)unused;
    if (arena == NULL) arena = clade_arena_create(1 << 20);
    const clade_arena_mark mark = clade_arena_save(arena);
    bench_ok(clade_json_parse(&tree, (clade_text){ views.data, views.size }, arena, NULL));
    bench_keep(tree.node);
    clade_arena_restore(arena, mark);
}

int main(int argc, char **argv)
{
    make_bodies();
    tracking = clade_tracking_create(NULL);
    if (tracking == NULL || views.failed || browser.failed || orders.failed) return 1;
    write_records(NULL);
    const struct bench_case cases[] = {
        { "tracking/views", read_body, &views, N_VIEWS, "events" },
        { "tracking/browser", read_body, &browser, N_BROWSER, "events" },
        { "tracking/orders", read_body, &orders, N_ORDERS, "events" },
        { "tracking/record", write_records, NULL, N_VIEWS, "events" },
        { "tracking/replay", read_records, NULL, N_VIEWS, "events" },
        { "tracking/tape", read_tape, NULL, (double)views.size, "bytes" },
        { "tracking/tree", read_tree, NULL, (double)views.size, "bytes" },
    };
    printf("bytes an event: views %.0f, browser %.0f, orders %.0f\n", (double)views.size / N_VIEWS,
           (double)browser.size / N_BROWSER, (double)orders.size / N_ORDERS);
    return bench_main(argc, argv, cases, sizeof cases / sizeof cases[0]);
}
