/* Life cycle by each customer's own rhythm, not by a fixed day.
 *
 * A customer who buys every week is late after three; one who buys every Christmas is not late in
 * June. Each customer's usual gap is the mean of its own gaps, drawn towards the shop's typical gap
 * by two pseudo-observations (so that one short gap does not make a weekly buyer). How late
 * somebody is = days since the last order / usual gap. How late is late is read off the shop
 * itself: the share of customers whose lateness exceeds an edge and who came back regardless cannot
 * be seen without the future, so the edges are quantiles of an exponential rhythm: 80 % of returns
 * happen before 1.61 usual gaps, 95 % before 3.00 (-ln 0.2, -ln 0.05). */
#include "segmentation.h"

#include <math.h>
#include <stdlib.h>

enum { N_STATES = 4, STATE_NEW = 0, STATE_ACTIVE, STATE_SLIPPING, STATE_LAPSED };

static const double prior_gaps     = 2.0;
static const double active_until   = 1.6094379124341003; /* -ln 0.20 */
static const double slipping_until = 2.9957322735539909; /* -ln 0.05 */
static const double fallback_days  = 90.0;               /* a shop where nobody came back yet */

typedef struct lifecycle_definition {
    double usual_gap_days; /* median over customers with two orders or more of their mean gap */
} lifecycle_definition;

static const clade_segment_name state_names[N_STATES] = {
    { "new", "New", "新客" },
    { "active", "Active", "活跃" },
    { "slipping", "Slipping", "疏远" },
    { "lapsed", "Lapsed", "流失" },
};

static int compare_double(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static clade_status fit(clade_segmentation *out, const clade_features *features,
                        const clade_outcome *outcome, uint64_t seed, clade_error *err)
{
    (void)outcome;
    (void)seed;
    const size_t          n          = features->n_customers;
    const size_t          gap        = clade__feature_column("gap_mean_days");
    lifecycle_definition *definition = CLADE_NEW(lifecycle_definition, 1);
    double               *gaps       = CLADE_NEW(double, n);
    size_t                n_gaps     = 0;
    out->definition                  = definition;
    if (definition == NULL || gaps == NULL) {
        free(gaps);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the rhythm of %zu customers", n);
    }
    for (size_t i = 0; i < n; i++) {
        const float value = features->value[i * features->n_features + gap];
        if (value > 0) gaps[n_gaps++] = (double)value;
    }
    qsort(gaps, n_gaps, sizeof *gaps, compare_double);
    definition->usual_gap_days =
        n_gaps == 0 ? fallback_days : 0.5 * (gaps[(n_gaps - 1) / 2] + gaps[n_gaps / 2]);
    free(gaps);
    out->n_segments = N_STATES;
    memcpy(out->name, state_names, sizeof state_names);
    return CLADE_OK;
}

static int state_of(double recency_days, double orders, double gap_days, double usual_gap_days)
{
    if (isnan(recency_days)) return STATE_LAPSED; /* never bought: nothing to be active in */
    const double n_gaps   = isnan(gap_days) || orders < 2 ? 0 : orders - 1;
    const double own_days = n_gaps == 0 ? 0 : gap_days * n_gaps;
    const double rhythm   = (own_days + prior_gaps * usual_gap_days) / (n_gaps + prior_gaps);
    const double lateness = recency_days / rhythm;
    if (lateness > slipping_until) return STATE_LAPSED;
    if (lateness > active_until) return STATE_SLIPPING;
    return orders < 2 ? STATE_NEW : STATE_ACTIVE;
}

static clade_status assign(int32_t *out_segment, double *out_score,
                           const clade_segmentation *segmentation, const clade_features *features,
                           clade_error *err)
{
    (void)out_score;
    (void)err;
    const lifecycle_definition *definition = segmentation->definition;
    const size_t                recency    = clade__feature_column("recency_days");
    const size_t                orders     = clade__feature_column("orders");
    const size_t                gap        = clade__feature_column("gap_mean_days");
    for (size_t i = 0; i < features->n_customers; i++) {
        const float *row = features->value + i * features->n_features;
        out_segment[i]   = state_of((double)row[recency], (double)row[orders], (double)row[gap],
                                    definition->usual_gap_days);
    }
    return CLADE_OK;
}

static void write(clade_json *json, const clade_segmentation *segmentation)
{
    const lifecycle_definition *definition = segmentation->definition;
    clade_json_put_number(json, "usual_gap_days", definition->usual_gap_days);
}

static clade_status read(clade_segmentation *out, const clade_json_tree *tree,
                         const clade_json_node *node, clade_error *err)
{
    lifecycle_definition  *definition = CLADE_NEW(lifecycle_definition, 1);
    const clade_json_node *gap        = clade_json_get(tree, node, "usual_gap_days");
    out->definition                   = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a life cycle");
    if (gap == NULL || gap->type != CLADE_JSON_NUMBER || !(gap->number > 0) ||
        out->n_segments != N_STATES) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "a life cycle needs %d states and a positive usual_gap_days", N_STATES);
    }
    definition->usual_gap_days = gap->number;
    return CLADE_OK;
}

const clade__segment_method clade__segment_lifecycle = { fit, assign, write, read, free };
