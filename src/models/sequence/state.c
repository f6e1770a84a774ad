/*
 * One customer, event by event. A block's output at an event depends on that event and those before
 * it alone, so an event needs one row of every product, and of each block what it remembers:
 *
 *     decay       z (H, K, w)                            z = f z + v,  o = sum_k s_k m_k z_k
 *     attention   keys (H, L / 16, w, 16), values (H, w / 16, L, 16), as products read them; event
 *                 e lies in slot e mod L, so that the latest L = max_events are there
 *
 * Every sum runs in the order of the pass over whole histories (block.c, attention.c, decay.c), and
 * gives the same bits until slots are used a second time.
 */
#include "behaviour_internal.h"

#include "clade/text.h"

#include <math.h>
#include <stdlib.h>

enum {
    D      = CLADE_BEHAVIOUR_D_MAX,
    WIDTH  = 3 * D + D / 8 * CLADE_BEHAVIOUR_RATES_MAX, /* of p at most */
    EVENTS = CLADE_BEHAVIOUR_EVENTS_MAX,
};
static const int64_t AT_MAX = INT64_MAX / 2; /* so that the time between two moments is a number */

struct clade_behaviour_serving {
    const clade_behaviour *model;
    clade__packed          packed;
    uint64_t               fingerprint;
    int64_t                gap_from[CLADE__GAP_BUCKETS]; /* the first microsecond of each bucket */
    struct {
        float *speed, *step, *scale; /* (H, K) of a block of decays */
    } bank[CLADE_BEHAVIOUR_BLOCKS_MAX];
    float *banks; /* memory of those */
};

struct clade_behaviour_state {
    uint64_t n_events;
    int64_t  last_us;
    int64_t *at_us;                             /* (L) by slot; NULL when nobody reads them */
    float   *block[CLADE_BEHAVIOUR_BLOCKS_MAX]; /* z, or keys and behind them values */
};

/* What a step writes on its way; a row of each. */
typedef struct scratch {
    float   x[D], normed[D], p[WIDTH], inner[D], inner_normed[D], gated[D], middle[D];
    float   ff[9 * D], ff_gated[4 * D], out[D];
    float   scores[EVENTS], factor[CLADE_BEHAVIOUR_RATES_MAX], bank[2 * D];
    uint8_t bucket[EVENTS]; /* of the time since each slot's event */
} scratch;

/* ---- Sizes ----------------------------------------------------------------------------------- */

static size_t to_panels(size_t n)
{
    return (n + CLADE_PANEL - 1) / CLADE_PANEL * CLADE_PANEL;
}

static bool decays(const clade_behaviour *model, size_t b)
{
    return model->options.mixer[b] == CLADE_MIXER_DECAY;
}

static bool keeps_times(const clade_behaviour *model)
{
    bool attends = false;
    for (size_t b = 0; b < model->options.n_blocks; b++)
        attends = attends || !decays(model, b);
    return attends && model->shape.with_time;
}

/* Floats of all keys of a block; its values lie behind them. */
static size_t keys_size(const clade_behaviour_options *o)
{
    return to_panels(o->max_events) * o->d;
}

static size_t block_size(const clade_behaviour *model, size_t b)
{
    const clade_behaviour_options *const o = &model->options;
    if (decays(model, b)) return (size_t)o->n_rates * o->d;
    return keys_size(o) + to_panels(o->max_events) * to_panels(o->d / o->n_heads) * o->n_heads;
}

static size_t times_size(const clade_behaviour *model)
{
    return keeps_times(model) ? to_panels(model->options.max_events) * sizeof(int64_t) : 0;
}

static size_t head_size(void)
{
    return (sizeof(clade_behaviour_state) + 63) / 64 * 64;
}

size_t clade_behaviour_state_bytes(const clade_behaviour *model)
{
    size_t bytes = head_size() + times_size(model);
    for (size_t b = 0; b < model->options.n_blocks; b++)
        bytes += block_size(model, b) * sizeof(float);
    return bytes;
}

clade_status clade_behaviour_state_create(clade_behaviour_state **out, const clade_behaviour *model,
                                          clade_error *err)
{
    const size_t   bytes  = clade_behaviour_state_bytes(model);
    uint8_t *const memory = clade_alloc(bytes, 1);
    if (memory == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a customer's state: %zu bytes",
                          bytes);
    }
    clade_behaviour_state *const state = (clade_behaviour_state *)(void *)memory;
    uint8_t                     *at    = memory + head_size();
    if (keeps_times(model)) state->at_us = (int64_t *)(void *)at;
    at += times_size(model);
    for (size_t b = 0; b < model->options.n_blocks; b++) {
        state->block[b] = (float *)(void *)at;
        at += block_size(model, b) * sizeof(float);
    }
    *out = state;
    return CLADE_OK;
}

void clade_behaviour_state_free(clade_behaviour_state *state)
{
    free(state);
}

uint64_t clade_behaviour_state_events(const clade_behaviour_state *state)
{
    return state->n_events;
}

/* ---- A model made ready ---------------------------------------------------------------------- */

/* Two models with one fingerprint give a state the same meaning. */
static uint64_t fingerprint_of(const clade_behaviour *model)
{
    const clade_behaviour_options *const o      = &model->options;
    const size_t                         n_rows = (size_t)model->shape.n_items + 1;
    uint32_t temperature; /* its bits, so that one array holds everything */
    memcpy(&temperature, &o->temperature, sizeof temperature);
    const uint64_t parts[] = { o->d,
                               o->n_blocks,
                               o->n_heads,
                               o->ff,
                               o->n_rates,
                               o->max_events,
                               temperature,
                               model->shape.n_items,
                               model->at.n,
                               model->shape.with_time,
                               model->at.tables_end };
    uint64_t       hash    = clade_hash64(parts, sizeof parts, 0);
    for (size_t b = 0; b < o->n_blocks; b++) {
        const uint64_t mixer = (uint64_t)o->mixer[b];
        hash                 = clade_hash64(&mixer, sizeof mixer, hash);
    }
    for (size_t f = 0; f < model->shape.n_item_fields; f++)
        hash = clade_hash64(model->item_value[f], n_rows * sizeof *model->item_value[f], hash);
    return clade_hash64(model->theta, model->at.n * sizeof *model->theta, hash);
}

/* By bisection on the function that histories use, so that both find the same bucket. */
static void find_buckets(int64_t *from)
{
    from[0] = 0;
    for (uint8_t bucket = 1; bucket < CLADE__GAP_BUCKETS; bucket++) {
        int64_t below = from[bucket - 1], above = INT64_MAX;
        while (above - below > 1) {
            const int64_t middle = below + (above - below) / 2;
            if (clade__gap_bucket(middle) >= bucket) {
                above = middle;
            } else {
                below = middle;
            }
        }
        from[bucket] = above;
    }
}

clade_status clade_behaviour_serving_create(clade_behaviour_serving **out,
                                            const clade_behaviour *model, clade_error *err)
{
    const size_t             HK       = (size_t)model->options.n_heads * model->options.n_rates;
    const size_t             n_blocks = model->options.n_blocks;
    clade_behaviour_serving *s        = calloc(1, sizeof *s);
    if (s == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to serve a model");
    s->model            = model;
    s->banks            = CLADE_NEW(float, n_blocks * 3 * HK);
    clade_status status = clade__packed_create(&s->packed, model, false, err);
    if (s->banks == NULL && status == CLADE_OK) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rates", n_blocks * HK);
    }
    if (status != CLADE_OK) {
        clade_behaviour_serving_free(s);
        return status;
    }
    clade__packed_set(&s->packed, model, false);
    for (size_t b = 0; b < n_blocks; b++) {
        if (!decays(model, b)) continue;
        s->bank[b].speed = s->banks + 3 * b * HK;
        s->bank[b].step  = s->bank[b].speed + HK;
        s->bank[b].scale = s->bank[b].step + HK;
        clade__decay_constants(s->bank[b].speed, s->bank[b].step, s->bank[b].scale, model, b);
    }
    find_buckets(s->gap_from);
    s->fingerprint = fingerprint_of(model);
    *out           = s;
    return CLADE_OK;
}

void clade_behaviour_serving_free(clade_behaviour_serving *serving)
{
    if (serving == NULL) return;
    clade__packed_free(&serving->packed);
    free(serving->banks);
    free(serving);
}

/* ---- Mixers, one event ----------------------------------------------------------------------- */

static void step_decay(scratch *at, clade_behaviour_state *state,
                       const clade_behaviour_serving *serving, size_t b, float gap_days)
{
    const clade_kernels *const           f = clade_kernels_get();
    const clade_behaviour_options *const o = &serving->model->options;
    const size_t                         w = o->d / o->n_heads, K = o->n_rates;
    memset(at->inner, 0, o->d * sizeof *at->inner);
    for (size_t h = 0; h < o->n_heads; h++) {
        const bool days = serving->model->shape.with_time && h % 2 == 1;
        float     *mix  = at->p + 2 * (size_t)o->d + h * K;
        for (size_t k = 0; k < K; k++) {
            const size_t hk = h * K + k;
            float *const z  = state->block[b] + hk * w;
            const float  factor =
                days ? expf(-gap_days * serving->bank[b].speed[hk]) : serving->bank[b].step[hk];
            mix[k] *= serving->bank[b].scale[hk];
            memcpy(at->bank, z, w * sizeof *z);
            f->decay(at->inner + h * w, w, at->bank, at->p + o->d + h * w, w, &factor, &mix[k], 1,
                     1, w, 1);
            memcpy(z, at->bank + w, w * sizeof *z);
        }
    }
}

/* The views of one head of a block's keys and values. */
static float *keys_of(const clade_behaviour_state *state, const clade_behaviour_options *o,
                      size_t b, size_t h)
{
    return state->block[b] + h * to_panels(o->max_events) * (o->d / o->n_heads);
}
static float *values_of(const clade_behaviour_state *state, const clade_behaviour_options *o,
                        size_t b, size_t h)
{
    return state->block[b] + keys_size(o) +
           h * to_panels(o->max_events) * to_panels(o->d / o->n_heads);
}
/* Where channel j of the event in a slot lies in either. */
static size_t key_at(const clade_behaviour_options *o, size_t slot, size_t j)
{
    const size_t w = o->d / o->n_heads;
    return slot / CLADE_PANEL * (w * CLADE_PANEL) + j * CLADE_PANEL + slot % CLADE_PANEL;
}
static size_t value_at(const clade_behaviour_options *o, size_t slot, size_t j)
{
    return (j / CLADE_PANEL * to_panels(o->max_events) + slot) * CLADE_PANEL + j % CLADE_PANEL;
}

static void add_biases(float *s, const clade_behaviour *model, size_t b, size_t h, size_t slot,
                       size_t n, const uint8_t *bucket)
{
    const clade__block_layout *const l        = &model->at.block[b];
    const size_t                     w        = model->options.d / model->options.n_heads;
    const size_t                     L        = model->options.max_events;
    const float                      scale    = 1.0f / sqrtf((float)w);
    const float *const               position = model->theta + l->bias_position + h * L;
    for (size_t j = 0; j <= slot; j++)
        s[j] = s[j] * scale + position[slot - j];
    for (size_t j = slot + 1; j < n; j++)
        s[j] = s[j] * scale + position[slot + L - j];
    if (l->bias_time == SIZE_MAX) return;
    const float *const time = model->theta + l->bias_time + h * CLADE__GAP_BUCKETS;
    for (size_t j = 0; j < n; j++)
        s[j] += time[bucket[j]];
}

static void step_attention(scratch *at, clade_behaviour_state *state,
                           const clade_behaviour_serving *serving, size_t b)
{
    const clade_kernels *const           f = clade_kernels_get();
    const clade_behaviour_options *const o = &serving->model->options;
    const size_t                         d = o->d, w = d / o->n_heads, L = o->max_events;
    const size_t                         slot = (size_t)(state->n_events % L);
    const size_t                         n = state->n_events < L ? (size_t)state->n_events + 1 : L;
    float *const                         s = at->scores;
    for (size_t h = 0; h < o->n_heads; h++) {
        float *const keys = keys_of(state, o, b, h), *const values = values_of(state, o, b, h);
        const float *const v = at->p + d + h * w, *const q = v + d, *const k = q + d;
        for (size_t j = 0; j < w; j++) {
            keys[key_at(o, slot, j)]     = k[j];
            values[value_at(o, slot, j)] = v[j];
        }
        f->row_times(s, q, keys, w * CLADE_PANEL, n, w, false);
        add_biases(s, serving->model, b, h, slot, n, at->bucket);
        float factor, most;
        if (o->mixer[b] == CLADE_MIXER_ATTENTION) {
            factor = 1.0f / f->exp_row(s, &most, n);
        } else {
            f->silu(s, s, n);
            factor = 1.0f / (float)n;
        }
        for (size_t j = 0; j < n; j++)
            s[j] *= factor;
        f->row_times(at->inner + h * w, s, values, to_panels(L) * CLADE_PANEL, w, n, false);
    }
}

/* Buckets of the time since each slot's event, newest first: they only rise. */
static void set_buckets(uint8_t *bucket, const clade_behaviour_state *state,
                        const clade_behaviour_serving *serving, int64_t now_us)
{
    const size_t L    = serving->model->options.max_events;
    const size_t n    = state->n_events < L ? (size_t)state->n_events + 1 : L;
    size_t       slot = (size_t)(state->n_events % L);
    uint8_t      at   = 0;
    for (size_t i = 0; i < n; i++, slot = slot == 0 ? L - 1 : slot - 1) {
        const int64_t elapsed = now_us - state->at_us[slot];
        while (at + 1 < CLADE__GAP_BUCKETS && elapsed >= serving->gap_from[at + 1])
            at++;
        bucket[slot] = at;
    }
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* Block b: at->x becomes its output. */
static void step_block(scratch *at, clade_behaviour_state *state,
                       const clade_behaviour_serving *serving, size_t b, float gap_days)
{
    const clade_kernels *const       f     = clade_kernels_get();
    const clade_behaviour *const     model = serving->model;
    const clade__block_layout *const l     = &model->at.block[b];
    const clade__packed_block *const w     = &serving->packed.block[b];
    const float *const               theta = model->theta;
    const size_t                     d = model->options.d, F = model->options.ff;
    float                            scale;

    f->rms_norm(at->normed, &scale, at->x, theta + l->norm, 1, d);
    memcpy(at->p, theta + l->in_bias, l->width * sizeof *at->p);
    f->row_times(at->p, at->normed, w->in, d * CLADE_PANEL, l->width, d, true);
    if (decays(model, b)) {
        step_decay(at, state, serving, b, gap_days);
    } else {
        step_attention(at, state, serving, b);
    }
    f->rms_norm(at->inner_normed, &scale, at->inner, theta + l->norm_inner, 1, d);
    f->gate(at->gated, d, at->p, l->width, at->inner_normed, d, 1, d);
    f->row_times(at->middle, at->gated, w->out, d * CLADE_PANEL, d, d, false);
    if (model->options.outer_gate) clade__outer_gate(at->middle, at->p + l->width - d, d, 1, d);
    f->add(at->x, at->middle, d);
    if (F == 0) return;
    f->rms_norm(at->normed, &scale, at->x, theta + l->norm_ff, 1, d);
    f->row_times(at->ff, at->normed, w->ff_in, d * CLADE_PANEL, l->ff_width, d, false);
    f->gate(at->ff_gated, F, at->ff, l->ff_width, at->ff + F, l->ff_width, 1, F);
    f->row_times(at->middle, at->ff_gated, w->ff_out, F * CLADE_PANEL, d, F, false);
    if (model->options.outer_gate) clade__outer_gate(at->middle, at->ff + 2 * F, d, 1, d);
    f->add(at->x, at->middle, d);
}

static clade_status check_event(const clade_behaviour *model, const clade_behaviour_state *state,
                                const clade_behaviour_event *event, clade_error *err)
{
    const clade_behaviour_shape *const shape = &model->shape;
    if (event->item > shape->n_items) {
        return clade_fail(err, CLADE_ERR_ARG, "an event with item %u: the model knows 1 to %u",
                          event->item, shape->n_items);
    }
    for (size_t f = 0; f < shape->n_fields; f++) {
        if (event->field[f] <= shape->field[f].n_values) continue;
        return clade_fail(err, CLADE_ERR_ARG, "an event with %s %u: the model knows 1 to %u",
                          shape->field[f].name, event->field[f], shape->field[f].n_values);
    }
    if (!shape->with_time) return CLADE_OK;
    if (event->at_us > AT_MAX || event->at_us < -AT_MAX) {
        return clade_fail(err, CLADE_ERR_DATA, "an event at %lld microseconds: wanted within %lld",
                          (long long)event->at_us, (long long)AT_MAX);
    }
    if (state->n_events > 0 && event->at_us < state->last_us) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "an event at %lld microseconds, before the customer's last at %lld",
                          (long long)event->at_us, (long long)state->last_us);
    }
    return CLADE_OK;
}

/* x (d) of the event, by way of a batch of one token. Returns the days since the event before. */
static float embed(float *x, const clade_behaviour *model, const clade_behaviour_state *state,
                   const clade_behaviour_event *event)
{
    uint32_t      item     = event->item, field[CLADE_SEQUENCE_FIELDS_MAX];
    float         gap_days = 0.0f;
    uint8_t       time[3];
    int64_t       at_us;
    clade__tokens one  = { .capacity = 1,
                           .n        = 1,
                           .item     = &item,
                           .at_us    = &at_us,
                           .gap_days = &gap_days,
                           .gap      = &time[0],
                           .hour     = &time[1],
                           .weekday  = &time[2] };
    clade__room   room = { .kept = { { .x = x } } };
    for (size_t f = 0; f < model->shape.n_fields; f++) {
        field[f]     = event->field[f];
        one.field[f] = &field[f];
    }
    if (model->shape.with_time) {
        clade__tokens_time(&one, 0, event->at_us,
                           state->n_events == 0 ? event->at_us : state->last_us);
    }
    clade__embed(&room, model, &one, NULL);
    return gap_days;
}

clade_status clade_behaviour_state_step(float *out_vector, float *out_profile,
                                        clade_behaviour_state         *state,
                                        const clade_behaviour_serving *serving,
                                        const clade_behaviour_event *event, clade_error *err)
{
    const clade_behaviour *const model = serving->model;
    const size_t                 d     = model->options.d;
    scratch                      at; /* written before it is read */
    float                        scale;
    CLADE_TRY(check_event(model, state, event, err));
    const float gap_days = embed(at.x, model, state, event);
    if (state->at_us != NULL) {
        state->at_us[state->n_events % model->options.max_events] = event->at_us;
        set_buckets(at.bucket, state, serving, event->at_us);
    }
    for (size_t b = 0; b < model->options.n_blocks; b++)
        step_block(&at, state, serving, b, gap_days);
    state->n_events += 1;
    state->last_us = model->shape.with_time ? event->at_us : 0;

    clade_kernels_get()->rms_norm(at.out, &scale, at.x, model->theta + model->at.norm_out, 1, d);
    if (out_profile != NULL) memcpy(out_profile, at.out, d * sizeof *out_profile);
    if (out_vector != NULL) clade__project(out_vector, &scale, at.out, model, 1);
    return CLADE_OK;
}

void clade_behaviour_at_moment(float *out_vector, float *out_profile, const clade_behaviour *model,
                               const float *profile, int64_t silence_us)
{
    const size_t d = model->options.d;
    float        h[D], scale;
    memcpy(h, profile, d * sizeof *h);
    clade__moment_apply(h, model, clade__gap_bucket(silence_us));
    if (out_profile != NULL) memcpy(out_profile, h, d * sizeof *h);
    if (out_vector != NULL) clade__project(out_vector, &scale, h, model, 1);
}

/* ---- As bytes -------------------------------------------------------------------------------- */

/*
 *     head | times of the slots in use | block by block: z, or keys and values slot by slot | hash
 *
 * Numbers lie as this machine has them; the mark tells those of another byte order.
 */
typedef struct saved_head {
    uint64_t mark;
    uint64_t version;
    uint64_t fingerprint;
    uint64_t n_events;
    int64_t  last_us;
} saved_head;

enum { SAVED_VERSION = 1 };
#define EVENTS_COUNTED (UINT64_MAX / 2)           /* no customer does more */
static const uint64_t MARK = 0x6576617473656463u; /* "cdestave" */

static size_t slots_of(uint64_t n_events, const clade_behaviour *model)
{
    return n_events < model->options.max_events ? (size_t)n_events : model->options.max_events;
}

static size_t saved_bytes(uint64_t n_events, const clade_behaviour *model)
{
    const size_t slots = slots_of(n_events, model), d = model->options.d;
    size_t       bytes = sizeof(saved_head) + sizeof(uint64_t);
    if (keeps_times(model)) bytes += slots * sizeof(int64_t);
    for (size_t b = 0; b < model->options.n_blocks; b++)
        bytes += (decays(model, b) ? block_size(model, b) : 2 * slots * d) * sizeof(float);
    return bytes;
}

size_t clade_behaviour_state_saved_bytes(const clade_behaviour_state   *state,
                                         const clade_behaviour_serving *serving)
{
    return saved_bytes(state->n_events, serving->model);
}

/* The keys and values of one slot, as two rows of d floats. */
static void save_slot(uint8_t *out, const clade_behaviour_state *state,
                      const clade_behaviour_options *o, size_t b, size_t slot)
{
    const size_t d = o->d, w = d / o->n_heads;
    for (size_t j = 0; j < d; j++) {
        memcpy(out + j * sizeof(float), &keys_of(state, o, b, j / w)[key_at(o, slot, j % w)],
               sizeof(float));
        memcpy(out + (d + j) * sizeof(float),
               &values_of(state, o, b, j / w)[value_at(o, slot, j % w)], sizeof(float));
    }
}

static void restore_slot(clade_behaviour_state *state, const uint8_t *data,
                         const clade_behaviour_options *o, size_t b, size_t slot)
{
    const size_t d = o->d, w = d / o->n_heads;
    float        row[2 * D];
    memcpy(row, data, 2 * d * sizeof(float));
    for (size_t j = 0; j < d; j++) {
        keys_of(state, o, b, j / w)[key_at(o, slot, j % w)]     = row[j];
        values_of(state, o, b, j / w)[value_at(o, slot, j % w)] = row[d + j];
    }
}

void clade_behaviour_state_save(void *out, const clade_behaviour_state *state,
                                const clade_behaviour_serving *serving)
{
    const clade_behaviour *const model = serving->model;
    const size_t                 slots = slots_of(state->n_events, model);
    const saved_head head = { MARK, SAVED_VERSION, serving->fingerprint, state->n_events,
                              state->last_us };
    uint8_t         *at   = out;
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    if (keeps_times(model)) {
        memcpy(at, state->at_us, slots * sizeof *state->at_us);
        at += slots * sizeof *state->at_us;
    }
    for (size_t b = 0; b < model->options.n_blocks; b++) {
        if (decays(model, b)) {
            memcpy(at, state->block[b], block_size(model, b) * sizeof(float));
            at += block_size(model, b) * sizeof(float);
            continue;
        }
        for (size_t slot = 0; slot < slots; slot++, at += 2 * model->options.d * sizeof(float))
            save_slot(at, state, &model->options, b, slot);
    }
    const uint64_t hash = clade_hash64(out, (size_t)(at - (uint8_t *)out), MARK);
    memcpy(at, &hash, sizeof hash);
}

/* Times of slots must rise in the order of events, and end with the last. */
static bool times_hold(const uint8_t *times, const saved_head *head, const clade_behaviour *model)
{
    const size_t slots = slots_of(head->n_events, model);
    int64_t      last  = -AT_MAX;
    for (size_t i = 0; i < slots; i++) {
        int64_t at_us;
        memcpy(&at_us, times + (head->n_events - slots + i) % slots * sizeof at_us, sizeof at_us);
        if (at_us < last) return false;
        last = at_us;
    }
    return slots == 0 || last == head->last_us;
}

static bool all_finite(const uint8_t *floats, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < n; i++, floats += sizeof(float)) {
        float x;
        memcpy(&x, floats, sizeof x);
        good = good && isfinite(x);
    }
    return good;
}

static clade_status check_saved(saved_head *head, const clade_behaviour_serving *serving,
                                const uint8_t *data, size_t size, clade_error *err)
{
    const clade_behaviour *const model = serving->model;
    if (size < sizeof *head + sizeof(uint64_t)) {
        return clade_fail(err, CLADE_ERR_DATA, "a customer's state of %zu bytes: cut short", size);
    }
    memcpy(head, data, sizeof *head);
    if (head->mark != MARK) return clade_fail(err, CLADE_ERR_DATA, "not a customer's state");
    if (head->version > SAVED_VERSION) {
        return clade_fail(err, CLADE_ERR_VERSION,
                          "a customer's state of version %llu, this clade reads up to %d",
                          (unsigned long long)head->version, SAVED_VERSION);
    }
    uint64_t hash;
    memcpy(&hash, data + size - sizeof hash, sizeof hash);
    if (hash != clade_hash64(data, size - sizeof hash, MARK)) {
        return clade_fail(err, CLADE_ERR_DATA, "a customer's state whose checksum is wrong");
    }
    if (head->fingerprint != serving->fingerprint) {
        return clade_fail(err, CLADE_ERR_DATA, "a customer's state of another model");
    }
    const size_t wanted = saved_bytes(head->n_events, model);
    if (size != wanted) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "a customer's state of %zu bytes, wanted %zu after %llu events", size,
                          wanted, (unsigned long long)head->n_events);
    }
    const uint8_t *const times   = data + sizeof *head;
    const size_t         n_times = keeps_times(model) ? slots_of(head->n_events, model) : 0;
    const uint8_t *const floats  = times + n_times * sizeof(int64_t);
    if (head->n_events > EVENTS_COUNTED || head->last_us > AT_MAX || head->last_us < -AT_MAX ||
        (keeps_times(model) && !times_hold(times, head, model))) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "a customer's state whose times or number of events cannot be");
    }
    if (!all_finite(floats, (size - sizeof hash - (size_t)(floats - data)) / sizeof(float))) {
        return clade_fail(err, CLADE_ERR_DATA, "a customer's state with a number that is none");
    }
    return CLADE_OK;
}

clade_status clade_behaviour_state_restore(clade_behaviour_state         *state,
                                           const clade_behaviour_serving *serving, const void *data,
                                           size_t size, clade_error *err)
{
    const clade_behaviour *const model = serving->model;
    saved_head                   head;
    CLADE_TRY(check_saved(&head, serving, data, size, err));
    const size_t   slots = slots_of(head.n_events, model);
    const uint8_t *at    = (const uint8_t *)data + sizeof head;
    if (keeps_times(model)) {
        memcpy(state->at_us, at, slots * sizeof *state->at_us);
        at += slots * sizeof *state->at_us;
    }
    for (size_t b = 0; b < model->options.n_blocks; b++) {
        if (decays(model, b)) {
            memcpy(state->block[b], at, block_size(model, b) * sizeof(float));
            at += block_size(model, b) * sizeof(float);
            continue;
        }
        for (size_t slot = 0; slot < slots; slot++, at += 2 * model->options.d * sizeof(float))
            restore_slot(state, at, &model->options, b, slot);
    }
    state->n_events = head.n_events;
    state->last_us  = head.last_us;
    return CLADE_OK;
}
