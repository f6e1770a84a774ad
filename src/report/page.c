/* HTML, numbers and the frame of tables and charts. */
#include "page.h"

#include "clade/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void page_put(page *p, const char *format, ...)
{
    char    text[1024];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        p->out->failed = true; /* a piece of our own markup is never this long */
        return;
    }
    clade_buffer_append(p->out, text, (size_t)n);
}

static void put_point(clade_buffer *out, uint32_t point, const char *data, size_t size)
{
    switch (point) {
    case '<': clade_buffer_text(out, "&lt;"); break;
    case '>': clade_buffer_text(out, "&gt;"); break;
    case '&': clade_buffer_text(out, "&amp;"); break;
    case '"': clade_buffer_text(out, "&quot;"); break;
    case '\'': clade_buffer_text(out, "&#39;"); break;
    default:
        if ((point < 32 && point != '\n' && point != '\t') || (point >= 0x7f && point < 0xa0)) {
            clade_buffer_text(out, "\xef\xbf\xbd");
        } else {
            clade_buffer_append(out, data, size);
        }
    }
}

void page_text(page *p, clade_text text)
{
    for (size_t i = 0; i < text.size;) {
        uint32_t     point = 0;
        const size_t n     = clade_utf8_decode(&point, text.data + i, text.size - i);
        if (n == 0) {
            clade_buffer_text(p->out, "\xef\xbf\xbd");
            i += 1;
            continue;
        }
        put_point(p->out, point, text.data + i, n);
        i += n;
    }
}

void page_string(page *p, const char *text)
{
    page_text(p, clade_text_of(text));
}

void page_fill(page *p, word_id id, const char *const *args, size_t n_args)
{
    const char *at = word_of(id, p->zh);
    while (*at != '\0') {
        const size_t plain = strcspn(at, "{");
        page_text(p, (clade_text){ at, plain });
        at += plain;
        if (*at == '\0') break;
        const size_t which =
            at[1] >= '1' && at[1] <= '9' && at[2] == '}' ? (size_t)(at[1] - '1') : n_args;
        if (which < n_args) {
            page_string(p, args[which]);
            at += 3;
        } else {
            page_text(p, (clade_text){ at, 1 });
            at += 1;
        }
    }
}

void page_between(page *p, const char *before, word_id id, const char *after)
{
    page_put(p, "%s", before);
    page_word(p, id);
    page_put(p, "%s", after);
}

/* ---------------------------------------------------------------- numbers */

spelt spell_count(int64_t n)
{
    spelt out;
    char  text[32];
    clade_count_format(text, n);
    snprintf(out.s, sizeof out.s, "%s%s", text[0] == '-' ? "−" : "", text + (text[0] == '-'));
    return out;
}

spelt spell_group(int64_t n)
{
    spelt out;
    if (n <= 0 || n >= CLADE_REPORT_MIN_GROUP) return spell_count(n);
    snprintf(out.s, sizeof out.s, "<%d", CLADE_REPORT_MIN_GROUP);
    return out;
}

spelt spell_amount(const page *p, double minor)
{
    spelt        out;
    char         text[40];
    const double major = minor / p->minor;
    if (isnan(minor) || fabs(minor) > 9e18) {
        snprintf(out.s, sizeof out.s, "–");
        return out;
    }
    if (fabs(major) >= 100 || p->minor == 1.0 || fabs(major) < 0.5 / p->minor) {
        clade_count_format(text, llround(major));
    } else {
        clade_money_format(text, llround(minor), p->currency, true);
    }
    snprintf(out.s, sizeof out.s, "%s%s", text[0] == '-' ? "−" : "", text + (text[0] == '-'));
    return out;
}

static void with_currency(spelt *out, const page *p)
{
    const spelt bare = *out;
    if (p->currency[0] != '\0' && strcmp(p->currency, "XXX") != 0) {
        snprintf(out->s, sizeof out->s, "%.3s\u00a0%.50s", p->currency, bare.s);
    }
}

spelt spell_money(const page *p, double minor)
{
    spelt out = spell_amount(p, minor);
    if (!isnan(minor)) with_currency(&out, p);
    return out;
}

spelt spell_money_short(const page *p, double minor)
{
    static const struct {
        double      at;
        const char *en;
    } steps[] = { { 1e9, "bn" }, { 1e6, "M" }, { 1e4, "k" } };
    static const struct {
        double      at;
        const char *zh;
    } steps_zh[] = { { 1e8, "亿" }, { 1e4, "万" } };
    spelt        out;
    const double major = minor / p->minor;
    double       unit  = 1;
    const char  *name  = "";
    if (isnan(minor)) return spell_amount(p, minor);
    for (size_t i = 0; !p->zh && i < 3 && unit == 1; i++) {
        if (fabs(major) >= steps[i].at) {
            unit = steps[i].at == 1e4 ? 1e3 : steps[i].at;
            name = steps[i].en;
        }
    }
    for (size_t i = 0; p->zh && i < 2 && unit == 1; i++) {
        if (fabs(major) >= steps_zh[i].at) {
            unit = steps_zh[i].at;
            name = steps_zh[i].zh;
        }
    }
    if (unit == 1) return spell_money(p, minor);
    const double value = major / unit;
    snprintf(out.s, sizeof out.s, "%.*f%s%s", fabs(value) < 100 ? (fabs(value) < 10 ? 2 : 1) : 0,
             value, p->zh ? "\u00a0" : "", name);
    with_currency(&out, p);
    return out;
}

spelt spell_share(double share)
{
    spelt out;
    if (isnan(share)) {
        snprintf(out.s, sizeof out.s, "–");
    } else if (share > 0 && share < 0.01) {
        snprintf(out.s, sizeof out.s, share < 0.0005 ? "<0.1\u00a0%%" : "%.1f\u00a0%%",
                 100 * share);
    } else {
        snprintf(out.s, sizeof out.s, "%.0f\u00a0%%", 100 * share);
    }
    return out;
}

spelt spell_fixed(double value, int decimals)
{
    spelt out;
    if (isnan(value)) {
        snprintf(out.s, sizeof out.s, "–");
    } else {
        snprintf(out.s, sizeof out.s, "%s%.*f", value < 0 ? "−" : "", decimals, fabs(value));
    }
    return out;
}

spelt spell_date(int64_t moment_us)
{
    spelt out;
    char  text[16];
    clade_date_format(text, moment_us);
    snprintf(out.s, sizeof out.s, "%s", text);
    return out;
}

/* ---------------------------------------------------------------- tables */

void page_cell(page *p, const char *text)
{
    page_put(p, "<td>");
    page_string(p, text);
    page_put(p, "</td>");
}

void page_number(page *p, spelt number)
{
    page_put(p, "<td class=\"n\">");
    page_string(p, number.s);
    page_put(p, "</td>");
}

void page_row_head(page *p, clade_text text)
{
    page_put(p, "<tr><th scope=\"row\">");
    page_text(p, text);
    page_put(p, "</th>");
}

void page_table_open(page *p, bool folded, size_t first_number, const word_id *head, size_t n_head)
{
    if (folded) page_between(p, "<details><summary>", W_TABLE_OF_CHART, "</summary>");
    page_put(p, "<div class=\"scroll\"><table class=\"wide\"><thead><tr>");
    for (size_t i = 0; i < n_head; i++) {
        page_put(p, "<th scope=\"col\"%s>", i >= first_number ? " class=\"n\"" : "");
        page_word(p, head[i]);
        page_put(p, "</th>");
    }
    page_put(p, "</tr></thead><tbody>\n");
}

void page_table_close(page *p, bool folded)
{
    page_put(p, "</tbody></table></div>%s\n", folded ? "</details>" : "");
}

/* ---------------------------------------------------------------- charts */

void page_chart_open(page *p, word_id title, word_id caption, int height)
{
    const int id = ++p->n_charts;
    page_between(p, "<figure><figcaption>", caption, "</figcaption>");
    page_put(p,
             "<svg role=\"img\" width=\"100%%\" height=\"%d\" aria-labelledby=\"t%d d%d\">"
             "<title id=\"t%d\">",
             height, id, id, id);
    page_word(p, title);
    page_put(p, "</title><desc id=\"d%d\">", id);
    page_word(p, caption);
    page_put(p, "</desc>\n");
}

void page_chart_close(page *p)
{
    page_put(p, "</svg></figure>\n");
}

void page_label(page *p, const char *classes, double x, double y, clade_text text)
{
    page_put(p, "<text class=\"%s\" x=\"%.2f%%\" y=\"%.1f\">", classes, x, y);
    page_text(p, text);
    page_put(p, "</text>");
}

void page_label_spelt(page *p, const char *classes, double x, double y, spelt text)
{
    page_label(p, classes, x, y, clade_text_of(text.s));
}
