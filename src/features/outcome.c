/* What customers did in a window: the label side of every model. It is kept apart from the features
 * so that no feature can read it by mistake. */
#include "internal.h"

/* Purchases of the window, less refunds of the window; a purchase counts as such when something of
 * it was still kept at the end. What a line was worth may be unknown, and least(x, NULL) is x: that
 * is asked for first. */
static const char outcome_sql[] =
    "SELECT customer, greatest(0, sum(paid))::BIGINT, bool_or(kept) FROM ("
    "  SELECT e.customer AS customer, CASE WHEN e.value_minor IS NULL THEN 0 ELSE"
    "             greatest(-10000000000000, least(10000000000000, e.value_minor)) END::HUGEINT AS "
    "paid,"
    "         b.quantity IS NULL OR b.quantity < coalesce(e.quantity, 1) - 0.0005 AS kept"
    "  FROM event e LEFT JOIN (SELECT purchase, sum(quantity) AS quantity FROM refund_match"
    "                          WHERE at_us < ?2 GROUP BY purchase) b ON b.purchase = e.event"
    "  WHERE e.kind = 'purchase' AND e.at_us >= ?1 AND e.at_us < ?2 AND e.customer IS NOT NULL"
    "    AND e.event NOT IN (SELECT event FROM flag WHERE name = 'test_order' AND event IS NOT NULL"
    "                        AND since_us < ?2)"
    "  UNION ALL"
    "  SELECT customer, CASE WHEN value_minor IS NULL THEN 0 ELSE"
    "             -least(10000000000000, abs(value_minor)) END::HUGEINT, false"
    "  FROM event WHERE kind = 'refund' AND at_us >= ?1 AND at_us < ?2 AND customer IS NOT NULL"
    ") GROUP BY customer ORDER BY customer";

clade_status clade_outcome_compute(clade_outcome *out, clade_store *store, const int64_t *customer,
                                   size_t n_customers, int64_t from_us, int64_t to_us,
                                   clade_error *err)
{
    clade_status      status  = CLADE_OK;
    clade_rows       *rows    = NULL;
    clade_chunk       chunk   = { 0 };
    clade_outcome     outcome = { 0 };
    size_t            at      = 0;
    const clade_value args[2] = { CLADE_INT(from_us), CLADE_INT(to_us) };

    if (to_us < from_us)
        return clade_fail(err, CLADE_ERR_ARG,
                          "the window ends (%lld us) before it begins (%lld us)", (long long)to_us,
                          (long long)from_us);
    char currency[4] = "";
    status           = clade_store_setting_get(currency, sizeof currency, store, "currency", NULL);
    if (status != CLADE_OK && status != CLADE_ERR_NOT_FOUND)
        return clade_fail(err, status, "the currency of this workspace cannot be read");
    outcome.minor_per_major = pow(10, currency[0] == '\0' ? 2 : clade_currency_digits(currency));
    outcome.spend_minor     = CLADE_NEW(int64_t, n_customers + 1);
    outcome.returned        = CLADE_NEW(uint8_t, n_customers + 1);
    if (outcome.spend_minor == NULL || outcome.returned == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n_customers);
        goto done;
    }

    /* Both sides are in rising order of customer: one merge. */
    status = clade_store_query(&rows, store, outcome_sql, args, 2, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        const int64_t *found = clade_chunk_data(&chunk, 0);
        const int64_t *spend = clade_chunk_data(&chunk, 1);
        const bool    *kept  = clade_chunk_data(&chunk, 2);
        for (size_t row = 0; row < chunk.n_rows; row++) {
            while (at < n_customers && customer[at] < found[row]) {
                assert(at + 1 == n_customers || customer[at] < customer[at + 1]);
                at++;
            }
            if (at == n_customers || customer[at] != found[row]) continue;
            outcome.spend_minor[at] = spend[row];
            outcome.returned[at]    = kept[row];
        }
    }
    if (status != CLADE_OK) goto done;

    *out    = outcome;
    outcome = (clade_outcome){ 0 };
done:
    clade_rows_close(rows);
    clade_outcome_free(&outcome);
    return status;
}

void clade_outcome_free(clade_outcome *outcome)
{
    if (outcome == NULL) return;
    free(outcome->spend_minor);
    free(outcome->returned);
    *outcome = (clade_outcome){ 0 };
}
