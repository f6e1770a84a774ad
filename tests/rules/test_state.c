/* A state by hand: moments of entering and leaving, timers, late events, circles, keeping and
 * reading. */
#include "check.h"
#include "random_rules.h"

#include <stdlib.h>

#define HOUR CLADE_US_PER_HOUR
#define DAY  CLADE_US_PER_DAY
#define T0   LOG_BEGIN_US

enum { MAX_HEARD = 64 };

typedef struct bench {
    clade_rule_tree  *tree[16];
    clade_rule_named  named[16];
    size_t            n;
    clade_ruleset    *set;
    clade_rule_state  state;
    size_t            n_heard;
    clade_rule_change heard[MAX_HEARD];
} bench;

static void hear(void *context, const clade_rule_change *change)
{
    bench *b = context;
    assert_true(b->n_heard < MAX_HEARD);
    b->heard[b->n_heard++] = *change;
}

static clade_status try_rules(bench *b, clade_error *err, const char *const *name,
                              const char *const *rule, size_t n)
{
    *b = (bench){ .n = n };
    for (size_t i = 0; i < n; i++) {
        check_ok(clade_rule_tree_parse(&b->tree[i], clade_text_of(rule[i]), NULL, err));
        b->named[i] = (clade_rule_named){ name[i], b->tree[i] };
    }
    return clade_ruleset_create(&b->set, b->named, n, 100, err);
}

static void one_rule(bench *b, const char *rule)
{
    clade_error err = { 0 };
    check_ok(try_rules(b, &err, (const char *const[]){ "one" }, &rule, 1));
}

static void end(bench *b)
{
    clade_rule_state_free(&b->state);
    clade_ruleset_free(b->set);
    for (size_t i = 0; i < b->n; i++)
        clade_rule_tree_free(b->tree[i]);
}

static bool event(bench *b, clade_rule_kind kind, int64_t at_us)
{
    const clade_rule_listener listener = { hear, b };
    const clade_rule_event    e        = { .kind = kind, .at_us = at_us, .order_us = at_us };
    clade_error               err      = { 0 };
    bool                      again;
    check_ok(clade_rule_state_apply(&b->state, b->set, &e, &listener, &again, &err));
    return again;
}

static void advance(bench *b, int64_t now_us)
{
    const clade_rule_listener listener = { hear, b };
    clade_error               err      = { 0 };
    check_ok(clade_rule_state_advance(&b->state, b->set, now_us, &listener, &err));
}

static void check_heard(const bench *b, size_t i, bool entered, int64_t at_us)
{
    assert_true(i < b->n_heard);
    assert_int_equal(b->heard[i].entered, entered);
    assert_int_equal(b->heard[i].at_us, at_us);
}

/* Nobody is absent before they were there; a purchase at T is gone from 30 days at T + 30 d
 * exactly. */
static void absence_fires_at_the_microsecond(void **state)
{
    (void)state;
    bench b;
    one_rule(&b, "no purchase for 30d");
    advance(&b, T0 - DAY);
    assert_false(clade_rule_state_in(&b.state, b.set, 0)); /* not a customer yet */
    event(&b, CLADE_RULE_VIEW, T0);
    check_heard(&b, 0, true, T0); /* never bought: absent */
    event(&b, CLADE_RULE_PURCHASE, T0 + HOUR);
    check_heard(&b, 1, false, T0 + HOUR);
    assert_int_equal(clade_rule_state_next_us(&b.state), T0 + HOUR + 30 * DAY);
    advance(&b, T0 + HOUR + 30 * DAY - 1);
    assert_int_equal(b.n_heard, 2);
    advance(&b, T0 + 300 * DAY); /* long after: the change has its own moment */
    check_heard(&b, 2, true, T0 + HOUR + 30 * DAY);
    assert_int_equal(b.n_heard, 3);
    assert_int_equal(clade_rule_state_next_us(&b.state), INT64_MAX);
    end(&b);
}

/* A purchase at the very moment at which absence would begin leaves no trace of it. */
static void an_event_at_the_edge_comes_first(void **state)
{
    (void)state;
    bench b;
    one_rule(&b, "no purchase for 2d");
    event(&b, CLADE_RULE_PURCHASE, T0);
    event(&b, CLADE_RULE_PURCHASE, T0 + 2 * DAY);
    assert_int_equal(b.n_heard, 0);
    advance(&b, T0 + 4 * DAY);
    check_heard(&b, 0, true, T0 + 4 * DAY);
    end(&b);
}

/* Views at 0 h, 1 h, 1 h, 3 h: three within 2 h from 1 h on (0, 1, 1), until 2 h. */
static void counts_fall_as_entries_leave(void **state)
{
    (void)state;
    bench b;
    one_rule(&b, "viewed >= 3 within 2h");
    event(&b, CLADE_RULE_VIEW, T0);
    event(&b, CLADE_RULE_VIEW, T0 + HOUR);
    event(&b, CLADE_RULE_VIEW, T0 + HOUR);
    check_heard(&b, 0, true, T0 + HOUR);
    assert_int_equal(clade_rule_state_next_us(&b.state), T0 + 2 * HOUR);
    event(&b, CLADE_RULE_VIEW, T0 + 3 * HOUR - 1);
    check_heard(&b, 1, false, T0 + 2 * HOUR);
    check_heard(&b, 2, true, T0 + 3 * HOUR - 1);
    advance(&b, T0 + DAY);
    check_heard(&b, 3, false, T0 + 3 * HOUR);
    assert_int_equal(b.n_heard, 4);
    end(&b);
}

/* A step must be strictly later than the one before it, however the two came in. */
static void steps_of_one_moment_are_not_one_after_the_other(void **state)
{
    (void)state;
    bench b;
    one_rule(&b, "viewed then bought within 2d");
    event(&b, CLADE_RULE_VIEW, T0);
    event(&b, CLADE_RULE_PURCHASE, T0);
    assert_int_equal(b.n_heard, 0);
    event(&b, CLADE_RULE_PURCHASE, T0 + 2 * DAY);
    check_heard(&b, 0, true, T0 + 2 * DAY);
    end(&b);

    one_rule(&b, "viewed then bought within 2d");
    event(&b, CLADE_RULE_VIEW, T0);
    event(&b, CLADE_RULE_PURCHASE, T0 + 2 * DAY + 1);
    assert_int_equal(b.n_heard, 0);
    end(&b);
}

/* Reached at T0 + 1 h, and for 2 days from then on. */
static void a_sequence_leaves_its_window_to_the_microsecond(void **state)
{
    (void)state;
    bench b;
    one_rule(&b, "(viewed then bought) within 2d");
    event(&b, CLADE_RULE_VIEW, T0);
    event(&b, CLADE_RULE_PURCHASE, T0 + HOUR);
    check_heard(&b, 0, true, T0 + HOUR);
    assert_int_equal(clade_rule_state_next_us(&b.state), T0 + HOUR + 2 * DAY);
    advance(&b, T0 + 9 * DAY);
    check_heard(&b, 1, false, T0 + HOUR + 2 * DAY);
    end(&b);
}

/* What comes late counts from now on; where the state cannot know, it says so and changes nothing.
 */
static void late_events_count_from_now_on(void **state)
{
    (void)state;
    bench b;
    one_rule(&b, "bought >= 2 within 3d");
    event(&b, CLADE_RULE_PURCHASE, T0 + DAY);
    advance(&b, T0 + 2 * DAY);
    assert_false(event(&b, CLADE_RULE_PURCHASE, T0));
    check_heard(&b, 0, true, T0 + 2 * DAY);
    advance(&b, T0 + 5 * DAY);
    check_heard(&b, 1, false, T0 + 3 * DAY);
    end(&b);

    one_rule(&b, "viewed then bought");
    event(&b, CLADE_RULE_PURCHASE, T0 + DAY);
    assert_true(event(&b, CLADE_RULE_VIEW, T0));
    assert_int_equal(b.n_heard, 0);
    const clade_rule_event history[] = {
        { .kind = CLADE_RULE_VIEW, .at_us = T0, .order_us = T0 },
        { .kind = CLADE_RULE_PURCHASE, .at_us = T0 + DAY, .order_us = T0 + DAY },
    };
    const clade_rule_listener listener = { hear, &b };
    check_ok(clade_rule_state_rebuild(&b.state, b.set, history, 2, T0 + DAY, &listener, NULL));
    check_heard(&b, 0, true, T0 + DAY);
    assert_int_equal(clade_rule_state_rebuild(&b.state, b.set, history, 2, T0, NULL, NULL),
                     CLADE_ERR_ARG);
    end(&b);
}

static void rules_that_need_each_other_are_told_in_order(void **state)
{
    (void)state;
    bench       b;
    clade_error err = { 0 };
    check_ok(try_rules(&b, &err, (const char *const[]){ "quiet", "buyers" },
                       (const char *const[]){ "in segment buyers and no view for 1d", "bought" },
                       2));
    event(&b, CLADE_RULE_PURCHASE, T0);
    assert_int_equal(b.n_heard, 2);
    assert_int_equal(b.heard[0].rule, 1);
    assert_int_equal(b.heard[1].rule, 0);
    end(&b);
    assert_int_equal(try_rules(&b, &err, (const char *const[]){ "a", "b", "c" },
                               (const char *const[]){ "in segment b", "not in segment c",
                                                      "bought and in segment a" },
                               3),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "circle: a needs b needs c needs a"));
    end(&b);
}

/* 5.00 given back that no purchase explains, and then 3.00 spent: nothing, never less. */
static void spend_is_never_below_zero(void **state)
{
    (void)state;
    bench            b;
    bool             again;
    clade_error      err    = { 0 };
    clade_rule_event refund = { .kind        = CLADE_RULE_REFUND,
                                .has         = CLADE_RULE_HAS_VALUE,
                                .at_us       = T0,
                                .order_us    = T0,
                                .value_minor = -500,
                                .net_minor   = -500 };
    clade_rule_event bought = { .kind        = CLADE_RULE_PURCHASE,
                                .has         = CLADE_RULE_HAS_VALUE,
                                .at_us       = T0 + DAY,
                                .order_us    = T0 + DAY,
                                .value_minor = 300,
                                .net_minor   = 300 };
    check_ok(try_rules(&b, &err, (const char *const[]){ "nothing", "three" },
                       (const char *const[]){ "spend(9d) = 0", "spend(9d) = 3" }, 2));
    check_ok(clade_rule_state_apply(&b.state, b.set, &refund, NULL, &again, &err));
    check_ok(clade_rule_state_apply(&b.state, b.set, &bought, NULL, &again, &err));
    assert_true(clade_rule_state_in(&b.state, b.set, 0));
    advance(&b, T0 + 9 * DAY); /* the refund left the window */
    assert_false(clade_rule_state_in(&b.state, b.set, 0));
    assert_true(clade_rule_state_in(&b.state, b.set, 1));
    end(&b);
}

/* A view of an item without brand is neither of Acme nor of another brand. */
static void what_is_missing_passes_no_comparison(void **state)
{
    (void)state;
    bench             b;
    clade_error       err    = { 0 };
    bool              again  = false;
    const char *const name[] = { "is", "isnt", "other" };
    const char *const rule[] = { "viewed(brand = \"acme\")", "viewed(brand != \"acme\")",
                                 "not viewed(brand = \"acme\")" };
    clade_rule_event  e      = { .kind = CLADE_RULE_VIEW, .at_us = T0, .order_us = T0 };
    check_ok(try_rules(&b, &err, name, rule, 3));
    check_ok(clade_rule_state_apply(&b.state, b.set, &e, NULL, &again, &err));
    assert_false(clade_rule_state_in(&b.state, b.set, 0));
    assert_false(clade_rule_state_in(&b.state, b.set, 1));
    assert_true(clade_rule_state_in(&b.state, b.set, 2));
    e.brand = CLADE_TEXT("Bolt");
    check_ok(clade_rule_state_apply(&b.state, b.set, &e, NULL, &again, &err));
    assert_true(clade_rule_state_in(&b.state, b.set, 1));
    end(&b);
}

static void facts_change_rules_when_they_are_told(void **state)
{
    (void)state;
    bench                     b;
    clade_error               err      = { 0 };
    const clade_rule_listener listener = { hear, &b };
    clade_rule_fact fact = { .name = "p_churn", .known_us = T0, .has_number = true, .number = .75 };
    one_rule(&b, "p_churn > .6 and not in segment vip");
    check_ok(clade_rule_state_learn(&b.state, b.set, &fact, &listener, &err));
    assert_int_equal(b.n_heard, 0); /* nobody yet */
    event(&b, CLADE_RULE_LOGIN, T0 + DAY);
    check_heard(&b, 0, true, T0 + DAY);
    fact = (clade_rule_fact){
        .name = "segment/VIP", .known_us = T0 + 2 * DAY, .has_number = true, .number = 1
    };
    check_ok(clade_rule_state_learn(&b.state, b.set, &fact, &listener, &err));
    check_heard(&b, 1, false, T0 + 2 * DAY);
    fact.number   = 0;
    fact.known_us = T0 + DAY; /* older than what is known */
    check_ok(clade_rule_state_learn(&b.state, b.set, &fact, &listener, &err));
    assert_int_equal(b.n_heard, 2);
    end(&b);
}

/* The budget of a customer with tens of events and a handful of rules. */
static void a_state_is_small_and_comes_back_as_it_was(void **state)
{
    (void)state;
    bench            b;
    clade_error      err   = { 0 };
    clade_buffer     bytes = { 0 };
    clade_rule_state back  = { 0 };
    check_ok(try_rules(&b, &err, (const char *const[]){ "a", "b", "c", "d", "e" },
                       (const char *const[]){ "spend(365d) > 500 and no purchase for 30d",
                                              "viewed >= 3 within 7d and no purchase for 7d",
                                              "carted then bought within 2d",
                                              "distinct(session of viewed, 30d) > 2",
                                              "bought >= 2 within 90d and last(viewed) < 3d" },
                       5));
    for (int i = 0; i < 40; i++)
        event(&b,
              i % 8 == 0   ? CLADE_RULE_PURCHASE
              : i % 5 == 0 ? CLADE_RULE_CART
                           : CLADE_RULE_VIEW,
              T0 + i * 7 * HOUR);
    assert_true(b.state.size < 1024);
    clade_rule_state_save(&bytes, &b.state);
    check_ok(clade_rule_state_load(&back, b.set, (clade_text){ bytes.data, bytes.size }, &err));
    assert_int_equal(back.size, b.state.size);
    assert_memory_equal(back.data, b.state.data, back.size);
    clade_rule_state_free(&back);
    for (size_t i = 0; i < bytes.size; i += 3) { /* no byte can change unseen */
        bytes.data[i] = (char)(bytes.data[i] ^ 0x10);
        assert_int_not_equal(
            clade_rule_state_load(&back, b.set, (clade_text){ bytes.data, bytes.size }, &err),
            CLADE_OK);
        bytes.data[i] = (char)(bytes.data[i] ^ 0x10);
    }
    end(&b);
    one_rule(&b, "bought");
    assert_int_equal(
        clade_rule_state_load(&back, b.set, (clade_text){ bytes.data, bytes.size }, &err),
        CLADE_ERR_NOT_READY);
    end(&b);
    clade_buffer_free(&bytes);
}

/* Keeping only what can matter: a thousand views and a rule about three of them. */
static void a_count_keeps_no_more_than_it_compares(void **state)
{
    (void)state;
    bench b;
    one_rule(&b, "viewed >= 3 within 365d");
    for (int i = 0; i < 1000; i++)
        event(&b, CLADE_RULE_VIEW, T0 + i * HOUR);
    assert_true(b.state.size < 256);
    assert_true(clade_rule_state_in(&b.state, b.set, 0));
    assert_int_equal(clade_rule_state_next_us(&b.state), T0 + 997 * HOUR + 365 * DAY);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absence_fires_at_the_microsecond),
        cmocka_unit_test(an_event_at_the_edge_comes_first),
        cmocka_unit_test(counts_fall_as_entries_leave),
        cmocka_unit_test(steps_of_one_moment_are_not_one_after_the_other),
        cmocka_unit_test(a_sequence_leaves_its_window_to_the_microsecond),
        cmocka_unit_test(late_events_count_from_now_on),
        cmocka_unit_test(rules_that_need_each_other_are_told_in_order),
        cmocka_unit_test(spend_is_never_below_zero),
        cmocka_unit_test(what_is_missing_passes_no_comparison),
        cmocka_unit_test(facts_change_rules_when_they_are_told),
        cmocka_unit_test(a_state_is_small_and_comes_back_as_it_was),
        cmocka_unit_test(a_count_keeps_no_more_than_it_compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
