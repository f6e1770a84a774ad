/* A workspace of a test's own, filled by SQL: one at a time. */
#ifndef STORE_SHOP_H
#define STORE_SHOP_H

#include "check.h"
#include "clade/run.h"
#include "clade/store.h"

#include <stdlib.h>
#include <string.h>

#define DAY CLADE_US_PER_DAY

static char         folder[256];
static clade_error  err;
static clade_store *store;

static inline void run(const char *sql)
{
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

/* Events need a currency where money is told. */
static inline int setup(void **state)
{
    (void)state;
    char                      path[300];
    const clade_store_options making = { .create       = true,
                                         .n_threads    = 1,
                                         .memory_bytes = 512 << 20 };
    check_folder_make(folder, "engine");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
    check_ok(clade_store_setting_set(store, "currency", "EUR", &err));
    clade_log_set(CLADE_LOG_WARN);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    clade_threads_set(0);
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
    return 0;
}

/* Customers whose days between purchases differ by a factor of twenty, each with a taste and a
 * usual amount; a third of them stops for good at some day. */
static inline void make_shop(int n_customers, int n_days)
{
    char sql[1600];
    run("INSERT INTO item SELECT i, 'r' || i, NULL, 'c' || i % 5, 'b' || i % 3, 100 * (1 + i),"
        " NULL, NULL, 0, 1 FROM range(20) t(i)");
    snprintf(
        sql, sizeof sql,
        "INSERT INTO event (event, customer, at_us, kind, item, quantity, value_minor,"
        " row_key, load) SELECT row_number() OVER (ORDER BY day, customer), customer, day *"
        " 86400000000 + 3600000000, CASE WHEN hash(customer * 977 + day) %% 3 = 0 THEN 'view'"
        " ELSE 'purchase' END::event_kind, CASE WHEN hash(customer * 31 + day * 7) %% 4 < 3"
        " THEN customer %% 5 + 5 * (hash(day) %% 4) ELSE hash(customer + day * 13) %% 20 END, 1,"
        " 500 + 100 * (customer %% 17), 1, 1 FROM range(%d) c(customer), range(%d) d(day) WHERE"
        " hash(customer * 1009 + day * 3) %% (4 + customer %% 80) = 0 AND (customer %% 3 > 0 OR"
        " day < hash(customer) %% %d)",
        n_customers, n_days, 2 * n_days);
    run(sql);
}

#endif
