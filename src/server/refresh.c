/*
 * The model in memory and the one that takes its place. A thread of its own makes the next one; the
 * loop takes it over between two requests, and lets the old one go when nobody uses it.
 */
#include "live.h"
#include "model.h"
#include "rules.h"

#include <stdlib.h>

static void *build(void *context)
{
    clade_server *const server = context;
    clade__model       *model  = NULL;
    clade_error         err    = { 0 };
    clade__rules       *rules  = NULL;
    if (!server->builder_of_model)
        ; /* rules alone */
    else if (clade__model_make(&model, server, &err) == CLADE_OK)
        server->fresh_model = model;
    else
        clade_log(CLADE_LOG_WARN, "answers in memory stay as they were: %s", err.message);
    if (clade__rules_build(&rules, server, &err) == CLADE_OK)
        server->fresh_rules = rules;
    else
        clade_log(CLADE_LOG_WARN, "segments by rule go on as they are: %s", err.message);
    server->model_building = false;
    clade__wake(server);
    return NULL;
}

static void let_go(clade__model *model)
{
    if (model != NULL && model->retired && model->users == 0) clade__model_free(model);
}

clade__model *clade__model_take(clade_server *server)
{
    server->model->users++;
    return server->model;
}

void clade__model_give(clade__model *model)
{
    if (model == NULL) return;
    model->users--;
    let_go(model);
}

static void take_over(clade_server *server)
{
    clade__model *const fresh = atomic_exchange(&server->fresh_model, NULL);
    clade__model *const old   = server->model;
    if (fresh == NULL) return;
    /* Whoever was forgotten while it was made is not in it either. */
    for (size_t i = 0; i < server->n_forgotten; i++)
        clade__model_forget(fresh, server->forgotten[i]);
    clade__intake_answer(server); /* live state may be behind what the model has: not after this */
    server->model    = fresh;
    server->model_at = server->now;
    clade__live_keep_after(server, fresh->stored_seq);
    clade_log(CLADE_LOG_INFO, "{\"event\":\"refreshed\",\"customers\":%zu,\"seconds\":%.3f}",
              fresh->n, fresh->seconds);
    old->retired = true;
    let_go(old);
}

void clade__refresh_tick(clade_server *server)
{
    take_over(server);
    if (server->model_building) return;
    if (server->builder_started) {
        pthread_join(server->builder, NULL);
        server->builder_started = false;
        take_over(server);
        clade__rules_take_over(server, atomic_exchange(&server->fresh_rules, NULL));
    }
    const bool due = clade__live_changed(server) &&
                     server->now - server->model_at >= server->options.refresh_seconds;
    server->builder_of_model = due || server->model_wanted;
    if (!server->builder_of_model && !clade__rules_due(server)) return;
    if (server->builder_of_model) server->model_at = server->now; /* of the try */
    server->model_wanted = server->rules_wanted = false;
    server->rules_made_at                       = server->now;
    server->model_building                      = true;
    clade__rules_building(server);
    server->builder_started = pthread_create(&server->builder, NULL, build, server) == 0;
    if (server->builder_started) return;
    server->model_building = false;
    clade__rules_take_over(server, NULL);
}

clade_status clade__refresh_start(clade_server *server, clade_error *err)
{
    server->model_at    = clade_seconds();
    server->rules_at_us = INT64_MAX;
    CLADE_TRY(clade__model_make(&server->model, server, err));
    return clade__rules_build(&server->rules, server, err);
}

void clade__refresh_stop(clade_server *server)
{
    if (server->builder_started) pthread_join(server->builder, NULL);
    clade__model_free(atomic_exchange(&server->fresh_model, NULL));
    clade__model_free(server->model);
    server->model = NULL;
    free(server->forgotten);
}

void clade__refresh_forget(clade_server *server, int64_t customer)
{
    if (CLADE_GROW(&server->forgotten, &server->forgotten_capacity, server->n_forgotten + 1))
        server->forgotten[server->n_forgotten++] = customer;
    clade__model_forget(server->model, customer);
}

void clade__post_refresh(clade__request *q)
{
    q->server->model_wanted = true;
    clade_json json         = clade__json(q);
    clade_json_put_text(&json, "status", "accepted");
    clade__put_time(&json, "made", q->server->model->made_us);
    clade__json_end(q, &json);
    q->status = 202;
}

void clade__metrics_model(clade_buffer *out, const clade_server *server)
{
    const clade__model *const model = server->model;
    clade_buffer_format(out,
                        "# HELP clade_model_customers Customer numbers in memory.\n"
                        "# TYPE clade_model_customers gauge\nclade_model_customers %zu\n"
                        "# HELP clade_model_build_seconds Time to make the answers in memory.\n"
                        "# TYPE clade_model_build_seconds gauge\nclade_model_build_seconds %.3f\n"
                        "# HELP clade_model_made_timestamp_seconds When they were made.\n"
                        "# TYPE clade_model_made_timestamp_seconds gauge\n"
                        "clade_model_made_timestamp_seconds %.3f\n",
                        model->n, model->seconds, (double)model->made_us / 1e6);
}
