/*
 * A hash of the source tables: equal data, equal hash, whatever the order of loading and the number
 * of threads. Every row is hashed by the engine, and the hashes are added, which has no order.
 *
 * Numbers of customers, items, events and loads depend on the order of loading and stay out; an
 * event's row_key stands for what it was in its file, customer and item included, and items are
 * named by their reference. Sealed values differ by their random nonce, so only their kinds are
 * counted.
 *
 * Cost: about 0.04 s a million events on two cores; kept until the next write.
 */
#include "internal.h"

#include <stdio.h>

static const char *const table_sql[] = {
    "SELECT sum(CAST(hash('event', row_key, at_us, kind, quantity, price_minor, amount_minor, "
    "currency, order_ref) AS HUGEINT)) FROM event",
    "SELECT sum(CAST(hash('customer', name, value, number, known_us) AS HUGEINT)) FROM customer",
    "SELECT sum(CAST(hash('identity', kind, octet_length(sealed)) AS HUGEINT)) FROM identity",
    "SELECT sum(CAST(hash('item', ref, name, category, brand, price_minor, currency, stock, "
    "known_us) AS HUGEINT)) FROM item",
    "SELECT sum(CAST(hash('edge', kind, weight, at_us) AS HUGEINT)) FROM edge",
    "SELECT sum(CAST(hash('survey', s.at_us, i.ref, s.question, s.score, s.choice, "
    "octet_length(s.sealed_text)) AS HUGEINT)) FROM survey s LEFT JOIN (SELECT item, min(ref) AS "
    "ref "
    "FROM item GROUP BY item) i ON i.item = s.item",
    "SELECT sum(CAST(hash('rival_price', r.rival, i.ref, r.at_us, r.price_minor, r.currency) AS "
    "HUGEINT)) FROM rival_price r LEFT JOIN (SELECT item, min(ref) AS ref FROM item GROUP BY item) "
    "i "
    "ON i.item = r.item",
    "SELECT sum(CAST(hash('touch', at_us, campaign, arm, channel, propensity, cost_minor, outcome) "
    "AS HUGEINT)) FROM touch",
    "SELECT sum(CAST(hash('label', order_ref, name, value, at_us) AS HUGEINT)) FROM label",
};

/* Tables that a workspace of an earlier clade, opened for reading alone, does not have. Empty ones
 * do not change the hash. */
static const char *const later_sql[] = {
    "SELECT sum(CAST(hash('property', p.name, p.value, p.number, e.row_key) AS HUGEINT)) FROM "
    "property p JOIN event e ON e.event = p.event",
    "SELECT sum(CAST(hash('alias', at_us, why, row_key) AS HUGEINT)) FROM alias",
};

/* The low 64 bits of a sum, as two's complement, so that they fit the one integer asked for. */
static clade_status low_bits(uint64_t *out, clade_store *store, const char *sum_sql,
                             clade_error *err)
{
    char    sql[600];
    int64_t sum = 0;
    snprintf(sql, sizeof sql,
             "SELECT CAST(CASE WHEN low >= 9223372036854775808 THEN low - "
             "18446744073709551616 ELSE low END AS BIGINT) FROM (SELECT total %% "
             "18446744073709551616 AS low FROM (%s) t (total))",
             sum_sql);
    CLADE_TRY(clade_store_int(&sum, store, sql, NULL, 0, 0, err));
    *out = (uint64_t)sum;
    return CLADE_OK;
}

clade_status clade_store_data_hash(uint64_t *out_hash, clade_store *store, clade_error *err)
{
    uint64_t sums[sizeof table_sql / sizeof table_sql[0]] = { 0 };
    int64_t  n_later                                      = 0;

    if (!store->data_hash_known) {
        for (size_t i = 0; i < sizeof table_sql / sizeof table_sql[0]; i++) {
            CLADE_TRY(low_bits(&sums[i], store, table_sql[i], err));
        }
        uint64_t hash = clade_hash64(sums, sizeof sums, CLADE_STORE_VERSION);
        CLADE_TRY(clade_store_int(&n_later, store,
                                  "SELECT count(*) FROM duckdb_tables() WHERE table_name IN "
                                  "('alias', 'property')",
                                  NULL, 0, 0, err));
        for (size_t i = 0; n_later == 2 && i < 2; i++) {
            uint64_t sum = 0;
            CLADE_TRY(low_bits(&sum, store, later_sql[i], err));
            if (sum != 0) hash = clade_hash64(&sum, sizeof sum, hash);
        }
        store->data_hash       = hash;
        store->data_hash_known = true;
    }
    *out_hash = store->data_hash;
    return CLADE_OK;
}
