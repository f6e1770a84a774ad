/* The window of messages that came lately. */
#include "check.h"

#include "server/window.h"

static const uint64_t spread = 0x9e3779b97f4a7c15u;

static void a_key_is_known_until_twice_a_half_came_behind_it(void **state)
{
    (void)state;
    clade__window w;
    assert_true(clade__window_start(&w, 1000));
    for (uint64_t key = 1; key <= 5000; key++) {
        clade__window_add(&w, key * spread);
        for (uint64_t back = 0; back < 1000 && back < key; back += 111)
            assert_true(clade__window_has(&w, (key - back) * spread));
        if (key > 2000) assert_false(clade__window_has(&w, (key - 2000) * spread));
    }
    clade__window_stop(&w);
}

static void keys_that_share_their_low_bits_are_told_apart(void **state)
{
    (void)state;
    clade__window w;
    assert_true(clade__window_start(&w, 100000));
    for (uint64_t i = 1; i <= 20000; i++)
        clade__window_add(&w, i << 44);
    for (uint64_t i = 1; i <= 20000; i++) {
        assert_true(clade__window_has(&w, i << 44));
        assert_false(clade__window_has(&w, (i << 44) + 1));
    }
    assert_false(clade__window_has(&w, 0));
    clade__window_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_known_until_twice_a_half_came_behind_it),
        cmocka_unit_test(keys_that_share_their_low_bits_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
