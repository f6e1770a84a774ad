/* The plugin libclade_mpi.so: the only source that knows MPI. Loaded by dist.c when mpirun started
 * us. */
#include "dist_plugin.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((visibility("default"))) extern const dist_plugin clade__dist_plugin;

static int  my_rank, n_ranks;
static int *got_size, *got_at; /* (n_ranks) of what an exchange receives */
static char message[MPI_MAX_ERROR_STRING + 64];

static const char *say(const char *call, int code)
{
    int  size                       = 0;
    char text[MPI_MAX_ERROR_STRING] = "";
    if (code == MPI_SUCCESS) return NULL;
    MPI_Error_string(code, text, &size);
    snprintf(message, sizeof message, "%s failed: %s", call, text);
    return message;
}

static const char *start(int *out_rank, int *out_n_ranks)
{
    int is_started = 0, threads = 0;
    MPI_Initialized(&is_started);
    if (!is_started) {
        /* The pool of threads works beside MPI, and one thread speaks to it. */
        const int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads);
        if (code != MPI_SUCCESS) return say("MPI_Init_thread", code);
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &my_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    got_size = calloc((size_t)n_ranks, sizeof *got_size);
    got_at   = calloc((size_t)n_ranks, sizeof *got_at);
    if (got_size == NULL || got_at == NULL) return "there is no memory for a list of ranks";
    *out_rank    = my_rank;
    *out_n_ranks = n_ranks;
    return NULL;
}

static const char *exchange(void *out, int size_each, const void *block, const int *size,
                            const int *at)
{
    for (int r = 0; r < n_ranks; r++) {
        got_size[r] = size_each;
        got_at[r]   = r * size_each;
    }
    return say("MPI_Alltoallv", MPI_Alltoallv(block, size, at, MPI_BYTE, out, got_size, got_at,
                                              MPI_BYTE, MPI_COMM_WORLD));
}

static const char *gather(void *block, const int *size, const int *at)
{
    return say("MPI_Allgatherv", MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, block, size, at,
                                                MPI_BYTE, MPI_COMM_WORLD));
}

static const char *broadcast(void *data, int n_bytes, int from)
{
    return say("MPI_Bcast", MPI_Bcast(data, n_bytes, MPI_BYTE, from, MPI_COMM_WORLD));
}

static const char *barrier(void)
{
    return say("MPI_Barrier", MPI_Barrier(MPI_COMM_WORLD));
}

static void finish(void)
{
    free(got_size);
    free(got_at);
    got_size = got_at = NULL;
    MPI_Finalize();
}

static void abort_all(int exit_code)
{
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}

const dist_plugin clade__dist_plugin = {
    .version   = DIST_PLUGIN_VERSION,
    .start     = start,
    .exchange  = exchange,
    .gather    = gather,
    .broadcast = broadcast,
    .barrier   = barrier,
    .finish    = finish,
    .abort     = abort_all,
};
