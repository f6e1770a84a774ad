/* What holds for every row of every input, whatever is in it. */
#ifndef CLADE_FUZZ_READER_LAWS_H
#define CLADE_FUZZ_READER_LAWS_H

#include "fuzz.h"

#include "clade/reader.h"

static inline void check_utf8(clade_text text)
{
    if (text.size == 0) return;
    FUZZ_CHECK(clade_utf8_valid(text.data, text.size) == text.size);
    FUZZ_CHECK(memchr(text.data, '\0', text.size) == NULL);
}

/* Good rows have every column, all text is UTF-8 without NUL, lines rise, and bad rows say why. */
static inline void read_all_rows(const char *data, size_t size)
{
    clade_reader *reader = NULL;
    clade_error   err    = { 0 };
    clade_row     row;
    bool          more   = true;
    int64_t       line   = 0;
    size_t        n_rows = 0;
    if (clade_reader_open_memory(&reader, data, size, "fuzz.csv", &err) != CLADE_OK) {
        FUZZ_CHECK(err.message[0] != '\0' && reader == NULL);
        return;
    }
    const size_t n_columns = clade_reader_n_columns(reader);
    FUZZ_CHECK(n_columns >= 1 || clade_reader_dialect(reader)->format == CLADE_FORMAT_JSONL);
    FUZZ_CHECK(n_columns <= CLADE_READER_MAX_COLUMNS);
    for (;;) {
        if (clade_reader_next(&row, &more, reader, &err) != CLADE_OK) break;
        if (!more) break;
        FUZZ_CHECK(++n_rows <= size + 1);
        FUZZ_CHECK(row.line >= line && row.line >= 1);
        line = row.line;
        check_utf8(row.raw);
        FUZZ_CHECK(row.n_fields <= n_columns);
        if (row.bad != NULL) {
            FUZZ_CHECK(row.bad[0] != '\0');
            FUZZ_CHECK(row.bad_column == SIZE_MAX || row.bad_column < n_columns);
            continue;
        }
        FUZZ_CHECK(row.n_fields == n_columns);
        for (size_t i = 0; i < n_columns; i++) {
            check_utf8(row.fields[i]);
        }
    }
    FUZZ_CHECK(clade_reader_progress(reader) >= 0.0 && clade_reader_progress(reader) <= 1.0);
    clade_reader_close(reader);
}

#endif
