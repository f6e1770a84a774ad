/**
 * Running: log, progress, interruption, threads, and chance.
 */
#ifndef CLADE_RUN_H
#define CLADE_RUN_H

#include "clade/memory.h"

typedef enum clade_log_level {
    CLADE_LOG_QUIET,
    CLADE_LOG_WARN,
    CLADE_LOG_INFO,
    CLADE_LOG_DEBUG
} clade_log_level;

/** Words go to stderr, one line each. The level is for the process; the default is INFO. */
CLADE_API void            clade_log_set(clade_log_level level);
CLADE_API clade_log_level clade_log_get(void);
CLADE_API void            clade_log(clade_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Ctrl-C and SIGTERM set a flag; long loops ask for it and leave through their done: label. */
CLADE_API void clade_interrupt_install(void);
CLADE_API bool clade_interrupt_requested(void);
/** CLADE_OK, or CLADE_ERR_INTERRUPTED with its sentence. */
CLADE_API CLADE_MUST_USE clade_status clade_interrupt_check(clade_error *err);

/**
 * A progress line on stderr with share, rate and time left. It is drawn only on a terminal, only
 * after the work has run for a second, and never when the log level is below INFO. A part of the
 * work may begin a line of its own: the whole has it back when the part ends. Every begin needs its
 * end.
 *
 * @param total  Units of work, or 0 when unknown.
 * @param unit   Plural, as "rows".
 */
CLADE_API void clade_progress_begin(const char *label, double total, const char *unit);
CLADE_API void clade_progress_update(double done); /* cheap: any thread, any rate */
CLADE_API void clade_progress_end(void);

/** Threads to use: what --threads said, else the number of online processors. */
CLADE_API void clade_threads_set(int n_threads); /* 0 returns to the default */
CLADE_API int  clade_threads_get(void);

/**
 * Run body(i, worker, context) for i in [0, n_tasks) on up to clade_threads_get() threads, the
 * caller among them. Tasks are handed out in index order; `worker` is below the thread count, for
 * scratch space of one's own. Results must not depend on which worker runs a task. Nested calls run
 * on the calling thread. Returns when all tasks are done.
 */
typedef void (*clade_task)(size_t i, int worker, void *context);
CLADE_API void clade_parallel(size_t n_tasks, clade_task body, void *context);

/**
 * Chance as an argument. Draw i of a stream depends on seed, name, index and i alone
 * (Philox4x32-10: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11).
 */
typedef struct clade_rng {
    uint64_t key;
    uint64_t stream;
    uint64_t counter; /* next draw; may be set to jump */
    uint64_t spare;   /* second half of the last block */
    bool     has_spare;
} clade_rng;

CLADE_API clade_rng clade_rng_stream(uint64_t seed, const char *name, uint64_t index);
CLADE_API uint64_t  clade_rng_u64(clade_rng *rng);
CLADE_API double    clade_rng_uniform(clade_rng *rng);             /* [0, 1), 53 bits */
CLADE_API uint64_t  clade_rng_below(clade_rng *rng, uint64_t n);   /* [0, n), unbiased; n > 0 */
CLADE_API double    clade_rng_normal(clade_rng *rng);              /* mean 0, variance 1 */
CLADE_API double    clade_rng_exponential(clade_rng *rng);         /* mean 1 */
CLADE_API double    clade_rng_gamma(clade_rng *rng, double shape); /* scale 1; shape > 0 */
CLADE_API uint64_t  clade_rng_poisson(clade_rng *rng, double mean);
/** Fisher-Yates over the indices 0..n-1. */
CLADE_API void clade_rng_permute(uint32_t *out_order, size_t n, clade_rng *rng);

#endif
