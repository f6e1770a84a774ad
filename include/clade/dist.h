/**
 * Ranks: one training on several processes, here or on several machines.
 *
 * A process that was started by hand is the only rank, and every call below returns at once.
 * Started by mpirun, it is one of many: `mpirun -n 4 clade ...`. MPI is loaded only then, from the
 * plugin libclade_mpi.so, which is built where MPI was found; the command itself needs no MPI.
 *
 * The calls that talk to other ranks are made by all of them, in the same order and with the same
 * sizes, from one thread. A rank that fails alone calls clade_dist_abort, or the others wait for it
 * for ever; and a reason to stop that only one rank knows (Ctrl-C) is summed first, so that all of
 * them stop at the same step.
 */
#ifndef CLADE_DIST_H
#define CLADE_DIST_H

#include "clade/status.h"

#include <stddef.h>

/**
 * Find out who we are. Once for a process, before the first use of ranks and of threads.
 *
 * The plugin is looked for as ../lib/libclade_mpi.so beside the running program, then where the
 * system keeps libraries; CLADE_MPI_PLUGIN in the environment names another.
 *
 * @return CLADE_OK; CLADE_ERR_NOT_READY when mpirun started several processes and the plugin cannot
 *         be loaded or sees only one of them: each of them alone would do the work of all, and
 *         write to the same files; CLADE_ERR_ENGINE when MPI fails; CLADE_ERR_NOMEM.
 *
 * Cost        One rank: reads the environment. Several: what MPI takes to start (0.1 to 1 s), and
 *             4 MiB. The calls below ask the heap for nothing.
 */
CLADE_API CLADE_MUST_USE clade_status clade_dist_start(clade_error *err);
/** Wait for all ranks and part. Harmless when not started, and after a start that failed. */
CLADE_API void clade_dist_finish(void);
/** End all ranks now, with this exit code; of one rank, exit. For a rank that failed alone. */
CLADE_API __attribute__((noreturn)) void clade_dist_abort(int exit_code);

/** 0 .. clade_dist_ranks() - 1. Rank 0 speaks and writes files. */
CLADE_API int clade_dist_rank(void);
CLADE_API int clade_dist_ranks(void);

/**
 * Replace block by its sum over all ranks.
 *
 * Each value is summed by one rank, in double, in the order of ranks, and rounded once:
 *
 *     block[i] = (float)((((double)block_0[i] + block_1[i]) + block_2[i]) + ...)
 *
 * @param block  (n) one contiguous block, as gradients are. May be NULL when n is 0.
 * @return CLADE_OK; CLADE_ERR_ENGINE when MPI fails, and then block holds anything.
 *
 * Repeatable  The same bits on all ranks, and in every run with this number of ranks, whatever the
 *             network: MPI moves the values, and the adding is done here.
 * Cost        Sends and receives 2 (ranks - 1) / ranks of the block, which is the least there can
 * be. Source      Patarasuk and Yuan (2009), J. Parallel and Distributed Computing 69(2), 117-124.
 */
CLADE_API CLADE_MUST_USE clade_status clade_dist_sum(float *block, size_t n, clade_error *err);
/** The same for doubles: losses, counts, sums of squares. */
CLADE_API CLADE_MUST_USE clade_status clade_dist_sum_double(double *block, size_t n,
                                                            clade_error *err);
/** Replace data on all ranks by that of rank `from`. */
CLADE_API CLADE_MUST_USE clade_status clade_dist_broadcast(void *data, size_t n_bytes, int from,
                                                           clade_error *err);
/** Wait until all ranks are here. */
CLADE_API CLADE_MUST_USE clade_status clade_dist_barrier(clade_error *err);

#endif
