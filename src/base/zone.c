/* Time zones from the system's TZif files (RFC 8536). Transitions past the end of the table follow
 * the last rule in the file's footer (POSIX TZ), which is expanded year by year up to
 * ZONE_LAST_YEAR. */
#include "clade/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ZONE_LAST_YEAR = 2100, ZONE_MAX_FILE_BYTES = 1 << 20 };

struct clade_zone {
    size_t   n;         /* transitions */
    int64_t *at_us;     /* (n) UTC moment from which offset_us[i] holds */
    int64_t *offset_us; /* (n) east of Greenwich is positive */
    int64_t  first_us;  /* offset before the first transition */
};

static int64_t read_be(const unsigned char *p, int n_bytes)
{
    uint64_t value = (p[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (int i = 0; i < n_bytes; i++)
        value = value << 8 | p[i];
    return (int64_t)value;
}

static bool add_transition(clade_zone *zone, size_t *capacity, size_t *capacity_offset,
                           int64_t at_us, int64_t offset_us)
{
    if (!CLADE_GROW(&zone->at_us, capacity, zone->n + 1)) return false;
    if (!CLADE_GROW(&zone->offset_us, capacity_offset, zone->n + 1)) return false;
    zone->at_us[zone->n]     = at_us;
    zone->offset_us[zone->n] = offset_us;
    zone->n += 1;
    return true;
}

/* ---- the footer: "GMT0BST,M3.5.0/1,M10.5.0" ---- */

typedef struct zone_rule {
    int     month, week, weekday; /* Mm.w.d */
    int64_t clock_us;
} zone_rule;

static bool skip_name(const char **s)
{
    if (**s == '<') {
        while (**s != '\0' && **s != '>')
            *s += 1;
        if (**s != '>') return false;
        *s += 1;
        return true;
    }
    const char *start = *s;
    while ((**s >= 'A' && **s <= 'Z') || (**s >= 'a' && **s <= 'z'))
        *s += 1;
    return *s - start >= 3;
}

static bool read_hms(const char **s, int64_t *out_us)
{
    int     sign     = 1;
    int64_t part[3]  = { 0, 0, 0 };
    int     n_digits = 0;
    if (**s == '+' || **s == '-') {
        sign = **s == '-' ? -1 : 1;
        *s += 1;
    }
    for (int i = 0; i < 3; i++) {
        for (n_digits = 0; **s >= '0' && **s <= '9' && n_digits < 3; *s += 1, n_digits++) {
            part[i] = part[i] * 10 + (**s - '0');
        }
        if (n_digits == 0) return false;
        if (**s != ':') break;
        *s += 1;
    }
    *out_us = sign * ((part[0] * 60 + part[1]) * 60 + part[2]) * CLADE_US_PER_SECOND;
    return true;
}

static bool read_rule(const char **s, zone_rule *rule)
{
    int used       = 0;
    rule->clock_us = 2 * CLADE_US_PER_HOUR;
    if (sscanf(*s, ",M%2d.%1d.%1d%n", &rule->month, &rule->week, &rule->weekday, &used) != 3) {
        return false;
    }
    *s += used;
    if (**s == '/') {
        *s += 1;
        if (!read_hms(s, &rule->clock_us)) return false;
    }
    return rule->month >= 1 && rule->month <= 12 && rule->week >= 1 && rule->week <= 5;
}

/* Local standard moment, as if it were UTC, at which a rule fires in a year. */
static int64_t rule_moment(const zone_rule *rule, int year)
{
    const int64_t first   = clade_days_from_civil(year, rule->month, 1);
    const int64_t next    = rule->month == 12 ? clade_days_from_civil(year + 1, 1, 1)
                                              : clade_days_from_civil(year, rule->month + 1, 1);
    const int64_t weekday = ((first % 7) + 11) % 7; /* 1970-01-01 was a Thursday; 0 is Sunday */
    int64_t       day     = first + (rule->weekday - weekday + 7) % 7 + 7 * (rule->week - 1);
    while (day >= next)
        day -= 7; /* week 5 means the last one */
    return day * CLADE_US_PER_DAY + rule->clock_us;
}

static bool expand_footer(clade_zone *zone, size_t *capacity, size_t *capacity_offset,
                          const char *s)
{
    int64_t   standard_us, summer_us;
    zone_rule start, end;
    if (!skip_name(&s) || !read_hms(&s, &standard_us)) return true; /* no rule: the table is all */
    standard_us = -standard_us;
    if (*s == '\0') return true;
    if (!skip_name(&s)) return true;
    summer_us = standard_us + CLADE_US_PER_HOUR;
    if (*s != ',') {
        if (!read_hms(&s, &summer_us)) return true;
        summer_us = -summer_us;
    }
    if (!read_rule(&s, &start) || !read_rule(&s, &end)) return true;

    const int64_t last_us = zone->n == 0 ? INT64_MIN : zone->at_us[zone->n - 1];
    const int     from    = zone->n == 0 ? 1970 : clade_civil_from_us(last_us).year;
    for (int year = from; year <= ZONE_LAST_YEAR; year++) {
        const int64_t on_us  = rule_moment(&start, year) - standard_us;
        const int64_t off_us = rule_moment(&end, year) - summer_us;
        const bool    north  = on_us < off_us;
        const int64_t at[2]  = { north ? on_us : off_us, north ? off_us : on_us };
        const int64_t to[2]  = { north ? summer_us : standard_us, north ? standard_us : summer_us };
        for (int i = 0; i < 2; i++) {
            if (at[i] <= last_us) continue;
            if (!add_transition(zone, capacity, capacity_offset, at[i], to[i])) return false;
        }
    }
    return true;
}

/* ---- the table ---- */

typedef struct zone_header {
    size_t n_isut, n_isstd, n_leap, n_time, n_type, n_char;
} zone_header;

static bool read_header(zone_header *header, const unsigned char *p, size_t size)
{
    if (size < 44 || memcmp(p, "TZif", 4) != 0) return false;
    size_t *field[6] = { &header->n_isut, &header->n_isstd, &header->n_leap,
                         &header->n_time, &header->n_type,  &header->n_char };
    for (int i = 0; i < 6; i++) {
        *field[i] = (size_t)(uint32_t)read_be(p + 20 + 4 * i, 4);
        if (*field[i] > 100000) return false;
    }
    return header->n_type > 0;
}

static size_t table_bytes(const zone_header *h, size_t time_bytes)
{
    return h->n_time * (time_bytes + 1) + h->n_type * 6 + h->n_char + h->n_leap * (time_bytes + 4) +
           h->n_isstd + h->n_isut;
}

/* Version 2 files hold the table twice: 32-bit first, then 64-bit and the footer. 1: no memory. */
static int parse_zone(clade_zone *zone, const unsigned char *data, size_t size)
{
    zone_header h;
    size_t      capacity = 0, capacity_offset = 0;
    if (!read_header(&h, data, size) || data[4] < '2') return -1;
    const size_t skip = 44 + table_bytes(&h, 4);
    if (skip >= size || !read_header(&h, data + skip, size - skip)) return -1;
    const unsigned char *p = data + skip + 44;
    if (skip + 44 + table_bytes(&h, 8) > size) return -1;

    const unsigned char *times = p, *types = p + 8 * h.n_time, *infos = types + h.n_time;
    zone->first_us = read_be(infos, 4) * CLADE_US_PER_SECOND;
    for (size_t i = 0; i < h.n_time; i++) {
        const int64_t at_s = read_be(times + 8 * i, 8);
        if (types[i] >= h.n_type) return -1;
        if (at_s < -(INT64_C(1) << 40) || at_s > (INT64_C(1) << 40)) continue;
        if (!add_transition(zone, &capacity, &capacity_offset, at_s * CLADE_US_PER_SECOND,
                            read_be(infos + 6 * types[i], 4) * CLADE_US_PER_SECOND)) {
            return 1;
        }
    }
    const size_t foot = skip + 44 + table_bytes(&h, 8);
    char         footer[128];
    size_t       n = 0;
    if (foot < size && data[foot] == '\n') {
        while (foot + 1 + n < size && n + 1 < sizeof footer && data[foot + 1 + n] != '\n') {
            footer[n] = (char)data[foot + 1 + n];
            n++;
        }
    }
    footer[n] = '\0';
    return expand_footer(zone, &capacity, &capacity_offset, footer) ? 0 : 1;
}

/* "UTC", "Z", "+08:00", "-0530". */
static bool fixed_offset(int64_t *out_us, const char *name)
{
    int hours = 0, minutes = 0, used = 0;
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0 || strcmp(name, "GMT") == 0) {
        *out_us = 0;
        return true;
    }
    if (name[0] != '+' && name[0] != '-') return false;
    if (sscanf(name + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
        sscanf(name + 1, "%2d%2d%n", &hours, &minutes, &used) != 2) {
        return false;
    }
    if (name[1 + used] != '\0' || hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
        return false;
    *out_us = (name[0] == '-' ? -1 : 1) * (hours * 60 + minutes) * 60 * CLADE_US_PER_SECOND;
    return true;
}

static bool name_is_safe(const char *name)
{
    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") != NULL || strlen(name) > 64) {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
              strchr("/_+-", *c) != NULL)) {
            return false;
        }
    }
    return true;
}

clade_status clade_zone_open(clade_zone **out_zone, const char *name, clade_error *err)
{
    clade_status   status = CLADE_OK;
    clade_zone    *zone   = NULL;
    unsigned char *data   = NULL;
    FILE          *file   = NULL;
    char           path[128];

    zone = CLADE_NEW(clade_zone, 1);
    data = CLADE_NEW(unsigned char, ZONE_MAX_FILE_BYTES);
    if (zone == NULL || data == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the time zone %s", name);
        goto done;
    }
    if (!fixed_offset(&zone->first_us, name)) {
        snprintf(path, sizeof path, "/usr/share/zoneinfo/%.64s", name);
        if (name_is_safe(name)) file = fopen(path, "rb");
        const size_t size   = file == NULL ? 0 : fread(data, 1, ZONE_MAX_FILE_BYTES, file);
        const int    result = size == 0 ? -1 : parse_zone(zone, data, size);
        if (result != 0) {
            status = result > 0
                         ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for the zone %s", name)
                         : clade_fail(err, CLADE_ERR_ARG,
                                      "'%s' is not a time zone this system knows: write "
                                      "Europe/London, Asia/Shanghai or +08:00",
                                      name);
            goto done;
        }
    }
    *out_zone = zone;
    zone      = NULL;
done:
    clade_zone_close(zone);
    free(data);
    if (file != NULL) fclose(file);
    return status;
}

void clade_zone_close(clade_zone *zone)
{
    if (zone == NULL) return;
    free(zone->at_us);
    free(zone->offset_us);
    free(zone);
}

/* Index of the last transition at or before a UTC moment, or -1. */
static ptrdiff_t last_before(const clade_zone *zone, int64_t utc_us)
{
    size_t low = 0, high = zone->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (zone->at_us[middle] <= utc_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (ptrdiff_t)low - 1;
}

static int64_t offset_at(const clade_zone *zone, ptrdiff_t i)
{
    return i < 0 ? zone->first_us : zone->offset_us[i];
}

int64_t clade_zone_to_local(const clade_zone *zone, int64_t utc_us)
{
    return utc_us + offset_at(zone, last_before(zone, utc_us));
}

int64_t clade_zone_to_utc(const clade_zone *zone, int64_t local_us)
{
    if (zone->n == 0) return local_us - zone->first_us;
    /* The transition nearest to the wall time; try the offset before it first: in an overlap that
     * is the first of the two moments, and in a gap it moves the clock forward. */
    const ptrdiff_t near  = last_before(zone, local_us + CLADE_US_PER_DAY);
    ptrdiff_t       first = near;
    while (first >= 0 && zone->at_us[first] > local_us - CLADE_US_PER_DAY)
        first--;
    for (ptrdiff_t i = first; i < near; i++) {
        const int64_t utc_us = local_us - offset_at(zone, i);
        if (utc_us < zone->at_us[i + 1]) return utc_us;
        /* A gap: no moment has this wall time. */
        const int64_t after_us = local_us - offset_at(zone, i + 1);
        if (after_us < zone->at_us[i + 1]) return utc_us;
    }
    return local_us - offset_at(zone, near);
}
