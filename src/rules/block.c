/* The block of a customer's state: making it, growing its lists, keeping it and reading it back. */
#include "block.h"

#include <stdlib.h>

enum { MAGIC = 0x4C524C43, MAX_BLOCK = 1 << 30 }; /* "CLRL" */

void clade_rule_state_free(clade_rule_state *state)
{
    free(state->data);
    *state = (clade_rule_state){ 0 };
}

static void empty_slots(int64_t *slot, const clade_ruleset *set)
{
    for (size_t i = 0; i < set->n_streams; i++) {
        const clade__stream *s      = &set->stream[i];
        const uint16_t       zero[] = { s->count, s->total, s->stands, s->valued };
        for (size_t k = 0; k < 4; k++) {
            if (zero[k] != CLADE__NO_SLOT) slot[zero[k]] = 0;
        }
        if (s->first != CLADE__NO_SLOT) slot[s->first] = CLADE__NEVER;
        if (s->last != CLADE__NO_SLOT) slot[s->last] = CLADE__NEVER;
    }
    for (size_t i = 0; i < set->n_reaches; i++) {
        slot[set->reach[i].slot]     = CLADE__NEVER;
        slot[set->reach[i].slot + 1] = CLADE__NEVER;
    }
}

clade_status clade__block_begin(clade_rule_state *state, const clade_ruleset *set, clade_error *err)
{
    if (state->data != NULL) {
        assert(clade__head(state)->hash == set->hash); /* one state, one set */
        return CLADE_OK;
    }
    state->data = clade_alloc(set->entries_at, 1);
    if (state->data == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a customer's state");
    state->size = state->capacity = set->entries_at;
    *clade__head(state)           = (clade__block){ .magic    = MAGIC,
                                                    .version  = CLADE__BLOCK_VERSION,
                                                    .hash     = set->hash,
                                                    .clock_us = INT64_MIN,
                                                    .born_us  = INT64_MAX,
                                                    .next_us  = INT64_MAX };
    int64_t *slot = clade__slots(state, set), *next = clade__nexts(state, set);
    empty_slots(slot, set);
    for (size_t i = 0; i < set->n_knowns; i++)
        slot[set->known[i].slot] = CLADE__NEVER;
    for (size_t i = 0; i < set->n_rules; i++)
        next[i] = INT64_MAX;
    for (size_t i = 0; i < set->n_lists; i++)
        clade__lists(state, set)[i].at = (uint32_t)set->entries_at;
    return CLADE_OK;
}

void clade__block_clear(clade_rule_state *state, const clade_ruleset *set)
{
    empty_slots(clade__slots(state, set), set);
    for (size_t i = 0; i < set->n_lists; i++)
        clade__lists(state, set)[i].n = 0;
    clade__head(state)->born_us = INT64_MAX;
}

clade_status clade__list_reserve(clade_rule_state *state, const clade_ruleset *set, size_t index,
                                 clade_error *err)
{
    clade__list *list = &clade__lists(state, set)[index];
    if (list->n < list->room) return CLADE_OK;
    const size_t width = set->list_width[index];
    const size_t more  = (list->room == 0 ? 2 : list->room < 16 ? list->room : list->room / 2);
    const size_t bytes = more * width;
    if (state->size + bytes > MAX_BLOCK)
        return clade_fail(err, CLADE_ERR_NOMEM, "a customer's state would need more than %d bytes",
                          MAX_BLOCK);
    if (!CLADE_GROW(&state->data, &state->capacity, state->size + bytes))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a customer's state");
    clade__list *lists = clade__lists(state, set);
    list               = &lists[index];
    const size_t end   = list->at + list->room * width;
    memmove(state->data + end + bytes, state->data + end, state->size - end);
    memset(state->data + end, 0, bytes);
    for (size_t i = 0; i < set->n_lists; i++) {
        if (i != index && lists[i].at >= end && (lists[i].room > 0 || i > index))
            lists[i].at += (uint32_t)bytes;
    }
    list->room += (uint32_t)more;
    state->size += bytes;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- kept and read back */

static uint64_t sum_of(const unsigned char *data, size_t size)
{
    clade__block head;
    memcpy(&head, data, sizeof head);
    head.checksum = 0;
    return clade_hash64(data + sizeof head, size - sizeof head,
                        clade_hash64(&head, sizeof head, 0));
}

void clade_rule_state_save(clade_buffer *out, const clade_rule_state *state)
{
    if (state->data == NULL) return;
    const size_t at = out->size;
    clade_buffer_append(out, state->data, state->size);
    if (out->failed) return;
    const uint64_t sum = sum_of(state->data, state->size);
    memcpy(out->data + at + offsetof(clade__block, checksum), &sum, sizeof sum);
}

/* Lists lie inside the block and their moments rise. The checksum says that nothing was changed by
 * chance; this, that whatever was changed is not believed. */
static bool is_sound(const clade_rule_state *s, const clade_ruleset *set)
{
    for (size_t i = 0; i < set->n_lists; i++) {
        const clade__list *list  = &clade__lists(s, set)[i];
        const size_t       width = set->list_width[i];
        if (list->at < set->entries_at || list->at % 8 != 0 || list->n > list->room ||
            list->at > s->size || list->room > (s->size - list->at) / width)
            return false;
        for (size_t k = 1; k < list->n; k++) {
            if (*clade__entry(s, list, width / 8, k) < *clade__entry(s, list, width / 8, k - 1))
                return false;
        }
        for (size_t k = 0; k < i; k++) { /* no two share a byte */
            const clade__list *other = &clade__lists(s, set)[k];
            if (list->room > 0 && other->room > 0 &&
                list->at < other->at + other->room * set->list_width[k] &&
                other->at < list->at + list->room * width)
                return false;
        }
    }
    return true;
}

clade_status clade_rule_state_load(clade_rule_state *out_state, const clade_ruleset *set,
                                   clade_text bytes, clade_error *err)
{
    clade_rule_state state = { 0 };
    clade__block     head;
    if (bytes.size == 0) {
        *out_state = state;
        return CLADE_OK;
    }
    if (bytes.size < sizeof head || bytes.size > MAX_BLOCK)
        return clade_fail(err, CLADE_ERR_DATA, "the state of rules is damaged: it has %zu bytes",
                          bytes.size);
    memcpy(&head, bytes.data, sizeof head);
    if (head.magic != MAGIC)
        return clade_fail(err, CLADE_ERR_DATA, "these bytes are no state of rules");
    if (head.version > CLADE__BLOCK_VERSION)
        return clade_fail(err, CLADE_ERR_VERSION,
                          "this state of rules was kept by a newer clade: format %u, known is %d",
                          head.version, CLADE__BLOCK_VERSION);
    if (head.checksum != sum_of((const unsigned char *)bytes.data, bytes.size))
        return clade_fail(err, CLADE_ERR_DATA,
                          "the state of rules is damaged: its checksum differs");
    if (head.hash != set->hash)
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "this state was kept for other rules: build it again from history");
    if (bytes.size < set->entries_at)
        return clade_fail(err, CLADE_ERR_DATA, "the state of rules is damaged: it has %zu bytes",
                          bytes.size);
    state.data = clade_alloc(bytes.size, 1);
    if (state.data == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a customer's state");
    memcpy(state.data, bytes.data, bytes.size);
    state.size = state.capacity   = bytes.size;
    clade__head(&state)->checksum = 0;
    if (!is_sound(&state, set)) {
        clade_rule_state_free(&state);
        return clade_fail(err, CLADE_ERR_DATA, "the state of rules is damaged: its lists overlap");
    }
    *out_state = state;
    return CLADE_OK;
}
