/* What was bought and kept, as SQL: the money behind `spend`, line by line.
 *
 * The same numbers as the features of money (features/stages.sql: f_back, f_gone, line, f_order,
 * f_refund), which tests/rules/test_spend.c holds equal: a line is worth its value less what was
 * given back of it as far as that is known; an order of which no goods were kept is worth nothing;
 * money given back that no purchase explains is taken off at the moment of the refund. */
#include "sql.h"

/* Money is cut as features cut it; names in braces are replaced below. */
static const char back_of_purchases[] =
    "SELECT purchase, toInt64(sum(CASE WHEN quantity < 0 THEN 0 WHEN quantity < 1e9 THEN "
    "toInt64(floor(quantity * 1000 + 0.5)) ELSE 1000000000000 END)) AS back_milli,\n"
    "    toInt64(sum(CASE WHEN amount_minor < -10000000000000 THEN 10000000000000 WHEN "
    "amount_minor > 0 "
    "THEN 0 ELSE -amount_minor END)) AS back_minor\n"
    "FROM refund_match WHERE at_us < {as_of} GROUP BY purchase";
static const char gone_of_refunds[] =
    "SELECT refund, toInt64(sum(CASE WHEN amount_minor < -10000000000000 THEN 10000000000000 WHEN "
    "amount_minor > 0 THEN 0 ELSE -amount_minor END)) AS gone_minor\n"
    "FROM refund_match WHERE at_us < {as_of} GROUP BY refund";

/* Lines of purchases with what came back of each. */
static const char bought[] =
    "SELECT a.event AS event, a.customer AS customer, a.at_us AS at_us, a.item AS item, a.quantity "
    "AS "
    "quantity, a.price_minor AS price_minor, a.value_minor AS value_minor, a.channel AS channel, "
    "a.device AS device, a.query AS query, a.order_ref AS order_ref,\n"
    "    CASE WHEN a.event IN (SELECT event FROM flag WHERE event IS NOT NULL AND name = "
    "'not_product' "
    "AND since_us < {as_of}) THEN 0 ELSE 1 END AS goods,\n"
    "    CASE WHEN a.quantity IS NULL THEN 1000 WHEN a.quantity < 0 THEN 0 WHEN a.quantity < 1e9 "
    "THEN "
    "toInt64(floor(a.quantity * 1000 + 0.5)) ELSE 1000000000000 END AS milli,\n"
    "    CASE WHEN a.value_minor > 10000000000000 THEN 10000000000000 WHEN a.value_minor < "
    "-10000000000000 THEN -10000000000000 ELSE a.value_minor END AS value, a.amount_minor AS "
    "amount,\n"
    "    coalesce(b.back_milli, 0) AS back_milli, coalesce(b.back_minor, 0) AS back_minor\n"
    "FROM {purchases} AS a LEFT JOIN ({back}) AS b ON b.purchase = a.event";

/* What each is worth, in an order that stands. An order is a number, or a moment where it has none.
 */
static const char worth[] =
    "SELECT event, customer, at_us, item, quantity, price_minor, value_minor, channel, device, "
    "query, "
    "order_us, stands, CASE WHEN stands = 1 THEN worth ELSE 0 END AS net, 0 AS undoes\n"
    "FROM (SELECT event, customer, at_us, item, quantity, price_minor, value_minor, channel, "
    "device, "
    "query, min(at_us) OVER o AS order_us,\n"
    "    CASE WHEN CASE WHEN sum(goods) OVER o > 0 THEN sum(kept * goods) OVER o ELSE sum(kept) "
    "OVER o "
    "END > 0 THEN 1 ELSE 0 END AS stands,\n"
    "    CASE WHEN value IS NULL OR (back_milli >= milli AND back_milli > 0) THEN 0\n"
    "        WHEN value <= 0 OR amount <= 0 OR back_minor = 0 OR amount IS NULL THEN value\n"
    "        WHEN back_minor >= amount THEN 0\n"
    "        ELSE value - toInt64(floor(toFloat64(back_minor) * value / amount + 0.5)) END AS "
    "worth\n"
    "FROM (SELECT *, CASE WHEN back_milli = 0 OR back_milli < milli THEN 1 ELSE 0 END AS kept\n"
    "      FROM ({bought}) AS k) AS k\n"
    "WINDOW o AS (PARTITION BY customer, order_ref, CASE WHEN order_ref IS NULL THEN at_us END)) "
    "AS k";

/* Refunds, and what of each no purchase explains. */
static const char given_back[] =
    "SELECT event, customer, at_us, item, quantity, price_minor, value_minor, channel, device, "
    "query, "
    "at_us AS order_us, 0 AS stands,\n"
    "    -CASE WHEN amount = 0 THEN CASE WHEN gone = 0 THEN value ELSE 0 END WHEN gone >= amount "
    "THEN 0\n"
    "        ELSE toInt64(floor(toFloat64(amount - gone) * value / amount + 0.5)) END AS net, "
    "undoes\n"
    "FROM (SELECT a.event AS event, a.customer AS customer, a.at_us AS at_us, a.item AS item, "
    "a.quantity "
    "AS quantity, a.price_minor AS price_minor, a.value_minor AS value_minor, a.channel AS "
    "channel, "
    "a.device AS device, a.query AS query,\n"
    "    CASE WHEN a.value_minor > 10000000000000 OR a.value_minor < -10000000000000 THEN "
    "10000000000000 ELSE toInt64(coalesce(abs(a.value_minor), 0)) END AS value,\n"
    "    CASE WHEN a.amount_minor > 10000000000000 OR a.amount_minor < -10000000000000 THEN "
    "10000000000000 ELSE toInt64(coalesce(abs(a.amount_minor), 0)) END AS amount,\n"
    "    coalesce(g.gone_minor, 0) AS gone, CASE WHEN g.refund IS NULL THEN 0 ELSE 1 END AS "
    "undoes\n"
    "FROM {refunds} AS a LEFT JOIN ({gone}) AS g ON g.refund = a.event) AS r";

static void fill(clade_buffer *out, const char *sql, const clade__log *log)
{
    static const struct {
        const char *name, *sql;
    } part[] = { { "{back}", back_of_purchases },
                 { "{gone}", gone_of_refunds },
                 { "{bought}", bought } };
    for (const char *open; (open = strchr(sql, '{')) != NULL; sql = strchr(open, '}') + 1) {
        clade_buffer_append(out, sql, (size_t)(open - sql));
        if (strncmp(open, "{as_of}", 7) == 0)
            clade_buffer_format(out, "%lld", (long long)log->as_of_us);
        else if (strncmp(open, "{purchases}", 11) == 0)
            clade__sql_events(out, log, "purchase");
        else if (strncmp(open, "{refunds}", 9) == 0)
            clade__sql_events(out, log, "refund");
        for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
            if (strncmp(open, part[i].name, strlen(part[i].name)) == 0) fill(out, part[i].sql, log);
        }
    }
    clade_buffer_text(out, sql);
}

void clade__sql_lines(clade_buffer *out, const clade__log *log)
{
    fill(out, worth, log);
    clade_buffer_text(out, "\nUNION ALL ");
    fill(out, given_back, log);
}
