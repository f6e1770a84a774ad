/* Filling a table of the store: a chunk of rows at a time, with the columns that a file never has
 * set to NULL once a chunk. */
#include "load_internal.h"

static void out_start(load_out *out)
{
    for (size_t i = 0; i < out->n_columns; i++) {
        if (out->absent >> i & 1) clade_appender_null_all(out->appender, i);
    }
}

clade_status clade__out_open(load_out *out, clade_store *store, const char *table, size_t n_columns,
                             clade_error *err)
{
    if (out->appender != NULL) return CLADE_OK;
    out->n_columns = n_columns;
    out->n         = 0;
    CLADE_TRY(clade_appender_open(&out->appender, store, table, err));
    out_start(out);
    return CLADE_OK;
}

clade_status clade__out_row(size_t *out_row, load_out *out, clade_error *err)
{
    if (out->n == CLADE_APPENDER_ROWS) {
        CLADE_TRY(clade_appender_flush(out->appender, out->n, err));
        out->n = 0;
        out_start(out);
    }
    *out_row = out->n++;
    return CLADE_OK;
}

clade_status clade__out_finish(load_out *out, clade_error *err)
{
    if (out->appender == NULL) return CLADE_OK;
    CLADE_TRY(clade_appender_flush(out->appender, out->n, err));
    out->n = 0;
    out_start(out);
    return clade_appender_finish(out->appender, err);
}

void clade__out_i64(load_out *out, size_t column, size_t row, int64_t value)
{
    ((int64_t *)clade_appender_column(out->appender, column))[row] = value;
}

void clade__out_f64(load_out *out, size_t column, size_t row, double value)
{
    ((double *)clade_appender_column(out->appender, column))[row] = value;
}

void clade__out_text(load_out *out, size_t column, size_t row, clade_text value)
{
    if (value.size == 0)
        clade_appender_null(out->appender, column, row);
    else
        clade_appender_text(out->appender, column, row, value);
}

void clade__out_null(load_out *out, size_t column, size_t row)
{
    clade_appender_null(out->appender, column, row);
}
