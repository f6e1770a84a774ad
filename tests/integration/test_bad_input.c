/* Everything that may be wrong with what the command is given: each case ends with the documented
 * exit code and one sentence that names the file (and the line where there is one), without a trace
 * of a half-made store: the same workspace takes a good file afterwards. */
#include "made_orders.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, USAGE = 2, PROBLEMS = 3, NOT_READY = 4 };

#define HEADER "order_id,customer_id,order_date,sku,qty,price\n"
static const char good[] = HEADER "1,ann,2024-01-02,a,1,9.99\n"
                                  "2,bob,2024-01-03,b,2,3.50\n";

static void put(const char *name, const char *text)
{
    check_write(made_path(name), text, strlen(text));
}

/* One sentence on stderr, which names `says`; an optional hint below it; nothing on stdout. */
static void one_sentence(const answer *got, int code, const char *says)
{
    if (got->code != code || strstr(got->err, says) == NULL) {
        fail_msg("%d (wanted %d, '%s'): %s%s", got->code, code, says, got->err, got->out);
    }
    assert_memory_equal(got->err, "clade: ", 7);
    const char *second = strchr(got->err, '\n');
    assert_non_null(second);
    if (second[1] != '\0') assert_memory_equal(second + 1, "  hint: ", 8);
    const char *third = strchr(second + 1, '\n');
    assert_true(third == NULL || third[1] == '\0');
    assert_string_equal(got->out, "");
    assert_null(strstr(got->err, "Assertion"));
}

/* The workspace takes the good file and holds its two rows, once. */
static void takes_good_rows(const char *workspace, int64_t n_before)
{
    put("good.csv", good);
    const answer *got = run_clade("", "load %s good.csv --json", workspace);
    if (got->code != DONE) fail_msg("%s is spoilt: %s", workspace, got->err);
    assert_int_equal(made_ask(workspace, "SELECT count(*) FROM event"), n_before + 2);
    assert_int_equal(run_clade("", "load %s good.csv -q", workspace)->code, DONE);
    assert_int_equal(made_ask(workspace, "SELECT count(*) FROM event"), n_before + 2);
}

static void refused(const char *file, int code, const char *says)
{
    char       workspace[40];
    static int n = 0;
    snprintf(workspace, sizeof workspace, "refused%d.clade", n++);
    one_sentence(run_clade("", "load %s %s", workspace, file), code, says);
    takes_good_rows(workspace, 0);
}

/* ---------------------------------------------------------------- files */

static void files_that_are_no_files_of_rows(void **state)
{
    (void)state;
    refused("missing.csv", FAILED, "missing.csv: cannot open");
    assert_int_equal(made_shell("mkdir folder"), 0);
    refused("folder", FAILED, "folder is a folder");
    put("empty.csv", "");
    refused("empty.csv", PROBLEMS, "empty.csv: the file is empty");
    put("blank.csv", "\n\n  \n");
    refused("blank.csv", PROBLEMS, "blank.csv");
    const unsigned char noise[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 7, 0, 0, 255, 254, 0, 3 };
    check_write(made_path("binary.csv"), noise, sizeof noise);
    refused("binary.csv", PROBLEMS, "binary.csv");
    check_write(made_path("cut.csv.gz"), "\x1f\x8b\x08\0\0\0\0\0\0\3xx", 12);
    refused("cut.csv.gz", PROBLEMS, "cut.csv.gz");
    check_write(made_path("cut.csv.zst"), "\x28\xb5\x2f\xfd\0\1\2\3", 8);
    refused("cut.csv.zst", PROBLEMS, "cut.csv.zst");
    put("cut.parquet", "PAR1 and nothing else");
    refused("cut.parquet", PROBLEMS, "cut.parquet");
    put("broken.jsonl", "{\"order\": \n{\"order\n");
    refused("broken.jsonl", PROBLEMS, "line 1");
}

static void a_header_alone_is_no_mistake(void **state)
{
    (void)state;
    put("header.csv", HEADER);
    const answer *got = run_clade("", "load header.clade header.csv --json");
    assert_int_equal(got->code, DONE);
    assert_true(run_number(got, "rows_read") == 0);
    one_sentence(run_clade("", "segment header.clade"), NOT_READY, "holds no events");
    takes_good_rows("header.clade", 0);
}

static void columns_beyond_all_bounds(void **state)
{
    (void)state;
    FILE *file = fopen(made_path("wide.csv"), "w");
    assert_non_null(file);
    for (int i = 0; i < 1000000; i++)
        fprintf(file, "c%d,", i);
    fputs("end\n1,2\n", file);
    fclose(file);
    refused("wide.csv", PROBLEMS, "wide.csv: line 1");
    assert_int_equal(made_shell("rm wide.csv"), 0);
    put("twice.csv", "order_id,customer_id,order_date,price,price\n1,ann,2024-01-02,3,4\n");
    const answer *got = run_clade("", "load twice.clade twice.csv --json");
    if (got->code != DONE && got->code != PROBLEMS) fail_msg("%d: %s", got->code, got->err);
    takes_good_rows("twice.clade", got->code == DONE);
}

/* ---------------------------------------------------------------- rows */

/* Rows that cannot be stored wait in quarantine with file, line and reason; the good one beside
 * them is stored. */
static void rows_wait_with_their_reason(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        size_t      size;
        bool        stored;
    } rows[] = {
#define ROW(text, stored) { text "\n", sizeof(text), stored }
        ROW("10,ann,2024-01-02", false),                   /* ragged */
        ROW("11,ann,2024-01-02,a,1,9.99,one,more", false), /* ragged */
        ROW("12,ann,0000-01-02,a,1,9.99", false),          /* year 0 */
        ROW("13,ann,9999-12-31,a,1,9.99", false),          /* year 9999 */
        ROW("14,ann,2024-02-30,a,1,9.99", false),          /* no such day */
        ROW("15,ann,2024-01-02,a,1,inf", false),           /* infinite price */
        ROW("16,ann,2024-01-02,a,1,1e400", false),         /* and this is too */
        ROW("17,ann,2024-01-02,a,1,nan", true),            /* how pandas writes an absence */
        ROW("18,ann,2024-01-02,a,1,99999999999999999999999.9", false), /* more than money holds */
        ROW("19,\xff\xfe,2024-01-02,a,1,9.99", false),                 /* not UTF-8 */
        ROW("20,a\0b,2024-01-02,a,1,9.99", false),                     /* NUL */
        ROW("21,ann,2024-01-02,a,1,-9.99", true),                      /* a refund */
        ROW("22,ann,2024-01-02,a,1,9.99", true),                       /* good */
    };
    clade_buffer text    = { 0 };
    size_t       n_aside = 0, n_rows = sizeof rows / sizeof rows[0];
    /* Enough good text that a few bad bytes do not make it another encoding. */
    clade_buffer_text(&text, HEADER);
    for (int i = 0; i < 40; i++)
        clade_buffer_format(&text, "%d,红色茶杯%d,2024-01-%02d,c,1,2.50\n", 100 + i, i, 1 + i % 28);
    for (size_t i = 0; i < n_rows; i++) {
        clade_buffer_append(&text, rows[i].row, rows[i].size);
        n_aside += !rows[i].stored;
    }
    assert_false(text.failed);
    check_write(made_path("rows.csv"), text.data, text.size);
    clade_buffer_free(&text);

    const answer *got = run_clade("", "load rows.clade rows.csv --json");
    assert_int_equal(got->code, DONE);
    assert_true(run_number(got, "rows_read") == (double)(40 + n_rows));
    got = run_clade("", "check rows.clade --quarantine --limit 100");
    for (size_t i = 0; i < n_rows; i++) {
        char where[40];
        snprintf(where, sizeof where, "rows.csv:%zu ", 42 + i);
        if ((strstr(got->out, where) == NULL) != rows[i].stored) {
            fail_msg("line %zu: %s%s", 42 + i, rows[i].row, got->out);
        }
    }
    assert_int_equal(made_ask("rows.clade", "SELECT count(*) FROM quarantine"), (int64_t)n_aside);
    assert_int_equal(made_ask("rows.clade", "SELECT count(*) FROM event"),
                     (int64_t)(40 + n_rows - n_aside));
    takes_good_rows("rows.clade", (int64_t)(40 + n_rows - n_aside));
    assert_int_equal(run_clade("", "segment rows.clade -q")->code, DONE);
}

static void a_hundred_megabytes_in_one_field_cost_one_row(void **state)
{
    (void)state;
    FILE *file = fopen(made_path("long.csv"), "w");
    char *part = malloc(1 << 20);
    assert_true(file != NULL && part != NULL);
    memset(part, 'x', 1 << 20);
    fputs(HEADER "1,ann,2024-01-02,a,1,9.99\n2,bob,2024-01-03,", file);
    for (int i = 0; i < 100; i++)
        assert_int_equal(fwrite(part, 1, 1 << 20, file), 1 << 20);
    fputs(",2,3.50\n3,cho,2024-01-04,c,1,1.50\n", file);
    assert_int_equal(fclose(file), 0);
    free(part);
    const answer *got = run_clade("", "load long.clade long.csv --json");
    assert_int_equal(got->code, DONE);
    assert_true(run_number(got, "rows_stored") == 2);
    assert_true(run_number(got, "rows_quarantined") == 1);
    got = run_clade("", "check long.clade --quarantine");
    assert_non_null(strstr(got->out, "long.csv:3"));
    assert_int_equal(made_shell("rm long.csv"), 0);
}

/* ---------------------------------------------------------------- workspaces */

static void a_workspace_of_a_newer_version_is_left_alone(void **state)
{
    (void)state;
    put("good.csv", good);
    assert_int_equal(run_clade("", "load newer.clade good.csv -q")->code, DONE);
    assert_int_equal(
        made_shell("cp newer.clade/clade.json kept.json && sed -i "
                   "'s/\"version\": *[0-9]*/\"version\": 99/' newer.clade/clade.json && "
                   "! cmp -s newer.clade/clade.json kept.json"),
        0);
    assert_int_equal(made_shell("sha256sum newer.clade/store.duckdb > sum"), 0);
    one_sentence(run_clade("", "load newer.clade good.csv"), FAILED, "newer.clade");
    one_sentence(run_clade("", "segment newer.clade"), FAILED, "99");
    assert_int_equal(made_shell("sha256sum -c sum"), 0); /* not a byte was touched */
    assert_int_equal(made_shell("cp kept.json newer.clade/clade.json"), 0);
    takes_good_rows("newer.clade", 0);
}

static void a_folder_of_something_else_is_left_alone(void **state)
{
    (void)state;
    put("good.csv", good);
    assert_int_equal(made_shell("mkdir photos && echo hello > photos/cat.jpg"), 0);
    const answer *got = run_clade("", "load photos good.csv");
    assert_true(got->code != DONE);
    one_sentence(got, got->code, "photos");
    assert_int_equal(made_shell("test \"$(ls photos)\" = cat.jpg"), 0);
    one_sentence(run_clade("", "segment nowhere.clade"), NOT_READY, "nowhere.clade");
    one_sentence(run_clade("", "load good.csv good.csv"), USAGE, "good.csv is a file");
    assert_int_equal(made_shell("mkdir spoilt.clade && cp good.csv spoilt.clade/store.duckdb && "
                                "echo '{}' > spoilt.clade/clade.json"),
                     0);
    got = run_clade("", "segment spoilt.clade");
    assert_true(got->code != DONE);
    one_sentence(got, got->code, "spoilt.clade");
}

static void the_second_process_hears_who_has_the_workspace(void **state)
{
    (void)state;
    char process[40];
    put("good.csv", good);
    assert_int_equal(run_clade("", "load shared.clade good.csv -q")->code, DONE);
    clade_store *store = made_open("shared.clade"); /* this process owns it now */
    snprintf(process, sizeof process, "process %d", (int)getpid());
    one_sentence(run_clade("", "load shared.clade good.csv"), NOT_READY, process);
    one_sentence(run_clade("", "segment shared.clade"), NOT_READY, "in use by");
    const answer *got = run_clade("", "check shared.clade --json");
    assert_int_equal(got->code, NOT_READY);
    assert_string_equal(run_text(got, "error/status"), "busy");
    clade_store_close(store);
    assert_int_equal(run_clade("", "check shared.clade -q")->code, DONE);
    assert_int_equal(made_ask("shared.clade", "SELECT count(*) FROM event"), 2);
}

static void a_folder_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    put("good.csv", good);
    assert_int_equal(run_clade("", "load locked.clade good.csv -q")->code, DONE);
    const char *as = "";
    if (geteuid() == 0) { /* Root writes everywhere: somebody else tries. */
        as = "setpriv --reuid=65534 --regid=65534 --clear-groups";
        if (made_shell("%s true", as) != 0) skip();
        assert_int_equal(made_shell("chmod 755 . && chmod -R a+rX locked.clade good.csv && "
                                    "chmod a+w .out .err"),
                         0);
        if (made_shell("%s test -x \"$CLADE_BINARY\"", as) != 0) {
            print_message("skipped: nobody else may run what was built here\n");
            skip();
        }
    }
    assert_int_equal(made_shell("mkdir shut && chmod 555 shut && chmod -R a-w locked.clade"), 0);
    one_sentence(run_clade(as, "load shut/new.clade good.csv"), FAILED, "shut/new.clade");
    const answer *got = run_clade(as, "load locked.clade good.csv");
    assert_true(got->code == FAILED || got->code == NOT_READY);
    one_sentence(got, got->code, "locked.clade");
    assert_int_equal(made_shell("chmod -R u+w locked.clade && chmod 755 shut"), 0);
    assert_int_equal(made_ask("locked.clade", "SELECT count(*) FROM event"), 2);
}

/* A file system of 6 MB where one may be mounted, else a limit on the size of files. */
static void a_full_disk_keeps_what_was_there(void **state)
{
    (void)state;
    char       before[64] = "";
    const bool mounted =
        made_shell("mkdir small && mount -t tmpfs -o size=6m none small 2>/dev/null") == 0;
    made_orders_write(made_path("many.csv"), 30000);
    put("good.csv", good);
    assert_int_equal(run_clade("", "load small/shop.clade good.csv -q")->code, DONE);
    if (!mounted) snprintf(before, sizeof before, "prlimit --fsize=6000000");
    const answer *got = run_clade(before, "load small/shop.clade many.csv");
    one_sentence(got, FAILED, "small/shop.clade: no room is left on the disk");
    assert_int_equal(made_ask("small/shop.clade", "SELECT count(*) FROM event"), 2);
    if (mounted) assert_int_equal(made_shell("mount -o remount,size=24m small"), 0); /* room */
    takes_good_rows("small/shop.clade", 0);
    assert_int_equal(run_clade("", "doctor small/shop.clade")->code, DONE);
    assert_int_equal(made_shell("rm many.csv"), 0);
    if (mounted) assert_int_equal(made_shell("umount small"), 0);
}

static int teardown(void **state)
{
    int ignored = made_shell("! mountpoint -q small || umount small");
    (void)ignored;
    return run_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_files_of_rows),
        cmocka_unit_test(a_header_alone_is_no_mistake),
        cmocka_unit_test(columns_beyond_all_bounds),
        cmocka_unit_test(rows_wait_with_their_reason),
        cmocka_unit_test(a_hundred_megabytes_in_one_field_cost_one_row),
        cmocka_unit_test(a_workspace_of_a_newer_version_is_left_alone),
        cmocka_unit_test(a_folder_of_something_else_is_left_alone),
        cmocka_unit_test(the_second_process_hears_who_has_the_workspace),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
        cmocka_unit_test(a_full_disk_keeps_what_was_there),
    };
    return cmocka_run_group_tests(tests, run_setup, teardown);
}
