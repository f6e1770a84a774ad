#include "check.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <stdlib.h>

enum { N = 32, D_MAX = 41, K_MAX = 61 };

static float x[N * D_MAX], centre[K_MAX * D_MAX], shift[D_MAX];
_Alignas(64) static float scratch[CLADE_NEAREST_ROWS * D_MAX];

static void draw(size_t d, size_t k, float at)
{
    clade_rng rng = clade_rng_stream(1, "test/nearest", d * 100 + k);
    for (size_t i = 0; i < N * d; i++)
        x[i] = at + (float)clade_rng_normal(&rng);
    for (size_t i = 0; i < k * d; i++)
        centre[i] = at + (float)clade_rng_normal(&rng);
    for (size_t j = 0; j < d; j++)
        shift[j] = at + 0.125f * (float)j;
}

static double distance2_naive(size_t row, size_t c, size_t d)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++) {
        sum += pow((double)x[row * d + j] - (double)centre[c * d + j], 2.0);
    }
    return sum;
}

/* Every shape of tile and of ragged end, in every instruction set this machine has, against sums in
 * double. Distances are sums of d squares around 1 with float rounding: 1e-5 is some hundred of
 * those; where two centres are closer than that, either may be called the nearest. */
static void every_kernel_finds_the_nearest_centre(void **state)
{
    (void)state;
    for (int isa = CLADE_ISA_PLAIN; isa <= CLADE_ISA_AVX512; isa++) {
        clade_isa_set((clade_isa)isa);
        for (size_t d = 1; d <= D_MAX; d += d < 18 ? 1 : 7) {
            for (size_t k = 1; k <= K_MAX; k += k < 14 ? 1 : 11) {
                draw(d, k, d % 2 == 0 ? 0.0f : 1000.0f);
                clade_nearest  got;
                clade_centres *packed = clade_centres_create(k, d, shift);
                assert_non_null(packed);
                clade_centres_set(packed, centre);
                const size_t n_rows = 1 + (d * 7 + k) % N;
                clade_nearest_rows(&got, packed, x, NULL, n_rows, true, scratch);
                for (size_t r = 0; r < n_rows; r++) {
                    double best = INFINITY, second = INFINITY;
                    for (size_t c = 0; c < k; c++) {
                        const double far = distance2_naive(r, c, d);
                        second           = fmin(second, fmax(best, far));
                        best             = fmin(best, far);
                    }
                    const double room = 1e-5 * (1.0 + (double)got.norm2[r]);
                    check_close(distance2_naive(r, got.index[r], d), best, room);
                    check_close((double)(got.norm2[r] - 2.0f * got.score[r]), best, room);
                    if (k == 1) {
                        assert_true(isinf(got.second[r]));
                    } else {
                        check_close((double)(got.norm2[r] - 2.0f * got.second[r]), second, room);
                    }
                }
                clade_centres_free(packed);
            }
        }
    }
    clade_isa_set(CLADE_ISA_AVX512);
}

static void of_equal_centres_the_first_is_named(void **state)
{
    (void)state;
    for (int isa = CLADE_ISA_PLAIN; isa <= CLADE_ISA_AVX512; isa++) {
        clade_isa_set((clade_isa)isa);
        draw(9, 20, 0.0f);
        for (size_t c = 3; c < 20; c += 4) {
            for (size_t j = 0; j < 9; j++)
                centre[c * 9 + j] = x[5 * 9 + j];
        }
        clade_nearest  got;
        clade_centres *packed = clade_centres_create(20, 9, shift);
        clade_centres_set(packed, centre);
        clade_nearest_rows(&got, packed, x, NULL, 8, false, scratch);
        assert_int_equal(got.index[5], 3);
        clade_centres_free(packed);
    }
    clade_isa_set(CLADE_ISA_AVX512);
}

/* Gathered in any order, beside any other rows, with or without the second best: the same bits. */
static void the_score_of_a_row_does_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    const uint32_t row[5] = { 30, 2, 2, 17, 9 };
    for (int isa = CLADE_ISA_PLAIN; isa <= CLADE_ISA_AVX512; isa++) {
        clade_isa_set((clade_isa)isa);
        draw(33, 50, 0.0f);
        clade_nearest  all, some;
        clade_centres *packed = clade_centres_create(50, 33, shift);
        clade_centres_set(packed, centre);
        clade_nearest_rows(&all, packed, x, NULL, N, false, scratch);
        clade_nearest_rows(&some, packed, x, row, 5, true, scratch);
        for (size_t r = 0; r < 5; r++) {
            assert_int_equal(some.index[r], all.index[row[r]]);
            assert_true(some.score[r] == all.score[row[r]]);
        }
        clade_centres_free(packed);
    }
    clade_isa_set(CLADE_ISA_AVX512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_finds_the_nearest_centre),
        cmocka_unit_test(of_equal_centres_the_first_is_named),
        cmocka_unit_test(the_score_of_a_row_does_not_depend_on_its_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
