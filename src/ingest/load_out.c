/* Filling a table of the store: a chunk of rows at a time, with the columns that a file never has
 * set to NULL once a chunk. */
#include "load_internal.h"

#include "clade/run.h"

#include <pthread.h>
#include <stdlib.h>

enum { HELP_CHUNKS = 60 }; /* 122,880 rows: a row group of the engine */

/* Handing rows to the engine (statistics, compression, disk) costs more than making them. The
 * helper does that for one appender while the other one is filled; turns keep the order of rows. */
struct load_helper {
    clade_appender *other; /* the one that is not being filled */
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  wanted; /* the helper waits for it, */
    pthread_cond_t  done;   /* the caller for this */
    bool            busy, stop;
    clade_status    status; /* of the last turn; written while busy */
    clade_error     error;
};

static void *help(void *context)
{
    load_helper *helper = context;
    pthread_mutex_lock(&helper->lock);
    for (;;) {
        while (!helper->busy && !helper->stop)
            pthread_cond_wait(&helper->wanted, &helper->lock);
        if (!helper->busy) break;
        pthread_mutex_unlock(&helper->lock);
        clade_error        error  = { 0 };
        const clade_status status = clade_appender_finish(helper->other, &error);
        pthread_mutex_lock(&helper->lock);
        if (helper->status == CLADE_OK && status != CLADE_OK) {
            helper->status = status;
            helper->error  = error;
        }
        helper->busy = false;
        pthread_cond_signal(&helper->done);
    }
    pthread_mutex_unlock(&helper->lock);
    return NULL;
}

static clade_status await(load_helper *helper, clade_error *err)
{
    pthread_mutex_lock(&helper->lock);
    while (helper->busy)
        pthread_cond_wait(&helper->done, &helper->lock);
    const clade_status status = helper->status;
    if (status != CLADE_OK && err != NULL) *err = helper->error;
    pthread_mutex_unlock(&helper->lock);
    return status;
}

clade_status clade__out_cause(clade_status status, load_out *out, clade_error *err)
{
    if (status == CLADE_OK || out->helper == NULL) return status;
    const clade_status first = await(out->helper, err);
    return first == CLADE_OK ? status : first;
}

clade_status clade__out_help(load_out *out, clade_store *store, const char *table, clade_error *err)
{
    load_helper *helper = CLADE_NEW(load_helper, 1);
    if (helper == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to store rows");
    const clade_status status = clade_appender_open(&helper->other, store, table, err);
    if (status != CLADE_OK) {
        free(helper);
        return status;
    }
    pthread_mutex_init(&helper->lock, NULL);
    pthread_cond_init(&helper->wanted, NULL);
    pthread_cond_init(&helper->done, NULL);
    if (pthread_create(&helper->thread, NULL, help, helper) != 0) {
        clade_appender_close(helper->other); /* then the caller does it all */
        pthread_mutex_destroy(&helper->lock);
        pthread_cond_destroy(&helper->wanted);
        pthread_cond_destroy(&helper->done);
        free(helper);
        return CLADE_OK;
    }
    out->helper   = helper;
    out->n_chunks = 0;
    return CLADE_OK;
}

static void helper_free(load_helper *helper)
{
    if (helper == NULL) return;
    pthread_mutex_lock(&helper->lock);
    helper->stop = true;
    pthread_cond_signal(&helper->wanted);
    pthread_mutex_unlock(&helper->lock);
    pthread_join(helper->thread, NULL);
    pthread_mutex_destroy(&helper->lock);
    pthread_cond_destroy(&helper->wanted);
    pthread_cond_destroy(&helper->done);
    clade_appender_close(helper->other);
    free(helper);
}

static void out_start(load_out *out)
{
    for (size_t i = 0; i < out->n_columns; i++) {
        if (out->absent >> i & 1) clade_appender_null_all(out->appender, i);
    }
}

clade_status clade__out_open(load_out *out, clade_store *store, const char *table, size_t n_columns,
                             clade_error *err)
{
    if (out->appender != NULL) return CLADE_OK;
    out->n_columns = n_columns;
    out->n         = 0;
    CLADE_TRY(clade_appender_open(&out->appender, store, table, err));
    out_start(out);
    return CLADE_OK;
}

/* The appender at hand is full: its turn is over, the other's begins. */
static clade_status change_turns(load_out *out, clade_error *err)
{
    load_helper *helper = out->helper;
    CLADE_TRY(await(helper, err));
    pthread_mutex_lock(&helper->lock);
    clade_appender *full = out->appender;
    out->appender        = helper->other;
    helper->other        = full;
    helper->busy         = true;
    pthread_cond_signal(&helper->wanted);
    pthread_mutex_unlock(&helper->lock);
    out->n_chunks = 0;
    return CLADE_OK;
}

clade_status clade__out_row(size_t *out_row, load_out *out, clade_error *err)
{
    if (out->n == CLADE_APPENDER_ROWS) {
        CLADE_TRY(clade_appender_flush(out->appender, out->n, err));
        if (out->helper != NULL && ++out->n_chunks == HELP_CHUNKS)
            CLADE_TRY(change_turns(out, err));
        out->n = 0;
        out_start(out);
    }
    *out_row = out->n++;
    return CLADE_OK;
}

clade_status clade__out_finish(load_out *out, clade_error *err)
{
    if (out->appender == NULL) return CLADE_OK;
    if (out->helper != NULL) CLADE_TRY(await(out->helper, err));
    CLADE_TRY(clade_appender_flush(out->appender, out->n, err));
    out->n = 0;
    out_start(out);
    return clade_appender_finish(out->appender, err);
}

void clade__out_close(load_out *out)
{
    helper_free(out->helper);
    clade_appender_close(out->appender);
    out->helper   = NULL;
    out->appender = NULL;
}

void clade__out_i64(load_out *out, size_t column, size_t row, int64_t value)
{
    ((int64_t *)clade_appender_column(out->appender, column))[row] = value;
}

void clade__out_f64(load_out *out, size_t column, size_t row, double value)
{
    ((double *)clade_appender_column(out->appender, column))[row] = value;
}

void clade__out_text(load_out *out, size_t column, size_t row, clade_text value)
{
    if (value.size == 0)
        clade_appender_null(out->appender, column, row);
    else
        clade_appender_text(out->appender, column, row, value);
}

void clade__out_null(load_out *out, size_t column, size_t row)
{
    clade_appender_null(out->appender, column, row);
}
