/* Shapley values of trees: what each column adds to a row's margin, exactly.
 *
 * The game is that of path-dependent TreeSHAP: a column that is not known splits a row at a node in
 * the shares of its children's cover. A leaf of value v, with D the distinct columns on its path,
 * gives a set S of known columns
 *
 *     v  prod_{k in S} o_k  prod_{k in D \ S} z_k,
 *
 * o_k in {0, 1}: the row meets every condition on k on the path; z_k: the product of their shares.
 * The weights of Shapley's sum are a beta integral, |S|! (d - |S| - 1)! / d! = integral over t of
 * t^|S| (1 - t)^(d - |S| - 1), and so the sum over 2^(d - 1) sets is one integral,
 *
 *     phi_j = v (o_j - z_j) int_0^1 prod_{k != j} a_k(t) dt,    a_k(t) = t o_k + (1 - t) z_k,
 *
 * of a polynomial of degree d - 1, which Gauss-Legendre gives exactly with d / 2 points. All
 * factors are positive, so nothing cancels. The product is carried down the tree at each point, and
 * the sum over leaves up again, as Linear TreeSHAP does with its polynomials: a node costs one
 * visit whatever its depth. A column met again divides its older factor out.
 *
 * Lundberg et al. (2020), Nature Machine Intelligence 2, 56-67. Yu, Xu, Bifet and Read (2022),
 * "Linear TreeShap", NeurIPS 35.
 */
#include "explain.h"

#include "clade/run.h"

#include <math.h>

enum { EXPLAIN_ROWS_PER_TASK = 16 };

void clade__quadrature(quadrature *out, size_t n_columns)
{
    const size_t n = n_columns < 2 ? 1 : (n_columns + 1) / 2;
    out->n         = n;
    for (size_t i = 0; i < n; i++) {
        /* Newton on Legendre's polynomial from Tricomi's estimate of its root. */
        double x = cos(M_PI * ((double)i + 0.75) / ((double)n + 0.5)), slope = 1;
        for (int turn = 0; turn < 100; turn++) {
            double p = 1, before = 0;
            for (size_t k = 1; k <= n; k++) {
                const double older = before;
                before             = p;
                p = ((2.0 * (double)k - 1) * x * before - ((double)k - 1) * older) / (double)k;
            }
            slope             = (double)n * (x * p - before) / (x * x - 1);
            const double move = p / slope;
            x -= move;
            if (fabs(move) < 1e-15) break;
        }
        out->t[i]      = 0.5 * (1 - x);
        out->weight[i] = 1 / ((1 - x * x) * slope * slope);
    }
}

/* ---------------------------------------------------------------- one tree and one row */

/* A split on the path from the root: its column with every condition on it so far. */
typedef struct edge {
    uint32_t column;
    bool     o;
    double   z;
    double   a[EXPLAIN_MAX_POINTS];     /* t o + (1 - t) z */
    double   slope[EXPLAIN_MAX_POINTS]; /* (o - z) / a */
} edge;

typedef struct visit {
    const forest_node *node;
    const quadrature  *q;
    const float       *row;
    double            *phi;
    edge               path[EXPLAIN_MAX_DEPTH];
} visit;

/* The last split on this column above, or NULL. */
static const edge *older_edge(const visit *v, size_t depth, uint32_t column)
{
    for (size_t i = depth; i > 0; i--) {
        if (v->path[i - 1].column == column) return &v->path[i - 1];
    }
    return NULL;
}

/* out_sum[p] = sum over the leaves below of value times the product of a at point p, which is
 * `product` here. Adds to phi what the splits below are due. */
static void visit_node(double *out_sum, visit *v, int32_t at, size_t depth, const double *product)
{
    const forest_node *const node = &v->node[at];
    const size_t             n    = v->q->n;
    if (node->left < 0) {
        for (size_t p = 0; p < n; p++)
            out_sum[p] = (double)node->value * product[p];
        return;
    }
    const bool        goes_left = clade__goes_left(node, v->row);
    const edge *const older     = older_edge(v, depth, node->column);
    edge *const       e         = &v->path[depth];
    for (size_t p = 0; p < n; p++)
        out_sum[p] = 0;
    for (int side = 0; side < 2; side++) {
        const int32_t child = side == 0 ? node->left : node->right;
        double        below[EXPLAIN_MAX_POINTS], sum[EXPLAIN_MAX_POINTS], due = 0;
        e->column = node->column;
        e->o      = goes_left == (side == 0) && (older == NULL || older->o);
        e->z      = v->node[child].share * (older == NULL ? 1 : older->z);
        if (!e->o && e->z <= 0) continue; /* nothing gets there, known or not */
        for (size_t p = 0; p < n; p++) {
            const double t = v->q->t[p];
            e->a[p]        = (e->o ? t : 0) + (1 - t) * e->z;
            e->slope[p]    = ((e->o ? 1 : 0) - e->z) / e->a[p];
            below[p]       = product[p] * e->a[p] / (older == NULL ? 1 : older->a[p]);
        }
        visit_node(sum, v, child, depth + 1, below);
        for (size_t p = 0; p < n; p++) {
            due += v->q->weight[p] * sum[p] * (e->slope[p] - (older == NULL ? 0 : older->slope[p]));
            out_sum[p] += sum[p];
        }
        v->phi[node->column] += due;
    }
}

void clade__explain_tree(double *phi, const forest_node *node, const quadrature *q,
                         const float *row)
{
    visit  v = { .node = node, .q = q, .row = row, .phi = phi };
    double one[EXPLAIN_MAX_POINTS], sum[EXPLAIN_MAX_POINTS];
    for (size_t p = 0; p < q->n; p++)
        one[p] = 1;
    visit_node(sum, &v, 0, 0, one);
}

/* ---------------------------------------------------------------- rows */

static double expected_below(const forest_node *node, int32_t at)
{
    if (node[at].left < 0) return (double)node[at].value;
    return node[node[at].left].share * expected_below(node, node[at].left) +
           node[node[at].right].share * expected_below(node, node[at].right);
}

double clade__expected_margin(const clade_trees *trees)
{
    double sum = (double)trees->base_margin;
    for (size_t t = 0; t < trees->n_trees; t++)
        sum += expected_below(trees->node + trees->start[t], 0);
    return sum;
}

clade_status clade__check_explain(const clade_trees *trees, size_t n_columns, clade_error *err)
{
    if (n_columns != trees->n_columns) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "rows have %zu columns, and the trees were fitted on %zu", n_columns,
                          trees->n_columns);
    }
    if (trees->max_depth <= EXPLAIN_MAX_DEPTH) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "a tree is %zu splits deep: explained are at most %d",
                      trees->max_depth, EXPLAIN_MAX_DEPTH);
}

typedef struct explain_job {
    const clade_trees *trees;
    const float       *value;
    size_t             n_rows;
    double            *out;
    double             expected;
    quadrature        *q; /* (max_depth + 1) by the depth of a tree */
    size_t             column_a, column_b;
} explain_job;

static void explain_part(size_t task, int worker, void *context)
{
    const explain_job *const job   = context;
    const clade_trees *const trees = job->trees;
    const size_t             p     = trees->n_columns;
    const size_t             first = task * EXPLAIN_ROWS_PER_TASK;
    (void)worker;
    for (size_t i = first; i < first + EXPLAIN_ROWS_PER_TASK && i < job->n_rows; i++) {
        double *const phi = job->out + i * (p + 1);
        memset(phi, 0, p * sizeof *phi);
        for (size_t t = 0; t < trees->n_trees; t++) {
            clade__explain_tree(phi, trees->node + trees->start[t], &job->q[trees->depth[t]],
                                job->value + i * p);
        }
        phi[p] = job->expected;
    }
}

/* Shared by both: the rules of integration, and rows to tasks. */
static clade_status run_job(explain_job *job, clade_task part, clade_error *err)
{
    const size_t n_tasks = (job->n_rows + EXPLAIN_ROWS_PER_TASK - 1) / EXPLAIN_ROWS_PER_TASK;
    clade_arena *arena   = clade_arena_create(0);
    if (arena != NULL) job->q = CLADE_ARENA_NEW(arena, quadrature, job->trees->max_depth + 1);
    if (job->q == NULL) {
        clade_arena_free(arena);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to explain %zu rows", job->n_rows);
    }
    for (size_t d = 0; d <= job->trees->max_depth; d++)
        clade__quadrature(&job->q[d], d);
    if (n_tasks == 1) {
        part(0, 0, job);
    } else {
        clade_parallel(n_tasks, part, job);
    }
    clade_arena_free(arena);
    return CLADE_OK;
}

clade_status clade_trees_explain(double *out_phi, const clade_trees *trees, const float *value,
                                 size_t n_rows, size_t n_columns, clade_error *err)
{
    explain_job job = { .trees = trees, .value = value, .n_rows = n_rows, .out = out_phi };
    CLADE_TRY(clade__check_explain(trees, n_columns, err));
    job.expected = clade__expected_margin(trees);
    return run_job(&job, explain_part, err);
}

/* ---------------------------------------------------------------- interactions */

/* Both columns known, less one of them, and the other, and both unknown, halved because the pair
 * shares it: v (o_i - z_i) (o_j - z_j) / 2 times the integral over all others. What column i has
 * alone is phi_i less its half of every pair. */
typedef struct pair_path {
    size_t   n; /* distinct columns so far */
    uint32_t column[EXPLAIN_MAX_DEPTH];
    bool     o[EXPLAIN_MAX_DEPTH];
    double   z[EXPLAIN_MAX_DEPTH];
} pair_path;

/* Integral of the product of a over all of the path but places i and j. */
static double integral_without(const pair_path *path, const quadrature *q, size_t i, size_t j)
{
    double sum = 0;
    for (size_t p = 0; p < q->n; p++) {
        double product = q->weight[p];
        for (size_t k = 0; k < path->n; k++) {
            if (k == i || k == j) continue;
            product *= (path->o[k] ? q->t[p] : 0) + (1 - q->t[p]) * path->z[k];
        }
        sum += product;
    }
    return sum;
}

static double leaf_interaction(const pair_path *path, const quadrature *q, uint32_t a, uint32_t b)
{
    size_t i = path->n, j = path->n;
    for (size_t k = 0; k < path->n; k++) {
        if (path->column[k] == a) i = k;
        if (path->column[k] == b) j = k;
    }
    if (i == path->n || j == path->n) return 0;
    const double own = (path->o[i] ? 1 : 0) - path->z[i];
    if (a != b) {
        return 0.5 * own * ((path->o[j] ? 1 : 0) - path->z[j]) * integral_without(path, q, i, j);
    }
    double alone = integral_without(path, q, i, i);
    for (size_t k = 0; k < path->n; k++) {
        if (k == i) continue;
        alone -= 0.5 * ((path->o[k] ? 1 : 0) - path->z[k]) * integral_without(path, q, i, k);
    }
    return own * alone;
}

typedef struct pair_visit {
    const forest_node *node;
    const quadrature  *q;
    const float       *row;
    uint32_t           a, b;
} pair_visit;

/* `path` is this node's own: what it adds is taken off again before it returns. */
static double visit_pair(const pair_visit *v, int32_t at, pair_path *path)
{
    const forest_node *const node = &v->node[at];
    if (node->left < 0) {
        return (double)node->value * leaf_interaction(path, v->q, v->a, v->b);
    }
    size_t k = 0;
    while (k < path->n && path->column[k] != node->column)
        k++;
    const bool   is_new    = k == path->n;
    const bool   o         = is_new || path->o[k];
    const double z         = is_new ? 1 : path->z[k];
    const bool   goes_left = clade__goes_left(node, v->row);
    double       sum       = 0;
    path->column[k]        = node->column;
    path->n += is_new;
    for (int side = 0; side < 2; side++) {
        const int32_t child = side == 0 ? node->left : node->right;
        path->o[k]          = o && goes_left == (side == 0);
        path->z[k]          = z * v->node[child].share;
        sum += visit_pair(v, child, path);
    }
    path->o[k] = o;
    path->z[k] = z;
    path->n -= is_new;
    return sum;
}

static void pair_part(size_t task, int worker, void *context)
{
    const explain_job *const job   = context;
    const clade_trees *const trees = job->trees;
    const size_t             first = task * EXPLAIN_ROWS_PER_TASK;
    (void)worker;
    for (size_t i = first; i < first + EXPLAIN_ROWS_PER_TASK && i < job->n_rows; i++) {
        double sum = 0;
        for (size_t t = 0; t < trees->n_trees; t++) {
            const pair_visit v    = { trees->node + trees->start[t], &job->q[trees->depth[t]],
                                      job->value + i * trees->n_columns, (uint32_t)job->column_a,
                                      (uint32_t)job->column_b };
            pair_path        path = { 0 };
            sum += visit_pair(&v, 0, &path);
        }
        job->out[i] = sum;
    }
}

clade_status clade_trees_interaction(double *out_phi, const clade_trees *trees, const float *value,
                                     size_t n_rows, size_t n_columns, size_t column_a,
                                     size_t column_b, clade_error *err)
{
    explain_job job = { .trees    = trees,
                        .value    = value,
                        .n_rows   = n_rows,
                        .out      = out_phi,
                        .column_a = column_a,
                        .column_b = column_b };
    CLADE_TRY(clade__check_explain(trees, n_columns, err));
    if (column_a >= n_columns || column_b >= n_columns) {
        return clade_fail(err, CLADE_ERR_ARG, "columns %zu and %zu: wanted below %zu", column_a,
                          column_b, n_columns);
    }
    return run_job(&job, pair_part, err);
}
