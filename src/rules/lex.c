/* The text of a rule in words, numbers and signs; and how a mistake in it is shown. */
#include "lex.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_BEFORE = 48, SHOWN_AFTER = 32, MAX_SPAN_DAYS = 36500 };
/* Digits of a number: as many as print the same again, and more than money needs. */
enum { MAX_BEFORE_POINT = 12, MAX_BEHIND_POINT = 9 };

/* ---------------------------------------------------------------- mistakes */

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80; /* inside a character of UTF-8 */
}

static size_t column_of(clade_text rule, size_t at)
{
    size_t column = 1;
    for (size_t i = 0; i < at && i < rule.size; i++) {
        if (!continues(rule.data[i])) column++;
    }
    return column;
}

/* The rule around the place, on one line, and a caret under it. */
static void show(char *out, size_t room, clade_text rule, size_t at)
{
    size_t from = at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0;
    size_t to   = rule.size - at > SHOWN_AFTER ? at + SHOWN_AFTER : rule.size;
    while (from > 0 && continues(rule.data[from]))
        from--;
    while (to < rule.size && continues(rule.data[to]))
        to++;
    char         line[4 * (SHOWN_BEFORE + SHOWN_AFTER) + 16], before[4 * SHOWN_BEFORE + 16];
    const size_t n_before = at - from;
    if (to - from >= sizeof line || n_before >= sizeof before) return;
    memcpy(line, rule.data + from, to - from);
    line[to - from] = '\0';
    for (size_t i = 0; i < to - from; i++) {
        if ((unsigned char)line[i] < ' ') line[i] = ' ';
    }
    memcpy(before, line, n_before);
    before[n_before] = '\0';
    snprintf(out, room, "\n    %s%s%s\n    %*s^", from > 0 ? "..." : "", line,
             to < rule.size ? "..." : "", (int)(clade_utf8_width(before) + (from > 0 ? 3 : 0)), "");
}

clade_status clade__mistake(const clade__lexer *lexer, size_t at, const char *format, ...)
{
    char    said[400], place[600] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    if (at > lexer->rule.size) at = lexer->rule.size;
    show(place, sizeof place, lexer->rule, at);
    return clade_fail(lexer->err, CLADE_ERR_ARG, "column %zu: %s%s", column_of(lexer->rule, at),
                      said, place);
}

void clade__suggest(const clade__lexer *lexer, const char *word, size_t size,
                    const char *const *candidates, size_t n)
{
    char text[CLADE_RULE_MAX_NAME];
    if (size >= sizeof text) return;
    for (size_t i = 0; i < size; i++)
        text[i] = clade__fold(word[i]);
    text[size]       = '\0';
    const char *near = clade_text_nearest(text, candidates, n);
    if (near != NULL) clade_hint(lexer->err, "did you mean %s?", near);
}

/* ---------------------------------------------------------------- tokens */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static clade_status lex_text(clade__token *out, clade__lexer *l)
{
    const char   quote = l->rule.data[l->at];
    const size_t start = l->at;
    size_t       n = 0, i = start + 1;
    char        *text = CLADE_ARENA_NEW(l->arena, char, l->rule.size - start + 1);
    if (text == NULL) return clade_fail(l->err, CLADE_ERR_NOMEM, "no memory for a rule");
    for (; i < l->rule.size && l->rule.data[i] != quote; i++) {
        if (l->rule.data[i] == '\\' && i + 1 < l->rule.size) i++;
        text[n++] = l->rule.data[i];
    }
    if (i >= l->rule.size) return clade__mistake(l, start, "this text has no closing %c", quote);
    if (n == 0) return clade__mistake(l, start, "an empty text matches nothing");
    if (memchr(text, '\0', n) != NULL)
        return clade__mistake(l, start, "this text holds a byte that no text has");
    text[n]   = '\0';
    l->at     = i + 1;
    out->type = CLADE__TEXT;
    out->text = text;
    return CLADE_OK;
}

/* 2026-01-31 at p, or false. */
static bool lex_date(clade__token *out, const char *p, size_t size)
{
    static const char shape[] = "dddd-dd-dd";
    if (size < 10) return false;
    for (size_t i = 0; i < 10; i++) {
        if (shape[i] == 'd' ? !is_digit(p[i]) : p[i] != '-') return false;
    }
    if (size > 10 && (is_digit(p[10]) || is_word(p[10]))) return false;
    const clade_civil civil = { .year = (p[0] - '0') * 1000 + (p[1] - '0') * 100 +
                                        (p[2] - '0') * 10 + (p[3] - '0'),
                                .month = (p[5] - '0') * 10 + (p[6] - '0'),
                                .day   = (p[8] - '0') * 10 + (p[9] - '0') };
    if (!clade_civil_valid(civil)) return false;
    out->type = CLADE__DATE;
    out->us   = clade_us_from_civil(civil);
    return true;
}

static clade_status lex_number(clade__token *out, clade__lexer *l)
{
    const char *const p        = l->rule.data + l->at;
    const size_t      size     = l->rule.size - l->at;
    size_t            n        = p[0] == '-';
    bool              whole    = true;
    size_t            n_before = 0, n_behind = 0;
    char              digits[MAX_BEFORE_POINT + MAX_BEHIND_POINT + 8];
    if (lex_date(out, p, size)) {
        l->at += 10;
        return CLADE_OK;
    }
    while (n < size && (is_digit(p[n]) || (p[n] == '.' && whole))) {
        if (p[n] == '.')
            whole = false;
        else if (whole)
            n_before++;
        else
            n_behind++;
        n++;
    }
    if (n_before > MAX_BEFORE_POINT || n_behind > MAX_BEHIND_POINT) {
        return clade__mistake(l, l->at, "a number has %d digits before its point and %d behind it",
                              MAX_BEFORE_POINT, MAX_BEHIND_POINT);
    }
    memcpy(digits, p, n);
    digits[n]   = '\0';
    out->number = strtod(digits, NULL);
    if (out->number == 0) out->number = 0; /* no negative zero */
    out->type = CLADE__NUMBER;
    l->at += n;
    if (n == size || (!is_word(p[n]) && !is_digit(p[n]) && p[n] != '.')) return CLADE_OK;

    const char unit  = clade__fold(p[n]);
    const int  hours = unit == 'h'   ? 1
                       : unit == 'd' ? 24
                       : unit == 'w' ? 24 * 7
                       : unit == 'y' ? 24 * 365
                                     : 0;
    if (hours == 0 || (n + 1 < size && (is_word(p[n + 1]) || is_digit(p[n + 1])))) {
        (void)clade__mistake(l, out->at, "this is neither a number nor a span of time");
        clade_hint(l->err, "spans are written 12h, 30d, 4w or 1y");
        return CLADE_ERR_ARG;
    }
    if (!whole || !(out->number > 0) || out->number * hours > MAX_SPAN_DAYS * 24) {
        return clade__mistake(l, out->at,
                              "a span of time is a whole number of h, d, w or y, from "
                              "1h to 100y");
    }
    out->us   = (int64_t)out->number * hours * CLADE_US_PER_HOUR;
    out->type = CLADE__SPAN;
    l->at++;
    return CLADE_OK;
}

static bool begins_number(const clade__lexer *l)
{
    const char  *p    = l->rule.data + l->at;
    const size_t size = l->rule.size - l->at;
    if (is_digit(p[0])) return true;
    if (p[0] == '.') return size > 1 && is_digit(p[1]);
    if (p[0] != '-' || size < 2) return false;
    return is_digit(p[1]) || (p[1] == '.' && size > 2 && is_digit(p[2]));
}

static clade_status lex_sign(clade__token *out, clade__lexer *l)
{
    const char *p = l->rule.data + l->at;
    out->type     = CLADE__SIGN;
    out->size     = 1;
    switch (p[0]) {
    case '(':
    case ')':
    case ',':
    case '=': break;
    case '<':
    case '>':
        if (l->at + 1 < l->rule.size && p[1] == '=') out->size = 2;
        break;
    case '!':
        if (l->at + 1 < l->rule.size && p[1] == '=') {
            out->size = 2;
            break;
        }
        (void)clade__mistake(l, l->at, "'!' alone says nothing here");
        clade_hint(l->err, "did you mean != or not?");
        return CLADE_ERR_ARG;
    default:
        (void)clade__mistake(l, l->at, "'%.*s' has no meaning in a rule",
                             (unsigned char)p[0] < ' ' ? 0 : 1, p);
        if (p[0] == '&' || p[0] == '|')
            clade_hint(l->err, "did you mean %s?", p[0] == '&' ? "and" : "or");
        return CLADE_ERR_ARG;
    }
    l->at += out->size;
    return CLADE_OK;
}

clade_status clade__lex(clade__token *out, clade__lexer *l)
{
    clade_status status = CLADE_OK;
    while (l->at < l->rule.size && strchr(" \t\r\n", l->rule.data[l->at]) != NULL &&
           l->rule.data[l->at] != '\0')
        l->at++;
    *out = (clade__token){ .type = CLADE__END, .at = l->at };
    if (l->at == l->rule.size) return CLADE_OK;
    const char c = l->rule.data[l->at];
    if (c == '"' || c == '\'') {
        status = lex_text(out, l);
    } else if (begins_number(l)) {
        status = lex_number(out, l);
    } else if (is_word(c)) {
        out->type = CLADE__WORD;
        while (l->at < l->rule.size) {
            const char *p = l->rule.data + l->at;
            const bool  dash =
                p[0] == '-' && l->at + 1 < l->rule.size && (is_word(p[1]) || is_digit(p[1]));
            if (!is_word(p[0]) && !is_digit(p[0]) && !dash) break;
            l->at++;
        }
    } else {
        return lex_sign(out, l);
    }
    out->size = l->at - out->at;
    return status;
}
