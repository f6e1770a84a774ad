#include "check.h"
#include "clade/clusters.h"
#include "clade/run.h"

#include <stdlib.h>
#include <string.h>

enum { N = 2000, D = 4 };

static float x[N * D];

/* `k` groups of deviation 1 on the corners of a large cube, or one cloud when k is 1. */
static void draw_corners(size_t k, double side, uint64_t seed)
{
    clade_rng rng = clade_rng_stream(seed, "test/corners", k);
    for (size_t i = 0; i < N; i++) {
        const size_t corner = clade_rng_below(&rng, k);
        for (size_t j = 0; j < D; j++) {
            x[i * D + j] = (float)(clade_rng_normal(&rng) + (corner >> j & 1 ? side : 0.0));
        }
    }
}

static void the_planted_number_of_clusters_is_chosen(void **state)
{
    (void)state;
    const clade_choose_k_options options = { .k_max = 8, .n_splits = 6, .seed = 4 };
    for (size_t k = 2; k <= 6; k += 4) {
        size_t           chosen = 0, best = 0;
        clade_k_evidence evidence[7];
        draw_corners(k, 8.0, 1);
        check_ok(clade_kmeans_choose_k(&chosen, &best, evidence, x, N, D, &options, NULL));
        assert_int_equal(chosen, k);
        check_close(evidence[k - 2].strength, 1.0, 0.01);
        check_close(evidence[k - 2].rand_index, 1.0, 0.01);
        assert_true(evidence[k - 1].strength < 0.8);
        for (size_t i = 0; i < 7; i++)
            assert_int_equal(evidence[i].k, i + 2);
    }
}

/* A tight group beside a wide one that reaches around it: k-means gives the near side of the wide
 * one to the tight one, a mixture knows how wide each is. */
static void a_mixture_counts_groups_of_unequal_width(void **state)
{
    (void)state;
    const clade_choose_k_options options = { .k_max = 5, .n_splits = 6, .seed = 4 };
    const clade_mixture_options  mixture = { .k = 2, .seed = 1 };
    const clade_kmeans_options   kmeans  = { .k = 2, .seed = 1 };
    static uint32_t              label[N];
    size_t                       n_right[2] = { 0, 0 };
    clade_mixture               *m          = NULL;
    clade_kmeans                *cut        = NULL;
    clade_rng                    rng        = clade_rng_stream(8, "test/widths", 0);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < D; j++) {
            x[i * D + j] =
                (float)((i % 2 ? 4.0 : 0.3) * clade_rng_normal(&rng) + (i % 2 && j == 0 ? 5.5 : 0));
        }
    }
    for (int kind = 0; kind < 2; kind++) {
        clade_k_evidence evidence[4];
        size_t           chosen = 0, best = 0;
        check_ok(clade_mixture_choose_k(&chosen, &best, evidence, x, N, D,
                                        (clade_covariance_kind)kind, &options, NULL));
        assert_int_equal(chosen, 2);
        assert_int_equal(best, 2);
        assert_true(evidence[0].strength > 0.95 && evidence[1].strength < 0.8);
    }
    check_ok(clade_mixture_fit(&m, label, x, N, D, &mixture, NULL));
    for (size_t i = 0; i < N; i++)
        n_right[0] += (label[i] == label[0]) == (i % 2 == 0);
    check_ok(clade_kmeans_fit(&cut, label, x, N, D, NULL, &kmeans, NULL));
    for (size_t i = 0; i < N; i++)
        n_right[1] += (label[i] == label[0]) == (i % 2 == 0);
    assert_true(n_right[0] > 0.99 * N);
    assert_true(n_right[1] < 0.9 * N);
    clade_mixture_free(m);
    clade_kmeans_free(cut);
}

static void a_cloud_without_clusters_is_called_one(void **state)
{
    (void)state;
    const clade_choose_k_options options = { .k_max = 6, .n_splits = 6 };
    size_t                       chosen = 0, best = 0;
    draw_corners(1, 0.0, 2);
    check_ok(clade_kmeans_choose_k(&chosen, &best, NULL, x, N, D, &options, NULL));
    assert_int_equal(chosen, 1);
    assert_in_range(best, 2, 6);
}

static void the_choice_is_the_same_with_any_number_of_threads(void **state)
{
    (void)state;
    const clade_choose_k_options options = { .k_max = 5, .n_splits = 3, .max_rows = 800 };
    clade_k_evidence             one[4], four[4];
    size_t                       chosen;
    memset(one, 0, sizeof one);
    memset(four, 0, sizeof four);
    draw_corners(3, 3.0, 3);
    clade_threads_set(1);
    check_ok(clade_kmeans_choose_k(&chosen, NULL, one, x, N, D, &options, NULL));
    clade_threads_set(4);
    check_ok(clade_kmeans_choose_k(&chosen, NULL, four, x, N, D, &options, NULL));
    clade_threads_set(0);
    assert_memory_equal(one, four, sizeof one);
}

static void more_clusters_than_distinct_rows_have_no_strength(void **state)
{
    (void)state;
    const clade_choose_k_options options = { .k_max = 4, .n_splits = 3 };
    clade_k_evidence             evidence[3];
    size_t                       chosen = 0;
    for (size_t i = 0; i < N; i++) { /* two points only */
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = (float)(i % 2);
    }
    check_ok(clade_kmeans_choose_k(&chosen, NULL, evidence, x, N, D, &options, NULL));
    assert_int_equal(chosen, 2);
    check_close(evidence[1].strength, 0.0, 0.0);
}

static void real_clusters_come_back_and_halves_of_one_do_not(void **state)
{
    (void)state;
    clade_kmeans        *m = NULL;
    double               jaccard[4], recovered[4];
    clade_kmeans_options options = { .k = 4 };
    draw_corners(4, 8.0, 5);
    check_ok(clade_kmeans_fit(&m, NULL, x, N, D, NULL, &options, NULL));
    check_ok(clade_kmeans_stability(jaccard, recovered, m, x, N, 20, 1, NULL));
    for (size_t c = 0; c < 4; c++) {
        assert_true(jaccard[c] > 0.97);
        check_close(recovered[c], 1.0, 0.0);
    }
    clade_kmeans_free(m);

    draw_corners(2, 8.0, 6); /* two groups cut in four: each cut may fall anywhere */
    check_ok(clade_kmeans_fit(&m, NULL, x, N, D, NULL, &options, NULL));
    check_ok(clade_kmeans_stability(jaccard, recovered, m, x, N, 20, 1, NULL));
    double least = 1.0;
    for (size_t c = 0; c < 4; c++)
        least = fmin(least, jaccard[c]);
    assert_true(least < 0.75);
    clade_kmeans_free(m);
}

/* A rule that does not learn gives the same groups from any rows. */
static clade_status by_sign(uint32_t *out_label, const uint32_t *row, size_t n_rows, uint64_t seed,
                            void *context, clade_error *err)
{
    (void)seed;
    (void)err;
    *(size_t *)context += 1;
    assert_int_equal(n_rows, N);
    for (size_t i = 1; i < n_rows; i++)
        assert_true(row[i - 1] <= row[i] && row[i] < N);
    for (size_t i = 0; i < N; i++)
        out_label[i] = x[i * D] > 0.0f;
    return CLADE_OK;
}

static clade_status failing(uint32_t *out_label, const uint32_t *row, size_t n_rows, uint64_t seed,
                            void *context, clade_error *err)
{
    (void)out_label;
    (void)row;
    (void)n_rows;
    (void)seed;
    (void)context;
    return clade_fail(err, CLADE_ERR_ENGINE, "the method broke");
}

static void a_rule_that_does_not_learn_is_perfectly_stable(void **state)
{
    (void)state;
    static uint32_t label[N];
    double          jaccard[2] = { 7.0, 7.0 };
    size_t          n_calls    = 0;
    clade_error     err        = { 0 };
    draw_corners(1, 0.0, 7);
    for (size_t i = 0; i < N; i++)
        label[i] = x[i * D] > 0.0f;
    assert_int_equal(clade_cluster_stability(jaccard, NULL, label, 2, N, failing, NULL, 5, 1, &err),
                     CLADE_ERR_ENGINE);
    check_close(jaccard[0], 7.0, 0.0);
    check_ok(clade_cluster_stability(jaccard, NULL, label, 2, N, by_sign, &n_calls, 5, 1, NULL));
    assert_int_equal(n_calls, 5);
    check_close(jaccard[0], 1.0, 0.0);
    check_close(jaccard[1], 1.0, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_planted_number_of_clusters_is_chosen),
        cmocka_unit_test(a_mixture_counts_groups_of_unequal_width),
        cmocka_unit_test(a_cloud_without_clusters_is_called_one),
        cmocka_unit_test(the_choice_is_the_same_with_any_number_of_threads),
        cmocka_unit_test(more_clusters_than_distinct_rows_have_no_strength),
        cmocka_unit_test(real_clusters_come_back_and_halves_of_one_do_not),
        cmocka_unit_test(a_rule_that_does_not_learn_is_perfectly_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
