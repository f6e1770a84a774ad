/* Places of targets, worked by hand and against a sort; metrics by hand and by listing every order.
 */
#include "check.h"

#include "clade/numeric.h"
#include "clade/ranking.h"
#include "clade/run.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- ranks */

static void a_rank_counts_what_is_above_and_beside_the_target(void **state)
{
    (void)state;
    /* items        1      2      3     4      5     6 */
    const float score[7] = { 99.0f, 0.5f, -1.25f, 0.5f, 7.5f, 0.5f, 2.0f };
    clade_rank  rank;
    assert_true(clade_rank_row(&rank, score, 6, 3, NULL, 0)); /* 4 and 6 above, 1 and 5 beside */
    assert_int_equal(rank.better, 2);
    assert_int_equal(rank.equal, 2);
    assert_true(clade_rank_row(&rank, score, 6, 2, NULL, 0)); /* column 0 is not an item */
    assert_int_equal(rank.better, 5);
    assert_int_equal(rank.equal, 0);
}

static void left_out_items_make_room_and_a_left_out_target_has_no_rank(void **state)
{
    (void)state;
    const float    score[7] = { 0.0f, 0.5f, -1.25f, 0.5f, 7.5f, 0.5f, 2.0f };
    const uint32_t seen[3]  = { 4, 5, 2 }; /* one above, one beside, one below */
    clade_rank     rank;
    assert_true(clade_rank_row(&rank, score, 6, 3, seen, 3));
    assert_int_equal(rank.better, 1);
    assert_int_equal(rank.equal, 1);
    assert_true(clade_rank_row(&rank, score, 6, 4, seen, 3));
    assert_int_equal(rank.better, CLADE_RANK_NONE);
}

static void a_nan_is_told_and_never_helps(void **state)
{
    (void)state;
    float      score[5] = { 0.0f, 0.5f, NAN, 0.25f, 0.5f };
    clade_rank rank;
    assert_false(clade_rank_row(&rank, score, 4, 1, NULL, 0));
    assert_int_equal(rank.better, 1); /* the NAN stands above */
    assert_int_equal(rank.equal, 1);
    assert_false(clade_rank_row(&rank, score, 4, 2, NULL, 0));
    assert_int_equal(rank.better, 3);
}

static void no_answer_for_the_target_is_no_rank(void **state)
{
    (void)state;
    const float    score[5] = { NAN, 0.5f, -INFINITY, -INFINITY, 0.5f }; /* [0] is not an item */
    const uint32_t seen[2]  = { 3, 1 };
    clade_rank     rank;
    assert_true(clade_rank_row(&rank, score, 4, 2, NULL, 0));
    assert_int_equal(rank.better, CLADE_RANK_NONE);
    assert_true(clade_rank_row(&rank, score, 4, 2, seen, 2));
    assert_int_equal(rank.better, CLADE_RANK_NONE);
    assert_true(clade_rank_row(&rank, score, 4, 4, seen, 2));
    assert_int_equal(rank.better, 0);
    assert_int_equal(rank.equal, 0);
}

static float some_score(clade_rng *rng)
{
    return (float)clade_rng_below(rng, 40) * 0.3f - 5.0f; /* many ties */
}

static void ranks_and_tops_agree_with_a_full_sort_in_every_instruction_set(void **state)
{
    (void)state;
    enum { N_ITEMS = 333 };
    clade_rng       rng  = clade_rng_stream(11, "test/ranking", 0);
    const clade_isa best = clade_isa_get();
    for (int trial = 0; trial < 60; trial++) {
        const uint32_t n = 1 + (uint32_t)clade_rng_below(&rng, N_ITEMS);
        float          score[N_ITEMS + 1];
        uint32_t       seen[20], top[CLADE_RANKING_TOP];
        bool           is_seen[N_ITEMS + 1] = { false };
        size_t         n_seen               = 0;
        for (uint32_t i = 0; i <= n; i++)
            score[i] = some_score(&rng);
        for (uint32_t i = 1; i <= n && n_seen < 20; i++) {
            if (clade_rng_below(&rng, 10) == 0) {
                seen[n_seen++] = i;
                is_seen[i]     = true;
            }
        }
        const uint32_t target = 1 + (uint32_t)clade_rng_below(&rng, n);
        uint32_t       above = 0, beside = 0;
        for (uint32_t i = 1; i <= n; i++) {
            if (is_seen[i] || i == target) continue;
            above += score[i] > score[target];
            beside += score[i] == score[target];
        }
        for (int isa = 0; isa <= (int)best; isa++) {
            clade_rank rank;
            clade_isa_set((clade_isa)isa);
            assert_true(clade_rank_row(&rank, score, n, target, seen, n_seen));
            assert_int_equal(rank.better, is_seen[target] ? CLADE_RANK_NONE : above);
            assert_int_equal(rank.equal, is_seen[target] ? 0 : beside);
            clade_rank_top(top, CLADE_RANKING_TOP, score, n, seen, n_seen);
            uint32_t last = 0;
            for (size_t p = 0; p < CLADE_RANKING_TOP; p++) {
                uint32_t next = 0; /* the best item behind the last one, lowest number first */
                for (uint32_t i = 1; i <= n; i++) {
                    const bool behind = last == 0 || score[i] < score[last] ||
                                        (score[i] == score[last] && i > last);
                    if (!is_seen[i] && behind && (next == 0 || score[i] > score[next])) next = i;
                }
                assert_int_equal(top[p], next);
                if (next == 0) break;
                last = next;
            }
        }
        clade_isa_set(best);
    }
}

static void minus_infinity_is_never_listed(void **state)
{
    (void)state;
    const float score[4] = { 0.0f, -INFINITY, -3.0f, NAN };
    uint32_t    top[3];
    clade_rank_top(top, 3, score, 3, NULL, 0);
    assert_int_equal(top[0], 2);
    assert_int_equal(top[1], 0);
    assert_int_equal(top[2], 0);
}

/* ---------------------------------------------------------------- metrics */

static clade_ranking measured(const clade_case *cases, size_t n, const uint64_t *start,
                              const clade_rank *rank, uint32_t n_items)
{
    clade_ranking             out;
    const clade_ranking_input in = {
        .cases = cases, .n_cases = n, .target_start = start, .rank = rank, .n_items = n_items
    };
    check_ok(clade_ranking_measure(&out, &in, NULL));
    return out;
}

/* Ranks 1, 7 and 21: HR@5 1/3, HR@10 2/3, NDCG@10 (1 + 1/3) / 3, MRR (1 + 1/7 + 1/21) / 3. */
static void metrics_match_the_case_worked_by_hand(void **state)
{
    (void)state;
    const clade_case    cases[3] = { { 4, 1, 9, 0 }, { 4, 2, 10, 0 }, { 8, 3, 20, 0 } };
    const clade_rank    rank[3]  = { { 0, 0 }, { 6, 0 }, { 20, 0 } };
    const clade_ranking m        = measured(cases, 3, NULL, rank, 300);
    assert_int_equal(m.n_cases, 3);
    assert_int_equal(m.n_customers, 2);
    check_close(m.hit[0].value, 1.0 / 3, 1e-15);
    check_close(m.hit[1].value, 2.0 / 3, 1e-15);
    check_close(m.hit[2].value, 2.0 / 3, 1e-15); /* rank 21 is not among 20 */
    check_close(m.hit[3].value, 1.0, 1e-15);
    check_close(m.recall[1].value, m.hit[1].value, 0.0);
    check_close(m.ndcg[0].value, 1.0 / 3, 1e-15);
    check_close(m.ndcg[1].value, (1.0 + 1.0 / 3) / 3, 1e-15); /* 1 / log2(8) */
    check_close(m.ndcg[3].value, (1.0 + 1.0 / 3 + 1.0 / log2(22.0)) / 3, 1e-15);
    check_close(m.mrr.value, (1.0 + 1.0 / 7 + 1.0 / 21) / 3, 1e-15);
    check_close(m.mrr_20.value, (1.0 + 1.0 / 7) / 3, 1e-15);
    assert_true(isnan(m.mrr.low) && isnan(m.coverage_10));
}

/* Every order of equal scores is listed, and the metrics are averaged over them. */
static void ties_are_the_mean_over_every_order(void **state)
{
    (void)state;
    const clade_case cases[1] = { { 0, 1, 1, 0 } };
    for (uint32_t b = 0; b < 24; b += 3) {
        for (uint32_t e = 0; e < 17; e += 4) {
            const clade_rank    rank = { b, e };
            const clade_ranking m    = measured(cases, 1, NULL, &rank, 300);
            double              hit = 0, ndcg = 0, mrr = 0, mrr_20 = 0;
            for (uint32_t r = b + 1; r <= b + e + 1; r++) {
                hit += (r <= 10) / (e + 1.0);
                ndcg += (r <= 10) / log2(r + 1.0) / (e + 1.0);
                mrr += 1.0 / r / (e + 1.0);
                mrr_20 += (r <= 20) / (double)r / (e + 1.0);
            }
            check_close(m.hit[1].value, hit, 1e-14);
            check_close(m.ndcg[1].value, ndcg, 1e-14);
            check_close(m.mrr.value, mrr, 1e-13);
            check_close(m.mrr_20.value, mrr_20, 1e-13);
        }
    }
}

static void constant_scores_gain_what_chance_gives(void **state)
{
    (void)state;
    const clade_case    cases[1] = { { 0, 1, 1, 0 } };
    const clade_rank    rank     = { 0, 399 }; /* 400 items, all equal */
    const clade_ranking m        = measured(cases, 1, NULL, &rank, 400);
    check_close(m.hit[0].value, 5.0 / 400, 1e-15);
    check_close(m.hit[5].value, 200.0 / 400, 1e-15);
}

/* A basket of three, at ranks 2, 5 and 30, and one that was left out. */
static void baskets_have_recall_and_the_chance_of_any_hit(void **state)
{
    (void)state;
    const clade_case    cases[1] = { { 0, 1, 1, 0 } };
    const uint64_t      start[2] = { 0, 4 };
    const clade_rank    rank[4]  = { { 4, 0 }, { 1, 0 }, { CLADE_RANK_NONE, 0 }, { 29, 0 } };
    const clade_ranking m        = measured(cases, 1, start, rank, 300);
    const double        ideal    = 1.0 + 1.0 / log2(3.0) + 0.5 + 1.0 / log2(5.0);
    check_close(m.hit[0].value, 1.0, 1e-15);
    check_close(m.recall[0].value, 0.5, 1e-15);
    check_close(m.recall[3].value, 0.75, 1e-15);
    check_close(m.ndcg[0].value, (1.0 / log2(3.0) + 1.0 / log2(6.0)) / ideal, 1e-15);
    check_close(m.mrr.value, 0.5, 1e-15);
}

/* Two targets among six equals behind nine better items: one place within ten.
 * P(any hit) = 2/6; the first of them at 10 + j with chance 5/15, 4/15, 3/15, 2/15, 1/15. */
static void tied_targets_of_a_basket_share_their_places(void **state)
{
    (void)state;
    const clade_case    cases[1] = { { 0, 1, 1, 0 } };
    const uint64_t      start[2] = { 0, 2 };
    const clade_rank    rank[2]  = { { 9, 5 }, { 9, 5 } };
    const clade_ranking m        = measured(cases, 1, start, rank, 300);
    double              mrr      = 0;
    for (int j = 1; j <= 5; j++)
        mrr += (6.0 - j) / 15.0 / (9.0 + j);
    check_close(m.hit[1].value, 2.0 / 6, 1e-14);
    check_close(m.recall[1].value, 1.0 / 6, 1e-14);
    check_close(m.mrr.value, mrr, 1e-14);
}

static void the_interval_resamples_customers_and_not_cases(void **state)
{
    (void)state;
    enum { N = 4000 };
    static clade_case cases[N];
    static clade_rank rank[N];
    for (uint32_t i = 0; i < N; i++) { /* 40 customers, all cases of a customer alike */
        cases[i] = (clade_case){ i / 100, 1, i + 1, 0 };
        rank[i]  = (clade_rank){ i / 100 % 2 == 0 ? 0 : 90, 0 };
    }
    clade_ranking       m, again;
    clade_ranking_input in = {
        .cases = cases, .n_cases = N, .rank = rank, .n_items = 100, .seed = 5, .n_draws = 1000
    };
    clade_threads_set(1);
    check_ok(clade_ranking_measure(&m, &in, NULL));
    clade_threads_set(3);
    check_ok(clade_ranking_measure(&again, &in, NULL));
    clade_threads_set(0);
    assert_memory_equal(&m, &again, sizeof m);
    check_close(m.hit[1].value, 0.5, 1e-15);
    /* 1.96 sqrt(.25 / 40) = .155 and not the .0155 of independent cases; the draws are 1000. */
    check_close(m.hit[1].high - m.hit[1].low, 2 * 0.155, 0.04);
}

/* Counts 6, 2, 1, 0 of four items: the short head is item 1; p = 7/13, 3/13, 2/13, 1/13. */
static void lists_have_coverage_novelty_and_a_share_of_the_short_head(void **state)
{
    (void)state;
    const clade_case cases[2]                   = { { 0, 1, 1, 0 }, { 1, 1, 2, 0 } };
    const clade_rank rank[2]                    = { { 0, 0 }, { 0, 0 } };
    const uint64_t   count[5]                   = { 50, 6, 2, 1, 0 };
    uint32_t         top[2 * CLADE_RANKING_TOP] = { 1, 2 };
    clade_ranking    m;
    top[CLADE_RANKING_TOP]       = 1;
    const clade_ranking_input in = {
        .cases = cases, .n_cases = 2, .rank = rank, .top = top, .item_count = count, .n_items = 4
    };
    check_ok(clade_ranking_measure(&m, &in, NULL));
    check_close(m.coverage_10, 0.5, 1e-15);
    check_close(m.popular_10, 2.0 / 3, 1e-15);
    check_close(m.novelty_10, (2 * log2(13.0 / 7) + log2(13.0 / 3)) / 3, 1e-14);
}

/* ---------------------------------------------------------------- batches */

static clade_sequences *walk(uint32_t n_customers, uint32_t length, uint32_t n_items)
{
    clade_sequences *s   = NULL;
    clade_rng        rng = clade_rng_stream(3, "test/walk", 0);
    check_ok(clade_sequences_create(&s, n_customers, (size_t)n_customers * length, n_items, false,
                                    NULL));
    for (uint32_t c = 0; c < n_customers; c++) {
        s->start[c + 1] = (uint64_t)(c + 1) * length;
        for (uint32_t e = 0; e < length; e++)
            s->item[(size_t)c * length + e] = 1 + (uint32_t)clade_rng_below(&rng, n_items);
    }
    return s;
}

static void a_batch_ranks_each_case_whatever_the_threads(void **state)
{
    (void)state;
    enum { N = 50, LENGTH = 6, ITEMS = 70 };
    clade_sequences *s = walk(N, LENGTH, ITEMS);
    clade_case       cases[N];
    clade_rank       all[2][N], unseen[2][N], one;
    uint32_t         top[2][N * CLADE_RANKING_TOP];
    float *const     score = CLADE_NEW(float, (size_t)N *(ITEMS + 1));
    clade_rng        rng   = clade_rng_stream(4, "test/scores", 0);
    for (size_t i = 0; i < (size_t)N * (ITEMS + 1); i++)
        score[i] = some_score(&rng);
    for (uint32_t i = 0; i < N; i++) {
        const uint64_t end = s->start[i] + LENGTH - 1;
        cases[i]           = (clade_case){ i, s->item[end], end, 0 };
    }
    for (int t = 0; t < 2; t++) {
        clade_ranks out = { all[t], unseen[t], NULL, top[t] };
        clade_threads_set(t == 0 ? 1 : 3);
        check_ok(clade_rank_cases(&out, score, s, cases, N, NULL, NULL));
    }
    clade_threads_set(0);
    assert_memory_equal(all[0], all[1], sizeof all[0]);
    assert_memory_equal(unseen[0], unseen[1], sizeof unseen[0]);
    assert_memory_equal(top[0], top[1], sizeof top[0]);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t     seen[LENGTH];
        size_t       n_seen = 0;
        const float *row    = score + (size_t)i * (ITEMS + 1);
        for (uint64_t e = s->start[i]; e < cases[i].end; e++) {
            bool known = false;
            for (size_t k = 0; k < n_seen; k++)
                known = known || seen[k] == s->item[e];
            if (!known) seen[n_seen++] = s->item[e];
        }
        assert_true(clade_rank_row(&one, row, ITEMS, cases[i].target, seen, n_seen));
        assert_memory_equal(&one, &unseen[0][i], sizeof one);
    }
    score[7 * (ITEMS + 1) + 3] = NAN;
    clade_error err            = { 0 };
    clade_ranks out            = { all[0], NULL, NULL, NULL };
    assert_int_equal(clade_rank_cases(&out, score, s, cases, N, NULL, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "case 7 "));
    free(score);
    clade_sequences_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_counts_what_is_above_and_beside_the_target),
        cmocka_unit_test(left_out_items_make_room_and_a_left_out_target_has_no_rank),
        cmocka_unit_test(a_nan_is_told_and_never_helps),
        cmocka_unit_test(no_answer_for_the_target_is_no_rank),
        cmocka_unit_test(ranks_and_tops_agree_with_a_full_sort_in_every_instruction_set),
        cmocka_unit_test(minus_infinity_is_never_listed),
        cmocka_unit_test(metrics_match_the_case_worked_by_hand),
        cmocka_unit_test(ties_are_the_mean_over_every_order),
        cmocka_unit_test(constant_scores_gain_what_chance_gives),
        cmocka_unit_test(baskets_have_recall_and_the_chance_of_any_hit),
        cmocka_unit_test(tied_targets_of_a_basket_share_their_places),
        cmocka_unit_test(the_interval_resamples_customers_and_not_cases),
        cmocka_unit_test(lists_have_coverage_novelty_and_a_share_of_the_short_head),
        cmocka_unit_test(a_batch_ranks_each_case_whatever_the_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
