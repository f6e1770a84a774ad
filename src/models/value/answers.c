/* What a model says of customers: parameters with covariates applied, then the law's own formula,
 * customer by customer in parallel. */
#include "answers.h"

#include <math.h>

enum { CHUNK = 256 };

void clade__value_params(double *out, const clade_value_model *model, const double *covariate)
{
    const clade__value_law *law = clade__value_law_of(model->kind);
    memcpy(out, model->param, sizeof model->param);
    if (covariate == NULL || model->n_covariates == 0) return;
    double buy = 0, leave = 0;
    for (size_t j = 0; j < model->n_covariates; j++) {
        buy += model->buy[j] * covariate[j];
        leave += model->leave[j] * covariate[j];
    }
    out[1] *= exp(-buy);
    out[law->leave] *= exp(law->leave_sign * leave);
}

/* ---- One customer ---------------------------------------------------------------------------- */

static clade_value_summary customer_of(const clade_value_customers *c, size_t i)
{
    return (clade_value_summary){ .x     = c->x[i],
                                  .t_x   = c->t_x == NULL ? 0 : c->t_x[i],
                                  .T     = c->T == NULL ? 0 : c->T[i],
                                  .spend = c->spend == NULL ? (double)NAN : c->spend[i] };
}

/* Expected purchases, each discounted to now: int_0^t e^(-d u) dE(u). By parts, and with
 * y = 1 - e^(-d u) as the variable, it is e^(-d t) E(t) + int_0^(1 - e^(-d t)) E(u(y)) dy. Periods
 * are added one by one, discounted from their ends. */
static double discounted(const clade__value_law *law, const double *param, clade_value_summary c,
                         clade_value_horizon h, bool periods)
{
    double sum = 0;
    if (h.discount == 0 || h.t == 0) return law->expected(param, c, h.t);
    if (periods) {
        double before = 0;
        for (double i = 1; i < h.t + 1; i++) {
            const double end = fmin(i, h.t), now = law->expected(param, c, end);
            sum += (now - before) * exp(-h.discount * end);
            before = now;
        }
        return sum;
    }
    const double all = -expm1(-h.discount * h.t);
    for (size_t j = 0; j < 16; j++) {
        const double u = -log1p(-all * clade__gauss16_at[j]) / h.discount;
        sum += all * clade__gauss16_weight[j] * law->expected(param, c, u);
    }
    return sum + (1 - all) * law->expected(param, c, h.t);
}

double clade__value_ask_one(const clade__value_ask *ask, size_t i)
{
    const clade_value_customers *all  = ask->customers;
    const clade_value_summary    c    = customer_of(all, i);
    const clade__value_law      *gift = &clade__value_gamma_gamma;
    double                       param[CLADE_VALUE_MAX_PARAMS];
    if (ask->what == CLADE_VALUE_WHAT_SPEND) return gift->expected(ask->spend->param, c, 0);

    const clade__value_law *law = clade__value_law_of(ask->buying->kind);
    clade__value_params(param, ask->buying,
                        all->n_covariates == 0 ? NULL : all->covariate + i * all->n_covariates);
    if (ask->what == CLADE_VALUE_WHAT_ALIVE) return law->alive(param, c);
    if (ask->what == CLADE_VALUE_WHAT_EXPECTED) return law->expected(param, c, ask->horizon.t);
    const double worth = ask->spend == NULL ? 1 : gift->expected(ask->spend->param, c, 0);
    return worth * discounted(law, param, c, ask->horizon, ask->buying->kind == CLADE_VALUE_BG_BB);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static clade_status check_buying(const clade_value_model *model, size_t n_covariates, double t,
                                 clade_error *err)
{
    const double most = model->kind == CLADE_VALUE_BG_BB ? CLADE_VALUE_MAX_PERIODS : 1e12;
    if (model->kind == CLADE_VALUE_GAMMA_GAMMA) {
        return clade_fail(err, CLADE_ERR_ARG, "gamma_gamma tells spend, not purchases");
    }
    if (n_covariates != model->n_covariates) {
        return clade_fail(err, CLADE_ERR_ARG, "%zu covariates, wanted the %zu of the model",
                          n_covariates, model->n_covariates);
    }
    if (!(t >= 0 && t <= most)) {
        return clade_fail(err, CLADE_ERR_ARG, "a horizon of %g, wanted 0..%g", t, most);
    }
    return CLADE_OK;
}

clade_status clade__value_ask_check(const clade__value_ask *ask, clade_error *err)
{
    if (ask->what != CLADE_VALUE_WHAT_SPEND) {
        CLADE_TRY(check_buying(ask->buying, ask->customers->n_covariates, ask->horizon.t, err));
        CLADE_TRY(clade__value_check(ask->customers, ask->buying->kind, err));
        if (!(ask->horizon.discount >= 0 && ask->horizon.discount <= 1e6)) {
            return clade_fail(err, CLADE_ERR_ARG, "a discount of %g, wanted 0 or more",
                              ask->horizon.discount);
        }
    }
    if (ask->spend != NULL) {
        if (ask->spend->kind != CLADE_VALUE_GAMMA_GAMMA) {
            return clade_fail(err, CLADE_ERR_ARG, "spend is told by gamma_gamma, got %s",
                              clade_value_kind_name(ask->spend->kind));
        }
        CLADE_TRY(clade__value_check(ask->customers, CLADE_VALUE_GAMMA_GAMMA, err));
    }
    return CLADE_OK;
}

/* ---- Many customers -------------------------------------------------------------------------- */

typedef struct errand {
    const clade__value_ask *ask;
    double                 *out;
} errand;

static void answer_chunk(size_t chunk, int worker, void *context)
{
    (void)worker;
    const errand *const e    = context;
    const size_t        from = chunk * CHUNK, n = e->ask->customers->n;
    for (size_t i = from; i < n && i < from + CHUNK; i++)
        e->out[i] = clade__value_ask_one(e->ask, i);
}

static clade_status answer(double *out, const clade__value_ask *ask, clade_error *err)
{
    errand e = { ask, out };
    CLADE_TRY(clade__value_ask_check(ask, err));
    clade_parallel((ask->customers->n + CHUNK - 1) / CHUNK, answer_chunk, &e);
    return CLADE_OK;
}

clade_status clade_value_alive(double *out, const clade_value_model *model,
                               const clade_value_customers *customers, clade_error *err)
{
    const clade__value_ask ask = { .what      = CLADE_VALUE_WHAT_ALIVE,
                                   .buying    = model,
                                   .customers = customers };
    return answer(out, &ask, err);
}

clade_status clade_value_expected(double *out, const clade_value_model *model,
                                  const clade_value_customers *customers, double t,
                                  clade_error *err)
{
    const clade__value_ask ask = { .what      = CLADE_VALUE_WHAT_EXPECTED,
                                   .buying    = model,
                                   .customers = customers,
                                   .horizon   = { .t = t } };
    return answer(out, &ask, err);
}

clade_status clade_value_spend(double *out, const clade_value_model *model,
                               const clade_value_customers *customers, clade_error *err)
{
    const clade__value_ask ask = { .what      = CLADE_VALUE_WHAT_SPEND,
                                   .spend     = model,
                                   .customers = customers };
    return answer(out, &ask, err);
}

clade_status clade_value_worth(double *out, const clade_value_model *buying,
                               const clade_value_model     *spend,
                               const clade_value_customers *customers, clade_value_horizon horizon,
                               clade_error *err)
{
    const clade__value_ask ask = { .what      = CLADE_VALUE_WHAT_WORTH,
                                   .buying    = buying,
                                   .spend     = spend,
                                   .customers = customers,
                                   .horizon   = horizon };
    return answer(out, &ask, err);
}

/* ---- A customer that nothing is known of ----------------------------------------------------- */

clade_status clade_value_expected_new(double *out, const clade_value_model *model,
                                      const double *covariate, const double *t, size_t n_t,
                                      clade_error *err)
{
    double param[CLADE_VALUE_MAX_PARAMS];
    for (size_t i = 0; i < n_t; i++)
        CLADE_TRY(check_buying(model, model->n_covariates, t[i], err));
    clade__value_params(param, model, covariate);
    for (size_t i = 0; i < n_t; i++)
        out[i] = clade__value_law_of(model->kind)->expected_new(param, t[i]);
    return CLADE_OK;
}

clade_status clade_value_chance(double *out, size_t n, const clade_value_model *model,
                                const double *covariate, double t, clade_error *err)
{
    double param[CLADE_VALUE_MAX_PARAMS];
    CLADE_TRY(check_buying(model, model->n_covariates, t, err));
    clade__value_params(param, model, covariate);
    clade__value_law_of(model->kind)->chance(out, n, param, t);
    return CLADE_OK;
}

size_t clade_value_draw(double *out_when, size_t room, const clade_value_model *model,
                        const double *covariate, double T, clade_rng *rng)
{
    double param[CLADE_VALUE_MAX_PARAMS];
    clade__value_params(param, model, covariate);
    return clade__value_law_of(model->kind)->draw(out_when, room, param, T, rng);
}
