/* Walking a tree with rows, and reading rules off it. */
#include "cart.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int32_t node_of(const clade_tree *tree, const float *row)
{
    int32_t at = 0;
    while (tree->node[at].column >= 0) {
        const clade_tree_node *node  = &tree->node[at];
        const float            value = row[node->column];
        const bool             left  = isnan(value) ? node->nan_left : value < node->cut;
        at                           = node->left + !left;
    }
    return at;
}

void clade_tree_apply(uint32_t *out_leaf, const clade_tree *tree, const float *value, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        out_leaf[i] = (uint32_t)tree->node[node_of(tree, value + i * tree->n_columns)].leaf;
    }
}

void clade_tree_predict(float *out, const clade_tree *tree, const float *value, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        const int32_t at = node_of(tree, value + i * tree->n_columns);
        memcpy(out + i * tree->n_targets, tree->mean + (size_t)at * tree->n_targets,
               tree->n_targets * sizeof out[0]);
    }
}

static size_t node_of_leaf(const clade_tree *tree, size_t leaf)
{
    size_t i = 0;
    assert(leaf < tree->n_leaves);
    while (tree->node[i].leaf != (int32_t)leaf)
        i++;
    return i;
}

const clade_tree_node *clade_tree_leaf(const clade_tree *tree, size_t leaf)
{
    return &tree->node[node_of_leaf(tree, leaf)];
}

const float *clade_tree_leaf_mean(const clade_tree *tree, size_t leaf)
{
    return tree->mean + node_of_leaf(tree, leaf) * tree->n_targets;
}

/* ---------------------------------------------------------------- rules */

/* Narrow the term of a split's column to one side of it; terms are made when first needed. */
static size_t narrow(clade_rule_term *terms, size_t n, const clade_tree_node *node, bool left)
{
    size_t i = 0;
    while (i < n && terms[i].column != (size_t)node->column)
        i++;
    if (i == n) {
        terms[n++] = (clade_rule_term){
            .column = (size_t)node->column, .low = -INFINITY, .high = INFINITY, .unknown = true
        };
    }
    if (left) {
        terms[i].high = fminf(terms[i].high, node->cut);
    } else {
        terms[i].low = fmaxf(terms[i].low, node->cut);
    }
    terms[i].unknown = terms[i].unknown && node->nan_left == left;
    terms[i].saw_nan = terms[i].saw_nan || node->saw_nan;
    return n;
}

/* The way down to `at`, the root first. */
static size_t walk(clade_rule_term *terms, const clade_tree *tree, int32_t at)
{
    const int32_t up = tree->node[at].parent;
    if (up < 0) return 0;
    const size_t n = walk(terms, tree, up);
    return narrow(terms, n, &tree->node[up], at == tree->node[up].left);
}

size_t clade_tree_rule(clade_rule_term *out_terms, const clade_tree *tree, size_t leaf)
{
    return walk(out_terms, tree, (int32_t)node_of_leaf(tree, leaf));
}

bool clade_rule_holds(const clade_rule_term *terms, size_t n_terms, const float *row)
{
    for (size_t i = 0; i < n_terms; i++) {
        const float value = row[terms[i].column];
        const bool  holds =
            isnan(value) ? terms[i].unknown : value >= terms[i].low && value < terms[i].high;
        if (!holds) return false;
    }
    return true;
}

/* The shortest decimal that reads back as the same float. */
static void print_float(char out[32], float value)
{
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(out, 32, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value) break;
    }
    const double plain = (double)value;
    if (strchr(out, 'e') != NULL && fabs(plain) >= 1 && fabs(plain) < 1e9) {
        snprintf(out, 32, "%.0f", plain); /* 1e+03 reads worse than 1000. */
    }
}

static void print_term(clade_buffer *out, const clade_rule_term *term, const char *name)
{
    char       low[32], high[32];
    const bool has_low = term->low > -INFINITY, has_high = term->high < INFINITY;
    const bool aside = term->unknown && term->saw_nan; /* Absence passes, and does occur. */
    print_float(low, term->low);
    print_float(high, term->high);

    if (term->low == INFINITY) {
        clade_buffer_format(out, "%s is unknown", name);
    } else if (!has_low && !has_high) {
        clade_buffer_format(out, term->unknown ? "%s is anything" : "%s is known", name);
    } else {
        if (aside) clade_buffer_text(out, "(");
        if (has_low) clade_buffer_format(out, "%s >= %s", name, low);
        if (has_low && has_high) clade_buffer_text(out, " and ");
        if (has_high) clade_buffer_format(out, "%s < %s", name, high);
        if (aside) clade_buffer_format(out, " or %s is unknown)", name);
    }
}

void clade_rule_print(clade_buffer *out, const clade_rule_term *terms, size_t n_terms,
                      const char *const *names)
{
    if (n_terms == 0) clade_buffer_text(out, "true");
    for (size_t i = 0; i < n_terms; i++) {
        if (i > 0) clade_buffer_text(out, " and ");
        print_term(out, &terms[i], names[terms[i].column]);
    }
}
