/* What the probability models of purchases say of each customer, as columns: fitted at the moment,
 * on purchases before it; and beside them where in the year the moment lies. docs/maths/value.md
 * has the models. */
#include "predict_internal.h"

#include <math.h>
#include <stdlib.h>

static const double unit_days  = 7;  /* weeks */
static const double ahead_days = 90; /* that purchases are expected in */

/* Days with purchases of which something is kept, in rising order of customer and day. */
static const char days_sql[] =
    "SELECT e.customer, (e.at_us // 86400000000)::BIGINT AS day,"
    " sum(greatest(0, coalesce(e.value_minor, 0)))::DOUBLE FROM " CLADE__KEPT CLADE__KEPT_WHERE
    " GROUP BY e.customer, day ORDER BY e.customer, day";

void clade__buyers_free(clade__buyers *b)
{
    free(b->x);
    free(b->t_x);
    free(b->T);
    free(b->spend);
    free(b->row);
}

/* The purchases of the customer that the stream is at. */
typedef struct purchase_days {
    int64_t  customer;
    size_t   n, room, amount_room;
    int64_t *day;
    double  *amount;
} purchase_days;

/* The customer's purchases are all there: add them when the moment has the customer. */
static clade_status add_buyer(clade__buyers *b, const purchase_days *d, const clade__moment *m,
                              size_t *at, clade_error *err)
{
    const clade_features *const f = &m->people.features;
    clade_value_summary         s;
    if (d->n == 0) return CLADE_OK;
    while (*at < f->n_customers && f->customer[*at] < d->customer)
        *at += 1;
    if (*at == f->n_customers || f->customer[*at] != d->customer) return CLADE_OK;
    const int64_t end_day = (m->at_us - 1) / CLADE_US_PER_DAY;
    CLADE_TRY(clade_value_summarise(&s, d->day, d->amount, d->n, end_day, unit_days, err));
    b->x[b->n]     = s.x;
    b->t_x[b->n]   = s.t_x;
    b->T[b->n]     = s.T;
    b->spend[b->n] = s.x > 0 ? s.spend : 0;
    b->row[b->n++] = (uint32_t)*at;
    return CLADE_OK;
}

static clade_status read_buyers(clade__buyers *b, const clade__moment *m, clade_store *store,
                                clade_error *err)
{
    const size_t      n       = m->people.features.n_customers;
    const clade_value args[2] = { CLADE_INT(CLADE_TIME_MIN_US), CLADE_INT(m->at_us) };
    clade_rows       *rows    = NULL;
    clade_chunk       chunk   = { 0 };
    purchase_days     d       = { .customer = -1 };
    size_t            at      = 0;
    clade_status      status  = CLADE_OK;
    b->x                      = CLADE_NEW(double, n + 1);
    b->t_x                    = CLADE_NEW(double, n + 1);
    b->T                      = CLADE_NEW(double, n + 1);
    b->spend                  = CLADE_NEW(double, n + 1);
    b->row                    = CLADE_NEW(uint32_t, n + 1);
    if (b->x == NULL || b->t_x == NULL || b->T == NULL || b->spend == NULL || b->row == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the purchases of %zu customers", n);
    status = clade_store_query(&rows, store, days_sql, args, 2, err);
    while (status == CLADE_OK && (status = clade_rows_next(&chunk, rows, err)) == CLADE_OK &&
           chunk.n_rows > 0) {
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        const int64_t *day      = clade_chunk_data(&chunk, 1);
        const double  *amount   = clade_chunk_data(&chunk, 2);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            if (customer[i] != d.customer) {
                status     = add_buyer(b, &d, m, &at, err);
                d.customer = customer[i];
                d.n        = 0;
            }
            if (!CLADE_GROW(&d.day, &d.room, d.n + 1) ||
                !CLADE_GROW(&d.amount, &d.amount_room, d.n + 1)) {
                status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu purchases", d.n + 1);
                break;
            }
            d.day[d.n]      = day[i];
            d.amount[d.n++] = amount[i];
        }
    }
    if (status == CLADE_OK) status = add_buyer(b, &d, m, &at, err);
    clade_rows_close(rows);
    free(d.day);
    free(d.amount);
    return status;
}

static clade_value_customers people_of(const clade__buyers *b)
{
    return (
        clade_value_customers){ .n = b->n, .x = b->x, .t_x = b->t_x, .T = b->T, .spend = b->spend };
}

/* Without a repeat buyer who paid something there is no scale of money. */
static bool has_spend(const clade__buyers *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->x[i] > 0 && b->spend[i] > 0) return true;
    return false;
}

/* Three columns of each buyer; those who never bought have none. */
static clade_status fill_columns(clade__moment *m, clade_error *err)
{
    const clade__buyers *const  b      = &m->buyers;
    const clade_value_customers people = people_of(b);
    double *const               answer = CLADE_NEW(double, 3 * b->n + 1);
    if (answer == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the value of %zu customers", b->n);
    double *const alive = answer, *const orders = answer + b->n, *const amount = answer + 2 * b->n;
    clade_status status = clade_value_fit(&m->buying, CLADE_VALUE_PARETO_NBD, &people, NULL, err);
    m->has_spend        = has_spend(b);
    if (status == CLADE_OK && m->has_spend)
        status = clade_value_fit(&m->spend, CLADE_VALUE_GAMMA_GAMMA, &people, NULL, err);
    if (status == CLADE_OK) status = clade_value_alive(alive, &m->buying, &people, err);
    if (status == CLADE_OK)
        status = clade_value_expected(orders, &m->buying, &people, ahead_days / unit_days, err);
    if (status == CLADE_OK && m->has_spend)
        status = clade_value_spend(amount, &m->spend, &people, err);
    for (size_t i = 0; i < b->n && status == CLADE_OK; i++) {
        float *const out         = m->value + (size_t)b->row[i] * CLADE__VALUE_COLUMNS;
        out[CLADE__VALUE_ALIVE]  = (float)alive[i];
        out[CLADE__VALUE_ORDERS] = (float)orders[i];
        if (m->has_spend)
            out[CLADE__VALUE_WORTH] = (float)(orders[i] * amount[i] / m->minor_per_major);
    }
    free(answer);
    return status;
}

clade_status clade__value_fill(clade__moment *m, const clade_predictions *p, clade_error *err)
{
    const size_t n      = m->people.features.n_customers * CLADE__VALUE_COLUMNS;
    clade_status status = CLADE_OK;
    m->value            = CLADE_NEW(float, n + 1);
    m->minor_per_major  = pow(10, clade_currency_digits(p->currency));
    if (m->value == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the value of %zu customers", n);
    for (size_t i = 0; i < n; i++)
        m->value[i] = (float)NAN;
    const double year  = 365.2425 * (double)CLADE_US_PER_DAY;
    const double angle = 2 * M_PI * fmod((double)m->at_us, year) / year;
    for (size_t i = 0; i < n; i += CLADE__VALUE_COLUMNS) {
        m->value[i + CLADE__SEASON_SINE]   = (float)sin(angle);
        m->value[i + CLADE__SEASON_COSINE] = (float)cos(angle);
    }
    status = read_buyers(&m->buyers, m, p->store, err);
    return status == CLADE_OK && m->buyers.n > 0 ? fill_columns(m, err) : status;
}

clade_status clade__value_worth(double *out, const clade__moment *m, int days, clade_error *err)
{
    const clade__buyers *const  b      = &m->buyers;
    const clade_value_customers people = people_of(b);
    double *const               worth  = CLADE_NEW(double, b->n + 1);
    if (worth == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the value of %zu customers", b->n);
    for (size_t i = 0; i < m->people.features.n_customers; i++)
        out[i] = (double)NAN;
    clade_status status = CLADE_OK;
    if (b->n > 0 && !m->has_spend)
        status = clade_fail(err, CLADE_ERR_NOT_READY,
                            "nobody came back and paid something: there is no value to tell");
    if (status == CLADE_OK && b->n > 0)
        status = clade_value_worth(worth, &m->buying, &m->spend, &people,
                                   (clade_value_horizon){ .t = days / unit_days }, err);
    for (size_t i = 0; i < b->n && status == CLADE_OK; i++)
        out[b->row[i]] = worth[i] / m->minor_per_major;
    free(worth);
    return status;
}
