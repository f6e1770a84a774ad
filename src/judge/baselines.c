/*
 * Baselines, tuned: a table of what each kind can turn and over which values; one knob after the
 * other, twice round, on validation cases alone.
 */
#include "clade/run.h"
#include "clade/time.h"
#include "judge_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { KNOB_VALUES_MAX = 8, KNOBS_MAX = 6, SWEEPS = 2, TUNE_CASES_MAX = 2000 };

typedef enum knob_kind {
    KNOB_REACH,
    KNOB_SHRINK,
    KNOB_NEIGHBOURS,
    KNOB_RECENT,
    KNOB_HALF_LIFE,
    KNOB_NEAR,
    KNOB_REPEAT,
} knob_kind;

typedef struct knob {
    knob_kind   kind;
    const char *name;
    bool        fits; /* another value needs another fit */
    size_t      n_values;
    double      value[KNOB_VALUES_MAX]; /* the first is where the search starts */
} knob;

typedef struct bench {
    clade_neighbours_kind kind;
    knob                  knob[KNOBS_MAX]; /* ends with a NULL name */
} bench;

static const bench benches[] = {
    { CLADE_NEIGHBOURS_OWN,
      { { KNOB_HALF_LIFE, "half_life", false, 6, { 0, 2, 5, 10, 20, 50 } } } },
    { CLADE_NEIGHBOURS_RULES,
      { { KNOB_REACH, "reach", true, 4, { 1, 2, 4, 8 } },
        { KNOB_HALF_LIFE, "half_life", false, 6, { 0.5, 0.25, 0.1, 1, 2, 5 } },
        { KNOB_REPEAT, "repeat", false, 5, { 0, 0.3, 1, 3, 10 } } } },
    { CLADE_NEIGHBOURS_ITEM_KNN,
      { { KNOB_SHRINK, "shrink", true, 4, { 10, 0, 50, 200 } },
        { KNOB_HALF_LIFE, "half_life", false, 6, { 2, 0.5, 1, 5, 20, 0 } },
        { KNOB_NEIGHBOURS, "n_neighbours", false, 4, { 400, 50, 100, 200 } },
        { KNOB_REPEAT, "repeat", false, 5, { 0, 0.03, 0.1, 0.3, 1 } } } },
    { CLADE_NEIGHBOURS_SESSION_KNN,
      { { KNOB_NEIGHBOURS, "n_neighbours", false, 4, { 200, 100, 500, 1000 } },
        { KNOB_HALF_LIFE, "half_life", false, 6, { 2, 0.5, 1, 5, 20, 0 } },
        { KNOB_NEAR, "near", false, 6, { 2, 0.5, 1, 5, 20, 0 } },
        { KNOB_RECENT, "n_recent", false, 3, { 500, 2000, 10000 } },
        { KNOB_REPEAT, "repeat", false, 5, { 0, 0.1, 0.3, 1, 3 } } } },
};

static const knob *knobs_of(clade_neighbours_kind kind)
{
    for (size_t b = 0; b < sizeof benches / sizeof benches[0]; b++) {
        if (benches[b].kind == kind) return benches[b].knob;
    }
    return NULL;
}

static double get(const clade_neighbours_options *o, knob_kind kind)
{
    switch (kind) {
    case KNOB_REACH: return o->reach;
    case KNOB_SHRINK: return o->shrink;
    case KNOB_NEIGHBOURS: return o->n_neighbours;
    case KNOB_RECENT: return o->n_recent;
    case KNOB_HALF_LIFE: return o->half_life;
    case KNOB_NEAR: return o->near;
    case KNOB_REPEAT: return o->repeat;
    }
    return 0.0;
}

static void turn(clade_neighbours_options *o, knob_kind kind, double value)
{
    switch (kind) {
    case KNOB_REACH: o->reach = (uint32_t)value; break;
    case KNOB_SHRINK: o->shrink = value; break;
    case KNOB_NEIGHBOURS: o->n_neighbours = (uint32_t)value; break;
    case KNOB_RECENT: o->n_recent = (uint32_t)value; break;
    case KNOB_HALF_LIFE: o->half_life = value; break;
    case KNOB_NEAR: o->near = value; break;
    case KNOB_REPEAT: o->repeat = value; break;
    }
}

/* What needs a fit is tried in the first sweep alone; an item's own repeats say nothing where the
 * history is left out of the ranking. */
static bool turns(const knob *one, const clade_split *split, int sweep)
{
    return !(one->kind == KNOB_REPEAT && split->unseen) && !(one->fits && sweep > 0);
}

bool clade_baseline_applies(clade_neighbours_kind kind, const clade_split *split)
{
    return kind != CLADE_NEIGHBOURS_POPULAR_7D || split->train->at_us != NULL;
}

void clade_baseline_describe(char out[160], const clade_baseline *baseline)
{
    size_t n = 0;
    out[0]   = '\0';
    for (const knob *k = knobs_of(baseline->kind); k != NULL && k->name != NULL; k++) {
        n += (size_t)snprintf(out + n, 160 - n, "%s%s %g", n == 0 ? "" : ", ", k->name,
                              get(&baseline->options, k->kind));
    }
}

/* ---------------------------------------------------------------- tuning */

typedef struct tuning {
    const clade_split       *split;
    clade_baseline          *best; /* options and validation: the best so far */
    clade_neighbours        *fitted;
    clade_neighbours_options fitted_as;
    double                   done;
} tuning;

static void set_now(clade_neighbours_options *o, const clade_split_part *part)
{
    o->has_now = part->has_now;
    o->now_us  = part->now_us;
}

/* Fit again only where an option that the fit reads is another one. */
static clade_status fit_for(tuning *t, clade_neighbours_options o, clade_error *err)
{
    if (t->best->kind == CLADE_NEIGHBOURS_ITEM_KNN) o.n_neighbours = 400; /* the longest list */
    if (t->fitted != NULL && t->fitted_as.shrink == o.shrink && t->fitted_as.reach == o.reach) {
        return CLADE_OK;
    }
    clade_neighbours_free(t->fitted);
    t->fitted    = NULL;
    t->fitted_as = o;
    return clade_neighbours_fit(&t->fitted, t->best->kind, t->split->train, &o, err);
}

static clade_status try_options(tuning *t, const clade_neighbours_options *o, clade_error *err)
{
    const clade_judge_options asked = { .max_cases = TUNE_CASES_MAX };
    clade_judgement           judgement;
    CLADE_TRY(fit_for(t, *o, err));
    clade_neighbours_set(t->fitted, o);
    const clade_scorer scorer = clade_neighbours_scorer(t->fitted);
    CLADE_TRY(clade_judge_run(&judgement, &scorer, t->split, &t->split->validation, &asked, err));
    const clade_ranking *const ranking = clade_judgement_main(&judgement, t->split);
    const double value = ranking->ndcg[t->split->protocol == CLADE_PROTOCOL_SESSIONS ? 2 : 1].value;
    t->best->n_tried += 1;
    if (t->best->n_tried == 1 || value > t->best->validation) {
        t->best->validation = value;
        t->best->options    = *o;
    }
    clade_progress_update(++t->done);
    return CLADE_OK;
}

static clade_status tune(tuning *t, clade_error *err)
{
    const knob *const        knobs = knobs_of(t->best->kind);
    clade_neighbours_options o     = t->best->options;
    for (const knob *k = knobs; k != NULL && k->name != NULL; k++)
        turn(&o, k->kind, k->value[0]);
    set_now(&o, &t->split->validation);
    CLADE_TRY(try_options(t, &o, err));
    for (int sweep = 0; sweep < SWEEPS && knobs != NULL; sweep++) {
        for (const knob *k = knobs; k->name != NULL; k++) {
            const double held = get(&t->best->options, k->kind);
            for (size_t v = 0; v < k->n_values && turns(k, t->split, sweep); v++) {
                if (k->value[v] == held) continue;
                o = t->best->options;
                turn(&o, k->kind, k->value[v]);
                CLADE_TRY(try_options(t, &o, err));
            }
        }
    }
    return CLADE_OK;
}

static double n_steps(clade_neighbours_kind kind, const clade_split *split)
{
    double n = 1.0;
    for (const knob *k = knobs_of(kind); k != NULL && k->name != NULL; k++)
        for (int sweep = 0; sweep < SWEEPS; sweep++)
            n += turns(k, split, sweep) ? (double)k->n_values - 1.0 : 0.0;
    return n;
}

clade_status clade_baseline_fit(clade_baseline **out, clade_neighbours_kind kind,
                                const clade_split *split, bool progress, clade_error *err)
{
    clade_status    status   = CLADE_OK;
    const double    from     = clade_seconds();
    clade_baseline *baseline = calloc(1, sizeof *baseline);
    tuning          t        = { .split = split, .best = baseline };
    if (baseline == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a baseline");
    baseline->kind               = kind;
    baseline->options.backoff    = kind != CLADE_NEIGHBOURS_MARKOV;
    baseline->options.first_seen = kind == CLADE_NEIGHBOURS_MARKOV;
    if (progress)
        clade_progress_begin(clade_neighbours_name(kind), n_steps(kind, split), "settings");
    status = tune(&t, err);
    clade_neighbours_free(t.fitted);
    if (progress) clade_progress_end();
    if (status != CLADE_OK) goto done;

    set_now(&baseline->options, &split->test);
    status =
        clade_neighbours_fit(&baseline->fitted, kind, split->train_all, &baseline->options, err);
    if (status != CLADE_OK) goto done;
    baseline->scorer  = clade_neighbours_scorer(baseline->fitted);
    baseline->seconds = clade_seconds() - from;
    *out              = baseline;
    baseline          = NULL;
done:
    clade_baseline_free(baseline);
    return status;
}

void clade_baseline_free(clade_baseline *baseline)
{
    if (baseline == NULL) return;
    clade_neighbours_free(baseline->fitted);
    free(baseline);
}
