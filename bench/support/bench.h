/* What every benchmark shares: cases that are warmed up, repeated, and reported with best and
 * median.
 *
 *     program [--repeat N] [--json] [part of a name ...]
 */
#ifndef CLADE_BENCH_H
#define CLADE_BENCH_H

#include "clade/status.h"

#include <stddef.h>

struct bench_case {
    const char *name;
    void (*run)(void *context);
    void       *context;
    double      n_units; /* work in one run */
    const char *unit;    /* plural, as "rows" */
};

/* End the program with a sentence when a call that is measured fails. */
#define bench_ok(call) bench_ok_at((call), #call, __FILE__, __LINE__)
void bench_ok_at(clade_status status, const char *call, const char *file, int line);

/* Somebody reads the answer, as far as the optimiser can tell. */
static inline void bench_keep(const void *answer)
{
    __asm__ volatile("" : : "r"(answer) : "memory");
}

/* Run the cases that were asked for: once to warm up, then at least three times and for two
 * seconds, or as often as --repeat says. Returns the exit status of the program. */
int bench_main(int argc, char **argv, const struct bench_case *cases, size_t n_cases);

/* Seconds of one run of a case, without reporting: for programs that compare cases by turns. */
double bench_seconds(const struct bench_case *one);

#endif
