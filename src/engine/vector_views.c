/* What vectors are judged beside: counts of the log, and the features of the registry, for the
 * customers that have a vector. */
#include "vector_views.h"

#include "clade/event_sequences.h"
#include "clade/features.h"

#include <math.h>
#include <stdlib.h>

enum { N_KINDS = 13, N_AGES = 4, N_EDGES = 2, RECENT = 1 };
static const int age_days[N_AGES] = { 7, 28, 90, 1 << 20 };

/* Columns: (kind, age), days since the first and the last event, then (target, recent or ever). */
enum { FIRST_EDGE = N_KINDS * N_AGES, FIRST_TARGET = FIRST_EDGE + N_EDGES };

/* The first task + 1 that asks for an item or a category: where it is counted. 0 is none. */
typedef struct targets {
    uint32_t *of_item; /* (n_items + 1) */
    uint32_t *of_path; /* (category_path.n + 1) */
} targets;

static void targets_free(targets *t)
{
    free(t->of_item);
    free(t->of_path);
}

static uint32_t find_word(const clade_words *words, const char *name)
{
    for (uint32_t i = 0; i < words->n; i++) {
        if (strcmp(words->name[i], name) == 0) return i + 1;
    }
    return 0;
}

static bool targets_make(targets *out, const clade_vector_tasks *tasks, const clade_vocabulary *v)
{
    out->of_item = CLADE_NEW(uint32_t, (size_t)v->n_items + 1);
    out->of_path = CLADE_NEW(uint32_t, (size_t)v->category_path.n + 1);
    if (out->of_item == NULL || out->of_path == NULL) return false;
    for (size_t t = 0; t < tasks->n; t++) {
        const clade_vector_task *task = &tasks->task[t];
        if (task->kind == CLADE_VECTOR_ITEM) {
            uint32_t *at = &out->of_item[clade_vocabulary_find(v, task->item)];
            if (*at == 0) *at = (uint32_t)t + 1;
        } else if (task->kind == CLADE_VECTOR_CATEGORY) {
            uint32_t *at = &out->of_path[find_word(&v->category_path, task->name)];
            if (*at == 0) *at = (uint32_t)t + 1;
        }
    }
    out->of_item[0] = out->of_path[0] = 0; /* what was not found */
    return true;
}

static const uint32_t *column(const clade_sequence_field *field, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(field[i].name, name) == 0) return field[i].value;
    }
    return NULL;
}

static void count_customer(float *row, const clade_sequences *s, size_t c, const targets *t,
                           const uint32_t *kind, const uint32_t *path, int64_t as_of_us)
{
    for (uint64_t e = s->start[c]; e < s->start[c + 1]; e++) {
        const int64_t  age     = as_of_us - s->at_us[e];
        const bool     recent  = age <= age_days[RECENT] * CLADE_US_PER_DAY;
        const uint32_t item    = s->item[e];
        const uint32_t hits[2] = { t->of_item[item], path == NULL ? 0 : t->of_path[path[item]] };
        for (size_t a = 0; a < N_AGES; a++)
            row[(kind[e] - 1) * N_AGES + a] += age <= age_days[a] * CLADE_US_PER_DAY ? 1.0f : 0.0f;
        for (size_t h = 0; h < 2; h++) {
            if (hits[h] == 0) continue;
            row[FIRST_TARGET + 2 * (hits[h] - 1)] += recent ? 1.0f : 0.0f;
            row[FIRST_TARGET + 2 * (hits[h] - 1) + 1] += 1.0f;
        }
    }
    if (s->start[c] == s->start[c + 1]) return;
    row[FIRST_EDGE] = (float)((double)(as_of_us - s->at_us[s->start[c]]) / CLADE_US_PER_DAY);
    row[FIRST_EDGE + 1] =
        (float)((double)(as_of_us - s->at_us[s->start[c + 1] - 1]) / CLADE_US_PER_DAY);
}

clade_status clade__view_counts(clade__view *out, clade_store *store,
                                const clade_vector_tasks *tasks, const int64_t *customer, size_t n,
                                int64_t as_of_us, clade_error *err)
{
    clade_status      status = CLADE_OK;
    clade_sequences  *s      = NULL;
    clade_vocabulary *v      = NULL;
    targets           t      = { 0 };
    clade__view       view   = { 0 };

    status = clade_event_sequences(&s, &v, NULL, store, as_of_us, NULL, err);
    if (status != CLADE_OK) goto done;
    if (!targets_make(&t, tasks, v)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to count events");
        goto done;
    }
    /* As many columns as tasks may have, whether or not this moment knows them all. */
    view.d = FIRST_TARGET + 2 * tasks->n;
    size_t n_values;
    view.x = clade_size_mul(&n_values, n, view.d) ? CLADE_NEW(float, n_values) : NULL;
    if (view.x == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the counts of %zu customers", n);
        goto done;
    }
    const uint32_t *kind = column(s->field, s->n_fields, "kind");
    const uint32_t *path = column(s->item_field, s->n_item_fields, "category_path");
    for (size_t i = 0, c = 0; i < n; i++) { /* both sides rise */
        while (c < s->n_customers && s->customer[c] < customer[i])
            c++;
        if (c < s->n_customers && s->customer[c] == customer[i])
            count_customer(view.x + i * view.d, s, c, &t, kind, path, as_of_us);
    }
    *out   = view;
    view.x = NULL;
done:
    free(view.x);
    targets_free(&t);
    clade_sequences_free(s);
    clade_vocabulary_free(v);
    return status;
}

clade_status clade__view_features(clade__view *out, clade_store *store, const int64_t *customer,
                                  size_t n, int64_t as_of_us, clade_error *err)
{
    clade_status    status = CLADE_OK;
    clade_features *f      = NULL;
    clade__view     view   = { 0 };
    size_t          n_values;

    status = clade_features_compute(&f, store, as_of_us, err);
    if (status != CLADE_OK) goto done;
    view.d = f->n_features;
    view.x = clade_size_mul(&n_values, n, view.d) ? CLADE_NEW(float, n_values) : NULL;
    if (view.x == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the features of %zu customers", n);
        goto done;
    }
    for (size_t i = 0, c = 0; i < n; i++) {
        float *row = view.x + i * view.d;
        while (c < f->n_customers && f->customer[c] < customer[i])
            c++;
        const bool there = c < f->n_customers && f->customer[c] == customer[i];
        for (size_t j = 0; j < view.d; j++)
            row[j] = there ? f->value[c * view.d + j] : (float)NAN;
    }
    *out   = view;
    view.x = NULL;
done:
    free(view.x);
    clade_features_free(f);
    return status;
}
