/* Promise 3: a rule evaluated in SQL over history and event by event gives equal answers. Random
 * rules on random logs, at random moments; events come out of order and rules are asked in between.
 */
#include "check.h"
#include "random_rules.h"

#include <stdlib.h>

#ifdef EQUAL_SLOWLY
enum { N_ROUNDS = 12, N_RULES = 40, N_CUSTOMERS = 60, N_EVENTS = 1800, N_MOMENTS = 5 };
#else
enum { N_ROUNDS = 1, N_RULES = 12, N_CUSTOMERS = 24, N_EVENTS = 500, N_MOMENTS = 3 };
#endif

/* One thing that comes to the server: an event or a fact. */
typedef struct arrival {
    int64_t          customer, at_us, event;
    uint64_t         shuffle;
    bool             is_fact, done, has_value;
    int64_t          undoes; /* the purchase that a refund gives back; -1: none */
    clade_rule_event e;
    clade_rule_fact  fact;
} arrival;

typedef struct shop {
    char             folder[256];
    clade_store     *store;
    clade_rng        rng;
    clade_arena     *arena;
    arrival         *in;
    size_t           n_in;
    clade_rule_tree *tree[N_RULES];
    clade_rule_named named[N_RULES];
    char             name[N_RULES][8];
    clade_ruleset   *set;
    clade_rule_state state[N_CUSTOMERS];
    size_t           n_cases, n_true, n_rebuilt, n_late, n_changes, most_bytes;
    bool             told[N_CUSTOMERS][N_RULES]; /* by the changes that were heard of */
    size_t           now_customer;
    bool             stale[N_CUSTOMERS];
} shop;

static clade_text keep(shop *s, clade_text t)
{
    if (t.data == NULL) return t;
    return (clade_text){ clade_arena_text(s->arena, t.data, t.size), t.size };
}

static void open_shop(shop *s, uint64_t seed)
{
    clade_buffer              sql     = { 0 };
    clade_error               err     = { 0 };
    const clade_store_options options = { .create = true, .n_threads = 1 };
    s->rng                            = clade_rng_stream(seed, "test/rules", 0);
    s->arena                          = clade_arena_create(0);
    check_folder_make(s->folder, "rules_equal");
    check_ok(clade_store_open(&s->store, s->folder, &options, &err));
    check_ok(clade_store_setting_set(s->store, "currency", "EUR", &err));
    random_log(&sql, &s->rng, N_CUSTOMERS, N_EVENTS);
    assert_false(sql.failed);
    if (clade_store_run(s->store, sql.data, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
    clade_buffer_free(&sql);
}

static void make_rules(shop *s)
{
    clade_error  err  = { 0 };
    clade_buffer text = { 0 };
    for (size_t i = 0; i < N_RULES; i++) {
        clade_buffer_clear(&text);
        random_rule(&text, &s->rng,
                    i < 6 ? i : 6); /* of a few, so that they do not grow without end */
        if (clade_rule_tree_parse(&s->tree[i], (clade_text){ text.data, text.size }, NULL, &err) !=
            CLADE_OK)
            fail_msg("%s", err.message);
        snprintf(s->name[i], sizeof s->name[i], "s%zu", i);
        s->named[i] = (clade_rule_named){ s->name[i], s->tree[i] };
    }
    if (clade_ruleset_create(&s->set, s->named, N_RULES, 100, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    clade_buffer_free(&text);
}

/* The log as it comes in, read by a query of this test's own: nothing of net, orders or refunds. */
static void read_arrivals(shop *s)
{
    static const char query[] =
        "SELECT e.customer, e.at_us, e.event, CAST(e.kind AS VARCHAR), e.item, e.quantity, "
        "e.price_minor, e.value_minor, e.session_key, e.order_ref, i.ref, i.category, i.brand, "
        "e.channel, e.device, e.query, (SELECT max(purchase) FROM refund_match WHERE refund = "
        "e.event) FROM event e LEFT "
        "JOIN item i ON i.item = e.item WHERE e.customer <> 1 AND e.event NOT IN (SELECT event "
        "FROM "
        "flag WHERE name = 'test_order') ORDER BY e.at_us, e.event";
    static const char *const kinds[] = { "view",     "search",   "click",  "cart",   "uncart",
                                         "checkout", "purchase", "refund", "review", "login",
                                         "wish",     "share",    "custom" };
    clade_rows              *rows    = NULL;
    clade_chunk              c       = { 0 };
    clade_error              err     = { 0 };
    s->in                            = CLADE_NEW(arrival, N_EVENTS + 2 * N_CUSTOMERS);
    if (clade_store_query(&rows, s->store, query, NULL, 0, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    while (clade_rows_next(&c, rows, &err) == CLADE_OK && c.n_rows > 0) {
        for (size_t r = 0; r < c.n_rows; r++) {
            arrival         *a    = &s->in[s->n_in++];
            clade_rule_event e    = { .kind = 0 };
            const clade_text kind = clade_chunk_text(&c, 3, r), order = clade_chunk_text(&c, 9, r);
            a->customer = clade_chunk_int(&c, 0, r, -1);
            a->at_us    = clade_chunk_int(&c, 1, r, 0);
            a->event    = clade_chunk_int(&c, 2, r, 0);
            a->undoes   = clade_chunk_int(&c, 16, r, -1);
            while (!clade_text_equal(kind, clade_text_of(kinds[e.kind])))
                e.kind++;
            e.at_us       = a->at_us;
            e.item        = clade_chunk_int(&c, 4, r, 0);
            e.quantity    = clade_chunk_real(&c, 5, r, 0);
            e.price_minor = clade_chunk_int(&c, 6, r, 0);
            e.value_minor = clade_chunk_int(&c, 7, r, 0);
            for (size_t k = 0; k < 4; k++) {
                if (clade_chunk_valid(&c, 4 + k, r)) e.has |= 1U << k;
            }
            if (clade_chunk_valid(&c, 8, r)) e.has |= CLADE_RULE_HAS_SESSION;
            if (order.data != NULL) e.has |= CLADE_RULE_HAS_ORDER;
            e.session = clade_chunk_int(&c, 8, r, 0);
            if (order.data != NULL) e.order = clade_hash64(order.data, order.size, 0);
            e.ref      = keep(s, clade_chunk_text(&c, 10, r));
            e.category = keep(s, clade_chunk_text(&c, 11, r));
            e.brand    = keep(s, clade_chunk_text(&c, 12, r));
            e.channel  = keep(s, clade_chunk_text(&c, 13, r));
            e.device   = keep(s, clade_chunk_text(&c, 14, r));
            e.query    = keep(s, clade_chunk_text(&c, 15, r));
            a->e       = e;
        }
    }
    clade_rows_close(rows);
    rows = NULL;
    check_ok(clade_store_query(&rows, s->store,
                               "SELECT customer, name, value, number, known_us FROM customer WHERE "
                               "customer <> 1",
                               NULL, 0, &err));
    while (clade_rows_next(&c, rows, &err) == CLADE_OK && c.n_rows > 0) {
        for (size_t r = 0; r < c.n_rows; r++) {
            arrival *a  = &s->in[s->n_in++];
            a->customer = clade_chunk_int(&c, 0, r, -1);
            a->at_us    = clade_chunk_int(&c, 4, r, 0);
            a->event = a->undoes = -1;
            a->is_fact           = true;
            a->fact = (clade_rule_fact){ .name       = keep(s, clade_chunk_text(&c, 1, r)).data,
                                         .known_us   = a->at_us,
                                         .has_number = clade_chunk_valid(&c, 3, r),
                                         .number     = clade_chunk_real(&c, 3, r, 0),
                                         .value      = keep(s, clade_chunk_text(&c, 2, r)) };
        }
    }
    clade_rows_close(rows);
}

/* ---------------------------------------------------------------- the server's part */

static void heard(void *context, const clade_rule_change *change)
{
    shop *s    = context;
    bool *told = &s->told[s->now_customer][change->rule];
    assert_int_equal(*told,
                     !change->entered); /* nobody enters twice, or leaves what they are not in */
    *told = change->entered;
    s->n_changes++;
}

typedef struct history {
    shop             *s;
    clade_rule_event *e;
    size_t            n, from[N_CUSTOMERS], to[N_CUSTOMERS];
} history;

static clade_status take_history(void *context, int64_t customer, const clade_rule_event *event,
                                 clade_error *err)
{
    history *h = context;
    (void)err;
    assert_true(h->n < N_EVENTS);
    if (h->to[customer] == 0) h->from[customer] = h->n;
    clade_rule_event e = *event;
    e.ref              = keep(h->s, e.ref);
    e.category         = keep(h->s, e.category);
    e.brand            = keep(h->s, e.brand);
    e.channel          = keep(h->s, e.channel);
    e.device           = keep(h->s, e.device);
    e.query            = keep(h->s, e.query);
    h->e[h->n++]       = e;
    h->to[customer]    = h->n;
    return CLADE_OK;
}

/* From the store, as the server does; whatever was in it need not come any more. */
static void rebuild(shop *s, int64_t now_us)
{
    const clade_rule_listener listener = { heard, s };
    clade_error               err      = { 0 };
    history                   h        = { .s = s, .e = CLADE_NEW(clade_rule_event, N_EVENTS) };
    check_ok(clade_rule_history_read(s->store, -1, now_us + 1, take_history, &h, &err));
    for (size_t c = 0; c < N_CUSTOMERS; c++) {
        if (!s->stale[c]) continue;
        s->now_customer = c;
        check_ok(clade_rule_state_rebuild(&s->state[c], s->set, h.e + h.from[c],
                                          h.to[c] - h.from[c], now_us, &listener, &err));
        s->stale[c] = false;
        s->n_rebuilt++;
    }
    free(h.e);
}

static bool same_order(const arrival *a, const arrival *b)
{
    if (b->is_fact || b->customer != a->customer || b->e.kind != CLADE_RULE_PURCHASE) return false;
    if ((a->e.has & CLADE_RULE_HAS_ORDER) != (b->e.has & CLADE_RULE_HAS_ORDER)) return false;
    return (a->e.has & CLADE_RULE_HAS_ORDER) != 0 ? a->e.order == b->e.order : a->at_us == b->at_us;
}

static bool came_back(const shop *s, const arrival *line)
{
    for (size_t i = 0; i < s->n_in; i++) {
        if (s->in[i].done && s->in[i].undoes == line->event) return true;
    }
    return false;
}

/* What the server works out of a line: its order's first moment so far, what it is worth, and
 * whether something of its order came back. */
static void complete(const shop *s, arrival *a)
{
    clade_rule_event *e = &a->e;
    e->order_us         = e->at_us;
    if (e->kind == CLADE_RULE_REFUND) {
        e->net_minor = (e->has & CLADE_RULE_HAS_VALUE) != 0 ? -llabs(e->value_minor) : 0;
        if (a->undoes >= 0) e->has |= CLADE_RULE_REWRITES;
    }
    if (e->kind != CLADE_RULE_PURCHASE) return;
    e->net_minor = e->value_minor;
    for (size_t i = 0; i < s->n_in; i++) {
        const arrival *b = &s->in[i];
        if (!b->done || !same_order(a, b)) continue;
        if (b->at_us < e->order_us) e->order_us = b->at_us;
        if (came_back(s, b)) e->has |= CLADE_RULE_REWRITES;
    }
}

static void deliver(shop *s, arrival *a, int64_t *reached)
{
    const clade_rule_listener listener = { heard, s };
    clade_rule_state         *state    = &s->state[a->customer];
    clade_error               err      = { 0 };
    bool                      again    = false;
    s->now_customer                    = (size_t)a->customer;
    a->done                            = true;
    if (a->at_us < *reached) s->n_late++;
    if (a->at_us > *reached) *reached = a->at_us;
    if (a->is_fact) {
        check_ok(clade_rule_state_learn(state, s->set, &a->fact, &listener, &err));
        return;
    }
    complete(s, a);
    check_ok(clade_rule_state_apply(state, s->set, &a->e, &listener, &again, &err));
    if (again)
        s->stale[a->customer] = true; /* its events wait in the store until it is built again */
    if (state->size > s->most_bytes) s->most_bytes = state->size;
}

static int by_shuffle(const void *a, const void *b)
{
    const arrival *const *x = a, *const *y = b;
    return (*x)->shuffle < (*y)->shuffle ? -1 : (*x)->shuffle > (*y)->shuffle;
}

/* Everything up to the moment, roughly in order, asking the clock now and then. */
static void run_to(shop *s, int64_t now_us, int64_t *reached)
{
    const clade_rule_listener listener = { heard, s };
    clade_error               err      = { 0 };
    arrival                 **order    = CLADE_NEW(arrival *, s->n_in);
    size_t                    n        = 0;
    for (size_t i = 0; i < s->n_in; i++) {
        arrival *a = &s->in[i];
        if (a->done || a->at_us > now_us) continue;
        a->shuffle = (uint64_t)a->at_us;
        if (clade_rng_below(&s->rng, 5) == 0)
            a->shuffle += clade_rng_below(&s->rng, (uint64_t)(2 * CLADE_US_PER_DAY));
        order[n++] = a;
    }
    qsort(order, n, sizeof order[0], by_shuffle);
    for (size_t i = 0; i < n; i++) {
        const size_t c = (size_t)order[i]->customer;
        if (s->stale[c] && !order[i]->is_fact) {
            order[i]->done = true;
            continue;
        }
        deliver(s, order[i], &reached[c]);
        if (clade_rng_below(&s->rng, 4) > 0) continue;
        int64_t to = reached[c] + (int64_t)clade_rng_below(&s->rng, 12) * CLADE_US_PER_HOUR;
        if (to > now_us) to = now_us;
        if (s->stale[c]) continue;
        s->now_customer = c;
        check_ok(clade_rule_state_advance(&s->state[c], s->set, to, &listener, &err));
        if (to > reached[c]) reached[c] = to;
    }
    rebuild(s, now_us);
    for (size_t c = 0; c < N_CUSTOMERS; c++) {
        s->now_customer = c;
        if (c != 1)
            check_ok(clade_rule_state_advance(&s->state[c], s->set, now_us, &listener, &err));
        if (now_us > reached[c]) reached[c] = now_us;
    }
    free(order);
}

static void compare(shop *s, int64_t now_us)
{
    const clade_rule_sql_options options = { .as_of_us = now_us + 1,
                                             .named    = s->named,
                                             .n_named  = N_RULES };
    for (size_t rule = 0; rule < N_RULES; rule++) {
        int64_t    *in = NULL;
        size_t      n = 0, at = 0;
        clade_error err = { 0 };
        if (clade_rule_members(&in, &n, s->store, s->tree[rule], &options, &err) != CLADE_OK)
            fail_msg("%s", err.message);
        for (int64_t c = 0; c < N_CUSTOMERS; c++) {
            while (at < n && in[at] < c)
                at++;
            const bool sql  = at < n && in[at] == c;
            const bool mine = clade_rule_state_in(&s->state[c], s->set, rule);
            s->n_cases++;
            s->n_true += sql;
            assert_int_equal(s->told[c][rule], mine);
            if (sql == mine) continue;
            clade_buffer text = { 0 };
            clade_rule_tree_print(&text, s->tree[rule]);
            fail_msg("customer %lld, %lld: SQL says %d, the state %d: %s", (long long)c,
                     (long long)now_us, sql, mine, text.data);
        }
        free(in);
    }
}

static void close_shop(shop *s)
{
    for (size_t c = 0; c < N_CUSTOMERS; c++)
        clade_rule_state_free(&s->state[c]);
    clade_ruleset_free(s->set);
    for (size_t i = 0; i < N_RULES; i++)
        clade_rule_tree_free(s->tree[i]);
    free(s->in);
    clade_arena_free(s->arena);
    clade_store_close(s->store);
    check_folder_remove(s->folder);
}

static void sql_and_events_say_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < N_ROUNDS; seed++) {
        shop   *s                    = CLADE_NEW(shop, 1);
        int64_t reached[N_CUSTOMERS] = { 0 };
        int64_t now_us               = LOG_BEGIN_US;
        open_shop(s, seed);
        make_rules(s);
        read_arrivals(s);
        for (size_t m = 0; m < N_MOMENTS; m++) {
            const int64_t days = 1 + (int64_t)clade_rng_below(&s->rng, 2 * LOG_DAYS / N_MOMENTS);
            now_us += days * CLADE_US_PER_DAY + (int64_t)clade_rng_below(&s->rng, 3) - 1;
            run_to(s, now_us, reached);
            compare(s, now_us);
        }
        print_message(
            "seed %d: %zu answers equal, %zu of them yes; %zu changes told, %zu events late, "
            "%zu states built again; the largest of %zu bytes\n",
            (int)seed, s->n_cases, s->n_true, s->n_changes, s->n_late, s->n_rebuilt, s->most_bytes);
        assert_true(s->n_true > s->n_cases / 20 && s->n_true < s->n_cases - s->n_cases / 20);
        assert_true(s->n_late > 5 && s->n_rebuilt > 5);
        close_shop(s);
        free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sql_and_events_say_the_same) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
