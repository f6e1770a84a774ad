/*
 * One segment of the journal, as bytes.
 *
 *     0   magic     "cladejnl"
 *     8   version   1, then 4 zero bytes
 *     16  first     number of the first record
 *     24  salt      24 random bytes: the segment's key is the keyed BLAKE2b of first and salt
 *     48  tag       16 bytes: BLAKE2b of the 48 bytes before, keyed with the segment's key
 *     64  frames, each at a multiple of 8 bytes
 *
 *     0   size      of the body; 0 is a mark: what lies before it is durable
 *     4   group     offset of the first frame that was written together with this one
 *     8   check     of the body: low half of XXH3
 *     12  check     of the 12 bytes before
 *     16  body      the sealed record and its tag (XChaCha20-Poly1305, the nonce is its number)
 *
 * A group is only written when the one before it is durable. So where a whole frame of a later
 * group lies behind a bad one, the bad one had been durable: that is damage, and everything else is
 * a tail that was being written when the machine stopped. A nonce never comes twice under one key,
 * because a segment is only appended to by the process that began it.
 */
#include "journal_segment.h"

#include <assert.h>
#include <sodium.h>

static const char     MAGIC[8] = { 'c', 'l', 'a', 'd', 'e', 'j', 'n', 'l' };
static const uint32_t VERSION  = 1;

enum { SALT_AT = 24, SALT_BYTES = 24, HEADER_TAG_AT = 48, HEADER_TAG_BYTES = 16 };
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SEGMENT_KEY_BYTES, "one key size");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == SEGMENT_TAG_BYTES, "one tag size");
_Static_assert(HEADER_TAG_AT + HEADER_TAG_BYTES == SEGMENT_HEADER_BYTES, "the layout above");

/* ---------------------------------------------------------------- the header */

static void derive(clade__segment *out, const uint8_t header[SEGMENT_HEADER_BYTES],
                   const uint8_t journal_key[SEGMENT_KEY_BYTES])
{
    crypto_generichash(out->key, SEGMENT_KEY_BYTES, header, SALT_AT + SALT_BYTES, journal_key,
                       SEGMENT_KEY_BYTES);
    out->seed = clade_hash64(header, SEGMENT_HEADER_BYTES, 0);
    memcpy(&out->first_seq, header + 16, sizeof out->first_seq);
}

void clade__segment_make(clade__segment *out, uint8_t out_header[SEGMENT_HEADER_BYTES],
                         uint64_t first_seq, const uint8_t journal_key[SEGMENT_KEY_BYTES])
{
    memset(out_header, 0, SEGMENT_HEADER_BYTES);
    memcpy(out_header, MAGIC, sizeof MAGIC);
    memcpy(out_header + 8, &VERSION, sizeof VERSION);
    memcpy(out_header + 16, &first_seq, sizeof first_seq);
    randombytes_buf(out_header + SALT_AT, SALT_BYTES);
    derive(out, out_header, journal_key);
    crypto_generichash(out_header + HEADER_TAG_AT, HEADER_TAG_BYTES, out_header, HEADER_TAG_AT,
                       out->key, SEGMENT_KEY_BYTES);
    out->seed = clade_hash64(out_header, SEGMENT_HEADER_BYTES, 0);
}

const char *clade__segment_open(clade__segment *out, const uint8_t header[SEGMENT_HEADER_BYTES],
                                const uint8_t journal_key[SEGMENT_KEY_BYTES])
{
    uint8_t  tag[HEADER_TAG_BYTES];
    uint32_t version;
    if (memcmp(header, MAGIC, sizeof MAGIC) != 0) return "it is not a segment of a journal";
    memcpy(&version, header + 8, sizeof version);
    if (version != VERSION) return "it was written by another version of clade";
    derive(out, header, journal_key);
    crypto_generichash(tag, sizeof tag, header, HEADER_TAG_AT, out->key, SEGMENT_KEY_BYTES);
    if (sodium_memcmp(tag, header + HEADER_TAG_AT, sizeof tag) != 0) {
        return "its header is damaged, or another workspace's key sealed it";
    }
    return NULL;
}

/* ---------------------------------------------------------------- frames */

typedef struct head {
    uint32_t size, group, body_check, head_check;
} head;
_Static_assert(sizeof(head) == SEGMENT_FRAME_BYTES, "the layout above");

static uint32_t head_check(const clade__segment *segment, const head *at, uint32_t offset)
{
    return (uint32_t)clade_hash64(at, offsetof(head, head_check), segment->seed + offset);
}

static uint32_t body_check(const clade__segment *segment, const uint8_t *body, size_t size)
{
    return (uint32_t)clade_hash64(body, size, segment->seed);
}

static void nonce_of(uint8_t out[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES], uint64_t seq)
{
    memset(out, 0, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
    memcpy(out, &seq, sizeof seq);
}

void clade__frame_put(uint8_t *out, const clade__segment *segment, uint64_t seq, uint32_t offset,
                      uint32_t group_offset, clade_text record)
{
    uint8_t      nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
    uint8_t     *body  = out + SEGMENT_FRAME_BYTES;
    const size_t size  = record.size + SEGMENT_TAG_BYTES;
    const size_t bytes = clade__frame_bytes(record.size);
    assert(size <= SEGMENT_BODY_MAX && offset % 8 == 0 && group_offset <= offset);
    nonce_of(nonce, seq);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        body, NULL, (const unsigned char *)(record.size == 0 ? "" : record.data), record.size, NULL,
        0, NULL, nonce, segment->key);
    memset(body + size, 0, bytes - SEGMENT_FRAME_BYTES - size);
    head at       = { .size       = (uint32_t)size,
                      .group      = group_offset,
                      .body_check = body_check(segment, body, size) };
    at.head_check = head_check(segment, &at, offset);
    memcpy(out, &at, sizeof at);
}

void clade__mark_put(uint8_t out[SEGMENT_FRAME_BYTES], const clade__segment *segment,
                     uint32_t offset)
{
    head at       = { .group = offset };
    at.head_check = head_check(segment, &at, offset);
    memcpy(out, &at, sizeof at);
}

clade__frame clade__frame_look(const clade__segment *segment, const uint8_t *data, size_t room,
                               uint32_t offset)
{
    static const uint8_t nothing[SEGMENT_FRAME_BYTES];
    clade__frame         frame = { .kind = FRAME_BAD };
    head                 at;
    if (room < SEGMENT_FRAME_BYTES) {
        frame.kind = room == 0 || memcmp(data, nothing, room) == 0 ? FRAME_NONE : FRAME_BAD;
        return frame;
    }
    if (memcmp(data, nothing, SEGMENT_FRAME_BYTES) == 0) {
        frame.kind = FRAME_NONE;
        return frame;
    }
    memcpy(&at, data, sizeof at);
    if (at.head_check != head_check(segment, &at, offset) || at.group > offset) return frame;
    frame.group_offset = at.group;
    if (at.size == 0) {
        frame.kind  = FRAME_MARK;
        frame.bytes = SEGMENT_FRAME_BYTES;
        return frame;
    }
    if (at.size < SEGMENT_TAG_BYTES || at.size > SEGMENT_BODY_MAX) return frame;
    const size_t bytes = clade__frame_bytes(at.size - SEGMENT_TAG_BYTES);
    if (bytes > room || at.body_check != body_check(segment, data + SEGMENT_FRAME_BYTES, at.size)) {
        return frame;
    }
    frame.kind       = FRAME_RECORD;
    frame.body_bytes = at.size;
    frame.bytes      = (uint32_t)bytes;
    return frame;
}

bool clade__frame_open(uint8_t *out, const clade__segment *segment, const uint8_t *data,
                       clade__frame frame, uint64_t seq)
{
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
    assert(frame.kind == FRAME_RECORD);
    nonce_of(nonce, seq);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, data + SEGMENT_FRAME_BYTES,
                                                      frame.body_bytes, NULL, 0, nonce,
                                                      segment->key) == 0;
}

/* ---------------------------------------------------------------- a whole segment */

/* Where the last byte that is not zero ends, at least `from`. */
static size_t written_end(const uint8_t *data, size_t from, size_t size)
{
    while (size > from && size % 8 != 0 && data[size - 1] == 0)
        size--;
    while (size >= from + 8) {
        uint64_t word;
        memcpy(&word, data + size - 8, 8);
        if (word != 0) break;
        size -= 8;
    }
    while (size > from && data[size - 1] == 0)
        size--;
    return size;
}

clade__scan clade__segment_scan(const clade__segment *segment, const uint8_t *data, size_t size)
{
    clade__scan scan = { .end = SEGMENT_HEADER_BYTES };
    assert(size >= SEGMENT_HEADER_BYTES && size <= UINT32_MAX);
    for (;;) {
        const clade__frame frame =
            clade__frame_look(segment, data + scan.end, size - scan.end, (uint32_t)scan.end);
        if (frame.kind != FRAME_MARK && frame.kind != FRAME_RECORD) break;
        scan.n_records += frame.kind == FRAME_RECORD;
        scan.end += frame.bytes;
    }
    const size_t last = written_end(data, scan.end, size);
    scan.torn         = last - scan.end;
    for (size_t at = scan.end + 8; at < last && !scan.damaged; at += 8) {
        const clade__frame frame = clade__frame_look(segment, data + at, size - at, (uint32_t)at);
        scan.damaged             = (frame.kind == FRAME_MARK || frame.kind == FRAME_RECORD) &&
                       frame.group_offset > scan.end;
    }
    return scan;
}
