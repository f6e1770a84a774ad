/* Halves of a float are the nearest ones: against a search through all 65536 of them. */
#include "check.h"

#include "clade/run.h"
#include "clade/tensors.h"

#include <float.h>

typedef uint16_t (*to_half)(float x);
typedef float (*to_float)(uint16_t half);

/* The finite halves >= 0 are the bit patterns 0 .. n - 1, and rise with them. */
enum { N_F16 = 0x7C00, N_BF16 = 0x7F80 };

/* Nearest by definition: between the two neighbours, in double, ties to the even pattern. The value
 * "behind the largest" is where the next one would be if the range went on. */
static uint16_t nearest(float x, to_float back, uint16_t n)
{
    const double size = fabs((double)x);
    uint32_t     low = 0, high = n; /* back(low) <= size < back(high) */
    const double step = (double)back((uint16_t)(n - 1)) - (double)back((uint16_t)(n - 2));
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if ((double)back((uint16_t)middle) <= size)
            low = middle;
        else
            high = middle;
    }
    const double below = back((uint16_t)low);
    const double above = high == n ? below + step : (double)back((uint16_t)high);
    uint32_t     best  = size - below < above - size ? low : high;
    if (size - below == above - size) best = low % 2 == 0 ? low : high;
    return (uint16_t)(best | (signbit(x) ? 0x8000u : 0u));
}

static void check_nearest(float x)
{
    const uint16_t f16 = clade_f16_from_float(x), bf16 = clade_bf16_from_float(x);
    if (f16 != nearest(x, clade_f16_to_float, N_F16))
        fail_msg("F16 of %a is %04x, wanted %04x", (double)x, f16,
                 nearest(x, clade_f16_to_float, N_F16));
    if (bf16 != nearest(x, clade_bf16_to_float, N_BF16))
        fail_msg("BF16 of %a is %04x, wanted %04x", (double)x, bf16,
                 nearest(x, clade_bf16_to_float, N_BF16));
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void values_worked_by_hand_have_their_bits(void **state)
{
    (void)state;
    static const struct {
        float    x;
        uint16_t f16, bf16;
    } cases[] = {
        { 0.0f, 0x0000, 0x0000 },
        { -0.0f, 0x8000, 0x8000 },
        { 1.0f, 0x3C00, 0x3F80 },
        { -2.5f, 0xC100, 0xC020 },
        { 0x1.002p0f, 0x3C00, 0x3F80 },    /* 1 + 2^-11, a tie in F16: to the even 1 */
        { 0x1.006p0f, 0x3C02, 0x3F80 },    /* 1 + 3 2^-11, a tie: to the even 1 + 2^-9 */
        { 0x1.002002p0f, 0x3C01, 0x3F80 }, /* just above the first tie */
        { 0x1.01p0f, 0x3C04, 0x3F80 },     /* 1 + 2^-8, a tie in BF16 */
        { 0x1.03p0f, 0x3C0C, 0x3F82 },
        { 65504.0f, 0x7BFF, 0x4780 }, /* the largest F16 */
        { 65519.0f, 0x7BFF, 0x4780 }, /* nearer to it than to 65536 */
        { 65520.0f, 0x7C00, 0x4780 }, /* a tie: to the even, which is infinity */
        { 0x1p-14f, 0x0400, 0x3880 }, /* the smallest normal F16 */
        { 0x1p-24f, 0x0001, 0x3380 }, /* the smallest subnormal F16 */
        { 0x1p-25f, 0x0000, 0x3300 }, /* half of it, a tie: to zero */
        { 0x1.000002p-25f, 0x0001, 0x3300 },
        { -0x1.8p-24f, 0x8002, 0xB3C0 },  /* a tie between 1 and 2 units */
        { 0x1.ffep-15f, 0x0400, 0x3880 }, /* a carry from the subnormals into the normals */
        { 0x1p-149f, 0x0000, 0x0000 },    /* the smallest float */
        { 0x1p-133f, 0x0000, 0x0001 },    /* the smallest subnormal BF16 */
        { FLT_MAX, 0x7C00, 0x7F80 },
        { INFINITY, 0x7C00, 0x7F80 },
        { -INFINITY, 0xFC00, 0xFF80 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(clade_f16_from_float(cases[i].x), cases[i].f16);
        assert_int_equal(clade_bf16_from_float(cases[i].x), cases[i].bf16);
    }
}

static void every_half_comes_back_as_it_was(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const uint16_t half = (uint16_t)bits;
        const float    f16 = clade_f16_to_float(half), bf16 = clade_bf16_to_float(half);
        if ((bits & 0x7FFF) > N_F16)
            assert_true(isnan(f16));
        else
            assert_int_equal(clade_f16_from_float(f16), half);
        if ((bits & 0x7FFF) > N_BF16)
            assert_true(isnan(bf16));
        else
            assert_int_equal(clade_bf16_from_float(bf16), half);
    }
}

static void nan_stays_nan_whichever_bits_it_has(void **state)
{
    (void)state;
    for (uint32_t fraction = 1; fraction < 1 << 23; fraction += fraction < 70000 ? 1 : 4099) {
        for (uint32_t sign = 0; sign < 2; sign++) {
            const float x = float_of(sign << 31 | 0x7F800000 | fraction);
            assert_true(isnan(clade_f16_to_float(clade_f16_from_float(x))));
            assert_true(isnan(clade_bf16_to_float(clade_bf16_from_float(x))));
        }
    }
}

/* Around every half and every middle between two, one float below, on it and one above. */
static void rounding_goes_to_the_nearest_and_ties_to_even(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < N_F16 - 1u; i++) {
        const float here   = clade_f16_to_float((uint16_t)i);
        const float middle = (here + clade_f16_to_float((uint16_t)(i + 1))) / 2;
        for (uint32_t k = 0; k < 2; k++) {
            const float x = k == 0 ? here : middle;
            check_nearest(nextafterf(x, -INFINITY));
            check_nearest(x);
            check_nearest(-x);
            check_nearest(nextafterf(x, INFINITY));
        }
    }
    for (uint32_t i = 0; i < N_BF16; i++) {
        const uint32_t middle = i << 16 | 0x8000;
        check_nearest(float_of(middle - 1));
        check_nearest(float_of(middle));
        check_nearest(float_of(middle + 1));
    }
    clade_rng rng = clade_rng_stream(20, "tests/half", 0);
    for (size_t i = 0; i < 200000; i++) {
        const float x = float_of((uint32_t)clade_rng_u64(&rng));
        if (isfinite(x)) check_nearest(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_worked_by_hand_have_their_bits),
        cmocka_unit_test(every_half_comes_back_as_it_was),
        cmocka_unit_test(nan_stays_nan_whichever_bits_it_has),
        cmocka_unit_test(rounding_goes_to_the_nearest_and_ties_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
