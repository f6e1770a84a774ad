/* What customer vectors are asked: the tasks of a shop, chosen from what was before a moment, and
 * their labels, read from what came after it and from nowhere else. */
#include "clade/vectors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const int window_days[CLADE_VECTOR_WINDOWS] = { 14, 28 };

const char *clade_vector_task_kind_name(clade_vector_task_kind kind)
{
    static const char *const name[CLADE_N_VECTOR_TASK_KIND] = { "churn", "category", "item" };
    assert(kind < CLADE_N_VECTOR_TASK_KIND);
    return name[kind];
}

void clade_vector_tasks_free(clade_vector_tasks *tasks)
{
    if (tasks == NULL) return;
    free(tasks->task);
    free(tasks);
}

/* ---------------------------------------------------------------- SQL */

/* Purchases (or events, where a log has none) of [?1, ?2) as (customer, at_us, item); the item of
 * what is no product is NULL. Flags count that were known by the end. */
static void append_sales(clade_buffer *sql, bool by_any)
{
    clade_buffer_format(
        sql,
        "(SELECT customer, at_us, CASE WHEN event IN (SELECT event FROM flag WHERE name ="
        " 'not_product' AND event IS NOT NULL AND since_us < ?2) THEN NULL ELSE item END AS item"
        " FROM event WHERE at_us >= ?1 AND at_us < ?2 AND customer IS NOT NULL%s AND event NOT IN"
        " (SELECT event FROM flag WHERE name = 'test_order' AND event IS NOT NULL AND since_us <"
        " ?2)) AS s",
        by_any ? "" : " AND kind = 'purchase'");
}

/* The latest category of each item that was known before the moment ?n, as (item, category). */
static void append_categories(clade_buffer *sql, int argument)
{
    clade_buffer_format(
        sql,
        "(SELECT item, trim(category) AS category FROM (SELECT item, category, row_number() OVER"
        " (PARTITION BY item ORDER BY known_us DESC, load DESC, category) AS nth FROM item WHERE"
        " known_us < ?%d AND trim(category) <> '') AS i WHERE nth = 1) AS c",
        argument);
}

static void append_refs(clade_buffer *sql, int argument)
{
    clade_buffer_format(
        sql,
        "(SELECT item, ref FROM (SELECT item, ref, row_number() OVER (PARTITION BY item ORDER BY"
        " known_us DESC, load DESC, ref) AS nth FROM item WHERE known_us < ?%d) AS i WHERE nth = 1)"
        " AS r",
        argument);
}

/* ---------------------------------------------------------------- which tasks */

static void add_task(clade_vector_tasks *tasks, clade_vector_task_kind kind, int64_t item,
                     clade_text name)
{
    for (size_t w = 0; w < CLADE_VECTOR_WINDOWS; w++) {
        clade_vector_task *task = &tasks->task[tasks->n++];
        const size_t       most = sizeof task->name - 1;
        *task = (clade_vector_task){ .kind = kind, .window_days = window_days[w], .item = item };
        const size_t size = clade_utf8_valid(name.data, name.size < most ? name.size : most);
        if (size > 0) memcpy(task->name, name.data, size);
    }
}

/* Those with most buyers, of equals the one that sorts first. */
static clade_status add_top(clade_vector_tasks *tasks, clade_store *store, int64_t as_of_us,
                            clade_vector_task_kind kind, size_t top, clade_error *err)
{
    const clade_value args[3] = { CLADE_INT(CLADE_TIME_MIN_US), CLADE_INT(as_of_us),
                                  CLADE_INT((int64_t)top) };
    clade_status      status  = CLADE_OK;
    clade_buffer      sql     = { 0 };
    clade_rows       *rows    = NULL;
    clade_chunk       chunk   = { 0 };

    if (kind == CLADE_VECTOR_CATEGORY) {
        clade_buffer_text(&sql, "SELECT category, 0::BIGINT FROM ");
        append_sales(&sql, tasks->by_any);
        clade_buffer_text(&sql, " JOIN ");
        append_categories(&sql, 2);
        clade_buffer_text(&sql, " ON c.item = s.item GROUP BY category ORDER BY count(DISTINCT"
                                " customer) DESC, category LIMIT ?3");
    } else {
        clade_buffer_text(&sql, "SELECT any_value(ref), s.item FROM ");
        append_sales(&sql, tasks->by_any);
        clade_buffer_text(&sql, " LEFT JOIN ");
        append_refs(&sql, 2);
        clade_buffer_text(&sql, " ON r.item = s.item WHERE s.item IS NOT NULL GROUP BY s.item ORDER"
                                " BY count(DISTINCT customer) DESC, s.item LIMIT ?3");
    }
    if (sql.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of tasks");
        goto done;
    }
    status = clade_store_query(&rows, store, sql.data, args, 3, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        for (size_t i = 0; i < chunk.n_rows; i++)
            add_task(tasks, kind, clade_chunk_int(&chunk, 1, i, -1),
                     clade_chunk_text(&chunk, 0, i));
    }
done:
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}

clade_status clade_vector_tasks_choose(clade_vector_tasks **out_tasks, clade_store *store,
                                       int64_t as_of_us, size_t top, clade_error *err)
{
    const clade_value   args[1] = { CLADE_INT(as_of_us) };
    clade_status        status  = CLADE_OK;
    int64_t             n_sales = 0;
    clade_vector_tasks *tasks   = CLADE_NEW(clade_vector_tasks, 1);

    if (top == 0) top = CLADE_VECTOR_TOP;
    if (top > CLADE_VECTOR_TOP_MAX) {
        status = clade_fail(err, CLADE_ERR_ARG, "top %zu categories and items, wanted at most %d",
                            top, CLADE_VECTOR_TOP_MAX);
        goto done;
    }
    if (tasks != NULL)
        tasks->task = CLADE_NEW(clade_vector_task, (1 + 2 * top) * CLADE_VECTOR_WINDOWS);
    if (tasks == NULL || tasks->task == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for tasks");
        goto done;
    }
    status = clade_store_int(&n_sales, store,
                             "SELECT count(*) FROM event WHERE kind = 'purchase' AND at_us < ?",
                             args, 1, 0, err);
    if (status != CLADE_OK) goto done;
    tasks->by_any = n_sales == 0;
    add_task(tasks, CLADE_VECTOR_CHURN, -1, (clade_text){ NULL, 0 });
    status = add_top(tasks, store, as_of_us, CLADE_VECTOR_CATEGORY, top, err);
    if (status != CLADE_OK) goto done;
    status = add_top(tasks, store, as_of_us, CLADE_VECTOR_ITEM, top, err);
    if (status != CLADE_OK) goto done;

    *out_tasks = tasks;
    tasks      = NULL;
done:
    clade_vector_tasks_free(tasks);
    return status;
}

/* ---------------------------------------------------------------- labels */

typedef struct labelling {
    uint8_t                  *label; /* (tasks->n, n_customers) */
    const clade_vector_tasks *tasks;
    const int64_t            *customer;
    size_t                    n_customers;
    size_t                    at; /* customer that the stream has come to */
    int64_t                   as_of_us;
} labelling;

/* Move on to a customer of the stream; false when nobody asked for him. */
static bool move_to(labelling *l, int64_t customer)
{
    while (l->at < l->n_customers && l->customer[l->at] < customer)
        l->at++;
    return l->at < l->n_customers && l->customer[l->at] == customer;
}

/* Something that the current customer bought, this long after as_of. */
static void mark(labelling *l, int64_t after_us, bool has_item, int64_t item, clade_text category)
{
    for (size_t t = 0; t < l->tasks->n; t++) {
        const clade_vector_task *task  = &l->tasks->task[t];
        uint8_t *const           label = &l->label[t * l->n_customers + l->at];
        if (after_us >= task->window_days * CLADE_US_PER_DAY) continue;
        if (task->kind == CLADE_VECTOR_CHURN) {
            if (*label != CLADE_NO_LABEL) *label = 0;
        } else if (task->kind == CLADE_VECTOR_ITEM) {
            if (has_item && item == task->item) *label = 1;
        } else {
            const size_t size = strlen(task->name); /* a longer path was cut */
            const bool   cut  = size + 4 >= sizeof task->name && category.size > size;
            if (size > 0 && (category.size == size || cut) &&
                memcmp(category.data, task->name, size) == 0)
                *label = 1;
        }
    }
}

/* Run a query that gives customers in rising order, and hand over each row. */
static clade_status stream(labelling *l, clade_store *store, const clade_buffer *sql,
                           const clade_value *args, size_t n_args,
                           void (*take)(labelling *, const clade_chunk *, size_t), clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };

    l->at = 0;
    if (sql->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of labels");
    status = clade_store_query(&rows, store, sql->data, args, n_args, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows; i++) {
            if (move_to(l, customer[i])) take(l, &chunk, i);
        }
    }
done:
    clade_rows_close(rows);
    return status;
}

static void take_active(labelling *l, const clade_chunk *chunk, size_t row)
{
    (void)chunk;
    (void)row;
    for (size_t t = 0; t < l->tasks->n; t++) { /* gone, until something is seen */
        if (l->tasks->task[t].kind == CLADE_VECTOR_CHURN) l->label[t * l->n_customers + l->at] = 1;
    }
}

static void take_sale(labelling *l, const clade_chunk *chunk, size_t row)
{
    mark(l, clade_chunk_int(chunk, 1, row, 0) - l->as_of_us, clade_chunk_valid(chunk, 2, row),
         clade_chunk_int(chunk, 2, row, -1), clade_chunk_text(chunk, 3, row));
}

clade_status clade_vector_labels(uint8_t *out_label, const clade_vector_tasks *tasks,
                                 clade_store *store, const int64_t *customer, size_t n_customers,
                                 int64_t as_of_us, clade_error *err)
{
    const int64_t     longest   = window_days[CLADE_VECTOR_WINDOWS - 1] * CLADE_US_PER_DAY;
    const clade_value before[2] = {
        CLADE_INT(as_of_us - CLADE_VECTOR_ACTIVE_DAYS * CLADE_US_PER_DAY), CLADE_INT(as_of_us)
    };
    const clade_value after[3] = { CLADE_INT(as_of_us), CLADE_INT(as_of_us + longest),
                                   CLADE_INT(as_of_us) };
    clade_status      status   = CLADE_OK;
    clade_buffer      active = { 0 }, sales = { 0 };
    labelling         l = { .label       = CLADE_NEW(uint8_t, tasks->n * n_customers),
                            .tasks       = tasks,
                            .customer    = customer,
                            .n_customers = n_customers,
                            .as_of_us    = as_of_us };

    if (l.label == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu labels of %zu customers",
                            tasks->n, n_customers);
        goto done;
    }
    for (size_t t = 0; t < tasks->n; t++)
        memset(l.label + t * n_customers,
               tasks->task[t].kind == CLADE_VECTOR_CHURN ? CLADE_NO_LABEL : 0, n_customers);

    clade_buffer_text(&active, "SELECT DISTINCT customer FROM ");
    append_sales(&active, tasks->by_any);
    clade_buffer_text(&active, " ORDER BY customer");
    status = stream(&l, store, &active, before, 2, take_active, err);
    if (status != CLADE_OK) goto done;

    clade_buffer_text(&sales, "SELECT customer, min(at_us), s.item, any_value(category) FROM ");
    append_sales(&sales, tasks->by_any);
    clade_buffer_text(&sales, " LEFT JOIN ");
    append_categories(&sales, 3);
    clade_buffer_text(&sales, " ON c.item = s.item GROUP BY customer, s.item ORDER BY customer");
    status = stream(&l, store, &sales, after, 3, take_sale, err);
    if (status != CLADE_OK) goto done;
    if (n_customers > 0) memcpy(out_label, l.label, tasks->n * n_customers);
done:
    free(l.label);
    clade_buffer_free(&active);
    clade_buffer_free(&sales);
    return status;
}
