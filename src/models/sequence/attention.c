/*
 * Attention over one customer's events, head by head, in tiles of 48 queries against the keys that
 * they may see:
 *
 *     s[i,j] = q_i . k_j / sqrt(w) + position[i - j] + time[bucket(t_i - t_j)],   j <= i
 *     softmax:    a[i,j] = exp(s[i,j]) / sum_j exp(s[i,j])
 *     pointwise:  a[i,j] = silu(s[i,j]) / (i + 1)          (normalised by the real length so far)
 *     o_i = sum_j a[i,j] v_j
 *
 * The way back computes the scores again instead of keeping L^2 of them. With da[i,j] = do_i . v_j:
 *
 *     softmax:    ds = a (da - sum_j a da)       pointwise:  ds = da silu'(s) / (i + 1)
 *     dq_i = sum_j ds k_j / sqrt(w)   dk_j = sum_i ds q_i / sqrt(w)   dv_j = sum_i a do_i
 */
#include "behaviour_internal.h"

#include <math.h>

/* One head of one customer: views, and the keys and values as products read them. */
typedef struct head {
    size_t         n, n_padded, w; /* events, rounded up to panels, channels */
    size_t         width;          /* between rows of p */
    const float   *q, *k, *v;
    const float   *position, *time; /* biases; time may be NULL */
    const uint8_t *elapsed;         /* (n, n) */
    bool           softmax;
    float         *k_t, *v_t;       /* packed transposes: (n_padded / 16, w, 16) */
    float         *k_rows, *v_rows; /* packed as they stand: (w / 16, n, 16) */
    float         *tile_pack;
    float         *reversed; /* (n_padded) position biases from far to near, for the row at hand */
} head;

static void head_open(head *h, clade__room *room, const clade_behaviour *model, size_t b,
                      const float *p, const clade__tokens *tokens, size_t c, size_t index,
                      const uint8_t *elapsed)
{
    const clade_behaviour_options *const o = &model->options;
    const clade__block_layout *const     l = &model->at.block[b];
    h->w                                   = o->d / o->n_heads;
    h->n                                   = tokens->start[c + 1] - tokens->start[c];
    h->n_padded                            = (h->n + 15) / 16 * 16;
    h->width                               = l->width;
    const float *const row                 = p + tokens->start[c] * h->width + index * h->w;
    h->v                                   = row + o->d;
    h->q                                   = row + 2 * (size_t)o->d;
    h->k                                   = row + 3 * (size_t)o->d;
    h->position = model->theta + l->bias_position + index * o->max_events;
    h->time =
        l->bias_time == SIZE_MAX ? NULL : model->theta + l->bias_time + index * CLADE__GAP_BUCKETS;
    h->elapsed        = elapsed;
    h->softmax        = l->mixer == CLADE_MIXER_ATTENTION;
    const size_t wide = h->w < 16 ? 16 : (h->w + 15) / 16 * 16;
    h->k_t            = room->heads;
    h->v_t            = h->k_t + h->n_padded * h->w;
    h->k_rows         = h->v_t + h->n_padded * h->w;
    h->v_rows         = h->k_rows + h->n * wide;
    h->tile_pack      = h->v_rows + h->n * wide;
    h->reversed       = h->tile_pack + CLADE__QUERY_ROWS * wide;
}

/* c (m, w) = or += a (m, depth) rows[0..depth): rows are packed (w / 16, n, 16). */
static void times_rows(float *c, size_t ldc, const float *a, size_t a_row, size_t a_column,
                       const float *rows, const head *h, size_t m, size_t depth, bool add)
{
    const clade_kernels *const f = clade_kernels_get();
    for (size_t j = 0; j < h->w; j += CLADE_PANEL) {
        const size_t width = h->w - j < CLADE_PANEL ? h->w - j : CLADE_PANEL;
        f->matmul(c + j, ldc, a, a_row, a_column, rows + j * h->n, m, width, depth, add);
    }
}

/* Scores of queries [first, end) with biases; row i holds keys 0..i, ld = n_padded. */
static void score_rows(float *s, const head *h, size_t first, size_t end)
{
    const clade_kernels *const f     = clade_kernels_get();
    const float                scale = 1.0f / sqrtf((float)h->w);
    f->matmul(s, h->n_padded, h->q + first * h->width, h->width, 1, h->k_t, end - first, end, h->w,
              false);
    for (size_t i = first; i < end; i++) {
        float *const       row  = s + (i - first) * h->n_padded;
        const float *const bias = h->reversed + (h->n - 1 - i); /* bias[j] = position[i - j] */
        for (size_t j = 0; j <= i; j++)
            row[j] = row[j] * scale + bias[j];
        if (h->time == NULL) continue;
        const uint8_t *const bucket = h->elapsed + i * h->n;
        for (size_t j = 0; j <= i; j++)
            row[j] += h->time[bucket[j]];
    }
}

/* reversed[m] = position[n - 1 - m]. */
static void reverse_position(head *h)
{
    for (size_t m = 0; m < h->n; m++)
        h->reversed[m] = h->position[h->n - 1 - m];
}

/* Weights a of one row in place, zeros behind key i up to `end`. */
static void weigh_row(float *row, const head *h, size_t i, size_t end)
{
    const clade_kernels *const f = clade_kernels_get();
    float                      factor, most;
    if (h->softmax) {
        factor = 1.0f / f->exp_row(row, &most, i + 1);
    } else {
        f->silu(row, row, i + 1);
        factor = 1.0f / (float)(i + 1);
    }
    for (size_t j = 0; j <= i; j++)
        row[j] *= factor;
    for (size_t j = i + 1; j < end; j++)
        row[j] = 0.0f;
}

static const uint8_t *next_elapsed(const uint8_t *elapsed, const clade__tokens *tokens, size_t c)
{
    const size_t n = tokens->start[c + 1] - tokens->start[c];
    return elapsed == NULL ? NULL : elapsed + n * n;
}

void clade__attention(clade__kept *kept, clade__room *room, const clade_behaviour *model, size_t b,
                      const clade__tokens *tokens)
{
    const clade_kernels *const f       = clade_kernels_get();
    const size_t               d       = model->options.d;
    const uint8_t             *elapsed = tokens->elapsed;
    for (size_t c = 0; c < tokens->n_seqs; elapsed = next_elapsed(elapsed, tokens, c), c++) {
        for (size_t index = 0; index < model->options.n_heads; index++) {
            head h;
            head_open(&h, room, model, b, kept->p, tokens, c, index, elapsed);
            reverse_position(&h);
            f->pack_transposed(h.k_t, h.k, h.width, h.w, h.n);
            f->pack(h.v_rows, h.v, h.width, h.n, h.w);
            float *const out = kept->inner + tokens->start[c] * d + index * h.w;
            for (size_t first = 0; first < h.n; first += CLADE__QUERY_ROWS) {
                const size_t end =
                    first + CLADE__QUERY_ROWS < h.n ? first + CLADE__QUERY_ROWS : h.n;
                score_rows(room->scores, &h, first, end);
                for (size_t i = first; i < end; i++)
                    weigh_row(room->scores + (i - first) * h.n_padded, &h, i, end);
                times_rows(out + first * d, d, room->scores, h.n_padded, 1, h.v_rows, &h,
                           end - first, end, false);
            }
        }
    }
}

/* ---- The way back ---------------------------------------------------------------------------- */

/* da, in place, to ds; s holds the scores and becomes a. Softmax needs a alone, pointwise s. */
static void score_gradient_row(float *da, float *s, const head *h, size_t i, size_t end)
{
    const clade_kernels *const f = clade_kernels_get();
    if (h->softmax) {
        weigh_row(s, h, i, end);
        const float mean = f->dot(s, da, i + 1);
        for (size_t j = 0; j <= i; j++)
            da[j] = s[j] * (da[j] - mean);
    } else {
        const float factor = 1.0f / (float)(i + 1);
        f->silu_backward(da, da, s, i + 1);
        for (size_t j = 0; j <= i; j++)
            da[j] *= factor;
        weigh_row(s, h, i, end);
    }
    for (size_t j = i + 1; j < end; j++)
        da[j] = 0.0f;
}

static void bias_gradient(float *d_position, float *d_time, const float *ds, const head *h,
                          size_t i)
{
    for (size_t j = 0; j <= i; j++)
        d_position[i - j] += ds[j];
    if (d_time == NULL) return;
    const uint8_t *const bucket = h->elapsed + i * h->n;
    for (size_t j = 0; j <= i; j++)
        d_time[bucket[j]] += ds[j];
}

static void head_backward(float *d_position, float *d_time, float *dq, float *dk, float *dv,
                          const float *d_out, size_t ldo, head *h, clade__room *room)
{
    const clade_kernels *const f     = clade_kernels_get();
    const float                scale = 1.0f / sqrtf((float)h->w);
    float *const               s     = room->scores;
    float *const               da    = s + CLADE__QUERY_ROWS * h->n_padded;
    for (size_t first = 0; first < h->n; first += CLADE__QUERY_ROWS) {
        const size_t end  = first + CLADE__QUERY_ROWS < h->n ? first + CLADE__QUERY_ROWS : h->n;
        const size_t rows = end - first;
        score_rows(s, h, first, end);
        f->matmul(da, h->n_padded, d_out + first * ldo, ldo, 1, h->v_t, rows, end, h->w, false);
        for (size_t i = first; i < end; i++) {
            float *const ds = da + (i - first) * h->n_padded;
            score_gradient_row(ds, s + (i - first) * h->n_padded, h, i, end);
            bias_gradient(d_position, d_time, ds, h, i);
            for (size_t j = 0; j <= i; j++)
                ds[j] *= scale;
        }
        times_rows(dq + first * h->width, h->width, da, h->n_padded, 1, h->k_rows, h, rows, end,
                   false);
        f->pack(h->tile_pack, h->q + first * h->width, h->width, rows, h->w);
        f->matmul(dk, h->width, da, 1, h->n_padded, h->tile_pack, end, h->w, rows, true);
        f->pack(h->tile_pack, d_out + first * ldo, ldo, rows, h->w);
        f->matmul(dv, h->width, s, 1, h->n_padded, h->tile_pack, end, h->w, rows, true);
    }
}

void clade__attention_backward(float *grad, float *d_p, const float *d_inner,
                               const clade__kept *kept, clade__room *room,
                               const clade_behaviour *model, size_t b, const clade__tokens *tokens)
{
    const clade_kernels *const       f       = clade_kernels_get();
    const clade__block_layout *const l       = &model->at.block[b];
    const size_t                     d       = model->options.d;
    const uint8_t                   *elapsed = tokens->elapsed;
    for (size_t c = 0; c < tokens->n_seqs; elapsed = next_elapsed(elapsed, tokens, c), c++) {
        for (size_t index = 0; index < model->options.n_heads; index++) {
            head h;
            head_open(&h, room, model, b, kept->p, tokens, c, index, elapsed);
            reverse_position(&h);
            f->pack_transposed(h.k_t, h.k, h.width, h.w, h.n);
            f->pack_transposed(h.v_t, h.v, h.width, h.w, h.n);
            f->pack(h.k_rows, h.k, h.width, h.n, h.w);
            float *const dp = d_p + tokens->start[c] * h.width + index * h.w;
            head_backward(
                clade__dense(grad, model, l->bias_position) + index * model->options.max_events,
                h.time == NULL
                    ? NULL
                    : clade__dense(grad, model, l->bias_time) + index * CLADE__GAP_BUCKETS,
                dp + 2 * d, dp + 3 * d, dp + d, d_inner + tokens->start[c] * d + index * h.w, d, &h,
                room);
        }
    }
}
