/*
 * Writing: transactions, and bulk append through data chunks of DuckDB's own layout. The setters
 * run for every field of every row that is loaded; clade_appender_flush once in 2048 rows.
 */
#include "internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- transactions */

clade_status clade_store_begin(clade_store *store, clade_error *err)
{
    assert(!store->in_transaction);
    if (store->read_only)
        return clade_fail(err, CLADE_ERR_ARG, "%s was opened for reading only", store->folder);
    CLADE_TRY(clade__run_steady(store, "BEGIN TRANSACTION", err));
    store->in_transaction = true;
    return CLADE_OK;
}

clade_status clade_store_commit(clade_store *store, clade_error *err)
{
    assert(store->in_transaction);
    /* Numbers given out must be durable before a row that uses them is. */
    clade_status status = clade_identity_sync(store, err);
    if (status == CLADE_OK) status = clade__run_steady(store, "COMMIT", err);
    if (status != CLADE_OK) {
        clade_store_rollback(store);
        return status;
    }
    store->in_transaction = false;
    clade__identity_committed(store);
    return CLADE_OK;
}

void clade_store_rollback(clade_store *store)
{
    if (!store->in_transaction) return;
    store->in_transaction = false;
    /* A failure means that the engine has rolled back by itself, or that the store is beyond use;
     * in either case nothing of the transaction remains. */
    if (clade__run_steady(store, "ROLLBACK", NULL) != CLADE_OK)
        clade_log(CLADE_LOG_DEBUG, "%s: nothing left to roll back", store->folder);
    if (store->identity != NULL) clade__identity_rolled_back(store);
}

clade_status clade_store_checkpoint(clade_store *store, clade_error *err)
{
    return clade__run_steady(store, "CHECKPOINT", err);
}

/* ---------------------------------------------------------------- appender */

enum { VALID_WORDS = CLADE_APPENDER_ROWS / 64 };

typedef struct appender_column {
    duckdb_vector vector;
    void         *data;
    uint64_t     *valid; /* NULL until the first NULL value of the chunk */
    clade_type    type;
    bool          utf8;  /* VARCHAR, not BLOB */
    size_t        width; /* bytes of one value */
} appender_column;

struct clade_appender {
    clade_store      *store;
    duckdb_appender   appender;
    duckdb_data_chunk chunk;
    size_t            n_columns;
    appender_column  *column; /* (n_columns) */
    char              table[64];
    size_t            bad_column; /* of the first text that was not UTF-8, or SIZE_MAX */
    size_t            bad_row;
};

static size_t width_of(clade_type type)
{
    switch (type) {
    case CLADE_TYPE_BOOL:
    case CLADE_TYPE_U8: return 1;
    case CLADE_TYPE_I32:
    case CLADE_TYPE_F32: return 4;
    case CLADE_TYPE_TEXT: return sizeof(duckdb_string_t);
    default: return 8;
    }
}

/* Point at the buffers of an empty chunk: they may move when it is reset. Texts start as "", so
 * that a field that was forgotten never points into freed memory. */
static void chunk_start(clade_appender *appender)
{
    for (size_t i = 0; i < appender->n_columns; i++) {
        appender_column *column = &appender->column[i];
        column->vector          = duckdb_data_chunk_get_vector(appender->chunk, i);
        column->data            = duckdb_vector_get_data(column->vector);
        column->valid           = NULL;
        if (column->type == CLADE_TYPE_TEXT)
            memset(column->data, 0, CLADE_APPENDER_ROWS * sizeof(duckdb_string_t));
    }
    appender->bad_column = SIZE_MAX;
}

static clade_status appender_fail(clade_error *err, const clade_appender *appender)
{
    duckdb_error_data       data = duckdb_appender_error_data(appender->appender);
    const duckdb_error_type type =
        data == NULL ? DUCKDB_ERROR_INVALID : duckdb_error_data_error_type(data);
    const char        *text = data == NULL ? NULL : duckdb_error_data_message(data);
    const clade_status status =
        clade__engine_fail(err, appender->store, type, text, appender->table);
    if (data != NULL) duckdb_destroy_error_data(&data);
    return status;
}

static clade_status make_chunk(clade_appender *appender, clade_error *err)
{
    clade_status         status = CLADE_OK;
    const size_t         n      = appender->n_columns;
    duckdb_logical_type *type   = CLADE_NEW(duckdb_logical_type, n);
    appender->column            = CLADE_NEW(appender_column, n);
    if (type == NULL || appender->column == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for an appender", appender->table);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        appender_column *column = &appender->column[i];
        type[i]                 = duckdb_appender_column_type(appender->appender, i);
        column->type            = clade__type_of(type[i]);
        column->utf8            = duckdb_get_type_id(type[i]) == DUCKDB_TYPE_VARCHAR;
        column->width           = width_of(column->type);
        if (column->type == CLADE_TYPE_OTHER) {
            status = clade_fail(err, CLADE_ERR_ARG,
                                "%s: column %zu has a type that no appender "
                                "writes",
                                appender->table, i);
            goto done;
        }
    }
    appender->chunk = duckdb_create_data_chunk(type, n);
    if (appender->chunk == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for a chunk", appender->table);
        goto done;
    }
    assert(duckdb_vector_size() == CLADE_APPENDER_ROWS);
    chunk_start(appender);
done:
    for (size_t i = 0; type != NULL && i < n; i++)
        if (type[i] != NULL) duckdb_destroy_logical_type(&type[i]);
    free(type);
    return status;
}

clade_status clade_appender_open(clade_appender **out_appender, clade_store *store,
                                 const char *table, clade_error *err)
{
    clade_status    status   = CLADE_OK;
    clade_appender *appender = NULL;

    if (store->read_only)
        return clade_fail(err, CLADE_ERR_ARG, "%s was opened for reading only", store->folder);
    appender = CLADE_NEW(clade_appender, 1);
    if (appender == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for an appender", table);
        goto done;
    }
    appender->store = store;
    snprintf(appender->table, sizeof appender->table, "%s", table);
    clade__settle(store);
    if (duckdb_appender_create(store->connection, NULL, table, &appender->appender) !=
        DuckDBSuccess) {
        status = appender_fail(err, appender);
        goto done;
    }
    appender->n_columns = duckdb_appender_column_count(appender->appender);
    status              = make_chunk(appender, err);
    if (status != CLADE_OK) goto done;

    *out_appender = appender;
    appender      = NULL;
done:
    clade_appender_close(appender);
    return status;
}

void *clade_appender_column(clade_appender *appender, size_t column)
{
    assert(column < appender->n_columns);
    return appender->column[column].data;
}

static uint64_t *valid_bits(appender_column *column)
{
    if (column->valid == NULL) {
        duckdb_vector_ensure_validity_writable(column->vector);
        column->valid = duckdb_vector_get_validity(column->vector);
    }
    return column->valid;
}

void clade_appender_null(clade_appender *appender, size_t column, size_t row)
{
    assert(column < appender->n_columns && row < CLADE_APPENDER_ROWS);
    valid_bits(&appender->column[column])[row / 64] &= ~(UINT64_C(1) << (row % 64));
}

void clade_appender_null_all(clade_appender *appender, size_t column)
{
    assert(column < appender->n_columns);
    memset(valid_bits(&appender->column[column]), 0, VALID_WORDS * sizeof(uint64_t));
}

/* Most texts are short ASCII, and eight bytes at a time tell. */
static bool is_utf8(clade_text text)
{
    size_t i = 0;
    for (; i + 8 <= text.size; i += 8) {
        uint64_t word;
        memcpy(&word, text.data + i, 8);
        if ((word & UINT64_C(0x8080808080808080)) != 0) break;
    }
    while (i < text.size && (unsigned char)text.data[i] < 0x80)
        i++;
    return i == text.size || clade_utf8_valid(text.data + i, text.size - i) == text.size - i;
}

void clade_appender_text(clade_appender *appender, size_t column, size_t row, clade_text value)
{
    assert(column < appender->n_columns && row < CLADE_APPENDER_ROWS);
    appender_column *at = &appender->column[column];
    assert(at->type == CLADE_TYPE_TEXT && value.size <= UINT32_MAX);

    if (at->utf8 && !is_utf8(value)) { /* The engine would crash on it much later: refuse here. */
        if (appender->bad_column == SIZE_MAX) {
            appender->bad_column = column;
            appender->bad_row    = row;
        }
        return;
    }
    if (at->valid != NULL) at->valid[row / 64] |= UINT64_C(1) << (row % 64);
    if (value.size <= 12) {
        duckdb_string_t text = {
            0
        }; /* Bytes behind the text must be zero: it is compared whole. */
        text.value.inlined.length = (uint32_t)value.size;
        if (value.size > 0) memcpy(text.value.inlined.inlined, value.data, value.size);
        ((duckdb_string_t *)at->data)[row] = text;
        return;
    }
    duckdb_vector_assign_string_element_len(at->vector, row, value.data, value.size);
}

clade_status clade_appender_flush(clade_appender *appender, size_t n_rows, clade_error *err)
{
    clade_store *store = appender->store;

    if (n_rows > CLADE_APPENDER_ROWS)
        return clade_fail(err, CLADE_ERR_ARG, "%s: %zu rows where a chunk holds %d",
                          appender->table, n_rows, CLADE_APPENDER_ROWS);
    if (appender->bad_column != SIZE_MAX)
        return clade_fail(err, CLADE_ERR_DATA, "%s: row %zu of the chunk, column %zu: not UTF-8",
                          appender->table, appender->bad_row, appender->bad_column);
    if (n_rows == 0) return CLADE_OK;

    clade__settle(store); /* The engine flushes when it likes, and that would end a stream. */
    store->data_hash_known = false;
    duckdb_data_chunk_set_size(appender->chunk, n_rows);
    clade__watch_begin(store, store->connection);
    const duckdb_state state = duckdb_append_data_chunk(appender->appender, appender->chunk);
    clade__watch_end(store);
    if (state != DuckDBSuccess) return appender_fail(err, appender);
    duckdb_data_chunk_reset(appender->chunk);
    chunk_start(appender);
    return CLADE_OK;
}

clade_status clade_appender_finish(clade_appender *appender, clade_error *err)
{
    clade__settle(appender->store);
    if (duckdb_appender_flush(appender->appender) != DuckDBSuccess)
        return appender_fail(err, appender);
    return CLADE_OK;
}

void clade_appender_close(clade_appender *appender)
{
    if (appender == NULL) return;
    if (appender->chunk != NULL) duckdb_destroy_data_chunk(&appender->chunk);
    if (appender->appender != NULL) duckdb_appender_destroy(&appender->appender);
    free(appender->column);
    free(appender);
}
