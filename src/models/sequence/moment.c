/*
 * The moment of the question: what silence since the last event makes of an output, and whether a
 * customer comes back.
 *
 *     h' = h (1 + F_b) + S_b          b: bucket of the time from the event to the question
 *     [F_b S_b] = 1/8 sum_(k = 1 .. b) silence[k]               b = 0: h' = h
 *     r  = h' . w + c                 chance to come back: 1 / (1 + e^-r)
 *
 * A row is what one more step of silence adds, so that a silence longer than any that was learnt
 * from does what the longest of those does. It is put on where outputs are read, behind all blocks:
 * what a customer's events made of the state stays as it is, and one state answers at any moment.
 */
#include "behaviour_internal.h"

#include <math.h>

enum { BUCKETS = CLADE__GAP_BUCKETS };
static const float STEP = 0.125f; /* 1 / sqrt of their number: rows of a sum move together */

/* One more row of the sum. */
static void add_step(float *sum, const clade_behaviour *model, size_t k)
{
    const size_t width = 2 * (size_t)model->options.d;
    clade_kernels_get()->axpy(sum, STEP, model->theta + model->at.silence + k * width, width);
}

void clade__silences(float *sums, const clade_behaviour *model)
{
    const size_t width = 2 * (size_t)model->options.d;
    memset(sums, 0, width * sizeof *sums);
    for (size_t b = 1; b < BUCKETS; b++) {
        memcpy(sums + b * width, sums + (b - 1) * width, width * sizeof *sums);
        add_step(sums + b * width, model, b);
    }
}

static void apply(float *h, const float *sum, size_t d)
{
    for (size_t j = 0; j < d; j++)
        h[j] = h[j] * (1.0f + sum[j]) + sum[d + j];
}

void clade__moment_apply(float *h, const clade_behaviour *model, uint8_t bucket)
{
    float sum[2 * CLADE_BEHAVIOUR_D_MAX] = { 0 };
    if (bucket == 0 || model->at.silence == SIZE_MAX) return;
    for (size_t k = 1; k <= bucket; k++)
        add_step(sum, model, k);
    apply(h, sum, model->options.d);
}

void clade__moment(clade__room *room, const clade_behaviour *model, const clade__packed *packed,
                   const clade__tokens *tokens)
{
    const size_t d = model->options.d;
    if (model->at.silence == SIZE_MAX) return;
    if (room->quiet != NULL) memcpy(room->quiet, room->out, tokens->n * d * sizeof *room->out);
    for (size_t t = 0; t < tokens->n; t++) {
        const size_t bucket = tokens->silence[t];
        if (bucket > 0) apply(room->out + t * d, packed->silence + bucket * 2 * d, d);
    }
}

void clade__moment_backward(float *grad, float *d_h, clade__room *room,
                            const clade_behaviour *model, const clade__packed *packed,
                            const clade__tokens *tokens)
{
    const size_t d = model->options.d, width = 2 * d;
    if (model->at.silence == SIZE_MAX) return;
    memset(room->d_silence, 0, BUCKETS * width * sizeof(float));
    for (size_t t = 0; t < tokens->n; t++, d_h += d) {
        const size_t       bucket = tokens->silence[t];
        const float *const sum    = packed->silence + bucket * width;
        const float *const quiet  = room->quiet + t * d;
        float *const       d_sum  = room->d_silence + bucket * width;
        if (bucket == 0) continue;
        for (size_t j = 0; j < d; j++) {
            d_sum[j] += d_h[j] * quiet[j];
            d_sum[d + j] += d_h[j];
            d_h[j] *= 1.0f + sum[j];
        }
    }
    float *const d_row = clade__dense(grad, model, model->at.silence);
    for (size_t b = BUCKETS; b-- > 1;) { /* a row is in its own sum and in those behind it */
        float *const d_sum = room->d_silence + b * width;
        if (b + 1 < BUCKETS) clade_kernels_get()->add(d_sum, d_sum + width, width);
        clade_kernels_get()->axpy(d_row + b * width, STEP, d_sum, width);
    }
}

/* ---- Coming back ----------------------------------------------------------------------------- */

double clade__return_loss(clade__room *room, const clade_behaviour *model,
                          const clade__tokens *tokens, float weight)
{
    const size_t       d    = model->options.d;
    const float *const w    = model->theta + model->at.comes_back;
    double             loss = 0.0;
    for (size_t t = 0; t < tokens->n; t++) {
        room->d_return[t] = 0.0f;
        if (tokens->returns[t] == CLADE__RETURN_UNASKED) continue;
        const bool   came = tokens->returns[t] == CLADE__RETURN_YES;
        const double r = (double)clade_kernels_get()->dot(room->out + t * d, w, d) + (double)w[d];
        /* log(1 + e^-|r|) is finite whatever r is */
        loss += (double)weight * (fmax(came ? -r : r, 0.0) + log1p(exp(-fabs(r))));
        room->d_return[t] = weight * (float)(1.0 / (1.0 + exp(-r)) - (came ? 1.0 : 0.0));
    }
    return loss;
}

void clade__return_backward(float *grad, float *d_h, const clade__room *room,
                            const clade_behaviour *model, const clade__tokens *tokens)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               d = model->options.d;
    if (model->at.comes_back == SIZE_MAX) return;
    float *const dw = clade__dense(grad, model, model->at.comes_back);
    for (size_t t = 0; t < tokens->n; t++) {
        if (tokens->returns[t] == CLADE__RETURN_UNASKED) continue;
        f->axpy(dw, room->d_return[t], room->out + t * d, d);
        dw[d] += room->d_return[t];
        f->axpy(d_h + t * d, room->d_return[t], model->theta + model->at.comes_back, d);
    }
}
