/* The types of the format, and what may be a name. */
#include "tensors_internal.h"

#include <stdio.h>

static const struct {
    const char *name;
    size_t      size;
} types[CLADE_N_TENSOR_TYPE] = {
    [CLADE_TENSOR_F32] = { "F32", 4 },   [CLADE_TENSOR_F16] = { "F16", 2 },
    [CLADE_TENSOR_BF16] = { "BF16", 2 }, [CLADE_TENSOR_I8] = { "I8", 1 },
    [CLADE_TENSOR_U8] = { "U8", 1 },     [CLADE_TENSOR_I64] = { "I64", 8 },
    [CLADE_TENSOR_U64] = { "U64", 8 },   [CLADE_TENSOR_F64] = { "F64", 8 },
    [CLADE_TENSOR_I16] = { "I16", 2 },   [CLADE_TENSOR_U16] = { "U16", 2 },
    [CLADE_TENSOR_I32] = { "I32", 4 },   [CLADE_TENSOR_U32] = { "U32", 4 },
    [CLADE_TENSOR_BOOL] = { "BOOL", 1 },
};

const char *clade_tensor_type_name(clade_tensor_type type)
{
    return (size_t)type < CLADE_N_TENSOR_TYPE ? types[type].name : "unknown";
}

size_t clade_tensor_type_bytes(clade_tensor_type type)
{
    return (size_t)type < CLADE_N_TENSOR_TYPE ? types[type].size : 0;
}

clade_tensor_type clade__tensor_type_find(clade_text name)
{
    for (size_t i = 0; i < CLADE_N_TENSOR_TYPE; i++) {
        if (clade_text_equal(name, clade_text_of(types[i].name))) return (clade_tensor_type)i;
    }
    return CLADE_N_TENSOR_TYPE;
}

bool clade__tensor_name_fits(clade_text name)
{
    if (name.size < 1 || name.size > CLADE_TENSORS_NAME_MAX) return false;
    for (size_t i = 0; i < name.size; i++) {
        const unsigned char c = (unsigned char)name.data[i];
        if (c < 0x20 || c == 0x7F) return false;
    }
    return clade_utf8_valid(name.data, name.size) == name.size;
}

bool clade__tensor_size(uint64_t *out_values, uint64_t *out_bytes, const uint64_t *shape,
                        size_t n_dimensions, clade_tensor_type type)
{
    uint64_t n = 1, bytes;
    for (size_t i = 0; i < n_dimensions; i++) {
        if (__builtin_mul_overflow(n, shape[i], &n)) return false;
    }
    if (__builtin_mul_overflow(n, (uint64_t)clade_tensor_type_bytes(type), &bytes)) return false;
    if (bytes > INT64_MAX) return false; /* beyond any file's offset */
    *out_values = n;
    *out_bytes  = bytes;
    return true;
}

void clade__tensor_shape_say(char out[128], const uint64_t *shape, size_t n_dimensions)
{
    size_t n = (size_t)snprintf(out, 128, "(");
    for (size_t i = 0; i < n_dimensions && n < 100; i++) {
        n += (size_t)snprintf(out + n, 128 - n, "%s%llu", i == 0 ? "" : ", ",
                              (unsigned long long)shape[i]);
    }
    snprintf(out + n, 128 - n, ")");
}

uint64_t clade__tensor_rows(const uint64_t *shape, size_t n_dimensions, uint64_t n_values)
{
    uint64_t n = n_values == 0 ? 0 : 1;
    for (size_t i = 0; i + 1 < n_dimensions; i++)
        n *= shape[i];
    return n;
}
