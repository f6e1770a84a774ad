/* What a refund undoes: the latest earlier sale of the same item to the same customer that has
 * something left, one of the same order first; where the customer is unknown, sales of the same
 * order. Sales come in order of time, and a refund only looks back, so a later sale changes
 * nothing. */
#include "load_internal.h"

#include <stdlib.h>

/* Sales and refunds of every (customer or order, item) that has a refund. Ranked: a sale of the
 * same moment comes before its refund. A line without an item is matched by money alone. */
static const char LINES[] =
    "WITH line AS (SELECT event, at_us, customer, item, CASE WHEN customer IS NULL THEN order_ref "
    "END AS "
    "owner, order_ref, CAST(kind = 'refund' AS BIGINT) AS is_refund, quantity, amount_minor FROM "
    "event "
    "WHERE kind IN ('purchase', 'refund') AND (customer IS NOT NULL OR order_ref IS NOT NULL)), "
    "wanted AS (SELECT DISTINCT customer, owner, item FROM line WHERE is_refund = 1) "
    "SELECT l.event, l.at_us, coalesce(l.customer, -1), coalesce(l.item, -1), coalesce(l.owner, "
    "''), "
    "coalesce(l.order_ref, ''), l.is_refund, coalesce(l.quantity, -1.0), coalesce(l.amount_minor, "
    "0) "
    "FROM line l JOIN wanted w ON w.customer IS NOT DISTINCT FROM l.customer AND w.owner IS NOT "
    "DISTINCT "
    "FROM l.owner AND w.item IS NOT DISTINCT FROM l.item "
    "ORDER BY 3, 5, 4, 2, 7, 1";

typedef struct sale {
    int64_t  event;
    uint64_t order;
    double   left;  /* of its quantity, or of its money where no quantity is known */
    int64_t  money; /* not yet given back, minor units */
} sale;

typedef struct matcher {
    clade_appender *match, *flag;
    size_t          n_match, n_flag;
    sale           *sale; /* of the group at hand, oldest first */
    size_t          n_sales, capacity;
    int64_t         customer, item;
    uint64_t        owner;
    bool            started;
} matcher;

static clade_status put_match(matcher *m, int64_t refund, int64_t purchase, double quantity,
                              int64_t amount, int64_t at_us, clade_error *err)
{
    if (m->n_match == CLADE_APPENDER_ROWS) {
        CLADE_TRY(clade_appender_flush(m->match, m->n_match, err));
        m->n_match = 0;
    }
    const size_t row                                     = m->n_match++;
    ((int64_t *)clade_appender_column(m->match, 0))[row] = refund;
    ((int64_t *)clade_appender_column(m->match, 1))[row] = purchase;
    ((int64_t *)clade_appender_column(m->match, 2))[row] = m->customer;
    if (m->customer < 0) clade_appender_null(m->match, 2, row);
    ((double *)clade_appender_column(m->match, 3))[row]  = quantity;
    ((int64_t *)clade_appender_column(m->match, 4))[row] = amount;
    ((int64_t *)clade_appender_column(m->match, 5))[row] = at_us;
    return CLADE_OK;
}

static clade_status put_unmatched(matcher *m, int64_t refund, int64_t at_us, bool partly,
                                  clade_error *err)
{
    if (m->n_flag == CLADE_APPENDER_ROWS) {
        CLADE_TRY(clade_appender_flush(m->flag, m->n_flag, err));
        m->n_flag = 0;
    }
    const size_t row = m->n_flag++;
    clade_appender_text(m->flag, 0, row, CLADE_TEXT("unmatched_refund"));
    clade_appender_null(m->flag, 1, row);
    ((int64_t *)clade_appender_column(m->flag, 2))[row] = refund;
    ((int64_t *)clade_appender_column(m->flag, 3))[row] = at_us;
    clade_appender_text(m->flag, 4, row,
                        partly ? CLADE_TEXT("more was given back than the log saw sold")
                               : CLADE_TEXT("the sale it undoes is not in the log"));
    return CLADE_OK;
}

static bool keep_sale(matcher *m, sale s)
{
    if (m->n_sales == m->capacity) {
        const size_t capacity = m->capacity == 0 ? 64 : m->capacity * 2;
        sale        *grown    = realloc(m->sale, capacity * sizeof grown[0]);
        if (grown == NULL) return false;
        m->sale     = grown;
        m->capacity = capacity;
    }
    m->sale[m->n_sales++] = s;
    return true;
}

/* The sale to take from next: of the same order when there is one, else the latest. */
static sale *find_sale(matcher *m, uint64_t order)
{
    sale *latest = NULL;
    for (size_t i = m->n_sales; i-- > 0;) {
        sale *s = &m->sale[i];
        if (s->left <= 0) continue;
        if (order != 0 && s->order == order) return s;
        if (latest == NULL) latest = s;
        if (order == 0) break;
    }
    return latest;
}

static clade_status match_refund(matcher *m, int64_t refund, int64_t at_us, uint64_t order,
                                 double quantity, int64_t amount, clade_error *err)
{
    const bool by_money = quantity <= 0;
    double     wanted   = by_money ? (double)-amount : quantity;
    double     total    = wanted;
    int64_t    unpaid   = amount; /* negative: what is still to be shared out */
    bool       any      = false;
    while (wanted > 0) {
        sale *s = find_sale(m, order);
        if (s == NULL) break;
        const double  take  = s->left < wanted ? s->left : wanted;
        const bool    last  = take >= wanted;
        const int64_t share = last ? unpaid : (int64_t)((double)amount * (take / total));
        CLADE_TRY(put_match(m, refund, s->event, by_money ? 0 : take, share, at_us, err));
        s->left -= take;
        wanted -= take;
        unpaid -= share;
        any = true;
    }
    if (wanted > 0 || total <= 0) return put_unmatched(m, refund, at_us, any, err);
    return CLADE_OK;
}

static clade_status take_line(matcher *m, const clade_chunk *chunk, size_t i, clade_error *err)
{
    const int64_t   *event    = clade_chunk_data(chunk, 0);
    const int64_t   *at_us    = clade_chunk_data(chunk, 1);
    const int64_t   *customer = clade_chunk_data(chunk, 2);
    const int64_t   *item     = clade_chunk_data(chunk, 3);
    const int64_t   *refund   = clade_chunk_data(chunk, 6);
    const double    *quantity = clade_chunk_data(chunk, 7);
    const int64_t   *amount   = clade_chunk_data(chunk, 8);
    const clade_text owner    = clade_chunk_text(chunk, 4, i);
    const clade_text order    = clade_chunk_text(chunk, 5, i);
    const uint64_t   owner_id = owner.size == 0 ? 0 : clade_hash64(owner.data, owner.size, 0) | 1;
    const uint64_t   order_id = order.size == 0 ? 0 : clade_hash64(order.data, order.size, 0) | 1;

    if (!m->started || customer[i] != m->customer || item[i] != m->item || owner_id != m->owner) {
        m->started  = true;
        m->customer = customer[i];
        m->item     = item[i];
        m->owner    = owner_id;
        m->n_sales  = 0;
    }
    if (refund[i]) {
        return match_refund(m, event[i], at_us[i], order_id, item[i] < 0 ? -1 : quantity[i],
                            amount[i], err);
    }
    const double left = item[i] < 0 || quantity[i] <= 0 ? (double)amount[i] : quantity[i];
    if (left > 0 && !keep_sale(m, (sale){ event[i], order_id, left, amount[i] })) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to match refunds");
    }
    return CLADE_OK;
}

clade_status clade__clean_refunds(clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    matcher      m      = { 0 };
    int64_t      n      = 0;

    status = clade_store_int(&n, store, "SELECT count(*) FROM event WHERE kind = 'refund'", NULL, 0,
                             0, err);
    if (status != CLADE_OK || n == 0) return status;
    status = clade_appender_open(&m.match, store, "refund_match", err);
    if (status == CLADE_OK) status = clade_appender_open(&m.flag, store, "flag", err);
    if (status == CLADE_OK) status = clade_store_query(&rows, store, LINES, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            status = take_line(&m, &chunk, i, err);
        }
    }
    if (status == CLADE_OK) status = clade_appender_flush(m.match, m.n_match, err);
    if (status == CLADE_OK) status = clade_appender_flush(m.flag, m.n_flag, err);
    if (status == CLADE_OK) status = clade_appender_finish(m.match, err);
    if (status == CLADE_OK) status = clade_appender_finish(m.flag, err);
    clade_rows_close(rows);
    clade_appender_close(m.match);
    clade_appender_close(m.flag);
    free(m.sale);
    if (status != CLADE_OK) return status;
    /* Refunds that name neither customer nor order can be matched to nothing. */
    return clade_store_run(
        store,
        "INSERT INTO flag SELECT 'unmatched_refund', NULL, event, at_us, 'neither "
        "customer nor order is known' FROM event WHERE kind = 'refund' AND customer IS "
        "NULL AND order_ref IS NULL ORDER BY event",
        NULL, 0, err);
}
