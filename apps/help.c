/* Help: examples first, then the form, then the options. */
#include "command.h"

static void print_options(const command *c, const command_option *option)
{
    for (; option->name != NULL; option++) {
        char form[128];
        int  n = 0;
        if (option->letter != 0) {
            n = snprintf(form, sizeof form, "-%c, --%s", option->letter, option->name);
        } else {
            n = snprintf(form, sizeof form, "    --%s", option->name);
        }
        if (option->value != NULL) {
            snprintf(form + n, sizeof form - (size_t)n, " %s", option->value);
        }
        const size_t width = clade_utf8_width(form);
        command_print(c, "  %s%*s%s\n", form, width < 28 ? (int)(28 - width) : 1, "",
                      command_say(c, option->help));
    }
}

/* The examples, one call for each line. */
static const char *next_example(int *out_length, const char *examples)
{
    *out_length = (int)strcspn(examples, "\n");
    return examples + *out_length + (examples[*out_length] == '\n');
}

static void verb_json(command *c, const command_verb *verb)
{
    clade_json *json = command_json(c);
    int         n    = 0;
    clade_json_put_text(json, "verb", verb->name);
    clade_json_put_text(json, "usage", verb->usage);
    clade_json_put_text(json, "summary", command_say(c, verb->summary));
    clade_json_key(json, "examples");
    clade_json_array(json);
    for (const char *line = verb->examples; *line != '\0';) {
        const char *next = next_example(&n, line);
        clade_json_text_n(json, line, (size_t)n);
        line = next;
    }
    clade_json_array_end(json);
    clade_json_key(json, "options");
    clade_json_array(json);
    for (int own = 1; own >= 0; own--) {
        const command_option *option = own ? verb->options : command_common_options;
        for (; option != NULL && option->name != NULL; option++) {
            clade_json_object(json);
            clade_json_put_text(json, "name", option->name);
            clade_json_put_text(json, "value", option->value);
            clade_json_put_text(json, "help", command_say(c, option->help));
            clade_json_object_end(json);
        }
    }
    clade_json_array_end(json);
}

static void verb_page(command *c, const command_verb *verb)
{
    int n = 0;
    command_print(c, "clade %s: %s\n\n", verb->name, command_say(c, verb->summary));
    for (const char *line = verb->examples; *line != '\0';) {
        const char *next = next_example(&n, line);
        command_print(c, "  $ clade %.*s\n", n, line);
        line = next;
    }
    command_print(c, "\n%s  clade %s [%s]\n", COMMAND_SAY(c, "Usage:", "用法："), verb->usage,
                  COMMAND_SAY(c, "options", "选项"));
    if (verb->options != NULL) {
        command_heading(c, "%s", COMMAND_SAY(c, "Options", "选项"));
        print_options(c, verb->options);
    }
    command_heading(c, "%s", COMMAND_SAY(c, "Options of every verb", "通用选项"));
    print_options(c, command_common_options);
    verb_json(c, verb);
}

static void front_page(command *c)
{
    command_print(c,
                  "%s\n\n  $ clade demo\n  $ clade load my.clade orders.csv\n"
                  "  $ clade segment my.clade\n",
                  COMMAND_SAY(c, "clade: who a shop's customers are, from the files it already has",
                              "clade：从商店已有的文件看清顾客"));
    command_heading(c, "%s", COMMAND_SAY(c, "Verbs", "命令"));
    clade_json *json = command_json(c);
    clade_json_key(json, "verbs");
    clade_json_array(json);
    for (size_t i = 0; command_verbs[i] != NULL; i++) {
        const command_verb *verb = command_verbs[i];
        command_print(c, "  %-10s %s\n", verb->name, command_say(c, verb->summary));
        clade_json_object(json);
        clade_json_put_text(json, "name", verb->name);
        clade_json_put_text(json, "usage", verb->usage);
        clade_json_put_text(json, "summary", command_say(c, verb->summary));
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    command_heading(c, "%s", COMMAND_SAY(c, "Options of every verb", "通用选项"));
    print_options(c, command_common_options);
    command_print(
        c, "\n%s\n%s\n",
        COMMAND_SAY(c,
                    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 problems in the data, "
                    "4 not ready",
                    "退出码：0 完成，1 失败，2 用法错误，3 数据有问题，4 尚未就绪"),
        COMMAND_SAY(c, "clade VERB --help shows the examples of a verb.",
                    "clade 命令 --help 显示该命令的示例。"));
}

void command_help(command *c, const command_verb *verb)
{
    if (verb == NULL) {
        front_page(c);
    } else {
        verb_page(c, verb);
    }
}

static clade_status help_run(command *c, clade_error *err)
{
    const command_verb *verb = NULL;
    if (c->n_args > 0) {
        verb = command_verb_find(c->arg[0]);
        if (verb == NULL) return command_verb_unknown(c->arg[0], err);
    }
    command_help(c, verb);
    return CLADE_OK;
}

const command_verb command_verb_help = {
    .name     = "help",
    .usage    = "help [VERB]",
    .summary  = { "what a verb does, with examples", "各命令的说明与示例" },
    .examples = "help\nhelp load",
    .max_args = 1,
    .run      = help_run,
};
