/* Parallel loops over one pool of threads that is made on first use and sleeps between loops. Tasks
 * are taken from a shared counter in index order; who runs a task must not matter to its result. */
#include "clade/run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MAX_THREADS = 256 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  start;
    pthread_cond_t  finish;
    int             n_started; /* threads that exist, beside the caller */
    int             n_invited; /* of which so many may join this loop */
    int             n_busy;
    uint64_t        round;
    clade_task      body;
    void           *context;
    size_t          n_tasks;
    _Atomic size_t  next;
} pool = { .lock   = PTHREAD_MUTEX_INITIALIZER,
           .start  = PTHREAD_COND_INITIALIZER,
           .finish = PTHREAD_COND_INITIALIZER };

static pthread_mutex_t    one_loop = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool inside;
static _Atomic int        wanted_threads;

void clade_threads_set(int n_threads)
{
    wanted_threads = n_threads < 0 ? 0 : n_threads > MAX_THREADS ? MAX_THREADS : n_threads;
}

int clade_threads_get(void)
{
    const int wanted = wanted_threads;
    if (wanted > 0) return wanted;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > MAX_THREADS ? MAX_THREADS : (int)online;
}

static void run_tasks(int worker)
{
    inside = true;
    for (;;) {
        const size_t i = atomic_fetch_add(&pool.next, 1);
        if (i >= pool.n_tasks) break;
        pool.body(i, worker, pool.context);
    }
    inside = false;
}

static void *worker_loop(void *argument)
{
    const int worker = (int)(intptr_t)argument;
    uint64_t  seen   = 0;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (pool.round == seen)
            pthread_cond_wait(&pool.start, &pool.lock);
        seen = pool.round;
        if (worker > pool.n_invited) continue;
        pthread_mutex_unlock(&pool.lock);
        run_tasks(worker);
        pthread_mutex_lock(&pool.lock);
        if (--pool.n_busy == 0) pthread_cond_signal(&pool.finish);
    }
    return NULL;
}

/* Start threads until there are `need`; fewer are fine when the system gives no more. The round is
 * not yet raised, so a new thread starts by waiting. */
static int have_threads(int need)
{
    while (pool.n_started < need) {
        pthread_t      thread;
        pthread_attr_t detached;
        pthread_attr_init(&detached);
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
        const int failed =
            pthread_create(&thread, &detached, worker_loop, (void *)(intptr_t)(pool.n_started + 1));
        pthread_attr_destroy(&detached);
        if (failed != 0) break;
        pool.n_started += 1;
    }
    return pool.n_started < need ? pool.n_started : need;
}

void clade_parallel(size_t n_tasks, clade_task body, void *context)
{
    const int n_threads = clade_threads_get();
    if (n_tasks <= 1 || n_threads <= 1 || inside || pthread_mutex_trylock(&one_loop) != 0) {
        for (size_t i = 0; i < n_tasks; i++)
            body(i, 0, context);
        return;
    }
    pthread_mutex_lock(&pool.lock);
    pool.n_invited = have_threads(n_tasks < (size_t)n_threads ? (int)n_tasks - 1 : n_threads - 1);
    pool.n_busy    = pool.n_invited;
    pool.body      = body;
    pool.context   = context;
    pool.n_tasks   = n_tasks;
    pool.next      = 0;
    pool.round += 1;
    pthread_cond_broadcast(&pool.start);
    pthread_mutex_unlock(&pool.lock);

    run_tasks(0);

    pthread_mutex_lock(&pool.lock);
    while (pool.n_busy > 0)
        pthread_cond_wait(&pool.finish, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    pthread_mutex_unlock(&one_loop);
}
