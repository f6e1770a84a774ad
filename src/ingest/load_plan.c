/* Planning: what a file's columns mean (remembered, guessed, or said) and how its rows will be
 * read. Runs once a file, over its first rows. */
#include "load_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SAMPLE_CELLS  = 1 << 20, /* a very wide file is judged by fewer rows */
    SAMPLE_BYTES  = 32 << 20,
    MAPPING_BYTES = 1 << 20, /* of a remembered mapping */
    CHOICE_VALUES = 30,
    CHOICE_ROWS   = 60,
};

typedef struct sample {
    size_t      n_columns;
    size_t      n_rows;
    clade_text *cell; /* (n_rows, n_columns) */
} sample;

/* ---------------------------------------------------------------- the first rows */

static clade_status read_sample(sample *out, clade_reader *reader, clade_arena *arena,
                                clade_error *err)
{
    const size_t n_columns = out->n_columns;
    size_t       max_rows = SAMPLE_CELLS / n_columns + 1, bytes = 0;
    if (max_rows > LOAD_SAMPLE_ROWS) max_rows = LOAD_SAMPLE_ROWS;
    out->cell = CLADE_ARENA_NEW(arena, clade_text, max_rows * n_columns);
    if (out->cell == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a sample of rows");
    while (out->n_rows < max_rows && bytes < SAMPLE_BYTES) {
        clade_row row;
        bool      more = true;
        CLADE_TRY(clade_reader_next(&row, &more, reader, err));
        if (!more) break;
        if (row.bad != NULL) {
            bytes += row.raw.size;
            continue;
        }
        for (size_t i = 0; i < n_columns; i++) {
            const clade_text field = row.fields[i];
            char *copy = field.size == 0 ? NULL : clade_arena_text(arena, field.data, field.size);
            if (field.size > 0 && copy == NULL) {
                return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a sample of rows");
            }
            out->cell[out->n_rows * n_columns + i] = (clade_text){ copy, field.size };
            bytes += field.size;
        }
        out->n_rows++;
    }
    return CLADE_OK;
}

/* All values of the column are one of Taobao's codes 1..4, and there are at least two of them. */
static bool looks_coded(const sample *rows, int32_t column)
{
    bool   seen[5] = { 0 };
    size_t n       = 0;
    if (column < 0) return false;
    for (size_t i = 0; i < rows->n_rows; i++) {
        const clade_text text =
            clade__value_clean(rows->cell[i * rows->n_columns + (size_t)column]);
        if (text.size == 0) continue;
        if (text.size != 1 || text.data[0] < '1' || text.data[0] > '4') return false;
        seen[text.data[0] - '0'] = true;
        n++;
    }
    return n > 0 && seen[1] + seen[2] + seen[3] + seen[4] >= (n > 20 ? 2 : 1);
}

/* Few different answers over many rows: a choice, not somebody's own words. */
static bool looks_like_choice(const sample *rows, size_t column)
{
    uint64_t seen[CHOICE_VALUES];
    size_t   n_seen = 0, n = 0;
    for (size_t i = 0; i < rows->n_rows; i++) {
        const clade_text text = rows->cell[i * rows->n_columns + column];
        if (text.size == 0) continue;
        if (text.size > 60) return false;
        const uint64_t hash = clade_hash64(text.data, text.size, 4);
        size_t         k    = 0;
        while (k < n_seen && seen[k] != hash)
            k++;
        if (k == n_seen) {
            if (n_seen == CHOICE_VALUES) return false;
            seen[n_seen++] = hash;
        }
        n++;
    }
    return n >= CHOICE_ROWS && n >= 3 * n_seen;
}

/* The currency most of the sample's amounts are in, or "" when none is named. */
static void most_currency(char out[4], const load_plan *plan, const sample *rows)
{
    const int32_t column = plan->of[CLADE_FIELD_CURRENCY];
    char          code[LOAD_MAX_CURRENCIES][4];
    size_t        count[LOAD_MAX_CURRENCIES] = { 0 }, n = 0, best = 0;
    out[0] = '\0';
    if (column < 0) return;
    for (size_t i = 0; i < rows->n_rows; i++) {
        const clade_text text = clade_text_trim(rows->cell[i * rows->n_columns + (size_t)column]);
        if (text.size != 3 || !isalpha((unsigned char)text.data[0])) continue;
        char upper[4] = { 0 };
        for (int k = 0; k < 3; k++)
            upper[k] = (char)toupper((unsigned char)text.data[k]);
        size_t k = 0;
        while (k < n && memcmp(code[k], upper, 4) != 0)
            k++;
        if (k == n) {
            if (n == LOAD_MAX_CURRENCIES) continue;
            memcpy(code[n++], upper, 4);
        }
        count[k]++;
    }
    for (size_t k = 1; k < n; k++)
        best = count[k] > count[best] ? k : best;
    if (n > 0) memcpy(out, code[best], 4);
}

/* ---------------------------------------------------------------- the mapping */

/* The workspace remembers mappings by the names of the columns, in their order. */
static void memory_name(char out[64], const load_plan *plan)
{
    uint64_t hash = plan->n_columns;
    for (size_t i = 0; i < plan->n_columns; i++) {
        hash = clade_hash64(plan->column[i], strlen(plan->column[i]), hash);
    }
    snprintf(out, 64, "mapping/%016llx", (unsigned long long)hash);
}

static clade_status recall(bool *out_found, load_plan *plan, clade_store *store, const char *name,
                           clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_error  quiet  = { 0 };
    char        *json   = malloc(MAPPING_BYTES);
    *out_found          = false;
    if (json == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a mapping");
    status = clade_store_setting_get(json, MAPPING_BYTES, store, name, &quiet);
    if (status == CLADE_OK) {
        status     = clade_mapping_read(&plan->mapping, (const char *const *)plan->column,
                                        plan->n_columns, clade_text_of(json), &quiet);
        *out_found = status == CLADE_OK; /* one that cannot be read any more is guessed afresh */
    }
    free(json);
    return CLADE_OK;
}

static bool names_column(const char *assignment, const load_plan *plan)
{
    const char  *equals = strrchr(assignment, '=');
    const size_t n      = equals == NULL ? strlen(assignment) : (size_t)(equals - assignment);
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (clade_text_equal_nocase(clade_text_trim((clade_text){ assignment, n }),
                                    clade_text_of(plan->column[i]))) {
            return true;
        }
    }
    return false;
}

static clade_status say(bool *out_said, load_plan *plan, const clade_load_options *options,
                        clade_error *err)
{
    *out_said = false;
    for (size_t i = 0; i < options->n_map; i++) {
        /* A column that only another file has is that file's matter: see check_map in load.c. */
        if (!names_column(options->map[i], plan)) continue;
        CLADE_TRY(clade_mapping_override(&plan->mapping, (const char *const *)plan->column,
                                         options->map[i], err));
        *out_said = true;
    }
    if (options->shape != CLADE_SHAPE_UNKNOWN && plan->mapping.shape != options->shape) {
        plan->mapping.shape = options->shape;
        *out_said           = true;
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the plan */

static bool is_hashed_text(clade_field field)
{
    switch (field) {
    case CLADE_FIELD_KIND:
    case CLADE_FIELD_ITEM:
    case CLADE_FIELD_ITEMS:
    case CLADE_FIELD_ORDER:
    case CLADE_FIELD_SESSION:
    case CLADE_FIELD_QUERY:
    case CLADE_FIELD_CHANNEL:
    case CLADE_FIELD_DEVICE:
    case CLADE_FIELD_COUPON:
    case CLADE_FIELD_STATUS:
    case CLADE_FIELD_TEXT:
    case CLADE_FIELD_RIVAL:
    case CLADE_FIELD_CAMPAIGN:
    case CLADE_FIELD_ARM:
    case CLADE_FIELD_EDGE_KIND:
    case CLADE_FIELD_ITEM_NAME:
    case CLADE_FIELD_CATEGORY:
    case CLADE_FIELD_SUBCATEGORY:
    case CLADE_FIELD_BRAND: return true;
    default: return false;
    }
}

/* In a table of customers only these have a place of their own; the rest are attributes. */
static bool is_customer_field(clade_field field)
{
    switch (field) {
    case CLADE_FIELD_CUSTOMER:
    case CLADE_FIELD_NAME:
    case CLADE_FIELD_EMAIL:
    case CLADE_FIELD_PHONE:
    case CLADE_FIELD_ADDRESS:
    case CLADE_FIELD_REGISTERED:
    case CLADE_FIELD_TIME:
    case CLADE_FIELD_DATE:
    case CLADE_FIELD_CLOCK: return true;
    default: return false;
    }
}

static clade_status order_columns(load_plan *plan, const sample *rows, clade_arena *arena,
                                  clade_error *err)
{
    const size_t n            = plan->n_columns;
    plan->order               = CLADE_ARENA_NEW(arena, uint32_t, n + 1);
    plan->attribute           = CLADE_ARENA_NEW(arena, uint32_t, n + 1);
    plan->attribute_is_choice = CLADE_ARENA_NEW(arena, bool, n + 1);
    if (plan->order == NULL || plan->attribute == NULL || plan->attribute_is_choice == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a plan of %zu columns", n);
    }
    for (int field = 0; field < CLADE_N_FIELD; field++)
        plan->of[field] = -1;
    for (size_t i = 0; i < n; i++) {
        const clade_field field = plan->mapping.column[i].field;
        if (plan->of[field] < 0) plan->of[field] = (int32_t)i;
    }
    /* By field and not by place, so that a row is itself in whatever order its columns come. */
    for (int pass = 0; pass < 2; pass++) {
        for (int field = CLADE_FIELD_NONE + 1; field < CLADE_FIELD_ATTRIBUTE; field++) {
            if (plan->of[field] < 0 || is_hashed_text((clade_field)field) != (pass == 0)) continue;
            if (plan->shape == CLADE_SHAPE_CUSTOMERS && !is_customer_field((clade_field)field))
                continue;
            plan->order[plan->n_order++] = (uint32_t)plan->of[field];
        }
        if (pass == 0) plan->n_order_hashed = plan->n_order;
    }
    if (plan->shape != CLADE_SHAPE_CUSTOMERS && plan->shape != CLADE_SHAPE_REVIEWS) return CLADE_OK;
    for (size_t i = 0; i < n; i++) {
        const clade_field field = plan->mapping.column[i].field;
        const bool        open  = field == CLADE_FIELD_NONE || field == CLADE_FIELD_ATTRIBUTE ||
                          (plan->shape == CLADE_SHAPE_CUSTOMERS && !is_customer_field(field) &&
                           field != CLADE_FIELD_IGNORE);
        if (!open) continue;
        plan->attribute_is_choice[plan->n_attributes] = looks_like_choice(rows, i);
        plan->attribute[plan->n_attributes++]         = (uint32_t)i;
    }
    return CLADE_OK;
}

static void decide_rules(load_plan *plan, const sample *rows)
{
    const int32_t *of     = plan->of;
    const bool     events = plan->shape == CLADE_SHAPE_ORDERS || plan->shape == CLADE_SHAPE_EVENTS;
    const int32_t  time   = of[CLADE_FIELD_TIME] >= 0 ? of[CLADE_FIELD_TIME] : of[CLADE_FIELD_DATE];
    const bool     has_clock =
        time >= 0 && (plan->mapping.column[time].resolution_us < CLADE_US_PER_HOUR ||
                      of[CLADE_FIELD_CLOCK] >= 0 || of[CLADE_FIELD_OFFSET_MS] >= 0);
    plan->coarse =
        events && of[CLADE_FIELD_ORDER] < 0 && of[CLADE_FIELD_SEQUENCE] < 0 && !has_clock;
    plan->no_clock = events && time < 0;
    plan->coded    = looks_coded(rows, of[CLADE_FIELD_KIND]);
    plan->personal = of[CLADE_FIELD_NAME] >= 0 || of[CLADE_FIELD_EMAIL] >= 0 ||
                     of[CLADE_FIELD_PHONE] >= 0 || of[CLADE_FIELD_ADDRESS] >= 0;
    plan->email_is_id =
        of[CLADE_FIELD_CUSTOMER] < 0 && (of[CLADE_FIELD_EMAIL] >= 0 || of[CLADE_FIELD_PHONE] >= 0);
    plan->money_matters = events && (of[CLADE_FIELD_PRICE] >= 0 || of[CLADE_FIELD_AMOUNT] >= 0);
    if (plan->shape == CLADE_SHAPE_ORDERS)
        plan->kind = LOAD_KIND_PURCHASE;
    else if (plan->shape == CLADE_SHAPE_REVIEWS)
        plan->kind = LOAD_KIND_REVIEW;
    else if (of[CLADE_FIELD_KIND] < 0 && (plan->money_matters || of[CLADE_FIELD_ORDER] >= 0))
        plan->kind = LOAD_KIND_PURCHASE;
    else
        plan->kind = LOAD_KIND_VIEW;
    const int32_t message = of[CLADE_FIELD_MESSAGE];
    plan->message_seed =
        message < 0 ? 0 : clade_hash64(plan->column[message], strlen(plan->column[message]), 5);
}

static clade_status decide_zone(load_plan *plan, load_state *state,
                                const clade_load_options *options, clade_error *err)
{
    char        name[64] = "";
    clade_error quiet;
    if (options->zone != NULL) {
        snprintf(name, sizeof name, "%s", options->zone);
    } else if (plan->mapping.zone[0] != '\0' && strcmp(plan->mapping.zone, "UTC") != 0) {
        snprintf(name, sizeof name, "%s", plan->mapping.zone);
    } else if (clade_store_setting_get(name, sizeof name, state->store, "zone", &quiet) !=
               CLADE_OK) {
        name[0] = '\0';
    }
    if (name[0] == '\0') snprintf(name, sizeof name, "UTC");
    snprintf(plan->mapping.zone, sizeof plan->mapping.zone, "%s", name);
    if (strcmp(name, "UTC") == 0) return CLADE_OK;
    return clade_zone_open(&plan->zone, name, err);
}

static void decide_currency(load_plan *plan, load_state *state, const sample *rows)
{
    if (!state->currency_fixed && plan->money_matters) {
        char most[4];
        most_currency(most, plan, rows);
        if (most[0] == '\0') memcpy(most, plan->mapping.currency, 4);
        if (most[0] != '\0') memcpy(state->shop_currency, most, 4);
    }
    memcpy(plan->shop_currency, state->shop_currency, 4);
    memcpy(plan->currency, plan->mapping.currency, 4);
    if (plan->currency[0] == '\0') memcpy(plan->currency, plan->shop_currency, 4);
    plan->shop_digits = clade_currency_digits(plan->shop_currency);
    plan->rate        = state->rate;
    plan->n_rates     = state->n_rates;
}

static clade_status copy_columns(load_plan *plan, const clade_reader *reader, clade_arena *arena,
                                 clade_error *err)
{
    plan->n_columns = clade_reader_n_columns(reader);
    plan->column    = CLADE_ARENA_NEW(arena, char *, plan->n_columns);
    if (plan->column == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the columns");
    for (size_t i = 0; i < plan->n_columns; i++) {
        const char *name = clade_reader_column(reader, i);
        plan->column[i]  = clade_arena_text(arena, name, strlen(name));
        if (plan->column[i] == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the columns");
        }
    }
    return CLADE_OK;
}

static clade_status remember(load_plan *plan, clade_store *store, const char *name,
                             clade_error *err)
{
    clade_buffer json   = { 0 };
    clade_status status = CLADE_OK;
    clade_mapping_write(&json, &plan->mapping, (const char *const *)plan->column);
    if (json.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a mapping");
    } else if (json.size < MAPPING_BYTES) {
        status = clade_store_setting_set(store, name, json.data, err);
    }
    clade_buffer_free(&json);
    return status;
}

clade_status clade__plan_fixed(load_plan **out_plan, clade_arena *arena, clade_shape shape,
                               const clade_field *field, size_t n, clade_error *err)
{
    load_plan   *plan   = CLADE_ARENA_NEW(arena, load_plan, 1);
    const sample nobody = { 0 };
    if (plan != NULL) plan->column = CLADE_ARENA_NEW(arena, char *, n);
    if (plan == NULL || plan->column == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a plan of %zu columns", n);
    }
    plan->shape = plan->mapping.shape = shape;
    plan->n_columns = plan->mapping.n_columns = n;
    for (size_t i = 0; i < n; i++) {
        const char *name        = clade_field_name(field[i]);
        plan->mapping.column[i] = (clade_column_map){ .field = field[i], .confidence = 1 };
        plan->column[i]         = clade_arena_text(arena, name, strlen(name));
        if (field[i] == CLADE_FIELD_TIME) {
            plan->mapping.column[i].time_unit     = 3;
            plan->mapping.column[i].resolution_us = 1;
        }
        if (plan->column[i] == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the columns");
        }
    }
    CLADE_TRY(order_columns(plan, &nobody, arena, err));
    decide_rules(plan, &nobody);
    *out_plan = plan;
    return CLADE_OK;
}

clade_status clade__plan_make(load_plan **out_plan, bool *out_remembered, load_state *state,
                              const char *path, clade_dialect *out_dialect,
                              const char **out_header_note, const clade_load_options *options,
                              clade_error *err)
{
    clade_status  status  = CLADE_OK;
    clade_reader *reader  = NULL;
    clade_arena  *scratch = clade_arena_create(1 << 20);
    load_plan    *plan    = CLADE_ARENA_NEW(state->arena, load_plan, 1);
    sample        rows    = { 0 };
    char          name[64];
    bool          said = false;

    if (scratch == NULL || plan == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to plan its loading", path);
        goto done;
    }
    status = clade_reader_open(&reader, path, state->store, err);
    if (status != CLADE_OK) goto done;
    *out_dialect = *clade_reader_dialect(reader);
    status       = copy_columns(plan, reader, state->arena, err);
    if (status != CLADE_OK) goto done;
    if (clade_reader_header_note(reader) != NULL) {
        *out_header_note = clade_arena_format(state->arena, "%s", clade_reader_header_note(reader));
    }
    rows.n_columns = plan->n_columns;
    status         = read_sample(&rows, reader, scratch, err);
    if (status != CLADE_OK) goto done;

    memory_name(name, plan);
    status = recall(out_remembered, plan, state->store, name, err);
    if (status != CLADE_OK) goto done;
    if (!*out_remembered) {
        clade_mapping_guess(&plan->mapping, (const char *const *)plan->column, plan->n_columns,
                            rows.cell, rows.n_rows);
    }
    status = say(&said, plan, options, err);
    if (status != CLADE_OK) goto done;
    plan->shape = plan->mapping.shape;
    if (plan->shape == CLADE_SHAPE_UNKNOWN) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: its columns (%s%s%s ...) are not understood",
                            path, plan->column[0], plan->n_columns > 1 ? ", " : "",
                            plan->n_columns > 1 ? plan->column[1] : "");
        clade_hint(err, "say what they are, as --map %s=customer", plan->column[0]);
        goto done;
    }
    plan->now_us      = state->now_us;
    plan->store_reads = out_dialect->format == CLADE_FORMAT_PARQUET;
    status            = order_columns(plan, &rows, state->arena, err);
    if (status != CLADE_OK) goto done;
    decide_rules(plan, &rows);
    decide_currency(plan, state, &rows);
    status = decide_zone(plan, state, options, err);
    if (status != CLADE_OK) goto done;
    if (said || !*out_remembered) status = remember(plan, state->store, name, err);
    if (status != CLADE_OK) goto done;
    *out_plan = plan;
    plan      = NULL;
done:
    if (plan != NULL) clade_zone_close(plan->zone);
    clade_reader_close(reader);
    clade_arena_free(scratch);
    return status;
}
