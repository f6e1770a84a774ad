/* Every allocation of the store fails once: each time a sentence, never a crash, and a workspace
 * that opens again with nothing half done. (The engine's own memory has a limit instead:
 * test_crash.) */
#include "check.h"
#include "clade/run.h"
#include "clade/store.h"

#include <stdlib.h>

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

static char        folder[256];
static char        path[300];
static clade_error err;

static const clade_store_options making = { .create       = true,
                                            .n_threads    = 1,
                                            .memory_bytes = 256 << 20 };

/* A bit of everything. Whatever happens, all handles are given back. */
static clade_status use_the_store(void)
{
    clade_store    *store    = NULL;
    clade_appender *appender = NULL;
    clade_rows     *rows     = NULL;
    clade_run      *run      = NULL;
    clade_buffer    sealed = { 0 }, open = { 0 }, receipt = { 0 };
    clade_chunk     chunk;
    int64_t         customer, n;
    clade_status    status;

    status = clade_store_open(&store, path, &making, &err);
    if (status != CLADE_OK) goto done;
    status = clade_run_begin(&run, store, "load", 1, &err);
    if (status != CLADE_OK) goto done;
    clade_run_note(run, "file", "orders.csv");
    status = clade_store_begin(store, &err);
    if (status != CLADE_OK) goto done;
    status = clade_identity_intern(&customer, store, CLADE_TEXT("anna"), &err);
    if (status != CLADE_OK) goto done;
    status = clade_identity_intern(&customer, store, CLADE_TEXT("bruno"), &err);
    if (status != CLADE_OK) goto done;
    status = clade_appender_open(&appender, store, "label", &err);
    if (status != CLADE_OK) goto done;
    ((int64_t *)clade_appender_column(appender, 0))[0] = customer;
    clade_appender_null(appender, 1, 0);
    clade_appender_text(appender, 2, 0, CLADE_TEXT("a label of many letters"));
    ((double *)clade_appender_column(appender, 3))[0] = 2.385;
    clade_appender_null(appender, 4, 0);
    ((int64_t *)clade_appender_column(appender, 5))[0] = 1;
    status                                             = clade_appender_flush(appender, 1, &err);
    if (status != CLADE_OK) goto done;
    status = clade_appender_finish(appender, &err);
    if (status != CLADE_OK) goto done;
    status = clade_store_commit(store, &err);
    if (status != CLADE_OK) goto done;
    status = clade_identity_seal(&sealed, store, 0, CLADE_TEXT("Anna"), &err);
    if (status != CLADE_OK) goto done;
    status = clade_identity_unseal(&open, store, 0, (clade_text){ sealed.data, sealed.size }, &err);
    if (status != CLADE_OK) goto done;
    status = clade_store_query(
        &rows, store, "SELECT range, 'purchase'::event_kind FROM range(9000)", NULL, 0, &err);
    if (status != CLADE_OK) goto done;
    status = clade_rows_next(&chunk, rows, &err);
    if (status != CLADE_OK) goto done;
    status = clade_store_int(&n, store, "SELECT count(*) FROM label", NULL, 0, 0, &err);
    if (status != CLADE_OK) goto done; /* the rest of `rows` was kept in memory for this */
    do {
        status = clade_rows_next(&chunk, rows, &err);
        if (status != CLADE_OK) goto done;
    } while (chunk.n_rows > 0);
    status = clade_identity_forget(&receipt, store, CLADE_TEXT("bruno"), &err);
    if (status != CLADE_OK) goto done;
    status = clade_run_finish(run, &err);
done:
    clade_rows_close(rows);
    clade_appender_close(appender);
    clade_run_free(run);
    clade_buffer_free(&sealed);
    clade_buffer_free(&open);
    clade_buffer_free(&receipt);
    clade_store_close(store);
    return status;
}

static void every_allocation_may_fail_once(void **state)
{
    (void)state;
    int n_failed = 0;
    for (long k = 0;; k++) {
        check_folder_make(folder, "alloc");
        snprintf(path, sizeof path, "%s/my.clade", folder);
        err                       = (clade_error){ 0 };
        n_until_failure           = k;
        const clade_status status = use_the_store();
        const bool         used   = n_until_failure < 0;
        n_until_failure           = -1;
        if (status != CLADE_OK) {
            n_failed++;
            if (status != CLADE_ERR_NOMEM || err.message[0] == '\0')
                fail_msg("allocation %ld: %s: %s", k, clade_status_name(status), err.message);
        }
        /* Whatever broke, the same work succeeds now on the same workspace. */
        if (use_the_store() != CLADE_OK) fail_msg("after allocation %ld: %s", k, err.message);
        check_folder_remove(folder);
        if (!used) break;
    }
    assert_true(n_failed > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
