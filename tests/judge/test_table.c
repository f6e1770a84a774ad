/* Tables: what is read, that encodings do not know the label they stand for, and verdicts. */
#include "check.h"

#include "clade/run.h"
#include "clade/table.h"
#include "judge/table_internal.h"

#include <stdlib.h>
#include <string.h>

static char folder[256];

static int make_folder(void **state)
{
    (void)state;
    return check_folder_make(folder, "table") == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    check_folder_remove(folder);
    return 0;
}

static clade_table *read_text(const char *text, const char *target,
                              const clade_table_read_options *o)
{
    char         path[400];
    clade_table *t   = NULL;
    clade_error  err = { 0 };
    snprintf(path, sizeof path, "%s/table.csv", folder);
    check_write(path, text, strlen(text));
    if (clade_table_read(&t, path, target, o, &err) != CLADE_OK) fail_msg("%s", err.message);
    return t;
}

/* Rows of noise: a category of many levels, a number; `signal` of the label in the number, and,
 * where `leak`, a column that is the label but for a little. */
static clade_table *noise(size_t n, int n_levels, double signal, bool leak)
{
    clade_buffer text = { 0 };
    clade_rng    rng  = clade_rng_stream(11, "test/table", 0);
    clade_buffer_format(&text, "code,amount%s,bought\n", leak ? ",after" : "");
    for (size_t i = 0; i < n; i++) {
        const int y = clade_rng_uniform(&rng) < 0.4;
        clade_buffer_format(&text, "c%d,%.4f", (int)clade_rng_below(&rng, (uint64_t)n_levels),
                            clade_rng_normal(&rng) + signal * y);
        if (leak) clade_buffer_format(&text, ",%.4f", y + 0.2 * clade_rng_normal(&rng));
        clade_buffer_format(&text, ",%d\n", y);
    }
    clade_table *const t = read_text(text.data, "bought", NULL);
    clade_buffer_free(&text);
    return t;
}

/* ---------------------------------------------------------------- reading */

static void columns_are_told_by_their_values(void **state)
{
    (void)state;
    const char *const codes[] = { "code", NULL }, *const rise[] = { "price", NULL };
    const clade_table_read_options o = { .category = codes, .rising = rise };
    clade_table                   *t = read_text("id,price,code,day,same,word,churn\n"
                                                                   "7,2.385,1,2012-09-04,3,a,Yes\n"
                                                                   "8,,2,2012-09-05,3,b,No\n"
                                                                   "9,-4,1,1970-01-02,3,,No\n"
                                                                   "10,0.5,1,1970-01-02,3,b,\n",
                                                 "churn", &o);
    assert_int_equal(t->n_rows, 3);
    assert_int_equal(t->n_left_out, 1);
    assert_int_equal(t->n_positive, 1);
    assert_string_equal(t->positive, "Yes");
    assert_int_equal(t->n_columns, 6);
    assert_int_equal(t->n_repeated, 0);
    assert_int_equal(t->column[0].kind, CLADE_TABLE_IDENTIFIER);
    assert_int_equal(t->column[1].kind, CLADE_TABLE_NUMBER); /* distinct, yet not whole */
    assert_int_equal(t->column[1].monotone, 1);
    assert_int_equal(t->column[1].n_absent, 1);
    check_close((double)t->column[1].value[0], 2.385, 1e-7);
    assert_true(isnan(t->column[1].value[1]));
    assert_int_equal(t->column[2].kind, CLADE_TABLE_CATEGORY);
    assert_int_equal(t->column[3].kind, CLADE_TABLE_DATE);
    check_close((double)t->column[3].value[0], 15587, 0.0); /* days from 1970-01-01 */
    check_close((double)t->column[3].value[2], 1, 0.0);
    assert_int_equal(t->column[4].kind, CLADE_TABLE_CONSTANT);
    assert_int_equal(t->column[5].kind, CLADE_TABLE_CATEGORY);
    assert_int_equal(t->column[5].level[2], 0);
    clade_table_free(t);
}

static void what_cannot_be_judged_is_named(void **state)
{
    (void)state;
    char                      path[400];
    clade_table              *t    = NULL;
    clade_error               err  = { 0 };
    clade_table_judgement     out  = { 0 };
    clade_table_judge_options o    = { .n_folds = 1 };
    const char               *text = "a,churn\n1,0\n2,1\n3,2\n";
    snprintf(path, sizeof path, "%s/bad.csv", folder);
    check_write(path, text, strlen(text));
    assert_int_equal(clade_table_read(&t, path, "chorn", NULL, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "no column 'chorn'"));
    assert_int_equal(clade_table_read(&t, path, "churn", NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "churn has 3 values"));
    assert_null(t);
    t = noise(60, 5, 0.0, false);
    assert_int_equal(clade_table_judge(&out, t, &o, &err), CLADE_ERR_ARG);
    o.n_folds = 10;
    assert_int_equal(clade_table_judge(&out, t, &o, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "wanted 80 for 10 folds"));
    clade_table_free(t);
}

/* ---------------------------------------------------------------- encoding */

/* The order is the stream's that the encoder draws; counts are made again for every row. */
static void a_training_row_is_encoded_by_the_rows_before_it_alone(void **state)
{
    (void)state;
    enum { N = 200, LEARNT = 150 };
    clade_table   *t   = noise(N, 12, 0.0, false);
    clade__encoder e   = { 0 };
    clade_rng      rng = clade_rng_stream(5, "table/order", 3);
    uint32_t       row[N], order[LEARNT];
    float         *x = NULL, *asked = NULL;
    double         prior = 0.0;
    for (uint32_t i = 0; i < N; i++)
        row[i] = i;
    for (int i = 0; i < LEARNT; i++)
        prior += t->label[i] / (double)LEARNT;
    clade_rng_permute(order, LEARNT, &rng);
    check_ok(clade__encoder_fit(&e, &x, t, row, LEARNT, 5, 3, NULL));
    check_ok(clade__encoder_apply(&asked, &e, row + LEARNT, N - LEARNT, NULL));
    assert_int_equal(e.p, 2); /* twelve levels: no columns of their own */
    assert_true(e.column[0].statistic);
    for (int i = 0; i < LEARNT; i++) {
        double yes = prior, n = 1.0;
        for (int before = 0; before < i; before++) {
            if (t->column[0].level[order[before]] != t->column[0].level[order[i]]) continue;
            yes += t->label[order[before]];
            n += 1.0;
        }
        check_close((double)x[2 * order[i]], yes / n, 1e-6); /* kept as float */
    }
    for (int i = LEARNT; i < N; i++) {
        double yes = prior, n = 1.0;
        for (int k = 0; k < LEARNT; k++) {
            if (t->column[0].level[k] != t->column[0].level[i]) continue;
            yes += t->label[k];
            n += 1.0;
        }
        check_close((double)asked[2 * (i - LEARNT)], yes / n, 1e-6);
        check_close((double)asked[2 * (i - LEARNT) + 1], (double)t->column[1].value[i], 0.0);
    }
    free(x);
    free(asked);
    clade__encoder_free(&e);
    clade_table_free(t);
}

static void few_levels_have_columns_of_their_own(void **state)
{
    (void)state;
    clade_table *t =
        read_text("two,three,y\na,p,1\nb,q,0\na,r,0\nb,p,1\na,q,0\nb,p,1\n", "y", NULL);
    clade__encoder e      = { 0 };
    uint32_t       row[6] = { 0, 1, 2, 3, 4, 5 };
    float         *x      = NULL;
    check_ok(clade__encoder_fit(&e, &x, t, row, 6, 1, 0, NULL));
    assert_int_equal(e.p, 1 + 1 + 3); /* a or b; a statistic; p, q and r */
    for (int i = 0; i < 6; i++) {
        const float *const at = x + i * 5;
        check_close((double)(at[2] + at[3] + at[4]), 1.0, 0.0);
        check_close((double)at[0], t->column[0].level[i] == 2 ? 1.0 : 0.0, 0.0);
    }
    free(x);
    clade__encoder_free(&e);
    clade_table_free(t);
}

/* ---------------------------------------------------------------- verdicts */

/* 1,200 rows and 300 levels of noise. A statistic over all rows, the row's own label among them,
 * would look like a find: that is what would come out if encodings saw more than training. */
static void a_category_of_pure_noise_tells_nothing(void **state)
{
    (void)state;
    enum { N = 1200 };
    clade_table              *t = noise(N, 300, 0.0, false);
    clade_table_judgement     out;
    clade_table_judge_options o = { .n_folds = 3, .n_repeats = 1, .seed = 2 };
    static double             naive[N];
    double                    auc = 0.0;
    o.model[CLADE_TABLE_RULE] = o.model[CLADE_TABLE_LINEAR] = true;
    check_ok(clade_table_judge(&out, t, &o, NULL));
    for (int m = CLADE_TABLE_RULE; m <= CLADE_TABLE_LINEAR; m++) {
        assert_true(out.metric[m][CLADE_TABLE_AUC].low < 0.5);
        assert_true(out.metric[m][CLADE_TABLE_AUC].high > 0.5);
        assert_true(fabs(out.metric[m][CLADE_TABLE_AUC].value - 0.5) < 0.06); /* 3.5 deviations */
    }
    assert_false(out.judged[CLADE_TABLE_TREES]);
    for (int i = 0; i < N; i++) {
        double yes = 0.4, n = 1.0;
        for (int k = 0; k < N; k++) {
            if (t->column[0].level[k] != t->column[0].level[i]) continue;
            yes += t->label[k];
            n += 1.0;
        }
        naive[i] = yes / n;
    }
    check_ok(clade_auc(&auc, naive, t->label, N, NULL));
    assert_true(auc > 0.6);
    clade_table_free(t);
}

/* The number is N(1.2 y, 1): no score of it has more than Phi(1.2 / sqrt 2) = 0.802. */
static void models_find_what_there_is_and_answers_repeat_on_any_threads(void **state)
{
    (void)state;
    clade_table              *t = noise(320, 4, 1.2, false);
    clade_table_judge_options o = { .n_folds = 2, .n_repeats = 1, .seed = 4 };
    clade_table_judgement     one, other;
    clade_threads_set(1);
    check_ok(clade_table_judge(&one, t, &o, NULL));
    clade_threads_set(3);
    check_ok(clade_table_judge(&other, t, &o, NULL));
    clade_threads_set(0);
    assert_memory_equal(one.metric, other.metric, sizeof one.metric);
    assert_memory_equal(one.gain, other.gain, sizeof one.gain);
    for (int m = CLADE_TABLE_RULE; m < CLADE_N_TABLE_MODEL; m++) {
        const double auc = one.metric[m][CLADE_TABLE_AUC].value;
        if (!(auc > 0.70 && auc < 0.88)) fail_msg("%s: AUC %g", clade_table_model_name(m), auc);
        assert_true(one.metric[m][CLADE_TABLE_LOG_LOSS].value <
                    one.metric[CLADE_TABLE_BASE][CLADE_TABLE_LOG_LOSS].value);
    }
    check_close(one.gain[CLADE_TABLE_AUC].value,
                one.metric[CLADE_TABLE_BLEND][CLADE_TABLE_AUC].value -
                    one.metric[CLADE_TABLE_LINEAR][CLADE_TABLE_AUC].value,
                1e-12);
    assert_int_equal(one.n_leaks, 0);
    clade_table_free(t);
}

static void a_column_that_tells_the_target_alone_is_named(void **state)
{
    (void)state;
    clade_table              *t = noise(400, 4, 0.5, true);
    clade_table_judgement     out;
    clade_table_judge_options o = { .n_folds = 2, .n_repeats = 1 };
    o.model[CLADE_TABLE_RULE]   = true;
    check_ok(clade_table_judge(&out, t, &o, NULL));
    assert_int_equal(out.n_leaks, 1);
    assert_string_equal(t->column[out.leak[0]].name, "after");
    assert_true(out.metric[CLADE_TABLE_RULE][CLADE_TABLE_AUC].value > 0.98);
    clade_table_free(t);
}

/* Repeated rows as `cut` and `sort -u` of the other columns leave them out. */
static void public_tables_have_the_rows_that_are_known_of_them(void **state)
{
    (void)state;
    static const struct {
        const char *path, *target, *identifier;
        size_t      n_rows, n_positive, n_repeated;
    } known[] = {
        { "online-shoppers/sessions.csv.zst", "Revenue", "row_id", 8563, 1314, 63 },
        { "ecommerce-churn/customers.csv.zst", "Churn", "CustomerID", 5630, 948, 556 },
        { "telco-churn/customers.csv.zst", "churn", NULL, 7043, 1869, 40 },
        { "marketing-campaign/customers.csv.zst", "Response", "ID", 2240, 334, 201 },
    };
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        char         path[512];
        clade_table *t = NULL;
        if (check_data(path, known[k].path) == NULL) skip();
        check_ok(clade_table_read(&t, path, known[k].target, NULL, NULL));
        assert_int_equal(t->n_rows, known[k].n_rows);
        assert_int_equal(t->n_positive, known[k].n_positive);
        assert_int_equal(t->n_repeated, known[k].n_repeated);
        for (size_t j = 0; j < t->n_columns; j++) {
            const bool is =
                known[k].identifier != NULL && strcmp(t->column[j].name, known[k].identifier) == 0;
            assert_int_equal(t->column[j].kind == CLADE_TABLE_IDENTIFIER, is);
        }
        clade_table_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_told_by_their_values),
        cmocka_unit_test(what_cannot_be_judged_is_named),
        cmocka_unit_test(a_training_row_is_encoded_by_the_rows_before_it_alone),
        cmocka_unit_test(few_levels_have_columns_of_their_own),
        cmocka_unit_test(a_category_of_pure_noise_tells_nothing),
        cmocka_unit_test(models_find_what_there_is_and_answers_repeat_on_any_threads),
        cmocka_unit_test(a_column_that_tells_the_target_alone_is_named),
        cmocka_unit_test(public_tables_have_the_rows_that_are_known_of_them),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
