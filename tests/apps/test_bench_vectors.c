/* clade bench vectors: figures of a small made-up shop, and no bundle that has seen the answers. */
#include "run_binary.h"

#include <string.h>

/* The log of the made-up shop ends with 2024; the bundle knows nothing from November on. */
static int make_shop(void **state)
{
    if (run_setup(state) != 0) return 1;
    if (run_clade("", "demo shop --customers 400 -q")->code != 0) return 1;
    if (run_clade("", "load shop.clade shop/*.csv -q")->code != 0) return 1;
    const answer *const got = run_clade("", "bench vectors shop.clade --json");
    if (got->code != 4 || strstr(got->err, "fit shop.clade behaviour") == NULL) return 1;
    return run_clade("", "fit shop.clade behaviour --epochs 2 --as-of 2024-11-01 -q")->code;
}

static void heads_are_judged_a_window_later_and_say_what_vectors_add(void **state)
{
    (void)state;
    const answer *got = run_clade("", "bench vectors shop.clade --top 2 --json --seed 7");
    if (got->code != 0) print_error("%s\n", got->err);
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(run_text(got, "as_of"), "2024-11-01"));
    assert_non_null(strstr(run_text(got, "later"), "2024-11-29"));
    assert_string_equal(run_text(got, "output"), "vectors");
    assert_string_equal(run_text(got, "judgement/split"), "time");
    check_close(run_number(got, "d"), 64, 0.0);
    check_close(run_number(got, "seed"), 7, 0.0);
    const double n = run_number(got, "judgement/n_judged");
    assert_true(n >= 200 && n <= 400);
    const double features = run_number(got, "judgement/mean/churn/features");
    assert_true(features > 0.5 && features < 1); /* NaN is neither */
    got = run_clade("", "bench vectors shop.clade --top 2");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "fitted as of 2024-11-01; vectors of 64 numbers"));
    assert_non_null(strstr(got->out, "Mean AUC"));
    got = run_clade("", "bench vectors shop.clade --top 2 --lang zh");
    assert_non_null(strstr(got->out, "平均 AUC"));
}

/* What customers are turned into is the vectors' affair alone. */
static void profiles_change_the_vectors_and_nothing_beside_them(void **state)
{
    (void)state;
    const answer *got      = run_clade("", "bench vectors shop.clade --top 2 --json");
    const double  vectors  = run_number(got, "judgement/mean/churn/vectors");
    const double  counts   = run_number(got, "judgement/mean/churn/counts");
    const double  features = run_number(got, "judgement/mean/churn/features");
    got                    = run_clade("", "bench vectors shop.clade --top 2 --json --profiles");
    assert_string_equal(run_text(got, "output"), "profiles");
    check_close(run_number(got, "judgement/mean/churn/counts"), counts, 0.0);
    check_close(run_number(got, "judgement/mean/churn/features"), features, 0.0);
    const double profiles = run_number(got, "judgement/mean/churn/vectors");
    assert_true(profiles > 0 && vectors > 0 && profiles != vectors);
}

static void a_log_too_short_for_a_second_moment_is_judged_by_folds(void **state)
{
    (void)state;
    const answer *got = run_clade("", "bench vectors shop.clade --top 1 --as-of 2024-12-01 --json");
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "judgement/split"), "folds");
    assert_string_equal(run_text(got, "later"), "");
}

static void a_bundle_that_has_seen_the_labels_is_refused(void **state)
{
    (void)state;
    const answer *got = run_clade("", "bench vectors shop.clade --as-of 2024-10-31");
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(got->err, "the bundle was fitted as of 2024-11-01, and has seen what "
                                     "customers did from 2024-10-31 on"));
    assert_non_null(strstr(got->err, "fit shop.clade behaviour --as-of 2024-10-31"));
    assert_string_equal(got->out, "");
}

static void labels_that_are_not_known_yet_are_not_made_up(void **state)
{
    (void)state;
    const answer *got = run_clade("", "bench vectors shop.clade --as-of 2024-12-10");
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(got->err, "in the 28 days from 2024-12-10 is not known yet"));
    assert_non_null(strstr(got->err, "bench vectors shop.clade --as-of 2024-11-06"));
}

static void wrong_usage_is_named(void **state)
{
    (void)state;
    const answer *got = run_clade("", "bench vectors");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "the vectors of which workspace"));
    got = run_clade("", "bench vectors nowhere.clade");
    assert_int_equal(got->code, 4);
    got = run_clade("", "bench vectors shop.clade --top 0");
    assert_int_equal(got->code, 2);
    got = run_clade("", "bench vector shop.clade");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean vectors?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_judged_a_window_later_and_say_what_vectors_add),
        cmocka_unit_test(profiles_change_the_vectors_and_nothing_beside_them),
        cmocka_unit_test(a_log_too_short_for_a_second_moment_is_judged_by_folds),
        cmocka_unit_test(a_bundle_that_has_seen_the_labels_is_refused),
        cmocka_unit_test(labels_that_are_not_known_yet_are_not_made_up),
        cmocka_unit_test(wrong_usage_is_named),
    };
    return cmocka_run_group_tests(tests, make_shop, run_teardown);
}
