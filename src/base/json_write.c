/* JSON out: commas and nesting are kept here, so that callers only say what comes next. */
#include "clade/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

clade_json clade_json_start(clade_buffer *out, int indent)
{
    clade_json json = { .out = out, .indent = indent };
    json.first[0]   = true;
    return json;
}

static void new_line(clade_json *json)
{
    if (json->indent == 0) return;
    clade_buffer_append(json->out, "\n", 1);
    for (int i = 0; i < json->depth * json->indent; i++)
        clade_buffer_append(json->out, " ", 1);
}

/* What stands between the value before and the one that comes. */
static void separate(clade_json *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (!json->first[json->depth]) clade_buffer_append(json->out, ",", 1);
    json->first[json->depth] = false;
    if (json->depth > 0) new_line(json);
}

static void open_container(clade_json *json, const char *bracket)
{
    separate(json);
    clade_buffer_append(json->out, bracket, 1);
    json->depth += 1;
    assert(json->depth < (int)(sizeof json->first / sizeof json->first[0]));
    json->first[json->depth] = true;
}

static void close_container(clade_json *json, const char *bracket)
{
    assert(json->depth > 0);
    const bool empty = json->first[json->depth];
    json->depth -= 1;
    if (!empty) new_line(json);
    clade_buffer_append(json->out, bracket, 1);
}

void clade_json_object(clade_json *json)
{
    open_container(json, "{");
}

void clade_json_object_end(clade_json *json)
{
    close_container(json, "}");
}

void clade_json_array(clade_json *json)
{
    open_container(json, "[");
}

void clade_json_array_end(clade_json *json)
{
    close_container(json, "]");
}

/* Invalid UTF-8 becomes U+FFFD: JSON must be valid whatever a shop's file held. */
static void write_escaped(clade_buffer *out, const char *data, size_t size)
{
    clade_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < size;) {
        const unsigned char c = (unsigned char)data[i];
        if (c == '"' || c == '\\') {
            clade_buffer_format(out, "\\%c", c);
            i += 1;
        } else if (c < 0x20) {
            if (c == '\n') {
                clade_buffer_text(out, "\\n");
            } else if (c == '\t') {
                clade_buffer_text(out, "\\t");
            } else {
                clade_buffer_format(out, "\\u%04x", c);
            }
            i += 1;
        } else {
            uint32_t     point;
            const size_t n = clade_utf8_decode(&point, data + i, size - i);
            if (n == 0) {
                clade_buffer_text(out, "\xEF\xBF\xBD");
                i += 1;
            } else {
                clade_buffer_append(out, data + i, n);
                i += n;
            }
        }
    }
    clade_buffer_append(out, "\"", 1);
}

void clade_json_key(clade_json *json, const char *key)
{
    separate(json);
    write_escaped(json->out, key, strlen(key));
    clade_buffer_text(json->out, json->indent > 0 ? ": " : ":");
    json->after_key = true;
}

void clade_json_text_n(clade_json *json, const char *data, size_t size)
{
    separate(json);
    write_escaped(json->out, data, size);
}

void clade_json_text(clade_json *json, const char *text)
{
    if (text == NULL) {
        clade_json_null(json);
    } else {
        clade_json_text_n(json, text, strlen(text));
    }
}

void clade_json_int(clade_json *json, int64_t value)
{
    separate(json);
    clade_buffer_format(json->out, "%" PRId64, value);
}

void clade_json_number(clade_json *json, double value)
{
    char text[40];
    if (!isfinite(value)) {
        clade_json_null(json);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    separate(json);
    clade_buffer_text(json->out, text);
}

void clade_json_bool(clade_json *json, bool value)
{
    separate(json);
    clade_buffer_text(json->out, value ? "true" : "false");
}

void clade_json_null(clade_json *json)
{
    separate(json);
    clade_buffer_text(json->out, "null");
}

void clade_json_raw(clade_json *json, const char *data, size_t size)
{
    separate(json);
    clade_buffer_append(json->out, data, size);
}

void clade_json_put_text(clade_json *json, const char *key, const char *text)
{
    clade_json_key(json, key);
    clade_json_text(json, text);
}

void clade_json_put_int(clade_json *json, const char *key, int64_t value)
{
    clade_json_key(json, key);
    clade_json_int(json, value);
}

void clade_json_put_number(clade_json *json, const char *key, double value)
{
    clade_json_key(json, key);
    clade_json_number(json, value);
}

void clade_json_put_bool(clade_json *json, const char *key, bool value)
{
    clade_json_key(json, key);
    clade_json_bool(json, value);
}
