/* What the predictors say of one customer, with the strongest reasons. */
#include "customer.h"

#include "clade/predict.h"

#include <math.h>
#include <stdlib.h>

enum { SHOWN_REASONS = 3 };

typedef struct scores_work {
    command           *c;
    clade_store       *store;
    clade_predictions *predictions;
    command_table     *table;
    char               currency[4];
    int64_t            as_of_us, customer;
    size_t             n_untrusted, n_later, n_stale; /* left out */
} scores_work;

static void write_reasons(scores_work *w, const clade_predict_reasons *r,
                          const clade_predict_task *task)
{
    clade_json *const json = command_json(w->c);
    clade_json_key(json, "reasons");
    clade_json_array(json);
    for (size_t i = 0; i < r->n && i < SHOWN_REASONS; i++) {
        clade_buffer one = { 0 };
        clade_predict_reason_write(&one, &r->reason[i], task, w->currency, w->c->zh);
        clade_json_text(json, one.data == NULL ? "" : one.data);
        if (i == 0) command_cell(w->table, "%s", one.data == NULL ? "" : one.data);
        clade_buffer_free(&one);
    }
    if (r->n == 0) command_cell(w->table, "%s", "");
    clade_json_array_end(json);
}

/* RFC 3339; null where it is only known to be after `later_than`. */
static void write_dates(scores_work *w, const clade_predict_task *task,
                        const clade_prediction *answer)
{
    static const char *const key[]  = { "date", "date_low", "date_high" };
    const double             days[] = { answer->value, answer->low, answer->high };
    clade_json *const        json   = command_json(w->c);
    char                     date[40];
    for (size_t k = 0; k < 3; k++) {
        if (clade_prediction_date(date, task, w->as_of_us, days[k])) {
            clade_json_put_text(json, key[k], date);
        } else {
            clade_json_key(json, key[k]);
            clade_json_null(json);
        }
    }
    (void)clade_prediction_date(date, task, w->as_of_us, task->horizon_days);
    clade_json_put_text(json, "later_than", date);
}

static void start_table(scores_work *w)
{
    if (w->table != NULL) return;
    command_heading(w->c, "%s", COMMAND_SAY(w->c, "What they will do", "将做什么"));
    w->table = command_table_start(
        w->c, "lrrw", COMMAND_SAY(w->c, "question", "问题"), COMMAND_SAY(w->c, "answer", "预测"),
        COMMAND_SAY(w->c, "average", "平均"), COMMAND_SAY(w->c, "because", "原因"));
}

static void write_score(scores_work *w, const clade_predict_card *card, const char *name,
                        const clade_predict_reasons *r)
{
    clade_json *const json = command_json(w->c);
    char              words[256];
    start_table(w);
    clade_task_words(words, &card->task, w->c->zh);
    command_cell(w->table, "%s", words);
    if (clade_task_is_date(&card->task)) {
        char date[2][64];
        clade_prediction_date_words(date[0], &card->task, w->as_of_us, r->answer.value, w->c->zh);
        clade_prediction_date_words(date[1], &card->task, w->as_of_us, r->average, w->c->zh);
        command_cell(w->table, "%s", date[0]);
        command_cell(w->table, "%s", date[1]);
    } else if (clade_task_is_amount(&card->task)) {
        command_cell(w->table, "%.2f", r->answer.value);
        command_cell(w->table, "%.2f", r->average);
    } else {
        command_cell(w->table, "%.1f %%", 100 * r->answer.value);
        command_cell(w->table, "%.1f %%", 100 * r->average);
    }
    clade_json_key(json, name);
    clade_json_object(json);
    clade_json_put_number(json, "value", r->answer.value);
    clade_json_put_number(json, "low", r->answer.low);
    clade_json_put_number(json, "high", r->answer.high);
    clade_json_put_number(json, "average", r->average);
    if (clade_task_is_date(&card->task)) write_dates(w, &card->task, &r->answer);
    clade_json_put_text(json, "verdict", "trust");
    clade_json_put_int(json, "run", card->run);
    write_reasons(w, r, &card->task);
    clade_json_object_end(json);
}

static clade_status ask(scores_work *w, const clade_predictor *p, const char *name,
                        clade_error *err)
{
    const clade_predict_card *const card   = clade_predictor_card(p);
    clade_predict_reasons           r      = { 0 };
    clade_status                    status = CLADE_OK;
    if (!card->trusted) {
        w->n_untrusted++;
        return CLADE_OK;
    }
    if (card->as_of_us > w->as_of_us) { /* it has learnt from what came after */
        w->n_later++;
        return CLADE_OK;
    }
    if (w->predictions == NULL) {
        const clade_predict_options options = { .has_as_of = true,
                                                .as_of_us  = w->as_of_us,
                                                .seed      = w->c->seed };
        CLADE_TRY(clade_predictions_open(&w->predictions, w->store, &options, err));
    }
    status = clade_predictor_explain(&r, p, w->predictions, w->customer, err);
    if (status == CLADE_OK) write_score(w, card, name, &r);
    clade_predict_reasons_free(&r);
    return status == CLADE_ERR_NOT_FOUND ? CLADE_OK : status; /* it asks about others */
}

/* A bundle of another clade, or of another behaviour model: the page stands without its answer. */
static bool is_stale(clade_status status)
{
    return status == CLADE_ERR_VERSION || status == CLADE_ERR_DATA || status == CLADE_ERR_NOT_READY;
}

clade_status customer_scores(command *c, clade_store *store, int64_t customer, int64_t as_of_us,
                             clade_error *err)
{
    scores_work  w      = { .c = c, .store = store, .as_of_us = as_of_us, .customer = customer };
    char       **names  = NULL;
    size_t       n      = 0;
    clade_status status = clade_predictors_list(&names, &n, store, c->arena, err);
    if (status != CLADE_OK) return status;
    (void)!clade_store_setting_get(w.currency, sizeof w.currency, store, "currency", NULL);
    clade_json_key(command_json(c), "scores");
    clade_json_object(command_json(c));
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        clade_predictor *p = NULL;
        status             = clade_predictor_open(&p, store, names[i], err);
        if (status == CLADE_OK) status = ask(&w, p, names[i], err);
        clade_predictor_free(p);
        if (!is_stale(status)) continue;
        status = CLADE_OK;
        w.n_stale++;
        if (err != NULL) *err = (clade_error){ 0 };
    }
    clade_json_object_end(command_json(c));
    clade_predictions_free(w.predictions);
    if (w.table != NULL) command_table_end(w.table);
    if (w.n_untrusted > 0)
        command_note(c,
                     COMMAND_SAY(c, "Left out, not to be trusted yet: %zu (clade evaluate).\n",
                                 "未显示暂不可信的预测：%zu 项（clade evaluate）。\n"),
                     w.n_untrusted);
    if (w.n_stale > 0)
        command_note(c,
                     COMMAND_SAY(c, "Left out, to be fitted again: %zu (clade predict).\n",
                                 "未显示需重新拟合的预测：%zu 项（clade predict）。\n"),
                     w.n_stale);
    if (w.n_later > 0)
        command_note(c,
                     COMMAND_SAY(c, "Left out, learnt from what came later: %zu.\n",
                                 "未显示学习了更晚数据的预测：%zu 项。\n"),
                     w.n_later);
    return status;
}
