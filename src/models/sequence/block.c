/*
 * One block, forward and back:
 *
 *     n = norm(x)           [g v ...] = n In + c        o = mix(v, ...)
 *     y = x + drop((norm(o) silu(g)) Out)
 *     m = norm(y)           [a b] = m FfIn
 *     z = y + drop((silu(a) b) FfOut)
 *
 * With outer_gate In and FfIn give d columns more, o: what a branch adds is multiplied by
 * 1 / (1 + e^-o) (LiGR; here the gate sees the normed input).
 *
 * A product's way back is two products: dX = dY W' with the packed transpose, and dW += X' dY.
 */
#include "behaviour_internal.h"

#include <math.h>

/* Names of the dropout masks of a block. */
enum { MASK_MIX = 1, MASK_FF = 2 };

static uint64_t mask_key(const clade__chance *chance, size_t b, unsigned mask)
{
    return chance->key + 0x9E3779B97F4A7C15u * (4 * b + mask);
}

static void drop(float *x, size_t n, const clade_behaviour *model, const clade__chance *chance,
                 size_t b, unsigned mask)
{
    if (chance == NULL || model->options.dropout <= 0.0f) return;
    clade_kernels_get()->dropout(x, n, mask_key(chance, b, mask), 1.0f - model->options.dropout);
}

void clade__outer_gate(float *y, const float *gate, size_t ld, size_t N, size_t d)
{
    for (size_t t = 0; t < N; t++, y += d, gate += ld) {
        for (size_t j = 0; j < d; j++)
            y[j] *= 1.0f / (1.0f + expf(-gate[j]));
    }
}

/* dy becomes the gradient of the branch, d_gate (by ld) that of its gate. */
static void outer_gate_backward(float *d_gate, float *dy, const float *branch, const float *gate,
                                size_t ld, size_t N, size_t d)
{
    for (size_t t = 0; t < N; t++, dy += d, branch += d, gate += ld, d_gate += ld) {
        for (size_t j = 0; j < d; j++) {
            const float open = 1.0f / (1.0f + expf(-gate[j]));
            d_gate[j]        = dy[j] * branch[j] * open * (1.0f - open);
            dy[j] *= open;
        }
    }
}

void clade__block(float *out, clade__kept *k, clade__room *room, const clade_behaviour *model,
                  const clade__packed *packed, size_t b, const clade__tokens *tokens,
                  const clade__chance *chance)
{
    const clade_kernels *const       f     = clade_kernels_get();
    const clade__block_layout *const l     = &model->at.block[b];
    const clade__packed_block *const w     = &packed->block[b];
    const float *const               theta = model->theta;
    const size_t                     d = model->options.d, F = model->options.ff, N = tokens->n;

    f->rms_norm(k->normed, k->scale, k->x, theta + l->norm, N, d);
    for (size_t t = 0; t < N; t++)
        memcpy(k->p + t * l->width, theta + l->in_bias, l->width * sizeof *k->p);
    f->matmul(k->p, l->width, k->normed, d, 1, w->in, N, l->width, d, true);
    if (l->mixer == CLADE_MIXER_DECAY) {
        clade__decay(k, room, model, b, tokens);
    } else {
        clade__attention(k, room, model, b, tokens);
    }
    f->rms_norm(k->inner_normed, k->inner_scale, k->inner, theta + l->norm_inner, N, d);
    f->gate(k->gated, d, k->p, l->width, k->inner_normed, d, N, d);
    f->matmul(k->middle, d, k->gated, d, 1, w->out, N, d, d, false);
    drop(k->middle, N * d, model, chance, b, MASK_MIX);
    if (k->mix_branch != NULL) {
        memcpy(k->mix_branch, k->middle, N * d * sizeof *k->middle);
        clade__outer_gate(k->middle, k->p + l->width - d, l->width, N, d);
    }
    f->add(k->middle, k->x, N * d);

    if (F == 0) {
        memcpy(out, k->middle, N * d * sizeof *out);
        return;
    }
    f->rms_norm(k->middle_normed, k->middle_scale, k->middle, theta + l->norm_ff, N, d);
    f->matmul(k->ff, l->ff_width, k->middle_normed, d, 1, w->ff_in, N, l->ff_width, d, false);
    f->gate(k->ff_gated, F, k->ff, l->ff_width, k->ff + F, l->ff_width, N, F);
    f->matmul(out, d, k->ff_gated, F, 1, w->ff_out, N, d, F, false);
    drop(out, N * d, model, chance, b, MASK_FF);
    if (k->ff_branch != NULL) {
        memcpy(k->ff_branch, out, N * d * sizeof *out);
        clade__outer_gate(out, k->ff + 2 * F, l->ff_width, N, d);
    }
    f->add(out, k->middle, N * d);
}

void clade__weight_gradient(float *dw, const float *x, size_t ldx, const float *dy, size_t ldy,
                            size_t m, size_t n, size_t N, clade__room *room)
{
    const clade_kernels *const f = clade_kernels_get();
    f->pack(room->pack, dy, ldy, N, n);
    f->matmul(dw, n, x, 1, ldx, room->pack, m, n, N, true);
}

static void ff_backward(float *grad, float *d_x, const clade__kept *k, clade__room *room,
                        const clade_behaviour *model, const clade__packed *packed, size_t b,
                        const clade__tokens *tokens, const clade__chance *chance)
{
    const clade_kernels *const       f = clade_kernels_get();
    const clade__block_layout *const l = &model->at.block[b];
    const clade__packed_block *const w = &packed->block[b];
    const size_t d = model->options.d, F = model->options.ff, N = tokens->n, W = l->ff_width;
    float *const dy = room->d_a;
    memcpy(dy, d_x, N * d * sizeof *dy);
    if (k->ff_branch != NULL)
        outer_gate_backward(room->d_wide + 2 * F, dy, k->ff_branch, k->ff + 2 * F, W, N, d);
    drop(dy, N * d, model, chance, b, MASK_FF);
    clade__weight_gradient(clade__dense(grad, model, l->ff_out), k->ff_gated, F, dy, d, F, d, N,
                           room);
    f->matmul(room->d_ff, F, dy, d, 1, w->ff_out_t, N, F, d, false);
    f->gate_backward(room->d_wide, W, room->d_wide + F, W, room->d_ff, F, k->ff, W, k->ff + F, W, N,
                     F);
    clade__weight_gradient(clade__dense(grad, model, l->ff_in), k->middle_normed, d, room->d_wide,
                           W, d, W, N, room);
    f->matmul(room->d_b, d, room->d_wide, W, 1, w->ff_in_t, N, d, W, false);
    f->rms_norm_backward(d_x, clade__dense(grad, model, l->norm_ff), room->d_b, k->middle,
                         model->theta + l->norm_ff, k->middle_scale, N, d);
}

void clade__block_backward(float *grad, float *d_x, const clade__kept *k, clade__room *room,
                           const clade_behaviour *model, const clade__packed *packed, size_t b,
                           const clade__tokens *tokens, const clade__chance *chance)
{
    const clade_kernels *const       f = clade_kernels_get();
    const clade__block_layout *const l = &model->at.block[b];
    const clade__packed_block *const w = &packed->block[b];
    const size_t                     d = model->options.d, N = tokens->n;
    float *const dy = room->d_a, *const d_inner = room->d_b, *const d_p = room->d_wide;

    if (model->options.ff > 0) {
        ff_backward(grad, d_x, k, room, model, packed, b, tokens, chance);
    }
    memset(d_p, 0, N * l->width * sizeof *d_p);
    memcpy(dy, d_x, N * d * sizeof *dy);
    if (k->mix_branch != NULL)
        outer_gate_backward(d_p + l->width - d, dy, k->mix_branch, k->p + l->width - d, l->width, N,
                            d);
    drop(dy, N * d, model, chance, b, MASK_MIX);
    clade__weight_gradient(clade__dense(grad, model, l->out), k->gated, d, dy, d, d, d, N, room);
    f->matmul(d_inner, d, dy, d, 1, w->out_t, N, d, d,
              false); /* the gradient of gated; below, of o */

    f->gate_backward(d_p, l->width, dy, d, d_inner, d, k->p, l->width, k->inner_normed, d, N, d);
    memset(d_inner, 0, N * d * sizeof *d_inner); /* dy is that of norm(o) now */
    f->rms_norm_backward(d_inner, clade__dense(grad, model, l->norm_inner), dy, k->inner,
                         model->theta + l->norm_inner, k->inner_scale, N, d);
    if (l->mixer == CLADE_MIXER_DECAY) {
        clade__decay_backward(grad, d_p, d_inner, k, room, model, b, tokens);
    } else {
        clade__attention_backward(grad, d_p, d_inner, k, room, model, b, tokens);
    }
    f->add_rows(clade__dense(grad, model, l->in_bias), d_p, l->width, N, l->width);
    clade__weight_gradient(clade__dense(grad, model, l->in), k->normed, d, d_p, l->width, d,
                           l->width, N, room);
    f->matmul(dy, d, d_p, l->width, 1, w->in_t, N, d, l->width, false);
    f->rms_norm_backward(d_x, clade__dense(grad, model, l->norm), dy, k->x, model->theta + l->norm,
                         k->scale, N, d);
}

/* ---- All blocks ------------------------------------------------------------------------------ */

void clade__directions(float *y, float *scale, const float *x, size_t N, size_t d, float T)
{
    for (size_t t = 0; t < N; t++, x += d, y += d) {
        scale[t] = (float)(1.0 / __builtin_sqrt(clade_kernels_get()->sum_squares(x, d) + 1e-12));
        for (size_t j = 0; j < d; j++)
            y[j] = x[j] * (scale[t] / T);
    }
}

/* dx = (dy - y (y . dy) T^2) / |x| / T, in place. */
void clade__directions_backward(float *dy, const float *y, const float *scale, size_t N, size_t d,
                                float T)
{
    for (size_t t = 0; t < N; t++, y += d, dy += d) {
        const float along = clade_kernels_get()->dot(y, dy, d) * T * T;
        for (size_t j = 0; j < d; j++)
            dy[j] = (dy[j] - y[j] * along) * (scale[t] / T);
    }
}

void clade__project(float *y, float *scale, const float *x, const clade_behaviour *model, size_t N)
{
    const size_t d = model->options.d;
    if (model->options.temperature > 0.0f) {
        clade__directions(y, scale, x, N, d, model->options.temperature);
    } else if (y != x) {
        memcpy(y, x, N * d * sizeof *y);
    }
}

static void project_backward(float *dy, const float *y, const float *scale,
                             const clade_behaviour *model, size_t N)
{
    const float T = model->options.temperature;
    if (T > 0.0f) clade__directions_backward(dy, y, scale, N, model->options.d, T);
}

void clade__forward(clade__room *room, const clade_behaviour *model, const clade__packed *packed,
                    const clade__tokens *tokens, const clade__chance *chance, bool with_future)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t d = model->options.d, N = tokens->n, n_blocks = model->options.n_blocks;
    for (size_t b = 0; b < n_blocks; b++) {
        const bool   shared = n_blocks > 1 && room->kept[1].x == room->kept[0].x;
        float *const out    = b + 1 == n_blocks || shared ? room->last : room->kept[b + 1].x;
        clade__block(out, &room->kept[b], room, model, packed, b, tokens, chance);
        if (shared && b + 1 < n_blocks) memcpy(room->kept[0].x, out, N * d * sizeof *out);
    }
    f->rms_norm(room->out, room->out_scale, room->last, model->theta + model->at.norm_out, N, d);
    clade__moment(room, model, packed, tokens);
    clade__project(room->hidden, room->hidden_scale, room->out, model, N);
    if (!with_future) return;
    f->matmul(room->future, d, room->out, d, 1, packed->future, N, d, d, false);
    clade__project(room->future, room->future_scale, room->future, model, N);
}

void clade__backward(float *grad, clade__room *room, const clade_behaviour *model,
                     const clade__packed *packed, const clade__tokens *tokens,
                     const clade__chance *chance)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               d = model->options.d, N = tokens->n;
    project_backward(room->d_hidden, room->hidden, room->hidden_scale, model, N);
    if (model->at.future != SIZE_MAX) {
        project_backward(room->d_future, room->future, room->future_scale, model, N);
        clade__weight_gradient(clade__dense(grad, model, model->at.future), room->out, d,
                               room->d_future, d, d, d, N, room);
        f->matmul(room->d_hidden, d, room->d_future, d, 1, packed->future_t, N, d, d, true);
    }
    clade__return_backward(grad, room->d_hidden, room, model, tokens);
    clade__contrast_backward(grad, room->d_hidden, room, model, packed, tokens);
    clade__moment_backward(grad, room->d_hidden, room, model, packed, tokens);
    memset(room->d_x, 0, N * d * sizeof(float));
    f->rms_norm_backward(room->d_x, clade__dense(grad, model, model->at.norm_out), room->d_hidden,
                         room->last, model->theta + model->at.norm_out, room->out_scale, N, d);
    for (size_t b = model->options.n_blocks; b-- > 0;) {
        clade__block_backward(grad, room->d_x, &room->kept[b], room, model, packed, b, tokens,
                              chance);
    }
}
