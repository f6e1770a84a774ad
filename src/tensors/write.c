/* A file of tensors on its way out. The values follow the header in the order of their sizes, eight
 * bytes first, so that each lies at a multiple of its own size for tools that map the file. The
 * checksum is taken while the bytes pass, with zeros where it will stand, and set in at the end.
 *
 * Runs once for a model, and every few minutes for the checkpoint of a training. */
#include "tensors_internal.h"

#include "clade/json.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WRITE_PIECE_BYTES = 256 << 10 };

/* One tensor of the file: a source, or the scales of one. */
typedef struct entry {
    clade_tensor               tensor; /* offset counts from the start of the data */
    uint64_t                   n_bytes;
    size_t                     position; /* as the caller gave it */
    bool                       is_scale;
    const clade_tensor_source *source;
} entry;

typedef struct writer {
    entry            *entry; /* (n_entries), at most two for each source */
    size_t            n_entries;
    uint64_t          data_bytes;
    clade_arena      *arena;
    clade_buffer      header;
    size_t            checksum_at; /* in the header */
    clade_hasher     *hasher;
    uint8_t          *piece; /* (WRITE_PIECE_BYTES) */
    clade_file_writer disk;
    clade_error      *err;
} writer;

/* ---- What the file will hold ------------------------------------------------------------------
 */

static clade_status add_entry(writer *w, const clade_tensor_source *source, bool is_scale)
{
    entry *e    = &w->entry[w->n_entries];
    e->source   = source;
    e->is_scale = is_scale;
    e->position = w->n_entries;
    if (!is_scale) {
        e->tensor.name         = source->name;
        e->tensor.type         = source->type;
        e->tensor.n_dimensions = source->n_dimensions;
        memcpy(e->tensor.shape, source->shape, sizeof e->tensor.shape);
    } else {
        const entry *of        = e - 1; /* the scales come right behind what they scale */
        e->tensor.name         = clade_arena_format(w->arena, "%s" TENSORS_SCALE, source->name);
        e->tensor.type         = CLADE_TENSOR_F32;
        e->tensor.n_dimensions = 1;
        e->tensor.shape[0] =
            clade__tensor_rows(of->tensor.shape, of->tensor.n_dimensions, of->tensor.n_values);
        if (e->tensor.name == NULL)
            return clade_fail(w->err, CLADE_ERR_NOMEM, "no memory for the name of a scale");
    }
    if (!clade__tensor_name_fits(clade_text_of(e->tensor.name)) ||
        strcmp(e->tensor.name, TENSORS_META_KEY) == 0)
        return clade_fail(w->err, CLADE_ERR_ARG,
                          "the name of tensor %zu is not 1 to %d bytes of UTF-8 without control "
                          "characters, other than " TENSORS_META_KEY,
                          w->n_entries, CLADE_TENSORS_NAME_MAX);
    if (!clade__tensor_size(&e->tensor.n_values, &e->n_bytes, e->tensor.shape,
                            e->tensor.n_dimensions, e->tensor.type) ||
        e->n_bytes > INT64_MAX - w->data_bytes)
        return clade_fail(w->err, CLADE_ERR_ARG, "tensor %s is larger than any file",
                          e->tensor.name);
    w->data_bytes += e->n_bytes;
    w->n_entries += 1;
    return CLADE_OK;
}

static int compare_size(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    const size_t size_x = clade_tensor_type_bytes(x->tensor.type);
    const size_t size_y = clade_tensor_type_bytes(y->tensor.type);
    if (size_x != size_y) return size_x > size_y ? -1 : 1;
    return x->position < y->position ? -1 : 1;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* CLADE_ERR_ARG naming the text that is there twice. */
static clade_status check_unique(writer *w, const char **text, size_t n, const char *what)
{
    qsort(text, n, sizeof *text, compare_text);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(text[i - 1], text[i]) == 0)
            return clade_fail(w->err, CLADE_ERR_ARG, "%s %s is there twice", what, text[i]);
    }
    return CLADE_OK;
}

static clade_status plan_tensors(writer *w, const clade_tensor_source *tensors, size_t n_tensors)
{
    if (n_tensors > CLADE_TENSORS_MAX)
        return clade_fail(w->err, CLADE_ERR_ARG, "%zu tensors, wanted at most %d", n_tensors,
                          CLADE_TENSORS_MAX);
    w->entry           = CLADE_ARENA_NEW(w->arena, entry, 2 * n_tensors);
    const char **names = CLADE_ARENA_NEW(w->arena, const char *, 2 * n_tensors);
    if (w->entry == NULL || names == NULL)
        return clade_fail(w->err, CLADE_ERR_NOMEM, "no memory for a list of %zu tensors",
                          n_tensors);
    for (size_t i = 0; i < n_tensors; i++) {
        const clade_tensor_source *t = &tensors[i];
        if ((unsigned)t->type > CLADE_TENSOR_U64 || t->n_dimensions > CLADE_TENSORS_DIMENSIONS_MAX)
            return clade_fail(w->err, CLADE_ERR_ARG,
                              "tensor %zu has the type %s and %zu dimensions, wanted F32, F16, "
                              "BF16, I8, U8, I64 or U64 and at most %d",
                              i, clade_tensor_type_name(t->type), t->n_dimensions,
                              CLADE_TENSORS_DIMENSIONS_MAX);
        CLADE_TRY(add_entry(w, t, false));
        if (t->type == CLADE_TENSOR_I8) CLADE_TRY(add_entry(w, t, true));
    }
    if (w->n_entries > CLADE_TENSORS_MAX)
        return clade_fail(w->err, CLADE_ERR_ARG, "%zu tensors with their scales, wanted at most %d",
                          w->n_entries, CLADE_TENSORS_MAX);

    for (size_t i = 0; i < w->n_entries; i++)
        names[i] = w->entry[i].tensor.name;
    CLADE_TRY(check_unique(w, names, w->n_entries, "tensor"));
    qsort(w->entry, w->n_entries, sizeof *w->entry, compare_size);
    uint64_t at = 0;
    for (size_t i = 0; i < w->n_entries; i++) {
        w->entry[i].tensor.offset = at;
        at += w->entry[i].n_bytes;
    }
    return CLADE_OK;
}

static clade_status check_notes(writer *w, const clade_tensor_note *notes, size_t n_notes)
{
    if (n_notes > CLADE_TENSORS_NOTES_MAX - 2) /* beside the two of clade itself */
        return clade_fail(w->err, CLADE_ERR_ARG, "%zu notes, wanted at most %d", n_notes,
                          CLADE_TENSORS_NOTES_MAX - 2);
    const char **keys = CLADE_ARENA_NEW(w->arena, const char *, n_notes);
    if (keys == NULL)
        return clade_fail(w->err, CLADE_ERR_NOMEM, "no memory for %zu notes", n_notes);
    for (size_t i = 0; i < n_notes; i++) {
        const clade_text value = clade_text_of(notes[i].value);
        keys[i]                = notes[i].key;
        if (!clade__tensor_name_fits(clade_text_of(keys[i])) ||
            strcmp(keys[i], TENSORS_MARK_KEY) == 0 || strcmp(keys[i], TENSORS_CHECKSUM_KEY) == 0)
            return clade_fail(w->err, CLADE_ERR_ARG,
                              "the key of note %zu is not 1 to %d bytes of UTF-8 without control "
                              "characters, other than " TENSORS_MARK_KEY
                              " and " TENSORS_CHECKSUM_KEY,
                              i, CLADE_TENSORS_NAME_MAX);
        if (value.data == NULL || clade_utf8_valid(value.data, value.size) != value.size)
            return clade_fail(w->err, CLADE_ERR_ARG, "the note %s is not a text in UTF-8", keys[i]);
    }
    return check_unique(w, keys, n_notes, "the note");
}

static clade_status make_header(writer *w, const clade_tensor_note *notes, size_t n_notes)
{
    clade_json json = clade_json_start(&w->header, 0);
    clade_json_object(&json);
    clade_json_key(&json, TENSORS_META_KEY);
    clade_json_object(&json);
    clade_json_put_text(&json, TENSORS_MARK_KEY, TENSORS_MARK);
    clade_json_put_text(&json, TENSORS_CHECKSUM_KEY, TENSORS_NO_CHECKSUM);
    w->checksum_at = w->header.size - 1 - TENSORS_CHECKSUM_DIGITS; /* behind it a quote */
    for (size_t i = 0; i < n_notes; i++)
        clade_json_put_text(&json, notes[i].key, notes[i].value);
    clade_json_object_end(&json);
    for (size_t i = 0; i < w->n_entries; i++) {
        const clade_tensor *t = &w->entry[i].tensor;
        clade_json_key(&json, t->name);
        clade_json_object(&json);
        clade_json_put_text(&json, "dtype", clade_tensor_type_name(t->type));
        clade_json_key(&json, "shape");
        clade_json_array(&json);
        for (size_t k = 0; k < t->n_dimensions; k++)
            clade_json_int(&json, (int64_t)t->shape[k]);
        clade_json_array_end(&json);
        clade_json_key(&json, "data_offsets");
        clade_json_array(&json);
        clade_json_int(&json, (int64_t)t->offset);
        clade_json_int(&json, (int64_t)(t->offset + w->entry[i].n_bytes));
        clade_json_array_end(&json);
        clade_json_object_end(&json);
    }
    clade_json_object_end(&json);
    while (!w->header.failed && w->header.size % 8 != 0)
        clade_buffer_append(&w->header, " ", 1);
    if (w->header.failed)
        return clade_fail(w->err, CLADE_ERR_NOMEM, "no memory for the header of %zu tensors",
                          w->n_entries);
    if (w->header.size > CLADE_TENSORS_HEADER_MAX)
        return clade_fail(
            w->err, CLADE_ERR_ARG,
            "the header of %zu tensors and %zu notes has %zu bytes, wanted at most %d",
            w->n_entries, n_notes, w->header.size, CLADE_TENSORS_HEADER_MAX);
    return CLADE_OK;
}

/* ---- Values -----------------------------------------------------------------------------------
 */

static clade_status put(writer *w, const void *data, size_t size)
{
    clade_hasher_add(w->hasher, data, size);
    return clade_file_put(&w->disk, data, size, w->err);
}

static clade_status put_as_it_is(writer *w, const entry *e)
{
    const char *data = e->source->data;
    for (uint64_t at = 0; at < e->n_bytes;
         at += WRITE_PIECE_BYTES) { /* hashed while in the cache */
        const uint64_t left = e->n_bytes - at;
        CLADE_TRY(put(w, data + at, left < WRITE_PIECE_BYTES ? (size_t)left : WRITE_PIECE_BYTES));
    }
    return CLADE_OK;
}

static clade_status cannot_hold(writer *w, const entry *e, uint64_t i, float x)
{
    return clade_fail(w->err, CLADE_ERR_DATA,
                      "tensor %s: value %" PRIu64 " is %g, which %s cannot hold", e->source->name,
                      i, (double)x, clade_tensor_type_name(e->source->type));
}

static clade_status put_halves(writer *w, const entry *e)
{
    enum { N_PIECE = WRITE_PIECE_BYTES / sizeof(uint16_t) };
    const float *const x        = e->source->data;
    uint16_t *const    half     = (uint16_t *)(void *)w->piece;
    const bool         is_brain = e->tensor.type == CLADE_TENSOR_BF16;
    const uint16_t     infinity = is_brain ? 0x7F80 : 0x7C00;
    for (uint64_t first = 0; first < e->tensor.n_values; first += N_PIECE) {
        const uint64_t left = e->tensor.n_values - first;
        const size_t   n    = left < N_PIECE ? (size_t)left : N_PIECE;
        for (size_t i = 0; i < n; i++) {
            const float value = x[first + i];
            half[i] = is_brain ? clade_bf16_from_float(value) : clade_f16_from_float(value);
            if ((half[i] & 0x7FFF) == infinity && isfinite(value))
                return cannot_hold(w, e, first + i, value);
        }
        CLADE_TRY(put(w, half, n * sizeof half[0]));
    }
    return CLADE_OK;
}

/* max |x| / 127. Two corrections at the ends of float's range: a subnormal quotient loses digits,
 * and is rounded up, since 127 of it must reach the largest value; and 127 of it must stay finite.
 */
static clade_status row_scale(float *out, writer *w, const entry *e, uint64_t first, uint64_t n)
{
    const float *const x   = e->source->data;
    float              max = 0;
    for (uint64_t i = first; i < first + n; i++) {
        if (!isfinite(x[i])) return cannot_hold(w, e, i, x[i]);
        max = fabsf(x[i]) > max ? fabsf(x[i]) : max;
    }
    float scale = (float)(max / 127.0);
    if (scale < FLT_MIN && 127.0 * scale < max) scale = nextafterf(scale, INFINITY);
    if (isinf(127.0f * scale)) scale = nextafterf(scale, 0.0f);
    *out = scale;
    return CLADE_OK;
}

/* Of an I8 tensor its integers, or of its scale tensor the scales. Scales come first in the file;
 * to find them a second time costs less than to keep them. */
static clade_status put_rows(writer *w, const entry *e)
{
    const clade_tensor_source *s = e->source;
    uint64_t                   n_values, n_bytes;
    size_t                     used = 0; /* bytes of the piece */
    const bool fits = clade__tensor_size(&n_values, &n_bytes, s->shape, s->n_dimensions, s->type);
    assert(fits); /* when the file was planned */
    (void)fits;
    const uint64_t     n_rows    = clade__tensor_rows(s->shape, s->n_dimensions, n_values);
    const uint64_t     n_columns = n_rows == 0 ? 0 : n_values / n_rows;
    const float *const x         = s->data;
    for (uint64_t row = 0; row < n_rows; row++) {
        float scale = 0;
        CLADE_TRY(row_scale(&scale, w, e, row * n_columns, n_columns));
        if (e->is_scale) {
            if (used + sizeof scale > WRITE_PIECE_BYTES) {
                CLADE_TRY(put(w, w->piece, used));
                used = 0;
            }
            memcpy(w->piece + used, &scale, sizeof scale);
            used += sizeof scale;
            continue;
        }
        for (uint64_t i = row * n_columns; i < (row + 1) * n_columns; i++) {
            if (used == WRITE_PIECE_BYTES) {
                CLADE_TRY(put(w, w->piece, used));
                used = 0;
            }
            const long level = scale == 0 ? 0 : lrint((double)x[i] / scale);
            assert(level >= -127 && level <= 127);
            w->piece[used++] = (uint8_t)(int8_t)level;
        }
    }
    return put(w, w->piece, used);
}

static clade_status put_entry(writer *w, const entry *e)
{
    if (e->is_scale || e->tensor.type == CLADE_TENSOR_I8) return put_rows(w, e);
    if (e->tensor.type == CLADE_TENSOR_F16 || e->tensor.type == CLADE_TENSOR_BF16)
        return put_halves(w, e);
    return put_as_it_is(w, e);
}

static clade_status put_file(writer *w)
{
    const uint64_t length = w->header.size;
    char           digits[TENSORS_CHECKSUM_DIGITS + 1];
    CLADE_TRY(put(w, &length, TENSORS_LENGTH_BYTES));
    CLADE_TRY(put(w, w->header.data, w->header.size));
    for (size_t i = 0; i < w->n_entries; i++)
        CLADE_TRY(put_entry(w, &w->entry[i]));
    snprintf(digits, sizeof digits, "%016" PRIx64, clade_hasher_value(w->hasher));
    CLADE_TRY(clade_file_patch(&w->disk, TENSORS_LENGTH_BYTES + w->checksum_at, digits,
                               TENSORS_CHECKSUM_DIGITS, w->err));
    return clade_file_keep(&w->disk, w->err);
}

clade_status clade_tensors_write(const char *path, const clade_tensor_source *tensors,
                                 size_t n_tensors, const clade_tensor_note *notes, size_t n_notes,
                                 clade_error *err)
{
    clade_status status = CLADE_OK;
    writer       w      = { .arena = clade_arena_create(0), .disk = { .fd = -1 }, .err = err };

    w.hasher = clade_hasher_create();
    w.piece  = w.arena == NULL ? NULL : clade_arena_alloc(w.arena, WRITE_PIECE_BYTES, 1);
    if (w.hasher == NULL || w.piece == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to write it", path);
        goto done;
    }
    status = plan_tensors(&w, tensors, n_tensors);
    if (status == CLADE_OK) status = check_notes(&w, notes, n_notes);
    if (status == CLADE_OK) status = make_header(&w, notes, n_notes);
    if (status != CLADE_OK) {
        status = clade_fail_at(err, status, "%s: ", path);
        goto done;
    }
    status = clade_file_begin(&w.disk, path, 0666, err);
    if (status != CLADE_OK) goto done;
    status = put_file(&w);
    if (status == CLADE_ERR_DATA) status = clade_fail_at(err, status, "%s: ", path);
done:
    clade_file_end(&w.disk);
    clade_buffer_free(&w.header);
    clade_hasher_free(w.hasher);
    clade_arena_free(w.arena);
    return status;
}
