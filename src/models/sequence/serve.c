/* Serving: vectors of many customers at once, and scores of the whole catalogue. */
#include "behaviour_internal.h"

#include "clade/run.h"

#include <stdlib.h>

enum { CASES_A_TASK = 32 };

typedef struct vectors {
    float                 *out;
    const clade_behaviour *model;
    const clade__packed   *packed;
    const clade_sequences *sequences;
    const clade_case      *cases;
    size_t                 n_cases;
    bool                   profiles; /* room->out, not room->hidden */
    clade__tokens         *tokens;   /* one a thread */
    clade__room           *room;
} vectors;

/* The vectors of the cases in tokens: the output at the last event of each. */
static void run(float *out, const vectors *v, int worker)
{
    clade__tokens *const tokens = &v->tokens[worker];
    clade__room *const   room   = &v->room[worker];
    const size_t         d      = v->model->options.d;
    if (tokens->n_seqs == 0) return;
    clade__embed(room, v->model, tokens, NULL);
    clade__forward(room, v->model, v->packed, tokens, NULL, false);
    const float *const from = v->profiles ? room->out : room->hidden;
    for (size_t c = 0; c < tokens->n_seqs; c++) {
        memcpy(out + c * d, from + (tokens->start[c + 1] - 1) * d, d * sizeof *out);
    }
    clade__tokens_clear(tokens);
}

/* A case's events; false when there is no room. */
static bool add_case(clade__tokens *tokens, const vectors *v, const clade_case *one)
{
    const clade_sequences *const s     = v->sequences;
    const uint64_t               start = s->start[one->customer];
    if (!clade__tokens_add(tokens, v->model, s, start, start, one->end)) return false;
    if (v->model->at.silence == SIZE_MAX || one->at_us <= s->at_us[one->end - 1]) return true;
    tokens->silence[tokens->n - 1] = clade__gap_bucket(one->at_us - s->at_us[one->end - 1]);
    return true;
}

static void run_task(size_t task, int worker, void *context)
{
    const vectors *const   v      = context;
    const clade_sequences *s      = v->sequences;
    clade__tokens *const   tokens = &v->tokens[worker];
    const size_t           d      = v->model->options.d;
    const size_t           first  = task * CASES_A_TASK;
    const size_t end  = first + CASES_A_TASK < v->n_cases ? first + CASES_A_TASK : v->n_cases;
    size_t       from = first;
    for (size_t i = first; i < end; i++) {
        const clade_case *const one   = &v->cases[i];
        const uint64_t          start = s->start[one->customer];
        if (one->end == start) { /* nothing is known: a vector of zeros */
            run(v->out + from * d, v, worker);
            memset(v->out + i * d, 0, d * sizeof(float));
            from = i + 1;
            continue;
        }
        if (add_case(tokens, v, one)) continue;
        run(v->out + from * d, v, worker);
        from = i;
        (void)add_case(tokens, v, one);
    }
    run(v->out + from * d, v, worker);
}

static clade_status check_shape(const clade_behaviour *model, const clade_sequences *s,
                                clade_error *err)
{
    const clade_behaviour_shape shape = clade_behaviour_shape_of(s);
    bool same = shape.n_items == model->shape.n_items && shape.n_fields == model->shape.n_fields &&
                (shape.with_time || !model->shape.with_time);
    for (size_t f = 0; same && f < shape.n_fields; f++) {
        same = strcmp(shape.field[f].name, model->shape.field[f].name) == 0 &&
               shape.field[f].n_values == model->shape.field[f].n_values;
    }
    if (same) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG,
                      "the behaviour model knows %u items and %zu columns%s, these sequences have "
                      "%u and %zu%s",
                      model->shape.n_items, model->shape.n_fields,
                      model->shape.with_time ? " with times" : "", shape.n_items, shape.n_fields,
                      shape.with_time ? " with times" : "");
}

static clade_status compute(float *out, const clade_behaviour *model,
                            const clade_sequences *sequences, const clade_case *cases,
                            size_t n_cases, bool profiles, clade_error *err)
{
    CLADE_TRY(check_shape(model, sequences, err));
    if (n_cases == 0) return CLADE_OK;
    const size_t n_tasks = (n_cases + CASES_A_TASK - 1) / CASES_A_TASK;
    const size_t n_threads =
        (size_t)clade_threads_get() < n_tasks ? (size_t)clade_threads_get() : n_tasks;
    size_t capacity = model->options.max_events;
    if (capacity < 512) capacity = 512;
    clade_status  status = CLADE_OK;
    clade__packed packed = { 0 };
    vectors       v      = { .out       = out,
                             .model     = model,
                             .packed    = &packed,
                             .sequences = sequences,
                             .cases     = cases,
                             .n_cases   = n_cases,
                             .profiles  = profiles };
    v.tokens             = calloc(n_threads, sizeof *v.tokens);
    v.room               = calloc(n_threads, sizeof *v.room);
    if (v.tokens == NULL || v.room == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for vectors of customers");
    }
    if (status == CLADE_OK) status = clade__packed_create(&packed, model, false, err);
    for (size_t t = 0; status == CLADE_OK && t < n_threads; t++) {
        status = clade__tokens_create(&v.tokens[t], model, capacity, err);
        if (status == CLADE_OK) {
            status = clade__room_create(&v.room[t], model, capacity, 0, false, err);
        }
    }
    if (status == CLADE_OK) {
        clade__packed_set(&packed, model, false);
        clade_parallel(n_tasks, run_task, &v);
        status = clade_interrupt_check(err);
    }
    for (size_t t = 0; t < n_threads; t++) {
        if (v.tokens != NULL) clade__tokens_free(&v.tokens[t]);
        if (v.room != NULL) clade__room_free(&v.room[t]);
    }
    free(v.tokens);
    free(v.room);
    clade__packed_free(&packed);
    return status;
}

clade_status clade_behaviour_vectors(float *out, const clade_behaviour *model,
                                     const clade_sequences *sequences, const clade_case *cases,
                                     size_t n_cases, clade_error *err)
{
    return compute(out, model, sequences, cases, n_cases, false, err);
}

clade_status clade_behaviour_profiles(float *out, const clade_behaviour *model,
                                      const clade_sequences *sequences, const clade_case *cases,
                                      size_t n_cases, clade_error *err)
{
    return compute(out, model, sequences, cases, n_cases, true, err);
}

/* ---- Scores ---------------------------------------------------------------------------------- */

enum { ITEMS_A_TASK = 1024 };

typedef struct scoring {
    float                 *out;
    const clade_behaviour *model;
    const float           *packed; /* vectors of the cases, transposed panels */
    const float           *vector;
    size_t                 n_cases;
} scoring;

/* Some cases against the whole table. */
static void score_task(size_t task, int worker, void *context)
{
    (void)worker;
    const scoring *const       s     = context;
    const clade_kernels *const f     = clade_kernels_get();
    const size_t               d     = s->model->options.d;
    const size_t               n     = (size_t)s->model->shape.n_items + 1;
    const size_t               first = task * ITEMS_A_TASK;
    const size_t               rows  = n - first < ITEMS_A_TASK ? n - first : ITEMS_A_TASK;
    f->matmul(s->out + first, n, s->vector, d, 1, s->packed + first * d, s->n_cases, rows, d,
              false);
}

static clade_status score(void *self, float *out, const clade_sequences *sequences,
                          const clade_case *cases, size_t n_cases, clade_error *err)
{
    const clade_behaviour *const model  = self;
    const size_t                 d      = model->options.d;
    const size_t                 n      = (size_t)model->shape.n_items + 1;
    float *const                 vector = CLADE_NEW(float, n_cases *d);
    float *const                 packed = CLADE_NEW(float, clade_pack_size(d, n));
    clade_status                 status = CLADE_OK;
    if (vector == NULL || packed == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to score %zu cases", n_cases);
    }
    if (status == CLADE_OK) {
        status = clade_behaviour_vectors(vector, model, sequences, cases, n_cases, err);
    }
    if (status == CLADE_OK) {
        scoring s = { out, model, packed, vector, n_cases };
        clade_kernels_get()->pack_transposed(packed, model->table, d, d, n);
        clade_parallel((n + ITEMS_A_TASK - 1) / ITEMS_A_TASK, score_task, &s);
    }
    for (size_t i = 0; status == CLADE_OK && i < n_cases; i++) {
        uint32_t     item[CLADE_BEHAVIOUR_EVENTS_MAX];
        float        added[CLADE_BEHAVIOUR_EVENTS_MAX];
        const size_t n_own =
            clade_behaviour_own(item, added, model, vector + i * d, sequences, &cases[i]);
        for (size_t k = 0; k < n_own; k++)
            out[i * n + item[k]] += added[k];
    }
    free(vector);
    free(packed);
    return status;
}

clade_scorer clade_behaviour_scorer(const clade_behaviour *model)
{
    return (clade_scorer){ "behaviour", (void *)(uintptr_t)model, score };
}
