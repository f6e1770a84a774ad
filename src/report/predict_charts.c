/* Reliability, calibration by tenths, gains and the heaviest features of one prediction. */
#include "predict_charts.h"

#include "clade/report.h"

#include <math.h>
#include <stdio.h>

enum { TOP = 20, HEIGHT = 190, FOOT = 34, BAR_ROW = 34, SHOWN_FEATURES = 8 };
static const double LEFT = 9, RIGHT = 97; /* percent: where a plot begins and ends */

static double x_of(double share)
{
    return LEFT + (RIGHT - LEFT) * share;
}

static double y_of(double share)
{
    return TOP + HEIGHT * (1 - share);
}

static void line(page *p, const char *classes, double x1, double y1, double x2, double y2)
{
    page_put(p, "<line class=\"%s\" x1=\"%.2f%%\" y1=\"%.1f\" x2=\"%.2f%%\" y2=\"%.1f\"/>", classes,
             x_of(x1), y_of(y1), x_of(x2), y_of(y2));
}

/* A square of 0 to `most` both ways, with its diagonal. */
static void frame(page *p, double most, word_id across)
{
    static const double marks[] = { 0, 0.5, 1 };
    for (size_t i = 0; i < 3; i++) {
        line(p, i == 0 ? "ax" : "ln", 0, marks[i], 1, marks[i]);
        page_label_spelt(p, "s", 0, y_of(marks[i]) + 4, spell_share(marks[i] * most));
        page_label_spelt(p, i == 2 ? "s e" : "s m", x_of(marks[i]), TOP + HEIGHT + 15,
                         spell_share(marks[i] * most));
    }
    line(p, "ln dg", 0, 0, 1, 1);
    page_label(p, "s e", RIGHT, TOP + HEIGHT + 30, clade_text_of(word_of(across, p->zh)));
}

static bool few(const clade_calibration_bin *bin)
{
    return bin->n < CLADE_REPORT_MIN_GROUP;
}

/* ---------------------------------------------------------------- calibration */

static clade_interval observed_of(const clade_calibration_bin *bin)
{
    return clade_share_interval((size_t)llround(bin->observed * (double)bin->n), bin->n, 0.95);
}

static void reliability_chart(page *p, const clade_predict_card *card)
{
    double most = 0.05;
    for (size_t b = 0; b < card->n_bins; b++)
        if (!few(&card->bin[b]))
            most = fmax(most, fmax(card->bin[b].predicted, observed_of(&card->bin[b]).high));
    most = fmin(1, ceil(most * 10) / 10);
    page_chart_open(p, W_P_RELIABILITY, W_P_RELIABILITY_SAYS, TOP + HEIGHT + FOOT);
    frame(p, most, W_P_PREDICTED);
    for (size_t b = 0; b < card->n_bins; b++) {
        const clade_calibration_bin *const bin = &card->bin[b];
        if (few(bin)) continue;
        const clade_interval in = observed_of(bin);
        const double         x  = bin->predicted / most;
        line(p, "iv thin", x, fmin(1, in.low / most), x, fmin(1, in.high / most));
        page_put(p, "<circle class=\"dot\" cx=\"%.2f%%\" cy=\"%.1f\" r=\"4.5\"/>\n", x_of(x),
                 y_of(bin->observed / most));
    }
    page_chart_close(p);
}

static void amounts_chart(page *p, const clade_predict_card *card)
{
    double       most = 0;
    const double step = 1.0 / (double)card->n_bins;
    for (size_t b = 0; b < card->n_bins; b++)
        if (!few(&card->bin[b]))
            most = fmax(most, fmax(card->bin[b].predicted, card->bin[b].observed));
    if (!(most > 0)) return;
    page_chart_open(p, W_P_AMOUNTS, W_P_AMOUNTS_SAYS, TOP + HEIGHT + FOOT);
    line(p, "ln", 0, 1, 1, 1);
    page_label_spelt(p, "s", x_of(0), TOP - 3, spell_money_short(p, most * p->minor));
    for (size_t b = 0; b < card->n_bins; b++) {
        const double two[2] = { card->bin[b].predicted, card->bin[b].observed };
        for (int k = 0; k < 2 && !few(&card->bin[b]); k++) {
            const double h = HEIGHT * fmax(0, two[k]) / most;
            page_put(p,
                     "<rect class=\"%s\" x=\"%.2f%%\" y=\"%.1f\" width=\"%.2f%%\" "
                     "height=\"%.1f\"/>",
                     k == 0 ? "fa" : "fb", x_of(step * ((double)b + 0.1 + 0.4 * k)),
                     TOP + HEIGHT - h, 0.36 * step * (RIGHT - LEFT), h);
        }
        page_label_spelt(p, "s m", x_of(step * ((double)b + 0.5)), TOP + HEIGHT + 15,
                         spell_count((int64_t)b + 1));
    }
    line(p, "ax", 0, 0, 1, 0);
    page_label(p, "s e", RIGHT, TOP + HEIGHT + 30, clade_text_of(word_of(W_P_TENTHS_UP, p->zh)));
    page_chart_close(p);
}

void predict_calibration(page *p, const clade_predict_card *card)
{
    static const word_id head[] = { W_CUSTOMERS, W_P_PREDICTED, W_P_OBSERVED };
    const bool           amount = clade_task_is_amount(&card->task);
    if (card->n_bins == 0) return;
    page_between(p, "<h4>", amount ? W_P_AMOUNTS : W_P_RELIABILITY, "</h4>");
    if (amount) {
        amounts_chart(p, card);
    } else {
        reliability_chart(p, card);
    }
    page_table_open(p, true, 0, head, sizeof head / sizeof head[0]);
    for (size_t b = 0; b < card->n_bins; b++) {
        const clade_calibration_bin *const bin  = &card->bin[b];
        const double                       none = (double)NAN;
        if (bin->n == 0) continue;
        const double said = few(bin) ? none : bin->predicted,
                     came = few(bin) ? none : bin->observed;
        page_put(p, "<tr>");
        page_number(p, spell_group((int64_t)bin->n));
        page_number(p, amount ? spell_amount(p, said * p->minor) : spell_share(said));
        page_number(p, amount ? spell_amount(p, came * p->minor) : spell_share(came));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, true);
}

/* ---------------------------------------------------------------- gains */

void predict_gains(page *p, const clade_predict_card *card)
{
    static const word_id head[] = { W_P_TENTH, W_P_GAIN, W_P_GAIN_RULE, W_P_LIFT_TENTH };
    double               own = 0, other = 0;
    if (card->n_tenths == 0 || card->n_judged < 10 * (size_t)CLADE_REPORT_MIN_GROUP) return;
    page_between(p, "<h4>", W_P_GAINS, "</h4>");
    page_chart_open(p, W_P_GAINS, W_P_GAINS_SAYS, TOP + HEIGHT + FOOT);
    frame(p, 1, W_P_CONTACTED);
    for (size_t b = 0; b < card->n_tenths; b++) {
        const double x1 = (double)b / 10, x2 = x1 + 0.1;
        line(p, "lb", x1, other, x2, card->tenth[b].gain_rule);
        line(p, "la", x1, own, x2, card->tenth[b].gain);
        own   = card->tenth[b].gain;
        other = card->tenth[b].gain_rule;
    }
    page_put(p, "\n");
    page_chart_close(p);
    page_table_open(p, true, 0, head, sizeof head / sizeof head[0]);
    for (size_t b = 0; b < card->n_tenths; b++) {
        page_put(p, "<tr>");
        page_number(p, spell_count((int64_t)b + 1));
        page_number(p, spell_share(card->tenth[b].gain));
        page_number(p, spell_share(card->tenth[b].gain_rule));
        page_number(p, spell_fixed(card->tenth[b].lift, 2));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, true);
}

/* ---------------------------------------------------------------- features */

static void feature_name(page *p, const clade_predict_weight *w)
{
    clade_buffer words = { 0 };
    clade_predict_reason_name(&words, w->feature, w->group, p->zh);
    if (words.size > 0) page_text(p, (clade_text){ words.data, words.size });
    clade_buffer_free(&words);
}

static word_id direction_of(const clade_predict_weight *w)
{
    return isnan(w->direction) || fabs(w->direction) < 0.2 ? W_P_BOTH_WAYS
           : w->direction > 0                              ? W_P_RAISES
                                                           : W_P_LOWERS;
}

void predict_features(page *p, const clade_predict_card *card)
{
    static const word_id head[] = { W_FEATURE, W_P_DIRECTION, W_P_WEIGHT };
    const size_t         n      = card->n_top < SHOWN_FEATURES ? card->n_top : SHOWN_FEATURES;
    if (n == 0 || !(card->top[0].mean_margin > 0)) return;
    page_between(p, "<h4>", W_P_FEATURES, "</h4>");
    page_chart_open(p, W_P_FEATURES, W_P_FEATURES_SAYS, BAR_ROW * (int)n);
    for (size_t i = 0; i < n; i++) {
        const clade_predict_weight *const w = &card->top[i];
        const double                      y = BAR_ROW * (double)i;
        page_put(p, "<text x=\"0\" y=\"%.1f\">", y + 13);
        feature_name(p, w);
        page_put(p,
                 "</text><rect class=\"%s\" x=\"0\" y=\"%.1f\" width=\"%.2f%%\" height=\"8\"/>\n",
                 w->direction < 0 ? "fb" : "fa", y + 19,
                 100 * w->mean_margin / card->top[0].mean_margin);
    }
    page_chart_close(p);
    page_table_open(p, true, 2, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < card->n_top; i++) {
        page_put(p, "<tr><td class=\"words\">");
        feature_name(p, &card->top[i]);
        page_between(p, "</td><td>", direction_of(&card->top[i]), "</td>");
        page_number(p, spell_fixed(card->top[i].mean_margin, 3));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, true);
}
