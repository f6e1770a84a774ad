/**
 * Value: how often a customer will buy again, whether they are still there, and what they spend.
 *
 * Probability models of buying, each of a few numbers for a whole shop. A customer is three
 * numbers, x repeat purchases, the last of them t_x after the first purchase, T seen in all, and
 * for spend the mean amount of a purchase. Formulas with the same letters are in
 * docs/maths/value.md.
 *
 * Nothing here knows a unit of time or money: what t_x, T and every horizon share is up to the
 * caller (weeks are usual), and spend comes back in the unit it came in.
 */
#ifndef CLADE_VALUE_H
#define CLADE_VALUE_H

#include "clade/memory.h"
#include "clade/run.h"

enum {
    CLADE_VALUE_MAX_X          = 100000, /* repeat purchases of one customer */
    CLADE_VALUE_MAX_PERIODS    = 10000,  /* periods of BG/BB */
    CLADE_VALUE_MAX_PARAMS     = 4,
    CLADE_VALUE_MAX_COVARIATES = 8,
    CLADE_VALUE_MAX_THETA      = CLADE_VALUE_MAX_PARAMS + 2 * CLADE_VALUE_MAX_COVARIATES,
    CLADE_VALUE_MAX_DRAWS      = 10000,
};

/* ---- Customers ------------------------------------------------------------------------------- */

/** One customer as these models see them. */
typedef struct clade_value_summary {
    double x;     /* repeat purchases: days with a purchase, less the first */
    double t_x;   /* from the first purchase to the last, 0 without a repeat */
    double T;     /* from the first purchase to the end of what was watched */
    double spend; /* mean amount of the repeat purchases; NAN without one */
} clade_value_summary;

/**
 * Summarise the purchases of one customer.
 *
 * Purchases of one day are one purchase whose amounts are added, and the first day is no repeat:
 * the convention of the papers and of the R package BTYD. Days after `end_day` are not read.
 *
 * @param day        (n) rising, equal days allowed.
 * @param amount     (n) or NULL, and then spend is NAN.
 * @param end_day    The last day that was watched.
 * @param unit_days  Days in a unit of time: 7 for weeks.
 * @return CLADE_OK; CLADE_ERR_ARG for unit_days; CLADE_ERR_DATA naming a day that falls;
 *         CLADE_ERR_NOT_FOUND when there is no purchase up to end_day: not yet a customer.
 * Cost    O(n) time, allocates nothing.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_summarise(clade_value_summary *out,
                                                            const int64_t       *day,
                                                            const double *amount, size_t n,
                                                            int64_t end_day, double unit_days,
                                                            clade_error *err);

/** Customers in columns; everything is borrowed for the call. */
typedef struct clade_value_customers {
    size_t        n;
    const double *x;      /* (n) whole numbers */
    const double *t_x;    /* (n) 0 exactly where x is 0; Gamma-Gamma does not read it */
    const double *T;      /* (n) at least t_x; Gamma-Gamma does not read it */
    const double *spend;  /* (n) mean amount; read by Gamma-Gamma alone */
    const double *weight; /* (n) how many customers a row stands for; NULL: one each */
    size_t        n_covariates;
    const double *covariate; /* (n, n_covariates) row-major, finite; NULL without */
} clade_value_customers;

/* ---- Models ---------------------------------------------------------------------------------- */

typedef enum clade_value_kind {
    CLADE_VALUE_BG_NBD,      /* r alpha a b: may leave after each repeat purchase */
    CLADE_VALUE_MBG_NBD,     /* r alpha a b: may leave after the first purchase as well */
    CLADE_VALUE_PARETO_NBD,  /* r alpha s beta: may leave at any moment */
    CLADE_VALUE_BG_BB,       /* alpha beta gamma delta: periods in which one buys or not */
    CLADE_VALUE_GAMMA_GAMMA, /* p q gamma: what a purchase is worth; q > 1, so that means exist */
    CLADE_N_VALUE_KIND
} clade_value_kind;

/** How the answer was found. */
typedef enum clade_value_how {
    CLADE_VALUE_LIKELIHOOD, /* the maximum of the likelihood (and of the ridge on covariates) */
    CLADE_VALUE_SIMPLER,    /* the same, of a simpler model: the one asked for has no maximum */
    CLADE_VALUE_SHRUNK,     /* the maximum of likelihood times prior */
    CLADE_N_VALUE_HOW
} clade_value_how;

/** A fitted model: plain numbers, free to copy. const after the fit, and shared between threads. */
typedef struct clade_value_model {
    clade_value_kind kind;
    clade_value_kind asked; /* differs from kind when `how` is CLADE_VALUE_SIMPLER */
    clade_value_how  how;
    size_t           n_params;
    double           param[CLADE_VALUE_MAX_PARAMS]; /* in the order of the kind's comment */
    double           se[CLADE_VALUE_MAX_PARAMS];    /* standard errors (delta method) */
    size_t           n_covariates;
    double buy[CLADE_VALUE_MAX_COVARIATES];   /* above 0: buys more often; alpha exp(-buy'z) */
    double leave[CLADE_VALUE_MAX_COVARIATES]; /* above 0: leaves sooner; a exp(leave'z), or
                                                 beta exp(-leave'z) */
    double theta[CLADE_VALUE_MAX_THETA];      /* log param (log(q - 1) for q), buy, leave */
    /* of theta, (m, m) row-major for m = n_params + 2 n_covariates: */
    double   covariance[CLADE_VALUE_MAX_THETA * CLADE_VALUE_MAX_THETA];
    double   log_likelihood; /* without prior and ridge */
    double   n_customers;    /* sum of weights of the rows that were read */
    size_t   n_groups;       /* distinct rows */
    uint32_t n_steps;        /* evaluations of the likelihood over all of them */
    char     note[256];      /* what happened, in a sentence */
} clade_value_model;

/** "bg_nbd", "gamma_gamma": for files and messages. */
CLADE_API const char *clade_value_kind_name(clade_value_kind kind);
CLADE_API const char *clade_value_how_name(clade_value_how how); /* "likelihood", ... */
/** "alpha" and so on; NULL behind the last. */
CLADE_API const char *clade_value_param_name(clade_value_kind kind, size_t i);

typedef struct clade_value_options {
    double prior; /* weight of the prior, 0 for none until it is needed; 1 is weak: each parameter
                     log-normal around what shops are like, a factor e either way */
    double ridge; /* penalty on covariates in units of their deviation: ridge / 2 sum (coef sd)^2 */
    bool   same_kind; /* never a simpler model: straight to the prior */
    bool   every_row; /* do not group equal rows: for measuring what grouping is worth */
} clade_value_options;

/** No prior, ridge 1, simpler models allowed. */
CLADE_API clade_value_options clade_value_defaults(void);

/**
 * Fit a model by maximum likelihood.
 *
 * Equal rows become one with a count. Three starts are climbed by BFGS with exact gradients (on a
 * sample first where there are many rows) and the end is checked: a finite maximum with a curvature
 * on all sides. Where there is none (nobody bought again, all are alike, a handful of customers),
 * a simpler model is tried, Pareto/NBD, then BG/NBD, then MBG/NBD, and at last the model asked for
 * with a weak prior, which always has a maximum. `how` and `note` say what happened: there is
 * always an answer, and it is always finite.
 *
 * Gamma-Gamma reads the rows with x > 0 and spend > 0, and says in the note how many it left out.
 *
 * @param options  May be NULL for clade_value_defaults.
 * @return CLADE_OK; CLADE_ERR_ARG for an option, no customers, or covariates that the kind does not
 *         take (BG/NBD, MBG/NBD and Pareto/NBD do); CLADE_ERR_DATA naming the row and value that
 *         cannot be; CLADE_ERR_NOMEM; CLADE_ERR_INTERRUPTED.
 * Repeatable  Bit for bit, whatever the number of threads and the instruction set.
 * Cost        bench/results/value.md; about 60 bytes a row.
 * Source      BG/NBD: Fader, Hardie and Lee (2005), Marketing Science 24(2), 275-284.
 *             MBG/NBD: Wagner and Hoppe (2008), Marketing Science 27(3), after Batislam et al.
 *             Pareto/NBD: Schmittlein, Morrison and Colombo (1987), Management Science 33(1).
 *             BG/BB: Fader, Hardie and Shang (2010), Marketing Science 29(6), 1086-1108.
 *             Gamma-Gamma: Fader and Hardie (2013), a note on brucehardie.com, and for
 *             covariates Fader and Hardie (2007), another.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_fit(clade_value_model           *out_model,
                                                      clade_value_kind             kind,
                                                      const clade_value_customers *customers,
                                                      const clade_value_options   *options,
                                                      clade_error                 *err);

/* ---- Answers --------------------------------------------------------------------------------- */

/**
 * The chance that each customer is still there at T (BG/BB: in the period after T).
 *
 * @param out        (n), written whole on success.
 * @param customers  As many covariates as the model has. Weights change nothing.
 * @return CLADE_OK; CLADE_ERR_ARG for Gamma-Gamma or another number of covariates; CLADE_ERR_DATA
 *         naming the row; CLADE_ERR_NOMEM.
 * Threads  Safe to call at once on the same model. Uses clade_parallel for many rows.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_alive(double *out, const clade_value_model *model,
                                                        const clade_value_customers *customers,
                                                        clade_error                 *err);

/**
 * Expected purchases of each customer in the next t, given what was seen of them.
 *
 * @param t  Not negative. BG/BB counts whole periods and reads a fraction as part of the next one.
 * The rest as clade_value_alive.
 * Cost      BG/NBD sums a series of about x t / T terms and more where t is long beside alpha + T;
 *           Pareto/NBD one quadrature of 8 or 16 points.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_expected(double                      *out,
                                                           const clade_value_model     *model,
                                                           const clade_value_customers *customers,
                                                           double t, clade_error *err);

/**
 * Expected repeat purchases E[X(t)] of a customer that nothing is known of, for n_t horizons.
 *
 * @param covariate  (n_covariates) or NULL for all zero.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_expected_new(double                  *out,
                                                               const clade_value_model *model,
                                                               const double            *covariate,
                                                               const double *t, size_t n_t,
                                                               clade_error *err);

/**
 * P(X(t) = 0), ..., P(X(t) = n - 1): the chance of so many repeat purchases by a new customer.
 *
 * @param out  (n).
 * The rest as clade_value_expected_new.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_chance(double *out, size_t n,
                                                         const clade_value_model *model,
                                                         const double *covariate, double t,
                                                         clade_error *err);

/**
 * Expected amount of a purchase, given x purchases of mean `spend` (Gamma-Gamma). With x = 0, or
 * without a positive spend, the mean of the shop.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_spend(double *out, const clade_value_model *model,
                                                        const clade_value_customers *customers,
                                                        clade_error                 *err);

/** What to look ahead for. */
typedef struct clade_value_horizon {
    double t;        /* how far */
    double discount; /* rate per unit of time, continuous: a purchase u from now counts exp(-rate
                        u); 0 for none. 15 % a year in weeks is log(1.15) / 52. */
} clade_value_horizon;

/**
 * Discounted value of each customer over the horizon: expected purchases, each discounted to now,
 * times expected spend.
 *
 * @param spend    A Gamma-Gamma model, or NULL to count purchases: each is then worth 1.
 * Cost            Without discount that of clade_value_expected, else 16 times as much.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_worth(
    double *out, const clade_value_model *buying, const clade_value_model *spend,
    const clade_value_customers *customers, clade_value_horizon horizon, clade_error *err);

typedef enum clade_value_what {
    CLADE_VALUE_WHAT_ALIVE,
    CLADE_VALUE_WHAT_EXPECTED,
    CLADE_VALUE_WHAT_SPEND, /* of the spend model; `buying` may be NULL */
    CLADE_VALUE_WHAT_WORTH,
    CLADE_N_VALUE_WHAT
} clade_value_what;

typedef struct clade_value_draws {
    size_t   n;     /* 0 means 400 */
    double   level; /* 0 means 0.9 */
    uint64_t seed;
} clade_value_draws;

/**
 * Credible intervals of an answer: parameters are drawn from the normal approximation at the
 * maximum (Laplace), each draw gives the answer anew, and quantiles of the answers are the bounds.
 *
 * They say how well the shop's parameters are known, not how far one customer's purchases scatter
 * around their expectation.
 *
 * @param out_low, out_high  (n customers), written whole on success.
 * @param spend              May be NULL where `what` does not need it.
 * Repeatable  Draw d of stream "value/draws" alone: the same seed gives the same bounds.
 * Cost        draws.n times that of the answer.
 */
CLADE_API CLADE_MUST_USE clade_status clade_value_interval(
    double *out_low, double *out_high, clade_value_what what, const clade_value_model *buying,
    const clade_value_model *spend, const clade_value_customers *customers,
    clade_value_horizon horizon, clade_value_draws draws, clade_error *err);

/**
 * Draw one customer of the model: the moments of their repeat purchases in (0, T], rising (whole
 * periods for BG/BB). Returns how many there are; no more than `room` are written.
 *
 * @param covariate  (n_covariates) or NULL for all zero. The model is not Gamma-Gamma.
 */
CLADE_API size_t clade_value_draw(double *out_when, size_t room, const clade_value_model *model,
                                  const double *covariate, double T, clade_rng *rng);

/** As JSON, and back; a damaged text is CLADE_ERR_DATA naming what is wrong. */
CLADE_API CLADE_MUST_USE clade_status clade_value_save(clade_buffer            *out,
                                                       const clade_value_model *model,
                                                       clade_error             *err);
CLADE_API CLADE_MUST_USE clade_status clade_value_load(clade_value_model *out_model,
                                                       const char *json, size_t size,
                                                       clade_error *err);

#endif
