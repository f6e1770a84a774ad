/* clade evaluate: the scorecard of the whole shop: everything that was fitted, as each fit judged
 * itself and as it answers now, and what the shop's own figures say. */
#include "evaluate.h"
#include "clade/shop_behaviour.h"
#include "predict.h"

#include <math.h>

static clade_status show_predictions(command *c, clade_store *store, size_t *out_n,
                                     clade_error *err)
{
    char **names = NULL;
    size_t n     = 0;
    CLADE_TRY(clade_predictors_list(&names, &n, store, c->arena, err));
    const clade_predict_card **const card =
        CLADE_ARENA_NEW(c->arena, const clade_predict_card *, n + 1);
    if (card == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu cards", n);
    clade_json_key(command_json(c), "tasks");
    clade_json_array(command_json(c));
    for (size_t i = 0; i < n; i++) {
        clade_predictor          *p    = NULL;
        clade_predict_card *const copy = CLADE_ARENA_NEW(c->arena, clade_predict_card, 1);
        if (copy == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a card");
        CLADE_TRY(clade_predictor_open(&p, store, names[i], err));
        *copy   = *clade_predictor_card(p);
        card[i] = copy;
        clade_predictor_free(p);
        clade_predict_card_write(command_json(c), copy);
    }
    clade_json_array_end(command_json(c));
    if (n > 0) {
        command_heading(c, "%s",
                        COMMAND_SAY(c, "Predictions, each judged on what came later",
                                    "预测：均以之后发生的事实评估"));
        predict_cards_table(c, card, n);
    }
    *out_n = n;
    return CLADE_OK;
}

static clade_status show_behaviour(command *c, clade_store *store, bool *out_there,
                                   clade_error *err)
{
    clade_shop_behaviour *b      = NULL;
    clade_json *const     json   = command_json(c);
    const clade_status    status = clade_shop_behaviour_open(&b, store, err);
    *out_there                   = status == CLADE_OK;
    if (status == CLADE_ERR_NOT_READY) return CLADE_OK;
    CLADE_TRY(status);
    const clade_shop_behaviour_card *const card = &b->card;
    command_heading(c, "%s", COMMAND_SAY(c, "Behaviour model, next item", "行为模型：下一件商品"));
    command_table *t = command_table_start(
        c, "lrrl", COMMAND_SAY(c, "measure", "指标"), COMMAND_SAY(c, "value", "数值"),
        COMMAND_SAY(c, "baseline", "基线"), COMMAND_SAY(c, "verdict", "结论"));
    command_cell(t, "NDCG@10");
    command_cell(t, "%.4f", card->ndcg);
    command_cell(t, "%.4f (%s)", card->baseline_ndcg, card->baseline);
    command_cell(t, "%s",
                 card->trusted ? COMMAND_SAY(c, "trust", "可信")
                               : COMMAND_SAY(c, "do not trust yet", "暂不可信"));
    command_table_end(t);
    clade_json_key(json, "behaviour");
    clade_json_object(json);
    clade_json_put_int(json, "n_cases", (int64_t)card->n_cases);
    clade_json_put_number(json, "ndcg_10", card->ndcg);
    clade_json_put_number(json, "hit_10", card->hit);
    clade_json_put_text(json, "baseline", card->baseline);
    clade_json_put_number(json, "baseline_ndcg_10", card->baseline_ndcg);
    clade_json_put_text(json, "verdict", card->trusted ? "trust" : "do not trust yet");
    clade_json_object_end(json);
    clade_shop_behaviour_free(b);
    return CLADE_OK;
}

static clade_status evaluate_run(command *c, clade_error *err)
{
    clade_store *store     = NULL;
    size_t       n         = 0;
    bool         behaviour = false;
    int64_t      as_of_us  = c->as_of_us;
    char         as_of[40];
    CLADE_TRY(command_open(&store, c, false, err));
    if (!c->has_as_of) CLADE_TRY(clade_shop_now(&as_of_us, store, err));
    clade_time_format(as_of, as_of_us);
    clade_json_put_text(command_json(c), "as_of", as_of);
    CLADE_TRY(show_predictions(c, store, &n, err));
    CLADE_TRY(show_behaviour(c, store, &behaviour, err));
    CLADE_TRY(evaluate_models(c, store, as_of_us, behaviour, err));
    CLADE_TRY(evaluate_business(c, store, as_of_us, err));
    if (n == 0 && !behaviour) {
        command_note(c, "%s",
                     COMMAND_SAY(c, "Nothing was fitted yet: these are the shop's figures alone.\n",
                                 "尚未拟合任何模型：以上仅为店铺自身指标。\n"));
        command_next(c, "predict %s", c->arg[0]);
    } else {
        command_next(c, "explain %s", c->arg[0]);
    }
    return CLADE_OK;
}

static const command_option options[] = {
    { "margin",
      0,
      "SHARE",
      { "share of revenue that stays, for the profit of campaigns (1)",
        "毛利率，用于活动利润（默认 1）" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_evaluate = {
    .name         = "evaluate",
    .usage        = "evaluate WORKSPACE",
    .summary      = { "the scorecard: models, coverage, drift, satisfaction, business, campaigns",
                      "总体评分：模型、覆盖、漂移、满意度、经营、活动" },
    .examples     = "evaluate my.clade\n"
                    "evaluate my.clade --margin 0.3\n"
                    "evaluate my.clade --json",
    .options      = options,
    .min_args     = 1,
    .max_args     = 1,
    .in_workspace = true,
    .run          = evaluate_run,
};
