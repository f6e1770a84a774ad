/*
 * How long does one more event of a running visit take, and the chance of a purchase after it?
 *
 *     session/event   add the event to the visit
 *     session/score   features and blend, from a model that is loaded: CLADE_WORKSPACE names a
 *                     workspace where `clade predict WORKSPACE session` was run
 */
#include "bench.h"

#include "clade/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVENTS = 20 };

static clade_session_model        *model;
static clade_session_state         visit;
static const clade_session_visitor visitor = { 3, 12, 1, 40, "mobile", "web" };

static clade_session_event event_of(int k)
{
    return (clade_session_event){ .kind     = k % 7 == 6 ? CLADE_SESSION_CART : CLADE_SESSION_VIEW,
                                  .at_us    = INT64_C(1700000000000000) + k * INT64_C(20000000),
                                  .item     = (uint64_t)(1 + k % 11),
                                  .category = (uint64_t)(1 + k % 4),
                                  .price    = 12.5,
                                  .dwell_s  = 14 };
}

static void add_events(void *context)
{
    (void)context;
    clade_session_start(&visit, &visitor);
    for (int k = 0; k < EVENTS; k++) {
        const clade_session_event event = event_of(k);
        clade_session_add(&visit, &event);
    }
    bench_keep(&visit);
}

static void score_visit(void *context)
{
    double chance = NAN;
    (void)context;
    bench_ok(clade_session_score(&chance, model, &visit, NULL));
    bench_keep(&chance);
}

int main(int argc, char **argv)
{
    const char *const         path    = getenv("CLADE_WORKSPACE");
    const clade_store_options options = { .n_threads = 1, .memory_bytes = 512 << 20 };
    clade_store              *store   = NULL;
    const struct bench_case   cases[] = {
          { "session/event", add_events, NULL, EVENTS, "events" },
          { "session/score", score_visit, NULL, 1, "scores" },
    };
    if (path == NULL) {
        (void)fprintf(stderr, "CLADE_WORKSPACE names no workspace: events alone\n");
        return bench_main(argc, argv, cases, 1);
    }
    bench_ok(clade_store_open(&store, path, &options, NULL));
    bench_ok(clade_session_open(&model, store, NULL));
    add_events(NULL);
    const int code = bench_main(argc, argv, cases, 2);
    clade_session_model_free(model);
    clade_store_close(store);
    return code;
}
