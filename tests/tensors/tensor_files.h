/* What the tests of tensors share: whole files as bytes. */
#ifndef CLADE_TESTS_TENSOR_FILES_H
#define CLADE_TESTS_TENSOR_FILES_H

#include "check.h"
#include "clade/tensors.h"
#include "clade/text.h"

#include <stdlib.h>

/* The whole of a file that exists, as a malloc of exactly its size. */
static inline uint8_t *file_bytes(size_t *out_size, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size + (size == 0));
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    *out_size = size;
    return bytes;
}

/* Length, header and data put together: a file of another tool. */
static inline uint8_t *made_bytes(size_t *out_size, const char *header, const void *data,
                                  size_t n_data)
{
    const uint64_t length = strlen(header);
    uint8_t       *bytes  = malloc(8 + length + n_data);
    assert_non_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    if (n_data > 0) memcpy(bytes + 8 + length, data, n_data);
    *out_size = 8 + length + n_data;
    return bytes;
}

/* The call fails with this status and one sentence that holds `words`. */
#define check_refused(call, wanted, words)                                                \
    do {                                                                                  \
        const clade_status check_status = (call);                                         \
        if (check_status != (wanted) || strstr(err.message, (words)) == NULL ||           \
            strchr(err.message, '\n') != NULL)                                            \
            fail_msg("%s: %s: '%s', wanted '%s'", #call, clade_status_name(check_status), \
                     check_status == CLADE_OK ? "" : err.message, words);                 \
    } while (0)

#endif
