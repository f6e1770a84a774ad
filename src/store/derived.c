/*
 * The folder derived/: what a verb keeps because making it again from the tables costs more than
 * reading it. It is about customers, one row each, so a file in it is overwritten before its name
 * goes: what was known of somebody who is forgotten must not lie on in blocks of the disk.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static clade_status overwrite(const char *path, clade_error *err)
{
    static const uint8_t zero[1 << 16];
    clade_status         status = CLADE_OK;
    struct stat          info;
    const int            fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? CLADE_OK : clade_file_fail(err, path, "open", errno);

    if (fstat(fd, &info) != 0) status = clade_file_fail(err, path, "look at", errno);
    for (off_t left = info.st_size; status == CLADE_OK && left > 0; left -= sizeof zero) {
        const size_t size = left < (off_t)sizeof zero ? (size_t)left : sizeof zero;
        status            = clade_file_write_all(fd, path, zero, size, err);
    }
    if (status == CLADE_OK && fsync(fd) != 0) status = clade_file_fail(err, path, "sync", errno);
    close(fd);
    return status;
}

clade_status clade_store_derived_drop(clade_store *store, clade_error *err)
{
    clade_status   status = CLADE_OK;
    char           folder[CLADE_PATH_MAX], path[CLADE_PATH_MAX];
    struct dirent *entry;
    if (store->read_only)
        return clade_fail(err, CLADE_ERR_ARG, "%s was opened for reading only", store->folder);

    CLADE_TRY(clade_store_path(folder, sizeof folder, store, "derived", err));
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return errno == ENOENT ? CLADE_OK : clade_file_fail(err, folder, "open", errno);
    while (status == CLADE_OK && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= sizeof path) {
            status = clade_fail(err, CLADE_ERR_DATA, "%s/%s: the path is too long", folder,
                                entry->d_name);
            break;
        }
        status = overwrite(path, err);
        if (status == CLADE_OK && unlink(path) != 0 && errno != ENOENT)
            status = clade_file_fail(err, path, "remove", errno);
    }
    closedir(dir);
    return status;
}
