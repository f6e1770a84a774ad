/*
 * DuckDB itself: its options, Ctrl-C while it works, and its failures as sentences with a status.
 * Opened once a process; errors are rare; clade__watch_begin runs once a statement and once a
 * chunk.
 */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- failures */

/* DuckDB names the class of an error in front of its text ("IO Error: ..."), and adds lines with
 * the place in the SQL. One sentence remains. */
static void first_sentence(char out[CLADE__DETAIL_MAX], const char *text)
{
    size_t      word  = strcspn(text, ":\n");
    const char *error = strstr(text, "Error: ");
    if (error != NULL && error < text + word) text = error + strlen("Error: ");

    size_t size = strcspn(text, "\n");
    while (size > 0 && (isspace((unsigned char)text[size - 1]) || text[size - 1] == '.'))
        size--;
    if (size >= CLADE__DETAIL_MAX) size = CLADE__DETAIL_MAX - 1;
    snprintf(out, CLADE__DETAIL_MAX, "%.*s", (int)size, text);
}

static bool says_full(const char *text)
{
    static const char *const words[] = { "No space left on device", "Disk quota exceeded",
                                         "File too large", "max_temp_directory_size" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(text, words[i]) != NULL) return true;
    return false;
}

static clade_status status_of(duckdb_error_type type, const char *text)
{
    switch (type) {
    case DUCKDB_ERROR_INTERRUPT: return CLADE_ERR_INTERRUPTED;
    case DUCKDB_ERROR_OUT_OF_MEMORY: return CLADE_ERR_NOMEM;
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_PERMISSION:
        return strstr(text, "No files found") != NULL ? CLADE_ERR_NOT_FOUND : CLADE_ERR_IO;
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_CONSTRAINT:
    case DUCKDB_ERROR_INVALID_INPUT: return CLADE_ERR_DATA;
    default: break;
    }
    /* Some failures arrive without their class: from open, and inside others. */
    if (strncmp(text, "IO Error", 8) == 0) return CLADE_ERR_IO;
    if (strncmp(text, "Out of Memory Error", 19) == 0) return CLADE_ERR_NOMEM;
    if (strncmp(text, "INTERRUPT Error", 15) == 0) return CLADE_ERR_INTERRUPTED;
    if (strstr(text, "bad_alloc") != NULL || strstr(text, "could not allocate") != NULL)
        return CLADE_ERR_NOMEM;
    return CLADE_ERR_ENGINE;
}

clade_status clade__engine_fail(clade_error *err, const clade_store *store, duckdb_error_type type,
                                const char *text, const char *sql)
{
    char detail[CLADE__DETAIL_MAX];
    if (text == NULL) text = "no reason given";
    first_sentence(detail, text);

    if (strstr(text, "Could not set lock") != NULL) {
        clade_fail(err, CLADE_ERR_BUSY, "%s/store.duckdb is open in another program (%s)",
                   store->folder, detail);
        return CLADE_ERR_BUSY;
    }
    if (says_full(text)) {
        clade_fail(err, CLADE_ERR_IO, "%s: no room is left on the disk (%s)", store->folder,
                   detail);
        clade_hint(err, "make room and run the command again; what was committed is kept");
        return CLADE_ERR_IO;
    }
    if (strstr(text, "database has been invalidated") != NULL) {
        clade_fail(err, CLADE_ERR_IO, "%s: the store stopped after an earlier failure (%s)",
                   store->folder, detail);
        clade_hint(err, "run the command again; what was committed is kept");
        return CLADE_ERR_IO;
    }
    const clade_status status = status_of(type, text);
    switch (status) {
    case CLADE_ERR_INTERRUPTED:
        CLADE_TRY(clade_interrupt_check(err));
        return clade_fail(err, status, "interrupted");
    case CLADE_ERR_NOMEM:
        clade_fail(err, status, "%s: the work needs more memory than it may use (%s)",
                   store->folder, detail);
        clade_hint(err, "give it more with --memory");
        return status;
    case CLADE_ERR_ENGINE:
        if (sql != NULL)
            return clade_fail(err, status, "%s: DuckDB: %s, in: %.200s", store->folder, detail,
                              sql);
        return clade_fail(err, status, "%s: DuckDB: %s", store->folder, detail);
    default: return clade_fail(err, status, "%s: %s", store->folder, detail);
    }
}

/* ---------------------------------------------------------------- Ctrl-C */

static void *watch_main(void *argument)
{
    clade__watch *watch = argument;

    pthread_mutex_lock(&watch->mutex);
    while (!watch->stop) {
        if (watch->connection == NULL) {
            watch->idle = true;
            pthread_cond_wait(&watch->wake, &watch->mutex);
            watch->idle = false;
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += CLADE__WATCH_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        /* Only a statement that has run for the whole wait is interrupted: the short ones that save
         * what was done so far get through. */
        const uint64_t statement = watch->statement;
        const int      waited    = pthread_cond_timedwait(&watch->wake, &watch->mutex, &until);
        if (waited == ETIMEDOUT && watch->connection != NULL && watch->statement == statement &&
            clade_interrupt_requested())
            duckdb_interrupt(watch->connection);
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

void clade__watch_begin(clade_store *store, duckdb_connection connection)
{
    clade__watch *watch = &store->watch;
    pthread_mutex_lock(&watch->mutex);
    watch->connection = connection;
    watch->statement++;
    if (watch->idle) pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->mutex);
}

void clade__watch_end(clade_store *store)
{
    clade__watch *watch = &store->watch;
    pthread_mutex_lock(&watch->mutex);
    watch->connection = NULL;
    pthread_mutex_unlock(&watch->mutex);
}

static clade_status watch_start(clade_store *store, clade_error *err)
{
    clade__watch *watch = &store->watch;
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_cond_init(&watch->wake, NULL);
    const int number = pthread_create(&watch->thread, NULL, watch_main, watch);
    if (number != 0) {
        pthread_mutex_destroy(&watch->mutex);
        pthread_cond_destroy(&watch->wake);
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: cannot start a thread: %s", store->folder,
                          strerror(number));
    }
    watch->started = true;
    return CLADE_OK;
}

static void watch_stop(clade_store *store)
{
    clade__watch *watch = &store->watch;
    if (!watch->started) return;
    pthread_mutex_lock(&watch->mutex);
    watch->stop = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->mutex);
    pthread_cond_destroy(&watch->wake);
    watch->started = false;
}

/* ---------------------------------------------------------------- opening */

/* One number from a file such as memory.max, or INT64_MAX when it has none ("max"). */
static int64_t number_in(const char *path, const char *label)
{
    char    line[256];
    int64_t value = INT64_MAX;
    FILE   *file  = fopen(path, "r");
    if (file == NULL) return value;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, label, strlen(label)) != 0) continue;
        char           *end;
        const long long read = strtoll(line + strlen(label), &end, 10);
        if (end != line + strlen(label)) value = read;
        break;
    }
    fclose(file);
    return value;
}

/* Three quarters of what is free: of the machine, and of the container where there is one. */
static int64_t default_memory(void)
{
    int64_t       free_bytes = number_in("/proc/meminfo", "MemAvailable:");
    const int64_t limit      = number_in("/sys/fs/cgroup/memory.max", "");
    const int64_t used       = number_in("/sys/fs/cgroup/memory.current", "");
    free_bytes               = free_bytes == INT64_MAX ? INT64_C(4) << 30 : free_bytes * 1024;
    if (limit != INT64_MAX && used != INT64_MAX && limit - used < free_bytes)
        free_bytes = limit - used;
    return free_bytes / 4 * 3;
}

static clade_status set_option(duckdb_config config, const char *name, const char *value,
                               clade_error *err)
{
    if (duckdb_set_config(config, name, value) == DuckDBSuccess) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ENGINE, "DuckDB refuses the option %s = %s", name, value);
}

static clade_status set_options(duckdb_config config, const clade_store *store,
                                const clade_store_options *options, clade_error *err)
{
    /* Nothing is fetched, loaded or kept outside of the workspace. Rows keep the order of
     * insertion: the same statements give the same table whatever the number of threads. */
    static const char *const fixed[][2] = {
        { "autoinstall_known_extensions", "false" }, { "autoload_known_extensions", "false" },
        { "allow_community_extensions", "false" },   { "allow_persistent_secrets", "false" },
        { "preserve_insertion_order", "true" },      { "storage_compatibility_version", "v1.4.0" },
        { "checkpoint_threshold", "64MB" },
    };
    char text[CLADE_PATH_MAX];

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        CLADE_TRY(set_option(config, fixed[i][0], fixed[i][1], err));

    const int n_threads = options->n_threads > 0 ? options->n_threads : clade_threads_get();
    snprintf(text, sizeof text, "%d", n_threads);
    CLADE_TRY(set_option(config, "threads", text, err));

    int64_t memory = options->memory_bytes > 0 ? options->memory_bytes : default_memory();
    if (memory < CLADE__MEMORY_FLOOR) memory = CLADE__MEMORY_FLOOR;
    snprintf(text, sizeof text, "%lldB", (long long)memory);
    CLADE_TRY(set_option(config, "memory_limit", text, err));

    snprintf(text, sizeof text, "%s/tmp", store->folder);
    CLADE_TRY(set_option(config, "temp_directory", store->read_only ? "" : text, err));
    return set_option(config, "access_mode", store->read_only ? "READ_ONLY" : "READ_WRITE", err);
}

clade_status clade__engine_connect(duckdb_connection *out, clade_store *store, clade_error *err)
{
    clade_status      status     = CLADE_OK;
    duckdb_connection connection = NULL;
    duckdb_result     result     = { 0 };

    if (duckdb_connect(store->database, &connection) != DuckDBSuccess) {
        status = clade_fail(err, CLADE_ERR_ENGINE, "%s: DuckDB gives no connection", store->folder);
        goto done;
    }
    if (duckdb_query(connection, "SET TimeZone = 'UTC'", &result) != DuckDBSuccess) {
        status = clade__engine_fail(err, store, duckdb_result_error_type(&result),
                                    duckdb_result_error(&result), NULL);
        goto done;
    }
    duckdb_destroy_result(&result);
    if (duckdb_query(connection, clade__clickhouse_names_sql, &result) != DuckDBSuccess) {
        status = clade__engine_fail(err, store, duckdb_result_error_type(&result),
                                    duckdb_result_error(&result), "clickhouse_names.sql");
        goto done;
    }
    *out       = connection;
    connection = NULL;
done:
    duckdb_destroy_result(&result);
    if (connection != NULL) duckdb_disconnect(&connection);
    return status;
}

clade_status clade__engine_open(clade_store *store, const clade_store_options *options,
                                clade_error *err)
{
    clade_status  status = CLADE_OK;
    duckdb_config config = NULL;
    char         *text   = NULL;
    char          path[CLADE_PATH_MAX];

    snprintf(path, sizeof path, "%s/store.duckdb", store->folder);
    if (duckdb_create_config(&config) != DuckDBSuccess) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for DuckDB", store->folder);
        goto done;
    }
    status = set_options(config, store, options, err);
    if (status != CLADE_OK) goto done;
    if (duckdb_open_ext(path, &store->database, config, &text) != DuckDBSuccess) {
        status = clade__engine_fail(err, store, DUCKDB_ERROR_INVALID, text, NULL);
        goto done;
    }
    status = watch_start(store, err);
    if (status != CLADE_OK) goto done;
    status = clade__engine_connect(&store->connection, store, err);
done:
    if (text != NULL) duckdb_free(text);
    if (config != NULL) duckdb_destroy_config(&config);
    if (status != CLADE_OK) clade__engine_close(store);
    return status;
}

void clade__engine_close(clade_store *store)
{
    watch_stop(store);
    if (store->connection != NULL) duckdb_disconnect(&store->connection);
    if (store->database != NULL) duckdb_close(&store->database);
}
