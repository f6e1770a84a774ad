/* The task VALUE: lifetime value over a horizon that most logs are too short to teach. The
 * probability models are fitted on everything before a moment, asked for the window after it that
 * the log still has, judged there, and then asked for the whole horizon. */
#include "predict_internal.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_DAYS = 28 };

/* As if customers went on as before: what was spent a day since the first order, times the days. */
static double as_before(const clade__moment *m, size_t customer, int days)
{
    const clade_features *const f     = &m->people.features;
    const float *const          row   = f->value + customer * f->n_features;
    const double                spend = (double)row[clade__feature_column("spend_life")];
    const double tenure = (double)row[clade__feature_column("days_since_first_order")];
    return spend > 0 ? spend / fmax(tenure, LEAST_DAYS) * days : 0;
}

static clade_status judge(clade_predictor *p, clade_predictions *ps, const clade__moment *m,
                          int days, clade_error *err)
{
    const clade_features *const f      = &m->people.features;
    const size_t                n_all  = f->n_customers;
    const clade_predict_task    task   = { .kind = CLADE_TASK_SPEND, .horizon_days = days };
    double *const               worth  = CLADE_NEW(double, 4 * n_all + 1);
    size_t                      n      = 0;
    clade_status                status = CLADE_OK;
    const float               **row    = CLADE_NEW(const float *, n_all + 1);
    if (worth == NULL || row == NULL) {
        free(worth);
        free(row);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n_all);
    }
    if (m->buyers.n > 0 && !m->has_spend) {
        free(worth);
        free(row);
        return clade__not_ready(&p->card.why, err, "value: nobody came back and paid something%s",
                                "价值：没有客户再次购买并付款%s", "");
    }
    double *const label = worth + n_all, *const answer = worth + 2 * n_all,
                  *const rule = worth + 3 * n_all;
    status                    = clade__value_worth(worth, m, days, err);
    if (status == CLADE_OK)
        status = clade__task_labels(label, ps->store, &task, f->customer, n_all, m->at_us, err);
    for (size_t i = 0; i < n_all && status == CLADE_OK; i++) {
        if (isnan(worth[i]) || !clade__task_asks(&task, m, i)) continue;
        row[n]     = f->value + i * f->n_features;
        answer[n]  = log(fmax(worth[i], 1e-7));
        rule[n]    = log(fmax(as_before(m, i, days), 1e-7));
        label[n++] = label[i];
    }
    if (status == CLADE_OK && n < CLADE__MIN_ROWS)
        status = clade__not_ready(
            &p->card.why, err, "%zu customers had bought something %d days ago, wanted at least %d",
            "有购买记录的客户 %zu 位（%d 天前），至少需要 %d 位", n, days, CLADE__MIN_ROWS);
    if (status == CLADE_OK)
        status = clade__judge(p,
                              &(clade__judged){ .n      = n,
                                                .answer = answer,
                                                .rule   = rule,
                                                .linear = rule,
                                                .y      = label,
                                                .row    = row,
                                                .least  = ps->options.min_group },
                              &ps->options.stakes, ps->options.seed, err);
    free(worth);
    free(row);
    return status;
}

/* How much longer the horizon is than the judged window, in money. */
static clade_status settle_scale(clade_predictor *p, const clade__moment *m, int days,
                                 clade_error *err)
{
    const size_t  n      = m->people.features.n_customers;
    double *const worth  = CLADE_NEW(double, 2 * n + 1);
    double        sum[2] = { 0, 0 };
    if (worth == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    clade_status status = clade__value_worth(worth, m, days, err);
    if (status == CLADE_OK)
        status = clade__value_worth(worth + n, m, p->card.task.horizon_days, err);
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        if (isnan(worth[i])) continue;
        sum[0] += worth[i];
        sum[1] += worth[n + i];
    }
    p->band_scale = sum[0] > 0 ? sum[1] / sum[0] : 1;
    free(worth);
    return status;
}

clade_status clade__value_task_fit(clade_predictor *p, clade_predictions *ps, clade_error *err)
{
    clade_predict_card *const card  = &p->card;
    const int64_t             whole = (ps->as_of_us - ps->first_us) / CLADE_US_PER_DAY;
    int                       days  = card->task.horizon_days;
    clade__moment            *m = NULL, *now = NULL;
    if (whole / 3 < days) days = (int)(whole / 3);
    if (days < LEAST_DAYS)
        return clade__not_ready(
            &p->card.why, err, "value needs a log of at least %d days, this one has %lld",
            "价值预测至少需要 %d 天的数据，现有 %lld 天", 3 * LEAST_DAYS, (long long)whole);
    (void)clade_features_all(&p->n_features);
    p->n_columns      = p->n_features + CLADE__VALUE_COLUMNS;
    card->judged_days = days;
    card->judged_us   = ps->as_of_us - days * CLADE_US_PER_DAY;
    card->n_moments   = 1;
    p->slope          = 1;
    for (int k = 0; k < CLADE_N_PREDICT_MODEL; k++)
        card->loss[k] = (double)NAN;
    card->weight[CLADE_PREDICT_VALUE] = 1;
    card->blend_loss                  = (double)NAN;
    card->calibration_loss[0] = card->calibration_loss[1] = (double)NAN;
    CLADE_TRY(clade__moment_get(&m, ps, card->judged_us, err));
    card->n_learnt = m->buyers.n;
    for (size_t i = 0; i < m->buyers.n; i++)
        card->n_learnt_positive += m->buyers.x[i] > 0;
    CLADE_TRY(judge(p, ps, m, days, err));
    CLADE_TRY(clade__moment_get(&now, ps, ps->as_of_us, err));
    CLADE_TRY(settle_scale(p, now, days, err));
    if (card->trusted && card->why.en[0] == '\0' && days < card->task.horizon_days)
        clade__say_both(&card->why, "judged on %d days, further ahead it is the model's word",
                        "仅在 %d 天内评估，更远的部分为模型推断", days);
    return CLADE_OK;
}
