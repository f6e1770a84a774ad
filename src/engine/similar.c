/* Nearest customers by cosine: every vector is looked at once, in blocks; each block keeps its best
 * in a heap, and the heaps are joined in order. Runs once a question. */
#include "clade/vectors.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK_ROWS = 8192, LANES = 8 };

typedef struct scan {
    const clade_vectors    *vectors;
    const float            *wanted; /* (d) */
    double                  length; /* of it */
    size_t                  row;    /* of the customer himself */
    size_t                  k;      /* kept a block */
    clade_similar_customer *best;   /* (n_blocks, k), each a heap with the farthest on top */
    size_t                 *n_best; /* (n_blocks) */
} scan;

/* a'b and b'b in eight partial sums that are added in order: the same bits however it is compiled.
 */
static void products(double *out_ab, double *out_bb, const float *a, const float *b, size_t d)
{
    double ab[LANES] = { 0 }, bb[LANES] = { 0 };
    size_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            ab[l] += (double)a[j + l] * (double)b[j + l];
            bb[l] += (double)b[j + l] * (double)b[j + l];
        }
    }
    for (size_t l = 0; j < d; j++, l++) {
        ab[l] += (double)a[j] * (double)b[j];
        bb[l] += (double)b[j] * (double)b[j];
    }
    *out_ab = *out_bb = 0;
    for (size_t l = 0; l < LANES; l++) {
        *out_ab += ab[l];
        *out_bb += bb[l];
    }
}

static bool is_nearer(const clade_similar_customer *a, const clade_similar_customer *b)
{
    return a->cosine != b->cosine ? a->cosine > b->cosine : a->customer < b->customer;
}

static void sift_down(clade_similar_customer *heap, size_t n, size_t at)
{
    for (;;) {
        size_t       farthest = at;
        const size_t left     = 2 * at + 1;
        for (size_t child = left; child < n && child < left + 2; child++) {
            if (is_nearer(&heap[farthest], &heap[child])) farthest = child;
        }
        if (farthest == at) return;
        const clade_similar_customer swap = heap[at];
        heap[at]                          = heap[farthest];
        heap[farthest]                    = swap;
        at                                = farthest;
    }
}

static void offer(clade_similar_customer *heap, size_t *n, size_t k, clade_similar_customer one)
{
    if (*n < k) {
        size_t at = (*n)++;
        while (at > 0 && is_nearer(&heap[(at - 1) / 2], &one)) {
            heap[at] = heap[(at - 1) / 2];
            at       = (at - 1) / 2;
        }
        heap[at] = one;
    } else if (is_nearer(&one, &heap[0])) {
        heap[0] = one;
        sift_down(heap, k, 0);
    }
}

static void scan_block(size_t block, int worker, void *context)
{
    scan *const                   s    = context;
    const clade_vectors *const    v    = s->vectors;
    clade_similar_customer *const heap = s->best + block * s->k;
    const size_t                  end =
        (block + 1) * BLOCK_ROWS < v->n_customers ? (block + 1) * BLOCK_ROWS : v->n_customers;
    (void)worker;
    for (size_t row = block * BLOCK_ROWS; row < end; row++) {
        double ab = 0, bb = 0;
        if (row == s->row) continue;
        products(&ab, &bb, s->wanted, v->value + row * v->d, v->d);
        const double cosine = ab / (s->length * sqrt(bb));
        if (!isfinite(cosine)) continue;
        offer(heap, &s->n_best[block], s->k,
              (clade_similar_customer){ v->customer[row], fmin(fmax(cosine, -1), 1) });
    }
}

static int nearest_first(const void *a, const void *b)
{
    return is_nearer(b, a) - is_nearer(a, b);
}

/* The row of a customer, or n_customers. */
static size_t find_row(const clade_vectors *v, int64_t customer)
{
    size_t low = 0, high = v->n_customers;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (v->customer[middle] < customer)
            low = middle + 1;
        else
            high = middle;
    }
    return low < v->n_customers && v->customer[low] == customer ? low : v->n_customers;
}

clade_status clade_similar_customers(clade_similar_customer *out, size_t *out_n,
                                     const clade_vectors *vectors, int64_t customer, size_t k,
                                     clade_error *err)
{
    const size_t row      = find_row(vectors, customer);
    const size_t n_blocks = (vectors->n_customers + BLOCK_ROWS - 1) / BLOCK_ROWS;
    clade_status status   = CLADE_OK;
    double       square = 0, same = 0;
    size_t       n = 0;

    if (k == 0) return clade_fail(err, CLADE_ERR_ARG, "0 similar customers, wanted at least 1");
    if (row == vectors->n_customers)
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "customer %lld has no vector",
                          (long long)customer);
    scan s = { .vectors = vectors, .wanted = vectors->value + row * vectors->d, .row = row };
    products(&same, &square, s.wanted, s.wanted, vectors->d);
    if (!(square > 0) || !isfinite(square))
        return clade_fail(err, CLADE_ERR_DATA, "the vector of customer %lld has the length %g",
                          (long long)customer, sqrt(square));
    s.length = sqrt(square);
    s.k      = k < BLOCK_ROWS ? k : BLOCK_ROWS;
    s.best   = CLADE_NEW(clade_similar_customer, n_blocks * s.k);
    s.n_best = CLADE_NEW(size_t, n_blocks);
    if (s.best == NULL || s.n_best == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the nearest %zu customers", k);
        goto done;
    }
    clade_parallel(n_blocks, scan_block, &s);
    for (size_t block = 0; block < n_blocks; block++) { /* blocks move together, in order */
        memmove(s.best + n, s.best + block * s.k, s.n_best[block] * sizeof *s.best);
        n += s.n_best[block];
    }
    qsort(s.best, n, sizeof *s.best, nearest_first);
    *out_n = n < k ? n : k;
    memcpy(out, s.best, *out_n * sizeof *out);
done:
    free(s.best);
    free(s.n_best);
    return status;
}
