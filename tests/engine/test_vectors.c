/* The judge of customer vectors, on a shop made by rules; and nearest customers. */
#include "store_shop.h"

#include "clade/vectors.h"
#include "engine/vector_views.h"

enum { N = 700, FIRST = 120, SECOND = 160, TOP = 3 };

/* ---------------------------------------------------------------- labels by hand */

/* As of day 100; tea is item 1 and 2 of "drink", pot item 3 of "ware".
 *
 *     customer 2   bought on day 50, tea on day 113         churn no, no
 *     customer 3   bought on day 10, which is exactly 90 days ago, pot on day 114
 *     customer 4   bought on day 9                          not active
 *     customer 6   carriage alone on day 101, active        churn no, buys nothing
 *     customer 7   active, buys on day 128                  churn in both windows
 *     customer 8   active, a test order on day 101          churn in both windows
 */
static void labels_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const int64_t customer[6] = { 2, 3, 4, 6, 7, 8 };
    enum { NONE = CLADE_NO_LABEL };
    static const uint8_t wanted[6][6] = {
        { 0, 1, NONE, 0, 1, 1 },                       /* churn, 14 days */
        { 0, 0, NONE, 0, 1, 1 },                       /* churn, 28 days */
        { 1, 0, 0, 0, 0, 0 },                          /* drink */
        { 1, 0, 0, 0, 0, 0 },    { 0, 0, 0, 0, 0, 0 }, /* ware */
        { 0, 1, 0, 0, 0, 0 },
    };
    clade_vector_tasks *tasks = NULL;
    uint8_t             label[10 * 6];
    run("INSERT INTO item VALUES (1, 'T1', NULL, 'drink', NULL, NULL, NULL, NULL, 0, 1),"
        " (2, 'T2', NULL, 'drink', NULL, NULL, NULL, NULL, 0, 1),"
        " (3, 'P', NULL, 'ware', NULL, NULL, NULL, NULL, 0, 1),"
        " (2, 'T2', NULL, 'ware', NULL, NULL, NULL, NULL, 101 * 86400000000, 1)");
    run("INSERT INTO event (event, customer, at_us, kind, item, row_key, load) SELECT"
        " row_number() OVER (), customer, day * 86400000000, kind::event_kind, item, 1, 1 FROM"
        " (VALUES (2, 50, 'purchase', 1), (2, 113, 'purchase', 2), (3, 10, 'purchase', 1),"
        " (3, 114, 'purchase', 3), (4, 9, 'purchase', 3), (4, 101, 'view', 3),"
        " (6, 60, 'purchase', 1), (6, 101, 'purchase', 9), (7, 60, 'purchase', 1),"
        " (7, 128, 'purchase', 1), (8, 99, 'purchase', 3), (8, 101, 'purchase', 3),"
        " (9, 101, 'purchase', 3)) t(customer, day, kind, item)");
    run("INSERT INTO flag SELECT CASE item WHEN 9 THEN 'not_product' ELSE 'test_order' END, NULL,"
        " event, at_us, 'why' FROM event WHERE item = 9 OR (customer = 8 AND at_us > 100 *"
        " 86400000000)");
    check_ok(clade_vector_tasks_choose(&tasks, store, 100 * DAY, 2, &err));
    assert_int_equal(tasks->n, 10);
    assert_false(tasks->by_any);
    assert_string_equal(tasks->task[2].name, "drink"); /* 4 buyers before day 100 */
    assert_string_equal(tasks->task[4].name, "ware");
    assert_string_equal(tasks->task[6].name, "T1");
    assert_int_equal(tasks->task[8].item, 3);
    check_ok(clade_vector_labels(label, tasks, store, customer, 6, 100 * DAY, &err));
    for (size_t t = 0; t < 6; t++) {
        for (size_t i = 0; i < 6; i++) {
            if (label[t * 6 + i] != wanted[t][i])
                fail_msg("task %zu of customer %lld is %d, wanted %d", t, (long long)customer[i],
                         label[t * 6 + i], wanted[t][i]);
        }
    }
    assert_int_equal(label[9 * 6 + 1], 1); /* the pot, in 28 days */
    clade_vector_tasks_free(tasks);
}

/* ---------------------------------------------------------------- a shop made by rules */

/* N customers who buy on a fifth to a fortieth of days, three of four times from their own of five
 * categories; views of anything in between. Days 0 to 199. */
static void make_tastes(void)
{
    run("INSERT INTO item SELECT i, 'r' || i, NULL, 'c' || i % 5, 'b' || i % 3, 100 * (1 + i), "
        "NULL,"
        " NULL, 0, 1 FROM range(20) t(i)");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, value_minor, row_key,"
        "  load) SELECT row_number() OVER (ORDER BY day, customer), customer,"
        "  day * 86400000000 + 3600000000, CASE WHEN hash(customer * 977 + day) % 3 = 0 THEN 'view'"
        "  ELSE 'purchase' END::event_kind,"
        "  CASE WHEN hash(customer * 31 + day * 7) % 4 < 3 THEN customer % 5 + 5 * (hash(day) % 4)"
        "  ELSE hash(customer + day * 13) % 20 END, 1, 500, 1, 1"
        " FROM range(700) c(customer), range(200) d(day)"
        " WHERE hash(customer * 1009 + day * 3) % (5 + customer % 36) = 0");
}

static clade_vector_judgement *judge(const float *first, const float *second, size_t d,
                                     bool features)
{
    static int64_t                   customer[N];
    clade_vector_judgement          *j       = NULL;
    const clade_vector_judge_options options = {
        .seed = 3, .top = TOP, .n_draws = 100, .without_features = !features
    };
    for (size_t i = 0; i < N; i++)
        customer[i] = (int64_t)i;
    const clade_vectors a = { FIRST * DAY, N, d, customer, first };
    const clade_vectors b = { SECOND * DAY, N, d, customer, second };
    if (clade_judge_vectors(&j, store, &a, second == NULL ? NULL : &b, &options, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    return j;
}

/* Each vector: the labels of the tasks that follow it, under noise. */
static void tell_the_future(float *out, int day, double noise, size_t *out_d)
{
    static int64_t      customer[N];
    clade_rng           rng   = clade_rng_stream(8, "test/vectors", (uint64_t)day);
    clade_vector_tasks *tasks = NULL;
    check_ok(clade_vector_tasks_choose(&tasks, store, FIRST * DAY, TOP, &err));
    uint8_t *label = CLADE_NEW(uint8_t, tasks->n * N);
    for (size_t i = 0; i < N; i++)
        customer[i] = (int64_t)i;
    check_ok(clade_vector_labels(label, tasks, store, customer, N, day * DAY, &err));
    for (size_t i = 0; i < N; i++) {
        for (size_t t = 0; t < tasks->n; t++)
            out[i * tasks->n + t] =
                (float)((label[t * N + i] == 1) + noise * clade_rng_normal(&rng));
    }
    *out_d = tasks->n;
    clade_vector_tasks_free(tasks);
    free(label);
}

static void a_vector_that_knows_the_future_wins_every_task(void **state)
{
    (void)state;
    static float first[N * 32], second[N * 32];
    size_t       d = 0;
    make_tastes();
    tell_the_future(first, FIRST, 0.25, &d);
    tell_the_future(second, SECOND, 0.25, &d);
    clade_vector_judgement *j = judge(first, second, d, true);
    assert_int_equal(j->tasks->n, 2 + 4 * TOP);
    for (size_t t = 0; t < j->tasks->n; t++) {
        const clade_vector_score *s = &j->score[t];
        print_message("%s %s %d: %zu of %zu; vectors %.3f counts %.3f features %.3f joined %.3f\n",
                      clade_vector_task_kind_name(j->tasks->task[t].kind), j->tasks->task[t].name,
                      j->tasks->task[t].window_days, s->n_positive, s->n, s->auc[0].value,
                      s->auc[1].value, s->auc[2].value, s->auc[3].value);
        assert_true(s->auc[CLADE_VIEW_VECTORS].value > 0.95);
        assert_true(s->auc[CLADE_VIEW_VECTORS].low > s->auc[CLADE_VIEW_COUNTS].high);
        assert_true(s->gain.low > 0);
        check_close(s->gain.value,
                    s->auc[CLADE_VIEW_JOINED].value - s->auc[CLADE_VIEW_FEATURES].value, 1e-9);
    }
    clade_vector_judgement_free(j);

    /* The same by folds at one moment. */
    j = judge(first, NULL, d, false);
    assert_true(j->by_folds);
    assert_false(j->has[CLADE_VIEW_FEATURES]);
    for (int kind = 0; kind < CLADE_N_VECTOR_TASK_KIND; kind++)
        assert_true(j->mean[kind][CLADE_VIEW_VECTORS] > 0.95);
    clade_vector_judgement_free(j);
}

static void noise_is_worth_a_half_and_counts_are_worth_more(void **state)
{
    (void)state;
    enum { D = 24 };
    static float first[N * D], second[N * D];
    clade_rng    rng = clade_rng_stream(9, "test/noise", 0);
    make_tastes();
    for (size_t i = 0; i < N * D; i++) {
        first[i]  = (float)clade_rng_normal(&rng);
        second[i] = (float)clade_rng_normal(&rng);
    }
    for (int folds = 0; folds < 2; folds++) {
        clade_vector_judgement *j        = judge(first, folds ? NULL : second, D, false);
        size_t                  n_within = 0;
        for (size_t t = 0; t < j->tasks->n; t++) {
            const clade_interval *auc = &j->score[t].auc[CLADE_VIEW_VECTORS];
            n_within += auc->low <= 0.5 && auc->high >= 0.5;
        }
        print_message("noise: %zu of %zu intervals hold 0.5; churn %.3f category %.3f, counts %.3f "
                      "%.3f\n",
                      n_within, j->tasks->n, j->mean[0][0], j->mean[1][0], j->mean[0][1],
                      j->mean[1][1]);
        /* 14 intervals of 95 %, the two windows of a target nearly the same draw: two may miss. */
        assert_true(n_within + 2 >= j->tasks->n);
        assert_true(fabs(j->mean[CLADE_VECTOR_CATEGORY][CLADE_VIEW_VECTORS] - 0.5) < 0.05);
        /* Rates and tastes are in the counts; what is left is chance. */
        assert_true(j->mean[CLADE_VECTOR_CHURN][CLADE_VIEW_COUNTS] > 0.6);
        assert_true(j->mean[CLADE_VECTOR_CATEGORY][CLADE_VIEW_COUNTS] > 0.7);
        clade_vector_judgement_free(j);
    }
}

/* ---------------------------------------------------------------- no peeking */

static void poison(int day)
{
    char sql[1024];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO event (event, customer, at_us, kind, item, quantity, value_minor, row_key,"
        "  load) SELECT %d * 1000000 + i, i %% 700, %d * 86400000000 + i, 'purchase', i %% 23,"
        "  9, 1, 1, 1 FROM range(9000) t(i);"
        "INSERT INTO item SELECT i, 'z', 'z', 'poison', 'z', 7, NULL, NULL, %d * 86400000000, 2"
        "  FROM range(23) t(i);"
        "INSERT INTO flag SELECT 'bot', i, NULL, %d * 86400000000, 'why' FROM range(600) t(i)",
        day, day, day, day);
    run(sql);
}

static void what_comes_behind_the_last_window_changes_no_bit(void **state)
{
    (void)state;
    static float first[N * 32], second[N * 32];
    size_t       d = 0;
    make_tastes();
    tell_the_future(first, FIRST, 2, &d);
    tell_the_future(second, SECOND, 2, &d);
    clade_vector_judgement *before = judge(first, second, d, false);
    poison(SECOND + 28);
    clade_threads_set(1); /* nor do threads */
    clade_vector_judgement *after = judge(first, second, d, false);
    clade_threads_set(0);
    assert_int_equal(before->tasks->n, after->tasks->n);
    assert_memory_equal(before->tasks->task, after->tasks->task,
                        before->tasks->n * sizeof *before->tasks->task);
    assert_memory_equal(before->score, after->score, before->tasks->n * sizeof *before->score);
    assert_memory_equal(before->mean, after->mean, sizeof before->mean);
    clade_vector_judgement_free(before);
    clade_vector_judgement_free(after);
}

static void what_comes_in_the_window_changes_labels_and_nothing_that_a_head_sees(void **state)
{
    (void)state;
    static int64_t      customer[N];
    clade_vector_tasks *tasks = NULL, *again = NULL;
    clade__view         counts[2] = { 0 }, features[2] = { 0 };
    for (size_t i = 0; i < N; i++)
        customer[i] = (int64_t)i;
    make_tastes();
    check_ok(clade_vector_tasks_choose(&tasks, store, FIRST * DAY, TOP, &err));
    uint8_t *label = CLADE_NEW(uint8_t, tasks->n * N), *other = CLADE_NEW(uint8_t, tasks->n * N);
    check_ok(clade_vector_labels(label, tasks, store, customer, N, FIRST * DAY, &err));
    check_ok(clade__view_counts(&counts[0], store, tasks, customer, N, FIRST * DAY, &err));
    check_ok(clade__view_features(&features[0], store, customer, N, FIRST * DAY, &err));
    poison(FIRST);
    check_ok(clade_vector_tasks_choose(&again, store, FIRST * DAY, TOP, &err));
    check_ok(clade_vector_labels(other, again, store, customer, N, FIRST * DAY, &err));
    check_ok(clade__view_counts(&counts[1], store, tasks, customer, N, FIRST * DAY, &err));
    check_ok(clade__view_features(&features[1], store, customer, N, FIRST * DAY, &err));

    assert_memory_equal(tasks->task, again->task, tasks->n * sizeof *tasks->task);
    assert_memory_equal(counts[0].x, counts[1].x, N * counts[0].d * sizeof(float));
    assert_memory_equal(features[0].x, features[1].x, N * features[0].d * sizeof(float));
    assert_true(memcmp(label, other, tasks->n * N) != 0);
    for (size_t i = 0; i < N; i++) /* everybody buys on the first day of the poisoned window */
        assert_true(other[i] == 0 || other[i] == CLADE_NO_LABEL);
    for (int i = 0; i < 2; i++) {
        free(counts[i].x);
        free(features[i].x);
    }
    clade_vector_tasks_free(tasks);
    clade_vector_tasks_free(again);
    free(label);
    free(other);
}

static void what_cannot_be_judged_is_said(void **state)
{
    (void)state;
    static float            value[60];
    static int64_t          customer[60];
    clade_vector_judgement *j = NULL;
    for (size_t i = 0; i < 60; i++)
        customer[i] = (int64_t)i;
    clade_vectors a = { 100 * DAY, 60, 1, customer, value };
    clade_vectors b = { 127 * DAY, 60, 1, customer, value };
    assert_int_equal(clade_judge_vectors(&j, store, &a, &b, NULL, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "27.00 days apart"));
    a.n_customers = 49;
    assert_int_equal(clade_judge_vectors(&j, store, &a, NULL, NULL, &err), CLADE_ERR_NOT_READY);
    a.n_customers = 60;
    value[17]     = (float)NAN;
    assert_int_equal(clade_judge_vectors(&j, store, &a, NULL, NULL, &err), CLADE_ERR_DATA);
    value[17]   = 0;
    customer[5] = 4;
    assert_int_equal(clade_judge_vectors(&j, store, &a, NULL, NULL, &err), CLADE_ERR_ARG);
    customer[5] = 5;

    /* A shop without events: nothing can be told, and that is an answer. */
    check_ok(clade_judge_vectors(&j, store, &a, NULL, NULL, &err));
    assert_int_equal(j->tasks->n, 2);
    assert_true(isnan(j->score[0].auc[CLADE_VIEW_VECTORS].value));
    clade_vector_judgement_free(j);
}

/* ---------------------------------------------------------------- nearest customers */

static double plain_cosine(const float *a, const float *b, size_t d)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < d; j++) {
        ab += (double)a[j] * (double)b[j];
        aa += (double)a[j] * (double)a[j];
        bb += (double)b[j] * (double)b[j];
    }
    return ab / sqrt(aa * bb);
}

static void nearest_customers_are_those_of_a_plain_loop(void **state)
{
    (void)state;
    enum { ROWS = 20011, D = 19, K = 25 };
    float                 *x        = CLADE_NEW(float, (size_t)ROWS *D);
    int64_t               *customer = CLADE_NEW(int64_t, ROWS);
    clade_rng              rng      = clade_rng_stream(5, "test/similar", 0);
    clade_similar_customer near[K], one[K];
    size_t                 n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        customer[i] = (int64_t)(3 * i + 2);
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = (float)clade_rng_normal(&rng);
    }
    memcpy(x + 15000 * D, x + 7 * D, D * sizeof(float)); /* twins: cosine 1 */
    memcpy(x + 9000 * D, x + 7 * D, D * sizeof(float));
    memset(x + 12 * D, 0, D * sizeof(float));
    const clade_vectors v = { 0, ROWS, D, customer, x };
    check_ok(clade_similar_customers(near, &n, &v, 3 * 7 + 2, K, &err));
    assert_int_equal(n, K);
    assert_int_equal(near[0].customer, 3 * 9000 + 2);
    assert_int_equal(near[1].customer, 3 * 15000 + 2);
    check_close(near[1].cosine, 1, 1e-12);
    size_t n_nearer = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const double cosine = plain_cosine(x + 7 * D, x + i * D, D);
        if (i != 7 && cosine > near[K - 1].cosine + 1e-12) n_nearer++;
    }
    assert_int_equal(n_nearer, K - 1);
    for (size_t i = 0; i < K; i++) {
        const size_t row = (size_t)(near[i].customer - 2) / 3;
        check_close(near[i].cosine, plain_cosine(x + 7 * D, x + row * D, D), 1e-12);
        if (i > 0) assert_true(near[i].cosine <= near[i - 1].cosine);
    }
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        clade_threads_set(n_threads);
        check_ok(clade_similar_customers(one, &n, &v, 3 * 7 + 2, K, &err));
        assert_memory_equal(one, near, sizeof near);
    }
    clade_threads_set(0);
    assert_int_equal(clade_similar_customers(near, &n, &v, 3, K, &err), CLADE_ERR_NOT_FOUND);
    assert_int_equal(clade_similar_customers(near, &n, &v, 3 * 12 + 2, K, &err), CLADE_ERR_DATA);
    assert_int_equal(clade_similar_customers(near, &n, &v, 2, 0, &err), CLADE_ERR_ARG);
    const clade_vectors few = { 0, 13, D, customer, x };
    check_ok(clade_similar_customers(near, &n, &few, 2, K, &err));
    assert_int_equal(n, 11); /* neither himself nor the one without a direction */
    free(x);
    free(customer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(labels_match_the_case_worked_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vector_that_knows_the_future_wins_every_task, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(noise_is_worth_a_half_and_counts_are_worth_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_comes_behind_the_last_window_changes_no_bit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            what_comes_in_the_window_changes_labels_and_nothing_that_a_head_sees, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_judged_is_said, setup, teardown),
        cmocka_unit_test(nearest_customers_are_those_of_a_plain_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
