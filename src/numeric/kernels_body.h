/*
 * The kernels of clade/kernels.h, once for each instruction set: kernels_plain.c and kernels_avx2.c
 * define KERNELS_TABLE and include this file, and the build gives each its compiler flags. Vectors
 * are GCC's, eight floats wide, which the compiler lowers to whatever the set has.
 *
 * No sum runs across lanes except at its end, in one fixed order.
 */
#include "clade/kernels.h"

#include <assert.h>
#include <math.h>

#if defined(__FMA__) && defined(__AVX2__)
#include <immintrin.h>
#endif

typedef float    v8 __attribute__((vector_size(32)));
typedef int32_t  v8i __attribute__((vector_size(32)));
typedef uint32_t v8u __attribute__((vector_size(32)));

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8, ROWS = 6, K_BLOCK = 256 };

INLINE v8 load(const float *p)
{
    v8 x;
    __builtin_memcpy(&x, p, sizeof x);
    return x;
}
INLINE void store(float *p, v8 x)
{
    __builtin_memcpy(p, &x, sizeof x);
}
INLINE v8 all(float x)
{
    return (v8){ x, x, x, x, x, x, x, x };
}
INLINE v8 fma8(v8 a, v8 b, v8 c)
{
#if defined(__FMA__) && defined(__AVX2__)
    return (v8)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}
/* a > b ? a : b, as the instruction has it, for NANs too. */
INLINE v8 max8(v8 a, v8 b)
{
#if defined(__FMA__) && defined(__AVX2__)
    return (v8)_mm256_max_ps((__m256)a, (__m256)b);
#else
    const v8i more = a > b;
    return (v8)(((v8i)a & more) | ((v8i)b & ~more));
#endif
}
INLINE v8 min8(v8 a, v8 b)
{
#if defined(__FMA__) && defined(__AVX2__)
    return (v8)_mm256_min_ps((__m256)a, (__m256)b);
#else
    const v8i less = a < b;
    return (v8)(((v8i)a & less) | ((v8i)b & ~less));
#endif
}
INLINE float sum8(v8 x)
{
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

/* exp by 2^n e^r, |r| <= ln 2 / 2, and a polynomial of degree 6: within 2 units in the last place.
 * Arguments are kept in [-87, 88], where neither zero nor infinity is reached. */
INLINE v8 exp8(v8 x)
{
    const float magic = 12582912.0f; /* 1.5 2^23: adding it rounds to a whole number */
    x                 = min8(max8(x, all(-87.0f)), all(88.0f));
    const v8 shifted  = x * 1.44269504f + magic;
    const v8 whole    = shifted - magic;
    v8       r        = fma8(whole, all(-0.693359375f), x);
    r                 = fma8(whole, all(2.12194440e-4f), r);
    v8 p              = all(1.9875691500e-4f);
    p                 = fma8(p, r, all(1.3981999507e-3f));
    p                 = fma8(p, r, all(8.3334519073e-3f));
    p                 = fma8(p, r, all(4.1665795894e-2f));
    p                 = fma8(p, r, all(1.6666665459e-1f));
    p                 = fma8(p, r, all(5.0000001201e-1f));
    p                 = fma8(p * r, r, r) + 1.0f;
    const v8i power   = ((v8i)shifted - (v8i)all(magic) + 127) << 23;
    return p * (v8)power;
}
INLINE v8 sigmoid8(v8 x)
{
    return 1.0f / (1.0f + exp8(-x));
}
/* The last, partial group of a row: read what is there, zeros behind it. */
INLINE v8 load_part(const float *p, size_t n)
{
    v8 x = { 0 };
    for (size_t i = 0; i < n; i++)
        x[i] = p[i];
    return x;
}
INLINE void store_part(float *p, v8 x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = x[i];
}

/* ---- Products of matrices -------------------------------------------------------------------- */

static void pack(float *packed, const float *b, size_t ldb, size_t k, size_t n)
{
    for (size_t first = 0; first < n; first += CLADE_PANEL) {
        const size_t width = n - first < CLADE_PANEL ? n - first : CLADE_PANEL;
        for (size_t p = 0; p < k; p++, packed += CLADE_PANEL) {
            const float *const row = b + p * ldb + first;
            if (width == CLADE_PANEL) {
                store(packed, load(row));
                store(packed + LANES, load(row + LANES));
                continue;
            }
            for (size_t j = 0; j < CLADE_PANEL; j++)
                packed[j] = j < width ? row[j] : 0.0f;
        }
    }
}

static void pack_transposed(float *packed, const float *b, size_t ldb, size_t k, size_t n)
{
    for (size_t first = 0; first < n; first += CLADE_PANEL, packed += k * CLADE_PANEL) {
        for (size_t j = 0; j < CLADE_PANEL; j++) {
            const float *const row = b + (first + j) * ldb;
            for (size_t p = 0; p < k; p++)
                packed[p * CLADE_PANEL + j] = first + j < n ? row[p] : 0.0f;
        }
    }
}

/*
 * A tile of up to 6 rows and one panel: 12 sums stay in registers while k runs.
 *
 *     packed (k, 16)  b0 b1          for each p: 2 loads, 6 broadcasts, 12 multiply-adds
 *     a       row i   c[i][0] c[i][1]
 */
INLINE void tile(float *c, size_t ldc, const float *a, size_t a_row, size_t a_column,
                 const float *packed, size_t rows, size_t width, size_t k, bool add)
{
    v8 sum[ROWS][2];
#pragma GCC unroll 6
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = all(0.0f);
        sum[i][1] = all(0.0f);
    }
    for (size_t p = 0; p < k; p++) {
        const v8 b0 = load(packed + p * CLADE_PANEL);
        const v8 b1 = load(packed + p * CLADE_PANEL + LANES);
#pragma GCC unroll 6
        for (size_t i = 0; i < rows; i++) {
            const v8 x = all(a[i * a_row + p * a_column]);
            sum[i][0]  = fma8(x, b0, sum[i][0]);
            sum[i][1]  = fma8(x, b1, sum[i][1]);
        }
    }
#pragma GCC unroll 6
    for (size_t i = 0; i < rows; i++) {
        float *const row = c + i * ldc;
        if (width == CLADE_PANEL) {
            if (add) {
                sum[i][0] += load(row);
                sum[i][1] += load(row + LANES);
            }
            store(row, sum[i][0]);
            store(row + LANES, sum[i][1]);
            continue;
        }
        for (size_t j = 0; j < width; j++) {
            const float x = j < LANES ? sum[i][0][j] : sum[i][1][j - LANES];
            row[j]        = add ? row[j] + x : x;
        }
    }
}

/* One copy for each way of reading a, so that the stride of the inner loop is a constant. */
INLINE void block(float *c, size_t ldc, const float *a, size_t a_row, size_t a_column,
                  const float *packed, size_t m, size_t width, size_t k, bool add)
{
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS)
        tile(c + i * ldc, ldc, a + i * a_row, a_row, a_column, packed, ROWS, width, k, add);
    c += i * ldc;
    a += i * a_row;
    switch (m - i) {
    case 5: tile(c, ldc, a, a_row, a_column, packed, 5, width, k, add); break;
    case 4: tile(c, ldc, a, a_row, a_column, packed, 4, width, k, add); break;
    case 3: tile(c, ldc, a, a_row, a_column, packed, 3, width, k, add); break;
    case 2: tile(c, ldc, a, a_row, a_column, packed, 2, width, k, add); break;
    case 1: tile(c, ldc, a, a_row, a_column, packed, 1, width, k, add); break;
    default: break;
    }
}

static void matmul(float *c, size_t ldc, const float *a, size_t a_row, size_t a_column,
                   const float *packed, size_t m, size_t n, size_t k, bool add)
{
    for (size_t from = 0; from < k || from == 0; from += K_BLOCK) {
        const size_t depth = k - from < K_BLOCK ? k - from : K_BLOCK;
        const bool   more  = add || from > 0;
        for (size_t j = 0; j < n; j += CLADE_PANEL) {
            const size_t       width = n - j < CLADE_PANEL ? n - j : CLADE_PANEL;
            const float *const panel = packed + j * k + from * CLADE_PANEL;
            const float *const left  = a + from * a_column;
            if (a_column == 1) {
                block(c + j, ldc, left, a_row, 1, panel, m, width, depth, more);
            } else {
                assert(a_row == 1);
                block(c + j, ldc, left, 1, a_column, panel, m, width, depth, more);
            }
        }
        if (k == 0) break;
    }
}

/* A row and `panels` panels: 2 sums for each stay in registers. */
INLINE void row_tile(float *y, const float *x, const float *packed, size_t stride, size_t panels,
                     size_t width, size_t k, bool add)
{
    v8 sum[4][2];
#pragma GCC unroll 4
    for (size_t i = 0; i < panels; i++) {
        sum[i][0] = all(0.0f);
        sum[i][1] = all(0.0f);
    }
    for (size_t p = 0; p < k; p++, packed += CLADE_PANEL) {
        const v8 a = all(x[p]);
#pragma GCC unroll 4
        for (size_t i = 0; i < panels; i++) {
            sum[i][0] = fma8(a, load(packed + i * stride), sum[i][0]);
            sum[i][1] = fma8(a, load(packed + i * stride + LANES), sum[i][1]);
        }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < panels; i++) {
        for (size_t half = 0; half < 2; half++) {
            const size_t at = i * CLADE_PANEL + half * LANES;
            if (at + LANES <= width) {
                store(y + at, add ? sum[i][half] + load(y + at) : sum[i][half]);
                continue;
            }
            for (size_t l = 0; at + l < width; l++)
                y[at + l] = add ? y[at + l] + sum[i][half][l] : sum[i][half][l];
        }
    }
}

static void row_times(float *y, const float *x, const float *packed, size_t stride, size_t n,
                      size_t k, bool add)
{
    for (size_t from = 0; from < k || from == 0; from += K_BLOCK) {
        const size_t depth = k - from < K_BLOCK ? k - from : K_BLOCK;
        const bool   more  = add || from > 0;
        for (size_t j = 0; j < n; j += 4 * CLADE_PANEL) {
            const size_t       left  = n - j;
            const float *const panel = packed + j / CLADE_PANEL * stride + from * CLADE_PANEL;
            if (left > 3 * CLADE_PANEL) {
                row_tile(y + j, x + from, panel, stride, 4, left, depth, more);
            } else if (left > 2 * CLADE_PANEL) {
                row_tile(y + j, x + from, panel, stride, 3, left, depth, more);
            } else if (left > CLADE_PANEL) {
                row_tile(y + j, x + from, panel, stride, 2, left, depth, more);
            } else {
                row_tile(y + j, x + from, panel, stride, 1, left, depth, more);
            }
        }
    }
}

/* ---- Norms and gates ------------------------------------------------------------------------- */

static float dot(const float *x, const float *y, size_t n)
{
    v8     sum = all(0.0f);
    size_t j   = 0;
    for (; j + LANES <= n; j += LANES)
        sum = fma8(load(x + j), load(y + j), sum);
    if (j < n) sum = fma8(load_part(x + j, n - j), load_part(y + j, n - j), sum);
    return sum8(sum);
}

static double sum_squares(const float *x, size_t n)
{
    double total = 0.0;
    for (size_t j = 0; j < n; j += 256)
        total += (double)dot(x + j, x + j, n - j < 256 ? n - j : 256);
    return total;
}

static void rms_norm(float *y, float *out_scale, const float *x, const float *gain, size_t n,
                     size_t d)
{
    for (size_t i = 0; i < n; i++, x += d, y += d) {
        const float scale = 1.0f / sqrtf(dot(x, x, d) / (float)d + 1e-6f);
        out_scale[i]      = scale;
        for (size_t j = 0; j < d; j++)
            y[j] = x[j] * scale * gain[j];
    }
}

/* y = x s g, s = (mean x^2 + e)^(-1/2):  dx = s g dy - x s^3 / d * sum(g dy x),  dg = sum_i dy x s.
 */
static void rms_norm_backward(float *dx, float *dgain, const float *dy, const float *x,
                              const float *gain, const float *scale, size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++, x += d, dx += d, dy += d) {
        const float s   = scale[i];
        v8          sum = all(0.0f);
        size_t      j   = 0;
        for (; j + LANES <= d; j += LANES)
            sum = fma8(load(gain + j) * load(dy + j), load(x + j), sum);
        for (size_t l = 0; j + l < d; l++)
            sum[l] += gain[j + l] * dy[j + l] * x[j + l];
        const float back = sum8(sum) * s * s * s / (float)d;
        for (j = 0; j < d; j++) {
            dx[j] += s * gain[j] * dy[j] - back * x[j];
            dgain[j] += dy[j] * x[j] * s;
        }
    }
}

INLINE v8 gate8(v8 a, v8 b)
{
    return a * sigmoid8(a) * b;
}
/* silu' = s (1 + a (1 - s)), s = sigmoid(a). */
INLINE v8 silu_slope(v8 a)
{
    const v8 s = sigmoid8(a);
    return s * (1.0f + a * (1.0f - s));
}

static void gate(float *y, size_t ldy, const float *a, size_t lda, const float *b, size_t ldb,
                 size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++, y += ldy, a += lda, b += ldb) {
        size_t j = 0;
        for (; j + LANES <= d; j += LANES)
            store(y + j, gate8(load(a + j), load(b + j)));
        if (j < d)
            store_part(y + j, gate8(load_part(a + j, d - j), load_part(b + j, d - j)), d - j);
    }
}

static void gate_backward(float *da, size_t ldda, float *db, size_t lddb, const float *dy,
                          size_t lddy, const float *a, size_t lda, const float *b, size_t ldb,
                          size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++, da += ldda, db += lddb, dy += lddy, a += lda, b += ldb) {
        size_t j = 0;
        for (; j + LANES <= d; j += LANES) {
            const v8 x = load(a + j), y = load(b + j), g = load(dy + j);
            store(da + j, g * y * silu_slope(x));
            store(db + j, g * x * sigmoid8(x));
        }
        if (j < d) {
            const size_t rest = d - j;
            const v8     x = load_part(a + j, rest), y = load_part(b + j, rest);
            const v8     g = load_part(dy + j, rest);
            store_part(da + j, g * y * silu_slope(x), rest);
            store_part(db + j, g * x * sigmoid8(x), rest);
        }
    }
}

static void silu(float *y, const float *x, size_t n)
{
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        store(y + j, load(x + j) * sigmoid8(load(x + j)));
    if (j < n) {
        const v8 part = load_part(x + j, n - j);
        store_part(y + j, part * sigmoid8(part), n - j);
    }
}

static void silu_backward(float *dx, const float *dy, const float *x, size_t n)
{
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        store(dx + j, load(dy + j) * silu_slope(load(x + j)));
    if (j < n) {
        const v8 slope = silu_slope(load_part(x + j, n - j));
        store_part(dx + j, load_part(dy + j, n - j) * slope, n - j);
    }
}

/* ---- Softmax --------------------------------------------------------------------------------- */

static float exp_row(float *x, float *out_max, size_t n)
{
    float  most = -INFINITY;
    v8     top  = all(-INFINITY);
    v8     sum  = all(0.0f);
    size_t j    = 0;
    for (; j + LANES <= n; j += LANES)
        top = max8(top, load(x + j));
    for (size_t l = 0; l < LANES; l++)
        most = top[l] > most ? top[l] : most;
    for (size_t l = j; l < n; l++)
        most = x[l] > most ? x[l] : most;
    for (j = 0; j + LANES <= n; j += LANES) {
        const v8 e = exp8(load(x + j) - most);
        store(x + j, e);
        sum += e;
    }
    if (j < n) {
        const v8 e = exp8(load_part(x + j, n - j) - most);
        store_part(x + j, e, n - j);
        for (size_t l = 0; j + l < n; l++)
            sum[l] += e[l];
    }
    *out_max = most;
    return sum8(sum);
}

static void exp_columns(float *x, float *out_max, float *out_sum, size_t n, size_t w)
{
    for (size_t j = 0; j < w; j += CLADE_PANEL) {
        v8 top0 = all(-INFINITY), top1 = all(-INFINITY);
        for (size_t i = 0; i < n; i++) {
            top0 = max8(top0, load(x + i * w + j));
            top1 = max8(top1, load(x + i * w + j + LANES));
        }
        v8 sum0 = all(0.0f), sum1 = all(0.0f);
        for (size_t i = 0; i < n; i++) {
            float *const at = x + i * w + j;
            const v8     e0 = exp8(load(at) - top0), e1 = exp8(load(at + LANES) - top1);
            store(at, e0);
            store(at + LANES, e1);
            sum0 += e0;
            sum1 += e1;
        }
        store(out_max + j, top0);
        store(out_max + j + LANES, top1);
        store(out_sum + j, sum0);
        store(out_sum + j + LANES, sum1);
    }
}

static void scale_columns(float *x, const float *factor, size_t n, size_t w)
{
    for (size_t i = 0; i < n; i++, x += w) {
        for (size_t j = 0; j < w; j += LANES)
            store(x + j, load(x + j) * load(factor + j));
    }
}

/* ---- Sums, dropout, Adam --------------------------------------------------------------------- */

static void add(float *y, const float *x, size_t n)
{
    for (size_t j = 0; j < n; j++)
        y[j] += x[j];
}

static void axpy(float *y, float a, const float *x, size_t n)
{
    for (size_t j = 0; j < n; j++)
        y[j] += a * x[j];
}

static void add_rows(float *y, const float *x, size_t ldx, size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++)
        add(y, x + i * ldx, d);
}

/* The key is mixed once (the finaliser of splitmix64); a 32-bit mixer (xor-shift and multiply) of
 * that and a counter then decides on two elements: 16 bits each, against keep 2^16. */
static void dropout(float *x, size_t n, uint64_t key, float keep)
{
    key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9u;
    key = (key ^ key >> 27) * 0x94D049BB133111EBu;
    key ^= key >> 31;
    const uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
    const int32_t  limit   = (int32_t)(keep * 65536.0f + 0.5f);
    const float    scale   = 1.0f / keep;
    v8u            counter = (v8u){ 0, 1, 2, 3, 4, 5, 6, 7 } + low;
    for (size_t j = 0; j < n; j += 2 * LANES, counter += LANES) {
        v8u h = counter ^ counter >> 16;
        h *= 0x7FEB352Du;
        h = (h ^ h >> 15) + high;
        h *= 0x846CA68Bu;
        h ^= h >> 16;
        const v8i first = (v8i)(h & 0xFFFFu) < limit, second = (v8i)(h >> 16) < limit;
        if (j + 2 * LANES <= n) {
            store(x + j, (v8)((v8i)(load(x + j) * scale) & first));
            store(x + j + LANES, (v8)((v8i)(load(x + j + LANES) * scale) & second));
            continue;
        }
        for (size_t l = 0; j + l < n; l++) {
            const bool keeps = l < LANES ? first[l] != 0 : second[l - LANES] != 0;
            x[j + l]         = keeps ? x[j + l] * scale : 0.0f;
        }
    }
}

static void adam(float *theta, float *m, float *v, const float *grad, size_t n, float grad_scale,
                 float rate, float b1, float b2, float epsilon, float decay)
{
    for (size_t j = 0; j < n; j++) {
        const float g = grad[j] * grad_scale;
        m[j]          = b1 * m[j] + (1.0f - b1) * g;
        v[j]          = b2 * v[j] + (1.0f - b2) * g * g;
        theta[j] -= rate * m[j] / (__builtin_sqrtf(v[j]) + epsilon) + decay * theta[j];
    }
}

/* ---- The bank of decays ---------------------------------------------------------------------- */

static void decay(float *out, size_t ldo, float *z, const float *v, size_t ldv, const float *factor,
                  const float *mix, size_t ldm, size_t n, size_t w, size_t K)
{
    const size_t bank = K * w;
    for (size_t t = 0; t < n; t++, z += bank, factor += K) {
        float *const       now  = z + bank;
        float *const       o    = out + t * ldo;
        const float *const in   = v + t * ldv;
        const float *const read = mix + t * ldm;
        for (size_t k = 0; k < K; k++) {
            const v8 f = all(factor[k]), r = all(read[k]);
            for (size_t j = 0; j < w; j += LANES) {
                const v8 state = fma8(f, load(z + k * w + j), load(in + j));
                store(now + k * w + j, state);
                store(o + j, fma8(r, state, load(o + j)));
            }
        }
    }
}

/* With D[t] the whole gradient of z[t]:  D[t] = mix[t] dout[t] + factor[t+1] D[t+1];
 * dv[t] = sum_k D[t][k],  dmix[t][k] = dout[t].z[t][k],  dfactor[t][k] = D[t][k].z[t-1][k]. */
static void decay_backward(float *dv, size_t lddv, float *dmix, size_t lddm, float *dfactor,
                           const float *dout, size_t lddo, const float *z, const float *factor,
                           const float *mix, size_t ldm, float *carry, size_t n, size_t w, size_t K)
{
    const size_t bank = K * w;
    for (size_t j = 0; j < bank; j++)
        carry[j] = 0.0f;
    for (size_t t = n; t-- > 0;) {
        const float *const before = z + t * bank, *const now = before + bank;
        const float *const g  = dout + t * lddo;
        float *const       in = dv + t * lddv;
        for (size_t k = 0; k < K; k++) {
            const v8 f = all(factor[t * K + k]), r = all(mix[t * ldm + k]);
            v8       on_mix = all(0.0f), on_factor = all(0.0f);
            for (size_t j = 0; j < w; j += LANES) {
                const v8 dz = fma8(r, load(g + j), load(carry + k * w + j));
                on_mix      = fma8(load(g + j), load(now + k * w + j), on_mix);
                on_factor   = fma8(dz, load(before + k * w + j), on_factor);
                store(in + j, load(in + j) + dz);
                store(carry + k * w + j, f * dz);
            }
            dmix[t * lddm + k] += sum8(on_mix);
            dfactor[t * K + k] = sum8(on_factor);
        }
    }
}

const clade_kernels KERNELS_TABLE = {
    .pack              = pack,
    .pack_transposed   = pack_transposed,
    .matmul            = matmul,
    .row_times         = row_times,
    .rms_norm          = rms_norm,
    .rms_norm_backward = rms_norm_backward,
    .gate              = gate,
    .gate_backward     = gate_backward,
    .exp_row           = exp_row,
    .silu              = silu,
    .silu_backward     = silu_backward,
    .exp_columns       = exp_columns,
    .scale_columns     = scale_columns,
    .add               = add,
    .axpy              = axpy,
    .dot               = dot,
    .sum_squares       = sum_squares,
    .add_rows          = add_rows,
    .dropout           = dropout,
    .adam              = adam,
    .decay             = decay,
    .decay_backward    = decay_backward,
};
