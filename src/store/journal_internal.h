/* What the halves of the journal share: journal.c (writer), journal_files.c (folder and segments),
 * journal_read.c (reader). Private to store. */
#ifndef CLADE_JOURNAL_INTERNAL_H
#define CLADE_JOURNAL_INTERNAL_H

#include "internal.h"
#include "journal_segment.h"

#include "clade/journal.h"

/* One file of the folder, oldest first. The last may be the one that is written to. */
typedef struct clade__journal_file {
    uint64_t first_seq;
    uint64_t n_records; /* durable ones */
    uint64_t bytes;     /* allocated */
} clade__journal_file;

/* Records on their way: their bytes side by side. */
typedef struct clade__journal_group {
    char     *data;
    size_t    size, capacity;
    uint32_t *record_size; /* (n) */
    size_t    n, record_capacity;
    uint64_t  first_seq;
    size_t    n_done, done_size; /* of them durable, and where the rest begins */
} clade__journal_group;

struct clade_journal {
    char                  folder[CLADE_PATH_MAX];
    uint8_t               key[SEGMENT_KEY_BYTES];
    clade_journal_options options;

    pthread_mutex_t mutex;
    pthread_cond_t  work;  /* for the writer: something to do */
    pthread_cond_t  moved; /* for those who wait: durable, refused, or cut */
    pthread_t       thread;
    bool            started, stop, cut;

    /* Guarded by the mutex. */
    clade__journal_group gather;
    uint64_t             next_seq, durable_seq;
    clade__journal_file *file; /* (n_files) */
    size_t               n_files, file_capacity;
    bool                 writing; /* the last file is open for writing */
    clade_error          refused; /* status CLADE_OK: the disk does what it is told */
    uint64_t             n_groups;
    int64_t              sync_us, sync_max_us;

    /* The writer's alone. */
    clade__journal_group group;
    int                  fd; /* of the segment being written, or -1 */
    clade__segment       segment;
    size_t               end; /* where its next frame goes */
    uint8_t             *sealed;
    size_t               sealed_capacity;
};

/* journal_files.c. Those that change the list of files take the mutex by themselves. */
/* Path of the segment that begins at first_seq, in out (CLADE_PATH_MAX). */
void         clade__journal_path(char *out, const clade_journal *journal, uint64_t first_seq);
clade_status clade__journal_folder_open(clade_journal *journal, clade_store *store,
                                        clade_error *err);
/* A new file for the records from seq on, open in journal->fd. */
clade_status clade__journal_segment_begin(clade_journal *journal, uint64_t seq, clade_error *err);
/* The current file ends here: what was allocated behind it is given back. */
void clade__journal_segment_end(clade_journal *journal);

#endif
