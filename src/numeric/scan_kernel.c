/*
 * The kernels of scan: bounds of a block of items from products of bytes, and exact scores. The
 * first is where a query spends its time, once for each 32 items; the second runs for the few items
 * that the bounds leave. Both give the same bits in plain C and in AVX2: products of bytes are
 * whole numbers, the few float steps are the same ones without fused multiply-add, and in an exact
 * score every product of two floats fits in a double, so fusing it changes nothing.
 */
#include "scan_internal.h"

#include <assert.h>
#include <float.h>
#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

/* ---- The query ----------------------------------------------------------------
 */

float clade__scan_largest(const float *x, size_t d)
{
    float largest = 0.0f;
    for (size_t j = 0; j < d; j++) {
        const float size = fabsf(x[j]);
        if (!(size <= CLADE_VALUE_MAX)) return NAN;
        largest = size > largest ? size : largest;
    }
    return largest;
}

void clade__scan_query_set(clade__scan_query *query, const float *q, float largest, size_t d,
                           size_t n_steps)
{
    const size_t n_exact = (d + CLADE__SCAN_LANES - 1) / CLADE__SCAN_LANES * CLADE__SCAN_LANES;
    const float  t       = fmaxf(largest / (float)CLADE__SCAN_QUERY, FLT_MIN);
    double       q2 = 0.0, f2 = 0.0;
    query->offset = 0;
    memset(query->u, 0, CLADE__SCAN_STEP * n_steps);
    memset(query->exact, 0, n_exact * sizeof *query->exact);
    for (size_t j = 0; j < d; j++) {
        const double value = (double)q[j], u = nearbyint(value / (double)t);
        const double f = value - (double)t * u;
        query->u[j]    = (int8_t)u;
        query->offset -= CLADE__SCAN_ITEM * (int32_t)u;
        query->exact[j] = value;
        q2 += value * value;
        f2 += f * f;
    }
    query->t        = t;
    query->q_length = sqrt(q2) * CLADE__SCAN_LENGTH;
    query->f_length = sqrt(f2) * CLADE__SCAN_LENGTH;
    query->least    = -INFINITY;
}

/* ---- Plain ----------------------------------------------------------------------------------- */

static uint32_t plain_block(float *high, const clade_scan *index, size_t block,
                            const clade__scan_query *query)
{
    const uint8_t *packed = index->packed + block * index->n_steps * CLADE__SCAN_ROWS * 4;
    const size_t   first  = block * CLADE__SCAN_ROWS;
    int32_t        dot[CLADE__SCAN_ROWS];
    uint32_t       mask = 0;
    for (size_t i = 0; i < CLADE__SCAN_ROWS; i++)
        dot[i] = query->offset;
    for (size_t step = 0; step < index->n_steps; step++, packed += CLADE__SCAN_ROWS * 4) {
        const int8_t *const u = query->u + 4 * step;
        for (size_t i = 0; i < CLADE__SCAN_ROWS; i++) {
            const uint8_t *const r = packed + 4 * i;
            dot[i] += u[0] * r[0] + u[1] * r[1] + u[2] * r[2] + u[3] * r[3];
        }
    }
    for (size_t i = 0; i < CLADE__SCAN_ROWS; i++) { /* at most 63 65 1024 < 2^24: floats hold it */
        float bound = index->scale[first + i] * (query->t * (float)dot[i] + query->qg) + query->c;
        if (index->raise != NULL) bound += index->raise[first + i];
        high[i] = bound;
        mask |= (uint32_t)(bound >= query->least) << i;
    }
    return mask;
}

/* Four sums of every fourth lane, and these by pairs. */
static double plain_dot(const double *q, const float *x, size_t d)
{
    double sum[CLADE__SCAN_LANES] = { 0.0 }, part[4];
    for (size_t j = 0; j < d; j++)
        sum[j % CLADE__SCAN_LANES] += q[j] * (double)x[j];
    for (size_t i = 0; i < 4; i++)
        part[i] = (sum[i] + sum[4 + i]) + (sum[8 + i] + sum[12 + i]);
    return (part[0] + part[2]) + (part[1] + part[3]);
}

#if HAVE_X86

/* ---- AVX2 -------------------------------------------------------------------------------------
 *
 * Each 32-bit lane belongs to an item and holds four of its numbers. Bytes without sign (items) are
 * multiplied by signed ones (the query) and added by pairs in 16 bits; two such steps are at most
 * 4 126 65 = 32760 in size, so they are added there too, before they go on to 32 bits.
 *
 *     r + 63 |item 0: r0 r1 r2 r3|item 1: ...|  ... 8 items      4 vectors: 32 items
 *     u      |        u0 u1 u2 u3|  the same |  ...
 *
 * So no lanes are ever added to one another, and five instructions do 64 products.
 */

#define TARGET __attribute__((target("avx2,fma")))

TARGET static inline __attribute__((always_inline)) uint32_t avx2_bounds(
    float *high, const __m256i *dot, const clade_scan *index, size_t first,
    const clade__scan_query *query)
{
    const __m256 t = _mm256_set1_ps(query->t), qg = _mm256_set1_ps(query->qg);
    const __m256 c = _mm256_set1_ps(query->c), least = _mm256_set1_ps(query->least);
    uint32_t     mask = 0;
#pragma GCC unroll 4
    for (size_t v = 0; v < 4; v++) {
        const __m256 scale = _mm256_load_ps(index->scale + first + 8 * v);
        const __m256 steps = _mm256_add_ps(_mm256_mul_ps(t, _mm256_cvtepi32_ps(dot[v])), qg);
        __m256       bound = _mm256_add_ps(_mm256_mul_ps(scale, steps), c);
        if (index->raise != NULL) {
            bound = _mm256_add_ps(bound, _mm256_load_ps(index->raise + first + 8 * v));
        }
        _mm256_store_ps(high + 8 * v, bound);
        const __m256 reached = _mm256_cmp_ps(bound, least, _CMP_GE_OQ);
        mask |= (uint32_t)_mm256_movemask_ps(reached) << (8 * v);
    }
    return mask;
}

TARGET static inline __m256i four_bytes(const int8_t *at)
{
    int32_t bits;
    memcpy(&bits, at, sizeof bits);
    return _mm256_set1_epi32(bits);
}

TARGET static inline __attribute__((always_inline)) void avx2_stripe(
    clade__scan_bounds *out, const clade_scan *index, size_t first, size_t end,
    clade__scan_query *const *query, int n_queries)
{
    const __m256i  ones = _mm256_set1_epi16(1);
    const __m256i *r    = (const __m256i *)(const void *)index->packed + first * index->n_steps * 4;
    for (size_t block = first; block < end; block++) {
        __m256i dot[CLADE__SCAN_PAIR][4];
#pragma GCC unroll 2
        for (int q = 0; q < n_queries; q++) {
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++)
                dot[q][v] = _mm256_set1_epi32(query[q]->offset);
        }
        for (size_t step = 0; step < index->n_steps; step += 2, r += 8) {
            __m256i u0[CLADE__SCAN_PAIR], u1[CLADE__SCAN_PAIR];
#pragma GCC unroll 2
            for (int q = 0; q < n_queries; q++) {
                u0[q] = four_bytes(query[q]->u + 4 * step);
                u1[q] = four_bytes(query[q]->u + 4 * step + 4);
            }
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) {
                const __m256i r0 = _mm256_load_si256(r + v), r1 = _mm256_load_si256(r + 4 + v);
#pragma GCC unroll 2
                for (int q = 0; q < n_queries; q++) {
                    const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(r0, u0[q]),
                                                           _mm256_maddubs_epi16(r1, u1[q]));
                    dot[q][v] = _mm256_add_epi32(dot[q][v], _mm256_madd_epi16(pairs, ones));
                }
            }
        }
#pragma GCC unroll 2
        for (int q = 0; q < n_queries; q++) {
            out[q].mask[block - first] = avx2_bounds(out[q].high[block - first], dot[q], index,
                                                     block * CLADE__SCAN_ROWS, query[q]);
        }
    }
}

/* One copy for each number of queries, so that sums are registers. */
TARGET static void avx2_stripe_one(clade__scan_bounds *out, const clade_scan *index, size_t first,
                                   size_t end, clade__scan_query *const *query)
{
    avx2_stripe(out, index, first, end, query, 1);
}

TARGET static void avx2_stripe_two(clade__scan_bounds *out, const clade_scan *index, size_t first,
                                   size_t end, clade__scan_query *const *query)
{
    avx2_stripe(out, index, first, end, query, 2);
}

TARGET static inline __attribute__((always_inline)) void avx2_dot_step(__m256d      *sum,
                                                                       const double *q,
                                                                       const float  *x)
{
#pragma GCC unroll 4
    for (size_t v = 0; v < 4; v++) {
        const __m256d value = _mm256_cvtps_pd(_mm_loadu_ps(x + 4 * v));
        sum[v]              = _mm256_fmadd_pd(_mm256_load_pd(q + 4 * v), value, sum[v]);
    }
}

TARGET static double avx2_dot(const double *q, const float *x, size_t d)
{
    __m256d sum[4] = { _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(),
                       _mm256_setzero_pd() };
    size_t  j      = 0;
    double  part[4];
    for (; j + CLADE__SCAN_LANES <= d; j += CLADE__SCAN_LANES)
        avx2_dot_step(sum, q + j, x + j);
    if (j < d) { /* adding zeros changes no sum */
        float rest[CLADE__SCAN_LANES] = { 0.0f };
        memcpy(rest, x + j, (d - j) * sizeof *x);
        avx2_dot_step(sum, q + j, rest);
    }
    _mm256_storeu_pd(part,
                     _mm256_add_pd(_mm256_add_pd(sum[0], sum[1]), _mm256_add_pd(sum[2], sum[3])));
    return (part[0] + part[2]) + (part[1] + part[3]);
}

#endif

/* ---- The choice ------------------------------------------------------------------------------ */

void clade__scan_stripe(clade__scan_bounds *out, const clade_scan *index, size_t stripe,
                        clade__scan_query *const *query, size_t n_queries, clade_isa isa)
{
    const size_t first = stripe * CLADE__SCAN_BLOCKS, left = index->n_items % CLADE__SCAN_ROWS;
    const size_t end =
        first + CLADE__SCAN_BLOCKS < index->n_blocks ? first + CLADE__SCAN_BLOCKS : index->n_blocks;
    assert(n_queries > 0 && n_queries <= CLADE__SCAN_PAIR);
    for (size_t q = 0; q < n_queries; q++) {
        clade__scan_query_at(query[q], &index->limits[stripe]);
        for (size_t block = end; block < first + CLADE__SCAN_BLOCKS; block++)
            out[q].mask[block - first] = 0;
    }
#if HAVE_X86
    if (isa != CLADE_ISA_PLAIN) {
        (n_queries == 1 ? avx2_stripe_one : avx2_stripe_two)(out, index, first, end, query);
    }
#endif
    for (size_t q = 0; q < n_queries && (isa == CLADE_ISA_PLAIN || !HAVE_X86); q++) {
        for (size_t block = first; block < end; block++) {
            out[q].mask[block - first] =
                plain_block(out[q].high[block - first], index, block, query[q]);
        }
    }
    for (size_t q = 0; q < n_queries && end == index->n_blocks && left != 0; q++)
        out[q].mask[end - 1 - first] &=
            (UINT32_C(1) << left) - 1; /* nothing behind the last item */
}

double clade__scan_dot(const double *q, const float *x, size_t d, clade_isa isa)
{
#if HAVE_X86
    if (isa != CLADE_ISA_PLAIN) return avx2_dot(q, x, d);
#endif
    (void)isa;
    return plain_dot(q, x, d);
}
