/* Reasons: what moves an answer away from the average one, exactly, in the blend's own proportions.
 *
 * A blend's margin is intercept + slope * sum_m w_m margin_m, and each model's margin is an average
 * and a sum over columns (SHAP values of trees, terms of the additive logit); so are the blend's.
 * docs/maths/predict.md. */
#include "explain_internal.h"

#include "clade/numeric.h"
#include "clade/portraits.h"
#include "clade/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WEIGHED_ROWS = 2000 };
enum { GROUP_RHYTHM, GROUP_BEHAVIOUR, GROUP_SEASON, N_GROUPS };

/* Where a column's share goes: features first, then the groups. */
static size_t place_of(const clade_predictor *p, size_t column)
{
    const size_t n = p->n_features;
    if (column < n) return column;
    if (column >= n + CLADE__VALUE_COLUMNS) return n + GROUP_BEHAVIOUR;
    return n + (column < n + CLADE__SEASON_SINE ? GROUP_RHYTHM : GROUP_SEASON);
}

/* Tables of the trees that take part, made once for many rows. */
typedef struct explainers {
    clade_explainer *trees, *joint;
} explainers;

static void explainers_free(explainers *e)
{
    clade_explainer_free(e->trees);
    clade_explainer_free(e->joint);
}

static clade_status explainers_make(explainers *out, const clade_predictor *p, clade_error *err)
{
    if (p->card.weight[CLADE_PREDICT_TREES] > 0)
        CLADE_TRY(clade_explainer_create(&out->trees, p->trees, err));
    if (p->card.weight[CLADE_PREDICT_JOINT] > 0)
        CLADE_TRY(clade_explainer_create(&out->joint, p->joint, err));
    return CLADE_OK;
}

/* Add what the trees say of one row. `phi` has room for n_columns + 1. */
static clade_status add_trees(double *share, double *average, double *phi, const clade_predictor *p,
                              bool joint, const clade_explainer *tables, const float *row,
                              clade_error *err)
{
    const size_t n      = joint ? p->n_columns : p->n_features;
    const double weight = p->card.weight[joint ? CLADE_PREDICT_JOINT : CLADE_PREDICT_TREES];
    CLADE_TRY(tables != NULL
                  ? clade_explainer_run(phi, tables, row, 1, n, err)
                  : clade_trees_explain(phi, joint ? p->joint : p->trees, row, 1, n, err));
    for (size_t j = 0; j < n; j++)
        share[place_of(p, j)] += weight * phi[j];
    *average += weight * phi[n];
    return CLADE_OK;
}

/* The additive logit sums terms; an amount's margin is the log of the answer and not the logit,
 * so its terms are scaled to what they add there. */
static void add_linear(double *share, double *average, double *phi, const clade_predictor *p,
                       const float *row)
{
    const clade_additive *const model  = p->linear;
    const double                weight = p->card.weight[CLADE_PREDICT_LINEAR];
    const double                top    = model->top[0];
    double                      answer, sum = 0;
    clade_additive_predict(&answer, model, row, false, 1, p->n_features);
    clade_additive_explain(phi, model, row, p->n_features, 0);
    const double mean   = clade_additive_average(model, 0);
    const bool   amount = clade_task_is_amount(&p->card.task);
    const double from   = amount ? log(fmax(mean, 1e-7 * top)) : log(mean / (1 - mean));
    double       to     = 0;
    (void)clade__model_margin(&to, p, CLADE_PREDICT_LINEAR, row, 1, NULL);
    for (size_t j = 0; j < p->n_features; j++)
        sum += phi[j];
    for (size_t j = 0; j < p->n_features && sum != 0; j++)
        share[j] += weight * phi[j] * (to - from) / sum;
    *average += weight * (sum != 0 ? from : to);
}

/* Terms to first order around the average row, scaled to what they add in all. */
static void add_ziln(double *share, double *average, double *phi, const clade_predictor *p,
                     const float *row)
{
    const double weight = p->card.weight[CLADE_PREDICT_ZILN];
    const double from   = clade_ziln_terms(phi, p->ziln, row);
    double       to = 0, sum = 0;
    (void)clade__model_margin(&to, p, CLADE_PREDICT_ZILN, row, 1, NULL);
    for (size_t j = 0; j < p->ziln->p; j++)
        sum += phi[j];
    for (size_t j = 0; j < p->ziln->p && sum != 0; j++)
        share[place_of(p, j)] += weight * phi[j] * (to - from) / sum;
    *average += weight * (sum != 0 ? from : to);
}

/* A net sums terms; one at the edge of what is a margin has them scaled to what they add there. */
static void add_net(double *share, double *average, const clade_predictor *p, const float *row)
{
    const clade__net *const net    = p->net;
    const double            weight = p->card.weight[CLADE_PREDICT_NET];
    const double            from   = net->out + net->in * net->intercept;
    double                  to = 0, sum = 0;
    (void)clade__model_margin(&to, p, CLADE_PREDICT_NET, row, 1, NULL);
    for (size_t k = 0; k < net->n; k++)
        sum += clade__net_term_of(&net->term[k], row);
    for (size_t k = 0; k < net->n && sum != 0; k++)
        share[place_of(p, net->term[k].column)] +=
            weight * clade__net_term_of(&net->term[k], row) * (to - from) / sum;
    *average += weight * (sum != 0 ? from : to);
}

static void add_line(double *share, double *average, const clade_predictor *p,
                     clade_predict_model model, const clade__rule *rule, const float *row)
{
    double margin = 0;
    (void)clade__model_margin(&margin, p, model, row, 1, NULL);
    share[place_of(p, rule->column)] += p->card.weight[model] * (margin - p->average[model]);
    *average += p->card.weight[model] * p->average[model];
}

/* From the blend's margins to the calibrated ones. A curve stretches a customer's shares by one
 * factor: what it makes of the way from the average to the whole. */
static void bend_shares(double *share, double *average, const clade_predictor *p, double raw)
{
    const size_t n      = p->n_features + N_GROUPS;
    double       factor = p->slope, sum = 0;
    *average = p->intercept + p->slope * raw;
    if (p->bend.n > 0) {
        for (size_t j = 0; j < n; j++)
            sum += share[j];
        *average = clade__bend_of(&p->bend, raw);
        factor   = sum == 0 ? 1 : (clade__bend_of(&p->bend, raw + sum) - *average) / sum;
    }
    for (size_t j = 0; j < n; j++)
        share[j] *= factor;
}

/* share (n_features + N_GROUPS): what each adds to the blend's margin; *average: where it starts.
 */
static clade_status explain_row(double *share, double *average, double *phi,
                                const clade_predictor *p, const explainers *e, const float *row,
                                clade_error *err)
{
    const double *const w   = p->card.weight;
    double              sum = 0;
    memset(share, 0, (p->n_features + N_GROUPS) * sizeof *share);
    if (p->next != NULL && w[CLADE_PREDICT_JOINT] == 0) { /* one number, from purchases alone */
        double margin = 0;
        CLADE_TRY(clade__next_margin(&margin, p, row, 1, err));
        *average                            = p->average[CLADE_PREDICT_VALUE];
        share[p->n_features + GROUP_RHYTHM] = margin - *average;
        return CLADE_OK;
    }
    if (w[CLADE_PREDICT_RULE] > 0) add_line(share, &sum, p, CLADE_PREDICT_RULE, &p->rule, row);
    if (w[CLADE_PREDICT_VALUE] > 0) add_line(share, &sum, p, CLADE_PREDICT_VALUE, &p->value, row);
    if (w[CLADE_PREDICT_LINEAR] > 0) add_linear(share, &sum, phi, p, row);
    if (w[CLADE_PREDICT_ZILN] > 0) add_ziln(share, &sum, phi, p, row);
    if (w[CLADE_PREDICT_NET] > 0) add_net(share, &sum, p, row);
    if (w[CLADE_PREDICT_TREES] > 0)
        CLADE_TRY(add_trees(share, &sum, phi, p, false, e->trees, row, err));
    if (w[CLADE_PREDICT_JOINT] > 0)
        CLADE_TRY(add_trees(share, &sum, phi, p, true, e->joint, row, err));
    if (p->next != NULL) { /* the median is held below the horizon: what they sum to as well */
        double scale = p->slope, margin = 0, whole = 0;
        *average = p->intercept + p->slope * sum;
        CLADE_TRY(clade__next_margin(&margin, p, row, 1, err));
        for (size_t j = 0; j < p->n_features + N_GROUPS; j++)
            whole += share[j];
        if (whole != 0) scale = (margin - *average) / whole;
        for (size_t j = 0; j < p->n_features + N_GROUPS; j++)
            share[j] *= scale;
        return CLADE_OK;
    }
    bend_shares(share, average, p, sum);
    return CLADE_OK;
}

/* VALUE: the rhythm of purchases against what the shop's buyers are worth on average. */
static clade_status explain_value(double *share, double *average, const clade_predictor *p,
                                  const clade__moment *m, size_t customer, clade_error *err)
{
    const size_t  n     = m->people.features.n_customers;
    double *const worth = CLADE_NEW(double, n + 1);
    double        sum = 0, count = 0;
    if (worth == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    const clade_status status = clade__value_worth(worth, m, p->card.task.horizon_days, err);
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        if (isnan(worth[i])) continue;
        sum += worth[i];
        count += 1;
    }
    if (status == CLADE_OK) {
        *average                            = log(fmax(sum / fmax(count, 1), 1e-7));
        share[p->n_features + GROUP_RHYTHM] = log(fmax(worth[customer], 1e-7)) - *average;
    }
    free(worth);
    return status;
}

static int by_size(const void *a, const void *b)
{
    const clade_predict_reason *x = a, *y = b;
    if (fabs(x->margin) != fabs(y->margin)) return fabs(x->margin) > fabs(y->margin) ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* The row of one customer among those of the moment; n_customers when there is none. */
size_t clade__customer_row(const clade_features *f, int64_t customer)
{
    size_t low = 0, high = f->n_customers;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (f->customer[middle] < customer) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < f->n_customers && f->customer[low] == customer ? low : f->n_customers;
}

static void write_reasons(clade_predict_reasons *out, const clade_predictor *p, const double *share,
                          const float *row)
{
    const clade_predict_task *const task = &p->card.task;
    double                          sum  = 0;
    for (size_t j = 0; j < p->n_features + N_GROUPS; j++)
        sum += share[j];
    out->margin        = out->average_margin + sum;
    out->average       = clade__answer_of(task, out->average_margin);
    const double whole = clade__answer_of(task, out->margin) - out->average;
    for (size_t j = 0; j < p->n_features + N_GROUPS; j++) {
        if (share[j] == 0) continue;
        const bool                  feature = j < p->n_features;
        clade_predict_reason *const one     = &out->reason[out->n++];
        one->feature                        = feature ? (int)j : -1;
        one->group                          = feature ? -1 : (int)(j - p->n_features);
        one->value                          = feature ? (double)row[j] : (double)NAN;
        one->margin                         = share[j];
        one->points                         = sum == 0 ? 0 : share[j] * whole / sum;
    }
    qsort(out->reason, out->n, sizeof *out->reason, by_size);
}

clade_status clade_predictor_explain(clade_predict_reasons *out, const clade_predictor *p,
                                     clade_predictions *ps, int64_t customer, clade_error *err)
{
    clade__moment        *m  = NULL;
    clade_predict_reasons r  = { 0 };
    size_t                at = 0;
    CLADE_TRY(clade__customer_find(&m, &at, p, ps, customer, err));
    float *const  row   = CLADE_NEW(float, p->n_columns + 1);
    double *const share = CLADE_NEW(double, p->n_features + N_GROUPS + p->n_columns + 1);
    r.reason            = CLADE_NEW(clade_predict_reason, p->n_features + N_GROUPS);
    clade_status status = row == NULL || share == NULL || r.reason == NULL
                              ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for reasons")
                              : CLADE_OK;
    if (status == CLADE_OK) {
        const explainers none = { NULL, NULL };
        clade__row_fill(row, m, at, clade__predictor_n_vector(p));
        status = p->card.task.kind == CLADE_TASK_VALUE
                     ? explain_value(share, &r.average_margin, p, m, at, err)
                     : explain_row(share, &r.average_margin, share + p->n_features + N_GROUPS, p,
                                   &none, row, err);
    }
    if (status == CLADE_OK) {
        write_reasons(&r, p, share, row);
        r.answer = (clade_prediction){ customer, clade__answer_of(&p->card.task, r.margin),
                                       (double)NAN, (double)NAN };
        clade__answer_band(&r.answer, p);
        if (p->next != NULL) status = clade__next_predict(&r.answer, p, row, 1, err);
    }
    if (status == CLADE_OK) {
        *out     = r;
        r.reason = NULL;
    }
    free(row);
    free(share);
    free(r.reason);
    return status;
}

void clade_predict_reasons_free(clade_predict_reasons *reasons)
{
    free(reasons->reason);
    *reasons = (clade_predict_reasons){ 0 };
}

/* ---------------------------------------------------------------- the strongest of many */

enum { TASK_ROWS = 256 };

typedef struct top_work {
    const clade_predictor  *p;
    const clade__moment    *m;
    const explainers       *e;
    const clade_prediction *answer;
    size_t                  n, k;
    clade_predict_reason   *out;    /* (n, k) */
    clade_status           *status; /* of each task */
} top_work;

static clade_status top_rows(const top_work *w, size_t first, size_t end)
{
    const clade_predictor *const p     = w->p;
    const size_t                 n     = p->n_features + N_GROUPS;
    float *const                 row   = CLADE_NEW(float, p->n_columns + 1);
    double *const                share = CLADE_NEW(double, n + p->n_columns + 1);
    clade_predict_reason *const  room  = CLADE_NEW(clade_predict_reason, n);
    clade_status status = row == NULL || share == NULL || room == NULL ? CLADE_ERR_NOMEM : CLADE_OK;
    for (size_t i = first; i < end && status == CLADE_OK; i++) {
        clade_predict_reasons r = { .reason = room };
        const size_t at = clade__customer_row(&w->m->people.features, w->answer[i].customer);
        clade__row_fill(row, w->m, at, clade__predictor_n_vector(p));
        status = explain_row(share, &r.average_margin, share + n, p, w->e, row, NULL);
        if (status != CLADE_OK) break;
        write_reasons(&r, p, share, row);
        memcpy(w->out + i * w->k, room, (r.n < w->k ? r.n : w->k) * sizeof *room);
    }
    free(row);
    free(share);
    free(room);
    return status;
}

static void top_task(size_t task, int worker, void *context)
{
    const top_work *w   = context;
    const size_t    end = (task + 1) * TASK_ROWS < w->n ? (task + 1) * TASK_ROWS : w->n;
    (void)worker;
    w->status[task] = top_rows(w, task * TASK_ROWS, end);
}

clade_status clade_predictor_top_reasons(clade_predict_reason **out, const clade_predictor *p,
                                         clade_predictions *ps, const clade_prediction *answer,
                                         size_t n, size_t k, clade_error *err)
{
    const size_t   n_tasks = (n + TASK_ROWS - 1) / TASK_ROWS;
    clade__moment *m       = NULL;
    explainers     e       = { NULL, NULL };
    CLADE_TRY(clade__moment_now(&m, p, ps, err));
    top_work     w      = { p,
                            m,
                            &e,
                            answer,
                            n,
                            k,
                            CLADE_NEW(clade_predict_reason, n * k + 1),
                            CLADE_NEW(clade_status, n_tasks + 1) };
    clade_status status = w.out == NULL || w.status == NULL
                              ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for reasons")
                              : explainers_make(&e, p, err);
    /* VALUE has one reason, the rhythm, and it is the same for all: none is listed. */
    if (status == CLADE_OK && p->card.task.kind != CLADE_TASK_VALUE)
        clade_parallel(n_tasks, top_task, &w);
    for (size_t t = 0; t < n_tasks && status == CLADE_OK; t++)
        if (w.status[t] != CLADE_OK) status = clade_fail(err, w.status[t], "no memory for reasons");
    explainers_free(&e);
    free(w.status);
    if (status == CLADE_OK) {
        *out = w.out;
    } else {
        free(w.out);
    }
    return status;
}

/* ---------------------------------------------------------------- the model as a whole */

static int by_weight(const void *a, const void *b)
{
    const clade_predict_weight *x = a, *y = b;
    if (x->mean_margin != y->mean_margin) return x->mean_margin > y->mean_margin ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* share (n, n_places) of rows -> one weight a place. */
static clade_status weigh(clade_predict_weight *out, const clade_predictor *p, const double *share,
                          const float *x, size_t n, clade_error *err)
{
    const size_t  n_places = p->n_features + N_GROUPS;
    double *const value = CLADE_NEW(double, n + 1), *const adds = CLADE_NEW(double, n + 1);
    clade_status status = value == NULL || adds == NULL
                              ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for weights")
                              : CLADE_OK;
    for (size_t j = 0; j < n_places && status == CLADE_OK; j++) {
        const bool feature = j < p->n_features;
        size_t     k       = 0;
        out[j]             = (clade_predict_weight){ .feature   = feature ? (int)j : -1,
                                                     .group     = feature ? -1 : (int)(j - p->n_features),
                                                     .direction = (double)NAN };
        for (size_t i = 0; i < n; i++) {
            out[j].mean_margin += fabs(share[i * n_places + j]) / (double)n;
            if (!feature || isnan(x[i * p->n_columns + j])) continue;
            value[k]  = (double)x[i * p->n_columns + j];
            adds[k++] = share[i * n_places + j];
        }
        if (feature && out[j].mean_margin > 0 && k > 2)
            status = clade_spearman(&out[j].direction, value, adds, k, err);
    }
    free(value);
    free(adds);
    return status;
}

clade_status clade_predictor_weigh(clade_predict_weight **out, size_t *out_n,
                                   const clade_predictor *p, clade_predictions *ps,
                                   clade_error *err)
{
    const size_t  n_places = p->n_features + N_GROUPS;
    explainers    e        = { NULL, NULL };
    clade__sample s        = { 0 };
    double        average;
    CLADE_TRY(clade__sample_make(&s, p, ps, WEIGHED_ROWS, err));
    double *const         share  = CLADE_NEW(double, s.n *n_places + 1);
    double *const         phi    = CLADE_NEW(double, p->n_columns + 1);
    clade_predict_weight *weight = CLADE_NEW(clade_predict_weight, n_places);
    clade_status          status = share == NULL || phi == NULL || weight == NULL
                                       ? clade_fail(err, CLADE_ERR_NOMEM, "no memory to weigh features")
                                       : explainers_make(&e, p, err);
    double                mean   = 0; /* VALUE: what buyers are worth on average */
    for (size_t i = 0; i < s.n; i++)
        mean += exp(s.margin[i]) / (double)s.n;
    for (size_t i = 0; i < s.n && status == CLADE_OK; i++) {
        if (p->card.task.kind == CLADE_TASK_VALUE) {
            share[i * n_places + p->n_features + GROUP_RHYTHM] = s.margin[i] - log(mean);
        } else {
            status =
                explain_row(share + i * n_places, &average, phi, p, &e, s.x + i * s.n_columns, err);
        }
    }
    if (status == CLADE_OK) status = weigh(weight, p, share, s.x, s.n, err);
    if (status == CLADE_OK) {
        qsort(weight, n_places, sizeof *weight, by_weight);
        size_t kept = 0;
        while (kept < n_places && weight[kept].mean_margin > 0)
            kept++;
        *out   = weight;
        *out_n = kept;
        weight = NULL;
    }
    free(weight);
    free(share);
    free(phi);
    explainers_free(&e);
    clade__sample_free(&s);
    return status;
}

/* ---------------------------------------------------------------- words */

const char *clade_predict_reason_key(int feature, int group)
{
    static const char *const groups[N_GROUPS] = { "value_model", "behaviour", "season" };
    size_t                   n;
    const clade_feature     *all = clade_features_all(&n);
    if (feature >= 0 && (size_t)feature < n) return all[feature].name;
    return (unsigned)group < N_GROUPS ? groups[group] : "";
}

void clade_predict_reason_name(clade_buffer *out, int feature, int group, bool zh)
{
    static const char *const groups[N_GROUPS][2] = {
        { "rhythm of purchases (probability model)", "购买节奏（概率模型）" },
        { "behaviour (learned from all events)", "行为（由全部事件学得）" },
        { "season of the year", "季节" },
    };
    if (feature >= 0) {
        clade_feature_label_write(out, (uint32_t)feature, zh);
    } else {
        clade_buffer_text(out, groups[group][zh]);
    }
}

void clade_predict_reason_write(clade_buffer *out, const clade_predict_reason *reason,
                                const clade_predict_task *task, const char *currency, bool zh)
{
    const bool   amount = clade_task_is_amount(task);
    const bool   date   = clade_task_is_date(task);
    const double points = fabs(reason->points) * (amount || date ? 1 : 100);
    const bool   up     = reason->points > 0;
    clade_predict_reason_name(out, reason->feature, reason->group, zh);
    if (reason->feature >= 0) {
        clade_buffer_text(out, zh ? "：" : ": ");
        clade_value_write(out, (uint32_t)reason->feature, reason->value, currency, zh);
    }
    const bool risk = task->kind == CLADE_TASK_CHURN || task->kind == CLADE_TASK_REFUND;
    if (date && zh) {
        clade_buffer_format(out, "，使其%s %.1f 天", up ? "推后" : "提前", points);
    } else if (date) {
        clade_buffer_format(out, "; puts it %.1f days %s", points, up ? "later" : "sooner");
    } else if (amount && zh) {
        clade_buffer_format(out, "，使其%s %.2f %s", up ? "增加" : "减少", points, currency);
    } else if (amount) {
        clade_buffer_format(out, "; %s it by %.2f %s", up ? "raises" : "lowers", points, currency);
    } else if (zh) {
        clade_buffer_format(out, "，使%s%s %.1f 个百分点", risk ? "风险" : "可能性",
                            up ? "上升" : "下降", points);
    } else {
        clade_buffer_format(out, "; %s the %s by %.1f points", up ? "raises" : "lowers",
                            risk ? "risk" : "chance", points);
    }
}
