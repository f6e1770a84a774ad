/* RFM: recency, frequency and money in fifths of the shop's own customers, and the eleven groups
 * that the trade has named. Equal values get equal scores: a shop where half bought once has fewer
 * fifths, not an arbitrary cut through people who did the same. */
#include "segmentation.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

enum { N_EDGES = 4, N_GROUPS = 11 };

typedef struct rfm_definition {
    double edge[3]
               [N_EDGES]; /* recency in days, orders, money: upper edges of the first four fifths */
} rfm_definition;

static const char *const feature_names[3] = { "days_since_order", "orders_life", "spend_life" };

static const clade_segment_name group_names[N_GROUPS] = {
    { "champions", "Champions", "冠军客户" },
    { "loyal", "Loyal customers", "忠诚客户" },
    { "potential-loyalists", "Potential loyalists", "潜在忠诚客户" },
    { "new-customers", "New customers", "新客户" },
    { "promising", "Promising", "有潜力客户" },
    { "need-attention", "Need attention", "需要关注" },
    { "about-to-sleep", "About to sleep", "即将沉睡" },
    { "at-risk", "At risk", "流失风险" },
    { "cannot-lose", "Cannot lose them", "不可失去" },
    { "hibernating", "Hibernating", "沉睡客户" },
    { "lost", "Lost", "已流失" },
};

/* Rows: recency score 1 (long ago) to 5; columns: the mean of frequency and money scores, 1 to 5.
 */
static const int group_of[5][5] = {
    { 10, 10, 9, 7, 8 }, { 9, 9, 6, 7, 7 }, { 4, 6, 5, 1, 1 }, { 4, 2, 2, 1, 0 }, { 3, 2, 2, 0, 0 },
};

/* 1 + how many edges lie strictly below the value. */
static int score_of(double value, const double edge[N_EDGES])
{
    int score = 1;
    for (int i = 0; i < N_EDGES; i++)
        score += edge[i] < value;
    return score;
}

/* Fifths are of those who bought: visitors without an order would fill the lowest ones. */
static size_t gather_known(double *out, const clade_features *features, size_t column)
{
    const size_t recency = clade__feature_column(feature_names[0]);
    size_t       n       = 0;
    for (size_t i = 0; i < features->n_customers; i++) {
        const float *row = features->value + i * features->n_features;
        if (!isnan(row[column]) && !isnan(row[recency])) out[n++] = (double)row[column];
    }
    return n;
}

static clade_status fit(clade_segmentation *out, const clade_segmentation *like,
                        const clade_features *features, const clade_outcome *outcome, uint64_t seed,
                        clade_error *err)
{
    (void)like;
    (void)outcome;
    (void)seed;
    const size_t    n          = features->n_customers;
    rfm_definition *definition = CLADE_NEW(rfm_definition, 1);
    double         *value      = CLADE_NEW(double, n);
    out->definition            = definition;
    if (definition == NULL || value == NULL) {
        free(value);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for RFM scores of %zu customers", n);
    }
    for (int k = 0; k < 3; k++) {
        const size_t n_known =
            gather_known(value, features, clade__feature_column(feature_names[k]));
        clade_sort_f64(value, n_known);
        for (int i = 0; i < N_EDGES; i++) {
            definition->edge[k][i] =
                n_known == 0 ? 0 : clade_quantile_sorted(value, n_known, 0.2 * (i + 1));
        }
    }
    free(value);
    out->n_segments = N_GROUPS;
    memcpy(out->name, group_names, sizeof group_names);
    return CLADE_OK;
}

static clade_status assign(int32_t *out_segment, double *out_score,
                           const clade_segmentation *segmentation, const clade_features *features,
                           clade_error *err)
{
    (void)out_score;
    (void)err;
    const rfm_definition *definition = segmentation->definition;
    size_t                column[3];
    for (int k = 0; k < 3; k++)
        column[k] = clade__feature_column(feature_names[k]);

    for (size_t i = 0; i < features->n_customers; i++) {
        int score[3];
        for (int k = 0; k < 3; k++) {
            const float value = features->value[i * features->n_features + column[k]];
            /* Who never bought: as long ago as can be, zero orders, zero money. */
            const double known = isnan(value) ? (k == 0 ? INFINITY : 0.0) : (double)value;
            score[k]           = score_of(known, definition->edge[k]);
        }
        const int recency = 6 - score[0];
        const int worth   = (score[1] + score[2] + 1) / 2;
        out_segment[i]    = group_of[recency - 1][worth - 1];
    }
    return CLADE_OK;
}

static void write(clade_json *json, const clade_segmentation *segmentation)
{
    const rfm_definition *definition = segmentation->definition;
    for (int k = 0; k < 3; k++) {
        clade__json_put_numbers(json, feature_names[k], definition->edge[k], N_EDGES);
    }
}

static clade_status read(clade_segmentation *out, const clade_json_tree *tree,
                         const clade_json_node *node, clade_error *err)
{
    rfm_definition *definition = CLADE_NEW(rfm_definition, 1);
    out->definition            = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for RFM scores");
    if (out->n_segments != N_GROUPS) {
        return clade_fail(err, CLADE_ERR_DATA, "RFM has %d groups, this definition has %zu",
                          N_GROUPS, out->n_segments);
    }
    for (int k = 0; k < 3; k++) {
        CLADE_TRY(
            clade__json_numbers(definition->edge[k], N_EDGES, tree, node, feature_names[k], err));
    }
    return CLADE_OK;
}

const clade__segment_method clade__segment_rfm = { fit, assign, write, read, free };
