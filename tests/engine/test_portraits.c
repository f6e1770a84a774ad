#include "made_shop.h"

#include "engine/portrait.h"

enum { N = 3000 };

static clade_portraits_input input_of(const made_shop *shop, const clade_segmentation *segmentation)
{
    return (clade_portraits_input){ .segmentation    = segmentation,
                                    .features        = &shop->features,
                                    .segment         = shop->kind,
                                    .revenue_minor   = shop->revenue_minor,
                                    .learnt_features = &shop->features,
                                    .learnt_segment  = shop->kind,
                                    .learnt_outcome  = &shop->outcome,
                                    .currency        = "GBP",
                                    .seed            = 11 };
}

/* ---------------------------------------------------------------- words */

static void check_value(const char *feature, double value, const char *en, const char *zh)
{
    clade_buffer out = { 0 };
    const int    f   = clade_features_find(feature);
    assert_true(f >= 0);
    clade_value_write(&out, (uint32_t)f, value, "GBP", false);
    assert_string_equal(out.data, en);
    clade_buffer_clear(&out);
    clade_value_write(&out, (uint32_t)f, value, "GBP", true);
    assert_string_equal(out.data, zh);
    clade_buffer_free(&out);
}

static void values_are_written_as_people_read_them(void **state)
{
    (void)state;
    check_value("days_since_order", 12.4, "12.4 days", "12.4 天");
    check_value("days_since_order", 1, "1 day", "1 天");
    check_value("days_since_order", 214.7, "215 days", "215 天");
    check_value("spend_life", 1204.5, "1,204.50 GBP", "1,204.50 GBP");
    check_value("spend_life", (double)NAN, "absent", "无");
    check_value("orders_life", 1234567, "1,234,567", "1,234,567");
    check_value("orders_life", 0, "0", "0");
    check_value("discount_share", 0.346, "35 %", "35%");
    check_value("discount_share", 0.0346, "3.5 %", "3.5%");
    check_value("units_life", 1, "1 unit", "1 件");
    check_value("spend_per_year", 80, "80.00 GBP a year", "每年 80.00 GBP");
    check_value("spend_trend_90d", -0.004, "0", "0");
}

static void check_condition(clade_condition condition, const char *feature, const char *en,
                            const char *zh)
{
    clade_buffer out  = { 0 };
    condition.feature = (uint32_t)clade_features_find(feature);
    clade_condition_write(&out, &condition, "GBP", false);
    assert_string_equal(out.data, en);
    clade_buffer_clear(&out);
    clade_condition_write(&out, &condition, "GBP", true);
    assert_string_equal(out.data, zh);
    clade_buffer_free(&out);
}

static void conditions_read_as_sentences(void **state)
{
    (void)state;
    const double inf = (double)INFINITY;
    check_condition((clade_condition){ .low = 120.5, .high = inf }, "spend_90d",
                    "money spent in the last 90 days at least 120.50 GBP",
                    "最近 90 天的消费金额至少 120.50 GBP");
    check_condition((clade_condition){ .low = 120, .high = inf }, "spend_90d",
                    "money spent in the last 90 days at least 120 GBP",
                    "最近 90 天的消费金额至少 120 GBP");
    check_condition(
        (clade_condition){ .low = -inf, .high = 30, .absent = true, .says_absent = true },
        "days_since_order", "days since the latest order below 30 days, or unknown",
        "距最近一次下单的天数低于 30 天或无记录");
    check_condition((clade_condition){ .low = 2, .high = 6 }, "orders_365d",
                    "orders of the last 365 days from 2 to below 6",
                    "最近 365 天的订单数在 2 到 6 之间（不含）");
    check_condition((clade_condition){ .low = (double)0.3f, .high = inf }, "discount_share",
                    "share of the list value that was taken off at least 30 %",
                    "折扣占原价的比例至少 30%");
    check_condition((clade_condition){ .low = inf, .high = inf, .absent = true }, "gap_mean_days",
                    "mean time between two orders unknown", "平均下单间隔无记录");
    check_condition((clade_condition){ .low = 0.5, .high = inf }, "female", "a woman", "女性");
    check_condition((clade_condition){ .low = -inf, .high = 0.5 }, "female", "a man", "男性");
}

static void check_persona(clade__typical typical, const char *en, const char *zh)
{
    clade_buffer out = { 0 };
    clade__persona_write(&out, &typical, "GBP", false);
    assert_string_equal(out.data, en);
    clade_buffer_clear(&out);
    clade__persona_write(&out, &typical, "GBP", true);
    assert_string_equal(out.data, zh);
    clade_buffer_free(&out);
}

static void personas_count_one_as_one(void **state)
{
    (void)state;
    const double nan = (double)NAN;
    check_persona((clade__typical){ 9, 3120.5, 12.7, 40, 2, 0.861, 643.2 },
                  "Typically 9 orders worth 3,120.50 GBP, last bought 12 days ago; 86 % come back "
                  "within 90 days and spend about 640 GBP.",
                  "通常有 9 笔订单，共消费 3,120.50 GBP，最近一次购买在 12 天前；86% 会在 90 天内"
                  "回来，人均消费约 640 GBP。");
    check_persona((clade__typical){ 1, 25, 1.2, 3, 1, nan, nan },
                  "Typically 1 order worth 25.00 GBP, last bought 1 day ago.",
                  "通常有 1 笔订单，共消费 25.00 GBP，最近一次购买在 1 天前。");
    check_persona((clade__typical){ 2, nan, 0.4, 3, 1, 0.001, 5 },
                  "Typically 2 orders, last bought less than a day ago; hardly anybody comes back "
                  "within 90 days.",
                  "通常有 2 笔订单，最近一次购买不到一天前；几乎没有人会在 90 天内回来。");
    check_persona((clade__typical){ 0, 0, nan, 1, 1.9, nan, nan },
                  "Typically has not bought yet, and did 1 thing, last seen 1 day ago.",
                  "通常尚未购买，有 1 次行为，最近一次在 1 天前。");
    check_persona((clade__typical){ 0, 0, nan, 5, 10, 0.17, 540 },
                  "Typically has not bought yet, and did 5 things, last seen 10 days ago; 17 % buy "
                  "within 90 days and spend about 540 GBP.",
                  "通常尚未购买，有 5 次行为，最近一次在 10 天前；17% 会在 90 天内购买，人均消费约 "
                  "540 GBP。");
    check_persona((clade__typical){ nan, nan, nan, 31, 4, nan, nan },
                  "Typically did 31 things, last seen 4 days ago.",
                  "通常有 31 次行为，最近一次在 4 天前。");
}

static void the_roundest_number_lies_between(void **state)
{
    (void)state;
    check_close(clade__roundest(0.333, 0.416), 0.4, 1e-12);
    check_close(clade__roundest(87.2, 112.9), 100, 1e-12);
    check_close(clade__roundest(-1, 3), 0, 0);
    check_close(clade__roundest(13.37, 13.37), 13.37, 1e-12);
    clade_rng rng = clade_rng_stream(5, "test/roundest", 0);
    for (int i = 0; i < 2000; i++) {
        const double low  = exp(6 * clade_rng_normal(&rng)) * (clade_rng_below(&rng, 2) ? 1 : -1);
        const double high = low + exp(4 * clade_rng_normal(&rng));
        const double got  = clade__roundest(low, high);
        assert_true(got >= low && got <= high);
    }
}

/* ---------------------------------------------------------------- portraits */

static void portraits_add_up_and_say_what_was_planted(void **state)
{
    (void)state;
    made_shop                   shop         = made_shop_make(N, 3);
    const clade_segmentation    segmentation = made_segmentation();
    const clade_portraits_input input        = input_of(&shop, &segmentation);
    clade_portrait              portrait[MADE_KINDS];
    double                      fidelity = 0;
    size_t                      n        = 0;
    double                      share = 0, revenue = 0;

    check_ok(clade_portraits_make(portrait, &fidelity, &input, NULL));
    for (int k = 0; k < MADE_KINDS; k++) {
        n += portrait[k].n;
        share += portrait[k].share;
        revenue += portrait[k].revenue_share;
        assert_true(isnan(portrait[k].stability));
        assert_string_equal(portrait[k].name.key, segmentation.name[k].key);
    }
    assert_int_equal(n, N);
    check_close(share, 1, 1e-12);
    check_close(revenue, 1, 1e-12);

    /* Regulars have four orders or more, one-timers one, browsers none: one cut each. */
    assert_true(fidelity > 0.99);
    assert_true(portrait[MADE_REGULAR].n_rules >= 1);
    assert_true(portrait[MADE_REGULAR].rules_recall > 0.99);
    assert_true(portrait[MADE_REGULAR].rule[0].precision > 0.99);

    /* The interval of what was planted holds it: 85 % of those within 60 days, half of that later.
     */
    const clade_portrait *regular = &portrait[MADE_REGULAR];
    assert_true(regular->next_return_low < regular->next_return &&
                regular->next_return < regular->next_return_high);
    const double planted = 0.85 * (1 - exp(-2.0)) + 0.425 * exp(-2.0);
    assert_true(regular->next_return_low < planted && planted < regular->next_return_high);
    assert_true(regular->next_spend_low < regular->next_spend &&
                regular->next_spend < regular->next_spend_high);
    assert_non_null(strstr(regular->persona_en, " orders worth "));
    assert_non_null(strstr(portrait[MADE_BROWSER].persona_en, "has not bought yet"));
    made_shop_free(&shop);
}

static void differences_are_strong_ranked_and_not_told_twice(void **state)
{
    (void)state;
    made_shop                   shop         = made_shop_make(N, 4);
    const clade_segmentation    segmentation = made_segmentation();
    const clade_portraits_input input        = input_of(&shop, &segmentation);
    clade_portrait              portrait[MADE_KINDS];
    size_t                      n_features;
    const clade_feature        *registry = clade_features_all(&n_features);
    /* The same twice, under another name: only one of the two may be listed. */
    for (size_t i = 0; i < N; i++) {
        *made_value(&shop, i, "units_life") = 2 * *made_value(&shop, i, "orders_life");
    }
    check_ok(clade_portraits_make(portrait, NULL, &input, NULL));
    for (int k = 0; k < MADE_KINDS; k++) {
        size_t n_of_group[CLADE_N_FEATURE_GROUP] = { 0 };
        int    n_twins                           = 0;
        assert_true(portrait[k].n_differences >= 1);
        for (size_t d = 0; d < portrait[k].n_differences; d++) {
            const clade_difference *one  = &portrait[k].difference[d];
            const char             *name = registry[one->feature].name;
            assert_true(one->q < 0.05);
            if (d > 0) assert_true(fabs(one->delta) <= fabs(one[-1].delta));
            assert_true(++n_of_group[registry[one->feature].group] <= 3);
            assert_string_not_equal(name, "weekend_share");
            n_twins += strcmp(name, "units_life") == 0 || strcmp(name, "orders_life") == 0;
        }
        assert_true(n_twins <= 1);
    }
    assert_true(portrait[MADE_REGULAR].difference[0].delta > 0.9);
    made_shop_free(&shop);
}

/* Every rule judged again, the slow way, on all customers: shares must be near the held-out ones,
 * and no customer may meet two rules. */
static void rules_leave_nobody_in_two_places(void **state)
{
    (void)state;
    made_shop                   shop         = made_shop_make(N, 6);
    const clade_segmentation    segmentation = made_segmentation();
    const clade_portraits_input input        = input_of(&shop, &segmentation);
    clade_portrait              portrait[MADE_KINDS];
    size_t                      n_right = 0;
    double                      fidelity;
    for (size_t i = 0; i < N; i++) { /* blur: a tenth of all are put anywhere */
        if (i % 10 == 3) shop.kind[i] = (int32_t)(i % MADE_KINDS);
    }
    check_ok(clade_portraits_make(portrait, &fidelity, &input, NULL));
    for (size_t i = 0; i < N; i++) {
        const float *row   = shop.features.value + i * shop.features.n_features;
        int          n_met = 0;
        for (int k = 0; k < MADE_KINDS; k++) {
            for (size_t r = 0; r < portrait[k].n_rules; r++) {
                const bool met = clade_rule_matches(&portrait[k].rule[r], row);
                n_met += met;
                n_right += met && k == shop.kind[i];
            }
        }
        assert_int_equal(n_met, 1);
    }
    check_close((double)n_right / N, fidelity,
                0.04); /* 900 held out: two standard errors and a bit */
    made_shop_free(&shop);
}

static void equal_seeds_give_equal_portraits_whatever_the_threads(void **state)
{
    (void)state;
    made_shop                   shop         = made_shop_make(N, 8);
    const clade_segmentation    segmentation = made_segmentation();
    const clade_portraits_input input        = input_of(&shop, &segmentation);
    static clade_portrait       one[MADE_KINDS], many[MADE_KINDS];
    clade_threads_set(1);
    check_ok(clade_portraits_make(one, NULL, &input, NULL));
    clade_threads_set(4);
    check_ok(clade_portraits_make(many, NULL, &input, NULL));
    clade_threads_set(0);
    assert_memory_equal(one, many, sizeof one);
    made_shop_free(&shop);
}

static void small_and_futureless_shops_leave_out_what_cannot_be_known(void **state)
{
    (void)state;
    made_shop                shop         = made_shop_make(30, 2);
    const clade_segmentation segmentation = made_segmentation();
    clade_portraits_input    input        = input_of(&shop, &segmentation);
    clade_portrait           portrait[MADE_KINDS];
    double                   fidelity = 0;
    input.learnt_outcome              = NULL;
    input.revenue_minor               = NULL;
    check_ok(clade_portraits_make(portrait, &fidelity, &input, NULL));
    assert_true(isnan(fidelity));
    for (int k = 0; k < MADE_KINDS; k++) {
        assert_true(isnan(portrait[k].next_spend) && isnan(portrait[k].next_return_low));
        assert_true(isnan(portrait[k].revenue_share));
        assert_null(strstr(portrait[k].persona_en, "come back"));
    }
    made_shop_free(&shop);
}

static void a_bad_segment_is_named_and_nothing_is_written(void **state)
{
    (void)state;
    made_shop                shop         = made_shop_make(60, 2);
    const clade_segmentation segmentation = made_segmentation();
    clade_portraits_input    input        = input_of(&shop, &segmentation);
    clade_portrait           portrait[MADE_KINDS];
    clade_error              err      = { 0 };
    double                   fidelity = 0.25;
    memset(portrait, 7, sizeof portrait);
    shop.kind[4] = MADE_KINDS;
    assert_int_equal(clade_portraits_make(portrait, &fidelity, &input, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "customer 13 is in segment 3"));
    check_close(fidelity, 0.25, 0);
    assert_int_equal(((unsigned char *)portrait)[100], 7);
    made_shop_free(&shop);
}

/* ---------------------------------------------------------------- the points card */

static void a_card_adds_its_lines_by_hand(void **state)
{
    (void)state;
    size_t                p;
    float                *row  = NULL;
    const clade_scorecard card = {
        .n_lines    = 2,
        .line       = { { .feature       = 0,
                          .n_ranges      = 3,
                          .edge          = { 10, 25 },
                          .points        = { 0, 12, 31 },
                          .absent_points = 7 },
                        { .feature = 2, .n_ranges = 2, .edge = { 1.5 }, .points = { 9, 0 } } },
        .n_segments = 3,
        .from       = { 30, 12, 0 },
    };
    (void)clade_features_all(&p);
    row    = CLADE_NEW(float, p);
    row[0] = 25;
    row[2] = 1;
    assert_int_equal(clade_scorecard_points(&card, row), 31 + 9);
    row[0] = 24.99f;
    row[2] = 1.5f;
    assert_int_equal(clade_scorecard_points(&card, row), 12);
    row[0] = NAN;
    row[2] = -3;
    assert_int_equal(clade_scorecard_points(&card, row), 7 + 9);
    assert_int_equal(clade_scorecard_segment(&card, 30), 0);
    assert_int_equal(clade_scorecard_segment(&card, 29), 1);
    assert_int_equal(clade_scorecard_segment(&card, 12), 1);
    assert_int_equal(clade_scorecard_segment(&card, 0), 2);
    free(row);
}

static void a_card_names_most_bands_of_an_outlook(void **state)
{
    (void)state;
    made_shop           shop         = made_shop_make(4 * N, 9);
    clade_segmentation *segmentation = NULL;
    clade_scorecard     card, again;
    clade_error         err = { 0 };
    check_ok(clade_segmentation_fit(&segmentation, CLADE_SEGMENT_OUTLOOK, &shop.features,
                                    &shop.outcome, 1, NULL));
    check_ok(clade_segmentation_assign(shop.kind, NULL, segmentation, &shop.features, NULL));
    clade_portraits_input input = input_of(&shop, segmentation);
    check_ok(clade_scorecard_make(&card, &input, NULL));
    print_message("points card: %zu bands, %zu lines, fidelity %.3f, within one %.3f\n",
                  card.n_segments, card.n_lines, card.fidelity, card.fidelity_one);
    assert_true(card.fidelity > 0.75 && card.fidelity_one > 0.97);
    assert_true(card.n_lines >= 2 && card.n_lines <= CLADE_CARD_LINES_MAX);
    for (size_t l = 0; l < card.n_lines; l++) {
        int32_t least = card.line[l].absent_points;
        for (size_t r = 0; r < card.line[l].n_ranges; r++) {
            if (r > 1) assert_true(card.line[l].edge[r - 1] > card.line[l].edge[r - 2]);
            least = card.line[l].points[r] < least ? card.line[l].points[r] : least;
        }
        assert_int_equal(least, 0);
    }
    for (size_t s = 1; s < card.n_segments; s++)
        assert_true(card.from[s] <= card.from[s - 1]);
    clade_threads_set(3);
    check_ok(clade_scorecard_make(&again, &input, NULL));
    clade_threads_set(0);
    assert_memory_equal(&card, &again, sizeof card);

    const clade_segmentation other = made_segmentation();
    input.segmentation             = &other;
    assert_int_equal(clade_scorecard_make(&again, &input, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "clusters segments are not bands of a score"));
    clade_segmentation_free(segmentation);
    made_shop_free(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_as_people_read_them),
        cmocka_unit_test(conditions_read_as_sentences),
        cmocka_unit_test(personas_count_one_as_one),
        cmocka_unit_test(the_roundest_number_lies_between),
        cmocka_unit_test(portraits_add_up_and_say_what_was_planted),
        cmocka_unit_test(differences_are_strong_ranked_and_not_told_twice),
        cmocka_unit_test(rules_leave_nobody_in_two_places),
        cmocka_unit_test(equal_seeds_give_equal_portraits_whatever_the_threads),
        cmocka_unit_test(small_and_futureless_shops_leave_out_what_cannot_be_known),
        cmocka_unit_test(a_bad_segment_is_named_and_nothing_is_written),
        cmocka_unit_test(a_card_adds_its_lines_by_hand),
        cmocka_unit_test(a_card_names_most_bands_of_an_outlook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
