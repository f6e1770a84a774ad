/* Making a set of rules ready: finding what they ask for together, and who must be told of what.
 * Runs when rules change; nothing here is on the path of an event. */
#include "set.h"
#include "block.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_PARTS = CLADE_RULESET_MAX * 16 };

typedef struct builder {
    clade_ruleset          *set;
    const clade_rule_named *rules;
    clade_error            *err;
    size_t                  room_streams, room_reaches, room_knowns;
} builder;

static clade_status no_memory(builder *b)
{
    return clade_fail(b->err, CLADE_ERR_NOMEM, "no memory for %zu rules", b->set->n_rules);
}

/* One more of an array that lives in the arena: doubled by copying, which the arena forgives. */
static bool one_more(clade_arena *arena, void **array, size_t n, size_t *room, size_t size)
{
    if (n < *room) return true;
    const size_t wanted = *room == 0 ? 16 : 2 * *room;
    void        *bigger = clade_arena_alloc(arena, wanted, size);
    if (bigger == NULL) return false;
    if (n > 0) memcpy(bigger, *array, n * size);
    *array = bigger;
    *room  = wanted;
    return true;
}

static clade_status touch(builder *b, clade__touched *t, size_t rule)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->rule[i] == rule) return CLADE_OK;
    }
    if ((t->n & (t->n - 1)) == 0) { /* full at powers of two */
        uint16_t *bigger = CLADE_ARENA_NEW(b->set->arena, uint16_t, t->n == 0 ? 1 : 2 * t->n);
        if (bigger == NULL) return no_memory(b);
        if (t->n > 0) memcpy(bigger, t->rule, t->n * sizeof *bigger);
        t->rule = bigger;
    }
    t->rule[t->n++] = (uint16_t)rule;
    return CLADE_OK;
}

static uint16_t new_slots(builder *b, size_t n)
{
    const uint16_t slot = (uint16_t)b->set->n_slots;
    b->set->n_slots += n;
    return slot;
}

/* ---------------------------------------------------------------- subjects */

static bool same_filter(const clade__filter *a, const clade__filter *b)
{
    if (a->field != b->field || a->op != b->op) return false;
    if (a->field >= CLADE__FIRST_NUMBER_FIELD) return a->number == b->number;
    return clade_text_equal_nocase(clade_text_of(a->text), clade_text_of(b->text));
}

static bool same_subject(const clade__subject *a, const clade__subject *b)
{
    if (a->kind != b->kind || a->n_filters != b->n_filters) return false;
    for (size_t i = 0; i < a->n_filters; i++) {
        if (!same_filter(&a->filter[i], &b->filter[i])) return false;
    }
    return true;
}

static clade_status stream_of(clade__stream **out, uint16_t *out_index, builder *b,
                              const clade__node *node, clade__payload payload, size_t rule)
{
    clade_ruleset *set = b->set;
    size_t         i   = 0;
    for (; i < set->n_streams; i++) {
        const clade__stream *s = &set->stream[i];
        if (s->payload == payload && s->since_us == node->since_us &&
            same_subject(&s->subject, node->subject) && s->what == node->what)
            break;
    }
    if (i == set->n_streams) {
        if (i == MAX_PARTS)
            return clade_fail(b->err, CLADE_ERR_ARG, "these rules ask too much at once");
        if (!one_more(set->arena, (void **)&set->stream, i, &b->room_streams, sizeof *set->stream))
            return no_memory(b);
        set->stream[set->n_streams++] = (clade__stream){ .subject  = *node->subject,
                                                         .payload  = payload,
                                                         .what     = node->what,
                                                         .since_us = node->since_us,
                                                         .list     = CLADE__NO_LIST,
                                                         .count    = CLADE__NO_SLOT,
                                                         .total    = CLADE__NO_SLOT,
                                                         .first    = CLADE__NO_SLOT,
                                                         .last     = CLADE__NO_SLOT,
                                                         .stands   = CLADE__NO_SLOT,
                                                         .valued   = CLADE__NO_SLOT };
    }
    *out       = &set->stream[i];
    *out_index = (uint16_t)i;
    return touch(b, &(*out)->touched, rule);
}

static void keep_list(builder *b, clade__stream *s, int64_t window_us, uint32_t n)
{
    if (s->list == CLADE__NO_LIST) s->list = (uint16_t)b->set->n_lists++;
    if (window_us > s->keep_us) s->keep_us = window_us;
    if (n > s->keep_n) s->keep_n = n;
}

static void need_slot(builder *b, uint16_t *slot)
{
    if (*slot == CLADE__NO_SLOT) *slot = new_slots(b, 1);
}

/* ---------------------------------------------------------------- tests */

static clade_status add_many(clade__code *code, builder *b, const clade__node *node, size_t rule)
{
    clade__stream *s;
    const uint32_t enough = (uint32_t)node->number + 2;
    const bool     life   = node->within_us == 0;
    switch (node->type) {
    case CLADE__COUNT:
        CLADE_TRY(stream_of(&s, &code->of, b, node, CLADE__MOMENTS, rule));
        if (life)
            need_slot(b, &s->count);
        else
            keep_list(b, s, node->within_us, enough);
        return CLADE_OK;
    case CLADE__DISTINCT:
        CLADE_TRY(stream_of(&s, &code->of, b, node, CLADE__KEYS, rule));
        keep_list(b, s, life ? INT64_MAX : node->within_us, enough);
        return CLADE_OK;
    case CLADE__SUM:
        CLADE_TRY(stream_of(&s, &code->of, b, node, CLADE__TOTAL, rule));
        code->unit = node->what == CLADE__QUANTITY ? 1000 : b->set->minor;
        break;
    default:
        CLADE_TRY(stream_of(&s, &code->of, b, node, CLADE__NET, rule));
        code->unit = b->set->minor;
        need_slot(b, &s->stands);
        need_slot(b, &s->valued);
        break;
    }
    if (life)
        need_slot(b, &s->total);
    else
        keep_list(b, s, node->within_us, UINT32_MAX);
    return CLADE_OK;
}

static clade_status add_ago(clade__code *code, builder *b, const clade__node *node, size_t rule)
{
    clade__stream *s;
    CLADE_TRY(stream_of(&s, &code->of, b, node, CLADE__MOMENTS, rule));
    need_slot(b, node->type == CLADE__FIRST ? &s->first : &s->last);
    return CLADE_OK;
}

static clade_status add_sequence(clade__code *code, builder *b, const clade__node *node,
                                 size_t rule)
{
    clade_ruleset *set = b->set;
    if (set->n_reaches + node->n_steps > MAX_PARTS)
        return clade_fail(b->err, CLADE_ERR_ARG, "these rules ask too much at once");
    for (size_t i = 0; i < node->n_steps; i++) {
        if (!one_more(set->arena, (void **)&set->reach, set->n_reaches, &b->room_reaches,
                      sizeof *set->reach))
            return no_memory(b);
        set->reach[set->n_reaches++] = (clade__reach){ .subject  = node->step[i].subject,
                                                       .gap_us   = node->step[i].gap_us,
                                                       .since_us = node->since_us,
                                                       .slot     = new_slots(b, 2),
                                                       .opens    = i == 0 };
    }
    code->of = (uint16_t)(set->n_reaches - 1);
    return touch(b, &set->reach[code->of].touched, rule);
}

static clade_status add_fact(clade__code *code, builder *b, const clade__node *node, size_t rule)
{
    clade_ruleset  *set = b->set;
    const bool      in  = node->type == CLADE__SEGMENT;
    const clade__op op  = node->op == CLADE__NE ? CLADE__EQ : node->op;
    const char *name = in ? clade_arena_format(set->arena, "segment/%s", node->name) : node->name;
    size_t      i    = 0;
    if (name == NULL) return no_memory(b);
    for (; i < set->n_knowns; i++) {
        const clade__known *k = &set->known[i];
        if (k->type != node->type ||
            !clade_text_equal_nocase(clade_text_of(k->name), clade_text_of(name)))
            continue;
        if (k->type != CLADE__FACT_TEXT ||
            (k->op == op &&
             clade_text_equal_nocase(clade_text_of(k->text), clade_text_of(node->text))))
            break;
    }
    if (i == set->n_knowns) {
        if (!one_more(set->arena, (void **)&set->known, i, &b->room_knowns, sizeof *set->known))
            return no_memory(b);
        set->known[set->n_knowns++] = (clade__known){
            .type = node->type, .name = name, .text = node->text, .op = op, .slot = new_slots(b, 2)
        };
    }
    code->of = (uint16_t)i;
    return touch(b, &set->known[i].touched, rule);
}

static clade_status add_segment(clade__code *code, builder *b, const clade__node *node, size_t rule)
{
    for (size_t i = 0; i < b->set->n_rules; i++) {
        if (!clade_text_equal_nocase(clade_text_of(b->rules[i].name), clade_text_of(node->name)))
            continue;
        code->of      = (uint16_t)i;
        code->is_rule = true;
        return touch(b, &b->set->rule[i].needed_by, rule);
    }
    return add_fact(code, b, node, rule);
}

/* ---------------------------------------------------------------- programs */

static size_t code_size(const clade__node *node)
{
    size_t n = 1;
    if (node->type > CLADE__NOT) return 1;
    if (node->type != CLADE__NOT) n = node->n_children - 1;
    for (const clade__node *child = node->child; child != NULL; child = child->next)
        n += code_size(child);
    return n;
}

static clade_status emit(clade__program *p, builder *b, const clade__node *node, size_t rule)
{
    if (node->type <= CLADE__NOT) {
        for (const clade__node *child = node->child; child != NULL; child = child->next) {
            CLADE_TRY(emit(p, b, child, rule));
            if (child != node->child) p->code[p->n_code++] = (clade__code){ .type = node->type };
        }
        if (node->type == CLADE__NOT) p->code[p->n_code++] = (clade__code){ .type = CLADE__NOT };
        return CLADE_OK;
    }
    clade__code *code = &p->code[p->n_code++];
    *code             = (clade__code){ .type      = node->type,
                                       .op        = node->op,
                                       .number    = node->number,
                                       .span_us   = node->span_us,
                                       .within_us = node->within_us,
                                       .unit      = 1 };
    switch (node->type) {
    case CLADE__COUNT:
    case CLADE__SUM:
    case CLADE__SPEND:
    case CLADE__DISTINCT: return add_many(code, b, node, rule);
    case CLADE__FIRST:
    case CLADE__LAST: return add_ago(code, b, node, rule);
    case CLADE__SEQUENCE: return add_sequence(code, b, node, rule);
    case CLADE__SEGMENT: return add_segment(code, b, node, rule);
    default: return add_fact(code, b, node, rule);
    }
}

/* Rules behind those they need, by depth first; a rule met again on the way down is a circle. */
static clade_status put_in_order(builder *b, uint8_t *seen, size_t *n_done, size_t rule,
                                 const char *path)
{
    clade_ruleset        *set = b->set;
    const clade__program *p   = &set->rule[rule];
    char                  here[512];
    snprintf(here, sizeof here, "%s%s%s", path, path[0] != '\0' ? " needs " : "", p->name);
    if (seen[rule] == 1)
        return clade_fail(b->err, CLADE_ERR_ARG, "these segments need each other in a circle: %s",
                          here);
    if (seen[rule] == 2) return CLADE_OK;
    seen[rule] = 1;
    for (size_t i = 0; i < p->n_code; i++) {
        if (p->code[i].is_rule) CLADE_TRY(put_in_order(b, seen, n_done, p->code[i].of, here));
    }
    seen[rule]              = 2;
    set->order[(*n_done)++] = (uint16_t)rule;
    return CLADE_OK;
}

static clade_status show_kinds(builder *b)
{
    clade_ruleset *set = b->set;
    for (int kind = 0; kind < CLADE_N_RULE_KIND; kind++) {
        clade__shown *shown = &set->shown[kind];
        shown->reach        = CLADE_ARENA_NEW(set->arena, uint16_t, set->n_reaches + 1);
        shown->stream       = CLADE_ARENA_NEW(set->arena, uint16_t, set->n_streams + 1);
        if (shown->reach == NULL || shown->stream == NULL) return no_memory(b);
        /* Later steps first: an event that is two steps at once must not reach the later by itself.
         * (It could not: a step needs a moment before its own. The order saves the second look.) */
        for (size_t i = set->n_reaches; i-- > 0;) {
            const int k = set->reach[i].subject.kind;
            if (k == kind || k == CLADE__ANY_KIND) shown->reach[shown->n_reaches++] = (uint16_t)i;
        }
        for (size_t i = 0; i < set->n_streams; i++) {
            const clade__stream *s      = &set->stream[i];
            const int            k      = s->subject.kind;
            const bool           refund = s->payload == CLADE__NET && kind == CLADE_RULE_REFUND;
            if (k == kind || k == CLADE__ANY_KIND || refund)
                shown->stream[shown->n_streams++] = (uint16_t)i;
        }
    }
    return CLADE_OK;
}

static clade_status lay_out(builder *b)
{
    clade_ruleset *set = b->set;
    set->list_width    = CLADE_ARENA_NEW(set->arena, uint8_t, set->n_lists + 1);
    if (set->list_width == NULL) return no_memory(b);
    for (size_t i = 0; i < set->n_streams; i++) {
        const clade__stream *s = &set->stream[i];
        if (s->list != CLADE__NO_LIST)
            set->list_width[s->list] = s->payload == CLADE__MOMENTS ? 8 : 16;
    }
    set->slots_at   = sizeof(clade__block);
    set->next_at    = set->slots_at + 8 * set->n_slots;
    set->truth_at   = set->next_at + 8 * set->n_rules;
    set->lists_at   = set->truth_at + 8 * ((set->n_rules + 63) / 64);
    set->entries_at = (set->lists_at + sizeof(clade__list) * set->n_lists + 7) / 8 * 8;
    return CLADE_OK;
}

static clade_status add_rules(builder *b)
{
    clade_ruleset *set  = b->set;
    clade_buffer   text = { 0 };
    size_t         n    = 0;
    uint8_t       *seen = CLADE_ARENA_NEW(set->arena, uint8_t, set->n_rules + 1);
    set->rule           = CLADE_ARENA_NEW(set->arena, clade__program, set->n_rules + 1);
    set->order          = CLADE_ARENA_NEW(set->arena, uint16_t, set->n_rules + 1);
    if (seen == NULL || set->rule == NULL || set->order == NULL) return no_memory(b);
    for (size_t i = 0; i < set->n_rules; i++) {
        const clade_rule_named *r = &b->rules[i];
        for (size_t k = 0; k < i; k++) {
            if (clade_text_equal_nocase(clade_text_of(r->name), clade_text_of(b->rules[k].name)))
                return clade_fail(b->err, CLADE_ERR_ARG, "two rules have the name '%s'", r->name);
        }
        clade__program *p = &set->rule[i];
        p->name           = clade_arena_text(set->arena, r->name, strlen(r->name));
        p->code           = CLADE_ARENA_NEW(set->arena, clade__code, code_size(r->tree->root));
        if (p->name == NULL || p->code == NULL) return no_memory(b);
        clade_buffer_format(&text, "%s\n", r->name);
        clade_rule_tree_print(&text, r->tree);
        clade_buffer_text(&text, "\n");
    }
    clade_buffer_format(&text, "%g", set->minor);
    if (!text.failed) set->hash = clade_hash64(text.data, text.size, 0);
    clade_buffer_free(&text);
    if (set->hash == 0) return no_memory(b);
    for (size_t i = 0; i < set->n_rules; i++)
        CLADE_TRY(emit(&set->rule[i], b, b->rules[i].tree->root, i));
    for (size_t i = 0; i < set->n_rules; i++)
        CLADE_TRY(put_in_order(b, seen, &n, i, ""));
    if (set->n_slots >= CLADE__NO_SLOT || set->n_lists >= CLADE__NO_LIST)
        return clade_fail(b->err, CLADE_ERR_ARG, "these rules ask too much at once");
    CLADE_TRY(show_kinds(b));
    return lay_out(b);
}

/* The texts of filters and facts move to the set, which outlives the rules. */
static bool own_subject(clade_arena *arena, clade__subject *s)
{
    for (size_t i = 0; i < s->n_filters; i++) {
        clade__filter *f = &s->filter[i];
        if (f->text == NULL) continue;
        f->text = clade_arena_text(arena, f->text, strlen(f->text));
        if (f->text == NULL) return false;
    }
    return true;
}

static clade_status own_texts(builder *b)
{
    clade_ruleset *set = b->set;
    bool           ok  = true;
    for (size_t i = 0; i < set->n_streams; i++)
        ok &= own_subject(set->arena, &set->stream[i].subject);
    for (size_t i = 0; i < set->n_reaches; i++)
        ok &= own_subject(set->arena, &set->reach[i].subject);
    for (size_t i = 0; ok && i < set->n_knowns; i++) {
        clade__known *k = &set->known[i];
        k->name         = clade_arena_text(set->arena, k->name, strlen(k->name));
        if (k->text != NULL) k->text = clade_arena_text(set->arena, k->text, strlen(k->text));
        ok = k->name != NULL && (k->type != CLADE__FACT_TEXT || k->text != NULL);
    }
    return ok ? CLADE_OK : no_memory(b);
}

clade_status clade_ruleset_create(clade_ruleset **out_set, const clade_rule_named *rules,
                                  size_t n_rules, double minor, clade_error *err)
{
    clade_status status = CLADE_OK;
    if (n_rules > CLADE_RULESET_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "%zu rules are too many: %d can be kept at once",
                          n_rules, CLADE_RULESET_MAX);
    }
    clade_ruleset *set = CLADE_NEW(clade_ruleset, 1);
    builder        b   = { .set = set, .rules = rules, .err = err };
    if (set != NULL) set->arena = clade_arena_create(0);
    if (set == NULL || set->arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rules", n_rules);
        goto done;
    }
    set->n_rules = n_rules;
    set->minor   = minor;
    status       = add_rules(&b);
    if (status != CLADE_OK) goto done;
    status = own_texts(&b);
    if (status != CLADE_OK) goto done;
    *out_set = set;
    set      = NULL;
done:
    clade_ruleset_free(set);
    return status;
}

void clade_ruleset_free(clade_ruleset *set)
{
    if (set == NULL) return;
    clade_arena_free(set->arena);
    free(set);
}

size_t clade_ruleset_n(const clade_ruleset *set)
{
    return set->n_rules;
}

const char *clade_ruleset_name(const clade_ruleset *set, size_t rule)
{
    assert(rule < set->n_rules);
    return set->rule[rule].name;
}

bool clade_ruleset_touches(const clade_ruleset *set, clade_rule_kind kind)
{
    return set->shown[kind].n_reaches + set->shown[kind].n_streams > 0;
}
