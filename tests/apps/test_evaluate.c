/* The scorecard, the model card and a customer's scores as a user meets them, on the demo shop. */
#include "run_binary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char customer[64];

static int setup(void **state)
{
    char path[512], line[2048];
    if (run_setup(state) != 0) return -1;
    if (run_clade("", "demo shop --customers 1500")->code != 0) return -1;
    if (run_clade("", "load my.clade shop/*.csv")->code != 0) return -1;
    snprintf(path, sizeof path, "%s/shop/orders.csv", run_folder);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    char *read = NULL;
    while ((read = fgets(line, sizeof line, file)) != NULL) /* the customer of the last order */
        if (sscanf(line, "%*[^,],%*[^,],%63[^,]", customer) != 1) continue;
    fclose(file);
    return customer[0] == '\0' ? -1 : 0;
}

static void a_shop_without_fits_gets_its_own_figures(void **state)
{
    (void)state;
    const answer *got = run_clade("", "evaluate my.clade --json");
    assert_int_equal(got->code, 0);
    assert_true(run_number(got, "business/sales/now/value") > 0);
    assert_true(run_number(got, "business/conversion/now/low") <
                run_number(got, "business/conversion/now/value"));
    assert_true(isnan(run_number(got, "coverage/answered")));
    assert_non_null(strstr(run_text(got, "next"), "predict my.clade"));
}

static void satisfaction_comes_from_the_reviews_and_campaigns_have_a_total(void **state)
{
    (void)state;
    const answer *got = run_clade("", "evaluate my.clade --json --margin 0.25");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "\"question\""));
    const double gained = run_number(got, "campaigns_total/revenue_gained/value");
    check_close(run_number(got, "campaigns_total/profit"),
                0.25 * gained - run_number(got, "campaigns_total/cost"),
                1e-6 * fabs(gained) + 1e-6);
    assert_true(run_number(got, "campaigns_total/profit_low") <
                run_number(got, "campaigns_total/profit_high"));
    got = run_clade("", "evaluate my.clade --lang zh");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "满意度"));
    assert_non_null(strstr(got->out, "合计"));
}

static void money_is_asked_for_whole_or_not_at_all(void **state)
{
    (void)state;
    const answer *got = run_clade("", "predict my.clade purchase --margin 0.3 --contact-cost 1");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "--save-rate is missing"));
    got = run_clade("", "predict my.clade purchase --margin 0 --contact-cost 1 --save-rate 0.2");
    assert_int_equal(got->code, 2);
}

static void a_fit_in_money_names_the_threshold_that_pays(void **state)
{
    (void)state;
    const answer *got = run_clade("", "predict my.clade purchase --margin 0.3 --contact-cost 1 "
                                      "--save-rate 0.5 --as-of 2024-09-01");
    if (got->code != 0) fail_msg("%s", got->err);
    assert_non_null(strstr(got->out, "Whom to contact"));
    got = run_clade("", "explain my.clade purchase-30d --card --json");
    assert_int_equal(got->code, 0);
    const double n = run_number(got, "card/profit/true_positive") +
                     run_number(got, "card/profit/false_positive") +
                     run_number(got, "card/profit/true_negative") +
                     run_number(got, "card/profit/false_negative");
    check_close(n, run_number(got, "card/n_judged"), 0);
    assert_true(run_number(got, "card/profit/a_customer") >=
                run_number(got, "card/profit/a_customer_when_all"));
    assert_non_null(strstr(got->out, "## Not to be used"));
}

static void the_model_card_is_printed_in_both_languages_and_kept_in_english(void **state)
{
    (void)state;
    struct stat what;
    char        path[512];
    snprintf(path, sizeof path, "%s/my.clade/models/predict/purchase-30d/card.md", run_folder);
    assert_int_equal(stat(path, &what), 0);
    const answer *got = run_clade("", "explain my.clade purchase-30d --card");
    assert_int_equal(got->code, 0);
    assert_true((off_t)strlen(got->out) == what.st_size);
    assert_non_null(strstr(got->out, "| lowest third of spend so far |"));
    got = run_clade("", "explain my.clade purchase-30d --card --lang zh");
    assert_non_null(strstr(got->out, "## 不应使用于"));
    assert_int_equal(run_clade("", "explain my.clade --card")->code, 2);
}

static void the_scorecard_says_how_many_are_answered_and_how_far_they_moved(void **state)
{
    (void)state;
    const answer *got = run_clade("", "evaluate my.clade --json");
    assert_int_equal(got->code, 0);
    assert_true(run_number(got, "coverage/answered") > 0.9);
    assert_true(run_number(got, "coverage/answered") <= 1);
    assert_true(run_number(got, "response_seconds") > 0);
    assert_true(run_number(got, "response_seconds") < 0.5);
    assert_true(run_number(got, "answers/purchase-30d/drift/answers") > 0);
    assert_true(run_number(got, "answers/purchase-30d/drift/answers") < 5);
    /* At the fit's own moment there is nothing to say, and before it the predictor is not asked. */
    got = run_clade("", "evaluate my.clade --json --as-of 2024-09-01");
    assert_true(isnan(run_number(got, "answers/purchase-30d/drift/answers")));
    assert_true(run_number(got, "answers/purchase-30d/n_answers") > 0);
    got = run_clade("", "evaluate my.clade --json --as-of 2024-06-01");
    assert_true(isnan(run_number(got, "answers/purchase-30d/n_answers")));
}

static void a_customer_has_the_scores_of_predictors_that_could_know(void **state)
{
    (void)state;
    const answer *got = run_clade("", "customer my.clade %s --history 0 --json", customer);
    assert_int_equal(got->code, 0);
    const double value = run_number(got, "scores/purchase-30d/value");
    assert_true(value > 0 && value < 1);
    assert_string_equal(run_text(got, "scores/purchase-30d/verdict"), "trust");
    assert_non_null(strstr(got->out, " the chance by "));
    /* The same as explain says, as of the same moment. */
    got = run_clade("", "explain my.clade customer %s purchase-30d --as-of 2025-01-01 --json",
                    customer);
    assert_int_equal(got->code, 0);
    const char *const at = strstr(got->out, "\"value\":");
    assert_non_null(at);
    check_close(strtod(at + strlen("\"value\":"), NULL), value, 1e-9);
    got = run_clade("", "customer my.clade %s --history 0 --json --as-of 2024-08-15", customer);
    assert_true(got->code != 0 || isnan(run_number(got, "scores/purchase-30d/value")));
}

static void a_damaged_bundle_costs_a_customer_its_answer_alone(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/my.clade/models/predict/purchase-30d/model.json", run_folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("{", file);
    fclose(file);
    const answer *got = run_clade("", "customer my.clade %s --history 0", customer);
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->err, "to be fitted again: 1"));
    assert_int_equal(run_clade("", "evaluate my.clade")->code, 3);
    assert_non_null(strstr(run_clade("", "evaluate my.clade")->err, "purchase-30d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shop_without_fits_gets_its_own_figures),
        cmocka_unit_test(satisfaction_comes_from_the_reviews_and_campaigns_have_a_total),
        cmocka_unit_test(money_is_asked_for_whole_or_not_at_all),
        cmocka_unit_test(a_fit_in_money_names_the_threshold_that_pays),
        cmocka_unit_test(the_model_card_is_printed_in_both_languages_and_kept_in_english),
        cmocka_unit_test(the_scorecard_says_how_many_are_answered_and_how_far_they_moved),
        cmocka_unit_test(a_customer_has_the_scores_of_predictors_that_could_know),
        cmocka_unit_test(a_damaged_bundle_costs_a_customer_its_answer_alone),
    };
    return cmocka_run_group_tests(tests, setup, run_teardown);
}
