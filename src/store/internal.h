/* What the files of the store share with each other and nobody else. */
#ifndef CLADE_STORE_INTERNAL_H
#define CLADE_STORE_INTERNAL_H

#include "clade/file.h"
#include "clade/json.h"
#include "clade/run.h"
#include "clade/store.h"

#include <duckdb.h>
#include <pthread.h>

extern const char clade__schema_sql[];           /* schema.sql */
extern const char clade__schema_live_sql[];      /* schema_live.sql */
extern const char clade__clickhouse_names_sql[]; /* clickhouse_names.sql */

enum {
    CLADE__FOLDER_MAX   = CLADE_PATH_MAX - 256, /* room for every name below it */
    CLADE__WATCH_MS     = 50,                   /* how soon Ctrl-C reaches a running statement */
    CLADE__DETAIL_MAX   = 400,                  /* of an engine's message, in bytes */
    CLADE__SETTING_MAX  = 1 << 20,              /* one setting's value */
    CLADE__MANIFEST_MAX = 1 << 20,              /* clade.json, read whole */
    CLADE__MEMORY_FLOOR = 64 << 20              /* DuckDB does not open reliably with less */
};

typedef struct clade__identity clade__identity;

/*
 * A thread that hands Ctrl-C on to the engine. A statement may sort for minutes inside one call,
 * and only duckdb_interrupt from another thread ends it. It sleeps while no statement runs.
 */
typedef struct clade__watch {
    pthread_t         thread;
    pthread_mutex_t   mutex;
    pthread_cond_t    wake;
    duckdb_connection connection; /* the one that runs a statement now, or NULL */
    uint64_t          statement;  /* counts them */
    bool              idle;       /* asleep without a deadline */
    bool              stop;
    bool              started;
} clade__watch;

struct clade_store {
    char              folder[CLADE__FOLDER_MAX];
    int               lock_fd;
    bool              read_only;
    bool              in_transaction;
    bool              data_hash_known; /* until the next write */
    uint64_t          data_hash;
    duckdb_database   database;
    duckdb_connection connection;
    clade_rows       *streaming; /* the query whose rows still come from `connection`, or NULL */
    clade__watch      watch;
    clade__identity  *identity;
    int64_t           next_run; /* number of the next run's manifest */
};

/* engine.c: DuckDB itself, its options, and its failures as sentences. */
clade_status clade__engine_open(clade_store *store, const clade_store_options *options,
                                clade_error *err);
void         clade__engine_close(clade_store *store);
/* A new connection with the options and macros that every connection has. */
clade_status clade__engine_connect(duckdb_connection *out, clade_store *store, clade_error *err);
/* `sql` may be NULL; it is shown only for mistakes in it. */
clade_status clade__engine_fail(clade_error *err, const clade_store *store, duckdb_error_type type,
                                const char *text, const char *sql);
void         clade__watch_begin(clade_store *store, duckdb_connection connection);
void         clade__watch_end(clade_store *store);

/* query.c */
/* Fetch what is left of a streaming query, because another statement on its connection ends it. */
void clade__settle(clade_store *store);
/* Run statements that Ctrl-C must not end: transactions, checkpoints, cleaning up. */
clade_status clade__run_steady(clade_store *store, const char *sql, clade_error *err);

/* chunk.c: the part of clade_rows that clade_chunk_* read. */
typedef struct clade__column {
    const char *name; /* lent by the result */
    clade_type  type;
    duckdb_type stored; /* for DECIMAL and ENUM the type underneath */
    uint8_t     scale;  /* DECIMAL: digits behind the point */
    char      **label;  /* ENUM: (n_labels), freed with duckdb_free */
    uint32_t    n_labels;
    const void *data; /* of the current chunk */
    uint64_t   *valid;
} clade__column;

struct clade_rows {
    clade_store       *store;
    duckdb_connection  own; /* a connection of its own, or NULL */
    duckdb_result      result;
    bool               has_result;
    size_t             n_columns;
    clade__column     *column; /* (n_columns) */
    duckdb_data_chunk  chunk;  /* the current one */
    duckdb_data_chunk *kept;   /* fetched ahead by clade__settle */
    size_t             n_kept, next_kept, kept_capacity;
    bool               steady;  /* never ends for Ctrl-C between chunks */
    bool               polls;   /* from the second chunk on */
    bool               settled; /* the engine has nothing more */
    clade_error        error;   /* told when the kept chunks are read */
};
clade_type   clade__type_of(duckdb_logical_type type);
clade_status clade__column_describe(clade__column *out, duckdb_logical_type type, clade_error *err);
void         clade__column_free(clade__column *column);

/* identity.c */
enum {
    CLADE__KEY_BYTES  = 32,
    CLADE__SLOT_BYTES = 64,
};
/* Open or make keys/master and keys/identity. */
clade_status clade__identity_open(clade_store *store, clade_error *err);
void         clade__identity_close(clade_store *store);
/* What was interned since `begin` and not committed is a number without a name again. */
void clade__identity_rolled_back(clade_store *store);
void clade__identity_committed(clade_store *store);
/* The key that seals a customer's values; customer -1 has the master's. NOT_FOUND when forgotten.
 */
clade_status clade__identity_key(uint8_t out[CLADE__KEY_BYTES], clade_store *store,
                                 int64_t customer, clade_error *err);
/* The key that the keys of the journal's segments are made with. */
void clade__identity_journal_key(uint8_t out[CLADE__KEY_BYTES], const clade_store *store);
/* Overwrite the slot on disk and in memory, and sync it. */
clade_status clade__identity_destroy(clade_store *store, int64_t customer, clade_error *err);
void         clade__random(clade_store *store, void *out, size_t size);

/* seal.c */
enum { CLADE__SEAL_EXTRA = 1 + 24 + 16 }; /* version, nonce, tag */
/* out has room for value.size + CLADE__SEAL_EXTRA bytes. */
void clade__seal(uint8_t *out, clade_store *store, int64_t customer,
                 const uint8_t key[CLADE__KEY_BYTES], clade_text value);

/* manifest.c */
clade_status clade__manifest_open(clade_store *store, clade_error *err);

/* lock.c */
clade_status clade__lock_take(int *out_fd, const char *folder, bool read_only, clade_error *err);
void         clade__lock_give(int fd, bool read_only);

#endif
