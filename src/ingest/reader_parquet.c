/* Parquet, read by DuckDB: every column cast to text, lists as their values with blanks between. */
#include "reader_parts.h"

#include <stdlib.h>

/* A path or name inside SQL, between `quote`s. */
static void quote_sql(clade_buffer *out, const char *text, char quote)
{
    clade_buffer_append(out, &quote, 1);
    for (; *text != '\0'; text++) {
        clade_buffer_append(out, text, 1);
        if (*text == quote) clade_buffer_append(out, &quote, 1);
    }
    clade_buffer_append(out, &quote, 1);
}

/* Names and types, and the SELECT that reads them as text. */
static clade_status describe(clade_buffer *out_sql, clade_reader *reader, const char *from,
                             clade_error *err)
{
    clade_status status  = CLADE_OK;
    clade_rows  *rows    = NULL;
    clade_buffer sql     = { 0 };
    clade_chunk  chunk   = { 0 };
    clade_text  *names   = NULL;
    size_t       n_names = 0;

    clade_buffer_format(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM %s)",
                        from);
    names = CLADE_NEW(clade_text, CLADE_READER_MAX_COLUMNS);
    if (sql.failed || names == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", reader->path);
        goto done;
    }
    status = clade_store_query_aside(&rows, reader->store, sql.data, NULL, 0, err);
    if (status != CLADE_OK) goto done;
    clade_buffer_text(out_sql, "SELECT ");
    for (;;) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK) goto done;
        if (chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++) {
            const clade_text name = clade_chunk_text(&chunk, 0, i);
            const clade_text type = clade_chunk_text(&chunk, 1, i);
            if (n_names == CLADE_READER_MAX_COLUMNS) {
                status = clade_fail(err, CLADE_ERR_DATA, "%s: more than %d columns", reader->path,
                                    CLADE_READER_MAX_COLUMNS);
                goto done;
            }
            char *copy = clade_arena_text(reader->arena, name.data, name.size);
            if (copy == NULL) {
                status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", reader->path);
                goto done;
            }
            const bool list = type.size > 2 && memcmp(type.data + type.size - 2, "[]", 2) == 0;
            if (n_names > 0) clade_buffer_text(out_sql, ", ");
            clade_buffer_text(out_sql, list ? "array_to_string(" : "CAST(");
            quote_sql(out_sql, copy, '"');
            clade_buffer_text(out_sql, list ? ", ' ')" : " AS VARCHAR)");
            names[n_names++] = (clade_text){ copy, name.size };
        }
    }
    clade_buffer_format(out_sql, " FROM %s", from);
    status = clade__reader_set_columns(reader, names, n_names, true, err);
done:
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    free(names);
    return status;
}

clade_status clade__parquet_open(clade_reader *reader, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer from = { 0 }, sql = { 0 }, count = { 0 };

    reader->dialect = (clade_dialect){ .format      = CLADE_FORMAT_PARQUET,
                                       .encoding    = "UTF-8",
                                       .compression = "none",
                                       .has_header  = true };
    if (reader->store == NULL) {
        return clade_fail(err, CLADE_ERR_ARG, "%s: is Parquet, which needs an open workspace",
                          reader->path);
    }
    clade_buffer_text(&from, "read_parquet(");
    quote_sql(&from, reader->path, '\'');
    clade_buffer_text(&from, ")");
    clade_buffer_format(&count, "SELECT count(*) FROM %s", from.failed ? "" : from.data);
    if (from.failed || count.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", reader->path);
        goto done;
    }
    status = clade_store_int(&reader->n_rows_total, reader->store, count.data, NULL, 0, 0, err);
    if (status == CLADE_OK) status = describe(&sql, reader, from.data, err);
    if (status == CLADE_OK && sql.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", reader->path);
    }
    if (status == CLADE_OK) {
        /* Aside: the caller appends to the store while it reads. */
        status = clade_store_query_aside(&reader->rows, reader->store, sql.data, NULL, 0, err);
    }
    if (status != CLADE_OK && status != CLADE_ERR_NOMEM) {
        status = clade_fail_at(err, CLADE_ERR_DATA, "%s: not readable as Parquet", reader->path);
    }
done:
    clade_buffer_free(&from);
    clade_buffer_free(&sql);
    clade_buffer_free(&count);
    return status;
}

clade_status clade__parquet_next(clade_row *out_row, bool *out_more, clade_reader *reader,
                                 clade_error *err)
{
    *out_more = !reader->done;
    if (reader->done) return CLADE_OK;
    if (reader->i_chunk_row == reader->chunk.n_rows) {
        reader->i_chunk_row = 0;
        CLADE_TRY(clade_rows_next(&reader->chunk, reader->rows, err));
        if (reader->chunk.n_rows == 0) {
            reader->done = true;
            *out_more    = false;
            return clade__source_drain(reader->window.source, err);
        }
    }
    const size_t row = reader->i_chunk_row++;
    *out_row         = (clade_row){ .n_fields   = reader->n_columns,
                                    .fields     = reader->field,
                                    .line       = ++reader->n_row,
                                    .bad_column = SIZE_MAX };
    clade_buffer_clear(&reader->held);
    for (size_t i = 0; i < reader->n_columns; i++) {
        const bool       valid = clade_chunk_valid(&reader->chunk, i, row);
        const clade_text text =
            valid ? clade_chunk_text(&reader->chunk, i, row) : (clade_text){ NULL, 0 };
        reader->field[i] = text;
        if (i > 0) clade_buffer_append(&reader->held, "\t", 1);
        if (text.size > 0) clade_buffer_append(&reader->held, text.data, text.size);
        if (text.size > CLADE_READER_MAX_FIELD_BYTES && out_row->bad == NULL) {
            out_row->bad        = "a field longer than a field may be";
            out_row->bad_column = i;
        }
    }
    if (reader->held.failed) return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", reader->path);
    out_row->raw = (clade_text){ reader->held.data, reader->held.size };
    return CLADE_OK;
}
