/* Writing the demo shop: shards of customers are made on all threads and written in their order, so
 * the bytes do not depend on how many threads there are, and memory holds one shard a thread. */
#include "demo.h"

#include "clade/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MAX_THREADS = 256 };

static const char *const file_names[DEMO_N_STREAM] = {
    "orders.csv",       "events.csv",    "customers.csv",         "reviews.csv",
    "invitations.csv",  "campaigns.csv", "truth/customers.csv",   "truth/future.csv",
    "truth/uplift.csv", "items.csv",     "competitor_prices.csv", "truth/summary.json",
};

/* The counts of clade_demo_summary that shards add up, in the order of truth/summary.json. */
#define COUNT(name)                               \
    {                                             \
#name, offsetof(clade_demo_summary, name) \
    }
static const struct {
    const char *name;
    size_t      offset;
} shard_counts[] = {
    COUNT(n_order_rows),
    COUNT(n_orders),
    COUNT(n_order_lines),
    COUNT(n_refund_lines),
    COUNT(n_cancelled_lines),
    COUNT(n_event_rows),
    COUNT(n_events),
    COUNT(n_review_rows),
    COUNT(n_invitation_rows),
    COUNT(n_touch_rows),
    COUNT(n_order_duplicates),
    COUNT(n_order_bad_dates),
    COUNT(n_order_ragged),
    COUNT(n_order_guest_lines),
    COUNT(n_order_missing_price),
    COUNT(n_order_missing_category),
    COUNT(n_order_price_outliers),
    COUNT(n_order_usd_lines),
    COUNT(n_test_orders),
    COUNT(n_event_duplicates),
    COUNT(n_event_retries),
    COUNT(n_event_anonymous),
    COUNT(n_rings),
    COUNT(n_dropped_out),
};
#undef COUNT
enum { N_SHARD_COUNTS = sizeof shard_counts / sizeof shard_counts[0] };

static uint64_t *count_of(clade_demo_summary *summary, size_t i)
{
    return (uint64_t *)(void *)((char *)summary + shard_counts[i].offset);
}

typedef struct demo_output {
    const char *folder;
    int         fd[DEMO_N_STREAM];   /* -1 when closed */
    bool        made[DEMO_N_STREAM]; /* the .partial file exists and is ours */
    bool        made_folder, made_truth;
} demo_output;

typedef struct demo_run {
    const demo_world  *world;
    demo_output       *output;
    demo_worker       *worker[MAX_THREADS];
    clade_demo_summary total;
    pthread_mutex_t    lock; /* guards all below, total and output */
    pthread_cond_t     turned;
    size_t             turn; /* the shard to be written next */
    clade_status       status;
    clade_error        error;
} demo_run;

static bool is_open(const demo_output *output, int stream)
{
    return output->fd[stream] >= 0;
}

static void path_of(char out[PATH_BYTES], const demo_output *output, int stream, bool partial)
{
    snprintf(out, PATH_BYTES, "%s/%s%s", output->folder, file_names[stream],
             partial ? ".partial" : "");
}

static clade_status make_folder(bool *out_made, const char *path, clade_error *err)
{
    struct stat info;
    if (mkdir(path, 0777) == 0) {
        *out_made = true;
        return CLADE_OK;
    }
    const int reason = errno;
    if (reason == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return CLADE_OK;
    if (reason == EEXIST)
        return clade_fail(err, CLADE_ERR_IO, "%s: is a file, a folder was wanted", path);
    return clade_fail(err, CLADE_ERR_IO, "%s: cannot make the folder: %s", path, strerror(reason));
}

static clade_status put_all(demo_output *output, int stream, const char *data, size_t size,
                            clade_error *err)
{
    while (size > 0) {
        const ssize_t n = write(output->fd[stream], data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const int reason = errno;
            char      path[PATH_BYTES];
            path_of(path, output, stream, false);
            return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", path, strerror(reason));
        }
        data += n;
        size -= (size_t)n;
    }
    return CLADE_OK;
}

static clade_status open_files(demo_output *output, bool events, clade_error *err)
{
    char path[PATH_BYTES];
    if (strlen(output->folder) + 64 > PATH_BYTES) {
        return clade_fail(err, CLADE_ERR_ARG, "demo: the folder's name is longer than %d bytes",
                          PATH_BYTES - 64);
    }
    CLADE_TRY(make_folder(&output->made_folder, output->folder, err));
    snprintf(path, sizeof path, "%s/truth", output->folder);
    CLADE_TRY(make_folder(&output->made_truth, path, err));
    for (int s = 0; s < DEMO_N_STREAM; s++) {
        if (s == DEMO_EVENTS && !events) continue;
        path_of(path, output, s, true);
        output->fd[s] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (output->fd[s] < 0)
            return clade_fail(err, CLADE_ERR_IO, "%s: cannot create: %s", path, strerror(errno));
        output->made[s]    = true;
        const char *header = demo__header((demo_stream)s);
        CLADE_TRY(put_all(output, s, header, strlen(header), err));
    }
    return CLADE_OK;
}

/* Close all, then rename all: nothing gets its name before everything is whole. */
static clade_status commit_files(demo_output *output, uint64_t *out_bytes, clade_error *err)
{
    char     from[PATH_BYTES], to[PATH_BYTES];
    uint64_t bytes = 0;
    for (int s = 0; s < DEMO_N_STREAM; s++) {
        if (!is_open(output, s)) continue;
        const off_t size   = lseek(output->fd[s], 0, SEEK_CUR);
        const int   closed = close(output->fd[s]);
        output->fd[s]      = -1;
        path_of(to, output, s, false);
        if (closed != 0)
            return clade_fail(err, CLADE_ERR_IO, "%s: cannot write: %s", to, strerror(errno));
        bytes += (uint64_t)size;
    }
    for (int s = 0; s < DEMO_N_STREAM; s++) {
        if (!output->made[s]) continue;
        path_of(from, output, s, true);
        path_of(to, output, s, false);
        if (rename(from, to) != 0)
            return clade_fail(err, CLADE_ERR_IO, "%s: cannot rename: %s", to, strerror(errno));
        output->made[s] = false;
    }
    *out_bytes = bytes;
    return CLADE_OK;
}

/* After a failure: leave the folder as it was. After success there is nothing to do. */
static void abandon_files(demo_output *output, bool failed)
{
    char path[PATH_BYTES];
    for (int s = 0; s < DEMO_N_STREAM; s++) {
        if (is_open(output, s)) close(output->fd[s]);
        if (!output->made[s]) continue;
        path_of(path, output, s, true);
        unlink(path);
    }
    if (!failed) return;
    snprintf(path, sizeof path, "%s/truth", output->folder);
    if (output->made_truth) rmdir(path);
    if (output->made_folder) rmdir(output->folder);
}

static void add_counts(clade_demo_summary *total, clade_demo_summary *part)
{
    for (size_t i = 0; i < N_SHARD_COUNTS; i++)
        *count_of(total, i) += *count_of(part, i);
    total->revenue_minor += part->revenue_minor;
    for (int a = 0; a < CLADE_DEMO_N_ARCHETYPE; a++)
        total->n_archetype[a] += part->n_archetype[a];
}

/* All rows of one shard, in memory; true unless memory ran out. */
static bool make_shard(demo_worker *worker, const demo_world *world, size_t shard)
{
    const uint64_t first = (uint64_t)shard * DEMO_SHARD;
    uint64_t       last  = first + DEMO_SHARD;
    bool           whole = true;
    if (last > world->n_customers) last = world->n_customers;
    memset(&worker->count, 0, sizeof worker->count);
    for (int s = 0; s < DEMO_N_SHARDED; s++)
        demo__rows_clear(&worker->rows[s]);

    for (uint64_t i = first; i < last; i++) {
        demo_person person;
        demo__person_draw(&person, world, i);
        demo__life_draw(&worker->life, world, &person);
        demo__write_orders(worker, world, &person);
        demo__write_reviews(worker, world, &person);
        if (world->events) demo__write_events(worker, world, &person);
        demo__write_touches(worker, world, &person);
        demo__write_profile(worker, world, &person);
        demo__write_truth(worker, world, &person);
    }
    worker->count.n_order_rows      = worker->rows[DEMO_ORDERS].n_rows;
    worker->count.n_event_rows      = worker->rows[DEMO_EVENTS].n_rows;
    worker->count.n_review_rows     = worker->rows[DEMO_REVIEWS].n_rows;
    worker->count.n_invitation_rows = worker->rows[DEMO_INVITATIONS].n_rows;
    worker->count.n_touch_rows      = worker->rows[DEMO_CAMPAIGNS].n_rows;
    for (int s = 0; s < DEMO_TRUTH_CUSTOMERS; s++) {
        if (s != DEMO_CUSTOMERS && s != DEMO_INVITATIONS) demo__rows_sort(&worker->rows[s]);
    }
    for (int s = 0; s < DEMO_N_SHARDED; s++)
        whole = whole && !worker->rows[s].failed;
    return whole;
}

/* One task: make a shard, wait for its turn, write it. Tasks start in index order, so the shard
 * whose turn it is always has a thread, and waiting ends. */
static void run_shard(size_t shard, int worker_index, void *context)
{
    demo_run *const    run    = context;
    demo_worker *const worker = run->worker[worker_index];
    pthread_mutex_lock(&run->lock);
    const bool stopped = run->status != CLADE_OK;
    pthread_mutex_unlock(&run->lock);
    if (stopped) return;

    const bool whole = make_shard(worker, run->world, shard);
    pthread_mutex_lock(&run->lock);
    while (run->turn != shard && run->status == CLADE_OK)
        pthread_cond_wait(&run->turned, &run->lock);
    if (run->status == CLADE_OK) run->status = clade_interrupt_check(&run->error);
    if (run->status == CLADE_OK && !whole) {
        run->status = clade_fail(&run->error, CLADE_ERR_NOMEM,
                                 "demo: no memory for a shard of %d customers", DEMO_SHARD);
    }
    for (int s = 0; s < DEMO_N_SHARDED && run->status == CLADE_OK; s++) {
        if (!is_open(run->output, s)) continue;
        run->status =
            put_all(run->output, s, worker->rows[s].data, worker->rows[s].size, &run->error);
    }
    if (run->status == CLADE_OK) {
        add_counts(&run->total, &worker->count);
        const double done = (double)(shard + 1) * DEMO_SHARD;
        clade_progress_update(fmin(done, (double)run->world->n_customers));
    }
    run->turn = shard + 1;
    pthread_cond_broadcast(&run->turned);
    pthread_mutex_unlock(&run->lock);
}

static void free_worker(demo_worker *worker)
{
    if (worker == NULL) return;
    for (int s = 0; s < DEMO_N_SHARDED; s++)
        demo__rows_free(&worker->rows[s]);
    free(worker);
}

static clade_status write_shards(demo_run *run, clade_error *err)
{
    const uint64_t n_customers = run->world->n_customers;
    clade_progress_begin("demo", (double)n_customers, "customers");
    clade_parallel((size_t)((n_customers + DEMO_SHARD - 1) / DEMO_SHARD), run_shard, run);
    clade_progress_end();
    if (run->status != CLADE_OK) return clade_fail(err, run->status, "%s", run->error.message);
    return CLADE_OK;
}

static clade_status write_catalogue(demo_run *run, clade_error *err)
{
    clade_status status = CLADE_OK;
    demo_rows    rows   = { 0 };
    for (int s = DEMO_ITEMS; s <= DEMO_RIVALS; s++) {
        demo__rows_clear(&rows);
        if (s == DEMO_ITEMS)
            demo__write_items(&rows, run->world);
        else
            demo__write_rivals(&rows, run->world);
        if (rows.failed) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "demo: no memory for the rows of %s",
                                file_names[s]);
            goto done;
        }
        if (s == DEMO_RIVALS) run->total.n_rival_rows = rows.n_rows;
        status = put_all(run->output, s, rows.data, rows.size, err);
        if (status != CLADE_OK) goto done;
    }
done:
    demo__rows_free(&rows);
    return status;
}

static void put_moment_key(clade_json *json, const char *key, int64_t moment_us)
{
    char text[40];
    clade_time_format(text, moment_us);
    clade_json_put_text(json, key, text);
}

static clade_status write_summary(demo_run *run, clade_error *err)
{
    clade_demo_summary *const total = &run->total;
    clade_status              status;
    clade_buffer              text = { 0 };
    clade_json                json = clade_json_start(&text, 2);
    clade_json_object(&json);
    clade_json_put_int(&json, "seed", (int64_t)run->world->seed);
    clade_json_put_int(&json, "n_months", run->world->n_months);
    clade_json_put_int(&json, "n_customers", (int64_t)total->n_customers);
    clade_json_put_int(&json, "n_items", (int64_t)total->n_items);
    for (size_t i = 0; i < N_SHARD_COUNTS; i++) {
        clade_json_put_int(&json, shard_counts[i].name, (int64_t)*count_of(total, i));
    }
    clade_json_put_int(&json, "n_rival_rows", (int64_t)total->n_rival_rows);
    clade_json_put_int(&json, "revenue_minor", total->revenue_minor);
    put_moment_key(&json, "start", total->start_us);
    put_moment_key(&json, "end", total->end_us);
    clade_json_key(&json, "reference");
    clade_json_array(&json);
    for (int r = 0; r < CLADE_DEMO_N_REFERENCE; r++) {
        char moment[40];
        clade_time_format(moment, total->reference_us[r]);
        clade_json_text(&json, moment);
    }
    clade_json_array_end(&json);
    clade_json_key(&json, "n_archetype");
    clade_json_object(&json);
    for (int a = 0; a < CLADE_DEMO_N_ARCHETYPE; a++) {
        clade_json_put_int(&json, clade_demo_archetype_name((clade_demo_archetype)a),
                           (int64_t)total->n_archetype[a]);
    }
    clade_json_object_end(&json);
    clade_json_object_end(&json);
    clade_buffer_text(&text, "\n");
    status = text.failed ? clade_fail(err, CLADE_ERR_NOMEM, "demo: no memory for the summary")
                         : put_all(run->output, DEMO_SUMMARY, text.data, text.size, err);
    clade_buffer_free(&text);
    return status;
}

static clade_status check_options(clade_demo_options *out, const clade_demo_options *options,
                                  clade_error *err)
{
    *out = *options;
    if (out->n_customers == 0) out->n_customers = CLADE_DEMO_DEFAULT_CUSTOMERS;
    if (out->n_months == 0) out->n_months = CLADE_DEMO_DEFAULT_MONTHS;
    if (out->folder == NULL || out->folder[0] == '\0') {
        return clade_fail(err, CLADE_ERR_ARG, "demo: a folder to write to was wanted");
    }
    if (out->n_customers > CLADE_DEMO_MAX_CUSTOMERS) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "demo: %llu customers are too many, at most %d were wanted",
                          (unsigned long long)out->n_customers, CLADE_DEMO_MAX_CUSTOMERS);
    }
    if (out->n_months < CLADE_DEMO_MIN_MONTHS || out->n_months > CLADE_DEMO_MAX_MONTHS) {
        return clade_fail(err, CLADE_ERR_ARG, "demo: %d months, but %d to %d were wanted",
                          out->n_months, CLADE_DEMO_MIN_MONTHS, CLADE_DEMO_MAX_MONTHS);
    }
    return CLADE_OK;
}

static void set_frame(clade_demo_summary *total, const demo_world *world)
{
    const int64_t zone_us = DEMO_ZONE_S * CLADE_US_PER_SECOND;
    total->n_customers    = world->n_customers;
    total->n_items        = world->n_items;
    total->start_us       = world->start_day * CLADE_US_PER_DAY - zone_us;
    total->end_us         = (world->start_day + world->n_days) * CLADE_US_PER_DAY - zone_us;
    for (int r = 0; r < CLADE_DEMO_N_REFERENCE; r++) {
        total->reference_us[r] =
            (world->start_day + world->reference_day[r]) * CLADE_US_PER_DAY - zone_us;
    }
}

clade_status clade_demo_write(const clade_demo_options *options, clade_demo_summary *out_summary,
                              clade_error *err)
{
    clade_status       status = CLADE_OK;
    clade_demo_options wanted;
    demo_world        *world  = NULL;
    demo_output        output = { 0 };
    demo_run           run    = { .output = &output };
    const double       start  = clade_seconds();
    for (int s = 0; s < DEMO_N_STREAM; s++)
        output.fd[s] = -1;
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.turned, NULL);

    status = check_options(&wanted, options, err);
    if (status != CLADE_OK) goto done;
    output.folder = wanted.folder;
    status        = demo__world_create(&world, &wanted, err);
    if (status != CLADE_OK) goto done;
    run.world = world;
    set_frame(&run.total, world);
    for (int w = 0; w < clade_threads_get() && w < MAX_THREADS; w++) {
        run.worker[w] = CLADE_NEW(demo_worker, 1);
        if (run.worker[w] == NULL) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "demo: no memory for thread %d", w);
            goto done;
        }
    }

    status = open_files(&output, world->events, err);
    if (status != CLADE_OK) goto done;
    status = write_catalogue(&run, err);
    if (status != CLADE_OK) goto done;
    status = write_shards(&run, err);
    if (status != CLADE_OK) goto done;
    status = write_summary(&run, err);
    if (status != CLADE_OK) goto done;
    status = commit_files(&output, &run.total.size_bytes, err);
    if (status != CLADE_OK) goto done;

    run.total.seconds = clade_seconds() - start;
    if (out_summary != NULL) *out_summary = run.total;
done:
    abandon_files(&output, status != CLADE_OK);
    for (int w = 0; w < MAX_THREADS; w++)
        free_worker(run.worker[w]);
    demo__world_free(world);
    pthread_cond_destroy(&run.turned);
    pthread_mutex_destroy(&run.lock);
    return status;
}
