/* Every allocation fails once: each time a sentence, never a crash, and the old file stays. */
#include "tensor_files.h"

#include <unistd.h>

static long n_until_failure = -1; /* counts down; at 0 one allocation fails */

static int fails_now(void)
{
    return n_until_failure >= 0 && n_until_failure-- == 0;
}

/* The linker sends the allocations of our own code here (-Wl,--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

static clade_error err;

static clade_status write_and_read(const char *path)
{
    const float               x[6]   = { 0.5f, -2.385f, 7.25f, 1e-3f, 3.5f, -0.125f };
    float                     out[6] = { 0 };
    clade_tensors            *file   = NULL;
    const clade_tensor_source all[2] = { { "a", CLADE_TENSOR_F32, 2, { 2, 3 }, x },
                                         { "b", CLADE_TENSOR_I8, 2, { 2, 3 }, x } };
    const clade_tensor_note   note   = { "se\"ed", "7" };
    CLADE_TRY(clade_tensors_write(path, all, 2, &note, 1, &err));
    CLADE_TRY(clade_tensors_open(&file, path, &err));
    const clade_status status =
        clade_tensors_read_floats(out, file, "b", (uint64_t[]){ 2, 3 }, 2, &err);
    clade_tensors_close(file);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char folder[256], path[300], beside[320];
    long n = 0;
    check_folder_make(folder, "tensors-alloc");
    snprintf(path, sizeof path, "%s/model", folder);
    snprintf(beside, sizeof beside, "%s.new", path);
    check_ok(write_and_read(path));
    for (;; n++) {
        clade_tensors *file        = NULL;
        err                        = (clade_error){ 0 };
        n_until_failure            = n;
        const clade_status status  = write_and_read(path);
        const bool         reached = n_until_failure < 0;
        n_until_failure            = -1;
        if (!reached) break; /* it succeeded without so many allocations */
        assert_int_equal(status, CLADE_ERR_NOMEM);
        assert_true(err.message[0] != '\0');
        assert_int_not_equal(access(beside, F_OK), 0);
        check_ok(clade_tensors_open(&file, path, &err));
        clade_tensors_close(file);
    }
    if (n < 8) fail_msg("only %ld allocations were counted", n);
    check_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
