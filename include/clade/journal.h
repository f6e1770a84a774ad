/**
 * Journal: what was acknowledged, kept on disk before it is in the tables.
 *
 * An append-only log of opaque records in the workspace's folder `journal/`. A record is durable
 * some hundred microseconds after it was appended; who appends does not wait, but is told. The
 * tables are filled from it later, in large transactions; what they hold is released.
 *
 *     append --> a buffer in memory --> one write and one sync for all that gathered --> progress()
 *                                              |
 *                                     journal/<first sequence>.log, sealed --> reader --> release
 *
 * Promises, which tests/store/test_journal.c holds:
 *
 *   - What was reported durable survives kill -9, a power cut (as far as the disk keeps its word)
 *     and a full disk, and is read back in the order of its sequence numbers, each once.
 *   - What was appended and not reported durable is either there after a crash or not: whoever
 * sends it again must be able to tell that it is the same (an event's message id does).
 *   - Nothing readable reaches the disk: records are sealed with a key that only keys/master leads
 *     to, each segment with its own. Releasing a segment destroys that key before the file goes.
 *   - A tail that was being written when the machine stopped is cut off at open, with a word in the
 *     log. Damage to what had been durable is an error that names file and offset, not a cut.
 *   - A full disk is answered at once and heals by itself when there is room.
 *
 * One process owns the workspace, so one journal is open on it.
 */
#ifndef CLADE_JOURNAL_H
#define CLADE_JOURNAL_H

#include "clade/store.h"

enum {
    CLADE_JOURNAL_RECORD_MAX    = 1 << 20,  /* bytes of one record */
    CLADE_JOURNAL_SEGMENT_BYTES = 64 << 20, /* of a segment file, allocated when it is begun */
    CLADE_JOURNAL_BUFFER_BYTES  = 16 << 20, /* appended and not yet taken by the writer */
    CLADE_JOURNAL_RETRY_MS      = 200,      /* between tries on a disk that refuses */
};

/**
 * How far the journal has come. Called from the writer's thread after every group that became
 * durable, and after every try that failed; must not call back into the journal, and be quick.
 *
 * @param durable_seq  Every record up to this one survives a crash.
 * @param status       CLADE_OK; or what the disk says, and then `message` is its sentence: appends
 *                     are refused until it heals, what waits is kept and tried again.
 */
typedef void (*clade_journal_progress)(void *context, uint64_t durable_seq, clade_status status,
                                       const char *message);

/** All zero is a good start for a workspace that has stored nothing of a journal yet. */
typedef struct clade_journal_options {
    /** The last sequence number that the tables hold already. The journal goes on behind it: where
     *  it ends before (a folder that was lost or put back from a backup), what is left of it is
     *  released; where it begins later, records are missing and that is an error. */
    uint64_t               stored_seq;
    size_t                 segment_bytes; /* 0: CLADE_JOURNAL_SEGMENT_BYTES; at most 1 GiB */
    size_t                 buffer_bytes;  /* 0: CLADE_JOURNAL_BUFFER_BYTES; at most 1 GiB */
    int                    retry_ms;      /* 0: CLADE_JOURNAL_RETRY_MS */
    bool                   no_sync;  /* for tests and measurements: durable then means "written" */
    clade_journal_progress progress; /* or NULL */
    void                  *context;
} clade_journal_options;

typedef struct clade_journal clade_journal;

/**
 * Open the journal of a workspace; the folder is made when it is not there.
 *
 * Every segment is checked. The last may end in what a crash left: it is cut at the last whole
 * record. A segment is only ever appended to by the process that began it; the next one begins with
 * the first record that is appended.
 *
 * @param options  NULL means all zero.
 * @return CLADE_ERR_ARG for a store that is read only or an option out of its limits;
 *         CLADE_ERR_DATA naming file and offset for damage, for a segment that is missing or that
 *         another key sealed; CLADE_ERR_IO; CLADE_ERR_NOMEM.
 *
 * Ownership   Close with clade_journal_close, before the store.
 * Cost        Reads every byte that was not released yet, once.
 */
CLADE_API CLADE_MUST_USE clade_status clade_journal_open(clade_journal              **out_journal,
                                                         clade_store                 *store,
                                                         const clade_journal_options *options,
                                                         clade_error                 *err);
/** Writes what waits (one last try), ends the segment, joins the thread. Accepts NULL. What could
 *  not be written was never reported durable; a warning counts it. */
CLADE_API void clade_journal_close(clade_journal *journal);

/**
 * Append records, to become durable together or in order. Never waits for the disk.
 *
 * @param record   (n) each of 0 .. CLADE_JOURNAL_RECORD_MAX bytes; copied.
 * @param out_seq  The last record's number; the others have those before it.
 * @return CLADE_ERR_BUSY when the buffer is full: nothing of this call was taken, ask again when
 *         the journal got on; CLADE_ERR_IO with the path and reason while the disk refuses;
 *         CLADE_ERR_ARG for a record that is too large or n of 0.
 *
 * Threads     Any, at once.
 * Cost        One copy, under a lock that the writer holds for a swap of two pointers.
 */
CLADE_API CLADE_MUST_USE clade_status clade_journal_append(clade_journal    *journal,
                                                           uint64_t         *out_seq,
                                                           const clade_text *record, size_t n,
                                                           clade_error *err);
/** Wait until all that was appended before is durable. CLADE_ERR_IO as soon as the disk refuses. */
CLADE_API CLADE_MUST_USE clade_status clade_journal_sync(clade_journal *journal, clade_error *err);
/** Every record up to this number is durable; 0 before the first. Any thread. */
CLADE_API uint64_t clade_journal_durable(clade_journal *journal);

/**
 * Records up to `seq` are stored elsewhere: segments that hold nothing later are destroyed. Their
 * keys are overwritten first, so that what the files leave on the disk cannot be opened.
 *
 * @return CLADE_ERR_IO naming the file; what was not deleted is, at the next open.
 * Threads  Any. A reader that is inside a deleted segment reads it to its end.
 */
CLADE_API CLADE_MUST_USE clade_status clade_journal_release(clade_journal *journal, uint64_t seq,
                                                            clade_error *err);
/**
 * End the current segment, so that all that was appended until now can be released (somebody is
 * forgotten, say): the next record begins another. Waits as clade_journal_sync does.
 */
CLADE_API CLADE_MUST_USE clade_status clade_journal_cut(clade_journal *journal, clade_error *err);

/** For metrics and pages. */
typedef struct clade_journal_state {
    uint64_t     first_seq; /* the oldest record kept; next_seq when there is none */
    uint64_t     durable_seq;
    uint64_t     next_seq; /* of the record appended next */
    size_t       n_segments;
    uint64_t     disk_bytes; /* of them, allocated */
    size_t       waiting_bytes, buffer_bytes;
    uint64_t     n_groups;             /* synced since open */
    int64_t      sync_us, sync_max_us; /* of the latest group, of the slowest */
    clade_status status;               /* CLADE_OK, or why appends are refused */
    char         message[512];
} clade_journal_state;
CLADE_API void clade_journal_look(clade_journal_state *out, clade_journal *journal);

/* ---------------------------------------------------------------- reading */

/** A place among the durable records. */
typedef struct clade_journal_reader clade_journal_reader;

/**
 * Read from a sequence number on, while the journal is written to.
 *
 * @param from  The first record wanted; at least the oldest that is kept, at most the next number.
 * @return CLADE_ERR_NOT_FOUND for a record that was released; CLADE_ERR_ARG for one far ahead.
 *
 * Ownership   Close before the journal. Threads: one at a time on a reader, any on a journal.
 */
CLADE_API CLADE_MUST_USE clade_status clade_journal_reader_open(clade_journal_reader **out_reader,
                                                                clade_journal         *journal,
                                                                uint64_t from, clade_error *err);
CLADE_API void                        clade_journal_reader_close(clade_journal_reader *reader);
/**
 * The next durable record, lent until the next call.
 *
 * @param out_seq  Its number; 0 when there is nothing durable behind the last: ask again later.
 * @return CLADE_ERR_DATA naming file and offset for a damaged record.
 * Cost    About 1.5 us for a record of 300 bytes.
 */
CLADE_API CLADE_MUST_USE clade_status clade_journal_read(clade_journal_reader *reader,
                                                         clade_text *out_record, uint64_t *out_seq,
                                                         clade_error *err);

#endif
