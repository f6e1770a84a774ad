/* Names to numbers: open addressing over XXH3, half full at most. */
#include "judge_internal.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

static size_t slot_of(const clade__labels *names, clade_text text)
{
    size_t at = (size_t)clade_hash64(text.data, text.size, 0) & (names->n_slots - 1);
    while (names->slot[at] != 0 && !clade_text_equal(names->name[names->slot[at]], text))
        at = (at + 1) & (names->n_slots - 1);
    return at;
}

static bool more_slots(clade__labels *names)
{
    const size_t    n_slots = names->n_slots == 0 ? FIRST_SLOTS : 2 * names->n_slots;
    uint32_t *const slot    = CLADE_NEW(uint32_t, n_slots);
    if (slot == NULL) return false;
    free(names->slot);
    names->slot    = slot;
    names->n_slots = n_slots;
    for (uint32_t i = 1; i <= names->n; i++)
        names->slot[slot_of(names, names->name[i])] = i;
    return true;
}

uint32_t clade__labels_add(clade__labels *names, clade_text text)
{
    if (names->arena == NULL) names->arena = clade_arena_create(1 << 20);
    if (names->arena == NULL) return 0;
    if (2 * (names->n + 1) > names->n_slots && !more_slots(names)) return 0;
    const size_t at = slot_of(names, text);
    if (names->slot[at] != 0) return names->slot[at];
    if (names->n + 2 > UINT32_MAX - 1) return 0;
    if (!CLADE_GROW(&names->name, &names->capacity, names->n + 2)) return 0;
    const char *const copy = clade_arena_text(names->arena, text.data, text.size);
    if (copy == NULL) return 0;
    names->n += 1;
    names->name[names->n] = (clade_text){ copy, text.size };
    names->slot[at]       = (uint32_t)names->n;
    return names->slot[at];
}

uint32_t clade__labels_find(const clade__labels *names, clade_text text)
{
    return names->n == 0 ? 0 : names->slot[slot_of(names, text)];
}

void clade__labels_free(clade__labels *names)
{
    clade_arena_free(names->arena);
    free(names->name);
    free(names->slot);
    *names = (clade__labels){ 0 };
}
