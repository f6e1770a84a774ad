/* How late is late, by each customer's own rhythm. */
#include "habit.h"

#include "segmentation.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

static const double prior_gaps    = 2;
static const double fallback_days = 90;

clade_status clade__usual_gap_days(double *out_days, const clade_features *features,
                                   clade_error *err)
{
    const size_t column = clade__feature_column("gap_mean_days");
    double      *gap    = CLADE_NEW(double, features->n_customers);
    size_t       n      = 0;
    if (gap == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the rhythm of %zu customers",
                          features->n_customers);
    }
    for (size_t i = 0; i < features->n_customers; i++) {
        const float value = features->value[i * features->n_features + column];
        if (value > 0) gap[n++] = (double)value;
    }
    *out_days = n == 0 ? fallback_days : clade_quantile_f64(gap, n, 0.5);
    free(gap);
    return CLADE_OK;
}

clade__habit clade__habit_of(const clade_features *features, size_t customer, double usual_gap_days)
{
    const float *row     = features->value + customer * features->n_features;
    const double orders  = (double)row[clade__feature_column("orders_life")];
    const double recency = (double)row[clade__feature_column("days_since_order")];
    const double gap     = (double)row[clade__feature_column("gap_mean_days")];
    clade__habit habit   = { isnan(orders) ? 0 : orders,
                           (double)row[clade__feature_column("days_since_first_order")],
                           (double)NAN };
    if (isnan(recency)) return habit;
    const double n_gaps = isnan(gap) || habit.orders < 2 ? 0 : habit.orders - 1;
    const double own    = n_gaps == 0 ? 0 : gap * n_gaps;
    const double rhythm = (own + prior_gaps * usual_gap_days) / (n_gaps + prior_gaps);
    habit.lateness      = recency / rhythm;
    return habit;
}
