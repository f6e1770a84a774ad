/* How much of the future the segments tell, beside other ways to cut and beside what can be known.
 */
#include "sections.h"

#include <math.h>

enum { LIFT_ROW = 44, LIFT_TOP = 24, N_METHODS = 6 };
static const double HALF = 47, SECOND = 53; /* percent */

static const struct {
    const char *key;
    word_id     name;
} methods[N_METHODS] = {
    { "clade", W_M_OUTLOOK },  { "kmeans_rfm", W_M_KMEANS }, { "rfm", W_M_RFM },
    { "lifecycle", W_M_LIFE }, { "clusters", W_M_CLUSTERS }, { "ceiling", W_M_CEILING },
};

/* Where a value lies on a scale that begins at `from` and ends at `to`, in percent of the half. */
static double at(double value, double from, double to, double left)
{
    const double share = (value - from) / (to - from);
    return left + HALF * fmin(1, fmax(0, share));
}

static void whisker(page *p, const facts *f, const clade_json_node *one, const char *keys[3],
                    double from, double to, double left, double y, bool ceiling)
{
    const double mid  = json_number(&f->tree, one, keys[0]),
                 low  = json_number(&f->tree, one, keys[1]),
                 high = json_number(&f->tree, one, keys[2]);
    page_put(p, "<line class=\"ln\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" y2=\"%.1f\"/>", left,
             left + HALF, y, y);
    if (isnan(mid)) return;
    page_put(p, "<line class=\"iv\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
             at(low, from, to, left), at(high, from, to, left), y, y);
    page_put(p, "<circle class=\"%s\" cx=\"%.2f%%\" cy=\"%.1f\" r=\"5\"/>",
             ceiling ? "ring" : "dot", at(mid, from, to, left), y);
}

static double highest(const facts *f, const clade_json_node *lift, const char *key)
{
    double most = 0;
    for (size_t m = 0; m < N_METHODS; m++) {
        const clade_json_node *one   = clade_json_get(&f->tree, lift, methods[m].key);
        const double           value = json_number(&f->tree, one, key);
        if (value > most) most = value;
    }
    return most;
}

static void chart(page *p, const facts *f, const clade_json_node *lift)
{
    static const char *r2[3]  = { "r2", "r2_low", "r2_high" };
    static const char *auc[3] = { "auc", "auc_low", "auc_high" };
    const double       r2_end = fmax(0.1, ceil(10 * highest(f, lift, "r2_high")) / 10);
    page_chart_open(p, W_LIFT_CHART, W_LIFT_CHART_SAYS, LIFT_TOP + LIFT_ROW * N_METHODS + 20);
    page_label(p, "s", 0, 12, clade_text_of(word_of(W_R2, p->zh)));
    page_label(p, "s", SECOND, 12, clade_text_of(word_of(W_AUC, p->zh)));
    for (size_t m = 0; m < N_METHODS; m++) {
        const double           y   = LIFT_TOP + LIFT_ROW * (double)m;
        const clade_json_node *one = clade_json_get(&f->tree, lift, methods[m].key);
        const bool             top = m + 1 == N_METHODS;
        page_label(p, m == 0 ? "strong" : "", 0, y + 16,
                   clade_text_of(word_of(methods[m].name, p->zh)));
        page_label_spelt(p, "e strong", HALF, y + 16,
                         spell_fixed(json_number(&f->tree, one, "r2"), 3));
        page_label_spelt(p, "e strong", 100, y + 16,
                         spell_fixed(json_number(&f->tree, one, "auc"), 3));
        whisker(p, f, one, r2, 0, r2_end, 0, y + 29, top);
        whisker(p, f, one, auc, 0.5, 1, SECOND, y + 29, top);
        page_put(p, "\n");
    }
    const double foot = LIFT_TOP + LIFT_ROW * N_METHODS + 14;
    page_label(p, "s", 0, foot, CLADE_TEXT("0"));
    page_label_spelt(p, "s e", HALF, foot, spell_fixed(r2_end, 1));
    page_label(p, "s", SECOND, foot, CLADE_TEXT("0.5"));
    page_label(p, "s e", 100, foot, CLADE_TEXT("1"));
    page_chart_close(p);
}

static void range(page *p, const facts *f, const clade_json_node *one, const char *low,
                  const char *high)
{
    page_put(p, "<td class=\"n\">");
    page_say(p, W_RANGE, spell_fixed(json_number(&f->tree, one, low), 3).s,
             spell_fixed(json_number(&f->tree, one, high), 3).s);
    page_put(p, "</td>");
}

static void table(page *p, const facts *f, const clade_json_node *lift)
{
    static const word_id head[] = { W_METHOD, W_GROUPS, W_R2_SHORT, W_CI, W_AUC_SHORT, W_CI };
    page_table_open(p, true, 1, head, sizeof head / sizeof head[0]);
    for (size_t m = 0; m < N_METHODS; m++) {
        const clade_json_node *one = clade_json_get(&f->tree, lift, methods[m].key);
        const double           n   = json_number(&f->tree, one, "segments");
        page_row_head(p, clade_text_of(word_of(methods[m].name, p->zh)));
        page_number(p, spell_fixed(n > 0 ? n : (double)NAN, 0));
        page_number(p, spell_fixed(json_number(&f->tree, one, "r2"), 3));
        range(p, f, one, "r2_low", "r2_high");
        page_number(p, spell_fixed(json_number(&f->tree, one, "auc"), 3));
        range(p, f, one, "auc_low", "auc_high");
        page_put(p, "</tr>\n");
    }
    page_table_close(p, true);
}

/* What it means, without praise: by how much better, of what little can be known. */
static void meaning(page *p, const facts *f, const clade_json_node *lift)
{
    const clade_json_node *own     = clade_json_get(&f->tree, lift, "clade");
    const clade_json_node *ceiling = clade_json_get(&f->tree, lift, "ceiling");
    const double           low     = json_number(&f->tree, lift, "gain_r2_low");
    const double           all     = json_number(&f->tree, lift, "n_customers");
    const double           counted = json_number(&f->tree, lift, "n_evaluated");
    const double           learnt  = json_number(&f->tree, lift, "n_learnt");
    page_put(p, "<p>");
    page_say(p, W_LIFT_MEANS, spell_count((int64_t)all).s,
             spell_share(json_number(&f->tree, own, "r2")).s,
             spell_share(json_number(&f->tree, ceiling, "r2")).s,
             spell_share(json_number(&f->tree, lift, "keeps_r2")).s,
             spell_share(json_number(&f->tree, own, "auc")).s);
    if (counted < all || learnt < all) {
        page_put(p, " ");
        page_say(p, W_LIFT_SAMPLE, spell_count((int64_t)learnt).s, spell_count((int64_t)counted).s);
    }
    page_put(p, " ");
    page_word(p, low > 0 ? W_LIFT_BETTER : W_LIFT_NOT_BETTER);
    page_put(p, "</p>");
}

void section_lift(page *p, const facts *f)
{
    const clade_json_node *lift = clade_json_get(&f->tree, f->tree.node, "future_lift");
    section_open(p, "lift", W_LIFT_TITLE);
    page_between(p, "<p>", W_LIFT_WHAT, "</p>");
    if (json_true(&f->tree, lift, "measured")) {
        meaning(p, f, lift);
        chart(p, f, lift);
        table(p, f, lift);
    } else {
        page_put(p, "<p class=\"soft\">");
        page_word(p, W_LIFT_UNKNOWN);
        page_put(p, " ");
        page_text(p, json_sentence(&f->tree, lift, "why", f->zh));
        page_put(p, "</p>");
    }
    page_put(p, "</section>\n");
}
