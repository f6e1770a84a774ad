/* Tokens: histories of customers, cut, packed one behind the other, with their times in buckets;
 * and their embeddings, forward and back. */
#include "behaviour_internal.h"

#include "clade/time.h"

#include <math.h>
#include <stdlib.h>

clade_status clade__tokens_create(clade__tokens *tokens, const clade_behaviour *model,
                                  size_t capacity, clade_error *err)
{
    *tokens        = (clade__tokens){ .capacity = capacity };
    tokens->start  = CLADE_NEW(uint32_t, capacity + 1);
    tokens->item   = CLADE_NEW(uint32_t, capacity);
    tokens->target = CLADE_NEW(uint32_t, capacity);
    tokens->weight = CLADE_NEW(float, capacity);
    tokens->future = CLADE_NEW(uint32_t, capacity);
    bool whole     = tokens->start != NULL && tokens->item != NULL && tokens->target != NULL &&
                 tokens->weight != NULL && tokens->future != NULL;
    for (size_t f = 0; whole && f < model->shape.n_fields; f++) {
        tokens->field[f] = CLADE_NEW(uint32_t, capacity);
        whole            = tokens->field[f] != NULL;
    }
    if (whole && model->shape.with_time) {
        tokens->elapsed_capacity = capacity * model->options.max_events;
        tokens->at_us            = CLADE_NEW(int64_t, capacity);
        tokens->asked_us         = CLADE_NEW(int64_t, capacity);
        tokens->gap_days         = CLADE_NEW(float, capacity);
        tokens->gap              = CLADE_NEW(uint8_t, 5 * capacity);
        tokens->elapsed          = CLADE_NEW(uint8_t, tokens->elapsed_capacity);
        tokens->hour             = tokens->gap + capacity;
        tokens->weekday          = tokens->gap + 2 * capacity;
        tokens->silence          = tokens->gap + 3 * capacity;
        tokens->returns          = tokens->gap + 4 * capacity;
        whole = tokens->at_us != NULL && tokens->asked_us != NULL && tokens->gap_days != NULL &&
                tokens->gap != NULL && tokens->elapsed != NULL;
    }
    if (whole && model->at.own != SIZE_MAX) {
        tokens->next = CLADE_NEW(uint32_t, capacity);
        tokens->nth  = CLADE_NEW(uint32_t, capacity);
        whole        = tokens->next != NULL && tokens->nth != NULL;
    }
    if (whole && model->at.contrast != SIZE_MAX) {
        tokens->cut = CLADE_NEW(clade__cut, capacity);
        whole       = tokens->cut != NULL;
    }
    if (whole) return CLADE_OK;
    clade__tokens_free(tokens);
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu tokens", capacity);
}

void clade__tokens_free(clade__tokens *tokens)
{
    for (size_t f = 0; f < CLADE_SEQUENCE_FIELDS_MAX; f++)
        free(tokens->field[f]);
    free(tokens->start);
    free(tokens->item);
    free(tokens->target);
    free(tokens->weight);
    free(tokens->future);
    free(tokens->cut);
    free(tokens->at_us);
    free(tokens->asked_us);
    free(tokens->next);
    free(tokens->nth);
    free(tokens->gap_days);
    free(tokens->gap);
    free(tokens->elapsed);
    *tokens = (clade__tokens){ 0 };
}

void clade__tokens_clear(clade__tokens *tokens)
{
    tokens->n      = 0;
    tokens->n_seqs = 0;
    tokens->n_cuts = 0;
}

/* 0 for less than a second, then a bucket for each factor of e^0.301: 63 is five years and more. */
uint8_t clade__gap_bucket(int64_t elapsed_us)
{
    const float seconds = (float)elapsed_us * 1e-6f;
    if (seconds < 1.0f) return 0;
    const float bucket = 1.0f + logf(seconds) / 0.301f;
    return bucket >= CLADE__GAP_BUCKETS - 1 ? CLADE__GAP_BUCKETS - 1 : (uint8_t)bucket;
}

/* Days and hours of UTC, also before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void clade__tokens_time(clade__tokens *tokens, size_t at, int64_t moment, int64_t before)
{
    const int64_t day    = floor_div(moment, CLADE_US_PER_DAY);
    tokens->at_us[at]    = moment;
    tokens->gap[at]      = clade__gap_bucket(moment - before);
    tokens->gap_days[at] = (float)((double)(moment - before) / (double)CLADE_US_PER_DAY);
    tokens->hour[at]     = (uint8_t)((moment - day * CLADE_US_PER_DAY) / CLADE_US_PER_HOUR);
    tokens->weekday[at]  = (uint8_t)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* Where an item was before, of the n tokens from `at` on. */
static void link_items(clade__tokens *tokens, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        size_t before   = i;
        tokens->next[i] = UINT32_MAX;
        tokens->nth[i]  = 1;
        while (before > at && tokens->item[before - 1] != tokens->item[i])
            before--;
        if (before == at) continue;
        tokens->next[before - 1] = (uint32_t)i;
        tokens->nth[i]           = tokens->nth[before - 1] + 1;
    }
}

bool clade__tokens_add(clade__tokens *tokens, const clade_behaviour *model,
                       const clade_sequences *s, uint64_t customer_start, uint64_t first,
                       uint64_t end)
{
    if (end - first > model->options.max_events) first = end - model->options.max_events;
    const size_t n = (size_t)(end - first), at = tokens->n;
    if (at + n > tokens->capacity) return false;
    tokens->start[tokens->n_seqs] = (uint32_t)at;
    for (size_t i = 0; i < n; i++) {
        tokens->item[at + i] = s->item[first + i];
        for (size_t f = 0; f < model->shape.n_fields; f++)
            tokens->field[f][at + i] = s->field[f].value[first + i];
        if (!model->shape.with_time) continue;
        const uint64_t before = first + i > customer_start ? first + i - 1 : first + i;
        clade__tokens_time(tokens, at + i, s->at_us[first + i], s->at_us[before]);
        tokens->silence[at + i]  = 0;
        tokens->asked_us[at + i] = s->at_us[first + i];
        tokens->returns[at + i]  = CLADE__RETURN_UNASKED;
    }
    if (tokens->next != NULL) link_items(tokens, at, n);
    tokens->n += n;
    tokens->n_seqs += 1;
    tokens->start[tokens->n_seqs] = (uint32_t)tokens->n;
    if (!model->shape.with_time) return true;
    uint8_t *elapsed = tokens->elapsed; /* L^2 each, so customers before this one take sum L^2 */
    for (size_t c = 0; c + 1 < tokens->n_seqs; c++) {
        const size_t length = tokens->start[c + 1] - tokens->start[c];
        elapsed += length * length;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            elapsed[i * n + j] = clade__gap_bucket(tokens->at_us[at + i] - tokens->at_us[at + j]);
    }
    return true;
}

/* ---- Embedding ------------------------------------------------------------------------------- */

void clade__embed(clade__room *room, const clade_behaviour *model, const clade__tokens *tokens,
                  const clade__chance *chance)
{
    const clade_kernels *const f     = clade_kernels_get();
    const clade__layout *const at    = &model->at;
    const float *const         w     = model->theta;
    const size_t               d     = model->options.d;
    const float                scale = clade__sqrt_d(model);
    for (size_t t = 0; t < tokens->n; t++) {
        float *const   x    = room->kept[0].x + t * d;
        const uint32_t item = tokens->item[t];
        memcpy(x, w + at->item + (size_t)item * d, d * sizeof *x);
        for (size_t a = 0; a < model->shape.n_item_fields; a++)
            f->add(x, w + at->item_field[a] + (size_t)model->item_value[a][item] * d, d);
        for (size_t a = 0; a < model->shape.n_fields; a++)
            f->add(x, w + at->field[a] + (size_t)tokens->field[a][t] * d, d);
        if (model->shape.with_time) {
            f->add(x, w + at->gap + tokens->gap[t] * d, d);
            f->add(x, w + at->hour + tokens->hour[t] * d, d);
            f->add(x, w + at->weekday + tokens->weekday[t] * d, d);
        }
        for (size_t j = 0; j < d; j++)
            x[j] *= scale;
    }
    if (chance != NULL && model->options.dropout_in > 0.0f) {
        f->dropout(room->kept[0].x, tokens->n * d, chance->key ^ 0xE33BEDu,
                   1.0f - model->options.dropout_in);
    }
}

void clade__embed_backward(float *grad, float *d_x, const clade_behaviour *model,
                           const clade__tokens *tokens, const clade__chance *chance)
{
    const clade_kernels *const f     = clade_kernels_get();
    const clade__layout *const at    = &model->at;
    const size_t               d     = model->options.d;
    const float                scale = clade__sqrt_d(model);
    if (chance != NULL && model->options.dropout_in > 0.0f) {
        f->dropout(d_x, tokens->n * d, chance->key ^ 0xE33BEDu, 1.0f - model->options.dropout_in);
    }
    for (size_t t = 0; t < tokens->n; t++) {
        const float *const g    = d_x + t * d;
        const uint32_t     item = tokens->item[t];
        if (item > 0) {
            f->axpy(grad + at->item + (size_t)item * d, scale, g, d);
            for (size_t a = 0; a < model->shape.n_item_fields; a++) {
                const uint32_t value = model->item_value[a][item];
                if (value > 0) f->axpy(grad + at->item_field[a] + (size_t)value * d, scale, g, d);
            }
        }
        for (size_t a = 0; a < model->shape.n_fields; a++) {
            const uint32_t value = tokens->field[a][t];
            if (value > 0) f->axpy(grad + at->field[a] + (size_t)value * d, scale, g, d);
        }
        if (model->shape.with_time) {
            f->axpy(grad + at->gap + tokens->gap[t] * d, scale, g, d);
            f->axpy(grad + at->hour + tokens->hour[t] * d, scale, g, d);
            f->axpy(grad + at->weekday + tokens->weekday[t] * d, scale, g, d);
        }
    }
}
