/* Bodies of requests that come packed: unpacked in blocks, never beyond the size that was allowed.
 */
#include "clade/inflate.h"

#define ZLIB_CONST /* next_in does not write */
#include <zlib.h>

enum { BLOCK = 64 * 1024, ANY_HEADER = 15 + 32 }; /* gzip's or zlib's, told apart by zlib itself */

static clade_status unpack(clade_buffer *out, z_stream *z, size_t max_bytes, clade_error *err)
{
    unsigned char block[BLOCK];
    size_t        n    = 0;
    int           code = Z_OK;
    while (code != Z_STREAM_END) {
        z->next_out  = block;
        z->avail_out = BLOCK;
        code         = inflate(z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END)
            return clade_fail(err, CLADE_ERR_DATA, "the body is not whole gzip: %s",
                              z->msg == NULL ? "it ends early" : z->msg);
        const size_t got = BLOCK - z->avail_out;
        if (got > max_bytes - n)
            return clade_fail(err, CLADE_ERR_ARG, "the unpacked body has more than %zu bytes",
                              max_bytes);
        clade_buffer_append(out, block, got);
        n += got;
    }
    if (z->avail_in > 0)
        return clade_fail(err, CLADE_ERR_DATA, "the body has %u bytes behind its gzip",
                          z->avail_in);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the body");
    return CLADE_OK;
}

clade_status clade_inflate(clade_buffer *out, clade_text packed, size_t max_bytes, clade_error *err)
{
    z_stream z = { 0 };
    if (packed.size > UINT32_MAX)
        return clade_fail(err, CLADE_ERR_ARG, "%zu packed bytes are too many", packed.size);
    if (inflateInit2(&z, ANY_HEADER) != Z_OK)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to unpack");
    z.next_in  = (const Bytef *)packed.data;
    z.avail_in = (uInt)packed.size;

    const clade_status status = unpack(out, &z, max_bytes, err);
    inflateEnd(&z);
    return status;
}
