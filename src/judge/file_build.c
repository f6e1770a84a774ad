/* Events as they were read, to sequences: rare items left out, customers side by side, time rising.
 */
#include "judge_internal.h"

#include <stdlib.h>

/* new_item[old] = number by first appearance among the events that stay, 0 for what is left out. */
static uint32_t number_items(uint32_t *new_item, clade_sequence_file *file, const clade__raw *raw,
                             uint64_t *count, uint32_t min_count)
{
    uint32_t n = 0;
    for (size_t i = 0; i < raw->n_events; i++)
        count[raw->event[i].item]++;
    for (size_t i = 0; i < raw->n_events; i++) {
        const uint32_t old = raw->event[i].item;
        if (count[old] < min_count) {
            file->n_rare_events++;
        } else if (new_item[old] == 0) {
            new_item[old] = ++n;
        }
    }
    file->n_rare_items = (uint32_t)raw->items.n - n;
    return n;
}

static int64_t number_of(clade_text name, int64_t otherwise)
{
    int64_t value = 0;
    if (name.size == 0 || name.size > 18) return otherwise;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') return otherwise;
        value = 10 * value + (name.data[i] - '0');
    }
    return value;
}

typedef struct timed {
    int64_t at_us;
    size_t  place; /* before the sort: equal moments keep it */
} timed;

static int by_time(const void *left, const void *right)
{
    const timed *const a = left, *const b = right;
    if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Order the events of one customer by time; `order` and `copy` have room for them. */
static void sort_customer(clade__event *event, size_t n, timed *order, clade__event *copy)
{
    bool rising = true;
    for (size_t i = 1; i < n && rising; i++)
        rising = event[i - 1].at_us <= event[i].at_us;
    if (rising) return;
    for (size_t i = 0; i < n; i++)
        order[i] = (timed){ event[i].at_us, i };
    qsort(order, n, sizeof *order, by_time);
    memcpy(copy, event, n * sizeof *event);
    for (size_t i = 0; i < n; i++)
        event[i] = copy[order[i].place];
}

/* Events that stay, customers side by side in the order of the file; start (customers + 2). */
static void group(clade__event *out, uint64_t *start, const clade__raw *raw,
                  const uint32_t *new_item)
{
    const size_t n_customers = raw->customers.n;
    for (size_t i = 0; i < raw->n_events; i++) {
        if (new_item[raw->event[i].item] != 0) start[raw->event[i].customer + 1]++;
    }
    for (size_t c = 1; c <= n_customers + 1; c++)
        start[c] += start[c - 1];
    for (size_t i = 0; i < raw->n_events; i++) {
        clade__event one = raw->event[i];
        one.item         = new_item[one.item];
        if (one.item != 0) out[start[one.customer]++] = one;
    }
    for (size_t c = n_customers + 1; c > 0; c--)
        start[c] = start[c - 1];
    start[0] = 0;
}

static clade_status fill(clade_sequence_file *file, const clade__raw *raw,
                         const clade__event *event, const uint64_t *start, uint32_t n_items,
                         clade_error *err)
{
    size_t       n_customers = 0, at = 0;
    const size_t n_events = start[raw->customers.n + 1];
    for (size_t c = 1; c <= raw->customers.n; c++)
        n_customers += start[c + 1] > start[c];
    CLADE_TRY(clade_sequences_create(&file->sequences, n_customers, n_events, n_items,
                                     raw->has_time, err));
    clade_sequences *const s = file->sequences;
    if (raw->has_split) file->held_out = CLADE_NEW(uint8_t, n_customers);
    if (raw->has_basket) CLADE_TRY(clade_sequences_add_basket(s, err));
    if (raw->has_split && file->held_out == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu events", n_events);
    }
    for (size_t c = 1; c <= raw->customers.n; c++) {
        if (start[c + 1] == start[c]) continue;
        uint32_t basket = 0;
        for (uint64_t e = start[c]; e < start[c + 1]; e++) {
            s->item[e] = event[e].item;
            if (s->at_us != NULL) s->at_us[e] = event[e].at_us;
            basket += e == start[c] || event[e].basket != event[e - 1].basket;
            if (s->basket != NULL) s->basket[e] = basket;
        }
        s->customer[at] = number_of(raw->customers.name[c], (int64_t)c);
        if (raw->has_split) file->held_out[at] = raw->held_out[c];
        s->start[++at] = start[c + 1];
    }
    return CLADE_OK;
}

clade_status clade__file_build(clade_sequence_file *file, clade__raw *raw, uint32_t *new_item,
                               uint32_t min_item_count, clade_error *err)
{
    clade_status        status = CLADE_OK;
    uint64_t *const     count  = CLADE_NEW(uint64_t, raw->items.n + 1);
    uint64_t *const     start  = CLADE_NEW(uint64_t, raw->customers.n + 3);
    clade__event *const event  = CLADE_NEW(clade__event, raw->n_events);
    timed              *order  = NULL;
    clade__event       *copy   = NULL;
    uint64_t            most   = 0;
    if (count == NULL || start == NULL || event == NULL) goto no_memory;

    const uint32_t n_items = number_items(new_item, file, raw, count, min_item_count);
    if (n_items == 0) {
        status = clade_fail(err, CLADE_ERR_DATA, "no item is seen %u times", min_item_count);
        goto done;
    }
    group(event, start, raw, new_item);
    for (size_t c = 1; c <= raw->customers.n; c++)
        most = start[c + 1] - start[c] > most ? start[c + 1] - start[c] : most;
    if (raw->has_time) {
        order = CLADE_NEW(timed, most);
        copy  = CLADE_NEW(clade__event, most);
        if (order == NULL || copy == NULL) goto no_memory;
        for (size_t c = 1; c <= raw->customers.n; c++)
            sort_customer(event + start[c], start[c + 1] - start[c], order, copy);
    }
    status = fill(file, raw, event, start, n_items, err);
    goto done;
no_memory:
    status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu events", raw->n_events);
done:
    free(count);
    free(start);
    free(event);
    free(order);
    free(copy);
    return status;
}
