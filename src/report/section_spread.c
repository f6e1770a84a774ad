/* Distributions on scales that suit them, and revenue by month. */
#include "sections.h"

#include "clade/report.h"

#include <math.h>
#include <stdio.h>

enum { PLOT_TOP = 20, PLOT_HEIGHT = 120, PLOT_BOTTOM = 38 };

/* "8-14 days", "2", "200-499": how a bin of whole numbers or of money is called. */
static spelt bin_name(const bins_view *bins, size_t b, bool whole)
{
    spelt        out;
    const double low = bins->edge[b], high = bins->edge[b + 1];
    char         from[32], to[32];
    clade_count_format(from, llround(low));
    if (isinf(high)) {
        snprintf(out.s, sizeof out.s, "%s+", from);
        return out;
    }
    clade_count_format(to, llround(whole ? high - 1 : high));
    if (whole && high - low <= 1) {
        snprintf(out.s, sizeof out.s, "%s", from);
    } else {
        snprintf(out.s, sizeof out.s, "%s–%s", from, to);
    }
    return out;
}

/* A few customers are drawn as half of the least that may be told, in outline. */
static double drawn(int64_t count, bool *out_few)
{
    *out_few = count > 0 && count < CLADE_REPORT_MIN_GROUP;
    return *out_few ? 0.5 * CLADE_REPORT_MIN_GROUP : (double)count;
}

static void bins_chart(page *p, const bins_view *bins, bool whole, word_id title, word_id says)
{
    double most = 1;
    bool   few;
    for (size_t b = 0; b < bins->n; b++)
        most = fmax(most, drawn(bins->count[b], &few));
    page_chart_open(p, title, says, PLOT_TOP + PLOT_HEIGHT + PLOT_BOTTOM);
    const double step = 100.0 / (double)bins->n;
    for (size_t b = 0; b < bins->n; b++) {
        const double h = PLOT_HEIGHT * drawn(bins->count[b], &few) / most, x = step * (double)b;
        const double y = PLOT_TOP + PLOT_HEIGHT - h;
        page_put(p, "<rect class=\"%s\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"%.1f\"/>",
                 few ? "fp" : "fa", x + 0.08 * step, y, 0.84 * step, h);
        if (bins->count[b] > 0) {
            page_label_spelt(p, "s m", x + step / 2, y - 4, spell_group(bins->count[b]));
        }
        /* Long names take turns on two lines. */
        page_label_spelt(p, "s m", x + step / 2, PLOT_TOP + PLOT_HEIGHT + (b % 2 == 0 ? 15 : 29),
                         bin_name(bins, b, whole));
        page_put(p, "\n");
    }
    page_put(p, "<line class=\"ax\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>",
             PLOT_TOP + PLOT_HEIGHT, PLOT_TOP + PLOT_HEIGHT);
    page_chart_close(p);
}

static void bins_table(page *p, const bins_view *bins, bool whole, word_id unit, word_id count)
{
    const word_id head[] = { unit, count, W_SHARE };
    const double  total  = bins->total > 0 ? (double)bins->total : (double)NAN;
    page_table_open(p, true, 1, head, sizeof head / sizeof head[0]);
    for (size_t b = 0; b < bins->n; b++) {
        const bool few = bins->count[b] > 0 && bins->count[b] < CLADE_REPORT_MIN_GROUP;
        page_row_head(p, clade_text_of(bin_name(bins, b, whole).s));
        page_number(p, spell_group(bins->count[b]));
        page_number(p, spell_share(few ? (double)NAN : (double)bins->count[b] / total));
        page_put(p, "</tr>");
    }
    page_table_close(p, true);
}

static void distribution(page *p, const bins_view *bins, bool whole, word_id title, word_id says,
                         word_id unit, word_id count, spelt middle)
{
    page_put(p, "<div>");
    page_between(p, "<h3>", title, "</h3>");
    if (bins->total == 0) {
        page_between(p, "<p class=\"soft\">", W_NOTHING_YET, "</p></div>");
        return;
    }
    bins_chart(p, bins, whole, title, says);
    page_put(p, "<p><small>");
    page_say(p, W_MEDIAN, middle.s, spell_group(bins->total).s);
    page_put(p, "</small></p>");
    bins_table(p, bins, whole, unit, count);
    page_put(p, "</div>\n");
}

/* ---------------------------------------------------------------- months */

static spelt month_name(const month_view *m)
{
    spelt out;
    snprintf(out.s, sizeof out.s, "%04d-%02d", m->year, m->month);
    return out;
}

static void months_chart(page *p, const facts *f)
{
    double       most = 1, least = 0;
    const double step = 100.0 / (double)f->n_months;
    size_t       best = 0;
    for (size_t i = 0; i < f->n_months; i++) {
        if (f->month[i].net > f->month[best].net) best = i;
        most  = fmax(most, f->month[i].net);
        least = fmin(least, f->month[i].net);
    }
    const double zero = PLOT_TOP + PLOT_HEIGHT * most / (most - least);
    page_chart_open(p, W_MONTHS, W_MONTHS_SAY, PLOT_TOP + PLOT_HEIGHT + PLOT_BOTTOM);
    for (size_t i = 0; i < f->n_months; i++) {
        const month_view *m = &f->month[i];
        const double      h = PLOT_HEIGHT * fabs(m->net) / (most - least), x = step * (double)i;
        page_put(p, "<rect class=\"%s\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"%.1f\"/>",
                 m->net < 0 ? "fb" : "fa", x + 0.1 * step, m->net < 0 ? zero : zero - h, 0.8 * step,
                 h);
        if (m->month == 1 || (i == 0 && m->month < 11)) {
            page_put(p, "<line class=\"ax\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>", x,
                     x, PLOT_TOP + PLOT_HEIGHT, PLOT_TOP + PLOT_HEIGHT + 8);
            page_put(p, "<text class=\"s\" x=\"%.2f%%\" y=\"%d\" dx=\"3\">%d</text>\n", x,
                     PLOT_TOP + PLOT_HEIGHT + 18, m->year);
        }
    }
    page_put(p, "<line class=\"ax\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", zero, zero);
    const double x = step * ((double)best + 0.5);
    page_label_spelt(p,
                     x < 15   ? "s"
                     : x > 85 ? "s e"
                              : "s m",
                     x < 15   ? 0
                     : x > 85 ? 100
                              : x,
                     12, spell_money_short(p, f->month[best].net));
    page_chart_close(p);
}

static void months_table(page *p, const facts *f)
{
    static const word_id head[] = { W_MONTH, W_REVENUE, W_ORDERS };
    page_table_open(p, true, 1, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < f->n_months; i++) {
        page_row_head(p, clade_text_of(month_name(&f->month[i]).s));
        page_number(p, spell_amount(p, f->month[i].net));
        page_number(p, spell_count(f->month[i].n_orders));
        page_put(p, "</tr>");
    }
    page_table_close(p, true);
}

void section_spread(page *p, const facts *f)
{
    section_open(p, "spread", W_SPREAD_TITLE);
    if (f->n_months > 0) {
        page_between(p, "<h3>", W_MONTHS, "</h3>");
        months_chart(p, f);
        months_table(p, f);
    }
    page_put(p, "<div class=\"two\">");
    distribution(p, &f->recency, true, W_RECENCY, W_RECENCY_SAYS, W_DAYS, W_CUSTOMERS,
                 spell_fixed(f->recency.median, 0));
    distribution(p, &f->orders, true, W_ORDERS_EACH, W_ORDERS_EACH_SAYS, W_ORDERS, W_CUSTOMERS,
                 spell_fixed(f->orders.median, 0));
    distribution(p, &f->order_value, false, W_ORDER_VALUE, W_ORDER_VALUE_SAYS, W_MONEY, W_ORDERS,
                 spell_money(p, f->order_value.median));
    distribution(p, &f->gap, true, W_GAP, W_GAP_SAYS, W_DAYS, W_GAPS,
                 spell_fixed(f->gap.median, 0));
    page_put(p, "</div></section>\n");
}
