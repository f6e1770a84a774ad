/* Room: everything a pass writes, planned once, so that a step asks the heap for nothing. And the
 * weights in the order in which products read them. */
#include "behaviour_internal.h"

#include <stdlib.h>

/* Two walks over the same list: the first adds up sizes, the second hands out places. */
typedef struct planner {
    float *memory; /* NULL in the first walk */
    size_t used;
} planner;

static float *plan(planner *p, size_t n)
{
    float *const place = p->memory == NULL ? NULL : p->memory + p->used;
    p->used += (n + 15) / 16 * 16;
    return place;
}

/* ---- Packed weights -------------------------------------------------------------------------- */

static void plan_packed(clade__packed *packed, planner *p, const clade_behaviour *model,
                        bool with_back)
{
    const size_t d = model->options.d, F = model->options.ff;
    for (size_t b = 0; b < model->options.n_blocks; b++) {
        clade__packed_block *const w     = &packed->block[b];
        const size_t               width = model->at.block[b].width;
        w->in                            = plan(p, clade_pack_size(d, width));
        w->out                           = plan(p, clade_pack_size(d, d));
        w->ff_in                         = plan(p, clade_pack_size(d, model->at.block[b].ff_width));
        w->ff_out                        = plan(p, clade_pack_size(F, d));
        if (!with_back) continue;
        w->in_t     = plan(p, clade_pack_size(width, d));
        w->out_t    = plan(p, clade_pack_size(d, d));
        w->ff_in_t  = plan(p, clade_pack_size(model->at.block[b].ff_width, d));
        w->ff_out_t = plan(p, clade_pack_size(d, F));
    }
    if (model->at.silence != SIZE_MAX)
        packed->silence = plan(p, (size_t)CLADE__GAP_BUCKETS * 2 * d);
    if (model->at.own != SIZE_MAX) packed->own = plan(p, clade__own_size(d));
    if (with_back && model->at.future != SIZE_MAX) {
        packed->future   = plan(p, clade_pack_size(d, d));
        packed->future_t = plan(p, clade_pack_size(d, d));
    }
    if (with_back && model->at.contrast != SIZE_MAX) {
        packed->contrast   = plan(p, clade_pack_size(d, d));
        packed->contrast_t = plan(p, clade_pack_size(d, d));
    }
}

clade_status clade__packed_create(clade__packed *packed, const clade_behaviour *model,
                                  bool with_back, clade_error *err)
{
    *packed   = (clade__packed){ 0 };
    planner p = { 0 };
    plan_packed(packed, &p, model, with_back);
    packed->memory = CLADE_NEW(float, p.used);
    if (packed->memory == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu packed weights", p.used);
    }
    p = (planner){ .memory = packed->memory };
    plan_packed(packed, &p, model, with_back);
    return CLADE_OK;
}

void clade__packed_free(clade__packed *packed)
{
    free(packed->memory);
    *packed = (clade__packed){ 0 };
}

void clade__packed_set(clade__packed *packed, const clade_behaviour *model, bool with_back)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               d = model->options.d, F = model->options.ff;
    for (size_t b = 0; b < model->options.n_blocks; b++) {
        const clade__block_layout *const l     = &model->at.block[b];
        const clade__packed_block *const w     = &packed->block[b];
        const float *const               theta = model->theta;
        f->pack(w->in, theta + l->in, l->width, d, l->width);
        f->pack(w->out, theta + l->out, d, d, d);
        if (F > 0) f->pack(w->ff_in, theta + l->ff_in, l->ff_width, d, l->ff_width);
        if (F > 0) f->pack(w->ff_out, theta + l->ff_out, d, F, d);
        if (!with_back) continue;
        f->pack_transposed(w->in_t, theta + l->in, l->width, l->width, d);
        f->pack_transposed(w->out_t, theta + l->out, d, d, d);
        if (F > 0) f->pack_transposed(w->ff_in_t, theta + l->ff_in, l->ff_width, l->ff_width, d);
        if (F > 0) f->pack_transposed(w->ff_out_t, theta + l->ff_out, d, d, F);
    }
    if (packed->silence != NULL) clade__silences(packed->silence, model);
    if (packed->own != NULL) clade__own_table(packed->own, model);
    if (packed->future != NULL) {
        f->pack(packed->future, model->theta + model->at.future, d, d, d);
        f->pack_transposed(packed->future_t, model->theta + model->at.future, d, d, d);
    }
    if (packed->contrast != NULL) {
        f->pack(packed->contrast, model->theta + model->at.contrast, d, d, d);
        f->pack_transposed(packed->contrast_t, model->theta + model->at.contrast, d, d, d);
    }
}

/* ---- A thread's room ------------------------------------------------------------------------- */

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void plan_kept(clade__kept *k, planner *p, const clade_behaviour *model, size_t N,
                      size_t width)
{
    const size_t d = model->options.d, F = model->options.ff;
    k->x             = plan(p, N * d);
    k->scale         = plan(p, N);
    k->normed        = plan(p, N * d);
    k->p             = plan(p, N * width);
    k->inner         = plan(p, N * d);
    k->inner_scale   = plan(p, N);
    k->inner_normed  = plan(p, N * d);
    k->gated         = plan(p, N * d);
    k->middle        = plan(p, N * d);
    k->middle_scale  = plan(p, N);
    k->middle_normed = plan(p, N * d);
    k->ff            = plan(p, N * model->at.block[0].ff_width);
    k->ff_gated      = plan(p, N * F);
    k->row_max       = plan(p, N * model->options.n_heads);
    k->row_sum       = plan(p, N * model->options.n_heads);
    if (!model->options.outer_gate) return;
    k->mix_branch = plan(p, N * d);
    k->ff_branch  = plan(p, N * d);
}

/* Serving keeps nothing: every block writes over the one before it, and `last` and the first
 * block's x take turns. */
static void plan_room(clade__room *room, planner *p, const clade_behaviour *model, size_t N,
                      size_t n_candidates, bool with_back)
{
    const clade_behaviour_options *const o = &model->options;
    const size_t                         d = o->d, F = o->ff, w = d / o->n_heads, L = o->max_events;
    const size_t                         L_padded = (L + 15) / 16 * 16, K = o->n_rates;
    const size_t n_tiles = (n_candidates + CLADE__LOSS_ITEMS - 1) / CLADE__LOSS_ITEMS;
    const size_t wide = (w + 15) / 16 * 16, ff_width = model->at.block[0].ff_width;
    size_t       width = 0;
    for (size_t b = 0; b < o->n_blocks; b++)
        width = max_size(width, model->at.block[b].width);
    for (size_t b = 0; b < o->n_blocks; b++) {
        if (b == 0 || with_back) plan_kept(&room->kept[b], p, model, N, width);
    }
    room->last         = plan(p, N * d);
    room->hidden       = plan(p, N * d);
    room->hidden_scale = plan(p, N);
    room->out          = plan(p, N * d);
    room->out_scale    = plan(p, N);
    room->scores       = plan(p, 2 * CLADE__QUERY_ROWS * L_padded);
    room->heads        = plan(p, (4 * L_padded + CLADE__QUERY_ROWS) * wide + L_padded);
    room->bank         = plan(p, (L + 1) * K * w);
    room->factor       = plan(p, L * K);
    room->pack = plan(p, max_size(clade_pack_size(N, max_size(width, max_size(ff_width, d))),
                                  clade_pack_size(N, d)));
    if (!with_back) return;
    room->d_x      = plan(p, N * d);
    room->d_hidden = plan(p, N * d);
    if (model->at.future != SIZE_MAX) {
        room->future       = plan(p, N * d);
        room->future_scale = plan(p, N);
        room->d_future     = plan(p, N * d);
    }
    if (model->at.contrast != SIZE_MAX) {
        const size_t cuts = N < CLADE__CUTS ? N : CLADE__CUTS;
        room->cut_out     = plan(p, cuts * d);
        room->cut_query   = plan(p, cuts * d);
        room->d_cut       = plan(p, cuts * d);
        room->cut_scale   = plan(p, cuts);
        room->cut_logits  = plan(p, clade__contrast_logits());
    }
    if (model->at.silence != SIZE_MAX) {
        room->quiet     = plan(p, N * d);
        room->d_silence = plan(p, (size_t)CLADE__GAP_BUCKETS * 2 * d);
    }
    if (model->at.comes_back != SIZE_MAX) room->d_return = plan(p, N);
    if (model->at.own != SIZE_MAX) {
        const size_t n  = CLADE__LOSS_TOKENS * L * sizeof(clade__own_entry) / sizeof(float);
        room->own_list  = (clade__own_entry *)(void *)plan(p, n);
        room->own       = (clade__own_entry *)(void *)plan(p, n);
        room->own_start = (uint32_t *)(void *)plan(p, n_tiles + 2);
    }
    room->d_a      = plan(p, N * d);
    room->d_b      = plan(p, N * d);
    room->d_wide   = plan(p, N * max_size(width, ff_width));
    room->d_ff     = plan(p, N * F);
    room->carry    = plan(p, K * w);
    room->d_factor = plan(p, L * K);
    room->logits   = plan(p, n_tiles * CLADE__LOSS_ITEMS * CLADE__LOSS_TOKENS);
    room->tile_max = plan(p, n_tiles * CLADE__LOSS_TOKENS);
    room->tile_sum = plan(p, n_tiles * CLADE__LOSS_TOKENS);
}

clade_status clade__room_create(clade__room *room, const clade_behaviour *model, size_t capacity,
                                size_t n_candidates, bool with_back, clade_error *err)
{
    capacity  = (capacity + 15) / 16 * 16; /* whole panels of events */
    *room     = (clade__room){ .capacity = capacity };
    planner p = { 0 };
    plan_room(room, &p, model, capacity, n_candidates, with_back);
    room->memory = CLADE_NEW(float, p.used);
    if (room->memory == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM,
                          "no memory for the activations of %zu events: %zu MB", capacity,
                          p.used / 262144 + 1);
    }
    p = (planner){ .memory = room->memory };
    plan_room(room, &p, model, capacity, n_candidates, with_back);
    for (size_t b = 1; !with_back && b < model->options.n_blocks; b++)
        room->kept[b] = room->kept[0];
    return CLADE_OK;
}

void clade__room_free(clade__room *room)
{
    free(room->memory);
    *room = (clade__room){ 0 };
}
