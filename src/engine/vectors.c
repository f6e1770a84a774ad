/* The judge of customer vectors: the same tasks, the same customers and the same head for vectors,
 * for counts, for features and for vectors joined with features. Heads are in vector_head.c, tasks
 * and labels in vector_tasks.c, the views beside vectors in vector_views.c. */
#include "vector_views.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { N_FOLDS = 5, HELD_PART = 5, LEAST_CUSTOMERS = 50, MAX_CUSTOMERS = 20000, N_DRAWS = 200 };
enum { LONGEST_DAYS = 28 };

const char *clade_vector_view_name(clade_vector_view view)
{
    static const char *const name[CLADE_N_VECTOR_VIEW] = { "vectors", "counts", "features",
                                                           "joined" };
    assert(view < CLADE_N_VECTOR_VIEW);
    return name[view];
}

void clade_vector_judgement_free(clade_vector_judgement *judgement)
{
    if (judgement == NULL) return;
    clade_vector_tasks_free(judgement->tasks);
    free(judgement->score);
    free(judgement);
}

/* ---------------------------------------------------------------- one moment */

/* The customers of one moment that are looked at: their labels and their views. */
typedef struct cut {
    size_t      n;
    int64_t    *customer; /* (n) rising */
    uint8_t    *label;    /* (n_tasks, n) */
    clade__view view[CLADE_N_VECTOR_VIEW];
} cut;

static void cut_free(cut *c)
{
    for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++)
        free(c->view[v].x);
    free(c->customer);
    free(c->label);
}

static clade_status check_vectors(const clade_vectors *v, clade_error *err)
{
    if (v->n_customers < LEAST_CUSTOMERS)
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "%zu customers have a vector, wanted at least %d to judge by",
                          v->n_customers, LEAST_CUSTOMERS);
    for (size_t i = 1; i < v->n_customers; i++) {
        if (v->customer[i] <= v->customer[i - 1])
            return clade_fail(err, CLADE_ERR_ARG, "customers must rise: %lld comes behind %lld",
                              (long long)v->customer[i], (long long)v->customer[i - 1]);
    }
    return clade_matrix_check(v->value, v->n_customers, v->d, err);
}

static int rising(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Customers drawn by chance and kept in their order, with their vectors. */
static clade_status draw_customers(cut *out, const clade_vectors *v, size_t most, uint64_t seed,
                                   clade_error *err)
{
    clade_rng    rng    = clade_rng_stream(seed, "engine/vectors/draw", (uint64_t)v->as_of_us);
    uint32_t    *order  = CLADE_NEW(uint32_t, v->n_customers);
    clade_status status = CLADE_OK;
    clade__view *view   = &out->view[CLADE_VIEW_VECTORS];
    size_t       n_values;

    out->n        = v->n_customers < most ? v->n_customers : most;
    out->customer = CLADE_NEW(int64_t, out->n);
    view->d       = v->d;
    view->x       = clade_size_mul(&n_values, out->n, v->d) ? CLADE_NEW(float, n_values) : NULL;
    if (order == NULL || out->customer == NULL || view->x == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu vectors", out->n);
        goto done;
    }
    for (size_t i = 0; i < v->n_customers; i++)
        order[i] = (uint32_t)i;
    if (out->n < v->n_customers) {
        clade_rng_permute(order, v->n_customers, &rng);
        qsort(order, out->n, sizeof *order, rising);
    }
    for (size_t i = 0; i < out->n; i++) {
        out->customer[i] = v->customer[order[i]];
        memcpy(view->x + i * v->d, v->value + (size_t)order[i] * v->d, v->d * sizeof(float));
    }
done:
    free(order);
    return status;
}

/* Vectors and features side by side. */
static clade_status join_views(cut *c, clade_error *err)
{
    const clade__view *a = &c->view[CLADE_VIEW_VECTORS], *b = &c->view[CLADE_VIEW_FEATURES];
    clade__view       *out = &c->view[CLADE_VIEW_JOINED];
    size_t             n_values;

    out->d = a->d + b->d;
    out->x = clade_size_mul(&n_values, c->n, out->d) ? CLADE_NEW(float, n_values) : NULL;
    if (out->x == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu columns of %zu customers",
                          out->d, c->n);
    for (size_t i = 0; i < c->n; i++) {
        memcpy(out->x + i * out->d, a->x + i * a->d, a->d * sizeof(float));
        memcpy(out->x + i * out->d + a->d, b->x + i * b->d, b->d * sizeof(float));
    }
    return CLADE_OK;
}

static clade_status make_cut(cut *out, clade_store *store, const clade_vectors *v,
                             const clade_vector_tasks         *tasks,
                             const clade_vector_judge_options *options, clade_error *err)
{
    const size_t most = options->max_customers == 0 ? MAX_CUSTOMERS : options->max_customers;

    CLADE_TRY(draw_customers(out, v, most, options->seed, err));
    out->label = CLADE_NEW(uint8_t, tasks->n * out->n);
    if (out->label == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for labels of %zu customers", out->n);
    CLADE_TRY(
        clade_vector_labels(out->label, tasks, store, out->customer, out->n, v->as_of_us, err));
    CLADE_TRY(clade__view_counts(&out->view[CLADE_VIEW_COUNTS], store, tasks, out->customer, out->n,
                                 v->as_of_us, err));
    if (options->without_features) return CLADE_OK;
    CLADE_TRY(clade__view_features(&out->view[CLADE_VIEW_FEATURES], store, out->customer, out->n,
                                   v->as_of_us, err));
    return join_views(out, err);
}

/* ---------------------------------------------------------------- scores of a view */

/* A part of the customers that does not depend on who else is there. */
static size_t part_of(int64_t customer, uint64_t seed, size_t n_parts)
{
    return (size_t)(clade_hash64(&customer, sizeof customer, seed) % n_parts);
}

/* Rows of a cut, packed: with out_label those outside the fold, to fit on; without, those in it. */
static size_t pack(float *out_x, uint8_t *out_label, uint8_t *out_held, const cut *c,
                   const clade__view *view, size_t n_tasks, const uint8_t *fold, int wanted,
                   uint64_t seed)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < c->n; i++)
        n += (fold[i] == wanted) != (out_label != NULL);
    for (size_t i = 0; i < c->n; i++) {
        if ((fold[i] == wanted) == (out_label != NULL)) continue;
        memcpy(out_x + at * view->d, view->x + i * view->d, view->d * sizeof(float));
        for (size_t t = 0; t < n_tasks && out_label != NULL; t++)
            out_label[t * n + at] = c->label[t * c->n + i];
        if (out_held != NULL) out_held[at] = part_of(c->customer[i], seed + 1, HELD_PART) == 0;
        at++;
    }
    return n;
}

/* Fit on everybody outside a fold, score the fold. */
static clade_status score_fold(double *out, size_t *out_columns, const cut *c,
                               const clade__view *view, size_t n_tasks, const uint8_t *fold,
                               int wanted, uint64_t seed, clade_error *err)
{
    clade_status status = CLADE_OK;
    float       *x      = CLADE_NEW(float, c->n * view->d);
    float       *asked  = CLADE_NEW(float, c->n * view->d);
    uint8_t     *label  = CLADE_NEW(uint8_t, c->n * n_tasks);
    uint8_t     *held   = CLADE_NEW(uint8_t, c->n);
    double      *score  = CLADE_NEW(double, c->n *n_tasks);

    if (x == NULL || asked == NULL || label == NULL || held == NULL || score == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge %zu customers", c->n);
        goto done;
    }
    clade__head_case head = {
        .x = x, .asked = asked, .d = view->d, .label = label, .n_tasks = n_tasks, .held = held
    };
    head.n       = pack(x, label, held, c, view, n_tasks, fold, wanted, seed);
    head.n_asked = pack(asked, NULL, NULL, c, view, n_tasks, fold, wanted, seed);
    if (head.n == 0 || head.n_asked == 0) goto done;
    status = clade__head_score(score, out_columns, &head, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0, at = 0; i < c->n; i++) {
        if (fold[i] != wanted) continue;
        for (size_t t = 0; t < n_tasks; t++)
            out[t * c->n + i] = score[t * head.n_asked + at];
        at++;
    }
done:
    free(x);
    free(asked);
    free(label);
    free(held);
    free(score);
    return status;
}

static clade_status score_by_folds(double *out, size_t *out_columns, const cut *c,
                                   const clade__view *view, size_t n_tasks, uint64_t seed,
                                   clade_error *err)
{
    uint8_t     *fold   = CLADE_NEW(uint8_t, c->n);
    clade_status status = CLADE_OK;
    if (fold == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for folds");
    for (size_t i = 0; i < c->n; i++)
        fold[i] = (uint8_t)part_of(c->customer[i], seed, N_FOLDS);
    for (int f = 0; f < N_FOLDS && status == CLADE_OK; f++) {
        status = score_fold(out, out_columns, c, view, n_tasks, fold, f, seed, err);
        if (status == CLADE_OK) status = clade_interrupt_check(err);
    }
    free(fold);
    return status;
}

static clade_status score_later(double *out, size_t *out_columns, const cut *c, const cut *later,
                                clade_vector_view view, size_t n_tasks, uint64_t seed,
                                clade_error *err)
{
    uint8_t *held = CLADE_NEW(uint8_t, c->n);
    if (held == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for folds");
    for (size_t i = 0; i < c->n; i++)
        held[i] = part_of(c->customer[i], seed + 1, HELD_PART) == 0;
    const clade__head_case head   = { .x       = c->view[view].x,
                                      .asked   = later->view[view].x,
                                      .n       = c->n,
                                      .n_asked = later->n,
                                      .d       = c->view[view].d,
                                      .label   = c->label,
                                      .n_tasks = n_tasks,
                                      .held    = held };
    const clade_status     status = clade__head_score(out, out_columns, &head, err);
    free(held);
    return status;
}

/* ---------------------------------------------------------------- figures */

/* Two scores of the same customers: how much better does the first rank them? Orders are made once;
 * a draw counts customers. */
typedef struct rivals {
    const double   *score[2];
    const uint32_t *order[2]; /* by rising score */
    const uint8_t  *truth;
} rivals;

/* AUC of customers that count several times, ties counting half. */
static double weighted_auc(const double *score, const uint32_t *order, const uint8_t *truth,
                           const uint32_t *count, size_t n)
{
    double below = 0, won = 0, positive = 0;
    for (size_t i = 0; i < n;) {
        double one = 0, zero = 0;
        size_t end = i;
        for (; end < n && score[order[end]] == score[order[i]]; end++) {
            const double times = count == NULL ? 1 : (double)count[order[end]];
            if (truth[order[end]])
                one += times;
            else
                zero += times;
        }
        won += one * (below + 0.5 * zero);
        below += zero;
        positive += one;
        i = end;
    }
    return won / (positive * below);
}

static double auc_gain(const uint32_t *count, size_t n, void *context)
{
    const rivals *r = context;
    return weighted_auc(r->score[0], r->order[0], r->truth, count, n) -
           weighted_auc(r->score[1], r->order[1], r->truth, count, n);
}

/* The customers of one task, packed, with the scores of every view. */
typedef struct asked {
    size_t    n;
    uint8_t  *truth;
    double   *score[CLADE_N_VECTOR_VIEW];
    uint32_t *order[2];
} asked;

static clade_status judge_gain(clade_vector_score *out, asked *a,
                               const clade_bootstrap_options *draws, clade_error *err)
{
    const rivals r = { .score = { a->score[CLADE_VIEW_JOINED], a->score[CLADE_VIEW_FEATURES] },
                       .order = { a->order[0], a->order[1] },
                       .truth = a->truth };
    CLADE_TRY(clade_order_f64(a->order[0], r.score[0], 1, a->n, err));
    CLADE_TRY(clade_order_f64(a->order[1], r.score[1], 1, a->n, err));
    rivals context = r;
    CLADE_TRY(clade_bootstrap(&out->gain, auc_gain, &context, a->n, draws, err));
    return CLADE_OK;
}

static clade_status judge_task(clade_vector_score *out, asked *a, const cut *c, size_t t,
                               double *const                     score[CLADE_N_VECTOR_VIEW],
                               const clade_vector_judge_options *options, clade_error *err)
{
    const clade_bootstrap_options draws = { .seed    = options->seed,
                                            .n_draws = options->n_draws == 0 ? N_DRAWS
                                                                             : options->n_draws };
    static const clade_interval   none  = { (double)NAN, (double)NAN, (double)NAN };

    a->n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->label[t * c->n + i] == CLADE_NO_LABEL) continue;
        a->truth[a->n] = c->label[t * c->n + i];
        out->n_positive += a->truth[a->n];
        for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++) {
            if (score[v] != NULL) a->score[v][a->n] = score[v][t * c->n + i];
        }
        a->n++;
    }
    out->n    = a->n;
    out->gain = none;
    for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++)
        out->auc[v] = none;
    const size_t least = CLADE_VECTOR_MIN_CASES;
    if (out->n_positive < least || out->n - out->n_positive < least ||
        out->n_fitted_positive < least || out->n_fitted - out->n_fitted_positive < least)
        return CLADE_OK;
    for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++) {
        if (score[v] != NULL)
            CLADE_TRY(clade_auc_interval(&out->auc[v], a->score[v], a->truth, a->n, &draws, err));
    }
    return score[CLADE_VIEW_JOINED] == NULL ? CLADE_OK : judge_gain(out, a, &draws, err);
}

static void take_means(clade_vector_judgement *j)
{
    for (int kind = 0; kind < CLADE_N_VECTOR_TASK_KIND; kind++) {
        double sum[CLADE_N_VECTOR_VIEW] = { 0 };
        size_t n                        = 0;
        for (size_t t = 0; t < j->tasks->n; t++) {
            const clade_vector_score *s = &j->score[t];
            if (j->tasks->task[t].kind != (clade_vector_task_kind)kind) continue;
            if (isnan(s->auc[CLADE_VIEW_VECTORS].value)) continue;
            for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++)
                sum[v] += s->auc[v].value;
            n++;
        }
        for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++)
            j->mean[kind][v] = n == 0 ? (double)NAN : sum[v] / (double)n;
    }
}

static void count_fitted(clade_vector_judgement *j, const cut *c)
{
    for (size_t t = 0; t < j->tasks->n; t++) {
        for (size_t i = 0; i < c->n; i++) {
            const uint8_t label = c->label[t * c->n + i];
            j->score[t].n_fitted += label != CLADE_NO_LABEL;
            j->score[t].n_fitted_positive += label == 1;
        }
    }
}

static clade_status judge_tasks(clade_vector_judgement *j, const cut *c, const cut *later,
                                const clade_vector_judge_options *options, clade_error *err)
{
    const cut   *judged                     = later == NULL ? c : later;
    const size_t n_tasks                    = j->tasks->n;
    clade_status status                     = CLADE_OK;
    double      *score[CLADE_N_VECTOR_VIEW] = { NULL };
    asked        a                          = { .truth = CLADE_NEW(uint8_t, judged->n) };
    bool         ready                      = a.truth != NULL;

    for (int i = 0; i < 2; i++)
        ready = (a.order[i] = CLADE_NEW(uint32_t, judged->n)) != NULL && ready;
    for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++) {
        ready = (a.score[v] = CLADE_NEW(double, judged->n)) != NULL && ready;
        if (c->view[v].x == NULL) continue;
        ready = (score[v] = CLADE_NEW(double, judged->n *n_tasks)) != NULL && ready;
    }
    if (!ready) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the scores of %zu customers",
                            judged->n);
        goto done;
    }
    for (int v = 0; v < CLADE_N_VECTOR_VIEW && status == CLADE_OK; v++) {
        if (score[v] == NULL) continue;
        j->has[v] = true;
        if (later == NULL)
            status = score_by_folds(score[v], &j->n_columns[v], c, &c->view[v], n_tasks,
                                    options->seed, err);
        else
            status = score_later(score[v], &j->n_columns[v], c, later, (clade_vector_view)v,
                                 n_tasks, options->seed, err);
        clade_progress_update((double)v + 3);
    }
    count_fitted(j, c);
    for (size_t t = 0; t < n_tasks && status == CLADE_OK; t++)
        status = judge_task(&j->score[t], &a, judged, t, score, options, err);
    take_means(j);
done:
    free(a.truth);
    for (int i = 0; i < 2; i++)
        free(a.order[i]);
    for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++) {
        free(a.score[v]);
        free(score[v]);
    }
    return status;
}

static clade_status check_moments(const clade_vectors *vectors, const clade_vectors *later,
                                  clade_error *err)
{
    CLADE_TRY(check_vectors(vectors, err));
    if (later == NULL) return CLADE_OK;
    CLADE_TRY(check_vectors(later, err));
    if (later->d != vectors->d)
        return clade_fail(err, CLADE_ERR_ARG, "vectors of %zu numbers, and later of %zu",
                          vectors->d, later->d);
    if (later->as_of_us - vectors->as_of_us < LONGEST_DAYS * CLADE_US_PER_DAY)
        return clade_fail(err, CLADE_ERR_ARG,
                          "the moments are %.2f days apart, wanted at least %d: labels to fit on "
                          "must be known when the others are judged",
                          (double)(later->as_of_us - vectors->as_of_us) / CLADE_US_PER_DAY,
                          LONGEST_DAYS);
    return CLADE_OK;
}

clade_status clade_judge_vectors(clade_vector_judgement **out_judgement, clade_store *store,
                                 const clade_vectors *vectors, const clade_vectors *later,
                                 const clade_vector_judge_options *options, clade_error *err)
{
    static const clade_vector_judge_options none   = { 0 };
    clade_status                            status = CLADE_OK;
    cut                                     first = { 0 }, second = { 0 };
    clade_vector_judgement                 *j = NULL;

    if (options == NULL) options = &none;
    CLADE_TRY(check_moments(vectors, later, err));
    clade_progress_begin("vectors", CLADE_N_VECTOR_VIEW + 2, "steps");
    j = CLADE_NEW(clade_vector_judgement, 1);
    if (j == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a judgement");
        goto done;
    }
    status = clade_vector_tasks_choose(&j->tasks, store, vectors->as_of_us, options->top, err);
    if (status != CLADE_OK) goto done;
    j->score = CLADE_NEW(clade_vector_score, j->tasks->n);
    if (j->score == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu tasks", j->tasks->n);
        goto done;
    }
    status = make_cut(&first, store, vectors, j->tasks, options, err);
    if (status != CLADE_OK) goto done;
    clade_progress_update(1);
    if (later != NULL) status = make_cut(&second, store, later, j->tasks, options, err);
    if (status != CLADE_OK) goto done;
    clade_progress_update(2);
    j->by_folds = later == NULL;
    j->n_fitted = first.n;
    j->n_judged = later == NULL ? first.n : second.n;
    status      = judge_tasks(j, &first, later == NULL ? NULL : &second, options, err);
    if (status != CLADE_OK) goto done;

    *out_judgement = j;
    j              = NULL;
done:
    clade_progress_end();
    clade_vector_judgement_free(j);
    cut_free(&first);
    cut_free(&second);
    return status;
}

/* ---------------------------------------------------------------- as JSON */

void clade_vector_judgement_write(clade_json *json, const clade_vector_judgement *j)
{
    clade_json_object(json);
    clade_json_put_text(json, "split", j->by_folds ? "folds" : "time");
    clade_json_put_int(json, "n_fitted", (int64_t)j->n_fitted);
    clade_json_put_int(json, "n_judged", (int64_t)j->n_judged);
    clade_json_put_bool(json, "any_event", j->tasks->by_any);
    clade_json_key(json, "mean");
    clade_json_object(json);
    for (int kind = 0; kind < CLADE_N_VECTOR_TASK_KIND; kind++) {
        clade_json_key(json, clade_vector_task_kind_name((clade_vector_task_kind)kind));
        clade_json_object(json);
        for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++) {
            if (j->has[v])
                clade_json_put_number(json, clade_vector_view_name((clade_vector_view)v),
                                      j->mean[kind][v]);
        }
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
    clade_json_key(json, "tasks");
    clade_json_array(json);
    for (size_t t = 0; t < j->tasks->n; t++) {
        const clade_vector_task *task = &j->tasks->task[t];
        clade_json_object(json);
        clade_json_put_text(json, "task", clade_vector_task_kind_name(task->kind));
        clade_json_put_text(json, "target", task->name);
        clade_json_put_int(json, "window_days", task->window_days);
        clade_json_put_int(json, "n", (int64_t)j->score[t].n);
        clade_json_put_int(json, "n_positive", (int64_t)j->score[t].n_positive);
        clade_json_key(json, "auc");
        clade_json_object(json);
        for (int v = 0; v < CLADE_N_VECTOR_VIEW; v++) {
            if (j->has[v])
                clade_interval_write(json, clade_vector_view_name((clade_vector_view)v),
                                     &j->score[t].auc[v]);
        }
        clade_json_object_end(json);
        if (j->has[CLADE_VIEW_JOINED]) clade_interval_write(json, "gain", &j->score[t].gain);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_object_end(json);
}
