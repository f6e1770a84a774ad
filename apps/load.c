/* clade load: store a shop's files, and say what was understood, what is wrong and what it is
 * worth. */
#include "clade/ingest.h"
#include "command.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { WORST_PROBLEMS = 3, MONEY_FACTS = 5, MAX_REPEATED = 256, MAX_SHOWN_COLUMNS = 40 };

/* ---------------------------------------------------------------- what was asked */

static clade_status parse_shape(clade_shape *out, const char *text, clade_error *err)
{
    const char *names[CLADE_N_SHAPE];
    for (size_t i = 0; i < CLADE_N_SHAPE; i++) {
        names[i] = clade_shape_name((clade_shape)i);
        if (strcmp(names[i], text) != 0) continue;
        *out = (clade_shape)i;
        return CLADE_OK;
    }
    const char *near = clade_text_nearest(text, names, CLADE_N_SHAPE);
    (void)clade_fail(err, CLADE_ERR_ARG,
                     "--shape cannot be '%s': wanted orders, events, customers, items, reviews, "
                     "rival_prices, edges or touches",
                     text);
    if (near != NULL) clade_hint(err, "did you mean %s?", near);
    return CLADE_ERR_ARG;
}

/* "USD=7.2" */
static clade_status parse_rate(clade_rate *out, const char *text, clade_error *err)
{
    char        *end   = NULL;
    const char  *given = strchr(text, '=');
    const double rate  = given == NULL ? 0 : strtod(given + 1, &end);
    if (given == NULL || given - text != 3 || end == given + 1 || *end != '\0' || !(rate > 0) ||
        !isfinite(rate)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "--rate cannot be '%s': wanted the worth of one unit, as USD=7.2", text);
    }
    for (int i = 0; i < 3; i++) {
        const char letter = text[i];
        out->currency[i]  = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
    }
    out->currency[3] = '\0';
    out->rate        = rate;
    return CLADE_OK;
}

/* Every value of an option that may be given again and again. Returns how many. */
static size_t gather(const char **out, const command *c, const char *option)
{
    size_t n = 0;
    while (n < MAX_REPEATED && (out[n] = command_value(c, option, n)) != NULL)
        n++;
    return n;
}

/* A workspace is not made for files that are not there. */
static clade_status check_files(const command *c, clade_error *err)
{
    for (size_t i = 1; i < c->n_args; i++) {
        struct stat about;
        if (stat(c->arg[i], &about) != 0) {
            return clade_fail(err, errno == ENOENT ? CLADE_ERR_NOT_FOUND : CLADE_ERR_IO,
                              "%s: cannot open: %s", c->arg[i], strerror(errno));
        }
        if (S_ISDIR(about.st_mode)) {
            (void)clade_fail(err, CLADE_ERR_IO, "%s is a folder, and a file was wanted", c->arg[i]);
            clade_hint(err, "name its files: %s load %s %s/*.csv", c->program, c->arg[0],
                       c->arg[i]);
            return CLADE_ERR_IO;
        }
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- what is printed */

static clade_text text_at(const clade_json_tree *tree, const clade_json_node *object,
                          const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_TEXT ? node->text : CLADE_TEXT("");
}

static bool is_true(const clade_json_tree *tree, const clade_json_node *object, const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_BOOL && node->boolean;
}

/* How the values of a column are written, where that was a choice. */
static void describe(char out[128], const command *c, const clade_json_tree *tree,
                     const clade_json_node *column, clade_text field)
{
    const clade_text order = text_at(tree, column, "date_order");
    const clade_text unit  = text_at(tree, column, "time_unit");
    const bool       time =
        clade_text_equal(field, CLADE_TEXT("time")) || clade_text_equal(field, CLADE_TEXT("date"));
    const bool is_text = unit.size == 0 || clade_text_equal(unit, CLADE_TEXT("text"));
    out[0]             = '\0';
    if (time && !is_text) {
        snprintf(out, 128, "%.*s", (int)unit.size, unit.data);
    } else if (time) {
        snprintf(out, 128, "%.*s%s", (int)order.size, order.data,
                 is_true(tree, column, "date_proved")
                     ? ""
                     : COMMAND_SAY(c, ", day and month not told apart", "，日与月无法区分"));
    } else if (is_true(tree, column, "decimal_comma")) {
        snprintf(out, 128, "%s", COMMAND_SAY(c, "decimal comma", "逗号小数"));
    }
}

static void print_mapping(command *c, const clade_load_file *file)
{
    clade_json_tree tree    = { 0 };
    size_t          n_shown = 0, n_left = 0;
    if (clade_json_parse(&tree, clade_text_of(file->mapping), c->arena, NULL) != CLADE_OK) return;
    const clade_json_node *columns = clade_json_get(&tree, tree.node, "columns");
    if (columns == NULL || columns->type != CLADE_JSON_ARRAY) return;

    command_table *table = command_table_start(
        c, "llrl", COMMAND_SAY(c, "  column", "  列名"), COMMAND_SAY(c, "read as", "读作"),
        COMMAND_SAY(c, "sure", "把握"), COMMAND_SAY(c, "written", "写法"));
    const clade_json_node *column = columns + 1;
    for (uint32_t i = 0; i < columns->n; i++, column = tree.node + column->next) {
        char                   how[128];
        const clade_text       name  = text_at(&tree, column, "name");
        const clade_text       field = text_at(&tree, column, "field");
        const clade_json_node *sure  = clade_json_get(&tree, column, "confidence");
        if (clade_text_equal(field, CLADE_TEXT("none")) ||
            clade_text_equal(field, CLADE_TEXT("ignore")) || n_shown == MAX_SHOWN_COLUMNS) {
            n_left++;
            continue;
        }
        n_shown++;
        describe(how, c, &tree, column, field);
        command_cell(table, "  %.*s", (int)name.size, name.data);
        command_cell(table, "%.*s", (int)field.size, field.data);
        command_cell(table, "%.0f %%", sure == NULL ? 0 : 100 * sure->number);
        command_cell(table, "%s", how);
    }
    command_table_end(table);
    if (n_left > 0) {
        command_print(c,
                      COMMAND_SAY(c, "  %zu more columns are not used\n", "  另有 %zu 列未使用\n"),
                      n_left);
    }
}

static const char *format_name(clade_format format)
{
    static const char *const name[] = { "CSV", "JSON lines", "Parquet" };
    return name[format];
}

static void print_files(command *c, const clade_load_report *report)
{
    for (size_t i = 0; i < report->n_files; i++) {
        const clade_load_file *file = &report->file[i];
        const bool             packed =
            file->dialect.compression != NULL && strcmp(file->dialect.compression, "none") != 0;
        command_heading(c, "%s", file->path);
        command_print(
            c, "  %s, %s, %s%s%s%s\n", clade_shape_name(file->shape),
            format_name(file->dialect.format),
            file->dialect.encoding == NULL ? "UTF-8" : file->dialect.encoding, packed ? ", " : "",
            packed ? file->dialect.compression : "",
            file->remembered ? COMMAND_SAY(c, "; columns as last time", "；列映射沿用上次") : "");
        print_mapping(c, file);
    }
}

static void count_cell(command_table *table, int64_t n)
{
    char text[32];
    clade_count_format(text, n);
    command_cell(table, "%s", text);
}

static void print_counts(command *c, const clade_load_report *report)
{
    command_heading(c, "%s", COMMAND_SAY(c, "Rows", "行数"));
    command_table *table = command_table_start(
        c, "lrrrr", COMMAND_SAY(c, "file", "文件"), COMMAND_SAY(c, "read", "读入"),
        COMMAND_SAY(c, "= stored", "= 存储"), COMMAND_SAY(c, "+ duplicate", "+ 重复"),
        COMMAND_SAY(c, "+ quarantined", "+ 隔离"));
    for (size_t i = 0; i < report->n_files && report->n_files > 1; i++) {
        const clade_load_file *file = &report->file[i];
        command_cell(table, "%s", file->path);
        count_cell(table, file->n_read);
        count_cell(table, file->n_stored);
        count_cell(table, file->n_duplicate);
        count_cell(table, file->n_quarantined);
    }
    command_cell(table, "%s",
                 report->n_files == 1 ? report->file[0].path : COMMAND_SAY(c, "all", "合计"));
    count_cell(table, report->n_read);
    count_cell(table, report->n_stored);
    count_cell(table, report->n_duplicate);
    count_cell(table, report->n_quarantined);
    command_table_end(table);
}

/* "clade load --repair x" names the workspace too, so that the line can be copied. */
static void print_advice(command *c, const char *advice)
{
    command_print(c, "     ");
    for (const char *at = advice; *at != '\0';) {
        const char  *hit = strstr(at, "clade ");
        const size_t n   = hit == NULL ? strlen(at) : (size_t)(hit - at);
        command_print(c, "%.*s", (int)n, at);
        at += n;
        if (hit == NULL) break;
        at += strlen("clade ");
        const size_t verb = strcspn(at, " ");
        command_print(c, "%s %.*s %s", c->program, (int)verb, at, c->arg[0]);
        at += verb;
    }
    command_print(c, "\n");
}

static void print_findings(command *c, const clade_load_report *report)
{
    const size_t n_worst =
        report->n_problems < WORST_PROBLEMS ? report->n_problems : WORST_PROBLEMS;
    command_heading(c, "%s", COMMAND_SAY(c, "Worst problems in the data", "数据中最严重的问题"));
    if (n_worst == 0) command_print(c, "  %s\n", COMMAND_SAY(c, "none found", "未发现"));
    for (size_t i = 0; i < n_worst; i++) {
        const clade_problem *problem = &report->problem[i];
        const char          *advice  = COMMAND_SAY(c, problem->repair_en, problem->repair_zh);
        command_print(c, "  %zu. %s%s%s\n", i + 1, problem->file == NULL ? "" : problem->file,
                      problem->file == NULL ? "" : ": ", COMMAND_SAY(c, problem->en, problem->zh));
        if (advice != NULL) print_advice(c, advice);
    }
    if (report->n_facts == 0) return;
    command_heading(c, "%s", COMMAND_SAY(c, "Money", "金额"));
    for (size_t i = 0; i < report->n_facts && i < MONEY_FACTS; i++) {
        command_print(c, "  - %s\n", COMMAND_SAY(c, report->fact[i].en, report->fact[i].zh));
    }
}

/* ---------------------------------------------------------------- the verb */

/* Every repair that the data asks for, applied without another file. */
static clade_status repair_all(clade_load_report *report, clade_store *store,
                               const clade_load_options *options, clade_error *err)
{
    const char        *repair[MAX_REPEATED];
    clade_load_report  after = { 0 };
    clade_load_options again = { .repair = repair,
                                 .now_us = options->now_us,
                                 .seed   = options->seed };
    for (size_t i = 0; i < report->n_problems && again.n_repairs < MAX_REPEATED; i++) {
        if (report->problem[i].repair == NULL) continue;
        repair[again.n_repairs++] = report->problem[i].repair;
    }
    if (again.n_repairs == 0) return CLADE_OK;
    CLADE_TRY(clade_load_files(&after, store, NULL, 0, &again, err));
    /* The files' own account stays; problems and facts are those that are left. */
    clade_arena *const arena = report->arena;
    report->arena            = after.arena;
    after.arena              = arena;
    report->n_problems       = after.n_problems;
    report->problem          = after.problem;
    report->n_facts          = after.n_facts;
    report->fact             = after.fact;
    report->clean_s += after.clean_s;
    report->report_s += after.report_s;
    report->total_s += after.total_s;
    return CLADE_OK;
}

/* The one next command. n_acts: things that a known customer did, which segments are made of. */
static void suggest(command *c, const clade_load_report *report, int64_t n_acts)
{
    const bool nothing = report->n_read > 0 && report->n_quarantined == report->n_read;
    c->problems        = nothing;
    if (nothing) {
        command_next(c, "check %s --quarantine", c->arg[0]);
    } else if (n_acts == 0) {
        command_next(c, "load %s ORDERS.csv", c->arg[0]);
    } else {
        command_next(c, "segment %s", c->arg[0]);
    }
}

static clade_status load_run(command *c, clade_error *err)
{
    clade_status       status = CLADE_OK;
    clade_store       *store  = NULL;
    clade_load_report  report = { 0 };
    const char        *map[MAX_REPEATED], *repair[MAX_REPEATED], *rate_text[MAX_REPEATED];
    clade_rate         rate[MAX_REPEATED];
    int64_t            n_acts  = 0;
    clade_load_options options = { .map = map, .repair = repair, .rate = rate, .seed = c->seed };

    options.zone      = command_value(c, "zone", 0);
    options.currency  = command_value(c, "currency", 0);
    options.n_map     = gather(map, c, "map");
    options.n_repairs = gather(repair, c, "repair");
    options.n_rates   = gather(rate_text, c, "rate");
    const bool every  = options.n_repairs == 1 && strcmp(repair[0], "all") == 0;
    if (every) options.n_repairs = 0;
    for (size_t i = 0; i < options.n_rates; i++) {
        CLADE_TRY(parse_rate(&rate[i], rate_text[i], err));
    }
    if (command_has(c, "shape")) {
        CLADE_TRY(parse_shape(&options.shape, command_value(c, "shape", 0), err));
    }
    if (c->n_args == 1 && !every && options.n_repairs == 0 && options.n_rates == 0) {
        (void)clade_fail(err, CLADE_ERR_ARG, "clade load: a file is missing: clade load %s FILE...",
                         c->arg[0]);
        clade_hint(err, "clade load --help shows examples");
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(check_files(c, err));
    CLADE_TRY(command_open(&store, c, c->n_args > 1, err));

    status = clade_load_files(&report, store, c->arg + 1, c->n_args - 1, &options, err);
    if (status != CLADE_OK) goto done;
    if (every) status = repair_all(&report, store, &options, err);
    if (status != CLADE_OK) goto done;

    status = clade_store_int(
        &n_acts, store, "SELECT count(*) FROM event WHERE customer IS NOT NULL", NULL, 0, 0, err);
    if (status != CLADE_OK) goto done;

    print_files(c, &report);
    if (report.n_files > 0) print_counts(c, &report);
    print_findings(c, &report);
    clade_load_report_json(command_json(c), &report);
    suggest(c, &report, n_acts);
done:
    clade_load_report_free(&report);
    return status;
}

static const command_option options[] = {
    { "map", 0, "THEIRS=OURS", { "read their column as our field", "把某列读作某字段" } },
    { "shape",
      0,
      "SHAPE",
      { "orders, events, customers, items, reviews, rival_prices, edges, touches",
        "文件内容的类型" } },
    { "zone",
      0,
      "ZONE",
      { "time zone of the files, as Europe/London", "文件所用时区，如 Asia/Shanghai" } },
    { "currency", 0, "CODE", { "the shop's own currency, as GBP", "商店本位币，如 CNY" } },
    { "rate",
      0,
      "CODE=RATE",
      { "worth of one unit in the shop's own currency", "外币对本位币汇率" } },
    { "repair",
      0,
      "NAME|all",
      { "apply a repair that load or check suggested", "执行建议的修复" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_load = {
    .name         = "load",
    .usage        = "load WORKSPACE FILE...",
    .summary      = { "store a shop's files, and say what is wrong with them",
                      "载入商店的文件，并指出其中的问题" },
    .examples     = "load my.clade orders.csv\nload my.clade export/*.csv.gz --zone Europe/London\n"
                    "load my.clade umsatz.csv --map Bestellnr=order --currency EUR\n"
                    "load my.clade --repair all",
    .options      = options,
    .min_args     = 1,
    .max_args     = COMMAND_MAX_ARGS,
    .in_workspace = true,
    .run          = load_run,
};
