/* Additive models as JSON. Written once a fit, read once a question. */
#include "additive_json.h"

#include "segmentation.h"

#include "clade/features.h"

#include <math.h>

void clade__additive_write(clade_json *json, const clade_additive *model)
{
    size_t               n_features;
    const clade_feature *registry = clade_features_all(&n_features);
    clade_json_put_number(json, "df", model->df);
    clade_json_put_number(json, "penalty", model->penalty);
    clade__json_put_numbers(json, "intercept", model->intercept, model->n_targets);
    clade__json_put_numbers(json, "top", model->top, model->n_targets);
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
        clade__json_put_numbers(json, "coefficient", term->coefficient, model->n_targets);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static clade_status read_number(double *out, const clade_json_tree *tree,
                                const clade_json_node *object, const char *key, clade_error *err)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    if (node == NULL || node->type != CLADE_JSON_NUMBER)
        return clade_fail(err, CLADE_ERR_DATA, "an additive model has no number '%s'", key);
    *out = node->number;
    return CLADE_OK;
}

static clade_status read_term(clade_additive_term *term, size_t n_targets,
                              const clade_json_tree *tree, const clade_json_node *node,
                              clade_error *err)
{
    char                   name[64];
    const clade_json_node *feature = clade_json_get(tree, node, "feature");
    const clade_json_node *knot    = clade_json_get(tree, node, "knot");
    if (feature == NULL || feature->text.size >= sizeof name)
        return clade_fail(err, CLADE_ERR_DATA, "a term of an additive model names no feature");
    memcpy(name, feature->text.data, feature->text.size);
    name[feature->text.size] = '\0';
    const int column         = clade_features_find(name);
    if (column < 0)
        return clade_fail(err, CLADE_ERR_VERSION,
                          "a model uses the feature '%s', which this clade does not know", name);
    term->column = (uint32_t)column;
    term->knot = knot == NULL || knot->type != CLADE_JSON_NUMBER ? -(double)INFINITY : knot->number;
    CLADE_TRY(read_number(&term->center, tree, node, "center", err));
    CLADE_TRY(read_number(&term->scale, tree, node, "scale", err));
    CLADE_TRY(read_number(&term->mean, tree, node, "mean", err));
    return clade__json_numbers(term->coefficient, n_targets, tree, node, "coefficient", err);
}

clade_status clade__additive_read(clade_additive *out, size_t n_targets,
                                  const clade_json_tree *tree, const clade_json_node *object,
                                  clade_error *err)
{
    const clade_json_node *terms = clade_json_get(tree, object, "terms");
    if (terms == NULL || terms->type != CLADE_JSON_ARRAY || terms->n > CLADE_ADDITIVE_TERMS_MAX)
        return clade_fail(err, CLADE_ERR_DATA, "an additive model has no list of at most %d terms",
                          CLADE_ADDITIVE_TERMS_MAX);
    *out = (clade_additive){ .n_targets = n_targets, .n_terms = terms->n };
    CLADE_TRY(read_number(&out->df, tree, object, "df", err));
    CLADE_TRY(read_number(&out->penalty, tree, object, "penalty", err));
    CLADE_TRY(clade__json_numbers(out->intercept, n_targets, tree, object, "intercept", err));
    if (clade_json_get(tree, object, "top") != NULL) /* absent in what earlier builds wrote */
        CLADE_TRY(clade__json_numbers(out->top, n_targets, tree, object, "top", err));
    size_t child = (size_t)(terms - tree->node) + 1;
    for (size_t t = 0; t < terms->n; t++) {
        CLADE_TRY(read_term(&out->term[t], n_targets, tree, &tree->node[child], err));
        child = tree->node[child].next;
    }
    return CLADE_OK;
}
