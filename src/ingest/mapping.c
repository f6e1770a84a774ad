/* A mapping as a thing: its names, the user's word about it, and its form in the workspace. */
#include "mapping_parts.h"

#include "clade/json.h"

#include <stdlib.h>

static const char *const field_names[CLADE_N_FIELD] = {
    [CLADE_FIELD_NONE]           = "none",
    [CLADE_FIELD_CUSTOMER]       = "customer",
    [CLADE_FIELD_TIME]           = "time",
    [CLADE_FIELD_DATE]           = "date",
    [CLADE_FIELD_CLOCK]          = "clock",
    [CLADE_FIELD_OFFSET_MS]      = "offset_ms",
    [CLADE_FIELD_KIND]           = "kind",
    [CLADE_FIELD_ITEM]           = "item",
    [CLADE_FIELD_ITEM_NAME]      = "item_name",
    [CLADE_FIELD_CATEGORY]       = "category",
    [CLADE_FIELD_SUBCATEGORY]    = "subcategory",
    [CLADE_FIELD_BRAND]          = "brand",
    [CLADE_FIELD_QUANTITY]       = "quantity",
    [CLADE_FIELD_PRICE]          = "price",
    [CLADE_FIELD_AMOUNT]         = "amount",
    [CLADE_FIELD_DISCOUNT]       = "discount",
    [CLADE_FIELD_CURRENCY]       = "currency",
    [CLADE_FIELD_RATE]           = "rate",
    [CLADE_FIELD_ORDER]          = "order",
    [CLADE_FIELD_SESSION]        = "session",
    [CLADE_FIELD_MESSAGE]        = "message",
    [CLADE_FIELD_QUERY]          = "query",
    [CLADE_FIELD_CHANNEL]        = "channel",
    [CLADE_FIELD_DEVICE]         = "device",
    [CLADE_FIELD_COUPON]         = "coupon",
    [CLADE_FIELD_DWELL_S]        = "dwell_s",
    [CLADE_FIELD_RATING]         = "rating",
    [CLADE_FIELD_TEXT]           = "text",
    [CLADE_FIELD_STATUS]         = "status",
    [CLADE_FIELD_STOCK]          = "stock",
    [CLADE_FIELD_ITEMS]          = "items",
    [CLADE_FIELD_SEQUENCE]       = "sequence",
    [CLADE_FIELD_NAME]           = "name",
    [CLADE_FIELD_EMAIL]          = "email",
    [CLADE_FIELD_PHONE]          = "phone",
    [CLADE_FIELD_ADDRESS]        = "address",
    [CLADE_FIELD_OTHER_CUSTOMER] = "other_customer",
    [CLADE_FIELD_EDGE_KIND]      = "edge_kind",
    [CLADE_FIELD_RIVAL]          = "rival",
    [CLADE_FIELD_CAMPAIGN]       = "campaign",
    [CLADE_FIELD_ARM]            = "arm",
    [CLADE_FIELD_PROPENSITY]     = "propensity",
    [CLADE_FIELD_COST]           = "cost",
    [CLADE_FIELD_OUTCOME]        = "outcome",
    [CLADE_FIELD_REGISTERED]     = "registered",
    [CLADE_FIELD_ATTRIBUTE]      = "attribute",
    [CLADE_FIELD_IGNORE]         = "ignore",
};

static const char *const shape_names[CLADE_N_SHAPE] = {
    [CLADE_SHAPE_UNKNOWN]      = "unknown",
    [CLADE_SHAPE_ORDERS]       = "orders",
    [CLADE_SHAPE_EVENTS]       = "events",
    [CLADE_SHAPE_CUSTOMERS]    = "customers",
    [CLADE_SHAPE_ITEMS]        = "items",
    [CLADE_SHAPE_REVIEWS]      = "reviews",
    [CLADE_SHAPE_RIVAL_PRICES] = "rival_prices",
    [CLADE_SHAPE_EDGES]        = "edges",
    [CLADE_SHAPE_TOUCHES]      = "touches",
};

static const char *const order_names[] = { "ymd", "dmy", "mdy" };
static const char *const unit_names[]  = { "text", "seconds", "milliseconds", "microseconds",
                                           "excel_days" };

const char *clade_field_name(clade_field field)
{
    return field < CLADE_N_FIELD ? field_names[field] : "none";
}

const char *clade_shape_name(clade_shape shape)
{
    return shape < CLADE_N_SHAPE ? shape_names[shape] : "unknown";
}

/* The place of a word in a list, or n. */
static size_t find_word(const char *const *words, size_t n, clade_text word)
{
    for (size_t i = 0; i < n; i++) {
        if (clade_text_equal_nocase(clade_text_of(words[i]), word)) return i;
    }
    return n;
}

clade_status clade_field_parse(clade_field *out_field, const char *name, clade_error *err)
{
    const size_t field = find_word(field_names, CLADE_N_FIELD, clade_text_of(name));
    if (field < CLADE_N_FIELD) {
        *out_field = (clade_field)field;
        return CLADE_OK;
    }
    const char *near = clade_text_nearest(name, field_names, CLADE_N_FIELD);
    clade_fail(err, CLADE_ERR_ARG, "\"%.60s\" is not a field of clade", name);
    if (near != NULL) {
        clade_hint(err, "did you mean \"%s\"?", near);
    } else {
        clade_hint(err, "fields are customer, time, item, quantity, price, amount, order, kind and "
                        "others: see docs/formats/mapping.md");
    }
    return CLADE_ERR_ARG;
}

/* ---------------------------------------------------------------- the user's word */

static size_t find_column(const char *const *columns, size_t n_columns, clade_text name)
{
    for (size_t i = 0; i < n_columns; i++) {
        if (clade_text_equal(clade_text_of(columns[i]), name)) return i;
    }
    return find_word(columns, n_columns, name);
}

/* "shape=orders", "zone=Europe/London", "currency=EUR" speak of the whole file. */
static clade_status override_file(clade_mapping *mapping, bool *out_done, clade_text name,
                                  const char *value, clade_error *err)
{
    *out_done = true;
    if (clade_text_equal(name, CLADE_TEXT("shape"))) {
        const size_t shape = find_word(shape_names, CLADE_N_SHAPE, clade_text_of(value));
        if (shape == CLADE_N_SHAPE) {
            return clade_fail(
                err, CLADE_ERR_ARG,
                "\"%.60s\" is not a shape; orders, events, customers, items, reviews, "
                "rival_prices, edges and touches are",
                value);
        }
        mapping->shape = (clade_shape)shape;
        return CLADE_OK;
    }
    if (clade_text_equal(name, CLADE_TEXT("zone"))) {
        clade_zone *zone = NULL;
        if (strlen(value) >= sizeof mapping->zone) {
            return clade_fail(err, CLADE_ERR_ARG, "\"%.80s\" is not a time zone", value);
        }
        CLADE_TRY(clade_zone_open(&zone, value, err));
        clade_zone_close(zone);
        memcpy(mapping->zone, value, strlen(value) + 1);
        return CLADE_OK;
    }
    if (clade_text_equal(name, CLADE_TEXT("currency"))) {
        char code[4] = { 0 };
        for (size_t i = 0; i < 3 && value[i] != '\0'; i++) {
            code[i] = (char)(value[i] >= 'a' && value[i] <= 'z' ? value[i] - 32 : value[i]);
            if (code[i] < 'A' || code[i] > 'Z') code[0] = '\0';
        }
        if (strlen(value) != 3 || strlen(code) != 3) {
            return clade_fail(err, CLADE_ERR_ARG,
                              "\"%.60s\" is not a currency; three letters were wanted, as EUR",
                              value);
        }
        memcpy(mapping->currency, code, 4);
        return CLADE_OK;
    }
    *out_done = false;
    return CLADE_OK;
}

clade_status clade_mapping_override(clade_mapping *mapping, const char *const *columns,
                                    const char *assignment, clade_error *err)
{
    const char *equal = strrchr(assignment, '='); /* their name may hold one */
    bool        done  = false;
    clade_field field;
    if (equal == NULL || equal == assignment || equal[1] == '\0') {
        return clade_fail(
            err, CLADE_ERR_ARG,
            "\"%.80s\" is not a mapping; their_name=ours was wanted, as Buyer=customer",
            assignment);
    }
    const clade_text name   = { assignment, (size_t)(equal - assignment) };
    const size_t     column = find_column(columns, mapping->n_columns, name);
    if (column == mapping->n_columns) {
        CLADE_TRY(override_file(mapping, &done, name, equal + 1, err));
        if (done) return CLADE_OK;
        char        word[128];
        const char *near = NULL;
        if (name.size < sizeof word) {
            memcpy(word, name.data, name.size);
            word[name.size] = '\0';
            near            = clade_text_nearest(word, columns, mapping->n_columns);
        }
        clade_fail(err, CLADE_ERR_ARG, "there is no column \"%.*s\"",
                   (int)(name.size < 80 ? name.size : 80), name.data);
        if (near != NULL) clade_hint(err, "did you mean \"%.80s\"?", near);
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(clade_field_parse(&field, equal + 1, err));

    for (size_t i = 0; i < mapping->n_columns && !clade__field_may_repeat(field); i++) {
        if (i != column && mapping->column[i].field == field) {
            mapping->column[i].field = CLADE_FIELD_NONE;
        }
    }
    mapping->column[column].field      = field;
    mapping->column[column].confidence = 1.0;
    if (mapping->shape == CLADE_SHAPE_UNKNOWN || !clade__shape_has(mapping->shape, field)) {
        mapping->shape = clade__shape_of(mapping);
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- as JSON */

void clade_mapping_write(clade_buffer *out, const clade_mapping *mapping,
                         const char *const *columns)
{
    clade_json json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_text(&json, "shape", clade_shape_name(mapping->shape));
    clade_json_put_text(&json, "zone", mapping->zone);
    clade_json_put_text(&json, "currency", mapping->currency[0] == '\0' ? NULL : mapping->currency);
    clade_json_key(&json, "columns");
    clade_json_array(&json);
    for (size_t i = 0; i < mapping->n_columns; i++) {
        const clade_column_map *column = &mapping->column[i];
        clade_json_object(&json);
        clade_json_put_text(&json, "name", columns[i]);
        clade_json_put_text(&json, "field", clade_field_name(column->field));
        clade_json_put_number(&json, "confidence", column->confidence);
        clade_json_put_bool(&json, "decimal_comma", column->decimal_comma);
        clade_json_put_text(&json, "date_order", order_names[column->date_order]);
        clade_json_put_bool(&json, "date_proved", column->date_proved);
        clade_json_put_text(&json, "time_unit", unit_names[column->time_unit]);
        clade_json_put_int(&json, "resolution_us", column->resolution_us);
        clade_json_object_end(&json);
    }
    clade_json_array_end(&json);
    clade_json_object_end(&json);
}

static clade_text text_of(const clade_json_tree *tree, const clade_json_node *object,
                          const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_TEXT ? node->text : (clade_text){ NULL, 0 };
}

static bool bool_of(const clade_json_tree *tree, const clade_json_node *object, const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_BOOL && node->boolean;
}

static clade_status read_column(clade_mapping *mapping, bool *seen, const char *const *columns,
                                const clade_json_tree *tree, const clade_json_node *node,
                                clade_error *err)
{
    const clade_text name   = text_of(tree, node, "name");
    const size_t     field  = find_word(field_names, CLADE_N_FIELD, text_of(tree, node, "field"));
    const size_t     order  = find_word(order_names, 3, text_of(tree, node, "date_order"));
    const size_t     unit   = find_word(unit_names, 5, text_of(tree, node, "time_unit"));
    size_t           column = mapping->n_columns;
    for (size_t i = 0; i < mapping->n_columns; i++) {
        if (clade_text_equal(clade_text_of(columns[i]), name)) column = i;
    }
    if (field == CLADE_N_FIELD || order == 3 || unit == 5) {
        return clade_fail(err, CLADE_ERR_DATA, "the saved mapping of column \"%.*s\" is damaged",
                          (int)(name.size < 80 ? name.size : 80),
                          name.data == NULL ? "" : name.data);
    }
    if (column == mapping->n_columns) {
        return clade_fail(
            err, CLADE_ERR_DATA, "the saved mapping has a column \"%.*s\" that the file has not",
            (int)(name.size < 80 ? name.size : 80), name.data == NULL ? "" : name.data);
    }
    const clade_json_node *step = clade_json_get(tree, node, "resolution_us");
    const double           us = step != NULL && step->type == CLADE_JSON_NUMBER ? step->number : 0;
    mapping->column[column]   = (clade_column_map){
          .field         = (clade_field)field,
          .confidence    = 1.0,
          .decimal_comma = bool_of(tree, node, "decimal_comma"),
          .date_order    = (clade_date_order)order,
          .date_proved   = bool_of(tree, node, "date_proved"),
          .time_unit     = (int)unit,
          .resolution_us = us >= 0 && us <= (double)CLADE_US_PER_DAY ? (int64_t)us : 0,
    };
    seen[column] = true;
    return CLADE_OK;
}

static clade_status read_all(clade_mapping *mapping, bool *seen, const char *const *columns,
                             clade_text text, clade_arena *arena, clade_error *err)
{
    clade_json_tree tree;
    CLADE_TRY(clade_json_parse(&tree, text, arena, err));
    const clade_json_node *root = &tree.node[0];
    if (root->type != CLADE_JSON_OBJECT) {
        return clade_fail(err, CLADE_ERR_DATA, "the saved mapping is not a JSON object");
    }
    const size_t     shape = find_word(shape_names, CLADE_N_SHAPE, text_of(&tree, root, "shape"));
    const clade_text zone = text_of(&tree, root, "zone"), code = text_of(&tree, root, "currency");
    if (shape == CLADE_N_SHAPE || zone.size >= sizeof mapping->zone ||
        (code.size != 0 && code.size != 3)) {
        return clade_fail(err, CLADE_ERR_DATA, "the saved mapping is damaged");
    }
    mapping->shape = (clade_shape)shape;
    if (zone.size > 0) memcpy(mapping->zone, zone.data, zone.size);
    if (code.size > 0) memcpy(mapping->currency, code.data, code.size);

    const clade_json_node *list = clade_json_get(&tree, root, "columns");
    if (list == NULL || list->type != CLADE_JSON_ARRAY) {
        return clade_fail(err, CLADE_ERR_DATA, "the saved mapping has no columns");
    }
    size_t child = (size_t)(list - tree.node) + 1;
    for (uint32_t i = 0; i < list->n; i++, child = tree.node[child].next) {
        if (tree.node[child].type != CLADE_JSON_OBJECT) {
            return clade_fail(err, CLADE_ERR_DATA, "the saved mapping is damaged");
        }
        CLADE_TRY(read_column(mapping, seen, columns, &tree, &tree.node[child], err));
    }
    for (size_t i = 0; i < mapping->n_columns; i++) {
        if (seen[i]) continue;
        return clade_fail(err, CLADE_ERR_DATA,
                          "the file has a column \"%.80s\" that the saved mapping has not",
                          columns[i]);
    }
    return CLADE_OK;
}

clade_status clade_mapping_read(clade_mapping *out_mapping, const char *const *columns,
                                size_t n_columns, clade_text json, clade_error *err)
{
    clade_status   status  = CLADE_OK;
    clade_arena   *arena   = clade_arena_create(0);
    clade_mapping *mapping = CLADE_NEW(clade_mapping, 1); /* too large for the stack of a thread */
    bool          *seen    = CLADE_NEW(bool, n_columns + 1);
    if (arena == NULL || mapping == NULL || seen == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a mapping");
        goto done;
    }
    if (n_columns > CLADE_READER_MAX_COLUMNS) {
        status = clade_fail(err, CLADE_ERR_ARG, "%zu columns, at most %d were wanted", n_columns,
                            CLADE_READER_MAX_COLUMNS);
        goto done;
    }
    mapping->n_columns = n_columns;
    status             = read_all(mapping, seen, columns, json, arena, err);
    if (status != CLADE_OK) goto done;
    if (mapping->zone[0] == '\0') memcpy(mapping->zone, "UTC", 4);
    *out_mapping = *mapping;
done:
    free(seen);
    free(mapping);
    clade_arena_free(arena);
    return status;
}
