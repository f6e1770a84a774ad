/* The store as its callers use it: opening, statements, typed rows, appending, transactions. */
#include "check.h"
#include "clade/run.h"
#include "clade/store.h"

#include <stdlib.h>
#include <sys/stat.h>

static char         folder[256];
static char         path[300];
static clade_error  err;
static clade_store *store;

static const clade_store_options making = { .create       = true,
                                            .n_threads    = 2,
                                            .memory_bytes = 512 << 20 };

static void open_store(void)
{
    err = (clade_error){ 0 };
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static int setup(void **state)
{
    (void)state;
    check_folder_make(folder, "store");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    open_store();
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

static int64_t ask(const char *sql)
{
    int64_t value = 0;
    if (clade_store_int(&value, store, sql, NULL, 0, -1, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return value;
}

/* ---------------------------------------------------------------- statements */

static void several_statements_run_in_order(void **state)
{
    (void)state;
    run("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (3), (4); UPDATE t SET a = a * 10;");
    assert_int_equal(ask("SELECT sum(a) FROM t"), 70); /* HUGEINT reads as an integer */
    assert_int_equal(ask("SELECT max(a) FROM t WHERE a > 1000"), -1);
}

static void arguments_keep_their_value_and_type(void **state)
{
    (void)state;
    const clade_value args[] = { CLADE_INT(-7), CLADE_REAL(2.385), CLADE_STR("K\xC3\xB6ln's"),
                                 CLADE_NULL };
    clade_rows       *rows   = NULL;
    clade_chunk       chunk;

    run("CREATE TABLE t (i BIGINT, r DOUBLE, s VARCHAR, n BIGINT)");
    check_ok(clade_store_run(store, "INSERT INTO t VALUES (?, ?, ?, ?)", args, 4, &err));
    check_ok(
        clade_store_query(&rows, store, "SELECT * FROM t WHERE i = ? AND r = ?", args, 2, &err));
    check_ok(clade_rows_next(&chunk, rows, &err));
    assert_int_equal(chunk.n_rows, 1);
    assert_int_equal(((const int64_t *)clade_chunk_data(&chunk, 0))[0], -7);
    check_close(((const double *)clade_chunk_data(&chunk, 1))[0], 2.385, 0.0);
    assert_true(clade_text_equal(clade_chunk_text(&chunk, 2, 0), CLADE_TEXT("K\xC3\xB6ln's")));
    assert_false(clade_chunk_valid(&chunk, 3, 0));
    assert_int_equal(clade_chunk_int(&chunk, 3, 0, 99), 99);
    check_ok(clade_rows_next(&chunk, rows, &err));
    assert_int_equal(chunk.n_rows, 0);
    clade_rows_close(rows);
}

static void a_mistake_in_sql_is_one_sentence(void **state)
{
    (void)state;
    assert_int_equal(clade_store_run(store, "SELEC 1", NULL, 0, &err), CLADE_ERR_ENGINE);
    assert_non_null(strstr(err.message, "SELEC"));
    assert_null(strchr(err.message, '\n'));
    assert_int_equal(clade_store_run(store, "SELECT ?", NULL, 0, &err), CLADE_ERR_DATA);

    const clade_value args[] = { CLADE_INT(1), CLADE_INT(2) };
    assert_int_equal(clade_store_run(store, "SELECT ?", args, 2, &err), CLADE_ERR_ARG);
    assert_int_equal(ask("SELECT 5"), 5); /* and the store goes on */
}

static void an_error_in_the_middle_of_a_scan_is_not_the_end_of_it(void **state)
{
    (void)state;
    clade_rows  *rows = NULL;
    clade_chunk  chunk;
    clade_status status;

    check_ok(clade_store_query(&rows, store,
                               "SELECT CASE WHEN range = 400000 THEN CAST(concat('x', range) AS "
                               "BIGINT) ELSE range END FROM range(500000)",
                               NULL, 0, &err));
    do {
        status = clade_rows_next(&chunk, rows, &err);
    } while (status == CLADE_OK && chunk.n_rows > 0);
    assert_int_equal(status, CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "x400000"));
    assert_int_equal(clade_rows_next(&chunk, rows, &err), CLADE_ERR_DATA);
    clade_rows_close(rows);
}

static void clickhouse_names_work(void **state)
{
    (void)state;
    assert_int_equal(ask("SELECT if(countIf(range % 3 = 0) = 4, toHour(TIMESTAMP '2020-02-03 "
                         "05:06:07'), 0) FROM range(10)"),
                     5);
    assert_int_equal(ask("SELECT intDiv(sumIf(range, range > 7), 2) FROM range(10)"), 8);
}

static void moments_are_utc(void **state)
{
    (void)state;
    assert_int_equal(ask("SELECT epoch_us(TIMESTAMPTZ '2011-09-10 00:00:00')"),
                     INT64_C(1315612800000000));
}

/* ---------------------------------------------------------------- rows */

static void every_type_reads_where_it_lies(void **state)
{
    (void)state;
    static const clade_type want[] = { CLADE_TYPE_BOOL, CLADE_TYPE_U8,   CLADE_TYPE_U8,
                                       CLADE_TYPE_I32,  CLADE_TYPE_I32,  CLADE_TYPE_I64,
                                       CLADE_TYPE_I64,  CLADE_TYPE_U64,  CLADE_TYPE_F32,
                                       CLADE_TYPE_F64,  CLADE_TYPE_TEXT, CLADE_TYPE_OTHER,
                                       CLADE_TYPE_OTHER };
    clade_rows             *rows   = NULL;
    clade_chunk             chunk;

    check_ok(clade_store_query(
        &rows, store,
        "SELECT true, 200::UTINYINT, 'purchase'::event_kind, -5::INTEGER, DATE '1970-01-03', "
        "(1::BIGINT << 60), TIMESTAMP '1970-01-01 00:00:01.5', 18446744073709551615::UBIGINT, "
        "2.5::FLOAT, 2.385::DOUBLE, 'a text longer than twelve' AS named, 12.34::DECIMAL(10, 2), "
        "170141183460469231731687303715884105727::HUGEINT",
        NULL, 0, &err));
    assert_int_equal(clade_rows_n_columns(rows), 13);
    assert_string_equal(clade_rows_column_name(rows, 10), "named");
    for (size_t i = 0; i < 13; i++)
        assert_int_equal(clade_rows_column_type(rows, i), want[i]);
    check_ok(clade_rows_next(&chunk, rows, &err));
    assert_true(*(const bool *)clade_chunk_data(&chunk, 0));
    assert_int_equal(*(const uint8_t *)clade_chunk_data(&chunk, 1), 200);
    assert_int_equal(*(const uint8_t *)clade_chunk_data(&chunk, 2), 6);
    assert_true(clade_text_equal(clade_chunk_text(&chunk, 2, 0), CLADE_TEXT("purchase")));
    assert_int_equal(*(const int32_t *)clade_chunk_data(&chunk, 3), -5);
    assert_int_equal(*(const int32_t *)clade_chunk_data(&chunk, 4), 2);
    assert_int_equal(clade_chunk_int(&chunk, 5, 0, 0), INT64_C(1) << 60);
    assert_int_equal(clade_chunk_int(&chunk, 6, 0, 0), 1500000);
    assert_true(*(const uint64_t *)clade_chunk_data(&chunk, 7) == UINT64_MAX);
    check_close((double)*(const float *)clade_chunk_data(&chunk, 8), 2.5, 0.0);
    check_close(clade_chunk_real(&chunk, 9, 0, 0), 2.385, 0.0);
    assert_true(
        clade_text_equal(clade_chunk_text(&chunk, 10, 0), CLADE_TEXT("a text longer than twelve")));
    check_close(clade_chunk_real(&chunk, 11, 0, 0), 12.34, 1e-15);
    assert_int_equal(clade_chunk_int(&chunk, 11, 0, 0), 12);
    assert_int_equal(clade_chunk_int(&chunk, 12, 0, 0), INT64_MAX); /* saturates */
    clade_rows_close(rows);
}

/* Sum of 0 .. n-1 read in chunks; constants and NULLs come flat. */
static void a_million_rows_stream_in_order(void **state)
{
    (void)state;
    clade_rows *rows = NULL;
    clade_chunk chunk;
    int64_t     next = 0;

    check_ok(clade_store_query(&rows, store,
                               "SELECT range, 7::BIGINT, CASE WHEN range % 1000 = 3 THEN NULL ELSE "
                               "range END FROM range(1000000)",
                               NULL, 0, &err));
    for (;;) {
        check_ok(clade_rows_next(&chunk, rows, &err));
        if (chunk.n_rows == 0) break;
        const int64_t *number = clade_chunk_data(&chunk, 0);
        const int64_t *seven  = clade_chunk_data(&chunk, 1);
        for (size_t i = 0; i < chunk.n_rows; i++, next++) {
            if (number[i] != next || seven[i] != 7) fail_msg("row %lld", (long long)next);
            if (clade_chunk_valid(&chunk, 2, i) != (next % 1000 != 3)) fail();
        }
    }
    assert_int_equal(next, 1000000);
    clade_rows_close(rows);
}

/* The engine ends a stream without a word when anything else runs; nothing of it may be lost. */
static void a_scan_survives_other_work_on_the_store(void **state)
{
    (void)state;
    clade_rows     *rows     = NULL;
    clade_appender *appender = NULL;
    clade_chunk     chunk;
    int64_t         n = 0, sum = 0;

    run("CREATE TABLE t (a BIGINT)");
    check_ok(clade_store_query(&rows, store, "SELECT range FROM range(300000)", NULL, 0, &err));
    for (int step = 0;; step++) {
        check_ok(clade_rows_next(&chunk, rows, &err));
        if (chunk.n_rows == 0) break;
        if (step == 1) check_ok(clade_appender_open(&appender, store, "t", &err));
        if (step == 2) {
            for (int64_t i = 0; i < 100; i++)
                ((int64_t *)clade_appender_column(appender, 0))[i] = i;
            check_ok(clade_appender_flush(appender, 100, &err));
            check_ok(clade_appender_finish(appender, &err));
        }
        if (step == 3) assert_int_equal(ask("SELECT count(*) FROM t"), 100);
        for (size_t i = 0; i < chunk.n_rows; i++)
            sum += ((const int64_t *)clade_chunk_data(&chunk, 0))[i];
        n += (int64_t)chunk.n_rows;
    }
    assert_int_equal(n, 300000);
    assert_int_equal(sum, INT64_C(300000) * 299999 / 2);
    clade_rows_close(rows);
    clade_appender_close(appender);
}

static void a_scan_aside_does_not_see_the_open_transaction(void **state)
{
    (void)state;
    clade_rows *rows = NULL;
    clade_chunk chunk;
    int64_t     n = 0;

    run("CREATE TABLE t AS SELECT range AS a FROM range(200000)");
    check_ok(clade_store_begin(store, &err));
    run("DELETE FROM t WHERE a < 1000");
    check_ok(
        clade_store_query_aside(&rows, store, "SELECT if(a >= 0, a, 0) FROM t", NULL, 0, &err));
    do {
        check_ok(clade_rows_next(&chunk, rows, &err));
        n += (int64_t)chunk.n_rows;
        assert_int_equal(ask("SELECT count(*) FROM t"), 199000);
    } while (chunk.n_rows > 0);
    assert_int_equal(n, 200000);
    clade_rows_close(rows);
    clade_store_rollback(store);
}

/* ---------------------------------------------------------------- writing */

static void the_appender_writes_every_type(void **state)
{
    (void)state;
    clade_appender *a    = NULL;
    clade_rows     *rows = NULL;
    clade_chunk     chunk;
    const size_t    n = 5000;

    run("CREATE TABLE t (b BOOLEAN, k event_kind, u UTINYINT, i INTEGER, l BIGINT, w UBIGINT, "
        "f FLOAT, d DOUBLE, s VARCHAR, x BLOB, ts TIMESTAMP, none VARCHAR)");
    check_ok(clade_appender_open(&a, store, "t", &err));
    for (size_t done = 0; done < n;) {
        const size_t rest = n - done < CLADE_APPENDER_ROWS ? n - done : CLADE_APPENDER_ROWS;
        clade_appender_null_all(a, 11);
        for (size_t r = 0; r < rest; r++) {
            const size_t j = done + r;
            char         text[40];
            snprintf(text, sizeof text, j % 2 == 0 ? "s%zu" : "a rather long text %zu", j);
            ((bool *)clade_appender_column(a, 0))[r]     = j % 3 == 0;
            ((uint8_t *)clade_appender_column(a, 1))[r]  = (uint8_t)(j % 13);
            ((uint8_t *)clade_appender_column(a, 2))[r]  = (uint8_t)j;
            ((int32_t *)clade_appender_column(a, 3))[r]  = -(int32_t)j;
            ((int64_t *)clade_appender_column(a, 4))[r]  = (int64_t)j << 33;
            ((uint64_t *)clade_appender_column(a, 5))[r] = UINT64_MAX - j;
            ((float *)clade_appender_column(a, 6))[r]    = (float)j * 0.5f;
            ((double *)clade_appender_column(a, 7))[r]   = (double)j * 2.385;
            clade_appender_text(a, 8, r, clade_text_of(text));
            clade_appender_text(a, 9, r, (clade_text){ "\xFF\x00\xFE", 3 });
            ((int64_t *)clade_appender_column(a, 10))[r] = (int64_t)j;
            if (j % 7 == 0)
                for (size_t c = 0; c < 11; c++)
                    clade_appender_null(a, c, r);
        }
        check_ok(clade_appender_flush(a, rest, &err));
        done += rest;
    }
    check_ok(clade_appender_finish(a, &err));
    clade_appender_close(a);

    check_ok(clade_store_query(&rows, store, "SELECT * FROM t", NULL, 0, &err));
    size_t j = 0;
    for (;;) {
        check_ok(clade_rows_next(&chunk, rows, &err));
        if (chunk.n_rows == 0) break;
        for (size_t r = 0; r < chunk.n_rows; r++, j++) {
            char text[40];
            assert_false(clade_chunk_valid(&chunk, 11, r));
            for (size_t c = 0; c < 11; c++)
                assert_int_equal(clade_chunk_valid(&chunk, c, r), j % 7 != 0);
            if (j % 7 == 0) continue;
            snprintf(text, sizeof text, j % 2 == 0 ? "s%zu" : "a rather long text %zu", j);
            assert_int_equal(((const bool *)clade_chunk_data(&chunk, 0))[r], j % 3 == 0);
            assert_int_equal(((const uint8_t *)clade_chunk_data(&chunk, 1))[r], j % 13);
            assert_int_equal(((const uint8_t *)clade_chunk_data(&chunk, 2))[r], (uint8_t)j);
            assert_int_equal(clade_chunk_int(&chunk, 3, r, 0), -(int64_t)j);
            assert_int_equal(clade_chunk_int(&chunk, 4, r, 0), (int64_t)j << 33);
            assert_true(((const uint64_t *)clade_chunk_data(&chunk, 5))[r] == UINT64_MAX - j);
            check_close(clade_chunk_real(&chunk, 6, r, 0), (double)j * 0.5, 0.0);
            check_close(clade_chunk_real(&chunk, 7, r, 0), (double)j * 2.385, 0.0);
            assert_true(clade_text_equal(clade_chunk_text(&chunk, 8, r), clade_text_of(text)));
            assert_true(clade_text_equal(clade_chunk_text(&chunk, 9, r),
                                         (clade_text){ "\xFF\x00\xFE", 3 }));
            assert_int_equal(clade_chunk_int(&chunk, 10, r, 0), (int64_t)j);
        }
    }
    assert_int_equal(j, n);
    clade_rows_close(rows);
}

static void text_that_is_not_utf8_is_refused_by_name(void **state)
{
    (void)state;
    clade_appender *a = NULL;
    run("CREATE TABLE t (a BIGINT, s VARCHAR)");
    check_ok(clade_appender_open(&a, store, "t", &err));
    clade_appender_null_all(a, 0);
    clade_appender_text(a, 1, 0, CLADE_TEXT("fine"));
    clade_appender_text(a, 1, 1, CLADE_TEXT("latin \xE9t\xE9"));
    assert_int_equal(clade_appender_flush(a, 2, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "row 1"));
    clade_appender_close(a);
    assert_int_equal(ask("SELECT count(*) FROM t"), 0);
}

static void a_rollback_leaves_nothing_and_a_commit_everything(void **state)
{
    (void)state;
    run("CREATE TABLE t (a BIGINT)");
    check_ok(clade_store_begin(store, &err));
    run("INSERT INTO t SELECT range FROM range(1000)");
    clade_store_rollback(store);
    assert_int_equal(ask("SELECT count(*) FROM t"), 0);
    check_ok(clade_store_begin(store, &err));
    run("INSERT INTO t SELECT range FROM range(1000)");
    check_ok(clade_store_commit(store, &err));
    check_ok(clade_store_checkpoint(store, &err));
    clade_store_close(store);
    open_store();
    assert_int_equal(ask("SELECT count(*) FROM t"), 1000);
}

static void settings_survive_and_absence_is_not_an_error(void **state)
{
    (void)state;
    char value[64] = "untouched";
    assert_int_equal(clade_store_setting_get(value, sizeof value, store, "currency", &err),
                     CLADE_ERR_NOT_FOUND);
    assert_string_equal(value, "untouched");
    check_ok(clade_store_setting_set(store, "currency", "GBP", &err));
    check_ok(clade_store_setting_set(store, "currency", "EUR", &err));
    clade_store_close(store);
    open_store();
    check_ok(clade_store_setting_get(value, sizeof value, store, "currency", &err));
    assert_string_equal(value, "EUR");
    assert_int_equal(clade_store_setting_get(value, 3, store, "currency", &err), CLADE_ERR_ARG);
}

/* 5 pieces at 200 pence, 1000 in all, worth 1270 in the shop's money; two refunds give 3 pieces and
 * 610 pence back: 2 pieces, 390 pence, 1270 - 610 * 1.27 = 495.3. A gift costs nothing and stays; a
 * line without a rate keeps its own money and has no value; refunds are no lines. */
static void an_order_line_is_net_of_its_refunds(void **state)
{
    (void)state;
    run("INSERT INTO event (event, customer, at_us, kind, quantity, amount_minor, value_minor, "
        "row_key, "
        "load) VALUES (1, 1, 10, 'purchase', 5, 1000, 1270, 1, 1), (2, 1, 20, 'refund', 1, -200, "
        "-254, "
        "2, 1), (3, 1, 30, 'refund', 2, -410, -521, 3, 1), (4, 1, 40, 'purchase', 1, 0, 0, 4, 1), "
        "(5, 2, 50, 'purchase', 2, 900, NULL, 5, 1), (6, 2, 60, 'view', NULL, NULL, NULL, 6, 1)");
    run("INSERT INTO refund_match VALUES (2, 1, 1, 1, -200, 20), (3, 1, 1, 2, -410, 30), "
        "(3, 5, 2, 1, -450, 30)");
    assert_int_equal(ask("SELECT count(*) FROM order_line"), 3);
    assert_int_equal(ask("SELECT quantity FROM order_line WHERE event = 1"), 2);
    assert_int_equal(ask("SELECT amount_minor FROM order_line WHERE event = 1"), 390);
    assert_int_equal(ask("SELECT value_minor FROM order_line WHERE event = 1"), 495);
    assert_int_equal(ask("SELECT value_minor FROM order_line WHERE event = 4"), 0);
    assert_int_equal(ask("SELECT amount_minor FROM order_line WHERE event = 5"), 450);
    assert_int_equal(ask("SELECT value_minor FROM order_line WHERE event = 5"), -1); /* NULL */
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(several_statements_run_in_order),
        STORE_TEST(arguments_keep_their_value_and_type),
        STORE_TEST(a_mistake_in_sql_is_one_sentence),
        STORE_TEST(an_error_in_the_middle_of_a_scan_is_not_the_end_of_it),
        STORE_TEST(clickhouse_names_work),
        STORE_TEST(moments_are_utc),
        STORE_TEST(every_type_reads_where_it_lies),
        STORE_TEST(a_million_rows_stream_in_order),
        STORE_TEST(a_scan_survives_other_work_on_the_store),
        STORE_TEST(a_scan_aside_does_not_see_the_open_transaction),
        STORE_TEST(the_appender_writes_every_type),
        STORE_TEST(text_that_is_not_utf8_is_refused_by_name),
        STORE_TEST(a_rollback_leaves_nothing_and_a_commit_everything),
        STORE_TEST(an_order_line_is_net_of_its_refunds),
        STORE_TEST(settings_survive_and_absence_is_not_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
