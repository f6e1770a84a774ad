/* The journal and the tables together, as a server drives them: events are appended, told once they
 * are durable, stored in batches, released. The process is killed without warning, again and again;
 * in the end everything that was told is in the tables, once. */
#include "live_help.h"

#include "clade/journal.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_KILLS = 12, A_GROUP = 40, SEGMENT_BYTES = 1200000 };

static shop        s;
static clade_error err;

typedef struct server {
    clade_journal   *journal;
    clade_live_sink *sink;
} server;

static clade_status start(server *out)
{
    clade_journal_options options = { .segment_bytes = SEGMENT_BYTES };
    const clade_status    status  = clade_live_position(&options.stored_seq, s.store, &err);
    if (status != CLADE_OK) return status;
    if (clade_journal_open(&out->journal, s.store, &options, &err) != CLADE_OK) return CLADE_ERR_IO;
    return clade_live_open(&out->sink, s.store, TEST_NOW, &err);
}

static void stop(server *it)
{
    clade_live_close(it->sink);
    clade_journal_close(it->journal);
}

/* Record number seq is the event with that number as its message. */
static clade_live_event event_of(made_row *row, uint64_t seq)
{
    *row                   = made_at(3, seq);
    clade_live_event event = made_event(row);
    event.kind             = CLADE_LIVE_VIEW;
    event.price            = CLADE_TEXT("1.5");
    event.message_key      = seq;
    return event;
}

/* Everything durable that the tables do not have, in one batch; then it is released. */
static clade_status flush_all(server *it)
{
    enum { AT_MOST = 2000 };
    static made_row         row[AT_MOST];
    static clade_live_event event[AT_MOST];
    clade_journal_reader   *reader = NULL;
    clade_live_report       report;
    clade_text              record;
    uint64_t                stored = 0, seq = 0, last = 0;
    size_t                  n      = 0;
    clade_status            status = clade_live_position(&stored, s.store, &err);
    if (status == CLADE_OK)
        status = clade_journal_reader_open(&reader, it->journal, stored + 1, &err);
    while (status == CLADE_OK && n < AT_MOST) {
        status = clade_journal_read(reader, &record, &seq, &err);
        if (status != CLADE_OK || seq == 0) break;
        memcpy(&last, record.data, sizeof last);
        if (record.size != sizeof last || last != seq) status = CLADE_ERR_DATA;
        event[n] = event_of(&row[n], seq);
        n++;
    }
    clade_journal_reader_close(reader);
    if (status == CLADE_OK && n > 0)
        status = clade_live_store(&report, it->sink, event, n, last, &err);
    if (status == CLADE_OK && n > 0 && report.n_stored != (int64_t)n) status = CLADE_ERR_DATA;
    if (status == CLADE_OK) status = clade_journal_release(it->journal, last, &err);
    return n == AT_MOST && status == CLADE_OK ? flush_all(it) : status;
}

static int serve(int tell_fd)
{
    server   it = { 0 };
    uint64_t seq;
    if (clade_store_open(&s.store, s.workspace, &(clade_store_options){ .n_threads = 1 }, &err) !=
            CLADE_OK ||
        start(&it) != CLADE_OK)
        return 1;
    clade_journal_state now;
    clade_journal_look(&now, it.journal);
    for (uint64_t next = now.next_seq, round = 0;; round++) {
        uint64_t   number[A_GROUP];
        clade_text record[A_GROUP];
        for (size_t i = 0; i < A_GROUP; i++) {
            number[i] = next++;
            record[i] = (clade_text){ (const char *)&number[i], sizeof number[i] };
        }
        if (clade_journal_append(it.journal, &seq, record, A_GROUP, &err) != CLADE_OK) return 2;
        if (clade_journal_sync(it.journal, &err) != CLADE_OK) return 3;
        if (write(tell_fd, &seq, sizeof seq) != sizeof seq) return 4;
        if (round % 6 == 5 && flush_all(&it) != CLADE_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 5;
        }
    }
}

static uint64_t serve_and_kill(int round)
{
    int      ends[2];
    uint64_t told = 0, got;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        _exit(serve(ends[1]));
    }
    close(ends[1]);
    for (int n = 3 + round * 5 % 17; n > 0 && read(ends[0], &got, sizeof got) == sizeof got; n--)
        told = got;
    usleep((useconds_t)(round * 1700 % 9000));
    kill(pid, SIGKILL);
    while (read(ends[0], &got, sizeof got) == sizeof got)
        told = got;
    close(ends[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status)) fail_msg("the server ended by itself: %d", WEXITSTATUS(status));
    return told;
}

static void what_was_told_is_in_the_tables_once_after_every_kill(void **state)
{
    (void)state;
    uint64_t            told = 0, before = 0;
    clade_journal_state now;
    server              it = { 0 };
    s                      = shop_make();
    clade_log_set(CLADE_LOG_QUIET);
    clade_store_close(s.store);
    s.store = NULL;
    for (int round = 0; round < N_KILLS; round++) {
        told = serve_and_kill(round);
        assert_true(told > before);
        before = told;
        if (round % 4 != 3) continue; /* mostly the next server finds what the last one left */
        shop_open(&s);
        check_ok(start(&it));
        check_ok(flush_all(&it));
        clade_journal_look(&now, it.journal);
        assert_true(now.durable_seq >= told);
        shop_is(&s, (int64_t)now.durable_seq, "SELECT count(*) FROM event");
        shop_is(&s, (int64_t)now.durable_seq, "SELECT count(DISTINCT row_key) FROM event");
        shop_is(&s, 0,
                "SELECT count(*) FROM event WHERE customer IS NOT NULL AND customer NOT IN "
                "(SELECT customer FROM identity WHERE kind = 'id')");
        shop_is(&s, (int64_t)now.durable_seq, "SELECT sum(rows_stored) FROM load");
        before = now.durable_seq;
        stop(&it);
        clade_store_close(s.store);
        s.store = NULL;
    }
    print_message("%llu events, %d kills\n", (unsigned long long)before, N_KILLS);
    shop_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_is_in_the_tables_once_after_every_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
