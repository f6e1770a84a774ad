/* Lists of customers on their way out. Parquet is written by the store from the same rows as CSV.
 */
#include "people.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { FLUSH_BYTES = 1 << 18 };

static const char *const format_names[] = { "csv", "jsonl", "parquet" };

const char *people_format_name(people_format format)
{
    return format_names[format];
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

clade_status people_format_of(people_format *out, const command *c, const char *path,
                              clade_error *err)
{
    const char *given = command_value(c, "format", 0);
    *out              = PEOPLE_CSV;
    if (given != NULL) {
        for (int i = 0; i < 3; i++) {
            if (strcmp(given, format_names[i]) != 0) continue;
            *out = (people_format)i;
            return CLADE_OK;
        }
        return clade_fail(err, CLADE_ERR_ARG,
                          "--format cannot be '%s': wanted csv, jsonl or parquet", given);
    }
    if (path != NULL && (ends_with(path, ".jsonl") || ends_with(path, ".ndjson")))
        *out = PEOPLE_JSONL;
    if (path != NULL && ends_with(path, ".parquet")) *out = PEOPLE_PARQUET;
    return CLADE_OK;
}

clade_status people_enough(const command *c, size_t n, const char *group, clade_error *err)
{
    if ((int64_t)n >= c->min_group) return CLADE_OK;
    (void)clade_fail(err, CLADE_ERR_REFUSED,
                     "%s: %zu customers are too few to let out: groups below %lld say too much of "
                     "each",
                     group, n, (long long)c->min_group);
    clade_hint(err, "--min-group %zu if you are entitled to", n < 1 ? (size_t)1 : n);
    return CLADE_ERR_REFUSED;
}

/* ---------------------------------------------------------------- names */

typedef struct wanted {
    int64_t customer;
    size_t  place;
} wanted;

static int compare_wanted(const void *a, const void *b)
{
    const wanted *x = a, *y = b;
    if (x->customer != y->customer) return x->customer < y->customer ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* One chunk of sealed ids, in rising order of customer, against what is wanted from `at` on. */
static clade_status unseal_chunk(char **name, command *c, clade_store *store, const wanted *want,
                                 size_t n, size_t *at, const clade_chunk *chunk, clade_error *err)
{
    const int64_t *customer = clade_chunk_data(chunk, 0);
    clade_buffer   text     = { 0 };
    clade_status   status   = CLADE_OK;
    for (size_t row = 0; row < chunk->n_rows && status == CLADE_OK; row++) {
        while (*at < n && want[*at].customer < customer[row])
            (*at)++;
        for (; *at < n && want[*at].customer == customer[row] && status == CLADE_OK; (*at)++) {
            clade_buffer_clear(&text);
            status = clade_identity_unseal(&text, store, customer[row],
                                           clade_chunk_text(chunk, 1, row), err);
            if (status == CLADE_ERR_NOT_FOUND) { /* forgotten since */
                status = CLADE_OK;
                continue;
            }
            if (status != CLADE_OK) break;
            name[want[*at].place] = clade_arena_text(c->arena, text.data, text.size);
            if (name[want[*at].place] == NULL || text.failed)
                status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the names of customers");
        }
    }
    clade_buffer_free(&text);
    return status;
}

clade_status people_names(char ***out_name, command *c, clade_store *store, const int64_t *customer,
                          size_t n, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    size_t       at     = 0;
    char       **name   = CLADE_ARENA_NEW(c->arena, char *, n + 1);
    wanted      *want   = CLADE_NEW(wanted, n + 1);
    if (name == NULL || want == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the names of %zu customers", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        want[i] = (wanted){ customer[i], i };
    if (n > 1) qsort(want, n, sizeof *want, compare_wanted);
    status = clade_store_query(
        &rows, store, "SELECT customer, sealed FROM identity WHERE kind = 'id' ORDER BY customer",
        NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        status = unseal_chunk(name, c, store, want, n, &at, &chunk, err);
    }
    if (status == CLADE_OK) *out_name = name;
done:
    clade_rows_close(rows);
    free(want);
    return status;
}

/* ---------------------------------------------------------------- lists */

struct people_list {
    people_format      format;
    const char        *path;         /* NULL: stdout */
    char               beside[4200]; /* where the rows go first */
    FILE              *file;
    clade_buffer       text;
    const char *const *column;
    const bool        *is_text;
    size_t             n_columns, n_cells; /* cells of the row so far */
    bool               finished;
};

/* Quoted where it has to be; what a spreadsheet would run gets an apostrophe. */
static void csv_text(clade_buffer *out, const char *text, bool guard)
{
    const bool formula = guard && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
        clade_buffer_text(out, text);
        return;
    }
    clade_buffer_text(out, "\"");
    if (formula) clade_buffer_text(out, "'");
    for (const char *p = text; *p != '\0'; p++)
        clade_buffer_append(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    clade_buffer_text(out, "\"");
}

static void begin_cell(people_list *list)
{
    assert(list->n_cells < list->n_columns);
    if (list->format == PEOPLE_JSONL) {
        clade_json json = clade_json_start(&list->text, 0);
        clade_buffer_text(&list->text, list->n_cells == 0 ? "{" : ",");
        clade_json_text(&json, list->column[list->n_cells]);
        clade_buffer_text(&list->text, ":");
    } else if (list->n_cells > 0) {
        clade_buffer_text(&list->text, ",");
    }
    list->n_cells++;
}

void people_text(people_list *list, const char *text)
{
    begin_cell(list);
    if (list->format == PEOPLE_JSONL) {
        clade_json json = clade_json_start(&list->text, 0);
        clade_json_text(&json, text);
    } else if (text != NULL) {
        csv_text(&list->text, text, list->format == PEOPLE_CSV);
    }
}

void people_number(people_list *list, double value)
{
    clade_json json = clade_json_start(&list->text, 0);
    begin_cell(list);
    if (list->format == PEOPLE_JSONL || isfinite(value)) clade_json_number(&json, value);
}

static clade_status flush(people_list *list, clade_error *err)
{
    const char *where = list->path == NULL ? "standard output" : list->beside;
    if (list->text.failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a list");
    if (fwrite(list->text.data, 1, list->text.size, list->file) != list->text.size) {
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", where, strerror(errno));
    }
    clade_buffer_clear(&list->text);
    return CLADE_OK;
}

clade_status people_row(people_list *list, clade_error *err)
{
    assert(list->n_cells == list->n_columns);
    clade_buffer_text(&list->text, list->format == PEOPLE_JSONL ? "}\n" : "\n");
    list->n_cells = 0;
    return list->text.size < FLUSH_BYTES && !list->text.failed ? CLADE_OK : flush(list, err);
}

clade_status people_start(people_list **out_list, const char *path, people_format format,
                          const char *const *column, const bool *is_text, size_t n_columns,
                          clade_error *err)
{
    people_list *list = CLADE_NEW(people_list, 1);
    if (list == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a list");
    list->format    = format;
    list->path      = path;
    list->column    = column;
    list->is_text   = is_text;
    list->n_columns = n_columns;
    if (path == NULL && format == PEOPLE_PARQUET) {
        people_close(list);
        return clade_fail(err, CLADE_ERR_ARG, "Parquet needs a file: -o customers.parquet");
    }
    if (path == NULL) {
        list->file = stdout;
    } else {
        snprintf(list->beside, sizeof list->beside, "%s.%ld.new", path, (long)getpid());
        list->file = fopen(list->beside, "wb");
        if (list->file == NULL) {
            const int why   = errno;
            list->beside[0] = '\0';
            people_close(list);
            return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", path, strerror(why));
        }
    }
    if (format != PEOPLE_JSONL) {
        for (size_t i = 0; i < n_columns; i++) {
            if (i > 0) clade_buffer_text(&list->text, ",");
            csv_text(&list->text, column[i], false);
        }
        clade_buffer_text(&list->text, "\n");
    }
    *out_list = list;
    return CLADE_OK;
}

static void sql_text(clade_buffer *out, const char *text)
{
    clade_buffer_text(out, "'");
    for (const char *p = text; *p != '\0'; p++)
        clade_buffer_append(out, *p == '\'' ? "''" : p, *p == '\'' ? 2 : 1);
    clade_buffer_text(out, "'");
}

/* The rows beside become Parquet beside them, under the types that the columns have. */
static clade_status to_parquet(people_list *list, clade_store *store, clade_error *err)
{
    char         made[4300];
    clade_buffer sql    = { 0 };
    clade_status status = CLADE_OK;
    snprintf(made, sizeof made, "%s.parquet", list->beside);
    clade_buffer_text(&sql, "COPY (SELECT * FROM read_csv(");
    sql_text(&sql, list->beside);
    clade_buffer_text(&sql,
                      ", header = true, delim = ',', quote = '\"', escape = '\"', columns = {");
    for (size_t i = 0; i < list->n_columns; i++) {
        if (i > 0) clade_buffer_text(&sql, ", ");
        sql_text(&sql, list->column[i]);
        clade_buffer_text(&sql, list->is_text[i] ? ": 'VARCHAR'" : ": 'DOUBLE'");
    }
    clade_buffer_text(&sql, "})) TO ");
    sql_text(&sql, made);
    clade_buffer_text(&sql, " (FORMAT PARQUET, COMPRESSION ZSTD)");
    status = sql.failed ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for a list")
                        : clade_store_run(store, sql.data, NULL, 0, err);
    clade_buffer_free(&sql);
    if (status == CLADE_OK && rename(made, list->beside) != 0)
        status =
            clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", list->beside, strerror(errno));
    if (status != CLADE_OK) (void)unlink(made);
    return status;
}

clade_status people_finish(people_list *list, clade_store *store, clade_error *err)
{
    CLADE_TRY(flush(list, err));
    if (list->path == NULL) {
        list->finished = true;
        return CLADE_OK;
    }
    const bool written = fflush(list->file) == 0 && fsync(fileno(list->file)) == 0;
    const int  reason  = errno;
    const bool closed  = fclose(list->file) == 0;
    list->file         = NULL;
    if (!written || !closed) {
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", list->path,
                          strerror(written ? errno : reason));
    }
    if (list->format == PEOPLE_PARQUET) CLADE_TRY(to_parquet(list, store, err));
    if (rename(list->beside, list->path) != 0) {
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", list->path, strerror(errno));
    }
    list->finished = true;
    return CLADE_OK;
}

void people_close(people_list *list)
{
    if (list == NULL) return;
    if (list->file != NULL && list->path != NULL) fclose(list->file);
    if (!list->finished && list->beside[0] != '\0') (void)unlink(list->beside);
    clade_buffer_free(&list->text);
    free(list);
}
