#include "check.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <stdlib.h>
#include <string.h>

enum { N = 6000, D = 6 };

/* 0 normal, 1 exponential (skewed), 2 constant, 3 half absent, 4 never there, 5 mostly zero. */
static void draw(float *x)
{
    clade_rng rng = clade_rng_stream(1, "test/scale", 0);
    for (size_t i = 0; i < N; i++) {
        float *const row = x + i * D;
        row[0]           = 5.0f + 3.0f * (float)clade_rng_normal(&rng);
        row[1]           = (float)exp(2.0 * clade_rng_normal(&rng)) * 100.0f;
        row[2]           = 7.5f;
        row[3]           = i % 2 == 0 ? (float)NAN : (float)clade_rng_normal(&rng);
        row[4]           = (float)NAN;
        row[5] = clade_rng_below(&rng, 20) == 0 ? 1.0f + (float)clade_rng_uniform(&rng) : 0.0f;
    }
}

/* Values 1 2 3 4 5: median 3, quartiles 2 and 4; 9 reads (9 - 3) / (2 / 1.349), clipped at 4. */
static void scaling_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float                x[5] = { 3, 1, 5, 2, 4 }, fresh[3] = { 4, 9, (float)NAN };
    const uint8_t              plain[1] = { 0 };
    const clade_scaler_options options  = { .skewed = plain };
    clade_scaler              *s        = NULL;
    float                      out[3];
    check_ok(clade_scaler_fit(&s, x, 5, 1, &options, NULL));
    clade_scaler_apply(out, s, fresh, 3);
    check_close((double)out[0], 1.3489795 / 2.0, 1e-7);
    check_close((double)out[1], 4.0, 1e-7);
    check_close((double)out[2], 0.0, 0.0);
    clade_scaler_free(s);
}

static void scaled_columns_have_like_spread_and_no_gaps(void **state)
{
    (void)state;
    static float               x[N * D], out[N * 2 * D];
    const clade_scaler_options options = { .impute = CLADE_IMPUTE_INDICATOR };
    clade_scaler              *s       = NULL;
    draw(x);
    check_ok(clade_scaler_fit(&s, x, N, D, &options, NULL));
    assert_int_equal(s->n_out, 5); /* 0, 1, 3, whether 3 is absent, 5 */
    assert_int_equal(s->n_dropped, 2);
    assert_int_equal(s->dropped[0], 2);
    assert_int_equal(s->dropped[1], 4);
    assert_false(s->column[0].logged);
    assert_true(s->column[1].logged);
    assert_true(s->column[3].indicator && s->column[3].source == 3);

    clade_scaler_apply(out, s, x, N);
    for (size_t j = 0; j < s->n_out; j++) {
        double mean = 0.0, spread2 = 0.0;
        for (size_t i = 0; i < N; i++) {
            assert_true(isfinite(out[i * s->n_out + j]));
            assert_true(fabsf(out[i * s->n_out + j]) <= 4.0f);
            mean += (double)out[i * s->n_out + j] / N;
        }
        for (size_t i = 0; i < N; i++) {
            spread2 += pow((double)out[i * s->n_out + j] - mean, 2.0) / N;
        }
        assert_true(spread2 > 0.4 && spread2 < 1.3); /* half of column 3 sits on its median */
    }
    clade_scaler_free(s);
}

/* A scaler learns nothing from rows it is only applied to, and does not care for their order. */
static void applying_row_by_row_gives_the_same_bits(void **state)
{
    (void)state;
    static float  x[N * D], out[N * D];
    float         one[D];
    clade_scaler *s = NULL;
    draw(x);
    check_ok(clade_scaler_fit(&s, x, N, D, NULL, NULL));
    clade_scaler_apply(out, s, x, N);
    for (size_t i = 0; i < N; i += 97) {
        clade_scaler_apply(one, s, x + i * D, 1);
        assert_memory_equal(one, out + i * s->n_out, s->n_out * sizeof one[0]);
    }
    clade_scaler_free(s);
}

static void absence_can_read_as_low(void **state)
{
    (void)state;
    static float               x[N * D];
    const clade_scaler_options options = { .impute = CLADE_IMPUTE_LOW };
    const float                gap[D]  = { (float)NAN, 1, 1, 1, 1, 1 };
    float                      out[2 * D];
    clade_scaler              *s = NULL;
    draw(x);
    check_ok(clade_scaler_fit(&s, x, N, D, &options, NULL));
    clade_scaler_apply(out, s, gap, 1);
    check_close((double)out[0], -1.645, 0.05); /* the 5 % quantile of a normal, of 6,000 draws */
    clade_scaler_free(s);
}

static void scaling_refuses_infinities_by_column(void **state)
{
    (void)state;
    static float  x[N * D];
    clade_scaler *s   = NULL;
    clade_error   err = { 0 };
    draw(x);
    x[100 * D + 3] = (float)INFINITY;
    assert_int_equal(clade_scaler_fit(&s, x, N, D, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "column 3 holds 1 infinite"));
    assert_null(s);
    assert_int_equal(clade_scaler_fit(&s, x, 0, D, NULL, &err), CLADE_ERR_ARG);
}

/* b = a + little noise, c = -2 a: one group led by a; e is on its own. */
static void draw_twins(float *x)
{
    clade_rng rng = clade_rng_stream(4, "test/twins", 0);
    for (size_t i = 0; i < N; i++) {
        const float a = (float)clade_rng_normal(&rng);
        x[i * 4]      = a;
        x[i * 4 + 1]  = a + 0.05f * (float)clade_rng_normal(&rng);
        x[i * 4 + 2]  = -2.0f * a;
        x[i * 4 + 3]  = (float)clade_rng_normal(&rng);
    }
}

static void columns_that_say_the_same_become_one(void **state)
{
    (void)state;
    static float       x[N * 4], out[N * 4];
    clade_projection  *p       = NULL;
    clade_tame_options options = { .method = CLADE_TAME_LEADERS };
    draw_twins(x);
    check_ok(clade_projection_fit(&p, x, N, 4, &options, NULL));
    assert_int_equal(p->n_out, 2);
    const uint32_t leader[4] = { 0, 0, 0, 3 };
    assert_memory_equal(p->leader, leader, sizeof leader);
    clade_projection_apply(out, p, x, N);
    check_close((double)(out[2 * 7] - out[2 * 8]), (double)(x[4 * 7] - x[4 * 8]), 1e-6);
    clade_projection_free(p);

    options.method = CLADE_TAME_AVERAGE; /* a, about a, and -2 a turned and shrunk to a */
    check_ok(clade_projection_fit(&p, x, N, 4, &options, NULL));
    clade_projection_apply(out, p, x, N);
    for (size_t i = 1; i < N; i += 501) {
        check_close((double)(out[2 * i] - out[0]), (double)(x[4 * i] - x[0]), 0.1);
    }
    clade_projection_free(p);
}

static void whitened_components_are_uncorrelated_with_unit_variance(void **state)
{
    (void)state;
    static float             x[N * 4], out[N * 4];
    double                   mean[4], covariance[16];
    clade_projection        *p       = NULL;
    const clade_tame_options options = { .method   = CLADE_TAME_PCA,
                                         .variance = 0.9999,
                                         .whiten   = 1.0 };
    draw_twins(x);
    check_ok(clade_projection_fit(&p, x, N, 4, &options, NULL));
    assert_int_equal(p->n_out,
                     3); /* a's direction, the rest's, and the little noise between twins */
    clade_projection_apply(out, p, x, N);
    check_ok(clade_covariance(mean, covariance, out, NULL, N, p->n_out, NULL));
    for (size_t i = 0; i < p->n_out; i++) {
        for (size_t j = 0; j < p->n_out; j++) {
            check_close(covariance[i * p->n_out + j], i == j ? 1.0 : 0.0, 1e-4);
        }
    }
    clade_projection_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaling_matches_the_case_worked_by_hand),
        cmocka_unit_test(scaled_columns_have_like_spread_and_no_gaps),
        cmocka_unit_test(applying_row_by_row_gives_the_same_bits),
        cmocka_unit_test(absence_can_read_as_low),
        cmocka_unit_test(scaling_refuses_infinities_by_column),
        cmocka_unit_test(columns_that_say_the_same_become_one),
        cmocka_unit_test(whitened_components_are_uncorrelated_with_unit_variance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
