/* Who moved where in the last quarter, drawn as ribbons between two columns of segments. Moves of
 * fewer customers than a reader may see are left white, and "<20" in the table. */
#include "sections.h"

#include "clade/report.h"

#include <math.h>
#include <stdio.h>

enum { SLOT_MIN = 18, SLOT_GAP = 6, DRAWN_HEIGHT = 360, N_MAX = CLADE_SEGMENTS_MAX + 1 };
static const double LEFT_END = 33, RIGHT_START = 67; /* percent: where the ribbons live */

/* Two columns of nodes. Those who were not there yet are the last on the left; those who no longer
 * count the last on the right. */
typedef struct sankey {
    size_t  n; /* nodes a column */
    int64_t left[N_MAX], right[N_MAX];
    double  y_left[N_MAX], y_right[N_MAX]; /* top of each node */
    double  scale;                         /* pixels a customer */
    double  height;
} sankey;

static double column_height(const int64_t *size, size_t n, double scale)
{
    double height = 0;
    for (size_t i = 0; i < n; i++) {
        if (size[i] > 0) height += fmax((double)size[i] * scale, SLOT_MIN) + SLOT_GAP;
    }
    return height;
}

static void place(double *out_y, const int64_t *size, size_t n, double scale)
{
    double y = 0;
    for (size_t i = 0; i < n; i++) {
        out_y[i] = y;
        if (size[i] > 0) y += fmax((double)size[i] * scale, SLOT_MIN) + SLOT_GAP;
    }
}

static sankey lay_out(const clade_flows *flow)
{
    sankey  s     = { .n = flow->n_segments + 1 };
    int64_t total = 0;
    for (size_t i = 0; i < s.n; i++) {
        for (size_t j = 0; j < s.n; j++) {
            s.left[i] += (int64_t)flow->flow[i][j].n;
            s.right[j] += (int64_t)flow->flow[i][j].n;
            total += (int64_t)flow->flow[i][j].n;
        }
    }
    s.scale = total > 0 ? (double)DRAWN_HEIGHT / (double)total : 0;
    place(s.y_left, s.left, s.n, s.scale);
    place(s.y_right, s.right, s.n, s.scale);
    s.height = fmax(column_height(s.left, s.n, s.scale), column_height(s.right, s.n, s.scale));
    return s;
}

static void ribbon(page *p, const char *classes, double y0, double y1, double h)
{
    page_put(p,
             "<path class=\"flow%s\" d=\"M8 %.1fC500 %.1f 500 %.1f 992 %.1fL992 %.1fC500 %.1f 500 "
             "%.1f 8 %.1fZ\"/>\n",
             classes, y0, y0, y1, y1, y1 + h, y1 + h, y0 + h, y0 + h);
}

static const char *direction(size_t from, size_t to, size_t n)
{
    if (from == n || to == n || from == to) return "";
    return to < from ? " up" : " down";
}

static void ribbons(page *p, const clade_flows *flow, const sankey *s, bool ranked)
{
    double used_left[N_MAX] = { 0 }, used_right[N_MAX] = { 0 };
    page_put(p,
             "<svg x=\"%.0f%%\" y=\"26\" width=\"%.0f%%\" height=\"%.0f\" viewBox=\"0 0 1000 "
             "%.0f\" preserveAspectRatio=\"none\">\n",
             LEFT_END, RIGHT_START - LEFT_END, s->height, s->height);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t j = 0; j < s->n; j++) {
            const double h = (double)flow->flow[i][j].n * s->scale;
            if (flow->flow[i][j].n >= CLADE_REPORT_MIN_GROUP) {
                ribbon(p, ranked ? direction(i, j, flow->n_segments) : "",
                       s->y_left[i] + used_left[i], s->y_right[j] + used_right[j], h);
            }
            used_left[i] += h;
            used_right[j] += h;
        }
    }
    for (size_t i = 0; i < s->n; i++) {
        if (s->left[i] > 0) {
            page_put(p, "<rect class=\"node\" x=\"0\" y=\"%.1f\" width=\"8\" height=\"%.1f\"/>",
                     s->y_left[i], fmax(1.5, (double)s->left[i] * s->scale));
        }
        if (s->right[i] > 0) {
            page_put(p, "<rect class=\"node\" x=\"992\" y=\"%.1f\" width=\"8\" height=\"%.1f\"/>",
                     s->y_right[i], fmax(1.5, (double)s->right[i] * s->scale));
        }
    }
    page_put(p, "</svg>\n");
}

static clade_text node_name(const page *p, const facts *f, size_t i, bool left)
{
    if (i < f->flows.n_segments) return f->kind[f->best].segment[i].name;
    return clade_text_of(word_of(left ? W_NOT_YET : W_NO_LONGER, p->zh));
}

static void names(page *p, const facts *f, const sankey *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const double mid_left  = (double)s->left[i] * s->scale / 2;
        const double mid_right = (double)s->right[i] * s->scale / 2;
        if (s->left[i] > 0) {
            page_put(p, "<text class=\"e\" x=\"%.2f%%\" y=\"%.1f\">", LEFT_END - 1,
                     26 + s->y_left[i] + fmax(mid_left + 4, 11));
            page_text(p, node_name(p, f, i, true));
            page_put(p, "<tspan class=\"x\" dx=\"6\">");
            page_string(p, spell_group(s->left[i]).s);
            page_put(p, "</tspan></text>");
        }
        if (s->right[i] > 0) {
            page_put(p, "<text x=\"%.2f%%\" y=\"%.1f\">", RIGHT_START + 1,
                     26 + s->y_right[i] + fmax(mid_right + 4, 11));
            page_text(p, node_name(p, f, i, false));
            page_put(p, "<tspan class=\"x\" dx=\"6\">");
            page_string(p, spell_group(s->right[i]).s);
            page_put(p, "</tspan></text>\n");
        }
    }
}

/* Rows are where customers were, columns where they are: one line a move keeps it readable. */
static void moves_table(page *p, const facts *f)
{
    static const word_id head[] = { W_FROM_SEGMENT, W_TO_SEGMENT, W_CUSTOMERS, W_SPENT_BEFORE,
                                    W_SPENT_AFTER };
    const clade_flows   *flow   = &f->flows;
    page_table_open(p, true, 2, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i <= flow->n_segments; i++) {
        for (size_t j = 0; j <= flow->n_segments; j++) {
            const clade_flow *move = &flow->flow[i][j];
            const bool        few  = move->n < CLADE_REPORT_MIN_GROUP;
            if (move->n == 0) continue;
            page_row_head(p, node_name(p, f, i, true));
            page_put(p, "<td>");
            page_text(p, node_name(p, f, j, false));
            page_put(p, "</td>");
            page_number(p, spell_group((int64_t)move->n));
            page_number(p, spell_amount(p, few ? (double)NAN : (double)move->before_minor));
            page_number(p, spell_amount(p, few ? (double)NAN : (double)move->after_minor));
            page_put(p, "</tr>\n");
        }
    }
    page_table_close(p, true);
}

static void in_words(page *p, const facts *f)
{
    const clade_flows *flow = &f->flows;
    size_t             up = 0, down = 0, stayed = 0, fresh = 0;
    int64_t            before = 0, after = 0;
    for (size_t i = 0; i < flow->n_segments; i++) {
        for (size_t j = 0; j < flow->n_segments; j++) {
            const clade_flow *move = &flow->flow[i][j];
            stayed += i == j ? move->n : 0;
            up += j < i ? move->n : 0;
            down += j > i ? move->n : 0;
            before += j > i ? move->before_minor : 0;
            after += j > i ? move->after_minor : 0;
        }
        fresh += flow->flow[flow->n_segments][i].n;
    }
    const bool few = down < CLADE_REPORT_MIN_GROUP;
    page_put(p, "<p>");
    page_say(
        p, W_FLOWS_SAY, spell_date(flow->from_us).s, spell_date(flow->to_us).s,
        spell_group((int64_t)stayed).s, spell_group((int64_t)up).s, spell_group((int64_t)down).s,
        spell_money_short(p, few ? (double)NAN : (double)before).s,
        spell_money_short(p, few ? (double)NAN : (double)after).s, spell_group((int64_t)fresh).s);
    page_put(p, "</p>");
}

void section_flows(page *p, const facts *f)
{
    section_open(p, "flows", W_FLOWS_TITLE);
    if (!f->has_flows) {
        page_between(p, "<p class=\"soft\">", W_FLOWS_UNKNOWN, "</p></section>\n");
        return;
    }
    const sankey s      = lay_out(&f->flows);
    const bool   ranked = f->best == CLADE_SEGMENT_OUTLOOK; /* better ones first */
    if (ranked) in_words(p, f);
    page_chart_open(p, W_FLOWS_CHART, ranked ? W_FLOWS_CHART_SAYS : W_FLOWS_CHART_PLAIN,
                    (int)ceil(s.height) + 30);
    page_label_spelt(p, "s e", LEFT_END, 12, spell_date(f->flows.from_us));
    page_label_spelt(p, "s", RIGHT_START, 12, spell_date(f->flows.to_us));
    ribbons(p, &f->flows, &s, ranked);
    names(p, f, &s);
    page_chart_close(p);
    moves_table(p, f);
    page_put(p, "</section>\n");
}
