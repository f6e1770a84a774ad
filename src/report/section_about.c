/* How to read the page: definitions, and what it takes to make the same page again. */
#include "sections.h"

static void define(page *p, word_id term, word_id meaning)
{
    page_between(p, "<dt><strong>", term, "</strong></dt>");
    page_between(p, "<dd>", meaning, "</dd>");
}

static void made_of(page *p, word_id name, clade_text value)
{
    if (value.size == 0) return;
    page_row_head(p, clade_text_of(word_of(name, p->zh)));
    page_put(p, "<td>");
    page_text(p, value);
    page_put(p, "</td></tr>");
}

void section_about(page *p, const facts *f, const char *version)
{
    static const word_id head[] = { W_ABOUT_WHAT, W_ABOUT_VALUE };
    section_open(p, "about", W_ABOUT_TITLE);
    page_put(p, "<dl>");
    define(p, W_CUSTOMERS, W_DEF_CUSTOMER);
    define(p, W_REVENUE, W_DEF_REVENUE);
    define(p, W_ORDERS, W_DEF_ORDER);
    define(p, W_MONEY_YEAR, W_DEF_YEAR);
    define(p, W_COMES_BACK, W_DEF_BACK);
    define(p, W_RANGE_NAME, W_DEF_RANGE);
    define(p, W_STABILITY, W_DEF_STABILITY);
    define(p, W_DELTA, W_DEF_DELTA);
    define(p, W_R2_SHORT, W_DEF_R2);
    define(p, W_AUC_SHORT, W_DEF_AUC);
    define(p, W_FEW, W_DEF_FEW);
    page_put(p, "</dl>");
    page_between(p, "<h3>", W_AGAIN, "</h3>");
    page_table_open(p, false, 9, head, sizeof head / sizeof head[0]);
    made_of(p, W_MADE_VERSION, clade_text_of(version));
    made_of(p, W_MADE_RUN, clade_text_of(spell_count(f->run).s));
    made_of(p, W_MADE_SEED, f->seed);
    made_of(p, W_MADE_HASH, f->data_hash);
    made_of(p, W_MADE_AS_OF, clade_text_of(spell_date(f->as_of_us).s));
    if (f->learnt_us != INT64_MIN) {
        made_of(p, W_MADE_LEARNT, clade_text_of(spell_date(f->learnt_us).s));
    }
    made_of(p, W_MADE_ZONE, f->zone);
    page_table_close(p, false);
    page_put(p, "</section>\n");
}
