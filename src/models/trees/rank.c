/* Ranking: LambdaMART.
 *
 * A pair of rows of one list, i of the higher grade, has the logistic loss of its margins'
 * difference, weighed by how much NDCG would change if the two exchanged their places:
 *
 *     rho = 1 / (1 + e^(m_i - m_j)),  delta = |gain_i - gain_j| |discount_i - discount_j| / ideal,
 *     first_i -= rho delta,  first_j += rho delta,  second_i, second_j += rho (1 - rho) delta.
 *
 * One of the two must stand among the first `top` places. Lists do not meet, so they run in
 * parallel; a row's sums run in the order of places.
 *
 * Burges (2010), "From RankNet to LambdaRank to LambdaMART", Microsoft Research MSR-TR-2010-82.
 */
#include "goals.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { LISTS_PER_TASK = 64 };

void clade__rank_lists_free(rank_lists *lists)
{
    free(lists->start);
    free(lists->ideal);
    free(lists->order);
    free(lists->first);
    free(lists->second);
    *lists = (rank_lists){ 0 };
}

static double gain_of(float grade)
{
    return exp2((double)grade) - 1;
}

static double discount_of(size_t place)
{
    return 1 / log2((double)place + 2);
}

static int by_falling_key(const void *a, const void *b, void *context)
{
    const float *const key = context;
    const uint32_t     i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (key[i] != key[j]) return key[i] > key[j] ? -1 : 1;
    return i < j ? -1 : i > j; /* a tie keeps the order of rows */
}

/* Places of one list by a falling key. qsort_r takes no const, and changes nothing. */
static void order_list(const rank_lists *lists, size_t l, const float *key)
{
    const size_t first = lists->start[l], n = lists->start[l + 1] - first;
    for (size_t i = 0; i < n; i++)
        lists->order[first + i] = (uint32_t)(first + i);
    qsort_r(lists->order + first, n, sizeof *lists->order, by_falling_key, (void *)(uintptr_t)key);
}

/* Discounted gain of the first `top` places of a list. */
static double list_gain(const rank_lists *lists, size_t l, const float *grade, int top)
{
    const size_t first = lists->start[l], n = lists->start[l + 1] - first;
    double       sum = 0;
    for (size_t i = 0; i < n && i < (size_t)top; i++)
        sum += gain_of(grade[lists->order[first + i]]) * discount_of(i);
    return sum;
}

clade_status clade__rank_lists_create(rank_lists *out, const clade_trees_data *data, int top,
                                      clade_error *err)
{
    rank_lists lists = { .start  = CLADE_NEW(size_t, data->n_rows + 1),
                         .ideal  = CLADE_NEW(double, data->n_rows),
                         .order  = CLADE_NEW(uint32_t, data->n_rows),
                         .first  = CLADE_NEW(double, data->n_rows),
                         .second = CLADE_NEW(double, data->n_rows) };
    if (lists.start == NULL || lists.ideal == NULL || lists.order == NULL || lists.first == NULL ||
        lists.second == NULL) {
        clade__rank_lists_free(&lists);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for lists of %zu rows", data->n_rows);
    }
    for (size_t i = 1; i <= data->n_rows; i++) {
        if (i < data->n_rows && data->group[i] == data->group[i - 1]) continue;
        lists.start[++lists.n] = i;
    }
    for (size_t l = 0; l < lists.n; l++) {
        const float lowest = data->target[lists.start[l]];
        bool        differ = false;
        for (size_t i = lists.start[l]; i < lists.start[l + 1]; i++)
            differ = differ || data->target[i] != lowest;
        order_list(&lists, l, data->target);
        lists.ideal[l] = differ ? list_gain(&lists, l, data->target, top) : 0;
    }
    *out = lists;
    return CLADE_OK;
}

typedef struct rank_job {
    const clade_trees_data    *data;
    const clade_trees_options *options;
    const rank_lists          *lists;
    const float               *margin;
} rank_job;

static void derive_list(const rank_job *job, size_t l)
{
    const rank_lists *const lists = job->lists;
    const float *const      grade = job->data->target;
    const size_t            first = lists->start[l], n = lists->start[l + 1] - first;
    const size_t            top = (size_t)job->options->rank_top;
    const double weight         = job->data->weight == NULL ? 1 : (double)job->data->weight[first];
    order_list(lists, l, job->margin);
    for (size_t a = 0; a < n && a < top; a++) {
        for (size_t b = a + 1; b < n; b++) {
            const uint32_t u = lists->order[first + a], v = lists->order[first + b];
            if (grade[u] == grade[v]) continue;
            const uint32_t i = grade[u] > grade[v] ? u : v, j = i == u ? v : u;
            const double   rho   = 1 / (1 + exp((double)job->margin[i] - (double)job->margin[j]));
            const double   delta = (gain_of(grade[i]) - gain_of(grade[j])) *
                                 (discount_of(a) - discount_of(b)) / lists->ideal[l];
            lists->first[i] -= weight * rho * delta;
            lists->first[j] += weight * rho * delta;
            lists->second[i] += weight * rho * (1 - rho) * delta;
            lists->second[j] += weight * rho * (1 - rho) * delta;
        }
    }
}

static void derive_lists(size_t task, int worker, void *context)
{
    const rank_job *const job = context;
    (void)worker;
    for (size_t l = task * LISTS_PER_TASK; l < (task + 1) * LISTS_PER_TASK && l < job->lists->n;
         l++) {
        if (job->lists->ideal[l] > 0) derive_list(job, l);
    }
}

void clade__rank_derive(float *out_first, float *out_second, const float *margin,
                        const clade_trees_data *data, const clade_trees_options *options,
                        const rank_lists *lists, int round)
{
    rank_job  job = { data, options, lists, margin };
    clade_rng rng = clade_rng_stream(options->seed, "trees/subsample", (uint64_t)round);
    memset(lists->first, 0, data->n_rows * sizeof *lists->first);
    memset(lists->second, 0, data->n_rows * sizeof *lists->second);
    clade_parallel((lists->n + LISTS_PER_TASK - 1) / LISTS_PER_TASK, derive_lists, &job);
    for (size_t l = 0; l < lists->n; l++) {
        const bool seen = options->subsample >= 1 || clade_rng_uniform(&rng) < options->subsample;
        for (size_t i = lists->start[l]; i < lists->start[l + 1]; i++) {
            out_first[i]  = seen ? (float)lists->first[i] : 0;
            out_second[i] = seen ? (float)lists->second[i] : 0;
        }
    }
}

double clade__rank_loss(const float *margin, const clade_trees_data *data, int top,
                        const rank_lists *lists)
{
    double sum = 0, total = 0;
    for (size_t l = 0; l < lists->n; l++) {
        if (lists->ideal[l] <= 0) continue;
        const double weight = data->weight == NULL ? 1 : (double)data->weight[lists->start[l]];
        order_list(lists, l, margin);
        sum += weight * (1 - list_gain(lists, l, data->target, top) / lists->ideal[l]);
        total += weight;
    }
    return total > 0 ? sum / total : (double)NAN;
}
