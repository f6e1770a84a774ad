/* One card a segment: who they are, what sets them apart, short rules; and the points card. */
#include "sections.h"

#include "clade/portraits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_DIFFERENCES = 6, BAR_ROW = 38, NAME_BYTES = 96 };

/* The registry's index of a feature named in the study, or -1 when it is of another version. */
static int feature_of(const facts *f, const clade_json_node *node)
{
    char             name[NAME_BYTES];
    const clade_text text = json_text(&f->tree, node, "feature");
    if (text.size >= sizeof name) return -1;
    snprintf(name, sizeof name, "%.*s", (int)text.size, text.data);
    return clade_features_find(name);
}

static void label(page *p, const facts *f, const clade_json_node *node)
{
    const int    feature = feature_of(f, node);
    clade_buffer words   = { 0 };
    if (feature >= 0) clade_feature_label_write(&words, (uint32_t)feature, p->zh);
    if (words.size > 0) {
        page_text(p, (clade_text){ words.data, words.size });
    } else {
        page_text(p, json_text(&f->tree, node, "feature"));
    }
    clade_buffer_free(&words);
}

static bool is_unit(clade_text unit, const char *name)
{
    return clade_text_equal(unit, clade_text_of(name));
}

/* A feature's number alone: its label says of what. */
static spelt number_of(const page *p, clade_text unit, double number)
{
    if (isnan(number)) return spell_fixed(number, 0);
    if (is_unit(unit, "money") || is_unit(unit, "money a year")) {
        return spell_amount(p, number * p->minor);
    }
    if (is_unit(unit, "share")) return spell_share(number);
    if (fabs(number) >= 100 || fabs(number - round(number)) < 0.005)
        return spell_count(llround(number));
    if (fabs(number) >= 10 && fabs(number - round(number)) < 0.05)
        return spell_count(llround(number));
    return spell_fixed(number, fabs(number) >= 10 ? 1 : 2);
}

static void value(page *p, const facts *f, const clade_json_node *node, const char *key)
{
    page_string(
        p, number_of(p, json_text(&f->tree, node, "unit"), json_number(&f->tree, node, key)).s);
}

/* ---------------------------------------------------------------- what sets it apart */

static void bar(page *p, const facts *f, const clade_json_node *one, double y)
{
    const double delta = json_number(&f->tree, one, "delta");
    const double long_ = isnan(delta) ? 0 : 30 * fmin(1, fabs(delta));
    page_put(p, "<text x=\"0\" y=\"%.1f\">", y + 13);
    label(p, f, one);
    page_put(p, "</text><line class=\"ax\" x1=\"30%%\" x2=\"30%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
             y + 17, y + 33);
    page_put(p, "<rect class=\"%s\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"10\"/>",
             delta >= 0 ? "fa" : "fb", delta >= 0 ? 30 : 30 - long_, y + 20, long_);
    page_put(p, "<text class=\"s\" x=\"64%%\" y=\"%.1f\"><tspan class=\"strong\">", y + 29);
    value(p, f, one, "median_in");
    page_put(p, "</tspan> ");
    page_word(p, W_AGAINST);
    page_put(p, " ");
    value(p, f, one, "median_out");
    page_put(p, "</text>\n");
}

static void differences_chart(page *p, const facts *f, const clade_json_node *list)
{
    const uint32_t         n   = list->n < SHOWN_DIFFERENCES ? list->n : SHOWN_DIFFERENCES;
    const clade_json_node *one = json_first(&f->tree, list);
    page_chart_open(p, W_APART_CHART, W_APART_SAYS, BAR_ROW * (int)n);
    for (uint32_t i = 0; i < n; i++, one = json_next(&f->tree, one))
        bar(p, f, one, BAR_ROW * (double)i);
    page_chart_close(p);
}

static void differences_table(page *p, const facts *f, const clade_json_node *list)
{
    static const word_id   head[] = { W_FEATURE, W_HERE, W_OTHERS, W_DELTA };
    const clade_json_node *one    = json_first(&f->tree, list);
    page_table_open(p, true, 1, head, sizeof head / sizeof head[0]);
    for (uint32_t i = 0; i < list->n; i++, one = json_next(&f->tree, one)) {
        page_put(p, "<tr><td class=\"words\">");
        page_text(p, json_text(&f->tree, one, p->zh ? "zh" : "en"));
        page_put(p, "</td><td class=\"n\">");
        value(p, f, one, "median_in");
        page_put(p, "</td><td class=\"n\">");
        value(p, f, one, "median_out");
        page_put(p, "</td>");
        page_number(p, spell_fixed(json_number(&f->tree, one, "delta"), 2));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, true);
}

/* ---------------------------------------------------------------- rules */

static void rules(page *p, const facts *f, const segment_view *one)
{
    const clade_json_node *rule = json_first(&f->tree, one->rules);
    page_between(p, "<h4>", W_RULES, "</h4>");
    if (rule == NULL) {
        page_between(p, "<p class=\"soft\">", W_NO_RULES, "</p>");
        return;
    }
    page_put(p, "<ol class=\"rules\">");
    for (uint32_t i = 0; i < one->rules->n; i++, rule = json_next(&f->tree, rule)) {
        page_put(p, "<li>");
        page_text(p, json_text(&f->tree, rule, p->zh ? "zh" : "en"));
        page_put(p, " <small>");
        page_say(p, W_RULE_FIDELITY, spell_share(json_number(&f->tree, rule, "precision")).s,
                 spell_share(json_number(&f->tree, rule, "coverage")).s);
        page_put(p, "</small></li>");
    }
    page_put(p, "</ol><p><small>");
    page_say(p, W_RULES_FIDELITY, spell_share(one->precision).s, spell_share(one->recall).s);
    page_put(p, "</small></p>");
}

static void fact(page *p, word_id name, spelt number, spelt low, spelt high)
{
    page_between(p, "<div><dt>", name, "</dt><dd>");
    page_string(p, number.s);
    if (low.s[0] != '\0') {
        page_put(p, "<small>");
        page_say(p, W_RANGE_95, low.s, high.s);
        page_put(p, "</small>");
    }
    page_put(p, "</dd></div>");
}

static void numbers(page *p, const segment_view *one)
{
    const spelt none = { "" };
    page_put(p, "<dl class=\"facts\">");
    fact(p, W_CUSTOMERS, spell_count((int64_t)one->size), none, none);
    fact(p, W_MONEY_YEAR, spell_money(p, one->revenue), none, none);
    if (!isnan(one->comes)) {
        fact(p, W_COMES_BACK, spell_share(one->comes), spell_share(one->comes_low),
             spell_share(one->comes_high));
        fact(p, W_SPEND_NEXT, spell_money(p, one->spend), spell_amount(p, one->spend_low),
             spell_amount(p, one->spend_high));
    }
    page_put(p, "</dl>");
}

static void card(page *p, const facts *f, const segment_view *one)
{
    page_put(p, "<article class=\"card\"><h3>");
    page_text(p, one->name);
    page_put(p, "</h3><p class=\"persona\">");
    if (one->few) {
        page_between(p, "", W_TOO_FEW, "</p></article>\n");
        return;
    }
    page_text(p, one->persona);
    page_put(p, "</p>");
    if (one->stability < 0.75) page_between(p, "<p class=\"soft\">", W_UNSTABLE, "</p>");
    page_put(p, "<div class=\"two\"><div>");
    if (one->differences != NULL && one->differences->n > 0) {
        differences_chart(p, f, one->differences);
        differences_table(p, f, one->differences);
    } else {
        page_between(p, "<p class=\"soft\">", W_NOTHING_APART, "</p>");
    }
    page_put(p, "</div><div>");
    numbers(p, one);
    rules(p, f, one);
    page_put(p, "</div></div></article>\n");
}

/* ---------------------------------------------------------------- the points card */

/* "1 to below 3" of money and days; "1–2" of what comes in whole numbers. */
static void range_words(page *p, clade_text unit, double low, double high)
{
    const bool  whole = is_unit(unit, "count") || is_unit(unit, "units") || is_unit(unit, "weeks");
    const spelt from = number_of(p, unit, low), to = number_of(p, unit, high);
    if (isnan(low) && isnan(high)) {
        page_word(p, W_ANY);
    } else if (isnan(high)) {
        page_say(p, W_FROM_ON, from.s);
    } else if (whole && high == floor(high) && (isnan(low) || low == floor(low))) {
        const double first = isnan(low) ? 0 : low;
        page_string(p, spell_count((int64_t)first).s);
        if (high - first > 1) {
            page_put(p, "–");
            page_string(p, spell_count((int64_t)high - 1).s);
        }
    } else if (isnan(low)) {
        page_say(p, W_BELOW, to.s);
    } else {
        page_say(p, W_FROM_TO, from.s, to.s);
    }
}

static void card_row(page *p, double points)
{
    page_put(p, "</td>");
    page_number(p, spell_fixed(points, 0));
    page_put(p, "</tr>\n");
}

/* One row a range; the feature's name stands before the first of them. */
static void card_line(page *p, const facts *f, const clade_json_node *line)
{
    const clade_json_node *ranges = clade_json_get(&f->tree, line, "ranges");
    const clade_json_node *range  = json_first(&f->tree, ranges);
    const clade_text       unit   = json_text(&f->tree, line, "unit");
    const double           absent = json_number(&f->tree, line, "absent_points");
    if (range == NULL) return;
    page_put(p, "<tr class=\"first\"><th scope=\"rowgroup\" rowspan=\"%u\">",
             ranges->n + !isnan(absent));
    label(p, f, line);
    page_put(p, "</th>");
    for (uint32_t i = 0; i < ranges->n; i++, range = json_next(&f->tree, range)) {
        page_put(p, i == 0 ? "<td>" : "<tr><td>");
        range_words(p, unit, json_number(&f->tree, range, "from"),
                    json_number(&f->tree, range, "below"));
        card_row(p, json_number(&f->tree, range, "points"));
    }
    if (isnan(absent)) return;
    page_between(p, "<tr><td>", W_NONE_KNOWN, "");
    card_row(p, absent);
}

static void points_totals(page *p, const facts *f, const clade_json_node *card_node)
{
    static const word_id   head[] = { W_SEGMENT, W_POINTS_FROM };
    const kind_view       *kind   = &f->kind[CLADE_SEGMENT_OUTLOOK];
    const clade_json_node *list   = clade_json_get(&f->tree, card_node, "segment_from_points");
    const clade_json_node *one    = json_first(&f->tree, list);
    page_table_open(p, false, 1, head, sizeof head / sizeof head[0]);
    for (uint32_t i = 0; one != NULL && i < list->n && i < kind->n; i++) {
        page_row_head(p, kind->segment[i].name);
        page_number(p, spell_fixed(one->number, 0));
        page_put(p, "</tr>");
        one = json_next(&f->tree, one);
    }
    page_table_close(p, false);
}

static void points_card(page *p, const facts *f)
{
    static const word_id   head[]    = { W_FEATURE, W_WHEN, W_POINTS };
    const clade_json_node *card_node = clade_json_get(&f->tree, f->tree.node, "card");
    const clade_json_node *lines =
        card_node == NULL ? NULL : clade_json_get(&f->tree, card_node, "lines");
    const clade_json_node *line = json_first(&f->tree, lines);
    if (line == NULL) return;
    page_between(p, "<article class=\"card\"><h3>", W_CARD_TITLE, "</h3><p>");
    page_say(p, W_CARD_SAYS, spell_share(json_number(&f->tree, card_node, "fidelity")).s,
             spell_share(json_number(&f->tree, card_node, "fidelity_within_one")).s);
    page_put(p, "</p><div class=\"two points\"><div>");
    page_table_open(p, false, 2, head, sizeof head / sizeof head[0]);
    for (uint32_t i = 0; i < lines->n; i++, line = json_next(&f->tree, line))
        card_line(p, f, line);
    page_table_close(p, false);
    page_put(p, "</div><div>");
    points_totals(p, f, card_node);
    page_put(p, "</div></div></article>\n");
}

void section_cards(page *p, const facts *f)
{
    const kind_view *kind = &f->kind[f->best];
    section_open(p, "cards", W_CARDS_TITLE);
    page_between(p, "<p>", W_CARDS_SAYS, "</p>");
    for (size_t s = 0; s < kind->n; s++) {
        if (kind->segment[s].size > 0) card(p, f, &kind->segment[s]);
    }
    points_card(p, f);
    page_put(p, "</section>\n");
}
