/* Ranks: the plugin is found, and sums are made of what it moves. One world for a process.
 *
 * A sum over ranks, for blocks of four slices on four ranks (a rank sends slice r to rank r, which
 * adds what it got in the order of ranks, and then everybody gets every slice):
 *
 *     rank 0   a0 a1 a2 a3        a0 b0 c0 d0  ->  s0        s0 s1 s2 s3
 *     rank 1   b0 b1 b2 b3        a1 b1 c1 d1  ->  s1        s0 s1 s2 s3
 *     rank 2   c0 c1 c2 c3        a2 b2 c2 d2  ->  s2        s0 s1 s2 s3
 *     rank 3   d0 d1 d2 d3        a3 b3 c3 d3  ->  s3        s0 s1 s2 s3
 *
 * Runs once for every step of a training. */
#include "clade/dist.h"

#include "clade/memory.h"
#include "dist_plugin.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DIST_CHUNK_BYTES     = 4 << 20,  /* of a block that are summed at a time */
    DIST_BROADCAST_BYTES = 64 << 20, /* MPI counts in int */
    DIST_STRIPE          = 256,      /* values whose sums are kept in double */
};

static struct {
    void              *library;
    const dist_plugin *plugin; /* NULL: one rank */
    int                rank, n_ranks;
    int               *size, *at; /* (n_ranks) bytes of each rank's slice, and where it begins */
    void              *got;       /* everybody's values of our slice */
} world = { .n_ranks = 1 };

int clade_dist_rank(void)
{
    return world.rank;
}

int clade_dist_ranks(void)
{
    return world.n_ranks;
}

/* ---- Starting and ending ----------------------------------------------------------------------
 */

/* How many processes the launcher started: 1 for none, 0 when it does not say. */
static int launched_ranks(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = getenv(names[i]);
        if (text == NULL) continue;
        char      *end = NULL;
        const long n   = strtol(text, &end, 10);
        if (end != text && *end == '\0' && n >= 1 && n <= 1 << 24) return (int)n;
    }
    return getenv("PMIX_RANK") != NULL ? 0 : 1;
}

/* <folder of the program>/../lib/libclade_mpi.so */
static bool path_beside_program(char *out, size_t size)
{
    char          program[4096];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return false;
    program[n]  = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    return (size_t)snprintf(out, size, "%s/../lib/libclade_mpi.so", program) < size &&
           access(out, R_OK) == 0;
}

static clade_status load_plugin(int n_launched, clade_error *err)
{
    char        beside[4200];
    const char *path = getenv("CLADE_MPI_PLUGIN");
    if (path == NULL)
        path = path_beside_program(beside, sizeof beside) ? beside : "libclade_mpi.so";

    /* GLOBAL: MPI loads plugins of its own, and they look for its symbols there. */
    world.library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (world.library != NULL) world.plugin = dlsym(world.library, DIST_PLUGIN_SYMBOL);
    if (world.plugin != NULL && world.plugin->version == DIST_PLUGIN_VERSION) return CLADE_OK;

    const char *reason = world.plugin != NULL    ? "it is of another version"
                         : world.library == NULL ? dlerror()
                                                 : "it is no plugin of clade";
    world.plugin       = NULL;
    char how_many[16]  = "several";
    if (n_launched > 0) snprintf(how_many, sizeof how_many, "%d", n_launched);
    (void)clade_fail(err, CLADE_ERR_NOT_READY,
                     "started as one of %s ranks, but %s cannot be loaded: %s", how_many, path,
                     reason == NULL ? "nobody knows why" : reason);
    clade_hint(err, "install libopenmpi-dev and build again, or run without mpirun");
    return CLADE_ERR_NOT_READY;
}

static void forget_world(void)
{
    free(world.size);
    free(world.at);
    free(world.got);
    /* The library stays: MPI does not like to be unloaded. */
    world.size = world.at = NULL;
    world.got             = NULL;
    world.plugin          = NULL;
    world.rank            = 0;
    world.n_ranks         = 1;
}

clade_status clade_dist_start(clade_error *err)
{
    assert(world.plugin == NULL); /* once */
    const int n_launched = launched_ranks();
    if (n_launched == 1) return CLADE_OK;

    clade_status status = load_plugin(n_launched, err);
    if (status != CLADE_OK) goto done;
    const char *reason = world.plugin->start(&world.rank, &world.n_ranks);
    if (reason != NULL) {
        status = clade_fail(err, CLADE_ERR_ENGINE, "MPI does not start: %s", reason);
        goto done;
    }
    if (world.n_ranks == 1 && n_launched > 1) {
        status = clade_fail(err, CLADE_ERR_NOT_READY,
                            "started as one of %d ranks, but MPI sees one: the mpirun that started "
                            "us belongs to another MPI than the one clade was built with",
                            n_launched);
        world.plugin->finish();
        goto done;
    }
    world.size = CLADE_NEW(int, (size_t)world.n_ranks);
    world.at   = CLADE_NEW(int, (size_t)world.n_ranks);
    world.got  = clade_alloc(DIST_CHUNK_BYTES + (size_t)world.n_ranks * sizeof(double), 1);
    if (world.size == NULL || world.at == NULL || world.got == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to sum over %d ranks", world.n_ranks);
    }
done:
    if (status != CLADE_OK) forget_world();
    return status;
}

void clade_dist_finish(void)
{
    if (world.plugin == NULL) return;
    world.plugin->finish();
    forget_world();
}

void clade_dist_abort(int exit_code)
{
    if (world.plugin != NULL) {
        fflush(NULL);
        world.plugin->abort(exit_code);
    }
    exit(exit_code);
}

/* ---- Sums -------------------------------------------------------------------------------------
 */

static clade_status engine_status(const char *reason, clade_error *err)
{
    if (reason == NULL) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ENGINE, "rank %d of %d: %s", world.rank, world.n_ranks,
                      reason);
}

/* out[i] = ((got[0][i] + got[1][i]) + ...), got (n_ranks, n). */
static void add_floats(float *out, const float *got, size_t n)
{
    double sum[DIST_STRIPE];
    for (size_t first = 0; first < n; first += DIST_STRIPE) {
        const size_t size = n - first < DIST_STRIPE ? n - first : DIST_STRIPE;
        for (size_t i = 0; i < size; i++)
            sum[i] = got[first + i];
        for (int r = 1; r < world.n_ranks; r++) {
            const float *const from = got + (size_t)r * n + first;
            for (size_t i = 0; i < size; i++)
                sum[i] += from[i];
        }
        for (size_t i = 0; i < size; i++)
            out[first + i] = (float)sum[i];
    }
}

static void add_doubles(double *out, const double *got, size_t n)
{
    memcpy(out, got, n * sizeof *out);
    for (int r = 1; r < world.n_ranks; r++) {
        for (size_t i = 0; i < n; i++)
            out[i] += got[(size_t)r * n + i];
    }
}

/* One chunk of n values: slices, exchange, sum, gather. */
static clade_status sum_chunk(void *block, size_t n, size_t value_bytes, clade_error *err)
{
    const size_t n_ranks = (size_t)world.n_ranks;
    const size_t n_slice = (n + n_ranks - 1) / n_ranks; /* the last ones may be shorter, or empty */
    for (size_t r = 0; r < n_ranks; r++) {
        const size_t first = r * n_slice < n ? r * n_slice : n;
        const size_t end   = first + n_slice < n ? first + n_slice : n;
        world.at[r]        = (int)(first * value_bytes);
        world.size[r]      = (int)((end - first) * value_bytes);
    }
    void *const  own   = (char *)block + world.at[world.rank];
    const size_t n_own = (size_t)world.size[world.rank] / value_bytes;
    CLADE_TRY(engine_status(
        world.plugin->exchange(world.got, world.size[world.rank], block, world.size, world.at),
        err));
    if (value_bytes == sizeof(float))
        add_floats(own, world.got, n_own);
    else
        add_doubles(own, world.got, n_own);
    return engine_status(world.plugin->gather(block, world.size, world.at), err);
}

static clade_status sum_block(void *block, size_t n, size_t value_bytes, clade_error *err)
{
    const size_t n_chunk = DIST_CHUNK_BYTES / value_bytes;
    if (world.plugin == NULL) return CLADE_OK;
    for (size_t first = 0; first < n; first += n_chunk) {
        const size_t size = n - first < n_chunk ? n - first : n_chunk;
        CLADE_TRY(sum_chunk((char *)block + first * value_bytes, size, value_bytes, err));
    }
    return CLADE_OK;
}

clade_status clade_dist_sum(float *block, size_t n, clade_error *err)
{
    return sum_block(block, n, sizeof *block, err);
}

clade_status clade_dist_sum_double(double *block, size_t n, clade_error *err)
{
    return sum_block(block, n, sizeof *block, err);
}

/* ---- The rest ---------------------------------------------------------------------------------
 */

clade_status clade_dist_broadcast(void *data, size_t n_bytes, int from, clade_error *err)
{
    assert(from >= 0 && from < world.n_ranks);
    if (world.plugin == NULL) return CLADE_OK;
    for (size_t at = 0; at < n_bytes; at += DIST_BROADCAST_BYTES) {
        const size_t size =
            n_bytes - at < DIST_BROADCAST_BYTES ? n_bytes - at : DIST_BROADCAST_BYTES;
        CLADE_TRY(engine_status(world.plugin->broadcast((char *)data + at, (int)size, from), err));
    }
    return CLADE_OK;
}

clade_status clade_dist_barrier(clade_error *err)
{
    if (world.plugin == NULL) return CLADE_OK;
    return engine_status(world.plugin->barrier(), err);
}
