/* Segments by rule, as a user meets them. */
#include "run_binary.h"

#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>

enum { N_CUSTOMERS = 160, FIRST_DAY = 18000, N_DAYS = 300 };

/* Every fourth customer buys weekly until the end; the others three times in the first hundred
 * days. */
static int make_shop(void **state)
{
    clade_buffer orders = { 0 };
    char         path[600], date[16];
    int          n_order = 0;
    if (run_setup(state) != 0) return 1;
    clade_buffer_text(&orders, "order_id,customer_id,order_time,product_id,quantity,price\n");
    for (int customer = 0; customer < N_CUSTOMERS; customer++) {
        const bool loyal = customer % 4 == 0;
        for (int k = 0; k < (loyal ? N_DAYS / 7 : 3); k++) {
            const int day = loyal ? k * 7 : (customer % 30) + 30 * k;
            clade_date_format(date, (FIRST_DAY + day) * CLADE_US_PER_DAY);
            clade_buffer_format(&orders, "o%d,c%d,%s 10:00:00,p%d,1,%d.50\n", n_order++, customer,
                                date, customer % 7, 10 + customer % 5);
        }
    }
    snprintf(path, sizeof path, "%s/orders.csv", run_folder);
    check_write(path, orders.data, orders.size);
    clade_buffer_free(&orders);
    if (run_clade("", "load shop.clade orders.csv --quiet")->code != 0) return 1;
    return run_clade("", "segment shop.clade --quiet")->code;
}

static void a_rule_is_defined_and_shown_as_of_any_moment(void **state)
{
    (void)state;
    char          date[16];
    const answer *got =
        run_clade("", "segment shop.clade define quiet 'bought and no purchase for 60d' "
                      "--json");
    assert_int_equal(got->code, 0);
    check_close(run_number(got, "segment/size"), 120, 0);
    assert_string_equal(run_text(got, "segment/kind"), "rule");
    assert_string_equal(run_text(got, "segment/rule"), "bought and no purchase for 60d");
    got = run_clade("", "segment shop.clade show quiet");
    assert_non_null(strstr(got->out, "120 customers as of"));
    assert_non_null(strstr(got->out, "did not buy anything in the last 60 days"));
    assert_non_null(strstr(got->out, "What sets them apart"));
    assert_non_null(strstr(got->out, "Where they are else"));
    clade_date_format(date, (FIRST_DAY + 80) * CLADE_US_PER_DAY);
    got = run_clade("", "segment shop.clade show quiet --json --as-of %s", date);
    check_close(run_number(got, "segment/size"), 0, 0); /* everybody was still buying */
    got = run_clade("", "segment shop.clade list");
    assert_non_null(strstr(got->out, "Segments by rule"));
    assert_non_null(
        strstr(run_clade("", "segment shop.clade show quiet --lang zh")->out, "没有购买"));
}

static void a_rule_may_speak_of_other_segments(void **state)
{
    (void)state;
    const answer *got =
        run_clade("", "segment shop.clade define both 'in segment quiet and spend < 35' "
                      "--json");
    assert_int_equal(got->code, 0);
    check_close(run_number(got, "segment/size"), 48, 0); /* 3 x 10.50 or 11.50: two of five */
    got = run_clade("", "segment shop.clade undefine quiet");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "'quiet' is needed by 'both'"));
    got = run_clade("", "segment shop.clade define quiet 'in segment both'");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "in a circle"));
    got = run_clade("", "segment shop.clade define gone 'in segment lapsed' --json");
    assert_int_equal(got->code, 0);
    const double lapsed = run_number(got, "segment/size");
    got                 = run_clade("", "segment shop.clade show lapsed --json");
    check_close(run_number(got, "segment/size"), lapsed, 0);
    got = run_clade("", "segment shop.clade undefine gone");
    assert_int_equal(got->code, 0);
    assert_int_not_equal(run_clade("", "segment shop.clade show gone")->code, 0);
}

static void mistakes_are_shown_where_they_are(void **state)
{
    (void)state;
    const answer *got =
        run_clade("", "segment shop.clade define x 'spend > 5 and no purchse for 3d'");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "column 18: 'purchse' is nothing that customers do"));
    assert_non_null(strstr(got->err, "did you mean purchase?"));
    got = run_clade("", "segment shop.clade define x 'cty = \"Paris\"'");
    assert_non_null(strstr(got->err, "column 1: there is no attribute or score 'cty'"));
    got = run_clade("", "segment shop.clade define 'No Name' bought");
    assert_non_null(strstr(got->err, "cannot be the name of a segment"));
    got = run_clade("", "segment shop.clade define lapsed bought");
    assert_non_null(strstr(got->err, "'lapsed' is the name of a segment already"));
    got = run_clade("", "segment shop.clade undefine quite");
    assert_non_null(strstr(got->err, "did you mean quiet?"));
}

static void a_rule_is_exported_unless_it_is_too_small(void **state)
{
    (void)state;
    const answer *got = run_clade("", "export shop.clade --segment quiet -o quiet.csv --json");
    assert_int_equal(got->code, 0);
    check_close(run_number(got, "n_customers"), 120, 0);
    assert_string_equal(run_text(got, "kind"), "rule");
    assert_int_equal(
        run_clade("", "segment shop.clade define few 'sum(quantity of bought) > 42' --quiet")->code,
        0);
    got = run_clade("", "export shop.clade --segment few -o few.csv --min-group 41");
    assert_int_not_equal(got->code, 0);
    assert_non_null(strstr(got->err, "few"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_defined_and_shown_as_of_any_moment),
        cmocka_unit_test(a_rule_may_speak_of_other_segments),
        cmocka_unit_test(mistakes_are_shown_where_they_are),
        cmocka_unit_test(a_rule_is_exported_unless_it_is_too_small),
    };
    return cmocka_run_group_tests(tests, make_shop, run_teardown);
}
