/* Bytes of a file: plain, gzip (members one after another) or zstd (frames one after another), told
 * apart by their first bytes and not by the name of the file. What is stored is hashed on the way.
 * Runs once for each megabyte. */
#include "reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

typedef enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD } packing;

struct clade__source {
    char       *name;
    int         file; /* -1: bytes in memory */
    const char *memory;
    size_t      memory_size, memory_used;
    packing     packing;

    const char *block;  /* as stored: in `buffer`, or a piece of the memory */
    char       *buffer; /* (CLADE__BLOCK_BYTES), for files */
    size_t      block_size, block_used;
    bool        block_last; /* the file ends with this block */
    int64_t     n_bytes;    /* read so far */
    int64_t     n_file;     /* size of the file, 0 when it is not known (a pipe) */
    uint64_t    hash;

    z_stream      gzip;
    bool          gzip_open, gzip_between; /* between: a member has ended, the next has not begun */
    ZSTD_DStream *zstd;
    bool          zstd_between;
};

/* Read until the block is full, so that the chain of hashes does not depend on how the system cuts
 * its answers. */
static clade_status next_block(clade__source *source, clade_error *err)
{
    size_t size = 0;
    if (source->file < 0) {
        size = source->memory_size - source->memory_used;
        if (size > CLADE__BLOCK_BYTES) size = CLADE__BLOCK_BYTES;
        source->block = source->memory + source->memory_used;
        source->memory_used += size;
    } else {
        source->block = source->buffer;
        while (size < CLADE__BLOCK_BYTES) {
            const ssize_t got =
                read(source->file, source->buffer + size, CLADE__BLOCK_BYTES - size);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) {
                return clade_fail(err, CLADE_ERR_IO, "%s: cannot read after %lld bytes: %s",
                                  source->name, (long long)source->n_bytes, strerror(errno));
            }
            if (got == 0) break;
            size += (size_t)got;
        }
    }
    source->block_size = size;
    source->block_used = 0;
    source->block_last = size < CLADE__BLOCK_BYTES;
    source->n_bytes += (int64_t)size;
    if (size > 0) source->hash = clade_hash64(source->block, size, source->hash);
    return CLADE_OK;
}

static packing packing_of(const unsigned char *data, size_t size)
{
    if (size >= 3 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8) return PACKING_GZIP;
    if (size >= 4 && data[1] == 0xb5 && data[2] == 0x2f && data[3] == 0xfd && data[0] == 0x28) {
        return PACKING_ZSTD;
    }
    return PACKING_NONE;
}

static clade_status unpack_begin(clade__source *source, clade_error *err)
{
    CLADE_TRY(next_block(source, err));
    source->packing = packing_of((const unsigned char *)source->block, source->block_size);
    if (source->packing == PACKING_GZIP) {
        if (inflateInit2(&source->gzip, 15 + 16) != Z_OK) {
            return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to unpack gzip", source->name);
        }
        source->gzip_open = true;
    } else if (source->packing == PACKING_ZSTD) {
        source->zstd = ZSTD_createDStream();
        if (source->zstd == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to unpack zstd", source->name);
        }
        source->zstd_between = true;
    }
    return CLADE_OK;
}

clade_status clade__source_open(clade__source **out_source, const char *path, clade_error *err)
{
    clade_status   status = CLADE_OK;
    clade__source *source = CLADE_NEW(clade__source, 1);
    struct stat    info;

    if (source == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", path);
    source->file   = -1;
    source->name   = strdup(path);
    source->buffer = malloc(CLADE__BLOCK_BYTES);
    if (source->name == NULL || source->buffer == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", path);
        goto done;
    }

    source->file = open(path, O_RDONLY | O_CLOEXEC);
    if (source->file < 0) {
        status = clade_fail(err, errno == ENOENT ? CLADE_ERR_NOT_FOUND : CLADE_ERR_IO,
                            errno == ENOENT ? "%s: there is no such file" : "%s: cannot open: %s",
                            path, strerror(errno));
        goto done;
    }
    if (fstat(source->file, &info) != 0) {
        status = clade_fail(err, CLADE_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (S_ISDIR(info.st_mode)) {
        status = clade_fail(err, CLADE_ERR_IO, "%s: is a folder, a file was wanted", path);
        clade_hint(err, "name the files inside it, as in %s/*.csv", path);
        goto done;
    }
    if (S_ISREG(info.st_mode)) source->n_file = info.st_size;
    (void)posix_fadvise(source->file, 0, 0, POSIX_FADV_SEQUENTIAL);
    status = unpack_begin(source, err);
    if (status != CLADE_OK) goto done;

    *out_source = source;
    source      = NULL;
done:
    clade__source_close(source);
    return status;
}

clade_status clade__source_open_memory(clade__source **out_source, const char *data, size_t size,
                                       const char *name, clade_error *err)
{
    clade_status   status = CLADE_OK;
    clade__source *source = CLADE_NEW(clade__source, 1);

    if (source == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", name);
    source->file        = -1;
    source->memory      = data == NULL ? "" : data;
    source->memory_size = size;
    source->n_file      = (int64_t)size;
    source->name        = strdup(name);
    if (source->name == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", name);
        goto done;
    }
    status = next_block(source, err);
    if (status != CLADE_OK) goto done;

    *out_source = source;
    source      = NULL;
done:
    clade__source_close(source);
    return status;
}

void clade__source_close(clade__source *source)
{
    if (source == NULL) return;
    if (source->gzip_open) inflateEnd(&source->gzip);
    ZSTD_freeDStream(source->zstd);
    if (source->file >= 0) close(source->file);
    free(source->buffer);
    free(source->name);
    free(source);
}

static clade_status broken_off(const clade__source *source, const char *what, clade_error *err)
{
    clade_fail(err, CLADE_ERR_DATA, "%s: the %s data breaks off after %lld bytes", source->name,
               what, (long long)source->n_bytes);
    clade_hint(err, "the file was not copied whole; fetch it again");
    return CLADE_ERR_DATA;
}

static clade_status read_gzip(char *out, size_t *out_size, clade__source *source, size_t capacity,
                              clade_error *err)
{
    z_stream *const z = &source->gzip;
    *out_size         = 0;
    while (*out_size == 0) {
        if (source->block_used == source->block_size) {
            if (source->block_last) {
                return source->gzip_between ? CLADE_OK : broken_off(source, "gzip", err);
            }
            CLADE_TRY(next_block(source, err));
            continue;
        }
        if (source->gzip_between) {
            /* Another member, or padding: tar and tape leave zeros behind the last one. */
            if (source->block[source->block_used] == '\0') {
                source->block_used++;
                continue;
            }
            inflateReset(z);
            source->gzip_between = false;
        }
        z->next_in   = (unsigned char *)source->buffer + source->block_used;
        z->avail_in  = (unsigned)(source->block_size - source->block_used);
        z->next_out  = (unsigned char *)out;
        z->avail_out = (unsigned)capacity;

        const int code     = inflate(z, Z_NO_FLUSH);
        source->block_used = source->block_size - z->avail_in;
        *out_size          = capacity - z->avail_out;
        if (code == Z_STREAM_END) source->gzip_between = true;
        if (code == Z_MEM_ERROR) {
            return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to unpack gzip", source->name);
        }
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
            return clade_fail(err, CLADE_ERR_DATA, "%s: broken gzip data near byte %lld: %s",
                              source->name, (long long)(source->n_bytes - (int64_t)z->avail_in),
                              z->msg == NULL ? "not gzip" : z->msg);
        }
    }
    return CLADE_OK;
}

static clade_status read_zstd(char *out, size_t *out_size, clade__source *source, size_t capacity,
                              clade_error *err)
{
    *out_size = 0;
    while (*out_size == 0) {
        if (source->block_used == source->block_size) {
            if (source->block_last) {
                return source->zstd_between ? CLADE_OK : broken_off(source, "zstd", err);
            }
            CLADE_TRY(next_block(source, err));
            continue;
        }
        ZSTD_inBuffer  in   = { source->block, source->block_size, source->block_used };
        ZSTD_outBuffer to   = { out, capacity, 0 };
        const size_t   code = ZSTD_decompressStream(source->zstd, &to, &in);
        source->block_used  = in.pos;
        *out_size           = to.pos;
        if (ZSTD_isError(code)) {
            return clade_fail(err, CLADE_ERR_DATA, "%s: broken zstd data near byte %lld: %s",
                              source->name,
                              (long long)(source->n_bytes - (int64_t)(in.size - in.pos)),
                              ZSTD_getErrorName(code));
        }
        source->zstd_between = code == 0;
    }
    return CLADE_OK;
}

clade_status clade__source_read(char *out, size_t *out_size, clade__source *source, size_t capacity,
                                clade_error *err)
{
    if (source->packing == PACKING_GZIP) return read_gzip(out, out_size, source, capacity, err);
    if (source->packing == PACKING_ZSTD) return read_zstd(out, out_size, source, capacity, err);

    *out_size = 0;
    if (source->block_used == source->block_size) {
        if (source->block_last) return CLADE_OK;
        CLADE_TRY(next_block(source, err));
    }
    size_t size = source->block_size - source->block_used;
    if (size > capacity) size = capacity;
    if (size > 0) memcpy(out, source->block + source->block_used, size);
    source->block_used += size;
    *out_size = size;
    return CLADE_OK;
}

clade_status clade__source_drain(clade__source *source, clade_error *err)
{
    while (!source->block_last)
        CLADE_TRY(next_block(source, err));
    source->block_used = source->block_size;
    return CLADE_OK;
}

bool clade__source_is_parquet(const clade__source *source)
{
    return source->block_size >= 4 && memcmp(source->block, "PAR1", 4) == 0;
}

const char *clade__source_compression(const clade__source *source)
{
    return source->packing == PACKING_GZIP   ? "gzip"
           : source->packing == PACKING_ZSTD ? "zstd"
                                             : "none";
}

int64_t clade__source_bytes(const clade__source *source)
{
    return source->n_bytes;
}

size_t clade__source_plain_size(const clade__source *source)
{
    return source->packing == PACKING_NONE && source->n_file > 0 ? (size_t)source->n_file : 0;
}

double clade__source_progress(const clade__source *source)
{
    if (source->n_file <= 0) return source->block_last ? 1.0 : 0.0;
    const int64_t ahead = (int64_t)(source->block_size - source->block_used);
    const double  share = (double)(source->n_bytes - ahead) / (double)source->n_file;
    return share < 1.0 ? share : 1.0;
}

uint64_t clade__source_hash(const clade__source *source)
{
    return source->hash;
}
