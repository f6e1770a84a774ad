/* Shapley values of many rows, by tables.
 *
 * What a leaf adds depends on a row only through the splits on its path, a few bits. So do all the
 * leaves below a node low in the tree: together they read the splits above that node and those
 * below it. Each tree is cut into such groups of at most TABLE_BITS splits, and what a group adds
 * to each of its columns is worked out once for every pattern of bits. With trees of depth 6 that
 * is 16 groups of 7 bits, four leaves each, instead of 64 leaves with six columns each.
 *
 * A row then needs its bits, one line of eight floats from each group, and the sums. Rows are taken
 * 32 at a time: bits are compared and shifted for all of them at once, and the lines of eight rows
 * are transposed, so that sums run down columns. A tree is summed in float, trees in double.
 *
 * Deeper trees, and those beyond the memory allowed, are explained in the plain way.
 */
#include "explain.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum {
    TABLE_BITS = 8,  /* splits that a group reads */
    LANES      = 8,  /* columns of a line: no more than splits */
    ROWS       = 32, /* rows side by side */
    BLOCKS     = 16, /* of so many rows in a task, so that a tree's tables are read in turn */
    MAX_INNER  = (1 << TABLE_BITS) - 1
};

typedef struct table_node {
    float    cut;
    uint32_t column;
    uint8_t  nan_right;
} table_node;

typedef struct table_group {
    uint16_t n_bits, n_slots;
    uint16_t bit[TABLE_BITS]; /* splits of the tree by number, the first is the highest bit */
    uint16_t slot[LANES];     /* the tree's columns by number */
    size_t   first;           /* line of pattern 0 */
} table_group;

typedef struct table_tree {
    size_t first_node, n_nodes;
    size_t first_group, n_groups;
    size_t first_slot, n_slots;
} table_tree;

struct clade_explainer {
    const clade_trees *trees;
    double             expected;
    quadrature         q[EXPLAIN_MAX_DEPTH + 1];
    table_tree        *table; /* (n_trees) without groups: explained in the plain way */
    table_node        *node;
    table_group       *group;
    uint32_t          *column; /* of each slot */
    float             *line;   /* (n_lines, LANES) */
    size_t             n_nodes, n_groups, n_columns, n_lines;
    size_t             node_room, group_room, column_room;
};

void clade_explainer_free(clade_explainer *explainer)
{
    if (explainer == NULL) return;
    free(explainer->table);
    free(explainer->node);
    free(explainer->group);
    free(explainer->column);
    free(explainer->line);
    free(explainer);
}

/* ---------------------------------------------------------------- the plan */

/* A step from a split to one of its children. */
typedef struct table_step {
    uint16_t number; /* of the split in its tree */
    uint16_t slot;
    bool     right;
    double   share;
} table_step;

typedef struct planner {
    clade_explainer   *e;
    table_tree        *table;
    const forest_node *node;
    table_step         path[TABLE_BITS];
    uint16_t          *number; /* of each node of the tree that is a split */
    bool               no_memory;
} planner;

static size_t splits_below(const forest_node *node, int32_t at)
{
    if (node[at].left < 0) return 0;
    return 1 + splits_below(node, node[at].left) + splits_below(node, node[at].right);
}

static uint16_t slot_of(planner *p, uint32_t column)
{
    clade_explainer *const e = p->e;
    for (size_t i = 0; i < p->table->n_slots; i++) {
        if (e->column[p->table->first_slot + i] == column) return (uint16_t)i;
    }
    if (!CLADE_GROW(&e->column, &e->column_room, e->n_columns + 1)) {
        p->no_memory = true;
        return 0;
    }
    e->column[e->n_columns++] = column;
    return (uint16_t)p->table->n_slots++;
}

static void add_split(table_group *group, uint16_t number, uint16_t slot)
{
    size_t k = 0;
    while (k < group->n_slots && group->slot[k] != slot)
        k++;
    if (k == group->n_slots) group->slot[group->n_slots++] = slot;
    group->bit[group->n_bits++] = number;
}

static void add_splits_below(table_group *group, planner *p, int32_t at)
{
    const forest_node *const node = &p->node[at];
    if (node->left < 0) return;
    add_split(group, p->number[at], slot_of(p, node->column));
    add_splits_below(group, p, node->left);
    add_splits_below(group, p, node->right);
}

/* Cut what is below a node into groups; `depth` steps lead to it. */
static void plan_below(planner *p, int32_t at, size_t depth)
{
    clade_explainer *const   e    = p->e;
    const forest_node *const node = &p->node[at];
    if (depth + splits_below(p->node, at) <= TABLE_BITS) {
        table_group group = { .first = e->n_lines };
        for (size_t i = 0; i < depth; i++)
            add_split(&group, p->path[i].number, p->path[i].slot);
        add_splits_below(&group, p, at);
        if (!CLADE_GROW(&e->group, &e->group_room, e->n_groups + 1)) {
            p->no_memory = true;
            return;
        }
        e->group[e->n_groups++] = group;
        e->n_lines += (size_t)1 << group.n_bits;
        p->table->n_groups++;
        return;
    }
    for (int side = 0; side < 2; side++) {
        p->path[depth] = (table_step){ .number = p->number[at], .slot = slot_of(p, node->column) };
        plan_below(p, side == 0 ? node->left : node->right, depth + 1);
    }
}

static void number_splits(planner *p, int32_t at)
{
    clade_explainer *const   e    = p->e;
    const forest_node *const node = &p->node[at];
    if (node->left < 0) return;
    if (!CLADE_GROW(&e->node, &e->node_room, e->n_nodes + 1)) {
        p->no_memory = true;
        return;
    }
    p->number[at]         = (uint16_t)p->table->n_nodes++;
    e->node[e->n_nodes++] = (table_node){ node->value, node->column, !node->nan_left };
    number_splits(p, node->left);
    number_splits(p, node->right);
}

static bool plan_tree(clade_explainer *e, size_t t, uint16_t *number)
{
    planner p = {
        .e = e, .table = &e->table[t], .node = e->trees->node + e->trees->start[t], .number = number
    };
    *p.table = (table_tree){ .first_node  = e->n_nodes,
                             .first_group = e->n_groups,
                             .first_slot  = e->n_columns };
    number_splits(&p, 0);
    if (!p.no_memory) plan_below(&p, 0, 0);
    return !p.no_memory;
}

/* ---------------------------------------------------------------- the tables */

typedef struct filler {
    const clade_explainer *e;
    const quadrature      *q;
    const table_tree      *table;
    const forest_node     *node;
    const table_group     *group; /* the one being filled */
    size_t                 next_group, next_split;
    double                 sum[1 << TABLE_BITS][LANES];
    double                 leaf[1 << TABLE_BITS][LANES];
    table_step             path[TABLE_BITS];  /* slot: of the group */
    uint8_t                place[TABLE_BITS]; /* of the step's split among the group's bits */
} filler;

/* Shapley values of one leaf for one pattern of conditions met: bit i for step i of the path. */
static void leaf_phi(double out[LANES], const filler *f, double value, size_t depth,
                     uint32_t pattern)
{
    bool   o[LANES], on_path[LANES] = { false };
    double z[LANES], part[LANES]    = { 0 };
    for (size_t i = 0; i < depth; i++) {
        const size_t k   = f->path[i].slot;
        const bool   met = pattern >> i & 1;
        o[k]             = met && (!on_path[k] || o[k]);
        z[k]             = f->path[i].share * (on_path[k] ? z[k] : 1);
        on_path[k]       = true;
    }
    for (size_t p = 0; p < f->q->n; p++) {
        const double t = f->q->t[p];
        double       a[LANES], product = value * f->q->weight[p];
        for (size_t k = 0; k < f->group->n_slots; k++) {
            if (!on_path[k]) continue;
            a[k] = (o[k] ? t : 0) + (1 - t) * z[k];
            product *= a[k];
        }
        if (product == 0) continue; /* the leaf says 0, or nothing gets there */
        for (size_t k = 0; k < f->group->n_slots; k++) {
            if (on_path[k]) part[k] += product * ((o[k] ? 1 : 0) - z[k]) / a[k];
        }
    }
    memcpy(out, part, sizeof part);
}

static void add_leaf(filler *f, double value, size_t depth)
{
    const size_t n_bits = f->group->n_bits;
    for (uint32_t m = 0; m < 1u << depth; m++)
        leaf_phi(f->leaf[m], f, value, depth, m);
    for (uint32_t index = 0; index < 1u << n_bits; index++) {
        uint32_t met = 0;
        for (size_t i = 0; i < depth; i++) {
            const bool right = index >> (n_bits - 1 - f->place[i]) & 1;
            met |= (uint32_t)(right == f->path[i].right) << i;
        }
        for (size_t k = 0; k < LANES; k++)
            f->sum[index][k] += f->leaf[met][k];
    }
}

static uint16_t slot_in_group(const filler *f, uint32_t column)
{
    uint16_t k = 0;
    while (f->e->column[f->table->first_slot + f->group->slot[k]] != column)
        k++;
    return k;
}

/* Splits are met in the order in which the plan numbered the group's bits. */
static void add_leaves(filler *f, int32_t at, size_t depth)
{
    const forest_node *const node = &f->node[at];
    if (node->left < 0) {
        add_leaf(f, (double)node->value, depth);
        return;
    }
    const uint8_t place = (uint8_t)f->next_split++;
    for (int side = 0; side < 2; side++) {
        const int32_t child = side == 0 ? node->left : node->right;
        f->place[depth]     = place;
        f->path[depth]      = (table_step){ .slot  = slot_in_group(f, node->column),
                                            .right = side == 1,
                                            .share = f->node[child].share };
        add_leaves(f, child, depth + 1);
    }
}

/* The recursion of plan_below once more; `above` holds the nodes that lead here. */
static void fill_below(filler *f, int32_t at, int32_t *above, size_t depth)
{
    const forest_node *const node = &f->node[at];
    if (depth + splits_below(f->node, at) > TABLE_BITS) {
        above[depth] = at;
        fill_below(f, node->left, above, depth + 1);
        fill_below(f, node->right, above, depth + 1);
        return;
    }
    f->group      = &f->e->group[f->next_group++];
    f->next_split = depth;
    memset(f->sum, 0, sizeof f->sum);
    for (size_t i = 0; i < depth; i++) {
        const forest_node *const up    = &f->node[above[i]];
        const int32_t            child = i + 1 < depth ? above[i + 1] : at;
        f->place[i]                    = (uint8_t)i;
        f->path[i]                     = (table_step){ .slot  = slot_in_group(f, up->column),
                                                       .right = child == up->right,
                                                       .share = f->node[child].share };
    }
    add_leaves(f, at, depth);
    float *line = f->e->line + f->group->first * LANES;
    for (size_t index = 0; index < (size_t)1 << f->group->n_bits; index++) {
        for (size_t k = 0; k < LANES; k++)
            *line++ = (float)f->sum[index][k];
    }
}

static void fill_task(size_t t, int worker, void *context)
{
    const clade_explainer *const e = context;
    filler                       f = { .e          = e,
                                       .q          = &e->q[e->trees->depth[t]],
                                       .table      = &e->table[t],
                                       .node       = e->trees->node + e->trees->start[t],
                                       .next_group = e->table[t].first_group };
    int32_t                      above[TABLE_BITS];
    (void)worker;
    if (e->table[t].n_groups > 0) fill_below(&f, 0, above, 0);
}

clade_status clade_explainer_create(clade_explainer **out_explainer, const clade_trees *trees,
                                    clade_error *err)
{
    clade_status     status = CLADE_ERR_NOMEM;
    clade_explainer *e      = NULL;
    uint16_t        *number = NULL;
    size_t           most   = 1;

    CLADE_TRY(clade__check_explain(trees, trees->n_columns, err));
    for (size_t t = 0; t < trees->n_trees; t++) {
        const size_t n = trees->start[t + 1] - trees->start[t];
        if (n > most) most = n;
    }
    e      = CLADE_NEW(clade_explainer, 1);
    number = CLADE_NEW(uint16_t, most);
    if (e == NULL || number == NULL) goto done;
    e->trees    = trees;
    e->expected = clade__expected_margin(trees);
    for (size_t d = 0; d <= EXPLAIN_MAX_DEPTH; d++)
        clade__quadrature(&e->q[d], d);
    e->table = CLADE_NEW(table_tree, trees->n_trees + 1);
    if (e->table == NULL) goto done;
    for (size_t t = 0; t < trees->n_trees; t++) {
        const bool room = e->n_lines * LANES * sizeof(float) < CLADE_EXPLAINER_MAX_BYTES;
        if (trees->depth[t] > TABLE_BITS || !room) continue; /* in the plain way */
        if (!plan_tree(e, t, number)) goto done;
    }
    e->line = CLADE_NEW(float, e->n_lines *LANES + 1);
    if (e->line == NULL) goto done;
    clade_parallel(trees->n_trees, fill_task, e);

    *out_explainer = e;
    e              = NULL;
    status         = CLADE_OK;
done:
    if (status != CLADE_OK) {
        (void)clade_fail(err, status, "no memory to explain %zu trees", trees->n_trees);
    }
    clade_explainer_free(e);
    free(number);
    return status;
}

/* ---------------------------------------------------------------- rows */

/* What a worker needs for BLOCKS times ROWS rows. */
typedef struct workspace {
    float   *x;        /* (BLOCKS, n_columns, ROWS) */
    uint8_t *nan;      /* the same: 1 where absent */
    double  *phi;      /* the same */
    uint8_t *decision; /* (MAX_INNER, ROWS) 1: right */
    float   *sum;      /* (MAX_INNER, ROWS) one tree's, by slot */
} workspace;

typedef float vector8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int   index8 __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) void transpose8(vector8 *row)
{
    const index8 low = { 0, 8, 1, 9, 4, 12, 5, 13 }, high = { 2, 10, 3, 11, 6, 14, 7, 15 };
    const index8 even = { 0, 1, 8, 9, 4, 5, 12, 13 }, odd = { 2, 3, 10, 11, 6, 7, 14, 15 };
    const index8 first = { 0, 1, 2, 3, 8, 9, 10, 11 }, last = { 4, 5, 6, 7, 12, 13, 14, 15 };
    vector8      a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i]     = __builtin_shuffle(row[i], row[i + 1], low);
        a[i + 1] = __builtin_shuffle(row[i], row[i + 1], high);
    }
    for (int i = 0; i < 8; i += 4) {
        b[i]     = __builtin_shuffle(a[i], a[i + 2], even);
        b[i + 1] = __builtin_shuffle(a[i], a[i + 2], odd);
        b[i + 2] = __builtin_shuffle(a[i + 1], a[i + 3], even);
        b[i + 3] = __builtin_shuffle(a[i + 1], a[i + 3], odd);
    }
    for (int i = 0; i < 4; i++) {
        row[i]     = __builtin_shuffle(b[i], b[i + 4], first);
        row[i + 4] = __builtin_shuffle(b[i], b[i + 4], last);
    }
}

/* Add one group's lines for ROWS rows. Both ways add the same floats in the same order. */
static inline __attribute__((always_inline)) void add_group(float *sum, const table_group *group,
                                                            const float   *lines,
                                                            const uint8_t *decision, bool wide)
{
    uint8_t index[ROWS] = { 0 };
    for (size_t b = 0; b < group->n_bits; b++) {
        const uint8_t *const bit = decision + group->bit[b] * ROWS;
        for (size_t r = 0; r < ROWS; r++)
            index[r] = (uint8_t)(2 * index[r] + bit[r]);
    }
    for (size_t r = 0; wide && r < ROWS; r += 8) {
        vector8 row[8];
        for (size_t i = 0; i < 8; i++)
            row[i] = *(const vector8 *)(lines + (size_t)index[r + i] * LANES);
        transpose8(row);
        for (size_t k = 0; k < group->n_slots; k++)
            *(vector8 *)(sum + group->slot[k] * ROWS + r) += row[k];
    }
    for (size_t r = 0; !wide && r < ROWS; r++) {
        for (size_t k = 0; k < group->n_slots; k++)
            sum[group->slot[k] * ROWS + r] += lines[(size_t)index[r] * LANES + k];
    }
}

static inline __attribute__((always_inline)) void add_tree(double *phi, const clade_explainer *e,
                                                           const table_tree *table, const float *x,
                                                           const uint8_t *nan, const workspace *w,
                                                           bool wide)
{
    const table_node *const node = e->node + table->first_node;
    for (size_t i = 0; i < table->n_nodes; i++) {
        const float *const   value     = x + (size_t)node[i].column * ROWS;
        const uint8_t *const absent    = nan + (size_t)node[i].column * ROWS;
        uint8_t *const       out       = w->decision + i * ROWS;
        const float          cut       = node[i].cut;
        const uint8_t        nan_right = node[i].nan_right;
        for (size_t r = 0; r < ROWS; r++)
            out[r] = (uint8_t)((value[r] >= cut) | (absent[r] & nan_right));
    }
    memset(w->sum, 0, table->n_slots * ROWS * sizeof *w->sum);
    for (size_t g = table->first_group; g < table->first_group + table->n_groups; g++)
        add_group(w->sum, &e->group[g], e->line + e->group[g].first * LANES, w->decision, wide);
    for (size_t s = 0; s < table->n_slots; s++) {
        double *const to = phi + (size_t)e->column[table->first_slot + s] * ROWS;
        for (size_t r = 0; r < ROWS; r++)
            to[r] += (double)w->sum[s * ROWS + r];
    }
}

static void add_tree_plain(double *phi, const clade_explainer *e, const table_tree *table,
                           const float *x, const uint8_t *nan, const workspace *w)
{
    add_tree(phi, e, table, x, nan, w, false);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void add_tree_avx2(double *phi, const clade_explainer *e,
                                                          const table_tree *table, const float *x,
                                                          const uint8_t *nan, const workspace *w)
{
    add_tree(phi, e, table, x, nan, w, true);
}
#endif

typedef struct explainer_job {
    const clade_explainer *e;
    const float           *value;
    size_t                 n_rows;
    double                *out;
    workspace             *w; /* (n_workers) */
    void (*add)(double *, const clade_explainer *, const table_tree *, const float *,
                const uint8_t *, const workspace *);
} explainer_job;

/* Rows of one task into columns of ROWS; what is left over in the last block repeats its end. */
static void turn_rows(const workspace *w, const float *value, size_t n_rows, size_t p)
{
    for (size_t i = 0; i < (n_rows + ROWS - 1) / ROWS * ROWS; i++) {
        const float *const row   = value + (i < n_rows ? i : n_rows - 1) * p;
        const size_t       first = i / ROWS * p * ROWS + i % ROWS;
        for (size_t k = 0; k < p; k++) {
            w->x[first + k * ROWS]   = row[k];
            w->nan[first + k * ROWS] = (uint8_t)(row[k] != row[k]);
        }
    }
}

static void explain_task(size_t task, int worker, void *context)
{
    const explainer_job *const   job   = context;
    const clade_explainer *const e     = job->e;
    const workspace *const       w     = &job->w[worker];
    const size_t                 p     = e->trees->n_columns;
    const size_t                 first = task * BLOCKS * ROWS;
    const size_t n_rows = job->n_rows - first < BLOCKS * ROWS ? job->n_rows - first : BLOCKS * ROWS;
    const size_t n_blocks = (n_rows + ROWS - 1) / ROWS;

    turn_rows(w, job->value + first * p, n_rows, p);
    memset(w->phi, 0, n_blocks * p * ROWS * sizeof *w->phi);
    for (size_t t = 0; t < e->trees->n_trees; t++) {
        if (e->table[t].n_groups == 0) continue;
        for (size_t b = 0; b < n_blocks; b++) {
            const size_t at = b * p * ROWS;
            job->add(w->phi + at, e, &e->table[t], w->x + at, w->nan + at, w);
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        double *const out = job->out + (first + i) * (p + 1);
        for (size_t k = 0; k < p; k++)
            out[k] = w->phi[(i / ROWS * p + k) * ROWS + i % ROWS];
        out[p] = e->expected;
        for (size_t t = 0; t < e->trees->n_trees; t++) {
            if (e->table[t].n_groups > 0) continue;
            clade__explain_tree(out, e->trees->node + e->trees->start[t], &e->q[e->trees->depth[t]],
                                job->value + (first + i) * p);
        }
    }
}

clade_status clade_explainer_run(double *out_phi, const clade_explainer *explainer,
                                 const float *value, size_t n_rows, size_t n_columns,
                                 clade_error *err)
{
    const size_t  n_tasks   = (n_rows + BLOCKS * ROWS - 1) / (BLOCKS * ROWS);
    const size_t  n_threads = (size_t)clade_threads_get();
    const size_t  n_workers = n_tasks < n_threads ? n_tasks : n_threads;
    const size_t  n_blocks  = n_tasks > 1 ? BLOCKS : (n_rows + ROWS - 1) / ROWS;
    const size_t  n         = n_blocks * n_columns * ROWS;
    explainer_job job       = { explainer, value, n_rows, out_phi, NULL, add_tree_plain };
    CLADE_TRY(clade__check_explain(explainer->trees, n_columns, err));
    if (n_rows == 0) return CLADE_OK;
#if defined(__x86_64__)
    if (clade_isa_get() != CLADE_ISA_PLAIN) job.add = add_tree_avx2;
#endif

    clade_status       status = CLADE_OK;
    clade_arena *const arena  = clade_arena_create(0);
    if (arena != NULL) job.w = CLADE_ARENA_NEW(arena, workspace, n_workers);
    for (size_t i = 0; job.w != NULL && i < n_workers; i++) {
        workspace *const w = &job.w[i];
        w->x               = CLADE_ARENA_NEW(arena, float, n);
        w->nan             = CLADE_ARENA_NEW(arena, uint8_t, n);
        w->phi             = CLADE_ARENA_NEW(arena, double, n);
        w->decision        = CLADE_ARENA_NEW(arena, uint8_t, MAX_INNER * ROWS);
        w->sum             = CLADE_ARENA_NEW(arena, float, MAX_INNER *ROWS);
        if (w->x == NULL || w->nan == NULL || w->phi == NULL || w->decision == NULL ||
            w->sum == NULL) {
            job.w = NULL;
        }
    }
    if (job.w == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to explain %zu rows", n_rows);
    } else if (n_tasks == 1) {
        explain_task(0, 0, &job);
    } else {
        clade_parallel(n_tasks, explain_task, &job);
    }
    clade_arena_free(arena);
    return status;
}
