/* What single items of a history add to an answer by way of the behaviour model's vectors: leave
 * one out, as recommend's reasons do. Runs once a question about a customer. */
#include "explain_internal.h"

#include "../behaviour_recommend.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const clade_predict_event *x = a, *y = b;
    if (fabs(x->margin) != fabs(y->margin)) return fabs(x->margin) > fabs(y->margin) ? -1 : 1;
    return strcmp(x->item, y->item);
}

/* x (n + 1, n_columns): the customer with the vector of each history, the whole one first. */
static clade_status ask(clade_predict_event *out, const clade_predictor *p, const float *row,
                        const clade__left_out *l, const clade_vocabulary *vocabulary,
                        clade_error *err)
{
    const size_t  at     = p->n_features + CLADE__VALUE_COLUMNS;
    float *const  x      = CLADE_NEW(float, (l->n + 1) * p->n_columns);
    double *const margin = CLADE_NEW(double, l->n + 1);
    clade_status  status = x == NULL || margin == NULL
                               ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for single events")
                               : CLADE_OK;
    for (size_t v = 0; v <= l->n && status == CLADE_OK; v++) {
        memcpy(x + v * p->n_columns, row, p->n_columns * sizeof *x);
        memcpy(x + v * p->n_columns + at, l->vectors + v * l->d, l->d * sizeof *x);
    }
    if (status == CLADE_OK) status = clade__blend_margin(margin, p, x, l->n + 1, err);
    for (size_t k = 0; k < l->n && status == CLADE_OK; k++) {
        out[k].margin = margin[0] - margin[k + 1];
        out[k].points = clade__answer_of(&p->card.task, margin[0]) -
                        clade__answer_of(&p->card.task, margin[k + 1]);
        clade__item_name(out[k].item, vocabulary, l->item[k]);
    }
    if (status == CLADE_OK) qsort(out, l->n, sizeof *out, by_size);
    free(x);
    free(margin);
    return status;
}

clade_status clade_predictor_events(clade_predict_event **out, size_t *out_n,
                                    const clade_predictor *p, clade_predictions *ps,
                                    int64_t customer, clade_error *err)
{
    float                *row  = NULL;
    clade_shop_histories *h    = NULL;
    clade__left_out       left = { 0 };
    CLADE_TRY(clade__customer_fill(&row, p, ps, customer, err));
    clade_predict_event *const event = CLADE_NEW(clade_predict_event, CLADE_RECOMMEND_GROUNDS);
    const bool takes_part            = clade__predictor_n_vector(p) > 0 && ps->behaviour != NULL &&
                            p->card.weight[CLADE_PREDICT_JOINT] > 0;
    clade_status status =
        event == NULL ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for events") : CLADE_OK;
    if (status == CLADE_OK && takes_part)
        status = clade_shop_histories_read(&h, ps->store, ps->behaviour, ps->as_of_us, &customer, 1,
                                           err);
    if (status == CLADE_OK && h != NULL && h->sequences->n_customers == 1) {
        status = clade__left_out_find(&left, h, 0, err);
        if (status == CLADE_OK) status = ask(event, p, row, &left, h->vocabulary, err);
    }
    clade_shop_histories_free(h);
    free(left.vectors);
    free(row);
    if (status != CLADE_OK) {
        free(event);
        return status;
    }
    *out   = event;
    *out_n = left.n;
    return CLADE_OK;
}
