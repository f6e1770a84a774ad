/*
 * A workspace: the folder, its format version, its lock, its tables, and its settings. Opened once
 * a process.
 *
 * clade.json is written last when a workspace is made, so a folder that has it has all the rest. A
 * folder with only some of our own files in it is a making that was cut short: it is taken up
 * again, nothing in it is thrown away but a database that has no tables yet.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- the folder */

static bool is_ours(const char *name)
{
    static const char *const names[] = { "owner.lock", "store.duckdb",  "store.duckdb.wal",
                                         "keys",       "runs",          "models",
                                         "reports",    "derived",       "tmp",
                                         "journal",    "clade.json.new" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

typedef enum folder_kind {
    FOLDER_NONE,
    FOLDER_EMPTY,
    FOLDER_UNFINISHED,
    FOLDER_WORKSPACE
} folder_kind;

static clade_status look_at_folder(folder_kind *out_kind, const char *folder, clade_error *err)
{
    clade_status   status = CLADE_OK;
    folder_kind    kind   = FOLDER_EMPTY;
    DIR           *dir    = opendir(folder);
    struct dirent *entry;

    if (dir == NULL && errno == ENOENT) {
        *out_kind = FOLDER_NONE;
        return CLADE_OK;
    }
    if (dir == NULL && errno == ENOTDIR)
        return clade_fail(err, CLADE_ERR_DATA, "%s is a file, and a workspace is a folder", folder);
    if (dir == NULL) return clade_file_fail(err, folder, "open", errno);

    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (strcmp(entry->d_name, "clade.json") == 0) {
            kind   = FOLDER_WORKSPACE;
            status = CLADE_OK;
            break;
        }
        if (is_ours(entry->d_name)) {
            kind = FOLDER_UNFINISHED;
        } else if (status == CLADE_OK) {
            status = clade_fail(err, CLADE_ERR_DATA,
                                "%s is not a workspace: it has no clade.json, and holds other "
                                "things (%s)",
                                folder, entry->d_name);
        }
    }
    if (status != CLADE_OK) clade_hint(err, "name a folder that does not exist yet");
    closedir(dir);
    if (status == CLADE_OK) *out_kind = kind;
    return status;
}

static clade_status make_folder(const char *path, unsigned mode, clade_error *err)
{
    if (mkdir(path, (mode_t)mode) == 0 || errno == EEXIST) return CLADE_OK;
    return clade_file_fail(err, path, "make the folder", errno);
}

static clade_status make_folders(const clade_store *store, clade_error *err)
{
    static const struct {
        const char *name;
        unsigned    mode;
    } folders[] = { { "keys", 0700 },
                    { "runs", 0755 },
                    { "models", 0755 },
                    { "reports", 0755 },
                    { "derived", 0700 } };
    char path[CLADE_PATH_MAX];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        CLADE_TRY(clade_store_path(path, sizeof path, store, folders[i].name, err));
        CLADE_TRY(make_folder(path, folders[i].mode, err));
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- clade.json */

static clade_status check_version(const clade_store *store, clade_error *err)
{
    clade_status    status = CLADE_OK;
    clade_buffer    text   = { 0 };
    clade_json_tree tree   = { 0 };
    clade_arena    *arena  = clade_arena_create(0);
    char            path[CLADE_PATH_MAX];

    if (arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", store->folder);
        goto done;
    }
    status = clade_store_path(path, sizeof path, store, "clade.json", err);
    if (status != CLADE_OK) goto done;
    status = clade_file_read(&text, path, CLADE__MANIFEST_MAX, err);
    if (status != CLADE_OK) goto done;
    if (clade_json_parse(&tree, (clade_text){ text.data, text.size }, arena, NULL) != CLADE_OK) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: damaged: it is not JSON", path);
        goto done;
    }
    const clade_json_node *version = clade_json_get(&tree, &tree.node[0], "version");
    if (version == NULL || version->type != CLADE_JSON_NUMBER || version->number < 1) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: damaged: it names no version", path);
    } else if (version->number > CLADE_STORE_VERSION) {
        status =
            clade_fail(err, CLADE_ERR_VERSION,
                       "%s was written by a newer clade: format %.0f, and this one reads up to "
                       "%d",
                       store->folder, version->number, CLADE_STORE_VERSION);
        clade_hint(err, "install the newer clade; nothing in the workspace was changed");
    } else if (version->number < CLADE_STORE_VERSION) {
        status = clade_fail(err, CLADE_ERR_VERSION,
                            "%s was written by an older clade: format %.0f, and this one reads %d",
                            store->folder, version->number, CLADE_STORE_VERSION);
        clade_hint(err, "load its files again into a new workspace; nothing in it was changed");
    }
done:
    clade_buffer_free(&text);
    clade_arena_free(arena);
    return status;
}

static clade_status write_version(const clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer text   = { 0 };
    clade_json   json   = clade_json_start(&text, 2);
    char         path[CLADE_PATH_MAX];
    char         now[40];

    clade_time_format(now, clade_now_us() / CLADE_US_PER_SECOND * CLADE_US_PER_SECOND);
    clade_json_object(&json);
    clade_json_put_text(&json, "format", "clade workspace");
    clade_json_put_int(&json, "version", CLADE_STORE_VERSION);
    clade_json_put_text(&json, "created", now);
    clade_json_put_text(&json, "build", CLADE_VERSION);
    clade_json_object_end(&json);
    clade_buffer_text(&text, "\n");
    if (text.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", store->folder);
        goto done;
    }
    status = clade_store_path(path, sizeof path, store, "clade.json", err);
    if (status == CLADE_OK) status = clade_file_replace(path, text.data, text.size, 0644, err);
done:
    clade_buffer_free(&text);
    return status;
}

/* ---------------------------------------------------------------- tables */

static clade_status make_tables(clade_store *store, clade_error *err)
{
    int64_t n_tables = 0;
    CLADE_TRY(clade_store_int(&n_tables, store,
                              "SELECT count(*) FROM duckdb_tables() WHERE table_name IN "
                              "('setting', 'alias', 'property')",
                              NULL, 0, 0, err));
    if (n_tables == 3) return CLADE_OK;

    CLADE_TRY(clade_store_begin(store, err));
    clade_status status = CLADE_OK;
    if (n_tables == 0) status = clade__run_steady(store, clade__schema_sql, err);
    if (status == CLADE_OK) status = clade__run_steady(store, clade__schema_live_sql, err);
    if (status != CLADE_OK) {
        clade_store_rollback(store);
        return status;
    }
    return clade_store_commit(store, err);
}

/* ---------------------------------------------------------------- open, close */

/* Is there something to open, or something to make? */
static clade_status decide(folder_kind *out_kind, clade_store *store,
                           const clade_store_options *options, clade_error *err)
{
    CLADE_TRY(look_at_folder(out_kind, store->folder, err));
    if (*out_kind == FOLDER_WORKSPACE) return CLADE_OK;
    if (options->create && !options->read_only) {
        if (*out_kind == FOLDER_NONE) return make_folder(store->folder, 0755, err);
        return CLADE_OK;
    }
    clade_fail(err, CLADE_ERR_NOT_FOUND,
               *out_kind == FOLDER_NONE    ? "%s: no such workspace"
               : *out_kind == FOLDER_EMPTY ? "%s: the folder is empty, not a workspace"
                                           : "%s: the workspace was never finished",
               store->folder);
    clade_hint(err, "clade load %.100s orders.csv makes one", store->folder);
    return CLADE_ERR_NOT_FOUND;
}

/* A making that was killed while the engine wrote its three headers leaves a file that it would
 * refuse for ever. Nothing can be in it: throw it away. */
static clade_status drop_stump(const clade_store *store, clade_error *err)
{
    enum { HEADER_BYTES = 3 * 4096 };
    char        path[CLADE_PATH_MAX];
    struct stat file;
    CLADE_TRY(clade_store_path(path, sizeof path, store, "store.duckdb", err));
    if (stat(path, &file) != 0 || file.st_size >= HEADER_BYTES) return CLADE_OK;
    if (unlink(path) == 0) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_IO, "%s: %s", path, strerror(errno));
}

static clade_status open_parts(clade_store *store, const clade_store_options *options,
                               clade_error *err)
{
    folder_kind kind = FOLDER_NONE;

    CLADE_TRY(decide(&kind, store, options, err));
    if (kind == FOLDER_WORKSPACE) CLADE_TRY(check_version(store, err));
    CLADE_TRY(clade__lock_take(&store->lock_fd, store->folder, store->read_only, err));
    if (!store->read_only) CLADE_TRY(make_folders(store, err));
    if (!store->read_only && kind != FOLDER_WORKSPACE) CLADE_TRY(drop_stump(store, err));
    CLADE_TRY(clade__identity_open(store, err));
    CLADE_TRY(clade__engine_open(store, options, err));
    if (!store->read_only) CLADE_TRY(make_tables(store, err));
    CLADE_TRY(clade__manifest_open(store, err));
    if (kind != FOLDER_WORKSPACE) CLADE_TRY(write_version(store, err));
    return CLADE_OK;
}

clade_status clade_store_open(clade_store **out_store, const char *folder,
                              const clade_store_options *options, clade_error *err)
{
    static const clade_store_options none   = { 0 };
    clade_status                     status = CLADE_OK;
    clade_store                     *store  = NULL;
    size_t                           size   = strlen(folder);

    if (options == NULL) options = &none;
    while (size > 1 && folder[size - 1] == '/')
        size--;
    if (size == 0 || size >= CLADE__FOLDER_MAX)
        return clade_fail(err, CLADE_ERR_ARG, "a workspace's path has 1 to %d bytes, not %zu",
                          CLADE__FOLDER_MAX - 1, size);

    store = CLADE_NEW(clade_store, 1);
    if (store == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", folder);
        goto done;
    }
    memcpy(store->folder, folder, size);
    store->lock_fd   = -1;
    store->read_only = options->read_only;
    status           = open_parts(store, options, err);
    if (status != CLADE_OK) goto done;

    *out_store = store;
    store      = NULL;
done:
    clade_store_close(store);
    return status;
}

void clade_store_close(clade_store *store)
{
    if (store == NULL) return;
    clade_store_rollback(store);
    clade__engine_close(store);
    clade__identity_close(store);
    clade__lock_give(store->lock_fd, store->read_only);
    free(store);
}

const char *clade_store_folder(const clade_store *store)
{
    return store->folder;
}

clade_status clade_store_path(char *out, size_t out_size, const clade_store *store,
                              const char *name, clade_error *err)
{
    const size_t need = strlen(store->folder) + 1 + strlen(name);
    if (need >= out_size)
        return clade_fail(err, CLADE_ERR_ARG, "%s/%s: the path is too long", store->folder, name);
    snprintf(out, out_size, "%s/%s", store->folder, name);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- settings */

clade_status clade_store_setting_get(char *out, size_t out_size, clade_store *store,
                                     const char *name, clade_error *err)
{
    clade_status      status = CLADE_OK;
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    const clade_value args[] = { CLADE_STR(name) };

    status =
        clade_store_query(&rows, store, "SELECT value FROM setting WHERE name = ?", args, 1, err);
    if (status != CLADE_OK) goto done;
    status = clade_rows_next(&chunk, rows, err);
    if (status != CLADE_OK) goto done;
    if (chunk.n_rows == 0) {
        status = CLADE_ERR_NOT_FOUND;
        goto done;
    }
    const clade_text value = clade_chunk_text(&chunk, 0, 0);
    if (value.size >= out_size) {
        status =
            clade_fail(err, CLADE_ERR_ARG, "setting %s has %zu bytes and there is room for %zu",
                       name, value.size, out_size);
        goto done;
    }
    memcpy(out, value.data, value.size);
    out[value.size] = '\0';
done:
    clade_rows_close(rows);
    return status;
}

clade_status clade_store_setting_set(clade_store *store, const char *name, const char *value,
                                     clade_error *err)
{
    const clade_value args[] = { CLADE_STR(name), CLADE_STR(value) };
    if (store->read_only)
        return clade_fail(err, CLADE_ERR_ARG, "%s was opened for reading only", store->folder);
    if (strlen(value) > CLADE__SETTING_MAX)
        return clade_fail(err, CLADE_ERR_ARG, "setting %s: more than %d bytes", name,
                          CLADE__SETTING_MAX);
    return clade_store_run(store, "INSERT OR REPLACE INTO setting VALUES (?, ?)", args, 2, err);
}
