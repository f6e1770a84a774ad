/* clade export: the members of a segment in a file, with the ids the shop knows them by. */
#include "clade/flows.h"
#include "clade/rule_segments.h"
#include "people.h"
#include "segment.h"

#include <math.h>
#include <stdlib.h>

enum { N_FIXED = 5, SPEND_DAYS = 365 };

/* Everything of one export. */
typedef struct export_work {
    char                key[CLADE_RULE_MAX_NAME];
    const char         *kind;         /* static */
    clade_segmentation *segmentation; /* NULL: a rule */
    int64_t             version;
    size_t              segment;
    clade_members       members;  /* of all segments */
    int64_t            *customer; /* (n) of this one, rising */
    int64_t            *spend_minor;
    size_t              n, n_forgotten;
    char              **name;     /* (n) NULL: forgotten */
    clade_features     *features; /* with --features */
    int64_t             as_of_us;
    char                currency[4];
} export_work;

static void work_free(export_work *w)
{
    clade_segmentation_free(w->segmentation);
    clade_members_free(&w->members);
    clade_features_free(w->features);
    free(w->customer);
    free(w->spend_minor);
}

/* The segment asked for, by key or name, in the newest study; its moment unless --as-of says so. */
static clade_status find_made(export_work *w, command *c, clade_store *store, clade_error *err)
{
    clade_json_tree        tree  = { 0 };
    const clade_json_node *found = NULL;
    clade_segment_kind     kind;
    char                   text[40];
    int64_t                fitted_us;
    CLADE_TRY(segment_study_open(&tree, c, store, err));
    CLADE_TRY(segment_find(&found, &tree, command_value(c, "segment", 0), err));
    const clade_json_node *kind_node = clade_json_get(&tree, found, "kind");
    const clade_json_node *key       = clade_json_get(&tree, found, "key");
    const clade_json_node *as_of     = clade_json_get(&tree, tree.node, "as_of");
    if (kind_node == NULL || key == NULL || as_of == NULL) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: segments.json is damaged", c->arg[0]);
    }
    snprintf(text, sizeof text, "%.*s", (int)kind_node->text.size, kind_node->text.data);
    CLADE_TRY(clade_segment_kind_parse(&kind, text, err));
    snprintf(text, sizeof text, "%.*s", (int)as_of->text.size, as_of->text.data);
    CLADE_TRY(clade_time_parse(&w->as_of_us, text, err));
    if (c->has_as_of) w->as_of_us = c->as_of_us;
    CLADE_TRY(clade_segmentation_load(&w->segmentation, &w->version, &fitted_us, store, kind, err));
    for (size_t s = 0; s < clade_segmentation_n(w->segmentation); s++) {
        w->segment               = s;
        const clade_text its_key = clade_text_of(clade_segmentation_name(w->segmentation, s)->key);
        if (!clade_text_equal(its_key, key->text)) continue;
        snprintf(w->key, sizeof w->key, "%.*s", (int)its_key.size, its_key.data);
        w->kind = clade_segment_kind_name(kind);
        return CLADE_OK;
    }
    return clade_fail(err, CLADE_ERR_DATA, "%s: segments.json and the stored segments differ",
                      c->arg[0]);
}

/* Everybody in a rule as of the moment, with what they spent. */
static clade_status find_rule(bool *out_found, export_work *w, command *c, clade_store *store,
                              clade_error *err)
{
    clade_rule_segments segments = { 0 };
    clade_outcome       year     = { 0 };
    CLADE_TRY(clade_rule_segments_load(&segments, store, err));
    const clade_rule_segment *it =
        clade_rule_segments_find(&segments, command_value(c, "segment", 0));
    clade_status status = CLADE_OK;
    *out_found          = it != NULL;
    if (it == NULL) goto done;
    snprintf(w->key, sizeof w->key, "%s", it->name);
    w->kind = "rule";
    status  = segment_moment(&w->as_of_us, c, store, err);
    if (status != CLADE_OK) goto done;
    status =
        clade_rule_segment_members(&w->customer, &w->n, store, &segments, it, w->as_of_us, err);
    if (status != CLADE_OK) goto done;
    status           = clade_outcome_compute(&year, store, w->customer, w->n,
                                             w->as_of_us - SPEND_DAYS * CLADE_US_PER_DAY, w->as_of_us, err);
    w->spend_minor   = year.spend_minor;
    year.spend_minor = NULL;
done:
    clade_outcome_free(&year);
    clade_rule_segments_free(&segments);
    return status;
}

static clade_status find_segment(export_work *w, command *c, clade_store *store, clade_error *err)
{
    bool found = false;
    CLADE_TRY(find_rule(&found, w, c, store, err));
    return found ? CLADE_OK : find_made(w, c, store, err);
}

static clade_status find_made_members(export_work *w, clade_store *store, clade_error *err)
{
    CLADE_TRY(clade_members_get(&w->members, store, w->segmentation, w->version, w->as_of_us,
                                SPEND_DAYS, err));
    w->customer    = CLADE_NEW(int64_t, w->members.n + 1);
    w->spend_minor = CLADE_NEW(int64_t, w->members.n + 1);
    if (w->customer == NULL || w->spend_minor == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", w->members.n);
    }
    for (size_t i = 0; i < w->members.n; i++) {
        if ((size_t)w->members.segment[i] != w->segment) continue;
        w->customer[w->n]      = w->members.customer[i];
        w->spend_minor[w->n++] = w->members.spend_minor[i];
    }
    return CLADE_OK;
}

static clade_status find_members(export_work *w, command *c, clade_store *store, clade_error *err)
{
    if (w->segmentation != NULL) CLADE_TRY(find_made_members(w, store, err));
    CLADE_TRY(people_enough(c, w->n, w->key, err));
    if (command_has(c, "features"))
        CLADE_TRY(clade_features_get(&w->features, store, w->as_of_us, err));
    clade_status status =
        clade_store_setting_get(w->currency, sizeof w->currency, store, "currency", NULL);
    if (status != CLADE_OK) w->currency[0] = '\0';
    return people_names(&w->name, c, store, w->customer, w->n, err);
}

static clade_status write_rows(export_work *w, people_list *list, clade_error *err)
{
    const int digits = w->currency[0] == '\0' ? 2 : clade_currency_digits(w->currency);
    char      as_of[40];
    size_t    row = 0;
    clade_time_format(as_of, w->as_of_us);
    for (size_t i = 0; i < w->n; i++) {
        if (w->name[i] == NULL) {
            w->n_forgotten++;
            continue;
        }
        people_text(list, w->name[i]);
        people_text(list, w->key);
        people_text(list, w->kind);
        people_text(list, as_of);
        people_number(list, (double)w->spend_minor[i] / pow(10, digits));
        if (w->features != NULL) { /* both in rising order of customer */
            const clade_features *f = w->features;
            while (row < f->n_customers && f->customer[row] < w->customer[i])
                row++;
            const bool found = row < f->n_customers && f->customer[row] == w->customer[i];
            for (size_t k = 0; k < f->n_features; k++) {
                const float value = found ? f->value[row * f->n_features + k] : NAN;
                people_number(list, (double)value);
            }
        }
        CLADE_TRY(people_row(list, err));
    }
    return CLADE_OK;
}

static clade_status write_list(export_work *w, command *c, clade_store *store, const char *path,
                               people_format format, clade_error *err)
{
    size_t                   n_registry;
    const clade_feature     *registry       = clade_features_all(&n_registry);
    const size_t             n_columns      = N_FIXED + (w->features == NULL ? 0 : n_registry);
    const char             **column         = CLADE_ARENA_NEW(c->arena, const char *, n_columns);
    bool                    *is_text        = CLADE_ARENA_NEW(c->arena, bool, n_columns);
    static const char *const fixed[N_FIXED] = { "customer", "segment", "kind", "as_of",
                                                "spent_365d" };
    people_list             *list           = NULL;
    if (column == NULL || is_text == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a list");
    for (size_t i = 0; i < n_columns; i++) {
        column[i]  = i < N_FIXED ? fixed[i] : registry[i - N_FIXED].name;
        is_text[i] = i < N_FIXED - 1;
    }
    clade_status status = people_start(&list, path, format, column, is_text, n_columns, err);
    if (status == CLADE_OK) status = write_rows(w, list, err);
    if (status == CLADE_OK) status = people_finish(list, store, err);
    people_close(list);
    return status;
}

/* What went out stays on record: the segment, how many, when; no names. */
static clade_status note_run(clade_store *store, const command *c, const export_work *w,
                             people_format format, clade_error *err)
{
    clade_run   *run = NULL;
    char         as_of[40];
    clade_status status = clade_run_begin(&run, store, "export", c->seed, err);
    if (status != CLADE_OK) return status;
    clade_time_format(as_of, w->as_of_us);
    clade_run_note(run, "segment", w->key);
    clade_run_note(run, "format", people_format_name(format));
    clade_run_note(run, "as_of", as_of);
    clade_run_note_number(run, "customers", (double)(w->n - w->n_forgotten));
    status = clade_run_finish(run, err);
    clade_run_free(run);
    return status;
}

static void report(command *c, const export_work *w, const char *path, people_format format)
{
    clade_json *json = command_json(c);
    char        n[32], as_of[40];
    clade_count_format(n, (int64_t)(w->n - w->n_forgotten));
    clade_time_format(as_of, w->as_of_us);
    clade_json_put_text(json, "segment", w->key);
    clade_json_put_text(json, "kind", w->kind);
    clade_json_put_text(json, "as_of", as_of);
    clade_json_put_text(json, "file", path);
    clade_json_put_text(json, "format", people_format_name(format));
    clade_json_put_int(json, "n_customers", (int64_t)(w->n - w->n_forgotten));
    clade_json_put_int(json, "n_forgotten", (int64_t)w->n_forgotten);
    if (path == NULL) return;
    command_print(c, COMMAND_SAY(c, "%s: %s customers\n", "%s：%s 位客户\n"), path, n);
    if (w->n_forgotten > 0) {
        command_print(c,
                      COMMAND_SAY(c, "%zu more were forgotten and have no name\n",
                                  "另有 %zu 位已被遗忘，没有标识\n"),
                      w->n_forgotten);
    }
}

static clade_status export_run(command *c, clade_error *err)
{
    clade_store  *store = NULL;
    export_work   w     = { 0 };
    people_format format;
    const char   *path = command_value(c, "output", 0);
    clade_status  status;
    if (command_value(c, "segment", 0) == NULL) {
        (void)clade_fail(err, CLADE_ERR_ARG, "which segment is to be exported?");
        clade_hint(err, "clade export %s --segment champions -o champions.csv", c->arg[0]);
        return CLADE_ERR_ARG;
    }
    if (path == NULL && c->json)
        return clade_fail(err, CLADE_ERR_ARG, "with --json the list needs a file: -o FILE");
    CLADE_TRY(people_format_of(&format, c, path, err));
    CLADE_TRY(command_open(&store, c, false, err));
    status = find_segment(&w, c, store, err);
    if (status == CLADE_OK) status = find_members(&w, c, store, err);
    if (status == CLADE_OK) status = write_list(&w, c, store, path, format, err);
    if (status == CLADE_OK) status = note_run(store, c, &w, format, err);
    if (status == CLADE_OK) report(c, &w, path, format);
    work_free(&w);
    return status;
}

static const command_option options[] = {
    { "segment", 0, "SEGMENT", { "its key or name", "分群的代号或名称" } },
    { "output", 'o', "FILE", { "where to; standard output without", "输出文件；默认标准输出" } },
    { "format",
      0,
      "FORMAT",
      { "csv, jsonl or parquet; else by the file's ending",
        "csv、jsonl 或 parquet；默认按扩展名" } },
    { "features", 0, NULL, { "add every feature as a column", "附上全部特征列" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_export = {
    .name         = "export",
    .usage        = "export WORKSPACE --segment SEGMENT [-o FILE]",
    .summary      = { "the members of a segment, with the ids the shop knows them by",
                      "导出一个分群的成员及其原始标识" },
    .examples     = "export my.clade --segment at-risk -o at-risk.csv\n"
                    "export my.clade --segment champions -o champions.parquet --features",
    .options      = options,
    .min_args     = 1,
    .max_args     = 1,
    .in_workspace = true,
    .run          = export_run,
};
