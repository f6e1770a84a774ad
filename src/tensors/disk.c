/* A file that is replaced whole: written beside its place, made durable, then renamed. A reader
 * sees the old file or the new one. */
#include "tensors_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

clade_status clade__tensors_disk_fail(clade_error *err, const char *path, const char *verb,
                                      int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: cannot %s: it does not exist", path, verb);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        clade_fail(err, CLADE_ERR_IO, "%s: cannot %s: no room is left on the disk", path, verb);
        clade_hint(err, "make room and try again; the file that was there before is whole");
        return CLADE_ERR_IO;
    default:
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot %s: %s", path, verb, strerror(number));
    }
}

clade_status clade__tensors_disk_begin(tensors_disk *out, const char *path, clade_error *err)
{
    out->path = path;
    out->fd   = -1;
    if ((size_t)snprintf(out->beside, sizeof out->beside, "%s.new", path) >= sizeof out->beside)
        return clade_fail(err, CLADE_ERR_ARG, "%.80s...: the path is longer than %zu bytes", path,
                          sizeof out->beside - 5);
    out->fd = open(out->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out->fd >= 0) return CLADE_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: cannot write: its folder does not exist",
                          path);
    return clade__tensors_disk_fail(err, path, "write", errno);
}

clade_status clade__tensors_disk_put(tensors_disk *disk, const void *data, size_t size,
                                     clade_error *err)
{
    const char *at = data;
    while (size > 0) {
        const ssize_t put = write(disk->fd, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0)
            return clade__tensors_disk_fail(err, disk->path, "write", put == 0 ? ENOSPC : errno);
        at += put;
        size -= (size_t)put;
    }
    return CLADE_OK;
}

clade_status clade__tensors_disk_patch(tensors_disk *disk, uint64_t offset, const void *data,
                                       size_t size, clade_error *err)
{
    if (lseek(disk->fd, (off_t)offset, SEEK_SET) < 0)
        return clade__tensors_disk_fail(err, disk->path, "write", errno);
    return clade__tensors_disk_put(disk, data, size, err);
}

static clade_status sync_folder(const tensors_disk *disk, clade_error *err)
{
    char        folder[sizeof disk->beside];
    const char *slash = strrchr(disk->path, '/');
    if (slash == NULL) {
        snprintf(folder, sizeof folder, ".");
    } else {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - disk->path) + 1, disk->path);
    }
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return clade__tensors_disk_fail(err, folder, "open", errno);
    clade_status status = CLADE_OK;
    if (fsync(fd) != 0 && errno != EINVAL) /* some file systems cannot, and need not */
        status = clade__tensors_disk_fail(err, folder, "sync", errno);
    close(fd);
    return status;
}

clade_status clade__tensors_disk_keep(tensors_disk *disk, clade_error *err)
{
    if (fsync(disk->fd) != 0) return clade__tensors_disk_fail(err, disk->path, "sync", errno);
    const int failed = close(disk->fd);
    disk->fd         = -1;
    if (failed != 0 || rename(disk->beside, disk->path) != 0) {
        const int number = errno;
        unlink(disk->beside);
        return clade__tensors_disk_fail(err, disk->path, "replace", number);
    }
    return sync_folder(disk, err);
}

void clade__tensors_disk_end(tensors_disk *disk)
{
    if (disk->fd < 0) return;
    close(disk->fd);
    unlink(disk->beside);
    disk->fd = -1;
}
