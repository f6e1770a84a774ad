/* Tasks: what is asked, of whom, and in which words. */
#include "predict_internal.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const kind_name[CLADE_N_TASK_KIND] = {
    "churn", "purchase", "second", "spend", "value", "category",
    "brand", "discount", "refund", "label", "next",
};

clade_status clade__not_ready(clade_sentence *why, clade_error *err, const char *en, const char *zh,
                              ...)
{
    va_list args, again;
    va_start(args, zh);
    va_copy(again, args);
    (void)vsnprintf(why->en, sizeof why->en, en, args);
    (void)vsnprintf(why->zh, sizeof why->zh, zh, again);
    va_end(again);
    va_end(args);
    return clade_fail(err, CLADE_ERR_NOT_READY, "%s", why->en);
}

const char *clade_task_kind_name(clade_task_kind kind)
{
    assert(kind < CLADE_N_TASK_KIND);
    return kind_name[kind];
}

bool clade_task_is_amount(const clade_predict_task *task)
{
    return task->kind == CLADE_TASK_SPEND || task->kind == CLADE_TASK_VALUE;
}

bool clade_task_is_date(const clade_predict_task *task)
{
    return task->kind == CLADE_TASK_NEXT;
}

bool clade_prediction_date(char out[40], const clade_predict_task *task, int64_t as_of_us,
                           double days)
{
    const bool    there = days < task->horizon_days;
    const int64_t day   = there ? (int64_t)fmax(0, days) : task->horizon_days;
    const int64_t at_us = as_of_us + day * CLADE_US_PER_DAY;
    const int64_t into  = (at_us % CLADE_US_PER_DAY + CLADE_US_PER_DAY) % CLADE_US_PER_DAY;
    clade_time_format(out, at_us - into);
    return there;
}

void clade_prediction_date_words(char out[64], const clade_predict_task *task, int64_t as_of_us,
                                 double days, bool zh)
{
    char       date[40];
    const bool there = clade_prediction_date(date, task, as_of_us, days);
    (void)snprintf(out, 64, there ? "%.10s" : zh ? "%.10s 之后" : "after %.10s", date);
}

/* Letters and digits stay, whatever else becomes one dash; a name that had to be changed ends in a
 * hash, so that two do not meet. */
static void folder_name(char *out, size_t size, const char *text)
{
    size_t at      = 0;
    bool   changed = false;
    for (const char *c = text; *c != '\0'; c++) {
        if (isalnum((unsigned char)*c)) {
            if (at + 1 < size) out[at++] = (char)tolower((unsigned char)*c);
            changed |= at + 1 >= size || isupper((unsigned char)*c);
        } else {
            changed |= *c != ' ';
            if (at > 0 && out[at - 1] != '-' && at + 1 < size) out[at++] = '-';
        }
    }
    out[at] = '\0';
    if (!changed) return;
    const uint64_t hash = clade_hash64(text, strlen(text), 0);
    if (at > size - 8) at = size - 8;
    (void)snprintf(out + at, size - at, "-%05x", (unsigned)(hash & 0xfffff));
}

void clade_task_name(char out[96], const clade_predict_task *task)
{
    char of[48] = "";
    if (task->of[0] != '\0') folder_name(of, sizeof of, task->of);
    if (task->by_rhythm) {
        (void)snprintf(out, 96, "%s", kind_name[task->kind]);
    } else {
        (void)snprintf(out, 96, "%s-%dd%s%s", kind_name[task->kind], task->horizon_days,
                       of[0] == '\0' ? "" : "-", of);
    }
}

void clade_task_words(char out[256], const clade_predict_task *task, bool zh)
{
    static const char *const words[CLADE_N_TASK_KIND][2] = {
        { "does not buy in the next %d days", "未来 %d 天内不购买" },
        { "buys in the next %d days", "未来 %d 天内购买" },
        { "makes a second order in the next %d days", "未来 %d 天内第二次下单" },
        { "money spent in the next %d days", "未来 %d 天的消费额" },
        { "value: money spent in the next %d days", "价值：未来 %d 天的消费额" },
        { "buys from %s in the next %d days", "购买 %s 类商品（未来 %d 天内）" },
        { "buys %s in the next %d days", "购买 %s 品牌（未来 %d 天内）" },
        { "buys at a discount in the next %d days", "未来 %d 天内以折扣购买" },
        { "gives something back in the next %d days", "未来 %d 天内退货" },
        { "%s in the next %d days", "%s（未来 %d 天内）" },
        { "buys next: the date, within %d days", "下次购买：日期（%d 天内）" },
    };
    if (task->by_rhythm && task->kind == CLADE_TASK_CHURN) {
        (void)snprintf(out, 256, "%s",
                       zh ? "按自身购买节奏不再购买（三个常规间隔内）"
                          : "does not buy within three of its own usual gaps");
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (task->of[0] != '\0') {
        (void)snprintf(out, 256, words[task->kind][zh], task->of, task->horizon_days);
    } else {
        (void)snprintf(out, 256, words[task->kind][zh], task->horizon_days);
    }
#pragma GCC diagnostic pop
}

/* ---------------------------------------------------------------- whom a task asks about */

bool clade__task_asks(const clade_predict_task *task, const clade__moment *moment, size_t customer)
{
    const clade__habit habit = clade__habit_of(&moment->people.features, customer, &moment->rhythm);
    if (task->kind == CLADE_TASK_CHURN) /* who is gone already cannot go */
        return habit.orders > 0 && habit.lateness < CLADE__VERY_LATE;
    if (task->kind == CLADE_TASK_SECOND) return habit.orders == 1;
    if (task->kind == CLADE_TASK_LABEL) return true;
    return task->kind == CLADE_TASK_PURCHASE || habit.orders > 0;
}

/* Three usual gaps from now, as 95 of 100 returns of an exponential rhythm come within them; at
 * least two weeks, at most the horizon. */
int64_t clade__task_window(const clade_predict_task *task, const clade__moment *moment,
                           size_t customer)
{
    double days = task->horizon_days;
    if (task->by_rhythm && task->kind == CLADE_TASK_CHURN) {
        const clade_features *const f     = &moment->people.features;
        const clade__habit          habit = clade__habit_of(f, customer, &moment->rhythm);
        const double recency = (double)f->value[customer * f->n_features + moment->rhythm.recency];
        const double usual =
            habit.lateness > 0 ? recency / habit.lateness : moment->rhythm.usual_gap_days;
        days = fmax(14, fmin(days, CLADE__VERY_LATE * usual));
    }
    return (int64_t)(days * (double)CLADE_US_PER_DAY);
}

/* ---------------------------------------------------------------- which tasks by default */

/* First levels of categories, or brands, by falling number of buyers in the 90 days before; those
 * that one buyer in fifty bought, for what is rarer cannot be judged. */
static clade_status add_top(clade_predict_task *out, size_t *n, clade_store *store,
                            clade_task_kind kind, int64_t until_us, clade_error *err)
{
#define TOP(word)                                                                                \
    "SELECT of, count(DISTINCT e.customer) AS buyers FROM " CLADE__KEPT CLADE__ITEM_WORD(word)   \
        CLADE__KEPT_WHERE " AND of <> '' GROUP BY of HAVING buyers >= 100 AND buyers >= 0.02 *"  \
                          " (SELECT count(DISTINCT customer) FROM event WHERE kind = 'purchase'" \
                          " AND at_us < ?2) ORDER BY buyers DESC, of LIMIT ?3"
    const char *const sql = kind == CLADE_TASK_CATEGORY ? TOP(CLADE__FIRST_LEVEL) : TOP("brand");
    const clade_value args[3] = { CLADE_INT(until_us - 90 * CLADE_US_PER_DAY), CLADE_INT(until_us),
                                  CLADE_INT(CLADE_TASK_TOP) };
    clade_rows       *rows    = NULL;
    clade_chunk       chunk   = { 0 };
    clade_status      status  = clade_store_query(&rows, store, sql, args, 3, err);
    while (status == CLADE_OK && (status = clade_rows_next(&chunk, rows, err)) == CLADE_OK &&
           chunk.n_rows > 0) {
        for (size_t i = 0; i < chunk.n_rows && *n < CLADE_TASKS_MAX; i++) {
            const clade_text    of   = clade_chunk_text(&chunk, 0, i);
            clade_predict_task *task = &out[(*n)++];
            *task                    = (clade_predict_task){ .kind = kind, .horizon_days = 90 };
            const size_t most        = sizeof task->of - 1;
            memcpy(task->of, of.data, clade_utf8_valid(of.data, of.size < most ? of.size : most));
        }
    }
    clade_rows_close(rows);
    return status;
}

clade_status clade_tasks_default(clade_predict_task *out, size_t *out_n, clade_store *store,
                                 int64_t as_of_us, clade_error *err)
{
    const clade_predict_task first[] = {
        { .kind = CLADE_TASK_CHURN, .horizon_days = 180, .by_rhythm = true },
        { .kind = CLADE_TASK_PURCHASE, .horizon_days = 7 },
        { .kind = CLADE_TASK_PURCHASE, .horizon_days = 30 },
        { .kind = CLADE_TASK_PURCHASE, .horizon_days = 90 },
        { .kind = CLADE_TASK_NEXT, .horizon_days = 180, .by_rhythm = true },
        { .kind = CLADE_TASK_SECOND, .horizon_days = 90 },
        { .kind = CLADE_TASK_SPEND, .horizon_days = 90 },
        { .kind = CLADE_TASK_VALUE, .horizon_days = 365 },
        { .kind = CLADE_TASK_DISCOUNT, .horizon_days = 90 },
        { .kind = CLADE_TASK_REFUND, .horizon_days = 90 },
    };
    /* What is popular is looked up before any window that is judged. */
    const int64_t until = as_of_us - 90 * CLADE_US_PER_DAY;
    *out_n              = sizeof first / sizeof first[0];
    memcpy(out, first, sizeof first);
    CLADE_TRY(add_top(out, out_n, store, CLADE_TASK_CATEGORY, until, err));
    return add_top(out, out_n, store, CLADE_TASK_BRAND, until, err);
}
