/* The shops that the tests of value share: CDNOW and the donors, read from the data folder. */
#ifndef SHOPS_H
#define SHOPS_H

#include "check.h"
#include "clade/value.h"

#include <stdlib.h>
#include <string.h>

enum { SHOP_MAX = 3000 };

typedef struct shop {
    clade_value_customers customers;
    double                x[SHOP_MAX], t_x[SHOP_MAX], T[SHOP_MAX], spend[SHOP_MAX];
    double                weight[SHOP_MAX];
    double later[SHOP_MAX]; /* CDNOW: days with a purchase in the 39 weeks that follow */
} shop;

static inline void shop_point(shop *s, size_t n)
{
    s->customers =
        (clade_value_customers){ .n = n, .x = s->x, .t_x = s->t_x, .T = s->T, .spend = s->spend };
}

/* Days since 1997-01-01 of a day in 1997 or 1998. */
static inline int64_t shop_day(int year, int month, int day)
{
    static const int before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    return (year - 1997) * 365 + before[month - 1] + day - 1;
}

static inline FILE *shop_open(const char *relative)
{
    char path[512], command[600];
    if (check_data(path, relative) == NULL) return NULL;
    snprintf(command, sizeof command, "zstd -qdc '%s'", path);
    return popen(command, "r");
}

/* v in hundredths, halves up: as the published summary of CDNOW was written. The sum is a whole
 * number of cents, so that no half is lost to binary fractions. */
static inline double shop_round(double sum, double x)
{
    const long cents = lround(sum * 100), n = (long)x;
    return (double)((2 * cents + n) / (2 * n)) / 100;
}

/* The 1/10 sample: 39 weeks up to 1997-09-30, time in weeks; `rounded` to hundredths, money and
 * time, as in the published summary. False when the data is not here. */
static inline bool shop_cdnow(shop *s, bool rounded)
{
    static int64_t day[256];
    static double  amount[256];
    char           line[256];
    int            customer = 0, next = 0, year = 0, month = 0, date = 0, units = 0;
    double         dollars = 0;
    size_t         n = 0, n_days = 0;
    FILE *const    file = shop_open("cdnow/sample_1_10.csv.zst");
    if (file == NULL) return false;
    assert_non_null(fgets(line, sizeof line, file));
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, file) != NULL;
        if (more) {
            assert_int_equal(sscanf(line, "%*d,%d,%d-%d-%d,%d,%lf", &next, &year, &month, &date,
                                    &units, &dollars),
                             6);
        }
        if (n_days > 0 && (!more || next != customer)) {
            clade_value_summary c;
            check_ok(
                clade_value_summarise(&c, day, amount, n_days, shop_day(1997, 9, 30), 7, NULL));
            s->x[n]     = c.x;
            s->t_x[n]   = rounded ? round(c.t_x * 100) / 100 : c.t_x;
            s->T[n]     = rounded ? round(c.T * 100) / 100 : c.T;
            s->spend[n] = rounded && c.x > 0 ? shop_round(c.spend * c.x, c.x) : c.spend;
            clade_value_summary whole;
            check_ok(
                clade_value_summarise(&whole, day, NULL, n_days, shop_day(1998, 6, 30), 7, NULL));
            s->later[n] = whole.x - c.x;
            n++;
            n_days = 0;
        }
        customer       = next;
        day[n_days]    = shop_day(year, month, date);
        amount[n_days] = dollars;
        n_days++;
    }
    pclose(file);
    shop_point(s, n);
    return true;
}

static inline bool shop_donors(shop *s)
{
    char        line[256];
    size_t      n    = 0;
    FILE *const file = shop_open("donations/summary.csv.zst");
    if (file == NULL) return false;
    assert_non_null(fgets(line, sizeof line, file));
    for (; fgets(line, sizeof line, file) != NULL; n++) {
        assert_int_equal(
            sscanf(line, "%lf,%lf,%lf,%lf", &s->x[n], &s->t_x[n], &s->T[n], &s->weight[n]), 4);
    }
    pclose(file);
    shop_point(s, n);
    s->customers.weight = s->weight;
    return true;
}

#endif
