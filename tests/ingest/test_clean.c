/* Who does not count as a customer, which values are odd, what the user may repair. */
#include "load_help.h"

/* n events of a customer, `step_s` seconds apart, from a moment on. */
static void put_events(FILE *file, const char *customer, int64_t from_s, int n, int step_s)
{
    for (int i = 0; i < n; i++) {
        char text[40];
        clade_time_format(text, (from_s + (int64_t)i * step_s) * CLADE_US_PER_SECOND);
        fprintf(file, "%s,%s,view,p%d\n", customer, text, i % 40);
    }
}

enum { MAY_1 = 1682899200 };

static void bots_are_known_from_the_event_that_broke_the_rule(void **state)
{
    (void)state;
    shop s = shop_make();
    char path[300];
    snprintf(path, sizeof path, "%.250s/events.csv", s.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("user_id,event_time,event_type,item_id\n", file);
    put_events(file, "hourly", MAY_1, 400, 10);     /* 360 an hour: the 301st is within the hour */
    put_events(file, "burst", MAY_1, 200, 0);       /* all at one moment: a coarse clock, no bot */
    put_events(file, "minute", MAY_1 + 7, 190, 0);  /* likewise */
    put_events(file, "quick", MAY_1, 250, 1);       /* 60 a minute is still a person's */
    put_events(file, "clockwork", MAY_1, 300, 600); /* every ten minutes, two days long */
    put_events(file, "steady", MAY_1, 60, 600);     /* ten hours of it: no day and night */
    for (int i = 0; i < 299; i++) {                 /* 299 in one hour, unevenly: a keen person */
        char text[40];
        clade_time_format(text, (MAY_1 + (int64_t)i * 12 + (i * 7) % 11) * CLADE_US_PER_SECOND);
        fprintf(file, "keen,%s,view,p%d\n", text, i % 40);
    }
    fclose(file);
    const char       *one    = path;
    clade_load_report report = shop_load(&s, &one, 1, NULL);
    clade_load_report_free(&report);
    shop_is(&s, 2, "SELECT count(*) FROM flag WHERE name = 'bot'");
    const int64_t hourly    = clade_identity_find(s.store, CLADE_TEXT("hourly"));
    const int64_t clockwork = clade_identity_find(s.store, CLADE_TEXT("clockwork"));
    char          sql[160];
    snprintf(sql, sizeof sql, "SELECT since_us // 1000000 - %d FROM flag WHERE customer = %lld",
             MAY_1, (long long)hourly);
    shop_is(&s, 3000, sql); /* event 301 */
    snprintf(sql, sizeof sql, "SELECT since_us // 1000000 - %d FROM flag WHERE customer = %lld",
             MAY_1, (long long)clockwork);
    shop_is(&s, 19 * 3600, sql); /* the twentieth active hour of the day begins */
    shop_remove(&s);
}

static void staff_and_test_accounts_are_known_by_what_they_show(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "customers.csv",
                   "customer_id,full_name,email,customer_type\n"
                   "a,Ann Lee,ann@post.example,regular\nb,Test User,b@post.example,regular\n"
                   "c,Cy Fox,cy@test.com,regular\nd,Dee Poe,dee@post.example,staff\n"
                   "e,Testa Rossa,testa@post.example,regular\n",
                   NULL);
    shop_load_text(
        &s, "orders.csv",
        "order_id,customer_id,order_date,product_id,quantity,unit_price,coupon\n"
        "1,a,2023-01-05 10:00:00,x,1,2.55,\n2,f,2023-01-05 10:00:00,x,1,2.55,STAFF20\n"
        "TEST-3,a,2023-01-06 10:00:00,x,1,0.01,\n4,e,2023-01-06 10:00:00,x,1,2.55,SPRING\n",
        NULL);
    shop_is(&s, 2, "SELECT count(DISTINCT customer) FROM flag WHERE name = 'test_order'");
    shop_is(&s, 1, "SELECT count(DISTINCT event) FROM flag WHERE name = 'test_order'");
    shop_is(&s, 2, "SELECT count(DISTINCT customer) FROM flag WHERE name = 'staff'");
    shop_remove(&s);
}

static void odd_prices_and_quantities_are_judged_by_the_items_own_past(void **state)
{
    (void)state;
    shop s = shop_make();
    char path[300];
    snprintf(path, sizeof path, "%.250s/orders.csv", s.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("order_id,customer_id,order_date,product_id,quantity,unit_price\n", file);
    for (int i = 0; i < 40; i++) {
        const char *price = i == 20 ? "249.50" : i == 30 ? "0.25" : "24.95";
        fprintf(file, "%d,a,2023-03-%02d 10:%02d:00,x,%d,%s\n", i, i / 2 + 1, i,
                i == 25 ? 300 : i % 4 + 1, price);
    }
    fclose(file);
    const char       *one    = path;
    clade_load_report report = shop_load(&s, &one, 1, NULL);
    clade_load_report_free(&report);
    shop_is(&s, 2, "SELECT count(*) FROM flag WHERE name = 'outlier_price'");
    shop_is(&s, 1, "SELECT count(*) FROM flag WHERE name = 'outlier_quantity'");
    shop_is(&s, 300,
            "SELECT CAST(quantity AS BIGINT) FROM event JOIN flag USING (event) WHERE name = "
            "'outlier_quantity'");
    shop_is(&s, 40, "SELECT count(*) FROM event");
    shop_remove(&s);
}

/* Two files of one shop; the second one's clock was never told of its zone, eight hours ahead. */
static void a_file_whose_day_is_turned_is_named_and_can_be_shifted(void **state)
{
    (void)state;
    shop s = shop_make();
    char path[2][300];
    for (int f = 0; f < 2; f++) {
        snprintf(path[f], sizeof path[f], "%.250s/events%d.csv", s.folder, f);
        FILE *file = fopen(path[f], "w");
        assert_non_null(file);
        fputs("user_id,event_time,event_type,item_id\n", file);
        for (int i = 0; i < 3000 + 1000 * (1 - f); i++) {
            char text[40];
            /* People come between 9 and 21, most at 15. */
            const int64_t at = MAY_1 + (i % 30) * 86400 + 9 * 3600 +
                               (i % 7 + i % 5 + i % 3) * 4000 + i % 60 + f * 8 * 3600;
            clade_time_format(text, at * CLADE_US_PER_SECOND);
            fprintf(file, "u%d,%s,view,p%d\n", i % 300, text, i % 40);
        }
        fclose(file);
    }
    const char *const paths[] = { path[0], path[1] };
    clade_load_report report  = shop_load(&s, paths, 2, NULL);
    const char       *repair  = NULL;
    for (size_t i = 0; i < report.n_problems; i++) {
        if (strcmp(report.problem[i].id, "zone_slip") == 0) repair = report.problem[i].repair;
    }
    assert_non_null(repair);
    assert_string_equal(repair, "shift:2:-8h");
    const clade_load_options with = { .repair = &repair, .n_repairs = 1, .now_us = TEST_NOW };
    clade_load_report        next = shop_load(&s, NULL, 0, &with);
    for (size_t i = 0; i < next.n_problems; i++) {
        assert_string_not_equal(next.problem[i].id, "zone_slip");
    }
    clade_load_report_free(&next);
    clade_load_report_free(&report);
    /* The repaired file is still known: its rows are what was written, not what was made of it. */
    report = shop_load(&s, paths, 2, NULL);
    assert_int_equal(report.n_stored, 0);
    clade_load_report_free(&report);
    shop_remove(&s);
}

static void a_load_can_be_undone_and_prices_can_be_accepted(void **state)
{
    (void)state;
    shop s = shop_make();
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-01-05 10:00:00,x,1,2.55\n2,a,2023-01-06 10:00:00,x,3,\n",
                   NULL);
    shop_is(&s, 255, "SELECT CAST(sum(value_minor) AS BIGINT) FROM event");
    const char *const accept = "complete-prices", *const undo = "undo:1",
                      *const name   = "currency:GBP";
    clade_load_options       with   = { .repair = &accept, .n_repairs = 1, .now_us = TEST_NOW };
    clade_load_report        report = shop_load(&s, NULL, 0, &with);
    clade_load_report_free(&report);
    shop_is(&s, 1020, "SELECT CAST(sum(value_minor) AS BIGINT) FROM event"); /* 2.55 + 3 x 2.55 */
    with.repair = &name;
    report      = shop_load(&s, NULL, 0, &with);
    assert_string_equal(report.currency, "GBP");
    clade_load_report_free(&report);
    shop_is(&s, 1020, "SELECT CAST(sum(value_minor) AS BIGINT) FROM event WHERE currency = 'GBP'");
    with.repair = &undo;
    report      = shop_load(&s, NULL, 0, &with);
    clade_load_report_free(&report);
    shop_is(&s, 0, "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM load)");
    shop_remove(&s);
}

static void every_check_has_a_name_a_verdict_and_two_sentences(void **state)
{
    (void)state;
    shop                s       = shop_make();
    clade_arena        *arena   = clade_arena_create(0);
    clade_check_result *results = NULL;
    size_t              n       = 0;
    check_ok(clade_check(&results, &n, s.store, arena, NULL)); /* an empty workspace is no error */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(results[i].verdict, CLADE_CHECK_GOOD);
    shop_load_text(&s, "orders.csv",
                   "order_id,customer_id,order_date,product_id,quantity,unit_price\n"
                   "1,a,2023-01-05 10:00:00,x,1,2.55\n2,,2023-01-06 10:00:00,x,1,2.55\n",
                   NULL);
    check_ok(clade_check(&results, &n, s.store, arena, NULL));
    bool seen = false;
    for (size_t i = 0; i < n; i++) {
        assert_non_null(results[i].en);
        assert_non_null(results[i].zh);
        assert_null(strstr(results[i].en, "%1"));
        if (strcmp(results[i].name, "events_without_customer") != 0) continue;
        seen = true;
        assert_int_equal(results[i].n_bad, 1);
        assert_int_equal(results[i].n_all, 2);
        assert_int_equal(results[i].verdict, CLADE_CHECK_BAD);
        assert_string_equal(results[i].example, "2023-01-06");
    }
    assert_true(seen);
    clade_arena_free(arena);
    shop_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bots_are_known_from_the_event_that_broke_the_rule),
        cmocka_unit_test(staff_and_test_accounts_are_known_by_what_they_show),
        cmocka_unit_test(odd_prices_and_quantities_are_judged_by_the_items_own_past),
        cmocka_unit_test(a_file_whose_day_is_turned_is_named_and_can_be_shifted),
        cmocka_unit_test(a_load_can_be_undone_and_prices_can_be_accepted),
        cmocka_unit_test(every_check_has_a_name_a_verdict_and_two_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
