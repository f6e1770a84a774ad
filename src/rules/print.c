/* The one way to write a rule down. */
#include "rules_internal.h"

#include <stdio.h>
#include <stdlib.h>

void clade__print_number(clade_buffer *out, double number)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    if (strchr(text, 'e') != NULL)
        snprintf(text, sizeof text, "%.9f", number); /* small: no more digits */
    if (strchr(text, '.') != NULL) {                 /* no zeros behind the last digit */
        char *end = text + strlen(text);
        while (end[-1] == '0')
            *--end = '\0';
        if (end[-1] == '.') end[-1] = '\0';
    }
    clade_buffer_text(out, text);
}

static void print_text(clade_buffer *out, const char *text)
{
    clade_buffer_text(out, "\"");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') clade_buffer_text(out, "\\");
        clade_buffer_append(out, c, 1);
    }
    clade_buffer_text(out, "\"");
}

static bool is_plain(const char *name)
{
    bool joined = true; /* a dash must stand between two other characters */
    if (clade__is_word(name, strlen(name)) || (*name >= '0' && *name <= '9')) return false;
    for (const char *c = name; *c != '\0'; c++) {
        const bool word = (clade__fold(*c) >= 'a' && clade__fold(*c) <= 'z') || *c == '_' ||
                          (unsigned char)*c >= 0x80 || (*c >= '0' && *c <= '9');
        if (!word && (*c != '-' || joined)) return false;
        joined = !word;
        if (c == name) joined = false;
        if (c == name && !word) return false;
    }
    return !joined;
}

static void print_fact_name(clade_buffer *out, const char *name)
{
    if (is_plain(name)) {
        clade_buffer_text(out, name);
        return;
    }
    clade_buffer_text(out, "attribute(");
    print_text(out, name);
    clade_buffer_text(out, ")");
}

static void format_span(char out[32], int64_t us)
{
    if (us % CLADE_US_PER_DAY == 0)
        snprintf(out, 32, "%lldd", (long long)(us / CLADE_US_PER_DAY));
    else
        snprintf(out, 32, "%lldh", (long long)(us / CLADE_US_PER_HOUR));
}

static void format_window(char out[48], const clade__node *node, const char *within)
{
    char text[32];
    out[0] = '\0';
    if (node->within_us > 0) {
        format_span(text, node->within_us);
        snprintf(out, 48, "%s%s", within, text);
    } else if (node->since_us != CLADE__NEVER) {
        char date[16];
        clade_date_format(date, node->since_us);
        snprintf(out, 48, "since %s", date);
    }
}

static void print_filters(clade_buffer *out, const clade__subject *subject)
{
    for (size_t i = 0; i < subject->n_filters; i++) {
        const clade__filter *f = &subject->filter[i];
        clade_buffer_format(out, "%s%s %s ", i > 0 ? ", " : "", clade__field_name[f->field],
                            clade__op_text[f->op]);
        if (f->field >= CLADE__FIRST_NUMBER_FIELD)
            clade__print_number(out, f->number);
        else
            print_text(out, f->text);
    }
}

static void print_subject(clade_buffer *out, const clade__subject *subject, bool past)
{
    const clade__noun *noun = &clade__nouns[subject->kind];
    clade_buffer_text(out, past ? noun->past : noun->noun);
    if (subject->n_filters == 0) return;
    clade_buffer_text(out, "(");
    print_filters(out, subject);
    clade_buffer_text(out, ")");
}

static void print_compared(clade_buffer *out, const clade__node *node)
{
    clade_buffer_format(out, " %s ", clade__op_text[node->op]);
    clade__print_number(out, node->number);
}

static void print_count(clade_buffer *out, const clade__node *node)
{
    char       window[48];
    const bool none = node->op == CLADE__LT && node->number == 1;
    const bool some = node->op == CLADE__GE && node->number == 1;
    format_window(window, node, none ? "for " : "within ");
    if (none) clade_buffer_text(out, "no ");
    print_subject(out, node->subject, !none);
    if (!none && !some) print_compared(out, node);
    if (window[0] != '\0') clade_buffer_format(out, " %s", window);
}

static void print_measure(clade_buffer *out, const clade__node *node)
{
    char window[48];
    format_window(window, node, "");
    if (node->type == CLADE__SPEND) {
        clade_buffer_text(out, "spend");
        if (node->subject->n_filters > 0 || window[0] != '\0') {
            clade_buffer_text(out, "(");
            print_filters(out, node->subject);
            if (node->subject->n_filters > 0 && window[0] != '\0') clade_buffer_text(out, ", ");
            clade_buffer_format(out, "%s)", window);
        }
    } else {
        const bool sum = node->type == CLADE__SUM;
        clade_buffer_format(out, "%s(%s of ", sum ? "sum" : "distinct",
                            sum ? clade__field_name[node->what] : clade__thing_name[node->what]);
        print_subject(out, node->subject, true);
        clade_buffer_format(out, "%s%s)", window[0] != '\0' ? ", " : "", window);
    }
    print_compared(out, node);
}

static void print_sequence(clade_buffer *out, const clade__node *node)
{
    char window[48], gap[32];
    format_window(window, node, "within ");
    if (window[0] != '\0') clade_buffer_text(out, "(");
    for (size_t i = 0; i < node->n_steps; i++) {
        if (i > 0) clade_buffer_text(out, " then ");
        print_subject(out, &node->step[i].subject, true);
        if (node->step[i].gap_us == 0) continue;
        format_span(gap, node->step[i].gap_us);
        clade_buffer_format(out, " within %s", gap);
    }
    if (window[0] != '\0') clade_buffer_format(out, ") %s", window);
}

static void print_test(clade_buffer *out, const clade__node *node)
{
    char span[32];
    switch (node->type) {
    case CLADE__COUNT: print_count(out, node); break;
    case CLADE__SUM:
    case CLADE__SPEND:
    case CLADE__DISTINCT: print_measure(out, node); break;
    case CLADE__FIRST:
    case CLADE__LAST:
        clade_buffer_text(out, node->type == CLADE__FIRST ? "first(" : "last(");
        print_subject(out, node->subject, true);
        format_span(span, node->span_us);
        clade_buffer_format(out, ") %s %s", clade__op_text[node->op], span);
        break;
    case CLADE__SEQUENCE: print_sequence(out, node); break;
    case CLADE__FACT_NUMBER:
        print_fact_name(out, node->name);
        print_compared(out, node);
        break;
    case CLADE__FACT_TEXT:
        print_fact_name(out, node->name);
        clade_buffer_format(out, " %s ", clade__op_text[node->op]);
        print_text(out, node->text);
        break;
    case CLADE__FACT_EXISTS:
        clade_buffer_text(out, "exists ");
        print_fact_name(out, node->name);
        break;
    case CLADE__SEGMENT:
        clade_buffer_text(out, "in segment ");
        if (is_plain(node->name))
            clade_buffer_text(out, node->name);
        else
            print_text(out, node->name);
        break;
    case CLADE__OR:
    case CLADE__AND:
    case CLADE__NOT: assert(!"no test"); break;
    }
}

/* A node inside another one; parentheses where the grammar would read it otherwise. */
static void print_node(clade_buffer *out, const clade__node *node, clade__node_type parent)
{
    const bool chain = node->type == CLADE__OR || node->type == CLADE__AND;
    /* A window behind a sequence would be read as that of its last step; it has its own. */
    const bool group =
        chain && parent != CLADE__OR && !(parent == CLADE__AND && node->type == CLADE__AND);
    if (group) clade_buffer_text(out, "(");
    if (chain) {
        for (const clade__node *child = node->child; child != NULL; child = child->next) {
            if (child != node->child)
                clade_buffer_text(out, node->type == CLADE__AND ? " and " : " or ");
            print_node(out, child, node->type);
        }
    } else if (node->type == CLADE__NOT) {
        clade_buffer_text(out, "not ");
        print_node(out, node->child, CLADE__NOT);
    } else {
        print_test(out, node);
    }
    if (group) clade_buffer_text(out, ")");
}

void clade_rule_tree_print(clade_buffer *out, const clade_rule_tree *tree)
{
    print_node(out, tree->root, CLADE__OR);
}
