/* What the world does to a workspace: other processes, other folders, kill -9, full and read-only
 * disks, Ctrl-C, too little memory. Each is one clear sentence, and a store that opens again. */
#include "check.h"
#include "clade/run.h"
#include "clade/store.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char         folder[256];
static char         path[300];
static clade_error  err;
static clade_store *store;

static const clade_store_options making = { .create       = true,
                                            .n_threads    = 2,
                                            .memory_bytes = 512 << 20 };

static int setup(void **state)
{
    (void)state;
    check_folder_make(folder, "crash");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    store = NULL;
    err   = (clade_error){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
    return 0;
}

static void open_store(void)
{
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void make_store(void)
{
    open_store();
    clade_store_close(store);
    store = NULL;
}

static clade_status try_open(const clade_store_options *options)
{
    clade_store       *other  = NULL;
    const clade_status status = clade_store_open(&other, path, options, &err);
    if (status != CLADE_OK) {
        assert_null(other);
        assert_null(strchr(err.message, '\n'));
        assert_true(strlen(err.message) > 0 && strlen(err.message) < 400);
    }
    clade_store_close(other);
    return status;
}

static int64_t ask(const char *sql)
{
    int64_t value = 0;
    if (clade_store_int(&value, store, sql, NULL, 0, -1, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return value;
}

/* Run body in a child; its exit code. The child ends without the parent's cleaning up. */
static int in_child(int (*body)(void))
{
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(body());
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---------------------------------------------------------------- who and where */

static int child_finds_it_busy(void)
{
    clade_store *other = NULL;
    char         want[80];
    snprintf(want, sizeof want, "is in use by process %ld (", (long)getppid());
    if (clade_store_open(&other, path, &making, &err) != CLADE_ERR_BUSY) return 1;
    return strstr(err.message, want) != NULL ? 0 : 2;
}

static void a_second_process_is_told_who_owns_it(void **state)
{
    (void)state;
    open_store();
    assert_int_equal(in_child(child_finds_it_busy), 0);
    assert_int_equal(try_open(NULL), CLADE_ERR_BUSY); /* and so is this one, a second time */
    const clade_store_options reading = { .read_only = true };
    assert_int_equal(try_open(&reading), CLADE_ERR_BUSY);
    clade_store_close(store);
    store = NULL;
    check_ok(try_open(NULL));
}

static void what_is_not_a_workspace_is_left_alone(void **state)
{
    (void)state;
    char file[400];
    assert_int_equal(try_open(NULL), CLADE_ERR_NOT_FOUND);
    check_write(path, "orders", 6);
    assert_int_equal(try_open(&making), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "is a file"));
    unlink(path);

    mkdir(path, 0755);
    assert_int_equal(try_open(NULL), CLADE_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "empty"));
    snprintf(file, sizeof file, "%s/thesis.txt", path);
    check_write(file, "years of work", 13);
    assert_int_equal(try_open(&making), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "thesis.txt"));
    snprintf(file, sizeof file, "%s/owner.lock", path);
    assert_int_not_equal(access(file, F_OK), 0); /* nothing was made beside it */
}

static void a_workspace_of_another_version_is_refused_unchanged(void **state)
{
    (void)state;
    char       file[400];
    const char newer[] = "{ \"format\": \"clade workspace\", \"version\": 3 }";
    const char older[] = "{ \"format\": \"clade workspace\", \"version\": 1 }";
    make_store();
    snprintf(file, sizeof file, "%s/clade.json", path);
    check_write(file, newer, sizeof newer - 1);
    assert_int_equal(try_open(&making), CLADE_ERR_VERSION);
    assert_non_null(strstr(err.message, "newer clade"));
    check_write(file, older, sizeof older - 1);
    assert_int_equal(try_open(&making), CLADE_ERR_VERSION);
    assert_non_null(strstr(err.message, "older clade"));
    check_write(file, "{ \"ver", 6);
    assert_int_equal(try_open(&making), CLADE_ERR_DATA);
    check_write(file, "[1]", 3);
    assert_int_equal(try_open(&making), CLADE_ERR_DATA);
}

static void a_making_that_was_cut_short_is_taken_up_again(void **state)
{
    (void)state;
    char    file[400];
    int64_t customer;
    open_store();
    check_ok(clade_identity_intern(&customer, store, CLADE_TEXT("anna"), &err));
    check_ok(clade_identity_sync(store, &err));
    clade_store_close(store);
    store = NULL;
    snprintf(file, sizeof file, "%s/clade.json", path);
    unlink(file);
    assert_int_equal(try_open(NULL), CLADE_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "never finished"));
    open_store();
    assert_int_equal(clade_identity_find(store, CLADE_TEXT("anna")), 0); /* nothing thrown away */
}

static void a_database_cut_short_while_it_was_made_is_made_again(void **state)
{
    (void)state;
    char json[400], file[400];
    make_store();
    snprintf(json, sizeof json, "%s/clade.json", path);
    snprintf(file, sizeof file, "%s/store.duckdb", path);
    assert_int_equal(truncate(file, 4096), 0);
    assert_int_not_equal(try_open(&making), CLADE_OK); /* a finished workspace: never touched */
    assert_int_equal(access(file, F_OK), 0);
    for (off_t size = 0; size < 12288; size += 4096) {
        unlink(json);
        assert_int_equal(truncate(file, size), 0);
        open_store();
        clade_store_close(store);
        store = NULL;
    }
}

static void a_damaged_store_file_says_so(void **state)
{
    (void)state;
    char file[400];
    make_store();
    snprintf(file, sizeof file, "%s/store.duckdb", path);
    check_write(file, "this is not a database, and long enough to be read as one.........", 66);
    const clade_status status = try_open(&making);
    assert_true(status == CLADE_ERR_IO || status == CLADE_ERR_ENGINE);
    assert_non_null(strstr(err.message, "store.duckdb"));
}

/* ---------------------------------------------------------------- kill -9 */

enum { ROWS_A_COMMIT = 150 };

/* Append n events with numbers from `first`; ten for each customer. */
static clade_status append_events(int64_t first, size_t n)
{
    clade_appender *appender = NULL;
    clade_status    status   = clade_appender_open(&appender, store, "event", &err);
    char            id[40];

    for (size_t done = 0; status == CLADE_OK && done < n;) {
        const size_t rows = n - done < CLADE_APPENDER_ROWS ? n - done : CLADE_APPENDER_ROWS;
        for (size_t c = 4; c < 19; c++)
            clade_appender_null_all(appender, c);
        for (size_t r = 0; r < rows && status == CLADE_OK; r++) {
            const int64_t event = first + (int64_t)(done + r);
            snprintf(id, sizeof id, "customer %lld", (long long)(event / 10));
            status = clade_identity_intern((int64_t *)clade_appender_column(appender, 1) + r, store,
                                           clade_text_of(id), &err);
            ((int64_t *)clade_appender_column(appender, 0))[r] = event;
            ((int64_t *)clade_appender_column(appender, 2))[r] = event * 1000;
            ((uint8_t *)clade_appender_column(appender, 3))[r] = 6;
            ((uint64_t *)clade_appender_column(appender, 19))[r] =
                (uint64_t)event * UINT64_C(0x9E3779B97F4A7C15);
            ((int64_t *)clade_appender_column(appender, 20))[r] = 1;
        }
        if (status == CLADE_OK) status = clade_appender_flush(appender, rows, &err);
        done += rows;
    }
    if (status == CLADE_OK) status = clade_appender_finish(appender, &err);
    clade_appender_close(appender);
    return status;
}

/* Commit after commit, each acknowledged with one byte, until somebody ends it. */
static int acknowledge_fd;
static int write_until_killed(void)
{
    int64_t next = 0;
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) return 1;
    if (clade_store_int(&next, store, "SELECT count(*) FROM event", NULL, 0, 0, &err) != CLADE_OK)
        return 2;
    for (;; next += ROWS_A_COMMIT) {
        if (clade_store_begin(store, &err) != CLADE_OK) return 3;
        if (append_events(next, ROWS_A_COMMIT) != CLADE_OK) return 4;
        if (clade_store_commit(store, &err) != CLADE_OK) return 5;
        if (write(acknowledge_fd, "x", 1) != 1) return 6;
        if (next / ROWS_A_COMMIT % 40 == 39 && clade_store_checkpoint(store, &err) != CLADE_OK)
            return 7;
    }
}

/* Let it acknowledge so many commits and a moment more, then kill it without warning. */
static int64_t kill_after(int n_commits, useconds_t moment_us)
{
    int     ends[2];
    int64_t n = 0;
    char    byte;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        acknowledge_fd = ends[1];
        _exit(write_until_killed());
    }
    close(ends[1]);
    while (n < n_commits && read(ends[0], &byte, 1) == 1)
        n++;
    usleep(moment_us);
    kill(pid, SIGKILL);
    while (read(ends[0], &byte, 1) == 1)
        n++;
    close(ends[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status)) fail_msg("the writer ended by itself: %d", WEXITSTATUS(status));
    return n;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    (void)state;
    int64_t n_acknowledged = 0;
    for (int round = 0; round < 5; round++) {
        n_acknowledged += kill_after(5 + 17 * round, (useconds_t)(round * 777));
        open_store();
        const int64_t n_rows = ask("SELECT count(*) FROM event");
        /* One more commit may have been durable before it could be acknowledged. */
        assert_true(n_rows >= n_acknowledged * ROWS_A_COMMIT);
        assert_true(n_rows <= (n_acknowledged + round + 1) * ROWS_A_COMMIT);
        assert_int_equal(n_rows % ROWS_A_COMMIT, 0); /* whole transactions */
        assert_int_equal(ask("SELECT count(DISTINCT event) FROM event"),
                         n_rows); /* nothing twice */
        assert_int_equal(ask("SELECT count(*) FROM event WHERE customer <> event // 10"), 0);
        assert_int_equal(ask("SELECT count(DISTINCT customer) FROM event"),
                         ask("SELECT count(*) FROM identity"));
        assert_true(clade_identity_count(store) >= n_rows / 10);
        assert_int_equal(clade_identity_find(store, CLADE_TEXT("customer 17")), 17);
        clade_store_close(store);
        store = NULL;
    }
}

/* ---------------------------------------------------------------- disks */

/* Commit pieces until the disk is full. The failure is one sentence; the rows of earlier commits
 * are counted by the exit code. */
static int fill_the_disk(void)
{
    clade_status status = CLADE_OK;
    int          n      = 0;
    signal(SIGXFSZ, SIG_IGN);
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) return 200;
    while (status == CLADE_OK && n < 150) {
        if (clade_store_begin(store, &err) != CLADE_OK) return 201;
        status = append_events(n * 20000, 20000);
        if (status == CLADE_OK) status = clade_store_commit(store, &err);
        if (status == CLADE_OK) n++;
    }
    if (status != CLADE_ERR_IO) {
        fprintf(stderr, "%d commits, then %s: %s\n", n, clade_status_name(status), err.message);
        return 202;
    }
    if (strstr(err.message, "no room is left") == NULL || strchr(err.message, '\n') != NULL) {
        fprintf(stderr, "%s\n", err.message);
        return 203;
    }
    clade_store_rollback(store);
    clade_store_close(store);
    store = NULL;
    return n;
}

static int fill_a_limited_file(void)
{
    const struct rlimit limit = { 6 << 20, 6 << 20 };
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 210;
    return fill_the_disk();
}

static void a_full_disk_is_one_sentence_and_loses_nothing(void **state)
{
    (void)state;
    make_store();
    const int n = in_child(fill_a_limited_file);
    if (n >= 150) fail_msg("the writer ended with %d", n);
    assert_true(n > 0);
    open_store();
    assert_int_equal(ask("SELECT count(*) FROM event"), (int64_t)n * 20000);
    check_ok(append_events(n * 20000, 20000)); /* with room again, it goes on */
    assert_int_equal(ask("SELECT count(DISTINCT event) FROM event"), (int64_t)(n + 1) * 20000);
}

static void a_full_file_system_is_one_sentence_and_loses_nothing(void **state)
{
    (void)state;
    char small[300];
    snprintf(small, sizeof small, "%s/small", folder);
    mkdir(small, 0755);
    if (mount("tmpfs", small, "tmpfs", 0, "size=8m") != 0) {
        print_message("skipped: this user may not mount a small file system\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/my.clade", small);
    const int n      = in_child(fill_the_disk);
    int       opened = 0;
    if (n > 0 && n < 150) {
        open_store();
        opened = ask("SELECT count(*) FROM event") == (int64_t)n * 20000;
        clade_store_close(store);
        store = NULL;
    }
    umount2(small, MNT_DETACH);
    if (n == 0 || n >= 150) fail_msg("the writer ended with %d", n);
    assert_true(opened);
}

/* Permissions do not bind root: a child becomes nobody first. */
static int open_without_rights(void)
{
    const clade_store_options reading = { .read_only = true, .n_threads = 1 };
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 77;
    if (clade_store_open(&store, path, &making, &err) != CLADE_ERR_IO) return 1;
    if (strstr(err.message, "permission denied") == NULL) return 2;
    if (strchr(err.message, '\n') != NULL || err.hint[0] == '\0') return 3;
    if (clade_store_open(&store, path, &reading, &err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 4;
    }
    int64_t n = 0;
    if (clade_store_int(&n, store, "SELECT count(*) FROM event", NULL, 0, 0, &err) != CLADE_OK)
        return 5;
    if (n != 100) return 6;
    if (clade_identity_find(store, CLADE_TEXT("customer 3")) != 3) return 7;
    if (clade_store_begin(store, &err) != CLADE_ERR_ARG) return 8;
    clade_run *run = NULL;
    if (clade_run_begin(&run, store, "segment", 1, &err) != CLADE_OK) return 9;
    if (clade_run_finish(run, &err) != CLADE_OK) return 10;
    clade_run_free(run);
    clade_store_close(store);
    store = NULL;
    return 0;
}

static void a_read_only_folder_can_be_read_and_says_that_it_cannot_be_written(void **state)
{
    (void)state;
    char command[900];
    open_store();
    check_ok(append_events(0, 100));
    check_ok(clade_identity_sync(store, &err));
    clade_store_close(store);
    store = NULL;
    snprintf(command, sizeof command,
             "chmod 755 '%s'; if [ $(id -u) = 0 ]; then chown -R 65534 '%s'; fi; chmod -R a-w '%s'",
             folder, path, path);
    assert_int_equal(system(command), 0);
    assert_int_equal(in_child(open_without_rights), 0);
}

/* ---------------------------------------------------------------- Ctrl-C, memory */

static int interrupt_a_long_query(void)
{
    clade_interrupt_install();
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) return 1;
    const pid_t self = getpid();
    if (fork() == 0) {
        usleep(300000);
        kill(self, SIGINT);
        _exit(0);
    }
    const double start = clade_seconds();
    int64_t      n     = 0;
    if (clade_store_int(&n, store,
                        "SELECT count(*) FROM range(3000000000) a WHERE hash(a.range) % 7 = 3",
                        NULL, 0, 0, &err) != CLADE_ERR_INTERRUPTED)
        return 2;
    if (clade_seconds() - start > 5) return 3;
    if (clade_store_begin(store, &err) != CLADE_OK) return 4; /* what remains can still be saved */
    if (append_events(0, 100) != CLADE_OK) return 5;
    if (clade_store_commit(store, &err) != CLADE_OK) return 6;
    clade_store_close(store);
    return 0;
}

static void ctrl_c_ends_a_long_query_and_keeps_the_store(void **state)
{
    (void)state;
    make_store();
    assert_int_equal(in_child(interrupt_a_long_query), 0);
    open_store();
    assert_int_equal(ask("SELECT count(*) FROM event"), 100);
}

static void work_larger_than_memory_spills_inside_the_workspace(void **state)
{
    (void)state;
    const clade_store_options tight = { .create = true, .n_threads = 2, .memory_bytes = 100 << 20 };
    clade_rows               *rows  = NULL;
    clade_chunk               chunk;
    int64_t                   n = 0, last = INT64_MIN;
    char                      file[400];

    check_ok(clade_store_open(&store, path, &tight, &err));
    /* 6 million rows of 40 bytes and more: over 240 MB */
    check_ok(
        clade_store_query(&rows, store,
                          "SELECT CAST(hash(range) >> 1 AS BIGINT) AS k, range, range * 3, 'text "
                          "that is long ' || range FROM range(6000000) ORDER BY k",
                          NULL, 0, &err));
    for (;;) {
        if (clade_rows_next(&chunk, rows, &err) != CLADE_OK) fail_msg("%s", err.message);
        if (chunk.n_rows == 0) break;
        const int64_t *key = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows; i++, n++) {
            if (key[i] < last) fail_msg("row %lld is out of order", (long long)n);
            last = key[i];
        }
    }
    assert_int_equal(n, 6000000);
    clade_rows_close(rows);

    const clade_status status = clade_store_query(
        &rows, store, "SELECT list(range ORDER BY hash(range)) FROM range(30000000)", NULL, 0,
        &err);
    assert_int_equal(status, CLADE_ERR_NOMEM); /* this one cannot spill */
    assert_non_null(strstr(err.hint, "--memory"));
    assert_int_equal(ask("SELECT 1"), 1);
    clade_store_close(store);
    store = NULL;
    snprintf(file, sizeof file, "%s/tmp", path);
    assert_true(rmdir(file) == 0 || access(file, F_OK) != 0); /* nothing is left in it */
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_second_process_is_told_who_owns_it),
        STORE_TEST(what_is_not_a_workspace_is_left_alone),
        STORE_TEST(a_workspace_of_another_version_is_refused_unchanged),
        STORE_TEST(a_making_that_was_cut_short_is_taken_up_again),
        STORE_TEST(a_database_cut_short_while_it_was_made_is_made_again),
        STORE_TEST(a_damaged_store_file_says_so),
        STORE_TEST(what_was_acknowledged_survives_kill_9),
        STORE_TEST(a_full_disk_is_one_sentence_and_loses_nothing),
        STORE_TEST(a_full_file_system_is_one_sentence_and_loses_nothing),
        STORE_TEST(a_read_only_folder_can_be_read_and_says_that_it_cannot_be_written),
        STORE_TEST(ctrl_c_ends_a_long_query_and_keeps_the_store),
        STORE_TEST(work_larger_than_memory_spills_inside_the_workspace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
