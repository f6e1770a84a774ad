/* Where customers lay when a predictor was fitted, and how far they have moved since. */
#include "predict_internal.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum { TENTHS = 10 };

/* Values of a column, or the answers, of those whom the task asks about as of the moment of
 * `predictions`: NAN is absence. */
typedef struct columns {
    size_t            n;
    clade_prediction *answer;
    uint32_t         *row; /* (n) of the moment's matrix */
    clade__moment    *moment;
    double           *value; /* (n) room for one column */
} columns;

static void columns_free(columns *c)
{
    free(c->answer);
    free(c->row);
    free(c->value);
}

static clade_status columns_make(columns *c, const clade_predictor *p, clade_predictions *ps,
                                 clade_error *err)
{
    CLADE_TRY(clade_predictor_score(&c->answer, &c->n, p, ps, err));
    CLADE_TRY(clade__moment_now(&c->moment, p, ps, err));
    const clade_features *const f = &c->moment->people.features;
    c->row                        = CLADE_NEW(uint32_t, c->n + 1);
    c->value                      = CLADE_NEW(double, c->n + 1);
    if (c->row == NULL || c->value == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", c->n);
    for (size_t i = 0, at = 0; i < c->n; i++) { /* both rise by customer */
        while (f->customer[at] < c->answer[i].customer)
            at++;
        c->row[i] = (uint32_t)at;
    }
    return CLADE_OK;
}

static void fill(columns *c, int feature)
{
    const clade_features *const f = &c->moment->people.features;
    for (size_t i = 0; i < c->n; i++)
        c->value[i] = feature < 0 ? c->answer[i].value
                                  : (double)f->value[c->row[i] * f->n_features + (size_t)feature];
}

static void count(double *out, const clade__spread *s, const double *value, size_t n)
{
    memset(out, 0, sizeof s->count);
    for (size_t i = 0; i < n; i++) {
        size_t b = 0;
        while (b < s->n_edges && value[i] >= s->edge[b])
            b++;
        out[isnan(value[i]) ? s->n_edges + 1 : b] += 1;
    }
}

/* Edges at the tenths; equal ones come together. */
static clade_status settle(clade__spread *s, columns *c, clade_error *err)
{
    double *const present = CLADE_NEW(double, c->n + 1);
    size_t        n       = 0;
    if (present == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for tenths of %zu", c->n);
    fill(c, s->feature);
    for (size_t i = 0; i < c->n; i++)
        if (!isnan(c->value[i])) present[n++] = c->value[i];
    for (int t = 1; t < TENTHS && n > 0; t++) {
        const double edge = clade_quantile_f64(present, n, (double)t / TENTHS);
        if (s->n_edges == 0 || edge > s->edge[s->n_edges - 1]) s->edge[s->n_edges++] = edge;
    }
    count(s->count, s, c->value, c->n);
    free(present);
    return CLADE_OK;
}

clade_status clade__spreads_settle(clade_predictor *p, clade_predictions *ps, clade_error *err)
{
    clade_predict_weight *weight = NULL;
    size_t                n      = 0;
    columns               c      = { 0 };
    clade_status          status = columns_make(&c, p, ps, err);
    if (status == CLADE_OK && p->card.task.kind != CLADE_TASK_VALUE && c.n > 0)
        status = clade_predictor_weigh(&weight, &n, p, ps, err);
    for (size_t i = 0; status == CLADE_OK && i < n && i < CLADE_PREDICT_TOP; i++)
        p->card.top[p->card.n_top++] = weight[i];
    if (status == CLADE_OK) {
        p->spread[p->n_spreads++].feature = -1;
        for (size_t i = 0; i < p->card.n_top; i++)
            if (p->card.top[i].feature >= 0)
                p->spread[p->n_spreads++].feature = p->card.top[i].feature;
    }
    for (size_t i = 0; status == CLADE_OK && i < p->n_spreads; i++)
        status = settle(&p->spread[i], &c, err);
    free(weight);
    columns_free(&c);
    return status;
}

/* Half a customer is added to each bin, so that an empty one stays finite. */
static double stability_of(const clade__spread *s, const double *now)
{
    const size_t n_bins = s->n_edges + 2;
    double       then_n = 0, now_n = 0, psi = 0;
    for (size_t b = 0; b < n_bins; b++) {
        then_n += s->count[b] + 0.5;
        now_n += now[b] + 0.5;
    }
    for (size_t b = 0; b < n_bins; b++) {
        const double then_share = (s->count[b] + 0.5) / then_n, now_share = (now[b] + 0.5) / now_n;
        psi += (now_share - then_share) * log(now_share / then_share);
    }
    return psi;
}

clade_status clade_predictor_drift(clade_predict_drift *out, size_t *out_n,
                                   const clade_predictor *p, clade_predictions *ps,
                                   clade_error *err)
{
    columns      c      = { 0 };
    clade_status status = CLADE_OK;
    if (p->n_spreads > 0) status = columns_make(&c, p, ps, err);
    for (size_t i = 0; status == CLADE_OK && i < p->n_spreads; i++) {
        double now[11];
        fill(&c, p->spread[i].feature);
        count(now, &p->spread[i], c.value, c.n);
        out[i] = (clade_predict_drift){ p->spread[i].feature, stability_of(&p->spread[i], now) };
    }
    if (status == CLADE_OK) *out_n = p->n_spreads;
    columns_free(&c);
    return status;
}
