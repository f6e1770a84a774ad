/* Outlook: segments shaped by the future as well as by likeness.
 *
 * A heavily regularised additive model (8 effective degrees of freedom) says from everything known as
 * of a moment what a customer will spend in the next 90 days, and whether it comes back. Its spending
 * score, cut into bands that lose as little of both predictions as can be, are the segments. Because
 * so few degrees of freedom are spent, the score of a customer hardly depends on who else was in the
 * sample, and the bands hold still. docs/maths/outlook.md has the formulas and what else was tried. */
#include "bands.h"
#include "segmentation.h"
#include "segment_names.h"

#include "clade/linear.h"

#include <math.h>
#include <stdlib.h>

enum { N_TARGETS = 2, SPEND = 0, RETURN = 1, BOOTSTRAP_DRAWS = 40 };

static const double outlook_df      = 8;
static const size_t outlook_terms   = 128;
static const size_t few_customers   = 1500; /* below: fewer segments, or they do not hold still */
static const size_t n_bands_few     = 8;
static const size_t n_bands_many    = 10;
static const double least_share     = 0.015;
static const double least_customers = 40;

typedef struct outlook_definition {
    clade_additive model;
    double         unit[N_TARGETS]; /* standard deviation of each prediction where it was fitted */
    size_t         n_bands;
    double         edge[CLADE_SEGMENTS_MAX]; /* of spend score / unit, rising; band 0 is the lowest */
} outlook_definition;

/* Targets: log(1 + spend in major units), and coming back. Spend below zero (more refunded than
 * bought) counts as none. */
static void fill_targets(double *y, const clade_outcome *outcome, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i * N_TARGETS + SPEND]  = log1p(fmax(0, (double)outcome->spend_minor[i]) / 100);
        y[i * N_TARGETS + RETURN] = outcome->returned[i];
    }
}

static void standard_deviations(double *out, const double *y, size_t n)
{
    for (size_t k = 0; k < N_TARGETS; k++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++) mean += y[i * N_TARGETS + k];
        mean /= (double)n;
        for (size_t i = 0; i < n; i++) square += pow(y[i * N_TARGETS + k] - mean, 2);
        out[k] = fmax(sqrt(square / (double)n), 1e-12);
    }
}

static clade_status cut_bands(outlook_definition *definition, double *predicted, size_t n, uint64_t seed,
                              clade_error *err)
{
    clade_rng    rng   = clade_rng_stream(seed, "engine/outlook/bands", 0);
    double      *order = CLADE_NEW(double, n);
    clade_status status;
    if (order == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu scores", n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < N_TARGETS; k++) predicted[i * N_TARGETS + k] /= definition->unit[k];
        order[i] = predicted[i * N_TARGETS + SPEND];
    }
    const double least  = fmin(0.5, fmax(least_share, least_customers / (double)n));
    const size_t wanted = n < few_customers ? n_bands_few : n_bands_many;
    status = clade__bands_cut(definition->edge, &definition->n_bands, wanted, order, predicted, n,
                              N_TARGETS, least, BOOTSTRAP_DRAWS, &rng, err);
    free(order);
    return status;
}

static clade_status fit(clade_segmentation *out, const clade_features *features,
                        const clade_outcome *outcome, uint64_t seed, clade_error *err)
{
    const size_t n      = features->n_customers;
    clade_status status = CLADE_OK;
    double      *y      = NULL;
    if (outcome == NULL) {
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "segments by outlook need 90 days after some moment to learn from");
    }
    outlook_definition *definition = CLADE_NEW(outlook_definition, 1);
    out->definition                = definition;
    y                              = CLADE_NEW(double, n * N_TARGETS);
    if (definition == NULL || y == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the outlook of %zu customers", n);
        goto done;
    }
    fill_targets(y, outcome, n);
    status = clade_additive_fit(&definition->model, features->value, n, features->n_features, y,
                                N_TARGETS, NULL, outlook_df, outlook_terms, err);
    if (status != CLADE_OK) goto done;
    clade_additive_predict(y, &definition->model, features->value, n, features->n_features);
    standard_deviations(definition->unit, y, n);
    status = cut_bands(definition, y, n, seed, err);
    if (status != CLADE_OK) goto done;
    out->n_segments = definition->n_bands;
    status          = clade__outlook_names(out, features, err);
done:
    free(y);
    return status;
}

/* Segment 0 is the best: people read from the top. */
static clade_status assign(int32_t *out_segment, double *out_score,
                           const clade_segmentation *segmentation, const clade_features *features,
                           clade_error *err)
{
    (void)err;
    const outlook_definition *definition = segmentation->definition;
    const size_t              p          = features->n_features;
    for (size_t i = 0; i < features->n_customers; i++) {
        double predicted[N_TARGETS];
        clade_additive_predict(predicted, &definition->model, features->value + i * p, 1, p);
        const size_t band = clade__band_of(predicted[SPEND] / definition->unit[SPEND], definition->edge,
                                           definition->n_bands);
        out_segment[i]    = (int32_t)(definition->n_bands - 1 - band);
        if (out_score != NULL) out_score[i] = predicted[SPEND];
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- as JSON */

static void write(clade_json *json, const clade_segmentation *segmentation)
{
    const outlook_definition *definition = segmentation->definition;
    const clade_additive     *model      = &definition->model;
    size_t                    n_features;
    const clade_feature      *registry = clade_features_all(&n_features);
    clade_json_put_number(json, "df", model->df);
    clade_json_put_number(json, "penalty", model->penalty);
    clade__json_put_numbers(json, "intercept", model->intercept, N_TARGETS);
    clade__json_put_numbers(json, "unit", definition->unit, N_TARGETS);
    clade__json_put_numbers(json, "edge", definition->edge, definition->n_bands - 1);
    clade_json_key(json, "terms");
    clade_json_array(json);
    for (size_t t = 0; t < model->n_terms; t++) {
        const clade_additive_term *term = &model->term[t];
        clade_json_object(json);
        clade_json_put_text(json, "feature", registry[term->column].name);
        clade_json_put_number(json, "knot", term->knot); /* null: the line itself */
        clade_json_put_number(json, "center", term->center);
        clade_json_put_number(json, "scale", term->scale);
        clade_json_put_number(json, "mean", term->mean);
        clade__json_put_numbers(json, "coefficient", term->coefficient, N_TARGETS);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static clade_status read_number(double *out, const clade_json_tree *tree, const clade_json_node *object,
                                const char *key, clade_error *err)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    if (node == NULL || node->type != CLADE_JSON_NUMBER) {
        return clade_fail(err, CLADE_ERR_DATA, "a term of an outlook has no number '%s'", key);
    }
    *out = node->number;
    return CLADE_OK;
}

static clade_status read_term(clade_additive_term *term, const clade_json_tree *tree,
                              const clade_json_node *node, clade_error *err)
{
    char                   name[64];
    const clade_json_node *feature = clade_json_get(tree, node, "feature");
    const clade_json_node *knot    = clade_json_get(tree, node, "knot");
    if (feature == NULL || feature->text.size >= sizeof name) {
        return clade_fail(err, CLADE_ERR_DATA, "a term of an outlook names no feature");
    }
    memcpy(name, feature->text.data, feature->text.size);
    name[feature->text.size] = '\0';
    const int column         = clade_features_find(name);
    if (column < 0) {
        return clade_fail(err, CLADE_ERR_VERSION,
                          "an outlook uses the feature '%s', which this clade does not know", name);
    }
    term->column = (uint32_t)column;
    term->knot   = knot == NULL || knot->type != CLADE_JSON_NUMBER ? -(double)INFINITY : knot->number;
    CLADE_TRY(read_number(&term->center, tree, node, "center", err));
    CLADE_TRY(read_number(&term->scale, tree, node, "scale", err));
    CLADE_TRY(read_number(&term->mean, tree, node, "mean", err));
    return clade__json_numbers(term->coefficient, N_TARGETS, tree, node, "coefficient", err);
}

static clade_status read(clade_segmentation *out, const clade_json_tree *tree,
                         const clade_json_node *node, clade_error *err)
{
    outlook_definition    *definition = CLADE_NEW(outlook_definition, 1);
    const clade_json_node *terms      = clade_json_get(tree, node, "terms");
    out->definition                   = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for an outlook");
    if (terms == NULL || terms->type != CLADE_JSON_ARRAY || terms->n > CLADE_ADDITIVE_TERMS_MAX) {
        return clade_fail(err, CLADE_ERR_DATA, "an outlook has no list of at most %d terms",
                          CLADE_ADDITIVE_TERMS_MAX);
    }
    definition->n_bands         = out->n_segments;
    definition->model.n_targets = N_TARGETS;
    definition->model.n_terms   = terms->n;
    CLADE_TRY(read_number(&definition->model.df, tree, node, "df", err));
    CLADE_TRY(read_number(&definition->model.penalty, tree, node, "penalty", err));
    CLADE_TRY(clade__json_numbers(definition->model.intercept, N_TARGETS, tree, node, "intercept", err));
    CLADE_TRY(clade__json_numbers(definition->unit, N_TARGETS, tree, node, "unit", err));
    CLADE_TRY(clade__json_numbers(definition->edge, out->n_segments - 1, tree, node, "edge", err));
    size_t child = (size_t)(terms - tree->node) + 1;
    for (size_t t = 0; t < terms->n; t++) {
        CLADE_TRY(read_term(&definition->model.term[t], tree, &tree->node[child], err));
        child = tree->node[child].next;
    }
    return CLADE_OK;
}

const clade__segment_method clade__segment_outlook = { fit, assign, write, read, free };

clade_status clade__outlook_explain(double *out, const clade_segmentation *segmentation,
                                    const float *row, size_t n_features)
{
    const outlook_definition *definition = segmentation->definition;
    clade_additive_explain(out, &definition->model, row, n_features, SPEND);
    return CLADE_OK;
}
