/* A table judged: folds are cut, each is a task that knows its own training rows alone, and what
 * they told is measured at the end. */
#include "clade/table.h"

#include "clade/calibrate.h"
#include "clade/decisions.h"
#include "clade/run.h"
#include "clade/text.h"
#include "clade/time.h"
#include "table_internal.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_OF_CLASS = 8, LINEAR_STEPS = 4, BLEND_STEPS = 10, ECE_BINS = 10 };

static const double leak_auc = 0.985;

static const char *const model_name[CLADE_N_TABLE_MODEL] = { "base", "rule", "linear", "trees",
                                                             "blend" };

const char *clade_table_model_name(clade_table_model model)
{
    return model_name[model];
}

clade_status clade_table_model_parse(clade_table_model *out, const char *name, clade_error *err)
{
    for (int m = 0; m < CLADE_N_TABLE_MODEL; m++) {
        if (strcmp(name, model_name[m]) != 0) continue;
        *out = (clade_table_model)m;
        return CLADE_OK;
    }
    const char *const near = clade_text_nearest(name, model_name, CLADE_N_TABLE_MODEL);
    (void)clade_fail(err, CLADE_ERR_ARG, "there is no model '%s'", name);
    clade_hint(err,
               near == NULL ? "base, rule, linear, trees and blend are there" : "did you mean %s?",
               near);
    return CLADE_ERR_ARG;
}

/* What one fold told. */
typedef struct answer {
    double threshold[CLADE_N_TABLE_MODEL];
    double seconds[CLADE_N_TABLE_MODEL];
    double net_weight, trees_weight, depth, n_rounds;
} answer;

typedef struct judging {
    const clade_table *table;
    size_t             n_folds, n_repeats;
    uint64_t           seed;
    bool               wanted[CLADE_N_TABLE_MODEL];
    uint8_t           *fold;   /* (n_repeats, n_rows) */
    double            *chance; /* (models, n_repeats, n_rows) */
    uint8_t           *taken;  /* the same: at or above the fold's threshold */
    answer            *answer; /* (n_repeats, n_folds) */
    uint8_t           *leak;   /* (n_repeats * n_folds, table's columns) */
    clade_status      *status; /* (n_repeats * n_folds) */
    clade_error       *error;
    _Atomic size_t     n_done;
} judging;

static clade_status no_memory(clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge a table");
}

/* ---------------------------------------------------------------- folds */

/* Folds of rows (n), each class dealt out in a random order. */
static clade_status deal(uint8_t *out, const uint8_t *label, size_t n, size_t n_folds,
                         uint64_t seed, uint64_t stream, clade_error *err)
{
    clade_rng       rng   = clade_rng_stream(seed, "table/folds", stream);
    uint32_t *const order = CLADE_NEW(uint32_t, n);
    size_t          dealt = 0;
    if (order == NULL) return no_memory(err);
    clade_rng_permute(order, n, &rng);
    for (uint8_t class = 0; class < 2; class ++) {
        for (size_t i = 0; i < n; i++) {
            if (label[order[i]] == class) out[order[i]] = (uint8_t)(dealt++ % n_folds);
        }
    }
    free(order);
    return CLADE_OK;
}

static void part_free(clade__part *part)
{
    clade__encoder_free(&part->encoder);
    free(part->at);
    free(part->asked_at);
    free(part->x);
    free(part->asked);
    free(part->label);
    free(part->monotone);
}

static clade_status set_monotone(clade__part *part, const clade_table *t, clade_error *err)
{
    bool any = false;
    for (size_t j = 0; j < t->n_columns; j++)
        any = any || t->column[j].monotone != 0;
    if (!any) return CLADE_OK;
    part->monotone = CLADE_NEW(int8_t, part->encoder.p);
    if (part->monotone == NULL) return no_memory(err);
    for (size_t k = 0; k < part->encoder.p; k++) {
        const clade_table_column *const c = &t->column[part->encoder.column[k].source];
        part->monotone[k] = c->kind == CLADE_TABLE_CATEGORY ? (int8_t)0 : c->monotone;
    }
    return CLADE_OK;
}

/* Learn from row[at], ask row[asked_at]; the lists of places become the part's. */
static clade_status part_make(clade__part *part, const clade_table *t, const uint32_t *row,
                              const uint32_t *asked_row, uint64_t seed, uint64_t stream,
                              clade_error *err)
{
    part->label = CLADE_NEW(uint8_t, part->n);
    if (part->label == NULL) return no_memory(err);
    for (size_t i = 0; i < part->n; i++)
        part->label[i] = t->label[row[i]];
    CLADE_TRY(clade__encoder_fit(&part->encoder, &part->x, t, row, part->n, seed, stream, err));
    CLADE_TRY(clade__encoder_apply(&part->asked, &part->encoder, asked_row, part->n_asked, err));
    return set_monotone(part, t, err);
}

static void fold_free(clade__fold *fold)
{
    for (size_t f = 0; f < CLADE__INNER_FOLDS; f++)
        part_free(&fold->inner[f]);
    part_free(&fold->whole);
    free(fold->label);
}

/* An inner part: the training rows but those of inner fold f. */
static clade_status make_inner(clade__part *part, const clade_table *t, const uint32_t *row,
                               const uint8_t *inner, size_t n, uint8_t f, uint64_t seed,
                               uint64_t stream, clade_error *err)
{
    uint32_t *const learnt = CLADE_NEW(uint32_t, n);
    uint32_t *const asked  = CLADE_NEW(uint32_t, n);
    clade_status    status = CLADE_OK;
    part->at               = CLADE_NEW(uint32_t, n);
    part->asked_at         = CLADE_NEW(uint32_t, n);
    if (learnt == NULL || asked == NULL || part->at == NULL || part->asked_at == NULL) {
        status = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (inner[i] == f) {
            asked[part->n_asked]            = row[i];
            part->asked_at[part->n_asked++] = (uint32_t)i;
        } else {
            learnt[part->n]     = row[i];
            part->at[part->n++] = (uint32_t)i;
        }
    }
    status = part_make(part, t, learnt, asked, seed, stream, err);
done:
    free(learnt);
    free(asked);
    return status;
}

/* The fold of training rows row (n) and test rows. */
static clade_status fold_make(clade__fold *fold, const clade_table *t, const uint32_t *row,
                              const uint32_t *test, uint64_t seed, uint64_t task, clade_error *err)
{
    clade_status   status = CLADE_OK;
    uint8_t *const inner  = CLADE_NEW(uint8_t, fold->n);
    fold->label           = CLADE_NEW(uint8_t, fold->n);
    fold->seed            = seed * 7919 + task * 104729;
    if (inner == NULL || fold->label == NULL) {
        free(inner);
        return no_memory(err);
    }
    for (size_t i = 0; i < fold->n; i++)
        fold->label[i] = t->label[row[i]];
    status = deal(inner, fold->label, fold->n, CLADE__INNER_FOLDS, seed, 1000 + task, err);
    for (uint8_t f = 0; f < CLADE__INNER_FOLDS && status == CLADE_OK; f++) {
        status = make_inner(&fold->inner[f], t, row, inner, fold->n, f, seed,
                            task * (CLADE__INNER_FOLDS + 1) + f + 1, err);
    }
    fold->whole.n       = fold->n;
    fold->whole.n_asked = fold->n_test;
    if (status == CLADE_OK) {
        status = part_make(&fold->whole, t, row, test, seed, task * (CLADE__INNER_FOLDS + 1), err);
    }
    free(inner);
    return status;
}

/* ---------------------------------------------------------------- one fold, told */

typedef struct telling {
    judging        *j;
    clade__fold     fold;
    const uint32_t *test;
    size_t          repeat;
    answer         *answer;
    clade__member   rule, additive, net, linear, trees, blend;
} telling;

static clade_status member_make(clade__member *m, const clade__fold *fold, clade_error *err)
{
    m->inner = CLADE_NEW(double, fold->n);
    m->test  = CLADE_NEW(double, fold->n_test);
    return m->inner == NULL || m->test == NULL ? no_memory(err) : CLADE_OK;
}

static void mix_into(double *out, const double *a, const double *b, double weight_b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (1.0 - weight_b) * a[i] + weight_b * b[i];
}

/* The average of two members' logits that tells the inner folds best; of equals the least b. */
static double mix(clade__member *out, const clade__member *a, const clade__member *b, int n_steps,
                  const clade__fold *fold)
{
    double best = 0.0, least = HUGE_VAL;
    for (int s = 0; s <= n_steps; s++) {
        const double weight = (double)s / n_steps;
        mix_into(out->inner, a->inner, b->inner, weight, fold->n);
        const double loss = clade__logit_loss(out->inner, fold->label, fold->n);
        if (loss >= least) continue;
        least = loss;
        best  = weight;
    }
    mix_into(out->inner, a->inner, b->inner, best, fold->n);
    mix_into(out->test, a->test, b->test, best, fold->n_test);
    return best;
}

/* Calibrated chances of the test rows, and the threshold, by what was told out of inner folds. */
static clade_status deliver(telling *t, clade_table_model model, const clade__member *m,
                            clade_error *err)
{
    const size_t    n_rows = t->j->table->n_rows;
    const size_t    at     = ((size_t)model * t->j->n_repeats + t->repeat) * n_rows;
    clade_platt     platt;
    clade_decisions best;
    clade_status    status = CLADE_OK;
    double *const   inner  = CLADE_NEW(double, t->fold.n);
    double *const   test   = CLADE_NEW(double, t->fold.n_test);
    if (inner == NULL || test == NULL) {
        status = no_memory(err);
        goto done;
    }
    status = clade_platt_fit(&platt, m->inner, t->fold.label, t->fold.n, err);
    if (status != CLADE_OK) goto done;
    clade_platt_apply(inner, &platt, m->inner, t->fold.n);
    clade_platt_apply(test, &platt, m->test, t->fold.n_test);
    status = clade_decide_best_f1(&best, inner, t->fold.label, t->fold.n, err);
    if (status != CLADE_OK) goto done;
    t->answer->threshold[model] = best.threshold;
    for (size_t i = 0; i < t->fold.n_test; i++) {
        t->j->chance[at + t->test[i]] = test[i];
        t->j->taken[at + t->test[i]]  = test[i] >= best.threshold;
    }
done:
    free(inner);
    free(test);
    return status;
}

static void deliver_base(telling *t)
{
    const size_t n_rows = t->j->table->n_rows;
    const size_t at     = ((size_t)CLADE_TABLE_BASE * t->j->n_repeats + t->repeat) * n_rows;
    double       yes    = 0.0;
    for (size_t i = 0; i < t->fold.n; i++)
        yes += t->fold.label[i];
    for (size_t i = 0; i < t->fold.n_test; i++) {
        t->j->chance[at + t->test[i]] = yes / (double)t->fold.n;
        t->j->taken[at + t->test[i]]  = 1; /* of taking all and taking nobody the better F1 */
    }
}

/* Columns that alone tell the label of the training rows. */
static clade_status find_leaks(telling *t, uint8_t *out_leak, clade_error *err)
{
    const clade__part *const part   = &t->fold.whole;
    double *const            score  = CLADE_NEW(double, part->n);
    clade_status             status = score == NULL ? no_memory(err) : CLADE_OK;
    for (size_t k = 0; k < part->encoder.p && status == CLADE_OK; k++) {
        double auc = 0.5;
        for (size_t i = 0; i < part->n; i++) {
            const float value = part->x[i * part->encoder.p + k];
            score[i]          = isnan(value) ? -1e300 : (double)value; /* absence may tell */
        }
        status = clade_auc(&auc, score, part->label, part->n, err);
        if (fmax(auc, 1.0 - auc) > leak_auc) out_leak[part->encoder.column[k].source] = 1;
    }
    free(score);
    return status;
}

static clade_status tell_linear(telling *t, clade_error *err)
{
    CLADE_TRY(member_make(&t->additive, &t->fold, err));
    CLADE_TRY(member_make(&t->net, &t->fold, err));
    CLADE_TRY(member_make(&t->linear, &t->fold, err));
    CLADE_TRY(clade__member_additive(&t->additive, &t->fold, err));
    CLADE_TRY(clade__member_net(&t->net, &t->fold, err));
    t->answer->net_weight = mix(&t->linear, &t->additive, &t->net, LINEAR_STEPS, &t->fold);
    return deliver(t, CLADE_TABLE_LINEAR, &t->linear, err);
}

static clade_status tell_trees(telling *t, clade_error *err)
{
    CLADE_TRY(member_make(&t->trees, &t->fold, err));
    CLADE_TRY(
        clade__member_trees(&t->trees, &t->answer->depth, &t->answer->n_rounds, &t->fold, err));
    return deliver(t, CLADE_TABLE_TREES, &t->trees, err);
}

static clade_status tell_blend(telling *t, clade_error *err)
{
    CLADE_TRY(member_make(&t->blend, &t->fold, err));
    t->answer->trees_weight = mix(&t->blend, &t->linear, &t->trees, BLEND_STEPS, &t->fold);
    return deliver(t, CLADE_TABLE_BLEND, &t->blend, err);
}

static clade_status tell_rule(telling *t, clade_error *err)
{
    CLADE_TRY(member_make(&t->rule, &t->fold, err));
    CLADE_TRY(clade__member_rule(&t->rule, &t->fold, err));
    return deliver(t, CLADE_TABLE_RULE, &t->rule, err);
}

static clade_status tell_models(telling *t, clade_error *err)
{
    static clade_status (*const tell[CLADE_N_TABLE_MODEL])(
        telling *, clade_error *) = { [CLADE_TABLE_RULE]   = tell_rule,
                                      [CLADE_TABLE_LINEAR] = tell_linear,
                                      [CLADE_TABLE_TREES]  = tell_trees,
                                      [CLADE_TABLE_BLEND]  = tell_blend };
    deliver_base(t);
    for (int m = CLADE_TABLE_RULE; m < CLADE_N_TABLE_MODEL; m++) {
        const double from = clade_seconds();
        if (!t->j->wanted[m]) continue;
        CLADE_TRY(clade_interrupt_check(err));
        CLADE_TRY(tell[m](t, err));
        t->answer->seconds[m] = clade_seconds() - from;
    }
    t->answer->seconds[CLADE_TABLE_BLEND] +=
        t->answer->seconds[CLADE_TABLE_LINEAR] + t->answer->seconds[CLADE_TABLE_TREES];
    return CLADE_OK;
}

static void tell_fold(size_t task, int worker, void *context)
{
    judging *const           j      = context;
    const clade_table *const t      = j->table;
    const size_t             repeat = task / j->n_folds;
    const uint8_t *const     fold   = j->fold + repeat * t->n_rows;
    clade_error *const       err    = &j->error[task];
    telling                  now    = { .j = j, .repeat = repeat, .answer = &j->answer[task] };
    uint32_t *const          row    = CLADE_NEW(uint32_t, t->n_rows);
    uint32_t *const          test   = CLADE_NEW(uint32_t, t->n_rows);
    clade_status             status = row == NULL || test == NULL ? no_memory(err) : CLADE_OK;
    (void)worker;
    for (size_t i = 0; i < t->n_rows && status == CLADE_OK; i++) {
        if (fold[i] == task % j->n_folds) {
            test[now.fold.n_test++] = (uint32_t)i;
        } else {
            row[now.fold.n++] = (uint32_t)i;
        }
    }
    now.test = test;
    if (status == CLADE_OK) status = fold_make(&now.fold, t, row, test, j->seed, task, err);
    if (status == CLADE_OK) status = find_leaks(&now, j->leak + task * t->n_columns, err);
    if (status == CLADE_OK) status = tell_models(&now, err);
    clade__member *const all[] = { &now.rule,   &now.additive, &now.net,
                                   &now.linear, &now.trees,    &now.blend };
    for (size_t m = 0; m < sizeof all / sizeof all[0]; m++) {
        free(all[m]->inner);
        free(all[m]->test);
    }
    fold_free(&now.fold);
    free(row);
    free(test);
    j->status[task] = status;
    clade_progress_update((double)++j->n_done);
}

/* ---------------------------------------------------------------- what it was worth */

/* Metrics of n rows; chance, taken and label side by side. */
static clade_status measure(double out[CLADE_N_TABLE_METRIC], const double *chance,
                            const uint8_t *taken, const uint8_t *label, size_t n, double *value,
                            clade_error *err)
{
    double hit = 0.0, all = 0.0, yes = 0.0, share = 0.0;
    for (size_t i = 0; i < n; i++) {
        hit += taken[i] && label[i];
        all += taken[i];
        yes += label[i];
        value[i] = label[i];
    }
    CLADE_TRY(clade_auc(&out[CLADE_TABLE_AUC], chance, label, n, err));
    CLADE_TRY(clade_average_precision(&out[CLADE_TABLE_AP], chance, label, n, err));
    out[CLADE_TABLE_LOG_LOSS] = clade_log_loss(chance, label, n);
    out[CLADE_TABLE_BRIER]    = clade_brier(chance, label, n);
    CLADE_TRY(
        clade_calibration_error(&out[CLADE_TABLE_ECE], NULL, chance, label, n, ECE_BINS, err));
    out[CLADE_TABLE_F1] = all + yes > 0.0 ? 2.0 * hit / (all + yes) : (double)NAN;
    CLADE_TRY(clade_top_capture(&share, chance, value, n, 0.1, err));
    out[CLADE_TABLE_LIFT] = share / 0.1;
    return CLADE_OK;
}

enum { TASKS_MAX = CLADE_TABLE_FOLDS_MAX * CLADE_TABLE_REPEATS_MAX };

/* Of a model: the metrics of every fold, and the means of those of whole repeats. */
typedef struct measured {
    double fold[CLADE_N_TABLE_METRIC][TASKS_MAX];
    double pooled[CLADE_N_TABLE_METRIC];
} measured;

static clade_status measure_model(measured *out, const judging *j, clade_table_model model,
                                  clade_error *err)
{
    const size_t  n      = j->table->n_rows;
    clade_status  status = CLADE_OK;
    double *const chance = CLADE_NEW(double, n), *const value = CLADE_NEW(double, n);
    uint8_t *const taken = CLADE_NEW(uint8_t, n), *const label = CLADE_NEW(uint8_t, n);
    double one[CLADE_N_TABLE_METRIC];
    memset(out->pooled, 0, sizeof out->pooled);
    if (chance == NULL || value == NULL || taken == NULL || label == NULL) status = no_memory(err);
    for (size_t r = 0; r < j->n_repeats && status == CLADE_OK; r++) {
        const size_t at = ((size_t)model * j->n_repeats + r) * n;
        status = measure(one, j->chance + at, j->taken + at, j->table->label, n, value, err);
        for (int m = 0; m < CLADE_N_TABLE_METRIC && status == CLADE_OK; m++)
            out->pooled[m] += one[m] / (double)j->n_repeats;
        for (size_t f = 0; f < j->n_folds && status == CLADE_OK; f++) {
            size_t k = 0;
            for (size_t i = 0; i < n; i++) {
                if (j->fold[r * n + i] != f) continue;
                chance[k]  = j->chance[at + i];
                taken[k]   = j->taken[at + i];
                label[k++] = j->table->label[i];
            }
            status = measure(one, chance, taken, label, k, value, err);
            for (int m = 0; m < CLADE_N_TABLE_METRIC && status == CLADE_OK; m++)
                out->fold[m][r * j->n_folds + f] = one[m];
        }
    }
    free(chance);
    free(value);
    free(taken);
    free(label);
    return status;
}

/* The pooled value with the reach that folds tell. */
static clade_interval around(double value, const double *fold, const judging *j)
{
    const clade_interval one = clade_repeated_fold_interval(fold, j->n_folds, j->n_repeats, 0.95);
    return (clade_interval){ value, value + (one.low - one.value), value + (one.high - one.value) };
}

static void set_gain(clade_table_judgement *out, const measured *linear, const measured *blend,
                     const judging *j)
{
    double gain[TASKS_MAX];
    for (int m = 0; m < CLADE_N_TABLE_METRIC; m++) {
        for (size_t f = 0; f < j->n_folds * j->n_repeats; f++)
            gain[f] = blend->fold[m][f] - linear->fold[m][f];
        out->gain[m] = around(blend->pooled[m] - linear->pooled[m], gain, j);
    }
}

static void set_means(clade_table_judgement *out, const judging *j)
{
    const size_t n_tasks = j->n_folds * j->n_repeats;
    for (size_t t = 0; t < n_tasks; t++) {
        const answer *const a = &j->answer[t];
        for (int m = 0; m < CLADE_N_TABLE_MODEL; m++)
            out->seconds[m] += a->seconds[m];
        out->net_weight += a->net_weight / (double)n_tasks;
        out->trees_weight += a->trees_weight / (double)n_tasks;
        out->depth += a->depth / (double)n_tasks;
        out->n_rounds += a->n_rounds / (double)n_tasks;
    }
    for (size_t c = 0; c < j->table->n_columns && out->n_leaks < CLADE_TABLE_LEAKS_MAX; c++) {
        bool found = false;
        for (size_t t = 0; t < n_tasks; t++)
            found = found || j->leak[t * j->table->n_columns + c];
        if (found) out->leak[out->n_leaks++] = c;
    }
}

static clade_status summarise(clade_table_judgement *out, const judging *j, clade_error *err)
{
    measured *const all    = CLADE_NEW(measured, CLADE_N_TABLE_MODEL);
    clade_status    status = all == NULL ? no_memory(err) : CLADE_OK;
    *out = (clade_table_judgement){ .n_folds = j->n_folds, .n_repeats = j->n_repeats };
    for (int m = 0; m < CLADE_N_TABLE_METRIC; m++)
        out->gain[m] = (clade_interval){ (double)NAN, (double)NAN, (double)NAN };
    for (int model = 0; model < CLADE_N_TABLE_MODEL && status == CLADE_OK; model++) {
        out->judged[model] = j->wanted[model];
        if (!j->wanted[model]) continue;
        status = measure_model(&all[model], j, (clade_table_model)model, err);
        for (int m = 0; m < CLADE_N_TABLE_METRIC && status == CLADE_OK; m++)
            out->metric[model][m] = around(all[model].pooled[m], all[model].fold[m], j);
    }
    if (status == CLADE_OK && j->wanted[CLADE_TABLE_BLEND])
        set_gain(out, &all[CLADE_TABLE_LINEAR], &all[CLADE_TABLE_BLEND], j);
    if (status == CLADE_OK) set_means(out, j);
    free(all);
    return status;
}

/* ---------------------------------------------------------------- the whole */

static clade_status check(const judging *j, clade_error *err)
{
    const clade_table *const t     = j->table;
    const size_t             least = LEAST_OF_CLASS * j->n_folds;
    const size_t             rarer =
        t->n_positive < t->n_rows - t->n_positive ? t->n_positive : t->n_rows - t->n_positive;
    if (j->n_folds < 2 || j->n_folds > CLADE_TABLE_FOLDS_MAX ||
        j->n_repeats > CLADE_TABLE_REPEATS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "%zu folds, %zu repeats: wanted 2 to %d, and at most %d", j->n_folds,
                          j->n_repeats, CLADE_TABLE_FOLDS_MAX, CLADE_TABLE_REPEATS_MAX);
    }
    if (rarer >= least) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_DATA,
                      "%s has %zu rows of its rarer value: wanted %zu for %zu folds", t->target,
                      rarer, least, j->n_folds);
}

static void choose_models(judging *j, const clade_table_judge_options *o)
{
    bool any = false;
    for (int m = 0; m < CLADE_N_TABLE_MODEL; m++)
        any = any || o->model[m];
    for (int m = 0; m < CLADE_N_TABLE_MODEL; m++)
        j->wanted[m] = !any || o->model[m] || m == CLADE_TABLE_BASE;
    if (!j->wanted[CLADE_TABLE_BLEND]) return;
    j->wanted[CLADE_TABLE_LINEAR] = j->wanted[CLADE_TABLE_TREES] = true; /* its parts */
}

static clade_status make_room(judging *j, clade_error *err)
{
    const size_t n = j->table->n_rows, n_tasks = j->n_folds * j->n_repeats;
    j->fold   = CLADE_NEW(uint8_t, j->n_repeats * n);
    j->chance = CLADE_NEW(double, CLADE_N_TABLE_MODEL * j->n_repeats * n);
    j->taken  = CLADE_NEW(uint8_t, CLADE_N_TABLE_MODEL * j->n_repeats * n);
    j->answer = CLADE_NEW(answer, n_tasks);
    j->leak   = CLADE_NEW(uint8_t, n_tasks * (j->table->n_columns + 1));
    j->status = CLADE_NEW(clade_status, n_tasks);
    j->error  = CLADE_NEW(clade_error, n_tasks);
    if (j->fold == NULL || j->chance == NULL || j->taken == NULL || j->answer == NULL ||
        j->leak == NULL || j->status == NULL || j->error == NULL)
        return no_memory(err);
    for (size_t r = 0; r < j->n_repeats; r++)
        CLADE_TRY(deal(j->fold + r * n, j->table->label, n, j->n_folds, j->seed, r, err));
    return CLADE_OK;
}

static clade_status run(clade_table_judgement *out, judging *j, bool progress, clade_error *err)
{
    const size_t n_tasks = j->n_folds * j->n_repeats;
    CLADE_TRY(make_room(j, err));
    if (progress) clade_progress_begin(j->table->target, (double)n_tasks, "folds");
    clade_parallel(n_tasks, tell_fold, j);
    if (progress) clade_progress_end();
    for (size_t t = 0; t < n_tasks; t++) {
        if (j->status[t] == CLADE_OK) continue;
        if (err != NULL) *err = j->error[t];
        return j->status[t];
    }
    return summarise(out, j, err);
}

clade_status clade_table_judge(clade_table_judgement *out, const clade_table *table,
                               const clade_table_judge_options *options, clade_error *err)
{
    const clade_table_judge_options o =
        options == NULL ? (clade_table_judge_options){ 0 } : *options;
    judging j = { .table     = table,
                  .n_folds   = o.n_folds == 0 ? 5 : o.n_folds,
                  .n_repeats = o.n_repeats == 0 ? 5 : o.n_repeats,
                  .seed      = o.seed };
    choose_models(&j, &o);
    clade_status status = check(&j, err);
    if (status == CLADE_OK) status = run(out, &j, o.progress, err);
    free(j.fold);
    free(j.chance);
    free(j.taken);
    free(j.answer);
    free(j.leak);
    free(j.status);
    free(j.error);
    return status;
}
