/* Keys over HTTP, for administrators. The ring belongs to the loop thread; making a key needs the
 * store's chance, so it is refused for the moment in which a worker has the store. */
#include "server_internal.h"

static void put_key(clade_json *json, const clade_key *key)
{
    clade_json_put_text(json, "id", key->id);
    clade_json_put_text(json, "role", clade_role_name(key->role));
    clade__put_time(json, "created", key->created_us);
    clade__put_time(json, "revoked", key->revoked_us == 0 ? INT64_MIN : key->revoked_us);
}

void clade__get_keys(clade__request *q)
{
    const clade_keyring *const ring = q->server->ring;
    clade_json                 json = clade__json(q);
    clade_json_key(&json, "keys");
    clade_json_array(&json);
    for (size_t i = 0; i < clade_keyring_n(ring); i++) {
        clade_json_object(&json);
        put_key(&json, clade_keyring_get(ring, i));
        clade_json_object_end(&json);
    }
    clade_json_array_end(&json);
    clade__json_end(q, &json);
}

static bool asked_role(clade_role *out, clade__request *q)
{
    clade_json_tree  tree = { 0 };
    char             name[16];
    clade_error      err    = { 0 };
    const clade_text body   = { q->body.data == NULL ? "" : q->body.data, q->body.size };
    clade_status     status = clade_json_parse(&tree, body, q->arena, &err);
    if (status == CLADE_OK && tree.node->type != CLADE_JSON_OBJECT)
        status = clade_fail(&err, CLADE_ERR_DATA, "the body is no JSON object");
    if (status == CLADE_OK) {
        clade_json_reader reader = { .tree = &tree, .place = "the body", .err = &err };
        clade_json_take_text(name, sizeof name, &reader, tree.node, "role");
        status = reader.status;
    }
    if (status == CLADE_OK) status = clade_role_parse(out, name, &err);
    if (status == CLADE_OK) return true;
    clade__problem(q, 400, "bad_role", "send {\"role\":\"write\"}, read or admin", "%s",
                   err.message);
    return false;
}

void clade__post_key(clade__request *q)
{
    clade_server *const server = q->server;
    clade_error         err    = { 0 };
    char                secret[CLADE_KEY_SECRET];
    clade_role          role;
    if (!asked_role(&role, q)) return;
    if (pthread_mutex_trylock(&server->store_mutex) != 0) {
        clade__header_set(q, "Retry-After", "1");
        clade__problem(q, 503, "busy", "try again in a second", "the store is in use");
        return;
    }
    const clade_status status = clade_keyring_make(secret, server->ring, role, &err);
    pthread_mutex_unlock(&server->store_mutex);
    if (status != CLADE_OK) {
        clade__problem_of(q, &err);
        return;
    }
    clade_json json = clade__json(q);
    put_key(&json, clade_keyring_get(server->ring, clade_keyring_n(server->ring) - 1));
    clade_json_put_text(&json, "key", secret);
    clade__json_end(q, &json);
    q->status = 201;
    explicit_bzero(secret, sizeof secret);
}

void clade__delete_key(clade__request *q)
{
    clade_error err = { 0 };
    if (clade_keyring_revoke(q->server->ring, q->param[0], &err) != CLADE_OK) {
        clade__problem_of(q, &err);
        return;
    }
    clade_json json = clade__json(q);
    clade_json_put_text(&json, "revoked", q->param[0]);
    clade__json_end(q, &json);
}
