/* clade predict WORKSPACE session: will the running visit end in a purchase? */
#include "predict.h"

#include "clade/session.h"

#include <math.h>

static void print_metrics(command *c, const clade_session_card *card)
{
    command_table *t = command_table_start(
        c, "lrrr", COMMAND_SAY(c, "measure", "指标"), COMMAND_SAY(c, "value", "数值"),
        COMMAND_SAY(c, "rule", "规则"), COMMAND_SAY(c, "95 %", "95 %"));
    for (size_t k = 0; k < card->n_metrics; k++) {
        const clade_predict_metric *const m = &card->metric[k];
        command_cell(t, "%s", m->name);
        command_cell(t, "%.3f", m->of.value);
        command_cell(t, "%.3f", m->baseline);
        command_cell(t, "%.3f..%.3f", m->of.low, m->of.high);
    }
    command_table_end(t);
    t = command_table_start(c, "lrrr", COMMAND_SAY(c, "visitors", "访客"),
                            COMMAND_SAY(c, "visits", "访问数"), COMMAND_SAY(c, "buy", "成交率"),
                            "auc");
    for (int g = 0; g < 2; g++) {
        const clade_session_group *const one = &card->group[g];
        if ((int64_t)one->n < c->min_group) continue;
        command_cell(t, "%s",
                     g == 0 ? COMMAND_SAY(c, "new", "新访客")
                            : COMMAND_SAY(c, "returning", "回访客"));
        command_cell(t, "%zu", one->n);
        command_cell(t, "%.1f %%", 100 * one->base_rate);
        command_cell(t, "%.3f (%.3f..%.3f)", one->auc.value, one->auc.low, one->auc.high);
    }
    command_table_end(t);
    t = command_table_start(c, "rl", COMMAND_SAY(c, "share", "占比"),
                            COMMAND_SAY(c, "what it looks at", "依据"));
    for (size_t k = 0; k < card->n_top; k++) {
        command_cell(t, "%.1f %%", 100 * card->top_share[k]);
        command_cell(t, "%s", clade_session_feature_words(card->top[k], c->zh));
    }
    command_table_end(t);
}

static void print_card(command *c, const clade_session_card *card)
{
    command_heading(
        c,
        COMMAND_SAY(c,
                    "Does the running visit end in a purchase? %zu visits, %.1f %% of them bought",
                    "进行中的访问会成交吗？共 %zu 次访问，成交 %.1f %%"),
        card->n_visits, 100 * (double)card->n_bought / (double)card->n_visits);
    command_print(c, "%s%s%s\n",
                  card->trusted ? COMMAND_SAY(c, "trust", "可信")
                                : COMMAND_SAY(c, "do not trust yet", "暂不可信"),
                  card->why.en[0] == '\0' ? "" : ": ", c->zh ? card->why.zh : card->why.en);
    print_metrics(c, card);
}

clade_status predict_session(command *c, clade_store *store, const clade_predict_options *options,
                             clade_run *run, bool alone, clade_error *err)
{
    clade_session_model *model   = NULL;
    clade_sentence       why_not = { "", "" };
    clade_json *const    json    = command_json(c);
    clade_status         status  = clade_session_fit(&model, &why_not, store, options, err);
    if (status == CLADE_ERR_NOT_READY && why_not.en[0] != '\0') {
        command_print(c, COMMAND_SAY(c, "Not yet: %s\n", "尚不可用：%s\n"),
                      c->zh ? why_not.zh : why_not.en);
        clade_json_key(json, "session_not_ready");
        clade_json_object(json);
        clade_json_put_text(json, "why", why_not.en);
        clade_json_put_text(json, "why_zh", why_not.zh);
        clade_json_object_end(json);
        if (!alone && err != NULL) *err = (clade_error){ 0 };
        return alone ? status : CLADE_OK;
    }
    if (status == CLADE_OK) status = clade_session_save(store, model, clade_run_number(run), err);
    if (status == CLADE_OK) {
        const clade_session_card *const card = clade_session_model_card(model);
        clade_run_note_number(run, "session", card->metric[0].of.value);
        clade_json_key(json, "session");
        clade_session_card_write(json, card);
        print_card(c, card);
    }
    clade_session_model_free(model);
    return status;
}
