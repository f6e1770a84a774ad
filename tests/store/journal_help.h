/* What the tests of the journal share: records whose content follows from their number. */
#ifndef CLADE_JOURNAL_HELP_H
#define CLADE_JOURNAL_HELP_H

#include "check.h"
#include "clade/journal.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL_SEGMENT = 1200000, LARGEST = 4000 };

static inline uint64_t mix(uint64_t x)
{
    x = (x + 1) * UINT64_C(0x9E3779B97F4A7C15);
    x ^= x >> 31;
    x *= UINT64_C(0xBF58476D1CE4E5B9);
    return x ^ (x >> 29);
}

/* Record number seq: mostly some hundred bytes, sometimes none, sometimes thousands. */
static inline clade_text record_of(char out[LARGEST], uint64_t seq)
{
    const uint64_t chance = mix(seq);
    const size_t   size = chance % 16 == 0 ? 0 : chance % 16 == 1 ? chance % LARGEST : chance % 600;
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(mix(seq * 4096 + i / 8) >> (8 * (i % 8)));
    return (clade_text){ out, size };
}

/* Append the next n records in one call; the last one's number. */
static inline clade_status append_next(uint64_t *out_seq, clade_journal *journal, uint64_t next,
                                       size_t n, clade_error *err)
{
    static __thread char bytes[64][LARGEST];
    clade_text           record[64];
    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++)
        record[i] = record_of(bytes[i], next + i);
    return clade_journal_append(journal, out_seq, record, n, err);
}

/* Read [from, to] and hold each to what it must be; nothing durable may lie behind. */
static inline void check_records(clade_journal *journal, uint64_t from, uint64_t to)
{
    clade_journal_reader *reader = NULL;
    clade_error           err    = { 0 };
    clade_text            got;
    uint64_t              seq;
    char                  want[LARGEST];
    if (clade_journal_reader_open(&reader, journal, from, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    for (uint64_t i = from; i <= to; i++) {
        if (clade_journal_read(reader, &got, &seq, &err) != CLADE_OK) fail_msg("%s", err.message);
        assert_int_equal(seq, i);
        assert_true(clade_text_equal(got, record_of(want, i)));
    }
    check_ok(clade_journal_read(reader, &got, &seq, &err));
    assert_int_equal(seq, 0);
    clade_journal_reader_close(reader);
}

#endif
