/* Answers for everybody that a task asks about. */
#include "predict_internal.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK_ROWS = 8192 };

void clade__answer_band(clade_prediction *one, const clade_predictor *p)
{
    one->low = one->high = (double)NAN;
    for (size_t b = 0; b < p->n_bands; b++) {
        if (one->value / p->band_scale >= p->band_edge[b] && b + 1 < p->n_bands) continue;
        one->low  = p->band_low[b] * p->band_scale;
        one->high = p->band_high[b] * p->band_scale;
        break;
    }
}

size_t clade__predictor_n_vector(const clade_predictor *p)
{
    return p->n_columns - p->n_features - CLADE__VALUE_COLUMNS;
}

clade_status clade__moment_now(clade__moment **out, const clade_predictor *p, clade_predictions *ps,
                               clade_error *err)
{
    const size_t n_vector = clade__predictor_n_vector(p);
    CLADE_TRY(clade__moment_get(out, ps, ps->as_of_us, err));
    if (n_vector == 0) return CLADE_OK;
    CLADE_TRY(clade__moment_vectors(*out, ps, err));
    if ((*out)->vector == NULL || (*out)->n_vector != n_vector)
        return clade_fail(
            err, CLADE_ERR_NOT_READY,
            "the predictor was fitted with vectors of %zu channels, the behaviour model"
            " has %zu now: fit it again",
            n_vector, (*out)->n_vector);
    return CLADE_OK;
}

/* VALUE has no rows: the models of the moment answer for every buyer. */
static clade_status score_value(clade_prediction *out, size_t *out_n, const clade_predictor *p,
                                const clade__moment *m, clade_error *err)
{
    const size_t  n     = m->people.features.n_customers;
    double *const worth = CLADE_NEW(double, n + 1);
    if (worth == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    const clade_status status = clade__value_worth(worth, m, p->card.task.horizon_days, err);
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        if (isnan(worth[i]) || !clade__task_asks(&p->card.task, m, i)) continue;
        clade_prediction *const one = &out[(*out_n)++];
        one->customer               = m->people.features.customer[i];
        one->value                  = worth[i];
        clade__answer_band(one, p);
    }
    free(worth);
    return status;
}

clade_status clade_predictor_score(clade_prediction **out, size_t *out_n, const clade_predictor *p,
                                   clade_predictions *ps, clade_error *err)
{
    clade__moment *m        = NULL;
    const size_t   n_vector = clade__predictor_n_vector(p);
    CLADE_TRY(clade__moment_now(&m, p, ps, err));
    const size_t            n_all  = m->people.features.n_customers;
    clade_prediction *const all    = CLADE_NEW(clade_prediction, n_all + 1);
    float *const            x      = CLADE_NEW(float, BLOCK_ROWS * p->n_columns);
    double *const           margin = CLADE_NEW(double, BLOCK_ROWS);
    clade_status            status = CLADE_OK;
    size_t                  n      = 0;
    if (all == NULL || x == NULL || margin == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n_all);
    if (status == CLADE_OK && p->card.task.kind == CLADE_TASK_VALUE)
        status = score_value(all, &n, p, m, err);
    const bool by_rows = p->card.task.kind != CLADE_TASK_VALUE;
    for (size_t first = 0; by_rows && first < n_all && status == CLADE_OK;) {
        size_t n_block = 0;
        for (; first < n_all && n_block < BLOCK_ROWS; first++) {
            if (!clade__task_asks(&p->card.task, m, first)) continue;
            clade__row_fill(x + n_block * p->n_columns, m, first, n_vector);
            all[n + n_block++].customer = m->people.features.customer[first];
        }
        status = p->next != NULL ? clade__next_predict(all + n, p, x, n_block, err)
                                 : clade__blend_margin(margin, p, x, n_block, err);
        for (size_t i = 0; i < n_block && status == CLADE_OK && p->next == NULL; i++) {
            all[n + i].value = clade__answer_of(&p->card.task, margin[i]);
            clade__answer_band(&all[n + i], p);
        }
        n += n_block;
        if (status == CLADE_OK) status = clade_interrupt_check(err);
    }
    free(x);
    free(margin);
    if (status != CLADE_OK) {
        free(all);
        return status;
    }
    *out   = all;
    *out_n = n;
    return CLADE_OK;
}
