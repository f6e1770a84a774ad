/*
 * Statements and queries. Rows stream: the engine computes a chunk when it is asked for, so a scan
 * of any table needs constant memory.
 *
 * The trap: a connection has one stream, and whatever else runs on the connection ends it without a
 * word, the flush of an appender too. So before anything else runs, clade__settle fetches what is
 * left of the stream into memory. clade_store_query_aside avoids that for long scans.
 */
#include "internal.h"

#include <assert.h>
#include <stdlib.h>

static clade_status fail_result(clade_error *err, const clade_store *store, duckdb_result *result,
                                const char *sql)
{
    return clade__engine_fail(err, store, duckdb_result_error_type(result),
                              duckdb_result_error(result), sql);
}

/* ---------------------------------------------------------------- arguments */

static bool bind_text(duckdb_prepared_statement statement, idx_t i, clade_text text)
{
    const char *data = text.data == NULL ? "" : text.data;
    if (duckdb_param_type(statement, i) == DUCKDB_TYPE_BLOB ||
        clade_utf8_valid(data, text.size) != text.size)
        return duckdb_bind_blob(statement, i, data, text.size) == DuckDBSuccess;
    return duckdb_bind_varchar_length(statement, i, data, text.size) == DuckDBSuccess;
}

static bool bind_one(duckdb_prepared_statement statement, idx_t i, const clade_value *value)
{
    if (value->null) return duckdb_bind_null(statement, i) == DuckDBSuccess;
    switch (value->type) {
    case CLADE_TYPE_BOOL:
        return duckdb_bind_boolean(statement, i, value->i64 != 0) == DuckDBSuccess;
    case CLADE_TYPE_F64: return duckdb_bind_double(statement, i, value->f64) == DuckDBSuccess;
    case CLADE_TYPE_TEXT: return bind_text(statement, i, value->text);
    default: return duckdb_bind_int64(statement, i, value->i64) == DuckDBSuccess;
    }
}

static clade_status prepare(duckdb_prepared_statement *out, const clade_store *store,
                            duckdb_connection connection, const char *sql, const clade_value *args,
                            size_t n_args, clade_error *err)
{
    clade_status              status    = CLADE_OK;
    duckdb_prepared_statement statement = NULL;

    if (duckdb_prepare(connection, sql, &statement) != DuckDBSuccess) {
        status =
            clade__engine_fail(err, store, DUCKDB_ERROR_INVALID,
                               statement == NULL ? NULL : duckdb_prepare_error(statement), sql);
        goto done;
    }
    if (duckdb_nparams(statement) != n_args) {
        status = clade_fail(err, CLADE_ERR_ARG, "%zu arguments for %llu places in: %.200s", n_args,
                            (unsigned long long)duckdb_nparams(statement), sql);
        goto done;
    }
    for (size_t i = 0; i < n_args; i++) {
        if (bind_one(statement, i + 1, &args[i])) continue;
        status = clade_fail(err, CLADE_ERR_ARG, "argument %zu does not fit in: %.200s", i + 1, sql);
        goto done;
    }
    *out      = statement;
    statement = NULL;
done:
    if (statement != NULL) duckdb_destroy_prepare(&statement);
    return status;
}

/* ---------------------------------------------------------------- statements */

static clade_status run_text(clade_store *store, const char *sql, bool steady, clade_error *err)
{
    clade_status  status = CLADE_OK;
    duckdb_result result = { 0 };

    clade__settle(store);
    store->data_hash_known = false;
    if (!steady) clade__watch_begin(store, store->connection);
    if (duckdb_query(store->connection, sql, &result) != DuckDBSuccess)
        status = fail_result(err, store, &result, sql);
    if (!steady) clade__watch_end(store);
    duckdb_destroy_result(&result);
    return status;
}

clade_status clade__run_steady(clade_store *store, const char *sql, clade_error *err)
{
    return run_text(store, sql, true, err);
}

clade_status clade_store_run(clade_store *store, const char *sql, const clade_value *args,
                             size_t n_args, clade_error *err)
{
    clade_status              status    = CLADE_OK;
    duckdb_prepared_statement statement = NULL;
    duckdb_result             result    = { 0 };

    if (n_args == 0) return run_text(store, sql, false, err);

    clade__settle(store);
    store->data_hash_known = false;
    status                 = prepare(&statement, store, store->connection, sql, args, n_args, err);
    if (status != CLADE_OK) goto done;
    clade__watch_begin(store, store->connection);
    if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess)
        status = fail_result(err, store, &result, sql);
    clade__watch_end(store);
done:
    duckdb_destroy_result(&result);
    if (statement != NULL) duckdb_destroy_prepare(&statement);
    return status;
}

clade_status clade_store_int(int64_t *out, clade_store *store, const char *sql,
                             const clade_value *args, size_t n_args, int64_t if_null,
                             clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };

    status = clade_store_query(&rows, store, sql, args, n_args, err);
    if (status != CLADE_OK) goto done;
    status = clade_rows_next(&chunk, rows, err);
    if (status != CLADE_OK) goto done;
    if (chunk.n_rows == 0) {
        status = clade_fail(err, CLADE_ERR_NOT_FOUND, "no row where one was wanted: %.200s", sql);
        goto done;
    }
    *out = clade_chunk_int(&chunk, 0, 0, if_null);
done:
    clade_rows_close(rows);
    return status;
}

/* ---------------------------------------------------------------- rows */

static clade_status describe_columns(clade_rows *rows, clade_error *err)
{
    rows->n_columns = duckdb_column_count(&rows->result);
    rows->column    = CLADE_NEW(clade__column, rows->n_columns);
    if (rows->column == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu columns", rows->n_columns);
    for (size_t i = 0; i < rows->n_columns; i++) {
        duckdb_logical_type type  = duckdb_column_logical_type(&rows->result, i);
        rows->column[i].name      = duckdb_column_name(&rows->result, i);
        const clade_status status = clade__column_describe(&rows->column[i], type, err);
        duckdb_destroy_logical_type(&type);
        CLADE_TRY(status);
    }
    return CLADE_OK;
}

static clade_status query_on(clade_rows **out_rows, clade_store *store, bool aside, const char *sql,
                             const clade_value *args, size_t n_args, clade_error *err)
{
    clade_status              status     = CLADE_OK;
    duckdb_prepared_statement statement  = NULL;
    duckdb_pending_result     pending    = NULL;
    duckdb_connection         connection = store->connection;
    clade_rows               *rows       = CLADE_NEW(clade_rows, 1);

    if (rows == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a query");
        goto done;
    }
    rows->store = store;
    if (aside) {
        status = clade__engine_connect(&rows->own, store, err);
        if (status != CLADE_OK) goto done;
        connection = rows->own;
    } else {
        clade__settle(store);
    }
    status = prepare(&statement, store, connection, sql, args, n_args, err);
    if (status != CLADE_OK) goto done;

    clade__watch_begin(store, connection);
    if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess)
        status = clade__engine_fail(err, store, DUCKDB_ERROR_INVALID, duckdb_pending_error(pending),
                                    sql);
    else if (duckdb_execute_pending(pending, &rows->result) != DuckDBSuccess)
        status = fail_result(err, store, &rows->result, sql);
    clade__watch_end(store);
    rows->has_result = true;
    if (status != CLADE_OK) goto done;
    status = describe_columns(rows, err);
    if (status != CLADE_OK) goto done;

    if (!aside) store->streaming = rows;
    *out_rows = rows;
    rows      = NULL;
done:
    if (pending != NULL) duckdb_destroy_pending(&pending);
    if (statement != NULL) duckdb_destroy_prepare(&statement);
    clade_rows_close(rows);
    return status;
}

clade_status clade_store_query(clade_rows **out_rows, clade_store *store, const char *sql,
                               const clade_value *args, size_t n_args, clade_error *err)
{
    return query_on(out_rows, store, false, sql, args, n_args, err);
}

clade_status clade_store_query_aside(clade_rows **out_rows, clade_store *store, const char *sql,
                                     const clade_value *args, size_t n_args, clade_error *err)
{
    return query_on(out_rows, store, true, sql, args, n_args, err);
}

/* The next chunk of the stream that has rows, or NULL at its end. An error stays with the rows. */
static duckdb_data_chunk fetch(clade_rows *rows)
{
    duckdb_connection connection = rows->own != NULL ? rows->own : rows->store->connection;
    duckdb_data_chunk chunk;

    clade__watch_begin(rows->store, connection);
    while ((chunk = duckdb_fetch_chunk(rows->result)) != NULL &&
           duckdb_data_chunk_get_size(chunk) == 0)
        duckdb_destroy_data_chunk(&chunk);
    clade__watch_end(rows->store);
    if (chunk != NULL) return chunk;

    rows->settled = true;
    if (rows->store->streaming == rows) rows->store->streaming = NULL;
    if (duckdb_result_error(&rows->result) != NULL)
        fail_result(&rows->error, rows->store, &rows->result, NULL);
    return NULL;
}

void clade__settle(clade_store *store)
{
    clade_rows *rows = store->streaming;
    if (rows == NULL) return;

    duckdb_data_chunk chunk;
    while ((chunk = fetch(rows)) != NULL) {
        if (!CLADE_GROW(&rows->kept, &rows->kept_capacity, rows->n_kept + 1)) {
            duckdb_destroy_data_chunk(&chunk);
            clade_fail(&rows->error, CLADE_ERR_NOMEM, "no memory to keep a query's rows");
            break;
        }
        rows->kept[rows->n_kept++] = chunk;
    }
    rows->settled    = true;
    store->streaming = NULL;
}

static void show_chunk(clade_chunk *out, clade_rows *rows)
{
    for (size_t i = 0; i < rows->n_columns; i++) {
        duckdb_vector vector  = duckdb_data_chunk_get_vector(rows->chunk, i);
        rows->column[i].data  = duckdb_vector_get_data(vector);
        rows->column[i].valid = duckdb_vector_get_validity(vector);
    }
    *out = (clade_chunk){ .n_rows    = duckdb_data_chunk_get_size(rows->chunk),
                          .n_columns = rows->n_columns,
                          .handle    = rows };
}

clade_status clade_rows_next(clade_chunk *out_chunk, clade_rows *rows, clade_error *err)
{
    duckdb_data_chunk chunk = NULL;

    if (rows->polls) CLADE_TRY(clade_interrupt_check(err));
    rows->polls = !rows->steady;
    if (rows->chunk != NULL) duckdb_destroy_data_chunk(&rows->chunk);
    if (rows->next_kept < rows->n_kept)
        chunk = rows->kept[rows->next_kept++];
    else if (!rows->settled)
        chunk = fetch(rows);
    if (chunk == NULL && rows->error.status != CLADE_OK) {
        if (err != NULL) *err = rows->error;
        return rows->error.status;
    }
    if (chunk == NULL) {
        *out_chunk = (clade_chunk){ .n_columns = rows->n_columns, .handle = rows };
        return CLADE_OK;
    }
    rows->chunk = chunk;
    show_chunk(out_chunk, rows);
    return CLADE_OK;
}

void clade_rows_close(clade_rows *rows)
{
    if (rows == NULL) return;
    if (rows->store->streaming == rows) rows->store->streaming = NULL;
    if (rows->chunk != NULL) duckdb_destroy_data_chunk(&rows->chunk);
    for (size_t i = rows->next_kept; i < rows->n_kept; i++)
        duckdb_destroy_data_chunk(&rows->kept[i]);
    for (size_t i = 0; rows->column != NULL && i < rows->n_columns; i++)
        clade__column_free(&rows->column[i]);
    if (rows->has_result) duckdb_destroy_result(&rows->result);
    if (rows->own != NULL) duckdb_disconnect(&rows->own);
    free(rows->kept);
    free(rows->column);
    free(rows);
}

size_t clade_rows_n_columns(const clade_rows *rows)
{
    return rows->n_columns;
}

const char *clade_rows_column_name(const clade_rows *rows, size_t column)
{
    assert(column < rows->n_columns);
    return rows->column[column].name;
}

clade_type clade_rows_column_type(const clade_rows *rows, size_t column)
{
    assert(column < rows->n_columns);
    return rows->column[column].type;
}
