/**
 * Files that survive a crash: written under another name, made durable, then renamed over their
 * place. Whoever reads sees the old content or the new one, never a part.
 *
 * Failures of the disk come as one sentence with what to do: a full disk, a read-only folder and a
 * path that does not exist are named.
 */
#ifndef CLADE_FILE_H
#define CLADE_FILE_H

#include "clade/memory.h"

enum { CLADE_PATH_MAX = 4096 }; /* bytes of a path, with its NUL */

/** A file on its way: bytes go to `<path>.new` until they are kept under `path`. */
typedef struct clade_file_writer {
    const char *path; /* borrowed */
    char        beside[CLADE_PATH_MAX];
    int         fd; /* -1: not open */
} clade_file_writer;

/**
 * Begin, put bytes, and keep; every begin needs its end, which after a keep does nothing and else
 * removes what was written.
 *
 * @param mode  Of the file, before the process's umask: 0666, or 0600 for a key.
 * @return CLADE_ERR_NOT_FOUND when the folder does not exist; CLADE_ERR_IO; CLADE_ERR_ARG for a
 * path of CLADE_PATH_MAX bytes or more. After a failure the old file is as it was. Cost    keep:
 * two syncs, of the file and of its folder.
 */
CLADE_API CLADE_MUST_USE clade_status clade_file_begin(clade_file_writer *out, const char *path,
                                                       unsigned mode, clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_file_put(clade_file_writer *writer, const void *data,
                                                     size_t size, clade_error *err);
/** Overwrite bytes that were put before; nothing can be put after it. */
CLADE_API CLADE_MUST_USE clade_status clade_file_patch(clade_file_writer *writer, uint64_t offset,
                                                       const void *data, size_t size,
                                                       clade_error *err);
CLADE_API CLADE_MUST_USE clade_status clade_file_keep(clade_file_writer *writer, clade_error *err);
CLADE_API void                        clade_file_end(clade_file_writer *writer);

/** All of it at once: begin, put, keep. */
CLADE_API CLADE_MUST_USE clade_status clade_file_replace(const char *path, const void *data,
                                                         size_t size, unsigned mode,
                                                         clade_error *err);
/** Append a file's content to `out`. CLADE_ERR_NOT_FOUND; CLADE_ERR_DATA above max_bytes. */
CLADE_API CLADE_MUST_USE clade_status clade_file_read(clade_buffer *out, const char *path,
                                                      size_t max_bytes, clade_error *err);
/** Write to an open file, however many calls that takes. `path` is for the message. */
CLADE_API CLADE_MUST_USE clade_status clade_file_write_all(int fd, const char *path,
                                                           const void *data, size_t size,
                                                           clade_error *err);
/** Make the entries of the folder that `path_inside` lies in durable: after a rename, say. */
CLADE_API CLADE_MUST_USE clade_status clade_folder_sync(const char *path_inside, clade_error *err);
/** The sentence for an errno after trying to `verb` the path ("open", "write"). */
CLADE_API clade_status clade_file_fail(clade_error *err, const char *path, const char *verb,
                                       int number);

#endif
