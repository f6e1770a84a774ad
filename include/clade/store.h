/**
 * The store: one shop in one folder, behind DuckDB's C API. Nothing else in clade includes DuckDB
 * or libsodium.
 *
 *     my.clade/
 *         clade.json      format version, currency, time zone, creation (written once, then
 * replaced whole) owner.lock      held with flock by the one process that owns the workspace; names
 * it store.duckdb    the tables of docs/formats/schema.md keys/master     32 random bytes, mode
 * 0600: seals what no customer owns keys/identity   one 64-byte slot per customer: key, keyed hash
 * of the outside id runs/           one manifest per run models/         bundles reports/
 *
 * What it assumes: one process owns a workspace. What it promises: a committed transaction survives
 * kill -9; everything that is not committed is gone after it.
 */
#ifndef CLADE_STORE_H
#define CLADE_STORE_H

#include "clade/text.h"
#include "clade/time.h"

/** 2: a session is a key, no longer its name (`event.session_key`). */
#define CLADE_STORE_VERSION 2

typedef struct clade_store clade_store;

typedef struct clade_store_options {
    int64_t
         memory_bytes; /* limit for DuckDB, which spills beyond it; 0 means 3/4 of what is free */
    int  n_threads;    /* 0 means clade_threads_get() */
    bool create;       /* make the folder when it does not exist */
    bool read_only;    /* write nothing; still needs the workspace to itself */
} clade_store_options;

/**
 * Open (or create) a workspace and take its lock.
 *
 * @return CLADE_ERR_NOT_FOUND when it does not exist and `create` is off; CLADE_ERR_BUSY naming the
 *         process that owns it; CLADE_ERR_VERSION when a newer clade wrote it, or one too old;
 * CLADE_ERR_DATA when the folder holds something else; CLADE_ERR_IO naming path and reason.
 * Ownership   Close with clade_store_close, which accepts NULL and gives the lock back. Cost About
 * 25 ms; a write-ahead log left by a crash is replayed first.
 */
CLADE_API CLADE_MUST_USE clade_status clade_store_open(clade_store **out_store, const char *folder,
                                                       const clade_store_options *options,
                                                       clade_error               *err);
CLADE_API void                        clade_store_close(clade_store *store);
CLADE_API const char                 *clade_store_folder(const clade_store *store);

/** Path of a file inside the workspace, in `out`. CLADE_ERR_ARG when it does not fit. */
CLADE_API CLADE_MUST_USE clade_status clade_store_path(char *out, size_t out_size,
                                                       const clade_store *store, const char *name,
                                                       clade_error *err);

/**
 * Settings of a workspace: short texts that survive ("currency", "zone", "mapping/orders.csv").
 * `get` copies into out and gives CLADE_ERR_NOT_FOUND, without a message, when it was never set.
 */
CLADE_API CLADE_MUST_USE clade_status clade_store_setting_get(char *out, size_t out_size,
                                                              clade_store *store, const char *name,
                                                              clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_store_setting_set(clade_store *store, const char *name,
                                                              const char *value, clade_error *err);

/* ---------------------------------------------------------------- queries */

/** Physical type of a result column, after the cast each query writes for itself. */
typedef enum clade_type {
    CLADE_TYPE_BOOL, /* bool */
    CLADE_TYPE_U8,   /* uint8_t: also enums with up to 255 names */
    CLADE_TYPE_I32,  /* int32_t */
    CLADE_TYPE_I64,  /* int64_t: also TIMESTAMP, in microseconds */
    CLADE_TYPE_U64,  /* uint64_t */
    CLADE_TYPE_F32,  /* float */
    CLADE_TYPE_F64,  /* double */
    CLADE_TYPE_TEXT, /* read with clade_chunk_text */
    CLADE_TYPE_OTHER /* cast it in SQL: HUGEINT, DECIMAL, LIST ... cannot be read */
} clade_type;

/** One argument of a query: `?` in SQL, in order. */
typedef struct clade_value {
    clade_type type; /* I64, F64, TEXT, BOOL */
    bool       null;
    int64_t    i64;
    double     f64;
    clade_text text;
} clade_value;
#define CLADE_INT(x)  ((clade_value){ .type = CLADE_TYPE_I64, .i64 = (x) })
#define CLADE_REAL(x) ((clade_value){ .type = CLADE_TYPE_F64, .f64 = (x) })
#define CLADE_STR(x)  ((clade_value){ .type = CLADE_TYPE_TEXT, .text = clade_text_of(x) })
#define CLADE_NULL    ((clade_value){ .type = CLADE_TYPE_I64, .null = true })

/** Run statements that give no rows. Several, separated by semicolons, when n_args is 0. */
CLADE_API CLADE_MUST_USE clade_status clade_store_run(clade_store *store, const char *sql,
                                                      const clade_value *args, size_t n_args,
                                                      clade_error *err);
/** One integer from one row (NULL gives `if_null`). */
CLADE_API CLADE_MUST_USE clade_status clade_store_int(int64_t *out, clade_store *store,
                                                      const char *sql, const clade_value *args,
                                                      size_t n_args, int64_t if_null,
                                                      clade_error *err);

/**
 * A running query. Rows come in typed column chunks that point into the engine: nothing is copied,
 * and a chunk is gone at the next clade_rows_next or clade_rows_close.
 */
typedef struct clade_rows clade_rows;
typedef struct clade_chunk {
    size_t n_rows;
    size_t n_columns;
    void  *handle;
} clade_chunk;

CLADE_API CLADE_MUST_USE clade_status clade_store_query(clade_rows **out_rows, clade_store *store,
                                                        const char *sql, const clade_value *args,
                                                        size_t n_args, clade_error *err);
/**
 * The same on a connection of its own, for long scans that run beside other statements of the store
 * (reading a Parquet file while appending, say): it sees neither the open transaction nor temporary
 * tables. A query of clade_store_query is on the store's one connection: whatever else is run or
 * appended before its rows are read first fetches the rest of them into memory.
 */
CLADE_API CLADE_MUST_USE clade_status clade_store_query_aside(clade_rows **out_rows,
                                                              clade_store *store, const char *sql,
                                                              const clade_value *args,
                                                              size_t n_args, clade_error *err);
/** The next chunk; n_rows is 0 at the end. Polls for interruption from the second chunk on, so that
 *  small questions are answered while the work that Ctrl-C cut short is being saved. */
CLADE_API CLADE_MUST_USE clade_status clade_rows_next(clade_chunk *out_chunk, clade_rows *rows,
                                                      clade_error *err);
CLADE_API void                        clade_rows_close(clade_rows *rows);
CLADE_API size_t                      clade_rows_n_columns(const clade_rows *rows);
CLADE_API const char                 *clade_rows_column_name(const clade_rows *rows, size_t column);
CLADE_API clade_type                  clade_rows_column_type(const clade_rows *rows, size_t column);

/** The column's values, n_rows of its type. Values under a null bit are undefined. */
CLADE_API const void *clade_chunk_data(const clade_chunk *chunk, size_t column);
/** True where row has a value. */
CLADE_API bool clade_chunk_valid(const clade_chunk *chunk, size_t column, size_t row);
/** A text, or the name of an enum's value; data is NULL for NULL and for other types. */
CLADE_API clade_text clade_chunk_text(const clade_chunk *chunk, size_t column, size_t row);
/** Any type as int64 or double; NULL gives `if_null`. For small results, not for hot loops. */
CLADE_API int64_t clade_chunk_int(const clade_chunk *chunk, size_t column, size_t row,
                                  int64_t if_null);
CLADE_API double  clade_chunk_real(const clade_chunk *chunk, size_t column, size_t row,
                                   double if_null);

/* ---------------------------------------------------------------- writing */

/** Transactions do not nest. A store that is closed or dies in the middle of one has lost it all.
 */
CLADE_API CLADE_MUST_USE clade_status clade_store_begin(clade_store *store, clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_store_commit(clade_store *store, clade_error *err);
CLADE_API void                        clade_store_rollback(clade_store *store);
/** Move committed rows from the write-ahead log into the file. */
CLADE_API CLADE_MUST_USE clade_status clade_store_checkpoint(clade_store *store, clade_error *err);

/**
 * Bulk append to one table, column by column. Fill rows of the current chunk with the setters
 * (row below CLADE_APPENDER_ROWS), then flush with the number of rows filled. Every column of every
 * row must be set, to a value or to NULL.
 */
#define CLADE_APPENDER_ROWS 2048
typedef struct clade_appender         clade_appender;
CLADE_API CLADE_MUST_USE clade_status clade_appender_open(clade_appender **out_appender,
                                                          clade_store *store, const char *table,
                                                          clade_error *err);
/** Column's buffer of CLADE_APPENDER_ROWS values of its type, valid until the next flush. */
CLADE_API void *clade_appender_column(clade_appender *appender, size_t column);
CLADE_API void  clade_appender_text(clade_appender *appender, size_t column, size_t row,
                                    clade_text value);
CLADE_API void  clade_appender_null(clade_appender *appender, size_t column, size_t row);
/** Every row of the chunk: for columns that a source does not have. Set no value of it afterwards
 * but texts. */
CLADE_API void clade_appender_null_all(clade_appender *appender, size_t column);
CLADE_API CLADE_MUST_USE clade_status clade_appender_flush(clade_appender *appender, size_t n_rows,
                                                           clade_error *err);
/** Hand the last rows to the transaction. */
CLADE_API CLADE_MUST_USE clade_status clade_appender_finish(clade_appender *appender,
                                                            clade_error    *err);
CLADE_API void                        clade_appender_close(clade_appender *appender);

/* ---------------------------------------------------------------- derived files */

/**
 * Overwrite and remove every file in derived/: what verbs keep there only to save the work of
 * making it again. Loading, `replay` and forgetting call it before they change anything.
 *
 * @return CLADE_ERR_ARG for a store that is read only; CLADE_ERR_IO naming the file.
 * Cost    One write of what is there; nothing when nothing is.
 */
CLADE_API CLADE_MUST_USE clade_status clade_store_derived_drop(clade_store *store,
                                                               clade_error *err);

/* ---------------------------------------------------------------- identity */

/**
 * Who a customer is outside: the only place with personal data. Every customer number has a slot in
 * keys/identity with a random key and the keyed hash of its outside id. Personal values (the id
 * itself, name, e-mail, phone, address) are sealed with that key (XChaCha20-Poly1305) and kept in
 * the table `identity`. Overwriting the slot makes all of them unreadable, wherever a copy may lie.
 */

/**
 * The number of an outside id, given to it on first sight. The id itself is sealed at once and
 * waits, with its slot, for clade_identity_sync. About 20 ns for an id seen lately, 1 us for a
 * known one, 3 us for a new one.
 */
CLADE_API CLADE_MUST_USE clade_status clade_identity_intern(int64_t     *out_customer,
                                                            clade_store *store, clade_text id,
                                                            clade_error *err);
/** The number of an outside id, or -1 when nobody has it. */
CLADE_API int64_t clade_identity_find(clade_store *store, clade_text id);
/**
 * Make new slots durable and append the sealed outside ids to the table `identity` (kind 'id', load
 * 0), inside the open transaction where there is one. clade_store_commit does it by itself.
 */
CLADE_API CLADE_MUST_USE clade_status clade_identity_sync(clade_store *store, clade_error *err);
/** How many numbers were ever given out: customers are 0 .. n-1, forgotten ones among them. */
CLADE_API int64_t clade_identity_count(const clade_store *store);
/** What became of the numbers: they sum to clade_identity_count. O(customers). */
typedef struct clade_key_count {
    int64_t n_live;      /* have a key of their own */
    int64_t n_forgotten; /* had one, which was overwritten */
    int64_t n_damaged;   /* their slot cannot be read: nobody can name them any more */
} clade_key_count;
CLADE_API CLADE_MUST_USE clade_status clade_identity_count_keys(clade_key_count *out,
                                                                clade_store     *store,
                                                                clade_error     *err);

/** Seal a personal value of a customer, or with customer -1 one that nobody owns (a quarantined
 * row). */
CLADE_API CLADE_MUST_USE clade_status clade_identity_seal(clade_buffer *out, clade_store *store,
                                                          int64_t customer, clade_text value,
                                                          clade_error *err);
/** The opposite. CLADE_ERR_NOT_FOUND when the customer was forgotten; CLADE_ERR_DATA when the seal
 *  is broken. */
CLADE_API CLADE_MUST_USE clade_status clade_identity_unseal(clade_buffer *out, clade_store *store,
                                                            int64_t customer, clade_text sealed,
                                                            clade_error *err);
/** The outside id of one customer. For many, read customer and sealed from `identity` where kind is
 *  'id', and unseal each: about 2 us. */
CLADE_API CLADE_MUST_USE clade_status clade_identity_name(clade_buffer *out, clade_store *store,
                                                          int64_t customer, clade_error *err);

/**
 * Forget a customer: overwrite the slot, delete sealed values, attributes, survey texts and sealed
 * quarantine rows, rewrite the tables that held them, and leave a receipt in runs/. Events stay,
 * under a number that nothing leads to any more.
 *
 * @param out_receipt  The receipt's JSON: what was deleted, when, a hash; no personal data.
 */
CLADE_API CLADE_MUST_USE clade_status clade_identity_forget(clade_buffer *out_receipt,
                                                            clade_store *store, clade_text id,
                                                            clade_error *err);

/* ---------------------------------------------------------------- runs */

/**
 * A run writes down what it was: verb, options, seed, as-of, data hash, build, metrics. The
 * manifest goes to runs/<number>-<verb>.json when it finishes.
 */
typedef struct clade_run              clade_run;
CLADE_API CLADE_MUST_USE clade_status clade_run_begin(clade_run **out_run, clade_store *store,
                                                      const char *verb, uint64_t seed,
                                                      clade_error *err);
/** One fact of the run; the last word on a key counts. */
CLADE_API void clade_run_note(clade_run *run, const char *key, const char *value);
CLADE_API void clade_run_note_number(clade_run *run, const char *key, double value);
/** One more entry of a list, which is an array of texts in the manifest: files, repeated options. A
 *  key is either a list or a single fact. */
CLADE_API void    clade_run_note_entry(clade_run *run, const char *key, const char *value);
CLADE_API int64_t clade_run_number(const clade_run *run);
CLADE_API CLADE_MUST_USE clade_status clade_run_finish(clade_run *run, clade_error *err);
CLADE_API void                        clade_run_free(clade_run *run);

/** A hash of the source tables: equal data, equal hash, whatever the order of loading. */
CLADE_API CLADE_MUST_USE clade_status clade_store_data_hash(uint64_t *out_hash, clade_store *store,
                                                            clade_error *err);

#endif
