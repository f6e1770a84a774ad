/* The folder of the journal: what is found in it at open, and how segments come and go. Runs once a
 * segment; a new one costs two syncs, of the file and of the folder. */
#include "journal_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What stands in a released segment's place until the file is gone. */
static const char RELEASED[SEGMENT_HEADER_BYTES] = "clade: released";

void clade__journal_path(char *out, const clade_journal *journal, uint64_t first_seq)
{
    snprintf(out, CLADE_PATH_MAX, "%.4000s/%020llu.log", journal->folder,
             (unsigned long long)first_seq);
}

static clade_status write_at(int fd, const char *path, const void *data, size_t size, off_t at,
                             clade_error *err)
{
    const char *from = data;
    while (size > 0) {
        const ssize_t put = pwrite(fd, from, size, at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return clade_file_fail(err, path, "write", put == 0 ? ENOSPC : errno);
        from += put;
        at += put;
        size -= (size_t)put;
    }
    return CLADE_OK;
}

static clade_status sync_folder(const clade_journal *journal, clade_error *err)
{
    char path[CLADE_PATH_MAX];
    if (journal->options.no_sync) return CLADE_OK;
    clade__journal_path(path, journal, 0);
    return clade_folder_sync(path, err);
}

/* ---------------------------------------------------------------- going */

/* The salt goes first: without it nobody can make the segment's key again. */
static clade_status destroy(const clade_journal *journal, uint64_t first_seq, clade_error *err)
{
    char         path[CLADE_PATH_MAX];
    clade_status status = CLADE_OK;
    clade__journal_path(path, journal, first_seq);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return CLADE_OK;
    if (fd < 0) return clade_file_fail(err, path, "release", errno);
    status = write_at(fd, path, RELEASED, sizeof RELEASED, 0, err);
    if (status == CLADE_OK && !journal->options.no_sync && fdatasync(fd) != 0) {
        status = clade_file_fail(err, path, "sync", errno);
    }
    close(fd);
    if (status == CLADE_OK && unlink(path) != 0 && errno != ENOENT) {
        status = clade_file_fail(err, path, "delete", errno);
    }
    return status;
}

clade_status clade_journal_release(clade_journal *journal, uint64_t seq, clade_error *err)
{
    clade_status status = CLADE_OK;
    size_t       n      = 0;
    for (;;) {
        clade__journal_file oldest;
        pthread_mutex_lock(&journal->mutex);
        const bool open_last = journal->writing && journal->n_files == 1;
        const bool any       = journal->n_files > 0 && !open_last;
        oldest               = any ? journal->file[0] : (clade__journal_file){ 0 };
        const bool gone      = any && oldest.first_seq + oldest.n_records <= seq + 1;
        if (gone) { /* no new reader finds it */
            memmove(journal->file, journal->file + 1,
                    (journal->n_files - 1) * sizeof journal->file[0]);
            journal->n_files--;
        }
        pthread_mutex_unlock(&journal->mutex);
        if (!gone) break;
        status = destroy(journal, oldest.first_seq, err);
        if (status != CLADE_OK) break; /* the next open finds it again, and releases it then */
        n++;
    }
    if (n == 0 || status != CLADE_OK) return status;
    return sync_folder(journal, err);
}

/* ---------------------------------------------------------------- coming */

/* Room for the whole segment now, so that a full disk is met here and not in its middle. */
static clade_status allocate(int fd, const char *path, size_t size, clade_error *err)
{
    int failed;
    do {
        failed = fallocate(fd, 0, 0, (off_t)size);
    } while (failed != 0 && errno == EINTR);
    if (failed == 0) return CLADE_OK;
    if (errno != EOPNOTSUPP) return clade_file_fail(err, path, "write", errno);
    if (ftruncate(fd, (off_t)size) == 0) return CLADE_OK;
    return clade_file_fail(err, path, "write", errno);
}

/* The list's new last entry; one without records, which an earlier process left, makes way. */
static clade_status list_file(clade_journal *journal, uint64_t seq, clade_error *err)
{
    clade_status status  = CLADE_OK;
    uint64_t     old_seq = seq;
    pthread_mutex_lock(&journal->mutex);
    if (journal->n_files > 0 && journal->file[journal->n_files - 1].n_records == 0) {
        old_seq = journal->file[--journal->n_files].first_seq;
    }
    if (CLADE_GROW(&journal->file, &journal->file_capacity, journal->n_files + 1)) {
        journal->file[journal->n_files++] =
            (clade__journal_file){ .first_seq = seq, .bytes = journal->options.segment_bytes };
        journal->writing = true;
    } else {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", journal->folder);
    }
    pthread_mutex_unlock(&journal->mutex);
    if (status == CLADE_OK && old_seq != seq) status = destroy(journal, old_seq, err);
    return status;
}

clade_status clade__journal_segment_begin(clade_journal *journal, uint64_t seq, clade_error *err)
{
    clade_status status = CLADE_OK;
    char         path[CLADE_PATH_MAX], beside[CLADE_PATH_MAX + 8];
    uint8_t      header[SEGMENT_HEADER_BYTES];
    clade__journal_path(path, journal, seq);
    snprintf(beside, sizeof beside, "%s.new", path);
    const int fd = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        status = clade_file_fail(err, path, "write", errno);
        /* A folder that went away is the disk's fault, not a question about something unknown. */
        return status == CLADE_ERR_NOT_FOUND
                   ? clade_fail(err, CLADE_ERR_IO, "%s: cannot write: its folder is gone", path)
                   : status;
    }

    clade__segment_make(&journal->segment, header, seq, journal->key);
    status = allocate(fd, path, journal->options.segment_bytes, err);
    if (status == CLADE_OK) status = write_at(fd, path, header, sizeof header, 0, err);
    if (status == CLADE_OK && !journal->options.no_sync && fsync(fd) != 0) {
        status = clade_file_fail(err, path, "sync", errno);
    }
    if (status == CLADE_OK && rename(beside, path) != 0) {
        status = clade_file_fail(err, path, "write", errno);
    }
    if (status == CLADE_OK) status = sync_folder(journal, err);
    if (status == CLADE_OK) status = list_file(journal, seq, err);
    if (status != CLADE_OK) {
        unlink(beside);
        close(fd);
        return status;
    }
    journal->fd  = fd;
    journal->end = SEGMENT_HEADER_BYTES;
    return CLADE_OK;
}

void clade__journal_segment_end(clade_journal *journal)
{
    if (journal->fd < 0) return;
    uint8_t mark[SEGMENT_FRAME_BYTES];
    /* Every record in it is durable: that this is said, and the room given back, is only tidy. */
    clade__mark_put(mark, &journal->segment, (uint32_t)journal->end);
    if (journal->end + sizeof mark <= journal->options.segment_bytes &&
        write_at(journal->fd, "", mark, sizeof mark, (off_t)journal->end, NULL) == CLADE_OK) {
        journal->end += sizeof mark;
    }
    if (ftruncate(journal->fd, (off_t)journal->end) != 0 ||
        (!journal->options.no_sync && fsync(journal->fd) != 0)) {
        clade_log(CLADE_LOG_DEBUG, "%s: a segment was not cut to its size", journal->folder);
    }
    close(journal->fd);
    journal->fd = -1;
    pthread_mutex_lock(&journal->mutex);
    journal->file[journal->n_files - 1].bytes = journal->end;
    journal->writing                          = false;
    pthread_mutex_unlock(&journal->mutex);
}

/* ---------------------------------------------------------------- what is found */

static int by_first(const void *a, const void *b)
{
    const clade__journal_file *x = a, *y = b;
    return (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
}

static clade_status list_folder(clade_journal *journal, clade_error *err)
{
    clade_status   status = CLADE_OK;
    struct dirent *entry;
    DIR           *dir = opendir(journal->folder);
    if (dir == NULL) return clade_file_fail(err, journal->folder, "open", errno);
    while (status == CLADE_OK && (entry = readdir(dir)) != NULL) {
        char                    *end   = NULL;
        const unsigned long long first = strtoull(entry->d_name, &end, 10);
        char                     path[CLADE_PATH_MAX];
        if (end != entry->d_name + 20) continue;
        if (strcmp(end, ".log.new") == 0) { /* one whose making was cut short */
            snprintf(path, sizeof path, "%.3800s/%.100s", journal->folder, entry->d_name);
            unlink(path);
        }
        if (strcmp(end, ".log") != 0) continue;
        if (!CLADE_GROW(&journal->file, &journal->file_capacity, journal->n_files + 1)) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", journal->folder);
            break;
        }
        journal->file[journal->n_files++] = (clade__journal_file){ .first_seq = first };
    }
    closedir(dir);
    if (journal->n_files > 0) {
        qsort(journal->file, journal->n_files, sizeof journal->file[0], by_first);
    }
    return status;
}

static clade_status fail_damaged(clade_error *err, const char *path, size_t offset)
{
    clade_fail(err, CLADE_ERR_DATA, "%s: byte %zu: a record that had been durable is damaged", path,
               offset);
    clade_hint(err, "put the file back from a backup; moving it away gives up what it holds");
    return CLADE_ERR_DATA;
}

/* The tail that a crash left. What is whole stays. */
static clade_status cut_tail(const clade_journal *journal, const char *path, size_t size,
                             const clade__scan *scan, clade_error *err)
{
    clade_status status = CLADE_OK;
    if (size == scan->end) return CLADE_OK;
    if (scan->torn > 0) {
        clade_log(CLADE_LOG_WARN,
                  "%s: cut at byte %zu: the %zu bytes behind it were being written when the "
                  "machine stopped",
                  path, scan->end, scan->torn);
    }
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return clade_file_fail(err, path, "open", errno);
    if (ftruncate(fd, (off_t)scan->end) != 0 || (!journal->options.no_sync && fsync(fd) != 0)) {
        status = clade_file_fail(err, path, "cut", errno);
    }
    close(fd);
    return status;
}

/* *out_gone: it was being released when the machine stopped. */
static clade_status check_file(bool *out_gone, clade_journal *journal, clade__journal_file *file,
                               bool last, clade_error *err)
{
    clade_status   status = CLADE_OK;
    clade_buffer   bytes  = { 0 };
    clade__segment segment;
    char           path[CLADE_PATH_MAX];
    clade__journal_path(path, journal, file->first_seq);
    *out_gone = false;
    status    = clade_file_read(&bytes, path, (size_t)1 << 31, err);
    if (status != CLADE_OK) goto done;
    if (bytes.size < SEGMENT_HEADER_BYTES) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: %zu bytes, and a segment's header has %d",
                            path, bytes.size, SEGMENT_HEADER_BYTES);
        goto done;
    }
    if (memcmp(bytes.data, RELEASED, sizeof RELEASED) == 0) {
        *out_gone = true;
        goto done;
    }
    const char *wrong = clade__segment_open(&segment, (const uint8_t *)bytes.data, journal->key);
    if (wrong == NULL && segment.first_seq != file->first_seq) {
        wrong = "it holds other records than its name says";
    }
    if (wrong != NULL) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: byte 0: %s", path, wrong);
        goto done;
    }
    const clade__scan scan = clade__segment_scan(&segment, (const uint8_t *)bytes.data, bytes.size);
    if (scan.damaged || (!last && scan.torn > 0)) {
        status = fail_damaged(err, path, scan.end);
        goto done;
    }
    file->n_records = scan.n_records;
    file->bytes     = scan.end;
    status          = cut_tail(journal, path, bytes.size, &scan, err);
done:
    sodium_memzero(&segment, sizeof segment);
    clade_buffer_free(&bytes);
    return status;
}

static clade_status check_files(clade_journal *journal, clade_error *err)
{
    for (size_t i = 0; i < journal->n_files;) {
        clade__journal_file *file = &journal->file[i];
        bool                 gone = false;
        CLADE_TRY(check_file(&gone, journal, file, i + 1 == journal->n_files, err));
        if (gone) {
            CLADE_TRY(destroy(journal, file->first_seq, err));
            memmove(file, file + 1, (journal->n_files - i - 1) * sizeof *file);
            journal->n_files--;
            continue;
        }
        if (i > 0 && file[-1].first_seq + file[-1].n_records != file->first_seq) {
            char path[CLADE_PATH_MAX];
            clade__journal_path(path, journal, file[-1].first_seq);
            return clade_fail(err, CLADE_ERR_DATA,
                              "%s: byte %llu: it ends after record %llu and the next file begins "
                              "with %llu: records are missing",
                              path, (unsigned long long)file[-1].bytes,
                              (unsigned long long)(file[-1].first_seq + file[-1].n_records - 1),
                              (unsigned long long)file->first_seq);
        }
        i++;
    }
    return CLADE_OK;
}

clade_status clade__journal_folder_open(clade_journal *journal, clade_store *store,
                                        clade_error *err)
{
    const uint64_t stored = journal->options.stored_seq;
    CLADE_TRY(clade_store_path(journal->folder, sizeof journal->folder, store, "journal", err));
    if (mkdir(journal->folder, 0700) == 0) {
        CLADE_TRY(clade_folder_sync(journal->folder, err));
    } else if (errno != EEXIST) {
        return clade_file_fail(err, journal->folder, "make the folder", errno);
    }
    CLADE_TRY(list_folder(journal, err));
    CLADE_TRY(check_files(journal, err));

    journal->next_seq = stored + 1;
    if (journal->n_files > 0) {
        const clade__journal_file *last = &journal->file[journal->n_files - 1];
        const uint64_t             next = last->first_seq + last->n_records;
        if (journal->file[0].first_seq > stored + 1) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "%s begins with record %llu, but the tables hold them only up to "
                              "%llu: those between are missing",
                              journal->folder, (unsigned long long)journal->file[0].first_seq,
                              (unsigned long long)stored);
        }
        if (next > journal->next_seq) journal->next_seq = next;
    }
    journal->durable_seq = journal->next_seq - 1;
    return clade_journal_release(journal, stored, err);
}
