/* What loading and cleaning find in the demo shop, scored against its hidden truth. */
#include "demo_files.h"

#include "clade/ingest.h"
#include "clade/store.h"

enum { N_CUSTOMERS = 8000, FIRST_ID = 10000001, N_FILES = 8 };

static char               folder[256], shop[300];
static clade_demo_summary truth;
static clade_load_report  report;
static clade_store       *store;

static int load_shop(void **state)
{
    (void)state;
    static const char *const names[N_FILES] = { "items.csv",       "customers.csv",
                                                "orders.csv",      "events.csv",
                                                "reviews.csv",     "competitor_prices.csv",
                                                "invitations.csv", "campaigns.csv" };
    static char              path[N_FILES][600];
    const char              *paths[N_FILES];
    clade_error              err = { 0 };
    check_folder_make(folder, "demo");
    snprintf(shop, sizeof shop, "%s/my.clade", folder);
    const clade_demo_options  wish = { .folder = folder, .n_customers = N_CUSTOMERS, .seed = 21 };
    const clade_store_options make = { .create = true };
    if (clade_demo_write(&wish, &truth, &err) != CLADE_OK) fail_msg("%s", err.message);
    if (clade_store_open(&store, shop, &make, &err) != CLADE_OK) fail_msg("%s", err.message);
    for (size_t f = 0; f < N_FILES; f++) {
        snprintf(path[f], sizeof path[f], "%s/%s", folder, names[f]);
        paths[f] = path[f];
    }
    const clade_load_options options = { .now_us = truth.end_us };
    if (clade_load_files(&report, store, paths, N_FILES, &options, &err) != CLADE_OK) {
        fail_msg("%s", err.message);
    }
    return 0;
}

static int remove_shop(void **state)
{
    (void)state;
    clade_load_report_free(&report);
    clade_store_close(store);
    check_folder_remove(folder);
    return 0;
}

static const clade_load_file *file_of(const char *name)
{
    for (size_t f = 0; f < report.n_files; f++) {
        if (strstr(report.file[f].path, name) != NULL) return &report.file[f];
    }
    fail_msg("%s was not loaded", name);
    return NULL;
}

static int64_t query(const char *sql)
{
    int64_t     value = 0;
    clade_error err   = { 0 };
    if (clade_store_int(&value, store, sql, NULL, 0, 0, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return value;
}

static void every_row_is_stored_or_accounted_for(void **state)
{
    (void)state;
    for (size_t f = 0; f < report.n_files; f++) {
        const clade_load_file *const file = &report.file[f];
        assert_int_equal(file->n_read, file->n_stored + file->n_duplicate + file->n_quarantined);
    }
    assert_int_equal(file_of("/orders.csv")->n_read, truth.n_order_rows);
    assert_int_equal(file_of("/events.csv")->n_read, truth.n_event_rows);
    assert_int_equal(file_of("/customers.csv")->n_read, truth.n_customers);
}

static void repeated_rows_are_found_and_no_others(void **state)
{
    (void)state;
    assert_int_equal(file_of("/orders.csv")->n_duplicate, truth.n_order_duplicates);
    assert_int_equal(file_of("/events.csv")->n_duplicate,
                     truth.n_event_duplicates + truth.n_event_retries);
    assert_int_equal(file_of("/customers.csv")->n_duplicate, 0);
    assert_int_equal(file_of("/items.csv")->n_duplicate, 0);
}

static void broken_rows_are_quarantined_and_no_others(void **state)
{
    (void)state;
    assert_int_equal(file_of("/orders.csv")->n_quarantined,
                     truth.n_order_bad_dates + truth.n_order_ragged);
    assert_int_equal(file_of("/events.csv")->n_quarantined, 0);
    assert_int_equal(file_of("/reviews.csv")->n_quarantined, 0);
    assert_int_equal(file_of("/competitor_prices.csv")->n_quarantined, 0);
    assert_int_equal(file_of("/campaigns.csv")->n_quarantined, 0);
}

/* Which of the customers that really are of one kind carry a flag. */
static uint64_t count_flagged(const char *archetype, const char *flag)
{
    demo_text text;
    uint64_t  flagged = 0;
    demo_text_open(&text, folder, "truth/customers.csv");
    (void)demo_text_row(&text, ',');
    while (demo_text_row(&text, ',') == 10) {
        char          sql[200];
        const int64_t customer = clade_identity_find(store, clade_text_of(text.field[0]));
        assert_true(customer >= 0);
        if (strcmp(text.field[1], archetype) != 0) continue;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM flag WHERE name = '%s' AND customer = %lld",
                 flag, (long long)customer);
        flagged += query(sql) > 0;
    }
    demo_text_close(&text);
    return flagged;
}

static void bots_are_flagged_and_nobody_else(void **state)
{
    (void)state;
    assert_int_equal(count_flagged("bot", "bot"), truth.n_archetype[CLADE_DEMO_BOT]);
    assert_int_equal(query("SELECT count(DISTINCT customer) FROM flag WHERE name = 'bot'"),
                     truth.n_archetype[CLADE_DEMO_BOT]);
}

static void staff_are_flagged_and_nobody_else(void **state)
{
    (void)state;
    assert_int_equal(count_flagged("staff", "staff"), truth.n_archetype[CLADE_DEMO_STAFF]);
    assert_int_equal(query("SELECT count(DISTINCT customer) FROM flag WHERE name = 'staff'"),
                     truth.n_archetype[CLADE_DEMO_STAFF]);
}

static void test_orders_and_slipped_prices_are_flagged_and_no_others(void **state)
{
    (void)state;
    assert_int_equal(query("SELECT count(DISTINCT event) FROM flag WHERE name = 'test_order' AND "
                           "event IS NOT NULL"),
                     truth.n_test_orders);
    /* The first sale of an item cannot be odd: there is nothing to compare it with. */
    const int64_t odd =
        query("SELECT count(DISTINCT event) FROM flag WHERE name = 'outlier_price'");
    assert_in_range(odd, truth.n_order_price_outliers / 2, truth.n_order_price_outliers);
}

static void every_refund_finds_its_order(void **state)
{
    (void)state;
    const int64_t matched = query("SELECT count(DISTINCT refund) FROM refund_match");
    assert_int_equal(matched, truth.n_refund_lines + truth.n_cancelled_lines);
    assert_int_equal(query("SELECT count(*) FROM flag WHERE name = 'unmatched_refund'"), 0);
}

/* A slipped price counts a hundred times; test orders are a cent each at most. */
static void revenue_is_the_true_revenue_but_for_slipped_prices(void **state)
{
    (void)state;
    const int64_t revenue = query(
        "SELECT CAST(sum(CASE WHEN f.event IS NULL THEN value_minor ELSE round(value_minor / "
        "100.0) END) AS BIGINT) "
        "FROM event e LEFT JOIN (SELECT DISTINCT event FROM flag WHERE name = 'outlier_price') f "
        "ON f.event = e.event WHERE kind IN ('purchase', 'refund')");
    if (query("SELECT count(*) FROM flag WHERE name = 'outlier_price'") !=
        (int64_t)truth.n_order_price_outliers) {
        skip(); /* one that could not be found would decide the sum */
    }
    /* Half a cent for each foreign line, and the discounts of the slipped lines. */
    assert_true(llabs(revenue - truth.revenue_minor) <
                (int64_t)(truth.n_order_usd_lines / 2 + 100 * truth.n_order_price_outliers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_stored_or_accounted_for),
        cmocka_unit_test(repeated_rows_are_found_and_no_others),
        cmocka_unit_test(broken_rows_are_quarantined_and_no_others),
        cmocka_unit_test(bots_are_flagged_and_nobody_else),
        cmocka_unit_test(staff_are_flagged_and_nobody_else),
        cmocka_unit_test(test_orders_and_slipped_prices_are_flagged_and_no_others),
        cmocka_unit_test(every_refund_finds_its_order),
        cmocka_unit_test(revenue_is_the_true_revenue_but_for_slipped_prices),
    };
    return cmocka_run_group_tests(tests, load_shop, remove_shop);
}
