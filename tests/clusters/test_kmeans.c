#include "check.h"
#include "clade/clusters.h"
#include "clade/numeric.h"
#include "clade/run.h"
#include "models/clusters/clusters_internal.h"

#include <stdlib.h>
#include <string.h>

enum { N = 6000, D = 7, K = 9 };

static float    x[N * D], weight[N];
static uint32_t truth[N], label[N], other[N];

/* K groups of unequal size around centres `spread` apart, with deviation 1. */
static void draw_groups(double spread, uint64_t seed)
{
    float     centre[K * D];
    clade_rng rng = clade_rng_stream(seed, "test/groups", 0);
    for (size_t i = 0; i < K * D; i++)
        centre[i] = (float)(spread * clade_rng_normal(&rng));
    for (size_t i = 0; i < N; i++) {
        const uint64_t a = clade_rng_below(&rng, K), b = clade_rng_below(&rng, K);
        truth[i]  = (uint32_t)(a < b ? a : b); /* the first is 17 times as large as the last */
        weight[i] = (float)clade_rng_below(&rng, 5);
        for (size_t j = 0; j < D; j++) {
            x[i * D + j] = centre[truth[i] * D + j] + (float)clade_rng_normal(&rng);
        }
    }
}

static double objective_of(const clade_kmeans *m, const uint32_t *labels, const float *weights)
{
    double total = 0.0;
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < D; j++) {
            const double away = (double)x[i * D + j] - (double)m->centre[labels[i] * D + j];
            total += (weights == NULL ? 1.0 : (double)weights[i]) * away * away;
        }
    }
    return total;
}

/* Lloyd's method as it is told: all distances in double, means of all rows. */
static void lloyd_naive(double *centre, uint32_t *out, size_t n_iter, const float *weights)
{
    for (size_t pass = 0; pass <= n_iter; pass++) {
        double sum[K * D] = { 0 }, total[K] = { 0 };
        for (size_t i = 0; i < N; i++) {
            double least = INFINITY;
            for (size_t c = 0; c < K; c++) {
                double far = 0.0;
                for (size_t j = 0; j < D; j++)
                    far += pow((double)x[i * D + j] - centre[c * D + j], 2.0);
                if (far < least) {
                    least  = far;
                    out[i] = (uint32_t)c;
                }
            }
            const double w = weights == NULL ? 1.0 : (double)weights[i];
            for (size_t j = 0; j < D; j++)
                sum[out[i] * D + j] += w * (double)x[i * D + j];
            total[out[i]] += w;
        }
        for (size_t c = 0; pass < n_iter && c < K; c++) {
            for (size_t j = 0; j < D; j++)
                centre[c * D + j] = sum[c * D + j] / total[c];
        }
    }
}

/* Points 0, 1, 10, 12 on a line from starts 0 and 1: {0} {1 10 12}, then {0 1} {10 12}; cost .5
 * + 2. */
static void kmeans_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float                line[4] = { 0, 1, 10, 12 }, start[2] = { 0, 1 };
    const clade_kmeans_options options = { .k = 2, .start = start };
    clade_kmeans              *m       = NULL;
    check_ok(clade_kmeans_fit(&m, label, line, 4, 1, NULL, &options, NULL));
    check_close((double)m->centre[0], 0.5, 1e-6);
    check_close((double)m->centre[1], 11.0, 1e-6);
    check_close(m->objective, 2.5, 1e-6);
    assert_true(m->converged);
    const uint32_t wanted[4] = { 0, 0, 1, 1 };
    assert_memory_equal(label, wanted, sizeof wanted);
    clade_kmeans_free(m);
}

/* Rounded centres may move a row that lies between two of them: at most a few in 6,000. */
static void kmeans_equals_naive_lloyd_to_rounding(void **state)
{
    (void)state;
    for (int weighted = 0; weighted < 2; weighted++) {
        draw_groups(1.2, 3);
        double                     centre[K * D];
        clade_kmeans              *m       = NULL;
        const clade_kmeans_options options = { .k = K, .start = x, .max_iter = 12 };
        for (size_t i = 0; i < K * D; i++)
            centre[i] = (double)x[i];
        const float *const weights = weighted ? weight : NULL;
        lloyd_naive(centre, other, 12, weights);
        check_ok(clade_kmeans_fit(&m, label, x, N, D, weights, &options, NULL));
        size_t n_different = 0;
        for (size_t i = 0; i < N; i++)
            n_different += label[i] != other[i];
        assert_in_range(n_different, 0, 3);
        for (size_t i = 0; i < K * D; i++)
            check_close((double)m->centre[i], centre[i], 1e-3);
        check_close(m->objective, objective_of(m, label, weights), 1e-6);
        clade_kmeans_free(m);
    }
}

/* Straight to Lloyd's method, with bounds from the second pass on, worth their while or not. */
static void bounds_change_no_label_and_no_bit_of_a_centre(void **state)
{
    (void)state;
    for (int spread = 0; spread < 3; spread++) {
        for (int isa = CLADE_ISA_PLAIN; isa <= CLADE_ISA_AVX512; isa++) {
            float                centre[2][K * D], shift[D];
            double               total[K];
            clade__lloyd_result  result[2];
            const clade__rows    rows    = { x, NULL, N, D };
            clade__lloyd_options options = { .max_iter = 60, .tolerance_abs = -1.0 };
            clade_isa_set((clade_isa)isa);
            draw_groups(2.0 * spread, 4);
            clade__shift_of(shift, &rows);
            for (int with = 0; with < 2; with++) {
                options.bounds = with ? CLADE__BOUNDS_ALWAYS : CLADE__BOUNDS_NEVER;
                memcpy(centre[with], x, sizeof centre[with]);
                check_ok(clade__lloyd(centre[with], with ? label : other, total, &result[with],
                                      &rows, K, shift, &options, NULL));
            }
            assert_memory_equal(label, other, sizeof label);
            assert_memory_equal(centre[0], centre[1], sizeof centre[0]);
            assert_int_equal(result[0].n_iter, result[1].n_iter);
            assert_true(result[1].share_skipped > 0.2 && result[0].share_skipped == 0.0);
        }
    }
    clade_isa_set(CLADE_ISA_AVX512);
}

static void the_objective_never_rises(void **state)
{
    (void)state;
    double before = INFINITY;
    draw_groups(0.8, 5);
    for (size_t passes = 1; passes < 40; passes++) {
        clade_kmeans              *m       = NULL;
        const clade_kmeans_options options = { .k = K, .start = x, .max_iter = passes };
        check_ok(clade_kmeans_fit(&m, NULL, x, N, D, NULL, &options, NULL));
        assert_true(m->objective <= before * (1.0 + 1e-6)); /* distances are float */
        before = m->objective;
        clade_kmeans_free(m);
    }
}

static void kmeans_is_the_same_with_any_number_of_threads(void **state)
{
    (void)state;
    clade_kmeans              *one = NULL, *six = NULL;
    const clade_kmeans_options options = { .k = K, .seed = 11 };
    draw_groups(1.0, 6);
    clade_threads_set(1);
    check_ok(clade_kmeans_fit(&one, label, x, N, D, weight, &options, NULL));
    clade_threads_set(6);
    check_ok(clade_kmeans_fit(&six, other, x, N, D, weight, &options, NULL));
    clade_threads_set(0);
    assert_memory_equal(label, other, sizeof label);
    assert_memory_equal(one->centre, six->centre, K * D * sizeof *one->centre);
    assert_true(one->objective == six->objective);
    clade_kmeans_free(one);
    clade_kmeans_free(six);
}

static void planted_groups_are_found_again(void **state)
{
    (void)state;
    clade_kmeans              *m       = NULL;
    const clade_kmeans_options options = { .k = K, .seed = 2 };
    draw_groups(6.0, 7);
    check_ok(clade_kmeans_fit(&m, label, x, N, D, NULL, &options, NULL));
    assert_true(m->converged);
    for (uint32_t c = 0; c < K;
         c++) { /* all rows of a cluster share one truth, and the other way */
        uint32_t was = UINT32_MAX;
        for (size_t i = 0; i < N; i++) {
            if (label[i] != c) continue;
            if (was == UINT32_MAX) was = truth[i];
            assert_int_equal(truth[i], was);
        }
        assert_true(c == 0 || m->weight[c - 1] >= m->weight[c]);
    }
    check_ok(clade_kmeans_assign(other, NULL, m, x, N, NULL));
    assert_memory_equal(label, other, sizeof label);
    clade_kmeans_free(m);
}

/* The order of rows may change which optimum is found, but not how good a converged one is when
 * groups are plain. */
static void shuffled_rows_give_the_same_groups(void **state)
{
    (void)state;
    static float               mixed[N * D];
    static uint32_t            order[N];
    clade_kmeans              *a = NULL, *b = NULL;
    const clade_kmeans_options options = { .k = K, .seed = 2 };
    clade_rng                  rng     = clade_rng_stream(8, "test/shuffle", 0);
    draw_groups(6.0, 9);
    clade_rng_permute(order, N, &rng);
    for (size_t i = 0; i < N; i++)
        memcpy(mixed + i * D, x + order[i] * D, D * sizeof *x);
    check_ok(clade_kmeans_fit(&a, label, x, N, D, NULL, &options, NULL));
    check_ok(clade_kmeans_fit(&b, other, mixed, N, D, NULL, &options, NULL));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(other[i], label[order[i]]);
    check_close(a->objective, b->objective, 1e-6);
    clade_kmeans_free(a);
    clade_kmeans_free(b);
}

/* A weight of 3 is the same row three times. */
static void weights_are_repeated_rows(void **state)
{
    (void)state;
    static float               many[5 * N * D];
    size_t                     n = 0;
    clade_kmeans              *a = NULL, *b = NULL;
    const clade_kmeans_options options = { .k = K, .start = x };
    draw_groups(3.0, 10);
    for (size_t i = 0; i < N; i++) {
        for (float w = 0.0f; w < weight[i]; w += 1.0f)
            memcpy(many + n++ * D, x + i * D, D * sizeof *x);
    }
    check_ok(clade_kmeans_fit(&a, NULL, x, N, D, weight, &options, NULL));
    check_ok(clade_kmeans_fit(&b, NULL, many, n, D, NULL, &options, NULL));
    check_close(a->objective, b->objective, 1e-6);
    for (size_t c = 0; c < K; c++)
        check_close(a->weight[c], b->weight[c], 1e-9);
    clade_kmeans_free(a);
    clade_kmeans_free(b);
}

/* Two of three starts lie on one another far away from all rows: both run empty at once. */
static void empty_clusters_take_over_the_rows_that_cost_most(void **state)
{
    (void)state;
    const float                line[6]  = { 0, 0.5f, 1, 50, 51, 100 };
    const float                start[3] = { 0.25f, 1e6f, 1e6f };
    const clade_kmeans_options options  = { .k = 3, .start = start };
    clade_kmeans              *m        = NULL;
    check_ok(clade_kmeans_fit(&m, label, line, 6, 1, NULL, &options, NULL));
    assert_int_equal(m->n_repaired, 2);
    for (size_t c = 0; c < 3; c++)
        assert_true(m->weight[c] >= 1.0);
    check_close(m->objective, 0.5 + 0.5, 1e-6); /* {0 .5 1} {50 51} {100} */
    clade_kmeans_free(m);
}

static void more_clusters_than_distinct_rows_is_said(void **state)
{
    (void)state;
    static float               same[200];
    const clade_kmeans_options options = { .k = 3 };
    clade_kmeans              *m       = NULL;
    clade_error                err     = { 0 };
    same[7]                            = 1.5f;
    assert_int_equal(clade_kmeans_fit(&m, NULL, same, 200, 1, NULL, &options, &err),
                     CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "fewer distinct rows"));
    assert_null(m);
}

static void bad_input_is_named_and_nothing_written(void **state)
{
    (void)state;
    clade_kmeans        *m       = NULL;
    clade_error          err     = { 0 };
    clade_kmeans_options options = { .k = K };
    draw_groups(1.0, 12);
    label[0]      = 77;
    x[17 * D + 4] = (float)NAN;
    assert_int_equal(clade_kmeans_fit(&m, label, x, N, D, NULL, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "x[17, 4]"));
    x[17 * D + 4] = 0.0f;
    weight[9]     = -1.0f;
    assert_int_equal(clade_kmeans_fit(&m, label, x, N, D, weight, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "weight[9]"));
    options.k = N + 1;
    assert_int_equal(clade_kmeans_fit(&m, label, x, N, D, NULL, &options, &err), CLADE_ERR_ARG);
    options.k = 0;
    assert_int_equal(clade_kmeans_fit(&m, label, x, N, D, NULL, &options, &err), CLADE_ERR_ARG);
    assert_int_equal(label[0], 77);
    assert_null(m);
}

/* Far from zero a float holds few digits; the shift keeps what there is. */
static void data_far_from_zero_clusters_as_well(void **state)
{
    (void)state;
    clade_kmeans              *m       = NULL;
    const clade_kmeans_options options = { .k = K, .seed = 2 };
    draw_groups(6.0, 7);
    for (size_t i = 0; i < N * D; i++)
        x[i] += 10000.0f;
    check_ok(clade_kmeans_fit(&m, label, x, N, D, NULL, &options, NULL));
    check_close(m->objective / N, (double)D, 0.05); /* deviation 1 in each column */
    clade_kmeans_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kmeans_matches_the_case_worked_by_hand),
        cmocka_unit_test(kmeans_equals_naive_lloyd_to_rounding),
        cmocka_unit_test(bounds_change_no_label_and_no_bit_of_a_centre),
        cmocka_unit_test(the_objective_never_rises),
        cmocka_unit_test(kmeans_is_the_same_with_any_number_of_threads),
        cmocka_unit_test(planted_groups_are_found_again),
        cmocka_unit_test(shuffled_rows_give_the_same_groups),
        cmocka_unit_test(weights_are_repeated_rows),
        cmocka_unit_test(empty_clusters_take_over_the_rows_that_cost_most),
        cmocka_unit_test(more_clusters_than_distinct_rows_is_said),
        cmocka_unit_test(bad_input_is_named_and_nothing_written),
        cmocka_unit_test(data_far_from_zero_clusters_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
