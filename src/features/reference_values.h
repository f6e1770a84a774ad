/* What the two files of reference values share: writing a feature by name, windows, ratios that may
 * be absent, and the few statistics there are. */
#ifndef CLADE__FEATURES_REFERENCE_VALUES_H
#define CLADE__FEATURES_REFERENCE_VALUES_H

#include "reference_shop.h"

#define LIFE 4000000 /* days: longer than all of recorded time */

typedef struct values {
    float            *out;
    const ref_shop   *shop;
    const ref_person *person;
} values;

static inline void set(const values *v, const char *name, double x)
{
    const int column = clade_features_find(name);
    assert(column >= 0);
    v->out[column] = isfinite(x) && isfinite((float)x) ? (float)x : (float)NAN;
}

/* a / b; absent when there is nothing to divide by. */
static inline double over(double a, double b)
{
    return b == 0 ? (double)NAN : a / b;
}

static inline double when(bool known, double x)
{
    return known ? x : (double)NAN;
}

static inline double days(double us)
{
    return us / (double)CLADE_US_PER_DAY;
}

static inline double since(const values *v, int64_t at_us)
{
    return days((double)(v->shop->as_of_us - at_us));
}

/* Is a moment in the window that began `from` days and ended `to` days before as-of? */
static inline bool within(const values *v, int64_t at_us, int from, int to)
{
    return at_us >= v->shop->as_of_us - from * CLADE_US_PER_DAY &&
           at_us < v->shop->as_of_us - to * CLADE_US_PER_DAY;
}

static inline double trend(const values *v, double now, double before, int need_days)
{
    const bool old_enough = v->shop->log_us <= v->shop->as_of_us - need_days * CLADE_US_PER_DAY;
    return when(old_enough && now + before > 0, (now - before) / (now + before));
}

/* Entropy in bits of counts that need not be sorted. */
static inline double entropy(const double *count, size_t n)
{
    double sum = 0, bits = 0;
    for (size_t i = 0; i < n; i++)
        sum += count[i];
    for (size_t i = 0; i < n; i++) {
        if (count[i] > 0) bits -= count[i] / sum * log2(count[i] / sum);
    }
    return when(sum > 0, bits);
}

static inline int compare_double(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double median(double *x, size_t n)
{
    if (n == 0) return (double)NAN;
    qsort(x, n, sizeof x[0], compare_double);
    return 0.5 * (x[(n - 1) / 2] + x[n / 2]);
}

/* Sample standard deviation. */
static inline double deviation(const double *x, size_t n)
{
    long double mean = 0, sum = 0;
    if (n < 2) return (double)NAN;
    for (size_t i = 0; i < n; i++)
        mean += (long double)x[i] / (long double)n;
    for (size_t i = 0; i < n; i++)
        sum += ((long double)x[i] - mean) * ((long double)x[i] - mean);
    return (double)sqrtl(sum / (long double)(n - 1));
}

/* Everything that follows from what a customer bought: reference_buy.c. */
void ref_buy_values(const values *v);

#endif
