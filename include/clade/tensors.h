/**
 * Tensors: named arrays of numbers in one file, in the safetensors format, which other tools read
 * and write too. A model's weights, a training checkpoint and a table of customer vectors are such
 * files; docs/formats/tensors.md has the bytes.
 *
 * A file that clade wrote carries a checksum over all its bytes, and is refused when a single bit
 * of it differs. Files of other tools have none and are read all the same. Input is hostile:
 * whatever is in a file, it is read or refused with one sentence.
 */
#ifndef CLADE_TENSORS_H
#define CLADE_TENSORS_H

#include "clade/memory.h"

enum {
    CLADE_TENSORS_MAX            = 1 << 16, /* tensors in a file */
    CLADE_TENSORS_HEADER_MAX     = 4 << 20, /* bytes of its header */
    CLADE_TENSORS_NOTES_MAX      = 1 << 10, /* texts in its metadata */
    CLADE_TENSORS_NAME_MAX       = 255,     /* bytes of a name, and of a key in the metadata */
    CLADE_TENSORS_DIMENSIONS_MAX = 8,
};

/** How the values of a tensor lie in a file. */
typedef enum clade_tensor_type {
    CLADE_TENSOR_F32,
    CLADE_TENSOR_F16,  /* IEEE binary16: 11 bits of precision, up to 65504 */
    CLADE_TENSOR_BF16, /* the upper half of a float: 8 bits of precision, the range of a float */
    CLADE_TENSOR_I8,   /* a row's values over its scale, which is the tensor "<name>.scale" */
    CLADE_TENSOR_U8,
    CLADE_TENSOR_I64,
    CLADE_TENSOR_U64,
    CLADE_TENSOR_F64, /* this and those below are read, and never written */
    CLADE_TENSOR_I16,
    CLADE_TENSOR_U16,
    CLADE_TENSOR_I32,
    CLADE_TENSOR_U32,
    CLADE_TENSOR_BOOL,
    CLADE_N_TENSOR_TYPE
} clade_tensor_type;

/** The name of a type in the format ("BF16"), and the bytes of one value. */
CLADE_API const char *clade_tensor_type_name(clade_tensor_type type);
CLADE_API size_t      clade_tensor_type_bytes(clade_tensor_type type);

/* ---- Halves of a float ------------------------------------------------------------------------
 */

/** To the nearest value, of two equally near ones the even; beyond the largest, infinity. A NAN
 *  stays a NAN, a zero keeps its sign, and what is too small becomes a subnormal or a zero. */
CLADE_API uint16_t clade_f16_from_float(float x);
CLADE_API uint16_t clade_bf16_from_float(float x);
/** Exact: every half is a float. */
CLADE_API float clade_f16_to_float(uint16_t half);
CLADE_API float clade_bf16_to_float(uint16_t half);

/* ---- Writing ----------------------------------------------------------------------------------
 */

/** One array to be written. */
typedef struct clade_tensor_source {
    const char       *name;
    clade_tensor_type type;         /* F32, F16, BF16, I8, U8, I64 or U64 */
    size_t            n_dimensions; /* 0 is a single value */
    uint64_t          shape[CLADE_TENSORS_DIMENSIONS_MAX];
    const void       *data; /* row-major: float for F32, F16, BF16 and I8, which are made of it;
                               uint8_t, int64_t, uint64_t for the others. NULL when it is empty */
} clade_tensor_source;

/** A text about the file: "seed", "options", "data_hash". */
typedef struct clade_tensor_note {
    const char *key;
    const char *value;
} clade_tensor_note;

/**
 * Write a file of tensors, whole or not at all.
 *
 * The bytes go to `<path>.new`, which is synced and renamed over `path`, and then the folder is
 * synced: a full disk, a killed process or a lost power supply leaves the old file as it was.
 *
 * I8 keeps a float for each row (all values that differ in the last index alone; a tensor of less
 * than two dimensions is one row): scale = max |x| / 127, stored x / scale to the nearest integer,
 * so that a value comes back within half a scale. The scales are written as a further F32 tensor
 * `<name>.scale` of shape (rows).
 *
 * @param tensors  Names are unique (the scales' among them), valid UTF-8 without control
 * characters, 1 to CLADE_TENSORS_NAME_MAX bytes. Values of F16 and BF16 may be infinite or NAN; a
 * finite value that would become infinite is refused. I8 takes finite values.
 * @param notes    Keys are unique and as names; "clade" and "xxh3" are the writer's own.
 *
 * @return CLADE_OK; CLADE_ERR_ARG for a name, a key, a shape, a type or a number above its limit;
 *         CLADE_ERR_DATA naming tensor and index of a value that the type cannot hold;
 *         CLADE_ERR_IO, CLADE_ERR_NOT_FOUND for the disk; CLADE_ERR_NOMEM.
 *
 * Ownership   Borrows everything for the call. Takes memory for the header and half a MiB.
 * Threads     Safe at once on different paths.
 * Repeatable  The same bytes for the same arrays and notes.
 * Cost        One pass over the values (two for I8, F16 and BF16), two fsyncs.
 */
CLADE_API CLADE_MUST_USE clade_status clade_tensors_write(const char                *path,
                                                          const clade_tensor_source *tensors,
                                                          size_t                     n_tensors,
                                                          const clade_tensor_note   *notes,
                                                          size_t n_notes, clade_error *err);

/* ---- Reading ----------------------------------------------------------------------------------
 */

typedef struct clade_tensors clade_tensors; /* an open file */

/** One tensor of an open file, which owns it. */
typedef struct clade_tensor {
    const char       *name;
    clade_tensor_type type;
    size_t            n_dimensions;
    uint64_t          shape[CLADE_TENSORS_DIMENSIONS_MAX];
    uint64_t          n_values; /* the product of the shape; 1 for a single value */
    uint64_t          offset;   /* of its first byte in the file */
} clade_tensor;

/**
 * Open a file of tensors and check all of it: header, names, types, shapes, that the tensors cover
 * the bytes behind the header without hole or overlap, and the checksum where there is one.
 *
 * @return CLADE_OK; CLADE_ERR_NOT_FOUND; CLADE_ERR_IO; CLADE_ERR_NOMEM; CLADE_ERR_DATA with what is
 *         wrong in the file.
 *
 * Ownership   The caller closes. The file stays open, and the values stay in it: only the header is
 *             kept in memory. A file that is replaced meanwhile (as clade_tensors_write does) is
 *             still the old one here.
 * Cost        One read of the file where it has a checksum, else of its header.
 */
CLADE_API CLADE_MUST_USE clade_status clade_tensors_open(clade_tensors **out, const char *path,
                                                         clade_error *err);
/** The same over bytes that the caller keeps until it is closed. `name` is said in messages. */
CLADE_API CLADE_MUST_USE clade_status clade_tensors_open_memory(clade_tensors **out,
                                                                const void *data, size_t size,
                                                                const char *name, clade_error *err);
/** Accepts NULL. */
CLADE_API void clade_tensors_close(clade_tensors *file);

/** Whether the file carried a checksum, which then was right. False for files of other tools. */
CLADE_API bool clade_tensors_is_checked(const clade_tensors *file);
/** Tensors in the order of their names. */
CLADE_API size_t              clade_tensors_count(const clade_tensors *file);
CLADE_API const clade_tensor *clade_tensors_at(const clade_tensors *file, size_t i);
/** By name, in O(log n); NULL when there is none. */
CLADE_API const clade_tensor *clade_tensors_find(const clade_tensors *file, const char *name);
/** A text of the metadata, or NULL. Lent until the file is closed. */
CLADE_API const char *clade_tensors_note(const clade_tensors *file, const char *key);

/**
 * Read a tensor of F32, F16, BF16, F64, I8 or U8 as floats. F64 is rounded. I8 is multiplied by its
 * row's scale where the file has `<name>.scale`, else taken as it is.
 *
 * @param out    The product of the shape, row-major. Untouched on an error, except that one of the
 *               disk may come in the middle.
 * @param shape  The shape that the caller's array has, and the tensor must have.
 *
 * @return CLADE_OK; CLADE_ERR_NOT_FOUND when there is no such tensor; CLADE_ERR_DATA for another
 *         shape, a type that a float does not hold, or scales that do not fit; CLADE_ERR_IO.
 *
 * Threads     Safe at once on the same file. Allocates nothing.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_tensors_read_floats(float *out, const clade_tensors *file, const char *name,
                          const uint64_t *shape, size_t n_dimensions, clade_error *err);
/** The values as they lie in the file, which must be of this type. As clade_tensors_read_floats. */
CLADE_API CLADE_MUST_USE clade_status clade_tensors_read_values(
    void *out, const clade_tensors *file, const char *name, clade_tensor_type type,
    const uint64_t *shape, size_t n_dimensions, clade_error *err);

#endif
