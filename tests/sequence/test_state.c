/* Event by event against the pass over whole histories, for every prefix of every customer. */
#include "small_log.h"

#include "clade/numeric.h"
#include "clade/text.h"

#include <stdlib.h>

enum { D = 32 };

typedef struct fixture {
    clade_sequences         *log;
    clade_behaviour         *model;
    clade_behaviour_serving *serving;
    clade_behaviour_state   *state;
} fixture;

static clade_behaviour_options options_of(clade_mixer first, clade_mixer second)
{
    clade_behaviour_options o = clade_behaviour_defaults();
    o.d = D, o.n_heads = 2, o.ff = 24, o.n_rates = 3, o.max_events = 24;
    o.mixer[0] = first;
    o.mixer[1] = second;
    return o;
}

static fixture open_fixture(const clade_behaviour_options *options, bool rich)
{
    fixture f = { .log = small_log(rich) };
    check_ok(clade_behaviour_create(&f.model, options, f.log, 5, NULL));
    const size_t n     = clade_behaviour_n_parameters(f.model);
    float *const theta = CLADE_NEW(float, n);
    clade_rng    rng   = clade_rng_stream(8, "test/theta", 0);
    memcpy(theta, clade_behaviour_parameters(f.model), n * sizeof *theta);
    for (size_t i = 0; i < n; i++) /* away from zeros and ones, which hide factors */
        theta[i] += (float)(0.15 * clade_rng_normal(&rng));
    clade_behaviour_set(f.model, theta);
    free(theta);
    check_ok(clade_behaviour_serving_create(&f.serving, f.model, NULL));
    check_ok(clade_behaviour_state_create(&f.state, f.model, NULL));
    return f;
}

static void close_fixture(fixture *f)
{
    clade_behaviour_state_free(f->state);
    clade_behaviour_serving_free(f->serving);
    clade_behaviour_free(f->model);
    clade_sequences_free(f->log);
}

/* Back to a customer who has done nothing. */
static void restart(fixture *f)
{
    clade_behaviour_state_free(f->state);
    check_ok(clade_behaviour_state_create(&f->state, f->model, NULL));
}

static clade_status step(float *vector, float *profile, fixture *f, uint64_t event,
                         clade_error *err)
{
    uint32_t field[CLADE_SEQUENCE_FIELDS_MAX] = { 0 };
    for (size_t a = 0; a < f->log->n_fields; a++)
        field[a] = f->log->field[a].value[event];
    const clade_behaviour_event one = { f->log->item[event], field,
                                        f->log->at_us == NULL ? 0 : f->log->at_us[event] };
    return clade_behaviour_state_step(vector, profile, f->state, f->serving, &one, err);
}

/* Every prefix of every customer that is no longer than max_events: the same bits. */
static void check_prefixes(const clade_behaviour_options *options, bool rich)
{
    fixture f = open_fixture(options, rich);
    for (uint32_t c = 0; c < f.log->n_customers; c++) {
        restart(&f);
        for (uint64_t e = f.log->start[c]; e < f.log->start[c + 1]; e++) {
            const clade_case one = { c, 1, e + 1, 0 };
            float            vector[D], profile[D], wanted[D], wanted_profile[D];
            check_ok(clade_behaviour_vectors(wanted, f.model, f.log, &one, 1, NULL));
            check_ok(clade_behaviour_profiles(wanted_profile, f.model, f.log, &one, 1, NULL));
            check_ok(step(vector, profile, &f, e, NULL));
            assert_memory_equal(vector, wanted, sizeof vector);
            assert_memory_equal(profile, wanted_profile, sizeof profile);
            assert_int_equal(clade_behaviour_state_events(f.state), e + 1 - f.log->start[c]);
        }
    }
    close_fixture(&f);
}

static void every_mixer_gives_the_bits_of_the_whole_history(void **state)
{
    (void)state;
    for (clade_mixer first = 0; first < CLADE_N_MIXER; first++) {
        for (clade_mixer second = 0; second < CLADE_N_MIXER; second++) {
            const clade_behaviour_options o = options_of(first, second);
            check_prefixes(&o, true);
        }
    }
}

static void order_alone_and_plain_products_give_the_bits_of_the_whole_history(void **state)
{
    (void)state;
    for (clade_mixer mixer = 0; mixer < CLADE_N_MIXER; mixer++) {
        clade_behaviour_options o = options_of(mixer, CLADE_MIXER_DECAY);
        o.temperature             = 0.0f;
        o.future_weight           = 0.5f;
        check_prefixes(&o, false);
    }
}

static void narrow_heads_and_no_feed_forward_give_the_bits_of_the_whole_history(void **state)
{
    (void)state;
    clade_behaviour_options o = options_of(CLADE_MIXER_ATTENTION, CLADE_MIXER_DECAY);
    o.n_heads                 = 4; /* of 8 channels: half a panel */
    o.ff                      = 0;
    check_prefixes(&o, true);
}

static void plain_kernels_give_the_bits_of_the_whole_history(void **state)
{
    (void)state;
    const clade_isa               isa = clade_isa_get();
    const clade_behaviour_options o   = options_of(CLADE_MIXER_ATTENTION, CLADE_MIXER_DECAY);
    clade_isa_set(CLADE_ISA_PLAIN);
    check_prefixes(&o, true);
    clade_isa_set(isa);
}

/* One block of attention sees the latest max_events alone, so it equals the recomputed one beyond
 * them, with sums in another order: 1e-5 of a vector of length 20. */
static void outer_gates_give_the_bits_of_the_whole_history(void **state)
{
    (void)state;
    clade_behaviour_options o = options_of(CLADE_MIXER_DECAY, CLADE_MIXER_ATTENTION);
    o.outer_gate = o.with_own = true;
    check_prefixes(&o, true);
}

static void one_state_answers_at_any_moment(void **state)
{
    (void)state;
    clade_behaviour_options o = options_of(CLADE_MIXER_DECAY, CLADE_MIXER_ATTENTION);
    o.with_moment             = true;
    check_prefixes(&o, true);
    fixture       f             = open_fixture(&o, true);
    const int64_t silence_us[3] = { 0, 90 * CLADE_US_PER_SECOND, 700 * CLADE_US_PER_DAY };
    for (uint64_t e = f.log->start[2]; e < f.log->start[3]; e++) {
        float profile[D];
        check_ok(step(NULL, profile, &f, e, NULL));
        for (size_t i = 0; i < 3; i++) {
            const clade_case one = { 2, 1, e + 1, f.log->at_us[e] + silence_us[i] };
            float            vector[D], later[D], wanted[D], wanted_later[D];
            check_ok(clade_behaviour_vectors(wanted, f.model, f.log, &one, 1, NULL));
            check_ok(clade_behaviour_profiles(wanted_later, f.model, f.log, &one, 1, NULL));
            clade_behaviour_at_moment(vector, later, f.model, profile, silence_us[i]);
            assert_memory_equal(vector, wanted, sizeof vector);
            assert_memory_equal(later, wanted_later, sizeof later);
            assert_true((i > 0) == (memcmp(later, profile, sizeof later) != 0));
        }
    }
    close_fixture(&f);
}

static void attention_keeps_the_latest_events(void **state)
{
    (void)state;
    for (clade_mixer mixer = CLADE_MIXER_ATTENTION; mixer <= CLADE_MIXER_POINTWISE; mixer++) {
        clade_behaviour_options o = options_of(mixer, mixer);
        o.n_blocks                = 1;
        o.max_events              = 5;
        fixture f                 = open_fixture(&o, true);
        for (uint64_t e = f.log->start[2]; e < f.log->start[3]; e++) {
            const clade_case one = { 2, 1, e + 1, 0 };
            float            vector[D], wanted[D];
            check_ok(clade_behaviour_vectors(wanted, f.model, f.log, &one, 1, NULL));
            check_ok(step(vector, NULL, &f, e, NULL));
            for (size_t j = 0; j < D; j++)
                check_close((double)vector[j], (double)wanted[j], 2e-4);
        }
        close_fixture(&f);
    }
}

/* Two histories that differ in their first event alone, which lies beyond the latest 5. */
static void decays_remember_what_recomputing_has_forgotten(void **state)
{
    (void)state;
    clade_behaviour_options o = options_of(CLADE_MIXER_DECAY, CLADE_MIXER_DECAY);
    o.max_events              = 5;
    fixture          f        = open_fixture(&o, false);
    const uint64_t   first    = f.log->start[2];
    const clade_case one      = { 2, 1, first + 12, 0 };
    float            vector[2][D], recomputed[2][D];
    for (size_t i = 0; i < 2; i++) {
        restart(&f);
        f.log->item[first] = i == 0 ? 3 : 29;
        for (uint64_t e = first; e < one.end; e++)
            check_ok(step(vector[i], NULL, &f, e, NULL));
        check_ok(clade_behaviour_vectors(recomputed[i], f.model, f.log, &one, 1, NULL));
    }
    assert_memory_equal(recomputed[0], recomputed[1], sizeof recomputed[0]);
    assert_memory_not_equal(vector[0], vector[1], sizeof vector[0]);
    close_fixture(&f);
}

static void a_saved_state_goes_on_as_if_nothing_had_happened(void **state)
{
    (void)state;
    for (clade_mixer mixer = 0; mixer < CLADE_N_MIXER; mixer++) {
        clade_behaviour_options o = options_of(mixer, CLADE_MIXER_ATTENTION);
        o.max_events              = 9; /* so that slots are used twice */
        fixture        f          = open_fixture(&o, true);
        const uint64_t first = f.log->start[2], end = f.log->start[3];
        for (uint64_t e = first; e < end; e++) {
            clade_behaviour_state *other = NULL;
            const size_t           size  = clade_behaviour_state_saved_bytes(f.state, f.serving);
            uint8_t               *bytes = malloc(size);
            float                  vector[D], wanted[D];
            clade_behaviour_state_save(bytes, f.state, f.serving);
            check_ok(clade_behaviour_state_create(&other, f.model, NULL));
            check_ok(clade_behaviour_state_restore(other, f.serving, bytes, size, NULL));
            assert_int_equal(clade_behaviour_state_events(other), e - first);
            check_ok(step(wanted, NULL, &f, e, NULL));
            clade_behaviour_state_free(f.state);
            f.state = other; /* from here on with the restored one, and again the next time */
            check_ok(step(vector, NULL, &f, e, NULL));
            assert_memory_equal(vector, wanted, sizeof vector);
            free(bytes);
        }
        close_fixture(&f);
    }
}

/* With a checksum that is right again, as somebody who means harm would write it. */
static void seal(uint8_t *bytes, size_t size)
{
    const uint64_t hash = clade_hash64(bytes, size - 8, 0x6576617473656463u);
    memcpy(bytes + size - 8, &hash, 8);
}

static void changed_bytes_are_refused(void **state)
{
    (void)state;
    const clade_behaviour_options o = options_of(CLADE_MIXER_ATTENTION, CLADE_MIXER_DECAY);
    fixture                       f = open_fixture(&o, true);
    for (uint64_t e = 0; e < 5; e++)
        check_ok(step(NULL, NULL, &f, e, NULL));
    const size_t size  = clade_behaviour_state_saved_bytes(f.state, f.serving);
    uint8_t     *bytes = malloc(size), *bad = malloc(size + 8), *after = malloc(size);
    clade_error  err = { 0 };
    clade_behaviour_state_save(bytes, f.state, f.serving);
    for (size_t i = 0; i < size; i++) { /* any single bit */
        memcpy(bad, bytes, size);
        bad[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_not_equal(clade_behaviour_state_restore(f.state, f.serving, bad, size, &err),
                             CLADE_OK);
        assert_true(err.message[0] != '\0');
    }
    for (size_t cut = 0; cut < size; cut += cut < 60 ? 1 : 37) {
        uint8_t *const exact = malloc(cut + 1); /* of its own, so that a reader beyond it is seen */
        memcpy(exact, bytes, cut);
        if (cut >= 48) seal(exact, cut);
        assert_int_equal(clade_behaviour_state_restore(f.state, f.serving, exact, cut, &err),
                         CLADE_ERR_DATA);
        free(exact);
    }
    const struct { /* words of the head, and what is behind it, with a right checksum */
        size_t       at;
        uint64_t     value;
        clade_status wanted;
    } words[] = {
        { 0, 0x6364657374617665u, CLADE_ERR_DATA }, /* the other byte order */
        { 8, 2, CLADE_ERR_VERSION },
        { 16, 12345, CLADE_ERR_DATA }, /* another model */
        { 24, 4, CLADE_ERR_DATA },     /* fewer events than it holds */
        { 24, UINT64_MAX, CLADE_ERR_DATA },
        { 32, (uint64_t)INT64_MAX, CLADE_ERR_DATA },        /* the last moment */
        { 40, (uint64_t)INT64_MAX, CLADE_ERR_DATA },        /* a time that does not rise */
        { size - 16, 0x7FC000007FC00000u, CLADE_ERR_DATA }, /* NAN */
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        memcpy(bad, bytes, size);
        memcpy(bad + words[i].at, &words[i].value, 8);
        seal(bad, size);
        assert_int_equal(clade_behaviour_state_restore(f.state, f.serving, bad, size, &err),
                         words[i].wanted);
    }
    clade_behaviour_state_save(after, f.state, f.serving); /* and it is as it was */
    assert_memory_equal(after, bytes, size);
    free(bytes);
    free(bad);
    free(after);
    close_fixture(&f);
}

static void a_state_of_other_weights_is_refused(void **state)
{
    (void)state;
    const clade_behaviour_options o = options_of(CLADE_MIXER_DECAY, CLADE_MIXER_DECAY);
    fixture                       f = open_fixture(&o, true), g = open_fixture(&o, true);
    float                         theta[1 << 15];
    const size_t                  n     = clade_behaviour_n_parameters(g.model);
    const size_t                  size  = clade_behaviour_state_saved_bytes(f.state, f.serving);
    uint8_t                      *bytes = malloc(size);
    clade_behaviour_state_save(bytes, f.state, f.serving);
    check_ok(clade_behaviour_state_restore(g.state, g.serving, bytes, size, NULL));
    assert_true(n <= sizeof theta / sizeof theta[0]);
    memcpy(theta, clade_behaviour_parameters(g.model), n * sizeof *theta);
    theta[n / 2] += 0.001f;
    clade_behaviour_set(g.model, theta);
    clade_behaviour_serving_free(g.serving);
    check_ok(clade_behaviour_serving_create(&g.serving, g.model, NULL));
    assert_int_equal(clade_behaviour_state_restore(g.state, g.serving, bytes, size, NULL),
                     CLADE_ERR_DATA);
    free(bytes);
    close_fixture(&f);
    close_fixture(&g);
}

static void an_event_that_cannot_be_changes_nothing(void **state)
{
    (void)state;
    const clade_behaviour_options o         = options_of(CLADE_MIXER_ATTENTION, CLADE_MIXER_DECAY);
    fixture                       f         = open_fixture(&o, true);
    clade_error                   err       = { 0 };
    float                         vector[D] = { 2.385f };
    const uint32_t                kind = 3, no_kind = 5;
    const int64_t                 at_us = INT64_C(1600000000000000);
    const clade_behaviour_event   good  = { 7, &kind, at_us };
    check_ok(clade_behaviour_state_step(NULL, NULL, f.state, f.serving, &good, &err));
    const struct {
        clade_behaviour_event event;
        clade_status          wanted;
        const char           *words;
    } bad[] = {
        { { 38, &kind, at_us }, CLADE_ERR_ARG, "item 38" },
        { { 7, &no_kind, at_us }, CLADE_ERR_ARG, "kind 5" },
        { { 7, &kind, at_us - 1 }, CLADE_ERR_DATA, "before" },
        { { 7, &kind, INT64_MAX }, CLADE_ERR_DATA, "within" },
        { { 7, &kind, INT64_MIN }, CLADE_ERR_DATA, "within" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            clade_behaviour_state_step(vector, NULL, f.state, f.serving, &bad[i].event, &err),
            bad[i].wanted);
        assert_non_null(strstr(err.message, bad[i].words));
        assert_int_equal(clade_behaviour_state_events(f.state), 1);
        check_close((double)vector[0], (double)2.385f, 0.0);
    }
    close_fixture(&f);
}

/* d 64 and 8 rates: 2 KiB a block. */
static void decays_keep_a_few_kilobytes(void **state)
{
    (void)state;
    clade_behaviour_options o     = clade_behaviour_defaults();
    clade_behaviour        *model = NULL;
    clade_sequences        *log   = small_log(true);
    o.mixer[0] = o.mixer[1] = CLADE_MIXER_DECAY;
    check_ok(clade_behaviour_create(&model, &o, log, 1, NULL));
    assert_in_range(clade_behaviour_state_bytes(model), 2 * 2048, 2 * 2048 + 512);
    clade_behaviour_free(model);
    clade_sequences_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mixer_gives_the_bits_of_the_whole_history),
        cmocka_unit_test(order_alone_and_plain_products_give_the_bits_of_the_whole_history),
        cmocka_unit_test(narrow_heads_and_no_feed_forward_give_the_bits_of_the_whole_history),
        cmocka_unit_test(plain_kernels_give_the_bits_of_the_whole_history),
        cmocka_unit_test(outer_gates_give_the_bits_of_the_whole_history),
        cmocka_unit_test(one_state_answers_at_any_moment),
        cmocka_unit_test(attention_keeps_the_latest_events),
        cmocka_unit_test(decays_remember_what_recomputing_has_forgotten),
        cmocka_unit_test(a_saved_state_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(changed_bytes_are_refused),
        cmocka_unit_test(a_state_of_other_weights_is_refused),
        cmocka_unit_test(an_event_that_cannot_be_changes_nothing),
        cmocka_unit_test(decays_keep_a_few_kilobytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
