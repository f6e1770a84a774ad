/* Labels: what customers did in a window, read from there and from nowhere else. One query a task
 * gives (customer, number) for those who have something to count; all others have 0. */
#include "predict_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BY_CUSTOMER " GROUP BY e.customer ORDER BY e.customer"

static const char *const label_sql[CLADE_N_TASK_KIND] = {
    [CLADE_TASK_CHURN] =
        "SELECT e.customer, (min(e.at_us) - ?1)::DOUBLE FROM " CLADE__KEPT CLADE__KEPT_WHERE
            BY_CUSTOMER,
    [CLADE_TASK_NEXT] =
        "SELECT e.customer, (min(e.at_us) - ?1)::DOUBLE FROM " CLADE__KEPT CLADE__KEPT_WHERE
            BY_CUSTOMER,
    [CLADE_TASK_PURCHASE] =
        "SELECT e.customer, 1::DOUBLE FROM " CLADE__KEPT CLADE__KEPT_WHERE BY_CUSTOMER,
    [CLADE_TASK_SECOND] =
        "SELECT e.customer, 1::DOUBLE FROM " CLADE__KEPT CLADE__KEPT_WHERE   BY_CUSTOMER,
    [CLADE_TASK_CATEGORY] = "SELECT e.customer, 1::DOUBLE FROM " CLADE__KEPT CLADE__ITEM_WORD(
        CLADE__FIRST_LEVEL) CLADE__KEPT_WHERE " AND i.of = ?3" BY_CUSTOMER,
    [CLADE_TASK_BRAND] = "SELECT e.customer, 1::DOUBLE FROM " CLADE__KEPT CLADE__ITEM_WORD("brand")
        CLADE__KEPT_WHERE " AND i.of = ?3" BY_CUSTOMER,
    [CLADE_TASK_DISCOUNT] = "SELECT e.customer, 1::DOUBLE FROM " CLADE__KEPT CLADE__KEPT_WHERE
                            " AND (e.discount_minor > 0 OR trim(e.coupon) <> '')" BY_CUSTOMER,
    [CLADE_TASK_REFUND] = "SELECT e.customer, 1::DOUBLE FROM event e WHERE e.kind = 'refund' AND"
                          " e.at_us >= ?1 AND e.at_us < ?2 AND e.customer IS NOT NULL" BY_CUSTOMER,
    [CLADE_TASK_LABEL]  = "SELECT e.customer, max(e.value)::DOUBLE FROM label e WHERE e.at_us >= ?1"
                          " AND e.at_us < ?2 AND e.customer IS NOT NULL AND e.name = ?3" BY_CUSTOMER,
};

static clade_status spend_labels(double *out, clade_store *store, const int64_t *customer, size_t n,
                                 int64_t from_us, int64_t to_us, clade_error *err)
{
    clade_outcome outcome = { 0 };
    CLADE_TRY(clade_outcome_compute(&outcome, store, customer, n, from_us, to_us, err));
    for (size_t i = 0; i < n; i++)
        out[i] = (double)outcome.spend_minor[i] / outcome.minor_per_major;
    clade_outcome_free(&outcome);
    return CLADE_OK;
}

/* The user's own: an aggregate over a customer's events of the window. */
static clade_status expression_query(clade_rows **out, clade_store *store,
                                     const clade_predict_task *task, const clade_value *args,
                                     clade_error *err)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql,
                   "SELECT e.customer, coalesce((%s)::DOUBLE, 0) FROM event e WHERE e.at_us >= ?1"
                   " AND e.at_us < ?2 AND e.customer IS NOT NULL" BY_CUSTOMER,
                   task->expression);
    clade_error        inner  = { 0 };
    const clade_status status = clade_store_query(out, store, sql, args, 2, &inner);
    if (status == CLADE_OK || status == CLADE_ERR_INTERRUPTED || status == CLADE_ERR_NOMEM) {
        if (status != CLADE_OK && err != NULL) *err = inner;
        return status;
    }
    (void)clade_fail(err, CLADE_ERR_DATA, "label '%s': the store cannot read '%s': %s", task->of,
                     task->expression, inner.message);
    clade_hint(err,
               "an aggregate over a customer's events, as: count(*) FILTER (kind = 'review') > 0");
    return CLADE_ERR_DATA;
}

clade_status clade__task_labels(double *out, clade_store *store, const clade_predict_task *task,
                                const int64_t *customer, size_t n, int64_t at_us, clade_error *err)
{
    const int64_t     to_us   = at_us + task->horizon_days * CLADE_US_PER_DAY;
    const clade_value args[3] = { CLADE_INT(at_us), CLADE_INT(to_us), CLADE_STR(task->of) };
    const bool        named = task->kind == CLADE_TASK_CATEGORY || task->kind == CLADE_TASK_BRAND ||
                       task->kind == CLADE_TASK_LABEL;
    const bool  churn = task->kind == CLADE_TASK_CHURN || task->kind == CLADE_TASK_NEXT;
    clade_rows *rows  = NULL;
    clade_chunk chunk = { 0 };
    size_t      at    = 0;
    if (task->kind == CLADE_TASK_SPEND)
        return spend_labels(out, store, customer, n, at_us, to_us, err);
    for (size_t i = 0; i < n; i++)
        out[i] = churn ? (double)INFINITY : 0;
    clade_status status =
        task->expression[0] != '\0'
            ? expression_query(&rows, store, task, args, err)
            : clade_store_query(&rows, store, label_sql[task->kind], args, named ? 3 : 2, err);
    while (status == CLADE_OK && (status = clade_rows_next(&chunk, rows, err)) == CLADE_OK &&
           chunk.n_rows > 0) {
        const int64_t *found = clade_chunk_data(&chunk, 0);
        const double  *value = clade_chunk_data(&chunk, 1);
        for (size_t row = 0; row < chunk.n_rows; row++) {
            while (at < n && customer[at] < found[row])
                at++;
            if (at < n && customer[at] == found[row])
                out[at] = churn ? value[row] / (double)CLADE_US_PER_DAY : value[row];
        }
    }
    clade_rows_close(rows);
    if (status != CLADE_OK || task->kind != CLADE_TASK_LABEL) return status;
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] > 0;
    return CLADE_OK;
}
