/* Floats of 16 bits. Rounding works on the bits: the part that is cut off is compared with half of
 * the last place that stays, and a tie goes to the even one. A carry out of the fraction into the
 * exponent is what it should be: the next power of two, and behind the largest value infinity.
 *
 *     float  s eeeeeeee fffffffffffffffffffffff     bias 127
 *     F16    s eeeee ffffffffff                     bias 15
 *     BF16   s eeeeeeee fffffff                     bias 127
 *
 * Runs once for every weight that is saved or loaded. */
#include "tensors_internal.h"

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* value / 2^n_cut to the nearest integer, ties to even; 1 <= n_cut <= 31. */
static uint32_t shift_to_nearest(uint32_t value, uint32_t n_cut)
{
    const uint32_t kept = value >> n_cut;
    const uint32_t cut  = value & ((UINT32_C(1) << n_cut) - 1);
    const uint32_t half = UINT32_C(1) << (n_cut - 1);
    return kept + (cut > half || (cut == half && (kept & 1) == 1));
}

uint16_t clade_bf16_from_float(float x)
{
    const uint32_t bits = bits_of(x);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 0x40); /* a quiet NAN */
    return (uint16_t)shift_to_nearest(bits, 16);
}

float clade_bf16_to_float(uint16_t half)
{
    return float_of((uint32_t)half << 16);
}

uint16_t clade_f16_from_float(float x)
{
    const uint32_t bits     = bits_of(x);
    const uint32_t sign     = bits >> 16 & 0x8000;
    const uint32_t size     = bits & 0x7FFFFFFF;
    const uint32_t exponent = size >> 23;

    if (size > 0x7F800000) return (uint16_t)(sign | 0x7E00 | (size >> 13 & 0x1FF));
    if (exponent >= 127 + 16) return (uint16_t)(sign | 0x7C00); /* 2^16 and more */
    if (exponent >= 127 - 14) { /* normal: move the bias, round the fraction */
        return (uint16_t)(sign | shift_to_nearest(size - ((127 - 15) << 23), 13));
    }
    /* A subnormal counts in units of 2^-24. The fraction with its leading one is worth
     * 2^(exponent - 150), so exponent 112 (2^-15) loses 14 bits; below 102 all is less than half.
     */
    if (exponent < 102) return (uint16_t)sign;
    const uint32_t fraction = (size & 0x7FFFFF) | 0x800000;
    return (uint16_t)(sign | shift_to_nearest(fraction, 126 - exponent));
}

float clade_f16_to_float(uint16_t half)
{
    const uint32_t sign     = (uint32_t)(half & 0x8000) << 16;
    const uint32_t exponent = half >> 10 & 0x1F;
    const uint32_t fraction = half & 0x3FF;

    if (exponent == 0x1F) return float_of(sign | 0x7F800000 | fraction << 13);
    if (exponent == 0) { /* subnormal: a whole number of 2^-24, which a float holds */
        const float size = (float)fraction * 0x1p-24f;
        return float_of(sign | bits_of(size));
    }
    return float_of(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}
