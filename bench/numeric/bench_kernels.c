/* What share of the multiply-add peak do the products of the behaviour model reach, shape by shape,
 * on one thread? The unit is one operation (a multiply or an add): 1e9 a second is 1 GFLOP/s. */
#include "bench.h"

#include "clade/kernels.h"

#include <stdlib.h>

enum { FLOATS = 1 << 23 };
static float *left, *right, *packed, *result;

typedef struct shape {
    const char *name;
    size_t      m, n, k;
    int         kind; /* 0: a b, packed once; 1: a b'; 2: a' b, packed in the product */
} shape;

static void product(void *context)
{
    const shape *const         s = context;
    const clade_kernels *const f = clade_kernels_get();
    if (s->kind == 0) {
        f->matmul(result, s->n, left, s->k, 1, packed, s->m, s->n, s->k, false);
    } else if (s->kind == 1) {
        f->pack_transposed(packed, right, s->k, s->k, s->n);
        f->matmul(result, s->n, left, s->k, 1, packed, s->m, s->n, s->k, false);
    } else {
        f->pack(packed, right, s->n, s->k, s->n);
        f->matmul(result, s->n, left, 1, s->m, packed, s->m, s->n, s->k, true);
    }
    bench_keep(result);
}

static void exponentials(void *context)
{
    float most[192], sum[192];
    (void)context;
    clade_kernels_get()->exp_columns(left, most, sum, 256, 192);
    bench_keep(left);
}

/* The peak: sums in registers alone. */
static void peak(void *context)
{
    const clade_kernels *const f = clade_kernels_get();
    (void)context;
    for (int i = 0; i < 1000; i++)
        f->matmul(result, 16, left, 256, 1, packed, 6, 16, 256, false);
    bench_keep(result);
}

int main(int argc, char **argv)
{
    left   = clade_alloc(FLOATS, sizeof(float));
    right  = clade_alloc(FLOATS, sizeof(float));
    packed = clade_alloc(FLOATS, sizeof(float));
    result = clade_alloc(FLOATS, sizeof(float));
    for (size_t i = 0; i < FLOATS; i++)
        left[i] = right[i] = packed[i] = (float)(i % 17) * 0.0625f - 0.5f;
    static shape shapes[] = {
        { "1024x64x64", 1024, 64, 64, 0 },
        { "1024x256x64", 1024, 256, 64, 0 },
        { "1024x64x256", 1024, 64, 256, 0 },
        { "1024x128x128", 1024, 128, 128, 0 },
        { "1024x512x128", 1024, 512, 128, 0 },
        { "1024x128x512", 1024, 128, 512, 0 },
        { "1024x256x256", 1024, 256, 256, 0 },
        { "scores 200x200x32 nt", 200, 200, 32, 1 },
        { "scores 200x200x64 nt", 200, 200, 64, 1 },
        { "weights 64x64x1024 tn", 64, 64, 1024, 2 },
        { "weights 64x256x1024 tn", 64, 256, 1024, 2 },
        { "weights 128x512x1024 tn", 128, 512, 1024, 2 },
        { "logits 3408x192x64", 3408, 192, 64, 0 },
        { "logits 3408x192x128", 3408, 192, 128, 0 },
        { "item gradient 3408x64x192", 3408, 64, 192, 0 },
        { "item gradient 3408x128x192", 3408, 128, 192, 0 },
        { "hidden gradient 192x64x256 tn", 192, 64, 256, 2 },
        { "hidden gradient 192x128x256 tn", 192, 128, 256, 2 },
    };
    enum { N = sizeof shapes / sizeof shapes[0] };
    struct bench_case cases[N + 2];
    for (size_t i = 0; i < N; i++) {
        const shape *const s = &shapes[i];
        cases[i]             = (struct bench_case){ s->name, product, &shapes[i],
                                                    2.0 * (double)(s->m * s->n * s->k), "operations" };
    }
    cases[N] = (struct bench_case){ "peak 6x16x256", peak, NULL, 2e3 * 6 * 16 * 256, "operations" };
    cases[N + 1] = (struct bench_case){ "exp 256x192", exponentials, NULL, 256.0 * 192, "numbers" };
    return bench_main(argc, argv, cases, N + 2);
}
