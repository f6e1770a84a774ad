/* A reader opened over a file or over memory: finds out what the file is, reads its header, and
 * hands each row to the format that cuts it. */
#include "reader_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- shared by the formats */

void clade__reader_note(clade_reader *reader, const char *format, ...)
{
    char    text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (reader->note.size > 0) clade_buffer_text(&reader->note, "; ");
    clade_buffer_text(&reader->note, text);
}

const char *clade__reader_check_text(clade_reader *reader, clade_text text)
{
    if (text.size == 0) return NULL;
    if (clade_utf8_valid(text.data, text.size) < text.size) {
        switch (reader->window.decoder.encoding) {
        case CLADE__UTF8: return "bytes that are not valid UTF-8";
        case CLADE__GB18030: return "bytes that are not valid GB18030";
        default: return "bytes that are not valid UTF-16";
        }
    }
    if (memchr(text.data, '\0', text.size) != NULL) return "a NUL byte";
    return NULL;
}

clade_text clade__reader_raw(clade_reader *reader, clade_text raw)
{
    if (raw.size == 0) return raw;
    const bool cut = raw.size == CLADE_READER_MAX_ROW_BYTES; /* may end inside a character */
    if (!cut && !reader->window.dirty) return raw;
    if (clade_utf8_valid(raw.data, raw.size) == raw.size &&
        memchr(raw.data, '\0', raw.size) == NULL) {
        return raw;
    }
    char *const out = CLADE_ARENA_NEW(reader->row_arena, char, 3 * raw.size);
    size_t      n   = 0;
    if (out == NULL) return (clade_text){ raw.data, clade_utf8_valid(raw.data, raw.size) };
    reader->row_arena_used = true;
    for (size_t i = 0; i < raw.size;) {
        uint32_t     point;
        const size_t length = clade_utf8_decode(&point, raw.data + i, raw.size - i);
        if (length == 0 || point == 0) {
            n += clade_utf8_encode(out + n, 0xfffd);
            i += length == 0 ? 1 : length;
        } else {
            memcpy(out + n, raw.data + i, length);
            n += length;
            i += length;
        }
    }
    return (clade_text){ out, n };
}

/* ---------------------------------------------------------------- names of columns */

/* The slot of a name in the table: its column + 1, or 0 where it would go. */
size_t clade__reader_key_slot(const clade_reader *reader, clade_text name)
{
    size_t slot = clade_hash64(name.data, name.size, 0) & (reader->n_key_slots - 1);
    for (;; slot = (slot + 1) & (reader->n_key_slots - 1)) {
        const uint32_t column = reader->key_slot[slot];
        if (column == 0) return slot;
        const char *known = reader->column[column - 1];
        if (strlen(known) == name.size && memcmp(known, name.data, name.size) == 0) return slot;
    }
}

/* A name that no column has yet: "date", "date_2", "date_3" ... */
static const char *distinct_name(clade_reader *reader, const char *name)
{
    const char *out = name;
    for (int i = 2; out != NULL; i++) {
        if (reader->key_slot[clade__reader_key_slot(reader, clade_text_of(out))] == 0) return out;
        out = clade_arena_format(reader->arena, "%s_%d", name, i);
    }
    return NULL;
}

static const char *clean_name(clade_reader *reader, clade_text name)
{
    name      = clade_text_trim(name);
    char *out = clade_arena_text(reader->arena, name.data, name.size);
    for (char *c = out; c != NULL && *c != '\0'; c++) {
        if (*c == '\n' || *c == '\r' || *c == '\t') *c = ' ';
    }
    return out;
}

clade_status clade__reader_set_columns(clade_reader *reader, const clade_text *names,
                                       size_t n_names, bool has_header, clade_error *err)
{
    size_t      n_empty = 0, n_repeated = 0, first_empty = 0;
    const char *repeated = NULL;

    reader->n_key_slots = 64;
    while (reader->n_key_slots < 3 * n_names)
        reader->n_key_slots *= 2;
    reader->key_slot = CLADE_ARENA_NEW(reader->arena, uint32_t, reader->n_key_slots);
    reader->column   = CLADE_ARENA_NEW(reader->arena, const char *, n_names + 1);
    if (reader->key_slot == NULL || reader->column == NULL) goto no_memory;

    for (size_t i = 0; i < n_names; i++) {
        const char *name = has_header ? clean_name(reader, names[i]) : "";
        if (name == NULL) goto no_memory;
        if (*name == '\0') {
            if (n_empty++ == 0) first_empty = i + 1;
            name = clade_arena_format(reader->arena, "column_%zu", i + 1);
            if (name == NULL) goto no_memory;
        } else if (reader->key_slot[clade__reader_key_slot(reader, clade_text_of(name))] != 0) {
            if (n_repeated++ == 0) repeated = name;
        }
        name = distinct_name(reader, name);
        if (name == NULL) goto no_memory;
        reader->column[i]                                                     = name;
        reader->key_slot[clade__reader_key_slot(reader, clade_text_of(name))] = (uint32_t)i + 1;
    }
    reader->n_columns = n_names;
    if (has_header && n_empty > 0) {
        clade__reader_note(reader, "%zu column%s without a name, the first at %zu", n_empty,
                           n_empty == 1 ? "" : "s", first_empty);
    }
    if (n_repeated > 0) {
        clade__reader_note(reader, "%zu repeated column name%s, the first is \"%.80s\"", n_repeated,
                           n_repeated == 1 ? "" : "s", repeated);
    }
    return CLADE_OK;

no_memory:
    return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for %zu columns", reader->name, n_names);
}

/* ---------------------------------------------------------------- what the file is */

/* Formats that are not text, by their first bytes, in words. */
static const char *known_binary(const char *data, size_t size)
{
    static const struct {
        const char *magic;
        size_t      size;
        const char *what;
    } known[] = {
        { "PK\003\004", 4, "an Excel workbook or a zip archive" },
        { "\xd0\xcf\x11\xe0", 4, "an old Excel workbook" },
        { "%PDF", 4, "a PDF document" },
        { "SQLite format 3", 15, "an SQLite database" },
        { "\x7f"
          "ELF",
          4, "a program" },
        { "\x89PNG", 4, "a picture" },
        { "\xff\xd8\xff", 3, "a picture" },
        { "BZh", 3, "a bzip2 archive" },
        { "\xfd"
          "7zXZ",
          5, "an xz archive" },
        { "7z\xbc\xaf", 4, "a 7-Zip archive" },
        { "Rar!", 4, "a RAR archive" },
        { "ORC", 3, "an ORC file" },
        { "Obj\x01", 4, "an Avro file" },
        { "ARROW1", 6, "an Arrow file" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (size >= known[i].size && memcmp(data, known[i].magic, known[i].size) == 0) {
            return known[i].what;
        }
    }
    return NULL;
}

/* Control characters that no text has, more than one in a hundred bytes. */
static bool looks_binary(const char *data, size_t size)
{
    size_t n = 0;
    if (size > 65536) size = 65536;
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)data[i];
        n += (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b) ||
             c == 0x7f || c == 0xff;
    }
    return n * 100 > size && (n >= 8 || n * 10 > size); /* a few in a short file are bad rows */
}

static clade_status check_is_text(const clade_reader *reader, clade_error *err)
{
    const clade__window *const window = &reader->window;
    const char *const          data   = window->data + window->begin;
    const size_t               size   = window->end - window->begin;
    if (size == 0 || clade_text_trim((clade_text){ data, size }).size == 0) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: the file is empty", reader->path);
    }
    const char *what = known_binary(window->data, window->end);
    if (what == NULL && looks_binary(data, size)) what = "a binary file";
    if (what == NULL) return CLADE_OK;
    clade_fail(err, CLADE_ERR_DATA, "%s: looks like %s; CSV, JSON lines or Parquet was wanted",
               reader->path, what);
    clade_hint(err, "save it as CSV (UTF-8) and load that");
    return CLADE_ERR_DATA;
}

/* JSON lines begin with an object; a JSON export may be one array of them. */
static bool looks_like_json(bool *out_array, clade_text text)
{
    text       = clade_text_trim(text);
    *out_array = text.size > 0 && text.data[0] == '[';
    if (*out_array) {
        text = clade_text_trim((clade_text){ text.data + 1, text.size - 1 });
        return text.size > 0 && text.data[0] == '{';
    }
    if (text.size < 2 || text.data[0] != '{') return false;
    text = clade_text_trim((clade_text){ text.data + 1, text.size - 1 });
    return text.size > 0 && (text.data[0] == '"' || text.data[0] == '}');
}

/* ---------------------------------------------------------------- opening and closing */

static clade_status reader_create(clade_reader **out_reader, const char *path, clade_error *err)
{
    clade_reader *reader = CLADE_NEW(clade_reader, 1);
    if (reader != NULL) {
        const char *slash = strrchr(path, '/');
        reader->path      = strdup(path);
        reader->name      = strdup(slash == NULL ? path : slash + 1);
        reader->arena     = clade_arena_create(0);
        reader->row_arena = clade_arena_create(0);
        reader->field     = CLADE_NEW(clade_text, CLADE_READER_MAX_COLUMNS + 1);
    }
    if (reader == NULL || reader->path == NULL || reader->name == NULL || reader->arena == NULL ||
        reader->row_arena == NULL || reader->field == NULL) {
        clade_reader_close(reader);
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", path);
    }
    reader->row_mark = clade_arena_save(reader->row_arena);
    *out_reader      = reader;
    return CLADE_OK;
}

/* The window takes the source, whatever comes of it. */
static clade_status open_text(clade_reader *reader, clade__source *source, clade_error *err)
{
    CLADE_TRY(clade__window_open(&reader->window, source, err));
    const clade__window *const window = &reader->window;
    CLADE_TRY(check_is_text(reader, err));
    reader->dialect.compression = clade__source_compression(source);
    if (looks_like_json(&reader->json_array, (clade_text){ window->data + window->begin,
                                                           window->end - window->begin })) {
        reader->dialect.format = CLADE_FORMAT_JSONL;
        return clade__jsonl_open(reader, err);
    }
    reader->dialect.format = CLADE_FORMAT_CSV;
    return clade__csv_open(reader, err);
}

clade_status clade_reader_open(clade_reader **out_reader, const char *path, clade_store *store,
                               clade_error *err)
{
    clade_status   status = CLADE_OK;
    clade_reader  *reader = NULL;
    clade__source *source = NULL;

    status = reader_create(&reader, path, err);
    if (status != CLADE_OK) goto done;
    status = clade__source_open(&source, path, err);
    if (status != CLADE_OK) goto done;
    if (clade__source_is_parquet(source)) {
        reader->window.source = source;
        reader->store         = store;
        status                = clade__parquet_open(reader, err);
    } else {
        status = open_text(reader, source, err);
    }
    if (status != CLADE_OK) goto done;

    *out_reader = reader;
    reader      = NULL;
done:
    clade_reader_close(reader);
    return status;
}

clade_status clade_reader_open_memory(clade_reader **out_reader, const char *data, size_t size,
                                      const char *name, clade_error *err)
{
    clade_status   status = CLADE_OK;
    clade_reader  *reader = NULL;
    clade__source *source = NULL;

    status = reader_create(&reader, name, err);
    if (status != CLADE_OK) goto done;
    status = clade__source_open_memory(&source, data, size, name, err);
    if (status != CLADE_OK) goto done;
    status = open_text(reader, source, err);
    if (status != CLADE_OK) goto done;

    *out_reader = reader;
    reader      = NULL;
done:
    clade_reader_close(reader);
    return status;
}

void clade_reader_close(clade_reader *reader)
{
    if (reader == NULL) return;
    clade_rows_close(reader->rows);
    clade__csv_close(reader);
    clade__window_close(&reader->window);
    clade_buffer_free(&reader->note);
    clade_buffer_free(&reader->reason);
    clade_buffer_free(&reader->held);
    clade_arena_free(reader->arena);
    clade_arena_free(reader->row_arena);
    free(reader->field);
    free(reader->name);
    free(reader->path);
    free(reader);
}

/* ---------------------------------------------------------------- what callers ask */

const clade_dialect *clade_reader_dialect(const clade_reader *reader)
{
    return &reader->dialect;
}

size_t clade_reader_n_columns(const clade_reader *reader)
{
    return reader->n_columns;
}

const char *clade_reader_column(const clade_reader *reader, size_t column)
{
    return reader->column[column];
}

const char *clade_reader_header_note(const clade_reader *reader)
{
    return reader->note.size == 0 || reader->note.failed ? NULL : reader->note.data;
}

clade_status clade_reader_next(clade_row *out_row, bool *out_more, clade_reader *reader,
                               clade_error *err)
{
    if (reader->row_arena_used) {
        clade_arena_restore(reader->row_arena, reader->row_mark);
        reader->row_arena_used = false;
    }
    switch (reader->dialect.format) {
    case CLADE_FORMAT_CSV: return clade__csv_next(out_row, out_more, reader, err);
    case CLADE_FORMAT_JSONL: return clade__jsonl_next(out_row, out_more, reader, err);
    case CLADE_FORMAT_PARQUET: break;
    }
    return clade__parquet_next(out_row, out_more, reader, err);
}

double clade_reader_progress(const clade_reader *reader)
{
    if (reader->dialect.format == CLADE_FORMAT_PARQUET) {
        return reader->n_rows_total == 0 ? 1.0
                                         : (double)reader->n_row / (double)reader->n_rows_total;
    }
    return clade__source_progress(reader->window.source);
}

uint64_t clade_reader_hash(const clade_reader *reader)
{
    return clade__source_hash(reader->window.source);
}

int64_t clade_reader_bytes(const clade_reader *reader)
{
    return clade__source_bytes(reader->window.source);
}
