/* One rank: nothing is loaded, nothing is changed; and a start that cannot be is refused. */
#include "check.h"

#include "clade/dist.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int unset_environment(void **state)
{
    (void)state;
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("PMI_SIZE");
    unsetenv("PMIX_RANK");
    unsetenv("CLADE_MPI_PLUGIN");
    return 0;
}

static void one_rank_is_alone_and_loads_no_mpi(void **state)
{
    (void)state;
    const float  floats[3]  = { 2.385f, -0.0f, NAN };
    const double doubles[2] = { 0.1, -7.25 };
    float        f[3];
    double       d[2];
    char         out[4096], text[] = "as it was";
    memcpy(f, floats, sizeof f);
    memcpy(d, doubles, sizeof d);
    for (int round = 0; round < 2; round++) { /* it may be started again after it was finished */
        check_ok(clade_dist_start(NULL));
        assert_int_equal(clade_dist_rank(), 0);
        assert_int_equal(clade_dist_ranks(), 1);
        check_ok(clade_dist_sum(f, 3, NULL));
        check_ok(clade_dist_sum_double(d, 2, NULL));
        check_ok(clade_dist_sum(NULL, 0, NULL));
        check_ok(clade_dist_broadcast(text, sizeof text, 0, NULL));
        check_ok(clade_dist_barrier(NULL));
        clade_dist_finish();
    }
    assert_memory_equal(f, floats, sizeof f);
    assert_memory_equal(d, doubles, sizeof d);
    assert_string_equal(text, "as it was");
    assert_int_equal(check_run(out, sizeof out, "grep -c libmpi /proc/%d/maps", (int)getpid()), 1);
}

/* mpirun -n 1 needs no MPI either. */
static void one_rank_of_one_is_alone(void **state)
{
    (void)state;
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    setenv("PMIX_RANK", "0", 1);
    setenv("CLADE_MPI_PLUGIN", "/nowhere/libclade_mpi.so", 1);
    check_ok(clade_dist_start(NULL));
    assert_int_equal(clade_dist_ranks(), 1);
    clade_dist_finish();
}

static void check_not_ready(const char *words)
{
    clade_error err = { 0 };
    assert_int_equal(clade_dist_start(&err), CLADE_ERR_NOT_READY);
    if (strstr(err.message, words) == NULL) fail_msg("'%s', wanted '%s'", err.message, words);
    assert_true(err.hint[0] != '\0');
    assert_int_equal(clade_dist_ranks(), 1);
    clade_dist_finish(); /* harmless */
}

/* Else each of them would do the work of all, and write to the same files. */
static void several_ranks_without_the_plugin_are_refused(void **state)
{
    (void)state;
    setenv("CLADE_MPI_PLUGIN", "/nowhere/libclade_mpi.so", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    check_not_ready("one of 2 ranks, but /nowhere/libclade_mpi.so cannot be loaded");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    setenv("PMI_SIZE", "3", 1);
    check_not_ready("one of 3 ranks");
    unsetenv("PMI_SIZE");
    setenv("PMIX_RANK", "1", 1);
    check_not_ready("one of several ranks");
}

static void a_library_that_is_no_plugin_is_refused(void **state)
{
    (void)state;
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("CLADE_MPI_PLUGIN", "libm.so.6", 1);
    check_not_ready("it is no plugin of clade");
}

static void abort_of_one_rank_is_an_exit(void **state)
{
    (void)state;
    const pid_t pid = fork();
    if (pid == 0) clade_dist_abort(7);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, unset_environment, unset_environment)
    const struct CMUnitTest tests[] = {
        TEST(one_rank_is_alone_and_loads_no_mpi),
        TEST(one_rank_of_one_is_alone),
        TEST(several_ranks_without_the_plugin_are_refused),
        TEST(a_library_that_is_no_plugin_is_refused),
        TEST(abort_of_one_rank_is_an_exit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
