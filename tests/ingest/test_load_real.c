/* Real logs that nobody here made: what is known of them comes out exactly. */
#include "load_help.h"

/* Load real files below CLADE_DATA; false after saying that the test is skipped. */
static bool load_real(shop *s, clade_load_report *report, const char *const *names, size_t n)
{
    static char path[8][512];
    const char *paths[8];
    for (size_t i = 0; i < n; i++) {
        paths[i] = check_data(path[i], names[i]);
        if (paths[i] == NULL) return false;
    }
    *s      = shop_make();
    *report = shop_load(s, paths, n, &(clade_load_options){ .now_us = INT64_C(1795000000000000) });
    return true;
}

static const char *fact(const clade_load_report *report, const char *id)
{
    for (size_t i = 0; i < report->n_facts; i++) {
        if (strcmp(report->fact[i].id, id) == 0) return report->fact[i].en;
    }
    fail_msg("no fact %s", id);
    return NULL;
}

static bool has_problem(const clade_load_report *report, const char *id)
{
    for (size_t i = 0; i < report->n_problems; i++) {
        if (strcmp(report->problem[i].id, id) == 0) return true;
    }
    return false;
}

static void online_retail_keeps_what_is_known_of_it(void **state)
{
    (void)state;
    shop              s;
    clade_load_report report;
    const char *const names[] = { "online-retail/transactions.csv.zst" };
    if (!load_real(&s, &report, names, 1)) skip();
    assert_int_equal(report.n_read, 420817);
    assert_int_equal(report.n_stored,
                     416993); /* distinct lines, counted with Python's csv and set */
    assert_int_equal(report.n_quarantined, 0);
    shop_is(&s, 3048, "SELECT count(DISTINCT customer) FROM event");
    shop_is(&s, 19262, "SELECT count(DISTINCT order_ref) FROM event");
    shop_is(&s, 0, "SELECT count(*) FROM event WHERE order_ref LIKE 'C%' AND kind <> 'refund'");
    shop_is(&s, 1336, "SELECT count(*) FROM event WHERE kind = 'custom' AND quantity < 0");
    shop_is(&s, 2, "SELECT count(*) FROM event WHERE kind = 'custom' AND amount_minor = -1106206");
    /* 2010-12-01 08:26 to 2011-12-09 12:50, taken as UTC. */
    shop_is(&s, 1291191960000000, "SELECT min(at_us) FROM event");
    shop_is(&s, 1323435000000000, "SELECT max(at_us) FROM event");
    /* The two famous orders of the last year that were cancelled within minutes. */
    shop_is(&s, 2,
            "SELECT count(*) FROM flag f JOIN event e ON e.event = f.event WHERE f.name = "
            "'outlier_quantity' AND e.quantity IN (80995, 74215)");
    shop_is(&s, 1, "SELECT count(*) FROM refund_match WHERE quantity = 80995");
    assert_true(has_problem(&report, "events_without_customer"));
    assert_true(has_problem(&report, "unmatched_refunds"));
    assert_true(has_problem(&report, "stock_adjustments"));
    clade_load_report_free(&report);
    shop_remove(&s);
}

static void cdnow_keeps_every_repeat_and_its_money(void **state)
{
    (void)state;
    shop              s;
    clade_load_report report;
    const char *const names[] = { "cdnow/master.csv.zst" };
    if (!load_real(&s, &report, names, 1)) skip();
    assert_int_equal(report.n_stored, 69659);
    shop_is(&s, 23570, "SELECT count(DISTINCT customer) FROM event");
    shop_is(&s, 250031563, "SELECT CAST(sum(value_minor) AS BIGINT) FROM event");
    shop_is(&s, 0, "SELECT count(*) FROM event WHERE kind <> 'purchase'");
    assert_non_null(strstr(fact(&report, "revenue_net"), "2,500,315.63"));
    assert_true(has_problem(&report, "repeats_kept"));
    clade_load_report_free(&report);
    shop_remove(&s);
}

static void complete_journey_joins_four_files(void **state)
{
    (void)state;
    shop              s;
    clade_load_report report;
    const char *const names[] = { "complete-journey/transactions_sample.csv.zst",
                                  "complete-journey/products.csv.zst",
                                  "complete-journey/demographics.csv.zst",
                                  "complete-journey/campaigns.csv.zst" };
    if (!load_real(&s, &report, names, 4)) skip();
    assert_int_equal(report.file[0].n_stored, 75000);
    assert_int_equal(report.file[1].n_read, 92331);
    assert_int_equal(report.file[2].n_stored, 801);
    assert_int_equal(report.file[3].n_stored, 6589);
    shop_is(&s, 2377, "SELECT count(DISTINCT customer) FROM event");
    shop_is(&s, 47243, "SELECT count(DISTINCT order_ref) FROM event");
    shop_is(&s, 801, "SELECT count(DISTINCT customer) FROM customer");
    /* Every line that was sold finds its category in the catalogue. */
    shop_is(
        &s, 0,
        "SELECT count(*) FROM event e LEFT JOIN item i ON i.item = e.item WHERE i.item IS NULL");
    clade_load_report_free(&report);
    shop_remove(&s);
}

static void tafeng_unfolds_its_baskets(void **state)
{
    (void)state;
    shop              s;
    clade_load_report report;
    const char *const names[] = { "tafeng-baskets/baskets.csv.zst" };
    if (!load_real(&s, &report, names, 1)) skip();
    assert_int_equal(report.n_read, 91227);
    assert_int_equal(report.file[0].n_events, 571933);
    shop_is(&s, 13858, "SELECT count(DISTINCT customer) FROM event");
    shop_is(&s, 11997, "SELECT count(DISTINCT item) FROM event");
    assert_true(has_problem(&report, "no_clock"));
    clade_load_report_free(&report);
    shop_remove(&s);
}

static void the_taobao_excerpt_keeps_its_funnel(void **state)
{
    (void)state;
    shop              s;
    clade_load_report report;
    const char *const names[] = { "alibaba-mobile-sample/events.csv.zst" };
    if (!load_real(&s, &report, names, 1)) skip();
    assert_int_equal(report.n_stored, 1999);
    shop_is(&s, 34, "SELECT count(DISTINCT customer) FROM event");
    shop_is(&s, 1876, "SELECT count(*) FROM event WHERE kind = 'click'");
    shop_is(&s, 18, "SELECT count(*) FROM event WHERE kind = 'wish'");
    shop_is(&s, 70, "SELECT count(*) FROM event WHERE kind = 'cart'");
    shop_is(&s, 35, "SELECT count(*) FROM event WHERE kind = 'purchase'");
    clade_load_report_free(&report);
    shop_remove(&s);
}

static void other_logs_lose_no_row(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        clade_shape shape;
        int64_t     n_rows, n_customers;
    } logs[] = {
        { "amazon-instruments-reviews/reviews.csv.zst", CLADE_SHAPE_REVIEWS, 10261, 1429 },
        { "marketing-campaign/customers.csv.zst", CLADE_SHAPE_CUSTOMERS, 2240, 0 },
        { "retailrocket-sessions/raw_view_sample.csv.zst", CLADE_SHAPE_EVENTS, 10080, 2496 },
        { "diginetica/raw_item_views_sample.csv.zst", CLADE_SHAPE_EVENTS, 12391, 1270 },
        { "yoochoose-1-64/raw_clicks_sample.csv.zst", CLADE_SHAPE_EVENTS, 1913, 0 },
        { "zh-reviews/hotel.csv.zst", CLADE_SHAPE_REVIEWS, 7766, 0 },
        { "zh-reviews/online_shopping_10_cats.csv.zst", CLADE_SHAPE_REVIEWS, 62774, 0 },
    };
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        shop              s;
        clade_load_report report;
        if (!load_real(&s, &report, &logs[i].name, 1)) skip();
        assert_int_equal(report.file[0].shape, logs[i].shape);
        assert_int_equal(report.n_read, logs[i].n_rows);
        assert_int_equal(report.n_quarantined, 0);
        shop_is(&s, logs[i].n_customers, "SELECT count(DISTINCT customer) FROM event");
        clade_load_report_free(&report);
        shop_remove(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(online_retail_keeps_what_is_known_of_it),
        cmocka_unit_test(cdnow_keeps_every_repeat_and_its_money),
        cmocka_unit_test(complete_journey_joins_four_files),
        cmocka_unit_test(tafeng_unfolds_its_baskets),
        cmocka_unit_test(the_taobao_excerpt_keeps_its_funnel),
        cmocka_unit_test(other_logs_lose_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
