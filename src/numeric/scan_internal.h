/* What the files of scan share: the index, the kernels, and the bounds. The letters are those of
 * docs/maths/retrieval.md. */
#ifndef CLADE_SCAN_INTERNAL_H
#define CLADE_SCAN_INTERNAL_H

#include "clade/scan.h"

#include <math.h>

enum {
    CLADE__SCAN_ROWS   = 32,  /* items of a block */
    CLADE__SCAN_STEP   = 4,   /* numbers of an item that lie side by side in a block */
    CLADE__SCAN_ITEM   = 63,  /* r lies in -63 .. 63 and is kept as 0 .. 126, */
    CLADE__SCAN_QUERY  = 65,  /* u in -65 .. 65: eight products, 4 * 126 * 65 a lane, fit 16 bits */
    CLADE__SCAN_BLOCKS = 8,   /* blocks of a stripe, for all of which one set of limits holds */
    CLADE__SCAN_STRIPE = 256, /* items of a stripe */
    CLADE__SCAN_LANES  = 16,  /* interleaved sums of an exact score */
    CLADE__SCAN_PAIR   = 2    /* queries that share one reading of a block */
};

/* What holds for every item i of a stripe; rounded up. */
typedef struct clade__scan_limits {
    float g;      /* max |e_i| / s_i: rounding error of a row, in its own steps */
    float r;      /* max |s_i r_i|: length of the rounded row */
    float sg;     /* max s_i times g */
    float b;      /* max |b_i| */
    float length; /* max |x_i|, of this stripe and all later ones */
    float bias;   /* max b_i, of this stripe and all later ones */
} clade__scan_limits;

/* Items by falling length, equal ones by number: `place` counts in that order, `item` as the caller
 * does. Places beyond the last item are zero rows. */
struct clade_scan {
    size_t              n_items;
    size_t              d;
    size_t              n_steps; /* d / 4, rounded up to an even number */
    size_t              n_blocks;
    size_t              n_stripes;
    const float        *x;     /* (n_items, d) row-major, by item */
    float              *owned; /* x, or NULL where it is borrowed */
    float              *bias;  /* (n_items) by item, or NULL */
    uint32_t           *group; /* (n_items) by item, or NULL */
    size_t              n_groups;
    uint8_t            *packed; /* (n_blocks, n_steps, 32 items, 4 numbers): r + 63 */
    float              *scale;  /* (n_blocks, 32): s */
    float              *raise;  /* (n_blocks, 32): b by place, or NULL */
    uint32_t           *item;   /* (n_blocks, 32) */
    clade__scan_limits *limits; /* (n_stripes) */
};

/* A query in steps of its own: q_j = t u_j + f_j. */
typedef struct clade__scan_query {
    int8_t *u;      /* (4 n_steps) */
    double *exact;  /* (d rounded up to 16) the query itself, zeros behind it */
    int32_t offset; /* -63 times the sum of u, which takes the 63 out of a product */
    float   t;
    double  q_length; /* |q|, rounded up */
    double  f_length; /* |f|, rounded up */
    /* of the stripe at hand: an item's upper bound is s_i (t u.r_i + qg) + c + b_i */
    float qg;
    float c;
    float least; /* items whose upper bound is below cannot be in the answer */
} clade__scan_query;

/* The largest value of a query, or NAN when it is not finite or exceeds CLADE_VALUE_MAX. */
float clade__scan_largest(const float *x, size_t d);
/* Fill u, exact, t and the lengths. `largest` is what clade__scan_largest said. */
void clade__scan_query_set(clade__scan_query *query, const float *q, float largest, size_t d,
                           size_t n_steps);

/*
 * Room for rounding, where less would do. Lengths are sums of squares in double, off by less than
 * d 2^-52. A bound takes five roundings of a float, 2^-24 each: eight are allowed. What is lost
 * below the smallest normal float is at most 2^-150 a step.
 */
#define CLADE__SCAN_LENGTH    (1.0 + 1e-9)
#define CLADE__SCAN_ROUNDINGS 0x1p-21
#define CLADE__SCAN_UNDERFLOW 0x1p-140

/* A float that is surely not below (above) a value: one rounding is 2^-24 of it, or 2^-150. */
static inline float clade__scan_up(double value)
{
    return (float)(value + fabs(value) * 0x1p-22 + 0x1p-149);
}

static inline float clade__scan_down(double value)
{
    return (float)(value - fabs(value) * 0x1p-22 - 0x1p-149);
}

/*
 * Fill qg and c for a stripe. q.x_i - s_i t u.r_i = q.e_i + f.(s_i r_i), and by Cauchy and Schwarz
 * that is at most |q| |e_i| + |f| |s_i r_i| <= s_i |q| g + |f| r in size. c holds |f| r and the
 * room for rounding: no step of the kernel exceeds (|q| + 2 |f|) r + s_i |q| g + |b_i|.
 */
static inline void clade__scan_query_at(clade__scan_query *query, const clade__scan_limits *limits)
{
    const double q = query->q_length, f = query->f_length, r = (double)limits->r;
    const double largest = (q + 2.0 * f) * r + q * (double)limits->sg + (double)limits->b;
    query->qg            = clade__scan_up(q * (double)limits->g);
    query->c = clade__scan_up(f * r + CLADE__SCAN_ROUNDINGS * largest + CLADE__SCAN_UNDERFLOW);
}

/* What an item of the stripe scores at least, its upper bound being `high`. */
static inline float clade__scan_low(const clade__scan_query *query, float scale, float high)
{
    const double half = (double)scale * (double)query->qg + (double)query->c;
    return clade__scan_down((double)high - 2.0 * half);
}

/* false when no item from this stripe on can score `least` or more. */
static inline bool clade__scan_reaches(const clade__scan_query  *query,
                                       const clade__scan_limits *limits)
{
    const double most = query->q_length * (double)limits->length;
    const double room =
        CLADE__SCAN_ROUNDINGS * (most + fabs((double)limits->bias)) + CLADE__SCAN_UNDERFLOW;
    return most + (double)limits->bias + room >= (double)query->least;
}

/* Upper bounds of a stripe's items for one or two queries, and a bit for each item whose bound
 * reaches `least`. What lies beyond the last block is not written. */
typedef struct clade__scan_bounds {
    _Alignas(64) float high[CLADE__SCAN_BLOCKS][CLADE__SCAN_ROWS];
    uint32_t mask[CLADE__SCAN_BLOCKS];
} clade__scan_bounds;

void clade__scan_stripe(clade__scan_bounds *out, const clade_scan *index, size_t stripe,
                        clade__scan_query *const *query, size_t n_queries, clade_isa isa);

/* q.x in double, in sixteen interleaved sums: q (d rounded up to 16) with zeros behind, x (d). */
double clade__scan_dot(const double *q, const float *x, size_t d, clade_isa isa);

/* ---- Working memory -------------------------------------------------------------------------- */

/* A candidate: its score lies in [low, high], and is known where these are equal. */
typedef struct clade__scan_candidate {
    uint64_t key; /* low, turned so that larger ones are smaller numbers, above the item */
    float    low;
    float    high;
} clade__scan_candidate;

/* One query under way. */
typedef struct clade__scan_state {
    clade__scan_query        query;
    const clade_scan_filter *filter;
    size_t                   n;
    clade__scan_candidate   *candidate; /* (capacity) */
    size_t                   n_candidates;
    size_t                   capacity; /* of this query: a multiple of n */
    float                   *floor;    /* (n_groups) items of a group below it are crowded out */
} clade__scan_state;

/* What one thread brings. */
typedef struct clade__scan_worker {
    clade__scan_state     *state;  /* (n_states) */
    clade__scan_candidate *sorted; /* (capacity) room to sort in */
    uint32_t              *count;  /* (n_groups) zeros between calls */
    double                *near;   /* (CLADE_SCAN_WIDTH_MAX + 2 n_max) for clade_scan_diversify */
    uint64_t               n_scored;
    clade_isa              isa; /* of the call under way */
} clade__scan_worker;

struct clade_scan_room {
    const clade_scan   *index;
    size_t              n_max;
    size_t              n_workers;
    size_t              n_states; /* of a worker */
    clade__scan_worker *worker;
};

#endif
