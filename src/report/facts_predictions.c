/* Predictions: the cards of the bundles that are there. */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

/* By kind, then by horizon, then by name. */
static int by_task(const void *a, const void *b)
{
    const clade_predict_task *x = &(*(clade_predict_card *const *)a)->task;
    const clade_predict_task *y = &(*(clade_predict_card *const *)b)->task;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    if (x->horizon_days != y->horizon_days) return x->horizon_days < y->horizon_days ? -1 : 1;
    return strcmp(x->of, y->of);
}

/* One that another clade fitted cannot be read, and is left out as one that was never fitted. */
clade_status facts_predictions(facts *f, clade_store *store, clade_error *err)
{
    char **names = NULL;
    size_t n     = 0;
    CLADE_TRY(clade_predictors_list(&names, &n, store, f->arena, err));
    f->prediction = CLADE_ARENA_NEW(f->arena, clade_predict_card *, n + 1);
    if (f->prediction == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu cards", n);
    for (size_t i = 0; i < n; i++) {
        clade_predictor          *p      = NULL;
        clade_predict_card *const copy   = CLADE_ARENA_NEW(f->arena, clade_predict_card, 1);
        const clade_status        status = clade_predictor_open(&p, store, names[i], err);
        if (status == CLADE_ERR_VERSION || status == CLADE_ERR_DATA) {
            if (err != NULL) *err = (clade_error){ 0 };
            continue;
        }
        CLADE_TRY(status);
        if (copy != NULL) *copy = *clade_predictor_card(p);
        clade_predictor_free(p);
        if (copy == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a card");
        f->prediction[f->n_predictions++] = copy;
    }
    qsort(f->prediction, f->n_predictions, sizeof f->prediction[0], by_task);
    return CLADE_OK;
}
