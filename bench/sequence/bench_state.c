/* What does one more event of a customer cost, from the event to the customer's new vector? On one
 * thread, for customers who have 200 events already: keys and values of attention are all there. */
#include "bench.h"

#include "clade/behaviour.h"

#include <stdlib.h>

enum { N_ITEMS = 3706, N_EVENTS = 200, UPDATES = 200 };

typedef struct subject {
    const char              *name;
    uint32_t                 d, n_blocks;
    clade_mixer              mixer;
    clade_behaviour         *model;
    clade_behaviour_serving *serving;
    clade_behaviour_state   *state;
    int64_t                  now_us;
    uint32_t                 item;
    float                    vector[128];
} subject;

static void next_event(subject *s)
{
    s->item = (s->item * 48271u + 11u) % N_ITEMS;
    s->now_us += INT64_C(60000000) * (1 + s->item % 5000);
    const clade_behaviour_event event = { s->item + 1, NULL, s->now_us };
    bench_ok(clade_behaviour_state_step(s->vector, NULL, s->state, s->serving, &event, NULL));
}

static void update(void *context)
{
    subject *const s = context;
    for (size_t i = 0; i < UPDATES; i++)
        next_event(s);
    bench_keep(s->vector);
}

static void open_subject(subject *s, const clade_sequences *log)
{
    clade_behaviour_options options = clade_behaviour_defaults();
    options.d                       = s->d;
    options.ff                      = 2 * s->d;
    options.n_heads                 = s->d / 32;
    options.n_blocks                = s->n_blocks;
    options.max_events              = N_EVENTS;
    for (size_t b = 0; b < s->n_blocks; b++)
        options.mixer[b] = s->mixer;
    bench_ok(clade_behaviour_create(&s->model, &options, log, 1, NULL));
    bench_ok(clade_behaviour_serving_create(&s->serving, s->model, NULL));
    bench_ok(clade_behaviour_state_create(&s->state, s->model, NULL));
    s->now_us = INT64_C(1600000000000000);
    for (size_t i = 0; i < N_EVENTS; i++)
        next_event(s);
}

int main(int argc, char **argv)
{
    static subject subjects[] = {
        { .name = "d 64, 2 decay", .d = 64, .n_blocks = 2, .mixer = CLADE_MIXER_DECAY },
        { .name = "d 64, 2 attention", .d = 64, .n_blocks = 2, .mixer = CLADE_MIXER_ATTENTION },
        { .name = "d 128, 4 decay", .d = 128, .n_blocks = 4, .mixer = CLADE_MIXER_DECAY },
        { .name = "d 128, 4 attention", .d = 128, .n_blocks = 4, .mixer = CLADE_MIXER_ATTENTION },
    };
    enum { N = sizeof subjects / sizeof subjects[0] };
    struct bench_case cases[N];
    clade_sequences  *log = NULL;
    bench_ok(clade_sequences_create(&log, 0, 0, N_ITEMS, true, NULL));
    for (size_t i = 0; i < N; i++) {
        open_subject(&subjects[i], log);
        cases[i] =
            (struct bench_case){ subjects[i].name, update, &subjects[i], UPDATES, "updates" };
    }
    const int status = bench_main(argc, argv, cases, N);
    for (size_t i = 0; i < N; i++) {
        clade_behaviour_state_free(subjects[i].state);
        clade_behaviour_serving_free(subjects[i].serving);
        clade_behaviour_free(subjects[i].model);
    }
    clade_sequences_free(log);
    return status;
}
