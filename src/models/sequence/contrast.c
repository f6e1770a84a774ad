/*
 * The past of a customer against the futures of all: at a cut, which of the step's windows behind
 * cuts is the customer's own (InfoNCE; van den Oord et al. 2018, arXiv:1807.03748)?
 *
 *     s_k = sum of row_i over the items of the window behind cut k        f_k = s_k / |s_k|
 *     q_k = h_k W / |h_k W| / T                                           h: room->out
 *     loss = weight sum_k ( ln sum_j exp(q_k . f_j) - q_k . f_k )         j: k, and cuts of others
 *
 * T is contrast_temperature. Futures are made from the item table alone, before the shards run: so
 * a shard sees those of the whole step whatever thread or rank works on the others. Cuts of the
 * same customer are left out, since their windows overlap.
 */
#include "behaviour_internal.h"

#include <math.h>
#include <stdlib.h>

enum { ITEMS = CLADE__CUT_ITEMS, QUERIES = 64 /* cuts whose logits are in flight at once */ };
static const float LEFT_OUT = -1e9f; /* as a logit: its exponential is nothing */

size_t clade__contrast_logits(void)
{
    return (size_t)QUERIES * CLADE__CUTS;
}

clade_status clade__contrast_create(clade__contrast *c, const clade_behaviour *model,
                                    size_t capacity, clade_error *err)
{
    const size_t d = model->options.d;
    *c          = (clade__contrast){ .capacity = capacity < CLADE__CUTS ? capacity : CLADE__CUTS };
    c->customer = CLADE_NEW(uint32_t, c->capacity);
    c->n_items  = CLADE_NEW(uint32_t, c->capacity);
    c->item     = CLADE_NEW(uint32_t, c->capacity * ITEMS);
    c->future   = CLADE_NEW(float, c->capacity *d);
    c->scale    = CLADE_NEW(float, c->capacity);
    c->across   = CLADE_NEW(float, clade_pack_size(d, c->capacity));
    c->along    = CLADE_NEW(float, clade_pack_size(c->capacity, d));
    c->row      = CLADE_NEW(float, (size_t)ITEMS *d);
    c->d_row    = CLADE_NEW(float, (size_t)ITEMS *d);
    if (c->customer != NULL && c->n_items != NULL && c->item != NULL && c->future != NULL &&
        c->scale != NULL && c->across != NULL && c->along != NULL && c->row != NULL &&
        c->d_row != NULL) {
        return CLADE_OK;
    }
    clade__contrast_free(c);
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the windows behind %zu cuts", capacity);
}

void clade__contrast_free(clade__contrast *c)
{
    free(c->customer);
    free(c->n_items);
    free(c->item);
    free(c->future);
    free(c->scale);
    free(c->across);
    free(c->along);
    free(c->row);
    free(c->d_row);
    *c = (clade__contrast){ 0 };
}

void clade__contrast_add(clade__contrast *c, clade__tokens *tokens, size_t token, uint32_t customer,
                         const uint32_t *item, size_t n)
{
    uint32_t n_items = 0;
    if (c->n == c->capacity) return;
    for (size_t i = 0; i < n && n_items < ITEMS; i++)
        if (item[i] > 0) c->item[c->n * ITEMS + n_items++] = item[i];
    if (n_items == 0) return;
    tokens->cut[tokens->n_cuts++] = (clade__cut){ (uint32_t)token, (uint32_t)c->n };
    c->customer[c->n]             = customer;
    c->n_items[c->n]              = n_items;
    c->n++;
}

/* ---- Futures --------------------------------------------------------------------------------- */

void clade__contrast_futures(clade__contrast *c, const clade_behaviour *model)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               d = model->options.d;
    if (c->n == 0) return;
    memset(c->future, 0, c->n * d * sizeof *c->future);
    for (size_t k = 0; k < c->n; k++) {
        clade__items(c->row, c->inverse_norm, model, c->item + k * ITEMS, c->n_items[k]);
        for (size_t i = 0; i < c->n_items[k]; i++)
            f->add(c->future + k * d, c->row + i * d, d);
    }
    clade__directions(c->future, c->scale, c->future, c->n, d, 1.0f);
    f->pack_transposed(c->across, c->future, d, d, c->n);
    f->pack(c->along, c->future, d, c->n, d);
}

void clade__contrast_futures_backward(float *grad, float *d_future, clade__contrast *c,
                                      const clade_behaviour *model)
{
    const size_t d = model->options.d;
    if (c->n == 0) return;
    clade__directions_backward(d_future, c->future, c->scale, c->n, d, 1.0f);
    for (size_t k = 0; k < c->n; k++) {
        const uint32_t *const item = c->item + k * ITEMS;
        clade__items(c->row, c->inverse_norm, model, item, c->n_items[k]);
        for (size_t i = 0; i < c->n_items[k]; i++)
            memcpy(c->d_row + i * d, d_future + k * d, d * sizeof *c->d_row);
        clade__items_backward(grad, c->d_row, c->row, c->inverse_norm, model, item, c->n_items[k]);
    }
}

/* ---- Pasts against them ---------------------------------------------------------------------- */

/* From logits (n, K) of cuts to slopes, in place; the sum of losses. */
static double slopes(float *p, const clade__cut *cut, size_t n, const clade__contrast *c,
                     float weight)
{
    const size_t K    = c->n;
    double       loss = 0.0;
    for (size_t i = 0; i < n; i++, p += K) {
        const size_t own  = cut[i].index;
        const float  came = p[own];
        float        most = 0.0f;
        for (size_t j = 0; j < K; j++)
            if (c->customer[j] == c->customer[own] && j != own) p[j] = LEFT_OUT;
        const float sum = clade_kernels_get()->exp_row(p, &most, K);
        loss += (double)weight * ((double)logf(sum) + (double)most - (double)came);
        for (size_t j = 0; j < K; j++)
            p[j] *= weight / sum;
        p[own] -= weight;
    }
    return loss;
}

double clade__contrast_loss(float *d_future, clade__room *room, const clade_behaviour *model,
                            const clade__packed *packed, const clade__tokens *tokens,
                            const clade__contrast *c, float weight)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               d = model->options.d, n = tokens->n_cuts, K = c->n;
    double                     loss = 0.0;
    for (size_t i = 0; i < n; i++)
        memcpy(room->cut_out + i * d, room->out + tokens->cut[i].token * d, d * sizeof(float));
    f->matmul(room->cut_query, d, room->cut_out, d, 1, packed->contrast, n, d, d, false);
    clade__directions(room->cut_query, room->cut_scale, room->cut_query, n, d,
                      model->options.contrast_temperature);
    for (size_t first = 0; first < n; first += QUERIES) {
        const size_t       m = n - first < QUERIES ? n - first : QUERIES;
        float *const       p = room->cut_logits;
        const float *const q = room->cut_query + first * d;
        f->matmul(p, K, q, d, 1, c->across, m, K, d, false);
        loss += slopes(p, tokens->cut + first, m, c, weight);
        f->matmul(room->d_cut + first * d, d, p, K, 1, c->along, m, d, K, false);
        f->pack(room->pack, q, d, m, d);
        f->matmul(d_future, d, p, 1, K, room->pack, K, d, m, true);
    }
    return loss;
}

void clade__contrast_backward(float *grad, float *d_h, clade__room *room,
                              const clade_behaviour *model, const clade__packed *packed,
                              const clade__tokens *tokens)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               d = model->options.d, n = tokens->n_cuts;
    if (model->at.contrast == SIZE_MAX || n == 0) return;
    clade__directions_backward(room->d_cut, room->cut_query, room->cut_scale, n, d,
                               model->options.contrast_temperature);
    clade__weight_gradient(clade__dense(grad, model, model->at.contrast), room->cut_out, d,
                           room->d_cut, d, d, d, n, room);
    f->matmul(room->cut_out, d, room->d_cut, d, 1, packed->contrast_t, n, d, d, false);
    for (size_t i = 0; i < n; i++)
        f->add(d_h + tokens->cut[i].token * d, room->cut_out + i * d, d);
}
