/* Customers that stand for all, as the models of a predictor see them. */
#include "explain_internal.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

clade_status clade__margin_of_blend(double *out, const void *predictor, const float *x, size_t n,
                                    clade_error *err)
{
    return clade__blend_margin(out, predictor, x, n, err);
}

void clade__sample_free(clade__sample *s)
{
    free(s->row);
    free(s->x);
    free(s->margin);
    *s = (clade__sample){ 0 };
}

/* Of those asked about, the k-th is taken where k * limit / n passes a whole number. */
static size_t pick(uint32_t *out, const clade_predictor *p, const clade__moment *m, size_t limit)
{
    const size_t n       = m->people.features.n_customers;
    size_t       n_asked = 0, n_out = 0, k = 0;
    for (size_t i = 0; i < n; i++)
        n_asked += clade__task_asks(&p->card.task, m, i);
    for (size_t i = 0; i < n; i++) {
        if (!clade__task_asks(&p->card.task, m, i)) continue;
        const bool taken = n_asked <= limit || (k + 1) * limit / n_asked > k * limit / n_asked;
        if (taken) out[n_out++] = (uint32_t)i;
        k++;
    }
    return n_out;
}

/* VALUE: no rows go into its answer, the probability models give it. */
static clade_status value_margins(clade__sample *s, const clade_predictor *p, clade_error *err)
{
    double *const worth = CLADE_NEW(double, s->moment->people.features.n_customers + 1);
    if (worth == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for answers");
    const clade_status status =
        clade__value_worth(worth, s->moment, p->card.task.horizon_days, err);
    size_t n = 0;
    for (size_t i = 0; i < s->n && status == CLADE_OK; i++) {
        if (isnan(worth[s->row[i]])) continue;
        memmove(s->x + n * s->n_columns, s->x + i * s->n_columns, s->n_columns * sizeof(float));
        s->margin[n] = log(fmax(worth[s->row[i]], 1e-7));
        s->row[n++]  = s->row[i];
    }
    s->n = n;
    free(worth);
    return status;
}

clade_status clade__sample_make(clade__sample *out, const clade_predictor *p, clade_predictions *ps,
                                size_t limit, clade_error *err)
{
    clade__sample  s = { .n_columns = p->n_columns };
    clade__moment *m = NULL;
    size_t         n_values;
    CLADE_TRY(clade__moment_now(&m, p, ps, err));
    s.moment            = m;
    s.row               = CLADE_NEW(uint32_t, m->people.features.n_customers + 1);
    clade_status status = CLADE_OK;
    if (s.row != NULL) {
        s.n = pick(s.row, p, m, limit);
        s.x = clade_size_mul(&n_values, s.n + 1, s.n_columns) ? CLADE_NEW(float, n_values) : NULL;
        s.margin = CLADE_NEW(double, s.n + 1);
    }
    if (s.row == NULL || s.x == NULL || s.margin == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers to explain by", s.n);
    for (size_t i = 0; i < s.n && status == CLADE_OK; i++)
        clade__row_fill(s.x + i * s.n_columns, m, s.row[i], clade__predictor_n_vector(p));
    if (status == CLADE_OK)
        status = p->card.task.kind == CLADE_TASK_VALUE
                     ? value_margins(&s, p, err)
                     : clade__blend_margin(s.margin, p, s.x, s.n, err);
    if (status == CLADE_OK) {
        *out = s;
    } else {
        clade__sample_free(&s);
    }
    return status;
}

size_t clade__sample_sorted(double *out, const clade__sample *s, size_t column)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const float value = s->x[i * s->n_columns + column];
        if (!isnan(value)) out[n++] = (double)value;
    }
    clade_sort_f64(out, n);
    return n;
}

clade_status clade__customer_find(clade__moment **out_now, size_t *out_row,
                                  const clade_predictor *p, clade_predictions *ps, int64_t customer,
                                  clade_error *err)
{
    char name[96];
    CLADE_TRY(clade__moment_now(out_now, p, ps, err));
    const clade_features *const f = &(*out_now)->people.features;
    *out_row                      = clade__customer_row(f, customer);
    if (*out_row < f->n_customers && clade__task_asks(&p->card.task, *out_now, *out_row))
        return CLADE_OK;
    clade_task_name(name, &p->card.task);
    return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s does not ask about this customer", name);
}

clade_status clade__customer_fill(float **out_row, const clade_predictor *p, clade_predictions *ps,
                                  int64_t customer, clade_error *err)
{
    clade__moment *m  = NULL;
    size_t         at = 0;
    CLADE_TRY(clade__customer_find(&m, &at, p, ps, customer, err));
    *out_row = CLADE_NEW(float, p->n_columns + 1);
    if (*out_row == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a customer");
    clade__row_fill(*out_row, m, at, clade__predictor_n_vector(p));
    return CLADE_OK;
}

clade_status clade__explains_features(const clade_predictor *p, const int *feature, size_t n,
                                      clade_error *err)
{
    char name[96];
    clade_task_name(name, &p->card.task);
    if (p->card.task.kind == CLADE_TASK_VALUE)
        return clade_fail(err, CLADE_ERR_ARG,
                          "%s looks at purchases alone: there is no feature to move", name);
    for (size_t i = 0; i < n; i++)
        if (feature[i] < 0 || (size_t)feature[i] >= p->n_features)
            return clade_fail(err, CLADE_ERR_ARG, "feature %d of %s, wanted one of 0 to %zu",
                              feature[i], name, p->n_features - 1);
    return CLADE_OK;
}
