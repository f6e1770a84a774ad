/* JSON lines, and arrays of objects. */
#include "reading.h"

static void objects_become_rows_and_nesting_becomes_dots(void **state)
{
    (void)state;
    clade_reader *reader =
        READ("{\"user\":{\"id\":7,\"vip\":true},\"event\":\"view\",\"price\":2.50}\n"
             "{\"event\":\"buy\",\"user\":{\"id\":\"u8\"},\"items\":[1,2,\"x\"],\"note\":null}\n");
    assert_int_equal(clade_reader_dialect(reader)->format, CLADE_FORMAT_JSONL);
    assert_string_equal(clade_reader_column(reader, 0), "user.id");
    assert_string_equal(clade_reader_column(reader, 1), "user.vip");
    check_rows(reader, "[7][true][view][2.50][~][~]\n[u8][~][buy][~][1 2 x][~]\n");
}

static void an_array_of_objects_is_read_one_by_one(void **state)
{
    (void)state;
    check_rows(
        READ(
            "[\n  {\"a\": \"x, }\\\"\", \"b\": [{\"c\": 1}]},\n  {\"a\": \"y\",\n \"b\": []}\n]\n"),
        "[x, }\"][[{\"c\":1}]]\n[y][]\n");
}

static void a_broken_line_is_bad_and_the_next_is_not(void **state)
{
    (void)state;
    clade_reader *reader = READ("{\"a\":1}\n{\"a\":\n[2]\n\n{\"a\":3}\n");
    char         *rows   = all_rows(reader);
    assert_non_null(strstr(rows, "[1]\n!2 "));
    assert_non_null(strstr(rows, "\n!3 a JSON object was wanted\n[3]\n"));
    free(rows);
}

static void keys_that_come_late_are_counted_in_the_note(void **state)
{
    (void)state;
    clade_buffer file = { 0 };
    clade_row    row;
    bool         more = true;
    for (int i = 0; i < 40000; i++)
        clade_buffer_format(&file, "{\"a\":%d}\n", i);
    clade_buffer_text(&file, "{\"a\":1,\"promo\":\"x\"}\n{\"a\":1,\"promo\":\"y\"}\n");
    clade_reader *reader = read_text(file.data, file.size);
    assert_null(clade_reader_header_note(reader));
    while (more)
        check_ok(clade_reader_next(&row, &more, reader, NULL));
    assert_non_null(strstr(clade_reader_header_note(reader), "\"promo\" (2 times)"));
    clade_reader_close(reader);
    clade_buffer_free(&file);
}

static void a_nul_in_a_text_makes_the_row_bad(void **state)
{
    (void)state;
    check_rows(READ("{\"a\":\"x\"}\n{\"a\":\"y\\u0000z\"}\n"), "[x]\n!2 a NUL byte\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_become_rows_and_nesting_becomes_dots),
        cmocka_unit_test(an_array_of_objects_is_read_one_by_one),
        cmocka_unit_test(a_broken_line_is_bad_and_the_next_is_not),
        cmocka_unit_test(keys_that_come_late_are_counted_in_the_note),
        cmocka_unit_test(a_nul_in_a_text_makes_the_row_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
