/* Fitting one task: a choice among models by earlier judgements, one judgement on the latest
 * moment, and a last fit on everything. */
#include "predict_internal.h"

#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t count_positive(const double *y, size_t n)
{
    size_t positive = 0;
    for (size_t i = 0; i < n; i++)
        positive += y[i] > 0;
    return positive;
}

/* ---------------------------------------------------------------- the judged block, and after */

/* Vectors took part, and trees were tried with and without them. */
static bool vectors_tried(const clade_predictor *p, const clade__rows *rows)
{
    return rows->n_vector > 0 && isfinite(p->card.loss[CLADE_PREDICT_TREES]) &&
           isfinite(p->card.loss[CLADE_PREDICT_JOINT]);
}

/* The rule and the linear model are refitted whether they are in the blend or not: they are what
 * the answer is compared with. So are both kinds of trees, before they are judged. */
static clade_status refit(clade_predictor *p, const clade__rows *rows, size_t n, bool both_trees,
                          uint64_t seed, clade_error *err)
{
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        const bool trees = m == CLADE_PREDICT_TREES || m == CLADE_PREDICT_JOINT;
        if (p->card.weight[m] == 0 && m != CLADE_PREDICT_RULE && m != CLADE_PREDICT_LINEAR &&
            !(trees && both_trees))
            continue;
        CLADE_TRY(clade_interrupt_check(err));
        CLADE_TRY(clade__model_fit(p, (clade_predict_model)m, rows, n, NULL, 0, seed, err));
    }
    return CLADE_OK;
}

static clade_status judge(clade_predictor *p, const clade__rows *rows,
                          const clade_predict_options *options, clade_error *err)
{
    static const clade_predict_model beside[] = { CLADE_PREDICT_RULE, CLADE_PREDICT_LINEAR,
                                                  CLADE_PREDICT_TREES, CLADE_PREDICT_JOINT };
    const bool                       trees    = vectors_tried(p, rows);
    const size_t       from = rows->n_learn, n = rows->n - from, n_beside = trees ? 4 : 2;
    const float *const x       = rows->x + from * rows->n_columns;
    double *const      answers = CLADE_NEW(double, 5 * n + 1);
    const float      **row     = CLADE_NEW(const float *, n + 1);
    clade_status       status  = CLADE_OK;
    if (answers == NULL || row == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        row[i] = x + i * rows->n_columns;
    const clade__judged judged = { .n        = n,
                                   .answer   = answers,
                                   .rule     = answers + n,
                                   .linear   = answers + 2 * n,
                                   .trees    = trees ? answers + 3 * n : NULL,
                                   .joint    = trees ? answers + 4 * n : NULL,
                                   .y        = rows->y + from,
                                   .row      = row,
                                   .customer = rows->customer + from,
                                   .places   = rows->places,
                                   .least    = options->min_group };
    status                     = clade__blend_margin(answers, p, x, n, err);
    for (size_t k = 0; k < n_beside && status == CLADE_OK; k++)
        status = clade__model_margin(answers + (k + 1) * n, p, beside[k], x, n, err);
    if (status == CLADE_OK) status = clade__judge(p, &judged, &options->stakes, options->seed, err);
done:
    free(answers);
    free(row);
    return status;
}

/* Where the reasons of one-column models start from. */
static clade_status settle_averages(clade_predictor *p, const clade__rows *rows, clade_error *err)
{
    double *const margin = CLADE_NEW(double, rows->n + 1);
    if (margin == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", rows->n);
    static const clade_predict_model models[] = { CLADE_PREDICT_RULE, CLADE_PREDICT_VALUE };
    clade_status                     status   = CLADE_OK;
    for (size_t k = 0; k < 2 && status == CLADE_OK; k++) {
        double sum = 0;
        if (p->card.weight[models[k]] == 0) continue;
        status = clade__model_margin(margin, p, models[k], rows->x, rows->n, err);
        for (size_t i = 0; status == CLADE_OK && i < rows->n; i++)
            sum += margin[i];
        p->average[models[k]] = sum / (double)rows->n;
    }
    free(margin);
    return status;
}

/* Features that tell the label nearly alone: most often the label itself under another name. */
static clade_status find_suspects(clade_predict_card *card, const clade__rows *rows, size_t n,
                                  clade_error *err)
{
    enum { LOOKED_AT = 4000 };
    size_t               n_features, n_found = 0;
    const clade_feature *all  = clade_features_all(&n_features);
    const size_t         step = n > LOOKED_AT ? n / LOOKED_AT : 1, most = n / step;
    double *const        score  = CLADE_NEW(double, most + 1);
    uint8_t *const       label  = CLADE_NEW(uint8_t, most + 1);
    clade_status         status = score == NULL || label == NULL
                                      ? clade_fail(err, CLADE_ERR_NOMEM, "no memory to look for leaks")
                                      : CLADE_OK;
    for (size_t j = 0; j < n_features && status == CLADE_OK && n_found < 3; j++) {
        double auc = 0.5;
        for (size_t i = 0; i < most; i++) {
            const float value = rows->x[i * step * rows->n_columns + j];
            score[i]          = isnan(value) ? -1e30 : (double)value;
            label[i]          = rows->y[i * step] > 0;
        }
        status = clade_auc(&auc, score, label, most, err);
        if (fabs(auc - 0.5) > 0.485)
            (void)snprintf(card->suspect[n_found++], sizeof card->suspect[0], "%s", all[j].name);
    }
    free(score);
    free(label);
    return status;
}

static clade_status check_labels(clade_predictor *p, const clade__rows *rows, clade_error *err)
{
    const size_t n        = rows->n_learn;
    const size_t positive = count_positive(rows->y, n);
    char         name[96];
    clade_task_name(name, &p->card.task);
    if (positive < CLADE__LEAST_OF_A_KIND)
        return clade__not_ready(&p->card.why, err,
                                "%s: it happened to %zu of %zu customers, wanted at least %d",
                                "%s：发生 %zu 位（共 %zu 位），至少需要 %d 位", name, positive, n,
                                CLADE__LEAST_OF_A_KIND);
    if (!clade_task_is_amount(&p->card.task) && n - positive < CLADE__LEAST_OF_A_KIND)
        return clade__not_ready(
            &p->card.why, err,
            "%s: it happened to %zu of %zu customers, wanted at least %d to whom not",
            "%s：发生 %zu 位（共 %zu 位），未发生者至少需要 %d 位", name, positive, n,
            CLADE__LEAST_OF_A_KIND);
    return CLADE_OK;
}

static clade_status fit_rows(clade_predictor *p, clade__rows *rows,
                             const clade_predict_options *options, clade_error *err)
{
    const uint64_t            seed    = options->seed;
    clade_predict_card *const card    = &p->card;
    const size_t              n_learn = rows->n_learn;
    p->n_features                     = rows->n_features;
    p->n_columns                      = rows->n_columns;
    card->n_moments                   = rows->n_moments;
    card->judged_us                   = rows->judged_us;
    card->judged_days                 = card->task.horizon_days;
    card->by_customers                = rows->by_customers;
    card->n_learnt                    = n_learn;
    card->n_learnt_positive           = count_positive(rows->y, n_learn);
    CLADE_TRY(check_labels(p, rows, err));
    if (!clade_task_is_amount(&card->task)) CLADE_TRY(find_suspects(card, rows, n_learn, err));
    CLADE_TRY(clade__choose(p, rows, seed, err));
    CLADE_TRY(refit(p, rows, n_learn, vectors_tried(p, rows), seed, err));
    CLADE_TRY(judge(p, rows, options, err));
    CLADE_TRY(refit(p, rows, rows->n, false, seed,
                    err)); /* what has been judged may be learnt from now */
    return settle_averages(p, rows, err);
}

clade_status clade_predictor_fit(clade_predictor **out, clade_predictions *predictions,
                                 const clade_predict_task *task, clade_error *err)
{
    const double     start = clade_seconds();
    const uint64_t   seed  = predictions->options.seed;
    clade__rows      rows  = { 0 };
    clade_predictor *p     = CLADE_NEW(clade_predictor, 1);
    if (p == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a predictor");
    p->card.task      = *task;
    p->card.as_of_us  = predictions->as_of_us;
    p->card.seed      = seed;
    p->card.data_hash = predictions->data_hash;
    p->card.first_us  = predictions->first_us;
    memcpy(p->card.currency, predictions->currency, sizeof p->card.currency);
    p->band_scale        = 1;
    p->search            = predictions->options.search;
    predictions->why_not = (clade_sentence){ "", "" };
    clade_status status;
    if (task->kind == CLADE_TASK_VALUE) {
        status = clade__value_task_fit(p, predictions, err);
    } else if (task->kind == CLADE_TASK_NEXT) {
        status = clade__next_fit(p, predictions, err);
    } else {
        status = clade__rows_make(&rows, &p->card.behaviour, &p->card.task, predictions, err);
        if (status == CLADE_OK) status = fit_rows(p, &rows, &predictions->options, err);
    }
    clade__rows_free(&rows);
    if (status == CLADE_OK) status = clade__spreads_settle(p, predictions, err);
    if (status == CLADE_OK) {
        p->card.seconds = clade_seconds() - start;
        *out            = p;
    } else {
        if (p->card.why.en[0] != '\0') predictions->why_not = p->card.why;
        clade_predictor_free(p);
    }
    return status;
}

void clade_predictor_free(clade_predictor *p)
{
    if (p == NULL) return;
    free(p->linear);
    free(p->ziln);
    free(p->net);
    clade_trees_free(p->trees);
    clade_trees_free(p->joint);
    clade__next_free(p->next);
    free(p);
}

const clade_predict_card *clade_predictor_card(const clade_predictor *p)
{
    return &p->card;
}
