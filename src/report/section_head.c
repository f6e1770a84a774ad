/* The first screen: what an owner asks first, a brief in plain words, and whether to believe it. */
#include "sections.h"

#include <math.h>
#include <stdio.h>

static void figure(page *p, spelt value, word_id label)
{
    page_put(p, "<div><b>");
    page_string(p, value.s);
    page_between(p, "</b><span>", label, "</span></div>");
}

static void figures(page *p, const facts *f)
{
    const double buyers = (double)f->n_buyers, orders = (double)f->n_orders;
    page_put(p, "<div class=\"figures\">");
    figure(p, spell_count(f->n_customers), W_FIG_CUSTOMERS);
    figure(p, spell_count(f->n_buyers), W_FIG_BUYERS);
    figure(p, spell_count(f->n_orders), W_FIG_ORDERS);
    figure(p, spell_money_short(p, f->net), W_FIG_REVENUE);
    figure(p, spell_money(p, orders > 0 ? f->net / orders : (double)NAN), W_FIG_ORDER_VALUE);
    figure(p, spell_share(f->sold > 0 ? f->refunded / f->sold : (double)NAN), W_FIG_REFUNDS);
    figure(p, spell_share(buyers > 0 ? (double)f->n_repeat / buyers : (double)NAN), W_FIG_REPEAT);
    page_put(p, "</div>\n");
}

/* ---------------------------------------------------------------- the brief */

static const segment_view *richest(const kind_view *kind)
{
    const segment_view *best = NULL;
    for (size_t s = 0; s < kind->n; s++) {
        const segment_view *one = &kind->segment[s];
        if (one->revenue > 0 && (best == NULL || one->revenue > best->revenue)) best = one;
    }
    return best;
}

static const segment_view *find(const kind_view *kind, const char *key)
{
    for (size_t s = 0; s < kind->n; s++) {
        if (clade_text_equal(kind->segment[s].key, clade_text_of(key))) return &kind->segment[s];
    }
    return NULL;
}

/* A NUL-ended copy of a slice, cut at the size. */
static spelt cut(clade_text text)
{
    spelt out;
    snprintf(out.s, sizeof out.s, "%.*s", (int)(text.size < 60 ? text.size : 60), text.data);
    return out;
}

static void say_richest(page *p, const facts *f)
{
    const segment_view *one = richest(&f->kind[f->best]);
    if (one == NULL || !(one->revenue_share > 0)) return;
    page_put(p, "<p>");
    page_say(p, W_BRIEF_RICHEST, cut(one->name).s, spell_count((int64_t)one->size).s,
             spell_share(one->share).s, spell_share(one->revenue_share).s,
             spell_money_short(p, one->revenue).s);
    page_put(p, "</p>");
}

static void say_slipping(page *p, const facts *f)
{
    const segment_view *one = find(&f->kind[CLADE_SEGMENT_LIFECYCLE], "slipping");
    if (one == NULL || !(one->revenue > 0)) return;
    page_put(p, "<p>");
    page_say(p, W_BRIEF_SLIPPING, spell_count((int64_t)one->size).s, spell_share(one->share).s,
             spell_money_short(p, one->revenue).s, spell_share(one->revenue_share).s);
    page_put(p, "</p>");
}

static void say_next(page *p, const facts *f)
{
    const kind_view    *kind  = &f->kind[f->best];
    double              spend = 0, low = 0, high = 0, most = 0;
    const segment_view *top = NULL;
    for (size_t s = 0; s < kind->n; s++) {
        const segment_view *one = &kind->segment[s];
        if (isnan(one->spend) || isnan(one->spend_low) || isnan(one->spend_high)) continue;
        spend += one->size * one->spend;
        low += one->size * one->spend_low;
        high += one->size * one->spend_high;
        if (one->size * one->spend > most) {
            most = one->size * one->spend;
            top  = one;
        }
    }
    if (top == NULL || !(spend > 0)) return;
    page_put(p, "<p>");
    page_say(p, W_BRIEF_NEXT, spell_money_short(p, spend).s, spell_money_short(p, low).s,
             spell_money_short(p, high).s, cut(top->name).s, spell_share(most / spend).s);
    page_put(p, "</p>");
}

static void say_do(page *p, const facts *f)
{
    const segment_view *top = richest(&f->kind[f->best]);
    const segment_view *out = find(&f->kind[CLADE_SEGMENT_LIFECYCLE], "slipping");
    if (top == NULL || out == NULL || !(out->size > 0) || out->few) return;
    page_put(p, "<p>");
    page_say(p, W_BRIEF_DO, cut(top->name).s, cut(out->name).s);
    page_put(p, "<br><code>clade export ");
    page_text(p, f->workspace);
    page_put(p, " --segment slipping -o slipping.csv</code></p>");
}

/* ---------------------------------------------------------------- the verdict */

static void verdict(page *p, const facts *f)
{
    const clade_json_node *lift    = clade_json_get(&f->tree, f->tree.node, "future_lift");
    const bool             trusted = json_true(&f->tree, lift, "trusted");
    const clade_text       why     = json_sentence(&f->tree, lift, "why", f->zh);
    page_put(p, "<div class=\"brief verdict%s\"><p><b>", trusted ? "" : " not");
    page_word(p, trusted ? W_TRUSTED : W_NOT_TRUSTED);
    page_put(p, "</b> ");
    if (json_true(&f->tree, lift, "measured")) {
        const clade_json_node *own = clade_json_get(&f->tree, lift, "clade");
        page_say(p, W_VERDICT_LIFT, spell_share(json_number(&f->tree, lift, "keeps_r2")).s,
                 spell_fixed(json_number(&f->tree, own, "auc"), 2).s,
                 spell_fixed(json_number(&f->tree, lift, "gain_r2"), 3).s,
                 spell_fixed(json_number(&f->tree, lift, "gain_r2_low"), 3).s,
                 spell_fixed(json_number(&f->tree, lift, "gain_r2_high"), 3).s);
    } else if (trusted == false && why.size == 0) {
        page_word(p, W_VERDICT_NO_HISTORY);
    }
    if (why.size > 0) {
        page_put(p, " ");
        page_text(p, why);
    }
    page_put(p, "</p></div>\n");
}

void section_head(page *p, const facts *f)
{
    page_put(p, "<header><h1>");
    page_say(p, W_TITLE, cut(f->workspace).s);
    page_put(p, "</h1><p class=\"soft\">");
    page_say(p, W_PERIOD, spell_date(f->first_us).s, spell_date(f->last_us).s,
             spell_date(f->as_of_us).s);
    if (p->currency[0] != '\0' && strcmp(p->currency, "XXX") != 0) {
        page_say(p, W_IN_CURRENCY, p->currency);
    }
    page_put(p, "</p></header>\n<section id=\"brief\">");
    figures(p, f);
    page_put(p, "<div class=\"brief\">");
    if (richest(&f->kind[f->best]) == NULL) page_between(p, "<p>", W_BRIEF_NOTHING, "</p>");
    say_richest(p, f);
    say_slipping(p, f);
    say_next(p, f);
    say_do(p, f);
    page_put(p, "</div>");
    verdict(p, f);
    page_put(p, "</section>\n");
}
