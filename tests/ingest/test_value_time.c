/* Moments as people write them. */
#include "reading.h"

/* The text read as a moment, printed; or the reason it is none, after a "!". */
static const char *read_time(const char *text, clade_date_order order, int unit)
{
    static char            out[128];
    const clade_column_map column = { .date_order = order, .time_unit = unit };
    int64_t                us     = -7;
    const char            *why    = clade_value_time(&us, clade_text_of(text), &column, NULL);
    if (why != NULL) {
        assert_int_equal(us, -7); /* outputs stay untouched */
        snprintf(out, sizeof out, "!%s", why);
    } else {
        clade_time_format(out, us);
    }
    return out;
}
#define check_time(text, order, wanted) assert_string_equal(read_time(text, order, 0), wanted)

static void the_forms_that_people_write_are_read(void **state)
{
    (void)state;
    static const struct {
        const char      *text;
        clade_date_order order;
        const char      *wanted;
    } cases[] = {
        { "2010-12-01 08:26:00", CLADE_DATE_YMD, "2010-12-01T08:26:00Z" },
        { "2010-12-01T08:26:00Z", CLADE_DATE_YMD, "2010-12-01T08:26:00Z" },
        { "2014-04-06T20:21:58.444Z", CLADE_DATE_YMD, "2014-04-06T20:21:58.444000Z" },
        { "2010-12-01", CLADE_DATE_YMD, "2010-12-01T00:00:00Z" },
        { "2014-12-06 02", CLADE_DATE_YMD, "2014-12-06T02:00:00Z" },
        { "2010-12-01 8:26", CLADE_DATE_YMD, "2010-12-01T08:26:00Z" },
        { "12/1/2010 8:26", CLADE_DATE_MDY, "2010-12-01T08:26:00Z" },
        { "12/1/2010 8:26", CLADE_DATE_DMY, "2010-01-12T08:26:00Z" },
        { "13/1/2010 8:26", CLADE_DATE_MDY, "2010-01-13T08:26:00Z" },
        { "1.12.2010", CLADE_DATE_DMY, "2010-12-01T00:00:00Z" },
        { "01.12.2010 08:26", CLADE_DATE_DMY, "2010-12-01T08:26:00Z" },
        { "1 Dec 2010", CLADE_DATE_YMD, "2010-12-01T00:00:00Z" },
        { "01-Dec-95", CLADE_DATE_YMD, "1995-12-01T00:00:00Z" },
        { "01-Jan-1995", CLADE_DATE_YMD, "1995-01-01T00:00:00Z" },
        { "Dec 1, 2010 8:26 PM", CLADE_DATE_YMD, "2010-12-01T20:26:00Z" },
        { "December 1st, 2010", CLADE_DATE_YMD, "2010-12-01T00:00:00Z" },
        { "Wed, 01 Dec 2010 08:26:00 +0800", CLADE_DATE_YMD, "2010-12-01T00:26:00Z" },
        { "2011年9月10日 13:05", CLADE_DATE_YMD, "2011-09-10T13:05:00Z" },
        { "2011年9月10日13时05分30秒", CLADE_DATE_YMD, "2011-09-10T13:05:30Z" },
        { "2011年9月10日 下午1:05", CLADE_DATE_YMD, "2011-09-10T13:05:00Z" },
        { "2011/9/10 13:05", CLADE_DATE_YMD, "2011-09-10T13:05:00Z" },
        { "2011.09.10", CLADE_DATE_YMD, "2011-09-10T00:00:00Z" },
        { "２０１１-09-10", CLADE_DATE_YMD, "2011-09-10T00:00:00Z" },
        { "20110910", CLADE_DATE_YMD, "2011-09-10T00:00:00Z" },
        { "20110910130501", CLADE_DATE_YMD, "2011-09-10T13:05:01Z" },
        { "20110910T130501Z", CLADE_DATE_YMD, "2011-09-10T13:05:01Z" },
        { "2011-09-10T13:05:01+08:00", CLADE_DATE_YMD, "2011-09-10T05:05:01Z" },
        { "2011-09-10 13:05:01-0330", CLADE_DATE_YMD, "2011-09-10T16:35:01Z" },
        { "2011-09-10 13:05:01 UTC", CLADE_DATE_YMD, "2011-09-10T13:05:01Z" },
        { "2011-09-10 13:05:01+00", CLADE_DATE_YMD, "2011-09-10T13:05:01Z" },
        { "2017-05", CLADE_DATE_YMD, "2017-05-01T00:00:00Z" },
        { "2010-W48-3", CLADE_DATE_YMD, "2010-12-01T00:00:00Z" },
        { "2009-W01-1", CLADE_DATE_YMD, "2008-12-29T00:00:00Z" },
        { "2011-09-10 24:00:00", CLADE_DATE_YMD, "2011-09-11T00:00:00Z" },
        { "12:30 AM 9/10/2011", CLADE_DATE_MDY, "2011-09-10T00:30:00Z" },
        { " 2011-09-10 ", CLADE_DATE_YMD, "2011-09-10T00:00:00Z" },
        { "9999-12-31 23:59:59", CLADE_DATE_YMD, "9999-12-31T23:59:59Z" },
        { "0001-01-01", CLADE_DATE_YMD, "0001-01-01T00:00:00Z" },
        { "2012-02-29", CLADE_DATE_YMD, "2012-02-29T00:00:00Z" },
        { "1323388800", CLADE_DATE_YMD, "2011-12-09T00:00:00Z" },
        { "1323388800123", CLADE_DATE_YMD, "2011-12-09T00:00:00.123000Z" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = read_time(cases[i].text, cases[i].order, 0);
        if (strcmp(got, cases[i].wanted) != 0) print_error("%s\n", cases[i].text);
        assert_string_equal(got, cases[i].wanted);
    }
}

static void days_that_never_were_are_refused(void **state)
{
    (void)state;
    static const char *const none[] = { "2011-02-31",          "2011-02-29",
                                        "1900-02-29",          "2011-13-01",
                                        "2011-00-10",          "2011-04-31 10:00:00",
                                        "2011-09-10 25:00:00", "2011-09-10 10:60:00",
                                        "31/02/2011",          "20110231",
                                        "2011年2月31日" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        check_time(none[i], CLADE_DATE_DMY, "!there is no such day or hour");
    }
}

static void years_outside_of_the_calendar_are_refused(void **state)
{
    (void)state;
    check_time("0000-00-00 00:00:00", CLADE_DATE_YMD, "!the year is outside of 1 to 9999");
    check_time("0000-12-01", CLADE_DATE_YMD, "!the year is outside of 1 to 9999");
    check_time("0001-01-01T00:00:00+01:00", CLADE_DATE_YMD, "!the year is outside of 1 to 9999");
    check_time("9999-12-31T23:59:59-01:00", CLADE_DATE_YMD, "!the year is outside of 1 to 9999");
    assert_string_equal(read_time("999999999999999", CLADE_DATE_YMD, 1),
                        "!the year is outside of 1 to 9999");
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const none[] = {
        "yesterday",           "",      "2011", "12.5",   "536365",     "85123A",     "-",
        "2011-09-10 noon",     "10:30", "1/2",  "T10:00", "2010-W54-1", "2011-W53-1", "Dec",
        "99999999999999999999"
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        const char *got = read_time(none[i], CLADE_DATE_YMD, 0);
        if (got[0] != '!') print_error("%s -> %s\n", none[i], got);
        assert_int_equal(got[0], '!');
    }
}

static void numbers_are_read_in_the_unit_of_the_column(void **state)
{
    (void)state;
    assert_string_equal(read_time("881250949", CLADE_DATE_YMD, 1), "1997-12-04T15:55:49Z");
    assert_string_equal(read_time("1323388800.25", CLADE_DATE_YMD, 1),
                        "2011-12-09T00:00:00.250000Z");
    assert_string_equal(read_time("1442004589439", CLADE_DATE_YMD, 2),
                        "2015-09-11T20:49:49.439000Z");
    assert_string_equal(read_time("1323388800000001", CLADE_DATE_YMD, 3),
                        "2011-12-09T00:00:00.000001Z");
    /* Excel: 40513 is 1 December 2010; .351389 of a day is 8:26:00.0096, a second at most away. */
    assert_string_equal(read_time("40513", CLADE_DATE_YMD, 4), "2010-12-01T00:00:00Z");
    assert_string_equal(read_time("40513.351389", CLADE_DATE_YMD, 4), "2010-12-01T08:26:00Z");
    assert_string_equal(read_time("0", CLADE_DATE_YMD, 4),
                        "!an Excel day is between 1 and 2958465");
}

/* The file's zone moves local times, and neither epochs nor texts with an offset of their own. */
static void a_zone_moves_local_times_only(void **state)
{
    (void)state;
    clade_zone            *zone = NULL;
    const clade_column_map text = { 0 }, epoch = { .time_unit = 1 };
    int64_t                us, plain;
    check_ok(clade_zone_open(&zone, "+08:00", NULL));
    assert_null(clade_value_time(&us, CLADE_TEXT("2011-09-10 13:05:00"), &text, zone));
    assert_null(clade_value_time(&plain, CLADE_TEXT("2011-09-10 05:05:00"), &text, NULL));
    assert_int_equal(us, plain);
    assert_null(clade_value_time(&us, CLADE_TEXT("2011-09-10 05:05:00Z"), &text, zone));
    assert_int_equal(us, plain);
    assert_null(clade_value_time(&us, CLADE_TEXT("1315631100"), &epoch, zone));
    assert_int_equal(us, plain);
    clade_zone_close(zone);
}

/* Law: what clade prints it reads back, for days spread over the whole calendar. */
static void a_printed_moment_reads_back_as_itself(void **state)
{
    (void)state;
    const clade_column_map column = { 0 };
    for (int64_t us = CLADE_TIME_MIN_US; us < CLADE_TIME_MAX_US - 88888888888888;
         us += 88888888888888) {
        char    text[40];
        int64_t back = 0;
        clade_time_format(text, us);
        assert_null(clade_value_time(&back, clade_text_of(text), &column, NULL));
        assert_int_equal(back, us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_that_people_write_are_read),
        cmocka_unit_test(days_that_never_were_are_refused),
        cmocka_unit_test(years_outside_of_the_calendar_are_refused),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(numbers_are_read_in_the_unit_of_the_column),
        cmocka_unit_test(a_zone_moves_local_times_only),
        cmocka_unit_test(a_printed_moment_reads_back_as_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
