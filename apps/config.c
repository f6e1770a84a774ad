/* clade config: what is set, where it comes from, and changing it. */
#include "command.h"

#include <sys/stat.h>

static const char *origin_name(const command *c, command_origin origin)
{
    switch (origin) {
    case COMMAND_FLAG: return COMMAND_SAY(c, "flag", "命令行");
    case COMMAND_ENVIRONMENT: return COMMAND_SAY(c, "environment", "环境变量");
    case COMMAND_WORKSPACE_FILE: return COMMAND_SAY(c, "workspace file", "工作区文件");
    case COMMAND_USER_FILE: return COMMAND_SAY(c, "user file", "用户文件");
    case COMMAND_BUILT_IN: break;
    }
    return COMMAND_SAY(c, "built-in", "内置");
}

static const char *origin_key(command_origin origin)
{
    static const char *const key[] = { "built_in", "user_file", "workspace_file", "environment",
                                       "flag" };
    return key[origin];
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static clade_status need_folder(const char *path, clade_error *err)
{
    if (is_folder(path)) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_NOT_READY, "%s: there is no workspace here", path);
}

static clade_status show(command *c, clade_error *err)
{
    const char *folder = c->arg[1];
    if (folder != NULL) {
        CLADE_TRY(need_folder(folder, err));
        CLADE_TRY(command_settle(c, folder, err));
    }
    const bool     origin = command_has(c, "origin");
    clade_json    *json   = command_json(c);
    command_table *table  = command_table_start(c, origin ? "lll" : "ll", NULL, NULL, NULL);

    clade_json_key(json, "settings");
    clade_json_object(json);
    for (size_t i = 0; i < COMMAND_N_SETTINGS; i++) {
        const command_setting *setting = &c->setting[i];
        command_cell(table, "%s", setting->name);
        command_cell(table, "%s", setting->value[0] == '\0' ? "-" : setting->value);
        if (origin) {
            command_cell(table, "%s%s%s", origin_name(c, setting->origin),
                         setting->place[0] == '\0' ? "" : "  ", setting->place);
        }
        clade_json_key(json, setting->name);
        clade_json_object(json);
        clade_json_put_text(json, "value", setting->value);
        clade_json_put_text(json, "origin", origin_key(setting->origin));
        clade_json_put_text(json, "place", setting->place);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
    command_table_end(table);
    return CLADE_OK;
}

/* config set NAME VALUE [WORKSPACE], config unset NAME [WORKSPACE] */
static clade_status change(command *c, bool unset, clade_error *err)
{
    char         path[4096];
    const size_t behind = unset ? 2 : 3;
    if (c->n_args < behind || c->n_args > behind + 1) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "clade config %s takes %s, and then perhaps a workspace", c->arg[0],
                          unset ? "NAME" : "NAME VALUE");
    }
    const char *name = c->arg[1], *value = unset ? NULL : c->arg[2], *folder = c->arg[behind];

    CLADE_TRY(command_setting_check(name, unset ? command_setting_built_in(name) : value, err));
    if (folder != NULL) {
        CLADE_TRY(need_folder(folder, err));
        snprintf(path, sizeof path, "%s/config", folder);
    } else {
        command_user_file(path);
        if (path[0] == '\0') {
            (void)clade_fail(err, CLADE_ERR_NOT_READY,
                             "there is no place for your settings: HOME is not set");
            clade_hint(err, "name a workspace: clade config %s %s ... my.clade", c->arg[0], name);
            return CLADE_ERR_NOT_READY;
        }
    }
    CLADE_TRY(command_settings_write(path, name, value, err));
    command_note(c, "%s: %s %s\n", path, name, unset ? COMMAND_SAY(c, "removed", "已删除") : value);
    clade_json_put_text(command_json(c), "file", path);
    clade_json_put_text(command_json(c), "name", name);
    clade_json_put_text(command_json(c), "value", value);
    return CLADE_OK;
}

static clade_status config_run(command *c, clade_error *err)
{
    static const char *const action[] = { "show", "set", "unset" };
    if (c->n_args == 0) c->arg[c->n_args++] = "show";
    if (strcmp(c->arg[0], "show") == 0) {
        if (c->n_args <= 2) return show(c, err);
        return clade_fail(err, CLADE_ERR_ARG, "clade config show takes a workspace or nothing");
    }
    if (strcmp(c->arg[0], "set") == 0) return change(c, false, err);
    if (strcmp(c->arg[0], "unset") == 0) return change(c, true, err);

    const char *near = clade_text_nearest(c->arg[0], action, 3);
    (void)clade_fail(err, CLADE_ERR_ARG, "clade config cannot '%s': wanted show, set or unset",
                     c->arg[0]);
    if (near != NULL) clade_hint(err, "did you mean clade config %s?", near);
    return CLADE_ERR_ARG;
}

static const command_option options[] = {
    { "origin", 0, NULL, { "say where each value comes from", "显示每个值的来源" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_config = {
    .name     = "config",
    .usage    = "config [show [WORKSPACE] | set NAME VALUE [WORKSPACE] | unset NAME [WORKSPACE]]",
    .summary  = { "settings: show, set, and where each comes from", "查看和修改设置" },
    .examples = "config show --origin\nconfig set memory 4GB\nconfig set min_group 50 my.clade\n"
                "config unset memory",
    .options  = options,
    .max_args = 4,
    .run      = config_run,
};
