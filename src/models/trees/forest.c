/* An ensemble of boosted trees, read from XGBoost's JSON.
 *
 * The text is read once a fit or a load and checked whole: a node's children exist, each has one
 * parent, the root has none, so that a walk from the root ends. Predictions and explanations then
 * trust it. */
#include "forest.h"

#include "clade/json.h"

#include <math.h>
#include <stdlib.h>

void clade_trees_free(clade_trees *trees)
{
    if (trees == NULL) return;
    free(trees->start);
    free(trees->depth);
    free(trees->node);
    free(trees->walk);
    free(trees->json);
    free(trees);
}

size_t clade_trees_n_columns(const clade_trees *trees)
{
    return trees->n_columns;
}

size_t clade_trees_n_rounds(const clade_trees *trees)
{
    return trees->n_trees;
}

double clade_trees_valid_loss(const clade_trees *trees)
{
    return trees->valid_loss;
}

void clade_trees_importance(double *out_share, const clade_trees *trees)
{
    double total = 0;
    for (size_t k = 0; k < trees->n_columns; k++)
        out_share[k] = 0;
    for (size_t i = 0; i < trees->start[trees->n_trees]; i++) {
        if (trees->node[i].left < 0) continue;
        out_share[trees->node[i].column] += (double)trees->node[i].gain;
        total += (double)trees->node[i].gain;
    }
    for (size_t k = 0; k < trees->n_columns && total > 0; k++)
        out_share[k] /= total;
}

/* ---------------------------------------------------------------- reading */

static clade_status broken(clade_error *err, const char *what)
{
    return clade_fail(err, CLADE_ERR_DATA, "the model's JSON is damaged: %s", what);
}

/* Follow a path of keys, "learner/gradient_booster/model"; NULL when a step is missing. */
static const clade_json_node *find(const clade_json_tree *tree, const clade_json_node *from,
                                   const char *path)
{
    while (from != NULL && *path != '\0') {
        char         key[64];
        const size_t n = strcspn(path, "/");
        if (n >= sizeof key || from->type != CLADE_JSON_OBJECT) return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        from   = clade_json_get(tree, from, key);
        path += n + (path[n] == '/');
    }
    return from;
}

/* XGBoost writes some numbers as texts. False when it is neither, or not finite. */
static bool read_number(double *out, const clade_json_node *node)
{
    char  text[64];
    char *end = NULL;
    if (node == NULL || (node->type != CLADE_JSON_NUMBER && node->type != CLADE_JSON_TEXT) ||
        node->text.size >= sizeof text) {
        return false;
    }
    memcpy(text, node->text.data, node->text.size);
    text[node->text.size] = '\0';
    *out                  = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out);
}

/* One array of a tree: `n` numbers, read with next_float and next_int. */
typedef struct column_reader {
    const clade_json_tree *tree;
    const clade_json_node *at;
} column_reader;

static bool open_column(column_reader *out, const clade_json_tree *tree,
                        const clade_json_node *object, const char *key, size_t n)
{
    const clade_json_node *array = clade_json_get(tree, object, key);
    if (array == NULL || array->type != CLADE_JSON_ARRAY || array->n != n) return false;
    *out = (column_reader){ tree, array + 1 };
    return true;
}

static bool next_float(float *out, column_reader *column)
{
    const clade_json_node *node = column->at;
    char                   text[64];
    if (node->type != CLADE_JSON_NUMBER || node->text.size >= sizeof text) return false;
    memcpy(text, node->text.data, node->text.size);
    text[node->text.size] = '\0';
    *out                  = strtof(text, NULL); /* Straight to float: no rounding twice. */
    column->at            = column->tree->node + node->next;
    return isfinite(*out);
}

static bool next_int(int64_t *out, column_reader *column)
{
    const clade_json_node *node = column->at;
    if (node->type == CLADE_JSON_BOOL) {
        *out = node->boolean;
    } else if (node->type == CLADE_JSON_NUMBER && fabs(node->number) < 0x1p31) {
        *out = (int64_t)node->number;
    } else {
        return false;
    }
    column->at = column->tree->node + node->next;
    return true;
}

/* Each child is in range and has one parent; the root has none. */
static bool is_a_tree(const forest_node *node, size_t n, uint8_t *seen)
{
    memset(seen, 0, n);
    for (size_t i = 0; i < n; i++) {
        if (node[i].left < 0) continue;
        const int32_t child[2] = { node[i].left, node[i].right };
        for (int k = 0; k < 2; k++) {
            if (child[k] <= 0 || (size_t)child[k] >= n || seen[child[k]]) return false;
            seen[child[k]] = 1;
        }
    }
    return true;
}

/* What share of a node's rows, by cover, is in each child: halves where there are none. */
static void set_shares(forest_node *node, size_t n)
{
    node[0].share = 1;
    for (size_t i = 0; i < n; i++) {
        if (node[i].left < 0) continue;
        forest_node *const left  = &node[node[i].left];
        forest_node *const right = &node[node[i].right];
        const double       total = (double)left->cover + (double)right->cover;
        left->share              = total > 0 ? (double)left->cover / total : 0.5;
        right->share             = total > 0 ? (double)right->cover / total : 0.5;
    }
}

static clade_status read_tree(forest_node *out, size_t n, size_t n_columns, uint8_t *seen,
                              const clade_json_tree *json, const clade_json_node *object,
                              clade_error *err)
{
    column_reader left, right, column, cut, nan_left, gain, cover;
    if (!open_column(&left, json, object, "left_children", n) ||
        !open_column(&right, json, object, "right_children", n) ||
        !open_column(&column, json, object, "split_indices", n) ||
        !open_column(&cut, json, object, "split_conditions", n) ||
        !open_column(&nan_left, json, object, "default_left", n) ||
        !open_column(&gain, json, object, "loss_changes", n) ||
        !open_column(&cover, json, object, "sum_hessian", n)) {
        return broken(err, "a tree has columns of different lengths");
    }
    for (size_t i = 0; i < n; i++) {
        int64_t l = 0, r = 0, k = 0, d = 0;
        if (!next_int(&l, &left) || !next_int(&r, &right) || !next_int(&k, &column) ||
            !next_int(&d, &nan_left) || !next_float(&out[i].value, &cut) ||
            !next_float(&out[i].gain, &gain) || !next_float(&out[i].cover, &cover)) {
            return broken(err, "a node holds something that is not a number");
        }
        const bool leaf = l == -1;
        if (!leaf && (k < 0 || (size_t)k >= n_columns)) {
            return broken(err, "a split is on a column that does not exist");
        }
        out[i].left     = leaf ? -1 : (int32_t)l;
        out[i].right    = leaf ? -1 : (int32_t)r;
        out[i].column   = leaf ? 0 : (uint32_t)k;
        out[i].nan_left = d != 0;
        if (!leaf && (l < 0 || r < 0)) return broken(err, "a node has one child");
        if (out[i].cover < 0) return broken(err, "a node has a negative sum of derivatives");
    }
    if (!is_a_tree(out, n, seen)) return broken(err, "its nodes are not a tree");
    set_shares(out, n);
    return CLADE_OK;
}

/* The same nodes level by level, so that two children are neighbours; nodes that no path from the
 * root reaches are left out. Returns the depth. `queue` has room for n. */
static size_t lay_out(walk_node *out, const forest_node *node, uint32_t first, uint32_t *queue)
{
    size_t   depth = 0;
    uint32_t n = 1, level_end = 1;
    queue[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        const forest_node *from = &node[queue[i]];
        if (i == level_end) {
            level_end = n;
            depth++;
        }
        if (from->left < 0) {
            out[i] = (walk_node){ from->value, 0, first + i, 0 };
            continue;
        }
        out[i]     = (walk_node){ from->value, from->column | (from->nan_left ? 0 : WALK_NAN_RIGHT),
                                  first + n, 1 };
        queue[n++] = (uint32_t)from->left;
        queue[n++] = (uint32_t)from->right;
    }
    return depth;
}

static clade_status read_trees(clade_trees *trees, const clade_json_tree *json,
                               const clade_json_node *array, clade_arena *arena, clade_error *err)
{
    const clade_json_node *object = array + 1;
    size_t                 n_all = 0, largest = 0;

    trees->n_trees = array->n;
    trees->start   = CLADE_NEW(size_t, trees->n_trees + 1);
    trees->depth   = CLADE_NEW(size_t, trees->n_trees + 1);
    if (trees->start == NULL || trees->depth == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the model");
    for (size_t t = 0; t < trees->n_trees; t++, object = json->node + object->next) {
        const clade_json_node *left = object->type == CLADE_JSON_OBJECT
                                          ? clade_json_get(json, object, "left_children")
                                          : NULL;
        if (left == NULL || left->type != CLADE_JSON_ARRAY || left->n == 0) {
            return broken(err, "a tree has no nodes");
        }
        trees->start[t] = n_all;
        n_all += left->n;
        if (left->n > largest) largest = left->n;
    }
    trees->start[trees->n_trees] = n_all;
    if (n_all > UINT32_MAX) return broken(err, "it has too many nodes");
    trees->node     = CLADE_NEW(forest_node, n_all + 1);
    trees->walk     = CLADE_NEW(walk_node, n_all + 1);
    uint8_t  *seen  = CLADE_ARENA_NEW(arena, uint8_t, largest + 1);
    uint32_t *queue = CLADE_ARENA_NEW(arena, uint32_t, largest + 1);
    if (trees->node == NULL || trees->walk == NULL || seen == NULL || queue == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu nodes of trees", n_all);
    }
    object = array + 1;
    for (size_t t = 0; t < trees->n_trees; t++, object = json->node + object->next) {
        CLADE_TRY(read_tree(trees->node + trees->start[t], trees->start[t + 1] - trees->start[t],
                            trees->n_columns, seen, json, object, err));
        trees->depth[t] = lay_out(trees->walk + trees->start[t], trees->node + trees->start[t],
                                  (uint32_t)trees->start[t], queue);
        if (trees->depth[t] > trees->max_depth) trees->max_depth = trees->depth[t];
    }
    return CLADE_OK;
}

static clade_status read_goal(clade_trees *trees, const clade_json_tree *json,
                              const clade_json_node *learner, clade_error *err)
{
    static const struct {
        const char      *objective;
        clade_trees_goal goal;
    } known[]                   = { { "reg:squarederror", CLADE_TREES_SQUARED_ERROR },
                                    { "binary:logistic", CLADE_TREES_LOGISTIC },
                                    { "reg:tweedie", CLADE_TREES_TWEEDIE },
                                    { "rank:pairwise", CLADE_TREES_RANK } };
    const size_t           n    = sizeof known / sizeof known[0];
    const clade_json_node *name = find(json, learner, "objective/name");
    size_t                 k    = 0;
    if (name == NULL || name->type != CLADE_JSON_TEXT) return broken(err, "it names no objective");
    while (k < n && !clade_text_equal(name->text, clade_text_of(known[k].objective)))
        k++;
    if (k == n) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "the model's objective is %.*s: wanted reg:squarederror, "
                          "binary:logistic, reg:tweedie or rank:pairwise",
                          (int)name->text.size, name->text.data);
    }
    trees->goal = known[k].goal;
    if (trees->goal == CLADE_TREES_SQUARED_ERROR &&
        find(json, learner, "attributes/clade_quantile") != NULL) {
        trees->goal = CLADE_TREES_QUANTILE;
    }
    return CLADE_OK;
}

static clade_status read_learner(clade_trees *trees, const clade_json_tree *json,
                                 clade_arena *arena, clade_error *err)
{
    const clade_json_node *learner = find(json, json->node, "learner");
    const clade_json_node *array   = find(json, learner, "gradient_booster/model/trees");
    double                 base = 0, n_columns = 0;

    CLADE_TRY(read_goal(trees, json, learner, err));
    if (!read_number(&base, find(json, learner, "learner_model_param/base_score")) ||
        !read_number(&n_columns, find(json, learner, "learner_model_param/num_feature")) ||
        n_columns < 1 || n_columns > CLADE_TREES_MAX_COLUMNS) {
        return broken(err, "its base score or its number of columns is missing");
    }
    trees->n_columns   = (size_t)n_columns;
    trees->base_margin = (float)base;
    if (trees->goal == CLADE_TREES_LOGISTIC) {
        if (!(base > 0 && base < 1)) return broken(err, "its base score is not a chance");
        trees->base_margin = -logf(1.0f / (float)base - 1.0f); /* As XGBoost does it. */
    }
    if (trees->goal == CLADE_TREES_TWEEDIE) {
        if (!(base > 0)) return broken(err, "its base score is not positive");
        trees->base_margin = logf((float)base);
    }
    if (array == NULL || array->type != CLADE_JSON_ARRAY) return broken(err, "it has no trees");
    return read_trees(trees, json, array, arena, err);
}

clade_status clade_trees_load(clade_trees **out_trees, const char *json, size_t size,
                              clade_error *err)
{
    clade_status    status = CLADE_OK;
    clade_json_tree tree   = { 0 };
    clade_arena    *arena  = clade_arena_create(1 << 20);
    clade_trees    *trees  = CLADE_NEW(clade_trees, 1);

    if (arena == NULL || trees == NULL || (trees->json = malloc(size + 1)) == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a model of %zu bytes", size);
        goto done;
    }
    memcpy(trees->json, json, size);
    trees->json[size] = '\0';
    trees->json_size  = size;
    trees->valid_loss = (double)NAN;

    status = clade_json_parse(&tree, (clade_text){ trees->json, size }, arena, err);
    if (status != CLADE_OK) goto done;
    status = read_learner(trees, &tree, arena, err);
    if (status != CLADE_OK) goto done;

    *out_trees = trees;
    trees      = NULL;
done:
    clade_trees_free(trees);
    clade_arena_free(arena);
    return status;
}

clade_status clade_trees_save(clade_buffer *out, const clade_trees *trees, clade_error *err)
{
    clade_buffer_append(out, trees->json, trees->json_size);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to save the trees");
    return CLADE_OK;
}
