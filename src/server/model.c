/*
 * The read model: names, counts, segments and features of everybody. Made at start and after every
 * refresh, on the builder's thread; about a microsecond a customer for names, the rest is the
 * store's.
 */
#include "model.h"

#include "clade/flows.h"
#include "clade/ingest.h"
#include "clade/study.h"

#include <math.h>
#include <stdlib.h>

enum { SPEND_DAYS = 90 };

static clade_status no_memory(clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the answers kept in memory");
}

/* ---------------------------------------------------------------- names */

static uint64_t hash_name(const clade__model *model, const char *name, size_t size)
{
    return clade_hash64(name, size, model->index_seed);
}

static void index_put(clade__model *model, int64_t customer)
{
    const char *const name = model->names.data + model->name_at[customer];
    size_t            at   = hash_name(model, name, strlen(name)) & (model->n_index - 1);
    while (model->index[at] != 0)
        at = (at + 1) & (model->n_index - 1);
    model->index[at] = (uint32_t)customer + 1;
}

int64_t clade__model_find(const clade__model *model, const char *id)
{
    if (model->n_index == 0) return -1;
    size_t at = hash_name(model, id, strlen(id)) & (model->n_index - 1);
    for (; model->index[at] != 0; at = (at + 1) & (model->n_index - 1)) {
        const uint32_t customer = model->index[at] - 1;
        if (model->name_at[customer] == 0) continue; /* forgotten */
        if (strcmp(model->names.data + model->name_at[customer], id) == 0) return customer;
    }
    return -1;
}

const char *clade__model_name(const clade__model *model, int64_t customer)
{
    if (customer < 0 || (size_t)customer >= model->n || model->name_at[customer] == 0) return NULL;
    return model->names.data + model->name_at[customer];
}

static clade_status keep_name(clade__model *model, clade_store *store, int64_t customer,
                              clade_text sealed, clade_buffer *plain)
{
    clade_buffer_clear(plain);
    if (customer < 0 || (size_t)customer >= model->n) return CLADE_OK;
    /* Forgotten, or a slot that a damaged disk lost: nobody to speak of. */
    if (clade_identity_unseal(plain, store, customer, sealed, NULL) != CLADE_OK) return CLADE_OK;
    if (model->names.size > UINT32_MAX - plain->size - 1) return CLADE_ERR_NOMEM;
    model->name_at[customer] = (uint32_t)model->names.size;
    clade_buffer_append(&model->names, plain->data == NULL ? "" : plain->data, plain->size);
    clade_buffer_append(&model->names, "", 1);
    return model->names.failed ? CLADE_ERR_NOMEM : CLADE_OK;
}

static clade_status read_names(clade__model *model, clade_store *store, clade_error *err)
{
    clade_rows  *rows  = NULL;
    clade_chunk  chunk = { 0 };
    clade_buffer plain = { 0 };
    model->name_at     = CLADE_NEW(uint32_t, model->n + 1);
    model->n_index     = 16;
    while (model->n_index < 2 * model->n)
        model->n_index *= 2;
    model->index = CLADE_NEW(uint32_t, model->n_index);
    clade_buffer_append(&model->names, "", 1); /* offset 0 is nobody's */
    if (model->name_at == NULL || model->index == NULL) return no_memory(err);
    clade_status status = clade_store_query(
        &rows, store, "SELECT customer, sealed FROM identity WHERE kind = 'id'", NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *const customer = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++)
            status = keep_name(model, store, customer[i], clade_chunk_text(&chunk, 1, i), &plain);
        if (status == CLADE_ERR_NOMEM) (void)no_memory(err);
    }
    clade_rows_close(rows);
    if (plain.data != NULL) explicit_bzero(plain.data, plain.capacity);
    clade_buffer_free(&plain);
    for (size_t i = 0; i < model->n && status == CLADE_OK; i++)
        if (model->name_at[i] != 0) index_put(model, (int64_t)i);
    return status;
}

/* ---------------------------------------------------------------- counts */

static const char counts_sql[] =
    "SELECT e.customer, min(e.at_us), max(e.at_us), CAST(count(*) AS BIGINT), "
    "CAST(coalesce(any_value(o.orders), 0) AS BIGINT), CAST(coalesce(any_value(o.spend), 0) AS "
    "BIGINT) FROM event e LEFT JOIN (SELECT customer, count(DISTINCT coalesce(order_ref, "
    "CAST(event AS VARCHAR))) AS orders, CAST(sum(value_minor) AS BIGINT) AS spend FROM order_line "
    "WHERE quantity > 0 GROUP BY customer) o ON o.customer = e.customer "
    "WHERE e.customer IS NOT NULL AND e.at_us < ? GROUP BY e.customer";

static clade_status read_counts(clade__model *model, clade_store *store, clade_error *err)
{
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    const clade_value args[] = { CLADE_INT(model->as_of_us) };
    clade_status      status = clade_store_query(&rows, store, counts_sql, args, 1, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++) {
            const int64_t customer = clade_chunk_int(&chunk, 0, i, -1);
            if (customer < 0 || (size_t)customer >= model->n) continue;
            model->first_us[customer]    = clade_chunk_int(&chunk, 1, i, 0);
            model->last_us[customer]     = clade_chunk_int(&chunk, 2, i, 0);
            model->n_events[customer]    = (int32_t)clade_chunk_int(&chunk, 3, i, 0);
            model->n_orders[customer]    = (int32_t)clade_chunk_int(&chunk, 4, i, 0);
            model->spend_minor[customer] = clade_chunk_int(&chunk, 5, i, 0);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* ---------------------------------------------------------------- segments and features */

/* Written once, copied into every profile. */
static clade_status write_segments(clade__model *model, clade_segment_kind kind, clade_error *err)
{
    for (size_t s = 0; s < clade_segmentation_n(model->segmentation[kind]); s++) {
        const clade_segment_name *const name =
            clade_segmentation_name(model->segmentation[kind], s);
        clade_buffer text = { 0 };
        clade_json   json = clade_json_start(&text, 0);
        clade_json_object(&json);
        clade_json_put_text(&json, "kind", clade_segment_kind_name(kind));
        clade_json_put_text(&json, "key", name->key);
        clade_json_put_text(&json, "name", name->en);
        clade_json_put_text(&json, "name_zh", name->zh);
        clade_json_object_end(&json);
        const char *const kept =
            text.failed ? NULL : clade_arena_text(model->arena, text.data, text.size);
        model->segment_json[kind][s] = (clade_text){ kept, text.size };
        clade_buffer_free(&text);
        if (kept == NULL) return no_memory(err);
    }
    return CLADE_OK;
}

static clade_status read_kind(clade__model *model, clade_store *store, clade_segment_kind kind,
                              clade_error *err)
{
    clade_members members   = { 0 };
    int64_t       fitted_us = 0;
    clade_error   mine      = { 0 };
    clade_status status = clade_segmentation_load(&model->segmentation[kind], &model->version[kind],
                                                  &fitted_us, store, kind, &mine);
    if (status == CLADE_ERR_NOT_READY) return CLADE_OK;
    if (status == CLADE_OK)
        status = clade_members_get(&members, store, model->segmentation[kind], model->version[kind],
                                   model->as_of_us, SPEND_DAYS, &mine);
    if (status != CLADE_OK) { /* clusters of vectors whose model is gone: the rest is still true */
        clade_log(CLADE_LOG_WARN, "segments by %s are left out: %s", clade_segment_kind_name(kind),
                  mine.message);
        clade_segmentation_free(model->segmentation[kind]);
        model->segmentation[kind] = NULL;
        return status == CLADE_ERR_NOMEM ? no_memory(err) : CLADE_OK;
    }
    model->segment[kind] = CLADE_NEW(int8_t, model->n + 1);
    if (model->segment[kind] == NULL) {
        clade_members_free(&members);
        return no_memory(err);
    }
    memset(model->segment[kind], CLADE__SEGMENT, model->n + 1);
    for (size_t i = 0; i < members.n; i++) {
        const int64_t customer = members.customer[i];
        const int32_t s        = members.segment[i];
        if (customer < 0 || (size_t)customer >= model->n || s < 0 || s >= CLADE_SEGMENTS_MAX)
            continue;
        model->segment[kind][customer] = (int8_t)s;
        model->n_members[kind][s]++;
        model->spend_of[kind][s] += members.spend_minor[i];
    }
    clade_members_free(&members);
    return write_segments(model, kind, err);
}

static void read_study(clade__model *model, clade_store *store)
{
    if (clade_study_read(&model->study_text, store, NULL) != CLADE_OK) return;
    const clade_text text = { model->study_text.data, model->study_text.size };
    if (clade_json_parse(&model->study, text, model->arena, NULL) != CLADE_OK) model->study.n = 0;
}

static clade_status read_features(clade__model *model, clade_store *store, clade_error *err)
{
    model->feature_row = CLADE_NEW(int32_t, model->n + 1);
    if (model->feature_row == NULL) return no_memory(err);
    for (size_t i = 0; i < model->n; i++)
        model->feature_row[i] = -1;
    CLADE_TRY(clade_features_get(&model->features, store, model->as_of_us, err));
    for (size_t i = 0; i < model->features->n_customers; i++) {
        const int64_t customer = model->features->customer[i];
        if ((size_t)customer < model->n) model->feature_row[customer] = (int32_t)i;
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- all of it */

static clade_status make_arrays(clade__model *model, clade_error *err)
{
    model->arena       = clade_arena_create(0);
    model->first_us    = CLADE_NEW(int64_t, model->n + 1);
    model->last_us     = CLADE_NEW(int64_t, model->n + 1);
    model->n_events    = CLADE_NEW(int32_t, model->n + 1);
    model->n_orders    = CLADE_NEW(int32_t, model->n + 1);
    model->spend_minor = CLADE_NEW(int64_t, model->n + 1);
    if (model->arena == NULL || model->first_us == NULL || model->last_us == NULL ||
        model->n_events == NULL || model->n_orders == NULL || model->spend_minor == NULL)
        return no_memory(err);
    for (size_t i = 0; i < model->n; i++)
        model->first_us[i] = model->last_us[i] = INT64_MIN;
    return CLADE_OK;
}

/* Names and counts, of one moment: what live state holds beside them is what came after it. */
static clade_status read_facts(clade__model *model, clade_server *server, clade_error *err)
{
    clade_store *const store = server->store;
    clade_error        mine  = { 0 };
    const clade_status clean = clade_replay_if_stale(store, err); /* live events leave it behind */
    clade__flush_reset(server);
    CLADE_TRY(clean);
    model->stored_seq = clade__stored_seq(server);
    model->n          = (size_t)clade_identity_count(store);
    CLADE_TRY(make_arrays(model, err));
    CLADE_TRY(read_names(model, store, err));
    if (clade_store_setting_get(model->currency, sizeof model->currency, store, "currency", NULL) !=
        CLADE_OK)
        model->currency[0] = '\0';
    const clade_status status = clade_shop_now(&model->as_of_us, store, &mine);
    if (status == CLADE_ERR_NOT_READY) {
        model->as_of_us = INT64_MIN;
        return CLADE_OK;
    }
    if (status != CLADE_OK) {
        if (err != NULL) *err = mine;
        return status;
    }
    return read_counts(model, store, err);
}

/* Part by part: events are stored and slow questions answered between two of them. */
static clade_status read_all(clade__model *model, clade_server *server, clade_error *err)
{
    clade_store *const store = server->store;
    CLADE_TRY(read_facts(model, server, err));
    if (model->as_of_us == INT64_MIN) return CLADE_OK;
    clade__store_pass(server);
    CLADE_TRY(read_features(model, store, err));
    for (int kind = 0; kind < CLADE_N_SEGMENT_KIND; kind++) {
        clade__store_pass(server);
        CLADE_TRY(read_kind(model, store, (clade_segment_kind)kind, err));
    }
    read_study(model, store);
    clade__store_pass(server);
    CLADE_TRY(clade__model_read_scores(model, store, err));
    clade__store_pass(server);
    return clade__model_read_items(model, store, err);
}

clade_status clade__model_make(clade__model **out, clade_server *server, clade_error *err)
{
    const double  start = clade_seconds();
    clade__model *model = CLADE_NEW(clade__model, 1);
    if (model == NULL) return no_memory(err);
    pthread_mutex_init(&model->recommend_mutex, NULL);
    pthread_mutex_init(&model->names_mutex, NULL);
    model->made_us    = clade_now_us();
    model->index_seed = (uint64_t)model->made_us * 0x9e3779b97f4a7c15u;
    clade__store_lock(server);
    clade_status status = read_all(model, server, err);
    clade__store_unlock(server);
    if (status == CLADE_OK) status = clade__model_rank_items(model, err);
    model->seconds = clade_seconds() - start;
    if (status == CLADE_OK)
        *out = model;
    else
        clade__model_free(model);
    return status;
}

void clade__model_free(clade__model *model)
{
    if (model == NULL) return;
    clade_recommender_free(model->recommender);
    clade_shop_histories_free(model->histories);
    clade_shop_behaviour_free(model->behaviour);
    clade_predictions_free(model->predictions);
    for (size_t i = 0; i < model->n_tasks; i++) {
        clade_predictor_free(model->task[i].predictor);
        free(model->task[i].value);
        free(model->task[i].low);
        free(model->task[i].high);
    }
    for (int kind = 0; kind < CLADE_N_SEGMENT_KIND; kind++) {
        clade_segmentation_free(model->segmentation[kind]);
        free(model->segment[kind]);
    }
    clade_features_free(model->features);
    free(model->feature_row);
    if (model->names.data != NULL) explicit_bzero(model->names.data, model->names.capacity);
    clade_buffer_free(&model->names);
    clade_buffer_free(&model->study_text);
    clade_buffer_free(&model->item_json);
    free(model->item_at);
    free(model->top_item);
    free(model->top_score);
    free(model->name_at);
    free(model->index);
    free(model->first_us);
    free(model->last_us);
    free(model->n_events);
    free(model->n_orders);
    free(model->spend_minor);
    clade_arena_free(model->arena);
    pthread_mutex_destroy(&model->recommend_mutex);
    pthread_mutex_destroy(&model->names_mutex);
    free(model);
}

void clade__model_forget(clade__model *model, int64_t customer)
{
    if (customer < 0 || (size_t)customer >= model->n) return;
    pthread_mutex_lock(&model->names_mutex);
    if (model->name_at[customer] != 0) {
        char *const name = model->names.data + model->name_at[customer];
        explicit_bzero(name, strlen(name));
    }
    model->name_at[customer] = 0;
    pthread_mutex_unlock(&model->names_mutex);
    model->first_us[customer] = model->last_us[customer] = INT64_MIN;
    model->n_events[customer] = model->n_orders[customer] = 0;
    model->spend_minor[customer]                          = 0;
    for (int kind = 0; kind < CLADE_N_SEGMENT_KIND; kind++) {
        if (model->segment[kind] == NULL) continue;
        const int8_t s = model->segment[kind][customer];
        if (s >= 0) model->n_members[kind][s]--;
        model->segment[kind][customer] = CLADE__SEGMENT;
    }
    for (size_t i = 0; i < model->n_tasks; i++)
        model->task[i].value[customer] = NAN;
    if (model->feature_row != NULL) model->feature_row[customer] = -1;
    if (model->top_item != NULL)
        memset(model->top_item + customer * CLADE__TOP, 0, CLADE__TOP * sizeof *model->top_item);
}
