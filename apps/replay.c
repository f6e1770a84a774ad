/* clade replay: everything but the source tables, made again from them. */
#include "clade/ingest.h"
#include "command.h"

static clade_status replay_run(command *c, clade_error *err)
{
    static const char *const table[] = { "completion", "refund_match", "flag" };
    clade_store             *store   = NULL;
    clade_json              *json    = command_json(c);
    const double             start   = clade_seconds();

    CLADE_TRY(command_open(&store, c, false, err));
    CLADE_TRY(clade_replay(store, err));
    const double seconds = clade_seconds() - start;

    command_table *shown =
        command_table_start(c, "lr", COMMAND_SAY(c, "table", "表"), COMMAND_SAY(c, "rows", "行数"));
    clade_json_key(json, "tables");
    clade_json_object(json);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char    sql[64], count[32];
        int64_t n = 0;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table[i]);
        CLADE_TRY(clade_store_int(&n, store, sql, NULL, 0, 0, err));
        clade_count_format(count, n);
        command_cell(shown, "%s", table[i]);
        command_cell(shown, "%s", count);
        clade_json_put_int(json, table[i], n);
    }
    clade_json_object_end(json);
    clade_json_put_number(json, "seconds", seconds);
    command_table_end(shown);
    command_next(c, "segment %s", c->arg[0]);
    return CLADE_OK;
}

const command_verb command_verb_replay = {
    .name         = "replay",
    .usage        = "replay WORKSPACE",
    .summary      = { "make every derived table again from the source tables",
                      "由源数据重建全部派生表" },
    .examples     = "replay my.clade\nreplay my.clade --json",
    .min_args     = 1,
    .max_args     = 1,
    .in_workspace = true,
    .run          = replay_run,
};
