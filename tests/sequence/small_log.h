/* A small log with everything in it: 7 customers of 1 to 23 events over 37 items, times, a column
 * of kinds with gaps, two attributes of items. */
#ifndef CLADE_TEST_SMALL_LOG_H
#define CLADE_TEST_SMALL_LOG_H

#include "check.h"

#include "clade/behaviour.h"
#include "clade/run.h"
#include "clade/time.h"

static inline clade_sequences *small_log(bool rich)
{
    static const uint64_t start[8] = { 0, 5, 6, 29, 31, 48, 52, 61 };
    clade_sequences      *s        = NULL;
    clade_rng             rng      = clade_rng_stream(11, "test/log", 0);
    check_ok(clade_sequences_create(&s, 7, 61, 37, rich, NULL));
    for (size_t c = 0; c < 7; c++) {
        int64_t at_us = INT64_C(1600000000000000) - (int64_t)c * CLADE_US_PER_DAY * 400;
        for (uint64_t e = start[c]; e < start[c + 1]; e++) {
            s->item[e] = (uint32_t)(1 + clade_rng_below(&rng, 37));
            at_us += (int64_t)(exp(clade_rng_uniform(&rng) * 20.0) * 3e3);
            if (rich) s->at_us[e] = at_us;
        }
        s->customer[c] = (int64_t)c;
    }
    for (size_t c = 0; c < 8; c++)
        s->start[c] = start[c];
    if (!rich) return s;
    uint32_t *kind, *brand, *category;
    check_ok(clade_sequences_add_field(&kind, s, "kind", 4, NULL));
    check_ok(clade_sequences_add_item_field(&category, s, "category", 5, NULL));
    check_ok(clade_sequences_add_item_field(&brand, s, "brand", 3, NULL));
    for (size_t e = 0; e < s->n_events; e++)
        kind[e] = (uint32_t)clade_rng_below(&rng, 5);
    for (size_t i = 1; i <= s->n_items; i++) {
        category[i] = (uint32_t)clade_rng_below(&rng, 6);
        brand[i]    = (uint32_t)clade_rng_below(&rng, 4);
    }
    s->item[7]  = 0; /* a search */
    s->item[40] = 0;
    return s;
}

#endif
