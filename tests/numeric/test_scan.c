/* The scan finds what a search through all floats finds: the same items, scores and order, on data
 * that bounds like and on data made to break them. */
#include "check.h"
#include "clade/run.h"
#include "clade/scan.h"
#include "numeric/scan_internal.h"

#include <float.h>
#include <stdlib.h>

/* ---- Every allocation of the program, counted, and made to fail where wanted ------------------
 */

static size_t n_allocations, fail_at; /* 0: never */

void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
    return ++n_allocations == fail_at ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return ++n_allocations == fail_at ? NULL : __real_aligned_alloc(alignment, size);
}

/* ---- Data, and the naive search ---------------------------------------------------------------
 */

enum { ITEMS_MAX = 5000, WIDTH_MAX = 1024, N_GROUPS = 23 };

typedef enum kind {
    NORMAL,
    WHOLE,    /* small whole numbers: many equal scores */
    EQUAL,    /* all rows equal */
    SPIKED,   /* one number of a row is a thousand times the others: coarse steps */
    HEAVY,    /* lengths from 1e-12 to 1e12 */
    DENORMAL, /* below the smallest normal float */
    MIXED,    /* zeros, denormals, the largest allowed, each row its own */
    N_KINDS
} kind;

static float    x[ITEMS_MAX * WIDTH_MAX / 8], query[WIDTH_MAX], bias[ITEMS_MAX];
static uint32_t group[ITEMS_MAX];

static void draw_row(float *row, size_t d, kind k, size_t i, clade_rng *rng)
{
    static const float size_of[5] = { 0.0f, 1e-44f, CLADE_VALUE_MAX, 1e-20f, 1.0f };
    const float        heavy      = powf(10.0f, (float)clade_rng_below(rng, 25) - 12.0f);
    const size_t       spike      = (size_t)clade_rng_below(rng, d);
    for (size_t j = 0; j < d; j++) {
        const float value = (float)clade_rng_normal(rng);
        row[j]            = k == WHOLE      ? (float)clade_rng_below(rng, 7) - 3.0f
                            : k == EQUAL    ? 0.25f * (float)(j % 5) - 0.3f
                            : k == SPIKED   ? value * (j == spike ? 1000.0f : 1.0f)
                            : k == HEAVY    ? value * heavy
                            : k == DENORMAL ? value * 1e-42f
                            : k == MIXED    ? fmaxf(-1.0f, fminf(1.0f, value)) * size_of[i % 5]
                                            : value;
    }
}

static void draw(size_t n_items, size_t d, kind k)
{
    clade_rng rng = clade_rng_stream(3, "test/scan", n_items * 10000 + d * 10 + (size_t)k);
    assert_true(n_items * d <= sizeof x / sizeof x[0]);
    for (size_t i = 0; i < n_items; i++) {
        draw_row(x + i * d, d, k, i, &rng);
        bias[i]  = k == WHOLE ? (float)clade_rng_below(&rng, 3) : (float)clade_rng_normal(&rng);
        group[i] = (uint32_t)(clade_rng_below(&rng, 4) * clade_rng_below(&rng, 8));
    }
    draw_row(query, d, k == EQUAL || k == MIXED ? NORMAL : k, 0, &rng);
}

/* The sixteen interleaved sums that the header promises. */
static float score_naive(const float *row, const float *q, size_t d, float b, bool with_bias)
{
    double sum[16] = { 0.0 }, part[4];
    for (size_t j = 0; j < d; j++)
        sum[j % 16] += (double)q[j] * (double)row[j];
    for (size_t i = 0; i < 4; i++)
        part[i] = sum[i] + sum[4 + i] + (sum[8 + i] + sum[12 + i]);
    const double all = part[0] + part[2] + (part[1] + part[3]);
    return (float)(with_bias ? all + (double)b : all);
}

static long double score_long(const float *row, const float *q, size_t d, long double *out_sizes)
{
    long double sum = 0.0L;
    *out_sizes      = 0.0L;
    for (size_t j = 0; j < d; j++) {
        sum += (long double)q[j] * (long double)row[j];
        *out_sizes += fabsl((long double)q[j] * (long double)row[j]);
    }
    return sum;
}

static float naive_score[ITEMS_MAX];

static int better_first(const void *a, const void *b)
{
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (naive_score[i] != naive_score[j]) return naive_score[i] > naive_score[j] ? -1 : 1;
    return i < j ? -1 : 1;
}

static bool passes_naive(const clade_scan_filter *f, uint32_t item)
{
    for (size_t i = 0; i < f->n_excluded; i++) {
        if (f->excluded[i] == item) return false;
    }
    return f->allowed == NULL || (f->allowed[item / 64] >> (item % 64) & 1) != 0;
}

/* All items scored, sorted, and walked. */
static void top_naive(uint32_t *out_item, float *out_score, size_t n, size_t n_items, size_t d,
                      bool with_bias, const clade_scan_filter *f)
{
    static uint32_t order[ITEMS_MAX];
    uint32_t        count[ITEMS_MAX] = { 0 };
    size_t          n_found          = 0;
    for (size_t i = 0; i < n_items; i++) {
        naive_score[i] = score_naive(x + i * d, query, d, bias[i], with_bias);
        order[i]       = (uint32_t)i;
    }
    qsort(order, n_items, sizeof order[0], better_first);
    for (size_t i = 0; i < n_items && n_found < n; i++) {
        if (!passes_naive(f, order[i])) continue;
        if (f->group_cap > 0 && count[group[order[i]]]++ >= f->group_cap) continue;
        out_item[n_found]    = order[i];
        out_score[n_found++] = naive_score[order[i]];
    }
    for (; n_found < n; n_found++) {
        out_item[n_found]  = CLADE_SCAN_NONE;
        out_score[n_found] = -INFINITY;
    }
}

static clade_scan *make(size_t n_items, size_t d, bool with_bias, bool borrow)
{
    const clade_scan_options options = { with_bias ? bias : NULL, group, N_GROUPS, borrow };
    clade_scan              *index   = NULL;
    check_ok(clade_scan_create(&index, x, n_items, d, &options, NULL));
    return index;
}

static clade_scan_room *make_room(const clade_scan *index, size_t n_max, size_t n_threads)
{
    clade_scan_room *room = NULL;
    check_ok(clade_scan_room_create(&room, index, n_max, n_threads, NULL));
    return room;
}

/* The scan against the naive search, in plain C and in the best set of this machine. */
static void compare(const clade_scan *index, size_t n, const clade_scan_filter *filter)
{
    static uint32_t  item[CLADE_SCAN_TOP_MAX], wanted_item[CLADE_SCAN_TOP_MAX];
    static float     score[CLADE_SCAN_TOP_MAX], wanted_score[CLADE_SCAN_TOP_MAX];
    clade_scan_room *room = make_room(index, n, 0);
    top_naive(wanted_item, wanted_score, n, index->n_items, index->d, index->bias != NULL, filter);
    for (int isa = CLADE_ISA_PLAIN; isa <= CLADE_ISA_AVX512; isa++) {
        clade_isa_set((clade_isa)isa);
        check_ok(clade_scan_top(item, score, n, index, query, filter, room, NULL));
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(item[i], wanted_item[i]);
            assert_true(score[i] == wanted_score[i]);
        }
    }
    clade_scan_room_free(room);
}

static const clade_scan_filter EVERYTHING = { 0 };

/* ---- What is right ----------------------------------------------------------------------------
 */

/* 0.5 * 3 - 2 * 1 = -0.5;  0.5 * -1 - 2 * -2 = 3.5;  0.5 * 4 - 2 * 0.25 = 1.5, and biases
 * 5, 0, 2.25: scores 4.5, 3.5, 3.75. */
static void three_items_come_in_the_order_worked_by_hand(void **state)
{
    (void)state;
    const float              rows[6] = { 3, 1, -1, -2, 4, 0.25f }, q[2] = { 0.5f, -2 };
    const float              b[3]    = { 5, 0, 2.25f };
    const clade_scan_options options = { .bias = b };
    clade_scan              *index   = NULL;
    uint32_t                 item[4];
    float                    score[4];
    check_ok(clade_scan_create(&index, rows, 3, 2, &options, NULL));
    clade_scan_room *room = make_room(index, 4, 0);
    check_ok(clade_scan_top(item, score, 4, index, q, NULL, room, NULL));
    assert_int_equal(item[0], 0);
    assert_int_equal(item[1], 2);
    assert_int_equal(item[2], 1);
    assert_int_equal(item[3], CLADE_SCAN_NONE);
    check_close((double)score[0], 4.5, 0.0);
    check_close((double)score[1], 3.75, 0.0);
    check_close((double)score[2], 3.5, 0.0);
    assert_true(score[3] == -INFINITY);
    clade_scan_room_free(room);
    clade_scan_free(index);
}

static void the_answer_is_that_of_a_search_through_all_floats(void **state)
{
    (void)state;
    static const size_t width[] = { 1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65 };
    static const size_t many[]  = { 1, 31, 32, 33, 700, ITEMS_MAX };
    for (size_t w = 0; w < sizeof width / sizeof width[0]; w++) {
        for (size_t m = 0; m < sizeof many / sizeof many[0]; m++) {
            const bool with_bias = (w + m) % 2 == 0;
            draw(many[m], width[w], NORMAL);
            clade_scan *index = make(many[m], width[w], with_bias, w % 2 == 0);
            compare(index, 1, &EVERYTHING);
            compare(index, 10, &EVERYTHING);
            compare(index, 333, &EVERYTHING);
            if (w == 9) compare(index, CLADE_SCAN_TOP_MAX, &EVERYTHING);
            clade_scan_free(index);
        }
    }
    draw(600, WIDTH_MAX, NORMAL);
    clade_scan *index = make(600, WIDTH_MAX, true, true);
    compare(index, 20, &EVERYTHING);
    clade_scan_free(index);
}

static void data_made_to_break_bounds_does_not(void **state)
{
    (void)state;
    for (int k = WHOLE; k < N_KINDS; k++) {
        for (size_t d = 6; d <= 64; d += 29) {
            draw(3000, d, (kind)k);
            clade_scan *index = make(3000, d, d == 35, false);
            compare(index, 5, &EVERYTHING);
            compare(index, 100, &EVERYTHING);
            compare(index, CLADE_SCAN_TOP_MAX, &EVERYTHING);
            memset(query, 0, sizeof query); /* says nothing: bias and number decide */
            compare(index, 300, &EVERYTHING);
            query[d / 2] = 1e-41f;
            compare(index, 300, &EVERYTHING);
            query[0] = CLADE_VALUE_MAX;
            compare(index, 300, &EVERYTHING);
            clade_scan_free(index);
        }
    }
}

/* The law behind it all: low <= score <= high for every item, whatever the data. Against sums in
 * long double, whose own error (2^-64 an addition) is far below a rounding to float. */
static void every_score_lies_within_its_bounds(void **state)
{
    (void)state;
    double tightest = INFINITY;
    for (int isa = CLADE_ISA_PLAIN; isa <= CLADE_ISA_AVX2; isa++) {
        for (int k = NORMAL; k < N_KINDS; k++) {
            for (size_t d = 1; d <= 64; d += 21) {
                static int8_t              u[64];
                _Alignas(32) static double exact[64];
                clade__scan_bounds         bounds;
                const bool                 with_bias = k % 2 == 0;
                draw(2000, d, (kind)k);
                clade_scan       *index = make(2000, d, with_bias, true);
                clade__scan_query q = { .u = u, .exact = exact }, *one = &q;
                clade__scan_query_set(&q, query, clade__scan_largest(query, d), d, index->n_steps);
                for (size_t place = 0; place < 2000; place++) {
                    const size_t stripe = place / CLADE__SCAN_STRIPE;
                    if (place % CLADE__SCAN_STRIPE == 0) {
                        clade__scan_stripe(&bounds, index, stripe, &one, 1, (clade_isa)isa);
                    }
                    const uint32_t item  = index->item[place];
                    const float   *row   = x + item * d;
                    const float    high  = bounds.high[place / 32 % 8][place % 32];
                    const float    low   = clade__scan_low(&q, index->scale[place], high);
                    const float    score = score_naive(row, query, d, bias[item], with_bias);
                    long double    sizes;
                    long double    real = score_long(row, query, d, &sizes);
                    if (with_bias) real += (long double)bias[item];
                    assert_true((long double)low <= real && real <= (long double)high);
                    assert_true(low <= score && score <= high);
                    assert_true(fabsl((long double)score - real) <=
                                6.0e-8L * (sizes + fabsl(real)) + 1e-45L);
                    if (k == NORMAL && d == 64) tightest = fmin(tightest, (double)(high - low));
                }
                clade_scan_free(index);
            }
        }
    }
    assert_true(tightest < 4.0); /* of scores that spread by 8: the bounds say something */
}

static void of_equal_scores_the_lower_item_comes_first(void **state)
{
    (void)state;
    uint32_t item[200];
    float    score[200];
    draw(3000, 12, EQUAL);
    clade_scan      *index = make(3000, 12, false, false);
    clade_scan_room *room  = make_room(index, 200, 0);
    check_ok(clade_scan_top(item, score, 200, index, query, NULL, room, NULL));
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(item[i], i);
        assert_true(score[i] == score[0]);
    }
    clade_scan_room_free(room);
    clade_scan_free(index);
}

/* ---- Filters, caps, batches -------------------------------------------------------------------
 */

static void filters_leave_out_what_they_name_and_nothing_else(void **state)
{
    (void)state;
    static uint64_t allowed[ITEMS_MAX / 64 + 1];
    static uint32_t no[900];
    for (int k = NORMAL; k <= EQUAL; k++) {
        draw(ITEMS_MAX, 24, (kind)k);
        clade_rng rng = clade_rng_stream(4, "test/scan/filter", (uint64_t)k);
        for (size_t share = 0; share < 3; share++) {
            memset(allowed, 0, sizeof allowed);
            for (size_t i = 0; i < ITEMS_MAX; i++) {
                const bool in = share == 0 ? i % 977 == 3 : clade_rng_below(&rng, 4) < share + 1;
                if (in) allowed[i / 64] |= UINT64_C(1) << (i % 64);
            }
            for (size_t i = 0; i < 900; i++)
                no[i] = (uint32_t)(i * 5 + clade_rng_below(&rng, 6));
            clade_scan             *index   = make(ITEMS_MAX, 24, true, false);
            const clade_scan_filter both    = { allowed, no, 900, 0 };
            const clade_scan_filter stock   = { .allowed = allowed };
            const clade_scan_filter bought  = { .excluded = no, .n_excluded = 900 };
            const clade_scan_filter nothing = { .allowed = allowed, .group_cap = 2 };
            compare(index, 25, &both);
            compare(index, 25, &stock);
            compare(index, 500, &bought);
            compare(index, 60, &nothing);
            clade_scan_free(index);
        }
    }
}

static void caps_give_the_greedy_answer(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        draw(ITEMS_MAX, 16, (kind)k);
        for (size_t i = 0; k == NORMAL && i < ITEMS_MAX; i++) {
            /* what the query likes is nearly all of one group: the best others are far down */
            if (score_naive(x + i * 16, query, 16, 0.0f, false) > -5.0f && i % 50 != 0)
                group[i] = 7;
        }
        clade_scan *index = make(ITEMS_MAX, 16, k == NORMAL, true);
        for (uint32_t cap = 1; cap <= 300; cap = cap * 5 + 1) {
            const clade_scan_filter filter = { .group_cap = cap };
            compare(index, 12, &filter);
            compare(index, 400, &filter);
        }
        clade_scan_free(index);
    }
}

static void a_batch_answers_as_single_queries_do(void **state)
{
    (void)state;
    enum { N_QUERIES = 53, N = 30, D = 40 };
    static float             queries[N_QUERIES * D], score[N_QUERIES * N];
    static uint32_t          item[N_QUERIES * N];
    static clade_scan_filter filter[N_QUERIES];
    static const uint32_t    bought[3] = { 5, 1000, 2999 };
    draw(3000, D, HEAVY);
    clade_scan *index = make(3000, D, true, false);
    clade_rng   rng   = clade_rng_stream(5, "test/scan/batch", 0);
    for (size_t i = 0; i < N_QUERIES * D; i++)
        queries[i] = (float)clade_rng_normal(&rng);
    for (size_t q = 0; q < N_QUERIES; q++) {
        filter[q] = (clade_scan_filter){ NULL, q % 3 == 0 ? bought : NULL, q % 3 == 0 ? 3 : 0,
                                         q % 4 == 0 ? 2 : 0 };
    }
    clade_scan_room *room = make_room(index, N, 3);
    for (int threads = 1; threads <= 3; threads += 2) {
        for (int isa = CLADE_ISA_PLAIN; isa <= CLADE_ISA_AVX2; isa++) {
            clade_threads_set(threads);
            clade_isa_set((clade_isa)isa);
            check_ok(
                clade_scan_batch(item, score, N, index, queries, N_QUERIES, filter, room, NULL));
            for (size_t q = 0; q < N_QUERIES; q++) {
                uint32_t one_item[N];
                float    one_score[N];
                check_ok(clade_scan_top(one_item, one_score, N, index, queries + q * D, &filter[q],
                                        room, NULL));
                assert_memory_equal(one_item, item + q * N, sizeof one_item);
                assert_memory_equal(one_score, score + q * N, sizeof one_score);
            }
        }
    }
    clade_threads_set(0);
    clade_isa_set(CLADE_ISA_AVX512);
    check_ok(clade_scan_batch(NULL, NULL, N, index, NULL, 0, NULL, room, NULL));
    clade_scan_room_free(room);
    clade_scan_free(index);
}

/* Of 5,000 items with 64 numbers some hundred need their floats for the best 20; a bound that had
 * lost its grip would read them all. */
static void few_floats_are_read(void **state)
{
    (void)state;
    uint32_t item[20];
    float    score[20];
    draw(ITEMS_MAX, 64, NORMAL);
    clade_scan      *index = make(ITEMS_MAX, 64, false, false);
    clade_scan_room *room  = make_room(index, 20, 0);
    check_ok(clade_scan_top(item, score, 20, index, query, NULL, room, NULL));
    assert_in_range(clade_scan_room_scored(room), 20, 100);
    clade_scan_room_free(room);
    clade_scan_free(index);
}

/* ---- Diversity --------------------------------------------------------------------------------
 *
 * Rows (3, 4), (6, 8), (4, -3), (0, 0); scores 10, 9, 4, 2; lambda 0.5.
 * Relevance 1, 7/8, 1/4, 0. First: item 0 (0.5). Then 1 is worth 0.4375 - 0.5 (cosine 1) = -0.0625,
 * 2 is 0.125 - 0 (cosine 0) = 0.125, and 3 is 0: item 2. Then 3 (0) before 1 (-0.0625). */
static void marginal_relevance_matches_the_case_worked_by_hand(void **state)
{
    (void)state;
    const float    rows[8]      = { 3, 4, 6, 8, 4, -3, 0, 0 };
    const uint32_t candidate[5] = { 0, 1, 2, 3, CLADE_SCAN_NONE };
    const float    came[5]      = { 10, 9, 4, 2, -INFINITY };
    const uint32_t wanted[5]    = { 0, 2, 3, 1, CLADE_SCAN_NONE };
    uint32_t       item[5];
    float          score[5];
    clade_scan    *index = NULL;
    check_ok(clade_scan_create(&index, rows, 4, 2, NULL, NULL));
    clade_scan_room *room = make_room(index, 5, 0);
    check_ok(clade_scan_diversify(item, score, 5, index, candidate, came, 5, 0.5f, room, NULL));
    assert_memory_equal(item, wanted, sizeof item);
    check_close((double)score[1], 4.0, 0.0);
    assert_true(score[4] == -INFINITY);
    /* 0.75: item 1 is 0.65625 - 0.25, item 2 0.1875 */
    check_ok(clade_scan_diversify(item, score, 2, index, candidate, came, 5, 0.75f, room, NULL));
    assert_int_equal(item[1], 1);
    check_ok(clade_scan_diversify(item, score, 5, index, candidate, came, 5, 1.0f, room, NULL));
    assert_memory_equal(item, candidate, sizeof item);
    clade_scan_room_free(room);
    clade_scan_free(index);
}

/* ---- Refusals and memory ----------------------------------------------------------------------
 */

static void what_cannot_be_used_is_named(void **state)
{
    (void)state;
    clade_error err   = { 0 };
    clade_scan *index = NULL;
    uint32_t    item[4];
    float       score[4];
    draw(100, 8, NORMAL);
    x[37 * 8 + 2] = NAN;
    assert_int_equal(clade_scan_create(&index, x, 100, 8, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "x[37, 2]"));
    x[37 * 8 + 2] = 2e15f;
    assert_int_equal(clade_scan_create(&index, x, 100, 8, NULL, &err), CLADE_ERR_DATA);
    x[37 * 8 + 2] = 1.0f;
    assert_int_equal(clade_scan_create(&index, x, 0, 8, NULL, &err), CLADE_ERR_ARG);
    assert_int_equal(clade_scan_create(&index, x, 1, 1025, NULL, &err), CLADE_ERR_ARG);
    clade_scan_options options = { bias, group, N_GROUPS, false };
    bias[9]                    = INFINITY;
    assert_int_equal(clade_scan_create(&index, x, 100, 8, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "bias[9]"));
    bias[9]   = 0.0f;
    group[11] = N_GROUPS;
    assert_int_equal(clade_scan_create(&index, x, 100, 8, &options, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "group[11]"));
    assert_null(index);

    check_ok(clade_scan_create(&index, x, 100, 8, NULL, NULL));
    clade_scan_room        *room       = make_room(index, 4, 0);
    const uint32_t          falling[2] = { 7, 6 }, beyond[1] = { 100 };
    const clade_scan_filter bad[3] = { { .excluded = falling, .n_excluded = 2 },
                                       { .excluded = beyond, .n_excluded = 1 },
                                       { .group_cap = 1 } };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(clade_scan_top(item, score, 4, index, query, &bad[i], room, &err),
                         CLADE_ERR_ARG);
    }
    assert_int_equal(clade_scan_top(item, score, 5, index, query, NULL, room, &err), CLADE_ERR_ARG);
    assert_int_equal(clade_scan_batch(item, score, 4, index, query, 1, NULL, room, &err),
                     CLADE_ERR_ARG); /* a room for single queries */
    assert_int_equal(clade_scan_diversify(item, score, 4, index, item, score, 3, 0.5f, room, &err),
                     CLADE_ERR_ARG);
    query[3] = NAN;
    score[0] = 7.0f;
    assert_int_equal(clade_scan_top(item, score, 4, index, query, NULL, room, &err),
                     CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "query[3]"));
    assert_true(score[0] == 7.0f);
    clade_scan_room_free(room);
    clade_scan_free(index);
}

static void queries_ask_the_heap_for_nothing(void **state)
{
    (void)state;
    static uint32_t item[40 * 50];
    static float    score[40 * 50];
    clade_threads_set(2);
    draw(ITEMS_MAX, 50, NORMAL);
    clade_scan             *index  = make(ITEMS_MAX, 50, true, false);
    clade_scan_room        *room   = make_room(index, 50, 2);
    const clade_scan_filter filter = { .group_cap = 3 };
    /* the first batch starts the threads, which stay */
    check_ok(clade_scan_batch(item, score, 50, index, x, 40, NULL, room, NULL));
    const size_t before = n_allocations;
    check_ok(clade_scan_top(item, score, 50, index, query, &filter, room, NULL));
    check_ok(clade_scan_batch(item, score, 50, index, x, 40, NULL, room, NULL));
    check_ok(
        clade_scan_diversify(item + 50, score + 50, 10, index, item, score, 50, 0.5f, room, NULL));
    assert_int_equal(n_allocations, before);
    clade_threads_set(0);
    clade_scan_room_free(room);
    clade_scan_free(index);
}

static void when_memory_ends_the_call_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    clade_scan      *index    = NULL;
    clade_scan_room *room     = NULL;
    size_t           n_failed = 0;
    draw(300, 8, NORMAL);
    const clade_scan_options options = { bias, group, N_GROUPS, false };
    for (clade_status status = CLADE_ERR_NOMEM; status != CLADE_OK; n_failed++) {
        fail_at = n_allocations + n_failed + 1;
        status  = clade_scan_create(&index, x, 300, 8, &options, NULL);
        fail_at = 0;
        assert_true(status == CLADE_OK || status == CLADE_ERR_NOMEM);
    }
    assert_true(n_failed > 10);
    n_failed = 0;
    for (clade_status status = CLADE_ERR_NOMEM; status != CLADE_OK; n_failed++) {
        fail_at = n_allocations + n_failed + 1;
        status  = clade_scan_room_create(&room, index, 20, 2, NULL);
        fail_at = 0;
        assert_true(status == CLADE_OK || status == CLADE_ERR_NOMEM);
    }
    assert_true(n_failed > 130); /* sixteen queries on two threads, four arrays each */
    clade_scan_room_free(room);
    clade_scan_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_items_come_in_the_order_worked_by_hand),
        cmocka_unit_test(the_answer_is_that_of_a_search_through_all_floats),
        cmocka_unit_test(data_made_to_break_bounds_does_not),
        cmocka_unit_test(every_score_lies_within_its_bounds),
        cmocka_unit_test(of_equal_scores_the_lower_item_comes_first),
        cmocka_unit_test(filters_leave_out_what_they_name_and_nothing_else),
        cmocka_unit_test(caps_give_the_greedy_answer),
        cmocka_unit_test(a_batch_answers_as_single_queries_do),
        cmocka_unit_test(few_floats_are_read),
        cmocka_unit_test(marginal_relevance_matches_the_case_worked_by_hand),
        cmocka_unit_test(what_cannot_be_used_is_named),
        cmocka_unit_test(queries_ask_the_heap_for_nothing),
        cmocka_unit_test(when_memory_ends_the_call_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
