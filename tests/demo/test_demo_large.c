/* The demo shop at four times its usual size: memory does not grow with it, counts grow in step. */
#include "demo_files.h"

#include <sys/resource.h>

static void memory_is_bounded_and_counts_grow_with_the_customers(void **state)
{
    (void)state;
    char               folder[256];
    clade_demo_summary small = { 0 }, large = { 0 };
    clade_demo_options options = { .folder = folder, .n_customers = 50000, .seed = 5 };
    check_folder_make(folder, "demo");
    check_ok(clade_demo_write(&options, &small, NULL));
    options.n_customers = 200000;
    check_ok(clade_demo_write(&options, &large, NULL));
    check_folder_remove(folder);

    /* A tenth: the catalogue grows too, and with it the chance of sales and second looks. */
    check_close((double)large.n_order_lines / (double)small.n_order_lines, 4, 0.1);
    check_close((double)large.n_events / (double)small.n_events, 4, 0.1);
    check_close((double)large.size_bytes / (double)small.size_bytes, 4, 0.1);

#ifndef __SANITIZE_ADDRESS__ /* whose shadow is memory too */
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    print_message("peak memory %ld KiB with %d threads\n", usage.ru_maxrss, clade_threads_get());
    assert_true(usage.ru_maxrss < 32 * 1024 + 48L * 1024 * clade_threads_get());
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_bounded_and_counts_grow_with_the_customers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
