/* From a rule's text to its tree, by recursive descent. The grammar is in docs/formats/rules.md;
 * each function below reads one of its lines. */
#include "lex.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct parser {
    clade__lexer            lexer;
    clade__token            now; /* not yet taken */
    clade_rule_tree        *tree;
    const clade_rule_names *names;
    size_t                  depth;
} parser;

typedef struct window {
    bool    has;
    int64_t within_us, since_us;
} window;
static const window all_of_life = { .since_us = CLADE__NEVER };

static clade_status parse_or(clade__node **out, parser *p);

/* ---------------------------------------------------------------- tokens */

static clade_status take(parser *p)
{
    return clade__lex(&p->now, &p->lexer);
}

static bool is_sign(const parser *p, const char *sign)
{
    return p->now.type == CLADE__SIGN && p->now.size == strlen(sign) &&
           memcmp(p->lexer.rule.data + p->now.at, sign, p->now.size) == 0;
}

static clade_text word_of(const parser *p)
{
    return (clade_text){ p->lexer.rule.data + p->now.at, p->now.size };
}

static bool is_word(const parser *p, const char *word)
{
    return p->now.type == CLADE__WORD && clade_text_equal_nocase(word_of(p), clade_text_of(word));
}

static clade_status unexpected(parser *p, const char *wanted)
{
    const clade_text word = word_of(p);
    if (p->now.type == CLADE__END)
        return clade__mistake(&p->lexer, p->now.at, "the rule ends where %s was wanted", wanted);
    return clade__mistake(&p->lexer, p->now.at, "%s was wanted here, not %.*s", wanted,
                          (int)(word.size > 40 ? 40 : word.size), word.data);
}

static clade_status take_sign(parser *p, const char *sign, const char *wanted)
{
    if (!is_sign(p, sign)) return unexpected(p, wanted);
    return take(p);
}

static clade_status new_node(clade__node **out, parser *p, clade__node_type type)
{
    clade__node *node = CLADE_ARENA_NEW(p->tree->arena, clade__node, 1);
    if (node == NULL) return clade_fail(p->lexer.err, CLADE_ERR_NOMEM, "no memory for a rule");
    node->type     = type;
    node->since_us = CLADE__NEVER;
    node->at       = p->now.at;
    if (type >= CLADE__COUNT && ++p->tree->n_tests > CLADE_RULE_MAX_TESTS) {
        return clade__mistake(&p->lexer, p->now.at, "a rule may compare %d things and no more",
                              CLADE_RULE_MAX_TESTS);
    }
    *out = node;
    return CLADE_OK;
}

/* A word or a text as a name. */
static clade_status take_name(const char **out, parser *p, const char *wanted)
{
    clade_text name = word_of(p);
    if (p->now.type == CLADE__TEXT) name = clade_text_of(p->now.text);
    if (p->now.type != CLADE__WORD && p->now.type != CLADE__TEXT) return unexpected(p, wanted);
    if (name.size >= CLADE_RULE_MAX_NAME) {
        return clade__mistake(&p->lexer, p->now.at, "a name has %d bytes at most",
                              CLADE_RULE_MAX_NAME - 1);
    }
    *out = clade_arena_text(p->tree->arena, name.data, name.size);
    if (*out == NULL) return clade_fail(p->lexer.err, CLADE_ERR_NOMEM, "no memory for a rule");
    return take(p);
}

/* ---------------------------------------------------------------- windows and comparisons */

/* `within 7d`, `for 7d`, `since 2026-01-31`, `ever`; inside parentheses the span alone. */
static clade_status parse_window(window *w, parser *p, bool bare)
{
    const bool within = is_word(p, "within") || is_word(p, "for"), since = is_word(p, "since");
    const bool ever = is_word(p, "ever"), span = bare && p->now.type == CLADE__SPAN;
    if (!within && !since && !ever && !span) return CLADE_OK;
    if (w->has) return clade__mistake(&p->lexer, p->now.at, "this already has a window of time");
    w->has = true;
    if (!span) CLADE_TRY(take(p));
    if (ever) return CLADE_OK;
    if (since) {
        if (p->now.type != CLADE__DATE) return unexpected(p, "a date such as 2026-01-31");
        w->since_us = p->now.us;
    } else {
        if (p->now.type != CLADE__SPAN) return unexpected(p, "a span of time such as 30d");
        w->within_us = p->now.us;
    }
    return take(p);
}

static void put_window(clade__node *node, const window *w)
{
    node->within_us = w->within_us;
    node->since_us  = w->since_us;
}

static bool at_comparison(const parser *p)
{
    return p->now.type == CLADE__SIGN && strchr("=<>!", p->lexer.rule.data[p->now.at]) != NULL;
}

static clade_status take_op(clade__op *out, parser *p)
{
    for (int i = 0; i < CLADE__CONTAINS; i++) {
        if (is_sign(p, clade__op_text[i])) {
            *out = (clade__op)i;
            return take(p);
        }
    }
    if (is_word(p, clade__op_text[CLADE__CONTAINS])) {
        *out = CLADE__CONTAINS;
        return take(p);
    }
    return unexpected(p, "a comparison (= != < <= > >=)");
}

static clade_status take_number(double *out, parser *p)
{
    if (p->now.type != CLADE__NUMBER) return unexpected(p, "a number");
    *out = p->now.number;
    return take(p);
}

/* ---------------------------------------------------------------- events */

/* The kind of event that a word means, or -1. */
static int kind_of(clade_text word)
{
    for (int i = 0; i < CLADE__N_NOUN; i++) {
        const clade__noun *n = &clade__nouns[i];
        if (clade_text_equal_nocase(word, clade_text_of(n->noun))) return i;
        if (clade_text_equal_nocase(word, clade_text_of(n->past))) return i;
        for (size_t k = 0; k < 3 && n->also[k] != NULL; k++) {
            if (clade_text_equal_nocase(word, clade_text_of(n->also[k]))) return i;
        }
    }
    return -1;
}

static clade_status parse_filter(clade__filter *out, parser *p)
{
    int              field = 0;
    const clade_text word  = word_of(p);
    const size_t     at    = p->now.at;
    while (field < CLADE__N_FIELD &&
           !clade_text_equal_nocase(word, clade_text_of(clade__field_name[field])))
        field++;
    if (p->now.type != CLADE__WORD) return unexpected(p, "a filter or a span of time");
    if (field == CLADE__N_FIELD) {
        (void)clade__mistake(&p->lexer, at, "'%.*s' is nothing that events can be filtered by",
                             (int)(word.size > 40 ? 40 : word.size), word.data);
        clade__suggest(&p->lexer, word.data, word.size, clade__field_name, CLADE__N_FIELD);
        return CLADE_ERR_ARG;
    }
    out->field = (clade__field)field;
    CLADE_TRY(take(p));
    const size_t op_at = p->now.at;
    CLADE_TRY(take_op(&out->op, p));
    if (field >= CLADE__FIRST_NUMBER_FIELD) {
        if (out->op == CLADE__CONTAINS)
            return clade__mistake(&p->lexer, op_at, "%s is a number and contains nothing",
                                  clade__field_name[field]);
        return take_number(&out->number, p);
    }
    if (out->op != CLADE__EQ && out->op != CLADE__NE && out->op != CLADE__CONTAINS) {
        return clade__mistake(&p->lexer, op_at, "%s is a text: =, != or contains was wanted",
                              clade__field_name[field]);
    }
    if (p->now.type == CLADE__NUMBER) { /* item = 4711 */
        out->text = clade_arena_text(p->tree->arena, word_of(p).data, p->now.size);
        if (out->text == NULL)
            return clade_fail(p->lexer.err, CLADE_ERR_NOMEM, "no memory for a rule");
        return take(p);
    }
    return take_name(&out->text, p, "a text in quotes");
}

/* Filters and a window, to the closing parenthesis. `opened` says that "(" is still to come, or
 * not. */
static clade_status parse_filters(clade__subject *subject, window *w, parser *p)
{
    while (!is_sign(p, ")")) {
        const bool had = w->has;
        CLADE_TRY(parse_window(w, p, true));
        if (w->has == had) {
            if (p->now.type == CLADE__SPAN) CLADE_TRY(parse_window(w, p, true));
            if (subject->n_filters == CLADE_RULE_MAX_FILTERS) {
                return clade__mistake(&p->lexer, p->now.at, "events take %d filters at most",
                                      CLADE_RULE_MAX_FILTERS);
            }
            CLADE_TRY(parse_filter(&subject->filter[subject->n_filters++], p));
        }
        if (is_sign(p, ")")) break;
        if (!is_sign(p, ",") && !is_word(p, "and")) return unexpected(p, "a comma or )");
        CLADE_TRY(take(p));
        if (is_sign(p, ")")) return unexpected(p, "a filter or a span of time");
    }
    return take(p);
}

/* The word of an event and its filters. */
static clade_status parse_subject(clade__subject **out, window *w, parser *p)
{
    const clade_text word    = word_of(p);
    const int        kind    = p->now.type == CLADE__WORD ? kind_of(word) : -1;
    clade__subject  *subject = CLADE_ARENA_NEW(p->tree->arena, clade__subject, 1);
    if (subject == NULL) return clade_fail(p->lexer.err, CLADE_ERR_NOMEM, "no memory for a rule");
    if (p->now.type != CLADE__WORD) return unexpected(p, "something that customers do");
    if (kind < 0) {
        const char *list[2 * CLADE__N_NOUN];
        for (size_t i = 0; i < CLADE__N_NOUN; i++) {
            list[2 * i]     = clade__nouns[i].noun;
            list[2 * i + 1] = clade__nouns[i].past;
        }
        (void)clade__mistake(&p->lexer, p->now.at, "'%.*s' is nothing that customers do",
                             (int)(word.size > 40 ? 40 : word.size), word.data);
        clade__suggest(&p->lexer, word.data, word.size, list, sizeof list / sizeof list[0]);
        return CLADE_ERR_ARG;
    }
    subject->kind = kind;
    *out          = subject;
    CLADE_TRY(take(p));
    if (!is_sign(p, "(")) return CLADE_OK;
    CLADE_TRY(take(p));
    return parse_filters(subject, w, p);
}

static clade_status check_count(parser *p, double number, size_t at)
{
    if (number == floor(number) && number >= 0 && number <= 1e6) return CLADE_OK;
    return clade__mistake(&p->lexer, at, "a count is a whole number from 0 to 1000000");
}

/* At least one, and none, are each written in one way. */
static void settle_count(clade__node *node)
{
    const double n = node->number;
    if ((node->op == CLADE__GT && n == 0) || (node->op == CLADE__NE && n == 0)) {
        node->op     = CLADE__GE;
        node->number = 1;
    } else if ((node->op == CLADE__EQ || node->op == CLADE__LE) && n == 0) {
        node->op     = CLADE__LT;
        node->number = 1;
    }
}

/* What follows a measure: window, comparison, window. */
static clade_status parse_compare(clade__node *node, window *w, parser *p)
{
    CLADE_TRY(parse_window(w, p, false));
    CLADE_TRY(take_op(&node->op, p));
    if (node->op == CLADE__CONTAINS)
        return clade__mistake(&p->lexer, node->at, "a number contains nothing");
    const size_t at = p->now.at;
    CLADE_TRY(take_number(&node->number, p));
    if (node->type == CLADE__COUNT || node->type == CLADE__DISTINCT) {
        CLADE_TRY(check_count(p, node->number, at));
        if (node->type == CLADE__COUNT) settle_count(node);
    }
    CLADE_TRY(parse_window(w, p, false));
    put_window(node, w);
    return CLADE_OK;
}

static clade_status parse_sequence(clade__node *node, parser *p)
{
    node->type = CLADE__SEQUENCE;
    node->step = CLADE_ARENA_NEW(p->tree->arena, clade__step, CLADE_RULE_MAX_STEPS);
    if (node->step == NULL)
        return clade_fail(p->lexer.err, CLADE_ERR_NOMEM, "no memory for a rule");
    node->step[0].subject = *node->subject;
    node->n_steps         = 1;
    node->subject         = NULL;
    while (is_word(p, "then")) {
        window          w       = all_of_life;
        clade__subject *subject = NULL;
        const size_t    at      = p->now.at;
        if (node->n_steps == CLADE_RULE_MAX_STEPS)
            return clade__mistake(&p->lexer, at, "a sequence has %d steps at most",
                                  CLADE_RULE_MAX_STEPS);
        CLADE_TRY(take(p));
        const size_t after = p->now.at;
        CLADE_TRY(parse_subject(&subject, &w, p));
        if (w.has)
            return clade__mistake(&p->lexer, after, "a step's time goes behind it: %s within 2d",
                                  clade__nouns[subject->kind].past);
        CLADE_TRY(parse_window(&w, p, false));
        if (w.since_us != CLADE__NEVER)
            return clade__mistake(&p->lexer, after,
                                  "a step comes within a span of time such as 2d");
        node->step[node->n_steps].subject  = *subject;
        node->step[node->n_steps++].gap_us = w.within_us;
    }
    return CLADE_OK;
}

/* `viewed(...) >= 3 within 7d`, `bought within 7d`, `viewed then bought within 2d`. */
static clade_status parse_events(clade__node **out, parser *p)
{
    window       w    = all_of_life;
    clade__node *node = NULL;
    CLADE_TRY(new_node(&node, p, CLADE__COUNT));
    CLADE_TRY(parse_subject(&node->subject, &w, p));
    *out = node;
    if (is_word(p, "then")) {
        if (w.has)
            return clade__mistake(&p->lexer, p->now.at,
                                  "the first step of a sequence has no "
                                  "window: write (... then ...) within 30d");
        return parse_sequence(node, p);
    }
    node->op     = CLADE__GE;
    node->number = 1;
    CLADE_TRY(parse_window(&w, p, false));
    put_window(node, &w);
    if (is_word(p, "then"))
        return clade__mistake(&p->lexer, p->now.at,
                              "the first step of a sequence has no window: "
                              "write (... then ...) within 30d");
    return at_comparison(p) ? parse_compare(node, &w, p) : CLADE_OK;
}

static clade_status parse_absence(clade__node **out, parser *p)
{
    window       w    = all_of_life;
    clade__node *node = NULL;
    CLADE_TRY(new_node(&node, p, CLADE__COUNT));
    CLADE_TRY(take(p));
    CLADE_TRY(parse_subject(&node->subject, &w, p));
    CLADE_TRY(parse_window(&w, p, false));
    node->op     = CLADE__LT;
    node->number = 1;
    put_window(node, &w);
    *out = node;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- measures */

static clade_status parse_spend(clade__node **out, parser *p)
{
    window       w    = all_of_life;
    clade__node *node = NULL;
    CLADE_TRY(new_node(&node, p, CLADE__SPEND));
    node->subject = CLADE_ARENA_NEW(p->tree->arena, clade__subject, 1);
    if (node->subject == NULL)
        return clade_fail(p->lexer.err, CLADE_ERR_NOMEM, "no memory for a rule");
    node->subject->kind = CLADE_RULE_PURCHASE;
    CLADE_TRY(take(p));
    if (is_sign(p, "(")) {
        CLADE_TRY(take(p));
        CLADE_TRY(parse_filters(node->subject, &w, p));
    }
    *out = node;
    return parse_compare(node, &w, p);
}

/* The index of a word among names, or -1 with the mistake told. Plurals pass. */
static int take_one_of(parser *p, const char *const *names, size_t n, const char *wanted)
{
    const clade_text word = word_of(p);
    for (size_t i = 0; p->now.type == CLADE__WORD && i < n; i++) {
        const size_t size = strlen(names[i]);
        const bool   many = word.size == size + 1 && clade__fold(word.data[size]) == 's';
        const bool   ies =
            names[i][size - 1] == 'y' && word.size == size + 2 &&
            clade_text_equal_nocase((clade_text){ word.data + size - 1, 3 }, CLADE_TEXT("ies"));
        const clade_text head = { word.data, ies ? size - 1 : many ? size : word.size };
        if (clade_text_equal_nocase(head, (clade_text){ names[i], ies ? size - 1 : size }))
            return take(p) == CLADE_OK ? (int)i : -1;
    }
    (void)unexpected(p, wanted);
    if (p->now.type == CLADE__WORD) clade__suggest(&p->lexer, word.data, word.size, names, n);
    return -1;
}

/* `sum(quantity of bought(...), 30d) >= 5`, `distinct(item of viewed, 30d) >= 3`, `count(viewed)`.
 */
static clade_status parse_measure(clade__node **out, parser *p, clade__node_type type)
{
    window       w    = all_of_life;
    clade__node *node = NULL;
    CLADE_TRY(new_node(&node, p, type));
    *out = node;
    CLADE_TRY(take(p));
    CLADE_TRY(take_sign(p, "(", "("));
    if (type != CLADE__COUNT) {
        node->what = type == CLADE__SUM
                         ? take_one_of(p, &clade__field_name[CLADE__FIRST_NUMBER_FIELD],
                                       CLADE__N_FIELD - CLADE__FIRST_NUMBER_FIELD,
                                       "price, quantity or amount")
                         : take_one_of(p, clade__thing_name, CLADE__N_THING,
                                       "item, category, brand, session, day or order");
        if (node->what < 0) return CLADE_ERR_ARG;
        if (type == CLADE__SUM) node->what += CLADE__FIRST_NUMBER_FIELD;
        if (!is_word(p, "of")) return unexpected(p, "of and what customers do");
        CLADE_TRY(take(p));
    }
    CLADE_TRY(parse_subject(&node->subject, &w, p));
    if (is_sign(p, ",")) {
        CLADE_TRY(take(p));
        const bool had = w.has;
        CLADE_TRY(parse_window(&w, p, true));
        if (w.has == had) return unexpected(p, "a span of time such as 30d");
    }
    CLADE_TRY(take_sign(p, ")", ")"));
    return parse_compare(node, &w, p);
}

/* `last(bought) > 30d`: how long ago. */
static clade_status parse_ago(clade__node **out, parser *p, clade__node_type type)
{
    window       w    = all_of_life;
    clade__node *node = NULL;
    CLADE_TRY(new_node(&node, p, type));
    *out = node;
    CLADE_TRY(take(p));
    CLADE_TRY(take_sign(p, "(", "("));
    const size_t at = p->now.at;
    CLADE_TRY(parse_subject(&node->subject, &w, p));
    if (w.has) return clade__mistake(&p->lexer, at, "first and last look at all of life");
    CLADE_TRY(take_sign(p, ")", ")"));
    CLADE_TRY(take_op(&node->op, p));
    if (node->op == CLADE__CONTAINS || node->op == CLADE__EQ || node->op == CLADE__NE)
        return clade__mistake(&p->lexer, node->at, "how long ago is compared with <, <=, > or >=");
    if (p->now.type == CLADE__NUMBER && p->now.number >= 0 && p->now.number <= 36500) {
        node->span_us = (int64_t)(p->now.number * (double)CLADE_US_PER_DAY + 0.5);
    } else if (p->now.type == CLADE__SPAN) {
        node->span_us = p->now.us;
    } else {
        return unexpected(p, "a span of time such as 30d");
    }
    if (node->span_us % CLADE_US_PER_HOUR != 0)
        return clade__mistake(&p->lexer, p->now.at, "time is counted in whole hours");
    return take(p);
}

/* ---------------------------------------------------------------- names */

static clade_status note_name(const char **list, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++) {
        if (strcmp(list[i], name) == 0) return CLADE_OK;
    }
    list[(*n)++] = name;
    return CLADE_OK;
}

static bool among(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (clade_text_equal_nocase(clade_text_of(name), clade_text_of(list[i]))) return true;
    }
    return false;
}

static clade_status check_name(parser *p, const char *name, size_t at, const char *const *list,
                               size_t n, const char *what)
{
    if (list == NULL || among(name, list, n)) return CLADE_OK;
    (void)clade__mistake(&p->lexer, at, "there is no %s '%s'", what, name);
    clade__suggest(&p->lexer, name, strlen(name), list, n);
    return CLADE_ERR_ARG;
}

static clade_status name_fact(clade__node *node, parser *p, size_t at)
{
    if (p->names != NULL)
        CLADE_TRY(
            check_name(p, node->name, at, p->names->fact, p->names->n_facts, "attribute or score"));
    return note_name(p->tree->fact, &p->tree->n_facts, node->name);
}

/* `attribute("odd name")`, or a plain word. */
static clade_status take_fact_name(clade__node *node, parser *p, size_t *out_at)
{
    *out_at = p->now.at;
    if (!is_word(p, "attribute")) return take_name(&node->name, p, "the name of an attribute");
    CLADE_TRY(take(p));
    CLADE_TRY(take_sign(p, "(", "( and the name of an attribute"));
    *out_at = p->now.at;
    CLADE_TRY(take_name(&node->name, p, "the name of an attribute"));
    return take_sign(p, ")", ")");
}

static clade_status parse_exists(clade__node **out, parser *p)
{
    size_t at;
    CLADE_TRY(new_node(out, p, CLADE__FACT_EXISTS));
    CLADE_TRY(take(p));
    CLADE_TRY(take_fact_name(*out, p, &at));
    return name_fact(*out, p, at);
}

/* A word that is neither grammar nor event: an attribute if something is said of it. */
static clade_status not_a_fact(parser *p, const char *name, size_t at)
{
    const char *list[2 * CLADE__N_NOUN + 8] = { "spend", "no",       "not",   "in",
                                                "sum",   "distinct", "first", "last" };
    for (size_t i = 0; i < CLADE__N_NOUN; i++) {
        list[8 + 2 * i] = clade__nouns[i].noun;
        list[9 + 2 * i] = clade__nouns[i].past;
    }
    (void)clade__mistake(&p->lexer, at,
                         "'%s' is nothing that customers do, and nothing is asked of it", name);
    clade__suggest(&p->lexer, name, strlen(name), list, sizeof list / sizeof list[0]);
    if (p->lexer.err != NULL && p->lexer.err->hint[0] == '\0')
        clade_hint(p->lexer.err, "an attribute is compared (%.60s = ...), or: exists %.60s", name,
                   name);
    return CLADE_ERR_ARG;
}

static clade_status parse_fact(clade__node **out, parser *p)
{
    clade__node *node = NULL;
    size_t       at;
    CLADE_TRY(new_node(&node, p, CLADE__FACT_NUMBER));
    *out = node;
    CLADE_TRY(take_fact_name(node, p, &at));
    if (is_word(p, "exists")) {
        node->type = CLADE__FACT_EXISTS;
        CLADE_TRY(take(p));
        return name_fact(node, p, at);
    }
    if (!at_comparison(p) && !is_word(p, "contains")) return not_a_fact(p, node->name, at);
    const size_t op_at = p->now.at;
    CLADE_TRY(take_op(&node->op, p));
    if (p->now.type == CLADE__NUMBER && node->op != CLADE__CONTAINS) {
        CLADE_TRY(take_number(&node->number, p));
    } else {
        node->type = CLADE__FACT_TEXT;
        if (p->now.type != CLADE__TEXT && p->now.type != CLADE__WORD)
            return unexpected(p, "a number or a text in quotes");
        if (node->op != CLADE__EQ && node->op != CLADE__NE && node->op != CLADE__CONTAINS)
            return clade__mistake(&p->lexer, op_at, "texts are compared with =, != or contains");
        CLADE_TRY(take_name(&node->text, p, "a text in quotes"));
    }
    return name_fact(node, p, at);
}

static clade_status parse_segment(clade__node **out, parser *p)
{
    CLADE_TRY(new_node(out, p, CLADE__SEGMENT));
    CLADE_TRY(take(p));
    if (!is_word(p, "segment")) {
        const clade_text         word   = word_of(p);
        static const char *const list[] = { "segment" };
        (void)unexpected(p, "segment and its name");
        if (p->now.type == CLADE__WORD) clade__suggest(&p->lexer, word.data, word.size, list, 1);
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(take(p));
    const size_t at = p->now.at;
    CLADE_TRY(take_name(&(*out)->name, p, "the name of a segment"));
    if (p->names != NULL)
        CLADE_TRY(
            check_name(p, (*out)->name, at, p->names->segment, p->names->n_segments, "segment"));
    return note_name(p->tree->segment, &p->tree->n_segments, (*out)->name);
}

/* ---------------------------------------------------------------- and, or, not */

static clade_status parse_group(clade__node **out, parser *p)
{
    window       w  = all_of_life;
    const size_t at = p->now.at;
    CLADE_TRY(take(p));
    CLADE_TRY(parse_or(out, p));
    if (!is_sign(p, ")")) {
        if (p->now.type == CLADE__END)
            return clade__mistake(&p->lexer, at, "this parenthesis is never closed");
        return unexpected(p, "and, or or )");
    }
    CLADE_TRY(take(p));
    const size_t window_at = p->now.at;
    CLADE_TRY(parse_window(&w, p, false));
    if (!w.has) return CLADE_OK;
    if ((*out)->type != CLADE__SEQUENCE || (*out)->within_us > 0 ||
        (*out)->since_us != CLADE__NEVER)
        return clade__mistake(&p->lexer, window_at, "only a sequence takes a window behind )");
    put_window(*out, &w);
    return CLADE_OK;
}

static clade_status parse_primary(clade__node **out, parser *p)
{
    static const struct {
        const char      *word;
        clade__node_type type;
    } measure[] = { { "sum", CLADE__SUM },
                    { "count", CLADE__COUNT },
                    { "distinct", CLADE__DISTINCT } };
    if (is_sign(p, "(")) return parse_group(out, p);
    if (p->now.type != CLADE__WORD) return unexpected(p, "something to ask of a customer");
    if (is_word(p, "no")) return parse_absence(out, p);
    if (is_word(p, "spend")) return parse_spend(out, p);
    for (size_t i = 0; i < 3; i++) {
        if (is_word(p, measure[i].word)) return parse_measure(out, p, measure[i].type);
    }
    if (is_word(p, "first")) return parse_ago(out, p, CLADE__FIRST);
    if (is_word(p, "last")) return parse_ago(out, p, CLADE__LAST);
    if (is_word(p, "in")) return parse_segment(out, p);
    if (is_word(p, "exists")) return parse_exists(out, p);
    if (kind_of(word_of(p)) >= 0) return parse_events(out, p);
    if (!is_word(p, "attribute") && clade__is_word(word_of(p).data, p->now.size))
        return unexpected(p, "something to ask of a customer");
    return parse_fact(out, p);
}

static clade_status parse_not(clade__node **out, parser *p)
{
    clade__node *node = NULL;
    if (++p->depth > CLADE_RULE_MAX_DEPTH) {
        return clade__mistake(&p->lexer, p->now.at, "a rule is %d deep at most",
                              CLADE_RULE_MAX_DEPTH);
    }
    if (is_word(p, "not")) {
        CLADE_TRY(new_node(&node, p, CLADE__NOT));
        CLADE_TRY(take(p));
        CLADE_TRY(parse_not(&node->child, p));
        node->n_children = 1;
        *out             = node;
    } else {
        CLADE_TRY(parse_primary(out, p));
    }
    p->depth--;
    return CLADE_OK;
}

/* One operand after another; those that are themselves of this type (in parentheses) are taken in.
 */
static clade_status parse_chain(clade__node **out, parser *p, clade__node_type type,
                                const char *word,
                                clade_status (*operand)(clade__node **out, parser *p))
{
    clade__node *first = NULL, *node = NULL, **tail;
    CLADE_TRY(operand(&first, p));
    *out = first;
    if (!is_word(p, word)) return CLADE_OK;
    CLADE_TRY(new_node(&node, p, type));
    tail = &node->child;
    for (clade__node *one = first;;) {
        const bool taken_in = one->type == type;
        *tail               = taken_in ? one->child : one;
        for (; *tail != NULL; tail = &(*tail)->next)
            node->n_children++;
        if (!is_word(p, word)) break;
        CLADE_TRY(take(p));
        CLADE_TRY(operand(&one, p));
    }
    *out = node;
    return CLADE_OK;
}

static clade_status parse_and(clade__node **out, parser *p)
{
    return parse_chain(out, p, CLADE__AND, "and", parse_not);
}

static clade_status parse_or(clade__node **out, parser *p)
{
    return parse_chain(out, p, CLADE__OR, "or", parse_and);
}

static clade_status parse_rule(parser *p)
{
    CLADE_TRY(take(p));
    if (p->now.type == CLADE__END)
        return clade__mistake(&p->lexer, 0,
                              "the rule is empty: something to ask of a customer was "
                              "wanted");
    CLADE_TRY(parse_or(&p->tree->root, p));
    if (p->now.type == CLADE__END) return CLADE_OK;
    if (is_sign(p, ")")) return clade__mistake(&p->lexer, p->now.at, "this ) closes nothing");
    static const char *const joins[] = {
        "and", "or", "then", "within", "since", "for", "contains"
    };
    const clade_text word = word_of(p);
    (void)unexpected(p, "and, or or the end of the rule");
    if (p->now.type == CLADE__WORD) clade__suggest(&p->lexer, word.data, word.size, joins, 7);
    return CLADE_ERR_ARG;
}

clade_status clade_rule_tree_parse(clade_rule_tree **out_tree, clade_text text,
                                   const clade_rule_names *names, clade_error *err)
{
    clade_status     status = CLADE_OK;
    clade_rule_tree *tree   = NULL;
    clade_error      ignored;
    if (text.size > CLADE_RULE_MAX_BYTES) {
        return clade_fail(err, CLADE_ERR_ARG, "a rule has %d bytes at most, and this one has %zu",
                          CLADE_RULE_MAX_BYTES, text.size);
    }
    const size_t valid = text.size == 0 ? 0 : clade_utf8_valid(text.data, text.size);
    if (valid < text.size)
        return clade_fail(err, CLADE_ERR_ARG, "byte %zu of the rule is not UTF-8", valid + 1);
    tree = CLADE_NEW(clade_rule_tree, 1);
    if (tree != NULL) tree->arena = clade_arena_create(4096);
    if (tree == NULL || tree->arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a rule");
        goto done;
    }
    parser p = { .lexer = { .rule  = text.size == 0 ? CLADE_TEXT("") : text,
                            .arena = tree->arena,
                            .err   = err != NULL ? err : &ignored },
                 .tree  = tree,
                 .names = names };
    status   = parse_rule(&p);
    if (status != CLADE_OK) goto done;
    *out_tree = tree;
    tree      = NULL;
done:
    clade_rule_tree_free(tree);
    return status;
}

void clade_rule_tree_free(clade_rule_tree *tree)
{
    if (tree == NULL) return;
    clade_arena_free(tree->arena);
    free(tree);
}

const char *clade_rule_tree_segment(const clade_rule_tree *tree, size_t nth)
{
    return nth < tree->n_segments ? tree->segment[nth] : NULL;
}

const char *clade_rule_tree_fact(const clade_rule_tree *tree, size_t nth)
{
    return nth < tree->n_facts ? tree->fact[nth] : NULL;
}
