/* The sections of the page, in their order. Each writes its heading and everything below it. */
#ifndef CLADE_REPORT_SECTIONS_H
#define CLADE_REPORT_SECTIONS_H

#include "facts.h"
#include "page.h"

void section_head(page *p, const facts *f);
void section_segments(page *p, const facts *f);
void section_cards(page *p, const facts *f);
void section_views(page *p, const facts *f); /* RFM, life cycle, clusters */
void section_flows(page *p, const facts *f);
void section_spread(page *p, const facts *f);
void section_lift(page *p, const facts *f);
void section_predict(page *p, const facts *f); /* where something was predicted */
void section_quality(page *p, const facts *f);
void section_about(page *p, const facts *f, const char *version);

/* <section> with an anchor and a heading; close with "</section>". */
void section_open(page *p, const char *anchor, word_id title);

/* Rows of two bars side by side, each with its value: the first solid, the second hatched. */
typedef struct pair_row {
    clade_text name;
    double     a, b; /* lengths, 0..1 of the longest */
    spelt      a_text, b_text;
} pair_row;
void chart_pairs(page *p, word_id title, word_id caption, word_id a, word_id b, const pair_row *row,
                 size_t n);

#endif
