/* clade limits: every limit that has a name, with its value. The list is made from the public
 * headers when the build is configured (limits.cmake), so none can be left out; the words are kept
 * here. */
#include "command.h"
#include "limits_found.h"

typedef struct limit_words {
    const char   *name;
    command_words unit;
    command_words what;
} limit_words;

static const limit_words words[] = {
    { "CLADE_READER_MAX_COLUMNS", { "columns", "列" }, { "in one input file", "单个输入文件" } },
    { "CLADE_READER_MAX_FIELD_BYTES",
      { "bytes", "字节" },
      { "in one field; a longer one is quarantined", "单个字段；超出则隔离该行" } },
    { "CLADE_READER_MAX_ROW_BYTES",
      { "bytes", "字节" },
      { "in one row; a longer one is quarantined", "单行；超出则隔离该行" } },
    { "CLADE_READER_SNIFF_BYTES",
      { "bytes", "字节" },
      { "read to guess a file's dialect", "用于猜测文件格式" } },
    { "CLADE_JSON_MAX_DEPTH",
      { "levels", "层" },
      { "of nesting in JSON that is read", "读取 JSON 的嵌套深度" } },
    { "CLADE_TIME_MIN_US",
      { "microseconds", "微秒" },
      { "the earliest moment: 0001-01-01", "最早时刻：0001-01-01" } },
    { "CLADE_TIME_MAX_US",
      { "microseconds", "微秒" },
      { "the latest moment: the end of 9999", "最晚时刻：9999 年末" } },
    { "CLADE_SEGMENT_MIN_TRUST",
      { "customers", "位顾客" },
      { "below it a segmentation says \"do not trust yet\"", "少于此数时提示“暂不可信”" } },
    { "CLADE_SEGMENTS_MAX",
      { "segments", "个分群" },
      { "in one segmentation: more nobody can keep in mind", "一套分群，多则难记" } },
    { "CLADE_RULES_MAX", { "rules", "条规则" }, { "that describe one segment", "描述一个分群" } },
    { "CLADE_DIFFERENCES_MAX",
      { "features", "个特征" },
      { "that set one segment apart", "刻画一个分群的差异" } },
    { "CLADE_ADDITIVE_TARGETS_MAX",
      { "targets", "个目标" },
      { "of one additive model", "单个加性模型" } },
    { "CLADE_TREES_MAX_ROWS",
      { "rows", "行" },
      { "in one fit of boosted trees", "一次提升树训练" } },
    { "CLADE_TREES_MAX_COLUMNS", { "columns", "列" }, { "in one fit of trees", "一次树模型训练" } },
    { "CLADE_TREES_MAX_ROUNDS", { "rounds", "轮" }, { "of boosting", "提升轮数" } },
    { "CLADE_TREE_MAX_LEAVES", { "leaves", "片叶" }, { "of a single tree", "单棵树" } },
    { "CLADE_TREE_MAX_BINS",
      { "bins", "箱" },
      { "a column is cut into, in a single tree", "单棵树每列分箱数" } },
    { "CLADE_DEMO_MAX_CUSTOMERS", { "customers", "位顾客" }, { "in a demo shop", "演示商店" } },
    { "CLADE_DEMO_MIN_MONTHS",
      { "months", "个月" },
      { "the shortest history of a demo shop", "演示商店的最短历史" } },
    { "CLADE_DEMO_MAX_MONTHS",
      { "months", "个月" },
      { "the longest history of a demo shop", "演示商店的最长历史" } },
    { "CLADE_APPENDER_ROWS", { "rows", "行" }, { "handed to the store at once", "每次写入存储" } },
    { "COMMAND_MAX_ARGS", { "arguments", "个参数" }, { "on one command line", "单条命令" } },
    { "COMMAND_MAX_OPTIONS", { "options", "个选项" }, { "on one command line", "单条命令" } },
    { "CLADE_ADDITIVE_TERMS_MAX", { "terms", "项" }, { "of one additive model", "单个加性模型" } },
    { "CLADE_VALUE_MAX", { "", "" }, { "the largest value of a matrix", "矩阵中的最大值" } },
    { "CLADE_CLUSTERS_MAX", { "clusters", "个聚类" }, { "in one clustering", "一次聚类" } },
    { "CLADE_CONDITIONS_MAX", { "conditions", "个条件" }, { "in one rule", "一条规则" } },
    { "CLADE_ROWS_MAX", { "rows", "行" }, { "in one table of numbers", "一次数值计算" } },
    { "CLADE_LOAD_MAX_FILES", { "files", "个文件" }, { "in one load", "一次载入" } },
};

/* Limits that are not named like one, or not public. */
static const struct {
    const char *name;
    int64_t     value;
} others[] = {
    { "CLADE_READER_SNIFF_BYTES", CLADE_READER_SNIFF_BYTES },
    { "CLADE_APPENDER_ROWS", CLADE_APPENDER_ROWS },
    { "COMMAND_MAX_ARGS", COMMAND_MAX_ARGS },
    { "COMMAND_MAX_OPTIONS", COMMAND_MAX_OPTIONS },
};

static void print_limit(command *c, command_table *table, const char *name, int64_t value,
                        const char *about)
{
    clade_json *json = command_json(c);
    limit_words w    = { name, { "", "" }, { about, about } };
    char        count[32];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].name, name) == 0) w = words[i];
    }
    clade_count_format(count, value);
    command_cell(table, "%s", name);
    command_cell(table, "%s", count);
    command_cell(table, "%s", command_say(c, w.unit));
    command_cell(table, "%s", command_say(c, w.what));
    clade_json_object(json);
    clade_json_put_text(json, "name", name);
    clade_json_put_int(json, "value", value);
    clade_json_put_text(json, "unit", w.unit.en);
    clade_json_put_text(json, "what", command_say(c, w.what));
    clade_json_object_end(json);
}

static clade_status limits_run(command *c, clade_error *err)
{
    (void)err;
    command_table *table = command_table_start(c, "lrlw", NULL, NULL, NULL, NULL);

    clade_json_key(command_json(c), "limits");
    clade_json_array(command_json(c));
    for (size_t i = 0; i < sizeof limits_found / sizeof limits_found[0]; i++) {
        print_limit(c, table, limits_found[i].name, limits_found[i].value, limits_found[i].about);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        print_limit(c, table, others[i].name, others[i].value, "");
    }
    clade_json_array_end(command_json(c));
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
