/*
 * Two clusterings of the same rows side by side. Everything is read off the table of how many rows
 * share a cluster of each: one pass over the rows, then work in the number of clusters.
 */
#include "clusters_internal.h"

#include <math.h>
#include <stdlib.h>

enum { TABLE_MAX = 1 << 26 };

clade_status clade__table_of(size_t **out_table, const uint32_t *label_a, size_t k_a,
                             const uint32_t *label_b, size_t k_b, size_t n, clade_error *err)
{
    size_t  n_cells = 0;
    size_t *table   = NULL;
    if (k_a == 0 || k_b == 0 || !clade_size_mul(&n_cells, k_a, k_b) || n_cells > TABLE_MAX) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot compare %zu with %zu clusters", k_a, k_b);
    }
    table = CLADE_NEW(size_t, n_cells);
    if (table == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to compare %zu with %zu clusters", k_a,
                          k_b);
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t a = label_a[i], b = label_b[i];
        if (a == CLADE_NO_MATCH || b == CLADE_NO_MATCH) continue;
        if (a >= k_a || b >= k_b) {
            free(table);
            return clade_fail(err, CLADE_ERR_DATA,
                              "row %zu has labels %u and %u: wanted below %zu and %zu", i, a, b,
                              k_a, k_b);
        }
        table[a * k_b + b]++;
    }
    *out_table = table;
    return CLADE_OK;
}

static double pairs(size_t n)
{
    return 0.5 * (double)n * ((double)n - 1.0);
}

double clade__rand_of(const size_t *table, size_t k_a, size_t k_b)
{
    double together = 0.0, in_a = 0.0, in_b = 0.0;
    size_t n = 0;
    for (size_t a = 0; a < k_a; a++) {
        size_t here = 0;
        for (size_t b = 0; b < k_b; b++) {
            together += pairs(table[a * k_b + b]);
            here += table[a * k_b + b];
        }
        in_a += pairs(here);
        n += here;
    }
    for (size_t b = 0; b < k_b; b++) {
        size_t here = 0;
        for (size_t a = 0; a < k_a; a++)
            here += table[a * k_b + b];
        in_b += pairs(here);
    }
    if (n < 2) return (double)NAN;
    const double by_chance = in_a * in_b / pairs(n);
    const double at_best   = 0.5 * (in_a + in_b);
    return at_best == by_chance ? 1.0 : (together - by_chance) / (at_best - by_chance);
}

clade_status clade_adjusted_rand(double *out_ari, const uint32_t *label_a, size_t k_a,
                                 const uint32_t *label_b, size_t k_b, size_t n, clade_error *err)
{
    size_t *table = NULL;
    CLADE_TRY(clade__table_of(&table, label_a, k_a, label_b, k_b, n, err));
    *out_ari = clade__rand_of(table, k_a, k_b);
    free(table);
    return CLADE_OK;
}

void clade__jaccard_of(double *out_jaccard, const size_t *table, size_t k_a, size_t k_b)
{
    for (size_t a = 0; a < k_a; a++) {
        size_t n_a  = 0;
        double most = 0.0;
        for (size_t b = 0; b < k_b; b++)
            n_a += table[a * k_b + b];
        for (size_t b = 0; n_a > 0 && b < k_b; b++) {
            const size_t both = table[a * k_b + b];
            size_t       n_b  = 0;
            if (both == 0) continue;
            for (size_t other = 0; other < k_a; other++)
                n_b += table[other * k_b + b];
            most = fmax(most, (double)both / (double)(n_a + n_b - both));
        }
        out_jaccard[a] = n_a == 0 ? (double)NAN : most;
    }
}

clade_status clade_clusters_jaccard(double *out_jaccard, const uint32_t *label_a, size_t k_a,
                                    const uint32_t *label_b, size_t k_b, size_t n, clade_error *err)
{
    size_t *table = NULL;
    CLADE_TRY(clade__table_of(&table, label_a, k_a, label_b, k_b, n, err));
    clade__jaccard_of(out_jaccard, table, k_a, k_b);
    free(table);
    return CLADE_OK;
}

/* The shortest path of reduced costs from a free row to a free column; columns and rows carry
 * potentials that keep all reduced costs at zero or above. Index 0 stands for "none", as in the
 * textbook, so arrays hold one more. */
typedef struct paths {
    const double *cost;
    size_t        n_rows, n_columns;
    double       *row_price, *column_price, *least;
    size_t       *row_of, *before; /* of a column */
    bool         *seen;
} paths;

static void assign_row(paths *p, size_t row)
{
    size_t column = 0;
    p->row_of[0]  = row;
    for (size_t c = 0; c <= p->n_columns; c++) {
        p->least[c] = INFINITY;
        p->seen[c]  = false;
    }
    do {
        const size_t here  = p->row_of[column];
        double       delta = INFINITY;
        size_t       next  = 0;
        p->seen[column]    = true;
        for (size_t c = 1; c <= p->n_columns; c++) {
            if (p->seen[c]) continue;
            const double reduced = p->cost[(here - 1) * p->n_columns + c - 1] - p->row_price[here] -
                                   p->column_price[c];
            if (reduced < p->least[c]) {
                p->least[c]  = reduced;
                p->before[c] = column;
            }
            if (p->least[c] < delta) {
                delta = p->least[c];
                next  = c;
            }
        }
        for (size_t c = 0; c <= p->n_columns; c++) {
            if (p->seen[c]) {
                p->row_price[p->row_of[c]] += delta;
                p->column_price[c] -= delta;
            } else {
                p->least[c] -= delta;
            }
        }
        column = next;
    } while (p->row_of[column] != 0);

    while (column != 0) { /* turn the path over */
        const size_t from = p->before[column];
        p->row_of[column] = p->row_of[from];
        column            = from;
    }
}

clade_status clade_assign_least_cost(uint32_t *out_column, const double *cost, size_t n_rows,
                                     size_t n_columns, clade_error *err)
{
    clade_status status = CLADE_OK;
    paths        p      = { .cost = cost, .n_rows = n_rows, .n_columns = n_columns };
    if (n_rows > n_columns) {
        return clade_fail(err, CLADE_ERR_ARG, "cannot give %zu rows a column each of %zu", n_rows,
                          n_columns);
    }
    for (size_t i = 0; i < n_rows * n_columns; i++) {
        if (isfinite(cost[i])) continue;
        return clade_fail(err, CLADE_ERR_DATA, "cost[%zu, %zu] is not finite", i / n_columns,
                          i % n_columns);
    }
    p.row_price    = CLADE_NEW(double, n_rows + 1);
    p.column_price = CLADE_NEW(double, n_columns + 1);
    p.least        = CLADE_NEW(double, n_columns + 1);
    p.row_of       = CLADE_NEW(size_t, n_columns + 1);
    p.before       = CLADE_NEW(size_t, n_columns + 1);
    p.seen         = CLADE_NEW(bool, n_columns + 1);
    if (p.row_price == NULL || p.column_price == NULL || p.least == NULL || p.row_of == NULL ||
        p.before == NULL || p.seen == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory to pair %zu with %zu", n_rows, n_columns);
        goto done;
    }
    for (size_t row = 1; row <= n_rows; row++)
        assign_row(&p, row);
    for (size_t c = 1; c <= n_columns; c++) {
        if (p.row_of[c] != 0) out_column[p.row_of[c] - 1] = (uint32_t)(c - 1);
    }
done:
    free(p.row_price);
    free(p.column_price);
    free(p.least);
    free(p.row_of);
    free(p.before);
    free(p.seen);
    return status;
}

clade_status clade_clusters_match(uint32_t *out_match, const uint32_t *label_a, size_t k_a,
                                  const uint32_t *label_b, size_t k_b, size_t n, clade_error *err)
{
    const size_t n_few = k_a < k_b ? k_a : k_b, n_many = k_a < k_b ? k_b : k_a;
    clade_status status = CLADE_OK;
    size_t      *table  = NULL;
    double      *cost   = NULL;
    uint32_t    *chosen = NULL;
    status              = clade__table_of(&table, label_a, k_a, label_b, k_b, n, err);
    if (status != CLADE_OK) goto done;
    cost   = CLADE_NEW(double, k_a *k_b);
    chosen = CLADE_NEW(uint32_t, n_few);
    if (cost == NULL || chosen == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory to match %zu with %zu clusters", k_a, k_b);
        goto done;
    }
    for (size_t a = 0; a < k_a; a++) {
        for (size_t b = 0; b < k_b; b++) {
            const size_t at = k_a < k_b ? a * n_many + b : b * n_many + a;
            cost[at]        = -(double)table[a * k_b + b];
        }
    }
    status = clade_assign_least_cost(chosen, cost, n_few, n_many, err);
    if (status != CLADE_OK) goto done;
    for (size_t b = 0; b < k_b; b++)
        out_match[b] = k_a < k_b ? CLADE_NO_MATCH : chosen[b];
    for (size_t a = 0; k_a < k_b && a < k_a; a++)
        out_match[chosen[a]] = (uint32_t)a;
done:
    free(table);
    free(cost);
    free(chosen);
    return status;
}
