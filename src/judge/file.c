/*
 * Reading a log of events: which column is what by its name, and rows to events. Customers, items
 * and baskets are any text; a field of items holds several, oldest first.
 */
#include "clade/reader.h"
#include "clade/run.h"
#include "clade/time.h"
#include "judge_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct columns {
    size_t customer, item, items, time, split, basket, quantity; /* SIZE_MAX: there is none */
} columns;

static size_t column_of(const clade_reader *reader, const char *const *names)
{
    for (size_t n = 0; names[n] != NULL; n++) {
        for (size_t i = 0; i < clade_reader_n_columns(reader); i++) {
            if (clade_text_equal_nocase(clade_text_of(clade_reader_column(reader, i)),
                                        clade_text_of(names[n]))) {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

static clade_status columns_of(columns *out, const clade_reader *reader, const char *path,
                               clade_error *err)
{
    static const char *const customer[] = { "user_id",   "session_id", "customer_id", "customerid",
                                            "visitorid", "user",       "customer",    NULL };
    static const char *const item[]     = { "item_id",  "item", "stockcode", "product_id",
                                            "movie_id", "sku",  NULL };
    static const char *const items[]    = { "items", "item_ids", NULL };
    static const char *const time[]     = { "timestamp", "unix_time", "time", "invoicedate",
                                            "at",        "date",      NULL };
    static const char *const split[]    = { "split", NULL };
    static const char *const basket[] = { "basket_no", "basket_id", "invoiceno", "order_id", NULL };
    static const char *const quantity[] = { "quantity", NULL };
    *out =
        (columns){ column_of(reader, customer), column_of(reader, item),  column_of(reader, items),
                   column_of(reader, time),     column_of(reader, split), column_of(reader, basket),
                   column_of(reader, quantity) };
    if (out->customer == SIZE_MAX || (out->item == SIZE_MAX && out->items == SIZE_MAX)) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: the header names no column of %s; wanted user_id or session_id, and "
                          "items or item_id",
                          path, out->customer == SIZE_MAX ? "customers" : "items");
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- fields */

/* Seconds, milliseconds or microseconds since 1970 by the number of digits, or a date. */
static bool parse_time(int64_t *out_us, clade_text text)
{
    char    copy[64];
    int64_t value = 0;
    text          = clade_text_trim(text);
    if (text.size == 0 || text.size >= sizeof copy) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (strspn(copy, "0123456789") < text.size) {
        return clade_time_parse(out_us, copy, NULL) == CLADE_OK;
    }
    if (text.size > 16) return false;
    value   = strtoll(copy, NULL, 10);
    *out_us = text.size <= 11   ? value * CLADE_US_PER_SECOND
              : text.size <= 14 ? value * (CLADE_US_PER_SECOND / 1000)
                                : value;
    return *out_us <= CLADE_TIME_MAX_US;
}

static bool not_positive(clade_text quantity)
{
    char copy[64];
    quantity = clade_text_trim(quantity);
    if (quantity.size == 0 || quantity.size >= sizeof copy) return false;
    memcpy(copy, quantity.data, quantity.size);
    copy[quantity.size] = '\0';
    return !(strtod(copy, NULL) > 0.0);
}

static clade_status no_memory(const char *path, clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory for its events", path);
}

static bool add_event(clade__raw *raw, uint32_t customer, clade_text item, int64_t at_us,
                      uint32_t basket)
{
    const uint32_t number = clade__labels_add(&raw->items, item);
    if (number == 0 || !CLADE_GROW(&raw->event, &raw->capacity, raw->n_events + 1)) return false;
    raw->event[raw->n_events++] = (clade__event){ at_us, customer, number, basket };
    return true;
}

/* The next word of a field, empty at its end. */
static clade_text next_word(clade_text *rest)
{
    while (rest->size > 0 && rest->data[0] == ' ') {
        rest->data++;
        rest->size--;
    }
    clade_text word = { rest->data, 0 };
    while (word.size < rest->size && word.data[word.size] != ' ')
        word.size++;
    rest->data += word.size;
    rest->size -= word.size;
    return word;
}

static bool add_items(clade__raw *raw, uint32_t customer, clade_text field, int64_t at_us,
                      uint32_t basket)
{
    for (clade_text word = next_word(&field); word.size > 0; word = next_word(&field)) {
        if (!add_event(raw, customer, word, at_us, basket)) return false;
    }
    return true;
}

static bool note_split(clade__raw *raw, uint32_t customer, clade_text split)
{
    const size_t before = raw->held_capacity;
    if (!CLADE_GROW(&raw->held_out, &raw->held_capacity, (size_t)customer + 1)) return false;
    memset(raw->held_out + before, 0, raw->held_capacity - before);
    raw->held_out[customer] = clade_text_equal_nocase(clade_text_trim(split), CLADE_TEXT("test"));
    return true;
}

static clade_status read_row(clade_sequence_file *file, clade__raw *raw, const columns *c,
                             const clade_row *row, const char *path, clade_error *err)
{
    const clade_text items  = row->fields[c->items != SIZE_MAX ? c->items : c->item];
    const clade_text who    = clade_text_trim(row->fields[c->customer]);
    int64_t          at_us  = 0;
    uint32_t         basket = 0;
    if (who.size == 0) {
        file->n_no_customer++;
        return CLADE_OK;
    }
    if (c->quantity != SIZE_MAX && not_positive(row->fields[c->quantity])) {
        file->n_returned++;
        return CLADE_OK;
    }
    if (c->time != SIZE_MAX && raw->has_time) {
        if (clade_text_trim(row->fields[c->time]).size == 0) {
            raw->has_time    = false;
            file->some_times = true;
        } else if (!parse_time(&at_us, row->fields[c->time])) {
            file->n_bad++;
            return CLADE_OK;
        }
    }
    if (clade_text_trim(items).size == 0) {
        file->n_bad++;
        return CLADE_OK;
    }
    const uint32_t customer = clade__labels_add(&raw->customers, who);
    if (customer == 0) return no_memory(path, err);
    if (raw->has_basket) {
        basket = clade__labels_add(&raw->baskets, clade_text_trim(row->fields[c->basket]));
        if (basket == 0) return no_memory(path, err);
    }
    if (raw->has_split && !note_split(raw, customer, row->fields[c->split])) {
        return no_memory(path, err);
    }
    const bool added = c->items != SIZE_MAX
                           ? add_items(raw, customer, items, at_us, basket)
                           : add_event(raw, customer, clade_text_trim(items), at_us, basket);
    return added ? CLADE_OK : no_memory(path, err);
}

static clade_status read_rows(clade_sequence_file *file, clade__raw *raw, const char *path,
                              clade_error *err)
{
    clade_status  status = CLADE_OK;
    clade_reader *reader = NULL;
    columns       c;
    CLADE_TRY(clade_reader_open(&reader, path, NULL, err));
    status = columns_of(&c, reader, path, err);
    if (status != CLADE_OK) goto done;
    raw->has_time   = c.time != SIZE_MAX;
    raw->has_split  = c.split != SIZE_MAX;
    raw->has_basket = c.basket != SIZE_MAX;
    for (;;) {
        clade_row row;
        bool      more = false;
        status         = clade_reader_next(&row, &more, reader, err);
        if (status != CLADE_OK || !more) break;
        file->n_rows++;
        if (row.bad != NULL) {
            file->n_bad++;
            continue;
        }
        status = read_row(file, raw, &c, &row, path, err);
        if (status == CLADE_OK && file->n_rows % 4096 == 0) status = clade_interrupt_check(err);
        if (status != CLADE_OK) break;
    }
    if (status == CLADE_OK && raw->n_events == 0) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: no row of %llu has a customer and an item",
                            path, (unsigned long long)file->n_rows);
    }
done:
    clade_reader_close(reader);
    return status;
}

/* ---------------------------------------------------------------- attributes of items */

static void keep_attributes(uint32_t **slot, clade__labels *values, uint32_t item, clade_text ids,
                            bool *out_full)
{
    size_t n = 0;
    for (clade_text word = next_word(&ids); word.size > 0 && n < CLADE_ITEM_ATTRIBUTES_MAX;
         word            = next_word(&ids)) {
        const uint32_t value = clade__labels_add(values, word);
        if (value == 0) *out_full = true;
        slot[n++][item] = value;
    }
}

static clade_status add_attribute_fields(clade_sequences *s, uint32_t **slot, size_t n_values,
                                         clade_error *err)
{
    for (int a = 0; a < CLADE_ITEM_ATTRIBUTES_MAX; a++) {
        char      name[CLADE_SEQUENCE_NAME_MAX];
        uint32_t *value = NULL;
        bool      used  = false;
        for (uint32_t i = 1; i <= s->n_items && !used; i++)
            used = slot[a][i] != 0;
        if (!used) continue;
        snprintf(name, sizeof name, "attribute_%d", a + 1);
        CLADE_TRY(clade_sequences_add_item_field(&value, s, name, (uint32_t)n_values, err));
        memcpy(value, slot[a], ((size_t)s->n_items + 1) * sizeof *value);
    }
    return CLADE_OK;
}

static clade_status read_attributes(uint32_t **slot, clade__labels *values, const clade__raw *raw,
                                    const uint32_t *new_item, const char *path, clade_error *err)
{
    static const char *const item[] = { "item_id", "item", NULL };
    static const char *const ids[]  = { "attribute_ids", "attributes", NULL };
    clade_reader            *reader = NULL;
    clade_status             status = CLADE_OK;
    bool                     full   = false;
    CLADE_TRY(clade_reader_open(&reader, path, NULL, err));
    const size_t at_item = column_of(reader, item), at_ids = column_of(reader, ids);
    if (at_item == SIZE_MAX || at_ids == SIZE_MAX) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: wanted the columns item_id and attribute_ids",
                            path);
    }
    while (status == CLADE_OK) {
        clade_row row;
        bool      more = false;
        status         = clade_reader_next(&row, &more, reader, err);
        if (status != CLADE_OK || !more) break;
        if (row.bad != NULL) continue;
        const uint32_t old = clade__labels_find(&raw->items, clade_text_trim(row.fields[at_item]));
        if (old != 0 && new_item[old] != 0) {
            keep_attributes(slot, values, new_item[old], row.fields[at_ids], &full);
        }
    }
    clade_reader_close(reader);
    return status == CLADE_OK && full ? no_memory(path, err) : status;
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static bool find_in(char out[4096], const char *folder, const char *name)
{
    static const char *const ends[] = { ".csv.zst", ".csv.gz", ".csv" };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(out, 4096, "%s/%s%s", folder, name, ends[i]);
        if (exists(out)) return true;
    }
    return false;
}

clade_status clade__file_attributes(clade_sequence_file *file, const clade__raw *raw,
                                    const uint32_t *new_item, const char *folder, clade_error *err)
{
    char          path[4096];
    clade_status  status                          = CLADE_OK;
    uint32_t     *slot[CLADE_ITEM_ATTRIBUTES_MAX] = { NULL };
    clade__labels values                          = { 0 };
    if (!find_in(path, folder, "item_attributes")) return CLADE_OK;
    for (int a = 0; a < CLADE_ITEM_ATTRIBUTES_MAX; a++) {
        slot[a] = CLADE_NEW(uint32_t, (size_t)file->sequences->n_items + 1);
        if (slot[a] == NULL) status = no_memory(path, err);
    }
    if (status == CLADE_OK) status = read_attributes(slot, &values, raw, new_item, path, err);
    if (status == CLADE_OK) status = add_attribute_fields(file->sequences, slot, values.n, err);
    for (int a = 0; a < CLADE_ITEM_ATTRIBUTES_MAX; a++)
        free(slot[a]);
    clade__labels_free(&values);
    return status;
}

/* ---------------------------------------------------------------- a file or a folder */

static clade_status locate(char out_path[4096], char out_folder[4096], const char *path,
                           clade_error *err)
{
    static const char *const names[] = { "sequences", "sessions", "baskets",
                                         "ratings",   "reviews",  "transactions" };
    struct stat              info;
    if (strlen(path) > 3900) {
        return clade_fail(err, CLADE_ERR_ARG, "a path of %zu bytes is too long", strlen(path));
    }
    if (stat(path, &info) != 0) {
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "%s: there is no such file or folder", path);
    }
    snprintf(out_folder, 4096, "%s", path);
    size_t n = strlen(out_folder);
    if (!S_ISDIR(info.st_mode)) {
        snprintf(out_path, 4096, "%s", path);
        while (n > 0 && out_folder[n - 1] != '/')
            n--;
        snprintf(out_folder + n, 4096 - n, ".");
        return CLADE_OK;
    }
    while (n > 1 && out_folder[n - 1] == '/')
        out_folder[--n] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (find_in(out_path, out_folder, names[i])) return CLADE_OK;
    }
    return clade_fail(err, CLADE_ERR_NOT_FOUND,
                      "%s: no file sequences, sessions, baskets, ratings, reviews or transactions "
                      "(.csv, .csv.gz or .csv.zst) in it",
                      path);
}

/* The last part of the path that says something: the folder of the file, or the file's own name. */
static void name_of(clade_sequence_file *file, const char *path, const char *found)
{
    char        copy[4096];
    const bool  is_folder = strcmp(path, found) != 0;
    const char *name      = copy;
    snprintf(copy, sizeof copy, "%s", path);
    size_t n = strlen(copy);
    while (n > 1 && copy[n - 1] == '/')
        copy[--n] = '\0';
    char *cut = strrchr(copy, '/');
    if (!is_folder && cut != NULL) {
        *cut = '\0';
        cut  = strrchr(copy, '/');
    }
    if (cut != NULL) name = cut + 1;
    snprintf(file->name, sizeof file->name, "%.*s", CLADE_SEQUENCE_FILE_NAME_MAX - 1, name);
}

void clade_sequence_file_free(clade_sequence_file *file)
{
    if (file == NULL) return;
    clade_sequences_free(file->sequences);
    free(file->held_out);
    free(file);
}

clade_status clade_sequence_file_read(clade_sequence_file **out, const char *path,
                                      const clade_sequence_file_options *options, clade_error *err)
{
    char                 found[4096], folder[4096];
    clade_status         status   = CLADE_OK;
    clade__raw           raw      = { 0 };
    uint32_t            *new_item = NULL;
    clade_sequence_file *file     = NULL;
    CLADE_TRY(locate(found, folder, path, err));
    file = calloc(1, sizeof *file);
    if (file == NULL) return no_memory(path, err);
    name_of(file, path, found);
    status = read_rows(file, &raw, found, err);
    if (status != CLADE_OK) goto done;
    new_item = CLADE_NEW(uint32_t, raw.items.n + 1);
    if (new_item == NULL) {
        status = no_memory(path, err);
        goto done;
    }
    status =
        clade__file_build(file, &raw, new_item, options == NULL ? 0 : options->min_item_count, err);
    if (status != CLADE_OK) goto done;
    status = clade__file_attributes(file, &raw, new_item, folder, err);
    if (status != CLADE_OK) goto done;
    *out = file;
    file = NULL;
done:
    clade_sequence_file_free(file);
    free(new_item);
    free(raw.event);
    free(raw.held_out);
    clade__labels_free(&raw.customers);
    clade__labels_free(&raw.items);
    clade__labels_free(&raw.baskets);
    return status;
}
