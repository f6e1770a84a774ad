/*
 * kill -9 at random moments, again and again (CLADE_KILLS=100 for as many): every event that was
 * acknowledged is in the store exactly once. The server is a process of its own, as a user starts
 * it; the client sends batches whose orders say which event they are, sends the last one again when
 * it got no answer, and goes on.
 */
#include "serve_process.h"

#include "clade/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_KILLS = 15, BATCH = 25, MOST_MS = 120 };

static char          folder[256];
static serve_process server = { .pid = -1 };

static int make_folder(void **state)
{
    (void)state;
    check_folder_make(folder, "serve-crash");
    snprintf(server.workspace, sizeof server.workspace, "%s/shop.clade", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    serve_end(&server, SIGKILL);
    check_folder_remove(folder);
    return 0;
}

static const char *batch_of(uint64_t number)
{
    static clade_buffer body;
    clade_buffer_clear(&body);
    clade_buffer_text(&body, "{\"batch\":[");
    for (int i = 0; i < BATCH; i++) {
        const unsigned long long one = number * BATCH + (unsigned)i;
        clade_buffer_format(&body,
                            "%s{\"type\":\"track\",\"userId\":\"u%llu\",\"messageId\":\"m-%llu\","
                            "\"event\":\"Order Completed\",\"timestamp\":\"2024-03-05T10:00:00Z\","
                            "\"properties\":{\"order_id\":\"R%llu\",\"currency\":\"EUR\","
                            "\"products\":[{\"product_id\":\"p\",\"price\":2.5,\"quantity\":1}]}}",
                            i == 0 ? "" : ",", one % 97, one, one);
    }
    clade_buffer_text(&body, "]}");
    assert_false(body.failed);
    return body.data;
}

static const http_answer *send_batch(uint64_t number)
{
    return http_ask(server.port, "POST", "/v1/batch", server.key[CLADE_ROLE_WRITE], "",
                    batch_of(number));
}

/* A process whose whole work is the kill: at its moment, whatever the client does. */
static pid_t kill_later(int ms)
{
    const pid_t victim = server.pid, killer = fork();
    if (killer != 0) return killer;
    usleep((useconds_t)ms * 1000);
    kill(victim, SIGKILL);
    _exit(0);
}

static void acknowledged_events_are_in_the_store_exactly_once(void **state)
{
    (void)state;
    const char *const         given        = getenv("CLADE_KILLS");
    const int                 n_kills      = given == NULL ? DEFAULT_KILLS : atoi(given);
    clade_rng                 rng          = clade_rng_stream(11, "test/serve-crash", 0);
    const clade_store_options how          = { .memory_bytes = 256 << 20 };
    clade_store              *store        = NULL;
    uint64_t                  acknowledged = 0;
    int64_t                   n = 0, n_orders = 0;
    for (int i = 0; i < n_kills; i++) {
        serve_start(&server);
        const pid_t killer = kill_later(1 + (int)clade_rng_below(&rng, MOST_MS));
        /* A batch without an answer is sent again, to the next server. */
        while (send_batch(acknowledged)->status == 200)
            acknowledged++;
        waitpid(killer, NULL, 0);
        serve_end(&server, SIGKILL);
    }
    serve_start(&server); /* once more, to its end: what was left is replayed */
    assert_int_equal(send_batch(acknowledged)->status, 200);
    acknowledged++;
    serve_end(&server, SIGTERM);

    check_ok(clade_store_open(&store, server.workspace, &how, NULL));
    check_ok(clade_store_int(&n, store, "SELECT count(*) FROM event", NULL, 0, -1, NULL));
    check_ok(clade_store_int(&n_orders, store, "SELECT count(DISTINCT order_ref) FROM event", NULL,
                             0, -1, NULL));
    clade_store_close(store);
    print_message("%d kills, %llu batches acknowledged\n", n_kills,
                  (unsigned long long)acknowledged);
    assert_int_equal(n, (int64_t)acknowledged * BATCH);
    assert_int_equal(n_orders, n);
    assert_true(acknowledged > (uint64_t)n_kills / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_events_are_in_the_store_exactly_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
