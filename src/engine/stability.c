/* Stability of segments by resampling customers (clusterboot, Hennig 2007). One draw: refit on n
 * customers drawn with replacement, apply the refit to the customers that were drawn, and give each
 * segment the best Jaccard coefficient any refitted segment has with it there. */
#include "outlook.h"
#include "segmentation.h"
#include "subset.h"

#include "clade/portraits.h"
#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { STABILITY_MAX_CUSTOMERS = 10000 };

typedef struct stability_work {
    const clade_segmentation *segmentation;
    const clade_features     *features;
    const clade_outcome      *outcome;
    const int32_t            *segment; /* (n): the segments to be found again */
    uint64_t                  seed;
    size_t                    n;
    double                   *jaccard; /* (n_draws, n_segments) */
    clade_status             *status;  /* (n_draws) */
} stability_work;

/* The best overlap of each segment, among the drawn customers, each counted once. */
static void match(double *out, size_t n_segments, const int32_t *was, const int32_t *is,
                  const uint32_t *row, size_t n, uint8_t *seen)
{
    size_t both[CLADE_SEGMENTS_MAX][CLADE_SEGMENTS_MAX] = { { 0 } };
    size_t n_was[CLADE_SEGMENTS_MAX] = { 0 }, n_is[CLADE_SEGMENTS_MAX] = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (seen[row[i]]) continue;
        seen[row[i]] = 1;
        both[was[row[i]]][is[i]] += 1;
        n_was[was[row[i]]] += 1;
        n_is[is[i]] += 1;
    }
    for (size_t a = 0; a < n_segments; a++) {
        double best = 0;
        for (size_t b = 0; b < CLADE_SEGMENTS_MAX; b++) {
            const size_t either = n_was[a] + n_is[b] - both[a][b];
            if (either > 0) best = fmax(best, (double)both[a][b] / (double)either);
        }
        out[a] = n_was[a] == 0 ? (double)NAN : best;
    }
}

static clade_status one_draw(stability_work *w, size_t draw)
{
    clade_status        status = CLADE_ERR_NOMEM;
    clade__subset       subset = { 0 };
    clade_segmentation *refit  = NULL;
    clade_rng           rng    = clade_rng_stream(w->seed, "engine/stability", draw);
    uint32_t           *row    = CLADE_NEW(uint32_t, w->n);
    int32_t            *is     = CLADE_NEW(int32_t, w->n);
    uint8_t            *seen   = CLADE_NEW(uint8_t, w->n);
    if (row == NULL || is == NULL || seen == NULL) goto done;
    for (size_t i = 0; i < w->n; i++)
        row[i] = (uint32_t)clade_rng_below(&rng, w->n);
    status = clade__subset_take(&subset, w->features, w->outcome, row, w->n, NULL);
    if (status != CLADE_OK) goto done;
    status = clade__segmentation_refit(&refit, w->segmentation, &subset.features,
                                       w->outcome == NULL ? NULL : &subset.outcome, w->seed, NULL);
    if (status != CLADE_OK) goto done;
    status = clade_segmentation_assign(is, NULL, refit, &subset.features, NULL);
    if (status != CLADE_OK) goto done;
    match(w->jaccard + draw * w->segmentation->n_segments, w->segmentation->n_segments, w->segment,
          is, row, w->n, seen);
done:
    clade_segmentation_free(refit);
    clade__subset_free(&subset);
    free(row);
    free(is);
    free(seen);
    return status;
}

static void draw_task(size_t draw, int worker, void *context)
{
    stability_work *w = context;
    (void)worker;
    w->status[draw] = one_draw(w, draw);
}

static clade_status run_draws(double *out_jaccard, stability_work *w, size_t n_draws,
                              clade_error *err)
{
    const size_t n_segments = w->segmentation->n_segments;
    clade_status status     = CLADE_OK;
    w->jaccard              = clade_alloc(n_draws, n_segments * sizeof(double));
    w->status               = CLADE_NEW(clade_status, n_draws);
    if (w->jaccard == NULL || w->status == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu resamples", n_draws);
        goto done;
    }
    clade_parallel(n_draws, draw_task, w);
    for (size_t d = 0; d < n_draws; d++) {
        if (w->status[d] != CLADE_OK) {
            status = clade_fail(err, w->status[d], "resample %zu of %zu could not be segmented",
                                d + 1, n_draws);
            goto done;
        }
    }
    for (size_t s = 0; s < n_segments; s++) {
        double sum   = 0;
        size_t known = 0;
        for (size_t d = 0; d < n_draws; d++) {
            const double j = w->jaccard[d * n_segments + s];
            if (isnan(j)) continue;
            sum += j;
            known += 1;
        }
        out_jaccard[s] = known == 0 ? (double)NAN : sum / (double)known;
    }
done:
    free(w->jaccard);
    free(w->status);
    return status;
}

clade_status clade_stability_measure(double *out_jaccard, const clade_segmentation *segmentation,
                                     const clade_features *features, const clade_outcome *outcome,
                                     size_t n_draws, uint64_t seed, clade_error *err)
{
    clade_status   status  = CLADE_OK;
    clade__subset  sample  = { 0 };
    int32_t       *segment = NULL;
    stability_work w       = { .segmentation = segmentation, .seed = seed };
    if (segmentation->kind == CLADE_SEGMENT_OUTLOOK) { /* measured when it was fitted */
        clade__outlook_stability(out_jaccard, segmentation);
        return CLADE_OK;
    }
    status = clade__subset_sample(&sample, features, outcome, STABILITY_MAX_CUSTOMERS, seed, err);
    if (status != CLADE_OK) goto done;
    w.n     = sample.features.n_customers;
    segment = CLADE_NEW(int32_t, w.n);
    if (segment == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", w.n);
        goto done;
    }
    status = clade_segmentation_assign(segment, NULL, segmentation, &sample.features, err);
    if (status != CLADE_OK) goto done;
    w.features = &sample.features;
    w.outcome  = outcome == NULL ? NULL : &sample.outcome;
    w.segment  = segment;
    status     = run_draws(out_jaccard, &w, n_draws, err);
done:
    clade__subset_free(&sample);
    free(segment);
    return status;
}
