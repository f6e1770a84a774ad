/* Prices and quantities far from what the same item had before. Judged against the median of the
 * item's own earlier sales (the last 501 of them), so that a later sale never changes a verdict.
 * The engine picks the items whose range could hold an outlier; only their sales are read. */
#include "load_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WINDOW             = 501,
    LEAST_PRICES       = 5,
    PRICE_TIMES        = 5,
    PRICE_STEP         = 100, /* minor units: pennies up and down are no news */
    LEAST_SALES        = 10,
    QUANTITY_TIMES     = 20,
    QUANTITY_LEAST     = 100,
    QUANTITY_MAX_TIMES = 3,    /* of the largest sale before */
    FIRST_QUANTITY     = 1000, /* for items hardly sold before: against the whole shop */
    FIRST_TIMES        = 100,
    FIRST_LOOKS        = 1000,
};

static const char SALES[] =
    "WITH sale AS (SELECT item, coalesce(currency, '') AS currency, at_us, event, "
    "coalesce(price_minor, 0) "
    "AS price_minor, coalesce(quantity, 0) AS quantity FROM event WHERE kind = 'purchase' AND item "
    "IS NOT "
    "NULL), odd AS (SELECT item, currency FROM sale GROUP BY item, currency HAVING "
    "(max(price_minor) > 5 * "
    "min(price_minor) FILTER (WHERE price_minor > 0) AND count(*) > 5) OR max(quantity) >= 100) "
    "SELECT s.item, s.currency, s.at_us, s.event, s.price_minor, s.quantity FROM sale s JOIN odd "
    "USING "
    "(item, currency) WHERE s.event NOT IN (SELECT event FROM flag WHERE name = 'not_product' AND "
    "event IS "
    "NOT NULL) ORDER BY s.item, s.currency, s.at_us, s.event";

/* The last WINDOW values, by age and by size. */
typedef struct median {
    double ring[WINDOW], sorted[WINDOW];
    size_t n;       /* in the window */
    size_t n_seen;  /* ever */
    double largest; /* ever */
} median;

static size_t lower_bound(const median *m, double value)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (m->sorted[mid] < value)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static double median_of(const median *m)
{
    return m->n % 2 ? m->sorted[m->n / 2] : 0.5 * (m->sorted[m->n / 2 - 1] + m->sorted[m->n / 2]);
}

static void median_add(median *m, double value)
{
    const size_t slot = m->n_seen % WINDOW;
    if (m->n == WINDOW) {
        const size_t old = lower_bound(m, m->ring[slot]);
        memmove(m->sorted + old, m->sorted + old + 1, (m->n - old - 1) * sizeof(double));
        m->n--;
    }
    const size_t at = lower_bound(m, value);
    memmove(m->sorted + at + 1, m->sorted + at, (m->n - at) * sizeof(double));
    m->sorted[at] = value;
    m->ring[slot] = value;
    m->n++;
    m->n_seen++;
    if (value > m->largest) m->largest = value;
}

typedef struct judge {
    clade_store    *store;
    clade_appender *flag;
    size_t          n_flag;
    median          price, quantity;
    int64_t         item;
    char            currency[4];
    struct first {
        int64_t event, at_us;
        double  quantity;
    } * first; /* large first sales: judged against the shop afterwards */
    size_t n_first, first_capacity;
} judge;

static clade_status put_flag(judge *j, const char *name, int64_t event, int64_t at_us,
                             const char *reason, clade_error *err)
{
    if (j->n_flag == CLADE_APPENDER_ROWS) {
        CLADE_TRY(clade_appender_flush(j->flag, j->n_flag, err));
        j->n_flag = 0;
    }
    const size_t row = j->n_flag++;
    clade_appender_text(j->flag, 0, row, clade_text_of(name));
    clade_appender_null(j->flag, 1, row);
    ((int64_t *)clade_appender_column(j->flag, 2))[row] = event;
    ((int64_t *)clade_appender_column(j->flag, 3))[row] = at_us;
    clade_appender_text(j->flag, 4, row, clade_text_of(reason));
    return CLADE_OK;
}

static clade_status judge_price(judge *j, int64_t event, int64_t at_us, double price,
                                clade_error *err)
{
    median *m = &j->price;
    char    reason[120];
    if (price <= 0) return CLADE_OK;
    const double usual = m->n_seen >= LEAST_PRICES ? median_of(m) : price;
    if ((price > PRICE_TIMES * usual || PRICE_TIMES * price < usual) &&
        __builtin_fabs(price - usual) >= PRICE_STEP) {
        snprintf(reason, sizeof reason, "%.3g times the usual price of the item before",
                 price / usual);
        CLADE_TRY(put_flag(j, "outlier_price", event, at_us, reason, err));
    }
    median_add(m, price);
    return CLADE_OK;
}

static clade_status judge_quantity(judge *j, int64_t event, int64_t at_us, double quantity,
                                   clade_error *err)
{
    median *m = &j->quantity;
    char    reason[120];
    if (quantity <= 0) return CLADE_OK;
    if (m->n_seen >= LEAST_SALES) {
        const double usual = median_of(m);
        if (quantity >= QUANTITY_LEAST && quantity > QUANTITY_TIMES * usual &&
            quantity > QUANTITY_MAX_TIMES * m->largest) {
            snprintf(reason, sizeof reason, "%.3g times the usual quantity of the item before",
                     quantity / usual);
            CLADE_TRY(put_flag(j, "outlier_quantity", event, at_us, reason, err));
        }
    } else if (quantity >= FIRST_QUANTITY) {
        if (j->n_first == j->first_capacity) {
            const size_t  capacity = j->first_capacity == 0 ? 64 : 2 * j->first_capacity;
            struct first *grown    = realloc(j->first, capacity * sizeof grown[0]);
            if (grown == NULL)
                return clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge quantities");
            j->first          = grown;
            j->first_capacity = capacity;
        }
        j->first[j->n_first++] = (struct first){ event, at_us, quantity };
    }
    median_add(m, quantity);
    return CLADE_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct first *x = a, *y = b;
    if (x->at_us != y->at_us) return x->at_us < y->at_us ? -1 : 1;
    return (x->event > y->event) - (x->event < y->event);
}

/* An item's first sales have no past of their own: a thousand at once is held against what the shop
 * used to sell before that day. */
static clade_status judge_first(judge *j, clade_error *err)
{
    int64_t day   = INT64_MIN;
    int64_t usual = 0;
    if (j->n_first > 0) qsort(j->first, j->n_first, sizeof j->first[0], by_time);
    for (size_t i = 0; i < j->n_first && i < FIRST_LOOKS; i++) {
        const struct first *f = &j->first[i];
        if (f->at_us / CLADE_US_PER_DAY != day) {
            day                   = f->at_us / CLADE_US_PER_DAY;
            const clade_value arg = CLADE_INT(day * CLADE_US_PER_DAY);
            CLADE_TRY(clade_store_int(
                &usual, j->store,
                "SELECT CAST(ceil(median(quantity)) AS BIGINT) FROM event WHERE kind "
                "= 'purchase' AND quantity > 0 AND at_us < ?",
                &arg, 1, 0, err));
        }
        if (usual > 0 && f->quantity > FIRST_TIMES * (double)usual) {
            char reason[120];
            snprintf(reason, sizeof reason, "%.0f at once, of an item hardly sold before",
                     f->quantity);
            CLADE_TRY(put_flag(j, "outlier_quantity", f->event, f->at_us, reason, err));
        }
    }
    return CLADE_OK;
}

static clade_status judge_chunk(judge *j, const clade_chunk *chunk, clade_error *err)
{
    const int64_t *item     = clade_chunk_data(chunk, 0);
    const int64_t *at_us    = clade_chunk_data(chunk, 2);
    const int64_t *event    = clade_chunk_data(chunk, 3);
    const int64_t *price    = clade_chunk_data(chunk, 4);
    const double  *quantity = clade_chunk_data(chunk, 5);
    for (size_t i = 0; i < chunk->n_rows; i++) {
        const clade_text currency = clade_chunk_text(chunk, 1, i);
        char             code[4]  = "";
        if (currency.size == 3) memcpy(code, currency.data, 3);
        if (item[i] != j->item || memcmp(code, j->currency, 4) != 0) {
            j->item = item[i];
            memcpy(j->currency, code, 4);
            j->price.n = j->price.n_seen = j->quantity.n = j->quantity.n_seen = 0;
            j->price.largest = j->quantity.largest = 0;
        }
        CLADE_TRY(judge_price(j, event[i], at_us[i], (double)price[i], err));
        CLADE_TRY(judge_quantity(j, event[i], at_us[i], quantity[i], err));
    }
    return CLADE_OK;
}

clade_status clade__clean_outliers(clade_store *store, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    judge       *j      = CLADE_NEW(judge, 1);

    if (j == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to look for outliers");
        goto done;
    }
    j->store = store;
    j->item  = -1;
    status   = clade_appender_open(&j->flag, store, "flag", err);
    if (status == CLADE_OK) status = clade_store_query(&rows, store, SALES, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        status = judge_chunk(j, &chunk, err);
    }
    clade_rows_close(rows);
    rows = NULL;
    if (status == CLADE_OK) status = judge_first(j, err);
    if (status == CLADE_OK) status = clade_appender_flush(j->flag, j->n_flag, err);
    if (status == CLADE_OK) status = clade_appender_finish(j->flag, err);
done:
    clade_rows_close(rows);
    if (j != NULL) {
        clade_appender_close(j->flag);
        free(j->first);
    }
    free(j);
    return status;
}
