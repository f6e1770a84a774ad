/* Sequences hold what they were given, and say what does not hold. */
#include "check.h"

#include "clade/sequences.h"

/* Customers 17, 4 and 9 with 3, 0 and 2 events over 5 items. */
static clade_sequences *three_customers(void)
{
    clade_sequences *s = NULL;
    check_ok(clade_sequences_create(&s, 3, 5, 5, true, NULL));
    const int64_t  customer[3] = { 17, 4, 9 };
    const uint64_t start[4]    = { 0, 3, 3, 5 };
    const uint32_t item[5]     = { 2, 0, 5, 1, 2 };
    const int64_t  at_us[5]    = { -7, 30, 30, 11, 12 };
    memcpy(s->customer, customer, sizeof customer);
    memcpy(s->start, start, sizeof start);
    memcpy(s->item, item, sizeof item);
    memcpy(s->at_us, at_us, sizeof at_us);
    return s;
}

static void good_sequences_pass_the_check(void **state)
{
    (void)state;
    clade_sequences *s     = three_customers();
    uint32_t        *kind  = NULL;
    uint32_t        *brand = NULL;
    check_ok(clade_sequences_add_field(&kind, s, "kind", 3, NULL));
    check_ok(clade_sequences_add_item_field(&brand, s, "brand", 2, NULL));
    kind[4]  = 3;
    brand[5] = 2; /* item 5 has a place of its own */
    check_ok(clade_sequences_check(s, NULL));
    clade_sequences_free(s);
}

static void a_bad_value_is_named(void **state)
{
    (void)state;
    clade_error      err = { 0 };
    clade_sequences *s   = three_customers();
    s->item[2]           = 6;
    assert_int_equal(clade_sequences_check(s, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "item[2] is 6, wanted at most 5"));
    s->item[2]  = 5;
    s->at_us[2] = 29;
    assert_int_equal(clade_sequences_check(s, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "event 2 of customer 0"));
    s->at_us[2] = 30;
    s->start[1] = 4; /* then customer 1 would end before it begins */
    assert_int_equal(clade_sequences_check(s, &err), CLADE_ERR_DATA);
    s->start[1] = 3;
    check_ok(clade_sequences_check(s, &err));
    clade_sequences_free(s);
}

static void a_field_is_added_once_and_under_a_fitting_name(void **state)
{
    (void)state;
    clade_sequences *s     = three_customers();
    uint32_t        *value = NULL;
    check_ok(clade_sequences_add_field(&value, s, "kind", 3, NULL));
    assert_int_equal(clade_sequences_add_field(&value, s, "kind", 3, NULL), CLADE_ERR_ARG);
    assert_int_equal(clade_sequences_add_field(&value, s, "", 3, NULL), CLADE_ERR_ARG);
    assert_int_equal(
        clade_sequences_add_field(&value, s, "a name of more than thirty-one bytes", 3, NULL),
        CLADE_ERR_ARG);
    check_ok(clade_sequences_add_item_field(&value, s, "kind", 3, NULL)); /* another table */
    clade_sequences_free(s);
}

static void the_hash_sees_every_column_and_not_the_callers_numbers(void **state)
{
    (void)state;
    clade_sequences *s     = three_customers();
    uint32_t        *value = NULL;
    uint64_t         seen[6];
    seen[0]        = clade_sequences_hash(s);
    s->customer[0] = 99;
    assert_true(clade_sequences_hash(s) == seen[0]);
    s->item[0] = 3;
    seen[1]    = clade_sequences_hash(s);
    s->at_us[4] += 1;
    seen[2]     = clade_sequences_hash(s);
    s->start[1] = 2;
    seen[3]     = clade_sequences_hash(s);
    check_ok(clade_sequences_add_field(&value, s, "kind", 3, NULL));
    seen[4]  = clade_sequences_hash(s);
    value[0] = 1;
    seen[5]  = clade_sequences_hash(s);
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
    }
    clade_sequences_free(s);
}

static void histories_end_where_the_log_does_unless_somebody_says_otherwise(void **state)
{
    (void)state;
    clade_sequences *s = NULL, *without = NULL;
    check_ok(clade_sequences_create(&s, 2, 3, 4, true, NULL));
    s->start[1] = 2, s->start[2] = 3;
    s->at_us[0] = -9, s->at_us[1] = 77, s->at_us[2] = 41;
    const uint64_t before = clade_sequences_hash(s);
    assert_int_equal(clade_sequences_last_us(s), 77);
    check_ok(clade_sequences_add_until(s, NULL));
    assert_int_equal(s->until_us[0], 77);
    assert_int_equal(s->until_us[1], 77);
    assert_true(clade_sequences_hash(s) != before);
    s->until_us[1] = 50;
    check_ok(clade_sequences_add_until(s, NULL)); /* once only */
    assert_int_equal(s->until_us[1], 50);
    check_ok(clade_sequences_create(&without, 2, 3, 4, false, NULL));
    check_ok(clade_sequences_add_until(without, NULL));
    assert_null(without->until_us);
    assert_true(clade_sequences_last_us(without) == INT64_MIN);
    clade_sequences_free(s);
    clade_sequences_free(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_sequences_pass_the_check),
        cmocka_unit_test(a_bad_value_is_named),
        cmocka_unit_test(a_field_is_added_once_and_under_a_fitting_name),
        cmocka_unit_test(the_hash_sees_every_column_and_not_the_callers_numbers),
        cmocka_unit_test(histories_end_where_the_log_does_unless_somebody_says_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
