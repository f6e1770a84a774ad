/*
 * Sealing personal values with XChaCha20-Poly1305 (libsodium): confidential and tamper-proof. The
 * customer's number is authenticated too, so a sealed value cannot be moved to somebody else.
 *
 *     0   version   1
 *     1   nonce     24 random bytes
 *     25  sealed    as long as the value
 *     ..  tag       16 bytes
 *
 * Runs once for every personal value that is loaded or shown; about 1 us.
 */
#include "internal.h"

#include <sodium.h>

enum {
    SEAL_VERSION = 1,
    NONCE_BYTES  = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES    = crypto_aead_xchacha20poly1305_ietf_ABYTES
};
_Static_assert(1 + NONCE_BYTES + TAG_BYTES == CLADE__SEAL_EXTRA, "the layout above");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == CLADE__KEY_BYTES, "one key size");

static void put_number(uint8_t out[8], int64_t customer)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)customer >> (8 * i));
}

void clade__seal(uint8_t *out, clade_store *store, int64_t customer,
                 const uint8_t key[CLADE__KEY_BYTES], clade_text value)
{
    uint8_t owner[8];
    put_number(owner, customer);
    out[0] = SEAL_VERSION;
    clade__random(store, out + 1, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + 1 + NONCE_BYTES, NULL, (const unsigned char *)(value.data == NULL ? "" : value.data),
        value.size, owner, sizeof owner, NULL, out + 1, key);
}

clade_status clade_identity_seal(clade_buffer *out, clade_store *store, int64_t customer,
                                 clade_text value, clade_error *err)
{
    uint8_t key[CLADE__KEY_BYTES];
    size_t  size;

    if (__builtin_add_overflow(value.size, (size_t)CLADE__SEAL_EXTRA + 1, &size) ||
        !CLADE_GROW(&out->data, &out->capacity, size))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to seal %zu bytes", value.size);
    CLADE_TRY(clade__identity_key(key, store, customer, err));
    clade__seal((uint8_t *)out->data, store, customer, key, value);
    sodium_memzero(key, sizeof key);
    out->size            = size - 1;
    out->data[out->size] = '\0';
    return CLADE_OK;
}

clade_status clade_identity_unseal(clade_buffer *out, clade_store *store, int64_t customer,
                                   clade_text sealed, clade_error *err)
{
    uint8_t        key[CLADE__KEY_BYTES];
    uint8_t        owner[8];
    const uint8_t *from = (const uint8_t *)sealed.data;

    if (sealed.size < CLADE__SEAL_EXTRA || from[0] != SEAL_VERSION)
        return clade_fail(err, CLADE_ERR_DATA, "customer number %lld: not a sealed value",
                          (long long)customer);
    const size_t size = sealed.size - CLADE__SEAL_EXTRA;
    if (!CLADE_GROW(&out->data, &out->capacity, size + 1))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to unseal %zu bytes", size);

    CLADE_TRY(clade__identity_key(key, store, customer, err));
    put_number(owner, customer);
    const int broken = crypto_aead_xchacha20poly1305_ietf_decrypt(
        (unsigned char *)out->data, NULL, NULL, from + 1 + NONCE_BYTES,
        sealed.size - 1 - NONCE_BYTES, owner, sizeof owner, from + 1, key);
    sodium_memzero(key, sizeof key);
    if (broken != 0) {
        clade_buffer_clear(out);
        return clade_fail(err, CLADE_ERR_DATA, "customer number %lld: the seal is broken",
                          (long long)customer);
    }
    out->size       = size;
    out->data[size] = '\0';
    return CLADE_OK;
}

clade_status clade_identity_name(clade_buffer *out, clade_store *store, int64_t customer,
                                 clade_error *err)
{
    clade_status      status = CLADE_OK;
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    const clade_value args[] = { CLADE_INT(customer) };

    status = clade_store_query(
        &rows, store, "SELECT sealed FROM identity WHERE customer = ? AND kind = 'id' LIMIT 1",
        args, 1, err);
    if (status != CLADE_OK) goto done;
    status = clade_rows_next(&chunk, rows, err);
    if (status != CLADE_OK) goto done;
    if (chunk.n_rows == 0) {
        status = clade_fail(err, CLADE_ERR_NOT_FOUND, "customer number %lld has no name here",
                            (long long)customer);
        goto done;
    }
    status = clade_identity_unseal(out, store, customer, clade_chunk_text(&chunk, 0, 0), err);
done:
    clade_rows_close(rows);
    return status;
}
