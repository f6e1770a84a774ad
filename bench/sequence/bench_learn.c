/*
 * How many real events does one step of learning take in a second (d 64, 2 blocks, full softmax
 * over 3,706 items), and what share of the multiply-add peak of one thread is that? Over histories
 * of 200 events, as long as MovieLens-1M's, and of about 9, as short as a shop's.
 *
 * Operations are those of matrix products alone, forward and back (one product's way back is two),
 * a multiply and an add each counting one. An event of a history of L events, block by block:
 *
 *     in             2 d width            width = 4 d for attention, 2 d + H K for decays
 *     out            2 d d
 *     feed-forward   2 d 2 F + 2 F d
 *     attention      q.k and a v over (L + 1) / 2 events before it: 2 * 2 d (L + 1) / 2; its way
 *                    back computes the scores again: 2 + 5 products where others have 1 + 2
 *     decays         4 d K forward, 12 d K back (no product, but what stands in for one)
 *     softmax        three products of 2 d n_items
 *
 * "peak" runs products whose operands stay in registers and the nearest cache; a share is what a
 * case's operations a second are to those of the peak. Read processor seconds where others work on
 * the machine.
 */
#include "bench.h"

#include "clade/behaviour.h"
#include "clade/kernels.h"
#include "clade/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_ITEMS = 3706, N_CUSTOMERS = 4000 };

typedef struct subject {
    char             name[48];
    clade_mixer      mixer;
    bool             brief; /* about 9 events, else 200 */
    int              n_threads;
    clade_behaviour *model;
    clade_learner   *learner;
    clade_sequences *log;
    clade_window    *windows;
    size_t           n_windows;
    double           tokens, operations; /* of a step */
} subject;

static void take(void *context)
{
    subject *const     s = context;
    clade_learner_step step;
    clade_threads_set(s->n_threads);
    bench_ok(clade_learner_take(&step, s->learner, s->log, s->windows, s->n_windows, 1.0, NULL));
    s->tokens = (double)step.n_tokens;
}

/* 201 events of each, so that 200 are asked for the next; or 2 to 30, 10 in the mean. */
static clade_sequences *make_log(bool brief)
{
    uint32_t         length[N_CUSTOMERS];
    clade_sequences *log = NULL;
    size_t           n   = 0;
    clade_rng        rng = clade_rng_stream(3, "bench/learn", 0);
    for (size_t c = 0; c < N_CUSTOMERS; c++) {
        length[c] = 201;
        if (brief) {
            for (length[c] = 2; length[c] < 30 && clade_rng_uniform(&rng) < 8.0 / 9.0;)
                length[c]++;
        }
        n += length[c];
    }
    bench_ok(clade_sequences_create(&log, N_CUSTOMERS, n, N_ITEMS, false, NULL));
    for (size_t c = 0; c < N_CUSTOMERS; c++)
        log->start[c + 1] = log->start[c] + length[c];
    for (size_t e = 0; e < n; e++) { /* a few items are bought often */
        const double u = clade_rng_uniform(&rng);
        log->item[e]   = 1 + (uint32_t)(u * u * N_ITEMS);
    }
    return log;
}

static double count_operations(const subject *s)
{
    const clade_behaviour_options *const o = clade_behaviour_options_of(s->model);
    const double d = o->d, F = o->ff, K = o->n_rates, H = o->n_heads, all = N_ITEMS;
    double       operations = 0.0;
    size_t       left       = (size_t)s->tokens;
    for (size_t c = 0; left > 0 && c < s->n_windows; c++) {
        const size_t n      = s->windows[c].end - s->windows[c].first - 1;
        const double before = ((double)n + 1.0) / 2.0;
        double       block  = 3.0 * (2.0 * d * d + 6.0 * d * F);
        block += s->mixer == CLADE_MIXER_DECAY
                     ? 3.0 * 2.0 * d * (2.0 * d + H * K) + 16.0 * d * K
                     : 3.0 * 2.0 * d * 4.0 * d + (2.0 + 5.0) * 2.0 * d * before;
        operations += (double)n * (o->n_blocks * block + 6.0 * d * all);
        left -= n < left ? n : left;
    }
    return operations;
}

static void open_subject(subject *s)
{
    clade_behaviour_options     options = clade_behaviour_defaults();
    const clade_learner_options how     = clade_learner_defaults();
    (void)snprintf(s->name, sizeof s->name, "%s, %s, %d thread%s", clade_mixer_name(s->mixer),
                   s->brief ? "about 9" : "200", s->n_threads, s->n_threads > 1 ? "s" : "");
    options.mixer[0] = options.mixer[1] = s->mixer;
    s->log                              = make_log(s->brief);
    s->n_windows                        = N_CUSTOMERS;
    s->windows                          = CLADE_NEW(clade_window, N_CUSTOMERS);
    for (size_t c = 0; c < N_CUSTOMERS; c++)
        s->windows[c] = (clade_window){ (uint32_t)c, s->log->start[c], s->log->start[c + 1] };
    clade_threads_set(s->n_threads);
    bench_ok(clade_behaviour_create(&s->model, &options, s->log, 1, NULL));
    bench_ok(clade_learner_create(&s->learner, s->model, &how, NULL));
    take(s);
    s->operations = count_operations(s);
}

static void close_subject(subject *s)
{
    clade_learner_free(s->learner);
    clade_behaviour_free(s->model);
    clade_sequences_free(s->log);
    free(s->windows);
}

static void peak(void *context)
{
    static float a[6 * 256], packed[16 * 256], c[6 * 16];
    (void)context;
    for (int i = 0; i < 20000; i++)
        clade_kernels_get()->matmul(c, 16, a, 256, 1, packed, 6, 16, 256, false);
    bench_keep(c);
}

int main(int argc, char **argv)
{
    static subject subjects[8];
    enum { N = sizeof subjects / sizeof subjects[0] };
    struct bench_case cases[N + 1];
    cases[0] = (struct bench_case){ "peak", peak, NULL, 2e4 * 2 * 6 * 16 * 256, "operations" };
    for (size_t i = 0; i < N; i++) {
        subjects[i].mixer     = i % 2 == 0 ? CLADE_MIXER_ATTENTION : CLADE_MIXER_DECAY;
        subjects[i].brief     = i / 2 % 2 == 1;
        subjects[i].n_threads = i < 4 ? 1 : 2;
        open_subject(&subjects[i]);
        cases[i + 1] = (struct bench_case){ subjects[i].name, take, &subjects[i],
                                            subjects[i].tokens, "events" };
        printf("%-28s %.0f events a step, %.4g operations an event\n", subjects[i].name,
               subjects[i].tokens, subjects[i].operations / subjects[i].tokens);
    }
    const int status = bench_main(argc, argv, cases, N + 1);
    for (size_t i = 0; i < N; i++)
        close_subject(&subjects[i]);
    return status;
}
