/*
 * One process owns a workspace. flock on owner.lock says so; the kernel gives it back when the
 * process dies, however it dies, so a stale file is never in the way. Its text names the owner, for
 * the sentence that a second process prints.
 */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* "clade load": the program's name and, where it is a plain word, its first argument. Anything else
 * on the command line may be a path or a customer, and stays out of the file. */
static void own_name(char *out, size_t out_size)
{
    char      line[512] = { 0 };
    const int fd        = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t   got       = 0;
    if (fd >= 0) {
        got = read(fd, line, sizeof line - 2);
        close(fd);
    }
    if (got <= 0) {
        snprintf(out, out_size, "unknown");
        return;
    }
    const char *slash  = strrchr(line, '/');
    const char *name   = slash == NULL ? line : slash + 1;
    const char *verb   = line + strlen(line) + 1; /* line ends in two NULs at least */
    size_t      length = 0;
    while (islower((unsigned char)verb[length]))
        length++;
    if (length > 0 && length <= 20 && verb[length] == '\0')
        snprintf(out, out_size, "%.100s %s", name, verb);
    else
        snprintf(out, out_size, "%.100s", name);
}

static clade_status fail_busy(clade_error *err, const char *folder, int fd)
{
    char  text[200] = { 0 };
    long  pid       = 0;
    char *name      = text;
    if (fd >= 0 && pread(fd, text, sizeof text - 1, 0) > 0) {
        pid                         = strtol(text, &name, 10);
        name[strcspn(name, "\r\n")] = '\0';
        while (*name == ' ')
            name++;
    }
    if (pid > 0)
        clade_fail(err, CLADE_ERR_BUSY, "%s is in use by process %ld (%s)", folder, pid,
                   *name == '\0' ? "unknown" : name);
    else
        clade_fail(err, CLADE_ERR_BUSY, "%s is in use by another process", folder);
    clade_hint(err, "wait for it to end, or end it");
    return CLADE_ERR_BUSY;
}

clade_status clade__lock_take(int *out_fd, const char *folder, bool read_only, clade_error *err)
{
    clade_status status = CLADE_OK;
    char         path[CLADE_PATH_MAX];
    char         name[160];
    char         text[200];
    int          fd = -1;

    snprintf(path, sizeof path, "%s/owner.lock", folder);
    if (read_only) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        /* Nobody can own for writing what has no lock file and cannot get one. */
        if (fd < 0) fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } else {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    }
    if (fd < 0) {
        status = clade_file_fail(err, path, read_only ? "open" : "write", errno);
        goto done;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? fail_busy(err, folder, fd)
                                      : clade_file_fail(err, path, "lock", errno);
        goto done;
    }
    if (!read_only) { /* Only words for others: failing to write them harms nobody. */
        own_name(name, sizeof name);
        const int size = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), name);
        if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) != size)
            clade_log(CLADE_LOG_DEBUG, "%s: cannot write the owner's name", path);
    }
    *out_fd = fd;
    fd      = -1;
done:
    if (fd >= 0) close(fd);
    return status;
}

void clade__lock_give(int fd, bool read_only)
{
    if (fd < 0) return;
    if (!read_only && ftruncate(fd, 0) != 0) clade_log(CLADE_LOG_DEBUG, "owner.lock: not emptied");
    close(fd);
}
