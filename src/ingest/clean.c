/* Cleaning: derived tables out of source tables. Every rule looks only at data up to the moment it
 * judges, so what comes later never changes what was said before; and every rule is a function of
 * the source tables, so a replay gives the same again. */
#include "load_internal.h"

#include "clade/run.h"

#include <stdio.h>

/* ---------------------------------------------------------------- what can be completed */

/* Lines of one order belong to one customer: those that lack the number take it from a line of the
 * same order that was written no later. Orders whose lines name two customers are left alone. */
static const char COMPLETE_CUSTOMER[] =
    "INSERT INTO completion "
    "SELECT gap.event, 'customer', 'same_order', CAST(min(known.customer) AS VARCHAR) "
    "FROM (SELECT event, order_ref, at_us FROM event WHERE customer IS NULL AND order_ref IS NOT "
    "NULL) gap "
    "JOIN event known ON known.order_ref = gap.order_ref AND known.customer IS NOT NULL "
    "AND known.at_us <= gap.at_us "
    "GROUP BY gap.event HAVING min(known.customer) = max(known.customer) ORDER BY gap.event";

/* A sale without any money takes the last price asked for the item before it, in the shop's own
 * currency. Totals stay without it until the user accepts `complete-prices`. */
static const char COMPLETE_PRICE[] =
    "INSERT INTO completion "
    "SELECT gap.event, 'price_minor', 'last_price', CAST(known.price_minor AS VARCHAR) "
    "FROM (SELECT event, item, at_us FROM event WHERE kind = 'purchase' AND price_minor IS NULL "
    "AND amount_minor IS NULL AND item IS NOT NULL) gap "
    "ASOF JOIN (SELECT item, at_us, max(price_minor) AS price_minor FROM event WHERE price_minor > "
    "0 "
    "AND item IS NOT NULL AND currency = (SELECT coalesce(max(value), 'XXX') FROM setting WHERE "
    "name = 'currency') GROUP BY item, at_us) known ON known.item = gap.item AND gap.at_us >= "
    "known.at_us "
    "ORDER BY gap.event";

static const char UNDO_COMPLETIONS[] =
    "UPDATE event SET customer = NULL WHERE event IN (SELECT event FROM completion WHERE field = "
    "'customer'); "
    "UPDATE event SET price_minor = NULL, amount_minor = NULL, value_minor = NULL, currency = NULL "
    "WHERE event IN (SELECT event FROM completion WHERE field = 'price_minor'); "
    "DELETE FROM completion";

clade_status clade__clean_complete(clade_store *store, clade_error *err)
{
    int64_t n = 0;
    CLADE_TRY(clade_store_int(&n, store, "SELECT count(*) FROM completion", NULL, 0, 0, err));
    if (n > 0) CLADE_TRY(clade_store_run(store, UNDO_COMPLETIONS, NULL, 0, err));

    CLADE_TRY(clade_store_int(
        &n, store, "SELECT count(*) FROM event WHERE customer IS NULL AND order_ref IS NOT NULL",
        NULL, 0, 0, err));
    if (n > 0) {
        CLADE_TRY(clade_store_run(store, COMPLETE_CUSTOMER, NULL, 0, err));
        CLADE_TRY(
            clade_store_run(store,
                            "UPDATE event SET customer = CAST(c.value AS BIGINT) FROM completion c "
                            "WHERE c.event = event.event AND c.field = 'customer'",
                            NULL, 0, err));
    }
    CLADE_TRY(clade_store_int(
        &n, store,
        "SELECT count(*) FROM event WHERE kind = 'purchase' AND price_minor IS NULL "
        "AND amount_minor IS NULL AND item IS NOT NULL",
        NULL, 0, 0, err));
    if (n == 0) return CLADE_OK;
    char        accepted[8] = "";
    clade_error quiet;
    const bool  money = clade_store_setting_get(accepted, sizeof accepted, store,
                                                "repair/complete-prices", &quiet) == CLADE_OK;
    CLADE_TRY(clade_store_run(store, COMPLETE_PRICE, NULL, 0, err));
    CLADE_TRY(clade_store_run(
        store,
        "UPDATE event SET price_minor = CAST(c.value AS BIGINT), currency = (SELECT "
        "coalesce(max(value), 'XXX') FROM setting WHERE name = 'currency') FROM completion c "
        "WHERE c.event = event.event AND c.field = 'price_minor'",
        NULL, 0, err));
    if (!money) return CLADE_OK;
    return clade_store_run(
        store,
        "UPDATE event SET amount_minor = CAST(round(price_minor * quantity) AS BIGINT), "
        "value_minor = CAST(round(price_minor * quantity) AS BIGINT) WHERE event IN "
        "(SELECT event FROM completion WHERE field = 'price_minor')",
        NULL, 0, err);
}

/* ---------------------------------------------------------------- who does not count as a customer
 */

/* Attributes that the loader found in names and addresses before it sealed them. */
static const char FLAG_PEOPLE[] =
    "INSERT INTO flag SELECT 'test_order', customer, NULL, min(known_us), 'name or address of a "
    "test "
    "account' FROM customer WHERE name = 'looks_like_test' GROUP BY customer ORDER BY customer; "
    "INSERT INTO flag SELECT 'staff', customer, NULL, min(known_us), 'address or attribute of a "
    "member "
    "of staff' FROM customer WHERE name = 'looks_like_staff' GROUP BY customer ORDER BY customer";

/* What the orders themselves say. A test order of a real customer is flagged alone. */
static const char FLAG_ORDERS[] =
    "INSERT INTO flag SELECT 'test_order', NULL, event, at_us, 'order id, coupon or channel of a "
    "test' "
    "FROM event WHERE kind IN ('purchase', 'refund', 'checkout') AND "
    "(starts_with(lower(order_ref), "
    "'test') OR starts_with(lower(coupon), 'test') OR lower(channel) IN ('test', 'testing', 'qa', "
    "'测试')) ORDER BY event; "
    "INSERT INTO flag SELECT 'staff', customer, NULL, min(at_us), 'coupon or channel of staff' "
    "FROM event "
    "WHERE customer IS NOT NULL AND (regexp_matches(lower(coupon), 'staff|employee|员工|内部') OR "
    "lower(channel) IN ('staff', 'employee', 'internal', '员工', '内部')) AND customer NOT IN "
    "(SELECT "
    "customer FROM flag WHERE name = 'staff' AND customer IS NOT NULL) GROUP BY customer ORDER BY "
    "customer";

/* Lines that are no goods: carriage, fees, corrections, discounts. They stay in the money of an
 * order; the flag tells whoever counts goods. */
static const char FLAG_NOT_PRODUCT[] =
    "INSERT INTO flag SELECT 'not_product', NULL, event, at_us, CASE WHEN kind = 'custom' THEN 'a "
    "correction of the books, not a sale' ELSE 'carriage, fee, discount or manual line, not goods' "
    "END "
    "FROM event WHERE (kind IN ('purchase', 'refund') AND item IN (SELECT item FROM item WHERE "
    "upper(ref) "
    "IN ('POST', 'POSTAGE', 'DOT', 'SHIPPING', 'FREIGHT', 'DELIVERY', 'CARRIAGE', 'BANK CHARGES', "
    "'AMAZONFEE', 'ADJUST', 'ADJUST2', 'CRUK', 'MANUAL', 'DISCOUNT') OR "
    "regexp_matches(lower(name), "
    "'^(discount|manual|samples?|adjust|carriage|postage|dotcom postage|bank charges|amazon "
    "fee|next day "
    "carriage|shipping|delivery "
    "(fee|charge)|freight|handling|运费|邮费|手续费|差价|补差价|快递费)'))) "
    "OR (kind = 'custom' AND amount_minor <> 0) ORDER BY event";

clade_status clade__clean_people(clade_store *store, clade_error *err)
{
    CLADE_TRY(clade_store_run(store, FLAG_PEOPLE, NULL, 0, err));
    CLADE_TRY(clade_store_run(store, FLAG_ORDERS, NULL, 0, err));
    return clade_store_run(store, FLAG_NOT_PRODUCT, NULL, 0, err);
}

/* ---------------------------------------------------------------- all of it */

clade_status clade__clean_all(clade_store *store, clade_error *err)
{
    static const struct {
        const char *name;
        clade_status (*run)(clade_store *, clade_error *);
    } stage[] = {
        { "complete", clade__clean_complete }, { "refunds", clade__clean_refunds },
        { "people", clade__clean_people },     { "bots", clade__clean_bots },
        { "outliers", clade__clean_outliers },
    };
    CLADE_TRY(clade_store_run(store, "DELETE FROM flag; DELETE FROM refund_match", NULL, 0, err));
    for (size_t i = 0; i < sizeof stage / sizeof stage[0]; i++) {
        const double start = clade_seconds();
        CLADE_TRY(clade_interrupt_check(err));
        CLADE_TRY(stage[i].run(store, err));
        clade_log(CLADE_LOG_DEBUG, "clean: %s %.3f s", stage[i].name, clade_seconds() - start);
    }
    return CLADE_OK;
}

clade_status clade_replay(clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    CLADE_TRY(clade_store_derived_drop(store, err));
    CLADE_TRY(clade_store_begin(store, err));
    status = clade__clean_all(store, err);
    if (status == CLADE_OK) status = clade_store_setting_set(store, "stale", "0", err);
    if (status != CLADE_OK) {
        clade_store_rollback(store);
        return status;
    }
    return clade_store_commit(store, err);
}

clade_status clade_replay_if_stale(clade_store *store, clade_error *err)
{
    char        stale[8] = "0";
    clade_error quiet;
    if (clade_store_setting_get(stale, sizeof stale, store, "stale", &quiet) != CLADE_OK ||
        strcmp(stale, "1") != 0) {
        return CLADE_OK;
    }
    return clade_replay(store, err);
}
