/*
 * Who gets in: a key by Basic (as the user), Bearer, `X-API-Key`, or in the body of a tracking
 * call; what its role may do; and how often. Once a request; a hash and a few comparisons.
 */
#include "server_internal.h"

#include <math.h>
#include <stdio.h>

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

size_t clade__basic_user(char out[CLADE__TOKEN], const char *text)
{
    unsigned bits = 0;
    int      have = 0;
    size_t   n    = 0;
    for (; *text != '\0' && *text != '=' && n + 1 < CLADE__TOKEN; text++) {
        const int digit = base64_digit(*text);
        if (digit < 0) return 0;
        bits = bits << 6 | (unsigned)digit;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (char)(bits >> have & 255);
    }
    const char *const colon = memchr(out, ':', n);
    return colon == NULL ? n : (size_t)(colon - out);
}

/* The key that the header names, or an empty text. */
static clade_text header_key(const clade__request *q, char buffer[CLADE__TOKEN])
{
    const char *at = clade__header(q, "Authorization");
    if (at == NULL) return clade_text_of(clade__header(q, "X-API-Key"));
    if (strncasecmp(at, "Basic ", 6) == 0)
        return (clade_text){ buffer, clade__basic_user(buffer, at + 6 + strspn(at + 6, " ")) };
    if (strncasecmp(at, "Bearer ", 7) == 0) return clade_text_trim(clade_text_of(at + 7));
    return (clade_text){ NULL, 0 };
}

/* ---------------------------------------------------------------- how often */

static bool within_rate(clade__request *q)
{
    clade_server *const  server = q->server;
    const double         rate   = server->options.rate;
    const double         burst  = server->options.burst;
    clade__bucket *const bucket = &server->bucket[q->key];
    if (rate <= 0) return true;
    bucket->level     = fmin(burst, bucket->level + (server->now - bucket->at) * rate);
    bucket->at        = server->now;
    const bool enough = bucket->level >= 1;
    if (enough) bucket->level -= 1;
    clade__header_set(q, "RateLimit-Limit", "%.0f", burst);
    clade__header_set(q, "RateLimit-Remaining", "%.0f", floor(bucket->level));
    clade__header_set(q, "RateLimit-Reset", "%.0f", ceil((burst - bucket->level) / rate));
    if (enough) return true;
    clade__header_set(q, "Retry-After", "%.0f", fmax(1, ceil((1 - bucket->level) / rate)));
    clade__problem(q, 429, "too_many_requests", "wait as long as Retry-After says",
                   "this key may ask %g times a second", rate);
    server->n_refused_rate++;
    return false;
}

/* ---------------------------------------------------------------- who */

static bool may(clade_role role, clade__need need)
{
    return need == CLADE__OPEN || role == CLADE_ROLE_ADMIN ||
           (need == CLADE__WRITE && role == CLADE_ROLE_WRITE) ||
           (need == CLADE__READ && role == CLADE_ROLE_READ);
}

static bool enter(clade__request *q, clade_text secret)
{
    static const char *const needed[] = { "no", "a write", "a read", "an admin" };
    clade_server *const      server   = q->server;
    const clade__need        need     = q->route->need;
    q->key                            = clade_keyring_find(server->ring, secret);
    if (q->key < 0) {
        server->n_refused_key++;
        clade__header_set(q, "WWW-Authenticate", "Basic realm=\"clade\"");
        clade__problem(q, 401, "unknown_key",
                       need == CLADE__WRITE
                           ? "the write key is the user of HTTP Basic: curl -u KEY:"
                           : "send the header Authorization: Bearer KEY",
                       secret.size == 0 ? "this needs a key" : "nobody has this key");
        return false;
    }
    q->role = clade_keyring_get(server->ring, (size_t)q->key)->role;
    if (!may(q->role, need)) {
        server->n_refused_key++;
        clade__problem(q, 403, "wrong_role", "ask who runs the server for another key",
                       "this needs %s key, and this is a %s key", needed[need],
                       clade_role_name(q->role));
        return false;
    }
    return within_rate(q);
}

bool clade__gate(clade__request *q)
{
    char buffer[CLADE__TOKEN];
    if (q->route->need == CLADE__OPEN) return true;
    return enter(q, header_key(q, buffer));
}

bool clade__gate_body(clade__request *q, const char *write_key)
{
    char       buffer[CLADE__TOKEN];
    clade_text secret = header_key(q, buffer);
    /* Segment's clients that send Bearer carry a token of their own, and the key in the body. */
    if (write_key != NULL && clade_keyring_find(q->server->ring, secret) < 0)
        secret = clade_text_of(write_key);
    return enter(q, secret);
}

/* ---------------------------------------------------------------- the first start */

clade_status clade__gate_open(clade_server *server, clade_error *err)
{
    CLADE_TRY(clade_keyring_open(&server->ring, server->store, err));
    server->bucket = CLADE_NEW(clade__bucket, CLADE_KEYS_MAX);
    if (server->bucket == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for rates");
    for (size_t i = 0; i < CLADE_KEYS_MAX; i++)
        server->bucket[i].level = server->options.burst;
    if (clade_keyring_n(server->ring) > 0) return CLADE_OK;
    for (int role = 0; role < CLADE_N_ROLE; role++)
        CLADE_TRY(clade_keyring_make(server->new_key[role], server->ring, (clade_role)role, err));
    return CLADE_OK;
}
