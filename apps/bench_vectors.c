/* clade bench vectors: what the customer vectors of a shop's behaviour bundle tell of the weeks
 * after a moment, beside counts and features. The bundle must not have seen those weeks. */
#include "bench.h"

#include "clade/shop_behaviour.h"
#include "clade/time.h"
#include "clade/vectors.h"

#include <math.h>

/* Labels look so far ahead; heads are judged so far behind what they were fitted on. */
enum { LABEL_DAYS = 28 };
static const int64_t LABEL_US = LABEL_DAYS * CLADE_US_PER_DAY;

typedef struct vectors_work {
    command                *c;
    clade_store            *store;
    clade_shop_behaviour   *behaviour;
    int64_t                 as_of_us, later_us, end_us;
    bool                    profiles;
    clade_vectors          *vectors, *later; /* later NULL: the log is too short behind as_of */
    clade_vector_judgement *judgement;
} vectors_work;

/* A moment for a reader: midnight is a date. */
static void moment_format(char out[40], int64_t moment_us)
{
    if (moment_us % CLADE_US_PER_DAY == 0) {
        clade_date_format(out, moment_us);
    } else {
        clade_time_format(out, moment_us);
    }
}

/* ---------------------------------------------------------------- may it be asked? */

/* The labels are known, and nothing of them was read by the fit. */
static clade_status check_moment(const vectors_work *w, clade_error *err)
{
    const int64_t fitted_us = w->behaviour->card.as_of_us;
    char          fitted[40], from[40], end[40], earlier[40];
    moment_format(fitted, fitted_us);
    moment_format(from, w->as_of_us);
    moment_format(end, w->end_us);
    if (fitted_us > w->as_of_us) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY,
                         "the bundle was fitted as of %s, and has seen what customers did from %s "
                         "on, which it would be asked",
                         fitted, from);
        clade_hint(err, "%s fit %s behaviour --as-of %s", w->c->program, w->c->arg[0], from);
        return CLADE_ERR_NOT_READY;
    }
    if (w->as_of_us + LABEL_US > w->end_us) {
        moment_format(earlier, w->end_us - 2 * LABEL_US);
        (void)clade_fail(err, CLADE_ERR_NOT_READY,
                         "what customers do in the %d days from %s is not known yet: the log ends "
                         "before %s",
                         LABEL_DAYS, from, end);
        if (w->c->has_as_of && fitted_us <= w->end_us - 2 * LABEL_US) {
            clade_hint(err, "%s bench vectors %s --as-of %s", w->c->program, w->c->arg[0], earlier);
        } else {
            clade_hint(err, "%s fit %s behaviour --as-of %s", w->c->program, w->c->arg[0], earlier);
        }
        return CLADE_ERR_NOT_READY;
    }
    return CLADE_OK;
}

static clade_status read_vectors(clade_vectors **out, const vectors_work *w, int64_t as_of_us,
                                 clade_error *err)
{
    return w->profiles ? clade_shop_profiles(out, w->store, w->behaviour, as_of_us, NULL, 0, err)
                       : clade_shop_vectors(out, w->store, w->behaviour, as_of_us, NULL, 0, err);
}

/* Heads are fitted at one moment and judged at the next where the log reaches that far. */
static clade_status judge(vectors_work *w, clade_error *err)
{
    clade_vector_judge_options options = { .seed = w->c->seed };
    int64_t                    top     = 0;
    CLADE_TRY(command_int(&top, w->c, "top", CLADE_VECTOR_TOP, 1, CLADE_VECTOR_TOP_MAX, err));
    options.top = (size_t)top;
    CLADE_TRY(clade_shop_behaviour_open(&w->behaviour, w->store, err));
    CLADE_TRY(clade_shop_now(&w->end_us, w->store, err));
    w->as_of_us = w->c->has_as_of ? w->c->as_of_us : w->behaviour->card.as_of_us;
    w->later_us = w->as_of_us + LABEL_US;
    CLADE_TRY(check_moment(w, err));
    CLADE_TRY(read_vectors(&w->vectors, w, w->as_of_us, err));
    if (w->later_us + LABEL_US <= w->end_us)
        CLADE_TRY(read_vectors(&w->later, w, w->later_us, err));
    return clade_judge_vectors(&w->judgement, w->store, w->vectors, w->later, &options, err);
}

/* ---------------------------------------------------------------- what is said */

static void print_facts(const vectors_work *w)
{
    const command *const                c    = w->c;
    const clade_vector_judgement *const j    = w->judgement;
    const char *const                   name = w->profiles ? "profiles" : "vectors";
    char                                from[40], later[40], fitted[40];
    moment_format(from, w->as_of_us);
    moment_format(later, w->later_us);
    moment_format(fitted, w->behaviour->card.as_of_us);
    command_heading(c,
                    COMMAND_SAY(c, "What customer vectors tell of the weeks from %s",
                                "客户向量对 %s 起数周的预测能力"),
                    j->by_folds ? from : later);
    command_print(c,
                  COMMAND_SAY(c, "bundle of run %lld, %s, fitted as of %s; %s of %zu numbers\n",
                              "模型包：第 %lld 次运行，%s，拟合截至 %s；%s 共 %zu 维\n"),
                  (long long)w->behaviour->card.run, w->behaviour->card.size, fitted, name,
                  w->vectors->d);
    if (j->by_folds) {
        command_print(c,
                      COMMAND_SAY(c, "%zu customers judged in five folds at one moment\n",
                                  "在同一时刻对 %zu 位客户做五折检验\n"),
                      j->n_judged);
    } else {
        command_print(c,
                      COMMAND_SAY(c, "heads fitted on %zu customers as of %s, judged on %zu\n",
                                  "预测头用 %zu 位客户（截至 %s）拟合，在 %zu 位客户上检验\n"),
                      j->n_fitted, from, j->n_judged);
    }
}

static void figure_cell(command_table *t, bool sign, double value)
{
    if (isnan(value)) {
        command_cell(t, "-");
    } else if (sign) {
        command_cell(t, "%+.3f", value);
    } else {
        command_cell(t, "%.3f", value);
    }
}

static void range_cell(command_table *t, bool sign, const clade_interval *one)
{
    if (isnan(one->low)) {
        command_cell(t, "-");
    } else if (sign) {
        command_cell(t, "%+.3f to %+.3f", one->low, one->high);
    } else {
        command_cell(t, "%.3f-%.3f", one->low, one->high);
    }
}

static void print_tasks(const vectors_work *w)
{
    command *const                      c = w->c;
    const clade_vector_judgement *const j = w->judgement;
    command_table *const                t = command_table_start(
                       c, "llrrrrlrrrrl", COMMAND_SAY(c, "task", "任务"), COMMAND_SAY(c, "of", "对象"),
                       COMMAND_SAY(c, "days", "天数"), COMMAND_SAY(c, "asked", "人数"),
                       COMMAND_SAY(c, "yes", "其中是"), COMMAND_SAY(c, "vectors", "向量"), "95 %",
                       COMMAND_SAY(c, "counts", "计数"), COMMAND_SAY(c, "features", "特征"),
                       COMMAND_SAY(c, "joined", "合并"), COMMAND_SAY(c, "gain", "增益"), "95 %");
    for (size_t i = 0; i < j->tasks->n; i++) {
        const clade_vector_task *const  task  = &j->tasks->task[i];
        const clade_vector_score *const score = &j->score[i];
        command_cell(t, "%s", clade_vector_task_kind_name(task->kind));
        command_cell(t, "%s", task->name);
        command_cell(t, "%d", task->window_days);
        command_cell(t, "%zu", score->n);
        command_cell(t, "%zu", score->n_positive);
        figure_cell(t, false, score->auc[CLADE_VIEW_VECTORS].value);
        range_cell(t, false, &score->auc[CLADE_VIEW_VECTORS]);
        figure_cell(t, false, score->auc[CLADE_VIEW_COUNTS].value);
        figure_cell(t, false, score->auc[CLADE_VIEW_FEATURES].value);
        figure_cell(t, false, score->auc[CLADE_VIEW_JOINED].value);
        figure_cell(t, true, score->gain.value);
        range_cell(t, true, &score->gain);
    }
    command_table_end(t);
}

static void print_means(const vectors_work *w)
{
    command *const                      c = w->c;
    const clade_vector_judgement *const j = w->judgement;
    command_heading(c, "%s", COMMAND_SAY(c, "Mean AUC", "平均 AUC"));
    command_table *const t =
        command_table_start(c, "lrrrr", COMMAND_SAY(c, "task", "任务"),
                            COMMAND_SAY(c, "vectors", "向量"), COMMAND_SAY(c, "counts", "计数"),
                            COMMAND_SAY(c, "features", "特征"), COMMAND_SAY(c, "joined", "合并"));
    for (int kind = 0; kind < CLADE_N_VECTOR_TASK_KIND; kind++) {
        command_cell(t, "%s", clade_vector_task_kind_name((clade_vector_task_kind)kind));
        for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++)
            figure_cell(t, false, j->mean[kind][v]);
    }
    command_table_end(t);
    command_print(c, "%s",
                  COMMAND_SAY(c,
                              "gain: AUC of vectors and features joined, less that of features\n",
                              "增益：向量与特征合并的 AUC 减去仅用特征的 AUC\n"));
}

static void write_judgement(const vectors_work *w)
{
    clade_json *const json = command_json(w->c);
    char              moment[40];
    clade_json_put_text(json, "workspace", w->c->arg[0]);
    clade_time_format(moment, w->behaviour->card.as_of_us);
    clade_json_put_text(json, "fitted_as_of", moment);
    clade_time_format(moment, w->as_of_us);
    clade_json_put_text(json, "as_of", moment);
    clade_time_format(moment, w->later_us);
    clade_json_put_text(json, "later", w->later == NULL ? NULL : moment);
    clade_json_put_int(json, "run", w->behaviour->card.run);
    clade_json_put_text(json, "size", w->behaviour->card.size);
    clade_json_put_text(json, "output", w->profiles ? "profiles" : "vectors");
    clade_json_put_int(json, "d", (int64_t)w->vectors->d);
    clade_json_key(json, "judgement");
    clade_vector_judgement_write(json, w->judgement);
    clade_json_put_int(json, "seed", (int64_t)w->c->seed);
}

clade_status bench_vectors(command *c, clade_error *err)
{
    vectors_work w = { .c = c, .profiles = command_has(c, "profiles") };
    if (c->n_args != 2) {
        (void)clade_fail(err, CLADE_ERR_ARG, "the vectors of which workspace are to be judged?");
        clade_hint(err, "%s bench vectors my.clade", c->program);
        return CLADE_ERR_ARG;
    }
    /* From here on it is a verb in a workspace, whose settings count. */
    c->arg[0] = c->arg[1];
    c->arg[1] = NULL;
    c->n_args = 1;
    CLADE_TRY(command_settle(c, c->arg[0], err));
    CLADE_TRY(command_open(&w.store, c, false, err));
    const clade_status status = judge(&w, err);
    if (status == CLADE_OK) {
        print_facts(&w);
        print_tasks(&w);
        print_means(&w);
        write_judgement(&w);
    }
    clade_vector_judgement_free(w.judgement);
    clade_shop_vectors_free(w.later);
    clade_shop_vectors_free(w.vectors);
    clade_shop_behaviour_free(w.behaviour);
    return status;
}
