/* Event sequences: who has how many events, then one sorted stream of them into columns.
 *
 * The events of a customer are counted first, so every column is allocated once at its size, and a
 * robot of a million events costs no memory here: all but its latest are passed over. The engine
 * sorts (and spills); here a chunk is taken column by column, a few nanoseconds a value. */
#include "sequences_internal.h"

#include "clade/run.h"

/* Columns of the sorted stream; those that the log lacks are not selected at all. */
enum { AT_CUSTOMER, AT_MOMENT, AT_KIND, AT_ITEM, N_ALWAYS };
enum { PRICE, QUANTITY, CHANNEL, DEVICE, QUERY, N_OPTIONAL };
static const char *const optional_name[N_OPTIONAL] = { "price", "quantity", "channel", "device",
                                                       "query" };

/* Flags that change what is read. */
enum { SKIPPED, TEST_ORDERS, SERVICES, N_FLAGS };

/* What is known before the stream begins. */
typedef struct census {
    int64_t  *customer; /* (n) rising */
    uint64_t *n_events; /* (n) */
    size_t    n, room_customer, room_events;
    bool      has_quantity, has_query; /* some event of the log has one */
} census;

/* From internal to dense numbers: open addressing, at most half full. */
typedef struct item_map {
    int64_t  *key;
    uint32_t *value; /* 0 is an empty place */
    size_t    mask;
} item_map;

typedef struct filling {
    const census     *census;
    clade_sequences  *sequences;
    clade__catalogue *catalogue;
    item_map          items;
    clade__word_table channel, device;
    uint64_t          max_events;
    size_t            n_kept;             /* events there will be */
    uint32_t         *column[N_OPTIONAL]; /* lent by sequences; NULL where the log has none */
    uint32_t         *kind;
    uint32_t         *query[CLADE_QUERY_WORDS];
    size_t            at;   /* customer that the stream is at */
    uint64_t          seen; /* of its events */
    uint64_t          next; /* place of the next event */
    size_t           *place;
    size_t            room;
} filling;

/* ---------------------------------------------------------------- which events */

/* The price of one piece in minor units of the shop's currency, as far as the row knows it; what is
 * absurd is none. */
static void append_price(clade_buffer *sql, const char *currency)
{
    clade_buffer_text(sql, "CASE WHEN price_minor > 0");
    if (currency[0] != '\0')
        clade_buffer_format(sql, " AND (currency IS NULL OR currency = '%s')", currency);
    clade_buffer_text(sql, " THEN price_minor::DOUBLE WHEN value_minor <> 0 AND quantity > 0"
                           " THEN abs(value_minor::DOUBLE) / quantity END");
}

/* A test that nothing can fail costs the engine a join all the same: it is left out then. */
static void append_events(clade_buffer *sql, const clade__reading *reading, const int64_t *n_flags,
                          const clade_event_sequences_options *only)
{
    const long long as_of = (long long)reading->as_of_us;

    clade_buffer_text(sql, "(SELECT event, customer, at_us, kind, quantity, channel, device, query,"
                           " CASE WHEN price BETWEEN 1e-3 AND 1e15 THEN price END AS price,");
    if (reading->has_service)
        clade_buffer_format(sql,
                            " CASE WHEN event IN (SELECT event FROM flag WHERE name = 'not_product'"
                            " AND event IS NOT NULL AND since_us < %lld) THEN NULL ELSE item END AS"
                            " item, item AS any_item",
                            as_of);
    else
        clade_buffer_text(sql, " item, item AS any_item");
    clade_buffer_text(sql, " FROM (SELECT event, customer, at_us, kind, item, quantity, channel,"
                           " device, query, ");
    append_price(sql, reading->currency);
    clade_buffer_format(sql, " AS price FROM event WHERE at_us < %lld AND customer IS NOT NULL",
                        as_of);
    if (n_flags[SKIPPED] > 0)
        clade_buffer_format(sql,
                            " AND customer NOT IN (SELECT customer FROM flag WHERE customer IS NOT"
                            " NULL AND name IN ('test_order', 'staff', 'bot') AND since_us < %lld)",
                            as_of);
    if (n_flags[TEST_ORDERS] > 0)
        clade_buffer_format(sql,
                            " AND event NOT IN (SELECT event FROM flag WHERE event IS NOT NULL AND"
                            " name = 'test_order' AND since_us < %lld)",
                            as_of);
    for (size_t i = 0; only != NULL && i < only->n_only; i++)
        clade_buffer_format(sql, "%s%lld", i == 0 ? " AND customer IN (" : ", ",
                            (long long)only->customer[i]);
    if (only != NULL) clade_buffer_text(sql, only->n_only == 0 ? " AND false" : ")");
    clade_buffer_text(sql, ") AS r)");
}

static void reading_end(clade__reading *reading)
{
    clade_buffer_free(&reading->everybody);
    clade_buffer_free(&reading->wanted);
}

static clade_status reading_begin(clade__reading *out, clade_store *store, int64_t as_of_us,
                                  const clade_event_sequences_options *options, clade_error *err)
{
    static const char *const sql[N_FLAGS] = {
        "SELECT count(*) FROM flag WHERE since_us < ? AND customer IS NOT NULL AND name IN"
        " ('test_order', 'staff', 'bot')",
        "SELECT count(*) FROM flag WHERE since_us < ? AND event IS NOT NULL AND name = "
        "'test_order'",
        "SELECT count(*) FROM flag WHERE since_us < ? AND event IS NOT NULL AND name ="
        " 'not_product'",
    };
    const clade_value args[1]          = { CLADE_INT(as_of_us) };
    int64_t           n_flags[N_FLAGS] = { 0 };
    clade_status      status;

    *out   = (clade__reading){ .store = store, .as_of_us = as_of_us, .base = options->base };
    status = clade_store_setting_get(out->currency, sizeof out->currency, store, "currency", err);
    if (status != CLADE_OK && status != CLADE_ERR_NOT_FOUND) return status;
    if (strspn(out->currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(out->currency))
        out->currency[0] = '\0'; /* it goes into SQL */
    for (int i = 0; i < N_FLAGS; i++)
        CLADE_TRY(clade_store_int(&n_flags[i], store, sql[i], args, 1, 0, err));
    out->has_service = n_flags[SERVICES] > 0;
    append_events(&out->everybody, out, n_flags, NULL);
    append_events(&out->wanted, out, n_flags, options->customer == NULL ? NULL : options);
    if (out->everybody.failed || out->wanted.failed) {
        reading_end(out);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of events");
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- how many */

static void census_free(census *c)
{
    free(c->customer);
    free(c->n_events);
}

/* Customers and how many events each has. */
static clade_status count_events(census *c, clade_event_counts *counts,
                                 const clade__reading *reading, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer sql    = { 0 };
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };

    clade_buffer_format(&sql,
                        "SELECT customer, count(*), %s FROM %s AS e GROUP BY customer ORDER BY"
                        " customer",
                        reading->has_service ? "count(any_item) - count(item)" : "0::BIGINT",
                        reading->wanted.data);
    if (sql.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of events");
        goto done;
    }
    status = clade_store_query(&rows, reading->store, sql.data, NULL, 0, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        const size_t n = c->n + chunk.n_rows;
        if (!CLADE_GROW(&c->customer, &c->room_customer, n) ||
            !CLADE_GROW(&c->n_events, &c->room_events, n)) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
            goto done;
        }
        memcpy(c->customer + c->n, clade_chunk_data(&chunk, 0), chunk.n_rows * sizeof(int64_t));
        memcpy(c->n_events + c->n, clade_chunk_data(&chunk, 1), chunk.n_rows * sizeof(int64_t));
        const int64_t *service = clade_chunk_data(&chunk, 2);
        for (size_t row = 0; row < chunk.n_rows; row++)
            counts->n_service += (size_t)service[row];
        c->n = n;
    }
done:
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}

/* Whether any event has a value in a column. */
static clade_status ask_column(bool *out, const clade__reading *reading, const char *column,
                               clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer sql    = { 0 };
    int64_t      n      = 0;
    clade_buffer_format(&sql,
                        "SELECT count(*) FROM (SELECT 1 FROM %s AS e WHERE %s IS NOT NULL LIMIT 1)"
                        " AS one",
                        reading->everybody.data, column);
    status = sql.failed ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of events")
                        : clade_store_int(&n, reading->store, sql.data, NULL, 0, 0, err);
    *out   = n > 0;
    clade_buffer_free(&sql);
    return status;
}

/* What the log has before as-of and what is not read of it. */
static clade_status count_losses(clade_event_counts *counts, size_t *out_kept, const census *c,
                                 const clade__reading *reading, uint64_t max_events, bool everybody,
                                 clade_error *err)
{
    const clade_value args[1] = { CLADE_INT(reading->as_of_us) };
    int64_t           n_all = 0, n_named = 0;
    uint64_t          n_read = 0, n_kept = 0;

    for (size_t i = 0; i < c->n; i++) {
        const uint64_t kept = c->n_events[i] < max_events ? c->n_events[i] : max_events;
        counts->n_customers_cut += kept < c->n_events[i];
        n_read += c->n_events[i];
        n_kept += kept;
    }
    counts->n_events_cut = (size_t)(n_read - n_kept);
    *out_kept            = (size_t)n_kept;
    if (!everybody) return CLADE_OK;
    CLADE_TRY(clade_store_int(&n_all, reading->store, "SELECT count(*) FROM event WHERE at_us < ?",
                              args, 1, 0, err));
    CLADE_TRY(clade_store_int(&n_named, reading->store,
                              "SELECT count(customer) FROM event WHERE at_us < ?", args, 1, 0,
                              err));
    counts->n_nobody   = (size_t)(n_all - n_named);
    counts->n_left_out = (size_t)n_named - (size_t)n_read;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- words of events */

/* The most frequent words of a column of events, or those of the fitted model. */
static clade_status number_words(clade_words *out, clade__word_table *table, const char *column,
                                 const clade_words *base, const clade__reading *reading,
                                 clade_arena *arena, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer sql    = { 0 };
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    size_t       n      = 0;

    out->name = CLADE_ARENA_NEW(arena, const char *, CLADE_EVENT_WORDS_MAX);
    if (out->name == NULL) goto no_memory;
    for (uint32_t i = 0; base != NULL && i < base->n; i++) {
        out->name[n++] = clade_arena_text(arena, base->name[i], strlen(base->name[i]));
        if (out->name[n - 1] == NULL) goto no_memory;
    }
    if (base == NULL) {
        clade_buffer_format(&sql,
                            "SELECT %s FROM %s AS e WHERE %s <> '' GROUP BY %s ORDER BY count(*)"
                            " DESC, %s LIMIT %d",
                            column, reading->everybody.data, column, column, column,
                            CLADE_EVENT_WORDS_MAX);
        if (sql.failed) goto no_memory;
        status = clade_store_query(&rows, reading->store, sql.data, NULL, 0, err);
        if (status != CLADE_OK) goto done;
        while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
            for (size_t i = 0; i < chunk.n_rows; i++) {
                const clade_text text = clade_chunk_text(&chunk, 0, i);
                out->name[n++]        = clade_arena_text(arena, text.data, text.size);
                if (out->name[n - 1] == NULL) goto no_memory;
            }
        }
        if (status != CLADE_OK) goto done;
    }
    out->n = (uint32_t)n;
    if (clade__words_of(table, out, arena)) goto done;
no_memory:
    status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the words of %s", column);
done:
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}

/* ---------------------------------------------------------------- room */

static uint64_t scatter(int64_t item)
{
    uint64_t x = (uint64_t)item * UINT64_C(0x9e3779b97f4a7c15);
    return x ^ (x >> 32);
}

static bool item_map_make(item_map *out, const clade_vocabulary *vocabulary)
{
    size_t n_places = 16;
    while (n_places < 2 * (size_t)vocabulary->n_items)
        n_places *= 2;
    out->key   = CLADE_NEW(int64_t, n_places);
    out->value = CLADE_NEW(uint32_t, n_places);
    out->mask  = n_places - 1;
    if (out->key == NULL || out->value == NULL) return false;
    for (uint32_t i = 1; i <= vocabulary->n_items; i++) {
        size_t at = scatter(vocabulary->item[i]) & out->mask;
        while (out->value[at] != 0)
            at = (at + 1) & out->mask;
        out->key[at]   = vocabulary->item[i];
        out->value[at] = i;
    }
    return true;
}

static uint32_t item_map_get(const item_map *map, int64_t item)
{
    size_t at = scatter(item) & map->mask;
    while (map->value[at] != 0 && map->key[at] != item)
        at = (at + 1) & map->mask;
    return map->value[at];
}

static void filling_end(filling *f)
{
    clade__words_free(&f->channel);
    clade__words_free(&f->device);
    free(f->items.key);
    free(f->items.value);
    free(f->place);
}

/* Which columns there will be, of how many values each; 0 for one that there is not. */
static void plan_columns(uint32_t n_values[N_OPTIONAL], const census *c,
                         const clade__catalogue *catalogue)
{
    const clade_vocabulary *v = catalogue->vocabulary;
    n_values[PRICE]           = catalogue->has_price ? CLADE_PRICE_BANDS : 0;
    n_values[QUANTITY]        = c->has_quantity ? CLADE_QUANTITY_BANDS : 0;
    n_values[CHANNEL]         = v->channel.n;
    n_values[DEVICE]          = v->device.n;
    n_values[QUERY]           = c->has_query ? CLADE_QUERY_BUCKETS : 0;
}

/* Bytes that the sequences and the work on them take: said before anything is taken. */
static clade_status check_memory(const uint32_t n_values[N_OPTIONAL], size_t n_customers,
                                 size_t n_events, size_t n_items, int64_t limit, clade_error *err)
{
    size_t n_fields = 1;
    for (size_t i = 0; i < N_OPTIONAL; i++)
        n_fields += n_values[i] == 0 ? 0 : i == QUERY ? CLADE_QUERY_WORDS : 1;
    const double need = (double)n_events * (12 + 4 * (double)n_fields) + (double)n_customers * 32 +
                        (double)n_items * 120;
    if (limit <= 0 || need <= (double)limit) return CLADE_OK;
    clade_fail(err, CLADE_ERR_NOMEM,
               "%zu events of %zu customers with %zu fields need %.0f MB, the limit is %.0f MB",
               n_events, n_customers, n_fields, ceil(need / 1e6), (double)limit / 1e6);
    clade_hint(err, "keep fewer events of each customer");
    return CLADE_ERR_NOMEM;
}

static clade_status add_columns(filling *f, const uint32_t n_values[N_OPTIONAL], clade_error *err)
{
    static const char *const name[QUERY] = { "price_band", "quantity_band", "channel", "device" };
    static const char *const query[CLADE_QUERY_WORDS] = { "query", "query_2", "query_3" };
    const clade_vocabulary  *v                        = f->catalogue->vocabulary;
    const size_t             bytes                    = ((size_t)v->n_items + 1) * sizeof(uint32_t);
    const struct {
        const char     *name;
        uint32_t        n_values;
        const uint32_t *value;
    } item_field[] = { { "category", v->category.n, f->catalogue->category },
                       { "category_path", v->category_path.n, f->catalogue->path },
                       { "brand", v->brand.n, f->catalogue->brand },
                       { "price_band", f->catalogue->has_price ? CLADE_PRICE_BANDS : 0,
                         f->catalogue->price_band } };

    CLADE_TRY(clade_sequences_add_field(&f->kind, f->sequences, "kind", 13, err));
    for (size_t i = 0; i < QUERY; i++) {
        if (n_values[i] > 0)
            CLADE_TRY(
                clade_sequences_add_field(&f->column[i], f->sequences, name[i], n_values[i], err));
    }
    for (size_t i = 0; n_values[QUERY] > 0 && i < CLADE_QUERY_WORDS; i++)
        CLADE_TRY(clade_sequences_add_field(&f->query[i], f->sequences, query[i],
                                            CLADE_QUERY_BUCKETS, err));
    for (size_t i = 0; i < sizeof item_field / sizeof item_field[0]; i++) {
        uint32_t *value = NULL;
        if (item_field[i].n_values == 0) continue;
        CLADE_TRY(clade_sequences_add_item_field(&value, f->sequences, item_field[i].name,
                                                 item_field[i].n_values, err));
        memcpy(value, item_field[i].value, bytes);
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the stream */

#define PASSED_OVER SIZE_MAX /* an event older than the latest that are kept */

/* Where each row of a chunk goes. Rows come by customer, and by time within one. */
static void place_rows(filling *f, const int64_t *customer, size_t n)
{
    const census *c = f->census;
    for (size_t row = 0; row < n; row++) {
        if (c->customer[f->at] != customer[row]) {
            f->at++;
            f->seen = 0;
            assert(f->at < c->n && c->customer[f->at] == customer[row]);
        }
        const uint64_t n_events = c->n_events[f->at];
        const bool     kept     = n_events - f->seen++ <= f->max_events;
        f->place[row]           = kept ? (size_t)f->next++ : PASSED_OVER;
    }
}

static void take_items(filling *f, const clade_chunk *chunk)
{
    const int64_t *item = clade_chunk_data(chunk, AT_ITEM);
    for (size_t row = 0; row < chunk->n_rows; row++) {
        if (f->place[row] != PASSED_OVER && clade_chunk_valid(chunk, AT_ITEM, row))
            f->sequences->item[f->place[row]] = item_map_get(&f->items, item[row]);
    }
}

static void take_prices(filling *f, const clade_chunk *chunk, size_t column)
{
    const double   *price = clade_chunk_data(chunk, column);
    const uint32_t *path  = f->catalogue->path;
    for (size_t row = 0; row < chunk->n_rows; row++) {
        const size_t place = f->place[row];
        if (place == PASSED_OVER || !clade_chunk_valid(chunk, column, row)) continue;
        const double centre =
            clade__centre_of(f->catalogue->vocabulary, path[f->sequences->item[place]]);
        f->column[PRICE][place] = clade__price_band(log2(price[row]), centre);
    }
}

static void take_quantities(filling *f, const clade_chunk *chunk, size_t column)
{
    const double *quantity = clade_chunk_data(chunk, column);
    for (size_t row = 0; row < chunk->n_rows; row++) {
        if (f->place[row] != PASSED_OVER && clade_chunk_valid(chunk, column, row))
            f->column[QUANTITY][f->place[row]] = clade__quantity_band(quantity[row]);
    }
}

static void take_words(uint32_t *out, const clade__word_table *table, const filling *f,
                       const clade_chunk *chunk, size_t column)
{
    for (size_t row = 0; row < chunk->n_rows; row++) {
        if (f->place[row] != PASSED_OVER && clade_chunk_valid(chunk, column, row))
            out[f->place[row]] = clade__words_number(table, clade_chunk_text(chunk, column, row));
    }
}

static void take_queries(filling *f, const clade_chunk *chunk, size_t column)
{
    uint32_t word[CLADE_QUERY_WORDS];
    for (size_t row = 0; row < chunk->n_rows; row++) {
        if (f->place[row] == PASSED_OVER || !clade_chunk_valid(chunk, column, row)) continue;
        clade__query_words(word, clade_chunk_text(chunk, column, row));
        for (size_t i = 0; i < CLADE_QUERY_WORDS; i++)
            f->query[i][f->place[row]] = word[i];
    }
}

static void take_chunk(filling *f, const clade_chunk *chunk)
{
    const int64_t *at_us = clade_chunk_data(chunk, AT_MOMENT);
    const uint8_t *kind  = clade_chunk_data(chunk, AT_KIND);
    size_t         next  = N_ALWAYS;

    place_rows(f, clade_chunk_data(chunk, AT_CUSTOMER), chunk->n_rows);
    for (size_t row = 0; row < chunk->n_rows; row++) {
        if (f->place[row] == PASSED_OVER) continue;
        f->sequences->at_us[f->place[row]] = at_us[row];
        f->kind[f->place[row]]             = 1 + (uint32_t)kind[row];
    }
    take_items(f, chunk);
    if (f->column[PRICE] != NULL) take_prices(f, chunk, next++);
    if (f->column[QUANTITY] != NULL) take_quantities(f, chunk, next++);
    if (f->column[CHANNEL] != NULL) take_words(f->column[CHANNEL], &f->channel, f, chunk, next++);
    if (f->column[DEVICE] != NULL) take_words(f->column[DEVICE], &f->device, f, chunk, next++);
    if (f->query[0] != NULL) take_queries(f, chunk, next);
}

static clade_status stream_events(filling *f, clade_event_counts *counts,
                                  const clade__reading *reading, clade_error *err)
{
    const double start  = clade_seconds();
    clade_status status = CLADE_OK;
    clade_buffer sql    = { 0 };
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };

    clade_progress_begin("sequences", (double)f->sequences->n_events, "events");
    clade_buffer_text(&sql, "SELECT customer, at_us, kind, item");
    for (size_t i = 0; i < N_OPTIONAL; i++) {
        if (i == QUERY ? f->query[0] != NULL : f->column[i] != NULL)
            clade_buffer_format(&sql, ", %s", optional_name[i]);
    }
    clade_buffer_format(&sql, " FROM %s AS e ORDER BY customer, at_us, event",
                        reading->wanted.data);
    if (sql.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of events");
        goto done;
    }
    status = clade_store_query(&rows, reading->store, sql.data, NULL, 0, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        const double from = clade_seconds();
        if (counts->fill_seconds == 0) counts->sort_seconds = from - start;
        if (!CLADE_GROW(&f->place, &f->room, chunk.n_rows)) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rows", chunk.n_rows);
            goto done;
        }
        take_chunk(f, &chunk);
        counts->fill_seconds += clade_seconds() - from;
        clade_progress_update((double)f->next);
    }
    assert(status != CLADE_OK || f->next == f->sequences->n_events);
done:
    clade_progress_end();
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static clade_status fill_sequences(filling *f, clade_event_counts *counts,
                                   const clade__reading *reading, int64_t memory_bytes,
                                   clade_error *err)
{
    const census           *c                    = f->census;
    const clade_vocabulary *v                    = f->catalogue->vocabulary;
    uint32_t                n_values[N_OPTIONAL] = { 0 };

    plan_columns(n_values, c, f->catalogue);
    CLADE_TRY(check_memory(n_values, c->n, f->n_kept, v->n_items, memory_bytes, err));
    CLADE_TRY(clade_sequences_create(&f->sequences, c->n, f->n_kept, v->n_items, true, err));
    CLADE_TRY(add_columns(f, n_values, err));
    if (!item_map_make(&f->items, v))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a map of %u items", v->n_items);
    for (size_t i = 0; i < c->n; i++) {
        const uint64_t kept       = c->n_events[i] < f->max_events ? c->n_events[i] : f->max_events;
        f->sequences->customer[i] = c->customer[i];
        f->sequences->start[i + 1] = f->sequences->start[i] + kept;
    }
    return stream_events(f, counts, reading, err);
}

clade_status clade_event_sequences(clade_sequences   **out_sequences,
                                   clade_vocabulary  **out_vocabulary,
                                   clade_event_counts *out_counts, clade_store *store,
                                   int64_t as_of_us, const clade_event_sequences_options *options,
                                   clade_error *err)
{
    static const clade_event_sequences_options none      = { 0 };
    clade_status                               status    = CLADE_OK;
    clade__reading                             reading   = { 0 };
    clade__catalogue                           catalogue = { 0 };
    clade_event_counts                         counts    = { 0 };
    census                                     people    = { 0 };
    filling                                    f = { .census = &people, .catalogue = &catalogue };

    if (options == NULL) options = &none;
    f.max_events = options->max_events == 0 ? CLADE_EVENTS_A_CUSTOMER : options->max_events;
    if (options->customer != NULL && options->n_only > CLADE_EVENT_ONLY_MAX)
        return clade_fail(err, CLADE_ERR_ARG, "%zu customers to read, wanted at most %d",
                          options->n_only, CLADE_EVENT_ONLY_MAX);
    if (as_of_us < CLADE_TIME_MIN_US || as_of_us > CLADE_TIME_MAX_US)
        return clade_fail(err, CLADE_ERR_ARG, "as-of %lld us is outside the years 1 to 9999",
                          (long long)as_of_us);

    status = reading_begin(&reading, store, as_of_us, options, err);
    if (status != CLADE_OK) goto done;
    status = count_events(&people, &counts, &reading, err);
    if (status != CLADE_OK) goto done;
    status = ask_column(&people.has_quantity, &reading, "quantity", err);
    if (status != CLADE_OK) goto done;
    status = ask_column(&people.has_query, &reading, "query", err);
    if (status != CLADE_OK) goto done;
    status = count_losses(&counts, &f.n_kept, &people, &reading, f.max_events,
                          options->customer == NULL, err);
    if (status != CLADE_OK) goto done;
    status = clade__catalogue_make(&catalogue, &reading, err);
    if (status != CLADE_OK) goto done;
    counts.n_cold = catalogue.n_cold;

    clade_vocabulary *const v = catalogue.vocabulary;
    status                    = number_words(&v->channel, &f.channel, "channel",
                          options->base == NULL ? NULL : &options->base->channel, &reading,
                                             v->arena, err);
    if (status != CLADE_OK) goto done;
    status = number_words(&v->device, &f.device, "device",
                          options->base == NULL ? NULL : &options->base->device, &reading, v->arena,
                          err);
    if (status != CLADE_OK) goto done;
    status = fill_sequences(&f, &counts, &reading, options->memory_bytes, err);
    if (status != CLADE_OK) goto done;

    if (out_counts != NULL) *out_counts = counts;
    *out_sequences       = f.sequences;
    *out_vocabulary      = catalogue.vocabulary;
    f.sequences          = NULL;
    catalogue.vocabulary = NULL;
done:
    clade_sequences_free(f.sequences);
    filling_end(&f);
    clade__catalogue_free(&catalogue);
    census_free(&people);
    reading_end(&reading);
    return status;
}
