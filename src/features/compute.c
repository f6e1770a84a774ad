/* Features of all customers: run the stages in the store, then read one row a customer.
 *
 * The rows come in the order the engine likes; each goes to the place that the sorted list of
 * customers gives it, so that nothing wide has to be sorted. */
#include "internal.h"

#include "clade/run.h"

static void drop_stages(clade_store *store, const clade__stage *stage, size_t n_stages)
{
    for (size_t i = 0; i < n_stages; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS temp.%s", stage[i].name);
        clade_error ignored = { 0 };
        (void)!clade_store_run(store, sql, NULL, 0, &ignored);
    }
}

static clade_status run_stages(clade_store *store, const clade__stage *stage, size_t n_stages,
                               clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer sql    = { 0 };

    clade_progress_begin("features", (double)n_stages + 1, "steps");
    for (size_t i = 0; i < n_stages; i++) {
        const double start = clade_seconds();
        clade_buffer_clear(&sql);
        clade_buffer_format(&sql, "CREATE TEMPORARY TABLE %s AS\n", stage[i].name);
        clade_buffer_append(&sql, stage[i].sql.data, stage[i].sql.size);
        if (sql.failed) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for feature SQL");
            goto done;
        }
        status = clade_store_run(store, sql.data, NULL, 0, err);
        if (status != CLADE_OK) goto done;
        clade_log(CLADE_LOG_DEBUG, "features: %s in %.3f s", stage[i].name,
                  clade_seconds() - start);
        clade_progress_update((double)i + 1);
    }
done:
    clade_progress_end();
    clade_buffer_free(&sql);
    return status;
}

static clade_status read_customers(clade_features *features, clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    int64_t      n      = 0;
    size_t       at     = 0;
    size_t       cells  = 0;

    status = clade_store_int(&n, store, "SELECT count(*) FROM f_person", NULL, 0, 0, err);
    if (status != CLADE_OK) goto done;
    features->n_customers = (size_t)n;
    if (!clade_size_mul(&cells, features->n_customers, features->n_features)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "too many customers: %lld", (long long)n);
        goto done;
    }
    features->customer = CLADE_NEW(int64_t, features->n_customers + 1);
    features->value    = CLADE_NEW(float, cells + 1);
    if (features->customer == NULL || features->value == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu features of %lld customers",
                            features->n_features, (long long)n);
        goto done;
    }

    status = clade_store_query(&rows, store, "SELECT customer FROM f_person ORDER BY customer",
                               NULL, 0, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        assert(at + chunk.n_rows <= features->n_customers);
        memcpy(features->customer + at, clade_chunk_data(&chunk, 0),
               chunk.n_rows * sizeof(int64_t));
        at += chunk.n_rows;
    }
done:
    clade_rows_close(rows);
    return status;
}

static size_t place_of(const clade_features *features, int64_t customer)
{
    size_t low = 0, high = features->n_customers;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (features->customer[middle] <= customer)
            low = middle;
        else
            high = middle;
    }
    assert(features->customer[low] == customer);
    return low;
}

static void take_chunk(clade_features *features, const clade_chunk *chunk, size_t *place)
{
    const int64_t *customer = clade_chunk_data(chunk, 0);

    for (size_t row = 0; row < chunk->n_rows; row++)
        place[row] = place_of(features, customer[row]);
    for (size_t j = 0; j < features->n_features; j++) {
        const double *column = clade_chunk_data(chunk, j + 1);
        for (size_t row = 0; row < chunk->n_rows; row++) {
            const float value =
                clade_chunk_valid(chunk, j + 1, row) ? (float)column[row] : (float)NAN;
            features->value[place[row] * features->n_features + j] =
                isfinite(value) ? value : (float)NAN;
        }
    }
}

static clade_status read_values(clade_features *features, clade_store *store,
                                const clade__as_of *as_of, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_buffer sql    = { 0 };
    size_t      *place  = NULL;
    size_t       room   = 0;
    size_t       n_read = 0;

    clade__final_make(&sql, as_of);
    if (sql.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for feature SQL");
        goto done;
    }
    status = clade_store_query(&rows, store, sql.data, NULL, 0, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        if (!CLADE_GROW(&place, &room, chunk.n_rows)) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rows", chunk.n_rows);
            goto done;
        }
        take_chunk(features, &chunk, place);
        n_read += chunk.n_rows;
    }
    assert(status != CLADE_OK || n_read == features->n_customers);
done:
    free(place);
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}

clade_status clade_features_compute(clade_features **out_features, clade_store *store,
                                    int64_t as_of_us, clade_error *err)
{
    clade_status    status                   = CLADE_OK;
    clade__as_of    as_of                    = { 0 };
    clade__stage    stage[CLADE__MAX_STAGES] = { 0 };
    size_t          n_stages                 = 0;
    clade_features *features                 = CLADE_NEW(clade_features, 1);

    if (features == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for features");
    (void)clade_features_all(&features->n_features);
    features->as_of_us = as_of_us;

    status = clade__as_of_begin(&as_of, store, as_of_us, err);
    if (status != CLADE_OK) goto done;
    status = clade__stages_make(stage, &n_stages, &as_of, err);
    if (status != CLADE_OK) goto done;
    status = clade_store_run(store, clade__feature_macros, NULL, 0, err);
    if (status != CLADE_OK) goto done;
    drop_stages(store, stage, n_stages);
    status = run_stages(store, stage, n_stages, err);
    if (status != CLADE_OK) goto done;
    status = read_customers(features, store, err);
    if (status != CLADE_OK) goto done;
    status = read_values(features, store, &as_of, err);
    if (status != CLADE_OK) goto done;

    *out_features = features;
    features      = NULL;
done:
    drop_stages(store, stage, n_stages);
    for (size_t i = 0; i < n_stages; i++)
        clade_buffer_free(&stage[i].sql);
    clade__as_of_end(&as_of);
    clade_features_free(features);
    return status;
}

void clade_features_free(clade_features *features)
{
    if (features == NULL) return;
    free(features->customer);
    free(features->value);
    free(features);
}
