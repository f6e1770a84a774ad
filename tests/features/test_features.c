/* Features on a shop small enough to work out by hand. */
#include "check.h"
#include "clade/features.h"
#include "clade/run.h"

#include <stdlib.h>

static char         folder[256];
static char         path[300];
static clade_error  err;
static clade_store *store;

static int setup(void **state)
{
    (void)state;
    const clade_store_options making = { .create       = true,
                                         .n_threads    = 2,
                                         .memory_bytes = 512 << 20 };
    check_folder_make(folder, "features");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
    return 0;
}

static void run(const char *sql)
{
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static int64_t moment(const char *text)
{
    int64_t us = 0;
    check_ok(clade_time_parse(&us, text, &err));
    return us;
}

static clade_features *compute(const char *as_of)
{
    clade_features *features = NULL;
    if (clade_features_compute(&features, store, moment(as_of), &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return features;
}

static double value(const clade_features *features, int64_t customer, const char *name)
{
    const int column = clade_features_find(name);
    assert_true(column >= 0);
    for (size_t i = 0; i < features->n_customers; i++) {
        if (features->customer[i] == customer)
            return (double)features->value[i * features->n_features + (size_t)column];
    }
    fail_msg("customer %lld has no features", (long long)customer);
    return NAN;
}

/* Two customers, three orders and one refund:
 *
 *     customer 7   2024-01-10  A1  2 x tea   at 3.50 = 7.00, 1.00 off;  1 x pot at 20.25
 *                  2024-02-09  A2  1 x tea   at 3.75
 *                  2024-03-30  A3  1 x pot   at 20.25, given back whole on 2024-04-02
 *     customer 9   2024-03-31  one view, in the session s1
 *
 * as of 2024-04-10. */
static void fill(void)
{
    run("INSERT INTO item VALUES"
        " (1, 'tea', NULL, 'drink', 'Lu Yu', NULL, NULL, NULL, 0, 0),"
        " (2, 'pot', NULL, 'ware',  NULL,    NULL, NULL, NULL, 0, 0)");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, price_minor, "
        "amount_minor,"
        "  value_minor, discount_minor, currency, order_ref, session_key, row_key, load)"
        " SELECT event, customer, epoch_us(CAST(day AS TIMESTAMP)), kind::event_kind, item, "
        "quantity, price,"
        "  amount, amount, off, 'EUR', ref, session, event, 1 FROM (VALUES"
        " (1, 7, '2024-01-10 09:30:00', 'purchase', 1, 2.0, 400, 700, 100, 'A1', NULL),"
        " (2, 7, '2024-01-10 09:30:00', 'purchase', 2, 1.0, 2025, 2025, 0, 'A1', NULL),"
        " (3, 7, '2024-02-09 20:00:00', 'purchase', 1, 1.0, 375, 375, 0, 'A2', NULL),"
        " (4, 7, '2024-03-30 12:00:00', 'purchase', 2, 1.0, 2025, 2025, 0, 'A3', NULL),"
        " (5, 7, '2024-04-02 12:00:00', 'refund', 2, 1.0, 2025, -2025, NULL, 'A3', NULL),"
        " (6, 9, '2024-03-31 12:00:00', 'view', 2, NULL, NULL, NULL, NULL, NULL, 1)"
        ") t(event, customer, day, kind, item, quantity, price, amount, off, ref, session)");
    run("INSERT INTO refund_match VALUES (5, 4, 7, 1.0, -2025,"
        " epoch_us(TIMESTAMP '2024-04-02 12:00:00'))");
}

static void features_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    fill();
    clade_features *f = compute("2024-04-10");

    assert_int_equal(f->n_customers, 2);
    assert_int_equal(f->customer[0], 7);
    check_close(value(f, 7, "orders_life"), 2, 0);
    check_close(value(f, 7, "spend_life"), 7.00 + 20.25 + 3.75, 1e-6);
    check_close(value(f, 7, "spend_90d"), 3.75, 1e-6); /* 10 January is 91 days ago */
    check_close(value(f, 7, "days_since_order"), 61 - 20.0 / 24, 1e-6);
    check_close(value(f, 7, "order_value_median"), (27.25 + 3.75) / 2, 1e-6);
    check_close(value(f, 7, "gap_mean_days"), 30 + 10.5 / 24, 1e-6);
    check_close(value(f, 7, "late_ratio"), (61 - 20.0 / 24) / (30 + 10.5 / 24), 1e-6);
    check_close(value(f, 7, "discount_share"), 1.00 / (1.00 + 31.00), 1e-6);
    check_close(value(f, 7, "items_distinct"), 2, 0);
    check_close(value(f, 7, "item_repeat_share"), 1.0 / 3, 1e-6);
    check_close(value(f, 7, "category_entropy"), log2(3.0) - 2.0 / 3, 1e-5);
    check_close(value(f, 7, "brands_distinct"), 1, 0);
    check_close(value(f, 7, "gone_order_share"), 1.0 / 3, 1e-6);
    check_close(value(f, 7, "refund_wait_days"), 3, 1e-6);
    check_close(value(f, 7, "order_morning_share"), 0.5, 0);
    check_close(value(f, 7, "spend_trend_90d"), (double)NAN, 0); /* the log is younger */
    check_close(value(f, 9, "orders_life"), 0, 0);
    check_close(value(f, 9, "spend_life"), 0, 0);
    check_close(value(f, 9, "days_since_order"), (double)NAN, 0);
    check_close(value(f, 9, "views_30d"), 1, 0);
    check_close(value(f, 9, "sessions_life"), 1, 0);
    check_close(value(f, 9, "searches_life"), (double)NAN, 0); /* the log has none */
    clade_features_free(f);

    /* A week earlier nobody knew of the refund. */
    f = compute("2024-04-01");
    check_close(value(f, 7, "orders_life"), 3, 0);
    check_close(value(f, 7, "spend_life"), 51.25, 1e-6);
    check_close(value(f, 7, "gone_order_share"), (double)NAN, 0);
    clade_features_free(f);
}

static void the_shop_clock_is_that_of_its_zone(void **state)
{
    (void)state;
    fill();
    check_ok(clade_store_setting_set(store, "zone", "Asia/Shanghai", &err));
    clade_features *f = compute("2024-04-10");
    /* 09:30 and 20:00 in London are 17:30 and, on Saturday already, 04:00 in Shanghai. */
    check_close(value(f, 7, "order_afternoon_share"), 0.5, 0);
    check_close(value(f, 7, "order_night_share"), 0.5, 0);
    check_close(value(f, 7, "weekend_share"), 0.5, 0);
    clade_features_free(f);
}

static void flagged_customers_are_left_out_from_the_moment_on(void **state)
{
    (void)state;
    fill();
    run("INSERT INTO flag VALUES ('bot', 9, NULL, epoch_us(TIMESTAMP '2024-04-05'), 'test')");
    clade_features *f = compute("2024-04-10");
    assert_int_equal(f->n_customers, 1);
    clade_features_free(f);
    f = compute("2024-04-05");
    assert_int_equal(f->n_customers, 2);
    clade_features_free(f);
}

static void a_shop_without_events_has_no_customers(void **state)
{
    (void)state;
    clade_features *f = compute("2024-04-10");
    assert_int_equal(f->n_customers, 0);
    clade_features_free(f);
}

static void outcome_is_net_of_refunds_in_the_window(void **state)
{
    (void)state;
    const int64_t customer[3] = { 6, 7, 9 };
    clade_outcome outcome     = { 0 };

    fill();
    check_ok(clade_outcome_compute(&outcome, store, customer, 3, moment("2024-02-01"),
                                   moment("2024-04-03"), &err));
    assert_int_equal(outcome.spend_minor[0], 0);
    assert_int_equal(outcome.spend_minor[1], 375);
    assert_int_equal(outcome.returned[1], 1);
    assert_int_equal(outcome.returned[2], 0);
    clade_outcome_free(&outcome);

    /* The order of 30 March was given back after this window: within it, it stands. */
    check_ok(clade_outcome_compute(&outcome, store, customer, 3, moment("2024-03-01"),
                                   moment("2024-04-01"), &err));
    assert_int_equal(outcome.spend_minor[1], 2025);
    assert_int_equal(outcome.returned[1], 1);
    clade_outcome_free(&outcome);

    check_ok(clade_outcome_compute(&outcome, store, customer, 3, moment("2024-03-01"),
                                   moment("2024-04-03"), &err));
    assert_int_equal(outcome.spend_minor[1], 0);
    assert_int_equal(outcome.returned[1], 0);
    clade_outcome_free(&outcome);

    assert_int_equal(clade_outcome_compute(&outcome, store, customer, 3, 10, 9, &err),
                     CLADE_ERR_ARG);
}

/* ---------------------------------------------------------------- the registry */

static void every_feature_says_what_it_is(void **state)
{
    (void)state;
    size_t               n       = 0;
    const clade_feature *feature = clade_features_all(&n);

    assert_true(n >= 110);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(clade_features_find(feature[i].name), (int)i); /* names are unique */
        assert_true(feature[i].en[0] != '\0' && feature[i].zh[0] != '\0');
        assert_true(feature[i].absence[0] != '\0' && feature[i].unit[0] != '\0');
        assert_true(feature[i].en[strlen(feature[i].en) - 1] == '.');
        assert_non_null(strstr(feature[i].zh, "。"));
    }
    assert_int_equal(clade_features_find("no such feature"), -1);
}

/* CLADE_UPDATE=1 writes the page anew. */
static void the_page_of_features_is_up_to_date(void **state)
{
    (void)state;
    const char *source = getenv("CLADE_SOURCE");
    if (source == NULL) skip();
    char page[512];
    snprintf(page, sizeof page, "%s/docs/features.md", source);

    clade_buffer wanted = { 0 };
    clade_features_document(&wanted);
    assert_false(wanted.failed);
    if (getenv("CLADE_UPDATE") != NULL) check_write(page, wanted.data, wanted.size);

    clade_buffer found = { 0 };
    FILE        *file  = fopen(page, "rb");
    if (file == NULL) fail_msg("%s: missing; CLADE_UPDATE=1 writes it", page);
    char   piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        clade_buffer_append(&found, piece, n);
    fclose(file);
    if (found.size != wanted.size || memcmp(found.data, wanted.data, found.size) != 0)
        fail_msg("%s is not what the registry says; CLADE_UPDATE=1 writes it", page);
    clade_buffer_free(&found);
    clade_buffer_free(&wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(features_match_the_case_worked_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(the_shop_clock_is_that_of_its_zone, setup, teardown),
        cmocka_unit_test_setup_teardown(flagged_customers_are_left_out_from_the_moment_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_shop_without_events_has_no_customers, setup, teardown),
        cmocka_unit_test_setup_teardown(outcome_is_net_of_refunds_in_the_window, setup, teardown),
        cmocka_unit_test(every_feature_says_what_it_is),
        cmocka_unit_test(the_page_of_features_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
