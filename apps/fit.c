/* clade fit: learn the behaviour model from the shop's own log, and keep it in the workspace.
 *
 * Under mpirun rank 0 owns the workspace, speaks, judges and writes; the others get the sequences
 * from it and learn along. A failure that all ranks know of is said once, by rank 0. */
#include "fit.h"

#include "clade/dist.h"
#include "clade/shop_behaviour.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EPOCHS_MIN     = 5,
    EPOCHS_AUTO    = 60,
    EPOCHS_MAX     = 10000,
    PATIENCE       = 8,
    SHARDS         = 4,
    WHOLE_MAX      = 100000, /* items up to which every step looks at the whole catalogue */
    NEGATIVES      = 8192,
    MEMORY_SHARE   = 90, /* percent of the machine's memory, where --memory says nothing */
    CHECKPOINT_MAX = 4096,
};
#define RETURN_WEIGHT 0.3f
#define EVENTS_AUTO   2e7 /* events read in all, where --epochs says nothing */

typedef struct fit_options {
    const char               *size;
    clade_mixer               mixer;
    clade_behaviour_precision precision;
    int64_t                   n_epochs; /* 0: by the size of the log */
    int64_t                   budget_us;
    double                    contrast_weight;
} fit_options;

typedef struct fit_work {
    command            *c;
    fit_options         options;
    fit_data            data;
    clade_behaviour    *model;
    clade_train_options train;
    clade_train_report  report;
    clade_run          *run;
    char                checkpoint[CHECKPOINT_MAX];
    size_t              memory_bytes;
    bool                says; /* a line for each epoch: stderr is a terminal */
} fit_work;

/* ---------------------------------------------------------------- what was asked for */

static clade_status read_name(int *out, const command *c, const char *option,
                              const char *const *names, size_t n, clade_error *err)
{
    const char *const given = command_value(c, option, 0);
    if (given == NULL) return CLADE_OK;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(given, names[i]) != 0) continue;
        *out = (int)i;
        return CLADE_OK;
    }
    return clade_fail(err, CLADE_ERR_ARG, "--%s cannot be '%s': wanted %s, %s or %s", option, given,
                      names[0], names[1], names[2]);
}

static clade_status read_options(fit_options *out, command *c, clade_error *err)
{
    const char *mixers[CLADE_N_MIXER], *precisions[3];
    for (int i = 0; i < CLADE_N_MIXER; i++)
        mixers[i] = clade_mixer_name((clade_mixer)i);
    for (int i = 0; i < 3; i++)
        precisions[i] = clade_behaviour_precision_name((clade_behaviour_precision)i);
    const char *const budget = command_value(c, "budget", 0);
    int               mixer = CLADE_MIXER_DECAY, precision = CLADE_BEHAVIOUR_FLOAT;
    if (strcmp(c->arg[1], "behaviour") != 0) {
        (void)clade_fail(err, CLADE_ERR_ARG, "there is nothing called '%s' to fit", c->arg[1]);
        clade_hint(err, "%s fit %s behaviour", c->program, c->arg[0]);
        return CLADE_ERR_ARG;
    }
    out->size = command_value(c, "size", 0) == NULL ? "small" : command_value(c, "size", 0);
    CLADE_TRY(read_name(&mixer, c, "mixer", mixers, 3, err));
    CLADE_TRY(read_name(&precision, c, "precision", precisions, 3, err));
    CLADE_TRY(command_int(&out->n_epochs, c, "epochs", 0, 1, EPOCHS_MAX, err));
    CLADE_TRY(command_real(&out->contrast_weight, c, "contrast-weight", 0, 0, 100, err));
    if (budget != NULL) CLADE_TRY(clade_duration_parse(&out->budget_us, budget, err));
    if (budget != NULL && out->budget_us <= 0)
        return clade_fail(err, CLADE_ERR_ARG, "--budget cannot be '%s': wanted a time, as 30m",
                          budget);
    out->mixer                    = (clade_mixer)mixer;
    out->precision                = (clade_behaviour_precision)precision;
    clade_behaviour_options probe = clade_behaviour_defaults();
    return clade_behaviour_size_set(&probe, out->size, err);
}

/* ---------------------------------------------------------------- before the start */

/* Rank 0: the workspace, its run, the log. */
static clade_status prepare(fit_work *w, clade_error *err)
{
    command *const c     = w->c;
    clade_store   *store = NULL;
    char           as_of[40];
    CLADE_TRY(command_open(&store, c, false, err));
    CLADE_TRY(clade_store_path(w->checkpoint, sizeof w->checkpoint, store,
                               "models/behaviour.checkpoint", err));
    if (command_has(c, "fresh")) (void)unlink(w->checkpoint);
    CLADE_TRY(clade_run_begin(&w->run, store, "fit", c->seed, err));
    clade_run_note(w->run, "model", "behaviour");
    clade_run_note(w->run, "size", w->options.size);
    clade_run_note(w->run, "mixer", clade_mixer_name(w->options.mixer));
    clade_run_note(w->run, "precision", clade_behaviour_precision_name(w->options.precision));
    CLADE_TRY(fit_data_read(&w->data, c, store, err));
    clade_time_format(as_of, w->data.as_of_us);
    clade_run_note(w->run, "as_of", as_of);
    return CLADE_OK;
}

/* The same on every rank: it depends on options, sequences and number of ranks. */
static void plan_training(fit_work *w)
{
    const clade_sequences *const s       = w->data.train;
    clade_train_options *const   t       = &w->train;
    const size_t                 n_ranks = (size_t)clade_dist_ranks();
    *t                                   = clade_train_defaults();
    t->learner.n_shards                  = (SHARDS + n_ranks - 1) / n_ranks * n_ranks;
    t->learner.seed                      = w->data.seed;
    t->learner.n_negatives               = s->n_items > WHOLE_MAX ? NEGATIVES : 0;
    const double by_size = fmin(EPOCHS_AUTO, fmax(EPOCHS_MIN, EVENTS_AUTO / (double)s->n_events));
    t->n_epochs          = w->options.n_epochs > 0 ? (size_t)w->options.n_epochs : (size_t)by_size;
    const double a_step  = (double)(t->learner.n_shards * t->learner.shard_tokens);
    const double steps   = (double)t->n_epochs * fmax(1, (double)s->n_events / a_step);
    t->warm_up           = floor(fmax(1, fmin(t->warm_up, steps / 10)));
    t->budget_seconds    = (double)w->options.budget_us / 1e6;
    t->patience          = PATIENCE;
    t->progress          = true;
    t->checkpoint        = w->checkpoint; /* read and written by rank 0 alone */
}

static clade_status check_memory(fit_work *w, clade_error *err)
{
    const command *const c = w->c;
    char                 need[32], limit[32];
    const int64_t        machine =
        (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE) / 100 * MEMORY_SHARE;
    const int64_t at_most = c->memory_bytes > 0 ? c->memory_bytes : machine;
    w->memory_bytes       = clade_behaviour_n_parameters(w->model) * sizeof(float) +
                      clade_learner_bytes(w->model, &w->train.learner) +
                      fit_data_bytes(w->data.train) +
                      (w->data.all == NULL ? 0 : fit_data_bytes(w->data.all));
    command_size_format(need, (int64_t)w->memory_bytes);
    command_size_format(limit, at_most);
    if (at_most > 0 && w->memory_bytes > (size_t)at_most) {
        (void)clade_fail(err, CLADE_ERR_NOMEM,
                         "learning a %s model of %u items and %zu events takes %s, and %s is the "
                         "limit",
                         w->options.size, w->data.train->n_items, w->data.train->n_events, need,
                         limit);
        clade_hint(err, "%s",
                   strcmp(w->options.size, "small") == 0
                       ? "give it more with --memory"
                       : "give it more with --memory, or take --size small");
        return CLADE_ERR_NOMEM;
    }
    if (clade_dist_rank() > 0) return CLADE_OK;
    command_note(c,
                 COMMAND_SAY(c, "%s model, %zu parameters; %s of memory for %zu events\n",
                             "%s 模型，%zu 个参数；内存 %s，事件 %zu 条\n"),
                 w->options.size, clade_behaviour_n_parameters(w->model), need,
                 w->data.train->n_events);
    return CLADE_OK;
}

static clade_status make_model(fit_work *w, clade_error *err)
{
    clade_behaviour_options o = clade_behaviour_defaults();
    CLADE_TRY(clade_behaviour_size_set(&o, w->options.size, err));
    for (uint32_t b = 0; b < o.n_blocks; b++)
        o.mixer[b] = w->options.mixer;
    o.with_moment     = true; /* a shop asks about customers who have been away: vectors.md */
    o.return_weight   = RETURN_WEIGHT;
    o.contrast_weight = (float)w->options.contrast_weight;
    o.with_own        = true; /* shops live on what is bought again */
    return clade_behaviour_create(&w->model, &o, w->data.train, w->data.seed, err);
}

/* ---------------------------------------------------------------- learning */

static void tell(void *context, const clade_train_epoch *epoch)
{
    const fit_work *const w = context;
    char                  rate[32], score[32] = "";
    if (!w->says) return;
    const double left = epoch->seconds * (double)(w->train.n_epochs - epoch->epoch);
    clade_count_format(rate, (int64_t)epoch->tokens_per_s);
    if (!isnan(epoch->score))
        (void)snprintf(score, sizeof score, "  NDCG@10 %.4f%s", epoch->score,
                       epoch->best ? " *" : "");
    clade_log(CLADE_LOG_INFO,
              COMMAND_SAY(w->c, "epoch %zu  loss %.4f%s  %s events/s  at most %.0f s left",
                          "第 %zu 轮  损失 %.4f%s  每秒 %s 条事件  最多还需 %.0f 秒"),
              epoch->epoch, epoch->loss, score, rate, left);
}

static clade_status learn(fit_work *w, clade_error *err)
{
    /* A condition that every rank must see alike: there is a judge on all of them or on none. */
    double n_cases = (double)w->data.split.validation.n_cases;
    if (clade_dist_ranks() > 1) CLADE_TRY(clade_dist_broadcast(&n_cases, sizeof n_cases, 0, err));
    w->train.judge         = n_cases > 0 ? fit_judge : NULL;
    w->train.judge_context = &w->data;
    w->train.tell          = tell;
    w->train.tell_context  = w;
    clade_status status =
        clade_train_behaviour(&w->report, w->model, w->data.train, &w->train, err);
    if (status == CLADE_ERR_DATA && err != NULL && clade_dist_rank() == 0 &&
        strstr(err->message, w->checkpoint) != NULL) {
        clade_hint(err, "start anew with: %s fit %s behaviour --fresh", w->c->program,
                   w->c->arg[0]);
    }
    if (status == CLADE_ERR_INTERRUPTED) w->c->together = true;
    return status;
}

/* ---------------------------------------------------------------- what is kept and said */

static clade_shop_behaviour_card card_of(const fit_work *w, const fit_verdict *v)
{
    clade_shop_behaviour_card card = {
        .as_of_us      = w->data.as_of_us,
        .run           = clade_run_number(w->run),
        .seed          = w->data.seed,
        .data_hash     = w->data.data_hash,
        .mixer         = w->options.mixer,
        .precision     = w->options.precision,
        .n_customers   = w->data.train->n_customers,
        .n_events      = w->data.train->n_events,
        .n_epochs      = w->report.n_epochs,
        .best_epoch    = w->report.best_epoch,
        .n_cases       = v->n_cases,
        .ndcg          = v->ndcg.value,
        .hit           = v->hit.value,
        .baseline_ndcg = v->n_cases > 0 ? v->baseline[v->best].ndcg : (double)NAN,
        .gain          = v->gain,
        .trusted       = v->trusted,
    };
    if (v->n_cases > 0) card.baseline_options = v->baseline[v->best].options;
    (void)snprintf(card.size, sizeof card.size, "%s", w->options.size);
    (void)snprintf(card.baseline, sizeof card.baseline, "%s",
                   v->n_cases > 0 ? v->baseline[v->best].name : "");
    return card;
}

/* What fewer bits cost is measured on what was written. */
static clade_status judge_as_kept(fit_verdict *v, const fit_work *w, clade_error *err)
{
    clade_shop_behaviour *kept = NULL;
    if (w->options.precision == CLADE_BEHAVIOUR_FLOAT || v->n_cases == 0) return CLADE_OK;
    CLADE_TRY(clade_shop_behaviour_open(&kept, w->c->store, err));
    fit_data           data   = w->data;
    const clade_status status = fit_judge(&data, &v->ndcg_as_kept, kept->model, err);
    clade_shop_behaviour_free(kept);
    return status;
}

static clade_status note_run(fit_work *w, const fit_verdict *v, clade_error *err)
{
    clade_run_note_number(w->run, "epochs", (double)w->report.n_epochs);
    clade_run_note_number(w->run, "best_epoch", (double)w->report.best_epoch);
    clade_run_note_number(w->run, "ranks", clade_dist_ranks());
    clade_run_note_number(w->run, "loss", w->report.loss);
    clade_run_note_number(w->run, "n_cases", (double)v->n_cases);
    if (v->n_cases > 0) {
        clade_run_note_number(w->run, "ndcg_10", v->ndcg.value);
        clade_run_note_number(w->run, "hit_10", v->hit.value);
        clade_run_note(w->run, "baseline", v->baseline[v->best].name);
        clade_run_note_number(w->run, "baseline_ndcg_10", v->baseline[v->best].ndcg);
        clade_run_note_number(w->run, "gain_ndcg_10", v->gain.value);
        clade_run_note_number(w->run, "gain_ndcg_10_low", v->gain.low);
        clade_run_note_number(w->run, "gain_ndcg_10_high", v->gain.high);
    }
    clade_run_note(w->run, "verdict", v->trusted ? "trust" : "do not trust yet");
    return clade_run_finish(w->run, err);
}

static void write_answer(const fit_work *w, const fit_verdict *v, const char *path, int64_t bytes)
{
    clade_json *const json = command_json(w->c);
    char              as_of[40], hash[24];
    clade_time_format(as_of, w->data.as_of_us);
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)w->data.data_hash);
    clade_json_put_text(json, "model", "behaviour");
    clade_json_put_text(json, "size", w->options.size);
    clade_json_put_text(json, "mixer", clade_mixer_name(w->options.mixer));
    clade_json_put_text(json, "precision", clade_behaviour_precision_name(w->options.precision));
    clade_json_put_text(json, "as_of", as_of);
    clade_json_put_text(json, "data_hash", hash);
    clade_json_put_int(json, "n_customers", (int64_t)w->data.train->n_customers);
    clade_json_put_int(json, "n_events", (int64_t)w->data.train->n_events);
    clade_json_put_int(json, "n_items", (int64_t)w->data.train->n_items);
    clade_json_put_int(json, "n_parameters", (int64_t)clade_behaviour_n_parameters(w->model));
    clade_json_put_int(json, "memory_bytes", (int64_t)w->memory_bytes);
    clade_json_put_int(json, "ranks", clade_dist_ranks());
    clade_json_put_int(json, "epochs", (int64_t)w->report.n_epochs);
    clade_json_put_int(json, "best_epoch", (int64_t)w->report.best_epoch);
    clade_json_put_bool(json, "resumed", w->report.resumed);
    clade_json_put_number(json, "loss", w->report.loss);
    clade_json_put_number(json, "tokens_per_s", w->report.tokens_per_s);
    clade_json_put_number(json, "seconds", w->report.seconds);
    fit_verdict_write(json, v);
    clade_json_put_text(json, "bundle", path);
    clade_json_put_int(json, "bundle_bytes", bytes);
}

static clade_status keep(fit_work *w, clade_error *err)
{
    command *const c = w->c;
    fit_verdict    verdict;
    char           path[4096], size[32];
    struct stat    about = { 0 };
    CLADE_TRY(fit_verdict_make(&verdict, c, &w->data, w->model, err));
    const clade_shop_behaviour_card card = card_of(w, &verdict);
    CLADE_TRY(clade_shop_behaviour_save(c->store, w->model, w->data.vocabulary, &card, err));
    CLADE_TRY(judge_as_kept(&verdict, w, err));
    CLADE_TRY(note_run(w, &verdict, err));
    (void)unlink(w->checkpoint);
    CLADE_TRY(
        clade_store_path(path, sizeof path, c->store, "models/behaviour/weights.safetensors", err));
    (void)stat(path, &about);
    command_size_format(size, (int64_t)about.st_size);
    command_print(c,
                  COMMAND_SAY(c, "Learnt from %zu events of %zu customers, %zu epochs%s: %s, %s\n",
                              "学习 %zu 条事件（%zu 位客户），%zu 轮%s：%s，%s\n"),
                  w->data.train->n_events, w->data.train->n_customers, w->report.n_epochs,
                  w->report.resumed ? COMMAND_SAY(c, ", gone on from a checkpoint", "，接续检查点")
                                    : "",
                  path, size);
    fit_verdict_print(c, &verdict);
    write_answer(w, &verdict, path, (int64_t)about.st_size);
    command_next(c, "recommend %s CUSTOMER", c->arg[0]);
    return CLADE_OK;
}

static clade_status fit_run(command *c, clade_error *err)
{
    fit_work     w      = { .c = c, .says = isatty(STDERR_FILENO) != 0 && !c->quiet };
    clade_status status = CLADE_OK;
    CLADE_TRY(read_options(&w.options, c, err));
    CLADE_TRY(clade_dist_start(err));
    if (clade_dist_rank() > 0) {
        c->json  = false;
        c->quiet = true;
        clade_log_set(CLADE_LOG_WARN);
    } else {
        status = prepare(&w, err);
    }
    status = fit_data_share(&w.data, c, status, err);
    if (status == CLADE_OK) status = make_model(&w, err);
    if (status == CLADE_OK) {
        plan_training(&w);
        status = check_memory(&w, err);
    }
    if (status == CLADE_OK) status = learn(&w, err);
    if (status == CLADE_OK && clade_dist_rank() == 0) status = keep(&w, err);
    clade_run_free(w.run);
    clade_behaviour_free(w.model);
    fit_data_free(&w.data);
    return status;
}

static const command_option options[] = {
    { "size",
      0,
      "SIZE",
      { "small (default), base or large", "模型大小：small（默认）、base、large" } },
    { "epochs",
      0,
      "N",
      { "times over the log at most; else by its size", "最多训练轮数；默认按日志大小" } },
    { "budget", 0, "TIME", { "time for learning, as 30m", "训练时间上限，如 30m" } },
    { "mixer",
      0,
      "KIND",
      { "how events see those before them: decay (default), attention, pointwise",
        "事件之间的混合方式：decay（默认）、attention、pointwise" } },
    { "precision",
      0,
      "KIND",
      { "of the bundle: float (default), half or int8", "模型包精度：float（默认）、half、int8" } },
    { "contrast-weight",
      0,
      "X",
      { "weight of telling a customer's next 28 days from those of others (0)",
        "区分客户与他人未来 28 天目标的权重（默认 0）" } },
    { "fresh",
      0,
      NULL,
      { "leave the checkpoint of a stopped fit aside", "不接续上次中断的训练，重新开始" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_fit = {
    .name         = "fit",
    .usage        = "fit WORKSPACE behaviour",
    .summary      = { "learn the behaviour model from the shop's own log",
                      "从店铺自己的日志学习行为模型" },
    .examples     = "fit my.clade behaviour\n"
                    "fit my.clade behaviour --size base --budget 30m\n"
                    "fit my.clade behaviour --precision int8 --as-of 2011-09-10",
    .options      = options,
    .min_args     = 2,
    .max_args     = 2,
    .in_workspace = true,
    .run          = fit_run,
};
