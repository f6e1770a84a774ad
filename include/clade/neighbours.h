/**
 * Neighbours: the plain ways to tell the next item, which every model has to beat. They count; none
 * of them learns by gradient, and each fits in seconds.
 *
 * With item counts c_i (customers who have item i), co-occurrence c_ij (customers who have both),
 * and lag l = 0, 1, ... of an event of the history counted from its newest, weight w(l) = 2^(-l /
 * half_life), which counts as 0 below 2^-13:
 *
 *     popular       score(j) = events of j
 *     popular-7d    score(j) = events of j in the seven days before the question
 *     own           score(j) = sum of w(l) over the history's events of j
 *     markov        score(j) = how often j came right after the newest item
 *     rules         score(j) = sum over the history of w(l) sum over d <= reach of n_d(i, j) / d,
 *                   n_d: how often j came d events after i
 *     item-knn      score(j) = sum over the history of w(l) s_ij, over the neighbours j of i,
 *                   s_ij = c_ij / (sqrt(c_i c_j) + shrink)
 *     session-knn   score(j) = sum over the most similar customers of their similarity times
 *                   2^(-distance / near), distance in events between j and the newest shared item
 */
#ifndef CLADE_NEIGHBOURS_H
#define CLADE_NEIGHBOURS_H

#include "clade/sequences.h"

typedef enum clade_neighbours_kind {
    CLADE_NEIGHBOURS_POPULAR,
    CLADE_NEIGHBOURS_POPULAR_7D,
    CLADE_NEIGHBOURS_OWN,
    CLADE_NEIGHBOURS_MARKOV,
    CLADE_NEIGHBOURS_RULES,
    CLADE_NEIGHBOURS_ITEM_KNN,
    CLADE_NEIGHBOURS_SESSION_KNN,
    CLADE_N_NEIGHBOURS
} clade_neighbours_kind;

enum {
    /* Newest events of a customer that count, in a fit and in a history: a robot has millions. */
    CLADE_NEIGHBOURS_HISTORY_MAX = 1000,
};

/** What is tuned. Those marked "fit" are read by the fit alone. */
typedef struct clade_neighbours_options {
    uint32_t n_neighbours; /* item-knn: items beside each item; session-knn: customers; 0: 100 */
    uint32_t n_recent;     /* session-knn: newest customers looked at for each item; 0: 500 */
    uint32_t reach;        /* fit; rules: events between an item and what follows it; 0: 1 */
    double   shrink;       /* fit; item-knn: customers that a similarity has to outweigh */
    double half_life; /* events after which the weight of a history's event is half; 0: all alike */
    double near;      /* session-knn: events after which closeness counts half; 0: all alike */
    double repeat;    /* what an item of the history says for itself, times w(l); 0: nothing */
    bool   backoff;   /* items that nothing speaks for are in the order of popularity, below all
                         others; else they have no answer (-INFINITY) */
    bool first_seen;  /* fit; markov: equal counts stand in the order in which the pairs were first
                         seen, as published figures have it; else they are equal */
    bool    has_now;  /* popular-7d: every question is asked at one moment, */
    int64_t now_us;   /* this; else when the newest event of the history came */
} clade_neighbours_options;

typedef struct clade_neighbours clade_neighbours;

/** "popular", "popular-7d", "own", "markov", "rules", "item-knn", "session-knn". */
CLADE_API const char *clade_neighbours_name(clade_neighbours_kind kind);

/**
 * Count a log.
 *
 * @param train    Borrowed until the free.
 * @param options  May be NULL.
 * @return CLADE_OK; CLADE_ERR_DATA for popular-7d over a log without moments; CLADE_ERR_ARG for a
 *         negative weight; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_neighbours_free, which accepts NULL.
 * Repeatable  Bit for bit, whatever the number of threads: items are tasks.
 * Cost        O(events) for most kinds, O(events reach) for rules; item-knn: the sum of squared
 *             histories, 2 s for a million events of 6,000 customers.
 * Source      Sarwar, Karypis, Konstan and Riedl (2001), WWW, 285-295 (item-knn).
 *             Ludewig and Jannach (2018), UMUAI 28, 331-390 (rules, session-knn).
 *             Garg, Gupta, Malhotra, Vig and Shroff (2019), SIGIR, 1069-1072 (closeness).
 */
CLADE_API CLADE_MUST_USE clade_status clade_neighbours_fit(clade_neighbours              **out,
                                                           clade_neighbours_kind           kind,
                                                           const clade_sequences          *train,
                                                           const clade_neighbours_options *options,
                                                           clade_error                    *err);
CLADE_API void                        clade_neighbours_free(clade_neighbours *fitted);

/** Other options without a new fit. Those marked "fit" stay, and n_neighbours of item-knn cannot
 *  grow above what was fitted. */
CLADE_API void clade_neighbours_set(clade_neighbours               *fitted,
                                    const clade_neighbours_options *options);

/** A scorer over the fitted counts; lent until the free. It uses all threads. */
CLADE_API clade_scorer clade_neighbours_scorer(clade_neighbours *fitted);

#endif
