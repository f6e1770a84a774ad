/**
 * Text: slices, UTF-8, nearest names, hashes, money and numbers as people write them.
 */
#ifndef CLADE_TEXT_H
#define CLADE_TEXT_H

#include "clade/memory.h"

/** A borrowed run of bytes; need not end in NUL. data may be NULL when size is 0. */
typedef struct clade_text {
    const char *data;
    size_t      size;
} clade_text;

#define CLADE_TEXT(literal) ((clade_text){ (literal), sizeof(literal) - 1 })

static inline clade_text clade_text_of(const char *s)
{
    return (clade_text){ s, s == NULL ? 0 : strlen(s) };
}
static inline bool clade_text_equal(clade_text a, clade_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
/** ASCII letters compare without case; other bytes as they are. */
CLADE_API bool clade_text_equal_nocase(clade_text a, clade_text b);
/** Without blanks, tabs, line ends, NUL, U+00A0, U+3000 and U+FEFF at both ends. */
CLADE_API clade_text clade_text_trim(clade_text text);

/** The byte where valid UTF-8 ends; equal to size when all of it is valid. Overlong forms,
 *  surrogates and values above U+10FFFF are invalid. */
CLADE_API size_t clade_utf8_valid(const char *data, size_t size);
/** Decode one code point at data[0..size). Returns its length, or 0 when invalid or empty. */
CLADE_API size_t clade_utf8_decode(uint32_t *out_point, const char *data, size_t size);
/** Encode one code point into out[4]. Returns its length. */
CLADE_API size_t clade_utf8_encode(char out[4], uint32_t point);
/** Columns a terminal needs: CJK and full-width count 2, combining marks 0. */
CLADE_API size_t clade_utf8_width(const char *text);

/** The candidate nearest to `word` by edit distance when close enough to suggest, else NULL. */
CLADE_API const char *clade_text_nearest(const char *word, const char *const *candidates,
                                         size_t n_candidates);

/** XXH3 of bytes, 64 bits. Stable across versions and machines. */
CLADE_API uint64_t clade_hash64(const void *data, size_t size, uint64_t seed);
/** clade_hash64 with seed 0 of bytes that come in pieces: add as often as needed, ask at any time.
 *  Create returns NULL when there is no memory; the caller frees, and free accepts NULL. */
typedef struct clade_hasher clade_hasher;
CLADE_API clade_hasher     *clade_hasher_create(void);
CLADE_API void              clade_hasher_add(clade_hasher *hasher, const void *data, size_t size);
CLADE_API uint64_t          clade_hasher_value(const clade_hasher *hasher);
CLADE_API void              clade_hasher_free(clade_hasher *hasher);

/** Decimal digits after the point of an ISO 4217 currency (2 for USD, 0 for JPY, 3 for KWD). */
CLADE_API int clade_currency_digits(const char currency[4]);
/** "-1,234.50" style: grouping by commas when `grouped`, a point before the minor digits. */
CLADE_API void clade_money_format(char out[40], int64_t minor, const char currency[4],
                                  bool grouped);
/** 1234567 -> "1,234,567". */
CLADE_API void clade_count_format(char out[32], int64_t n);

#endif
