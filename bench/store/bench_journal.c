/* How many records of 300 bytes a second become durable?
 *
 *     plain/G    write G records' bytes to a file with its room allocated, and fdatasync: the floor
 *     journal/G  append G records and wait until they are durable
 *     stream     append as fast as the journal takes them, in calls of 20, and wait at the end
 *     append     the same without syncs: what the appending thread and the sealing cost
 *     read       read them back
 */
#include "bench.h"
#include "clade/journal.h"
#include "clade/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_BYTES = 300, N_GROUPS = 100, N_STREAM = 100000, A_CALL = 20, ROOM = 64 << 20 };

static clade_store   *store;
static clade_journal *journal, *unsynced;
static char           folder[64] = "/tmp/clade-bench-journal-XXXXXX";
static char           bytes[100 * RECORD_BYTES];
static int            plain_fd;
static off_t          plain_at;

static void write_plain(void *context)
{
    const size_t size = *(const size_t *)context * RECORD_BYTES;
    for (int i = 0; i < N_GROUPS; i++) {
        if (plain_at + (off_t)size > ROOM) plain_at = 0;
        if (pwrite(plain_fd, bytes, size, plain_at) != (ssize_t)size || fdatasync(plain_fd) != 0) {
            perror("write");
            exit(1);
        }
        plain_at += (off_t)size;
    }
}

static void append(clade_journal *to, size_t n)
{
    clade_text record[100];
    uint64_t   seq = 0;
    for (size_t i = 0; i < n; i++)
        record[i] = (clade_text){ bytes + i * RECORD_BYTES, RECORD_BYTES };
    clade_status status;
    while ((status = clade_journal_append(to, &seq, record, n, NULL)) == CLADE_ERR_BUSY)
        usleep(50);
    bench_ok(status);
}

static void append_and_wait(void *context)
{
    for (int i = 0; i < N_GROUPS; i++) {
        append(journal, *(const size_t *)context);
        bench_ok(clade_journal_sync(journal, NULL));
    }
    bench_ok(clade_journal_release(journal, clade_journal_durable(journal), NULL));
}

static void stream(void *context)
{
    clade_journal *to = *(clade_journal *const *)context;
    for (int i = 0; i < N_STREAM / A_CALL; i++)
        append(to, A_CALL);
    bench_ok(clade_journal_sync(to, NULL));
    bench_ok(clade_journal_release(to, clade_journal_durable(to) - N_STREAM, NULL));
}

static void read_back(void *none)
{
    clade_journal_reader *reader = NULL;
    clade_text            record;
    uint64_t              seq, n = 0;
    (void)none;
    bench_ok(clade_journal_reader_open(&reader, unsynced,
                                       clade_journal_durable(unsynced) - N_STREAM + 1, NULL));
    for (;; n++) {
        bench_ok(clade_journal_read(reader, &record, &seq, NULL));
        if (seq == 0) break;
        bench_keep(record.data);
    }
    clade_journal_reader_close(reader);
    if (n != N_STREAM) exit(1);
}

int main(int argc, char **argv)
{
    const clade_store_options   options = { .create = true };
    const clade_journal_options no_sync = { .no_sync = true };
    size_t                      size[]  = { 1, 20, 100 };
    char                        path[128], command[160];
    const struct bench_case     cases[] = {
            { "plain/1", write_plain, &size[0], N_GROUPS, "records" },
            { "journal/1", append_and_wait, &size[0], N_GROUPS, "records" },
            { "plain/20", write_plain, &size[1], 20.0 * N_GROUPS, "records" },
            { "journal/20", append_and_wait, &size[1], 20.0 * N_GROUPS, "records" },
            { "plain/100", write_plain, &size[2], 100.0 * N_GROUPS, "records" },
            { "journal/100", append_and_wait, &size[2], 100.0 * N_GROUPS, "records" },
            { "journal/stream", stream, &journal, N_STREAM, "records" },
            { "journal/append", stream, &unsynced, N_STREAM, "records" },
            { "journal/read", read_back, NULL, N_STREAM, "records" },
    };
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(' ' + i * 31 % 90);
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(path, sizeof path, "%s/plain", folder);
    plain_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (plain_fd < 0 || posix_fallocate(plain_fd, 0, ROOM) != 0) return 1;
    snprintf(path, sizeof path, "%s/a.clade", folder);
    bench_ok(clade_store_open(&store, path, &options, NULL));
    bench_ok(clade_journal_open(&journal, store, NULL, NULL));
    clade_store *other = NULL;
    snprintf(path, sizeof path, "%s/b.clade", folder);
    bench_ok(clade_store_open(&other, path, &options, NULL));
    bench_ok(clade_journal_open(&unsynced, other, &no_sync, NULL));
    stream(&unsynced); /* so that `read` has something when it runs alone */
    const int code = bench_main(argc, argv, cases, sizeof cases / sizeof cases[0]);
    clade_journal_close(journal);
    clade_journal_close(unsynced);
    clade_store_close(store);
    clade_store_close(other);
    close(plain_fd);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? code : 1;
}
