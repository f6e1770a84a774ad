/*
 * Forgetting a customer. The order of the steps makes an interruption harmless: as long as the slot
 * is whole, the same command finds the customer again and does all of it once more.
 *
 *     1  overwrite and remove what was derived from the tables and kept in files
 *     2  rewrite the tables that hold something personal without this customer, commit, checkpoint
 *     3  overwrite the blocks that this freed in store.duckdb: the engine only marks them as free
 *     4  overwrite the slot: key and hash of the id are gone, and so is every sealed copy elsewhere
 *     5  write the receipt
 *
 * Runs when somebody asks to be forgotten; costs a rewrite of six tables (about 0.3 s a million
 * customers).
 */
#include "internal.h"

#include <sodium.h>
#include <stdio.h>

enum { HASH_BYTES = 32, SCRUB_ROWS_MIN = 4 * 122880 };

/* What is deleted, and what stays of a row where something stays. */
static const struct {
    const char *table;
    const char *label; /* in the receipt */
    const char *mine;  /* rows that lose something, ? is the customer */
    const char *keep;  /* what the table holds afterwards */
} personal[] = {
    { "identity", "identity", "customer = ?", "SELECT * FROM identity WHERE customer <> ?" },
    { "customer", "attributes", "customer = ?", "SELECT * FROM customer WHERE customer <> ?" },
    { "survey", "survey_texts", "customer = ? AND sealed_text IS NOT NULL",
      "SELECT * REPLACE (CASE WHEN customer = ? THEN NULL ELSE sealed_text END AS sealed_text) "
      "FROM "
      "survey" },
    { "alias", "aliases", "? IN (customer, known)",
      "SELECT * FROM alias WHERE ? NOT IN (customer, known)" },
    { "property", "properties", "event IN (SELECT event FROM event WHERE customer = ?)",
      "SELECT * FROM property WHERE event NOT IN (SELECT event FROM event WHERE customer = ?)" },
    { "quarantine", "quarantine", "customer = ?",
      "SELECT * FROM quarantine WHERE customer IS DISTINCT FROM ?" },
};
enum { N_PERSONAL = sizeof personal / sizeof personal[0] };

/* The table's rows go through a temporary table, so that its constraints stay as they are. */
static clade_status rewrite_table(int64_t *out_n, clade_store *store, size_t which,
                                  int64_t customer, clade_error *err)
{
    const clade_value args[] = { CLADE_INT(customer) };
    const char       *table  = personal[which].table;
    char              sql[400];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE %s", table, personal[which].mine);
    CLADE_TRY(clade_store_int(out_n, store, sql, args, 1, 0, err));
    if (*out_n == 0) return CLADE_OK;

    snprintf(sql, sizeof sql, "CREATE TEMP TABLE clade_keep AS %s", personal[which].keep);
    CLADE_TRY(clade_store_run(store, sql, args, 1, err));
    snprintf(sql, sizeof sql,
             "DELETE FROM %s; INSERT INTO %s SELECT * FROM clade_keep; DROP TABLE clade_keep",
             table, table);
    return clade__run_steady(store, sql, err);
}

static clade_status rewrite_tables(int64_t out_n[N_PERSONAL], clade_store *store, int64_t customer,
                                   clade_error *err)
{
    clade_status status = clade_store_begin(store, err);
    if (status != CLADE_OK) return status;
    for (size_t i = 0; i < N_PERSONAL && status == CLADE_OK; i++)
        status = rewrite_table(&out_n[i], store, i, customer, err);
    if (status == CLADE_OK) status = clade_store_commit(store, err);
    if (status != CLADE_OK) {
        clade_store_rollback(store);
        return status;
    }
    return clade_store_checkpoint(store, err);
}

/*
 * Fill every free block with numbers that do not compress, then take the table back. The engine
 * writes a large insert to free blocks at once, lowest first, before the transaction ends.
 */
static clade_status scrub_free_blocks(clade_store *store, clade_error *err)
{
    int64_t n_bytes = 0;
    char    sql[300];

    CLADE_TRY(clade_store_int(&n_bytes, store,
                              "SELECT free_blocks * block_size FROM pragma_database_size()", NULL,
                              0, 0, err));
    /* Eight bytes a row, a quarter more for what the engine keeps in front of each block. */
    const int64_t n_rows = SCRUB_ROWS_MIN + n_bytes / 8 + n_bytes / 32;
    snprintf(sql, sizeof sql,
             "CREATE TABLE clade_scrub AS SELECT hash(range, 'scrub') AS noise FROM range(%lld)",
             (long long)n_rows);
    CLADE_TRY(clade__run_steady(store, "SET force_compression = 'uncompressed'; BEGIN", err));
    const clade_status status = clade__run_steady(store, sql, err);
    const clade_status after =
        clade__run_steady(store, "ROLLBACK; SET force_compression = 'auto'", err);
    CLADE_TRY(status);
    CLADE_TRY(after);
    return clade_store_checkpoint(store, err);
}

/* One line of JSON. The hash is over the line without its last member. */
static clade_status write_receipt(clade_buffer *out, clade_store *store, int64_t run,
                                  int64_t customer, const int64_t n_deleted[N_PERSONAL],
                                  int64_t n_events, clade_error *err)
{
    clade_json json = clade_json_start(out, 0);
    uint8_t    hash[HASH_BYTES];
    char       text[2 * HASH_BYTES + 1];
    char       path[CLADE_PATH_MAX];

    clade_json_object(&json);
    clade_json_put_int(&json, "run", run);
    clade_json_put_text(&json, "verb", "forget");
    clade_json_put_text(&json, "status", "done");
    clade_json_put_int(&json, "customer", customer);
    clade_time_format(text, clade_now_us());
    clade_json_put_text(&json, "forgotten", text);
    clade_json_put_text(&json, "key", "overwritten");
    clade_json_key(&json, "deleted");
    clade_json_object(&json);
    for (size_t i = 0; i < N_PERSONAL; i++)
        clade_json_put_int(&json, personal[i].label, n_deleted[i]);
    clade_json_object_end(&json);
    clade_json_put_int(&json, "events_kept", n_events);
    clade_json_put_text(&json, "build", CLADE_VERSION);
    clade_json_object_end(&json);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a receipt");

    crypto_generichash(hash, sizeof hash, (const unsigned char *)out->data, out->size, NULL, 0);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    out->size--; /* the closing brace */
    clade_buffer_format(out, ",\"blake2b\":\"%s\"}\n", text);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a receipt");

    snprintf(text, sizeof text, "runs/%06lld-forget.json", (long long)run);
    CLADE_TRY(clade_store_path(path, sizeof path, store, text, err));
    return clade_file_replace(path, out->data, out->size, 0644, err);
}

clade_status clade_identity_forget(clade_buffer *out_receipt, clade_store *store, clade_text id,
                                   clade_error *err)
{
    clade_status      status                = CLADE_OK;
    clade_buffer      receipt               = { 0 };
    int64_t           n_deleted[N_PERSONAL] = { 0 };
    int64_t           n_events              = 0;
    const int64_t     customer              = clade_identity_find(store, id);
    const clade_value args[]                = { CLADE_INT(customer) };

    if (store->read_only)
        return clade_fail(err, CLADE_ERR_ARG, "%s was opened for reading only", store->folder);
    if (store->in_transaction)
        return clade_fail(err, CLADE_ERR_ARG, "%s: a transaction is open", store->folder);
    if (customer < 0) return clade_fail(err, CLADE_ERR_NOT_FOUND, "no customer has this id");

    status = clade_identity_sync(store, err);
    if (status != CLADE_OK) goto done;
    status = clade_store_derived_drop(store, err);
    if (status != CLADE_OK) goto done;
    status = clade_store_int(&n_events, store, "SELECT count(*) FROM event WHERE customer = ?",
                             args, 1, 0, err);
    if (status != CLADE_OK) goto done;
    status = rewrite_tables(n_deleted, store, customer, err);
    if (status != CLADE_OK) goto done;
    status = scrub_free_blocks(store, err);
    if (status != CLADE_OK) goto done;
    status = clade__identity_destroy(store, customer, err);
    if (status != CLADE_OK) goto done;
    status = write_receipt(&receipt, store, store->next_run, customer, n_deleted, n_events, err);
    if (status != CLADE_OK) goto done;
    store->next_run++;

    clade_buffer_free(out_receipt);
    *out_receipt = receipt;
    receipt      = (clade_buffer){ 0 };
done:
    clade_buffer_free(&receipt);
    return status;
}
