/* How many rows a second does the store take and give?
 *
 *     append    the 21 columns of `event` as a sparse log fills them (seven with values, the others
 *               NULL), committed: the path of every load
 *     orders    the same as order lines fill them: item, quantity, money, currency, order number
 * too scan      three columns of a million events read in chunks, summed intern    outside ids to
 * customer numbers: seen lately, and known for long
 */
#include "bench.h"
#include "clade/run.h"
#include "clade/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_ROWS = 2000000, N_IDS = 500000 };

static clade_store *store;
static char         folder[64] = "/tmp/clade-bench-store-XXXXXX";

/* Any number, the same for the same row. */
static uint64_t mix(uint64_t row)
{
    row *= UINT64_C(0x9E3779B97F4A7C15);
    row ^= row >> 29;
    return row * UINT64_C(0xBF58476D1CE4E5B9);
}

static void fill(clade_appender *appender, int64_t first, size_t n, bool orders)
{
    int64_t  *event    = clade_appender_column(appender, 0);
    int64_t  *customer = clade_appender_column(appender, 1);
    int64_t  *at_us    = clade_appender_column(appender, 2);
    uint8_t  *kind     = clade_appender_column(appender, 3);
    int64_t  *item     = clade_appender_column(appender, 4);
    double   *quantity = clade_appender_column(appender, 5);
    int64_t  *price    = clade_appender_column(appender, 6);
    int64_t  *amount   = clade_appender_column(appender, 7);
    int64_t  *value    = clade_appender_column(appender, 8);
    uint64_t *key      = clade_appender_column(appender, 19);
    int64_t  *load     = clade_appender_column(appender, 20);

    for (size_t column = orders ? 9 : 5; column < 19; column++)
        if (!orders || (column != 10 && column != 11)) clade_appender_null_all(appender, column);
    for (size_t i = 0; i < n; i++) {
        const uint64_t chance = mix((uint64_t)first + i);
        event[i]              = first + (int64_t)i;
        customer[i]           = (int64_t)(chance >> 44);
        at_us[i]              = INT64_C(1600000000000000) + event[i] * 1000003;
        kind[i]               = orders ? 6 : (uint8_t)(chance % 4);
        item[i]               = (int64_t)(chance % 50000);
        key[i]                = chance;
        load[i]               = 1;
        if (!orders) continue;
        char name[32];
        quantity[i] = (double)(1 + chance % 5);
        price[i]    = (int64_t)(99 + chance % 20000);
        amount[i]   = price[i] * (int64_t)(1 + chance % 5);
        value[i]    = amount[i];
        clade_appender_text(appender, 10, i, CLADE_TEXT("EUR"));
        const int size = snprintf(name, sizeof name, "%lld", (long long)(5000000 + event[i] / 8));
        clade_appender_text(appender, 11, i, (clade_text){ name, (size_t)size });
    }
}

static void append_rows(bool orders)
{
    clade_appender *appender = NULL;
    clade_error     err      = { 0 };
    bench_ok(clade_store_run(store, "CREATE OR REPLACE TABLE bench AS SELECT * FROM event LIMIT 0",
                             NULL, 0, &err));
    bench_ok(clade_store_begin(store, &err));
    bench_ok(clade_appender_open(&appender, store, "bench", &err));
    for (int64_t first = 0; first < N_ROWS; first += CLADE_APPENDER_ROWS) {
        const int64_t left = N_ROWS - first;
        const size_t  n    = left < CLADE_APPENDER_ROWS ? (size_t)left : CLADE_APPENDER_ROWS;
        fill(appender, first, n, orders);
        bench_ok(clade_appender_flush(appender, n, &err));
    }
    bench_ok(clade_appender_finish(appender, &err));
    clade_appender_close(appender);
    bench_ok(clade_store_commit(store, &err));
}

static void append_sparse(void *none)
{
    (void)none;
    append_rows(false);
}

static void append_orders(void *none)
{
    (void)none;
    append_rows(true);
}

static void scan(void *none)
{
    clade_rows *rows = NULL;
    clade_chunk chunk;
    int64_t     sum = 0;
    (void)none;
    bench_ok(
        clade_store_query(&rows, store, "SELECT customer, at_us, item FROM bench", NULL, 0, NULL));
    for (;;) {
        bench_ok(clade_rows_next(&chunk, rows, NULL));
        if (chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        const int64_t *at_us    = clade_chunk_data(&chunk, 1);
        const int64_t *item     = clade_chunk_data(&chunk, 2);
        for (size_t i = 0; i < chunk.n_rows; i++)
            sum += customer[i] ^ at_us[i] ^ item[i];
    }
    clade_rows_close(rows);
    bench_keep(&sum);
}

static void intern_ids(int64_t n_distinct)
{
    int64_t customer = 0;
    char    id[40];
    for (int64_t i = 0; i < N_IDS; i++) {
        const int size = snprintf(id, sizeof id, "%lld@example.com",
                                  (long long)(mix((uint64_t)i) % (uint64_t)n_distinct));
        bench_ok(clade_identity_intern(&customer, store, (clade_text){ id, (size_t)size }, NULL));
    }
    bench_keep(&customer);
}

static void intern_few(void *none)
{
    (void)none;
    intern_ids(1000);
}

static void intern_many(void *none)
{
    (void)none;
    intern_ids(N_IDS);
}

static void data_hash(void *none)
{
    uint64_t hash = 0;
    (void)none;
    bench_ok(clade_store_run(store, "UPDATE setting SET value = value", NULL, 0, NULL));
    bench_ok(clade_store_data_hash(&hash, store, NULL));
    bench_keep(&hash);
}

int main(int argc, char **argv)
{
    const clade_store_options options = { .create = true, .memory_bytes = INT64_C(2) << 30 };
    char                      path[128], command[160];
    const struct bench_case   cases[] = {
          { "store/append/sparse", append_sparse, NULL, N_ROWS, "rows" },
          { "store/append/orders", append_orders, NULL, N_ROWS, "rows" },
          { "store/scan/3_columns", scan, NULL, N_ROWS, "rows" },
          { "store/data_hash", data_hash, NULL, N_ROWS, "rows" },
          { "store/intern/1000", intern_few, NULL, N_IDS, "ids" },
          { "store/intern/500000", intern_many, NULL, N_IDS, "ids" },
    };
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(path, sizeof path, "%s/my.clade", folder);
    bench_ok(clade_store_open(&store, path, &options, NULL));
    const int code = bench_main(argc, argv, cases, sizeof cases / sizeof cases[0]);
    clade_store_close(store);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? code : 1;
}
