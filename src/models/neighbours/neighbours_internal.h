/* What the files of the module share: counted logs as lists, and scratch for scoring. */
#ifndef CLADE_NEIGHBOURS_INTERNAL_H
#define CLADE_NEIGHBOURS_INTERNAL_H

#include "clade/neighbours.h"

/** An item and what speaks for it. */
typedef struct clade__beside {
    uint32_t item;
    float    weight;
} clade__beside;

/** For each item a list of others, best first; [0] is empty. */
typedef struct clade__lists {
    uint64_t      *start; /* (n_items + 2) */
    clade__beside *beside;
} clade__lists;

struct clade_neighbours {
    clade_neighbours_kind    kind;
    clade_neighbours_options options;
    const clade_sequences   *train;
    uint32_t                 n_items;
    uint32_t                 most_beside; /* longest list that was fitted */
    float                   *popular;     /* (n_items + 1) events of each item */
    float                   *floor; /* (n_items + 1) what an item has that nothing speaks for */
    clade__lists             lists; /* markov, rules, item-knn */
    uint64_t                *holder_start; /* (n_items + 2) session-knn: who has an item, */
    uint32_t                *holder;       /* customers rising */
    int64_t                 *at_us;        /* (n_timed) popular-7d: moments rising, */
    uint32_t                *at_item;      /* and items of them */
    size_t                   n_timed;
    float                    lag_weight[CLADE_NEIGHBOURS_HISTORY_MAX];  /* w(l) */
    float                    near_weight[CLADE_NEIGHBOURS_HISTORY_MAX]; /* 2^(-distance / near) */
};

/** The newest events of a customer that count: [*out_first, end). */
static inline uint64_t clade__newest(uint64_t start, uint64_t end)
{
    return end - start > CLADE_NEIGHBOURS_HISTORY_MAX ? end - CLADE_NEIGHBOURS_HISTORY_MAX : start;
}

/** One worker's scratch: sums by item or customer, and which of them are not zero. */
typedef struct clade__sums {
    float    *sum;
    uint32_t *touched;
    size_t    n_touched;
} clade__sums;

static inline void clade__sums_add(clade__sums *sums, uint32_t at, float weight)
{
    if (!(weight > 0.0f)) return; /* what is touched is above 0, so it is listed once */
    if (sums->sum[at] == 0.0f) sums->touched[sums->n_touched++] = at;
    sums->sum[at] += weight;
}

CLADE_MUST_USE clade_status clade__fit_rules(clade_neighbours *fitted, uint32_t reach,
                                             clade_error *err);
CLADE_MUST_USE clade_status clade__fit_items(clade_neighbours *fitted, clade_error *err);
CLADE_MUST_USE clade_status clade__fit_holders(clade_neighbours *fitted, clade_error *err);

/** Keep `one` if it is among the k best so far; a heap whose root is the worst. Equal weights: the
 *  lower item is better. Gives the new number. */
size_t clade__keep_best(clade__beside *heap, size_t n, size_t k, clade__beside one);
/** Turn such a heap into a list, best first. */
void clade__sort_best(clade__beside *heap, size_t n);

/** One worker's scratch for session-knn, all zero between cases. */
typedef struct clade__meeting {
    clade__sums similar; /* by customer */
    clade__beside
             *nearest; /* (n_neighbours) .item holds UINT32_MAX - customer: newer ones win ties */
    uint16_t *lag;     /* (n_items + 1) 1 + lag of an item of the history, 0 for others */
} clade__meeting;

/** Add to `score` what the customers nearest to a history say. */
void clade__score_sessions(clade__sums *score, clade__meeting *meeting,
                           const clade_neighbours *fitted, const clade_sequences *sequences,
                           const clade_case *one);

#endif
