/* Public logs: what is known of them (their README) comes out exactly. */
#include "check.h"

#include "clade/judge.h"

/* NULL after saying that the test is skipped. */
static clade_sequence_file *real(const char *relative, uint32_t min_item_count)
{
    char                              path[512];
    clade_sequence_file              *file = NULL;
    const clade_sequence_file_options o    = { min_item_count };
    clade_error                       err  = { 0 };
    if (check_data(path, relative) == NULL) return NULL;
    if (clade_sequence_file_read(&file, path, &o, &err) != CLADE_OK) fail_msg("%s", err.message);
    check_ok(clade_sequences_check(file->sequences, NULL));
    return file;
}

static void log_is(const clade_sequence_file *f, size_t customers, size_t events, uint32_t items)
{
    assert_int_equal(f->sequences->n_customers, customers);
    assert_int_equal(f->sequences->n_events, events);
    assert_int_equal(f->sequences->n_items, items);
    assert_int_equal(f->n_bad, 0);
}

static void cases_are(const clade_sequence_file *f, clade_protocol protocol,
                      const clade_split_options *o, size_t n_test)
{
    clade_split *split = NULL;
    clade_error  err   = { 0 };
    if (clade_split_make(&split, f, protocol, o, &err) != CLADE_OK) fail_msg("%s", err.message);
    assert_int_equal(split->test.n_cases, n_test);
    clade_split_free(split);
}

static void movielens_1m_has_two_forms(void **state)
{
    (void)state;
    clade_sequence_file *f = real("ml-1m/sequences.csv.zst", 0);
    if (f == NULL) skip();
    assert_string_equal(f->name, "ml-1m");
    log_is(f, 6040, 1000209, 3706);
    cases_are(f, CLADE_PROTOCOL_LOO, NULL, 6040);
    clade_sequence_file_free(f);
    f = real("ml-1m/sequences.csv.zst", 5);
    log_is(f, 6040, 999611, 3416);
    assert_int_equal(f->n_rare_items, 290);
    cases_are(f, CLADE_PROTOCOL_LOO, NULL, 6040);
    clade_sequence_file_free(f);
}

static void amazon_beauty_has_attributes(void **state)
{
    (void)state;
    clade_sequence_file *f = real("amazon-beauty/sequences.csv.zst", 0);
    if (f == NULL) skip();
    log_is(f, 22363, 198502, 12101);
    cases_are(f, CLADE_PROTOCOL_LOO, NULL, 22363);
    assert_true(f->sequences->n_item_fields >= 3);
    assert_string_equal(f->sequences->item_field[0].name, "attribute_1");
    /* Items 1 and 2 begin with 173, item 3 with 328: the first two values of the file's first
     * column, with 1 162 171 between them. */
    assert_int_equal(f->sequences->item_field[0].value[1], 1);
    assert_int_equal(f->sequences->item_field[0].value[2], 1);
    assert_int_equal(f->sequences->item_field[0].value[3], 5);
    clade_sequence_file_free(f);
}

static void sessions_have_the_published_number_of_prefixes(void **state)
{
    (void)state;
    clade_sequence_file *f = real("yoochoose-1-64/sessions.csv.zst", 0);
    if (f == NULL) skip();
    assert_int_equal(f->sequences->n_events, 557248);
    cases_are(f, CLADE_PROTOCOL_SESSIONS, NULL, 55898);
    clade_sequence_file_free(f);
    f = real("diginetica/sessions.csv.zst", 0);
    log_is(f, 202633, 982961, 43097);
    cases_are(f, CLADE_PROTOCOL_SESSIONS, NULL, 60858);
    clade_sequence_file_free(f);
    f = real("retailrocket-sessions/sessions.csv.zst", 0);
    log_is(f, 130903, 710586, 36968);
    assert_true(f->some_times && f->sequences->at_us == NULL); /* only the test part has them */
    const clade_split_options third = { .min_history = 2 };    /* as the origin scores */
    cases_are(f, CLADE_PROTOCOL_SESSIONS, &third, 15132);
    clade_sequence_file_free(f);
}

static void logs_with_times_split_in_time(void **state)
{
    (void)state;
    clade_sequence_file *f     = real("ml-100k/ratings.csv.zst", 0);
    clade_split         *split = NULL;
    if (f == NULL) skip();
    log_is(f, 943, 100000, 1682);
    check_ok(clade_split_make(&split, f, CLADE_PROTOCOL_TIME, NULL, NULL));
    assert_true(split->train_all->n_events <= 90000 && split->train_all->n_events > 89000);
    clade_split_free(split);
    clade_sequence_file_free(f);
    f = real("amazon-instruments-reviews/reviews.csv.zst", 0);
    log_is(f, 1429, 10261, 900);
    assert_non_null(f->sequences->at_us);
    clade_sequence_file_free(f);
}

static void baskets_are_read_in_both_forms(void **state)
{
    (void)state;
    clade_sequence_file *f = real("tafeng-baskets/baskets.csv.zst", 0);
    size_t               n = 0;
    if (f == NULL) skip();
    log_is(f, 13858, 571933, 11997);
    for (size_t c = 0; c < f->sequences->n_customers; c++)
        n += f->sequences->basket[f->sequences->start[c + 1] - 1];
    assert_int_equal(n, 91227);
    cases_are(f, CLADE_PROTOCOL_BASKET, NULL, 13858);
    clade_sequence_file_free(f);
    f = real("online-retail/transactions.csv.zst", 0);
    assert_int_equal(f->n_rows, 420817);
    assert_int_equal(f->n_no_customer, 135080);
    assert_non_null(f->sequences->basket);
    clade_sequence_file_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(movielens_1m_has_two_forms),
        cmocka_unit_test(amazon_beauty_has_attributes),
        cmocka_unit_test(sessions_have_the_published_number_of_prefixes),
        cmocka_unit_test(logs_with_times_split_in_time),
        cmocka_unit_test(baskets_are_read_in_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
