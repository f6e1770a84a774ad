/* The log of a workspace as events of rules: the same rows, items and money that the query of a
 * rule reads. */
#include "sql.h"

#include <stdlib.h>

enum {
    C_CUSTOMER,
    C_AT,
    C_KIND,
    C_ITEM,
    C_QUANTITY,
    C_PRICE,
    C_VALUE,
    C_NET,
    C_ORDER_US,
    C_STANDS,
    C_UNDOES,
    C_SESSION,
    C_ORDER,
    C_REF,
    C_CATEGORY,
    C_BRAND,
    C_CHANNEL,
    C_DEVICE,
    C_QUERY
};

static void write_query(clade_buffer *out, const clade__log *log)
{
    clade_buffer_text(out,
                      "SELECT e.customer, e.at_us, e.kind, e.item, e.quantity, e.price_minor, "
                      "e.value_minor, coalesce(l.net, 0), coalesce(l.order_us, e.at_us), "
                      "toInt64(l.stands), toInt64(l.undoes), e.session_key, e.order_ref, i.ref, "
                      "i.category, i.brand, e.channel, e.device, e.query\nFROM ");
    clade__sql_events(out, log, NULL);
    clade_buffer_text(out, " AS e LEFT JOIN (");
    clade__sql_lines(out, log);
    clade_buffer_text(out, ") AS l ON l.event = e.event LEFT JOIN (");
    clade__sql_items(out, log->as_of_us, (const bool[]){ true, true, true });
    clade_buffer_text(out, ") AS i ON i.item = e.item\nORDER BY e.customer, e.at_us, e.event");
}

static uint64_t hash_of(clade_text text)
{
    return text.data == NULL ? 0 : clade_hash64(text.data, text.size, 0);
}

static void read_event(clade_rule_event *out, const clade_chunk *c, size_t row)
{
    static const struct {
        int      column;
        unsigned has;
    } has[] = { { C_ITEM, CLADE_RULE_HAS_ITEM },       { C_QUANTITY, CLADE_RULE_HAS_QUANTITY },
                { C_PRICE, CLADE_RULE_HAS_PRICE },     { C_VALUE, CLADE_RULE_HAS_VALUE },
                { C_SESSION, CLADE_RULE_HAS_SESSION }, { C_ORDER, CLADE_RULE_HAS_ORDER } };
    *out    = (clade_rule_event){
           .kind        = (clade_rule_kind)((const uint8_t *)clade_chunk_data(c, C_KIND))[row],
           .at_us       = clade_chunk_int(c, C_AT, row, 0),
           .item        = clade_chunk_int(c, C_ITEM, row, 0),
           .quantity    = clade_chunk_real(c, C_QUANTITY, row, 0),
           .price_minor = clade_chunk_int(c, C_PRICE, row, 0),
           .value_minor = clade_chunk_int(c, C_VALUE, row, 0),
           .net_minor   = clade_chunk_int(c, C_NET, row, 0),
           .order_us    = clade_chunk_int(c, C_ORDER_US, row, 0),
           .session     = clade_chunk_int(c, C_SESSION, row, 0),
           .order       = hash_of(clade_chunk_text(c, C_ORDER, row)),
           .ref         = clade_chunk_text(c, C_REF, row),
           .category    = clade_chunk_text(c, C_CATEGORY, row),
           .brand       = clade_chunk_text(c, C_BRAND, row),
           .channel     = clade_chunk_text(c, C_CHANNEL, row),
           .device      = clade_chunk_text(c, C_DEVICE, row),
           .query       = clade_chunk_text(c, C_QUERY, row),
    };
    for (size_t i = 0; i < sizeof has / sizeof has[0]; i++) {
        if (clade_chunk_valid(c, (size_t)has[i].column, row)) out->has |= has[i].has;
    }
    if (out->kind == CLADE_RULE_PURCHASE && clade_chunk_int(c, C_STANDS, row, 0) == 0)
        out->has |= CLADE_RULE_FELL;
    if (clade_chunk_int(c, C_UNDOES, row, 0) != 0) out->has |= CLADE_RULE_REWRITES;
}

clade_status clade_rule_history_read(clade_store *store, int64_t customer, int64_t as_of_us,
                                     clade_status (*each)(void *context, int64_t customer,
                                                          const clade_rule_event *event,
                                                          clade_error            *err),
                                     void *context, clade_error *err)
{
    clade_buffer sql   = { 0 };
    clade_rows  *rows  = NULL;
    clade_chunk  chunk = { 0 };
    double       minor;
    clade__log   log    = { .as_of_us = as_of_us, .customer = customer };
    clade_status status = clade__sql_ready(&minor, &log.has_void, store, err);
    write_query(&sql, &log);
    if (status == CLADE_OK && sql.failed)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of a history");
    if (status == CLADE_OK) status = clade_store_query(&rows, store, sql.data, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t row = 0; row < chunk.n_rows && status == CLADE_OK; row++) {
            clade_rule_event event;
            read_event(&event, &chunk, row);
            status = each(context, clade_chunk_int(&chunk, C_CUSTOMER, row, 0), &event, err);
        }
    }
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}
