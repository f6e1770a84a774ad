/* Every kernel against the same thing written out naively in double, for each instruction set that
 * this machine has, at sizes that fit neither lanes nor panels nor tiles. */
#include "check.h"

#include "clade/kernels.h"
#include "clade/run.h"

#include <stdlib.h>
#include <string.h>

typedef void (*checks)(const clade_kernels *f);

static void on_each_set(checks run)
{
    const clade_isa before = clade_isa_get();
    for (clade_isa isa = CLADE_ISA_PLAIN; isa <= before; isa++) {
        clade_isa_set(isa);
        run(clade_kernels_get());
    }
    clade_isa_set(before);
}

/* n numbers of about one, positive and negative, behind an offset that breaks alignment. */
static float *numbers(size_t n, uint64_t seed)
{
    float *const x   = CLADE_NEW(float, n + 1);
    clade_rng    rng = clade_rng_stream(seed, "test/kernels", 0);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)clade_rng_normal(&rng) + 0.03f;
    return x;
}

/* A sum of k products of numbers near one: k roundings, of which the root stays. */
static double room(size_t k)
{
    return 1e-6 * (4.0 + sqrt((double)k) * 2.0);
}

/* ---- Products -------------------------------------------------------------------------------- */

/* c (m, n) with rows ldc apart against the sum in double, and nothing written between rows. */
static void check_product(const float *c, const float *before, size_t ldc, const float *a,
                          size_t a_row, size_t a_column, const float *b, size_t b_row,
                          size_t b_column, size_t m, size_t n, size_t k, bool add)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < ldc; j++) {
            if (j >= n) {
                check_close((double)c[i * ldc + j], (double)before[i * ldc + j], 0.0);
                continue;
            }
            double sum = add ? (double)before[i * ldc + j] : 0.0;
            for (size_t p = 0; p < k; p++)
                sum += (double)a[i * a_row + p * a_column] * (double)b[p * b_row + j * b_column];
            check_close((double)c[i * ldc + j], sum, room(k));
        }
    }
}

static void check_matmul(const clade_kernels *f, size_t m, size_t n, size_t k, bool add)
{
    const size_t lda = k + 3, ldat = m + 2, ldb = n + 5, ldbt = k + 1, ldc = n + 4;
    float *const a = numbers(m * lda + k * ldat, 1), *const b = numbers(k * ldb + n * ldbt, 2);
    float *const start = numbers(m * ldc, 3), *const c = numbers(m * ldc, 3);
    float *const packed = CLADE_NEW(float, clade_pack_size(k, n) + 1);

    f->pack(packed, b, ldb, k, n);
    f->matmul(c, ldc, a, lda, 1, packed, m, n, k, add); /* a b */
    check_product(c, start, ldc, a, lda, 1, b, ldb, 1, m, n, k, add);
    for (size_t i = 0; i < m; i++) { /* row by row: the same bits */
        float *const row = numbers(n, 4);
        memcpy(row, start + i * ldc, n * sizeof *row);
        f->row_times(row, a + i * lda, packed, k * CLADE_PANEL, n, k, add);
        assert_memory_equal(row, c + i * ldc, n * sizeof *row);
        free(row);
    }
    memcpy(c, start, m * ldc * sizeof *c);
    f->matmul(c, ldc, a, 1, ldat, packed, m, n, k, add); /* a' b */
    check_product(c, start, ldc, a, 1, ldat, b, ldb, 1, m, n, k, add);
    memcpy(c, start, m * ldc * sizeof *c);
    f->pack_transposed(packed, b, ldbt, k, n);
    f->matmul(c, ldc, a, lda, 1, packed, m, n, k, add); /* a b' */
    check_product(c, start, ldc, a, lda, 1, b, 1, ldbt, m, n, k, add);
    free(a);
    free(b);
    free(start);
    free(c);
    free(packed);
}

static void check_products(const clade_kernels *f)
{
    static const size_t sizes[][3] = {
        { 1, 1, 1 },     { 6, 16, 8 },   { 7, 17, 9 },   { 5, 15, 3 },   { 11, 48, 31 },
        { 3, 8, 200 },   { 13, 70, 64 }, { 2, 33, 256 }, { 4, 64, 257 }, { 9, 100, 300 },
        { 12, 24, 600 }, { 1, 129, 24 }, { 1, 63, 513 }, { 10, 2, 2 },   { 8, 47, 1 },
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_matmul(f, sizes[i][0], sizes[i][1], sizes[i][2], false);
        check_matmul(f, sizes[i][0], sizes[i][1], sizes[i][2], true);
    }
}

static void products_are_those_of_the_definition(void **state)
{
    (void)state;
    on_each_set(check_products);
}

static void check_wide_panels(const clade_kernels *f)
{
    enum { N = 40, K = 30, ROOM = 50 }; /* panels for 50 rows of which 30 are there */
    float *const b = numbers(K * N, 5), *const x = numbers(K, 6);
    float packed[3 * ROOM * CLADE_PANEL], y[N];
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++)
        packed[i] = NAN; /* read what is not there, and the sum is none */
    for (size_t p = 0; p < K; p++)
        for (size_t j = 0; j < 48; j++)
            packed[(j / CLADE_PANEL * ROOM + p) * CLADE_PANEL + j % CLADE_PANEL] =
                j < N ? b[p * N + j] : 0.0f;
    f->row_times(y, x, packed, ROOM * CLADE_PANEL, N, K, false);
    check_product(y, y, N, x, K, 1, b, N, 1, 1, N, K, false);
    free(b);
    free(x);
}

static void a_row_times_panels_that_lie_apart(void **state)
{
    (void)state;
    on_each_set(check_wide_panels);
}

static void check_no_depth(const clade_kernels *f)
{
    float c[6] = { 1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f };
    f->matmul(c, 3, c, 1, 1, c, 2, 3, 0, true);
    check_close((double)c[4], 5.5, 0.0);
    f->row_times(c, c, c, 16, 3, 0, true);
    check_close((double)c[2], 3.5, 0.0);
    f->matmul(c, 3, c, 1, 1, c, 2, 3, 0, false);
    for (size_t i = 0; i < 6; i++)
        check_close((double)c[i], 0.0, 0.0);
}

static void a_product_of_no_depth_is_zero_or_what_was_there(void **state)
{
    (void)state;
    on_each_set(check_no_depth);
}

/* ---- Norms and gates ------------------------------------------------------------------------- */

static const size_t widths[] = { 1, 7, 8, 9, 16, 24, 63, 200 };
enum { N_WIDTHS = sizeof widths / sizeof widths[0], ROWS = 5 };

static void check_norm(const clade_kernels *f)
{
    for (size_t c = 0; c < N_WIDTHS; c++) {
        const size_t d = widths[c], n = ROWS * d;
        float *const x = numbers(n, 1), *const gain = numbers(d, 2), *const dy = numbers(n, 3);
        float *const y = numbers(n, 4), *const dx = numbers(n, 5), *const dgain = numbers(d, 6);
        float *const dx0 = numbers(n, 5), *const dgain0 = numbers(d, 6);
        float scale[ROWS];
        f->rms_norm(y, scale, x, gain, ROWS, d);
        f->rms_norm_backward(dx, dgain, dy, x, gain, scale, ROWS, d);
        for (size_t i = 0; i < ROWS; i++) {
            double squares = 0.0, along = 0.0;
            for (size_t j = 0; j < d; j++) {
                const double v = (double)x[i * d + j];
                squares += v * v;
                along += (double)gain[j] * (double)dy[i * d + j] * v;
            }
            const double s = 1.0 / sqrt(squares / (double)d + 1e-6);
            check_close((double)scale[i], s, 2e-6);
            for (size_t j = 0; j < d; j++) {
                const double v = (double)x[i * d + j], g = (double)gain[j];
                check_close((double)y[i * d + j], v * s * g, 3e-6);
                check_close((double)dx[i * d + j],
                            (double)dx0[i * d + j] + s * g * (double)dy[i * d + j] -
                                v * s * s * s / (double)d * along,
                            2e-5 * fmax(1.0, s * s));
            }
        }
        for (size_t j = 0; j < d; j++) {
            double sum = (double)dgain0[j];
            for (size_t i = 0; i < ROWS; i++)
                sum += (double)dy[i * d + j] * (double)x[i * d + j] * (double)scale[i];
            check_close((double)dgain[j], sum, 1e-5);
        }
        f->rms_norm(x, scale, x, gain, ROWS, d); /* in place: the same bits */
        assert_memory_equal(x, y, n * sizeof *x);
        free(x), free(gain), free(dy), free(y), free(dx), free(dgain), free(dx0), free(dgain0);
    }
}

static void norms_go_there_and_back(void **state)
{
    (void)state;
    on_each_set(check_norm);
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}
static double slope(double x)
{
    return sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)));
}

static void check_gates(const clade_kernels *f)
{
    for (size_t c = 0; c < N_WIDTHS; c++) {
        const size_t d = widths[c], lda = d + 3, ldb = d + 1, ldy = d + 2, n = ROWS * (d + 3);
        float *const a = numbers(n, 1), *const b = numbers(n, 2), *const dy = numbers(n, 3);
        float *const y = numbers(n, 4), *const da = numbers(n, 5), *const db = numbers(n, 6);
        a[0]     = 40.0f; /* far out, where e^-x is nearly nothing, or much */
        a[d - 1] = d > 1 ? -60.0f : a[0];
        f->gate(y, ldy, a, lda, b, ldb, ROWS, d);
        f->gate_backward(da, lda, db, ldb, dy, ldy, a, lda, b, ldb, ROWS, d);
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t j = 0; j < d; j++) {
                const double u = (double)a[i * lda + j], v = (double)b[i * ldb + j];
                const double g = (double)dy[i * ldy + j];
                check_close((double)y[i * ldy + j], u * sigmoid(u) * v, 2e-6);
                check_close((double)da[i * lda + j], g * v * slope(u), 4e-6);
                check_close((double)db[i * ldb + j], g * u * sigmoid(u), 2e-6);
            }
        }
        f->gate_backward(a, lda, b, ldb, dy, ldy, a, lda, b, ldb, ROWS, d); /* in place */
        for (size_t i = 0; i < ROWS; i++) {
            assert_memory_equal(a + i * lda, da + i * lda, d * sizeof *a);
            assert_memory_equal(b + i * ldb, db + i * ldb, d * sizeof *b);
        }
        free(a), free(b), free(dy), free(y), free(da), free(db);
    }
}

static void gates_go_there_and_back(void **state)
{
    (void)state;
    on_each_set(check_gates);
}

static void check_silu(const clade_kernels *f)
{
    for (size_t c = 0; c < N_WIDTHS; c++) {
        const size_t n = widths[c];
        float *const x = numbers(n, 1), *const dy = numbers(n, 2);
        float *const y = numbers(n, 3), *const dx = numbers(n, 4);
        f->silu(y, x, n);
        f->silu_backward(dx, dy, x, n);
        for (size_t j = 0; j < n; j++) {
            check_close((double)y[j], (double)x[j] * sigmoid((double)x[j]), 1e-6);
            check_close((double)dx[j], (double)dy[j] * slope((double)x[j]), 2e-6);
        }
        free(x), free(dy), free(y), free(dx);
    }
}

static void silu_goes_there_and_back(void **state)
{
    (void)state;
    on_each_set(check_silu);
}

/* ---- Softmax --------------------------------------------------------------------------------- */

static void check_exp_row(const clade_kernels *f)
{
    for (size_t c = 0; c < N_WIDTHS; c++) {
        const size_t n = widths[c];
        float *const x = numbers(n, 1), *const start = numbers(n, 1);
        float  most;
        double top = -INFINITY, sum = 0.0;
        for (size_t j = 0; j < n; j++)
            top = fmax(top, (double)start[j]);
        const float total = f->exp_row(x, &most, n);
        check_close((double)most, top, 0.0);
        for (size_t j = 0; j < n; j++) {
            sum += exp((double)start[j] - top);
            check_close((double)x[j], exp((double)start[j] - top), 4e-7);
        }
        check_close((double)total, sum, 1e-6);
        free(x), free(start);
    }
}

static void check_exp_columns(const clade_kernels *f)
{
    static const size_t sizes[][2] = {
        { 1, 16 }, { 7, 16 }, { 37, 48 }, { 256, 192 }, { 33, 256 }
    };
    for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++) {
        const size_t n = sizes[c][0], w = sizes[c][1];
        float *const x = numbers(n * w, 1), *const start = numbers(n * w, 1);
        float *const by = numbers(w, 2);
        float        most[256], total[256];
        start[0] = x[0] = 300.0f; /* a column whose other numbers vanish */
        f->exp_columns(x, most, total, n, w);
        for (size_t j = 0; j < w; j++) {
            double top = -INFINITY, sum = 0.0;
            for (size_t i = 0; i < n; i++)
                top = fmax(top, (double)start[i * w + j]);
            check_close((double)most[j], top, 0.0);
            for (size_t i = 0; i < n; i++) {
                sum += exp((double)start[i * w + j] - top);
                check_close((double)x[i * w + j], exp((double)start[i * w + j] - top), 4e-7);
            }
            check_close((double)total[j], sum, 4e-6);
        }
        memcpy(x, start, n * w * sizeof *x);
        f->scale_columns(x, by, n, w);
        for (size_t i = 0; i < n * w; i++)
            check_close((double)x[i], (double)(start[i] * by[i % w]), 0.0);
        free(x), free(start), free(by);
    }
}

static void exponentials_of_rows_are_within_their_bounds(void **state)
{
    (void)state;
    on_each_set(check_exp_row);
}

static void exponentials_of_columns_are_within_their_bounds(void **state)
{
    (void)state;
    on_each_set(check_exp_columns);
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static void check_sums(const clade_kernels *f)
{
    static const size_t sizes[] = { 1, 7, 8, 255, 256, 257, 1000 };
    for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++) {
        const size_t n = sizes[c];
        float *const x = numbers(n, 1), *const y = numbers(n, 2), *const start = numbers(n, 2);
        double dot = 0.0, squares = 0.0;
        for (size_t j = 0; j < n; j++)
            dot += (double)x[j] * (double)y[j], squares += (double)x[j] * (double)x[j];
        check_close((double)f->dot(x, y, n), dot, room(n));
        check_close(f->sum_squares(x, n), squares, 1e-6);
        f->add(y, x, n);
        for (size_t j = 0; j < n; j++)
            check_close((double)y[j], (double)(start[j] + x[j]), 0.0);
        memcpy(y, start, n * sizeof *y);
        f->axpy(y, -2.385f, x, n);
        for (size_t j = 0; j < n; j++)
            check_close((double)y[j], (double)start[j] - 2.385 * (double)x[j], 1e-6);
        free(x), free(y), free(start);
    }
    enum { N = 13, WIDE = 21, APART = 25 };
    float *const x = numbers(N * APART, 3), *const y = numbers(WIDE, 4);
    float *const start = numbers(WIDE, 4);
    f->add_rows(y, x, APART, N, WIDE);
    for (size_t j = 0; j < WIDE; j++) {
        double sum = (double)start[j];
        for (size_t i = 0; i < N; i++)
            sum += (double)x[i * APART + j];
        check_close((double)y[j], sum, 2e-6);
    }
    free(x), free(y), free(start);
}

static void sums_are_those_of_the_definition(void **state)
{
    (void)state;
    on_each_set(check_sums);
}

/* ---- Dropout --------------------------------------------------------------------------------- */

static void check_dropout(const clade_kernels *f)
{
    enum { N = 100003 };
    const float  keep = 0.8f;
    float *const x = CLADE_NEW(float, N), *const y = CLADE_NEW(float, N);
    size_t kept = 0, same = 0;
    for (size_t j = 0; j < N; j++)
        x[j] = y[j] = 2.385f;
    f->dropout(x, N, 0x1234567890ABCDEFu, keep);
    for (size_t j = 0; j < N; j++) {
        assert_true(x[j] == 0.0f || fabsf(x[j] - 2.385f / keep) < 1e-6f);
        kept += x[j] != 0.0f;
    }
    /* 5 standard deviations of 100,003 draws are 0.0063 of a share of 0.8, 0.0076 of 0.64; pairs
     * overlap and vary a little more. Eight apart are those of one hash. */
    check_close((double)kept / N, 0.8, 0.0064);
    for (size_t apart = 1; apart <= 1024; apart *= 2) {
        size_t both = 0;
        for (size_t j = apart; j < N; j++)
            both += x[j] != 0.0f && x[j - apart] != 0.0f;
        check_close((double)both / (double)(N - apart), 0.64, 0.012);
    }
    f->dropout(y, N - 7, 0x1234567890ABCDEFu, keep); /* element j is element j, however many */
    assert_memory_equal(x, y, (N - 7) * sizeof *x);
    for (unsigned bit = 0; bit < 64; bit += 3) { /* other keys, other masks */
        for (size_t j = 0; j < N; j++)
            y[j] = 2.385f;
        f->dropout(y, N, 0x1234567890ABCDEFu ^ (UINT64_C(1) << bit), keep);
        same = 0;
        for (size_t j = 0; j < N; j++)
            same += (x[j] != 0.0f) == (y[j] != 0.0f);
        check_close((double)same / N, 0.8 * 0.8 + 0.2 * 0.2, 0.012);
    }
    free(x), free(y);
}

static void dropout_keeps_its_share_and_depends_on_key_and_place_alone(void **state)
{
    (void)state;
    on_each_set(check_dropout);
}

/* The whole hash, by hand for every instruction set: the same masks everywhere. */
static void dropout_is_one_mask_on_every_set(void **state)
{
    (void)state;
    enum { N = 1003 };
    const clade_isa before = clade_isa_get();
    float           x[N], y[N];
    for (size_t j = 0; j < N; j++)
        x[j] = y[j] = 1.25f;
    clade_isa_set(CLADE_ISA_PLAIN);
    clade_kernels_get()->dropout(x, N, 99, 0.6f);
    clade_isa_set(before);
    clade_kernels_get()->dropout(y, N, 99, 0.6f);
    assert_memory_equal(x, y, sizeof x);
}

/* ---- AdamW ----------------------------------------------------------------------------------- */

static void check_adam(const clade_kernels *f)
{
    enum { N = 43 };
    float *const theta = numbers(N, 1), *const m = numbers(N, 2), *const grad = numbers(N, 3);
    float *const theta0 = numbers(N, 1), *const m0 = numbers(N, 2);
    float v[N], v0[N];
    for (size_t j = 0; j < N; j++)
        v[j] = v0[j] = 0.1f + 0.05f * (float)j;
    f->adam(theta, m, v, grad, N, 0.7f, 0.013f, 0.9f, 0.98f, 1e-6f, 0.004f);
    for (size_t j = 0; j < N; j++) {
        const double g  = 0.7 * (double)grad[j];
        const double m1 = 0.9 * (double)m0[j] + 0.1 * g, v1 = 0.98 * (double)v0[j] + 0.02 * g * g;
        check_close((double)m[j], m1, 1e-6);
        check_close((double)v[j], v1, 1e-6);
        check_close((double)theta[j],
                    (double)theta0[j] - 0.013 * m1 / (sqrt(v1) + 1e-6) - 0.004 * (double)theta0[j],
                    1e-6);
    }
    free(theta), free(m), free(grad), free(theta0), free(m0);
}

static void adam_takes_the_step_of_its_paper(void **state)
{
    (void)state;
    on_each_set(check_adam);
}

/* ---- Decays ---------------------------------------------------------------------------------- */

static void check_decay(const clade_kernels *f, size_t n, size_t w, size_t K)
{
    const size_t ldo = w + 3, ldv = w + 5, ldm = K + 2, bank = K * w;
    float *const v = numbers(n * ldv, 1), *const mix = numbers(n * ldm, 2);
    float *const out = numbers(n * ldo, 3), *const out0 = numbers(n * ldo, 3);
    float *const dout = numbers(n * ldo, 4), *const dv = numbers(n * ldv, 5);
    float *const dv0 = numbers(n * ldv, 5), *const dmix = numbers(n * ldm, 6);
    float *const dmix0 = numbers(n * ldm, 6), *const dfactor = numbers(n * K, 7);
    float *const factor = numbers(n * K, 8), *const carry = numbers(bank, 9);
    float *const z     = numbers((n + 1) * bank, 10); /* z[0] is a state, not zeros */
    double      *exact = CLADE_NEW(double, (n + 1) * bank), *D = CLADE_NEW(double, bank);
    for (size_t i = 0; i < n * K; i++)
        factor[i] = 1.0f / (1.0f + expf(factor[i]));
    for (size_t i = 0; i < bank; i++)
        exact[i] = (double)z[i];
    f->decay(out, ldo, z, v, ldv, factor, mix, ldm, n, w, K);
    f->decay_backward(dv, ldv, dmix, ldm, dfactor, dout, ldo, z, factor, mix, ldm, carry, n, w, K);
    for (size_t t = 0; t < n; t++) {
        for (size_t j = 0; j < w; j++) {
            double o = (double)out0[t * ldo + j];
            for (size_t k = 0; k < K; k++) {
                double *const now = exact + (t + 1) * bank + k * w + j;
                *now = (double)factor[t * K + k] * now[-(ptrdiff_t)bank] + (double)v[t * ldv + j];
                o += (double)mix[t * ldm + k] * *now;
                check_close((double)z[(t + 1) * bank + k * w + j], *now, 2e-6);
            }
            check_close((double)out[t * ldo + j], o, 1e-5);
        }
    }
    for (size_t t = n; t-- > 0;) {
        double on_v[64] = { 0 };
        for (size_t k = 0; k < K; k++) {
            double on_mix = (double)dmix0[t * ldm + k], on_factor = 0.0;
            for (size_t j = 0; j < w; j++) {
                const double  g    = (double)dout[t * ldo + j];
                const double  next = t + 1 < n ? (double)factor[(t + 1) * K + k] : 0.0;
                double *const d    = &D[k * w + j];
                *d                 = (double)mix[t * ldm + k] * g + next * *d;
                on_v[j] += *d;
                on_mix += g * exact[(t + 1) * bank + k * w + j];
                on_factor += *d * exact[t * bank + k * w + j];
            }
            check_close((double)dmix[t * ldm + k], on_mix, 2e-5);
            check_close((double)dfactor[t * K + k], on_factor, 2e-5);
        }
        for (size_t j = 0; j < w; j++)
            check_close((double)dv[t * ldv + j], (double)dv0[t * ldv + j] + on_v[j], 1e-5);
    }
    free(v), free(mix), free(out), free(out0), free(dout), free(dv), free(dv0), free(dmix);
    free(dmix0), free(dfactor), free(factor), free(carry), free(z), free(exact), free(D);
}

static void check_decays(const clade_kernels *f)
{
    for (size_t w = 8; w <= 64; w += 8)
        check_decay(f, w == 24 ? 1 : 19, w, w % 16 == 0 ? 8 : 3);
    check_decay(f, 5, 32, 1);
    check_decay(f, 3, 8, 32);
}

static void banks_of_decays_go_there_and_back(void **state)
{
    (void)state;
    on_each_set(check_decays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_definition),
        cmocka_unit_test(a_row_times_panels_that_lie_apart),
        cmocka_unit_test(a_product_of_no_depth_is_zero_or_what_was_there),
        cmocka_unit_test(norms_go_there_and_back),
        cmocka_unit_test(gates_go_there_and_back),
        cmocka_unit_test(silu_goes_there_and_back),
        cmocka_unit_test(exponentials_of_rows_are_within_their_bounds),
        cmocka_unit_test(exponentials_of_columns_are_within_their_bounds),
        cmocka_unit_test(sums_are_those_of_the_definition),
        cmocka_unit_test(dropout_keeps_its_share_and_depends_on_key_and_place_alone),
        cmocka_unit_test(dropout_is_one_mask_on_every_set),
        cmocka_unit_test(adam_takes_the_step_of_its_paper),
        cmocka_unit_test(banks_of_decays_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
