/*
 * Segments: what there is and who is in it, out of memory; who moved between two moments, from the
 * store. A segment is called by its key ("at-risk"), or by "kind:key" where two kinds have the key.
 */
#include "model.h"

#include "clade/flows.h"

#include <stdio.h>
#include <stdlib.h>

enum { FLOW_DAYS = 90, MEMBERS_MOST = 10000 };

/* ---------------------------------------------------------------- names */

bool clade__segment_find(clade_segment_kind *out_kind, int *out_segment, const clade__model *model,
                         const char *name)
{
    const char *const colon = strchr(name, ':');
    for (int kind = 0; kind < CLADE_N_SEGMENT_KIND; kind++) {
        if (model->segmentation[kind] == NULL) continue;
        const char *const word = clade_segment_kind_name((clade_segment_kind)kind);
        const char       *key  = name;
        if (colon != NULL) {
            if (strlen(word) != (size_t)(colon - name) ||
                memcmp(word, name, (size_t)(colon - name)) != 0)
                continue;
            key = colon + 1;
        }
        for (size_t s = 0; s < clade_segmentation_n(model->segmentation[kind]); s++) {
            if (strcmp(clade_segmentation_name(model->segmentation[kind], s)->key, key) != 0)
                continue;
            *out_kind    = (clade_segment_kind)kind;
            *out_segment = (int)s;
            return true;
        }
    }
    return false;
}

static void unknown(clade__request *q)
{
    clade__problem(q, 404, "unknown_segment", "GET /v1/segments lists them",
                   "there is no segment '%.60s'", q->param[0]);
}

/* Few customers are nearly one customer: only who administers sees such a group. */
static bool is_small(const clade__request *q, size_t n)
{
    return q->role != CLADE_ROLE_ADMIN && (int64_t)n < q->server->options.min_group;
}

static void put_segment(clade_json *json, const clade__request *q, clade_segment_kind kind, int s)
{
    const clade__model *const       model = q->server->model;
    const clade_segment_name *const name =
        clade_segmentation_name(model->segmentation[kind], (size_t)s);
    const size_t n   = model->n_members[kind][s];
    size_t       all = 0;
    char         full[64];
    for (int i = 0; i < CLADE_SEGMENTS_MAX; i++)
        all += model->n_members[kind][i];
    snprintf(full, sizeof full, "%s:%s", clade_segment_kind_name(kind), name->key);
    clade_json_put_text(json, "id", full);
    clade_json_put_text(json, "kind", clade_segment_kind_name(kind));
    clade_json_put_text(json, "key", name->key);
    clade_json_put_text(json, "name", name->en);
    clade_json_put_text(json, "name_zh", name->zh);
    clade_json_put_int(json, "version", model->version[kind]);
    if (is_small(q, n)) {
        clade_json_put_bool(json, "withheld", true);
        return;
    }
    clade_json_put_int(json, "size", (int64_t)n);
    clade__put_rounded(json, "share", all == 0 ? 0 : (double)n / (double)all);
    clade__put_money(json, "spent_90d", model->spend_of[kind][s], model->currency);
}

void clade__get_segments(clade__request *q)
{
    const clade__model *const model = q->server->model;
    clade_json                json  = clade__json(q);
    clade__put_time(&json, "as_of", model->as_of_us);
    clade_json_put_text(&json, "currency", model->currency);
    clade_json_key(&json, "segments");
    clade_json_array(&json);
    for (int kind = 0; kind < CLADE_N_SEGMENT_KIND; kind++) {
        if (model->segmentation[kind] == NULL) continue;
        for (size_t s = 0; s < clade_segmentation_n(model->segmentation[kind]); s++) {
            clade_json_object(&json);
            put_segment(&json, q, (clade_segment_kind)kind, (int)s);
            clade_json_object_end(&json);
        }
    }
    clade_json_array_end(&json);
    clade__json_end(q, &json);
    clade__etag(q);
}

/* What the study wrote of it: persona, rules, what sets it apart. */
static const clade_json_node *studied(const clade__model *model, clade_segment_kind kind,
                                      const char *key)
{
    if (model->study.n == 0) return NULL;
    const clade_json_tree *const tree  = &model->study;
    const clade_json_node       *kinds = clade_json_get(tree, tree->node, "kinds");
    if (kinds == NULL || kinds->type != CLADE_JSON_OBJECT) return NULL;
    const clade_json_node *const one = clade_json_get(tree, kinds, clade_segment_kind_name(kind));
    if (one == NULL || one->type != CLADE_JSON_OBJECT) return NULL;
    const clade_json_node *const list = clade_json_get(tree, one, "segments");
    if (list == NULL || list->type != CLADE_JSON_ARRAY) return NULL;
    const clade_json_node *node = list + 1;
    for (uint32_t i = 0; i < list->n; i++, node = tree->node + node->next) {
        const clade_json_node *const name =
            node->type == CLADE_JSON_OBJECT ? clade_json_get(tree, node, "key") : NULL;
        if (name != NULL && clade_text_equal(name->text, clade_text_of(key))) return node;
    }
    return NULL;
}

void clade__get_segment(clade__request *q)
{
    const clade__model *const model = q->server->model;
    clade_segment_kind        kind;
    int                       s;
    if (!clade__segment_find(&kind, &s, model, q->param[0])) {
        unknown(q);
        return;
    }
    const clade_json_node *const study =
        studied(model, kind, clade_segmentation_name(model->segmentation[kind], (size_t)s)->key);
    clade_json json = clade__json(q);
    clade__put_time(&json, "as_of", model->as_of_us);
    clade_json_put_text(&json, "currency", model->currency);
    put_segment(&json, q, kind, s);
    if (study != NULL && !is_small(q, model->n_members[kind][s])) {
        clade_json_key(&json, "study");
        clade_json_copy(&json, &model->study, study);
    }
    clade__json_end(q, &json);
    clade__etag(q);
}

/* ---------------------------------------------------------------- members */

void clade__get_members(clade__request *q)
{
    const clade__model *const model = q->server->model;
    clade_segment_kind        kind;
    int                       s;
    int64_t                   limit, at, n = 0;
    if (!clade__query_int(&limit, q, "limit", 1000, 1, MEMBERS_MOST)) return;
    if (!clade__query_int(&at, q, "cursor", 0, 0, INT64_MAX)) return;
    if (!clade__segment_find(&kind, &s, model, q->param[0])) {
        unknown(q);
        return;
    }
    if (is_small(q, model->n_members[kind][s])) {
        clade__problem(q, 403, "group_too_small", "an admin token may list it",
                       "fewer than %lld customers are not listed",
                       (long long)q->server->options.min_group);
        return;
    }
    clade_json json = clade__json(q);
    clade__put_time(&json, "as_of", model->as_of_us);
    clade_json_put_int(&json, "size", (int64_t)model->n_members[kind][s]);
    clade_json_key(&json, "customers");
    clade_json_array(&json);
    const int64_t all = (int64_t)model->n;
    for (; at < all && n < limit; at++) {
        const char *const name =
            model->segment[kind][at] == s ? clade__model_name(model, at) : NULL;
        if (name == NULL) continue;
        clade_json_text(&json, name);
        n++;
    }
    while (at < all && (model->segment[kind][at] != s || clade__model_name(model, at) == NULL))
        at++;
    clade_json_array_end(&json);
    clade_json_put_bool(&json, "has_more", at < all);
    if (at < all) {
        char cursor[24];
        snprintf(cursor, sizeof cursor, "%lld", (long long)at);
        clade_json_put_text(&json, "cursor", cursor);
    }
    clade__json_end(q, &json);
}

/* ---------------------------------------------------------------- flows */

static void put_flows(clade_json *json, const clade_flows *flows,
                      const clade_segmentation *segmentation, const char *currency,
                      int64_t min_group)
{
    const size_t n = flows->n_segments;
    clade__put_time(json, "from", flows->from_us);
    clade__put_time(json, "to", flows->to_us);
    clade_json_put_text(json, "currency", currency);
    clade_json_put_int(json, "n_both", (int64_t)flows->n_both);
    clade_json_put_int(json, "n_moved", (int64_t)flows->n_moved);
    clade_json_key(json, "flows");
    clade_json_array(json);
    for (size_t i = 0; i <= n; i++) {
        for (size_t k = 0; k <= n; k++) {
            const clade_flow *const flow = &flows->flow[i][k];
            if (flow->n == 0 || (int64_t)flow->n < min_group) continue;
            clade_json_object(json);
            clade_json_put_text(json, "from",
                                i == n ? NULL : clade_segmentation_name(segmentation, i)->key);
            clade_json_put_text(json, "to",
                                k == n ? NULL : clade_segmentation_name(segmentation, k)->key);
            clade_json_put_int(json, "n", (int64_t)flow->n);
            clade__put_money(json, "spent_before", flow->before_minor, currency);
            clade__put_money(json, "spent_now", flow->after_minor, currency);
            clade_json_object_end(json);
        }
    }
    clade_json_array_end(json);
}

static clade_status moments(int64_t *out_from, int64_t *out_to, clade__request *q, clade_error *err)
{
    const char *const from = clade__query(q, "from"), *const to = clade__query(q, "to");
    *out_to = q->model->as_of_us;
    if (to != NULL) CLADE_TRY(clade_time_parse(out_to, to, err));
    *out_from = *out_to - FLOW_DAYS * CLADE_US_PER_DAY;
    if (from != NULL) CLADE_TRY(clade_time_parse(out_from, from, err));
    if (*out_from < *out_to) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "from is not before to");
}

static void flows_work(clade__request *q)
{
    const clade__model *const model  = q->model;
    const clade_segment_kind  kind   = (clade_segment_kind)q->wanted;
    clade_members             before = { 0 }, after = { 0 };
    clade_flows *const        flows = CLADE_ARENA_NEW(q->arena, clade_flows, 1);
    clade_error               err   = { .status = CLADE_ERR_NOMEM };
    int64_t                   from_us, to_us;
    clade_status status = flows == NULL ? CLADE_ERR_NOMEM : moments(&from_us, &to_us, q, &err);
    if (status == CLADE_OK) {
        clade__store_lock(q->server);
        status = clade_members_get(&before, q->server->store, model->segmentation[kind],
                                   model->version[kind], from_us, FLOW_DAYS, &err);
        if (status == CLADE_OK)
            status = clade_members_get(&after, q->server->store, model->segmentation[kind],
                                       model->version[kind], to_us, FLOW_DAYS, &err);
        clade__store_unlock(q->server);
    }
    if (status == CLADE_OK)
        status = clade_flows_count(flows, &before, &after,
                                   clade_segmentation_n(model->segmentation[kind]), &err);
    if (status == CLADE_OK) {
        clade_json json = clade__json(q);
        clade_json_put_text(&json, "kind", clade_segment_kind_name(kind));
        put_flows(&json, flows, model->segmentation[kind], model->currency,
                  q->role == CLADE_ROLE_ADMIN ? 0 : q->server->options.min_group);
        clade__json_end(q, &json);
    } else {
        clade__problem_of(q, &err);
    }
    clade_members_free(&before);
    clade_members_free(&after);
}

void clade__get_flows(clade__request *q)
{
    clade_segment_kind kind;
    int                s;
    if (!clade__segment_find(&kind, &s, q->server->model, q->param[0])) {
        unknown(q);
        return;
    }
    q->wanted = (size_t)kind;
    clade__work(q, flows_work, NULL);
}
