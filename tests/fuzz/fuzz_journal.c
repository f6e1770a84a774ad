/* Any bytes as a segment of the journal: the frames behind a true header, and the header itself.
 * Whatever is taken for a whole record lies inside the bytes and opens or is refused; and records
 * that were put in front of the bytes are found, whatever follows them. */
#include "fuzz.h"

#include "store/journal_segment.h"

#include <string.h>

static const uint8_t key[SEGMENT_KEY_BYTES] = { 7, 5, 3 };

/* Walk as the reader does; the number of records that opened. */
static uint64_t read_all(const clade__segment *segment, const uint8_t *data, size_t size)
{
    const clade__scan scan = clade__segment_scan(segment, data, size);
    uint64_t          seq = segment->first_seq, n = 0, n_open = 0;
    size_t            at = SEGMENT_HEADER_BYTES;
    FUZZ_CHECK(scan.end >= SEGMENT_HEADER_BYTES && scan.end + scan.torn <= size);
    while (at < scan.end) {
        const clade__frame frame = clade__frame_look(segment, data + at, size - at, (uint32_t)at);
        FUZZ_CHECK(frame.kind == FRAME_MARK || frame.kind == FRAME_RECORD);
        FUZZ_CHECK(frame.bytes >= SEGMENT_FRAME_BYTES && frame.bytes <= size - at);
        if (frame.kind == FRAME_RECORD) {
            uint8_t *record = malloc(frame.body_bytes);
            if (record != NULL && clade__frame_open(record, segment, data + at, frame, seq))
                n_open++;
            free(record);
            seq++;
            n++;
        }
        at += frame.bytes;
    }
    FUZZ_CHECK(at == scan.end && n == scan.n_records);
    return n_open;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { N_OWN = 3 };
    clade__segment segment;
    uint8_t        header[SEGMENT_HEADER_BYTES];
    if (size > 1 << 20) return 0;
    if (size >= SEGMENT_HEADER_BYTES && clade__segment_open(&segment, data, key) == NULL) {
        (void)read_all(&segment, data, size);
    }

    clade__segment_make(&segment, header, 40, key);
    FUZZ_CHECK(clade__segment_open(&segment, header, key) == NULL && segment.first_seq == 40);
    const size_t frame = clade__frame_bytes(20);
    uint8_t     *whole = calloc(1, sizeof header + N_OWN * frame + size + 1);
    if (whole == NULL) return 0;
    memcpy(whole, header, sizeof header);
    size_t at = sizeof header;
    for (uint64_t i = 0; i < N_OWN; i++, at += frame)
        clade__frame_put(whole + at, &segment, 40 + i, (uint32_t)at, (uint32_t)at,
                         CLADE_TEXT("twenty bytes of text"));
    if (size > 0) memcpy(whole + at, data, size);
    FUZZ_CHECK(read_all(&segment, whole, at + size) >= N_OWN);

    /* A bit flipped in the second of them: damage, because the third was written after it. */
    if (size > 0) {
        const size_t bit = sizeof header + frame + data[0] % (SEGMENT_FRAME_BYTES + 36);
        whole[bit] ^= (uint8_t)(1 << data[size - 1] % 8);
        const clade__scan scan = clade__segment_scan(&segment, whole, at + size);
        FUZZ_CHECK(scan.n_records == 1 && scan.damaged);
    }
    free(whole);
    return 0;
}
