/* What was bought and kept, as SQL: the money behind `spend`, line by line.
 *
 * The same numbers as the features of money (features/stages.sql: f_back, f_gone, line, f_order,
 * f_refund), which tests/rules/test_spend.c holds equal: a line is worth its value less what was
 * given back of it as far as that is known; an order of which no goods were kept is worth nothing;
 * money given back that no purchase explains is taken off at the moment of the refund. */
#include "sql.h"

#define CUT_MONEY(x)                                               \
    "CASE WHEN " x " > 10000000000000 THEN 10000000000000 WHEN " x \
    " < -10000000000000 THEN -10000000000000 ELSE " x " END"
#define GIVEN_BACK                                                                                \
    "toInt64(sum(CASE WHEN amount_minor < -10000000000000 THEN 10000000000000 WHEN amount_minor " \
    "> 0 "                                                                                        \
    "THEN 0 ELSE -amount_minor END))"

/* Lines of purchases with what was given back of each. */
static void bought(clade_buffer *out, int64_t as_of_us)
{
    clade_buffer_format(
        out,
        "SELECT a.event AS event, a.customer AS customer, a.at_us AS at_us, a.item AS item, "
        "a.quantity AS quantity, a.price_minor AS price_minor, a.value_minor AS value_minor, "
        "a.channel AS channel, a.device AS device, a.query AS query, a.order_ref AS order_ref, "
        "CASE WHEN a.event IN (SELECT event FROM flag WHERE event IS NOT NULL AND name = "
        "'not_product' AND since_us < %lld) THEN 0 ELSE 1 END AS goods, "
        "CASE WHEN a.quantity IS NULL THEN 1000 WHEN a.quantity < 0 THEN 0 WHEN a.quantity < 1e9 "
        "THEN "
        "toInt64(floor(a.quantity * 1000 + 0.5)) ELSE 1000000000000 END AS milli, " //
        CUT_MONEY(
            "a.value_minor") " AS value, a.amount_minor AS amount, "
                             "coalesce(b.back_milli, 0) AS back_milli, coalesce(b.back_minor, 0) "
                             "AS back_minor\n"
                             "FROM (SELECT * FROM e WHERE kind = 'purchase') AS a LEFT JOIN "
                             "(SELECT purchase, "
                             "toInt64(sum(CASE WHEN quantity < 0 THEN 0 WHEN quantity < 1e9 THEN "
                             "toInt64(floor(quantity * "
                             "1000 + 0.5)) ELSE 1000000000000 END)) AS back_milli, " GIVEN_BACK
                             " AS back_minor FROM "
                             "refund_match WHERE at_us < %lld GROUP BY purchase) AS b ON "
                             "b.purchase = a.event",
        (long long)as_of_us, (long long)as_of_us);
}

/* Refunds, and what of each no purchase explains. */
static void given_back(clade_buffer *out, int64_t as_of_us)
{
    clade_buffer_format(
        out,
        "SELECT event, customer, at_us, item, quantity, price_minor, value_minor, channel, device, "
        "query, at_us AS order_us, 0 AS stands, -CASE WHEN amount = 0 THEN CASE WHEN gone = 0 THEN "
        "value ELSE 0 END WHEN gone >= amount THEN 0 ELSE toInt64(floor(toFloat64(amount - gone) * "
        "value / amount + 0.5)) END AS net, undoes\n"
        "FROM (SELECT a.event AS event, a.customer AS customer, a.at_us AS at_us, a.item AS item, "
        "a.quantity AS quantity, a.price_minor AS price_minor, a.value_minor AS value_minor, "
        "a.channel AS channel, a.device AS device, a.query AS query, "
        "CASE WHEN a.value_minor > 10000000000000 OR a.value_minor < -10000000000000 THEN "
        "10000000000000 ELSE toInt64(coalesce(abs(a.value_minor), 0)) END AS value, "
        "CASE WHEN a.amount_minor > 10000000000000 OR a.amount_minor < -10000000000000 THEN "
        "10000000000000 ELSE toInt64(coalesce(abs(a.amount_minor), 0)) END AS amount, "
        "coalesce(g.gone_minor, 0) AS gone, CASE WHEN g.refund IS NULL THEN 0 ELSE 1 END AS "
        "undoes\n"
        "FROM (SELECT * FROM e WHERE kind = 'refund') AS a LEFT JOIN (SELECT refund, " GIVEN_BACK
        " AS gone_minor FROM refund_match WHERE at_us < %lld GROUP BY refund) AS g ON g.refund = "
        "a.event) AS r",
        (long long)as_of_us);
}

void clade__sql_lines(clade_buffer *out, int64_t as_of_us)
{
    static const char order[] =
        "OVER (PARTITION BY customer, order_ref, CASE WHEN order_ref IS NULL "
        "THEN at_us END)";
    clade_buffer_text(
        out, "SELECT event, customer, at_us, item, quantity, price_minor, value_minor, "
             "channel, device, query, order_us, stands, CASE WHEN stands = 1 THEN worth "
             "ELSE 0 END AS net, 0 AS undoes\n"
             "FROM (SELECT event, customer, at_us, item, quantity, price_minor, value_minor, "
             "channel, device, query, ");
    clade_buffer_format(
        out,
        "min(at_us) %s AS order_us, CASE WHEN CASE WHEN sum(goods) %s > 0 THEN "
        "sum(kept * goods) %s ELSE sum(kept) %s END > 0 THEN 1 ELSE 0 END AS stands, "
        "CASE WHEN value IS NULL OR (back_milli >= milli AND back_milli > 0) THEN 0 "
        "WHEN value <= 0 OR amount <= 0 OR back_minor = 0 OR amount IS NULL THEN "
        "value WHEN back_minor >= amount THEN 0 ELSE value - "
        "toInt64(floor(toFloat64(back_minor) * value / amount + 0.5)) END AS worth\n"
        "FROM (SELECT *, CASE WHEN back_milli = 0 OR back_milli < milli THEN 1 ELSE 0 "
        "END AS kept FROM (",
        order, order, order, order);
    bought(out, as_of_us);
    clade_buffer_text(out, ") AS k) AS k) AS k\nUNION ALL ");
    given_back(out, as_of_us);
}
