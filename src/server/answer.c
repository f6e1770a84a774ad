/* Answers: JSON, problems by RFC 9457, ETags. */
#include "server_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A message may quote what a client sent; bytes that are no UTF-8 must not reach a JSON text. */
static void valid_text(char *text)
{
    const size_t size = strlen(text);
    for (size_t good = clade_utf8_valid(text, size); good < size;
         good += clade_utf8_valid(text + good, size - good))
        text[good] = '?';
}

void clade__problem(clade__request *q, unsigned status, const char *code, const char *hint,
                    const char *format, ...)
{
    char       detail[1024];
    va_list    arguments;
    clade_json json;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    valid_text(detail);
    clade_buffer_clear(&q->out);
    json = clade_json_start(&q->out, 0);
    clade_json_object(&json);
    clade_json_put_text(&json, "type", "about:blank");
    clade_json_put_text(&json, "title", code);
    clade_json_put_int(&json, "status", status);
    clade_json_put_text(&json, "detail", detail);
    clade_json_put_text(&json, "code", code);
    if (hint != NULL && hint[0] != '\0') clade_json_put_text(&json, "hint", hint);
    clade_json_object_end(&json);
    q->status       = status;
    q->content_type = "application/problem+json";
}

void clade__problem_of(clade__request *q, const clade_error *err)
{
    static const unsigned status[CLADE_N_STATUS] = {
        [CLADE_ERR_ARG] = 400,         [CLADE_ERR_IO] = 503,        [CLADE_ERR_NOMEM] = 503,
        [CLADE_ERR_DATA] = 422,        [CLADE_ERR_NOT_FOUND] = 404, [CLADE_ERR_NOT_READY] = 409,
        [CLADE_ERR_BUSY] = 503,        [CLADE_ERR_VERSION] = 409,   [CLADE_ERR_REFUSED] = 403,
        [CLADE_ERR_INTERRUPTED] = 503, [CLADE_ERR_ENGINE] = 500,
    };
    const unsigned known = status[err->status] == 0 ? 500 : status[err->status];
    if (known >= 500) clade_log(CLADE_LOG_WARN, "%s", err->message);
    clade__problem(q, known, clade_status_name(err->status), err->hint, "%s", err->message);
}

clade_json clade__json(clade__request *q)
{
    clade_buffer_clear(&q->out);
    clade_json json = clade_json_start(&q->out, 0);
    clade_json_object(&json);
    q->status       = 200;
    q->content_type = "application/json";
    return json;
}

void clade__json_end(clade__request *q, clade_json *json)
{
    (void)q;
    clade_json_object_end(json);
}

void clade__etag(clade__request *q)
{
    char              tag[24];
    const char *const known = clade__header(q, "If-None-Match");
    if (q->status != 200) return;
    snprintf(tag, sizeof tag, "\"%016llx\"",
             (unsigned long long)clade_hash64(q->out.data, q->out.size, 0));
    clade__header_set(q, "ETag", "%s", tag);
    clade__header_set(q, "Cache-Control", "no-cache");
    if (known != NULL && strstr(known, tag) != NULL) q->status = 304;
}

void clade__put_time(clade_json *json, const char *key, int64_t us)
{
    char text[40];
    if (us == INT64_MIN) {
        clade_json_put_text(json, key, NULL);
        return;
    }
    clade_time_format(text, us);
    clade_json_put_text(json, key, text);
}

void clade__put_money(clade_json *json, const char *key, int64_t minor, const char *currency)
{
    char text[40];
    clade_money_format(text, minor, currency[0] == '\0' ? "USD" : currency, false);
    clade_json_put_text(json, key, text);
}

/* Three digits behind the point: enough to act on, too few to copy a model by asking. By whole
 * numbers, because an answer holds dozens of them. */
void clade__put_rounded(clade_json *json, const char *key, double value)
{
    char     text[32];
    size_t   at = sizeof text;
    uint64_t left;
    int      digits = 3;
    clade_json_key(json, key);
    if (!isfinite(value) || fabs(value) >= 1e14) {
        clade_json_number(json, value);
        return;
    }
    const int64_t thousandths = llround(value * 1000);
    for (left = (uint64_t)llabs(thousandths); digits > 0 && left % 10 == 0; digits--)
        left /= 10;
    for (; digits > 0; digits--, left /= 10) {
        text[--at] = (char)('0' + left % 10);
        if (digits == 1) text[--at] = '.';
    }
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (thousandths < 0) text[--at] = '-';
    clade_json_raw(json, text + at, sizeof text - at);
}
