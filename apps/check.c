/* clade check: the quality of what is stored, and the rows that could not be. */
#include "clade/ingest.h"
#include "command.h"

#include <stdlib.h>

static clade_status list_quarantine(command *c, clade_store *store, clade_error *err)
{
    clade_quarantined *row   = NULL;
    size_t             n     = 0;
    int64_t            total = 0, limit = 0;
    char               all[32];
    clade_json        *json = command_json(c);

    CLADE_TRY(command_int(&limit, c, "limit", 20, 1, 1000000, err));
    CLADE_TRY(clade_quarantine_list(&row, &n, &total, store, (size_t)limit, c->arena, err));
    clade_count_format(all, total);
    command_print(
        c,
        COMMAND_SAY(c, "%s rows in quarantine, %zu shown\n\n", "隔离区共 %s 行，显示 %zu 行\n\n"),
        all, n);
    command_table *table = command_table_start(
        c, "lllw", COMMAND_SAY(c, "where", "位置"), COMMAND_SAY(c, "column", "列"),
        COMMAND_SAY(c, "why", "原因"), COMMAND_SAY(c, "the row as it was", "原始内容"));
    clade_json_key(json, "quarantine");
    clade_json_array(json);
    for (size_t i = 0; i < n; i++) {
        const char *raw =
            row[i].raw == NULL ? COMMAND_SAY(c, "(forgotten)", "（已遗忘）") : row[i].raw;
        command_cell(table, "%s:%lld", row[i].file, (long long)row[i].line);
        command_cell(table, "%s", row[i].column == NULL ? "-" : row[i].column);
        command_cell(table, "%s", row[i].reason);
        command_cell(table, "%.200s", raw);
        clade_json_object(json);
        clade_json_put_text(json, "file", row[i].file);
        clade_json_put_int(json, "line", row[i].line);
        clade_json_put_text(json, "column", row[i].column);
        clade_json_put_text(json, "reason", row[i].reason);
        clade_json_put_text(json, "raw", row[i].raw);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_put_int(json, "n_quarantined", total);
    if (n > 0) command_table_end(table);
    return CLADE_OK;
}

static clade_status check_run(command *c, clade_error *err)
{
    static const char *const   key[]   = { "good", "look", "bad" };
    static const command_words word[]  = { { "good", "正常" },
                                           { "look", "注意" },
                                           { "bad", "异常" } };
    static const command_style style[] = { COMMAND_GOOD, COMMAND_WARN, COMMAND_BAD };
    clade_store               *store   = NULL;
    clade_check_result        *result  = NULL;
    size_t                     n       = 0;
    clade_json                *json    = command_json(c);

    CLADE_TRY(command_open(&store, c, false, err));
    CLADE_TRY(clade_replay_if_stale(store, err));
    if (command_has(c, "quarantine")) return list_quarantine(c, store, err);

    CLADE_TRY(clade_check(&result, &n, store, c->arena, err));
    command_table *table = command_table_start(
        c, "lrrw", COMMAND_SAY(c, "verdict", "结论"), COMMAND_SAY(c, "rows", "涉及行"),
        COMMAND_SAY(c, "of", "总行"), COMMAND_SAY(c, "what", "内容"));
    clade_json_key(json, "checks");
    clade_json_array(json);
    for (size_t i = 0; i < n; i++) {
        const clade_check_result *r = &result[i];
        char                      bad[32], all[32];
        clade_count_format(bad, r->n_bad);
        clade_count_format(all, r->n_all);
        command_cell(table, "%s%s%s", command_style_code(c, style[r->verdict]),
                     command_say(c, word[r->verdict]), command_style_code(c, COMMAND_PLAIN));
        command_cell(table, "%s", bad);
        command_cell(table, "%s", all);
        command_cell(table, "%s%s%s%s", COMMAND_SAY(c, r->en, r->zh),
                     r->example == NULL ? "" : " (", r->example == NULL ? "" : r->example,
                     r->example == NULL ? "" : ")");
        c->problems = c->problems || r->verdict == CLADE_CHECK_BAD;
        clade_json_object(json);
        clade_json_put_text(json, "name", r->name);
        clade_json_put_text(json, "verdict", key[r->verdict]);
        clade_json_put_int(json, "n_bad", r->n_bad);
        clade_json_put_int(json, "n_all", r->n_all);
        clade_json_put_text(json, "en", r->en);
        clade_json_put_text(json, "zh", r->zh);
        clade_json_put_text(json, "example", r->example);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    command_table_end(table);
    return CLADE_OK;
}

static const command_option options[] = {
    { "quarantine", 0, NULL, { "list the rows that could not be stored", "列出隔离的行" } },
    { "limit", 0, "N", { "at most so many of them (20)", "最多显示行数（默认 20）" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_check = {
    .name     = "check",
    .usage    = "check WORKSPACE",
    .summary  = { "the quality of what is stored, and the rows that could not be",
                  "检查已存数据的质量与被隔离的行" },
    .examples = "check my.clade\ncheck my.clade --quarantine\ncheck my.clade --quarantine --limit "
                "1000 --json",
    .options  = options,
    .min_args = 1,
    .max_args = 1,
    .in_workspace = true,
    .run          = check_run,
};
