/* What the data is worth: what became of every row, and what a reader should know about it. */
#include "sections.h"

#include <stdio.h>

static void loads(page *p, const facts *f)
{
    static const word_id head[] = { W_FILE,        W_SHAPE,      W_ROWS_READ, W_ROWS_STORED,
                                    W_ROWS_REPEAT, W_QUARANTINE, W_ADDS_UP };
    load_view            sum    = { 0 };
    page_between(p, "<h3>", W_ROWS_TITLE, "</h3>");
    page_table_open(p, false, 2, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < f->n_loads; i++) {
        const load_view *one = &f->load[i];
        page_row_head(p, one->file);
        page_put(p, "<td>");
        page_text(p, one->shape);
        page_put(p, "</td>");
        page_number(p, spell_count(one->n_read));
        page_number(p, spell_count(one->n_stored));
        page_number(p, spell_count(one->n_duplicate));
        page_number(p, spell_count(one->n_quarantined));
        page_put(p, "<td class=\"n\">");
        page_word(p, one->n_read == one->n_stored + one->n_duplicate + one->n_quarantined ? W_YES
                                                                                          : W_NO);
        page_put(p, "</td></tr>\n");
        sum.n_read += one->n_read;
        sum.n_stored += one->n_stored;
        sum.n_duplicate += one->n_duplicate;
        sum.n_quarantined += one->n_quarantined;
    }
    page_row_head(p, clade_text_of(word_of(W_ALL, p->zh)));
    page_put(p, "<td></td>");
    page_number(p, spell_count(sum.n_read));
    page_number(p, spell_count(sum.n_stored));
    page_number(p, spell_count(sum.n_duplicate));
    page_number(p, spell_count(sum.n_quarantined));
    page_put(p, "<td class=\"n\">");
    page_word(p, sum.n_read == sum.n_stored + sum.n_duplicate + sum.n_quarantined ? W_YES : W_NO);
    page_put(p, "</td></tr>\n");
    page_table_close(p, false);
}

/* What can be done about a check that is not good. */
static const struct {
    const char *check;
    word_id     repair;
} repairs[] = {
    { "rows_quarantined", W_FIX_QUARANTINE },
    { "amounts_without_rate", W_FIX_RATE },
    { "mixed_currencies", W_FIX_CURRENCY },
    { "completed_prices", W_FIX_PRICES },
    { "sales_without_money", W_FIX_MONEY },
    { "events_without_customer", W_FIX_CUSTOMER },
    { "items_without_category", W_FIX_CATEGORY },
    { "future_dates", W_FIX_ZONE },
    { "no_clock", W_FIX_CLOCK },
    { "rows_duplicate", W_FIX_NOTHING },
    { "sales_without_item", W_FIX_ITEM },
};

static void repair(page *p, const char *name)
{
    for (size_t i = 0; i < sizeof repairs / sizeof repairs[0]; i++) {
        if (strcmp(repairs[i].check, name) != 0) continue;
        page_word(p, repairs[i].repair);
        return;
    }
    page_word(p, W_FIX_FLAGGED);
}

static void checks(page *p, const facts *f)
{
    static const word_id head[] = { W_VERDICT, W_FINDING, W_REPAIR };
    size_t               n_good = 0;
    page_between(p, "<h3>", W_CHECKS_TITLE, "</h3>");
    page_table_open(p, false, 3, head, sizeof head / sizeof head[0]);
    for (int level = CLADE_CHECK_BAD; level > CLADE_CHECK_GOOD; level--) {
        for (size_t i = 0; i < f->n_checks; i++) {
            const clade_check_result *one = &f->check[i];
            if ((int)one->verdict != level) continue;
            page_put(p, "<tr><td><span class=\"mark %s\">",
                     level == CLADE_CHECK_BAD ? "bad" : "look");
            page_word(p, level == CLADE_CHECK_BAD ? W_BAD : W_LOOK);
            page_put(p, "</span></td><td class=\"words\">");
            page_string(p, p->zh ? one->zh : one->en);
            page_put(p, "</td><td class=\"words\">");
            repair(p, one->name);
            page_put(p, "</td></tr>\n");
        }
    }
    for (size_t i = 0; i < f->n_checks; i++)
        n_good += f->check[i].verdict == CLADE_CHECK_GOOD;
    page_table_close(p, false);
    page_put(p, "<p><small>");
    page_say(p, W_CHECKS_GOOD, spell_count((int64_t)n_good).s, spell_count((int64_t)f->n_checks).s);
    page_put(p, "</small></p>");
    page_between(p, "<details><summary>", W_ALL_CHECKS, "</summary><ul class=\"plain\">");
    for (size_t i = 0; i < f->n_checks; i++) {
        if (f->check[i].verdict != CLADE_CHECK_GOOD) continue;
        page_put(p, "<li>");
        page_string(p, p->zh ? f->check[i].zh : f->check[i].en);
        page_put(p, "</li>");
    }
    page_put(p, "</ul></details>\n");
}

void section_quality(page *p, const facts *f)
{
    section_open(p, "quality", W_QUALITY_TITLE);
    loads(p, f);
    checks(p, f);
    page_put(p, "</section>\n");
}
