/* CSV rows out of a window: RFC 4180, and what people make of it.
 *
 * Two passes over a piece of text that stays in the first-level cache. The first notes where the
 * delimiters, quotes and newlines are, 64 bytes at a time; the second walks these places and never
 * looks at the bytes between them. A field without quotes is lent out where it lies.
 *
 * A quote that is never closed must not swallow the file. Inside a quoted field that already spans
 * lines, the strict rule holds: a lone quote closes the field and a delimiter or a line end
 * follows. Where that fails (also at the end of the file, or beyond the size limits, or when the
 * row comes out with the wrong number of fields), the first line alone is the bad row, and reading
 * goes on with the line behind it. Within one line we are lenient: "5" screen" holds a quote.
 *
 * Runs once for each row: the hot path of a load. */
#include "reader_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define NOWHERE SIZE_MAX

/* Bytes that may be looked at again: at the start, and for each byte of a good row. */
enum { CREDIT_BYTES = 4 << 20, CREDIT_RATE = 8 };

/* ---------------------------------------------------------------- where the special bytes are */

static inline size_t write_bits(uint32_t *out, size_t n, uint64_t bits, size_t base)
{
    while (bits != 0) {
        out[n++] = (uint32_t)(base + (size_t)__builtin_ctzll(bits));
        bits &= bits - 1;
    }
    return n;
}

/* The plain version: reference and explanation of the two below. */
static size_t index_plain(uint32_t *out, const char *data, size_t size, const clade__csv *csv)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        const char c = data[i];
        if (c == csv->delimiter || c == csv->newline || (c == csv->quote && c != '\0')) {
            out[n++] = (uint32_t)i;
        }
    }
    return n;
}

#ifdef __x86_64__
static size_t index_sse2(uint32_t *out, const char *data, size_t size, const clade__csv *csv)
{
    const __m128i delimiter = _mm_set1_epi8(csv->delimiter);
    const __m128i newline   = _mm_set1_epi8(csv->newline);
    const __m128i quote     = _mm_set1_epi8(csv->quote == '\0' ? csv->newline : csv->quote);
    size_t        n         = 0;
    for (size_t i = 0; i < size; i += 64) { /* reads into the slack behind the window */
        uint64_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(data + i + 16 * k));
            const __m128i m =
                _mm_or_si128(_mm_cmpeq_epi8(v, delimiter),
                             _mm_or_si128(_mm_cmpeq_epi8(v, newline), _mm_cmpeq_epi8(v, quote)));
            bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(m) << (16 * k);
        }
        if (size - i < 64) bits &= (UINT64_C(1) << (size - i)) - 1;
        n = write_bits(out, n, bits, i);
    }
    return n;
}

__attribute__((target("avx2,bmi"))) static size_t index_avx2(uint32_t *out, const char *data,
                                                             size_t size, const clade__csv *csv)
{
    const __m256i delimiter = _mm256_set1_epi8(csv->delimiter);
    const __m256i newline   = _mm256_set1_epi8(csv->newline);
    const __m256i quote     = _mm256_set1_epi8(csv->quote == '\0' ? csv->newline : csv->quote);
    size_t        n         = 0;
    for (size_t i = 0; i < size; i += 64) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(data + i));
        const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(data + i + 32));
        const __m256i m = _mm256_or_si256(
            _mm256_cmpeq_epi8(a, delimiter),
            _mm256_or_si256(_mm256_cmpeq_epi8(a, newline), _mm256_cmpeq_epi8(a, quote)));
        const __m256i o = _mm256_or_si256(
            _mm256_cmpeq_epi8(b, delimiter),
            _mm256_or_si256(_mm256_cmpeq_epi8(b, newline), _mm256_cmpeq_epi8(b, quote)));
        uint64_t bits = (uint64_t)(uint32_t)_mm256_movemask_epi8(m) |
                        (uint64_t)(uint32_t)_mm256_movemask_epi8(o) << 32;
        if (size - i < 64) bits &= (UINT64_C(1) << (size - i)) - 1;
        while (bits != 0) {
            out[n++] = (uint32_t)(i + (size_t)__builtin_ctzll(bits));
            bits &= bits - 1;
        }
    }
    return n;
}
#endif

clade__csv_index_function clade__csv_index(int variant)
{
#ifdef __x86_64__
    const bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
    if (variant >= 2 && wide) return index_avx2;
    if (variant >= 1) return index_sse2;
#endif
    (void)variant;
    return index_plain;
}

/* Index the text at `position`, and on from there. */
static void index_from(clade__csv *csv, const clade__window *window, size_t position)
{
    size_t size = window->end - position;
    if (size > CLADE__INDEX_BYTES) size = CLADE__INDEX_BYTES;
    csv->index_base = position;
    csv->index_end  = position + size;
    csv->i_special  = 0;
    csv->n_special  = csv->index(csv->special, window->data + position, size, csv);
}

/* The place of the next special byte, which is then passed; NOWHERE at the end of the window. */
static inline size_t next_special(clade__csv *csv, const clade__window *window)
{
    while (csv->i_special == csv->n_special) {
        if (csv->index_end >= window->end) return NOWHERE;
        index_from(csv, window, csv->index_end);
    }
    return csv->index_base + csv->special[csv->i_special++];
}

/* Stand before the first special byte at or behind `position`. */
static void seek_special(clade__csv *csv, const clade__window *window, size_t position)
{
    if (position < csv->index_base || position > csv->index_end) {
        index_from(csv, window, position);
        return;
    }
    const uint32_t want = (uint32_t)(position - csv->index_base);
    size_t         low = 0, high = csv->n_special;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (csv->special[middle] < want) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    csv->i_special = low;
}

/* ---------------------------------------------------------------- one row */

typedef enum cut {
    CUT_ROW,  /* a row was cut */
    CUT_MORE, /* the window ends before the row does */
    CUT_LOST, /* a quote opens and does not close */
    CUT_NOMEM,
} cut;

typedef struct raw_row {
    size_t begin, end; /* without the line end */
    size_t next;       /* where the next row starts */
    size_t n_fields;   /* counted; at most max_fields were written */
    size_t n_lines;
    size_t lost_column; /* whose quote does not close, or closes on another line */
    bool   long_field;
    bool   extra_full; /* there is something in the fields beyond the last column */
} raw_row;

/* Is `position`, behind a closing quote, the end of the field? Blanks are passed. */
static bool field_ends(size_t *out_end, const clade__csv *csv, const clade__window *window,
                       size_t position)
{
    const char *const data = window->data;
    while (position < window->end && data[position] == ' ' && csv->delimiter != ' ')
        position++;
    *out_end = position;
    if (position == window->end) return window->at_end;
    if (data[position] == csv->delimiter || data[position] == csv->newline) return true;
    return data[position] == '\r' && ((position + 1 < window->end && data[position + 1] == '\n') ||
                                      (position + 1 == window->end && window->at_end));
}

static bool protected_by_backslash(const char *data, size_t from, size_t position)
{
    size_t n = 0;
    while (position > from && data[position - 1] == '\\') {
        n++;
        position--;
    }
    return n % 2 == 1;
}

typedef struct quoted {
    size_t close; /* of the closing quote */
    size_t n_newlines;
    bool   escaped; /* something must be unescaped */
} quoted;

/* Find the quote that closes the field whose text starts at `from`. */
static cut find_close(quoted *out, clade__csv *csv, const clade__window *window, size_t from)
{
    const char *const data  = window->data;
    size_t            after = 0;
    *out                    = (quoted){ 0 };
    for (;;) {
        const size_t place = next_special(csv, window);
        if (place == NOWHERE && !window->at_end &&
            window->end - from <= CLADE_READER_MAX_FIELD_BYTES) {
            return CUT_MORE;
        }
        if (place == NOWHERE || place - from > CLADE_READER_MAX_FIELD_BYTES) return CUT_LOST;
        const char c = data[place];
        if (c == csv->newline && from < csv->distrust_to) return CUT_LOST;
        if (c != csv->quote) {
            out->n_newlines += c == csv->newline;
            continue;
        }
        if (csv->backslash && protected_by_backslash(data, from, place)) {
            out->escaped = true;
            continue;
        }
        if (place + 1 == window->end && !window->at_end) return CUT_MORE;
        if (place + 1 < window->end && data[place + 1] == csv->quote) {
            (void)next_special(csv, window);
            out->escaped = true;
            continue;
        }
        if (field_ends(&after, csv, window, place + 1)) {
            out->close = place;
            return CUT_ROW;
        }
        if (after == window->end && !window->at_end) return CUT_MORE;
        if (data[after] == '\r' && after + 1 == window->end) return CUT_MORE;
        if (out->n_newlines > 0) return CUT_LOST;
    }
}

/* Copy without the doubling of quotes, into scratch space that holds any row of the window and so
 * never moves while one is cut. */
static clade_text unescape(clade_reader *reader, const char *data, size_t size)
{
    const clade__csv *csv = &reader->csv;
    if (reader->scratch_capacity < reader->window.capacity) {
        free(reader->scratch);
        reader->scratch          = malloc(reader->window.capacity);
        reader->scratch_capacity = reader->scratch == NULL ? 0 : reader->window.capacity;
        if (reader->scratch == NULL) return (clade_text){ NULL, SIZE_MAX };
    }
    char *const out = reader->scratch + reader->scratch_used;
    size_t      n   = 0;
    for (size_t i = 0; i < size; i++) {
        const bool pair  = data[i] == csv->quote && i + 1 < size && data[i + 1] == csv->quote;
        const bool slash = csv->backslash && data[i] == '\\' && i + 1 < size &&
                           (data[i + 1] == csv->quote || data[i + 1] == '\\');
        if (pair || slash) i++;
        out[n++] = data[i];
    }
    reader->scratch_used += n;
    return (clade_text){ out, n };
}

static inline void put_field(clade_reader *reader, raw_row *row, const char *data, size_t size)
{
    if (row->n_fields < reader->n_columns) {
        reader->field[row->n_fields] = (clade_text){ data, size };
        row->long_field |= size > CLADE_READER_MAX_FIELD_BYTES;
    } else if (size > 0) {
        row->extra_full = true;
    }
    row->n_fields++;
}

/* The quoted field that opens at `opens`; leaves the index behind its closing quote. */
static cut cut_quoted(raw_row *row, clade_reader *reader, size_t opens)
{
    clade__csv *const csv  = &reader->csv;
    const char *const text = reader->window.data + opens + 1;
    quoted            field;

    (void)next_special(csv, &reader->window); /* the quote that opens */
    const cut found = find_close(&field, csv, &reader->window, opens + 1);
    if (found != CUT_ROW) {
        row->lost_column = row->n_fields;
        return found;
    }
    if (field.n_newlines > 0 && row->lost_column == NOWHERE) row->lost_column = row->n_fields;
    row->n_lines += field.n_newlines;

    const size_t size = field.close - opens - 1;
    if (field.escaped) {
        const clade_text plain = unescape(reader, text, size);
        if (plain.size == SIZE_MAX) return CUT_NOMEM;
        put_field(reader, row, plain.data, plain.size);
    } else {
        put_field(reader, row, text, size);
    }
    return CUT_ROW;
}

/* The hot loop: fields that begin with neither quote nor blank and end at a delimiter, as far as
 * they are indexed. Returns where the next field starts. */
static inline size_t cut_plain(raw_row *row, clade_reader *reader, size_t start)
{
    clade__csv *const     csv       = &reader->csv;
    const char *const     data      = reader->window.data;
    clade_text *const     field     = reader->field;
    const uint32_t *const special   = csv->special;
    const size_t          n_special = csv->n_special, base = csv->index_base;
    const size_t          n_columns = reader->n_columns;
    const char            delimiter = csv->delimiter, quote = csv->quote;
    size_t                i = csv->i_special, n = row->n_fields;
    for (; i < n_special && n < n_columns; i++) {
        const size_t place = base + special[i];
        const char   first = data[start];
        if (data[place] != delimiter || first == quote || first == ' ') break;
        field[n++] = (clade_text){ data + start, place - start };
        row->long_field |= place - start > CLADE_READER_MAX_FIELD_BYTES;
        start = place + 1;
    }
    csv->i_special = i;
    row->n_fields  = n;
    return start;
}

/* Cut the row at row->begin. Fields beyond the reader's columns are counted and not kept. */
static cut cut_row(raw_row *row, clade_reader *reader)
{
    clade__csv *const          csv    = &reader->csv;
    const clade__window *const window = &reader->window;
    const char *const          data   = window->data;
    size_t                     start  = row->begin;

    reader->scratch_used = 0;
    for (;;) {
        start = cut_plain(row, reader, start);
        size_t place, opens = start;
        while (opens < window->end && data[opens] == ' ')
            opens++;
        if (csv->quote != '\0' && opens < window->end && data[opens] == csv->quote) {
            const cut found = cut_quoted(row, reader, opens);
            if (found != CUT_ROW) return found;
            place = next_special(csv, window);
            if (place == NOWHERE) place = window->end;
        } else {
            do {
                place = next_special(csv, window);
            } while (place != NOWHERE && data[place] == csv->quote);
            if (place == NOWHERE) {
                if (!window->at_end) return CUT_MORE;
                place = window->end;
            }
            size_t end = place;
            if (end > start && data[end - 1] == '\r' &&
                (end == window->end || data[end] == csv->newline)) {
                end--;
            }
            put_field(reader, row, data + start, end - start);
        }
        if (place < window->end && data[place] == csv->delimiter) {
            if (row->extra_full && row->lost_column != NOWHERE) return CUT_LOST; /* ragged anyway */
            start = place + 1;
            continue;
        }
        row->n_lines++;
        row->end  = place;
        row->next = place < window->end ? place + 1 : place;
        if (row->end > row->begin && data[row->end - 1] == '\r') row->end--;
        return CUT_ROW;
    }
}

/* ---------------------------------------------------------------- rows, good and bad */

static clade_status fill(clade_reader *reader, clade_error *err)
{
    clade__csv *const csv   = &reader->csv;
    const size_t      moved = reader->window.begin;
    CLADE_TRY(clade__window_fill(&reader->window, err));
    reader->dialect.encoding = clade__encoding_name(reader->window.decoder.encoding);
    csv->distrust_to         = csv->distrust_to > moved ? csv->distrust_to - moved : 0;
    csv->index_base = csv->index_end = csv->n_special = csv->i_special = 0;
    return CLADE_OK;
}

static void bad(clade_row *out_row, clade_reader *reader, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void bad(clade_row *out_row, clade_reader *reader, size_t column, const char *format, ...)
{
    char    text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    clade_buffer_clear(&reader->reason);
    clade_buffer_text(&reader->reason, text);
    out_row->bad        = reader->reason.failed ? "no memory to say why" : reader->reason.data;
    out_row->bad_column = column < reader->n_columns ? column : SIZE_MAX;
}

/* The line at the window's begin is longer than a row may be: keep its start, pass the rest. */
static clade_status skip_line(clade_row *out_row, clade_reader *reader, clade_error *err)
{
    clade__window *const window = &reader->window;
    clade_buffer_clear(&reader->held);
    clade_buffer_append(&reader->held, window->data + window->begin, CLADE_READER_MAX_ROW_BYTES);
    if (reader->held.failed) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: line %lld: no memory for a row of %d bytes",
                          reader->name, (long long)reader->csv.line, CLADE_READER_MAX_ROW_BYTES);
    }
    for (;;) {
        const char *at = window->begin == window->end
                             ? NULL
                             : memchr(window->data + window->begin, reader->csv.newline,
                                      window->end - window->begin);
        if (at != NULL) {
            window->begin = (size_t)(at - window->data) + 1;
            break;
        }
        window->begin = window->end;
        if (window->at_end) break;
        CLADE_TRY(fill(reader, err));
    }
    *out_row = (clade_row){ .fields = reader->field, .line = reader->csv.line };
    reader->csv.line++;
    out_row->raw = clade__reader_raw(reader, (clade_text){ reader->held.data, reader->held.size });
    bad(out_row, reader, SIZE_MAX, "a row of more than %d bytes, its start is kept",
        CLADE_READER_MAX_ROW_BYTES);
    return CLADE_OK;
}

/* The first line of the row is bad; the next row begins behind it. */
static clade_status lose_line(clade_row *out_row, clade_reader *reader, const raw_row *row,
                              clade_error *err)
{
    clade__window *const window = &reader->window;
    clade__csv *const    csv    = &reader->csv;
    const char          *at     = NULL;
    size_t               seen   = 0;

    const size_t scanned =
        csv->index_base + (csv->i_special > 0 ? csv->special[csv->i_special - 1] : 0);
    csv->credit -= (int64_t)(scanned - row->begin);
    if (csv->credit < 0 && csv->distrust_to < scanned) csv->distrust_to = scanned;
    for (;;) {
        const size_t size = window->end - window->begin;
        at = memchr(window->data + window->begin + seen, reader->csv.newline, size - seen);
        if (at != NULL || window->at_end) break;
        if (size > CLADE_READER_MAX_ROW_BYTES) return skip_line(out_row, reader, err);
        seen = size;
        CLADE_TRY(fill(reader, err));
    }
    const char *const from = window->data + window->begin;
    const char       *end  = at == NULL ? window->data + window->end : at;
    *out_row               = (clade_row){ .fields   = reader->field,
                                          .n_fields = row->lost_column < reader->n_columns ? row->lost_column : 0,
                                          .line     = reader->csv.line++ };
    if (seen > 0) out_row->n_fields = 0; /* the fields have moved */
    window->begin = (size_t)(end - window->data) + (at != NULL);
    if (end > from && end[-1] == '\r') end--;
    if (end - from > CLADE_READER_MAX_ROW_BYTES) end = from + CLADE_READER_MAX_ROW_BYTES;
    out_row->raw = clade__reader_raw(reader, (clade_text){ from, (size_t)(end - from) });
    if (row->n_fields > row->lost_column) {
        bad(out_row, reader, row->lost_column,
            "%zu fields over %zu lines where %zu were expected: a quote may be missing",
            row->n_fields, row->n_lines, reader->n_columns);
    } else {
        bad(out_row, reader, row->lost_column, "the quote that opens column %zu is never closed",
            row->lost_column + 1);
    }
    return CLADE_OK;
}

/* Invalid UTF-8 or a NUL somewhere in the row: which column is it? */
static void check_row(clade_row *out_row, clade_reader *reader)
{
    const char *why = clade__reader_check_text(reader, out_row->raw);
    if (why == NULL) return;
    size_t column = SIZE_MAX;
    for (size_t i = 0; i < out_row->n_fields && column == SIZE_MAX; i++) {
        const char *here = clade__reader_check_text(reader, out_row->fields[i]);
        if (here != NULL) {
            column = i;
            why    = here;
        }
    }
    out_row->raw = clade__reader_raw(reader, out_row->raw);
    bad(out_row, reader, column, "%s", why);
}

static clade_status finish_row(clade_row *out_row, clade_reader *reader, const raw_row *row,
                               clade_error *err)
{
    clade__window *const window = &reader->window;
    const size_t         size   = row->end - row->begin;
    const bool           ragged =
        !reader->any_width && (row->n_fields < reader->n_columns || row->extra_full);
    reader->n_header = row->n_fields;
    if (ragged && row->n_lines > 1) return lose_line(out_row, reader, row, err);

    *out_row      = (clade_row){ .n_fields   = row->n_fields < reader->n_columns ? row->n_fields
                                                                                 : reader->n_columns,
                                 .fields     = reader->field,
                                 .line       = reader->csv.line,
                                 .raw        = { window->data + row->begin, size },
                                 .bad_column = SIZE_MAX };
    window->begin = row->next;
    reader->csv.line += (int64_t)row->n_lines;
    if (reader->csv.credit < CREDIT_BYTES) reader->csv.credit += CREDIT_RATE * (int64_t)size;

    if (size > CLADE_READER_MAX_ROW_BYTES) {
        out_row->raw.size = CLADE_READER_MAX_ROW_BYTES;
        bad(out_row, reader, SIZE_MAX, "a row of %zu bytes, at most %d are read", size,
            CLADE_READER_MAX_ROW_BYTES);
    } else if (row->long_field) {
        size_t column = 0;
        while (reader->field[column].size <= CLADE_READER_MAX_FIELD_BYTES)
            column++;
        bad(out_row, reader, column, "a field of %zu bytes, at most %d are read",
            reader->field[column].size, CLADE_READER_MAX_FIELD_BYTES);
    } else if (ragged) {
        bad(out_row, reader, SIZE_MAX, "%zu field%s where %zu %s expected", row->n_fields,
            row->n_fields == 1 ? "" : "s", reader->n_columns,
            reader->n_columns == 1 ? "was" : "were");
    }
    if (!window->dirty) return CLADE_OK;
    if (out_row->bad != NULL) {
        out_row->raw = clade__reader_raw(reader, out_row->raw);
    } else {
        check_row(out_row, reader);
    }
    return CLADE_OK;
}

clade_status clade__csv_next(clade_row *out_row, bool *out_more, clade_reader *reader,
                             clade_error *err)
{
    clade__csv *const    csv    = &reader->csv;
    clade__window *const window = &reader->window;

    *out_more = true;
    for (;;) {
        if (window->begin == window->end) {
            if (window->at_end) {
                *out_more = false;
                return CLADE_OK;
            }
            CLADE_TRY(fill(reader, err));
            continue;
        }
        raw_row row = { .begin = window->begin, .lost_column = NOWHERE };
        if (csv->at != window->begin || csv->index_end == 0) seek_special(csv, window, row.begin);
        const cut found = cut_row(&row, reader);
        csv->at         = found == CUT_ROW ? row.next : NOWHERE;
        if (found == CUT_NOMEM) {
            return clade_fail(err, CLADE_ERR_NOMEM, "%s: line %lld: no memory for a field",
                              reader->name, (long long)csv->line);
        }
        if (found == CUT_LOST) return lose_line(out_row, reader, &row, err);
        if (found == CUT_MORE) {
            if (window->end - window->begin > CLADE_READER_MAX_ROW_BYTES) {
                return skip_line(out_row, reader, err);
            }
            CLADE_TRY(fill(reader, err));
            continue;
        }
        if (row.end == row.begin) { /* an empty line is no row */
            window->begin = row.next;
            csv->line += (int64_t)row.n_lines;
            continue;
        }
        return finish_row(out_row, reader, &row, err);
    }
}

/* ---------------------------------------------------------------- opening */

static clade_status read_header(clade_reader *reader, bool row_names, clade_error *err)
{
    clade_row row  = { 0 };
    bool      more = false;

    CLADE_TRY(clade__csv_next(&row, &more, reader, err));
    if (!more) return clade_fail(err, CLADE_ERR_DATA, "%s: the file is empty", reader->path);
    if (row.raw.size >= CLADE_READER_MAX_ROW_BYTES) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: line %lld: the header is longer than %d bytes; at most %d columns "
                          "are read",
                          reader->path, (long long)row.line, CLADE_READER_MAX_ROW_BYTES,
                          CLADE_READER_MAX_COLUMNS);
    }
    if (reader->n_header > CLADE_READER_MAX_COLUMNS) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: %zu columns, at most %d are read",
                          reader->path, (long long)row.line, reader->n_header,
                          CLADE_READER_MAX_COLUMNS);
    }
    if (row.bad != NULL) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: the header cannot be read: %s",
                          reader->path, (long long)row.line, row.bad);
    }
    size_t n = row.n_fields;
    if (row_names) { /* R writes no name above the row names */
        memmove(reader->field + 1, reader->field, n * sizeof reader->field[0]);
        reader->field[0] = CLADE_TEXT("row");
        n++;
        clade__reader_note(reader, "the header names one column less than the rows have: the first "
                                   "was taken for row names");
    }
    return clade__reader_set_columns(reader, reader->field, n, true, err);
}

/* No header: the first row tells the number of columns, and is read again as a row. */
static clade_status read_first_row(clade_reader *reader, clade_error *err)
{
    clade__window *const window = &reader->window;
    const size_t         begin = window->begin, end = window->end;
    clade_row            row  = { 0 };
    bool                 more = false;

    CLADE_TRY(clade__csv_next(&row, &more, reader, err));
    if (!more) return clade_fail(err, CLADE_ERR_DATA, "%s: the file is empty", reader->path);
    if (reader->n_header > CLADE_READER_MAX_COLUMNS) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: %zu columns, at most %d are read",
                          reader->path, (long long)row.line, reader->n_header,
                          CLADE_READER_MAX_COLUMNS);
    }
    if (row.bad != NULL && (window->end != end || reader->n_header == 0)) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: %s", reader->path,
                          (long long)row.line, row.bad);
    }
    window->begin    = row.bad == NULL ? (size_t)(row.raw.data - window->data) : begin;
    reader->csv.line = row.line;
    reader->csv.at   = NOWHERE;
    return clade__reader_set_columns(reader, reader->field, row.n_fields, false, err);
}

clade_status clade__csv_open(clade_reader *reader, clade_error *err)
{
    clade__window *const window = &reader->window;
    clade__csv *const    csv    = &reader->csv;
    clade__sniff         sniff;

    csv->special = CLADE_NEW(uint32_t, CLADE__INDEX_BYTES);
    if (csv->special == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", reader->path);
    }
    clade__sniff_csv(&sniff, window->data + window->begin, window->end - window->begin,
                     window->at_end);
    csv->delimiter = sniff.delimiter;
    csv->quote     = sniff.quote;
    csv->newline   = sniff.newline;
    csv->backslash = sniff.backslash;
    csv->index     = clade__csv_index(2);
    csv->credit    = CREDIT_BYTES;
    csv->line      = 1 + (int64_t)sniff.skip_lines;
    window->begin += sniff.skip_bytes;
    if (sniff.skip_lines > 0) {
        clade__reader_note(reader, "%zu line%s before the header %s skipped", sniff.skip_lines,
                           sniff.skip_lines == 1 ? "" : "s",
                           sniff.skip_lines == 1 ? "was" : "were");
    }
    reader->dialect.delimiter  = sniff.delimiter;
    reader->dialect.quote      = sniff.quote;
    reader->dialect.has_header = sniff.has_header;
    reader->dialect.encoding   = clade__encoding_name(window->decoder.encoding);

    reader->n_columns = CLADE_READER_MAX_COLUMNS;
    reader->any_width = true;
    CLADE_TRY(sniff.has_header ? read_header(reader, sniff.row_names, err)
                               : read_first_row(reader, err));
    reader->any_width = false;
    return CLADE_OK;
}

void clade__csv_close(clade_reader *reader)
{
    free(reader->csv.special);
    free(reader->scratch);
}
