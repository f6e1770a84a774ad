/* A single tree, grown best first.
 *
 * For each open leaf every column is searched once: sums of the targets by bin, in the order of the
 * rows, then one pass over the cuts. The split that takes away most squared error wins; ties go to
 * the lower column and the lower cut. With targets y (weights w) in a set of rows,
 *
 *     error = sum w y^2 - (sum w y)^2 / sum w
 *
 * and the first term is the same before and after a split, so a split's gain needs sums alone. For
 * classes y is the indicator of the class, and the error is the Gini impurity times the weight. */
#include "cart.h"

#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

clade_tree_options clade_tree_defaults(void)
{
    return (
        clade_tree_options){ .max_leaves = 12, .min_leaf = 20, .min_gain = 1e-4, .max_bin = 256 };
}

void clade_tree_free(clade_tree *tree)
{
    if (tree == NULL) return;
    free(tree->node);
    free(tree->mean);
    free(tree);
}

clade_tree *clade__tree_create(size_t n_columns, size_t n_targets, size_t n_nodes)
{
    size_t      n_means = 0;
    clade_tree *tree    = CLADE_NEW(clade_tree, 1);
    if (tree == NULL || !clade_size_mul(&n_means, n_nodes, n_targets)) {
        free(tree);
        return NULL;
    }
    tree->n_columns = n_columns;
    tree->n_targets = n_targets;
    tree->node      = CLADE_NEW(clade_tree_node, n_nodes);
    tree->mean      = CLADE_NEW(float, n_means);
    if (tree->node == NULL || tree->mean == NULL) {
        clade_tree_free(tree);
        return NULL;
    }
    return tree;
}

/* Children are made in pairs behind their parents: one pass down gives parents, and a walk that
 * always goes left first numbers the leaves. */
void clade__tree_finish(clade_tree *tree)
{
    tree->node[0].parent = -1;
    for (size_t i = 0; i < tree->n_nodes; i++) {
        tree->node[i].leaf = -1;
        if (tree->node[i].column < 0) continue;
        tree->node[tree->node[i].left].parent     = (int32_t)i;
        tree->node[tree->node[i].left + 1].parent = (int32_t)i;
    }
    tree->n_leaves = 0;
    for (int32_t at = 0; at >= 0;) {
        while (tree->node[at].column >= 0)
            at = tree->node[at].left;
        tree->node[at].leaf = (int32_t)tree->n_leaves++;
        /* Up until we come from a left child, then to its sister. */
        int32_t up = tree->node[at].parent;
        while (up >= 0 && at == tree->node[up].left + 1) {
            at = up;
            up = tree->node[at].parent;
        }
        at = up >= 0 ? tree->node[up].left + 1 : -1;
    }
}

/* ---------------------------------------------------------------- the search for a split */

typedef struct split {
    double gain; /* squared error taken away; not above 0 when there is none */
    size_t column;
    size_t bin; /* codes 0..bin go left; n_cuts means: everything known goes left */
    bool   nan_left;
    bool   saw_nan;
} split;

typedef struct open_leaf {
    int32_t node;
    size_t  begin, end; /* its rows: order[begin, end) */
    int     depth;
    split   best;
} open_leaf;

typedef struct growth {
    const clade_tree_data    *data;
    const clade_tree_options *options;
    cart_bins                 bins;
    clade_tree               *tree;
    double          *shift;   /* (n_targets) mean of each target at the root: sums stay small */
    uint32_t        *order;   /* (n_rows) rows by leaf, rising within each */
    uint32_t        *scratch; /* (n_rows) */
    double          *sums;    /* (n_workers, max_bin + 2, 2 + n_targets) count, weight, sums */
    double          *side;    /* (n_workers, 5, 2 + n_targets) */
    open_leaf       *leaf;    /* (max_leaves) */
    size_t           n_open;
    split           *found; /* (n_columns) */
    const open_leaf *searched;
    double           root_error;
} growth;

/* Add the rows of a leaf to the bins of one column. */
static void fill_bins(double *bin, const growth *g, const open_leaf *leaf, const uint16_t *code)
{
    const clade_tree_data *data  = g->data;
    const size_t           width = 2 + data->n_targets;
    for (size_t i = leaf->begin; i < leaf->end; i++) {
        const size_t row    = g->order[i];
        const double weight = data->weight == NULL ? 1.0 : (double)data->weight[row];
        double      *to     = bin + width * code[row];
        to[0] += 1;
        to[1] += weight;
        if (data->label != NULL) {
            to[2 + data->label[row]] += weight;
        } else {
            const float *y = data->target + row * data->n_targets;
            for (size_t t = 0; t < data->n_targets; t++) {
                to[2 + t] += weight * ((double)y[t] - g->shift[t]);
            }
        }
    }
}

/* sum over targets of (sum w y)^2 / sum w: what a set explains. */
static double explained(const double *sums, size_t n_targets)
{
    double total = 0;
    if (!(sums[1] > 0)) return 0;
    for (size_t t = 0; t < n_targets; t++)
        total += sums[2 + t] * sums[2 + t];
    return total / sums[1];
}

static void add(double *to, const double *from, size_t width)
{
    for (size_t i = 0; i < width; i++)
        to[i] += from[i];
}

static void subtract(double *out, const double *from, const double *what, size_t width)
{
    for (size_t i = 0; i < width; i++)
        out[i] = from[i] - what[i];
}

/* Is left against the rest of `all` a better split than the best so far? */
static void consider(split *best, const double *left, const double *all, double *right,
                     const growth *g, split proposal)
{
    const size_t n_targets = g->data->n_targets;
    const double least     = (double)g->options->min_leaf;
    subtract(right, all, left, 2 + n_targets);
    if (left[0] < least || right[0] < least) return;
    proposal.gain =
        explained(left, n_targets) + explained(right, n_targets) - explained(all, n_targets);
    if (proposal.gain > best->gain) *best = proposal;
}

static void search_column(size_t k, int worker, void *context)
{
    growth          *g      = context;
    const open_leaf *leaf   = g->searched;
    const size_t     width  = 2 + g->data->n_targets;
    const size_t     n_cuts = g->bins.n_cuts[k];
    double          *bin    = g->sums + (size_t)worker * (g->bins.max_bin + 2) * width;
    double          *side   = g->side + (size_t)worker * 5 * width;
    double *all = side, *left = side + width, *right = side + 2 * width, *known = side + 3 * width,
           *with = side + 4 * width;
    split best   = { .gain = 0 };

    g->found[k] = best;
    if (g->options->allowed != NULL && !g->options->allowed[k]) return;
    memset(bin, 0, (n_cuts + 2) * width * sizeof bin[0]);
    memset(side, 0, 5 * width * sizeof side[0]);
    fill_bins(bin, g, leaf, g->bins.code + k * g->bins.n_rows);

    const double *absent = bin + (n_cuts + 1) * width;
    for (size_t b = 0; b <= n_cuts; b++)
        add(known, bin + b * width, width);
    memcpy(all, known, width * sizeof all[0]);
    add(all, absent, width);

    const bool saw_nan = absent[0] > 0;
    for (size_t b = 0; b < n_cuts; b++) {
        add(left, bin + b * width, width);
        if (bin[b * width] == 0)
            continue; /* Nothing lies here: the same split as the cut before. */
        split proposal = { .column = k, .bin = b, .saw_nan = saw_nan };
        /* Where absence was not seen it follows the heavier side. */
        proposal.nan_left = !saw_nan && 2 * left[1] > known[1];
        consider(&best, left, all, right, g, proposal);
        if (saw_nan) {
            proposal.nan_left = true;
            memcpy(with, left, width * sizeof with[0]);
            add(with, absent, width);
            consider(&best, with, all, right, g, proposal);
        }
    }
    if (saw_nan) {
        const split proposal = { .column = k, .bin = n_cuts, .saw_nan = true };
        consider(&best, known, all, right, g, proposal);
    }
    g->found[k] = best;
}

static void search(growth *g, open_leaf *leaf)
{
    leaf->best = (split){ .gain = 0 };
    if (g->options->max_depth > 0 && leaf->depth >= g->options->max_depth) return;
    if ((leaf->end - leaf->begin) / 2 < g->options->min_leaf) return;
    g->searched = leaf;
    clade_parallel(g->data->n_columns, search_column, g);
    for (size_t k = 0; k < g->data->n_columns; k++) {
        if (g->found[k].gain > leaf->best.gain) leaf->best = g->found[k];
    }
}

/* ---------------------------------------------------------------- growing */

/* A node for order[begin, end): its counts and means. */
static void make_node(growth *g, size_t node, size_t begin, size_t end)
{
    const clade_tree_data *data = g->data;
    clade_tree_node       *out  = &g->tree->node[node];
    float                 *mean = g->tree->mean + node * data->n_targets;
    double                *sums = g->sums; /* One bin of the first worker: nobody searches now. */

    memset(sums, 0, (2 + data->n_targets) * sizeof sums[0]);
    for (size_t i = begin; i < end; i++) {
        const size_t row    = g->order[i];
        const double weight = data->weight == NULL ? 1.0 : (double)data->weight[row];
        sums[1] += weight;
        for (size_t t = 0; data->label == NULL && t < data->n_targets; t++) {
            sums[2 + t] += weight * ((double)data->target[row * data->n_targets + t] - g->shift[t]);
        }
        if (data->label != NULL) sums[2 + data->label[row]] += weight;
    }
    *out = (clade_tree_node){
        .column = -1, .left = -1, .parent = -1, .leaf = -1, .n_rows = end - begin, .weight = sums[1]
    };
    for (size_t t = 0; t < data->n_targets; t++) {
        mean[t] = (float)(sums[1] > 0 ? g->shift[t] + sums[2 + t] / sums[1] : g->shift[t]);
    }
}

static bool goes_left(const growth *g, const split *s, uint16_t code)
{
    return code == g->bins.n_cuts[s->column] + 1 ? s->nan_left : code <= s->bin;
}

/* Stable: rows stay in rising order on both sides. Returns where the right side begins. */
static size_t partition(growth *g, const open_leaf *leaf)
{
    const uint16_t *code   = g->bins.code + leaf->best.column * g->bins.n_rows;
    size_t          n_left = leaf->begin, n_right = 0;
    for (size_t i = leaf->begin; i < leaf->end; i++) {
        const uint32_t row = g->order[i];
        if (goes_left(g, &leaf->best, code[row])) {
            g->order[n_left++] = row;
        } else {
            g->scratch[n_right++] = row;
        }
    }
    memcpy(g->order + n_left, g->scratch, n_right * sizeof g->order[0]);
    return n_left;
}

/* Split the open leaf at `which`: it becomes the left child, the right one is put behind the
 * others. */
static void split_leaf(growth *g, size_t which)
{
    open_leaf        was    = g->leaf[which];
    const split     *s      = &was.best;
    clade_tree      *tree   = g->tree;
    const int32_t    left   = (int32_t)tree->n_nodes;
    clade_tree_node *parent = &tree->node[was.node];
    const size_t     n_cuts = g->bins.n_cuts[s->column];
    const size_t     middle = partition(g, &was);

    parent->column = (int32_t)s->column;
    parent->cut  = s->bin == n_cuts ? INFINITY : g->bins.cut[s->column * g->bins.max_bin + s->bin];
    parent->left = left;
    parent->nan_left = s->nan_left;
    parent->saw_nan  = s->saw_nan;
    parent->gain     = s->gain / g->root_error;
    tree->n_nodes += 2;
    make_node(g, (size_t)left, was.begin, middle);
    make_node(g, (size_t)left + 1, middle, was.end);

    open_leaf *right = &g->leaf[g->n_open++];
    g->leaf[which] =
        (open_leaf){ .node = left, .begin = was.begin, .end = middle, .depth = was.depth + 1 };
    *right =
        (open_leaf){ .node = left + 1, .begin = middle, .end = was.end, .depth = was.depth + 1 };
    search(g, &g->leaf[which]);
    search(g, right);
}

/* The leaf that gains most; of equals the one made first. */
static size_t choose_leaf(const growth *g)
{
    size_t best = 0;
    for (size_t i = 1; i < g->n_open; i++) {
        const double gain = g->leaf[i].best.gain, most = g->leaf[best].best.gain;
        if (gain > most || (gain == most && g->leaf[i].node < g->leaf[best].node)) best = i;
    }
    return best;
}

static clade_status grow(growth *g, clade_error *err)
{
    g->tree->n_nodes = 1;
    make_node(g, 0, 0, g->data->n_rows);
    g->leaf[0] = (open_leaf){ .node = 0, .begin = 0, .end = g->data->n_rows };
    g->n_open  = 1;
    if (g->root_error > 0) search(g, &g->leaf[0]);
    while (g->n_open < (size_t)g->options->max_leaves) {
        CLADE_TRY(clade_interrupt_check(err));
        const size_t which = choose_leaf(g);
        const double gain  = g->leaf[which].best.gain;
        if (!(gain > 0) || gain < g->options->min_gain * g->root_error) break;
        split_leaf(g, which);
    }
    clade__tree_finish(g->tree);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the fit */

static clade_status check_row(const clade_tree_data *data, size_t i, clade_error *err)
{
    const float weight = data->weight == NULL ? 1.0f : data->weight[i];
    if (!isfinite(weight) || weight < 0) {
        return clade_fail(err, CLADE_ERR_DATA, "weight[%zu] is %g: wanted 0 or more", i,
                          (double)weight);
    }
    if (data->label != NULL && (data->label[i] < 0 || (size_t)data->label[i] >= data->n_targets)) {
        return clade_fail(err, CLADE_ERR_DATA, "label[%zu] is %d: wanted 0 to %zu", i,
                          (int)data->label[i], data->n_targets - 1);
    }
    for (size_t t = 0; data->label == NULL && t < data->n_targets; t++) {
        if (!isfinite(data->target[i * data->n_targets + t])) {
            return clade_fail(err, CLADE_ERR_DATA, "target[%zu, %zu] is %g: wanted finite", i, t,
                              (double)data->target[i * data->n_targets + t]);
        }
    }
    for (size_t k = 0; k < data->n_columns; k++) {
        if (isinf(data->value[i * data->n_columns + k])) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "value[%zu, %zu] is infinite: wanted finite or NAN", i, k);
        }
    }
    return CLADE_OK;
}

static clade_status check(const clade_tree_data *data, const clade_tree_options *options,
                          clade_error *err)
{
    if (data->n_rows < 1 || data->n_rows > UINT32_MAX || data->n_columns < 1 ||
        data->n_columns > CLADE_TREES_MAX_COLUMNS || data->n_targets < 1) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "%zu rows of %zu columns and %zu targets: wanted 1 or more of each",
                          data->n_rows, data->n_columns, data->n_targets);
    }
    if ((data->target == NULL) == (data->label == NULL)) {
        return clade_fail(err, CLADE_ERR_ARG, "wanted either targets or labels");
    }
    if (options->max_leaves < 1 || options->max_leaves > CLADE_TREE_MAX_LEAVES) {
        return clade_fail(err, CLADE_ERR_ARG, "max_leaves is %d: wanted 1 to %d",
                          options->max_leaves, CLADE_TREE_MAX_LEAVES);
    }
    if (options->max_bin < 2 || options->max_bin > CLADE_TREE_MAX_BINS) {
        return clade_fail(err, CLADE_ERR_ARG, "max_bin is %d: wanted 2 to %d", options->max_bin,
                          CLADE_TREE_MAX_BINS);
    }
    if (options->min_leaf < 1 || options->max_depth < 0 || !(options->min_gain >= 0)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "min_leaf is %zu, max_depth %d, min_gain %g: wanted at least 1, 0 and 0",
                          options->min_leaf, options->max_depth, options->min_gain);
    }
    for (size_t i = 0; i < data->n_rows; i++)
        CLADE_TRY(check_row(data, i, err));
    return CLADE_OK;
}

/* The mean of each target, and the squared error around them. */
static void measure_root(growth *g)
{
    const clade_tree_data *data  = g->data;
    double                 total = 0;
    for (size_t i = 0; i < data->n_rows; i++) {
        total += data->weight == NULL ? 1.0 : (double)data->weight[i];
    }
    if (data->label != NULL) {
        double *share = g->sums; /* Zero from its making. */
        for (size_t i = 0; i < data->n_rows; i++) {
            share[data->label[i]] += data->weight == NULL ? 1.0 : (double)data->weight[i];
        }
        g->root_error = total;
        for (size_t t = 0; t < data->n_targets && total > 0; t++) {
            g->root_error -= share[t] * share[t] / total;
        }
        return;
    }
    for (size_t t = 0; t < data->n_targets && total > 0; t++) {
        double sum = 0;
        for (size_t i = 0; i < data->n_rows; i++) {
            const double weight = data->weight == NULL ? 1.0 : (double)data->weight[i];
            sum += weight * (double)data->target[i * data->n_targets + t];
        }
        g->shift[t] = sum / total;
        for (size_t i = 0; i < data->n_rows; i++) {
            const double weight = data->weight == NULL ? 1.0 : (double)data->weight[i];
            const double y      = (double)data->target[i * data->n_targets + t] - g->shift[t];
            g->root_error += weight * y * y;
        }
    }
}

clade_status clade_tree_fit(clade_tree **out_tree, const clade_tree_data *data,
                            const clade_tree_options *options, clade_error *err)
{
    clade_status status = CLADE_OK;
    growth       g      = { .data = data, .options = options };
    CLADE_TRY(check(data, options, err));

    const size_t n_workers = (size_t)clade_threads_get();
    const size_t width     = 2 + data->n_targets;
    size_t       n_sums    = 0;
    status                 = clade__cart_bins_make(&g.bins, data, (size_t)options->max_bin, err);
    if (status != CLADE_OK) goto done;
    if (clade_size_mul(&n_sums, n_workers * (g.bins.max_bin + 2), width)) {
        g.tree    = clade__tree_create(data->n_columns, data->n_targets,
                                       2 * (size_t)options->max_leaves - 1);
        g.shift   = CLADE_NEW(double, data->n_targets);
        g.order   = CLADE_NEW(uint32_t, data->n_rows);
        g.scratch = CLADE_NEW(uint32_t, data->n_rows);
        g.sums    = CLADE_NEW(double, n_sums);
        g.side    = CLADE_NEW(double, n_workers * 5 * width);
        g.leaf    = CLADE_NEW(open_leaf, (size_t)options->max_leaves);
        g.found   = CLADE_NEW(split, data->n_columns);
    }
    if (g.tree == NULL || g.shift == NULL || g.order == NULL || g.scratch == NULL ||
        g.sums == NULL || g.side == NULL || g.leaf == NULL || g.found == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory to grow a tree on %zu rows", data->n_rows);
        goto done;
    }
    for (size_t i = 0; i < data->n_rows; i++)
        g.order[i] = (uint32_t)i;
    measure_root(&g);
    status = grow(&g, err);
    if (status != CLADE_OK) goto done;

    *out_tree = g.tree;
    g.tree    = NULL;
done:
    clade_tree_free(g.tree);
    clade__cart_bins_free(&g.bins);
    free(g.shift);
    free(g.order);
    free(g.scratch);
    free(g.sums);
    free(g.side);
    free(g.leaf);
    free(g.found);
    return status;
}

void clade_tree_cut(clade_tree *tree, size_t n_leaves)
{
    assert(n_leaves >= 1);
    if (n_leaves >= tree->n_leaves) return;
    tree->n_nodes = 2 * n_leaves - 1;
    for (size_t i = 0; i < tree->n_nodes; i++) {
        clade_tree_node *node = &tree->node[i];
        if (node->column < 0 || (size_t)node->left < tree->n_nodes) continue;
        node->column   = -1;
        node->left     = -1;
        node->cut      = 0;
        node->gain     = 0;
        node->nan_left = node->saw_nan = false;
    }
    clade__tree_finish(tree);
}
