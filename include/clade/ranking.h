/**
 * Ranking: where the item that came stood among all items, and what that says of a scorer.
 *
 * The whole catalogue is ranked; nothing is sampled. Equal scores are settled by expectation: a
 * target with b items above it and e others beside it stands at each of the ranks b + 1 .. b + e +
 * 1 with the same chance, and every metric is its mean over these. So a scorer gains nothing by
 * constant scores, and nothing depends on how items are numbered.
 *
 * -INFINITY says "no answer": such an item is never listed, and as a target it is not ranked, so it
 * is no hit at any k. A NAN counts as a score above every target, and a target with a NAN has all
 * others above it.
 */
#ifndef CLADE_RANKING_H
#define CLADE_RANKING_H

#include "clade/metrics.h"
#include "clade/sequences.h"

enum {
    CLADE_RANKING_N_K = 6,  /* cuts that are reported */
    CLADE_RANKING_TOP = 10, /* items of a list that coverage, novelty and popularity look at */
};

/** 5, 10, 20, 50, 100, 200. */
CLADE_API extern const uint32_t clade_ranking_k[CLADE_RANKING_N_K];

/** The place of a target among all items. */
typedef struct clade_rank {
    uint32_t better; /* items with a higher score; CLADE_RANK_NONE: the target is not ranked */
    uint32_t equal;  /* other items with the same score */
} clade_rank;
#define CLADE_RANK_NONE UINT32_MAX

/**
 * The place of one target in a row of scores.
 *
 * Shapes      score (n_items + 1), [0] is not read; excluded (n_excluded), distinct items.
 * @param excluded  Items that are left out of the ranking, or NULL. A target among them has the
 *                  rank CLADE_RANK_NONE.
 * @return false when a score is NAN.
 * Repeatable  The same counts in every instruction set.
 * Cost        One pass over the row: 43,000 items take about 5 us with AVX2.
 */
CLADE_API bool clade_rank_row(clade_rank *out, const float *score, uint32_t n_items,
                              uint32_t target, const uint32_t *excluded, size_t n_excluded);

/**
 * The k highest items of a row, best first; of equal scores the lowest item comes first. Items at
 * -INFINITY or NAN are never listed, and places that stay free hold 0.
 *
 * @param k  At most CLADE_RANKING_TOP.
 */
CLADE_API void clade_rank_top(uint32_t *out_item, size_t k, const float *score, uint32_t n_items,
                              const uint32_t *excluded, size_t n_excluded);

/** What a case waits for, where that is more than its target: the items of a basket. */
typedef struct clade_targets {
    uint64_t *start; /* (n_cases + 1), rising; the items of case i are [start[i], start[i + 1]) */
    uint32_t *item;  /* distinct within a case */
} clade_targets;

/** Ranks of a run of cases. Arrays that are NULL are not made. */
typedef struct clade_ranks {
    clade_rank *all;        /* (n_targets) among all items */
    clade_rank *unseen;     /* (n_targets) without the items of the case's own history */
    uint32_t   *top_all;    /* (n_cases, CLADE_RANKING_TOP) */
    uint32_t   *top_unseen; /* (n_cases, CLADE_RANKING_TOP) */
} clade_ranks;

/**
 * Ranks for a batch of scored cases.
 *
 * Shapes      score (n_cases, n_items + 1) row-major, as a clade_scorer fills it.
 * @param out      The arrays it points to are written from their start.
 * @param targets  NULL: the target of each case alone. Else out->all and out->unseen hold
 *                 targets->start[n_cases] - targets->start[0] ranks.
 * @return CLADE_OK; CLADE_ERR_DATA naming the first case with a NAN (the ranks are written all the
 *         same); CLADE_ERR_NOMEM.
 * Repeatable  Whatever the number of threads: cases are tasks.
 * Cost        O(n_cases n_items + n_cases history), on all threads.
 */
CLADE_API CLADE_MUST_USE clade_status clade_rank_cases(clade_ranks *out, const float *score,
                                                       const clade_sequences *sequences,
                                                       const clade_case *cases, size_t n_cases,
                                                       const clade_targets *targets,
                                                       clade_error         *err);

/** What is measured: ranks, and optionally the lists and how common items are. */
typedef struct clade_ranking_input {
    const clade_case *cases; /* (n_cases), those of one customer side by side */
    size_t            n_cases;
    const uint64_t   *target_start; /* (n_cases + 1) from 0, or NULL: one target a case */
    const clade_rank *rank;         /* (n_targets) */
    const uint32_t   *top;          /* (n_cases, CLADE_RANKING_TOP), or NULL */
    const uint64_t   *item_count;   /* (n_items + 1) events of each item in training; with top */
    uint32_t          n_items;
    uint64_t          seed;
    size_t            n_draws; /* of the bootstrap; 0: no intervals */
} clade_ranking_input;

/** Means over cases with 95 % intervals. What was not asked for is NAN. */
typedef struct clade_ranking {
    size_t n_cases;
    size_t n_customers; /* runs of cases of one customer: what is resampled */
    clade_interval
        hit[CLADE_RANKING_N_K]; /* chance of any target within k: HR@k, of baskets PHR@k */
    clade_interval recall[CLADE_RANKING_N_K]; /* share of the targets; equals hit for one target */
    clade_interval ndcg[CLADE_RANKING_N_K];
    clade_interval mrr;         /* 1 / rank of the first target */
    clade_interval mrr_20;      /* the same, 0 beyond rank 20 */
    double         coverage_10; /* share of the catalogue in any top 10 */
    double novelty_10; /* mean of -log2 p over listed items, p = (count + 1) / (events + n_items) */
    double popular_10; /* share of listed items in the short head: the fewest items that hold a
                          third of all training events */
} clade_ranking;

/**
 * Metrics of ranked cases.
 *
 * NDCG@k is the sum of 1 / log2(rank + 1) over targets within k, over the most it could be. The
 * interval is that of a bootstrap over customers (their cases stay together), percentile, 95 %.
 *
 * @return CLADE_OK; CLADE_ERR_ARG for no cases; CLADE_ERR_NOMEM. `out` untouched on error.
 * Repeatable  Bit for bit: draw d is a stream of its own.
 * Cost        O(n_cases + n_draws n_customers) on all threads.
 * Source      Jaervelin and Kekaelaeinen (2002), ACM TOIS 20(4), 422-446 (NDCG).
 *             McSherry and Najork (2008), ECIR, 414-421 (ties by expectation).
 *             Cremonesi, Koren and Turrin (2010), RecSys, 39-46 (short head).
 */
CLADE_API CLADE_MUST_USE clade_status clade_ranking_measure(clade_ranking             *out,
                                                            const clade_ranking_input *input,
                                                            clade_error               *err);

#endif
