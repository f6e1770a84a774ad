/*
 * From customers to a model: starts, the climb, whether what was found is a maximum, and what is
 * done when it is not. Where there are many rows, a sample is climbed first: the climb over all of
 * them then starts a few steps from its end, and with the sample's curvature as its own.
 */
#include "value_internal.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdio.h>

enum { SAMPLE_ROWS = 20000, SAMPLE_FROM = 60000, N_STARTS = 3 };
static const double FAR      = 12;   /* e^12 away from what shops are like, a parameter runs off */
static const double UNKNOWN  = 4;    /* so is one whose logarithm has this standard error */
static const double LEFT_OFF = 1e-6; /* log-likelihood that a Newton step could still bring */

clade_value_options clade_value_defaults(void)
{
    return (clade_value_options){ .prior = 0, .ridge = 1 };
}

const clade__value_law *clade__value_law_of(clade_value_kind kind)
{
    static const clade__value_law *const laws[CLADE_N_VALUE_KIND] = {
        [CLADE_VALUE_BG_NBD]      = &clade__value_bg_nbd,
        [CLADE_VALUE_MBG_NBD]     = &clade__value_mbg_nbd,
        [CLADE_VALUE_PARETO_NBD]  = &clade__value_pareto_nbd,
        [CLADE_VALUE_BG_BB]       = &clade__value_bg_bb,
        [CLADE_VALUE_GAMMA_GAMMA] = &clade__value_gamma_gamma,
    };
    return laws[kind];
}

const char *clade_value_kind_name(clade_value_kind kind)
{
    return clade__value_law_of(kind)->name;
}

const char *clade_value_how_name(clade_value_how how)
{
    static const char *const names[] = { "likelihood", "simpler", "shrunk" };
    return names[how];
}

const char *clade_value_param_name(clade_value_kind kind, size_t i)
{
    return i < CLADE_VALUE_MAX_PARAMS ? clade__value_law_of(kind)->param_name[i] : NULL;
}

/* ---- One climb ------------------------------------------------------------------------------- */

/* Where a climb ended. */
typedef struct summit {
    double theta[CLADE_VALUE_MAX_THETA];
    double inverse[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA]; /* of the curvature */
    bool   curved;                                                 /* the inverse is a covariance */
    char   why[128]; /* it is no maximum: a clause, or empty */
} summit;

static void set_identity(double *a, size_t n)
{
    memset(a, 0, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        a[i * n + i] = 1;
}

/* inverse <- a^-1 for a positive definite a, else false. */
static bool invert(double *inverse, const double *a, size_t n)
{
    double lower[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA];
    for (size_t i = 0; i < n * n; i++) {
        if (!isfinite(a[i])) return false;
    }
    memcpy(lower, a, n * n * sizeof *a);
    if (!clade_cholesky(lower, n)) return false;
    clade_lower_invert(lower, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t m = i; m < n; m++)
                sum += lower[m * n + i] * lower[m * n + j];
            inverse[i * n + j] = inverse[j * n + i] = sum;
        }
    }
    return true;
}

/* The best of a few climbs, from around the middle of the prior. */
static void climb_all(summit *out, clade__value_hill *hill)
{
    static const double shift[N_STARTS][CLADE_VALUE_MAX_PARAMS] = { { 0, 0, 0, 0 },
                                                                    { 1, 1, -1, 0.5 },
                                                                    { -1, -1, 0.5, -1 } };
    double              best = (double)INFINITY, gradient[CLADE_VALUE_MAX_THETA];
    summit              try;
    for (size_t s = 0; s < N_STARTS; s++) {
        memset(&try, 0, sizeof try);
        for (size_t i = 0; i < hill->law->n_params; i++)
            try.theta[i] = hill->middle[i] + shift[s][i];
        set_identity(try.inverse, hill->n);
        clade__value_climb(try.theta, try.inverse, hill, FAR);
        const double depth = clade__value_depth(gradient, hill, try.theta);
        if (depth < best || s == 0) {
            best = depth;
            *out = try;
        }
    }
}

/* Is it a maximum? Takes the curvature there, makes one Newton step with it, and says what is
 * wrong. */
static void examine(summit *out, clade__value_hill *hill)
{
    const size_t n = hill->n, n_params = hill->law->n_params;
    double       curvature[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA];
    double       gradient[CLADE_VALUE_MAX_THETA], at[CLADE_VALUE_MAX_THETA], gain = 0;
    const double depth = clade__value_depth(gradient, hill, out->theta);
    clade__value_curvature(curvature, hill, out->theta);
    out->curved = invert(out->inverse, curvature, n);
    if (out->curved) {
        for (size_t i = 0; i < n; i++) {
            at[i] = out->theta[i];
            for (size_t j = 0; j < n; j++) {
                at[i] -= out->inverse[i * n + j] * gradient[j];
                gain += 0.5 * gradient[i] * out->inverse[i * n + j] * gradient[j];
            }
        }
        if (clade__value_depth(gradient, hill, at) <= depth + 1e-14 * fabs(depth))
            memcpy(out->theta, at, n * sizeof *at);
    }
    out->why[0] = '\0';
    for (size_t i = 0; i < n && out->why[0] == '\0'; i++) {
        const char *const name  = i < n_params ? hill->law->param_name[i] : "a covariate";
        const double      away  = out->theta[i] - (i < n_params ? hill->middle[i] : 0);
        const double      error = sqrt(out->inverse[i * n + i] / hill->groups->n_customers);
        if (!(fabs(away) < FAR)) {
            snprintf(out->why, sizeof out->why, "%s runs off to %s", name,
                     away > 0 ? "infinity" : "nothing");
        } else if (out->curved && error > UNKNOWN) {
            snprintf(out->why, sizeof out->why, "the customers do not tell %s", name);
        }
    }
    if (out->why[0] == '\0' && (!out->curved || gain * hill->groups->n_customers > LEFT_OFF))
        snprintf(out->why, sizeof out->why, "the likelihood has no single top");
}

/* ---- One kind of model ----------------------------------------------------------------------- */

typedef struct question {
    const clade_value_customers *customers;
    const clade_value_options   *options;
    clade__value_groups          sample; /* n is 0 without one */
    clade__value_groups          all;
} question;

static clade_status solve(summit *out, clade__value_hill *hill, const question *q,
                          const clade__value_law *law, double prior, clade_error *err)
{
    bool started = false;
    if (q->sample.n > 0) {
        clade__value_hill small;
        double            curvature[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA];
        const double      share = q->sample.n_customers / q->all.n_customers;
        CLADE_TRY(
            clade__value_hill_create(&small, law, &q->sample, q->options, prior * share, err));
        small.ridge *= share;
        climb_all(out, &small);
        clade__value_curvature(curvature, &small, out->theta);
        started = invert(out->inverse, curvature, small.n);
        clade__value_hill_free(&small);
    }
    CLADE_TRY(clade_interrupt_check(err));
    CLADE_TRY(clade__value_hill_create(hill, law, &q->all, q->options, prior, err));
    if (started) {
        clade__value_climb(out->theta, out->inverse, hill, FAR);
    } else {
        climb_all(out, hill);
    }
    examine(out, hill);
    if (started && out->why[0] != '\0') { /* the sample may have misled */
        climb_all(out, hill);
        examine(out, hill);
    }
    return clade_interrupt_check(err);
}

/* From scaled covariates back to their own units: alpha = alpha' exp(sum b'_j centre_j / spread_j),
 * b_j = b'_j / spread_j, and the same for leaving: a linear map of theta and its covariance. */
static void unscale(double *theta, double *covariance, const clade__value_law *law,
                    const clade__value_groups *g)
{
    const size_t n_params = law->n_params, k = g->k, n = n_params + 2 * k;
    double       map[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA];
    double       half[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA], old[CLADE_VALUE_MAX_THETA];
    set_identity(map, n);
    for (size_t j = 0; j < k; j++) {
        const size_t buy = n_params + j, leave = buy + k;
        const double by    = g->spread[j] > 0 ? 1 / g->spread[j] : 0;
        map[buy * n + buy] = map[leave * n + leave] = by;
        map[1 * n + buy]                            = g->centre[j] * by;
        map[law->leave * n + leave]                 = -law->leave_sign * g->centre[j] * by;
    }
    memcpy(old, theta, n * sizeof *old);
    for (size_t i = 0; i < n; i++) {
        theta[i] = 0;
        for (size_t j = 0; j < n; j++) {
            theta[i] += map[i * n + j] * old[j];
            half[i * n + j] = 0;
            for (size_t m = 0; m < n; m++)
                half[i * n + j] += map[i * n + m] * covariance[m * n + j];
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            covariance[i * n + j] = 0;
            for (size_t m = 0; m < n; m++)
                covariance[i * n + j] += half[i * n + m] * map[j * n + m];
        }
    }
}

/* The numbers of a model, from where the climb ended. */
static void read_off(clade_value_model *m, const summit *s, clade__value_hill *hill)
{
    const clade__value_law *law = hill->law;
    const size_t            n = hill->n, k = hill->groups->k;
    double                  gradient[CLADE_VALUE_MAX_THETA];
    clade__value_depth(gradient, hill, s->theta);
    m->log_likelihood = hill->log_likelihood;
    m->n_steps        = hill->n_steps;
    m->n_customers    = hill->groups->n_customers;
    m->n_groups       = hill->groups->n;
    m->n_params       = law->n_params;
    m->n_covariates   = k;
    memcpy(m->theta, s->theta, n * sizeof *m->theta);
    set_identity(m->covariance, n); /* that of the prior, should there be no other */
    for (size_t i = 0; s->curved && i < n * n; i++)
        m->covariance[i] = s->inverse[i] / m->n_customers;
    if (k > 0) unscale(m->theta, m->covariance, law, hill->groups);
    for (size_t i = 0; i < law->n_params; i++) {
        m->param[i] = law->floor[i] + exp(m->theta[i]);
        m->se[i]    = exp(m->theta[i]) * sqrt(m->covariance[i * n + i]);
    }
    for (size_t j = 0; j < k; j++) {
        m->buy[j]   = m->theta[law->n_params + j];
        m->leave[j] = m->theta[law->n_params + k + j];
    }
}

/* ---- The chain ------------------------------------------------------------------------------- */

static clade_status find(clade_value_model *m, const question *q, clade_value_kind asked,
                         clade_error *err)
{
    static const clade_value_kind simpler[] = { CLADE_VALUE_PARETO_NBD, CLADE_VALUE_BG_NBD,
                                                CLADE_VALUE_MBG_NBD };
    const size_t                  n_simpler = sizeof simpler / sizeof simpler[0];
    const double                  prior     = q->options->prior;
    const double last_prior = /* equal spends make the likelihood rise as p^(n / 2): see value.md */
        asked == CLADE_VALUE_GAMMA_GAMMA ? fmax(1, q->all.n_customers / 20) : 1;
    char   why[128] = "", left_out[64] = "";
    summit top;
    size_t next = 0;
    while (next < n_simpler && simpler[next] != asked)
        next++;
    next++;
    if (q->all.n_left_out > 0) {
        snprintf(left_out, sizeof left_out, "; %zu rows without one left out", q->all.n_left_out);
    }
    m->asked = asked;
    m->kind  = asked;
    for (;;) {
        clade__value_hill  hill = { 0 };
        const bool         last = m->how == CLADE_VALUE_SHRUNK;
        const clade_status status =
            solve(&top, &hill, q, clade__value_law_of(m->kind), last ? last_prior : prior, err);
        if (status == CLADE_OK) read_off(m, &top, &hill);
        if (hill.law != NULL) clade__value_hill_free(&hill);
        if (status != CLADE_OK) return status;
        if (top.why[0] == '\0' || last || prior > 0) break;

        if (why[0] == '\0') memcpy(why, top.why, sizeof why);
        if (next < n_simpler && !q->options->same_kind) {
            m->kind = simpler[next++];
            m->how  = CLADE_VALUE_SIMPLER;
        } else {
            m->kind = asked;
            m->how  = CLADE_VALUE_SHRUNK;
        }
    }
    if (prior > 0) m->how = CLADE_VALUE_SHRUNK;
    if (m->how == CLADE_VALUE_LIKELIHOOD) {
        snprintf(m->note, sizeof m->note, "maximum likelihood%s", left_out);
    } else if (m->how == CLADE_VALUE_SIMPLER) {
        snprintf(m->note, sizeof m->note, "%s by maximum likelihood: in %s, %s%s",
                 clade_value_kind_name(m->kind), clade_value_kind_name(asked), why, left_out);
    } else if (prior > 0) {
        snprintf(m->note, sizeof m->note, "shrunk towards typical shops, prior of weight %g%s",
                 prior, left_out);
    } else {
        snprintf(m->note, sizeof m->note, "shrunk towards typical shops: by likelihood alone, %s%s",
                 why, left_out);
    }
    return CLADE_OK;
}

clade_status clade_value_fit(clade_value_model *out_model, clade_value_kind kind,
                             const clade_value_customers *customers,
                             const clade_value_options *options, clade_error *err)
{
    const clade_value_options defaults = clade_value_defaults();
    question q = { .customers = customers, .options = options == NULL ? &defaults : options };
    clade_value_model m = { 0 };
    clade_status      status;
    if (!(q.options->prior >= 0 && q.options->prior <= 1e9 && q.options->ridge >= 0 &&
          q.options->ridge <= 1e9)) {
        return clade_fail(err, CLADE_ERR_ARG, "prior %g and ridge %g, wanted 0 or more",
                          q.options->prior, q.options->ridge);
    }
    if (customers->n_covariates > 0 && clade__value_law_of(kind)->leave_sign == 0) {
        return clade_fail(err, CLADE_ERR_ARG, "%s takes no covariates, got %zu",
                          clade_value_kind_name(kind), customers->n_covariates);
    }
    CLADE_TRY(clade__value_check(customers, kind, err));
    status = clade__value_group(&q.all, customers, kind, 1, q.options->every_row, err);
    if (status != CLADE_OK) goto done;
    if (q.all.n == 0) {
        status =
            clade_fail(err, kind == CLADE_VALUE_GAMMA_GAMMA ? CLADE_ERR_DATA : CLADE_ERR_ARG,
                       "%s has nothing to learn from: none of %zu customers has %s",
                       clade_value_kind_name(kind), customers->n,
                       kind == CLADE_VALUE_GAMMA_GAMMA ? "a repeat purchase with a spend above 0"
                                                       : "a weight above 0");
        goto done;
    }
    if (q.all.n > SAMPLE_FROM) {
        status = clade__value_group(&q.sample, customers, kind, customers->n / SAMPLE_ROWS,
                                    q.options->every_row, err);
        if (status != CLADE_OK) goto done;
    }
    status = find(&m, &q, kind, err);
    if (status == CLADE_OK) *out_model = m;
done:
    clade__value_groups_free(&q.all);
    clade__value_groups_free(&q.sample);
    return status;
}
