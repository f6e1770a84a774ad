/* Where customers live, for the groups of a card. Runs once a task. */
#include "predict_internal.h"

#include <stdlib.h>

enum { LEAST_OF_A_PLACE = 20 };

/* The latest value of each customer that was known then. */
#define KNOWN                                                                                \
    "(SELECT customer, trim(value) AS place FROM (SELECT customer, value, row_number() OVER" \
    " (PARTITION BY customer ORDER BY known_us DESC, load DESC, value) AS nth FROM customer" \
    " WHERE lower(name) = ?1 AND known_us < ?2 AND value IS NOT NULL AND trim(value) <> '')" \
    " WHERE nth = 1)"

void clade__places_free(clade__places *p)
{
    if (p == NULL) return;
    free(p->customer);
    free(p->which);
    free(p);
}

static clade_status read_largest(clade__places *p, clade_store *store, const clade_value *args,
                                 clade_error *err)
{
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_status status = clade_store_query(&rows, store,
                                            "SELECT place, count(*) AS n FROM " KNOWN
                                            " GROUP BY place HAVING n >= ?3 ORDER BY n DESC,"
                                            " place LIMIT ?4",
                                            args, 4, err);
    while (status == CLADE_OK && (status = clade_rows_next(&chunk, rows, err)) == CLADE_OK &&
           chunk.n_rows > 0) {
        for (size_t i = 0; i < chunk.n_rows && p->n_of < CLADE_PREDICT_PLACES; i++) {
            const clade_text place = clade_chunk_text(&chunk, 0, i);
            const size_t     most  = sizeof p->of[0] - 1;
            memcpy(p->of[p->n_of++], place.data,
                   clade_utf8_valid(place.data, place.size < most ? place.size : most));
        }
    }
    clade_rows_close(rows);
    return status;
}

static clade_status read_customers(clade__places *p, clade_store *store, const clade_value *args,
                                   clade_error *err)
{
    size_t       room = 0, room_which = 0;
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_status status = clade_store_query(
        &rows, store, "SELECT customer, place FROM " KNOWN " ORDER BY customer", args, 2, err);
    while (status == CLADE_OK && (status = clade_rows_next(&chunk, rows, err)) == CLADE_OK &&
           chunk.n_rows > 0) {
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            const clade_text place = clade_chunk_text(&chunk, 1, i);
            size_t           k     = 0;
            while (k < p->n_of && !clade_text_equal(place, clade_text_of(p->of[k])))
                k++;
            if (k == p->n_of) continue;
            if (!CLADE_GROW(&p->customer, &room, p->n + 1) ||
                !CLADE_GROW(&p->which, &room_which, p->n + 1)) {
                status =
                    clade_fail(err, CLADE_ERR_NOMEM, "no memory for places of %zu customers", p->n);
                break;
            }
            p->customer[p->n] = customer[i];
            p->which[p->n++]  = (uint8_t)k;
        }
    }
    clade_rows_close(rows);
    return status;
}

clade_status clade__places_read(clade__places **out, clade_store *store, int64_t at_us,
                                clade_error *err)
{
    static const char *const attribute[] = { "country", "region", "province", "state", "city" };
    clade_status             status      = CLADE_OK;
    *out                                 = NULL;
    for (size_t a = 0; a < sizeof attribute / sizeof attribute[0] && status == CLADE_OK; a++) {
        const clade_value args[4] = { CLADE_STR(attribute[a]), CLADE_INT(at_us),
                                      CLADE_INT(LEAST_OF_A_PLACE),
                                      CLADE_INT(CLADE_PREDICT_PLACES) };
        clade__places    *p       = CLADE_NEW(clade__places, 1);
        status = p == NULL ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for places")
                           : read_largest(p, store, args, err);
        if (status == CLADE_OK && p->n_of >= 2) {
            status = read_customers(p, store, args, err);
            if (status == CLADE_OK) {
                *out = p;
                return CLADE_OK;
            }
        }
        clade__places_free(p);
    }
    return status;
}

size_t clade__place_of(const clade__places *p, int64_t customer)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (p->customer[middle] < customer) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < p->n && p->customer[low] == customer ? p->which[low] : p->n_of;
}
