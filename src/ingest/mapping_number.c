/* Numbers and money as people write them: grouping by commas, points, blanks or apostrophes, also
 * the Indian way, decimal commas, signs and codes of currencies, parentheses for minus, percent.
 * Plain digits with one point take a fast path; everything else is first brought into a string of
 * digits and the place of the point, which is exact, and rounded once. */
#include "mapping_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char NOT_A_NUMBER[] = "not a number";
static const char TOO_LARGE[]    = "too large a number";
static const char NOT_FINITE[]   = "not a finite number";

enum { MAX_DIGITS = 40, MAX_TEXT = 96 };

typedef struct decimal {
    bool negative, percent;
    char digit[MAX_DIGITS]; /* '0'..'9' */
    int  n, point;          /* digits in all, digits before the point; point may lie outside */
    char currency[4];
} decimal;

bool clade_value_missing(clade_text text)
{
    static const char *const marker[] = { "na",     "n/a",       "null", "none", "nan", "-",
                                          "--",     "\\n",       "#n/a", "nil",  "?",   "(null)",
                                          "#null!", "undefined", "无",   "空",   "—" };
    text                              = clade_text_trim(text);
    if (text.size == 0) return true;
    if (text.size > 9 || (text.data[0] >= '0' && text.data[0] <= '9')) return false;
    for (size_t i = 0; i < sizeof marker / sizeof marker[0]; i++) {
        if (clade_text_equal_nocase(text, clade_text_of(marker[i]))) return true;
    }
    return false;
}

/* ---------------------------------------------------------------- currencies */

static const struct {
    const char *sign;
    const char *code;
} currency_sign[] = {
    { "US$", "USD" }, { "HK$", "HKD" },    { "NT$", "TWD" }, { "CA$", "CAD" }, { "AU$", "AUD" },
    { "NZ$", "NZD" }, { "SG$", "SGD" },    { "A$", "AUD" },  { "C$", "CAD" },  { "S$", "SGD" },
    { "R$", "BRL" },  { "€", "EUR" },      { "£", "GBP" },   { "¥", "" },      { "￥", "" },
    { "$", "" },      { "₽", "RUB" },    { "₹", "INR" },   { "₩", "KRW" },   { "₺", "TRY" },
    { "฿", "THB" },   { "₫", "VND" },      { "₴", "UAH" },   { "₪", "ILS" },   { "₱", "PHP" },
    { "₦", "NGN" },   { "元", "CNY" },     { "块", "CNY" },  { "円", "JPY" },  { "원", "KRW" },
    { "RMB", "CNY" }, { "人民币", "CNY" }, { "zł", "PLN" },  { "Kč", "CZK" },  { "Ft", "HUF" },
    { "kr.", "" },    { "kr", "" },        { "Rs.", "INR" }, { "Rs", "INR" },  { "Fr.", "CHF" },
    { "lei", "RON" }, { "руб.", "RUB" },   { "руб", "RUB" }, { "CN¥", "CNY" }, { "JP¥", "JPY" },
};

/* Digits behind the point, without a walk through the list for the currencies of most shops. */
static inline int minor_digits(const char currency[4])
{
    static const char two[5][4] = { "USD", "EUR", "CNY", "GBP", "" };
    for (int i = 0; i < 5; i++) {
        if (memcmp(currency, two[i], i == 4 ? 1 : 4) == 0) return 2;
    }
    return clade_currency_digits(currency);
}

static bool known_code(const char *p)
{
    static const char codes[] =
        "USD EUR GBP JPY CNY AUD CAD CHF HKD NZD SEK NOK DKK SGD KRW INR BRL "
        "MXN ZAR RUB TRY PLN CZK HUF RON BGN ILS THB MYR IDR PHP VND TWD AED "
        "SAR QAR KWD BHD OMR JOD EGP NGN KES GHS MAD TND ARS CLP COP PEN UYU "
        "UAH KZT PKR BDT LKR NPR ISK HRK RSD GEL CNH MOP";
    for (const char *code = codes; *code != '\0'; code += 4) {
        if (memcmp(code, p, 3) == 0) return true;
        if (code[3] == '\0') break;
    }
    return false;
}

/* A sign that several countries share means the shop's own currency where that is one of them. */
static const char *shared_sign(const char *sign, const char *own)
{
    static const char dollars[] = "USD AUD CAD NZD SGD HKD TWD MXN ARS CLP COP";
    if (sign[0] == '$') return own[0] != '\0' && strstr(dollars, own) != NULL ? own : "USD";
    if (sign[0] == 'k') {
        return own[0] != '\0' && strstr("SEK NOK DKK ISK", own) != NULL ? own : "SEK";
    }
    return strcmp(own, "JPY") == 0 ? "JPY" : "CNY"; /* the yen sign is also the yuan sign */
}

/* A sign or a code at p; its length, or 0. */
static size_t currency_at(char out[4], const char *p, size_t size, const char *own)
{
    char upper[3];
    for (size_t i = 0; i < sizeof currency_sign / sizeof currency_sign[0]; i++) {
        if (*p != *currency_sign[i].sign) continue;
        const size_t n = strlen(currency_sign[i].sign);
        if (n > size || memcmp(p, currency_sign[i].sign, n) != 0) continue;
        const char *code = currency_sign[i].code;
        if (*code == '\0') code = shared_sign(currency_sign[i].sign, own);
        memcpy(out, code, 4);
        return n;
    }
    if (size < 3) return 0;
    for (int i = 0; i < 3; i++) {
        upper[i] = (char)(p[i] >= 'a' && p[i] <= 'z' ? p[i] - 32 : p[i]);
    }
    if (!known_code(upper)) return 0;
    memcpy(out, upper, 3);
    if (memcmp(out, "CNH", 3) == 0) memcpy(out, "CNY", 3);
    out[3] = '\0';
    return 3;
}

/* ---------------------------------------------------------------- the patient path */

/* Blanks that group digits: ordinary, no-break, narrow no-break, thin, ideographic. */
static size_t blank_at(const char *p, size_t size)
{
    static const char *const blank[] = {
        " ", "\t", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89", "\xe3\x80\x80"
    };
    for (size_t i = 0; i < sizeof blank / sizeof blank[0]; i++) {
        if (*p != *blank[i]) continue;
        const size_t n = strlen(blank[i]);
        if (n <= size && memcmp(p, blank[i], n) == 0) return n;
    }
    return 0;
}

/* Characters that stand for an ASCII one in a number. */
static size_t ascii_for(char *out, const char *p, size_t size)
{
    static const struct {
        const char *from;
        char        to;
    } same[] = { { "’", '\'' }, { "‘", '\'' }, { "´", '\'' }, { "−", '-' },
                 { "–", '-' },  { "－", '-' }, { "＋", '+' }, { "．", '.' },
                 { "，", ',' }, { "％", '%' }, { "（", '(' }, { "）", ')' } };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (*p != *same[i].from) continue;
        const size_t n = strlen(same[i].from);
        if (n <= size && memcmp(p, same[i].from, n) == 0) {
            *out = same[i].to;
            return n;
        }
    }
    uint32_t     point;
    const size_t length = clade_utf8_decode(&point, p, size);
    if (length > 0 && point >= 0xff10 && point <= 0xff19) {
        *out = (char)('0' + (point - 0xff10));
        return length;
    }
    return 0;
}

/* Marks of grouping and decimals between the digits: which one is the point? Where both a comma and
 * a point occur the last is; one alone that groups three digits follows the column; others tell by
 * themselves. Every group but the first has three digits, or two before the last (lakh, crore). */
static bool place_point(decimal *out, const char *body, size_t size, bool decimal_comma)
{
    size_t n_comma = 0, n_point = 0, last_comma = 0, last_point = 0, point = SIZE_MAX;
    for (size_t i = 0; i < size; i++) {
        if (body[i] == ',') n_comma++, last_comma = i;
        if (body[i] == '.') n_point++, last_point = i;
    }
    if (n_comma > 0 && n_point > 0) {
        const bool comma = last_comma > last_point;
        if ((comma ? n_comma : n_point) != 1) return false;
        point = comma ? last_comma : last_point;
    } else if (n_comma + n_point == 1) {
        const bool   comma  = n_comma == 1;
        const size_t at     = comma ? last_comma : last_point;
        const bool   groups = size - at - 1 == 3 && at >= 1 && at <= 3 && body[0] != '0';
        if (comma == decimal_comma || !groups) point = at;
    }

    int group = 0, n_groups = 0;
    out->n     = 0;
    out->point = -1;
    for (size_t i = 0; i < size; i++) {
        const char c = body[i];
        if (i == point) {
            if (n_groups > 0 && group != 3) return false;
            out->point = out->n;
            n_groups   = 0;
            group      = 0;
        } else if (c >= '0' && c <= '9') {
            if (out->n == MAX_DIGITS) {
                if (out->point < 0) return false;
                continue; /* digits that no rounding will see */
            }
            out->digit[out->n++] = c;
            group++;
        } else { /* a mark of grouping */
            if (out->point >= 0 || group == 0) return false;
            if (n_groups == 0 ? group > 3 : group != 3 && group != 2) return false;
            n_groups++;
            group = 0;
        }
    }
    if (out->point < 0) {
        if (n_groups > 0 && group != 3) return false;
        out->point = out->n;
    }
    return out->n > 0;
}

static const char *read_decimal(decimal *out, clade_text text, bool decimal_comma, const char *own)
{
    char   body[MAX_TEXT];
    size_t n = 0, i = 0;
    bool   digits_end = false, parentheses = false, tail_minus = false;
    long   exponent = 0;

    *out = (decimal){ 0 };
    text = clade_text_trim(text);
    if (text.size == 0) return "empty";
    if (text.size >= MAX_TEXT) return NOT_A_NUMBER;
    while (i < text.size) {
        const char *const p    = text.data + i;
        const size_t      left = text.size - i;
        char              c    = *p;
        size_t            size = 1;
        if ((unsigned char)c >= 0x80) {
            size = ascii_for(&c, p, left);
            if (size == 0) {
                c    = '\0';
                size = 1;
            }
        }
        if (c >= '0' && c <= '9') {
            if (digits_end) return NOT_A_NUMBER;
            body[n++] = c;
        } else if ((c == '.' || c == ',' || c == '\'' || c == '_') && !digits_end &&
                   (n > 0 || c == '.' || c == ',')) {
            body[n++] = c == '_' ? '\'' : c;
        } else if ((c == '-' || c == '+') && n == 0 && !tail_minus) {
            if (c == '-') out->negative = !out->negative;
        } else if (c == '-' && n > 0 && i + size == text.size) {
            tail_minus = true;
        } else if (c == '(' && n == 0 && !parentheses) {
            parentheses = true;
        } else if (c == ')' && parentheses && i + size == text.size) {
            out->negative = true;
            parentheses   = false;
        } else if (c == '%' && n > 0 && !out->percent) {
            out->percent = true;
            digits_end   = true;
        } else if ((c == 'e' || c == 'E') && n > 0 && !digits_end && left >= 2 &&
                   ((p[1] >= '0' && p[1] <= '9') ||
                    (left >= 3 && (p[1] == '-' || p[1] == '+') && p[2] >= '0' && p[2] <= '9'))) {
            char  number[16] = { 0 };
            char *stop;
            memcpy(number, p + 1, left - 1 < 15 ? left - 1 : 15);
            exponent = strtol(number, &stop, 10);
            if (exponent < -400 || exponent > 400) return TOO_LARGE;
            size       = 1 + (size_t)(stop - number);
            digits_end = true;
        } else if (blank_at(p, left) > 0) {
            size = blank_at(p, left);
            if (n > 0 && !digits_end && i + size < text.size && p[size] >= '0' && p[size] <= '9') {
                body[n++] = ' ';
            }
        } else {
            size = out->currency[0] == '\0' ? currency_at(out->currency, p, left, own) : 0;
            if (size == 0) return NOT_A_NUMBER;
            digits_end = n > 0;
        }
        i += size;
    }
    if (parentheses) return NOT_A_NUMBER;
    if (tail_minus) out->negative = !out->negative;
    if (n > 0 && (body[n - 1] == '\'' || body[n - 1] == ' ')) return NOT_A_NUMBER;
    if (!place_point(out, body, n, decimal_comma)) return NOT_A_NUMBER;
    out->point += (int)exponent - (out->percent ? 2 : 0);
    return NULL;
}

/* ---------------------------------------------------------------- numbers */

static const double power_of_ten[23] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* [-]digits[.digits] with at most 18 digits. */
static inline bool fast_decimal(uint64_t *out_value, int *out_fraction, bool *out_negative,
                                clade_text t)
{
    size_t   i     = 0;
    uint64_t value = 0;
    if (t.size == 0 || t.size > 20) return false;
    *out_negative      = t.data[0] == '-';
    i                  = *out_negative;
    const size_t first = i;
    while (i < t.size && (unsigned char)(t.data[i] - '0') < 10) {
        value = value * 10 + (unsigned char)(t.data[i++] - '0');
    }
    const size_t n = i - first;
    if (n == 0) return false;
    if (i == t.size) {
        *out_value    = value;
        *out_fraction = 0;
        return n <= 18;
    }
    if (t.data[i++] != '.') return false;
    const size_t point = i;
    while (i < t.size && (unsigned char)(t.data[i] - '0') < 10) {
        value = value * 10 + (unsigned char)(t.data[i++] - '0');
    }
    *out_value    = value;
    *out_fraction = (int)(i - point);
    return i == t.size && n + (i - point) <= 18;
}

const char *clade_value_number(double *out, clade_text text, const clade_column_map *column)
{
    uint64_t value;
    int      fraction;
    bool     negative;
    /* With one point a decimal comma would read the point as grouping: not here. */
    if (fast_decimal(&value, &fraction, &negative, text) && value < (UINT64_C(1) << 53) &&
        (fraction == 0 || !column->decimal_comma)) {
        const double x = (double)value / power_of_ten[fraction]; /* both exact: one rounding */
        *out           = negative ? -x : x;
        return NULL;
    }

    decimal     d;
    const char *why = read_decimal(&d, text, column->decimal_comma, "");
    if (why != NULL) {
        text = clade_text_trim(text);
        if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
            text.data++;
            text.size--;
        }
        if (clade_text_equal_nocase(text, CLADE_TEXT("inf")) ||
            clade_text_equal_nocase(text, CLADE_TEXT("infinity")) ||
            clade_text_equal_nocase(text, CLADE_TEXT("nan"))) {
            return NOT_FINITE;
        }
        return why;
    }
    char spelled[MAX_DIGITS + 24];
    memcpy(spelled, d.digit, (size_t)d.n);
    snprintf(spelled + d.n, sizeof spelled - (size_t)d.n, "e%d", d.point - d.n);
    const double x = strtod(spelled, NULL);
    if (!isfinite(x)) return TOO_LARGE;
    *out = d.negative ? -x : x;
    return NULL;
}

/* ---------------------------------------------------------------- money */

/* Amounts above this have no business in a shop, and sums of many must fit in 64 bits. */
static const uint64_t MAX_MINOR =
    UINT64_C(100000000000000000); /* 10^17: a quadrillion of dollars */

const char *clade_value_money(int64_t *out_minor, char out_currency[4], clade_text text,
                              const clade_column_map *column, const char currency[4])
{
    static const uint64_t scale[7] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };
    uint64_t              value;
    int                   fraction;
    bool                  negative;
    if (fast_decimal(&value, &fraction, &negative, text) &&
        (fraction == 0 || !column->decimal_comma)) {
        const int digits = minor_digits(currency);
        if (fraction <= digits) {
            if (value > MAX_MINOR / scale[digits - fraction]) return TOO_LARGE;
            value *= scale[digits - fraction];
        } else {
            uint64_t down = 1;
            for (int i = digits; i < fraction; i++)
                down *= 10;
            value = value / down + (value % down >= down - down / 2);
        }
        if (value > MAX_MINOR) return TOO_LARGE;
        *out_minor = negative ? -(int64_t)value : (int64_t)value;
        memcpy(out_currency, currency, 4);
        return NULL;
    }

    decimal     d;
    const char *why = read_decimal(&d, text, column->decimal_comma, currency);
    if (why != NULL) {
        double number;
        return clade_value_number(&number, text, column) == NOT_FINITE ? NOT_FINITE : why;
    }
    if (d.percent) return "a percentage, an amount was wanted";
    const char *code  = d.currency[0] != '\0' ? d.currency : currency;
    const int   want  = d.point + minor_digits(code); /* digits in the result */
    uint64_t    minor = 0;
    for (int i = 0; i < want; i++) {
        minor = minor * 10 + (uint64_t)(i < d.n ? d.digit[i] - '0' : 0);
        if (minor > MAX_MINOR) return TOO_LARGE;
    }
    if (want >= 0 && want < d.n && d.digit[want] >= '5') minor++;
    *out_minor = d.negative ? -(int64_t)minor : (int64_t)minor;
    memcpy(out_currency, code, 4);
    return NULL;
}
