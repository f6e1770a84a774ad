/* Quantiles: trees grown on the sides that rows are on, with leaves fitted again.
 *
 * The pinball loss has no curvature, so Newton's leaf values mean nothing. The tree's shape comes
 * from the signs of the residuals (second derivative 1); then each leaf gets the quantile of what
 * is left to explain in it, which is the exact minimum of the loss there (Friedman 2001, Annals of
 * Statistics 29(5), 1189-1232, section 4.4).
 *
 * Such values may break a monotone constraint that the shape was grown under. So the quantile of
 * every node is taken, and a split on a constrained column bounds what is below it by the middle of
 * its two sides, as XGBoost does with its own weights.
 */
#include "goals.h"

#include "clade/json.h"
#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

typedef struct refit {
    const clade_trees_options *options;
    const forest_node         *node;
    weighed                   *item;        /* (n_rows) residuals, those of each leaf together */
    weighed                   *spare;       /* the same, to be sorted; NULL: without constraints */
    size_t                    *begin, *end; /* (n_nodes) of each leaf's items */
    float                     *out;
} refit;

static int32_t leaf_of(const forest_node *node, const float *row)
{
    int32_t at = 0;
    while (node[at].left >= 0) {
        const float value = row[node[at].column];
        const bool  left  = value != value ? node[at].nan_left : value < node[at].value;
        at                = left ? node[at].left : node[at].right;
    }
    return at;
}

/* Quantile of the residuals below a node. */
static double quantile_below(refit *r, int32_t at)
{
    const size_t n = r->end[at] - r->begin[at];
    if (r->spare == NULL || r->node[at].left < 0) {
        return clade__weighed_quantile(r->item + r->begin[at], n, r->options->quantile);
    }
    memcpy(r->spare, r->item + r->begin[at], n * sizeof *r->spare);
    return clade__weighed_quantile(r->spare, n, r->options->quantile);
}

/* Items of the leaves from left to right, so that those below any node are together. */
static size_t place_leaves(refit *r, int32_t at, size_t first, const size_t *n_rows)
{
    const forest_node *const node = &r->node[at];
    r->begin[at]                  = first;
    if (node->left < 0) {
        r->end[at] = first; /* moved on as items come */
        return first + n_rows[at];
    }
    first      = place_leaves(r, node->left, first, n_rows);
    first      = place_leaves(r, node->right, first, n_rows);
    r->end[at] = first;
    return first;
}

static void fit_below(refit *r, int32_t at, double low, double high)
{
    const forest_node *const node = &r->node[at];
    if (node->left < 0) {
        r->out[at] = (float)(r->options->eta * fmin(fmax(quantile_below(r, at), low), high));
        return;
    }
    const int side     = r->options->monotone == NULL ? 0 : r->options->monotone[node->column];
    double    range[4] = { low, high, low, high }; /* left, right */
    if (side != 0) {
        const double left       = fmin(fmax(quantile_below(r, node->left), low), high);
        const double right      = fmin(fmax(quantile_below(r, node->right), low), high);
        range[side > 0 ? 1 : 0] = range[side > 0 ? 2 : 3] = 0.5 * (left + right);
    }
    fit_below(r, node->left, range[0], range[1]);
    fit_below(r, node->right, range[2], range[3]);
}

clade_status clade__quantile_refit(float *out_value, const clade_trees *tree,
                                   const clade_trees_data *data, const float *margin,
                                   const float *second, const clade_trees_options *options,
                                   clade_error *err)
{
    clade_status       status  = CLADE_OK;
    const size_t       n_nodes = tree->start[1];
    const forest_node *node    = tree->node;
    refit              r       = { .options = options,
                                   .node    = node,
                                   .item    = CLADE_NEW(weighed, data->n_rows),
                                   .begin   = CLADE_NEW(size_t, n_nodes),
                                   .end     = CLADE_NEW(size_t, n_nodes),
                                   .out     = out_value };
    size_t            *n_rows  = CLADE_NEW(size_t, n_nodes);
    int32_t           *leaf    = CLADE_NEW(int32_t, data->n_rows);
    if (options->monotone != NULL) r.spare = CLADE_NEW(weighed, data->n_rows);
    if (r.item == NULL || r.begin == NULL || r.end == NULL || n_rows == NULL || leaf == NULL ||
        (options->monotone != NULL && r.spare == NULL)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to fit the leaves of %zu rows",
                            data->n_rows);
        goto done;
    }
    for (size_t i = 0; i < data->n_rows; i++) {
        leaf[i] = second[i] > 0 ? leaf_of(node, data->value + i * data->n_columns) : -1;
        if (leaf[i] >= 0) n_rows[leaf[i]]++;
    }
    (void)place_leaves(&r, 0, 0, n_rows);
    for (size_t i = 0; i < data->n_rows; i++) {
        if (leaf[i] < 0) continue;
        r.item[r.end[leaf[i]]++] =
            (weighed){ (double)data->target[i] - (double)margin[i],
                       data->weight == NULL ? 1.0 : (double)data->weight[i] };
    }
    for (size_t i = 0; i < n_nodes; i++)
        out_value[i] = 0;
    fit_below(&r, 0, -HUGE_VAL, HUGE_VAL);
done:
    free(r.item);
    free(r.spare);
    free(r.begin);
    free(r.end);
    free(n_rows);
    free(leaf);
    return status;
}

void clade__quantile_add(float *margin, const clade_trees *tree, const float *value,
                         const clade_trees_data *data)
{
    for (size_t i = 0; i < data->n_rows; i++)
        margin[i] += value[leaf_of(tree->node, data->value + i * data->n_columns)];
}

/* ---------------------------------------------------------------- the text */

static const clade_json_node *model_trees(const clade_json_tree *json)
{
    static const char *const step[] = { "learner", "gradient_booster", "model", "trees" };
    const clade_json_node   *at     = json->node;
    for (size_t i = 0; i < 4 && at != NULL; i++)
        at = clade_json_get(json, at, step[i]);
    return at;
}

/* One tree: copy up to each leaf's value and put another in its place. False when it is not what
 * XGBoost writes. */
static bool patch_tree(clade_buffer *out, const char **copied, const clade_json_tree *json,
                       const clade_json_node *object, const float *value, size_t n_values,
                       size_t *n_used)
{
    const clade_json_node *const left = clade_json_get(json, object, "left_children");
    const clade_json_node *const cut  = clade_json_get(json, object, "split_conditions");
    if (left == NULL || cut == NULL || left->n != cut->n || left->n > n_values - *n_used) {
        return false;
    }
    const clade_json_node *child = left + 1, *old = cut + 1;
    for (uint32_t i = 0; i < cut->n; i++) {
        if (child->number < 0) {
            clade_buffer_append(out, *copied, (size_t)(old->text.data - *copied));
            clade_buffer_format(out, "%.8E", (double)value[*n_used + i]);
            *copied = old->text.data + old->text.size;
        }
        child = json->node + child->next;
        old   = json->node + old->next;
    }
    *n_used += cut->n;
    return true;
}

clade_status clade__quantile_patch(clade_buffer *out, const char *text, size_t size,
                                   const float *value, size_t n_values, clade_error *err)
{
    clade_status       status = CLADE_OK;
    clade_json_tree    json   = { 0 };
    const char        *copied = text;
    size_t             n_used = 0;
    clade_arena *const arena  = clade_arena_create(1 << 20);
    if (arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to write the leaves");
    status = clade_json_parse(&json, (clade_text){ text, size }, arena, err);
    if (status == CLADE_OK) {
        const clade_json_node *array = model_trees(&json);
        bool                   good  = array != NULL && array->type == CLADE_JSON_ARRAY;
        const clade_json_node *tree  = good ? array + 1 : NULL;
        for (uint32_t t = 0; good && t < array->n; t++) {
            good = patch_tree(out, &copied, &json, tree, value, n_values, &n_used);
            tree = json.node + tree->next;
        }
        clade_buffer_append(out, copied, size - (size_t)(copied - text));
        if (!good) {
            status = clade_fail(err, CLADE_ERR_ENGINE, "XGBoost wrote trees that cannot be read");
        } else if (out->failed) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to write the leaves");
        }
    }
    clade_arena_free(arena);
    return status;
}
