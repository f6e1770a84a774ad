/*
 * Queries of scan. A query walks the blocks and keeps, as candidates, the items whose upper bound
 * reaches `least`: a score that n items are known to reach. When candidates fill their array,
 * `least` is raised to their own n-th best lower bound and those below are dropped; where bounds
 * are too wide for that (equal rows, long rows) the candidates' floats are read, after which only n
 * are left. So the array never overflows, and on ordinary data floats are read once, at the end.
 */
#include "scan_internal.h"

#include "clade/run.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum {
    CAPACITY_MIN    = 256,
    CAPACITY_TIMES  = 6, /* candidates for each item of the answer */
    QUERIES_OF_TASK = 16,
    BINS            = 256,
    INSERTION_MAX   = 24,
    AHEAD           = 4, /* rows that are fetched while one is scored */
};

static float lower(float a, float b)
{
    return a < b ? a : b;
}

static float higher(float a, float b)
{
    return a > b ? a : b;
}

/* ---- Candidates in order ----------------------------------------------------------------------
 */

/* Rising keys are falling lower bounds, equal ones by rising item. */
static uint64_t key_of(float low, uint32_t item)
{
    uint32_t bits;
    memcpy(&bits, &low, sizeof bits);
    const uint32_t rising = bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
    return (uint64_t)~rising << 32 | item;
}

static uint32_t item_of(const clade__scan_candidate *c)
{
    return (uint32_t)c->key;
}

static void sort_few(clade__scan_candidate *c, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const clade__scan_candidate moved = c[i];
        size_t                      j     = i;
        for (; j > 0 && c[j - 1].key > moved.key; j--)
            c[j] = c[j - 1];
        c[j] = moved;
    }
}

/* Least significant byte first; bytes in which all agree cost no pass. */
static void sort_candidates(clade__scan_state *state, clade__scan_candidate *room)
{
    clade__scan_candidate *from = state->candidate, *to = room;
    const size_t           n              = state->n_candidates;
    uint32_t               count[8][BINS] = { { 0 } };
    if (n <= INSERTION_MAX) {
        sort_few(from, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t pass = 0; pass < 8; pass++)
            count[pass][from[i].key >> (8 * pass) & 255]++;
    }
    for (size_t pass = 0; pass < 8; pass++) {
        uint32_t *const c = count[pass];
        if (c[from[0].key >> (8 * pass) & 255] == n) continue;
        uint32_t start = 0;
        for (size_t digit = 0; digit < BINS; digit++) {
            const uint32_t here = c[digit];
            c[digit]            = start;
            start += here;
        }
        for (size_t i = 0; i < n; i++)
            to[c[from[i].key >> (8 * pass) & 255]++] = from[i];
        clade__scan_candidate *const swap = from;
        from                              = to;
        to                                = swap;
    }
    if (from != state->candidate) memcpy(state->candidate, from, n * sizeof *from);
}

/* ---- Raising what an item must reach ----------------------------------------------------------
 */

static bool capped(const clade__scan_state *state)
{
    return state->filter->group_cap > 0;
}

/*
 * A score that n candidates reach, without sorting them: lower bounds are counted in even bins, and
 * the lowest of those in the top bins that hold n is taken. Which bin a bound falls into rises with
 * the bound, so the answer is right however the division rounds.
 */
static void raise_least(clade__scan_state *state)
{
    uint32_t count[BINS] = { 0 };
    float    low = INFINITY, high = -INFINITY, least = INFINITY;
    if (state->n_candidates < state->n) return;
    for (size_t i = 0; i < state->n_candidates; i++) {
        low  = lower(low, state->candidate[i].low);
        high = higher(high, state->candidate[i].low);
    }
    const double span = (double)high - (double)low;
    if (!(span > (double)FLT_MIN)) return; /* as good as equal */
    const double scale = (BINS - 1) / span;
    for (size_t i = 0; i < state->n_candidates; i++)
        count[(size_t)(((double)state->candidate[i].low - (double)low) * scale)]++;
    size_t bin = BINS - 1, n = count[bin];
    while (n < state->n)
        n += count[--bin];
    for (size_t i = 0; i < state->n_candidates; i++) {
        const float at = state->candidate[i].low;
        if ((size_t)(((double)at - (double)low) * scale) >= bin) least = lower(least, at);
    }
    state->query.least = higher(state->query.least, least);
}

/*
 * The greedy walk over sorted candidates, by their lower bounds: takes up to n into `taken`, at
 * most group_cap of a group. Where n are taken, that many items within the caps reach the last of
 * them, so no other answer does with less: `least` rises. Where a group is full, its items below
 * the last one taken are crowded out whatever comes: its floor rises.
 */
static size_t take(clade__scan_state *state, clade__scan_worker *worker, const clade_scan *index)
{
    clade__scan_candidate *const taken = worker->sorted;
    const uint32_t               cap   = state->filter->group_cap;
    size_t                       n     = 0;
    for (size_t i = 0; i < state->n_candidates && n < state->n; i++) {
        const clade__scan_candidate *const c = &state->candidate[i];
        if (cap > 0) {
            const uint32_t group = index->group[item_of(c)];
            if (worker->count[group] == cap) continue;
            if (++worker->count[group] == cap) {
                state->floor[group] = higher(state->floor[group], c->low);
            }
        }
        taken[n++] = *c;
    }
    for (size_t i = 0; cap > 0 && i < n; i++)
        worker->count[index->group[item_of(&taken[i])]] = 0;
    if (n == state->n) state->query.least = higher(state->query.least, taken[n - 1].low);
    return n;
}

static bool reaches(const clade__scan_state *state, const clade_scan *index, float high,
                    uint32_t item)
{
    return high >= state->query.least &&
           (!capped(state) || high >= state->floor[index->group[item]]);
}

static void drop_lower(clade__scan_state *state, const clade_scan *index)
{
    size_t n = 0;
    for (size_t i = 0; i < state->n_candidates; i++) {
        const clade__scan_candidate c = state->candidate[i];
        if (reaches(state, index, c.high, item_of(&c))) state->candidate[n++] = c;
    }
    state->n_candidates = n;
}

static void tighten(clade__scan_state *state, clade__scan_worker *worker, const clade_scan *index)
{
    if (capped(state)) {
        sort_candidates(state, worker->sorted);
        take(state, worker, index);
    } else {
        raise_least(state);
    }
    drop_lower(state, index);
}

static void fetch(const clade_scan *index, uint32_t item)
{
    const char *const row = (const char *)(index->x + (size_t)item * index->d);
    for (size_t at = 0; at < index->d * sizeof(float); at += 64)
        __builtin_prefetch(row + at);
}

/* The score as the header defines it; a zero is +0, so that equal scores have equal bits. */
static float score_of(const clade__scan_state *state, const clade_scan *index, uint32_t item,
                      clade_isa isa)
{
    double sum =
        clade__scan_dot(state->query.exact, index->x + (size_t)item * index->d, index->d, isa);
    if (index->bias != NULL) sum += (double)index->bias[item];
    return (float)sum + 0.0f;
}

/* Read the floats of sorted candidates. Once the first n are known, they say what the others must
 * reach; those that cannot are dropped unread. */
static void score_candidates(clade__scan_state *state, clade__scan_worker *worker,
                             const clade_scan *index)
{
    float  least = INFINITY;
    size_t n     = 0;
    for (size_t i = 0; i < AHEAD && i < state->n_candidates; i++)
        fetch(index, item_of(&state->candidate[i]));
    for (size_t i = 0; i < state->n_candidates; i++) {
        clade__scan_candidate c = state->candidate[i];
        if (i + AHEAD < state->n_candidates) fetch(index, item_of(&state->candidate[i + AHEAD]));
        if (c.high < state->query.least) continue;
        if (c.low < c.high) {
            c.low = c.high = score_of(state, index, item_of(&c), worker->isa);
            c.key          = key_of(c.low, item_of(&c));
            worker->n_scored++;
        }
        least                 = lower(least, c.low);
        state->candidate[n++] = c;
        if (n == state->n && !capped(state)) state->query.least = higher(state->query.least, least);
    }
    state->n_candidates = n;
}

/* Keep the answer to everything seen so far, in order, and nothing else. What is dropped stays
 * dropped when more items come: each has n better ones, or its group is full of better ones. */
static void settle(clade__scan_state *state, clade__scan_worker *worker, const clade_scan *index)
{
    tighten(state, worker, index);
    sort_candidates(state, worker->sorted);
    score_candidates(state, worker, index);
    sort_candidates(state, worker->sorted);
    state->n_candidates = take(state, worker, index);
    memcpy(state->candidate, worker->sorted, state->n_candidates * sizeof *state->candidate);
}

static void make_place(clade__scan_state *state, clade__scan_worker *worker,
                       const clade_scan *index)
{
    if (state->n_candidates + CLADE__SCAN_ROWS <= state->capacity) return;
    tighten(state, worker, index);
    if (state->n_candidates > state->capacity / 3 * 2) settle(state, worker, index);
}

/* ---- Filter -----------------------------------------------------------------------------------
 */

static bool excluded(const clade_scan_filter *filter, uint32_t item)
{
    size_t first = 0, end = filter->n_excluded;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        if (filter->excluded[middle] < item) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < filter->n_excluded && filter->excluded[first] == item;
}

static bool passes(const clade_scan_filter *filter, uint32_t item)
{
    return (filter->allowed == NULL || (filter->allowed[item / 64] >> (item % 64) & 1) != 0) &&
           !excluded(filter, item);
}

static void offer(clade__scan_state *state, const clade_scan *index, size_t block,
                  const float *high, uint32_t mask)
{
    for (; mask != 0; mask &= mask - 1) {
        const size_t   row   = (size_t)__builtin_ctz(mask);
        const size_t   place = block * CLADE__SCAN_ROWS + row;
        const uint32_t item  = index->item[place];
        if (!passes(state->filter, item) || !reaches(state, index, high[row], item)) continue;
        const float low = clade__scan_low(&state->query, index->scale[place], high[row]);
        state->candidate[state->n_candidates++] =
            (clade__scan_candidate){ key_of(low, item), low, high[row] };
    }
}

static clade_status check_filter(const clade_scan_filter *filter, const clade_scan *index,
                                 clade_error *err)
{
    if (filter->group_cap > 0 && index->group == NULL) {
        return clade_fail(err, CLADE_ERR_ARG, "group_cap is %u, but the items have no groups",
                          filter->group_cap);
    }
    for (size_t i = 0; i < filter->n_excluded; i++) {
        if (filter->excluded[i] >= index->n_items) {
            return clade_fail(err, CLADE_ERR_ARG, "excluded[%zu] is %u, wanted below %zu", i,
                              filter->excluded[i], index->n_items);
        }
        if (i > 0 && filter->excluded[i] < filter->excluded[i - 1]) {
            return clade_fail(err, CLADE_ERR_ARG, "excluded[%zu] is %u after %u, wanted rising", i,
                              filter->excluded[i], filter->excluded[i - 1]);
        }
    }
    return CLADE_OK;
}

/* ---- One query, and many ----------------------------------------------------------------------
 */

static const clade_scan_filter EVERYTHING = { 0 };

static clade_status check_query(const float *query, const clade_scan_filter *filter,
                                const clade_scan *index, clade_error *err)
{
    if (filter != NULL) CLADE_TRY(check_filter(filter, index, err));
    for (size_t j = 0; j < index->d; j++) {
        if (fabsf(query[j]) <= CLADE_VALUE_MAX) continue;
        return clade_fail(err, CLADE_ERR_DATA, "query[%zu] is %g, wanted a finite value up to %g",
                          j, (double)query[j], (double)CLADE_VALUE_MAX);
    }
    return CLADE_OK;
}

static clade_status check_n(size_t n, const clade_scan *index, const clade_scan_room *room,
                            clade_error *err)
{
    if (room->index != index) {
        return clade_fail(err, CLADE_ERR_ARG, "the room was made for another index");
    }
    if (n == 0 || n > room->n_max) {
        return clade_fail(err, CLADE_ERR_ARG, "n is %zu, wanted 1 to %zu as the room has", n,
                          room->n_max);
    }
    return CLADE_OK;
}

static size_t capacity_for(size_t n)
{
    return n * CAPACITY_TIMES > CAPACITY_MIN ? n * CAPACITY_TIMES : CAPACITY_MIN;
}

static void begin(clade__scan_state *state, const clade_scan *index, size_t n, const float *query,
                  const clade_scan_filter *filter)
{
    state->filter       = filter == NULL ? &EVERYTHING : filter;
    state->n            = n;
    state->n_candidates = 0;
    state->capacity     = capacity_for(n);
    for (size_t g = 0; capped(state) && g < index->n_groups; g++)
        state->floor[g] = -INFINITY;
    clade__scan_query_set(&state->query, query, clade__scan_largest(query, index->d), index->d,
                          index->n_steps);
}

static void finish(uint32_t *out_item, float *out_score, clade__scan_state *state,
                   clade__scan_worker *worker, const clade_scan *index)
{
    settle(state, worker, index);
    for (size_t i = 0; i < state->n; i++) {
        const bool found = i < state->n_candidates;
        out_item[i]      = found ? item_of(&state->candidate[i]) : CLADE_SCAN_NONE;
        out_score[i]     = found ? state->candidate[i].low : -INFINITY;
    }
}

static void offer_stripe(clade__scan_state *state, clade__scan_worker *worker,
                         const clade_scan *index, size_t stripe, const clade__scan_bounds *bounds)
{
    for (size_t k = 0; k < CLADE__SCAN_BLOCKS; k++) {
        if (bounds->mask[k] == 0) continue;
        make_place(state, worker, index);
        offer(state, index, stripe * CLADE__SCAN_BLOCKS + k, bounds->high[k], bounds->mask[k]);
    }
}

/* Walk the stripes with some queries, two to a reading; a query leaves when the rest cannot reach
 * its answer. */
static void walk(clade__scan_worker *worker, size_t n_queries, const clade_scan *index)
{
    clade__scan_state *running[QUERIES_OF_TASK];
    size_t             n_running = n_queries;
    for (size_t q = 0; q < n_queries; q++)
        running[q] = &worker->state[q];
    for (size_t stripe = 0; stripe < index->n_stripes; stripe++) {
        size_t n_on = 0;
        for (size_t q = 0; q < n_running; q++) {
            const bool on = clade__scan_reaches(&running[q]->query, &index->limits[stripe]);
            if (on) running[n_on++] = running[q];
        }
        n_running = n_on;
        for (size_t q = 0; q < n_running; q += CLADE__SCAN_PAIR) {
            clade__scan_bounds bounds[CLADE__SCAN_PAIR];
            clade__scan_query *pair[CLADE__SCAN_PAIR];
            const size_t n = n_running - q < CLADE__SCAN_PAIR ? n_running - q : CLADE__SCAN_PAIR;
            for (size_t k = 0; k < n; k++)
                pair[k] = &running[q + k]->query;
            clade__scan_stripe(bounds, index, stripe, pair, n, worker->isa);
            for (size_t k = 0; k < n; k++)
                offer_stripe(running[q + k], worker, index, stripe, &bounds[k]);
        }
    }
}

clade_status clade_scan_top(uint32_t *out_item, float *out_score, size_t n, const clade_scan *index,
                            const float *query, const clade_scan_filter *filter,
                            clade_scan_room *room, clade_error *err)
{
    clade__scan_worker *const worker = &room->worker[0];
    CLADE_TRY(check_n(n, index, room, err));
    CLADE_TRY(check_query(query, filter, index, err));
    worker->isa = clade_isa_get();
    begin(&worker->state[0], index, n, query, filter);
    walk(worker, 1, index);
    finish(out_item, out_score, &worker->state[0], worker, index);
    return CLADE_OK;
}

typedef struct batch {
    uint32_t                *out_item;
    float                   *out_score;
    size_t                   n;
    const clade_scan        *index;
    const float             *query;
    size_t                   n_queries;
    size_t                   n_of_task;
    const clade_scan_filter *filter;
    clade_scan_room         *room;
    clade_isa                isa;
} batch;

static void batch_task(size_t task, int worker_index, void *context)
{
    const batch *const        b      = context;
    clade__scan_worker *const worker = &b->room->worker[worker_index];
    const size_t              first  = task * b->n_of_task;
    const size_t              left   = b->n_queries - first;
    const size_t              n      = left < b->n_of_task ? left : b->n_of_task;
    if (clade_interrupt_requested()) return;
    worker->isa = b->isa;
    for (size_t q = 0; q < n; q++) {
        begin(&worker->state[q], b->index, b->n, b->query + (first + q) * b->index->d,
              b->filter == NULL ? NULL : &b->filter[first + q]);
    }
    walk(worker, n, b->index);
    for (size_t q = 0; q < n; q++) {
        const size_t at = (first + q) * b->n;
        finish(b->out_item + at, b->out_score + at, &worker->state[q], worker, b->index);
    }
}

clade_status clade_scan_batch(uint32_t *out_item, float *out_score, size_t n,
                              const clade_scan *index, const float *query, size_t n_queries,
                              const clade_scan_filter *filter, clade_scan_room *room,
                              clade_error *err)
{
    const size_t n_threads = (size_t)clade_threads_get();
    CLADE_TRY(check_n(n, index, room, err));
    if (room->n_states < QUERIES_OF_TASK || n_threads > room->n_workers) {
        return clade_fail(err, CLADE_ERR_ARG, "the room is for batches on %zu threads, wanted %zu",
                          room->n_states < QUERIES_OF_TASK ? 0 : room->n_workers, n_threads);
    }
    for (size_t q = 0; q < n_queries; q++) {
        const clade_status status =
            check_query(query + q * index->d, filter == NULL ? NULL : &filter[q], index, err);
        if (status != CLADE_OK) return clade_fail_at(err, status, "query %zu", q);
    }
    const size_t share = (n_queries + n_threads - 1) / n_threads; /* few queries: all threads */
    batch b = { out_item, out_score, n, index, query, n_queries, 0, filter, room, clade_isa_get() };
    if (n_queries == 0) return CLADE_OK;
    b.n_of_task = share < QUERIES_OF_TASK ? share : QUERIES_OF_TASK;
    clade_parallel((n_queries + b.n_of_task - 1) / b.n_of_task, batch_task, &b);
    return clade_interrupt_check(err);
}

/* ---- Room -------------------------------------------------------------------------------------
 */

static bool have_state(clade__scan_state *state, const clade_scan *index, size_t n_max)
{
    const size_t n_exact =
        (index->d + CLADE__SCAN_LANES - 1) / CLADE__SCAN_LANES * CLADE__SCAN_LANES;
    state->query.u     = CLADE_NEW(int8_t, CLADE__SCAN_STEP * index->n_steps);
    state->query.exact = CLADE_NEW(double, n_exact);
    state->candidate   = CLADE_NEW(clade__scan_candidate, capacity_for(n_max));
    state->floor       = CLADE_NEW(float, index->n_groups);
    return state->query.u != NULL && state->query.exact != NULL && state->candidate != NULL &&
           state->floor != NULL;
}

static bool have_worker(clade__scan_worker *worker, const clade_scan *index, size_t n_max,
                        size_t n_states)
{
    const size_t n_near = 2 * n_max + CLADE_SCAN_WIDTH_MAX;
    worker->state       = CLADE_NEW(clade__scan_state, n_states);
    worker->sorted      = CLADE_NEW(clade__scan_candidate, capacity_for(n_max));
    worker->count       = CLADE_NEW(uint32_t, index->n_groups);
    worker->near        = CLADE_NEW(double, n_near);
    bool have = worker->state != NULL && worker->sorted != NULL && worker->count != NULL &&
                worker->near != NULL;
    for (size_t s = 0; have && s < n_states; s++)
        have = have_state(&worker->state[s], index, n_max);
    return have;
}

clade_status clade_scan_room_create(clade_scan_room **out_room, const clade_scan *index,
                                    size_t n_max, size_t n_threads, clade_error *err)
{
    if (n_max == 0 || n_max > CLADE_SCAN_TOP_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "n_max is %zu, wanted 1 to %d", n_max,
                          CLADE_SCAN_TOP_MAX);
    }
    clade_scan_room *const room = calloc(1, sizeof *room);
    bool                   have = room != NULL;
    if (have) {
        room->index     = index;
        room->n_max     = n_max;
        room->n_workers = n_threads == 0 ? 1 : n_threads;
        room->n_states  = n_threads == 0 ? 1 : QUERIES_OF_TASK;
        room->worker    = CLADE_NEW(clade__scan_worker, room->n_workers);
        have            = room->worker != NULL;
        for (size_t w = 0; have && w < room->n_workers; w++)
            have = have_worker(&room->worker[w], index, n_max, room->n_states);
    }
    if (!have) {
        clade_scan_room_free(room);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for queries on %zu threads", n_threads);
    }
    *out_room = room;
    return CLADE_OK;
}

void clade_scan_room_free(clade_scan_room *room)
{
    if (room == NULL) return;
    for (size_t w = 0; room->worker != NULL && w < room->n_workers; w++) {
        clade__scan_worker *const worker = &room->worker[w];
        for (size_t s = 0; worker->state != NULL && s < room->n_states; s++) {
            clade__scan_state *const state = &worker->state[s];
            free(state->query.u);
            free(state->query.exact);
            free(state->candidate);
            free(state->floor);
        }
        free(worker->state);
        free(worker->sorted);
        free(worker->count);
        free(worker->near);
    }
    free(room->worker);
    free(room);
}

uint64_t clade_scan_room_scored(const clade_scan_room *room)
{
    uint64_t n = 0;
    for (size_t w = 0; w < room->n_workers; w++)
        n += room->worker[w].n_scored;
    return n;
}
