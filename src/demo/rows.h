/* Rows of text, made fast: a growing run of bytes with an index, so that a shard can be sorted by
 * time. The writers below trust that a row fits in DEMO_ROW_BYTES, which rows_open has made room
 * for; the longest row (a review) is under 700 bytes. */
#ifndef CLADE_DEMO_ROWS_H
#define CLADE_DEMO_ROWS_H

#include "clade/memory.h"

#include <assert.h>

enum { DEMO_ROW_BYTES = 1024 };

typedef struct demo_row {
    int64_t  key; /* sort by this, then by the order of writing */
    size_t   start;
    uint32_t size;
} demo_row;

typedef struct demo_rows {
    char     *data;
    size_t    size, capacity;
    demo_row *row;
    size_t    n_rows, row_capacity;
    demo_row *sorted; /* scratch of demo__rows_sort, as is `moved` */
    char     *moved;
    size_t    sorted_capacity, moved_capacity;
    bool      failed; /* out of memory: what is written goes to `spill` */
    char      spill[DEMO_ROW_BYTES];
} demo_rows;

void demo__rows_free(demo_rows *rows);
void demo__rows_clear(demo_rows *rows);
bool demo__rows_reserve(demo_rows *rows);
/* Sort rows and bytes by key, keeping the order of writing among equals. */
void demo__rows_sort(demo_rows *rows);

static inline char *rows_open(demo_rows *rows)
{
    if (rows->capacity - rows->size < DEMO_ROW_BYTES || rows->n_rows == rows->row_capacity) {
        if (!demo__rows_reserve(rows)) return rows->spill;
    }
    return rows->data + rows->size;
}

/* Ends the row that was opened last; `p` is behind its last byte. */
static inline void rows_close(demo_rows *rows, char *p, int64_t key)
{
    if (rows->failed) return;
    *p++              = '\n';
    const size_t size = (size_t)(p - (rows->data + rows->size));
    assert(size <= DEMO_ROW_BYTES);
    rows->row[rows->n_rows++] = (demo_row){ key, rows->size, (uint32_t)size };
    rows->size += size;
}

/* Once more the row that was closed last, under another key. */
static inline void rows_repeat(demo_rows *rows, int64_t key)
{
    char *p = rows_open(rows);
    if (rows->failed) return;
    const demo_row last = rows->row[rows->n_rows - 1];
    memcpy(p, rows->data + last.start, last.size);
    rows_close(rows, p + last.size - 1, key);
}

static inline char *put_char(char *p, char c)
{
    *p = c;
    return p + 1;
}

static inline char *put_bytes(char *p, const char *data, size_t size)
{
    memcpy(p, data, size);
    return p + size;
}

static inline char *put_text(char *p, const char *text)
{
    while (*text != '\0')
        *p++ = *text++;
    return p;
}

static inline char *put_2(char *p, unsigned value)
{
    p[0] = (char)('0' + value / 10);
    p[1] = (char)('0' + value % 10);
    return p + 2;
}

static inline char *put_uint(char *p, uint64_t value)
{
    char  digits[20];
    char *d = digits + sizeof digits;
    do {
        *--d = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return put_bytes(p, d, (size_t)(digits + sizeof digits - d));
}

/* Exactly `n` digits, with zeros in front. */
static inline char *put_digits(char *p, uint64_t value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + n;
}

static inline char *put_hex(char *p, uint64_t value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        p[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    return p + n;
}

/* Minor units with two digits behind the point. */
static inline char *put_money(char *p, int64_t minor)
{
    if (minor < 0) {
        *p++  = '-';
        minor = -minor;
    }
    p    = put_uint(p, (uint64_t)minor / 100);
    *p++ = '.';
    return put_2(p, (unsigned)(minor % 100));
}

/* A number with `digits` behind the point, rounded half up; nothing at all when it is not finite.
 */
char *demo__put_number(char *p, double value, int digits);

#endif
