/* Figures of windows, answers and campaigns, on shops small enough to be counted by hand. */
#include "store_shop.h"

#include "clade/business.h"

#include <math.h>

static clade_arena *arena;

static int setup_arena(void **state)
{
    arena = clade_arena_create(0);
    return setup(state);
}

static int teardown_arena(void **state)
{
    clade_arena_free(arena);
    return teardown(state);
}

/* Windows of ten days back from day 100. Now: 1 looks and buys twice (20.50 and 4.50, of which 5.00
 * come back), 2 looks, 3 buys unseen for 10.00. Before: 1 and 2 look and 2 buys for 30.00; 4 buys
 * for 12.00. Longest ago: 2 and 4 buy. Customer 9 is staff, and day 100 is too late. */
static void make_windows(void)
{
    run("INSERT INTO event (event, customer, at_us, kind, value_minor, order_ref, row_key, load) "
        "SELECT row_number() OVER (), customer, CAST(day * 86400000000 AS BIGINT), "
        "kind::event_kind, value, ref, 1, 1 FROM (VALUES (1, 90.0, 'view', NULL, NULL), (1, 91.0, "
        "'purchase', 2050, 'a'), (1, 99.9, 'purchase', 450, 'b'), (1, 99.95, 'refund', -500, 'b'), "
        "(2, 95.0, 'view', NULL, NULL), (3, 95.0, 'purchase', 600, 'c'), (3, 95.1, 'purchase', "
        "400, "
        "'c'), (1, 80.0, 'search', NULL, NULL), (2, 81.0, 'cart', NULL, NULL), (2, 82.0, "
        "'purchase', 3000, NULL), (4, 89.9, 'purchase', 1200, 'd'), (2, 70.5, 'purchase', 100, "
        "'e'),"
        " (4, 79.0, 'purchase', 100, 'f'), (1, 60.0, 'login', NULL, NULL), (9, 92.0, 'purchase', "
        "99900, 'g'), (1, 100.0, 'purchase', 77700, 'h')) t(customer, day, kind, value, ref)");
    run("INSERT INTO flag VALUES ('staff', 9, NULL, 0, 'by hand')");
}

static void figures_match_the_case_counted_by_hand(void **state)
{
    (void)state;
    clade_business_figure f[CLADE_N_FIGURE];
    make_windows();
    if (clade_business_figures(f, store, 100 * DAY, 10, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    check_close(f[CLADE_FIGURE_CONVERSION].now.value, 1.0 / 2, 1e-12);
    check_close(f[CLADE_FIGURE_CONVERSION].before.value, 1.0 / 2, 1e-12);
    /* Of 2 and 4, who bought before, nobody bought now; of 2 and 4 longest ago both did before. */
    check_close(f[CLADE_FIGURE_REPURCHASE].now.value, 0, 1e-12);
    check_close(f[CLADE_FIGURE_REPURCHASE].before.value, 1, 1e-12);
    check_close(f[CLADE_FIGURE_SALES].now.value, 20.5 + 4.5 - 5 + 10, 1e-9);
    check_close(f[CLADE_FIGURE_SALES].before.value, 42, 1e-9);
    /* Customer 1 adds 20 and 3 adds 10: the square root of 500. */
    check_close(f[CLADE_FIGURE_SALES].now.high - 30, 1.959964 * sqrt(500), 1e-4);
    check_close(f[CLADE_FIGURE_ORDERS].now.value, 3, 0);
    /* Two orders of one customer come together: 2^2 + 1^2. */
    check_close(f[CLADE_FIGURE_ORDERS].now.high - 3, 1.959964 * sqrt(5), 1e-4);
    check_close(f[CLADE_FIGURE_ORDER_VALUE].now.value, 35.0 / 3, 1e-9);
    check_close(f[CLADE_FIGURE_ORDER_VALUE].change.value, 35.0 / 3 - 21, 1e-9);
}

static void a_window_before_the_log_is_not_known(void **state)
{
    (void)state;
    clade_business_figure f[CLADE_N_FIGURE];
    make_windows();
    check_ok(clade_business_figures(f, store, 100 * DAY, 20, &err));
    assert_false(isnan(f[CLADE_FIGURE_SALES].before.value)); /* the log begins 40 days back */
    assert_true(isnan(f[CLADE_FIGURE_REPURCHASE].before.value));
    check_ok(clade_business_figures(f, store, 100 * DAY, 21, &err));
    assert_true(isnan(f[CLADE_FIGURE_SALES].change.value));
    assert_int_equal(clade_business_figures(f, store, 100 * DAY, 0, &err), CLADE_ERR_ARG);
}

/* 10 9 7 3 of 0 to 10: two promoters, one detractor; earlier half 3 7, later half 9 10. */
static void answers_match_the_case_counted_by_hand(void **state)
{
    (void)state;
    clade_satisfaction *s = NULL;
    size_t              n = 0;
    run("INSERT INTO survey SELECT 1, day * 86400000000, NULL, 'recommend', score, NULL, NULL, 1 "
        "FROM (VALUES (1, 3), (2, 7), (3, 9), (4, 10), (200, 0)) t(day, score)");
    run("INSERT INTO survey SELECT 1, NULL, NULL, 'clean', score, NULL, NULL, 1 FROM (VALUES "
        "(2.5), "
        "(4)) t(score)");
    if (clade_satisfaction_ask(&s, &n, store, 100 * DAY, arena, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    assert_int_equal(n, 2);
    assert_string_equal(s[0].question, "recommend");
    assert_int_equal(s[0].n, 4);
    check_close(s[0].mean.value, 29.0 / 4, 1e-12);
    assert_true(s[0].has_nps);
    check_close(s[0].nps.value, 0.25, 1e-12);
    check_close(s[0].nps.high, 0.25 + 1.959964 * sqrt((0.75 - 0.0625) / 4), 1e-5);
    check_close(s[0].trend.value, 4.5, 1e-12);
    check_close(s[0].trend.high, 4.5 + 1.959964 * sqrt(8.0 / 2 + 0.5 / 2), 1e-5);
    assert_false(s[1].has_nps);
    assert_true(isnan(s[1].trend.value)); /* nobody said when */
}

/* Two of three in the arm spend 8.00 and 4.00 within 30 days, one nothing; of two in the control
 * one spends 2.00 and one later than that. */
static void an_arm_is_weighed_against_its_control(void **state)
{
    (void)state;
    clade_campaign_arm *arm = NULL;
    size_t              n   = 0;
    run("INSERT INTO touch SELECT customer, day * 86400000000, campaign, arm, NULL, propensity, "
        "cost, NULL, 1 FROM (VALUES (1, 10, 'may', 'mail', 0.6, 50), (2, 10, 'may', 'mail', 0.6, "
        "50), (3, 11, 'may', 'mail', 0.6, 50), (4, 10, 'may', 'Control', 0.4, 0), (5, 10, 'may', "
        "'Control', 0.4, 0), (6, 20, 'june', 'sms', NULL, NULL), (7, 95, 'late', 'sms', NULL, 9)) "
        "t(customer, day, campaign, arm, propensity, cost)");
    run("INSERT INTO event (event, customer, at_us, kind, value_minor, row_key, load) SELECT "
        "row_number() OVER (), customer, day * 86400000000, 'purchase', value, 1, 1 FROM (VALUES "
        "(1, 12, 800), (2, 39, 400), (3, 5, 900), (4, 11, 200), (5, 40, 999)) t(customer, day, "
        "value)");
    if (clade_campaigns_weigh(&arm, &n, store, 100 * DAY, 30, arena, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    assert_int_equal(n, 3); /* the latest cannot be watched for 30 days yet */
    assert_string_equal(arm[0].campaign, "june");
    assert_true(isnan(arm[0].gain.value));
    assert_true(isnan(arm[0].cost));
    assert_true(arm[1].control);
    check_close(arm[1].revenue, 1, 1e-12);
    assert_string_equal(arm[2].arm, "mail");
    check_close(arm[2].cost, 1.5, 1e-12);
    check_close(arm[2].gain.value, 3, 1e-12);
    /* Variance of the means: (16 + 0 + 16) / 9 and (1 + 1) / 4. */
    check_close(arm[2].gain.high, 3 + 1.959964 * sqrt(32.0 / 9 + 0.5), 1e-5);
    double               cost  = 0;
    const clade_interval total = clade_campaigns_total(&cost, arm, n);
    check_close(total.value, 9, 1e-12);
    check_close(total.high, 9 + 3 * 1.959964 * sqrt(32.0 / 9 + 0.5), 1e-5);
    check_close(cost, 1.5, 1e-12);
    assert_true(isnan(clade_campaigns_total(&cost, arm, 1).value)); /* june alone */
}

/* Two arms against one control: 3 (a - c) + 2 (b - c), whose variance holds the control's 25 times.
 */
static void arms_that_share_a_control_are_not_independent(void **state)
{
    (void)state;
    const clade_campaign_arm arm[3] = {
        { .campaign = "x", .control = true, .n = 4, .error = 0.5, .gain = { NAN, NAN, NAN } },
        { .campaign = "x", .n = 3, .error = 1.5, .cost = 2.5, .gain = { 2, 0, 0 } },
        { .campaign = "x", .n = 2, .error = 0.75, .cost = 4, .gain = { -1, 0, 0 } },
    };
    double               cost;
    const clade_interval total = clade_campaigns_total(&cost, arm, 3);
    check_close(total.value, 4, 1e-12);
    check_close(total.high - 4, 1.959964 * sqrt(9 * 2.25 + 4 * 0.5625 + 25 * 0.25), 1e-5);
    check_close(cost, 6.5, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_match_the_case_counted_by_hand, setup_arena,
                                        teardown_arena),
        cmocka_unit_test_setup_teardown(a_window_before_the_log_is_not_known, setup_arena,
                                        teardown_arena),
        cmocka_unit_test_setup_teardown(answers_match_the_case_counted_by_hand, setup_arena,
                                        teardown_arena),
        cmocka_unit_test(arms_that_share_a_control_are_not_independent),
        cmocka_unit_test_setup_teardown(an_arm_is_weighed_against_its_control, setup_arena,
                                        teardown_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
