/* Any bytes as a rule: it is refused with a place, or printed as a rule that reads the same, said
 * in words, and made into SQL and a set. And as a state that was kept. */
#include "fuzz.h"

#include "clade/rules.h"

static void as_rule(clade_text text)
{
    clade_rule_tree *tree = NULL, *again = NULL;
    clade_ruleset   *set  = NULL;
    clade_buffer     once = { 0 }, twice = { 0 }, sql = { 0 };
    clade_error      err = { 0 };
    if (clade_rule_tree_parse(&tree, text, NULL, &err) != CLADE_OK) {
        FUZZ_CHECK(tree == NULL && err.message[0] != '\0');
        return;
    }
    clade_rule_tree_print(&once, tree);
    if (once.size <= CLADE_RULE_MAX_BYTES) { /* quotes and words for signs may make it longer */
        FUZZ_CHECK(clade_rule_tree_parse(&again, (clade_text){ once.data, once.size }, NULL,
                                         &err) == CLADE_OK);
        clade_rule_tree_print(&twice, again);
        FUZZ_CHECK(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    }
    clade_rule_tree_say(&twice, tree, "EUR", false);
    clade_rule_tree_say(&twice, tree, NULL, true);
    const clade_rule_sql_options options = { .as_of_us = 1, .minor = 100 };
    const clade_status           status  = clade_rule_tree_sql(&sql, tree, &options, &err);
    FUZZ_CHECK(status == CLADE_OK ||
               status == CLADE_ERR_NOT_FOUND); /* a segment that is not there */
    const clade_rule_named named = { "it", tree };
    if (clade_ruleset_create(&set, &named, 1, 100, &err) == CLADE_OK) {
        clade_rule_state       state = { 0 };
        const clade_rule_event e     = { .kind = CLADE_RULE_PURCHASE, .at_us = 5, .order_us = 5 };
        bool                   rebuild;
        FUZZ_CHECK(clade_rule_state_apply(&state, set, &e, NULL, &rebuild, &err) == CLADE_OK);
        FUZZ_CHECK(clade_rule_state_advance(&state, set, CLADE_TIME_MAX_US, NULL, &err) ==
                   CLADE_OK);
        clade_rule_state_free(&state);
    }
    clade_ruleset_free(set);
    clade_rule_tree_free(tree);
    clade_rule_tree_free(again);
    clade_buffer_free(&once);
    clade_buffer_free(&twice);
    clade_buffer_free(&sql);
}

static void as_state(clade_text bytes)
{
    static clade_ruleset *set;
    clade_rule_state      state = { 0 };
    clade_error           err   = { 0 };
    if (set == NULL) {
        clade_rule_tree *tree = NULL;
        FUZZ_CHECK(clade_rule_tree_parse(&tree, CLADE_TEXT("viewed >= 3 within 7d"), NULL, &err) ==
                   CLADE_OK);
        const clade_rule_named named = { "it", tree };
        FUZZ_CHECK(clade_ruleset_create(&set, &named, 1, 100, &err) == CLADE_OK);
        clade_rule_tree_free(tree);
    }
    if (clade_rule_state_load(&state, set, bytes, &err) == CLADE_OK)
        (void)clade_rule_state_next_us(&state);
    clade_rule_state_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const clade_text text = { (const char *)data, size };
    as_rule(text);
    as_state(text);
    return 0;
}
