/*
 * Protocols: which events are learnt from, and what is asked. Every protocol says for each customer
 * how many events of it the two training logs hold, and lists the cases; the rest is common.
 */
#include "clade/run.h"
#include "judge_internal.h"

#include "clade/time.h"

#include <math.h>
#include <stdlib.h>

static const char *const names[CLADE_N_PROTOCOL] = { "loo", "sessions", "time", "basket" };

const char *clade_protocol_name(clade_protocol protocol)
{
    return names[protocol];
}

clade_status clade_protocol_parse(clade_protocol *out, const char *name, clade_error *err)
{
    for (int p = 0; p < CLADE_N_PROTOCOL; p++) {
        if (strcmp(names[p], name) == 0) {
            *out = (clade_protocol)p;
            return CLADE_OK;
        }
    }
    const char *const near = clade_text_nearest(name, names, CLADE_N_PROTOCOL);
    (void)clade_fail(err, CLADE_ERR_ARG, "there is no protocol '%s'", name);
    clade_hint(err, near == NULL ? "loo, sessions, time or basket" : "did you mean %s?", near);
    return CLADE_ERR_ARG;
}

/* ---------------------------------------------------------------- sequences cut short */

static clade_status copy_fields(clade_sequences *out, const clade_sequences *all,
                                const uint64_t *length, clade_error *err)
{
    for (size_t f = 0; f < all->n_fields; f++) {
        uint32_t *value = NULL;
        CLADE_TRY(clade_sequences_add_field(&value, out, all->field[f].name, all->field[f].n_values,
                                            err));
        for (size_t c = 0; c < all->n_customers; c++) {
            if (length[c] == 0) continue;
            memcpy(value + out->start[c], all->field[f].value + all->start[c],
                   length[c] * sizeof *value);
        }
    }
    for (size_t f = 0; f < all->n_item_fields; f++) {
        uint32_t *value = NULL;
        CLADE_TRY(clade_sequences_add_item_field(&value, out, all->item_field[f].name,
                                                 all->item_field[f].n_values, err));
        memcpy(value, all->item_field[f].value, ((size_t)all->n_items + 1) * sizeof *value);
    }
    return CLADE_OK;
}

clade_status clade__sequences_head(clade_sequences **out, const clade_sequences *all,
                                   const uint64_t *length, clade_error *err)
{
    clade_status     status   = CLADE_OK;
    clade_sequences *head     = NULL;
    uint64_t         n_events = 0;
    for (size_t c = 0; c < all->n_customers; c++)
        n_events += length[c];
    CLADE_TRY(clade_sequences_create(&head, all->n_customers, n_events, all->n_items,
                                     all->at_us != NULL, err));
    for (size_t c = 0; c < all->n_customers; c++) {
        const uint64_t from = all->start[c], to = head->start[c];
        head->customer[c]  = all->customer[c];
        head->start[c + 1] = to + length[c];
        if (length[c] == 0) continue;
        memcpy(head->item + to, all->item + from, length[c] * sizeof *head->item);
        if (all->at_us == NULL) continue;
        memcpy(head->at_us + to, all->at_us + from, length[c] * sizeof *head->at_us);
    }
    status = copy_fields(head, all, length, err);
    if (status == CLADE_OK && all->basket != NULL) status = clade_sequences_add_basket(head, err);
    for (size_t c = 0; head->basket != NULL && c < all->n_customers; c++) {
        if (length[c] == 0) continue;
        memcpy(head->basket + head->start[c], all->basket + all->start[c],
               length[c] * sizeof *head->basket);
    }
    if (status == CLADE_OK) status = clade_sequences_add_until(head, err);
    for (size_t c = 0; status == CLADE_OK && head->until_us != NULL && c < all->n_customers; c++) {
        const uint64_t cut = all->start[c] + length[c]; /* nothing is known from there on */
        if (cut < all->start[c + 1] && all->at_us[cut] < head->until_us[c])
            head->until_us[c] = all->at_us[cut];
    }
    if (status == CLADE_OK) {
        *out = head;
        head = NULL;
    }
    clade_sequences_free(head);
    return status;
}

/* ---------------------------------------------------------------- plans of the protocols */

typedef struct part_plan {
    clade_case *cases;
    size_t      n, capacity;
} part_plan;

typedef struct plan {
    const clade_sequence_file *file;
    const clade_sequences     *s;
    uint64_t                  *train;     /* (n_customers) events that the fit sees */
    uint64_t                  *train_all; /* (n_customers) and the last fit */
    part_plan                  validation, test;
    clade_split               *split;
} plan;

static clade_status ask(part_plan *part, const clade_sequences *s, size_t customer, uint64_t end,
                        int64_t at_us, clade_error *err)
{
    if (s->item[end] == 0) return CLADE_OK; /* not an item: a login is nobody's question */
    if (!CLADE_GROW(&part->cases, &part->capacity, part->n + 1)) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu cases", part->n + 1);
    }
    part->cases[part->n++] = (clade_case){ (uint32_t)customer, s->item[end], end, at_us };
    return CLADE_OK;
}

static clade_status plan_loo(plan *p, clade_error *err)
{
    for (size_t c = 0; c < p->s->n_customers; c++) {
        const uint64_t start = p->s->start[c], end = p->s->start[c + 1], n = end - start;
        p->train[c]     = n < 3 ? n : n - 2;
        p->train_all[c] = n < 3 ? n : n - 1;
        if (n < 3) continue;
        CLADE_TRY(ask(&p->validation, p->s, c, end - 2, 0, err));
        CLADE_TRY(ask(&p->test, p->s, c, end - 1, 0, err));
    }
    return CLADE_OK;
}

static clade_status plan_sessions(plan *p, uint32_t min_history, clade_error *err)
{
    const uint8_t *const held_out = p->file->held_out;
    size_t               n_train = 0, nth = 0;
    if (held_out == NULL) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: the protocol sessions needs a column split with train and test",
                          p->file->name);
    }
    for (size_t c = 0; c < p->s->n_customers; c++)
        n_train += !held_out[c];
    const size_t first_valid = n_train - n_train / 10; /* the last tenth of those that train */
    for (size_t c = 0; c < p->s->n_customers; c++) {
        const uint64_t start = p->s->start[c], end = p->s->start[c + 1];
        const bool     validates = !held_out[c] && nth >= first_valid;
        nth += !held_out[c];
        p->train[c]     = held_out[c] || validates ? 0 : end - start;
        p->train_all[c] = held_out[c] ? 0 : end - start;
        if (!held_out[c] && !validates) continue;
        for (uint64_t e = start + min_history; e < end; e++)
            CLADE_TRY(ask(held_out[c] ? &p->test : &p->validation, p->s, c, e, 0, err));
    }
    return CLADE_OK;
}

static int by_moment(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* The moments before which the shares `valid` and `test` of all events lie. */
static clade_status cuts_of(int64_t *out_valid, int64_t *out_test, const plan *p, double valid,
                            double test, clade_error *err)
{
    const size_t   n      = p->s->n_events;
    int64_t *const moment = CLADE_NEW(int64_t, n);
    if (moment == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu moments", n);
    memcpy(moment, p->s->at_us, n * sizeof *moment);
    qsort(moment, n, sizeof *moment, by_moment);
    *out_valid = moment[(size_t)floor(valid * (double)n)];
    *out_test  = moment[(size_t)floor(test * (double)n)];
    free(moment);
    return CLADE_OK;
}

/* The first event of a customer at or after a moment. */
static uint64_t first_from(const clade_sequences *s, size_t customer, int64_t moment_us)
{
    uint64_t e = s->start[customer];
    while (e < s->start[customer + 1] && s->at_us[e] < moment_us)
        e++;
    return e;
}

static clade_status plan_time(plan *p, const clade_split_options *o, clade_error *err)
{
    const double test     = o->test_from == 0.0 ? 0.9 : o->test_from;
    const double valid    = o->valid_from == 0.0 ? 0.8 : o->valid_from;
    int64_t      valid_us = 0, test_us = 0;
    if (p->s->at_us == NULL) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: the protocol time needs a moment of every event", p->file->name);
    }
    if (!(valid > 0.0 && valid < test && test < 1.0)) {
        return clade_fail(
            err, CLADE_ERR_ARG,
            "cuts at the shares %g and %g of events: wanted 0 < validation < test < 1", valid,
            test);
    }
    CLADE_TRY(cuts_of(&valid_us, &test_us, p, valid, test, err));
    for (size_t c = 0; c < p->s->n_customers; c++) {
        const uint64_t start = p->s->start[c], end = p->s->start[c + 1];
        const uint64_t v = first_from(p->s, c, valid_us), t = first_from(p->s, c, test_us);
        p->train[c]     = v - start;
        p->train_all[c] = t - start;
        if (v > start && v < t) CLADE_TRY(ask(&p->validation, p->s, c, v, valid_us, err));
        if (t > start && t < end) CLADE_TRY(ask(&p->test, p->s, c, t, test_us, err));
    }
    p->split->validation.has_now = p->split->test.has_now = true;
    p->split->validation.now_us                           = valid_us;
    p->split->test.now_us                                 = test_us;
    return CLADE_OK;
}

/* A basket is asked for when the one before it is surely over: an hour behind it, or when the next
 * one begins. */
static int64_t between_baskets(const clade_sequences *s, uint64_t end)
{
    if (s->at_us == NULL) return 0;
    const int64_t later = s->at_us[end - 1] + CLADE_US_PER_HOUR;
    return later < s->at_us[end] ? later : s->at_us[end];
}

static clade_status plan_basket(plan *p, clade_error *err)
{
    const uint32_t *const basket = p->s->basket;
    if (basket == NULL) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: the protocol basket needs a column of baskets or orders",
                          p->file->name);
    }
    for (size_t c = 0; c < p->s->n_customers; c++) {
        const uint64_t start = p->s->start[c], end = p->s->start[c + 1];
        uint64_t       last = end, before = end;
        while (last > start && basket[last - 1] == basket[end - 1])
            last--;
        before = last;
        while (before > start && basket[before - 1] == basket[last - 1])
            before--;
        /* One basket: last == start. Two: before == start. */
        p->train_all[c] = last == start ? end - start : last - start;
        p->train[c]     = before == start ? p->train_all[c] : before - start;
        if (last > start && before > start)
            CLADE_TRY(ask(&p->validation, p->s, c, before, between_baskets(p->s, before), err));
        if (last > start) CLADE_TRY(ask(&p->test, p->s, c, last, between_baskets(p->s, last), err));
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- what a part holds */

/* Distinct items of the basket that each case waits for. */
static clade_status basket_targets(clade_split_part *part, const plan *p, clade_error *err)
{
    const clade_sequences *const s       = p->s;
    clade_targets *const         targets = calloc(1, sizeof *targets);
    uint64_t *const              start   = CLADE_NEW(uint64_t, part->n_cases + 1);
    uint32_t                    *item    = NULL;
    size_t                       n = 0, room = 0;
    part->targets = targets;
    for (size_t i = 0; i < part->n_cases; i++) {
        const uint64_t from = part->cases[i].end;
        for (uint64_t e = from; e < s->start[part->cases[i].customer + 1]; e++)
            room += p->s->basket[e] == p->s->basket[from];
    }
    item = CLADE_NEW(uint32_t, room);
    if (targets == NULL || start == NULL || item == NULL) {
        free(start);
        free(item);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the items of %zu baskets",
                          part->n_cases);
    }
    for (size_t i = 0; i < part->n_cases; i++) {
        const uint64_t from = part->cases[i].end;
        for (uint64_t e = from;
             e < s->start[part->cases[i].customer + 1] && p->s->basket[e] == p->s->basket[from];
             e++) {
            bool known = s->item[e] == 0;
            for (uint64_t t = start[i]; t < n && !known; t++)
                known = item[t] == s->item[e];
            if (!known) item[n++] = s->item[e];
        }
        start[i + 1] = n;
    }
    *targets = (clade_targets){ start, item };
    return CLADE_OK;
}

static void free_part(clade_split_part *part)
{
    if (part->targets != NULL) {
        free(part->targets->start);
        free(part->targets->item);
        free(part->targets);
    }
    free(part->cases);
}

static bool in_history(const clade_sequences *s, const clade_case *one)
{
    for (uint64_t e = s->start[one->customer]; e < one->end; e++) {
        if (s->item[e] == one->target) return true;
    }
    return false;
}

static clade_status finish_part(clade_split_part *part, const plan *p, part_plan *planned,
                                const clade_sequences *learnt, clade_error *err)
{
    size_t         n_repeated = 0;
    uint8_t *const known      = CLADE_NEW(uint8_t, (size_t)p->s->n_items + 1);
    if (known == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a split");
    for (size_t e = 0; e < learnt->n_events; e++)
        known[learnt->item[e]] = 1;
    part->cases    = planned->cases;
    part->n_cases  = planned->n;
    planned->cases = NULL;
    for (size_t i = 0; i < part->n_cases; i++) {
        part->n_new += !known[part->cases[i].target];
        n_repeated += in_history(p->s, &part->cases[i]);
    }
    part->repeated = part->n_cases == 0 ? 0.0 : (double)n_repeated / (double)part->n_cases;
    free(known);
    if (p->split->protocol != CLADE_PROTOCOL_BASKET) return CLADE_OK;
    return basket_targets(part, p, err);
}

static uint64_t hash_part(const clade_split_part *part, uint64_t seed)
{
    for (size_t i = 0; i < part->n_cases; i++) {
        const uint64_t words[3] = { part->cases[i].customer, part->cases[i].target,
                                    part->cases[i].end };
        seed                    = clade_hash64(words, sizeof words, seed);
    }
    return seed;
}

void clade_split_free(clade_split *split)
{
    if (split == NULL) return;
    clade_sequences_free(split->train);
    clade_sequences_free(split->train_all);
    free_part(&split->validation);
    free_part(&split->test);
    free(split);
}

static clade_status make_plan(plan *p, const clade_split_options *o, clade_error *err)
{
    switch (p->split->protocol) {
    case CLADE_PROTOCOL_LOO: return plan_loo(p, err);
    case CLADE_PROTOCOL_SESSIONS:
        return plan_sessions(p, o->min_history == 0 ? 1 : o->min_history, err);
    case CLADE_PROTOCOL_TIME: return plan_time(p, o, err);
    case CLADE_PROTOCOL_BASKET: return plan_basket(p, err);
    case CLADE_N_PROTOCOL: break;
    }
    return clade_fail(err, CLADE_ERR_ARG, "there is no protocol %d", (int)p->split->protocol);
}

static clade_status fill_split(clade_split *split, plan *p, clade_error *err)
{
    if (p->validation.n == 0 || p->test.n == 0) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: the protocol %s leaves %zu validation and %zu test cases; wanted at "
                          "least one of each",
                          p->file->name, clade_protocol_name(split->protocol), p->validation.n,
                          p->test.n);
    }
    CLADE_TRY(clade__sequences_head(&split->train, p->s, p->train, err));
    CLADE_TRY(clade__sequences_head(&split->train_all, p->s, p->train_all, err));
    CLADE_TRY(finish_part(&split->validation, p, &p->validation, split->train, err));
    CLADE_TRY(finish_part(&split->test, p, &p->test, split->train_all, err));
    split->unseen = split->validation.repeated <= 0.01;
    split->hash   = clade_sequences_hash(p->s) + (uint64_t)split->protocol;
    split->hash   = hash_part(&split->test, hash_part(&split->validation, split->hash));
    return CLADE_OK;
}

clade_status clade_split_make(clade_split **out, const clade_sequence_file *file,
                              clade_protocol protocol, const clade_split_options *options,
                              clade_error *err)
{
    const clade_split_options o      = options == NULL ? (clade_split_options){ 0 } : *options;
    clade_status              status = CLADE_OK;
    const clade_sequences    *s      = file->sequences;
    plan                      p      = { .file = file, .s = s };
    clade_split *const        split  = calloc(1, sizeof *split);

    p.split     = split;
    p.train     = CLADE_NEW(uint64_t, s->n_customers);
    p.train_all = CLADE_NEW(uint64_t, s->n_customers);
    if (split == NULL || p.train == NULL || p.train_all == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a split of %zu customers",
                            s->n_customers);
        goto done;
    }
    split->protocol  = protocol;
    split->sequences = s;
    status           = make_plan(&p, &o, err);
    if (status == CLADE_OK) status = fill_split(split, &p, err);
    if (status == CLADE_OK) *out = split;
done:
    if (status != CLADE_OK) clade_split_free(split);
    free(p.train);
    free(p.train_all);
    free(p.validation.cases);
    free(p.test.cases);
    return status;
}
