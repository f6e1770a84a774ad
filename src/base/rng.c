/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): a block of 128 random bits is a function of a
 * 64-bit key and a 128-bit counter, so any draw can be had without those before it. */
#include "clade/run.h"
#include "clade/text.h"

#include <assert.h>
#include <math.h>

static void philox_block(uint32_t out[4], uint64_t key, uint64_t stream, uint64_t counter)
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        const uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1                = (uint32_t)p1;
        c3                = (uint32_t)p0;
        c0                = n0;
        c2                = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

clade_rng clade_rng_stream(uint64_t seed, const char *name, uint64_t index)
{
    clade_rng rng = { 0 };
    rng.key       = seed;
    rng.stream    = clade_hash64(name, strlen(name), index);
    return rng;
}

uint64_t clade_rng_u64(clade_rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = false;
        return rng->spare;
    }
    uint32_t block[4];
    philox_block(block, rng->key, rng->stream, rng->counter++);
    rng->spare     = (uint64_t)block[3] << 32 | block[2];
    rng->has_spare = true;
    return (uint64_t)block[1] << 32 | block[0];
}

double clade_rng_uniform(clade_rng *rng)
{
    return (double)(clade_rng_u64(rng) >> 11) * 0x1.0p-53;
}

/* Lemire (2019), "Fast random integer generation in an interval": reject the few values that would
 * make some results likelier than others. */
uint64_t clade_rng_below(clade_rng *rng, uint64_t n)
{
    assert(n > 0);
    __extension__ typedef unsigned __int128 wide;
    wide                                    product = (wide)clade_rng_u64(rng) * n;
    if ((uint64_t)product < n) {
        const uint64_t floor = (0 - n) % n;
        while ((uint64_t)product < floor)
            product = (wide)clade_rng_u64(rng) * n;
    }
    return (uint64_t)(product >> 64);
}

double clade_rng_normal(clade_rng *rng)
{
    /* Box and Muller, one of the pair: two draws each, so that draw i stays where it is. */
    const double u = 1.0 - clade_rng_uniform(rng);
    const double v = clade_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

double clade_rng_exponential(clade_rng *rng)
{
    return -log(1.0 - clade_rng_uniform(rng));
}

/* Marsaglia and Tsang (2000), "A simple method for generating gamma variables". */
double clade_rng_gamma(clade_rng *rng, double shape)
{
    assert(shape > 0);
    if (shape < 1) {
        const double u = 1.0 - clade_rng_uniform(rng);
        return clade_rng_gamma(rng, shape + 1) * pow(u, 1 / shape);
    }
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double x = clade_rng_normal(rng);
        const double t = 1.0 + c * x;
        if (t <= 0) continue;
        const double v = t * t * t;
        const double u = 1.0 - clade_rng_uniform(rng);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

/* Products of uniforms for small means; a gamma split (Ahrens and Dieter 1974) brings large ones
 * down. */
uint64_t clade_rng_poisson(clade_rng *rng, double mean)
{
    uint64_t n = 0;
    while (mean > 30) {
        const double half = floor(mean * 7 / 8);
        const double x    = clade_rng_gamma(rng, half);
        if (x > mean) { /* fewer than `half` arrivals: the rest is a binomial of them */
            const double p = mean / x;
            for (uint64_t i = 1; i < (uint64_t)half; i++)
                n += clade_rng_uniform(rng) < p;
            return n;
        }
        n += (uint64_t)half;
        mean -= x;
    }
    const double floor_p = exp(-mean);
    double       product = clade_rng_uniform(rng);
    while (product > floor_p) {
        n += 1;
        product *= clade_rng_uniform(rng);
    }
    return n;
}

void clade_rng_permute(uint32_t *out_order, size_t n, clade_rng *rng)
{
    assert(n <= UINT32_MAX);
    for (size_t i = 0; i < n; i++) {
        const size_t j = (size_t)clade_rng_below(rng, i + 1);
        out_order[i]   = out_order[j];
        out_order[j]   = (uint32_t)i;
    }
}
