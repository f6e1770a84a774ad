/* Reading a table: texts of every column are numbered, then each column is told to be numbers,
 * dates or categories. Nothing here looks at how a column goes with the target. */
#include "clade/reader.h"
#include "clade/run.h"
#include "clade/time.h"
#include "judge_internal.h"
#include "table_internal.h"

#include <math.h>
#include <stdlib.h>

/* A column as it was read: the numbers of its texts. */
typedef struct raw_column {
    clade__labels text;
    uint32_t     *number; /* (n_rows) 0 is absence */
    size_t        capacity;
} raw_column;

typedef struct raw_table {
    size_t      n_columns, n_rows, n_bad;
    raw_column *column;
    char      **name;
} raw_table;

static void raw_free(raw_table *raw)
{
    for (size_t j = 0; j < raw->n_columns; j++) {
        if (raw->column != NULL) {
            clade__labels_free(&raw->column[j].text);
            free(raw->column[j].number);
        }
        if (raw->name != NULL) free(raw->name[j]);
    }
    free(raw->column);
    free(raw->name);
}

static clade_status no_memory(const char *path, clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for its rows", path);
}

static clade_status add_row(raw_table *raw, const clade_row *row, const char *path,
                            clade_error *err)
{
    for (size_t j = 0; j < raw->n_columns; j++) {
        raw_column *const c    = &raw->column[j];
        const clade_text  text = clade_text_trim(row->fields[j]);
        if (!CLADE_GROW(&c->number, &c->capacity, raw->n_rows + 1)) return no_memory(path, err);
        c->number[raw->n_rows] = text.size == 0 ? 0 : clade__labels_add(&c->text, text);
        if (text.size > 0 && c->number[raw->n_rows] == 0) return no_memory(path, err);
    }
    raw->n_rows++;
    return CLADE_OK;
}

static clade_status read_raw(raw_table *raw, uint64_t *out_hash, const char *path, clade_error *err)
{
    clade_status  status = CLADE_OK;
    clade_reader *reader = NULL;
    CLADE_TRY(clade_reader_open(&reader, path, NULL, err));
    raw->n_columns = clade_reader_n_columns(reader);
    raw->column    = CLADE_NEW(raw_column, raw->n_columns);
    raw->name      = CLADE_NEW(char *, raw->n_columns);
    if (raw->column == NULL || raw->name == NULL) status = no_memory(path, err);
    for (size_t j = 0; status == CLADE_OK && j < raw->n_columns; j++) {
        raw->name[j] = strdup(clade_reader_column(reader, j));
        if (raw->name[j] == NULL) status = no_memory(path, err);
    }
    while (status == CLADE_OK) {
        clade_row row;
        bool      more = false;
        status         = clade_reader_next(&row, &more, reader, err);
        if (status != CLADE_OK || !more) break;
        if (row.bad != NULL) {
            raw->n_bad++;
        } else if (raw->n_rows == CLADE_TABLE_ROWS_MAX) {
            status = clade_fail(err, CLADE_ERR_DATA, "%s: more than %d rows", path,
                                CLADE_TABLE_ROWS_MAX);
        } else {
            status = add_row(raw, &row, path, err);
        }
        if (status == CLADE_OK && raw->n_rows % 4096 == 0) status = clade_interrupt_check(err);
    }
    *out_hash = clade_reader_hash(reader);
    clade_reader_close(reader);
    return status;
}

/* ---------------------------------------------------------------- names */

static clade_status find_column(size_t *out, const raw_table *raw, const char *name,
                                const char *path, clade_error *err)
{
    for (size_t j = 0; j < raw->n_columns; j++) {
        *out = j;
        if (strcmp(raw->name[j], name) == 0) return CLADE_OK;
    }
    const char *const near =
        clade_text_nearest(name, (const char *const *)raw->name, raw->n_columns);
    (void)clade_fail(err, CLADE_ERR_ARG, "%s: there is no column '%s'", path, name);
    clade_hint(err, near == NULL ? "its first column is %s" : "did you mean %s?",
               near == NULL ? raw->name[0] : near);
    return CLADE_ERR_ARG;
}

static bool listed(const char *const *list, const char *name)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (strcmp(list[i], name) == 0) return true;
    }
    return false;
}

/* ---------------------------------------------------------------- the target */

/* The text that means yes: asked for, or a usual word, or the rarer one. */
static uint32_t positive_of(const raw_column *c, size_t n_rows, const char *wanted)
{
    static const char *const words[]  = { "1", "1.0", "yes", "true", "y", "t" };
    size_t                   count[3] = { 0 };
    if (wanted != NULL) return clade__labels_find(&c->text, clade_text_of(wanted));
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        for (uint32_t l = 1; l <= c->text.n; l++) {
            if (clade_text_equal_nocase(c->text.name[l], clade_text_of(words[w]))) return l;
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        count[c->number[i]]++;
    return count[2] < count[1] ? 2 : 1;
}

static clade_status take_target(clade_table *t, uint32_t **out_kept, const raw_table *raw,
                                size_t target, const char *positive, const char *path,
                                clade_error *err)
{
    const raw_column *const c = &raw->column[target];
    if (c->text.n < 2 || (c->text.n > 2 && positive == NULL)) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: %s has %zu values: wanted two%s", path,
                          raw->name[target], c->text.n,
                          c->text.n > 2 ? ", or the one that counts as yes" : "");
    }
    const uint32_t yes = positive_of(c, raw->n_rows, positive);
    if (yes == 0) {
        return clade_fail(err, CLADE_ERR_ARG, "%s: %s is never '%s'", path, raw->name[target],
                          positive);
    }
    uint32_t *const kept = CLADE_NEW(uint32_t, raw->n_rows);
    t->label             = CLADE_ARENA_NEW(t->arena, uint8_t, raw->n_rows);
    t->target            = clade_arena_format(t->arena, "%s", raw->name[target]);
    t->positive = clade_arena_text(t->arena, c->text.name[yes].data, c->text.name[yes].size);
    *out_kept   = kept;
    if (kept == NULL || t->label == NULL || t->target == NULL || t->positive == NULL)
        return no_memory(path, err);
    for (size_t i = 0; i < raw->n_rows; i++) {
        if (c->number[i] == 0) continue;
        t->label[t->n_rows] = c->number[i] == yes;
        t->n_positive += c->number[i] == yes;
        kept[t->n_rows++] = (uint32_t)i;
    }
    t->n_left_out = raw->n_bad + raw->n_rows - t->n_rows;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- kinds of columns */

static bool as_number(double *out, clade_text text)
{
    char  copy[64];
    char *end = NULL;
    if (text.size >= sizeof copy) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (strspn(copy, "+-.0123456789eE") < text.size) return false; /* no "nan", no "0x" */
    *out = strtod(copy, &end);
    return *end == '\0' && end != copy && fabs(*out) <= 1e15;
}

static bool as_date(double *out_days, clade_text text)
{
    char    copy[64];
    int64_t us = 0;
    if (text.size >= sizeof copy) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (clade_time_parse(&us, copy, NULL) != CLADE_OK) return false;
    *out_days = (double)us / (double)CLADE_US_PER_DAY;
    return true;
}

static void count_values(clade_table_column *out, const raw_column *c, const uint32_t *kept,
                         size_t n, uint8_t *seen)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t number = c->number[kept[i]];
        out->n_absent += number == 0;
        out->n_levels += number != 0 && !seen[number];
        seen[number] = 1;
    }
}

/* Every text of the column read in one way, or false. */
static bool values_of(double *out, const raw_column *c, bool dates, bool *out_whole)
{
    *out_whole = !dates;
    for (uint32_t l = 1; l <= c->text.n; l++) {
        if (!(dates ? as_date : as_number)(&out[l], c->text.name[l])) return false;
        *out_whole = *out_whole && out[l] == floor(out[l]);
    }
    return c->text.n > 0;
}

static void tell_kind(clade_table_column *out, const raw_column *c, double *value, bool code,
                      size_t n_rows)
{
    bool whole = false;
    out->kind  = CLADE_TABLE_CATEGORY;
    if (!code && values_of(value, c, false, &whole)) {
        out->kind = CLADE_TABLE_NUMBER;
    } else if (!code && values_of(value, c, true, &whole)) {
        out->kind = CLADE_TABLE_DATE;
    }
    if (out->n_levels == n_rows && (out->kind == CLADE_TABLE_CATEGORY || whole))
        out->kind = CLADE_TABLE_IDENTIFIER;
    if (out->n_levels + (out->n_absent > 0) < 2) out->kind = CLADE_TABLE_CONSTANT;
}

static clade_status take_column(clade_table *t, clade_table_column *out, const raw_table *raw,
                                size_t j, const uint32_t *kept, const clade_table_read_options *o,
                                const char *path, clade_error *err)
{
    const raw_column *const c      = &raw->column[j];
    clade_status            status = CLADE_OK;
    double *const           value  = CLADE_NEW(double, c->text.n + 1);
    uint8_t *const          seen   = CLADE_NEW(uint8_t, c->text.n + 1);
    out->name                      = clade_arena_format(t->arena, "%s", raw->name[j]);
    out->value                     = CLADE_ARENA_NEW(t->arena, float, t->n_rows);
    out->level                     = CLADE_ARENA_NEW(t->arena, uint32_t, t->n_rows);
    if (value == NULL || seen == NULL || out->name == NULL || out->value == NULL ||
        out->level == NULL) {
        status = no_memory(path, err);
        goto done;
    }
    value[0] = (double)NAN;
    count_values(out, c, kept, t->n_rows, seen);
    tell_kind(out, c, value, listed(o->category, out->name), t->n_rows);
    out->monotone = (int8_t)(listed(o->rising, out->name) - listed(o->falling, out->name));
    if (out->monotone != 0 && out->kind == CLADE_TABLE_CATEGORY) {
        status = clade_fail(err, CLADE_ERR_ARG, "%s: %s is a category, and cannot rise or fall",
                            path, out->name);
        goto done;
    }
    for (size_t i = 0; i < t->n_rows; i++) {
        out->level[i] = c->number[kept[i]];
        out->value[i] = (float)value[out->level[i]];
    }
    if (out->kind == CLADE_TABLE_CATEGORY) {
        out->n_levels = c->text.n; /* numbers of texts, also of those only rows left out have */
        out->value    = NULL;
    } else {
        out->level = NULL;
    }
done:
    free(value);
    free(seen);
    return status;
}

/* ---------------------------------------------------------------- rows that come again */

static int by_hash(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static clade_status count_repeated(clade_table *t, const char *path, clade_error *err)
{
    uint64_t *const hash = CLADE_NEW(uint64_t, t->n_rows);
    if (hash == NULL) return no_memory(path, err);
    for (size_t j = 0; j < t->n_columns; j++) {
        const clade_table_column *const c = &t->column[j];
        if (c->kind == CLADE_TABLE_IDENTIFIER || c->kind == CLADE_TABLE_CONSTANT) continue;
        for (size_t i = 0; i < t->n_rows; i++) {
            hash[i] = c->level != NULL ? clade_hash64(&c->level[i], sizeof *c->level, hash[i])
                                       : clade_hash64(&c->value[i], sizeof *c->value, hash[i]);
        }
    }
    qsort(hash, t->n_rows, sizeof *hash, by_hash);
    for (size_t i = 1; i < t->n_rows; i++)
        t->n_repeated += hash[i] == hash[i - 1];
    free(hash);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the table */

void clade_table_free(clade_table *table)
{
    if (table == NULL) return;
    clade_arena_free(table->arena);
    free(table);
}

static clade_status check_lists(const raw_table *raw, const clade_table_read_options *o,
                                const char *path, clade_error *err)
{
    const char *const *const list[] = { o->category, o->rising, o->falling };
    for (size_t l = 0; l < 3; l++) {
        for (size_t i = 0; list[l] != NULL && list[l][i] != NULL; i++) {
            size_t at = 0;
            CLADE_TRY(find_column(&at, raw, list[l][i], path, err));
        }
    }
    return CLADE_OK;
}

static clade_status fill(clade_table *t, const raw_table *raw, const char *path, const char *target,
                         const clade_table_read_options *o, clade_error *err)
{
    clade_status status = CLADE_OK;
    size_t       at     = 0;
    uint32_t    *kept   = NULL;
    CLADE_TRY(find_column(&at, raw, target, path, err));
    CLADE_TRY(check_lists(raw, o, path, err));
    status    = take_target(t, &kept, raw, at, o->positive, path, err);
    t->column = CLADE_ARENA_NEW(t->arena, clade_table_column, raw->n_columns);
    if (status == CLADE_OK && t->column == NULL) status = no_memory(path, err);
    for (size_t j = 0; status == CLADE_OK && j < raw->n_columns; j++) {
        if (j == at) continue;
        status = take_column(t, &t->column[t->n_columns++], raw, j, kept, o, path, err);
    }
    free(kept);
    return status == CLADE_OK ? count_repeated(t, path, err) : status;
}

clade_status clade_table_read(clade_table **out, const char *path, const char *target,
                              const clade_table_read_options *options, clade_error *err)
{
    const clade_table_read_options o = options == NULL ? (clade_table_read_options){ 0 } : *options;
    clade_status                   status = CLADE_OK;
    raw_table                      raw    = { 0 };
    clade_table                   *t      = calloc(1, sizeof *t);
    if (t != NULL) t->arena = clade_arena_create(0);
    if (t == NULL || t->arena == NULL) {
        status = no_memory(path, err);
        goto done;
    }
    status = read_raw(&raw, &t->hash, path, err);
    if (status != CLADE_OK) goto done;
    status = fill(t, &raw, path, target, &o, err);
    if (status != CLADE_OK) goto done;
    *out = t;
    t    = NULL;
done:
    raw_free(&raw);
    clade_table_free(t);
    return status;
}
