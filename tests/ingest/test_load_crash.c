/* What may happen in the middle of a load: SIGKILL, Ctrl-C, a file that is not there, one thread or
 * two. The store is as before the file, and the next load brings everything once. */
#include "load_help.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_ROWS = 400000 };

static const char SUMS[] = "SELECT CAST((SELECT coalesce(sum(hash(* COLUMNS(* EXCLUDE (load))) >> "
                           "24), 0) FROM event) + (SELECT "
                           "coalesce(sum(hash(ref, name, known_us) >> 24), 0) FROM item) + (SELECT "
                           "coalesce(sum(hash(name, "
                           "customer, event, since_us) >> 24), 0) FROM flag) + (SELECT "
                           "coalesce(sum(hash(refund, purchase) >> 24), "
                           "0) FROM refund_match) AS BIGINT)";

static void write_log(const char *path, int n_rows)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("order_id,customer_id,order_date,product_id,quantity,unit_price\n", file);
    for (int i = 0; i < n_rows; i++) {
        fprintf(file, "%d,c%d,2023-%02d-%02d %02d:%02d:%02d,p%d,%d,%d.%02d\n", i / 3, i / 3 % 5000,
                i % 10 + 1, i % 27 + 1, i % 24, i % 60, i / 60 % 60, i % 997,
                i % 50 == 0 ? -1 : i % 5 + 1, i % 37 + 1, i % 100);
    }
    assert_int_equal(fclose(file), 0);
}

/* Load in a child that is killed after so many milliseconds. */
static void load_and_kill(const shop *s, const char *path, int after_ms)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        clade_store              *store  = NULL;
        clade_load_report         report = { 0 };
        const clade_store_options make   = { .create = true, .n_threads = 2 };
        if (clade_store_open(&store, s->workspace, &make, NULL) != CLADE_OK) _exit(3);
        const clade_load_options with = { .now_us = TEST_NOW };
        if (clade_load_files(&report, store, &path, 1, &with, NULL) != CLADE_OK) _exit(4);
        _exit(0);
    }
    usleep((useconds_t)after_ms * 1000);
    kill(child, SIGKILL);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void a_load_that_was_killed_leaves_nothing_and_the_next_brings_all(void **state)
{
    (void)state;
    char path[300];
    shop whole = shop_make();
    snprintf(path, sizeof path, "%.250s/orders.csv", whole.folder);
    write_log(path, N_ROWS);
    const char       *one    = path;
    clade_load_report report = shop_load(&whole, &one, 1, NULL);
    const int64_t     wanted = shop_int(&whole, SUMS),
                  n          = shop_int(&whole, "SELECT count(*) FROM event");
    clade_load_report_free(&report);

    shop s = shop_make();
    clade_store_close(s.store);
    s.store = NULL;
    for (int after_ms = 60; after_ms < 2000; after_ms = after_ms * 5 / 3) {
        load_and_kill(&s, path, after_ms);
        shop_open(&s);
        const int64_t here = shop_int(&s, "SELECT count(*) FROM event");
        assert_true(here == 0 || here == n); /* all of the file, or none of it */
        shop_is(&s, here == 0 ? 0 : 1, "SELECT count(*) FROM load WHERE rows_stored > 0");
        clade_store_close(s.store);
        s.store = NULL;
    }
    shop_open(&s);
    report = shop_load(&s, &one, 1, NULL);
    clade_load_report_free(&report);
    check_ok(clade_replay_if_stale(s.store, NULL));
    assert_int_equal(shop_int(&s, "SELECT count(*) FROM event"), n);
    assert_int_equal(shop_int(&s, SUMS), wanted);
    shop_remove(&s);
    shop_remove(&whole);
}

static void ctrl_c_stops_the_load_and_the_store_is_as_before(void **state)
{
    (void)state;
    char path[300];
    shop s = shop_make();
    snprintf(path, sizeof path, "%.250s/orders.csv", s.folder);
    write_log(path, N_ROWS);
    clade_store_close(s.store);
    s.store           = NULL;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        clade_store              *store  = NULL;
        clade_load_report         report = { 0 };
        const char               *one    = path;
        const clade_store_options make   = { .n_threads = 2 };
        clade_interrupt_install();
        if (clade_store_open(&store, s.workspace, &make, NULL) != CLADE_OK) _exit(3);
        raise(SIGINT); /* before the first row, so that the test knows when */
        const clade_load_options with   = { .now_us = TEST_NOW };
        const clade_status       status = clade_load_files(&report, store, &one, 1, &with, NULL);
        clade_store_close(store);
        _exit(status == CLADE_ERR_INTERRUPTED ? 0 : 4);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    shop_open(&s);
    shop_is(&s, 0, "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM load)");
    shop_remove(&s);
}

static void one_thread_and_two_store_the_same(void **state)
{
    (void)state;
    char    path[300];
    int64_t sum[2];
    shop    s = shop_make();
    snprintf(path, sizeof path, "%.250s/orders.csv", s.folder);
    write_log(path, 150000); /* more than one turn of the helper */
    for (int i = 0; i < 2; i++) {
        const char *one = path;
        shop        own = shop_make();
        clade_threads_set(i + 1);
        clade_load_report report = shop_load(&own, &one, 1, NULL);
        sum[i]                   = shop_int(&own, SUMS);
        clade_load_report_free(&report);
        shop_remove(&own);
    }
    clade_threads_set(0);
    assert_int_equal(sum[0], sum[1]);
    shop_remove(&s);
}

static void a_file_that_is_not_there_stops_the_load_and_keeps_the_files_before(void **state)
{
    (void)state;
    shop s = shop_make();
    char good[300], bad[300];
    snprintf(good, sizeof good, "%.250s/orders.csv", s.folder);
    snprintf(bad, sizeof bad, "%.250s/nothing.csv", s.folder);
    write_log(good, 100);
    const char *const  paths[] = { good, bad };
    clade_load_report  report  = { .n_read = 77 };
    clade_error        err     = { 0 };
    const clade_status status  = clade_load_files(&report, s.store, paths, 2, NULL, &err);
    assert_int_equal(status, CLADE_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "nothing.csv"));
    assert_int_equal(report.n_read, 77);
    shop_is(&s, 100, "SELECT count(*) FROM event");
    shop_is(&s, 1, "SELECT CAST(value AS BIGINT) FROM setting WHERE name = 'stale'");
    check_ok(clade_replay_if_stale(s.store, NULL));
    shop_is(&s, 0, "SELECT CAST(value AS BIGINT) FROM setting WHERE name = 'stale'");
    shop_remove(&s);
}

static void what_nobody_can_mean_is_refused_with_a_sentence(void **state)
{
    (void)state;
    shop s = shop_make();
    char path[300];
    snprintf(path, sizeof path, "%.250s/orders.csv", s.folder);
    write_log(path, 10);
    const char *const one      = path;
    const char *const map[]    = { "clientele=customer" };
    const char *const repair[] = { "complete-price" };
    const struct {
        clade_load_options options;
        const char        *words;
    } wrong[] = {
        { { .map = map, .n_map = 1 }, "clientele" },
        { { .repair = repair, .n_repairs = 1 }, "complete-prices" },
        { { .currency = "euro" }, "euro" },
        { { .zone = "Mars/Olympus" }, "Mars/Olympus" },
        { { .rate = &(clade_rate){ "EUR", -1 }, .n_rates = 1 }, "EUR" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        clade_load_report  report = { 0 };
        clade_error        err    = { 0 };
        const clade_status status =
            clade_load_files(&report, s.store, &one, 1, &wrong[i].options, &err);
        assert_int_not_equal(status, CLADE_OK);
        if (strstr(err.message, wrong[i].words) == NULL) fail_msg("%s", err.message);
    }
    shop_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_that_was_killed_leaves_nothing_and_the_next_brings_all),
        cmocka_unit_test(ctrl_c_stops_the_load_and_the_store_is_as_before),
        cmocka_unit_test(one_thread_and_two_store_the_same),
        cmocka_unit_test(a_file_that_is_not_there_stops_the_load_and_keeps_the_files_before),
        cmocka_unit_test(what_nobody_can_mean_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
