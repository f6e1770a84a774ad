/* Rules for every segment: one small class tree, grown on 70 % of customers, judged on the rest.
 *
 * The tree's cuts are rounded as far as 0.5 % of the training customers may notice; sides of a
 * split that name the same segment are one rule; conditions on one feature are one condition. Runs
 * once a segmentation, on at most 50,000 customers. */
#include "portrait.h"
#include "segmentation.h"
#include "subset.h"

#include "clade/run.h"
#include "clade/trees.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { RULE_ROWS = 50000, LEAST_ROWS = 50, MAX_LEAVES = 12, MAX_DEPTH = CLADE_CONDITIONS_MAX };

static const double share_to_learn = 0.7;
static const double share_to_round = 0.005;
static const int    most_digits    = 3;

typedef struct found_rule {
    clade_rule rule;
    int32_t    segment;
    size_t     n_learnt; /* rows of its segment among those it was learnt on */
} found_rule;

typedef struct rule_work {
    clade__subset learn, judge;
    int32_t      *learn_segment, *judge_segment;
    uint8_t      *allowed;
    clade_tree   *tree;
    size_t        n_found;
    found_rule    found[MAX_LEAVES];
} rule_work;

static void work_free(rule_work *w)
{
    clade__subset_free(&w->learn);
    clade__subset_free(&w->judge);
    free(w->learn_segment);
    free(w->judge_segment);
    free(w->allowed);
    clade_tree_free(w->tree);
}

/* A shuffled sample, its first 70 % to learn from. */
static clade_status split(rule_work *w, const clade_portraits_input *input, clade_error *err)
{
    const size_t n       = input->features->n_customers;
    const size_t n_used  = n < RULE_ROWS ? n : RULE_ROWS;
    const size_t n_learn = (size_t)(share_to_learn * (double)n_used);
    clade_rng    rng     = clade_rng_stream(input->seed, "engine/portraits/rules", 0);
    uint32_t    *order   = CLADE_NEW(uint32_t, n);
    clade_status status  = CLADE_OK;
    w->learn_segment     = CLADE_NEW(int32_t, n_learn);
    w->judge_segment     = CLADE_NEW(int32_t, n_used - n_learn);
    w->allowed           = clade__features_readable(input->features->n_features);
    if (order == NULL || w->learn_segment == NULL || w->judge_segment == NULL ||
        w->allowed == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for rules of %zu customers", n);
        goto done;
    }
    clade_rng_permute(order, n, &rng);
    for (size_t i = 0; i < n_learn; i++)
        w->learn_segment[i] = input->segment[order[i]];
    for (size_t i = n_learn; i < n_used; i++)
        w->judge_segment[i - n_learn] = input->segment[order[i]];
    status = clade__subset_take(&w->learn, input->features, NULL, order, n_learn, err);
    if (status != CLADE_OK) goto done;
    status = clade__subset_take(&w->judge, input->features, NULL, order + n_learn, n_used - n_learn,
                                err);
done:
    free(order);
    return status;
}

static clade_status grow(rule_work *w, size_t n_segments, clade_error *err)
{
    const size_t          n       = w->learn.features.n_customers;
    clade_tree_options    options = clade_tree_defaults();
    const clade_tree_data data    = {
           .value     = w->learn.features.value,
           .n_rows    = n,
           .n_columns = w->learn.features.n_features,
           .label     = w->learn_segment,
           .n_targets = n_segments,
    };
    options.max_leaves = MAX_LEAVES;
    options.max_depth  = MAX_DEPTH;
    options.min_leaf   = n / 50 < 3 ? 3 : n / 50 > 20 ? 20 : n / 50;
    options.allowed    = w->allowed;
    return clade_tree_fit(&w->tree, &data, &options, err);
}

/* ---------------------------------------------------------------- round numbers */

/* Rows whose leaf is not `before`; SIZE_MAX when a leaf is left without any. */
static size_t count_moved(const rule_work *w, const uint32_t *before, uint32_t *after)
{
    size_t       n_in[MAX_LEAVES] = { 0 }, n_moved = 0;
    const size_t n = w->learn.features.n_customers;
    clade_tree_apply(after, w->tree, w->learn.features.value, n);
    for (size_t i = 0; i < n; i++) {
        n_moved += after[i] != before[i];
        n_in[after[i]]++;
    }
    for (size_t leaf = 0; leaf < w->tree->n_leaves; leaf++) {
        if (n_in[leaf] == 0) return SIZE_MAX;
    }
    return n_moved;
}

static clade_status round_cuts(rule_work *w, clade_error *err)
{
    const size_t n       = w->learn.features.n_customers;
    const size_t n_split = w->tree->n_leaves - 1;
    size_t       i_split = 0;
    uint32_t    *before = CLADE_NEW(uint32_t, n), *after = CLADE_NEW(uint32_t, n);
    if (before == NULL || after == NULL) {
        free(before);
        free(after);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the leaves of %zu customers", n);
    }
    clade_tree_apply(before, w->tree, w->learn.features.value, n);
    for (size_t k = 0; k < w->tree->n_nodes; k++) {
        clade_tree_node *node = &w->tree->node[k];
        const float      cut  = node->cut;
        if (node->column < 0) continue;
        i_split++; /* what earlier splits left of the budget may be used by later ones */
        const double budget = share_to_round * (double)n * (double)i_split / (double)n_split;
        for (int digits = 1; digits <= most_digits && isfinite(cut); digits++) {
            node->cut            = (float)clade__round_digits((double)cut, digits);
            const size_t n_moved = count_moved(w, before, after);
            if (n_moved != SIZE_MAX && (double)n_moved <= budget) break;
            node->cut = cut;
        }
    }
    free(before);
    free(after);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- from leaves to rules */

static int32_t segment_of_leaf(const clade_tree *tree, size_t node)
{
    const float *mean = tree->mean + node * tree->n_targets;
    size_t       best = 0;
    for (size_t k = 1; k < tree->n_targets; k++) {
        if (mean[k] > mean[best]) best = k;
    }
    return (int32_t)best;
}

/* The segment that all leaves below a node name, or -1. */
static int32_t common_segment(const clade_tree *tree, size_t node)
{
    if (tree->node[node].column < 0) return segment_of_leaf(tree, node);
    const size_t  left = (size_t)tree->node[node].left;
    const int32_t a = common_segment(tree, left), b = common_segment(tree, left + 1);
    return a == b ? a : -1;
}

static clade_rule narrowed(clade_rule rule, const clade_tree_node *node, bool left)
{
    size_t i = 0;
    while (i < rule.n_conditions && rule.condition[i].feature != (uint32_t)node->column)
        i++;
    if (i == rule.n_conditions) {
        assert(i < CLADE_CONDITIONS_MAX);
        rule.condition[rule.n_conditions++] = (clade_condition){ .feature = (uint32_t)node->column,
                                                                 .low     = -(double)INFINITY,
                                                                 .high    = (double)INFINITY,
                                                                 .absent  = true };
    }
    clade_condition *c   = &rule.condition[i];
    const double     cut = (double)node->cut;
    if (left) {
        c->high = fmin(c->high, cut);
    } else {
        c->low = fmax(c->low, cut);
    }
    c->absent      = c->absent && node->nan_left == left;
    c->says_absent = c->says_absent || node->saw_nan;
    return rule;
}

static void collect(rule_work *w, size_t node, clade_rule rule)
{
    const clade_tree_node *at      = &w->tree->node[node];
    const int32_t          segment = common_segment(w->tree, node);
    if (segment >= 0) {
        assert(w->n_found < MAX_LEAVES);
        w->found[w->n_found++] = (found_rule){ .rule = rule, .segment = segment };
        return;
    }
    collect(w, (size_t)at->left, narrowed(rule, at, true));
    collect(w, (size_t)at->left + 1, narrowed(rule, at, false));
}

static const found_rule *rule_of(const rule_work *w, const float *row)
{
    for (size_t i = 0; i < w->n_found; i++) {
        if (clade_rule_matches(&w->found[i].rule, row)) return &w->found[i];
    }
    assert(!"the rules of a tree leave nobody out");
    return NULL;
}

static int compare_found(const void *a, const void *b)
{
    const found_rule *x = a, *y = b;
    if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
    return (x->n_learnt < y->n_learnt) - (x->n_learnt > y->n_learnt);
}

/* ---------------------------------------------------------------- judging */

static double share(size_t part, size_t whole)
{
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

static double judge(clade_portrait *portraits, const rule_work *w, size_t n_segments)
{
    const size_t n = w->judge.features.n_customers, p = w->judge.features.n_features;
    size_t       n_members[CLADE_SEGMENTS_MAX] = { 0 }, n_right = 0;
    size_t       caught[MAX_LEAVES] = { 0 }, hit[MAX_LEAVES] = { 0 };
    for (size_t i = 0; i < n; i++) {
        const found_rule *rule  = rule_of(w, w->judge.features.value + i * p);
        const bool        right = rule->segment == w->judge_segment[i];
        n_members[w->judge_segment[i]]++;
        caught[rule - w->found]++;
        hit[rule - w->found] += right;
        n_right += right;
    }
    size_t all_caught[CLADE_SEGMENTS_MAX] = { 0 }, all_hit[CLADE_SEGMENTS_MAX] = { 0 };
    for (size_t i = 0; i < w->n_found; i++) {
        const size_t    segment  = (size_t)w->found[i].segment;
        clade_portrait *portrait = &portraits[segment];
        if (portrait->n_rules == CLADE_RULES_MAX) continue;
        clade_rule *rule = &portrait->rule[portrait->n_rules++];
        *rule            = w->found[i].rule;
        rule->coverage   = share(hit[i], n_members[segment]);
        rule->precision  = share(hit[i], caught[i]);
        all_caught[segment] += caught[i];
        all_hit[segment] += hit[i];
    }
    for (size_t s = 0; s < n_segments; s++) {
        portraits[s].rules_precision = share(all_hit[s], all_caught[s]);
        portraits[s].rules_recall    = share(all_hit[s], n_members[s]);
    }
    return share(n_right, n);
}

clade_status clade__rules_make(clade_portrait *portraits, double *out_fidelity,
                               const clade_portraits_input *input, clade_error *err)
{
    const size_t n_segments = clade_segmentation_n(input->segmentation);
    clade_status status     = CLADE_OK;
    rule_work    w          = { 0 };
    if (input->features->n_customers < LEAST_ROWS) { /* Too few to learn from and to judge by. */
        for (size_t s = 0; s < n_segments; s++)
            portraits[s].rules_precision = portraits[s].rules_recall = (double)NAN;
        *out_fidelity = (double)NAN;
        return CLADE_OK;
    }
    status = split(&w, input, err);
    if (status != CLADE_OK) goto done;
    status = grow(&w, n_segments, err);
    if (status != CLADE_OK) goto done;
    status = round_cuts(&w, err);
    if (status != CLADE_OK) goto done;
    collect(&w, 0, (clade_rule){ 0 });
    for (size_t i = 0; i < w.learn.features.n_customers; i++) {
        const float *row  = w.learn.features.value + i * w.learn.features.n_features;
        found_rule  *rule = &w.found[rule_of(&w, row) - w.found];
        rule->n_learnt += rule->segment == w.learn_segment[i];
    }
    qsort(w.found, w.n_found, sizeof w.found[0], compare_found);
    *out_fidelity = judge(portraits, &w, n_segments);
done:
    work_free(&w);
    return status;
}
