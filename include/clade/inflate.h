/**
 * Packed bytes in memory, made whole again.
 */
#ifndef CLADE_INFLATE_H
#define CLADE_INFLATE_H

#include "clade/text.h"

/**
 * Append what was packed by gzip or zlib ("Content-Encoding: gzip" and "deflate") to a buffer.
 *
 * @param max_bytes  Of the unpacked text: a few packed bytes can become gigabytes, and do not here.
 * @return CLADE_ERR_DATA for bytes that are not packed so, end early, or carry something behind;
 *         CLADE_ERR_ARG when there would be more than max_bytes; CLADE_ERR_NOMEM.
 * Cost    O(unpacked bytes); stops at max_bytes.
 */
CLADE_API CLADE_MUST_USE clade_status clade_inflate(clade_buffer *out, clade_text packed,
                                                    size_t max_bytes, clade_error *err);

#endif
