#include "run_binary.h"

#include <stdlib.h>
#include <string.h>

char                   run_folder[256];
static answer          last;
static clade_arena    *arena;
static clade_json_tree tree;

int run_setup(void **state)
{
    (void)state;
    check_folder_make(run_folder, "apps");
    arena = clade_arena_create(0);
    return arena == NULL;
}

int run_teardown(void **state)
{
    (void)state;
    check_folder_remove(run_folder);
    clade_arena_free(arena);
    return 0;
}

static void read_all(char out[ANSWER_BYTES], const char *name)
{
    char  path[600];
    FILE *file = NULL;
    snprintf(path, sizeof path, "%s/%s", run_folder, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    out[fread(out, 1, ANSWER_BYTES - 1, file)] = '\0';
    fclose(file);
}

const answer *run_clade(const char *before, const char *format, ...)
{
    char        rest[4096], command[8192], nothing[256];
    const char *binary = getenv("CLADE_BINARY");
    va_list     arguments;
    assert_non_null(binary);
    va_start(arguments, format);
    vsnprintf(rest, sizeof rest, format, arguments);
    va_end(arguments);
    snprintf(command, sizeof command,
             "cd '%s' && { unset LC_ALL LC_MESSAGES LANG NO_COLOR XDG_CONFIG_HOME CLADE_SEED "
             "CLADE_THREADS CLADE_MEMORY CLADE_LANG; HOME='%s' TERM=xterm %s '%s' %s "
             ">.out 2>.err; }",
             run_folder, run_folder, before, binary, rest);
    last.code = check_run(nothing, sizeof nothing, "%s", command);
    read_all(last.out, ".out");
    read_all(last.err, ".err");
    return &last;
}

const clade_json_tree *run_json(const answer *got)
{
    clade_error            err  = { 0 };
    const clade_arena_mark none = { 0 };
    clade_arena_restore(arena, none);
    if (clade_json_parse(&tree, clade_text_trim(clade_text_of(got->out)), arena, &err) !=
        CLADE_OK) {
        print_error("not one JSON text: %s\n%s\n", err.message, got->out);
        fail();
    }
    assert_int_equal(tree.node[0].type, CLADE_JSON_OBJECT);
    return &tree;
}

static const clade_json_node *find(const answer *got, const char *path)
{
    const clade_json_tree *json = run_json(got);
    const clade_json_node *node = json->node;
    while (node != NULL && *path != '\0') {
        char         key[128];
        const size_t n = strcspn(path, "/");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        node = node->type == CLADE_JSON_OBJECT ? clade_json_get(json, node, key) : NULL;
        path += n + (path[n] == '/');
    }
    return node;
}

const char *run_text(const answer *got, const char *path)
{
    static char            text[4096];
    const clade_json_node *node = find(got, path);
    text[0]                     = '\0';
    if (node != NULL && node->type == CLADE_JSON_TEXT) {
        snprintf(text, sizeof text, "%.*s", (int)node->text.size, node->text.data);
    }
    return text;
}

double run_number(const answer *got, const char *path)
{
    const clade_json_node *node = find(got, path);
    return node != NULL && node->type == CLADE_JSON_NUMBER ? node->number : (double)NAN;
}
