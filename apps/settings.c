/* Settings: what each one is, and which of the five places decides it. Runs once a command. */
#include "command.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 1 << 16 };

typedef enum setting_kind {
    KIND_THREADS,
    KIND_SIZE,
    KIND_SEED,
    KIND_MOMENT,
    KIND_GROUP,
    KIND_LANG,
    KIND_COLOR,
    KIND_SWITCH,
    KIND_FOLDS,
    KIND_DEPTHS,
    KIND_ROUNDS,
    KIND_RATE,
    KIND_BUDGET
} setting_kind;

static const struct {
    const char  *name;
    setting_kind kind;
    const char  *built_in;
} known[COMMAND_N_SETTINGS] = {
    { "threads", KIND_THREADS, "0" },
    { "memory", KIND_SIZE, "0" },
    { "seed", KIND_SEED, "1" },
    { "as_of", KIND_MOMENT, "" },
    { "min_group", KIND_GROUP, "20" },
    { "lang", KIND_LANG, "en" },
    { "color", KIND_COLOR, "auto" },
    { "quiet", KIND_SWITCH, "false" },
    { "json", KIND_SWITCH, "false" },
    { "predict.folds", KIND_FOLDS, "3" },
    { "predict.depths", KIND_DEPTHS, "3,5,7" },
    { "predict.rounds", KIND_ROUNDS, "300" },
    { "predict.rate", KIND_RATE, "0.08" },
    { "predict.budget", KIND_BUDGET, "" },
};

static size_t setting_index(const char *name)
{
    size_t i = 0;
    while (i < COMMAND_N_SETTINGS && strcmp(known[i].name, name) != 0)
        i++;
    return i;
}

/* ---------------------------------------------------------------- values */

static bool parse_whole(int64_t *out, const char *text, int64_t low, int64_t high)
{
    char *end             = NULL;
    errno                 = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < low || value > high) return false;
    *out = value;
    return true;
}

static bool parse_seed(uint64_t *out, const char *text)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9') return false; /* strtoull would accept a minus sign */
    errno                          = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0) return false;
    *out = value;
    return true;
}

clade_status command_size_parse(int64_t *out_bytes, const char *text, clade_error *err)
{
    static const struct {
        const char *name;
        double      bytes;
    } unit[]          = { { "", 1 },         { "B", 1 },       { "K", 1e3 },      { "KB", 1e3 },
                          { "M", 1e6 },      { "MB", 1e6 },    { "G", 1e9 },      { "GB", 1e9 },
                          { "T", 1e12 },     { "TB", 1e12 },   { "KIB", 0x1p10 }, { "MIB", 0x1p20 },
                          { "GIB", 0x1p30 }, { "TIB", 0x1p40 } };
    char        *end  = NULL;
    const double many = strtod(text, &end);
    if (end != text && text[0] >= '0' && text[0] <= '9') {
        while (*end == ' ')
            end++;
        for (size_t i = 0; i < sizeof unit / sizeof unit[0]; i++) {
            if (!clade_text_equal_nocase(clade_text_of(end), clade_text_of(unit[i].name))) continue;
            if (!(many * unit[i].bytes < 0x1p62)) break;
            *out_bytes = (int64_t)(many * unit[i].bytes);
            return CLADE_OK;
        }
    }
    return clade_fail(err, CLADE_ERR_ARG,
                      "'%s' is not a size: wanted a number of bytes, or 512MB, 4GB", text);
}

void command_size_format(char out[32], int64_t bytes)
{
    static const char *const unit[] = { "bytes", "KB", "MB", "GB", "TB" };
    double                   value  = (double)bytes;
    size_t                   i      = 0;
    while (value >= 999.95 && i + 1 < sizeof unit / sizeof unit[0]) {
        value /= 1000;
        i++;
    }
    snprintf(out, 32, i == 0 ? "%.0f %s" : "%.1f %s", value, unit[i]);
}

static bool is_one_of(const char *value, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(value, words[i]) == 0) return true;
    }
    return false;
}

static bool parse_rate(double *out, const char *text)
{
    char *end = NULL;
    *out      = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out <= 1;
}

/* "3,5,7" */
static bool parse_depths(clade_predict_search *out, const char *text)
{
    out->n_depths = 0;
    for (const char *at = text;; at++) {
        char      *end   = NULL;
        const long depth = strtol(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0') || depth < 1 || depth > 12 ||
            out->n_depths == CLADE_PREDICT_DEPTHS_MAX)
            return false;
        out->depth[out->n_depths++] = (int)depth;
        at                          = end;
        if (*end == '\0') return true;
    }
}

clade_status command_setting_check(const char *name, const char *value, clade_error *err)
{
    const size_t i      = setting_index(name);
    int64_t      whole  = 0;
    uint64_t     seed   = 0;
    const char  *wanted = NULL;
    const char  *names[COMMAND_N_SETTINGS];

    if (i == COMMAND_N_SETTINGS) {
        for (size_t k = 0; k < COMMAND_N_SETTINGS; k++)
            names[k] = known[k].name;
        const char *near = clade_text_nearest(name, names, COMMAND_N_SETTINGS);
        (void)clade_fail(err, CLADE_ERR_ARG, "there is no setting '%s'", name);
        if (near != NULL) clade_hint(err, "did you mean %s?", near);
        return CLADE_ERR_ARG;
    }
    switch (known[i].kind) {
    case KIND_THREADS:
        if (!parse_whole(&whole, value, 0, 1024)) wanted = "0 (every processor) to 1024";
        break;
    case KIND_SIZE: return command_size_parse(&whole, value, err);
    case KIND_SEED:
        if (!parse_seed(&seed, value)) wanted = "a whole number from 0 to 18446744073709551615";
        break;
    case KIND_MOMENT: return value[0] == '\0' ? CLADE_OK : clade_time_parse(&whole, value, err);
    case KIND_GROUP:
        if (!parse_whole(&whole, value, 1, 1000000000)) wanted = "1 to 1000000000 customers";
        break;
    case KIND_LANG:
        if (!is_one_of(value, (const char *const[]){ "en", "zh", NULL })) wanted = "en or zh";
        break;
    case KIND_COLOR:
        if (!is_one_of(value, (const char *const[]){ "auto", "always", "never", NULL }))
            wanted = "auto, always or never";
        break;
    case KIND_FOLDS:
        if (!parse_whole(&whole, value, 1, CLADE_PREDICT_FOLDS_MAX)) wanted = "1 to 6 moments";
        break;
    case KIND_DEPTHS:
        if (!parse_depths(&(clade_predict_search){ 0 }, value))
            wanted = "one to eight depths of 1 to 12, as 3,5,7";
        break;
    case KIND_ROUNDS:
        if (!parse_whole(&whole, value, 1, 5000)) wanted = "1 to 5000 trees";
        break;
    case KIND_RATE:
        if (!parse_rate(&(double){ 0 }, value)) wanted = "above 0 and at most 1";
        break;
    case KIND_BUDGET: return value[0] == '\0' ? CLADE_OK : clade_duration_parse(&whole, value, err);
    case KIND_SWITCH:
        if (!is_one_of(value, (const char *const[]){ "true", "false", "1", "0", NULL }))
            wanted = "true or false";
        break;
    }
    if (wanted == NULL) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "%s cannot be '%s': wanted %s", name, value, wanted);
}

/* ---------------------------------------------------------------- files */

void command_user_file(char out[4096])
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    out[0]           = '\0';
    if (base != NULL && base[0] == '/') {
        snprintf(out, 4096, "%s/clade/config", base);
    } else if (home != NULL && home[0] != '\0') {
        snprintf(out, 4096, "%s/.config/clade/config", home);
    }
}

/* The file's bytes in `out`; a file that does not exist is empty. */
static clade_status read_file(clade_buffer *out, const char *path, clade_error *err)
{
    clade_status status = CLADE_OK;
    char         part[4096];
    size_t       got  = 0;
    FILE        *file = fopen(path, "rb");
    if (file == NULL) {
        if (errno == ENOENT || errno == ENOTDIR) return CLADE_OK;
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    while ((got = fread(part, 1, sizeof part, file)) > 0 && out->size <= MAX_FILE_BYTES) {
        clade_buffer_append(out, part, got);
    }
    if (ferror(file)) {
        status = clade_fail(err, CLADE_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    } else if (out->size > MAX_FILE_BYTES) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: a settings file has at most %d bytes", path,
                            MAX_FILE_BYTES);
    } else if (out->failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", path);
    }
    fclose(file);
    return status;
}

/* Cut one line off `rest`, without its line end. */
static clade_text next_line(clade_text *rest)
{
    const char  *end  = memchr(rest->data, '\n', rest->size);
    const size_t n    = end == NULL ? rest->size : (size_t)(end - rest->data);
    clade_text   line = { rest->data, n };
    const size_t cut  = end == NULL ? n : n + 1;
    rest->data += cut;
    rest->size -= cut;
    return line;
}

/* "name = value" as two trimmed texts; false for a comment and for an empty line. A line without
 * an equals sign gives the whole as the name and an empty value without data. */
static bool split_line(clade_text *out_name, clade_text *out_value, clade_text line)
{
    line = clade_text_trim(line);
    if (line.size == 0 || line.data[0] == '#') return false;
    const char *equals = memchr(line.data, '=', line.size);
    if (equals == NULL) {
        *out_name  = line;
        *out_value = (clade_text){ NULL, 0 };
        return true;
    }
    const size_t n = (size_t)(equals - line.data);
    *out_name      = clade_text_trim((clade_text){ line.data, n });
    *out_value     = clade_text_trim((clade_text){ equals + 1, line.size - n - 1 });
    return true;
}

static clade_status settle_file(command *c, const char *path, command_origin origin,
                                clade_error *err)
{
    clade_buffer text   = { 0 };
    int          line_n = 0;
    clade_status status = read_file(&text, path, err);
    clade_text   rest   = { text.data, text.size };

    while (status == CLADE_OK && rest.size > 0) {
        clade_text       name, value;
        const clade_text line = next_line(&rest);
        line_n++;
        if (!split_line(&name, &value, line)) continue;
        const char *name_copy  = clade_arena_text(c->arena, name.data, name.size);
        const char *value_copy = clade_arena_text(c->arena, value.data, value.size);
        const char *place      = clade_arena_format(c->arena, "%s:%d", path, line_n);
        if (name_copy == NULL || value_copy == NULL || place == NULL) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the settings");
        } else if (value.data == NULL) {
            status = clade_fail(err, CLADE_ERR_ARG, "%s: wanted 'name = value', found '%s'", place,
                                name_copy);
        } else if ((status = command_setting_check(name_copy, value_copy, err)) != CLADE_OK) {
            (void)clade_fail_at(err, status, "%s: ", place);
        } else {
            c->setting[setting_index(name_copy)] =
                (command_setting){ name_copy, value_copy, origin, place };
        }
    }
    clade_buffer_free(&text);
    return status;
}

/* Make the folders above `path`. */
static void make_folders(const char *path)
{
    char part[4096];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/') continue;
        *p = '\0';
        (void)mkdir(part, 0700); /* The open that follows says what is wrong, if anything is. */
        *p = '/';
    }
}

/* Write beside the file, then take its place: a reader sees the old settings or the new. */
static clade_status replace_file(const char *path, const clade_buffer *text, clade_error *err)
{
    char beside[4200];
    snprintf(beside, sizeof beside, "%s.new", path);
    const int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", beside, strerror(errno));
    }
    const bool written =
        write(file, text->data == NULL ? "" : text->data, text->size) == (ssize_t)text->size &&
        fsync(file) == 0;
    const int reason = errno;
    if (close(file) != 0 || !written || rename(beside, path) != 0) {
        const int why = written ? errno : reason;
        (void)unlink(beside);
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", path, strerror(why));
    }
    return CLADE_OK;
}

clade_status command_settings_write(const char *path, const char *name, const char *value,
                                    clade_error *err)
{
    clade_buffer before = { 0 }, after = { 0 };
    bool         done   = value == NULL;
    clade_status status = read_file(&before, path, err);
    clade_text   rest   = { before.data, before.size };

    while (status == CLADE_OK && rest.size > 0) {
        clade_text       line_name, line_value;
        const clade_text line = next_line(&rest);
        if (split_line(&line_name, &line_value, line) &&
            clade_text_equal(line_name, clade_text_of(name))) {
            if (!done) clade_buffer_format(&after, "%s = %s\n", name, value);
            done = true;
            continue;
        }
        clade_buffer_append(&after, line.data, line.size);
        clade_buffer_text(&after, "\n");
    }
    if (status != CLADE_OK) goto done;
    if (!done) clade_buffer_format(&after, "%s = %s\n", name, value);
    if (after.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the settings");
        goto done;
    }
    make_folders(path);
    status = replace_file(path, &after, err);
done:
    clade_buffer_free(&before);
    clade_buffer_free(&after);
    return status;
}

/* ---------------------------------------------------------------- settling */

/* A shell in a Chinese locale gets Chinese unless somebody says otherwise. */
static void settle_locale(command *c)
{
    static const char *const variables[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(variables[i]);
        if (value == NULL || value[0] == '\0') continue;
        if (strncmp(value, "zh", 2) == 0) {
            c->setting[setting_index("lang")] =
                (command_setting){ "lang", "zh", COMMAND_BUILT_IN, variables[i] };
        }
        return;
    }
}

static clade_status settle_environment(command *c, clade_error *err)
{
    for (size_t i = 0; i < COMMAND_N_SETTINGS; i++) {
        char variable[64] = "CLADE_";
        for (size_t k = 0; known[i].name[k] != '\0'; k++) {
            const char letter = known[i].name[k];
            variable[6 + k]   = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A')
                                : letter == '.'                ? '_'
                                                               : letter;
        }
        const char *value = getenv(variable);
        if (value == NULL || value[0] == '\0') continue;
        const clade_status status = command_setting_check(known[i].name, value, err);
        if (status != CLADE_OK) return clade_fail_at(err, status, "%s: ", variable);
        const char *place = clade_arena_text(c->arena, variable, strlen(variable));
        c->setting[i]     = (command_setting){ known[i].name, value, COMMAND_ENVIRONMENT,
                                           place == NULL ? "" : place };
    }
    return CLADE_OK;
}

static clade_status settle_flags(command *c, clade_error *err)
{
    for (size_t k = 0; k < c->n_given; k++) {
        char        name[64];
        const char *flag  = c->given[k].option->name;
        const char *value = c->given[k].value == NULL ? "true" : c->given[k].value;
        snprintf(name, sizeof name, "%s", flag);
        for (char *p = name; *p != '\0'; p++) {
            if (*p == '-') *p = '_';
        }
        const size_t i = setting_index(name);
        if (i == COMMAND_N_SETTINGS) continue; /* The verb's own. */
        const clade_status status = command_setting_check(name, value, err);
        if (status != CLADE_OK) return clade_fail_at(err, status, "--%s: ", flag);
        const char *place = clade_arena_format(c->arena, "--%s", flag);
        c->setting[i] =
            (command_setting){ known[i].name, value, COMMAND_FLAG, place == NULL ? "" : place };
    }
    return CLADE_OK;
}

static bool is_true(const char *value)
{
    return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

void command_predict_search(clade_predict_search *out, const command *c)
{
    int64_t whole = 0;
    *out          = (clade_predict_search){ 0 };
    if (parse_whole(&whole, command_setting_get(c, "predict.folds"), 1, CLADE_PREDICT_FOLDS_MAX))
        out->folds = (size_t)whole;
    (void)parse_depths(out, command_setting_get(c, "predict.depths"));
    if (parse_whole(&whole, command_setting_get(c, "predict.rounds"), 1, 5000))
        out->rounds = (int)whole;
    (void)parse_rate(&out->rate, command_setting_get(c, "predict.rate"));
    const char *const budget = command_setting_get(c, "predict.budget");
    if (budget[0] != '\0' && clade_duration_parse(&whole, budget, NULL) == CLADE_OK)
        out->budget_s = (double)whole / (double)CLADE_US_PER_SECOND;
}

/* Texts to what the verbs use. Every text was checked, so none of these can fail. */
static void apply(command *c)
{
    int64_t whole = 0;
    if (parse_whole(&whole, command_setting_get(c, "threads"), 0, 1024)) {
        clade_threads_set((int)whole);
    }
    if (command_size_parse(&whole, command_setting_get(c, "memory"), NULL) == CLADE_OK) {
        c->memory_bytes = whole;
    }
    (void)parse_seed(&c->seed, command_setting_get(c, "seed"));
    const char *as_of = command_setting_get(c, "as_of");
    c->has_as_of      = as_of[0] != '\0' && clade_time_parse(&c->as_of_us, as_of, NULL) == CLADE_OK;
    if (parse_whole(&whole, command_setting_get(c, "min_group"), 1, 1000000000)) {
        c->min_group = whole;
    }
    c->zh    = strcmp(command_setting_get(c, "lang"), "zh") == 0;
    c->quiet = is_true(command_setting_get(c, "quiet"));
    c->json  = is_true(command_setting_get(c, "json"));
    clade_log_set(c->quiet ? CLADE_LOG_QUIET : CLADE_LOG_INFO);

    const command_setting *color    = &c->setting[setting_index("color")];
    const char            *no_color = getenv("NO_COLOR");
    const char            *terminal = getenv("TERM");
    if (strcmp(color->value, "auto") != 0 && color->origin == COMMAND_FLAG) {
        c->color = strcmp(color->value, "always") == 0;
    } else if (no_color != NULL && no_color[0] != '\0') {
        c->color = false;
    } else if (strcmp(color->value, "auto") != 0) {
        c->color = strcmp(color->value, "always") == 0;
    } else {
        c->color = isatty(STDOUT_FILENO) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
    }
}

clade_status command_settle(command *c, const char *folder, clade_error *err)
{
    char path[4096];
    for (size_t i = 0; i < COMMAND_N_SETTINGS; i++) {
        c->setting[i] = (command_setting){ known[i].name, known[i].built_in, COMMAND_BUILT_IN, "" };
    }
    settle_locale(c);
    command_user_file(path);
    if (path[0] != '\0') CLADE_TRY(settle_file(c, path, COMMAND_USER_FILE, err));
    if (folder != NULL && (size_t)snprintf(path, sizeof path, "%s/config", folder) < sizeof path) {
        CLADE_TRY(settle_file(c, path, COMMAND_WORKSPACE_FILE, err));
    }
    CLADE_TRY(settle_environment(c, err));
    CLADE_TRY(settle_flags(c, err));
    apply(c);
    return CLADE_OK;
}

const char *command_setting_get(const command *c, const char *name)
{
    const size_t i = setting_index(name);
    assert(i < COMMAND_N_SETTINGS);
    return c->setting[i].value;
}

const char *command_setting_built_in(const char *name)
{
    const size_t i = setting_index(name);
    return i < COMMAND_N_SETTINGS ? known[i].built_in : "";
}
