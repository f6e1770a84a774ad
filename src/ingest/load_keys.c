/* Known keys and names of a load: open addressing with linear probing, at most two thirds full, no
 * deletion. Runs once or twice for every row, so each table is one flat array and callers prefetch.
 */
#include "load_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

uint64_t clade__key_mix(uint64_t a, uint64_t b)
{
    const clade__u128 wide =
        (clade__u128)(a ^ UINT64_C(0x9E3779B97F4A7C15)) * (b ^ UINT64_C(0xE7037ED1A0B428DB));
    uint64_t h = (uint64_t)wide ^ (uint64_t)(wide >> 64);
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return h ^ (h >> 29);
}

uint64_t clade__key_repeat(uint64_t key, uint64_t k)
{
    return k == 0 ? key : clade__key_mix(key, k);
}

/* Zeroed slots; large tables on large pages, since every probe goes somewhere else. Freed by free.
 */
static uint64_t *slots_new(size_t n_slots, size_t words)
{
    enum { LARGE_PAGE = 2 << 20 };
    const size_t size = n_slots * words * sizeof(uint64_t);
    if (size < 4 * LARGE_PAGE) return calloc(n_slots * words, sizeof(uint64_t));
    void *slot = NULL;
    if (posix_memalign(&slot, LARGE_PAGE, size) != 0) return NULL;
    (void)madvise(slot, size, MADV_HUGEPAGE); /* a wish: without it the table works as well */
    memset(slot, 0, size);
    return slot;
}

/* The smallest power of two that holds n at two thirds full. */
static size_t slots_for(size_t n)
{
    size_t n_slots = 1024;
    while (n_slots / 3 * 2 < n)
        n_slots *= 2;
    return n_slots;
}

/* ---------------------------------------------------------------- keys */

/* Bit 0 says "seen in this file"; bit 1 is always set, so that no key is 0. 62 bits compare. */
static uint64_t key_body(uint64_t key)
{
    return (key | 2) & ~UINT64_C(1);
}

static size_t key_slot(const clade__keys *keys, uint64_t body)
{
    return (size_t)((body * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (keys->n_slots - 1);
}

clade_status clade__keys_reserve(clade__keys *keys, size_t n, clade_error *err)
{
    if (keys->n_slots != 0 && n <= keys->n_slots / 3 * 2) return CLADE_OK;
    const size_t n_slots = slots_for(n);
    uint64_t    *slot    = slots_new(n_slots, 1);
    if (slot == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the keys of %zu rows", n);
    }
    clade__keys grown = { .slot = slot, .n_slots = n_slots, .n = keys->n };
    for (size_t i = 0; i < keys->n_slots; i++) {
        if (keys->slot[i] == 0) continue;
        size_t at = key_slot(&grown, keys->slot[i] & ~UINT64_C(1));
        while (slot[at] != 0)
            at = (at + 1) & (n_slots - 1);
        slot[at] = keys->slot[i];
    }
    free(keys->slot);
    *keys = grown;
    return CLADE_OK;
}

void clade__keys_prefetch(const clade__keys *keys, uint64_t key)
{
    __builtin_prefetch(&keys->slot[key_slot(keys, key_body(key))], 1);
}

clade__key_state clade__keys_put(clade__keys *keys, uint64_t key)
{
    assert(keys->n < keys->n_slots);
    const uint64_t body = key_body(key);
    size_t         at   = key_slot(keys, body);
    while (keys->slot[at] != 0) {
        if ((keys->slot[at] & ~UINT64_C(1)) == body) {
            const bool in_file = keys->slot[at] & 1;
            keys->slot[at] |= 1;
            return in_file ? KEY_IN_FILE : KEY_OLD;
        }
        at = (at + 1) & (keys->n_slots - 1);
    }
    keys->slot[at] = body | 1;
    keys->n++;
    return KEY_NEW;
}

void clade__keys_new_file(clade__keys *keys)
{
    for (size_t i = 0; i < keys->n_slots; i++)
        keys->slot[i] &= ~UINT64_C(1);
}

void clade__keys_free(clade__keys *keys)
{
    free(keys->slot);
    *keys = (clade__keys){ 0 };
}

/* ---------------------------------------------------------------- names */

clade__name_hash clade__name_of(clade_text text)
{
    return (clade__name_hash){
        .hash  = clade_hash64(text.data, text.size, 0x6e616d65),
        .check = (uint32_t)clade_hash64(text.data, text.size, 0x636865636b),
    };
}

static size_t name_slot(const clade__names *names, uint64_t hash)
{
    return (size_t)hash & (names->n_slots - 1);
}

clade_status clade__names_reserve(clade__names *names, size_t n, clade_error *err)
{
    if (names->n_slots != 0 && n <= names->n_slots / 3 * 2) return CLADE_OK;
    const size_t n_slots = slots_for(n);
    clade__name *slot    = malloc(n_slots * sizeof slot[0]);
    if (slot == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a dictionary of %zu names", n);
    }
    for (size_t i = 0; i < n_slots; i++)
        slot[i].number = LOAD_NO_NUMBER;
    clade__names grown = { .slot = slot, .n_slots = n_slots, .n = names->n };
    for (size_t i = 0; i < names->n_slots; i++) {
        if (names->slot[i].number == LOAD_NO_NUMBER) continue;
        size_t at = name_slot(&grown, names->slot[i].hash);
        while (slot[at].number != LOAD_NO_NUMBER)
            at = (at + 1) & (n_slots - 1);
        slot[at] = names->slot[i];
    }
    free(names->slot);
    *names = grown;
    return CLADE_OK;
}

void clade__names_prefetch(const clade__names *names, clade__name_hash name)
{
    __builtin_prefetch(&names->slot[name_slot(names, name.hash)]);
}

uint32_t clade__names_find(const clade__names *names, clade__name_hash name)
{
    size_t at = name_slot(names, name.hash);
    while (names->slot[at].number != LOAD_NO_NUMBER) {
        const clade__name *entry = &names->slot[at];
        if (entry->hash == name.hash && entry->check == name.check) return entry->number;
        at = (at + 1) & (names->n_slots - 1);
    }
    return LOAD_NO_NUMBER;
}

void clade__names_put(clade__names *names, clade__name_hash name, uint32_t number)
{
    assert(names->n < names->n_slots);
    size_t at = name_slot(names, name.hash);
    while (names->slot[at].number != LOAD_NO_NUMBER)
        at = (at + 1) & (names->n_slots - 1);
    names->slot[at] = (clade__name){ .hash = name.hash, .check = name.check, .number = number };
    names->n++;
}

void clade__names_free(clade__names *names)
{
    free(names->slot);
    *names = (clade__names){ 0 };
}

/* ---------------------------------------------------------------- a map */

static bool map_grow(clade__map *map)
{
    const size_t n_slots = slots_for(map->n * 2 + 1);
    uint64_t    *slot    = slots_new(n_slots, 2);
    if (slot == NULL) return false;
    for (size_t i = 0; i < map->n_slots; i++) {
        if (map->slot[2 * i] == 0) continue;
        size_t at = (size_t)map->slot[2 * i] & (n_slots - 1);
        while (slot[2 * at] != 0)
            at = (at + 1) & (n_slots - 1);
        slot[2 * at]     = map->slot[2 * i];
        slot[2 * at + 1] = map->slot[2 * i + 1];
    }
    free(map->slot);
    map->slot    = slot;
    map->n_slots = n_slots;
    return true;
}

uint64_t *clade__map_at(clade__map *map, uint64_t key, bool make)
{
    key = key == 0 ? 1 : key;
    if (make && (map->n + 1) > map->n_slots / 3 * 2 && !map_grow(map)) return NULL;
    if (map->n_slots == 0) return NULL;
    size_t at = (size_t)key & (map->n_slots - 1);
    while (map->slot[2 * at] != 0) {
        if (map->slot[2 * at] == key) return &map->slot[2 * at + 1];
        at = (at + 1) & (map->n_slots - 1);
    }
    if (!make) return NULL;
    map->slot[2 * at] = key;
    map->n++;
    return &map->slot[2 * at + 1];
}

void clade__map_free(clade__map *map)
{
    free(map->slot);
    *map = (clade__map){ 0 };
}
