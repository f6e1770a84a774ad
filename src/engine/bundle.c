/* Folders of a model that are replaced whole. */
#include "bundle.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* models/<name><suffix>/<file>; without a file the folder itself. */
static clade_status place(char out[CLADE_PATH_MAX], const clade__bundle *b, const char *suffix,
                          const char *file, clade_error *err)
{
    char name[256];
    (void)snprintf(name, sizeof name, "models/%s%s%s%s", b->name, suffix, file == NULL ? "" : "/",
                   file == NULL ? "" : file);
    return clade_store_path(out, CLADE_PATH_MAX, b->store, name, err);
}

/* Only what a bundle holds: a file of somebody else's keeps the folder there. */
static clade_status remove_folder(const clade__bundle *b, const char *suffix, clade_error *err)
{
    char path[CLADE_PATH_MAX], name[96];
    for (size_t f = 0; f < 2 * b->n_files; f++) { /* each, and what a stop left on its way */
        (void)snprintf(name, sizeof name, "%s%s", b->file[f / 2], f % 2 == 0 ? "" : ".new");
        CLADE_TRY(place(path, b, suffix, name, err));
        if (unlink(path) != 0 && errno != ENOENT)
            return clade_file_fail(err, path, "remove", errno);
    }
    CLADE_TRY(place(path, b, suffix, NULL, err));
    if (rmdir(path) != 0 && errno != ENOENT) return clade_file_fail(err, path, "remove", errno);
    return CLADE_OK;
}

static bool is_there(const clade__bundle *b, const char *suffix)
{
    char        path[CLADE_PATH_MAX];
    struct stat about;
    return place(path, b, suffix, NULL, NULL) == CLADE_OK && stat(path, &about) == 0;
}

static clade_status move(const clade__bundle *b, const char *from, const char *to, clade_error *err)
{
    char old_path[CLADE_PATH_MAX], new_path[CLADE_PATH_MAX];
    CLADE_TRY(place(old_path, b, from, NULL, err));
    CLADE_TRY(place(new_path, b, to, NULL, err));
    return rename(old_path, new_path) == 0 ? CLADE_OK
                                           : clade_file_fail(err, old_path, "rename", errno);
}

static clade_status make_folder(const char *path, clade_error *err)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? CLADE_OK
                                                     : clade_file_fail(err, path, "make", errno);
}

bool clade__bundle_there(const clade__bundle *b)
{
    return is_there(b, "") || is_there(b, ".old");
}

clade_status clade__bundle_path(char out[CLADE_PATH_MAX], const clade__bundle *b, const char *file,
                                clade_error *err)
{
    return place(out, b, is_there(b, "") ? "" : ".old", file, err);
}

clade_status clade__bundle_new_path(char out[CLADE_PATH_MAX], const clade__bundle *b,
                                    const char *file, clade_error *err)
{
    return place(out, b, ".new", file, err);
}

clade_status clade__bundle_get(clade_buffer *out, const clade__bundle *b, const char *file,
                               clade_error *err)
{
    enum { FILE_MAX = 1 << 30 };
    char path[CLADE_PATH_MAX];
    CLADE_TRY(clade__bundle_path(path, b, file, err));
    const clade_status status = clade_file_read(out, path, FILE_MAX, err);
    return status != CLADE_ERR_NOT_FOUND
               ? status
               : clade_fail(err, CLADE_ERR_DATA, "%s: the file is missing", path);
}

clade_status clade__bundle_put(const clade__bundle *b, const char *file, const clade_buffer *text,
                               clade_error *err)
{
    char path[CLADE_PATH_MAX];
    CLADE_TRY(clade__bundle_new_path(path, b, file, err));
    if (text->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to write %s", path);
    return clade_file_replace(path, text->data, text->size, 0666, err);
}

clade_status clade__bundle_begin(const clade__bundle *b, clade_error *err)
{
    char path[CLADE_PATH_MAX];
    CLADE_TRY(place(path, b, "", NULL, err));
    for (char *slash = strstr(path, "models/"); slash != NULL;) { /* folders above it */
        slash = strchr(slash + 1, '/');
        if (slash == NULL) break;
        *slash = '\0';
        CLADE_TRY(make_folder(path, err));
        *slash = '/';
    }
    if (!is_there(b, "") && is_there(b, ".old")) CLADE_TRY(move(b, ".old", "", err));
    CLADE_TRY(remove_folder(b, ".new", err));
    CLADE_TRY(remove_folder(b, ".old", err));
    CLADE_TRY(place(path, b, ".new", NULL, err));
    return make_folder(path, err);
}

clade_status clade__bundle_keep(const clade__bundle *b, clade_error *err)
{
    char path[CLADE_PATH_MAX];
    if (is_there(b, "")) CLADE_TRY(move(b, "", ".old", err));
    CLADE_TRY(move(b, ".new", "", err));
    CLADE_TRY(place(path, b, "", NULL, err));
    CLADE_TRY(clade_folder_sync(path, err));
    return remove_folder(b, ".old", err);
}

void clade__bundle_drop(const clade__bundle *b)
{
    (void)!remove_folder(b, ".new", NULL);
}
