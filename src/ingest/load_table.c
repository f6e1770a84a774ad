/* Storing rows of the tables beside `event`: customers, items, reviews and surveys, rivals' prices,
 * ties, campaign contacts. These have no row key of their own, so each has its rule for "the same
 * again": an attribute or a catalogue entry that did not change, a tie, a contact or an answer that
 * the table already holds. What the tables hold is read once, when a call first needs it. */
#include "load_internal.h"

#include <stdio.h>
#include <stdlib.h>

static clade_status no_memory(clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory for what the tables already hold");
}

/* ---------------------------------------------------------------- keys of rows */

/* A row's content as bytes, hashed at the end. Absent numbers are written as their own bit pattern.
 */
typedef struct row_content {
    unsigned char data[8192];
    size_t        size;
} row_content;

static void content_u64(row_content *content, uint64_t value)
{
    if (content->size + 8 > sizeof content->data) return;
    memcpy(content->data + content->size, &value, 8);
    content->size += 8;
}

static void content_f64(row_content *content, double value)
{
    uint64_t bits = 0;
    value += 0.0; /* -0 is 0 */
    if (!__builtin_isnan(value))
        memcpy(&bits, &value, 8);
    else
        bits = UINT64_MAX;
    content_u64(content, bits);
}

static void content_text(row_content *content, clade_text text)
{
    content_u64(content, text.size == 0 ? 0 : clade_hash64(text.data, text.size, 1));
}

static uint64_t content_key(const row_content *content, clade_shape table)
{
    return clade_hash64(content->data, content->size, (uint64_t)table);
}

/* The key of row `row` of a chunk whose columns are the content, in order. */
static uint64_t chunk_key(const clade_chunk *chunk, clade_rows *rows, size_t row, clade_shape table)
{
    row_content content = { .size = 0 };
    for (size_t i = 0; i < chunk->n_columns; i++) {
        switch (clade_rows_column_type(rows, i)) {
        case CLADE_TYPE_TEXT: content_text(&content, clade_chunk_text(chunk, i, row)); break;
        case CLADE_TYPE_F64:
            content_f64(&content, clade_chunk_real(chunk, i, row, (double)__builtin_nan("")));
            break;
        default: content_u64(&content, (uint64_t)clade_chunk_int(chunk, i, row, INT64_MIN)); break;
        }
    }
    return content_key(&content, table);
}

static clade_status fill_rows(load_state *state, clade_shape table, const char *sql,
                              clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    if (state->current_ready[table]) return CLADE_OK;
    status = clade_store_query(&rows, state->store, sql, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        status = clade__keys_reserve(&state->rows, state->rows.n + chunk.n_rows, err);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            clade__keys_put(&state->rows, chunk_key(&chunk, rows, i, table));
        }
    }
    clade_rows_close(rows);
    state->current_ready[table] = status == CLADE_OK;
    return status;
}

static clade_status claim_row(bool *out_new, load_state *state, const row_content *content,
                              clade_shape table, clade_error *err)
{
    CLADE_TRY(clade__keys_reserve(&state->rows, state->rows.n + 1, err));
    *out_new = clade__keys_put(&state->rows, content_key(content, table)) == KEY_NEW;
    return CLADE_OK;
}

static int64_t null_or(int64_t value, bool there)
{
    return there ? value : INT64_MIN;
}

static double nan_or(double value, bool there)
{
    return there ? value : (double)__builtin_nan("");
}

static void put_i64(load_out *out, size_t column, size_t row, int64_t value)
{
    clade__out_i64(out, column, row, value);
    if (value == INT64_MIN) clade__out_null(out, column, row);
}

static void put_f64(load_out *out, size_t column, size_t row, double value)
{
    clade__out_f64(out, column, row, value);
    if (__builtin_isnan(value)) clade__out_null(out, column, row);
}

/* ---------------------------------------------------------------- latest values */

static uint64_t attribute_key(int64_t customer, clade_text name)
{
    return clade__key_mix((uint64_t)customer + 1, clade_hash64(name.data, name.size, 2));
}

/* Remember a subject's value; true when it is another one than before. */
static clade_status learn(bool *out_changed, bool *out_first, load_state *state, uint64_t key,
                          uint64_t value, clade_error *err)
{
    const size_t before = state->current.n;
    uint64_t    *at     = clade__map_at(&state->current, key, true);
    if (at == NULL) return no_memory(err);
    *out_first   = state->current.n > before;
    *out_changed = *out_first || *at != value;
    *at          = value;
    return CLADE_OK;
}

static clade_status fill_attributes(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    bool         changed, first;
    status = clade_store_query(&rows, state->store,
                               "SELECT customer, name, value FROM customer ORDER BY known_us, load",
                               NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            const clade_text value = clade_chunk_text(&chunk, 2, i);
            status                 = learn(&changed, &first, state,
                                           attribute_key(customer[i], clade_chunk_text(&chunk, 1, i)),
                                           clade_hash64(value.data, value.size, 3), err);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* Personal values are compared too, so they are opened once, hashed, and dropped. */
static clade_status fill_personal(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_buffer open   = { 0 };
    bool         changed, first;
    status = clade_store_query(&rows, state->store,
                               "SELECT customer, kind, sealed FROM identity WHERE kind <> 'id' AND "
                               "customer >= 0 ORDER BY load",
                               NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            clade_buffer_clear(&open);
            status = clade_identity_unseal(&open, state->store, customer[i],
                                           clade_chunk_text(&chunk, 2, i), err);
            if (status == CLADE_ERR_NOT_FOUND) { /* forgotten meanwhile */
                status = CLADE_OK;
                continue;
            }
            if (status == CLADE_OK) {
                status = learn(&changed, &first, state,
                               attribute_key(customer[i], clade_chunk_text(&chunk, 1, i)),
                               clade_hash64(open.data, open.size, 3), err);
            }
        }
    }
    clade_rows_close(rows);
    clade_buffer_free(&open);
    return status;
}

/* ---------------------------------------------------------------- customers */

double clade__attribute_number(clade_text value, const clade_column_map *column)
{
    static const char *const yes[] = { "yes", "true", "y", "是" };
    static const char *const no[]  = { "no", "false", "n", "否" };
    double                   number;
    if (clade_value_number(&number, value, column) == NULL) return number;
    for (size_t i = 0; i < 4; i++) {
        if (clade_text_equal_nocase(value, clade_text_of(yes[i]))) return 1;
        if (clade_text_equal_nocase(value, clade_text_of(no[i]))) return 0;
    }
    return (double)__builtin_nan("");
}

/* Since when a value is known: what the row says, else the day the customer signed up, else from
 * the start; a change without a date is known from now on. */
static int64_t known_since(const load_state *state, const load_row *row, bool first)
{
    if (row->at_us != LOAD_NO_TIME) return row->at_us;
    if (!first) return state->now_us;
    return row->registered_us != LOAD_NO_TIME ? row->registered_us : LOAD_KNOWN_ALWAYS;
}

static clade_status customer_value(bool *out_new, load_sink *sink, const load_row *row,
                                   int64_t customer, clade_text name, clade_text value,
                                   double number, bool personal, clade_error *err)
{
    load_state *state   = sink->state;
    bool        changed = false, first = false;
    if (value.size == 0) return CLADE_OK;
    CLADE_TRY(learn(&changed, &first, state, attribute_key(customer, name),
                    clade_hash64(value.data, value.size, 3), err));
    if (!changed) return CLADE_OK;
    *out_new = true;
    if (personal) {
        char kind[64];
        snprintf(kind, sizeof kind, "%.*s", (int)(name.size > 60 ? 60 : name.size), name.data);
        kind[clade_utf8_valid(kind, strlen(kind))] = '\0';
        return clade__sink_seal(sink, customer, kind, value, err);
    }
    return clade__sink_attribute(sink, customer, name, value, number,
                                 known_since(state, row, first), err);
}

clade_status clade__customer_attribute(bool *out_new, load_sink *sink, const load_row *row,
                                       int64_t customer, clade_text name, clade_text value,
                                       const clade_column_map *column, clade_error *err)
{
    if (value.size == 0) return CLADE_OK;
    const double number = clade__attribute_number(value, column);
    const bool   secret = __builtin_isnan(number) && clade__text_personal(value, true);
    CLADE_TRY(customer_value(out_new, sink, row, customer, name, value, number, secret, err));
    if (!clade__looks_like_staff((clade_text){ 0 }, name, value)) return CLADE_OK;
    return customer_value(out_new, sink, row, customer, CLADE_TEXT("looks_like_staff"),
                          CLADE_TEXT("yes"), 1, false, err);
}

static clade_status customer_row(bool *out_new, load_sink *sink, load_batch *batch, size_t i,
                                 clade_error *err)
{
    static const struct {
        load_slot   slot;
        const char *kind;
    } personal[]              = { { SLOT_NAME, "name" },
                                  { SLOT_EMAIL, "email" },
                                  { SLOT_PHONE, "phone" },
                                  { SLOT_ADDRESS, "address" } };
    const load_plan *plan     = sink->plan;
    const load_row  *row      = &batch->row[i];
    int64_t          customer = -1;

    CLADE_TRY(clade__sink_customer(&customer, sink, batch, row, err));
    uint8_t *has = &sink->state->customer_has[customer];
    *out_new     = !(*has & HAS_ID); /* nobody had heard of this customer */
    *has |= HAS_ID;
    for (size_t k = 0; k < sizeof personal / sizeof personal[0]; k++) {
        CLADE_TRY(customer_value(out_new, sink, row, customer, clade_text_of(personal[k].kind),
                                 load_text(batch, row->span[personal[k].slot]), 0, true, err));
    }
    if (row->registered_us != LOAD_NO_TIME) {
        char text[40];
        clade_time_format(text, row->registered_us);
        CLADE_TRY(customer_value(out_new, sink, row, customer, CLADE_TEXT("registered"),
                                 clade_text_of(text), (double)row->registered_us, false, err));
    }
    for (size_t k = 0; k < plan->n_attributes; k++) {
        const uint32_t   column = plan->attribute[k];
        const clade_text name   = clade_text_of(plan->column[column]);
        const clade_text value  = load_text(batch, batch->attribute[i * plan->n_attributes + k]);
        CLADE_TRY(clade__customer_attribute(out_new, sink, row, customer, name, value,
                                            &plan->mapping.column[column], err));
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- items */

static uint64_t item_value(clade_text name, clade_text category, clade_text brand, int64_t price,
                           clade_text currency, double stock)
{
    row_content content = { .size = 0 };
    content_text(&content, name);
    content_text(&content, category);
    content_text(&content, brand);
    content_u64(&content, (uint64_t)price);
    content_text(&content, price == INT64_MIN ? (clade_text){ 0 } : currency);
    content_f64(&content, stock);
    return content_key(&content, CLADE_SHAPE_ITEMS);
}

static uint64_t item_key(int64_t item)
{
    return clade__key_mix((uint64_t)item + 1, 0x6974656d);
}

static clade_status fill_catalogue(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    bool         changed, first;
    status = clade_store_query(
        &rows, state->store,
        "SELECT i.item, i.name, i.category, i.brand, i.price_minor, i.currency, "
        "i.stock FROM item i JOIN load l ON l.load = i.load AND l.shape = 'items' "
        "ORDER BY i.known_us, i.load",
        NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *item = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            const uint64_t value =
                item_value(clade_chunk_text(&chunk, 1, i), clade_chunk_text(&chunk, 2, i),
                           clade_chunk_text(&chunk, 3, i), clade_chunk_int(&chunk, 4, i, INT64_MIN),
                           clade_chunk_text(&chunk, 5, i),
                           clade_chunk_real(&chunk, 6, i, (double)__builtin_nan("")));
            status = learn(&changed, &first, state, item_key(item[i]), value, err);
        }
    }
    clade_rows_close(rows);
    return status;
}

static clade_status item_row(bool *out_new, load_sink *sink, const load_batch *batch,
                             const load_row *row, clade_error *err)
{
    load_state *state = sink->state;
    load_out   *out   = &sink->table;
    int64_t     item  = -1;
    bool        first = false;
    size_t      at    = 0;
    char        joined[512];

    CLADE_TRY(
        clade__sink_item(&item, sink, row->item, load_text(batch, row->span[SLOT_ITEM]), err));
    const load_span *told    = state->item[item].text;
    clade_text       part[3] = { load_text(batch, row->span[SLOT_ITEM_NAME]),
                                 clade__item_category(joined, sizeof joined, batch, row),
                                 load_text(batch, row->span[SLOT_BRAND]) };
    for (int i = 0; i < 3; i++) { /* what only the order log knew is not lost */
        if (part[i].size == 0 && told[i + 1].size != 0) {
            part[i] = (clade_text){ state->item_texts.data + told[i + 1].at, told[i + 1].size };
        }
    }
    const int64_t    price    = null_or(row->price_minor, (row->has & ROW_HAS_PRICE) != 0);
    const clade_text currency = { row->currency, price == INT64_MIN ? 0 : 3 };
    const double     stock    = nan_or(row->stock, (row->has & ROW_HAS_STOCK) != 0);
    CLADE_TRY(learn(out_new, &first, state, item_key(item),
                    item_value(part[0], part[1], part[2], price, currency, stock), err));
    if (!*out_new) return CLADE_OK;

    CLADE_TRY(clade__out_row(&at, out, err));
    clade__out_i64(out, 0, at, item);
    clade__out_text(out, 1, at, load_text(batch, row->span[SLOT_ITEM]));
    for (size_t i = 0; i < 3; i++)
        clade__out_text(out, 2 + i, at, part[i]);
    put_i64(out, 5, at, price);
    clade__out_text(out, 6, at, currency);
    put_f64(out, 7, at, stock);
    clade__out_i64(out, 8, at, known_since(state, row, first));
    clade__out_i64(out, 9, at, sink->load);
    state->item[item].bits |= ITEM_STORED | ITEM_TOLD;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- rivals, ties, contacts */

static clade_status rival_row(bool *out_new, load_sink *sink, const load_batch *batch,
                              const load_row *row, clade_error *err)
{
    load_out  *out   = &sink->table;
    int64_t    item  = -1;
    size_t     at    = 0;
    clade_text rival = load_text(batch, row->span[SLOT_RIVAL]);
    if (rival.size == 0) rival = CLADE_TEXT("rival");
    CLADE_TRY(
        clade__sink_item(&item, sink, row->item, load_text(batch, row->span[SLOT_ITEM]), err));
    load_item *known = &sink->state->item[item];
    CLADE_TRY(clade__item_touch(sink->state, (uint32_t)item, err));
    if (row->at_us < known->min_us) known->min_us = row->at_us;

    row_content content = { .size = 0 };
    content_text(&content, rival);
    content_u64(&content, (uint64_t)item);
    content_u64(&content, (uint64_t)row->at_us);
    content_u64(&content, (uint64_t)row->price_minor);
    CLADE_TRY(claim_row(out_new, sink->state, &content, CLADE_SHAPE_RIVAL_PRICES, err));
    if (!*out_new) return CLADE_OK;
    CLADE_TRY(clade__out_row(&at, out, err));
    clade__out_text(out, 0, at, rival);
    clade__out_i64(out, 1, at, item);
    clade__out_i64(out, 2, at, row->at_us);
    clade__out_i64(out, 3, at, row->price_minor);
    clade__out_text(out, 4, at, (clade_text){ row->currency, 3 });
    clade__out_i64(out, 5, at, sink->load);
    return CLADE_OK;
}

static clade_status edge_row(bool *out_new, load_sink *sink, const load_batch *batch,
                             const load_row *row, clade_error *err)
{
    load_out  *out      = &sink->table;
    int64_t    customer = -1, other = -1;
    size_t     at   = 0;
    clade_text kind = load_text(batch, row->span[SLOT_EDGE_KIND]);
    if (kind.size == 0) kind = CLADE_TEXT("tie");
    CLADE_TRY(clade__sink_customer(&customer, sink, batch, row, err));
    CLADE_TRY(
        clade__sink_person(&other, sink, row->other, load_text(batch, row->span[SLOT_OTHER]), err));
    const double  weight  = nan_or(row->quantity, (row->has & ROW_HAS_QUANTITY) != 0);
    const int64_t at_us   = null_or(row->at_us, row->at_us != LOAD_NO_TIME);
    row_content   content = { .size = 0 };
    content_u64(&content, (uint64_t)customer);
    content_u64(&content, (uint64_t)other);
    content_text(&content, kind);
    content_f64(&content, weight);
    content_u64(&content, (uint64_t)at_us);
    CLADE_TRY(claim_row(out_new, sink->state, &content, CLADE_SHAPE_EDGES, err));
    if (!*out_new) return CLADE_OK;
    CLADE_TRY(clade__out_row(&at, out, err));
    clade__out_i64(out, 0, at, customer);
    clade__out_i64(out, 1, at, other);
    clade__out_text(out, 2, at, kind);
    put_f64(out, 3, at, weight);
    put_i64(out, 4, at, at_us);
    clade__out_i64(out, 5, at, sink->load);
    return CLADE_OK;
}

static clade_status touch_row(bool *out_new, load_sink *sink, const load_batch *batch,
                              const load_row *row, clade_error *err)
{
    load_out *out      = &sink->table;
    int64_t   customer = -1;
    size_t    at       = 0;
    CLADE_TRY(clade__sink_customer(&customer, sink, batch, row, err));
    /* A file of redeemed coupons has no arm: which coupon it was is what tells its rows apart. */
    const load_slot  arm_slot   = row->span[SLOT_ARM].size > 0 ? SLOT_ARM : SLOT_COUPON;
    const clade_text campaign   = load_text(batch, row->span[SLOT_CAMPAIGN]);
    const clade_text arm        = load_text(batch, row->span[arm_slot]);
    const clade_text channel    = load_text(batch, row->span[SLOT_CHANNEL]);
    const int64_t    at_us      = null_or(row->at_us, row->at_us != LOAD_NO_TIME);
    const double     propensity = nan_or(row->propensity, (row->has & ROW_HAS_PROPENSITY) != 0);
    const int64_t    cost       = null_or(row->cost_minor, (row->has & ROW_HAS_COST) != 0);
    const double     outcome    = nan_or(row->outcome, (row->has & ROW_HAS_OUTCOME) != 0);
    row_content      content    = { .size = 0 };
    content_u64(&content, (uint64_t)customer);
    content_u64(&content, (uint64_t)at_us);
    content_text(&content, campaign);
    content_text(&content, arm);
    content_text(&content, channel);
    content_f64(&content, propensity);
    content_u64(&content, (uint64_t)cost);
    content_f64(&content, outcome);
    CLADE_TRY(claim_row(out_new, sink->state, &content, CLADE_SHAPE_TOUCHES, err));
    if (!*out_new) return CLADE_OK;
    CLADE_TRY(clade__out_row(&at, out, err));
    clade__out_i64(out, 0, at, customer);
    put_i64(out, 1, at, at_us);
    clade__out_text(out, 2, at, campaign);
    clade__out_text(out, 3, at, arm);
    clade__out_text(out, 4, at, channel);
    put_f64(out, 5, at, propensity);
    put_i64(out, 6, at, cost);
    put_f64(out, 7, at, outcome);
    clade__out_i64(out, 8, at, sink->load);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- reviews and surveys */

static clade_status answer(load_sink *sink, const load_row *row, int64_t customer, int64_t item,
                           const char *question, double score, clade_text choice, clade_text text,
                           clade_error *err)
{
    load_out *out = &sink->table;
    size_t    at  = 0;
    clade_buffer_clear(&sink->scratch);
    if (text.size > 0) {
        CLADE_TRY(clade_identity_seal(&sink->scratch, sink->state->store, customer, text, err));
        if (sink->scratch.failed) return no_memory(err);
    }
    CLADE_TRY(clade__out_row(&at, out, err));
    put_i64(out, 0, at, null_or(customer, customer >= 0));
    put_i64(out, 1, at, null_or(row->at_us, row->at_us != LOAD_NO_TIME));
    put_i64(out, 2, at, null_or(item, item >= 0));
    clade__out_text(out, 3, at, clade_text_of(question));
    put_f64(out, 4, at, score);
    clade__out_text(out, 5, at, choice);
    clade__out_text(out, 6, at, (clade_text){ sink->scratch.data, sink->scratch.size });
    clade__out_i64(out, 7, at, sink->load);
    return CLADE_OK;
}

static uint64_t answer_key(int64_t customer, int64_t item, clade_text question, double score,
                           clade_text text)
{
    row_content content = { .size = 0 };
    content_u64(&content, (uint64_t)customer);
    content_u64(&content, (uint64_t)item);
    content_text(&content, question);
    content_f64(&content, score);
    content_text(&content, text);
    return content_key(&content, CLADE_SHAPE_REVIEWS);
}

/* Is the answer new? Two unknown people may well say the same, so the k-th equal answer of nobody
 * in particular is one of its own; a known customer says a thing once. */
static clade_status claim_answer(bool *out_new, load_state *state, uint64_t key, bool anonymous,
                                 clade_error *err)
{
    CLADE_TRY(clade__keys_reserve(&state->rows, state->rows.n + 1, err));
    clade__key_state known = clade__keys_put(&state->rows, key);
    if (known == KEY_IN_FILE && anonymous) {
        uint64_t *k = clade__map_at(&state->repeats, key, true);
        if (k == NULL) return no_memory(err);
        known = clade__keys_put(&state->rows, clade__key_repeat(key, ++*k));
    }
    *out_new = known == KEY_NEW;
    return CLADE_OK;
}

/* Answers without a moment have no event, so the survey table itself tells what is known. */
static clade_status fill_answers(load_state *state, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_buffer open   = { 0 };
    status =
        clade_store_query(&rows, state->store,
                          "SELECT coalesce(customer, -1), coalesce(item, -1), question, score, "
                          "sealed_text FROM survey WHERE at_us IS NULL",
                          NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        const int64_t *item     = clade_chunk_data(&chunk, 1);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            clade_buffer_clear(&open);
            if (clade_chunk_valid(&chunk, 4, i)) {
                status = clade_identity_unseal(&open, state->store, customer[i],
                                               clade_chunk_text(&chunk, 4, i), err);
                if (status == CLADE_ERR_NOT_FOUND) {
                    status = CLADE_OK;
                    continue;
                }
            }
            if (status != CLADE_OK) break;
            const uint64_t key =
                answer_key(customer[i], item[i], clade_chunk_text(&chunk, 2, i),
                           clade_chunk_real(&chunk, 3, i, (double)__builtin_nan("")),
                           (clade_text){ open.data, open.size });
            bool is_new = false;
            status      = claim_answer(&is_new, state, key, customer[i] < 0, err);
        }
    }
    clade__map_free(&state->repeats);
    clade__keys_new_file(&state->rows);
    clade_rows_close(rows);
    clade_buffer_free(&open);
    return status;
}

clade_status clade__review_row(bool *out_new, load_sink *sink, load_batch *batch, size_t i,
                               int64_t customer, int64_t item, bool known_new, clade_error *err)
{
    const load_plan *plan  = sink->plan;
    load_state      *state = sink->state;
    const load_row  *row   = &batch->row[i];
    const clade_text text  = load_text(batch, row->span[SLOT_TEXT]);
    const double     score = nan_or(row->rating, (row->has & ROW_HAS_RATING) != 0);
    const int32_t    main_column =
        plan->of[text.size > 0 ? CLADE_FIELD_TEXT : CLADE_FIELD_RATING] >= 0
               ? plan->of[text.size > 0 ? CLADE_FIELD_TEXT : CLADE_FIELD_RATING]
               : -1;
    const char *question = main_column >= 0 ? plan->column[main_column] : "answer";
    const bool  has_main = text.size > 0 || !__builtin_isnan(score);

    *out_new = true;
    if (!known_new) {
        if (!has_main) {
            *out_new = !sink->known_file; /* a sheet of answers has no key but the file it is in */
        } else {
            const uint64_t key = answer_key(customer, item, clade_text_of(question), score, text);
            CLADE_TRY(claim_answer(out_new, state, key, customer < 0, err));
        }
    }
    if (!*out_new) return CLADE_OK;
    if (has_main) {
        CLADE_TRY(answer(sink, row, customer, item, question, score, (clade_text){ 0 }, text, err));
    }
    for (size_t k = 0; k < plan->n_attributes; k++) {
        const uint32_t   column = plan->attribute[k];
        const clade_text value  = load_text(batch, batch->attribute[i * plan->n_attributes + k]);
        if (value.size == 0) continue;
        double     number = 0;
        const bool is_number =
            clade_value_number(&number, value, &plan->mapping.column[column]) == NULL;
        const bool is_choice =
            !is_number && plan->attribute_is_choice[k] && !clade__text_personal(value, true);
        CLADE_TRY(answer(sink, row, customer, item, plan->column[column],
                         is_number ? number : (double)__builtin_nan(""),
                         is_choice ? value : (clade_text){ 0 },
                         is_number || is_choice ? (clade_text){ 0 } : value, err));
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- by shape */

clade_status clade__table_open(load_sink *sink, clade_error *err)
{
    load_state       *state = sink->state;
    const clade_shape shape = sink->plan->shape;
    const bool        fresh = !state->current_ready[shape];
    clade_store      *store = state->store;
    switch (shape) {
    case CLADE_SHAPE_CUSTOMERS:
        if (fresh) {
            CLADE_TRY(fill_attributes(state, err));
            CLADE_TRY(fill_personal(state, err));
            state->current_ready[shape] = true;
        }
        return CLADE_OK;
    case CLADE_SHAPE_ITEMS:
        if (fresh) CLADE_TRY(fill_catalogue(state, err));
        state->current_ready[shape] = true;
        return clade__out_open(&sink->table, store, "item", 10, err);
    case CLADE_SHAPE_REVIEWS:
        if (fresh) CLADE_TRY(fill_answers(state, err));
        state->current_ready[shape] = true;
        return clade__out_open(&sink->table, store, "survey", 8, err);
    case CLADE_SHAPE_RIVAL_PRICES:
        CLADE_TRY(fill_rows(state, shape, "SELECT rival, item, at_us, price_minor FROM rival_price",
                            err));
        return clade__out_open(&sink->table, store, "rival_price", 6, err);
    case CLADE_SHAPE_EDGES:
        CLADE_TRY(
            fill_rows(state, shape, "SELECT customer, other, kind, weight, at_us FROM edge", err));
        return clade__out_open(&sink->table, store, "edge", 6, err);
    case CLADE_SHAPE_TOUCHES:
        CLADE_TRY(
            fill_rows(state, shape,
                      "SELECT customer, at_us, campaign, arm, channel, propensity, cost_minor, "
                      "outcome FROM touch",
                      err));
        return clade__out_open(&sink->table, store, "touch", 9, err);
    default: return clade_fail(err, CLADE_ERR_ARG, "%s: not a table", clade_shape_name(shape));
    }
}

clade_status clade__table_row(bool *out_new, load_sink *sink, load_batch *batch, size_t i,
                              clade_error *err)
{
    const load_row *row = &batch->row[i];
    switch (sink->plan->shape) {
    case CLADE_SHAPE_CUSTOMERS: return customer_row(out_new, sink, batch, i, err);
    case CLADE_SHAPE_ITEMS: return item_row(out_new, sink, batch, row, err);
    case CLADE_SHAPE_RIVAL_PRICES: return rival_row(out_new, sink, batch, row, err);
    case CLADE_SHAPE_EDGES: return edge_row(out_new, sink, batch, row, err);
    default: return touch_row(out_new, sink, batch, row, err);
    }
}
