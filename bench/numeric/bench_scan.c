/*
 * How long does it take to find the n best of a whole catalogue for one customer, and for many?
 *
 *   noise  every number of every vector is normal: all rows about as long, nothing to hold on to
 *   taste  rows around a hundred centres, lengths log-normal (0.5), as popularity makes them
 *
 *   scan   clade_scan_top, one thread            float  a search through all floats, one thread
 *   batch  clade_scan_batch on as many threads as the name ends in
 *
 * Names read kind/how/items x numbers/n. Queries are drawn like rows. BENCH_SAY=1 prints how many
 * rows of floats were read. The float search keeps its n best in a heap, sums in float with fused
 * multiply-adds, and reads rows as they lie: what a caller would write.
 */
#include "bench.h"

#include "clade/run.h"
#include "clade/scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { N_CENTRES = 100, N_QUERIES = 1024, N_SINGLE = 16, N_MAX = 1000 };

typedef enum how { SCAN, FLOATS, BATCH } how;

typedef struct question {
    const char *name;
    bool        taste;
    how         how;
    size_t      n_items, d, n;
    int         n_threads;
} question;

/* One catalogue at a time: a case that needs another one frees it. */
static struct {
    bool             taste;
    size_t           n_items, d;
    float           *x;
    float           *query; /* (N_QUERIES, d) */
    clade_scan      *index;
    clade_scan_room *room;
} catalogue;

static uint32_t found[N_QUERIES * N_MAX];
static float    score[N_QUERIES * N_MAX];

typedef struct drawing {
    float       *out;
    const float *centre;
    size_t       n, d;
    const char  *name;
} drawing;

static void draw_rows(size_t task, int worker, void *context)
{
    const drawing *const w = context;
    (void)worker;
    for (size_t i = task * 1000; i < (task + 1) * 1000 && i < w->n; i++) {
        clade_rng   rng    = clade_rng_stream(1, w->name, i);
        const float length = w->centre == NULL ? 1.0f : expf(0.5f * (float)clade_rng_normal(&rng));
        const float *const at =
            w->centre == NULL ? NULL : w->centre + clade_rng_below(&rng, N_CENTRES) * w->d;
        for (size_t j = 0; j < w->d; j++) {
            const float value    = (float)clade_rng_normal(&rng);
            w->out[i * w->d + j] = at == NULL ? value : length * (at[j] + value);
        }
    }
}

static float *draw(size_t n, size_t d, const float *centre, const char *name)
{
    drawing w = { CLADE_NEW(float, n *d), centre, n, d, name };
    if (w.out == NULL) exit(1);
    clade_parallel((n + 999) / 1000, draw_rows, &w);
    return w.out;
}

static void have_catalogue(const question *q)
{
    if (catalogue.n_items == q->n_items && catalogue.d == q->d && catalogue.taste == q->taste) {
        return;
    }
    clade_scan_room_free(catalogue.room);
    clade_scan_free(catalogue.index);
    free(catalogue.x);
    free(catalogue.query);
    float *const centre = q->taste ? draw(N_CENTRES, q->d, NULL, "bench/centres") : NULL;
    catalogue.taste     = q->taste;
    catalogue.n_items   = q->n_items;
    catalogue.d         = q->d;
    catalogue.x         = draw(q->n_items, q->d, centre, "bench/items");
    catalogue.query     = draw(N_QUERIES, q->d, centre, "bench/queries");
    free(centre);
    const clade_scan_options options = { .borrow = true };
    bench_ok(clade_scan_create(&catalogue.index, catalogue.x, q->n_items, q->d, &options, NULL));
    bench_ok(clade_scan_room_create(&catalogue.room, catalogue.index, N_MAX,
                                    (size_t)clade_threads_get(), NULL));
}

/* ---- The search through all floats ------------------------------------------------------------
 */

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float dot_of(const float *a, const float *b, size_t d)
{
    __m256 sum[4] = { _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps() };
    float  part[8], all = 0.0f;
    for (size_t j = 0; j < d; j += 32) { /* d is a multiple of 32 here */
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++) {
            sum[v] = _mm256_fmadd_ps(_mm256_loadu_ps(a + j + 8 * v), _mm256_loadu_ps(b + j + 8 * v),
                                     sum[v]);
        }
    }
    _mm256_storeu_ps(part,
                     _mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
    for (size_t i = 0; i < 8; i++)
        all += part[i];
    return all;
}
#else
static float dot_of(const float *a, const float *b, size_t d)
{
    float sum = 0.0f;
    for (size_t j = 0; j < d; j++)
        sum += a[j] * b[j];
    return sum;
}
#endif

/* Put a better score in the place of the worst of n, which is at the top of the heap. */
static void replace_worst(uint32_t *item, float *value, size_t n, uint32_t i, float s)
{
    size_t at = 0;
    for (size_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && value[child + 1] < value[child]) child++;
        if (s <= value[child]) break;
        value[at] = value[child];
        item[at]  = item[child];
        at        = child;
    }
    value[at] = s;
    item[at]  = i;
}

static void search_floats(uint32_t *item, float *value, const question *q, const float *query)
{
    for (size_t i = 0; i < q->n; i++)
        value[i] = -INFINITY;
    for (size_t i = 0; i < q->n_items; i++) {
        const float s = dot_of(query, catalogue.x + i * q->d, q->d);
        if (s > value[0]) replace_worst(item, value, q->n, (uint32_t)i, s);
    }
}

/* ---- Cases ------------------------------------------------------------------------------------
 */

static size_t queries_of(const question *q)
{
    return q->how == BATCH ? N_QUERIES : N_SINGLE;
}

static void ask(void *context)
{
    const question *const q = context;
    have_catalogue(q);
    const uint64_t before = clade_scan_room_scored(catalogue.room);
    if (q->how == BATCH) {
        clade_threads_set(q->n_threads);
        bench_ok(clade_scan_batch(found, score, q->n, catalogue.index, catalogue.query, N_QUERIES,
                                  NULL, catalogue.room, NULL));
        clade_threads_set(0);
    }
    for (size_t i = 0; q->how != BATCH && i < N_SINGLE; i++) {
        const float *const query = catalogue.query + i * q->d;
        if (q->how == SCAN) {
            bench_ok(clade_scan_top(found, score, q->n, catalogue.index, query, NULL,
                                    catalogue.room, NULL));
        } else {
            search_floats(found, score, q, query);
        }
        bench_keep(found);
    }
    if (getenv("BENCH_SAY") != NULL && q->how != FLOATS) {
        const double read = (double)(clade_scan_room_scored(catalogue.room) - before);
        const double each = read / (double)queries_of(q);
        fprintf(stderr, "%s: %.1f rows of floats a query, %.4f %%\n", q->name, each,
                100.0 * each / (double)q->n_items);
    }
}

#define SINGLE(kind, taste, text, n_items, d, n)             \
    { kind "/scan/" text, taste, SCAN, n_items, d, n, 1 },   \
    {                                                        \
        kind "/float/" text, taste, FLOATS, n_items, d, n, 1 \
    }
#define BATCHES(kind, taste, text, n_items, d, n)                 \
    { kind "/batch/" text "/1", taste, BATCH, n_items, d, n, 1 }, \
    {                                                             \
        kind "/batch/" text "/2", taste, BATCH, n_items, d, n, 2  \
    }

static question all_questions[] = {
    SINGLE("noise", false, "10000x64/20", 10000, 64, 20),
    BATCHES("noise", false, "10000x64/20", 10000, 64, 20),
    SINGLE("noise", false, "10000x128/20", 10000, 128, 20),
    SINGLE("noise", false, "100000x64/20", 100000, 64, 20),
    SINGLE("noise", false, "100000x64/100", 100000, 64, 100),
    SINGLE("noise", false, "100000x64/1000", 100000, 64, 1000),
    BATCHES("noise", false, "100000x64/20", 100000, 64, 20),
    BATCHES("noise", false, "100000x64/100", 100000, 64, 100),
    SINGLE("noise", false, "100000x128/20", 100000, 128, 20),
    BATCHES("noise", false, "100000x128/20", 100000, 128, 20),
    SINGLE("noise", false, "1000000x64/20", 1000000, 64, 20),
    BATCHES("noise", false, "1000000x64/20", 1000000, 64, 20),
    SINGLE("noise", false, "1000000x128/20", 1000000, 128, 20),
    SINGLE("taste", true, "100000x64/20", 100000, 64, 20),
    SINGLE("taste", true, "100000x64/100", 100000, 64, 100),
    BATCHES("taste", true, "100000x64/20", 100000, 64, 20),
    SINGLE("taste", true, "1000000x64/20", 1000000, 64, 20),
};
enum { N_QUESTIONS = sizeof all_questions / sizeof all_questions[0] };

int main(int argc, char **argv)
{
    struct bench_case cases[N_QUESTIONS];
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        question *const q = &all_questions[i];
        cases[i] = (struct bench_case){ q->name, ask, q, (double)queries_of(q), "queries" };
    }
    return bench_main(argc, argv, cases, N_QUESTIONS);
}
