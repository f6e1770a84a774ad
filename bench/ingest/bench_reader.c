/* How many megabytes of CSV does one core cut into rows, and how many values does it read in a
 * second?
 *
 *     rows     fields cut and counted, over six kinds of file of 100 MB
 *     typed    the same event log with its moment, its price and its ids read
 *     value    one form of value, a million times
 *     duckdb   read_csv of the same event log by DuckDB on one thread, for comparison: `count(*)`
 * over text columns, and sums over typed ones
 */
#include "bench.h"
#include "clade/mapping.h"
#include "clade/run.h"
#include "clade/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_BYTES = 100000000, N_VALUES = 1000000 };

static char         folder[64] = "/tmp/clade-bench-reader-XXXXXX";
static clade_store *store;

typedef struct text_file {
    const char *name, *header;
    void (*row)(clade_buffer *out, unsigned i);
    char path[128];
} text_file;

static void event_row(clade_buffer *out, unsigned i)
{
    static const char *const kind[] = { "view", "view", "click", "cart", "purchase" };
    clade_buffer_format(out, "%u,%u,%u,%s,%u.%02u,2024-%02u-%02u %02u:%02u:%02u\n", i,
                        i * 2654435761u >> 14, i * 40503u >> 20, kind[i % 5], i % 300, i % 100,
                        1 + i % 12, 1 + i % 28, i % 24, i % 60, i / 7 % 60);
}

static void quoted_row(clade_buffer *out, unsigned i)
{
    clade_buffer_format(out, "\"%u\",\"Cup, %u\",\"a \"\"big\"\" one\",\"%u.50\"\n", i, i % 977,
                        i % 60);
}

static void chinese_row(clade_buffer *out, unsigned i)
{
    clade_buffer_format(out, "%u,红色茶杯和蓝色的盘子，很满意，下次还会再来,%u\n", i, i % 5);
}

static void wide_row(clade_buffer *out, unsigned i)
{
    for (unsigned k = 0; k < 40; k++) {
        clade_buffer_format(out, "%s%u", k == 0 ? "" : ",", (i + k) % 10);
    }
    clade_buffer_text(out, "\n");
}

static void long_row(clade_buffer *out, unsigned i)
{
    clade_buffer_format(out, "%u,", i);
    for (unsigned k = 0; k < 20; k++) {
        clade_buffer_text(out, "not much to write about here but it does what it should ");
    }
    clade_buffer_format(out, ",%u\n", i % 5);
}

static void json_row(clade_buffer *out, unsigned i)
{
    clade_buffer_format(
        out,
        "{\"event\":\"Product Viewed\",\"userId\":\"u%u\",\"timestamp\":"
        "\"2024-01-02T10:%02u:%02uZ\",\"properties\":{\"product_id\":%u,\"price\":%u.5}}"
        "\n",
        i % 200000, i % 60, i / 60 % 60, i % 5000, i % 300);
}

static text_file files[] = {
    { "rows/events", "id,user_id,item_id,event_type,price,event_time\n", event_row, "" },
    { "rows/quoted", "id,name,text,price\n", quoted_row, "" },
    { "rows/chinese", "id,review,rating\n", chinese_row, "" },
    { "rows/40 short columns",
      "a1,a2,a3,a4,a5,a6,a7,a8,a9,a10,a11,a12,a13,a14,a15,a16,a17,a18,a19,a20,"
      "a21,a22,a23,a24,a25,a26,a27,a28,a29,a30,a31,a32,a33,a34,a35,a36,a37,a38,"
      "a39,a40\n",
      wide_row, "" },
    { "rows/long texts", "id,review,rating\n", long_row, "" },
    { "rows/json lines", "", json_row, "" },
};
enum { N_FILES = sizeof files / sizeof files[0] };

static void make_file(text_file *file, unsigned index)
{
    clade_buffer text = { 0 };
    snprintf(file->path, sizeof file->path, "%s/%u.csv", folder, index);
    clade_buffer_text(&text, file->header);
    for (unsigned i = 0; text.size < FILE_BYTES; i++)
        file->row(&text, i);
    FILE *out = fopen(file->path, "wb");
    if (text.failed || out == NULL || fwrite(text.data, 1, text.size, out) != text.size ||
        fclose(out) != 0) {
        fprintf(stderr, "cannot write %s\n", file->path);
        exit(1);
    }
    clade_buffer_free(&text);
}

static void read_rows(void *context)
{
    const text_file *file   = context;
    clade_reader    *reader = NULL;
    clade_row        row;
    bool             more     = true;
    size_t           n_fields = 0;
    bench_ok(clade_reader_open(&reader, file->path, NULL, NULL));
    for (;;) {
        bench_ok(clade_reader_next(&row, &more, reader, NULL));
        if (!more) break;
        n_fields += row.n_fields;
    }
    bench_keep(&n_fields);
    clade_reader_close(reader);
}

static void read_typed(void *context)
{
    const text_file       *file   = context;
    clade_reader          *reader = NULL;
    clade_row              row;
    bool                   more   = true;
    int64_t                sum    = 0;
    const clade_column_map column = { 0 };
    bench_ok(clade_reader_open(&reader, file->path, NULL, NULL));
    for (;;) {
        int64_t us = 0, minor = 0;
        double  user = 0, item = 0;
        char    currency[4];
        bench_ok(clade_reader_next(&row, &more, reader, NULL));
        if (!more) break;
        (void)clade_value_number(&user, row.fields[1], &column);
        (void)clade_value_number(&item, row.fields[2], &column);
        (void)clade_value_money(&minor, currency, row.fields[4], &column, "USD");
        (void)clade_value_time(&us, row.fields[5], &column, NULL);
        sum += us + minor + (int64_t)user + (int64_t)item;
    }
    bench_keep(&sum);
    clade_reader_close(reader);
}

static void by_duckdb(void *context)
{
    int64_t answer;
    bench_ok(clade_store_int(&answer, store, context, NULL, 0, 0, NULL));
    bench_keep(&answer);
}

typedef struct value {
    char text[4][64]; /* four spellings by turns, so that none is learnt by heart */
    const clade_column_map column;
} value;

static value times[] = {
    { { "2010-12-01 08:26:00", "2011-01-31 23:59:59", "2012-02-29 00:00:00",
        "2009-07-15 12:30:01" },
      { 0 } },
    { { "1/12/2010 8:26", "31/1/2011 23:59", "29/2/2012 0:00", "15/7/2009 12:30" },
      { .date_order = CLADE_DATE_DMY } },
    { { "1323388800", "1442004589", "881250949", "1700000000" }, { .time_unit = 1 } },
};
static value amounts[] = {
    { { "2.55", "1234.50", "0.99", "-17.25" }, { 0 } },
    { { "€ 1.234,56", "12,50 €", "-0,99 €", "€ 100,00" }, { .decimal_comma = true } },
};

static void read_times(void *context)
{
    const value *v   = context;
    int64_t      sum = 0;
    for (size_t i = 0; i < N_VALUES; i++) {
        int64_t us = 0;
        (void)clade_value_time(&us, clade_text_of(v->text[i % 4]), &v->column, NULL);
        sum += us;
    }
    bench_keep(&sum);
}

static void read_amounts(void *context)
{
    const value *v   = context;
    int64_t      sum = 0;
    for (size_t i = 0; i < N_VALUES; i++) {
        int64_t minor = 0;
        char    currency[4];
        (void)clade_value_money(&minor, currency, clade_text_of(v->text[i % 4]), &v->column, "USD");
        sum += minor;
    }
    bench_keep(&sum);
}

int main(int argc, char **argv)
{
    char                      count_text[256], sum_typed[512];
    char                      shop[96], command[128];
    const clade_store_options options = { .create = true, .n_threads = 1 };
    if (mkdtemp(folder) == NULL) return 1;
    for (unsigned i = 0; i < N_FILES; i++)
        make_file(&files[i], i);
    snprintf(shop, sizeof shop, "%s/shop.clade", folder);
    bench_ok(clade_store_open(&store, shop, &options, NULL));

    snprintf(count_text, sizeof count_text,
             "SELECT count(*) FROM read_csv('%s', all_varchar = true) WHERE event_type != ''",
             files[0].path);
    snprintf(
        sum_typed, sizeof sum_typed,
        "SELECT CAST(sum(user_id) + sum(item_id) + sum(price) + sum(epoch_us(event_time) // 1000) "
        "AS BIGINT) FROM read_csv('%s')",
        files[0].path);

    struct bench_case cases[N_FILES + 8];
    size_t            n  = 0;
    const double      mb = FILE_BYTES / 1e6;
    for (unsigned i = 0; i < N_FILES; i++) {
        cases[n++] = (struct bench_case){ files[i].name, read_rows, &files[i], mb, "MB" };
    }
    cases[n++] = (struct bench_case){ "typed/events", read_typed, &files[0], mb, "MB" };
    cases[n++] = (struct bench_case){ "duckdb/count of text", by_duckdb, count_text, mb, "MB" };
    cases[n++] = (struct bench_case){ "duckdb/sums of typed", by_duckdb, sum_typed, mb, "MB" };
    cases[n++] = (struct bench_case){ "value/time ISO", read_times, &times[0], N_VALUES, "values" };
    cases[n++] =
        (struct bench_case){ "value/time d/m/y", read_times, &times[1], N_VALUES, "values" };
    cases[n++] =
        (struct bench_case){ "value/time epoch", read_times, &times[2], N_VALUES, "values" };
    cases[n++] =
        (struct bench_case){ "value/money plain", read_amounts, &amounts[0], N_VALUES, "values" };
    cases[n++] =
        (struct bench_case){ "value/money euro", read_amounts, &amounts[1], N_VALUES, "values" };
    const int code = bench_main(argc, argv, cases, n);

    clade_store_close(store);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? code : 1;
}
