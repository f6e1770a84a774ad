/**
 * A fast, strict reader of JSON (RFC 8259) for what comes in from outside: the whole text becomes a
 * tape of small cells in the order of the text, and nothing is copied or turned into numbers. Who
 * wants a value asks for it. clade_json_parse is the one for files of one's own.
 *
 *     {"a": [1, "x"]}   ->   object, text a, array, number 1, text x
 *
 * A container is followed by what is in it, an object by its keys and values in turn; `next` is the
 * index behind a value and all that is in it, so a member nobody wants costs one step.
 *
 * Strict      Control characters in texts, other than the eight escapes, numbers such as 01, +1 and
 *             1., commas too many, anything behind the value and invalid UTF-8 are refused.
 * Tolerated   An escape of half a surrogate pair and \u0000 are read as U+FFFD: scripts of browsers
 *             send the first when they cut a text in the middle of an emoji.
 * Duplicates  All are on the tape: who walks it and assigns keeps the last.
 */
#ifndef CLADE_JSON_TAPE_H
#define CLADE_JSON_TAPE_H

#include "clade/json.h"

typedef struct clade_json_cell {
    uint32_t at;   /* first byte in the text; of a text the one behind its quote */
    uint32_t size; /* bytes as they are spelled; a text without quotes, a container with brackets */
    uint32_t next; /* index behind this value */
    uint8_t  type; /* clade_json_type */
    bool     escaped; /* a text with escapes: clade_json_tape_text decodes it */
    bool     boolean;
} clade_json_cell;

typedef struct clade_json_tape {
    const char      *text;
    clade_json_cell *cell; /* (n) cell[0] is the whole */
    size_t           n, capacity;
} clade_json_tape;

/**
 * Read a text onto a tape, whose memory is used again from call to call. Start with { 0 }.
 *
 * @param text  Less than 4 GB; borrowed as long as the tape is used.
 * @return CLADE_OK; CLADE_ERR_DATA names the byte and line (both from 1) and what was wanted there,
 *         also for more than CLADE_JSON_MAX_DEPTH levels; CLADE_ERR_NOMEM.
 *
 * Cost        O(size) time, 16 bytes a value and a key. No recursion.
 */
CLADE_API CLADE_MUST_USE clade_status clade_json_tape_read(clade_json_tape *tape, clade_text text,
                                                           clade_error *err);
CLADE_API void                        clade_json_tape_free(clade_json_tape *tape);

/** As it is spelled; a text without its quotes. */
static inline clade_text clade_json_tape_raw(const clade_json_tape *tape, uint32_t cell)
{
    return (clade_text){ tape->text + tape->cell[cell].at, tape->cell[cell].size };
}
/** A text (a key is one) with its escapes decoded, into the arena when it has any. NULL data when
 *  there is no memory. */
CLADE_API clade_text clade_json_tape_text(const clade_json_tape *tape, uint32_t cell,
                                          clade_arena *arena);
/** How many values an array holds, or members an object. O(of them). */
CLADE_API size_t clade_json_tape_count(const clade_json_tape *tape, uint32_t container);

/** for each member of an object: its key is the cell `key`, its value the cell `key + 1`. */
#define CLADE_JSON_EACH_MEMBER(tape, object, key)                                             \
    for (uint32_t key = (object) + 1, key##_end = (tape)->cell[object].next; key < key##_end; \
         key = (tape)->cell[key + 1].next)
/** for each value of an array. */
#define CLADE_JSON_EACH_VALUE(tape, array, value)                              \
    for (uint32_t value = (array) + 1, value##_end = (tape)->cell[array].next; \
         value < value##_end; value = (tape)->cell[value].next)

#endif
