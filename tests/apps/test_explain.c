/* explain, as a shop meets it: rules, shapes, changes and lines, in both languages. */
#include "run_binary.h"

#include "clade/run.h"
#include "clade/time.h"

#include <string.h>

enum { N_CUSTOMERS = 240, FIRST_DAY = 18000, N_DAYS = 230 };

static clade_buffer orders;

/* Customers who buy every 4 to 40 days, the later ones more seldom; a third stops for good. */
static int make_shop(void **state)
{
    if (run_setup(state) != 0) return 1;
    char      path[600];
    clade_rng rng   = clade_rng_stream(3, "test/explain", 0);
    int       order = 0;
    clade_buffer_text(&orders, "order_id,customer_id,order_time,product_id,quantity,price\n");
    for (int c = 0; c < N_CUSTOMERS; c++) {
        const int last = c % 3 == 0 ? (int)clade_rng_below(&rng, N_DAYS) : N_DAYS;
        for (int day = (int)clade_rng_below(&rng, 60); day < last;) {
            char date[16];
            clade_date_format(date, (FIRST_DAY + (int64_t)day) * CLADE_US_PER_DAY);
            clade_buffer_format(&orders, "o%d,c%d,%s 10:00:00,p%d,%d,%d.50\n", order++, c, date,
                                (int)clade_rng_below(&rng, 24), 1 + day % 3, 3 + c % 7);
            day += 3 + (int)clade_rng_below(&rng, (uint64_t)(4 + c / 3));
        }
    }
    if (orders.failed) return 1;
    (void)snprintf(path, sizeof path, "%s/shop.csv", run_folder);
    check_write(path, orders.data, orders.size);
    return run_clade("", "load shop.clade shop.csv --quiet")->code != 0 ||
           run_clade("", "predict shop.clade purchase --horizon 30d -q")->code != 0 ||
           run_clade("", "predict shop.clade spend --horizon 30d -q")->code != 0;
}

static int end_shop(void **state)
{
    clade_buffer_free(&orders);
    return run_teardown(state);
}

static void a_model_is_told_in_rules_and_shapes_in_both_languages(void **state)
{
    (void)state;
    const answer *got = run_clade("", "explain shop.clade purchase-30d");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "The model in a few rules"));
    assert_non_null(strstr(got->out, "customers held out"));
    assert_non_null(strstr(got->out, "Along a feature"));
    assert_non_null(strstr(got->out, "█"));
    got = run_clade("", "explain shop.clade spend-30d --lang zh");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "用几条规则概括模型"));
    assert_non_null(strstr(got->out, "沿单个特征"));
}

static void the_same_facts_stand_in_json(void **state)
{
    (void)state;
    const answer *got = run_clade("", "explain shop.clade purchase-30d --json");
    assert_int_equal(got->code, 0);
    const double fidelity = run_number(got, "surrogate/fidelity");
    assert_true(fidelity > 0.3 && fidelity <= 1);
    assert_true(run_number(got, "surrogate/held_out") > 20);
    const clade_json_tree *const json    = run_json(got);
    const clade_json_node *const effects = clade_json_get(json, json->node, "effects");
    const clade_json_node *const pairs   = clade_json_get(json, json->node, "interactions");
    assert_int_equal(effects->type, CLADE_JSON_ARRAY);
    assert_int_equal(pairs->type, CLADE_JSON_ARRAY);
    assert_non_null(strstr(got->out, "\"ale\""));
    assert_non_null(strstr(got->out, "\"partial_answer\""));
}

static void a_customers_change_is_told_or_honestly_not_found(void **state)
{
    (void)state;
    const answer *got = run_clade("", "explain shop.clade customer c1 purchase-30d --target 0.01");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "already, over 1.0 %: nothing has to change"));
    got = run_clade("", "explain shop.clade customer c229 purchase-30d --target 0.999");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "No plausible change found"));
    got = run_clade("", "explain shop.clade customer c229 purchase-30d --target 0.999 --lang zh");
    assert_non_null(strstr(got->out, "未找到合理的改变"));
    got = run_clade("", "explain shop.clade customer c229 purchase-30d --json");
    assert_non_null(strstr(got->out, "\"change\""));
    assert_null(strstr(got->out, "\"lime\""));
    got = run_clade("", "explain shop.clade customer c229 spend-30d"); /* no chance, no target */
    assert_int_equal(got->code, 0);
    assert_null(strstr(got->out, "What would change it"));
    got = run_clade("", "explain shop.clade customer c229 purchase-30d --target 7 --json");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(run_text(got, "error/message"), "target"));
    got = run_clade("", "explain shop.clade customer c229 spend-30d --target 0.5 --json");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(run_text(got, "error/message"), "is an amount"));
    got = run_clade("", "explain shop.clade purchase-30d --lime --json");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(run_text(got, "error/message"), "one customer and one task"));
}

static void lime_says_how_stable_it_is(void **state)
{
    (void)state;
    const answer *got =
        run_clade("", "explain shop.clade customer c229 purchase-30d --lime --json --seed 5");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "\"jaccard\""));
    assert_non_null(strstr(got->out, "\"rank_correlation\""));
    got = run_clade("", "explain shop.clade customer c229 purchase-30d --lime --lang zh");
    assert_non_null(strstr(got->out, "局部线性近似"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_told_in_rules_and_shapes_in_both_languages),
        cmocka_unit_test(the_same_facts_stand_in_json),
        cmocka_unit_test(a_customers_change_is_told_or_honestly_not_found),
        cmocka_unit_test(lime_says_how_stable_it_is),
    };
    return cmocka_run_group_tests(tests, make_shop, end_shop);
}
