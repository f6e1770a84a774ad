/* Keeping rules true of one customer: what an event, a fact or the clock does to the state.
 *
 * An event is shown to the streams and steps of its kind, those that it passes remember it, and the
 * rules that read them are looked at again; nothing else is. No call allocates but to double a
 * list. */
#include "block.h"

#include <stdlib.h>

/* One call at work. */
typedef struct work {
    clade_rule_state          *state;
    const clade_ruleset       *set;
    const clade_rule_listener *listener;
    size_t                     n_words;
    uint64_t                   dirty[CLADE__WORDS]; /* rules to look at */
} work;

static void work_begin(work *w, clade_rule_state *state, const clade_ruleset *set,
                       const clade_rule_listener *listener)
{
    w->state    = state;
    w->set      = set;
    w->listener = listener;
    w->n_words  = (set->n_rules + 63) / 64;
    memset(w->dirty, 0, w->n_words * sizeof w->dirty[0]);
}

static void look_at(work *w, const clade__touched *touched)
{
    for (size_t i = 0; i < touched->n; i++)
        w->dirty[touched->rule[i] / 64] |= UINT64_C(1) << (touched->rule[i] % 64);
}

/* ---------------------------------------------------------------- looking at rules */

static void look(work *w, size_t rule)
{
    const clade__block   *head  = clade__head(w->state);
    const clade__program *p     = &w->set->rule[rule];
    uint64_t             *truth = &clade__truth(w->state, w->set)[rule / 64];
    const uint64_t        bit   = UINT64_C(1) << (rule % 64);
    int64_t               next  = INT64_MAX;
    const bool is  = head->born_us != INT64_MAX && clade__evaluate(&next, w->state, w->set, p);
    const bool was = (*truth & bit) != 0;
    clade__nexts(w->state, w->set)[rule] = next;
    if (is == was) return;
    *truth ^= bit;
    look_at(w, &p->needed_by);
    if (w->listener != NULL) {
        const clade_rule_change change = { .rule = rule, .entered = is, .at_us = head->clock_us };
        w->listener->changed(w->listener->context, &change);
    }
}

/* Every dirty rule, those that others need before them. */
static void look_at_all(work *w)
{
    bool     any  = false;
    int64_t  next = INT64_MAX;
    int64_t *each = clade__nexts(w->state, w->set);
    for (size_t i = 0; i < w->n_words; i++)
        any |= w->dirty[i] != 0;
    if (!any) return;
    for (size_t i = 0; i < w->set->n_rules; i++) {
        const size_t rule = w->set->order[i];
        if ((w->dirty[rule / 64] >> (rule % 64) & 1) != 0) look(w, rule);
    }
    memset(w->dirty, 0, w->n_words * sizeof w->dirty[0]);
    for (size_t i = 0; i < w->set->n_rules; i++)
        next = each[i] < next ? each[i] : next;
    clade__head(w->state)->next_us = next;
}

static void look_at_due(work *w)
{
    const clade__block *head = clade__head(w->state);
    const int64_t      *each = clade__nexts(w->state, w->set);
    if (head->next_us > head->clock_us) return;
    for (size_t i = 0; i < w->set->n_rules; i++) {
        if (each[i] <= head->clock_us) w->dirty[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

/* The clock to a moment, stopping wherever something may change. */
static void move_clock(work *w, int64_t to_us)
{
    clade__block *head = clade__head(w->state);
    while (head->next_us <= to_us) {
        if (head->clock_us < head->next_us) head->clock_us = head->next_us;
        look_at_due(w);
        look_at_all(w);
        assert(head->next_us > head->clock_us);
    }
    if (head->clock_us < to_us) head->clock_us = to_us;
}

/* ---------------------------------------------------------------- does an event pass? */

static bool filter_passes(const clade__filter *f, const clade_rule_event *e, double minor)
{
    switch (f->field) {
    case CLADE__ITEM: return clade__text_passes(e->ref, f->field, f->op, f->text);
    case CLADE__CATEGORY: return clade__text_passes(e->category, f->field, f->op, f->text);
    case CLADE__BRAND: return clade__text_passes(e->brand, f->field, f->op, f->text);
    case CLADE__CHANNEL: return clade__text_passes(e->channel, f->field, f->op, f->text);
    case CLADE__DEVICE: return clade__text_passes(e->device, f->field, f->op, f->text);
    case CLADE__QUERY: return clade__text_passes(e->query, f->field, f->op, f->text);
    case CLADE__PRICE:
        return (e->has & CLADE_RULE_HAS_PRICE) != 0 &&
               clade__number_passes((double)e->price_minor / minor, f->op, f->number);
    case CLADE__QUANTITY:
        return (e->has & CLADE_RULE_HAS_QUANTITY) != 0 &&
               clade__number_passes(e->quantity, f->op, f->number);
    case CLADE__AMOUNT:
        return (e->has & CLADE_RULE_HAS_VALUE) != 0 &&
               clade__number_passes((double)e->value_minor / minor, f->op, f->number);
    case CLADE__N_FIELD: break;
    }
    return false;
}

static bool subject_passes(const clade__subject *s, const clade_rule_event *e, double minor)
{
    for (size_t i = 0; i < s->n_filters; i++) {
        if (!filter_passes(&s->filter[i], e, minor)) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- remembering */

/* Drop entries from the front: those outside the longest window, and more than can matter. */
static void trim(const work *w, const clade__stream *s, clade__list *list, size_t width)
{
    const int64_t clock_us = clade__head(w->state)->clock_us;
    size_t        gone     = list->n > s->keep_n ? list->n - s->keep_n : 0;
    if (s->keep_us != INT64_MAX) {
        while (gone < list->n &&
               *clade__entry(w->state, list, width, gone) <= clock_us - s->keep_us)
            gone++;
    }
    if (gone == 0) return;
    list->n -= (uint32_t)gone;
    memmove(clade__entry(w->state, list, width, 0), clade__entry(w->state, list, width, gone),
            list->n * width * sizeof(int64_t));
}

static void take_out(const work *w, clade__list *list, size_t width, size_t i)
{
    list->n -= 1;
    memmove(clade__entry(w->state, list, width, i), clade__entry(w->state, list, width, i + 1),
            (list->n - i) * width * sizeof(int64_t));
}

static clade_status put_in(work *w, const clade__stream *s, int64_t at_us, int64_t beside,
                           clade_error *err)
{
    const size_t width = s->payload == CLADE__MOMENTS ? 1 : 2;
    clade__list *list  = &clade__lists(w->state, w->set)[s->list];
    trim(w, s, list, width);
    if (s->payload == CLADE__KEYS) {
        for (size_t i = list->n; i-- > 0;) {
            const int64_t *entry = clade__entry(w->state, list, width, i);
            if (entry[1] != beside) continue;
            if (entry[0] >= at_us) return CLADE_OK;
            take_out(w, list, width, i);
            break;
        }
    }
    CLADE_TRY(clade__list_reserve(w->state, w->set, s->list, err));
    list     = &clade__lists(w->state, w->set)[s->list]; /* the block may have moved */
    size_t i = list->n;
    while (i > 0 && *clade__entry(w->state, list, width, i - 1) > at_us)
        i--;
    int64_t *entry = clade__entry(w->state, list, width, i);
    memmove(entry + width, entry, (list->n - i) * width * sizeof *entry);
    entry[0] = at_us;
    if (width == 2) entry[1] = beside;
    list->n += 1;
    trim(w, s, list, width);
    return CLADE_OK;
}

static int64_t cut_money(int64_t minor)
{
    if (minor > CLADE__MONEY_MAX) return CLADE__MONEY_MAX;
    return minor < -CLADE__MONEY_MAX ? -CLADE__MONEY_MAX : minor;
}

static int64_t milli_of(double quantity)
{
    if (quantity < 0) return 0;
    return quantity < 1e9 ? (int64_t)__builtin_floor(quantity * 1000 + 0.5)
                          : INT64_C(1000000000000);
}

/* The number that an event adds to a sum; 0 where it has none. */
static int64_t total_of(const clade_rule_event *e, int what)
{
    switch (what) {
    case CLADE__PRICE: return (e->has & CLADE_RULE_HAS_PRICE) != 0 ? cut_money(e->price_minor) : 0;
    case CLADE__QUANTITY:
        return (e->has & CLADE_RULE_HAS_QUANTITY) != 0 ? milli_of(e->quantity) : 0;
    default: return (e->has & CLADE_RULE_HAS_VALUE) != 0 ? cut_money(e->value_minor) : 0;
    }
}

static bool text_key(int64_t *out, clade_text text)
{
    if (text.data == NULL) return false;
    *out = (int64_t)clade_hash64(text.data, text.size, 0);
    return true;
}

/* What makes an event the same as another in a distinct count; false where it has nothing. */
static bool key_of(int64_t *out, const clade_rule_event *e, int what)
{
    switch (what) {
    case CLADE__ITEMS: *out = e->item; return (e->has & CLADE_RULE_HAS_ITEM) != 0;
    case CLADE__CATEGORIES: return text_key(out, e->category);
    case CLADE__BRANDS: return text_key(out, e->brand);
    case CLADE__SESSIONS: *out = e->session; return (e->has & CLADE_RULE_HAS_SESSION) != 0;
    case CLADE__DAYS: *out = (e->at_us - CLADE_TIME_MIN_US) / CLADE_US_PER_DAY; return true;
    default:
        *out = (e->has & CLADE_RULE_HAS_ORDER) != 0
                   ? (int64_t)e->order
                   : (int64_t)clade_hash64(&e->at_us, sizeof e->at_us, 1);
        return true;
    }
}

static clade_status remember_net(work *w, const clade__stream *s, const clade_rule_event *e,
                                 clade_error *err)
{
    int64_t      *slot   = clade__slots(w->state, w->set);
    const int64_t at_us  = e->order_us;
    const bool    bought = e->kind == CLADE_RULE_PURCHASE;
    if (bought && (e->has & CLADE_RULE_FELL) != 0) return CLADE_OK;
    slot[s->stands] += bought;
    slot[s->valued] += bought && (e->has & CLADE_RULE_HAS_VALUE) != 0;
    look_at(w, &s->touched);
    if (e->net_minor == 0 || at_us < s->since_us) return CLADE_OK;
    if (s->total != CLADE__NO_SLOT) slot[s->total] += e->net_minor;
    return s->list == CLADE__NO_LIST ? CLADE_OK : put_in(w, s, at_us, e->net_minor, err);
}

static clade_status remember(work *w, const clade__stream *s, const clade_rule_event *e,
                             clade_error *err)
{
    int64_t *slot = clade__slots(w->state, w->set), beside = 0;
    if (!subject_passes(&s->subject, e, w->set->minor)) return CLADE_OK;
    if (s->payload == CLADE__NET) return remember_net(w, s, e, err);
    if (e->at_us < s->since_us) return CLADE_OK;
    if (s->payload == CLADE__KEYS && !key_of(&beside, e, s->what)) return CLADE_OK;
    if (s->payload == CLADE__TOTAL && (beside = total_of(e, s->what)) == 0) return CLADE_OK;
    look_at(w, &s->touched);
    if (s->count != CLADE__NO_SLOT) slot[s->count] += 1;
    if (s->total != CLADE__NO_SLOT) slot[s->total] += beside;
    if (s->first != CLADE__NO_SLOT && (slot[s->first] == CLADE__NEVER || e->at_us < slot[s->first]))
        slot[s->first] = e->at_us;
    if (s->last != CLADE__NO_SLOT && e->at_us > slot[s->last]) slot[s->last] = e->at_us;
    return s->list == CLADE__NO_LIST ? CLADE_OK : put_in(w, s, e->at_us, beside, err);
}

/* A step is reached by an event that has the step before it, strictly earlier and near enough. Of
 * the latest two moments of that step one is the latest before any event of now or later. */
static void reach(work *w, size_t index, const clade_rule_event *e)
{
    const clade__reach *r    = &w->set->reach[index];
    int64_t            *slot = clade__slots(w->state, w->set);
    if (e->at_us < r->since_us || !subject_passes(&r->subject, e, w->set->minor)) return;
    if (!r->opens) {
        const uint16_t before = w->set->reach[index - 1].slot;
        const int64_t  from   = slot[before] < e->at_us ? slot[before] : slot[before + 1];
        if (from == CLADE__NEVER || (r->gap_us > 0 && e->at_us - from > r->gap_us)) return;
    }
    if (slot[r->slot] < e->at_us) {
        slot[r->slot + 1] = slot[r->slot];
        slot[r->slot]     = e->at_us;
    }
    look_at(w, &r->touched);
}

static clade_status absorb(work *w, const clade_rule_event *e, clade_error *err)
{
    const clade__shown *shown = &w->set->shown[e->kind];
    for (size_t i = 0; i < shown->n_reaches; i++)
        reach(w, shown->reach[i], e);
    for (size_t i = 0; i < shown->n_streams; i++)
        CLADE_TRY(remember(w, &w->set->stream[shown->stream[i]], e, err));
    return CLADE_OK;
}

/* ---------------------------------------------------------------- what the state cannot know */

static bool needs_history(const work *w, const clade_rule_event *e, bool late)
{
    const clade__shown *shown  = &w->set->shown[e->kind];
    const bool          undoes = (e->has & CLADE_RULE_REWRITES) != 0;
    const bool          order =
        late && e->kind == CLADE_RULE_PURCHASE && (e->has & CLADE_RULE_HAS_ORDER) != 0;
    for (size_t i = 0; (undoes || order) && i < shown->n_streams; i++) {
        if (w->set->stream[shown->stream[i]].payload == CLADE__NET) return true;
    }
    for (size_t i = 0; late && i < shown->n_reaches; i++) {
        if (subject_passes(&w->set->reach[shown->reach[i]].subject, e, w->set->minor)) return true;
    }
    return false;
}

clade_status clade_rule_state_apply(clade_rule_state *state, const clade_ruleset *set,
                                    const clade_rule_event    *event,
                                    const clade_rule_listener *listener, bool *out_rebuild,
                                    clade_error *err)
{
    CLADE_TRY(clade__block_begin(state, set, err));
    work          w;
    clade__block *head  = clade__head(state);
    const bool    first = head->born_us == INT64_MAX, late = event->at_us < head->clock_us;
    assert(event->kind < CLADE_N_RULE_KIND);
    *out_rebuild = false;
    if (!first && !late && head->next_us > event->at_us &&
        !clade_ruleset_touches(set, event->kind)) {
        head->clock_us = event->at_us;
        return CLADE_OK;
    }
    work_begin(&w, state, set, listener);
    if (!late) {
        if (event->at_us > head->clock_us) move_clock(&w, event->at_us - 1);
        head->clock_us = event->at_us;
    }
    if (!first && needs_history(&w, event, late)) {
        *out_rebuild = true;
        return CLADE_OK;
    }
    CLADE_TRY(absorb(&w, event, err));
    head = clade__head(state); /* the block may have moved */
    if (event->at_us < head->born_us) head->born_us = event->at_us;
    if (first) memset(w.dirty, 0xFF, w.n_words * sizeof w.dirty[0]);
    look_at_due(&w);
    look_at_all(&w);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- facts */

static bool take_fact(int64_t *slot, const clade__known *k, const clade_rule_fact *fact)
{
    int64_t *when = &slot[k->slot], *what = &slot[k->slot + 1];
    double   old;
    if (fact->known_us < *when) return false;
    memcpy(&old, what, sizeof old);
    const bool again = fact->known_us == *when; /* of equally new ones the larger counts */
    switch (k->type) {
    case CLADE__FACT_EXISTS:
        if (!fact->has_number && fact->value.data == NULL) return false;
        break;
    case CLADE__FACT_TEXT:
        if (fact->value.data == NULL) return false;
        *what =
            clade__text_passes(fact->value, CLADE__QUERY, k->op, k->text) || (again && *what != 0);
        break;
    default:
        if (!fact->has_number) return false;
        if (!again || fact->number > old) memcpy(what, &fact->number, sizeof fact->number);
        break;
    }
    *when = fact->known_us;
    return true;
}

clade_status clade_rule_state_learn(clade_rule_state *state, const clade_ruleset *set,
                                    const clade_rule_fact     *fact,
                                    const clade_rule_listener *listener, clade_error *err)
{
    CLADE_TRY(clade__block_begin(state, set, err));
    work          w;
    clade__block *head = clade__head(state);
    work_begin(&w, state, set, listener);
    if (fact->known_us > head->clock_us) {
        move_clock(&w, fact->known_us - 1);
        head->clock_us = fact->known_us;
    }
    for (size_t i = 0; i < set->n_knowns; i++) {
        const clade__known *k = &set->known[i];
        if (!clade_text_equal_nocase(clade_text_of(k->name), clade_text_of(fact->name))) continue;
        if (take_fact(clade__slots(state, set), k, fact)) look_at(&w, &k->touched);
    }
    look_at_due(&w);
    look_at_all(&w);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- time and history */

clade_status clade_rule_state_advance(clade_rule_state *state, const clade_ruleset *set,
                                      int64_t now_us, const clade_rule_listener *listener,
                                      clade_error *err)
{
    work w;
    CLADE_TRY(clade__block_begin(state, set, err));
    work_begin(&w, state, set, listener);
    move_clock(&w, now_us);
    return CLADE_OK;
}

clade_status clade_rule_state_rebuild(clade_rule_state *state, const clade_ruleset *set,
                                      const clade_rule_event *events, size_t n_events,
                                      int64_t now_us, const clade_rule_listener *listener,
                                      clade_error *err)
{
    work w;
    CLADE_TRY(clade__block_begin(state, set, err));
    if (clade__head(state)->clock_us > now_us)
        return clade_fail(err, CLADE_ERR_ARG,
                          "a state cannot be built again as of a moment that it has passed");
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].at_us > now_us || (i > 0 && events[i].at_us < events[i - 1].at_us))
            return clade_fail(err, CLADE_ERR_ARG, "event %zu of a history is out of order", i);
    }
    work_begin(&w, state, set, listener);
    clade__block_clear(state, set);
    for (size_t i = 0; i < n_events; i++) {
        clade__head(state)->clock_us = events[i].at_us;
        CLADE_TRY(absorb(&w, &events[i], err));
    }
    clade__block *head = clade__head(state);
    head->clock_us     = now_us;
    if (n_events > 0) head->born_us = events[0].at_us;
    memset(w.dirty, 0xFF, w.n_words * sizeof w.dirty[0]);
    look_at_all(&w);
    return CLADE_OK;
}

bool clade_rule_state_in(const clade_rule_state *state, const clade_ruleset *set, size_t rule)
{
    if (state->data == NULL) return false;
    return (clade__truth(state, set)[rule / 64] >> (rule % 64) & 1) != 0;
}

int64_t clade_rule_state_next_us(const clade_rule_state *state)
{
    return state->data == NULL ? INT64_MAX : clade__head(state)->next_us;
}
