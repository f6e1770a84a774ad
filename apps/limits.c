/* clade limits: every limit that has a name, with its value. A test reads the public headers and
 * finds none missing here. */
#include "clade/demo.h"
#include "clade/linear.h"
#include "clade/reader.h"
#include "clade/segments.h"
#include "clade/trees.h"
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
    { "CLADE_SEGMENT_MIN_TRUST",
      CLADE_SEGMENT_MIN_TRUST,
      { "customers", "位顾客" },
      { "below it a segmentation says \"do not trust yet\"", "少于此数时提示“暂不可信”" } },
    { "CLADE_SEGMENTS_MAX",
      CLADE_SEGMENTS_MAX,
      { "segments", "个分群" },
      { "in one segmentation: more nobody can keep in mind", "一套分群，多则难记" } },
    { "CLADE_RULES_MAX",
      CLADE_RULES_MAX,
      { "rules", "条规则" },
      { "that describe one segment", "描述一个分群" } },
    { "CLADE_DIFFERENCES_MAX",
      CLADE_DIFFERENCES_MAX,
      { "features", "个特征" },
      { "that set one segment apart", "刻画一个分群的差异" } },
    { "CLADE_ADDITIVE_TARGETS_MAX",
      CLADE_ADDITIVE_TARGETS_MAX,
      { "targets", "个目标" },
      { "of one additive model", "单个加性模型" } },
    { "CLADE_TREES_MAX_ROWS",
      CLADE_TREES_MAX_ROWS,
      { "rows", "行" },
      { "in one fit of boosted trees", "一次提升树训练" } },
    { "CLADE_TREES_MAX_COLUMNS",
      CLADE_TREES_MAX_COLUMNS,
      { "columns", "列" },
      { "in one fit of trees", "一次树模型训练" } },
    { "CLADE_TREES_MAX_ROUNDS",
      CLADE_TREES_MAX_ROUNDS,
      { "rounds", "轮" },
      { "of boosting", "提升轮数" } },
    { "CLADE_TREE_MAX_LEAVES",
      CLADE_TREE_MAX_LEAVES,
      { "leaves", "片叶" },
      { "of a single tree", "单棵树" } },
    { "CLADE_TREE_MAX_BINS",
      CLADE_TREE_MAX_BINS,
      { "bins", "箱" },
      { "a column is cut into, in a single tree", "单棵树每列分箱数" } },
    { "CLADE_DEMO_MAX_CUSTOMERS",
      CLADE_DEMO_MAX_CUSTOMERS,
      { "customers", "位顾客" },
      { "in a demo shop", "演示商店" } },
    { "CLADE_DEMO_MIN_MONTHS",
      CLADE_DEMO_MIN_MONTHS,
      { "months", "个月" },
      { "the shortest history of a demo shop", "演示商店的最短历史" } },
    { "CLADE_DEMO_MAX_MONTHS",
      CLADE_DEMO_MAX_MONTHS,
      { "months", "个月" },
      { "the longest history of a demo shop", "演示商店的最长历史" } },
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
