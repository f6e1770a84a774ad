/* Reading: a thread turns the file into batches of typed rows, the caller stores them. Batches go
 * round in a ring, in order, so the result does not depend on who is faster. With one thread, and
 * for Parquet (which the store itself reads), batches are filled when they are asked for. */
#include "load_internal.h"

#include "clade/run.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    BATCH_TEXT_BYTES = 8 << 20, /* a batch of very long rows ends early */
    /* Who had to wait waits for several batches: waking up costs as much as a batch. */
    WAKE_FILLED = 8,
    WAKE_FREE   = LOAD_QUEUE_BATCHES / 4,
};

_Static_assert(WAKE_FILLED + WAKE_FREE < LOAD_QUEUE_BATCHES, "both sides would wait for ever");

struct load_feed {
    clade_reader   *reader;
    load_parser     parser;
    load_batch      batch[LOAD_QUEUE_BATCHES];
    pthread_t       thread;
    bool            threaded;
    pthread_mutex_t lock;
    pthread_cond_t  filled_more;              /* the caller waits for it, */
    pthread_cond_t  freed_more;               /* the reader for this: two waiters never share one */
    int             free[LOAD_QUEUE_BATCHES]; /* stack of empty batches */
    int             n_free;
    int             filled[LOAD_QUEUE_BATCHES]; /* ring of full ones, oldest at first_filled */
    int             first_filled, n_filled;
    int             lent;   /* the batch the caller has, or -1 */
    bool            stop;   /* the caller has had enough */
    bool            at_end; /* nothing more will be filled */
    clade_status    status;
    clade_error     error;
    double          busy_s;
};

/* Fill one batch. Sets at_end at the end of the file or on an error. */
static void fill(load_feed *feed, load_batch *batch)
{
    const double start = clade_seconds();
    bool         more  = true;
    batch->n_rows      = 0;
    batch->text_size   = batch->text == NULL ? 0 : 1;
    while (batch->n_rows < LOAD_BATCH_ROWS && batch->text_size < BATCH_TEXT_BYTES) {
        clade_row row;
        feed->status = clade_reader_next(&row, &more, feed->reader, &feed->error);
        if (feed->status != CLADE_OK || !more) break;
        if (!clade__row_parse(&feed->parser, batch, &row)) {
            feed->status = clade_fail(&feed->error, CLADE_ERR_NOMEM,
                                      "line %lld: no memory for a row", (long long)row.line);
            break;
        }
    }
    batch->progress = clade_reader_progress(feed->reader);
    batch->last     = !more || feed->status != CLADE_OK;
    feed->busy_s += clade_seconds() - start;
}

static void put_filled(load_feed *feed, int batch)
{
    feed->filled[(feed->first_filled + feed->n_filled++) % LOAD_QUEUE_BATCHES] = batch;
    feed->at_end = feed->batch[batch].last;
}

static void *read_all(void *context)
{
    load_feed *feed = context;
    for (bool last = false; !last;) {
        pthread_mutex_lock(&feed->lock);
        if (feed->n_free == 0) {
            while (!feed->stop && feed->n_free < WAKE_FREE) {
                pthread_cond_wait(&feed->freed_more, &feed->lock);
            }
        }
        const bool stop  = feed->stop;
        const int  batch = stop ? -1 : feed->free[--feed->n_free];
        pthread_mutex_unlock(&feed->lock);
        if (stop) break;

        fill(feed, &feed->batch[batch]);
        last = feed->batch[batch].last;
        pthread_mutex_lock(&feed->lock);
        put_filled(feed, batch);
        if (feed->n_filled >= WAKE_FILLED || feed->at_end) pthread_cond_signal(&feed->filled_more);
        pthread_mutex_unlock(&feed->lock);
    }
    return NULL;
}

clade_status clade__feed_open(load_feed **out_feed, const load_plan *plan, const char *path,
                              clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    load_feed   *feed   = CLADE_NEW(load_feed, 1);
    if (feed == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", path);
        goto done;
    }
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->filled_more, NULL);
    pthread_cond_init(&feed->freed_more, NULL);
    feed->parser.plan         = plan;
    feed->parser.tally.min_us = INT64_MAX;
    feed->parser.tally.max_us = INT64_MIN;
    feed->lent                = -1;
    for (int i = LOAD_QUEUE_BATCHES - 1; i >= 0; i--) {
        load_batch *batch          = &feed->batch[i];
        feed->free[feed->n_free++] = i;
        batch->n_attributes        = plan->n_attributes;
        batch->row                 = CLADE_NEW(load_row, LOAD_BATCH_ROWS);
        batch->attribute = CLADE_NEW(load_span, LOAD_BATCH_ROWS * (plan->n_attributes + 1));
        if (batch->row == NULL || batch->attribute == NULL) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", path);
            goto done;
        }
    }
    status = clade_reader_open(&feed->reader, path, store, err);
    if (status != CLADE_OK) goto done;
    if (clade_reader_dialect(feed->reader)->format != CLADE_FORMAT_PARQUET &&
        clade_threads_get() > 1) {
        feed->threaded = pthread_create(&feed->thread, NULL, read_all, feed) == 0;
    }
    *out_feed = feed;
    feed      = NULL;
done:
    clade__feed_close(feed);
    return status;
}

clade_status clade__feed_next(load_batch **out_batch, load_feed *feed, clade_error *err)
{
    load_batch *batch = NULL;
    pthread_mutex_lock(&feed->lock);
    if (feed->lent >= 0) {
        feed->free[feed->n_free++] = feed->lent;
        feed->lent                 = -1;
        if (feed->n_free >= WAKE_FREE) pthread_cond_signal(&feed->freed_more);
    }
    if (!feed->threaded && !feed->at_end) {
        const int next = feed->free[--feed->n_free];
        fill(feed, &feed->batch[next]);
        put_filled(feed, next);
    }
    if (feed->n_filled == 0) {
        while (feed->n_filled < WAKE_FILLED && !feed->at_end) {
            pthread_cond_wait(&feed->filled_more, &feed->lock);
        }
    }
    if (feed->n_filled > 0) {
        feed->lent         = feed->filled[feed->first_filled];
        feed->first_filled = (feed->first_filled + 1) % LOAD_QUEUE_BATCHES;
        feed->n_filled--;
        batch = &feed->batch[feed->lent];
    }
    const bool failed = (batch == NULL || batch->last) && feed->status != CLADE_OK;
    pthread_mutex_unlock(&feed->lock);
    if (failed) {
        if (err != NULL) *err = feed->error;
        return feed->status;
    }
    *out_batch = batch;
    return CLADE_OK;
}

const load_tally *clade__feed_tally(const load_feed *feed)
{
    return &feed->parser.tally;
}

uint64_t clade__feed_hash(const load_feed *feed)
{
    return clade_reader_hash(feed->reader);
}

int64_t clade__feed_bytes(const load_feed *feed)
{
    return clade_reader_bytes(feed->reader);
}

double clade__feed_busy_s(const load_feed *feed)
{
    return feed->busy_s;
}

void clade__feed_close(load_feed *feed)
{
    if (feed == NULL) return;
    if (feed->threaded) {
        pthread_mutex_lock(&feed->lock);
        feed->stop = true;
        pthread_cond_signal(&feed->freed_more);
        pthread_mutex_unlock(&feed->lock);
        pthread_join(feed->thread, NULL);
    }
    clade_reader_close(feed->reader);
    for (size_t i = 0; i < LOAD_QUEUE_BATCHES; i++) {
        free(feed->batch[i].row);
        free(feed->batch[i].attribute);
        free(feed->batch[i].text);
    }
    pthread_cond_destroy(&feed->filled_more);
    pthread_cond_destroy(&feed->freed_more);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}
