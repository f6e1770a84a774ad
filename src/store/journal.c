/*
 * The journal's two ends in memory: append, which copies into a buffer, and the writer's thread,
 * which takes all that gathered, seals it, writes it in one piece and syncs once. The next group
 * gathers meanwhile, so a slow disk makes groups larger and not the line longer.
 *
 * While the disk refuses, the group that could not be written is kept and tried again as it is (the
 * same bytes at the same place: a nonce is never used for two texts), and appends are refused.
 */
#include "journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_BYTES = 1 << 30, SEGMENT_MIN_BYTES = 4096 };

/* ---------------------------------------------------------------- groups */

static void group_free(clade__journal_group *group)
{
    if (group->data != NULL) sodium_memzero(group->data, group->capacity);
    free(group->data);
    free(group->record_size);
    *group = (clade__journal_group){ 0 };
}

static bool group_room(clade__journal_group *group, size_t size, size_t n)
{
    return CLADE_GROW(&group->data, &group->capacity, group->size + size + 1) &&
           CLADE_GROW(&group->record_size, &group->record_capacity, group->n + n);
}

/* ---------------------------------------------------------------- append */

static clade_status check_records(size_t *out_size, const clade_journal *journal,
                                  const clade_text *record, size_t n, clade_error *err)
{
    size_t size = 0;
    if (n == 0) return clade_fail(err, CLADE_ERR_ARG, "no record to append");
    for (size_t i = 0; i < n; i++) {
        if (record[i].size > CLADE_JOURNAL_RECORD_MAX) {
            return clade_fail(err, CLADE_ERR_ARG, "a record of %zu bytes, at most %d",
                              record[i].size, CLADE_JOURNAL_RECORD_MAX);
        }
        size += record[i].size;
    }
    if (size > journal->options.buffer_bytes) {
        return clade_fail(err, CLADE_ERR_ARG, "%zu bytes at once, and the journal's buffer has %zu",
                          size, journal->options.buffer_bytes);
    }
    *out_size = size;
    return CLADE_OK;
}

clade_status clade_journal_append(clade_journal *journal, uint64_t *out_seq,
                                  const clade_text *record, size_t n, clade_error *err)
{
    clade_status          status = CLADE_OK;
    clade__journal_group *gather = &journal->gather;
    size_t                size   = 0;
    CLADE_TRY(check_records(&size, journal, record, n, err));

    pthread_mutex_lock(&journal->mutex);
    if (journal->refused.status != CLADE_OK) {
        status = clade_fail(err, journal->refused.status, "%s", journal->refused.message);
        clade_hint(err, "%s", journal->refused.hint);
    } else if (gather->size + size > journal->options.buffer_bytes) {
        status = clade_fail(err, CLADE_ERR_BUSY,
                            "%s: %zu bytes wait to be written, and the buffer has %zu",
                            journal->folder, gather->size, journal->options.buffer_bytes);
        clade_hint(err, "ask again in a moment");
    } else if (!group_room(gather, size, n)) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for %zu records", journal->folder, n);
    }
    if (status == CLADE_OK) {
        if (gather->n == 0) gather->first_seq = journal->next_seq;
        for (size_t i = 0; i < n; i++) {
            if (record[i].size > 0) {
                memcpy(gather->data + gather->size, record[i].data, record[i].size);
            }
            gather->size += record[i].size;
            gather->record_size[gather->n++] = (uint32_t)record[i].size;
        }
        journal->next_seq += n;
        *out_seq = journal->next_seq - 1;
        pthread_cond_signal(&journal->work);
    }
    pthread_mutex_unlock(&journal->mutex);
    return status;
}

uint64_t clade_journal_durable(clade_journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    const uint64_t seq = journal->durable_seq;
    pthread_mutex_unlock(&journal->mutex);
    return seq;
}

static clade_status refusal(const clade_journal *journal, clade_error *err)
{
    if (err != NULL) *err = journal->refused;
    return journal->refused.status;
}

clade_status clade_journal_sync(clade_journal *journal, clade_error *err)
{
    pthread_mutex_lock(&journal->mutex);
    const uint64_t seq = journal->next_seq - 1;
    while (journal->durable_seq < seq && journal->refused.status == CLADE_OK) {
        pthread_cond_wait(&journal->moved, &journal->mutex);
    }
    const clade_status status = journal->durable_seq >= seq ? CLADE_OK : refusal(journal, err);
    pthread_mutex_unlock(&journal->mutex);
    return status;
}

clade_status clade_journal_cut(clade_journal *journal, clade_error *err)
{
    CLADE_TRY(clade_journal_sync(journal, err));
    pthread_mutex_lock(&journal->mutex);
    journal->cut = true;
    pthread_cond_signal(&journal->work);
    while (journal->cut)
        pthread_cond_wait(&journal->moved, &journal->mutex);
    pthread_mutex_unlock(&journal->mutex);
    return CLADE_OK;
}

void clade_journal_look(clade_journal_state *out, clade_journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    *out = (clade_journal_state){
        .first_seq     = journal->n_files > 0 ? journal->file[0].first_seq : journal->next_seq,
        .durable_seq   = journal->durable_seq,
        .next_seq      = journal->next_seq,
        .n_segments    = journal->n_files,
        .waiting_bytes = journal->gather.size,
        .buffer_bytes  = journal->options.buffer_bytes,
        .n_groups      = journal->n_groups,
        .sync_us       = journal->sync_us,
        .sync_max_us   = journal->sync_max_us,
        .status        = journal->refused.status,
    };
    for (size_t i = 0; i < journal->n_files; i++)
        out->disk_bytes += journal->file[i].bytes;
    snprintf(out->message, sizeof out->message, "%s", journal->refused.message);
    pthread_mutex_unlock(&journal->mutex);
}

/* ---------------------------------------------------------------- the writer */

static clade_status put_at(const clade_journal *journal, const void *data, size_t size, size_t at,
                           clade_error *err)
{
    const char *from = data;
    char        path[CLADE_PATH_MAX];
    while (size > 0) {
        const ssize_t put = pwrite(journal->fd, from, size, (off_t)at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            const int number = put == 0 ? ENOSPC : errno;
            clade__journal_path(path, journal, journal->segment.first_seq);
            return clade_file_fail(err, path, "write", number);
        }
        from += put;
        at += (size_t)put;
        size -= (size_t)put;
    }
    return CLADE_OK;
}

/* How many of the group's records fit into the segment, and their frames' bytes. */
static size_t fitting(size_t *out_bytes, const clade_journal *journal,
                      const clade__journal_group *group)
{
    size_t n = 0, bytes = 0;
    while (group->n_done + n < group->n) {
        const size_t frame = clade__frame_bytes(group->record_size[group->n_done + n]);
        if (journal->end + bytes + frame > journal->options.segment_bytes) break;
        bytes += frame;
        n++;
    }
    *out_bytes = bytes;
    return n;
}

/* Seal, write and sync the next n records; then they are durable. */
static clade_status write_part(clade_journal *journal, size_t n, size_t bytes, clade_error *err)
{
    clade__journal_group *group = &journal->group;
    size_t                from = group->done_size, at = 0;
    const double          start = clade_seconds();
    if (!CLADE_GROW(&journal->sealed, &journal->sealed_capacity, bytes)) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to seal %zu bytes", journal->folder,
                          bytes);
    }
    for (size_t i = group->n_done; i < group->n_done + n; i++) {
        const clade_text record = { group->data + from, group->record_size[i] };
        clade__frame_put(journal->sealed + at, &journal->segment, group->first_seq + i,
                         (uint32_t)(journal->end + at), (uint32_t)journal->end, record);
        from += record.size;
        at += clade__frame_bytes(record.size);
    }
    assert(at == bytes);
    CLADE_TRY(put_at(journal, journal->sealed, bytes, journal->end, err));
    if (!journal->options.no_sync && fdatasync(journal->fd) != 0) {
        const int number = errno;
        char      path[CLADE_PATH_MAX];
        clade__journal_path(path, journal, journal->segment.first_seq);
        return clade_file_fail(err, path, "sync", number);
    }
    const int64_t us = (int64_t)((clade_seconds() - start) * 1e6);
    journal->end += bytes;
    group->n_done += n;
    group->done_size = from;

    pthread_mutex_lock(&journal->mutex);
    journal->durable_seq = group->first_seq + group->n_done - 1;
    journal->file[journal->n_files - 1].n_records += n;
    journal->n_groups++;
    journal->sync_us = us;
    if (us > journal->sync_max_us) journal->sync_max_us = us;
    pthread_mutex_unlock(&journal->mutex);
    return CLADE_OK;
}

static clade_status write_group(clade_journal *journal, clade_error *err)
{
    clade__journal_group *group = &journal->group;
    while (group->n_done < group->n) {
        size_t bytes = 0;
        if (journal->fd < 0) {
            CLADE_TRY(clade__journal_segment_begin(journal, group->first_seq + group->n_done, err));
        }
        const size_t n = fitting(&bytes, journal, group);
        if (n == 0) {
            clade__journal_segment_end(journal);
            continue;
        }
        CLADE_TRY(write_part(journal, n, bytes, err));
    }
    return CLADE_OK;
}

/* Nothing follows at once: say that what was written is durable, so that damage to it can be told
 * from a tail that was being written. Not synced: it goes to disk with the next group. */
static void leave_mark(clade_journal *journal)
{
    uint8_t mark[SEGMENT_FRAME_BYTES];
    if (journal->fd < 0 || journal->end + sizeof mark > journal->options.segment_bytes) return;
    clade__mark_put(mark, &journal->segment, (uint32_t)journal->end);
    if (put_at(journal, mark, sizeof mark, journal->end, NULL) == CLADE_OK) {
        journal->end += sizeof mark;
    }
}

static void told(clade_journal *journal, clade_status status, const clade_error *error)
{
    pthread_mutex_lock(&journal->mutex);
    if (status == CLADE_OK) {
        journal->refused = (clade_error){ 0 };
    } else {
        journal->refused        = *error;
        journal->refused.status = status;
        clade_hint(&journal->refused, "make room or mend the disk: the journal goes on by itself, "
                                      "and what it answered for is safe");
    }
    const uint64_t durable = journal->durable_seq;
    pthread_cond_broadcast(&journal->moved);
    pthread_mutex_unlock(&journal->mutex);
    if (journal->options.progress != NULL) {
        journal->options.progress(journal->options.context, durable, status,
                                  status == CLADE_OK ? "" : error->message);
    }
}

/* Sleep until the next try, or until the journal closes. True: close now. */
static bool pause_before_retry(clade_journal *journal)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(journal->options.retry_ms % 1000) * 1000000;
    until.tv_sec += journal->options.retry_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&journal->mutex);
    int waited = 0;
    while (!journal->stop && waited == 0)
        waited = pthread_cond_timedwait(&journal->work, &journal->mutex, &until);
    const bool stop = journal->stop;
    pthread_mutex_unlock(&journal->mutex);
    return stop;
}

/* Take what gathered. False when there is nothing left and the journal closes. */
static bool take(clade_journal *journal)
{
    bool marked = false;
    pthread_mutex_lock(&journal->mutex);
    while (journal->gather.n == 0 && !journal->stop) {
        if (journal->cut || !marked) {
            const bool cut = journal->cut;
            pthread_mutex_unlock(&journal->mutex);
            if (cut)
                clade__journal_segment_end(journal);
            else
                leave_mark(journal);
            marked = true;
            pthread_mutex_lock(&journal->mutex);
            if (cut) {
                journal->cut = false;
                pthread_cond_broadcast(&journal->moved);
            }
            continue;
        }
        pthread_cond_wait(&journal->work, &journal->mutex);
    }
    const clade__journal_group empty = journal->group;
    journal->group                   = journal->gather;
    journal->gather                  = empty;
    journal->gather.size = journal->gather.n = 0;
    journal->gather.n_done = journal->gather.done_size = 0;
    const bool any                                     = journal->group.n > 0;
    pthread_mutex_unlock(&journal->mutex);
    return any;
}

static void *writer(void *context)
{
    clade_journal *journal = context;
    while (take(journal)) {
        clade_error error = { 0 };
        bool        stop  = false;
        for (;;) {
            const clade_status status = write_group(journal, &error);
            told(journal, status, &error);
            if (status == CLADE_OK || stop) break;
            stop = pause_before_retry(journal); /* then one last try */
        }
        if (journal->group.n_done < journal->group.n) break;
    }
    return NULL;
}

/* ---------------------------------------------------------------- open, close */

static clade_status read_options(clade_journal_options *out, const clade_journal_options *options,
                                 clade_error *err)
{
    if (options != NULL) *out = *options;
    if (out->segment_bytes == 0) out->segment_bytes = CLADE_JOURNAL_SEGMENT_BYTES;
    if (out->buffer_bytes == 0) out->buffer_bytes = CLADE_JOURNAL_BUFFER_BYTES;
    if (out->retry_ms == 0) out->retry_ms = CLADE_JOURNAL_RETRY_MS;
    const size_t least = SEGMENT_HEADER_BYTES + clade__frame_bytes(CLADE_JOURNAL_RECORD_MAX);
    if (out->segment_bytes < least || out->segment_bytes > LIMIT_BYTES) {
        return clade_fail(err, CLADE_ERR_ARG, "a segment of %zu bytes: wanted %zu to %d",
                          out->segment_bytes, least, LIMIT_BYTES);
    }
    if (out->buffer_bytes > LIMIT_BYTES) {
        return clade_fail(err, CLADE_ERR_ARG, "a buffer of %zu bytes, at most %d",
                          out->buffer_bytes, LIMIT_BYTES);
    }
    if (out->retry_ms < 0) {
        return clade_fail(err, CLADE_ERR_ARG, "%d ms between tries: wanted at least 0",
                          out->retry_ms);
    }
    return CLADE_OK;
}

/* The thread takes no signals: they are for those who wait for them. */
static clade_status start_writer(clade_journal *journal, clade_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&journal->thread, NULL, writer, journal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no thread to write it: %s", journal->folder,
                          strerror(failed));
    }
    journal->started = true;
    return CLADE_OK;
}

clade_status clade_journal_open(clade_journal **out_journal, clade_store *store,
                                const clade_journal_options *options, clade_error *err)
{
    clade_status   status  = CLADE_OK;
    clade_journal *journal = NULL;
    if (store->read_only) {
        return clade_fail(err, CLADE_ERR_ARG, "%s was opened for reading only", store->folder);
    }
    journal = CLADE_NEW(clade_journal, 1);
    if (journal == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for a journal", store->folder);
    }
    journal->fd = -1;
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_cond_init(&journal->work, NULL);
    pthread_cond_init(&journal->moved, NULL);
    status = read_options(&journal->options, options, err);
    if (status != CLADE_OK) goto done;
    clade__identity_journal_key(journal->key, store);
    status = clade__journal_folder_open(journal, store, err);
    if (status != CLADE_OK) goto done;
    status = start_writer(journal, err);
    if (status != CLADE_OK) goto done;
    *out_journal = journal;
    journal      = NULL;
done:
    clade_journal_close(journal);
    return status;
}

void clade_journal_close(clade_journal *journal)
{
    if (journal == NULL) return;
    if (journal->started) {
        pthread_mutex_lock(&journal->mutex);
        journal->stop = true;
        pthread_cond_signal(&journal->work);
        pthread_mutex_unlock(&journal->mutex);
        pthread_join(journal->thread, NULL);
        if (journal->durable_seq + 1 < journal->next_seq) {
            clade_log(CLADE_LOG_WARN, "%s: %llu records that nobody was answered for are lost: %s",
                      journal->folder,
                      (unsigned long long)(journal->next_seq - 1 - journal->durable_seq),
                      journal->refused.message);
        }
        clade__journal_segment_end(journal);
    }
    group_free(&journal->gather);
    group_free(&journal->group);
    free(journal->sealed);
    free(journal->file);
    pthread_cond_destroy(&journal->moved);
    pthread_cond_destroy(&journal->work);
    pthread_mutex_destroy(&journal->mutex);
    sodium_memzero(journal, sizeof *journal);
    free(journal);
}
