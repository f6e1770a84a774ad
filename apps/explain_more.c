/* What explain shows beside reasons and weights: rules, shapes, pairs, changes and lines. */
#include "explain.h"

#include <math.h>
#include <stdlib.h>

enum { SHAPES = 6, SHOWN_PAIRS = 10, SHOWN_TERMS = 6 };

static const char *feature_name(int feature)
{
    size_t n;
    return clade_features_all(&n)[feature].name;
}

static void put_numbers(clade_json *json, const char *key, const double *value, size_t n)
{
    clade_json_key(json, key);
    clade_json_array(json);
    for (size_t i = 0; i < n; i++)
        clade_json_number(json, value[i]);
    clade_json_array_end(json);
}

/* ---------------------------------------------------------------- rules */

static void put_conditions(clade_json *json, const clade_rule *rule)
{
    clade_json_key(json, "conditions");
    clade_json_array(json);
    for (size_t k = 0; k < rule->n_conditions; k++) {
        const clade_condition *const one = &rule->condition[k];
        clade_json_object(json);
        clade_json_put_text(json, "feature", feature_name((int)one->feature));
        if (isfinite(one->low)) clade_json_put_number(json, "at_least", one->low);
        if (isfinite(one->high)) clade_json_put_number(json, "below", one->high);
        clade_json_put_bool(json, "absent", one->absent);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_rules(const explain_subject *s, const clade_surrogate *rules)
{
    command *const    c    = s->c;
    clade_json *const json = command_json(c);
    const bool        date = clade_task_is_date(&clade_predictor_card(s->predictor)->task);
    const bool     amount = clade_task_is_amount(&clade_predictor_card(s->predictor)->task) || date;
    command_table *t      = command_table_start(c, "rrw",
                                           date     ? COMMAND_SAY(c, "days", "天数")
                                                : amount ? COMMAND_SAY(c, "amount", "金额")
                                                         : COMMAND_SAY(c, "chance", "概率"),
                                                COMMAND_SAY(c, "customers", "客户占比"),
                                                COMMAND_SAY(c, "rule", "规则"));
    clade_json_key(json, "rules");
    clade_json_array(json);
    for (size_t k = 0; k < rules->n_rules; k++) {
        const clade_surrogate_rule *const one  = &rules->rule[k];
        clade_buffer                      text = { 0 };
        clade_rule_write(&text, &one->rule, s->currency, c->zh);
        command_cell(t, amount ? "%.2f" : "%.1f %%", amount ? one->answer : 100 * one->answer);
        command_cell(t, "%.1f %%", 100 * one->share);
        command_cell(t, "%s", text.data == NULL ? "" : text.data);
        clade_json_object(json);
        clade_json_put_number(json, "answer", one->answer);
        clade_json_put_number(json, "share", one->share);
        clade_json_put_text(json, "rule", text.data);
        put_conditions(json, &one->rule);
        clade_json_object_end(json);
        clade_buffer_free(&text);
    }
    clade_json_array_end(json);
    command_table_end(t);
}

clade_status explain_rules(const explain_subject *s, clade_error *err)
{
    command *const     c     = s->c;
    clade_surrogate    rules = { 0 };
    const clade_status status =
        clade_predictor_surrogate(&rules, s->predictor, s->predictions, err);
    if (status == CLADE_ERR_NOT_READY) return CLADE_OK;
    CLADE_TRY(status);
    command_heading(c, "%s", COMMAND_SAY(c, "The model in a few rules", "用几条规则概括模型"));
    if (isfinite(rules.fidelity))
        command_print(c,
                      COMMAND_SAY(c,
                                  "They repeat %.0f %% of what its answers differ by (R2 on %zu "
                                  "customers held out).\n",
                                  "规则复现了其答案差异的 %.0f %%（在 %zu 位留出客户上的 R2）。\n"),
                      100 * fmax(0, rules.fidelity), rules.n_held_out);
    clade_json_key(command_json(c), "surrogate");
    clade_json_object(command_json(c));
    clade_json_put_number(command_json(c), "fidelity", rules.fidelity);
    clade_json_put_int(command_json(c), "learnt", (int64_t)rules.n_learnt);
    clade_json_put_int(command_json(c), "held_out", (int64_t)rules.n_held_out);
    write_rules(s, &rules);
    clade_json_object_end(command_json(c));
    return CLADE_OK;
}

/* ---------------------------------------------------------------- shapes */

/* The accumulated local effect from its lowest to its highest, a block a point. */
static void spark(clade_buffer *out, const clade_predict_effect *e)
{
    static const char *const block[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    double                   low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t k = 0; k < e->n; k++) {
        low  = fmin(low, e->ale[k]);
        high = fmax(high, e->ale[k]);
    }
    for (size_t k = 0; k < e->n; k++)
        clade_buffer_text(
            out, block[high > low ? (int)lround(7 * (e->ale[k] - low) / (high - low)) : 0]);
}

static void put_effect(clade_json *json, const clade_predict_effect *e)
{
    clade_json_object(json);
    clade_json_put_text(json, "feature", feature_name(e->feature));
    clade_json_put_int(json, "customers", (int64_t)e->n_rows);
    clade_json_put_number(json, "absent", e->absent);
    put_numbers(json, "grid", e->grid, e->n);
    put_numbers(json, "ale", e->ale, e->n);
    put_numbers(json, "partial_margin", e->partial, e->n);
    put_numbers(json, "partial_answer", e->answer, e->n);
    clade_json_object_end(json);
}

static void write_effects(const explain_subject *s, const clade_predict_effect *effect, size_t n)
{
    command *const    c    = s->c;
    clade_json *const json = command_json(c);
    command_heading(c, "%s",
                    COMMAND_SAY(c, "Along a feature, from its lowest to its highest customers",
                                "沿单个特征，由低到高"));
    command_table *t =
        command_table_start(c, "lrrrw", COMMAND_SAY(c, "shape", "形状"),
                            COMMAND_SAY(c, "up to", "幅度"), COMMAND_SAY(c, "from", "自"),
                            COMMAND_SAY(c, "to", "至"), COMMAND_SAY(c, "feature", "特征"));
    clade_json_key(json, "effects");
    clade_json_array(json);
    for (size_t k = 0; k < n; k++) {
        const clade_predict_effect *const e    = &effect[k];
        clade_buffer                      text = { 0 };
        put_effect(json, e);
        if (e->n == 0) continue;
        double low = e->ale[0], high = e->ale[0];
        for (size_t i = 1; i < e->n; i++) {
            low  = fmin(low, e->ale[i]);
            high = fmax(high, e->ale[i]);
        }
        spark(&text, e);
        command_cell(t, "%s", text.data == NULL ? "" : text.data);
        command_cell(t, "%.2f", high - low);
        for (int end = 0; end < 2; end++) {
            clade_buffer_clear(&text);
            clade_value_write(&text, (uint32_t)e->feature, e->grid[end ? e->n - 1 : 0], s->currency,
                              c->zh);
            command_cell(t, "%s", text.data == NULL ? "" : text.data);
        }
        clade_buffer_clear(&text);
        clade_predict_reason_name(&text, e->feature, -1, c->zh);
        command_cell(t, "%s", text.data == NULL ? "" : text.data);
        clade_buffer_free(&text);
    }
    clade_json_array_end(json);
    command_table_end(t);
}

static void write_pairs(const explain_subject *s, const clade_predict_pair *pair, size_t n)
{
    clade_json *const json = command_json(s->c);
    clade_json_key(json, "interactions");
    clade_json_array(json);
    for (size_t k = 0; k < n && k < SHOWN_PAIRS && pair[k].mean_margin > 0; k++) {
        clade_json_object(json);
        clade_json_put_text(json, "a", feature_name(pair[k].a));
        clade_json_put_text(json, "b", feature_name(pair[k].b));
        clade_json_put_number(json, "mean_margin", pair[k].mean_margin);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

clade_status explain_shapes(const explain_subject *s, const clade_predict_weight *weight, size_t n,
                            clade_error *err)
{
    clade_predict_effect effect[SHAPES];
    clade_predict_pair   pair[SHAPES * (SHAPES - 1) / 2];
    int                  feature[SHAPES];
    size_t               k = 0;
    if (clade_predictor_card(s->predictor)->task.kind == CLADE_TASK_VALUE) return CLADE_OK;
    for (size_t i = 0; i < n && k < SHAPES; i++)
        if (weight[i].feature >= 0) feature[k++] = weight[i].feature;
    if (k == 0) return CLADE_OK;
    CLADE_TRY(clade_predictor_effects(effect, s->predictor, s->predictions, feature, k, err));
    write_effects(s, effect, k);
    if (!s->c->json) return CLADE_OK; /* pairs are told there alone */
    CLADE_TRY(clade_predictor_pairs(pair, s->predictor, s->predictions, feature, k, err));
    write_pairs(s, pair, k * (k - 1) / 2);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- single events */

clade_status explain_events(const explain_subject *s, int64_t customer, clade_error *err)
{
    command *const    c      = s->c;
    clade_json *const json   = command_json(c);
    const bool        amount = clade_task_is_amount(&clade_predictor_card(s->predictor)->task) ||
                        clade_task_is_date(&clade_predictor_card(s->predictor)->task);
    clade_predict_event *event = NULL;
    size_t               n     = 0;
    CLADE_TRY(clade_predictor_events(&event, &n, s->predictor, s->predictions, customer, err));
    if (n > 0)
        command_heading(c, "%s",
                        COMMAND_SAY(c, "What single items add by way of the behaviour model",
                                    "单个商品经由行为模型的影响"));
    command_table *t = command_table_start(c, "rw", NULL, NULL);
    clade_json_key(json, "events");
    clade_json_array(json);
    for (size_t k = 0; k < n; k++) {
        clade_json_object(json);
        clade_json_put_text(json, "item", event[k].item);
        clade_json_put_number(json, "margin", event[k].margin);
        clade_json_put_number(json, "points", event[k].points);
        clade_json_object_end(json);
        if (k >= SHOWN_TERMS || event[k].margin == 0) continue;
        command_cell(t, amount ? "%+.2f" : "%+.1f %%", event[k].points * (amount ? 1 : 100));
        command_cell(t, "%s", event[k].item);
    }
    clade_json_array_end(json);
    command_table_end(t);
    free(event);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- changes */

static void put_change(const explain_subject *s, const clade_predict_change *change,
                       const char *text)
{
    clade_json *const json = command_json(s->c);
    clade_json_key(json, "change");
    clade_json_object(json);
    clade_json_put_number(json, "target", change->target);
    clade_json_put_text(json, "wanted", change->below ? "below" : "above");
    clade_json_put_bool(json, "there", change->there);
    clade_json_put_bool(json, "found", change->found);
    clade_json_put_number(json, "before", change->before);
    clade_json_put_number(json, "after", change->after);
    clade_json_put_int(json, "tried", (int64_t)change->n_tried);
    clade_json_put_number(json, "size", change->size);
    clade_json_key(json, "actions");
    clade_json_array(json);
    for (size_t k = 0; k < change->n_actions; k++)
        clade_json_text(json, clade_change_action_name(change->action[k]));
    clade_json_array_end(json);
    clade_json_key(json, "moves");
    clade_json_array(json);
    for (size_t k = 0; k < change->n_parts; k++) {
        clade_json_object(json);
        clade_json_put_text(json, "feature", feature_name((int)change->part[k].feature));
        clade_json_put_number(json, "from", change->part[k].from);
        clade_json_put_number(json, "to", change->part[k].to);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_put_text(json, "text", text);
    clade_json_object_end(json);
}

clade_status explain_change(const explain_subject *s, int64_t customer, double target,
                            clade_error *err)
{
    command *const       c      = s->c;
    clade_predict_change change = { 0 };
    clade_buffer         text   = { 0 };
    if (isnan(target) && (clade_task_is_amount(&clade_predictor_card(s->predictor)->task) ||
                          clade_task_is_date(&clade_predictor_card(s->predictor)->task)))
        return CLADE_OK;
    CLADE_TRY(clade_predictor_change(&change, s->predictor, s->predictions, customer, target, err));
    clade_change_write(&text, &change, c->zh);
    command_heading(c, "%s", COMMAND_SAY(c, "What would change it", "如何改变"));
    command_print(c, "%s\n", text.data == NULL ? "" : text.data);
    put_change(s, &change, text.data);
    command_table *t = command_table_start(c, "rrw", NULL, NULL, NULL);
    for (size_t k = 0; k < change.n_parts && k < SHOWN_TERMS; k++) {
        const clade_change_part *const part = &change.part[k];
        for (int to = 0; to < 2; to++) {
            clade_buffer_clear(&text);
            clade_value_write(&text, part->feature, to ? part->to : part->from, s->currency, c->zh);
            command_cell(t, to ? "→ %s" : "%s", text.data == NULL ? "" : text.data);
        }
        clade_buffer_clear(&text);
        clade_feature_label_write(&text, part->feature, c->zh);
        command_cell(t, "%s", text.data == NULL ? "" : text.data);
    }
    command_table_end(t);
    if (change.n_parts > SHOWN_TERMS)
        command_print(
            c, COMMAND_SAY(c, "and %zu more that go with them\n", "以及随之变动的另 %zu 项\n"),
            change.n_parts - SHOWN_TERMS);
    clade_buffer_free(&text);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- LIME */

static void write_lime(const explain_subject *s, const clade_lime *lime)
{
    command *const    c    = s->c;
    clade_json *const json = command_json(c);
    command_table    *t    = command_table_start(c, "rw", NULL, NULL);
    clade_json_key(json, "terms");
    clade_json_array(json);
    for (size_t k = 0; k < lime->n; k++) {
        clade_json_object(json);
        clade_json_put_text(json, "feature", feature_name(lime->term[k].feature));
        clade_json_put_number(json, "value", lime->term[k].value);
        clade_json_put_number(json, "margin", lime->term[k].margin);
        clade_json_object_end(json);
        if (k >= SHOWN_TERMS) continue;
        clade_buffer text = { 0 };
        clade_predict_reason_name(&text, lime->term[k].feature, -1, c->zh);
        command_cell(t, "%+.3f", lime->term[k].margin);
        command_cell(t, "%s", text.data == NULL ? "" : text.data);
        clade_buffer_free(&text);
    }
    clade_json_array_end(json);
    command_table_end(t);
}

clade_status explain_lime(const explain_subject *s, int64_t customer, clade_error *err)
{
    command *const    c    = s->c;
    clade_json *const json = command_json(c);
    clade_lime        lime = { 0 };
    if (clade_predictor_card(s->predictor)->task.kind == CLADE_TASK_VALUE) return CLADE_OK;
    CLADE_TRY(clade_predictor_lime(&lime, s->predictor, s->predictions, customer, c->seed, err));
    command_heading(c, "%s",
                    COMMAND_SAY(c, "A line around the customer (LIME), for a step of one deviation",
                                "客户附近的局部线性近似（LIME），每移动一个标准差"));
    command_print(c,
                  COMMAND_SAY(c,
                              "Fits with R2 %.2f; of the first five, %.0f %% stay when the seed "
                              "changes (Jaccard), all in order by %.2f (rank correlation).\n",
                              "拟合 R2 %.2f；更换种子后前五项的重合度为 %.0f %%（Jaccard），"
                              "总体排序相关 %.2f。\n"),
                  lime.r2, 100 * lime.jaccard, lime.rank_correlation);
    clade_json_key(json, "lime");
    clade_json_object(json);
    clade_json_put_number(json, "r2", lime.r2);
    clade_json_put_number(json, "margin", lime.margin);
    clade_json_put_number(json, "model_margin", lime.model_margin);
    clade_json_put_int(json, "runs", CLADE_LIME_RUNS);
    clade_json_put_number(json, "jaccard", lime.jaccard);
    clade_json_put_number(json, "rank_correlation", lime.rank_correlation);
    write_lime(s, &lime);
    clade_json_object_end(json);
    clade_lime_free(&lime);
    return CLADE_OK;
}
