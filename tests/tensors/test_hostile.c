/* Files that are damaged, cut or made to hurt: each is refused with one sentence. */
#include "tensor_files.h"

static clade_error err;

/* A small file with a checksum, every type that is written, and a note. */
static uint8_t *small_file(size_t *out_size)
{
    char                      folder[256], path[300];
    const float               x[6]   = { 0.5f, -2.385f, 7.25f, 1e-3f, 3.5f, -0.125f };
    const int64_t             count  = 41;
    const clade_tensor_source all[5] = { { "a", CLADE_TENSOR_F32, 2, { 2, 3 }, x },
                                         { "b", CLADE_TENSOR_F16, 1, { 3 }, x },
                                         { "c", CLADE_TENSOR_BF16, 1, { 1 }, x },
                                         { "d", CLADE_TENSOR_I8, 2, { 2, 3 }, x },
                                         { "e", CLADE_TENSOR_I64, 0, { 0 }, &count } };
    const clade_tensor_note   note   = { "seed", "7" };
    check_folder_make(folder, "hostile");
    snprintf(path, sizeof path, "%s/small", folder);
    check_ok(clade_tensors_write(path, all, 5, &note, 1, &err));
    uint8_t *bytes = file_bytes(out_size, path);
    check_folder_remove(folder);
    return bytes;
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    size_t   size;
    uint8_t *bytes = small_file(&size);
    for (size_t n = 0; n < size; n++) {
        clade_tensors *file = NULL;
        uint8_t       *cut  = malloc(n + (n == 0)); /* exact, so that reading beyond it is seen */
        assert_non_null(cut);
        memcpy(cut, bytes, n);
        if (clade_tensors_open_memory(&file, cut, n, "cut", &err) != CLADE_ERR_DATA)
            fail_msg("%zu of %zu bytes were taken", n, size);
        assert_null(file);
        assert_true(strncmp(err.message, "cut: ", 5) == 0);
        free(cut);
    }
    free(bytes);
}

static void a_single_flipped_bit_is_seen_wherever_it_is(void **state)
{
    (void)state;
    size_t         size;
    clade_tensors *file  = NULL;
    uint8_t       *bytes = small_file(&size);
    for (size_t i = 0; i < 8 * size; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        if (clade_tensors_open_memory(&file, bytes, size, "flipped", &err) != CLADE_ERR_DATA)
            fail_msg("bit %zu of byte %zu was not seen", i % 8, i / 8);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    check_ok(clade_tensors_open_memory(&file, bytes, size, "whole", &err));
    clade_tensors_close(file);
    free(bytes);
}

static void bytes_behind_the_last_tensor_are_refused(void **state)
{
    (void)state;
    size_t         size;
    clade_tensors *file  = NULL;
    uint8_t       *bytes = small_file(&size);
    uint8_t       *more  = calloc(1, size + 1);
    assert_non_null(more);
    memcpy(more, bytes, size);
    check_refused(clade_tensors_open_memory(&file, more, size + 1, "more", &err), CLADE_ERR_DATA,
                  "1 bytes behind the last tensor belong to no tensor");
    free(more);
    free(bytes);
}

/* Headers over 8 bytes of data, and the words that refuse them. T stands for a good tensor of all.
 */
#define GOOD "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"
static const struct {
    const char *header, *words;
} bad[] = {
    { "", "no { follows" },
    { "[]", "no { follows" },
    { "{", "header: JSON ends" },
    { "{}", "8 bytes behind the last tensor" },
    { "{\"t\":1}", "tensor t is described by something else" },
    { "{\"t\":{" GOOD ",\"more\":1}}", "tensor t is described by something else" },
    { "{\"t\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2]}}", "data_offsets are not" },
    { "{\"t\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", "dtype 'F33'" },
    { "{\"t\":{\"dtype\":\"F\\u000a\",\"shape\":[2],\"data_offsets\":[0,8]}}", "dtype ''" },
    { "{\"t\":{\"dtype\":4,\"shape\":[2],\"data_offsets\":[0,8]}}", "dtype ''" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", "has no shape" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", "shape[0] is not" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "shape[0] is not" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[2e0],\"data_offsets\":[0,8]}}", "shape[0] is not" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[[2],2],\"data_offsets\":[0,8]}}", "shape[0] is not" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,8]}}",
      "shape[0] is not" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}",
      "9 dimensions" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,8]}}",
      "larger than any file" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[4611686018427387906],\"data_offsets\":[0,8]}}",
      "larger than any file" }, /* times 4 it is 8, when the carry is lost */
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
      "has 8 bytes, wanted 12 for F32 of shape (3)" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", "data_offsets are not" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "lies at bytes 8 to 0" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
      "lies at bytes 0 to 12" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[18446744073709551612,4]}}",
      "lies at bytes" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
      "bytes 0 to 4 in front of tensor t belong to no tensor" },
    { "{\"t\":{" GOOD "},\"u\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
      "tensors t and u overlap at byte 4" },
    { "{\"t\":{" GOOD "},\"u\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[3,3]}}",
      "tensors t and u overlap at byte 3" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
      "\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
      "tensor t is there twice" },
    { "{\"\":{" GOOD "}}", "name 1 in its header is empty" },
    { "{\"a\\u0000b\":{" GOOD "}}", "control characters" },
    { "{\"__metadata__\":{},\"__metadata__\":{},\"t\":{" GOOD "}}", "is there twice" },
    { "{\"__metadata__\":[],\"t\":{" GOOD "}}", "is not an object" },
    { "{\"__metadata__\":{\"a\":1},\"t\":{" GOOD "}}", "'a' in its metadata is not a text" },
    { "{\"__metadata__\":{\"a\":\"\\u0000\"},\"t\":{" GOOD "}}", "'a' in its metadata is not" },
    { "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"},\"t\":{" GOOD "}}", "'a' is twice" },
    { "{\"__metadata__\":{\"xxh3\":\"12\"},\"t\":{" GOOD "}}", "is not 16 hexadecimal digits" },
    { "{\"__metadata__\":{\"xxh3\":\"\\u00300000000000000000\"},\"t\":{" GOOD "}}",
      "is not 16 hexadecimal digits" },
    { "{\"__metadata__\":{\"xxh3\":\"0000000000000000\"},\"t\":{" GOOD "}}", "is damaged" },
    { "{\"__metadata__\":{\"clade\":\"tensors 1\"},\"t\":{" GOOD "}}", "has no checksum" },
};

static void every_lie_in_a_header_is_refused_with_its_reason(void **state)
{
    (void)state;
    const uint8_t data[8] = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t         size;
        clade_tensors *file  = NULL;
        uint8_t       *bytes = made_bytes(&size, bad[i].header, data, sizeof data);
        check_refused(clade_tensors_open_memory(&file, bytes, size, "bad", &err), CLADE_ERR_DATA,
                      bad[i].words);
        assert_null(file);
        free(bytes);
    }
    size_t         size;
    clade_tensors *file  = NULL;
    uint8_t       *bytes = made_bytes(&size, "{\"t\":{" GOOD "}}", data, sizeof data);
    check_ok(clade_tensors_open_memory(&file, bytes, size, "good", &err));
    clade_tensors_close(file);
    free(bytes);
}

static void a_length_of_the_header_that_lies_is_refused(void **state)
{
    (void)state;
    static const uint64_t lengths[] = { 9, 1 << 20, (4 << 20) + 1, UINT64_MAX, UINT64_MAX - 7 };
    uint8_t               bytes[16] = { 0 };
    clade_tensors        *file      = NULL;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memcpy(bytes, &lengths[i], 8);
        assert_int_equal(clade_tensors_open_memory(&file, bytes, sizeof bytes, "long", &err),
                         CLADE_ERR_DATA);
        assert_non_null(strstr(err.message, "header"));
    }
    check_refused(clade_tensors_open_memory(&file, NULL, 0, "none", &err), CLADE_ERR_DATA,
                  "has 0 bytes");
    check_refused(clade_tensors_open_memory(&file, bytes, 7, "seven", &err), CLADE_ERR_DATA,
                  "has 7 bytes");
}

static void more_tensors_than_the_limit_are_refused(void **state)
{
    (void)state;
    clade_buffer header = { 0 };
    clade_buffer_text(&header, "{");
    for (size_t i = 0; i <= CLADE_TENSORS_MAX; i++)
        clade_buffer_format(&header, "%s\"%zu\":{}", i == 0 ? "" : ",", i);
    clade_buffer_text(&header, "}");
    size_t         size;
    clade_tensors *file  = NULL;
    uint8_t       *bytes = made_bytes(&size, header.data, NULL, 0);
    check_refused(clade_tensors_open_memory(&file, bytes, size, "many", &err), CLADE_ERR_DATA,
                  "has 65537 tensors, wanted at most 65536");
    free(bytes);
    clade_buffer_free(&header);
}

/* Scales of another shape or type, beside a good tensor of integers. */
static void scales_that_do_not_fit_are_refused_and_none_is_no_scaling(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"w.scale\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"w\":{\"dtype\":\"I8\",\"shape\":[2,2],\"data_offsets\":[4,8]}}",
        "{\"w.scale\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
        "\"w\":{\"dtype\":\"I8\",\"shape\":[2,2],\"data_offsets\":[4,8]}}",
        "{\"w.scales\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"w\":{\"dtype\":\"I8\",\"shape\":[2,2],\"data_offsets\":[4,8]}}",
    };
    const uint8_t  data[8] = { 0, 0, 0, 0, 1, 0x80, 0x7F, 0xFF };
    const uint64_t shape[] = { 2, 2 };
    for (size_t i = 0; i < 3; i++) {
        size_t         size;
        clade_tensors *file   = NULL;
        uint8_t       *bytes  = made_bytes(&size, headers[i], data, sizeof data);
        float          out[4] = { 9, 9, 9, 9 };
        check_ok(clade_tensors_open_memory(&file, bytes, size, "scales", &err));
        if (i < 2) {
            check_refused(clade_tensors_read_floats(out, file, "w", shape, 2, &err), CLADE_ERR_DATA,
                          "wanted F32 of shape (2)");
            assert_true(out[0] == 9);
        } else {
            check_ok(clade_tensors_read_floats(out, file, "w", shape, 2, &err));
            assert_true(out[0] == 1 && out[1] == -128 && out[2] == 127 && out[3] == -1);
        }
        clade_tensors_close(file);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_single_flipped_bit_is_seen_wherever_it_is),
        cmocka_unit_test(bytes_behind_the_last_tensor_are_refused),
        cmocka_unit_test(every_lie_in_a_header_is_refused_with_its_reason),
        cmocka_unit_test(a_length_of_the_header_that_lies_is_refused),
        cmocka_unit_test(more_tensors_than_the_limit_are_refused),
        cmocka_unit_test(scales_that_do_not_fit_are_refused_and_none_is_no_scaling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
