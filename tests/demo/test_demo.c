/* The demo shop as a writer of files: the same bytes for the same wish, and clear words when it
 * cannot write. */
#include "demo_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_CUSTOMERS = 2600 }; /* two whole shards and a part */

static void write_shop(const char *folder, uint64_t seed, int n_threads, bool no_events)
{
    const clade_demo_options options = { .folder      = folder,
                                         .n_customers = N_CUSTOMERS,
                                         .seed        = seed,
                                         .n_months    = 13,
                                         .no_events   = no_events };
    clade_error              err     = { 0 };
    clade_threads_set(n_threads);
    check_ok(clade_demo_write(&options, NULL, &err));
    clade_threads_set(0);
}

static bool same_files(const char *one, const char *other, bool without_events)
{
    bool same = true;
    for (int f = 0; f < N_DEMO_FILES; f++) {
        const bool about_events = strcmp(demo_file[f], "events.csv") == 0 ||
                                  strcmp(demo_file[f], "truth/summary.json") == 0;
        if (without_events && about_events) continue;
        same = same && demo_file_hash(one, demo_file[f]) == demo_file_hash(other, demo_file[f]);
    }
    return same;
}

static void the_same_seed_writes_the_same_bytes_on_any_number_of_threads(void **state)
{
    (void)state;
    char one[256], other[256];
    check_folder_make(one, "demo");
    check_folder_make(other, "demo");
    write_shop(one, 7, 1, false);
    write_shop(other, 7, 4, false);
    assert_true(same_files(one, other, false));
    check_folder_remove(one);
    check_folder_remove(other);
}

static void another_seed_writes_other_bytes_in_every_file(void **state)
{
    (void)state;
    char one[256], other[256];
    check_folder_make(one, "demo");
    check_folder_make(other, "demo");
    write_shop(one, 7, 0, false);
    write_shop(other, 8, 0, false);
    for (int f = 0; f < N_DEMO_FILES; f++) {
        assert_int_not_equal(demo_file_hash(one, demo_file[f]),
                             demo_file_hash(other, demo_file[f]));
    }
    check_folder_remove(one);
    check_folder_remove(other);
}

static void leaving_out_events_changes_no_other_file(void **state)
{
    (void)state;
    char one[256], other[256], path[300];
    check_folder_make(one, "demo");
    check_folder_make(other, "demo");
    write_shop(one, 7, 0, false);
    write_shop(other, 7, 0, true);
    assert_true(same_files(one, other, true));
    snprintf(path, sizeof path, "%s/events.csv", other);
    assert_int_equal(access(path, F_OK), -1);
    check_folder_remove(one);
    check_folder_remove(other);
}

static void a_shop_of_one_customer_is_a_shop(void **state)
{
    (void)state;
    char folder[256];
    check_folder_make(folder, "demo");
    const clade_demo_options options = { .folder = folder, .n_customers = 1, .seed = 3 };
    clade_demo_summary       summary = { 0 };
    check_ok(clade_demo_write(&options, &summary, NULL));
    assert_int_equal(summary.n_customers, 1);
    demo_text text;
    demo_text_open(&text, folder, "customers.csv");
    assert_int_equal(demo_text_row(&text, ','), 13);
    assert_int_equal(demo_text_row(&text, ','), 13);
    assert_string_equal(text.field[0], "10000001");
    assert_int_equal(demo_text_row(&text, ','), 0);
    demo_text_close(&text);
    check_folder_remove(folder);
}

static void every_wish_out_of_bounds_is_named(void **state)
{
    (void)state;
    clade_error        err     = { 0 };
    clade_demo_options options = { .folder = "/nowhere", .n_months = 8 };
    assert_int_equal(clade_demo_write(&options, NULL, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "8 months"));
    options = (clade_demo_options){ .folder = "/nowhere", .n_customers = 100000001 };
    assert_int_equal(clade_demo_write(&options, NULL, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "100000001 customers"));
    options = (clade_demo_options){ .folder = "" };
    assert_int_equal(clade_demo_write(&options, NULL, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "folder"));
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    char        folder[256], inside[300];
    clade_error err = { 0 };
    check_folder_make(folder, "demo");
    snprintf(inside, sizeof inside, "%s/file", folder);
    check_write(inside, "x", 1);
    clade_demo_options options = { .folder = inside, .n_customers = 10 };
    assert_int_equal(clade_demo_write(&options, NULL, &err), CLADE_ERR_IO);
    assert_non_null(strstr(err.message, inside));
    assert_non_null(strstr(err.message, "is a file"));

    options.folder = "/proc/clade-demo"; /* a file system that refuses even root */
    assert_int_equal(clade_demo_write(&options, NULL, &err), CLADE_ERR_IO);
    assert_non_null(strstr(err.message, "/proc/clade-demo: cannot make the folder"));
    check_folder_remove(folder);
}

static bool left_behind(const char *folder)
{
    char out[4096];
    check_run(out, sizeof out, "find '%s' -name '*.partial'", folder);
    return out[0] != '\0';
}

/* A full disk, by a name that leads to /dev/full. */
static void a_full_disk_is_named_and_earlier_files_stay(void **state)
{
    (void)state;
    char folder[256], path[300];
    check_folder_make(folder, "demo");
    write_shop(folder, 7, 0, true);
    const uint64_t before = demo_file_hash(folder, "orders.csv");

    for (int f = 0; f < N_DEMO_FILES; f++) {
        clade_error              err     = { 0 };
        clade_demo_summary       summary = { .n_orders = 4711 };
        const clade_demo_options options = { .folder      = folder,
                                             .n_customers = N_CUSTOMERS,
                                             .seed        = 8 };
        snprintf(path, sizeof path, "%s/%s.partial", folder, demo_file[f]);
        assert_int_equal(symlink("/dev/full", path), 0);
        assert_int_equal(clade_demo_write(&options, &summary, &err), CLADE_ERR_IO);
        assert_non_null(strstr(err.message, demo_file[f]));
        assert_non_null(strstr(err.message, "No space left on device"));
        assert_int_equal(summary.n_orders, 4711);
        assert_int_equal(demo_file_hash(folder, "orders.csv"), before);
        assert_false(left_behind(folder));
    }
    check_folder_remove(folder);
}

/* In a process of its own, because the wish to stop cannot be taken back. */
static void an_interruption_leaves_nothing_behind(void **state)
{
    (void)state;
    char folder[256], inside[300];
    check_folder_make(folder, "demo");
    snprintf(inside, sizeof inside, "%s/shop", folder);
    const pid_t child = fork();
    if (child == 0) {
        const clade_demo_options options = { .folder = inside, .n_customers = N_CUSTOMERS };
        clade_threads_set(1); /* threads do not survive a fork */
        clade_interrupt_install();
        raise(SIGINT);
        _exit(clade_demo_write(&options, NULL, NULL) == CLADE_ERR_INTERRUPTED ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(access(inside, F_OK), -1);
    check_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interruption_leaves_nothing_behind),
        cmocka_unit_test(the_same_seed_writes_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(another_seed_writes_other_bytes_in_every_file),
        cmocka_unit_test(leaving_out_events_changes_no_other_file),
        cmocka_unit_test(a_shop_of_one_customer_is_a_shop),
        cmocka_unit_test(every_wish_out_of_bounds_is_named),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
        cmocka_unit_test(a_full_disk_is_named_and_earlier_files_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
