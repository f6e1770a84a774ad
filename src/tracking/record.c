/* Records of the journal: a head of fixed size, and the request as if it had had this item alone.
 *
 *     byte 0     version, 1
 *     byte 1     endpoint
 *     bytes 2-3  0
 *     bytes 4-7  index of the item in its request
 *     8-15       received_us
 *     16-23      source
 *     24-        JSON: the request's members but for the write key; its array holds the one item
 *
 * Numbers are little-endian. So a record is read by the very code that reads a request, and cannot
 * come to mean anything else. */
#include "internal.h"

enum { RECORD_VERSION = 1, HEAD_BYTES = 24 };

static void put_number(unsigned char *out, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_number(const unsigned char *in, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

/* The members of the root: an array of items becomes this item alone. */
static void write_members(clade_buffer *out, const clade_tracking *t, clade_text item)
{
    const clade_json_tape *const tape  = &t->tape;
    const bool                   ga4   = t->endpoint == CLADE_TRACKING_GA4;
    const top_name               items = ga4 ? TOP_EVENTS : TOP_BATCH;
    const bool                   many  = ga4 || t->endpoint == CLADE_TRACKING_BATCH;
    bool                         first = true;
    clade_buffer_append(out, "{", 1);
    CLADE_JSON_EACH_MEMBER(tape, 0, key)
    {
        const clade_text name  = clade_json_tape_raw(tape, key);
        const clade_text value = clade_json_tape_raw(tape, key + 1);
        const int        found = clade__words_find(&t->words.top, name);
        if (found == TOP_WRITE_KEY) continue;
        const bool is_list = many && found == (int)items;
        if (is_list && t->envelope[items] != key + 1) continue; /* of two, the last counts */
        const bool is_text = tape->cell[key + 1].type == CLADE_JSON_TEXT;
        clade_buffer_append(out, first ? "\"" : ",\"", first ? 1 : 2);
        clade_buffer_append(out, name.data, name.size);
        clade_buffer_append(out, is_list ? "\":[" : "\":", is_list ? 3 : 2);
        if (is_text) clade_buffer_append(out, "\"", 1);
        clade_buffer_append(out, is_list ? item.data : value.data,
                            is_list ? item.size : value.size);
        if (is_text) clade_buffer_append(out, "\"", 1);
        if (is_list) clade_buffer_append(out, "]", 1);
        first = false;
    }
    clade_buffer_append(out, "}", 1);
}

/* The bytes of an item that is a text itself (and refused) are without their quotes. */
static clade_text whole_value(const clade_tracking *t, clade_text raw)
{
    const char *const start  = t->tape.text;
    const bool        quoted = raw.data > start && raw.data[-1] == '"' && raw.data[raw.size] == '"';
    return quoted && raw.data[0] != '{' ? (clade_text){ raw.data - 1, raw.size + 2 } : raw;
}

void clade_tracking_record(clade_buffer *out, const clade_tracking *t,
                           const clade_tracking_request *request, size_t item, uint64_t source)
{
    unsigned char head[HEAD_BYTES] = { RECORD_VERSION, (unsigned char)request->endpoint };
    put_number(head + 4, request->item[item].index, 4);
    put_number(head + 8, (uint64_t)request->received_us, 8);
    put_number(head + 16, source, 8);
    clade_buffer_append(out, head, sizeof head);
    write_members(out, t, whole_value(t, request->item[item].raw));
}

clade_status clade_tracking_record_parse(clade_tracking_request *out, uint64_t *out_source,
                                         clade_tracking *t, clade_text record, clade_error *err)
{
    const unsigned char *const head = (const unsigned char *)record.data;
    if (record.size < HEAD_BYTES)
        return clade_fail(err, CLADE_ERR_DATA, "a record of %zu bytes is cut short", record.size);
    if (head[0] > RECORD_VERSION) {
        return clade_fail(err, CLADE_ERR_VERSION,
                          "a record of version %d was written by a newer clade; this one knows %d",
                          head[0], RECORD_VERSION);
    }
    const int64_t received_us = (int64_t)get_number(head + 8, 8);
    if (head[0] == 0 || head[1] >= CLADE_N_TRACKING_ENDPOINT || received_us < CLADE_TIME_MIN_US ||
        received_us > CLADE_TIME_MAX_US) {
        return clade_fail(err, CLADE_ERR_DATA, "the head of a record holds what none can hold");
    }
    const clade_text body = { record.data + HEAD_BYTES, record.size - HEAD_BYTES };
    *out_source           = get_number(head + 16, 8);
    CLADE_TRY(clade__request_read(out, t, (clade_tracking_endpoint)head[1], body, received_us,
                                  (size_t)get_number(head + 4, 4), err));
    if (out->n_items != 1)
        return clade_fail(err, CLADE_ERR_DATA, "a record holds %zu items, not one", out->n_items);
    return CLADE_OK;
}
