/* Moments as people write them. The two forms that databases write, "2010-12-01 08:26:00" and
 * "2010-12-01", take a fast path of a few nanoseconds: one value of each row passes here. */
#include "mapping_parts.h"

#include <math.h>
#include <stdlib.h>

static const char NOT_A_TIME[]  = "not a date or time that is known";
static const char BAD_YEAR[]    = "the year is outside of 1 to 9999";
static const char NO_SUCH_DAY[] = "there is no such day or hour";

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------- civil time to a moment */

static inline bool civil_ok(const clade_civil *c)
{
    static const unsigned char days[13] = { 0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if ((unsigned)(c->month - 1) > 11 || c->day < 1 || c->day > days[c->month]) return false;
    if (c->month == 2 && c->day == 29 &&
        (c->year % 4 != 0 || (c->year % 100 == 0 && c->year % 400 != 0))) {
        return false;
    }
    if ((unsigned)c->hour > 23) { /* 24:00 is the end of the day */
        if (c->hour != 24 || c->minute != 0 || c->second != 0 || c->microsecond != 0) return false;
    }
    return (unsigned)c->minute < 60 && (unsigned)c->second <= 60; /* 60: a leap second */
}

/* Days since 1970-01-01, as clade_days_from_civil but in line, for years above 0 (Hinnant, 2013).
 */
static inline int64_t days_of(int year, int month, int day)
{
    const unsigned y = (unsigned)(month <= 2 ? year - 1 : year);
    const unsigned m = (unsigned)(month > 2 ? month - 3 : month + 9);
    return (int64_t)(365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + (unsigned)day) -
           719469;
}

static inline const char *finish(int64_t *out_us, const clade_civil *c, bool has_offset,
                                 int64_t offset_us, const clade_zone *zone)
{
    if (c->year < 1 || c->year > 9999) return BAD_YEAR;
    if (!civil_ok(c)) return NO_SUCH_DAY;
    int64_t us = days_of(c->year, c->month, c->day) * CLADE_US_PER_DAY +
                 ((c->hour * INT64_C(60) + c->minute) * 60 + c->second) * CLADE_US_PER_SECOND +
                 c->microsecond;
    if (has_offset) {
        us -= offset_us;
    } else if (zone != NULL) {
        us = clade_zone_to_utc(zone, us);
    }
    if (us < CLADE_TIME_MIN_US || us > CLADE_TIME_MAX_US) return BAD_YEAR;
    *out_us = us;
    return NULL;
}

/* ---------------------------------------------------------------- the fast path */

static inline unsigned two(const char *p)
{
    return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* Eight bytes are digits: add 0x46 to each and look for a carry out of '0'..'9' (Mula, 2018). */
static inline bool all_digits8(uint64_t v)
{
    return ((v & (v + UINT64_C(0x0606060606060606)) & UINT64_C(0xf0f0f0f0f0f0f0f0))) ==
           UINT64_C(0x3030303030303030);
}

/* "2010-12-01", "2010-12-01 08:26:00" or with a T; also a point with digits, and a Z. */
static inline bool fast_iso(clade_civil *out, bool *out_utc, clade_text t)
{
    const char *const p = t.data;
    char              digits[16];
    if (t.size != 10 && t.size < 19) return false;
    if (p[4] != '-' || p[7] != '-') return false;
    memcpy(digits, p, 4);
    memcpy(digits + 4, p + 5, 2);
    memcpy(digits + 6, p + 8, 2);
    uint64_t v;
    memcpy(&v, digits, 8);
    if (!all_digits8(v)) return false;
    *out     = (clade_civil){ .year  = (int)(two(p) * 100 + two(p + 2)),
                              .month = (int)two(p + 5),
                              .day   = (int)two(p + 8) };
    *out_utc = false;
    if (t.size == 10) return true;
    if ((p[10] != ' ' && p[10] != 'T') || p[13] != ':' || p[16] != ':') return false;
    memcpy(digits + 8, p + 11, 2);
    memcpy(digits + 10, p + 14, 2);
    memcpy(digits + 12, p + 17, 2);
    digits[14] = digits[15] = '0';
    memcpy(&v, digits + 8, 8);
    if (!all_digits8(v)) return false;
    out->hour   = (int)two(p + 11);
    out->minute = (int)two(p + 14);
    out->second = (int)two(p + 17);
    size_t i    = 19;
    if (i < t.size && p[i] == '.') {
        int scale = 100000, us = 0;
        for (i++; i < t.size && is_digit(p[i]); i++, scale /= 10)
            us += (p[i] - '0') * scale;
        out->microsecond = us;
    }
    if (i < t.size && p[i] == 'Z') {
        *out_utc = true;
        i++;
    }
    return i == t.size;
}

/* ---------------------------------------------------------------- numbers: epochs and Excel days
 */

/* A plain decimal with up to 18 digits before the point and any number behind it. */
static bool plain_number(int64_t *out_whole, double *out_part, clade_text t)
{
    size_t  i        = 0;
    bool    negative = false;
    int64_t whole    = 0;
    double  part = 0, scale = 0.1;
    if (t.size > 0 && t.data[0] == '-') {
        negative = true;
        i++;
    }
    const size_t first = i;
    for (; i < t.size && is_digit(t.data[i]); i++) {
        if (i - first >= 18) return false;
        whole = whole * 10 + (t.data[i] - '0');
    }
    if (i == first) return false;
    if (i < t.size && t.data[i] == '.') {
        for (i++; i < t.size && is_digit(t.data[i]); i++, scale *= 0.1) {
            part += (t.data[i] - '0') * scale;
        }
    }
    *out_whole = negative ? -whole : whole;
    *out_part  = negative ? -part : part;
    return i == t.size;
}

/* Excel counts days from 1899-12-30, in local time; day 60 never was, and no shop was there then.
 * What it prints is exact to less than a second, so the second is rounded. */
static const char *excel_days(int64_t *out_us, int64_t whole, double part, const clade_zone *zone)
{
    if (whole < 1 || whole > 2958465) return "an Excel day is between 1 and 2958465";
    int64_t us = (whole - 25569) * CLADE_US_PER_DAY +
                 (int64_t)floor(part * 86400.0 + 0.5) * CLADE_US_PER_SECOND;
    if (zone != NULL) us = clade_zone_to_utc(zone, us);
    if (us < CLADE_TIME_MIN_US || us > CLADE_TIME_MAX_US) return BAD_YEAR;
    *out_us = us;
    return NULL;
}

static const char *numeric_time(int64_t *out_us, int64_t whole, double part, int unit,
                                const clade_zone *zone)
{
    if (unit == 4) return excel_days(out_us, whole, part, zone);
    const int64_t step = unit == 1 ? CLADE_US_PER_SECOND : unit == 2 ? 1000 : 1;
    int64_t       us;
    if (__builtin_mul_overflow(whole, step, &us)) return BAD_YEAR;
    us += (int64_t)floor(part * (double)step + 0.5);
    if (us < CLADE_TIME_MIN_US || us > CLADE_TIME_MAX_US) return BAD_YEAR;
    *out_us = us;
    return NULL;
}

/* ---------------------------------------------------------------- the patient path */

typedef struct scan {
    const char *p, *end;
} scan;

/* A month by its English name or the first three letters of it; 0 when it is none. */
static int month_of(const char *word, size_t size)
{
    static const char *const name[12] = { "january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december" };
    if (size == 4 && memcmp(word, "sept", 4) == 0) return 9;
    for (int i = 0; i < 12; i++) {
        const size_t whole = strlen(name[i]);
        if ((size == 3 || size == whole) && memcmp(word, name[i], size) == 0) return i + 1;
    }
    return 0;
}

static bool weekday(const char *word, size_t size)
{
    static const char *const name[7] = { "monday", "tuesday",  "wednesday", "thursday",
                                         "friday", "saturday", "sunday" };
    for (int i = 0; i < 7; i++) {
        if (size >= 3 && size <= strlen(name[i]) && memcmp(word, name[i], size) == 0) return true;
    }
    return false;
}

/* Copy in ASCII: Chinese date words become what stands for them, full-width digits digits. */
static bool to_ascii(char *out, size_t capacity, clade_text t)
{
    static const struct {
        const char *from;
        const char *to;
    } word[] = {
        { "年", "-" },     { "月", "-" },       { "日", " " },           { "号", " " },
        { "时", ":" },     { "點", ":" },       { "点", ":" },           { "時", ":" },
        { "分", ":" },     { "秒", " " },       { "上午", " am" },       { "下午", " pm" },
        { "晚上", " pm" }, { "凌晨", " am" },   { "早上", " am" },       { "中午", " pm" },
        { "星期", " #" },  { "周", " #" },      { "：", ":" },           { "－", "-" },
        { "／", "/" },     { "\xc2\xa0", " " }, { "\xe3\x80\x80", " " }, { "\xe2\x80\xaf", " " },
    };
    size_t n = 0;
    for (size_t i = 0; i < t.size;) {
        const unsigned char c = (unsigned char)t.data[i];
        if (n + 4 > capacity) return false;
        if (c < 0x80) {
            out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            i++;
            continue;
        }
        bool found = false;
        for (size_t k = 0; k < sizeof word / sizeof word[0] && !found; k++) {
            const size_t size = strlen(word[k].from);
            if (i + size > t.size || memcmp(t.data + i, word[k].from, size) != 0) continue;
            const size_t put = strlen(word[k].to);
            memcpy(out + n, word[k].to, put);
            n += put;
            i += size;
            if (word[k].to[1] == '#') { /* the day of the week: one more character */
                uint32_t point;
                n -= 2;
                out[n++] = ' ';
                i += clade_utf8_decode(&point, t.data + i, t.size - i);
            }
            found = true;
        }
        if (found) continue;
        uint32_t     point;
        const size_t length = clade_utf8_decode(&point, t.data + i, t.size - i);
        if (length == 0 || point < 0xff10 || point > 0xff19) return false;
        out[n++] = (char)('0' + (point - 0xff10));
        i += length;
    }
    out[n] = '\0';
    return true;
}

static int number(scan *s, int *out_digits, int max_digits)
{
    int value = 0, n = 0;
    while (s->p < s->end && is_digit(*s->p) && n < max_digits) {
        value = value * 10 + (*s->p++ - '0');
        n++;
    }
    *out_digits = n;
    return value;
}

static void blanks(scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == ',' || *s->p == '\t'))
        s->p++;
}

static size_t word_at(const scan *s)
{
    size_t n = 0;
    while (s->p + n < s->end && s->p[n] >= 'a' && s->p[n] <= 'z')
        n++;
    return n;
}

/* "08:26", "08:26:00.25", "8 pm", "0826" behind a T. */
static bool clock_part(clade_civil *out, scan *s)
{
    int n;
    out->hour = number(s, &n, 2);
    if (n == 0) return false;
    if (n == 2 && s->end - s->p >= 2 && is_digit(s->p[0]) && is_digit(s->p[1])) { /* 082600 */
        out->minute = number(s, &n, 2);
        if (s->end - s->p >= 2 && is_digit(s->p[0])) out->second = number(s, &n, 2);
    } else if (s->p < s->end && (*s->p == ':' || *s->p == '.' || *s->p == 'h')) {
        s->p++;
        if (s->p == s->end || !is_digit(*s->p)) return s->p == s->end || *s->p == ' ';
        out->minute = number(s, &n, 2);
        if (s->p < s->end && (*s->p == ':' || *s->p == '.')) {
            s->p++;
            if (s->p < s->end && is_digit(*s->p)) out->second = number(s, &n, 2);
        }
    }
    if (s->p < s->end &&
        (*s->p == '.' || (*s->p == ',' && s->p + 1 < s->end && is_digit(s->p[1])))) {
        int scale = 100000;
        for (s->p++; s->p < s->end && is_digit(*s->p); s->p++, scale /= 10) {
            out->microsecond += (*s->p - '0') * scale;
        }
    }
    blanks(s);
    const size_t size = word_at(s);
    if (size == 2 && s->p[1] == 'm' && (s->p[0] == 'a' || s->p[0] == 'p')) {
        const bool pm = s->p[0] == 'p';
        if (out->hour > 12 && !pm) return false;
        if (pm && out->hour < 12) out->hour += 12;
        if (!pm && out->hour == 12) out->hour = 0;
        s->p += 2;
    }
    return true;
}

/* "Z", "UTC", "+08:00", "+0800", "+08", "GMT+8". */
static bool offset_part(bool *out_has, int64_t *out_us, scan *s)
{
    int n;
    blanks(s);
    size_t size = word_at(s);
    if ((size == 1 && *s->p == 'z') ||
        (size == 3 && (memcmp(s->p, "utc", 3) == 0 || memcmp(s->p, "gmt", 3) == 0))) {
        *out_has = true;
        *out_us  = 0;
        s->p += size;
    }
    if (s->p < s->end && (*s->p == '+' || *s->p == '-')) {
        const int64_t sign   = *s->p++ == '-' ? -1 : 1;
        const int     hour   = number(s, &n, 2);
        int           minute = 0;
        if (n == 0) return false;
        if (s->p < s->end && *s->p == ':') s->p++;
        if (s->p < s->end && is_digit(*s->p)) minute = number(s, &n, 2);
        if (hour > 18 || minute > 59) return false;
        *out_has = true;
        *out_us  = sign * ((int64_t)hour * 60 + minute) * 60 * CLADE_US_PER_SECOND;
    }
    blanks(s);
    if (s->p < s->end && *s->p == '(') { /* "(China Standard Time)" */
        while (s->p < s->end && *s->p != ')')
            s->p++;
        if (s->p < s->end) s->p++;
        blanks(s);
    }
    return true;
}

static int full_year(int year, int n_digits)
{
    if (n_digits > 2) return year;
    return year + (year < 69 ? 2000 : 1900); /* as POSIX reads %y */
}

/* Three numbers in an order that is proved by their sizes or told by the column. */
static bool order_numbers(clade_civil *out, const int v[3], const int n[3], clade_date_order order)
{
    if (n[0] >= 3 || (order == CLADE_DATE_YMD && n[2] <= 2)) {
        *out = (clade_civil){ .year = full_year(v[0], n[0]), .month = v[1], .day = v[2] };
        return n[0] == 4 || n[0] == 2;
    }
    const bool day_first = v[0] > 12 || (v[1] <= 12 && order == CLADE_DATE_DMY);
    *out                 = (clade_civil){ .year  = full_year(v[2], n[2]),
                                          .month = day_first ? v[1] : v[0],
                                          .day   = day_first ? v[0] : v[1] };
    return n[2] == 4 || n[2] == 2;
}

/* "2010-W48-3": Monday is 1; week 1 has the year's first Thursday. */
static bool week_part(clade_civil *out, scan *s, int year)
{
    int       n, day = 1;
    const int week = number(s, &n, 2);
    if (n != 2 || week < 1 || week > 53 || year < 1 || year > 9999) return false;
    if (s->p + 1 < s->end && *s->p == '-' && is_digit(s->p[1])) {
        s->p++;
        day = number(s, &n, 1);
        if (day < 1 || day > 7) return false;
    }
    const int64_t fourth = clade_days_from_civil(year, 1, 4);
    const int64_t monday = fourth - (fourth + 3) % 7 - ((fourth + 3) % 7 < 0 ? 7 : 0);
    const int64_t next   = clade_days_from_civil(year + 1, 1, 4);
    const int64_t wanted = monday + 7 * (week - 1) + day - 1;
    const int64_t stop   = next - (next + 3) % 7 - ((next + 3) % 7 < 0 ? 7 : 0);
    if (wanted - (day - 1) >= stop) return false; /* the year has 52 weeks */
    *out = clade_civil_from_us(wanted * CLADE_US_PER_DAY);
    return true;
}

static bool date_part(clade_civil *out, scan *s, clade_date_order order)
{
    int    v[3] = { 0 }, n[3] = { 0 }, month = 0;
    size_t size = word_at(s);
    if (size >= 3 && weekday(s->p, size)) {
        s->p += size;
        if (s->p < s->end && *s->p == '.') s->p++;
        blanks(s);
        size = word_at(s);
    }
    if (size >= 3) { /* Dec 1, 2010 */
        month = month_of(s->p, size);
        if (month == 0) return false;
        s->p += size;
        if (s->p < s->end && *s->p == '.') s->p++;
        while (s->p < s->end && (*s->p == ' ' || *s->p == '-' || *s->p == '/'))
            s->p++;
        v[0] = number(s, &n[0], 4);
        if (n[0] == 4) { /* Dec 2010 */
            *out = (clade_civil){ .year = v[0], .month = month, .day = 1 };
            return true;
        }
        if (word_at(s) == 2) s->p += 2; /* 1st */
        while (s->p < s->end && (*s->p == ' ' || *s->p == '-' || *s->p == ',' || *s->p == '/'))
            s->p++;
        v[1] = number(s, &n[1], 4);
        if (n[1] != 4 && n[1] != 2) { /* ctime: Wed Dec  1 08:26:00 2010 is left alone */
            return false;
        }
        *out = (clade_civil){ .year = full_year(v[1], n[1]), .month = month, .day = v[0] };
        return n[0] > 0;
    }
    v[0] = number(s, &n[0], 8);
    if (n[0] == 8) {
        *out = (clade_civil){ .year = v[0] / 10000, .month = v[0] / 100 % 100, .day = v[0] % 100 };
        return true;
    }
    if (n[0] == 0 || n[0] > 4 || s->p == s->end) return false;
    if (n[0] <= 2 && word_at(s) == 2 && month_of(s->p, 2) == 0 && s->p[0] != 'a' &&
        s->p[0] != 'p') {
        s->p += 2; /* 1st, 2nd, 3rd */
    }
    char separator = *s->p;
    if (separator == '-' || separator == '/' || separator == '.' || separator == ' ') s->p++;
    while (s->p < s->end && *s->p == ' ')
        s->p++;
    if (n[0] == 4 && s->p < s->end && *s->p == 'w') { /* ISO week */
        s->p++;
        return week_part(out, s, v[0]);
    }
    size = word_at(s);
    if (size >= 3) { /* 1 Dec 2010, 01-Dec-95 */
        month = month_of(s->p, size);
        if (month == 0) return false;
        s->p += size;
        while (s->p < s->end && strchr(" -/.,", *s->p) != NULL)
            s->p++;
        v[2] = number(s, &n[2], 4);
        if (n[0] == 4) {
            *out = (clade_civil){ .year = v[0], .month = month, .day = n[2] == 0 ? 1 : v[2] };
            return n[2] <= 2;
        }
        *out = (clade_civil){ .year = full_year(v[2], n[2]), .month = month, .day = v[0] };
        return n[2] == 4 || n[2] == 2;
    }
    v[1] = number(s, &n[1], 3);
    if (n[1] == 0 ||
        (separator != '-' && separator != '/' && separator != '.' && separator != ' ')) {
        return false;
    }
    if (s->p < s->end && (*s->p == separator || *s->p == '-')) s->p++;
    while (s->p < s->end && *s->p == ' ' && separator != ' ' && n[0] != 4)
        s->p++;
    v[2] = number(s, &n[2], 4);
    if (n[2] == 0) { /* 2010-12: its first day */
        if (n[0] != 4 || n[1] > 2) return false;
        *out = (clade_civil){ .year = v[0], .month = v[1], .day = 1 };
        return true;
    }
    return n[1] <= 2 && order_numbers(out, v, n, order);
}

static bool starts_with_clock(const scan *s)
{
    const char *p = s->p;
    while (p < s->end && is_digit(*p))
        p++;
    return p > s->p && p - s->p <= 2 && p < s->end && *p == ':';
}

static const char *patient(int64_t *out_us, clade_text text, const clade_column_map *column,
                           const clade_zone *zone)
{
    char        ascii[96];
    clade_civil date = { 0 }, clock = { 0 };
    bool        has_offset = false;
    int64_t     offset_us  = 0;

    if (text.size > 64 || !to_ascii(ascii, sizeof ascii, text)) return NOT_A_TIME;
    scan s = { ascii, ascii + strlen(ascii) };
    blanks(&s);
    const bool clock_first = starts_with_clock(&s);
    if (clock_first && (!clock_part(&clock, &s) || !offset_part(&has_offset, &offset_us, &s))) {
        return NOT_A_TIME;
    }
    if (!date_part(&date, &s, column->date_order)) return NOT_A_TIME;
    if (s.p < s.end && *s.p != ' ' && *s.p != 't' && *s.p != ',' && *s.p != ':' && *s.p != '-' &&
        *s.p != '\t' && *s.p != '+' && *s.p != 'z') {
        return NOT_A_TIME;
    }
    if (!clock_first) {
        if (s.p < s.end && (*s.p == 't' || *s.p == ':' || *s.p == '-')) s.p++;
        blanks(&s);
        const size_t word = word_at(&s);
        if (word == 2 && s.p[1] == 'm' && s.end - s.p > 3) { /* 下午 stands before the hour */
            const bool pm = *s.p == 'p';
            s.p += 2;
            blanks(&s);
            if (!clock_part(&clock, &s)) return NOT_A_TIME;
            if (pm && clock.hour < 12) clock.hour += 12;
        } else if (s.p < s.end && is_digit(*s.p) && !clock_part(&clock, &s)) {
            return NOT_A_TIME;
        }
        if (!offset_part(&has_offset, &offset_us, &s)) return NOT_A_TIME;
    }
    blanks(&s);
    const size_t rest = word_at(&s);
    if (rest >= 3 && weekday(s.p, rest)) s.p += rest; /* 2010-12-01 Wed */
    blanks(&s);
    if (s.p != s.end) return NOT_A_TIME;

    date.hour        = clock.hour;
    date.minute      = clock.minute;
    date.second      = clock.second;
    date.microsecond = clock.microsecond;
    return finish(out_us, &date, has_offset, offset_us, zone);
}

/* All digits: a compact date, or an epoch that its length gives away. */
static const char *digits_time(int64_t *out_us, int64_t whole, double part, clade_text text,
                               const clade_zone *zone)
{
    if (text.size == 8 || text.size == 14) {
        clade_civil c = { 0 };
        if (text.size == 14) {
            c.second = (int)(whole % 100);
            c.minute = (int)(whole / 100 % 100);
            c.hour   = (int)(whole / 10000 % 100);
            whole /= 1000000;
        }
        c.year  = (int)(whole / 10000);
        c.month = (int)(whole / 100 % 100);
        c.day   = (int)(whole % 100);
        return finish(out_us, &c, false, 0, zone);
    }
    if (whole >= INT64_C(300000000) && whole < INT64_C(10000000000)) {
        return numeric_time(out_us, whole, part, 1, zone);
    }
    if (whole >= INT64_C(300000000000) && whole < INT64_C(10000000000000)) {
        return numeric_time(out_us, whole, part, 2, zone);
    }
    if (whole >= INT64_C(300000000000000) && whole < INT64_C(10000000000000000)) {
        return numeric_time(out_us, whole, part, 3, zone);
    }
    return NOT_A_TIME;
}

const char *clade_value_time(int64_t *out_us, clade_text text, const clade_column_map *column,
                             const clade_zone *zone)
{
    clade_civil civil;
    bool        utc;
    int64_t     whole;
    double      part;

    if (column->time_unit == 0) {
        if (fast_iso(&civil, &utc, text)) return finish(out_us, &civil, utc, 0, zone);
        text = clade_text_trim(text);
        if (plain_number(&whole, &part, text) && whole >= 0 && (part == 0.0 || whole > 300000000)) {
            const char *why = digits_time(out_us, whole, part, text, zone);
            if (why != NOT_A_TIME) return why;
        }
        return patient(out_us, text, column, zone);
    }
    text = clade_text_trim(text);
    if (plain_number(&whole, &part, text)) {
        return numeric_time(out_us, whole, part, column->time_unit, zone);
    }
    if (fast_iso(&civil, &utc, text)) return finish(out_us, &civil, utc, 0, zone);
    return patient(out_us, text, column, zone);
}
