/* The parts a reader is made of, from bytes to rows. Ours alone.
 *
 *     source     bytes of a file or of memory, decompressed, hashed as stored
 *     decoder    any encoding to UTF-8
 *     window     the piece of UTF-8 text that is being cut into rows
 *     csv/jsonl/parquet   rows out of it
 */
#ifndef CLADE_READER_PARTS_H
#define CLADE_READER_PARTS_H

#include "clade/reader.h"

/* ---------------------------------------------------------------- source (reader_source.c) */

typedef struct clade__source clade__source;

clade_status clade__source_open(clade__source **out_source, const char *path, clade_error *err);
clade_status clade__source_open_memory(clade__source **out_source, const char *data, size_t size,
                                       const char *name, clade_error *err);
void         clade__source_close(clade__source *source);
/** Up to `capacity` plain bytes. *out_size is 0 at the end and never before. */
clade_status clade__source_read(char *out, size_t *out_size, clade__source *source, size_t capacity,
                                clade_error *err);
/** Read and hash the rest of the bytes without looking at them: for files that others read. */
clade_status clade__source_drain(clade__source *source, clade_error *err);
bool         clade__source_is_parquet(const clade__source *source);
const char  *clade__source_compression(const clade__source *source);
int64_t      clade__source_bytes(const clade__source *source); /* as stored */
/** Size of what clade__source_read will give in all, or 0 when it is not known. */
size_t   clade__source_plain_size(const clade__source *source);
double   clade__source_progress(const clade__source *source);
uint64_t clade__source_hash(const clade__source *source);

/* ---------------------------------------------------------------- decoder (reader_encoding.c) */

typedef enum clade__encoding {
    CLADE__UTF8,
    CLADE__UTF16LE,
    CLADE__UTF16BE,
    CLADE__GB18030,
    CLADE__WINDOWS1252
} clade__encoding;

/* A byte that cannot be decoded becomes this one, which no UTF-8 text holds: the row that has it is
 * found bad when it is checked, and no other. */
#define CLADE__UNDECODABLE '\xff'

typedef struct clade__decoder {
    clade__encoding encoding;
    void           *iconv; /* GB18030 only */
    unsigned char   carry[8];
    size_t          n_carry;
    uint32_t        high; /* a high surrogate that waits for its other half */
} clade__decoder;

const char *clade__encoding_name(clade__encoding encoding);
/** The encoding of the start of a text, and the bytes of its byte order mark. */
clade__encoding clade__encoding_guess(size_t *out_bom, const char *data, size_t size);
clade_status    clade__decoder_open(clade__decoder *decoder, clade__encoding encoding,
                                    clade_error *err);
void            clade__decoder_close(clade__decoder *decoder);
/** Bytes `out` must have room for when `size` bytes are decoded. */
size_t clade__decoder_room(size_t size);
/** Decode a piece; the start of a character at its end is kept for the next one. At the end of the
 *  text call with size 0: what was kept is then undecodable. Returns the bytes written. */
size_t clade__decoder_run(char *out, clade__decoder *decoder, const char *data, size_t size);

/* ---------------------------------------------------------------- window (reader_window.c) */

enum {
    CLADE__BLOCK_BYTES  = 1 << 20, /* read from the source at once */
    CLADE__WINDOW_SLACK = 64,      /* readable zero bytes behind the end, for wide loads */
};

typedef struct clade__window {
    clade__source *source; /* owned */
    clade__decoder decoder;
    char          *data; /* (capacity + CLADE__WINDOW_SLACK) */
    size_t         begin, end, capacity;
    char          *stage; /* undecoded bytes, when there is anything to decode */
    bool           at_end;
    bool           seen_high; /* a byte above 0x7f was read: the encoding is settled */
    bool           dirty;     /* some row may hold invalid UTF-8 or NUL: check each */
} clade__window;

clade_status clade__window_open(clade__window *window, clade__source *source, clade_error *err);
void         clade__window_close(clade__window *window);
/** Read one more block behind the end. Text before `begin` is dropped, so positions move. */
clade_status clade__window_fill(clade__window *window, clade_error *err);

/* ---------------------------------------------------------------- CSV (reader_csv.c) */

enum { CLADE__INDEX_BYTES = 1 << 15 }; /* text indexed at once: stays in the first-level cache */

typedef struct clade__csv clade__csv;
/** Offsets in data[0..size) of delimiters, quotes and newlines, rising. Returns their number; `out`
 *  has room for size of them. May read CLADE__WINDOW_SLACK bytes behind the end. */
typedef size_t (*clade__csv_index_function)(uint32_t *out, const char *data, size_t size,
                                            const clade__csv *csv);
/** 0 plain, 1 SSE2, 2 the best of this machine. */
clade__csv_index_function clade__csv_index(int variant);

struct clade__csv {
    char      delimiter, quote, newline; /* newline is '\n', or '\r' where no '\n' was seen */
    bool      backslash;                 /* a backslash protects a quote */
    uint32_t *special;                   /* (CLADE__INDEX_BYTES) offsets from index_base */
    size_t    n_special, i_special;
    size_t    index_base, index_end; /* window positions covered by `special` */
    size_t    at;                    /* the position before which the index stands */
    size_t    distrust_to;           /* up to here no quoted field may span lines */
    int64_t   credit;                /* bytes that may still be looked at twice */
    int64_t   line;                  /* of window->begin */
    clade__csv_index_function index;
};

/* ---------------------------------------------------------------- reader (reader.c) */

enum { CLADE__MAX_LATE_KEYS = 16 };

struct clade_reader {
    char            *name; /* for messages: the path's last part */
    char            *path;
    clade_dialect    dialect;
    clade_arena     *arena;     /* names and notes: lives as long as the reader */
    clade_arena     *row_arena; /* of the row at hand */
    clade_arena_mark row_mark;
    bool             row_arena_used;
    size_t           n_columns;
    const char     **column; /* (n_columns) */
    clade_text      *field;  /* (CLADE_READER_MAX_COLUMNS + 1) of the row at hand */
    bool          any_width; /* the first row is read: its number of fields becomes the table's */
    size_t        n_header;  /* that number */
    clade_buffer  note;
    clade_buffer  reason;  /* of a bad row */
    char         *scratch; /* unescaped fields of the row at hand */
    size_t        scratch_capacity, scratch_used;
    clade_buffer  held; /* raw text of a row that left the window, or was repaired */
    clade__window window;
    clade__csv    csv;
    bool          done;

    /* JSON lines */
    bool        json_array; /* one array of objects instead of lines */
    const char *late_key[CLADE__MAX_LATE_KEYS];
    int64_t     n_late[CLADE__MAX_LATE_KEYS];
    size_t      n_late_keys;
    int64_t     n_late_more;
    uint32_t   *key_slot; /* hash table of column names */
    size_t      n_key_slots;

    /* Parquet */
    clade_store *store; /* borrowed */
    clade_rows  *rows;
    clade_chunk  chunk;
    size_t       i_chunk_row;
    int64_t      n_row;
    int64_t      n_rows_total;
};

/** Set the column names from `names`, made distinct, with a note about what was odd. */
clade_status clade__reader_set_columns(clade_reader *reader, const clade_text *names,
                                       size_t n_names, bool has_header, clade_error *err);
void         clade__reader_note(clade_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Where a name stands in key_slot: the column + 1, or 0 when no column has it. */
size_t clade__reader_key_slot(const clade_reader *reader, clade_text name);
/** Raw text as valid UTF-8 without NUL, in reader->held when it had to be repaired. */
clade_text clade__reader_raw(clade_reader *reader, clade_text raw);
/** Why `text` cannot be used as it is (invalid UTF-8, NUL), or NULL. */
const char *clade__reader_check_text(clade_reader *reader, clade_text text);

clade_status clade__csv_open(clade_reader *reader, clade_error *err);
clade_status clade__csv_next(clade_row *out_row, bool *out_more, clade_reader *reader,
                             clade_error *err);
void         clade__csv_close(clade_reader *reader);

clade_status clade__jsonl_open(clade_reader *reader, clade_error *err);
clade_status clade__jsonl_next(clade_row *out_row, bool *out_more, clade_reader *reader,
                               clade_error *err);

clade_status clade__parquet_open(clade_reader *reader, clade_error *err);
clade_status clade__parquet_next(clade_row *out_row, bool *out_more, clade_reader *reader,
                                 clade_error *err);

/* ---------------------------------------------------------------- dialect (reader_sniff.c) */

typedef struct clade__sniff {
    char   delimiter, quote, newline;
    bool   backslash;
    bool   has_header;
    bool   row_names;  /* the header lacks the name of the first column, as R writes it */
    size_t skip_bytes; /* of lines before the header */
    size_t skip_lines;
} clade__sniff;

/** Guess from the first text of a file. `whole` when the text is the whole file. */
void clade__sniff_csv(clade__sniff *out, const char *data, size_t size, bool whole);

#endif
