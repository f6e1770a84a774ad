/* What the files of clusters share. */
#ifndef CLADE_CLUSTERS_INTERNAL_H
#define CLADE_CLUSTERS_INTERNAL_H

#include "clade/clusters.h"
#include "clade/numeric.h"
#include "clade/run.h"

/* Rows and what they weigh; the view that every pass works on. */
typedef struct clade__rows {
    const float *x;      /* (n, d) row-major */
    const float *weight; /* (n), or NULL for ones */
    size_t       n;
    size_t       d;
} clade__rows;

/* n rows cut into blocks, whose sums of `n_sums` doubles each stay below 64 MB together. A function
 * of these numbers alone, and never of the number of threads. */
typedef struct clade__cut {
    size_t rows; /* in a block; the last may be shorter */
    size_t n;    /* blocks */
} clade__cut;

clade__cut clade__cut_of(size_t n, size_t n_sums);

static inline size_t clade__cut_end(clade__cut cut, size_t block, size_t n)
{
    return (block + 1) * cut.rows < n ? (block + 1) * cut.rows : n;
}

/* Squared distance of the centred row x - shift from a centre that is centred already. Eight lanes
 * in a fixed order and no fused multiply-add: the same bits everywhere. */
static inline __attribute__((always_inline)) float clade__distance2(const float *x,
                                                                    const float *shift,
                                                                    const float *moved, size_t d)
{
    typedef float v8 __attribute__((vector_size(32)));
    v8            sum  = { 0 };
    float         tail = 0.0f;
    size_t        j    = 0;
    for (; j + 8 <= d; j += 8) {
        v8 a, b, c;
        memcpy(&a, x + j, sizeof a);
        memcpy(&b, shift + j, sizeof b);
        memcpy(&c, moved + j, sizeof c);
        const v8 away = a - b - c;
        sum += away * away;
    }
    for (; j < d; j++) {
        const float away = x[j] - shift[j] - moved[j];
        tail += away * away;
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + tail;
}

/* Lloyd's method over one set of rows: see lloyd.c. */
typedef enum clade__bounds {
    CLADE__BOUNDS_NEVER,
    CLADE__BOUNDS_WHEN_WORTH,
    CLADE__BOUNDS_ALWAYS /* from the second pass on, for tests */
} clade__bounds;

typedef struct clade__lloyd_options {
    size_t        max_iter;
    double        tolerance_abs; /* distance; 0: until no label changes */
    clade__bounds bounds;
} clade__lloyd_options;

typedef struct clade__lloyd_result {
    size_t n_iter;
    bool   converged;
    size_t n_repaired;
    double share_skipped;
    double objective;
} clade__lloyd_result;

/* Refine centre (k, d) over the rows; out_label (n) and out_weight (k) are written. */
clade_status clade__lloyd(float *centre, uint32_t *out_label, double *out_weight,
                          clade__lloyd_result *out, const clade__rows *rows, size_t k,
                          const float *shift, const clade__lloyd_options *options,
                          clade_error *err);

/* Greedy k-means++ over the rows: centre (k, d) is written. */
clade_status clade__seed(float *centre, const clade__rows *rows, size_t k, const float *shift,
                         clade_rng *rng, clade_error *err);

/* The mean of some rows, rounded: a point near which floats are precise. */
void clade__shift_of(float *shift, const clade__rows *rows);

/* How many rows share cluster a and cluster b: (k_a, k_b), the caller frees. Rows of which either
 * label is CLADE_NO_MATCH are left out; any other label too large is CLADE_ERR_DATA. */
clade_status clade__table_of(size_t **out_table, const uint32_t *label_a, size_t k_a,
                             const uint32_t *label_b, size_t k_b, size_t n, clade_error *err);
double       clade__rand_of(const size_t *table, size_t k_a, size_t k_b);
void         clade__jaccard_of(double *out_jaccard, const size_t *table, size_t k_a, size_t k_b);

/* n_wanted of n rows without replacement, rising (selection sampling, Knuth 3.4.2 S). */
void clade__sample_rows(uint32_t *out_row, size_t n_wanted, size_t n, clade_rng *rng);

#endif
