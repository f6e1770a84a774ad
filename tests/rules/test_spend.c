/* What a rule calls spend is what the features of money call it, on shops with awkward values. */
#include "../features/random_shop.h"
#include "check.h"
#include "clade/rules.h"

#include <stdlib.h>

enum { N_SHOPS = 5 };

static const char *const window[]  = { "(7d)", "(30d)", "(90d)", "(365d)", "" };
static const char *const feature[] = { "spend_7d", "spend_30d", "spend_90d", "spend_365d",
                                       "spend_life" };
static const double      edge[]    = { 0.5, 120, 900 };

static bool is_in(const int64_t *member, size_t n, int64_t customer)
{
    for (size_t i = 0; i < n; i++) {
        if (member[i] == customer) return true;
    }
    return false;
}

/* Both sides of an edge; features are floats, so values within their rounding of it are left out.
 */
static size_t compare(clade_store *store, const clade_features *f, size_t w, double x,
                      bool any_known)
{
    const clade_rule_sql_options options = { .as_of_us = f->as_of_us };
    const int                    column  = clade_features_find(feature[w]);
    size_t                       n_said  = 0;
    assert_true(column >= 0);
    for (int above = 0; above < 2; above++) {
        char             rule[64];
        clade_rule_tree *tree   = NULL;
        int64_t         *member = NULL;
        size_t           n      = 0;
        clade_error      err    = { 0 };
        snprintf(rule, sizeof rule, "spend%s %s %g", window[w], above ? ">=" : "<", x);
        check_ok(clade_rule_tree_parse(&tree, clade_text_of(rule), NULL, &err));
        if (clade_rule_members(&member, &n, store, tree, &options, &err) != CLADE_OK)
            fail_msg("%s", err.message);
        for (size_t i = 0; i < f->n_customers; i++) {
            const double spent = (double)f->value[i * f->n_features + (size_t)column];
            if (fabs(spent - x) < 1e-6 * (1 + fabs(x)) || !any_known) continue;
            const bool wanted = isnan(spent) ? false : above ? spent >= x : spent < x;
            if (is_in(member, n, f->customer[i]) != wanted)
                fail_msg("%s: customer %lld spent %.9g", rule, (long long)f->customer[i], spent);
            n_said += wanted;
        }
        free(member);
        clade_rule_tree_free(tree);
    }
    return n_said;
}

static void spend_is_what_features_say(void **state)
{
    (void)state;
    size_t n_said = 0;
    for (uint64_t seed = 0; seed < N_SHOPS; seed++) {
        char                      folder[256];
        clade_store              *store    = NULL;
        clade_features           *features = NULL;
        clade_buffer              sql      = { 0 };
        clade_error               err      = { 0 };
        int64_t                   n_priced = 0;
        const clade_store_options options  = { .create = true, .n_threads = 1 };
        check_folder_make(folder, "rules_spend");
        check_ok(clade_store_open(&store, folder, &options, &err));
        random_shop_write(&sql, 100 + seed);
        check_ok(clade_store_run(store, sql.data, NULL, 0, &err));
        check_ok(clade_features_compute(&features, store, RANDOM_SHOP_AS_OF, &err));
        check_ok(
            clade_store_int(&n_priced, store,
                            "SELECT count(*) FROM event WHERE kind = 'purchase' AND value_minor "
                            "IS NOT NULL",
                            NULL, 0, 0, &err));
        for (size_t w = 0; w < 5; w++)
            n_said += compare(store, features, w, edge[(w + seed) % 3], n_priced > 0);
        clade_features_free(features);
        clade_buffer_free(&sql);
        clade_store_close(store);
        check_folder_remove(folder);
    }
    assert_true(n_said > 100);
}

static size_t n_members(clade_store *store, const char *rule)
{
    const clade_rule_sql_options options = { .as_of_us = 1000 };
    clade_rule_tree             *tree    = NULL;
    int64_t                     *member  = NULL;
    size_t                       n       = 0;
    clade_error                  err     = { 0 };
    check_ok(clade_rule_tree_parse(&tree, clade_text_of(rule), NULL, &err));
    check_ok(clade_rule_members(&member, &n, store, tree, &options, &err));
    free(member);
    clade_rule_tree_free(tree);
    return n;
}

/* A coat of 50.00 and carriage of 5.00; the coat came back whole. The carriage was paid and kept,
 * and the order still counts for nothing. */
static void an_order_of_which_no_goods_were_kept_is_nothing(void **state)
{
    (void)state;
    char                      folder[256];
    clade_store              *store   = NULL;
    clade_error               err     = { 0 };
    const clade_store_options options = { .create = true, .n_threads = 1 };
    check_folder_make(folder, "rules_fallen");
    check_ok(clade_store_open(&store, folder, &options, &err));
    check_ok(clade_store_run(
        store,
        "INSERT INTO event (event, customer, at_us, kind, quantity, amount_minor, value_minor, "
        "order_ref, row_key, load) VALUES (1, 3, 100, 'purchase', 1, 5000, 5000, 'a', 1, 1), "
        "(2, 3, 100, 'purchase', 1, 500, 500, 'a', 2, 1), "
        "(3, 3, 200, 'refund', 1, -5000, -5000, 'a', 3, 1);"
        "INSERT INTO flag VALUES ('not_product', NULL, 2, 0, 'carriage')",
        NULL, 0, &err));
    assert_int_equal(n_members(store, "spend = 5"), 1); /* a refund of nothing known: 55 - 50 */
    check_ok(clade_store_run(store, "INSERT INTO refund_match VALUES (3, 1, 3, 1, -5000, 200)",
                             NULL, 0, &err));
    assert_int_equal(n_members(store, "spend = 0"), 1);
    clade_store_close(store);
    check_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_of_which_no_goods_were_kept_is_nothing),
        cmocka_unit_test(spend_is_what_features_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
