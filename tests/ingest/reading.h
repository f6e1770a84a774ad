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

#endif
