#include "bench.h"

#include "clade/time.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS_MAX = 1000, REPEATS_MIN = 3 };
static const double SECONDS_WANTED = 2.0;

void bench_ok_at(clade_status status, const char *call, const char *file, int line)
{
    if (status == CLADE_OK) return;
    fprintf(stderr, "%s:%d: %s failed: %s\n", file, line, call, clade_status_name(status));
    exit(1);
}

double bench_seconds(const struct bench_case *one)
{
    const double start = clade_seconds();
    one->run(one->context);
    return clade_seconds() - start;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of processor time of all threads: steadier than the clock on a machine that others use.
 */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double median_of(double *value, size_t n)
{
    qsort(value, n, sizeof *value, rising);
    return 0.5 * (value[(n - 1) / 2] + value[n / 2]);
}

static void report(const struct bench_case *one, double *seconds, double *cpu, size_t n, bool json)
{
    const double median = median_of(seconds, n), median_cpu = median_of(cpu, n);
    if (json) {
        printf("{\"name\":\"%s\",\"best_s\":%.6f,\"median_s\":%.6f,\"median_cpu_s\":%.6f,"
               "\"runs\":%zu,\"units\":%.0f,\"unit\":\"%s\",\"per_s\":%.6g}\n",
               one->name, seconds[0], median, median_cpu, n, one->n_units, one->unit,
               one->n_units / median);
    } else {
        printf("%-28s best %9.4f s  median %9.4f s  processor %9.4f s  %10.4g %s/s (%zu runs)\n",
               one->name, seconds[0], median, median_cpu, one->n_units / median, one->unit, n);
    }
    fflush(stdout);
}

static void run_case(const struct bench_case *one, size_t n_wanted, bool json)
{
    static double seconds[REPEATS_MAX], cpu[REPEATS_MAX];
    size_t        n     = 0;
    double        total = 0.0;
    one->run(one->context);
    while (n < REPEATS_MAX &&
           (n_wanted > 0 ? n < n_wanted : n < REPEATS_MIN || total < SECONDS_WANTED)) {
        const double cpu_before = cpu_seconds();
        seconds[n]              = bench_seconds(one);
        cpu[n]                  = cpu_seconds() - cpu_before;
        total += seconds[n++];
    }
    report(one, seconds, cpu, n, json);
}

int bench_main(int argc, char **argv, const struct bench_case *cases, size_t n_cases)
{
    size_t n_wanted = 0, n_run = 0;
    bool   json = false, some_named = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc) {
            n_wanted = (size_t)strtoul(argv[++i], NULL, 10);
            argv[i]  = argv[i - 1]; /* no part of a name */
        } else if (strcmp(argv[i], "--json") == 0) {
            json = true;
        }
        some_named = some_named || strncmp(argv[i], "--", 2) != 0;
    }
    for (size_t c = 0; c < n_cases; c++) {
        bool wanted = !some_named;
        for (int i = 1; i < argc; i++) {
            wanted = wanted || (strncmp(argv[i], "--", 2) != 0 && strstr(cases[c].name, argv[i]));
        }
        if (!wanted) continue;
        run_case(&cases[c], n_wanted, json);
        n_run++;
    }
    if (n_run == 0) fprintf(stderr, "no case has such a name\n");
    return n_run == 0 ? 2 : 0;
}
