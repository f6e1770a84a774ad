/* Moments that are learnt at, and the rows they give: each moment's features once for all tasks. */
#include "predict_internal.h"

#include "clade/run.h"
#include "clade/shop_behaviour.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_ROWS       = 10000, /* customers of one moment, drawn by chance when there are more */
    LEARN_ROWS     = 40000, /* of all moments learnt at, drawn by chance when there are more */
    LEARN_RECENT   = 6,     /* moments learnt at, the latest ones, */
    LEARN_MAX      = 8,     /* and those a year before the answer and before the judgement */
    YEAR_STEPS     = 12,    /* steps of the grid in a year */
    FOLDS          = 3,     /* by default */
    SEASON_SEEN    = 330,   /* days between the first moment learnt at and the last */
    GRID_DAYS      = 30,    /* moments lie on this grid back from as_of, so that tasks share them */
    LEAST_HISTORY  = 28,    /* days of log before the first moment */
    RHYTHM_LONGEST = 180,
};

/* ---------------------------------------------------------------- the shop */

static clade_status settle_span(clade_predictions *p, clade_error *err)
{
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    const int64_t     until  = p->options.has_as_of ? p->options.as_of_us : CLADE_TIME_MAX_US;
    const clade_value arg    = CLADE_INT(until);
    clade_status      status = clade_store_query(
             &rows, p->store, "SELECT min(at_us), max(at_us) FROM event WHERE at_us < ?", &arg, 1, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    if (status == CLADE_OK && !clade_chunk_valid(&chunk, 0, 0)) {
        status = clade_fail(err, CLADE_ERR_NOT_READY, "%s holds no events to learn from",
                            clade_store_folder(p->store));
        clade_hint(err, "run: clade load %s FILE...", clade_store_folder(p->store));
    }
    if (status == CLADE_OK) {
        const clade_civil last = clade_civil_from_us(clade_chunk_int(&chunk, 1, 0, 0));
        p->first_us            = clade_chunk_int(&chunk, 0, 0, 0);
        p->as_of_us =
            p->options.has_as_of
                ? p->options.as_of_us
                : (clade_days_from_civil(last.year, last.month, last.day) + 1) * CLADE_US_PER_DAY;
    }
    clade_rows_close(rows);
    return status;
}

/* The behaviour model is welcome and not needed. */
static clade_status open_behaviour(clade_predictions *p, clade_error *err)
{
    const clade_status status = clade_shop_behaviour_open(&p->behaviour, p->store, err);
    return status == CLADE_ERR_NOT_READY ? CLADE_OK : status;
}

clade_status clade_predictions_open(clade_predictions **out, clade_store *store,
                                    const clade_predict_options *options, clade_error *err)
{
    clade_predictions *p = CLADE_NEW(clade_predictions, 1);
    if (p == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for predictions");
    p->store   = store;
    p->options = *options;
    if (p->options.max_rows == 0) p->options.max_rows = MAX_ROWS;
    clade_status status = settle_span(p, err);
    if (status == CLADE_OK) status = open_behaviour(p, err);
    if (status == CLADE_OK) status = clade_store_data_hash(&p->data_hash, store, err);
    if (status == CLADE_OK) {
        status = clade_store_setting_get(p->currency, sizeof p->currency, store, "currency", NULL);
        if (status == CLADE_ERR_NOT_FOUND) status = CLADE_OK; /* a log without money */
    }
    if (status != CLADE_OK) {
        clade_predictions_free(p);
        return status;
    }
    *out = p;
    return CLADE_OK;
}

static void moment_free(clade__moment *m)
{
    if (m == NULL) return;
    clade__subset_free(&m->people);
    free(m->vector);
    free(m->value);
    clade__buyers_free(&m->buyers);
    free(m);
}

void clade_predictions_free(clade_predictions *p)
{
    if (p == NULL) return;
    for (size_t i = 0; i < p->n_moments; i++)
        moment_free(p->moment[i]);
    clade_shop_behaviour_free(p->behaviour);
    free(p);
}

int64_t clade_predictions_as_of(const clade_predictions *p)
{
    return p->as_of_us;
}

const clade_sentence *clade_predictions_why_not(const clade_predictions *p)
{
    return &p->why_not;
}

void clade_predictions_budget(clade_predictions *p, double seconds)
{
    p->options.search.budget_s = seconds;
}

/* ---------------------------------------------------------------- one moment */

/* Everybody as of as_of, from the kept matrix where there is one; else customers drawn by chance.
 */
static clade_status take_people(clade__moment *m, const clade_predictions *p, clade_error *err)
{
    clade_features *f = NULL;
    if (m->at_us == p->as_of_us) {
        CLADE_TRY(clade_features_get(&f, p->store, m->at_us, err));
        m->people.features = *f; /* taken over */
        free(f);
        return CLADE_OK;
    }
    CLADE_TRY(clade_features_compute(&f, p->store, m->at_us, err));
    const clade_status status = clade__subset_sample(&m->people, f, NULL, p->options.max_rows,
                                                     p->options.seed ^ (uint64_t)m->at_us, err);
    clade_features_free(f);
    return status;
}

clade_status clade__moment_get(clade__moment **out, clade_predictions *p, int64_t at_us,
                               clade_error *err)
{
    for (size_t i = 0; i < p->n_moments; i++) {
        if (p->moment[i]->at_us == at_us) {
            *out = p->moment[i];
            return CLADE_OK;
        }
    }
    if (p->n_moments == sizeof p->moment / sizeof p->moment[0])
        return clade_fail(err, CLADE_ERR_ARG, "more than %zu moments in one session of predictions",
                          p->n_moments);
    double         gap = 0;
    clade__moment *m   = CLADE_NEW(clade__moment, 1);
    if (m == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a moment");
    m->at_us            = at_us;
    clade_status status = take_people(m, p, err);
    if (status == CLADE_OK) status = clade__usual_gap_days(&gap, &m->people.features, err);
    if (status == CLADE_OK) {
        m->rhythm = clade__rhythm_of(gap);
        status    = clade__value_fill(m, p, err);
    }
    if (status != CLADE_OK) {
        moment_free(m);
        return status;
    }
    *out = p->moment[p->n_moments++] = m;
    return CLADE_OK;
}

clade_status clade__moment_vectors(clade__moment *m, const clade_predictions *p, clade_error *err)
{
    const clade_features *const f = &m->people.features;
    clade_vectors              *v = NULL;
    size_t                      n_values;
    if (m->vector != NULL || p->behaviour == NULL) return CLADE_OK;
    CLADE_TRY(clade_shop_vectors(&v, p->store, p->behaviour, m->at_us, NULL, 0, err));
    m->vector = clade_size_mul(&n_values, f->n_customers, v->d) ? CLADE_NEW(float, n_values) : NULL;
    if (m->vector == NULL) {
        clade_shop_vectors_free(v);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the vectors of %zu customers",
                          f->n_customers);
    }
    m->n_vector = v->d;
    for (size_t i = 0, c = 0; i < f->n_customers; i++) {
        while (c < v->n_customers && v->customer[c] < f->customer[i])
            c++;
        const bool there = c < v->n_customers && v->customer[c] == f->customer[i];
        for (size_t k = 0; k < v->d; k++)
            m->vector[i * v->d + k] = there ? v->value[c * v->d + k] : (float)NAN;
    }
    clade_shop_vectors_free(v);
    return CLADE_OK;
}

void clade__row_fill(float *out, const clade__moment *m, size_t customer, size_t n_vector)
{
    const size_t p = m->people.features.n_features;
    memcpy(out, m->people.features.value + customer * p, p * sizeof(float));
    memcpy(out + p, m->value + customer * CLADE__VALUE_COLUMNS,
           CLADE__VALUE_COLUMNS * sizeof(float));
    if (n_vector > 0)
        memcpy(out + p + CLADE__VALUE_COLUMNS, m->vector + customer * n_vector,
               n_vector * sizeof(float));
}

/* ---------------------------------------------------------------- rows to learn from */

typedef struct moment_plan {
    size_t  n_learn;
    int64_t learn[LEARN_MAX]; /* oldest first */
    int64_t judged_us;
} moment_plan;

static int64_t steps_of(int64_t days)
{
    return (days + GRID_DAYS - 1) / GRID_DAYS;
}

/* Steps of the grid between learning moments: a horizon, so that their windows do not overlap, or
 * less where the log would bear too few of them. */
static int64_t spacing_of(int64_t first, int64_t last, int64_t horizon)
{
    int64_t step = horizon;
    while (step > 1 && (last - first) / step + 1 < LEARN_RECENT)
        step--;
    return step;
}

static int by_moment(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void plan_add(moment_plan *plan, int64_t at_us)
{
    for (size_t i = 0; i < plan->n_learn; i++)
        if (plan->learn[i] == at_us) return;
    plan->learn[plan->n_learn++] = at_us;
}

/* Learning moments lie on the grid, each label window over before the judged moment. Where the log
 * goes back so far, the same season a year before is among them. */
static moment_plan plan_of(const clade_predictions *p, int horizon_days)
{
    const int64_t grid    = GRID_DAYS * CLADE_US_PER_DAY;
    const int64_t horizon = steps_of(horizon_days), first = steps_of(2 * (int64_t)horizon_days);
    const int64_t last = (p->as_of_us - p->first_us - LEAST_HISTORY * CLADE_US_PER_DAY) / grid;
    const int64_t step = spacing_of(first, last, horizon);
    moment_plan   plan = { .judged_us = p->as_of_us - horizon_days * CLADE_US_PER_DAY };
    for (int64_t g = first; g <= last && plan.n_learn < LEARN_RECENT; g += step)
        plan_add(&plan, p->as_of_us - g * grid);
    for (int k = 0; k < 2; k++) {
        const int64_t g = YEAR_STEPS + k * horizon;
        if (g >= first && g <= last) plan_add(&plan, p->as_of_us - g * grid);
    }
    qsort(plan.learn, plan.n_learn, sizeof plan.learn[0], by_moment);
    return plan;
}

void clade__rows_free(clade__rows *rows)
{
    free(rows->x);
    free(rows->y);
    free(rows->customer);
    clade__places_free(rows->places);
    *rows = (clade__rows){ 0 };
}

/* Where a customer goes when one moment is split: a hash of the number, in [0, 1). */
static double share_of(int64_t customer, uint64_t seed)
{
    return (double)(clade_hash64(&customer, sizeof customer, seed + 1) >> 11) * 0x1p-53;
}

/* Who of a moment becomes a row: those whose share lies in [low, high), and at most so many of
 * them. */
typedef struct drawn {
    double low, high;
    size_t most; /* 0: all */
} drawn;

/* Append those of a moment that the task asks about and that are drawn. */
static clade_status add_block(clade__rows *rows, clade_predictions *p,
                              const clade_predict_task *task, int64_t at_us, drawn who_of,
                              clade_error *err)
{
    clade__moment *m = NULL;
    CLADE_TRY(clade__moment_get(&m, p, at_us, err));
    if (rows->n_vector > 0) CLADE_TRY(clade__moment_vectors(m, p, err));
    const clade_features *const f     = &m->people.features;
    const uint64_t              seed  = p->options.seed;
    double *const               label = CLADE_NEW(double, f->n_customers + 1);
    float *x = realloc(rows->x, (rows->n + f->n_customers + 1) * rows->n_columns * sizeof *x);
    if (x != NULL) rows->x = x;
    double *y = realloc(rows->y, (rows->n + f->n_customers + 1) * sizeof *y);
    if (y != NULL) rows->y = y;
    int64_t *who = realloc(rows->customer, (rows->n + f->n_customers + 1) * sizeof *who);
    if (who != NULL) rows->customer = who;
    clade_status status = CLADE_OK;
    if (label == NULL || x == NULL || y == NULL || who == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers to learn from",
                            f->n_customers);
    if (status == CLADE_OK)
        status = clade__task_labels(label, p->store, task, f->customer, f->n_customers, at_us, err);
    const double kept = who_of.most == 0 ? 1 : (double)who_of.most / (double)(f->n_customers + 1);
    for (size_t i = 0; status == CLADE_OK && i < f->n_customers; i++) {
        const double share = share_of(f->customer[i], seed);
        if (share < who_of.low || share >= who_of.high || !clade__task_asks(task, m, i)) continue;
        if (kept < 1 && share_of(f->customer[i], seed ^ (uint64_t)at_us) >= kept) continue;
        clade__row_fill(rows->x + rows->n * rows->n_columns, m, i, rows->n_vector);
        rows->customer[rows->n] = f->customer[i];
        rows->y[rows->n] =
            task->kind != CLADE_TASK_CHURN /* of NEXT the days themselves */
                ? label[i]
                : label[i] * (double)CLADE_US_PER_DAY >= (double)clade__task_window(task, m, i);
        rows->n++;
    }
    free(label);
    return status;
}

static bool is_chance(const clade_predict_task *task)
{
    return !clade_task_is_amount(task) && !clade_task_is_date(task);
}

/* A fold is fitted on rows [0, learn_end) and scored on [from, end). Where either has too few, or
 * too few of a kind, there is none. */
static void add_fold(clade__rows *rows, bool chance, size_t learn_end, size_t from, size_t end)
{
    size_t positive[2] = { 0, 0 };
    for (size_t i = 0; i < learn_end; i++)
        positive[0] += rows->y[i] > 0;
    for (size_t i = from; i < end; i++)
        positive[1] += rows->y[i] > 0;
    const size_t all[2] = { learn_end, end - from };
    for (int k = 0; k < 2; k++)
        if (all[k] < CLADE__MIN_ROWS || positive[k] < CLADE__LEAST_OF_A_KIND ||
            (chance && all[k] - positive[k] < CLADE__LEAST_OF_A_KIND))
            return;
    rows->fold[rows->n_folds++] = (clade__fold){ learn_end, from, end };
}

/* Rows of all moments, and a fold at each of the latest ones: learnt from is what was over by then.
 */
static clade_status fill_by_time(clade__rows *rows, clade_predictions *p,
                                 const clade_predict_task *task, const moment_plan *plan,
                                 clade_error *err)
{
    const size_t  n                  = plan->n_learn;
    const int64_t window             = task->horizon_days * CLADE_US_PER_DAY;
    size_t        end[LEARN_MAX + 1] = { 0 };
    for (size_t k = 0; k < n; k++) {
        CLADE_TRY(add_block(rows, p, task, plan->learn[k], (drawn){ 0, 1, LEARN_ROWS / n }, err));
        end[k + 1] = rows->n;
    }
    rows->n_learn      = rows->n;
    rows->n_moments    = n;
    const size_t folds = p->options.search.folds > 0 ? p->options.search.folds : FOLDS;
    for (size_t k = n > folds ? n - folds : 0; k < n; k++) {
        size_t over = k;
        while (over > 0 && plan->learn[over - 1] + window > plan->learn[k])
            over--;
        add_fold(rows, is_chance(task), end[over], end[k], end[k + 1]);
    }
    /* The latest fold has its own season among those that it learns from, or nearly. */
    rows->seasons = n > 0 && plan->learn[0] + SEASON_SEEN * CLADE_US_PER_DAY <= plan->learn[n - 1];
    return add_block(rows, p, task, plan->judged_us, (drawn){ 0, 1, 0 }, err);
}

/* No moment lies a horizon behind another one: some customers are learnt from, and others are the
 * fold; at the moments before the judged one, or, when there are none, at that one. */
static clade_status fill_by_customers(clade__rows *rows, clade_predictions *p,
                                      const clade_predict_task *task, const moment_plan *plan,
                                      clade_error *err)
{
    const bool   before  = plan->n_learn > 0;
    const size_t n       = before ? plan->n_learn : 1;
    const double edge[3] = { before ? 0.6 : 0.4, before ? 1 : 0.6, before ? 0 : 0.6 };
    size_t       end[2];
    for (int side = 0; side < 2; side++) {
        for (size_t k = 0; k < n; k++)
            CLADE_TRY(add_block(rows, p, task, before ? plan->learn[k] : plan->judged_us,
                                (drawn){ side == 0 ? 0 : edge[0], edge[side], LEARN_ROWS / n },
                                err));
        end[side] = rows->n;
    }
    rows->n_learn      = rows->n;
    rows->n_moments    = n;
    rows->by_customers = !before;
    add_fold(rows, is_chance(task), end[0], end[0], end[1]);
    return add_block(rows, p, task, plan->judged_us, (drawn){ edge[2], 1, 0 }, err);
}

void clade__rows_forget_seasons(clade__rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        float *const row        = rows->x + i * rows->n_columns + rows->n_features;
        row[CLADE__SEASON_SINE] = row[CLADE__SEASON_COSINE] = (float)NAN;
    }
    rows->seasons = false;
}

/* Vectors of a model that has read what comes after the judged moment would flatter. */
static void settle_vectors(clade__rows *rows, const clade_predictions *p, clade_sentence *why)
{
    char date[16];
    if (p->behaviour == NULL) {
        clade__say_both(why, "no behaviour model: %s", "没有行为模型：%s",
                        "clade fit WORKSPACE behaviour");
        return;
    }
    if (p->behaviour->card.as_of_us > rows->judged_us) {
        clade_date_format(date, rows->judged_us);
        clade__say_both(
            why,
            "the behaviour model has read what came after %s, the moment that is judged:"
            " fit it with --as-of %s and its vectors take part",
            "行为模型读过评估时点 %s 之后的数据：用 --as-of %s 重新拟合后其向量才参与", date, date);
        return;
    }
    rows->n_vector = clade_behaviour_options_of(p->behaviour->model)->d;
}

clade_status clade__rows_make(clade__rows *out, clade_sentence *out_behaviour,
                              clade_predict_task *task, clade_predictions *p, clade_error *err)
{
    const int64_t day   = CLADE_US_PER_DAY;
    const int64_t whole = (p->as_of_us - p->first_us) / day;
    clade__rows   rows  = { 0 };
    size_t        n_features;
    if (task->by_rhythm) {
        task->horizon_days = RHYTHM_LONGEST;
        if (whole / 3 < task->horizon_days) task->horizon_days = (int)(whole / 3);
    }
    if (task->horizon_days < 1 || whole < task->horizon_days + LEAST_HISTORY)
        return clade__not_ready(
            &p->why_not, err,
            "a horizon of %d days needs a log of at least %d days, this one has %lld",
            "预测期 %d 天至少需要 %d 天的数据，现有 %lld 天", task->horizon_days,
            task->horizon_days + LEAST_HISTORY, (long long)whole);
    moment_plan plan = plan_of(p, task->horizon_days);
    (void)clade_features_all(&n_features);
    clade_status status = CLADE_OK;
    for (int by = 0; by < 3; by++) { /* time; customers of earlier moments; of the judged one */
        if (by < 2 && plan.n_learn == 0) continue;
        if (by == 2) plan.n_learn = 0;
        clade__rows_free(&rows);
        rows = (clade__rows){ .n_features = n_features,
                              .amount     = clade_task_is_amount(task),
                              .judged_us  = plan.judged_us };
        settle_vectors(&rows, p, out_behaviour);
        rows.n_columns = n_features + CLADE__VALUE_COLUMNS + rows.n_vector;
        status         = by == 0 ? fill_by_time(&rows, p, task, &plan, err)
                                 : fill_by_customers(&rows, p, task, &plan, err);
        if (status != CLADE_OK || (rows.n_learn >= 2 * CLADE__MIN_ROWS && rows.n_folds + by > 0))
            break;
    }
    if (status == CLADE_OK && !rows.seasons) clade__rows_forget_seasons(&rows);
    if (status == CLADE_OK && rows.n < CLADE__MIN_ROWS)
        status =
            clade__not_ready(&p->why_not, err, "%zu customers could be asked, wanted at least %d",
                             "可评估的客户 %zu 位，至少需要 %d 位", rows.n, CLADE__MIN_ROWS);
    if (status == CLADE_OK)
        status = clade__places_read(&rows.places, p->store, rows.judged_us, err);
    if (status != CLADE_OK) {
        clade__rows_free(&rows);
        return status;
    }
    *out = rows;
    return CLADE_OK;
}
