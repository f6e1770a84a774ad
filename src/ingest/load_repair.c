/* Repairs: what the user accepts of the ways out that a load offers. Each is one transaction, marks
 * the derived tables as stale, and can be asked for again without harm (a shift excepted). */
#include "load_internal.h"

#include <stdio.h>
#include <stdlib.h>

static clade_status in_transaction(clade_store *store, const char *sql, const clade_value *args,
                                   size_t n_args, clade_error *err)
{
    clade_status status = CLADE_OK;
    CLADE_TRY(clade_store_begin(store, err));
    status = clade_store_run(store, sql, args, n_args, err);
    if (status == CLADE_OK) status = clade_store_setting_set(store, "stale", "1", err);
    if (status != CLADE_OK) {
        clade_store_rollback(store);
        return status;
    }
    return clade_store_commit(store, err);
}

static clade_status repair_shift(load_state *state, const char *text, clade_error *err)
{
    char           *end  = NULL;
    const long long load = strtoll(text, &end, 10);
    if (end == text || *end != ':') goto wrong;
    const char     *at    = end + 1;
    const long long hours = strtoll(at, &end, 10);
    if (end == at || strcmp(end, "h") != 0 || hours < -48 || hours > 48) goto wrong;
    const clade_value args[] = { CLADE_INT(hours * CLADE_US_PER_HOUR), CLADE_INT(load) };
    return in_transaction(state->store, "UPDATE event SET at_us = at_us + ? WHERE load = ?", args,
                          2, err);
wrong:
    return clade_fail(err, CLADE_ERR_ARG,
                      "--repair shift:%s: wanted shift:LOAD:HOURSh, as shift:2:-8h", text);
}

static clade_status repair_undo(load_state *state, const char *text, clade_error *err)
{
    static const char *const tables[] = { "event", "customer",   "identity",    "item",
                                          "edge",  "survey",     "rival_price", "touch",
                                          "label", "quarantine", "load" };
    clade_status             status   = CLADE_OK;
    char                    *end      = NULL;
    const long long          load     = strtoll(text, &end, 10);
    int64_t                  n        = 0;
    char                     sql[160];
    if (end == text || *end != '\0') {
        return clade_fail(err, CLADE_ERR_ARG, "--repair undo:%s: wanted the number of a load",
                          text);
    }
    const clade_value arg = CLADE_INT(load);
    CLADE_TRY(clade_store_int(&n, state->store, "SELECT count(*) FROM load WHERE load = ?", &arg, 1,
                              0, err));
    if (n == 0) {
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "--repair undo:%lld: there is no such load",
                          load);
    }
    CLADE_TRY(clade_store_begin(state->store, err));
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && status == CLADE_OK; i++) {
        /* Ids and catalogue rows that other loads lean on stay: they say who and what, not that. */
        const char *spare = strcmp(tables[i], "identity") == 0 ? " AND kind <> 'id'" : "";
        if (strcmp(tables[i], "item") == 0) {
            spare = " AND item NOT IN (SELECT item FROM event WHERE item IS NOT NULL)";
        }
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE load = ?%s", tables[i], spare);
        status = clade_store_run(state->store, sql, &arg, 1, err);
    }
    if (status == CLADE_OK) status = clade_store_setting_set(state->store, "stale", "1", err);
    if (status != CLADE_OK) {
        clade_store_rollback(state->store);
        return status;
    }
    return clade_store_commit(state->store, err);
}

static clade_status repair_currency(load_state *state, const char *code, clade_error *err)
{
    if (strlen(code) != 3 || code[0] < 'A' || code[0] > 'Z') {
        return clade_fail(err, CLADE_ERR_ARG, "--repair currency:%s: wanted three capital letters",
                          code);
    }
    if (strcmp(state->shop_currency, "XXX") != 0 && strcmp(state->shop_currency, code) != 0) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "--repair currency:%s: this workspace already counts in %s", code,
                          state->shop_currency);
    }
    const clade_value arg = CLADE_STR(code);
    CLADE_TRY(in_transaction(
        state->store,
        "UPDATE event SET currency = ?, value_minor = amount_minor WHERE currency = 'XXX'", &arg, 1,
        err));
    CLADE_TRY(clade_store_run(state->store, "UPDATE item SET currency = ? WHERE currency = 'XXX'",
                              &arg, 1, err));
    memcpy(state->shop_currency, code, 4);
    return clade_store_setting_set(state->store, "currency", code, err);
}

clade_status clade__repair_apply(load_state *state, const char *repair_id, clade_error *err)
{
    static const char *const known[] = { "complete-prices", "shift:LOAD:HOURSh", "undo:LOAD",
                                         "currency:CODE" };
    if (strcmp(repair_id, "complete-prices") == 0) {
        CLADE_TRY(clade_store_setting_set(state->store, "repair/complete-prices", "1", err));
        return clade_store_setting_set(state->store, "stale", "1", err);
    }
    if (strncmp(repair_id, "shift:", 6) == 0) return repair_shift(state, repair_id + 6, err);
    if (strncmp(repair_id, "undo:", 5) == 0) return repair_undo(state, repair_id + 5, err);
    if (strncmp(repair_id, "currency:", 9) == 0) return repair_currency(state, repair_id + 9, err);
    const char *near = clade_text_nearest(repair_id, known, sizeof known / sizeof known[0]);
    return clade_fail(err, CLADE_ERR_ARG, "--repair %s: there is no such repair%s%s", repair_id,
                      near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
}
