/* An open file of tensors. Only its header is in memory; values are read where they lie when they
 * are asked for, with pread, so that threads share a file and a file that shrinks is an error and
 * not a crash. Runs once for a model that is loaded. */
#include "tensors_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_PIECE_BYTES = 256 << 10 };

struct clade_tensors {
    clade_arena   *arena;
    char          *name;   /* of the file, for messages */
    int            fd;     /* -1 over memory */
    const uint8_t *memory; /* (n_bytes) or NULL */
    uint64_t       n_bytes;
    uint64_t       data_at; /* where the header ends */
    tensors_header header;
};

/* ---- Opening ----------------------------------------------------------------------------------
 */

/* Bytes [at, at + size) of the file, which were there when it was opened. */
static clade_status take(void *out, const clade_tensors *file, uint64_t at, size_t size,
                         clade_error *err)
{
    if (size == 0) return CLADE_OK;
    if (file->memory != NULL) {
        memcpy(out, file->memory + at, size);
        return CLADE_OK;
    }
    char *to = out;
    while (size > 0) {
        const ssize_t got = pread(file->fd, to, size, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return clade_file_fail(err, file->name, "read", errno);
        if (got == 0)
            return clade_fail(err, CLADE_ERR_IO,
                              "%s: ends at byte %" PRIu64 ", and had %" PRIu64
                              " when it was opened",
                              file->name, at, file->n_bytes);
        to += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return CLADE_OK;
}

/* The hash of the whole file, with zeros where its checksum stands. `header` has its bytes. */
static clade_status hash_file(uint64_t *out, const clade_tensors *file, clade_text header,
                              clade_error *err)
{
    clade_status   status = CLADE_OK;
    clade_hasher  *hasher = clade_hasher_create();
    uint8_t       *piece  = CLADE_NEW(uint8_t, READ_PIECE_BYTES);
    const uint64_t length = header.size;
    const size_t   before = (size_t)(file->header.checksum - header.data);
    const size_t   behind = before + TENSORS_CHECKSUM_DIGITS;
    if (hasher == NULL || piece == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to check it", file->name);
        goto done;
    }
    clade_hasher_add(hasher, &length, TENSORS_LENGTH_BYTES);
    clade_hasher_add(hasher, header.data, before);
    clade_hasher_add(hasher, TENSORS_NO_CHECKSUM, TENSORS_CHECKSUM_DIGITS);
    clade_hasher_add(hasher, header.data + behind, header.size - behind);
    for (uint64_t at = file->data_at; at < file->n_bytes; at += READ_PIECE_BYTES) {
        const uint64_t left = file->n_bytes - at;
        const size_t   size = left < READ_PIECE_BYTES ? (size_t)left : READ_PIECE_BYTES;
        status              = take(piece, file, at, size, err);
        if (status != CLADE_OK) goto done;
        clade_hasher_add(hasher, piece, size);
    }
    *out = clade_hasher_value(hasher);
done:
    free(piece);
    clade_hasher_free(hasher);
    return status;
}

static clade_status check_hash(const clade_tensors *file, clade_text header, clade_error *err)
{
    uint64_t hash = 0;
    char     digits[TENSORS_CHECKSUM_DIGITS + 1];
    if (file->header.checksum == NULL) {
        if (clade_tensors_note(file, TENSORS_MARK_KEY) == NULL) return CLADE_OK;
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: says that clade wrote it, but has no checksum: it is damaged",
                          file->name);
    }
    CLADE_TRY(hash_file(&hash, file, header, err));
    snprintf(digits, sizeof digits, "%016" PRIx64, hash);
    if (memcmp(digits, file->header.checksum, TENSORS_CHECKSUM_DIGITS) != 0) {
        clade_fail(err, CLADE_ERR_DATA,
                   "%s: its checksum does not fit its content (which has %s): it is damaged",
                   file->name, digits);
        clade_hint(err, "take it from a copy, or make it again");
        return CLADE_ERR_DATA;
    }
    return CLADE_OK;
}

/* fd or memory, n_bytes and name are set. */
static clade_status open_source(clade_tensors *file, clade_error *err)
{
    uint64_t length;
    if (file->n_bytes < TENSORS_LENGTH_BYTES)
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: has %" PRIu64 " bytes, wanted at least the %d that begin a file of "
                          "tensors",
                          file->name, file->n_bytes, TENSORS_LENGTH_BYTES);
    CLADE_TRY(take(&length, file, 0, TENSORS_LENGTH_BYTES, err));
    if (length > CLADE_TENSORS_HEADER_MAX)
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: is not a file of tensors, or has a header of %" PRIu64
                          " bytes, wanted at most %d",
                          file->name, length, CLADE_TENSORS_HEADER_MAX);
    if (length > file->n_bytes - TENSORS_LENGTH_BYTES)
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: is cut short: its header has %" PRIu64 " bytes, and %" PRIu64
                          " are there",
                          file->name, length, file->n_bytes - TENSORS_LENGTH_BYTES);
    char *text = clade_arena_alloc(file->arena, (size_t)length, 1);
    if (text == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for its header", file->name);
    CLADE_TRY(take(text, file, TENSORS_LENGTH_BYTES, (size_t)length, err));
    const clade_text header = { text, (size_t)length };
    file->data_at           = TENSORS_LENGTH_BYTES + length;
    CLADE_TRY(clade__tensors_header_read(&file->header, header, file->n_bytes - file->data_at,
                                         file->name, file->arena, err));
    for (size_t i = 0; i < file->header.n_tensors; i++)
        file->header.tensor[i].offset += file->data_at;
    return check_hash(file, header, err);
}

static clade_tensors *make_file(const char *name, clade_error *err)
{
    clade_tensors *file = CLADE_NEW(clade_tensors, 1);
    if (file != NULL) {
        file->fd    = -1;
        file->arena = clade_arena_create(0);
        if (file->arena != NULL) file->name = clade_arena_text(file->arena, name, strlen(name));
        if (file->name != NULL) return file;
    }
    clade_tensors_close(file);
    (void)clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", name);
    return NULL;
}

clade_status clade_tensors_open(clade_tensors **out, const char *path, clade_error *err)
{
    clade_status   status = CLADE_OK;
    struct stat    about;
    clade_tensors *file = make_file(path, err);
    if (file == NULL) return CLADE_ERR_NOMEM;

    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
    if (file->fd < 0 || fstat(file->fd, &about) != 0) {
        status = clade_file_fail(err, path, "open", errno);
        goto done;
    }
    if (!S_ISREG(about.st_mode)) {
        status = clade_fail(err, CLADE_ERR_ARG, "%s: is not a file", path);
        goto done;
    }
    file->n_bytes = (uint64_t)about.st_size;
    status        = open_source(file, err);
    if (status != CLADE_OK) goto done;
    *out = file;
    file = NULL;
done:
    clade_tensors_close(file);
    return status;
}

clade_status clade_tensors_open_memory(clade_tensors **out, const void *data, size_t size,
                                       const char *name, clade_error *err)
{
    clade_tensors *file = make_file(name, err);
    if (file == NULL) return CLADE_ERR_NOMEM;
    file->memory  = data;
    file->n_bytes = data == NULL ? 0 : size;

    const clade_status status = open_source(file, err);
    if (status != CLADE_OK) {
        clade_tensors_close(file);
        return status;
    }
    *out = file;
    return CLADE_OK;
}

void clade_tensors_close(clade_tensors *file)
{
    if (file == NULL) return;
    if (file->fd >= 0) close(file->fd);
    clade_arena_free(file->arena);
    free(file);
}

/* ---- Looking up -------------------------------------------------------------------------------
 */

bool clade_tensors_is_checked(const clade_tensors *file)
{
    return file->header.checksum != NULL;
}

size_t clade_tensors_count(const clade_tensors *file)
{
    return file->header.n_tensors;
}

const clade_tensor *clade_tensors_at(const clade_tensors *file, size_t i)
{
    return &file->header.tensor[i];
}

static int compare_to_tensor(const void *name, const void *tensor)
{
    return strcmp(name, ((const clade_tensor *)tensor)->name);
}

const clade_tensor *clade_tensors_find(const clade_tensors *file, const char *name)
{
    return bsearch(name, file->header.tensor, file->header.n_tensors, sizeof(clade_tensor),
                   compare_to_tensor);
}

static int compare_to_note(const void *key, const void *note)
{
    return strcmp(key, ((const clade_tensor_note *)note)->key);
}

const char *clade_tensors_note(const clade_tensors *file, const char *key)
{
    if (file->header.n_notes == 0) return NULL;
    const clade_tensor_note *note =
        bsearch(key, file->header.note, file->header.n_notes, sizeof *note, compare_to_note);
    return note == NULL ? NULL : note->value;
}

/* ---- Values -----------------------------------------------------------------------------------
 */

static clade_status find_shape(const clade_tensor **out, const clade_tensors *file,
                               const char *name, const uint64_t *shape, size_t n_dimensions,
                               clade_error *err)
{
    const clade_tensor *t = clade_tensors_find(file, name);
    if (t == NULL)
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: has no tensor %s", file->name, name);
    if (t->n_dimensions != n_dimensions ||
        (n_dimensions > 0 && memcmp(t->shape, shape, n_dimensions * sizeof shape[0]) != 0)) {
        char here[128], wanted[128];
        clade__tensor_shape_say(here, t->shape, t->n_dimensions);
        clade__tensor_shape_say(wanted, shape, n_dimensions);
        return clade_fail(err, CLADE_ERR_DATA, "%s: tensor %s has the shape %s, wanted %s",
                          file->name, name, here, wanted);
    }
    *out = t;
    return CLADE_OK;
}

clade_status clade_tensors_read_values(void *out, const clade_tensors *file, const char *name,
                                       clade_tensor_type type, const uint64_t *shape,
                                       size_t n_dimensions, clade_error *err)
{
    const clade_tensor *t;
    CLADE_TRY(find_shape(&t, file, name, shape, n_dimensions, err));
    if (t->type != type)
        return clade_fail(err, CLADE_ERR_DATA, "%s: tensor %s is of type %s, wanted %s", file->name,
                          name, clade_tensor_type_name(t->type), clade_tensor_type_name(type));
    return take(out, file, t->offset, t->n_values * clade_tensor_type_bytes(type), err);
}

/* Values of one piece of the file. I8 is not yet scaled. */
static void convert(float *out, const uint8_t *piece, size_t n, clade_tensor_type type)
{
    uint16_t half;
    double   wide;
    for (size_t i = 0; i < n; i++) {
        switch (type) {
        case CLADE_TENSOR_F16:
            memcpy(&half, piece + 2 * i, sizeof half);
            out[i] = clade_f16_to_float(half);
            break;
        case CLADE_TENSOR_BF16:
            memcpy(&half, piece + 2 * i, sizeof half);
            out[i] = clade_bf16_to_float(half);
            break;
        case CLADE_TENSOR_F64:
            memcpy(&wide, piece + 8 * i, sizeof wide);
            out[i] = (float)wide;
            break;
        case CLADE_TENSOR_I8: out[i] = (float)(int8_t)piece[i]; break;
        default: out[i] = (float)piece[i]; break; /* U8 */
        }
    }
}

/* Multiply values [first, first + n) of a tensor, which `out` holds, by the scales of their rows.
 */
static clade_status apply_scales(float *out, uint64_t first, size_t n, uint64_t n_columns,
                                 const clade_tensors *file, const clade_tensor *scales,
                                 clade_error *err)
{
    enum { N_SCALES = 1024 };
    float    scale[N_SCALES];
    uint64_t row_at = 0, n_known = 0; /* scale[0] is of this row, so many are known */
    for (size_t i = 0; i < n;) {
        const uint64_t row = (first + i) / n_columns;
        if (row >= row_at + n_known) {
            const uint64_t left = scales->n_values - row;
            row_at              = row;
            n_known             = left < N_SCALES ? left : N_SCALES;
            CLADE_TRY(take(scale, file, scales->offset + row * sizeof scale[0],
                           (size_t)n_known * sizeof scale[0], err));
        }
        const uint64_t in_row = n_columns - (first + i) % n_columns;
        const size_t   end    = in_row < n - i ? i + (size_t)in_row : n;
        for (; i < end; i++)
            out[i] *= scale[row - row_at];
    }
    return CLADE_OK;
}

/* The scales of an I8 tensor, or NULL where it has none. */
static clade_status find_scales(const clade_tensor **out, const clade_tensors *file,
                                const clade_tensor *t, clade_error *err)
{
    char name[CLADE_TENSORS_NAME_MAX + sizeof TENSORS_SCALE];
    *out = NULL;
    if (t->type != CLADE_TENSOR_I8) return CLADE_OK;
    snprintf(name, sizeof name, "%s" TENSORS_SCALE, t->name);
    const clade_tensor *scales = clade_tensors_find(file, name);
    if (scales == NULL) return CLADE_OK;
    const uint64_t n_rows = clade__tensor_rows(t->shape, t->n_dimensions, t->n_values);
    if (scales->type != CLADE_TENSOR_F32 || scales->n_dimensions != 1 ||
        scales->n_values != n_rows) {
        char here[128];
        clade__tensor_shape_say(here, scales->shape, scales->n_dimensions);
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: tensor %s is %s of shape %s, wanted F32 of shape (%" PRIu64 ")",
                          file->name, name, clade_tensor_type_name(scales->type), here, n_rows);
    }
    *out = scales;
    return CLADE_OK;
}

clade_status clade_tensors_read_floats(float *out, const clade_tensors *file, const char *name,
                                       const uint64_t *shape, size_t n_dimensions, clade_error *err)
{
    const clade_tensor *t, *scales;
    CLADE_TRY(find_shape(&t, file, name, shape, n_dimensions, err));
    const size_t size = clade_tensor_type_bytes(t->type);
    switch (t->type) {
    case CLADE_TENSOR_F32: return take(out, file, t->offset, t->n_values * size, err);
    case CLADE_TENSOR_F16:
    case CLADE_TENSOR_BF16:
    case CLADE_TENSOR_F64:
    case CLADE_TENSOR_I8:
    case CLADE_TENSOR_U8: break;
    default:
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: tensor %s is of type %s, wanted F32, F16, BF16, F64, I8 or U8",
                          file->name, name, clade_tensor_type_name(t->type));
    }
    CLADE_TRY(find_scales(&scales, file, t, err));

    uint8_t        piece[TENSORS_BLOCK_BYTES];
    const size_t   n_piece   = sizeof piece / size;
    const uint64_t n_rows    = clade__tensor_rows(t->shape, t->n_dimensions, t->n_values);
    const uint64_t n_columns = n_rows == 0 ? 0 : t->n_values / n_rows;
    for (uint64_t first = 0; first < t->n_values; first += n_piece) {
        const uint64_t left = t->n_values - first;
        const size_t   n    = left < n_piece ? (size_t)left : n_piece;
        CLADE_TRY(take(piece, file, t->offset + first * size, n * size, err));
        convert(out + first, piece, n, t->type);
        if (scales != NULL)
            CLADE_TRY(apply_scales(out + first, first, n, n_columns, file, scales, err));
    }
    return CLADE_OK;
}
