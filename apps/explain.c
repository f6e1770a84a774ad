/* clade explain: why a customer gets the answers they get, and what a model looks at as a whole. */
#include "explain.h"
#include "predict.h"

#include "clade/portraits.h"

#include <math.h>
#include <stdlib.h>

enum { SHOWN_REASONS = 6, SHOWN_WEIGHTS = 15 };

static const command_option explain_options[] = {
    { "card",
      0,
      NULL,
      { "the model card: data, models, metrics, groups, limits",
        "模型卡：数据、模型、指标、群体、局限" } },
    { "target",
      0,
      "CHANCE",
      { "look for the change that brings the chance there", "寻找使概率达到此值的改变" } },
    { "lime",
      0,
      NULL,
      { "draw a line around the customer, and say how stable it is",
        "在客户附近拟合局部线性近似，并给出其稳定性" } },
    { 0 },
};

typedef struct explain_work {
    command           *c;
    clade_store       *store;
    clade_predictions *predictions;
    clade_predictor   *predictor;
    char               currency[4];
} explain_work;

/* Questions are asked as of the moment the predictor was fitted for, unless --as-of says so. */
static clade_status open_predictor(explain_work *w, const char *name, clade_error *err)
{
    clade_predictor_free(w->predictor);
    w->predictor = NULL;
    CLADE_TRY(clade_predictor_open(&w->predictor, w->store, name, err));
    if (w->predictions != NULL) return CLADE_OK;
    const clade_predict_options options = {
        .has_as_of = true,
        .as_of_us = w->c->has_as_of ? w->c->as_of_us : clade_predictor_card(w->predictor)->as_of_us,
        .seed     = w->c->seed,
    };
    return clade_predictions_open(&w->predictions, w->store, &options, err);
}

static explain_subject subject_of(const explain_work *w)
{
    return (explain_subject){ w->c, w->predictor, w->predictions, w->currency };
}

/* What is asked about one customer and one task alone. */
static clade_status explain_further(explain_work *w, int64_t customer, clade_error *err)
{
    const explain_subject s      = subject_of(w);
    double                target = (double)NAN;
    if (command_has(w->c, "target"))
        CLADE_TRY(command_real(&target, w->c, "target", 0.5, 0.0001, 0.9999, err));
    CLADE_TRY(explain_events(&s, customer, err));
    CLADE_TRY(explain_change(&s, customer, target, err));
    return command_has(w->c, "lime") ? explain_lime(&s, customer, err) : CLADE_OK;
}

static void write_answer(clade_json *json, const clade_predict_reasons *r)
{
    clade_json_put_number(json, "value", r->answer.value);
    clade_json_put_number(json, "low", r->answer.low);
    clade_json_put_number(json, "high", r->answer.high);
    clade_json_put_number(json, "average", r->average);
    clade_json_put_number(json, "average_margin", r->average_margin);
    clade_json_put_number(json, "margin", r->margin);
}

static void write_reasons(explain_work *w, const clade_predict_reasons *r,
                          const clade_predict_task *task)
{
    command *const    c    = w->c;
    clade_json *const json = command_json(c);
    command_table    *t    = command_table_start(c, "lw", NULL, NULL);
    clade_json_key(json, "reasons");
    clade_json_array(json);
    for (size_t i = 0; i < r->n; i++) {
        const clade_predict_reason *const one  = &r->reason[i];
        clade_buffer                      text = { 0 };
        clade_predict_reason_write(&text, one, task, w->currency, c->zh);
        if (i < SHOWN_REASONS) {
            command_cell(t, one->points > 0 ? "+" : "-");
            command_cell(t, "%s", text.data == NULL ? "" : text.data);
        }
        clade_json_object(json);
        clade_json_put_text(json, "feature", clade_predict_reason_key(one->feature, one->group));
        clade_json_put_number(json, "value", one->value);
        clade_json_put_number(json, "margin", one->margin);
        clade_json_put_number(json, "points", one->points);
        clade_json_put_text(json, "reason", text.data);
        clade_json_object_end(json);
        clade_buffer_free(&text);
    }
    clade_json_array_end(json);
    command_table_end(t);
}

static clade_status explain_answer(explain_work *w, int64_t customer, clade_error *err)
{
    command *const                  c    = w->c;
    clade_json *const               json = command_json(c);
    const clade_predict_card *const card = clade_predictor_card(w->predictor);
    clade_predict_reasons           r    = { 0 };
    char                            name[96], words[256];
    const clade_status              status =
        clade_predictor_explain(&r, w->predictor, w->predictions, customer, err);
    if (status != CLADE_OK) return status;
    clade_task_name(name, &card->task);
    clade_task_words(words, &card->task, c->zh);
    if (clade_task_is_date(&card->task)) {
        const int64_t as_of = clade_predictions_as_of(w->predictions);
        char          date[4][64];
        const double  days[] = { r.answer.value, r.answer.low, r.answer.high, r.average };
        for (size_t k = 0; k < 4; k++)
            clade_prediction_date_words(date[k], &card->task, as_of, days[k], c->zh);
        command_heading(
            c, COMMAND_SAY(c, "%s: %s (%s to %s; average %s)", "%s：%s（%s 至 %s；平均 %s）"),
            words, date[0], date[1], date[2], date[3]);
    } else if (clade_task_is_amount(&card->task)) {
        command_heading(c,
                        COMMAND_SAY(c, "%s: %.2f %s (%.2f to %.2f; average %.2f)",
                                    "%s：%.2f %s（%.2f 至 %.2f；平均 %.2f）"),
                        words, r.answer.value, w->currency, r.answer.low, r.answer.high, r.average);
    } else {
        command_heading(
            c, COMMAND_SAY(c, "%s: %.1f %% (average %.1f %%)", "%s：%.1f %%（平均 %.1f %%）"),
            words, 100 * r.answer.value, 100 * r.average);
    }
    if (!card->trusted)
        command_print(c, COMMAND_SAY(c, "Do not trust yet: %s\n", "暂不可信：%s\n"),
                      c->zh ? card->why.zh : card->why.en);
    clade_json_object(json);
    clade_json_put_text(json, "task", name);
    clade_json_put_text(json, "verdict", card->trusted ? "trust" : "do not trust yet");
    write_answer(json, &r);
    write_reasons(w, &r, &card->task);
    clade_predict_reasons_free(&r);
    if (c->n_args > 3) CLADE_TRY(explain_further(w, customer, err));
    clade_json_object_end(json);
    return CLADE_OK;
}

static clade_status explain_customer(explain_work *w, clade_error *err)
{
    command *const    c        = w->c;
    const char *const id       = c->arg[2];
    const int64_t     customer = clade_identity_find(w->store, clade_text_of(id));
    char            **names    = NULL;
    size_t            n = 0, n_answers = 0;
    if (customer < 0)
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no customer '%s' in %s", id,
                          c->arg[0]);
    CLADE_TRY(clade_predictors_list(&names, &n, w->store, c->arena, err));
    if (c->n_args > 3) {
        names    = CLADE_ARENA_NEW(c->arena, char *, 1);
        names[0] = clade_arena_format(c->arena, "%s", c->arg[3]);
        n        = 1;
    }
    if (n == 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "nothing was predicted in %s yet", c->arg[0]);
        clade_hint(err, "run: %s predict %s", c->program, c->arg[0]);
        return CLADE_ERR_NOT_READY;
    }
    clade_json_put_text(command_json(c), "customer", id);
    clade_json_key(command_json(c), "tasks");
    clade_json_array(command_json(c));
    for (size_t i = 0; i < n; i++) {
        CLADE_TRY(open_predictor(w, names[i], err));
        const clade_status status = explain_answer(w, customer, err);
        if (status == CLADE_ERR_NOT_FOUND && c->n_args <= 3) continue; /* the task asks others */
        CLADE_TRY(status);
        n_answers++;
    }
    clade_json_array_end(command_json(c));
    if (n_answers == 0)
        return clade_fail(
            err, CLADE_ERR_NOT_FOUND,
            "no task asks about customer '%s' as of then: not seen before, or flagged", id);
    command_next(c, "customer %s %s", c->arg[0], id);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- a model as a whole */

static void write_weights(explain_work *w, const clade_predict_weight *weight, size_t n)
{
    command *const    c    = w->c;
    clade_json *const json = command_json(c);
    command_table    *t    = command_table_start(c, "rrw", COMMAND_SAY(c, "weight", "权重"),
                                                 COMMAND_SAY(c, "direction", "方向"),
                                                 COMMAND_SAY(c, "what it looks at", "依据"));
    clade_json_key(json, "features");
    clade_json_array(json);
    for (size_t i = 0; i < n; i++) {
        clade_buffer text = { 0 };
        clade_predict_reason_name(&text, weight[i].feature, weight[i].group, c->zh);
        if (i < SHOWN_WEIGHTS) {
            command_cell(t, "%.3f", weight[i].mean_margin);
            if (isnan(weight[i].direction)) {
                command_cell(t, "%s", "");
            } else {
                command_cell(t, "%+.2f", weight[i].direction);
            }
            command_cell(t, "%s", text.data == NULL ? "" : text.data);
        }
        clade_json_object(json);
        clade_json_put_text(json, "feature",
                            clade_predict_reason_key(weight[i].feature, weight[i].group));
        clade_json_put_number(json, "mean_margin", weight[i].mean_margin);
        clade_json_put_number(json, "direction", weight[i].direction);
        clade_json_object_end(json);
        clade_buffer_free(&text);
    }
    clade_json_array_end(json);
    command_table_end(t);
}

static clade_status explain_model(explain_work *w, clade_error *err)
{
    command *const        c      = w->c;
    clade_predict_weight *weight = NULL;
    size_t                n      = 0;
    char                  words[256], models[160];
    CLADE_TRY(open_predictor(w, c->arg[1], err));
    CLADE_TRY(clade_predictor_weigh(&weight, &n, w->predictor, w->predictions, err));
    const clade_predict_card *const card = clade_predictor_card(w->predictor);
    clade_task_words(words, &card->task, c->zh);
    clade_predict_model_words(models, card);
    command_heading(c, "%s: %s", words, models);
    clade_json_key(command_json(c), "card");
    clade_predict_card_write(command_json(c), card);
    predict_cards_table(c, &card, 1);
    command_print(c, "\n");
    write_weights(w, weight, n);
    const explain_subject s      = subject_of(w);
    clade_status          status = explain_rules(&s, err);
    if (status == CLADE_OK) status = explain_shapes(&s, weight, n, err);
    free(weight);
    CLADE_TRY(status);
    command_next(c, "explain %s customer ID %s", c->arg[0], c->arg[1]);
    return CLADE_OK;
}

/* The bundle's card.md, written anew so that it comes in the reader's language. */
static clade_status show_card(explain_work *w, clade_error *err)
{
    command *const c    = w->c;
    clade_buffer   text = { 0 };
    CLADE_TRY(open_predictor(w, c->arg[1], err));
    clade_predict_card_markdown(&text, clade_predictor_card(w->predictor), c->zh);
    if (text.failed || text.data == NULL) {
        clade_buffer_free(&text);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the card");
    }
    command_print(c, "%s", text.data);
    clade_json_key(command_json(c), "card");
    clade_predict_card_write(command_json(c), clade_predictor_card(w->predictor));
    clade_json_put_text(command_json(c), "markdown", text.data);
    clade_buffer_free(&text);
    return CLADE_OK;
}

static clade_status list_models(explain_work *w, clade_error *err)
{
    command *const c     = w->c;
    char         **names = NULL;
    size_t         n     = 0;
    CLADE_TRY(clade_predictors_list(&names, &n, w->store, c->arena, err));
    clade_json_key(command_json(c), "tasks");
    clade_json_array(command_json(c));
    command_table *t = command_table_start(c, "lw", COMMAND_SAY(c, "task", "任务"),
                                           COMMAND_SAY(c, "what it says", "含义"));
    for (size_t i = 0; i < n; i++) {
        char words[256];
        CLADE_TRY(open_predictor(w, names[i], err));
        clade_task_words(words, &clade_predictor_card(w->predictor)->task, c->zh);
        command_cell(t, "%s", names[i]);
        command_cell(t, "%s", words);
        clade_json_text(command_json(c), names[i]);
    }
    clade_json_array_end(command_json(c));
    command_table_end(t);
    if (n == 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "nothing was predicted in %s yet", c->arg[0]);
        clade_hint(err, "run: %s predict %s", c->program, c->arg[0]);
        return CLADE_ERR_NOT_READY;
    }
    command_next(c, "explain %s %s", c->arg[0], names[0]);
    return CLADE_OK;
}

static clade_status explain_run(command *c, clade_error *err)
{
    explain_work w       = { .c = c };
    const bool   further = command_has(c, "target") || command_has(c, "lime");
    if (further && (c->n_args < 4 || strcmp(c->arg[1], "customer") != 0))
        return clade_fail(err, CLADE_ERR_ARG,
                          "--target and --lime are about one customer and one task: explain "
                          "WORKSPACE customer ID TASK");
    CLADE_TRY(command_open(&w.store, c, false, err));
    (void)!clade_store_setting_get(w.currency, sizeof w.currency, w.store, "currency", NULL);
    clade_status status;
    if (command_has(c, "card")) {
        status = c->n_args == 2 && strcmp(c->arg[1], "customer") != 0
                     ? show_card(&w, err)
                     : clade_fail(err, CLADE_ERR_ARG, "--card is of one task: name it");
    } else if (c->n_args > 1 && strcmp(c->arg[1], "customer") == 0) {
        status = c->n_args > 2 ? explain_customer(&w, err)
                               : clade_fail(err, CLADE_ERR_ARG, "which customer? wanted an id");
    } else {
        status = c->n_args > 1 ? explain_model(&w, err) : list_models(&w, err);
    }
    clade_predictor_free(w.predictor);
    clade_predictions_free(w.predictions);
    return status;
}

const command_verb command_verb_explain = {
    .name         = "explain",
    .usage        = "explain WORKSPACE [TASK | customer ID [TASK]]",
    .summary      = { "why a prediction says what it says", "预测为何如此" },
    .examples     = "explain my.clade\n"
                    "explain my.clade churn\n"
                    "explain my.clade churn --card\n"
                    "explain my.clade customer 17850\n"
                    "explain my.clade customer 17850 churn --target 0.3",
    .options      = explain_options,
    .min_args     = 1,
    .max_args     = 4,
    .in_workspace = true,
    .run          = explain_run,
};
