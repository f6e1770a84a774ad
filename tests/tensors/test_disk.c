/* What the world does to a file of tensors: full disks, kill -9, folders that are not there, files
 * that shrink while they are open. The old file stays whole. */
#include "tensor_files.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_VALUES = 1 << 20 };

static char        folder[256];
static char        path[300];
static clade_error err;
static float       x[N_VALUES];

static int setup(void **state)
{
    (void)state;
    check_folder_make(folder, "tensors-disk");
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    err = (clade_error){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    check_folder_remove(folder);
    return 0;
}

static clade_status write_values(float value, uint64_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
    const clade_tensor_source t = { "x", CLADE_TENSOR_F32, 1, { n }, x };
    return clade_tensors_write(path, &t, 1, NULL, 0, &err);
}

/* The value of the file, whose n values are all the same. */
static float value_of_file(uint64_t n)
{
    clade_tensors *file = NULL;
    if (clade_tensors_open(&file, path, &err) != CLADE_OK) fail_msg("%s", err.message);
    if (clade_tensors_read_floats(x, file, "x", &n, 1, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    clade_tensors_close(file);
    for (size_t i = 1; i < n; i++)
        assert_true(x[i] == x[0]);
    return x[0];
}

static int in_child(int (*body)(void))
{
    int         status = 0;
    const pid_t pid    = fork();
    if (pid == 0) _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int write_too_much(void)
{
    char beside[320];
    signal(SIGXFSZ, SIG_IGN);
    if (write_values(2.5f, N_VALUES) != CLADE_ERR_IO) return 1;
    if (strstr(err.message, "no room is left") == NULL || err.hint[0] == '\0') return 2;
    snprintf(beside, sizeof beside, "%s.new", path);
    return access(beside, F_OK) == 0 ? 3 : 0;
}

static int write_into_a_limited_file(void)
{
    const struct rlimit limit = { 1 << 20, 1 << 20 };
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
    return write_too_much();
}

static void a_file_that_may_not_grow_leaves_the_old_one(void **state)
{
    (void)state;
    check_ok(write_values(1.25f, 1000));
    assert_int_equal(in_child(write_into_a_limited_file), 0);
    assert_true(value_of_file(1000) == 1.25f);
}

static void a_full_file_system_leaves_the_old_one(void **state)
{
    (void)state;
    char small[300];
    snprintf(small, sizeof small, "%s/small", folder);
    mkdir(small, 0755);
    if (mount("tmpfs", small, "tmpfs", 0, "size=2m") != 0) {
        print_message("skipped: this user may not mount a small file system\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/model.safetensors", small);
    const clade_status made   = write_values(1.25f, 1000);
    const int          failed = in_child(write_too_much);
    const float        value  = made == CLADE_OK ? value_of_file(1000) : 0;
    umount2(small, MNT_DETACH);
    assert_int_equal(made, CLADE_OK);
    assert_int_equal(failed, 0);
    assert_true(value == 1.25f);
}

/* A child replaces the file over and over; killed at any moment, what is there is whole. */
static void kill_9_leaves_one_whole_file(void **state)
{
    (void)state;
    enum { N = 100000 };
    float last = 0;
    for (int round = 0; round < 12; round++) {
        check_ok(write_values(0.5f, N));
        const pid_t pid = fork();
        if (pid == 0) {
            for (float value = 1;; value++) {
                if (write_values(value, N) != CLADE_OK) _exit(1);
            }
        }
        usleep((useconds_t)(2000 + 3711 * round));
        kill(pid, SIGKILL);
        int status = 0;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        last = value_of_file(N);
        assert_true(last >= 0.5f);
    }
    check_ok(write_values(7.5f, N)); /* a .new that was left behind is in nobody's way */
    assert_true(value_of_file(N) == 7.5f);
}

static void a_folder_that_is_none_is_said(void **state)
{
    (void)state;
    clade_tensors *file = NULL;
    check_refused(clade_tensors_open(&file, path, &err), CLADE_ERR_NOT_FOUND, "it does not exist");
    check_refused(clade_tensors_open(&file, folder, &err), CLADE_ERR_ARG, "is not a file");
    snprintf(path, sizeof path, "%s/none/model", folder);
    check_refused(write_values(1, 10), CLADE_ERR_NOT_FOUND, "its folder does not exist");
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_refused(clade_tensors_open(&file, path, &err), CLADE_ERR_ARG, "is not a file");
}

static void a_file_that_shrinks_while_open_is_an_error(void **state)
{
    (void)state;
    const uint64_t n    = 5000;
    clade_tensors *file = NULL;
    check_ok(write_values(1.25f, n));
    check_ok(clade_tensors_open(&file, path, &err));
    assert_int_equal(truncate(path, 9000), 0);
    check_refused(clade_tensors_read_floats(x, file, "x", &n, 1, &err), CLADE_ERR_IO,
                  "ends at byte 9000");
    clade_tensors_close(file);
}

/* A reader that has the file open keeps the content it opened. */
static void a_file_that_is_replaced_while_open_is_still_the_old_one(void **state)
{
    (void)state;
    const uint64_t n    = 5000;
    clade_tensors *file = NULL;
    check_ok(write_values(1.25f, n));
    check_ok(clade_tensors_open(&file, path, &err));
    check_ok(write_values(2.5f, n));
    check_ok(clade_tensors_read_floats(x, file, "x", &n, 1, &err));
    assert_true(x[0] == 1.25f && x[n - 1] == 1.25f);
    clade_tensors_close(file);
    assert_true(value_of_file(n) == 2.5f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_may_not_grow_leaves_the_old_one),
        TEST(a_full_file_system_leaves_the_old_one),
        TEST(kill_9_leaves_one_whole_file),
        TEST(a_folder_that_is_none_is_said),
        TEST(a_file_that_shrinks_while_open_is_an_error),
        TEST(a_file_that_is_replaced_while_open_is_still_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
