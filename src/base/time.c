/* Civil time and moments. The day arithmetic is Howard Hinnant's (chrono-compatible low-level date
 * algorithms, public domain paper): years begin in March, so leap days fall at the end. */
#include "clade/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t clade_days_from_civil(int year, int month, int day)
{
    const int64_t y       = (int64_t)year - (month <= 2);
    const int64_t era     = (y >= 0 ? y : y - 399) / 400;
    const int64_t of_era  = y - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

clade_civil clade_civil_from_us(int64_t moment_us)
{
    int64_t days = moment_us / CLADE_US_PER_DAY;
    int64_t rest = moment_us % CLADE_US_PER_DAY;
    if (rest < 0) {
        rest += CLADE_US_PER_DAY;
        days -= 1;
    }
    const int64_t z       = days + 719468;
    const int64_t era     = (z >= 0 ? z : z - 146096) / 146097;
    const int64_t of_era  = z - era * 146097;
    const int64_t year    = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month   = (5 * of_year + 2) / 153; /* 0 is March */
    const int64_t seconds = rest / CLADE_US_PER_SECOND;

    clade_civil civil;
    civil.day         = (int)(of_year - (153 * month + 2) / 5 + 1);
    civil.month       = (int)(month < 10 ? month + 3 : month - 9);
    civil.year        = (int)(year + era * 400 + (civil.month <= 2));
    civil.hour        = (int)(seconds / 3600);
    civil.minute      = (int)(seconds / 60 % 60);
    civil.second      = (int)(seconds % 60);
    civil.microsecond = (int)(rest % CLADE_US_PER_SECOND);
    return civil;
}

int64_t clade_us_from_civil(clade_civil c)
{
    return clade_days_from_civil(c.year, c.month, c.day) * CLADE_US_PER_DAY +
           (((int64_t)c.hour * 60 + c.minute) * 60 + c.second) * CLADE_US_PER_SECOND +
           c.microsecond;
}

bool clade_civil_valid(clade_civil c)
{
    static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (c.year < 1 || c.year > 9999 || c.month < 1 || c.month > 12 || c.day < 1) return false;
    const bool leap = (c.year % 4 == 0 && c.year % 100 != 0) || c.year % 400 == 0;
    if (c.day > days[c.month - 1] + (c.month == 2 && leap)) return false;
    return c.hour >= 0 && c.hour < 24 && c.minute >= 0 && c.minute < 60 && c.second >= 0 &&
           c.second < 60 && c.microsecond >= 0 && c.microsecond < 1000000;
}

void clade_time_format(char out[40], int64_t moment_us)
{
    const clade_civil c = clade_civil_from_us(moment_us);
    int n = snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour,
                     c.minute, c.second);
    if (c.microsecond != 0) n += snprintf(out + n, 40 - (size_t)n, ".%06d", c.microsecond);
    snprintf(out + n, 40 - (size_t)n, "Z");
}

void clade_date_format(char out[16], int64_t moment_us)
{
    const clade_civil c = clade_civil_from_us(moment_us);
    snprintf(out, 16, "%04u-%02u-%02u", (unsigned)c.year % 10000u, (unsigned)c.month % 100u,
             (unsigned)c.day % 100u);
}

/* Exactly n digits at *s, or -1. */
static int read_digits(const char **s, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if ((*s)[i] < '0' || (*s)[i] > '9') return -1;
        value = value * 10 + ((*s)[i] - '0');
    }
    *s += n;
    return value;
}

/* The clock behind a date: "T08:26", "T08:26:01.250". Leaves *s behind it. */
static bool read_clock(const char **s, clade_civil *c)
{
    *s += 1;
    c->hour = read_digits(s, 2);
    if (c->hour < 0 || **s != ':') return false;
    *s += 1;
    c->minute = read_digits(s, 2);
    if (c->minute < 0) return false;
    if (**s != ':') return true;
    *s += 1;
    c->second = read_digits(s, 2);
    if (c->second < 0) return false;
    if (**s != '.') return true;
    *s += 1;
    int scale = 100000;
    if (**s < '0' || **s > '9') return false;
    for (; **s >= '0' && **s <= '9'; *s += 1) {
        c->microsecond += (**s - '0') * scale;
        scale /= 10;
    }
    return true;
}

/* "Z", "+08:00", "-0500" or nothing. */
static bool read_offset(const char **s, int64_t *out_us)
{
    *out_us = 0;
    if (**s == '\0') return true;
    if (**s == 'Z' || **s == 'z') {
        *s += 1;
        return true;
    }
    if (**s != '+' && **s != '-') return false;
    const int sign = **s == '-' ? -1 : 1;
    *s += 1;
    const int hours = read_digits(s, 2);
    if (hours < 0 || hours > 15) return false;
    if (**s == ':') *s += 1;
    const int minutes = read_digits(s, 2);
    if (minutes < 0 || minutes > 59) return false;
    *out_us = sign * (hours * 60 + minutes) * 60 * CLADE_US_PER_SECOND;
    return true;
}

clade_status clade_time_parse(int64_t *out_us, const char *text, clade_error *err)
{
    const char *s         = text;
    clade_civil c         = { 0 };
    int64_t     offset_us = 0;

    c.year = read_digits(&s, 4);
    if (c.year < 0 || *s++ != '-') goto bad;
    c.month = read_digits(&s, 2);
    if (c.month < 0 || *s++ != '-') goto bad;
    c.day = read_digits(&s, 2);
    if (c.day < 0) goto bad;
    if (*s == 'T' || *s == 't' || *s == ' ') {
        if (!read_clock(&s, &c) || !read_offset(&s, &offset_us)) goto bad;
    }
    if (*s != '\0' || !clade_civil_valid(c)) goto bad;
    *out_us = clade_us_from_civil(c) - offset_us;
    return CLADE_OK;
bad:
    return clade_fail(err, CLADE_ERR_ARG,
                      "'%s' is not a moment: write 2011-09-10 or 2011-09-10T13:05:00Z", text);
}

clade_status clade_duration_parse(int64_t *out_us, const char *text, clade_error *err)
{
    char        *end;
    const double n    = strtod(text, &end);
    double       unit = 0;
    if (end != text && end[0] != '\0' && end[1] == '\0') {
        switch (*end) {
        case 's': unit = (double)CLADE_US_PER_SECOND; break;
        case 'm': unit = 60.0 * (double)CLADE_US_PER_SECOND; break;
        case 'h': unit = (double)CLADE_US_PER_HOUR; break;
        case 'd': unit = (double)CLADE_US_PER_DAY; break;
        case 'w': unit = 7.0 * (double)CLADE_US_PER_DAY; break;
        case 'y': unit = 365.0 * (double)CLADE_US_PER_DAY; break;
        default: break;
        }
    }
    const double us = n * unit;
    if (unit == 0 || !(us > 0) || us > 4e18) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "'%s' is not a length of time: write 90d, 12h, 4w or 1y", text);
    }
    *out_us = (int64_t)us;
    return CLADE_OK;
}

int64_t clade_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * CLADE_US_PER_SECOND + now.tv_nsec / 1000;
}

double clade_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
