/*
 * Customers beside a history: those who share items with it, weighted by how new these are in the
 * history; the nearest of them say what comes next.
 *
 *     similarity(c) = sum over distinct shared items of w(l) / sqrt(events of c)
 *     score(j)     += similarity(c) 2^(-|place of j - place of the newest shared item| / near)
 */
#include "neighbours_internal.h"

#include <math.h>
#include <stdlib.h>

clade_status clade__fit_holders(clade_neighbours *fitted, clade_error *err)
{
    const clade_sequences *const s       = fitted->train;
    const uint32_t               n_items = fitted->n_items;
    uint32_t *const              last    = CLADE_NEW(uint32_t, (size_t)n_items + 1);
    uint64_t *const              start   = CLADE_NEW(uint64_t, (size_t)n_items + 2);
    fitted->holder_start                 = start;
    if (last == NULL || start == NULL) goto no_memory;

    for (int pass = 0; pass < 2; pass++) { /* count, then store; last[i] is a customer + 1 */
        memset(last, 0, ((size_t)n_items + 1) * sizeof *last);
        for (size_t c = 0; c < s->n_customers; c++) {
            const uint64_t first = clade__newest(s->start[c], s->start[c + 1]);
            for (uint64_t e = first; e < s->start[c + 1]; e++) {
                const uint32_t item   = s->item[e];
                const bool     is_new = last[item] != c + 1;
                if (item == 0) continue;
                last[item] = (uint32_t)c + 1;
                if (pass == 0) {
                    start[item + 1] += is_new;
                    continue;
                }
                if (is_new) fitted->holder[start[item]++] = (uint32_t)c;
            }
        }
        if (pass == 1) break;
        for (uint32_t i = 0; i <= n_items; i++)
            start[i + 1] += start[i];
        fitted->holder = CLADE_NEW(uint32_t, start[n_items + 1]);
        if (fitted->holder == NULL) goto no_memory;
    }
    for (uint32_t i = n_items + 1; i > 0; i--)
        start[i] = start[i - 1];
    start[0] = 0;
    free(last);
    return CLADE_OK;
no_memory:
    free(last);
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for who has which of %u items", n_items);
}

static size_t nearest_of(clade__meeting *m, size_t k, const clade_sequences *train)
{
    size_t n = 0;
    for (size_t t = 0; t < m->similar.n_touched; t++) {
        const uint32_t      c      = m->similar.touched[t];
        const float         length = (float)(train->start[c + 1] - train->start[c]);
        const clade__beside one    = { UINT32_MAX - c, m->similar.sum[c] / sqrtf(length) };
        m->similar.sum[c]          = 0.0f;
        n                          = clade__keep_best(m->nearest, n, k, one);
    }
    m->similar.n_touched = 0;
    clade__sort_best(m->nearest, n);
    return n;
}

/* Sum the weights of those who share items; every item of the history counts once, at its newest.
 */
static void meet(clade__meeting *m, const clade_neighbours *fitted,
                 const clade_sequences *sequences, const clade_case *one, uint64_t oldest)
{
    const uint64_t recent = fitted->options.n_recent == 0 ? 500 : fitted->options.n_recent;
    for (uint64_t e = one->end; e-- > oldest;) {
        const uint32_t item  = sequences->item[e];
        const uint64_t first = fitted->holder_start[item], end = fitted->holder_start[item + 1];
        const uint64_t lag = one->end - 1 - e;
        if (fitted->lag_weight[lag] == 0.0f) break;
        if (item == 0 || m->lag[item] != 0) continue;
        m->lag[item] = (uint16_t)(lag + 1);
        for (uint64_t h = end - first > recent ? end - recent : first; h < end; h++)
            clade__sums_add(&m->similar, fitted->holder[h], fitted->lag_weight[lag]);
    }
}

/* Where the newest item that the history shares with events [first, end) of the log stands there.
 */
static uint64_t place_of_newest(const clade__meeting *m, const clade_sequences *train,
                                uint64_t first, uint64_t end)
{
    uint64_t place  = first;
    uint16_t newest = UINT16_MAX;
    for (uint64_t t = first; t < end; t++) {
        const uint16_t lag = m->lag[train->item[t]];
        if (lag == 0 || lag > newest) continue;
        newest = lag;
        place  = t;
    }
    return place;
}

void clade__score_sessions(clade__sums *score, clade__meeting *m, const clade_neighbours *fitted,
                           const clade_sequences *sequences, const clade_case *one)
{
    const clade_sequences *const train  = fitted->train;
    const uint64_t               oldest = clade__newest(sequences->start[one->customer], one->end);
    const size_t k = fitted->options.n_neighbours == 0 ? 100 : fitted->options.n_neighbours;

    meet(m, fitted, sequences, one, oldest);
    const size_t n = nearest_of(m, k, train);
    for (size_t i = 0; i < n; i++) {
        const uint32_t c     = UINT32_MAX - m->nearest[i].item;
        const uint64_t end   = train->start[c + 1];
        const uint64_t first = clade__newest(train->start[c], end);
        const uint64_t here  = place_of_newest(m, train, first, end);
        for (uint64_t t = first; t < end; t++) {
            const uint64_t distance = t > here ? t - here : here - t;
            const float    weight   = m->nearest[i].weight * fitted->near_weight[distance];
            if (train->item[t] != 0) clade__sums_add(score, train->item[t], weight);
        }
    }
    for (uint64_t e = one->end; e-- > oldest;)
        m->lag[sequences->item[e]] = 0;
}
