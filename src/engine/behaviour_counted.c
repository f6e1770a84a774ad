/* Recommending by a baseline: the scores of the whole catalogue for a few customers at a time, what
 * may not be shown struck out, and the best taken from a heap. Assumes that everybody's histories
 * were read. Runs over all customers for a list, once for one of them. */
#include "behaviour_counted.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH_BYTES = 8 << 20, BATCH_MAX = 256 };

struct clade__counted {
    clade_neighbours *fitted;
    clade_scorer      scorer;
    size_t            n_items, n_groups, batch;
    uint32_t         *group; /* (n_items) by place */
    float            *score; /* (batch, n_items + 1) */
    uint32_t         *heap;  /* (n_items) places of one customer */
    uint32_t         *taken; /* (n_groups) */
};

void clade__counted_free(clade__counted *c)
{
    if (c == NULL) return;
    clade_neighbours_free(c->fitted);
    free(c->group);
    free(c->score);
    free(c->heap);
    free(c->taken);
    free(c);
}

clade_status clade__counted_create(clade__counted **out, const clade_sequences *sequences,
                                   const clade_recommend_options *options, const uint32_t *group,
                                   size_t n_groups, clade_error *err)
{
    const size_t    width  = (size_t)sequences->n_items + 1;
    clade_status    status = CLADE_OK;
    clade__counted *c      = CLADE_NEW(clade__counted, 1);
    if (c == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to recommend");
    c->n_items  = sequences->n_items;
    c->n_groups = n_groups;
    c->batch    = BATCH_BYTES / (width * sizeof *c->score);
    if (c->batch < 1) c->batch = 1;
    if (c->batch > BATCH_MAX) c->batch = BATCH_MAX;
    c->group = CLADE_NEW(uint32_t, width);
    c->score = CLADE_NEW(float, c->batch *width);
    c->heap  = CLADE_NEW(uint32_t, width);
    c->taken = CLADE_NEW(uint32_t, n_groups + 1);
    if (c->group == NULL || c->score == NULL || c->heap == NULL || c->taken == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory for the scores of %zu items", c->n_items);
    } else {
        memcpy(c->group, group, c->n_items * sizeof *group);
        status = clade_neighbours_fit(&c->fitted, options->baseline, sequences,
                                      &options->baseline_options, err);
    }
    if (status == CLADE_OK) {
        c->scorer = clade_neighbours_scorer(c->fitted);
        *out      = c;
        c         = NULL;
    }
    clade__counted_free(c);
    return status;
}

clade_scorer clade__counted_scorer(const clade__counted *counted)
{
    return counted->scorer;
}

/* ---------------------------------------------------------------- the best of a row */

/* Is place a before place b? */
static bool precedes(const float *score, uint32_t a, uint32_t b)
{
    if (score[a + 1] != score[b + 1]) return score[a + 1] > score[b + 1];
    return a < b;
}

static void sink(uint32_t *heap, size_t n, size_t at, const float *score)
{
    const uint32_t place = heap[at];
    for (size_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && precedes(score, heap[child + 1], heap[child])) child++;
        if (!precedes(score, heap[child], place)) break;
        heap[at] = heap[child];
        at       = child;
    }
    heap[at] = place;
}

static void take_best(uint32_t *out_place, float *out_score, size_t n_wanted, clade__counted *c,
                      float *score, const clade_scan_filter *filter)
{
    size_t n = 0, taken = 0;
    for (size_t x = 0; x < filter->n_excluded; x++)
        score[filter->excluded[x] + 1] = -INFINITY;
    for (uint32_t place = 0; place < c->n_items; place++) {
        const bool allowed =
            filter->allowed == NULL || (filter->allowed[place / 64] >> place % 64 & 1) != 0;
        if (allowed && score[place + 1] > -INFINITY) c->heap[n++] = place;
    }
    memset(c->taken, 0, c->n_groups * sizeof *c->taken);
    for (size_t at = n / 2; at-- > 0;)
        sink(c->heap, n, at, score);
    while (n > 0 && taken < n_wanted) {
        const uint32_t place = c->heap[0];
        c->heap[0]           = c->heap[--n];
        sink(c->heap, n, 0, score);
        if (filter->group_cap > 0 && c->taken[c->group[place]]++ >= filter->group_cap) continue;
        out_place[taken]   = place;
        out_score[taken++] = score[place + 1];
    }
    for (; taken < n_wanted; taken++) {
        out_place[taken] = CLADE_SCAN_NONE;
        out_score[taken] = -INFINITY;
    }
}

clade_status clade__counted_rows(uint32_t *out_place, float *out_score, size_t n, clade__counted *c,
                                 const clade_sequences *sequences, const clade_case *cases,
                                 const clade_scan_filter *filter, size_t n_rows, clade_error *err)
{
    const size_t width = c->n_items + 1;
    for (size_t first = 0; first < n_rows; first += c->batch) {
        const size_t left = n_rows - first, m = left < c->batch ? left : c->batch;
        CLADE_TRY(c->scorer.score(c->scorer.self, c->score, sequences, cases + first, m, err));
        for (size_t i = 0; i < m; i++)
            take_best(out_place + (first + i) * n, out_score + (first + i) * n, n, c,
                      c->score + i * width, &filter[first + i]);
        CLADE_TRY(clade_interrupt_check(err));
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- who recommends */

static const clade_neighbours_kind kinds[] = { CLADE_NEIGHBOURS_POPULAR, CLADE_NEIGHBOURS_OWN,
                                               CLADE_NEIGHBOURS_RULES, CLADE_NEIGHBOURS_ITEM_KNN };

static bool take_baseline(clade_recommend_options *options, const clade_shop_behaviour_card *card,
                          const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(name, clade_neighbours_name(kinds[i])) != 0) continue;
        options->by_baseline      = true;
        options->baseline         = kinds[i];
        options->baseline_options = strcmp(name, card->baseline) == 0
                                        ? card->baseline_options
                                        : (clade_neighbours_options){ .backoff = true };
        return true;
    }
    return false;
}

bool clade_recommend_choose(clade_recommend_options *options, const clade_shop_behaviour_card *card)
{
    options->by_baseline = false;
    if (card->trusted || card->n_cases == 0 || !(card->baseline_ndcg >= card->ndcg)) return false;
    return take_baseline(options, card, card->baseline);
}

clade_status clade_recommend_by(clade_recommend_options         *options,
                                const clade_shop_behaviour_card *card, const char *name,
                                clade_error *err)
{
    if (take_baseline(options, card, name)) return CLADE_OK;
    return clade_fail(
        err, CLADE_ERR_ARG,
        "'%s' cannot recommend: behaviour, popular, own, rules or item-knn was wanted", name);
}
