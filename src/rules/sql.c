/* A rule as one query over history.
 *
 * Every test of the rule becomes a column or two: counts, sums and distinct counts are conditional
 * aggregates of one scan of `event` (table m); money is the same over what was bought and kept
 * (table p); a sequence finds the last moment each step can have been reached, by one window
 * function a step (tables s0, s1, ...); facts are small tables of their own. What the rule says of
 * them is the WHERE at the end, in which nothing is NULL. docs/formats/rules.md has the meaning of
 * each. */
#include "sql.h"

#include <stdio.h>
#include <stdlib.h>

static const char join_items[] = " LEFT JOIN i ON i.item = e.item";

typedef struct compiler {
    const clade_rule_sql_options *options;
    clade__log                    log;
    clade_error                  *err;
    clade_buffer                  item; /* columns of the table of items, each after a comma */
    size_t                        n_item_tests;
    bool                          has_category, has_brand; /* as columns */
    bool                          reads[3];                /* ref, category, brand */
    clade_buffer                  many;  /* aggregates over events, each after a comma */
    clade_buffer                  money; /* aggregates over lines */
    clade_buffer                  with;  /* tables of sequences and facts */
    clade_buffer                  joins;
    clade_buffer                  where;
    size_t                        n_tests;
    const char                   *open[CLADE_RULE_MAX_DEPTH]; /* segments being compiled */
    size_t                        n_open;
} compiler;

static clade_status compile(compiler *c, const clade__node *node);

/* ---------------------------------------------------------------- texts */

void clade__sql_text(clade_buffer *out, const char *text, bool fold)
{
    clade_buffer_text(out, "'");
    for (const char *p = text; *p != '\0'; p++) {
        const char one = fold ? clade__fold(*p) : *p;
        if (one == '\'') clade_buffer_text(out, "'");
        clade_buffer_append(out, &one, 1);
    }
    clade_buffer_text(out, "'");
}

/* ASCII letters of a column made small: what LOWER does beyond them differs between engines. */
static void fold_column(clade_buffer *out, const char *column)
{
    clade_buffer_format(
        out, "translate(%s, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')", column);
}

/* A text column against what a filter wants; false where it is NULL. */
static void test_text(clade_buffer *out, const char *column, clade__field field, clade__op op,
                      const char *wanted)
{
    if (op == CLADE__CONTAINS) {
        clade_buffer_text(out, "coalesce(replace(");
        fold_column(out, column);
        clade_buffer_text(out, ", ");
        clade__sql_text(out, wanted, true);
        clade_buffer_text(out, ", '') <> ");
        fold_column(out, column);
        clade_buffer_text(out, ", false)");
        return;
    }
    clade_buffer_format(out, "coalesce(%s(", op == CLADE__NE ? "NOT " : "");
    fold_column(out, column);
    clade_buffer_text(out, " = ");
    clade__sql_text(out, wanted, true);
    if (field == CLADE__CATEGORY) {
        clade_buffer_text(out, " OR startsWith(");
        fold_column(out, column);
        clade_buffer_text(out, ", ");
        clade_buffer below = { 0 };
        clade_buffer_format(&below, "%s > ", wanted);
        if (below.failed) out->failed = true;
        clade__sql_text(out, below.data == NULL ? "" : below.data, true);
        clade_buffer_free(&below);
        clade_buffer_text(out, ")");
    }
    clade_buffer_text(out, "), false)");
}

static const char *op_sql(clade__op op)
{
    return op == CLADE__NE ? "<>" : clade__op_text[op];
}

static void test_number(clade_buffer *out, const char *expression, clade__op op, double wanted)
{
    clade_buffer_format(out, "coalesce(%s %s %.17g, false)", expression, op_sql(op), wanted);
}

/* ---------------------------------------------------------------- events */

static void test_filter(clade_buffer *out, compiler *c, const clade__filter *f)
{
    static const char *const column[] = { "ref",       "category", "brand",
                                          "e.channel", "e.device", "e.query" };
    char                     money[64];
    switch (f->field) {
    case CLADE__ITEM:
    case CLADE__CATEGORY:
    case CLADE__BRAND: /* once an item, not once an event */
        c->reads[f->field] = true;
        clade_buffer_text(&c->item, ", ");
        test_text(&c->item, column[f->field], f->field, f->op, f->text);
        clade_buffer_format(&c->item, " AS t%zu", c->n_item_tests);
        clade_buffer_format(out, "coalesce(i.t%zu, false)", c->n_item_tests++);
        break;
    case CLADE__CHANNEL:
    case CLADE__DEVICE:
    case CLADE__QUERY: test_text(out, column[f->field], f->field, f->op, f->text); break;
    case CLADE__PRICE:
    case CLADE__AMOUNT:
        snprintf(money, sizeof money, "e.%s / %.1f",
                 f->field == CLADE__PRICE ? "price_minor" : "value_minor", c->options->minor);
        test_number(out, money, f->op, f->number);
        break;
    case CLADE__QUANTITY: test_number(out, "e.quantity", f->op, f->number); break;
    case CLADE__N_FIELD: assert(!"no field"); break;
    }
}

static void test_filters(clade_buffer *out, compiler *c, const clade__subject *s)
{
    for (size_t i = 0; i < s->n_filters; i++) {
        clade_buffer_text(out, " AND ");
        test_filter(out, c, &s->filter[i]);
    }
}

/* Is the event one of these, and inside the window? `now` itself is as_of - 1. */
static void test_subject(clade_buffer *out, compiler *c, const clade__subject *s,
                         const clade__node *node)
{
    if (s->kind == CLADE__ANY_KIND)
        clade_buffer_text(out, "true");
    else
        clade_buffer_format(out, "e.kind = '%s'", clade__nouns[s->kind].noun);
    if (node != NULL && node->within_us > 0)
        clade_buffer_format(out, " AND e.at_us >= %lld",
                            (long long)(c->options->as_of_us - node->within_us));
    if (node != NULL && node->since_us != CLADE__NEVER)
        clade_buffer_format(out, " AND e.at_us >= %lld", (long long)node->since_us);
    test_filters(out, c, s);
}

static void compile_count(compiler *c, const clade__node *node)
{
    const size_t k = c->n_tests;
    clade_buffer_text(&c->many, ",\n    countIf(");
    test_subject(&c->many, c, node->subject, node);
    clade_buffer_format(&c->many, ") AS a%zu", k);
    clade_buffer_format(&c->where, "m.a%zu %s %.17g", k, op_sql(node->op), node->number);
}

/* Integers, so that the order of a sum cannot matter; cut as features cut them. */
static void compile_sum(compiler *c, const clade__node *node)
{
    const size_t k = c->n_tests;
    clade_buffer_text(&c->many, ",\n    toInt64(sumIf(");
    if (node->what == CLADE__QUANTITY) {
        clade_buffer_text(&c->many, "CASE WHEN e.quantity < 0 THEN 0 WHEN e.quantity < 1e9 THEN "
                                    "toInt64(floor(e.quantity * 1000 + 0.5)) WHEN e.quantity IS "
                                    "NULL THEN 0 ELSE 1000000000000 END, ");
    } else {
        const char *column = node->what == CLADE__PRICE ? "e.price_minor" : "e.value_minor";
        clade_buffer_format(&c->many,
                            "CASE WHEN %s > %lld THEN %lld WHEN %s < -%lld THEN -%lld ELSE "
                            "coalesce(%s, 0) END, ",
                            column, (long long)CLADE__MONEY_MAX, (long long)CLADE__MONEY_MAX,
                            column, (long long)CLADE__MONEY_MAX, (long long)CLADE__MONEY_MAX,
                            column);
    }
    test_subject(&c->many, c, node->subject, node);
    clade_buffer_format(&c->many, ")) AS a%zu", k);
    clade_buffer_format(&c->where, "m.a%zu / %.1f %s %.17g", k,
                        node->what == CLADE__QUANTITY ? 1000.0 : c->options->minor,
                        op_sql(node->op), node->number);
}

static void compile_distinct(compiler *c, const clade__node *node)
{
    static const char *const key[] = { "e.item",
                                       "i.category",
                                       "i.brand",
                                       "e.session_key",
                                       "intDiv(e.at_us + 62135683200000000, 86400000000)",
                                       "coalesce(e.order_ref, concat('at ', toString(e.at_us)))" };
    const size_t             k     = c->n_tests;
    c->has_category |= node->what == CLADE__CATEGORIES;
    c->has_brand |= node->what == CLADE__BRANDS;
    c->reads[1] |= c->has_category;
    c->reads[2] |= c->has_brand;
    clade_buffer_text(&c->many, ",\n    uniqExact(CASE WHEN ");
    test_subject(&c->many, c, node->subject, node);
    clade_buffer_format(&c->many, " THEN %s END) AS a%zu", key[node->what], k);
    clade_buffer_format(&c->where, "m.a%zu %s %.17g", k, op_sql(node->op), node->number);
}

static void compile_ago(compiler *c, const clade__node *node)
{
    const size_t k = c->n_tests;
    clade_buffer_format(&c->many, ",\n    %s(CASE WHEN ",
                        node->type == CLADE__FIRST ? "min" : "max");
    test_subject(&c->many, c, node->subject, NULL);
    clade_buffer_format(&c->many, " THEN e.at_us END) AS a%zu", k);
    clade_buffer_format(&c->where, "coalesce(%lld - m.a%zu %s %lld, false)",
                        (long long)(c->options->as_of_us - 1), k, op_sql(node->op),
                        (long long)node->span_us);
}

static void compile_spend(compiler *c, const clade__node *node)
{
    const size_t  k = c->n_tests;
    clade_buffer *m = &c->money, match = { 0 };
    test_filters(&match, c, node->subject);
    if (match.failed) m->failed = true;
    const char *also = match.data == NULL ? "" : match.data;
    clade_buffer_text(m, ",\n    toInt64(sumIf(e.net, true");
    if (node->within_us > 0)
        clade_buffer_format(m, " AND e.order_us >= %lld",
                            (long long)(c->options->as_of_us - node->within_us));
    if (node->since_us != CLADE__NEVER)
        clade_buffer_format(m, " AND e.order_us >= %lld", (long long)node->since_us);
    clade_buffer_format(
        m,
        "%s)) AS a%zu,\n    countIf(e.stands = 1%s) AS n%zu, countIf(e.stands = 1 AND "
        "e.value_minor IS NOT NULL%s) AS v%zu",
        also, k, also, k, also, k);
    clade_buffer_free(&match);
    /* Never below zero; nothing bought is nothing spent; bought and no price known is missing. */
    clade_buffer_format(
        &c->where,
        "((coalesce(p.n%zu, 0) = 0 OR p.v%zu > 0) AND CASE WHEN coalesce(p.a%zu, 0) "
        "> 0 THEN p.a%zu ELSE 0 END / %.1f %s %.17g)",
        k, k, k, k, c->options->minor, op_sql(node->op), node->number);
}

/* r1 is the moment of an event that is the first step; r2 of one that is the second and has an r1
 * before it that is near enough, and so on. The latest r before an event is the nearest. */
static void compile_sequence(compiler *c, const clade__node *node)
{
    const size_t  k = c->n_tests, n_item_tests = c->n_item_tests;
    clade_buffer *w = &c->with;
    clade_buffer_format(w, ",\ns%zu AS (SELECT customer, max(r%zu) AS last_us FROM (", k,
                        node->n_steps);
    for (size_t i = node->n_steps; i-- > 1;) {
        char gap[48] = "IS NOT NULL";
        if (node->step[i].gap_us > 0)
            snprintf(gap, sizeof gap, ">= at_us - %lld", (long long)node->step[i].gap_us);
        clade_buffer_format(w,
                            "\nSELECT *, CASE WHEN c%zu AND max(r%zu) OVER (PARTITION BY customer "
                            "ORDER BY at_us RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) %s "
                            "THEN at_us END AS r%zu FROM (",
                            i + 1, i, gap, i + 1);
    }
    clade_buffer_text(w, "\nSELECT *, CASE WHEN c1 THEN at_us END AS r1 FROM (\n"
                         "SELECT e.customer AS customer, e.at_us AS at_us");
    for (size_t i = 0; i < node->n_steps; i++) {
        clade_buffer_text(w, ", ");
        test_subject(w, c, &node->step[i].subject, NULL);
        clade_buffer_format(w, " AS c%zu", i + 1);
    }
    clade_buffer_text(w, " FROM ");
    clade__sql_events(w, &c->log, NULL);
    clade_buffer_text(w, " AS e");
    if (c->n_item_tests > n_item_tests) clade_buffer_text(w, join_items);
    if (node->since_us != CLADE__NEVER)
        clade_buffer_format(w, " WHERE e.at_us >= %lld", (long long)node->since_us);
    clade_buffer_text(w, ") AS x WHERE ");
    for (size_t i = 0; i < node->n_steps; i++)
        clade_buffer_format(w, "%sc%zu", i > 0 ? " OR " : "", i + 1);
    for (size_t i = 0; i < node->n_steps; i++)
        clade_buffer_text(w, ") AS x");
    clade_buffer_text(w, " GROUP BY customer)");
    clade_buffer_format(&c->joins, "\nLEFT JOIN s%zu ON s%zu.customer = m.customer", k, k);
    clade_buffer_format(&c->where, "coalesce(s%zu.last_us >= %lld, false)", k,
                        node->within_us > 0 ? (long long)(c->options->as_of_us - node->within_us)
                                            : (long long)CLADE_TIME_MIN_US);
}

/* ---------------------------------------------------------------- facts */

static bool is_given(const compiler *c, const char *name)
{
    for (size_t i = 0; i < c->options->n_given; i++) {
        if (clade_text_equal_nocase(clade_text_of(c->options->given[i]), clade_text_of(name)))
            return true;
    }
    return false;
}

/* What is known of a customer under a name: `what` of the newest rows that have a value, the
 * largest where several are equally new. */
static void fact_table(compiler *c, const char *name, const char *what, const char *has)
{
    const size_t k = c->n_tests;
    clade_buffer_format(&c->with,
                        ",\nf%zu AS (SELECT customer, max(x) AS x FROM (SELECT customer, %s AS x, "
                        "known_us, max(known_us) OVER (PARTITION BY customer) AS newest_us FROM %s "
                        "WHERE known_us < %lld AND %s AND ",
                        k, what, is_given(c, name) ? "rule_fact" : "customer",
                        (long long)c->options->as_of_us, has);
    fold_column(&c->with, "name");
    clade_buffer_text(&c->with, " = ");
    clade__sql_text(&c->with, name, true);
    clade_buffer_text(&c->with, ") AS f WHERE known_us = newest_us GROUP BY customer)");
    clade_buffer_format(&c->joins, "\nLEFT JOIN f%zu ON f%zu.customer = m.customer", k, k);
}

static void compile_fact(compiler *c, const clade__node *node)
{
    const size_t k     = c->n_tests;
    clade_buffer match = { 0 };
    char         x[32];
    snprintf(x, sizeof x, "f%zu.x", k);
    switch (node->type) {
    case CLADE__FACT_NUMBER:
        fact_table(c, node->name, "number", "number IS NOT NULL");
        test_number(&c->where, x, node->op, node->number);
        break;
    case CLADE__FACT_TEXT:
        clade_buffer_text(&match, "CASE WHEN ");
        test_text(&match, "value", CLADE__QUERY, node->op == CLADE__NE ? CLADE__EQ : node->op,
                  node->text);
        clade_buffer_text(&match, " THEN 1 ELSE 0 END");
        if (match.failed)
            c->with.failed = true;
        else
            fact_table(c, node->name, match.data, "value IS NOT NULL");
        clade_buffer_format(&c->where, "coalesce(%s = %d, false)", x,
                            node->op == CLADE__NE ? 0 : 1);
        break;
    default:
        fact_table(c, node->name, "1", "(number IS NOT NULL OR value IS NOT NULL)");
        clade_buffer_format(&c->where, "%s IS NOT NULL", x);
        break;
    }
    clade_buffer_free(&match);
}

static clade_status circle(const compiler *c, const char *name)
{
    char   path[400] = "";
    size_t n         = 0;
    for (size_t i = 0; i < c->n_open; i++)
        n += (size_t)snprintf(path + n, n < sizeof path ? sizeof path - n : 0, "%s needs ",
                              c->open[i]);
    return clade_fail(c->err, CLADE_ERR_ARG, "these segments need each other in a circle: %s%s",
                      path, name);
}

static clade_status compile_segment(compiler *c, const clade__node *node)
{
    char name[CLADE_RULE_MAX_NAME + 16];
    for (size_t i = 0; i < c->options->n_named; i++) {
        const clade_rule_named *other = &c->options->named[i];
        if (!clade_text_equal_nocase(clade_text_of(other->name), clade_text_of(node->name)))
            continue;
        for (size_t k = 0; k < c->n_open; k++) {
            if (strcmp(c->open[k], other->name) == 0) return circle(c, other->name);
        }
        if (c->n_open == CLADE_RULE_MAX_DEPTH)
            return clade_fail(c->err, CLADE_ERR_ARG, "segments are %d deep in each other at most",
                              CLADE_RULE_MAX_DEPTH);
        c->open[c->n_open++] = other->name;
        clade_buffer_text(&c->where, "(");
        CLADE_TRY(compile(c, other->tree->root));
        clade_buffer_text(&c->where, ")");
        c->n_open--;
        return CLADE_OK;
    }
    snprintf(name, sizeof name, "segment/%s", node->name);
    if (!is_given(c, name))
        return clade_fail(c->err, CLADE_ERR_NOT_FOUND, "there is no segment '%s'", node->name);
    fact_table(c, name, "number", "number IS NOT NULL");
    clade_buffer_format(&c->where, "coalesce(f%zu.x > 0, false)", c->n_tests);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the whole */

static clade_status compile(compiler *c, const clade__node *node)
{
    const char *join = node->type == CLADE__OR ? " OR " : " AND ";
    switch (node->type) {
    case CLADE__OR:
    case CLADE__AND:
        for (const clade__node *child = node->child; child != NULL; child = child->next) {
            clade_buffer_text(&c->where, child == node->child ? "(" : join);
            CLADE_TRY(compile(c, child));
        }
        clade_buffer_text(&c->where, ")");
        return CLADE_OK;
    case CLADE__NOT:
        clade_buffer_text(&c->where, "NOT (");
        CLADE_TRY(compile(c, node->child));
        clade_buffer_text(&c->where, ")");
        return CLADE_OK;
    case CLADE__COUNT: compile_count(c, node); break;
    case CLADE__SUM: compile_sum(c, node); break;
    case CLADE__SPEND: compile_spend(c, node); break;
    case CLADE__DISTINCT: compile_distinct(c, node); break;
    case CLADE__FIRST:
    case CLADE__LAST: compile_ago(c, node); break;
    case CLADE__SEQUENCE: compile_sequence(c, node); break;
    case CLADE__FACT_NUMBER:
    case CLADE__FACT_TEXT:
    case CLADE__FACT_EXISTS: compile_fact(c, node); break;
    case CLADE__SEGMENT: CLADE_TRY(compile_segment(c, node)); break;
    }
    c->n_tests++;
    return CLADE_OK;
}

/* The newest category or brand of every item, as features choose it. */
static void newest(clade_buffer *out, const char *column, int64_t as_of_us)
{
    clade_buffer_format(
        out,
        "\nLEFT JOIN (SELECT item, %s FROM (SELECT item, %s, row_number() OVER "
        "(PARTITION BY item ORDER BY known_us DESC, load DESC, %s) AS nth FROM item "
        "WHERE known_us < %lld AND %s IS NOT NULL) AS x WHERE nth = 1) AS %.1s ON "
        "%.1s.item = k.item",
        column, column, column, (long long)as_of_us, column, column, column);
}

void clade__sql_items(clade_buffer *out, int64_t as_of_us, const bool reads[3])
{
    clade_buffer_format(out,
                        "SELECT k.item AS item%s%s%s\nFROM (SELECT item, min(ref) AS ref FROM item "
                        "WHERE known_us < %lld GROUP BY item) AS k",
                        reads[0] ? ", k.ref AS ref" : "",
                        reads[1] ? ", c.category AS category" : "",
                        reads[2] ? ", b.brand AS brand" : "", (long long)as_of_us);
    if (reads[1]) newest(out, "category", as_of_us);
    if (reads[2]) newest(out, "brand", as_of_us);
}

void clade__sql_events(clade_buffer *out, const clade__log *log, const char *kind)
{
    const long long as_of_us = log->as_of_us;
    clade_buffer_text(out, "(SELECT * FROM event WHERE ");
    if (kind != NULL) clade_buffer_format(out, "kind = '%s' AND ", kind);
    if (log->customer >= 0)
        clade_buffer_format(out, "customer = %lld AND ", (long long)log->customer);
    clade_buffer_format(
        out,
        "at_us < %lld AND customer IS NOT NULL AND customer NOT IN (SELECT customer "
        "FROM flag WHERE customer IS NOT NULL AND name IN ('test_order', 'staff', "
        "'bot') AND since_us < %lld)",
        as_of_us, as_of_us);
    if (log->has_void)
        clade_buffer_format(out,
                            " AND event NOT IN (SELECT event FROM flag WHERE event IS NOT NULL "
                            "AND name = 'test_order' AND since_us < %lld)",
                            as_of_us);
    clade_buffer_text(out, ")");
}

static void assemble(clade_buffer *out, const compiler *c)
{
    const clade_rule_sql_options *o         = c->options;
    const bool                    has_items = c->reads[0] || c->reads[1] || c->reads[2];
    clade_buffer_text(out, "WITH ");
    if (has_items) {
        clade_buffer_format(out, "i AS (SELECT item%s%s", c->has_category ? ", category" : "",
                            c->has_brand ? ", brand" : "");
        clade_buffer_append(out, c->item.data, c->item.size);
        clade_buffer_text(out, " FROM (");
        clade__sql_items(out, o->as_of_us, c->reads);
        clade_buffer_text(out, ") AS t),\n");
    }
    clade_buffer_text(out, "m AS (SELECT e.customer AS customer");
    clade_buffer_append(out, c->many.data, c->many.size);
    clade_buffer_text(out, "\nFROM ");
    clade__sql_events(out, &c->log, NULL);
    clade_buffer_format(out, " AS e%s GROUP BY e.customer)", has_items ? join_items : "");
    if (c->money.size > 0) {
        clade_buffer_text(out, ",\nl AS (");
        clade__sql_lines(out, &c->log);
        clade_buffer_text(out, "),\np AS (SELECT e.customer AS customer");
        clade_buffer_append(out, c->money.data, c->money.size);
        clade_buffer_format(out, "\nFROM l AS e%s GROUP BY e.customer)",
                            has_items ? join_items : "");
    }
    clade_buffer_append(out, c->with.data, c->with.size);
    clade_buffer_text(out, "\nSELECT m.customer AS customer FROM m");
    if (c->money.size > 0) clade_buffer_text(out, "\nLEFT JOIN p ON p.customer = m.customer");
    clade_buffer_append(out, c->joins.data, c->joins.size);
    clade_buffer_text(out, "\nWHERE ");
    clade_buffer_append(out, c->where.data, c->where.size);
    clade_buffer_text(out, "\nORDER BY customer");
}

clade_status clade_rule_tree_sql(clade_buffer *out, const clade_rule_tree *tree,
                                 const clade_rule_sql_options *options, clade_error *err)
{
    compiler     c      = { .options = options,
                            .log     = { options->as_of_us, options->has_void, -1 },
                            .err     = err };
    clade_status status = compile(&c, tree->root);
    if (status == CLADE_OK) {
        assemble(out, &c);
        if (out->failed || c.item.failed || c.many.failed || c.money.failed || c.with.failed ||
            c.joins.failed || c.where.failed)
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of a rule");
    }
    clade_buffer_free(&c.item);
    clade_buffer_free(&c.many);
    clade_buffer_free(&c.money);
    clade_buffer_free(&c.with);
    clade_buffer_free(&c.joins);
    clade_buffer_free(&c.where);
    return status;
}

/* ---------------------------------------------------------------- running it */

clade_status clade__sql_ready(double *out_minor, bool *out_has_void, clade_store *store,
                              clade_error *err)
{
    /* ClickHouse's names that the store's own set does not have. */
    static const char macros[] =
        "CREATE OR REPLACE TEMP MACRO toInt64(x) AS CAST(x AS BIGINT);"
        "CREATE OR REPLACE TEMP MACRO startsWith(a, b) AS starts_with(a, b);";
    char    currency[8] = "";
    int64_t n_void      = 0;
    CLADE_TRY(clade_store_run(store, macros, NULL, 0, err));
    CLADE_TRY(clade_store_int(&n_void, store,
                              "SELECT count(*) FROM flag WHERE event IS NOT NULL AND name = "
                              "'test_order'",
                              NULL, 0, 0, err));
    clade_status status =
        clade_store_setting_get(currency, sizeof currency, store, "currency", NULL);
    if (status != CLADE_OK) currency[0] = '\0';
    const int digits = strlen(currency) == 3 ? clade_currency_digits(currency) : 2;
    *out_minor       = digits == 0 ? 1 : digits == 3 ? 1000 : 100;
    *out_has_void    = n_void > 0;
    return CLADE_OK;
}

static clade_status read_members(int64_t **out, size_t *out_n, clade_rows *rows, clade_error *err)
{
    int64_t     *customer = NULL;
    size_t       n = 0, room = 0;
    clade_chunk  chunk  = { 0 };
    clade_status status = CLADE_OK;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        if (!CLADE_GROW(&customer, &room, n + chunk.n_rows)) {
            status =
                clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n + chunk.n_rows);
            break;
        }
        memcpy(customer + n, clade_chunk_data(&chunk, 0), chunk.n_rows * sizeof *customer);
        n += chunk.n_rows;
    }
    if (status == CLADE_OK && customer == NULL) {
        customer = CLADE_NEW(int64_t, 1);
        if (customer == NULL) status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for customers");
    }
    if (status != CLADE_OK) {
        free(customer);
        return status;
    }
    *out   = customer;
    *out_n = n;
    return CLADE_OK;
}

clade_status clade_rule_members(int64_t **out_customer, size_t *out_n, clade_store *store,
                                const clade_rule_tree *tree, const clade_rule_sql_options *options,
                                clade_error *err)
{
    clade_rule_sql_options settled = *options;
    clade_buffer           sql     = { 0 };
    clade_rows            *rows    = NULL;
    double                 minor;
    clade_status           status = clade__sql_ready(&minor, &settled.has_void, store, err);
    if (settled.minor == 0) settled.minor = minor;
    if (status == CLADE_OK) status = clade_rule_tree_sql(&sql, tree, &settled, err);
    if (status == CLADE_OK) status = clade_store_query(&rows, store, sql.data, NULL, 0, err);
    if (status == CLADE_OK) status = read_members(out_customer, out_n, rows, err);
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}
