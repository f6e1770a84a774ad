/*
 * The clients that shops run, unmodified from npm: what they send arrives once, with the right
 * fields and times, also when the server is killed in the middle; OpenFeature's SDK reads segments
 * as flags; and a public linter likes the document. Skipped with a word where npm cannot install
 * them.
 */
#include "serve_process.h"

#include "clade/run.h"
#include "clade/time.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ORDERS = 60, MANY = 3000 };

static char          folder[256], modules[600];
static serve_process server = { .pid = -1 };

/* Beside the build, so that the second run finds them. */
static bool install(void)
{
    static char       out[16384];
    const char *const source = getenv("CLADE_SOURCE"), *const binary = getenv("CLADE_BINARY");
    snprintf(modules, sizeof modules, "%.*s/npm-clients", (int)(strrchr(binary, '/') - binary),
             binary);
    const int code =
        check_run(out, sizeof out,
                  "mkdir -p '%s' && cp '%s/tests/server/clients/package.json' '%s' && "
                  "cd '%s' && { cmp -s package.json installed.json || { timeout 280 npm "
                  "install --silent --no-audit --no-fund --ignore-scripts && cp "
                  "package.json installed.json; }; } && node --version",
                  modules, source, modules, modules);
    if (code == 0) return true;
    print_message("skipped: npm could not install the clients\n");
    return false;
}

static int start(void **state)
{
    (void)state;
    clade_log_set(CLADE_LOG_QUIET);
    check_folder_make(folder, "clients");
    snprintf(server.workspace, sizeof server.workspace, "%s/shop.clade", folder);
    serve_start(&server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    serve_end(&server, SIGKILL);
    check_folder_remove(folder);
    return 0;
}

static void client_command(char *out, size_t size, const char *client, const char *prefix, int n)
{
    snprintf(out, size,
             "NODE_PATH='%s/node_modules' node '%s/tests/server/clients/send.js' '%s' "
             "http://127.0.0.1:%d %s %s %d",
             modules, getenv("CLADE_SOURCE"), client, server.port, server.key[CLADE_ROLE_WRITE],
             prefix, n);
}

static const char orders_sql[] =
    "SELECT count(*) FROM event WHERE kind = 'purchase' AND starts_with(order_ref, ?)";
static const char right_sql[] =
    "SELECT count(DISTINCT order_ref) FROM event WHERE kind = 'purchase' AND "
    "starts_with(order_ref, "
    "?) AND amount_minor = 1285 AND currency = 'EUR' AND abs(at_us - 1709632800000000) < 60000000";

/* The stopped server's store has each order once, and right; then it is served again. */
static void check_stored(const char *prefix, int64_t n)
{
    const clade_store_options how    = { .memory_bytes = 256 << 20 };
    const clade_value         args[] = { CLADE_STR(prefix) };
    clade_store              *store  = NULL;
    int64_t                   orders = -1, right = -1;
    serve_end(&server, SIGTERM);
    check_ok(clade_store_open(&store, server.workspace, &how, NULL));
    check_ok(clade_store_int(&orders, store, orders_sql, args, 1, -1, NULL));
    check_ok(clade_store_int(&right, store, right_sql, args, 1, -1, NULL));
    clade_store_close(store);
    serve_start(&server);
    assert_int_equal(orders, n);
    assert_int_equal(right, n);
}

static void check_client(const char *client, const char *prefix)
{
    static char out[16384];
    char        line[1500];
    client_command(line, sizeof line, client, prefix, ORDERS);
    if (check_run(out, sizeof out, "%s", line) != 0) {
        print_error("%s: %s\n", client, out);
        fail();
    }
    check_stored(prefix, ORDERS);
}

static void segments_client_arrives_once_with_its_times(void **state)
{
    (void)state;
    check_client("@segment/analytics-node", "segment");
}

static void segments_older_client_arrives_once_with_its_times(void **state)
{
    (void)state;
    check_client("analytics-node", "older");
}

static void the_client_of_customer_io_arrives_once_with_its_times(void **state)
{
    (void)state;
    check_client("@customerio/cdp-analytics-node", "cio");
}

static void nothing_is_lost_or_doubled_when_the_server_is_killed_in_the_middle(void **state)
{
    (void)state;
    static char out[16384];
    char        line[1500];
    client_command(line, sizeof line, "@segment/analytics-node", "killed", MANY);
    assert_int_equal(check_run(out, sizeof out,
                               "( %s > '%s/client.log' 2>&1; echo $? > "
                               "'%s/client.code' ) &",
                               line, folder, folder),
                     0);
    for (int i = 0; i < 3; i++) {
        usleep(700000);
        serve_end(&server, SIGKILL);
        serve_start(&server);
    }
    const double end = clade_seconds() + 120;
    do {
        usleep(200000);
    } while (check_run(out, sizeof out, "cat '%s/client.code'", folder) != 0 &&
             clade_seconds() < end);
    assert_int_equal(atoi(out), 0);
    check_stored("killed", MANY);
}

static void openfeature_is_told_that_a_flag_is_unknown(void **state)
{
    (void)state;
    static char out[16384];
    assert_int_equal(check_run(out, sizeof out,
                               "NODE_PATH='%s/node_modules' node "
                               "'%s/tests/server/clients/flags.js' http://127.0.0.1:%d %s u1 "
                               "rfm:champions",
                               modules, getenv("CLADE_SOURCE"), server.port,
                               server.key[CLADE_ROLE_READ]),
                     0);
    assert_non_null(strstr(out, "\"none\":\"FLAG_NOT_FOUND\""));
}

static void a_public_linter_finds_nothing_wrong_with_the_document(void **state)
{
    (void)state;
    static char out[16384];
    const int   code =
        check_run(out, sizeof out,
                  "cd '%s' && REDOCLY_TELEMETRY=off CI=1 node_modules/.bin/redocly lint "
                  "--format=stylish '%s/src/server/openapi.json'",
                  modules, getenv("CLADE_SOURCE"));
    if (code != 0) print_error("%s\n", out);
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_client_arrives_once_with_its_times),
        cmocka_unit_test(segments_older_client_arrives_once_with_its_times),
        cmocka_unit_test(the_client_of_customer_io_arrives_once_with_its_times),
        cmocka_unit_test(nothing_is_lost_or_doubled_when_the_server_is_killed_in_the_middle),
        cmocka_unit_test(openfeature_is_told_that_a_flag_is_unknown),
        cmocka_unit_test(a_public_linter_finds_nothing_wrong_with_the_document),
    };
    if (!install()) return 77;
    return cmocka_run_group_tests(tests, start, stop);
}
