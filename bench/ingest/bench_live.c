/* How many live events a second go into the tables?
 *
 *     live/B     batches of B events, each a transaction: views, searches and purchases of 20,000
 *                customers and 5,000 items, every one with a message of its own
 *     known/B    the same messages again: all of them are duplicates
 */
#include "bench.h"
#include "clade/ingest.h"
#include "clade/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_MADE = 20000, TEXT_BYTES = 48 };

static clade_store     *store;
static clade_live_sink *sink;
static clade_live_event event[N_MADE];
static char             text[N_MADE][4][TEXT_BYTES];
static uint64_t         next_key = 1;

static void make_events(void)
{
    for (size_t i = 0; i < N_MADE; i++) {
        clade_rng         rng = clade_rng_stream(5, "bench/live", i);
        clade_live_event *e   = &event[i];
        const uint64_t    one = clade_rng_below(&rng, 10);
        snprintf(text[i][0], TEXT_BYTES, "user-%llu",
                 (unsigned long long)clade_rng_below(&rng, 20000));
        snprintf(text[i][1], TEXT_BYTES, "SKU-%llu",
                 (unsigned long long)clade_rng_below(&rng, 5000));
        snprintf(text[i][2], TEXT_BYTES, "session-%llu", (unsigned long long)i / 12);
        snprintf(text[i][3], TEXT_BYTES, "%llu.%02llu",
                 (unsigned long long)clade_rng_below(&rng, 200),
                 (unsigned long long)clade_rng_below(&rng, 100));
        e->kind  = one == 0 ? CLADE_LIVE_PURCHASE : one == 1 ? CLADE_LIVE_SEARCH : CLADE_LIVE_VIEW;
        e->at_us = INT64_C(1700000000000000) + (int64_t)i * 37000;
        e->user_id = clade_text_of(text[i][0]);
        e->session = clade_text_of(text[i][2]);
        e->channel = CLADE_TEXT("web");
        e->device  = CLADE_TEXT("phone");
        if (one == 1) e->query = CLADE_TEXT("garden lamp");
        if (one == 1) continue;
        e->item     = clade_text_of(text[i][1]);
        e->category = CLADE_TEXT("home > light");
        e->price    = clade_text_of(text[i][3]);
        e->currency = CLADE_TEXT("EUR");
        if (one == 0) e->quantity = CLADE_TEXT("2");
        if (one == 0) e->order_ref = clade_text_of(text[i][2]);
    }
}

static void store_batches(size_t batch, size_t n)
{
    clade_live_report report;
    for (size_t from = 0; from < n; from += batch) {
        bench_ok(clade_live_store(&report, sink, event + from, batch, next_key, NULL));
        bench_keep(&report);
    }
}

static size_t total_of(size_t batch)
{
    return batch * 200 < N_MADE ? batch * 200 : N_MADE;
}

static void fresh(void *context)
{
    const size_t batch = *(const size_t *)context;
    for (size_t i = 0; i < total_of(batch); i++)
        event[i].message_key = next_key++;
    store_batches(batch, total_of(batch));
}

static void known(void *context)
{
    const size_t batch = *(const size_t *)context;
    store_batches(batch, total_of(batch));
}

int main(int argc, char **argv)
{
    const clade_store_options options    = { .create = true, .memory_bytes = INT64_C(1) << 30 };
    size_t                    size[]     = { 1, 100, 2000, 20000 };
    char                      folder[64] = "/tmp/clade-bench-live-XXXXXX", path[128], command[160];
    const struct bench_case   cases[]    = {
             { "live/1", fresh, &size[0], 200, "events" },
             { "live/100", fresh, &size[1], N_MADE, "events" },
             { "live/2000", fresh, &size[2], N_MADE, "events" },
             { "live/20000", fresh, &size[3], N_MADE, "events" },
             { "known/20000", known, &size[3], N_MADE, "events" },
    };
    if (mkdtemp(folder) == NULL) return 1;
    make_events();
    clade_log_set(CLADE_LOG_WARN);
    snprintf(path, sizeof path, "%s/my.clade", folder);
    bench_ok(clade_store_open(&store, path, &options, NULL));
    bench_ok(clade_live_open(&sink, store, 0, NULL));
    const int code = bench_main(argc, argv, cases, sizeof cases / sizeof cases[0]);
    clade_live_close(sink);
    clade_store_close(store);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? code : 1;
}
