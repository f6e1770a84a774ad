#include "check.h"
#include "clade/clusters.h"
#include "clade/run.h"

#include <string.h>

enum { N = 300 };

/* a: {0 1 2} {3 4 5}, b: {0 1} {2 3} {4 5}. Pairs together: 1 + 0 + 0 + 1 = 2; in a 6, in b 3, of
 * 15: (2 - 18/15) / (4.5 - 18/15) = .8 / 3.3. */
static void rand_index_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const uint32_t a[6] = { 0, 0, 0, 1, 1, 1 }, b[6] = { 0, 0, 1, 1, 2, 2 };
    double         ari = NAN;
    check_ok(clade_adjusted_rand(&ari, a, 2, b, 3, 6, NULL));
    check_close(ari, 0.8 / 3.3, 1e-15);
    check_ok(clade_adjusted_rand(&ari, a, 2, a, 2, 6, NULL));
    check_close(ari, 1.0, 0.0);
    const uint32_t all[6] = { 0 };
    check_ok(clade_adjusted_rand(&ari, all, 1, all, 1, 6, NULL));
    check_close(ari, 1.0, 0.0);
}

static void rand_index_of_independent_labels_is_zero_on_average(void **state)
{
    (void)state;
    double mean = 0.0;
    for (uint64_t world = 0; world < 400; world++) {
        uint32_t  a[N], b[N];
        double    ari = NAN;
        clade_rng rng = clade_rng_stream(world, "test/rand", 0);
        for (size_t i = 0; i < N; i++) {
            a[i] = (uint32_t)clade_rng_below(&rng, 4);
            b[i] = (uint32_t)(clade_rng_uniform(&rng) < 0.7 ? 0 : 1 + clade_rng_below(&rng, 5));
        }
        check_ok(clade_adjusted_rand(&ari, a, 4, b, 6, N, NULL));
        mean += ari / 400.0;
    }
    check_close(mean, 0.0, 0.001); /* sd of one is about .006 */
}

/* Shuffled names are found again; with one cluster too many, that one has no partner. */
static void matching_undoes_a_renaming(void **state)
{
    (void)state;
    const uint32_t name[5] = { 3, 0, 4, 1, 2 };
    uint32_t       a[N], b[N], match[6];
    clade_rng      rng = clade_rng_stream(1, "test/match", 0);
    for (size_t i = 0; i < N; i++) {
        a[i] = (uint32_t)clade_rng_below(&rng, 5);
        b[i] = clade_rng_below(&rng, 10) == 0 ? (uint32_t)clade_rng_below(&rng, 5) : name[a[i]];
    }
    check_ok(clade_clusters_match(match, a, 5, b, 5, N, NULL));
    for (uint32_t c = 0; c < 5; c++)
        assert_int_equal(match[name[c]], c);
    b[0] = 5;
    check_ok(clade_clusters_match(match, a, 5, b, 6, N, NULL));
    for (uint32_t c = 0; c < 5; c++)
        assert_int_equal(match[name[c]], c);
    assert_int_equal(match[5], CLADE_NO_MATCH);
}

static double least_naive(const double *cost, size_t n, size_t row, unsigned used)
{
    double least = INFINITY;
    if (row == n) return 0.0;
    for (size_t c = 0; c < n + 1; c++) {
        if (used >> c & 1u) continue;
        least =
            fmin(least, cost[row * (n + 1) + c] + least_naive(cost, n, row + 1, used | 1u << c));
    }
    return least;
}

static void assignments_cost_no_more_than_any_other(void **state)
{
    (void)state;
    for (uint64_t world = 0; world < 200; world++) {
        const size_t n = 1 + world % 6;
        double       cost[6 * 7], total = 0.0;
        uint32_t     column[6];
        unsigned     used = 0;
        clade_rng    rng  = clade_rng_stream(world, "test/assign", 0);
        for (size_t i = 0; i < n * (n + 1); i++)
            cost[i] = floor(20.0 * clade_rng_normal(&rng));
        check_ok(clade_assign_least_cost(column, cost, n, n + 1, NULL));
        for (size_t i = 0; i < n; i++) {
            assert_false(used >> column[i] & 1u);
            used |= 1u << column[i];
            total += cost[i * (n + 1) + column[i]];
        }
        check_close(total, least_naive(cost, n, 0, 0), 1e-12);
    }
}

/* {0 1 2} against {1 2 3}: 2 / 4, against {0}: 1 / 3. Row 4 is left out by its label. */
static void jaccard_takes_the_most_similar_cluster(void **state)
{
    (void)state;
    const uint32_t a[5] = { 0, 0, 0, 1, 0 }, b[5] = { 1, 0, 0, 0, CLADE_NO_MATCH };
    double         jaccard[3];
    check_ok(clade_clusters_jaccard(jaccard, a, 3, b, 2, 5, NULL));
    check_close(jaccard[0], 0.5, 1e-15);
    check_close(jaccard[1], 1.0 / 3.0, 1e-15);
    assert_true(isnan(jaccard[2]));
}

static void a_label_too_large_is_named(void **state)
{
    (void)state;
    const uint32_t a[2] = { 0, 1 }, b[2] = { 0, 9 };
    double         ari = 0.25;
    clade_error    err = { 0 };
    assert_int_equal(clade_adjusted_rand(&ari, a, 2, b, 2, 2, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "row 1"));
    check_close(ari, 0.25, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rand_index_matches_the_case_worked_by_hand),
        cmocka_unit_test(rand_index_of_independent_labels_is_zero_on_average),
        cmocka_unit_test(matching_undoes_a_renaming),
        cmocka_unit_test(assignments_cost_no_more_than_any_other),
        cmocka_unit_test(jaccard_takes_the_most_similar_cluster),
        cmocka_unit_test(a_label_too_large_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
