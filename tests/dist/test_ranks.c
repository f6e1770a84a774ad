/* Several ranks, started by mpirun: what each has after a call is what a naive sum over all blocks
 * gives, bit for bit. A rank that sees something else ends all of them, since the others would wait
 * for it. Started by hand it is one rank, and skips. */
#include "check.h"

#include "clade/dist.h"
#include "clade/run.h"

#include <stdlib.h>

enum { SKIPPED = 77, N_LONG = 1100003 }; /* more than one chunk, the last of an odd size */

static clade_error err;

#define rank_check(condition)                                                               \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "rank %d: line %d does not hold: %s (%s)\n", clade_dist_rank(), \
                    __LINE__, #condition, err.message);                                     \
            clade_dist_abort(1);                                                            \
        }                                                                                   \
    } while (0)

static float  block[N_LONG], wanted[N_LONG];
static double wide[N_LONG], wide_wanted[N_LONG], sum[N_LONG];

/* Values of very different sizes, so that another order of adding gives other bits. */
static double value(clade_rng *rng)
{
    const uint64_t bits = clade_rng_u64(rng);
    return ldexp((double)(int64_t)bits, (int)(bits & 31) - 70);
}

static void fill_floats(float *out, size_t n, int rank)
{
    clade_rng rng = clade_rng_stream(11, "tests/ranks", (uint64_t)rank);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)value(&rng);
}

static void fill_doubles(double *out, size_t n, int rank)
{
    clade_rng rng = clade_rng_stream(12, "tests/ranks", (uint64_t)rank);
    for (size_t i = 0; i < n; i++)
        out[i] = value(&rng);
}

static void a_sum_has_the_bits_of_adding_in_the_order_of_ranks(size_t n)
{
    for (int r = 0; r < clade_dist_ranks(); r++) {
        fill_floats(block, n, r);
        for (size_t i = 0; i < n; i++)
            sum[i] = r == 0 ? (double)block[i] : sum[i] + (double)block[i];
    }
    for (size_t i = 0; i < n; i++)
        wanted[i] = (float)sum[i];
    fill_floats(block, n, clade_dist_rank());
    rank_check(clade_dist_sum(block, n, &err) == CLADE_OK);
    rank_check(memcmp(block, wanted, n * sizeof block[0]) == 0);
}

static void a_sum_of_doubles_has_them_too(size_t n)
{
    for (int r = 0; r < clade_dist_ranks(); r++) {
        fill_doubles(wide, n, r);
        for (size_t i = 0; i < n; i++)
            wide_wanted[i] = r == 0 ? wide[i] : wide_wanted[i] + wide[i];
    }
    fill_doubles(wide, n, clade_dist_rank());
    rank_check(clade_dist_sum_double(wide, n, &err) == CLADE_OK);
    rank_check(memcmp(wide, wide_wanted, n * sizeof wide[0]) == 0);
}

static void everybody_has_what_the_sender_had(void)
{
    for (int from = 0; from < clade_dist_ranks(); from++) {
        fill_floats(wanted, 1001, from);
        fill_floats(block, 1001, clade_dist_rank());
        rank_check(clade_dist_broadcast(block, 1001 * sizeof block[0], from, &err) == CLADE_OK);
        rank_check(memcmp(block, wanted, 1001 * sizeof block[0]) == 0);
    }
    rank_check(clade_dist_broadcast(block, 0, 0, &err) == CLADE_OK);
}

/* The others wait in a sum that never comes about; mpirun then exits with this code. */
static void one_rank_fails(void)
{
    if (clade_dist_rank() == clade_dist_ranks() - 1) clade_dist_abort(5);
    rank_check(clade_dist_sum(block, N_LONG, &err) == CLADE_OK);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = { 0, 1, 2, 3, 5, 255, 257, 1000, N_LONG };
    if (clade_dist_start(&err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (clade_dist_ranks() == 1) {
        printf(
            "skipped: needs MPI and mpirun (libopenmpi-dev, openmpi-bin) when it is configured\n");
        return SKIPPED;
    }
    if (argc > 1 && strcmp(argv[1], "abort") == 0) one_rank_fails();
    rank_check(clade_dist_rank() >= 0 && clade_dist_rank() < clade_dist_ranks());
    double ranks = clade_dist_rank() + 1;
    rank_check(clade_dist_sum_double(&ranks, 1, &err) == CLADE_OK);
    rank_check(ranks == clade_dist_ranks() * (clade_dist_ranks() + 1) / 2); /* each is somebody */

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        a_sum_has_the_bits_of_adding_in_the_order_of_ranks(sizes[i]);
        a_sum_of_doubles_has_them_too(sizes[i]);
    }
    everybody_has_what_the_sender_had();
    rank_check(clade_dist_barrier(&err) == CLADE_OK);
    if (clade_dist_rank() == 0) printf("%d ranks agree\n", clade_dist_ranks());
    clade_dist_finish();
    return 0;
}
