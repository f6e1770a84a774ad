/* CSV: RFC 4180, and what people make of it. */
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
