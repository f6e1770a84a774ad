/**
 * Keys to a workspace: who may write events, read answers, or administer.
 *
 * A key is a role's prefix and 192 random bits in hex ("clade_write_4f..."). It is told once, when
 * it is made; keys/access holds only its hash (BLAKE2b, keyed with random bytes of that file), so
 * that whoever reads the disk cannot call the server.
 */
#ifndef CLADE_ACCESS_H
#define CLADE_ACCESS_H

#include "clade/store.h"

typedef enum clade_role {
    CLADE_ROLE_WRITE, /* send events, nothing else */
    CLADE_ROLE_READ,  /* ask, nothing else */
    CLADE_ROLE_ADMIN, /* both, forget customers, make and revoke keys */
    CLADE_N_ROLE
} clade_role;

/** "write", "read", "admin". */
CLADE_API const char                 *clade_role_name(clade_role role);
CLADE_API CLADE_MUST_USE clade_status clade_role_parse(clade_role *out, const char *name,
                                                       clade_error *err);

enum {
    CLADE_KEY_ID     = 12,   /* hex digits that name a key in lists and logs; no secret */
    CLADE_KEY_SECRET = 80,   /* room for a key's text with its NUL */
    CLADE_KEYS_MAX   = 1000, /* of a workspace, revoked ones among them */
};

/** What is known of a key; never the key itself. */
typedef struct clade_key {
    char       id[CLADE_KEY_ID + 1];
    clade_role role;
    int64_t    created_us;
    int64_t    revoked_us; /* 0: it opens */
} clade_key;

typedef struct clade_keyring clade_keyring;

/**
 * Read the keys of a workspace; none were made yet is an empty ring.
 *
 * @param store  Borrowed until the free, for the folder's name and chance.
 * @return CLADE_ERR_DATA when keys/access is damaged; CLADE_ERR_IO.
 * Ownership   The caller frees with clade_keyring_free, which accepts NULL.
 * Threads     Of one thread at a time.
 */
CLADE_API CLADE_MUST_USE clade_status clade_keyring_open(clade_keyring **out, clade_store *store,
                                                         clade_error *err);
CLADE_API void                        clade_keyring_free(clade_keyring *ring);
CLADE_API size_t                      clade_keyring_n(const clade_keyring *ring);
/** The nth key in the order of making, lent until the next call that changes the ring. */
CLADE_API const clade_key *clade_keyring_get(const clade_keyring *ring, size_t nth);

/**
 * Make a key; it is durable when the call returns.
 *
 * @param out_secret  Its text: the only time that it is told.
 * @return CLADE_ERR_ARG above CLADE_KEYS_MAX keys; CLADE_ERR_IO, and then there is no new key.
 */
CLADE_API CLADE_MUST_USE clade_status clade_keyring_make(char out_secret[CLADE_KEY_SECRET],
                                                         clade_keyring *ring, clade_role role,
                                                         clade_error *err);
/** Let a key open nothing any more. CLADE_ERR_NOT_FOUND for an id that is not there. */
CLADE_API CLADE_MUST_USE clade_status clade_keyring_revoke(clade_keyring *ring, const char *id,
                                                           clade_error *err);
/**
 * Whose secret is this? The index of a key that opens, or -1.
 *
 * Cost  One hash and one comparison with every key; no step depends on what is alike.
 */
CLADE_API int clade_keyring_find(const clade_keyring *ring, clade_text secret);

#endif
