/* Answers that differ: maximal marginal relevance over the candidates of one query. Runs over at
 * most a thousand rows, whose floats it reads once for each item chosen. */
#include "scan_internal.h"

#include <math.h>

typedef struct choosing {
    const clade_scan *index;
    const uint32_t   *item;
    const float      *score;
    size_t            n_candidates;
    double            lambda;
    double            worst, span; /* of the scores */
    double           *near;        /* (n_candidates) the nearest chosen one's cosine; NAN: chosen */
    double           *length;      /* (n_candidates) */
    double           *row;         /* (d rounded up to 16) the one chosen last */
    clade_isa         isa;
} choosing;

static const float *row_of(const choosing *c, size_t i)
{
    return c->index->x + (size_t)c->item[i] * c->index->d;
}

static void widen(const choosing *c, size_t i)
{
    const float *const x = row_of(c, i);
    for (size_t j = 0; j < c->index->d; j++)
        c->row[j] = (double)x[j];
}

static void begin(choosing *c)
{
    const size_t rest = (CLADE__SCAN_LANES - c->index->d % CLADE__SCAN_LANES) % CLADE__SCAN_LANES;
    double       best = -INFINITY;
    memset(c->row + c->index->d, 0, rest * sizeof *c->row);
    c->worst = INFINITY;
    for (size_t i = 0; i < c->n_candidates; i++) {
        c->near[i] = NAN;
        if (c->item[i] == CLADE_SCAN_NONE) continue;
        widen(c, i);
        c->near[i]   = -INFINITY;
        c->length[i] = sqrt(clade__scan_dot(c->row, row_of(c, i), c->index->d, c->isa));
        c->worst     = fmin(c->worst, (double)c->score[i]);
        best         = fmax(best, (double)c->score[i]);
    }
    c->span = best - c->worst;
}

/* The candidate with the largest marginal relevance, or n_candidates when all are chosen. */
static size_t best_of(const choosing *c)
{
    size_t best = c->n_candidates;
    double most = -INFINITY;
    for (size_t i = 0; i < c->n_candidates; i++) {
        if (isnan(c->near[i])) continue;
        const double relevance = c->span > 0.0 ? ((double)c->score[i] - c->worst) / c->span : 0.0;
        const double near      = isinf(c->near[i]) ? 0.0 : c->near[i]; /* nothing chosen yet */
        const double value     = c->lambda * relevance - (1.0 - c->lambda) * near;
        if (value > most) {
            most = value;
            best = i;
        }
    }
    return best;
}

static void mark_near(choosing *c, size_t chosen)
{
    widen(c, chosen);
    c->near[chosen] = NAN;
    for (size_t i = 0; i < c->n_candidates; i++) {
        if (isnan(c->near[i])) continue;
        const double lengths = c->length[i] * c->length[chosen];
        const double dot     = clade__scan_dot(c->row, row_of(c, i), c->index->d, c->isa);
        c->near[i]           = fmax(c->near[i], lengths > 0.0 ? dot / lengths : 0.0);
    }
}

clade_status clade_scan_diversify(uint32_t *out_item, float *out_score, size_t n,
                                  const clade_scan *index, const uint32_t *item, const float *score,
                                  size_t n_candidates, float lambda, clade_scan_room *room,
                                  clade_error *err)
{
    double *const row = room->worker[0].near; /* aligned, as the kernel wants it */
    choosing      c   = { index,
                          item,
                          score,
                          n_candidates,
                          (double)lambda,
                          0.0,
                          0.0,
                          row + CLADE_SCAN_WIDTH_MAX,
                          row + CLADE_SCAN_WIDTH_MAX + room->n_max,
                          row,
                          clade_isa_get() };
    if (room->index != index || n == 0 || n > n_candidates || n_candidates > room->n_max) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "cannot choose %zu of %zu candidates: wanted 1 to %zu of them, which is "
                          "what this room of the index holds",
                          n, n_candidates, room->n_max);
    }
    if (!(lambda >= 0.0f && lambda <= 1.0f)) {
        return clade_fail(err, CLADE_ERR_ARG, "lambda is %g, wanted 0 to 1", (double)lambda);
    }
    for (size_t i = 0; i < n_candidates; i++) {
        if (item[i] < index->n_items || item[i] == CLADE_SCAN_NONE) continue;
        return clade_fail(err, CLADE_ERR_ARG, "item[%zu] is %u, wanted below %zu", i, item[i],
                          index->n_items);
    }
    begin(&c);
    for (size_t k = 0; k < n; k++) {
        const size_t chosen = best_of(&c);
        out_item[k]         = chosen == n_candidates ? CLADE_SCAN_NONE : item[chosen];
        out_score[k]        = chosen == n_candidates ? -INFINITY : score[chosen];
        if (chosen < n_candidates) mark_near(&c, chosen);
    }
    return CLADE_OK;
}
