/* Moments that are learnt at, and the rows they give: each moment's features once for all tasks. */
#include "predict_internal.h"

#include "clade/run.h"
#include "clade/shop_behaviour.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_ROWS       = 10000, /* customers of one moment, drawn by chance when there are more */
    LEARN_MAX      = 4,     /* moments learnt at */
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

/* Learning moments lie a horizon apart, each label window over before the judged moment. */
static moment_plan plan_of(const clade_predictions *p, int horizon_days)
{
    const int64_t day  = CLADE_US_PER_DAY;
    const int64_t step = (horizon_days + GRID_DAYS - 1) / GRID_DAYS;
    moment_plan   plan = { .judged_us = p->as_of_us - horizon_days * day };
    int64_t       back[LEARN_MAX];
    size_t        n = 0;
    for (int64_t g = (2 * horizon_days + GRID_DAYS - 1) / GRID_DAYS; n < LEARN_MAX; g += step) {
        const int64_t at = p->as_of_us - g * GRID_DAYS * day;
        if (at < p->first_us + LEAST_HISTORY * day) break;
        back[n++] = at;
    }
    for (size_t i = 0; i < n; i++)
        plan.learn[i] = back[n - 1 - i];
    plan.n_learn = n;
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

/* Append those of a moment that the task asks about and whose share lies in [low, high). */
static clade_status add_block(clade__rows *rows, clade_predictions *p,
                              const clade_predict_task *task, int64_t at_us, double low,
                              double high, clade_error *err)
{
    clade__moment *m = NULL;
    CLADE_TRY(clade__moment_get(&m, p, at_us, err));
    if (rows->n_vector > 0) CLADE_TRY(clade__moment_vectors(m, p, err));
    const clade_features *const f     = &m->people.features;
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
    for (size_t i = 0; status == CLADE_OK && i < f->n_customers; i++) {
        const double share = share_of(f->customer[i], p->options.seed);
        if (share < low || share >= high || !clade__task_asks(task, m, i)) continue;
        clade__row_fill(rows->x + rows->n * rows->n_columns, m, i, rows->n_vector);
        rows->customer[rows->n] = f->customer[i];
        rows->y[rows->n] =
            task->kind != CLADE_TASK_CHURN /* of NEXT the days themselves */
                ? label[i]
                : label[i] * (double)CLADE_US_PER_DAY >= (double)clade__task_window(task, m, i);
        rows->n++;
    }
    free(label);
    rows->end[rows->n_blocks++] = rows->n;
    return status;
}

/* Rows of several moments; or of two, the one learnt at split among customers; or of one alone. */
static clade_status fill_blocks(clade__rows *rows, clade_predictions *p,
                                const clade_predict_task *task, const moment_plan *plan,
                                size_t n_learn, clade_error *err)
{
    if (n_learn >= 2) {
        for (size_t k = plan->n_learn - n_learn; k < plan->n_learn; k++)
            CLADE_TRY(add_block(rows, p, task, plan->learn[k], 0, 1, err));
        return add_block(rows, p, task, plan->judged_us, 0, 1, err);
    }
    if (n_learn == 1) {
        const int64_t at = plan->learn[plan->n_learn - 1];
        CLADE_TRY(add_block(rows, p, task, at, 0, 0.6, err));
        CLADE_TRY(add_block(rows, p, task, at, 0.6, 1, err));
        return add_block(rows, p, task, plan->judged_us, 0, 1, err);
    }
    rows->by_customers = true;
    CLADE_TRY(add_block(rows, p, task, plan->judged_us, 0, 0.4, err));
    CLADE_TRY(add_block(rows, p, task, plan->judged_us, 0.4, 0.6, err));
    return add_block(rows, p, task, plan->judged_us, 0.6, 1, err);
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
    const moment_plan plan = plan_of(p, task->horizon_days);
    (void)clade_features_all(&n_features);
    clade_status status = CLADE_OK;
    for (size_t n_learn = plan.n_learn;; n_learn = 0) {
        rows = (clade__rows){ .n_features = n_features,
                              .amount     = clade_task_is_amount(task),
                              .judged_us  = plan.judged_us };
        settle_vectors(&rows, p, out_behaviour);
        rows.n_columns = n_features + CLADE__VALUE_COLUMNS + rows.n_vector;
        rows.n_moments = n_learn == 0 ? 1 : n_learn;
        status         = fill_blocks(&rows, p, task, &plan, n_learn, err);
        /* Too few before to learn from: the judged moment's own customers have to do. */
        if (status != CLADE_OK || n_learn == 0 ||
            rows.end[rows.n_blocks - 2] >= 2 * CLADE__MIN_ROWS)
            break;
        clade__rows_free(&rows);
    }
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
