/* Cutting columns into bins. With at most max_bin distinct values every gap between two of them is
 * a cut; with more, the cuts are spread so that each bin holds about as many rows. */
#include "cart.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

float clade__round_between(float low, float high)
{
    const double a = (double)low, b = (double)high, middle = 0.5 * (a + b);
    const double largest = fmax(fabs(a), fabs(b));
    if (low < 0 && high >= 0) return 0.0f;

    /* Steps of 10^k from above the values down to below float's resolution of them. */
    const int top = (int)ceil(log10(largest)) + 1;
    for (int k = top; k >= top - 12; k--) {
        const double p = pow(10, abs(k));
        double       x = k >= 0 ? round(middle / p) * p : round(middle * p) / p;
        if (!(x > a && x <= b)) x = k >= 0 ? floor(b / p) * p : floor(b * p) / p;
        const float f = (float)x;
        if (f > low && f <= high) return f;
    }
    return high;
}

/* Rows of a matrix are cut column by column, LANES columns at a time: a cache line of values. */
enum { LANES = 16, COLUMNS = LANES + 1, KEYS = 2 };

typedef struct bin_job {
    const clade_tree_data *data;
    cart_bins             *bins;
    float                 *column; /* (n_workers, COLUMNS, n_rows): the last one is sorted */
    uint32_t              *key;    /* (n_workers, KEYS, n_rows) */
} bin_job;

/* Cuts of a sorted column without absences. Returns their number. */
static size_t choose_cuts(float *out_cut, const float *sorted, size_t n, size_t max_bin)
{
    size_t n_distinct = n > 0, n_cuts = 0;
    for (size_t i = 1; i < n; i++)
        n_distinct += sorted[i] > sorted[i - 1];
    const bool all = n_distinct <= max_bin;
    for (size_t i = 1; i < n && n_cuts + 1 < max_bin; i++) {
        if (!(sorted[i] > sorted[i - 1])) continue;
        /* Rows below this gap against those that the bins so far should hold. */
        const bool due = (double)i * (double)max_bin >= (double)(n_cuts + 1) * (double)n;
        if (all || due) out_cut[n_cuts++] = clade__round_between(sorted[i - 1], sorted[i]);
    }
    return n_cuts;
}

static uint16_t code_of(float value, const float *cut, size_t n_cuts)
{
    size_t low = 0, high = n_cuts; /* The first cut above the value. */
    if (isnan(value)) return (uint16_t)(n_cuts + 1);
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (cut[middle] <= value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (uint16_t)low;
}

static void bin_column(cart_bins *bins, size_t k, const float *column, float *sorted,
                       uint32_t *spare, size_t n_rows)
{
    float    *cut  = bins->cut + k * bins->max_bin;
    uint16_t *code = bins->code + k * n_rows;
    size_t    n    = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (!isnan(column[i])) sorted[n++] = column[i];
    }
    clade_sort_f32(sorted, spare, n);
    bins->n_cuts[k] = choose_cuts(cut, sorted, n, bins->max_bin);
    for (size_t i = 0; i < n_rows; i++)
        code[i] = code_of(column[i], cut, bins->n_cuts[k]);
}

static void bin_columns(size_t block, int worker, void *context)
{
    const bin_job         *job    = context;
    const clade_tree_data *data   = job->data;
    const size_t           n_rows = data->n_rows, first = block * LANES;
    const size_t    n_lanes = data->n_columns - first < LANES ? data->n_columns - first : LANES;
    float *const    column  = job->column + (size_t)worker * COLUMNS * n_rows;
    uint32_t *const key     = job->key + (size_t)worker * KEYS * n_rows;

    for (size_t i = 0; i < n_rows; i++) {
        for (size_t lane = 0; lane < n_lanes; lane++)
            column[lane * n_rows + i] = data->value[i * data->n_columns + first + lane];
    }
    for (size_t lane = 0; lane < n_lanes; lane++)
        bin_column(job->bins, first + lane, column + lane * n_rows, column + LANES * n_rows, key,
                   n_rows);
}

void clade__cart_bins_free(cart_bins *bins)
{
    free(bins->code);
    free(bins->cut);
    free(bins->n_cuts);
    *bins = (cart_bins){ 0 };
}

clade_status clade__cart_bins_make(cart_bins *out, const clade_tree_data *data, size_t max_bin,
                                   clade_error *err)
{
    cart_bins bins    = { data->n_rows, data->n_columns, NULL, NULL, NULL, max_bin };
    size_t    n_codes = 0, n_values = 0;
    float    *column    = NULL;
    uint32_t *key       = NULL;
    const int n_workers = clade_threads_get();

    if (clade_size_mul(&n_codes, data->n_rows, data->n_columns) &&
        clade_size_mul(&n_values, data->n_rows, (size_t)n_workers * COLUMNS)) {
        bins.code   = CLADE_NEW(uint16_t, n_codes);
        bins.cut    = CLADE_NEW(float, data->n_columns *max_bin);
        bins.n_cuts = CLADE_NEW(size_t, data->n_columns);
        column      = CLADE_NEW(float, n_values);
        key         = CLADE_NEW(uint32_t, n_values / COLUMNS * KEYS);
    }
    if (bins.code == NULL || bins.cut == NULL || bins.n_cuts == NULL || column == NULL ||
        key == NULL) {
        clade__cart_bins_free(&bins);
        free(column);
        free(key);
        return clade_fail(err, CLADE_ERR_NOMEM,
                          "no memory to cut %zu rows of %zu columns into bins", data->n_rows,
                          data->n_columns);
    }
    bin_job job = { data, &bins, column, key };
    clade_parallel((data->n_columns + LANES - 1) / LANES, bin_columns, &job);
    free(column);
    free(key);
    *out = bins;
    return CLADE_OK;
}
