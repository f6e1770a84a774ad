/* Look-alikes: rank everybody by models that did not see them, keep the method that finds hidden
 * seeds best, and say how much of a list is to be trusted. The methods are in lookalike_score.c.
 * Runs once a command, over all customers. */
#include "lookalike.h"

#include "clade/metrics.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { N_FOLDS = CLADE__LOOKALIKE_FOLDS, LEAST_TO_BOUND = 10 };

const char *clade_lookalike_method_name(clade_lookalike_method method)
{
    static const char *const name[CLADE_N_LOOKALIKE_METHOD] = { "additive", "trees", "blend",
                                                                "neighbours" };
    assert(method < CLADE_N_LOOKALIKE_METHOD);
    return name[method];
}

void clade_lookalike_free(clade_lookalike *lookalike)
{
    if (lookalike == NULL) return;
    free(lookalike->customer);
    free(lookalike->likeness);
    free(lookalike);
}

/* Everything between the seeds and the list. */
typedef struct find_work {
    size_t    n;
    uint8_t  *is_seed; /* (n) */
    uint8_t  *fold;    /* (n) */
    double   *score;   /* (CLADE_N_LOOKALIKE_METHOD, n): rank in its fold, 0..1 */
    bool      usable[CLADE_N_LOOKALIKE_METHOD];
    uint32_t *order; /* (n) */
} find_work;

static void work_free(find_work *w)
{
    free(w->is_seed);
    free(w->fold);
    free(w->score);
    free(w->order);
}

static int compare_customer(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Mark the seeds among the customers; what is not among them is unknown. */
static void mark_seeds(find_work *w, clade_lookalike *out, const clade_features *features,
                       const int64_t *seed_customer, size_t n_seeds)
{
    for (size_t i = 0; i < n_seeds; i++) {
        const int64_t *at = bsearch(&seed_customer[i], features->customer, features->n_customers,
                                    sizeof features->customer[0], compare_customer);
        if (at == NULL) {
            out->n_unknown++;
        } else if (!w->is_seed[at - features->customer]) {
            w->is_seed[at - features->customer] = 1;
            out->n_seeds++;
        }
    }
    out->n_others = features->n_customers - out->n_seeds;
}

/* Folds of equal size among the seeds, and among the others. */
static void deal_folds(find_work *w, uint64_t seed)
{
    clade_rng rng     = clade_rng_stream(seed, "engine/lookalike/folds", 0);
    size_t    next[2] = { 0, 0 };
    clade_rng_permute(w->order, w->n, &rng);
    for (size_t i = 0; i < w->n; i++) {
        const uint32_t row = w->order[i];
        w->fold[row]       = (uint8_t)(next[w->is_seed[row]]++ % N_FOLDS);
    }
}

/* Scores of one fold's rows become their mid-rank in it, 0..1: folds can then be told together. */
static clade_status rank_fold(double *score, const find_work *w, size_t fold, clade_error *err)
{
    size_t       n      = 0;
    double      *mine   = CLADE_NEW(double, w->n);
    uint32_t    *row    = CLADE_NEW(uint32_t, w->n);
    uint32_t    *order  = CLADE_NEW(uint32_t, w->n);
    clade_status status = CLADE_OK;
    if (mine == NULL || row == NULL || order == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to rank %zu customers", w->n);
        goto done;
    }
    for (size_t i = 0; i < w->n; i++) {
        if (w->fold[i] != fold) continue;
        mine[n]  = score[i];
        row[n++] = (uint32_t)i;
    }
    status = clade_order_f64(order, mine, 1, n, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && mine[order[end]] == mine[order[i]])
            end++;
        const double rank = (0.5 * (double)(i + end - 1) + 0.5) / (double)n;
        for (size_t k = i; k < end; k++)
            score[row[order[k]]] = rank;
        i = end;
    }
done:
    free(mine);
    free(row);
    free(order);
    return status;
}

static clade_status score_everybody(find_work *w, const clade_features *features, uint64_t seed,
                                    clade_error *err)
{
    static const clade_lookalike_method fitted[] = { CLADE_LOOKALIKE_ADDITIVE,
                                                     CLADE_LOOKALIKE_TREES,
                                                     CLADE_LOOKALIKE_NEIGHBOURS };
    clade_status                        status   = CLADE_OK;
    clade_progress_begin("look-alike", N_FOLDS, "folds");
    for (size_t fold = 0; fold < N_FOLDS && status == CLADE_OK; fold++) {
        double *const score[CLADE_N_LOOKALIKE_METHOD] = {
            [CLADE_LOOKALIKE_ADDITIVE]   = w->score + CLADE_LOOKALIKE_ADDITIVE * w->n,
            [CLADE_LOOKALIKE_TREES]      = w->score + CLADE_LOOKALIKE_TREES * w->n,
            [CLADE_LOOKALIKE_NEIGHBOURS] = w->score + CLADE_LOOKALIKE_NEIGHBOURS * w->n,
        };
        status = clade__lookalike_score(score, w->usable, features, w->is_seed, w->fold, fold, seed,
                                        err);
        for (size_t k = 0; k < 3 && status == CLADE_OK; k++) {
            if (w->usable[fitted[k]]) status = rank_fold(score[fitted[k]], w, fold, err);
        }
        if (status == CLADE_OK) status = clade_interrupt_check(err);
        clade_progress_update((double)(fold + 1));
    }
    clade_progress_end();
    if (status != CLADE_OK) return status;

    w->usable[CLADE_LOOKALIKE_BLEND] =
        w->usable[CLADE_LOOKALIKE_ADDITIVE] && w->usable[CLADE_LOOKALIKE_TREES];
    for (size_t i = 0; w->usable[CLADE_LOOKALIKE_BLEND] && i < w->n; i++) {
        w->score[CLADE_LOOKALIKE_BLEND * w->n + i] =
            0.5 * (w->score[CLADE_LOOKALIKE_ADDITIVE * w->n + i] +
                   w->score[CLADE_LOOKALIKE_TREES * w->n + i]);
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- which method */

/* Sizes of the curve: tenths of the list, the last the list itself with the seeds it would hold. */
static void curve_sizes(size_t size[CLADE_LOOKALIKE_POINTS], size_t n_list, size_t n_all)
{
    for (size_t k = 0; k < CLADE_LOOKALIKE_POINTS; k++) {
        const double at = (double)n_list * (double)(k + 1) / CLADE_LOOKALIKE_POINTS;
        size[k]         = (size_t)fmin((double)n_all, fmax(1, ceil(at)));
    }
}

/* The method whose lists hold most seeds, over the points of the curve; the simplest of equals. */
static clade_status choose_method(clade_lookalike *out, double *out_recall, const find_work *w,
                                  const size_t *size, clade_error *err)
{
    double best = -1;
    for (int method = 0; method < CLADE_N_LOOKALIKE_METHOD; method++) {
        double recall[CLADE_LOOKALIKE_POINTS], mean = 0;
        if (!w->usable[method]) continue;
        CLADE_TRY(clade_precision_curve(NULL, recall, w->score + (size_t)method * w->n, w->is_seed,
                                        w->n, size, CLADE_LOOKALIKE_POINTS, err));
        for (size_t k = 0; k < CLADE_LOOKALIKE_POINTS; k++)
            mean += recall[k] / CLADE_LOOKALIKE_POINTS;
        if (mean > best + 1e-12) {
            best        = mean;
            out->method = (clade_lookalike_method)method;
            memcpy(out_recall, recall, sizeof recall);
        }
    }
    assert(best >= 0);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the curve and the list */

/* Customers of the kind among the others, at most: were there more, some top of the ranking would
 * have to hold more of them than it has places (w->order is the ranking). */
static double most_hidden(const find_work *w, size_t n_seeds, size_t n_others)
{
    double most   = (double)n_others;
    size_t n_seen = 0;
    for (size_t i = 0; i < w->n; i++) {
        n_seen += w->is_seed[w->order[i]];
        if (n_seen < LEAST_TO_BOUND) continue;
        const clade_interval found = clade_share_interval(n_seen, n_seeds, 0.95);
        most                       = fmin(most, (double)(i + 1 - n_seen) / found.low);
    }
    return most;
}

static void draw_curve(clade_lookalike *out, const find_work *w, const size_t *size,
                       const double *recall)
{
    const double hidden = most_hidden(w, out->n_seeds, out->n_others);
    out->n_points       = CLADE_LOOKALIKE_POINTS;
    for (size_t k = 0; k < CLADE_LOOKALIKE_POINTS; k++) {
        clade_lookalike_point *point = &out->point[k];
        const double           n     = (double)size[k];
        const double           seen  = recall[k] * (double)out->n_seeds;
        const clade_interval   found =
            clade_share_interval((size_t)llround(seen), out->n_seeds, 0.95);
        point->n              = size[k];
        point->found          = recall[k];
        point->found_low      = found.low;
        point->found_high     = found.high;
        point->lift           = recall[k] / (n / (double)w->n);
        point->precision_low  = seen / n;
        point->precision_high = fmin(1, (seen + recall[k] * hidden) / n);
    }
}

/* Ranking, most alike first; equal scores by rising customer number (clade_order is stable). */
static clade_status rank_everybody(find_work *w, const double *score, clade_error *err)
{
    double      *falling = CLADE_NEW(double, w->n);
    clade_status status;
    if (falling == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to rank customers");
    for (size_t i = 0; i < w->n; i++)
        falling[i] = -score[i];
    status = clade_order_f64(w->order, falling, 1, w->n, err);
    free(falling);
    return status;
}

static clade_status make_list(clade_lookalike *out, const find_work *w, const double *score,
                              const clade_features *features, size_t size, clade_error *err)
{
    const size_t n = size < out->n_others ? size : out->n_others;
    out->customer  = CLADE_NEW(int64_t, n);
    out->likeness  = CLADE_NEW(double, n);
    if (out->customer == NULL || out->likeness == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a list of %zu customers", n);
    }
    for (size_t i = 0; i < w->n && out->n < n; i++) {
        const uint32_t row = w->order[i];
        if (w->is_seed[row]) continue;
        out->customer[out->n]   = features->customer[row];
        out->likeness[out->n++] = score[row];
    }
    return CLADE_OK;
}

static clade_status check_counts(const clade_lookalike *out, clade_error *err)
{
    if (out->n_seeds < CLADE_LOOKALIKE_MIN_SEEDS) {
        return clade_fail(
            err, CLADE_ERR_NOT_READY,
            "%zu of the seeds are customers at this moment (%zu are not): at least %d "
            "are needed to learn what they share",
            out->n_seeds, out->n_unknown, CLADE_LOOKALIKE_MIN_SEEDS);
    }
    if (out->n_others < N_FOLDS) {
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "all but %zu customers are seeds: nobody is left to look for",
                          out->n_others);
    }
    return CLADE_OK;
}

clade_status clade_lookalike_find(clade_lookalike **out_lookalike, const clade_features *features,
                                  const int64_t *seed_customer, size_t n_seeds, size_t size,
                                  uint64_t seed, clade_error *err)
{
    clade_status     status = CLADE_OK;
    clade_lookalike *out    = NULL;
    find_work        w      = { .n = features->n_customers };
    size_t           sizes[CLADE_LOOKALIKE_POINTS];
    double           recall[CLADE_LOOKALIKE_POINTS] = { 0 };

    if (size == 0) return clade_fail(err, CLADE_ERR_ARG, "a list of 0 look-alikes was asked for");
    out       = CLADE_NEW(clade_lookalike, 1);
    w.is_seed = CLADE_NEW(uint8_t, w.n);
    w.fold    = CLADE_NEW(uint8_t, w.n);
    w.order   = CLADE_NEW(uint32_t, w.n);
    w.score   = clade_alloc(CLADE_N_LOOKALIKE_METHOD, w.n * sizeof(double));
    if (out == NULL || w.is_seed == NULL || w.fold == NULL || w.order == NULL || w.score == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to compare %zu customers", w.n);
        goto done;
    }
    mark_seeds(&w, out, features, seed_customer, n_seeds);
    status = check_counts(out, err);
    if (status != CLADE_OK) goto done;
    deal_folds(&w, seed);
    status = score_everybody(&w, features, seed, err);
    if (status != CLADE_OK) goto done;

    curve_sizes(sizes, size, w.n);
    status = choose_method(out, recall, &w, sizes, err);
    if (status != CLADE_OK) goto done;
    const double *score = w.score + (size_t)out->method * w.n;
    status              = rank_everybody(&w, score, err);
    if (status != CLADE_OK) goto done;
    draw_curve(out, &w, sizes, recall);
    status = make_list(out, &w, score, features, size, err);
    if (status != CLADE_OK) goto done;
    *out_lookalike = out;
    out            = NULL;
done:
    clade_lookalike_free(out);
    work_free(&w);
    return status;
}
