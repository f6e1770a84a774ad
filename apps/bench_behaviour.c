/*
 * The behaviour model under clade bench sequence. Twice learnt: first from what is before
 * validation, to find after how many epochs it is at its best; then from everything before the
 * test, for as many. The test cases are asked once, of the second.
 */
#include "bench.h"

#include "clade/time.h"
#include "clade/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALIDATION_CASES = 6040, EPOCHS_MAX = 10000 };

typedef struct recipe {
    clade_behaviour_options model;
    clade_train_options     train;
    const char             *size;
    const char             *mixers;
    bool                    refit_only;
} recipe;

/* "decay", or a pattern that blocks take in turn: "attention,decay". */
static clade_status read_mixers(recipe *r, const char *text, clade_error *err)
{
    clade_mixer pattern[CLADE_BEHAVIOUR_BLOCKS_MAX];
    size_t      n = 0;
    for (const char *at = text; *at != '\0' && n < CLADE_BEHAVIOUR_BLOCKS_MAX;) {
        const size_t      length = strcspn(at, ",");
        const clade_mixer mixer  = clade_mixer_find((clade_text){ at, length });
        if (mixer == CLADE_N_MIXER) {
            return clade_fail(err, CLADE_ERR_ARG,
                              "--mixer: there is no '%.*s': wanted attention, pointwise or decay",
                              (int)length, at);
        }
        pattern[n++] = mixer;
        at += length + (at[length] == ',');
    }
    if (n == 0)
        return clade_fail(err, CLADE_ERR_ARG, "--mixer is empty: wanted attention or decay");
    for (uint32_t b = 0; b < r->model.n_blocks; b++)
        r->model.mixer[b] = pattern[b % n];
    r->mixers = text;
    return CLADE_OK;
}

static clade_status whole_option(uint32_t *in_out, const command *c, const char *name, int64_t low,
                                 int64_t high, clade_error *err)
{
    int64_t value = *in_out;
    CLADE_TRY(command_int(&value, c, name, value, low, high, err));
    *in_out = (uint32_t)value;
    return CLADE_OK;
}

static clade_status read_recipe(recipe *r, const command *c, clade_error *err)
{
    double  real;
    int64_t whole;
    *r      = (recipe){ .model = clade_behaviour_defaults(), .train = clade_train_defaults() };
    r->size = command_value(c, "size", 0) == NULL ? "small" : command_value(c, "size", 0);
    CLADE_TRY(clade_behaviour_size_set(&r->model, r->size, err));
    CLADE_TRY(whole_option(&r->model.d, c, "width", 16, CLADE_BEHAVIOUR_D_MAX, err));
    CLADE_TRY(whole_option(&r->model.n_blocks, c, "blocks", 1, CLADE_BEHAVIOUR_BLOCKS_MAX, err));
    CLADE_TRY(whole_option(&r->model.n_heads, c, "heads", 1, CLADE_BEHAVIOUR_D_MAX / 8, err));
    CLADE_TRY(whole_option(&r->model.ff, c, "feed-forward", 0, 4 * CLADE_BEHAVIOUR_D_MAX, err));
    CLADE_TRY(
        whole_option(&r->model.max_events, c, "max-events", 2, CLADE_BEHAVIOUR_EVENTS_MAX, err));
    CLADE_TRY(read_mixers(
        r, command_value(c, "mixer", 0) == NULL ? "decay" : command_value(c, "mixer", 0), err));
    CLADE_TRY(command_real(&real, c, "dropout", (double)r->model.dropout, 0, 0.95, err));
    r->model.dropout = r->model.dropout_in = (float)real;
    CLADE_TRY(command_real(&real, c, "temperature", (double)r->model.temperature, 0, 10, err));
    r->model.temperature = (float)real;
    r->model.with_moment = command_has(c, "moment");
    r->model.with_own    = command_has(c, "own-items");
    r->model.outer_gate  = command_has(c, "outer-gate");
    r->model.next_basket = command_has(c, "next-basket");
    CLADE_TRY(command_real(&real, c, "return-weight", 0, 0, 100, err));
    r->model.return_weight = (float)real;
    CLADE_TRY(command_real(&real, c, "future-weight", 0, 0, 100, err));
    r->model.future_weight = (float)real;
    CLADE_TRY(command_real(&real, c, "contrast-weight", 0, 0, 100, err));
    r->model.contrast_weight = (float)real;
    CLADE_TRY(command_real(&r->train.learner.rate, c, "rate", r->train.learner.rate, 1e-6, 1, err));
    CLADE_TRY(command_real(&r->train.learner.weight_decay, c, "weight-decay", 0, 0, 10, err));
    CLADE_TRY(command_int(&whole, c, "epochs", 20, 1, EPOCHS_MAX, err));
    r->train.n_epochs = (size_t)whole;
    CLADE_TRY(command_int(&whole, c, "step-events", 2048, 64, 1 << 20, err));
    r->train.learner.shard_tokens = (size_t)whole / r->train.learner.n_shards;
    if (r->train.learner.shard_tokens < r->model.max_events)
        r->train.learner.shard_tokens = r->model.max_events;
    CLADE_TRY(command_int(&whole, c, "negatives", 0, 0, 1 << 20, err));
    r->train.learner.n_negatives = (size_t)whole;
    r->train.learner.seed        = c->seed;
    r->train.progress            = !c->quiet;
    r->refit_only                = command_has(c, "refit-only");
    return CLADE_OK;
}

/* ---- Validation ------------------------------------------------------------------------------ */

typedef struct looking {
    const command     *c;
    const clade_split *split;
} looking;

/* NDCG@10; sessions MRR@20: the figures that the published tables are read by. */
static clade_status look(void *context, double *out_score, const clade_behaviour *model,
                         clade_error *err)
{
    const looking *const      l      = context;
    const clade_scorer        scorer = clade_behaviour_scorer(model);
    const clade_judge_options o      = { .max_cases = VALIDATION_CASES };
    clade_judgement           j;
    CLADE_TRY(clade_judge_run(&j, &scorer, l->split, &l->split->validation, &o, err));
    const clade_ranking *const main = clade_judgement_main(&j, l->split);
    *out_score =
        l->split->protocol == CLADE_PROTOCOL_SESSIONS ? main->mrr_20.value : main->ndcg[1].value;
    return CLADE_OK;
}

static void tell(void *context, const clade_train_epoch *e)
{
    const looking *const l = context;
    if (isnan(e->score)) {
        command_note(l->c, "  epoch %zu  loss %.4f  %.0f events/s\n", e->epoch, e->loss,
                     e->tokens_per_s);
    } else {
        command_note(l->c, "  epoch %zu  loss %.4f  validation %.4f%s  %.0f events/s\n", e->epoch,
                     e->loss, e->score, e->best ? " *" : "", e->tokens_per_s);
    }
}

/* ---- The fit --------------------------------------------------------------------------------- */

static void free_model(void *self)
{
    clade_behaviour_free(self);
}

static clade_status learn(clade_behaviour **out, clade_train_report *report, const recipe *r,
                          const clade_sequences *train, const clade_train_options *options,
                          clade_error *err)
{
    clade_behaviour *model = NULL;
    CLADE_TRY(clade_behaviour_create(&model, &r->model, train, options->learner.seed, err));
    const clade_status status = clade_train_behaviour(report, model, train, options, err);
    if (status != CLADE_OK) {
        clade_behaviour_free(model);
        return status;
    }
    *out = model;
    return CLADE_OK;
}

clade_status bench_fit_behaviour(bench_fitted *out, const command *c, const clade_split *split,
                                 clade_error *err)
{
    recipe             r;
    clade_train_report first = { 0 }, last = { 0 };
    clade_behaviour   *model = NULL;
    looking            l     = { c, split };
    const double       from  = clade_seconds();
    int64_t            patience;
    CLADE_TRY(read_recipe(&r, c, err));
    CLADE_TRY(command_int(&patience, c, "patience", 5, 1, EPOCHS_MAX, err));
    clade_train_options options = r.train;
    options.tell                = tell;
    options.tell_context        = &l;
    if (!r.refit_only) {
        options.judge         = look;
        options.judge_context = &l;
        options.patience      = (size_t)patience;
        CLADE_TRY(learn(&model, &first, &r, split->train, &options, err));
        clade_behaviour_free(model);
        model            = NULL;
        options.judge    = NULL;
        options.n_epochs = first.best_epoch;
        command_note(c, "best after %zu epochs; once more, from everything before the test\n",
                     first.best_epoch);
    }
    CLADE_TRY(learn(&model, &last, &r, split->train_all, &options, err));
    *out = (bench_fitted){ .scorer       = clade_behaviour_scorer(model),
                           .validation   = r.refit_only ? (double)NAN : first.best_score,
                           .seconds      = clade_seconds() - from,
                           .tokens_per_s = last.tokens_per_s,
                           .self         = model,
                           .free_self    = free_model };
    (void)snprintf(
        out->settings, sizeof out->settings,
        "%s, d %u, %u blocks, ff %u, dropout %g, rate %g, %zu epochs, %.0f s of learning", r.mixers,
        r.model.d, r.model.n_blocks, r.model.ff, (double)r.model.dropout, r.train.learner.rate,
        last.n_epochs, first.seconds + last.seconds);
    return CLADE_OK;
}
