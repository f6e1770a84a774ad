/* What the files of tensors share with each other and nobody else. */
#ifndef CLADE_TENSORS_INTERNAL_H
#define CLADE_TENSORS_INTERNAL_H

#include "clade/file.h"
#include "clade/tensors.h"
#include "clade/text.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the values lie in files as in memory");

#define TENSORS_META_KEY     "__metadata__"
#define TENSORS_MARK_KEY     "clade" /* a file that has it was written by clade, and has a checksum */
#define TENSORS_MARK         "tensors 1"
#define TENSORS_CHECKSUM_KEY "xxh3"
#define TENSORS_SCALE        ".scale"
#define TENSORS_NO_CHECKSUM  "0000000000000000" /* what is hashed where the checksum stands */
enum { TENSORS_LENGTH_BYTES = 8, TENSORS_CHECKSUM_DIGITS = 16, TENSORS_BLOCK_BYTES = 16 << 10 };

/* Of a name or key: 1 to CLADE_TENSORS_NAME_MAX bytes of UTF-8 without control characters. */
bool clade__tensor_name_fits(clade_text name);
/* A type by its name in the format, or CLADE_N_TENSOR_TYPE. */
clade_tensor_type clade__tensor_type_find(clade_text name);
/* Product of a shape, and the bytes of so many values; false when either passes 2^63. */
bool clade__tensor_size(uint64_t *out_values, uint64_t *out_bytes, const uint64_t *shape,
                        size_t n_dimensions, clade_tensor_type type);
/* "(2, 3)" for messages, cut where the room ends. */
void clade__tensor_shape_say(char out[128], const uint64_t *shape, size_t n_dimensions);
/* Rows that have a scale each: the product of all but the last dimension, 1 below two dimensions,
 * and 0 where there are no values. The shape passed clade__tensor_size. */
uint64_t clade__tensor_rows(const uint64_t *shape, size_t n_dimensions, uint64_t n_values);

/* What is known of a file once its header was read. Texts and arrays live in the arena, which also
 * holds the header's bytes. */
typedef struct tensors_header {
    clade_tensor      *tensor; /* (n_tensors) by name */
    size_t             n_tensors;
    clade_tensor_note *note; /* (n_notes) by key */
    size_t             n_notes;
    const char        *checksum; /* its 16 digits inside the header's text, or NULL */
} tensors_header;

/* Read the header's text, JSON, of a file with `data_bytes` behind it. `name` is for messages. */
clade_status clade__tensors_header_read(tensors_header *out, clade_text text, uint64_t data_bytes,
                                        const char *name, clade_arena *arena, clade_error *err);

#endif
