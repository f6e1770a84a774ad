/*
 * What follows what: pairs of events at most `reach` apart, put behind their first item and
 * summed by their second. Markov is the case of reach 1.
 */
#include "clade/numeric.h"
#include "neighbours_internal.h"

#include <stdlib.h>

/* Every pair of a log, in its order: counted behind start[first], or stored there. */
static void each_pair(const clade_sequences *s, uint32_t reach, clade__beside *pair,
                      uint64_t *start)
{
    for (size_t c = 0; c < s->n_customers; c++) {
        for (uint64_t e = s->start[c]; e < s->start[c + 1]; e++) {
            const uint32_t first = s->item[e];
            for (uint64_t d = 1; d <= reach && e + d < s->start[c + 1]; d++) {
                const uint32_t second = s->item[e + d];
                if (first == 0 || second == 0) continue;
                if (pair == NULL) {
                    start[first + 1]++;
                } else {
                    pair[start[first]++] = (clade__beside){ second, 1.0f / (float)d };
                }
            }
        }
    }
}

/* Sum equal items of a list, in the order of the log; `sum` is zero before and after. Items stay in
 * the order in which they were first seen. Gives the number that is left. */
static uint64_t merge(clade__beside *list, uint64_t n, float *sum)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < n; i++) {
        const uint32_t item   = list[i].item;
        const float    weight = list[i].weight;
        if (sum[item] == 0.0f) list[kept++].item = item;
        sum[item] += weight;
    }
    for (uint64_t i = 0; i < kept; i++) {
        list[i].weight    = sum[list[i].item];
        sum[list[i].item] = 0.0f;
    }
    return kept;
}

/* Falling weights, equal ones in the order of the list, become places 1 - r / (n + 1). */
static clade_status rank_list(clade__beside *list, uint64_t n, clade_error *err)
{
    clade_status    status = CLADE_OK;
    uint32_t *const order  = CLADE_NEW(uint32_t, n);
    float *const    below  = CLADE_NEW(float, n);
    if (order == NULL || below == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to order %llu items",
                            (unsigned long long)n);
    }
    for (uint64_t i = 0; i < n && status == CLADE_OK; i++)
        below[i] = -list[i].weight;
    if (status == CLADE_OK) status = clade_order_f32(order, below, 1, n, err);
    for (uint64_t r = 0; r < n && status == CLADE_OK; r++)
        list[order[r]].weight = 1.0f - (float)r / (float)(n + 1);
    free(order);
    free(below);
    return status;
}

/* Merge the list of each item and close the gaps. */
static clade_status merge_all(clade_neighbours *fitted, clade_error *err)
{
    clade_status         status = CLADE_OK;
    clade__beside *const beside = fitted->lists.beside;
    uint64_t *const      start  = fitted->lists.start;
    float *const         sum    = CLADE_NEW(float, (size_t)fitted->n_items + 1);
    uint64_t             to = 0, from = 0;
    if (sum == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for rules");
    for (uint32_t i = 0; i <= fitted->n_items && status == CLADE_OK; i++) {
        const uint64_t end  = start[i + 1];
        const uint64_t kept = merge(beside + from, end - from, sum);
        memmove(beside + to, beside + from, kept * sizeof *beside);
        if (fitted->options.first_seen) status = rank_list(beside + to, kept, err);
        to += kept;
        start[i + 1] = to;
        from         = end;
    }
    free(sum);
    return status;
}

clade_status clade__fit_rules(clade_neighbours *fitted, uint32_t reach, clade_error *err)
{
    const uint32_t  n_items = fitted->n_items;
    uint64_t *const start   = CLADE_NEW(uint64_t, (size_t)n_items + 2);
    fitted->lists.start     = start;
    if (start == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for rules");
    each_pair(fitted->train, reach, NULL, start);
    for (uint32_t i = 0; i <= n_items; i++)
        start[i + 1] += start[i];
    fitted->lists.beside = CLADE_NEW(clade__beside, start[n_items + 1]);
    if (fitted->lists.beside == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %llu pairs of events",
                          (unsigned long long)start[n_items + 1]);
    }
    each_pair(fitted->train, reach, fitted->lists.beside, start);
    for (uint32_t i = n_items + 1; i > 0; i--) /* each start stands at its own end now */
        start[i] = start[i - 1];
    start[0] = 0;
    return merge_all(fitted, err);
}
