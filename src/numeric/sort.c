/*
 * Orders and quantiles. Orders run once for each column of a feature matrix and once for each AUC,
 * on up to millions of rows; hence a radix sort. Keys are the bits of a double, flipped so that
 * unsigned order is numeric order; floats become doubles first, whose low 29 bits are zero and cost
 * no pass.
 */
#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum { RADIX_BITS = 11, RADIX_SIZE = 1 << RADIX_BITS, RADIX_PASSES = 6, INSERTION_MAX = 24 };

typedef struct keyed {
    uint64_t key;
    uint32_t index;
} keyed;

static uint64_t key_of(double value)
{
    uint64_t bits;
    if (isnan(value)) return UINT64_MAX;
    value += 0.0; /* -0 becomes +0 */
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static void insertion_by_key(keyed *row, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const keyed moved = row[i];
        size_t      j     = i;
        for (; j > 0 && row[j - 1].key > moved.key; j--)
            row[j] = row[j - 1];
        row[j] = moved;
    }
}

/* From how often a digit is there to where its first one goes. */
static void starts_of(uint32_t count[RADIX_SIZE])
{
    uint32_t start = 0;
    for (int digit = 0; digit < RADIX_SIZE; digit++) {
        const uint32_t here = count[digit];
        count[digit]        = start;
        start += here;
    }
}

/* Least significant digit first. Returns whichever of the two arrays holds the result. */
static keyed *radix_by_key(keyed *from, keyed *to, size_t n, uint32_t *count)
{
    memset(count, 0, sizeof *count * RADIX_SIZE * RADIX_PASSES);
    for (size_t i = 0; i < n; i++) {
        for (int pass = 0; pass < RADIX_PASSES; pass++) {
            count[pass * RADIX_SIZE + (from[i].key >> (pass * RADIX_BITS)) % RADIX_SIZE]++;
        }
    }
    for (int pass = 0; pass < RADIX_PASSES; pass++) {
        uint32_t *const c     = count + pass * RADIX_SIZE;
        const int       shift = pass * RADIX_BITS;
        if (c[(from[0].key >> shift) % RADIX_SIZE] == n) continue; /* all digits agree */
        starts_of(c);
        for (size_t i = 0; i < n; i++)
            to[c[(from[i].key >> shift) % RADIX_SIZE]++] = from[i];
        keyed *const swap = from;
        from              = to;
        to                = swap;
    }
    return from;
}

static clade_status order_of(uint32_t *out_order, const double *f64, const float *f32,
                             size_t stride, size_t n, clade_error *err)
{
    clade_status status = CLADE_OK;
    keyed       *row    = NULL;
    uint32_t    *count  = NULL;
    if (n > CLADE_ROWS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot order %zu rows: at most %zu", n,
                          CLADE_ROWS_MAX);
    }
    if (n == 0) return CLADE_OK;

    row   = CLADE_NEW(keyed, 2 * n);
    count = CLADE_NEW(uint32_t, (size_t)RADIX_SIZE * RADIX_PASSES);
    if (row == NULL || count == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to order %zu rows", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        row[i].key   = key_of(f64 != NULL ? f64[i * stride] : (double)f32[i * stride]);
        row[i].index = (uint32_t)i;
    }

    const keyed *sorted = row;
    if (n <= INSERTION_MAX) {
        insertion_by_key(row, n);
    } else {
        sorted = radix_by_key(row, row + n, n, count);
    }
    for (size_t i = 0; i < n; i++)
        out_order[i] = sorted[i].index;
done:
    free(row);
    free(count);
    return status;
}

clade_status clade_order_f64(uint32_t *out_order, const double *value, size_t stride, size_t n,
                             clade_error *err)
{
    return order_of(out_order, value, NULL, stride, n, err);
}

clade_status clade_order_f32(uint32_t *out_order, const float *value, size_t stride, size_t n,
                             clade_error *err)
{
    return order_of(out_order, NULL, value, stride, n, err);
}

static void swap_f64(double *a, double *b)
{
    const double t = *a;
    *a             = *b;
    *b             = t;
}

static double median_of_three(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Three ways: [0, *below) < pivot, [*below, *above) = pivot, the rest > pivot. Equal values, which
 * counts and money are full of, are done with at once. */
static void partition(double *value, size_t n, double pivot, size_t *out_below, size_t *out_above)
{
    size_t below = 0, above = n;
    for (size_t i = 0; i < above;) {
        if (value[i] < pivot) {
            swap_f64(&value[i++], &value[below++]);
        } else if (value[i] > pivot) {
            swap_f64(&value[i], &value[--above]);
        } else {
            i++;
        }
    }
    *out_below = below;
    *out_above = above;
}

static void sift_down(double *heap, size_t root, size_t n)
{
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && heap[child] < heap[child + 1]) child++;
        if (!(heap[root] < heap[child])) return;
        swap_f64(&heap[root], &heap[child]);
        root = child;
    }
}

static void heap_sort(double *value, size_t n)
{
    for (size_t i = n / 2; i > 0; i--)
        sift_down(value, i - 1, n);
    for (size_t i = n; i > 1; i--) {
        swap_f64(&value[0], &value[i - 1]);
        sift_down(value, 0, i - 1);
    }
}

static void sort_finite(double *value, size_t n, int depth_left)
{
    while (n > INSERTION_MAX) {
        size_t below, above;
        if (depth_left-- == 0) {
            heap_sort(value, n);
            return;
        }
        partition(value, n, median_of_three(value[0], value[n / 2], value[n - 1]), &below, &above);
        if (below < n - above) { /* recurse into the smaller part, go on with the larger */
            sort_finite(value, below, depth_left);
            value += above;
            n -= above;
        } else {
            sort_finite(value + above, n - above, depth_left);
            n = below;
        }
    }
    for (size_t i = 1; i < n; i++) {
        const double moved = value[i];
        size_t       j     = i;
        for (; j > 0 && value[j - 1] > moved; j--)
            value[j] = value[j - 1];
        value[j] = moved;
    }
}

void clade_sort_f64(double *value, size_t n)
{
    size_t n_finite = 0;
    int    depth    = 2;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(value[i])) swap_f64(&value[i], &value[n_finite++]);
    }
    for (size_t left = n_finite; left > 0; left >>= 1)
        depth += 2;
    sort_finite(value, n_finite, depth);
}

/* Three digits of eleven bits; bits flipped so that unsigned order is numeric order. */
void clade_sort_f32(float *value, uint32_t *spare, size_t n)
{
    enum { PASSES = 3 };
    uint32_t  count[PASSES][RADIX_SIZE] = { 0 };
    uint32_t *from = spare, *to = spare + n;

    for (size_t i = 0; i < n; i++) {
        const float x    = value[i] + 0.0f; /* -0 becomes +0 */
        uint32_t    bits = 0;
        memcpy(&bits, &x, sizeof bits);
        from[i] = bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
        for (int pass = 0; pass < PASSES; pass++)
            count[pass][(from[i] >> (pass * RADIX_BITS)) % RADIX_SIZE]++;
    }
    for (int pass = 0; pass < PASSES && n > 0; pass++) {
        uint32_t *const c     = count[pass];
        const int       shift = pass * RADIX_BITS;
        if (c[(from[0] >> shift) % RADIX_SIZE] == n) continue; /* all digits agree */
        starts_of(c);
        for (size_t i = 0; i < n; i++)
            to[c[(from[i] >> shift) % RADIX_SIZE]++] = from[i];
        uint32_t *const swap = from;
        from                 = to;
        to                   = swap;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = from[i] >> 31 ? from[i] & ~(UINT32_C(1) << 31) : ~from[i];
        memcpy(&value[i], &bits, sizeof bits);
    }
}

double clade_quantile_sorted(const double *sorted, size_t n, double p)
{
    if (n == 0) return (double)NAN;
    const double place = p * (double)(n - 1);
    const size_t low   = (size_t)place;
    if (low + 1 >= n) return sorted[n - 1];
    return sorted[low] + (place - (double)low) * (sorted[low + 1] - sorted[low]);
}

/* Put the k-th smallest at its place, nothing larger before it, nothing smaller behind it. */
static void select_f64(double *value, size_t n, size_t k)
{
    int depth_left = 8;
    for (size_t left = n; left > 0; left >>= 1)
        depth_left += 2;
    while (n > 1) {
        size_t below, above;
        if (depth_left-- == 0) {
            heap_sort(value, n);
            return;
        }
        partition(value, n, median_of_three(value[0], value[n / 2], value[n - 1]), &below, &above);
        if (k < below) {
            n = below;
        } else if (k < above) {
            return;
        } else {
            value += above;
            n -= above;
            k -= above;
        }
    }
}

double clade_quantile_f64(double *value, size_t n, double p)
{
    if (n == 0) return (double)NAN;
    const double place = p * (double)(n - 1);
    const size_t low   = (size_t)place;
    select_f64(value, n, low);
    if (low + 1 >= n) return value[low];

    double next = value[low + 1];
    for (size_t i = low + 2; i < n; i++)
        next = fmin(next, value[i]);
    return value[low] + (place - (double)low) * (next - value[low]);
}
