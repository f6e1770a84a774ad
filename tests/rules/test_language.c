/* Reading and writing rules: what parses, how it is written again, and where a mistake is. */
#include "check.h"
#include "random_rules.h"

#include <stdlib.h>

static clade_rule_tree *parse(const char *text)
{
    clade_rule_tree *tree = NULL;
    clade_error      err  = { 0 };
    if (clade_rule_tree_parse(&tree, clade_text_of(text), NULL, &err) != CLADE_OK)
        fail_msg("%s: %s", text, err.message);
    return tree;
}

static char *printed(const clade_rule_tree *tree)
{
    clade_buffer out = { 0 };
    clade_rule_tree_print(&out, tree);
    assert_false(out.failed);
    return out.data;
}

static void rules_are_written_in_one_way(void **state)
{
    (void)state;
    static const char *const rule[][2] = {
        { "spend(365d) > 500 and no purchase for 30d and viewed(category = \"shoes\") >= 3 within "
          "7d",
          "spend(365d) > 500 and no purchase for 30d and viewed(category = \"shoes\") >= 3 within "
          "7d" },
        { "SPEND within 1y >= 0500.50", "spend(365d) >= 500.5" },
        { "purchases within 4w", "bought within 28d" },
        { "bought(36h) = 0", "no purchase for 36h" },
        { "views(7d, category = shoes) > 0", "viewed(category = \"shoes\") within 7d" },
        { "count(viewed(brand = 'a\"b'), 7d) >= 3", "viewed(brand = \"a\\\"b\") >= 3 within 7d" },
        { "a = 1 or b = 2 and not (c = 3 or d = 4)", "a = 1 or b = 2 and not (c = 3 or d = 4)" },
        { "(a = 1 and (b = 2 and c = 3)) and d = 4", "a = 1 and b = 2 and c = 3 and d = 4" },
        { "(viewed then bought within 2d) within 30d",
          "(viewed then bought within 2d) within 30d" },
        { "viewed then carted then bought within 1d", "viewed then carted then bought within 1d" },
        { "(viewed then bought)", "viewed then bought" },
        { "sum(quantities of bought, since 2026-01-31) >= 5",
          "sum(quantity of bought, since 2026-01-31) >= 5" },
        { "distinct(categories of viewed) within 30d >= 3",
          "distinct(category of viewed, 30d) >= 3" },
        { "last(bought) > 30", "last(bought) > 30d" },
        { "first(active(channel = \"app\")) <= 1.5", "first(active(channel = \"app\")) <= 36h" },
        { "in segment at-risk and not in segment 'VIP club'",
          "in segment at-risk and not in segment \"VIP club\"" },
        { "exists city and age exists", "exists city and exists age" },
        { "p_churn > .6 and clv > -100", "p_churn > 0.6 and clv > -100" },
        { "attribute(\"share\") = 1 and attribute(age) = 2",
          "attribute(\"share\") = 1 and age = 2" },
        { "searched(query contains \"靴\") ever and 城市 = \"上海\"",
          "searched(query contains \"靴\") and 城市 = \"上海\"" },
        { "bought(price >= 20, quantity != 1, amount < .000000001, item = 4711)",
          "bought(price >= 20, quantity != 1, amount < 0.000000001, item = \"4711\")" },
    };
    for (size_t i = 0; i < sizeof rule / sizeof rule[0]; i++) {
        clade_rule_tree *tree = parse(rule[i][0]);
        char            *text = printed(tree);
        assert_string_equal(text, rule[i][1]);
        free(text);
        clade_rule_tree_free(tree);
    }
}

static void what_is_printed_reads_the_same_again(void **state)
{
    (void)state;
    clade_rng rng = clade_rng_stream(7, "test/language", 0);
    for (size_t i = 0; i < 3000; i++) {
        clade_buffer text = { 0 }, words = { 0 };
        random_rule(&text, &rng, 3);
        clade_rule_tree *tree  = parse(text.data);
        char            *once  = printed(tree);
        clade_rule_tree *again = parse(once);
        char            *twice = printed(again);
        assert_string_equal(once, twice);
        clade_rule_tree_say(&words, again, "EUR", i % 2 == 1);
        assert_true(words.size > 20 && clade_utf8_valid(words.data, words.size) == words.size);
        clade_buffer_free(&words);
        free(once);
        free(twice);
        clade_rule_tree_free(tree);
        clade_rule_tree_free(again);
        clade_buffer_free(&text);
    }
}

static void a_mistake_is_shown_where_it_is(void **state)
{
    (void)state;
    static const char *const      facts[]    = { "city", "age", "p_churn", "城市" };
    static const char *const      segments[] = { "champions", "at-risk" };
    static const clade_rule_names names      = { facts, 4, segments, 2 };
    static const struct {
        const char *rule;
        size_t      column;
        const char *says, *hint;
    } wrong[] = {
        { "", 1, "the rule is empty", "" },
        { "spend(365d) > 500 and no purchse for 30d", 26, "'purchse' is nothing that customers do",
          "did you mean purchase?" },
        { "viewed(categroy = \"shoes\")", 8, "'categroy' is nothing that events can be filtered by",
          "did you mean category?" },
        { "bought within 30", 15, "a span of time such as 30d was wanted here, not 30", "" },
        { "bought within 30x", 15, "neither a number nor a span", "spans are written" },
        { "spend > 500 adn age > 3", 13, "and, or or the end of the rule", "did you mean and?" },
        { "(age > 3 and age < 5", 1, "this parenthesis is never closed", "" },
        { "age > 3)", 8, "this ) closes nothing", "" },
        { "aeg > 3", 1, "there is no attribute or score 'aeg'", "did you mean age?" },
        { "in segment champion", 12, "there is no segment 'champion'", "did you mean champions?" },
        { "in segmnet champions", 4, "segment and its name was wanted", "did you mean segment?" },
        { "city = \"Par", 8, "no closing \"", "" },
        { "城市 = \"a\" and age ! 3", 18, "'!' alone says nothing", "did you mean != or not?" },
        { "viewed >= 2.5", 11, "a count is a whole number", "" },
        { "viewed(7d) >= 2 within 3d", 17, "already has a window", "" },
        { "viewed within 2d then bought", 18, "first step of a sequence has no window", "" },
        { "(bought and viewed) within 3d", 21, "only a sequence takes a window", "" },
        { "city > \"a\"", 6, "texts are compared with", "" },
        { "viewed(price contains 3)", 14, "price is a number", "" },
        { "sum(prize of bought) > 3", 5, "price, quantity or amount was wanted",
          "did you mean price?" },
        { "last(bought(7d)) > 3d", 6, "look at all of life", "" },
        { "age > 3 & age < 5", 9, "'&' has no meaning", "did you mean and?" },
        { "bougth", 1, "'bougth' is nothing that customers do", "did you mean bought?" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        clade_rule_tree *tree = NULL;
        clade_error      err  = { 0 };
        char             column[32];
        assert_int_equal(clade_rule_tree_parse(&tree, clade_text_of(wrong[i].rule), &names, &err),
                         CLADE_ERR_ARG);
        snprintf(column, sizeof column, "column %zu: ", wrong[i].column);
        if (strncmp(err.message, column, strlen(column)) != 0 ||
            strstr(err.message, wrong[i].says) == NULL || strstr(err.hint, wrong[i].hint) == NULL)
            fail_msg("%s: %s (%s)", wrong[i].rule, err.message, err.hint);
        const char *line = strrchr(err.message, '\n'); /* "    " and the caret under the place */
        assert_non_null(line);
        assert_int_equal(strlen(line) - 1,
                         4 + wrong[i].column + (wrong[i].rule[0] == '\xe5' ? 2 : 0));
    }
}

static void a_rule_has_limits(void **state)
{
    (void)state;
    clade_rule_tree *tree = NULL;
    clade_error      err  = { 0 };
    char             deep[CLADE_RULE_MAX_BYTES + 16];
    memset(deep, '(', 100);
    strcpy(deep + 100, "age > 3");
    assert_int_equal(clade_rule_tree_parse(&tree, clade_text_of(deep), NULL, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "24 deep"));
    memset(deep, ' ', sizeof deep);
    assert_int_equal(clade_rule_tree_parse(&tree, (clade_text){ deep, sizeof deep }, NULL, &err),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "4000 bytes"));
    clade_buffer many = { 0 };
    for (int i = 0; i < CLADE_RULE_MAX_TESTS; i++)
        clade_buffer_text(&many, i == 0 ? "a=1" : " or a=1");
    clade_rule_tree_free(parse(many.data)); /* just as many as pass */
    clade_buffer_text(&many, " or a=1");
    assert_int_equal(clade_rule_tree_parse(&tree, clade_text_of(many.data), NULL, &err),
                     CLADE_ERR_ARG);
    clade_buffer_free(&many);
}

static void a_rule_is_said_in_both_languages(void **state)
{
    (void)state;
    clade_buffer     en = { 0 }, zh = { 0 };
    clade_rule_tree *tree = parse(
        "spend(365d) > 500 and no purchase for 30d and viewed(category = \"shoes\") >= 3 within "
        "7d");
    clade_rule_tree_say(&en, tree, "EUR", false);
    clade_rule_tree_say(&zh, tree, "EUR", true);
    assert_string_equal(en.data,
                        "customers who spent over 500 EUR in the last 365 days, and did not buy "
                        "anything in the last 30 days, and viewed something (category is shoes) at "
                        "least 3 times in the last 7 days");
    assert_string_equal(zh.data,
                        "最近 365 天内净消费 超过 500 EUR，且最近 30 天内没有购买，且最近 7 "
                        "天内浏览（类目为 shoes） 至少 3 次的客户");
    clade_buffer_free(&en);
    clade_buffer_free(&zh);
    clade_rule_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_written_in_one_way),
        cmocka_unit_test(what_is_printed_reads_the_same_again),
        cmocka_unit_test(a_mistake_is_shown_where_it_is),
        cmocka_unit_test(a_rule_has_limits),
        cmocka_unit_test(a_rule_is_said_in_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
