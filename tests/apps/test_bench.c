/* clade bench sequence: the figures of a small log, and words for what cannot be judged. */
#include "run_binary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 60 customers who all walk a, b, c, ... from a place of their own: what comes next is certain. */
static void write_log(void)
{
    char path[400], text[6000] = "user_id,items\n";
    for (int c = 0; c < 60; c++) {
        snprintf(text + strlen(text), 40, "%d,", c);
        for (int e = 0; e < 6; e++)
            snprintf(text + strlen(text), 8, "i%d ", (c + e) % 30);
        strcat(text, "\n");
    }
    snprintf(path, sizeof path, "%s/walk.csv", run_folder);
    check_write(path, text, strlen(text));
}

static void the_answer_has_the_keys_that_scripts_rely_on(void **state)
{
    (void)state;
    write_log();
    const answer *got = run_clade("", "bench sequence walk.csv --protocol loo --json --seed 7");
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "protocol"), "loo");
    assert_string_equal(run_text(got, "ranking"), "unseen");
    assert_string_equal(run_text(got, "ties"), "expectation");
    assert_int_equal(strlen(run_text(got, "split_hash")), 16);
    check_close(run_number(got, "n_users"), 60, 0.0);
    check_close(run_number(got, "n_items"), 30, 0.0);
    check_close(run_number(got, "n_test"), 60, 0.0);
    check_close(run_number(got, "seed"), 7, 0.0);
    check_close(run_number(got, "baselines/markov/unseen/hr_5/value"), 1.0, 0.0);
    check_close(run_number(got, "baselines/markov/all/mrr/value"), 1.0, 0.0);
    check_close(run_number(got, "metrics/unseen/ndcg_10/low"), 1.0, 0.0);
    /* Every item is as common as any other: one of the 25 that are not in the history. */
    check_close(run_number(got, "baselines/popular/unseen/hr_5/value"), 5.0 / 25, 1e-9);
}

/* The one column is the answer: the rule has it, and it is named as a suspect. */
static void a_column_of_yes_and_no_is_told_and_leaks_are_named(void **state)
{
    (void)state;
    char path[400], text[6000] = "who,amount,churn\n";
    for (int i = 0; i < 200; i++)
        snprintf(text + strlen(text), 30, "%d,%d,%s\n", i, i % 7, i % 7 > 4 ? "Yes" : "No");
    snprintf(path, sizeof path, "%s/churn.csv", run_folder);
    check_write(path, text, strlen(text));
    const answer *got = run_clade(
        "", "bench table churn.csv --target churn --model rule --folds 2 --repeats 1 --json");
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "positive"), "Yes");
    assert_non_null(strstr(strstr(got->out, "\"identifiers\""), "\"who\""));
    assert_non_null(strstr(strstr(got->out, "\"suspect_leaks\""), "\"amount\""));
    check_close(run_number(got, "models/rule/auc/value"), 1.0, 0.0);
    check_close(run_number(got, "n_positive"), 56, 0.0); /* 28 weeks of 7, and 4 days: 2 a week */
    got = run_clade("", "bench table churn.csv --target chrun");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean churn?"));
    got = run_clade("", "bench table churn.csv");
    assert_int_equal(got->code, 2);
}

static void the_table_says_how_it_was_judged(void **state)
{
    (void)state;
    write_log();
    const answer *got = run_clade("", "bench sequence walk.csv --model markov --model popular");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "60 customers, 30 items, 360 events; 60 test cases, split "));
    assert_non_null(strstr(got->out, "ties by expectation"));
    assert_non_null(strstr(got->out, "markov   1.0000"));
    assert_null(strstr(got->out, "item-knn"));
    got = run_clade("", "bench sequence walk.csv --model markov --lang zh");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "60 位客户"));
}

static void what_cannot_be_judged_is_said_in_words(void **state)
{
    (void)state;
    write_log();
    const answer *got = run_clade("", "bench sequence walk.csv --model markof");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean markov?"));
    got = run_clade("", "bench sequence walk.csv --protocol sesions");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean sessions?"));
    got = run_clade("", "bench sequence walk.csv --protocol time");
    assert_int_equal(got->code, 3);
    assert_non_null(strstr(got->err, "needs a moment of every event"));
    got = run_clade("", "bench sequence nowhere.csv");
    assert_int_equal(got->code, 1);
    assert_non_null(strstr(got->err, "nowhere.csv: there is no such file or folder"));
    got = run_clade("", "bench sequense walk.csv");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean sequence?"));
    got = run_clade("", "bench sequence walk.csv --model popular-7d");
    assert_int_equal(got->code, 3);
    assert_non_null(strstr(got->err, "none of the models can be fitted"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_has_the_keys_that_scripts_rely_on),
        cmocka_unit_test(a_column_of_yes_and_no_is_told_and_leaks_are_named),
        cmocka_unit_test(the_table_says_how_it_was_judged),
        cmocka_unit_test(what_cannot_be_judged_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, run_setup, run_teardown);
}
