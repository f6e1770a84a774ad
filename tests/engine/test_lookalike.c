#include "made_shop.h"

#include "clade/lookalike.h"

enum { N = 4000, N_PLANTED = 400, N_SEEDS = 80, WANTED = 320 };

/* A tenth of the customers are of a hidden kind that differs a little in five features out of
 * twelve, each by well under a standard deviation; the first N_SEEDS of them are handed in as
 * seeds. */
typedef struct planted {
    made_shop shop;
    uint8_t  *hidden; /* (N) */
    int64_t   seed[N_SEEDS];
} planted;

static planted plant(double strength)
{
    static const char *const telling[] = { "discount_share", "views_90d", "order_evening_share",
                                           "price_position_shop", "basket_lines_mean" };
    static const char *const others[]  = {
         "weekend_share", "session_minutes_mean", "categories_distinct",
         "refund_share",  "order_value_max",      "search_share",
         "age_years"
    };
    planted   p        = { .shop = made_shop_make(N, 21) };
    clade_rng rng      = clade_rng_stream(7, "test/planted", 0);
    size_t    n_hidden = 0, n_seeds = 0;
    p.hidden = CLADE_NEW(uint8_t, N);
    for (size_t i = 0; i < N; i++) {
        p.hidden[i] = n_hidden < N_PLANTED && clade_rng_below(&rng, N - i) < N_PLANTED - n_hidden;
        n_hidden += p.hidden[i];
        for (size_t f = 0; f < sizeof telling / sizeof telling[0]; f++) {
            const double z = clade_rng_normal(&rng) + (p.hidden[i] ? strength : 0);
            *made_value(&p.shop, i, telling[f]) = (float)exp(0.4 * z);
        }
        for (size_t f = 0; f < sizeof others / sizeof others[0]; f++) {
            if (clade_rng_below(&rng, 4) > 0)
                *made_value(&p.shop, i, others[f]) = (float)exp(clade_rng_normal(&rng));
        }
        if (p.hidden[i] && n_seeds < N_SEEDS) p.seed[n_seeds++] = p.shop.features.customer[i];
    }
    assert_int_equal(n_seeds, N_SEEDS);
    return p;
}

static void planted_free(planted *p)
{
    made_shop_free(&p->shop);
    free(p->hidden);
}

static bool is_hidden(const planted *p, int64_t customer)
{
    return p->hidden[(customer - 1) / 3] != 0;
}

static void a_planted_kind_is_found_far_above_chance(void **state)
{
    (void)state;
    planted          p       = plant(0.9);
    clade_lookalike *list    = NULL;
    size_t           n_right = 0;
    check_ok(clade_lookalike_find(&list, &p.shop.features, p.seed, N_SEEDS, WANTED, 3, NULL));
    assert_int_equal(list->n, WANTED);
    assert_int_equal(list->n_seeds, N_SEEDS);
    assert_int_equal(list->n_others, N - N_SEEDS);
    for (size_t i = 0; i < list->n; i++)
        n_right += is_hidden(&p, list->customer[i]);
    const double precision = (double)n_right / WANTED;
    const double chance    = (double)(N_PLANTED - N_SEEDS) / (N - N_SEEDS);
    print_message("look-alike by %s: %.3f of the list are of the kind, %.3f by chance\n",
                  clade_lookalike_method_name(list->method), precision, chance);
    assert_true(precision > 5 * chance);

    /* The bracket holds what is true of the list with the seeds hidden in it. */
    const clade_lookalike_point *last = &list->point[list->n_points - 1];
    print_message("bracket of the last point: %.3f to %.3f\n", last->precision_low,
                  last->precision_high);
    assert_int_equal(last->n, WANTED);
    assert_true(last->precision_low < precision && precision < last->precision_high + 0.05);
    planted_free(&p);
    clade_lookalike_free(list);
}

static void the_curve_and_the_list_hold_their_laws(void **state)
{
    (void)state;
    planted          p    = plant(0.7);
    clade_lookalike *list = NULL;
    check_ok(clade_lookalike_find(&list, &p.shop.features, p.seed, N_SEEDS, WANTED, 4, NULL));
    for (size_t k = 0; k < list->n_points; k++) {
        const clade_lookalike_point *one = &list->point[k];
        if (k > 0) assert_true(one->found >= one[-1].found && one->n > one[-1].n);
        assert_true(one->found_low <= one->found && one->found <= one->found_high);
        assert_true(one->precision_low <= one->precision_high && one->precision_high <= 1);
        check_close(one->lift, one->found * N / (double)one->n, 1e-12);
        check_close(one->precision_low * (double)one->n, one->found * N_SEEDS, 1e-9);
    }
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0) assert_true(list->likeness[i] <= list->likeness[i - 1]);
        for (size_t s = 0; s < N_SEEDS; s++)
            assert_int_not_equal(list->customer[i], p.seed[s]);
    }
    planted_free(&p);
    clade_lookalike_free(list);
}

static void seeds_drawn_by_chance_promise_nothing(void **state)
{
    (void)state;
    planted          p    = plant(0.9);
    clade_lookalike *list = NULL;
    clade_rng        rng  = clade_rng_stream(31, "test/chance", 0);
    for (size_t s = 0; s < N_SEEDS; s++)
        p.seed[s] = p.shop.features.customer[clade_rng_below(&rng, N)];
    check_ok(clade_lookalike_find(&list, &p.shop.features, p.seed, N_SEEDS, WANTED, 5, NULL));
    assert_true(list->point[list->n_points - 1].lift < 2);
    planted_free(&p);
    clade_lookalike_free(list);
}

static void threads_and_order_of_seeds_do_not_matter(void **state)
{
    (void)state;
    planted          p   = plant(0.8);
    clade_lookalike *one = NULL, *many = NULL;
    clade_threads_set(1);
    check_ok(clade_lookalike_find(&one, &p.shop.features, p.seed, N_SEEDS, WANTED, 6, NULL));
    for (size_t s = 0; s < N_SEEDS / 2; s++) {
        const int64_t swap      = p.seed[s];
        p.seed[s]               = p.seed[N_SEEDS - 1 - s];
        p.seed[N_SEEDS - 1 - s] = swap;
    }
    clade_threads_set(4);
    check_ok(clade_lookalike_find(&many, &p.shop.features, p.seed, N_SEEDS, WANTED, 6, NULL));
    clade_threads_set(0);
    assert_memory_equal(one->customer, many->customer, WANTED * sizeof(int64_t));
    assert_memory_equal(one->likeness, many->likeness, WANTED * sizeof(double));
    assert_memory_equal(one->point, many->point, sizeof one->point);
    planted_free(&p);
    clade_lookalike_free(one);
    clade_lookalike_free(many);
}

static void too_few_seeds_are_counted_in_the_message(void **state)
{
    (void)state;
    planted          p    = plant(0.8);
    clade_lookalike *list = NULL;
    clade_error      err  = { 0 };
    for (size_t s = 12; s < N_SEEDS; s++)
        p.seed[s] = s < 40 ? p.seed[0] : -5; /* repeats, strangers */
    assert_int_equal(
        clade_lookalike_find(&list, &p.shop.features, p.seed, N_SEEDS, WANTED, 6, &err),
        CLADE_ERR_NOT_READY);
    assert_non_null(
        strstr(err.message, "12 of the seeds are customers at this moment (40 are not)"));
    assert_null(list);
    assert_int_equal(clade_lookalike_find(&list, &p.shop.features, p.seed, N_SEEDS, 0, 6, &err),
                     CLADE_ERR_ARG);
    planted_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_kind_is_found_far_above_chance),
        cmocka_unit_test(the_curve_and_the_list_hold_their_laws),
        cmocka_unit_test(seeds_drawn_by_chance_promise_nothing),
        cmocka_unit_test(threads_and_order_of_seeds_do_not_matter),
        cmocka_unit_test(too_few_seeds_are_counted_in_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
