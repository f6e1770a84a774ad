/* Boosted trees: hand cases, XGBoost's own predictions and objective, and laws. */
#include "xgboost_peer.h"

#include "clade/run.h"

#include <stdlib.h>

enum { N = 3000, P = 6 };

typedef struct sample {
    float    value[N * P];
    float    target[N]; /* a number */
    float    chance[N]; /* 0 or 1 */
    float    amount[N]; /* 0 or more */
    float    grade[N];  /* 0 to 3 */
    float    weight[N];
    uint32_t group[N];
} sample;

static void make_sample(sample *s, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "tests/boost", 0);
    for (size_t i = 0; i < N; i++) {
        float *x = s->value + i * P;
        for (size_t k = 0; k < P; k++)
            x[k] = (float)clade_rng_normal(&rng);
        if (clade_rng_uniform(&rng) < 0.2) x[1] = NAN;
        x[2] = (float)clade_rng_below(&rng, 4);

        const double y = 0.8 * x[0] + (isnan(x[1]) ? 0.9 : sin(2.0 * (double)x[1])) + (x[2] == 3);
        s->target[i]   = (float)(y + 0.5 * clade_rng_normal(&rng));
        s->chance[i]   = clade_rng_uniform(&rng) < 1 / (1 + exp(0.7 - 1.5 * y));
        s->weight[i]   = (float)(0.2 + clade_rng_uniform(&rng));
        s->amount[i]   = s->chance[i] * (float)exp(0.5 * y + 0.3 * clade_rng_normal(&rng));
        s->grade[i]    = (float)(1 + (y > 0) + (y > 1)) * s->chance[i];
        s->group[i]    = (uint32_t)(i / 17);
    }
}

static clade_trees_data data_of(const sample *s, clade_trees_goal goal, size_t first, size_t n)
{
    const float *target = goal == CLADE_TREES_LOGISTIC  ? s->chance
                          : goal == CLADE_TREES_TWEEDIE ? s->amount
                          : goal == CLADE_TREES_RANK    ? s->grade
                                                        : s->target;
    return (clade_trees_data){ s->value + first * P, n, P, target + first, s->weight + first,
                               s->group + first };
}

/* x below 5 has targets 1, 2, 3.5 (mean 13/6), above it 8 and 10 (mean 9); all of them 4.9. One
 * stump with eta 1 and lambda 0.5: leaf = sum of residuals / (rows + lambda), on top of 4.9. */
static void a_stump_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float            x[5]    = { 1, 2, 3, 7, 8 };
    const float            y[5]    = { 1, 2, 3.5f, 8, 10 };
    const clade_trees_data data    = { x, 5, 1, y, NULL, NULL };
    clade_trees_options    options = clade_trees_defaults(CLADE_TREES_SQUARED_ERROR);
    clade_trees           *trees   = NULL;
    float                  out[5];
    options.n_rounds  = 1;
    options.max_depth = 1;
    options.eta       = 1;
    options.lambda    = 0.5;

    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    check_ok(clade_trees_predict(out, trees, x, 5, 1, NULL));
    check_close(out[0], 4.9 + (6.5 - 3 * 4.9) / 3.5, 1e-6);
    check_close(out[4], 4.9 + (18 - 2 * 4.9) / 2.5, 1e-6);
    assert_true(out[0] == out[2] && out[3] == out[4]);
    double share = NAN;
    clade_trees_importance(&share, trees);
    check_close(share, 1, 0);
    clade_trees_free(trees);
}

static void predictions_equal_those_of_xgboost_bit_for_bit(void **state)
{
    (void)state;
    static sample s;
    static float  ours[N], theirs[N];
    make_sample(&s, 1);
    for (int goal = 0; goal < CLADE_N_TREES_GOAL; goal++) {
        const clade_trees_data data    = data_of(&s, (clade_trees_goal)goal, 0, N);
        clade_trees_options    options = clade_trees_defaults((clade_trees_goal)goal);
        clade_trees           *trees   = NULL;
        options.n_rounds               = 60;
        options.max_depth              = 6;
        check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
        check_ok(clade_trees_predict(ours, trees, s.value, N, P, NULL));
        peer_says(theirs, N, trees, s.value, N, P, 0);
        assert_memory_equal(ours, theirs, sizeof ours);

        float one = NAN; /* A single row takes another path through the code. */
        check_ok(clade_trees_predict(&one, trees, s.value + 77 * P, 1, P, NULL));
        assert_true(one == ours[77]);
        clade_trees_free(trees);
    }
}

/* Our derivatives against those of XGBoost's own objective: the same model up to float's rounding.
 * Two nearly equal splits may fall the other way on some rows, so the mean difference is bounded.
 */
static void models_agree_with_those_of_xgboosts_own_objective(void **state)
{
    (void)state;
    static sample s;
    static float  ours[N], theirs[N];
    make_sample(&s, 2);
    const char *const   own[]      = { "objective", "binary:logistic", "lambda", "1", NULL };
    clade_trees_data    plain      = data_of(&s, CLADE_TREES_LOGISTIC, 0, N);
    clade_trees_options options    = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    clade_trees        *trees      = NULL;
    double              difference = 0;
    plain.weight     = NULL; /* XGBoost weighs its bins too; without weights they agree. */
    options.n_rounds = 40;
    check_ok(clade_trees_fit(&trees, &plain, NULL, &options, NULL));
    check_ok(clade_trees_predict(ours, trees, s.value, N, P, NULL));
    peer_learns(theirs, s.value, s.chance, N, P, 40, own);
    for (size_t i = 0; i < N; i++)
        difference += fabs((double)ours[i] - (double)theirs[i]) / N;
    assert_true(difference < 1e-4);
    clade_trees_free(trees);
}

static void fit_text(clade_buffer *out, const sample *s, const clade_trees_options *options)
{
    const clade_trees_data data  = data_of(s, options->goal, 0, N);
    clade_trees           *trees = NULL;
    check_ok(clade_trees_fit(&trees, &data, NULL, options, NULL));
    check_ok(clade_trees_save(out, trees, NULL));
    clade_trees_free(trees);
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    static sample s;
    make_sample(&s, 3);
    for (int goal = 0; goal < CLADE_N_TREES_GOAL; goal++) {
        clade_buffer        one = { 0 }, more = { 0 };
        clade_trees_options options = clade_trees_defaults((clade_trees_goal)goal);
        options.n_rounds            = 20;
        options.max_depth           = 6;
        options.subsample           = 0.7;
        options.colsample           = 0.6;
        options.n_threads           = 1;
        fit_text(&one, &s, &options);
        for (int n = 2; n <= 4; n += 2) {
            options.n_threads = n;
            clade_buffer_clear(&more);
            fit_text(&more, &s, &options);
            assert_string_equal(one.data, more.data);
        }
        clade_buffer_free(&one);
        clade_buffer_free(&more);
    }
}

static void the_same_seed_gives_the_same_model_and_another_seed_another(void **state)
{
    (void)state;
    static sample       s;
    clade_buffer        first = { 0 }, again = { 0 }, other = { 0 };
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_SQUARED_ERROR);
    options.n_rounds            = 20;
    options.colsample           = 0.5;
    options.seed                = 5;
    make_sample(&s, 4);
    fit_text(&first, &s, &options);
    options.seed = 6;
    fit_text(&other, &s, &options);
    options.seed = 5;
    fit_text(&again, &s, &options);
    assert_string_equal(first.data, again.data);
    assert_string_not_equal(first.data, other.data);

    options.colsample = 1;
    options.subsample = 0.5;
    clade_buffer_clear(&first);
    clade_buffer_clear(&other);
    fit_text(&first, &s, &options);
    options.seed = 6;
    fit_text(&other, &s, &options);
    assert_string_not_equal(first.data, other.data);
    clade_buffer_free(&first);
    clade_buffer_free(&again);
    clade_buffer_free(&other);
}

/* Fits of 1, 2, 3 ... rounds without early stopping say what the loss of each round is; the fit
 * with patience must keep the round where it is least before `patience` rounds pass without a
 * better one. */
static void early_stopping_keeps_the_best_round(void **state)
{
    (void)state;
    enum { HALF = N / 2, ROUNDS = 60 };
    static sample       s;
    static float        p[HALF];
    double              least   = INFINITY;
    size_t              best    = 0;
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    clade_trees        *trees   = NULL;
    make_sample(&s, 5);
    const clade_trees_data train = data_of(&s, CLADE_TREES_LOGISTIC, 0, HALF);
    const clade_trees_data valid = data_of(&s, CLADE_TREES_LOGISTIC, HALF, HALF);
    options.eta                  = 0.4;
    for (size_t n = 1; n <= ROUNDS && n < best + 8; n++) {
        double loss = 0, total = 0;
        options.n_rounds = (int)n;
        check_ok(clade_trees_fit(&trees, &train, &valid, &options, NULL));
        check_ok(clade_trees_predict(p, trees, valid.value, HALF, P, NULL));
        for (size_t i = 0; i < HALF; i++) {
            loss -= valid.weight[i] * (valid.target[i] > 0.5f ? log(p[i]) : log1p(-(double)p[i]));
            total += valid.weight[i];
        }
        check_close(clade_trees_valid_loss(trees), loss / total, 1e-6);
        if (clade_trees_valid_loss(trees) < least) {
            least = clade_trees_valid_loss(trees);
            best  = n;
        }
        clade_trees_free(trees);
    }
    options.n_rounds = ROUNDS;
    options.patience = 8;
    check_ok(clade_trees_fit(&trees, &train, &valid, &options, NULL));
    assert_int_equal(clade_trees_n_rounds(trees), best);
    assert_true(clade_trees_valid_loss(trees) == least);
    assert_true(best < ROUNDS); /* else this test says nothing */
    clade_trees_free(trees);
}

static void a_monotone_column_is_obeyed(void **state)
{
    (void)state;
    static sample       s;
    const int8_t        up[P]   = { 0, 1, 0, -1, 0, 0 };
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_SQUARED_ERROR);
    clade_trees        *trees   = NULL;
    make_sample(&s, 6);
    const clade_trees_data data = data_of(&s, CLADE_TREES_SQUARED_ERROR, 0, N);
    options.n_rounds            = 50;
    options.monotone            = up;
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    for (size_t i = 0; i < 50; i++) {
        float row[P], before = NAN;
        memcpy(row, s.value + i * P, sizeof row);
        for (int step = -20; step <= 20; step++) {
            float out = NAN;
            row[1]    = 0.15f * (float)step;
            row[3]    = -row[1];
            check_ok(clade_trees_predict(&out, trees, row, 1, P, NULL));
            assert_true(isnan(before) || out >= before);
            before = out;
        }
    }
    clade_trees_free(trees);
}

/* A model that was accepted can be explained in both ways, and they agree. */
static void check_explained(const clade_trees *trees, const float *row)
{
    double           plain[P + 1], quick[P + 1], pair = NAN;
    clade_explainer *explainer = NULL;
    check_ok(clade_trees_explain(plain, trees, row, 1, P, NULL));
    check_ok(clade_explainer_create(&explainer, trees, NULL));
    check_ok(clade_explainer_run(quick, explainer, row, 1, P, NULL));
    check_ok(clade_trees_interaction(&pair, trees, row, 1, P, 0, 1, NULL));
    for (size_t k = 0; k < P; k++)
        check_close(quick[k], plain[k], 1e-5);
    clade_explainer_free(explainer);
}

static void a_saved_model_comes_back_and_a_damaged_one_is_refused(void **state)
{
    (void)state;
    static sample       s;
    static float        a[N], b[N];
    clade_buffer        text    = { 0 };
    clade_error         err     = { 0 };
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    clade_trees        *trees = NULL, *again = NULL;
    make_sample(&s, 7);
    const clade_trees_data data = data_of(&s, CLADE_TREES_LOGISTIC, 0, N);
    options.n_rounds            = 5;
    options.max_depth           = 3;
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    check_ok(clade_trees_save(&text, trees, NULL));
    check_ok(clade_trees_load(&again, text.data, text.size, &err));
    assert_int_equal(clade_trees_n_columns(again), P);
    check_ok(clade_trees_predict(a, trees, s.value, N, P, NULL));
    check_ok(clade_trees_predict(b, again, s.value, N, P, NULL));
    assert_memory_equal(a, b, sizeof a);
    clade_trees_free(again);

    for (size_t n = 0; n < text.size; n += 101) {
        again = NULL;
        assert_int_equal(clade_trees_load(&again, text.data, n, &err), CLADE_ERR_DATA);
    }
    for (size_t n = 0; n < text.size; n += 17) { /* Whatever is accepted can be walked. */
        const char was = text.data[n];
        for (const char *put = "019,-"; *put != '\0'; put++) {
            again        = NULL;
            text.data[n] = *put;
            if (clade_trees_load(&again, text.data, text.size, &err) == CLADE_OK &&
                clade_trees_n_columns(again) == P) {
                check_ok(clade_trees_predict(b, again, s.value, 20, P, NULL));
                check_explained(again, s.value);
            }
            clade_trees_free(again);
        }
        text.data[n] = was;
    }
    clade_buffer_free(&text);
    clade_trees_free(trees);
}

static void bad_input_is_named_and_writes_nothing(void **state)
{
    (void)state;
    static sample       s;
    clade_error         err     = { 0 };
    clade_trees        *trees   = NULL;
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    clade_trees_data    data    = data_of(&s, CLADE_TREES_LOGISTIC, 0, N);

    make_sample(&s, 8);
    s.value[5 * P + 2] = -INFINITY;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "value[5, 2]"));
    make_sample(&s, 8);
    s.chance[9] = 2.385f;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "target[9] is 2.385"));
    make_sample(&s, 8);
    memset(s.weight, 0, sizeof s.weight);
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_DATA);
    make_sample(&s, 8);
    options.eta = 0;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "eta"));
    options          = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    options.patience = 3;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_ARG);
    assert_null(trees);

    options.patience = 0;
    options.n_rounds = 2;
    float out        = 7;
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, &err));
    assert_int_equal(clade_trees_predict(&out, trees, s.value, 1, P - 1, &err), CLADE_ERR_ARG);
    check_close(out, 7, 0);
    clade_trees_free(trees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stump_matches_the_case_worked_by_hand),
        cmocka_unit_test(predictions_equal_those_of_xgboost_bit_for_bit),
        cmocka_unit_test(models_agree_with_those_of_xgboosts_own_objective),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(the_same_seed_gives_the_same_model_and_another_seed_another),
        cmocka_unit_test(early_stopping_keeps_the_best_round),
        cmocka_unit_test(a_monotone_column_is_obeyed),
        cmocka_unit_test(a_saved_model_comes_back_and_a_damaged_one_is_refused),
        cmocka_unit_test(bad_input_is_named_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
