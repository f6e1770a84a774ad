/*
 * Runs: one JSON file each, runs/<number>-<verb>.json. It is written when the run begins (status
 * "running"), and replaced whole when it ends, so a run that died is on record and its number is
 * never given to another. A few times a process.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { VERB_MAX = 32 };

typedef struct note {
    char  *key;
    char  *text; /* NULL when the note is a number */
    double number;
    bool   listed; /* one entry of a list: those of one key stand together */
} note;

struct clade_run {
    clade_store *store;
    clade_arena *arena; /* notes */
    note        *notes;
    size_t       n_notes, capacity;
    bool         short_of_memory;
    bool         finished;
    int64_t      number;
    uint64_t     seed;
    char         verb[VERB_MAX];
    int64_t      started_us;
    double       started;
};

clade_status clade__manifest_open(clade_store *store, clade_error *err)
{
    char           path[CLADE_PATH_MAX];
    struct dirent *entry;

    store->next_run = 1;
    CLADE_TRY(clade_store_path(path, sizeof path, store, "runs", err));
    DIR *dir = opendir(path);
    if (dir == NULL && store->read_only) return CLADE_OK;
    if (dir == NULL) return clade_file_fail(err, path, "open", errno);
    while ((entry = readdir(dir)) != NULL) {
        char           *end;
        const long long number = strtoll(entry->d_name, &end, 10);
        if (*end == '-' && number >= store->next_run) store->next_run = number + 1;
    }
    closedir(dir);
    return CLADE_OK;
}

static bool lists(const note *at, const char *key)
{
    return at->listed && strcmp(at->key, key) == 0;
}

/* Note number i, with all of its list where it begins one; returns the number of the next. */
static size_t write_note(clade_json *json, const clade_run *run, size_t i)
{
    const note *at = &run->notes[i];
    if (!at->listed) {
        if (at->text != NULL)
            clade_json_put_text(json, at->key, at->text);
        else
            clade_json_put_number(json, at->key, at->number);
        return i + 1;
    }
    clade_json_key(json, at->key);
    clade_json_array(json);
    for (; i < run->n_notes && lists(&run->notes[i], at->key); i++)
        clade_json_text(json, run->notes[i].text);
    clade_json_array_end(json);
    return i;
}

static void write_json(clade_buffer *out, const clade_run *run, const char *status, bool has_hash,
                       uint64_t hash)
{
    clade_json json = clade_json_start(out, 2);
    char       text[40];

    clade_json_object(&json);
    clade_json_put_int(&json, "run", run->number);
    clade_json_put_text(&json, "verb", run->verb);
    clade_json_put_text(&json, "status", status);
    clade_time_format(text, run->started_us);
    clade_json_put_text(&json, "started", text);
    clade_json_put_number(&json, "seconds", clade_seconds() - run->started);
    snprintf(text, sizeof text, "%llu", (unsigned long long)run->seed);
    clade_json_put_text(&json, "seed", text); /* a text: 64 bits do not fit a JSON number */
    if (has_hash) {
        snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
        clade_json_put_text(&json, "data_hash", text);
    }
    clade_json_put_text(&json, "build", CLADE_VERSION);
    clade_json_put_text(&json, "engine", duckdb_library_version());
    clade_json_put_int(&json, "threads", clade_threads_get());
    clade_json_key(&json, "notes");
    clade_json_object(&json);
    for (size_t i = 0; i < run->n_notes;)
        i = write_note(&json, run, i);
    clade_json_object_end(&json);
    clade_json_object_end(&json);
    clade_buffer_text(out, "\n");
}

static clade_status save(const clade_run *run, const char *word, bool has_hash, uint64_t hash,
                         clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer text   = { 0 };
    char         name[VERB_MAX + 40];
    char         path[CLADE_PATH_MAX];

    if (run->store->read_only) return CLADE_OK;
    write_json(&text, run, word, has_hash, hash);
    if (text.failed || run->short_of_memory) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "run %lld: no memory for its manifest",
                            (long long)run->number);
        goto done;
    }
    snprintf(name, sizeof name, "runs/%06lld-%s.json", (long long)run->number, run->verb);
    status = clade_store_path(path, sizeof path, run->store, name, err);
    if (status == CLADE_OK) status = clade_file_replace(path, text.data, text.size, 0644, err);
done:
    clade_buffer_free(&text);
    return status;
}

clade_status clade_run_begin(clade_run **out_run, clade_store *store, const char *verb,
                             uint64_t seed, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_run   *run    = CLADE_NEW(clade_run, 1);

    if (run != NULL) run->arena = clade_arena_create(4096);
    if (run == NULL || run->arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a run");
        goto done;
    }
    run->store      = store;
    run->seed       = seed;
    run->started_us = clade_now_us();
    run->started    = clade_seconds();
    run->number     = store->next_run;
    snprintf(run->verb, sizeof run->verb, "%s", verb);
    for (char *c = run->verb; *c != '\0'; c++) /* it becomes part of a file's name */
        if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9') && *c != '_') *c = '-';
    status = save(run, "running", false, 0, err);
    if (status != CLADE_OK) goto done;
    store->next_run++;

    *out_run = run;
    run      = NULL;
done:
    if (run != NULL) run->finished = true; /* Nothing was begun that could have failed. */
    clade_run_free(run);
    return status;
}

static void add_note(clade_run *run, const char *key, const char *text, double number)
{
    size_t i = 0;
    while (i < run->n_notes && strcmp(run->notes[i].key, key) != 0)
        i++;
    char *copy = text == NULL ? NULL : clade_arena_text(run->arena, text, strlen(text));
    if ((text != NULL && copy == NULL) || !CLADE_GROW(&run->notes, &run->capacity, i + 1)) {
        run->short_of_memory = true;
        return;
    }
    if (i == run->n_notes) { /* a new one; an old one keeps its place and gets the new value */
        run->notes[i].key = clade_arena_text(run->arena, key, strlen(key));
        if (run->notes[i].key == NULL) {
            run->short_of_memory = true;
            return;
        }
        run->n_notes++;
    }
    run->notes[i].text   = copy;
    run->notes[i].number = number;
    run->notes[i].listed = false;
}

void clade_run_note(clade_run *run, const char *key, const char *value)
{
    add_note(run, key, value == NULL ? "" : value, 0);
}

void clade_run_note_number(clade_run *run, const char *key, double value)
{
    add_note(run, key, NULL, value);
}

void clade_run_note_entry(clade_run *run, const char *key, const char *value)
{
    note   one = { .key    = clade_arena_text(run->arena, key, strlen(key)),
                   .text   = clade_arena_text(run->arena, value, strlen(value)),
                   .listed = true };
    size_t at  = run->n_notes; /* behind the last of its list, mostly the last note of all */
    while (at > 0 && !lists(&run->notes[at - 1], key))
        at--;
    if (at == 0) at = run->n_notes;
    if (one.key == NULL || one.text == NULL ||
        !CLADE_GROW(&run->notes, &run->capacity, run->n_notes + 1)) {
        run->short_of_memory = true;
        return;
    }
    memmove(run->notes + at + 1, run->notes + at, (run->n_notes - at) * sizeof *run->notes);
    run->notes[at] = one;
    run->n_notes++;
}

int64_t clade_run_number(const clade_run *run)
{
    return run->number;
}

clade_status clade_run_finish(clade_run *run, clade_error *err)
{
    uint64_t hash = 0;
    CLADE_TRY(clade_store_data_hash(&hash, run->store, err));
    CLADE_TRY(save(run, "done", true, hash, err));
    run->finished = true;
    return CLADE_OK;
}

void clade_run_free(clade_run *run)
{
    if (run == NULL) return;
    if (!run->finished) {
        const char *word = clade_interrupt_requested() ? "interrupted" : "failed";
        if (save(run, word, false, 0, NULL) != CLADE_OK)
            clade_log(CLADE_LOG_DEBUG, "run %lld: its manifest still says that it runs",
                      (long long)run->number);
    }
    clade_arena_free(run->arena);
    free(run->notes);
    free(run);
}
