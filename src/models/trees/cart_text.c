/* The single tree as JSON: written node by node in the order of their making, read back checked. */
#include "cart.h"

#include "clade/json.h"

#include <math.h>
#include <stdlib.h>

clade_status clade_tree_save(clade_buffer *out, const clade_tree *tree, clade_error *err)
{
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_int(&json, "n_columns", (int64_t)tree->n_columns);
    clade_json_put_int(&json, "n_targets", (int64_t)tree->n_targets);
    clade_json_key(&json, "nodes");
    clade_json_array(&json);
    for (size_t i = 0; i < tree->n_nodes; i++) {
        const clade_tree_node *node = &tree->node[i];
        clade_json_object(&json);
        clade_json_put_int(&json, "column", node->column);
        if (node->column >= 0) {
            clade_json_put_number(&json, "cut", (double)node->cut); /* null: everything known */
            clade_json_put_int(&json, "left", node->left);
            clade_json_put_bool(&json, "nan_left", node->nan_left);
            clade_json_put_bool(&json, "saw_nan", node->saw_nan);
            clade_json_put_number(&json, "gain", node->gain);
        }
        clade_json_put_int(&json, "rows", (int64_t)node->n_rows);
        clade_json_put_number(&json, "weight", node->weight);
        clade_json_key(&json, "mean");
        clade_json_array(&json);
        for (size_t t = 0; t < tree->n_targets; t++) {
            clade_json_number(&json, (double)tree->mean[i * tree->n_targets + t]);
        }
        clade_json_array_end(&json);
        clade_json_object_end(&json);
    }
    clade_json_array_end(&json);
    clade_json_object_end(&json);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to save the tree");
    return CLADE_OK;
}

static clade_status broken(clade_error *err, const char *what)
{
    return clade_fail(err, CLADE_ERR_DATA, "the tree's JSON is damaged: %s", what);
}

/* A whole number in [low, high], or a failure that names the key. */
static clade_status read_int(int64_t *out, const clade_json_tree *json,
                             const clade_json_node *object, const char *key, int64_t low,
                             int64_t high, clade_error *err)
{
    const clade_json_node *node = clade_json_get(json, object, key);
    if (node == NULL || node->type != CLADE_JSON_NUMBER || node->number != floor(node->number) ||
        node->number < (double)low || node->number > (double)high) {
        return broken(err, key);
    }
    *out = (int64_t)node->number;
    return CLADE_OK;
}

static clade_status read_real(double *out, const clade_json_tree *json,
                              const clade_json_node *object, const char *key, clade_error *err)
{
    const clade_json_node *node = clade_json_get(json, object, key);
    if (node == NULL || node->type != CLADE_JSON_NUMBER) return broken(err, key);
    *out = node->number;
    return CLADE_OK;
}

static bool read_true(const clade_json_tree *json, const clade_json_node *object, const char *key)
{
    const clade_json_node *node = clade_json_get(json, object, key);
    return node != NULL && node->type == CLADE_JSON_BOOL && node->boolean;
}

/* Node i. Children come in pairs behind their parent, and each pair belongs to one node. */
static clade_status read_node(clade_tree *tree, size_t i, uint8_t *taken,
                              const clade_json_tree *json, const clade_json_node *object,
                              clade_error *err)
{
    clade_tree_node *node   = &tree->node[i];
    int64_t          column = 0, left = 0, rows = 0;
    if (object->type != CLADE_JSON_OBJECT) return broken(err, "a node is not an object");
    CLADE_TRY(read_int(&column, json, object, "column", -1, (int64_t)tree->n_columns - 1, err));
    CLADE_TRY(read_int(&rows, json, object, "rows", 0, INT64_C(1) << 53, err));
    CLADE_TRY(read_real(&node->weight, json, object, "weight", err));
    node->column = (int32_t)column;
    node->left   = -1;
    node->n_rows = (size_t)rows;
    if (column >= 0) {
        const clade_json_node *cut = clade_json_get(json, object, "cut");
        CLADE_TRY(
            read_int(&left, json, object, "left", (int64_t)i + 1, (int64_t)tree->n_nodes - 2, err));
        CLADE_TRY(read_real(&node->gain, json, object, "gain", err));
        if (cut == NULL || (cut->type != CLADE_JSON_NUMBER && cut->type != CLADE_JSON_NULL)) {
            return broken(err, "cut");
        }
        if (left % 2 == 0 || taken[left]) return broken(err, "two nodes have the same children");
        taken[left]    = 1;
        node->left     = (int32_t)left;
        node->cut      = cut->type == CLADE_JSON_NULL ? INFINITY : (float)cut->number;
        node->nan_left = read_true(json, object, "nan_left");
        node->saw_nan  = read_true(json, object, "saw_nan");
    }
    const clade_json_node *mean = clade_json_get(json, object, "mean");
    if (mean == NULL || mean->type != CLADE_JSON_ARRAY || mean->n != tree->n_targets) {
        return broken(err, "mean");
    }
    const clade_json_node *value = mean + 1;
    for (size_t t = 0; t < tree->n_targets; t++, value = json->node + value->next) {
        if (value->type != CLADE_JSON_NUMBER) return broken(err, "mean");
        tree->mean[i * tree->n_targets + t] = (float)value->number;
    }
    return CLADE_OK;
}

static clade_status read_tree(clade_tree **out_tree, const clade_json_tree *json,
                              clade_arena *arena, clade_error *err)
{
    clade_status status    = CLADE_OK;
    clade_tree  *tree      = NULL;
    int64_t      n_columns = 0, n_targets = 0;
    size_t       n_splits = 0;
    if (json->node[0].type != CLADE_JSON_OBJECT) return broken(err, "it is not an object");
    CLADE_TRY(read_int(&n_columns, json, json->node, "n_columns", 1, CLADE_TREES_MAX_COLUMNS, err));
    CLADE_TRY(read_int(&n_targets, json, json->node, "n_targets", 1, 1 << 20, err));
    const clade_json_node *nodes = clade_json_get(json, json->node, "nodes");
    if (nodes == NULL || nodes->type != CLADE_JSON_ARRAY || nodes->n % 2 == 0 ||
        nodes->n > 2 * CLADE_TREE_MAX_LEAVES - 1) {
        return broken(err, "nodes");
    }
    tree           = clade__tree_create((size_t)n_columns, (size_t)n_targets, nodes->n);
    uint8_t *taken = CLADE_ARENA_NEW(arena, uint8_t, nodes->n + 1);
    if (tree == NULL || taken == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a tree of %u nodes", nodes->n);
        goto done;
    }
    tree->n_nodes                 = nodes->n;
    const clade_json_node *object = nodes + 1;
    for (size_t i = 0; i < tree->n_nodes; i++, object = json->node + object->next) {
        status = read_node(tree, i, taken, json, object, err);
        if (status != CLADE_OK) goto done;
        n_splits += tree->node[i].column >= 0;
    }
    if (2 * n_splits + 1 != tree->n_nodes) { /* Every pair has a parent, so this is one tree. */
        status = broken(err, "a node has no parent");
        goto done;
    }
    clade__tree_finish(tree);
    *out_tree = tree;
    tree      = NULL;
done:
    clade_tree_free(tree);
    return status;
}

clade_status clade_tree_load(clade_tree **out_tree, const char *json, size_t size, clade_error *err)
{
    clade_json_tree tree  = { 0 };
    clade_arena    *arena = clade_arena_create(0);
    if (arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to read a tree");
    clade_status status = clade_json_parse(&tree, (clade_text){ json, size }, arena, err);
    if (status == CLADE_OK) status = read_tree(out_tree, &tree, arena, err);
    clade_arena_free(arena);
    return status;
}
