/* The plain ways to tell the next item: by hand, against naive counts, and blind to what comes. */
#include "check.h"

#include "clade/neighbours.h"
#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>

/* Lists of items, 0 ends a customer, UINT32_MAX ends all. */
static clade_sequences *log_of(const uint32_t *list, uint32_t n_items, bool with_time)
{
    clade_sequences *s           = NULL;
    size_t           n_customers = 0, n_events = 0, c = 0, e = 0;
    for (size_t i = 0; list[i] != UINT32_MAX; i++) {
        n_customers += list[i] == 0;
        n_events += list[i] != 0;
    }
    check_ok(clade_sequences_create(&s, n_customers, n_events, n_items, with_time, NULL));
    for (size_t i = 0; list[i] != UINT32_MAX; i++) {
        if (list[i] == 0) {
            s->start[++c] = e;
        } else {
            s->item[e++] = list[i];
        }
    }
    return s;
}

static clade_neighbours *fit(clade_neighbours_kind kind, const clade_sequences *s,
                             clade_neighbours_options o)
{
    clade_neighbours *fitted = NULL;
    check_ok(clade_neighbours_fit(&fitted, kind, s, &o, NULL));
    return fitted;
}

/* Scores of one history, asked at its end. */
static void ask(float *out, clade_neighbours *fitted, const clade_sequences *s, uint32_t customer,
                uint64_t end)
{
    const clade_case   one    = { customer, 1, end, 0 };
    const clade_scorer scorer = clade_neighbours_scorer(fitted);
    check_ok(scorer.score(scorer.self, out, s, &one, 1, NULL));
}

static const uint32_t shop[] = { 1, 2, 3, 0, 1, 2, 2, 4, 0, 3, 1, 2, 0, 5, 1, 4, 0, UINT32_MAX };

static void markov_counts_what_comes_right_after(void **state)
{
    (void)state;
    clade_sequences  *s = log_of(shop, 6, false);
    clade_neighbours *m = fit(CLADE_NEIGHBOURS_MARKOV, s, (clade_neighbours_options){ 0 });
    float             row[7];
    ask(row, m, s, 0, 1); /* after 1: 2, 2, 2, 4 */
    check_close(row[2], 3.0, 0.0);
    check_close(row[4], 1.0, 0.0);
    assert_true(isinf(row[1]) && row[1] < 0 && isinf(row[3]));
    ask(row, m, s, 1, 6); /* after 2: 3, 2, 4, once each */
    check_close(row[2], 1.0, 0.0);
    check_close(row[3], 1.0, 0.0);
    check_close(row[4], 1.0, 0.0);
    ask(row, m, s, 0, 0); /* nothing seen, nothing to say */
    assert_true(isinf(row[2]));
    clade_neighbours_free(m);

    /* In the order first seen the three are told apart, and the backoff says the rest. */
    const clade_neighbours_options o = { .first_seen = true, .backoff = true };
    m                                = fit(CLADE_NEIGHBOURS_MARKOV, s, o);
    ask(row, m, s, 1, 6);
    assert_true(row[3] > row[2] && row[2] > row[4] && row[4] > 0.0f);
    assert_true(row[1] < 0.0f && row[1] > row[5] && row[5] > row[6]); /* 4, 1 and no events */
    clade_neighbours_free(m);
    clade_sequences_free(s);
}

static void popularity_counts_events_and_a_week_counts_those_before_the_question(void **state)
{
    (void)state;
    const uint32_t    list[] = { 1, 1, 2, 0, 2, 3, 0, UINT32_MAX };
    clade_sequences  *s      = log_of(list, 4, true);
    const int64_t     day[5] = { 0, 9, 20, 4, 10 };
    float             row[5];
    clade_neighbours *m = fit(CLADE_NEIGHBOURS_POPULAR, s, (clade_neighbours_options){ 0 });
    ask(row, m, s, 0, 1);
    check_close(row[1], 2.0, 0.0);
    check_close(row[2], 2.0, 0.0);
    check_close(row[4], 0.0, 0.0);
    clade_neighbours_free(m);

    for (int e = 0; e < 5; e++)
        s->at_us[e] = day[e] * CLADE_US_PER_DAY;
    m = fit(CLADE_NEIGHBOURS_POPULAR_7D, s, (clade_neighbours_options){ 0 });
    ask(row, m, s, 1, 5); /* days 4 to 10: 1 at 9, 2 at 4, 3 at 10 */
    for (int i = 1; i <= 3; i++)
        check_close(row[i], 1.0, 0.0);
    assert_true(isinf(row[4]));
    clade_neighbours_free(m);
    m = fit(CLADE_NEIGHBOURS_POPULAR_7D, s,
            (clade_neighbours_options){ .has_now = true, .now_us = 10 * CLADE_US_PER_DAY });
    ask(row, m, s, 0, 3); /* up to and without day 10 */
    assert_true(row[1] == 1.0f && row[2] == 1.0f && isinf(row[3]));
    clade_neighbours_free(m);
    clade_sequences_free(s);

    clade_error err = { 0 };
    s               = log_of(list, 4, false);
    assert_int_equal(clade_neighbours_fit(&m, CLADE_NEIGHBOURS_POPULAR_7D, s, NULL, &err),
                     CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "popular-7d needs moments"));
    clade_sequences_free(s);
}

/* History 4 2 4, half-life 2: 4 has 1 + 1/2, 2 has 2^-1/2. */
static void own_items_fade_with_the_events_since(void **state)
{
    (void)state;
    const uint32_t    list[] = { 4, 2, 4, 0, UINT32_MAX };
    clade_sequences  *s      = log_of(list, 4, false);
    clade_neighbours *m =
        fit(CLADE_NEIGHBOURS_OWN, s, (clade_neighbours_options){ .half_life = 2 });
    float row[5];
    ask(row, m, s, 0, 3);
    check_close(row[4], 1.5, 1e-7);
    check_close(row[2], sqrt(0.5), 1e-7);
    assert_true(isinf(row[1]));
    clade_neighbours_free(m);
    clade_sequences_free(s);
}

/* After 1 at distance 1: 2 2 2 4; at distance 2: 3, 2. After 5: 1 at 1, 4 at 2. */
static void rules_reach_further_and_weigh_by_distance(void **state)
{
    (void)state;
    clade_sequences  *s = log_of(shop, 6, false);
    clade_neighbours *m =
        fit(CLADE_NEIGHBOURS_RULES, s, (clade_neighbours_options){ .reach = 2, .half_life = 1 });
    float row[7];
    ask(row, m, s, 3, 12); /* history 5 1: 1 at lag 0, 5 at lag 1 */
    check_close(row[2], 3.0 + 0.5, 1e-6);
    check_close(row[3], 0.5, 1e-6);
    check_close(row[4], 1.0 + 0.5 * 0.5, 1e-6);
    check_close(row[1], 0.5 * 1.0, 1e-6);
    clade_neighbours_free(m);
    clade_sequences_free(s);
}

/* ---------------------------------------------------------------- naive references */

enum { N_CUSTOMERS = 70, N_ITEMS = 30 };

static clade_sequences *random_log(uint64_t seed)
{
    uint32_t  list[N_CUSTOMERS * 14 + 1];
    size_t    n   = 0;
    clade_rng rng = clade_rng_stream(seed, "test/neighbours", 0);
    for (int c = 0; c < N_CUSTOMERS; c++) {
        const uint64_t length = 2 + clade_rng_below(&rng, 10);
        for (uint64_t e = 0; e < length; e++) { /* low numbers are common */
            const uint64_t most = 1 + clade_rng_below(&rng, N_ITEMS);
            list[n++]           = 1 + (uint32_t)clade_rng_below(&rng, most);
        }
        list[n++] = 0;
    }
    list[n] = UINT32_MAX;
    return log_of(list, N_ITEMS, false);
}

static bool has(const clade_sequences *s, size_t c, uint32_t item)
{
    for (uint64_t e = s->start[c]; e < s->start[c + 1]; e++) {
        if (s->item[e] == item) return true;
    }
    return false;
}

static double naive_cosine(const clade_sequences *s, uint32_t i, uint32_t j, double shrink)
{
    double both = 0, n_i = 0, n_j = 0;
    for (size_t c = 0; c < s->n_customers; c++) {
        n_i += has(s, c, i);
        n_j += has(s, c, j);
        both += has(s, c, i) && has(s, c, j);
    }
    return i == j || both == 0 ? 0.0 : both / (sqrt(n_i * n_j) + shrink);
}

static void item_knn_is_the_shrunk_cosine_of_the_best_neighbours(void **state)
{
    (void)state;
    enum { K = 7 };
    clade_sequences               *s = random_log(1);
    const clade_neighbours_options o = {
        .n_neighbours = K, .shrink = 3.5, .half_life = 2.5, .repeat = 0.25
    };
    clade_neighbours *m = fit(CLADE_NEIGHBOURS_ITEM_KNN, s, o);
    for (uint32_t c = 0; c < 20; c++) {
        float          row[N_ITEMS + 1];
        double         want[N_ITEMS + 1] = { 0 };
        const uint64_t end               = s->start[c + 1] - 1;
        ask(row, m, s, c, end);
        for (uint64_t e = s->start[c]; e < end; e++) {
            const double weight = exp2(-(double)(end - 1 - e) / 2.5);
            const double shared = 0.25 * weight;
            want[s->item[e]] += shared;
            for (uint32_t j = 1; j <= N_ITEMS; j++) {
                const double cosine = naive_cosine(s, s->item[e], j, 3.5);
                int          better = 0; /* neighbours in front of j: higher, or equal and lower */
                for (uint32_t k = 1; k <= N_ITEMS; k++) {
                    const float other = (float)naive_cosine(s, s->item[e], k, 3.5);
                    better += other > (float)cosine || (other == (float)cosine && k < j);
                }
                if (better < K) want[j] += weight * cosine;
            }
        }
        for (uint32_t j = 1; j <= N_ITEMS; j++) {
            if (want[j] == 0.0) {
                assert_true(isinf(row[j]));
            } else {
                check_close(row[j], want[j], 1e-5); /* sums of floats */
            }
        }
    }
    clade_neighbours_free(m);
    clade_sequences_free(s);
}

/* With room for everybody, session-knn is a sum over all customers that share an item. */
static void session_knn_is_the_sum_over_those_who_share_an_item(void **state)
{
    (void)state;
    clade_sequences               *s = random_log(2);
    const clade_neighbours_options o = {
        .n_neighbours = N_CUSTOMERS, .n_recent = N_CUSTOMERS, .half_life = 3, .near = 2
    };
    clade_neighbours *m = fit(CLADE_NEIGHBOURS_SESSION_KNN, s, o);
    for (uint32_t c = 0; c < 20; c++) {
        float          row[N_ITEMS + 1];
        double         want[N_ITEMS + 1] = { 0 };
        const uint64_t start = s->start[c], end = s->start[c + 1] - 1;
        ask(row, m, s, c, end);
        for (size_t n = 0; n < s->n_customers; n++) {
            double   similar = 0;
            uint64_t place = UINT64_MAX, lag_of_place = UINT64_MAX;
            for (uint64_t e = end; e-- > start;) {
                bool newer = false; /* the same item, later in the history */
                for (uint64_t l = e + 1; l < end; l++)
                    newer = newer || s->item[l] == s->item[e];
                if (newer || !has(s, n, s->item[e])) continue;
                similar += exp2(-(double)(end - 1 - e) / 3);
                for (uint64_t t = s->start[n]; t < s->start[n + 1]; t++) {
                    if (s->item[t] == s->item[e] && end - e <= lag_of_place) {
                        place        = t;
                        lag_of_place = end - e;
                    }
                }
            }
            if (place == UINT64_MAX) continue;
            similar /= sqrt((double)(s->start[n + 1] - s->start[n]));
            for (uint64_t t = s->start[n]; t < s->start[n + 1]; t++)
                want[s->item[t]] += similar * exp2(-fabs((double)t - (double)place) / 2);
        }
        for (uint32_t j = 1; j <= N_ITEMS; j++) {
            if (want[j] > 0.0) check_close(row[j], want[j], 1e-5);
            if (want[j] == 0.0) assert_true(isinf(row[j]));
        }
    }
    clade_neighbours_free(m);
    clade_sequences_free(s);
}

static void session_knn_listens_to_the_nearest_alone(void **state)
{
    (void)state;
    /* Asked after 1 2: the second customer shares both, the first one item of three. */
    const uint32_t    list[] = { 1, 3, 4, 0, 1, 2, 5, 0, 1, 2, 6, 0, UINT32_MAX };
    clade_sequences  *s      = log_of(list, 6, false);
    clade_neighbours *m =
        fit(CLADE_NEIGHBOURS_SESSION_KNN, s, (clade_neighbours_options){ .n_neighbours = 1 });
    float row[7];
    ask(row, m, s, 1, 5);
    assert_true(row[6] > 0.0f); /* of two who are alike the newer one is heard */
    assert_true(isinf(row[5]) && isinf(row[4]));
    clade_neighbours_free(m);
    clade_sequences_free(s);
}

/* ---------------------------------------------------------------- laws */

static void scores_are_the_same_for_any_number_of_threads_and_blind_to_what_comes(void **state)
{
    (void)state;
    clade_sequences *s = random_log(3), *poisoned = random_log(3);
    clade_case       cases[N_CUSTOMERS];
    static float     one[N_CUSTOMERS * (N_ITEMS + 1)], other[N_CUSTOMERS * (N_ITEMS + 1)];
    for (uint32_t c = 0; c < N_CUSTOMERS; c++) {
        cases[c] = (clade_case){ c, 1, s->start[c] + (s->start[c + 1] - s->start[c]) / 2, 0 };
        for (uint64_t e = cases[c].end; e < s->start[c + 1]; e++)
            poisoned->item[e] = 1 + poisoned->item[e] % N_ITEMS;
    }
    for (int k = 0; k < CLADE_N_NEIGHBOURS; k++) {
        if (k == CLADE_NEIGHBOURS_POPULAR_7D) continue; /* these logs have no moments */
        const clade_neighbours_options o = {
            .reach = 3, .half_life = 2, .repeat = 0.5, .backoff = k % 2 == 0
        };
        memset(one, 0, sizeof one);
        memset(other, 0, sizeof other);
        clade_threads_set(1);
        clade_neighbours *m      = fit((clade_neighbours_kind)k, s, o);
        clade_scorer      scorer = clade_neighbours_scorer(m);
        check_ok(scorer.score(scorer.self, one, s, cases, N_CUSTOMERS, NULL));
        clade_neighbours_free(m);
        clade_threads_set(3);
        m      = fit((clade_neighbours_kind)k, s, o);
        scorer = clade_neighbours_scorer(m);
        check_ok(scorer.score(scorer.self, other, poisoned, cases, N_CUSTOMERS, NULL));
        assert_memory_equal(one, other, sizeof one);
        clade_neighbours_free(m);
    }
    clade_threads_set(0);
    clade_sequences_free(s);
    clade_sequences_free(poisoned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markov_counts_what_comes_right_after),
        cmocka_unit_test(popularity_counts_events_and_a_week_counts_those_before_the_question),
        cmocka_unit_test(own_items_fade_with_the_events_since),
        cmocka_unit_test(rules_reach_further_and_weigh_by_distance),
        cmocka_unit_test(item_knn_is_the_shrunk_cosine_of_the_best_neighbours),
        cmocka_unit_test(session_knn_is_the_sum_over_those_who_share_an_item),
        cmocka_unit_test(session_knn_listens_to_the_nearest_alone),
        cmocka_unit_test(scores_are_the_same_for_any_number_of_threads_and_blind_to_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
