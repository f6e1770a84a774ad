/*
 * Metrics of ranks: every case becomes a row of values, rows of a customer are added up, and means
 * and their bootstrap run over customers.
 *
 * A target with b items above it and e beside it stands at rank b + j, j = 1 .. e + 1, each with
 * chance 1 / (e + 1). With several targets in one group of g = e + 1 equals, m of them targets, the
 * first of them stands at b + j with the chance that the j - 1 before are none of them.
 */
#include "clade/ranking.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { N_K = CLADE_RANKING_N_K, K_MAX = 200, MRR_CUT = 20 };
enum { HIT = 0, RECALL = N_K, NDCG = 2 * N_K, MRR = 3 * N_K, MRR_20, N_VALUES };

typedef struct measure {
    const clade_ranking_input *in;
    double                     gain[K_MAX + 1]; /* [k] sum of 1 / log2(r + 1), r = 1 .. k */
    double                    *harmonic;        /* (n_items + 1) [r] sum of 1 / i, i = 1 .. r */
    double *customer; /* (n_customers, N_VALUES + 1) sums of cases; the last is their number */
    size_t  n_customers;
    double *drawn; /* (N_VALUES, n_draws) */
} measure;

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* Chance that one of n equals, the first at rank b + 1, is at most k. */
static double within(uint32_t b, double n, uint32_t k)
{
    return clamp(((double)k - (double)b) / n, 0.0, 1.0);
}

/* One target: closed forms. */
static void value_of_one(double *value, const measure *m, clade_rank rank)
{
    if (rank.better == CLADE_RANK_NONE) return;
    const uint32_t b    = rank.better;
    const uint64_t last = (uint64_t)b + rank.equal + 1;
    const double   n    = (double)rank.equal + 1.0;
    for (int c = 0; c < N_K; c++) {
        const uint32_t k  = clade_ranking_k[c];
        const uint64_t to = last < k ? last : k;
        value[HIT + c] = value[RECALL + c] = within(b, n, k);
        if (b < k) value[NDCG + c] = (m->gain[to] - m->gain[b]) / n / m->gain[1];
    }
    value[MRR] = (m->harmonic[last] - m->harmonic[b]) / n;
    if (b < MRR_CUT) {
        const uint64_t to = last < MRR_CUT ? last : MRR_CUT;
        value[MRR_20]     = (m->harmonic[to] - m->harmonic[b]) / n;
    }
}

/* The first of n_best targets that share the best place, among g equals behind b. */
static void value_of_first(double *value, clade_rank best, size_t n_best)
{
    const uint32_t g    = best.equal + 1;
    double         none = 1.0; /* chance that no target has come before j */
    for (uint32_t j = 1; j <= g && none > 1e-15; j++) {
        const double   here = clamp((double)n_best / (double)(g - j + 1), 0.0, 1.0) * none;
        const uint64_t rank = (uint64_t)best.better + j;
        none -= here;
        for (int c = 0; c < N_K; c++) {
            if (rank <= clade_ranking_k[c]) value[HIT + c] += here;
        }
        value[MRR] += here / (double)rank;
        if (rank <= MRR_CUT) value[MRR_20] += here / (double)rank;
    }
}

static void value_of_many(double *value, const measure *m, const clade_rank *rank, size_t n)
{
    clade_rank best   = { CLADE_RANK_NONE, 0 };
    size_t     n_best = 0;
    for (size_t t = 0; t < n; t++) {
        double one[N_VALUES] = { 0 };
        value_of_one(one, m, rank[t]);
        for (int c = 0; c < N_K; c++) {
            const size_t most = n < clade_ranking_k[c] ? n : clade_ranking_k[c];
            value[RECALL + c] += one[RECALL + c] / (double)n;
            value[NDCG + c] += one[NDCG + c] * m->gain[1] / m->gain[most];
        }
        if (rank[t].better < best.better) {
            best   = rank[t];
            n_best = 0;
        }
        n_best += rank[t].better == best.better;
    }
    if (best.better != CLADE_RANK_NONE) value_of_first(value, best, n_best);
}

/* Rows of customers, in the order of the cases. */
static void add_cases(measure *m)
{
    const clade_ranking_input *const in = m->in;
    for (size_t i = 0; i < in->n_cases; i++) {
        if (i > 0 && in->cases[i].customer != in->cases[i - 1].customer) m->n_customers++;
        double *const  row             = m->customer + m->n_customers * (N_VALUES + 1);
        double         value[N_VALUES] = { 0 };
        const uint64_t first           = in->target_start == NULL ? i : in->target_start[i];
        const uint64_t end             = in->target_start == NULL ? i + 1 : in->target_start[i + 1];
        if (end - first == 1) {
            value_of_one(value, m, in->rank[first]);
        } else if (end > first) {
            value_of_many(value, m, in->rank + first, end - first);
        }
        for (int v = 0; v < N_VALUES; v++)
            row[v] += value[v];
        row[N_VALUES] += 1.0;
    }
    m->n_customers++;
}

static void draw_once(size_t draw, int worker, void *context)
{
    const measure *const m                 = context;
    double               sum[N_VALUES + 1] = { 0 };
    clade_rng            rng = clade_rng_stream(m->in->seed, "ranking/bootstrap", draw);
    (void)worker;
    for (size_t i = 0; i < m->n_customers; i++) {
        const double *const row =
            m->customer + clade_rng_below(&rng, m->n_customers) * (N_VALUES + 1);
        for (int v = 0; v <= N_VALUES; v++)
            sum[v] += row[v];
    }
    for (size_t v = 0; v < N_VALUES; v++)
        m->drawn[v * m->in->n_draws + draw] = sum[v] / sum[N_VALUES];
}

static clade_interval interval_of(measure *m, size_t v)
{
    const size_t   n_draws = m->in->n_draws;
    clade_interval out     = { 0.0, (double)NAN, (double)NAN };
    for (size_t i = 0; i < m->n_customers; i++)
        out.value += m->customer[i * (N_VALUES + 1) + v];
    out.value /= (double)m->in->n_cases;
    if (n_draws > 0) {
        double *const drawn = m->drawn + v * n_draws;
        clade_sort_f64(drawn, n_draws);
        out.low  = clade_quantile_sorted(drawn, n_draws, 0.025);
        out.high = clade_quantile_sorted(drawn, n_draws, 0.975);
    }
    return out;
}

/* ---------------------------------------------------------------- the lists */

typedef struct common {
    uint64_t count;
    uint32_t item;
} common;

static int by_count_falling(const void *left, const void *right)
{
    const common *const a = left, *const b = right;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

/* head[item] = 1 for the fewest items that hold a third of all events. */
static clade_status short_head(uint8_t *head, const uint64_t *count, uint32_t n_items,
                               uint64_t total, clade_error *err)
{
    common *const order = CLADE_NEW(common, n_items);
    if (order == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to order items");
    for (uint32_t i = 0; i < n_items; i++)
        order[i] = (common){ count[i + 1], i + 1 };
    qsort(order, n_items, sizeof *order, by_count_falling);
    uint64_t held = 0;
    for (uint32_t i = 0; i < n_items && 3 * held < total; i++) {
        head[order[i].item] = 1;
        held += order[i].count;
    }
    free(order);
    return CLADE_OK;
}

static clade_status measure_lists(clade_ranking *out, const clade_ranking_input *in,
                                  clade_error *err)
{
    clade_status   status = CLADE_OK;
    uint8_t *const head   = CLADE_NEW(uint8_t, (size_t)in->n_items + 1);
    uint8_t *const listed = CLADE_NEW(uint8_t, (size_t)in->n_items + 1);
    uint64_t       total = 0, n = 0, n_listed = 0, n_head = 0;
    double         novelty = 0.0;
    if (head == NULL || listed == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for lists of %u items", in->n_items);
        goto done;
    }
    for (uint32_t i = 1; i <= in->n_items; i++)
        total += in->item_count[i];
    status = short_head(head, in->item_count, in->n_items, total, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < in->n_cases * CLADE_RANKING_TOP; i++) {
        const uint32_t item = in->top[i];
        if (item == 0) continue;
        n += 1;
        n_listed += !listed[item];
        n_head += head[item];
        listed[item] = 1;
        novelty -= log2(((double)in->item_count[item] + 1.0) / ((double)total + in->n_items));
    }
    out->coverage_10 = (double)n_listed / in->n_items;
    out->novelty_10  = n == 0 ? (double)NAN : novelty / (double)n;
    out->popular_10  = n == 0 ? (double)NAN : (double)n_head / (double)n;
done:
    free(head);
    free(listed);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static clade_status prepare(measure *m, clade_error *err)
{
    const clade_ranking_input *const in = m->in;
    m->harmonic                         = CLADE_NEW(double, (size_t)in->n_items + 1);
    m->customer                         = CLADE_NEW(double, in->n_cases *(N_VALUES + 1));
    m->drawn                            = CLADE_NEW(double, in->n_draws *N_VALUES);
    if (m->harmonic == NULL || m->customer == NULL || (m->drawn == NULL && in->n_draws > 0)) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to measure %zu cases", in->n_cases);
    }
    for (uint32_t r = 1; r <= in->n_items; r++)
        m->harmonic[r] = m->harmonic[r - 1] + 1.0 / r;
    for (int k = 1; k <= K_MAX; k++)
        m->gain[k] = m->gain[k - 1] + 1.0 / log2(k + 1.0);
    return CLADE_OK;
}

clade_status clade_ranking_measure(clade_ranking *out, const clade_ranking_input *in,
                                   clade_error *err)
{
    clade_status  status = CLADE_OK;
    clade_ranking result = { .coverage_10 = (double)NAN,
                             .novelty_10  = (double)NAN,
                             .popular_10  = (double)NAN };
    measure       m      = { .in = in };
    if (in->n_cases == 0 || in->n_cases > CLADE_ROWS_MAX || in->n_items == 0) {
        return clade_fail(
            err, CLADE_ERR_ARG,
            "ranking of %zu cases among %u items: wanted at least one of each, and at "
            "most %zu cases",
            in->n_cases, in->n_items, CLADE_ROWS_MAX);
    }
    status = prepare(&m, err);
    if (status != CLADE_OK) goto done;
    add_cases(&m);
    clade_parallel(in->n_draws, draw_once, &m);

    result.n_cases     = in->n_cases;
    result.n_customers = m.n_customers;
    for (size_t c = 0; c < N_K; c++) {
        result.hit[c]    = interval_of(&m, HIT + c);
        result.recall[c] = interval_of(&m, RECALL + c);
        result.ndcg[c]   = interval_of(&m, NDCG + c);
    }
    result.mrr    = interval_of(&m, MRR);
    result.mrr_20 = interval_of(&m, MRR_20);
    if (in->top != NULL) status = measure_lists(&result, in, err);
    if (status == CLADE_OK) *out = result;
done:
    free(m.harmonic);
    free(m.customer);
    free(m.drawn);
    return status;
}
