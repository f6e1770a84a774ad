/*
 * How many events does the behaviour model learn from in a second, on the sequences and in the
 * setting of a peer (bench/peers/sasrec.py, which race.py runs by turns with this)?
 *
 *     sequence_bench_peer SEQUENCES [mixer] [d] [ff] [negatives] [length] [seconds]
 *
 * Customers keep all events but the last two, of them the newest length + 1. An event counts when
 * its next item is asked for, and none is padding. `negatives` 0 is the softmax over all items;
 * else that over the targets of a step and so many drawn items, which is the cheapest that the
 * model has: it has no loss of one negative for each target. Two blocks, two heads, dropout .2, one
 * step to warm up. Prints one line of JSON.
 */
#include "bench.h"

#include "clade/behaviour.h"
#include "clade/judge.h"
#include "clade/run.h"
#include "clade/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double number(int argc, char **argv, int at, double otherwise)
{
    return argc > at ? strtod(argv[at], NULL) : otherwise;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static size_t make_windows(clade_window *out, const clade_sequences *s, uint64_t length)
{
    size_t n = 0;
    for (size_t c = 0; c < s->n_customers; c++) {
        const uint64_t end   = s->start[c + 1];
        uint64_t       first = s->start[c];
        if (end - first > length + 1) first = end - length - 1;
        if (end - first >= 2) out[n++] = (clade_window){ (uint32_t)c, first, end };
    }
    return n;
}

static void shuffle(clade_window *window, size_t n, clade_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        const size_t       j     = (size_t)clade_rng_below(rng, i);
        const clade_window other = window[j];
        window[j]                = window[i - 1];
        window[i - 1]            = other;
    }
}

int main(int argc, char **argv)
{
    const clade_sequence_file_options only    = { .min_item_count = 5 };
    clade_behaviour_options           options = clade_behaviour_defaults();
    clade_learner_options             how     = clade_learner_defaults();
    clade_sequence_file              *file    = NULL;
    clade_split                      *split   = NULL;
    clade_behaviour                  *model   = NULL;
    clade_learner                    *learner = NULL;
    clade_learner_step                step;
    clade_rng                         rng = clade_rng_stream(1, "bench/peer", 0);
    if (argc < 2) {
        fprintf(stderr, "which sequences?\n");
        return 2;
    }
    const clade_mixer mixer = clade_mixer_find(clade_text_of(argc > 2 ? argv[2] : "attention"));
    options.d               = (uint32_t)number(argc, argv, 3, 64);
    options.ff              = (uint32_t)number(argc, argv, 4, 128);
    how.n_negatives         = (size_t)number(argc, argv, 5, 0);
    const uint64_t length   = (uint64_t)number(argc, argv, 6, 200);
    const double   wanted   = number(argc, argv, 7, 20);
    options.max_events      = (uint32_t)length;
    options.mixer[0] = options.mixer[1] = mixer;
    options.dropout = options.dropout_in = 0.2f;
    const char *const threads            = getenv("CLADE_BENCH_THREADS");
    clade_threads_set(threads == NULL ? 2 : (int)strtol(threads, NULL, 10));
    bench_ok(clade_sequence_file_read(&file, argv[1], &only, NULL));
    bench_ok(clade_split_make(&split, file, CLADE_PROTOCOL_LOO, NULL, NULL));
    clade_window *const window = CLADE_NEW(clade_window, split->train->n_customers);
    if (window == NULL) return 1;
    const size_t n = make_windows(window, split->train, length);
    bench_ok(clade_behaviour_create(&model, &options, split->train, 1, NULL));
    bench_ok(clade_learner_create(&learner, model, &how, NULL));
    bench_ok(clade_learner_take(&step, learner, split->train, window, n, 1.0, NULL));

    double       loss = 0, targets = 0, steps = 0;
    const double start = clade_seconds(), cpu = cpu_seconds();
    while (clade_seconds() - start < wanted) {
        shuffle(window, n, &rng);
        for (size_t at = 0; at < n && clade_seconds() - start < wanted; at += step.n_windows) {
            bench_ok(
                clade_learner_take(&step, learner, split->train, window + at, n - at, 1.0, NULL));
            targets += (double)step.n_targets;
            loss += step.loss * (double)step.n_targets;
            steps++;
        }
    }
    const double seconds = clade_seconds() - start, cpu_used = cpu_seconds() - cpu;
    printf("{\"mixer\":\"%s\",\"d\":%u,\"ff\":%u,\"negatives\":%zu,\"length\":%u,\"n_items\":%u,"
           "\"steps\":%.0f,\"loss\":%.4f,\"seconds\":%.2f,\"tokens_per_s\":%.0f,"
           "\"tokens_per_cpu_s\":%.0f}\n",
           clade_mixer_name(mixer), options.d, options.ff, how.n_negatives, options.max_events,
           split->train->n_items, steps, loss / targets, seconds, targets / seconds,
           targets / cpu_used);
    clade_learner_free(learner);
    clade_behaviour_free(model);
    free(window);
    clade_split_free(split);
    clade_sequence_file_free(file);
    return 0;
}
