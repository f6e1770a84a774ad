/* Optimal bands of a score by dynamic programming over equal-count bins. Runs once a fit. */
#include "bands.h"

#include "clade/numeric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { VALUES_MAX = 2 };

/* What the rows of one bin add up to. */
typedef struct bin_sums {
    double n, sum[VALUES_MAX], square[VALUES_MAX];
} bin_sums;

typedef struct cut_work {
    size_t   n_bins, n_values;
    double   edge[CLADE_BANDS_BINS]; /* (n_bins - 1): between bin b and b + 1 */
    bin_sums bin[CLADE_BANDS_BINS];
    bin_sums prefix[CLADE_BANDS_BINS + 1];
    size_t   room[CLADE_BANDS_BINS + 1]; /* [to]: a band that ends there starts before this */
    double   cost[CLADE_BANDS_BINS + 1][CLADE_BANDS_BINS + 1]; /* [to][from]: of one band */
    double   best[CLADE_BANDS_MAX][CLADE_BANDS_BINS + 1];
    size_t   from[CLADE_BANDS_MAX][CLADE_BANDS_BINS + 1];
} cut_work;

/* The sum of squares inside every run of bins, with bin b counted weight[b] times. */
static void fill_cost(cut_work *w, const double *weight, double least)
{
    memset(&w->prefix[0], 0, sizeof w->prefix[0]);
    for (size_t b = 0; b < w->n_bins; b++) {
        w->prefix[b + 1].n = w->prefix[b].n + weight[b] * w->bin[b].n;
        for (size_t v = 0; v < w->n_values; v++) {
            w->prefix[b + 1].sum[v]    = w->prefix[b].sum[v] + weight[b] * w->bin[b].sum[v];
            w->prefix[b + 1].square[v] = w->prefix[b].square[v] + weight[b] * w->bin[b].square[v];
        }
    }
    for (size_t to = 0; to <= w->n_bins; to++) {
        size_t from = 0;
        for (; from < to; from++) {
            const double n = w->prefix[to].n - w->prefix[from].n;
            if (n < least) break; /* and so are the fewer bins behind it */
            double inside = 0;
            for (size_t v = 0; v < w->n_values; v++) {
                const double sum = w->prefix[to].sum[v] - w->prefix[from].sum[v];
                inside += w->prefix[to].square[v] - w->prefix[from].square[v] - sum * sum / n;
            }
            w->cost[to][from] = inside;
        }
        w->room[to] = from;
    }
}

/* The best cuts of bins [0, to) into k + 1 bands, for all k and to: ties take the earliest. The
 * last band is made longer bin by bin, until it alone costs more than the best cut so far: it costs
 * more with every bin. */
static void solve(cut_work *w)
{
    for (size_t to = 0; to <= w->n_bins; to++)
        w->best[0][to] = w->room[to] > 0 ? w->cost[to][0] : INFINITY;
    for (size_t k = 1; k < CLADE_BANDS_MAX; k++) {
        for (size_t to = 0; to <= w->n_bins; to++) {
            const double *before = w->best[k - 1], *last = w->cost[to];
            double        best = INFINITY;
            size_t        at   = 0;
            for (size_t from = w->room[to]; from-- > 0 && last[from] <= best;) {
                const double total = before[from] + last[from];
                if (total > best) continue;
                best = total;
                at   = from;
            }
            w->best[k][to] = best;
            w->from[k][to] = at;
        }
    }
}

/* The edges of n_bands bands, or false when there is no room for so many. */
static bool read_edges(double *out_edge, const cut_work *w, size_t n_bands)
{
    if (isinf(w->best[n_bands - 1][w->n_bins])) return false;
    size_t to = w->n_bins;
    for (size_t k = n_bands - 1; k > 0; k--) {
        to              = w->from[k][to];
        out_edge[k - 1] = w->edge[to - 1];
    }
    return true;
}

/* Equal-count bins whose edges are values of the order itself; ties never straddle an edge. */
static void make_bins(cut_work *w, const double *order, const double *sorted, const double *value,
                      size_t n)
{
    size_t n_edges = 0;
    for (size_t b = 1; b < CLADE_BANDS_BINS; b++) {
        const double edge = clade_quantile_sorted(sorted, n, (double)b / CLADE_BANDS_BINS);
        if (n_edges == 0 || edge > w->edge[n_edges - 1]) w->edge[n_edges++] = edge;
    }
    w->n_bins = n_edges + 1;
    memset(w->bin, 0, sizeof w->bin);
    for (size_t i = 0; i < n; i++) {
        bin_sums *bin = &w->bin[clade__band_of(order[i], w->edge, w->n_bins)];
        bin->n += 1;
        for (size_t v = 0; v < w->n_values; v++) {
            const double x = value[i * w->n_values + v];
            bin->sum[v] += x;
            bin->square[v] += x * x;
        }
    }
}

size_t clade__band_of(double score, const double *edge, size_t n_bands)
{
    size_t low = 0, high = n_bands - 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (edge[middle] <= score) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The mean of each edge over draws of bin weights. A drawn band may be a little smaller than a real
 * one, or hardly any draw would find room. */
static void average_edges(clade__bands *bands, cut_work *w, double least, size_t n_draws,
                          clade_rng *rng)
{
    double sum[CLADE_BANDS_MAX][CLADE_BANDS_MAX] = { { 0 } };
    double drawn[CLADE_BANDS_MAX], weight[CLADE_BANDS_BINS];
    size_t n_found[CLADE_BANDS_MAX] = { 0 };
    for (size_t draw = 0; draw < n_draws; draw++) {
        for (size_t b = 0; b < w->n_bins; b++)
            weight[b] = clade_rng_exponential(rng);
        fill_cost(w, weight, 0.7 * least);
        solve(w);
        for (size_t n_bands = 2; n_bands <= bands->most; n_bands++) {
            if (!read_edges(drawn, w, n_bands)) continue;
            n_found[n_bands - 1] += 1;
            for (size_t k = 0; k + 1 < n_bands; k++)
                sum[n_bands - 1][k] += drawn[k];
        }
    }
    for (size_t n_bands = 2; n_bands <= bands->most; n_bands++) {
        const size_t found = n_found[n_bands - 1];
        for (size_t k = 0; found > 0 && k + 1 < n_bands; k++) {
            bands->edge[n_bands - 1][k] = sum[n_bands - 1][k] / (double)found;
        }
    }
}

clade_status clade__bands_cut(clade__bands *out, const double *order, const double *value, size_t n,
                              size_t n_values, double least, size_t n_draws, clade_rng *rng,
                              clade_error *err)
{
    assert(n > 0 && n_values <= VALUES_MAX && least < 1);
    double    weight[CLADE_BANDS_BINS];
    cut_work *w      = CLADE_NEW(cut_work, 1);
    double   *sorted = CLADE_NEW(double, n);
    if (w == NULL || sorted == NULL) {
        free(w);
        free(sorted);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to cut %zu scores into bands", n);
    }
    memcpy(sorted, order, n * sizeof *sorted);
    clade_sort_f64(sorted, n);
    w->n_values = n_values;
    make_bins(w, order, sorted, value, n);

    *out = (clade__bands){ 0 };
    for (size_t b = 0; b < w->n_bins; b++)
        weight[b] = 1;
    fill_cost(w, weight, least * (double)n);
    solve(w);
    for (size_t n_bands = 1; n_bands <= CLADE_BANDS_MAX; n_bands++) {
        if (!read_edges(out->edge[n_bands - 1], w, n_bands)) break;
        out->most = n_bands; /* one band always fits: least is below 1 */
    }
    average_edges(out, w, least * (double)n, n_draws, rng);
    free(w);
    free(sorted);
    return CLADE_OK;
}
