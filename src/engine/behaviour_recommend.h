/* What the two halves of recommending share: choosing the items, and their reasons. */
#ifndef CLADE_BEHAVIOUR_RECOMMEND_H
#define CLADE_BEHAVIOUR_RECOMMEND_H

#include "clade/shop_behaviour.h"

enum { CLADE__KIND_VIEW = 1, CLADE__KIND_PURCHASE = 7, CLADE__N_KINDS = 13 };

/** The column of kinds, or NULL where the model has none. */
const uint32_t *clade__kinds_of(const clade_sequences *sequences);

/**
 * Fill ground, because and effect of items that are there with item and score: leave one item of
 * the history out, over the latest distinct ones, all of them in one batch.
 */
CLADE_MUST_USE clade_status clade__reasons_find(clade_recommended *items, size_t n,
                                                const clade_shop_histories *histories, size_t row,
                                                clade_error *err);
/** The same where a baseline gave the scores: what it says without the item. What nothing in the
 *  history speaks for is CLADE_GROUND_COMMON. */
CLADE_MUST_USE clade_status clade__reasons_counted(clade_recommended *items, size_t n,
                                                   const clade_shop_histories *histories,
                                                   size_t row, const clade_scorer *scorer,
                                                   clade_error *err);
/** A customer's vectors with the whole history, and without each of its latest distinct items. */
typedef struct clade__left_out {
    size_t   n, d;                          /* items; numbers of a vector */
    uint32_t item[CLADE_RECOMMEND_GROUNDS]; /* of the vocabulary, latest first */
    float   *vectors;                       /* (n + 1, d), that of the whole history first */
} clade__left_out;
CLADE_MUST_USE clade_status clade__left_out_find(clade__left_out            *out,
                                                 const clade_shop_histories *histories, size_t row,
                                                 clade_error *err);
enum { CLADE__ITEM_NAME_BYTES = 120 };
/** Name of an item, else the shop's own id; cut where a letter ends. */
void clade__item_name(char out[CLADE__ITEM_NAME_BYTES], const clade_vocabulary *vocabulary,
                      uint32_t item);
/** Put the ground of each into words. */
void clade__reasons_say(clade_recommended *items, size_t n, const clade_vocabulary *vocabulary);

#endif
