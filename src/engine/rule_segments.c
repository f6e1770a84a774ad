/* Definitions of segments by rule: kept in the store as those of the other kinds are, a version a
 * row. */
#include "rule_segments.h"

#include "clade/json.h"
#include "clade/predict.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEFINITION_FORMAT = 1 };
static const char prefix[] = "rule/";

/* ---------------------------------------------------------------- reading */

void clade_rule_segments_free(clade_rule_segments *segments)
{
    for (size_t i = 0; i < segments->n; i++)
        clade_rule_tree_free(segments->one[i].tree);
    free(segments->one);
    *segments = (clade_rule_segments){ 0 };
}

const clade_rule_segment *clade_rule_segments_find(const clade_rule_segments *segments,
                                                   const char                *name)
{
    for (size_t i = 0; i < segments->n; i++) {
        if (clade_text_equal_nocase(clade_text_of(segments->one[i].name), clade_text_of(name)))
            return &segments->one[i];
    }
    return NULL;
}

/* One row's definition; nothing where it was taken back. */
static clade_status read_one(clade_rule_segments *out, size_t *room, clade_text name,
                             clade_text json, int64_t version, int64_t defined_us, clade_error *err)
{
    clade_json_tree    tree   = { 0 };
    clade_rule_segment one    = { .version = version, .defined_us = defined_us };
    clade_arena       *arena  = clade_arena_create(0);
    clade_status       status = CLADE_OK;
    if (arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for rules");
    name.data += sizeof prefix - 1;
    name.size -= sizeof prefix - 1;
    snprintf(one.name, sizeof one.name, "%.*s", (int)name.size, name.data);
    status = clade_json_parse(&tree, json, arena, err);
    if (status != CLADE_OK) goto done;
    const clade_json_node *format = clade_json_get(&tree, tree.node, "format");
    const clade_json_node *rule   = clade_json_get(&tree, tree.node, "rule");
    if (format == NULL || format->number > DEFINITION_FORMAT) {
        status = clade_fail(err, CLADE_ERR_VERSION, "segment '%s' was defined by a newer clade",
                            one.name);
        goto done;
    }
    if (rule == NULL || rule->type != CLADE_JSON_TEXT) goto done; /* taken back */
    status = clade_rule_tree_parse(&one.tree, rule->text, NULL, err);
    if (status != CLADE_OK) {
        status = clade_fail_at(err, CLADE_ERR_DATA, "segment '%s': ", one.name);
        goto done;
    }
    if (!CLADE_GROW(&out->one, room, out->n + 1)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for rules");
        clade_rule_tree_free(one.tree);
        goto done;
    }
    out->one[out->n++] = one;
done:
    clade_arena_free(arena);
    return status;
}

clade_status clade_rule_segments_load(clade_rule_segments *out, clade_store *store,
                                      clade_error *err)
{
    clade_rule_segments segments = { 0 };
    clade_rows         *rows     = NULL;
    clade_chunk         chunk    = { 0 };
    size_t              room     = 0;
    clade_status        status   = clade_store_query(
                 &rows, store,
                 "SELECT s.segmentation, s.definition, s.version, s.as_of_us FROM segmentation s JOIN "
                          "(SELECT "
                          "segmentation, max(version) AS version FROM segmentation WHERE kind = 'rule' GROUP BY "
                          "segmentation) m ON m.segmentation = s.segmentation AND m.version = s.version ORDER BY "
                          "s.segmentation",
                 NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            status = read_one(&segments, &room, clade_chunk_text(&chunk, 0, i),
                              clade_chunk_text(&chunk, 1, i), clade_chunk_int(&chunk, 2, i, 0),
                              clade_chunk_int(&chunk, 3, i, 0), err);
        }
    }
    clade_rows_close(rows);
    if (status != CLADE_OK) {
        clade_rule_segments_free(&segments);
        return status;
    }
    *out = segments;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- names a rule may use */

void clade__score_name(char out[100], const clade_predict_task *task)
{
    char name[96];
    clade_task_name(name, task);
    snprintf(out, 100, "%s%s", clade_task_is_amount(task) ? "" : "p_", name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-') *c = '_';
    }
}

typedef struct name_list {
    const char **name;
    size_t       n, room;
    clade_arena *arena;
} name_list;

static clade_status add_name(name_list *list, const char *name, size_t size, clade_error *err)
{
    char *copy = clade_arena_text(list->arena, name, size);
    if (copy == NULL || !CLADE_GROW(&list->name, &list->room, list->n + 1))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for names");
    list->name[list->n++] = copy;
    return CLADE_OK;
}

static clade_status add_rows(name_list *list, clade_store *store, const char *sql, clade_error *err)
{
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_status status = clade_store_query(&rows, store, sql, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            const clade_text t = clade_chunk_text(&chunk, 0, i);
            status             = add_name(list, t.data, t.size, err);
        }
    }
    clade_rows_close(rows);
    return status;
}

static clade_status add_scores(name_list *list, clade_store *store, clade_error *err)
{
    char **names = NULL;
    size_t n     = 0;
    CLADE_TRY(clade_predictors_list(&names, &n, store, list->arena, err));
    for (size_t i = 0; i < n; i++) {
        clade_predictor *p = NULL;
        char             name[100];
        if (clade_predictor_open(&p, store, names[i], NULL) != CLADE_OK)
            continue; /* stale: no score */
        const bool value = clade_predictor_card(p)->task.kind == CLADE_TASK_VALUE;
        clade__score_name(name, &clade_predictor_card(p)->task);
        clade_predictor_free(p);
        CLADE_TRY(add_name(list, name, strlen(name), err));
        if (value) CLADE_TRY(add_name(list, "clv", 3, err));
    }
    return CLADE_OK;
}

/* Keys of the segments of every kind that a study made. */
static clade_status add_made(name_list *list, clade_store *store, clade_error *err)
{
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        clade_segmentation *s = NULL;
        int64_t             version, fitted_us;
        if (clade_segmentation_load(&s, &version, &fitted_us, store, (clade_segment_kind)k, NULL) !=
            CLADE_OK)
            continue; /* not made yet */
        clade_status status = CLADE_OK;
        for (size_t i = 0; i < clade_segmentation_n(s) && status == CLADE_OK; i++) {
            const char *key = clade_segmentation_name(s, i)->key;
            status          = add_name(list, key, strlen(key), err);
        }
        clade_segmentation_free(s);
        CLADE_TRY(status);
    }
    return CLADE_OK;
}

clade_status clade_rule_segment_read(clade_rule_tree **out, clade_store *store,
                                     const clade_rule_segments *segments, const char *name,
                                     const char *rule, clade_error *err)
{
    clade_arena *arena  = clade_arena_create(0);
    name_list    fact   = { .arena = arena };
    name_list    made   = { .arena = arena };
    clade_status status = CLADE_OK;
    if (arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for names");
    status =
        add_rows(&fact, store, "SELECT DISTINCT name FROM customer ORDER BY name LIMIT 1000", err);
    if (status == CLADE_OK) status = add_scores(&fact, store, err);
    if (status == CLADE_OK) status = add_made(&made, store, err);
    for (size_t i = 0; i < made.n && status == CLADE_OK; i++) {
        if (clade_text_equal_nocase(clade_text_of(made.name[i]), clade_text_of(name)))
            status = clade_fail(err, CLADE_ERR_ARG, "'%s' is the name of a segment already", name);
    }
    for (size_t i = 0; i < segments->n && status == CLADE_OK; i++)
        status = add_name(&made, segments->one[i].name, strlen(segments->one[i].name), err);
    if (status == CLADE_OK) {
        static const char *const none[] = { "" };
        const clade_rule_names   names  = { .fact       = fact.n > 0 ? fact.name : none,
                                            .n_facts    = fact.n,
                                            .segment    = made.n > 0 ? made.name : none,
                                            .n_segments = made.n };
        status = clade_rule_tree_parse(out, clade_text_of(rule), &names, err);
    }
    free((void *)fact.name);
    free((void *)made.name);
    clade_arena_free(arena);
    return status;
}

/* ---------------------------------------------------------------- writing */

static clade_status check_name(const char *name, clade_error *err)
{
    const size_t n    = strlen(name);
    bool         good = n > 0 && n < 32; /* as long as the keys of other segments */
    for (size_t i = 0; i < n; i++) {
        const char c = name[i];
        good &=
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || ((c == '-' || c == '_') && i > 0);
    }
    if (good) return CLADE_OK;
    return clade_fail(
        err, CLADE_ERR_ARG,
        "'%s' cannot be the name of a segment: 1 to 31 of a-z, 0-9, - and _ were wanted", name);
}

/* All rules together, this one among them, as a set: what finds circles. */
static clade_status check_circle(const clade_rule_segments *segments, const char *name,
                                 const clade_rule_tree *tree, clade_error *err)
{
    clade_ruleset    *set   = NULL;
    clade_rule_named *named = CLADE_NEW(clade_rule_named, segments->n + 1);
    size_t            n     = 0;
    if (named == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for rules");
    for (size_t i = 0; i < segments->n; i++) {
        if (strcmp(segments->one[i].name, name) != 0)
            named[n++] = (clade_rule_named){ segments->one[i].name, segments->one[i].tree };
    }
    named[n++]                = (clade_rule_named){ name, tree };
    const clade_status status = clade_ruleset_create(&set, named, n, 100, err);
    clade_ruleset_free(set);
    free(named);
    return status;
}

/* The next version of a definition; without a rule one that takes it back. */
static clade_status write_version(int64_t *out_version, clade_store *store, const char *name,
                                  const clade_rule_tree *tree, int64_t as_of_us, int64_t run,
                                  clade_error *err)
{
    char         key[CLADE_RULE_MAX_NAME + 8];
    clade_buffer json = { 0 }, rule = { 0 };
    int64_t      version = 0;
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const clade_value one[] = { CLADE_STR(key) };
    CLADE_TRY(clade_store_int(&version, store,
                              "SELECT max(version) FROM segmentation WHERE segmentation = ?", one,
                              1, 0, err));
    clade_json out = clade_json_start(&json, 0);
    clade_json_object(&out);
    clade_json_put_text(&out, "kind", "rule");
    clade_json_put_int(&out, "format", DEFINITION_FORMAT);
    clade_json_put_text(&out, "name", name);
    clade_json_key(&out, "rule");
    if (tree != NULL) {
        clade_rule_tree_print(&rule, tree);
        clade_json_text(&out, rule.data == NULL ? "" : rule.data);
    } else {
        clade_json_null(&out);
    }
    clade_json_object_end(&out);
    clade_status status = CLADE_OK;
    if (json.failed || rule.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a rule");
    } else {
        const clade_value row[] = { CLADE_STR(key),      CLADE_INT(version + 1), CLADE_STR("rule"),
                                    CLADE_INT(as_of_us), CLADE_STR(json.data),   CLADE_INT(run) };
        status = clade_store_run(store, "INSERT INTO segmentation VALUES (?, ?, ?, ?, ?, ?)", row,
                                 6, err);
    }
    clade_buffer_free(&json);
    clade_buffer_free(&rule);
    if (status == CLADE_OK) *out_version = version + 1;
    return status;
}

clade_status clade_rule_segment_define(int64_t *out_version, clade_store *store, const char *name,
                                       const char *rule, int64_t as_of_us, int64_t run,
                                       clade_error *err)
{
    clade_rule_segments segments = { 0 };
    clade_rule_tree    *tree     = NULL;
    CLADE_TRY(check_name(name, err));
    clade_status status = clade_rule_segments_load(&segments, store, err);
    if (status == CLADE_OK)
        status = clade_rule_segment_read(&tree, store, &segments, name, rule, err);
    if (status == CLADE_OK) status = check_circle(&segments, name, tree, err);
    if (status == CLADE_OK)
        status = write_version(out_version, store, name, tree, as_of_us, run, err);
    clade_rule_tree_free(tree);
    clade_rule_segments_free(&segments);
    return status;
}

clade_status clade__rule_segment_missing(const clade_rule_segments *segments, const char *name,
                                         clade_error *err)
{
    const char *list[64];
    size_t      n = segments->n < 64 ? segments->n : 64;
    for (size_t i = 0; i < n; i++)
        list[i] = segments->one[i].name;
    const char *near = clade_text_nearest(name, list, n);
    (void)clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no rule '%s'", name);
    if (near != NULL) clade_hint(err, "did you mean %s?", near);
    return CLADE_ERR_NOT_FOUND;
}

clade_status clade_rule_segment_undefine(clade_store *store, const char *name, int64_t as_of_us,
                                         int64_t run, clade_error *err)
{
    clade_rule_segments segments = { 0 };
    int64_t             version;
    CLADE_TRY(clade_rule_segments_load(&segments, store, err));
    clade_status              status = CLADE_OK;
    const clade_rule_segment *it     = clade_rule_segments_find(&segments, name);
    if (it == NULL) status = clade__rule_segment_missing(&segments, name, err);
    for (size_t i = 0; it != NULL && i < segments.n && status == CLADE_OK; i++) {
        const char *other;
        for (size_t k = 0; (other = clade_rule_tree_segment(segments.one[i].tree, k)) != NULL;
             k++) {
            if (clade_text_equal_nocase(clade_text_of(other), clade_text_of(it->name)))
                status = clade_fail(err, CLADE_ERR_ARG, "'%s' is needed by '%s'", it->name,
                                    segments.one[i].name);
        }
    }
    if (status == CLADE_OK)
        status = write_version(&version, store, it->name, NULL, as_of_us, run, err);
    clade_rule_segments_free(&segments);
    return status;
}
