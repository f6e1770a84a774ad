/*
 * Nearest centres: the loop in which k-means spends its time, k d multiply-adds for each of
 * millions of rows. The plain version says what is computed; the others compute the same with 8 or
 * 16 rows at once and a fused multiply-add, and so differ from it in last bits.
 */
#include "clade/numeric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

#define TILE_PLAIN  1
#define TILE_AVX2   6
#define TILE_AVX512 12

/* ---- Plain ----------------------------------------------------------------------------------- */

static void plain_nearest(clade_nearest *out, size_t at, const clade_centres *centres,
                          const float *const *row, bool with_second, float *moved)
{
    float best = -INFINITY, second = -INFINITY, norm2 = 0.0f;
    for (size_t j = 0; j < centres->d; j++)
        moved[j] = row[0][j] - centres->shift[j];
    out->index[at] = 0;
    for (size_t c = 0; c < centres->k; c++) {
        const float *const centre = centres->packed + c * centres->d;
        float              score  = -centres->half[c];
        for (size_t j = 0; j < centres->d; j++)
            score += moved[j] * centre[j];
        second = fmaxf(second, fminf(best, score));
        if (score > best) {
            best           = score;
            out->index[at] = (uint32_t)c;
        }
    }
    out->score[at] = best;
    if (!with_second) return;
    for (size_t j = 0; j < centres->d; j++)
        norm2 += moved[j] * moved[j];
    out->second[at] = second;
    out->norm2[at]  = norm2;
}

#if HAVE_X86

/* ---- AVX2 and FMA: 16 rows, tiles of 6 centres, 12 accumulators of 16 registers ---------------
 */

__attribute__((target("avx2,fma"))) static inline void transpose_8x8(float *out, size_t stride,
                                                                     const float *const *row,
                                                                     size_t j, const float *shift)
{
    const __m256 s = _mm256_loadu_ps(shift);
    __m256       r[8], t[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        r[i] = _mm256_sub_ps(_mm256_loadu_ps(row[i] + j), s);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) { /* pairs of rows */
        t[i]     = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) { /* quadruples */
        r[i]     = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { /* halves */
        _mm256_storeu_ps(out + (size_t)i * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(out + (size_t)(i + 4) * stride,
                         _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

#define NAME(x)           avx2_##x
#define V                 __m256
#define I                 __m256i
#define LANES             8
#define TILE_MAX          TILE_AVX2
#define TARGET            __attribute__((target("avx2,fma")))
#define LOAD              _mm256_load_ps
#define STORE             _mm256_storeu_ps
#define SET               _mm256_set1_ps
#define FMADD             _mm256_fmadd_ps
#define MIN               _mm256_min_ps
#define MAX               _mm256_max_ps
#define TRANSPOSE         transpose_8x8
#define ZERO_INDEX()      _mm256_setzero_si256()
#define STORE_INDEX(p, i) _mm256_storeu_si256((__m256i *)(void *)(p), i)
#define KEEP_BETTER(best, index, score, c)                                                       \
    do {                                                                                         \
        const __m256 better = _mm256_cmp_ps(score, best, _CMP_GT_OQ);                            \
        best                = _mm256_max_ps(best, score);                                        \
        index =                                                                                  \
            _mm256_blendv_epi8(index, _mm256_set1_epi32((int)(c)), _mm256_castps_si256(better)); \
    } while (0)
#include "nearest_tile.h"

/* ---- AVX-512F: 32 rows, tiles of 12 centres, 24 accumulators of 32 registers ------------------
 */

#define NAME(x)           avx512_##x
#define V                 __m512
#define I                 __m512i
#define LANES             16
#define TILE_MAX          TILE_AVX512
#define TARGET            __attribute__((target("avx512f,avx2,fma")))
#define LOAD              _mm512_load_ps
#define STORE             _mm512_storeu_ps
#define SET               _mm512_set1_ps
#define FMADD             _mm512_fmadd_ps
#define MIN               _mm512_min_ps
#define MAX               _mm512_max_ps
#define TRANSPOSE         transpose_8x8
#define ZERO_INDEX()      _mm512_setzero_si512()
#define STORE_INDEX(p, i) _mm512_storeu_si512(p, i)
#define KEEP_BETTER(best, index, score, c)                                        \
    do {                                                                          \
        const __mmask16 better = _mm512_cmp_ps_mask(score, best, _CMP_GT_OQ);     \
        best                   = _mm512_max_ps(best, score);                      \
        index                  = _mm512_mask_set1_epi32(index, better, (int)(c)); \
    } while (0)
#include "nearest_tile.h"

#endif

/* ---- Centres, and the choice ------------------------------------------------------------------
 */

static size_t tile_max(clade_isa isa)
{
    return isa == CLADE_ISA_AVX512 ? TILE_AVX512 : isa == CLADE_ISA_AVX2 ? TILE_AVX2 : TILE_PLAIN;
}

clade_centres *clade_centres_create(size_t k, size_t d, const float *shift)
{
    clade_centres *centres = calloc(1, sizeof *centres);
    size_t         n       = 0;
    if (centres == NULL) return NULL;
    centres->k   = k;
    centres->d   = d;
    centres->isa = clade_isa_get();
    if (clade_size_mul(&n, k, d)) {
        centres->packed = CLADE_NEW(float, n);
        centres->half   = CLADE_NEW(float, k);
        centres->shift  = CLADE_NEW(float, d);
    }
    if (centres->packed == NULL || centres->half == NULL || centres->shift == NULL) {
        clade_centres_free(centres);
        return NULL;
    }
    memcpy(centres->shift, shift, d * sizeof *shift);
    return centres;
}

void clade_centres_free(clade_centres *centres)
{
    if (centres == NULL) return;
    free(centres->packed);
    free(centres->half);
    free(centres->shift);
    free(centres);
}

void clade_centres_set(clade_centres *centres, const float *centre)
{
    const size_t d = centres->d, n_tiles = (centres->k - 1) / tile_max(centres->isa) + 1;
    size_t       first = 0;
    for (size_t t = 0; t < n_tiles; t++) {
        const size_t end = centres->k * (t + 1) / n_tiles, width = end - first;
        float *const packed = centres->packed + first * d;
        for (size_t c = 0; c < width; c++) {
            double norm2 = 0.0;
            for (size_t j = 0; j < d; j++) {
                const float moved     = centre[(first + c) * d + j] - centres->shift[j];
                packed[j * width + c] = moved;
                norm2 += (double)moved * (double)moved;
            }
            centres->half[first + c] = (float)(0.5 * norm2);
        }
        first = end;
    }
}

/* Rows that lie one behind the other will be followed by those behind them: where these begin, as a
 * number, since it may be past the end of the data, where a prefetch does nothing. 0: no idea. */
static uintptr_t ahead_of(const float *const *at, size_t n_rows, size_t d)
{
    const uintptr_t first = (uintptr_t)at[0], last = (uintptr_t)at[n_rows - 1];
    const uintptr_t row_bytes = d * sizeof(float);
    return last - first == (n_rows - 1) * row_bytes ? last + row_bytes : 0;
}

void clade_nearest_rows(clade_nearest *out, const clade_centres *centres, const float *x,
                        const uint32_t *row, size_t n_rows, bool with_second, float *scratch)
{
    const float *at[CLADE_NEAREST_ROWS];
    assert(n_rows > 0 && n_rows <= CLADE_NEAREST_ROWS);
    for (size_t i = 0; i < CLADE_NEAREST_ROWS; i++) {
        const size_t here = i < n_rows ? i : 0;
        at[i]             = x + (row == NULL ? here : row[here]) * centres->d;
    }
    switch (centres->isa) {
#if HAVE_X86
    case CLADE_ISA_AVX512:
        avx512_nearest(out, 0, centres, at, ahead_of(at, n_rows, centres->d), with_second, scratch);
        break;
    case CLADE_ISA_AVX2:
        for (size_t i = 0; i < n_rows; i += 16) {
            avx2_nearest(out, i, centres, at + i, ahead_of(at, n_rows, centres->d), with_second,
                         scratch);
        }
        break;
#endif
    default:
        for (size_t i = 0; i < n_rows; i++) {
            plain_nearest(out, i, centres, at + i, with_second, scratch);
        }
    }
}
