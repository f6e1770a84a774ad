/* The bundle of a predictor: card.json for people, model.json for clade, trees in XGBoost's JSON.
 */
#include "../bundle.h"
#include "../additive_json.h"
#include "card.h"
#include "predict_internal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BUNDLE_VERSION = 2
}; /* 2: folds, the net, a bend of the calibration, amounts by ZILN, dates */

static const char *const files[] = { "card.json", "model.json", "trees.json", "joint.json",
                                     "card.md",   "low.json",   "high.json" };
enum { CARD, MODEL, TREES, JOINT, CARD_WORDS, LOW, HIGH, N_FILES };

static clade__bundle bundle_of(const clade_store *store, const char *name)
{
    clade__bundle b = { .store = store, .file = files, .n_files = N_FILES };
    (void)snprintf(b.name, sizeof b.name, "predict/%s", name);
    return b;
}

/* What the columns of the model mean: the registry's names in their order. */
uint64_t clade__registry_hash(void)
{
    size_t               n;
    const clade_feature *all  = clade_features_all(&n);
    uint64_t             hash = 0;
    for (size_t j = 0; j < n; j++)
        hash = clade_hash64(all[j].name, strlen(all[j].name), hash);
    return hash;
}

/* ---------------------------------------------------------------- writing */

static void write_rule(clade_json *json, const char *key, const clade__rule *rule)
{
    clade_json_key(json, key);
    clade_json_object(json);
    clade_json_put_int(json, "column", rule->column);
    clade_json_put_number(json, "cut", rule->cut);
    clade_json_put_number(json, "in", rule->in);
    clade_json_put_number(json, "out", rule->out);
    clade_json_put_number(json, "offset", rule->offset);
    clade_json_object_end(json);
}

static void write_spreads(clade_json *json, const clade_predictor *p)
{
    size_t               n;
    const clade_feature *all = clade_features_all(&n);
    clade_json_key(json, "spreads");
    clade_json_array(json);
    for (size_t i = 0; i < p->n_spreads; i++) {
        const clade__spread *const s = &p->spread[i];
        clade_json_object(json);
        clade_json_put_text(json, "feature", s->feature < 0 ? "" : all[s->feature].name);
        clade_json_put_int(json, "n_edges", (int64_t)s->n_edges);
        clade__json_put_numbers(json, "edge", s->edge, s->n_edges);
        clade__json_put_numbers(json, "count", s->count, s->n_edges + 2);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_net(clade_json *json, const clade__net *net)
{
    clade_json_key(json, "net");
    clade_json_object(json);
    clade_json_put_number(json, "lambda", net->lambda);
    clade_json_put_number(json, "intercept", net->intercept);
    clade_json_put_number(json, "out", net->out);
    clade_json_put_number(json, "in", net->in);
    clade_json_key(json, "terms"); /* column, mean, scale, coefficient */
    clade_json_array(json);
    for (size_t k = 0; k < net->n; k++) {
        const clade__net_term *const t       = &net->term[k];
        const double                 part[4] = { t->column, t->mean, t->scale, t->coefficient };
        clade_json_array(json);
        for (int i = 0; i < 4; i++)
            clade_json_number(json, part[i]);
        clade_json_array_end(json);
    }
    clade_json_array_end(json);
    clade_json_object_end(json);
}

static void write_model(clade_buffer *out, const clade_predictor *p)
{
    char       hash[24];
    clade_json json = clade_json_start(out, 1);
    clade_json_object(&json);
    clade_json_put_text(&json, "format", "clade predictor");
    clade_json_put_int(&json, "version", BUNDLE_VERSION);
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, clade__registry_hash());
    clade_json_put_text(&json, "registry", hash);
    clade_json_put_int(&json, "n_features", (int64_t)p->n_features);
    clade_json_put_int(&json, "n_columns", (int64_t)p->n_columns);
    clade__json_put_numbers(&json, "weight", p->card.weight, CLADE_N_PREDICT_MODEL);
    clade_json_put_number(&json, "intercept", p->intercept);
    clade_json_put_number(&json, "slope", p->slope);
    clade_json_put_number(&json, "bend_slope", p->bend.slope);
    clade_json_put_int(&json, "n_knots", (int64_t)p->bend.n);
    clade__json_put_numbers(&json, "bend_at", p->bend.at, p->bend.n);
    clade__json_put_numbers(&json, "bend_to", p->bend.to, p->bend.n);
    clade__json_put_numbers(&json, "average", p->average, CLADE_N_PREDICT_MODEL);
    write_rule(&json, "rule", &p->rule);
    write_rule(&json, "value", &p->value);
    if (p->linear != NULL) {
        clade_json_key(&json, "linear");
        clade_json_object(&json);
        clade__additive_write(&json, p->linear);
        clade_json_object_end(&json);
    }
    if (p->card.weight[CLADE_PREDICT_NET] > 0) write_net(&json, p->net);
    clade_json_put_number(&json, "band_scale", p->band_scale);
    clade_json_put_int(&json, "n_bands", (int64_t)p->n_bands);
    clade__json_put_numbers(&json, "band_edge", p->band_edge, p->n_bands == 0 ? 0 : p->n_bands - 1);
    clade__json_put_numbers(&json, "band_low", p->band_low, p->n_bands);
    clade__json_put_numbers(&json, "band_high", p->band_high, p->n_bands);
    write_spreads(&json, p);
    if (p->card.weight[CLADE_PREDICT_ZILN] > 0) clade__ziln_write(&json, p->ziln);
    if (p->next != NULL) clade__next_write(&json, p->next);
    clade_json_object_end(&json);
    clade_buffer_text(out, "\n");
}

static clade_status put_trees(const clade__bundle *b, int file, const clade_trees *trees,
                              clade_error *err)
{
    clade_buffer text = { 0 };
    if (trees == NULL) return CLADE_OK;
    clade_status status = clade_trees_save(&text, trees, err);
    if (status == CLADE_OK) status = clade__bundle_put(b, files[file], &text, err);
    clade_buffer_free(&text);
    return status;
}

static clade_status write_files(const clade__bundle *b, const clade_predictor *p, clade_error *err)
{
    clade_buffer card = { 0 }, model = { 0 }, sheet = { 0 };
    clade_json   json = clade_json_start(&card, 2);
    clade_predict_card_write(&json, &p->card);
    clade_buffer_text(&card, "\n");
    write_model(&model, p);
    clade_predict_card_markdown(&sheet, &p->card, false);
    clade_status status = clade__bundle_put(b, files[CARD], &card, err);
    if (status == CLADE_OK) status = clade__bundle_put(b, files[CARD_WORDS], &sheet, err);
    if (status == CLADE_OK) status = clade__bundle_put(b, files[MODEL], &model, err);
    if (status == CLADE_OK && p->card.weight[CLADE_PREDICT_TREES] > 0)
        status = put_trees(b, TREES, p->trees, err);
    if (status == CLADE_OK && p->card.weight[CLADE_PREDICT_JOINT] > 0)
        status = put_trees(b, JOINT, p->joint, err);
    if (status == CLADE_OK && p->next != NULL) status = put_trees(b, LOW, p->next->low, err);
    if (status == CLADE_OK && p->next != NULL) status = put_trees(b, HIGH, p->next->high, err);
    clade_buffer_free(&card);
    clade_buffer_free(&model);
    clade_buffer_free(&sheet);
    return status;
}

clade_status clade_predictor_save(clade_store *store, clade_predictor *p, int64_t run,
                                  clade_error *err)
{
    char name[96];
    p->card.run = run;
    clade_task_name(name, &p->card.task);
    const clade__bundle b = bundle_of(store, name);
    CLADE_TRY(clade__bundle_begin(&b, err));
    const clade_status status = write_files(&b, p, err);
    if (status != CLADE_OK) {
        clade__bundle_drop(&b);
        return status;
    }
    return clade__bundle_keep(&b, err);
}

/* ---------------------------------------------------------------- reading */

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
        if (status != CLADE_OK) (void)clade_fail_at(err, status, "%s", files[file]);
    }
    clade_buffer_free(&text);
    return status == CLADE_OK && (out->n == 0 || out->node[0].type != CLADE_JSON_OBJECT)
               ? clade_fail(err, CLADE_ERR_DATA, "%s is not an object", files[file])
               : status;
}

static clade_status number(double *out, const clade_json_tree *tree, const clade_json_node *object,
                           const char *key, clade_error *err)
{
    clade_json_reader r = { tree, files[MODEL], err, CLADE_OK };
    *out                = clade_json_take_number(&r, object, key);
    return r.status;
}

static clade_status read_rule(clade__rule *out, size_t n_columns, const clade_json_tree *tree,
                              const char *key, clade_error *err)
{
    double                       column = 0;
    const clade_json_node *const node   = clade_json_get(tree, tree->node, key);
    if (node == NULL || node->type != CLADE_JSON_OBJECT)
        return clade_fail(err, CLADE_ERR_DATA, "model.json has no object '%s'", key);
    CLADE_TRY(number(&column, tree, node, "column", err));
    CLADE_TRY(number(&out->cut, tree, node, "cut", err));
    CLADE_TRY(number(&out->in, tree, node, "in", err));
    CLADE_TRY(number(&out->out, tree, node, "out", err));
    CLADE_TRY(number(&out->offset, tree, node, "offset", err));
    if (!(column >= 0 && column < (double)n_columns))
        return clade_fail(err, CLADE_ERR_DATA, "model.json: '%s' reads column %g of %zu", key,
                          column, n_columns);
    out->column = (uint32_t)column;
    return CLADE_OK;
}

static clade_status check_format(const clade_json_tree *tree, clade_error *err)
{
    double version = 0;
    char   hash[24];
    CLADE_TRY(number(&version, tree, tree->node, "version", err));
    if (version > BUNDLE_VERSION)
        return clade_fail(err, CLADE_ERR_VERSION,
                          "a predictor of version %g, this clade reads up to %d", version,
                          BUNDLE_VERSION);
    if (version < BUNDLE_VERSION)
        return clade_fail(err, CLADE_ERR_VERSION,
                          "a predictor of version %g, this clade reads version %d", version,
                          BUNDLE_VERSION);
    const clade_json_node *const registry = clade_json_get(tree, tree->node, "registry");
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, clade__registry_hash());
    if (registry == NULL || !clade_text_equal(registry->text, clade_text_of(hash)))
        return clade_fail(err, CLADE_ERR_VERSION,
                          "the predictor was fitted on other features than this clade has");
    return CLADE_OK;
}

static clade_status read_bands(clade_predictor *p, const clade_json_tree *tree, clade_error *err)
{
    double n = 0;
    CLADE_TRY(number(&n, tree, tree->node, "n_bands", err));
    if (!(n >= 0 && n <= 10)) return clade_fail(err, CLADE_ERR_DATA, "model.json: %g bands", n);
    p->n_bands = (size_t)n;
    if (p->n_bands == 0) return CLADE_OK;
    CLADE_TRY(
        clade__json_numbers(p->band_edge, p->n_bands - 1, tree, tree->node, "band_edge", err));
    CLADE_TRY(clade__json_numbers(p->band_low, p->n_bands, tree, tree->node, "band_low", err));
    return clade__json_numbers(p->band_high, p->n_bands, tree, tree->node, "band_high", err);
}

static clade_status read_bend(clade__bend *out, const clade_json_tree *tree, clade_error *err)
{
    double n = 0;
    CLADE_TRY(number(&n, tree, tree->node, "n_knots", err));
    if (!(n >= 0 && n <= CLADE__KNOTS_MAX))
        return clade_fail(err, CLADE_ERR_DATA, "model.json: a curve of %g knots", n);
    CLADE_TRY(number(&out->slope, tree, tree->node, "bend_slope", err));
    CLADE_TRY(clade__json_numbers(out->at, (size_t)n, tree, tree->node, "bend_at", err));
    CLADE_TRY(clade__json_numbers(out->to, (size_t)n, tree, tree->node, "bend_to", err));
    out->n = (size_t)n;
    for (size_t k = 1; k < out->n; k++)
        if (!(out->at[k] > out->at[k - 1] && out->to[k] > out->to[k - 1]))
            return clade_fail(err, CLADE_ERR_DATA, "model.json: knot %zu does not rise", k);
    return CLADE_OK;
}

/* Of a bundle that kept none there are none. */
static clade_status read_spreads(clade_predictor *p, const clade_json_tree *tree, clade_error *err)
{
    const clade_json_node *const list = clade_json_get(tree, tree->node, "spreads");
    if (list == NULL || list->type != CLADE_JSON_ARRAY) return CLADE_OK;
    const clade_json_node *node = list + 1;
    for (size_t i = 0; i < list->n && i < CLADE__SPREADS_MAX; i++, node = tree->node + node->next) {
        char                         name[64];
        double                       n_edges = 0;
        clade__spread *const         s       = &p->spread[i];
        const clade_json_node *const feature = clade_json_get(tree, node, "feature");
        if (feature == NULL || feature->type != CLADE_JSON_TEXT)
            return clade_fail(err, CLADE_ERR_DATA, "model.json: spread %zu names no feature", i);
        (void)snprintf(name, sizeof name, "%.*s", (int)feature->text.size, feature->text.data);
        s->feature = name[0] == '\0' ? -1 : clade_features_find(name);
        CLADE_TRY(number(&n_edges, tree, node, "n_edges", err));
        if (!(n_edges >= 0 && n_edges <= 9) || (name[0] != '\0' && s->feature < 0))
            return clade_fail(err, CLADE_ERR_DATA, "model.json: %g edges of '%s'", n_edges, name);
        s->n_edges = (size_t)n_edges;
        CLADE_TRY(clade__json_numbers(s->edge, s->n_edges, tree, node, "edge", err));
        CLADE_TRY(clade__json_numbers(s->count, s->n_edges + 2, tree, node, "count", err));
        p->n_spreads++;
    }
    return CLADE_OK;
}

static clade_status read_net(clade_predictor *p, const clade_json_tree *tree, clade_error *err)
{
    const clade_json_node *const node = clade_json_get(tree, tree->node, "net");
    const clade_json_node *const list = node == NULL ? NULL : clade_json_get(tree, node, "terms");
    if (list == NULL || list->type != CLADE_JSON_ARRAY || list->n > p->n_columns)
        return clade_fail(err, CLADE_ERR_DATA, "model.json has no net");
    p->net = calloc(1, sizeof *p->net + list->n * sizeof p->net->term[0]);
    if (p->net == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a predictor");
    CLADE_TRY(number(&p->net->lambda, tree, node, "lambda", err));
    CLADE_TRY(number(&p->net->intercept, tree, node, "intercept", err));
    CLADE_TRY(number(&p->net->out, tree, node, "out", err));
    CLADE_TRY(number(&p->net->in, tree, node, "in", err));
    const clade_json_node *one = list + 1;
    for (size_t k = 0; k < list->n; k++, one = tree->node + one->next) {
        bool sound = one->type == CLADE_JSON_ARRAY && one->n == 4;
        for (size_t i = 1; sound && i <= 4; i++)
            sound = one[i].type == CLADE_JSON_NUMBER && isfinite(one[i].number);
        if (!sound || !(one[1].number >= 0 && one[1].number < (double)p->n_columns) ||
            !(one[3].number > 0))
            return clade_fail(err, CLADE_ERR_DATA, "model.json: term %zu of the net is not sound",
                              k);
        p->net->term[p->net->n++] = (clade__net_term){ (uint32_t)one[1].number, one[2].number,
                                                       one[3].number, one[4].number };
    }
    return CLADE_OK;
}

static clade_status read_model(clade_predictor *p, const clade_json_tree *tree, clade_error *err)
{
    double n_features = 0, n_columns = 0;
    size_t n_known;
    (void)clade_features_all(&n_known);
    CLADE_TRY(check_format(tree, err));
    CLADE_TRY(number(&n_features, tree, tree->node, "n_features", err));
    CLADE_TRY(number(&n_columns, tree, tree->node, "n_columns", err));
    if (n_features != (double)n_known || !(n_columns >= n_features + CLADE__VALUE_COLUMNS) ||
        n_columns > n_features + 4096)
        return clade_fail(err, CLADE_ERR_DATA, "model.json: %g features in %g columns, wanted %zu",
                          n_features, n_columns, n_known);
    p->n_features = (size_t)n_features;
    p->n_columns  = (size_t)n_columns;
    CLADE_TRY(clade__json_numbers(p->card.weight, CLADE_N_PREDICT_MODEL, tree, tree->node, "weight",
                                  err));
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        if (!(p->card.weight[m] >= 0 && p->card.weight[m] <= 1))
            return clade_fail(err, CLADE_ERR_DATA, "model.json: weight %d is %g, wanted 0 to 1", m,
                              p->card.weight[m]);
    CLADE_TRY(number(&p->intercept, tree, tree->node, "intercept", err));
    CLADE_TRY(number(&p->slope, tree, tree->node, "slope", err));
    CLADE_TRY(read_bend(&p->bend, tree, err));
    CLADE_TRY(
        clade__json_numbers(p->average, CLADE_N_PREDICT_MODEL, tree, tree->node, "average", err));
    CLADE_TRY(read_rule(&p->rule, p->n_features, tree, "rule", err));
    CLADE_TRY(read_rule(&p->value, p->n_columns, tree, "value", err));
    CLADE_TRY(number(&p->band_scale, tree, tree->node, "band_scale", err));
    CLADE_TRY(read_bands(p, tree, err));
    CLADE_TRY(read_spreads(p, tree, err));
    if (p->card.weight[CLADE_PREDICT_NET] > 0) CLADE_TRY(read_net(p, tree, err));
    if (p->card.weight[CLADE_PREDICT_ZILN] > 0)
        CLADE_TRY(clade__ziln_read(&p->ziln, p->n_features, tree, err));
    if (p->card.task.kind == CLADE_TASK_NEXT) {
        p->next = CLADE_NEW(clade__next, 1);
        if (p->next == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a predictor");
        CLADE_TRY(clade__next_read(p->next, tree, err));
    }
    const clade_json_node *const linear = clade_json_get(tree, tree->node, "linear");
    if (linear == NULL && p->card.weight[CLADE_PREDICT_LINEAR] == 0) return CLADE_OK;
    p->linear = CLADE_NEW(clade_additive, 1);
    if (p->linear == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a predictor");
    if (linear == NULL || linear->type != CLADE_JSON_OBJECT)
        return clade_fail(err, CLADE_ERR_DATA, "model.json has no linear model");
    return clade__additive_read(p->linear, 1, tree, linear, err);
}

clade_status clade__model_read(clade_predictor *p, clade_text text, clade_arena *arena,
                               clade_error *err)
{
    clade_json_tree tree = { 0 };
    CLADE_TRY(clade_json_parse(&tree, text, arena, err));
    if (tree.n == 0 || tree.node[0].type != CLADE_JSON_OBJECT)
        return clade_fail(err, CLADE_ERR_DATA, "%s is not an object", files[MODEL]);
    return read_model(p, &tree, err);
}

static clade_status read_trees(clade_trees **out, const clade__bundle *b, int file,
                               size_t n_columns, clade_error *err)
{
    clade_buffer text   = { 0 };
    clade_status status = clade__bundle_get(&text, b, files[file], err);
    if (status == CLADE_OK) status = clade_trees_load(out, text.data, text.size, err);
    if (status == CLADE_OK && clade_trees_n_columns(*out) != n_columns)
        status = clade_fail(err, CLADE_ERR_DATA, "%s: trees of %zu columns, wanted %zu",
                            files[file], clade_trees_n_columns(*out), n_columns);
    clade_buffer_free(&text);
    return status;
}

static clade_status read_bundle(clade_predictor *p, const clade__bundle *b, clade_arena *arena,
                                clade_error *err)
{
    clade_json_tree card = { 0 }, model = { 0 };
    CLADE_TRY(read_json(&card, b, CARD, arena, err));
    CLADE_TRY(clade__card_read(&p->card, &card, err));
    CLADE_TRY(read_json(&model, b, MODEL, arena, err));
    CLADE_TRY(read_model(p, &model, err));
    if (p->card.weight[CLADE_PREDICT_TREES] > 0)
        CLADE_TRY(read_trees(&p->trees, b, TREES, p->n_features, err));
    if (p->card.weight[CLADE_PREDICT_JOINT] > 0)
        CLADE_TRY(read_trees(&p->joint, b, JOINT, p->n_columns, err));
    if (p->next != NULL && p->next->model == CLADE__NEXT_TREES) {
        if (p->joint == NULL)
            return clade_fail(err, CLADE_ERR_DATA, "model.json: quantiles of trees without trees");
        CLADE_TRY(read_trees(&p->next->low, b, LOW, p->n_columns, err));
        CLADE_TRY(read_trees(&p->next->high, b, HIGH, p->n_columns, err));
    }
    return CLADE_OK;
}

clade_status clade_predictor_open(clade_predictor **out, clade_store *store, const char *name,
                                  clade_error *err)
{
    const clade__bundle b = bundle_of(store, name);
    if (strlen(name) >= 96 || strchr(name, '/') != NULL || !clade__bundle_there(&b)) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s has no prediction '%s' yet",
                         clade_store_folder(store), name);
        clade_hint(err, "run: clade predict %s", clade_store_folder(store));
        return CLADE_ERR_NOT_READY;
    }
    clade_arena     *arena  = clade_arena_create(0);
    clade_predictor *p      = CLADE_NEW(clade_predictor, 1);
    clade_status     status = arena == NULL || p == NULL
                                  ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for a predictor")
                                  : read_bundle(p, &b, arena, err);
    if (status == CLADE_OK) {
        *out = p;
        p    = NULL;
    } else if (status == CLADE_ERR_DATA || status == CLADE_ERR_VERSION) {
        (void)clade_fail_at(err, status, "prediction '%s'", name);
        clade_hint(err, "fit it again: clade predict %s", clade_store_folder(store));
    }
    clade_predictor_free(p);
    clade_arena_free(arena);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

clade_status clade_predictors_list(char ***out_names, size_t *out_n, clade_store *store,
                                   clade_arena *arena, clade_error *err)
{
    enum { NAMES_MAX = 1000 };
    char           path[CLADE_PATH_MAX];
    struct dirent *entry;
    size_t         n     = 0;
    char         **names = CLADE_ARENA_NEW(arena, char *, NAMES_MAX);
    if (names == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for names");
    CLADE_TRY(clade_store_path(path, sizeof path, store, "models/predict", err));
    DIR *folder = opendir(path);
    if (folder == NULL && errno != ENOENT) return clade_file_fail(err, path, "read", errno);
    while (folder != NULL && (entry = readdir(folder)) != NULL && n < NAMES_MAX) {
        if (strchr(entry->d_name, '.') != NULL) continue; /* ., .., and what is on its way */
        names[n++] = clade_arena_text(arena, entry->d_name, strlen(entry->d_name));
        if (names[n - 1] == NULL) break;
    }
    if (folder != NULL) (void)closedir(folder);
    if (n > 0 && names[n - 1] == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for names");
    qsort(names, n, sizeof *names, by_text);
    *out_names = names;
    *out_n     = n;
    return CLADE_OK;
}
