/* Files become sequences, splits ask what the protocols say, and nothing asked for can be seen. */
#include "check.h"

#include "clade/judge.h"
#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>

static clade_sequence_file *read_text(const char *text, uint32_t min_item_count)
{
    char                              folder[256], path[300];
    clade_sequence_file              *file = NULL;
    const clade_sequence_file_options o    = { min_item_count };
    clade_error                       err  = { 0 };
    check_folder_make(folder, "judge");
    snprintf(path, sizeof path, "%s/sequences.csv", folder);
    check_write(path, text, strlen(text));
    if (clade_sequence_file_read(&file, folder, &o, &err) != CLADE_OK) fail_msg("%s", err.message);
    check_folder_remove(folder);
    return file;
}

static void items_are(const clade_sequences *s, const uint32_t *item, size_t n)
{
    assert_int_equal(s->n_events, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(s->item[i], item[i]);
}

/* ---------------------------------------------------------------- files */

static void lists_of_items_are_numbered_by_first_appearance(void **state)
{
    (void)state;
    clade_sequence_file *f       = read_text("user_id,items\n17,b a b\nx,c\n4, a  c \n", 0);
    const uint32_t       item[6] = { 1, 2, 1, 3, 2, 3 };
    items_are(f->sequences, item, 6);
    assert_int_equal(f->sequences->n_customers, 3);
    assert_int_equal(f->sequences->n_items, 3);
    assert_int_equal(f->sequences->customer[0], 17);
    assert_int_equal(f->sequences->customer[2], 4);
    assert_int_equal(f->sequences->start[2], 4);
    assert_null(f->sequences->at_us);
    assert_null(f->held_out);
    check_ok(clade_sequences_check(f->sequences, NULL));
    clade_sequence_file_free(f);
}

static void single_events_are_put_in_order_of_time_and_ties_keep_the_files(void **state)
{
    (void)state;
    clade_sequence_file *f       = read_text("item_id,timestamp,user_id\n"
                                                   "p,300,1\nq,100,1\nr,100,1\ns,2000-01-01,2\nt,200,1\n",
                                             0);
    const uint32_t       item[5] = { 2, 3, 5, 1, 4 };
    items_are(f->sequences, item, 5);
    assert_true(f->sequences->at_us[0] == INT64_C(100000000));
    assert_true(f->sequences->at_us[4] == INT64_C(946684800000000));
    check_ok(clade_sequences_check(f->sequences, NULL));
    clade_sequence_file_free(f);
}

static void rare_items_are_left_out_and_counted(void **state)
{
    (void)state;
    clade_sequence_file *f       = read_text("user_id,items\n1,a b c\n2,d\n3,c a\n", 2);
    const uint32_t       item[4] = { 1, 2, 2, 1 };
    items_are(f->sequences, item, 4);
    assert_int_equal(f->sequences->n_customers, 2); /* 2 had nothing else */
    assert_int_equal(f->n_rare_items, 2);
    assert_int_equal(f->n_rare_events, 2);
    clade_sequence_file_free(f);
}

static void orders_become_baskets_and_what_cannot_count_is_counted(void **state)
{
    (void)state;
    clade_sequence_file *f =
        read_text("InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID\n"
                  "A1,x,2,2010-12-01 08:26:00,7\nA1,y,1,2010-12-01 08:26:00,7\n"
                  "C2,x,-2,2010-12-02 08:26:00,7\nA3,x,1,2010-12-03 08:26:00,7\n"
                  "A4,z,1,2010-12-03 08:26:00,\nA5,z,1,someday,7\nA6,,1,2010-12-03 08:26:00,8\n",
                  0);
    const uint32_t item[3] = { 1, 2, 1 };
    items_are(f->sequences, item, 3);
    assert_int_equal(f->sequences->basket[0], 1);
    assert_int_equal(f->sequences->basket[1], 1);
    assert_int_equal(f->sequences->basket[2], 2);
    assert_int_equal(f->n_returned, 1);
    assert_int_equal(f->n_no_customer, 1);
    assert_int_equal(f->n_bad, 2);
    clade_sequence_file_free(f);
}

static void a_header_without_customers_is_refused_by_name(void **state)
{
    (void)state;
    char                 folder[256], path[300];
    clade_sequence_file *f   = NULL;
    clade_error          err = { 0 };
    check_folder_make(folder, "judge");
    snprintf(path, sizeof path, "%s/x.csv", folder);
    check_write(path, "colour,items\n1,2 3\n", 19);
    assert_int_equal(clade_sequence_file_read(&f, path, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "x.csv: the header names no column of customers"));
    assert_int_equal(clade_sequence_file_read(&f, folder, NULL, &err), CLADE_ERR_NOT_FOUND);
    check_folder_remove(folder);
    assert_null(f);
}

/* ---------------------------------------------------------------- splits */

static clade_split *split_of(const clade_sequence_file *file, clade_protocol protocol)
{
    clade_split *split = NULL;
    clade_error  err   = { 0 };
    if (clade_split_make(&split, file, protocol, NULL, &err) != CLADE_OK) {
        fail_msg("%s", err.message);
    }
    return split;
}

static void case_is(const clade_case *one, uint32_t customer, uint32_t target, uint64_t end)
{
    assert_int_equal(one->customer, customer);
    assert_int_equal(one->target, target);
    assert_int_equal(one->end, end);
}

static void leave_one_out_asks_for_the_last_and_validates_on_the_one_before(void **state)
{
    (void)state;
    clade_sequence_file *f        = read_text("user_id,items\n1,a b c d\n2,a b\n3,b c a\n", 0);
    clade_split         *s        = split_of(f, CLADE_PROTOCOL_LOO);
    const uint32_t       train[5] = { 1, 2, 1, 2, 2 }, train_all[7] = { 1, 2, 3, 1, 2, 2, 3 };
    items_are(s->train, train, 5);
    items_are(s->train_all, train_all, 7);
    assert_int_equal(s->validation.n_cases, 2);
    assert_int_equal(s->test.n_cases, 2);
    case_is(&s->validation.cases[0], 0, 3, 2);
    case_is(&s->test.cases[0], 0, 4, 3);
    case_is(&s->validation.cases[1], 2, 3, 7);
    case_is(&s->test.cases[1], 2, 1, 8);
    assert_int_equal(s->test.n_new, 1); /* d is nowhere else */
    assert_true(s->unseen);
    clade_split_free(s);
    clade_sequence_file_free(f);
}

static void sessions_ask_after_every_prefix_of_what_is_held_out(void **state)
{
    (void)state;
    char text[2000] = "session_id,split,items\n";
    for (int i = 0; i < 20; i++)
        snprintf(text + strlen(text), 40, "%d,train,a b a\n", i);
    snprintf(text + strlen(text), 60, "20,test,b c a\n21,test,c\n");
    clade_sequence_file *f = read_text(text, 0);
    clade_split         *s = split_of(f, CLADE_PROTOCOL_SESSIONS);
    assert_int_equal(s->validation.n_cases, 4); /* the last two of twenty, two prefixes each */
    case_is(&s->validation.cases[0], 18, 2, 55);
    assert_int_equal(s->test.n_cases, 2);
    case_is(&s->test.cases[0], 20, 3, 61);
    case_is(&s->test.cases[1], 20, 1, 62);
    assert_int_equal(s->train->n_events, 54);
    assert_int_equal(s->train_all->n_events, 60);
    assert_int_equal(s->train->n_customers, 22); /* numbers stay; those held out are empty */
    check_close(s->validation.repeated, 0.5, 0.0);
    assert_false(s->unseen);
    clade_split_free(s);
    clade_sequence_file_free(f);
}

static void a_split_in_time_cuts_all_customers_at_one_moment(void **state)
{
    (void)state;
    char text[2000] = "user_id,item_id,timestamp\n";
    for (int i = 0; i < 20; i++) /* two customers by turns, one event a second */
        snprintf(text + strlen(text), 40, "%d,i%d,%d\n", i % 2, i, 1000 + i);
    snprintf(text + strlen(text), 40, "9,late,1019\n");
    clade_sequence_file *f = read_text(text, 0);
    clade_split         *s = split_of(f, CLADE_PROTOCOL_TIME);
    /* 21 events: the cuts are at the moments of rank 16 and 18: 1016 and 1018. */
    assert_true(s->validation.now_us == INT64_C(1016000000));
    assert_true(s->test.now_us == INT64_C(1018000000));
    assert_int_equal(s->train->n_events, 16);
    assert_int_equal(s->train_all->n_events, 18);
    assert_int_equal(s->validation.n_cases, 2);
    assert_int_equal(s->test.n_cases, 2); /* 9 was not known before */
    case_is(&s->test.cases[0], 0, 19, 9);
    assert_true(s->validation.cases[0].at_us == s->validation.now_us);
    assert_true(s->test.cases[0].at_us == s->test.now_us);
    assert_true(s->train->until_us[0] <= s->validation.now_us);
    clade_split_free(s);
    clade_sequence_file_free(f);
}

static void a_basket_is_asked_for_when_the_one_before_is_over(void **state)
{
    (void)state;
    clade_sequence_file *f     = read_text("CustomerID,StockCode,InvoiceNo,InvoiceDate,Quantity\n"
                                               "1,a,10,2011-01-01 10:00:00,1\n"
                                               "1,b,11,2011-01-01 10:20:00,1\n"
                                               "1,c,12,2011-01-05 09:00:00,1\n",
                                           0);
    clade_split         *s     = split_of(f, CLADE_PROTOCOL_BASKET);
    const int64_t       *at_us = f->sequences->at_us;
    assert_true(s->validation.cases[0].at_us == at_us[1]); /* 20 minutes later, not an hour */
    assert_true(s->test.cases[0].at_us == at_us[1] + CLADE_US_PER_HOUR);
    assert_true(s->train_all->until_us[0] == at_us[1]);
    clade_split_free(s);
    clade_sequence_file_free(f);
}

static void baskets_ask_for_the_last_one_whole(void **state)
{
    (void)state;
    clade_sequence_file *f =
        read_text("user_id,basket_no,items\n1,1,a b\n1,2,c\n1,3,b d b\n2,1,a\n2,2,c a\n3,1,a\n", 0);
    clade_split *s = split_of(f, CLADE_PROTOCOL_BASKET);
    assert_int_equal(s->validation.n_cases, 1);
    case_is(&s->validation.cases[0], 0, 3, 2);
    assert_int_equal(s->test.n_cases, 2);
    case_is(&s->test.cases[0], 0, 2, 3);
    case_is(&s->test.cases[1], 1, 3, 7);
    assert_int_equal(s->test.targets->start[1], 2); /* b once, d */
    assert_int_equal(s->test.targets->start[2], 4);
    assert_int_equal(s->test.targets->item[1], 4);
    const uint32_t train[4] = { 1, 2, 1, 1 }, train_all[5] = { 1, 2, 3, 1, 1 };
    items_are(s->train, train, 4);
    items_are(s->train_all, train_all, 5);
    const uint32_t basket[5] = { 1, 1, 2, 1, 1 };
    assert_memory_equal(s->train_all->basket, basket, sizeof basket);
    clade_split_free(s);
    clade_sequence_file_free(f);
}

static void what_a_protocol_needs_and_the_log_lacks_is_named(void **state)
{
    (void)state;
    clade_sequence_file *f       = read_text("user_id,items\n1,a b c d\n2,a b\n", 0);
    clade_split         *s       = NULL;
    clade_error          err     = { 0 };
    const char *const    want[4] = { "", "a column split", "a moment of every event", "baskets" };
    for (int p = CLADE_PROTOCOL_SESSIONS; p < CLADE_N_PROTOCOL; p++) {
        assert_int_equal(clade_split_make(&s, f, (clade_protocol)p, NULL, &err), CLADE_ERR_DATA);
        assert_non_null(strstr(err.message, want[p]));
    }
    assert_null(s);
    clade_sequence_file_free(f);
    f = read_text("user_id,items\n1,a b\n2,a b\n", 0);
    assert_int_equal(clade_split_make(&s, f, CLADE_PROTOCOL_LOO, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "leaves 0 validation and 0 test cases"));
    clade_sequence_file_free(f);
}

/* ---------------------------------------------------------------- judging */

/* Knows the answer for even customers, and ranks it last for odd ones. */
static clade_status half_right(void *self, float *out, const clade_sequences *s,
                               const clade_case *cases, size_t n_cases, clade_error *err)
{
    size_t *const asked = self;
    (void)err;
    for (size_t i = 0; i < n_cases; i++) {
        float *const row = out + i * ((size_t)s->n_items + 1);
        for (uint32_t item = 0; item <= s->n_items; item++)
            row[item] = 0.0f;
        row[cases[i].target] = cases[i].customer % 2 == 0 ? 1.5f : -1.5f;
    }
    *asked += n_cases;
    return CLADE_OK;
}

static void a_scorer_is_asked_every_case_once(void **state)
{
    (void)state;
    char text[9000] = "user_id,items\n";
    for (int i = 0; i < 101; i++)
        snprintf(text + strlen(text), 80, "%d,a%d b c d e f g h i j k l\n", i, i % 7);
    clade_sequence_file      *f      = read_text(text, 0);
    clade_split              *s      = split_of(f, CLADE_PROTOCOL_LOO);
    size_t                    asked  = 0;
    const clade_scorer        scorer = { "half-right", &asked, half_right };
    clade_judgement           j;
    double                    each[101], sum = 0;
    const clade_judge_options o = { .n_draws = 50, .lists = true, .out_ndcg_10 = each };
    check_ok(clade_judge_run(&j, &scorer, s, &s->test, &o, NULL));
    assert_int_equal(asked, 101);
    assert_true(s->unseen);
    for (size_t i = 0; i < 101; i++) { /* first, or last of the seven that are not in the history */
        check_close(each[i], each[i] > 0.5 ? 1 : 1 / log2(7 + 1), 1e-14);
        sum += each[i];
    }
    check_close(sum / 101, clade_judgement_main(&j, s)->ndcg[1].value, 1e-14);
    check_close(j.all.hit[0].value, 51.0 / 101, 1e-14);
    /* l of eighteen items is last; ten others are in the history. */
    check_close(j.all.mrr.value, (51.0 + 50.0 / 18) / 101, 1e-14);
    check_close(j.unseen.mrr.value, (51.0 + 50.0 / 7) / 101, 1e-14);
    assert_true(j.all.mrr.low < j.all.mrr.value && j.all.mrr.value < j.all.mrr.high);
    assert_true(j.all.coverage_10 > 0.0);
    const clade_judge_options few = { .max_cases = 10 };
    asked                         = 0;
    check_ok(clade_judge_run(&j, &scorer, s, &s->test, &few, NULL));
    assert_int_equal(asked, 10);
    assert_true(isnan(j.all.mrr.low));
    clade_split_free(s);
    clade_sequence_file_free(f);
}

/* ---------------------------------------------------------------- leaks */

/* A log whose customers all have times, sessions and baskets, so that every protocol applies. */
static clade_sequence_file *every_kind(void)
{
    char *const text = calloc(1, 1 << 20);
    size_t      n    = 0;
    clade_rng   rng  = clade_rng_stream(8, "test/leak", 0);
    n += (size_t)sprintf(text, "user_id,basket_no,split,timestamp,item_id\n");
    for (int c = 0; c < 60; c++) {
        for (int e = 0; e < 12; e++) {
            n += (size_t)sprintf(text + n, "%d,%d,%s,%d,i%d\n", c, e / 2, c < 50 ? "train" : "test",
                                 1000 * e + (int)clade_rng_below(&rng, 1000),
                                 (int)clade_rng_below(&rng, 40));
        }
    }
    clade_sequence_file *f = read_text(text, 0);
    free(text);
    return f;
}

/* Whatever comes at or after the first thing that is asked of a customer changes no training event.
 */
static void events_that_are_asked_for_are_in_no_training_log(void **state)
{
    (void)state;
    for (int p = 0; p < CLADE_N_PROTOCOL; p++) {
        clade_sequence_file   *f     = every_kind();
        clade_split           *clean = split_of(f, (clade_protocol)p), *poisoned = NULL;
        clade_sequences *const s         = f->sequences;
        const uint64_t         train     = clade_sequences_hash(clean->train);
        const uint64_t         train_all = clade_sequences_hash(clean->train_all);

        for (size_t i = 0; i < clean->test.n_cases; i++) { /* from the first test event on */
            const clade_case one = clean->test.cases[i];
            for (uint64_t e = one.end; e < s->start[one.customer + 1]; e++)
                s->item[e] = 1 + s->item[e] % s->n_items;
        }
        poisoned = split_of(f, (clade_protocol)p);
        assert_true(clade_sequences_hash(poisoned->train) == train);
        assert_true(clade_sequences_hash(poisoned->train_all) == train_all);
        assert_true(poisoned->hash != clean->hash);
        clade_split_free(poisoned);

        for (size_t i = 0; i < clean->validation.n_cases;
             i++) { /* and the first validation event */
            const clade_case one = clean->validation.cases[i];
            for (uint64_t e = one.end; e < s->start[one.customer + 1]; e++)
                s->item[e] = 1 + s->item[e] % s->n_items;
        }
        poisoned = split_of(f, (clade_protocol)p);
        assert_true(clade_sequences_hash(poisoned->train) == train);
        assert_true(clade_sequences_hash(poisoned->train_all) != train_all);
        clade_split_free(poisoned);
        clade_split_free(clean);
        clade_sequence_file_free(f);
    }
}

static void no_training_event_of_a_split_in_time_is_at_or_after_the_cut(void **state)
{
    (void)state;
    clade_sequence_file *f = every_kind();
    clade_split         *s = split_of(f, CLADE_PROTOCOL_TIME);
    for (size_t e = 0; e < s->train->n_events; e++)
        assert_true(s->train->at_us[e] < s->validation.now_us);
    for (size_t e = 0; e < s->train_all->n_events; e++)
        assert_true(s->train_all->at_us[e] < s->test.now_us);
    clade_split_free(s);
    clade_sequence_file_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_items_are_numbered_by_first_appearance),
        cmocka_unit_test(single_events_are_put_in_order_of_time_and_ties_keep_the_files),
        cmocka_unit_test(rare_items_are_left_out_and_counted),
        cmocka_unit_test(orders_become_baskets_and_what_cannot_count_is_counted),
        cmocka_unit_test(a_header_without_customers_is_refused_by_name),
        cmocka_unit_test(leave_one_out_asks_for_the_last_and_validates_on_the_one_before),
        cmocka_unit_test(sessions_ask_after_every_prefix_of_what_is_held_out),
        cmocka_unit_test(a_split_in_time_cuts_all_customers_at_one_moment),
        cmocka_unit_test(a_basket_is_asked_for_when_the_one_before_is_over),
        cmocka_unit_test(baskets_ask_for_the_last_one_whole),
        cmocka_unit_test(what_a_protocol_needs_and_the_log_lacks_is_named),
        cmocka_unit_test(a_scorer_is_asked_every_case_once),
        cmocka_unit_test(events_that_are_asked_for_are_in_no_training_log),
        cmocka_unit_test(no_training_event_of_a_split_in_time_is_at_or_after_the_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
