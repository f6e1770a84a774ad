/* Storing typed rows: dictionaries, known keys, the event table, quarantine. Runs on the calling
 * thread, which is the only one that touches the store. A batch is worked through in passes, so
 * that the memory a row will need is on its way before it is asked for. */
#include "load_internal.h"

#include "clade/run.h"

#include <assert.h>
#include <stdlib.h>

/* Columns of `event`, as in schema.sql. */
enum {
    EVENT_EVENT,
    EVENT_CUSTOMER,
    EVENT_AT,
    EVENT_KIND,
    EVENT_ITEM,
    EVENT_QUANTITY,
    EVENT_PRICE,
    EVENT_AMOUNT,
    EVENT_VALUE,
    EVENT_DISCOUNT,
    EVENT_CURRENCY,
    EVENT_ORDER,
    EVENT_SESSION,
    EVENT_QUERY,
    EVENT_CHANNEL,
    EVENT_DEVICE,
    EVENT_COUPON,
    EVENT_DWELL,
    EVENT_RATING,
    EVENT_KEY,
    EVENT_LOAD,
    EVENT_N
};

/* ---------------------------------------------------------------- what the store knows already */

static clade_status no_memory(clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the dictionaries of a load");
}

static clade_status customer_room(load_state *state, int64_t customer, clade_error *err)
{
    if ((size_t)customer < state->customer_capacity) return CLADE_OK;
    size_t capacity = state->customer_capacity == 0 ? 4096 : state->customer_capacity;
    while (capacity <= (size_t)customer)
        capacity *= 2;
    uint8_t *has = realloc(state->customer_has, capacity);
    if (has == NULL) return no_memory(err);
    memset(has + state->customer_capacity, 0, capacity - state->customer_capacity);
    state->customer_has      = has;
    state->customer_capacity = capacity;
    return CLADE_OK;
}

static clade_status item_room(load_state *state, uint32_t item, clade_error *err)
{
    if (item < state->item_capacity) return CLADE_OK;
    size_t capacity = state->item_capacity == 0 ? 4096 : state->item_capacity;
    while (capacity <= item)
        capacity *= 2;
    load_item *items = realloc(state->item, capacity * sizeof items[0]);
    if (items == NULL) return no_memory(err);
    memset(items + state->item_capacity, 0, (capacity - state->item_capacity) * sizeof items[0]);
    for (size_t i = state->item_capacity; i < capacity; i++) {
        items[i].known_us = items[i].min_us = INT64_MAX;
    }
    state->item          = items;
    state->item_capacity = capacity;
    return CLADE_OK;
}

static uint8_t bit_of_kind(clade_text kind)
{
    static const struct {
        const char *name;
        uint8_t     bit;
    } bits[] = { { "id", HAS_ID },
                 { "name", HAS_NAME },
                 { "email", HAS_EMAIL },
                 { "phone", HAS_PHONE },
                 { "address", HAS_ADDRESS },
                 { "looks_like_test", IS_TEST },
                 { "looks_like_staff", IS_STAFF } };
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if (clade_text_equal(kind, clade_text_of(bits[i].name))) return bits[i].bit;
    }
    return 0;
}

static clade_status fill_customers(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    status =
        clade_store_query(&rows, state->store,
                          "SELECT customer, kind FROM identity UNION ALL SELECT customer, name "
                          "FROM customer WHERE name IN ('looks_like_test', 'looks_like_staff')",
                          NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            if (customer[i] < 0) continue;
            status = customer_room(state, customer[i], err);
            if (status == CLADE_OK) {
                state->customer_has[customer[i]] |= bit_of_kind(clade_chunk_text(&chunk, 1, i));
            }
        }
    }
    clade_rows_close(rows);
    return status;
}

static clade_status fill_items(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    status              = clade_store_query(
                     &rows, state->store,
                     "SELECT item, any_value(ref), min(known_us), max_by(name, known_us) FILTER (name IS NOT "
                                  "NULL), "
                                  "max_by(category, known_us) FILTER (category IS NOT NULL), "
                                  "max_by(brand, known_us) FILTER (brand IS NOT NULL) FROM item GROUP BY item ORDER BY item",
                     NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *item  = clade_chunk_data(&chunk, 0);
        const int64_t *known = clade_chunk_data(&chunk, 2);
        status = clade__names_reserve(&state->items, state->items.n + chunk.n_rows + 1, err);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            const clade_text ref    = clade_chunk_text(&chunk, 1, i);
            const uint32_t   number = (uint32_t)item[i];
            status                  = item_room(state, number, err);
            if (status != CLADE_OK) break;
            clade__names_put(&state->items, clade__name_of(ref), number);
            state->item[number].bits     = ITEM_STORED;
            state->item[number].known_us = known[i];
            clade__item_learn(state, number, 0, ref);
            for (int part = 1; part < 4; part++) {
                const clade_text text = clade_chunk_text(&chunk, (size_t)part + 2, i);
                clade__item_learn(state, number, part, text);
                if (text.size > 0) state->item[number].bits |= ITEM_TOLD;
            }
            if (number >= state->n_items) state->n_items = number + 1;
        }
    }
    clade_rows_close(rows);
    return status;
}

static clade_status fill_keys(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    int64_t      n      = 0;
    status = clade_store_int(&n, state->store, "SELECT count(*) FROM event", NULL, 0, 0, err);
    if (status == CLADE_OK) status = clade__keys_reserve(&state->keys, (size_t)n + 4096, err);
    if (status == CLADE_OK) {
        status = clade_store_query(&rows, state->store, "SELECT row_key FROM event", NULL, 0, err);
    }
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const uint64_t *key = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows; i++)
            clade__keys_put(&state->keys, key[i]);
    }
    clade_rows_close(rows);
    return status;
}

clade_status clade__state_fill(load_state *state, clade_error *err)
{
    clade_store *store = state->store;
    if (state->ready) return CLADE_OK;
    CLADE_TRY(clade_store_int(&state->next_event, store,
                              "SELECT coalesce(max(event), -1) + 1 FROM event", NULL, 0, 0, err));
    CLADE_TRY(clade_store_int(&state->next_load, store,
                              "SELECT coalesce(max(load), 0) + 1 FROM load", NULL, 0, 1, err));
    CLADE_TRY(clade__names_reserve(&state->customers, 4096, err));
    CLADE_TRY(clade__names_reserve(&state->items, 4096, err));
    CLADE_TRY(fill_customers(state, err));
    CLADE_TRY(fill_items(state, err));
    CLADE_TRY(fill_keys(state, err));
    state->ready = true;
    return CLADE_OK;
}

void clade__state_free(load_state *state)
{
    clade__keys_free(&state->keys);
    clade__keys_free(&state->rows);
    clade__map_free(&state->repeats);
    clade__map_free(&state->current);
    clade__names_free(&state->customers);
    clade__names_free(&state->items);
    clade_buffer_free(&state->item_texts);
    free(state->customer_has);
    free(state->item);
    free(state->touched);
}

/* ---------------------------------------------------------------- people */

clade_status clade__sink_seal(load_sink *sink, int64_t customer, const char *kind, clade_text value,
                              clade_error *err)
{
    load_state *state = sink->state;
    size_t      row   = 0;
    clade_buffer_clear(&sink->sealed);
    CLADE_TRY(clade_identity_seal(&sink->sealed, state->store, customer, value, err));
    if (sink->sealed.failed) return no_memory(err);
    CLADE_TRY(clade__out_open(&sink->identity, state->store, "identity", 4, err));
    CLADE_TRY(clade__out_row(&row, &sink->identity, err));
    clade__out_i64(&sink->identity, 0, row, customer);
    clade__out_text(&sink->identity, 1, row, clade_text_of(kind));
    clade__out_text(&sink->identity, 2, row, (clade_text){ sink->sealed.data, sink->sealed.size });
    clade__out_i64(&sink->identity, 3, row, sink->load);
    return CLADE_OK;
}

clade_status clade__sink_attribute(load_sink *sink, int64_t customer, clade_text name,
                                   clade_text value, double number, int64_t known_us,
                                   clade_error *err)
{
    load_out *out = &sink->people;
    size_t    row = 0;
    CLADE_TRY(clade__out_open(out, sink->state->store, "customer", 6, err));
    CLADE_TRY(clade__out_row(&row, out, err));
    clade__out_i64(out, 0, row, customer);
    clade__out_text(out, 1, row, name);
    clade__out_text(out, 2, row, value);
    if (__builtin_isnan(number))
        clade__out_null(out, 3, row);
    else
        clade__out_f64(out, 3, row, number);
    clade__out_i64(out, 4, row, known_us);
    clade__out_i64(out, 5, row, sink->load);
    return CLADE_OK;
}

clade_status clade__sink_person(int64_t *out_customer, load_sink *sink, clade__name_hash name,
                                clade_text id, clade_error *err)
{
    load_state *state = sink->state;
    *out_customer     = -1;
    if (id.size == 0) return CLADE_OK;
    const uint32_t known = clade__names_find(&state->customers, name);
    if (known != LOAD_NO_NUMBER) {
        *out_customer = known;
        return CLADE_OK;
    }
    int64_t customer = -1;
    CLADE_TRY(clade_identity_intern(&customer, state->store, id, err));
    if (customer >= LOAD_NO_NUMBER) {
        return clade_fail(err, CLADE_ERR_DATA, "more than %u customers in one workspace",
                          LOAD_NO_NUMBER);
    }
    CLADE_TRY(customer_room(state, customer, err));
    CLADE_TRY(clade__names_reserve(&state->customers, state->customers.n + 1, err));
    clade__names_put(&state->customers, name, (uint32_t)customer);
    *out_customer = customer;
    return CLADE_OK;
}

/* What a name or an address gives away, looked at before it is sealed; only the verdict is kept. */
static clade_status judge_person(load_sink *sink, int64_t customer, const load_batch *batch,
                                 const load_row *row, clade_error *err)
{
    const clade_text name  = load_text(batch, row->span[SLOT_NAME]);
    const clade_text email = load_text(batch, row->span[SLOT_EMAIL]);
    uint8_t         *has   = &sink->state->customer_has[customer];
    const int64_t    since = row->at_us == LOAD_NO_TIME ? LOAD_KNOWN_ALWAYS : row->at_us;
    if (!(*has & IS_TEST) && clade__looks_like_test(name, email)) {
        *has |= IS_TEST;
        CLADE_TRY(clade__sink_attribute(sink, customer, CLADE_TEXT("looks_like_test"),
                                        CLADE_TEXT("yes"), 1, since, err));
    }
    if (!(*has & IS_STAFF) &&
        clade__looks_like_staff(email, (clade_text){ 0 }, (clade_text){ 0 })) {
        *has |= IS_STAFF;
        CLADE_TRY(clade__sink_attribute(sink, customer, CLADE_TEXT("looks_like_staff"),
                                        CLADE_TEXT("yes"), 1, since, err));
    }
    return CLADE_OK;
}

clade_status clade__sink_customer(int64_t *out_customer, load_sink *sink, const load_batch *batch,
                                  const load_row *row, clade_error *err)
{
    static const struct {
        load_slot   slot;
        uint8_t     bit;
        const char *kind;
    } personal[] = { { SLOT_NAME, HAS_NAME, "name" },
                     { SLOT_EMAIL, HAS_EMAIL, "email" },
                     { SLOT_PHONE, HAS_PHONE, "phone" },
                     { SLOT_ADDRESS, HAS_ADDRESS, "address" } };

    CLADE_TRY(clade__sink_person(out_customer, sink, row->customer,
                                 load_text(batch, row->span[SLOT_CUSTOMER]), err));
    if (!sink->plan->personal || *out_customer < 0) return CLADE_OK;
    CLADE_TRY(judge_person(sink, *out_customer, batch, row, err));
    if (sink->plan->shape == CLADE_SHAPE_CUSTOMERS) return CLADE_OK; /* versions: load_table.c */
    for (size_t i = 0; i < sizeof personal / sizeof personal[0]; i++) {
        const clade_text value = load_text(batch, row->span[personal[i].slot]);
        uint8_t         *has   = &sink->state->customer_has[*out_customer];
        if (value.size == 0 || (*has & personal[i].bit)) continue;
        CLADE_TRY(clade__sink_seal(sink, *out_customer, personal[i].kind, value, err));
        *has |= personal[i].bit;
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- items */

void clade__item_learn(load_state *state, uint32_t item, int part, clade_text text)
{
    if (text.size == 0 || state->item[item].text[part].size != 0) return;
    if (state->item_texts.size == 0) clade_buffer_append(&state->item_texts, "", 1);
    state->item[item].text[part] =
        (load_span){ (uint32_t)state->item_texts.size, (uint32_t)text.size };
    clade_buffer_append(&state->item_texts, text.data, text.size);
}

clade_status clade__sink_item(int64_t *out_item, load_sink *sink, clade__name_hash name,
                              clade_text ref, clade_error *err)
{
    load_state *state = sink->state;
    *out_item         = -1;
    if (ref.size == 0) return CLADE_OK;
    uint32_t item = clade__names_find(&state->items, name);
    if (item == LOAD_NO_NUMBER) {
        item = state->n_items;
        CLADE_TRY(item_room(state, item, err));
        CLADE_TRY(clade__names_reserve(&state->items, state->items.n + 1, err));
        if (state->item_texts.size > UINT32_MAX - (4u << 20)) {
            return clade_fail(err, CLADE_ERR_DATA, "more than 4 GB of item names");
        }
        clade__names_put(&state->items, name, item);
        clade__item_learn(state, item, 0, ref);
        if (state->item_texts.failed) return no_memory(err);
        state->n_items++;
    }
    *out_item = item;
    return CLADE_OK;
}

static const char level_mark[] =
    " > "; /* between the levels of a category: docs/formats/schema.md */

clade_text clade__item_category(char *out, size_t out_size, const load_batch *batch,
                                const load_row *row)
{
    const clade_text main  = load_text(batch, row->span[SLOT_CATEGORY]);
    const clade_text below = load_text(batch, row->span[SLOT_SUBCATEGORY]);
    if (below.size == 0) return main;
    const size_t size = main.size + strlen(level_mark) + below.size;
    if (main.size == 0 || size > out_size) return main.size == 0 ? below : main;
    memcpy(out, main.data, main.size);
    memcpy(out + main.size, level_mark, strlen(level_mark));
    memcpy(out + main.size + strlen(level_mark), below.data, below.size);
    return (clade_text){ out, size };
}

clade_status clade__item_touch(load_state *state, uint32_t number, clade_error *err)
{
    load_item *item = &state->item[number];
    if (item->bits & ITEM_TOUCHED) return CLADE_OK;
    if (!CLADE_GROW(&state->touched, &state->touched_capacity, state->n_touched + 1)) {
        return no_memory(err);
    }
    item->bits |= ITEM_TOUCHED;
    state->touched[state->n_touched++] = number;
    return CLADE_OK;
}

/* An event named the item: remember when first, and what the line says about it. */
static clade_status touch_item(load_state *state, uint32_t number, const load_batch *batch,
                               const load_row *row, clade_error *err)
{
    load_item *item = &state->item[number];
    CLADE_TRY(clade__item_touch(state, number, err));
    if (row->at_us < item->min_us) item->min_us = row->at_us;
    if ((item->bits & (ITEM_TOLD | ITEM_NAME)) == 0 && row->span[SLOT_ITEM_NAME].size != 0) {
        clade__item_learn(state, number, 1, load_text(batch, row->span[SLOT_ITEM_NAME]));
        item->bits |= ITEM_NAME;
    }
    if ((item->bits & (ITEM_TOLD | ITEM_CATEGORY)) == 0 &&
        (row->span[SLOT_CATEGORY].size | row->span[SLOT_SUBCATEGORY].size) != 0) {
        char joined[512];
        clade__item_learn(state, number, 2,
                          clade__item_category(joined, sizeof joined, batch, row));
        item->bits |= ITEM_CATEGORY;
    }
    if ((item->bits & (ITEM_TOLD | ITEM_BRAND)) == 0 && row->span[SLOT_BRAND].size != 0) {
        clade__item_learn(state, number, 3, load_text(batch, row->span[SLOT_BRAND]));
        item->bits |= ITEM_BRAND;
    }
    return CLADE_OK;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Rows of `item` for items that this file was the first to name, to tell of, or to date earlier. */
static clade_status write_items(load_sink *sink, clade_error *err)
{
    load_state *state = sink->state;
    load_out   *out   = &sink->item;
    if (state->item_texts.failed) return no_memory(err);
    if (state->n_touched > 0) {
        qsort(state->touched, state->n_touched, sizeof state->touched[0], by_number);
    }
    for (size_t k = 0; k < state->n_touched; k++) {
        const uint32_t i       = state->touched[k];
        load_item     *item    = &state->item[i];
        const bool     news    = (item->bits & (ITEM_NAME | ITEM_CATEGORY | ITEM_BRAND)) != 0;
        const bool     earlier = item->min_us < item->known_us;
        item->bits &= ~(uint32_t)ITEM_TOUCHED;
        const int64_t min_us = item->min_us;
        item->min_us         = INT64_MAX;
        if ((item->bits & ITEM_STORED) && !(news && !(item->bits & ITEM_TOLD)) &&
            !(earlier && !(item->bits & ITEM_TOLD))) {
            continue;
        }
        size_t row = 0;
        CLADE_TRY(clade__out_open(out, state->store, "item", 10, err));
        CLADE_TRY(clade__out_row(&row, out, err));
        clade__out_i64(out, 0, row, i);
        for (int part = 0; part < 4; part++) {
            const load_span span = item->text[part];
            clade__out_text(out, (size_t)part + 1, row,
                            (clade_text){ state->item_texts.data + span.at, span.size });
        }
        for (size_t column = 5; column < 8; column++)
            clade__out_null(out, column, row);
        clade__out_i64(out, 8, row, min_us);
        clade__out_i64(out, 9, row, sink->load);
        item->known_us = earlier ? min_us : item->known_us;
        item->bits |= ITEM_STORED | (news ? ITEM_TOLD : 0);
    }
    state->n_touched = 0;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- quarantine */

clade_status clade__sink_quarantine(load_sink *sink, const load_batch *batch, const load_row *row,
                                    clade_error *err)
{
    load_out *out      = &sink->quarantine;
    int64_t   customer = -1;
    size_t    at       = 0;
    CLADE_TRY(clade__sink_person(&customer, sink, row->customer,
                                 load_text(batch, row->span[SLOT_CUSTOMER]), err));
    clade_buffer_clear(&sink->sealed);
    CLADE_TRY(clade_identity_seal(&sink->sealed, sink->state->store, customer,
                                  load_text(batch, row->raw), err));
    if (sink->sealed.failed) return no_memory(err);
    CLADE_TRY(clade__out_open(out, sink->state->store, "quarantine", 7, err));
    CLADE_TRY(clade__out_row(&at, out, err));
    clade__out_i64(out, 0, at, sink->load);
    clade__out_text(out, 1, at, clade_text_of(sink->path));
    clade__out_i64(out, 2, at, row->line);
    clade__out_text(out, 3, at,
                    row->bad_column < sink->plan->n_columns
                        ? clade_text_of(sink->plan->column[row->bad_column])
                        : (clade_text){ 0 });
    clade__out_text(out, 4, at,
                    row->bad_span.at != 0 ? load_text(batch, row->bad_span)
                                          : clade_text_of(row->bad));
    if (customer < 0)
        clade__out_null(out, 5, at);
    else
        clade__out_i64(out, 5, at, customer);
    clade__out_text(out, 6, at, (clade_text){ sink->sealed.data, sink->sealed.size });
    sink->n_quarantined++;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- events */

static void put_i64(load_out *out, size_t column, size_t row, bool there, int64_t value)
{
    if (out->absent >> column & 1) return;
    clade__out_i64(out, column, row, value);
    if (!there) clade__out_null(out, column, row);
}

static void put_f64(load_out *out, size_t column, size_t row, bool there, double value)
{
    if (out->absent >> column & 1) return;
    clade__out_f64(out, column, row, value);
    if (!there) clade__out_null(out, column, row);
}

static void put_text(load_out *out, size_t column, size_t row, const load_batch *batch,
                     load_span span)
{
    if (out->absent >> column & 1) return;
    clade__out_text(out, column, row, load_text(batch, span));
}

static clade_status write_event(load_sink *sink, const load_batch *batch, const load_row *row,
                                int64_t customer, int64_t item, int64_t at_us, uint64_t key,
                                clade_error *err)
{
    load_out      *out = &sink->event;
    const uint32_t has = row->has;
    size_t         at  = 0;
    CLADE_TRY(clade__out_row(&at, out, err));
    const clade_text session = load_text(batch, row->span[SLOT_SESSION]);
    const bool       money   = (has & (ROW_HAS_AMOUNT | ROW_HAS_PRICE)) != 0;

    clade__out_i64(out, EVENT_EVENT, at, sink->state->next_event++);
    put_i64(out, EVENT_CUSTOMER, at, customer >= 0, customer);
    clade__out_i64(out, EVENT_AT, at, at_us);
    ((uint8_t *)clade_appender_column(out->appender, EVENT_KIND))[at] = row->kind;
    put_i64(out, EVENT_ITEM, at, item >= 0, item);
    put_f64(out, EVENT_QUANTITY, at, (has & ROW_HAS_QUANTITY) != 0, row->quantity);
    put_i64(out, EVENT_PRICE, at, (has & ROW_HAS_PRICE) != 0, row->price_minor);
    put_i64(out, EVENT_AMOUNT, at, (has & ROW_HAS_AMOUNT) != 0, row->amount_minor);
    put_i64(out, EVENT_VALUE, at, (has & ROW_HAS_VALUE) != 0, row->value_minor);
    put_i64(out, EVENT_DISCOUNT, at, (has & ROW_HAS_DISCOUNT) != 0, row->discount_minor);
    if (!(out->absent >> EVENT_CURRENCY & 1)) {
        clade__out_text(out, EVENT_CURRENCY, at,
                        money ? (clade_text){ row->currency, 3 } : (clade_text){ 0 });
    }
    put_text(out, EVENT_ORDER, at, batch, row->span[SLOT_ORDER]);
    put_i64(out, EVENT_SESSION, at, session.size != 0,
            (int64_t)clade_hash64(session.data, session.size, 0));
    put_text(out, EVENT_QUERY, at, batch, row->span[SLOT_QUERY]);
    put_text(out, EVENT_CHANNEL, at, batch, row->span[SLOT_CHANNEL]);
    put_text(out, EVENT_DEVICE, at, batch, row->span[SLOT_DEVICE]);
    put_text(out, EVENT_COUPON, at, batch, row->span[SLOT_COUPON]);
    put_i64(out, EVENT_DWELL, at, (has & ROW_HAS_DWELL) != 0, row->dwell_us);
    put_f64(out, EVENT_RATING, at, (has & ROW_HAS_RATING) != 0, row->rating);
    ((uint64_t *)clade_appender_column(out->appender, EVENT_KEY))[at] = key;
    clade__out_i64(out, EVENT_LOAD, at, sink->load);
    sink->n_events++;
    return CLADE_OK;
}

/* Is the row new? In logs without order ids and with coarse clocks the k-th repeat in a file is a
 * row of its own; else an exact repeat is a duplicate. */
static clade_status claim_key(bool *out_new, uint64_t *key, load_sink *sink, const load_row *row,
                              clade_error *err)
{
    load_state      *state = sink->state;
    clade__key_state known = clade__keys_put(&state->keys, *key);
    if (known == KEY_IN_FILE && sink->plan->coarse && !(row->has & ROW_HAS_MESSAGE)) {
        uint64_t *k = clade__map_at(&state->repeats, *key, true);
        if (k == NULL) return no_memory(err);
        *key  = clade__key_repeat(*key, ++*k);
        known = clade__keys_put(&state->keys, *key);
        if (known == KEY_NEW) sink->n_repeats_kept++;
    }
    *out_new = known == KEY_NEW;
    return CLADE_OK;
}

static bool is_separator(char c)
{
    return c == ' ' || c == ',' || c == ';' || c == '|' || c == '\t';
}

/* A basket: one event for each item of the list. */
static clade_status write_list(load_sink *sink, const load_batch *batch, const load_row *row,
                               int64_t customer, uint64_t key, clade_error *err)
{
    const clade_text list = load_text(batch, row->span[SLOT_ITEMS]);
    size_t           i    = 0;
    for (int64_t n = 0; i < list.size && n < LOAD_MAX_EVENTS_PER_ROW; n++) {
        while (i < list.size && is_separator(list.data[i]))
            i++;
        size_t to = i;
        while (to < list.size && !is_separator(list.data[to]))
            to++;
        if (to == i) break;
        const clade_text ref  = { list.data + i, to - i };
        int64_t          item = -1;
        i                     = to;
        CLADE_TRY(clade__sink_item(&item, sink, clade__name_of(ref), ref, err));
        CLADE_TRY(touch_item(sink->state, (uint32_t)item, batch, row, err));
        CLADE_TRY(write_event(sink, batch, row, customer, item, row->at_us + n * row->gap_us,
                              clade__key_repeat(key, (uint64_t)n << 32), err));
    }
    return CLADE_OK;
}

static clade_status store_row(load_sink *sink, load_batch *batch, size_t i, int64_t customer,
                              int64_t item, uint64_t key, clade_error *err)
{
    const load_row *row    = &batch->row[i];
    bool            is_new = false;
    if (sink->plan->shape == CLADE_SHAPE_REVIEWS && row->at_us == LOAD_NO_TIME) {
        CLADE_TRY(clade__review_row(&is_new, sink, batch, i, customer, item, false, err));
        if (is_new)
            sink->n_stored++;
        else
            sink->n_duplicate++;
        return CLADE_OK;
    }
    CLADE_TRY(claim_key(&is_new, &key, sink, row, err));
    if (!is_new) {
        sink->n_duplicate++;
        return CLADE_OK;
    }
    sink->n_stored++;
    if (row->has & ROW_LIST) return write_list(sink, batch, row, customer, key, err);
    if (item >= 0) CLADE_TRY(touch_item(sink->state, (uint32_t)item, batch, row, err));
    if (row->has & ROW_UNDONE) {
        size_t at = 0;
        CLADE_TRY(clade__out_row(&at, &sink->undone, err));
        clade__out_i64(&sink->undone, 0, at, sink->state->next_event);
        sink->n_undone++;
    }
    CLADE_TRY(write_event(sink, batch, row, customer, item, row->at_us, key, err));
    if (sink->plan->shape == CLADE_SHAPE_REVIEWS) {
        return clade__review_row(&is_new, sink, batch, i, customer, item, true, err);
    }
    return CLADE_OK;
}

static clade_status event_batch(load_sink *sink, load_batch *batch, clade_error *err)
{
    load_state *state = sink->state;
    int64_t     customer[LOAD_BATCH_ROWS], item[LOAD_BATCH_ROWS];
    uint64_t    key[LOAD_BATCH_ROWS];

    CLADE_TRY(clade__keys_reserve(&state->keys, state->keys.n + 2 * batch->n_rows, err));
    for (size_t i = 0; i < batch->n_rows; i++) {
        clade__names_prefetch(&state->customers, batch->row[i].customer);
        clade__names_prefetch(&state->items, batch->row[i].item);
    }
    for (size_t i = 0; i < batch->n_rows; i++) {
        const load_row *row = &batch->row[i];
        if (row->bad != NULL) continue;
        CLADE_TRY(clade__sink_customer(&customer[i], sink, batch, row, err));
        CLADE_TRY(clade__sink_item(&item[i], sink, row->item,
                                   load_text(batch, row->span[SLOT_ITEM]), err));
        /* The customer's number, not the id: once the customer is forgotten nothing leads back. */
        key[i] = (row->has & ROW_HAS_MESSAGE)
                     ? row->body
                     : clade__key_mix(row->body, (uint64_t)(customer[i] + 1));
        clade__keys_prefetch(&state->keys, key[i]);
        if (item[i] >= 0) __builtin_prefetch(&state->item[item[i]], 1);
    }
    for (size_t i = 0; i < batch->n_rows; i++) {
        if (batch->row[i].bad != NULL)
            CLADE_TRY(clade__sink_quarantine(sink, batch, &batch->row[i], err));
        else
            CLADE_TRY(store_row(sink, batch, i, customer[i], item[i], key[i], err));
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- a file */

static bool is_event_shape(clade_shape shape)
{
    return shape == CLADE_SHAPE_ORDERS || shape == CLADE_SHAPE_EVENTS ||
           shape == CLADE_SHAPE_REVIEWS;
}

/* Columns that no row of this file can have a value for. */
static uint64_t absent_columns(const load_plan *plan)
{
    const struct {
        clade_field field;
        int         column;
    } sources[] = { { CLADE_FIELD_ORDER, EVENT_ORDER },      { CLADE_FIELD_SESSION, EVENT_SESSION },
                    { CLADE_FIELD_QUERY, EVENT_QUERY },      { CLADE_FIELD_CHANNEL, EVENT_CHANNEL },
                    { CLADE_FIELD_DEVICE, EVENT_DEVICE },    { CLADE_FIELD_COUPON, EVENT_COUPON },
                    { CLADE_FIELD_DWELL_S, EVENT_DWELL },    { CLADE_FIELD_RATING, EVENT_RATING },
                    { CLADE_FIELD_DISCOUNT, EVENT_DISCOUNT } };
    uint64_t absent = 0;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (plan->of[sources[i].field] < 0) absent |= UINT64_C(1) << sources[i].column;
    }
    if (plan->of[CLADE_FIELD_PRICE] < 0 && plan->of[CLADE_FIELD_AMOUNT] < 0) {
        absent |= UINT64_C(1) << EVENT_PRICE | UINT64_C(1) << EVENT_AMOUNT |
                  UINT64_C(1) << EVENT_VALUE | UINT64_C(1) << EVENT_CURRENCY;
    }
    return absent;
}

clade_status clade__sink_tables(load_sink *sink, clade_error *err)
{
    load_state *state = sink->state;
    if (!is_event_shape(sink->plan->shape)) return clade__table_open(sink, err);
    if (sink->plan->shape == CLADE_SHAPE_REVIEWS) CLADE_TRY(clade__table_open(sink, err));
    CLADE_TRY(clade_store_run(
        state->store, "CREATE OR REPLACE TEMP TABLE load_undone (event BIGINT)", NULL, 0, err));
    CLADE_TRY(clade__out_open(&sink->undone, state->store, "load_undone", 1, err));
    sink->event.absent = absent_columns(sink->plan);
    return clade__out_open(&sink->event, state->store, "event", EVENT_N, err);
}

clade_status clade__sink_open(load_sink *sink, clade_error *err)
{
    load_state *state = sink->state;
    clade__map_free(&state->repeats);
    clade__keys_new_file(&state->keys);
    clade__keys_new_file(&state->rows);
    CLADE_TRY(clade__sink_tables(sink, err));
    if (!is_event_shape(sink->plan->shape)) return CLADE_OK;
    if (sink->plan->store_reads || clade_threads_get() == 1) return CLADE_OK;
    return clade__out_help(&sink->event, state->store, "event", err);
}

clade_status clade__sink_batch(load_sink *sink, load_batch *batch, clade_error *err)
{
    sink->n_read += (int64_t)batch->n_rows;
    if (is_event_shape(sink->plan->shape)) return event_batch(sink, batch, err);
    for (size_t i = 0; i < batch->n_rows; i++) {
        bool is_new = false;
        if (batch->row[i].bad != NULL) {
            CLADE_TRY(clade__sink_quarantine(sink, batch, &batch->row[i], err));
            continue;
        }
        CLADE_TRY(clade__table_row(&is_new, sink, batch, i, err));
        if (is_new)
            sink->n_stored++;
        else
            sink->n_duplicate++;
    }
    return CLADE_OK;
}

/* Orders whose only line says that they were cancelled: the sale is put in front of its refund, so
 * that together they come to nothing. Where the log also has the sale, it is the one undone. */
static clade_status complete_undone(load_sink *sink, clade_error *err)
{
    load_state *state = sink->state;
    int64_t     n     = 0;
    if (sink->n_undone == 0) return CLADE_OK;
    const clade_value next = CLADE_INT(state->next_event);
    CLADE_TRY(clade_store_run(
        state->store,
        "INSERT INTO event SELECT ? - 1 + row_number() OVER (ORDER BY e.event), e.customer, "
        "e.at_us, "
        "'purchase', e.item, e.quantity, e.price_minor, -e.amount_minor, -e.value_minor, "
        "e.discount_minor, e.currency, e.order_ref, e.session_key, e.query, e.channel, e.device, "
        "e.coupon, e.dwell_us, e.rating, hash(e.row_key, 'undone'), e.load "
        "FROM event e JOIN load_undone u ON u.event = e.event "
        "WHERE NOT EXISTS (SELECT 1 FROM event p WHERE p.kind = 'purchase' AND p.order_ref = "
        "e.order_ref AND p.item IS NOT DISTINCT FROM e.item)",
        &next, 1, err));
    CLADE_TRY(clade_store_int(&n, state->store, "SELECT coalesce(max(event), -1) + 1 FROM event",
                              NULL, 0, 0, err));
    sink->n_events += n - state->next_event;
    state->next_event = n;
    return CLADE_OK;
}

clade_status clade__sink_finish(load_sink *sink, clade_error *err)
{
    if (is_event_shape(sink->plan->shape) || sink->plan->shape == CLADE_SHAPE_RIVAL_PRICES) {
        CLADE_TRY(write_items(sink, err));
    }
    CLADE_TRY(clade__out_finish(&sink->undone, err));
    CLADE_TRY(clade__out_finish(&sink->event, err));
    CLADE_TRY(clade__out_finish(&sink->identity, err));
    CLADE_TRY(clade__out_finish(&sink->people, err));
    CLADE_TRY(clade__out_finish(&sink->item, err));
    CLADE_TRY(clade__out_finish(&sink->table, err));
    CLADE_TRY(clade__out_finish(&sink->quarantine, err));
    CLADE_TRY(complete_undone(sink, err));
    assert(sink->n_read == sink->n_stored + sink->n_duplicate + sink->n_quarantined);
    return CLADE_OK;
}

void clade__sink_close(load_sink *sink)
{
    load_out *const outs[] = { &sink->event, &sink->identity, &sink->quarantine, &sink->people,
                               &sink->item,  &sink->table,    &sink->undone };
    for (size_t i = 0; i < sizeof outs / sizeof outs[0]; i++) {
        clade__out_close(outs[i]);
    }
    clade_buffer_free(&sink->sealed);
    clade_buffer_free(&sink->scratch);
}
