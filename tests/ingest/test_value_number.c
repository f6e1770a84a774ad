/* Numbers and money as people write them. */
#include "reading.h"

static const char *read_number(const char *text, bool comma)
{
    static char            out[128];
    const clade_column_map column = { .decimal_comma = comma };
    double                 x      = -7.5;
    const char            *why    = clade_value_number(&x, clade_text_of(text), &column);
    if (why != NULL) {
        check_close(x, -7.5, 0);
        snprintf(out, sizeof out, "!%s", why);
    } else {
        snprintf(out, sizeof out, "%.17g", x);
    }
    return out;
}

static const char *read_money(const char *text, bool comma, const char *currency)
{
    static char            out[128];
    const clade_column_map column = { .decimal_comma = comma };
    int64_t                minor  = -7;
    char                   own[4] = { 0 }, code[4] = "???";
    memcpy(own, currency, strlen(currency));
    const char *why = clade_value_money(&minor, code, clade_text_of(text), &column, own);
    if (why != NULL) {
        assert_int_equal(minor, -7);
        assert_string_equal(code, "???");
        snprintf(out, sizeof out, "!%s", why);
    } else {
        snprintf(out, sizeof out, "%lld %s", (long long)minor, code);
    }
    return out;
}

static void numbers_are_read_in_every_grouping(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool        comma;
        const char *wanted;
    } cases[] = {
        { "12.5", false, "12.5" },
        { "12,5", true, "12.5" },
        { "12,5", false, "12.5" },
        { "1,234", false, "1234" },
        { "1.234", true, "1234" },
        { "1.234", false, "1.234" },
        { "1,234", true, "1.234" },
        { "1,234,567.25", false, "1234567.25" },
        { "1.234.567,25", true, "1234567.25" },
        { "1.234.567,25", false, "1234567.25" },
        { "1 234 567,25", true, "1234567.25" },
        { "1\u00a0234,5", true, "1234.5" },
        { "1\u202f234,5", true, "1234.5" },
        { "1'234'567.25", false, "1234567.25" },
        { "1\u2019234.25", false, "1234.25" },
        { "12,34,567.25", false, "1234567.25" },
        { "-3", false, "-3" },
        { "+3.25", false, "3.25" },
        { "3-", false, "-3" },
        { "(3.25)", false, "-3.25" },
        { "12.5%", false, "0.125" },
        { "1e3", false, "1000" },
        { "2.5E-3", false, "0.0025000000000000001" },
        { "0,123", false, "0.123" },
        { ".5", false, "0.5" },
        { "\uff11\uff12\uff0e5", false, "12.5" },
        { "\u22123", false, "-3" },
        { "$1,234.50", false, "1234.5" },
        { "0.1173680316811", false, "0.11736803168109999" },
        { "99999999999999999999", false, "1e+20" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = read_number(cases[i].text, cases[i].comma);
        if (strcmp(got, cases[i].wanted) != 0) print_error("%s\n", cases[i].text);
        assert_string_equal(got, cases[i].wanted);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const none[] = { "",           "abc",      "1,23,4", "1,,2", "12 50",
                                        "1.2.3",      "1-2",      "--",     "1e",   "2010-12-01",
                                        "1,2345,678", "5 apples", "$",      "1e999" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        const char *got = read_number(none[i], false);
        if (got[0] != '!') print_error("%s -> %s\n", none[i], got);
        assert_int_equal(got[0], '!');
    }
    assert_string_equal(read_number("inf", false), "!not a finite number");
    assert_string_equal(read_number("-Infinity", false), "!not a finite number");
    assert_string_equal(read_number("NaN", false), "!not a finite number");
}

static void money_is_exact_and_knows_its_currency(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool        comma;
        const char *own, *wanted;
    } cases[] = {
        { "2.55", false, "GBP", "255 GBP" },
        { "11.77", false, "", "1177 " },
        { "€ 1.234,56", true, "USD", "123456 EUR" },
        { "1.234,56 €", true, "", "123456 EUR" },
        { "£2.385", false, "", "239 GBP" },
        { "-£2.385", false, "", "-239 GBP" },
        { "2.384999999", false, "GBP", "238 GBP" },
        { "0.005", false, "USD", "1 USD" },
        { "-0.005", false, "USD", "-1 USD" },
        { "¥1,234", false, "", "123400 CNY" },
        { "¥1,234", false, "JPY", "1234 JPY" },
        { "￥12.5", false, "USD", "1250 CNY" },
        { "12.5元", false, "", "1250 CNY" },
        { "$5", false, "", "500 USD" },
        { "$5", false, "CAD", "500 CAD" },
        { "US$ 5", false, "CAD", "500 USD" },
        { "HK$5", false, "", "500 HKD" },
        { "R$ 5,25", true, "", "525 BRL" },
        { "1 234,50 zł", true, "", "123450 PLN" },
        { "EUR 12.50", false, "", "1250 EUR" },
        { "12.50 usd", false, "", "1250 USD" },
        { "1.500", false, "KWD", "1500 KWD" },
        { "150", false, "JPY", "150 JPY" },
        { "150.4", false, "JPY", "150 JPY" },
        { "(12.50)", false, "USD", "-1250 USD" },
        { "12.50-", false, "USD", "-1250 USD" },
        { "CHF 1'234.50", false, "", "123450 CHF" },
        { "₹1,23,456.50", false, "", "12345650 INR" },
        { "24300.0", false, "USD", "2430000 USD" },
        { "11.769999999999999", false, "USD", "1177 USD" },
        { "1E+05", false, "USD", "10000000 USD" },
        { "0", false, "USD", "0 USD" },
        { "-0.00", false, "USD", "0 USD" },
        { "12", true, "EUR", "1200 EUR" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = read_money(cases[i].text, cases[i].comma, cases[i].own);
        if (strcmp(got, cases[i].wanted) != 0) print_error("%s\n", cases[i].text);
        assert_string_equal(got, cases[i].wanted);
    }
    assert_string_equal(read_money("inf", false, "USD"), "!not a finite number");
    assert_string_equal(read_money("12%", false, "USD"), "!a percentage, an amount was wanted");
    assert_string_equal(read_money("1e30", false, "USD"), "!too large a number");
    assert_string_equal(read_money("99999999999999999", false, "USD"), "!too large a number");
    assert_int_equal(read_money("free", false, "USD")[0], '!');
}

/* Law: every amount of cents up to 1,000,000 in steps of 37 is printed and read back, both ways. */
static void a_printed_amount_reads_back_as_itself(void **state)
{
    (void)state;
    for (int64_t minor = -1000000; minor <= 1000000; minor += 37) {
        char text[40], wanted[64];
        snprintf(wanted, sizeof wanted, "%lld EUR", (long long)minor);
        clade_money_format(text, minor, "EUR", true);
        assert_string_equal(read_money(text, false, "EUR"), wanted);
        for (char *c = text; *c != '\0'; c++)
            *c = (char)(*c == '.' ? ',' : *c == ',' ? '.' : *c);
        assert_string_equal(read_money(text, true, "EUR"), wanted);
    }
}

static void the_marks_of_nothing_are_missing_and_zero_is_not(void **state)
{
    (void)state;
    static const char *const none[] = { "",    " ",   "NA", "n/a", "NULL", "null",  "None",
                                        "nan", "NaN", "-",  "\\N", "#N/A", "\u3000" };
    static const char *const some[] = { "0", "N", "-1", "nano", "NAN1", "no", "." };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_true(clade_value_missing(clade_text_of(none[i])));
    }
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        assert_false(clade_value_missing(clade_text_of(some[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_in_every_grouping),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(money_is_exact_and_knows_its_currency),
        cmocka_unit_test(a_printed_amount_reads_back_as_itself),
        cmocka_unit_test(the_marks_of_nothing_are_missing_and_zero_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
