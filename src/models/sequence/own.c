/*
 * A customer's own items: what is bought again is mostly what was bought before, and a product of
 * two vectors says that badly. The logit of an item i of the history gets an addition:
 *
 *     logit_ti += R[rank] + C[count] + A_age + u_t . w
 *
 *     rank    how many other items came since i last did; in 16 buckets
 *     count   how often i came; in 8
 *     age     time from i's last event to the question: A_b = 1/8 sum_(k = 1 .. b) age[k], in logs
 *             with times
 *     u_t . w how much this customer repeats at all now
 *
 * All of it is one row of parameters: [R 16 | C 8 | age 64 | w d].
 */
#include "behaviour_internal.h"

enum { RANKS = 16, COUNTS = 8, AGES = CLADE__GAP_BUCKETS };
enum { AT_COUNT = RANKS, AT_AGE = AT_COUNT + COUNTS, AT_GATE = AT_AGE + AGES };
static const float STEP = 0.125f;

size_t clade__own_size(size_t d)
{
    return AT_GATE + d;
}

/* The last bucket whose first value is not above it. */
static uint8_t bucket_of(const size_t *from, size_t n, size_t value)
{
    size_t b = n - 1;
    while (b > 0 && from[b] > value)
        b--;
    return (uint8_t)b;
}

static void find_buckets(clade__own_entry *e, size_t rank, size_t count)
{
    static const size_t ranks[RANKS]   = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 128 };
    static const size_t counts[COUNTS] = { 1, 2, 3, 4, 5, 7, 10, 20 };
    e->rank                            = bucket_of(ranks, RANKS, rank);
    e->count                           = bucket_of(counts, COUNTS, count);
}

void clade__own_table(float *table, const clade_behaviour *model)
{
    const size_t       d   = model->options.d;
    const float *const own = model->theta + model->at.own;
    memcpy(table, own, clade__own_size(d) * sizeof *table);
    table[AT_AGE] = 0.0f;
    for (size_t b = 1; b < AGES; b++)
        table[AT_AGE + b] = table[AT_AGE + b - 1] + STEP * own[AT_AGE + b];
}

static float added(const clade__own_entry *e, const float *table)
{
    return table[e->rank] + table[AT_COUNT + e->count] + table[AT_AGE + e->age];
}

/* ---- While learning -------------------------------------------------------------------------- */

/* The customer of a token, and where its square of elapsed times begins. */
typedef struct place_in {
    size_t         start, n;
    const uint8_t *elapsed;
} place_in;

static void find_customer(place_in *at, size_t *customer, const clade__tokens *tokens, size_t t)
{
    while (t >= tokens->start[*customer + 1]) {
        const size_t n = tokens->start[*customer + 1] - tokens->start[*customer];
        if (at->elapsed != NULL) at->elapsed += n * n;
        *customer += 1;
    }
    at->start = tokens->start[*customer];
    at->n     = tokens->start[*customer + 1] - at->start;
}

static uint8_t age_of(const clade__tokens *tokens, const place_in *at, size_t t, size_t j)
{
    if (at->elapsed == NULL) return 0;
    if (tokens->silence[t] == 0) return at->elapsed[(t - at->start) * at->n + j - at->start];
    return clade__gap_bucket(tokens->asked_us[t] - tokens->at_us[j]);
}

/* Entries of tokens [first, first + n), in the order of tokens. */
static size_t list_entries(clade__own_entry *list, const clade__own *own, const float *hidden,
                           size_t first, size_t n)
{
    const clade__tokens *const tokens   = own->tokens;
    const size_t               d        = own->model->options.d;
    place_in                   at       = { .elapsed = tokens->elapsed };
    size_t                     customer = 0, n_entries = 0;
    for (size_t t = first; t < first + n; t++) {
        const float gate =
            clade_kernels_get()->dot(hidden + (t - first) * d, own->table + AT_GATE, d);
        size_t rank = 0;
        find_customer(&at, &customer, tokens, t);
        if (tokens->target[t] == 0) continue; /* no loss, no gradient */
        for (size_t j = t + 1; j-- > at.start;) {
            if (tokens->item[j] == 0 || tokens->next[j] <= t) continue;
            clade__own_entry *const e = &list[n_entries++];
            *e                        = (clade__own_entry){ .token = (uint16_t)(t - first),
                                                            .age   = age_of(tokens, &at, t, j) };
            e->row = (own->place == NULL ? tokens->item[j] : own->place[tokens->item[j]]) - 1;
            find_buckets(e, rank++, tokens->nth[j]);
            e->added = added(e, own->table) + gate;
        }
    }
    return n_entries;
}

/* By counting: tile after tile. */
void clade__own_collect(clade__room *room, const clade__own *own, const float *hidden, size_t first,
                        size_t n, size_t n_tiles)
{
    const size_t    n_entries = list_entries(room->own_list, own, hidden, first, n);
    uint32_t *const start     = room->own_start;
    memset(start, 0, (n_tiles + 2) * sizeof *start);
    for (size_t i = 0; i < n_entries; i++)
        start[room->own_list[i].row / CLADE__LOSS_ITEMS + 2]++;
    for (size_t tile = 2; tile < n_tiles + 2; tile++)
        start[tile] += start[tile - 1];
    for (size_t i = 0; i < n_entries; i++)
        room->own[start[room->own_list[i].row / CLADE__LOSS_ITEMS + 1]++] = room->own_list[i];
}

void clade__own_gradient(clade__own *own, const clade__own_entry *e, float slope)
{
    own->grad[e->rank] += slope;
    own->grad[AT_COUNT + e->count] += slope;
    own->grad_age[e->age] += slope;
}

void clade__own_gate_gradient(float *d_hidden, const clade__own *own, const float *hidden,
                              float slope)
{
    const size_t d = own->model->options.d;
    clade_kernels_get()->axpy(own->grad + AT_GATE, slope, hidden, d);
    clade_kernels_get()->axpy(d_hidden, slope, own->table + AT_GATE, d);
}

void clade__own_finish(const clade__own *own)
{
    float behind = 0.0f;
    for (size_t b = AGES; b-- > 1;) { /* a step is in its own sum and in those behind it */
        behind += own->grad_age[b];
        own->grad[AT_AGE + b] += STEP * behind;
    }
}

/* ---- Serving --------------------------------------------------------------------------------- */

size_t clade_behaviour_own(uint32_t *out_item, float *out_added, const clade_behaviour *model,
                           const float *vector, const clade_sequences *s, const clade_case *one)
{
    const size_t d     = model->options.d;
    uint64_t     first = s->start[one->customer];
    size_t       n     = 0;
    float        table[AT_GATE + CLADE_BEHAVIOUR_D_MAX];
    uint32_t     count[CLADE_BEHAVIOUR_EVENTS_MAX];
    if (model->at.own == SIZE_MAX || one->end == first) return 0;
    if (one->end - first > model->options.max_events) first = one->end - model->options.max_events;
    clade__own_table(table, model);
    const float gate = clade_kernels_get()->dot(vector, table + AT_GATE, d);
    int64_t     now  = 0;
    if (model->shape.with_time) now = s->at_us[one->end - 1];
    if (model->at.silence != SIZE_MAX && one->at_us > now) now = one->at_us;
    for (uint64_t e = one->end; e-- > first;) {
        size_t k = 0;
        while (k < n && out_item[k] != s->item[e])
            k++;
        if (s->item[e] == 0) continue;
        if (k < n) {
            count[k]++;
            continue;
        }
        const uint8_t age = model->shape.with_time ? clade__gap_bucket(now - s->at_us[e]) : 0;
        out_item[n]       = s->item[e];
        out_added[n]      = table[AT_AGE + age];
        count[n++]        = 1;
    }
    for (size_t k = 0; k < n; k++) {
        clade__own_entry e = { 0 };
        find_buckets(&e, k, count[k]);
        e.added      = table[e.rank] + table[AT_COUNT + e.count] + out_added[k];
        out_added[k] = e.added + gate;
    }
    return n;
}
