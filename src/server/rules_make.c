/*
 * Membership from the store: one query over the log by customer and time, one over what is known of
 * customers, one over their names. On a thread that may wait; about the time of reading the log.
 */
#include "intake.h"
#include "rules.h"

#include "clade/shop_behaviour.h"

#include <stdlib.h>

typedef struct made {
    clade__rules     *rules;
    clade_store      *store;
    int64_t           now_us;
    uint32_t         *member_of; /* (n) member + 1, or 0; by customer's number */
    size_t            n;
    clade_arena      *arena; /* texts of the events at hand */
    clade_arena_mark  mark;
    int64_t           customer; /* whose events are at hand; -1: nobody's */
    clade_rule_event *event;
    size_t            n_events, room;
} made;

static clade_status no_memory(clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for who is in which segment");
}

/* ---------------------------------------------------------------- rules */

static clade_status compile(clade__rules *r, const bool *can, clade_store *store, clade_error *err)
{
    char              currency[8] = "";
    clade_rule_named *named       = CLADE_NEW(clade_rule_named, r->segments.n + 1);
    r->segment_of                 = CLADE_NEW(size_t, r->segments.n + 1);
    r->size                       = CLADE_NEW(size_t, r->segments.n + 1);
    if (named == NULL || r->segment_of == NULL || r->size == NULL) {
        free(named);
        return no_memory(err);
    }
    for (size_t i = 0; i < r->segments.n; i++) {
        if (!can[i]) {
            clade_log(CLADE_LOG_WARN, "segment '%s' is not kept live: it asks what cannot be told",
                      r->segments.one[i].name);
            continue;
        }
        r->segment_of[r->n] = i;
        named[r->n++] = (clade_rule_named){ r->segments.one[i].name, r->segments.one[i].tree };
    }
    if (clade_store_setting_get(currency, sizeof currency, store, "currency", NULL) != CLADE_OK)
        currency[0] = '\0';
    const int    digits = strlen(currency) == 3 ? clade_currency_digits(currency) : 2;
    const double minor  = digits == 0 ? 1 : digits == 3 ? 1000 : 100;
    clade_status status = clade_ruleset_create(&r->set, named, r->n, minor, err);
    free(named);
    return status;
}

/* ---------------------------------------------------------------- events */

static clade_status close_customer(made *m, clade_error *err)
{
    clade__rules *const r = m->rules;
    if (m->customer < 0) return CLADE_OK;
    if (!CLADE_GROW(&r->member, &r->room, r->n_members + 1)) return no_memory(err);
    clade__member *const one = &r->member[r->n_members++];
    *one                     = (clade__member){ .customer = m->customer, .due_us = INT64_MAX };
    if ((size_t)m->customer < m->n) m->member_of[m->customer] = (uint32_t)r->n_members;
    const clade_status status =
        clade_rule_state_rebuild(&one->state, r->set, m->event, m->n_events, m->now_us, NULL, err);
    clade_arena_restore(m->arena, m->mark);
    m->mark     = clade_arena_save(m->arena);
    m->customer = -1;
    m->n_events = 0;
    return status;
}

static bool keep_text(made *m, clade_text *text)
{
    if (text->data == NULL) return true;
    text->data = clade_arena_text(m->arena, text->data, text->size);
    return text->data != NULL;
}

static clade_status take_event(void *context, int64_t customer, const clade_rule_event *event,
                               clade_error *err)
{
    made *const m = context;
    if (customer < 0) return CLADE_OK; /* nobody known */
    if (customer != m->customer) {
        CLADE_TRY(close_customer(m, err));
        m->customer = customer;
    }
    if (!CLADE_GROW(&m->event, &m->room, m->n_events + 1)) return no_memory(err);
    clade_rule_event *const e = &m->event[m->n_events];
    *e                        = *event;
    if (!keep_text(m, &e->ref) || !keep_text(m, &e->category) || !keep_text(m, &e->brand) ||
        !keep_text(m, &e->channel) || !keep_text(m, &e->device) || !keep_text(m, &e->query))
        return no_memory(err);
    if (e->ref.data != NULL) {
        /* An item is known by its ref: one that comes live has no number yet. */
        e->item = (int64_t)clade_hash64(e->ref.data, e->ref.size, 0);
        if (clade__rules_item(m->rules, e->ref, e->category, e->brand) == NULL)
            return no_memory(err);
    }
    m->n_events++;
    return CLADE_OK;
}

/* Orders are known by who made them, so they wait for the names. */
static clade_status take_order(void *context, int64_t customer, const clade_rule_event *event,
                               clade_error *err)
{
    made *const m = context;
    if (customer < 0 || (size_t)customer >= m->n || m->member_of[customer] == 0) return CLADE_OK;
    if (event->kind != CLADE_RULE_PURCHASE || (event->has & CLADE_RULE_HAS_ORDER) == 0)
        return CLADE_OK;
    const clade__member *const one = &m->rules->member[m->member_of[customer] - 1];
    if (one->id == NULL) return CLADE_OK;
    return clade__rules_order(m->rules, one->hash, event->order, event->order_us) != NULL
               ? CLADE_OK
               : no_memory(err);
}

static clade_status take_fact(void *context, int64_t customer, const clade_rule_fact *fact,
                              clade_error *err)
{
    made *const m = context;
    if (customer < 0 || (size_t)customer >= m->n || m->member_of[customer] == 0 ||
        m->rules->set == NULL)
        return CLADE_OK;
    clade__member *const one = &m->rules->member[m->member_of[customer] - 1];
    return clade_rule_state_learn(&one->state, m->rules->set, fact, NULL, err);
}

/* ---------------------------------------------------------------- names */

static clade_status read_names(made *m, clade_error *err)
{
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_buffer plain  = { 0 };
    clade_status status = clade_store_query(
        &rows, m->store, "SELECT customer, sealed FROM identity WHERE kind = 'id'", NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            const int64_t customer = clade_chunk_int(&chunk, 0, i, -1);
            if (customer < 0 || (size_t)customer >= m->n || m->member_of[customer] == 0) continue;
            clade_buffer_clear(&plain);
            if (clade_identity_unseal(&plain, m->store, customer, clade_chunk_text(&chunk, 1, i),
                                      NULL) != CLADE_OK)
                continue; /* forgotten */
            clade__member *const one = &m->rules->member[m->member_of[customer] - 1];
            if (one->id != NULL) continue;
            one->id = CLADE_NEW(char, plain.size + 1);
            if (one->id == NULL) {
                status = no_memory(err);
                break;
            }
            if (plain.size > 0) memcpy(one->id, plain.data, plain.size);
            one->hash = clade_hash64(one->id, plain.size, m->rules->seed);
        }
    }
    clade_rows_close(rows);
    if (plain.data != NULL) explicit_bzero(plain.data, plain.capacity);
    clade_buffer_free(&plain);
    return status;
}

static clade_status finish(made *m, clade_error *err)
{
    clade__rules *const r = m->rules;
    for (size_t i = 0; i < r->n_members; i++) {
        if (r->member[i].id == NULL) { /* nobody to speak of */
            clade_rule_state_free(&r->member[i].state);
            continue;
        }
        for (size_t rule = 0; rule < r->n; rule++)
            r->size[rule] += clade_rule_state_in(&r->member[i].state, r->set, rule);
        clade__rules_set_timer(r, i);
    }
    return clade__rules_index(r) ? CLADE_OK : no_memory(err);
}

/* ---------------------------------------------------------------- all of it */

static clade_status read_all(made *m, bool *can, clade_error *err)
{
    clade__rules *const r        = m->rules;
    int64_t             as_of_us = INT64_MIN;
    m->n                         = (size_t)clade_identity_count(m->store);
    m->member_of                 = CLADE_NEW(uint32_t, m->n + 1);
    m->arena                     = clade_arena_create(0);
    if (m->member_of == NULL || m->arena == NULL) return no_memory(err);
    m->mark = clade_arena_save(m->arena);
    if (clade_shop_now(&as_of_us, m->store, NULL) != CLADE_OK) as_of_us = INT64_MIN;
    /* Once to see what can be told: a set is compiled before a state can learn. */
    CLADE_TRY(clade_rule_segments_facts(can, m->store, &r->segments, as_of_us, m->now_us, take_fact,
                                        m, err));
    CLADE_TRY(compile(r, can, m->store, err));
    if (r->n == 0) return clade__rules_index(r) ? CLADE_OK : no_memory(err);
    CLADE_TRY(clade_rule_history_read(m->store, -1, m->now_us + 1, take_event, m, err));
    CLADE_TRY(close_customer(m, err));
    CLADE_TRY(clade_rule_segments_facts(can, m->store, &r->segments, as_of_us, m->now_us, take_fact,
                                        m, err));
    CLADE_TRY(read_names(m, err));
    CLADE_TRY(clade_rule_history_read(m->store, -1, m->now_us + 1, take_order, m, err));
    return finish(m, err);
}

static clade_status make(clade__rules *r, clade_server *server, clade_error *err)
{
    made  m   = { .rules = r, .store = server->store, .customer = -1 };
    bool *can = NULL;
    CLADE_TRY(clade_journal_sync(server->intake->journal, err));
    CLADE_TRY(clade__flush_all(server, err));
    CLADE_TRY(clade_replay_if_stale(server->store, err));
    r->stored_seq = clade__stored_seq(server);
    r->order      = ++server->rules_order;
    m.now_us      = clade_now_us();
    r->seed       = (uint64_t)m.now_us * 0x9e3779b97f4a7c15u;
    r->arena      = clade_arena_create(0);
    r->timers     = clade_timers_create(m.now_us);
    if (r->arena == NULL || r->timers == NULL) return no_memory(err);
    CLADE_TRY(clade_live_reader_open(&r->reader, server->store, 0, err));
    CLADE_TRY(clade_rule_segments_load(&r->segments, server->store, err));
    can = CLADE_NEW(bool, r->segments.n + 1);
    if (can == NULL) return no_memory(err);
    clade_status status = CLADE_OK;
    if (r->segments.n > 0)
        status = read_all(&m, can, err);
    else if (!clade__rules_index(r))
        status = no_memory(err);
    free(can);
    free(m.member_of);
    free(m.event);
    clade_arena_free(m.arena);
    return status;
}

clade_status clade__rules_build(clade__rules **out, clade_server *server, clade_error *err)
{
    const double        start = clade_seconds();
    clade__rules *const r     = CLADE_NEW(clade__rules, 1);
    if (r == NULL) return no_memory(err);
    clade__store_lock(server);
    const clade_status status = make(r, server, err);
    clade__flush_reset(server);
    clade__store_unlock(server);
    r->seconds = clade_seconds() - start;
    if (status == CLADE_OK)
        *out = r;
    else
        clade__rules_free(r);
    return status;
}

void clade__rules_free(clade__rules *r)
{
    if (r == NULL) return;
    for (size_t i = 0; i < r->n_members; i++) {
        if (r->member[i].id != NULL) {
            explicit_bzero(r->member[i].id, strlen(r->member[i].id));
            free(r->member[i].id);
        }
        clade_rule_state_free(&r->member[i].state);
    }
    free(r->member);
    free(r->index);
    free(r->orders);
    free(r->items);
    free(r->segment_of);
    free(r->size);
    clade_ruleset_free(r->set);
    clade_rule_segments_free(&r->segments);
    clade_timers_free(r->timers);
    clade_live_reader_close(r->reader);
    clade_arena_free(r->arena);
    free(r);
}
