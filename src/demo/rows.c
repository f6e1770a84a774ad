/* Rows of text: memory and order. */
#include "demo.h"

#include <math.h>
#include <stdlib.h>

void demo__rows_free(demo_rows *rows)
{
    free(rows->data);
    free(rows->row);
    free(rows->sorted);
    free(rows->moved);
}

void demo__rows_clear(demo_rows *rows)
{
    rows->size   = 0;
    rows->n_rows = 0;
}

bool demo__rows_reserve(demo_rows *rows)
{
    if (!rows->failed) {
        rows->failed = !CLADE_GROW(&rows->data, &rows->capacity, rows->size + DEMO_ROW_BYTES) ||
                       !CLADE_GROW(&rows->row, &rows->row_capacity, rows->n_rows + 1);
    }
    return !rows->failed;
}

/* Bottom-up merge sort: stable, and close to linear here, because the rows of one customer mostly
 * rise in time already. Returns the array that holds the result, one of the two. */
static demo_row *merge_sort(demo_row *from, demo_row *to, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width) {
            const size_t middle = low + width < n ? low + width : n;
            const size_t high   = low + 2 * width < n ? low + 2 * width : n;
            size_t       a = low, b = middle, k = low;
            while (a < middle && b < high) {
                to[k++] = from[b].key < from[a].key ? from[b++] : from[a++];
            }
            memcpy(to + k, from + a, (middle - a) * sizeof *to);
            memcpy(to + k + (middle - a), from + b, (high - b) * sizeof *to);
        }
        demo_row *const other = from;
        from                  = to;
        to                    = other;
    }
    return from;
}

void demo__rows_sort(demo_rows *rows)
{
    if (rows->failed || rows->n_rows < 2) return;
    if (!CLADE_GROW(&rows->sorted, &rows->sorted_capacity, rows->n_rows) ||
        !CLADE_GROW(&rows->moved, &rows->moved_capacity, rows->capacity)) {
        rows->failed = true;
        return;
    }

    demo_row *const order = merge_sort(rows->row, rows->sorted, rows->n_rows);
    size_t          size  = 0;
    for (size_t i = 0; i < rows->n_rows; i++) {
        memcpy(rows->moved + size, rows->data + order[i].start, order[i].size);
        size += order[i].size;
    }
    char *const  data     = rows->data;
    const size_t capacity = rows->capacity;
    rows->data            = rows->moved;
    rows->capacity        = rows->moved_capacity;
    rows->moved           = data;
    rows->moved_capacity  = capacity;
    rows->n_rows          = 0; /* the index has served: rows are only written out from here */
}

char *demo__put_number(char *p, double value, int digits)
{
    static const double scale[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
    assert(digits >= 0 && digits <= 6);
    if (!isfinite(value) || fabs(value) > 1e12) return p;
    if (value < 0) {
        *p++  = '-';
        value = -value;
    }
    const uint64_t scaled = (uint64_t)floor(value * scale[digits] + 0.5);
    const uint64_t unit   = (uint64_t)scale[digits];
    p                     = put_uint(p, scaled / unit);
    if (digits > 0) {
        *p++ = '.';
        p    = put_digits(p, scaled % unit, digits);
    }
    return p;
}
