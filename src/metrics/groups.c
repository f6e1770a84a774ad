/*
 * Groups against everyone else. One column is sorted once; the sorted positions of each group's
 * members then give its rank sum and both medians without looking at the others again. Runs for
 * each feature of each segmentation: a hundred columns, a dozen groups, up to millions of rows.
 */
#include "clade/metrics.h"

#include "clade/numeric.h"

#include <math.h>
#include <stdlib.h>

double clade_jaccard(const int64_t *a, size_t n_a, const int64_t *b, size_t n_b)
{
    size_t i = 0, j = 0, n_both = 0;
    while (i < n_a && j < n_b) {
        if (a[i] == b[j]) {
            n_both++;
            i++;
            j++;
        } else if (a[i] < b[j]) {
            i++;
        } else {
            j++;
        }
    }
    const size_t n_either = n_a + n_b - n_both;
    return n_either == 0 ? 1.0 : (double)n_both / (double)n_either;
}

/* Two-sided tail of a standard normal. */
static double p_of_z(double z)
{
    return erfc(fabs(z) / sqrt(2.0));
}

double clade_two_proportion_p(size_t n_yes_a, size_t n_a, size_t n_yes_b, size_t n_b)
{
    if (n_a == 0 || n_b == 0) return (double)NAN;
    const double a = (double)n_a, b = (double)n_b;
    const double pooled   = ((double)n_yes_a + (double)n_yes_b) / (a + b);
    const double variance = pooled * (1.0 - pooled) * (1.0 / a + 1.0 / b);
    if (variance <= 0.0) return 1.0; /* all yes or all no: equal */
    return p_of_z(((double)n_yes_a / a - (double)n_yes_b / b) / sqrt(variance));
}

typedef struct column {
    size_t    n;          /* rows */
    size_t    n_present;  /* rows with a value: the first n_present of order */
    uint32_t *order;      /* (n) rising */
    double   *sorted;     /* (n_present) values in that order */
    uint32_t *place;      /* (n_present) sorted places, the members of each group together */
    size_t   *start;      /* (n_groups + 1) where each group's places begin */
    size_t   *n_rows;     /* (n_groups) rows with or without a value */
    uint64_t *rank2;      /* (n_groups) sum of twice the mid rank */
    double   *sum, *sum2; /* (n_groups) of value - shift, and of its square */
    double    shift;      /* median: keeps the squares from cancelling */
    double    total, total2;
    double    tie_cubes; /* sum of t^3 - t over groups of t equal values */
} column;

static void column_free(column *c)
{
    free(c->order);
    free(c->sorted);
    free(c->place);
    free(c->start);
    free(c->n_rows);
    free(c->rank2);
    free(c->sum);
    free(c->sum2);
}

static clade_status column_create(column *c, size_t n, size_t n_groups, clade_error *err)
{
    c->n      = n;
    c->order  = CLADE_NEW(uint32_t, n + 1);
    c->sorted = CLADE_NEW(double, n + 1);
    c->place  = CLADE_NEW(uint32_t, n + 1);
    c->start  = CLADE_NEW(size_t, n_groups + 2);
    c->n_rows = CLADE_NEW(size_t, n_groups + 1);
    c->rank2  = CLADE_NEW(uint64_t, n_groups + 1);
    c->sum    = CLADE_NEW(double, n_groups + 1);
    c->sum2   = CLADE_NEW(double, n_groups + 1);
    if (c->order == NULL || c->sorted == NULL || c->place == NULL || c->start == NULL ||
        c->n_rows == NULL || c->rank2 == NULL || c->sum == NULL || c->sum2 == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to compare %zu groups of %zu rows",
                          n_groups, n);
    }
    return CLADE_OK;
}

/* Sort, then hand the sorted places out to groups (a counting sort) with their rank sums. */
static clade_status column_fill(column *c, const float *value, size_t stride, const uint32_t *group,
                                size_t n_groups, clade_error *err)
{
    CLADE_TRY(clade_order_f32(c->order, value, stride, c->n, err));
    for (size_t i = 0; i < c->n; i++) {
        const double x = (double)value[(size_t)c->order[i] * stride];
        if (isnan(x)) break;
        c->sorted[c->n_present++] = x;
    }
    c->shift = clade_quantile_sorted(c->sorted, c->n_present, 0.5);

    for (size_t i = 0; i < c->n; i++) {
        if (group[i] != CLADE_NO_GROUP) c->n_rows[group[i]]++;
    }
    for (size_t i = 0; i < c->n_present; i++) {
        const uint32_t g = group[c->order[i]];
        if (g != CLADE_NO_GROUP) c->start[g + 2]++;
    }
    for (size_t g = 2; g < n_groups + 2; g++)
        c->start[g] += c->start[g - 1];

    for (size_t i = 0; i < c->n_present;) { /* start[g + 1] walks to the start of g + 1 */
        size_t end = i + 1;
        while (end < c->n_present && c->sorted[end] == c->sorted[i])
            end++;
        const double   ties      = (double)(end - i);
        const double   x         = c->sorted[i] - c->shift;
        const uint64_t mid_rank2 = (uint64_t)i + end + 1;
        c->tie_cubes += ties * ties * ties - ties;
        for (; i < end; i++) {
            const uint32_t g = group[c->order[i]];
            c->total += x;
            c->total2 += x * x;
            if (g == CLADE_NO_GROUP) continue;
            c->place[c->start[g + 1]++] = (uint32_t)i;
            c->rank2[g] += mid_rank2;
            c->sum[g] += x;
            c->sum2[g] += x * x;
        }
    }
    return CLADE_OK;
}

/* The r-th smallest (from 0) of those outside of a group: before its j-th member there are
 * place[j] - j others, so the answer sits behind the members for which that is at most r. */
static double outside_at(const column *c, const uint32_t *place, size_t n_in, size_t r)
{
    size_t low = 0, high = n_in;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (place[middle] - middle <= r) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return c->sorted[r + low];
}

static clade_contrast contrast_of(const column *c, size_t g)
{
    const double          none    = (double)NAN;
    const uint32_t *const place   = c->place + c->start[g];
    const size_t          n_in    = c->start[g + 1] - c->start[g];
    const size_t          n_out   = c->n_present - n_in;
    const size_t          rows_in = c->n_rows[g], rows_out = c->n - c->n_rows[g];
    const double          in = (double)n_in, out = (double)n_out, both = in + out;
    clade_contrast r = { n_in, n_out, none, none, none, none, none, none, none, none, none, none };

    r.present_in  = in / (double)rows_in;
    r.present_out = out / (double)rows_out;
    r.p_present   = clade_two_proportion_p(n_in, rows_in, n_out, rows_out);
    if (n_in > 0) {
        r.mean_in   = c->shift + c->sum[g] / in;
        r.median_in = 0.5 * (c->sorted[place[(n_in - 1) / 2]] + c->sorted[place[n_in / 2]]);
    }
    if (n_out > 0) {
        r.mean_out   = c->shift + (c->total - c->sum[g]) / out;
        r.median_out = 0.5 * (outside_at(c, place, n_in, (n_out - 1) / 2) +
                              outside_at(c, place, n_in, n_out / 2));
    }
    if (n_in == 0 || n_out == 0) return r;

    /* U = R - n (n + 1) / 2 counts pairs won; delta = 2 U / (n_in n_out) - 1. */
    const double u    = 0.5 * (double)c->rank2[g] - 0.5 * in * (in + 1.0);
    const double away = u - 0.5 * in * out;
    r.delta           = 2.0 * away / (in * out);
    const double variance =
        both > 1.0 ? in * out / 12.0 * (both + 1.0 - c->tie_cubes / (both * (both - 1.0))) : 0.0;
    r.p_value = variance > 0.0 ? p_of_z(fmax(0.0, fabs(away) - 0.5) / sqrt(variance)) : 1.0;

    const double sum_out = c->total - c->sum[g];
    const double within  = (c->sum2[g] - c->sum[g] * c->sum[g] / in) +
                          (c->total2 - c->sum2[g] - sum_out * sum_out / out);
    if (both > 2.0) {
        const double deviation = sqrt(fmax(0.0, within) / (both - 2.0));
        const double apart     = r.mean_in - r.mean_out;
        r.standardised         = deviation > 0.0 ? apart / deviation : (apart == 0.0 ? 0.0 : none);
    }
    return r;
}

clade_status clade_contrast_groups(clade_contrast *out, const float *value, size_t stride,
                                   const uint32_t *group, size_t n, size_t n_groups,
                                   clade_error *err)
{
    clade_status status = CLADE_OK;
    column       c      = { 0 };
    if (n > CLADE_ROWS_MAX || n_groups >= CLADE_NO_GROUP) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "cannot compare %zu groups of %zu rows: at most %zu rows", n_groups, n,
                          CLADE_ROWS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        if (group[i] != CLADE_NO_GROUP && group[i] >= n_groups) {
            return clade_fail(err, CLADE_ERR_DATA, "group[%zu] is %u: wanted below %zu", i,
                              group[i], n_groups);
        }
        if (isinf(value[i * stride])) {
            return clade_fail(err, CLADE_ERR_DATA, "value[%zu] is infinite", i);
        }
    }
    status = column_create(&c, n, n_groups, err);
    if (status != CLADE_OK) goto done;
    status = column_fill(&c, value, stride, group, n_groups, err);
    if (status != CLADE_OK) goto done;
    for (size_t g = 0; g < n_groups; g++)
        out[g] = contrast_of(&c, g);
done:
    column_free(&c);
    return status;
}

clade_status clade_adjust_bh(double *out_q, const double *p_value, size_t n, clade_error *err)
{
    clade_status status  = CLADE_OK;
    size_t       n_tests = 0;
    uint32_t    *order   = CLADE_NEW(uint32_t, n + 1);
    if (order == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to adjust %zu tests", n);
        goto done;
    }
    status = clade_order_f64(order, p_value, 1, n, err);
    if (status != CLADE_OK) goto done;
    while (n_tests < n && !isnan(p_value[order[n_tests]]))
        n_tests++;

    double least = 1.0;
    for (size_t rank = n_tests; rank > 0; rank--) {
        const uint32_t i = order[rank - 1];
        least            = fmin(least, p_value[i] * (double)n_tests / (double)rank);
        out_q[i]         = least;
    }
    for (size_t rank = n_tests; rank < n; rank++)
        out_q[order[rank]] = (double)NAN;
done:
    free(order);
    return status;
}
