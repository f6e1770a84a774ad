/* The card of a predictor as JSON, and back. */
#include "card.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void put_moment(clade_json *json, const char *key, int64_t at_us)
{
    char text[40];
    clade_time_format(text, at_us);
    clade_json_put_text(json, key, text);
}

static void put_sentence(clade_json *json, const char *key, const clade_sentence *sentence)
{
    clade_json_key(json, key);
    clade_json_object(json);
    clade_json_put_text(json, "en", sentence->en);
    clade_json_put_text(json, "zh", sentence->zh);
    clade_json_object_end(json);
}

void clade_predict_model_words(char out[160], const clade_predict_card *card)
{
    size_t at = 0;
    out[0]    = '\0';
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        const char *const name = clade_predict_model_name((clade_predict_model)m);
        if (card->weight[m] >= 1) {
            (void)snprintf(out, 160, "%s", name);
            return;
        }
        if (card->weight[m] > 0)
            at += (size_t)snprintf(out + at, 160 - at, "%s%s %.2f", at == 0 ? "" : ", ", name,
                                   card->weight[m]);
    }
}

static void write_task(clade_json *json, const clade_predict_task *task)
{
    char name[96], words[256];
    clade_task_name(name, task);
    clade_json_put_text(json, "task", name);
    clade_json_put_text(json, "kind", clade_task_kind_name(task->kind));
    clade_json_put_int(json, "horizon", task->horizon_days);
    clade_json_put_bool(json, "by_rhythm", task->by_rhythm);
    clade_json_put_text(json, "of", task->of);
    clade_json_put_text(json, "expression", task->expression);
    clade_task_words(words, task, false);
    clade_json_put_text(json, "words", words);
    clade_task_words(words, task, true);
    clade_json_put_text(json, "words_zh", words);
}

static void write_models(clade_json *json, const clade_predict_card *card)
{
    char words[160];
    clade_predict_model_words(words, card);
    clade_json_put_text(json, "model", words);
    clade_json_key(json, "tried");
    clade_json_array(json);
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        clade_json_object(json);
        clade_json_put_text(json, "model", clade_predict_model_name((clade_predict_model)m));
        clade_json_put_number(json, "loss", card->loss[m]);
        clade_json_put_number(json, "weight", card->weight[m]);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_put_number(json, "blend_loss", card->blend_loss);
    clade_json_put_int(json, "n_folds", (int64_t)card->n_folds);
    clade_json_put_int(json, "n_scored", (int64_t)card->n_scored);
    clade_json_put_text(json, "calibration", card->curved ? "isotonic" : "platt");
    clade_json_put_number(json, "platt_loss", card->calibration_loss[0]);
    clade_json_put_number(json, "isotonic_loss", card->calibration_loss[1]);
}

static void write_search(clade_json *json, const clade_predict_card *card)
{
    clade_json_key(json, "search");
    clade_json_object(json);
    clade_json_put_number(json, "budget_s", card->budget_s);
    clade_json_put_number(json, "seconds", card->search_s);
    clade_json_put_int(json, "depths", (int64_t)card->n_depths);
    clade_json_put_int(json, "depths_tried", (int64_t)card->n_depths_tried);
    clade_json_put_int(json, "folds", (int64_t)card->n_folds_borne);
    clade_json_put_bool(json, "seasons", card->seasons);
    clade_json_key(json, "untried");
    clade_json_array(json);
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        if (card->untried[m])
            clade_json_text(json, clade_predict_model_name((clade_predict_model)m));
    clade_json_array_end(json);
    clade_json_object_end(json);
}

static void write_metrics(clade_json *json, const clade_predict_card *card)
{
    clade_json_key(json, "metrics");
    clade_json_object(json);
    for (size_t k = 0; k < card->n_metrics; k++) {
        const clade_predict_metric *m = &card->metric[k];
        clade_json_key(json, m->name);
        clade_json_object(json);
        clade_json_put_number(json, "value", m->of.value);
        clade_json_put_number(json, "low", m->of.low);
        clade_json_put_number(json, "high", m->of.high);
        clade_json_put_number(json, "baseline", m->baseline);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
    clade_interval_write(json, "gain_over_rule", &card->gain_rule);
    clade_interval_write(json, "gain_over_linear", &card->gain_linear);
    clade_interval_write(json, "gain_of_vectors", &card->gain_vectors);
    clade_json_key(json, "reliability");
    clade_json_array(json);
    for (size_t b = 0; b < card->n_bins; b++) {
        if (card->bin[b].n == 0) continue;
        clade_json_object(json);
        clade_json_put_int(json, "n", (int64_t)card->bin[b].n);
        clade_json_put_number(json, "predicted", card->bin[b].predicted);
        clade_json_put_number(json, "observed", card->bin[b].observed);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_tenths(clade_json *json, const clade_predict_card *card)
{
    clade_json_key(json, "tenths");
    clade_json_array(json);
    for (size_t b = 0; b < card->n_tenths; b++) {
        clade_json_object(json);
        clade_json_put_number(json, "lift", card->tenth[b].lift);
        clade_json_put_number(json, "gain", card->tenth[b].gain);
        clade_json_put_number(json, "gain_rule", card->tenth[b].gain_rule);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_groups(clade_json *json, const clade_predict_card *card)
{
    const bool amount = clade_task_is_amount(&card->task);
    char       words[96];
    clade_json_key(json, "groups");
    clade_json_array(json);
    for (size_t i = 0; i < card->n_groups; i++) {
        const clade_predict_group *const g = &card->group[i];
        clade_json_object(json);
        clade_json_put_text(json, "group", clade_predict_group_name(g->kind));
        if (g->of[0] != '\0') clade_json_put_text(json, "of", g->of);
        clade_predict_group_title(words, g, false);
        clade_json_put_text(json, "words", words);
        clade_predict_group_title(words, g, true);
        clade_json_put_text(json, "words_zh", words);
        clade_json_put_int(json, "n", (int64_t)g->n);
        clade_json_put_number(json, "base_rate", g->base_rate);
        clade_interval_write(json, amount ? "gini" : "auc", &g->first);
        clade_interval_write(json, amount ? "total" : "ece", &g->fit);
        clade_json_put_bool(json, "fits_less_well", g->worse);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_profit(clade_json *json, const clade_predict_profit *p)
{
    if (!p->known) return;
    clade_json_key(json, "profit");
    clade_json_object(json);
    clade_json_put_number(json, "margin", p->stakes.margin);
    clade_json_put_number(json, "contact_cost", p->stakes.contact_cost);
    clade_json_put_number(json, "save_rate", p->stakes.save_rate);
    clade_json_put_number(json, "worth", p->worth);
    clade_json_put_number(json, "threshold", p->threshold); /* null: nobody */
    clade_json_put_number(json, "a_customer", p->profit);
    clade_json_put_number(json, "a_customer_when_all", p->profit_all);
    clade_json_put_int(json, "true_positive", (int64_t)p->true_positive);
    clade_json_put_int(json, "false_positive", (int64_t)p->false_positive);
    clade_json_put_int(json, "true_negative", (int64_t)p->true_negative);
    clade_json_put_int(json, "false_negative", (int64_t)p->false_negative);
    clade_json_object_end(json);
}

static void write_top(clade_json *json, const clade_predict_card *card)
{
    clade_json_key(json, "top_features");
    clade_json_array(json);
    for (size_t i = 0; i < card->n_top; i++) {
        clade_json_object(json);
        clade_json_put_text(json, "feature",
                            clade_predict_reason_key(card->top[i].feature, card->top[i].group));
        clade_json_put_number(json, "mean_margin", card->top[i].mean_margin);
        clade_json_put_number(json, "direction", card->top[i].direction);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

void clade_predict_card_write(clade_json *json, const clade_predict_card *card)
{
    char text[40];
    clade_json_object(json);
    write_task(json, &card->task);
    if (card->first_us != INT64_MIN) put_moment(json, "first_event", card->first_us);
    put_moment(json, "as_of", card->as_of_us);
    clade_json_put_text(json, "currency", card->currency);
    put_moment(json, "judged_at", card->judged_us);
    clade_json_put_int(json, "judged_days", card->judged_days);
    clade_json_put_bool(json, "judged_on_other_customers", card->by_customers);
    clade_json_put_int(json, "n_moments", (int64_t)card->n_moments);
    clade_json_put_int(json, "n_learnt", (int64_t)card->n_learnt);
    clade_json_put_int(json, "n_learnt_positive", (int64_t)card->n_learnt_positive);
    clade_json_put_int(json, "n_judged", (int64_t)card->n_judged);
    clade_json_put_int(json, "n_judged_positive", (int64_t)card->n_judged_positive);
    clade_json_put_number(json, "base_rate", card->base_rate);
    write_models(json, card);
    write_search(json, card);
    write_metrics(json, card);
    write_tenths(json, card);
    write_groups(json, card);
    write_profit(json, &card->profit);
    write_top(json, card);
    clade_json_key(json, "suspects");
    clade_json_array(json);
    for (size_t i = 0; i < 3 && card->suspect[i][0] != '\0'; i++)
        clade_json_text(json, card->suspect[i]);
    clade_json_array_end(json);
    clade_json_put_text(json, "verdict", card->trusted ? "trust" : "do not trust yet");
    put_sentence(json, "why", &card->why);
    put_sentence(json, "behaviour", &card->behaviour);
    (void)snprintf(text, sizeof text, "%" PRIu64, card->seed);
    clade_json_put_text(json, "seed", text);
    (void)snprintf(text, sizeof text, "%016" PRIx64, card->data_hash);
    clade_json_put_text(json, "data_hash", text);
    clade_json_put_int(json, "run", card->run);
    clade_json_put_number(json, "seconds", card->seconds);
    clade_json_object_end(json);
}

/* ---------------------------------------------------------------- back */

static void interval(clade_interval *out, clade_json_reader *r, const clade_json_node *object,
                     const char *key)
{
    const clade_json_node *const node = clade_json_member(r, object, key, CLADE_JSON_OBJECT);
    if (node == NULL) return;
    *out = (clade_interval){ clade_json_take_real(r, node, "value"),
                             clade_json_take_real(r, node, "low"),
                             clade_json_take_real(r, node, "high") };
}

static void sentence(clade_sentence *out, clade_json_reader *r, const clade_json_node *object,
                     const char *key)
{
    const clade_json_node *const node = clade_json_member(r, object, key, CLADE_JSON_OBJECT);
    if (node == NULL) return;
    clade_json_take_text(out->en, sizeof out->en, r, node, "en");
    clade_json_take_text(out->zh, sizeof out->zh, r, node, "zh");
}

static void read_task(clade_predict_task *out, clade_json_reader *r, const clade_json_node *root)
{
    char kind[32];
    clade_json_take_text(kind, sizeof kind, r, root, "kind");
    for (int k = 0; k < CLADE_N_TASK_KIND; k++)
        if (strcmp(kind, clade_task_kind_name((clade_task_kind)k)) == 0)
            out->kind = (clade_task_kind)k;
    out->horizon_days = (int)fmin(36500, (double)clade_json_take_size(r, root, "horizon"));
    out->by_rhythm    = clade_json_take_bool(r, root, "by_rhythm");
    clade_json_take_text(out->of, sizeof out->of, r, root, "of");
    clade_json_take_text(out->expression, sizeof out->expression, r, root, "expression");
}

static const clade_json_node *first_child(const clade_json_reader *r, const clade_json_node *list)
{
    return list + 1 < r->tree->node + r->tree->n ? list + 1 : NULL;
}

static void read_metrics(clade_predict_card *out, clade_json_reader *r, const clade_json_node *root)
{
    const clade_json_node *list = clade_json_member(r, root, "metrics", CLADE_JSON_OBJECT);
    const clade_json_node *node = list == NULL ? NULL : first_child(r, list);
    for (size_t k = 0; list != NULL && k < list->n && k < CLADE_PREDICT_METRICS_MAX; k++) {
        clade_predict_metric *const m = &out->metric[out->n_metrics++];
        (void)snprintf(m->name, sizeof m->name, "%.*s", (int)node->key.size, node->key.data);
        m->of       = (clade_interval){ clade_json_take_real(r, node, "value"),
                                        clade_json_take_real(r, node, "low"),
                                        clade_json_take_real(r, node, "high") };
        m->baseline = clade_json_take_real(r, node, "baseline");
        node        = r->tree->node + node->next;
    }
    list = clade_json_member(r, root, "reliability", CLADE_JSON_ARRAY);
    node = list == NULL ? NULL : first_child(r, list);
    for (size_t b = 0; list != NULL && b < list->n && b < 10; b++) {
        out->bin[out->n_bins++] =
            (clade_calibration_bin){ clade_json_take_size(r, node, "n"),
                                     clade_json_take_real(r, node, "predicted"),
                                     clade_json_take_real(r, node, "observed") };
        node = r->tree->node + node->next;
    }
    list = clade_json_member(r, root, "tried", CLADE_JSON_ARRAY);
    node = list == NULL ? NULL : first_child(r, list);
    for (size_t k = 0; list != NULL && k < list->n && k < CLADE_N_PREDICT_MODEL; k++) {
        char name[32];
        int  m = 0;
        clade_json_take_text(name, sizeof name, r, node, "model");
        while (m + 1 < CLADE_N_PREDICT_MODEL &&
               strcmp(name, clade_predict_model_name((clade_predict_model)m)) != 0)
            m++;
        out->loss[m]   = clade_json_take_real(r, node, "loss");
        out->weight[m] = clade_json_take_real(r, node, "weight");
        if (!isfinite(out->weight[m])) out->weight[m] = 0;
        node = r->tree->node + node->next;
    }
}

/* ---- What an older clade did not keep: missing is empty. */

/* The list of a key, or NULL; *out_first is its first element. */
static const clade_json_node *list_of(const clade_json_reader *r, const clade_json_node *root,
                                      const char *key, const clade_json_node **out_first)
{
    const clade_json_node *const list = clade_json_get(r->tree, root, key);
    if (list == NULL || list->type != CLADE_JSON_ARRAY || list->n == 0) return NULL;
    *out_first = first_child(r, list);
    return *out_first == NULL ? NULL : list;
}

static void read_tenths(clade_predict_card *out, const clade_json_reader *r,
                        const clade_json_node *root)
{
    const clade_json_node       *node = NULL;
    const clade_json_node *const list = list_of(r, root, "tenths", &node);
    if (list == NULL || list->n != 10) return;
    for (; out->n_tenths < 10; node = r->tree->node + node->next)
        out->tenth[out->n_tenths++] =
            (clade_predict_tenth){ clade_json_take_real(r, node, "lift"),
                                   clade_json_take_real(r, node, "gain"),
                                   clade_json_take_real(r, node, "gain_rule") };
}

static void read_groups(clade_predict_card *out, clade_json_reader *r, const clade_json_node *root)
{
    const bool                   amount = clade_task_is_amount(&out->task);
    const clade_json_node       *node   = NULL;
    const clade_json_node *const list   = list_of(r, root, "groups", &node);
    for (size_t i = 0; list != NULL && i < list->n && i < CLADE_PREDICT_GROUPS_MAX; i++) {
        char                       name[32];
        clade_predict_group *const g = &out->group[out->n_groups];
        clade_json_take_text(name, sizeof name, r, node, "group");
        for (int k = 0; k < CLADE_N_PREDICT_GROUP; k++) {
            if (strcmp(name, clade_predict_group_name((clade_predict_group_kind)k)) != 0) continue;
            g->kind = (clade_predict_group_kind)k;
            if (clade_json_get(r->tree, node, "of") != NULL)
                clade_json_take_text(g->of, sizeof g->of, r, node, "of");
            g->n         = clade_json_take_size(r, node, "n");
            g->base_rate = clade_json_take_real(r, node, "base_rate");
            interval(&g->first, r, node, amount ? "gini" : "auc");
            interval(&g->fit, r, node, amount ? "total" : "ece");
            g->worse = clade_json_take_bool(r, node, "fits_less_well");
            out->n_groups++;
        }
        node = r->tree->node + node->next;
    }
}

static void read_profit(clade_predict_profit *out, clade_json_reader *r,
                        const clade_json_node *root)
{
    const clade_json_node *const node = clade_json_get(r->tree, root, "profit");
    if (node == NULL || node->type != CLADE_JSON_OBJECT) return;
    *out = (clade_predict_profit){
        .known          = true,
        .stakes         = { clade_json_take_real(r, node, "margin"),
                            clade_json_take_real(r, node, "contact_cost"),
                            clade_json_take_real(r, node, "save_rate") },
        .worth          = clade_json_take_real(r, node, "worth"),
        .threshold      = clade_json_take_real(r, node, "threshold"),
        .profit         = clade_json_take_real(r, node, "a_customer"),
        .profit_all     = clade_json_take_real(r, node, "a_customer_when_all"),
        .true_positive  = clade_json_take_size(r, node, "true_positive"),
        .false_positive = clade_json_take_size(r, node, "false_positive"),
        .true_negative  = clade_json_take_size(r, node, "true_negative"),
        .false_negative = clade_json_take_size(r, node, "false_negative"),
    };
    if (isnan(out->threshold)) out->threshold = (double)INFINITY;
}

static void read_top(clade_predict_card *out, clade_json_reader *r, const clade_json_node *root)
{
    const clade_json_node       *node = NULL;
    const clade_json_node *const list = list_of(r, root, "top_features", &node);
    for (size_t i = 0; list != NULL && i < list->n && i < CLADE_PREDICT_TOP; i++) {
        char name[64];
        clade_json_take_text(name, sizeof name, r, node, "feature");
        const int feature = clade_features_find(name);
        int       group   = -1;
        while (feature < 0 && *clade_predict_reason_key(-1, ++group) != '\0' &&
               strcmp(name, clade_predict_reason_key(-1, group)) != 0)
            ;
        if (feature >= 0 || *clade_predict_reason_key(-1, group) != '\0')
            out->top[out->n_top++] = (clade_predict_weight){
                .feature     = feature,
                .group       = group,
                .mean_margin = clade_json_take_real(r, node, "mean_margin"),
                .direction   = clade_json_take_real(r, node, "direction"),
            };
        node = r->tree->node + node->next;
    }
}

static void read_search(clade_predict_card *out, clade_json_reader *r, const clade_json_node *root)
{
    const clade_json_node       *name = NULL;
    const clade_json_node *const node = clade_json_member(r, root, "search", CLADE_JSON_OBJECT);
    if (node == NULL) return;
    out->budget_s                     = clade_json_take_real(r, node, "budget_s");
    out->search_s                     = clade_json_take_real(r, node, "seconds");
    out->n_depths                     = clade_json_take_size(r, node, "depths");
    out->n_depths_tried               = clade_json_take_size(r, node, "depths_tried");
    out->n_folds_borne                = clade_json_take_size(r, node, "folds");
    const clade_json_node *const list = list_of(r, node, "untried", &name);
    for (size_t i = 0; list != NULL && i < list->n; i++)
        for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
            if (clade_text_equal(name[i].text,
                                 clade_text_of(clade_predict_model_name((clade_predict_model)m))))
                out->untried[m] = true;
}

static void read_kept_since(clade_predict_card *out, clade_json_reader *r,
                            const clade_json_node *root)
{
    out->first_us = INT64_MIN;
    if (clade_json_get(r->tree, root, "first_event") != NULL)
        clade_json_take_moment(&out->first_us, r, root, "first_event");
    if (clade_json_get(r->tree, root, "currency") != NULL)
        clade_json_take_text(out->currency, sizeof out->currency, r, root, "currency");
    read_tenths(out, r, root);
    read_groups(out, r, root);
    read_profit(&out->profit, r, root);
    read_top(out, r, root);
}

clade_status clade__card_read(clade_predict_card *out, const clade_json_tree *tree,
                              clade_error *err)
{
    char                         text[40];
    clade_json_reader            r    = { tree, "card.json", err, CLADE_OK };
    const clade_json_node *const root = tree->node;
    *out                              = (clade_predict_card){ 0 };
    if (tree->n == 0 || root->type != CLADE_JSON_OBJECT)
        return clade_fail(err, CLADE_ERR_DATA, "a card is not a JSON object");
    read_task(&out->task, &r, root);
    clade_json_take_moment(&out->as_of_us, &r, root, "as_of");
    clade_json_take_moment(&out->judged_us, &r, root, "judged_at");
    out->judged_days  = (int)fmin(36500, (double)clade_json_take_size(&r, root, "judged_days"));
    out->by_customers = clade_json_take_bool(&r, root, "judged_on_other_customers");
    out->n_moments    = clade_json_take_size(&r, root, "n_moments");
    out->n_learnt     = clade_json_take_size(&r, root, "n_learnt");
    out->n_learnt_positive = clade_json_take_size(&r, root, "n_learnt_positive");
    out->n_judged          = clade_json_take_size(&r, root, "n_judged");
    out->n_judged_positive = clade_json_take_size(&r, root, "n_judged_positive");
    out->base_rate         = clade_json_take_real(&r, root, "base_rate");
    out->blend_loss        = clade_json_take_real(&r, root, "blend_loss");
    out->seconds           = clade_json_take_real(&r, root, "seconds");
    out->run               = (int64_t)clade_json_take_size(&r, root, "run");
    read_metrics(out, &r, root);
    read_search(out, &r, root);
    out->n_folds  = clade_json_take_size(&r, root, "n_folds");
    out->n_scored = clade_json_take_size(&r, root, "n_scored");
    clade_json_take_text(text, sizeof text, &r, root, "calibration");
    out->curved              = strcmp(text, "isotonic") == 0;
    out->calibration_loss[0] = clade_json_take_real(&r, root, "platt_loss");
    out->calibration_loss[1] = clade_json_take_real(&r, root, "isotonic_loss");
    read_kept_since(out, &r, root);
    interval(&out->gain_rule, &r, root, "gain_over_rule");
    interval(&out->gain_linear, &r, root, "gain_over_linear");
    interval(&out->gain_vectors, &r, root, "gain_of_vectors");
    sentence(&out->why, &r, root, "why");
    sentence(&out->behaviour, &r, root, "behaviour");
    clade_json_take_text(text, sizeof text, &r, root, "verdict");
    out->trusted = strcmp(text, "trust") == 0;
    clade_json_take_text(text, sizeof text, &r, root, "seed");
    out->seed = strtoull(text, NULL, 10);
    clade_json_take_text(text, sizeof text, &r, root, "data_hash");
    out->data_hash                     = strtoull(text, NULL, 16);
    const clade_json_node *const names = clade_json_member(&r, root, "suspects", CLADE_JSON_ARRAY);
    for (size_t i = 0; names != NULL && i < names->n && i < 3; i++)
        (void)snprintf(out->suspect[i], sizeof out->suspect[i], "%.*s", (int)names[1 + i].text.size,
                       names[1 + i].text.data);
    return r.status;
}
