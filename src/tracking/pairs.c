/* Properties and traits: names with texts, taken apart as deep as they go. */
#include "internal.h"

enum { NAME_MAX = 500 };

clade_text clade__scalar(draft *d, uint32_t cell)
{
    if (cell == 0) return (clade_text){ NULL, 0 };
    switch ((clade_json_type)d->t->tape.cell[cell].type) {
    case CLADE_JSON_NULL: return (clade_text){ NULL, 0 };
    case CLADE_JSON_TEXT: {
        const clade_text text = clade_json_tape_text(&d->t->tape, cell, d->t->arena);
        if (text.data == NULL) d->t->no_memory = true;
        return text;
    }
    default: return clade_json_tape_raw(&d->t->tape, cell);
    }
}

bool clade__pairs_find(const pairs *set, clade_text name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (clade_text_equal(set->pair[i].name, name)) return true;
    }
    return false;
}

void clade__pair_add(draft *d, pairs *to, clade_text name, clade_text value)
{
    for (size_t i = 0; i < to->n; i++) { /* the last of two of one name counts */
        if (clade_text_equal(to->pair[i].name, name)) {
            to->pair[i].value = value;
            return;
        }
    }
    if (to->n >= d->t->options.max_properties) {
        to->n_over += 1;
        return;
    }
    if (!CLADE_GROW(&to->pair, &to->capacity, to->n + 1)) {
        d->t->no_memory = true;
        return;
    }
    to->pair[to->n++] = (clade_live_pair){ name, value };
}

static clade_text join(draft *d, clade_text name, clade_text member)
{
    char *both = clade_arena_alloc(d->t->arena, name.size + 1 + member.size + 1, 1);
    if (both == NULL) {
        d->t->no_memory = true;
        return name;
    }
    memcpy(both, name.data, name.size);
    both[name.size] = '.';
    if (member.size > 0) memcpy(both + name.size + 1, member.data, member.size);
    return (clade_text){ both, name.size + 1 + member.size };
}

/* Recurses as deep as JSON nests: CLADE_JSON_MAX_DEPTH. */
void clade__pair_value(draft *d, pairs *to, clade_text name, uint32_t cell)
{
    const clade_json_tape *const tape = &d->t->tape;
    const clade_json_type        type = (clade_json_type)tape->cell[cell].type;
    if (type == CLADE_JSON_NULL) return;
    if (type != CLADE_JSON_OBJECT || name.size > NAME_MAX) {
        clade__pair_add(d, to, name, clade__scalar(d, cell));
        return;
    }
    CLADE_JSON_EACH_MEMBER(tape, cell, key)
    {
        if (tape->cell[key + 1].type == CLADE_JSON_NULL) continue;
        if (to->n >= d->t->options.max_properties) { /* a name would cost memory for nothing */
            to->n_over += 1;
            continue;
        }
        clade__pair_value(d, to, join(d, name, clade__scalar(d, key)), key + 1);
    }
}

const clade_live_pair *clade__pairs_keep(draft *d, const pairs *from, size_t *out_n)
{
    *out_n = 0;
    if (from->n_over > 0) {
        char *many = clade_arena_format(d->t->arena, "%zu more", from->n_over);
        clade__note(d, CLADE_TRACKING_N_PROPERTIES, (clade_text){ NULL, 0 }, clade_text_of(many));
    }
    if (from->n == 0) return NULL;
    clade_live_pair *kept = CLADE_ARENA_NEW(d->t->arena, clade_live_pair, from->n);
    if (kept == NULL) {
        d->t->no_memory = true;
        return NULL;
    }
    memcpy(kept, from->pair, from->n * sizeof *kept);
    *out_n = from->n;
    return kept;
}
