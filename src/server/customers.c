/*
 * One customer: profile, segments, scores and items out of memory, on the loop thread, in some tens
 * of microseconds; events, reasons and the whole page from the store, on a worker.
 */
#include "model.h"

#include "clade/customer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVENTS_MOST = 1000, REASONS = 5 };

static void unknown(clade__request *q)
{
    clade__problem(q, 404, "unknown_customer", "ids are those that events and files came with",
                   "there is no such customer");
}

/* The customer of the path, or -1. */
static int64_t find(const clade__request *q)
{
    return clade__model_find(q->server->model, q->param[0]);
}

/* ---------------------------------------------------------------- parts of a profile */

static void put_counts(clade_json *json, const clade__model *model, int64_t c)
{
    clade__put_time(json, "first_seen", model->first_us[c]);
    clade__put_time(json, "last_seen", model->last_us[c]);
    clade_json_put_int(json, "events", model->n_events[c]);
    clade_json_put_int(json, "orders", model->n_orders[c]);
    clade__put_money(json, "spent", model->spend_minor[c], model->currency);
    clade_json_put_text(json, "currency", model->currency);
}

static void put_segments(clade_json *json, const clade__request *q, int64_t c)
{
    const clade__model *const model = q->server->model;
    clade_json_key(json, "segments");
    clade_json_array(json);
    for (int kind = 0; c >= 0 && kind < CLADE_N_SEGMENT_KIND; kind++) {
        const int s = model->segment[kind] == NULL ? CLADE__SEGMENT : model->segment[kind][c];
        if (s < 0) continue;
        const clade_text text = model->segment_json[kind][s];
        clade_json_raw(json, text.data, text.size);
    }
    clade__rules_put(json, q->server, q->param[0]);
    clade_json_array_end(json);
}

static void put_scores(clade_json *json, const clade__model *model, int64_t c)
{
    clade_json_key(json, "scores");
    clade_json_object(json);
    for (size_t i = 0; i < model->n_tasks; i++) {
        const clade__task *const task = &model->task[i];
        if (isnan(task->value[c])) continue;
        clade_json_key(json, task->name);
        clade_json_object(json);
        clade__put_rounded(json, "value", (double)task->value[c]);
        clade__put_rounded(json, "low", (double)task->low[c]);
        clade__put_rounded(json, "high", (double)task->high[c]);
        clade_json_put_int(json, "run", clade_predictor_card(task->predictor)->run);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
}

static void put_features(clade_json *json, const clade__model *model, int64_t c)
{
    const int32_t row = model->feature_row == NULL ? -1 : model->feature_row[c];
    size_t        n   = 0;
    clade_json_key(json, "features");
    clade_json_object(json);
    const clade_feature *const feature = clade_features_all(&n);
    for (size_t i = 0; row >= 0 && i < n; i++) {
        const float value = model->features->value[(size_t)row * model->features->n_features + i];
        if (!isnan(value)) clade__put_rounded(json, feature[i].name, (double)value);
    }
    clade_json_object_end(json);
}

static void put_popular(clade_json *json, const clade__model *model, size_t n)
{
    for (size_t i = 0; i < n && i < model->n_popular; i++) {
        const clade__popular *const one = &model->popular[i];
        char                        why[120];
        clade_json_object(json);
        clade_json_put_text(json, "item", one->ref);
        clade_json_put_text(json, "name", one->name[0] == '\0' ? NULL : one->name);
        clade_json_put_number(json, "score", one->n);
        snprintf(why, sizeof why, "bought by %.0f customers in the last %d days", one->n,
                 CLADE_RECOMMEND_DAYS);
        clade_json_put_text(json, "reason", why);
        clade_json_put_text(json, "ground", "popular");
        clade_json_object_end(json);
    }
}

static bool has_items(const clade__model *model, int64_t c)
{
    return c >= 0 && model->top_item != NULL && model->top_item[(size_t)c * CLADE__TOP] > 0;
}

static const char *recommended_by(const clade__model *model)
{
    return model->options.by_baseline ? clade_neighbours_name(model->options.baseline)
                                      : "behaviour";
}

static void put_items(clade_json *json, const clade__model *model, int64_t c)
{
    const bool known = has_items(model, c);
    clade_json_put_text(json, "recommended_by", known ? recommended_by(model) : "popular");
    clade_json_key(json, "recommendations");
    clade_json_array(json);
    if (!known) put_popular(json, model, CLADE__TOP);
    for (size_t i = 0; known && i < CLADE__TOP; i++) {
        const uint32_t item = model->top_item[(size_t)c * CLADE__TOP + i];
        if (item == 0) break;
        clade_json_object(json);
        /* `"item":..,"name":..` as it was written when the model was made */
        clade_json_raw(json, model->item_json.data + model->item_at[item] + 1,
                       model->item_at[item + 1] - model->item_at[item] - 1);
        clade__put_rounded(json, "score", (double)model->top_score[(size_t)c * CLADE__TOP + i]);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

/* ---------------------------------------------------------------- GET /v1/customers/{id} */

/* Is a part asked for? Without `include` segments and scores are. */
static bool includes(const char *list, const char *part, bool by_default)
{
    const size_t size = strlen(part);
    if (list == NULL) return by_default;
    if (strcmp(list, "all") == 0) return true;
    for (const char *at = list; *at != '\0';) {
        const size_t length = strcspn(at, ",");
        if (length == size && memcmp(at, part, size) == 0) return true;
        at += length;
        if (*at == ',') at++;
    }
    return false;
}

static void page_work(clade__request *q)
{
    clade_customer_page         *page    = NULL;
    clade_error                  err     = { 0 };
    const clade_customer_options options = { .n_quarters = 0 };
    clade__store_lock(q->server);
    const int64_t customer = clade_identity_find(q->server->store, clade_text_of(q->param[0]));
    clade_status  status   = CLADE_ERR_NOT_FOUND;
    if (customer >= 0)
        status = clade_customer_page_make(&page, q->server->store, customer, &options, &err);
    clade__store_unlock(q->server);
    if (status == CLADE_ERR_NOT_FOUND) {
        unknown(q);
    } else if (status != CLADE_OK) {
        clade__problem_of(q, &err);
    } else {
        clade_json json = clade__json(q);
        clade_json_put_text(&json, "customer", q->param[0]);
        clade_customer_page_write(&json, page);
        clade__json_end(q, &json);
    }
    clade_customer_page_free(page);
}

void clade__get_customer(clade__request *q)
{
    const clade__model *const model = q->server->model;
    const char *const         view  = clade__query(q, "view");
    const char *const         list  = clade__query(q, "include");
    const int64_t             c     = find(q);
    if (view != NULL && strcmp(view, "page") == 0) {
        clade__work(q, page_work, NULL);
        return;
    }
    const clade__person *const live = clade__live_person(q->server, q->param[0]);
    if (c < 0 && live == NULL) {
        unknown(q);
        return;
    }
    clade_json json = clade__json(q);
    clade_json_put_text(&json, "customer", q->param[0]);
    clade__put_time(&json, "as_of", model->as_of_us);
    if (c >= 0) put_counts(&json, model, c);
    clade__live_put(&json, live);
    if (includes(list, "segments", true)) put_segments(&json, q, c);
    if (c >= 0 && includes(list, "scores", true)) put_scores(&json, model, c);
    if (c >= 0 && includes(list, "features", false)) put_features(&json, model, c);
    if (includes(list, "recommendations", false)) put_items(&json, model, c);
    clade__json_end(q, &json);
    clade__etag(q);
}

void clade__get_customer_segments(clade__request *q)
{
    const int64_t c = find(q);
    if (c < 0 && clade__live_person(q->server, q->param[0]) == NULL) {
        unknown(q);
        return;
    }
    clade_json json = clade__json(q);
    clade_json_put_text(&json, "customer", q->param[0]);
    clade__put_time(&json, "as_of", q->server->model->as_of_us);
    put_segments(&json, q, c);
    clade__json_end(q, &json);
    clade__etag(q);
}

/* ---------------------------------------------------------------- recommendations */

static void put_reasoned(clade_json *json, const clade__model *model, const clade_recommended *one,
                         size_t n)
{
    const clade_vocabulary *const words = model->histories->vocabulary;
    for (size_t i = 0; i < n; i++, one++) {
        const char *const ref = words->item_ref[one->item];
        clade_json_object(json);
        clade_json_put_text(json, "item", ref == NULL ? "?" : ref);
        clade_json_put_text(json, "name", words->item_name[one->item]);
        clade__put_rounded(json, "score", (double)one->score);
        clade_json_put_text(json, "reason", one->en);
        clade_json_put_text(json, "reason_zh", one->zh);
        clade_json_put_text(json, "ground", clade_recommend_ground_name(one->ground));
        if (one->ground == CLADE_GROUND_EVENT || one->ground == CLADE_GROUND_OWN)
            clade_json_put_text(json, "because_item", words->item_ref[one->because_item]);
        clade_json_object_end(json);
    }
}

static void start_items(clade__request *q, clade_json *json, const char *by, const char *why)
{
    *json = clade__json(q);
    clade_json_put_text(json, "customer", q->param[0]);
    clade__put_time(json, "as_of", q->model->as_of_us);
    clade_json_put_text(json, "recommended_by", by);
    if (why != NULL) clade_json_put_text(json, "why", why);
    clade_json_key(json, "items");
    clade_json_array(json);
}

static void recommend_work(clade__request *q)
{
    clade__model *const model = q->model;
    clade_error         err   = { 0 };
    clade_json          json;
    size_t              n      = 0;
    clade_recommended  *items  = CLADE_ARENA_NEW(q->arena, clade_recommended, CLADE__MOST);
    clade_status        status = CLADE_ERR_NOMEM;
    pthread_mutex_lock(&model->recommend_mutex);
    if (items != NULL) status = clade_recommend(items, &n, model->recommender, q->customer, &err);
    pthread_mutex_unlock(&model->recommend_mutex);
    if (status != CLADE_OK) {
        err.status = status;
        clade__problem_of(q, &err);
        return;
    }
    start_items(q, &json, recommended_by(model), NULL);
    put_reasoned(&json, model, items, n < q->wanted ? n : q->wanted);
    clade_json_array_end(&json);
    clade__json_end(q, &json);
}

void clade__get_recommendations(clade__request *q)
{
    const int64_t c = find(q);
    int64_t       n = 0;
    clade_json    json;
    if (!clade__query_int(&n, q, "n", CLADE__TOP, 1, CLADE__MOST)) return;
    q->model = q->server->model; /* borrowed: until this call returns */
    if (!has_items(q->model, c)) {
        start_items(q, &json, "popular",
                    q->model->recommender == NULL
                        ? "no behaviour model is fitted: what most customers bought lately"
                        : "nothing is known of this customer: what most customers bought lately");
        put_popular(&json, q->model, (size_t)n);
        clade_json_array_end(&json);
        clade__json_end(q, &json);
        q->model = NULL;
        return;
    }
    q->model    = NULL;
    q->customer = c;
    q->wanted   = (size_t)n;
    clade__work(q, recommend_work, NULL);
}

/* ---------------------------------------------------------------- events */

/* A page, latest first; `cursor` is the moment and number of the last event of the page before. */
static const char events_sql[] =
    "WITH page AS (SELECT event, at_us, CAST(kind AS VARCHAR) AS kind, item, quantity, "
    "value_minor, "
    "order_ref, channel, device, query FROM event WHERE customer = ? AND (at_us < ? OR (at_us = ? "
    "AND event < ?)) ORDER BY at_us DESC, event DESC LIMIT ?), named AS (SELECT item, arg_max(ref, "
    "known_us) AS ref, arg_max(name, known_us) AS name FROM item WHERE item IN (SELECT item FROM "
    "page) GROUP BY item) SELECT p.event, p.at_us, p.kind, n.ref, n.name, p.quantity, "
    "p.value_minor, p.order_ref, p.channel, p.device, p.query FROM page p LEFT JOIN named n ON "
    "n.item = p.item ORDER BY p.at_us DESC, p.event DESC";

static void put_cell(clade_json *json, const char *key, const clade_chunk *chunk, size_t column,
                     size_t row)
{
    const clade_text text = clade_chunk_text(chunk, column, row);
    if (text.data == NULL) return;
    clade_json_key(json, key);
    clade_json_text_n(json, text.data, text.size);
}

static void put_event(clade_json *json, const clade_chunk *chunk, size_t row, const char *currency)
{
    clade_json_object(json);
    clade_json_put_int(json, "event", clade_chunk_int(chunk, 0, row, -1));
    clade__put_time(json, "at", clade_chunk_int(chunk, 1, row, 0));
    put_cell(json, "kind", chunk, 2, row);
    put_cell(json, "item", chunk, 3, row);
    put_cell(json, "name", chunk, 4, row);
    if (clade_chunk_valid(chunk, 5, row))
        clade_json_put_number(json, "quantity", clade_chunk_real(chunk, 5, row, 0));
    if (clade_chunk_valid(chunk, 6, row))
        clade__put_money(json, "amount", clade_chunk_int(chunk, 6, row, 0), currency);
    put_cell(json, "order", chunk, 7, row);
    put_cell(json, "channel", chunk, 8, row);
    put_cell(json, "device", chunk, 9, row);
    put_cell(json, "query", chunk, 10, row);
    clade_json_object_end(json);
}

static clade_status write_events(clade__request *q, clade_json *json, int64_t customer,
                                 int64_t limit, clade_error *err)
{
    long long         at = INT64_MAX, event = INT64_MAX;
    const char *const cursor = clade__query(q, "cursor");
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    int64_t           seen   = 0;
    if (cursor != NULL && sscanf(cursor, "%lld.%lld", &at, &event) != 2)
        return clade_fail(err, CLADE_ERR_ARG, "cursor=%.60s was not given by a page", cursor);
    const clade_value args[] = { CLADE_INT(customer), CLADE_INT(at), CLADE_INT(at),
                                 CLADE_INT(event), CLADE_INT(limit + 1) };
    clade_status      status = clade_store_query(&rows, q->server->store, events_sql, args, 5, err);
    clade_json_key(json, "events");
    clade_json_array(json);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && seen <= limit; i++, seen++) {
            if (seen == limit) continue; /* it says only that there is more */
            put_event(json, &chunk, i, q->model->currency);
            at    = clade_chunk_int(&chunk, 1, i, 0);
            event = clade_chunk_int(&chunk, 0, i, 0);
        }
    }
    clade_json_array_end(json);
    clade_rows_close(rows);
    clade_json_put_bool(json, "has_more", seen > limit);
    if (seen > limit) {
        char next[64];
        snprintf(next, sizeof next, "%lld.%lld", at, event);
        clade_json_put_text(json, "cursor", next);
    }
    return status;
}

static void events_work(clade__request *q)
{
    clade_error err   = { 0 };
    int64_t     limit = 0;
    if (!clade__query_int(&limit, q, "limit", 100, 1, EVENTS_MOST)) return;
    clade__store_lock(q->server);
    const int64_t customer = clade_identity_find(q->server->store, clade_text_of(q->param[0]));
    clade_json    json     = clade__json(q);
    clade_json_put_text(&json, "customer", q->param[0]);
    const clade_status status =
        customer < 0 ? CLADE_ERR_NOT_FOUND : write_events(q, &json, customer, limit, &err);
    clade__store_unlock(q->server);
    clade__json_end(q, &json);
    if (customer < 0)
        unknown(q);
    else if (status != CLADE_OK)
        clade__problem_of(q, &err);
}

void clade__get_events(clade__request *q)
{
    clade__work(q, events_work, NULL);
}

/* ---------------------------------------------------------------- explanation */

static void put_reasons(clade_json *json, const clade_predict_reasons *r,
                        const clade_predict_task *task, const char *currency, bool zh)
{
    clade_json_key(json, zh ? "reasons_zh" : "reasons");
    clade_json_array(json);
    for (size_t i = 0; i < r->n && i < REASONS; i++) {
        clade_buffer one = { 0 };
        clade_predict_reason_write(&one, &r->reason[i], task, currency, zh);
        clade_json_text(json, one.data == NULL ? "" : one.data);
        clade_buffer_free(&one);
    }
    clade_json_array_end(json);
}

static clade_status explain_task(clade__request *q, clade_json *json, const clade__task *task,
                                 int64_t customer, clade_error *err)
{
    clade_predict_reasons           r    = { 0 };
    const clade_predict_card *const card = clade_predictor_card(task->predictor);
    const clade_status              status =
        clade_predictor_explain(&r, task->predictor, q->model->predictions, customer, err);
    if (status == CLADE_OK) {
        clade_json_key(json, task->name);
        clade_json_object(json);
        clade__put_rounded(json, "value", r.answer.value);
        clade__put_rounded(json, "low", r.answer.low);
        clade__put_rounded(json, "high", r.answer.high);
        clade__put_rounded(json, "average", r.average);
        put_reasons(json, &r, &card->task, q->model->currency, false);
        put_reasons(json, &r, &card->task, q->model->currency, true);
        clade_json_object_end(json);
    }
    clade_predict_reasons_free(&r);
    return status == CLADE_ERR_NOT_FOUND ? CLADE_OK : status;
}

static clade_status explain(clade__request *q, clade_json *json, int64_t customer, clade_error *err)
{
    clade__model *const         model   = q->model;
    const clade_predict_options options = { .has_as_of = true, .as_of_us = model->as_of_us };
    clade_status                status  = CLADE_OK;
    if (model->predictions == NULL && model->n_tasks > 0)
        status = clade_predictions_open(&model->predictions, q->server->store, &options, err);
    clade_json_key(json, "scores");
    clade_json_object(json);
    for (size_t i = 0; i < model->n_tasks && status == CLADE_OK; i++) {
        const clade_predict_card *const card = clade_predictor_card(model->task[i].predictor);
        if (!card->trusted || card->as_of_us > model->as_of_us) continue;
        status = explain_task(q, json, &model->task[i], customer, err);
    }
    clade_json_object_end(json);
    return status;
}

static void explain_work(clade__request *q)
{
    clade_error err  = { 0 };
    clade_json  json = clade__json(q);
    clade_json_put_text(&json, "customer", q->param[0]);
    clade__put_time(&json, "as_of", q->model->as_of_us);
    clade__store_lock(q->server);
    const clade_status status = explain(q, &json, q->customer, &err);
    clade__store_unlock(q->server);
    clade__json_end(q, &json);
    if (status != CLADE_OK) clade__problem_of(q, &err);
}

void clade__get_explanation(clade__request *q)
{
    q->customer = find(q);
    if (q->customer < 0)
        unknown(q);
    else
        clade__work(q, explain_work, NULL);
}

/* ---------------------------------------------------------------- forgetting */

static void forget_work(clade__request *q)
{
    clade_error err = { 0 };
    clade__store_lock(q->server);
    /* What waits in the journal may be about them: it goes into the store, and out of the files. */
    const clade_text id     = clade_text_of(q->param[0]);
    clade_status     status = clade__flush_cut(q->server, &err);
    q->customer             = clade_identity_find(q->server->store, id);
    clade_buffer_clear(&q->out);
    if (status == CLADE_OK)
        status = q->customer < 0 ? CLADE_ERR_NOT_FOUND
                                 : clade_identity_forget(&q->out, q->server->store, id, &err);
    clade__flush_reset(q->server);
    clade__store_unlock(q->server);
    if (status == CLADE_ERR_NOT_FOUND) {
        unknown(q);
    } else if (status != CLADE_OK) {
        clade__problem_of(q, &err);
    } else {
        q->status       = 200;
        q->content_type = "application/json";
    }
}

static void forget_finish(clade__request *q)
{
    if (q->status != 200) return;
    clade__intake_answer(q->server); /* what became durable before is applied, and then forgotten */
    clade__refresh_forget(q->server, q->customer);
    clade__live_forget(q->server, q->param[0]);
    clade__rules_forget(q->server, q->param[0]);
}

void clade__delete_customer(clade__request *q)
{
    clade__work(q, forget_work, forget_finish);
}
