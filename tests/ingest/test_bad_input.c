/* Input that cannot be used: one clear sentence each, and never a crash or an endless read. */
#include "reading.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static clade_status open_bytes(const void *data, size_t size, clade_error *err)
{
    clade_reader      *reader = NULL;
    const clade_status status = clade_reader_open_memory(&reader, data, size, "bad.csv", err);
    clade_reader_close(reader);
    return status;
}

static void missing_files_folders_and_locked_files_are_named(void **state)
{
    (void)state;
    clade_reader *reader = NULL;
    clade_error   err    = { 0 };
    char          path[512];
    check_folder_make(folder, "bad");
    assert_int_equal(clade_reader_open(&reader, "/no/such.csv", NULL, &err), CLADE_ERR_NOT_FOUND);
    assert_string_equal(err.message, "/no/such.csv: there is no such file");
    assert_int_equal(clade_reader_open(&reader, folder, NULL, &err), CLADE_ERR_IO);
    assert_non_null(strstr(err.message, "is a folder"));
    if (geteuid() != 0) {
        snprintf(path, sizeof path, "%s/locked.csv", folder);
        check_write(path, "a,b\n", 4);
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(clade_reader_open(&reader, path, NULL, &err), CLADE_ERR_IO);
        assert_non_null(strstr(err.message, "cannot open"));
    }
    assert_null(reader);
    check_folder_remove(folder);
}

static void empty_and_binary_files_are_named(void **state)
{
    (void)state;
    clade_error   err = { 0 };
    unsigned char noise[4096];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)(i * i * 31 + i / 7);
    assert_int_equal(open_bytes("", 0, &err), CLADE_ERR_DATA);
    assert_string_equal(err.message, "bad.csv: the file is empty");
    assert_int_equal(open_bytes(" \n\r\n ", 5, &err), CLADE_ERR_DATA);
    assert_int_equal(open_bytes("\xef\xbb\xbf", 3, &err), CLADE_ERR_DATA);
    assert_string_equal(err.message, "bad.csv: the file is empty");
    assert_int_equal(open_bytes(noise, sizeof noise, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "looks like a binary file"));
    assert_int_equal(open_bytes("\",1.5@", 6, &err), CLADE_ERR_DATA);
    assert_string_equal(err.message,
                        "bad.csv: line 1: the quote that opens column 1 is never closed");
    assert_int_equal(open_bytes("PK\003\004rest of a workbook", 22, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "Excel"));
    assert_non_null(strstr(err.hint, "CSV"));
    assert_int_equal(open_bytes("{\"a\":\n{\"b\":\n", 12, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "line 1"));
}

static void a_header_alone_is_a_file_without_rows(void **state)
{
    (void)state;
    check_rows(READ("order_id,customer_id,amount\n"), "");
    check_rows(READ("order_id,customer_id,amount"), "");
}

static void a_million_columns_are_refused(void **state)
{
    (void)state;
    clade_buffer file = { 0 };
    clade_error  err  = { 0 };
    for (int i = 0; i < 1000000; i++)
        clade_buffer_format(&file, "c%d,", i);
    clade_buffer_text(&file, "end\n1,2\n");
    assert_int_equal(open_bytes(file.data, file.size, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "bad.csv: line 1:"));
    assert_non_null(strstr(err.message, "at most 4096"));
    clade_buffer_clear(&file);
    for (int i = 0; i < 5000; i++)
        clade_buffer_format(&file, "c%d,", i);
    clade_buffer_text(&file, "end\n1,2\n");
    assert_int_equal(open_bytes(file.data, file.size, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "5001 columns"));
    clade_buffer_free(&file);
}

/* 100 MB without and with an opening quote in front: one bad row, and the next rows are read. */
static void a_hundred_megabytes_in_one_field_cost_one_row(void **state)
{
    (void)state;
    const size_t size = 100 << 20;
    char        *data = malloc(size + 64);
    assert_non_null(data);
    for (int quoted = 0; quoted < 2; quoted++) {
        memset(data, 'x', size);
        memcpy(data, "id,text\n1,a\n2,", 14);
        if (quoted) data[14] = '"';
        memcpy(data + size, "\n3,b\n4,c\n", 10);
        clade_reader *reader = read_text(data, size + 10);
        char         *rows   = all_rows(reader);
        assert_non_null(strstr(rows, "[1][a]\n!3 a row of more than 4194304 bytes"));
        assert_non_null(strstr(rows, "\n[3][b]\n[4][c]\n"));
        free(rows);
    }
    free(data);
}

static void a_field_of_two_megabytes_is_one_bad_row(void **state)
{
    (void)state;
    const size_t size = 2 << 20;
    char        *data = malloc(size + 64);
    assert_non_null(data);
    memset(data, 'x', size);
    memcpy(data, "id,text\n1,a\n2,", 14);
    memcpy(data + size, "\n3,b\n", 5);
    check_rows(read_text(data, size + 5),
               "[1][a]\n!3 a field of 2097138 bytes, at most 1048576 are read\n[3][b]\n");
    free(data);
}

static void invalid_utf8_and_nul_bytes_make_bad_rows(void **state)
{
    (void)state;
    clade_reader *reader =
        READ("id,name\n1,红色茶杯和蓝色的盘子，两件一起买更便宜\n2,\xff\xfe oops\n3,x\0y\n4,ok\n");
    clade_row row;
    bool      more;
    check_ok(clade_reader_next(&row, &more, reader, NULL));
    assert_null(row.bad);
    check_ok(clade_reader_next(&row, &more, reader, NULL));
    assert_string_equal(row.bad, "bytes that are not valid UTF-8");
    assert_int_equal(row.line, 3);
    assert_int_equal(row.bad_column, 1);
    assert_true(clade_utf8_valid(row.raw.data, row.raw.size) == row.raw.size);
    check_ok(clade_reader_next(&row, &more, reader, NULL));
    assert_string_equal(row.bad, "a NUL byte");
    assert_int_equal(row.bad_column, 1);
    check_ok(clade_reader_next(&row, &more, reader, NULL));
    assert_null(row.bad);
    clade_reader_close(reader);
}

/* Lone quotes in every line and quotes that never end: time stays in proportion to the size. */
static void a_file_full_of_quotes_ends_in_good_time(void **state)
{
    (void)state;
    static const char *const lines[] = { "\"a,1\n",  "\"\n",         "\"\"\"\n",
                                         "\"\"x,\n", "x\"\"\",\"\n", "\"\"\"\"\"\n" };
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        clade_buffer file = { 0 };
        clade_buffer_text(&file, "id,n\n1,2\n2,3\n3,\"x\n");
        for (int i = 0; i < 60000; i++)
            clade_buffer_text(&file, lines[k]);
        clade_reader *reader = read_text(file.data, file.size);
        free(all_rows(reader));
        clade_buffer_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_files_folders_and_locked_files_are_named),
        cmocka_unit_test(empty_and_binary_files_are_named),
        cmocka_unit_test(a_header_alone_is_a_file_without_rows),
        cmocka_unit_test(a_million_columns_are_refused),
        cmocka_unit_test(a_hundred_megabytes_in_one_field_cost_one_row),
        cmocka_unit_test(a_field_of_two_megabytes_is_one_bad_row),
        cmocka_unit_test(invalid_utf8_and_nul_bytes_make_bad_rows),
        cmocka_unit_test(a_file_full_of_quotes_ends_in_good_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
