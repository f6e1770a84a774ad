/* Labels of the user's own: every row is accounted for, and a file is stored whole or not at all.
 */
#include "load_help.h"

static void put(const shop *s, const char *text, char path[400])
{
    snprintf(path, 400, "%s/vip.csv", s->folder);
    check_write(path, text, strlen(text));
}

static shop shop_of_two(void)
{
    shop s = shop_make();
    (void)shop_load_text(&s, "orders.csv",
                         "order_id,customer_id,date,sku,quantity,price\n"
                         "1,ada,2023-01-02,x,1,5\n2,bo,2023-01-03,x,1,5\n",
                         NULL);
    return s;
}

static void rows_read_are_stored_there_already_or_of_unknown_customers(void **state)
{
    (void)state;
    char                path[400];
    clade_error         err    = { 0 };
    clade_labels_report report = { 0 };
    shop                s      = shop_of_two();
    put(&s,
        "customer;value;at\nada;1;2023-02-01\nbo;no;2023-02-02T10:00:00Z\nada;1;2023-02-01\n"
        "nobody;1;2023-02-01\n",
        path);
    check_ok(clade_labels_load(&report, s.store, "vip", path, &err));
    assert_int_equal(report.rows_read, 4);
    assert_int_equal(report.rows_stored, 2);
    assert_int_equal(report.rows_duplicate, 1);
    assert_int_equal(report.rows_unknown, 1);
    shop_is(&s, 1, "SELECT count(*) FROM label WHERE name = 'vip' AND value = 1 AND load = 0");
    shop_is(&s, 1675332000000000, "SELECT at_us FROM label WHERE value = 0");
    check_ok(clade_labels_load(&report, s.store, "vip", path, &err));
    assert_int_equal(report.rows_stored, 0);
    assert_int_equal(report.rows_duplicate, 3);
    check_ok(
        clade_labels_load(&report, s.store, "other", path, &err)); /* another name, another truth */
    assert_int_equal(report.rows_stored, 2);
    shop_is(&s, 4, "SELECT count(*) FROM label");
    shop_remove(&s);
}

static void a_row_that_cannot_be_read_refuses_the_file_and_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "customer,value,at\nada,1,2023-02-01\nbo,maybe,2023-02-01\n", "line 3: the value is no" },
        { "customer,value,at\nada,1,2023-02-01\nbo,1,soon\n", "line 3: the moment cannot be read" },
        { "customer,value\nada,1\n", "no column called at" },
        { "who,value,at\nada,1,2023-02-01\n", "no column called customer" },
    };
    shop s = shop_of_two();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char                path[400];
        clade_error         err    = { 0 };
        clade_labels_report report = { .rows_read = 77 };
        put(&s, cases[i].text, path);
        assert_int_equal(clade_labels_load(&report, s.store, "vip", path, &err), CLADE_ERR_DATA);
        if (strstr(err.message, cases[i].says) == NULL)
            fail_msg("'%s', wanted '%s'", err.message, cases[i].says);
        assert_int_equal(report.rows_read, 77);
        shop_is(&s, 0, "SELECT count(*) FROM label");
    }
    shop_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_read_are_stored_there_already_or_of_unknown_customers),
        cmocka_unit_test(a_row_that_cannot_be_read_refuses_the_file_and_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
