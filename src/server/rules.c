/*
 * Membership as it is now: an event, a fact or the clock comes, states change, and every change is
 * told to the feed. On the loop thread; an event costs a hash or two, the reading of its money, and
 * what the rules that it touches cost.
 */
#include "rules.h"
#include "live.h"

#include <stdlib.h>

enum { FIRST_INDEX = 1024, REBUILD_SHARE = 5 };

typedef struct kept_arrival {
    clade__arrival       a;
    struct kept_arrival *next;
    size_t               n_bytes;
    char                 texts[];
} kept_arrival;

struct clade__kept {
    kept_arrival *first, *last;
};

/* ---------------------------------------------------------------- tables */

static uint64_t hash_id(const clade__rules *r, clade_text id)
{
    return clade_hash64(id.data, id.size, r->seed);
}

int64_t clade__rules_find(const clade__rules *r, const char *id)
{
    const uint64_t hash = hash_id(r, clade_text_of(id));
    if (r->n_index == 0) return -1;
    for (size_t at = hash & (r->n_index - 1); r->index[at] != 0; at = (at + 1) & (r->n_index - 1)) {
        const clade__member *const m = &r->member[r->index[at] - 1];
        if (m->hash == hash && m->id != NULL && strcmp(m->id, id) == 0) return r->index[at] - 1;
    }
    return -1;
}

bool clade__rules_index(clade__rules *r)
{
    size_t n_index = FIRST_INDEX;
    while (n_index < 2 * (r->n_members + 1))
        n_index *= 2;
    uint32_t *const index = CLADE_NEW(uint32_t, n_index);
    if (index == NULL) return false;
    free(r->index);
    r->index   = index;
    r->n_index = n_index;
    for (size_t i = 0; i < r->n_members; i++) {
        size_t at = r->member[i].hash & (n_index - 1);
        while (index[at] != 0)
            at = (at + 1) & (n_index - 1);
        index[at] = (uint32_t)i + 1;
    }
    return true;
}

clade__member *clade__rules_member(clade__rules *r, clade_text id)
{
    char *const name = malloc(id.size + 1);
    if (name == NULL) return NULL;
    memcpy(name, id.data, id.size);
    name[id.size]       = '\0';
    const int64_t known = clade__rules_find(r, name);
    if (known >= 0) {
        free(name);
        return &r->member[known];
    }
    if (!CLADE_GROW(&r->member, &r->room, r->n_members + 1)) {
        free(name);
        return NULL;
    }
    clade__member *const m = &r->member[r->n_members++];
    *m = (clade__member){ .id = name, .hash = hash_id(r, id), .customer = -1, .due_us = INT64_MAX };
    if (2 * r->n_members > r->n_index) {
        if (clade__rules_index(r)) return m;
        r->n_members--;
        free(name);
        return NULL;
    }
    size_t at = m->hash & (r->n_index - 1);
    while (r->index[at] != 0)
        at = (at + 1) & (r->n_index - 1);
    r->index[at] = (uint32_t)r->n_members;
    return m;
}

/* The order's entry: its first moment so far. NULL without memory. */
clade__order *clade__rules_order(clade__rules *r, uint64_t member_hash, uint64_t order,
                                 int64_t at_us)
{
    const uint64_t mixed = member_hash ^ (order * 0x9e3779b97f4a7c15u);
    const uint64_t key   = mixed == 0 ? 1 : mixed;
    if (2 * (r->n_orders + 1) > r->n_order_index) {
        const size_t        n_old = r->n_order_index, n = n_old == 0 ? FIRST_INDEX : 2 * n_old;
        clade__order *const fresh = CLADE_NEW(clade__order, n);
        if (fresh == NULL) return NULL;
        for (size_t i = 0; i < n_old; i++) {
            if (r->orders[i].key == 0) continue;
            size_t at = r->orders[i].key & (n - 1);
            while (fresh[at].key != 0)
                at = (at + 1) & (n - 1);
            fresh[at] = r->orders[i];
        }
        free(r->orders);
        r->orders        = fresh;
        r->n_order_index = n;
    }
    size_t at = key & (r->n_order_index - 1);
    while (r->orders[at].key != 0 && r->orders[at].key != key)
        at = (at + 1) & (r->n_order_index - 1);
    clade__order *const one = &r->orders[at];
    if (one->key == 0) {
        *one = (clade__order){ key, at_us };
        r->n_orders++;
    }
    if (at_us < one->first_us) one->first_us = at_us;
    return one;
}

static clade_text own_text(clade__rules *r, clade_text text)
{
    return (clade_text){ clade_arena_text(r->arena, text.data, text.size), text.size };
}

/* What is known of an item; a category or brand that comes is what it has from now on. */
clade__item *clade__rules_item(clade__rules *r, clade_text ref, clade_text category,
                               clade_text brand)
{
    const uint64_t hash = clade_hash64(ref.data, ref.size, 0), key = hash == 0 ? 1 : hash;
    if (2 * (r->n_items + 1) > r->n_item_index) {
        const size_t       n_old = r->n_item_index, n = n_old == 0 ? FIRST_INDEX : 2 * n_old;
        clade__item *const fresh = CLADE_NEW(clade__item, n);
        if (fresh == NULL) return NULL;
        for (size_t i = 0; i < n_old; i++) {
            if (r->items[i].key == 0) continue;
            size_t at = r->items[i].key & (n - 1);
            while (fresh[at].key != 0)
                at = (at + 1) & (n - 1);
            fresh[at] = r->items[i];
        }
        free(r->items);
        r->items        = fresh;
        r->n_item_index = n;
    }
    size_t at = key & (r->n_item_index - 1);
    while (r->items[at].key != 0 && r->items[at].key != key)
        at = (at + 1) & (r->n_item_index - 1);
    clade__item *const one = &r->items[at];
    if (one->key == 0) r->n_items++;
    one->key = key;
    if (category.size > 0 && !clade_text_equal(category, one->category))
        one->category = own_text(r, category);
    if (brand.size > 0 && !clade_text_equal(brand, one->brand)) one->brand = own_text(r, brand);
    return one;
}

const clade_rule_segment *clade__rules_segment(const clade__rules *r, size_t rule)
{
    return &r->segments.one[r->segment_of[rule]];
}

int64_t clade__rules_named(const clade__rules *r, const char *name)
{
    if (strncmp(name, "rule:", 5) == 0) name += 5;
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(clade__rules_segment(r, i)->name, name) == 0) return (int64_t)i;
    return -1;
}

/* ---------------------------------------------------------------- what changes */

typedef struct told {
    clade_server  *server; /* NULL: nobody is told */
    clade__rules  *rules;
    clade__member *member;
} told;

static void changed(void *context, const clade_rule_change *change)
{
    const told *const t = context;
    t->rules->size[change->rule] += change->entered ? 1 : (size_t)-1;
    if (t->server != NULL)
        clade__feed_push(t->server, clade__rules_segment(t->rules, change->rule), t->member->id,
                         change->entered, change->at_us);
}

void clade__rules_set_timer(clade__rules *r, size_t member)
{
    clade__member *const m   = &r->member[member];
    const int64_t        due = clade_rule_state_next_us(&m->state);
    if (due == m->due_us) return;
    if (m->due_us != INT64_MAX) (void)clade_timers_cancel(r->timers, m->timer);
    m->due_us = INT64_MAX;
    if (due == INT64_MAX) return;
    if (clade_timers_add(&m->timer, r->timers, due, member, NULL) == CLADE_OK) m->due_us = due;
}

typedef struct ticking {
    clade_server *server;
    clade__rules *rules;
} ticking;

static void fired(void *context, int64_t due_us, uint64_t payload)
{
    const ticking *const      t        = context;
    clade__member *const      m        = &t->rules->member[payload];
    told                      tell     = { t->server, t->rules, m };
    const clade_rule_listener listener = { changed, &tell };
    m->due_us                          = INT64_MAX;
    if (m->id == NULL) return;
    if (clade_rule_state_advance(&m->state, t->rules->set, due_us, &listener, NULL) != CLADE_OK)
        t->server->rules_wanted = true;
    clade__rules_set_timer(t->rules, (size_t)payload);
}

/* Money and order of a line, as far as they are known now. */
static bool complete(clade__rules *r, const clade__member *m, clade_rule_event *e)
{
    const clade__item *const item =
        e->ref.size == 0 ? NULL : clade__rules_item(r, e->ref, e->category, e->brand);
    if (item != NULL) {
        e->category = item->category;
        e->brand    = item->brand;
    }
    e->order_us  = e->at_us;
    e->net_minor = 0;
    if (e->kind == CLADE_RULE_REFUND) {
        /* Which purchase it undoes is found out when the log is cleaned. */
        e->has |= CLADE_RULE_REWRITES;
        if ((e->has & CLADE_RULE_HAS_VALUE) != 0) e->net_minor = -llabs(e->value_minor);
    }
    if (e->kind != CLADE_RULE_PURCHASE) return true;
    e->net_minor = e->value_minor;
    if ((e->has & CLADE_RULE_HAS_ORDER) == 0) return true;
    const clade__order *const order = clade__rules_order(r, m->hash, e->order, e->at_us);
    if (order != NULL) e->order_us = order->first_us;
    return order != NULL;
}

static void take(clade_server *server, clade__rules *r, const clade__arrival *a, bool tells)
{
    clade__member *const m = clade__rules_member(r, a->id);
    if (m == NULL) {
        server->rules_wanted = true;
        return;
    }
    told                      tell     = { tells ? server : NULL, r, m };
    const clade_rule_listener listener = { changed, &tell };
    bool                      again    = false;
    clade_status              status;
    if (a->is_fact) {
        status = clade_rule_state_learn(&m->state, r->set, &a->fact, &listener, NULL);
    } else {
        clade_rule_event e = a->event;
        again              = !complete(r, m, &e);
        bool rebuild       = false;
        status = clade_rule_state_apply(&m->state, r->set, &e, &listener, &rebuild, NULL);
        again |= rebuild;
    }
    if (again || status != CLADE_OK) server->rules_wanted = true;
    clade__rules_set_timer(r, (size_t)(m - r->member));
}

/* ---------------------------------------------------------------- what is kept while one is made
 */

static clade_text copy_text(char **at, clade_text text)
{
    if (text.data == NULL) return text;
    memcpy(*at, text.data, text.size);
    (*at)[text.size]      = '\0';
    const clade_text kept = { *at, text.size };
    *at += text.size + 1;
    return kept;
}

static void keep(clade_server *server, const clade__arrival *a)
{
    const clade_rule_event *const e    = &a->event;
    const size_t                  name = a->is_fact ? strlen(a->fact.name) : 0;
    const size_t size = a->id.size + e->ref.size + e->category.size + e->brand.size +
                        e->channel.size + e->device.size + e->query.size + a->fact.value.size +
                        name + 9;
    if (server->rules_kept == NULL) server->rules_kept = CLADE_NEW(struct clade__kept, 1);
    kept_arrival *const k = server->rules_kept == NULL ? NULL : malloc(sizeof *k + size);
    if (k == NULL) { /* the store has it: the next one that is made has it too */
        server->rules_wanted = true;
        return;
    }
    char *at            = k->texts;
    *k                  = (kept_arrival){ .a = *a, .n_bytes = size };
    k->a.id             = copy_text(&at, a->id);
    k->a.event.ref      = copy_text(&at, e->ref);
    k->a.event.category = copy_text(&at, e->category);
    k->a.event.brand    = copy_text(&at, e->brand);
    k->a.event.channel  = copy_text(&at, e->channel);
    k->a.event.device   = copy_text(&at, e->device);
    k->a.event.query    = copy_text(&at, e->query);
    k->a.fact.value     = copy_text(&at, a->fact.value);
    if (a->is_fact) k->a.fact.name = copy_text(&at, (clade_text){ a->fact.name, name }).data;
    struct clade__kept *const all = server->rules_kept;
    if (all->last == NULL)
        all->first = k;
    else
        all->last->next = k;
    all->last = k;
}

static void drop_kept(clade_server *server)
{
    struct clade__kept *const all = server->rules_kept;
    for (kept_arrival *k = all == NULL ? NULL : all->first, *next; k != NULL; k = next) {
        next = k->next;
        explicit_bzero(k->texts, k->n_bytes);
        free(k);
    }
    if (all != NULL) *all = (struct clade__kept){ 0 };
}

/* ---------------------------------------------------------------- an event comes */

static void arrive(clade_server *server, const clade__arrival *a)
{
    if (server->rules_builds > 0) keep(server, a);
    if (server->rules->n > 0) take(server, server->rules, a, true);
}

static clade_text some(clade_text text)
{
    const clade_text t = clade_text_trim(text);
    return t.size == 0 ? (clade_text){ NULL, 0 } : t;
}

static void arrive_event(clade_server *server, const clade_live_event *event, clade__arrival *a)
{
    clade_live_line         line = { 0 };
    clade_rule_event *const e    = &a->event;
    if (clade_live_read(&line, server->rules->reader, event, NULL) != CLADE_OK) {
        server->rules_wanted = true;
        return;
    }
    if (line.bad != NULL) return;
    if (event->at_us >
        clade_now_us()) { /* not yet: it is read from the store when its time comes */
        if (event->at_us < server->rules_at_us) server->rules_at_us = event->at_us;
        return;
    }
    const clade_text order = some(event->order_ref);
    *e                     = (clade_rule_event){ .kind        = (clade_rule_kind)line.kind,
                                                 .at_us       = event->at_us,
                                                 .quantity    = line.quantity,
                                                 .price_minor = line.price_minor,
                                                 .value_minor = line.value_minor,
                                                 .session     = line.session_key,
                                                 .ref         = some(event->item),
                                                 .category    = some(event->category),
                                                 .brand       = some(event->brand),
                                                 .channel     = some(event->channel),
                                                 .device      = some(event->device),
                                                 .query       = some(event->query) };
    e->has                 = (line.has_quantity ? CLADE_RULE_HAS_QUANTITY : 0u) |
             (line.has_price ? CLADE_RULE_HAS_PRICE : 0u) |
             (line.has_value ? CLADE_RULE_HAS_VALUE : 0u) |
             (line.has_session ? CLADE_RULE_HAS_SESSION : 0u) |
             (order.data != NULL ? CLADE_RULE_HAS_ORDER : 0u) |
             (e->ref.data != NULL ? CLADE_RULE_HAS_ITEM : 0u);
    if (order.data != NULL) e->order = clade_hash64(order.data, order.size, 0);
    if (e->ref.data != NULL) e->item = (int64_t)clade_hash64(e->ref.data, e->ref.size, 0);
    arrive(server, a);
}

void clade__rules_event(clade_server *server, const clade_live_event *event, clade_text id,
                        uint64_t seq)
{
    clade__arrival a = { .seq = seq, .id = id };
    if (server->rules == NULL || id.size == 0) return;
    if (server->rules->n == 0 && server->rules_builds == 0) return;
    if (event->kind < CLADE_LIVE_IDENTIFY) arrive_event(server, event, &a);
    for (size_t i = 0; i < event->n_traits; i++) {
        char             name[CLADE_RULE_MAX_NAME], number[64], *end;
        const clade_text value = some(event->trait[i].value);
        const clade_text key   = clade_text_trim(event->trait[i].name);
        if (key.size == 0 || key.size >= sizeof name || value.size == 0) continue;
        memcpy(name, key.data, key.size);
        name[key.size] = '\0';
        a.is_fact      = true;
        a.event        = (clade_rule_event){ .kind = CLADE_RULE_CUSTOM };
        a.fact = (clade_rule_fact){ .name = name, .known_us = event->at_us, .value = value };
        if (value.size < sizeof number) {
            memcpy(number, value.data, value.size);
            number[value.size] = '\0';
            a.fact.number      = strtod(number, &end);
            a.fact.has_number  = end != number && *end == '\0';
        }
        if (event->at_us <= clade_now_us()) arrive(server, &a);
    }
}

/* ---------------------------------------------------------------- the next one takes over */

void clade__rules_building(clade_server *server)
{
    server->rules_builds++;
}

static void tell_differences(clade_server *server, const clade__rules *old, clade__rules *fresh)
{
    const int64_t now_us = clade_now_us();
    for (size_t rule = 0; rule < fresh->n; rule++) {
        const clade_rule_segment *const segment = clade__rules_segment(fresh, rule);
        const int64_t                   before  = clade__rules_named(old, segment->name);
        if (before < 0 || clade__rules_segment(old, (size_t)before)->version != segment->version)
            continue; /* defined anew: who is in it has not moved */
        for (size_t i = 0; i < fresh->n_members; i++) {
            const clade__member *const m = &fresh->member[i];
            if (m->id == NULL) continue;
            const int64_t was = clade__rules_find(old, m->id);
            const bool    in  = clade_rule_state_in(&m->state, fresh->set, rule);
            const bool    had =
                was >= 0 && clade_rule_state_in(&old->member[was].state, old->set, (size_t)before);
            if (in != had) clade__feed_push(server, segment, m->id, in, now_us);
        }
    }
}

static void forget_member(clade__rules *r, clade__member *m)
{
    for (size_t rule = 0; rule < r->n; rule++)
        if (clade_rule_state_in(&m->state, r->set, rule)) r->size[rule]--;
    if (m->due_us != INT64_MAX) (void)clade_timers_cancel(r->timers, m->timer);
    explicit_bzero(m->id, strlen(m->id));
    free(m->id);
    m->id     = NULL;
    m->due_us = INT64_MAX;
    clade_rule_state_free(&m->state);
}

static bool is_forgotten(const clade_server *server, int64_t customer)
{
    for (size_t i = 0; i < server->n_forgotten; i++)
        if (server->forgotten[i] == customer) return true;
    return false;
}

void clade__rules_take_over(clade_server *server, clade__rules *fresh)
{
    clade__rules *const old = server->rules;
    server->rules_builds--;
    if (fresh != NULL && fresh->order <= old->order) {
        clade__rules_free(fresh);
        fresh = NULL;
    }
    if (fresh != NULL) {
        for (size_t i = 0; server->n_forgotten > 0 && i < fresh->n_members; i++)
            if (fresh->member[i].customer >= 0 && is_forgotten(server, fresh->member[i].customer))
                forget_member(fresh, &fresh->member[i]);
        const kept_arrival *k = server->rules_kept == NULL ? NULL : server->rules_kept->first;
        for (; fresh->n > 0 && k != NULL; k = k->next)
            if (k->a.seq > fresh->stored_seq) take(server, fresh, &k->a, false);
        server->rules = fresh;
        tell_differences(server, old, fresh);
        clade__rules_free(old);
    }
    if (server->rules_builds == 0) drop_kept(server);
}

int clade__rules_wait_ms(const clade_server *server)
{
    const int64_t next = clade_timers_next_us(server->rules->timers);
    const int64_t left = next == INT64_MAX ? INT64_MAX : next - clade_now_us();
    return left <= 0 ? 0 : left >= 1000000 ? 1000 : (int)(left / 1000) + 1;
}

void clade__rules_advance(clade_server *server)
{
    ticking       t      = { server, server->rules };
    const int64_t now_us = clade_now_us();
    if (clade_timers_next_us(server->rules->timers) > now_us) return;
    clade_timers_advance(server->rules->timers, now_us, fired, &t);
}

/* A state that cannot know is made again, but no more than a fifth of the time goes into that. */
bool clade__rules_due(clade_server *server)
{
    if (clade_now_us() >= server->rules_at_us) {
        server->rules_at_us  = INT64_MAX;
        server->rules_wanted = true;
    }
    return server->rules_wanted &&
           server->now - server->rules_made_at > 1 + REBUILD_SHARE * server->rules->seconds;
}

void clade__rules_forget(clade_server *server, const char *id)
{
    const int64_t m = clade__rules_find(server->rules, id);
    if (m >= 0) forget_member(server->rules, &server->rules->member[m]);
    struct clade__kept *const all = server->rules_kept;
    for (kept_arrival *k = all == NULL ? NULL : all->first; k != NULL; k = k->next) {
        if (!clade_text_equal(k->a.id, clade_text_of(id))) continue;
        explicit_bzero(k->texts, k->n_bytes);
        k->a.seq = 0; /* nobody takes it */
    }
    clade__feed_forget(server, id);
}

void clade__rules_stop(clade_server *server)
{
    drop_kept(server);
    free(server->rules_kept);
    server->rules_kept = NULL;
    clade__rules_free(atomic_exchange(&server->fresh_rules, NULL));
    clade__rules_free(server->rules);
    server->rules = NULL;
}

/* ---------------------------------------------------------------- answers */

bool clade__rules_knows(const clade_server *server, const char *id)
{
    return clade__rules_find(server->rules, id) >= 0;
}

bool clade__rules_in(const clade_server *server, size_t rule, const char *id)
{
    const clade__rules *const r = server->rules;
    const int64_t             m = clade__rules_find(r, id);
    return m >= 0 && clade_rule_state_in(&r->member[m].state, r->set, rule);
}

void clade__rules_put(clade_json *json, const clade_server *server, const char *id)
{
    const clade__rules *const r = server->rules;
    const int64_t             m = clade__rules_find(r, id);
    for (size_t rule = 0; m >= 0 && rule < r->n; rule++) {
        if (!clade_rule_state_in(&r->member[m].state, r->set, rule)) continue;
        const char *const name = clade__rules_segment(r, rule)->name;
        clade_json_object(json);
        clade_json_put_text(json, "kind", "rule");
        clade_json_put_text(json, "key", name);
        clade_json_put_text(json, "name", name);
        clade_json_put_text(json, "name_zh", name);
        clade_json_object_end(json);
    }
}
