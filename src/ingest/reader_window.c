/* The piece of text that is being cut into rows, as UTF-8. Rows are borrowed from it, so it grows
 * to hold the longest one and is moved to its front before each block that is read behind it. */
#include "reader_parts.h"

#include <stdlib.h>

enum { STAGE_BYTES = 1 << 18 }; /* undecoded bytes taken at once */

/* Where the first byte above 0x7f stands, or size. */
static size_t find_high(const char *data, size_t size)
{
    size_t i = 0;
    for (; i + 32 <= size; i += 32) {
        uint64_t word[4];
        memcpy(word, data + i, sizeof word);
        if (((word[0] | word[1] | word[2] | word[3]) & 0x8080808080808080u) != 0) break;
    }
    while (i < size && (unsigned char)data[i] < 0x80)
        i++;
    return i;
}

static clade_status make_room(clade__window *window, size_t room, clade_error *err)
{
    const size_t used = window->end - window->begin;
    if (window->begin > 0 && used > 0) memmove(window->data, window->data + window->begin, used);
    window->begin = 0;
    window->end   = used;
    if (used + room <= window->capacity) return CLADE_OK;

    size_t capacity = window->capacity == 0 ? room : window->capacity;
    while (capacity < used + room)
        capacity *= 2;
    char *data = realloc(window->data, capacity + CLADE__WINDOW_SLACK);
    if (data == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu bytes of text", capacity);
    }
    window->data     = data;
    window->capacity = capacity;
    return CLADE_OK;
}

/* The start of a file was ASCII, and now other bytes come: only here can be told what they are. */
static clade_status settle_encoding(clade__window *window, const char *data, size_t size,
                                    clade_error *err)
{
    size_t                bom;
    const clade__encoding encoding = clade__encoding_guess(&bom, data, size);
    window->seen_high              = true;
    if (encoding != CLADE__GB18030 && encoding != CLADE__WINDOWS1252) return CLADE_OK;
    return clade__decoder_open(&window->decoder, encoding, err);
}

static clade_status fill_plain(clade__window *window, clade_error *err)
{
    size_t size = 0;
    CLADE_TRY(make_room(window, CLADE__BLOCK_BYTES, err));
    char *const to = window->data + window->end;
    CLADE_TRY(clade__source_read(to, &size, window->source, CLADE__BLOCK_BYTES, err));
    if (size == 0) window->at_end = true;

    const size_t high = window->seen_high ? 0 : find_high(to, size);
    if (!window->seen_high && high < size) {
        CLADE_TRY(settle_encoding(window, to + high, size - high, err));
        if (window->decoder.encoding != CLADE__UTF8) {
            /* Decode what was read too far, from the first byte that asked for it. */
            char *rest = malloc(size - high);
            if (rest == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a block");
            memcpy(rest, to + high, size - high);
            window->end += high;
            clade_status status = make_room(window, clade__decoder_room(size - high), err);
            if (status == CLADE_OK) {
                window->end += clade__decoder_run(window->data + window->end, &window->decoder,
                                                  rest, size - high);
                window->dirty = true;
            }
            free(rest);
            return status;
        }
    }
    window->end += size;
    return CLADE_OK;
}

static clade_status fill_decoded(clade__window *window, clade_error *err)
{
    size_t size = 0;
    if (window->stage == NULL) {
        window->stage = malloc(STAGE_BYTES);
        if (window->stage == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a block");
    }
    CLADE_TRY(clade__source_read(window->stage, &size, window->source, STAGE_BYTES, err));
    CLADE_TRY(make_room(window, clade__decoder_room(size), err));
    window->end +=
        clade__decoder_run(window->data + window->end, &window->decoder, window->stage, size);
    window->dirty = true;
    if (size == 0) window->at_end = true;
    return CLADE_OK;
}

/* A block that is clean as a whole spares its rows the question. A character may be cut by its end:
 * three bytes at most are then left to the next look, which starts at the same place. */
static void look_for_dirt(clade__window *window, size_t from)
{
    const char  *data = window->data + from;
    const size_t size = window->end - from;
    if (window->dirty || size == 0) return;
    if (memchr(data, '\0', size) != NULL) window->dirty = true;
    if (!window->seen_high || window->dirty) return;

    size_t start = from > window->begin + 3 ? from - 3 : window->begin;
    while (start < from && ((unsigned char)window->data[start] & 0xc0) == 0x80)
        start++;
    const size_t valid = start + clade_utf8_valid(window->data + start, window->end - start);
    if (valid + 3 < window->end || (valid < window->end && window->at_end)) window->dirty = true;
}

clade_status clade__window_fill(clade__window *window, clade_error *err)
{
    const size_t held = window->end - window->begin;
    if (window->at_end) return CLADE_OK;
    if (window->decoder.encoding == CLADE__UTF8) {
        CLADE_TRY(fill_plain(window, err));
    } else {
        CLADE_TRY(fill_decoded(window, err));
    }
    memset(window->data + window->end, 0, CLADE__WINDOW_SLACK);
    look_for_dirt(window, held);
    return CLADE_OK;
}

clade_status clade__window_open(clade__window *window, clade__source *source, clade_error *err)
{
    size_t bom = 0, size = 0;
    window->source = source; /* owned from here on, also when this fails */
    size_t sample  = clade__source_plain_size(source) + 1; /* one more shows the end */
    if (sample == 1 || sample > CLADE_READER_SNIFF_BYTES) sample = CLADE_READER_SNIFF_BYTES;
    CLADE_TRY(make_room(window, sample, err));
    do {
        CLADE_TRY(clade__source_read(window->data + window->end, &size, source,
                                     sample - window->end, err));
        window->end += size;
    } while (size > 0 && window->end < sample);
    window->at_end = size == 0;

    const clade__encoding encoding = clade__encoding_guess(&bom, window->data, window->end);
    CLADE_TRY(clade__decoder_open(&window->decoder, encoding, err));
    if (encoding == CLADE__UTF8) {
        window->begin     = bom;
        window->seen_high = find_high(window->data + bom, window->end - bom) < window->end - bom;
    } else {
        size      = window->end - bom;
        char *raw = malloc(size + 1);
        if (raw == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a block");
        memcpy(raw, window->data + bom, size);
        window->end         = 0;
        window->seen_high   = true;
        window->dirty       = true;
        clade_status status = make_room(window, clade__decoder_room(size) + 1, err);
        if (status == CLADE_OK) {
            if (size > 0)
                window->end = clade__decoder_run(window->data, &window->decoder, raw, size);
            if (window->at_end) { /* half a character at the very end */
                window->end +=
                    clade__decoder_run(window->data + window->end, &window->decoder, raw, 0);
            }
        }
        free(raw);
        CLADE_TRY(status);
    }
    memset(window->data + window->end, 0, CLADE__WINDOW_SLACK);
    look_for_dirt(window, window->begin);
    return CLADE_OK;
}

void clade__window_close(clade__window *window)
{
    clade__decoder_close(&window->decoder);
    clade__source_close(window->source);
    free(window->stage);
    free(window->data);
    *window = (clade__window){ 0 };
}
