#include "made_shop.h"

#include "clade/flows.h"

/* Five customers and two segments: 2 stays, 3 rises, 5 falls, 8 is gone, 9 is new. */
static void flows_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    int64_t             was[4] = { 2, 3, 5, 8 }, is[4] = { 2, 3, 5, 9 };
    int32_t             from[4] = { 0, 1, 0, 1 }, to[4] = { 0, 0, 1, 1 };
    int64_t             money_was[4] = { 1050, 220, 3300, 70 }, money_is[4] = { 990, 1840, 0, 455 };
    const clade_members before = {
        .as_of_us = 7, .n = 4, .customer = was, .segment = from, .spend_minor = money_was
    };
    const clade_members after = {
        .as_of_us = 19, .n = 4, .customer = is, .segment = to, .spend_minor = money_is
    };
    clade_flows flows;
    check_ok(clade_flows_count(&flows, &before, &after, 2, NULL));
    assert_int_equal(flows.from_us, 7);
    assert_int_equal(flows.to_us, 19);
    assert_int_equal(flows.flow[0][0].n, 1);
    assert_int_equal(flows.flow[1][0].n, 1);
    assert_int_equal(flows.flow[1][0].before_minor, 220);
    assert_int_equal(flows.flow[1][0].after_minor, 1840);
    assert_int_equal(flows.flow[0][1].n, 1);
    assert_int_equal(flows.flow[1][2].n, 1); /* gone */
    assert_int_equal(flows.flow[1][2].before_minor, 70);
    assert_int_equal(flows.flow[1][2].after_minor, 0);
    assert_int_equal(flows.flow[2][1].n, 1); /* new */
    assert_int_equal(flows.flow[2][1].after_minor, 455);
    assert_int_equal(flows.n_both, 3);
    assert_int_equal(flows.n_moved, 2);
    assert_int_equal(flows.n_before[0], 2);
    assert_int_equal(flows.n_after[1], 2);
}

static clade_members draw_members(size_t n, double p_there, clade_rng *rng)
{
    clade_members m = { .customer    = CLADE_NEW(int64_t, n),
                        .segment     = CLADE_NEW(int32_t, n),
                        .spend_minor = CLADE_NEW(int64_t, n) };
    assert_true(m.customer != NULL && m.segment != NULL && m.spend_minor != NULL);
    for (size_t i = 0; i < n; i++) {
        if (clade_rng_uniform(rng) > p_there) continue;
        m.customer[m.n]    = (int64_t)(i * 2);
        m.segment[m.n]     = (int32_t)clade_rng_below(rng, CLADE_SEGMENTS_MAX);
        m.spend_minor[m.n] = (int64_t)clade_rng_below(rng, 100000);
        m.n++;
    }
    return m;
}

static void no_customer_and_no_money_is_lost_on_the_way(void **state)
{
    (void)state;
    for (uint64_t world = 0; world < 50; world++) {
        clade_rng     rng    = clade_rng_stream(13, "test/flows", world);
        clade_members before = draw_members(200 + world, 0.7, &rng);
        clade_members after  = draw_members(200 + world, 0.8, &rng);
        clade_flows   flows;
        int64_t       money = 0, wanted = 0;
        size_t        n_new = 0;
        check_ok(clade_flows_count(&flows, &before, &after, CLADE_SEGMENTS_MAX, NULL));
        for (size_t s = 0; s < CLADE_SEGMENTS_MAX; s++) {
            size_t row = 0, column = 0;
            for (size_t k = 0; k <= CLADE_SEGMENTS_MAX; k++) {
                row += flows.flow[s][k].n;
                column += flows.flow[k][s].n;
                money += flows.flow[k][s].after_minor;
            }
            assert_int_equal(row, flows.n_before[s]);
            assert_int_equal(column, flows.n_after[s]);
            n_new += flows.flow[CLADE_SEGMENTS_MAX][s].n;
        }
        for (size_t i = 0; i < after.n; i++)
            wanted += after.spend_minor[i];
        assert_int_equal(money, wanted);
        assert_int_equal(n_new + flows.n_both, after.n);
        assert_int_equal(flows.flow[CLADE_SEGMENTS_MAX][CLADE_SEGMENTS_MAX].n, 0);
        clade_members_free(&before);
        clade_members_free(&after);
    }
}

static void standing_still_moves_nobody(void **state)
{
    (void)state;
    clade_rng     rng = clade_rng_stream(17, "test/still", 0);
    clade_members one = draw_members(300, 0.9, &rng);
    clade_flows   flows;
    check_ok(clade_flows_count(&flows, &one, &one, CLADE_SEGMENTS_MAX, NULL));
    assert_int_equal(flows.n_moved, 0);
    assert_int_equal(flows.n_both, one.n);
    clade_members_free(&one);
}

static void a_segment_that_does_not_exist_is_named(void **state)
{
    (void)state;
    clade_rng     rng = clade_rng_stream(19, "test/bad", 0);
    clade_members one = draw_members(30, 1, &rng);
    clade_error   err = { 0 };
    clade_flows   flows;
    for (size_t i = 0; i < one.n; i++)
        one.segment[i] %= 11;
    one.segment[4] = 11;
    assert_int_equal(clade_flows_count(&flows, &one, &one, 11, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "customer 8 is in segment 11, and there are 11 segments"));
    clade_members_free(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_match_the_case_worked_by_hand),
        cmocka_unit_test(no_customer_and_no_money_is_lost_on_the_way),
        cmocka_unit_test(standing_still_moves_nobody),
        cmocka_unit_test(a_segment_that_does_not_exist_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
