/* clade_load_files: one transaction a file, then what the user accepted, then cleaning, then words.
 * What stops a load between two files loses neither; what stops it inside one loses that one alone.
 */
#include "load_internal.h"

#include "clade/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- what the user said */

/* Every --map must name a column of at least one file: a typing mistake must not pass in silence.
 */
static clade_status check_map(clade_store *store, const char *const *paths, size_t n_paths,
                              const clade_load_options *options, clade_error *err)
{
    clade_status  status = CLADE_OK;
    clade_reader *reader = NULL;
    bool         *found  = CLADE_NEW(bool, options->n_map + 1);
    if (found == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the mapping");
    for (size_t p = 0; p < n_paths && status == CLADE_OK; p++) {
        status = clade_reader_open(&reader, paths[p], store, err);
        if (status != CLADE_OK) break;
        for (size_t m = 0; m < options->n_map; m++) {
            const char  *equals = strrchr(options->map[m], '=');
            const size_t n =
                equals == NULL ? strlen(options->map[m]) : (size_t)(equals - options->map[m]);
            for (size_t c = 0; c < clade_reader_n_columns(reader) && !found[m]; c++) {
                found[m] =
                    clade_text_equal_nocase(clade_text_trim((clade_text){ options->map[m], n }),
                                            clade_text_of(clade_reader_column(reader, c)));
            }
        }
        clade_reader_close(reader);
        reader = NULL;
    }
    for (size_t m = 0; m < options->n_map && status == CLADE_OK; m++) {
        if (found[m]) continue;
        status = clade_fail(err, CLADE_ERR_ARG, "--map %s: no file has a column of that name",
                            options->map[m]);
        clade_hint(err, "write it as the header does: their_name=ours");
    }
    free(found);
    return status;
}

static bool is_currency(const char *code)
{
    for (int i = 0; i < 3; i++) {
        if (code[i] < 'A' || code[i] > 'Z') return false;
    }
    return code[3] == '\0';
}

static clade_status read_rates(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    status =
        clade_store_query(&rows, state->store,
                          "SELECT substr(name, 6), CAST(value AS DOUBLE) FROM setting WHERE name "
                          "LIKE 'rate/%' ORDER BY name",
                          NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && state->n_rates < LOAD_MAX_CURRENCIES; i++) {
            const clade_text code = clade_chunk_text(&chunk, 0, i);
            if (code.size != 3) continue;
            clade_rate *rate = &state->rate[state->n_rates++];
            memcpy(rate->currency, code.data, 3);
            rate->currency[3] = '\0';
            rate->rate        = clade_chunk_real(&chunk, 1, i, 0);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* Amounts in `currency` that had no rate get their worth. */
static clade_status apply_rate(load_state *state, const clade_rate *rate, clade_error *err)
{
    double scale = rate->rate;
    for (int i = clade_currency_digits(rate->currency);
         i < clade_currency_digits(state->shop_currency); i++) {
        scale *= 10;
    }
    for (int i = clade_currency_digits(state->shop_currency);
         i < clade_currency_digits(rate->currency); i++) {
        scale /= 10;
    }
    const clade_value args[] = { CLADE_REAL(scale), CLADE_STR(rate->currency) };
    return clade_store_run(
        state->store,
        "UPDATE event SET value_minor = CAST(round(amount_minor * ?) AS BIGINT) WHERE "
        "currency = ? AND value_minor IS NULL AND amount_minor IS NOT NULL",
        args, 2, err);
}

static clade_status keep_rates(load_state *state, const clade_load_options *options,
                               clade_error *err)
{
    for (size_t i = 0; i < options->n_rates; i++) {
        const clade_rate *rate = &options->rate[i];
        char              name[16], value[40];
        if (!is_currency(rate->currency) || !(rate->rate > 0) || !(rate->rate < 1e12)) {
            return clade_fail(err, CLADE_ERR_ARG,
                              "--rate %.3s=%g: wanted a currency of three capital "
                              "letters and a number above 0",
                              rate->currency, rate->rate);
        }
        snprintf(name, sizeof name, "rate/%s", rate->currency);
        snprintf(value, sizeof value, "%.17g", rate->rate);
        CLADE_TRY(clade_store_setting_set(state->store, name, value, err));
        CLADE_TRY(apply_rate(state, rate, err));
    }
    return CLADE_OK;
}

clade_status clade__state_begin(load_state *state, const clade_load_options *options,
                                clade_error *err)
{
    clade_error quiet = { 0 };
    state->now_us     = options->now_us != 0 ? options->now_us : clade_now_us();
    memcpy(state->shop_currency, "XXX", 4);
    char kept[16] = "";
    if (clade_store_setting_get(kept, sizeof kept, state->store, "currency", &quiet) == CLADE_OK &&
        is_currency(kept)) {
        memcpy(state->shop_currency, kept, 4);
        state->currency_fixed = true;
    }
    if (options->currency != NULL) {
        if (strlen(options->currency) != 3 || !is_currency(options->currency)) {
            return clade_fail(err, CLADE_ERR_ARG,
                              "--currency %s: wanted three capital letters, as EUR",
                              options->currency);
        }
        if (state->currency_fixed && strcmp(kept, options->currency) != 0) {
            return clade_fail(err, CLADE_ERR_ARG,
                              "--currency %s: this workspace already counts in %s",
                              options->currency, kept);
        }
        memcpy(state->shop_currency, options->currency, 4);
        state->currency_fixed = true;
        CLADE_TRY(clade_store_setting_set(state->store, "currency", options->currency, err));
    }
    if (options->zone != NULL) {
        clade_zone *zone = NULL;
        CLADE_TRY(clade_zone_open(&zone, options->zone, err));
        clade_zone_close(zone);
        CLADE_TRY(clade_store_setting_set(state->store, "zone", options->zone, err));
    }
    CLADE_TRY(keep_rates(state, options, err));
    return read_rates(state, err);
}

/* ---------------------------------------------------------------- one file */

/* XXH3 of the whole file, as the reader computes it on the way. 0 when it cannot be had. */
static uint64_t hash_file(const char *path)
{
    uint64_t    hash = 0;
    struct stat info;
    const int   file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (data != MAP_FAILED) {
            hash = clade_hash64(data, (size_t)info.st_size, 0);
            munmap(data, (size_t)info.st_size);
        }
    }
    close(file);
    return hash;
}

static void text_of_hash(char out[24], uint64_t hash)
{
    snprintf(out, 24, "%llu", (unsigned long long)hash);
}

static clade_status is_known_file(bool *out_known, clade_store *store, uint64_t hash,
                                  clade_error *err)
{
    char    text[24];
    int64_t n = 0;
    text_of_hash(text, hash);
    const clade_value arg = CLADE_STR(text);
    CLADE_TRY(clade_store_int(&n, store,
                              "SELECT count(*) FROM load WHERE file_hash = CAST(? AS UBIGINT) AND "
                              "rows_stored > 0",
                              &arg, 1, 0, err));
    *out_known = hash != 0 && n > 0;
    return CLADE_OK;
}

/* Order ids that begin with C are cancellations in some shops. When nearly all such lines of a file
 * carry negative quantities it is one of them, and the few others are cancellations too. */
static clade_status settle_prefix(load_sink *sink, const load_tally *tally, clade_error *err)
{
    const int64_t others = tally->n_prefix_c - tally->n_prefix_c_negative;
    if (others == 0 || tally->n_prefix_c_negative < 19 * others) return CLADE_OK;
    const clade_value load = CLADE_INT(sink->load);
    return clade_store_run(
        sink->state->store,
        "UPDATE event SET kind = 'refund', amount_minor = -abs(amount_minor), "
        "value_minor = -abs(value_minor) WHERE load = ? AND kind = 'purchase' AND "
        "regexp_matches(order_ref, '^[Cc][0-9]')",
        &load, 1, err);
}

/* The shop's own currency was taken from the first rows; where the whole file says otherwise, the
 * file is right. */
clade_status clade__settle_currency(load_state *state, const load_plan *plan,
                                    const load_tally *tally, clade_error *err)
{
    if (state->currency_fixed || !plan->money_matters || tally->n_currencies == 0) return CLADE_OK;
    int best = 0;
    for (int i = 1; i < tally->n_currencies; i++) {
        if (tally->n_currency[i] > tally->n_currency[best]) best = i;
    }
    const char *currency = tally->currency[best];
    if (strcmp(currency, "XXX") == 0) return CLADE_OK; /* nobody said: a later file may */
    if (strcmp(currency, plan->shop_currency) != 0) {
        const clade_value arg = CLADE_STR(currency);
        CLADE_TRY(clade_store_run(state->store,
                                  "UPDATE event SET value_minor = CASE WHEN currency = ? THEN "
                                  "amount_minor END",
                                  &arg, 1, err));
        memcpy(state->shop_currency, currency, 4);
        for (size_t i = 0; i < state->n_rates; i++) {
            CLADE_TRY(apply_rate(state, &state->rate[i], err));
        }
    }
    memcpy(state->shop_currency, currency, 4);
    state->currency_fixed = true;
    return clade_store_setting_set(state->store, "currency", currency, err);
}

/* A catalogue without dates holds from the start: it takes the place of what order lines had said.
 */
static clade_status settle_items(load_sink *sink, clade_error *err)
{
    if (sink->plan->shape != CLADE_SHAPE_ITEMS) return CLADE_OK;
    const clade_value args[] = { CLADE_INT(sink->load), CLADE_INT(LOAD_KNOWN_ALWAYS) };
    return clade_store_run(
        sink->state->store,
        "DELETE FROM item WHERE load IN (SELECT load FROM load WHERE shape <> 'items') "
        "AND item IN (SELECT item FROM item WHERE load = ? AND known_us = ?)",
        args, 2, err);
}

static clade_status write_load(load_sink *sink, const clade_load_file *file, uint64_t hash,
                               clade_error *err)
{
    char text[24];
    text_of_hash(text, hash);
    const clade_value args[] = {
        CLADE_INT(sink->load),
        CLADE_STR(sink->path),
        CLADE_STR(clade_shape_name(sink->plan->shape)),
        CLADE_INT(file->bytes),
        CLADE_STR(text),
        CLADE_INT(sink->state->now_us),
        CLADE_INT(sink->n_read),
        CLADE_INT(sink->n_stored),
        CLADE_INT(sink->n_duplicate),
        CLADE_INT(sink->n_quarantined),
        CLADE_STR(file->mapping),
    };
    CLADE_TRY(clade_store_run(
        sink->state->store,
        "INSERT INTO load VALUES (?, ?, ?, ?, CAST(? AS UBIGINT), ?, ?, ?, ?, ?, ?)", args,
        sizeof args / sizeof args[0], err));
    /* The same bytes again: what was in quarantine is judged anew, not kept twice. */
    const clade_value again[] = { CLADE_STR(text), CLADE_INT(sink->load) };
    return clade_store_run(
        sink->state->store,
        "DELETE FROM quarantine WHERE load IN (SELECT load FROM load WHERE file_hash = "
        "CAST(? AS UBIGINT) AND load <> ?)",
        again, 2, err);
}

static clade_status pump(load_sink *sink, load_feed *feed, clade_load_file *file, clade_error *err)
{
    struct stat  info;
    const char  *base  = strrchr(file->path, '/');
    const double total = stat(file->path, &info) == 0 ? (double)info.st_size : 0;
    char         label[80];
    clade_status status = CLADE_OK;
    snprintf(label, sizeof label, "load %.60s", base == NULL ? file->path : base + 1);
    clade_progress_begin(label, total, "bytes");
    double waited_s = 0;
    while (status == CLADE_OK) {
        load_batch  *batch = NULL;
        const double asked = clade_seconds();
        status             = clade__feed_next(&batch, feed, err);
        waited_s += clade_seconds() - asked;
        if (status != CLADE_OK || batch == NULL) break;
        const double start    = clade_seconds();
        const double progress = batch->progress;
        status                = clade__sink_batch(sink, batch, err);
        file->store_s += clade_seconds() - start;
        if (status == CLADE_OK) status = clade_interrupt_check(err);
        clade_progress_update(progress * total);
    }
    clade_progress_end();
    clade_log(CLADE_LOG_DEBUG, "load: %.3f s waiting for rows, %.3f s storing them", waited_s,
              file->store_s);
    return status;
}

static void log_stage(const char *stage, double *since)
{
    const double now = clade_seconds();
    clade_log(CLADE_LOG_DEBUG, "load: %s %.3f s", stage, now - *since);
    *since = now;
}

static clade_status finish_file(load_sink *sink, load_feed *feed, clade_load_file *file,
                                load_note *note, clade_error *err)
{
    load_state *state = sink->state;
    double      since = clade_seconds();
    note->tally       = *clade__feed_tally(feed);
    file->bytes       = clade__feed_bytes(feed);
    CLADE_TRY(clade__sink_finish(sink, err));
    log_stage("last rows", &since);
    CLADE_TRY(settle_prefix(sink, &note->tally, err));
    CLADE_TRY(clade__settle_currency(state, sink->plan, &note->tally, err));
    CLADE_TRY(settle_items(sink, err));
    CLADE_TRY(write_load(sink, file, clade__feed_hash(feed), err));
    if (sink->n_stored > 0) CLADE_TRY(clade_store_setting_set(state->store, "stale", "1", err));
    if (sink->plan->no_clock) {
        char name[32];
        snprintf(name, sizeof name, "clock/%lld", (long long)sink->load);
        CLADE_TRY(clade_store_setting_set(state->store, name, "none", err));
    }
    log_stage("settle", &since);
    CLADE_TRY(clade_identity_sync(state->store, err));
    log_stage("identities", &since);
    clade__sink_close(sink); /* appenders go before their transaction ends */
    CLADE_TRY(clade_store_commit(state->store, err));
    log_stage("commit", &since);
    return CLADE_OK;
}

static clade_status load_file(clade_load_file *file, load_note *note, load_state *state,
                              const clade_load_options *options, clade_error *err)
{
    clade_status status = CLADE_OK;
    load_plan   *plan   = NULL;
    load_feed   *feed   = NULL;
    load_sink    sink   = { .state = state, .path = file->path };
    clade_buffer json   = { 0 };
    bool         begun  = false;
    const double start  = clade_seconds();

    status = clade_store_begin(state->store, err);
    if (status != CLADE_OK) goto done;
    begun  = true;
    status = clade__plan_make(&plan, &file->remembered, state, file->path, &file->dialect,
                              &note->header_note, options, err);
    if (status != CLADE_OK) goto done;
    file->shape = plan->shape;
    clade_mapping_write(&json, &plan->mapping, (const char *const *)plan->column);
    file->mapping = json.failed ? NULL : clade_arena_text(state->arena, json.data, json.size);
    if (file->mapping == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for its mapping", file->path);
        goto done;
    }
    status = clade__state_fill(state, err);
    if (status != CLADE_OK) goto done;
    sink.plan = plan;
    sink.load = file->load = state->next_load;
    if (plan->shape == CLADE_SHAPE_REVIEWS) {
        status = is_known_file(&sink.known_file, state->store, hash_file(file->path), err);
        if (status != CLADE_OK) goto done;
    }
    status = clade__sink_open(&sink, err);
    if (status == CLADE_OK) status = clade__feed_open(&feed, plan, file->path, state->store, err);
    if (status == CLADE_OK) status = pump(&sink, feed, file, err);
    if (status == CLADE_OK) status = finish_file(&sink, feed, file, note, err);
    status = clade__out_cause(status, &sink.event, err);
    if (status != CLADE_OK) goto done;

    state->next_load++;
    file->n_read         = sink.n_read;
    file->n_stored       = sink.n_stored;
    file->n_duplicate    = sink.n_duplicate;
    file->n_quarantined  = sink.n_quarantined;
    file->n_events       = sink.n_events;
    file->read_s         = clade__feed_busy_s(feed);
    file->total_s        = clade_seconds() - start;
    note->plan           = plan;
    note->path           = file->path;
    note->load           = file->load;
    note->n_repeats_kept = sink.n_repeats_kept;
    note->n_undone       = sink.n_undone;
done:
    clade__feed_close(feed);
    clade__sink_close(&sink);
    if (status != CLADE_OK && begun) clade_store_rollback(state->store);
    if (plan != NULL) {
        clade_zone_close(plan->zone);
        plan->zone = NULL;
    }
    clade_buffer_free(&json);
    return status;
}

/* ---------------------------------------------------------------- a call */

/* A load brings its own threads, and an idle one of the engine's spins beside them: while files
 * come in, the engine gets along with one. */
static clade_status engine_threads(clade_store *store, int64_t n, clade_error *err)
{
    char sql[48];
    snprintf(sql, sizeof sql, "SET threads = %lld", (long long)n);
    return clade_store_run(store, sql, NULL, 0, err);
}

static clade_status load_all(clade_load_report *report, load_state *state, load_note *note,
                             const char *const *paths, size_t n_paths,
                             const clade_load_options *options, clade_error *err)
{
    clade_status status    = CLADE_OK;
    int64_t      n_threads = 1;
    CLADE_TRY(clade_store_int(&n_threads, state->store,
                              "SELECT CAST(current_setting('threads') AS BIGINT)", NULL, 0, 1,
                              err));
    if (n_paths > 0) CLADE_TRY(engine_threads(state->store, 1, err));
    for (size_t i = 0; i < n_paths && status == CLADE_OK; i++) {
        clade_load_file *file = &report->file[i];
        file->path            = clade_arena_text(report->arena, paths[i], strlen(paths[i]));
        if (file->path == NULL) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a report");
            break;
        }
        status = load_file(file, &note[i], state, options, err);
        report->n_read += file->n_read;
        report->n_stored += file->n_stored;
        report->n_duplicate += file->n_duplicate;
        report->n_quarantined += file->n_quarantined;
    }
    if (n_paths > 0) {
        clade_error        ignored;
        const clade_status back =
            engine_threads(state->store, n_threads, status == CLADE_OK ? err : &ignored);
        if (status == CLADE_OK) status = back;
    }
    return status;
}

static clade_status run_load(clade_load_report *report, load_state *state, load_note *note,
                             const char *const *paths, size_t n_paths,
                             const clade_load_options *options, clade_error *err)
{
    const double start = clade_seconds();
    CLADE_TRY(clade__state_begin(state, options, err));
    if (options->n_map > 0) CLADE_TRY(check_map(state->store, paths, n_paths, options, err));
    CLADE_TRY(load_all(report, state, note, paths, n_paths, options, err));
    for (size_t i = 0; i < options->n_repairs; i++) {
        CLADE_TRY(clade__repair_apply(state, options->repair[i], err));
    }
    report->load_s = clade_seconds() - start;

    const double cleaning = clade_seconds();
    clade__keys_free(&state->keys); /* the engine may have the memory now */
    CLADE_TRY(clade_replay_if_stale(state->store, err));
    report->clean_s = clade_seconds() - cleaning;

    const double telling = clade_seconds();
    memcpy(report->currency, state->shop_currency, 4);
    CLADE_TRY(clade__report_fill(report, state, note, n_paths, err));
    report->report_s = clade_seconds() - telling;
    report->total_s  = clade_seconds() - start;
    return CLADE_OK;
}

static void note_list(clade_run *run, const char *key, const char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        clade_run_note_entry(run, key, text[i]);
}

/* Everything that was given, and nothing that was not: the manifest tells how to do it again. Noted
 * before the work, so that it is there when the work fails. */
static void note_given(clade_run *run, const char *const *paths, size_t n_paths,
                       const clade_load_options *options)
{
    note_list(run, "files", paths, n_paths);
    note_list(run, "map", options->map, options->n_map);
    if (options->shape != CLADE_SHAPE_UNKNOWN)
        clade_run_note(run, "shape", clade_shape_name(options->shape));
    if (options->zone != NULL) clade_run_note(run, "zone", options->zone);
    if (options->currency != NULL) clade_run_note(run, "currency", options->currency);
    for (size_t i = 0; i < options->n_rates; i++) {
        char text[40];
        snprintf(text, sizeof text, "%s=%.15g", options->rate[i].currency, options->rate[i].rate);
        clade_run_note_entry(run, "rate", text);
    }
    note_list(run, "repair", options->repair, options->n_repairs);
    if (options->now_us != 0) {
        char text[40];
        clade_time_format(text, options->now_us);
        clade_run_note(run, "now", text);
    }
}

static clade_status keep_run(clade_run *run, const clade_load_report *report, clade_error *err)
{
    clade_run_note_number(run, "rows_read", (double)report->n_read);
    clade_run_note_number(run, "rows_stored", (double)report->n_stored);
    clade_run_note_number(run, "rows_duplicate", (double)report->n_duplicate);
    clade_run_note_number(run, "rows_quarantined", (double)report->n_quarantined);
    clade_run_note_number(run, "seconds", report->total_s);
    return clade_run_finish(run, err);
}

clade_status clade_load_files(clade_load_report *out_report, clade_store *store,
                              const char *const *paths, size_t n_paths,
                              const clade_load_options *options, clade_error *err)
{
    static const clade_load_options nothing = { 0 };
    clade_status                    status  = CLADE_OK;
    load_state                      state   = { .store = store };
    clade_load_report               report  = { .n_files = n_paths };
    load_note                      *note    = NULL;
    clade_run                      *run     = NULL;

    if (options == NULL) options = &nothing;
    if (n_paths > CLADE_LOAD_MAX_FILES) {
        return clade_fail(err, CLADE_ERR_ARG, "%zu files at once, at most %d", n_paths,
                          CLADE_LOAD_MAX_FILES);
    }
    report.arena = state.arena = clade_arena_create(1 << 16);
    note                       = CLADE_NEW(load_note, n_paths + 1);
    if (report.arena == NULL || note == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a load");
        goto done;
    }
    report.file = CLADE_ARENA_NEW(report.arena, clade_load_file, n_paths + 1);
    if (report.file == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a report");
        goto done;
    }
    status = clade_run_begin(&run, store, "load", options->seed, err);
    if (status != CLADE_OK) goto done;
    note_given(run, paths, n_paths, options);
    status = clade_store_derived_drop(store, err);
    if (status != CLADE_OK) goto done;
    status = run_load(&report, &state, note, paths, n_paths, options, err);
    if (status != CLADE_OK) goto done;
    status = keep_run(run, &report, err);
    if (status != CLADE_OK) goto done;

    *out_report = report; /* Success: the caller owns it now. */
    report      = (clade_load_report){ 0 };
done:
    clade_run_free(run);
    clade__state_free(&state);
    free(note);
    clade_load_report_free(&report);
    return status;
}

void clade_load_report_free(clade_load_report *report)
{
    if (report == NULL) return;
    clade_arena_free(report->arena);
    *report = (clade_load_report){ 0 };
}
