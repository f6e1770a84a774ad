/* A writer that is killed without warning, a hundred times over the same journal: what it was told
 * is durable is there, each record once and as it was, and nothing else but what was appended. */
#include "journal_help.h"

#include "clade/run.h"

#include <signal.h>
#include <sys/wait.h>

enum { N_KILLS = 100 };

static char         folder[256];
static char         path[300];
static clade_store *store;
static clade_error  err;

static int  tell_fd;
static void tell(void *context, uint64_t durable, clade_status status, const char *message)
{
    (void)context, (void)message;
    if (status == CLADE_OK && write(tell_fd, &durable, sizeof durable) != sizeof durable) _exit(9);
}

/* The child has the parent's store for its path and key alone. */
static int append_until_killed(uint64_t stored, int round)
{
    clade_journal_options options = { .segment_bytes = SMALL_SEGMENT, .stored_seq = stored };
    clade_journal        *journal = NULL;
    clade_journal_state   now;
    uint64_t              seq = 0;
    options.progress          = tell;
    if (clade_journal_open(&journal, store, &options, &err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    clade_journal_look(&now, journal);
    for (uint64_t next = now.next_seq, i = 0;; i++) {
        const size_t       n      = 1 + mix(next + (uint64_t)round) % 20;
        const clade_status status = append_next(&seq, journal, next, n, &err);
        if (status != CLADE_OK && status != CLADE_ERR_BUSY) return 2;
        if (status == CLADE_OK && seq != next + n - 1) return 3;
        if (status == CLADE_OK) next += n;
        if (mix(i) % 8 == 0) usleep((useconds_t)(mix(i) >> 8) % 300);
    }
}

/* The last number the child was told; it lives for some of these and a moment more. */
static uint64_t kill_one(uint64_t stored, int round)
{
    int      ends[2];
    uint64_t told = 0, got;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        tell_fd = ends[1];
        _exit(append_until_killed(stored, round));
    }
    close(ends[1]);
    for (int n = round % 7; n >= 0 && read(ends[0], &got, sizeof got) == sizeof got; n--)
        told = got;
    usleep((useconds_t)(mix((uint64_t)round) % 3000));
    kill(pid, SIGKILL);
    while (read(ends[0], &got, sizeof got) == sizeof got)
        told = got;
    close(ends[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status)) fail_msg("the writer ended by itself: %d", WEXITSTATUS(status));
    return told;
}

static void what_was_told_durable_survives_a_hundred_kills(void **state)
{
    (void)state;
    const clade_store_options making = { .create = true, .n_threads = 1 };
    uint64_t                  stored = 0, before = 0;
    check_folder_make(folder, "journal-crash");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    clade_log_set(CLADE_LOG_QUIET);
    check_ok(clade_store_open(&store, path, &making, &err));
    for (int round = 0; round < N_KILLS; round++) {
        const uint64_t        told    = kill_one(stored, round);
        clade_journal_options options = { .segment_bytes = SMALL_SEGMENT, .stored_seq = stored };
        clade_journal        *journal = NULL;
        clade_journal_state   now;
        if (clade_journal_open(&journal, store, &options, &err) != CLADE_OK)
            fail_msg("round %d: %s", round, err.message);
        clade_journal_look(&now, journal);
        assert_true(now.durable_seq >= told && now.durable_seq >= before);
        assert_true(now.first_seq <= stored + 1);
        check_records(journal, stored + 1, now.durable_seq);
        before = now.durable_seq;
        if (round % 10 == 9) { /* as a flusher does: most of it is stored, and released */
            stored = stored + (before - stored) * 3 / 4;
            check_ok(clade_journal_release(journal, stored, &err));
        }
        clade_journal_close(journal);
    }
    assert_true(before > N_KILLS);
    print_message("%llu records, %d kills\n", (unsigned long long)before, N_KILLS);
    clade_store_close(store);
    check_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_durable_survives_a_hundred_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
