/* segment --with behaviour, as a shop meets it: what it needs, what it says, and what it must not
 * know. */
#include "run_binary.h"

#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>

enum { N_CUSTOMERS = 90, N_ITEMS = 24, FIRST_DAY = 18000, NOW_DAY = 200, N_DAYS = 230 };

static clade_buffer orders;
static char         now[16], before[16]; /* the moment of the study, and 90 days before it */

/* Everybody buys every fortnight or so within one of three shelves of items. Loaded as NAME.clade,
 * with what comes before `until` alone. */
static void load(const char *name, int until)
{
    char      path[600];
    clade_rng rng   = clade_rng_stream(3, "test/with", 0);
    int       order = 0;
    clade_buffer_clear(&orders);
    clade_buffer_text(&orders, "order_id,customer_id,order_time,product_id,quantity,price\n");
    for (int c = 0; c < N_CUSTOMERS; c++) {
        int day = (int)clade_rng_below(&rng, 60);
        for (int k = 0; day < N_DAYS; k++) {
            char      date[16];
            const int item = c % 3 * 8 + (int)clade_rng_below(&rng, 8);
            clade_date_format(date, (FIRST_DAY + (int64_t)day) * CLADE_US_PER_DAY);
            if (day < until)
                clade_buffer_format(&orders, "o%d,c%d,%s 10:00:00,p%d,%d,%d.50\n", order, c, date,
                                    item, 1 + k % 3, 3 + item % 7);
            order++;
            day += 3 + (int)clade_rng_below(&rng, c % 4 == 0 ? 90 : 24);
        }
    }
    assert_false(orders.failed);
    (void)snprintf(path, sizeof path, "%s/%s.csv", run_folder, name);
    check_write(path, orders.data, orders.size);
    assert_int_equal(run_clade("", "load %s.clade %s.csv --quiet", name, name)->code, 0);
}

static int make_shop(void **state)
{
    if (run_setup(state) != 0) return 1;
    clade_date_format(now, (FIRST_DAY + NOW_DAY) * (int64_t)CLADE_US_PER_DAY);
    clade_date_format(before, (FIRST_DAY + NOW_DAY - 90) * (int64_t)CLADE_US_PER_DAY);
    load("shop", N_DAYS);
    return 0;
}

static int end_shop(void **state)
{
    clade_buffer_free(&orders);
    return run_teardown(state);
}

static void without_a_model_it_says_what_to_run(void **state)
{
    (void)state;
    const answer *got = run_clade("", "segment shop.clade --with behaviour --json");
    assert_int_equal(got->code, 4);
    assert_string_equal(run_text(got, "error/status"), "not_ready");
    assert_non_null(strstr(run_text(got, "error/hint"), "clade fit shop.clade behaviour"));
    got = run_clade("", "segment shop.clade --with magic --json");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(run_text(got, "error/message"), "'magic'"));
}

static void lift_stands_with_and_without_side_by_side(void **state)
{
    (void)state;
    assert_int_equal(
        run_clade("", "fit shop.clade behaviour --epochs 2 -q --as-of %s", before)->code, 0);
    const answer *got = run_clade("", "segment shop.clade --with behaviour --as-of %s --json", now);
    if (got->code != 0) print_error("%s\n", got->err);
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "vectors/model"), "behaviour");
    assert_non_null(strstr(run_text(got, "vectors/fitted_as_of"), before));
    assert_non_null(strstr(got->out, "\"flattered\": false"));
    const double parts = run_number(got, "vectors/parts");
    assert_true(parts >= 1 && parts <= 12 && run_number(got, "vectors/share") <= 1.001);
    const double with    = run_number(got, "future_lift/clusters_with_vectors/r2");
    const double without = run_number(got, "future_lift/clusters/r2");
    check_close(run_number(got, "future_lift/clusters_gain_by_vectors/value"), with - without,
                1e-6);
    check_close(run_number(got, "future_lift/clade_gain_by_vectors/value"),
                run_number(got, "future_lift/clade_with_vectors/r2") -
                    run_number(got, "future_lift/clade/r2"),
                1e-6);
    got = run_clade("", "segment shop.clade list --kind clusters");
    assert_non_null(strstr(got->out, "clusters of likeness"));
    assert_non_null(strstr(got->out, "clusters, with vectors"));
    assert_non_null(strstr(got->out, "Clusters: R2 with vectors less without"));
    assert_null(strstr(got->out, "Flattered"));
    got = run_clade("", "segment shop.clade list --lang zh");
    assert_non_null(strstr(got->out, "有向量减无向量"));
}

static void without_the_option_nothing_speaks_of_vectors(void **state)
{
    (void)state;
    const answer *got = run_clade("", "segment shop.clade --as-of %s --json", now);
    assert_int_equal(got->code, 0);
    assert_null(strstr(got->out, "vectors"));
}

/* Everything of a study but its versions and the time that it took. */
static void study_of(char *out, size_t size, const char *shop)
{
    assert_int_equal(run_clade("", "segment %s --with behaviour --as-of %s -q", shop, now)->code,
                     0);
    assert_int_equal(check_run(out, size,
                               "cd '%s/%s' && grep -v -e version -e last_event segments.json | "
                               "sed -e '/\"seconds\"/,$d' | sha256sum",
                               run_folder, shop),
                     0);
}

/* The same shop without its last 30 days. */
static void what_happens_later_changes_nothing(void **state)
{
    (void)state;
    char all[200], cut[200];
    load("cut", NOW_DAY);
    assert_int_equal(
        run_clade("", "fit cut.clade behaviour --epochs 2 -q --as-of %s", before)->code, 0);
    study_of(all, sizeof all, "shop.clade");
    study_of(cut, sizeof cut, "cut.clade");
    assert_string_equal(all, cut);
}

static void members_of_another_moment_have_vectors_of_that_moment(void **state)
{
    (void)state;
    const answer *got = run_clade(
        "", "segment shop.clade flows --kind clusters --from %s --to %s --json", before, now);
    assert_int_equal(got->code, 0); /* both stored */
    got = run_clade("", "segment shop.clade flows --kind clusters --from 2019-06-01 --to %s --json",
                    now);
    assert_int_equal(got->code, 0); /* the first computed now */
    got = run_clade("", "customer shop.clade c3 --history 1 --json");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "\"clusters\""));
}

static void a_model_that_saw_the_judged_days_is_said_to_flatter(void **state)
{
    (void)state;
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 2 -q --as-of %s", now)->code,
                     0);
    const answer *got = run_clade("", "segment shop.clade --with behaviour --as-of %s --json", now);
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "\"flattered\": true"));
    assert_non_null(strstr(run_text(got, "vectors/said"), before));
    got = run_clade("", "segment shop.clade list");
    assert_non_null(strstr(got->out, "Flattered: the model has seen events until"));
    got = run_clade("", "segment shop.clade list --lang zh");
    assert_non_null(strstr(got->out, "偏乐观："));
}

static void after_another_fit_old_clusters_say_that_their_model_is_gone(void **state)
{
    (void)state;
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 1 -q --as-of %s", now)->code,
                     0);
    const answer *got = run_clade(
        "", "segment shop.clade flows --kind clusters --from 2019-06-01 --to %s --json", now);
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(run_text(got, "error/message"), "customer vectors of fit"));
    assert_non_null(strstr(run_text(got, "error/hint"), "--with behaviour"));
    got = run_clade("", "customer shop.clade c3 --history 0 --json");
    assert_int_equal(got->code, 0); /* the page goes without that kind */
    assert_non_null(strstr(got->out, "\"lifecycle\""));
    assert_null(strstr(got->out, "\"clusters\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_model_it_says_what_to_run),
        cmocka_unit_test(lift_stands_with_and_without_side_by_side),
        cmocka_unit_test(without_the_option_nothing_speaks_of_vectors),
        cmocka_unit_test(what_happens_later_changes_nothing),
        cmocka_unit_test(members_of_another_moment_have_vectors_of_that_moment),
        cmocka_unit_test(a_model_that_saw_the_judged_days_is_said_to_flatter),
        cmocka_unit_test(after_another_fit_old_clusters_say_that_their_model_is_gone),
    };
    return cmocka_run_group_tests(tests, make_shop, end_shop);
}
