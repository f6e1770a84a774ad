/* What the files of models/value share: laws (one for each kind), groups of equal customers, the
 * climb, and the kernels. Letters are those of docs/maths/value.md. */
#ifndef CLADE_VALUE_INTERNAL_H
#define CLADE_VALUE_INTERNAL_H

#include "clade/value.h"

enum {
    CLADE__VALUE_BLOCK  = 512, /* rows whose likelihood is taken at a time; a multiple of 4 */
    CLADE__VALUE_TABLES = 12,
};

/* Distinct customers, each with a count. Columns are padded with zeros to a multiple of 4. */
typedef struct clade__value_groups {
    size_t  n;
    size_t  k; /* covariates */
    double *x, *t_x, *T, *spend, *weight;
    double *z; /* (n, k) scaled: (covariate - centre) / spread */
    double  centre[CLADE_VALUE_MAX_COVARIATES];
    double  spread[CLADE_VALUE_MAX_COVARIATES];
    size_t  table_size;            /* arguments 0 .. table_size - 1 of the tables below */
    double  n_customers;           /* sum of weights */
    double  sum_x, sum_t_x, sum_T; /* weighted */
    double  sum_spend;             /* of mean amounts, weighted */
    size_t  n_left_out;            /* rows without a purchase or a spend (Gamma-Gamma) */
    void   *memory;
} clade__value_groups;

/* A block of rows on its way through a law. */
typedef struct clade__value_rows {
    size_t        n;
    const double *x, *t_x, *T, *spend;
    bool          alike; /* second and leave are the same in all rows: no covariates */
    double        second[CLADE__VALUE_BLOCK]; /* parameter 1 of each row: alpha */
    double        leave[CLADE__VALUE_BLOCK];  /* parameter `leave` of each row */
    double        log_likelihood[CLADE__VALUE_BLOCK];
    double        slope[CLADE_VALUE_MAX_PARAMS][CLADE__VALUE_BLOCK]; /* by log(param - floor) */
} clade__value_rows;

/* Functions of whole numbers that a law needs again and again, for one set of parameters. */
typedef struct clade__value_tables {
    size_t  size;
    double *column[CLADE__VALUE_TABLES]; /* (size) each */
} clade__value_tables;

/* One kind of model. `param` are those of the customer at hand, covariates applied. */
typedef struct clade__value_law {
    const char *name;
    size_t      n_params;
    const char *param_name[CLADE_VALUE_MAX_PARAMS];
    double      floor[CLADE_VALUE_MAX_PARAMS]; /* parameters lie above: 1 for q, else 0 */
    size_t      leave;                         /* parameter that covariates of leaving act on */
    double      leave_sign;                    /* 0: takes no covariates */
    /* Typical parameters on the scale of the data: the first start and the middle of the prior. */
    void (*typical)(double *param, const clade__value_groups *groups);
    void (*tabulate)(clade__value_tables *tables, const double *param);
    void (*likelihood)(clade__value_rows *rows, const double *param,
                       const clade__value_tables *tables);
    double (*alive)(const double *param, clade_value_summary c);
    double (*expected)(const double *param, clade_value_summary c, double t);
    double (*expected_new)(const double *param, double t);
    void (*chance)(double *out, size_t n, const double *param, double t);
    size_t (*draw)(double *out_when, size_t room, const double *param, double T, clade_rng *rng);
} clade__value_law;

extern const clade__value_law clade__value_bg_nbd, clade__value_mbg_nbd, clade__value_pareto_nbd,
    clade__value_bg_bb, clade__value_gamma_gamma;
const clade__value_law *clade__value_law_of(clade_value_kind kind);

/* ---- groups.c ---- */

/* CLADE_ERR_DATA naming the first row that the kind cannot read. */
clade_status clade__value_check(const clade_value_customers *c, clade_value_kind kind,
                                clade_error *err);
/* Rows 0, stride, 2 stride, ... as groups of equal ones, or one by one with `every_row`. Frees what
 * it made on failure. */
clade_status clade__value_group(clade__value_groups *out, const clade_value_customers *c,
                                clade_value_kind kind, size_t stride, bool every_row,
                                clade_error *err);
void         clade__value_groups_free(clade__value_groups *groups);

/* ---- likelihood.c ---- */

/* A function to be climbed: log posterior of theta a customer, over groups. */
typedef struct clade__value_hill {
    const clade__value_law    *law;
    const clade__value_groups *groups;
    size_t                     n; /* theta: n_params + 2 k */
    double                     prior, ridge;
    double                     middle[CLADE_VALUE_MAX_PARAMS]; /* log(param - floor) of the prior */
    clade__value_tables        tables;
    double                    *part; /* (blocks, 1 + n) */
    uint32_t                   n_steps;
    double                     log_likelihood; /* of the last theta, all customers, no prior */
    double last[CLADE_VALUE_MAX_THETA];        /* asked again, it need not walk again */
    double last_gradient[CLADE_VALUE_MAX_THETA], last_depth;
} clade__value_hill;

clade_status clade__value_hill_create(clade__value_hill *out, const clade__value_law *law,
                                      const clade__value_groups *groups,
                                      const clade_value_options *options, double prior,
                                      clade_error *err);
void         clade__value_hill_free(clade__value_hill *hill);
/* -(log likelihood + log prior) / n_customers and its gradient (n): what is to be made small. */
double clade__value_depth(double *out_gradient, clade__value_hill *hill, const double *theta);
/* Second derivatives of it (n, n), by central differences of the gradient. */
void clade__value_curvature(double *out, clade__value_hill *hill, const double *theta);

/* ---- climb.c ---- */

/* BFGS from theta, with `inverse` (n, n) the first guess of the inverse curvature and the last one
 * on return. Stops where the gradient is nothing, where no step helps, or `far` from the middle in
 * any direction. */
void clade__value_climb(double *theta, double *inverse, clade__value_hill *hill, double far);

/* ---- special.c ---- */

extern const double clade__gauss8_at[8], clade__gauss8_weight[8];
extern const double clade__gauss16_at[16], clade__gauss16_weight[16];
double              clade__log_gamma(double x);
double              clade__digamma(double x); /* x > 0 */
/* value[i] = log (a)(a + 1)...(a + i - 1) and slope[i] its derivative by a, i < n. */
void clade__rise(double *value, double *slope, double a, size_t n);
/* log B(a + i, b + j) / B(a, b) for real i, j. */
double clade__log_beta_ratio(double a, double i, double b, double j);
/* log P(N = k) and P(N >= k), N negative binomial: (R)_k / k! (1 - z)^R z^k, z = w / (1 + w). */
double clade__nb_log(double R, double w, double k);
double clade__nb_tail(double R, double w, size_t k);
double clade__draw_beta(clade_rng *rng, double a, double b);

/* ---- kernels_body.h, once for each instruction set: the same bits from all ---- */

typedef struct clade__value_kernels {
    /* For rows i: y = log_ratio + R (log(alpha + T) - log(alpha + t_x));
     * sum = log[(alpha + T)^-R (1 + e^y)], still = 1 / (1 + e^y). n is rounded up to 4. */
    void (*two_powers)(double *out_sum, double *out_still, double *out_log_T, double *out_log_t,
                       const double *R, const double *alpha, const double *log_ratio,
                       const double *t_x, const double *T, size_t n);
    /* Pareto/NBD: out_sum = log[(alpha+T)^-R (beta+T)^-s + s int_{t_x}^T (alpha+u)^-R
     * (beta+u)^-(s+1) du], its derivatives by R, alpha, s, beta, and the share of the first term. n
     * is rounded up to 4. */
    void (*lifetimes)(double *out_sum, double *out_still, double *const out_slope[4],
                      const double *R, const double *alpha, double s, const double *beta,
                      const double *t_x, const double *T, size_t n);
} clade__value_kernels;

extern const clade__value_kernels clade__value_kernels_plain, clade__value_kernels_avx2;
const clade__value_kernels       *clade__value_kernels_get(void);

/* ---- answers.c ---- */

/* The parameters of a customer with these covariates (NULL: all zero). */
void clade__value_params(double *out, const clade_value_model *model, const double *covariate);

#endif
