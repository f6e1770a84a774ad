/* The wheel against a plain list: whatever is set and called off, the same timers fire, in order.
 */
#include "check.h"

#include "clade/run.h"
#include "clade/timers.h"

#include <stdlib.h>

enum { MAX = 4000 };

typedef struct plain {
    clade_timer name[MAX];
    int64_t     due[MAX];
    bool        set[MAX];
    size_t      n, n_fired;
    int64_t     now, last, fired; /* of this advance and the one before it; fired so far */
} plain;

static void fired(void *context, int64_t due_us, uint64_t payload)
{
    plain *p = context;
    assert_true(p->set[payload]);
    assert_int_equal(p->due[payload], due_us);
    assert_true(due_us <= p->now);
    if (due_us < p->last) due_us = p->last; /* one that was due when it was set fires at once */
    assert_true(due_us >= p->fired);
    p->fired        = due_us;
    p->set[payload] = false;
    p->n_fired++;
}

/* Spans from a microsecond to a century. */
static int64_t some_span(clade_rng *rng)
{
    return (int64_t)(clade_rng_below(rng, UINT64_C(1) << (1 + clade_rng_below(rng, 51))));
}

static void the_wheel_fires_what_a_list_fires(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        clade_rng     rng    = clade_rng_stream(seed, "test/timers", 0);
        plain        *p      = CLADE_NEW(plain, 1);
        int64_t       now    = seed % 2 == 0 ? INT64_C(1767225600000000) : -INT64_C(86400000000);
        clade_timers *timers = clade_timers_create(now);
        assert_non_null(timers);
        p->now = now;
        for (size_t step = 0; step < 3000; step++) {
            const uint64_t what = clade_rng_below(&rng, 10);
            if (what < 5) {
                p->due[p->n] = now + some_span(&rng) - (int64_t)clade_rng_below(&rng, 3);
                p->set[p->n] = true;
                check_ok(clade_timers_add(&p->name[p->n], timers, p->due[p->n], p->n, NULL));
                p->n++;
            } else if (what < 7 && p->n > 0) {
                const size_t i = (size_t)clade_rng_below(&rng, p->n);
                assert_int_equal(clade_timers_cancel(timers, p->name[i]), p->set[i]);
                p->set[i] = false;
            } else {
                int64_t first = INT64_MAX;
                size_t  n_set = 0;
                for (size_t i = 0; i < p->n; i++) {
                    n_set += p->set[i];
                    if (p->set[i] && p->due[i] < first) first = p->due[i];
                }
                assert_int_equal(clade_timers_count(timers), n_set);
                assert_true(n_set == 0
                                ? clade_timers_next_us(timers) == INT64_MAX
                                : clade_timers_next_us(timers) <= (first > now ? first : now));
                now += some_span(&rng) / (1 + (int64_t)clade_rng_below(&rng, 1000));
                p->last = p->fired = p->now;
                p->now             = now;
                clade_timers_advance(timers, now, fired, p);
                for (size_t i = 0; i < p->n; i++)
                    assert_true(!p->set[i] || p->due[i] > now);
            }
        }
        assert_true(p->n_fired > 100);
        clade_timers_free(timers);
        free(p);
    }
}

typedef struct heard {
    int64_t       due[8];
    size_t        n;
    clade_timers *timers;
} heard;

static void hear(void *context, int64_t due_us, uint64_t payload)
{
    heard      *h = context;
    clade_timer again;
    h->due[h->n++] = due_us;
    if (payload == 1) check_ok(clade_timers_add(&again, h->timers, due_us + 5, 2, NULL));
}

static void timers_fire_in_time_order_and_may_set_others(void **state)
{
    (void)state;
    clade_timers *timers = clade_timers_create(1000);
    clade_timer   t;
    heard         h = { .timers = timers };
    check_ok(clade_timers_add(&t, timers, 90000000, 0, NULL));
    check_ok(clade_timers_add(&t, timers, 2000, 1, NULL));
    check_ok(clade_timers_add(&t, timers, 2004, 0, NULL));
    check_ok(clade_timers_add(&t, timers, 90000001, 0, NULL)); /* not due yet */
    clade_timers_advance(timers, 90000000, hear, &h);
    assert_int_equal(h.n, 4);
    assert_int_equal(h.due[0], 2000);
    assert_int_equal(h.due[1], 2004);
    assert_int_equal(h.due[2], 2005); /* set by the first */
    assert_int_equal(h.due[3], 90000000);
    assert_int_equal(clade_timers_count(timers), 1);
    clade_timers_free(timers);
}

static void a_name_is_good_for_one_timer_alone(void **state)
{
    (void)state;
    clade_timers *timers = clade_timers_create(0);
    clade_timer   first, second;
    check_ok(clade_timers_add(&first, timers, 10, 0, NULL));
    assert_true(clade_timers_cancel(timers, first));
    check_ok(clade_timers_add(&second, timers, 20, 0, NULL)); /* in the same place */
    assert_false(clade_timers_cancel(timers, first));
    assert_int_equal(clade_timers_count(timers), 1);
    assert_false(clade_timers_cancel(timers, 0));
    clade_timers_free(timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wheel_fires_what_a_list_fires),
        cmocka_unit_test(timers_fire_in_time_order_and_may_set_others),
        cmocka_unit_test(a_name_is_good_for_one_timer_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
