/* Reading the demo shop's files back, as plainly as possible: a second eye for its tests. */
#ifndef DEMO_FILES_H
#define DEMO_FILES_H

#include "check.h"

#include "clade/demo.h"
#include "clade/text.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>

static const char *const demo_file[] = {
    "orders.csv",          "events.csv",       "customers.csv",    "reviews.csv",
    "invitations.csv",     "campaigns.csv",    "items.csv",        "competitor_prices.csv",
    "truth/customers.csv", "truth/future.csv", "truth/uplift.csv", "truth/summary.json",
};
enum { N_DEMO_FILES = sizeof demo_file / sizeof demo_file[0], N_DEMO_FIELDS = 20 };

typedef struct demo_text { /* a file in memory, cut into fields as it is read */
    char  *data, *at;
    size_t size;
    char  *field[N_DEMO_FIELDS];
    char   raw[2048]; /* the row as it was */
} demo_text;

static inline void demo_text_open(demo_text *text, const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    text->size = (size_t)ftell(file);
    rewind(file);
    text->data = malloc(text->size + 1);
    assert_non_null(text->data);
    assert_int_equal(fread(text->data, 1, text->size, file), text->size);
    text->data[text->size] = '\0';
    text->at               = text->data;
    fclose(file);
}

static inline void demo_text_close(demo_text *text)
{
    free(text->data);
}

/* The next row's number of fields, 0 at the end. Quotes are taken off; no field spans lines. */
static inline size_t demo_text_row(demo_text *text, char delimiter)
{
    if (*text->at == '\0') return 0;
    char *const end = strchr(text->at, '\n');
    assert_non_null(end);
    assert_true((size_t)(end - text->at) < sizeof text->raw);
    memcpy(text->raw, text->at, (size_t)(end - text->at));
    text->raw[end - text->at] = '\0';

    char  *from = text->at, *to = text->at;
    size_t n         = 0;
    bool   quoted    = false;
    text->field[n++] = to;
    for (; from < end; from++) {
        if (*from == '"') {
            if (quoted && from[1] == '"')
                *to++ = *from++;
            else
                quoted = !quoted;
        } else if (*from == delimiter && !quoted) {
            *to++ = '\0';
            assert_true(n < N_DEMO_FIELDS);
            text->field[n++] = to;
        } else {
            *to++ = *from;
        }
    }
    *to      = '\0';
    text->at = end + 1;
    return n;
}

static inline uint64_t demo_file_hash(const char *folder, const char *name)
{
    demo_text text;
    demo_text_open(&text, folder, name);
    const uint64_t hash = clade_hash64(text.data, text.size, 0);
    demo_text_close(&text);
    return hash;
}

static inline int64_t demo_minor(const char *money) /* "-12.30" */
{
    return llround(strtod(money, NULL) * 100);
}

static inline int demo_compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many of n values are repeats of another. Sorts them. */
static inline size_t demo_repeats(uint64_t *value, size_t n)
{
    size_t repeats = 0;
    qsort(value, n, sizeof value[0], demo_compare_u64);
    for (size_t i = 1; i < n; i++)
        repeats += value[i] == value[i - 1];
    return repeats;
}

#endif
