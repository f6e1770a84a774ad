/* The shape of effects: what a model says along one feature, by partial dependence and by
 * accumulated local effects, and which pairs of features say something only together.
 *
 * Runs once a question about a model. docs/maths/explain.md. */
#include "explain_internal.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum { EFFECT_ROWS = 500 };

typedef struct effect_work {
    float  *x; /* (n, n_columns) of those who have the feature */
    double *own, *sorted, *margin, *low;
    size_t *bin; /* (n) */
} effect_work;

static void work_free(effect_work *w)
{
    free(w->x);
    free(w->own);
    free(w->sorted);
    free(w->margin);
    free(w->low);
    free(w->bin);
}

/* Rows where the column is present. */
static clade_status take_present(effect_work *w, clade_predict_effect *out, size_t column,
                                 const float *x, size_t n, size_t n_columns, clade_error *err)
{
    w->x      = CLADE_NEW(float, n *n_columns + 1);
    w->own    = CLADE_NEW(double, n + 1);
    w->sorted = CLADE_NEW(double, n + 1);
    w->margin = CLADE_NEW(double, n + 1);
    w->low    = CLADE_NEW(double, n + 1);
    w->bin    = CLADE_NEW(size_t, n + 1);
    if (w->x == NULL || w->own == NULL || w->sorted == NULL || w->margin == NULL ||
        w->low == NULL || w->bin == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the effect of a feature");
    for (size_t i = 0; i < n; i++) {
        const float *const row = x + i * n_columns;
        if (isnan(row[column])) continue;
        memcpy(w->x + out->n_rows * n_columns, row, n_columns * sizeof *row);
        w->own[out->n_rows] = w->sorted[out->n_rows] = (double)row[column];
        out->n_rows++;
    }
    out->absent = n == 0 ? (double)NAN : 1 - (double)out->n_rows / (double)n;
    clade_sort_f64(w->sorted, out->n_rows);
    return CLADE_OK;
}

/* Values that customers have, at equal steps of rank, each once; and the bin of everybody. */
static void lay_grid(clade_predict_effect *out, effect_work *w)
{
    const size_t last = out->n_rows - 1;
    for (size_t k = 0; k < CLADE_EFFECT_POINTS; k++) {
        const double at =
            w->sorted[(k * last + (CLADE_EFFECT_POINTS - 1) / 2) / (CLADE_EFFECT_POINTS - 1)];
        if (out->n == 0 || at > out->grid[out->n - 1]) out->grid[out->n++] = at;
    }
    if (out->n < 2) {
        out->n = 0;
        return;
    }
    for (size_t i = 0; i < out->n_rows; i++) {
        w->bin[i] = 1;
        while (w->bin[i] + 1 < out->n && w->own[i] > out->grid[w->bin[i]])
            w->bin[i]++;
        out->n_to[w->bin[i]]++;
    }
}

static clade_status fill_partial(clade_predict_effect *out, effect_work *w,
                                 const clade_predict_task *task, size_t column, size_t n_columns,
                                 clade__margin_of *of, const void *model, clade_error *err)
{
    for (size_t k = 0; k < out->n; k++) {
        for (size_t i = 0; i < out->n_rows; i++)
            w->x[i * n_columns + column] = (float)out->grid[k];
        CLADE_TRY(of(w->margin, model, w->x, out->n_rows, err));
        for (size_t i = 0; i < out->n_rows; i++) {
            out->partial[k] += w->margin[i] / (double)out->n_rows;
            out->answer[k] += clade__answer_of(task, w->margin[i]) / (double)out->n_rows;
        }
    }
    return CLADE_OK;
}

/* Mean step over each bin, summed from the left, less its mean over customers, who lie on average
 * in the middle of their bin (Apley and Zhu 2020, (15) and (16)). */
static clade_status fill_ale(clade_predict_effect *out, effect_work *w, size_t column,
                             size_t n_columns, clade__margin_of *of, const void *model,
                             clade_error *err)
{
    double mean = 0;
    for (size_t i = 0; i < out->n_rows; i++)
        w->x[i * n_columns + column] = (float)out->grid[w->bin[i] - 1];
    CLADE_TRY(of(w->low, model, w->x, out->n_rows, err));
    for (size_t i = 0; i < out->n_rows; i++)
        w->x[i * n_columns + column] = (float)out->grid[w->bin[i]];
    CLADE_TRY(of(w->margin, model, w->x, out->n_rows, err));
    for (size_t i = 0; i < out->n_rows; i++)
        out->ale[w->bin[i]] += (w->margin[i] - w->low[i]) / (double)out->n_to[w->bin[i]];
    for (size_t k = 1; k < out->n; k++) {
        out->ale[k] += out->ale[k - 1];
        mean += (double)out->n_to[k] / (double)out->n_rows * 0.5 * (out->ale[k - 1] + out->ale[k]);
    }
    for (size_t k = 0; k < out->n; k++)
        out->ale[k] -= mean;
    return CLADE_OK;
}

clade_status clade__effect_fill(clade_predict_effect *out, const clade_predict_task *task,
                                size_t column, const float *x, size_t n, size_t n_columns,
                                clade__margin_of *of, const void *model, clade_error *err)
{
    clade_predict_effect e      = { .feature = (int)column };
    effect_work          w      = { 0 };
    clade_status         status = take_present(&w, &e, column, x, n, n_columns, err);
    if (status == CLADE_OK && e.n_rows > 0) lay_grid(&e, &w);
    if (status == CLADE_OK && e.n > 0)
        status = fill_partial(&e, &w, task, column, n_columns, of, model, err);
    if (status == CLADE_OK && e.n > 0) status = fill_ale(&e, &w, column, n_columns, of, model, err);
    if (status == CLADE_OK) *out = e;
    work_free(&w);
    return status;
}

clade_status clade_predictor_effects(clade_predict_effect *out, const clade_predictor *p,
                                     clade_predictions *ps, const int *feature, size_t n,
                                     clade_error *err)
{
    clade__sample s = { 0 };
    CLADE_TRY(clade__explains_features(p, feature, n, err));
    CLADE_TRY(clade__sample_make(&s, p, ps, EFFECT_ROWS, err));
    clade_status status = CLADE_OK;
    for (size_t k = 0; k < n && status == CLADE_OK; k++)
        status = clade__effect_fill(&out[k], &p->card.task, (size_t)feature[k], s.x, s.n,
                                    s.n_columns, clade__margin_of_blend, p, err);
    clade__sample_free(&s);
    return status;
}
