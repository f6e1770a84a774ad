/* What the tests of live events share: made-up orders as texts, told live or written to a file. */
#ifndef CLADE_TEST_LIVE_HELP_H
#define CLADE_TEST_LIVE_HELP_H

#include "load_help.h"

/* The columns of a made row, by the names of their fields. */
enum {
    COL_CUSTOMER,
    COL_TIME,
    COL_KIND,
    COL_ITEM,
    COL_ITEM_NAME,
    COL_CATEGORY,
    COL_BRAND,
    COL_QUANTITY,
    COL_PRICE,
    COL_DISCOUNT,
    COL_CURRENCY,
    COL_ORDER,
    COL_SESSION,
    COL_QUERY,
    COL_CHANNEL,
    COL_DEVICE,
    COL_COUPON,
    COL_STATUS,
    COL_DWELL,
    COL_RATING,
    COL_EMAIL,
    N_COL
};
enum { MADE_PEOPLE = 60 };
static const clade_field made_field[N_COL] = {
    CLADE_FIELD_CUSTOMER,  CLADE_FIELD_TIME,     CLADE_FIELD_KIND,     CLADE_FIELD_ITEM,
    CLADE_FIELD_ITEM_NAME, CLADE_FIELD_CATEGORY, CLADE_FIELD_BRAND,    CLADE_FIELD_QUANTITY,
    CLADE_FIELD_PRICE,     CLADE_FIELD_DISCOUNT, CLADE_FIELD_CURRENCY, CLADE_FIELD_ORDER,
    CLADE_FIELD_SESSION,   CLADE_FIELD_QUERY,    CLADE_FIELD_CHANNEL,  CLADE_FIELD_DEVICE,
    CLADE_FIELD_COUPON,    CLADE_FIELD_STATUS,   CLADE_FIELD_DWELL_S,  CLADE_FIELD_RATING,
    CLADE_FIELD_EMAIL,
};

typedef struct made_row {
    char    text[N_COL][64];
    int64_t at_us;
} made_row;

static inline const char *made_pick(clade_rng *rng, const char *const *list, uint64_t n)
{
    return list[clade_rng_below(rng, n)];
}
#define PICK(rng, ...)                                     \
    made_pick((rng), (const char *const[]){ __VA_ARGS__ }, \
              sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* Row i of a shop that writes things as shops do: ids out of spreadsheets, absences in words, money
 * with signs, addresses where they do not belong, cancellations, nonsense. */
static inline made_row made_at(uint64_t seed, uint64_t i)
{
    clade_rng rng = clade_rng_stream(seed, "live", i);
    made_row  row = { .at_us = INT64_C(1690000000000000) + (int64_t)i * 61000000 };
    char(*t)[64]  = row.text;
    const char *kind =
        PICK(&rng, "purchase", "purchase", "view", "cart", "refund", "search", "wish");
    clade_time_format(t[COL_TIME], row.at_us);
    /* First everybody once, in good rows: a file numbers people of bad rows behind the others of
     * their batch. */
    const uint64_t person = i < MADE_PEOPLE ? i : clade_rng_below(&rng, MADE_PEOPLE);
    snprintf(t[COL_CUSTOMER], 64,
             person % 3 == 0   ? "%llu.0"
             : person % 3 == 1 ? "C-%llu.0"
                               : "Anna%llu@Shop.example.com",
             (unsigned long long)person);
    if (i >= MADE_PEOPLE && clade_rng_below(&rng, 12) == 0)
        snprintf(t[COL_CUSTOMER], 64, "%s", PICK(&rng, "", "NA"));
    snprintf(t[COL_KIND], 64, "%s", kind);
    snprintf(t[COL_ITEM], 64, "%llu%s", (unsigned long long)clade_rng_below(&rng, 30),
             PICK(&rng, "", ".0", "B"));
    snprintf(t[COL_ITEM_NAME], 64, "%s",
             PICK(&rng, "", "Red lamp", "Lamp of anna@shop.example.com", "红色灯"));
    snprintf(t[COL_CATEGORY], 64, "%s", PICK(&rng, "", "home > light", "null"));
    snprintf(t[COL_BRAND], 64, "%s", PICK(&rng, "", "Lux"));
    snprintf(t[COL_QUANTITY], 64, "%s", PICK(&rng, "1", "2", "3.5", "-1", "12"));
    snprintf(
        t[COL_PRICE], 64, "%s",
        PICK(&rng, "2.385", "19.99", "0", "1234.5", "-4.20", "0.1", "99999999999999999", "abc"));
    if (i < MADE_PEOPLE) snprintf(t[COL_PRICE], 64, "7.45");
    snprintf(t[COL_DISCOUNT], 64, "%s", PICK(&rng, "", "", "0.5", "-1.25"));
    snprintf(t[COL_CURRENCY], 64, "%s", PICK(&rng, "EUR", "EUR", "eur", "JPY", "USD", ""));
    if (clade_rng_below(&rng, 3) > 0)
        snprintf(t[COL_ORDER], 64, "%s%llu", PICK(&rng, "O", "C"), (unsigned long long)i / 3);
    snprintf(t[COL_SESSION], 64, "s%llu", (unsigned long long)i / 7);
    if (strcmp(kind, "search") == 0)
        snprintf(t[COL_QUERY], 64, "%s",
                 PICK(&rng, "lamp", "call +49 170 1234567", "a@b.example.org"));
    snprintf(t[COL_CHANNEL], 64, "%s", PICK(&rng, "web", "app", "", "N/A"));
    snprintf(t[COL_DEVICE], 64, "%s", PICK(&rng, "phone", ""));
    snprintf(t[COL_COUPON], 64, "%s", PICK(&rng, "", "", "SUMMER"));
    snprintf(t[COL_STATUS], 64, "%s", PICK(&rng, "", "paid", "paid", "cancelled", "unpaid"));
    snprintf(t[COL_DWELL], 64, "%s", PICK(&rng, "", "12.75"));
    snprintf(t[COL_RATING], 64, "%s", PICK(&rng, "", "4.5"));
    snprintf(t[COL_EMAIL], 64, "%s",
             PICK(&rng, "", "", "qa+test@example.com", "bo@shop.example.net"));
    return row;
}

/* The row told live; texts are borrowed from it. */
static inline clade_live_event made_event(const made_row *row)
{
    clade_live_event event = { .at_us = row->at_us };
    const char(*t)[64]     = row->text;
    event.kind             = CLADE_N_LIVE_KIND;
    for (int kind = 0; kind < CLADE_N_LIVE_KIND; kind++) {
        if (strcmp(clade_live_kind_name((clade_live_kind)kind), t[COL_KIND]) == 0)
            event.kind = (clade_live_kind)kind;
    }
    assert_int_not_equal(event.kind, CLADE_N_LIVE_KIND);
    event.user_id   = clade_text_of(t[COL_CUSTOMER]);
    event.item      = clade_text_of(t[COL_ITEM]);
    event.item_name = clade_text_of(t[COL_ITEM_NAME]);
    event.category  = clade_text_of(t[COL_CATEGORY]);
    event.brand     = clade_text_of(t[COL_BRAND]);
    event.quantity  = clade_text_of(t[COL_QUANTITY]);
    event.price     = clade_text_of(t[COL_PRICE]);
    event.discount  = clade_text_of(t[COL_DISCOUNT]);
    event.currency  = clade_text_of(t[COL_CURRENCY]);
    event.order_ref = clade_text_of(t[COL_ORDER]);
    event.session   = clade_text_of(t[COL_SESSION]);
    event.query     = clade_text_of(t[COL_QUERY]);
    event.channel   = clade_text_of(t[COL_CHANNEL]);
    event.device    = clade_text_of(t[COL_DEVICE]);
    event.coupon    = clade_text_of(t[COL_COUPON]);
    event.status    = clade_text_of(t[COL_STATUS]);
    event.dwell_s   = clade_text_of(t[COL_DWELL]);
    event.rating    = clade_text_of(t[COL_RATING]);
    event.email     = clade_text_of(t[COL_EMAIL]);
    event.raw       = clade_text_of(t[COL_PRICE]);
    return event;
}

/* Every value of a query's rows, one line a row. Free with clade_buffer_free. */
static inline clade_buffer dump(clade_store *store, const char *sql)
{
    clade_buffer out  = { 0 };
    clade_rows  *rows = NULL;
    clade_chunk  chunk;
    clade_error  err = { 0 };
    char         all[2000];
    snprintf(all, sizeof all, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (%s)", sql);
    if (clade_store_query(&rows, store, all, NULL, 0, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    for (;;) {
        check_ok(clade_rows_next(&chunk, rows, &err));
        if (chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++) {
            for (size_t c = 0; c < chunk.n_columns; c++) {
                const clade_text text = clade_chunk_text(&chunk, c, i);
                if (clade_chunk_valid(&chunk, c, i))
                    clade_buffer_append(&out, text.data, text.size);
                else
                    clade_buffer_text(&out, "NULL");
                clade_buffer_text(&out, c + 1 == chunk.n_columns ? "\n" : "|");
            }
        }
    }
    clade_rows_close(rows);
    if (out.size == 0) clade_buffer_text(&out, "");
    return out;
}

/* Two stores give the same rows; says the first line that differs. */
static inline void same_rows(clade_store *a, clade_store *b, const char *sql)
{
    clade_buffer x = dump(a, sql), y = dump(b, sql);
    size_t       i = 0, line = 0;
    while (i < x.size && i < y.size && x.data[i] == y.data[i]) {
        if (x.data[i] == '\n') line = i + 1;
        i++;
    }
    if (i != x.size || i != y.size) {
        fail_msg("%s\n  %.*s\n  %.*s", sql, (int)strcspn(x.data + line, "\n"), x.data + line,
                 (int)strcspn(y.data + line, "\n"), y.data + line);
    }
    clade_buffer_free(&x);
    clade_buffer_free(&y);
}

#endif
