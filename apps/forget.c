/* clade forget: destroy a customer's key, delete what is personal, leave a receipt. */
#include "command.h"

#include <stdlib.h>
#include <unistd.h>

/* On a terminal somebody is asked once: there is no way back. Scripts mean what they say. */
static clade_status confirm(const command *c, clade_error *err)
{
    char answer[16] = { 0 };
    if (command_has(c, "yes") || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) return CLADE_OK;
    fprintf(stderr, "%s [y/N] ",
            COMMAND_SAY(c, "What is forgotten cannot be brought back. Go on?",
                        "遗忘之后无法恢复。继续吗？"));
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y')) {
        return CLADE_OK;
    }
    return clade_fail(err, CLADE_ERR_INTERRUPTED, "nobody was forgotten");
}

static clade_status forget_one(command *c, clade_store *store, const char *id, clade_error *err)
{
    clade_buffer    receipt = { 0 };
    clade_json_tree tree    = { 0 };
    clade_status    status  = clade_identity_forget(&receipt, store, clade_text_of(id), err);
    if (status == CLADE_OK) {
        status = clade_json_parse(&tree, (clade_text){ receipt.data, receipt.size }, c->arena, err);
    }
    if (status == CLADE_OK) {
        command_print(c, "%s\n", receipt.data);
        clade_json_copy(command_json(c), &tree, tree.node);
    }
    clade_buffer_free(&receipt);
    return status;
}

static clade_status forget_run(command *c, clade_error *err)
{
    clade_store *store = NULL;
    CLADE_TRY(command_open(&store, c, false, err));
    /* Known one and all before the first is gone: a slip of the pen forgets nobody. */
    for (size_t i = 1; i < c->n_args; i++) {
        if (clade_identity_find(store, clade_text_of(c->arg[i])) >= 0) continue;
        (void)clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no customer '%s' in %s", c->arg[i],
                         c->arg[0]);
        clade_hint(err, "nobody was forgotten; ids are those of the files that were loaded");
        return CLADE_ERR_NOT_FOUND;
    }
    CLADE_TRY(confirm(c, err));
    clade_json_key(command_json(c), "receipts");
    clade_json_array(command_json(c));
    for (size_t i = 1; i < c->n_args; i++)
        CLADE_TRY(forget_one(c, store, c->arg[i], err));
    clade_json_array_end(command_json(c));
    return CLADE_OK;
}

static const command_option options[] = {
    { "yes", 'y', NULL, { "do not ask", "不再询问" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_forget = {
    .name  = "forget",
    .usage = "forget WORKSPACE CUSTOMER...",
    .summary = { "erase a customer for good, with a receipt", "永久遗忘顾客，并留下凭证" },
    .examples     = "forget my.clade 17850\nforget my.clade 17850 12583 --yes --json",
    .options      = options,
    .min_args     = 2,
    .max_args     = COMMAND_MAX_ARGS,
    .in_workspace = true,
    .run          = forget_run,
};
