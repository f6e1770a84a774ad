/* What the tests of the readers share: a reader over a literal, and its rows in one line each. */
#ifndef CLADE_TEST_READING_H
#define CLADE_TEST_READING_H

#include "check.h"

#include "clade/mapping.h"
#include "clade/reader.h"

#include <stdlib.h>

static inline clade_reader *read_text(const char *data, size_t size)
{
    clade_reader *reader = NULL;
    clade_error   err    = { 0 };
    if (clade_reader_open_memory(&reader, data, size, "test.csv", &err) != CLADE_OK) {
        print_error("%s\n", err.message);
        fail();
    }
    return reader;
}
#define READ(literal) read_text((literal), sizeof(literal) - 1)

/* All rows, fields between brackets: "[a][b]\n"; a bad row as "!line reason\n"; missing as "[~]".
 */
static inline char *all_rows(clade_reader *reader)
{
    clade_buffer out = { 0 };
    clade_row    row;
    bool         more = true;
    clade_error  err  = { 0 };
    clade_buffer_text(&out, "");
    for (;;) {
        check_ok(clade_reader_next(&row, &more, reader, &err));
        if (!more) break;
        if (row.bad != NULL) {
            clade_buffer_format(&out, "!%lld %s\n", (long long)row.line, row.bad);
            continue;
        }
        assert_int_equal(row.n_fields, clade_reader_n_columns(reader));
        for (size_t i = 0; i < row.n_fields; i++) {
            if (row.fields[i].data == NULL) {
                clade_buffer_text(&out, "[~]");
            } else {
                clade_buffer_format(&out, "[%.*s]", (int)row.fields[i].size, row.fields[i].data);
            }
        }
        clade_buffer_text(&out, "\n");
    }
    assert_false(out.failed);
    clade_reader_close(reader);
    return out.data;
}

static inline void check_rows(clade_reader *reader, const char *wanted)
{
    char *rows = all_rows(reader);
    assert_string_equal(rows, wanted);
    free(rows);
}

enum { SAMPLE_ROWS = 1000 };

/* The mapping that the first rows of a reader give, and the reader closed. Fields are named in one
 * line: "InvoiceNo=order UserID=customer ..."; columns without a field are left out. */
static inline char *guess_mapping(clade_mapping *out, clade_reader *reader)
{
    clade_arena *arena   = clade_arena_create(0);
    const size_t n       = clade_reader_n_columns(reader);
    clade_text  *sample  = CLADE_NEW(clade_text, n * SAMPLE_ROWS);
    const char **columns = CLADE_NEW(const char *, n);
    size_t       n_rows  = 0;
    clade_buffer line    = { 0 };
    clade_row    row;
    bool         more = true;
    while (n_rows < SAMPLE_ROWS) {
        check_ok(clade_reader_next(&row, &more, reader, NULL));
        if (!more) break;
        if (row.bad != NULL) continue;
        for (size_t i = 0; i < n; i++) {
            const clade_text t = row.fields[i];
            sample[n_rows * n + i] =
                (clade_text){ t.data == NULL ? NULL : clade_arena_text(arena, t.data, t.size),
                              t.size };
        }
        n_rows++;
    }
    for (size_t i = 0; i < n; i++)
        columns[i] = clade_reader_column(reader, i);
    clade_mapping_guess(out, columns, n, sample, n_rows);
    clade_buffer_text(&line, "");
    for (size_t i = 0; i < n; i++) {
        if (out->column[i].field == CLADE_FIELD_NONE) continue;
        clade_buffer_format(&line, "%s%s=%s", line.size == 0 ? "" : " ", columns[i],
                            clade_field_name(out->column[i].field));
    }
    free(sample);
    free((void *)columns);
    clade_arena_free(arena);
    clade_reader_close(reader);
    return line.data;
}

static inline void check_mapping(clade_reader *reader, clade_shape shape, const char *wanted)
{
    clade_mapping *mapping = CLADE_NEW(clade_mapping, 1);
    char          *line    = guess_mapping(mapping, reader);
    assert_string_equal(line, wanted);
    assert_string_equal(clade_shape_name(mapping->shape), clade_shape_name(shape));
    free(line);
    free(mapping);
}

#endif
