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

static void value(page *p, const facts *f, const clade_json_node *node, const char *key)
{
    const int    feature = feature_of(f, node);
    const double number  = json_number(&f->tree, node, key);
    clade_buffer words   = { 0 };
    if (feature >= 0) clade_value_write(&words, (uint32_t)feature, number, p->currency, p->zh);
    if (words.size > 0) {
        page_text(p, (clade_text){ words.data, words.size });
    } else {
        page_string(p, spell_fixed(number, 2).s);
    }
    clade_buffer_free(&words);
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

static void range_words(page *p, const facts *f, int feature, const clade_json_node *range)
{
    clade_buffer words = { 0 };
    double       low   = json_number(&f->tree, range, "from");
    double       high  = json_number(&f->tree, range, "below");
    if (!isnan(low)) {
        clade_value_write(&words, (uint32_t)feature, low, p->currency, p->zh);
        page_say(p, isnan(high) ? W_FROM_ON : W_FROM, words.data == NULL ? "" : words.data);
        clade_buffer_clear(&words);
    }
    if (!isnan(high)) {
        clade_value_write(&words, (uint32_t)feature, high, p->currency, p->zh);
        page_say(p, W_BELOW, words.data == NULL ? "" : words.data);
    }
    if (isnan(low) && isnan(high)) page_word(p, W_ANY);
    clade_buffer_free(&words);
}

static void card_line(page *p, const facts *f, const clade_json_node *line)
{
    const clade_json_node *ranges  = clade_json_get(&f->tree, line, "ranges");
    const clade_json_node *range   = json_first(&f->tree, ranges);
    const int              feature = feature_of(f, line);
    const double           absent  = json_number(&f->tree, line, "absent_points");
    if (feature < 0 || range == NULL) return;
    page_put(p, "<tr><td class=\"words\">");
    label(p, f, line);
    page_put(p, "</td><td class=\"words\">");
    for (uint32_t i = 0; i < ranges->n; i++, range = json_next(&f->tree, range)) {
        page_put(p, i == 0 ? "" : "<br>");
        range_words(p, f, feature, range);
    }
    if (!isnan(absent)) page_between(p, "<br>", W_NONE_KNOWN, "");
    page_put(p, "</td><td class=\"n\">");
    range = json_first(&f->tree, ranges);
    for (uint32_t i = 0; i < ranges->n; i++, range = json_next(&f->tree, range)) {
        page_put(p, i == 0 ? "%.0f" : "<br>%.0f", json_number(&f->tree, range, "points"));
    }
    if (!isnan(absent)) page_put(p, "<br>%.0f", absent);
    page_put(p, "</td></tr>\n");
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
    page_put(p, "</p><div class=\"two\"><div>");
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
    for (size_t s = 0; s < kind->n; s++)
        card(p, f, &kind->segment[s]);
    points_card(p, f);
    page_put(p, "</section>\n");
}
