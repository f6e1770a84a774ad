/* What is written comes back, in the bytes that the format demands. */
#include "tensor_files.h"

#include "clade/run.h"

#include <float.h>

static char        folder[256];
static char        path[300];
static clade_error err;

static int setup(void **state)
{
    (void)state;
    check_folder_make(folder, "tensors");
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    err = (clade_error){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    check_folder_remove(folder);
    return 0;
}

static void write_one(const char *name, clade_tensor_type type, size_t n_dimensions,
                      const uint64_t *shape, const void *data)
{
    clade_tensor_source t = { name, type, n_dimensions, { 0 }, data };
    memcpy(t.shape, shape, n_dimensions * sizeof shape[0]);
    if (clade_tensors_write(path, &t, 1, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static clade_tensors *open_file(void)
{
    clade_tensors *file = NULL;
    if (clade_tensors_open(&file, path, &err) != CLADE_OK) fail_msg("%s", err.message);
    return file;
}

/* ---- Bytes ------------------------------------------------------------------------------------
 */

/* -2.5 is C0200000, 0.15625 is 3E200000 (1.25 / 8), 1.5 in F16 is 3E00; 300 is 12C. */
static void a_file_has_the_bytes_written_by_hand(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"clade\":\"tensors 1\",\"xxh3\":\"0000000000000000\","
        "\"se\\\"ed\":\"7\"},"
        "\"n\":{\"dtype\":\"U64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"head.w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]},"
        "\"b\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[16,18]}}";
    static const uint8_t      data[] = { 0x2C, 0x01, 0,    0, 0, 0,    0,    0,    0,
                                         0,    0x20, 0xC0, 0, 0, 0x20, 0x3E, 0x00, 0x3E };
    const float               w[2] = { -2.5f, 0.15625f }, b[1] = { 1.5f };
    const uint64_t            n      = 300;
    const clade_tensor_source all[3] = { { "head.w", CLADE_TENSOR_F32, 2, { 1, 2 }, w },
                                         { "b", CLADE_TENSOR_F16, 1, { 1 }, b },
                                         { "n", CLADE_TENSOR_U64, 0, { 0 }, &n } };
    const clade_tensor_note   note   = { "se\"ed", "7" };
    check_ok(clade_tensors_write(path, all, 3, &note, 1, &err));

    /* The header is filled with blanks to a multiple of eight. */
    char padded[sizeof header + 8];
    snprintf(padded, sizeof padded, "%s%.*s", header, (int)((8 - strlen(header) % 8) % 8),
             "        ");
    size_t   n_wanted, n_got;
    uint8_t *wanted = made_bytes(&n_wanted, padded, data, sizeof data);
    uint8_t *got    = file_bytes(&n_got, path);

    char digits[17];
    snprintf(digits, sizeof digits, "%016llx",
             (unsigned long long)clade_hash64(wanted, n_wanted, 0));
    const size_t at = 8 + (size_t)(strstr(header, "0000000000000000") - header);
    memcpy(wanted + at, digits, 16);
    assert_int_equal(n_got, n_wanted);
    assert_memory_equal(got, wanted, n_wanted);
    free(got);
    free(wanted);
}

/* As another tool writes it: blanks, members in any order, no metadata, an empty tensor. */
static void a_file_of_another_tool_written_by_hand_is_read(void **state)
{
    (void)state;
    static const char header[] =
        " {\"w\":{\"shape\":[2, 2],\"data_offsets\":[2,18],\"dtype\":\"F32\"},\n"
        "  \"half\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]},"
        "  \"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[2,2]},"
        "  \"wide\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[18,26]} }  ";
    uint8_t      data[26] = { 0x20, 0xC0 }; /* -2.5 */
    const float  w[4]     = { 1.25f, -7.5f, 0x1p-149f, FLT_MAX };
    const double wide     = 0.1;
    memcpy(data + 2, w, sizeof w);
    memcpy(data + 18, &wide, sizeof wide);
    size_t         size;
    uint8_t       *bytes  = made_bytes(&size, header + 1, data, sizeof data);
    clade_tensors *file   = NULL;
    float          out[4] = { 0 };
    if (clade_tensors_open_memory(&file, bytes, size, "theirs", &err) != CLADE_OK)
        fail_msg("%s", err.message);
    assert_false(clade_tensors_is_checked(file));
    assert_int_equal(clade_tensors_count(file), 4);
    assert_string_equal(clade_tensors_at(file, 0)->name, "half");
    assert_int_equal(clade_tensors_find(file, "none")->n_values, 0);
    assert_null(clade_tensors_find(file, "nothing"));
    assert_null(clade_tensors_note(file, "seed"));
    check_ok(clade_tensors_read_floats(out, file, "w", (uint64_t[]){ 2, 2 }, 2, &err));
    assert_memory_equal(out, w, sizeof w);
    check_ok(clade_tensors_read_floats(out, file, "half", (uint64_t[]){ 1 }, 1, &err));
    assert_true(out[0] == -2.5f);
    check_ok(clade_tensors_read_floats(out, file, "wide", NULL, 0, &err));
    assert_true(out[0] == 0.1f);
    check_ok(clade_tensors_read_floats(out, file, "none", (uint64_t[]){ 0, 3 }, 2, &err));
    clade_tensors_close(file);
    free(bytes);

    bytes = made_bytes(&size, header, data, sizeof data); /* the format wants the { first */
    check_refused(clade_tensors_open_memory(&file, bytes, size, "theirs", &err), CLADE_ERR_DATA,
                  "no { follows");
    free(bytes);
}

/* ---- Round trips ------------------------------------------------------------------------------
 */

enum { N_ROWS = 37, N_COLUMNS = 1021, N_VALUES = N_ROWS * N_COLUMNS }; /* more than one block */
static float x[N_VALUES], back[N_VALUES];

static void fill(double spread)
{
    clade_rng rng = clade_rng_stream(7, "tests/tensors", 0);
    for (size_t i = 0; i < N_VALUES; i++)
        x[i] = (float)(spread * clade_rng_normal(&rng) * exp(2 * clade_rng_normal(&rng)));
}

static void read_back(void)
{
    clade_tensors *file = open_file();
    assert_true(clade_tensors_is_checked(file));
    if (clade_tensors_read_floats(back, file, "x", (uint64_t[]){ N_ROWS, N_COLUMNS }, 2, &err) !=
        CLADE_OK)
        fail_msg("%s", err.message);
    clade_tensors_close(file);
}

static void f32_comes_back_bit_for_bit(void **state)
{
    (void)state;
    fill(1.0);
    x[5] = NAN, x[6] = -INFINITY, x[7] = -0.0f, x[8] = 0x1p-149f;
    write_one("x", CLADE_TENSOR_F32, 2, (uint64_t[]){ N_ROWS, N_COLUMNS }, x);
    read_back();
    assert_memory_equal(back, x, sizeof x);
}

static bool same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void halves_come_back_as_the_nearest_half(void **state)
{
    (void)state;
    fill(1.0);
    x[5] = NAN, x[6] = -INFINITY, x[7] = -0.0f, x[8] = 0x1.5p-20f;
    write_one("x", CLADE_TENSOR_F16, 2, (uint64_t[]){ N_ROWS, N_COLUMNS }, x);
    read_back();
    for (size_t i = 0; i < N_VALUES; i++)
        assert_true(same(back[i], clade_f16_to_float(clade_f16_from_float(x[i]))));
    write_one("x", CLADE_TENSOR_BF16, 2, (uint64_t[]){ N_ROWS, N_COLUMNS }, x);
    read_back();
    for (size_t i = 0; i < N_VALUES; i++)
        assert_true(same(back[i], clade_bf16_to_float(clade_bf16_from_float(x[i]))));
}

static float row_max(size_t row)
{
    float max = 0;
    for (size_t i = 0; i < N_COLUMNS; i++)
        max = fmaxf(max, fabsf(x[row * N_COLUMNS + i]));
    return max;
}

/* Half a scale, and one rounding of the product to float. Rows of every size, among them zeros,
 * subnormals and the largest floats. */
static void i8_comes_back_within_half_a_scale(void **state)
{
    (void)state;
    fill(3.0);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        x[i]                 = 0;
        x[N_COLUMNS + i]     = (float)((double)i * 0x1p-149);
        x[2 * N_COLUMNS + i] = i % 2 == 0 ? FLT_MAX : -FLT_MAX / 3;
        x[3 * N_COLUMNS + i] = i % 3 == 0 ? 0x1p-149f : 0;
        x[4 * N_COLUMNS + i] = (float)((double)x[4 * N_COLUMNS + i] * 1e-41);
    }
    write_one("x", CLADE_TENSOR_I8, 2, (uint64_t[]){ N_ROWS, N_COLUMNS }, x);
    read_back();

    float          scale[N_ROWS];
    clade_tensors *file = open_file();
    assert_int_equal(clade_tensors_count(file), 2);
    check_ok(clade_tensors_read_floats(scale, file, "x.scale", (uint64_t[]){ N_ROWS }, 1, &err));
    for (size_t row = 0; row < N_ROWS; row++) {
        if (row_max(row) / 127 > FLT_MIN) check_close(scale[row] / (row_max(row) / 127), 1.0, 2e-7);
        for (size_t i = row * N_COLUMNS; i < (row + 1) * N_COLUMNS; i++) {
            const double room = 0.5 * (double)scale[row] + fabs((double)back[i]) * 0x1p-24;
            if (!(fabs((double)back[i] - (double)x[i]) <= room))
                fail_msg("row %zu: %a became %a, scale %a", row, (double)x[i], (double)back[i],
                         (double)scale[row]);
        }
    }
    static int8_t level[N_VALUES];
    check_ok(clade_tensors_read_values(level, file, "x", CLADE_TENSOR_I8,
                                       (uint64_t[]){ N_ROWS, N_COLUMNS }, 2, &err));
    for (size_t i = 0; i < N_VALUES; i++)
        assert_true(level[i] >= -127);
    clade_tensors_close(file);
}

/* Rows of 3 and 1 dimensions: all but the last index count, and one dimension is one row. */
static void rows_are_all_indices_but_the_last(void **state)
{
    (void)state;
    const float cube[12]   = { 127, -1, 254, 2, 1.27f, 0.62f, 0, 0, -12.7f, 6.4f, 12.7f, 0.1f };
    const float wanted[12] = { 127, -1, 254, 2, 1.27f, 0.62f, 0, 0, -12.7f, 6.4f, 12.7f, 0.1f };
    const clade_tensor_source all[2] = { { "cube", CLADE_TENSOR_I8, 3, { 3, 2, 2 }, cube },
                                         { "line", CLADE_TENSOR_I8, 1, { 4 }, cube } };
    check_ok(clade_tensors_write(path, all, 2, NULL, 0, &err));
    clade_tensors *file = open_file();
    float          scale[6], out[12];
    check_ok(clade_tensors_read_floats(scale, file, "cube.scale", (uint64_t[]){ 6 }, 1, &err));
    check_close(scale[1], 2.0, 0);
    check_close(scale[2], 0.01, 1e-7);
    check_close(scale[3], 0.0, 0);
    check_ok(clade_tensors_read_floats(out, file, "cube", (uint64_t[]){ 3, 2, 2 }, 3, &err));
    for (size_t i = 0; i < 12; i++)
        check_close(out[i], wanted[i], 1e-6);
    check_ok(clade_tensors_read_floats(scale, file, "line.scale", (uint64_t[]){ 1 }, 1, &err));
    check_close(scale[0], 2.0, 0);
    clade_tensors_close(file);
}

static void counters_and_bytes_come_back_as_they_were(void **state)
{
    (void)state;
    const int64_t             signed_values[3] = { INT64_MIN, -1, INT64_MAX };
    const uint64_t            counter          = UINT64_MAX - 4;
    const uint8_t             bytes[5]         = { 0, 1, 127, 128, 255 };
    const clade_tensor_source all[4]           = {
                  { "bytes", CLADE_TENSOR_U8, 1, { 5 }, bytes },
                  { "signed", CLADE_TENSOR_I64, 2, { 1, 3 }, signed_values },
                  { "counter", CLADE_TENSOR_U64, 0, { 0 }, &counter },
                  { "empty", CLADE_TENSOR_I8, 2, { 4, 0 }, NULL },
    };
    check_ok(clade_tensors_write(path, all, 4, NULL, 0, &err));
    clade_tensors *file = open_file();
    int64_t        i64[3];
    uint64_t       u64;
    uint8_t        u8[5];
    float          f[5];
    check_ok(clade_tensors_read_values(i64, file, "signed", CLADE_TENSOR_I64, (uint64_t[]){ 1, 3 },
                                       2, &err));
    check_ok(clade_tensors_read_values(&u64, file, "counter", CLADE_TENSOR_U64, NULL, 0, &err));
    check_ok(
        clade_tensors_read_values(u8, file, "bytes", CLADE_TENSOR_U8, (uint64_t[]){ 5 }, 1, &err));
    assert_memory_equal(i64, signed_values, sizeof i64);
    assert_true(u64 == counter);
    assert_memory_equal(u8, bytes, sizeof u8);
    check_ok(clade_tensors_read_floats(f, file, "bytes", (uint64_t[]){ 5 }, 1, &err));
    assert_true(f[4] == 255.0f);
    assert_int_equal(clade_tensors_find(file, "empty.scale")->n_values, 0);
    check_ok(clade_tensors_read_floats(f, file, "empty", (uint64_t[]){ 4, 0 }, 2, &err));
    for (size_t i = 0; i < clade_tensors_count(file); i++) { /* aligned, for those who map */
        const clade_tensor *t = clade_tensors_at(file, i);
        assert_int_equal(t->offset % clade_tensor_type_bytes(t->type), 0);
    }

    check_refused(clade_tensors_read_floats(f, file, "signed", (uint64_t[]){ 1, 3 }, 2, &err),
                  CLADE_ERR_DATA, "is of type I64");
    check_refused(
        clade_tensors_read_values(u8, file, "bytes", CLADE_TENSOR_I8, (uint64_t[]){ 5 }, 1, &err),
        CLADE_ERR_DATA, "is of type U8, wanted I8");
    check_refused(clade_tensors_read_floats(f, file, "bytes", (uint64_t[]){ 5, 1 }, 2, &err),
                  CLADE_ERR_DATA, "has the shape (5), wanted (5, 1)");
    check_refused(clade_tensors_read_floats(f, file, "byte", (uint64_t[]){ 5 }, 1, &err),
                  CLADE_ERR_NOT_FOUND, "has no tensor byte");
    clade_tensors_close(file);
}

static void notes_come_back_and_an_empty_file_is_one(void **state)
{
    (void)state;
    const clade_tensor_note notes[3] = { { "seed", "18446744073709551615" },
                                         { "\xE8\xAE\xA2", "a\nb\"\\\x01" },
                                         { "a", "" } };
    check_ok(clade_tensors_write(path, NULL, 0, notes, 3, &err));
    clade_tensors *file = open_file();
    assert_int_equal(clade_tensors_count(file), 0);
    assert_null(clade_tensors_find(file, "a"));
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(clade_tensors_note(file, notes[i].key), notes[i].value);
    assert_null(clade_tensors_note(file, "b"));
    clade_tensors_close(file);
}

/* ---- Refusals of the writer --------------------------------------------------------------------
 */

static clade_status try_write(const clade_tensor_source *tensors, size_t n)
{
    return clade_tensors_write(path, tensors, n, NULL, 0, &err);
}

static void what_cannot_be_written_is_named_and_leaves_the_old_file(void **state)
{
    (void)state;
    const float one[4] = { 1, 70000, NAN, FLT_MAX };
    write_one("old", CLADE_TENSOR_F32, 1, (uint64_t[]){ 4 }, one);

    clade_tensor_source t[2] = { { "w", CLADE_TENSOR_F16, 1, { 4 }, one },
                                 { "w", CLADE_TENSOR_F32, 1, { 4 }, one } };
    check_refused(try_write(t, 1), CLADE_ERR_DATA, "tensor w: value 1 is 70000, which F16");
    check_refused(try_write(t, 2), CLADE_ERR_ARG, "tensor w is there twice");
    t[0].type = CLADE_TENSOR_BF16;
    check_refused(try_write(t, 1), CLADE_ERR_DATA, "value 3 is 3.40282e+38, which BF16");
    t[0].type = CLADE_TENSOR_I8;
    check_refused(try_write(t, 1), CLADE_ERR_DATA, "value 2 is nan, which I8");
    t[1].name = "w.scale";
    check_refused(try_write(t, 2), CLADE_ERR_ARG, "tensor w.scale is there twice");
    t[0].type = CLADE_TENSOR_F64;
    check_refused(try_write(t, 1), CLADE_ERR_ARG, "has the type F64");
    t[0].type = CLADE_TENSOR_F32;
    t[0].name = "a\nb";
    check_refused(try_write(t, 1), CLADE_ERR_ARG, "the name of tensor 0");
    t[0].name = "__metadata__";
    check_refused(try_write(t, 1), CLADE_ERR_ARG, "the name of tensor 0");
    t[0].name         = "w";
    t[0].n_dimensions = 9;
    check_refused(try_write(t, 1), CLADE_ERR_ARG, "9 dimensions");
    t[0].n_dimensions = 2;
    t[0].shape[0]     = UINT64_C(1) << 40;
    t[0].shape[1]     = UINT64_C(1) << 40;
    check_refused(try_write(t, 1), CLADE_ERR_ARG, "larger than any file");
    const clade_tensor_note notes[2] = { { "a", "1" }, { "a", "2" } }, own = { "xxh3", "1" };
    check_refused(clade_tensors_write(path, NULL, 0, notes, 2, &err), CLADE_ERR_ARG,
                  "the note a is there twice");
    check_refused(clade_tensors_write(path, NULL, 0, &own, 1, &err), CLADE_ERR_ARG,
                  "the key of note 0");

    clade_tensors *file = open_file();
    assert_non_null(clade_tensors_find(file, "old"));
    clade_tensors_close(file);
    char beside[320];
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *left = fopen(beside, "rb");
    assert_null(left);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_file_has_the_bytes_written_by_hand),
        TEST(a_file_of_another_tool_written_by_hand_is_read),
        TEST(f32_comes_back_bit_for_bit),
        TEST(halves_come_back_as_the_nearest_half),
        TEST(i8_comes_back_within_half_a_scale),
        TEST(rows_are_all_indices_but_the_last),
        TEST(counters_and_bytes_come_back_as_they_were),
        TEST(notes_come_back_and_an_empty_file_is_one),
        TEST(what_cannot_be_written_is_named_and_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
