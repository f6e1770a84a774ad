/* A file is replaced whole or not at all. */
#include "check.h"

#include "clade/file.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], path[300], beside[310];

static int begin(void **state)
{
    (void)state;
    check_folder_make(folder, "file");
    (void)snprintf(path, sizeof path, "%s/kept", folder);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    return 0;
}

static int end(void **state)
{
    (void)state;
    check_folder_remove(folder);
    return 0;
}

static void check_content(const char *wanted)
{
    clade_buffer text = { 0 };
    check_ok(clade_file_read(&text, path, 100, NULL));
    assert_string_equal(text.data, wanted);
    assert_int_equal(access(beside, F_OK), -1);
    clade_buffer_free(&text);
}

static void content_is_replaced_with_the_mode_that_was_asked_for(void **state)
{
    struct stat about;
    (void)state;
    check_ok(clade_file_replace(path, "older and longer", 16, 0600, NULL));
    check_ok(clade_file_replace(path, "newer", 5, 0600, NULL));
    check_content("newer");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void a_part_that_was_patched_comes_with_the_rest(void **state)
{
    clade_file_writer w;
    (void)state;
    check_ok(clade_file_begin(&w, path, 0644, NULL));
    check_ok(clade_file_put(&w, "size ????", 9, NULL));
    check_ok(clade_file_put(&w, " bytes", 6, NULL));
    check_ok(clade_file_patch(&w, 5, "0015", 4, NULL));
    check_ok(clade_file_keep(&w, NULL));
    clade_file_end(&w);
    check_content("size 0015 bytes");
}

static void what_was_not_kept_leaves_the_old_file_and_nothing_else(void **state)
{
    clade_file_writer w;
    (void)state;
    check_ok(clade_file_replace(path, "old", 3, 0644, NULL));
    check_ok(clade_file_begin(&w, path, 0644, NULL));
    check_ok(clade_file_put(&w, "half", 4, NULL));
    clade_file_end(&w);
    check_content("old");
}

static void a_full_disk_leaves_the_old_file_and_says_so(void **state)
{
    static char   much[1 << 16];
    clade_error   err = { 0 };
    struct rlimit was, small;
    void (*const before)(int) = signal(SIGXFSZ, SIG_IGN);
    (void)state;
    check_ok(clade_file_replace(path, "old", 3, 0644, NULL));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small          = was;
    small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const clade_status status = clade_file_replace(path, much, sizeof much, 0644, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    (void)signal(SIGXFSZ, before);
    assert_int_equal(status, CLADE_ERR_IO);
    assert_non_null(strstr(err.message, "no room is left on the disk"));
    check_content("old");
}

static void what_cannot_be_is_named(void **state)
{
    clade_error  err = { 0 };
    clade_buffer out = { 0 };
    char         inside[320], endless[CLADE_PATH_MAX + 8];
    (void)state;
    (void)snprintf(inside, sizeof inside, "%s/no/such/file", folder);
    assert_int_equal(clade_file_replace(inside, "x", 1, 0644, &err), CLADE_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "its folder does not exist"));
    assert_int_equal(clade_file_read(&out, inside, 10, &err), CLADE_ERR_NOT_FOUND);
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(clade_file_replace(endless, "x", 1, 0644, &err), CLADE_ERR_ARG);
    check_ok(clade_file_replace(path, "eleven byte", 11, 0644, &err));
    assert_int_equal(clade_file_read(&out, path, 10, &err), CLADE_ERR_DATA);
    clade_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_replaced_with_the_mode_that_was_asked_for),
        cmocka_unit_test(a_part_that_was_patched_comes_with_the_rest),
        cmocka_unit_test(what_was_not_kept_leaves_the_old_file_and_nothing_else),
        cmocka_unit_test(a_full_disk_leaves_the_old_file_and_says_so),
        cmocka_unit_test(what_cannot_be_is_named),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
