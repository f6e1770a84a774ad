/* Keys to a workspace. */
#include "check.h"

#include "clade/access.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char         folder[256], workspace[300];
static clade_store *store;

static int setup(void **state)
{
    (void)state;
    const clade_store_options options = { .create = true, .memory_bytes = 256 << 20 };
    check_folder_make(folder, "keys");
    snprintf(workspace, sizeof workspace, "%s/w.clade", folder);
    return clade_store_open(&store, workspace, &options, NULL) == CLADE_OK ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    clade_store_close(store);
    check_folder_remove(folder);
    return 0;
}

static void a_key_opens_after_the_ring_is_read_again(void **state)
{
    (void)state;
    clade_error    err  = { 0 };
    clade_keyring *ring = NULL;
    char           read_key[CLADE_KEY_SECRET], write_key[CLADE_KEY_SECRET];
    check_ok(clade_keyring_open(&ring, store, &err));
    const size_t before = clade_keyring_n(ring);
    check_ok(clade_keyring_make(read_key, ring, CLADE_ROLE_READ, &err));
    check_ok(clade_keyring_make(write_key, ring, CLADE_ROLE_WRITE, &err));
    assert_string_not_equal(read_key, write_key);
    clade_keyring_free(ring);

    check_ok(clade_keyring_open(&ring, store, &err));
    assert_int_equal(clade_keyring_n(ring), before + 2);
    const int found = clade_keyring_find(ring, clade_text_of(read_key));
    assert_int_equal(found, (int)before);
    assert_int_equal(clade_keyring_get(ring, (size_t)found)->role, CLADE_ROLE_READ);
    read_key[20] ^= 1;
    assert_int_equal(clade_keyring_find(ring, clade_text_of(read_key)), -1);
    assert_int_equal(clade_keyring_find(ring, (clade_text){ NULL, 0 }), -1);
    clade_keyring_free(ring);
}

static void a_revoked_key_opens_nothing(void **state)
{
    (void)state;
    clade_error    err  = { 0 };
    clade_keyring *ring = NULL;
    char           key[CLADE_KEY_SECRET];
    check_ok(clade_keyring_open(&ring, store, &err));
    check_ok(clade_keyring_make(key, ring, CLADE_ROLE_ADMIN, &err));
    const int at = clade_keyring_find(ring, clade_text_of(key));
    assert_true(at >= 0);
    check_ok(clade_keyring_revoke(ring, clade_keyring_get(ring, (size_t)at)->id, &err));
    assert_int_equal(clade_keyring_find(ring, clade_text_of(key)), -1);
    assert_int_equal(clade_keyring_revoke(ring, "nobody", &err), CLADE_ERR_NOT_FOUND);
    clade_keyring_free(ring);
}

static void the_file_tells_no_key_and_nobody_else_may_read_it(void **state)
{
    (void)state;
    clade_error    err  = { 0 };
    clade_keyring *ring = NULL;
    char           key[CLADE_KEY_SECRET], out[200], path[400];
    struct stat    about;
    check_ok(clade_keyring_open(&ring, store, &err));
    check_ok(clade_keyring_make(key, ring, CLADE_ROLE_READ, &err));
    clade_keyring_free(ring);
    assert_int_not_equal(check_run(out, sizeof out, "grep -r '%s' '%s'", key + 11, workspace), 0);
    snprintf(path, sizeof path, "%s/keys/access", workspace);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void a_damaged_file_is_an_error_and_not_an_open_door(void **state)
{
    (void)state;
    clade_error    err  = { 0 };
    clade_keyring *ring = NULL;
    char           path[400];
    snprintf(path, sizeof path, "%s/keys/access", workspace);
    check_write(path, "{\"version\":1", 12);
    assert_int_equal(clade_keyring_open(&ring, store, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "keys/access"));
    assert_null(ring);
    check_write(path, "{\"salt\":\"12\",\"keys\":[]}", 22);
    assert_int_equal(clade_keyring_open(&ring, store, &err), CLADE_ERR_DATA);
    assert_int_equal(remove(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_opens_after_the_ring_is_read_again),
        cmocka_unit_test(a_revoked_key_opens_nothing),
        cmocka_unit_test(the_file_tells_no_key_and_nobody_else_may_read_it),
        cmocka_unit_test(a_damaged_file_is_an_error_and_not_an_open_door),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
