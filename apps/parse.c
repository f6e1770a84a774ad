/* The command line: which verb, which arguments, which options. Options may stand anywhere; `--`
 * ends them; `--name value` and `--name=value` are the same. */
#include "command.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

const command_option command_common_options[] = {
    { "threads", 0, "N", { "threads to use; 0 is every processor", "线程数；0 为全部处理器" } },
    { "memory",
      0,
      "SIZE",
      { "memory limit, as 4GB; beyond it data spills to disk",
        "内存上限，如 4GB；超出部分写入磁盘" } },
    { "seed", 0, "N", { "seed of everything random", "随机种子" } },
    { "as-of",
      0,
      "MOMENT",
      { "know nothing from this moment on, as 2011-09-10",
        "只使用此时刻之前的数据，如 2011-09-10" } },
    { "min-group",
      0,
      "N",
      { "show and export no group smaller than this (20)",
        "不显示、不导出小于此人数的群体（默认 20）" } },
    { "lang", 0, "en|zh", { "language of names and words", "输出语言" } },
    { "color", 0, "WHEN", { "auto, always or never", "颜色：auto、always 或 never" } },
    { "quiet", 'q', NULL, { "results only, no words on stderr", "只输出结果" } },
    { "json", 0, NULL, { "one JSON object on stdout", "在标准输出写一个 JSON 对象" } },
    { "help", 'h', NULL, { "this page", "显示本页" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

void command_glance(command *c, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) c->json = true;
        if (strcmp(argv[i], "--quiet") == 0 || strcmp(argv[i], "-q") == 0) c->quiet = true;
        if (strcmp(argv[i], "--lang=zh") == 0) c->zh = true;
        if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc && strcmp(argv[i + 1], "zh") == 0) {
            c->zh = true;
        }
    }
}

/* Options of the verb, then the common ones: the nth of them, or NULL behind the last. */
static const command_option *option_at(const command_verb *verb, size_t n)
{
    const command_option *const list[2] = { verb == NULL ? NULL : verb->options,
                                            command_common_options };
    for (size_t i = 0; i < 2; i++) {
        for (const command_option *o = list[i]; o != NULL && o->name != NULL; o++) {
            if (n-- == 0) return o;
        }
    }
    return NULL;
}

static const command_option *option_find(const command_verb *verb, const char *name, size_t n,
                                         char letter)
{
    const command_option *option = NULL;
    for (size_t i = 0; (option = option_at(verb, i)) != NULL; i++) {
        if (name != NULL && strlen(option->name) == n && strncmp(option->name, name, n) == 0) break;
        if (name == NULL && option->letter == letter) break;
    }
    return option;
}

static clade_status unknown_option(const command_verb *verb, const char *given, clade_error *err)
{
    enum { MAX_NAMES = 128 };
    const char           *names[MAX_NAMES];
    size_t                n      = 0;
    const command_option *option = NULL;
    char                  word[64];

    while (n < MAX_NAMES && (option = option_at(verb, n)) != NULL)
        names[n++] = option->name;
    const char *start = given;
    while (*start == '-')
        start++;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(start, "="), start);
    const char *near = clade_text_nearest(word, names, n);
    (void)clade_fail(err, CLADE_ERR_ARG, "there is no option '%s'%s%s", given,
                     verb == NULL ? "" : " for clade ", verb == NULL ? "" : verb->name);
    if (near != NULL) {
        clade_hint(err, "did you mean --%s?", near);
    } else {
        clade_hint(err, "clade %s --help lists them", verb == NULL ? "" : verb->name);
    }
    return CLADE_ERR_ARG;
}

/* Take the option at argv[*i] and the value behind it. */
static clade_status take_option(command *c, const command_verb *verb, int *i, int argc, char **argv,
                                clade_error *err)
{
    const char           *given   = argv[*i];
    const bool            is_long = given[1] == '-';
    const char           *name    = is_long ? given + 2 : NULL;
    const size_t          n       = is_long ? strcspn(name, "=") : 0;
    const command_option *option  = option_find(verb, name, n, given[1]);
    const char           *value   = is_long && name[n] == '=' ? name + n + 1 : NULL;

    if (option == NULL) return unknown_option(verb, given, err);
    if (!is_long && given[2] != '\0') value = given + 2; /* -oFILE */
    if (option->value == NULL && value != NULL) {
        return clade_fail(err, CLADE_ERR_ARG, "--%s takes no value, and was given '%s'",
                          option->name, value);
    }
    if (option->value != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            return clade_fail(err, CLADE_ERR_ARG, "--%s needs a value: --%s %s", option->name,
                              option->name, option->value);
        }
        value = argv[++*i];
    }
    if (c->n_given == COMMAND_MAX_OPTIONS) {
        return clade_fail(err, CLADE_ERR_ARG, "more than %d options on one command line",
                          COMMAND_MAX_OPTIONS);
    }
    c->given[c->n_given++] = (command_given){ option, value };
    return CLADE_OK;
}

/* The verb is the first argument that is neither an option nor the value of one. */
static const char *verb_word(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') return argv[i];
        const char           *name   = argv[i] + 2;
        const command_option *option = NULL;
        if (strcmp(argv[i], "--") == 0) return NULL;
        if (argv[i][1] == '-') option = option_find(NULL, name, strlen(name), 0);
        if (option != NULL && option->value != NULL) i++;
    }
    return NULL;
}

static clade_status check_count(const command *c, clade_error *err)
{
    const command_verb *verb = c->verb;
    if (c->n_args < verb->min_args) {
        (void)clade_fail(err, CLADE_ERR_ARG, "clade %s: an argument is missing: clade %s",
                         verb->name, verb->usage);
    } else if (c->n_args > verb->max_args) {
        (void)clade_fail(err, CLADE_ERR_ARG, "clade %s: '%s' is one argument too many: clade %s",
                         verb->name, c->arg[verb->max_args], verb->usage);
    } else {
        return CLADE_OK;
    }
    clade_hint(err, "clade %s --help shows examples", verb->name);
    return CLADE_ERR_ARG;
}

clade_status command_parse(command *c, int argc, char **argv, clade_error *err)
{
    const char *word      = verb_word(argc, argv);
    bool        verb_seen = false, ended = false;

    if (word != NULL) {
        c->verb = command_verb_find(word);
        if (c->verb == NULL) return command_verb_unknown(word, err);
    }
    for (int i = 1; i < argc; i++) {
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;
        } else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0') {
            CLADE_TRY(take_option(c, c->verb, &i, argc, argv, err));
        } else if (!verb_seen && argv[i] == word) {
            verb_seen = true;
        } else if (c->n_args == COMMAND_MAX_ARGS) {
            return clade_fail(err, CLADE_ERR_ARG, "more than %d arguments", COMMAND_MAX_ARGS);
        } else {
            c->arg[c->n_args++] = argv[i];
        }
    }
    if (c->verb != NULL && !command_has(c, "help")) CLADE_TRY(check_count(c, err));
    return CLADE_OK;
}

/* ---------------------------------------------------------------- what a verb asks */

const char *command_value(const command *c, const char *option, size_t nth)
{
    assert(option_find(c->verb, option, strlen(option), 0) != NULL);
    for (size_t i = 0; i < c->n_given; i++) {
        if (strcmp(c->given[i].option->name, option) != 0) continue;
        if (nth-- == 0) return c->given[i].value;
    }
    return NULL;
}

bool command_has(const command *c, const char *option)
{
    assert(option_find(c->verb, option, strlen(option), 0) != NULL);
    for (size_t i = 0; i < c->n_given; i++) {
        if (strcmp(c->given[i].option->name, option) == 0) return true;
    }
    return false;
}

clade_status command_int(int64_t *out, const command *c, const char *option, int64_t if_absent,
                         int64_t low, int64_t high, clade_error *err)
{
    const char *text = command_value(c, option, 0);
    char       *end  = NULL;
    if (text == NULL) {
        *out = if_absent;
        return CLADE_OK;
    }
    errno                 = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < low || value > high) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "--%s cannot be '%s': wanted a whole number from %lld to %lld", option,
                          text, (long long)low, (long long)high);
    }
    *out = value;
    return CLADE_OK;
}

clade_status command_real(double *out, const command *c, const char *option, double if_absent,
                          double low, double high, clade_error *err)
{
    const char *text = command_value(c, option, 0);
    char       *end  = NULL;
    if (text == NULL) {
        *out = if_absent;
        return CLADE_OK;
    }
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= low && value <= high)) {
        return clade_fail(err, CLADE_ERR_ARG, "--%s cannot be '%s': wanted a number from %g to %g",
                          option, text, low, high);
    }
    *out = value;
    return CLADE_OK;
}
