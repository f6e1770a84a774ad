/* Reading the journal while it is written: only what is durable is looked at, so a reader never
 * meets a frame that is half there. Files are read in pieces of 64 KiB. */
#include "journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };

struct clade_journal_reader {
    clade_journal *journal;
    uint64_t       next_seq; /* the record wanted next */
    int            fd;       /* of the segment that holds the place, or -1 */
    clade__segment segment;
    uint64_t       at_seq; /* of the record at `offset` */
    size_t         offset;
    uint8_t       *piece; /* bytes [piece_at, piece_at + piece_size) of the file */
    size_t         piece_at, piece_size, piece_capacity;
    uint8_t       *record;
    size_t         record_capacity;
};

static clade_status fail_at(const clade_journal_reader *reader, const char *what, clade_error *err)
{
    char path[CLADE_PATH_MAX];
    clade__journal_path(path, reader->journal, reader->segment.first_seq);
    return clade_fail(err, CLADE_ERR_DATA, "%s: byte %zu: %s", path, reader->offset, what);
}

/* Read `want` bytes from the place on, or what the file has of them. */
static clade_status fetch(clade_journal_reader *reader, size_t want, clade_error *err)
{
    if (!CLADE_GROW(&reader->piece, &reader->piece_capacity, want)) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it",
                          reader->journal->folder);
    }
    reader->piece_at   = reader->offset;
    reader->piece_size = 0;
    while (reader->piece_size < want) {
        const ssize_t got =
            pread(reader->fd, reader->piece + reader->piece_size, want - reader->piece_size,
                  (off_t)(reader->piece_at + reader->piece_size));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int number = errno;
            char      path[CLADE_PATH_MAX];
            clade__journal_path(path, reader->journal, reader->segment.first_seq);
            return clade_file_fail(err, path, "read", number);
        }
        if (got == 0) break;
        reader->piece_size += (size_t)got;
    }
    return CLADE_OK;
}

/* The frame at the place. What was read before it was written is read again, and what is larger
 * than a piece in a larger one. */
static clade_status look(clade__frame *out, const uint8_t **out_data, clade_journal_reader *reader,
                         clade_error *err)
{
    static const size_t needs[] = { PIECE_BYTES, SEGMENT_FRAME_BYTES + SEGMENT_BODY_MAX + 8 };
    for (size_t try = 0;; try++) {
        const size_t skip = reader->offset - reader->piece_at;
        if (reader->offset >= reader->piece_at && skip <= reader->piece_size) {
            *out_data = reader->piece + skip;
            *out      = clade__frame_look(&reader->segment, *out_data, reader->piece_size - skip,
                                          (uint32_t)reader->offset);
            if (out->kind == FRAME_MARK || out->kind == FRAME_RECORD) return CLADE_OK;
        }
        if (try == sizeof needs / sizeof needs[0]) return CLADE_OK;
        CLADE_TRY(fetch(reader, needs[try], err));
    }
}

static void leave(clade_journal_reader *reader)
{
    if (reader->fd >= 0) close(reader->fd);
    reader->fd         = -1;
    reader->piece_size = 0;
}

/* Open the segment that holds record `next_seq`. */
static clade_status enter(clade_journal_reader *reader, clade_error *err)
{
    clade_journal *journal = reader->journal;
    uint64_t       first   = 0;
    uint8_t        header[SEGMENT_HEADER_BYTES];
    char           path[CLADE_PATH_MAX];
    leave(reader);
    pthread_mutex_lock(&journal->mutex);
    const bool released = journal->n_files == 0 || journal->file[0].first_seq > reader->next_seq;
    for (size_t i = 0; i < journal->n_files; i++) {
        if (journal->file[i].first_seq <= reader->next_seq) first = journal->file[i].first_seq;
    }
    pthread_mutex_unlock(&journal->mutex);
    if (!released) {
        clade__journal_path(path, journal, first);
        reader->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (reader->fd < 0 && errno != ENOENT) return clade_file_fail(err, path, "open", errno);
    }
    if (reader->fd < 0) {
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: record %llu was released", journal->folder,
                          (unsigned long long)reader->next_seq);
    }
    const ssize_t got = pread(reader->fd, header, sizeof header, 0);
    if (got < 0) return clade_file_fail(err, path, "read", errno);
    const char *wrong = got < (ssize_t)sizeof header
                            ? "it is shorter than its header"
                            : clade__segment_open(&reader->segment, header, journal->key);
    if (wrong != NULL) return clade_fail(err, CLADE_ERR_DATA, "%s: byte 0: %s", path, wrong);
    reader->at_seq = first;
    reader->offset = SEGMENT_HEADER_BYTES;
    return CLADE_OK;
}

/* Is there a later segment that begins with the record at the place? */
static bool continues(const clade_journal_reader *reader)
{
    clade_journal *journal = reader->journal;
    bool           found   = false;
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < journal->n_files; i++) {
        found = found || (journal->file[i].first_seq == reader->at_seq &&
                          reader->at_seq != reader->segment.first_seq);
    }
    pthread_mutex_unlock(&journal->mutex);
    return found;
}

/* Go to the frame of record `next_seq`, which is durable. */
static clade_status advance(clade__frame *out, const uint8_t **out_data,
                            clade_journal_reader *reader, clade_error *err)
{
    if (reader->fd < 0) CLADE_TRY(enter(reader, err));
    for (;;) {
        CLADE_TRY(look(out, out_data, reader, err));
        if (out->kind == FRAME_RECORD && reader->at_seq == reader->next_seq) return CLADE_OK;
        if (out->kind == FRAME_RECORD || out->kind == FRAME_MARK) {
            reader->at_seq += out->kind == FRAME_RECORD;
            reader->offset += out->bytes;
            continue;
        }
        if (out->kind == FRAME_BAD || !continues(reader)) {
            return fail_at(reader, "a record that had been durable is damaged", err);
        }
        CLADE_TRY(enter(reader, err));
    }
}

clade_status clade_journal_read(clade_journal_reader *reader, clade_text *out_record,
                                uint64_t *out_seq, clade_error *err)
{
    clade__frame   frame;
    const uint8_t *data = NULL;
    *out_record         = (clade_text){ 0 };
    *out_seq            = 0;
    if (reader->next_seq > clade_journal_durable(reader->journal)) return CLADE_OK;
    CLADE_TRY(advance(&frame, &data, reader, err));
    if (!CLADE_GROW(&reader->record, &reader->record_capacity, frame.body_bytes)) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for a record of %u bytes",
                          reader->journal->folder, frame.body_bytes);
    }
    if (!clade__frame_open(reader->record, &reader->segment, data, frame, reader->next_seq)) {
        return fail_at(reader, "the seal of a record is broken", err);
    }
    *out_record =
        (clade_text){ (const char *)reader->record, frame.body_bytes - SEGMENT_TAG_BYTES };
    *out_seq = reader->next_seq++;
    reader->at_seq++;
    reader->offset += frame.bytes;
    return CLADE_OK;
}

clade_status clade_journal_reader_open(clade_journal_reader **out_reader, clade_journal *journal,
                                       uint64_t from, clade_error *err)
{
    pthread_mutex_lock(&journal->mutex);
    const uint64_t next = journal->next_seq;
    const uint64_t first =
        journal->n_files > 0 ? journal->file[0].first_seq : journal->durable_seq + 1;
    pthread_mutex_unlock(&journal->mutex);
    if (from > next) {
        return clade_fail(err, CLADE_ERR_ARG, "record %llu: the next one has number %llu",
                          (unsigned long long)from, (unsigned long long)next);
    }
    if (from < first) {
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: record %llu was released", journal->folder,
                          (unsigned long long)from);
    }
    clade_journal_reader *reader = CLADE_NEW(clade_journal_reader, 1);
    if (reader == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for a reader", journal->folder);
    }
    reader->journal  = journal;
    reader->next_seq = from;
    reader->fd       = -1;
    *out_reader      = reader;
    return CLADE_OK;
}

void clade_journal_reader_close(clade_journal_reader *reader)
{
    if (reader == NULL) return;
    leave(reader);
    if (reader->record != NULL) sodium_memzero(reader->record, reader->record_capacity);
    free(reader->record);
    free(reader->piece);
    sodium_memzero(reader, sizeof *reader);
    free(reader);
}
