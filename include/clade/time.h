/**
 * Time: moments are 64-bit UTC microseconds since 1970-01-01, in the proleptic Gregorian calendar.
 */
#ifndef CLADE_TIME_H
#define CLADE_TIME_H

#include "clade/text.h"

#define CLADE_US_PER_SECOND INT64_C(1000000)
#define CLADE_US_PER_HOUR   (3600 * CLADE_US_PER_SECOND)
#define CLADE_US_PER_DAY    (86400 * CLADE_US_PER_SECOND)

/** Moments clade stores: year 1 to year 9999. Outside of it a date is a data error. */
#define CLADE_TIME_MIN_US INT64_C(-62135596800000000)
#define CLADE_TIME_MAX_US INT64_C(253402300799999999)

typedef struct clade_civil {
    int year, month, day; /* month 1..12, day 1..31 */
    int hour, minute, second, microsecond;
} clade_civil;

/** Days since 1970-01-01 of a civil date; any day of month is accepted and carried. */
CLADE_API int64_t     clade_days_from_civil(int year, int month, int day);
CLADE_API clade_civil clade_civil_from_us(int64_t moment_us);
CLADE_API int64_t     clade_us_from_civil(clade_civil civil);
CLADE_API bool        clade_civil_valid(clade_civil civil);

/** "2011-09-10T00:00:00Z"; microseconds only when there are any. */
CLADE_API void clade_time_format(char out[40], int64_t moment_us);
/** "2011-09-10". */
CLADE_API void clade_date_format(char out[16], int64_t moment_us);
/**
 * RFC 3339, or a date alone (midnight UTC), or a date and time without zone (UTC).
 * @return CLADE_ERR_ARG naming the text when it is none of these.
 */
CLADE_API CLADE_MUST_USE clade_status clade_time_parse(int64_t *out_us, const char *text,
                                                       clade_error *err);
/** "90d", "12h", "4w", "1y" (365 days) as microseconds. */
CLADE_API CLADE_MUST_USE clade_status clade_duration_parse(int64_t *out_us, const char *text,
                                                           clade_error *err);

/** The clock on the wall, UTC. Nothing that must be repeatable may depend on it. */
CLADE_API int64_t clade_now_us(void);
/** A clock that only goes forward, for durations. */
CLADE_API double clade_seconds(void);

/**
 * A time zone by its IANA name ("Europe/London", "Asia/Shanghai"), or a fixed offset ("+08:00").
 * Read from the system's zone files.
 */
typedef struct clade_zone             clade_zone;
CLADE_API CLADE_MUST_USE clade_status clade_zone_open(clade_zone **out_zone, const char *name,
                                                      clade_error *err);
CLADE_API void                        clade_zone_close(clade_zone *zone);
/** Local wall time to UTC. In a gap the offset before it counts; in an overlap the first one. */
CLADE_API int64_t clade_zone_to_utc(const clade_zone *zone, int64_t local_us);
/** UTC to local wall time. */
CLADE_API int64_t clade_zone_to_local(const clade_zone *zone, int64_t utc_us);

#endif
