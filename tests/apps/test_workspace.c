/* Verbs that make or look at a shop: demo and doctor. */
#include "run_binary.h"

#include <string.h>

static void demo_writes_a_shop_and_names_the_next_command(void **state)
{
    (void)state;
    const answer *got = run_clade("", "demo --customers 40 --no-events");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "orders.csv"));
    assert_non_null(strstr(got->out, "load demo/shop.clade demo/*.csv"));
    got = run_clade("", "demo again --customers 40 --no-events --json");
    assert_int_equal(got->code, 0);
    assert_true(run_number(got, "n_customers") == 40);
    assert_string_equal(run_text(got, "currency"), "CNY");

    char out[1024];
    assert_int_equal(check_run(out, sizeof out, "cmp '%s/demo/orders.csv' '%s/again/orders.csv'",
                               run_folder, run_folder),
                     0);
    assert_int_equal(run_clade("", "demo other --customers 40 --no-events --seed 2")->code, 0);
    assert_int_not_equal(check_run(out, sizeof out,
                                   "cmp -s '%s/demo/orders.csv' '%s/other/orders.csv'", run_folder,
                                   run_folder),
                         0);
}

static void doctor_finds_everything_that_clade_needs(void **state)
{
    (void)state;
    const answer *got = run_clade("", "doctor --json");
    assert_int_equal(got->code, 0);
    assert_true(run_number(got, "n_bad") == 0);
    got = run_clade("", "doctor");
    assert_non_null(strstr(got->out, "libduckdb"));
    assert_non_null(strstr(got->out, "answers"));
}

static void a_file_given_as_a_workspace_is_refused_with_the_right_order(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/orders.csv", run_folder);
    check_write(path, "customer,time\n", 14);
    const answer *got = run_clade("", "doctor orders.csv");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "orders.csv is a file, and a workspace is a folder"));
    assert_non_null(strstr(got->err, "the workspace comes first"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demo_writes_a_shop_and_names_the_next_command),
        cmocka_unit_test(doctor_finds_everything_that_clade_needs),
        cmocka_unit_test(a_file_given_as_a_workspace_is_refused_with_the_right_order),
    };
    return cmocka_run_group_tests(tests, run_setup, run_teardown);
}
