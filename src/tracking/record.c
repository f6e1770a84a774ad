/* Records of the journal: a head of fixed size, and the request as if it had had this item alone.
 *
 *     byte 0     version, 1
 *     byte 1     endpoint
 *     bytes 2-3  0
 *     bytes 4-7  index of the item in its request
 *     8-15       received_us
 *     16-23      source
 *     24-        JSON: the request but for its write keys; its array holds the one item
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

static void write_value(clade_buffer *out, const clade_tracking *t, uint32_t cell)
{
    const clade_text raw   = clade_json_tape_raw(&t->tape, cell);
    const bool       quote = t->tape.cell[cell].type == CLADE_JSON_TEXT;
    clade_buffer_append(out, raw.data - quote, raw.size + 2 * (size_t)quote);
}

/* An object without its write key. Its member `list` is an array that holds `item` alone. */
static void write_object(clade_buffer *out, const clade_tracking *t, uint32_t object, uint32_t list,
                         uint32_t item)
{
    bool first = true;
    clade_buffer_append(out, "{", 1);
    CLADE_JSON_EACH_MEMBER(&t->tape, object, key)
    {
        const uint32_t value = key + 1;
        const int      found = clade__words_find(&t->words.top, clade_json_tape_raw(&t->tape, key));
        if (found == TOP_WRITE_KEY) continue;
        if (!first) clade_buffer_append(out, ",", 1);
        first = false;
        write_value(out, t, key);
        clade_buffer_append(out, ":", 1);
        if (list == 0 || value != list) {
            write_value(out, t, value);
            continue;
        }
        clade_buffer_append(out, "[", 1);
        if (t->tape.cell[item].type == CLADE_JSON_OBJECT) {
            write_object(out, t, item, 0, 0);
        } else {
            write_value(out, t, item);
        }
        clade_buffer_append(out, "]", 1);
    }
    clade_buffer_append(out, "}", 1);
}

/* The cell that starts at this byte: cells lie in the order of the text. */
static uint32_t cell_at(const clade_json_tape *tape, uint32_t at)
{
    size_t low = 0, high = tape->n;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (tape->cell[middle].at <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (uint32_t)low;
}

void clade_tracking_record(clade_buffer *out, const clade_tracking *t,
                           const clade_tracking_request *request, size_t item, uint64_t source)
{
    unsigned char head[HEAD_BYTES] = { RECORD_VERSION, (unsigned char)request->endpoint };
    put_number(head + 4, request->item[item].index, 4);
    put_number(head + 8, (uint64_t)request->received_us, 8);
    put_number(head + 16, source, 8);
    clade_buffer_append(out, head, sizeof head);
    const uint32_t list = clade__request_list(t);
    const uint32_t cell =
        cell_at(&t->tape, (uint32_t)(request->item[item].raw.data - t->tape.text));
    write_object(out, t, 0, list, cell);
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
