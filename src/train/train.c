/* The training loop: windows, steps, validation, checkpoints; the same on every rank. */
#include "train_internal.h"

#include "clade/dist.h"
#include "clade/run.h"
#include "clade/text.h"
#include "clade/time.h"

#include <math.h>
#include <stdlib.h>

enum { BUDGET_STEPS = 12 }; /* steps that are timed to plan a budget; the first two do not count */

typedef struct training {
    clade_behaviour           *model;
    const clade_sequences     *sequences;
    const clade_train_options *options;
    clade_learner             *learner;
    clade__trained             trained;
    clade__progress            at;
    clade_train_report         report;
    clade_window              *window;
    size_t                     n_windows, capacity;
    uint64_t                   windows_of; /* epoch whose windows these are, + 1 */
    bool                       alone;      /* a customer of one event is learnt from too */
    size_t                     n_tokens;   /* of the epoch, in this process */
    double                     seconds;    /* of learning: this epoch */
    double                     total_seconds;
    size_t                     total_tokens;
    double                     written; /* when the last checkpoint was */
} training;

clade_train_options clade_train_defaults(void)
{
    clade_train_options options  = { .learner     = clade_learner_defaults(),
                                     .n_epochs    = 20,
                                     .warm_up     = 200,
                                     .cool_down   = 0.7,
                                     .judge_every = 1 };
    options.learner.rate         = 3e-3;
    options.learner.n_shards     = 4;
    options.learner.shard_tokens = 512;
    return options;
}

static bool speaks(void)
{
    return clade_dist_rank() == 0;
}

/* ---- Windows --------------------------------------------------------------------------------- */

/* Windows overlap by one event: the last of one, which is only asked for, begins the next. */
static void cut_customer(training *t, uint32_t customer, clade_rng *rng)
{
    const uint64_t max   = clade_behaviour_options_of(t->model)->max_events;
    const uint64_t end   = t->sequences->start[customer + 1];
    uint64_t       first = t->sequences->start[customer];
    if (end - first < 2) {
        if (end > first && t->alone)
            t->window[t->n_windows++] = (clade_window){ customer, first, end };
        return;
    }
    if (end - first > max + 1) { /* another phase each epoch, so that cuts fall everywhere */
        const uint64_t phase = clade_rng_below(rng, max);
        if (phase > 0) {
            t->window[t->n_windows++] = (clade_window){ customer, first, first + phase + 1 };
            first += phase;
        }
    }
    while (first + 1 < end) {
        const uint64_t stop       = first + max + 1 < end ? first + max + 1 : end;
        t->window[t->n_windows++] = (clade_window){ customer, first, stop };
        first                     = stop - 1;
    }
}

static void make_windows(training *t)
{
    if (t->windows_of == t->at.epoch + 1) return;
    clade_rng rng = clade_rng_stream(t->options->learner.seed, "train/windows", t->at.epoch);
    t->n_windows  = 0;
    for (size_t c = 0; c < t->sequences->n_customers; c++)
        cut_customer(t, (uint32_t)c, &rng);
    for (size_t i = t->n_windows; i > 1; i--) {
        const size_t       j     = (size_t)clade_rng_below(&rng, i);
        const clade_window other = t->window[j];
        t->window[j]             = t->window[i - 1];
        t->window[i - 1]         = other;
    }
    t->windows_of = t->at.epoch + 1;
}

static clade_status room_for_windows(training *t, clade_error *err)
{
    const uint64_t max = clade_behaviour_options_of(t->model)->max_events;
    size_t         n   = 0;
    bool           any = false;
    for (size_t c = 0; c < t->sequences->n_customers; c++) {
        const uint64_t events = t->sequences->start[c + 1] - t->sequences->start[c];
        n += events / max + 2;
        any = any || events > 1;
    }
    if (!any) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "nothing to learn: none of %zu customers has two events",
                          t->sequences->n_customers);
    }
    t->capacity                            = n;
    const clade_behaviour_options *const o = clade_behaviour_options_of(t->model);
    t->alone                               = t->sequences->at_us != NULL && o->with_moment;
    t->window                              = CLADE_NEW(clade_window, n);
    if (t->window == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu windows", n);
    return CLADE_OK;
}

/* ---- One step, one epoch --------------------------------------------------------------------- */

/* Rises over the first steps, falls over the last share of all epochs. */
static double rate_factor(const training *t)
{
    const clade_train_options *const o = t->options;
    const double share = ((double)t->at.epoch + (double)t->at.window / (double)t->n_windows) /
                         (double)t->at.n_planned;
    double factor = 1.0;
    if ((double)t->at.n_steps < o->warm_up) factor = ((double)t->at.n_steps + 1.0) / o->warm_up;
    if (o->cool_down > 0.0 && share > 1.0 - o->cool_down)
        factor *= fmax(0.02, (1.0 - share) / o->cool_down);
    return factor;
}

static clade_status all_reduce(void *context, float *gradient, size_t n, double *loss,
                               clade_error *err)
{
    (void)context;
    CLADE_TRY(clade_dist_sum(gradient, n, err));
    return clade_dist_sum_double(loss, 1, err);
}

static clade_status one_step(training *t, clade_error *err)
{
    clade_learner_step step = { 0 };
    const double       from = clade_seconds();
    CLADE_TRY(clade_learner_take(&step, t->learner, t->sequences, t->window + t->at.window,
                                 t->n_windows - t->at.window, rate_factor(t), err));
    t->at.window += step.n_windows;
    t->at.n_steps = *t->trained.state.n_steps;
    t->at.n_targets += step.n_targets;
    t->at.loss += step.loss * (double)step.n_targets;
    t->n_tokens += step.n_tokens;
    t->seconds += clade_seconds() - from;
    return CLADE_OK;
}

/* After the first steps, the epochs that fit into the budget. The longest rank counts. */
static clade_status plan_budget(training *t, clade_error *err)
{
    const double budget = t->options->budget_seconds;
    double       plan   = 0.0;
    if (speaks()) {
        const double an_epoch =
            t->seconds / (double)t->n_tokens * (double)(t->sequences->n_events + 1);
        plan = fmax(1.0, fmin((double)t->options->n_epochs, floor(budget / an_epoch)));
    }
    CLADE_TRY(clade_dist_broadcast(&plan, sizeof plan, 0, err));
    t->at.n_planned = (uint64_t)plan;
    return CLADE_OK;
}

static clade_status save(training *t, clade_error *err)
{
    if (t->options->checkpoint == NULL || !speaks()) return CLADE_OK;
    CLADE_TRY(clade__checkpoint_write(t->options->checkpoint, &t->trained, &t->at, err));
    t->written = clade_seconds();
    return CLADE_OK;
}

/* All ranks stop at the same place, and what was learnt is kept. */
static clade_status interrupted(training *t, clade_error *err)
{
    CLADE_TRY(save(t, err));
    (void)clade_fail(err, CLADE_ERR_INTERRUPTED, "training was interrupted in epoch %llu of %llu",
                     (unsigned long long)t->at.epoch + 1, (unsigned long long)t->at.n_planned);
    if (t->options->checkpoint != NULL) {
        clade_hint(err, "run the same command again to go on from %s", t->options->checkpoint);
    }
    return CLADE_ERR_INTERRUPTED;
}

/* Ctrl-C on any rank stops all of them at the same step. */
static clade_status check_interrupt(training *t, clade_error *err)
{
    double stop = clade_interrupt_requested() ? 1.0 : 0.0;
    CLADE_TRY(clade_dist_sum_double(&stop, 1, err));
    return stop == 0.0 ? CLADE_OK : interrupted(t, err);
}

static clade_status judge(training *t, double *out_score, clade_error *err)
{
    const size_t bytes  = t->trained.n * sizeof(float);
    float *const now    = CLADE_NEW(float, t->trained.n);
    clade_status status = CLADE_OK;
    if (now == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge a model");
    memcpy(now, clade_behaviour_parameters(t->model), bytes);
    clade_behaviour_set(t->model, clade_learner_average(t->learner));
    if (speaks()) status = t->options->judge(t->options->judge_context, out_score, t->model, err);
    double values[2] = { *out_score, (double)status };
    if (clade_dist_ranks() > 1) {
        const clade_status sent = clade_dist_broadcast(values, sizeof values, 0, err);
        if (status == CLADE_OK) status = sent;
    }
    *out_score = values[0];
    if (status == CLADE_OK && !speaks() && values[1] != 0.0) {
        status = clade_fail(err, (clade_status)values[1], "rank 0 could not judge the model");
    }
    if (status != CLADE_OK) { /* nothing is known of this epoch yet */
    } else if (t->at.best_epoch == 0 || *out_score > t->at.best_score) {
        t->at.best_score     = *out_score;
        t->at.best_epoch     = t->at.epoch + 1;
        t->at.n_without_gain = 0;
        memcpy(t->trained.best, clade_behaviour_parameters(t->model), bytes);
    } else {
        t->at.n_without_gain += 1;
    }
    clade_behaviour_set(t->model, now);
    free(now);
    return status;
}

static clade_status end_epoch(training *t, bool *out_over, clade_error *err)
{
    const clade_train_options *const o = t->options;
    const bool        last = t->at.epoch + 1 >= t->at.n_planned; /* a budget can lie behind */
    clade_train_epoch line = { .epoch = (size_t)t->at.epoch + 1, .score = (double)NAN };
    line.loss              = t->at.n_targets > 0 ? t->at.loss / (double)t->at.n_targets : 0.0;
    line.seconds           = t->seconds;
    line.tokens_per_s      = t->seconds > 0.0 ? (double)t->n_tokens / t->seconds : 0.0;
    t->report.loss         = line.loss;
    t->total_tokens += t->n_tokens;
    t->total_seconds += t->seconds;
    if (o->judge != NULL &&
        ((t->at.epoch + 1) % (o->judge_every == 0 ? 1 : o->judge_every) == 0 || last)) {
        CLADE_TRY(judge(t, &line.score, err));
        line.best = t->at.best_epoch == t->at.epoch + 1;
    }
    if (o->tell != NULL && speaks()) o->tell(o->tell_context, &line);
    t->report.ended_early = o->patience > 0 && t->at.n_without_gain >= o->patience && !last;
    *out_over             = last || t->report.ended_early;
    t->at.epoch += 1;
    t->at.window    = 0;
    t->at.n_targets = 0;
    t->at.loss      = 0.0;
    t->n_tokens     = 0;
    t->seconds      = 0.0;
    return CLADE_OK;
}

static void show(const training *t)
{
    if (!t->options->progress || !speaks()) return;
    clade_progress_update((double)t->at.epoch +
                          (t->n_windows == 0 ? 0.0 : (double)t->at.window / (double)t->n_windows));
}

static clade_status run(training *t, clade_error *err)
{
    const double pause =
        t->options->checkpoint_seconds > 0.0 ? t->options->checkpoint_seconds : 60.0;
    bool over = t->at.epoch >= t->at.n_planned ||
                (t->options->patience > 0 && t->at.n_without_gain >= t->options->patience);
    t->written = clade_seconds();
    while (!over) {
        make_windows(t);
        while (t->at.window < t->n_windows) {
            CLADE_TRY(one_step(t, err));
            if (t->options->budget_seconds > 0.0 && t->at.n_steps == 2)
                t->n_tokens = 0, t->seconds = 0.0;
            if (t->options->budget_seconds > 0.0 && t->at.n_steps == BUDGET_STEPS)
                CLADE_TRY(plan_budget(t, err));
            show(t);
            CLADE_TRY(check_interrupt(t, err));
            if (clade_seconds() - t->written > pause) CLADE_TRY(save(t, err));
        }
        const clade_status ended = end_epoch(t, &over, err);
        if (ended == CLADE_ERR_INTERRUPTED) return interrupted(t, err); /* while judging */
        CLADE_TRY(ended);
    }
    return save(t, err); /* until the caller has put the model where it belongs */
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

/* Whatever would make another training of it. The budget and who watches do not. */
static uint64_t identity_of(const training *t)
{
    const clade_learner_options *const   l        = &t->options->learner;
    const clade_behaviour_options *const b        = clade_behaviour_options_of(t->model);
    const uint64_t                       whole[9] = { l->n_shards,
                                                      l->shard_tokens,
                                                      l->n_negatives,
                                                      l->seed,
                                                      t->options->n_epochs,
                                                      t->options->judge_every,
                                                      t->options->patience,
                                                      clade_behaviour_n_parameters(t->model),
                                                      t->options->judge != NULL };
    const double                         real[9]  = { l->rate,
                                                      l->b1,
                                                      l->b2,
                                                      l->epsilon,
                                                      l->weight_decay,
                                                      l->clip,
                                                      l->average,
                                                      t->options->warm_up,
                                                      t->options->cool_down };
    const uint32_t shape[6]  = { b->d, b->n_blocks, b->n_heads, b->ff, b->n_rates, b->max_events };
    const float    chance[9] = { b->temperature,
                                 b->dropout,
                                 b->dropout_in,
                                 b->future_weight,
                                 b->future_days,
                                 b->return_weight,
                              b->with_moment ? 1.0f : 0.0f,
                              b->with_own ? 1.0f : 0.0f,
                              b->outer_gate ? 1.0f : 0.0f };
    uint64_t       hash  = clade_hash64(whole, sizeof whole, clade_sequences_hash(t->sequences));
    hash                 = clade_hash64(real, sizeof real, hash);
    hash                 = clade_hash64(shape, sizeof shape, hash);
    hash                 = clade_hash64(b->mixer, b->n_blocks * sizeof b->mixer[0], hash);
    hash                 = clade_hash64(chance, sizeof chance, hash);
    const float later[3] = { b->contrast_weight, b->contrast_temperature,
                             b->next_basket ? 1.0f : 0.0f };
    if (b->contrast_weight <= 0.0f && !b->next_basket) return hash; /* as before there were these */
    return clade_hash64(later, sizeof later, hash);
}

/* One array of rank 0 on every rank. */
static clade_status spread(float *values, size_t n, clade_error *err)
{
    return clade_dist_broadcast(values, n * sizeof *values, 0, err);
}

/* What rank 0 read from the checkpoint, on every rank. */
static clade_status spread_state(training *t, clade_error *err)
{
    const size_t n     = t->trained.n;
    float *const theta = CLADE_NEW(float, n);
    if (theta == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu parameters", n);
    memcpy(theta, clade_behaviour_parameters(t->model), n * sizeof *theta);
    clade_status status = clade_dist_broadcast(&t->at, sizeof t->at, 0, err);
    if (status == CLADE_OK) status = spread(theta, n, err);
    if (status == CLADE_OK) status = spread(t->trained.state.m, n, err);
    if (status == CLADE_OK) status = spread(t->trained.state.v, n, err);
    if (status == CLADE_OK) status = spread(t->trained.best, n, err);
    if (status == CLADE_OK && t->trained.state.average != NULL)
        status = spread(t->trained.state.average, n, err);
    *t->trained.state.n_steps = t->at.n_steps;
    clade_behaviour_set(t->model, theta);
    free(theta);
    return status;
}

/* Rank 0 reads the checkpoint, where there is one; the others need not see its disk. */
static clade_status go_on(training *t, clade_error *err)
{
    clade_status status = CLADE_ERR_NOT_FOUND;
    if (speaks()) status = clade__checkpoint_read(t->options->checkpoint, &t->trained, &t->at, err);
    double told = (double)status;
    CLADE_TRY(clade_dist_broadcast(&told, sizeof told, 0, err));
    if (!speaks()) {
        status = (clade_status)told;
        if (status != CLADE_OK && status != CLADE_ERR_NOT_FOUND)
            (void)clade_fail(err, status, "rank 0 could not read its checkpoint");
    }
    t->report.resumed = status == CLADE_OK;
    if (status == CLADE_OK && clade_dist_ranks() > 1) return spread_state(t, err);
    return status == CLADE_ERR_NOT_FOUND ? CLADE_OK : status;
}

static clade_status open(training *t, clade_error *err)
{
    clade_learner_options learner = t->options->learner;
    learner.rank                  = (size_t)clade_dist_rank();
    learner.n_ranks               = (size_t)clade_dist_ranks();
    if (learner.n_ranks > 1) learner.all_reduce = all_reduce;
    CLADE_TRY(room_for_windows(t, err));
    CLADE_TRY(clade_learner_create(&t->learner, t->model, &learner, err));
    t->trained      = (clade__trained){ .n        = clade_behaviour_n_parameters(t->model),
                                        .state    = clade_learner_state_of(t->learner),
                                        .model    = t->model,
                                        .identity = identity_of(t) };
    t->trained.best = CLADE_NEW(float, t->trained.n);
    if (t->trained.best == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu parameters", t->trained.n);
    }
    t->at.n_planned = t->options->n_epochs;
    if (t->options->checkpoint == NULL) return CLADE_OK;
    return go_on(t, err);
}

clade_status clade_train_behaviour(clade_train_report *out, clade_behaviour *model,
                                   const clade_sequences     *sequences,
                                   const clade_train_options *options, clade_error *err)
{
    training t = { .model = model, .sequences = sequences, .options = options };
    if (options->n_epochs == 0) {
        return clade_fail(err, CLADE_ERR_ARG, "training: 0 epochs, wanted at least 1");
    }
    clade_status status = open(&t, err);
    if (status == CLADE_OK) {
        if (options->progress && speaks())
            clade_progress_begin("learning", (double)t.at.n_planned, "epochs");
        status = run(&t, err);
        if (options->progress && speaks()) clade_progress_end();
    }
    if (status == CLADE_OK) {
        clade_behaviour_set(model, t.at.best_epoch > 0 ? t.trained.best
                                                       : clade_learner_average(t.learner));
        t.report.n_planned  = (size_t)t.at.n_planned;
        t.report.n_epochs   = (size_t)t.at.epoch;
        t.report.n_steps    = (size_t)t.at.n_steps;
        t.report.best_epoch = (size_t)t.at.best_epoch;
        t.report.best_score = t.at.best_score;
        t.report.seconds    = t.total_seconds;
        t.report.tokens_per_s =
            t.total_seconds > 0.0 ? (double)t.total_tokens / t.total_seconds : 0.0;
        *out = t.report;
    }
    clade_learner_free(t.learner);
    free(t.trained.best);
    free(t.window);
    return status;
}
