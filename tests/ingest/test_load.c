/* Row by row: what becomes of the lines of an order log. Every number is worked out by hand. */
#include "load_help.h"

static void amounts_are_exact_and_rounded_once(void **state)
{
    (void)state;
    shop s = shop_make();
    /* 0.001 x 7500 = 7.50 and not 0; 0.335 x 3 = 1.005 -> 1.01; 2.385 x 7 = 16.695 -> 16.70. */
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-01-05 10:00:00,x,7500,0.001\n"
                   "1,a,2023-01-05 10:00:00,y,3,0.335\n"
                   "2,b,2023-01-06 11:30:00,z,7,2.385\n",
                   NULL);
    shop_is(&s, 750, "SELECT amount_minor FROM event WHERE quantity = 7500");
    shop_is(&s, 0, "SELECT price_minor FROM event WHERE quantity = 7500");
    shop_is(&s, 101, "SELECT amount_minor FROM event WHERE quantity = 3");
    shop_is(&s, 1670, "SELECT amount_minor FROM event WHERE quantity = 7");
    shop_is(&s, 239, "SELECT price_minor FROM event WHERE quantity = 7");
    shop_remove(&s);
}

static void a_negative_quantity_is_a_refund_that_finds_its_sale(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "536365,17850,2023-01-05 10:00:00,x,6,2.55\n"
                   "536370,17850,2023-01-07 10:00:00,x,4,2.55\n"
                   "C536391,17850,2023-01-09 10:00:00,x,-5,2.55\n"
                   "C536392,17850,2023-01-09 11:00:00,y,-1,1.45\n",
                   NULL);
    shop_is(&s, 2, "SELECT count(*) FROM event WHERE kind = 'refund'");
    shop_is(&s, -1275, "SELECT amount_minor FROM event WHERE kind = 'refund' AND quantity = 5");
    /* The latest sale gives its 4, the one before it 1. */
    shop_is(&s, 2, "SELECT count(*) FROM refund_match");
    shop_is(&s, 4,
            "SELECT CAST(m.quantity AS BIGINT) FROM refund_match m JOIN event e ON e.event = "
            "m.purchase WHERE e.quantity = 4");
    shop_is(&s, 1,
            "SELECT CAST(m.quantity AS BIGINT) FROM refund_match m JOIN event e ON e.event = "
            "m.purchase WHERE e.quantity = 6");
    shop_is(&s, -1275, "SELECT CAST(sum(amount_minor) AS BIGINT) FROM refund_match");
    shop_is(&s, 1275,
            "SELECT CAST(sum(amount_minor) AS BIGINT) FROM order_line"); /* 10 x 2.55 - 12.75 */
    shop_is(&s, 1, "SELECT count(*) FROM flag WHERE name = 'unmatched_refund'");
    shop_remove(&s);
}

static void an_exact_repeat_is_a_duplicate_and_loading_again_stores_nothing(void **state)
{
    (void)state;
    static const char text[] = "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                               "1,a,2023-01-05 10:00:00,x,6,2.55\n"
                               "1,a,2023-01-05 10:00:00,x,6,2.55\n"
                               "1,b,2023-01-05 10:00:00,x,6,2.55\n"
                               "1,a,2023-01-05 10:00:01,x,6,2.55\n";
    shop              s      = shop_make();
    clade_load_file   file   = shop_load_text(&s, "orders.csv", text, NULL);
    assert_int_equal(file.n_read, 4);
    assert_int_equal(file.n_stored, 3);
    assert_int_equal(file.n_duplicate, 1);
    clade_store_close(s.store); /* the second load knows the keys from the store alone */
    shop_open(&s);
    file = shop_load_text(&s, "orders.csv", text, NULL);
    assert_int_equal(file.n_stored, 0);
    assert_int_equal(file.n_duplicate, 4);
    assert_true(file.remembered);
    shop_is(&s, 3, "SELECT count(*) FROM event");
    shop_remove(&s);
}

static void repeats_of_a_log_without_orders_and_clock_stay(void **state)
{
    (void)state;
    static const char text[] = "customer_id,date,cds,dollars\n"
                               "7,1997-01-12,1,12.00\n"
                               "7,1997-01-12,1,12.00\n"
                               "7,1997-01-12,1,12.00\n"
                               "8,1997-01-12,1,12.00\n";
    shop              s      = shop_make();
    clade_load_file   file   = shop_load_text(&s, "master.csv", text, NULL);
    assert_int_equal(file.n_stored, 4);
    file = shop_load_text(&s, "again.csv", text, NULL);
    assert_int_equal(file.n_duplicate, 4);
    /* A file with one more of them brings one more. */
    file = shop_load_text(&s, "more.csv",
                          "customer_id,date,cds,dollars\n"
                          "7,1997-01-12,1,12.00\n7,1997-01-12,1,12.00\n"
                          "7,1997-01-12,1,12.00\n7,1997-01-12,1,12.00\n",
                          NULL);
    assert_int_equal(file.n_stored, 1);
    assert_int_equal(file.n_duplicate, 3);
    shop_remove(&s);
}

static void a_message_id_makes_the_row_itself(void **state)
{
    (void)state;
    shop            s    = shop_make();
    clade_load_file file = shop_load_text(&s, "events.csv",
                                          "message_id,user_id,event_time,event_type,item_id\n"
                                          "m1,u,2023-02-01T10:00:00Z,view,i\n"
                                          "m2,u,2023-02-01T10:00:00Z,view,i\n"
                                          "m1,u,2023-02-01T10:00:05Z,view,i\n",
                                          NULL);
    assert_int_equal(file.n_stored, 2);
    assert_int_equal(file.n_duplicate, 1);
    shop_remove(&s);
}

static void bad_rows_wait_in_quarantine_with_line_column_and_reason(void **state)
{
    (void)state;
    shop            s = shop_make();
    clade_load_file file =
        shop_load_text(&s, "orders.csv",
                       "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                       "1,a,2023-01-05 10:00:00,x,6,2.55\n"
                       "2,a,9999-12-31 00:00:00,x,6,2.55\n"
                       "3,a,2023-01-05 10:00:00,x,six,2.55\n"
                       "4,a,2023-01-05 10:00:00,x\n"
                       "5,a,,x,1,2.55\n"
                       "6,a,1969-07-20 20:17:00,x,1,2.55\n"
                       "7,a,2023-01-06 10:00:00,x,1,inf\n",
                       NULL);
    assert_int_equal(file.n_read, 7);
    assert_int_equal(file.n_stored, 1);
    assert_int_equal(file.n_quarantined, 6);

    clade_arena       *arena = clade_arena_create(0);
    clade_quarantined *rows  = NULL;
    size_t             n     = 0;
    int64_t            total = 0;
    check_ok(clade_quarantine_list(&rows, &n, &total, s.store, 100, arena, NULL));
    assert_int_equal(total, 6);
    assert_int_equal(n, 6);
    assert_int_equal(rows[0].line, 3);
    assert_string_equal(rows[0].column, "order_date");
    assert_non_null(strstr(rows[0].reason, "future"));
    assert_string_equal(rows[0].raw, "2,a,9999-12-31 00:00:00,x,6,2.55");
    assert_string_equal(rows[1].column, "quantity");
    assert_int_equal(rows[2].line, 5);
    assert_non_null(strstr(rows[2].reason, "field"));
    assert_string_equal(rows[3].reason, "no moment");
    assert_non_null(strstr(rows[4].reason, "1970"));
    assert_string_equal(rows[5].column, "unit_price");
    clade_arena_free(arena);

    /* The same file again: judged anew, listed once. */
    file = shop_load_text(&s, "orders.csv",
                          "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                          "1,a,2023-01-05 10:00:00,x,6,2.55\n"
                          "2,a,9999-12-31 00:00:00,x,6,2.55\n"
                          "3,a,2023-01-05 10:00:00,x,six,2.55\n"
                          "4,a,2023-01-05 10:00:00,x\n"
                          "5,a,,x,1,2.55\n"
                          "6,a,1969-07-20 20:17:00,x,1,2.55\n"
                          "7,a,2023-01-06 10:00:00,x,1,inf\n",
                          NULL);
    assert_int_equal(file.n_quarantined, 6);
    assert_int_equal(file.n_duplicate, 1);
    shop_is(&s, 6, "SELECT count(*) FROM quarantine");
    shop_remove(&s);
}

static void a_cancelled_order_comes_to_nothing(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price,status\n"
                   "1,a,2023-01-05 10:00:00,x,2,10.25,paid\n"
                   "2,a,2023-01-06 10:00:00,x,1,10.25,cancelled\n"
                   "3,b,2023-01-06 10:00:00,y,1,4.50,paid\n"
                   "3,b,2023-01-08 10:00:00,y,1,4.50,refunded\n"
                   "4,c,2023-01-08 10:00:00,y,1,4.50,待付款\n",
                   NULL);
    shop_is(&s, 2, "SELECT count(*) FROM event WHERE kind = 'refund'");
    shop_is(&s, 3,
            "SELECT count(*) FROM event WHERE kind = 'purchase'"); /* order 2's sale is made */
    shop_is(&s, 1, "SELECT count(*) FROM event WHERE kind = 'checkout'");
    shop_is(&s, 2050,
            "SELECT CAST(sum(value_minor) AS BIGINT) FROM event WHERE kind IN ('purchase', "
            "'refund')");
    shop_is(&s, 2, "SELECT count(*) FROM refund_match");
    shop_is(&s, 0, "SELECT count(*) FROM flag WHERE name = 'unmatched_refund'");
    shop_remove(&s);
}

static void a_basket_row_is_one_row_and_many_events(void **state)
{
    (void)state;
    static const char text[] = "user_id,basket_no,items\n1,1,0 1 2\n1,2,3\n2,1,4 5\n";
    shop              s      = shop_make();
    clade_load_file   file   = shop_load_text(&s, "baskets.csv", text, NULL);
    assert_int_equal(file.n_stored, 3);
    assert_int_equal(file.n_events, 6);
    shop_is(&s, 6, "SELECT count(DISTINCT item) FROM event");
    shop_is(&s, 1, "SELECT (max(at_us) - min(at_us)) // 86400000000 FROM event");
    file = shop_load_text(&s, "baskets.csv", text, NULL);
    assert_int_equal(file.n_duplicate, 3);
    shop_is(&s, 6, "SELECT count(*) FROM event");
    shop_remove(&s);
}

static void money_in_two_currencies_is_named_and_converted(void **state)
{
    (void)state;
    static const char text[] =
        "order_id,customer_id,order_date,product_id,quantity,unit_price,currency\n"
        "1,a,2023-01-05 10:00:00,x,2,10.25,USD\n"
        "2,a,2023-01-06 10:00:00,x,1,9.99,USD\n"
        "3,b,2023-01-06 10:00:00,y,3,4.50,EUR\n"
        "4,b,2023-01-07 10:00:00,y,1,1500,JPY\n";
    shop s = shop_make();
    shop_load_text(&s, "orders.csv", text, NULL);
    shop_is(&s, 2, "SELECT count(*) FROM event WHERE value_minor IS NULL");
    const clade_rate         rates[] = { { "EUR", 1.08 }, { "JPY", 0.0067 } };
    const clade_load_options with    = { .rate = rates, .n_rates = 2, .now_us = TEST_NOW };
    clade_load_report        report  = { 0 };
    check_ok(clade_load_files(&report, s.store, NULL, 0, &with, NULL));
    assert_string_equal(report.currency, "USD");
    clade_load_report_free(&report);
    shop_is(&s, 1458, "SELECT value_minor FROM event WHERE currency = 'EUR'"); /* 13.50 x 1.08 */
    shop_is(&s, 1005, "SELECT value_minor FROM event WHERE currency = 'JPY'"); /* 1500 x 0.0067 */
    shop_remove(&s);
}

static void what_comes_later_changes_nothing_that_was_said(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-01-01 10:00:00,x,1,2.50\n2,a,2023-01-02 10:00:00,x,1,2.50\n"
                   "3,a,2023-01-03 10:00:00,x,1,2.50\n4,a,2023-01-04 10:00:00,x,1,2.50\n"
                   "5,a,2023-01-05 10:00:00,x,1,2.50\n6,a,2023-01-06 10:00:00,x,1,25.00\n"
                   "C7,a,2023-01-07 10:00:00,x,-1,2.50\n",
                   NULL);
    shop_is(&s, 1, "SELECT count(*) FROM flag WHERE name = 'outlier_price'");
    const int64_t before =
        shop_int(&s, "SELECT CAST(sum(hash(name, event, since_us, reason) >> 20) AS "
                     "BIGINT) FROM flag");
    const int64_t match = shop_int(&s, "SELECT purchase FROM refund_match");
    shop_load_text(&s, "later.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "8,a,2023-02-01 10:00:00,x,1,25.00\n9,a,2023-02-02 10:00:00,x,1,25.00\n"
                   "10,a,2023-02-03 10:00:00,x,2000,25.00\nC11,a,2023-02-04 10:00:00,x,-1,25.00\n",
                   NULL);
    shop_is(&s, before,
            "SELECT CAST(sum(hash(name, event, since_us, reason) >> 20) AS BIGINT) FROM flag "
            "WHERE since_us < 1675209600000000");
    shop_is(&s, match, "SELECT purchase FROM refund_match ORDER BY at_us LIMIT 1");
    shop_remove(&s);
}

static void a_replay_gives_the_same_derived_tables(void **state)
{
    (void)state;
    static const char sum[] =
        "SELECT CAST((SELECT coalesce(sum(hash(*COLUMNS(*)) >> 20), 0) FROM flag) + (SELECT "
        "coalesce(sum(hash(*COLUMNS(*)) >> 20), 0) FROM refund_match) + (SELECT "
        "coalesce(sum(hash(*COLUMNS(*)) >> 20), 0) FROM completion) + (SELECT "
        "sum(hash(*COLUMNS(*)) >> 20) "
        "FROM event) AS BIGINT)";
    shop s = shop_make();
    shop_load_text(
        &s, "orders.csv",
        "order_id,customer_id,order_date,product_id,product_name,quantity,unit_price\n"
        "1,a,2023-01-01 10:00:00,x,Mug,3,2.50\n1,,2023-01-01 10:00:00,y,Cup,1,2.50\n"
        "2,b,2023-01-03 10:00:00,POST,POSTAGE,1,2.50\n3,b,2023-01-04 10:00:00,x,Mug,1,\n"
        "C4,a,2023-01-07 10:00:00,x,Mug,-1,2.50\nTEST-5,b,2023-01-08 10:00:00,x,Mug,1,2.50\n",
        NULL);
    shop_is(&s, 2,
            "SELECT count(*) FROM completion"); /* the second line's customer, order 3's price */
    shop_is(&s, 1, "SELECT count(*) FROM flag WHERE name = 'not_product'");
    shop_is(&s, 1, "SELECT count(*) FROM flag WHERE name = 'test_order'");
    const int64_t before = shop_int(&s, sum);
    check_ok(clade_store_run(s.store, "DELETE FROM refund_match", NULL, 0, NULL));
    check_ok(clade_replay(s.store, NULL));
    assert_int_equal(shop_int(&s, sum), before);
    shop_remove(&s);
}

static void a_row_is_itself_in_any_zone_order_of_columns_and_format(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-07-05 10:00:00,x,6,2.50\n2,b,2023-01-05 10:00:00,y,1,4.25\n",
                   NULL);
    const clade_load_options london = { .zone = "Europe/London", .now_us = TEST_NOW };
    clade_load_file          file   = shop_load_text(&s, "again.csv",
                                                     "quantity,unit_price,product_id,order_id,customer_id,"
                                                                "order_date\n6,2.5,x,1,a,2023-07-05 10:00:00\n",
                                                     &london);
    assert_int_equal(file.n_duplicate, 1);
    file = shop_load_text(&s, "again.jsonl",
                          "{\"order_id\":\"2\",\"customer_id\":\"b\",\"order_date\":\"2023-01-05 "
                          "10:00:00\",\"product_id\":\"y\",\"quantity\":1,\"unit_price\":4.25}\n",
                          NULL);
    assert_int_equal(file.n_duplicate, 1);
    shop_remove(&s);
}

static void an_address_is_an_id_whatever_its_capitals(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "orders.csv",
                   "order_id,email,order_date,product_id,quantity,unit_price\n"
                   "1,Ann.Lee@Post.example,2023-07-05 10:00:00,x,6,2.50\n"
                   "2,ann.lee@post.example,2023-07-06 10:00:00,y,1,4.25\n"
                   "3,bo@post.example,2023-07-06 10:00:00,y,1,4.25\n",
                   NULL);
    shop_is(&s, 2, "SELECT count(DISTINCT customer) FROM event");
    assert_true(clade_identity_find(s.store, CLADE_TEXT("ann.lee@post.example")) >= 0);
    shop_remove(&s);
}

static void local_times_are_read_in_their_zone_summer_time_included(void **state)
{
    (void)state;
    shop                     s      = shop_make();
    const clade_load_options london = { .zone = "Europe/London", .now_us = TEST_NOW };
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-07-05 10:00:00,x,6,2.50\n2,b,2023-01-05 10:00:00,y,1,4.25\n",
                   &london);
    shop_is(&s, 1688547600000000, "SELECT max(at_us) FROM event"); /* 09:00 UTC */
    shop_is(&s, 1672912800000000, "SELECT min(at_us) FROM event"); /* 10:00 UTC */
    shop_remove(&s);
}

static void parquet_is_loaded_like_the_csv_it_was_made_of(void **state)
{
    (void)state;
    shop s = shop_make();
    char sql[700], path[300];
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-07-05 10:00:00,x,6,2.50\n2,b,2023-01-05 10:00:00,y,1,4.25\n",
                   NULL);
    snprintf(path, sizeof path, "%.250s/orders.parquet", s.folder);
    snprintf(sql, sizeof sql, "COPY (SELECT * FROM read_csv('%s')) TO '%s'", s.path, path);
    check_ok(clade_store_run(s.store, sql, NULL, 0, NULL));
    const char       *one    = path;
    clade_load_report report = shop_load(&s, &one, 1, NULL);
    assert_int_equal(report.n_read, 2);
    assert_int_equal(report.n_duplicate, 2);
    clade_load_report_free(&report);
    shop_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_exact_and_rounded_once),
        cmocka_unit_test(a_negative_quantity_is_a_refund_that_finds_its_sale),
        cmocka_unit_test(an_exact_repeat_is_a_duplicate_and_loading_again_stores_nothing),
        cmocka_unit_test(repeats_of_a_log_without_orders_and_clock_stay),
        cmocka_unit_test(a_message_id_makes_the_row_itself),
        cmocka_unit_test(bad_rows_wait_in_quarantine_with_line_column_and_reason),
        cmocka_unit_test(a_cancelled_order_comes_to_nothing),
        cmocka_unit_test(a_basket_row_is_one_row_and_many_events),
        cmocka_unit_test(money_in_two_currencies_is_named_and_converted),
        cmocka_unit_test(what_comes_later_changes_nothing_that_was_said),
        cmocka_unit_test(a_replay_gives_the_same_derived_tables),
        cmocka_unit_test(a_row_is_itself_in_any_zone_order_of_columns_and_format),
        cmocka_unit_test(an_address_is_an_id_whatever_its_capitals),
        cmocka_unit_test(local_times_are_read_in_their_zone_summer_time_included),
        cmocka_unit_test(parquet_is_loaded_like_the_csv_it_was_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
