/* Read JSON: the names and sizes of segments out of what `clade segment --json` wrote.
 *
 *     clade segment my.clade --json | read_json
 *
 * The whole text becomes one array of nodes in the order of the text. A container is followed by
 * its children, and `next` is the index just behind a node and all that is in it.
 */
#include "clade/json.h"

#include <stdio.h>

static clade_status print_segments(clade_text text, clade_arena *arena, clade_error *err)
{
    clade_json_tree tree = { 0 };
    CLADE_TRY(clade_json_parse(&tree, text, arena, err));
    const clade_json_node *list = clade_json_get(&tree, tree.node, "segments");
    if (list == NULL || list->type != CLADE_JSON_ARRAY) {
        return clade_fail(err, CLADE_ERR_DATA, "a list under the key 'segments' was wanted");
    }
    size_t child = (size_t)(list - tree.node) + 1;
    for (uint32_t i = 0; i < list->n; i++, child = tree.node[child].next) {
        const clade_json_node *name = clade_json_get(&tree, &tree.node[child], "name");
        const clade_json_node *size = clade_json_get(&tree, &tree.node[child], "size");
        if (name == NULL || size == NULL) continue;
        printf("%-24.*s %8.0f\n", (int)name->text.size, name->text.data, size->number);
    }
    return CLADE_OK;
}

int main(void)
{
    char         part[4096];
    clade_error  err   = { 0 };
    clade_buffer text  = { 0 };
    clade_arena *arena = clade_arena_create(0); /* the nodes live here, and are freed at once */
    for (size_t n; (n = fread(part, 1, sizeof part, stdin)) > 0;)
        clade_buffer_append(&text, part, n);

    clade_status status = CLADE_OK;
    if (arena == NULL || text.failed) {
        status = clade_fail(&err, CLADE_ERR_NOMEM, "no memory for the text");
    } else {
        status = print_segments((clade_text){ text.data, text.size }, arena, &err);
    }
    if (status != CLADE_OK) fprintf(stderr, "%s\n", err.message);
    clade_arena_free(arena);
    clade_buffer_free(&text);
    return status == CLADE_OK ? 0 : 1;
}
