/**
 * Reading the files a shop has: CSV of any dialect, JSON lines and Parquet, plain or compressed, in
 * any encoding, as one stream of rows of UTF-8 text fields. Nothing here knows what a field means.
 *
 * Data is hostile: every limit has a name, and a row that cannot be read becomes a bad row with
 * file, line, column and reason; it never ends the stream.
 */
#ifndef CLADE_READER_H
#define CLADE_READER_H

#include "clade/store.h"

enum {
    CLADE_READER_MAX_COLUMNS     = 4096,
    CLADE_READER_MAX_FIELD_BYTES = 1 << 20, /* one field */
    CLADE_READER_MAX_ROW_BYTES   = 4 << 20, /* one row */
    CLADE_READER_SNIFF_BYTES     = 1 << 18, /* what the dialect is guessed from */
};

typedef enum clade_format {
    CLADE_FORMAT_CSV,
    CLADE_FORMAT_JSONL,
    CLADE_FORMAT_PARQUET
} clade_format;

/** What was guessed about a file, in words fit for printing. */
typedef struct clade_dialect {
    clade_format format;
    const char  *encoding;    /* "UTF-8", "UTF-16LE", "UTF-16BE", "GB18030", "windows-1252" */
    const char  *compression; /* "none", "gzip", "zstd" */
    char         delimiter;   /* CSV: , ; tab | */
    char         quote;       /* CSV: " or ' or 0 */
    bool         has_header;
} clade_dialect;

typedef struct clade_reader clade_reader;

/** A row. Fields are borrowed until the next call. `text` of a missing field has data NULL. */
typedef struct clade_row {
    size_t      n_fields; /* always the reader's number of columns for a good row */
    clade_text *fields;
    int64_t     line; /* 1-based line where the row starts; row number for Parquet */
    clade_text  raw;  /* the whole row as read (UTF-8), without its line end */
    const char *bad;  /* NULL, or why the row cannot be used ("7 fields where 8 were expected") */
    size_t      bad_column; /* meaningful when bad: 0-based, or SIZE_MAX */
} clade_row;

/**
 * Open a file and read its header.
 *
 * @param store  Needed for Parquet, which DuckDB reads; may be NULL for the other formats.
 * @return CLADE_ERR_NOT_FOUND, CLADE_ERR_IO (a directory, unreadable), CLADE_ERR_DATA (empty,
 * binary, too many columns): each names the file. Cost    Reads at most CLADE_READER_SNIFF_BYTES of
 * text before the first row. Constant memory after.
 */
CLADE_API CLADE_MUST_USE clade_status clade_reader_open(clade_reader **out_reader, const char *path,
                                                        clade_store *store, clade_error *err);
/** The same over bytes in memory (plain, not compressed): for tests and for the fuzz targets. */
CLADE_API CLADE_MUST_USE clade_status clade_reader_open_memory(clade_reader **out_reader,
                                                               const char *data, size_t size,
                                                               const char *name, clade_error *err);
CLADE_API void                        clade_reader_close(clade_reader *reader);
CLADE_API const clade_dialect        *clade_reader_dialect(const clade_reader *reader);
CLADE_API size_t                      clade_reader_n_columns(const clade_reader *reader);
/** Trimmed; empty and repeated names are made distinct ("column_3", "date_2"). */
CLADE_API const char *clade_reader_column(const clade_reader *reader, size_t column);
/** What was odd about the header (duplicates, empties, lines skipped before it), or NULL. At the
 * end of JSON lines also the keys that came too late to be columns, with counts. Valid until the
 * next row. */
CLADE_API const char *clade_reader_header_note(const clade_reader *reader);

/** The next row, good or bad. *out_more is false at the end of the file. */
CLADE_API CLADE_MUST_USE clade_status clade_reader_next(clade_row *out_row, bool *out_more,
                                                        clade_reader *reader, clade_error *err);
/** Share of the file's bytes read so far, 0..1, for progress. */
CLADE_API double clade_reader_progress(const clade_reader *reader);
/** XXH3 of the file's bytes as stored, chained over blocks of 1 MiB; complete once the end was
 *  reached. */
CLADE_API uint64_t clade_reader_hash(const clade_reader *reader);
CLADE_API int64_t  clade_reader_bytes(const clade_reader *reader);

#endif
