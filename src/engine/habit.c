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

clade__rhythm clade__rhythm_of(double usual_gap_days)
{
    return (clade__rhythm){ clade__feature_column("orders_life"),
                            clade__feature_column("days_since_order"),
                            clade__feature_column("gap_mean_days"),
                            clade__feature_column("days_since_first_order"), usual_gap_days };
}

clade__habit clade__habit_of(const clade_features *features, size_t customer,
                             const clade__rhythm *rhythm)
{
    return clade__habit_of_row(features->value + customer * features->n_features, rhythm);
}

clade__habit clade__habit_of_row(const float *row, const clade__rhythm *rhythm)
{
    const double orders  = (double)row[rhythm->orders];
    const double recency = (double)row[rhythm->recency];
    const double gap     = (double)row[rhythm->gap];
    clade__habit habit   = { isnan(orders) ? 0 : orders, (double)row[rhythm->tenure], (double)NAN };
    if (isnan(recency)) return habit;
    const double n_gaps = isnan(gap) || habit.orders < 2 ? 0 : habit.orders - 1;
    const double own    = n_gaps == 0 ? 0 : gap * n_gaps;
    const double usual  = (own + prior_gaps * rhythm->usual_gap_days) / (n_gaps + prior_gaps);
    habit.lateness      = recency / usual;
    return habit;
}
