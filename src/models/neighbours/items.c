/*
 * Items beside items: co-occurrence within a customer, by a cosine that few customers cannot carry.
 * An item is a task: its holders' items are counted, and the best kept.
 */
#include "clade/run.h"
#include "neighbours_internal.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct counting {
    clade_neighbours *fitted;
    uint64_t         *own_start; /* (n_customers + 1) distinct items of each customer, */
    uint32_t         *own;       /* rising */
    clade__sums      *sums;      /* (n_workers) */
    clade__beside   **list;      /* (n_items + 1) */
    uint32_t         *n_list;    /* (n_items + 1) */
    atomic_bool       failed;
} counting;

static float holders_of(const clade_neighbours *fitted, uint32_t item)
{
    return (float)(fitted->holder_start[item + 1] - fitted->holder_start[item]);
}

static void count_item(size_t i, int worker, void *context)
{
    counting *const               k      = context;
    const clade_neighbours *const fitted = k->fitted;
    clade__sums *const            sums   = &k->sums[worker];
    const uint32_t                item   = (uint32_t)i + 1;
    const size_t                  most   = fitted->most_beside;
    size_t                        n      = 0;

    for (uint64_t h = fitted->holder_start[item]; h < fitted->holder_start[item + 1]; h++) {
        const uint32_t c = fitted->holder[h];
        for (uint64_t e = k->own_start[c]; e < k->own_start[c + 1]; e++) {
            if (k->own[e] != item) clade__sums_add(sums, k->own[e], 1.0f);
        }
    }
    const size_t room = sums->n_touched < most ? sums->n_touched : most;
    k->list[item]     = CLADE_NEW(clade__beside, room);
    if (k->list[item] == NULL) k->failed = true;
    for (size_t t = 0; t < sums->n_touched; t++) {
        const uint32_t other = sums->touched[t];
        const double   both  = (double)sums->sum[other];
        const double   scale =
            sqrt((double)holders_of(fitted, item) * (double)holders_of(fitted, other));
        const clade__beside one = { other, (float)(both / (scale + fitted->options.shrink)) };
        sums->sum[other]        = 0.0f;
        if (k->list[item] != NULL) n = clade__keep_best(k->list[item], n, room, one);
    }
    sums->n_touched = 0;
    k->n_list[item] = (uint32_t)n;
    if (k->list[item] != NULL) clade__sort_best(k->list[item], n);
}

/* Distinct items of each customer, from the lists of holders turned round. */
static void own_items(counting *k)
{
    const clade_neighbours *const fitted      = k->fitted;
    const uint64_t                n           = fitted->holder_start[fitted->n_items + 1];
    const size_t                  n_customers = fitted->train->n_customers;
    for (uint64_t h = 0; h < n; h++)
        k->own_start[fitted->holder[h] + 1]++;
    for (size_t c = 0; c < n_customers; c++)
        k->own_start[c + 1] += k->own_start[c];
    for (uint32_t item = 1; item <= fitted->n_items; item++) {
        for (uint64_t h = fitted->holder_start[item]; h < fitted->holder_start[item + 1]; h++)
            k->own[k->own_start[fitted->holder[h]]++] = item;
    }
    for (size_t c = n_customers; c > 0; c--)
        k->own_start[c] = k->own_start[c - 1];
    k->own_start[0] = 0;
}

static clade_status pack(clade_neighbours *fitted, counting *k, clade_error *err)
{
    uint64_t *const start = CLADE_NEW(uint64_t, (size_t)fitted->n_items + 2);
    fitted->lists.start   = start;
    if (start == NULL || k->failed) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the neighbours of %u items",
                          fitted->n_items);
    }
    for (uint32_t i = 1; i <= fitted->n_items; i++)
        start[i + 1] = start[i] + k->n_list[i];
    fitted->lists.beside = CLADE_NEW(clade__beside, start[fitted->n_items + 1]);
    if (fitted->lists.beside == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %llu neighbours of items",
                          (unsigned long long)start[fitted->n_items + 1]);
    }
    for (uint32_t i = 1; i <= fitted->n_items; i++) {
        if (k->n_list[i] == 0) continue;
        memcpy(fitted->lists.beside + start[i], k->list[i], k->n_list[i] * sizeof *k->list[i]);
    }
    return CLADE_OK;
}

clade_status clade__fit_items(clade_neighbours *fitted, clade_error *err)
{
    clade_status status    = CLADE_OK;
    const size_t n_workers = (size_t)clade_threads_get();
    const size_t n_items   = (size_t)fitted->n_items + 1;
    counting     k         = { .fitted = fitted };
    CLADE_TRY(clade__fit_holders(fitted, err));
    k.own_start = CLADE_NEW(uint64_t, fitted->train->n_customers + 1);
    k.own       = CLADE_NEW(uint32_t, fitted->holder_start[n_items]);
    k.list      = CLADE_NEW(clade__beside *, n_items);
    k.n_list    = CLADE_NEW(uint32_t, n_items);
    k.sums      = CLADE_NEW(clade__sums, n_workers);
    bool failed = k.own_start == NULL || k.own == NULL || k.list == NULL || k.n_list == NULL ||
                  k.sums == NULL;
    for (size_t w = 0; w < n_workers && !failed; w++) {
        k.sums[w].sum     = CLADE_NEW(float, n_items);
        k.sums[w].touched = CLADE_NEW(uint32_t, n_items);
        failed            = k.sums[w].sum == NULL || k.sums[w].touched == NULL;
    }
    if (failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to count %u items", fitted->n_items);
        goto done;
    }
    own_items(&k);
    clade_parallel(fitted->n_items, count_item, &k);
    status = pack(fitted, &k, err);
done:
    for (size_t i = 0; k.list != NULL && i < n_items; i++)
        free(k.list[i]);
    for (size_t w = 0; k.sums != NULL && w < n_workers; w++) {
        free(k.sums[w].sum);
        free(k.sums[w].touched);
    }
    free(k.own_start);
    free(k.own);
    free(k.list);
    free(k.n_list);
    free(k.sums);
    return status;
}
