#include "made_orders.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------- the shop */

enum { MADE_DAYS = 639, MADE_ITEMS = 53 }; /* 2023-01-01 to 2024-09-30 */

typedef struct made_line {
    int order, customer, day, item, quantity, cents;
} made_line;

static uint32_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static void put_line(FILE *file, made_line l)
{
    static const char *const category[] = { "tea", "coffee", "cups", "sweets", "books" };
    const int64_t            day        = clade_days_from_civil(2023, 1, 1) + l.day;
    char                     date[16];
    clade_date_format(date, day * CLADE_US_PER_DAY);
    fprintf(file, "o%d,c%d,%s %02d:%02d:00,s%d,%s,%d,%d.%02d,GBP\n", l.order, l.customer, date,
            9 + l.order % 10, l.order % 60, l.item, category[l.item % 5], l.quantity, l.cents / 100,
            l.cents % 100);
}

size_t made_orders_write(const char *path, int n_customers)
{
    size_t n_lines = 0;
    int    order   = 0;
    FILE  *file    = fopen(path, "w");
    assert_non_null(file);
    fputs("order_id,customer_id,order_date,sku,category,qty,price,currency\n", file);
    for (int c = 0; c < n_customers; c++) {
        uint64_t  state = (uint64_t)c * 7919 + 17;
        const int gap   = 8 + (int)(next(&state) % 150);
        const int start = (int)(next(&state) % 500);
        const int stop  = next(&state) % 3 == 0 ? start + (int)(next(&state) % 250) : MADE_DAYS;
        for (int day = start; day < stop && day < MADE_DAYS; order++) {
            const int n = 1 + (int)(next(&state) % 3);
            for (int i = 0; i < n; i++) {
                made_line l = { order, c, day, (int)(next(&state) % MADE_ITEMS), 1, 0 };
                l.quantity  = 1 + (int)(next(&state) % 4);
                l.cents     = 199 + l.item * 137;
                put_line(file, l);
                n_lines++;
                if (next(&state) % 20 != 0 || day + 5 >= MADE_DAYS) continue;
                l.quantity = -l.quantity;
                l.day      = day + 5;
                put_line(file, l);
                n_lines++;
            }
            day += 1 + (int)(next(&state) % (uint32_t)(2 * gap));
        }
    }
    assert_int_equal(fclose(file), 0);
    return n_lines;
}

/* ---------------------------------------------------------------- files */

const char *made_path(const char *name)
{
    static char path[4][600];
    static int  turn = 0;
    turn             = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", run_folder, name);
    return path[turn];
}

char *made_read(const char *name, size_t *out_size)
{
    struct stat about;
    const char *path = made_path(name);
    FILE       *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &about) != 0) fail_msg("%s cannot be read", path);
    char *text = malloc((size_t)about.st_size + 1);
    assert_non_null(text);
    const size_t n = fread(text, 1, (size_t)about.st_size, file);
    text[n]        = '\0';
    fclose(file);
    if (out_size != NULL) *out_size = n;
    return text;
}

char *made_segments(const char *workspace)
{
    char name[300];
    snprintf(name, sizeof name, "%s/segments.json", workspace);
    char *text = made_read(name, NULL);
    char *from = strstr(text, "\"seconds\"");
    assert_non_null(from);
    char *to = strchr(from, '}');
    assert_non_null(to);
    memmove(from, to, strlen(to) + 1);
    return text;
}

int made_shell(const char *format, ...)
{
    char    rest[3000], out[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(rest, sizeof rest, format, arguments);
    va_end(arguments);
    const int code = check_run(out, sizeof out, "cd '%s' && { %s; }", run_folder, rest);
    if (code != 0) print_message("%s: %d %s\n", rest, code, out);
    return code;
}

/* ---------------------------------------------------------------- workspaces */

clade_store *made_open(const char *workspace)
{
    clade_store              *store = NULL;
    clade_error               err   = { 0 };
    const clade_store_options with  = { .n_threads = 2, .memory_bytes = 512 << 20 };
    if (clade_store_open(&store, made_path(workspace), &with, &err) != CLADE_OK) {
        fail_msg("%s", err.message);
    }
    return store;
}

int64_t made_int(clade_store *store, const char *sql)
{
    int64_t     n   = 0;
    clade_error err = { 0 };
    if (clade_store_int(&n, store, sql, NULL, 0, 0, &err) != CLADE_OK) {
        fail_msg("%s: %s", sql, err.message);
    }
    return n;
}

int64_t made_ask(const char *workspace, const char *sql)
{
    clade_store  *store = made_open(workspace);
    const int64_t n     = made_int(store, sql);
    clade_store_close(store);
    return n;
}

uint64_t made_data_hash(const char *workspace)
{
    uint64_t     hash  = 0;
    clade_store *store = made_open(workspace);
    check_ok(clade_store_data_hash(&hash, store, NULL));
    clade_store_close(store);
    return hash;
}

bool made_has_verb(const char *verb)
{
    if (run_clade("", "%s --help", verb)->code == 0) return true;
    print_message("skipped: this build has no clade %s\n", verb);
    return false;
}
