/* Segmentations of every kind: fitting, applying, writing down. The kinds themselves are in
 * segment_*.c; nothing here knows what makes two customers alike. */
#include "segmentation.h"
#include "segment_vectors.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kind_names[CLADE_N_SEGMENT_KIND] = { "outlook", "rfm", "lifecycle",
                                                              "clusters" };

static const char *const clustering_names[CLADE_N_CLUSTERING] = { "kmeans", "mixture" };

static const clade__segment_method *method_of(clade_segment_kind kind)
{
    switch (kind) {
    case CLADE_SEGMENT_OUTLOOK: return &clade__segment_outlook;
    case CLADE_SEGMENT_RFM: return &clade__segment_rfm;
    case CLADE_SEGMENT_LIFECYCLE: return &clade__segment_lifecycle;
    case CLADE_SEGMENT_CLUSTERS: return &clade__segment_clusters;
    case CLADE_N_SEGMENT_KIND: break;
    }
    assert(!"a kind that does not exist");
    return NULL;
}

const char *clade_segment_kind_name(clade_segment_kind kind)
{
    return kind_names[kind];
}

clade_status clade_segment_kind_parse(clade_segment_kind *out_kind, const char *name,
                                      clade_error *err)
{
    for (int i = 0; i < CLADE_N_SEGMENT_KIND; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *out_kind = (clade_segment_kind)i;
            return CLADE_OK;
        }
    }
    const char        *nearest = clade_text_nearest(name, kind_names, CLADE_N_SEGMENT_KIND);
    const clade_status status  = clade_fail(err, CLADE_ERR_ARG,
                                            "'%s' is not a kind of segment: outlook, rfm, lifecycle "
                                             "or clusters was wanted",
                                            name);
    if (nearest != NULL) clade_hint(err, "did you mean %s?", nearest);
    return status;
}

const char *clade_clustering_name(clade_clustering clustering)
{
    return clustering_names[clustering];
}

clade_status clade_clustering_parse(clade_clustering *out_clustering, const char *name,
                                    clade_error *err)
{
    for (int i = 0; i < CLADE_N_CLUSTERING; i++) {
        if (strcmp(name, clustering_names[i]) != 0) continue;
        *out_clustering = (clade_clustering)i;
        return CLADE_OK;
    }
    const char *nearest = clade_text_nearest(name, clustering_names, CLADE_N_CLUSTERING);
    (void)clade_fail(err, CLADE_ERR_ARG,
                     "'%s' is not a way to form clusters: kmeans or mixture was wanted", name);
    if (nearest != NULL) clade_hint(err, "did you mean %s?", nearest);
    return CLADE_ERR_ARG;
}

static clade_status fit_kind(clade_segmentation **out_segmentation, clade_segment_kind kind,
                             clade_clustering clustering, const clade_segmentation *like,
                             const clade_features *features, const clade_outcome *outcome,
                             uint64_t seed, clade_error *err)
{
    if (features->n_customers == 0) {
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "no customer did anything before this moment: nothing to form groups of");
    }
    clade_segmentation *segmentation = CLADE_NEW(clade_segmentation, 1);
    if (segmentation == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a segmentation");
    segmentation->kind       = kind;
    segmentation->clustering = clustering;
    const clade_status status =
        method_of(kind)->fit(segmentation, like, features, outcome, seed, err);
    if (status != CLADE_OK) {
        clade_segmentation_free(segmentation);
        return status;
    }
    assert(segmentation->n_segments > 0 && segmentation->n_segments <= CLADE_SEGMENTS_MAX);
    *out_segmentation = segmentation;
    return CLADE_OK;
}

clade_status clade_segmentation_fit(clade_segmentation **out_segmentation, clade_segment_kind kind,
                                    const clade_features *features, const clade_outcome *outcome,
                                    uint64_t seed, clade_error *err)
{
    return fit_kind(out_segmentation, kind, CLADE_CLUSTERING_KMEANS, NULL, features, outcome, seed,
                    err);
}

clade_status clade_segmentation_fit_clusters(clade_segmentation  **out_segmentation,
                                             clade_clustering      clustering,
                                             const clade_features *features, uint64_t seed,
                                             clade_error *err)
{
    return fit_kind(out_segmentation, CLADE_SEGMENT_CLUSTERS, clustering, NULL, features, NULL,
                    seed, err);
}

clade_status clade__segmentation_refit(clade_segmentation      **out_segmentation,
                                       const clade_segmentation *like,
                                       const clade_features *features, const clade_outcome *outcome,
                                       uint64_t seed, clade_error *err)
{
    return fit_kind(out_segmentation, like->kind, like->clustering, like, features, outcome, seed,
                    err);
}

void clade_segmentation_free(clade_segmentation *segmentation)
{
    if (segmentation == NULL) return;
    if (segmentation->definition != NULL) {
        method_of(segmentation->kind)->free(segmentation->definition);
    }
    free(segmentation);
}

size_t clade_segmentation_n(const clade_segmentation *segmentation)
{
    return segmentation->n_segments;
}

clade_segment_kind clade_segmentation_kind(const clade_segmentation *segmentation)
{
    return segmentation->kind;
}

clade_clustering clade_segmentation_clustering(const clade_segmentation *segmentation)
{
    return segmentation->clustering;
}

const clade_segment_name *clade_segmentation_name(const clade_segmentation *segmentation,
                                                  size_t                    segment)
{
    assert(segment < segmentation->n_segments);
    return &segmentation->name[segment];
}

clade_status clade_segmentation_assign(int32_t *out_segment, double *out_score,
                                       const clade_segmentation *segmentation,
                                       const clade_features *features, clade_error *err)
{
    const size_t n_vectors = segmentation->n_vectors;
    if (n_vectors > 0 && clade__joined_d(features) != n_vectors) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "these segments read customer vectors of %zu numbers beside the "
                          "features, and %zu are there",
                          n_vectors, clade__joined_d(features));
    }
    if (out_score != NULL) memset(out_score, 0, features->n_customers * sizeof *out_score);
    return method_of(segmentation->kind)
        ->assign(out_segment, out_score, segmentation, features, err);
}

/* ---------------------------------------------------------------- as JSON */

/* Format 2 is 1 with the members that mixtures need: a clade that knows only 1 would take a mixture
 * for k-means, so it must refuse. Format 3 is 2 with customer vectors beside the features.
 * Everything else is still written as 1. */
enum { DEFINITION_FORMAT = 3 };

static int format_of(const clade_segmentation *segmentation)
{
    if (segmentation->n_vectors > 0) return 3;
    return segmentation->clustering == CLADE_CLUSTERING_MIXTURE ? 2 : 1;
}

void clade_segmentation_write(clade_buffer *out, const clade_segmentation *segmentation)
{
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_text(&json, "kind", kind_names[segmentation->kind]);
    clade_json_put_int(&json, "format", format_of(segmentation));
    if (segmentation->n_vectors > 0)
        clade_json_put_int(&json, "behaviour_run", segmentation->behaviour_run);
    clade_json_key(&json, "segments");
    clade_json_array(&json);
    for (size_t i = 0; i < segmentation->n_segments; i++) {
        clade_json_object(&json);
        clade_json_put_text(&json, "key", segmentation->name[i].key);
        clade_json_put_text(&json, "en", segmentation->name[i].en);
        clade_json_put_text(&json, "zh", segmentation->name[i].zh);
        clade_json_object_end(&json);
    }
    clade_json_array_end(&json);
    clade_json_key(&json, "definition");
    clade_json_object(&json);
    method_of(segmentation->kind)->write(&json, segmentation);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
}

static void copy_text(char *out, size_t size, const clade_json_node *node)
{
    if (node != NULL && node->type == CLADE_JSON_TEXT) {
        snprintf(out, size, "%.*s", (int)node->text.size, node->text.data);
    }
}

static clade_status read_names(clade_segmentation *out, const clade_json_tree *tree,
                               const clade_json_node *root, clade_error *err)
{
    const clade_json_node *list = clade_json_get(tree, root, "segments");
    if (list == NULL || list->type != CLADE_JSON_ARRAY || list->n == 0 ||
        list->n > CLADE_SEGMENTS_MAX) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "a definition of segments has no list of 1 to %d segments",
                          CLADE_SEGMENTS_MAX);
    }
    size_t child    = (size_t)(list - tree->node) + 1;
    out->n_segments = list->n;
    for (size_t i = 0; i < list->n; i++) {
        const clade_json_node *one = &tree->node[child];
        copy_text(out->name[i].key, sizeof out->name[i].key, clade_json_get(tree, one, "key"));
        copy_text(out->name[i].en, sizeof out->name[i].en, clade_json_get(tree, one, "en"));
        copy_text(out->name[i].zh, sizeof out->name[i].zh, clade_json_get(tree, one, "zh"));
        child = one->next;
    }
    return CLADE_OK;
}

clade_status clade_segmentation_read(clade_segmentation **out_segmentation, clade_text text,
                                     clade_error *err)
{
    clade_status        status       = CLADE_OK;
    clade_json_tree     tree         = { 0 };
    clade_segmentation *segmentation = CLADE_NEW(clade_segmentation, 1);
    clade_arena        *arena        = clade_arena_create(0);
    char                kind[32]     = "";

    if (segmentation == NULL || arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a segmentation");
        goto done;
    }
    status = clade_json_parse(&tree, text, arena, err);
    if (status != CLADE_OK) goto done;
    copy_text(kind, sizeof kind, clade_json_get(&tree, tree.node, "kind"));
    status = clade_segment_kind_parse(&segmentation->kind, kind, err);
    if (status != CLADE_OK) goto done;
    const clade_json_node *format = clade_json_get(&tree, tree.node, "format");
    if (format == NULL || format->number > DEFINITION_FORMAT) {
        status = clade_fail(err, CLADE_ERR_VERSION,
                            "these segments were defined by a newer clade: format %g, known is %d",
                            format == NULL ? 0.0 : format->number, DEFINITION_FORMAT);
        goto done;
    }
    const clade_json_node *run = clade_json_get(&tree, tree.node, "behaviour_run");
    if (run != NULL && run->number >= 0 && run->number < 1e15)
        segmentation->behaviour_run = (int64_t)run->number;
    status = read_names(segmentation, &tree, tree.node, err);
    if (status != CLADE_OK) goto done;
    status = method_of(segmentation->kind)
                 ->read(segmentation, &tree, clade_json_get(&tree, tree.node, "definition"), err);
    if (status != CLADE_OK) goto done;
    *out_segmentation = segmentation;
    segmentation      = NULL;
done:
    clade_segmentation_free(segmentation);
    clade_arena_free(arena);
    return status;
}

/* ---------------------------------------------------------------- in the store */

clade_status clade_segmentation_save(int64_t *out_version, clade_store *store,
                                     const clade_segmentation *segmentation, int64_t fitted_us,
                                     int64_t run, clade_error *err)
{
    clade_buffer      json    = { 0 };
    int64_t           version = 0;
    const char *const kind    = kind_names[segmentation->kind];
    const clade_value one[]   = { CLADE_STR(kind) };
    clade_status      status  = clade_store_int(
              &version, store, "SELECT max(version) FROM segmentation WHERE segmentation = ?", one, 1, 0,
              err);
    if (status != CLADE_OK) return status;

    clade_segmentation_write(&json, segmentation);
    if (json.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to write the %s segments down", kind);
    } else {
        const clade_value row[] = { CLADE_STR(kind),      CLADE_INT(version + 1), CLADE_STR(kind),
                                    CLADE_INT(fitted_us), CLADE_STR(json.data),   CLADE_INT(run) };
        status = clade_store_run(store, "INSERT INTO segmentation VALUES (?, ?, ?, ?, ?, ?)", row,
                                 6, err);
    }
    clade_buffer_free(&json);
    if (status == CLADE_OK) *out_version = version + 1;
    return status;
}

clade_status clade_segmentation_load(clade_segmentation **out_segmentation, int64_t *out_version,
                                     int64_t *out_fitted_us, clade_store *store,
                                     clade_segment_kind kind, clade_error *err)
{
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    const clade_value one[]  = { CLADE_STR(kind_names[kind]) };
    clade_status      status = clade_store_query(
             &rows, store,
             "SELECT version, as_of_us, definition FROM segmentation WHERE segmentation = ? "
                  "ORDER BY version DESC LIMIT 1",
             one, 1, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    if (status == CLADE_OK && chunk.n_rows == 0) {
        status = clade_fail(err, CLADE_ERR_NOT_READY, "there are no %s segments in %s yet",
                            kind_names[kind], clade_store_folder(store));
        clade_hint(err, "run: clade segment %s", clade_store_folder(store));
    }
    if (status == CLADE_OK) {
        status = clade_segmentation_read(out_segmentation, clade_chunk_text(&chunk, 2, 0), err);
        if (status == CLADE_OK) {
            *out_version   = clade_chunk_int(&chunk, 0, 0, 0);
            *out_fitted_us = clade_chunk_int(&chunk, 1, 0, 0);
        }
    }
    clade_rows_close(rows);
    return status;
}

static clade_status append_members(clade_store *store, const clade_segmentation *segmentation,
                                   int64_t version, const clade_features *features,
                                   const int32_t *segment, const double *score, clade_error *err)
{
    clade_appender  *appender = NULL;
    const clade_text kind     = clade_text_of(kind_names[segmentation->kind]);
    clade_status     status   = clade_appender_open(&appender, store, "membership", err);
    size_t           row      = 0;
    for (size_t i = 0; status == CLADE_OK && i < features->n_customers; i++) {
        clade_appender_text(appender, 0, row, kind);
        ((int64_t *)clade_appender_column(appender, 1))[row] = version;
        ((int64_t *)clade_appender_column(appender, 2))[row] = features->as_of_us;
        ((int64_t *)clade_appender_column(appender, 3))[row] = features->customer[i];
        ((int32_t *)clade_appender_column(appender, 4))[row] = segment[i];
        ((double *)clade_appender_column(appender, 5))[row]  = score == NULL ? 0 : score[i];
        if (++row == CLADE_APPENDER_ROWS) {
            status = clade_appender_flush(appender, row, err);
            row    = 0;
        }
    }
    if (status == CLADE_OK && row > 0) status = clade_appender_flush(appender, row, err);
    if (status == CLADE_OK) status = clade_appender_finish(appender, err);
    clade_appender_close(appender);
    return status;
}

clade_status clade_membership_save(clade_store *store, const clade_segmentation *segmentation,
                                   int64_t version, const clade_features *features,
                                   const int32_t *segment, const double *score, clade_error *err)
{
    const clade_value key[] = { CLADE_STR(kind_names[segmentation->kind]), CLADE_INT(version),
                                CLADE_INT(features->as_of_us) };
    CLADE_TRY(clade_store_run(store,
                              "DELETE FROM membership WHERE segmentation = ? AND version = ? "
                              "AND as_of_us = ?",
                              key, 3, err));
    return append_members(store, segmentation, version, features, segment, score, err);
}

/* ---------------------------------------------------------------- small things the kinds share */

void clade__say_both(clade_sentence *out, const char *en, const char *zh, ...)
{
    va_list arguments, again;
    va_start(arguments, zh);
    va_copy(again, arguments);
    vsnprintf(out->en, sizeof out->en, en, arguments);
    vsnprintf(out->zh, sizeof out->zh, zh, again);
    va_end(again);
    va_end(arguments);
}

size_t clade__feature_column(const char *name)
{
    const int column = clade_features_find(name);
    assert(column >= 0); /* the registry and this code are of one build */
    return (size_t)column;
}

void clade__json_put_numbers(clade_json *json, const char *key, const double *value, size_t n)
{
    clade_json_key(json, key);
    clade_json_array(json);
    for (size_t i = 0; i < n; i++)
        clade_json_number(json, value[i]);
    clade_json_array_end(json);
}

clade_status clade__json_numbers(double *out, size_t n, const clade_json_tree *tree,
                                 const clade_json_node *object, const char *key, clade_error *err)
{
    const clade_json_node *list = clade_json_get(tree, object, key);
    if (list == NULL || list->type != CLADE_JSON_ARRAY || list->n != n) {
        return clade_fail(err, CLADE_ERR_DATA, "a definition of segments needs %zu numbers in '%s'",
                          n, key);
    }
    for (size_t i = 0; i < n; i++) {
        const clade_json_node *number = &tree->node[(size_t)(list - tree->node) + 1 + i];
        if (number->type != CLADE_JSON_NUMBER) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "'%s' of a definition of segments: entry %zu is not "
                              "a number",
                              key, i);
        }
        out[i] = number->number;
    }
    return CLADE_OK;
}
