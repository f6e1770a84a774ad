/* clade report: the page about the shop's customers. */
#include "clade/report.h"
#include "command.h"

static clade_status report_run(command *c, clade_error *err)
{
    char                       size[32];
    clade_store               *store   = NULL;
    clade_report_written       written = { 0 };
    const clade_report_options options = { .zh = c->zh, .version = CLADE_VERSION };

    CLADE_TRY(command_open(&store, c, false, err));
    CLADE_TRY(clade_report_save(&written, store, command_value(c, "output", 0), &options, err));
    command_print(c, "%s\n", written.path);
    command_size_format(size, (int64_t)written.bytes);
    command_note(c,
                 COMMAND_SAY(c, "%s, %zu sections: open it in a browser, print it, forward it\n",
                             "%s，%zu 个章节：可在浏览器中打开、打印或转发\n"),
                 size, written.n_sections);
    clade_json_put_text(command_json(c), "path", written.path);
    clade_json_put_int(command_json(c), "bytes", (int64_t)written.bytes);
    clade_json_put_int(command_json(c), "sections", (int64_t)written.n_sections);
    return CLADE_OK;
}

static const command_option options[] = {
    { "output", 'o', "FILE", { "where to write the page", "输出文件" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_report = {
    .name         = "report",
    .usage        = "report WORKSPACE",
    .summary      = { "one page about the customers, to read, print and forward",
                      "一页客户报告，可阅读、打印、转发" },
    .examples     = "report my.clade\nreport my.clade -o report.html\nreport my.clade --lang zh",
    .options      = options,
    .min_args     = 1,
    .max_args     = 1,
    .in_workspace = true,
    .run          = report_run,
};
