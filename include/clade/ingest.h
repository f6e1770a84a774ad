/**
 * Ingest: from the files a shop has to the tables of the store, and from there to clean data.
 *
 *     file -> reader -> mapping -> typed rows -> known keys -> event and its sister tables
 *                                     |               |
 *                                 quarantine      duplicate
 *
 * Loading writes source tables and never deletes a row. Cleaning (what a refund undoes, who is a
 * test account, a member of staff or a bot, which price or quantity is odd, what can be completed)
 * writes derived tables; it is a function of the source tables alone, so `clade replay` gives it
 * again. docs/decisions/0002-row-identity.md says when two rows are the same row,
 * docs/guides/cleaning.md what each rule does.
 */
#ifndef CLADE_INGEST_H
#define CLADE_INGEST_H

#include "clade/json.h"
#include "clade/live_event.h"
#include "clade/mapping.h"
#include "clade/store.h"

enum { CLADE_LOAD_MAX_FILES = 4096 };

/** One unit of `currency` is worth `rate` units of the shop's own currency. */
typedef struct clade_rate {
    char   currency[4];
    double rate; /* finite and above 0 */
} clade_rate;

/** What the user may say about a load. All zero is a good start: everything is guessed. */
typedef struct clade_load_options {
    const char *const *map; /* "their_name=ours"; a name that no file has is an error */
    size_t             n_map;
    clade_shape        shape;    /* CLADE_SHAPE_UNKNOWN: guess, or what the workspace remembers */
    const char        *zone;     /* of local times in the files; NULL: remembered, else UTC */
    const char        *currency; /* the shop's own; NULL: remembered, else most of the first load */
    const clade_rate  *rate;     /* kept in the workspace for later loads */
    size_t             n_rates;
    const char *const *repair; /* ids out of clade_problem.repair, applied after the files */
    size_t             n_repairs;
    int64_t  now_us; /* "now" for judging future dates and dating changes; 0 asks the clock */
    uint64_t seed;   /* kept in the run manifest; nothing here draws by chance */
} clade_load_options;

/** What happened to one file. n_read = n_stored + n_duplicate + n_quarantined, always. */
typedef struct clade_load_file {
    const char   *path;
    int64_t       load; /* its number in the table `load` */
    clade_shape   shape;
    clade_dialect dialect;
    int64_t       bytes;
    int64_t       n_read;
    int64_t       n_stored;
    int64_t       n_duplicate;
    int64_t       n_quarantined;
    int64_t       n_events; /* events made of the stored rows: a basket row makes several */
    const char *mapping; /* JSON, as clade_mapping_write: the guess, the user's word, the memory */
    bool        remembered; /* the mapping came out of the workspace */
    double      read_s;     /* the reading thread at work: bytes to typed rows */
    double      store_s;    /* the storing thread at work: keys, dictionaries, append */
    double      total_s;
} clade_load_file;

/** Something wrong in the data, worst first. */
typedef struct clade_problem {
    const char *id;   /* "mixed_currency", "no_customer", ... stable */
    const char *file; /* or NULL when it is about the whole workspace */
    int64_t     n_rows;
    int64_t     value_minor; /* money it touches, in the shop's currency; 0 where it is not money */
    double      weight;      /* share of rows or of money it touches, 0..1: the rank */
    const char *en;          /* one plain sentence */
    const char *zh;
    const char *repair; /* what `--repair` applies, as "complete-prices", or NULL */
    const char *repair_en;
    const char *repair_zh;
} clade_problem;

/** One thing the shop's money says. */
typedef struct clade_fact {
    const char *id; /* "revenue_net", "refunds", "orders", "best_customers", "best_month" */
    const char *en;
    const char *zh;
    double      value; /* money in minor units, counts and shares as they are */
} clade_fact;

typedef struct clade_load_report {
    size_t           n_files;
    clade_load_file *file;
    int64_t          n_read, n_stored, n_duplicate, n_quarantined; /* sums over the files */
    size_t           n_problems;
    clade_problem   *problem;
    size_t           n_facts;
    clade_fact      *fact;
    char             currency[4]; /* the shop's own; "XXX" when nobody said */
    double           load_s;      /* all files, reading and storing */
    double           clean_s;     /* derived tables */
    double           report_s;    /* problems and facts */
    double           total_s;
    clade_arena     *arena; /* owns every text above */
} clade_load_report;

/**
 * Load files into the store, clean, and say what was found.
 *
 * Each file is one transaction: what stops it, be it Ctrl-C or SIGKILL, leaves the store as it was
 * before that file, and the files before it stay. Loading a file again stores nothing twice. A row
 * that cannot be stored goes to quarantine with its line, column and reason, and is sealed.
 *
 * @param out_report  Written whole on success, untouched on error. Free with
 * clade_load_report_free.
 * @param paths       May be NULL when n_paths is 0: repairs and rates alone are applied then.
 * @param options     NULL means all zero.
 * @return CLADE_ERR_ARG for an unknown column, field, zone, currency or repair; what
 *         clade_reader_open returns for a file that cannot be read; CLADE_ERR_DATA when no column
 * of a file is understood; CLADE_ERR_INTERRUPTED.
 *
 * Threads     One load at a time on a store. Reads on a second thread when clade_threads_get() > 1.
 * Repeatable  Same files in the same order give the same tables, whatever the number of threads.
 * Cost        About a million event rows a second on two cores; memory 12 bytes a stored row plus
 *             16 a customer, and 100 an item, beside DuckDB's own limit.
 */
CLADE_API CLADE_MUST_USE clade_status clade_load_files(clade_load_report *out_report,
                                                       clade_store *store, const char *const *paths,
                                                       size_t                    n_paths,
                                                       const clade_load_options *options,
                                                       clade_error              *err);
CLADE_API void                        clade_load_report_free(clade_load_report *report);
/** The keys that scripts rely on: rows_read rows_stored ... mapping problems[] facts[] seconds. */
CLADE_API void clade_load_report_json(clade_json *json, const clade_load_report *report);

/* ---------------------------------------------------------------- live events */

/**
 * Live events into the tables, by the rules of `clade load`: an event becomes a row of texts that
 * is parsed, keyed and stored by the same functions, so the same orders give the same rows
 * whichever way they come. docs/formats/live.md says what becomes of each field.
 *
 *     identify          attributes in `customer` with their moment, personal ones sealed; a tie
 *     alias             a tie: a row of `alias`
 *     everything else   a row of `event`; what has no column there in `property`
 *
 * A visitor without a name is a customer too, under the outside id "anon:" and the anonymous id. (A
 * user id that begins so itself is written "user:anon:...", so the two never meet.) Where an event
 * has both ids it is the user's, and where that is news the two are tied: `alias` says from when on
 * and why, and no event is rewritten.
 *
 * Derived tables (completions, refunds matched, flags) are not touched: they are marked stale, and
 * the next load, `clade replay` or clade_replay_if_stale makes them again. Until then a purchase
 * whose refund came live counts in full beside the refund's own row.
 */
typedef struct clade_live_sink clade_live_sink;

/** What became of a batch. n_read = n_stored + n_duplicate + n_quarantined, always. */
typedef struct clade_live_report {
    int64_t n_read;
    int64_t n_stored;
    int64_t n_duplicate; /* seen before; an identify that says nothing new */
    int64_t n_quarantined;
    int64_t n_events; /* rows of `event` */
    int64_t n_ties;   /* rows of `alias` */
} clade_live_report;

/**
 * Read what the store knows (customers, items, keys), to be kept between batches.
 *
 * @param now_us  For judging dates; 0 asks the clock at every batch.
 * @return CLADE_ERR_ARG for a store that is read only; CLADE_ERR_NOMEM; CLADE_ERR_ENGINE.
 *
 * Ownership   Close with clade_live_close, which accepts NULL, before the store.
 * Cost        Reads one column of `event`, `identity` and `item`: about 0.1 s a million events.
 *             Memory as clade_load_files.
 */
CLADE_API CLADE_MUST_USE clade_status clade_live_open(clade_live_sink **out_sink,
                                                      clade_store *store, int64_t now_us,
                                                      clade_error *err);
CLADE_API void                        clade_live_close(clade_live_sink *sink);

/**
 * Store a batch in one transaction, together with the journal's position: all of it or nothing.
 *
 * @param event        (n) in the order of the journal; borrowed for the call. One that cannot be
 *                     stored goes to quarantine with its reason and is no failure.
 * @param journal_seq  The journal's last record among these; 0 leaves the position as it is.
 * @return CLADE_ERR_IO, CLADE_ERR_ENGINE, CLADE_ERR_NOMEM: then nothing was stored, and the same
 *         batch may be given again.
 *
 * Threads     One at a time on a store, and no transaction open.
 * Repeatable  The same events in the same order give the same rows, up to their numbers, in
 * whatever batches they come; docs/formats/live.md names the exception, early cancellations.
 *
 * Cost        About 6 us of a processor an event and 10 ms a batch, and the engine's sync.
 */
CLADE_API CLADE_MUST_USE clade_status clade_live_store(clade_live_report      *out,
                                                       clade_live_sink        *sink,
                                                       const clade_live_event *event, size_t n,
                                                       uint64_t journal_seq, clade_error *err);
/** Something else wrote to the store (a load, a repair, forgetting): what is known is read again
 *  before the next batch. */
CLADE_API void clade_live_reset(clade_live_sink *sink);
/** The journal_seq that was stored last; 0 when none ever was. */
CLADE_API CLADE_MUST_USE clade_status clade_live_position(uint64_t *out_seq, clade_store *store,
                                                          clade_error *err);
/**
 * The outside id of whoever did the event, as clade_identity_find takes it: the user's, else the
 * visitor's with its mark. Empty where it names nobody.
 * @param out  Cleared first; failed when there is no memory.
 */
CLADE_API void clade_live_customer(clade_buffer *out, const clade_live_event *event);

/** What the row of an event will say, for whatever is kept true event by event. */
typedef struct clade_live_line {
    const char     *bad;  /* NULL, or why it will go to quarantine: then nothing else is said */
    clade_live_kind kind; /* as it is stored: a purchase of -1 pieces is a refund */
    bool            has_quantity, has_price, has_amount, has_value, has_session;
    double          quantity;
    int64_t         price_minor, amount_minor;
    int64_t         value_minor; /* the amount in the shop's own currency */
    char            currency[4];
    int64_t         session_key;
} clade_live_line;

/**
 * Read events as clade_live_store will, without a store: by the same functions, so that what is
 * kept live and what is stored never differ. The shop's currency and its rates are those of the
 * moment of opening; open another reader when they change.
 *
 * @param now_us  As for clade_live_open.
 * Ownership   Close with clade_live_reader_close, which accepts NULL; not tied to the store.
 * Threads     One at a time on a reader, beside anything on the store.
 * Cost        Below 2 us an event; asks the heap for nothing once texts of that size have come.
 */
typedef struct clade_live_reader      clade_live_reader;
CLADE_API CLADE_MUST_USE clade_status clade_live_reader_open(clade_live_reader **out_reader,
                                                             clade_store *store, int64_t now_us,
                                                             clade_error *err);
CLADE_API void                        clade_live_reader_close(clade_live_reader *reader);
/** @return CLADE_ERR_NOMEM. `bad` is a text that lives as long as the program. */
CLADE_API CLADE_MUST_USE clade_status clade_live_read(clade_live_line        *out,
                                                      clade_live_reader      *reader,
                                                      const clade_live_event *event,
                                                      clade_error            *err);

/** What became of the rows of a file of labels: read = stored + duplicate + unknown. */
typedef struct clade_labels_report {
    int64_t rows_read, rows_stored;
    int64_t rows_duplicate; /* were there already, or twice in the file */
    int64_t rows_unknown;   /* of customers that nobody has heard of: not stored */
} clade_labels_report;

/**
 * Store labels of the user's own under a name: truths that were learnt later, to be predicted.
 *
 * @param path  As clade_reader_open reads it, with columns customer, value (a number, yes or no)
 * and at (the moment it was learnt).
 * @return What clade_reader_open returns; CLADE_ERR_DATA naming the column that is missing, or the
 *         line that cannot be read: then none of the file is stored.
 * Cost    A few microseconds a row, in one transaction.
 */
CLADE_API CLADE_MUST_USE clade_status clade_labels_load(clade_labels_report *out,
                                                        clade_store *store, const char *name,
                                                        const char *path, clade_error *err);

/**
 * Rebuild every derived table (completion, refund_match, flag) from the source tables, in one
 * transaction, and drop the files that were derived from either. The result is equal to what the
 * last load left. The source columns that a completion filled are emptied first and filled again.
 *
 * Cost        About 1 s for a million order lines; browsing events cost a tenth of that.
 */
CLADE_API CLADE_MUST_USE clade_status clade_replay(clade_store *store, clade_error *err);
/** The same, only when a load was cut off between its files and its cleaning. Cheap otherwise. */
CLADE_API CLADE_MUST_USE clade_status clade_replay_if_stale(clade_store *store, clade_error *err);

/* ---------------------------------------------------------------- looking at the data */

/** One row that could not be stored. `raw` is unsealed, and NULL when its customer was forgotten.
 */
typedef struct clade_quarantined {
    int64_t     load;
    const char *file;
    int64_t     line;
    const char *column; /* or NULL */
    const char *reason;
    const char *raw;
} clade_quarantined;

/**
 * Rows in quarantine, newest load first, then by line.
 *
 * @param out_rows  Points into the arena.
 * @param limit     At most this many; *out_total has how many there are.
 */
CLADE_API CLADE_MUST_USE clade_status clade_quarantine_list(clade_quarantined **out_rows,
                                                            size_t *out_n, int64_t *out_total,
                                                            clade_store *store, size_t limit,
                                                            clade_arena *arena, clade_error *err);

typedef enum clade_check_verdict {
    CLADE_CHECK_GOOD,
    CLADE_CHECK_LOOK,
    CLADE_CHECK_BAD
} clade_check_verdict;

/** One named question about the whole workspace, and its answer. */
typedef struct clade_check_result {
    const char         *name; /* "events_without_customer", stable */
    clade_check_verdict verdict;
    int64_t             n_bad; /* rows it finds fault with */
    int64_t             n_all; /* rows it looked at */
    const char         *en;
    const char         *zh;
    const char         *example; /* never personal: item, order, day; or NULL */
} clade_check_result;

/** Data quality of the whole workspace, in a fixed order. Results point into the arena. */
CLADE_API CLADE_MUST_USE clade_status clade_check(clade_check_result **out_results, size_t *out_n,
                                                  clade_store *store, clade_arena *arena,
                                                  clade_error *err);

#endif
