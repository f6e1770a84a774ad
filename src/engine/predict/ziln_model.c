/* Zero-inflated lognormal regression among the models of amounts: columns of features and of the
 * value model, a ridge out of four by the rows that tune. */
#include "predict_internal.h"

#include <math.h>
#include <stdlib.h>

static size_t columns_of(size_t n_features)
{
    return n_features + CLADE__VALUE_COLUMNS;
}

static clade_status take(float **out_x, double **out_y, const clade__rows *rows,
                         const uint32_t *which, size_t n, clade_error *err)
{
    const size_t d = columns_of(rows->n_features);
    *out_x         = CLADE_NEW(float, n *d + 1);
    *out_y         = CLADE_NEW(double, n + 1);
    if (*out_x == NULL || *out_y == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the amounts of %zu customers", n);
    for (size_t i = 0; i < n; i++) {
        const size_t row = which == NULL ? i : which[i];
        memcpy(*out_x + i * d, rows->x + row * rows->n_columns, d * sizeof(float));
        (*out_y)[i] = fmax(0, rows->y[row]);
    }
    return CLADE_OK;
}

/* Each fit starts at the one before, from the stiffest on. */
static clade_status search(clade_ziln **out, double *out_ridge, const float *x, const double *y,
                           size_t n, size_t d, const float *tune_x, const double *tune_y,
                           size_t n_tune, clade_error *err)
{
    static const double ridges[] = { 0.1, 0.03, 0.01, 0.003 };
    double *const       margin   = CLADE_NEW(double, n_tune + 1);
    clade_ziln         *before   = NULL;
    double              best     = (double)INFINITY;
    clade_status        status =
        margin == NULL ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for answers") : CLADE_OK;
    for (size_t k = 0; k < sizeof ridges / sizeof ridges[0] && status == CLADE_OK; k++) {
        clade_ziln *m = NULL;
        status        = clade_ziln_fit(&m, x, n, d, y, ridges[k], before, err);
        if (status != CLADE_OK) break;
        clade_ziln_predict(margin, m, tune_x, n_tune);
        const double loss = clade__mean_loss(margin, tune_y, n_tune, true);
        if (before != *out) free(before);
        before = m;
        if (!(loss < best) && *out != NULL) continue;
        if (*out != before) free(*out);
        *out       = m;
        *out_ridge = ridges[k];
        best       = loss;
    }
    if (before != *out) free(before);
    free(margin);
    return status;
}

clade_status clade__ziln_fit(clade_predictor *p, const clade__rows *rows, size_t n,
                             const uint32_t *tune, size_t n_tune, clade_error *err)
{
    const double usual = 0.03;
    const size_t d     = columns_of(rows->n_features);
    float       *x = NULL, *tune_x = NULL;
    double      *y = NULL, *tune_y = NULL;
    clade_ziln  *m      = NULL;
    clade_status status = take(&x, &y, rows, NULL, n, err);
    if (status == CLADE_OK && p->ziln_ridge == 0 && n_tune > 0) {
        status = take(&tune_x, &tune_y, rows, tune, n_tune, err);
        if (status == CLADE_OK)
            status = search(&m, &p->ziln_ridge, x, y, n, d, tune_x, tune_y, n_tune, err);
    } else if (status == CLADE_OK) {
        status =
            clade_ziln_fit(&m, x, n, d, y, p->ziln_ridge > 0 ? p->ziln_ridge : usual, NULL, err);
    }
    if (status == CLADE_OK) {
        free(p->ziln);
        p->ziln = m;
        m       = NULL;
    }
    free(m);
    free(x);
    free(y);
    free(tune_x);
    free(tune_y);
    return status;
}

clade_status clade__ziln_margin(double *out, const clade_predictor *p, const float *x, size_t n,
                                clade_error *err)
{
    const size_t d    = columns_of(p->n_features);
    float *const copy = CLADE_NEW(float, n *d + 1);
    if (copy == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    for (size_t i = 0; i < n; i++)
        memcpy(copy + i * d, x + i * p->n_columns, d * sizeof *copy);
    clade_ziln_predict(out, p->ziln, copy, n);
    free(copy);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- in model.json */

void clade__ziln_write(clade_json *json, const clade_ziln *m)
{
    clade_json_key(json, "ziln");
    clade_json_object(json);
    clade__json_put_numbers(json, "mean", m->mean, m->p);
    clade__json_put_numbers(json, "spread", m->spread, m->p);
    clade__json_put_numbers(json, "chance", m->chance, m->p + 1);
    clade__json_put_numbers(json, "log_mean", m->log_mean, m->p + 1);
    clade__json_put_numbers(json, "log_spread", m->log_spread, m->p + 1);
    clade_json_object_end(json);
}

clade_status clade__ziln_read(clade_ziln **out, size_t n_features, const clade_json_tree *tree,
                              clade_error *err)
{
    const size_t                 d    = columns_of(n_features);
    const clade_json_node *const node = clade_json_get(tree, tree->node, "ziln");
    if (node == NULL || node->type != CLADE_JSON_OBJECT)
        return clade_fail(err, CLADE_ERR_DATA, "model.json has no object 'ziln'");
    clade_ziln *const m = clade_ziln_create(d);
    if (m == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a predictor");
    *out = m;
    CLADE_TRY(clade__json_numbers(m->mean, d, tree, node, "mean", err));
    CLADE_TRY(clade__json_numbers(m->spread, d, tree, node, "spread", err));
    CLADE_TRY(clade__json_numbers(m->chance, d + 1, tree, node, "chance", err));
    CLADE_TRY(clade__json_numbers(m->log_mean, d + 1, tree, node, "log_mean", err));
    return clade__json_numbers(m->log_spread, d + 1, tree, node, "log_spread", err);
}
