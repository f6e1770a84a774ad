/* The model of running visits as files: card.json, model.json, and the trees in XGBoost's JSON. */
#include "../bundle.h"
#include "session_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { VERSION = 1, P = CLADE_SESSION_FEATURES };

static const char *const files[] = { "card.json", "model.json", "trees.json" };
enum { CARD, MODEL, TREES, N_FILES };

static clade__bundle bundle_of(const clade_store *store)
{
    return (clade__bundle){ .store = store, .name = "session", .file = files, .n_files = N_FILES };
}

/* The names of the features in their order: a bundle of others cannot be read. */
static uint64_t names_hash(void)
{
    uint64_t hash = 0;
    for (size_t j = 0; j < P; j++) {
        const char *const name = clade_session_feature_name(j);
        hash                   = clade_hash64(name, strlen(name), hash);
    }
    return hash;
}

/* ---------------------------------------------------------------- the card */

static void write_models(clade_json *json, const clade_session_card *card)
{
    clade_json_key(json, "tried");
    clade_json_array(json);
    for (int k = 0; k < CLADE_N_SESSION_MEMBER; k++) {
        clade_json_object(json);
        clade_json_put_text(json, "model", clade_session_member_name((clade_session_member)k));
        clade_json_put_number(json, "loss", card->loss[k]);
        clade_json_put_number(json, "weight", card->weight[k]);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_put_number(json, "blend_loss", card->blend_loss);
}

static void write_judgement(clade_json *json, const clade_session_card *card)
{
    clade_json_key(json, "metrics");
    clade_json_object(json);
    for (size_t k = 0; k < card->n_metrics; k++) {
        const clade_predict_metric *const m = &card->metric[k];
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
    clade_json_key(json, "reliability");
    clade_json_array(json);
    for (size_t b = 0; b < 10; b++) {
        if (card->bin[b].n == 0) continue;
        clade_json_object(json);
        clade_json_put_int(json, "n", (int64_t)card->bin[b].n);
        clade_json_put_number(json, "predicted", card->bin[b].predicted);
        clade_json_put_number(json, "observed", card->bin[b].observed);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    for (int g = 0; g < 2; g++) {
        if (card->group[g].n == 0) continue;
        clade_json_key(json, g == 0 ? "new" : "returning");
        clade_json_object(json);
        clade_json_put_int(json, "n", (int64_t)card->group[g].n);
        clade_json_put_number(json, "base_rate", card->group[g].base_rate);
        clade_interval_write(json, "auc", &card->group[g].auc);
        clade_interval_write(json, "ece", &card->group[g].ece);
        clade_json_object_end(json);
    }
}

static void put_moment(clade_json *json, const char *key, int64_t at_us)
{
    char text[40];
    clade_time_format(text, at_us);
    clade_json_put_text(json, key, text);
}

void clade_session_card_write(clade_json *json, const clade_session_card *card)
{
    char text[40];
    clade_json_object(json);
    clade_json_put_text(json, "task", "session");
    put_moment(json, "first_event", card->first_us);
    put_moment(json, "as_of", card->as_of_us);
    put_moment(json, "judged_at", card->judged_us);
    clade_json_put_int(json, "n_visits", (int64_t)card->n_visits);
    clade_json_put_int(json, "n_bought", (int64_t)card->n_bought);
    clade_json_put_int(json, "n_learnt", (int64_t)card->n_learnt);
    clade_json_put_int(json, "n_judged", (int64_t)card->n_judged);
    clade_json_put_int(json, "n_judged_positive", (int64_t)card->n_judged_positive);
    clade_json_put_number(json, "base_rate", card->base_rate);
    write_models(json, card);
    write_judgement(json, card);
    clade_json_key(json, "top_features");
    clade_json_array(json);
    for (size_t k = 0; k < card->n_top; k++) {
        clade_json_object(json);
        clade_json_put_text(json, "feature", clade_session_feature_name(card->top[k]));
        clade_json_put_number(json, "gain_share", card->top_share[k]);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_put_text(json, "verdict", card->trusted ? "trust" : "do not trust yet");
    clade_json_key(json, "why");
    clade_json_object(json);
    clade_json_put_text(json, "en", card->why.en);
    clade_json_put_text(json, "zh", card->why.zh);
    clade_json_object_end(json);
    (void)snprintf(text, sizeof text, "%" PRIu64, card->seed);
    clade_json_put_text(json, "seed", text);
    (void)snprintf(text, sizeof text, "%016" PRIx64, card->data_hash);
    clade_json_put_text(json, "data_hash", text);
    clade_json_put_int(json, "run", card->run);
    clade_json_put_number(json, "seconds", card->seconds);
    clade_json_object_end(json);
}

static clade_interval interval(clade_json_reader *r, const clade_json_node *object, const char *key)
{
    const clade_json_node *const node = clade_json_member(r, object, key, CLADE_JSON_OBJECT);
    if (node == NULL) return (clade_interval){ (double)NAN, (double)NAN, (double)NAN };
    return (clade_interval){ clade_json_take_real(r, node, "value"),
                             clade_json_take_real(r, node, "low"),
                             clade_json_take_real(r, node, "high") };
}

static void read_lists(clade_session_card *out, clade_json_reader *r, const clade_json_node *root)
{
    const clade_json_node *list = clade_json_member(r, root, "metrics", CLADE_JSON_OBJECT);
    const clade_json_node *node = list == NULL ? NULL : list + 1;
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
    node = list == NULL ? NULL : list + 1;
    for (size_t b = 0; list != NULL && b < list->n && b < 10; b++) {
        out->bin[b] = (clade_calibration_bin){ clade_json_take_size(r, node, "n"),
                                               clade_json_take_real(r, node, "predicted"),
                                               clade_json_take_real(r, node, "observed") };
        node        = r->tree->node + node->next;
    }
    list = clade_json_member(r, root, "tried", CLADE_JSON_ARRAY);
    node = list == NULL ? NULL : list + 1;
    for (size_t k = 0; list != NULL && k < list->n && k < CLADE_N_SESSION_MEMBER; k++) {
        out->loss[k]   = clade_json_take_real(r, node, "loss");
        out->weight[k] = clade_json_take_real(r, node, "weight");
        node           = r->tree->node + node->next;
    }
    list = clade_json_member(r, root, "top_features", CLADE_JSON_ARRAY);
    node = list == NULL ? NULL : list + 1;
    for (size_t k = 0; list != NULL && k < list->n && k < CLADE_SESSION_TOP; k++) {
        char name[32];
        clade_json_take_text(name, sizeof name, r, node, "feature");
        for (size_t j = 0; j < P; j++)
            if (strcmp(name, clade_session_feature_name(j)) == 0) {
                out->top[out->n_top]         = (uint32_t)j;
                out->top_share[out->n_top++] = clade_json_take_real(r, node, "gain_share");
            }
        node = r->tree->node + node->next;
    }
}

static clade_status read_card(clade_session_card *out, const clade_json_tree *tree,
                              clade_error *err)
{
    char                         text[40];
    clade_json_reader            r    = { tree, files[CARD], err, CLADE_OK };
    const clade_json_node *const root = tree->node;
    clade_json_take_moment(&out->first_us, &r, root, "first_event");
    clade_json_take_moment(&out->as_of_us, &r, root, "as_of");
    clade_json_take_moment(&out->judged_us, &r, root, "judged_at");
    out->n_visits          = clade_json_take_size(&r, root, "n_visits");
    out->n_bought          = clade_json_take_size(&r, root, "n_bought");
    out->n_learnt          = clade_json_take_size(&r, root, "n_learnt");
    out->n_judged          = clade_json_take_size(&r, root, "n_judged");
    out->n_judged_positive = clade_json_take_size(&r, root, "n_judged_positive");
    out->base_rate         = clade_json_take_real(&r, root, "base_rate");
    out->blend_loss        = clade_json_take_real(&r, root, "blend_loss");
    out->seconds           = clade_json_take_real(&r, root, "seconds");
    out->run               = (int64_t)clade_json_take_size(&r, root, "run");
    out->gain_rule         = interval(&r, root, "gain_over_rule");
    read_lists(out, &r, root);
    for (int g = 0; g < 2; g++) {
        const clade_json_node *const node =
            clade_json_get(tree, root, g == 0 ? "new" : "returning");
        if (node == NULL || node->type != CLADE_JSON_OBJECT) continue;
        out->group[g].n         = clade_json_take_size(&r, node, "n");
        out->group[g].base_rate = clade_json_take_real(&r, node, "base_rate");
        out->group[g].auc       = interval(&r, node, "auc");
        out->group[g].ece       = interval(&r, node, "ece");
    }
    const clade_json_node *const why = clade_json_member(&r, root, "why", CLADE_JSON_OBJECT);
    if (why != NULL) {
        clade_json_take_text(out->why.en, sizeof out->why.en, &r, why, "en");
        clade_json_take_text(out->why.zh, sizeof out->why.zh, &r, why, "zh");
    }
    clade_json_take_text(text, sizeof text, &r, root, "verdict");
    out->trusted = strcmp(text, "trust") == 0;
    clade_json_take_text(text, sizeof text, &r, root, "seed");
    out->seed = strtoull(text, NULL, 10);
    clade_json_take_text(text, sizeof text, &r, root, "data_hash");
    out->data_hash = strtoull(text, NULL, 16);
    return r.status;
}

/* ---------------------------------------------------------------- the model */

static void write_words(clade_json *json, const char *key, const clade__session_words *words)
{
    clade_json_key(json, key);
    clade_json_array(json);
    for (size_t k = 0; k < words->n; k++) {
        clade_json_object(json);
        clade_json_put_text(json, "word", words->word[k]);
        clade_json_put_number(json, "value", words->value[k]);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_model(clade_buffer *out, const clade_session_model *m)
{
    char       hash[24];
    clade_json json = clade_json_start(out, 1);
    clade_json_object(&json);
    clade_json_put_text(&json, "format", "clade session");
    clade_json_put_int(&json, "version", VERSION);
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, names_hash());
    clade_json_put_text(&json, "features", hash);
    clade__json_put_numbers(&json, "weight", m->card.weight, CLADE_N_SESSION_MEMBER);
    clade__json_put_numbers(&json, "rule", m->rule, CLADE__SESSION_CELLS);
    clade_json_put_number(&json, "base", m->base);
    clade__json_put_numbers(&json, "mean", m->mean, P);
    clade__json_put_numbers(&json, "spread", m->spread, P);
    clade__json_put_numbers(&json, "slope", m->slope, P);
    clade_json_put_number(&json, "intercept", m->intercept);
    clade_json_put_number(&json, "scale", m->scale);
    write_words(&json, "device", &m->device);
    write_words(&json, "channel", &m->channel);
    clade_json_object_end(&json);
    clade_buffer_text(out, "\n");
}

static clade_status read_words(clade__session_words *out, clade_json_reader *r, const char *key)
{
    const clade_json_node *const list = clade_json_member(r, r->tree->node, key, CLADE_JSON_ARRAY);
    if (list == NULL) return r->status;
    if (list->n > CLADE__SESSION_WORDS)
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "model.json: %zu words of '%s', wanted at most %d", (size_t)list->n, key,
                          CLADE__SESSION_WORDS);
    const clade_json_node *node = list + 1;
    for (size_t k = 0; k < list->n; k++, node = r->tree->node + node->next) {
        clade_json_take_text(out->word[k], sizeof out->word[k], r, node, "word");
        out->value[k] = clade_json_take_number(r, node, "value");
        out->n++;
    }
    return r->status;
}

static clade_status read_model(clade_session_model *m, const clade_json_tree *tree,
                               clade_error *err)
{
    char                         text[24], hash[24];
    const clade_json_node *const root = tree->node;
    clade_json_reader            r    = { tree, files[MODEL], err, CLADE_OK };
    clade_json_take_text(text, sizeof text, &r, root, "format");
    const size_t version = clade_json_take_size(&r, root, "version");
    CLADE_TRY(r.status);
    if (strcmp(text, "clade session") != 0)
        return clade_fail(err, CLADE_ERR_DATA, "model.json is a '%s', wanted a clade session",
                          text);
    clade_json_take_text(text, sizeof text, &r, root, "features");
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, names_hash());
    if (version != VERSION || strcmp(text, hash) != 0)
        return clade_fail(err, CLADE_ERR_VERSION,
                          "the model of visits was fitted on other features than this clade has");
    CLADE_TRY(
        clade__json_numbers(m->card.weight, CLADE_N_SESSION_MEMBER, tree, root, "weight", err));
    CLADE_TRY(clade__json_numbers(m->rule, CLADE__SESSION_CELLS, tree, root, "rule", err));
    CLADE_TRY(clade__json_numbers(m->mean, P, tree, root, "mean", err));
    CLADE_TRY(clade__json_numbers(m->spread, P, tree, root, "spread", err));
    CLADE_TRY(clade__json_numbers(m->slope, P, tree, root, "slope", err));
    m->base      = clade_json_take_number(&r, root, "base");
    m->intercept = clade_json_take_number(&r, root, "intercept");
    m->scale     = clade_json_take_number(&r, root, "scale");
    CLADE_TRY(read_words(&m->device, &r, "device"));
    return read_words(&m->channel, &r, "channel");
}

/* ---------------------------------------------------------------- files */

static clade_status write_files(const clade__bundle *b, const clade_session_model *m,
                                clade_error *err)
{
    clade_buffer card = { 0 }, model = { 0 }, trees = { 0 };
    clade_json   json = clade_json_start(&card, 2);
    clade_session_card_write(&json, &m->card);
    clade_buffer_text(&card, "\n");
    write_model(&model, m);
    clade_status status = clade__bundle_put(b, files[CARD], &card, err);
    if (status == CLADE_OK) status = clade__bundle_put(b, files[MODEL], &model, err);
    if (status == CLADE_OK) status = clade_trees_save(&trees, m->trees, err);
    if (status == CLADE_OK) status = clade__bundle_put(b, files[TREES], &trees, err);
    clade_buffer_free(&card);
    clade_buffer_free(&model);
    clade_buffer_free(&trees);
    return status;
}

clade_status clade_session_save(clade_store *store, clade_session_model *m, int64_t run,
                                clade_error *err)
{
    const clade__bundle b = bundle_of(store);
    m->card.run           = run;
    CLADE_TRY(clade__bundle_begin(&b, err));
    const clade_status status = write_files(&b, m, err);
    if (status != CLADE_OK) {
        clade__bundle_drop(&b);
        return status;
    }
    return clade__bundle_keep(&b, err);
}

static clade_status read_json(clade_json_tree *out, const clade__bundle *b, int file,
                              clade_arena *arena, clade_error *err)
{
    clade_buffer text   = { 0 };
    clade_status status = clade__bundle_get(&text, b, files[file], err);
    if (status == CLADE_OK) {
        char *const copy = clade_arena_text(arena, text.data, text.size);
        status           = copy == NULL
                               ? clade_fail(err, CLADE_ERR_NOMEM, "no memory to read %s", files[file])
                               : clade_json_parse(out, (clade_text){ copy, text.size }, arena, err);
    }
    clade_buffer_free(&text);
    if (status != CLADE_OK) return clade_fail_at(err, status, "%s", files[file]);
    return out->n == 0 || out->node[0].type != CLADE_JSON_OBJECT
               ? clade_fail(err, CLADE_ERR_DATA, "%s is not an object", files[file])
               : CLADE_OK;
}

static clade_status read_files(clade_session_model *m, const clade__bundle *b, clade_arena *arena,
                               clade_error *err)
{
    clade_json_tree card = { 0 }, model = { 0 };
    clade_buffer    trees = { 0 };
    CLADE_TRY(read_json(&card, b, CARD, arena, err));
    CLADE_TRY(read_card(&m->card, &card, err));
    CLADE_TRY(read_json(&model, b, MODEL, arena, err));
    CLADE_TRY(read_model(m, &model, err));
    clade_status status = clade__bundle_get(&trees, b, files[TREES], err);
    if (status == CLADE_OK) status = clade_trees_load(&m->trees, trees.data, trees.size, err);
    if (status == CLADE_OK && clade_trees_n_columns(m->trees) != P)
        status = clade_fail(err, CLADE_ERR_DATA, "trees.json has %zu columns, wanted %d",
                            clade_trees_n_columns(m->trees), P);
    clade_buffer_free(&trees);
    return status;
}

clade_status clade_session_open(clade_session_model **out, clade_store *store, clade_error *err)
{
    const clade__bundle b = bundle_of(store);
    if (!clade__bundle_there(&b)) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s has no model of visits yet",
                         clade_store_folder(store));
        clade_hint(err, "run: clade predict %s session", clade_store_folder(store));
        return CLADE_ERR_NOT_READY;
    }
    clade_arena         *arena  = clade_arena_create(0);
    clade_session_model *m      = CLADE_NEW(clade_session_model, 1);
    clade_status         status = arena == NULL || m == NULL
                                      ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for visits")
                                      : read_files(m, &b, arena, err);
    if (status == CLADE_OK) {
        *out = m;
        m    = NULL;
    } else if (status == CLADE_ERR_DATA || status == CLADE_ERR_VERSION) {
        clade_hint(err, "fit it again: clade predict %s session", clade_store_folder(store));
    }
    clade_session_model_free(m);
    clade_arena_free(arena);
    return status;
}
