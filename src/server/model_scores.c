/* What the trusted predictors say of everybody. Bundles that another clade made are left out. */
#include "model.h"

#include <math.h>
#include <stdlib.h>

static clade_status keep_scores(clade__model *model, clade__task *task,
                                const clade_prediction *answer, size_t n, clade_error *err)
{
    task->value = CLADE_NEW(float, model->n + 1);
    task->low   = CLADE_NEW(float, model->n + 1);
    task->high  = CLADE_NEW(float, model->n + 1);
    if (task->value == NULL || task->low == NULL || task->high == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for scores");
    for (size_t i = 0; i < model->n; i++)
        task->value[i] = task->low[i] = task->high[i] = NAN;
    for (size_t i = 0; i < n; i++) {
        const int64_t customer = answer[i].customer;
        if (customer < 0 || (size_t)customer >= model->n) continue;
        task->value[customer] = (float)answer[i].value;
        task->low[customer]   = (float)answer[i].low;
        task->high[customer]  = (float)answer[i].high;
    }
    return CLADE_OK;
}

static clade_status score(clade__model *model, clade_store *store, clade_predictions *predictions,
                          const char *name, clade_error *err)
{
    clade__task *const task   = &model->task[model->n_tasks];
    clade_prediction  *answer = NULL;
    size_t             n      = 0;
    clade_error        mine   = { 0 };
    clade_status       status = clade_predictor_open(&task->predictor, store, name, &mine);
    if (status != CLADE_OK) {
        clade_log(CLADE_LOG_WARN, "the prediction %s is left out: %s", name, mine.message);
        return CLADE_OK;
    }
    const clade_predict_card *const card = clade_predictor_card(task->predictor);
    model->n_tasks++; /* freed with the model from here on */
    task->name = clade_arena_text(model->arena, name, strlen(name));
    if (task->name == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a name");
    if (card->trusted && card->as_of_us <= model->as_of_us) {
        status = clade_predictor_score(&answer, &n, task->predictor, predictions, &mine);
        if (status != CLADE_OK) {
            clade_log(CLADE_LOG_WARN, "the prediction %s is left out: %s", name, mine.message);
            n = 0;
        }
    }
    status = keep_scores(model, task, answer, n, err);
    free(answer);
    return status;
}

clade_status clade__model_read_scores(clade__model *model, clade_store *store, clade_error *err)
{
    const clade_predict_options options = { .has_as_of = true, .as_of_us = model->as_of_us };
    clade_predictions          *opened  = NULL;
    char                      **names   = NULL;
    size_t                      n       = 0;
    CLADE_TRY(clade_predictors_list(&names, &n, store, model->arena, err));
    if (n == 0) return CLADE_OK;
    CLADE_TRY(clade_predictions_open(&opened, store, &options, err));
    clade_status status = CLADE_OK;
    for (size_t i = 0; i < n && model->n_tasks < CLADE__TASKS && status == CLADE_OK; i++)
        status = score(model, store, opened, names[i], err);
    clade_predictions_free(opened);
    return status;
}
