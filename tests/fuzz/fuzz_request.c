/* Any bytes as a request, without a socket: the first byte is the method, then the target up to a
 * line feed, then the body. Routes, parameters, credentials, packed bodies, events and the writers
 * of answers. Whatever comes, an answer is JSON and a parameter is text. */
#include "fuzz.h"

#include "clade/inflate.h"
#include "clade/tracking.h"
#include "server/server_internal.h"

#include <string.h>

enum { UNPACKED_MAX = 1 << 16 };
static const int64_t RECEIVED_US = INT64_C(1795632010000000);

static void check_json(const clade_buffer *out, clade_arena *arena)
{
    clade_json_tree tree = { 0 };
    FUZZ_CHECK(!out->failed);
    FUZZ_CHECK(clade_json_parse(&tree, (clade_text){ out->data, out->size }, arena, NULL) ==
               CLADE_OK);
}

static void check_utf8(const char *text)
{
    FUZZ_CHECK(clade_utf8_valid(text, strlen(text)) == strlen(text));
}

static void ask_parameters(clade__request *q)
{
    static const char *const names[] = { "n", "limit", "cursor", "include", "api_secret" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *const value  = clade__query(q, names[i]);
        int64_t           number = 7;
        if (value != NULL) check_utf8(value);
        if (clade__query_int(&number, q, names[i], 10, 1, 1000))
            FUZZ_CHECK(number >= 1 && number <= 1000);
        else
            check_json(&q->out, q->arena);
    }
}

static void find_route(clade__request *q, char *target)
{
    if (clade__route_find(q, target) == CLADE__FOUND) {
        size_t n = 0;
        for (const char *at = q->route->pattern; (at = strchr(at, '{')) != NULL; at++)
            check_utf8(q->param[n++]);
        FUZZ_CHECK(q->route->method == q->method);
    } else {
        FUZZ_CHECK(q->route == NULL);
    }
    ask_parameters(q);
}

static void take_body(clade__request *q, clade_text body, clade_tracking *tracking)
{
    clade_tracking_request  request  = { 0 };
    clade_tracking_endpoint endpoint = CLADE_TRACKING_BATCH;
    clade_buffer            plain    = { 0 };
    clade_error             err      = { 0 };
    (void)clade_tracking_endpoint_of(&endpoint, clade_text_of(q->path));
    if (clade_inflate(&plain, body, UNPACKED_MAX, NULL) == CLADE_OK) {
        FUZZ_CHECK(plain.size <= UNPACKED_MAX);
        body = (clade_text){ plain.data == NULL ? "" : plain.data, plain.size };
    }
    if (clade_tracking_read(&request, tracking, endpoint, body, RECEIVED_US, &err) == CLADE_OK) {
        clade_buffer_clear(&q->out);
        clade_tracking_answer(&q->out, &request, true);
    } else {
        err.status = CLADE_ERR_DATA;
        clade__problem_of(q, &err);
    }
    check_json(&q->out, q->arena);
    clade_buffer_free(&plain);
}

/* The body's first bytes as numbers, all of it as a message. */
static void write_answers(clade__request *q, const char *body, size_t size)
{
    char       secret[CLADE__TOKEN];
    double     number = 0;
    int64_t    whole  = 0;
    const bool enough = size >= sizeof number;
    if (enough) memcpy(&number, body, sizeof number);
    if (enough) memcpy(&whole, body, sizeof whole);
    FUZZ_CHECK(clade__basic_user(secret, body) < sizeof secret);
    clade__problem(q, 400, "bad", "send another", "'%s' is nothing", body);
    check_json(&q->out, q->arena);
    clade_json json = clade__json(q);
    clade__put_rounded(&json, "value", number);
    clade__put_money(&json, "money", whole % INT64_C(1000000000000000), "EUR");
    clade__put_time(&json, "at", whole % INT64_C(253402300800000000));
    clade__json_end(q, &json);
    check_json(&q->out, q->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static clade_arena    *arena;
    static clade_tracking *tracking;
    clade__request         q = { .key = -1 };
    if (arena == NULL) {
        arena    = clade_arena_create(0);
        tracking = clade_tracking_create(NULL);
    }
    if (arena == NULL || tracking == NULL || size == 0) return 0;
    const clade_arena_mark mark = clade_arena_save(arena);
    const char *const      text = clade_arena_text(arena, (const char *)data + 1, size - 1);
    if (text == NULL) return 0;
    const char *const feed   = memchr(text, '\n', size - 1);
    const size_t      length = feed == NULL ? size - 1 : (size_t)(feed - text);
    char *const       target = clade_arena_text(arena, text, length);
    const char *const body   = feed == NULL ? text + length : feed + 1;
    q.arena                  = arena;
    q.method                 = (clade__method)(data[0] % (CLADE__DELETE + 1));
    find_route(&q, target);
    take_body(&q, (clade_text){ body, (size_t)(text + size - 1 - body) }, tracking);
    write_answers(&q, body, (size_t)(text + size - 1 - body));
    clade_buffer_free(&q.out);
    clade_arena_restore(arena, mark);
    return 0;
}
