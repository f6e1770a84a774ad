/*
 * keys/access: the keys that open the workspace's server, each as the keyed hash of its text.
 *
 *     { "version": 1, "salt": "<64 hex>", "keys": [ { "id", "role", "created_us", "revoked_us",
 *       "hash": "<64 hex>" } ] }
 *
 * Replaced whole, mode 0600. A secret has 192 random bits, so one fast hash is enough: nobody
 * guesses it. Looked up once a request, changed a few times a year.
 */
#include "internal.h"

#include "clade/access.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { HASH_BYTES = 32, SECRET_BYTES = 24, FILE_MAX = 1 << 20 };

typedef struct ring_key {
    clade_key known;
    uint8_t   hash[HASH_BYTES];
} ring_key;

struct clade_keyring {
    clade_store *store;
    char         path[CLADE_PATH_MAX];
    uint8_t      salt[HASH_BYTES];
    ring_key    *key;
    size_t       n, capacity;
};

static const char *const role_names[CLADE_N_ROLE] = { "write", "read", "admin" };

const char *clade_role_name(clade_role role)
{
    return role_names[role];
}

clade_status clade_role_parse(clade_role *out, const char *name, clade_error *err)
{
    for (int role = 0; role < CLADE_N_ROLE; role++) {
        if (strcmp(name, role_names[role]) != 0) continue;
        *out = (clade_role)role;
        return CLADE_OK;
    }
    return clade_fail(err, CLADE_ERR_ARG, "a key is for write, read or admin, not for '%s'", name);
}

/* ---------------------------------------------------------------- the file */

static void put_hex(clade_json *json, const char *name, const uint8_t *data)
{
    char hex[2 * HASH_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, data, HASH_BYTES);
    clade_json_put_text(json, name, hex);
}

static clade_status save(const clade_keyring *ring, clade_error *err)
{
    clade_buffer text = { 0 };
    clade_json   json = clade_json_start(&text, 2);
    clade_json_object(&json);
    clade_json_put_int(&json, "version", 1);
    put_hex(&json, "salt", ring->salt);
    clade_json_key(&json, "keys");
    clade_json_array(&json);
    for (size_t i = 0; i < ring->n; i++) {
        clade_json_object(&json);
        clade_json_put_text(&json, "id", ring->key[i].known.id);
        clade_json_put_text(&json, "role", clade_role_name(ring->key[i].known.role));
        clade_json_put_int(&json, "created_us", ring->key[i].known.created_us);
        clade_json_put_int(&json, "revoked_us", ring->key[i].known.revoked_us);
        put_hex(&json, "hash", ring->key[i].hash);
        clade_json_object_end(&json);
    }
    clade_json_array_end(&json);
    clade_json_object_end(&json);
    const clade_status status =
        text.failed ? clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", ring->path)
                    : clade_file_replace(ring->path, text.data, text.size, 0600, err);
    clade_buffer_free(&text);
    return status;
}

static void take_hex(uint8_t *out, clade_json_reader *reader, const clade_json_node *object,
                     const char *name)
{
    char   hex[2 * HASH_BYTES + 1];
    size_t n = 0;
    clade_json_take_text(hex, sizeof hex, reader, object, name);
    if (reader->status != CLADE_OK) return;
    if (sodium_hex2bin(out, HASH_BYTES, hex, strlen(hex), NULL, &n, NULL) != 0 || n != HASH_BYTES)
        reader->status = clade_fail(reader->err, CLADE_ERR_DATA, "%s: damaged: '%s' is no hash",
                                    reader->place, name);
}

static clade_status read_key(clade_keyring *ring, clade_json_reader *reader,
                             const clade_json_node *node, clade_error *err)
{
    ring_key one = { 0 };
    char     role[16];
    if (ring->n >= CLADE_KEYS_MAX || !CLADE_GROW(&ring->key, &ring->capacity, ring->n + 1))
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: too many keys", ring->path);
    clade_json_take_text(one.known.id, sizeof one.known.id, reader, node, "id");
    clade_json_take_text(role, sizeof role, reader, node, "role");
    one.known.created_us = (int64_t)clade_json_take_number(reader, node, "created_us");
    one.known.revoked_us = (int64_t)clade_json_take_number(reader, node, "revoked_us");
    take_hex(one.hash, reader, node, "hash");
    CLADE_TRY(reader->status);
    if (clade_role_parse(&one.known.role, role, NULL) != CLADE_OK)
        return clade_fail(err, CLADE_ERR_DATA, "%s: damaged: there is no role '%s'", ring->path,
                          role);
    ring->key[ring->n++] = one;
    return CLADE_OK;
}

static clade_status parse(clade_keyring *ring, clade_text text, clade_arena *arena,
                          clade_error *err)
{
    clade_json_tree tree = { 0 };
    if (clade_json_parse(&tree, text, arena, NULL) != CLADE_OK)
        return clade_fail(err, CLADE_ERR_DATA, "%s: damaged: it is not JSON", ring->path);
    clade_json_reader reader = { .tree = &tree, .place = ring->path, .err = err };
    take_hex(ring->salt, &reader, tree.node, "salt");
    const clade_json_node *const keys =
        clade_json_member(&reader, tree.node, "keys", CLADE_JSON_ARRAY);
    CLADE_TRY(reader.status);
    const clade_json_node *node = keys + 1;
    for (uint32_t i = 0; i < keys->n; i++, node = tree.node + node->next)
        CLADE_TRY(read_key(ring, &reader, node, err));
    return CLADE_OK;
}

clade_status clade_keyring_open(clade_keyring **out, clade_store *store, clade_error *err)
{
    clade_buffer   text  = { 0 };
    clade_arena   *arena = clade_arena_create(0);
    clade_keyring *ring  = CLADE_NEW(clade_keyring, 1);
    clade_status   status;
    if (ring == NULL || arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for keys");
        goto done;
    }
    ring->store = store;
    status      = clade_store_path(ring->path, sizeof ring->path, store, "keys/access", err);
    if (status != CLADE_OK) goto done;
    status = clade_file_read(&text, ring->path, FILE_MAX, err);
    if (status == CLADE_OK)
        status = parse(ring, (clade_text){ text.data, text.size }, arena, err);
    else if (status == CLADE_ERR_NOT_FOUND) {
        status = CLADE_OK;
        clade__random(store, ring->salt, HASH_BYTES);
        if (err != NULL) *err = (clade_error){ 0 };
    }
    if (status != CLADE_OK) goto done;
    *out = ring;
    ring = NULL;
done:
    clade_keyring_free(ring);
    clade_buffer_free(&text);
    clade_arena_free(arena);
    return status;
}

void clade_keyring_free(clade_keyring *ring)
{
    if (ring == NULL) return;
    free(ring->key);
    free(ring);
}

size_t clade_keyring_n(const clade_keyring *ring)
{
    return ring->n;
}

const clade_key *clade_keyring_get(const clade_keyring *ring, size_t nth)
{
    return &ring->key[nth].known;
}

/* ---------------------------------------------------------------- make, revoke, find */

static void hash_secret(uint8_t out[HASH_BYTES], const clade_keyring *ring, clade_text secret)
{
    crypto_generichash(out, HASH_BYTES, (const unsigned char *)secret.data, secret.size, ring->salt,
                       sizeof ring->salt);
}

clade_status clade_keyring_make(char out_secret[CLADE_KEY_SECRET], clade_keyring *ring,
                                clade_role role, clade_error *err)
{
    uint8_t  random[SECRET_BYTES + CLADE_KEY_ID / 2];
    char     hex[2 * SECRET_BYTES + 1], secret[CLADE_KEY_SECRET];
    ring_key one = { .known = { .role = role, .created_us = clade_now_us() } };
    if (ring->n >= CLADE_KEYS_MAX)
        return clade_fail(err, CLADE_ERR_ARG, "%s holds %d keys, and that is the most", ring->path,
                          CLADE_KEYS_MAX);
    if (!CLADE_GROW(&ring->key, &ring->capacity, ring->n + 1))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a key");
    clade__random(ring->store, random, sizeof random);
    sodium_bin2hex(hex, sizeof hex, random, SECRET_BYTES);
    sodium_bin2hex(one.known.id, sizeof one.known.id, random + SECRET_BYTES, CLADE_KEY_ID / 2);
    snprintf(secret, sizeof secret, "clade_%s_%s", clade_role_name(role), hex);
    hash_secret(one.hash, ring, clade_text_of(secret));

    ring->key[ring->n++]      = one;
    const clade_status status = save(ring, err);
    if (status == CLADE_OK)
        memcpy(out_secret, secret, sizeof secret);
    else
        ring->n--;
    sodium_memzero(random, sizeof random);
    sodium_memzero(hex, sizeof hex);
    sodium_memzero(secret, sizeof secret);
    return status;
}

clade_status clade_keyring_revoke(clade_keyring *ring, const char *id, clade_error *err)
{
    for (size_t i = 0; i < ring->n; i++) {
        clade_key *const known = &ring->key[i].known;
        if (strcmp(known->id, id) != 0) continue;
        const int64_t before = known->revoked_us;
        if (before != 0) return CLADE_OK;
        known->revoked_us         = clade_now_us();
        const clade_status status = save(ring, err);
        if (status != CLADE_OK) known->revoked_us = before;
        return status;
    }
    return clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no key '%.40s'", id);
}

int clade_keyring_find(const clade_keyring *ring, clade_text secret)
{
    uint8_t hash[HASH_BYTES];
    int     found = -1;
    if (secret.size == 0 || secret.size >= CLADE_KEY_SECRET) return -1;
    hash_secret(hash, ring, secret);
    for (size_t i = 0; i < ring->n; i++) {
        const bool same = sodium_memcmp(hash, ring->key[i].hash, HASH_BYTES) == 0;
        if (same && ring->key[i].known.revoked_us == 0) found = (int)i;
    }
    return found;
}
