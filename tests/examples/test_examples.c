/* The examples as a newcomer runs them: on a small shop, one after the other. */
#include "check.h"

#include "clade/run.h"
#include "clade/time.h"

#include <string.h>

enum { N_CUSTOMERS = 600, FIRST_DAY = 18000, N_DAYS = 420, N_BAD = 2, N_TWICE = 3 };

static char folder[256];
static int  n_rows; /* of orders.csv */

/* Customer c3 buys on day 20, 130 and 400; every other third one each fortnight, the rest once or
 * twice. The first N_TWICE lines come again at the end, and N_BAD lines have no date. */
static void write_shop(void)
{
    char         path[600], first[N_TWICE][128];
    clade_buffer text = { 0 };
    clade_rng    rng  = clade_rng_stream(5, "test/examples", 0);
    clade_buffer_text(&text, "order_id,customer_id,order_time,product_id,quantity,price\n");
    for (int customer = 0; customer < N_CUSTOMERS; customer++) {
        static const double known[] = { 20, 130, 400 };
        const bool          often   = customer % 3 == 0;
        const int           n       = customer == 3 ? 3 : often ? 40 : 1 + customer % 2;
        double              day     = N_DAYS * clade_rng_uniform(&rng) * (often ? 0.5 : 1);
        for (int k = 0; k < n && day < N_DAYS; k++) {
            char date[16], line[128];
            if (customer == 3) day = known[k];
            clade_date_format(date, (FIRST_DAY + (int64_t)day) * CLADE_US_PER_DAY);
            snprintf(line, sizeof line, "o%d,c%d,%s 10:%02d:00,p%d,%d,%.2f\n", 1000 + n_rows,
                     customer, date, n_rows % 60, customer % 17, 1 + k % 3,
                     5 + 0.37 * (customer % 29));
            if (n_rows < N_TWICE) memcpy(first[n_rows], line, sizeof line);
            clade_buffer_text(&text, line);
            n_rows++;
            day += 2 + (often ? 12 : 120) * clade_rng_exponential(&rng);
        }
    }
    for (int i = 0; i < N_TWICE; i++, n_rows++)
        clade_buffer_text(&text, first[i]);
    for (int i = 0; i < N_BAD; i++, n_rows++)
        clade_buffer_format(&text, "x%d,c1,never,p1,1,2.50\n", i);
    assert_false(text.failed);
    snprintf(path, sizeof path, "%s/orders.csv", folder);
    check_write(path, text.data, text.size);
    clade_buffer_free(&text);
}

/* Run an example inside the folder; what it printed, errors too, lives until the next call. */
static const char *run(int want, const char *line)
{
    static char out[1 << 16];
    const int   code =
        check_run(out, sizeof out, "cd '%s' && PATH='%s':\"$PATH\" && %s", folder, EXAMPLES, line);
    if (code != want) print_error("%s: %s\n", line, out);
    assert_int_equal(code, want);
    return out;
}

static long long count_after(const char *text, const char *word)
{
    long long   n  = -1;
    const char *at = strstr(text, word);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(word), "%lld", &n), 1);
    return n;
}

static int make_shop(void **state)
{
    (void)state;
    check_folder_make(folder, "examples");
    write_shop();
    return 0;
}

static int remove_shop(void **state)
{
    (void)state;
    check_folder_remove(folder);
    return 0;
}

static void every_row_of_a_csv_is_accounted_for(void **state)
{
    (void)state;
    const char *out = run(0, "load_csv shop.clade orders.csv");
    assert_int_equal(count_after(out, "read"), n_rows);
    assert_int_equal(count_after(out, "stored"), n_rows - N_TWICE - N_BAD);
    assert_int_equal(count_after(out, "duplicate"), N_TWICE);
    assert_int_equal(count_after(out, "quarantined"), N_BAD);
    out = run(0, "load_csv shop.clade orders.csv"); /* nothing is stored twice */
    assert_int_equal(count_after(out, "stored"), 0);
}

static void features_know_nothing_of_what_came_after_the_moment(void **state)
{
    (void)state;
    char line[128], date[16];
    clade_date_format(date, (FIRST_DAY + 200) * CLADE_US_PER_DAY);
    snprintf(line, sizeof line, "customer_features shop.clade c3 %s", date);
    const char *out = run(0, line);
    assert_int_equal(count_after(out, "orders_life"), 2);
    assert_int_equal(count_after(out, "days_since_order "), 69); /* 10 o'clock on day 130 */
    clade_date_format(date, (FIRST_DAY + 410) * CLADE_US_PER_DAY);
    snprintf(line, sizeof line, "customer_features shop.clade c3 %s", date);
    assert_int_equal(count_after(run(0, line), "orders_life"), 3);
}

static void segments_have_names_and_are_judged(void **state)
{
    (void)state;
    const char *out = run(0, "make_segments shop.clade");
    assert_non_null(strstr(out, "Champions"));
    double      r2[2];
    const char *of[2] = { "outlook ", "ceiling " };
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(out, of[i]);
        assert_non_null(at);
        assert_int_equal(sscanf(at, "%*s R2 %lf", &r2[i]), 1);
    }
    assert_true(r2[0] > 0.2 && r2[1] > 0.2); /* fortnightly buyers are easily foretold */
}

/* Half of those who buy each fortnight are the seeds, with two ids that nobody has. */
static void look_alikes_beat_chance(void **state)
{
    (void)state;
    char        line[256], date[16];
    double      times = 0;
    const char *out = NULL, *at = NULL;
    clade_date_format(date, (FIRST_DAY + N_DAYS) * CLADE_US_PER_DAY);
    snprintf(
        line, sizeof line,
        "{ seq -f 'c%%g' 0 6 %d; echo nobody; echo stranger; } | find_lookalikes shop.clade %s",
        N_CUSTOMERS - 1, date);
    out = run(0, line);
    assert_int_equal(count_after(out, ""), N_CUSTOMERS / 6);
    assert_int_equal(count_after(out, "are known,"), 2);
    at = strstr(out, "seeds, ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "seeds, %lf times chance", &times), 1);
    assert_true(times > 2); /* of 600 customers 200 are of the kind: 3 is the most */
}

static void three_clouds_are_three_clusters(void **state)
{
    (void)state;
    const char *out = run(0, "cluster_points");
    assert_non_null(strstr(out, "chosen: 3 clusters"));
    assert_int_equal(count_after(out, ") of"), 200);
}

static void segments_are_read_out_of_json(void **state)
{
    (void)state;
    const char *out = run(0, "echo '{\"n\": 2, \"segments\": [{\"name\": \"Champions\", \"rules\": "
                             "[[1], {}], \"size\": 385}, {\"size\": 7, \"name\": \"\\u51a0\"}]}' | "
                             "read_json");
    assert_int_equal(count_after(out, "Champions"), 385);
    assert_int_equal(count_after(out, "冠"), 7);
    assert_non_null(strstr(run(1, "echo '{\"segments\": 3}' | read_json"), "'segments'"));
}

static void an_example_that_fails_says_why(void **state)
{
    (void)state;
    assert_non_null(strstr(run(1, "load_csv shop.clade nowhere.csv"), "nowhere.csv"));
    assert_non_null(strstr(run(1, "make_segments nowhere.clade"), "nowhere.clade"));
    assert_non_null(
        strstr(run(1, "customer_features shop.clade nobody 2020-01-01"), "customer 'nobody'"));
    assert_non_null(strstr(run(2, "find_lookalikes"), "usage: find_lookalikes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_a_csv_is_accounted_for),
        cmocka_unit_test(features_know_nothing_of_what_came_after_the_moment),
        cmocka_unit_test(segments_have_names_and_are_judged),
        cmocka_unit_test(look_alikes_beat_chance),
        cmocka_unit_test(three_clouds_are_three_clusters),
        cmocka_unit_test(segments_are_read_out_of_json),
        cmocka_unit_test(an_example_that_fails_says_why),
    };
    return cmocka_run_group_tests(tests, make_shop, remove_shop);
}
