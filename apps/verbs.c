/* Every verb, in the order of the help. A new verb is a file, a line here, and one in CMakeLists.
 */
#include "command.h"

extern const command_verb command_verb_bench, command_verb_check, command_verb_config,
    command_verb_customer, command_verb_demo, command_verb_evaluate, command_verb_explain,
    command_verb_export, command_verb_doctor, command_verb_fit, command_verb_forget,
    command_verb_help, command_verb_limits, command_verb_load, command_verb_predict,
    command_verb_recommend, command_verb_replay, command_verb_report, command_verb_segment,
    command_verb_serve, command_verb_version;

const command_verb *const command_verbs[] = {
    &command_verb_demo,     &command_verb_load,
    &command_verb_check,    &command_verb_fit,
    &command_verb_segment,  &command_verb_customer,
    &command_verb_predict,  &command_verb_explain,
    &command_verb_evaluate, &command_verb_recommend,
    &command_verb_export,   &command_verb_report,
    &command_verb_serve,    &command_verb_forget,
    &command_verb_replay,   &command_verb_bench,
    &command_verb_doctor,   &command_verb_limits,
    &command_verb_config,   &command_verb_version,
    &command_verb_help,     NULL,
};

const command_verb *command_verb_find(const char *name)
{
    for (size_t i = 0; command_verbs[i] != NULL; i++) {
        if (strcmp(command_verbs[i]->name, name) == 0) return command_verbs[i];
    }
    return NULL;
}

clade_status command_verb_unknown(const char *name, clade_error *err)
{
    const char *names[sizeof command_verbs / sizeof command_verbs[0]];
    size_t      n = 0;
    for (; command_verbs[n] != NULL; n++)
        names[n] = command_verbs[n]->name;
    const char *near = clade_text_nearest(name, names, n);
    (void)clade_fail(err, CLADE_ERR_ARG, "there is no verb '%s'", name);
    if (near != NULL) {
        clade_hint(err, "did you mean clade %s?", near);
    } else {
        clade_hint(err, "clade --help lists the verbs");
    }
    return CLADE_ERR_ARG;
}

static clade_status version_run(command *c, clade_error *err)
{
    (void)err;
    command_print(c, "clade %s\n", CLADE_VERSION);
    clade_json_put_text(command_json(c), "version", CLADE_VERSION);
    clade_json_put_int(command_json(c), "workspace_version", CLADE_STORE_VERSION);
    return CLADE_OK;
}

const command_verb command_verb_version = {
    .name     = "version",
    .usage    = "version",
    .summary  = { "the version of this build", "本程序的版本" },
    .examples = "version\nversion --json",
    .run      = version_run,
};
