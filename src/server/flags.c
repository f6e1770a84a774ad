/*
 * Segments as feature flags (OFREP): "is this customer in that segment", by any OpenFeature SDK.
 * The flag's key is the segment's; its value is true or false. Out of memory, on the loop thread.
 */
#include "model.h"
#include "rules.h"

#include <stdio.h>

/* The customer of `context.targetingKey`: the id, in q->arena, and the number, -1 for somebody
 * unknown; false after a 400. */
static bool targeted(const char **out_id, int64_t *out, clade__request *q, const char *key)
{
    clade_json_tree        tree    = { 0 };
    const clade_text       body    = { q->body.data == NULL ? "" : q->body.data, q->body.size };
    const clade_json_node *context = NULL, *target = NULL;
    const char            *code = "PARSE_ERROR", *said = "the body is no JSON object";
    const clade_status     status = clade_json_parse(&tree, body, q->arena, NULL);
    if (status == CLADE_OK && tree.node->type == CLADE_JSON_OBJECT) {
        context = clade_json_get(&tree, tree.node, "context");
        code    = "INVALID_CONTEXT";
        said    = "the body has no object 'context'";
    }
    if (context != NULL && context->type == CLADE_JSON_OBJECT) {
        target = clade_json_get(&tree, context, "targetingKey");
        code   = "TARGETING_KEY_MISSING";
        said   = "the context has no targetingKey: the customer's id";
    }
    if (target != NULL && target->type == CLADE_JSON_TEXT && target->text.size > 0) {
        const char *const id = clade_arena_text(q->arena, target->text.data, target->text.size);
        *out_id              = id == NULL ? "" : id;
        *out                 = id == NULL ? -1 : clade__model_find(q->server->model, id);
        return true;
    }
    clade_json json = clade__json(q);
    if (key != NULL) clade_json_put_text(&json, "key", key);
    clade_json_put_text(&json, "errorCode", code);
    clade_json_put_text(&json, "errorDetails", said);
    clade__json_end(q, &json);
    q->status = 400;
    return false;
}

static void put_flag(clade_json *json, const clade__model *model, const char *key,
                     clade_segment_kind kind, int s, int64_t customer)
{
    const bool in = customer >= 0 && model->segment[kind][customer] == s;
    clade_json_put_text(json, "key", key);
    clade_json_put_bool(json, "value", in);
    clade_json_put_text(json, "variant", in ? "in" : "out");
    clade_json_put_text(json, "reason", customer < 0 ? "DEFAULT" : "TARGETING_MATCH");
    clade_json_key(json, "metadata");
    clade_json_object(json);
    clade_json_put_text(json, "kind", clade_segment_kind_name(kind));
    clade_json_put_int(json, "version", model->version[kind]);
    clade_json_object_end(json);
}

/* Of a segment by rule: as it is now. */
static void put_rule_flag(clade_json *json, const clade_server *server, const char *key,
                          size_t rule, const char *id)
{
    const bool in = clade__rules_in(server, rule, id);
    clade_json_put_text(json, "key", key);
    clade_json_put_bool(json, "value", in);
    clade_json_put_text(json, "variant", in ? "in" : "out");
    clade_json_put_text(json, "reason",
                        clade__rules_knows(server, id) ? "TARGETING_MATCH" : "DEFAULT");
    clade_json_key(json, "metadata");
    clade_json_object(json);
    clade_json_put_text(json, "kind", "rule");
    clade_json_put_int(json, "version", clade__rules_segment(server->rules, rule)->version);
    clade_json_object_end(json);
}

void clade__post_flag(clade__request *q)
{
    const clade__model *const model = q->server->model;
    clade_segment_kind        kind;
    int                       s;
    int64_t                   customer;
    const char               *id;
    if (!targeted(&id, &customer, q, q->param[0])) return;
    const int64_t rule = clade__rules_named(q->server->rules, q->param[0]);
    clade_json    json = clade__json(q);
    if (rule >= 0) {
        put_rule_flag(&json, q->server, q->param[0], (size_t)rule, id);
        clade__json_end(q, &json);
        return;
    }
    if (!clade__segment_find(&kind, &s, model, q->param[0])) {
        clade_json_put_text(&json, "key", q->param[0]);
        clade_json_put_text(&json, "errorCode", "FLAG_NOT_FOUND");
        clade_json_put_text(&json, "errorDetails", "GET /v1/segments lists the segments");
        clade__json_end(q, &json);
        q->status = 404;
        return;
    }
    put_flag(&json, model, q->param[0], kind, s, customer);
    clade__json_end(q, &json);
}

void clade__post_flags(clade__request *q)
{
    const clade__model *const model = q->server->model;
    int64_t                   customer;
    const char               *id;
    if (!targeted(&id, &customer, q, NULL)) return;
    clade_json json = clade__json(q);
    clade_json_key(&json, "flags");
    clade_json_array(&json);
    for (int kind = 0; kind < CLADE_N_SEGMENT_KIND; kind++) {
        if (model->segmentation[kind] == NULL) continue;
        for (size_t s = 0; s < clade_segmentation_n(model->segmentation[kind]); s++) {
            char key[64];
            snprintf(key, sizeof key, "%s:%s", clade_segment_kind_name((clade_segment_kind)kind),
                     clade_segmentation_name(model->segmentation[kind], s)->key);
            clade_json_object(&json);
            put_flag(&json, model, key, (clade_segment_kind)kind, (int)s, customer);
            clade_json_object_end(&json);
        }
    }
    for (size_t rule = 0; rule < q->server->rules->n; rule++) {
        char key[CLADE_RULE_MAX_NAME + 8];
        snprintf(key, sizeof key, "rule:%s", clade__rules_segment(q->server->rules, rule)->name);
        clade_json_object(&json);
        put_rule_flag(&json, q->server, key, rule, id);
        clade_json_object_end(&json);
    }
    clade_json_array_end(&json);
    clade__json_end(q, &json);
    clade__etag(q);
}
