/* HTTPS with a certificate of the test's own, asked by curl, which checks it. Skipped with a word
 * where openssl or curl is not installed. */
#include "http_client.h"

#include "clade/run.h"

#include <stdlib.h>
#include <string.h>

static char        folder[256], cert[300], key[300];
static http_server server;

static bool make_certificate(void)
{
    char out[4096];
    if (check_run(out, sizeof out, "openssl version && curl --version") != 0) return false;
    assert_int_equal(check_run(out, sizeof out,
                               "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "
                               "/CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout '%s' "
                               "-out '%s' 2>&1",
                               key, cert),
                     0);
    return true;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(&server);
    check_folder_remove(folder);
    return 0;
}

static int start(void **state)
{
    (void)state;
    char                       path[300];
    const clade_server_options options = { .cert = cert, .key = key };
    clade_log_set(CLADE_LOG_QUIET);
    snprintf(path, sizeof path, "%s/shop.clade", folder);
    http_server_start(&server, path, &options);
    return 0;
}

static void curl_trusts_the_certificate_and_is_answered(void **state)
{
    (void)state;
    char      out[4096];
    const int code =
        check_run(out, sizeof out,
                  "curl -sS --noproxy '*' --max-time 20 --cacert '%s' -w '%%{http_code}' "
                  "https://127.0.0.1:%d/livez 2>&1",
                  cert, server.port);
    if (code != 0) print_error("%s\n", out);
    assert_int_equal(code, 0);
    assert_non_null(strstr(out, "200"));
}

static void an_event_over_https_is_acknowledged(void **state)
{
    (void)state;
    char out[4096];
    assert_int_equal(check_run(out, sizeof out,
                               "curl -sS --noproxy '*' --max-time 20 --cacert '%s' -u '%s:' -d "
                               "'{\"userId\":\"u\",\"event\":\"Login\",\"messageId\":\"t-1\"}' "
                               "https://127.0.0.1:%d/v1/track 2>&1",
                               cert, server.key[CLADE_ROLE_WRITE], server.port),
                     0);
    assert_non_null(strstr(out, "\"accepted\":1"));
}

static void plain_http_at_the_port_of_https_gets_nothing(void **state)
{
    (void)state;
    assert_int_equal(http_ask(server.port, "GET", "/livez", NULL, "", NULL)->status, 0);
    curl_trusts_the_certificate_and_is_answered(state);
}

static void a_key_that_is_not_the_certificates_is_one_sentence(void **state)
{
    (void)state;
    clade_error                err     = { 0 };
    clade_store               *store   = NULL;
    clade_server              *other   = NULL;
    const clade_store_options  how     = { .create = true, .memory_bytes = 256 << 20 };
    const clade_server_options options = { .cert = cert, .key = cert };
    char                       path[300];
    snprintf(path, sizeof path, "%s/other.clade", folder);
    check_ok(clade_store_open(&store, path, &how, &err));
    assert_int_equal(clade_server_create(&other, store, &options, &err), CLADE_ERR_ENGINE);
    assert_non_null(strstr(err.message, "HTTPS cannot start with"));
    assert_null(other);
    clade_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl_trusts_the_certificate_and_is_answered),
        cmocka_unit_test(an_event_over_https_is_acknowledged),
        cmocka_unit_test(plain_http_at_the_port_of_https_gets_nothing),
        cmocka_unit_test(a_key_that_is_not_the_certificates_is_one_sentence),
    };
    check_folder_make(folder, "tls");
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    if (!make_certificate()) {
        print_message("skipped: openssl and curl are not both installed\n");
        check_folder_remove(folder);
        return 77;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
