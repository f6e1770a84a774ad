/* How the state of a customer lies in its block of bytes.
 *
 *     head | slots (n_slots, 8 bytes each) | next moment of each rule | truth, one bit a rule |
 *     lists: where, how many, room | entries of each list, oldest first: moment [, number or key]
 *
 * No pointers: the block may be moved, kept and read back. */
#ifndef CLADE_RULES_BLOCK_H
#define CLADE_RULES_BLOCK_H

#include "set.h"

enum { CLADE__BLOCK_VERSION = 1 };

typedef struct clade__block {
    uint32_t magic, version;
    uint64_t hash;     /* of the set */
    uint64_t checksum; /* of all else, where it was saved; 0 in memory */
    int64_t  clock_us; /* what the state has reached */
    int64_t  born_us;  /* first event; INT64_MAX: none yet */
    int64_t  next_us;  /* the smallest of the rules' */
} clade__block;

typedef struct clade__list {
    uint32_t at, n, room; /* byte of the block; entries */
} clade__list;

static inline clade__block *clade__head(const clade_rule_state *s)
{
    return (clade__block *)(void *)s->data;
}
static inline int64_t *clade__slots(const clade_rule_state *s, const clade_ruleset *set)
{
    return (int64_t *)(void *)(s->data + set->slots_at);
}
static inline int64_t *clade__nexts(const clade_rule_state *s, const clade_ruleset *set)
{
    return (int64_t *)(void *)(s->data + set->next_at);
}
static inline uint64_t *clade__truth(const clade_rule_state *s, const clade_ruleset *set)
{
    return (uint64_t *)(void *)(s->data + set->truth_at);
}
static inline clade__list *clade__lists(const clade_rule_state *s, const clade_ruleset *set)
{
    return (clade__list *)(void *)(s->data + set->lists_at);
}
/* Entry i of a list whose entries are `width` words of 8 bytes. */
static inline int64_t *clade__entry(const clade_rule_state *s, const clade__list *list,
                                    size_t width, size_t i)
{
    return (int64_t *)(void *)(s->data + list->at) + i * width;
}

/* Make an empty block where there is none. */
CLADE_MUST_USE clade_status clade__block_begin(clade_rule_state *state, const clade_ruleset *set,
                                               clade_error *err);
/* Forget what came from events; keep facts, truth and the clock. */
void clade__block_clear(clade_rule_state *state, const clade_ruleset *set);
/* Room for one more entry in every list of the streams that an event may go to: afterwards nothing
 * fails. */
CLADE_MUST_USE clade_status clade__list_reserve(clade_rule_state *state, const clade_ruleset *set,
                                                size_t list, clade_error *err);

/* Is a rule true at the state's clock, and when may that change by itself? */
bool clade__evaluate(int64_t *out_next_us, const clade_rule_state *state, const clade_ruleset *set,
                     const clade__program *rule);

#endif
