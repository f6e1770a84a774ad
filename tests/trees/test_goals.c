/* What boosted trees aim at: hand cases, XGBoost's own Tweedie, naive losses, and laws. */
#include "xgboost_peer.h"

#include "clade/run.h"

#include <stdlib.h>

enum { N = 2000, P = 4, LIST = 10 };

typedef struct sample {
    float    value[N * P];
    float    spread[N]; /* a number whose spread grows with column 1 */
    float    amount[N]; /* 0, or a positive amount */
    float    grade[N];  /* 0 to 4 */
    float    chance[N];
    float    weight[N];
    uint32_t group[N];
} sample;

static void make_sample(sample *s, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "tests/goals", 0);
    for (size_t i = 0; i < N; i++) {
        float *x = s->value + i * P;
        for (size_t k = 0; k < P; k++)
            x[k] = (float)clade_rng_normal(&rng);
        const double noise = clade_rng_normal(&rng), mean = exp(0.6 * x[0]);
        s->spread[i] = (float)(2 * x[0] + exp(0.5 * x[1]) * noise);
        s->chance[i] = clade_rng_uniform(&rng) < mean / (1 + mean);
        s->amount[i] = s->chance[i] * (float)(mean * clade_rng_exponential(&rng));
        s->grade[i]  = (float)fmin(4, fmax(0, rint(1 + x[0] + 0.7 * noise)));
        s->weight[i] = (float)(0.2 + clade_rng_uniform(&rng));
        s->group[i]  = (uint32_t)(i / LIST);
    }
}

static clade_trees_data data_of(const sample *s, clade_trees_goal goal, size_t first, size_t n)
{
    const float *const target[CLADE_N_TREES_GOAL] = { s->spread, s->chance, s->amount, s->spread,
                                                      s->grade };
    return (clade_trees_data){ .value     = s->value + first * P,
                               .n_rows    = n,
                               .n_columns = P,
                               .target    = target[goal] + first,
                               .group     = s->group + first };
}

/* The three quarters of 1, 2, 3.5, 8, 10 are at 8, since four of five values are not above it.
 * Below x = 5 the residuals are -7, -6, -4.5, three quarters at the last; above it 0 and 2, at 2.
 */
static void quantile_leaves_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float            x[5]    = { 1, 2, 3, 7, 8 };
    const float            y[5]    = { 1, 2, 3.5f, 8, 10 };
    const clade_trees_data data    = { .value = x, .n_rows = 5, .n_columns = 1, .target = y };
    clade_trees_options    options = clade_trees_defaults(CLADE_TREES_QUANTILE);
    clade_trees           *trees   = NULL;
    float                  out[5];
    options.n_rounds         = 1;
    options.max_depth        = 1;
    options.eta              = 0.8;
    options.quantile         = 0.75;
    options.min_child_weight = 2; /* else the 10 is split off alone */
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    check_ok(clade_trees_predict(out, trees, x, 5, 1, NULL));
    check_close(out[0], 8 - 0.8 * 4.5, 1e-6);
    check_close(out[2], 8 - 0.8 * 4.5, 1e-6);
    check_close(out[3], 8 + 0.8 * 2, 1e-6);
    clade_trees_free(trees);
}

static void quantiles_hold_their_share_where_the_spread_differs(void **state)
{
    (void)state;
    enum { HALF = N / 2 };
    static sample s;
    static float  out[HALF];
    make_sample(&s, 1);
    const clade_trees_data train   = data_of(&s, CLADE_TREES_QUANTILE, 0, HALF);
    const clade_trees_data valid   = data_of(&s, CLADE_TREES_QUANTILE, HALF, HALF);
    const double           share[] = { 0.1, 0.5, 0.9 };
    for (int q = 0; q < 3; q++) {
        clade_trees_options options  = clade_trees_defaults(CLADE_TREES_QUANTILE);
        clade_trees        *trees    = NULL;
        size_t              below[2] = { 0 }, n[2] = { 0 };
        double              loss = 0;
        options.quantile         = share[q];
        options.patience         = 20;
        options.min_child_weight = 20;
        check_ok(clade_trees_fit(&trees, &train, &valid, &options, NULL));
        check_ok(clade_trees_predict(out, trees, valid.value, HALF, P, NULL));
        for (size_t i = 0; i < HALF; i++) {
            const int    wide = valid.value[i * P + 1] > 0; /* where the spread is large */
            const double r    = (double)valid.target[i] - (double)out[i];
            n[wide]++;
            below[wide] += r <= 0;
            loss += (r > 0 ? share[q] : share[q] - 1) * r / HALF;
        }
        check_close(clade_trees_valid_loss(trees), loss, 1e-6);
        for (int wide = 0; wide < 2; wide++) /* 500 rows: two deviations are 0.045 at a half */
            check_close((double)below[wide] / (double)n[wide], share[q], 0.06);
        clade_trees_free(trees);
    }
}

/* One column, 0 or 1, alone decides. Margin log(mean); Newton's step in each leaf. */
static void tweedie_leaves_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float            x[4]    = { 0, 0, 1, 1 };
    const float            y[4]    = { 0, 1.5f, 2.385f, 7 };
    const clade_trees_data data    = { .value = x, .n_rows = 4, .n_columns = 1, .target = y };
    clade_trees_options    options = clade_trees_defaults(CLADE_TREES_TWEEDIE);
    clade_trees           *trees   = NULL;
    float                  out[4];
    options.n_rounds         = 1;
    options.max_depth        = 1;
    options.eta              = 1;
    options.lambda           = 0.5;
    options.min_child_weight = 0;
    options.power            = 1.3;
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    check_ok(clade_trees_predict(out, trees, x, 4, 1, NULL));
    const double m = log((1.5 + 2.385 + 7) / 4), rho = 1.3;
    for (int side = 0; side < 2; side++) {
        const double sum   = side == 0 ? 1.5 : 2.385 + 7;
        const double first = 2 * exp((2 - rho) * m) - sum * exp((1 - rho) * m);
        const double second =
            (2 - rho) * 2 * exp((2 - rho) * m) - (1 - rho) * sum * exp((1 - rho) * m);
        check_close(out[2 * side], exp(m - first / (second + 0.5)), 1e-6);
    }
    clade_trees_free(trees);
}

/* XGBoost's own objective, the same up to float's rounding of nearly equal splits. */
static void tweedie_agrees_with_xgboosts_own_objective(void **state)
{
    (void)state;
    static sample s;
    static float  ours[N], theirs[N];
    make_sample(&s, 2);
    const clade_trees_data data    = data_of(&s, CLADE_TREES_TWEEDIE, 0, N);
    clade_trees_options    options = clade_trees_defaults(CLADE_TREES_TWEEDIE);
    clade_trees           *trees   = NULL;
    const char *const own[] = { "objective", "reg:tweedie", "tweedie_variance_power", "1.6", NULL };
    double            sum = 0, difference = 0;
    options.n_rounds = 30;
    options.power    = 1.6;
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    check_ok(clade_trees_predict(ours, trees, s.value, N, P, NULL));
    for (size_t i = 0; i < N; i++)
        sum += s.amount[i] / N;
    peer_learns(theirs, s.value, s.amount, N, P, 30, own);
    for (size_t i = 0; i < N; i++)
        difference += fabs((double)ours[i] - (double)theirs[i]) / N;
    assert_true(difference < 1e-3 * sum);
    clade_trees_free(trees);
}

/* Three lists of a row of grade 0, then one of grade 2. At margin 0 rho is a half; the places
 * differ by 1 - 1 / log2(3), and the best gain is 3, so delta is that difference. A leaf holds
 * three rows: 3 (delta / 2) / (3 (delta / 4) + lambda). */
static void ranking_leaves_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float            x[6]     = { 0, 1, 0, 1, 0, 1 };
    const float            y[6]     = { 0, 2, 0, 2, 0, 2 };
    const uint32_t         group[6] = { 4, 4, 9, 9, 2, 2 };
    const clade_trees_data data     = {
            .value = x, .n_rows = 6, .n_columns = 1, .target = y, .group = group
    };
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_RANK);
    clade_trees        *trees   = NULL;
    float               out[6];
    const double        delta = 1 - 1 / log2(3);
    options.n_rounds          = 1;
    options.max_depth         = 1;
    options.eta               = 1;
    options.lambda            = 0.25;
    options.min_child_weight  = 0;
    check_ok(clade_trees_fit(&trees, &data, &data, &options, NULL));
    check_ok(clade_trees_predict(out, trees, x, 6, 1, NULL));
    check_close(out[1], 1.5 * delta / (0.75 * delta + 0.25), 1e-6);
    check_close(out[0], -out[1], 1e-7);
    check_close(clade_trees_valid_loss(trees), 0, 1e-15);
    clade_trees_free(trees);
}

/* NDCG at 3 by counting, over lists whose grades differ. */
static double naive_ndcg(const float *score, const float *grade)
{
    double sum = 0, n = 0;
    for (size_t l = 0; l < N / LIST; l++) {
        double gain = 0, ideal = 0;
        bool   differ = false;
        for (size_t i = l * LIST; i < (l + 1) * LIST; i++) {
            size_t place = 0, best = 0;
            for (size_t j = l * LIST; j < (l + 1) * LIST; j++) {
                place += score[j] > score[i] || (score[j] == score[i] && j < i);
                best += grade[j] > grade[i] || (grade[j] == grade[i] && j < i);
                differ = differ || grade[j] != grade[i];
            }
            gain += place < 3 ? (pow(2, grade[i]) - 1) / log2((double)place + 2) : 0;
            ideal += best < 3 ? (pow(2, grade[i]) - 1) / log2((double)best + 2) : 0;
        }
        if (!differ) continue;
        sum += gain / ideal;
        n++;
    }
    return sum / n;
}

static void a_ranking_orders_better_the_longer_it_learns_and_knows_its_ndcg(void **state)
{
    (void)state;
    static sample s;
    static float  out[N];
    double        before = 0;
    make_sample(&s, 3);
    const clade_trees_data data    = data_of(&s, CLADE_TREES_RANK, 0, N);
    clade_trees_options    options = clade_trees_defaults(CLADE_TREES_RANK);
    options.min_child_weight       = 0.5;
    options.rank_top               = 3;
    for (int n = 1; n <= 64; n *= 8) {
        clade_trees *trees = NULL;
        options.n_rounds   = n;
        check_ok(clade_trees_fit(&trees, &data, &data, &options, NULL));
        check_ok(clade_trees_predict(out, trees, s.value, N, P, NULL));
        const double ndcg = naive_ndcg(out, s.grade);
        check_close(1 - clade_trees_valid_loss(trees), ndcg, 1e-12);
        assert_true(ndcg > before + 0.01);
        before = ndcg;
        clade_trees_free(trees);
    }
}

static void a_monotone_column_is_obeyed_whatever_the_goal(void **state)
{
    (void)state;
    static sample s;
    const int8_t  up[P] = { -1, 1, 0, 0 }; /* against what the data say of column 0 */
    make_sample(&s, 4);
    for (int goal = 0; goal < CLADE_N_TREES_GOAL; goal++) {
        const clade_trees_data data    = data_of(&s, (clade_trees_goal)goal, 0, N);
        clade_trees_options    options = clade_trees_defaults((clade_trees_goal)goal);
        clade_trees           *trees   = NULL;
        bool                   moved   = false;
        options.n_rounds               = 30;
        options.max_depth              = 5;
        options.monotone               = up;
        options.quantile               = 0.8;
        options.min_child_weight       = 0.1;
        check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
        for (size_t i = 0; i < 40; i++) {
            float row[P], before = NAN;
            memcpy(row, s.value + i * P, sizeof row);
            for (int step = -20; step <= 20; step++) {
                float out = NAN;
                row[1]    = 0.12f * (float)step;
                row[0]    = -row[1];
                check_ok(clade_trees_predict(&out, trees, row, 1, P, NULL));
                assert_true(isnan(before) || out >= before);
                moved  = moved || out > before;
                before = out;
            }
        }
        assert_true(moved); /* else this test says nothing */
        clade_trees_free(trees);
    }
}

/* Every weight doubled changes nothing where weights are shares; a weight of 0 is no row. */
static void a_row_of_weight_zero_does_not_count_in_a_quantile(void **state)
{
    (void)state;
    static sample s;
    static float  with[N], without[N], weight[N];
    make_sample(&s, 5);
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_QUANTILE);
    clade_trees_data    data    = data_of(&s, CLADE_TREES_QUANTILE, 0, N);
    clade_trees        *trees   = NULL;
    options.n_rounds            = 10;
    options.max_bin             = 4096; /* all values: XGBoost's bins then do not see the rest */
    for (size_t i = 0; i < N; i++)
        weight[i] = i < N / 2 ? s.weight[i] : 0;
    data.weight = weight;
    for (size_t i = N / 2; i < N; i++) /* the same values, so that the bins are the same */
        memcpy(s.value + i * P, s.value + (i - N / 2) * P, P * sizeof(float));
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    check_ok(clade_trees_predict(with, trees, s.value, N, P, NULL));
    clade_trees_free(trees);
    data.n_rows = N / 2;
    check_ok(clade_trees_fit(&trees, &data, NULL, &options, NULL));
    check_ok(clade_trees_predict(without, trees, s.value, N, P, NULL));
    clade_trees_free(trees);
    assert_memory_equal(with, without, sizeof with);
}

static void options_and_targets_that_a_goal_cannot_have_are_named(void **state)
{
    (void)state;
    static sample       s;
    clade_error         err     = { 0 };
    clade_trees        *trees   = NULL;
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_RANK);
    make_sample(&s, 6);
    clade_trees_data data = data_of(&s, CLADE_TREES_RANK, 0, N);
    data.group            = NULL;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "groups"));
    s.grade[7] = 40;
    data.group = s.group;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "target[7] is 40"));

    options       = clade_trees_defaults(CLADE_TREES_TWEEDIE);
    data          = data_of(&s, CLADE_TREES_TWEEDIE, 0, N);
    options.power = 2;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "power is 2"));
    options.power = 1.5;
    s.amount[3]   = -0.5f;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "target[3] is -0.5"));

    options          = clade_trees_defaults(CLADE_TREES_QUANTILE);
    data             = data_of(&s, CLADE_TREES_QUANTILE, 0, N);
    options.quantile = 1;
    assert_int_equal(clade_trees_fit(&trees, &data, NULL, &options, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "quantile is 1"));
    assert_null(trees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantile_leaves_match_the_case_worked_by_hand),
        cmocka_unit_test(quantiles_hold_their_share_where_the_spread_differs),
        cmocka_unit_test(tweedie_leaves_match_the_case_worked_by_hand),
        cmocka_unit_test(tweedie_agrees_with_xgboosts_own_objective),
        cmocka_unit_test(ranking_leaves_match_the_case_worked_by_hand),
        cmocka_unit_test(a_ranking_orders_better_the_longer_it_learns_and_knows_its_ndcg),
        cmocka_unit_test(a_monotone_column_is_obeyed_whatever_the_goal),
        cmocka_unit_test(a_row_of_weight_zero_does_not_count_in_a_quantile),
        cmocka_unit_test(options_and_targets_that_a_goal_cannot_have_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
