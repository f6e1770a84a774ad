/*
 * One step of learning:
 *
 *     windows -> shards          a fixed number, each filled up to its events
 *     item vectors, packed weights
 *     each shard, on one thread: forward, loss, backward into gradients of its own
 *     sums over shards in index order, then over ranks
 *     the two sides of an item's row: as an answer (d_row) and as an event (d_x)
 *     AdamW, row by row where only some rows were touched
 *
 * Which thread runs a shard, and how many threads there are, changes nothing.
 */
#include "behaviour_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { SPAN = 1 << 15 }; /* floats of one task of sums and updates */

typedef struct shard {
    clade__tokens tokens;
    float        *grad;     /* dense part of theta */
    float        *d_row;    /* (n_candidates, d) */
    float        *d_x;      /* (shard_tokens, d) */
    float        *d_future; /* (cuts, d) with a contrast */
    double        loss, future_loss, return_loss, contrast_loss;
} shard;

struct clade_learner {
    clade_behaviour      *model;
    clade_learner_options options;
    clade__packed         packed;
    size_t                n_rooms;
    clade__room          *room;
    shard                *shard;
    size_t                first_shard, end_shard; /* of this rank */
    size_t                n_dense;

    size_t    n_candidates, candidates_capacity;
    uint32_t *candidate; /* (n_candidates) items, NULL when all */
    uint32_t *place;     /* (n_items + 1) candidate's index + 1, when not all */
    float    *row, *inverse_norm, *row_packed, *bias;
    float    *share; /* (n_items + 1) of the events of the log, when not all; see draw */
    const clade_sequences *share_of; /* that log */
    const clade_sequences *last_of;  /* the log whose last moment this is */
    int64_t                last_us;
    float                  return_weight; /* of this step */
    uint32_t *touched; /* rows of the item table that this step changes, when not all */
    size_t    n_touched;
    uint8_t  *is_touched;

    float *future_weight;     /* (shard_tokens) all the same; NULL without a second objective */
    clade__contrast contrast; /* of this step; empty without a contrast_weight */
    float           contrast_weight; /* of a cut in this step */
    float          *grad, *m, *v, *average;
    uint64_t        n_steps;
    double         *norm; /* of the gradient, by span */
};

clade_learner_options clade_learner_defaults(void)
{
    return (clade_learner_options){
        .n_shards     = 8,
        .shard_tokens = 1024,
        .rate         = 1e-3,
        .b1           = 0.9,
        .b2           = 0.98,
        .epsilon      = 1e-8,
        .average      = 0.999,
        .n_ranks      = 1,
    };
}

/* ---- Life ------------------------------------------------------------------------------------ */

static clade_status check_options(const clade_behaviour *model, const clade_learner_options *o,
                                  clade_error *err)
{
    if (o->n_shards < 1 || o->n_shards > 1024 || o->n_ranks < 1 || o->rank >= o->n_ranks ||
        o->n_shards % o->n_ranks != 0) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "learning: %zu shards for rank %zu of %zu: wanted 1 to 1024 shards, as "
                          "many on each rank",
                          o->n_shards, o->rank, o->n_ranks);
    }
    if (o->shard_tokens < model->options.max_events || o->shard_tokens > (1u << 20)) {
        return clade_fail(err, CLADE_ERR_ARG, "learning: shards of %zu events, wanted %u to %u",
                          o->shard_tokens, model->options.max_events, 1u << 20);
    }
    if (!(o->rate > 0.0) || !(o->b1 >= 0.0 && o->b1 < 1.0) || !(o->b2 >= 0.0 && o->b2 < 1.0) ||
        !(o->epsilon > 0.0) || !(o->weight_decay >= 0.0) || !(o->clip >= 0.0) ||
        !(o->average >= 0.0 && o->average < 1.0)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "learning: rate %g, b1 %g, b2 %g, epsilon %g, weight decay %g, clip %g, "
                          "average %g: one is out of its range",
                          o->rate, o->b1, o->b2, o->epsilon, o->weight_decay, o->clip, o->average);
    }
    return CLADE_OK;
}

static bool all_items(const clade_learner *learner)
{
    return learner->options.n_negatives == 0;
}

/* What one step can name: its draws, and what each event is asked for. */
static size_t most_candidates(const clade_behaviour *model, const clade_learner_options *o)
{
    const size_t asks =
        1 + (size_t)(model->at.future != SIZE_MAX) + (size_t)(model->at.own != SIZE_MAX);
    const size_t most = o->n_negatives + asks * o->n_shards * o->shard_tokens;
    return most < model->shape.n_items ? most : model->shape.n_items;
}

static clade_status create_candidates(clade_learner *l, clade_error *err)
{
    const size_t d = l->model->options.d, n_items = l->model->shape.n_items;
    size_t       n = n_items;
    if (!all_items(l)) {
        n             = most_candidates(l->model, &l->options);
        l->candidate  = CLADE_NEW(uint32_t, n);
        l->place      = CLADE_NEW(uint32_t, n_items + 1);
        l->bias       = CLADE_NEW(float, n);
        l->share      = CLADE_NEW(float, n_items + 1);
        l->touched    = CLADE_NEW(uint32_t, n_items + 1);
        l->is_touched = CLADE_NEW(uint8_t, n_items + 1);
        if (l->candidate == NULL || l->place == NULL || l->bias == NULL || l->share == NULL ||
            l->touched == NULL || l->is_touched == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu candidates", n);
        }
    }
    l->candidates_capacity = n;
    l->n_candidates        = n;
    l->row                 = CLADE_NEW(float, n *d);
    l->inverse_norm        = CLADE_NEW(float, n);
    l->row_packed          = CLADE_NEW(float, clade__candidates_size(n, d));
    if (l->row == NULL || l->inverse_norm == NULL || l->row_packed == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the vectors of %zu items", n);
    }
    return CLADE_OK;
}

static clade_status create_shards(clade_learner *l, clade_error *err)
{
    const size_t d = l->model->options.d, n_threads = (size_t)clade_threads_get();
    l->shard   = calloc(l->options.n_shards, sizeof *l->shard);
    l->n_rooms = n_threads < l->options.n_shards ? n_threads : l->options.n_shards;
    l->room    = calloc(l->n_rooms, sizeof *l->room);
    if (l->shard == NULL || l->room == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory");
    for (size_t r = 0; r < l->n_rooms; r++) {
        CLADE_TRY(clade__room_create(&l->room[r], l->model, l->options.shard_tokens,
                                     l->candidates_capacity, true, err));
    }
    for (size_t s = 0; s < l->options.n_shards; s++) {
        shard *const one = &l->shard[s];
        CLADE_TRY(clade__tokens_create(&one->tokens, l->model, l->options.shard_tokens, err));
        if (s < l->first_shard || s >= l->end_shard) continue;
        one->grad     = CLADE_NEW(float, l->n_dense);
        one->d_row    = CLADE_NEW(float, l->candidates_capacity *d);
        one->d_x      = CLADE_NEW(float, l->options.shard_tokens *d);
        one->d_future = CLADE_NEW(float, l->contrast.capacity *d);
        if (one->grad == NULL || one->d_row == NULL || one->d_x == NULL || one->d_future == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the gradients of shard %zu", s);
        }
    }
    return CLADE_OK;
}

clade_status clade_learner_create(clade_learner **out, clade_behaviour *model,
                                  const clade_learner_options *options, clade_error *err)
{
    CLADE_TRY(check_options(model, options, err));
    clade_status   status = CLADE_OK;
    clade_learner *l      = calloc(1, sizeof *l);
    if (l == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a learner");
    const size_t n = model->at.n, a_rank = options->n_shards / options->n_ranks;
    l->model       = model;
    l->options     = *options;
    l->n_dense     = n - model->at.tables_end;
    l->first_shard = options->rank * a_rank;
    l->end_shard   = l->first_shard + a_rank;
    l->grad        = CLADE_NEW(float, n);
    l->m           = CLADE_NEW(float, n);
    l->v           = CLADE_NEW(float, n);
    l->average     = options->average > 0.0 ? CLADE_NEW(float, n) : NULL;
    l->norm        = CLADE_NEW(double, n / SPAN + 1);
    if (model->at.future != SIZE_MAX) l->future_weight = CLADE_NEW(float, options->shard_tokens);
    if (l->grad == NULL || l->m == NULL || l->v == NULL || l->norm == NULL ||
        (model->at.future != SIZE_MAX && l->future_weight == NULL) ||
        (options->average > 0.0 && l->average == NULL)) {
        status = clade_fail(err, CLADE_ERR_NOMEM,
                            "no memory to learn %zu parameters: about %zu MB are wanted", n,
                            clade_learner_bytes(model, options) >> 20);
    }
    if (status == CLADE_OK) status = clade__packed_create(&l->packed, model, true, err);
    if (status == CLADE_OK) status = create_candidates(l, err);
    if (status == CLADE_OK && model->at.contrast != SIZE_MAX) {
        status = clade__contrast_create(&l->contrast, model,
                                        options->n_shards * options->shard_tokens, err);
    }
    if (status == CLADE_OK) status = create_shards(l, err);
    if (status != CLADE_OK) {
        clade_learner_free(l);
        return status;
    }
    if (l->average != NULL) memcpy(l->average, model->theta, n * sizeof(float));
    *out = l;
    return CLADE_OK;
}

void clade_learner_free(clade_learner *l)
{
    if (l == NULL) return;
    for (size_t s = 0; l->shard != NULL && s < l->options.n_shards; s++) {
        clade__tokens_free(&l->shard[s].tokens);
        free(l->shard[s].grad);
        free(l->shard[s].d_row);
        free(l->shard[s].d_x);
        free(l->shard[s].d_future);
    }
    for (size_t r = 0; l->room != NULL && r < l->n_rooms; r++)
        clade__room_free(&l->room[r]);
    clade__packed_free(&l->packed);
    clade__contrast_free(&l->contrast);
    free(l->shard);
    free(l->room);
    free(l->candidate);
    free(l->place);
    free(l->row);
    free(l->inverse_norm);
    free(l->row_packed);
    free(l->bias);
    free(l->share);
    free(l->touched);
    free(l->is_touched);
    free(l->future_weight);
    free(l->grad);
    free(l->m);
    free(l->v);
    free(l->average);
    free(l->norm);
    free(l);
}

size_t clade_learner_bytes(const clade_behaviour *model, const clade_learner_options *o)
{
    const clade_behaviour_options *const b = &model->options;
    const size_t                         d = b->d, n = model->at.n, n_items = model->shape.n_items;
    const size_t rows = o->n_negatives == 0 ? n_items : most_candidates(model, o);
    const size_t threads =
        (size_t)clade_threads_get() < o->n_shards ? (size_t)clade_threads_get() : o->n_shards;
    size_t cuts = o->n_shards * o->shard_tokens;
    if (model->at.contrast == SIZE_MAX) cuts = 0;
    if (cuts > CLADE__CUTS) cuts = CLADE__CUTS;
    const size_t wide     = 4 * d + 3 * (size_t)b->ff;
    const size_t per_room = o->shard_tokens * (b->n_blocks * (8 * d + wide) + 6 * d + 2 * wide) +
                            rows * CLADE__LOSS_TOKENS + 3 * cuts * d +
                            (cuts > 0 ? clade__contrast_logits() : 0);
    const size_t per_shard = n - model->at.tables_end + rows * d + o->shard_tokens * d +
                             (model->shape.with_time ? o->shard_tokens * b->max_events / 4 : 0) +
                             cuts * d;
    return sizeof(float) * (5 * n + 2 * rows * d + cuts * (3 * d + CLADE__CUT_ITEMS) +
                            threads * per_room + o->n_shards / o->n_ranks * per_shard);
}

const float *clade_learner_average(const clade_learner *l)
{
    return l->average != NULL ? l->average : l->model->theta;
}

clade_learner_state clade_learner_state_of(clade_learner *l)
{
    return (clade_learner_state){ l->m, l->v, l->average, &l->n_steps };
}

/* ---- Windows into shards --------------------------------------------------------------------- */

/* Each window goes to the shard with the fewest events; the first that fits nowhere ends the step.
 */
static size_t fill_shards(clade_learner *l, const clade_sequences *s, const clade_window *windows,
                          size_t n_windows)
{
    size_t       n  = 0;
    clade__draws by = { clade_rng_stream(l->options.seed, "behaviour/future", l->n_steps),
                        clade_rng_stream(l->options.seed, "behaviour/contrast", l->n_steps) };
    l->contrast.n   = 0;
    if (l->last_of != s) l->last_us = clade_sequences_last_us(s);
    l->last_of = s;
    for (size_t i = 0; i < l->options.n_shards; i++)
        clade__tokens_clear(&l->shard[i].tokens);
    for (; n < n_windows; n++) {
        if (windows[n].end - windows[n].first < (clade__asks_last(l->model) ? 1 : 2)) continue;
        size_t least = 0;
        for (size_t i = 1; i < l->options.n_shards; i++) {
            if (l->shard[i].tokens.n < l->shard[least].tokens.n) least = i;
        }
        if (!clade__ask_window(&l->shard[least].tokens, &l->contrast, l->model, s, &windows[n],
                               l->last_us, &by))
            break;
    }
    return n;
}

/* ---- Candidates: some of a large catalogue --------------------------------------------------- */

static void candidate_add(clade_learner *l, uint32_t item)
{
    if (item == 0 || l->place[item] > 0) return;
    assert(l->n_candidates < l->candidates_capacity); /* room for all that a step can name */
    l->candidate[l->n_candidates++] = item;
    l->place[item]                  = (uint32_t)l->n_candidates;
}

static void touch(clade_learner *l, uint32_t item)
{
    if (item == 0 || l->is_touched[item]) return;
    l->is_touched[item]        = 1;
    l->touched[l->n_touched++] = item;
}

/* How common each item is among the events of a log: once for each log. */
static void count_shares(clade_learner *l, const clade_sequences *s)
{
    size_t n = 0;
    if (l->share_of == s) return;
    memset(l->share, 0, ((size_t)s->n_items + 1) * sizeof *l->share);
    for (size_t e = 0; e < s->n_events; e++) {
        l->share[s->item[e]] += 1.0f;
        n += s->item[e] > 0;
    }
    for (size_t i = 1; n > 0 && i <= s->n_items; i++)
        l->share[i] /= (float)n;
    l->share_of = s;
}

/* Forget the candidates of the step before, and the gradients of the rows that it touched. */
static void clear_candidates(clade_learner *l)
{
    const size_t d = l->model->options.d;
    for (size_t i = 0; i < l->n_candidates; i++)
        l->place[l->candidate[i]] = 0;
    for (size_t i = 0; i < l->n_touched; i++) {
        l->is_touched[l->touched[i]] = 0;
        memset(l->grad + l->model->at.item + l->touched[i] * d, 0, d * sizeof *l->grad);
    }
    l->n_candidates = l->n_touched = 0;
}

/* Items become their places among the candidates. */
static void place_items(uint32_t *item, size_t n, const clade_learner *l)
{
    for (size_t i = 0; i < n; i++)
        item[i] = item[i] == 0 ? 0 : l->place[item[i]];
}

/*
 * What the step asks for, and items drawn evenly. The sum over the catalogue is estimated by
 * Horvitz and Thompson: each candidate counts 1 / (its chance to be one), so the bias of its logit
 * is minus the log of that chance, 1 - (1 - 1 / n_items)^negatives (1 - share)^asked.
 */
static void draw_candidates(clade_learner *l, const clade_sequences *sequences)
{
    const size_t n_items = l->model->shape.n_items;
    size_t       asked   = 0;
    clade_rng    rng     = clade_rng_stream(l->options.seed, "behaviour/negatives", l->n_steps);
    count_shares(l, sequences);
    clear_candidates(l);
    for (size_t s = 0; s < l->options.n_shards; s++) {
        const clade__tokens *const t = &l->shard[s].tokens;
        for (size_t i = 0; i < t->n; i++) {
            touch(l, t->item[i]);
            candidate_add(l, t->target[i]);
            candidate_add(l, t->future[i]);
            if (l->model->at.own != SIZE_MAX && t->item[i] > 0) {
                candidate_add(l, t->item[i]);
                asked++;
            }
            asked += (size_t)(t->target[i] > 0) + (size_t)(t->future[i] > 0);
        }
    }
    for (size_t k = 0; k < l->contrast.n; k++) { /* futures are no candidates, but they learn */
        for (size_t i = 0; i < l->contrast.n_items[k]; i++)
            touch(l, l->contrast.item[k * CLADE__CUT_ITEMS + i]);
    }
    for (size_t i = 0; i < l->options.n_negatives; i++)
        candidate_add(l, (uint32_t)(1 + clade_rng_below(&rng, n_items)));
    const double missed = pow(1.0 - 1.0 / (double)n_items, (double)l->options.n_negatives);
    for (size_t i = 0; i < l->n_candidates; i++) {
        const double share = fmin((double)l->share[l->candidate[i]], 1.0);
        l->bias[i]         = (float)-log(1.0 - missed * pow(1.0 - share, (double)asked));
        touch(l, l->candidate[i]);
    }
    for (size_t s = 0; s < l->options.n_shards; s++) {
        clade__tokens *const t = &l->shard[s].tokens;
        place_items(t->target, t->n, l);
        place_items(t->future, t->n, l);
    }
}

/* ---- The step -------------------------------------------------------------------------------- */

static void run_shard(size_t i, int worker, void *context)
{
    clade_learner *const    l      = context;
    shard *const            one    = &l->shard[l->first_shard + i];
    clade__room *const      room   = &l->room[worker];
    const clade__candidates items  = { l->n_candidates, l->row, l->row_packed, l->bias };
    const size_t            d      = l->model->options.d;
    clade_rng               rng    = clade_rng_stream(l->options.seed, "behaviour/dropout",
                                                      l->n_steps * l->options.n_shards + l->first_shard + i);
    const clade__chance     chance = { clade_rng_u64(&rng) };
    clade__own              own    = { .model  = l->model,
                                       .tokens = &one->tokens,
                                       .table  = l->packed.own,
                                       .place  = all_items(l) ? NULL : l->place };
    if (l->model->at.own != SIZE_MAX)
        own.grad = clade__dense(one->grad, l->model, l->model->at.own);
    memset(one->grad, 0, l->n_dense * sizeof *one->grad);
    memset(one->d_row, 0, l->n_candidates * d * sizeof *one->d_row);
    if (l->contrast.n > 0) memset(one->d_future, 0, l->contrast.n * d * sizeof *one->d_future);
    one->loss = one->future_loss = one->return_loss = one->contrast_loss = 0.0;
    if (one->tokens.n == 0) return;
    clade__embed(room, l->model, &one->tokens, &chance);
    clade__forward(room, l->model, &l->packed, &one->tokens, &chance, l->future_weight != NULL);
    one->loss = clade__softmax_loss(one->d_row, room->d_hidden, room, room->hidden, d, &items,
                                    one->tokens.target, one->tokens.weight, one->tokens.n,
                                    own.grad == NULL ? NULL : &own);
    if (l->future_weight != NULL) { /* weights are those of the next item, times the objective's */
        one->future_loss =
            clade__softmax_loss(one->d_row, room->d_future, room, room->future, d, &items,
                                one->tokens.future, l->future_weight, one->tokens.n, NULL);
    }
    if (l->model->at.comes_back != SIZE_MAX)
        one->return_loss = clade__return_loss(room, l->model, &one->tokens, l->return_weight);
    if (l->model->at.contrast != SIZE_MAX) {
        one->contrast_loss = clade__contrast_loss(one->d_future, room, l->model, &l->packed,
                                                  &one->tokens, &l->contrast, l->contrast_weight);
    }
    clade__backward(one->grad, room, l->model, &l->packed, &one->tokens, &chance);
    memcpy(one->d_x, room->d_x, one->tokens.n * d * sizeof *one->d_x);
}

/* Sums over shards, in index order, span by span; the first shard takes them. */
typedef struct summing {
    clade_learner *learner;
    bool           rows;
    size_t         n;
} summing;

static void sum_span(size_t task, int worker, void *context)
{
    (void)worker;
    const summing *const s     = context;
    clade_learner *const l     = s->learner;
    const size_t         first = task * SPAN, n = s->n - first < SPAN ? s->n - first : SPAN;
    shard *const         into = &l->shard[l->first_shard];
    for (size_t i = l->first_shard + 1; i < l->end_shard; i++) {
        const shard *const one = &l->shard[i];
        if (one->tokens.n == 0) continue;
        clade_kernels_get()->add((s->rows ? into->d_row : into->grad) + first,
                                 (s->rows ? one->d_row : one->grad) + first, n);
    }
}

static size_t n_spans(size_t n)
{
    return (n + SPAN - 1) / SPAN;
}

static void gather_gradient(clade_learner *l)
{
    const clade_behaviour *const model = l->model;
    const size_t                 d     = model->options.d;
    shard *const                 first = &l->shard[l->first_shard];
    summing                      dense = { l, false, l->n_dense };
    summing                      rows  = { l, true, l->n_candidates * d };
    clade_parallel(n_spans(dense.n), sum_span, &dense);
    clade_parallel(n_spans(rows.n), sum_span, &rows);
    memcpy(l->grad + model->at.tables_end, first->grad, l->n_dense * sizeof *l->grad);
    if (all_items(l)) {
        memset(l->grad, 0, model->at.tables_end * sizeof *l->grad);
    } else { /* of the item table, only touched rows are ever other than zero */
        const size_t behind = model->at.item + ((size_t)model->shape.n_items + 1) * d;
        memset(l->grad + behind, 0, (model->at.tables_end - behind) * sizeof *l->grad);
    }
    clade__items_backward(l->grad, first->d_row, l->row, l->inverse_norm, model, l->candidate,
                          l->n_candidates);
    for (size_t i = l->first_shard + 1; l->contrast.n > 0 && i < l->end_shard; i++)
        clade_kernels_get()->add(first->d_future, l->shard[i].d_future, l->contrast.n * d);
    clade__contrast_futures_backward(l->grad, first->d_future, &l->contrast, model);
    for (size_t i = l->first_shard; i < l->end_shard; i++) {
        clade_rng           rng    = clade_rng_stream(l->options.seed, "behaviour/dropout",
                                                      l->n_steps * l->options.n_shards + i);
        const clade__chance chance = { clade_rng_u64(&rng) };
        clade__embed_backward(l->grad, l->shard[i].d_x, model, &l->shard[i].tokens, &chance);
    }
}

/* Which floats of theta a step may change: all, or touched rows and everything behind the table. */
typedef struct update {
    clade_learner *learner;
    float          grad_scale, rate, decay;
    size_t         begin; /* first float of the part in spans */
} update;

static void adam_at(const update *u, size_t first, size_t n, float decay)
{
    clade_learner *const               l = u->learner;
    const clade_learner_options *const o = &l->options;
    clade_kernels_get()->adam(l->model->theta + first, l->m + first, l->v + first, l->grad + first,
                              n, u->grad_scale, u->rate, (float)o->b1, (float)o->b2,
                              (float)o->epsilon, decay);
    if (l->average == NULL) return;
    const double steps = (double)l->n_steps; /* the first steps count more: no start to forget */
    const float  keep  = (float)fmin(o->average, (1.0 + steps) / (10.0 + steps));
    float *const mean  = l->average + first;
    for (size_t j = 0; j < n; j++)
        mean[j] += (1.0f - keep) * (l->model->theta[first + j] - mean[j]);
}

static void update_span(size_t task, int worker, void *context)
{
    (void)worker;
    const update *const u     = context;
    const size_t        first = u->begin + task * SPAN;
    const size_t        left  = u->learner->model->at.n - first;
    adam_at(u, first, left < SPAN ? left : SPAN, u->decay);
}

static void update_row(size_t i, int worker, void *context)
{
    (void)worker;
    const update *const u = context;
    const size_t        d = u->learner->model->options.d;
    adam_at(u, u->learner->touched[i] * d, d, u->decay);
}

static void norm_span(size_t task, int worker, void *context)
{
    (void)worker;
    clade_learner *const l     = context;
    const size_t         first = task * SPAN, left = l->model->at.n - first;
    l->norm[task] = clade_kernels_get()->sum_squares(l->grad + first, left < SPAN ? left : SPAN);
}

static double gradient_norm(clade_learner *l)
{
    double total = 0.0;
    clade_parallel(n_spans(l->model->at.n), norm_span, l);
    for (size_t i = 0; i < n_spans(l->model->at.n); i++)
        total += l->norm[i];
    return sqrt(total);
}

static clade_status not_finite(const clade_learner *l, double loss, clade_error *err)
{
    for (size_t t = 0; t < l->model->n_tensors; t++) {
        const clade_behaviour_tensor *const tensor = &l->model->tensor[t];
        for (size_t i = 0; i < tensor->n_rows * tensor->n_columns; i++) {
            if (isfinite(l->grad[tensor->offset + i])) continue;
            return clade_fail(err, CLADE_ERR_DATA,
                              "step %llu of learning: the gradient of %s[%zu] is %g, the loss %g",
                              (unsigned long long)l->n_steps, tensor->name, i,
                              (double)l->grad[tensor->offset + i], loss);
        }
    }
    return clade_fail(err, CLADE_ERR_DATA, "step %llu of learning: the loss is %g",
                      (unsigned long long)l->n_steps, loss);
}

static void take_update(clade_learner *l, double rate_factor, double norm)
{
    const clade_learner_options *const o    = &l->options;
    const double                       step = (double)(l->n_steps + 1);
    update                             u    = { .learner = l, .grad_scale = 1.0f };
    if (o->clip > 0.0 && norm > o->clip) u.grad_scale = (float)(o->clip / norm);
    u.rate =
        (float)(o->rate * rate_factor * sqrt(1.0 - pow(o->b2, step)) / (1.0 - pow(o->b1, step)));
    u.decay = (float)(o->rate * rate_factor * o->weight_decay);
    if (!all_items(l)) {
        clade_parallel(l->n_touched, update_row, &u);
        u.begin = ((size_t)l->model->shape.n_items + 1) * l->model->options.d;
    }
    clade_parallel(n_spans(l->model->at.n - u.begin), update_span, &u);
    l->n_steps += 1;
}

clade_status clade_learner_take(clade_learner_step *out, clade_learner *l,
                                const clade_sequences *sequences, const clade_window *windows,
                                size_t n_windows, double rate_factor, clade_error *err)
{
    const clade_learner_options *const o = &l->options;
    const size_t                       d = l->model->options.d;
    clade_learner_step step = { .n_windows = fill_shards(l, sequences, windows, n_windows) };
    for (size_t s = 0; s < o->n_shards; s++) {
        const clade__tokens *const t = &l->shard[s].tokens;
        step.n_tokens += t->n;
        for (size_t i = 0; i < t->n; i++)
            step.n_targets += t->target[i] > 0,
                step.n_returns +=
                clade__asks_last(l->model) && t->returns[i] != CLADE__RETURN_UNASKED;
    }
    if (step.n_targets == 0) {
        *out = step;
        return CLADE_OK;
    }
    for (size_t s = 0; s < o->n_shards; s++) {
        clade__tokens *const t = &l->shard[s].tokens;
        for (size_t i = 0; i < t->n; i++)
            t->weight[i] /= (float)step.n_targets;
    }
    for (size_t i = 0; l->future_weight != NULL && i < o->shard_tokens; i++)
        l->future_weight[i] = l->model->options.future_weight / (float)step.n_targets;
    l->return_weight =
        step.n_returns == 0 ? 0.0f : l->model->options.return_weight / (float)step.n_returns;
    step.n_cuts        = l->contrast.n;
    l->contrast_weight = l->model->options.contrast_weight / fmaxf((float)step.n_cuts, 1.0f);
    clade__contrast_futures(&l->contrast, l->model);
    if (!all_items(l)) draw_candidates(l, sequences);
    clade__items(l->row, l->inverse_norm, l->model, l->candidate, l->n_candidates);
    clade__candidates_pack(l->row_packed, l->row, l->n_candidates, d);
    clade__packed_set(&l->packed, l->model, true);
    clade_parallel(l->end_shard - l->first_shard, run_shard, l);
    gather_gradient(l);
    for (size_t s = l->first_shard; s < l->end_shard; s++)
        step.loss += l->shard[s].loss, step.future_loss += l->shard[s].future_loss,
            step.return_loss += l->shard[s].return_loss,
            step.contrast_loss += l->shard[s].contrast_loss;
    if (o->all_reduce != NULL) {
        CLADE_TRY(o->all_reduce(o->all_reduce_context, l->grad, l->model->at.n, &step.loss, err));
    }
    const double norm = gradient_norm(l);
    if (!isfinite(norm) || !isfinite(step.loss)) return not_finite(l, step.loss, err);
    take_update(l, rate_factor, norm);
    *out = step;
    return CLADE_OK;
}
