/* Customers as of the study's moment and 90 days before: distributions, the RFM grid, and how they
 * moved between segments. */
#include "facts.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double value_of(const clade_features *features, size_t customer, int column)
{
    return column < 0 ? (double)NAN
                      : (double)features->value[customer * features->n_features + (size_t)column];
}

static void start_bins(bins_view *bins, const double *edges, size_t n)
{
    bins->n = n;
    memcpy(bins->edge, edges, n * sizeof edges[0]);
    bins->edge[n] = INFINITY;
}

static clade_status fill_bins(bins_view *bins, const clade_features *features, const char *name,
                              double least, clade_error *err)
{
    const int column = clade_features_find(name);
    double   *known  = CLADE_NEW(double, features->n_customers + 1);
    size_t    n      = 0;
    if (known == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a distribution");
    for (size_t i = 0; i < features->n_customers; i++) {
        const double value = value_of(features, i, column);
        if (!isnan(value) && value >= least) known[n++] = value;
    }
    for (size_t i = 0; i < n; i++)
        bins->count[bins_place(bins, known[i])]++;
    clade_sort_f64(known, n);
    bins->total  = (int64_t)n;
    bins->median = n == 0 ? (double)NAN : clade_quantile_sorted(known, n, 0.5);
    free(known);
    return CLADE_OK;
}

static clade_status distributions(facts *f, const clade_features *features, clade_error *err)
{
    static const double days[]   = { 0, 8, 15, 31, 61, 91, 181, 366, 731 };
    static const double orders[] = { 1, 2, 3, 4, 6, 11, 21, 51 };
    const int           column   = clade_features_find("orders_life");
    start_bins(&f->recency, days, sizeof days / sizeof days[0]);
    start_bins(&f->orders, orders, sizeof orders / sizeof orders[0]);
    for (size_t i = 0; i < features->n_customers; i++) {
        const double n = value_of(features, i, column);
        f->n_buyers += n >= 1;
        f->n_repeat += n >= 2;
    }
    CLADE_TRY(fill_bins(&f->recency, features, "days_since_order", 0, err));
    return fill_bins(&f->orders, features, "orders_life", 1, err);
}

/* ---------------------------------------------------------------- RFM */

static bool read_edges(double edge[4], const clade_json_tree *tree, const char *name)
{
    const clade_json_node *definition = clade_json_get(tree, tree->node, "definition");
    const clade_json_node *list =
        definition == NULL ? NULL : clade_json_get(tree, definition, name);
    if (list == NULL || list->type != CLADE_JSON_ARRAY || list->n != 4) return false;
    const clade_json_node *one = json_first(tree, list);
    for (size_t i = 0; i < 4; i++, one = json_next(tree, one))
        edge[i] = one->number;
    return true;
}

/* 1 + how many edges lie strictly below the value: as the definition scores. */
static int score_of(double value, const double edge[4])
{
    int score = 1;
    for (int i = 0; i < 4; i++)
        score += edge[i] < value;
    return score;
}

static clade_status rfm_grid(facts *f, clade_store *store, const clade_features *features,
                             clade_error *err)
{
    clade_segmentation *rfm  = NULL;
    clade_buffer        text = { 0 };
    clade_json_tree     tree = { 0 };
    double              recency[4], orders[4];
    int64_t             version = 0, fitted_us = 0;
    clade_status        status =
        clade_segmentation_load(&rfm, &version, &fitted_us, store, CLADE_SEGMENT_RFM, err);
    if (status == CLADE_ERR_NOT_READY) return CLADE_OK;
    if (status != CLADE_OK) return status;
    clade_segmentation_write(&text, rfm);
    clade_segmentation_free(rfm);
    if (text.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the RFM scores");
        goto done;
    }
    status = clade_json_parse(&tree, (clade_text){ text.data, text.size }, f->arena, err);
    if (status != CLADE_OK) goto done;
    f->rfm.known =
        read_edges(recency, &tree, "days_since_order") && read_edges(orders, &tree, "orders_life");
    const int days_at = clade_features_find("days_since_order");
    const int n_at    = clade_features_find("orders_life");
    const int year_at = clade_features_find("spend_365d");
    for (size_t i = 0; f->rfm.known && i < features->n_customers; i++) {
        const double days = value_of(features, i, days_at), n = value_of(features, i, n_at);
        const double year = value_of(features, i, year_at);
        if (isnan(days) || isnan(n)) {
            f->rfm.n_never++;
            continue;
        }
        const int row = 5 - score_of(days, recency), column = score_of(n, orders) - 1;
        f->rfm.n[row][column]++;
        if (!isnan(year)) f->rfm.money[row][column] += year * f->minor;
    }
done:
    clade_buffer_free(&text);
    return status;
}

/* ---------------------------------------------------------------- flows */

static clade_status flows(facts *f, clade_store *store, clade_error *err)
{
    clade_segmentation *kind    = NULL;
    clade_members       before  = { 0 };
    clade_members       after   = { 0 };
    int64_t             version = 0, fitted_us = 0;
    const int64_t       from_us = f->as_of_us - FLOW_DAYS * CLADE_US_PER_DAY;
    clade_status        status  = clade_segmentation_load(&kind, &version, &fitted_us, store,
                                                          (clade_segment_kind)f->best, err);
    if (status == CLADE_ERR_NOT_READY) return CLADE_OK;
    if (status != CLADE_OK) return status;
    if (from_us <= f->first_us || clade_segmentation_n(kind) != f->kind[f->best].n) goto done;
    status = clade_members_get(&before, store, kind, version, from_us, FLOW_DAYS, err);
    if (status != CLADE_OK) goto done;
    status = clade_members_get(&after, store, kind, version, f->as_of_us, FLOW_DAYS, err);
    if (status != CLADE_OK) goto done;
    status = clade_flows_count(&f->flows, &before, &after, clade_segmentation_n(kind), err);
    if (status != CLADE_OK) goto done;
    f->has_flows = true;
done:
    clade_members_free(&before);
    clade_members_free(&after);
    clade_segmentation_free(kind);
    return status;
}

clade_status facts_people(facts *f, clade_store *store, clade_error *err)
{
    clade_features *features = NULL;
    clade_status    status   = clade_features_get(&features, store, f->as_of_us, err);
    if (status == CLADE_OK) status = distributions(f, features, err);
    if (status == CLADE_OK) status = rfm_grid(f, store, features, err);
    clade_features_free(features);
    if (status == CLADE_OK) status = flows(f, store, err);
    return status;
}
