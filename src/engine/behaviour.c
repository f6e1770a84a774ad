/* The bundle of the behaviour model in a workspace. Written into a folder beside, which then takes
 * the old one's place in two renames; between them the old one is at models/behaviour.old, where
 * opening finds it too. Written once a fit, read once a question. */
#include "clade/shop_behaviour.h"

#include "clade/file.h"

#include "clade/tensors.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUNDLE_VERSION = 1, PATH_BYTES = 4096, FILE_MAX = 1 << 30 };

static const char *const precision_names[] = { "float", "half", "int8" };
static const char *const bundle_files[]    = { "weights.safetensors", "vocabulary.json",
                                               "manifest.json" };
enum { WEIGHTS, VOCABULARY, MANIFEST, N_FILES };

const char *clade_behaviour_precision_name(clade_behaviour_precision precision)
{
    return precision_names[precision];
}

/* ---------------------------------------------------------------- places */

/* models/behaviour<suffix>/<file>; without a file the folder itself. */
static clade_status place(char out[PATH_BYTES], const clade_store *store, const char *suffix,
                          const char *file, clade_error *err)
{
    char name[128];
    (void)snprintf(name, sizeof name, "models/behaviour%s%s%s", suffix, file == NULL ? "" : "/",
                   file == NULL ? "" : file);
    return clade_store_path(out, PATH_BYTES, store, name, err);
}

/* A folder of a bundle, and only what a bundle holds: a file of somebody else's keeps it there. */
static clade_status remove_folder(const clade_store *store, const char *suffix, clade_error *err)
{
    char path[PATH_BYTES], name[64];
    for (int f = 0; f < 2 * N_FILES; f++) { /* each, and what a stop left of it on its way */
        (void)snprintf(name, sizeof name, "%s%s", bundle_files[f / 2], f % 2 == 0 ? "" : ".new");
        CLADE_TRY(place(path, store, suffix, name, err));
        if (unlink(path) != 0 && errno != ENOENT)
            return clade_file_fail(err, path, "remove", errno);
    }
    CLADE_TRY(place(path, store, suffix, NULL, err));
    if (rmdir(path) != 0 && errno != ENOENT) return clade_file_fail(err, path, "remove", errno);
    return CLADE_OK;
}

static bool is_there(const clade_store *store, const char *suffix)
{
    char        path[PATH_BYTES];
    struct stat about;
    return place(path, store, suffix, NULL, NULL) == CLADE_OK && stat(path, &about) == 0;
}

static clade_status move(const clade_store *store, const char *from, const char *to,
                         clade_error *err)
{
    char old_path[PATH_BYTES], new_path[PATH_BYTES];
    CLADE_TRY(place(old_path, store, from, NULL, err));
    CLADE_TRY(place(new_path, store, to, NULL, err));
    return rename(old_path, new_path) == 0 ? CLADE_OK
                                           : clade_file_fail(err, old_path, "rename", errno);
}

/* ---------------------------------------------------------------- writing */

static clade_status write_text(const char *path, const clade_buffer *text, clade_error *err)
{
    if (text->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to write %s", path);
    return clade_file_replace(path, text->data, text->size, 0666, err);
}

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
static clade_status write_beside(const clade_store *store, const clade_behaviour *model,
                                 const clade_vocabulary          *vocabulary,
                                 const clade_shop_behaviour_card *card, clade_error *err)
{
    char         path[PATH_BYTES], hash[24], seed[24];
    clade_buffer words = { 0 }, manifest = { 0 };
    clade_json   json = clade_json_start(&words, 0);
    clade_vocabulary_write(&json, vocabulary);
    const uint64_t words_hash = words.failed ? 0 : clade_hash64(words.data, words.size, 0);
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, words_hash);
    (void)snprintf(seed, sizeof seed, "%" PRIu64, card->seed);
    const char *const notes[] = { "vocabulary", hash, "seed", seed, NULL };
    write_card(&manifest, card, words_hash);

    clade_status status = place(path, store, ".new", NULL, err);
    if (status == CLADE_OK && mkdir(path, 0777) != 0)
        status = clade_file_fail(err, path, "make", errno);
    if (status == CLADE_OK) status = place(path, store, ".new", bundle_files[WEIGHTS], err);
    if (status == CLADE_OK) status = clade_behaviour_save(model, path, card->precision, notes, err);
    if (status == CLADE_OK) status = place(path, store, ".new", bundle_files[VOCABULARY], err);
    if (status == CLADE_OK) status = write_text(path, &words, err);
    if (status == CLADE_OK) status = place(path, store, ".new", bundle_files[MANIFEST], err);
    if (status == CLADE_OK) status = write_text(path, &manifest, err);
    clade_buffer_free(&words);
    clade_buffer_free(&manifest);
    return status;
}

clade_status clade_shop_behaviour_save(clade_store *store, const clade_behaviour *model,
                                       const clade_vocabulary          *vocabulary,
                                       const clade_shop_behaviour_card *card, clade_error *err)
{
    char path[PATH_BYTES];
    if (!is_there(store, "") && is_there(store, ".old")) CLADE_TRY(move(store, ".old", "", err));
    CLADE_TRY(remove_folder(store, ".new", err));
    CLADE_TRY(remove_folder(store, ".old", err));
    const clade_status status = write_beside(store, model, vocabulary, card, err);
    if (status != CLADE_OK) {
        (void)remove_folder(store, ".new", NULL);
        return status;
    }
    if (is_there(store, "")) CLADE_TRY(move(store, "", ".old", err));
    CLADE_TRY(move(store, ".new", "", err));
    CLADE_TRY(place(path, store, "", NULL, err));
    CLADE_TRY(clade_folder_sync(path, err));
    return remove_folder(store, ".old", err);
}

/* ---------------------------------------------------------------- reading */

static clade_status read_file(clade_buffer *out, const char *path, clade_error *err)
{
    const clade_status status = clade_file_read(out, path, FILE_MAX, err);
    return status != CLADE_ERR_NOT_FOUND
               ? status
               : clade_fail(err, CLADE_ERR_DATA, "%s: the file is missing", path);
}

typedef struct card_reader {
    const char            *path;
    const clade_json_tree *tree;
    clade_error           *err;
    clade_status           status; /* of the first that failed */
} card_reader;

static const clade_json_node *member(card_reader *r, const char *key, clade_json_type type)
{
    const clade_json_node *const node = clade_json_get(r->tree, r->tree->node, key);
    if (node != NULL && node->type == type) return node;
    if (r->status == CLADE_OK)
        r->status = clade_fail(r->err, CLADE_ERR_DATA, "%s: '%s' is missing or of another type",
                               r->path, key);
    return NULL;
}

static size_t whole(card_reader *r, const char *key)
{
    const clade_json_node *const node = member(r, key, CLADE_JSON_NUMBER);
    return node == NULL || !(node->number >= 0 && node->number < 1e15) ? 0 : (size_t)node->number;
}

/* null is NAN */
static double real(const card_reader *r, const char *key)
{
    const clade_json_node *const node = clade_json_get(r->tree, r->tree->node, key);
    return node != NULL && node->type == CLADE_JSON_NUMBER ? node->number : (double)NAN;
}

static void text(char *out, size_t size, card_reader *r, const char *key)
{
    const clade_json_node *const node = member(r, key, CLADE_JSON_TEXT);
    out[0]                            = '\0';
    if (node != NULL) (void)snprintf(out, size, "%.*s", (int)node->text.size, node->text.data);
}

/* Bundles of older builds have none of this: the options are plain then. */
static void read_baseline(clade_shop_behaviour_card *card, const card_reader *r)
{
    const clade_json_node *const node = clade_json_get(r->tree, r->tree->node, "baseline_options");
    static const char *const key[] = { "n_neighbours", "reach", "shrink", "half_life", "repeat" };
    double                   value[5] = { 0 };
    card->gain = (clade_interval){ real(r, "gain_ndcg_10"), real(r, "gain_ndcg_10_low"),
                                   real(r, "gain_ndcg_10_high") };
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

static void read_names(clade_shop_behaviour_card *card, card_reader *r)
{
    char name[24];
    text(name, sizeof name, r, "mixer");
    const clade_mixer mixer = clade_mixer_find(clade_text_of(name));
    if (mixer < CLADE_N_MIXER) card->mixer = mixer;
    text(name, sizeof name, r, "precision");
    for (int p = 0; p < 3; p++)
        if (strcmp(name, precision_names[p]) == 0) card->precision = (clade_behaviour_precision)p;
    text(card->size, sizeof card->size, r, "size");
    text(card->baseline, sizeof card->baseline, r, "baseline");
}

static clade_status read_card(clade_shop_behaviour_card *card, char out_words[24], const char *path,
                              clade_text json, clade_arena *arena, clade_error *err)
{
    clade_json_tree tree = { 0 };
    char            number[40];
    if (clade_json_parse(&tree, json, arena, err) != CLADE_OK ||
        tree.node[0].type != CLADE_JSON_OBJECT)
        return clade_fail(err, CLADE_ERR_DATA, "%s is not a JSON object", path);
    card_reader  r       = { path, &tree, err, CLADE_OK };
    const double version = real(&r, "version");
    if (version > BUNDLE_VERSION)
        return clade_fail(err, CLADE_ERR_VERSION,
                          "%s: a bundle of version %g, this clade reads up to %d", path, version,
                          BUNDLE_VERSION);
    text(number, sizeof number, &r, "as_of");
    if (r.status == CLADE_OK) r.status = clade_time_parse(&card->as_of_us, number, err);
    text(number, sizeof number, &r, "seed");
    card->seed = strtoull(number, NULL, 10);
    text(number, sizeof number, &r, "data_hash");
    card->data_hash = strtoull(number, NULL, 16);
    text(out_words, 24, &r, "vocabulary");
    read_names(card, &r);
    read_baseline(card, &r);
    card->run                            = (int64_t)whole(&r, "run");
    card->n_customers                    = whole(&r, "n_customers");
    card->n_events                       = whole(&r, "n_events");
    card->n_epochs                       = whole(&r, "n_epochs");
    card->best_epoch                     = whole(&r, "best_epoch");
    card->n_cases                        = whole(&r, "n_cases");
    card->ndcg                           = real(&r, "ndcg_10");
    card->hit                            = real(&r, "hit_10");
    card->baseline_ndcg                  = real(&r, "baseline_ndcg_10");
    const clade_json_node *const trusted = member(&r, "trusted", CLADE_JSON_BOOL);
    card->trusted                        = trusted != NULL && trusted->boolean;
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

static clade_status read_bundle(clade_shop_behaviour *b, const clade_store *store,
                                const char *suffix, clade_arena *arena, clade_error *err)
{
    char         path[PATH_BYTES], of_manifest[24];
    clade_buffer words = { 0 }, manifest = { 0 };
    clade_status status = place(path, store, suffix, bundle_files[MANIFEST], err);
    if (status == CLADE_OK) status = read_file(&manifest, path, err);
    if (status == CLADE_OK)
        status = read_card(&b->card, of_manifest, path,
                           (clade_text){ manifest.data, manifest.size }, arena, err);
    if (status == CLADE_OK) status = place(path, store, suffix, bundle_files[VOCABULARY], err);
    if (status == CLADE_OK) status = read_file(&words, path, err);
    if (status == CLADE_OK) {
        status = clade_vocabulary_read(&b->vocabulary, (clade_text){ words.data, words.size }, err);
        if (status != CLADE_OK) (void)clade_fail_at(err, status, "%s", path);
    }
    if (status == CLADE_OK) status = place(path, store, suffix, bundle_files[WEIGHTS], err);
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
    const char           *suffix = is_there(store, "") ? "" : ".old";
    clade_status          status = CLADE_OK;
    clade_arena          *arena  = NULL;
    clade_shop_behaviour *b      = NULL;
    if (!is_there(store, suffix)) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s has no behaviour model yet", folder);
        clade_hint(err, "run: clade fit %s behaviour", folder);
        return CLADE_ERR_NOT_READY;
    }
    arena = clade_arena_create(0);
    b     = calloc(1, sizeof *b);
    if (arena == NULL || b == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the behaviour model");
    } else {
        status = read_bundle(b, store, suffix, arena, err);
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
