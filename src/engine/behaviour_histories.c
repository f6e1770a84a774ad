/* Histories in the numbers of a bundle, and vectors of customers. What was read is brought into the
 * columns that the model has tables for; a catalogue that has grown gets a wider model. */
#include "clade/shop_behaviour.h"

#include <stdio.h>
#include <stdlib.h>

clade_status clade_shop_now(int64_t *out_us, clade_store *store, clade_error *err)
{
    int64_t last_us = 0;
    CLADE_TRY(
        clade_store_int(&last_us, store, "SELECT max(at_us) FROM event", NULL, 0, INT64_MIN, err));
    if (last_us == INT64_MIN) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s holds no events yet",
                         clade_store_folder(store));
        clade_hint(err, "run: clade load %s FILE...", clade_store_folder(store));
        return CLADE_ERR_NOT_READY;
    }
    const clade_civil last = clade_civil_from_us(last_us);
    *out_us = (clade_days_from_civil(last.year, last.month, last.day) + 1) * CLADE_US_PER_DAY;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- columns */

/* Columns as they were read, and those that the model wants, which are moved out of them. */
typedef struct columns {
    clade_sequence_field *have;
    size_t                n_have;
    clade_sequence_field  want[CLADE_SEQUENCE_FIELDS_MAX];
    size_t                n_want;
    size_t                n_rows;
} columns;

/* What the log has no longer (or not in these customers' events) is absent everywhere. */
static clade_status want(columns *c, const char *name, uint32_t n_values, clade_error *err)
{
    clade_sequence_field *const to = &c->want[c->n_want++];
    *to                            = (clade_sequence_field){ .n_values = n_values };
    (void)snprintf(to->name, sizeof to->name, "%s", name);
    for (size_t f = 0; f < c->n_have; f++) {
        if (strcmp(c->have[f].name, name) != 0) continue;
        if (c->have[f].n_values != n_values)
            return clade_fail(err, CLADE_ERR_DATA,
                              "the behaviour model knows %u values of %s, its vocabulary %u",
                              n_values, name, c->have[f].n_values);
        to->value        = c->have[f].value;
        c->have[f].value = NULL;
        return CLADE_OK;
    }
    to->value = CLADE_NEW(uint32_t, c->n_rows + 1);
    return to->value != NULL
               ? CLADE_OK
               : clade_fail(err, CLADE_ERR_NOMEM, "no memory for the column %s", name);
}

/* Put the wanted columns in place; what is left over is let go. */
static void settle(columns *c, clade_sequence_field *have, size_t *n_have)
{
    for (size_t f = 0; f < c->n_have; f++)
        free(c->have[f].value);
    memcpy(have, c->want, c->n_want * sizeof *have);
    *n_have = c->n_want;
}

static clade_status arrange(clade_sequences *s, const clade_behaviour_shape *shape,
                            clade_error *err)
{
    columns      events = { .have = s->field, .n_have = s->n_fields, .n_rows = s->n_events };
    columns      items  = { .have   = s->item_field,
                            .n_have = s->n_item_fields,
                            .n_rows = (size_t)s->n_items + 1 };
    clade_status status = CLADE_OK;
    for (size_t f = 0; status == CLADE_OK && f < shape->n_fields; f++)
        status = want(&events, shape->field[f].name, shape->field[f].n_values, err);
    for (size_t f = 0; status == CLADE_OK && f < shape->n_item_fields; f++)
        status = want(&items, shape->item_field[f].name, shape->item_field[f].n_values, err);
    settle(&events, s->field, &s->n_fields);
    settle(&items, s->item_field, &s->n_item_fields);
    return status;
}

/* The same weights over a larger catalogue: rows of new items are zeros, so that their vectors are
 * the sums of their attributes'. */
static clade_status widen(clade_behaviour **out, const clade_behaviour *model,
                          const clade_sequences *s, clade_error *err)
{
    size_t           n_from = 0, n_to = 0;
    clade_behaviour *wider = NULL;
    CLADE_TRY(clade_behaviour_create(&wider, clade_behaviour_options_of(model), s, 0, err));
    const clade_behaviour_tensor *const from = clade_behaviour_tensors(model, &n_from);
    const clade_behaviour_tensor *const to   = clade_behaviour_tensors(wider, &n_to);
    float *const theta  = CLADE_NEW(float, clade_behaviour_n_parameters(wider));
    clade_status status = CLADE_OK;
    if (theta == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a model of %u items", s->n_items);
    if (status == CLADE_OK && n_from != n_to)
        status =
            clade_fail(err, CLADE_ERR_DATA,
                       "the behaviour model has %zu tensors, this log wants %zu", n_from, n_to);
    for (size_t t = 0; status == CLADE_OK && t < n_to; t++) {
        memcpy(theta + to[t].offset, clade_behaviour_parameters(model) + from[t].offset,
               from[t].n_rows * from[t].n_columns * sizeof *theta);
    }
    if (status == CLADE_OK) {
        clade_behaviour_set(wider, theta);
        *out  = wider;
        wider = NULL;
    }
    clade_behaviour_free(wider);
    free(theta);
    return status;
}

/* ---------------------------------------------------------------- reading */

clade_status clade_shop_histories_read(clade_shop_histories **out, clade_store *store,
                                       const clade_shop_behaviour *behaviour, int64_t as_of_us,
                                       const int64_t *customer, size_t n_only, clade_error *err)
{
    const clade_event_sequences_options options = { .base     = behaviour->vocabulary,
                                                    .customer = customer,
                                                    .n_only   = n_only };
    clade_shop_histories               *h       = calloc(1, sizeof *h);
    if (h == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for histories");
    h->as_of_us = as_of_us;
    h->model    = behaviour->model;
    clade_status status =
        clade_event_sequences(&h->sequences, &h->vocabulary, NULL, store, as_of_us, &options, err);
    const clade_behaviour_shape *const shape = clade_behaviour_shape_get(behaviour->model);
    if (status == CLADE_OK) status = arrange(h->sequences, shape, err);
    if (status == CLADE_OK && h->sequences->n_items != shape->n_items) {
        status        = widen(&h->model, behaviour->model, h->sequences, err);
        h->owns_model = status == CLADE_OK;
    }
    if (status == CLADE_OK) {
        *out = h;
        h    = NULL;
    }
    clade_shop_histories_free(h);
    return status;
}

void clade_shop_histories_free(clade_shop_histories *histories)
{
    if (histories == NULL) return;
    if (histories->owns_model) clade_behaviour_free(histories->model);
    clade_sequences_free(histories->sequences);
    clade_vocabulary_free(histories->vocabulary);
    free(histories);
}

/* ---------------------------------------------------------------- vectors */

/* clade_vectors lends; this is what it lends from. */
typedef struct owned_vectors {
    clade_vectors vectors; /* first, so that its address is ours */
    int64_t      *customer;
    float        *value;
} owned_vectors;

/* clade_behaviour_vectors, or clade_behaviour_profiles. */
typedef clade_status (*reader)(float *out, const clade_behaviour *model,
                               const clade_sequences *sequences, const clade_case *cases,
                               size_t n_cases, clade_error *err);

static clade_status read_with(reader read, clade_vectors **out, clade_store *store,
                              const clade_shop_behaviour *behaviour, int64_t as_of_us,
                              const int64_t *customer, size_t n_only, clade_error *err)
{
    clade_shop_histories *h     = NULL;
    owned_vectors        *v     = NULL;
    clade_case           *cases = NULL;
    size_t                n     = 0;
    clade_status          status =
        clade_shop_histories_read(&h, store, behaviour, as_of_us, customer, n_only, err);
    if (status != CLADE_OK) return status;
    const size_t d = clade_behaviour_options_of(h->model)->d;
    n              = h->sequences->n_customers;
    cases          = CLADE_NEW(clade_case, n + 1);
    v              = calloc(1, sizeof *v);
    if (v != NULL) {
        v->customer = CLADE_NEW(int64_t, n + 1);
        v->value    = CLADE_NEW(float, n *d + 1);
    }
    if (cases == NULL || v == NULL || v->customer == NULL || v->value == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the vectors of %zu customers", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        v->customer[i] = h->sequences->customer[i];
        cases[i]       = (clade_case){ (uint32_t)i, 0, h->sequences->start[i + 1], as_of_us };
    }
    status = read(v->value, h->model, h->sequences, cases, n, err);
    if (status != CLADE_OK) goto done;
    v->vectors = (clade_vectors){ as_of_us, n, d, v->customer, v->value };
    *out       = &v->vectors;
    v          = NULL;
done:
    if (v != NULL) clade_shop_vectors_free(&v->vectors);
    clade_shop_histories_free(h);
    free(cases);
    return status;
}

clade_status clade_shop_vectors(clade_vectors **out, clade_store *store,
                                const clade_shop_behaviour *behaviour, int64_t as_of_us,
                                const int64_t *customer, size_t n_only, clade_error *err)
{
    return read_with(clade_behaviour_vectors, out, store, behaviour, as_of_us, customer, n_only,
                     err);
}

clade_status clade_shop_profiles(clade_vectors **out, clade_store *store,
                                 const clade_shop_behaviour *behaviour, int64_t as_of_us,
                                 const int64_t *customer, size_t n_only, clade_error *err)
{
    return read_with(clade_behaviour_profiles, out, store, behaviour, as_of_us, customer, n_only,
                     err);
}

void clade_shop_vectors_free(clade_vectors *vectors)
{
    owned_vectors *const v = (owned_vectors *)vectors;
    if (v == NULL) return;
    free(v->customer);
    free(v->value);
    free(v);
}
