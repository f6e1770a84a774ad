/*
 * How fast is k-means over a million rows, and what share of the processor's multiply-adds does it
 * reach?
 *
 *   noise   one Gaussian cloud without clusters: the worst case, bounds have nothing to hold on to
 *   groups  a hundred overlapping planted groups, which is what customers look like
 *
 * Start: the first k rows. 20 passes that move centres and one that labels, as scikit-learn counts.
 * `--write FOLDER` writes the same data as raw little-endian float32 for bench/clusters/peers.py.
 * The case "peak" is what the processor can do: multiply-adds that wait for nothing. Lloyd's cases
 * count the flops of the full search, whether bounds skipped it or not.
 */
#include "bench.h"

#include "clade/clusters.h"
#include "clade/numeric.h"
#include "clade/run.h"
#include "clade/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { N_ROWS = 1000000, N_ITER = 20, N_GROUPS = 100 };

typedef struct question {
    const char *name;
    size_t      d, k;
    bool        groups;
    bool        no_bounds;
    float      *x;
} question;

static void draw_row(float *x, const question *q, const float *centre, size_t i)
{
    clade_rng    rng   = clade_rng_stream(1, q->groups ? "bench/groups" : "bench/noise", i);
    const size_t group = clade_rng_below(&rng, N_GROUPS);
    for (size_t j = 0; j < q->d; j++) {
        x[j] = (float)clade_rng_normal(&rng) + (q->groups ? centre[group * q->d + j] : 0.0f);
    }
}

static float *draw_data(const question *q)
{
    float    *x      = CLADE_NEW(float, N_ROWS * q->d);
    float    *centre = CLADE_NEW(float, N_GROUPS * q->d);
    clade_rng rng    = clade_rng_stream(2, "bench/centres", q->d);
    if (x == NULL || centre == NULL) exit(1);
    for (size_t i = 0; i < N_GROUPS * q->d; i++)
        centre[i] = (float)clade_rng_normal(&rng);
    for (size_t i = 0; i < N_ROWS; i++)
        draw_row(x + i * q->d, q, centre, i);
    free(centre);
    return x;
}

static question all_questions[] = {
    { "lloyd/noise/32x50", 32, 50, false, false, NULL },
    { "lloyd/groups/32x50", 32, 50, true, false, NULL },
    { "lloyd/groups/64x100", 64, 100, true, false, NULL },
    { "search-all/noise/32x50", 32, 50, false, true, NULL },
    { "search-all/groups/32x50", 32, 50, true, true, NULL },
    { "search-all/groups/64x100", 64, 100, true, true, NULL },
    { "fit/groups/32x50", 32, 50, true, false, NULL },
};
enum { N_QUESTIONS = sizeof all_questions / sizeof all_questions[0] };

/* Data is made when a case first runs, which is to warm up, and shared by the cases that use it. */
static const float *data_of(question *q)
{
    for (size_t i = 0; i < N_QUESTIONS && q->x == NULL; i++) {
        if (all_questions[i].d == q->d && all_questions[i].groups == q->groups) {
            q->x = all_questions[i].x;
        }
    }
    if (q->x == NULL) q->x = draw_data(q);
    return q->x;
}

static void lloyd(void *context)
{
    question *const            q       = context;
    const float *const         x       = data_of(q);
    const clade_kmeans_options options = {
        .k = q->k, .max_iter = N_ITER, .start = x, .no_bounds = q->no_bounds
    };
    clade_kmeans *model = NULL;
    bench_ok(clade_kmeans_fit(&model, NULL, x, N_ROWS, q->d, NULL, &options, NULL));
    bench_keep(model->centre);
    if (getenv("BENCH_SAY") != NULL) {
        fprintf(stderr, "%s: objective %.8g, %zu passes, %.0f %% of searches skipped\n", q->name,
                model->objective, model->n_iter, 100.0 * model->share_skipped);
    }
    clade_kmeans_free(model);
}

static void whole_fit(void *context)
{
    question *const            q       = context;
    const float *const         x       = data_of(q);
    const clade_kmeans_options options = { .k = q->k, .seed = 7, .tolerance = 1e-3 };
    clade_kmeans              *model   = NULL;
    bench_ok(clade_kmeans_fit(&model, NULL, x, N_ROWS, q->d, NULL, &options, NULL));
    bench_keep(model->centre);
    clade_kmeans_free(model);
}

/* ---- Peak: multiply-adds that wait for nothing ------------------------------------------------
 */

enum { PEAK_STEPS = 20000000 };

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void peak_avx2(float *out)
{
    __m256       sum[12];
    const __m256 x = _mm256_set1_ps(0.999f);
#pragma GCC unroll 12
    for (int c = 0; c < 12; c++)
        sum[c] = _mm256_set1_ps((float)c);
    for (size_t i = 0; i < PEAK_STEPS; i++) {
#pragma GCC unroll 12
        for (int c = 0; c < 12; c++)
            sum[c] = _mm256_fmadd_ps(sum[c], x, x);
        __asm__ volatile("" ::: "memory");
    }
#pragma GCC unroll 12
    for (int c = 1; c < 12; c++)
        sum[0] = _mm256_add_ps(sum[0], sum[c]); /* all of them are wanted */
    _mm256_storeu_ps(out, sum[0]);
}

__attribute__((target("avx512f"))) static void peak_avx512(float *out)
{
    __m512       sum[12];
    const __m512 x = _mm512_set1_ps(0.999f);
#pragma GCC unroll 12
    for (int c = 0; c < 12; c++)
        sum[c] = _mm512_set1_ps((float)c);
    for (size_t i = 0; i < PEAK_STEPS; i++) {
#pragma GCC unroll 12
        for (int c = 0; c < 12; c++)
            sum[c] = _mm512_fmadd_ps(sum[c], x, x);
        __asm__ volatile("" ::: "memory");
    }
#pragma GCC unroll 12
    for (int c = 1; c < 12; c++)
        sum[0] = _mm512_add_ps(sum[0], sum[c]); /* all of them are wanted */
    _mm512_storeu_ps(out, sum[0]);
}
#endif

static void peak_task(size_t i, int worker, void *context)
{
    float kept[16];
    (void)i;
    (void)worker;
    (void)context;
#if defined(__x86_64__)
    if (clade_isa_get() == CLADE_ISA_AVX512) peak_avx512(kept);
    if (clade_isa_get() == CLADE_ISA_AVX2) peak_avx2(kept);
#endif
    bench_keep(kept);
}

static void peak(void *context)
{
    clade_parallel((size_t)clade_threads_get(), peak_task, context);
}

static double peak_work(void)
{
    const double lanes = clade_isa_get() == CLADE_ISA_AVX512 ? 16.0 : 8.0;
    return clade_isa_get() == CLADE_ISA_PLAIN
               ? 0.0
               : 2.0 * 12.0 * lanes * PEAK_STEPS * (double)clade_threads_get();
}

static void write_raw(question *q, const char *folder)
{
    const float *const x = data_of(q);
    char               path[1024];
    snprintf(path, sizeof path, "%s/%s_%zu.f32", folder, q->groups ? "groups" : "noise", q->d);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(x, sizeof *x * q->d, N_ROWS, file) != N_ROWS || fclose(file) != 0) {
        fprintf(stderr, "%s: cannot write\n", path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct bench_case cases[N_QUESTIONS + 1];
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        for (size_t i = 0; i < 3; i++)
            write_raw(&all_questions[i], argv[2]);
        return 0;
    }
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        question *const q = &all_questions[i];
        cases[i] =
            (struct bench_case){ q->name, strncmp(q->name, "fit", 3) == 0 ? whole_fit : lloyd, q,
                                 2.0 * N_ROWS * (double)(q->d * q->k) * N_ITER, "flop" };
    }
    cases[N_QUESTIONS] = (struct bench_case){ "peak", peak, NULL, peak_work(), "flop" };
    return bench_main(argc, argv, cases, N_QUESTIONS + 1);
}
