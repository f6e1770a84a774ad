/* models/linear: ridge regression at a wanted df, and the additive model on it. */
#include "check.h"

#include "clade/linear.h"
#include "clade/run.h"

#include <stdlib.h>

/* G = diag(4, 1), l = 2: df = 4/6 + 1/3 = 1; solution = m / (g + l) = (3/6, 1.5/3). */
static void ridge_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    double gram[4]   = { 4, 0, 0, 1 };
    double moment[2] = { 3, 1.5 };
    double c[2], penalty;
    check_ok(clade_ridge_solve(c, &penalty, gram, moment, 2, 1, 1.0, NULL));
    check_close(penalty, 2.0, 1e-9);
    check_close(c[0], 0.5, 1e-9);
    check_close(c[1], 0.5, 1e-9);
}

/* Gauss-Jordan on (G + l I), the naive way. */
static void naive_solve(double *x, const double *gram, const double *moment, size_t p,
                        double penalty)
{
    double a[12][13];
    for (size_t i = 0; i < p; i++) {
        for (size_t j = 0; j < p; j++)
            a[i][j] = gram[i * p + j] + (i == j ? penalty : 0);
        a[i][p] = moment[i];
    }
    for (size_t k = 0; k < p; k++) {
        for (size_t i = 0; i < p; i++) {
            if (i == k) continue;
            const double f = a[i][k] / a[k][k];
            for (size_t j = k; j <= p; j++)
                a[i][j] -= f * a[k][j];
        }
    }
    for (size_t i = 0; i < p; i++)
        x[i] = a[i][p] / a[i][i];
}

static void ridge_equals_elimination_whatever_the_matrix(void **state)
{
    (void)state;
    clade_rng rng = clade_rng_stream(5, "test/ridge", 0);
    for (int round = 0; round < 40; round++) {
        const size_t p = 1 + (size_t)round % 12;
        double b[20 * 12], gram[144], kept[144], moment[12], right[12], c[12], wanted[12], penalty;
        for (size_t i = 0; i < 20 * p; i++)
            b[i] = clade_rng_normal(&rng) * (1 + (double)(i % p));
        for (size_t i = 0; i < p; i++) {
            for (size_t j = 0; j < p; j++) {
                gram[i * p + j] = 0;
                for (size_t r = 0; r < 20; r++)
                    gram[i * p + j] += b[r * p + i] * b[r * p + j];
            }
            moment[i] = clade_rng_normal(&rng) * 7.3;
        }
        memcpy(kept, gram, sizeof kept);
        memcpy(right, moment, sizeof right);
        check_ok(clade_ridge_solve(c, &penalty, gram, moment, p, 1, 0.6 * (double)p, NULL));
        naive_solve(wanted, kept, right, p, penalty);
        for (size_t i = 0; i < p; i++)
            check_close(c[i], wanted[i], 1e-9);

        double df = 0; /* tr G (G + l)^-1, a column at a time */
        for (size_t k = 0; k < p; k++) {
            double unit[12], x[12];
            for (size_t i = 0; i < p; i++)
                unit[i] = kept[i * p + k];
            naive_solve(x, kept, unit, p, penalty);
            df += x[k];
        }
        check_close(df, 0.6 * (double)p, 1e-7);
    }
}

enum { N = 900, P = 7 };
static float  x[N * P];
static double y[N * 2];

static void make_customers(uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/additive", 0);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < P; j++)
            x[i * P + j] = (float)(exp(clade_rng_normal(&rng)) * 3.7);
        if (i % 9 == 0) x[i * P + 2] = NAN;
        x[i * P + 6]   = 2.5f; /* a column that says nothing */
        const double s = log1p((double)x[i * P]), t = log1p((double)x[i * P + 1]);
        y[i * 2]     = 1.5 * s - fmax(0, t - 1.4) + 0.1 * clade_rng_normal(&rng);
        y[i * 2 + 1] = s > 1.5;
    }
}

static double r_squared(const double *predicted, size_t target)
{
    double mean = 0, rest = 0, all = 0;
    for (size_t i = 0; i < N; i++)
        mean += y[i * 2 + target] / N;
    for (size_t i = 0; i < N; i++) {
        rest += pow(y[i * 2 + target] - predicted[i * 2 + target], 2);
        all += pow(y[i * 2 + target] - mean, 2);
    }
    return 1 - rest / all;
}

static void an_additive_model_finds_bent_lines(void **state)
{
    (void)state;
    static clade_additive model;
    static double         predicted[N * 2];
    make_customers(1);
    check_ok(clade_additive_fit(&model, x, false, N, P, y, 2, NULL, 12, 128, NULL));
    clade_additive_predict(predicted, &model, x, false, N, P);
    assert_true(r_squared(predicted, 0) > 0.95);
    assert_true(r_squared(predicted, 1) > 0.5);
    for (size_t t = 0; t < model.n_terms; t++)
        assert_true(model.term[t].column != 6);
}

static void rows_of_weight_zero_are_not_there_and_weight_two_is_a_row_twice(void **state)
{
    (void)state;
    static clade_additive weighted, copied;
    static double         weight[N], ys[N * 2];
    static float          xs[N * P];
    size_t                n = 0;
    make_customers(2);
    for (size_t i = 0; i < N; i++) {
        weight[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 2;
        if (i >= N / 2) weight[i] = 0;
        for (int k = 0; k < (int)weight[i]; k++, n++) {
            memcpy(xs + n * P, x + i * P, P * sizeof *x);
            memcpy(ys + n * 2, y + i * 2, 2 * sizeof *y);
        }
    }
    for (size_t j = 0; j < P; j++)
        x[(N - 1) * P + j] = 1e30f; /* must not be looked at */
    y[(N - 1) * 2] = NAN;
    check_ok(clade_additive_fit(&weighted, x, false, N, P, y, 2, weight, 9, 20, NULL));
    check_ok(clade_additive_fit(&copied, xs, false, n, P, ys, 2, NULL, 9, 20, NULL));
    assert_int_equal(weighted.n_terms, copied.n_terms);
    for (size_t t = 0; t < weighted.n_terms; t++) {
        assert_int_equal(weighted.term[t].column, copied.term[t].column);
        check_close(weighted.term[t].coefficient[0], copied.term[t].coefficient[0], 1e-9);
    }
}

static void logs_taken_before_give_the_same_bits(void **state)
{
    (void)state;
    static clade_additive plain, logged;
    static float          slog[N * P];
    static double         a[N * 2], b[N * 2];
    make_customers(4);
    clade_signed_log(slog, x, N * P);
    check_ok(clade_additive_fit(&plain, x, false, N, P, y, 2, NULL, 8, 64, NULL));
    check_ok(clade_additive_fit(&logged, slog, true, N, P, y, 2, NULL, 8, 64, NULL));
    clade_additive_predict(a, &plain, x, false, N, P);
    clade_additive_predict(b, &logged, slog, true, N, P);
    assert_memory_equal(a, b, sizeof a);
}

/* Targets whose mean is a logit of what the columns say: y[0] between 0 and 5.2, y[1] 0 or 1. */
static float slogs[N * P];

static const clade_additive_shape both_shapes[2] = { { 8, { 0, 0 } }, { 8, { 5.2, 1 } } };

static void make_shares(uint64_t seed)
{
    make_customers(seed);
    clade_rng rng = clade_rng_stream(seed, "test/shares", 0);
    for (size_t i = 0; i < N; i++) {
        const double odds = 2.3 * log1p((double)x[i * P]) - 2.9 * log1p((double)x[i * P + 1]) - 0.7;
        const double q    = 1 / (1 + exp(-odds));
        y[i * 2 + 1]      = clade_rng_uniform(&rng) < q;
        y[i * 2]          = 5.2 * q * (0.5 + clade_rng_uniform(&rng));
    }
    clade_signed_log(slogs, x, N * P);
}

/* One term has a Gram matrix of n after scaling, so df = n / (n + l); and at the solution
 * sum (y / top - q) z = mean q (1 - q) l b with z the scaled term, and sum (y / top - q) = 0. */
static void check_bent_equations(clade_additive_shape shape)
{
    static clade_additive model;
    check_ok(clade_additive_fit_shapes(&model, &shape, 1, slogs, N, P, y, 2, NULL, 1, NULL));
    assert_int_equal(model.n_terms, 1);
    check_close(N / (N + model.penalty), 0.75, 1e-9);
    const clade_additive_term *term = &model.term[0];
    static double              value[N];
    double                     square = 0;
    for (size_t i = 0; i < N; i++) {
        double z = ((double)slogs[i * P + term->column] - term->center) / term->scale;
        z        = fmin(3, fmax(-3, z));
        value[i] = (isinf(term->knot) ? z : fmax(0, z - term->knot)) - term->mean;
        square += value[i] * value[i] / N;
    }
    for (size_t k = 0; k < 2; k++) {
        const double b = term->coefficient[k] * sqrt(square); /* of the term scaled to spread 1 */
        double       left = 0, pull = 0, curvature = 0;
        for (size_t i = 0; i < N; i++) {
            const double sum = model.intercept[k] + term->coefficient[k] * value[i];
            const double q   = 1 / (1 + exp(-sum));
            left += y[i * 2 + k] / shape.top[k] - q;
            pull += (y[i * 2 + k] / shape.top[k] - q) * value[i] / sqrt(square);
            curvature += q * (1 - q) / N;
        }
        /* Steps end below 1e-4 in log odds, each times the curvature of all customers. */
        assert_true(fabs(left) < 1e-4 * curvature * N);
        assert_true(fabs(pull - curvature * model.penalty * b) <
                    1e-4 * curvature * (N + model.penalty));
        assert_true(fabs(b) > 0.1);
    }
}

static void a_bent_target_of_one_term_solves_its_equations(void **state)
{
    (void)state;
    make_shares(6);
    check_bent_equations((clade_additive_shape){ 0.75, { 5.2, 1 } });
}

/* The curvature of the average customer, 0.01, is a twenty-fifth of its bound: forty steps by the
 * bound end far from the solution. */
static void a_bent_target_that_hardly_anybody_reaches_solves_its_equations_too(void **state)
{
    (void)state;
    make_shares(6);
    check_bent_equations((clade_additive_shape){ 0.75, { 220, 64 } });
}

static void shapes_fitted_together_are_those_fitted_alone(void **state)
{
    (void)state;
    static clade_additive together[2], alone;
    static double         weight[N], a[N * 2], b[N * 2];
    make_shares(7);
    for (size_t i = 0; i < N; i++)
        weight[i] = (double)(i % 4);
    check_ok(
        clade_additive_fit_shapes(together, both_shapes, 2, slogs, N, P, y, 2, weight, 20, NULL));
    for (size_t s = 0; s < 2; s++) {
        check_ok(clade_additive_fit_shapes(&alone, &both_shapes[s], 1, slogs, N, P, y, 2, weight,
                                           20, NULL));
        clade_additive_predict(a, &together[s], slogs, true, N, P);
        clade_additive_predict(b, &alone, slogs, true, N, P);
        assert_memory_equal(a, b, sizeof a);
    }
}

static void shapes_told_together_are_those_told_alone(void **state)
{
    (void)state;
    static clade_additive models[2];
    static double         together[2][N * 2], alone[N * 2];
    make_shares(9);
    check_ok(clade_additive_fit_shapes(models, both_shapes, 2, slogs, N, P, y, 2, NULL, 64, NULL));
    clade_additive_predict_shapes(together[0], models, 2, slogs, true, N, P);
    for (size_t s = 0; s < 2; s++) {
        clade_additive_predict(alone, &models[s], slogs, true, N, P);
        assert_memory_equal(together[s], alone, sizeof alone);
    }
}

static void what_levels_off_is_told_better_by_a_bent_target_which_stays_below_its_top(void **state)
{
    (void)state;
    static clade_additive models[2];
    static double         straight[N * 2], bent[N * 2];
    make_shares(8);
    check_ok(clade_additive_fit_shapes(models, both_shapes, 2, slogs, N, P, y, 2, NULL, 64, NULL));
    clade_additive_predict(straight, &models[0], slogs, true, N, P);
    clade_additive_predict(bent, &models[1], slogs, true, N, P);
    for (size_t k = 0; k < 2; k++)
        assert_true(r_squared(bent, k) > r_squared(straight, k) + 0.01);
    for (size_t i = 0; i < N; i++)
        assert_true(bent[i * 2] > 0 && bent[i * 2] < 5.2);
}

static void what_each_column_adds_sums_to_the_prediction(void **state)
{
    (void)state;
    static clade_additive models[2];
    double                predicted[2], part[P];
    make_shares(3);
    check_ok(clade_additive_fit_shapes(models, both_shapes, 2, slogs, N, P, y, 2, NULL, 64, NULL));
    for (size_t i = 0; i < N; i += 37) {
        const clade_additive *model = &models[i % 2];
        clade_additive_predict(predicted, model, x + i * P, false, 1, P);
        for (size_t k = 0; k < 2; k++) {
            double sum = clade_additive_average(model, k);
            clade_additive_explain(part, model, x + i * P, P, k);
            for (size_t j = 0; j < P; j++)
                sum += part[j];
            check_close(sum, predicted[k], 1e-12);
        }
    }
}

static void constant_features_and_targets_that_are_not_numbers_are_refused(void **state)
{
    (void)state;
    static clade_additive model;
    clade_error           err       = { 0 };
    const float           flat[6]   = { 1, 1, 1, 1, 1, 1 };
    double                target[3] = { 1, 2, 3.5 };
    model.n_terms                   = 77;
    assert_int_equal(clade_additive_fit(&model, flat, false, 3, 2, target, 1, NULL, 2, 8, &err),
                     CLADE_ERR_DATA);
    target[1] = INFINITY;
    assert_int_equal(clade_additive_fit(&model, flat, false, 3, 2, target, 1, NULL, 2, 8, &err),
                     CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "target[1, 0]"));
    assert_int_equal(model.n_terms, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ridge_matches_the_case_worked_by_hand),
        cmocka_unit_test(ridge_equals_elimination_whatever_the_matrix),
        cmocka_unit_test(an_additive_model_finds_bent_lines),
        cmocka_unit_test(rows_of_weight_zero_are_not_there_and_weight_two_is_a_row_twice),
        cmocka_unit_test(logs_taken_before_give_the_same_bits),
        cmocka_unit_test(a_bent_target_of_one_term_solves_its_equations),
        cmocka_unit_test(a_bent_target_that_hardly_anybody_reaches_solves_its_equations_too),
        cmocka_unit_test(shapes_fitted_together_are_those_fitted_alone),
        cmocka_unit_test(shapes_told_together_are_those_told_alone),
        cmocka_unit_test(what_levels_off_is_told_better_by_a_bent_target_which_stays_below_its_top),
        cmocka_unit_test(what_each_column_adds_sums_to_the_prediction),
        cmocka_unit_test(constant_features_and_targets_that_are_not_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
