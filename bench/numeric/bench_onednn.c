/*
 * How do the products of the behaviour model compare with oneDNN's, shape by shape, on one thread?
 *
 *     numeric_bench_onednn [rounds]
 *
 * Both sides take turns within each round, so that a machine that slows down slows both; figures
 * are medians over rounds, GFLOP/s by processor time. Ours is timed twice: as the model runs it
 * (weights are packed once for many products), and with the right side packed in every call, which
 * is what dnnl_sgemm has to do. Results are compared before anything is timed.
 */
#include "bench.h"

#include "clade/kernels.h"

#include <dnnl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FLOATS = 1 << 21, ROUNDS_MAX = 99, N_SIDES = 3 };
static const double OPERATIONS_A_TURN = 4e8;
static float       *left, *right, *packed, *ours, *theirs;

typedef struct shape {
    const char *name;
    int         m, n, k;
    char        a, b; /* 'T': the side is stored transposed */
    bool        add;  /* c += */
} shape;

static void pack(const shape *s)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               n = (size_t)s->n, k = (size_t)s->k;
    if (s->b == 'T')
        f->pack_transposed(packed, right, k, k, n);
    else
        f->pack(packed, right, n, k, n);
}

static void run_ours(const shape *s)
{
    const size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    const bool   turned = s->a == 'T';
    clade_kernels_get()->matmul(ours, n, left, turned ? 1 : k, turned ? m : 1, packed, m, n, k,
                                s->add);
    bench_keep(ours);
}

static void run_packing(const shape *s)
{
    pack(s);
    run_ours(s);
}

static void run_theirs(const shape *s)
{
    const dnnl_status_t status =
        dnnl_sgemm(s->a, s->b, s->m, s->n, s->k, 1.0f, left, s->a == 'T' ? s->m : s->k, right,
                   s->b == 'T' ? s->k : s->n, s->add ? 1.0f : 0.0f, theirs, s->n);
    if (status != dnnl_success) {
        fprintf(stderr, "dnnl_sgemm failed: %d\n", (int)status);
        exit(1);
    }
    bench_keep(theirs);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double turn(void (*run)(const shape *), const shape *s)
{
    const double one   = 2.0 * s->m * s->n * s->k;
    const int    n     = (int)fmax(1, OPERATIONS_A_TURN / one);
    const double start = cpu_seconds();
    for (int i = 0; i < n; i++)
        run(s);
    return n * one / (cpu_seconds() - start) / 1e9;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(double *value, size_t n)
{
    qsort(value, n, sizeof *value, rising);
    return 0.5 * (value[(n - 1) / 2] + value[n / 2]);
}

/* Both must be the same product: the sums differ in order alone. */
static void compare(const shape *s)
{
    const size_t n    = (size_t)s->m * (size_t)s->n;
    shape        once = *s;
    once.add          = false;
    run_packing(&once);
    run_theirs(&once);
    for (size_t i = 0; i < n; i++) {
        if (fabsf(ours[i] - theirs[i]) <= 1e-3f * (1 + fabsf(theirs[i]))) continue;
        fprintf(stderr, "%s: entry %zu is %g here and %g there\n", s->name, i, (double)ours[i],
                (double)theirs[i]);
        exit(1);
    }
}

static void measure(const shape *s, size_t n_rounds)
{
    static void (*const side[N_SIDES])(const shape *) = { run_ours, run_packing, run_theirs };
    static double rate[N_SIDES][ROUNDS_MAX], ratio[2][ROUNDS_MAX];
    compare(s);
    for (size_t r = 0; r < n_rounds; r++) {
        for (size_t i = 0; i < N_SIDES; i++) {
            const size_t at = (i + r) % N_SIDES; /* nobody is always first */
            rate[at][r]     = turn(side[at], s);
        }
        for (size_t i = 0; i < 2; i++)
            ratio[i][r] = rate[i][r] / rate[2][r];
    }
    printf("| %s | %.0f | %.0f | %.0f | %.2f | %.2f |\n", s->name, median_of(rate[0], n_rounds),
           median_of(rate[1], n_rounds), median_of(rate[2], n_rounds),
           median_of(ratio[0], n_rounds), median_of(ratio[1], n_rounds));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const shape shapes[] = {
        { "1024x64x64", 1024, 64, 64, 'N', 'N', false },
        { "1024x256x64", 1024, 256, 64, 'N', 'N', false },
        { "1024x64x256", 1024, 64, 256, 'N', 'N', false },
        { "1024x128x128", 1024, 128, 128, 'N', 'N', false },
        { "1024x512x128", 1024, 512, 128, 'N', 'N', false },
        { "1024x128x512", 1024, 128, 512, 'N', 'N', false },
        { "1024x256x256", 1024, 256, 256, 'N', 'N', false },
        { "scores 200x200x32 nt", 200, 200, 32, 'N', 'T', false },
        { "scores 200x200x64 nt", 200, 200, 64, 'N', 'T', false },
        { "weights 64x64x1024 tn", 64, 64, 1024, 'T', 'N', true },
        { "weights 64x256x1024 tn", 64, 256, 1024, 'T', 'N', true },
        { "weights 128x512x1024 tn", 128, 512, 1024, 'T', 'N', true },
        { "logits 3408x192x64", 3408, 192, 64, 'N', 'N', false },
        { "logits 3408x192x128", 3408, 192, 128, 'N', 'N', false },
        { "item gradient 3408x64x192", 3408, 64, 192, 'N', 'N', false },
        { "item gradient 3408x128x192", 3408, 128, 192, 'N', 'N', false },
        { "hidden gradient 192x64x256 tn", 192, 64, 256, 'T', 'N', true },
        { "hidden gradient 192x128x256 tn", 192, 128, 256, 'T', 'N', true },
    };
    if (getenv("OMP_NUM_THREADS") == NULL) { /* is read when the library loads, so: once more */
        (void)setenv("OMP_NUM_THREADS", "1", 1);
        (void)execv("/proc/self/exe", argv);
    }
    size_t n_rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 15;
    if (n_rounds < 1 || n_rounds > ROUNDS_MAX) n_rounds = 15;
    left   = clade_alloc(FLOATS, sizeof(float));
    right  = clade_alloc(FLOATS, sizeof(float));
    packed = clade_alloc(FLOATS, sizeof(float));
    ours   = clade_alloc(FLOATS, sizeof(float));
    theirs = clade_alloc(FLOATS, sizeof(float));
    if (left == NULL || right == NULL || packed == NULL || ours == NULL || theirs == NULL) return 1;
    for (size_t i = 0; i < FLOATS; i++) {
        left[i]  = (float)(i * 7 % 17) * 0.0625f - 0.5f;
        right[i] = (float)(i * 5 % 23) * 0.03125f - 0.25f;
        ours[i] = theirs[i] = 0;
    }
    printf("| m x n x k | ours | ours, packing | oneDNN | ours / oneDNN | packing / oneDNN |\n"
           "| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        measure(&shapes[i], n_rounds);
    free(left);
    free(right);
    free(packed);
    free(ours);
    free(theirs);
    return 0;
}
