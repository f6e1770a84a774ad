/* The elastic net among the models: a few coefficients out of all columns. An amount is told by the
 * chance of more than half of those who spent something did, and a line from there. */
#include "predict_internal.h"

#include "clade/elastic_net.h"
#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum {
    NET_ROWS  = 8000, /* learnt from, evenly spaced when there are more */
    PENALTIES = 16,   /* tried when it is tuned, */
    STEPS     = 4,    /* and on the way to the one that is known */
};
static const double last_penalty = 4e-3, tolerance = 1e-5, first_step = 8;

/* Rows as the net reads them: signed logs of all columns, and yes or no. */
typedef struct net_rows {
    size_t   n;
    float   *x;   /* (n, n_columns) */
    uint8_t *yes; /* (n) */
} net_rows;

static void net_rows_free(net_rows *r)
{
    free(r->x);
    free(r->yes);
}

/* pick (n) rows; NULL: rows evenly spaced in [0, n_all). */
static clade_status net_rows_make(net_rows *out, const clade__rows *rows, const uint32_t *pick,
                                  size_t n, size_t n_all, double above, clade_error *err)
{
    const size_t width = rows->n_columns;
    out->n             = n;
    out->x             = CLADE_NEW(float, n *width + 1);
    out->yes           = CLADE_NEW(uint8_t, n + 1);
    if (out->x == NULL || out->yes == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the net of %zu customers", n);
    for (size_t i = 0; i < n; i++) {
        const size_t row = pick != NULL ? pick[i] : i * n_all / n;
        memcpy(out->x + i * width, rows->x + row * width, width * sizeof(float));
        out->yes[i] = rows->y[row] > above;
    }
    clade_signed_log(out->x, out->x, n * width);
    return CLADE_OK;
}

/* What is told apart: 0 for chances, what half of those who spent something exceed for amounts. */
static clade_status settle_border(double *out, const clade__rows *rows, size_t n, bool amount,
                                  clade_error *err)
{
    *out = 0;
    if (!amount) return CLADE_OK;
    double *const spent = CLADE_NEW(double, n + 1);
    size_t        k     = 0;
    if (spent == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu amounts", n);
    for (size_t i = 0; i < n; i++)
        if (rows->y[i] > 0) spent[k++] = rows->y[i];
    if (k > 0) *out = clade_quantile_f64(spent, k, 0.5);
    free(spent);
    return CLADE_OK;
}

/* Which fit of the path loses least on rows that it has not seen. */
static clade_status best_of(size_t *out, const clade_elastic_net *path, const net_rows *tune,
                            clade_error *err)
{
    double *const logit = CLADE_NEW(double, 2 * tune->n + 1);
    double        least = (double)INFINITY;
    if (logit == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to tune the net");
    double *const y = logit + tune->n;
    for (size_t i = 0; i < tune->n; i++)
        y[i] = tune->yes[i];
    *out = path->n_lambda - 1;
    for (size_t l = 0; l < path->n_lambda && tune->n > 0; l++) {
        clade_elastic_net_predict(logit, path, l, tune->x, tune->n);
        const double loss = clade__mean_loss(logit, y, tune->n, false);
        if (!(loss < least)) continue;
        least = loss;
        *out  = l;
    }
    free(logit);
    return CLADE_OK;
}

/* The fit of one penalty, without the columns that say nothing. */
static clade_status keep(clade__net **out, const clade_elastic_net *path, size_t which,
                         clade_error *err)
{
    const double *const coefficient = path->coefficient + which * path->p;
    size_t              n           = 0;
    for (size_t j = 0; j < path->p; j++)
        n += coefficient[j] != 0 && path->scale[j] > 0;
    clade__net *const net = malloc(sizeof *net + n * sizeof net->term[0]);
    if (net == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a net");
    *net =
        (clade__net){ .lambda = path->lambda[which], .intercept = path->intercept[which], .in = 1 };
    for (size_t j = 0; j < path->p; j++)
        if (coefficient[j] != 0 && path->scale[j] > 0)
            net->term[net->n++] =
                (clade__net_term){ (uint32_t)j, path->mean[j], path->scale[j], coefficient[j] };
    *out = net;
    return CLADE_OK;
}

double clade__net_term_of(const clade__net_term *term, const float *row)
{
    const double x = (double)row[term->column];
    if (isnan(x)) return 0;
    const double slog = x < 0 ? -log1p(-x) : log1p(x);
    return term->coefficient * (slog - term->mean) / term->scale;
}

double clade__net_margin(const clade__net *net, const float *row)
{
    double logit = net->intercept;
    for (size_t k = 0; k < net->n; k++)
        logit += clade__net_term_of(&net->term[k], row);
    return net->out + net->in * logit;
}

/* Amounts: from the logit by a line. */
static clade_status settle_line(clade__net *net, const clade__rows *rows, size_t n,
                                clade_error *err)
{
    double *const margin = CLADE_NEW(double, n + 1);
    if (margin == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu amounts", n);
    for (size_t i = 0; i < n; i++)
        margin[i] = clade__net_margin(net, rows->x + i * rows->n_columns);
    clade__calibrate(&net->out, &net->in, margin, rows->y, n, true);
    free(margin);
    return CLADE_OK;
}

static clade_status fit_path(clade__net **out, const clade__rows *rows, size_t n,
                             const uint32_t *tune, size_t n_tune, double known, double border,
                             clade_error *err)
{
    const size_t              n_learn = n < NET_ROWS ? n : NET_ROWS;
    double                    penalty[STEPS];
    net_rows                  learn = { 0 }, asked = { 0 };
    clade_elastic_net        *path    = NULL;
    clade_elastic_net_options options = { .n_lambda  = PENALTIES,
                                          .ratio     = last_penalty,
                                          .tolerance = tolerance };
    size_t                    which   = STEPS - 1;
    for (int k = 0; k < STEPS; k++)
        penalty[k] = known * pow(first_step, 1 - (double)k / (STEPS - 1));
    if (known > 0) {
        options.lambda   = penalty;
        options.n_lambda = STEPS;
    }
    clade_status status = net_rows_make(&learn, rows, NULL, n_learn, n, border, err);
    if (status == CLADE_OK)
        status = clade_elastic_net_fit(&path, learn.x, learn.n, rows->n_columns, learn.yes,
                                       &options, err);
    if (status == CLADE_OK && !(known > 0))
        status = net_rows_make(&asked, rows, tune, n_tune, 0, border, err);
    if (status == CLADE_OK && !(known > 0)) status = best_of(&which, path, &asked, err);
    if (status == CLADE_OK) status = keep(out, path, which, err);
    clade_elastic_net_free(path);
    net_rows_free(&learn);
    net_rows_free(&asked);
    return status;
}

clade_status clade__net_fit(clade__net **place, const clade__rows *rows, size_t n,
                            const uint32_t *tune, size_t n_tune, bool amount, clade_error *err)
{
    const double known  = *place == NULL ? 0 : (*place)->lambda;
    double       border = 0;
    clade__net  *net    = NULL;
    CLADE_TRY(settle_border(&border, rows, n, amount, err));
    CLADE_TRY(fit_path(&net, rows, n, tune, n_tune, known, border, err));
    const clade_status status = amount ? settle_line(net, rows, n, err) : CLADE_OK;
    if (status != CLADE_OK) {
        free(net);
        return status;
    }
    free(*place);
    *place = net;
    return CLADE_OK;
}
