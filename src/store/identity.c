/*
 * keys/identity: one slot of 64 bytes for every customer number ever given out.
 *
 *     0   key       32 random bytes that seal this customer's values
 *     32  id_hash   16 bytes: BLAKE2b of the outside id, keyed from the master
 *     48  state     1 live, 2 forgotten
 *     49  zero      7 bytes
 *     56  check     XXH3 of the 56 bytes before it
 *
 * A customer's number is the index of the slot. Slots are appended and made durable before the
 * transaction that uses them commits, so a crash leaves at most numbers that nobody uses, and never
 * a row whose number could be given out again. Slots at the end whose check fails were being
 * written when the machine stopped, and are cut off; one in the middle is a damaged disk: that
 * customer cannot be named any more, and a warning says so.
 *
 * clade_identity_intern runs once for every row that is loaded: a cache of exact ids in front of
 * the keyed hash answers in about 20 ns. Everything else runs once a customer.
 */
#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HASH_BYTES    = 16,
    STATE_LIVE    = 1,
    STATE_GONE    = 2,
    STATE_DAMAGED = 3,  /* in memory only: the slot's check fails, its key is lost */
    NAME_STORED   = 16, /* flags beside the state, in memory only: the sealed id is in the table */
    NAME_QUEUED   = 32, /* or waits for the next sync */
    POOL_BYTES    = 4096,
    RECENT_ID     = 39, /* longest id that the cache of recent ids holds */
    RECENT_MIN    = 1 << 10,
    RECENT_MAX    = 1 << 20,
    READ_SLOTS    = 1024,
    MAX_CUSTOMERS = INT32_MAX
};

typedef struct slot {
    uint8_t  key[CLADE__KEY_BYTES];
    uint8_t  id_hash[HASH_BYTES];
    uint8_t  state;
    uint8_t  zero[7];
    uint64_t check;
} slot;
_Static_assert(sizeof(slot) == CLADE__SLOT_BYTES, "a slot is 64 bytes on disk");

typedef struct recent_id {
    int64_t customer;
    uint8_t size; /* 0 is an empty place */
    char    id[RECENT_ID];
} recent_id;

/* A sealed outside id on its way to the table. */
typedef struct queued_name {
    int64_t customer;
    size_t  offset, size; /* in `sealed` */
} queued_name;

struct clade__identity {
    int     fd;
    char    path[CLADE_PATH_MAX];
    uint8_t hash_key[CLADE__KEY_BYTES]; /* all three derived from keys/master */
    uint8_t seal_key[CLADE__KEY_BYTES];
    uint8_t journal_key[CLADE__KEY_BYTES];

    int64_t n;        /* numbers given out */
    int64_t n_stored; /* of them durable in the file */
    bool    loaded;   /* the arrays below mirror the file */
    uint8_t (*hash)[HASH_BYTES];
    size_t    hash_capacity;
    uint8_t  *state;
    size_t    state_capacity;
    uint32_t *index; /* (n_index) customer + 1, or 0; open addressing */
    size_t    n_index;
    slot     *fresh; /* slots n_stored .. n - 1 */
    size_t    fresh_capacity;

    recent_id *recent; /* (n_recent) direct-mapped */
    size_t     n_recent;
    uint64_t   recent_seed;

    queued_name *queue;
    size_t       n_queue, queue_capacity;
    clade_buffer sealed;
    int64_t     *uncommitted; /* customers named by the open transaction */
    size_t       n_uncommitted, uncommitted_capacity;

    uint8_t pool[POOL_BYTES]; /* random bytes, fetched in one call, wiped as they are used */
    size_t  pool_left;
};

/* ---------------------------------------------------------------- chance */

void clade__random(clade_store *store, void *out, size_t size)
{
    clade__identity *identity = store->identity;
    assert(size <= POOL_BYTES);
    if (identity->pool_left < size) {
        randombytes_buf(identity->pool, POOL_BYTES);
        identity->pool_left = POOL_BYTES;
    }
    uint8_t *from = identity->pool + (POOL_BYTES - identity->pool_left);
    memcpy(out, from, size);
    sodium_memzero(from, size);
    identity->pool_left -= size;
}

/* ---------------------------------------------------------------- slots on disk */

static uint64_t slot_check(const slot *at)
{
    return clade_hash64(at, offsetof(slot, check), 0);
}

static bool slot_whole(const slot *at)
{
    return at->check == slot_check(at) && (at->state == STATE_LIVE || at->state == STATE_GONE);
}

static clade_status read_slots(slot *out, const clade__identity *identity, int64_t first, size_t n,
                               clade_error *err)
{
    char  *to   = (char *)out;
    size_t left = n * sizeof(slot);
    off_t  at   = (off_t)first * (off_t)sizeof(slot);
    while (left > 0) {
        const ssize_t got = pread(identity->fd, to, left, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return clade_file_fail(err, identity->path, "read", errno);
        if (got == 0)
            return clade_fail(err, CLADE_ERR_DATA, "%s: shorter than it was", identity->path);
        to += got;
        at += got;
        left -= (size_t)got;
    }
    return CLADE_OK;
}

static clade_status write_slots(const clade__identity *identity, const slot *from, int64_t first,
                                size_t n, clade_error *err)
{
    const char *at   = (const char *)from;
    size_t      left = n * sizeof(slot);
    off_t       to   = (off_t)first * (off_t)sizeof(slot);
    while (left > 0) {
        const ssize_t put = pwrite(identity->fd, at, left, to);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0)
            return clade_file_fail(err, identity->path, "write", put == 0 ? ENOSPC : errno);
        at += put;
        to += put;
        left -= (size_t)put;
    }
    if (fdatasync(identity->fd) != 0) return clade_file_fail(err, identity->path, "sync", errno);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- opening */

static clade_status open_master(clade_store *store, bool has_slots, clade_error *err)
{
    clade__identity *identity = store->identity;
    clade_status     status   = CLADE_OK;
    clade_buffer     text     = { 0 };
    uint8_t          master[CLADE__KEY_BYTES];
    char             path[CLADE_PATH_MAX];

    status = clade_store_path(path, sizeof path, store, "keys/master", err);
    if (status != CLADE_OK) goto done;
    if (access(path, F_OK) != 0) {
        if (has_slots || store->read_only) {
            status = clade_fail(err, CLADE_ERR_DATA,
                                "%s is missing: without it no customer can be recognised", path);
            clade_hint(err, "put it back from a backup of the workspace");
            goto done;
        }
        randombytes_buf(master, sizeof master);
        status = clade_file_replace(path, master, sizeof master, 0600, err);
        if (status != CLADE_OK) goto done;
    } else {
        status = clade_file_read(&text, path, CLADE__KEY_BYTES, err);
        if (status != CLADE_OK) goto done;
        if (text.size != CLADE__KEY_BYTES) {
            status = clade_fail(err, CLADE_ERR_DATA, "%s: %zu bytes where a key has %d", path,
                                text.size, CLADE__KEY_BYTES);
            goto done;
        }
        memcpy(master, text.data, sizeof master);
        sodium_memzero(text.data, text.size);
    }
    crypto_kdf_derive_from_key(identity->hash_key, CLADE__KEY_BYTES, 1, "cladekey", master);
    crypto_kdf_derive_from_key(identity->seal_key, CLADE__KEY_BYTES, 2, "cladekey", master);
    crypto_kdf_derive_from_key(identity->journal_key, CLADE__KEY_BYTES, 3, "cladekey", master);
done:
    sodium_memzero(master, sizeof master);
    clade_buffer_free(&text);
    return status;
}

/* How many slots count: whole ones, without a tail that was cut short. */
static clade_status count_slots(clade__identity *identity, clade_error *err)
{
    struct stat about;
    slot        last;
    if (fstat(identity->fd, &about) != 0)
        return clade_file_fail(err, identity->path, "read", errno);
    int64_t n = about.st_size / CLADE__SLOT_BYTES;
    for (; n > 0; n--) {
        CLADE_TRY(read_slots(&last, identity, n - 1, 1, err));
        if (slot_whole(&last)) break;
    }
    sodium_memzero(&last, sizeof last);
    identity->n = identity->n_stored = n;
    return CLADE_OK;
}

clade_status clade__identity_open(clade_store *store, clade_error *err)
{
    clade__identity *identity = NULL;
    const int        how      = store->read_only ? O_RDONLY : O_RDWR | O_CREAT;

    if (sodium_init() < 0) return clade_fail(err, CLADE_ERR_ENGINE, "libsodium does not start");
    identity = store->identity = CLADE_NEW(clade__identity, 1);
    if (identity == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", store->folder);
    identity->fd = -1;
    CLADE_TRY(clade_store_path(identity->path, sizeof identity->path, store, "keys/identity", err));
    identity->fd = open(identity->path, how | O_CLOEXEC, 0600);
    if (identity->fd < 0) return clade_file_fail(err, identity->path, "open", errno);
    CLADE_TRY(count_slots(identity, err));
    CLADE_TRY(open_master(store, identity->n > 0, err));
    if (!store->read_only) CLADE_TRY(clade_folder_sync(identity->path, err));
    clade__random(store, &identity->recent_seed, sizeof identity->recent_seed);
    return CLADE_OK;
}

static void wipe(void *data, size_t size)
{
    if (data != NULL) sodium_memzero(data, size);
}

void clade__identity_close(clade_store *store)
{
    clade__identity *identity = store->identity;
    if (identity == NULL) return;
    if (identity->fd >= 0) close(identity->fd);
    wipe(identity->fresh, identity->fresh_capacity * sizeof(slot));
    wipe(identity->recent, identity->n_recent * sizeof(recent_id));
    clade_buffer_free(&identity->sealed);
    free(identity->hash);
    free(identity->state);
    free(identity->index);
    free(identity->fresh);
    free(identity->recent);
    free(identity->queue);
    free(identity->uncommitted);
    sodium_memzero(identity, sizeof *identity);
    free(identity);
    store->identity = NULL;
}

/* ---------------------------------------------------------------- the index */

static void index_put(clade__identity *identity, int64_t customer)
{
    uint64_t at;
    memcpy(&at, identity->hash[customer], sizeof at);
    const size_t mask = identity->n_index - 1;
    while (identity->index[at & mask] != 0)
        at++;
    identity->index[at & mask] = (uint32_t)(customer + 1);
}

static int64_t index_find(const clade__identity *identity, const uint8_t hash[HASH_BYTES])
{
    uint64_t at;
    memcpy(&at, hash, sizeof at);
    const size_t mask = identity->n_index - 1;
    for (; identity->index[at & mask] != 0; at++) {
        const int64_t customer = (int64_t)identity->index[at & mask] - 1;
        if ((identity->state[customer] & 15) == STATE_LIVE &&
            memcmp(identity->hash[customer], hash, HASH_BYTES) == 0)
            return customer;
    }
    return -1;
}

/* Room for `need` customers at half load; the cache of recent ids grows along. */
static bool index_reserve(clade__identity *identity, size_t need)
{
    if (!CLADE_GROW(&identity->hash, &identity->hash_capacity, need) ||
        !CLADE_GROW(&identity->state, &identity->state_capacity, need))
        return false;
    if (identity->index != NULL && need * 2 <= identity->n_index) return true;

    size_t n_index = identity->n_index == 0 ? RECENT_MIN : identity->n_index;
    while (n_index < need * 2)
        n_index *= 2;
    const size_t n_recent = n_index < RECENT_MAX ? n_index : RECENT_MAX;
    uint32_t    *index    = CLADE_NEW(uint32_t, n_index);
    if (index == NULL) return false;
    if (n_recent != identity->n_recent) {
        recent_id *recent = CLADE_NEW(recent_id, n_recent);
        if (recent == NULL) {
            free(index);
            return false;
        }
        wipe(identity->recent, identity->n_recent * sizeof(recent_id));
        free(identity->recent);
        identity->recent   = recent;
        identity->n_recent = n_recent;
    }
    free(identity->index);
    identity->index   = index;
    identity->n_index = n_index;
    for (int64_t i = 0; i < identity->n; i++)
        if ((identity->state[i] & 15) == STATE_LIVE) index_put(identity, i);
    return true;
}

static clade_status load_slots(clade__identity *identity, clade_error *err)
{
    clade_status status    = CLADE_OK;
    int64_t      n_damaged = 0, first_damaged = 0;
    slot        *piece = CLADE_NEW(slot, READ_SLOTS);

    if (piece == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", identity->path);
    for (int64_t first = 0; first < identity->n; first += READ_SLOTS) {
        const int64_t left = identity->n - first;
        const size_t  n    = left < READ_SLOTS ? (size_t)left : READ_SLOTS;
        status             = read_slots(piece, identity, first, n, err);
        if (status != CLADE_OK) goto done;
        for (size_t i = 0; i < n; i++) {
            const int64_t customer = first + (int64_t)i;
            const bool    whole    = slot_whole(&piece[i]);
            if (!whole && n_damaged++ == 0) first_damaged = customer;
            memcpy(identity->hash[customer], piece[i].id_hash, HASH_BYTES);
            identity->state[customer] = whole ? piece[i].state : STATE_DAMAGED;
        }
    }
    if (n_damaged > 0)
        clade_log(CLADE_LOG_WARN,
                  "%s: %lld slots are damaged, the first is %lld: these customers "
                  "cannot be named any more",
                  identity->path, (long long)n_damaged, (long long)first_damaged);
done:
    wipe(piece, READ_SLOTS * sizeof(slot));
    free(piece);
    return status;
}

/* Which numbers have their sealed id in the table. A crash between sync and commit leaves some
 * without one, and they get it when they are seen again. */
static clade_status load_names(clade_store *store, clade_error *err)
{
    static const char sql[]    = "SELECT customer FROM identity WHERE kind = 'id'";
    clade__identity  *identity = store->identity;
    clade_status      status   = CLADE_OK;
    clade_rows       *rows     = NULL;
    clade_chunk       chunk    = { 0 };

    status = store->streaming != NULL ? clade_store_query_aside(&rows, store, sql, NULL, 0, err)
                                      : clade_store_query(&rows, store, sql, NULL, 0, err);
    if (status != CLADE_OK) goto done;
    rows->steady = true; /* What was done before Ctrl-C may need names to be saved. */
    for (;;) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows; i++) {
            if (customer[i] < 0 || customer[i] >= identity->n) {
                status = clade_fail(err, CLADE_ERR_DATA,
                                    "%s has %lld slots but the store knows customer %lld: it was "
                                    "replaced by an older copy",
                                    identity->path, (long long)identity->n, (long long)customer[i]);
                goto done;
            }
            identity->state[customer[i]] |= NAME_STORED;
        }
    }
done:
    clade_rows_close(rows);
    return status;
}

/* The first use of an id reads all slots: a verb that needs no id does not pay for them. */
static clade_status load(clade_store *store, clade_error *err)
{
    clade__identity *identity = store->identity;
    const int64_t    n        = identity->n;
    if (identity->loaded) return CLADE_OK;

    identity->n         = 0; /* nothing to put into the index yet */
    const bool has_room = index_reserve(identity, n > 0 ? (size_t)n : 1);
    identity->n         = n;
    if (!has_room)
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for %lld customers", identity->path,
                          (long long)n);
    CLADE_TRY(load_slots(identity, err));
    CLADE_TRY(load_names(store, err));
    memset(identity->index, 0, identity->n_index * sizeof identity->index[0]);
    for (int64_t i = 0; i < n; i++)
        if ((identity->state[i] & 15) == STATE_LIVE) index_put(identity, i);
    identity->loaded = true;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- intern, find */

static void hash_id(uint8_t out[HASH_BYTES], const clade__identity *identity, clade_text id)
{
    crypto_generichash(out, HASH_BYTES, (const unsigned char *)id.data, id.size, identity->hash_key,
                       CLADE__KEY_BYTES);
}

static recent_id *recent_place(clade__identity *identity, clade_text id)
{
    if (id.size == 0 || id.size > RECENT_ID) return NULL;
    const uint64_t at = clade_hash64(id.data, id.size, identity->recent_seed);
    return &identity->recent[at & (identity->n_recent - 1)];
}

static clade_status queue_name(clade_store *store, int64_t customer, clade_text id,
                               clade_error *err)
{
    clade__identity *identity = store->identity;
    uint8_t          key[CLADE__KEY_BYTES];
    const size_t     size = id.size + CLADE__SEAL_EXTRA;

    CLADE_TRY(clade__identity_key(key, store, customer, err));
    const size_t offset = identity->sealed.size;
    if (CLADE_GROW(&identity->queue, &identity->queue_capacity, identity->n_queue + 1) &&
        CLADE_GROW(&identity->sealed.data, &identity->sealed.capacity, offset + size)) {
        clade__seal((uint8_t *)identity->sealed.data + offset, store, customer, key, id);
        identity->sealed.size                = offset + size;
        identity->queue[identity->n_queue++] = (queued_name){ customer, offset, size };
        identity->state[customer] |= NAME_QUEUED;
        sodium_memzero(key, sizeof key);
        return CLADE_OK;
    }
    sodium_memzero(key, sizeof key);
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu sealed ids", identity->n_queue + 1);
}

static clade_status add_customer(int64_t *out_customer, clade_store *store,
                                 const uint8_t hash[HASH_BYTES], clade_error *err)
{
    clade__identity *identity = store->identity;
    const size_t     n_fresh  = (size_t)(identity->n - identity->n_stored);

    if (store->read_only)
        return clade_fail(err, CLADE_ERR_ARG, "%s was opened for reading only", store->folder);
    if (identity->n >= MAX_CUSTOMERS)
        return clade_fail(err, CLADE_ERR_DATA, "a workspace holds at most %d customers",
                          MAX_CUSTOMERS);
    if (!index_reserve(identity, (size_t)identity->n + 1) ||
        !CLADE_GROW(&identity->fresh, &identity->fresh_capacity, n_fresh + 1))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %lld customers",
                          (long long)identity->n + 1);

    slot *fresh = &identity->fresh[n_fresh];
    *fresh      = (slot){ .state = STATE_LIVE };
    clade__random(store, fresh->key, sizeof fresh->key);
    memcpy(fresh->id_hash, hash, HASH_BYTES);
    fresh->check = slot_check(fresh);

    const int64_t customer = identity->n++;
    memcpy(identity->hash[customer], hash, HASH_BYTES);
    identity->state[customer] = STATE_LIVE;
    index_put(identity, customer);
    *out_customer = customer;
    return CLADE_OK;
}

clade_status clade_identity_intern(int64_t *out_customer, clade_store *store, clade_text id,
                                   clade_error *err)
{
    clade__identity *identity = store->identity;
    uint8_t          hash[HASH_BYTES];
    int64_t          customer;

    CLADE_TRY(load(store, err));
    recent_id *recent = recent_place(identity, id);
    if (recent != NULL && recent->size == id.size && memcmp(recent->id, id.data, id.size) == 0) {
        *out_customer = recent->customer;
        return CLADE_OK;
    }
    hash_id(hash, identity, id);
    customer = index_find(identity, hash);
    if (customer < 0) {
        CLADE_TRY(add_customer(&customer, store, hash, err));
        recent = recent_place(identity, id); /* it may have moved */
    }
    if ((identity->state[customer] & (NAME_STORED | NAME_QUEUED)) == 0 && !store->read_only)
        CLADE_TRY(queue_name(store, customer, id, err));
    if (recent != NULL) {
        recent->customer = customer;
        recent->size     = (uint8_t)id.size;
        memcpy(recent->id, id.data, id.size);
    }
    *out_customer = customer;
    return CLADE_OK;
}

int64_t clade_identity_find(clade_store *store, clade_text id)
{
    uint8_t     hash[HASH_BYTES];
    clade_error err = { 0 };
    if (load(store, &err) != CLADE_OK) {
        clade_log(CLADE_LOG_WARN, "%s", err.message);
        return -1;
    }
    hash_id(hash, store->identity, id);
    return index_find(store->identity, hash);
}

int64_t clade_identity_count(const clade_store *store)
{
    return store->identity->n;
}

clade_status clade_identity_count_keys(clade_key_count *out, clade_store *store, clade_error *err)
{
    clade_key_count count = { 0 };
    CLADE_TRY(load(store, err));
    for (int64_t i = 0; i < store->identity->n; i++) {
        const int state = store->identity->state[i] & 15;
        count.n_live += state == STATE_LIVE;
        count.n_forgotten += state == STATE_GONE;
        count.n_damaged += state == STATE_DAMAGED;
    }
    *out = count;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- sync, transactions */

static clade_status append_names(clade_store *store, clade_error *err)
{
    clade__identity *identity = store->identity;
    clade_status     status   = CLADE_OK;
    clade_appender  *appender = NULL;

    status = clade_appender_open(&appender, store, "identity", err);
    if (status != CLADE_OK) goto done;
    for (size_t first = 0; first < identity->n_queue; first += CLADE_APPENDER_ROWS) {
        const size_t left     = identity->n_queue - first;
        const size_t n        = left < CLADE_APPENDER_ROWS ? left : CLADE_APPENDER_ROWS;
        int64_t     *customer = clade_appender_column(appender, 0);
        int64_t     *source   = clade_appender_column(appender, 3);
        for (size_t i = 0; i < n; i++) {
            const queued_name *name = &identity->queue[first + i];
            customer[i]             = name->customer;
            source[i]               = 0;
            clade_appender_text(appender, 1, i, CLADE_TEXT("id"));
            clade_appender_text(appender, 2, i,
                                (clade_text){ identity->sealed.data + name->offset, name->size });
        }
        status = clade_appender_flush(appender, n, err);
        if (status != CLADE_OK) goto done;
    }
    status = clade_appender_finish(appender, err);
done:
    clade_appender_close(appender);
    return status;
}

clade_status clade_identity_sync(clade_store *store, clade_error *err)
{
    clade__identity *identity = store->identity;
    const size_t     n_fresh  = (size_t)(identity->n - identity->n_stored);

    if (n_fresh > 0) {
        CLADE_TRY(write_slots(identity, identity->fresh, identity->n_stored, n_fresh, err));
        wipe(identity->fresh, n_fresh * sizeof(slot));
        identity->n_stored = identity->n;
    }
    if (identity->n_queue == 0) return CLADE_OK;
    if (store->in_transaction &&
        !CLADE_GROW(&identity->uncommitted, &identity->uncommitted_capacity,
                    identity->n_uncommitted + identity->n_queue))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", identity->n_queue);
    CLADE_TRY(append_names(store, err));
    for (size_t i = 0; i < identity->n_queue; i++) {
        const int64_t customer    = identity->queue[i].customer;
        identity->state[customer] = (identity->state[customer] & 15) | NAME_STORED;
        if (store->in_transaction) identity->uncommitted[identity->n_uncommitted++] = customer;
    }
    identity->n_queue = 0;
    clade_buffer_clear(&identity->sealed);
    return CLADE_OK;
}

void clade__identity_committed(clade_store *store)
{
    store->identity->n_uncommitted = 0;
}

void clade__identity_rolled_back(clade_store *store)
{
    clade__identity *identity = store->identity;
    for (size_t i = 0; i < identity->n_uncommitted; i++)
        identity->state[identity->uncommitted[i]] &= 15;
    for (size_t i = 0; i < identity->n_queue; i++)
        identity->state[identity->queue[i].customer] &= 15;
    identity->n_uncommitted = 0;
    identity->n_queue       = 0;
    clade_buffer_clear(&identity->sealed);
    wipe(identity->recent, identity->n_recent * sizeof(recent_id)); /* it would skip the naming */
}

/* ---------------------------------------------------------------- keys */

void clade__identity_journal_key(uint8_t out[CLADE__KEY_BYTES], const clade_store *store)
{
    memcpy(out, store->identity->journal_key, CLADE__KEY_BYTES);
}

clade_status clade__identity_key(uint8_t out[CLADE__KEY_BYTES], clade_store *store,
                                 int64_t customer, clade_error *err)
{
    const clade__identity *identity = store->identity;
    slot                   at;

    if (customer == -1) {
        memcpy(out, identity->seal_key, CLADE__KEY_BYTES);
        return CLADE_OK;
    }
    if (customer < 0 || customer >= identity->n)
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no customer number %lld",
                          (long long)customer);
    if (customer >= identity->n_stored) {
        memcpy(out, identity->fresh[customer - identity->n_stored].key, CLADE__KEY_BYTES);
        return CLADE_OK;
    }
    CLADE_TRY(read_slots(&at, identity, customer, 1, err));
    const bool usable = slot_whole(&at) && at.state == STATE_LIVE;
    if (usable) memcpy(out, at.key, CLADE__KEY_BYTES);
    sodium_memzero(&at, sizeof at);
    if (!usable)
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "customer number %lld was forgotten",
                          (long long)customer);
    return CLADE_OK;
}

clade_status clade__identity_destroy(clade_store *store, int64_t customer, clade_error *err)
{
    clade__identity *identity = store->identity;
    slot             gone     = { .state = STATE_GONE };
    assert(customer >= 0 && customer < identity->n_stored);

    gone.check = slot_check(&gone);
    CLADE_TRY(write_slots(identity, &gone, customer, 1, err));
    if (identity->loaded) { /* The index skips it: its state is no longer live. */
        memset(identity->hash[customer], 0, HASH_BYTES);
        identity->state[customer] = STATE_GONE;
        wipe(identity->recent, identity->n_recent * sizeof(recent_id));
    }
    return CLADE_OK;
}
