/*
 * Fits by kind, and scores: each case sums what speaks for items in a worker's scratch, then writes
 * its row over the floor. Sums of a case run in one thread in one order.
 */
#include "clade/neighbours.h"

#include "clade/run.h"
#include "clade/time.h"
#include "neighbours_internal.h"

#include <math.h>
#include <stdlib.h>

static const char *const names[CLADE_N_NEIGHBOURS] = { "popular",    "popular-7d", "own",
                                                       "markov",     "rules",      "item-knn",
                                                       "session-knn" };

const char *clade_neighbours_name(clade_neighbours_kind kind)
{
    return names[kind];
}

/* ---------------------------------------------------------------- fits */

/* Floor: -1 + count / (most + 1), below everything that is spoken for; or no answer. */
static void set_floor(clade_neighbours *fitted)
{
    float most = 0.0f;
    for (uint32_t i = 1; i <= fitted->n_items; i++)
        most = fitted->popular[i] > most ? fitted->popular[i] : most;
    for (uint32_t i = 1; i <= fitted->n_items; i++)
        fitted->floor[i] =
            fitted->options.backoff ? fitted->popular[i] / (most + 1.0f) - 1.0f : -INFINITY;
}

/* 2^(-l / half), all alike for half 0, and 0 below 2^-13. */
static void set_weights(float *weight, double half)
{
    for (int l = 0; l < CLADE_NEIGHBOURS_HISTORY_MAX; l++) {
        const double power = half == 0.0 ? 0.0 : -l / half;
        weight[l]          = power < -13.0 ? 0.0f : (float)exp2(power);
    }
}

void clade_neighbours_set(clade_neighbours *fitted, const clade_neighbours_options *options)
{
    const clade_neighbours_options was = fitted->options;
    fitted->options                    = *options;
    fitted->options.shrink             = was.shrink;
    fitted->options.reach              = was.reach;
    fitted->options.first_seen         = was.first_seen;
    set_weights(fitted->lag_weight, options->half_life);
    set_weights(fitted->near_weight, options->near);
    set_floor(fitted);
}

typedef struct moment {
    int64_t  at_us;
    uint32_t item;
} moment;

static int by_moment(const void *left, const void *right)
{
    const moment *const a = left, *const b = right;
    if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

static clade_status fit_times(clade_neighbours *fitted, clade_error *err)
{
    const clade_sequences *const s = fitted->train;
    if (s->at_us == NULL) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "popular-7d needs moments, and this log has the order of events alone");
    }
    moment *const all = CLADE_NEW(moment, s->n_events);
    fitted->at_us     = CLADE_NEW(int64_t, s->n_events);
    fitted->at_item   = CLADE_NEW(uint32_t, s->n_events);
    if (all == NULL || fitted->at_us == NULL || fitted->at_item == NULL) {
        free(all);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu moments", s->n_events);
    }
    for (size_t e = 0; e < s->n_events; e++)
        all[e] = (moment){ s->at_us[e], s->item[e] };
    qsort(all, s->n_events, sizeof *all, by_moment);
    for (size_t e = 0; e < s->n_events; e++) {
        fitted->at_us[e]   = all[e].at_us;
        fitted->at_item[e] = all[e].item;
    }
    fitted->n_timed = s->n_events;
    free(all);
    return CLADE_OK;
}

static clade_status fit_kind(clade_neighbours *fitted, clade_error *err)
{
    const clade_neighbours_options *const o = &fitted->options;
    switch (fitted->kind) {
    case CLADE_NEIGHBOURS_POPULAR_7D: return fit_times(fitted, err);
    case CLADE_NEIGHBOURS_MARKOV: return clade__fit_rules(fitted, 1, err);
    case CLADE_NEIGHBOURS_RULES: return clade__fit_rules(fitted, o->reach == 0 ? 1 : o->reach, err);
    case CLADE_NEIGHBOURS_ITEM_KNN: return clade__fit_items(fitted, err);
    case CLADE_NEIGHBOURS_SESSION_KNN: return clade__fit_holders(fitted, err);
    case CLADE_NEIGHBOURS_POPULAR:
    case CLADE_NEIGHBOURS_OWN:
    case CLADE_N_NEIGHBOURS: break;
    }
    return CLADE_OK;
}

clade_status clade_neighbours_fit(clade_neighbours **out, clade_neighbours_kind kind,
                                  const clade_sequences          *train,
                                  const clade_neighbours_options *options, clade_error *err)
{
    clade_status             status = CLADE_OK;
    clade_neighbours_options o      = options == NULL ? (clade_neighbours_options){ 0 } : *options;
    if (!(o.shrink >= 0.0 && o.half_life >= 0.0 && o.near >= 0.0 && o.repeat >= 0.0)) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "%s: shrink %g, half_life %g, near %g, repeat %g: wanted none below 0",
                          names[kind], o.shrink, o.half_life, o.near, o.repeat);
    }
    clade_neighbours *fitted = calloc(1, sizeof *fitted);
    if (fitted == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %s", names[kind]);
    fitted->kind        = kind;
    fitted->train       = train;
    fitted->n_items     = train->n_items;
    fitted->options     = o;
    fitted->most_beside = o.n_neighbours == 0 ? 100 : o.n_neighbours;
    fitted->popular     = CLADE_NEW(float, (size_t)train->n_items + 1);
    fitted->floor       = CLADE_NEW(float, (size_t)train->n_items + 1);
    if (fitted->popular == NULL || fitted->floor == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %u items", train->n_items);
        goto done;
    }
    for (size_t e = 0; e < train->n_events; e++)
        fitted->popular[train->item[e]] += 1.0f; /* exact below 2^24 */
    clade_neighbours_set(fitted, &o);
    status = fit_kind(fitted, err);
    if (status != CLADE_OK) goto done;
    *out   = fitted;
    fitted = NULL;
done:
    clade_neighbours_free(fitted);
    return status;
}

void clade_neighbours_free(clade_neighbours *fitted)
{
    if (fitted == NULL) return;
    free(fitted->popular);
    free(fitted->floor);
    free(fitted->lists.start);
    free(fitted->lists.beside);
    free(fitted->holder_start);
    free(fitted->holder);
    free(fitted->at_us);
    free(fitted->at_item);
    free(fitted);
}

/* ---------------------------------------------------------------- scores */

typedef struct scoring {
    const clade_neighbours *fitted;
    const clade_sequences  *sequences;
    const clade_case       *cases;
    float                  *out;
    size_t                  n_workers;
    clade__sums            *items;   /* (n_workers) by item */
    clade__meeting         *meeting; /* (n_workers) filled for session-knn alone */
} scoring;

/* First moment at or after `at_us`. */
static size_t first_from(const clade_neighbours *fitted, int64_t at_us)
{
    size_t low = 0, high = fitted->n_timed;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (fitted->at_us[middle] < at_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The seven days before a question: up to and without `now`, or with the newest event seen. */
static void score_week(clade__sums *sums, const scoring *s, const clade_case *one)
{
    const clade_neighbours *const f     = s->fitted;
    const uint64_t                start = s->sequences->start[one->customer];
    int64_t                       now   = f->options.now_us;
    if (!f->options.has_now) {
        if (s->sequences->at_us == NULL || one->end == start) return;
        now = s->sequences->at_us[one->end - 1] + 1;
    }
    const size_t end = first_from(f, now);
    for (size_t e = first_from(f, now - 7 * CLADE_US_PER_DAY); e < end; e++) {
        if (f->at_item[e] != 0) clade__sums_add(sums, f->at_item[e], 1.0f);
    }
}

/* What the history's items say, newest first; `most` events of it. */
static void score_lists(clade__sums *sums, const scoring *s, const clade_case *one, uint64_t most)
{
    const clade_neighbours *const f     = s->fitted;
    const clade__lists *const     lists = &f->lists;
    const uint64_t oldest = clade__newest(s->sequences->start[one->customer], one->end);
    const uint64_t beside = f->kind != CLADE_NEIGHBOURS_ITEM_KNN ? UINT64_MAX
                            : f->options.n_neighbours == 0       ? 100
                                                                 : f->options.n_neighbours;
    uint64_t       lag    = 0;
    for (uint64_t e = one->end; e-- > oldest && lag < most; lag++) {
        const uint32_t item = s->sequences->item[e];
        if (item == 0) {
            most += most < UINT64_MAX; /* not an item: looks further back */
            continue;
        }
        const float weight = f->lag_weight[lag];
        if (weight == 0.0f) break;
        const uint64_t first = lists->start[item], n = lists->start[item + 1] - first;
        const uint64_t end = first + (n < beside ? n : beside);
        for (uint64_t b = first; b < end; b++)
            clade__sums_add(sums, lists->beside[b].item, weight * lists->beside[b].weight);
    }
}

static void score_own(clade__sums *sums, const scoring *s, const clade_case *one, float scale)
{
    const uint64_t oldest = clade__newest(s->sequences->start[one->customer], one->end);
    for (uint64_t e = one->end; e-- > oldest;) {
        const uint32_t item   = s->sequences->item[e];
        const float    weight = scale * s->fitted->lag_weight[one->end - 1 - e];
        if (weight == 0.0f) break;
        if (item != 0) clade__sums_add(sums, item, weight);
    }
}

static void score_case(size_t i, int worker, void *context)
{
    const scoring *const          s    = context;
    const clade_neighbours *const f    = s->fitted;
    const clade_case *const       one  = &s->cases[i];
    clade__sums *const            sums = &s->items[worker];
    float *const                  row  = s->out + i * ((size_t)f->n_items + 1);

    memcpy(row, f->floor, ((size_t)f->n_items + 1) * sizeof *row);
    switch (f->kind) {
    case CLADE_NEIGHBOURS_POPULAR:
        memcpy(row, f->popular, ((size_t)f->n_items + 1) * sizeof *row);
        return;
    case CLADE_NEIGHBOURS_POPULAR_7D: score_week(sums, s, one); break;
    case CLADE_NEIGHBOURS_OWN: score_own(sums, s, one, 1.0f); break;
    case CLADE_NEIGHBOURS_MARKOV: score_lists(sums, s, one, 1); break;
    case CLADE_NEIGHBOURS_RULES:
    case CLADE_NEIGHBOURS_ITEM_KNN: score_lists(sums, s, one, UINT64_MAX); break;
    case CLADE_NEIGHBOURS_SESSION_KNN:
        clade__score_sessions(sums, &s->meeting[worker], f, s->sequences, one);
        break;
    case CLADE_N_NEIGHBOURS: break;
    }
    if (f->options.repeat > 0.0 && f->kind > CLADE_NEIGHBOURS_MARKOV) {
        score_own(sums, s, one, (float)f->options.repeat);
    }
    for (size_t t = 0; t < sums->n_touched; t++) {
        const uint32_t item = sums->touched[t];
        row[item]           = sums->sum[item];
        sums->sum[item]     = 0.0f;
    }
    sums->n_touched = 0;
}

static bool sums_make(clade__sums *sums, size_t n)
{
    sums->sum     = CLADE_NEW(float, n);
    sums->touched = CLADE_NEW(uint32_t, n);
    return sums->sum != NULL && sums->touched != NULL;
}

static bool meeting_make(clade__meeting *meeting, const clade_neighbours *f)
{
    const size_t k   = f->options.n_neighbours == 0 ? 100 : f->options.n_neighbours;
    meeting->nearest = CLADE_NEW(clade__beside, k);
    meeting->lag     = CLADE_NEW(uint16_t, (size_t)f->n_items + 1);
    return meeting->nearest != NULL && meeting->lag != NULL &&
           sums_make(&meeting->similar, f->train->n_customers);
}

static bool scratch_make(scoring *s)
{
    s->items   = CLADE_NEW(clade__sums, s->n_workers);
    s->meeting = CLADE_NEW(clade__meeting, s->n_workers);
    if (s->items == NULL || s->meeting == NULL) return false;
    for (size_t w = 0; w < s->n_workers; w++) {
        if (!sums_make(&s->items[w], (size_t)s->fitted->n_items + 1)) return false;
        if (s->fitted->kind != CLADE_NEIGHBOURS_SESSION_KNN) continue;
        if (!meeting_make(&s->meeting[w], s->fitted)) return false;
    }
    return true;
}

static void sums_free(clade__sums *sums)
{
    free(sums->sum);
    free(sums->touched);
}

static void scratch_free(scoring *s)
{
    for (size_t w = 0; w < s->n_workers; w++) {
        if (s->items != NULL) sums_free(&s->items[w]);
        if (s->meeting == NULL) continue;
        sums_free(&s->meeting[w].similar);
        free(s->meeting[w].nearest);
        free(s->meeting[w].lag);
    }
    free(s->items);
    free(s->meeting);
}

static clade_status score(void *self, float *out, const clade_sequences *sequences,
                          const clade_case *cases, size_t n_cases, clade_error *err)
{
    clade_status status = CLADE_OK;
    scoring      s      = { .fitted    = self,
                            .sequences = sequences,
                            .cases     = cases,
                            .out       = out,
                            .n_workers = (size_t)clade_threads_get() };
    if (sequences->n_items != s.fitted->n_items) {
        return clade_fail(err, CLADE_ERR_ARG, "%s was fitted on %u items and is asked about %u",
                          names[s.fitted->kind], s.fitted->n_items, sequences->n_items);
    }
    if (scratch_make(&s)) {
        clade_parallel(n_cases, score_case, &s);
    } else {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to score %zu cases", n_cases);
    }
    scratch_free(&s);
    return status;
}

clade_scorer clade_neighbours_scorer(clade_neighbours *fitted)
{
    return (clade_scorer){ names[fitted->kind], fitted, score };
}
