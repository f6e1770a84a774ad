/* What a fit learns from: the log read once, a fair part of it held out, and under mpirun the rest
 * given to every rank. */
#include "fit.h"

#include "clade/dist.h"
#include "clade/shop_behaviour.h"

#include <stdio.h>
#include <stdlib.h>

enum { CUT_TENTHS = 9 };

void fit_data_free(fit_data *data)
{
    clade_vocabulary_free(data->vocabulary);
    clade_sequences_free(data->all);
    clade_sequences_free(data->train);
    free(data->split.validation.cases);
    *data = (fit_data){ 0 };
}

size_t fit_data_bytes(const clade_sequences *s)
{
    return s->n_events * (sizeof *s->item + (s->at_us == NULL ? 0 : sizeof *s->at_us) +
                          s->n_fields * sizeof *s->item) +
           ((size_t)s->n_items + 1) * s->n_item_fields * sizeof *s->item +
           s->n_customers * (sizeof *s->customer + sizeof *s->start);
}

/* ---------------------------------------------------------------- what is held out */

static int compare_moments(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int compare_cases(const void *a, const void *b)
{
    const clade_case *x = a, *y = b;
    return (x->customer > y->customer) - (x->customer < y->customer);
}

/* The latest event with an item that has an event before it, or the customer's start. */
static uint64_t latest_item(const clade_sequences *s, size_t customer)
{
    uint64_t event = s->start[customer + 1];
    while (event > s->start[customer] + 1)
        if (s->item[--event] > 0) return event;
    return s->start[customer];
}

/* Candidates for a question, in order of customers: cases (n_customers) is filled from the left. */
static size_t find_candidates(clade_case *cases, const clade_sequences *s, int64_t cut_us)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_customers; i++) {
        const uint64_t event = latest_item(s, i);
        if (event == s->start[i] || s->at_us[event] < cut_us) continue;
        cases[n++] = (clade_case){ (uint32_t)i, s->item[event], event, 0 };
    }
    return n;
}

/* A copy without the events that are held out: of customer i, [start, end[i]) stays. From the cut
 * on some of those who came back are cut short, so nobody's silence says anything there. */
static clade_status copy_until(clade_sequences **out, const clade_sequences *s, const uint64_t *end,
                               int64_t cut_us, clade_error *err)
{
    clade_sequences *to       = NULL;
    size_t           n_events = 0;
    uint32_t        *column   = NULL;
    for (size_t i = 0; i < s->n_customers; i++)
        n_events += end[i] - s->start[i];
    CLADE_TRY(
        clade_sequences_create(&to, s->n_customers, n_events, s->n_items, s->at_us != NULL, err));
    clade_status status = CLADE_OK;
    for (size_t f = 0; status == CLADE_OK && f < s->n_fields; f++)
        status =
            clade_sequences_add_field(&column, to, s->field[f].name, s->field[f].n_values, err);
    for (size_t f = 0; status == CLADE_OK && f < s->n_item_fields; f++) {
        status = clade_sequences_add_item_field(&column, to, s->item_field[f].name,
                                                s->item_field[f].n_values, err);
        if (status == CLADE_OK)
            memcpy(column, s->item_field[f].value, ((size_t)s->n_items + 1) * sizeof *column);
    }
    if (status == CLADE_OK) status = clade_sequences_add_until(to, err);
    if (status != CLADE_OK) {
        clade_sequences_free(to);
        return status;
    }
    for (size_t i = 0; to->until_us != NULL && i < s->n_customers; i++)
        to->until_us[i] = cut_us;
    memcpy(to->customer, s->customer, s->n_customers * sizeof *s->customer);
    for (size_t i = 0; i < s->n_customers; i++) {
        const uint64_t from = s->start[i], at = to->start[i], n = end[i] - from;
        to->start[i + 1] = at + n;
        memcpy(to->item + at, s->item + from, n * sizeof *s->item);
        if (s->at_us != NULL) memcpy(to->at_us + at, s->at_us + from, n * sizeof *s->at_us);
        for (size_t f = 0; f < s->n_fields; f++)
            memcpy(to->field[f].value + at, s->field[f].value + from, n * sizeof *s->item);
    }
    *out = to;
    return CLADE_OK;
}

/* Is the target in the history, and does anybody's training history have it? */
static clade_status describe_cases(fit_data *data, clade_error *err)
{
    clade_split_part *const part = &data->split.validation;
    bool *const             seen = CLADE_NEW(bool, (size_t)data->all->n_items + 1);
    size_t                  n    = 0;
    if (seen == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to hold out events");
    for (size_t e = 0; e < data->train->n_events; e++)
        seen[data->train->item[e]] = true;
    for (size_t i = 0; i < part->n_cases; i++) {
        const clade_case *const one   = &part->cases[i];
        uint64_t                event = data->all->start[one->customer];
        while (event < one->end && data->all->item[event] != one->target)
            event++;
        n += event < one->end;
        part->n_new += !seen[one->target];
    }
    part->repeated     = part->n_cases == 0 ? 0 : (double)n / (double)part->n_cases;
    data->split.unseen = part->n_cases > 0 && part->repeated <= 0.01;
    free(seen);
    return CLADE_OK;
}

/* The candidates behind the latest cut, in tenths of all events, that leaves enough of them. */
static size_t cut_in_time(int64_t *out_us, clade_case *cases, const clade_sequences *s,
                          int64_t *moment)
{
    size_t n = 0;
    memcpy(moment, s->at_us, s->n_events * sizeof *moment);
    qsort(moment, s->n_events, sizeof *moment, compare_moments);
    for (size_t tenths = CUT_TENTHS; n < 2 * FIT_CASES_TRUST && tenths > 0; tenths--)
        n = find_candidates(cases, s, *out_us = moment[s->n_events * tenths / 10]);
    if (n >= 2 * FIT_CASES_TRUST) return n;
    return find_candidates(cases, s, *out_us = INT64_MIN);
}

clade_status fit_data_hold_out(fit_data *data, clade_error *err)
{
    const clade_sequences *const s      = data->all;
    clade_status                 status = CLADE_OK;
    clade_case                  *cases  = CLADE_NEW(clade_case, s->n_customers + 1);
    uint64_t                    *end    = CLADE_NEW(uint64_t, s->n_customers + 1);
    int64_t                     *moment = CLADE_NEW(int64_t, s->n_events + 1);
    if (cases == NULL || end == NULL || moment == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to hold out events");
        goto done;
    }
    int64_t      cut_us = INT64_MIN;
    const size_t n      = cut_in_time(&cut_us, cases, s, moment);
    const size_t cap    = n / 2 < FIT_CASES_MAX ? n / 2 : FIT_CASES_MAX;
    clade_rng    rng    = clade_rng_stream(data->seed, "fit/held out", 0);
    for (size_t i = 0; i < cap; i++) { /* the first of a shuffle */
        const size_t     j     = i + (size_t)clade_rng_below(&rng, n - i);
        const clade_case other = cases[j];
        cases[j]               = cases[i];
        cases[i]               = other;
    }
    qsort(cases, cap, sizeof *cases, compare_cases);
    for (size_t i = 0; i < s->n_customers; i++)
        end[i] = s->start[i + 1];
    for (size_t i = 0; i < cap; i++)
        end[cases[i].customer] = cases[i].end;
    status = copy_until(&data->train, s, end, cut_us, err);
    if (status != CLADE_OK) goto done;
    data->split = (clade_split){ .protocol   = CLADE_PROTOCOL_LOO,
                                 .sequences  = s,
                                 .train      = data->train,
                                 .train_all  = data->train,
                                 .validation = { .n_cases = cap, .cases = cases } };
    cases       = NULL;
    status      = describe_cases(data, err);
done:
    free(cases);
    free(end);
    free(moment);
    return status;
}

/* ---------------------------------------------------------------- reading */

static clade_status check_worth(const command *c, const clade_sequences *s, clade_error *err)
{
    size_t n_pairs = 0, n_named = 0;
    for (size_t i = 0; i < s->n_customers; i++)
        n_pairs += latest_item(s, i) != s->start[i];
    for (size_t e = 0; e < s->n_events; e++)
        n_named += s->item[e] > 0;
    if (s->n_events == 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s: no customer has an event to learn from",
                         c->arg[0]);
    } else if (n_named == 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY,
                         "%s: none of %zu events names an item, and items are what is learnt",
                         c->arg[0], s->n_events);
    } else if (s->n_items < 2) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY,
                         "%s: there is one item, and with less than two there is nothing to tell "
                         "apart",
                         c->arg[0]);
    } else if (n_pairs == 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY,
                         "%s: none of %zu customers has come back to an item, so there is no next "
                         "one to learn",
                         c->arg[0], s->n_customers);
    } else {
        return CLADE_OK;
    }
    clade_hint(err, "load a longer log: %s load %s FILE...", c->program, c->arg[0]);
    return CLADE_ERR_NOT_READY;
}

clade_status fit_data_read(fit_data *out, command *c, clade_store *store, clade_error *err)
{
    const clade_event_sequences_options options = { .memory_bytes = c->memory_bytes };
    out->seed                                   = c->seed;
    out->as_of_us                               = c->as_of_us;
    if (!c->has_as_of) CLADE_TRY(clade_shop_now(&out->as_of_us, store, err));
    CLADE_TRY(clade_store_data_hash(&out->data_hash, store, err));
    CLADE_TRY(clade_event_sequences(&out->all, &out->vocabulary, NULL, store, out->as_of_us,
                                    &options, err));
    CLADE_TRY(check_worth(c, out->all, err));
    return fit_data_hold_out(out, err);
}

/* ---------------------------------------------------------------- ranks */

/* Sizes of sequences, and what rank 0 came to. */
typedef struct shared_header {
    int64_t  status;
    uint64_t seed;
    uint64_t n_customers, n_events, n_items, with_time, n_fields, n_item_fields;
    struct {
        char     name[CLADE_SEQUENCE_NAME_MAX];
        uint64_t n_values;
    } field[2][CLADE_SEQUENCE_FIELDS_MAX]; /* of events, of items */
} shared_header;

static void describe(shared_header *h, const clade_sequences *s)
{
    h->n_customers   = s->n_customers;
    h->n_events      = s->n_events;
    h->n_items       = s->n_items;
    h->with_time     = s->at_us != NULL;
    h->n_fields      = s->n_fields;
    h->n_item_fields = s->n_item_fields;
    for (int k = 0; k < 2; k++) {
        const clade_sequence_field *const field = k == 0 ? s->field : s->item_field;
        for (size_t f = 0; f < (k == 0 ? s->n_fields : s->n_item_fields); f++) {
            memcpy(h->field[k][f].name, field[f].name, CLADE_SEQUENCE_NAME_MAX);
            h->field[k][f].n_values = field[f].n_values;
        }
    }
}

static clade_status make_room(clade_sequences **out, const shared_header *h, clade_error *err)
{
    uint32_t    *column = NULL;
    clade_status status = clade_sequences_create(out, h->n_customers, h->n_events,
                                                 (uint32_t)h->n_items, h->with_time != 0, err);
    for (size_t f = 0; status == CLADE_OK && f < h->n_fields; f++)
        status = clade_sequences_add_field(&column, *out, h->field[0][f].name,
                                           (uint32_t)h->field[0][f].n_values, err);
    for (size_t f = 0; status == CLADE_OK && f < h->n_item_fields; f++)
        status = clade_sequences_add_item_field(&column, *out, h->field[1][f].name,
                                                (uint32_t)h->field[1][f].n_values, err);
    return status;
}

clade_status fit_data_share(fit_data *data, command *c, clade_status status, clade_error *err)
{
    shared_header h = { .status = (int64_t)status, .seed = data->seed };
    if (clade_dist_ranks() == 1) return status;
    if (data->train != NULL) describe(&h, data->train);
    CLADE_TRY(clade_dist_broadcast(&h, sizeof h, 0, err));
    c->together = h.status != CLADE_OK;
    if (clade_dist_rank() > 0) {
        data->seed = h.seed;
        if (h.status != CLADE_OK)
            return clade_fail(err, (clade_status)h.status, "rank 0 could not read the workspace");
        CLADE_TRY(make_room(&data->train, &h, err));
    } else if (status != CLADE_OK) {
        return status;
    }
    clade_sequences *const s = data->train;
    CLADE_TRY(clade_dist_broadcast(s->customer, s->n_customers * sizeof *s->customer, 0, err));
    CLADE_TRY(clade_dist_broadcast(s->start, (s->n_customers + 1) * sizeof *s->start, 0, err));
    CLADE_TRY(clade_dist_broadcast(s->item, s->n_events * sizeof *s->item, 0, err));
    if (s->at_us != NULL)
        CLADE_TRY(clade_dist_broadcast(s->at_us, s->n_events * sizeof *s->at_us, 0, err));
    CLADE_TRY(clade_sequences_add_until(s, err)); /* on the others; it is there on rank 0 */
    if (s->until_us != NULL)
        CLADE_TRY(clade_dist_broadcast(s->until_us, s->n_customers * sizeof *s->until_us, 0, err));
    for (size_t f = 0; f < s->n_fields; f++)
        CLADE_TRY(clade_dist_broadcast(s->field[f].value, s->n_events * sizeof *s->item, 0, err));
    for (size_t f = 0; f < s->n_item_fields; f++)
        CLADE_TRY(clade_dist_broadcast(s->item_field[f].value,
                                       ((size_t)s->n_items + 1) * sizeof *s->item, 0, err));
    return CLADE_OK;
}
