/* What do rules cost?
 *
 *     touched     one event to one of 1000 customers, 100 rules, each event touching some of them
 *     untouched   events of a kind that no rule speaks of
 *     timers      set, cancel and fire, a million on the wheel
 *     members     the SQL of one rule on a log of 1,000,000 customers and 5,000,000 events (--sql)
 */
#include "bench.h"
#include "clade/rules.h"
#include "clade/run.h"
#include "clade/timers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_RULES = 100, N_CUSTOMERS = 1000, N_EVENTS = 200000, N_TIMERS = 1000000 };

static clade_ruleset    *set;
static clade_rule_event *event;
static clade_rule_state  state[N_CUSTOMERS];
static size_t            n_changes;

static void make_rules(void)
{
    static const char *const shape[] = {
        "spend(365d) > %zu and no purchase for 30d",
        "viewed(category = \"c%zu\") >= 3 within 7d",
        "carted(category = \"c%zu\") then bought within 2d",
        "distinct(item of viewed, 14d) > %zu and no purchase for 7d",
        "searched(query contains \"q%zu\") within 1d and not in segment r0",
    };
    clade_rule_named named[N_RULES];
    static char      name[N_RULES][8];
    for (size_t i = 0; i < N_RULES; i++) {
        char             text[200];
        clade_rule_tree *tree = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, shape[i % 5], 1 + i / 5);
#pragma GCC diagnostic pop
        snprintf(name[i], sizeof name[i], "r%zu", i);
        bench_ok(clade_rule_tree_parse(&tree, clade_text_of(text), NULL, NULL));
        named[i] = (clade_rule_named){ name[i], tree };
    }
    bench_ok(clade_ruleset_create(&set, named, N_RULES, 100, NULL));
}

/* A shop's day: six views to a purchase, twenty categories. */
static void make_events(void)
{
    static char text[20][8];
    clade_rng   rng = clade_rng_stream(1, "bench/rules", 0);
    event           = CLADE_NEW(clade_rule_event, N_EVENTS);
    for (size_t i = 0; i < 20; i++)
        snprintf(text[i], sizeof text[i], "c%zu", i);
    for (size_t i = 0; i < N_EVENTS; i++) {
        static const clade_rule_kind kinds[] = { CLADE_RULE_VIEW,   CLADE_RULE_VIEW,
                                                 CLADE_RULE_VIEW,   CLADE_RULE_VIEW,
                                                 CLADE_RULE_VIEW,   CLADE_RULE_VIEW,
                                                 CLADE_RULE_CART,   CLADE_RULE_PURCHASE,
                                                 CLADE_RULE_SEARCH, CLADE_RULE_LOGIN };
        clade_rule_event            *e       = &event[i];
        *e = (clade_rule_event){ .kind        = kinds[clade_rng_below(&rng, 10)],
                                 .has         = CLADE_RULE_HAS_ITEM | CLADE_RULE_HAS_VALUE,
                                 .at_us       = (int64_t)i * 13 * CLADE_US_PER_SECOND,
                                 .order_us    = (int64_t)i * 13 * CLADE_US_PER_SECOND,
                                 .item        = (int64_t)clade_rng_below(&rng, 500),
                                 .value_minor = 1000,
                                 .net_minor   = 1000,
                                 .category    = clade_text_of(text[clade_rng_below(&rng, 20)]),
                                 .query       = CLADE_TEXT("red shoes q7") };
    }
}

static void changed(void *context, const clade_rule_change *change)
{
    (void)context;
    (void)change;
    n_changes++;
}

static void apply_all(void *kind)
{
    const clade_rule_listener listener = { changed, NULL };
    const int                *only     = kind;
    for (size_t c = 0; c < N_CUSTOMERS; c++)
        clade_rule_state_free(&state[c]);
    for (size_t i = 0; i < N_EVENTS; i++) {
        clade_rule_event e = event[i];
        bool             again;
        if (only != NULL) e.kind = (clade_rule_kind)*only;
        bench_ok(clade_rule_state_apply(&state[i % N_CUSTOMERS], set, &e, &listener, &again, NULL));
    }
    bench_keep(&n_changes);
}

static void fired(void *context, int64_t due_us, uint64_t payload)
{
    (void)due_us;
    *(uint64_t *)context += payload;
}

static void turn_wheel(void *context)
{
    clade_rng     rng    = clade_rng_stream(2, "bench/timers", 0);
    clade_timers *timers = clade_timers_create(0);
    clade_timer  *name   = context;
    uint64_t      sum    = 0;
    for (size_t i = 0; i < N_TIMERS; i++)
        bench_ok(clade_timers_add(
            &name[i], timers, (int64_t)clade_rng_below(&rng, UINT64_C(30) * 86400000000), i, NULL));
    for (size_t i = 0; i < N_TIMERS; i += 2)
        (void)clade_timers_cancel(timers, name[i]);
    for (int64_t day = 1; day <= 30; day++)
        clade_timers_advance(timers, day * CLADE_US_PER_DAY, fired, &sum);
    bench_keep(&sum);
    clade_timers_free(timers);
}

/* ---------------------------------------------------------------- over history */

static clade_store *store;

static void make_store(const char *folder)
{
    const clade_store_options options = { .create = true };
    bench_ok(clade_store_open(&store, folder, &options, NULL));
    bench_ok(clade_store_run(
        store,
        "INSERT INTO event SELECT i, CAST(hash(i) % 1000000 AS BIGINT), 1700000000000000 + i * "
        "1500000, "
        "(CASE WHEN i % 10 < 7 THEN 'view' WHEN i % 10 = 7 THEN 'cart' WHEN i % 10 = 8 THEN "
        "'purchase' "
        "ELSE 'search' END)::event_kind, CAST(hash(i + 7) % 5000 AS BIGINT), 1, 1999, 1999, 1999, "
        "NULL, "
        "'EUR', NULL, NULL, NULL, 'web', NULL, NULL, NULL, NULL, i, 1 FROM range(5000000) t(i);"
        "INSERT INTO item SELECT i, 'r' || i, NULL, CASE WHEN i % 9 = 0 THEN 'shoes > boots' ELSE "
        "'hats' "
        "END, NULL, NULL, NULL, NULL, 0, 1 FROM range(5000) t(i);"
        "CHECKPOINT",
        NULL, 0, NULL));
}

static void members(void *rule)
{
    const clade_rule_sql_options options  = { .as_of_us = INT64_C(1700000000000000) +
                                                          INT64_C(5000000) * 6000000 };
    clade_rule_tree             *tree     = NULL;
    int64_t                     *customer = NULL;
    size_t                       n        = 0;
    bench_ok(clade_rule_tree_parse(&tree, clade_text_of(rule), NULL, NULL));
    bench_ok(clade_rule_members(&customer, &n, store, tree, &options, NULL));
    bench_keep(customer);
    free(customer);
    clade_rule_tree_free(tree);
}

static int bench_sql(int argc, char **argv)
{
    static char count[]    = "viewed(category = \"shoes\") >= 3 within 30d and no purchase for 30d";
    static char spend[]    = "spend(90d) > 30 and viewed >= 3 within 7d";
    static char sequence[] = "carted then bought within 2d";
    char        folder[]   = "/tmp/clade-bench-rules-XXXXXX", remove[64];
    if (mkdtemp(folder) == NULL) return 1;
    make_store(folder);
    const struct bench_case cases[] = {
        { "sql/counts", members, count, 1e6, "customers" },
        { "sql/spend", members, spend, 1e6, "customers" },
        { "sql/sequence", members, sequence, 1e6, "customers" },
    };
    const int status = bench_main(argc, argv, cases, sizeof cases / sizeof cases[0]);
    clade_store_close(store);
    snprintf(remove, sizeof remove, "rm -rf '%s'", folder);
    return system(remove) == 0 ? status : 1;
}

int main(int argc, char **argv)
{
    static int wish = CLADE_RULE_WISH;
    if (argc > 1 && strcmp(argv[1], "--sql") == 0) return bench_sql(argc - 1, argv + 1);
    clade_timer *name = CLADE_NEW(clade_timer, N_TIMERS);
    make_rules();
    make_events();
    const struct bench_case cases[] = {
        { "rules/100", apply_all, NULL, N_EVENTS, "events" },
        { "rules/untouched", apply_all, &wish, N_EVENTS, "events" },
        { "timers", turn_wheel, name, N_TIMERS, "timers" },
    };
    const int status = bench_main(argc, argv, cases, sizeof cases / sizeof cases[0]);
    size_t    bytes  = 0;
    apply_all(NULL);
    for (size_t c = 0; c < N_CUSTOMERS; c++)
        bytes += state[c].size;
    fprintf(stderr, "a state of 100 rules and %d events: %zu bytes\n", N_EVENTS / N_CUSTOMERS,
            bytes / N_CUSTOMERS);
    return status;
}
