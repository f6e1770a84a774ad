/* The bundle of the behaviour model in a workspace: written once a fit, read once a question. */
#include "bundle.h"

#include "clade/shop_behaviour.h"

#include "clade/tensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUNDLE_VERSION = 1 };

static const char *const precision_names[] = { "float", "half", "int8" };
static const char *const bundle_files[]    = { "weights.safetensors", "vocabulary.json",
                                               "manifest.json" };
enum { WEIGHTS, VOCABULARY, MANIFEST, N_FILES };

const char *clade_behaviour_precision_name(clade_behaviour_precision precision)
{
    return precision_names[precision];
}

static clade__bundle bundle_of(const clade_store *store)
{
    return (clade__bundle){
        .store = store, .name = "behaviour", .file = bundle_files, .n_files = N_FILES
    };
}

/* ---------------------------------------------------------------- writing */

/* How the best baseline was tuned, and how far the model was ahead of it. */
static void write_baseline(clade_json *json, const clade_shop_behaviour_card *card)
{
    const clade_neighbours_options *const o = &card->baseline_options;
    clade_json_key(json, "baseline_options");
    clade_json_object(json);
    clade_json_put_int(json, "n_neighbours", o->n_neighbours);
    clade_json_put_int(json, "reach", o->reach);
    clade_json_put_number(json, "shrink", o->shrink);
    clade_json_put_number(json, "half_life", o->half_life);
    clade_json_put_number(json, "repeat", o->repeat);
    clade_json_object_end(json);
    clade_json_put_number(json, "gain_ndcg_10", card->gain.value);
    clade_json_put_number(json, "gain_ndcg_10_low", card->gain.low);
    clade_json_put_number(json, "gain_ndcg_10_high", card->gain.high);
}

static void write_card(clade_buffer *out, const clade_shop_behaviour_card *card, uint64_t words)
{
    char       text[40];
    clade_json json = clade_json_start(out, 2);
    clade_json_object(&json);
    clade_json_put_text(&json, "format", "clade behaviour");
    clade_json_put_int(&json, "version", BUNDLE_VERSION);
    clade_time_format(text, card->as_of_us);
    clade_json_put_text(&json, "as_of", text);
    clade_json_put_int(&json, "run", card->run);
    (void)snprintf(text, sizeof text, "%" PRIu64, card->seed);
    clade_json_put_text(&json, "seed", text);
    (void)snprintf(text, sizeof text, "%016" PRIx64, card->data_hash);
    clade_json_put_text(&json, "data_hash", text);
    (void)snprintf(text, sizeof text, "%016" PRIx64, words);
    clade_json_put_text(&json, "vocabulary", text);
    clade_json_put_text(&json, "size", card->size);
    clade_json_put_text(&json, "mixer", clade_mixer_name(card->mixer));
    clade_json_put_text(&json, "precision", precision_names[card->precision]);
    clade_json_put_int(&json, "n_customers", (int64_t)card->n_customers);
    clade_json_put_int(&json, "n_events", (int64_t)card->n_events);
    clade_json_put_int(&json, "n_epochs", (int64_t)card->n_epochs);
    clade_json_put_int(&json, "best_epoch", (int64_t)card->best_epoch);
    clade_json_put_int(&json, "n_cases", (int64_t)card->n_cases);
    clade_json_put_number(&json, "ndcg_10", card->ndcg);
    clade_json_put_number(&json, "hit_10", card->hit);
    clade_json_put_text(&json, "baseline", card->baseline);
    clade_json_put_number(&json, "baseline_ndcg_10", card->baseline_ndcg);
    if (card->baseline[0] != '\0') write_baseline(&json, card);
    clade_json_put_bool(&json, "trusted", card->trusted);
    clade_json_object_end(&json);
    clade_buffer_text(out, "\n");
}

/* The three files in the folder beside. */
static clade_status write_beside(const clade__bundle *bundle, const clade_behaviour *model,
                                 const clade_vocabulary          *vocabulary,
                                 const clade_shop_behaviour_card *card, clade_error *err)
{
    char         path[CLADE_PATH_MAX], hash[24], seed[24];
    clade_buffer words = { 0 }, manifest = { 0 };
    clade_json   json = clade_json_start(&words, 0);
    clade_vocabulary_write(&json, vocabulary);
    const uint64_t words_hash = words.failed ? 0 : clade_hash64(words.data, words.size, 0);
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, words_hash);
    (void)snprintf(seed, sizeof seed, "%" PRIu64, card->seed);
    const char *const notes[] = { "vocabulary", hash, "seed", seed, NULL };
    write_card(&manifest, card, words_hash);

    clade_status status = clade__bundle_new_path(path, bundle, bundle_files[WEIGHTS], err);
    if (status == CLADE_OK) status = clade_behaviour_save(model, path, card->precision, notes, err);
    if (status == CLADE_OK)
        status = clade__bundle_put(bundle, bundle_files[VOCABULARY], &words, err);
    if (status == CLADE_OK)
        status = clade__bundle_put(bundle, bundle_files[MANIFEST], &manifest, err);
    clade_buffer_free(&words);
    clade_buffer_free(&manifest);
    return status;
}

clade_status clade_shop_behaviour_save(clade_store *store, const clade_behaviour *model,
                                       const clade_vocabulary          *vocabulary,
                                       const clade_shop_behaviour_card *card, clade_error *err)
{
    const clade__bundle bundle = bundle_of(store);
    CLADE_TRY(clade__bundle_begin(&bundle, err));
    const clade_status status = write_beside(&bundle, model, vocabulary, card, err);
    if (status == CLADE_OK) return clade__bundle_keep(&bundle, err);
    clade__bundle_drop(&bundle);
    return status;
}

/* ---------------------------------------------------------------- reading */

/* Bundles of older builds have none of this: the options are plain then. */
static void read_baseline(clade_shop_behaviour_card *card, const clade_json_reader *r)
{
    const clade_json_node *const node = clade_json_get(r->tree, r->tree->node, "baseline_options");
    static const char *const key[] = { "n_neighbours", "reach", "shrink", "half_life", "repeat" };
    double                   value[5] = { 0 };
    card->gain = (clade_interval){ clade_json_take_real(r, r->tree->node, "gain_ndcg_10"),
                                   clade_json_take_real(r, r->tree->node, "gain_ndcg_10_low"),
                                   clade_json_take_real(r, r->tree->node, "gain_ndcg_10_high") };
    for (int i = 0; node != NULL && i < 5; i++) {
        const clade_json_node *const one = clade_json_get(r->tree, node, key[i]);
        if (one != NULL && one->type == CLADE_JSON_NUMBER && one->number >= 0 && one->number < 1e9)
            value[i] = one->number;
    }
    card->baseline_options = (clade_neighbours_options){ .n_neighbours = (uint32_t)value[0],
                                                         .reach        = (uint32_t)value[1],
                                                         .shrink       = value[2],
                                                         .half_life    = value[3],
                                                         .repeat       = value[4],
                                                         .backoff      = true };
}

static void read_names(clade_shop_behaviour_card *card, clade_json_reader *r)
{
    char name[24];
    clade_json_take_text(name, sizeof name, r, r->tree->node, "mixer");
    const clade_mixer mixer = clade_mixer_find(clade_text_of(name));
    if (mixer < CLADE_N_MIXER) card->mixer = mixer;
    clade_json_take_text(name, sizeof name, r, r->tree->node, "precision");
    for (int p = 0; p < 3; p++)
        if (strcmp(name, precision_names[p]) == 0) card->precision = (clade_behaviour_precision)p;
    clade_json_take_text(card->size, sizeof card->size, r, r->tree->node, "size");
    clade_json_take_text(card->baseline, sizeof card->baseline, r, r->tree->node, "baseline");
}

static clade_status read_card(clade_shop_behaviour_card *card, char out_words[24], const char *path,
                              clade_text json, clade_arena *arena, clade_error *err)
{
    clade_json_tree tree = { 0 };
    char            number[40];
    if (clade_json_parse(&tree, json, arena, err) != CLADE_OK ||
        tree.node[0].type != CLADE_JSON_OBJECT)
        return clade_fail(err, CLADE_ERR_DATA, "%s is not a JSON object", path);
    clade_json_reader r       = { &tree, path, err, CLADE_OK };
    const double      version = clade_json_take_real(&r, tree.node, "version");
    if (version > BUNDLE_VERSION)
        return clade_fail(err, CLADE_ERR_VERSION,
                          "%s: a bundle of version %g, this clade reads up to %d", path, version,
                          BUNDLE_VERSION);
    clade_json_take_moment(&card->as_of_us, &r, tree.node, "as_of");
    clade_json_take_text(number, sizeof number, &r, tree.node, "seed");
    card->seed = strtoull(number, NULL, 10);
    clade_json_take_text(number, sizeof number, &r, tree.node, "data_hash");
    card->data_hash = strtoull(number, NULL, 16);
    clade_json_take_text(out_words, 24, &r, tree.node, "vocabulary");
    read_names(card, &r);
    read_baseline(card, &r);
    card->run           = (int64_t)clade_json_take_size(&r, tree.node, "run");
    card->n_customers   = clade_json_take_size(&r, tree.node, "n_customers");
    card->n_events      = clade_json_take_size(&r, tree.node, "n_events");
    card->n_epochs      = clade_json_take_size(&r, tree.node, "n_epochs");
    card->best_epoch    = clade_json_take_size(&r, tree.node, "best_epoch");
    card->n_cases       = clade_json_take_size(&r, tree.node, "n_cases");
    card->ndcg          = clade_json_take_real(&r, tree.node, "ndcg_10");
    card->hit           = clade_json_take_real(&r, tree.node, "hit_10");
    card->baseline_ndcg = clade_json_take_real(&r, tree.node, "baseline_ndcg_10");
    card->trusted       = clade_json_take_bool(&r, tree.node, "trusted");
    return r.status;
}

/* The weights name the vocabulary they were fitted with, and the manifest does too. */
static clade_status check_together(const char *path, const char *manifest_words,
                                   const clade_buffer *words, const clade_shop_behaviour *b,
                                   clade_error *err)
{
    char           hash[24];
    clade_tensors *file = NULL;
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, clade_hash64(words->data, words->size, 0));
    CLADE_TRY(clade_tensors_open(&file, path, err));
    const char *const note = clade_tensors_note(file, "vocabulary");
    const bool        same = note != NULL && strcmp(note, hash) == 0 &&
                      strcmp(manifest_words, hash) == 0 &&
                      clade_behaviour_shape_get(b->model)->n_items == b->vocabulary->n_items;
    clade_tensors_close(file);
    return same ? CLADE_OK
                : clade_fail(err, CLADE_ERR_DATA,
                             "%s, its vocabulary.json and its manifest.json are not of one fit",
                             path);
}

static clade_status read_bundle(clade_shop_behaviour *b, const clade__bundle *bundle,
                                clade_arena *arena, clade_error *err)
{
    char         path[CLADE_PATH_MAX], of_manifest[24];
    clade_buffer words = { 0 }, manifest = { 0 };
    clade_status status = clade__bundle_get(&manifest, bundle, bundle_files[MANIFEST], err);
    if (status == CLADE_OK) status = clade__bundle_path(path, bundle, bundle_files[MANIFEST], err);
    if (status == CLADE_OK)
        status = read_card(&b->card, of_manifest, path,
                           (clade_text){ manifest.data, manifest.size }, arena, err);
    if (status == CLADE_OK)
        status = clade__bundle_get(&words, bundle, bundle_files[VOCABULARY], err);
    if (status == CLADE_OK)
        status = clade__bundle_path(path, bundle, bundle_files[VOCABULARY], err);
    if (status == CLADE_OK) {
        status = clade_vocabulary_read(&b->vocabulary, (clade_text){ words.data, words.size }, err);
        if (status != CLADE_OK) (void)clade_fail_at(err, status, "%s", path);
    }
    if (status == CLADE_OK) status = clade__bundle_path(path, bundle, bundle_files[WEIGHTS], err);
    if (status == CLADE_OK) status = clade_behaviour_load(&b->model, path, err);
    if (status == CLADE_OK) status = check_together(path, of_manifest, &words, b, err);
    clade_buffer_free(&words);
    clade_buffer_free(&manifest);
    /* The folder is there, so a file that is not is damage. */
    return status == CLADE_ERR_NOT_FOUND
               ? clade_fail(err, CLADE_ERR_DATA, "%s: the file is missing", path)
               : status;
}

clade_status clade_shop_behaviour_open(clade_shop_behaviour **out, clade_store *store,
                                       clade_error *err)
{
    const char *const     folder = clade_store_folder(store);
    const clade__bundle   bundle = bundle_of(store);
    clade_status          status = CLADE_OK;
    clade_arena          *arena  = NULL;
    clade_shop_behaviour *b      = NULL;
    if (!clade__bundle_there(&bundle)) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s has no behaviour model yet", folder);
        clade_hint(err, "run: clade fit %s behaviour", folder);
        return CLADE_ERR_NOT_READY;
    }
    arena = clade_arena_create(0);
    b     = calloc(1, sizeof *b);
    if (arena == NULL || b == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the behaviour model");
    } else {
        status = read_bundle(b, &bundle, arena, err);
    }
    if (status == CLADE_OK) {
        *out = b;
        b    = NULL;
    } else if (status == CLADE_ERR_VERSION || status == CLADE_ERR_DATA) {
        clade_hint(err, "make a new one with: clade fit %s behaviour", folder);
    }
    clade_shop_behaviour_free(b);
    clade_arena_free(arena);
    return status;
}

void clade_shop_behaviour_free(clade_shop_behaviour *behaviour)
{
    if (behaviour == NULL) return;
    clade_behaviour_free(behaviour->model);
    clade_vocabulary_free(behaviour->vocabulary);
    free(behaviour);
}
