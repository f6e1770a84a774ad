/* JSON that another part wrote, put into an object of one's own. */
#include "clade/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A number keeps its spelling where it is whole and fits; else the nearest double. */
static void copy_number(clade_json *out, const clade_json_node *node)
{
    char  text[32];
    char *end = NULL;
    if (node->text.size < sizeof text) {
        memcpy(text, node->text.data, node->text.size);
        text[node->text.size] = '\0';
        errno                 = 0;
        const long long whole = strtoll(text, &end, 10);
        if (errno == 0 && *end == '\0') {
            clade_json_int(out, whole);
            return;
        }
    }
    clade_json_number(out, node->number);
}

static void copy_children(clade_json *out, const clade_json_tree *tree, const clade_json_node *node,
                          bool keys)
{
    const clade_json_node *child = node + 1;
    for (uint32_t i = 0; i < node->n; i++, child = tree->node + child->next) {
        if (keys) {
            char key[256];
            snprintf(key, sizeof key, "%.*s", (int)child->key.size, child->key.data);
            clade_json_key(out, key);
        }
        clade_json_copy(out, tree, child);
    }
}

void clade_json_copy(clade_json *out, const clade_json_tree *tree, const clade_json_node *node)
{
    switch (node->type) {
    case CLADE_JSON_NULL: clade_json_null(out); break;
    case CLADE_JSON_BOOL: clade_json_bool(out, node->boolean); break;
    case CLADE_JSON_NUMBER: copy_number(out, node); break;
    case CLADE_JSON_TEXT: clade_json_text_n(out, node->text.data, node->text.size); break;
    case CLADE_JSON_ARRAY:
        clade_json_array(out);
        copy_children(out, tree, node, false);
        clade_json_array_end(out);
        break;
    case CLADE_JSON_OBJECT:
        clade_json_object(out);
        copy_children(out, tree, node, true);
        clade_json_object_end(out);
        break;
    }
}
