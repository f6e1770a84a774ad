/* Sizes and money of the segments to act on. */
#include "sections.h"

#include <math.h>

void section_open(page *p, const char *anchor, word_id title)
{
    page_put(p, "<section id=\"%s\"><h2>", anchor);
    page_word(p, title);
    page_put(p, "</h2>\n");
}

enum { PAIR_TOP = 24, PAIR_ROW = 40 };
static const double HALF = 47.5, SECOND = 52.5; /* percent of the width */

void chart_pairs(page *p, word_id title, word_id caption, word_id a, word_id b, const pair_row *row,
                 size_t n)
{
    page_chart_open(p, title, caption, PAIR_TOP + PAIR_ROW * (int)n);
    page_label(p, "s e", HALF, 12, clade_text_of(word_of(a, p->zh)));
    page_label(p, "s e", 100, 12, clade_text_of(word_of(b, p->zh)));
    for (size_t i = 0; i < n; i++) {
        const double y = PAIR_TOP + PAIR_ROW * (double)i;
        page_put(p, "<line class=\"ln\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", y, y);
        page_label(p, "", 0, y + 16, row[i].name);
        page_label_spelt(p, "e strong", HALF, y + 16, row[i].a_text);
        page_label_spelt(p, "e strong", 100, y + 16, row[i].b_text);
        page_put(p,
                 "<rect class=\"fa\" x=\"0\" y=\"%.1f\" width=\"%.2f%%\" height=\"10\"/>"
                 "<rect class=\"fb\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"10\"/>"
                 "<rect class=\"ob\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"10\"/>\n",
                 y + 22, HALF * row[i].a, SECOND, y + 22, HALF * row[i].b, SECOND, y + 22,
                 HALF * row[i].b);
    }
    page_chart_close(p);
}

static void bars(page *p, const facts *f)
{
    const kind_view *kind = &f->kind[f->best];
    pair_row         row[CLADE_SEGMENTS_MAX];
    double           most_a = 0, most_b = 0;
    for (size_t s = 0; s < kind->n; s++) {
        most_a = fmax(most_a, kind->segment[s].share);
        most_b = fmax(most_b, kind->segment[s].revenue_share);
    }
    const double most = fmax(fmax(most_a, most_b), 1e-9); /* one scale for both: they compare */
    for (size_t s = 0; s < kind->n; s++) {
        const segment_view *one = &kind->segment[s];
        row[s] =
            (pair_row){ one->name, fmax(0, one->share / most), fmax(0, one->revenue_share / most),
                        spell_share(one->share), spell_share(one->revenue_share) };
    }
    chart_pairs(p, W_SEG_CHART, W_SEG_CHART_SAYS, W_SHARE_CUSTOMERS, W_SHARE_MONEY, row, kind->n);
}

static void interval(page *p, bool known, spelt middle, spelt low, spelt high)
{
    page_put(p, "<td class=\"n\">");
    page_string(p, middle.s);
    if (known) {
        page_put(p, "<br><small>");
        page_say(p, W_RANGE, low.s, high.s);
        page_put(p, "</small>");
    }
    page_put(p, "</td>");
}

static void rows(page *p, const facts *f)
{
    static const word_id head[] = { W_SEGMENT, W_CUSTOMERS,  W_SHARE,      W_MONEY_YEAR,
                                    W_SHARE,   W_COMES_BACK, W_SPEND_NEXT, W_STABILITY };
    const kind_view     *kind   = &f->kind[f->best];
    page_table_open(p, false, 1, head, sizeof head / sizeof head[0]);
    for (size_t s = 0; s < kind->n; s++) {
        const segment_view *one = &kind->segment[s];
        page_row_head(p, one->name);
        page_number(p, spell_count((int64_t)one->size));
        page_number(p, spell_share(one->share));
        page_number(p, spell_amount(p, one->revenue));
        page_number(p, spell_share(one->revenue_share));
        interval(p, !isnan(one->comes), spell_share(one->comes), spell_share(one->comes_low),
                 spell_share(one->comes_high));
        interval(p, !isnan(one->spend), spell_amount(p, one->spend),
                 spell_amount(p, one->spend_low), spell_amount(p, one->spend_high));
        page_number(p, spell_fixed(one->stability, 2));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, false);
}

void section_segments(page *p, const facts *f)
{
    const kind_view *kind = &f->kind[f->best];
    section_open(p, "segments", W_SEG_TITLE);
    page_between(p, "<p>", f->best == CLADE_SEGMENT_OUTLOOK ? W_SEG_OUTLOOK : W_SEG_LIFECYCLE,
                 "</p>");
    if (kind->n == 0) {
        page_put(p, "<p>");
        page_text(p, kind->why_not);
        page_put(p, "</p>");
    } else {
        bars(p, f);
        rows(p, f);
        page_between(p, "<p><small>", W_SEG_NOTE, "</small></p>");
    }
    page_put(p, "</section>\n");
}
