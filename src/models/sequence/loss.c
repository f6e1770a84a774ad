/*
 * Softmax over a catalogue without ever holding its logits: 192 events at a time, their logits stay
 * in cache from the product that makes them to the two products that take their gradients.
 *
 *     items down, events across (so that maxima and sums run down lanes):
 *
 *       for tiles of 256 items:  l = row . hidden' (+ bias);  m = max, e = exp(l - m), s = sum e
 *       Z = sum over tiles of s exp(m - M), M the largest m;  loss = log Z + M - l[target]
 *       for tiles of 256 items:  p = e exp(m - M) / Z - [target], times the event's weight
 *                                d_row += p hidden,  d_hidden += p' row
 *
 * Cost 6 n d operations an event, the three products at the speed of any other; two exponentials a
 * logit would be one more product, so the exponential is kept and scaled.
 */
#include "behaviour_internal.h"

#include <math.h>

enum { T = CLADE__LOSS_TOKENS, ITEMS = CLADE__LOSS_ITEMS };

size_t clade__candidates_size(size_t n, size_t d)
{
    return (n + ITEMS - 1) / ITEMS * clade_pack_size(ITEMS, d);
}

void clade__candidates_pack(float *packed, const float *row, size_t n, size_t d)
{
    for (size_t first = 0; first < n; first += ITEMS, packed += clade_pack_size(ITEMS, d)) {
        const size_t rows = n - first < ITEMS ? n - first : ITEMS;
        clade_kernels_get()->pack(packed, row + first * d, d, rows, d);
    }
}

/* The events of one burst. */
typedef struct burst {
    size_t          n, w; /* events, rounded up to panels */
    const float    *hidden;
    const uint32_t *target;
    const float    *weight;
    float          *packed;       /* hidden, packed either way */
    float           on_target[T]; /* logit of the item that came */
} burst;

static void bias_tile(float *l, const burst *r, const clade__candidates *c, size_t first,
                      size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t t = 0; t < r->w; t++)
            l[i * r->w + t] += c->bias[first + i];
    }
    for (size_t t = 0; t < r->n; t++) { /* what came is always among its own candidates */
        const size_t at = (size_t)r->target[t] - 1 - first;
        if (r->target[t] > 0 && at < rows) l[at * r->w + t] -= c->bias[first + at];
    }
}

/* What came before keeps no bias: it is among the candidates of its own customer. */
static void own_tile(float *l, burst *r, const clade__room *room, const clade__candidates *c,
                     size_t first, size_t tile)
{
    for (size_t i = room->own_start[tile]; i < room->own_start[tile + 1]; i++) {
        const clade__own_entry *const e       = &room->own[i];
        const bool                    is_next = e->row + 1 == r->target[e->token];
        float *const                  at      = &l[(e->row - first) * r->w + e->token];
        *at += e->added;
        if (is_next) r->on_target[e->token] += e->added;
        if (c->bias != NULL && !is_next) *at -= c->bias[e->row];
    }
}

static void logits(clade__room *room, burst *r, const clade__candidates *c, size_t d, bool own)
{
    const clade_kernels *const f = clade_kernels_get();
    f->pack_transposed(r->packed, r->hidden, d, d, r->n);
    for (size_t t = 0; t < r->n; t++)
        r->on_target[t] = r->target[t] == 0
                              ? 0.0f
                              : f->dot(r->hidden + t * d, c->row + (r->target[t] - 1) * d, d);
    for (size_t first = 0, tile = 0; first < c->n; first += ITEMS, tile++) {
        const size_t rows = c->n - first < ITEMS ? c->n - first : ITEMS;
        float *const l    = room->logits + first * r->w;
        f->matmul(l, r->w, c->row + first * d, d, 1, r->packed, rows, r->w, d, false);
        if (c->bias != NULL) bias_tile(l, r, c, first, rows);
        if (own) own_tile(l, r, room, c, first, tile);
        f->exp_columns(l, room->tile_max + tile * T, room->tile_sum + tile * T, rows, r->w);
    }
}

/* The loss of the burst; tile_max becomes the factor of each tile and event. */
static double normalise(clade__room *room, const burst *r, size_t n_tiles)
{
    double loss = 0.0;
    for (size_t t = 0; t < r->w; t++) {
        float most = -INFINITY, sum = 0.0f;
        for (size_t tile = 0; tile < n_tiles; tile++)
            most = fmaxf(most, room->tile_max[tile * T + t]);
        for (size_t tile = 0; tile < n_tiles; tile++)
            sum += room->tile_sum[tile * T + t] * expf(room->tile_max[tile * T + t] - most);
        const float weight = t < r->n && r->target[t] > 0 ? r->weight[t] : 0.0f;
        if (weight > 0.0f) {
            loss += (double)weight * ((double)logf(sum) + (double)most - (double)r->on_target[t]);
        }
        for (size_t tile = 0; tile < n_tiles; tile++) {
            float *const at = &room->tile_max[tile * T + t];
            *at             = weight * expf(*at - most) / sum;
        }
    }
    return loss;
}

/* Slopes of own items' logits: p holds those of a tile. */
static void own_slopes(float *gate, clade__own *own, const clade__room *room, const float *p,
                       size_t w, size_t first, size_t tile)
{
    for (size_t i = room->own_start[tile]; i < room->own_start[tile + 1]; i++) {
        const clade__own_entry *const e     = &room->own[i];
        const float                   slope = p[(e->row - first) * w + e->token];
        clade__own_gradient(own, e, slope);
        gate[e->token] += slope;
    }
}

static void gradients(float *d_hidden, float *d_row, clade__room *room, const burst *r,
                      const clade__candidates *c, size_t d, clade__own *own)
{
    float                      gate[T]    = { 0 };
    const clade_kernels *const f          = clade_kernels_get();
    const float               *packed_row = c->packed;
    f->pack(r->packed, r->hidden, d, r->n, d);
    for (size_t first = 0, tile = 0; first < c->n;
         first += ITEMS, tile++, packed_row += clade_pack_size(ITEMS, d)) {
        const size_t rows = c->n - first < ITEMS ? c->n - first : ITEMS;
        float *const p    = room->logits + first * r->w;
        f->scale_columns(p, room->tile_max + tile * T, rows, r->w);
        for (size_t t = 0; t < r->n; t++) {
            const size_t at = (size_t)r->target[t] - 1 - first;
            if (r->target[t] > 0 && at < rows) p[at * r->w + t] -= r->weight[t];
        }
        if (own != NULL) own_slopes(gate, own, room, p, r->w, first, tile);
        f->matmul(d_row + first * d, d, p, r->w, 1, r->packed, rows, d, r->n, true);
        f->matmul(d_hidden, d, p, 1, r->w, packed_row, r->n, d, rows, first > 0);
    }
    for (size_t t = 0; own != NULL && t < r->n; t++)
        clade__own_gate_gradient(d_hidden + t * d, own, r->hidden + t * d, gate[t]);
}

double clade__softmax_loss(float *d_row, float *d_hidden, clade__room *room, const float *hidden,
                           size_t d, const clade__candidates *candidates, const uint32_t *target,
                           const float *weight, size_t n_tokens, clade__own *own)
{
    const size_t n_tiles = (candidates->n + ITEMS - 1) / ITEMS;
    double       loss    = 0.0;
    for (size_t first = 0; first < n_tokens; first += T) {
        burst r = { .hidden = hidden + first * d,
                    .target = target + first,
                    .weight = weight + first,
                    .packed = room->pack };
        r.n     = n_tokens - first < T ? n_tokens - first : T;
        r.w     = (r.n + 15) / 16 * 16;
        if (own != NULL) clade__own_collect(room, own, r.hidden, first, r.n, n_tiles);
        logits(room, &r, candidates, d, own != NULL);
        loss += normalise(room, &r, n_tiles);
        gradients(d_hidden + first * d, d_row, room, &r, candidates, d, own);
    }
    if (own != NULL) clade__own_finish(own);
    return loss;
}
