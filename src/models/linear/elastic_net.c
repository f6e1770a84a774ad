/* The elastic net for a label, along a path of penalties. Columns are kept standardised and one
 * after the other in double, so that a step of coordinate descent reads memory in its order. */
#include "clade/elastic_net.h"

#include <math.h>
#include <stdlib.h>

enum { NEWTON_STEPS_MAX = 50, PASSES_MAX = 1000 };

static const double least_curve = 1e-5; /* of a row: p (1 - p) is not let below, as in glmnet */

typedef struct net_work {
    size_t         n, p;
    const uint8_t *label;
    double        *z;      /* (p, n) standardised, absence 0 */
    double        *curve;  /* (n) p (1 - p) */
    double        *rest;   /* (n) working residual */
    double        *logit;  /* (n) */
    double        *second; /* (p) mean of curve z^2 */
    double        *before; /* (p) */
    double        *b;      /* (p) */
    double         intercept;
    double         alpha, tolerance;
} net_work;

static void work_free(net_work *w)
{
    double *all[] = { w->z, w->curve, w->rest, w->logit, w->second, w->before, w->b };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

void clade_elastic_net_free(clade_elastic_net *model)
{
    if (model == NULL) return;
    double *all[] = { model->mean, model->scale, model->lambda, model->intercept,
                      model->coefficient };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    free(model);
}

static clade_status check(const clade_elastic_net_options *o, const float *x, size_t n, size_t p,
                          const uint8_t *label, clade_error *err)
{
    size_t n_yes = 0;
    if (n < 2 || p < 1) {
        return clade_fail(err, CLADE_ERR_ARG, "%zu rows of %zu columns: wanted 2 and 1 at least", n,
                          p);
    }
    if (!(o->alpha > 0.0 && o->alpha <= 1.0)) {
        return clade_fail(err, CLADE_ERR_ARG, "alpha is %g: wanted above 0 and at most 1",
                          o->alpha);
    }
    if (o->n_lambda < 1 || o->n_lambda > CLADE_ELASTIC_NET_LAMBDAS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "%zu penalties: wanted 1 to %d", o->n_lambda,
                          CLADE_ELASTIC_NET_LAMBDAS_MAX);
    }
    if (!(o->ratio > 0.0 && o->ratio < 1.0) || !(o->tolerance > 0.0)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "ratio %g, tolerance %g: wanted in (0, 1), and above 0", o->ratio,
                          o->tolerance);
    }
    for (size_t l = 0; o->lambda != NULL && l < o->n_lambda; l++) {
        if (o->lambda[l] > 0.0 && isfinite(o->lambda[l]) &&
            (l == 0 || o->lambda[l] < o->lambda[l - 1]))
            continue;
        return clade_fail(err, CLADE_ERR_ARG, "lambda[%zu] is %g: wanted falling and above 0", l,
                          o->lambda[l]);
    }
    for (size_t i = 0; i < n * p; i++) {
        if (!isinf(x[i])) continue;
        return clade_fail(err, CLADE_ERR_DATA, "x[%zu, %zu] is infinite", i / p, i % p);
    }
    for (size_t i = 0; i < n; i++) {
        if (label[i] > 1) {
            return clade_fail(err, CLADE_ERR_DATA, "label[%zu] is %u: wanted 0 or 1", i, label[i]);
        }
        n_yes += label[i];
    }
    if (n_yes > 0 && n_yes < n) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_DATA, "all labels are %d: nothing to tell apart", n_yes > 0);
}

static void standardise(net_work *w, clade_elastic_net *m, const float *x)
{
    for (size_t j = 0; j < w->p; j++) {
        double *z   = w->z + j * w->n;
        double  sum = 0.0, sum2 = 0.0;
        size_t  known = 0;
        for (size_t i = 0; i < w->n; i++) {
            const float value = x[i * w->p + j];
            if (isnan(value)) continue;
            sum += (double)value;
            known++;
        }
        m->mean[j] = known == 0 ? 0.0 : sum / (double)known;
        for (size_t i = 0; i < w->n; i++) {
            const float value = x[i * w->p + j];
            z[i]              = isnan(value) ? 0.0 : (double)value - m->mean[j];
            sum2 += z[i] * z[i];
        }
        m->scale[j] = sqrt(sum2 / (double)w->n);
        if (!(m->scale[j] > 1e-9 * fabs(m->mean[j]))) m->scale[j] = 0.0;
        for (size_t i = 0; i < w->n; i++)
            z[i] = m->scale[j] > 0.0 ? z[i] / m->scale[j] : 0.0;
    }
}

/* ---------------------------------------------------------------- one penalty */

/* The quadratic that Newton's method sees from here. */
static void expand(net_work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const double chance = 1.0 / (1.0 + exp(-w->logit[i]));
        w->curve[i]         = fmax(chance * (1.0 - chance), least_curve);
        w->rest[i]          = (w->label[i] - chance) / w->curve[i];
    }
    for (size_t j = 0; j < w->p; j++) {
        const double *z   = w->z + j * w->n;
        double        sum = 0.0;
        for (size_t i = 0; i < w->n; i++)
            sum += w->curve[i] * z[i] * z[i];
        w->second[j] = sum / (double)w->n;
    }
}

static double move_intercept(net_work *w)
{
    double sum = 0.0, total = 0.0;
    for (size_t i = 0; i < w->n; i++) {
        sum += w->curve[i] * w->rest[i];
        total += w->curve[i];
    }
    const double step = sum / total;
    for (size_t i = 0; i < w->n; i++)
        w->rest[i] -= step;
    w->intercept += step;
    return total / (double)w->n * step * step;
}

/* One coefficient to its best value, all others held: soft thresholding. */
static double move_one(net_work *w, size_t j, double lambda)
{
    const double *z = w->z + j * w->n;
    double        g = 0.0;
    if (!(w->second[j] > 0.0)) return 0.0;
    for (size_t i = 0; i < w->n; i++)
        g += w->curve[i] * z[i] * w->rest[i];
    g                   = g / (double)w->n + w->second[j] * w->b[j];
    const double excess = fabs(g) - lambda * w->alpha;
    const double next =
        excess <= 0.0 ? 0.0 : copysign(excess, g) / (w->second[j] + lambda * (1.0 - w->alpha));
    const double step = next - w->b[j];
    if (step == 0.0) return 0.0;
    for (size_t i = 0; i < w->n; i++)
        w->rest[i] -= step * z[i];
    w->b[j] = next;
    return w->second[j] * step * step;
}

/* Largest squared change of the logit by one coefficient. */
static double pass(net_work *w, double lambda, bool all)
{
    double most = move_intercept(w);
    for (size_t j = 0; j < w->p; j++) {
        if (all || w->b[j] != 0.0) most = fmax(most, move_one(w, j, lambda));
    }
    return most;
}

static void descend(net_work *w, double lambda)
{
    for (int turn = 0; turn < PASSES_MAX; turn++) {
        if (pass(w, lambda, true) < w->tolerance) return;
        for (int i = 0; i < PASSES_MAX && pass(w, lambda, false) >= w->tolerance; i++) {
        }
    }
}

static void set_logit(net_work *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->logit[i] = w->intercept;
    for (size_t j = 0; j < w->p; j++) {
        const double *z = w->z + j * w->n;
        if (w->b[j] == 0.0) continue;
        for (size_t i = 0; i < w->n; i++)
            w->logit[i] += w->b[j] * z[i];
    }
}

static void fit_one(net_work *w, double lambda)
{
    for (int step = 0; step < NEWTON_STEPS_MAX; step++) {
        const double from = w->intercept;
        double       most = 0.0;
        memcpy(w->before, w->b, w->p * sizeof *w->b);
        expand(w);
        descend(w, lambda);
        set_logit(w);
        most = 0.25 * (w->intercept - from) * (w->intercept - from);
        for (size_t j = 0; j < w->p; j++) {
            const double moved = w->b[j] - w->before[j];
            most               = fmax(most, w->second[j] * moved * moved);
        }
        if (most < w->tolerance) return;
    }
}

/* ---------------------------------------------------------------- the path */

/* The least penalty that leaves nothing but the intercept. */
static double first_lambda(const net_work *w, double mean)
{
    double most = 0.0;
    for (size_t j = 0; j < w->p; j++) {
        const double *z   = w->z + j * w->n;
        double        sum = 0.0;
        for (size_t i = 0; i < w->n; i++)
            sum += z[i] * (w->label[i] - mean);
        most = fmax(most, fabs(sum) / (double)w->n);
    }
    return most / w->alpha;
}

static clade_status make_room(net_work *w, clade_elastic_net *m, clade_error *err)
{
    size_t cells = 0;
    if (!clade_size_mul(&cells, w->n, w->p)) cells = SIZE_MAX;
    w->z           = CLADE_NEW(double, cells);
    w->curve       = CLADE_NEW(double, w->n);
    w->rest        = CLADE_NEW(double, w->n);
    w->logit       = CLADE_NEW(double, w->n);
    w->second      = CLADE_NEW(double, w->p);
    w->before      = CLADE_NEW(double, w->p);
    w->b           = CLADE_NEW(double, w->p);
    m->mean        = CLADE_NEW(double, w->p);
    m->scale       = CLADE_NEW(double, w->p);
    m->lambda      = CLADE_NEW(double, m->n_lambda);
    m->intercept   = CLADE_NEW(double, m->n_lambda);
    m->coefficient = CLADE_NEW(double, m->n_lambda * w->p);
    if (w->z != NULL && w->curve != NULL && w->rest != NULL && w->logit != NULL &&
        w->second != NULL && w->before != NULL && w->b != NULL && m->mean != NULL &&
        m->scale != NULL && m->lambda != NULL && m->intercept != NULL && m->coefficient != NULL)
        return CLADE_OK;
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for an elastic net of %zu rows, %zu columns",
                      w->n, w->p);
}

clade_status clade_elastic_net_fit(clade_elastic_net **out_model, const float *x, size_t n,
                                   size_t p, const uint8_t *label,
                                   const clade_elastic_net_options *options, clade_error *err)
{
    clade_elastic_net_options o = options == NULL ? (clade_elastic_net_options){ 0 } : *options;
    clade_status              status = CLADE_OK;
    net_work                  w      = { .n = n, .p = p, .label = label };
    double                    mean = 0.0, first = 0.0;
    if (o.alpha == 0.0) o.alpha = 0.5;
    if (o.n_lambda == 0) o.n_lambda = 40;
    if (o.ratio == 0.0) o.ratio = 1e-3;
    if (o.tolerance == 0.0) o.tolerance = 1e-7;
    CLADE_TRY(check(&o, x, n, p, label, err));
    clade_elastic_net *m = CLADE_NEW(clade_elastic_net, 1);
    if (m == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for an elastic net");
    m->p        = p;
    m->n_lambda = o.n_lambda;
    w.alpha     = o.alpha;
    w.tolerance = o.tolerance;
    status      = make_room(&w, m, err);
    if (status != CLADE_OK) goto done;
    standardise(&w, m, x);
    for (size_t i = 0; i < n; i++)
        mean += label[i];
    mean /= (double)n;
    first = first_lambda(&w, mean);
    if (!(first > 0.0)) {
        status = clade_fail(err, CLADE_ERR_DATA, "no column has anything to do with the label");
        goto done;
    }
    w.intercept = log(mean / (1.0 - mean));
    set_logit(&w);
    for (size_t l = 0; l < o.n_lambda; l++) {
        const double share = o.n_lambda == 1 ? 0.0 : (double)l / (double)(o.n_lambda - 1);
        m->lambda[l]       = o.lambda != NULL ? o.lambda[l] : first * pow(o.ratio, share);
        fit_one(&w, m->lambda[l]);
        m->intercept[l] = w.intercept;
        memcpy(m->coefficient + l * p, w.b, p * sizeof *w.b);
    }
    *out_model = m;
    m          = NULL;
done:
    work_free(&w);
    clade_elastic_net_free(m);
    return status;
}

void clade_elastic_net_predict(double *out_logit, const clade_elastic_net *model, size_t which,
                               const float *x, size_t n)
{
    const double *b = model->coefficient + which * model->p;
    for (size_t i = 0; i < n; i++) {
        double sum = model->intercept[which];
        for (size_t j = 0; j < model->p; j++) {
            const float value = x[i * model->p + j];
            if (b[j] == 0.0 || isnan(value)) continue;
            sum += b[j] * (((double)value - model->mean[j]) / model->scale[j]);
        }
        out_logit[i] = sum;
    }
}
