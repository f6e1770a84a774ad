/* Whether a rule is true at the clock of a state, and when time alone may change that.
 *
 * Only what leaves a window can change a test without an event, and what leaves is known: the
 * oldest entry of a sum, the k-th latest of a count that is compared with k. A window is (clock -
 * span, clock], so an entry of moment t is gone at t + span. */
#include "block.h"

typedef struct view {
    const clade_rule_state *state;
    const clade_ruleset    *set;
    const int64_t          *slot;
    int64_t                 clock_us, next_us;
} view;

static void may_change(view *v, int64_t at_us)
{
    if (at_us > v->clock_us && at_us < v->next_us) v->next_us = at_us;
}

/* How many entries are inside the window: all behind the last that is not. */
static size_t n_inside(const view *v, const clade__list *list, size_t width, int64_t within_us)
{
    size_t low = 0, high = list->n; /* the first that is inside is in [low, high] */
    if (within_us == 0) return list->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (*clade__entry(v->state, list, width, middle) > v->clock_us - within_us)
            high = middle;
        else
            low = middle + 1;
    }
    return list->n - low;
}

/* A number of entries that falls as they leave: it matters when it passes what it is compared with.
 */
static bool of_number(view *v, const clade__list *list, size_t width, const clade__code *code)
{
    const size_t n = n_inside(v, list, width, code->within_us);
    if (code->within_us > 0 && n > 0) {
        const double k = code->number; /* whole */
        /* Entries that stay when the answer next may change. */
        const bool to_k = code->op == CLADE__GT || code->op == CLADE__LE ||
                          ((code->op == CLADE__EQ || code->op == CLADE__NE) && (double)n > k);
        const double keep = to_k ? k : k - 1;
        if (keep >= 0 && keep < (double)n) {
            const size_t leaves = list->n - 1 - (size_t)keep;
            may_change(v, *clade__entry(v->state, list, width, leaves) + code->within_us);
        }
    }
    return clade__number_passes((double)n, code->op, code->number);
}

static bool count_passes(view *v, const clade__code *code)
{
    const clade__stream *s = &v->set->stream[code->of];
    if (code->within_us == 0 && code->type == CLADE__COUNT)
        return clade__number_passes((double)v->slot[s->count], code->op, code->number);
    return of_number(v, &clade__lists(v->state, v->set)[s->list],
                     s->payload == CLADE__MOMENTS ? 1 : 2, code);
}

static bool total_passes(view *v, const clade__code *code)
{
    const clade__stream *s     = &v->set->stream[code->of];
    int64_t              total = 0;
    if (code->within_us == 0) {
        total = v->slot[s->total];
    } else {
        const clade__list *list = &clade__lists(v->state, v->set)[s->list];
        const size_t       n    = n_inside(v, list, 2, code->within_us);
        for (size_t i = list->n - n; i < list->n; i++)
            total += clade__entry(v->state, list, 2, i)[1];
        if (n > 0) may_change(v, *clade__entry(v->state, list, 2, list->n - n) + code->within_us);
    }
    if (s->payload == CLADE__NET) {
        if (v->slot[s->stands] > 0 && v->slot[s->valued] == 0) return false; /* no price is known */
        if (total < 0) total = 0;
    }
    return clade__number_passes((double)total / code->unit, code->op, code->number);
}

static bool ago_passes(view *v, const clade__code *code)
{
    const clade__stream *s    = &v->set->stream[code->of];
    const int64_t        when = v->slot[code->type == CLADE__FIRST ? s->first : s->last];
    if (when == CLADE__NEVER) return false;
    const int64_t ago = v->clock_us - when;
    may_change(v, when + code->span_us);
    may_change(v, when + code->span_us + 1);
    switch (code->op) {
    case CLADE__LT: return ago < code->span_us;
    case CLADE__LE: return ago <= code->span_us;
    case CLADE__GT: return ago > code->span_us;
    default: return ago >= code->span_us;
    }
}

static bool sequence_passes(view *v, const clade__code *code)
{
    const int64_t when = v->slot[v->set->reach[code->of].slot];
    if (when == CLADE__NEVER) return false;
    if (code->within_us == 0) return true;
    may_change(v, when + code->within_us);
    return when > v->clock_us - code->within_us;
}

static bool fact_passes(const view *v, const clade__code *code)
{
    const clade__known *k = &v->set->known[code->of];
    double              number;
    if (v->slot[k->slot] == CLADE__NEVER) return false;
    switch (code->type) {
    case CLADE__FACT_EXISTS: return true;
    case CLADE__FACT_TEXT: return (v->slot[k->slot + 1] != 0) == (code->op != CLADE__NE);
    default: memcpy(&number, &v->slot[k->slot + 1], sizeof number); break;
    }
    if (code->type == CLADE__SEGMENT) return number > 0;
    return clade__number_passes(number, code->op, code->number);
}

static bool test_passes(view *v, const clade__code *code)
{
    switch (code->type) {
    case CLADE__COUNT:
    case CLADE__DISTINCT: return count_passes(v, code);
    case CLADE__SUM:
    case CLADE__SPEND: return total_passes(v, code);
    case CLADE__FIRST:
    case CLADE__LAST: return ago_passes(v, code);
    case CLADE__SEQUENCE: return sequence_passes(v, code);
    case CLADE__SEGMENT:
        if (code->is_rule)
            return (clade__truth(v->state, v->set)[code->of / 64] >> (code->of % 64) & 1) != 0;
        return fact_passes(v, code);
    default: return fact_passes(v, code);
    }
}

bool clade__evaluate(int64_t *out_next_us, const clade_rule_state *state, const clade_ruleset *set,
                     const clade__program *rule)
{
    const clade__block *head                            = clade__head(state);
    bool                stack[CLADE_RULE_MAX_TESTS + 1] = { false };
    size_t              n                               = 0;
    view                v                               = { .state    = state,
                                                            .set      = set,
                                                            .slot     = clade__slots(state, set),
                                                            .clock_us = head->clock_us,
                                                            .next_us  = INT64_MAX };
    for (size_t i = 0; i < rule->n_code; i++) {
        const clade__code *code = &rule->code[i];
        if (code->type == CLADE__NOT) {
            stack[n - 1] = !stack[n - 1];
        } else if (code->type == CLADE__AND) {
            n--;
            stack[n - 1] = stack[n - 1] && stack[n];
        } else if (code->type == CLADE__OR) {
            n--;
            stack[n - 1] = stack[n - 1] || stack[n];
        } else {
            stack[n++] = test_passes(&v, code);
        }
    }
    assert(n == 1);
    *out_next_us = v.next_us;
    return stack[0];
}
