/*
 * Columns of a result: what type they have, and reading them where they lie. clade_chunk_data and
 * clade_chunk_valid run in the hot loops of every scan and do nothing but look up a pointer.
 */
#include "internal.h"

#include <assert.h>
#include <stdlib.h>

clade_type clade__type_of(duckdb_logical_type type)
{
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: return CLADE_TYPE_BOOL;
    case DUCKDB_TYPE_UTINYINT: return CLADE_TYPE_U8;
    case DUCKDB_TYPE_ENUM:
        return duckdb_enum_internal_type(type) == DUCKDB_TYPE_UTINYINT ? CLADE_TYPE_U8
                                                                       : CLADE_TYPE_OTHER;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE: return CLADE_TYPE_I32;
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ: return CLADE_TYPE_I64;
    case DUCKDB_TYPE_UBIGINT: return CLADE_TYPE_U64;
    case DUCKDB_TYPE_FLOAT: return CLADE_TYPE_F32;
    case DUCKDB_TYPE_DOUBLE: return CLADE_TYPE_F64;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB: return CLADE_TYPE_TEXT;
    default: return CLADE_TYPE_OTHER;
    }
}

clade_status clade__column_describe(clade__column *out, duckdb_logical_type type, clade_error *err)
{
    const duckdb_type id = duckdb_get_type_id(type);
    out->type            = clade__type_of(type);
    out->stored          = id;
    if (id == DUCKDB_TYPE_DECIMAL) {
        out->scale  = duckdb_decimal_scale(type);
        out->stored = duckdb_decimal_internal_type(type);
    }
    if (id != DUCKDB_TYPE_ENUM) return CLADE_OK;

    const uint32_t n = duckdb_enum_dictionary_size(type);
    out->stored      = duckdb_enum_internal_type(type);
    out->label       = CLADE_NEW(char *, n);
    if (out->label == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %u names", n);
    for (; out->n_labels < n; out->n_labels++)
        out->label[out->n_labels] = duckdb_enum_dictionary_value(type, out->n_labels);
    return CLADE_OK;
}

void clade__column_free(clade__column *column)
{
    for (uint32_t i = 0; i < column->n_labels; i++)
        duckdb_free(column->label[i]);
    free(column->label);
}

static const clade__column *column_of(const clade_chunk *chunk, size_t column)
{
    const clade_rows *rows = chunk->handle;
    assert(column < chunk->n_columns);
    return &rows->column[column];
}

const void *clade_chunk_data(const clade_chunk *chunk, size_t column)
{
    return column_of(chunk, column)->data;
}

static bool is_valid(const clade__column *column, size_t row)
{
    return column->valid == NULL || (column->valid[row / 64] >> (row % 64) & 1) != 0;
}

bool clade_chunk_valid(const clade_chunk *chunk, size_t column, size_t row)
{
    assert(row < chunk->n_rows);
    return is_valid(column_of(chunk, column), row);
}

static uint32_t label_at(const clade__column *c, size_t row)
{
    switch (c->stored) {
    case DUCKDB_TYPE_UTINYINT: return ((const uint8_t *)c->data)[row];
    case DUCKDB_TYPE_USMALLINT: return ((const uint16_t *)c->data)[row];
    default: return ((const uint32_t *)c->data)[row];
    }
}

clade_text clade_chunk_text(const clade_chunk *chunk, size_t column, size_t row)
{
    const clade__column *c = column_of(chunk, column);
    assert(row < chunk->n_rows);
    if (!is_valid(c, row)) return (clade_text){ NULL, 0 };
    if (c->label != NULL) {
        const uint32_t label = label_at(c, row);
        return clade_text_of(label < c->n_labels ? c->label[label] : NULL);
    }
    if (c->type != CLADE_TYPE_TEXT) return (clade_text){ NULL, 0 };

    const duckdb_string_t *text = &((const duckdb_string_t *)c->data)[row];
    const uint32_t         size = text->value.inlined.length;
    return (clade_text){ size <= 12 ? text->value.inlined.inlined : text->value.pointer.ptr, size };
}

__extension__ typedef __int128 wide;

/* Any number as a double and, where it fits, as an integer: sums of BIGINT are HUGEINT, and
 * literals with a point are DECIMAL. */
static bool number_at(double *out_real, wide *out_int, const clade__column *c, size_t row)
{
    wide whole = 0;
    switch (c->stored) {
    case DUCKDB_TYPE_BOOLEAN: whole = ((const bool *)c->data)[row]; break;
    case DUCKDB_TYPE_TINYINT: whole = ((const int8_t *)c->data)[row]; break;
    case DUCKDB_TYPE_UTINYINT: whole = ((const uint8_t *)c->data)[row]; break;
    case DUCKDB_TYPE_SMALLINT: whole = ((const int16_t *)c->data)[row]; break;
    case DUCKDB_TYPE_USMALLINT: whole = ((const uint16_t *)c->data)[row]; break;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE: whole = ((const int32_t *)c->data)[row]; break;
    case DUCKDB_TYPE_UINTEGER: whole = ((const uint32_t *)c->data)[row]; break;
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ: whole = ((const int64_t *)c->data)[row]; break;
    case DUCKDB_TYPE_UBIGINT: whole = ((const uint64_t *)c->data)[row]; break;
    case DUCKDB_TYPE_HUGEINT: memcpy(&whole, (const char *)c->data + row * 16, 16); break;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE: {
        const double real = c->stored == DUCKDB_TYPE_FLOAT ? (double)((const float *)c->data)[row]
                                                           : ((const double *)c->data)[row];
        /* Saturate: a cast of what does not fit is undefined. */
        *out_real = real;
        *out_int  = real >= 9.2e18    ? (wide)INT64_MAX
                    : real <= -9.2e18 ? (wide)INT64_MIN
                    : real == real    ? (wide)real
                                      : 0;
        return true;
    }
    default: return false;
    }
    wide unit = 1;
    for (uint8_t i = 0; i < c->scale; i++)
        unit *= 10;
    *out_real = (double)whole / (double)unit;
    *out_int  = whole / unit;
    return true;
}

int64_t clade_chunk_int(const clade_chunk *chunk, size_t column, size_t row, int64_t if_null)
{
    const clade__column *c = column_of(chunk, column);
    double               real;
    wide                 whole;
    assert(row < chunk->n_rows);
    if (!is_valid(c, row) || !number_at(&real, &whole, c, row)) return if_null;
    return whole > INT64_MAX ? INT64_MAX : whole < INT64_MIN ? INT64_MIN : (int64_t)whole;
}

double clade_chunk_real(const clade_chunk *chunk, size_t column, size_t row, double if_null)
{
    const clade__column *c = column_of(chunk, column);
    double               real;
    wide                 whole;
    assert(row < chunk->n_rows);
    if (!is_valid(c, row) || !number_at(&real, &whole, c, row)) return if_null;
    return real;
}
