/* Learning: it finds what was planted, it does not depend on threads, it does not look ahead; and a
 * model's file gives the same model back. */
#include "small_log.h"

#include <stdlib.h>
#include <unistd.h>

/* 150 customers who walk round circles of 7 items, 3 circles, from a random place on. */
static clade_sequences *circles(void)
{
    enum { CUSTOMERS = 150, EVENTS = 20 };
    clade_sequences *s   = NULL;
    clade_rng        rng = clade_rng_stream(3, "test/circles", 0);
    check_ok(clade_sequences_create(&s, CUSTOMERS, CUSTOMERS * EVENTS, 21, false, NULL));
    for (size_t c = 0; c < CUSTOMERS; c++) {
        const uint32_t circle = (uint32_t)clade_rng_below(&rng, 3);
        uint32_t       place  = (uint32_t)clade_rng_below(&rng, 7);
        s->start[c + 1]       = (c + 1) * EVENTS;
        for (size_t e = 0; e < EVENTS; e++, place = (place + 1) % 7)
            s->item[c * EVENTS + e] = 1 + circle * 7 + place;
    }
    return s;
}

static clade_behaviour_options small(clade_mixer mixer)
{
    clade_behaviour_options o = clade_behaviour_defaults();
    o.d = 32, o.ff = 32, o.n_rates = 4, o.max_events = 32, o.dropout = 0.1f, o.dropout_in = 0.1f;
    o.mixer[0] = o.mixer[1] = mixer;
    return o;
}

/* Steps over windows of whole customers in order; the last. */
static clade_learner_step learn_steps(clade_behaviour *model, const clade_sequences *s,
                                      size_t n_steps, size_t n_negatives, int n_threads)
{
    clade_learner_options options = clade_learner_defaults();
    clade_learner        *learner = NULL;
    clade_learner_step    step    = { 0 };
    clade_window *const   window  = CLADE_NEW(clade_window, s->n_customers);
    options.n_shards = 3, options.shard_tokens = 64, options.rate = 1e-2, options.seed = 4;
    options.n_negatives = n_negatives;
    for (size_t c = 0; c < s->n_customers; c++)
        window[c] = (clade_window){ (uint32_t)c, s->start[c], s->start[c + 1] };
    clade_threads_set(n_threads);
    check_ok(clade_learner_create(&learner, model, &options, NULL));
    for (size_t i = 0, at = 0; i < n_steps; i++) {
        check_ok(
            clade_learner_take(&step, learner, s, window + at, s->n_customers - at, 1.0, NULL));
        assert_true(step.n_windows > 0);
        at = at + step.n_windows < s->n_customers ? at + step.n_windows : 0;
    }
    clade_threads_set(0);
    clade_learner_free(learner);
    clade_behaviour_set(model, clade_behaviour_parameters(model));
    free(window);
    return step;
}

static double learn(clade_behaviour *model, const clade_sequences *s, size_t n_steps,
                    size_t n_negatives, int n_threads)
{
    return learn_steps(model, s, n_steps, n_negatives, n_threads).loss;
}

static double share_of_hits(const clade_behaviour *model, const clade_sequences *s)
{
    const clade_scorer scorer = clade_behaviour_scorer(model);
    size_t             hits   = 0;
    float              score[22];
    for (size_t c = 0; c < s->n_customers; c++) {
        const uint64_t   end  = s->start[c + 1] - 1;
        const clade_case one  = { (uint32_t)c, s->item[end], end, 0 };
        size_t           best = 1;
        check_ok(scorer.score(scorer.self, score, s, &one, 1, NULL));
        for (size_t i = 2; i <= 21; i++)
            best = score[i] > score[best] ? i : best;
        hits += best == one.target;
    }
    return (double)hits / (double)s->n_customers;
}

static void every_mixer_learns_to_walk_in_circles(void **state)
{
    (void)state;
    clade_sequences *s = circles();
    for (clade_mixer mixer = 0; mixer < CLADE_N_MIXER; mixer++) {
        const clade_behaviour_options options = small(mixer);
        clade_behaviour              *model   = NULL;
        check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
        const double loss = learn(model, s, 120, 0, 2);
        /* The first step of a walk is a guess among 7; the other 18 of 19 are certain. */
        if (!(loss < 0.15)) print_error("%s: loss %g\n", clade_mixer_name(mixer), loss);
        assert_true(loss < 0.15);
        assert_true(share_of_hits(model, s) > 0.99);
        clade_behaviour_free(model);
    }
    clade_sequences_free(s);
}

static void a_few_drawn_items_teach_it_too(void **state)
{
    (void)state;
    clade_sequences              *s       = circles();
    const clade_behaviour_options options = small(CLADE_MIXER_DECAY);
    clade_behaviour              *model   = NULL;
    check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
    (void)learn(model, s, 200, 6, 2);
    assert_true(share_of_hits(model, s) > 0.99);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* Rows of the item table whose gradient is not zero: handed on as the sum over ranks would see it.
 */
static clade_status count_rows(void *context, float *gradient, size_t n, double *loss,
                               clade_error *err)
{
    enum { ITEMS = 400, D = 16 };
    size_t *const most = context, rows = 0;
    (void)n;
    (void)loss;
    (void)err;
    for (size_t i = 0; i <= ITEMS; i++) {
        bool any = false;
        for (size_t j = 0; j < D; j++)
            any = any || gradient[i * D + j] != 0.0f;
        rows += any;
    }
    *most = rows > *most ? rows : *most;
    return CLADE_OK;
}

/* 40 customers, each in ten items of its own: what one step touches, the next does not. */
static void a_step_leaves_no_gradient_behind_for_the_next(void **state)
{
    (void)state;
    clade_sequences        *s       = NULL;
    clade_behaviour        *model   = NULL;
    clade_learner          *learner = NULL;
    clade_learner_step      step;
    size_t                  most = 0;
    clade_behaviour_options o    = small(CLADE_MIXER_DECAY);
    clade_learner_options   l    = clade_learner_defaults();
    o.d = 16, o.n_heads = 1, o.max_events = 12;
    o.future_weight = 0.5f; /* both objectives name candidates */
    o.future_days   = 3.0f;
    l.n_shards = 1, l.shard_tokens = 16, l.n_negatives = 4;
    l.all_reduce = count_rows, l.all_reduce_context = &most;
    check_ok(clade_sequences_create(&s, 40, 400, 400, false, NULL));
    for (size_t c = 0; c < 40; c++) {
        s->start[c + 1] = (c + 1) * 10;
        for (size_t e = 0; e < 10; e++)
            s->item[c * 10 + e] = (uint32_t)(c * 10 + e + 1);
    }
    check_ok(clade_behaviour_create(&model, &o, s, 3, NULL));
    check_ok(clade_learner_create(&learner, model, &l, NULL));
    for (size_t c = 0; c < 40; c++) {
        const clade_window window = { (uint32_t)c, c * 10, c * 10 + 10 };
        check_ok(clade_learner_take(&step, learner, s, &window, 1, 1.0, NULL));
        assert_int_equal(step.n_targets, 9);
    }
    assert_in_range(most, 10, 10 + 4); /* its own ten, and what was drawn */
    clade_learner_free(learner);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* With every objective there is in the second pass. */
static void check_threads(bool all, size_t n_negatives)
{
    clade_sequences        *s       = small_log(true);
    clade_behaviour_options options = small(CLADE_MIXER_ATTENTION);
    clade_behaviour        *model[2];
    options.mixer[1] = CLADE_MIXER_DECAY;
    if (all) {
        options.future_weight = 0.5f, options.contrast_weight = 0.5f, options.return_weight = 0.5f;
        options.with_moment = true, options.with_own = true;
    }
    for (int i = 0; i < 2; i++) {
        check_ok(clade_behaviour_create(&model[i], &options, s, 9, NULL));
        (void)learn(model[i], s, 6, n_negatives, i == 0 ? 1 : 3);
    }
    assert_memory_equal(clade_behaviour_parameters(model[0]), clade_behaviour_parameters(model[1]),
                        clade_behaviour_n_parameters(model[0]) * sizeof(float));
    clade_behaviour_free(model[0]);
    clade_behaviour_free(model[1]);
    clade_sequences_free(s);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    check_threads(false, 0);
    check_threads(true, 0);
    check_threads(true, 4);
}

/* What one rank hands on of a step's gradient and loss. The step ends there. */
typedef struct handed {
    float *gradient;
    double loss;
    size_t n_calls;
} handed;

static clade_status hand_on(void *context, float *gradient, size_t n, double *loss,
                            clade_error *err)
{
    handed *const h = context;
    for (size_t i = 0; i < n; i++)
        h->gradient[i] += gradient[i];
    h->loss += *loss;
    h->n_calls++;
    return clade_fail(err, CLADE_ERR_INTERRUPTED, "seen");
}

/* Two shards in one process, and one in each of two: the same up to the order of sums. */
static void check_ranks(size_t n_negatives)
{
    clade_sequences        *s       = small_log(true);
    clade_behaviour_options options = small(CLADE_MIXER_DECAY);
    clade_behaviour        *model   = NULL;
    handed                  got[2]  = { 0 };
    clade_window            window[7];
    double                  square = 0.0, away = 0.0;
    options.future_weight = 0.5f, options.contrast_weight = 1.5f, options.return_weight = 0.5f;
    options.with_moment = true, options.with_own = true;
    check_ok(clade_behaviour_create(&model, &options, s, 9, NULL));
    const size_t n = clade_behaviour_n_parameters(model);
    for (size_t c = 0; c < 7; c++)
        window[c] = (clade_window){ (uint32_t)c, s->start[c], s->start[c + 1] };
    for (size_t run = 0; run < 3; run++) {
        clade_learner_options o       = clade_learner_defaults();
        clade_learner        *learner = NULL;
        clade_learner_step    step;
        handed *const         h = &got[run > 0];
        o.n_shards = 2, o.shard_tokens = 64, o.n_negatives = n_negatives;
        o.n_ranks = run == 0 ? 1 : 2, o.rank = run == 2;
        o.all_reduce = hand_on, o.all_reduce_context = h;
        if (h->gradient == NULL) h->gradient = CLADE_NEW(float, n);
        check_ok(clade_learner_create(&learner, model, &o, NULL));
        assert_int_equal(clade_learner_take(&step, learner, s, window, 7, 1.0, NULL),
                         CLADE_ERR_INTERRUPTED);
        clade_learner_free(learner);
    }
    assert_int_equal(got[1].n_calls, 2);
    check_close(got[1].loss, got[0].loss, 1e-9);
    for (size_t i = 0; i < n; i++) {
        square += pow((double)got[0].gradient[i], 2.0);
        away += pow((double)got[0].gradient[i] - (double)got[1].gradient[i], 2.0);
    }
    assert_true(square > 0.0 && sqrt(away / square) < 1e-5); /* roundings of float */
    free(got[0].gradient);
    free(got[1].gradient);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

static void ranks_add_up_to_the_gradient_of_one(void **state)
{
    (void)state;
    check_ranks(0);
    check_ranks(4);
}

/* Two customers with ten items each, all different, of 400. */
static clade_sequences *ten_each(void)
{
    clade_sequences *s = NULL;
    check_ok(clade_sequences_create(&s, 2, 20, 400, false, NULL));
    for (size_t e = 0; e < 20; e++)
        s->item[e] = (uint32_t)(e * 19 + 1);
    s->start[1] = 10, s->start[2] = 20;
    return s;
}

/* With few candidates a step changes the rows that it names; those of windows ahead are named too.
 */
static void rows_of_the_window_ahead_move(void **state)
{
    (void)state;
    clade_sequences        *s         = ten_each();
    clade_behaviour_options options   = small(CLADE_MIXER_DECAY);
    clade_behaviour        *model     = NULL;
    clade_learner          *learner   = NULL;
    clade_learner_options   o         = clade_learner_defaults();
    const clade_window      window[2] = { { 0, 0, 5 }, { 1, 10, 15 } };
    clade_learner_step      step;
    float                   before[2][32];
    o.n_shards = 1, o.n_negatives = 1;
    options.future_days = 3.0f, options.contrast_weight = 1.0f;
    check_ok(clade_behaviour_create(&model, &options, s, 3, NULL));
    check_ok(clade_learner_create(&learner, model, &o, NULL));
    const float *const item = clade_behaviour_parameters(model);
    memcpy(before[0], item + (size_t)s->item[6] * 32, sizeof before[0]);
    memcpy(before[1], item + (size_t)s->item[8] * 32, sizeof before[1]);
    for (size_t i = 0; i < 12; i++)
        check_ok(clade_learner_take(&step, learner, s, window, 2, 1.0, NULL));
    assert_memory_not_equal(before[0], item + (size_t)s->item[6] * 32, sizeof before[0]);
    assert_memory_equal(before[1], item + (size_t)s->item[8] * 32, sizeof before[1]);
    clade_learner_free(learner);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* One step on the first five events of two customers with ten items each: the row of event 6 of the
 * first, a window ahead, in the gradient of twice the weight less that of once; and of event 8. */
static void contrast_ahead(double *ahead, double *beyond, clade_sequences *s, size_t n_negatives,
                           uint64_t seed)
{
    clade_behaviour_options options   = small(CLADE_MIXER_DECAY);
    const clade_window      window[2] = { { 0, 0, 5 }, { 1, 10, 15 } };
    handed                  got[2]    = { 0 };
    options.future_days               = 3.0f;
    for (size_t twice = 0; twice < 2; twice++) {
        clade_learner_options o       = clade_learner_defaults();
        clade_behaviour      *model   = NULL;
        clade_learner        *learner = NULL;
        clade_learner_step    step;
        options.contrast_weight = twice ? 2.0f : 1.0f;
        check_ok(clade_behaviour_create(&model, &options, s, 3, NULL));
        got[twice].gradient = CLADE_NEW(float, clade_behaviour_n_parameters(model));
        o.seed = seed, o.n_shards = 1, o.n_negatives = n_negatives;
        o.all_reduce = hand_on, o.all_reduce_context = &got[twice];
        check_ok(clade_learner_create(&learner, model, &o, NULL));
        assert_int_equal(clade_learner_take(&step, learner, s, window, 2, 1.0, NULL),
                         CLADE_ERR_INTERRUPTED);
        clade_learner_free(learner);
        clade_behaviour_free(model);
    }
    for (size_t j = 0; j < 32; j++) {
        const size_t at = (size_t)s->item[6] * 32 + j, far = (size_t)s->item[8] * 32 + j;
        *ahead += fabs((double)got[1].gradient[at] - (double)got[0].gradient[at]);
        *beyond += fabs((double)got[1].gradient[far] - (double)got[0].gradient[far]);
    }
    free(got[0].gradient);
    free(got[1].gradient);
}

static void items_of_the_window_ahead_are_learnt_from(void **state)
{
    (void)state;
    clade_sequences *s = ten_each();
    for (size_t n_negatives = 0; n_negatives < 2; n_negatives++) {
        double ahead = 0.0, beyond = 0.0;
        for (uint64_t seed = 0; seed < 12; seed++) /* one cut in four is just before the end */
            contrast_ahead(&ahead, &beyond, s, n_negatives, seed);
        assert_true(ahead > 1e-3);
        assert_true(beyond == 0.0);
    }
    clade_sequences_free(s);
}

/* Three events ahead, a place on a circle says all. An untaught model does as well as chance among
 * the windows of other customers: at least 12 cuts of 7 customers here. */
static void a_past_finds_its_own_future(void **state)
{
    (void)state;
    clade_sequences        *s       = circles();
    clade_behaviour_options options = small(CLADE_MIXER_DECAY);
    clade_behaviour        *model   = NULL;
    options.future_days = 3.0f, options.contrast_weight = 1.0f;
    for (size_t few = 0; few < 2; few++) {
        check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
        const clade_learner_step before = learn_steps(model, s, 1, few * 6, 2);
        assert_true(before.n_cuts >= 12 && before.contrast_loss > log(6.0));
        const clade_learner_step after = learn_steps(model, s, 150, few * 6, 2);
        /* Others at the same place have the same window: of 21 places about one in nine cuts. */
        if (!(after.contrast_loss < 0.8)) print_error("%g\n", after.contrast_loss);
        assert_true(after.contrast_loss < 0.8);
        assert_true(share_of_hits(model, s) > 0.99); /* and nothing else is forgotten */
        clade_behaviour_free(model);
    }
    clade_sequences_free(s);
}

static void a_vector_depends_on_the_past_of_its_customer_alone(void **state)
{
    (void)state;
    clade_sequences        *s       = small_log(true);
    clade_behaviour_options options = small(CLADE_MIXER_ATTENTION);
    clade_behaviour        *model   = NULL;
    options.mixer[1]                = CLADE_MIXER_DECAY;
    check_ok(clade_behaviour_create(&model, &options, s, 9, NULL));
    const clade_case cases[3] = { { 0, 1, 3, 0 }, { 2, 1, 20, 0 }, { 4, 1, 40, 0 } };
    float            before[3 * 32], after[3 * 32], alone[32];
    check_ok(clade_behaviour_vectors(before, model, s, cases, 3, NULL));
    check_ok(clade_behaviour_vectors(alone, model, s, &cases[1], 1, NULL));
    assert_memory_equal(alone, before + 32, sizeof alone);
    for (uint64_t e = 20; e < 29; e++) { /* poison what customer 2 did later, and customer 3 */
        s->item[e]           = 37;
        s->at_us[e]          = INT64_MAX / 2;
        s->field[0].value[e] = 4;
    }
    s->item[29] = 36;
    check_ok(clade_behaviour_vectors(after, model, s, cases, 3, NULL));
    assert_memory_equal(before, after, sizeof before);
    s->item[19] = s->item[19] % 37 + 1; /* and the last thing it saw does matter */
    check_ok(clade_behaviour_vectors(after, model, s, cases, 3, NULL));
    assert_memory_not_equal(before + 32, after + 32, 32 * sizeof(float));
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

static void a_customer_of_whom_nothing_is_known_has_a_vector_of_zeros(void **state)
{
    (void)state;
    clade_sequences              *s       = small_log(false);
    const clade_behaviour_options options = small(CLADE_MIXER_ATTENTION);
    clade_behaviour              *model   = NULL;
    check_ok(clade_behaviour_create(&model, &options, s, 9, NULL));
    const clade_case cases[3] = { { 0, 1, 2, 0 }, { 1, 1, 5, 0 }, { 2, 1, 10, 0 } };
    float            out[3 * 32], known[32];
    check_ok(clade_behaviour_vectors(out, model, s, cases, 3, NULL));
    for (size_t j = 0; j < 32; j++)
        assert_true(out[32 + j] == 0.0f);
    check_ok(clade_behaviour_vectors(known, model, s, &cases[2], 1, NULL));
    assert_memory_equal(known, out + 64, sizeof known);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

static void a_file_gives_the_model_back(void **state)
{
    (void)state;
    char                    folder[256], path[300];
    clade_sequences        *s       = small_log(true);
    clade_behaviour_options options = small(CLADE_MIXER_POINTWISE);
    clade_behaviour        *model = NULL, *again = NULL;
    const char *const       notes[] = { "seed", "9", NULL };
    options.mixer[1]                = CLADE_MIXER_DECAY;
    options.with_moment = true, options.return_weight = 0.25f, options.future_weight = 0.5f;
    options.with_own = true, options.next_basket = true, options.contrast_weight = 0.25f,
    options.contrast_temperature = 0.5f;
    check_ok(clade_behaviour_create(&model, &options, s, 9, NULL));
    check_folder_make(folder, "behaviour");
    (void)snprintf(path, sizeof path, "%s/model.safetensors", folder);
    const clade_case one = { 2, 1, 25, 0 };
    float            wanted[32], got[32];
    check_ok(clade_behaviour_vectors(wanted, model, s, &one, 1, NULL));
    for (int precision = 0; precision < 3; precision++) {
        double dot = 0.0, norm = 0.0, norm_wanted = 0.0;
        check_ok(
            clade_behaviour_save(model, path, (clade_behaviour_precision)precision, notes, NULL));
        check_ok(clade_behaviour_load(&again, path, NULL));
        assert_memory_equal(clade_behaviour_options_of(again), clade_behaviour_options_of(model),
                            sizeof(clade_behaviour_options));
        check_ok(clade_behaviour_vectors(got, again, s, &one, 1, NULL));
        for (size_t j = 0; j < 32; j++) {
            dot += (double)got[j] * (double)wanted[j];
            norm += (double)got[j] * (double)got[j];
            norm_wanted += (double)wanted[j] * (double)wanted[j];
        }
        if (precision == 0) assert_memory_equal(wanted, got, sizeof got);
        assert_true(dot / sqrt(norm * norm_wanted) > 0.995); /* 8 bits of every weight */
        clade_behaviour_free(again);
    }
    check_folder_remove(folder);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* 120 customers who go back and forth between two items, any two of 40; the last 20 are not learnt
 * from. */
static clade_sequences *habits(void)
{
    enum { CUSTOMERS = 120, EVENTS = 16 };
    clade_sequences *s   = NULL;
    clade_rng        rng = clade_rng_stream(7, "test/habits", 0);
    check_ok(clade_sequences_create(&s, CUSTOMERS, CUSTOMERS * EVENTS, 40, false, NULL));
    for (size_t c = 0; c < CUSTOMERS; c++) {
        const uint32_t one = (uint32_t)(1 + clade_rng_below(&rng, 40));
        const uint32_t two = one % 40 + 1 + (uint32_t)clade_rng_below(&rng, 3) * 7;
        s->start[c + 1]    = (c + 1) * EVENTS;
        for (size_t e = 0; e < EVENTS; e++)
            s->item[c * EVENTS + e] = e % 2 == 0 ? one : (two - 1) % 40 + 1;
    }
    return s;
}

/* Which of three it is, no item tells: only that it was there two steps ago. */
static void a_habit_is_learnt_from_other_customers(void **state)
{
    (void)state;
    clade_sequences *s       = habits();
    size_t           hits[3] = { 0 };
    for (size_t way = 0; way < 3; way++) { /* without own items, with, and with few candidates */
        clade_behaviour_options options = small(CLADE_MIXER_DECAY);
        clade_behaviour        *model   = NULL;
        float                   score[41];
        options.with_own = way > 0;
        s->n_customers   = 100;
        check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
        (void)learn(model, s, 100, way == 2 ? 10 : 0, 2);
        s->n_customers            = 120;
        const clade_scorer scorer = clade_behaviour_scorer(model);
        for (uint32_t c = 100; c < 120; c++) {
            const clade_case one  = { c, s->item[c * 16 + 5], c * 16 + 5, 0 };
            uint32_t         best = 1;
            check_ok(scorer.score(scorer.self, score, s, &one, 1, NULL));
            for (uint32_t i = 2; i <= 40; i++)
                best = score[i] > score[best] ? i : best;
            hits[way] += best == one.target;
        }
        clade_behaviour_free(model);
    }
    assert_in_range(hits[1], 18, 20);
    assert_in_range(hits[2], 18, 20);
    assert_true(hits[1] > hits[0]);
    clade_sequences_free(s);
}

/* Three items of a history by hand: a latest and twice, no item, b, c first of all. */
static void own_items_are_counted_from_the_end(void **state)
{
    (void)state;
    clade_sequences        *s         = NULL;
    clade_behaviour_options options   = small(CLADE_MIXER_DECAY);
    clade_behaviour        *model     = NULL;
    const uint32_t          items[6]  = { 3, 1, 2, 0, 1, 5 };
    size_t                  n_tensors = 0;
    uint32_t                item[32];
    float                   added[32], vector[32];
    options.with_own = true;
    check_ok(clade_sequences_create(&s, 1, 6, 7, false, NULL));
    memcpy(s->item, items, sizeof items);
    s->start[1] = 6;
    check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
    const clade_behaviour_tensor *const tensor = clade_behaviour_tensors(model, &n_tensors);
    assert_string_equal(tensor[n_tensors - 1].name, "own");
    float *const theta = CLADE_NEW(float, clade_behaviour_n_parameters(model));
    memcpy(theta, clade_behaviour_parameters(model),
           clade_behaviour_n_parameters(model) * sizeof *theta);
    const size_t at = tensor[n_tensors - 1].offset;
    theta[at]       = 0.25f; /* nothing came since */
    theta[at + 1]   = 0.5f;  /* one item did */
    theta[at + 2]   = 0.75f;
    theta[at + 16]  = 2.0f; /* came once */
    theta[at + 17]  = 4.0f; /* twice */
    theta[at + 88]  = 3.0f; /* the customer's first channel */
    clade_behaviour_set(model, theta);
    const clade_case one = { 0, 5, 5, 0 };
    check_ok(clade_behaviour_vectors(vector, model, s, &one, 1, NULL));
    assert_int_equal(clade_behaviour_own(item, added, model, vector, s, &one), 3);
    const double gate = 3.0 * (double)vector[0];
    assert_int_equal(item[0], 1);
    check_close((double)added[0], 4.25 + gate, 1e-5); /* a few roundings of float */
    assert_int_equal(item[1], 2);
    check_close((double)added[1], 2.5 + gate, 1e-5);
    assert_int_equal(item[2], 3);
    check_close((double)added[2], 2.75 + gate, 1e-5);
    free(theta);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* 90 customers: item 1, and then either item 2 an hour later or item 3 in 30 days; a third of those
 * who came back after the hour do nothing more, for a year. */
static clade_sequences *waits(void)
{
    enum { CUSTOMERS = 90 };
    clade_sequences *s  = NULL;
    uint64_t         at = 0;
    check_ok(clade_sequences_create(&s, CUSTOMERS, 20 * CUSTOMERS, 3, true, NULL));
    clade_rng rng = clade_rng_stream(5, "test/waits", 0);
    for (size_t c = 0; c < CUSTOMERS; c++) {
        int64_t moment = (int64_t)clade_rng_below(&rng, 400) * CLADE_US_PER_DAY;
        for (size_t e = 0; e < 20 && (e < 2 || c % 3 > 0); e += 2) {
            const bool soon = e == 0 ? c % 3 == 0 : clade_rng_below(&rng, 2) == 0;
            s->item[at] = 1, s->at_us[at++] = moment;
            moment += soon ? CLADE_US_PER_HOUR : 30 * CLADE_US_PER_DAY;
            s->item[at] = soon ? 2 : 3, s->at_us[at++] = moment;
            moment += CLADE_US_PER_DAY;
        }
        s->start[c + 1] = at;
    }
    s->n_events = (size_t)at;
    check_ok(clade_sequences_add_until(s, NULL));
    for (size_t c = 0; c < CUSTOMERS; c++)
        s->until_us[c] = 1200 * CLADE_US_PER_DAY;
    return s;
}

/* Right behind item 1 an hour and a month are equally likely; after five days only one is left. */
static void a_silence_says_what_can_still_come(void **state)
{
    (void)state;
    clade_sequences        *s       = waits();
    clade_behaviour_options options = small(CLADE_MIXER_DECAY);
    clade_behaviour        *model   = NULL;
    float                   score[3 * 4];
    clade_case              cases[3] = { { 1, 3, s->start[1] + 1, 0 },
                                         { 1, 3, s->start[1] + 1, 0 },
                                         { 1, 3, s->start[1] + 1, 0 } };
    options.with_moment = true, options.return_weight = 0.3f, options.dropout_in = 0.0f;
    check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
    (void)learn(model, s, 300, 0, 2);
    cases[1].at_us            = s->at_us[s->start[1]] + 5 * CLADE_US_PER_DAY;
    cases[2].at_us            = s->at_us[s->start[1]] - 5; /* before the event: right behind it */
    const clade_scorer scorer = clade_behaviour_scorer(model);
    check_ok(scorer.score(scorer.self, score, s, cases, 3, NULL));
    assert_true(score[4 + 3] - score[4 + 2] > 2.0f);
    assert_true(fabsf(score[3] - score[2]) < 1.0f);
    assert_memory_equal(score, score + 8, 4 * sizeof *score);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* What was asked of the last event counts, with what is known of the time behind it. */
static void a_customer_who_is_gone_teaches_too(void **state)
{
    (void)state;
    clade_sequences        *s       = waits();
    clade_behaviour_options options = small(CLADE_MIXER_DECAY);
    clade_behaviour        *model   = NULL;
    clade_learner          *learner = NULL;
    clade_learner_step      step;
    clade_learner_options   how  = clade_learner_defaults();
    const clade_window      all  = { 0, s->start[0], s->start[1] };
    const clade_window      last = { 0, s->start[1] - 1, s->start[1] };
    size_t                  n    = 0;
    options.with_moment = true, options.return_weight = 0.3f;
    check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
    check_ok(clade_learner_create(&learner, model, &how, NULL));
    for (int i = 0; i < 40; i++) { /* a quarter of the questions come after a silence */
        check_ok(clade_learner_take(&step, learner, s, &all, 1, 1.0, NULL));
        assert_int_equal(step.n_tokens, 2);
        assert_int_equal(step.n_targets, 1);
        n += step.n_returns;
    }
    assert_in_range(n, 5, 40);
    s->until_us[0] = s->at_us[1]; /* nothing is known behind the last event */
    for (int i = 0; i < 40; i++) {
        check_ok(clade_learner_take(&step, learner, s, &all, 1, 1.0, NULL));
        assert_int_equal(step.n_returns, 0);
    }
    check_ok(clade_learner_take(&step, learner, s, &last, 1, 1.0, NULL));
    assert_int_equal(step.n_windows, 1);
    assert_int_equal(step.n_tokens, 1);
    clade_learner_free(learner);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

/* Baskets of three: 1, 2, 3 and 4, 5, 6 by turns, each in any order. */
static clade_sequences *turns(bool with_time)
{
    enum { CUSTOMERS = 60, BASKETS = 6 };
    clade_sequences *s   = NULL;
    clade_rng        rng = clade_rng_stream(2, "test/turns", 0);
    check_ok(clade_sequences_create(&s, CUSTOMERS, CUSTOMERS * BASKETS * 3, 6, with_time, NULL));
    if (!with_time) check_ok(clade_sequences_add_basket(s, NULL));
    for (size_t c = 0, e = 0; c < CUSTOMERS; c++) {
        for (size_t b = 0; b < BASKETS; b++) {
            const uint32_t first = (uint32_t)clade_rng_below(&rng, 3);
            for (uint32_t i = 0; i < 3; i++, e++) {
                s->item[e] = ((uint32_t)(c + b) % 2) * 3 + (first + i) % 3 + 1;
                if (with_time) s->at_us[e] = (int64_t)b * 5 * CLADE_US_PER_DAY;
                if (!with_time) s->basket[e] = (uint32_t)b;
            }
        }
        s->start[c + 1] = e;
    }
    return s;
}

/* After 1, 2 and one more of 4, 5, 6 (a basket begun): more of it, or the basket behind it? */
static void a_basket_is_asked_for_whole_or_for_the_one_behind_it(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) { /* baskets are moments, or numbered */
        const bool              next    = way % 2 == 1;
        clade_sequences        *s       = turns(way < 2);
        clade_behaviour_options options = small(CLADE_MIXER_DECAY);
        clade_behaviour        *model   = NULL;
        size_t                  same = 0, others = 0;
        float                   score[7];
        options.next_basket = next, options.with_moment = true;
        check_ok(clade_behaviour_create(&model, &options, s, 1, NULL));
        (void)learn(model, s, 120, 0, 2);
        const clade_scorer scorer = clade_behaviour_scorer(model);
        for (uint32_t c = 0; c < 60; c++) {
            const uint64_t   end  = s->start[c] + 4;
            const clade_case one  = { c, 1, end, 0 };
            uint32_t         best = 1;
            check_ok(scorer.score(scorer.self, score, s, &one, 1, NULL));
            for (uint32_t i = 2; i <= 6; i++)
                best = score[i] > score[best] ? i : best;
            if ((best - 1) / 3 == (s->item[end - 1] - 1) / 3) {
                same++;
            } else {
                others++;
            }
        }
        assert_int_equal(next ? others : same, 60);
        clade_behaviour_free(model);
        clade_sequences_free(s);
    }
}

static void an_outer_gate_comes_back_with_its_file(void **state)
{
    (void)state;
    char                    folder[256], path[300];
    clade_sequences        *s       = small_log(true);
    clade_behaviour_options options = small(CLADE_MIXER_DECAY);
    clade_behaviour        *model = NULL, *again = NULL;
    const clade_case        one = { 2, 1, 25, 0 };
    float                   wanted[32], got[32];
    options.outer_gate = true;
    check_ok(clade_behaviour_create(&model, &options, s, 9, NULL));
    check_folder_make(folder, "behaviour");
    (void)snprintf(path, sizeof path, "%s/model.safetensors", folder);
    check_ok(clade_behaviour_save(model, path, CLADE_BEHAVIOUR_FLOAT, NULL, NULL));
    check_ok(clade_behaviour_load(&again, path, NULL));
    assert_true(clade_behaviour_options_of(again)->outer_gate);
    check_ok(clade_behaviour_vectors(wanted, model, s, &one, 1, NULL));
    check_ok(clade_behaviour_vectors(got, again, s, &one, 1, NULL));
    assert_memory_equal(wanted, got, sizeof got);
    check_folder_remove(folder);
    clade_behaviour_free(again);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

static void a_model_refuses_a_log_of_another_shape(void **state)
{
    (void)state;
    clade_sequences              *rich = small_log(true), *poor = small_log(false);
    const clade_behaviour_options options = small(CLADE_MIXER_ATTENTION);
    clade_behaviour              *model   = NULL;
    clade_error                   err     = { 0 };
    const clade_case              one     = { 0, 1, 3, 0 };
    float                         out[32];
    check_ok(clade_behaviour_create(&model, &options, rich, 9, NULL));
    assert_int_equal(clade_behaviour_vectors(out, model, poor, &one, 1, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "37 items"));
    clade_behaviour_free(model);
    clade_sequences_free(rich);
    clade_sequences_free(poor);
}

static void options_out_of_range_are_named(void **state)
{
    (void)state;
    clade_sequences        *s       = small_log(false);
    clade_behaviour_options options = small(CLADE_MIXER_ATTENTION);
    clade_behaviour        *model   = NULL;
    clade_error             err     = { 0 };
    options.d                       = 40;
    assert_int_equal(clade_behaviour_create(&model, &options, s, 1, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "d 40"));
    options.d = 32, options.max_events = 1;
    assert_int_equal(clade_behaviour_create(&model, &options, s, 1, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "max_events is 1, wanted 2 to"));
    options.max_events = 32, options.contrast_temperature = 0.0f;
    assert_int_equal(clade_behaviour_create(&model, &options, s, 1, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "contrast_temperature is 0, wanted 0.001 to 10"));
    options.contrast_temperature = 0.1f, options.temperature = -0.5f;
    assert_int_equal(clade_behaviour_create(&model, &options, s, 1, &err), CLADE_ERR_ARG);
    assert_null(model);
    clade_sequences_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mixer_learns_to_walk_in_circles),
        cmocka_unit_test(a_few_drawn_items_teach_it_too),
        cmocka_unit_test(a_step_leaves_no_gradient_behind_for_the_next),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(ranks_add_up_to_the_gradient_of_one),
        cmocka_unit_test(rows_of_the_window_ahead_move),
        cmocka_unit_test(items_of_the_window_ahead_are_learnt_from),
        cmocka_unit_test(a_past_finds_its_own_future),
        cmocka_unit_test(a_vector_depends_on_the_past_of_its_customer_alone),
        cmocka_unit_test(a_customer_of_whom_nothing_is_known_has_a_vector_of_zeros),
        cmocka_unit_test(a_file_gives_the_model_back),
        cmocka_unit_test(a_habit_is_learnt_from_other_customers),
        cmocka_unit_test(own_items_are_counted_from_the_end),
        cmocka_unit_test(a_silence_says_what_can_still_come),
        cmocka_unit_test(a_customer_who_is_gone_teaches_too),
        cmocka_unit_test(a_basket_is_asked_for_whole_or_for_the_one_behind_it),
        cmocka_unit_test(an_outer_gate_comes_back_with_its_file),
        cmocka_unit_test(a_model_refuses_a_log_of_another_shape),
        cmocka_unit_test(options_out_of_range_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
