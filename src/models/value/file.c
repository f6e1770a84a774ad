/* A model as JSON, and back, checked. */
#include "value_internal.h"

#include "clade/json.h"

#include <math.h>
#include <stdio.h>

static void put_numbers(clade_json *json, const char *key, const double *value, size_t n)
{
    clade_json_key(json, key);
    clade_json_array(json);
    for (size_t i = 0; i < n; i++)
        clade_json_number(json, value[i]);
    clade_json_array_end(json);
}

clade_status clade_value_save(clade_buffer *out, const clade_value_model *model, clade_error *err)
{
    const size_t m    = model->n_params + 2 * model->n_covariates;
    clade_json   json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_text(&json, "kind", clade_value_kind_name(model->kind));
    clade_json_put_text(&json, "asked", clade_value_kind_name(model->asked));
    clade_json_put_text(&json, "how", clade_value_how_name(model->how));
    clade_json_put_int(&json, "n_covariates", (int64_t)model->n_covariates);
    put_numbers(&json, "param", model->param, model->n_params);
    put_numbers(&json, "se", model->se, model->n_params);
    put_numbers(&json, "theta", model->theta, m);
    put_numbers(&json, "covariance", model->covariance, m * m);
    clade_json_put_number(&json, "log_likelihood", model->log_likelihood);
    clade_json_put_number(&json, "n_customers", model->n_customers);
    clade_json_put_int(&json, "n_groups", (int64_t)model->n_groups);
    clade_json_put_int(&json, "n_steps", model->n_steps);
    clade_json_put_text(&json, "note", model->note);
    clade_json_object_end(&json);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to save the value model");
    return CLADE_OK;
}

static clade_status broken(clade_error *err, const char *what)
{
    return clade_fail(err, CLADE_ERR_DATA, "the value model's JSON is damaged: %s", what);
}

/* Exactly n finite numbers. */
static clade_status read_numbers(double *out, size_t n, const clade_json_tree *json,
                                 const char *key, clade_error *err)
{
    const clade_json_node *array = clade_json_get(json, json->node, key);
    if (array == NULL || array->type != CLADE_JSON_ARRAY || array->n != n) return broken(err, key);
    const clade_json_node *node = array + 1;
    for (size_t i = 0; i < n; i++, node = json->node + node->next) {
        if (node->type != CLADE_JSON_NUMBER || !isfinite(node->number)) return broken(err, key);
        out[i] = node->number;
    }
    return CLADE_OK;
}

static clade_status read_number(double *out, const clade_json_tree *json, const char *key,
                                double least, double most, clade_error *err)
{
    const clade_json_node *node = clade_json_get(json, json->node, key);
    if (node == NULL || node->type != CLADE_JSON_NUMBER ||
        !(node->number >= least && node->number <= most)) {
        return broken(err, key);
    }
    *out = node->number;
    return CLADE_OK;
}

/* The index of a name, of n that name_of gives. */
static clade_status read_name(size_t *out, const clade_json_tree *json, const char *key, size_t n,
                              const char *(*name_of)(size_t), clade_error *err)
{
    const clade_json_node *node = clade_json_get(json, json->node, key);
    for (size_t i = 0; node != NULL && node->type == CLADE_JSON_TEXT && i < n; i++) {
        if (!clade_text_equal(node->text, clade_text_of(name_of(i)))) continue;
        *out = i;
        return CLADE_OK;
    }
    return broken(err, key);
}

static const char *kind_name(size_t i)
{
    return clade_value_kind_name((clade_value_kind)i);
}

static const char *how_name(size_t i)
{
    return clade_value_how_name((clade_value_how)i);
}

static clade_status read_model(clade_value_model *m, const clade_json_tree *json, clade_error *err)
{
    size_t kind = 0, asked = 0, how = 0;
    double k = 0, n_groups = 0, n_steps = 0;
    if (json->node[0].type != CLADE_JSON_OBJECT) return broken(err, "it is not an object");
    CLADE_TRY(read_name(&kind, json, "kind", CLADE_N_VALUE_KIND, kind_name, err));
    CLADE_TRY(read_name(&asked, json, "asked", CLADE_N_VALUE_KIND, kind_name, err));
    CLADE_TRY(read_name(&how, json, "how", CLADE_N_VALUE_HOW, how_name, err));
    CLADE_TRY(read_number(&k, json, "n_covariates", 0, CLADE_VALUE_MAX_COVARIATES, err));
    CLADE_TRY(read_number(&m->n_customers, json, "n_customers", 0, 1e300, err));
    CLADE_TRY(read_number(&n_groups, json, "n_groups", 0, 1e15, err));
    CLADE_TRY(read_number(&n_steps, json, "n_steps", 0, 4e9, err));
    CLADE_TRY(read_number(&m->log_likelihood, json, "log_likelihood", -1e300, 1e300, err));

    const clade__value_law *law = clade__value_law_of((clade_value_kind)kind);
    m->kind                     = (clade_value_kind)kind;
    m->asked                    = (clade_value_kind)asked;
    m->how                      = (clade_value_how)how;
    m->n_params                 = law->n_params;
    m->n_covariates             = (size_t)k;
    m->n_groups                 = (size_t)n_groups;
    m->n_steps                  = (uint32_t)n_steps;
    if (k != floor(k) || (k > 0 && law->leave_sign == 0)) return broken(err, "n_covariates");
    const size_t n = m->n_params + 2 * m->n_covariates;
    CLADE_TRY(read_numbers(m->param, m->n_params, json, "param", err));
    CLADE_TRY(read_numbers(m->se, m->n_params, json, "se", err));
    CLADE_TRY(read_numbers(m->theta, n, json, "theta", err));
    CLADE_TRY(read_numbers(m->covariance, n * n, json, "covariance", err));
    for (size_t i = 0; i < m->n_params; i++) {
        if (!(m->param[i] > law->floor[i])) return broken(err, "param");
    }
    for (size_t j = 0; j < m->n_covariates; j++) {
        m->buy[j]   = m->theta[m->n_params + j];
        m->leave[j] = m->theta[m->n_params + m->n_covariates + j];
    }
    const clade_json_node *note = clade_json_get(json, json->node, "note");
    if (note == NULL || note->type != CLADE_JSON_TEXT) return broken(err, "note");
    snprintf(m->note, sizeof m->note, "%.*s", (int)note->text.size, note->text.data);
    return CLADE_OK;
}

clade_status clade_value_load(clade_value_model *out_model, const char *json, size_t size,
                              clade_error *err)
{
    clade_json_tree   tree  = { 0 };
    clade_value_model model = { 0 };
    clade_arena      *arena = clade_arena_create(0);
    if (arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to read a value model");
    clade_status status = clade_json_parse(&tree, (clade_text){ json, size }, arena, err);
    if (status == CLADE_OK) status = read_model(&model, &tree, err);
    if (status == CLADE_OK) *out_model = model;
    clade_arena_free(arena);
    return status;
}
