/* Sequences: one allocation a column, checked once, hashed in a fixed order. */
#include "clade/sequences.h"

#include "clade/text.h"

#include <stdlib.h>

clade_status clade_sequences_create(clade_sequences **out, size_t n_customers, size_t n_events,
                                    uint32_t n_items, bool with_time, clade_error *err)
{
    clade_sequences *s = calloc(1, sizeof *s);
    if (s == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for sequences");
    s->n_customers = n_customers;
    s->n_events    = n_events;
    s->n_items     = n_items;
    s->customer    = CLADE_NEW(int64_t, n_customers);
    s->start       = CLADE_NEW(uint64_t, n_customers + 1);
    s->item        = CLADE_NEW(uint32_t, n_events);
    s->at_us       = with_time ? CLADE_NEW(int64_t, n_events) : NULL;
    if (s->customer == NULL || s->start == NULL || s->item == NULL ||
        (with_time && s->at_us == NULL)) {
        clade_sequences_free(s);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu events of %zu customers",
                          n_events, n_customers);
    }
    *out = s;
    return CLADE_OK;
}

void clade_sequences_free(clade_sequences *s)
{
    if (s == NULL) return;
    for (size_t f = 0; f < s->n_fields; f++)
        free(s->field[f].value);
    for (size_t f = 0; f < s->n_item_fields; f++)
        free(s->item_field[f].value);
    free(s->customer);
    free(s->start);
    free(s->item);
    free(s->at_us);
    free(s->until_us);
    free(s->basket);
    free(s);
}

int64_t clade_sequences_last_us(const clade_sequences *s)
{
    int64_t last = INT64_MIN;
    for (size_t e = 0; s->at_us != NULL && e < s->n_events; e++)
        last = s->at_us[e] > last ? s->at_us[e] : last;
    return last;
}

clade_status clade_sequences_add_until(clade_sequences *s, clade_error *err)
{
    if (s->at_us == NULL || s->until_us != NULL) return CLADE_OK;
    const int64_t last = clade_sequences_last_us(s);
    s->until_us        = CLADE_NEW(int64_t, s->n_customers);
    if (s->until_us == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the ends of %zu histories",
                          s->n_customers);
    for (size_t c = 0; c < s->n_customers; c++)
        s->until_us[c] = last;
    return CLADE_OK;
}

clade_status clade_sequences_add_basket(clade_sequences *s, clade_error *err)
{
    if (s->basket == NULL) s->basket = CLADE_NEW(uint32_t, s->n_events);
    if (s->basket != NULL) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the baskets of %zu events", s->n_events);
}

bool clade_sequences_same_basket(const clade_sequences *s, uint64_t event, uint64_t other)
{
    if (s->basket != NULL) return s->basket[event] == s->basket[other];
    return s->at_us != NULL && s->at_us[event] == s->at_us[other];
}

static clade_status add_field(uint32_t **out_value, clade_sequence_field *fields, size_t *n_fields,
                              size_t n_rows, const char *name, uint32_t n_values, clade_error *err)
{
    const size_t length = strlen(name);
    if (length == 0 || length >= CLADE_SEQUENCE_NAME_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "field '%s': a name has 1 to %d bytes", name,
                          CLADE_SEQUENCE_NAME_MAX - 1);
    }
    if (*n_fields == CLADE_SEQUENCE_FIELDS_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "field '%s': there are %d fields already", name,
                          CLADE_SEQUENCE_FIELDS_MAX);
    }
    for (size_t f = 0; f < *n_fields; f++) {
        if (strcmp(fields[f].name, name) == 0) {
            return clade_fail(err, CLADE_ERR_ARG, "field '%s' exists already", name);
        }
    }
    uint32_t *const value = CLADE_NEW(uint32_t, n_rows);
    if (value == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for field '%s'", name);
    clade_sequence_field *const field = &fields[(*n_fields)++];
    memcpy(field->name, name, length + 1);
    field->n_values = n_values;
    field->value    = value;
    *out_value      = value;
    return CLADE_OK;
}

clade_status clade_sequences_add_field(uint32_t **out_value, clade_sequences *s, const char *name,
                                       uint32_t n_values, clade_error *err)
{
    return add_field(out_value, s->field, &s->n_fields, s->n_events, name, n_values, err);
}

clade_status clade_sequences_add_item_field(uint32_t **out_value, clade_sequences *s,
                                            const char *name, uint32_t n_values, clade_error *err)
{
    return add_field(out_value, s->item_field, &s->n_item_fields, (size_t)s->n_items + 1, name,
                     n_values, err);
}

static clade_status check_field(const clade_sequence_field *field, size_t n, clade_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (field->value[i] > field->n_values) {
            return clade_fail(err, CLADE_ERR_DATA, "%s[%zu] is %u, wanted at most %u", field->name,
                              i, field->value[i], field->n_values);
        }
    }
    return CLADE_OK;
}

clade_status clade_sequences_check(const clade_sequences *s, clade_error *err)
{
    if (s->start[0] != 0 || s->start[s->n_customers] != s->n_events) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "customers cover events %llu to %llu, wanted 0 to %zu",
                          (unsigned long long)s->start[0],
                          (unsigned long long)s->start[s->n_customers], s->n_events);
    }
    for (size_t c = 0; c < s->n_customers; c++) {
        if (s->start[c] > s->start[c + 1] || s->start[c + 1] > s->n_events) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "customer %zu begins at event %llu and ends at %llu", c,
                              (unsigned long long)s->start[c], (unsigned long long)s->start[c + 1]);
        }
        for (uint64_t e = s->start[c] + 1; s->at_us != NULL && e < s->start[c + 1]; e++) {
            if (s->at_us[e] < s->at_us[e - 1]) {
                return clade_fail(err, CLADE_ERR_DATA,
                                  "event %llu of customer %zu is before event %llu",
                                  (unsigned long long)e, c, (unsigned long long)(e - 1));
            }
        }
    }
    for (size_t e = 0; e < s->n_events; e++) {
        if (s->item[e] > s->n_items) {
            return clade_fail(err, CLADE_ERR_DATA, "item[%zu] is %u, wanted at most %u", e,
                              s->item[e], s->n_items);
        }
    }
    for (size_t f = 0; f < s->n_fields; f++)
        CLADE_TRY(check_field(&s->field[f], s->n_events, err));
    for (size_t f = 0; f < s->n_item_fields; f++)
        CLADE_TRY(check_field(&s->item_field[f], (size_t)s->n_items + 1, err));
    return CLADE_OK;
}

static uint64_t hash_field(uint64_t hash, const clade_sequence_field *field, size_t n)
{
    hash = clade_hash64(field->name, strlen(field->name), hash);
    hash = clade_hash64(&field->n_values, sizeof field->n_values, hash);
    return clade_hash64(field->value, n * sizeof *field->value, hash);
}

uint64_t clade_sequences_hash(const clade_sequences *s)
{
    const uint64_t size[3] = { s->n_customers, s->n_events, s->n_items };
    uint64_t       hash    = clade_hash64(size, sizeof size, 0);
    hash                   = clade_hash64(s->start, (s->n_customers + 1) * sizeof *s->start, hash);
    hash                   = clade_hash64(s->item, s->n_events * sizeof *s->item, hash);
    if (s->at_us != NULL) hash = clade_hash64(s->at_us, s->n_events * sizeof *s->at_us, hash);
    if (s->until_us != NULL)
        hash = clade_hash64(s->until_us, s->n_customers * sizeof *s->until_us, hash);
    for (size_t f = 0; f < s->n_fields; f++)
        hash = hash_field(hash, &s->field[f], s->n_events);
    for (size_t f = 0; f < s->n_item_fields; f++)
        hash = hash_field(hash, &s->item_field[f], (size_t)s->n_items + 1);
    return hash;
}
