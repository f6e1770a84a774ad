/* Credible intervals: parameters drawn around the maximum with its covariance, each draw asked for
 * every customer, and quantiles of what they say. */
#include "answers.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum { CHUNK = 64, DRAWS_DEFAULT = 400 };

/* Models that differ from the fitted one in param, buy and leave alone. */
static void draw_models(clade_value_model *out, const clade_value_model *model, size_t n,
                        uint64_t seed)
{
    const clade__value_law *law = clade__value_law_of(model->kind);
    const size_t            k = model->n_covariates, m = model->n_params + 2 * k;
    double                  lower[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA];
    memcpy(lower, model->covariance, m * m * sizeof *lower);
    for (size_t i = 0; i < m; i++) /* a covariate that is the same for all has no variance */
        lower[i * m + i] = lower[i * m + i] * (1 + 1e-12) + 1e-18;
    if (!clade_cholesky(lower, m)) { /* lost to rounding: deviations alone */
        memset(lower, 0, m * m * sizeof *lower);
        for (size_t i = 0; i < m; i++)
            lower[i * m + i] = sqrt(fmax(0, model->covariance[i * m + i]));
    }
    for (size_t d = 0; d < n; d++) {
        clade_rng rng = clade_rng_stream(seed, "value/draws", d);
        double    normal[CLADE_VALUE_MAX_THETA];
        out[d] = *model;
        for (size_t i = 0; i < m; i++) {
            normal[i] = clade_rng_normal(&rng);
            for (size_t j = 0; j <= i; j++)
                out[d].theta[i] += lower[i * m + j] * normal[j];
        }
        for (size_t i = 0; i < law->n_params; i++)
            out[d].param[i] = law->floor[i] + exp(out[d].theta[i]);
        for (size_t j = 0; j < k; j++) {
            out[d].buy[j]   = out[d].theta[law->n_params + j];
            out[d].leave[j] = out[d].theta[law->n_params + k + j];
        }
    }
}

typedef struct errand {
    const clade__value_ask  *ask;
    const clade_value_model *buying; /* (n_draws) or NULL */
    const clade_value_model *spend;  /* (n_draws) or NULL */
    size_t                   n_draws;
    double                   level;
    double                  *low, *high;
    double                  *scratch; /* (workers, n_draws) */
} errand;

static void bound_chunk(size_t chunk, int worker, void *context)
{
    const errand *const e    = context;
    const size_t        from = chunk * CHUNK, n = e->ask->customers->n;
    double *const       answer = e->scratch + (size_t)worker * e->n_draws;
    for (size_t i = from; i < n && i < from + CHUNK; i++) {
        for (size_t d = 0; d < e->n_draws; d++) {
            clade__value_ask ask = *e->ask;
            if (e->buying != NULL) ask.buying = &e->buying[d];
            if (e->spend != NULL) ask.spend = &e->spend[d];
            answer[d] = clade__value_ask_one(&ask, i);
        }
        clade_sort_f64(answer, e->n_draws);
        e->low[i]  = clade_quantile_sorted(answer, e->n_draws, 0.5 * (1 - e->level));
        e->high[i] = clade_quantile_sorted(answer, e->n_draws, 0.5 * (1 + e->level));
    }
}

clade_status clade_value_interval(double *out_low, double *out_high, clade_value_what what,
                                  const clade_value_model *buying, const clade_value_model *spend,
                                  const clade_value_customers *customers,
                                  clade_value_horizon horizon, clade_value_draws draws,
                                  clade_error *err)
{
    const bool       money = what == CLADE_VALUE_WHAT_SPEND || what == CLADE_VALUE_WHAT_WORTH;
    clade__value_ask ask   = { .what      = what,
                               .buying    = what == CLADE_VALUE_WHAT_SPEND ? NULL : buying,
                               .spend     = money ? spend : NULL,
                               .customers = customers,
                               .horizon   = horizon };
    const size_t     n     = draws.n == 0 ? DRAWS_DEFAULT : draws.n;
    const double     level = draws.level == 0 ? 0.9 : draws.level;
    if (n > CLADE_VALUE_MAX_DRAWS || !(level > 0 && level < 1)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "%zu draws for a level of %g, wanted up to %d and a level in (0, 1)", n,
                          level, CLADE_VALUE_MAX_DRAWS);
    }
    if (what == CLADE_VALUE_WHAT_SPEND ? spend == NULL : buying == NULL) {
        return clade_fail(err, CLADE_ERR_ARG, "the interval asked for needs a model of %s",
                          what == CLADE_VALUE_WHAT_SPEND ? "spend" : "buying");
    }
    CLADE_TRY(clade__value_ask_check(&ask, err));

    clade_value_model *buyings = ask.buying == NULL ? NULL : CLADE_NEW(clade_value_model, n);
    clade_value_model *spends  = ask.spend == NULL ? NULL : CLADE_NEW(clade_value_model, n);
    double            *scratch = CLADE_NEW(double, n *(size_t)clade_threads_get());
    clade_status       status  = CLADE_OK;
    if (scratch == NULL || (ask.buying != NULL && buyings == NULL) ||
        (ask.spend != NULL && spends == NULL)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu draws", n);
        goto done;
    }
    if (buyings != NULL) draw_models(buyings, ask.buying, n, draws.seed);
    if (spends != NULL) draw_models(spends, ask.spend, n, draws.seed + 1);
    errand e = { &ask, buyings, spends, n, level, out_low, out_high, scratch };
    clade_parallel((customers->n + CHUNK - 1) / CHUNK, bound_chunk, &e);
done:
    free(buyings);
    free(spends);
    free(scratch);
    return status;
}
