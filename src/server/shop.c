/* The shop as a whole: its models and what they are worth, the state of its data, look-alikes. */
#include "model.h"

#include "clade/lookalike.h"

#include <stdlib.h>

enum { LOOKALIKE_MOST = 100000 };

/* ---------------------------------------------------------------- models */

static void put_metrics(clade_json *json, const clade_predict_card *card)
{
    clade_json_key(json, "metrics");
    clade_json_object(json);
    for (size_t i = 0; i < card->n_metrics; i++) {
        clade_json_key(json, card->metric[i].name);
        clade_json_object(json);
        clade_json_put_number(json, "value", card->metric[i].of.value);
        clade_json_put_number(json, "low", card->metric[i].of.low);
        clade_json_put_number(json, "high", card->metric[i].of.high);
        clade_json_put_number(json, "baseline", card->metric[i].baseline);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
}

static void put_predictor(clade_json *json, const clade__task *task)
{
    const clade_predict_card *const card = clade_predictor_card(task->predictor);
    char                            en[256], zh[256];
    clade_task_words(en, &card->task, false);
    clade_task_words(zh, &card->task, true);
    clade_json_object(json);
    clade_json_put_text(json, "name", task->name);
    clade_json_put_text(json, "kind", "predictor");
    clade_json_put_text(json, "question", en);
    clade_json_put_text(json, "question_zh", zh);
    clade__put_time(json, "fitted_as_of", card->as_of_us);
    clade_json_put_int(json, "run", card->run);
    put_metrics(json, card);
    clade_json_put_text(json, "verdict", card->trusted ? "trust" : "do not trust yet");
    clade_json_put_text(json, "why", card->why.en);
    clade_json_object_end(json);
}

static void put_behaviour(clade_json *json, const clade_shop_behaviour_card *card)
{
    clade_json_object(json);
    clade_json_put_text(json, "name", "behaviour");
    clade_json_put_text(json, "kind", "behaviour");
    clade_json_put_text(json, "question", "what comes next");
    clade__put_time(json, "fitted_as_of", card->as_of_us);
    clade_json_put_int(json, "run", card->run);
    clade_json_key(json, "metrics");
    clade_json_object(json);
    clade_json_key(json, "ndcg_10");
    clade_json_object(json);
    clade_json_put_number(json, "value", card->ndcg);
    clade_json_put_number(json, "baseline", card->baseline_ndcg);
    clade_json_object_end(json);
    clade_json_key(json, "gain_ndcg_10");
    clade_json_object(json);
    clade_json_put_number(json, "value", card->gain.value);
    clade_json_put_number(json, "low", card->gain.low);
    clade_json_put_number(json, "high", card->gain.high);
    clade_json_object_end(json);
    clade_json_object_end(json);
    clade_json_put_text(json, "verdict", card->trusted ? "trust" : "do not trust yet");
    clade_json_object_end(json);
}

void clade__get_models(clade__request *q)
{
    const clade__model *const model = q->server->model;
    clade_json                json  = clade__json(q);
    clade__put_time(&json, "as_of", model->as_of_us);
    clade_json_key(&json, "models");
    clade_json_array(&json);
    if (model->behaviour != NULL) put_behaviour(&json, &model->behaviour->card);
    for (size_t i = 0; i < model->n_tasks; i++)
        put_predictor(&json, &model->task[i]);
    clade_json_array_end(&json);
    clade__json_end(q, &json);
    clade__etag(q);
}

/* ---------------------------------------------------------------- quality */

static clade_status put_count(clade_json *json, clade_store *store, const char *key,
                              const char *sql, clade_error *err)
{
    int64_t n = 0;
    CLADE_TRY(clade_store_int(&n, store, sql, NULL, 0, 0, err));
    clade_json_put_int(json, key, n);
    return CLADE_OK;
}

static clade_status put_named(clade_json *json, clade_store *store, const char *key,
                              const char *sql, clade_error *err)
{
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_status status = clade_store_query(&rows, store, sql, NULL, 0, err);
    clade_json_key(json, key);
    clade_json_object(json);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++) {
            const clade_text text = clade_chunk_text(&chunk, 0, i);
            char             name[128];
            const size_t     n = text.size < sizeof name - 1 ? text.size : sizeof name - 1;
            memcpy(name, text.data == NULL ? "" : text.data, n);
            name[clade_utf8_valid(name, n)] = '\0';
            clade_json_put_int(json, name, clade_chunk_int(&chunk, 1, i, 0));
        }
    }
    clade_json_object_end(json);
    clade_rows_close(rows);
    return status;
}

static clade_status put_quality(clade_json *json, clade_store *store, clade_error *err)
{
    static const char *const loads[][2] = {
        { "events", "SELECT count(*) FROM event" },
        { "rows_read", "SELECT CAST(sum(rows_read) AS BIGINT) FROM load" },
        { "rows_stored", "SELECT CAST(sum(rows_stored) AS BIGINT) FROM load" },
        { "rows_duplicate", "SELECT CAST(sum(rows_duplicate) AS BIGINT) FROM load" },
        { "rows_quarantined", "SELECT CAST(sum(rows_quarantined) AS BIGINT) FROM load" },
    };
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++)
        CLADE_TRY(put_count(json, store, loads[i][0], loads[i][1], err));
    CLADE_TRY(put_named(json, store, "quarantine",
                        "SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY 2 DESC, "
                        "1 LIMIT 50",
                        err));
    return put_named(json, store, "flags",
                     "SELECT name, count(*) FROM flag GROUP BY name ORDER BY name", err);
}

static void quality_work(clade__request *q)
{
    clade_error err  = { 0 };
    clade_json  json = clade__json(q);
    clade__put_time(&json, "as_of", q->model->as_of_us);
    clade__store_lock(q->server);
    const clade_status status = put_quality(&json, q->server->store, &err);
    clade__store_unlock(q->server);
    clade__json_end(q, &json);
    if (status != CLADE_OK) clade__problem_of(q, &err);
}

void clade__get_quality(clade__request *q)
{
    clade__work(q, quality_work, NULL);
}

/* ---------------------------------------------------------------- look-alikes */

typedef struct lookalike_ask {
    int64_t *seed;
    size_t   n, n_strangers;
} lookalike_ask;

static bool read_ask(clade__request *q, lookalike_ask *ask)
{
    clade_json_tree  tree = { 0 };
    clade_error      err  = { 0 };
    const clade_text body = { q->body.data == NULL ? "" : q->body.data, q->body.size };
    if (clade_json_parse(&tree, body, q->arena, &err) != CLADE_OK) {
        clade__problem(q, 400, "bad_json", "send {\"customers\":[...],\"size\":1000}", "%s",
                       err.message);
        return false;
    }
    const clade_json_node *const list =
        tree.node->type == CLADE_JSON_OBJECT ? clade_json_get(&tree, tree.node, "customers") : NULL;
    const clade_json_node *const size =
        tree.node->type == CLADE_JSON_OBJECT ? clade_json_get(&tree, tree.node, "size") : NULL;
    q->wanted = 1000;
    if (size != NULL && size->type == CLADE_JSON_NUMBER && size->number >= 1 &&
        size->number <= LOOKALIKE_MOST)
        q->wanted = (size_t)size->number;
    if (list == NULL || list->type != CLADE_JSON_ARRAY) {
        clade__problem(q, 400, "no_customers", "send {\"customers\":[...],\"size\":1000}",
                       "the body has no array 'customers'");
        return false;
    }
    ask->seed                   = CLADE_NEW(int64_t, (size_t)list->n + 1);
    const clade_json_node *node = list + 1;
    for (uint32_t i = 0; ask->seed != NULL && i < list->n; i++, node = tree.node + node->next) {
        const char *const id       = node->type == CLADE_JSON_TEXT
                                         ? clade_arena_text(q->arena, node->text.data, node->text.size)
                                         : NULL;
        const int64_t     customer = id == NULL ? -1 : clade__model_find(q->server->model, id);
        if (customer < 0)
            ask->n_strangers++;
        else
            ask->seed[ask->n++] = customer;
    }
    return true;
}

static void put_curve(clade_json *json, const clade_lookalike *found)
{
    clade_json_key(json, "curve");
    clade_json_array(json);
    for (size_t k = 0; k < found->n_points; k++) {
        const clade_lookalike_point *const p = &found->point[k];
        clade_json_object(json);
        clade_json_put_int(json, "n", (int64_t)p->n);
        clade_json_put_number(json, "found", p->found);
        clade_json_put_number(json, "found_low", p->found_low);
        clade_json_put_number(json, "found_high", p->found_high);
        clade_json_put_number(json, "lift", p->lift);
        clade_json_put_number(json, "precision_low", p->precision_low);
        clade_json_put_number(json, "precision_high", p->precision_high);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void lookalike_work(clade__request *q)
{
    const lookalike_ask *const ask   = q->data;
    clade_lookalike           *found = NULL;
    clade_error                err   = { 0 };
    if (clade_lookalike_find(&found, q->model->features, ask->seed, ask->n, q->wanted, 1, &err) !=
        CLADE_OK) {
        clade__problem_of(q, &err);
        return;
    }
    clade_json json = clade__json(q);
    clade__put_time(&json, "as_of", q->model->as_of_us);
    clade_json_put_text(&json, "method", clade_lookalike_method_name(found->method));
    clade_json_put_int(&json, "seeds", (int64_t)found->n_seeds);
    clade_json_put_int(&json, "seeds_unknown", (int64_t)(found->n_unknown + ask->n_strangers));
    put_curve(&json, found);
    clade_json_key(&json, "customers");
    clade_json_array(&json);
    pthread_mutex_lock(&q->model->names_mutex);
    for (size_t i = 0; i < found->n; i++) {
        const char *const name = clade__model_name(q->model, found->customer[i]);
        if (name == NULL) continue;
        clade_json_object(&json);
        clade_json_put_text(&json, "customer", name);
        clade_json_put_number(&json, "likeness", found->likeness[i]);
        clade_json_object_end(&json);
    }
    pthread_mutex_unlock(&q->model->names_mutex);
    clade_json_array_end(&json);
    clade__json_end(q, &json);
    clade_lookalike_free(found);
}

static void lookalike_finish(clade__request *q)
{
    lookalike_ask *const ask = q->data;
    if (ask != NULL) free(ask->seed);
    free(ask);
    q->data = NULL;
}

void clade__post_lookalike(clade__request *q)
{
    lookalike_ask *const ask = CLADE_NEW(lookalike_ask, 1);
    q->data                  = ask;
    if (ask == NULL || !read_ask(q, ask)) {
        if (ask == NULL) clade__problem(q, 503, "no_memory", "try again later", "no memory");
    } else if (ask->seed == NULL) {
        clade__problem(q, 503, "no_memory", "try again later", "no memory");
    } else if (q->server->model->features == NULL) {
        clade__problem(q, 409, "not_ready", "send events, or load a file",
                       "there are no customers");
    } else {
        clade__work(q, lookalike_work, lookalike_finish);
    }
    if (q->phase != CLADE__WAITING) lookalike_finish(q);
}
