/* Exact decimals: money is never a double. A mantissa has at most 18 digits, so that a sum fits in
 * 64 bits and a product in 128. */
#include "internal.h"

enum { MAX_DIGITS = 18, MAX_TEXT = 64, MAX_AROUND = 12 };
static const int64_t MAX_UNITS = INT64_C(1000000000000000); /* 10^15 */

__extension__ typedef __int128 wide;

/* Digits with at most one point at `point` (SIZE_MAX for none) and an exponent, to a decimal. */
typedef struct collector {
    int64_t mantissa;
    int     n, scale; /* digits that count, digits behind the point */
    bool    behind, over;
} collector;

static inline void collect(collector *c, char digit)
{
    if (c->n == MAX_DIGITS) { /* behind the point no rounding sees it; before it is too large */
        c->over = c->over || !c->behind;
        return;
    }
    c->mantissa = c->mantissa * 10 + (digit - '0');
    c->n += c->mantissa != 0;
    c->scale += c->behind;
}

/* Powers of ten into the mantissa or the scale. */
static bool apply_exponent(decimal *value, long exponent)
{
    while (exponent < 0 && value->scale < MAX_DIGITS) {
        value->scale += 1;
        exponent += 1;
    }
    while (exponent < 0 && value->mantissa % 10 == 0 && value->mantissa != 0) {
        value->mantissa /= 10;
        exponent += 1;
    }
    while (exponent > 0 && value->scale > 0) {
        value->scale -= 1;
        exponent -= 1;
    }
    while (exponent > 0 && value->mantissa != 0) {
        if (value->mantissa > INT64_C(99999999999999999)) return false;
        value->mantissa *= 10;
        exponent -= 1;
    }
    return exponent >= 0 || value->mantissa == 0;
}

/* As JSON spells numbers; also ".5", "+3" and "007", which people write. */
static bool read_plain(decimal *out, clade_text text, bool *out_plain)
{
    collector c        = { 0 };
    size_t    i        = 0;
    bool      negative = false, digits = false;
    long      exponent = 0;
    if (i < text.size && (text.data[i] == '-' || text.data[i] == '+'))
        negative = text.data[i++] == '-';
    for (; i < text.size; i++) {
        const char digit = text.data[i];
        if (digit == '.' && !c.behind) {
            c.behind = true;
        } else if (digit >= '0' && digit <= '9') {
            collect(&c, digit);
            digits = true;
        } else {
            break;
        }
    }
    if (!digits || c.over) return false;
    *out       = (decimal){ negative ? -c.mantissa : c.mantissa, c.scale, true };
    *out_plain = i == text.size && text.data[0] != '+' && text.data[0] != '.' &&
                 text.data[text.size - 1] != '.' && c.scale < MAX_DIGITS;
    if (i == text.size) return true;
    if (text.data[i] != 'e' && text.data[i] != 'E') return false;
    i += 1;
    bool minus = false;
    if (i < text.size && (text.data[i] == '-' || text.data[i] == '+'))
        minus = text.data[i++] == '-';
    if (i == text.size) return false;
    for (; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        if (exponent < 1000) exponent = exponent * 10 + (text.data[i] - '0');
    }
    return apply_exponent(out, minus ? -exponent : exponent);
}

/* Where is the point of "1.234,56", "1,234.56", "72,93", "1,234"? The last of two kinds of mark;
 * one alone groups when it occurs twice or when three digits follow a comma. SIZE_MAX for none. */
static size_t find_point(const char *body, size_t n)
{
    size_t commas = 0, points = 0, comma = 0, point = 0;
    for (size_t i = 0; i < n; i++) {
        if (body[i] == ',') commas++, comma = i;
        if (body[i] == '.') points++, point = i;
    }
    if (commas > 0 && points > 0) return comma > point ? comma : point;
    if (points == 1) return point;
    if (commas == 1 && !(n - comma - 1 == 3 && comma >= 1 && comma <= 3 && body[0] != '0'))
        return comma;
    return SIZE_MAX;
}

/* Marks between digits, without the point: groups of three, the first of one to three. */
static bool groups_hold(const char *body, size_t n, size_t point)
{
    size_t group = 0, n_groups = 0;
    for (size_t i = 0; i <= n; i++) {
        const bool end = i == n || i == point;
        if (!end && body[i] >= '0' && body[i] <= '9') {
            group++;
            continue;
        }
        if (n_groups > 0 ? group != 3 : !end && (group == 0 || group > 3)) return false;
        if (end) {
            for (size_t k = i + 1; k < n; k++) {
                if (body[k] < '0' || body[k] > '9') return false;
            }
            return true;
        }
        n_groups++;
        group = 0;
    }
    return true;
}

/* "72,93", "€ 1.234,56", "1 234,56 kr": a few signs around digits and their marks. */
static bool read_patient(decimal *out, clade_text text)
{
    char   body[MAX_TEXT];
    size_t n = 0, first = 0, last = text.size;
    bool   negative = false;
    if (text.size >= MAX_TEXT) return false;
    while (first < last && (text.data[first] < '0' || text.data[first] > '9'))
        first++;
    while (last > first && (text.data[last - 1] < '0' || text.data[last - 1] > '9'))
        last--;
    if (first == last || first > MAX_AROUND || text.size - last > MAX_AROUND) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (i == first) i = last;
        if (i >= text.size) break;
        if (text.data[i] == '-' || text.data[i] == '(') negative = true;
        if (text.data[i] == '%' || text.data[i] == ':' || text.data[i] == '/') return false;
    }
    for (size_t i = first; i < last; i++) {
        const char c = text.data[i];
        if ((c >= '0' && c <= '9') || c == ',' || c == '.') {
            body[n++] = c;
        } else if (c == ' ' || c == '\'' || (c == '\xc2' && text.data[i + 1] == '\xa0')) {
            body[n++] = '\''; /* groups, and can be no point */
            i += c == '\xc2';
        } else if (i + 2 < last && memcmp(text.data + i, "\xe2\x80\xaf", 3) == 0) {
            body[n++] = '\''; /* narrow no-break space */
            i += 2;
        } else {
            return false;
        }
    }
    const size_t point = find_point(body, n);
    collector    c     = { 0 };
    if (!groups_hold(body, n, point)) return false;
    for (size_t i = 0; i < n; i++) {
        if (i == point) c.behind = true;
        if (body[i] >= '0' && body[i] <= '9') collect(&c, body[i]);
    }
    if (c.over) return false;
    *out = (decimal){ negative ? -c.mantissa : c.mantissa, c.scale, true };
    return true;
}

bool clade__decimal_read(decimal *out, clade_text text, bool *out_plain)
{
    *out_plain = false;
    if (read_plain(out, text, out_plain)) return true;
    *out       = (decimal){ 0 };
    *out_plain = false;
    if (read_patient(out, text)) return true;
    *out = (decimal){ 0 };
    return false;
}

clade_text clade__decimal_text(decimal value, clade_arena *arena)
{
    char     text[48];
    uint64_t rest = value.mantissa < 0 ? 0 - (uint64_t)value.mantissa : (uint64_t)value.mantissa;
    size_t   at   = sizeof text; /* from the last digit to the first */
    for (int digit = 0; digit <= value.scale || rest > 0; digit++) {
        if (digit == value.scale && digit > 0) text[--at] = '.';
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (value.mantissa < 0) text[--at] = '-';
    const size_t n = sizeof text - at;
    return (clade_text){ clade_arena_text(arena, text + at, n), n };
}

static wide ten_to(int n)
{
    wide value = 1;
    for (int i = 0; i < n; i++)
        value *= 10;
    return value;
}

static bool round_to(int64_t *out, wide value, int scale, int digits)
{
    if (scale > digits) {
        const wide unit = ten_to(scale - digits), half = unit / 2;
        value = value < 0 ? -((-value + half) / unit) : (value + half) / unit;
    } else {
        for (int i = scale; i < digits; i++) {
            if (value > MAX_UNITS || value < -MAX_UNITS) return false;
            value *= 10;
        }
    }
    if (value > MAX_UNITS || value < -MAX_UNITS) return false;
    *out = (int64_t)value;
    return true;
}

bool clade__decimal_units(int64_t *out, decimal value, int digits)
{
    return round_to(out, value.mantissa, value.scale, digits);
}

bool clade__decimals_product(int64_t *out, decimal a, decimal b, int digits)
{
    return round_to(out, (wide)a.mantissa * b.mantissa, a.scale + b.scale, digits);
}

bool clade__decimal_add(decimal *out, decimal a, decimal b)
{
    if (a.scale < b.scale) {
        const decimal swap = a;
        a                  = b;
        b                  = swap;
    }
    const wide sum = a.mantissa + (wide)b.mantissa * ten_to(a.scale - b.scale);
    if (sum > INT64_C(999999999999999999) || sum < INT64_C(-999999999999999999)) return false;
    *out = (decimal){ (int64_t)sum, a.scale, true };
    return true;
}

decimal clade__decimal_of(int64_t units, int digits)
{
    return (decimal){ units, digits, true };
}

void clade__share(int64_t *out, int64_t amount, const int64_t *weight, size_t n)
{
    const bool negative = amount < 0;
    const wide size     = negative ? -(wide)amount : amount;
    wide       all = 0, upto = 0, given = 0;
    for (size_t i = 0; i < n; i++)
        all += weight[i];
    for (size_t i = 0; i < n; i++) {
        upto += weight[i];
        const wide here = size * upto / all;
        out[i]          = (int64_t)(negative ? given - here : here - given);
        given           = here;
    }
}
