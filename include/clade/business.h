/**
 * Business: what the shop's own figures say, beside what the models say of themselves. Conversion,
 * repurchase, sales and orders of a window beside the window before; what customers answered; what
 * campaigns cost and brought in.
 *
 * Customers and orders that were flagged as tests, staff or bots by then are left out, and nothing
 * at or after as_of is read. What the data cannot tell is NAN. Intervals are of 95 %.
 */
#ifndef CLADE_BUSINESS_H
#define CLADE_BUSINESS_H

#include "clade/metrics.h"
#include "clade/store.h"

typedef enum clade_figure {
    CLADE_FIGURE_CONVERSION,  /* share of those who looked that bought as well */
    CLADE_FIGURE_REPURCHASE,  /* share of the buyers of the window before that bought again */
    CLADE_FIGURE_SALES,       /* net of the refunds made in the window, major units */
    CLADE_FIGURE_ORDERS,      /* how many */
    CLADE_FIGURE_ORDER_VALUE, /* mean of an order before refunds, major units */
    CLADE_N_FIGURE
} clade_figure;
CLADE_API const char *clade_figure_name(clade_figure figure); /* "conversion", ... */

typedef struct clade_business_figure {
    size_t         n_now, n_before; /* customers, or orders, that it is made of */
    clade_interval now, before;
    clade_interval change; /* now - before; beyond chance where low and high have one sign */
} clade_business_figure;

/**
 * Figures of [as_of - days, as_of) beside the `days` before.
 *
 * Shares have Wilson's interval; sums that of a compound Poisson process, whose variance is the sum
 * of the squares of what each customer adds; the change is normal. A log that does not reach back
 * two windows (three for REPURCHASE) leaves NAN before.
 *
 * @param out   Room for CLADE_N_FIGURE.
 * @return CLADE_ERR_ARG for days below 1; failures of the store.
 * Cost    Two scans of `event`.
 */
CLADE_API CLADE_MUST_USE clade_status clade_business_figures(clade_business_figure *out,
                                                             clade_store *store, int64_t as_of_us,
                                                             int days, clade_error *err);

/** What customers answered to one question, ratings of reviews among them. */
typedef struct clade_satisfaction {
    char           question[96];
    size_t         n;
    clade_interval mean;
    bool           has_nps; /* whole scores of 0 to 10, and one above 5 */
    clade_interval nps;     /* share of 9 and 10 less share of 0 to 6, in -1..1 */
    clade_interval trend;   /* mean of the later half of the dated answers less the earlier's */
} clade_satisfaction;

/** Every question with a score, by falling number of answers. Ownership   Lives in the arena.
 *  Source      Reichheld (2003), Harvard Business Review 81(12), for the NPS. */
CLADE_API CLADE_MUST_USE clade_status clade_satisfaction_ask(clade_satisfaction **out,
                                                             size_t *out_n, clade_store *store,
                                                             int64_t as_of_us, clade_arena *arena,
                                                             clade_error *err);

/** One arm of a campaign. */
typedef struct clade_campaign_arm {
    char           campaign[64], arm[64];
    bool           control;  /* an arm that is called so: control, holdout, none, 对照 */
    int64_t        first_us; /* of its first contact */
    size_t         n;        /* customers */
    double         cost;     /* in all, major units; NAN: not told */
    double         revenue;  /* mean of a customer in the days after, major units */
    double         error;    /* its standard error */
    clade_interval gain;     /* revenue of a customer above that of the control; NAN without one */
} clade_campaign_arm;

/**
 * Arms of the campaigns whose customers could be watched for `days` after, latest campaign first.
 *
 * Customers weigh 1 / propensity where one was written down (Hajek), so that arms compare.
 * Ownership   Lives in the arena.
 * Source      Imbens and Rubin (2015), Causal Inference, ch. 6 and 13.
 */
CLADE_API CLADE_MUST_USE clade_status clade_campaigns_weigh(clade_campaign_arm **out, size_t *out_n,
                                                            clade_store *store, int64_t as_of_us,
                                                            int days, clade_arena *arena,
                                                            clade_error *err);

/** What all arms that have a control brought in together, major units: the sum of gain times
 *  customers. *out_cost is what these arms cost; both NAN without any.
 *  @param arm  (n) as clade_campaigns_weigh gave them. */
CLADE_API clade_interval clade_campaigns_total(double *out_cost, const clade_campaign_arm *arm,
                                               size_t n);

#endif
