/* CSV: RFC 4180, and what people make of it. */
#include "ingest/reader_parts.h"
#include "reading.h"

static void fields_come_out_as_they_were_written(void **state)
{
    (void)state;
    check_rows(READ("id,name,price\n1,Tea,2.50\n2,\"Cup, blue\",3\n"),
               "[1][Tea][2.50]\n[2][Cup, blue][3]\n");
}

static void doubled_quotes_stand_for_one(void **state)
{
    (void)state;
    check_rows(READ("id,name,price\n1,\"5\"\" plate\",2\n2,\"\"\"\",3\n3,\"\",4\n"),
               "[1][5\" plate][2]\n[2][\"][3]\n[3][][4]\n");
}

static void a_quoted_field_may_span_lines_and_the_line_numbers_go_on(void **state)
{
    (void)state;
    check_rows(READ("id,text,n\r\n1,\"two\r\nlines\",2\r\n2,x\r\n"),
               "[1][two\r\nlines][2]\n!4 2 fields where 3 were expected\n");
}

static void every_line_end_is_known_and_the_last_may_be_missing(void **state)
{
    (void)state;
    check_rows(READ("a,b\n1,2\n3,4"), "[1][2]\n[3][4]\n");
    check_rows(READ("a,b\r\n1,2\r\n3,4"), "[1][2]\n[3][4]\n");
    check_rows(READ("a,b\r1,2\r3,4\r"), "[1][2]\n[3][4]\n");
    check_rows(READ("a,b\n\n1,2\n\r\n\n3,4\n\n"), "[1][2]\n[3][4]\n");
}

static void an_unclosed_quote_loses_one_line_and_no_more(void **state)
{
    (void)state;
    check_rows(READ("id,text,n\n1,\"open,2\n2,\"ok\",3\n3,plain,4\n4,\"also open,5\n5,x,6\n"),
               "!2 the quote that opens column 2 is never closed\n[2][ok][3]\n[3][plain][4]\n"
               "!5 the quote that opens column 2 is never closed\n[5][x][6]\n");
}

static void a_quote_inside_of_a_field_is_a_quote(void **state)
{
    (void)state;
    check_rows(READ("id,size,n\n1,5\" plate,2\n2,\"12\" plate\",3\n3, \"a, b\" ,4\n"),
               "[1][5\" plate][2]\n[2][12\" plate][3]\n[3][a, b][4]\n");
}

static void a_ragged_row_is_bad_and_trailing_empty_fields_are_not(void **state)
{
    (void)state;
    check_rows(READ("a,b,c\n1,2\n1,2,3,4\n1,2,3,,\n5,6,7\n"),
               "!2 2 fields where 3 were expected\n!3 4 fields where 3 were expected\n"
               "[1][2][3]\n[5][6][7]\n");
}

static void the_dialect_is_told_by_the_most_even_table(void **state)
{
    (void)state;
    clade_reader *reader = READ("name;price\nTea;2,50\nCup;3,10\nJug;12,00\n");
    assert_int_equal(clade_reader_dialect(reader)->delimiter, ';');
    check_rows(reader, "[Tea][2,50]\n[Cup][3,10]\n[Jug][12,00]\n");
    check_rows(READ("a\tb\n1,5\t2\n3\t4\n"), "[1,5][2]\n[3][4]\n");
    check_rows(READ("id|text\n1|a, b\n2|c; d\n"), "[1][a, b]\n[2][c; d]\n");
    check_rows(READ("id,name\n1,'a, b'\n2,'c'\n3,'it''s'\n"), "[1][a, b]\n[2][c]\n[3][it's]\n");
    check_rows(READ("sep=;\na;b\n1,5;2\n"), "[1,5][2]\n");
    check_rows(READ("email\nx@y.com\nz@y.com\n"), "[x@y.com]\n[z@y.com]\n");
}

static void a_backslash_protects_a_quote_where_the_file_uses_it_so(void **state)
{
    (void)state;
    check_rows(READ("id,text\n1,\"say \\\"hi\\\", twice\"\n2,\"b\"\n"),
               "[1][say \"hi\", twice]\n[2][b]\n");
}

static void a_file_without_a_header_keeps_its_first_row(void **state)
{
    (void)state;
    clade_reader *reader = READ("196\t242\t3\t881250949\n186\t302\t3\t891717742\n");
    assert_false(clade_reader_dialect(reader)->has_header);
    assert_string_equal(clade_reader_column(reader, 3), "column_4");
    check_rows(reader, "[196][242][3][881250949]\n[186][302][3][891717742]\n");
}

static void lines_before_the_header_are_skipped_and_said_so(void **state)
{
    (void)state;
    clade_reader *reader = READ("Export of 2011\n\n# shop 7\nOrder,Date,Total\n1,2011-01-02,5\n"
                                "2,2011-01-03,6\n3,2011-01-04,7\n");
    assert_string_equal(clade_reader_column(reader, 0), "Order");
    assert_non_null(strstr(clade_reader_header_note(reader), "lines before the header"));
    clade_row row;
    bool      more;
    check_ok(clade_reader_next(&row, &more, reader, NULL));
    assert_int_equal(row.line, 5);
    clade_reader_close(reader);
}

static void names_are_trimmed_and_made_distinct(void **state)
{
    (void)state;
    clade_reader *reader = READ(" date ,,date,date\n1,2,3,4\n");
    assert_string_equal(clade_reader_column(reader, 0), "date");
    assert_string_equal(clade_reader_column(reader, 1), "column_2");
    assert_string_equal(clade_reader_column(reader, 2), "date_2");
    assert_string_equal(clade_reader_column(reader, 3), "date_3");
    assert_non_null(strstr(clade_reader_header_note(reader), "2 repeated column names"));
    assert_non_null(strstr(clade_reader_header_note(reader), "1 column without a name"));
    clade_reader_close(reader);
}

static void row_names_as_r_writes_them_get_a_column(void **state)
{
    (void)state;
    clade_reader *reader = READ("a,b,c\nr1,1,2,3\nr2,4,5,6\n");
    assert_int_equal(clade_reader_n_columns(reader), 4);
    check_rows(reader, "[r1][1][2][3]\n[r2][4][5][6]\n");
}

/* A slow reader by the letter of RFC 4180, for files that keep to it. */
static void naive_rows(clade_buffer *out, const char *data, size_t size)
{
    size_t i = 0;
    while (i < size) {
        bool row = true;
        while (row) {
            clade_buffer_text(out, "[");
            if (i < size && data[i] == '"') {
                for (i++; i < size; i++) {
                    if (data[i] == '"') {
                        if (i + 1 < size && data[i + 1] == '"') {
                            i++;
                        } else {
                            break;
                        }
                    }
                    clade_buffer_append(out, &data[i], 1);
                }
                i++;
            }
            while (i < size && data[i] != ',' && data[i] != '\n')
                clade_buffer_append(out, &data[i++], 1);
            clade_buffer_text(out, "]");
            row = i < size && data[i] == ',';
            i++;
        }
        clade_buffer_text(out, "\n");
    }
}

/* Fields of awkward sizes across the borders of the index (32 KiB), the sample (256 KiB) and the
 * window (1 MiB): the quick reader and the naive one see the same rows. */
static void a_long_file_reads_as_the_naive_reader_reads_it(void **state)
{
    (void)state;
    clade_buffer file = { 0 }, wanted = { 0 };
    uint64_t     seed = 2385;
    clade_buffer_text(&file, "order_id,text,price\n");
    for (int row = 0; row < 60000; row++) {
        seed          = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const int pad = (int)(seed >> 40) % 90;
        clade_buffer_format(&file, "%d,", row);
        if (seed >> 61 == 3) {
            clade_buffer_format(&file, "\"%*s, \"\"%d\"\"\nline\"", pad, "x", row);
        } else if (seed >> 61 == 5) {
            clade_buffer_text(&file, "");
        } else {
            clade_buffer_format(&file, "y%*d", pad, row);
        }
        clade_buffer_format(&file, ",%d.25\n", row % 97);
    }
    assert_false(file.failed);
    clade_reader *reader = read_text(file.data, file.size);
    const char   *body   = strchr(file.data, '\n') + 1;
    naive_rows(&wanted, body, file.size - (size_t)(body - file.data));
    char *rows = all_rows(reader);
    assert_true(strcmp(rows, wanted.data) == 0);
    free(rows);
    clade_buffer_free(&file);
    clade_buffer_free(&wanted);
}

/* SSE2 and AVX2 against the plain loop, at every start and with every length up to three blocks. */
static void the_wide_index_equals_the_plain_one(void **state)
{
    (void)state;
    static const char alphabet[]                      = "ab,\"\n;x";
    char              data[256 + CLADE__WINDOW_SLACK] = { 0 };
    uint32_t          plain[256], wide[256];
    const clade__csv  csv = { .delimiter = ',', .quote = '"', .newline = '\n' };
    for (size_t i = 0; i < 256; i++)
        data[i] = alphabet[(i * i * 7 + i / 3) % 7];
    for (size_t start = 0; start < 64; start++) {
        for (size_t size = 0; size <= 192; size++) {
            const size_t n = clade__csv_index(0)(plain, data + start, size, &csv);
            for (int variant = 1; variant <= 2; variant++) {
                assert_int_equal(clade__csv_index(variant)(wide, data + start, size, &csv), n);
                assert_memory_equal(plain, wide, n * sizeof plain[0]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_out_as_they_were_written),
        cmocka_unit_test(doubled_quotes_stand_for_one),
        cmocka_unit_test(a_quoted_field_may_span_lines_and_the_line_numbers_go_on),
        cmocka_unit_test(every_line_end_is_known_and_the_last_may_be_missing),
        cmocka_unit_test(an_unclosed_quote_loses_one_line_and_no_more),
        cmocka_unit_test(a_quote_inside_of_a_field_is_a_quote),
        cmocka_unit_test(a_ragged_row_is_bad_and_trailing_empty_fields_are_not),
        cmocka_unit_test(the_dialect_is_told_by_the_most_even_table),
        cmocka_unit_test(a_backslash_protects_a_quote_where_the_file_uses_it_so),
        cmocka_unit_test(a_file_without_a_header_keeps_its_first_row),
        cmocka_unit_test(lines_before_the_header_are_skipped_and_said_so),
        cmocka_unit_test(names_are_trimmed_and_made_distinct),
        cmocka_unit_test(row_names_as_r_writes_them_get_a_column),
        cmocka_unit_test(a_long_file_reads_as_the_naive_reader_reads_it),
        cmocka_unit_test(the_wide_index_equals_the_plain_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
