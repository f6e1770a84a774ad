/* Segments: bands, names, habits, every kind fitted, applied, written and read; stability; lift. */
#include "engine/bands.h"
#include "engine/habit.h"
#include "engine/outlook.h"
#include "engine/segment_names.h"
#include "engine/subset.h"
#include "made_shop.h"

/* Scores 0..99, values two steps: the one cut that loses nothing lies between 59 and 60. The 80
 * bins put an edge at a quantile, so it is found to a bin. */
static void two_steps_are_cut_where_the_step_is(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double order[N], value[N];
    clade_rng     rng   = clade_rng_stream(1, "test/bands", 0);
    clade__bands  bands = { 0 };
    for (size_t i = 0; i < N; i++) {
        order[i] = (double)i;
        value[i] = i < 2400 ? 1.5 : 4.25;
    }
    check_ok(clade__bands_cut(&bands, order, value, N, 1, 0.03, 0, &rng, NULL));
    assert_true(bands.most >= 2);
    assert_true(fabs(bands.edge[1][0] - 2400) <= (double)N / CLADE_BANDS_BINS);
    for (size_t k = 2; k <= bands.most; k++) {
        for (size_t e = 1; e + 1 < k; e++)
            assert_true(bands.edge[k - 1][e] > bands.edge[k - 1][e - 1]);
    }
    assert_int_equal(clade__band_of(2399, bands.edge[1], 2), 0);
    assert_int_equal(clade__band_of(bands.edge[1][0], bands.edge[1], 2), 1); /* a tie goes up */
}

/* Every cut of 12 bins into three, tried one by one: no cut is better than the one that was found.
 */
static void no_other_cut_loses_less(void **state)
{
    (void)state;
    enum { N = 12 };
    clade_rng rng = clade_rng_stream(2, "test/bands", 0);
    for (int round = 0; round < 30; round++) {
        double       order[N], value[N], best = INFINITY, found = 0;
        clade__bands bands = { 0 };
        for (size_t i = 0; i < N; i++) {
            order[i] = (double)i;
            value[i] = clade_rng_normal(&rng) * 3.7;
        }
        check_ok(clade__bands_cut(&bands, order, value, N, 1, 0.0, 0, &rng, NULL));
        for (size_t a = 1; a < N - 1; a++) {
            for (size_t b = a + 1; b < N; b++) {
                const size_t from[4] = { 0, a, b, N };
                double       inside  = 0;
                for (size_t k = 0; k < 3; k++) {
                    double mean = 0;
                    for (size_t i = from[k]; i < from[k + 1]; i++)
                        mean += value[i];
                    mean /= (double)(from[k + 1] - from[k]);
                    for (size_t i = from[k]; i < from[k + 1]; i++)
                        inside += pow(value[i] - mean, 2);
                }
                best = fmin(best, inside);
            }
        }
        for (size_t k = 0; k < 3; k++) {
            double mean = 0, n = 0;
            for (size_t i = 0; i < N; i++) {
                if (clade__band_of(order[i], bands.edge[2], 3) != k) continue;
                mean += value[i];
                n += 1;
            }
            mean /= n;
            for (size_t i = 0; i < N; i++) {
                if (clade__band_of(order[i], bands.edge[2], 3) == k)
                    found += pow(value[i] - mean, 2);
            }
        }
        check_close(found, best, 1e-9);
    }
}

static void a_score_without_spread_is_one_band(void **state)
{
    (void)state;
    double       order[50], value[50];
    clade_rng    rng   = clade_rng_stream(3, "test/bands", 0);
    clade__bands bands = { 0 };
    for (size_t i = 0; i < 50; i++)
        order[i] = value[i] = 2.5;
    check_ok(clade__bands_cut(&bands, order, value, 50, 1, 0.03, 20, &rng, NULL));
    assert_true(bands.most >= 1);
    for (size_t i = 1; i < 50; i++) {
        assert_int_equal(clade__band_of(order[i], bands.edge[bands.most - 1], bands.most),
                         clade__band_of(order[0], bands.edge[bands.most - 1], bands.most));
    }
}

static void no_two_bands_share_a_name_whatever_they_are_like(void **state)
{
    (void)state;
    clade_rng rng = clade_rng_stream(4, "test/names", 0);
    for (int round = 0; round < 500; round++) {
        clade_segment_name  name[CLADE_SEGMENTS_MAX];
        clade__band_profile profile[CLADE_SEGMENTS_MAX];
        const size_t        n = 1 + (size_t)clade_rng_below(&rng, CLADE_SEGMENTS_MAX);
        for (size_t b = 0; b < n; b++) {
            const double same = round % 3 == 0 ? 0.9 : clade_rng_uniform(&rng);
            profile[b] =
                (clade__band_profile){ same, clade_rng_uniform(&rng) * (round % 2),
                                       clade_rng_uniform(&rng) * 0.6, clade_rng_uniform(&rng) };
        }
        clade__outlook_names(name, profile, n, 0.4);
        assert_string_equal(name[0].key, "champions");
        for (size_t a = 0; a < n; a++) {
            assert_true(name[a].en[0] != '\0' && name[a].zh[0] != '\0');
            for (size_t b = 0; b < a; b++)
                assert_string_not_equal(name[a].key, name[b].key);
        }
    }
}

/* Two orders 10 days apart, the last 12 days ago, in a shop whose usual gap is 40 days:
 * rhythm = (10 + 2 * 40) / (1 + 2) = 30 days, lateness 12 / 30. */
static void lateness_is_by_the_own_rhythm_drawn_to_the_shops(void **state)
{
    (void)state;
    made_shop shop                                  = made_shop_make(3, 5);
    *made_value(&shop, 0, "orders_life")            = 2;
    *made_value(&shop, 0, "days_since_order")       = 12;
    *made_value(&shop, 0, "gap_mean_days")          = 10;
    *made_value(&shop, 0, "days_since_first_order") = 22;
    *made_value(&shop, 1, "days_since_order")       = NAN;
    const clade__rhythm rhythm                      = clade__rhythm_of(40);
    const clade__habit  habit                       = clade__habit_of(&shop.features, 0, &rhythm);
    check_close(habit.lateness, 12.0 / 30, 1e-6);
    check_close(habit.tenure_days, 22, 1e-6);
    assert_true(isnan(clade__habit_of(&shop.features, 1, &rhythm).lateness));
    made_shop_free(&shop);
}

/* 5-5-5 is a champion, 1-1-1 is lost: quintile edges of customers 1 .. 100 with R, F, M in step. */
static void rfm_scores_are_fifths_and_groups_have_their_names(void **state)
{
    (void)state;
    made_shop           shop = made_shop_make(100, 6);
    clade_segmentation *rfm  = NULL;
    int32_t             segment[100];
    for (size_t i = 0; i < 100; i++) {
        *made_value(&shop, i, "days_since_order") = (float)(i + 1);
        *made_value(&shop, i, "orders_life")      = (float)(100 - i);
        *made_value(&shop, i, "spend_life")       = (float)(1000 - 7 * (double)i);
    }
    check_ok(clade_segmentation_fit(&rfm, CLADE_SEGMENT_RFM, &shop.features, NULL, 1, NULL));
    check_ok(clade_segmentation_assign(segment, NULL, rfm, &shop.features, NULL));
    assert_string_equal(clade_segmentation_name(rfm, (size_t)segment[0])->key, "champions");
    assert_string_equal(clade_segmentation_name(rfm, (size_t)segment[99])->key, "lost");
    clade_segmentation_free(rfm);
    made_shop_free(&shop);
}

static void equal_customers_are_in_the_same_group(void **state)
{
    (void)state;
    made_shop           shop = made_shop_make(200, 7);
    clade_segmentation *rfm  = NULL;
    int32_t             segment[200];
    for (size_t i = 0; i < 200; i++) { /* half of the shop bought once, for the same money */
        if (i % 2 == 1) continue;
        *made_value(&shop, i, "days_since_order") = 50;
        *made_value(&shop, i, "orders_life")      = 1;
        *made_value(&shop, i, "spend_life")       = 33.5f;
    }
    check_ok(clade_segmentation_fit(&rfm, CLADE_SEGMENT_RFM, &shop.features, NULL, 1, NULL));
    check_ok(clade_segmentation_assign(segment, NULL, rfm, &shop.features, NULL));
    for (size_t i = 2; i < 200; i += 2)
        assert_int_equal(segment[i], segment[0]);
    clade_segmentation_free(rfm);
    made_shop_free(&shop);
}

/* Number CLADE_N_SEGMENT_KIND stands for clusters by a mixture. */
static clade_segmentation *fit_number(const made_shop *shop, int number)
{
    clade_segmentation *fitted = NULL;
    if (number == CLADE_N_SEGMENT_KIND) {
        check_ok(clade_segmentation_fit_clusters(&fitted, CLADE_CLUSTERING_MIXTURE, &shop->features,
                                                 42, NULL));
    } else {
        check_ok(clade_segmentation_fit(&fitted, (clade_segment_kind)number, &shop->features,
                                        &shop->outcome, 42, NULL));
    }
    return fitted;
}

static void every_kind_reads_back_what_it_wrote_and_assigns_the_same(void **state)
{
    (void)state;
    enum { N = 900 };
    made_shop shop = made_shop_make(N, 8);
    for (int k = 0; k <= CLADE_N_SEGMENT_KIND; k++) {
        clade_segmentation *fitted = fit_number(&shop, k), *back = NULL;
        clade_buffer        json = { 0 }, again = { 0 };
        static int32_t      a[N], b[N];
        static double       score_a[N], score_b[N];
        clade_segmentation_write(&json, fitted);
        check_ok(clade_segmentation_read(&back, (clade_text){ json.data, json.size }, NULL));
        clade_segmentation_write(&again, back);
        assert_string_equal(json.data, again.data);
        assert_int_equal(clade_segmentation_clustering(back), k == CLADE_N_SEGMENT_KIND);
        check_ok(clade_segmentation_assign(a, score_a, fitted, &shop.features, NULL));
        check_ok(clade_segmentation_assign(b, score_b, back, &shop.features, NULL));
        assert_memory_equal(a, b, sizeof a);
        assert_memory_equal(score_a, score_b, sizeof score_a);
        for (size_t i = 0; i < N; i++) {
            assert_true(a[i] >= 0 && (size_t)a[i] < clade_segmentation_n(fitted));
        }
        clade_buffer_free(&json);
        clade_buffer_free(&again);
        clade_segmentation_free(fitted);
        clade_segmentation_free(back);
    }
    made_shop_free(&shop);
}

#define ONE_COLUMN(format, more)                                                              \
    "{\"kind\":\"clusters\",\"format\":" format ",\"segments\":[{},{}],\"definition\":{"      \
    "\"columns\":[\"orders_life\"],\"logged\":[0],\"centre\":[0],\"scale\":[1],\"fill\":[0]," \
    "\"clip\":50,\"middle_0\":[0],\"middle_1\":[10]" more "}}"

/* Equal shares; centres 0 and 10, widths 1 and 4. At x the one has log density -x^2/2, the other
 * -log 4 - ((x - 10) / 4)^2 / 2: at 2 that is -2 and -3.39, at 3 it is -4.5 and -2.92. */
static void a_wide_component_takes_rows_that_are_nearer_to_a_narrow_one(void **state)
{
    (void)state;
    static const char *const json[2] = {
        ONE_COLUMN("1", ""),
        ONE_COLUMN("2", ",\"method\":\"mixture\",\"base\":[0,-1.3862943611198906],"
                        "\"width_0\":[1],\"width_1\":[4]"),
    };
    made_shop shop                       = made_shop_make(3, 5);
    *made_value(&shop, 0, "orders_life") = 2;
    *made_value(&shop, 1, "orders_life") = 3;
    *made_value(&shop, 2, "orders_life") = 8;
    for (int mixture = 0; mixture < 2; mixture++) {
        clade_segmentation *clusters   = NULL;
        int32_t             segment[3] = { -1, -1, -1 };
        check_ok(clade_segmentation_read(&clusters, clade_text_of(json[mixture]), NULL));
        assert_int_equal(clade_segmentation_clustering(clusters), mixture);
        check_ok(clade_segmentation_assign(segment, NULL, clusters, &shop.features, NULL));
        assert_int_equal(segment[0], 0);
        assert_int_equal(segment[1], mixture);
        assert_int_equal(segment[2], 1);
        clade_segmentation_free(clusters);
    }
    made_shop_free(&shop);
}

/* Folds and resamples must judge what was made: a mixture stays one, and is found again. */
static void a_mixture_is_judged_as_a_mixture(void **state)
{
    (void)state;
    made_shop           shop   = made_shop_make(1500, 14);
    clade_segmentation *fitted = fit_number(&shop, CLADE_N_SEGMENT_KIND), *again = NULL;
    clade_lift_report   report = { 0 };
    double              stability[CLADE_SEGMENTS_MAX];
    check_ok(clade__segmentation_refit(&again, fitted, &shop.features, NULL, 42, NULL));
    assert_int_equal(clade_segmentation_clustering(again), CLADE_CLUSTERING_MIXTURE);
    assert_int_equal(clade_segmentation_n(again), clade_segmentation_n(fitted));
    check_ok(clade_stability_measure(stability, fitted, &shop.features, NULL, 5, 42, NULL));
    for (size_t s = 0; s < clade_segmentation_n(fitted); s++)
        assert_true(stability[s] > 0.2 && stability[s] <= 1);
    check_ok(clade_lift_measure(&report, &shop.features, &shop.outcome, NULL, fitted, 42, NULL));
    const clade_lift *lift = &report.kind[CLADE_SEGMENT_CLUSTERS];
    assert_int_equal(lift->n_segments, clade_segmentation_n(fitted));
    assert_true(lift->r2 > 0.1 && lift->r2 < report.ceiling.r2 + 0.02);
    clade_segmentation_free(fitted);
    clade_segmentation_free(again);
    made_shop_free(&shop);
}

static void broken_definitions_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "{}",
        "{\"kind\":\"rfm\"}",
        "{\"kind\":\"rmf\",\"format\":1}",
        "{\"kind\":\"rfm\",\"format\":99,\"segments\":[{}]}",
        "{\"kind\":\"rfm\",\"format\":1,\"segments\":[]}",
        "{\"kind\":\"rfm\",\"format\":1,\"segments\":[{\"key\":\"a\"}],\"definition\":{}}",
        "{\"kind\":\"lifecycle\",\"format\":1,\"segments\":[{},{},{},{},{}],\"definition\":{}}",
        "{\"kind\":\"outlook\",\"format\":1,\"segments\":[{}],\"definition\":{\"terms\":[{}]}}",
        "{\"kind\":\"outlook\",\"format\":1,\"segments\":[{}],\"definition\":{\"prospects\":true,"
        "\"terms\":[]}}",
        "{\"kind\":\"clusters\",\"format\":1,\"segments\":[{}],\"definition\":{\"columns\":[\"no\"]"
        "}}",
        ONE_COLUMN("2", ",\"method\":\"gmm\""),
        ONE_COLUMN("2", ",\"method\":\"mixture\",\"base\":[0,0],\"width_0\":[1]"),
        ONE_COLUMN("2", ",\"method\":\"mixture\",\"base\":[0,0],\"width_0\":[1],\"width_1\":[0]"),
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        clade_segmentation *none = NULL;
        clade_error         err  = { 0 };
        assert_true(clade_segmentation_read(&none, clade_text_of(broken[i]), &err) != CLADE_OK);
        assert_null(none);
        assert_true(err.message[0] != '\0');
    }
}

/* What a held-out customer did next must not reach its own prediction: with outcomes dealt at
 * random there is nothing to know, and every method must say so. */
static void where_nothing_can_be_known_nothing_is(void **state)
{
    (void)state;
    enum { N = 1200 };
    made_shop         shop   = made_shop_make(N, 9);
    clade_lift_report report = { 0 };
    clade_rng         rng    = clade_rng_stream(9, "test/lift", 0);
    for (size_t i = 0; i < N; i++) {
        shop.outcome.returned[i] = clade_rng_uniform(&rng) < 0.4;
        shop.outcome.spend_minor[i] =
            shop.outcome.returned[i] * (1000 + (int64_t)clade_rng_below(&rng, 9000));
    }
    check_ok(clade_lift_measure(&report, &shop.features, &shop.outcome, NULL, NULL, 42, NULL));
    for (int k = 0; k < CLADE_SEGMENT_CLUSTERS; k++) {
        assert_true(report.kind[k].r2 < 0.01);
        assert_true(report.kind[k].auc_low < 0.5 + 1e-9);
    }
    assert_true(report.ceiling.r2 < 0.02);
    assert_false(report.trusted);
    assert_non_null(strstr(report.why.en, "90 days"));
    assert_non_null(strstr(report.why.zh, "90 天"));
    made_shop_free(&shop);
}

static void where_much_can_be_known_the_outlook_keeps_it(void **state)
{
    (void)state;
    made_shop         shop   = made_shop_make(2500, 10);
    clade_lift_report report = { 0 };
    check_ok(clade_lift_measure(&report, &shop.features, &shop.outcome, NULL, NULL, 42, NULL));
    const clade_lift *outlook = &report.kind[CLADE_SEGMENT_OUTLOOK];
    assert_true(outlook->r2 > 0.2);
    assert_true(outlook->r2_low < outlook->r2 && outlook->r2 < outlook->r2_high);
    assert_true(report.keeps_r2 > 0.9);
    assert_true(report.keeps_r2_low < report.keeps_r2 && report.keeps_r2 < report.keeps_r2_high);
    assert_true(report.trusted);
    assert_true(outlook->n_segments <= CLADE_SEGMENTS_MAX);
    made_shop_free(&shop);
}

static void threads_do_not_change_a_segmentation(void **state)
{
    (void)state;
    made_shop    shop   = made_shop_make(700, 11);
    clade_buffer one[2] = { { 0 }, { 0 } };
    for (int round = 0; round < 2; round++) {
        clade_lift_report report = { 0 };
        clade_threads_set(round == 0 ? 1 : 3);
        for (int k = 0; k <= CLADE_N_SEGMENT_KIND; k++) {
            clade_segmentation *fitted = fit_number(&shop, k);
            clade_segmentation_write(&one[round], fitted);
            clade_segmentation_free(fitted);
        }
        check_ok(clade_lift_measure(&report, &shop.features, &shop.outcome, NULL, NULL, 42, NULL));
        clade_buffer_format(&one[round], "%.17g %.17g %.17g", report.kind[0].r2, report.ceiling.auc,
                            report.gain_low);
    }
    clade_threads_set(0);
    assert_string_equal(one[0].data, one[1].data);
    clade_buffer_free(&one[0]);
    clade_buffer_free(&one[1]);
    made_shop_free(&shop);
}

static void a_sample_keeps_the_order_and_draws_nobody_twice(void **state)
{
    (void)state;
    made_shop     shop   = made_shop_make(1000, 12);
    clade__subset sample = { 0 };
    check_ok(clade__subset_sample(&sample, &shop.features, &shop.outcome, 137, 42, NULL));
    assert_int_equal(sample.features.n_customers, 137);
    for (size_t i = 1; i < 137; i++) {
        assert_true(sample.features.customer[i] > sample.features.customer[i - 1]);
    }
    clade__subset_free(&sample);
    made_shop_free(&shop);
}

static void what_adds_to_an_outlook_sums_to_its_score(void **state)
{
    (void)state;
    made_shop           shop   = made_shop_make(800, 13);
    clade_segmentation *fitted = NULL;
    static int32_t      segment[800];
    static double       score[800];
    double             *part = CLADE_NEW(double, shop.features.n_features);
    check_ok(clade_segmentation_fit(&fitted, CLADE_SEGMENT_OUTLOOK, &shop.features, &shop.outcome,
                                    42, NULL));
    check_ok(clade_segmentation_assign(segment, score, fitted, &shop.features, NULL));
    double base = NAN; /* the same for all: what the average customer is expected to spend */
    for (size_t i = 0; i < 800; i += 61) {
        double sum = 0;
        clade__outlook_explain(part, fitted, shop.features.value + i * shop.features.n_features,
                               shop.features.n_features);
        for (size_t j = 0; j < shop.features.n_features; j++)
            sum += part[j];
        if (i == 0) base = score[0] - sum;
        check_close(score[i] - sum, base, 1e-9);
    }
    free(part);
    clade_segmentation_free(fitted);
    made_shop_free(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_steps_are_cut_where_the_step_is),
        cmocka_unit_test(no_other_cut_loses_less),
        cmocka_unit_test(a_score_without_spread_is_one_band),
        cmocka_unit_test(no_two_bands_share_a_name_whatever_they_are_like),
        cmocka_unit_test(lateness_is_by_the_own_rhythm_drawn_to_the_shops),
        cmocka_unit_test(rfm_scores_are_fifths_and_groups_have_their_names),
        cmocka_unit_test(equal_customers_are_in_the_same_group),
        cmocka_unit_test(every_kind_reads_back_what_it_wrote_and_assigns_the_same),
        cmocka_unit_test(a_wide_component_takes_rows_that_are_nearer_to_a_narrow_one),
        cmocka_unit_test(a_mixture_is_judged_as_a_mixture),
        cmocka_unit_test(broken_definitions_are_refused_by_name),
        cmocka_unit_test(where_nothing_can_be_known_nothing_is),
        cmocka_unit_test(where_much_can_be_known_the_outlook_keeps_it),
        cmocka_unit_test(threads_do_not_change_a_segmentation),
        cmocka_unit_test(a_sample_keeps_the_order_and_draws_nobody_twice),
        cmocka_unit_test(what_adds_to_an_outlook_sums_to_its_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
