/*
 * Seeding: greedy k-means++ (Arthur and Vassilvitskii 2007, section 5.1 of the full paper). A row
 * becomes a centre with a chance in proportion to its squared distance to the centres so far; of a
 * few rows drawn that way the one that lowers the sum most is taken. Runs on samples of some ten
 * thousand rows, a few times for each fit.
 */
#include "clusters_internal.h"

#include <math.h>
#include <stdlib.h>

enum { TRIALS_MAX = 16, SHIFT_ROWS = 4096 };

void clade__shift_of(float *shift, const clade__rows *rows)
{
    const size_t step = rows->n / SHIFT_ROWS + 1;
    for (size_t j = 0; j < rows->d; j++) {
        double sum = 0.0;
        size_t n   = 0;
        for (size_t i = 0; i < rows->n; i += step) {
            sum += (double)rows->x[i * rows->d + j];
            n++;
        }
        shift[j] = (float)(sum / (double)n);
    }
}

typedef struct seeding {
    const clade__rows *rows;
    clade__cut         cut;
    const float       *shift;
    float             *moved; /* (TRIALS_MAX, d) candidates, centred */
    size_t             n_trials;
    float             *distance2; /* (n) to the nearest centre so far */
    float             *trial;     /* (TRIALS_MAX, n) the same if a candidate were added */
    double            *cost;      /* (blocks, TRIALS_MAX) weighted sums of these */
} seeding;

static double weight_of(const clade__rows *rows, size_t i)
{
    return rows->weight == NULL ? 1.0 : (double)rows->weight[i];
}

static void try_block(size_t block, int worker, void *context)
{
    seeding *const s = context;
    const size_t   n = s->rows->n, d = s->rows->d;
    (void)worker;
    for (size_t t = 0; t < s->n_trials; t++) {
        double cost = 0.0;
        for (size_t i = block * s->cut.rows; i < clade__cut_end(s->cut, block, n); i++) {
            const float far = clade__distance2(s->rows->x + i * d, s->shift, s->moved + t * d, d);
            s->trial[t * n + i] = far < s->distance2[i] ? far : s->distance2[i];
            cost += weight_of(s->rows, i) * (double)s->trial[t * n + i];
        }
        s->cost[block * TRIALS_MAX + t] = cost;
    }
}

/* A row with a chance in proportion to weight times squared distance; by weight alone when all
 * distances are zero or none is known yet. */
static size_t draw_row(const seeding *s, double total, clade_rng *rng)
{
    const bool flat = !(total > 0.0) || isinf(total);
    double     sum  = 0.0;
    size_t     last = 0;
    if (flat) {
        total = 0.0;
        for (size_t i = 0; i < s->rows->n; i++)
            total += weight_of(s->rows, i);
    }
    const double mark = clade_rng_uniform(rng) * total;
    for (size_t i = 0; i < s->rows->n; i++) {
        const double share = weight_of(s->rows, i) * (flat ? 1.0 : (double)s->distance2[i]);
        if (share > 0.0) last = i;
        sum += share;
        if (sum > mark) return last;
    }
    return last;
}

/* One more centre; returns the cost with it. */
static double add_centre(seeding *s, float *centre, double total, clade_rng *rng)
{
    const size_t n = s->rows->n, d = s->rows->d;
    size_t       row[TRIALS_MAX] = { 0 }, best = 0;
    double       least = INFINITY;
    for (size_t t = 0; t < s->n_trials; t++) {
        row[t] = draw_row(s, total, rng);
        for (size_t j = 0; j < d; j++) {
            s->moved[t * d + j] = s->rows->x[row[t] * d + j] - s->shift[j];
        }
    }
    clade_parallel(s->cut.n, try_block, s);
    for (size_t t = 0; t < s->n_trials; t++) {
        double cost = 0.0;
        for (size_t b = 0; b < s->cut.n; b++)
            cost += s->cost[b * TRIALS_MAX + t];
        if (cost < least) {
            least = cost;
            best  = t;
        }
    }
    memcpy(centre, s->rows->x + row[best] * d, d * sizeof *centre);
    memcpy(s->distance2, s->trial + best * n, n * sizeof *s->distance2);
    return least;
}

clade_status clade__seed(float *centre, const clade__rows *rows, size_t k, const float *shift,
                         clade_rng *rng, clade_error *err)
{
    clade_status status   = CLADE_OK;
    const size_t wanted   = 2 + (size_t)log((double)k);
    const size_t n_trials = wanted < TRIALS_MAX ? wanted : TRIALS_MAX;
    seeding      s = { .rows = rows, .cut = clade__cut_of(rows->n, TRIALS_MAX), .shift = shift };
    double       total = INFINITY;
    s.moved            = CLADE_NEW(float, TRIALS_MAX * rows->d);
    s.distance2        = CLADE_NEW(float, rows->n);
    s.trial            = CLADE_NEW(float, TRIALS_MAX * rows->n);
    s.cost             = CLADE_NEW(double, s.cut.n *TRIALS_MAX);
    if (s.moved == NULL || s.distance2 == NULL || s.trial == NULL || s.cost == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to seed %zu clusters", k);
        goto done;
    }
    for (size_t i = 0; i < rows->n; i++)
        s.distance2[i] = INFINITY;
    for (size_t c = 0; c < k; c++) {
        s.n_trials = c == 0 ? 1 : n_trials;
        total      = add_centre(&s, centre + c * rows->d, total, rng);
    }
done:
    free(s.moved);
    free(s.distance2);
    free(s.trial);
    free(s.cost);
    return status;
}
