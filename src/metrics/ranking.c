/*
 * Ranking: places of targets in rows of scores. The pass over a row runs once for each case and
 * form, and is the only part whose speed counts; its plain version stands beside it.
 */
#include "clade/ranking.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

const uint32_t clade_ranking_k[CLADE_RANKING_N_K] = { 5, 10, 20, 50, 100, 200 };

/* ---------------------------------------------------------------- one row */

/* How many of n scores are at most t, how many below t, and is any of them a NAN? */
typedef struct counts {
    uint32_t at_most;
    uint32_t below;
    bool     nan;
} counts;

static counts count_plain(const float *score, size_t n, float t)
{
    counts c = { 0, 0, false };
    for (size_t i = 0; i < n; i++) {
        c.at_most += score[i] <= t;
        c.below += score[i] < t;
        c.nan |= score[i] != score[i];
    }
    return c;
}

#if defined(__x86_64__)
/* Each compare gives -1 where it holds, so counts are subtracted; a lane counts at most n / 8. */
__attribute__((target("avx2"))) static uint32_t lanes_sum(__m256i v)
{
    uint32_t lane[8], sum = 0;
    _mm256_storeu_si256((__m256i *)lane, v);
    for (int i = 0; i < 8; i++)
        sum += lane[i];
    return sum;
}

__attribute__((target("avx2"))) static counts count_avx2(const float *score, size_t n, float t)
{
    const __m256 target  = _mm256_set1_ps(t);
    __m256i      at_most = _mm256_setzero_si256(), below = at_most;
    __m256       nan = _mm256_setzero_ps();
    size_t       i   = 0;
    for (; i + 8 <= n; i += 8) {
        const __m256 s = _mm256_loadu_ps(score + i);
        at_most =
            _mm256_sub_epi32(at_most, _mm256_castps_si256(_mm256_cmp_ps(s, target, _CMP_LE_OQ)));
        below = _mm256_sub_epi32(below, _mm256_castps_si256(_mm256_cmp_ps(s, target, _CMP_LT_OQ)));
        nan   = _mm256_or_ps(nan, _mm256_cmp_ps(s, s, _CMP_UNORD_Q));
    }
    counts c = count_plain(score + i, n - i, t);
    c.at_most += lanes_sum(at_most);
    c.below += lanes_sum(below);
    c.nan |= _mm256_movemask_ps(nan) != 0;
    return c;
}
#endif

static counts count(const float *score, size_t n, float t)
{
#if defined(__x86_64__)
    if (clade_isa_get() >= CLADE_ISA_AVX2) return count_avx2(score, n, t);
#endif
    return count_plain(score, n, t);
}

/* Take items out of a ranking that held them all. */
static clade_rank leave_out(clade_rank rank, const float *score, uint32_t target,
                            const uint32_t *excluded, size_t n_excluded)
{
    const float t = score[target];
    for (size_t i = 0; i < n_excluded && rank.better != CLADE_RANK_NONE; i++) {
        const float s = score[excluded[i]];
        if (excluded[i] == target) return (clade_rank){ CLADE_RANK_NONE, 0 };
        rank.better -= isnan(t) || !(s <= t);
        rank.equal -= s == t;
    }
    return rank;
}

static bool rank_all(clade_rank *out, const float *score, uint32_t n_items, uint32_t target)
{
    const float  t = score[target];
    const counts c = count(score + 1, n_items, t);
    if (isnan(t)) {
        *out = (clade_rank){ n_items - 1, 0 };
    } else if (t == -INFINITY) {
        *out = (clade_rank){ CLADE_RANK_NONE, 0 };
    } else {
        *out = (clade_rank){ n_items - c.at_most, c.at_most - c.below - 1 };
    }
    return !c.nan;
}

bool clade_rank_row(clade_rank *out, const float *score, uint32_t n_items, uint32_t target,
                    const uint32_t *excluded, size_t n_excluded)
{
    clade_rank rank;
    const bool good = rank_all(&rank, score, n_items, target);
    *out            = leave_out(rank, score, target, excluded, n_excluded);
    return good;
}

/* ---------------------------------------------------------------- the top of a row */

enum { TOP_BLOCK = 64 }; /* scores looked at before asking whether any of them is high enough */

static bool any_above_plain(const float *score, size_t n, float bar)
{
    for (size_t i = 0; i < n; i++) {
        if (score[i] > bar) return true;
    }
    return false;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static bool any_above_avx2(const float *score, float bar)
{
    const __m256 level = _mm256_set1_ps(bar);
    __m256       above = _mm256_setzero_ps();
    for (size_t i = 0; i < TOP_BLOCK; i += 8)
        above = _mm256_or_ps(above, _mm256_cmp_ps(_mm256_loadu_ps(score + i), level, _CMP_GT_OQ));
    return _mm256_movemask_ps(above) != 0;
}
#endif

static bool any_above(const float *score, size_t n, float bar)
{
#if defined(__x86_64__)
    if (n == TOP_BLOCK && clade_isa_get() >= CLADE_ISA_AVX2) return any_above_avx2(score, bar);
#endif
    return any_above_plain(score, n, bar);
}

static bool holds(const uint32_t *list, size_t n, uint32_t item)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == item) return true;
    }
    return false;
}

void clade_rank_top(uint32_t *out_item, size_t k, const float *score, uint32_t n_items,
                    const uint32_t *excluded, size_t n_excluded)
{
    float  high[CLADE_RANKING_TOP] = { 0 };
    size_t n                       = 0; /* in the list */
    memset(out_item, 0, k * sizeof *out_item);
    for (size_t block = 1; block <= n_items; block += TOP_BLOCK) {
        const size_t left = n_items + 1 - block;
        const size_t end  = block + (left < TOP_BLOCK ? left : TOP_BLOCK);
        float        bar  = n == k ? high[k - 1] : -INFINITY;
        if (!any_above(score + block, end - block, bar)) continue;
        for (size_t i = block; i < end; i++) {
            if (!(score[i] > bar) || holds(excluded, n_excluded, (uint32_t)i)) continue;
            size_t at = n < k ? n++ : k - 1;
            for (; at > 0 && high[at - 1] < score[i]; at--) {
                high[at]     = high[at - 1];
                out_item[at] = out_item[at - 1];
            }
            high[at]     = score[i];
            out_item[at] = (uint32_t)i;
            bar          = n == k ? high[k - 1] : -INFINITY;
        }
    }
}

/* ---------------------------------------------------------------- batches */

typedef struct batch {
    clade_ranks           *out;
    const float           *score;
    const clade_sequences *sequences;
    const clade_case      *cases;
    const clade_targets   *targets;
    uint8_t               *mark; /* (n_workers, n_items + 1) row-major, zero between tasks */
    uint32_t              *seen; /* (n_workers, n_items) distinct items of a history */
    _Atomic size_t         bad;  /* lowest case with a NAN, or SIZE_MAX */
} batch;

static size_t distinct_history(uint32_t *out, uint8_t *mark, const clade_sequences *sequences,
                               const clade_case *one)
{
    size_t n = 0;
    for (uint64_t e = sequences->start[one->customer]; e < one->end; e++) {
        const uint32_t item = sequences->item[e];
        if (item == 0 || mark[item]) continue;
        mark[item] = 1;
        out[n++]   = item;
    }
    for (size_t i = 0; i < n; i++)
        mark[out[i]] = 0;
    return n;
}

static void note_bad(batch *b, size_t i)
{
    size_t bad = atomic_load(&b->bad);
    while (i < bad && !atomic_compare_exchange_weak(&b->bad, &bad, i)) {
    }
}

static void rank_case(size_t i, int worker, void *context)
{
    batch *const            b       = context;
    const clade_case *const one     = &b->cases[i];
    const uint32_t          n_items = b->sequences->n_items;
    const float *const      row     = b->score + i * ((size_t)n_items + 1);
    uint8_t *const          mark    = b->mark + (size_t)worker * ((size_t)n_items + 1);
    uint32_t *const         seen    = b->seen + (size_t)worker * ((size_t)n_items + 1);
    const size_t            n_seen  = distinct_history(seen, mark, b->sequences, one);
    const uint64_t          base    = b->targets == NULL ? 0 : b->targets->start[0];
    const uint64_t          first   = b->targets == NULL ? i : b->targets->start[i] - base;
    const uint64_t          end     = b->targets == NULL ? i + 1 : b->targets->start[i + 1] - base;

    for (uint64_t t = first; t < end; t++) {
        const uint32_t target = b->targets == NULL ? one->target : b->targets->item[base + t];
        clade_rank     rank;
        if (!rank_all(&rank, row, n_items, target)) note_bad(b, i);
        if (b->out->all != NULL) b->out->all[t] = rank;
        if (b->out->unseen != NULL) {
            b->out->unseen[t] = leave_out(rank, row, target, seen, n_seen);
        }
    }
    if (b->out->top_all != NULL) {
        clade_rank_top(b->out->top_all + i * CLADE_RANKING_TOP, CLADE_RANKING_TOP, row, n_items,
                       NULL, 0);
    }
    if (b->out->top_unseen != NULL) {
        clade_rank_top(b->out->top_unseen + i * CLADE_RANKING_TOP, CLADE_RANKING_TOP, row, n_items,
                       seen, n_seen);
    }
}

clade_status clade_rank_cases(clade_ranks *out, const float *score,
                              const clade_sequences *sequences, const clade_case *cases,
                              size_t n_cases, const clade_targets *targets, clade_error *err)
{
    clade_status status    = CLADE_OK;
    const size_t n_workers = (size_t)clade_threads_get();
    batch        b         = { out, score, sequences, cases, targets, NULL, NULL, SIZE_MAX };
    size_t       n         = 0;
    if (clade_size_mul(&n, n_workers, (size_t)sequences->n_items + 1)) {
        b.mark = CLADE_NEW(uint8_t, n);
        b.seen = CLADE_NEW(uint32_t, n);
    }
    if (b.mark == NULL || b.seen == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to rank %u items", sequences->n_items);
        goto done;
    }
    clade_parallel(n_cases, rank_case, &b);
    if (b.bad != SIZE_MAX) {
        status = clade_fail(err, CLADE_ERR_DATA, "case %zu (customer %u): a score is not a number",
                            (size_t)b.bad, cases[b.bad].customer);
    }
done:
    free(b.mark);
    free(b.seen);
    return status;
}
