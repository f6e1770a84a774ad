/* The frame around every verb: read the command line, settle the options, run, report once. */
#include "command.h"

#include "clade/dist.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int command_exit_code(clade_status status)
{
    switch (status) {
    case CLADE_OK: return COMMAND_DONE;
    case CLADE_ERR_ARG: return COMMAND_USAGE;
    case CLADE_ERR_DATA: return COMMAND_PROBLEMS;
    case CLADE_ERR_NOT_READY:
    case CLADE_ERR_BUSY: return COMMAND_NOT_READY;
    default: return COMMAND_FAILED;
    }
}

clade_status command_open(clade_store **out_store, command *c, bool create, clade_error *err)
{
    if (c->store == NULL) {
        const char               *folder  = c->arg[0];
        const clade_store_options options = { .memory_bytes = c->memory_bytes, .create = create };
        struct stat               about;

        if (stat(folder, &about) == 0 && !S_ISDIR(about.st_mode)) {
            (void)clade_fail(err, CLADE_ERR_ARG, "%s is a file, and a workspace is a folder",
                             folder);
            clade_hint(err, "the workspace comes first: clade %s my.clade ...", c->verb->name);
            return CLADE_ERR_ARG;
        }
        const clade_status status = clade_store_open(&c->store, folder, &options, err);
        if (status == CLADE_ERR_NOT_FOUND) {
            (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s: there is no workspace here", folder);
            clade_hint(err, "make one with: %s load %s orders.csv", c->program, folder);
            return CLADE_ERR_NOT_READY;
        }
        if (status != CLADE_OK) return status;
    }
    *out_store = c->store;
    return CLADE_OK;
}

static size_t terminal_width(void)
{
    struct winsize size;
    const bool     known = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return known && size.ws_col >= 40 ? size.ws_col : 100;
}

/* Everything up to the verb's own answer. */
static clade_status run(command *c, int argc, char **argv, clade_error *err)
{
    CLADE_TRY(command_parse(c, argc, argv, err));
    const bool in_workspace = c->verb != NULL && c->verb->in_workspace && c->n_args > 0;
    CLADE_TRY(command_settle(c, in_workspace ? c->arg[0] : NULL, err));
    for (size_t i = 0; i < c->n_given; i++) {
        if (strcmp(c->given[i].option->name, "help") != 0) continue;
        command_help(c, c->verb);
        return CLADE_OK;
    }
    if (c->verb == NULL) {
        (void)clade_fail(err, CLADE_ERR_ARG, "a verb is missing: clade VERB ...");
        clade_hint(err, "clade --help lists the verbs; clade demo makes a shop to try them on");
        return CLADE_ERR_ARG;
    }
    return c->verb->run(c, err);
}

static void report(command *c, const clade_error *err)
{
    fprintf(stderr, "clade: %s\n", err->message);
    if (err->hint[0] != '\0') fprintf(stderr, "  hint: %s\n", err->hint);
    if (!c->json) return;

    clade_buffer text = { 0 };
    clade_json   json = clade_json_start(&text, 2);
    clade_json_object(&json);
    clade_json_key(&json, "error");
    clade_json_object(&json);
    clade_json_put_text(&json, "status", clade_status_name(err->status));
    clade_json_put_text(&json, "message", err->message);
    clade_json_put_text(&json, "hint", err->hint);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
    if (!text.failed) printf("%s\n", text.data);
    clade_buffer_free(&text);
}

/* The answer goes out whole, or the run has failed. */
static clade_status answer(command *c, clade_error *err)
{
    if (c->json) {
        clade_json_object_end(&c->json_out);
        if (c->json_text.failed) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the answer in JSON");
        }
        printf("%s\n", c->json_text.data);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return clade_fail(err, CLADE_ERR_IO, "standard output: cannot write: %s", strerror(errno));
    }
    return CLADE_OK;
}

int main(int argc, char **argv)
{
    static command c;
    clade_error    err    = { 0 };
    clade_status   status = CLADE_OK;

    clade_interrupt_install();
    c.program = argc > 0 ? argv[0] : "clade";
    c.width   = terminal_width();
    c.arena   = clade_arena_create(0);
    if (c.arena == NULL) {
        status = clade_fail(&err, CLADE_ERR_NOMEM, "no memory to start with");
        goto done;
    }
    command_glance(&c, argc, argv);
    c.json_out = clade_json_start(&c.json_text, 2);
    clade_json_object(&c.json_out);

    status = run(&c, argc, argv, &err);
    clade_progress_end();
    if (status == CLADE_OK) status = answer(&c, &err);
done:
    if (status != CLADE_OK && !(c.together && clade_dist_rank() > 0)) report(&c, &err);
    clade_store_close(c.store);
    clade_buffer_free(&c.json_text);
    clade_arena_free(c.arena);
    if (status != CLADE_OK && !c.together && clade_dist_ranks() > 1)
        clade_dist_abort(command_exit_code(status)); /* the others would wait for ever */
    clade_dist_finish();
    return status == CLADE_OK && c.problems ? COMMAND_PROBLEMS : command_exit_code(status);
}
