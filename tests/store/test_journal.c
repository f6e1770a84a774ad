/* The journal: what is appended is what is read, whatever happens to the file, the disk and the
 * reader meanwhile. */
#include "journal_help.h"

#include "clade/file.h"
#include "clade/run.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static char           folder[256];
static char           path[300];
static clade_error    err;
static clade_store   *store;
static clade_journal *journal;

static const clade_journal_options quick = { .segment_bytes = SMALL_SEGMENT, .no_sync = true };

static int make_store(void **state)
{
    (void)state;
    const clade_store_options making = { .create = true, .n_threads = 1 };
    /* Thousands of small files: in memory where that can be. test_journal_crash uses a disk. */
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);
    check_folder_make(folder, "journal");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    clade_log_set(CLADE_LOG_QUIET);
    return clade_store_open(&store, path, &making, NULL) == CLADE_OK ? 0 : 1;
}

static int drop_store(void **state)
{
    (void)state;
    clade_store_close(store);
    check_folder_remove(folder);
    return 0;
}

static void empty_folder(void)
{
    char           inside[320], file[600];
    struct dirent *entry;
    snprintf(inside, sizeof inside, "%s/journal", path);
    DIR *dir = opendir(inside);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        snprintf(file, sizeof file, "%s/%s", inside, entry->d_name);
        if (entry->d_name[0] != '.') assert_int_equal(unlink(file), 0);
    }
    if (dir != NULL) closedir(dir);
}

static int setup(void **state)
{
    (void)state;
    empty_folder();
    err = (clade_error){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clade_journal_close(journal);
    journal = NULL;
    return 0;
}

static void open_with(const clade_journal_options *options)
{
    if (clade_journal_open(&journal, store, options, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void close_it(void)
{
    clade_journal_close(journal);
    journal = NULL;
}

static uint64_t append(uint64_t next, size_t n)
{
    uint64_t seq = 0;
    check_ok(append_next(&seq, journal, next, n, &err));
    assert_int_equal(seq, next + n - 1);
    return seq;
}

static void refused(clade_status got, clade_status want, const char *part)
{
    assert_int_equal(got, want);
    assert_null(strchr(err.message, '\n'));
    if (strstr(err.message, part) == NULL) fail_msg("%s\nhas no: %s", err.message, part);
}

static void segment_path(char out[400], uint64_t first)
{
    snprintf(out, 400, "%s/journal/%020llu.log", path, (unsigned long long)first);
}

static size_t count_segments(void)
{
    clade_journal_state state;
    clade_journal_look(&state, journal);
    return state.n_segments;
}

/* ---------------------------------------------------------------- the plain case */

static void three_records_are_read_in_order_now_and_after_opening_again(void **state)
{
    (void)state;
    clade_journal_reader *reader = NULL;
    const clade_text record[3]   = { CLADE_TEXT("one"), CLADE_TEXT(""), CLADE_TEXT("three, 三") };
    clade_text       got;
    uint64_t         seq = 0;

    open_with(NULL);
    assert_int_equal(clade_journal_durable(journal), 0);
    check_ok(clade_journal_append(journal, &seq, record, 3, &err));
    assert_int_equal(seq, 3);
    check_ok(clade_journal_sync(journal, &err));
    assert_int_equal(clade_journal_durable(journal), 3);
    for (int round = 0; round < 2; round++) {
        check_ok(clade_journal_reader_open(&reader, journal, 1, &err));
        for (size_t i = 0; i < 3; i++) {
            check_ok(clade_journal_read(reader, &got, &seq, &err));
            assert_int_equal(seq, i + 1);
            assert_true(clade_text_equal(got, record[i]));
        }
        check_ok(clade_journal_read(reader, &got, &seq, &err));
        assert_int_equal(seq, 0);
        clade_journal_reader_close(reader);
        close_it();
        open_with(NULL);
        assert_int_equal(clade_journal_durable(journal), 3);
    }
    check_ok(clade_journal_append(journal, &seq, record, 1, &err));
    assert_int_equal(seq, 4);
}

static void what_was_appended_is_what_is_read_over_many_segments(void **state)
{
    (void)state;
    clade_journal_reader *reader = NULL;
    clade_text            got;
    uint64_t              next = 1, seq = 0, n_read = 0;
    char                  want[LARGEST];
    open_with(&quick);
    check_ok(clade_journal_reader_open(&reader, journal, 1, &err));
    for (int group = 0; group < 800; group++) {
        next = append(next, 1 + mix((uint64_t)group) % 64) + 1;
        if (group == 400) { /* and over several openings */
            check_ok(clade_journal_sync(journal, &err));
            clade_journal_reader_close(reader);
            close_it();
            open_with(&quick);
            check_ok(clade_journal_reader_open(&reader, journal, n_read + 1, &err));
        }
        for (int i = 0; i < 40; i++) { /* a reader beside the writer */
            check_ok(clade_journal_read(reader, &got, &seq, &err));
            if (seq == 0) break;
            assert_int_equal(seq, ++n_read);
            assert_true(clade_text_equal(got, record_of(want, seq)));
        }
    }
    clade_journal_reader_close(reader);
    check_ok(clade_journal_sync(journal, &err));
    assert_true(count_segments() >= 7);
    check_records(journal, 1, next - 1);
    check_records(journal, next / 2, next - 1);
    close_it();
    open_with(&quick);
    check_records(journal, 1, next - 1);
    check_records(journal, next - 1, next - 1);
    check_records(journal, next, next - 1);
}

static void the_largest_record_fits_and_a_larger_one_is_refused_whole(void **state)
{
    (void)state;
    static char      large[CLADE_JOURNAL_RECORD_MAX + 1];
    const clade_text record[2] = { { large, CLADE_JOURNAL_RECORD_MAX }, { large, sizeof large } };
    uint64_t         seq       = 0;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7);
    open_with(&quick);
    refused(clade_journal_append(journal, &seq, record, 2, &err), CLADE_ERR_ARG,
            "1048577 bytes, at most 1048576");
    refused(clade_journal_append(journal, &seq, record, 0, &err), CLADE_ERR_ARG, "no record");
    for (int i = 0; i < 3; i++)
        check_ok(clade_journal_append(journal, &seq, record, 1, &err));
    check_ok(clade_journal_sync(journal, &err));
    assert_int_equal(seq, 3);
    assert_int_equal(count_segments(), 3);
    clade_journal_reader *reader = NULL;
    clade_text            got;
    check_ok(clade_journal_reader_open(&reader, journal, 1, &err));
    for (int i = 0; i < 3; i++) {
        check_ok(clade_journal_read(reader, &got, &seq, &err));
        assert_true(clade_text_equal(got, record[0]));
    }
    clade_journal_reader_close(reader);
}

enum { N_WRITERS = 4, N_EACH = 2000 };

static void *append_many(void *context)
{
    const char which = *(const char *)context;
    uint64_t   seq   = 0;
    for (uint32_t i = 0; i < N_EACH; i++) {
        char text[8] = { which };
        memcpy(text + 1, &i, sizeof i);
        const clade_text record = { text, 5 };
        while (clade_journal_append(journal, &seq, &record, 1, NULL) == CLADE_ERR_BUSY)
            usleep(100);
    }
    return NULL;
}

static void many_threads_append_and_each_one_s_records_keep_their_order(void **state)
{
    (void)state;
    clade_journal_reader *reader = NULL;
    pthread_t             thread[N_WRITERS];
    char                  name[N_WRITERS] = { 'a', 'b', 'c', 'd' };
    uint32_t              n[N_WRITERS]    = { 0 }, i;
    clade_text            got;
    uint64_t              seq;
    open_with(&(clade_journal_options){ .no_sync = true, .buffer_bytes = 1000 });
    for (int t = 0; t < N_WRITERS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, append_many, &name[t]), 0);
    check_ok(clade_journal_reader_open(&reader, journal, 1, &err));
    for (uint64_t want = 1; want <= N_WRITERS * N_EACH;) {
        check_ok(clade_journal_read(reader, &got, &seq, &err));
        if (seq == 0) continue;
        assert_int_equal(seq, want++);
        assert_int_equal(got.size, 5);
        memcpy(&i, got.data + 1, sizeof i);
        assert_int_equal(i, n[got.data[0] - 'a']++);
    }
    clade_journal_reader_close(reader);
    for (int t = 0; t < N_WRITERS; t++)
        pthread_join(thread[t], NULL);
}

/* ---------------------------------------------------------------- the file */

/* The frames of a segment, as docs/formats/journal.md lays them out; sizes are not sealed. */
typedef struct frame {
    size_t at, end;
    bool   mark;
} frame;

static size_t walk(frame *out, size_t room, const clade_buffer *file)
{
    size_t n = 0, at = 64;
    while (at + 16 <= file->size && n < room) {
        uint32_t head[4];
        memcpy(head, file->data + at, sizeof head);
        if (head[0] == 0 && head[3] == 0) break;
        out[n].at   = at;
        out[n].mark = head[0] == 0;
        out[n].end  = at + 16 + (head[0] + 7) / 8 * 8;
        at          = out[n++].end;
    }
    return n;
}

/* Groups of 5, 1 and 3 records and one more, each durable before the next; then closed. */
enum { N_KEPT = 10 };
static void make_file(clade_buffer *out, char file[400])
{
    open_with(&quick);
    const size_t group[] = { 5, 1, 3, 1 };
    uint64_t     next    = 1;
    for (size_t i = 0; i < 4; i++) {
        next = append(next, group[i]) + 1;
        check_ok(clade_journal_sync(journal, &err));
    }
    close_it();
    segment_path(file, 1);
    check_ok(clade_file_read(out, file, 1 << 20, &err));
}

static void a_tail_cut_at_any_byte_loses_the_last_record_alone(void **state)
{
    (void)state;
    clade_buffer file = { 0 };
    char         name[400];
    frame        frames[40];
    char         zeroed[20000] = { 0 };
    make_file(&file, name);
    size_t n = walk(frames, 40, &file);
    while (frames[n - 1].mark)
        n--;
    const frame last = frames[n - 1];
    assert_true(last.end - last.at > 100 && file.size < sizeof zeroed);
    for (size_t cut = last.at; cut < last.end; cut++) {
        for (int zeros = 0; zeros < (cut % 4 == 0 ? 2 : 1);
             zeros++) { /* the file ends, or was never written further */
            memcpy(zeroed, file.data, cut);
            check_write(name, zeros ? zeroed : file.data, zeros ? sizeof zeroed : cut);
            open_with(&quick);
            const uint64_t durable = clade_journal_durable(journal);
            /* what is cut may be the padding, and then nothing is lost */
            if (durable != N_KEPT - 1 && (durable != N_KEPT || last.end - cut > 7))
                fail_msg("cut at %zu of %zu..%zu: %llu", cut, last.at, last.end,
                         (unsigned long long)durable);
            check_records(journal, 1, durable);
            append(durable + 1, 2);
            check_ok(clade_journal_sync(journal, &err));
            check_records(journal, 1, durable + 2);
            close_it();
            open_with(&quick);
            check_records(journal, 1, durable + 2);
            close_it();
            empty_folder();
        }
    }
    clade_buffer_free(&file);
}

static void a_flipped_bit_is_found_and_never_read(void **state)
{
    (void)state;
    clade_buffer file = { 0 };
    char         name[400], want[500];
    frame        frames[40];
    make_file(&file, name);
    const size_t n = walk(frames, 40, &file);
    for (size_t at = 0; at < file.size; at++) {
        const char bit = (char)(1 << mix(at) % 8);
        file.data[at] ^= bit;
        check_write(name, file.data, file.size);
        const clade_status status = clade_journal_open(&journal, store, &quick, &err);
        if (status == CLADE_OK) { /* a mark at the end, or padding: nothing was lost */
            check_records(journal, 1, N_KEPT);
            close_it();
        } else {
            size_t in = 0;
            while (in < n && frames[in].end <= at)
                in++;
            snprintf(want, sizeof want, "%s: byte %zu: ", name, at < 64 ? 0 : frames[in].at);
            refused(status, CLADE_ERR_DATA, want);
        }
        if (at >= 64) {
            size_t in = 0;
            while (frames[in].end <= at)
                in++;
            const bool padding = at >= frames[in].end - 7 && bit == file.data[at];
            if (!frames[in].mark && !padding) assert_int_equal(status, CLADE_ERR_DATA);
        }
        file.data[at] ^= bit;
    }
    clade_buffer_free(&file);
}

/* Without the mark behind it, a bad last group is what a crash leaves: it is cut. */
static void a_flipped_bit_in_a_group_that_nothing_follows_cuts_it_there(void **state)
{
    (void)state;
    clade_buffer file = { 0 };
    char         name[400];
    frame        frames[40];
    open_with(&quick);
    append(1, 6);
    check_ok(clade_journal_sync(journal, &err));
    close_it();
    segment_path(name, 1);
    check_ok(clade_file_read(&file, name, 1 << 20, &err));
    size_t n = walk(frames, 40, &file);
    while (frames[n - 1].mark)
        n--;
    assert_int_equal(n, 6);
    for (size_t i = 0; i < 6; i++) {
        file.data[frames[i].at + 9] ^= 16;
        check_write(name, file.data, frames[5].end);
        open_with(&quick);
        assert_int_equal(clade_journal_durable(journal), i);
        check_records(journal, 1, i);
        close_it();
        file.data[frames[i].at + 9] ^= 16;
    }
    clade_buffer_free(&file);
}

static void a_segment_that_is_missing_or_short_is_named(void **state)
{
    (void)state;
    char     name[400], aside[420];
    uint64_t next = 1;
    open_with(&quick);
    while (count_segments() < 3)
        next = append(next, 64) + 1;
    check_ok(clade_journal_sync(journal, &err));
    clade_journal_state now;
    clade_journal_look(&now, journal);
    close_it();

    /* the middle one: found by its name, which is the number of its first record */
    char           inside[320];
    struct dirent *entry;
    uint64_t       middle = 0, last = 0;
    snprintf(inside, sizeof inside, "%s/journal", path);
    DIR *dir = opendir(inside);
    while ((entry = readdir(dir)) != NULL) {
        const uint64_t first = strtoull(entry->d_name, NULL, 10);
        if (first > last) {
            middle = last > 1 ? last : middle;
            last   = first;
        } else if (first > 1) {
            middle = first;
        }
    }
    closedir(dir);
    segment_path(name, middle);
    snprintf(aside, sizeof aside, "%s.aside", name);
    assert_int_equal(rename(name, aside), 0);
    refused(clade_journal_open(&journal, store, &quick, &err), CLADE_ERR_DATA,
            "records are missing");
    assert_int_equal(rename(aside, name), 0);
    assert_int_equal(truncate(name, 500000), 0);
    refused(clade_journal_open(&journal, store, &quick, &err), CLADE_ERR_DATA, name);
    assert_int_equal(truncate(name, 10), 0);
    refused(clade_journal_open(&journal, store, &quick, &err), CLADE_ERR_DATA,
            "10 bytes, and a segment's header has 64");
}

static void another_workspace_s_journal_is_not_opened(void **state)
{
    (void)state;
    const clade_store_options making = { .create = true, .n_threads = 1 };
    clade_store              *other  = NULL;
    char                      there[300], command[800];
    open_with(&quick);
    append(1, 3);
    close_it();
    snprintf(there, sizeof there, "%s/other.clade", folder);
    check_ok(clade_store_open(&other, there, &making, &err));
    snprintf(command, sizeof command, "cp -r '%s/journal' '%s/journal'", path, there);
    assert_int_equal(system(command), 0);
    refused(clade_journal_open(&journal, other, &quick, &err), CLADE_ERR_DATA,
            "another workspace's key");
    clade_store_close(other);
}

static bool folder_has(const char *text)
{
    char out[400];
    return check_run(out, sizeof out, "grep -r -a -q '%s' '%s/journal'", text, path) == 0;
}

static void nothing_readable_reaches_the_disk(void **state)
{
    (void)state;
    const clade_text record =
        CLADE_TEXT("{\"email\":\"anna.schmidt@example.org\",\"phone\":\"+49\"}");
    uint64_t seq = 0;
    open_with(&quick);
    for (int i = 0; i < 100; i++)
        check_ok(clade_journal_append(journal, &seq, &record, 1, &err));
    check_ok(clade_journal_sync(journal, &err));
    assert_true(folder_has("cladejnl")); /* it is the right folder */
    assert_false(folder_has("anna"));
    assert_false(folder_has("email"));
    close_it();
    assert_false(folder_has("anna"));
}

/* ---------------------------------------------------------------- giving back */

static void release_destroys_what_lies_wholly_before_and_nothing_else(void **state)
{
    (void)state;
    clade_journal_reader *reader = NULL;
    clade_journal_state   now;
    char                  name[400], beside[420];
    clade_buffer          left = { 0 };
    uint64_t              next = 1;
    open_with(&quick);
    while (count_segments() < 4)
        next = append(next, 64) + 1;
    check_ok(clade_journal_sync(journal, &err));
    segment_path(name, 1);
    snprintf(beside, sizeof beside, "%s/beside", folder);
    assert_int_equal(link(name, beside), 0);

    const size_t n_before = count_segments();
    check_ok(clade_journal_release(journal, 1, &err));
    assert_int_equal(count_segments(), n_before);
    check_ok(clade_journal_release(journal, next / 2, &err));
    clade_journal_look(&now, journal);
    assert_true(now.n_segments > 1 && now.n_segments < n_before);
    assert_true(now.first_seq > 1 && now.first_seq <= next / 2 + 1);
    assert_int_not_equal(access(name, F_OK), 0);
    check_ok(clade_file_read(&left, beside, 2 << 20, &err));
    assert_int_equal(strcmp(left.data, "clade: released"), 0); /* the key's salt is gone */
    clade_buffer_free(&left);
    unlink(beside);

    refused(clade_journal_reader_open(&reader, journal, 1, &err), CLADE_ERR_NOT_FOUND,
            "record 1 was released");
    refused(clade_journal_reader_open(&reader, journal, next + 1, &err), CLADE_ERR_ARG,
            "the next one has number");
    check_records(journal, now.first_seq, next - 1);
    check_ok(clade_journal_release(journal, next - 1, &err));
    assert_int_equal(count_segments(), 1); /* the one that is written to stays */
    append(next, 1);
    check_ok(clade_journal_sync(journal, &err));
    check_records(journal, next, next);
    close_it();
    refused(clade_journal_open(&journal, store, &quick, &err), CLADE_ERR_DATA,
            "those between are missing");
    clade_journal_options stored = quick;
    stored.stored_seq            = next - 1;
    open_with(&stored);
    check_records(journal, next, next);
}

static void a_journal_behind_the_tables_goes_on_after_them(void **state)
{
    (void)state;
    clade_journal_options stored = quick;
    open_with(&quick);
    append(1, 10);
    close_it();
    stored.stored_seq = 25; /* the folder came back from an old backup */
    open_with(&stored);
    assert_int_equal(count_segments(), 0);
    assert_int_equal(clade_journal_durable(journal), 25);
    append(26, 3);
    check_ok(clade_journal_sync(journal, &err));
    check_records(journal, 26, 28);
    close_it();
    open_with(&stored);
    check_records(journal, 26, 28);
}

static void a_release_that_was_cut_short_is_finished_at_open(void **state)
{
    (void)state;
    const char            stone[64] = "clade: released";
    clade_journal_options stored    = quick;
    char                  name[400];
    uint64_t              next = 1;
    open_with(&quick);
    while (count_segments() < 2)
        next = append(next, 64) + 1;
    check_ok(clade_journal_sync(journal, &err));
    close_it();
    segment_path(name, 1);
    FILE *file = fopen(name, "r+");
    assert_non_null(file);
    assert_int_equal(fwrite(stone, 1, sizeof stone, file), sizeof stone);
    fclose(file);
    /* The tables held it, or it would not have been released: without them it is an error. */
    refused(clade_journal_open(&journal, store, &quick, &err), CLADE_ERR_DATA, "are missing");
    stored.stored_seq = next - 1;
    open_with(&stored);
    assert_int_not_equal(access(name, F_OK), 0);
    assert_int_equal(clade_journal_durable(journal), next - 1);
}

static void a_cut_lets_all_of_it_be_released(void **state)
{
    (void)state;
    open_with(&quick);
    append(1, 20);
    check_ok(clade_journal_cut(journal, &err));
    assert_int_equal(count_segments(), 1);
    append(21, 5);
    check_ok(clade_journal_sync(journal, &err));
    assert_int_equal(count_segments(), 2);
    check_records(journal, 1, 25);
    check_ok(clade_journal_cut(journal, &err));
    check_ok(clade_journal_release(journal, 25, &err));
    assert_int_equal(count_segments(), 0);
    check_ok(clade_journal_cut(journal, &err)); /* nothing to cut */
    append(26, 1);
    check_ok(clade_journal_sync(journal, &err));
    check_records(journal, 26, 26);
}

/* ---------------------------------------------------------------- the disk and the buffer */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void            wait_at_the_gate(void *context, uint64_t durable, clade_status status,
                                        const char *message)
{
    (void)context, (void)durable, (void)status, (void)message;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void a_full_buffer_is_said_and_takes_nothing(void **state)
{
    (void)state;
    static const char     piece[1000];
    const clade_text      record[2] = { { piece, 1000 }, { piece, 1000 } };
    clade_journal_options small     = { .no_sync = true, .buffer_bytes = 5000 };
    uint64_t              seq       = 0;
    small.progress                  = wait_at_the_gate;
    open_with(&small);
    pthread_mutex_lock(&gate);
    check_ok(clade_journal_append(journal, &seq, record, 1, &err));
    while (clade_journal_durable(journal) < 1)
        usleep(100); /* now its writer stands at the gate */
    for (int i = 0; i < 2; i++)
        check_ok(clade_journal_append(journal, &seq, record, 2, &err));
    refused(clade_journal_append(journal, &seq, record, 2, &err), CLADE_ERR_BUSY,
            "4000 bytes wait to be written, and the buffer has 5000");
    assert_int_equal(seq, 5);
    check_ok(clade_journal_append(journal, &seq, record, 1, &err));
    assert_int_equal(seq, 6); /* the refused call took no number */
    pthread_mutex_unlock(&gate);
    check_ok(clade_journal_sync(journal, &err));
    assert_int_equal(clade_journal_durable(journal), 6);
}

typedef struct heard {
    pthread_mutex_t mutex;
    uint64_t        durable;
    int             n_refused;
    char            message[600];
    bool            backwards;
} heard;

static void hear(void *context, uint64_t durable, clade_status status, const char *message)
{
    heard *h = context;
    pthread_mutex_lock(&h->mutex);
    if (durable < h->durable) h->backwards = true;
    h->durable = durable;
    if (status != CLADE_OK) {
        h->n_refused++;
        snprintf(h->message, sizeof h->message, "%s", message);
    }
    pthread_mutex_unlock(&h->mutex);
}

/* Fill a segment, let the disk refuse the next, give it room again. */
static void refuse_and_heal(void (*fill)(void), void (*room)(void))
{
    heard                 h       = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    clade_journal_options options = { .segment_bytes = SMALL_SEGMENT, .retry_ms = 5 };
    clade_status          status  = CLADE_OK;
    uint64_t              next = 1, seq = 0;
    options.progress = hear;
    options.context  = &h;
    open_with(&options);
    next = append(next, 64) + 1;
    check_ok(clade_journal_sync(journal, &err));
    fill();
    while (status == CLADE_OK && next < 100000) {
        status = append_next(&seq, journal, next, 64, &err);
        if (status == CLADE_OK) {
            assert_int_equal(seq, next + 63);
            next += 64;
        }
        usleep(200);
    }
    refused(status, CLADE_ERR_IO, "no room is left on the disk");
    assert_non_null(strstr(err.message, "/journal/0000"));
    assert_non_null(strstr(err.hint, "goes on by itself"));
    refused(clade_journal_sync(journal, &err), CLADE_ERR_IO, "no room is left");
    clade_journal_state now;
    clade_journal_look(&now, journal);
    assert_int_equal(now.status, CLADE_ERR_IO);
    const uint64_t durable = clade_journal_durable(journal);
    assert_true(durable >= 64 && durable < next - 1);
    check_records(journal, 1, durable); /* readable meanwhile */

    room();
    while (clade_journal_durable(journal) < next - 1)
        usleep(1000);
    while (clade_journal_sync(journal, &err) != CLADE_OK)
        usleep(1000);
    next = append(next, 5) + 1;
    check_ok(clade_journal_sync(journal, &err));
    check_records(journal, 1, next - 1);
    assert_true(h.n_refused > 0 && !h.backwards);
    assert_non_null(strstr(h.message, "no room is left"));
    close_it();
    open_with(&options);
    check_records(journal, 1, next - 1);
}

static struct rlimit room_before;
static void          limit_files(void)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &room_before), 0);
    limit          = room_before;
    limit.rlim_cur = SMALL_SEGMENT - 1; /* what is allocated goes on, another one does not begin */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lift_limit(void)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &room_before), 0);
}

static void a_file_that_may_not_grow_is_said_and_heals(void **state)
{
    (void)state;
    refuse_and_heal(limit_files, lift_limit);
}

static char small_disk[300], filler[320];
static void fill_disk(void)
{
    char  out[200];
    FILE *file = fopen(filler, "w");
    memset(out, 'x', sizeof out);
    while (file != NULL && fwrite(out, sizeof out, 1, file) == 1 && fflush(file) == 0) {
    }
    if (file != NULL) fclose(file);
}

static void empty_disk(void)
{
    unlink(filler);
}

static void a_full_file_system_is_said_and_heals(void **state)
{
    (void)state;
    char inside[320];
    snprintf(small_disk, sizeof small_disk, "%s/journal", path);
    snprintf(filler, sizeof filler, "%s/filler", small_disk);
    snprintf(inside, sizeof inside, "%s", small_disk);
    mkdir(inside, 0700);
    if (mount("tmpfs", inside, "tmpfs", 0, "size=24m") != 0) {
        print_message("skipped: this user may not mount a small file system\n");
        skip();
    }
    refuse_and_heal(fill_disk, empty_disk);
    close_it();
    umount2(inside, MNT_DETACH);
}

static void what_was_never_durable_is_not_promised_when_the_disk_stays_full(void **state)
{
    (void)state;
    clade_journal_options options = { .segment_bytes = SMALL_SEGMENT, .retry_ms = 5 };
    uint64_t              seq     = 0;
    limit_files();
    open_with(&options);
    append(1, 3); /* no segment yet: the first cannot be made */
    refused(clade_journal_sync(journal, &err), CLADE_ERR_IO, "no room is left");
    refused(append_next(&seq, journal, 4, 1, &err), CLADE_ERR_IO, "no room is left");
    assert_int_equal(clade_journal_durable(journal), 0);
    close_it();
    lift_limit();
    open_with(&options);
    assert_int_equal(clade_journal_durable(journal), 0);
    append(1, 2);
    check_ok(clade_journal_sync(journal, &err));
    check_records(journal, 1, 2);
}

static void options_out_of_their_limits_are_named(void **state)
{
    (void)state;
    refused(
        clade_journal_open(&journal, store, &(clade_journal_options){ .segment_bytes = 100 }, &err),
        CLADE_ERR_ARG, "a segment of 100 bytes");
    refused(clade_journal_open(&journal, store,
                               &(clade_journal_options){ .buffer_bytes = (size_t)2 << 30 }, &err),
            CLADE_ERR_ARG, "a buffer of 2147483648 bytes");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(three_records_are_read_in_order_now_and_after_opening_again),
        TEST(what_was_appended_is_what_is_read_over_many_segments),
        TEST(the_largest_record_fits_and_a_larger_one_is_refused_whole),
        TEST(many_threads_append_and_each_one_s_records_keep_their_order),
        TEST(a_tail_cut_at_any_byte_loses_the_last_record_alone),
        TEST(a_flipped_bit_is_found_and_never_read),
        TEST(a_flipped_bit_in_a_group_that_nothing_follows_cuts_it_there),
        TEST(a_segment_that_is_missing_or_short_is_named),
        TEST(another_workspace_s_journal_is_not_opened),
        TEST(nothing_readable_reaches_the_disk),
        TEST(release_destroys_what_lies_wholly_before_and_nothing_else),
        TEST(a_journal_behind_the_tables_goes_on_after_them),
        TEST(a_release_that_was_cut_short_is_finished_at_open),
        TEST(a_cut_lets_all_of_it_be_released),
        TEST(a_full_buffer_is_said_and_takes_nothing),
        TEST(a_file_that_may_not_grow_is_said_and_heals),
        TEST(a_full_file_system_is_said_and_heals),
        TEST(what_was_never_durable_is_not_promised_when_the_disk_stays_full),
        TEST(options_out_of_their_limits_are_named),
    };
    return cmocka_run_group_tests(tests, make_store, drop_store);
}
