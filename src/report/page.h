/* Writing HTML: what is ours goes out as it is, what is anybody else's is escaped, and numbers are
 * spelled as readers of the language spell them. */
#ifndef CLADE_REPORT_PAGE_H
#define CLADE_REPORT_PAGE_H

#include "words.h"

#include "clade/time.h"

/* A page being written. The buffer remembers a lack of memory; the caller asks once, at the end. */
typedef struct page {
    clade_buffer *out;
    bool          zh;
    char          currency[4]; /* "" where nobody said */
    double        minor;       /* minor units in one unit of the currency: 100 for most */
    int           n_charts;    /* each has an id of its own, for its title */
} page;

/* A short text by value, for numbers on their way into a sentence. */
typedef struct spelt {
    char s[64];
} spelt;

/* Markup of our own. Arguments are numbers and names of classes, never data. */
void page_put(page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Anything else: escaped, so that it can stand between tags and inside quotes. Invalid UTF-8 and
 * control characters become U+FFFD. */
void page_text(page *p, clade_text text);
void page_string(page *p, const char *text);
/* A message of the catalogue, {1} .. {9} replaced by texts that are escaped in their turn. */
void page_fill(page *p, word_id id, const char *const *args, size_t n_args);
#define page_word(p, id) page_fill((p), (id), NULL, 0)
#define page_say(p, id, ...)                                   \
    page_fill((p), (id), (const char *const[]){ __VA_ARGS__ }, \
              sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
/* A message between two pieces of our own markup. */
void page_between(page *p, const char *before, word_id id, const char *after);

/* ---------------------------------------------------------------- numbers (no break inside) */

spelt spell_count(int64_t n);                         /* 12,345 */
spelt spell_group(int64_t n);                         /* the same, "<20" for a few */
spelt spell_money(const page *p, double minor);       /* CNY 12,345: whole units from 100 on */
spelt spell_amount(const page *p, double minor);      /* the same without the currency */
spelt spell_money_short(const page *p, double minor); /* CNY 1.2M, 1.2 万 */
spelt spell_share(double share);                      /* 12 %; 0.4 % below one; "-" for NAN */
spelt spell_fixed(double value, int decimals);
spelt spell_date(int64_t moment_us);

/* ---------------------------------------------------------------- tables */

/* A cell: text to the left, numbers to the right. */
void page_cell(page *p, const char *text);
void page_number(page *p, spelt number);
void page_row_head(page *p, clade_text text);
/* <details> with a table that has these headings; columns from `first_number` on are numbers. */
void page_table_open(page *p, bool folded, size_t first_number, const word_id *head, size_t n_head);
void page_table_close(page *p, bool folded);

/* ---------------------------------------------------------------- charts */

/* A figure with caption and an svg of full width and fixed height, titled and described. Positions
 * across are percentages, so that letters keep their size on every screen. */
void page_chart_open(page *p, word_id title, word_id caption, int height);
void page_chart_close(page *p);
/* A letter row: class, x in percent, y in pixels. */
void page_label(page *p, const char *classes, double x, double y, clade_text text);
void page_label_spelt(page *p, const char *classes, double x, double y, spelt text);

#endif
