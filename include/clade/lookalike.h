/**
 * Look-alikes: the customers most like a list.
 *
 * A shop knows some of the customers it wants more of (its best, its members, those who answered a
 * campaign) and not who else is one. The seeds are positives; everybody else is unlabelled, and
 * some of them are positives too. What tells a seed from the rest is learnt on four fifths of all
 * customers and asked of the fifth that was left out, so that nobody is ranked by a model that was
 * told the answer. When seeds are a chance sample of the kind that is sought, the order by "is it a
 * seed" is the order by "is it of the kind" (Elkan and Noto 2008), so the ranking needs no
 * correction; the precision does, and comes as a bracket.
 */
#ifndef CLADE_LOOKALIKE_H
#define CLADE_LOOKALIKE_H

#include "clade/features.h"

enum {
    CLADE_LOOKALIKE_POINTS    = 10, /* of the curve */
    CLADE_LOOKALIKE_MIN_SEEDS = 20, /* fewer cannot be left out in turn and still be learnt from */
};

/** What the n customers ranked highest hold, had the seeds been hidden among all the others. */
typedef struct clade_lookalike_point {
    size_t n;
    double found;                 /* share of the seeds among them */
    double found_low, found_high; /* 95 % (Wilson) */
    double lift;                  /* how many times more seeds than n customers drawn by chance */
    /* Share of the n that are of the kind: at least, counting every unlabelled customer as wrong;
     * and at most, by the most customers of the kind that the ranking leaves room for. */
    double precision_low, precision_high;
} clade_lookalike_point;

typedef enum clade_lookalike_method {
    CLADE_LOOKALIKE_ADDITIVE,   /* additive model of seed or not */
    CLADE_LOOKALIKE_TREES,      /* boosted trees */
    CLADE_LOOKALIKE_BLEND,      /* mean rank of the two */
    CLADE_LOOKALIKE_NEIGHBOURS, /* distance to the nearest seeds */
    CLADE_N_LOOKALIKE_METHOD
} clade_lookalike_method;
CLADE_API const char *clade_lookalike_method_name(clade_lookalike_method method);

typedef struct clade_lookalike {
    size_t   n;         /* as many as were asked for, or all there are */
    int64_t *customer;  /* (n) most alike first; no seed among them */
    double  *likeness;  /* (n) share of all customers that are less like the seeds, 0..1 */
    size_t   n_seeds;   /* known ones, each once */
    size_t   n_unknown; /* seeds that are no customers at this moment */
    size_t   n_others;  /* customers that are not seeds */
    clade_lookalike_method method; /* found more seeds than the others, over the curve */
    size_t                 n_points;
    clade_lookalike_point  point[CLADE_LOOKALIKE_POINTS]; /* the last is the size asked for */
} clade_lookalike;

/**
 * Rank everybody else by likeness to the seeds.
 *
 * @param features  As of the moment of asking.
 * @param seed_customer  (n_seeds) customer numbers in any order; repeats count once.
 * @param size      How many look-alikes are wanted, at least 1.
 * @return CLADE_ERR_NOT_READY naming how many seeds are known when they are fewer than
 *         CLADE_LOOKALIKE_MIN_SEEDS, or when nobody else is left; CLADE_ERR_ARG for a size of 0.
 *
 * Ownership   Free with clade_lookalike_free, which accepts NULL.
 * Repeatable  Bit for bit, whatever the number of threads. Ties go to the lower customer number.
 * Cost        Five fits of each method on at most 40,000 customers; O(customers) to rank.
 * Source      Elkan and Noto (2008), KDD, 213-220. Mordelet and Vert (2014), Pattern Recognition
 *             Letters 37, 201-209 (leaving out). Scott (2015), AISTATS, 838-846 (the upper bound).
 */
CLADE_API CLADE_MUST_USE clade_status clade_lookalike_find(clade_lookalike     **out_lookalike,
                                                           const clade_features *features,
                                                           const int64_t        *seed_customer,
                                                           size_t n_seeds, size_t size,
                                                           uint64_t seed, clade_error *err);
CLADE_API void                        clade_lookalike_free(clade_lookalike *lookalike);

#endif
