/* Evaluation of an ensemble: the hot path of serving.
 *
 * Leaf values are added in the order of the trees in float, as XGBoost does, so the two agree bit
 * for bit. A step to a child is arithmetic, not a branch, which half of the time would be guessed
 * wrong; and eight rows walk down a tree side by side, so that one waits while the others load.
 */
#include "forest.h"

#include "clade/run.h"

#include <math.h>

enum { ROWS_PER_TASK = 512, FEW_ROWS = 64, ABREAST = 8 };

float clade__sigmoid(float margin)
{
    const float minus = fminf(-margin, 88.7f);
    return 1.0f / (expf(minus) + 1.0f + 1e-16f);
}

static inline uint32_t step(const walk_node *walk, uint32_t at, const float *row)
{
    const walk_node *const node  = &walk[at];
    const float            value = row[node->column & ~WALK_NAN_RIGHT];
    const uint32_t         above = value >= node->cut; /* false for NAN */
    const uint32_t         right = above | ((uint32_t)(value != value) & (node->column >> 31));
    return node->next + (right & node->split);
}

static float margin_of(const clade_trees *trees, const float *row)
{
    float sum = trees->base_margin;
    for (size_t t = 0; t < trees->n_trees; t++) {
        uint32_t at = (uint32_t)trees->start[t];
        for (size_t d = 0; d < trees->depth[t]; d++)
            at = step(trees->walk, at, row);
        sum += trees->walk[at].cut;
    }
    return sum;
}

/* ABREAST rows, one after another in memory. */
static void margins_of(float *out, const clade_trees *trees, const float *row)
{
    const size_t p = trees->n_columns;
    for (size_t r = 0; r < ABREAST; r++)
        out[r] = trees->base_margin;
    for (size_t t = 0; t < trees->n_trees; t++) {
        uint32_t at[ABREAST];
        for (size_t r = 0; r < ABREAST; r++)
            at[r] = (uint32_t)trees->start[t];
        for (size_t d = 0; d < trees->depth[t]; d++) {
            for (size_t r = 0; r < ABREAST; r++)
                at[r] = step(trees->walk, at[r], row + r * p);
        }
        for (size_t r = 0; r < ABREAST; r++)
            out[r] += trees->walk[at[r]].cut;
    }
}

typedef struct predict_job {
    const clade_trees *trees;
    const float       *value;
    float             *out;
    size_t             n_rows;
} predict_job;

static void predict_part(size_t task, int worker, void *context)
{
    const predict_job *job   = context;
    const size_t       p     = job->trees->n_columns;
    const size_t       first = task * ROWS_PER_TASK;
    const size_t end = first + ROWS_PER_TASK < job->n_rows ? first + ROWS_PER_TASK : job->n_rows;
    size_t       i   = first;
    (void)worker;
    for (; i + ABREAST <= end; i += ABREAST)
        margins_of(job->out + i, job->trees, job->value + i * p);
    for (; i < end; i++)
        job->out[i] = margin_of(job->trees, job->value + i * p);
    for (i = first; i < end && job->trees->goal == CLADE_TREES_LOGISTIC; i++)
        job->out[i] = clade__sigmoid(job->out[i]);
    for (i = first; i < end && job->trees->goal == CLADE_TREES_TWEEDIE; i++)
        job->out[i] = expf(job->out[i]);
}

clade_status clade_trees_predict(float *out_prediction, const clade_trees *trees,
                                 const float *value, size_t n_rows, size_t n_columns,
                                 clade_error *err)
{
    if (n_columns != trees->n_columns) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "rows have %zu columns, and the trees were fitted on %zu", n_columns,
                          trees->n_columns);
    }
    predict_job  job     = { trees, value, out_prediction, n_rows };
    const size_t n_tasks = (n_rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    if (n_rows <= FEW_ROWS) {
        if (n_rows > 0) predict_part(0, 0, &job);
    } else {
        clade_parallel(n_tasks, predict_part, &job);
    }
    return CLADE_OK;
}

clade_status clade_trees_predict_first(float *out_prediction, const clade_trees *trees,
                                       size_t n_rounds, const float *value, size_t n_rows,
                                       size_t n_columns, clade_error *err)
{
    clade_trees first = *trees; /* the trees themselves are shared */
    if (n_rounds < first.n_trees) first.n_trees = n_rounds;
    return clade_trees_predict(out_prediction, &first, value, n_rows, n_columns, err);
}
