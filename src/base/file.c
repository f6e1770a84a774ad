/* Files that must survive a crash: written under another name, made durable, then renamed. A reader
 * sees the old content or the new one. Runs a few times a run; cost is two fsyncs. */
#include "clade/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

clade_status clade_file_fail(clade_error *err, const char *path, const char *verb, int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: cannot %s: it does not exist", path, verb);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        clade_fail(err, CLADE_ERR_IO, "%s: cannot %s: no room is left on the disk", path, verb);
        clade_hint(err, "make room and run the command again; nothing that was stored is lost");
        return CLADE_ERR_IO;
    case EROFS:
    case EACCES:
    case EPERM:
        clade_fail(err, CLADE_ERR_IO, "%s: cannot %s: %s", path, verb,
                   number == EROFS ? "the file system is read-only" : "permission denied");
        clade_hint(err, "give this user the right to write there, or copy the folder elsewhere");
        return CLADE_ERR_IO;
    default:
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot %s: %s", path, verb, strerror(number));
    }
}

clade_status clade_file_read(clade_buffer *out, const char *path, size_t max_bytes,
                             clade_error *err)
{
    clade_status status = CLADE_OK;
    char         piece[4096];
    size_t       total = 0;
    const int    fd    = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return clade_file_fail(err, path, "open", errno);

    for (;;) {
        const ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            status = clade_file_fail(err, path, "read", errno);
            goto done;
        }
        if (got == 0) break;
        total += (size_t)got;
        if (total > max_bytes) {
            status = clade_fail(err, CLADE_ERR_DATA, "%s: larger than %zu bytes, which it never is",
                                path, max_bytes);
            goto done;
        }
        clade_buffer_append(out, piece, (size_t)got);
    }
    if (out->failed) status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", path);
done:
    close(fd);
    return status;
}

clade_status clade_file_write_all(int fd, const char *path, const void *data, size_t size,
                                  clade_error *err)
{
    const char *at = data;
    while (size > 0) {
        const ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return clade_file_fail(err, path, "write", put == 0 ? ENOSPC : errno);
        at += put;
        size -= (size_t)put;
    }
    return CLADE_OK;
}

clade_status clade_folder_sync(const char *path_inside, clade_error *err)
{
    char        folder[CLADE_PATH_MAX];
    const char *slash = strrchr(path_inside, '/');
    const int   size  = slash == NULL ? 1 : (int)(slash - path_inside);
    snprintf(folder, sizeof folder, "%.*s", size, slash == NULL ? "." : path_inside);

    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return clade_file_fail(err, folder, "open", errno);
    clade_status status = CLADE_OK;
    if (fsync(fd) != 0 && errno != EINVAL) status = clade_file_fail(err, folder, "sync", errno);
    close(fd);
    return status;
}

clade_status clade_file_begin(clade_file_writer *out, const char *path, unsigned mode,
                              clade_error *err)
{
    out->path = path;
    out->fd   = -1;
    if ((size_t)snprintf(out->beside, sizeof out->beside, "%s.new", path) >= sizeof out->beside)
        return clade_fail(err, CLADE_ERR_ARG, "%.80s...: the path is longer than %zu bytes", path,
                          sizeof out->beside - 5);
    out->fd = open(out->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    if (out->fd >= 0) return CLADE_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: cannot write: its folder does not exist",
                          path);
    return clade_file_fail(err, path, "write", errno);
}

clade_status clade_file_put(clade_file_writer *writer, const void *data, size_t size,
                            clade_error *err)
{
    return clade_file_write_all(writer->fd, writer->path, data, size, err);
}

clade_status clade_file_patch(clade_file_writer *writer, uint64_t offset, const void *data,
                              size_t size, clade_error *err)
{
    if (lseek(writer->fd, (off_t)offset, SEEK_SET) < 0)
        return clade_file_fail(err, writer->path, "write", errno);
    return clade_file_put(writer, data, size, err);
}

clade_status clade_file_keep(clade_file_writer *writer, clade_error *err)
{
    if (fsync(writer->fd) != 0) return clade_file_fail(err, writer->path, "sync", errno);
    const int failed = close(writer->fd);
    writer->fd       = -1;
    if (failed != 0 || rename(writer->beside, writer->path) != 0) {
        const int number = errno;
        unlink(writer->beside);
        return clade_file_fail(err, writer->path, "replace", number);
    }
    return clade_folder_sync(writer->path, err);
}

void clade_file_end(clade_file_writer *writer)
{
    if (writer->fd < 0) return;
    close(writer->fd);
    unlink(writer->beside);
    writer->fd = -1;
}

clade_status clade_file_replace(const char *path, const void *data, size_t size, unsigned mode,
                                clade_error *err)
{
    clade_file_writer writer;
    clade_status      status = clade_file_begin(&writer, path, mode, err);
    if (status == CLADE_OK) status = clade_file_put(&writer, data, size, err);
    if (status == CLADE_OK) status = clade_file_keep(&writer, err);
    clade_file_end(&writer);
    return status;
}
