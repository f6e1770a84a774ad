/* A predictor in a few rules: one small tree on readable features, fitted to its answers.
 *
 * Runs once a question about a model, on at most 20,000 customers. docs/maths/explain.md. */
#include "explain_internal.h"

#include "../portrait.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_ROWS = 20000, MOST_DEPTH = CLADE_CONDITIONS_MAX, MOST_DIGITS = 3 };

static const double share_to_learn = 0.7;
static const double r2_to_round    = 0.002;

typedef struct surrogate_work {
    clade__sample sample;
    size_t        n_learn, n_features;
    uint32_t     *order;  /* (n) places in the sample, those learnt from first */
    float        *x;      /* (n, n_features) in that order */
    float        *y;      /* (n) what is repeated: chance, or log of the amount */
    double       *answer; /* (n) chance, or amount */
    uint32_t     *leaf;   /* (n) */
    uint8_t      *allowed;
    clade_tree   *tree;
    double        mean[CLADE_SURROGATE_RULES_MAX]; /* of y, of each leaf, where it was learnt */
} surrogate_work;

static void work_free(surrogate_work *w)
{
    clade__sample_free(&w->sample);
    free(w->order);
    free(w->x);
    free(w->y);
    free(w->answer);
    free(w->leaf);
    free(w->allowed);
    clade_tree_free(w->tree);
}

/* In [0, 1), the same for a customer whatever the model. */
static bool learns(int64_t customer, uint64_t seed)
{
    return (double)(clade_hash64(&customer, sizeof customer, seed + 3) >> 11) * 0x1p-53 <
           share_to_learn;
}

static clade_status lay_out(surrogate_work *w, const clade_predictor *p, uint64_t seed,
                            clade_error *err)
{
    const clade__sample *const s        = &w->sample;
    const int64_t *const       customer = s->moment->people.features.customer;
    const bool amount = clade_task_is_amount(&p->card.task) || clade_task_is_date(&p->card.task);
    size_t     k      = 0;
    w->n_features     = p->n_features;
    w->order          = CLADE_NEW(uint32_t, s->n + 1);
    w->x              = CLADE_NEW(float, s->n * p->n_features + 1);
    w->y              = CLADE_NEW(float, s->n + 1);
    w->answer         = CLADE_NEW(double, s->n + 1);
    w->leaf           = CLADE_NEW(uint32_t, s->n + 1);
    w->allowed        = clade__features_readable(p->n_features);
    if (w->order == NULL || w->x == NULL || w->y == NULL || w->answer == NULL || w->leaf == NULL ||
        w->allowed == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for rules of %zu customers", s->n);
    for (int learning = 1; learning >= 0; learning--) {
        for (size_t i = 0; i < s->n; i++)
            if (learns(customer[s->row[i]], seed) == (bool)learning) w->order[k++] = (uint32_t)i;
        if (learning) w->n_learn = k;
    }
    for (size_t i = 0; i < s->n; i++) {
        const size_t from = w->order[i];
        memcpy(w->x + i * p->n_features, s->x + from * s->n_columns, p->n_features * sizeof(float));
        w->answer[i] = clade__answer_of(&p->card.task, s->margin[from]);
        w->y[i]      = (float)(amount ? s->margin[from] : w->answer[i]);
    }
    return CLADE_OK;
}

static clade_status grow(surrogate_work *w, clade_error *err)
{
    clade_tree_options    options = clade_tree_defaults();
    const clade_tree_data data    = { .value     = w->x,
                                      .n_rows    = w->n_learn,
                                      .n_columns = w->n_features,
                                      .target    = w->y,
                                      .n_targets = 1 };
    const size_t          least   = w->n_learn / 50;
    options.max_leaves            = CLADE_SURROGATE_RULES_MAX;
    options.max_depth             = MOST_DEPTH;
    options.min_leaf              = least < 3 ? 3 : least;
    options.allowed               = w->allowed;
    return clade_tree_fit(&w->tree, &data, &options, err);
}

/* R2 of rows [first, end) against the means of their leaves, which are learnt first when asked. */
static double r2_of(surrogate_work *w, size_t first, size_t end, bool learn)
{
    double count[CLADE_SURROGATE_RULES_MAX] = { 0 }, sum[CLADE_SURROGATE_RULES_MAX] = { 0 };
    double mean = 0, whole = 0, left = 0;
    clade_tree_apply(w->leaf + first, w->tree, w->x + first * w->n_features, end - first);
    for (size_t i = first; i < end; i++) {
        count[w->leaf[i]] += 1;
        sum[w->leaf[i]] += (double)w->y[i];
        mean += (double)w->y[i] / (double)(end - first);
    }
    for (size_t l = 0; l < w->tree->n_leaves && learn; l++) {
        if (count[l] == 0) return -(double)INFINITY; /* a rule for nobody */
        w->mean[l] = sum[l] / count[l];
    }
    for (size_t i = first; i < end; i++) {
        const double off = (double)w->y[i] - w->mean[w->leaf[i]];
        left += off * off;
        whole += ((double)w->y[i] - mean) * ((double)w->y[i] - mean);
    }
    return whole > 0 ? 1 - left / whole : (double)NAN;
}

/* Cuts of as few digits as the budget allows, which is spread over the splits. */
static void round_cuts(surrogate_work *w)
{
    const double best    = r2_of(w, 0, w->n_learn, true);
    const size_t n_split = w->tree->n_leaves - 1;
    size_t       done    = 0;
    for (size_t k = 0; k < w->tree->n_nodes; k++) {
        clade_tree_node *const node = &w->tree->node[k];
        const float            cut  = node->cut;
        if (node->column < 0) continue;
        done++;
        const double budget = r2_to_round * (double)done / (double)n_split;
        for (int digits = 1; digits <= MOST_DIGITS && isfinite(cut); digits++) {
            node->cut = (float)clade__round_digits((double)cut, digits);
            if (r2_of(w, 0, w->n_learn, true) >= best - budget) break;
            node->cut = cut;
        }
    }
}

static int by_answer(const void *a, const void *b)
{
    const clade_surrogate_rule *x = a, *y = b;
    return (x->answer < y->answer) - (x->answer > y->answer);
}

/* What each leaf asks, and whom it catches, of all customers. */
static void write_rules(clade_surrogate *out, const surrogate_work *w)
{
    const size_t n = w->sample.n;
    out->n_rules   = w->tree->n_leaves;
    for (size_t l = 0; l < out->n_rules; l++) {
        clade_rule_term             term[CLADE_SURROGATE_RULES_MAX];
        clade_surrogate_rule *const one     = &out->rule[l];
        const size_t                n_terms = clade_tree_rule(term, w->tree, l);
        *one                                = (clade_surrogate_rule){ 0 };
        one->rule.n_conditions              = n_terms;
        for (size_t t = 0; t < n_terms; t++)
            one->rule.condition[t] = (clade_condition){ .feature     = (uint32_t)term[t].column,
                                                        .low         = (double)term[t].low,
                                                        .high        = (double)term[t].high,
                                                        .absent      = term[t].unknown,
                                                        .says_absent = term[t].saw_nan };
    }
    for (size_t i = 0; i < n; i++) {
        clade_surrogate_rule *const one = &out->rule[w->leaf[i]];
        one->share += 1 / (double)n;
        one->answer += w->answer[i] / (double)n;
    }
    for (size_t l = 0; l < out->n_rules; l++)
        out->rule[l].answer /= out->rule[l].share;
    qsort(out->rule, out->n_rules, sizeof out->rule[0], by_answer);
}

clade_status clade_predictor_surrogate(clade_surrogate *out, const clade_predictor *p,
                                       clade_predictions *ps, clade_error *err)
{
    surrogate_work w      = { 0 };
    clade_status   status = clade__sample_make(&w.sample, p, ps, MOST_ROWS, err);
    if (status != CLADE_OK) goto done;
    if (w.sample.n < CLADE__MIN_ROWS) {
        status = clade_fail(err, CLADE_ERR_NOT_READY,
                            "%zu customers to learn rules from, wanted at least %d", w.sample.n,
                            CLADE__MIN_ROWS);
        goto done;
    }
    status = lay_out(&w, p, ps->options.seed, err);
    if (status == CLADE_OK) status = grow(&w, err);
    if (status != CLADE_OK) goto done;
    round_cuts(&w);
    *out = (clade_surrogate){ .n_learnt = w.n_learn, .n_held_out = w.sample.n - w.n_learn };
    (void)r2_of(&w, 0, w.n_learn, true); /* the means of the cuts as they are now */
    out->fidelity = r2_of(&w, w.n_learn, w.sample.n, false);
    write_rules(out, &w);
done:
    work_free(&w);
    return status;
}
