/* clade limits: every limit that has a name, with its value. A test reads the public headers and
 * finds none missing here. */
#include "clade/mapping.h"
#include "clade/reader.h"
#include "command.h"

typedef struct limit {
    const char   *name;
    int64_t       value;
    command_words unit;
    command_words what;
} limit;

static const limit limits[] = {
    { "CLADE_READER_MAX_COLUMNS",
      CLADE_READER_MAX_COLUMNS,
      { "columns", "列" },
      { "in one input file", "单个输入文件" } },
    { "CLADE_READER_MAX_FIELD_BYTES",
      CLADE_READER_MAX_FIELD_BYTES,
      { "bytes", "字节" },
      { "in one field; a longer one is quarantined", "单个字段；超出则隔离该行" } },
    { "CLADE_READER_MAX_ROW_BYTES",
      CLADE_READER_MAX_ROW_BYTES,
      { "bytes", "字节" },
      { "in one row; a longer one is quarantined", "单行；超出则隔离该行" } },
    { "CLADE_READER_SNIFF_BYTES",
      CLADE_READER_SNIFF_BYTES,
      { "bytes", "字节" },
      { "read to guess a file's dialect", "用于猜测文件格式" } },
    { "CLADE_JSON_MAX_DEPTH",
      CLADE_JSON_MAX_DEPTH,
      { "levels", "层" },
      { "of nesting in JSON that is read", "读取 JSON 的嵌套深度" } },
    { "CLADE_TIME_MIN_US",
      CLADE_TIME_MIN_US,
      { "microseconds", "微秒" },
      { "the earliest moment: 0001-01-01", "最早时刻：0001-01-01" } },
    { "CLADE_TIME_MAX_US",
      CLADE_TIME_MAX_US,
      { "microseconds", "微秒" },
      { "the latest moment: the end of 9999", "最晚时刻：9999 年末" } },
    { "CLADE_APPENDER_ROWS",
      CLADE_APPENDER_ROWS,
      { "rows", "行" },
      { "handed to the store at once", "每次写入存储" } },
    { "COMMAND_MAX_ARGS",
      COMMAND_MAX_ARGS,
      { "arguments", "个参数" },
      { "on one command line", "单条命令" } },
    { "COMMAND_MAX_OPTIONS",
      COMMAND_MAX_OPTIONS,
      { "options", "个选项" },
      { "on one command line", "单条命令" } },
};

static clade_status limits_run(command *c, clade_error *err)
{
    (void)err;
    clade_json    *json  = command_json(c);
    command_table *table = command_table_start(c, "lrlw", NULL, NULL, NULL, NULL);

    clade_json_key(json, "limits");
    clade_json_array(json);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        char count[32];
        clade_count_format(count, limits[i].value);
        command_cell(table, "%s", limits[i].name);
        command_cell(table, "%s", count);
        command_cell(table, "%s", command_say(c, limits[i].unit));
        command_cell(table, "%s", command_say(c, limits[i].what));
        clade_json_object(json);
        clade_json_put_text(json, "name", limits[i].name);
        clade_json_put_int(json, "value", limits[i].value);
        clade_json_put_text(json, "unit", limits[i].unit.en);
        clade_json_put_text(json, "what", command_say(c, limits[i].what));
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    command_table_end(table);
    return CLADE_OK;
}

const command_verb command_verb_limits = {
    .name     = "limits",
    .usage    = "limits",
    .summary  = { "every limit that has a name", "所有有名称的上限" },
    .examples = "limits\nlimits --json",
    .run      = limits_run,
};
