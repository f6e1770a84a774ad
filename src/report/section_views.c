/* Other ways to look at the same customers: the RFM grid, the life cycle, clusters by likeness. */
#include "sections.h"

#include "clade/report.h"

#include <math.h>
#include <stdio.h>

enum { CELL_HEIGHT = 46, GRID_TOP = 8 };
static const double GRID_LEFT = 12, CELL_WIDTH = 17.4; /* percent */

static double most_money(const rfm_view *rfm)
{
    double most = 1e-9;
    for (int r = 0; r < 5; r++) {
        for (int c = 0; c < 5; c++) {
            if (rfm->n[r][c] >= CLADE_REPORT_MIN_GROUP) most = fmax(most, rfm->money[r][c]);
        }
    }
    return most;
}

/* A cell of few customers says neither how many nor what they spent. */
static void cell(page *p, const rfm_view *rfm, int r, int c, double most)
{
    const double  x = GRID_LEFT + CELL_WIDTH * c, y = GRID_TOP + CELL_HEIGHT * (4 - r);
    const int64_t n     = rfm->n[r][c];
    const bool    few   = n < CLADE_REPORT_MIN_GROUP;
    const double  shade = few ? 0 : 0.06 + 0.86 * sqrt(fmax(0, rfm->money[r][c]) / most);
    const char   *on    = shade > 0.75 ? " on" : "";
    char          classes[24];
    page_put(p, "<rect class=\"empty\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"%d\"/>", x,
             y, CELL_WIDTH, CELL_HEIGHT);
    if (shade > 0) {
        page_put(p,
                 "<rect class=\"cell\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" height=\"%d\" "
                 "fill-opacity=\"%.3f\"/>",
                 x, y, CELL_WIDTH, CELL_HEIGHT, shade);
    }
    if (n > 0) {
        snprintf(classes, sizeof classes, "m strong%s", on);
        page_label_spelt(p, classes, x + CELL_WIDTH / 2, y + (few ? 28 : 20), spell_group(n));
    }
    if (!few) {
        page bare        = *p;
        bare.currency[0] = '\0';
        snprintf(classes, sizeof classes, "k m%s", on);
        page_label_spelt(p, classes, x + CELL_WIDTH / 2, y + 36,
                         spell_money_short(&bare, rfm->money[r][c]));
    }
    page_put(p, "\n");
}

static void grid(page *p, const facts *f)
{
    const double most = most_money(&f->rfm);
    page_chart_open(p, W_RFM_CHART, W_RFM_SAYS, GRID_TOP + 5 * CELL_HEIGHT + 40);
    for (int r = 0; r < 5; r++) {
        page_label_spelt(p, "s e", GRID_LEFT - 1.5, GRID_TOP + CELL_HEIGHT * (4 - r) + 28,
                         spell_count(r + 1));
        for (int c = 0; c < 5; c++)
            cell(p, &f->rfm, r, c, most);
    }
    for (int c = 0; c < 5; c++) {
        page_label_spelt(p, "s m", GRID_LEFT + CELL_WIDTH * (c + 0.5),
                         GRID_TOP + 5 * CELL_HEIGHT + 15, spell_count(c + 1));
    }
    page_put(p, "<text class=\"s m\" transform=\"translate(12 %d) rotate(-90)\">",
             GRID_TOP + 5 * CELL_HEIGHT / 2);
    page_word(p, W_RFM_ROWS);
    page_put(p, "</text>");
    page_label(p, "s m", GRID_LEFT + CELL_WIDTH * 2.5, GRID_TOP + 5 * CELL_HEIGHT + 33,
               clade_text_of(word_of(W_RFM_COLUMNS, p->zh)));
    page_chart_close(p);
}

static void grid_table(page *p, const facts *f)
{
    static const word_id head[] = { W_RFM_RECENCY, W_RFM_FREQUENCY, W_CUSTOMERS, W_MONEY_YEAR };
    page_table_open(p, true, 0, head, sizeof head / sizeof head[0]);
    for (int r = 4; r >= 0; r--) {
        for (int c = 4; c >= 0; c--) {
            const bool few = f->rfm.n[r][c] < CLADE_REPORT_MIN_GROUP;
            page_put(p, "<tr>");
            page_number(p, spell_count(r + 1));
            page_number(p, spell_count(c + 1));
            page_number(p, spell_group(f->rfm.n[r][c]));
            page_number(p, spell_amount(p, few ? (double)NAN : f->rfm.money[r][c]));
            page_put(p, "</tr>\n");
        }
    }
    page_table_close(p, true);
}

/* Segments of a kind that is not the one to act on: sizes and money. */
static void kind_table(page *p, const facts *f, int which, word_id title, word_id says)
{
    static const word_id head[] = { W_SEGMENT,    W_CUSTOMERS, W_SHARE,
                                    W_MONEY_YEAR, W_SHARE,     W_COMES_BACK };
    const kind_view     *kind   = &f->kind[which];
    page_between(p, "<h3>", title, "</h3>");
    page_between(p, "<p>", says, "</p>");
    if (kind->n == 0) {
        page_put(p, "<p class=\"soft\">");
        page_text(p, kind->why_not);
        page_put(p, "</p>");
        return;
    }
    page_table_open(p, false, 1, head, sizeof head / sizeof head[0]);
    for (size_t s = 0; s < kind->n; s++) {
        const segment_view *one = &kind->segment[s];
        if (!(one->size > 0)) continue;
        page_row_head(p, one->name);
        page_number(p, spell_count((int64_t)one->size));
        page_number(p, spell_share(one->share));
        page_number(p, spell_amount(p, one->revenue));
        page_number(p, spell_share(one->revenue_share));
        page_number(p, spell_share(one->comes));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, false);
}

static void personas(page *p, const facts *f, int which)
{
    const kind_view *kind = &f->kind[which];
    if (kind->n == 0) return;
    page_between(p, "<details><summary>", W_WHO, "</summary><dl>");
    for (size_t s = 0; s < kind->n; s++) {
        if (!(kind->segment[s].size > 0)) continue;
        page_put(p, "<dt><strong>");
        page_text(p, kind->segment[s].name);
        page_put(p, "</strong></dt><dd>");
        if (kind->segment[s].few) page_word(p, W_TOO_FEW);
        page_text(p, kind->segment[s].persona);
        page_put(p, "</dd>");
    }
    page_put(p, "</dl></details>\n");
}

void section_views(page *p, const facts *f)
{
    section_open(p, "views", W_VIEWS_TITLE);
    page_put(p, "<div class=\"two\"><div>");
    page_between(p, "<h3>", W_RFM_CHART, "</h3>");
    if (f->rfm.known) {
        grid(p, f);
        if (f->rfm.n_never > 0) {
            page_put(p, "<p><small>");
            page_say(p, W_RFM_NEVER, spell_group(f->rfm.n_never).s);
            page_put(p, "</small></p>");
        }
        grid_table(p, f);
    } else {
        page_between(p, "<p class=\"soft\">", W_RFM_UNKNOWN, "</p>");
    }
    page_put(p, "</div><div>");
    kind_table(p, f, CLADE_SEGMENT_RFM, W_RFM_GROUPS, W_RFM_GROUPS_SAYS);
    page_put(p, "</div><div>");
    kind_table(p, f, CLADE_SEGMENT_LIFECYCLE, W_LIFE_TITLE, W_LIFE_SAYS);
    personas(p, f, CLADE_SEGMENT_LIFECYCLE);
    page_put(p, "</div><div>");
    kind_table(p, f, CLADE_SEGMENT_CLUSTERS, W_CLUSTERS_TITLE, W_CLUSTERS_SAYS);
    personas(p, f, CLADE_SEGMENT_CLUSTERS);
    page_put(p, "</div></div></section>\n");
}
