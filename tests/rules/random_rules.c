#include "random_rules.h"

#include <stdio.h>

static size_t below(clade_rng *rng, size_t n)
{
    return (size_t)clade_rng_below(rng, (uint64_t)n);
}
#define PICK(rng, list) ((list)[below((rng), sizeof(list) / sizeof((list)[0]))])

/* ---------------------------------------------------------------- rules */

static void filter(clade_buffer *out, clade_rng *rng)
{
    static const char *const filters[] = {
        "category = \"shoes\"",
        "category = \"Shoes > Boots\"",
        "category != \"shoes\"",
        "category contains \"boo\"",
        "brand = \"acme\"",
        "brand != \"Acme\"",
        "brand contains \"o\"",
        "item = \"r3\"",
        "item != \"r1\"",
        "channel = \"web\"",
        "channel != \"web\"",
        "device contains \"phone\"",
        "query contains \"BOOT\"",
        "price > 20",
        "price <= 19.99",
        "quantity >= 2",
        "quantity = 1",
        "amount > 30",
        "amount < 30.5",
        "quantity != 1",
    };
    clade_buffer_text(out, PICK(rng, filters));
}

static void subject(clade_buffer *out, clade_rng *rng)
{
    static const char *const events[] = { "viewed",   "viewed",   "bought", "bought",  "carted",
                                          "searched", "refunded", "active", "reviewed" };
    clade_buffer_text(out, PICK(rng, events));
    const size_t n = below(rng, 2) == 0 ? 1 + below(rng, 2) : 0;
    for (size_t i = 0; i < n; i++) {
        clade_buffer_text(out, i == 0 ? "(" : ", ");
        filter(out, rng);
    }
    if (n > 0) clade_buffer_text(out, ")");
}

static const char *span(clade_rng *rng)
{
    static const char *const spans[] = { "6h", "1d", "2d", "3d", "5d", "1w", "10d", "30d" };
    return PICK(rng, spans);
}

static void window(clade_buffer *out, clade_rng *rng, const char *within)
{
    switch (below(rng, 4)) {
    case 0: break;
    case 1: clade_buffer_format(out, "since 2024-01-%02zu", 1 + below(rng, LOG_DAYS)); break;
    default: clade_buffer_format(out, "%s%s", within, span(rng)); break;
    }
}

static const char *op(clade_rng *rng)
{
    static const char *const ops[] = { "=", "!=", "<", "<=", ">", ">=", ">=", ">" };
    return PICK(rng, ops);
}

static void measure(clade_buffer *out, clade_rng *rng)
{
    static const char *const sums[]   = { "price", "quantity", "amount" };
    static const char *const things[] = { "item", "category", "brand", "session", "day", "order" };
    clade_buffer             w        = { 0 };
    window(&w, rng, "");
    const bool has = w.size > 0;
    switch (below(rng, 3)) {
    case 0:
        clade_buffer_text(out, "spend");
        const size_t n = below(rng, 3) == 0;
        if (has || n > 0) clade_buffer_text(out, "(");
        if (n > 0) filter(out, rng);
        if (has) clade_buffer_format(out, "%s%s", n > 0 ? ", " : "", w.data);
        if (has || n > 0) clade_buffer_text(out, ")");
        clade_buffer_format(out, " %s %zu", op(rng), below(rng, 5) * 20);
        break;
    case 1:
        clade_buffer_format(out, "sum(%s of ", PICK(rng, sums));
        subject(out, rng);
        clade_buffer_format(out, "%s%s) %s %zu.5", has ? ", " : "", has ? w.data : "", op(rng),
                            below(rng, 80));
        break;
    default:
        clade_buffer_format(out, "distinct(%s of ", PICK(rng, things));
        subject(out, rng);
        clade_buffer_format(out, "%s%s) %s %zu", has ? ", " : "", has ? w.data : "", op(rng),
                            below(rng, 4));
        break;
    }
    clade_buffer_free(&w);
}

static void count(clade_buffer *out, clade_rng *rng)
{
    const bool no = below(rng, 3) == 0;
    if (no) clade_buffer_text(out, "no ");
    subject(out, rng);
    if (!no && below(rng, 3) > 0) clade_buffer_format(out, " %s %zu", op(rng), below(rng, 5));
    clade_buffer_text(out, " ");
    window(out, rng, no ? "for " : "within ");
}

static void sequence(clade_buffer *out, clade_rng *rng)
{
    const size_t n_steps = 2 + below(rng, 2);
    clade_buffer_text(out, "(");
    for (size_t i = 0; i < n_steps; i++) {
        if (i > 0) clade_buffer_text(out, " then ");
        subject(out, rng);
        if (i > 0 && below(rng, 3) > 0) clade_buffer_format(out, " within %s", span(rng));
    }
    clade_buffer_text(out, ") ");
    window(out, rng, "within ");
}

static void fact(clade_buffer *out, clade_rng *rng)
{
    static const char *const facts[] = {
        "city = \"paris\"", "city != \"Paris\"", "city contains \"o\"", "age >= 30",
        "age < 30",         "age = 30",          "exists city",         "exists age",
        "exists colour",    "Age != 40",
    };
    clade_buffer_text(out, PICK(rng, facts));
}

static void test(clade_buffer *out, clade_rng *rng, size_t n_others)
{
    switch (below(rng, 12)) {
    case 0:
    case 1:
    case 2: measure(out, rng); break;
    case 3:
    case 4:
    case 5: count(out, rng); break;
    case 6:
        clade_buffer_text(out, below(rng, 2) == 0 ? "first(" : "last(");
        subject(out, rng);
        clade_buffer_format(out, ") %s %s", (const char *[]){ "<", "<=", ">", ">=" }[below(rng, 4)],
                            span(rng));
        break;
    case 7: fact(out, rng); break;
    case 8:
        if (n_others > 0) {
            clade_buffer_format(out, "in segment s%zu", below(rng, n_others));
            break;
        }
        fact(out, rng);
        break;
    default: sequence(out, rng); break;
    }
}

static void expression(clade_buffer *out, clade_rng *rng, size_t n_others, size_t depth)
{
    const size_t n = 1 + below(rng, depth == 0 ? 1 : 3);
    if (below(rng, 5) == 0) clade_buffer_text(out, "not ");
    if (n == 1) {
        test(out, rng, n_others);
        return;
    }
    clade_buffer_text(out, "(");
    const char *join = below(rng, 2) == 0 ? " and " : " or ";
    for (size_t i = 0; i < n; i++) {
        if (i > 0) clade_buffer_text(out, join);
        expression(out, rng, n_others, depth - 1);
    }
    clade_buffer_text(out, ")");
}

void random_rule(clade_buffer *out, clade_rng *rng, size_t n_others)
{
    expression(out, rng, n_others, 2);
}

/* ---------------------------------------------------------------- logs */

static void word(clade_buffer *sql, clade_rng *rng, const char *const *list, size_t n)
{
    const size_t i = below(rng, n + 1);
    if (i == n)
        clade_buffer_text(sql, ", NULL");
    else
        clade_buffer_format(sql, ", '%s'", list[i]);
}
#define WORD(sql, rng, list) word((sql), (rng), (list), sizeof(list) / sizeof((list)[0]))

/* Half days, a microsecond beside them, or anywhere: ties and edges of windows are common. */
static int64_t moment(clade_rng *rng)
{
    const int64_t hour = LOG_BEGIN_US + (int64_t)below(rng, LOG_DAYS * 2) * 12 * CLADE_US_PER_HOUR;
    switch (below(rng, 6)) {
    case 0: return hour + (int64_t)below(rng, 3) - 1;
    case 1: return hour + (int64_t)below(rng, 6 * 3600) * CLADE_US_PER_SECOND;
    default: return hour;
    }
}

static void write_event(clade_buffer *sql, clade_rng *rng, size_t event, size_t n_customers)
{
    static const char *const kinds[]    = { "view",     "view",     "view",  "purchase",
                                            "purchase", "purchase", "cart",  "search",
                                            "refund",   "review",   "login", "custom" };
    static const char *const channels[] = { "web", "Web", "app" };
    static const char *const devices[]  = { "iPhone", "desktop" };
    static const char *const queries[]  = { "red Boots", "coat", "boot" };
    static const char *const amounts[]  = { "NULL", "1", "2", "3", "0.5", "-1", "0" };
    const char              *kind       = PICK(rng, kinds);
    const bool               money      = kind[0] == 'p' || (kind[0] == 'r' && kind[2] == 'f');
    const int                value      = (int)below(rng, 60) * 100 * (kind[0] == 'r' ? -1 : 1);
    clade_buffer_format(sql, "%s(%zu, %zu, %lld, '%s'", event == 0 ? " " : ",\n ", event,
                        below(rng, n_customers), (long long)moment(rng), kind);
    if (below(rng, 8) == 0)
        clade_buffer_text(sql, ", NULL");
    else
        clade_buffer_format(sql, ", %zu", below(rng, 6));
    clade_buffer_format(sql, ", %s", PICK(rng, amounts));
    if (below(rng, 6) == 0)
        clade_buffer_text(sql, ", NULL");
    else
        clade_buffer_format(sql, ", %zu", 999 + below(rng, 3) * 1000 + below(rng, 3));
    if (money && below(rng, 8) > 0)
        clade_buffer_format(sql, ", %d, %d", value, value); /* amount, value */
    else
        clade_buffer_text(sql, ", NULL, NULL");
    clade_buffer_text(sql, ", NULL, 'EUR'");
    if (money && below(rng, 3) > 0)
        clade_buffer_format(sql, ", 'o%zu'", below(rng, 8)); /* shared by lines of one customer */
    else
        clade_buffer_text(sql, ", NULL");
    if (below(rng, 4) == 0)
        clade_buffer_text(sql, ", NULL");
    else
        clade_buffer_format(sql, ", %zu", 700 + below(rng, 5));
    WORD(sql, rng, queries);
    WORD(sql, rng, channels);
    WORD(sql, rng, devices);
    clade_buffer_format(sql, ", NULL, NULL, NULL, %zu, 1)", event);
}

static void write_facts(clade_buffer *sql, clade_rng *rng, size_t n_customers)
{
    static const char *const told[] = { "'city', 'Paris', NULL", "'city', 'London', NULL",
                                        "'City', 'PARIS', NULL", "'age', '30', 30",
                                        "'age', NULL, 40",       "'age', 'old', NULL",
                                        "'colour', NULL, NULL",  "'colour', 'teal', NULL" };
    clade_buffer_text(sql, "INSERT INTO customer VALUES");
    for (size_t i = 0; i < n_customers * 2; i++) {
        clade_buffer_format(sql, "%s(%zu, %s, %lld, 1)", i == 0 ? " " : ",\n ",
                            below(rng, n_customers), PICK(rng, told), (long long)moment(rng));
    }
    clade_buffer_text(sql, ";\n");
}

void random_log(clade_buffer *sql, clade_rng *rng, size_t n_customers, size_t n_events)
{
    clade_buffer_text(
        sql, "INSERT INTO item VALUES (0, 'r0', NULL, 'shoes', 'Acme', NULL, NULL, NULL, 0, 1),"
             "(1, 'r1', NULL, 'Shoes > boots', 'acme', NULL, NULL, NULL, 0, 1),"
             "(2, 'r2', NULL, 'shoesies', 'Bolt', NULL, NULL, NULL, 0, 1),"
             "(3, 'R3', NULL, 'shoes > boots > red', NULL, NULL, NULL, NULL, 0, 1),"
             "(4, 'r4', NULL, NULL, 'bolt', NULL, NULL, NULL, 0, 1);\n");
    clade_buffer_text(sql, "INSERT INTO event VALUES");
    for (size_t i = 0; i < n_events; i++)
        write_event(sql, rng, i, n_customers);
    clade_buffer_text(sql, ";\n");
    write_facts(sql, rng, n_customers);
    /* Refunds undo an earlier purchase of the same customer, wholly, in part, or in money alone. */
    clade_buffer_text(
        sql,
        "INSERT INTO refund_match SELECT r.event, max(p.event), r.customer, CASE r.event % 3 WHEN "
        "0 THEN 1 WHEN 1 THEN 0.5 ELSE 0 END, coalesce(r.amount_minor, -700), r.at_us FROM event "
        "r JOIN event p ON p.customer = r.customer AND p.kind = 'purchase' AND p.at_us <= r.at_us "
        "AND p.event % 2 = r.event % 2 WHERE r.kind = 'refund' AND r.event % 4 < 3 GROUP BY "
        "r.event, r.customer, r.amount_minor, r.at_us;\n"
        "INSERT INTO flag SELECT 'not_product', NULL, event, 0, 'fee' FROM event WHERE kind = "
        "'purchase' AND event % 7 = 0;\n"
        "INSERT INTO flag SELECT 'test_order', NULL, event, 0, 'test' FROM event WHERE kind = "
        "'purchase' AND event % 13 = 0;\n"
        "INSERT INTO flag VALUES ('bot', 1, NULL, 0, 'fast');\n");
}
