/*
 * The decay mixer: each head keeps K sums of the values it has seen, which fade at K rates, and an
 * event reads them with weights of its own. For head h and rate k, with the time D[t] since the
 * event before (days, or 1 for each event in heads that count events):
 *
 *     f[t] = exp(-D[t] e^r)        z[t] = f[t] z[t-1] + v[t]        o[t] = sum_k s_k m[t,k] z[t,k]
 *
 * s_k = 1 - exp(-e^r) at the first values makes slow sums as large as fast ones. Work and state do
 * not depend on how long the history is. The relatives are in docs/maths/behaviour-model.md.
 */
#include "behaviour_internal.h"

#include <math.h>

typedef struct bank_head {
    size_t       w, K;
    const float *rate; /* (K) log */
    float        scale[CLADE_BEHAVIOUR_RATES_MAX];
    bool         days;       /* counts days, not events */
    size_t       value, mix; /* columns of p */
} bank_head;

static bank_head head_of(const clade_behaviour *model, size_t b, size_t h)
{
    const clade_behaviour_options *const o    = &model->options;
    const clade__block_layout *const     l    = &model->at.block[b];
    bank_head                            head = { .w = o->d / o->n_heads, .K = o->n_rates };
    head.rate                                 = model->theta + l->rate + h * head.K;
    head.days                                 = model->shape.with_time && h % 2 == 1;
    head.value                                = o->d + h * head.w;
    head.mix                                  = 2 * (size_t)o->d + h * head.K;
    for (size_t k = 0; k < head.K; k++) {
        const double share = head.K == 1 ? 0.5 : (double)k / (double)(head.K - 1);
        const double half  = 0.5 * pow((double)o->max_events / 0.5, share);
        head.scale[k]      = (float)(1.0 - exp(-log(2.0) / half));
    }
    return head;
}

static float elapsed(const bank_head *head, const clade__tokens *tokens, size_t t, size_t first)
{
    if (t == first) return 0.0f; /* the state before it is zero */
    return head->days ? tokens->gap_days[t] : 1.0f;
}

/* Factors of one customer's events. */
static void factors(float *factor, const bank_head *head, const clade__tokens *tokens, size_t first,
                    size_t end)
{
    float speed[CLADE_BEHAVIOUR_RATES_MAX] = { 0 }, step[CLADE_BEHAVIOUR_RATES_MAX] = { 0 };
    for (size_t k = 0; k < head->K; k++) {
        speed[k] = expf(head->rate[k]);
        step[k]  = expf(-speed[k]);
    }
    for (size_t t = first; t < end; t++, factor += head->K) {
        const float gap = elapsed(head, tokens, t, first);
        for (size_t k = 0; k < head->K; k++)
            factor[k] = !head->days && t > first ? step[k] : expf(-gap * speed[k]);
    }
}

void clade__decay_constants(float *speed, float *step, float *scale, const clade_behaviour *model,
                            size_t b)
{
    for (size_t h = 0; h < model->options.n_heads; h++) {
        const bank_head head = head_of(model, b, h);
        for (size_t k = 0; k < head.K; k++, speed++, step++, scale++) {
            *speed = expf(head.rate[k]);
            *step  = expf(-*speed);
            *scale = head.scale[k];
        }
    }
}

/* p's mixing columns times s_k, in place: once before the forward pass. */
static void scale_mix(float *p, size_t width, const bank_head *head, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        for (size_t k = 0; k < head->K; k++)
            p[t * width + head->mix + k] *= head->scale[k];
    }
}

void clade__decay(clade__kept *kept, clade__room *room, const clade_behaviour *model, size_t b,
                  const clade__tokens *tokens)
{
    const clade_kernels *const f     = clade_kernels_get();
    const size_t               d     = model->options.d;
    const size_t               width = model->at.block[b].width;
    memset(kept->inner, 0, tokens->n * d * sizeof *kept->inner);
    for (size_t h = 0; h < model->options.n_heads; h++) {
        const bank_head head = head_of(model, b, h);
        scale_mix(kept->p, width, &head, tokens->n);
        for (size_t c = 0; c < tokens->n_seqs; c++) {
            const size_t       first = tokens->start[c], end = tokens->start[c + 1];
            const float *const p = kept->p + first * width;
            factors(room->factor, &head, tokens, first, end);
            memset(room->bank, 0, head.K * head.w * sizeof(float));
            f->decay(kept->inner + first * d + h * head.w, d, room->bank, p + head.value, width,
                     room->factor, p + head.mix, width, end - first, head.w, head.K);
        }
    }
}

void clade__decay_backward(float *grad, float *d_p, const float *d_inner, const clade__kept *kept,
                           clade__room *room, const clade_behaviour *model, size_t b,
                           const clade__tokens *tokens)
{
    const clade_kernels *const f      = clade_kernels_get();
    const size_t               d      = model->options.d;
    const size_t               width  = model->at.block[b].width;
    float *const               d_rate = clade__dense(grad, model, model->at.block[b].rate);
    for (size_t h = 0; h < model->options.n_heads; h++) {
        const bank_head head = head_of(model, b, h);
        for (size_t c = 0; c < tokens->n_seqs; c++) {
            const size_t first = tokens->start[c], end = tokens->start[c + 1], n = end - first;
            const float *const p  = kept->p + first * width;
            float *const       dp = d_p + first * width;
            factors(room->factor, &head, tokens, first, end);
            memset(room->bank, 0, head.K * head.w * sizeof(float));
            /* The sums again: d_a holds nothing that is still needed, and takes the output. */
            f->decay(room->d_a + first * d, d, room->bank, p + head.value, width, room->factor,
                     p + head.mix, width, n, head.w, head.K);
            f->decay_backward(dp + head.value, width, dp + head.mix, width, room->d_factor,
                              d_inner + first * d + h * head.w, d, room->bank, room->factor,
                              p + head.mix, width, room->carry, n, head.w, head.K);
            for (size_t i = 1; i < n; i++) { /* df/dr = -D e^r f */
                const float gap = elapsed(&head, tokens, first + i, first);
                for (size_t k = 0; k < head.K; k++) {
                    d_rate[h * head.K + k] -= room->d_factor[i * head.K + k] * gap *
                                              expf(head.rate[k]) * room->factor[i * head.K + k];
                }
            }
        }
        scale_mix(d_p, width, &head, tokens->n);
    }
}
