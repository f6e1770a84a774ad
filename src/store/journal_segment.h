/* The file format of one segment of the journal: pure functions on bytes. docs/formats/journal.md
 * tells the layout and why. Private to store. */
#ifndef CLADE_JOURNAL_SEGMENT_H
#define CLADE_JOURNAL_SEGMENT_H

#include "clade/text.h"

enum {
    SEGMENT_HEADER_BYTES = 64,
    SEGMENT_FRAME_BYTES  = 16, /* in front of each record */
    SEGMENT_TAG_BYTES    = 16, /* behind it, inside the frame's body */
    SEGMENT_KEY_BYTES    = 32,
    SEGMENT_BODY_MAX     = (1 << 20) + SEGMENT_TAG_BYTES,
};

/* One segment: what its header says. */
typedef struct clade__segment {
    uint64_t first_seq;
    uint64_t seed;                   /* of the checks: another in every segment */
    uint8_t  key[SEGMENT_KEY_BYTES]; /* seals its records */
} clade__segment;

/* A new header with a key of its own, in out_header. */
void clade__segment_make(clade__segment *out, uint8_t out_header[SEGMENT_HEADER_BYTES],
                         uint64_t first_seq, const uint8_t journal_key[SEGMENT_KEY_BYTES]);
/* NULL, or what is wrong with the header. */
const char *clade__segment_open(clade__segment *out, const uint8_t header[SEGMENT_HEADER_BYTES],
                                const uint8_t journal_key[SEGMENT_KEY_BYTES]);

/* Bytes that a record of this size takes in the file. */
static inline size_t clade__frame_bytes(size_t size)
{
    return SEGMENT_FRAME_BYTES + ((size + SEGMENT_TAG_BYTES + 7) & ~(size_t)7);
}
/* Seal record number seq for the place `offset`, in a group that begins at group_offset. Writes
 * clade__frame_bytes(record.size) bytes. */
void clade__frame_put(uint8_t *out, const clade__segment *segment, uint64_t seq, uint32_t offset,
                      uint32_t group_offset, clade_text record);
/* A mark of SEGMENT_FRAME_BYTES bytes: everything before it is durable. */
void clade__mark_put(uint8_t out[SEGMENT_FRAME_BYTES], const clade__segment *segment,
                     uint32_t offset);

typedef enum clade__frame_kind {
    FRAME_NONE, /* nothing was written here: zeros, or the end of the bytes */
    FRAME_BAD,  /* neither nothing nor a whole frame */
    FRAME_MARK,
    FRAME_RECORD,
} clade__frame_kind;

typedef struct clade__frame {
    clade__frame_kind kind;
    uint32_t          group_offset;
    uint32_t          body_bytes; /* sealed, without padding */
    uint32_t          bytes;      /* whole, up to the next frame */
} clade__frame;

/* Look at the frame at data[0], which lies at `offset` of its file and has `room` bytes up to the
 * end. Its body is checked as well. */
clade__frame clade__frame_look(const clade__segment *segment, const uint8_t *data, size_t room,
                               uint32_t offset);
/* Open the seal of a record: frame.body_bytes - SEGMENT_TAG_BYTES bytes. False when it is broken.
 */
bool clade__frame_open(uint8_t *out, const clade__segment *segment, const uint8_t *data,
                       clade__frame frame, uint64_t seq);

/* What a segment holds. */
typedef struct clade__scan {
    uint64_t n_records; /* whole ones, from the start */
    size_t   end;       /* where they end */
    size_t   torn;      /* bytes behind the end that are not zero, up to the last of them */
    bool     damaged;   /* what lies at `end` had been durable */
} clade__scan;

/* Count the records of a whole segment file; its header was opened before. */
clade__scan clade__segment_scan(const clade__segment *segment, const uint8_t *data, size_t size);

#endif
