/* Live state sees an event when its record is durable, in the order of the journal, and no sooner.
 */
#include "check.h"
#include "server/intake.h"
#include "server/live.h"

#include "clade/run.h"

#include <string.h>

enum { EVENTS = 3000, ITEM_MAX = 16 };

static clade_server  server;
static clade__intake intake;

static int start(void **state)
{
    (void)state;
    clade_error err = { 0 };
    server.intake   = &intake;
    assert_true(clade__pending_start(&intake.pending));
    return clade__live_start(&server, &err) == CLADE_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    clade__pending_stop(&intake.pending);
    clade__live_stop(&server);
    return 0;
}

static void put_live(clade_buffer *out, const char *id)
{
    clade_buffer_clear(out);
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade__live_put(&json, clade__live_person(&server, id));
    clade_json_object_end(&json);
    assert_false(out->failed);
}

/* The texts are gone after this: what waits must have its own. */
static void add(uint64_t seq)
{
    char             item[ITEM_MAX];
    const clade_text user = clade_text_of("u");
    snprintf(item, sizeof item, "i%llu", (unsigned long long)seq);
    const clade_live_event event = {
        .kind = CLADE_LIVE_VIEW, .user_id = user, .item = clade_text_of(item), .at_us = (int64_t)seq
    };
    assert_true(clade__pending_add(&intake.pending, &event, seq));
    memset(item, 'x', sizeof item - 1);
}

static void what_is_not_durable_is_seen_by_nobody(void **state)
{
    (void)state;
    clade_rng    rng      = clade_rng_stream(3, "test/pending", 0);
    clade_buffer told     = { 0 };
    uint64_t     appended = 0, durable = 0;
    while (durable < EVENTS) {
        char want[64];
        for (uint64_t n = clade_rng_below(&rng, 40); n > 0 && appended < EVENTS; n--)
            add(++appended);
        if (appended > durable) durable += clade_rng_below(&rng, appended - durable + 1);
        clade__pending_apply(&server, durable);
        put_live(&told, "u");
        snprintf(want, sizeof want, "{\"live\":{\"events\":%llu,", (unsigned long long)durable);
        if (durable == 0)
            assert_string_equal(told.data, "{}");
        else
            assert_memory_equal(told.data, want, strlen(want));
        if (durable == 0) continue;
        /* the latest first: the order is the journal's */
        snprintf(want, sizeof want, "\"item\":\"i%llu\"", (unsigned long long)durable);
        const char *const first = strstr(told.data, "\"item\"");
        assert_non_null(first);
        assert_memory_equal(first, want, strlen(want));
    }
    clade_buffer_free(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_durable_is_seen_by_nobody),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
