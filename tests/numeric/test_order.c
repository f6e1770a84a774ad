#include "check.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { N = 5000 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Values of all signs and sizes, with many repeats. */
static void draw(double *out, size_t n, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/order", n);
    for (size_t i = 0; i < n; i++) {
        const double coarse = (double)clade_rng_below(&rng, n / 3 + 1) - (double)n / 6.0;
        out[i]              = coarse * (clade_rng_below(&rng, 5) == 0 ? 1e-200 : 2.385);
    }
}

static void orders_rise_and_keep_equal_values_in_order(void **state)
{
    (void)state;
    static double   value[N];
    static uint32_t order[N];
    const size_t    sizes[] = { 0, 1, 2, 24, 25, 300, N };
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        draw(value, sizes[s], s);
        check_ok(clade_order_f64(order, value, 1, sizes[s], NULL));
        for (size_t i = 1; i < sizes[s]; i++) {
            assert_true(value[order[i - 1]] < value[order[i]] ||
                        (value[order[i - 1]] == value[order[i]] && order[i - 1] < order[i]));
        }
    }
}

static void orders_put_nan_last_and_see_no_sign_on_zero(void **state)
{
    (void)state;
    const float value[12] = { 0.0f,   9, -0.0f, 9, (float)NAN,       9,
                              -1e30f, 9, 3.5f,  9, -(float)INFINITY, 9 };
    uint32_t    order[6];
    check_ok(clade_order_f32(order, value, 2, 6, NULL));
    const uint32_t wanted[6] = { 5, 3, 0, 1, 4, 2 };
    assert_memory_equal(order, wanted, sizeof wanted);
}

static int compare_float(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void floats_sort_as_qsort_sorts_them_and_lose_the_sign_of_zero(void **state)
{
    (void)state;
    static double   drawn[N];
    static float    value[N], wanted[N];
    static uint32_t spare[2 * N];
    const size_t    sizes[] = { 0, 1, 2, 25, N };
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const size_t n = sizes[s];
        draw(drawn, n, 70 + s);
        for (size_t i = 0; i < n; i++)
            value[i] = wanted[i] = (float)(drawn[i] * (i % 7 == 0 ? 1e-42 : 1)) + 0.0f;
        if (n == N) {
            value[3] = wanted[3] = INFINITY;
            value[4] = wanted[4] = -INFINITY;
            value[5]             = -0.0f;
            wanted[5]            = 0.0f;
        }
        qsort(wanted, n, sizeof wanted[0], compare_float);
        clade_sort_f32(value, spare, n);
        assert_memory_equal(value, wanted, n * sizeof value[0]);
    }
}

static void sort_equals_qsort_also_on_shapes_that_trap_quicksort(void **state)
{
    (void)state;
    static double value[N], wanted[N];
    for (int shape = 0; shape < 6; shape++) {
        draw(value, N, 50 + (uint64_t)shape);
        for (size_t i = 0; i < N; i++) {
            if (shape == 1) value[i] = (double)i;
            if (shape == 2) value[i] = -(double)i;
            if (shape == 3) value[i] = 7.25;
            if (shape == 4) value[i] = (double)(i < N / 2 ? i : N - i); /* organ pipe */
            if (shape == 5) value[i] = (double)(i * 7919 % 17);
        }
        for (size_t i = 0; i < N; i++)
            wanted[i] = value[i];
        qsort(wanted, N, sizeof wanted[0], compare);
        clade_sort_f64(value, N);
        assert_memory_equal(value, wanted, sizeof wanted);
    }
}

/* numpy.quantile([3, 1, 4, 1, 5], [0, .3, .5, 1]) = 1, 1.4, 3, 5. */
static void quantiles_match_numpy_on_a_small_case(void **state)
{
    (void)state;
    const double p[4] = { 0.0, 0.3, 0.5, 1.0 }, wanted[4] = { 1.0, 1.4, 3.0, 5.0 };
    for (size_t i = 0; i < 4; i++) {
        double value[5] = { 3, 1, 4, 1, 5 };
        check_close(clade_quantile_f64(value, 5, p[i]), wanted[i], 1e-15);
        clade_sort_f64(value, 5);
        check_close(clade_quantile_sorted(value, 5, p[i]), wanted[i], 1e-15);
    }
    assert_true(isnan(clade_quantile_sorted(NULL, 0, 0.5)));
}

static void quantiles_by_selection_equal_quantiles_of_the_sorted(void **state)
{
    (void)state;
    static double value[N], sorted[N];
    for (size_t n = 1; n < 400; n += 7) {
        draw(value, n, n);
        for (size_t i = 0; i < n; i++)
            sorted[i] = value[i];
        clade_sort_f64(sorted, n);
        for (double p = 0.0; p <= 1.0; p += 0.0625) {
            check_close(clade_quantile_f64(value, n, p), clade_quantile_sorted(sorted, n, p), 0.0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_rise_and_keep_equal_values_in_order),
        cmocka_unit_test(orders_put_nan_last_and_see_no_sign_on_zero),
        cmocka_unit_test(floats_sort_as_qsort_sorts_them_and_lose_the_sign_of_zero),
        cmocka_unit_test(sort_equals_qsort_also_on_shapes_that_trap_quicksort),
        cmocka_unit_test(quantiles_match_numpy_on_a_small_case),
        cmocka_unit_test(quantiles_by_selection_equal_quantiles_of_the_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
